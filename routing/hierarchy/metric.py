"""Weights on a hierarchy, and the questions that they answer."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from routing.dijkstra import FAR
from routing.errors import InputError
from routing.hierarchy.customisation import (
    LANES,
    customise_again,
    customise_lanes,
    keep_needed,
    relax_lower_triangles,
    relax_upper_triangles,
    respect_arcs,
)
from routing.hierarchy.lanes import ALIGNMENT
from routing.hierarchy.memory import Memories
from routing.hierarchy.pinned import Pinned
from routing.hierarchy.rows import Rows
from routing.hierarchy.searches import search_between, search_down, search_up
from routing.hierarchy.seeds import Seeds, Side, batched, descending, ranked, ranked_one
from routing.hierarchy.sweeps import (
    ABREAST,
    ancestors,
    many_to_many,
    one_row,
    restricted,
    wide_rows,
)
from routing.hierarchy.unpacking import climb_back, unpack
from routing.legs import checked_arcs
from routing.network import UNREACHABLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

    from routing.hierarchy.hierarchy import Hierarchy
    from routing.hierarchy.kinds import Ints

_FEW: Final = 3
"""So few places are asked one by one."""

_MANY: Final = 500
"""Changes of more than one arc in so many are not mended one by one."""


class Path(NamedTuple):
    """The shortest way between two places.

    Parameters
    ----------
    cost : int
        What it costs, in the unit of the weights.
    start_leg, end_leg : int
        Which of the nodes next to the places it begins and ends with.
    arcs : ndarray of int32
        The arcs between these.
    """

    cost: int
    start_leg: int
    end_leg: int
    arcs: NDArray[np.int32]


class Metric:
    """Weights of arcs, customised: answers any question about shortest ways.

    Any number of threads may ask at the same time. Places are nodes, or `Seeds`.

    Parameters
    ----------
    hierarchy : Hierarchy
        The topology of a graph with n nodes and m arcs.
    weight : array-like of int, shape (m,)
        Milliseconds of each arc, `routing.network.UNREACHABLE` for a closed one.
    costs : bool
        The weights are int64 costs as `routing.dijkstra` has them. Answers have the unit
        of the weights and are int32, or int64 for costs; what is as far as a closed arc,
        or farther, counts as unreachable.
    prune : bool
        Take out arcs that no shortest way needs. It takes longer than the rest of the
        customisation, and makes every question faster.

    Raises
    ------
    InputError
        There is not one weight, zero or more, for each arc.
    """

    def __init__(
        self,
        hierarchy: Hierarchy,
        weight: ArrayLike,
        *,
        costs: bool = False,
        prune: bool = True,
    ) -> None:
        dtype = np.dtype(np.int64 if costs else np.int32)
        weights = _checked(weight, (hierarchy.n_arcs,), dtype)
        self._take(hierarchy, weights, np.empty(3 * hierarchy.n_edges, dtype=weights.dtype))
        self._customise()
        if prune:
            self.prune()

    def _take(self, hierarchy: Hierarchy, weight: Ints, records: Ints) -> None:
        self.hierarchy = hierarchy
        self.weight = weight
        self.records = records
        self.far = int(UNREACHABLE) if records.dtype == np.int32 else int(FAR)
        self._memories = Memories(hierarchy, records.dtype)
        self._queue: tuple[NDArray[np.bool_], NDArray[np.int32]] | None = None
        self._unprune()

    @classmethod
    def batch(cls, hierarchy: Hierarchy, weights: ArrayLike, *, prune: bool = True) -> list[Metric]:
        """Customise several weights at once, side by side in SIMD lanes.

        Parameters
        ----------
        hierarchy : Hierarchy
            The topology of a graph with m arcs.
        weights : array-like of int32, shape (k, m)
            Milliseconds of each arc, such as one row for each hour.
        prune : bool
            As in `Metric`.

        Returns
        -------
        list of Metric
            The k metrics, each as `Metric` would have made it.

        Raises
        ------
        InputError
            There is not one weight, zero or more, for each arc.
        """
        h = hierarchy
        rows = _checked(weights, (len(np.atleast_1d(weights)), h.n_arcs), np.dtype(np.int32))
        records = np.empty((len(rows), 3 * h.n_edges), dtype=np.int32)
        table = np.empty((h.n_edges + 1) * 2 * LANES, dtype=np.int32)
        for first in range(0, len(rows), LANES):
            some = slice(first, first + LANES)
            table.fill(UNREACHABLE)
            customise_lanes(
                h.ptr, h.head, h.down_ptr, h.down_node, h.down_edge, h.slot, rows[some],
                table, records[some],
            )  # fmt: skip
        metrics = []
        for row in range(len(rows)):
            metric = cls.__new__(cls)
            metric._take(hierarchy, rows[row], records[row])  # noqa: SLF001
            if prune:
                metric.prune()
            metrics.append(metric)
        return metrics

    def row(self, source: int | Seeds, *, backward: bool = False) -> Ints:
        """Find the costs from one place to all nodes.

        Parameters
        ----------
        source : int or Seeds
            The place.
        backward : bool
            Find the costs from all nodes to the place instead.

        Returns
        -------
        ndarray of int, shape (n,)
            Cost of each node.
        """
        seeds, h = self._one(source), self.hierarchy
        up, down = (self._down, self._up) if backward else (self._up, self._down)
        row = np.empty(h.n_nodes, dtype=self.records.dtype)
        unsigned = np.dtype(f"u{row.dtype.name}")
        with self._memories.borrow() as memory:
            count = search_up(
                h.parent, *up, seeds.node[0], seeds.cost[0], self.far, memory.cost, memory.path
            )
            one_row(
                h.node, *down._replace(arcs=down.arcs.view(unsigned)), memory.path, count,
                self.far, memory.cost.view(unsigned), row,
            )  # fmt: skip
        return row

    def rows(
        self,
        sources: ArrayLike | Seeds,
        *,
        backward: bool = False,
        threads: int = 1,
        out: Rows | None = None,
    ) -> Rows:
        """Find the costs from many places to all nodes.

        Parameters
        ----------
        sources : array-like of int, shape (a,), or Seeds
            The places.
        backward : bool
            Find the costs from all nodes to the places instead.
        threads : int
            How many threads work; the result is the same.
        out : Rows, optional
            An earlier answer for as many places that may be written over: fetching
            fresh memory takes longer than the sweep.

        Returns
        -------
        Rows
            The costs.

        Raises
        ------
        InputError
            `out` is for other places, or a copy.
        """
        h = self.hierarchy
        seeds = self._ranked(sources)
        up, down = (self._down, self._up) if backward else (self._up, self._down)
        rows = out or Rows.empty(len(seeds.node), h, self.records.dtype)
        # copies, such as another process sends, may lie anywhere
        same = all(
            block.dtype == self.records.dtype and block.ctypes.data % ALIGNMENT == 0
            for block in rows.blocks
        )
        if rows.count != len(seeds.node) or rows.hierarchy is not h or not same:
            raise InputError(
                f"rows for {rows.count} places",
                field="out",
                fix=f"give an earlier answer for {len(seeds.node)}",
            )

        _, batches, (nodes, lanes, costs) = batched(seeds, ABREAST, in_order=True)
        met = self._most_met(batches, nodes)

        def _work(first: int, last: int) -> None:
            with self._memories.borrow() as memory:
                stack, path, room, _ = memory.sweep(ABREAST, met, 0)
                for block in range(first, last):
                    some = slice(batches[block], batches[block + 1])
                    wide_rows(
                        h.parent, h.depth, *up, *down, nodes[some], lanes[some], costs[some],
                        self.far, stack, path, room, rows.blocks[block],
                    )  # fmt: skip

        _share(_work, len(rows.blocks), threads)
        return rows

    def matrix(
        self, sources: ArrayLike | Seeds, targets: ArrayLike | Seeds, *, threads: int = 1
    ) -> Ints:
        """Find the costs from each source to each target.

        Parameters
        ----------
        sources, targets : array-like of int, shapes (a,) and (b,), or Seeds
            The places.
        threads : int
            How many threads work; the result is the same.

        Returns
        -------
        ndarray of int, shape (a, b)
            Costs.
        """
        starts, ends = self._ranked(sources), self._ranked(targets)
        result = np.empty((len(starts.node), len(ends.node)), dtype=self.records.dtype)
        if len(ends.node) <= min(_FEW, len(starts.node)):
            for column in range(len(ends.node)):
                result[:, column] = self._one_to_many(ends, starts, self._down, self._up, column)
        elif len(starts.node) <= _FEW:
            for row in range(len(starts.node)):
                result[row] = self._one_to_many(starts, ends, self._up, self._down, row)
        else:
            self._many_to_many(starts, ends, threads, result)
        return result

    def many_to_one(self, sources: ArrayLike | Seeds, target: int | Seeds) -> Ints:
        """Find the costs from many places to one.

        Parameters
        ----------
        sources : array-like of int, shape (a,), or Seeds
            The places.
        target : int or Seeds
            The one.

        Returns
        -------
        ndarray of int, shape (a,)
            Costs.
        """
        return self._one_to_many(self._one(target), self._ranked(sources), self._down, self._up)

    def one_to_many(self, source: int | Seeds, targets: ArrayLike | Seeds) -> Ints:
        """Find the costs from one place to many.

        Parameters
        ----------
        source : int or Seeds
            The one.
        targets : array-like of int, shape (b,), or Seeds
            The places.

        Returns
        -------
        ndarray of int, shape (b,)
            Costs.
        """
        return self._one_to_many(self._one(source), self._ranked(targets), self._up, self._down)

    def pin_sources(self, sources: ArrayLike | Seeds) -> Pinned:
        """Prepare questions from the same places to one other each.

        Parameters
        ----------
        sources : array-like of int, shape (a,), or Seeds
            The places, such as those of all units.

        Returns
        -------
        Pinned
            Answers questions, until the metric changes.
        """
        seeds = self._ranked(sources)
        return Pinned(self.hierarchy, self._memories, self.far, seeds, self._up, self._down)

    def pin_targets(self, targets: ArrayLike | Seeds) -> Pinned:
        """Prepare questions from one place each to the same places.

        Parameters
        ----------
        targets : array-like of int, shape (b,), or Seeds
            The places, such as incidents that wait.

        Returns
        -------
        Pinned
            Answers questions, until the metric changes.
        """
        seeds = self._ranked(targets)
        return Pinned(self.hierarchy, self._memories, self.far, seeds, self._down, self._up)

    def pair(self, source: int | Seeds, target: int | Seeds) -> int:
        """Find the cost from one place to one other.

        Parameters
        ----------
        source, target : int or Seeds
            The places.

        Returns
        -------
        int
            Cost.
        """
        start, end = self._one(source), self._one(target)
        with self._memories.borrow() as memory:
            best, _ = search_between(
                self.hierarchy.parent, *self._up, *self._down, start.node[0], start.cost[0],
                end.node[0], end.cost[0], self.far, memory.cost, memory.other_cost,
                memory.path, memory.other_path,
            )  # fmt: skip
        return int(best)

    def path(self, source: int | Seeds, target: int | Seeds) -> Path | None:
        """Find the way from one place to one other.

        Parameters
        ----------
        source, target : int or Seeds
            The places.

        Returns
        -------
        Path or None
            The way; None if there is none.
        """
        h, records = self.hierarchy, self.records
        start, end = self._one(source), self._one(target)
        up, down = Side(h.ptr, records, 3, 1), Side(h.ptr, records, 3, 2)
        with self._memories.borrow() as memory:
            best, top = search_between(
                h.parent, *up, *down, start.node[0], start.cost[0], end.node[0], end.cost[0],
                self.far, memory.cost, memory.other_cost, memory.path, memory.other_path,
            )  # fmt: skip
            if top >= 0:
                to_top, start_leg = climb_back(
                    h.ptr, h.head, records, 1, start.node[0], start.cost[0],
                    memory.cost, memory.path, top,
                )  # fmt: skip
                from_top, end_leg = climb_back(
                    h.ptr, h.head, records, 2, end.node[0], end.cost[0],
                    memory.other_cost, memory.other_path, top,
                )  # fmt: skip
        if top < 0:
            return None
        arcs = unpack(
            h.ptr, h.head, h.edge_low, h.down_ptr, h.down_node, h.down_edge, *h.arcs_of_slots,
            self.weight, records, np.concatenate([to_top[::-1], from_top]),
        )  # fmt: skip
        return Path(int(best), int(start_leg), int(end_leg), arcs)

    def change(self, arcs: ArrayLike, weight: ArrayLike) -> None:
        """Give some arcs other weights, and mend what depends on them.

        From about one arc in five hundred on, everything is customised anew, which is
        then faster. Arcs that pruning took out are back afterwards; see `prune`. Nobody
        may ask at the same time; see `routing.live`.

        Parameters
        ----------
        arcs : array-like of int
            The arcs.
        weight : array-like of int
            The new weight of each.

        Raises
        ------
        InputError
            There is no such arc, or not one weight, zero or more, for each.
        """
        h = self.hierarchy
        some = checked_arcs(arcs, h.n_arcs)
        self._memories.version += 1
        self.weight[some] = _checked(weight, some.shape, self.weight.dtype)
        self._unprune()
        if len(some) * _MANY > h.n_arcs:
            self._customise()
            return
        if self._queue is None:
            self._queue = np.zeros(h.n_edges, dtype=np.bool_), np.empty(h.n_edges, dtype=np.int32)
        slots = h.slot[some]
        customise_again(
            h.ptr, h.head, h.edge_low, h.down_ptr, h.down_node, h.down_edge, *h.arcs_of_slots,
            self.weight, self.far, slots[slots >= 0] >> 1, *self._queue, self.records,
        )  # fmt: skip

    def prune(self) -> None:
        """Take out arcs that no shortest way needs, which makes every question faster.

        Nobody may ask at the same time.
        """
        h = self.hierarchy
        perfect = self.records.copy()
        relax_upper_triangles(h.ptr, h.down_ptr, h.down_node, h.down_edge, self.records, perfect)
        self._up = Side(*keep_needed(h.ptr, self.records, perfect, 1, self.far), 2, 1)
        self._down = Side(*keep_needed(h.ptr, self.records, perfect, 2, self.far), 2, 1)

    def _unprune(self) -> None:
        self._up = Side(self.hierarchy.ptr, self.records, 3, 1)
        self._down = Side(self.hierarchy.ptr, self.records, 3, 2)

    def _customise(self) -> None:
        h = self.hierarchy
        respect_arcs(h.head, h.slot, self.weight, self.far, self.records)
        relax_lower_triangles(h.ptr, h.down_ptr, h.down_node, h.down_edge, self.records)

    def _one_to_many(self, start: Seeds, others: Seeds, up: Side, down: Side, row: int = 0) -> Ints:
        """Search upward from one place, then down to the others."""
        result = np.empty(len(others.node), dtype=self.records.dtype)
        parent, far = self.hierarchy.parent, self.far
        with self._memories.borrow() as memory:
            count = search_up(
                parent, *up, start.node[row], start.cost[row], far, memory.cost, memory.path
            )
            search_down(
                parent, *down, memory.path, count, memory.cost, memory.state, *others, far,
                memory.touched, memory.other_path, result,
            )  # fmt: skip
        return result

    def _many_to_many(self, starts: Seeds, ends: Seeds, threads: int, result: Ints) -> None:
        """Restrict the graph to ancestors of targets, then sweep."""
        h = self.hierarchy
        end_nodes, end_rows = descending(ends.node)
        with self._memories.borrow() as memory:
            below = memory.touched[: ancestors(h.parent, end_nodes, memory.touched)].copy()
        down_graph = restricted(h.depth, below, *self._down)
        order, batches, seeds = batched(starts, ABREAST)

        met = self._most_met(batches, seeds[0])

        def work(first: int, last: int) -> None:
            with self._memories.borrow() as memory:
                many_to_many(
                    h.parent, h.depth, *self._up, below, *down_graph, batches, *seeds, order,
                    end_nodes, end_rows, ends.cost, self.far, first, last,
                    *memory.sweep(ABREAST, met, len(end_nodes)), result,
                )  # fmt: skip

        _share(work, len(batches) - 1, threads)

    def _most_met(self, batches: NDArray[np.int64], nodes: NDArray[np.int32]) -> int:
        """Bound the ancestors of the nodes of a batch."""
        total = np.append(0, np.cumsum(self.hierarchy.depth[nodes] + 1, dtype=np.int64))
        most = np.diff(total[batches]).max(initial=0)
        return min(self.hierarchy.n_nodes, int(most))

    def _one(self, place: int | Seeds) -> Seeds:
        return ranked_one(place, self.hierarchy.rank, self.records.dtype)

    def _ranked(self, places: ArrayLike | Seeds) -> Seeds:
        return ranked(places, self.hierarchy.rank, self.records.dtype)


def _checked(weight: ArrayLike, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Ints:
    """Return a copy of weights, or refuse them."""
    given = np.array(weight)
    if (
        given.shape != shape
        or not (np.issubdtype(given.dtype, np.integer) or given.size == 0)
        or given.min(initial=0) < 0
        or given.max(initial=0) > np.iinfo(dtype).max
    ):
        raise InputError(
            f"{given.dtype} weights of shape {given.shape}"
            + (f", the least {given.min()}" if given.size else "")
            + f", for arcs of shape {shape}",
            field="weight",
            fix="give each arc its milliseconds, 0 to 2147483647",
        )
    return given.astype(dtype, copy=False)


def _share(work: Callable[[int, int], None], count: int, threads: int) -> None:
    """Let each thread do a stretch of the work."""
    threads = max(1, min(threads, count))
    if threads == 1:
        work(0, count)
        return
    marks = [count * thread // threads for thread in range(threads + 1)]
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, marks[:-1], marks[1:]))
