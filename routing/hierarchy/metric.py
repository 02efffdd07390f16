"""Weights on a hierarchy, and the questions that they answer."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from routing.dijkstra import FAR
from routing.errors import InputError
from routing.hierarchy.customisation import (
    customise_again,
    customise_lanes,
    keep_needed,
    relax_lower_triangles,
    relax_upper_triangles,
    respect_arcs,
    take_lanes,
)
from routing.hierarchy.labels import make_labels, meet_labels
from routing.hierarchy.rows import Rows, aligned
from routing.hierarchy.searches import search_between, search_down, search_up
from routing.hierarchy.sweeps import (
    NARROW,
    WIDE,
    ancestors,
    many_to_many,
    one_row,
    restricted,
    wide_rows,
)
from routing.hierarchy.unpacking import climb_back, unpack
from routing.network import UNREACHABLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

    from routing.hierarchy.hierarchy import Hierarchy

    Ints = NDArray[np.int32] | NDArray[np.int64]


class Seeds(NamedTuple):
    """Where searches begin: nodes next to a place, and what they cost.

    Parameters
    ----------
    node : ndarray of int32, shape (a, k)
        One or two nodes next to each of a places, -1 for none.
    cost : ndarray of int32 or int64, shape (a, k)
        Cost between the place and each of them, in the unit of the weights.
    """

    node: NDArray[np.int32]
    cost: Ints


class Side(NamedTuple):
    """Arcs of each node to higher ones, in one direction.

    Parameters
    ----------
    ptr : ndarray of int64, shape (n + 1,)
        Where the arcs of each node begin.
    arcs : ndarray of int32 or int64
        Records, the head first.
    stride : int
        Length of a record.
    offset : int
        Place of the weight in a record.
    """

    ptr: NDArray[np.int64]
    arcs: Ints
    stride: int
    offset: int


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


class _Memory:
    """Arrays for a search to work in, clean between searches."""

    def __init__(self, hierarchy: Hierarchy, dtype: np.dtype[np.signedinteger]) -> None:
        n, height = hierarchy.n_nodes, 2 * hierarchy.height + 1
        self.cost = np.empty(n, dtype=dtype)
        self.other_cost = np.empty(n, dtype=dtype)
        self.path = np.empty(height, dtype=np.int32)
        self.other_path = np.empty(height, dtype=np.int32)
        self.state = np.zeros(n, dtype=np.uint8)
        self.met = np.zeros(n, dtype=np.bool_)
        self.touched = np.empty(n, dtype=np.int32)
        self.number = np.full(n, -1, dtype=np.int32)
        self._lanes = [self.cost[:0], self.cost[:0]]

    def lanes(self, which: int, size: int) -> Ints:
        """Return memory for rows of lanes; it grows as it must."""
        if len(self._lanes[which]) < size:
            self._lanes[which] = aligned(size, self.cost.dtype)
        return self._lanes[which]


class Metric:
    """Weights of arcs, customised: answers any question about shortest ways.

    Any number of threads may ask at the same time.

    Parameters
    ----------
    hierarchy : Hierarchy
        The topology of a graph with m arcs.
    weight : array-like of int32 or int64, shape (m,)
        Milliseconds of each arc (int32), `routing.network.UNREACHABLE` for a closed one;
        or costs (int64) as `routing.dijkstra` has them.
    prune : bool
        Take out arcs that no shortest way needs. It takes about as long as the rest of
        the customisation, and makes every question faster.

    Raises
    ------
    InputError
        There is not one weight, zero or more, for each arc.
    """

    def __init__(self, hierarchy: Hierarchy, weight: ArrayLike, *, prune: bool = True) -> None:
        weights = np.ascontiguousarray(weight)
        if weights.dtype != np.int64:
            weights = weights.astype(np.int32, casting="same_kind")
        h = hierarchy
        if weights.shape != (h.n_arcs,) or weights.min(initial=0) < 0:
            raise InputError(
                f"weights of shape {weights.shape}, least {weights.min(initial=0)}, for "
                f"{h.n_arcs} arcs",
                field="weight",
                fix="give each arc its milliseconds, zero or more",
            )
        self._take(hierarchy, weights.copy(), np.empty(3 * h.n_edges, dtype=weights.dtype))
        self._customise()
        if prune:
            self.prune()

    def _take(self, hierarchy: Hierarchy, weight: Ints, records: Ints) -> None:
        self.hierarchy = hierarchy
        self.weight = weight
        self.records = records
        self.far = int(UNREACHABLE) if records.dtype == np.int32 else int(FAR)
        self._up = Side(hierarchy.ptr, records, 3, 1)
        self._down = Side(hierarchy.ptr, records, 3, 2)
        self._free: list[_Memory] = []
        self._queue: tuple[NDArray[np.bool_], NDArray[np.int32]] | None = None

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
        """
        h = hierarchy
        lanes = np.ascontiguousarray(np.asarray(weights, dtype=np.int32).T).view(np.uint32)
        up = np.full((h.n_edges, lanes.shape[1]), UNREACHABLE, dtype=np.uint32)
        down = up.copy()
        customise_lanes(
            h.ptr, h.head, h.down_ptr, h.down_node, h.down_edge, h.slot, lanes, up, down
        )
        records = np.empty((lanes.shape[1], 3 * h.n_edges), dtype=np.int32)
        take_lanes(h.head, up, down, records)
        metrics = []
        for lane in range(lanes.shape[1]):
            metric = cls.__new__(cls)
            metric._take(hierarchy, lanes[:, lane].astype(np.int32), records[lane])
            if prune:
                metric.prune()
            metrics.append(metric)
        return metrics

    def row(self, source: int | Seeds) -> Ints:
        """Find the costs from one place to all nodes.

        Parameters
        ----------
        source : int or Seeds
            A node, or a place.

        Returns
        -------
        ndarray of int, shape (n,)
            Cost of each node.
        """
        return self.row_ranked(source)[self.hierarchy.rank[:-1]]

    def row_ranked(self, source: int | Seeds) -> Ints:
        """Find the costs from one place to all nodes, in the order of the hierarchy.

        Parameters
        ----------
        source : int or Seeds
            A node, or a place.

        Returns
        -------
        ndarray of int, shape (n,)
            Cost of node ``hierarchy.node[i]`` at place i.
        """
        seeds = self._seeds([source] if isinstance(source, int) else source)
        cost = np.empty(self.hierarchy.n_nodes, dtype=self.records.dtype)
        memory = self._borrow()
        count = search_up(
            self.hierarchy.parent, *self._up, seeds.node[0], seeds.cost[0], self.far,
            cost, memory.path,
        )  # fmt: skip
        one_row(*self._down, memory.path, count, self.far, cost)
        self._free.append(memory)
        return cost

    def rows(
        self, sources: ArrayLike | Seeds, *, threads: int = 1, out: Rows | None = None
    ) -> Rows:
        """Find the costs from many places to all nodes.

        Parameters
        ----------
        sources : array-like of int, shape (a,), or Seeds
            Nodes, or places.
        threads : int
            How many threads work; the result is the same.
        out : Rows, optional
            An earlier answer for as many places that may be written over: fetching
            fresh memory takes longer than the sweep.

        Returns
        -------
        Rows
            The costs.
        """
        seeds = self._seeds(sources)
        h = self.hierarchy
        rows = out or Rows.empty(len(seeds.node), h, self.records.dtype)
        if rows.count != len(seeds.node) or rows.hierarchy is not h:
            raise InputError(
                f"rows for {rows.count} places", field="out", fix=f"give {len(seeds.node)}"
            )

        def work(first: int, last: int) -> None:
            memory = self._borrow()
            for block in range(first, last):
                some = slice(block * WIDE, (block + 1) * WIDE)
                wide_rows(
                    h.parent, *self._up, *self._down, seeds.node[some], seeds.cost[some],
                    self.far, memory.met, memory.cost, rows.blocks[block],
                )  # fmt: skip
            self._free.append(memory)

        _share(work, len(rows.blocks), threads)
        return rows

    def matrix(
        self, sources: ArrayLike | Seeds, targets: ArrayLike | Seeds, *, threads: int = 1
    ) -> Ints:
        """Find the costs from each source to each target.

        Parameters
        ----------
        sources, targets : array-like of int, shapes (a,) and (b,), or Seeds
            Nodes, or places.
        threads : int
            How many threads work; the result is the same.

        Returns
        -------
        ndarray of int, shape (a, b)
            Costs.
        """
        starts, ends = self._seeds(sources), self._seeds(targets)
        result = np.empty((len(starts.node), len(ends.node)), dtype=self.records.dtype)
        if result.size == 0:
            return result
        if len(ends.node) < _FEW or len(starts.node) < _FEW:
            for column in range(len(ends.node)) if len(ends.node) < len(starts.node) else ():
                result[:, column] = self._one_to_many(
                    Seeds(*(x[column : column + 1] for x in ends)), starts, self._down, self._up
                )
            for row in range(len(starts.node)) if len(ends.node) >= len(starts.node) else ():
                result[row] = self._one_to_many(
                    Seeds(*(x[row : row + 1] for x in starts)), ends, self._up, self._down
                )
            return result
        h = self.hierarchy
        memory = self._borrow()
        number, found = memory.number, memory.touched
        above = found[: ancestors(h.parent, starts.node, number, found)].copy()
        up_graph = restricted(above, number, *self._up)
        up_parent = np.append(number, np.int32(-1))[h.parent[above]]
        start_node = np.append(number, np.int32(-1))[starts.node]
        number[above] = -1
        below = found[: ancestors(h.parent, ends.node, number, found)]
        down_graph = restricted(below, number, *self._down)
        end_node = np.append(number, np.int32(-1))[ends.node]
        down_number = number[above]
        number[below] = -1
        self._free.append(memory)
        order = np.argsort(start_node.max(axis=1), kind="stable")

        def work(first: int, last: int) -> None:
            memory = self._borrow()
            many_to_many(
                up_parent, *up_graph, down_number, *down_graph, start_node, starts.cost, order,
                end_node, ends.cost, self.far, first, last,
                memory.lanes(0, len(above) * NARROW), memory.lanes(1, (len(down_graph[0]) - 1) * NARROW),
                result,
            )  # fmt: skip
            self._free.append(memory)

        _share(work, -(-len(order) // NARROW), threads)
        return result

    def many_to_one(self, sources: ArrayLike | Seeds, target: int | Seeds) -> Ints:
        """Find the costs from many places to one.

        Parameters
        ----------
        sources : array-like of int, shape (a,), or Seeds
            Nodes, or places.
        target : int or Seeds
            A node, or a place.

        Returns
        -------
        ndarray of int, shape (a,)
            Costs.
        """
        end = self._seeds([target] if isinstance(target, int) else target)
        return self._one_to_many(end, self._seeds(sources), self._down, self._up)

    def one_to_many(self, source: int | Seeds, targets: ArrayLike | Seeds) -> Ints:
        """Find the costs from one place to many.

        Parameters
        ----------
        source : int or Seeds
            A node, or a place.
        targets : array-like of int, shape (b,), or Seeds
            Nodes, or places.

        Returns
        -------
        ndarray of int, shape (b,)
            Costs.
        """
        start = self._seeds([source] if isinstance(source, int) else source)
        return self._one_to_many(start, self._seeds(targets), self._up, self._down)

    def pin_sources(self, sources: ArrayLike | Seeds) -> Pinned:
        """Prepare questions from the same places to one other each.

        Parameters
        ----------
        sources : array-like of int, shape (a,), or Seeds
            Nodes, or places, such as those of all units.

        Returns
        -------
        Pinned
            Answers questions; valid as long as the metric.
        """
        return Pinned(self, self._seeds(sources), self._up, self._down)

    def pin_targets(self, targets: ArrayLike | Seeds) -> Pinned:
        """Prepare questions from one place each to the same places.

        Parameters
        ----------
        targets : array-like of int, shape (b,), or Seeds
            Nodes, or places, such as incidents that wait.

        Returns
        -------
        Pinned
            Answers questions; valid as long as the metric.
        """
        return Pinned(self, self._seeds(targets), self._down, self._up)

    def pair(self, source: int | Seeds, target: int | Seeds) -> int:
        """Find the cost from one place to one other.

        Parameters
        ----------
        source, target : int or Seeds
            A node, or a place.

        Returns
        -------
        int
            Cost.
        """
        start = self._seeds([source] if isinstance(source, int) else source)
        end = self._seeds([target] if isinstance(target, int) else target)
        memory = self._borrow()
        best, _ = search_between(
            self.hierarchy.parent, *self._up, *self._down, start.node[0], start.cost[0],
            end.node[0], end.cost[0], self.far, memory.cost, memory.other_cost,
            memory.path, memory.other_path,
        )  # fmt: skip
        self._free.append(memory)
        return int(best)

    def path(self, source: int | Seeds, target: int | Seeds) -> Path | None:
        """Find the way from one place to one other.

        Parameters
        ----------
        source, target : int or Seeds
            A node, or a place.

        Returns
        -------
        Path or None
            The way; None if there is none.
        """
        start = self._seeds([source] if isinstance(source, int) else source)
        end = self._seeds([target] if isinstance(target, int) else target)
        h, records = self.hierarchy, self.records
        memory = self._borrow()
        best, top = search_between(
            h.parent, h.ptr, records, 3, 1, h.ptr, records, 3, 2, start.node[0], start.cost[0],
            end.node[0], end.cost[0], self.far, memory.cost, memory.other_cost,
            memory.path, memory.other_path,
        )  # fmt: skip
        if top < 0:
            self._free.append(memory)
            return None
        to_top, start_leg = climb_back(
            h.ptr, h.head, records, 1, start.node[0], start.cost[0], memory.cost, memory.path, top
        )
        from_top, end_leg = climb_back(
            h.ptr, h.head, records, 2, end.node[0], end.cost[0],
            memory.other_cost, memory.other_path, top,
        )  # fmt: skip
        self._free.append(memory)
        arcs = unpack(
            h.ptr, h.head, h.edge_low, h.down_ptr, h.down_node, h.down_edge, *h.arcs_of_slots,
            self.weight, records, np.concatenate([to_top[::-1], from_top]),
        )  # fmt: skip
        return Path(int(best), int(start_leg), int(end_leg), arcs)

    def change(self, arcs: ArrayLike, weight: ArrayLike) -> None:
        """Give some arcs other weights, and mend what depends on them.

        From about one arc in five hundred on, everything is customised anew, which is
        then faster. Arcs that pruning took out are back afterwards; see `prune`. Nobody may
        ask at the same time; see `routing.live`.

        Parameters
        ----------
        arcs : array-like of int
            The arcs.
        weight : array-like of int
            The new weight of each.
        """
        some = np.asarray(arcs, dtype=np.int64)
        self.weight[some] = weight
        h, ptr = self.hierarchy, self.hierarchy.ptr
        self._up, self._down = Side(ptr, self.records, 3, 1), Side(ptr, self.records, 3, 2)
        if len(some) * _MANY > h.n_arcs:
            self._customise()
            return
        slots = h.slot[some]
        if self._queue is None:
            self._queue = np.zeros(h.n_edges, dtype=np.bool_), np.empty(h.n_edges, dtype=np.int32)
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

    def _customise(self) -> None:
        h = self.hierarchy
        respect_arcs(h.head, h.slot, self.weight, self.far, self.records)
        relax_lower_triangles(h.ptr, h.down_ptr, h.down_node, h.down_edge, self.records)

    def _one_to_many(self, start: Seeds, others: Seeds, up: Side, down: Side) -> Ints:
        result = np.empty(len(others.node), dtype=self.records.dtype)
        memory = self._borrow()
        parent, far = self.hierarchy.parent, self.far
        count = search_up(parent, *up, start.node[0], start.cost[0], far, memory.cost, memory.path)
        search_down(
            parent, *down, memory.path, count, memory.cost, memory.state, *others, far,
            memory.touched, memory.other_path, result,
        )  # fmt: skip
        self._free.append(memory)
        return result

    def _seeds(self, places: ArrayLike | Seeds) -> Seeds:
        """Name nodes by rank."""
        rank = self.hierarchy.rank
        if isinstance(places, Seeds):
            return Seeds(rank[places.node], places.cost.astype(self.records.dtype, copy=False))
        nodes = np.asarray(places, dtype=np.int32)[:, None]
        if nodes.size and (nodes.min() < 0 or nodes.max() >= len(rank) - 1):
            raise InputError(
                f"nodes {nodes.min()} to {nodes.max()} of {len(rank) - 1}",
                field="nodes",
                fix=f"give 0 to {len(rank) - 2}",
            )
        return Seeds(rank[nodes], np.zeros(nodes.shape, dtype=self.records.dtype))

    def _borrow(self) -> _Memory:
        try:
            return self._free.pop()
        except IndexError:
            return _Memory(self.hierarchy, self.records.dtype)


_FEW = 3
"""So few places are asked one by one."""

_MANY = 500
"""Changes of more than one arc in so many are not mended one by one."""


class Pinned:
    """Places whose labels are kept, so that each further question takes one search.

    Parameters
    ----------
    metric : Metric
        The metric.
    seeds : Seeds
        The places, by rank.
    side, other_side : Side
        Arcs on their side, and on that of the others.
    """

    def __init__(self, metric: Metric, seeds: Seeds, side: Side, other_side: Side) -> None:
        self._metric = metric
        self._side = other_side
        self._count = len(seeds.node)
        memory = metric._borrow()
        ptr, node, cost = make_labels(
            metric.hierarchy.parent, *side, *seeds, metric.far, memory.cost, memory.path
        )
        metric._free.append(memory)
        unsigned = np.uint32 if cost.dtype == np.int32 else np.uint64
        self._labels = (ptr, node, cost.view(unsigned))

    def to(self, place: int | Seeds) -> Ints:
        """Find the costs between the pinned places and one other.

        Parameters
        ----------
        place : int or Seeds
            A node, or a place.

        Returns
        -------
        ndarray of int, shape (a,)
            Costs: to the place from pinned sources, from it to pinned targets.
        """
        metric = self._metric
        seeds = metric._seeds([place] if isinstance(place, int) else place)
        result = np.empty(self._count, dtype=metric.records.dtype)
        memory = metric._borrow()
        meet_labels(
            *self._labels, metric.hierarchy.parent, *self._side, *seeds, metric.far,
            memory.cost, memory.path, result,
        )  # fmt: skip
        metric._free.append(memory)
        return result


def _share(work: Callable[[int, int], None], count: int, threads: int) -> None:
    """Let each thread do a stretch of the work."""
    threads = max(1, min(threads, count))
    if threads == 1:
        work(0, count)
        return
    marks = [count * thread // threads for thread in range(threads + 1)]
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, marks[:-1], marks[1:]))
