"""The nodes that units on their way are followed by, where all of them would be too many."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from scenarios.simulation.agenda import compiled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from routing.network import RoadNetwork

_SOON_MS: Final = 10_000.0
_UNKNOWN: Final = -2

_FORKS: Final = 0.7
"""Share of the waypoints that may be forks, so that there are some on long ways as well."""


def waypoints(
    network: RoadNetwork, drives: Sequence[Sequence[NDArray[np.int32]]], most: int
) -> NDArray[np.int64]:
    """Choose nodes on drives, so that one comes soon on each.

    Where forks are few, they are all chosen: a unit that goes on to the next waypoint before
    it turns then passes no road that it should have taken.

    Parameters
    ----------
    network : RoadNetwork
        The roads.
    drives : sequence of sequence of ndarray of int32
        To one end each: nodes where they begin, shape (k,), -1 for none; milliseconds to
        the end, shape (n,); the next arc there, shape (n,), -1 at the end.
    most : int
        How many nodes to choose at most.

    Returns
    -------
    ndarray of int64
        The nodes, rising.
    """
    forks = forks_of(network)
    if np.count_nonzero(forks) > _FORKS * most:
        forks[:] = False
    soon_ms = _SOON_MS
    while True:
        chosen = np.zeros(network.n_nodes, dtype=np.bool_)
        for begin, left_ms, next_arc in drives:
            _mark(begin, left_ms, next_arc, network.arc_head, forks, soon_ms, chosen)
        if np.count_nonzero(chosen) <= most:
            return np.flatnonzero(chosen)
        soon_ms *= 1.3


def forks_of(network: RoadNetwork) -> NDArray[np.bool_]:
    """Find the nodes at which ways part, those apart where only a dead end leads off.

    Parameters
    ----------
    network : RoadNetwork
        The roads.

    Returns
    -------
    ndarray of bool, shape (n,)
        True where ways part.
    """
    pairs = np.unique(np.sort(np.column_stack([network.arc_tail, network.arc_head])), axis=0)
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    many = np.bincount(pairs.ravel(), minlength=network.n_nodes)
    pairs = pairs[(many[pairs] > 1).all(axis=1)]
    return np.bincount(pairs.ravel(), minlength=network.n_nodes) > 2


def next_waypoints(
    network: RoadNetwork,
    next_arc: NDArray[np.int32],
    number: NDArray[np.int32],
    at: NDArray[np.integer],
) -> NDArray[np.int32]:
    """Find the next waypoint after nodes on their way along a tree.

    Parameters
    ----------
    network : RoadNetwork
        The roads.
    next_arc : ndarray of int32, shape (n,)
        The tree: the next arc at every node, -1 where there is none.
    number : ndarray of int32, shape (n,) or more
        Number of each waypoint, -1 for other nodes.
    at : ndarray of int, shape (k,)
        Nodes, -1 for none.

    Returns
    -------
    ndarray of int32, shape (k,)
        Number of the next one, -1 for none.
    """
    after = np.full(network.n_nodes + 1, _UNKNOWN, dtype=np.int32)
    after[-1] = -1
    _follow(at, next_arc, network.arc_head, number, after)
    found: NDArray[np.int32] = after[at]
    return found


@compiled
def _follow(
    at: NDArray[np.integer],
    next_arc: NDArray[np.int32],
    arc_head: NDArray[np.int32],
    number: NDArray[np.int32],
    after: NDArray[np.int32],
) -> None:
    for row in range(len(at)):
        node, found = np.int64(at[row]), np.int32(_UNKNOWN)
        if node < 0:
            continue
        while found == _UNKNOWN:
            arc = next_arc[node]
            if arc < 0:
                found = np.int32(-1)
            else:
                node = np.int64(arc_head[arc])
                found = number[node] if number[node] >= 0 else after[node]
        node = np.int64(at[row])
        # what has been passed is known as well, so that no stretch is driven twice
        while after[node] == _UNKNOWN:
            after[node] = found
            arc = next_arc[node]
            if arc < 0 or number[arc_head[arc]] >= 0:
                break
            node = np.int64(arc_head[arc])


@compiled
def _mark(
    begin: NDArray[np.int32],
    left_ms: NDArray[np.int32],
    next_arc: NDArray[np.int32],
    arc_head: NDArray[np.int32],
    forks: NDArray[np.bool_],
    soon_ms: float,
    chosen: NDArray[np.bool_],
) -> None:
    """Choose forks on the way from each node, and more, so that one comes within `soon_ms`."""
    for row in range(len(begin)):
        node = begin[row]
        passed_ms = float(left_ms[node])
        while node >= 0:
            if forks[node] or passed_ms - left_ms[node] >= soon_ms:
                chosen[node] = True
            if chosen[node]:
                passed_ms = float(left_ms[node])
            arc = next_arc[node]
            node = arc_head[arc] if arc >= 0 else np.int32(-1)
