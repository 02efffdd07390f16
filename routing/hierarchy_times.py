"""Travel times by a customizable contraction hierarchy."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Final
from weakref import WeakKeyDictionary

import numpy as np
from numba import njit

from routing.dijkstra import FAR
from routing.drives import Drive, make_route, one
from routing.hierarchy import Hierarchy, Metric, Seeds
from routing.legs import ArcCosts, Legs, checked_arcs, checked_times, metres, milliseconds
from routing.network import UNREACHABLE, RoadNetwork
from routing.search_graph import SearchGraph, junction_graph
from routing.travel_times import NodeTable, Table, rows_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import ArrayLike, NDArray

    from routing.routes import Route
    from routing.snapping import Places

_CELLS: Final = 1 << 24
"""Answers that are worked on at a time."""

_UNKNOWN: Final = np.int32(-2)

_FEW: Final = 8
"""Fewer trees than these are grown one by one."""

_ROWS: Final = 64
"""Trees that are grown at a time."""


_made: WeakKeyDictionary[RoadNetwork | SearchGraph, Hierarchy] = WeakKeyDictionary()


def hierarchy_of(graph: RoadNetwork | SearchGraph) -> Hierarchy:
    """Make the hierarchy of a graph, once for as long as the graph is in use.

    Parameters
    ----------
    graph : RoadNetwork or SearchGraph
        A network, or a graph made from one.

    Returns
    -------
    Hierarchy
        The hierarchy.
    """
    if graph not in _made:
        search = graph if isinstance(graph, SearchGraph) else junction_graph(graph)
        _made[graph] = Hierarchy.build(search.n_nodes, search.tail, search.head)
    return _made[graph]


class HierarchyTravelTimes:
    """Travel times by a customizable contraction hierarchy: prepared once, then fast.

    Parameters
    ----------
    graph : RoadNetwork or SearchGraph
        A network with m arcs, or a graph made from one.
    arc_ms : array-like of int, shape (m,)
        Milliseconds for each arc, `routing.network.UNREACHABLE` for a closed one.
    hierarchy : Hierarchy, optional
        That of the graph, made earlier; it does not depend on the times.
    threads : int
        How many threads work on large questions; the answers are the same.

    Raises
    ------
    InputError
        The times are not one whole number of milliseconds, zero or more, for each arc.
    """

    def __init__(
        self,
        graph: RoadNetwork | SearchGraph,
        arc_ms: ArrayLike,
        *,
        hierarchy: Hierarchy | None = None,
        threads: int = 1,
    ) -> None:
        self._costs = ArcCosts(graph, arc_ms)
        self._threads = threads
        self.network = self._costs.network
        self.hierarchy = hierarchy or hierarchy_of(graph)
        self.hierarchy.check_ends(self._costs.graph.tail, self._costs.graph.head)
        self._metric = Metric(self.hierarchy, self._costs.cost, costs=True)

    @cached_property
    def _ms_metric(self) -> Metric:
        return Metric(self.hierarchy, milliseconds(self._costs.cost))

    @property
    def arc_ms(self) -> NDArray[np.int64]:
        """Milliseconds for each arc, `UNREACHABLE` for a closed one; not to be changed."""
        return self._costs.ms

    def matrix(  # numpydoc ignore=PR01
        self, origins: Places, destinations: Places, *, progress: bool = False
    ) -> Table:
        """Travel times from each origin to each destination; see `TravelTimes.matrix`."""
        table = Table(*(_empty(origins, destinations) for _ in Table._fields))
        leave, arrive = self._costs.departures(origins), self._costs.arrivals(destinations)
        for rows in _parts(len(origins), len(destinations), progress=progress):
            some = _some(leave, rows)
            cost = self._metric.matrix(_seeds(some), _seeds(arrive), threads=self._threads)
            row, column, straight = self._costs.direct(some, arrive)
            cost[row, column] = np.minimum(cost[row, column], straight)
            table.ms[rows], table.metres[rows] = milliseconds(cost), metres(cost)
        return table

    def times_ms(  # numpydoc ignore=PR01
        self, origins: Places, destinations: Places, *, progress: bool = False
    ) -> NDArray[np.int32]:
        """Travel times alone; see `TravelTimes.times_ms`."""
        ms = _empty(origins, destinations)
        leave, arrive = self._costs.departures(origins), self._costs.arrivals(destinations)
        end = Seeds(arrive.node, milliseconds(arrive.cost))
        for rows in _parts(len(origins), len(destinations), progress=progress):
            some = _some(leave, rows)
            start = Seeds(some.node, milliseconds(some.cost))
            ms[rows] = self._ms_metric.matrix(start, end, threads=self._threads)
            row, column, straight = self._costs.direct(some, arrive)
            row += rows.start
            ms[row, column] = np.minimum(ms[row, column], milliseconds(straight))
        return ms

    def many_to_one(  # numpydoc ignore=PR01
        self, origins: Places, destination: Places
    ) -> Table:
        """Travel times to one destination; see `TravelTimes.many_to_one`."""
        leave, arrive = self._costs.departures(origins), self._costs.arrivals(one(destination))
        cost = self._metric.many_to_one(_seeds(leave), _seeds(arrive))
        same = np.flatnonzero(leave.arc == arrive.arc[0])
        if len(same):
            row, _, straight = self._costs.direct(_some(leave, same), arrive)
            cost[same[row]] = np.minimum(cost[same[row]], straight)
        return Table(milliseconds(cost)[:, None], metres(cost)[:, None])

    def pin(self, origins: Places) -> PinnedOrigins:
        """Prepare questions from the same places to one other each.

        Parameters
        ----------
        origins : Places
            Places on this network, such as those of all units.

        Returns
        -------
        PinnedOrigins
            Answers questions, until the times change.
        """
        return PinnedOrigins(self._costs, self._metric, origins)

    def to_places(  # numpydoc ignore=PR01
        self, destinations: Places, *, progress: bool = False
    ) -> NodeTable:
        """Travel times from every node; see `TravelTimes.to_places`."""
        graph = self._costs.graph
        arrive = self._costs.arrivals(destinations)
        shape = (len(destinations), self.network.n_nodes)
        table = NodeTable(*(np.empty(shape, dtype=np.int32) for _ in NodeTable._fields))
        out = np.argsort(graph.tail, kind="stable").astype(np.int32)
        ptr = np.searchsorted(graph.tail[out], np.arange(graph.n_nodes + 1))
        first = graph.first_arc(np.arange(-1, len(graph.tail), dtype=np.int32))
        for begin in rows_of(-(-len(destinations) // _ROWS), progress=progress):
            rows = slice(begin * _ROWS, (begin + 1) * _ROWS)
            some = _some(arrive, rows)
            cost = self._rows_to(_seeds(some))
            arc = np.empty(cost.shape, dtype=np.int32)
            first_arcs(ptr, out, graph.head, self._costs.cost, *_seeds(some), cost, arc)
            cost = cost[:, graph.node_start]
            table.ms[rows], table.metres[rows] = milliseconds(cost), metres(cost)
            table.next_arc[rows] = first[arc[:, graph.node_start] + 1]
        return table

    def _rows_to(self, places: Seeds) -> NDArray[np.int64]:
        """Find the costs from all nodes to places; a sweep of many lanes is worth it for many."""
        if len(places.node) < _FEW:
            rows = [
                self._metric.row(Seeds(places.node[[row]], places.cost[[row]]), backward=True)
                for row in range(len(places.node))
            ]
            return np.array(rows, dtype=np.int64).reshape(len(rows), -1)
        cost: NDArray[np.int64]
        cost = self._metric.rows(places, backward=True, threads=self._threads).array()
        return cost

    def route(  # numpydoc ignore=PR01
        self, origin: Places, destination: Places
    ) -> Route:
        """Find the fastest way; see `TravelTimes.route`."""
        leave = self._costs.departures(one(origin))
        arrive = self._costs.arrivals(one(destination))
        path = self._metric.path(_seeds(leave), _seeds(arrive))
        drive = Drive(int(FAR), 0, 0, np.zeros(0, dtype=np.int32)) if path is None else Drive(*path)
        return make_route(self._costs, origin, destination, leave, arrive, drive)

    def change(self, arcs: ArrayLike, arc_ms: ArrayLike) -> None:
        """Give some arcs other times.

        Nobody may ask at the same time; see `routing.live`.

        Parameters
        ----------
        arcs : array-like of int
            The arcs.
        arc_ms : array-like of int
            Milliseconds for each of them, `UNREACHABLE` to close it.

        Raises
        ------
        InputError
            There is no such arc, or a time is no whole number of milliseconds, zero or more.
        """
        some = checked_arcs(arcs, self.network.n_arcs)
        times = checked_times(some, arc_ms)
        self._metric.change(some, self._costs.change(some, times))
        if "_ms_metric" in self.__dict__:
            self._ms_metric.change(some, times.astype(np.int32))

    def prune(self) -> None:
        """Make questions faster after changes; nobody may ask at the same time."""
        self._metric.prune()
        if "_ms_metric" in self.__dict__:
            self._ms_metric.prune()


class PinnedOrigins:
    """Places whose labels are kept, so that each further question takes one search.

    Parameters
    ----------
    costs : ArcCosts
        Costs of arcs.
    metric : Metric
        The same, customised.
    origins : Places
        The places, a of them.
    """

    def __init__(self, costs: ArcCosts, metric: Metric, origins: Places) -> None:
        self._costs = costs
        self._leave = costs.departures(origins)
        self._pinned = metric.pin_sources(_seeds(self._leave))

    def to(self, destination: Places) -> Table:
        """Travel times from the places to one other.

        Parameters
        ----------
        destination : Places
            One place.

        Returns
        -------
        Table
            Times and lengths, shape (a, 1); those of `TravelTimes.many_to_one`.

        Raises
        ------
        InputError
            The times have changed since.
        """
        arrive = self._costs.arrivals(one(destination))
        cost = self._pinned.to(_seeds(arrive))[:, None]
        row, column, straight = self._costs.direct(self._leave, arrive)
        cost[row, column] = np.minimum(cost[row, column], straight)
        return Table(milliseconds(cost), metres(cost))


@njit(cache=True, nogil=True)
def first_arcs(
    ptr: NDArray[np.int64],
    out: NDArray[np.int32],
    head: NDArray[np.int32],
    weight: NDArray[np.int64],
    nodes: NDArray[np.int32],
    costs: NDArray[np.int64],
    cost: NDArray[np.int64],
    arc: NDArray[np.int32],
) -> None:
    """Find the arc by which the shortest way to each place begins.

    Parameters
    ----------
    ptr : ndarray of int64, shape (n + 1,)
        Where the arcs that leave each node begin in `out`.
    out : ndarray of int32, shape (m,)
        The arcs by tail.
    head : ndarray of int32, shape (m,)
        Where each arc leads.
    weight : ndarray of int64, shape (m,)
        Cost of each arc.
    nodes, costs : ndarray, shape (b, k)
        Nodes next to each place, -1 for none, and what they cost.
    cost : ndarray of int64, shape (b, n)
        Cost from each node to each place.
    arc : ndarray of int32, shape (b, n)
        Output: the arc, of several the lowest that takes some time; -1 next to the place
        and where no way leads.
    """
    n = len(ptr) - 1
    waiting = np.empty(n, np.int32)
    for row in range(len(nodes)):
        count = 0
        arc[row] = _UNKNOWN
        for node in range(n):
            if cost[row, node] < FAR and not _is_near(nodes[row], costs[row], node, cost[row]):
                arc[row, node] = _onward(ptr, out, head, weight, node, cost[row], arc[row])
                if arc[row, node] == _UNKNOWN:
                    waiting[count] = node
                    count += 1
            else:
                arc[row, node] = -1
        # arcs that take no time must not lead in circles: those next to a known node first
        while count > 0:
            left = 0
            for place in range(count):
                node = waiting[place]
                arc[row, node] = _onward(ptr, out, head, weight, node, cost[row], arc[row])
                if arc[row, node] == _UNKNOWN:
                    waiting[left] = node
                    left += 1
            count = left


@njit(cache=True, nogil=True)
def _is_near(
    nodes: NDArray[np.int32], costs: NDArray[np.int64], node: int, cost: NDArray[np.int64]
) -> bool:
    """Tell whether the shortest way from a node leads straight to the place."""
    near = False
    for leg in range(len(nodes)):
        near |= nodes[leg] == node and costs[leg] == cost[node]
    return near


@njit(cache=True, nogil=True)
def _onward(
    ptr: NDArray[np.int64],
    out: NDArray[np.int32],
    head: NDArray[np.int32],
    weight: NDArray[np.int64],
    node: int,
    cost: NDArray[np.int64],
    arc: NDArray[np.int32],
) -> np.int32:
    """Find an arc on a shortest way that takes time, or leads to a node whose arc is known."""
    for place in range(ptr[node], ptr[node + 1]):
        ahead = out[place]
        if weight[ahead] + cost[head[ahead]] != cost[node]:
            continue
        if weight[ahead] > 0 or arc[head[ahead]] != _UNKNOWN:
            return np.int32(ahead)
    return _UNKNOWN


def _seeds(legs: Legs) -> Seeds:
    return Seeds(legs.node, legs.cost)


def _some(legs: Legs, rows: slice | NDArray[np.int64]) -> Legs:
    arc, twin, share, node, cost = legs
    return Legs(arc[rows], twin[rows], share[rows], node[rows], cost[rows])


def _empty(origins: Places, destinations: Places) -> NDArray[np.int32]:
    return np.full((len(origins), len(destinations)), UNREACHABLE, dtype=np.int32)


def _parts(rows: int, columns: int, *, progress: bool) -> Iterator[slice]:
    """Cut a table into parts that fit into memory."""
    size = max(64, _CELLS // max(1, columns))
    for part in rows_of(-(-rows // size), progress=progress):
        yield slice(part * size, min(rows, (part + 1) * size))
