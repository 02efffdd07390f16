"""What it costs to leave a place on a road for a junction, and to arrive at one."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from routing.dijkstra import FAR, MS
from routing.errors import InputError
from routing.legs_kernels import legs_between
from routing.network import UNREACHABLE
from routing.search_graph import SearchGraph, junction_graph

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from routing.network import RoadNetwork
    from routing.snapping import Places

_CM_BITS = (np.int64(1) << MS) - 1


class Step(NamedTuple):
    """A stretch of an arc that is driven, from one share of its length to another."""

    arc: int
    begin: float
    end: float


class Legs(NamedTuple):
    """Places on their roads, and the junctions next to them.

    With p places:

    Parameters
    ----------
    arc : ndarray of int32, shape (p,)
        The arc of each, the lower one of twins.
    twin : ndarray of int32, shape (p,)
        Its twin, -1 on a one-way road.
    share : ndarray of float64, shape (p,)
        Position along the arc.
    node : ndarray of int32, shape (p, 2)
        Junctions by which to leave or arrive: along the arc, along its twin; -1 for
        none. A place at a junction has that one alone.
    cost : ndarray of int64, shape (p, 2)
        Cost between the place and each of them.
    """

    arc: NDArray[np.int32]
    twin: NDArray[np.int32]
    share: NDArray[np.float64]
    node: NDArray[np.int32]
    cost: NDArray[np.int64]

    @property
    def at_node(self) -> NDArray[np.bool_]:
        """Whether each place lies at a junction."""
        return np.isin(self.share, [0, 1])


def milliseconds(cost: NDArray[np.int64]) -> NDArray[np.int32]:
    """Take the milliseconds out of costs.

    Parameters
    ----------
    cost : ndarray of int64
        Costs, at most `FAR`.

    Returns
    -------
    ndarray of int32
        Milliseconds, `UNREACHABLE` where the cost is `FAR`.
    """
    return (cost >> MS).astype(np.int32)


def metres(cost: NDArray[np.int64]) -> NDArray[np.int32]:
    """Take the length out of costs.

    Parameters
    ----------
    cost : ndarray of int64
        Costs, at most `FAR`.

    Returns
    -------
    ndarray of int32
        Metres, rounded; `UNREACHABLE` where the cost is `FAR`.
    """
    whole = ((cost & _CM_BITS) + 50) // 100
    return np.where(cost >= FAR, UNREACHABLE, whole).astype(np.int32)


class ArcCosts:
    """Costs of arcs and of parts of them.

    Parameters
    ----------
    graph : RoadNetwork or SearchGraph
        A network with m arcs, or a graph made from one.
    arc_ms : array-like of int, shape (m,)
        Milliseconds for each arc, `UNREACHABLE` for a closed one.

    Raises
    ------
    InputError
        The times are not one whole number of milliseconds, zero or more, for each arc.
    """

    def __init__(self, graph: RoadNetwork | SearchGraph, arc_ms: ArrayLike) -> None:
        self.graph = graph if isinstance(graph, SearchGraph) else junction_graph(graph)
        self.network = self.graph.network
        times = np.asarray(arc_ms)
        if times.shape != (self.network.n_arcs,):
            raise InputError(
                f"{times.dtype} times of shape {times.shape} for {self.network.n_arcs} arcs",
                field="arc_ms",
                fix="give one integer for each arc",
            )
        self.ms = checked_times(np.arange(len(times)), times)
        self._cm = np.rint(self.network.arc_m * 100).astype(np.int64)
        self.cost = np.concatenate([self._cost(slice(None)), self.graph.fixed_cost])

    def change(self, arcs: NDArray[np.int64], arc_ms: NDArray[np.int64]) -> NDArray[np.int64]:
        """Give some arcs other times.

        Parameters
        ----------
        arcs : ndarray of int64
            The arcs.
        arc_ms : ndarray of int64
            Milliseconds for each of them, checked.

        Returns
        -------
        ndarray of int64
            The new cost of each.
        """
        self.ms[arcs] = arc_ms
        self.cost[arcs] = self._cost(arcs)
        changed: NDArray[np.int64] = self.cost[arcs]
        return changed

    def departures(self, places: Places) -> Legs:
        """Cost from places to the junctions ahead.

        Parameters
        ----------
        places : Places
            The places.

        Returns
        -------
        Legs
            Where each may leave to.
        """
        return self._legs(places, self.graph.arc_end, self.graph.node_start, leaving=True)

    def arrivals(self, places: Places) -> Legs:
        """Cost to places from the junctions behind.

        Parameters
        ----------
        places : Places
            The places.

        Returns
        -------
        Legs
            Where each may be reached from.
        """
        return self._legs(places, self.graph.arc_start, self.graph.node_end, leaving=False)

    def direct(
        self, origins: Legs, destinations: Legs
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Cost from places straight to others on the same road.

        Parameters
        ----------
        origins, destinations : Legs
            Places to leave from, and to arrive at.

        Returns
        -------
        row, column : ndarray of int64, shape (k,)
            The pairs that lie on one road.
        cost : ndarray of int64, shape (k,)
            Cost of each; `FAR` where the road may not be driven that way.
        """
        order = np.argsort(destinations.arc, kind="stable")
        found = destinations.arc[order]
        begin = np.searchsorted(found, origins.arc, side="left")
        count = np.searchsorted(found, origins.arc, side="right") - begin
        row = np.repeat(np.arange(len(origins.arc)), count)
        before = np.repeat(np.cumsum(count) - count, count)
        column = order[np.arange(len(row)) - before + np.repeat(begin, count)]
        ahead = destinations.share[column] - origins.share[row]
        along = self._part(destinations.arc[column], ahead)
        back = self._part(destinations.twin[column], -ahead)
        return row, column, np.minimum(along, back)

    def _cost(self, arcs: slice | NDArray[np.int64]) -> NDArray[np.int64]:
        ms = self.ms[arcs]
        return np.where(ms == UNREACHABLE, FAR, (ms << MS) + self._cm[arcs])

    def _part(self, arc: NDArray[np.int32], share: NDArray[np.float64]) -> NDArray[np.int64]:
        """Cost of a share of arcs; `FAR` for arc -1 and for a negative share."""
        some = np.maximum(share, 0)
        ms = np.rint(some * self.ms[arc]).astype(np.int64)
        cm = np.rint(some * self._cm[arc]).astype(np.int64)
        possible = (arc >= 0) & (share >= 0) & (self.ms[arc] < UNREACHABLE)
        return np.where(possible, (ms << MS) + cm, FAR)

    def _legs(
        self,
        places: Places,
        ends: NDArray[np.int32],
        junctions: NDArray[np.int32],
        *,
        leaving: bool,
    ) -> Legs:
        network = self.network
        return Legs(
            *legs_between(
                places.arc,
                places.share,
                network.arc_twin,
                ends,
                junctions,
                network.arc_tail,
                network.arc_head,
                self.ms,
                self._cm,
                leaving,
            )
        )


