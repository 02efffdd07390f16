"""Which parts of the roads are reached from places, or lead to them, and when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from routing.dijkstra import grow_tree
from routing.errors import InputError
from routing.legs import ArcCosts, milliseconds
from routing.network import UNREACHABLE

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from routing.network import RoadNetwork
    from routing.snapping import Places


@dataclass(frozen=True, eq=False)
class ReachedArcs:
    """Stretches of arcs that are driven within a time limit.

    A stretch is driven from `begin` to `end`, at even speed. The two arcs of a two-way
    road have stretches of their own, each in its own direction; those of one arc do not
    overlap. With k stretches, sorted by arc and begin:

    Parameters
    ----------
    arc : ndarray of int32, shape (k,)
        The arc of each.
    begin, end : ndarray of float64, shape (k,)
        Shares of its length, 0 at the tail to 1 at the head; ``begin < end``.
    begin_s, end_s : ndarray of float64, shape (k,)
        Seconds between each end and the nearest place in time: falling along the
        stretch if it leads towards the places, else rising.
    """

    arc: NDArray[np.int32]
    begin: NDArray[np.float64]
    end: NDArray[np.float64]
    begin_s: NDArray[np.float64]
    end_s: NDArray[np.float64]

    def __len__(self) -> int:
        """Return the number of stretches."""
        return len(self.arc)


def node_times_ms(
    network: RoadNetwork, arc_ms: ArrayLike, places: Places, *, towards: bool = False
) -> NDArray[np.int32]:
    """Compute the time between each node and the nearest of some places.

    Parameters
    ----------
    network : RoadNetwork
        A network with n nodes and m arcs.
    arc_ms : array-like of int, shape (m,)
        Milliseconds for each arc, `routing.network.UNREACHABLE` for a closed one.
    places : Places
        The places.
    towards : bool
        Drive from the nodes to the places, instead of away from them.

    Returns
    -------
    ndarray of int32, shape (n,)
        Milliseconds, `routing.network.UNREACHABLE` where no road leads.

    Raises
    ------
    InputError
        The times are not one whole number of milliseconds, zero or more, for each arc.
    """
    costs = ArcCosts(network, arc_ms)
    legs = costs.arrivals(places) if towards else costs.departures(places)
    source, target = network.arc_tail, network.arc_head
    if towards:
        source, target = target, source
    n = network.n_nodes
    order = np.argsort(source, kind="stable")
    ptr = np.zeros(n + 1, dtype=np.int64)
    np.cumsum(np.bincount(source, minlength=n), out=ptr[1:])
    cost, parent = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64)
    # one tree from all places at once: its cost does not grow with their number
    grow_tree(
        ptr,
        target[order],
        costs.cost[order],
        legs.node.ravel(),
        legs.cost.ravel(),
        np.zeros(n, dtype=np.bool_),
        cost,
        parent,
    )
    return milliseconds(cost)


def reached_arcs(
    network: RoadNetwork,
    arc_ms: ArrayLike,
    places: Places,
    limit_s: float,
    *,
    towards: bool = False,
    node_ms: NDArray[np.int32] | None = None,
) -> ReachedArcs:
    """Find what is driven within a time limit from the nearest of some places.

    An arc is driven from its tail, as far as the time lasts, and from the places that
    lie on it; every point of it counts with the earliest arrival.

    Parameters
    ----------
    network : RoadNetwork
        A network with n nodes and m arcs.
    arc_ms : array-like of int, shape (m,)
        Milliseconds for each arc, `routing.network.UNREACHABLE` for a closed one.
    places : Places
        The places.
    limit_s : float
        Seconds, zero or more.
    towards : bool
        Find from where the places are reached, instead of what is reached from them.
    node_ms : ndarray of int32, shape (n,), optional
        What `node_times_ms` returns, where it is known already.

    Returns
    -------
    ReachedArcs
        The stretches.

    Raises
    ------
    InputError
        The limit is negative or not finite, or the arc times are wrong.
    """
    if not 0 <= limit_s < UNREACHABLE / 1000:
        raise InputError(
            f"{limit_s} s is no time limit", field="limit_s", fix="give seconds, zero or more"
        )
    if node_ms is None:
        node_ms = node_times_ms(network, arc_ms, places, towards=towards)
    ms = np.asarray(arc_ms).astype(np.float64)

    # each arc is entered at its near end and at the places on it; `at` rises from there
    # on: shares of its length, negative ones if it is entered at the head, as a sign is
    # turned back without loss, where 1 - (1 - share) may miss the share of the place
    arc, share = _on_arcs(network, places)
    near = network.arc_head if towards else network.arc_tail
    near_at, far_at = (-1.0, 0.0) if towards else (0.0, 1.0)
    arc = np.concatenate([np.arange(network.n_arcs), arc])
    at = np.concatenate([np.full(network.n_arcs, near_at), -share if towards else share])
    start_ms = np.concatenate([node_ms[near].astype(np.float64), np.zeros(len(share))])
    within = (ms[arc] < UNREACHABLE) & (start_ms <= limit_s * 1000)
    arc, at, start_ms = arc[within], at[within], start_ms[within]
    order = np.lexsort((start_ms, at, arc))
    arc, at, start_ms = arc[order], at[order], start_ms[order]

    # nothing that comes from behind passes a place before those who start there
    until = np.append(
        np.where(arc[1:] == arc[:-1], at[1:], far_at), np.full(min(1, len(arc)), far_at)
    )
    left_ms = limit_s * 1000 - start_ms
    far = np.divide(left_ms, ms[arc], out=np.full(len(arc), np.inf), where=ms[arc] > 0)
    until = np.minimum(until, at + far)
    some = until > at
    arc, at, until, start_ms = arc[some], at[some], until[some], start_ms[some]
    first_s = start_ms / 1000
    last_s = first_s + (until - at) * ms[arc] / 1000
    if towards:
        reverse = np.lexsort((-until, arc))
        at, until, first_s, last_s = 0.0 - until, 0.0 - at, last_s, first_s
        arc, at, until = arc[reverse], at[reverse], until[reverse]
        first_s, last_s = first_s[reverse], last_s[reverse]
    return ReachedArcs(arc.astype(np.int32), at, until, first_s, last_s)


def stretch_lines(
    network: RoadNetwork, reached: ReachedArcs
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Draw stretches of arcs.

    Parameters
    ----------
    network : RoadNetwork
        The network.
    reached : ReachedArcs
        Stretches of its arcs, k of them.

    Returns
    -------
    lonlat : ndarray of float64, shape (v, 2)
        Vertices in degrees, stretch after stretch, at least two each.
    stretch : ndarray of int64, shape (v,)
        Stretch of each vertex.
    """
    first = network.arc_vertex_ptr[reached.arc].astype(np.int64)
    count = network.arc_vertex_ptr[reached.arc + 1] - first
    along = np.cumsum(network.segment_m) - network.segment_m
    length = network.arc_m[reached.arc]
    begin_m = along[first] + reached.begin * length
    end_m = along[first] + reached.end * length

    rows = np.arange(len(reached))
    stretch = np.repeat(rows, count)
    vertex = np.arange(len(stretch)) - np.repeat(np.cumsum(count) - count, count) + first[stretch]
    inner = (along[vertex] > begin_m[stretch]) & (along[vertex] < end_m[stretch])
    stretch, vertex = stretch[inner], vertex[inner]

    start = _points(network, along, reached.arc, begin_m)
    stop = _points(network, along, reached.arc, end_m)
    lonlat = np.concatenate([start, network.vertex_lonlat[vertex], stop])
    owner = np.concatenate([rows, stretch, rows])
    order = np.argsort(owner, kind="stable")
    return lonlat[order], owner[order]


def _on_arcs(network: RoadNetwork, places: Places) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Arcs on which places lie, both of a two-way road, and where on them."""
    arc = places.arc.astype(np.int64)
    twin = network.arc_twin[arc].astype(np.int64)
    both = twin >= 0
    return (
        np.concatenate([arc, twin[both]]),
        np.concatenate([places.share, 1 - places.share[both]]),
    )


def _points(
    network: RoadNetwork,
    along: NDArray[np.float64],
    arc: NDArray[np.int32],
    metres: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Lon, lat of points on arcs, by metres along all vertices of the network."""
    first, last = network.arc_vertex_ptr[arc], network.arc_vertex_ptr[arc + 1] - 2
    segment = np.clip(np.searchsorted(along, metres, side="right") - 1, first, last)
    size, gap = network.segment_m[segment], metres - along[segment]
    part = np.clip(np.divide(gap, size, out=np.zeros_like(gap), where=size > 0), 0, 1)[:, None]
    start, end = network.vertex_lonlat[segment], network.vertex_lonlat[segment + 1]
    # in this form both ends come out to the last digit
    result: NDArray[np.float64] = (1 - part) * start + part * end
    return result
