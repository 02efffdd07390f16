"""Travel times between places, and what answers questions about them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from routing.dijkstra import FAR, grow_tree
from routing.drives import Drive, make_route, one
from routing.legs import ArcCosts, Legs, metres, milliseconds
from routing.progress import tracked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import ArrayLike, NDArray

    from routing.network import RoadNetwork
    from routing.routes import Route
    from routing.search_graph import SearchGraph
    from routing.snapping import Places


class Table(NamedTuple):
    """Travel times and lengths between a origins and b destinations.

    Parameters
    ----------
    ms : ndarray of int32, shape (a, b)
        Milliseconds, `routing.network.UNREACHABLE` where no road leads.
    metres : ndarray of int32, shape (a, b)
        Length of the fastest route, of equally fast ones of the shortest; rounded.
    """

    ms: NDArray[np.int32]
    metres: NDArray[np.int32]


class NodeTable(NamedTuple):
    """Travel times from each of n nodes to b destinations, and the way there.

    Parameters
    ----------
    ms : ndarray of int32, shape (b, n)
        Milliseconds, `routing.network.UNREACHABLE` where no road leads.
    metres : ndarray of int32, shape (b, n)
        Length of the fastest route, of equally fast ones of the shortest; rounded.
    next_arc : ndarray of int32, shape (b, n)
        First arc of that route; -1 where none leads, and at the last junction, from
        which the rest of the time is spent on a part of an arc.
    """

    ms: NDArray[np.int32]
    metres: NDArray[np.int32]
    next_arc: NDArray[np.int32]


class TravelTimes(Protocol):
    """What answers questions about travel times on one network at one speed.

    A place is left towards the junction ahead, or in both directions on a two-way
    road, and reached likewise; turning on the spot is possible. Parts of arcs take
    their share of the arc's time, rounded to the millisecond.

    Parameters
    ----------
    network : RoadNetwork
        The network.
    """

    network: RoadNetwork

    def matrix(self, origins: Places, destinations: Places, *, progress: bool = False) -> Table:
        """Travel times from each origin to each destination.

        Parameters
        ----------
        origins, destinations : Places
            Places on this network, a and b of them.
        progress : bool
            Show a progress bar on a terminal.

        Returns
        -------
        Table
            Times and lengths, shape (a, b).
        """
        ...

    def many_to_one(self, origins: Places, destination: Places) -> Table:
        """Travel times from many origins to one destination.

        Parameters
        ----------
        origins : Places
            Places on this network, a of them.
        destination : Places
            One place.

        Returns
        -------
        Table
            Times and lengths, shape (a, 1).
        """
        ...

    def times_ms(
        self, origins: Places, destinations: Places, *, progress: bool = False
    ) -> NDArray[np.int32]:
        """Travel times alone from each origin to each destination.

        Parameters
        ----------
        origins, destinations : Places
            Places on this network, a and b of them.
        progress : bool
            Show a progress bar on a terminal.

        Returns
        -------
        ndarray of int32, shape (a, b)
            Milliseconds, `routing.network.UNREACHABLE` where no road leads; those of
            `matrix`.
        """
        ...

    def to_places(self, destinations: Places, *, progress: bool = False) -> NodeTable:
        """Travel times from every node of the network.

        Parameters
        ----------
        destinations : Places
            Places on this network, b of them.
        progress : bool
            Show a progress bar on a terminal.

        Returns
        -------
        NodeTable
            Times, lengths and first arcs, shape (b, n).
        """
        ...

    def route(self, origin: Places, destination: Places) -> Route:
        """Find the fastest way from one place to one other.

        Parameters
        ----------
        origin, destination : Places
            One place each.

        Returns
        -------
        Route
            The way; its time and length are those of `matrix`.

        Raises
        ------
        InputError
            No road leads there.
        """
        ...


class _Star(NamedTuple):
    """Arcs grouped by the node at which the search comes upon them."""

    ptr: NDArray[np.int64]
    target: NDArray[np.int32]
    weight: NDArray[np.int64]
    arc: NDArray[np.int32]


def _star(
    n: int, source: NDArray[np.int32], target: NDArray[np.int32], weight: NDArray[np.int64]
) -> _Star:
    arc = np.argsort(source, kind="stable").astype(np.int32)
    ptr = np.zeros(n + 1, dtype=np.int64)
    np.cumsum(np.bincount(source, minlength=n), out=ptr[1:])
    return _Star(ptr, target[arc], weight[arc], arc)


class DijkstraTravelTimes:
    """Travel times by Dijkstra's algorithm: nothing to prepare, a tree for each place.

    Parameters
    ----------
    graph : RoadNetwork or SearchGraph
        A network with m arcs, or a graph made from one.
    arc_ms : array-like of int, shape (m,)
        Milliseconds for each arc, `routing.network.UNREACHABLE` for a closed one.

    Raises
    ------
    InputError
        The times are not one whole number of milliseconds, zero or more, for each arc.
    """

    def __init__(self, graph: RoadNetwork | SearchGraph, arc_ms: ArrayLike) -> None:
        self._costs = ArcCosts(graph, arc_ms)
        self.network = self._costs.network
        graph = self._costs.graph
        self._forward = _star(graph.n_nodes, graph.tail, graph.head, self._costs.cost)
        self._backward = _star(graph.n_nodes, graph.head, graph.tail, self._costs.cost)

    def matrix(  # numpydoc ignore=PR01
        self, origins: Places, destinations: Places, *, progress: bool = False
    ) -> Table:
        """Travel times from each origin to each destination; see `TravelTimes.matrix`."""
        leave, arrive = self._costs.departures(origins), self._costs.arrivals(destinations)
        cost = np.empty((len(origins), len(destinations)), dtype=np.int64)
        if len(destinations) < len(origins):
            self._fill(cost.T, self._backward, arrive, leave, progress=progress)
        else:
            self._fill(cost, self._forward, leave, arrive, progress=progress)
        row, column, straight = self._costs.direct(leave, arrive)
        cost[row, column] = np.minimum(cost[row, column], straight)
        return Table(milliseconds(cost), metres(cost))

    def many_to_one(  # numpydoc ignore=PR01
        self, origins: Places, destination: Places
    ) -> Table:
        """Travel times to one destination; see `TravelTimes.many_to_one`."""
        return self.matrix(origins, one(destination))

    def times_ms(  # numpydoc ignore=PR01
        self, origins: Places, destinations: Places, *, progress: bool = False
    ) -> NDArray[np.int32]:
        """Travel times alone; see `TravelTimes.times_ms`."""
        return self.matrix(origins, destinations, progress=progress).ms

    def to_places(  # numpydoc ignore=PR01
        self, destinations: Places, *, progress: bool = False
    ) -> NodeTable:
        """Travel times from every node; see `TravelTimes.to_places`."""
        arrive = self._costs.arrivals(destinations)
        shape = (len(destinations), self.network.n_nodes)
        table = NodeTable(*(np.empty(shape, dtype=np.int32) for _ in NodeTable._fields))
        tree = _Tree(self._backward)
        first = self._costs.graph.first_arc(np.append(self._backward.arc, np.int32(-1)))
        start = self._costs.graph.node_start
        for row in rows_of(len(destinations), progress=progress):
            tree.grow(arrive, row)
            table.ms[row] = milliseconds(tree.cost[start])
            table.metres[row] = metres(tree.cost[start])
            table.next_arc[row] = first[tree.parent[start]]
        return table

    def route(  # numpydoc ignore=PR01
        self, origin: Places, destination: Places
    ) -> Route:
        """Find the fastest way; see `TravelTimes.route`."""
        leave = self._costs.departures(one(origin))
        arrive = self._costs.arrivals(one(destination))
        tree = _Tree(self._forward, wanted=arrive)
        tree.grow(leave, 0)
        cost = int(_to_place(tree.cost, arrive)[0])
        drive = Drive(cost, 0, 0, np.zeros(0, dtype=np.int32))
        if cost < FAR:
            drive = self._walk(tree, leave, arrive, cost)
        return make_route(self._costs, origin, destination, leave, arrive, drive)

    def _fill(
        self, cost: NDArray[np.int64], star: _Star, sources: Legs, targets: Legs, *, progress: bool
    ) -> None:
        """Compute rows of costs through the network; targets may not be empty."""
        tree = _Tree(star, wanted=targets)
        for row in rows_of(len(cost), progress=progress):
            tree.grow(sources, row)
            cost[row] = _to_place(tree.cost, targets)

    def _walk(self, tree: _Tree, leave: Legs, arrive: Legs, cost: int) -> Drive:
        """Follow the tree back from a destination to where it starts."""
        last = int(np.argmin(_by_leg(tree.cost, arrive)[0]))
        node = int(arrive.node[0, last])
        arcs = []
        while (place := tree.parent[node]) >= 0:
            arcs.append(int(self._forward.arc[place]))
            node = int(self._costs.graph.tail[arcs[-1]])
        here = np.where(leave.node[0] == node, leave.cost[0], FAR)
        return Drive(cost, int(np.argmin(here)), last, np.array(arcs[::-1], dtype=np.int32))


class _Tree:
    """A shortest-path tree and the memory that it is grown in, again and again."""

    def __init__(self, star: _Star, wanted: Legs | None = None) -> None:
        n = len(star.ptr) - 1
        self._star = star
        self._wanted = np.zeros(n, dtype=np.bool_)
        if wanted is not None:
            self._wanted[wanted.node[wanted.node >= 0]] = True
        self.cost = np.empty(n, dtype=np.int64)
        self.parent = np.empty(n, dtype=np.int64)

    def grow(self, sources: Legs, row: int) -> None:
        """Grow the tree of one place, up to what is wanted or to the end."""
        star = self._star
        grow_tree(
            star.ptr,
            star.target,
            star.weight,
            sources.node[row],
            sources.cost[row],
            self._wanted,
            self.cost,
            self.parent,
        )


def _by_leg(node_cost: NDArray[np.int64], legs: Legs) -> NDArray[np.int64]:
    """Cost from a tree to places by each of their two legs."""
    if len(node_cost) == 0:
        return legs.cost
    cost: NDArray[np.int64] = np.minimum(node_cost[legs.node] + legs.cost, FAR)
    return cost


def _to_place(node_cost: NDArray[np.int64], legs: Legs) -> NDArray[np.int64]:
    cost: NDArray[np.int64] = _by_leg(node_cost, legs).min(axis=1)
    return cost


def rows_of(count: int, *, progress: bool) -> Iterator[int]:
    """Count rows, and show how many are done if it is wanted.

    Parameters
    ----------
    count : int
        How many.
    progress : bool
        Whether to show it.

    Returns
    -------
    iterator of int
        0, 1, 2, ...
    """
    return tracked(range(count), "travel times", "row", shown=progress)