def checked_times(arcs: NDArray[np.int64], arc_ms: ArrayLike) -> NDArray[np.int64]:
    """Refuse times that are none.

    Parameters
    ----------
    arcs : ndarray of int64
        The arcs, for the message.
    arc_ms : array-like of int
        Milliseconds for each of them, `UNREACHABLE` for a closed one.

    Returns
    -------
    ndarray of int64
        A copy of the times.

    Raises
    ------
    InputError
        A time is no whole number from 0 to `UNREACHABLE`.
    """
    times = np.asarray(arc_ms)
    if times.shape != arcs.shape or not (np.issubdtype(times.dtype, np.integer) or times.size == 0):
        raise InputError(
            f"{times.dtype} times of shape {times.shape} for {len(arcs)} arcs",
            field="arc_ms",
            fix="give one integer for each arc",
        )
    wrong = np.flatnonzero((times < 0) | (times > UNREACHABLE))
    if len(wrong):
        raise InputError(
            f"arc {arcs[wrong[0]]} takes {times[wrong[0]]} ms",
            field="arc_ms",
            fix="give 0 to 2147483647",
        )
    return times.astype(np.int64)


def checked_arcs(arcs: ArrayLike, count: int) -> NDArray[np.int64]:
    """Refuse arcs that are none.

    Parameters
    ----------
    arcs : array-like of int, shape (k,)
        Arcs.
    count : int
        How many arcs there are.

    Returns
    -------
    ndarray of int64, shape (k,)
        The arcs.

    Raises
    ------
    InputError
        They are no list of whole numbers from 0 to ``count - 1``; a mask is none.
    """
    some = np.asarray(arcs)
    if some.size == 0:
        return np.zeros(0, dtype=np.int64)
    if some.ndim != 1 or not np.issubdtype(some.dtype, np.integer):
        raise InputError(
            f"{some.dtype} of shape {some.shape}", field="arcs", fix="give a list of arc numbers"
        )
    wrong = some[(some < 0) | (some >= count)]
    if len(wrong):
        raise InputError(f"there is no arc {wrong[0]}", field="arcs", fix=f"give 0 to {count - 1}")
    return some.astype(np.int64)
