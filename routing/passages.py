"""Which roads that are closed to cars lead a rescue vehicle somewhere."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from routing.build import (
    build_network,
    cut,
    keep_nodes,
    largest_strong_component,
    public_roads,
)
from routing.network import ACCESS, PUBLIC
from routing.simplify import components

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from routing.build import Ways
    from routing.network import RoadNetwork

_NO_ENTRY: Final = ACCESS.index("no_entry")


class RescueNetwork(NamedTuple):
    """A network for cars and rescue vehicles, and what it was cut from.

    Parameters
    ----------
    network : RoadNetwork
        The car network, whose arcs are public, and what else leads through it.
    car : RoadNetwork
        The car network alone: the largest part in which a car can drive from every
        junction to every other.
    roads : RoadNetwork
        All roads for cars, whether they hang together or not.
    """

    network: RoadNetwork
    car: RoadNetwork
    roads: RoadNetwork


def rescue_network(ways: Ways, open_to_cars: NDArray[np.bool_]) -> RescueNetwork:
    """Build the car network, and add to it what rescue vehicles may drive through.

    Of the roads that are closed to cars, or that cars cannot reach, those stay that begin
    and end at different vertices of the car network; what only leads to itself goes.

    Parameters
    ----------
    ways : Ways
        A map with w ways.
    open_to_cars : ndarray of bool, shape (w,)
        Which ways a car may use; of these, the public ones make the car network.

    Returns
    -------
    RescueNetwork
        The networks.
    """
    # a road that no car fits through is closed to cars like one that none may use
    access = np.where(open_to_cars | (ways.way_access != PUBLIC), ways.way_access, _NO_ENTRY)
    ways = replace(ways, way_access=access.astype(np.int8))
    roads = build_network(public_roads(ways))
    car = largest_strong_component(roads)
    if car.n_nodes == 0:
        return RescueNetwork(car, car, roads)
    public, tail, head = ways.segment_public, ways.segment_tail, ways.segment_head
    label = components(len(ways.node_osm), tail[public], head[public], "strong")
    inside = label == label[np.flatnonzero(ways.node_osm == car.node_osm[0])[0]]
    keep = public & inside[tail] & inside[head]
    rest = np.flatnonzero(~keep)
    keep[rest[_leads_through(tail[rest], head[rest], inside)]] = True
    whole = build_network(cut(ways, keep))
    network = keep_nodes(whole, np.ones(whole.n_nodes, dtype=np.bool_))
    of_cars = np.isin(network.node_osm, ways.node_osm[inside])
    of_cars = of_cars[network.arc_tail] & of_cars[network.arc_head]
    return RescueNetwork(replace(network, arc_public=network.arc_public & of_cars), car, roads)


def _leads_through(
    tail: NDArray[np.int32], head: NDArray[np.int32], inside: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Tell the segments that lie on a way from one vertex inside to another one."""
    keep = np.ones(len(tail), dtype=np.bool_)
    n = len(inside)
    while True:
        ends = np.concatenate([tail[keep], head[keep]]).astype(np.int64)
        others = np.concatenate([head[keep], tail[keep]])
        neighbours = np.bincount(np.unique(ends * n + others) // n, minlength=n)
        dead_end = ~inside & (neighbours == 1)
        gone = keep & (dead_end[tail] | dead_end[head])
        if not gone.any():
            break
        keep &= ~gone
    keep &= _touches_two(tail, head, keep, inside)
    # what is inside counts as one vertex: from it, and back to it, in the right direction
    one = np.where(inside, 0, np.arange(1, n + 1))
    label = components(n + 1, one[tail[keep]], one[head[keep]], "strong")
    both = label[one] == label[0]
    result: NDArray[np.bool_] = keep & both[tail] & both[head]
    return result


def _touches_two(
    tail: NDArray[np.int32],
    head: NDArray[np.int32],
    keep: NDArray[np.bool_],
    inside: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    """Tell the segments whose part touches two vertices inside, or joins two of them."""
    n = len(inside)
    outer = keep & ~inside[tail] & ~inside[head]
    label = components(n, tail[outer], head[outer], "weak")
    into, out = keep & ~inside[tail] & inside[head], keep & inside[tail] & ~inside[head]
    part = np.concatenate([label[tail[into]], label[head[out]]]).astype(np.int64)
    contact = np.concatenate([head[into], tail[out]])
    contacts = np.bincount(np.unique(part * n + contact) // n, minlength=n)
    through = contacts[label] >= 2
    joins = inside[tail] & inside[head]
    result: NDArray[np.bool_] = joins | np.where(inside[tail], through[head], through[tail])
    return result
