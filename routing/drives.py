"""From the answer of a search to a route on the road."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from routing.dijkstra import FAR
from routing.errors import InputError
from routing.legs import Step, metres, milliseconds
from routing.routes import Route, draw

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from routing.legs import ArcCosts, Legs
    from routing.snapping import Places


class Drive(NamedTuple):
    """The way that a search found between two places.

    Parameters
    ----------
    cost : int
        What it costs, `FAR` if there is none.
    start_leg, end_leg : int
        By which of their legs it leaves and arrives.
    arcs : ndarray of int32
        Arcs of the search graph between these.
    """

    cost: int
    start_leg: int
    end_leg: int
    arcs: NDArray[np.int32]


def one(place: Places) -> Places:
    """Insist on a single place.

    Parameters
    ----------
    place : Places
        What is given.

    Returns
    -------
    Places
        The same.

    Raises
    ------
    ValueError
        It is none, or several.
    """
    if len(place) != 1:
        raise ValueError(f"{len(place)} places where one is asked for")
    return place


def make_route(
    costs: ArcCosts, origin: Places, destination: Places, leave: Legs, arrive: Legs, drive: Drive
) -> Route:
    """Draw the fastest way from one place to one other.

    Parameters
    ----------
    costs : ArcCosts
        Costs of arcs.
    origin, destination : Places
        One place each.
    leave, arrive : Legs
        Their legs.
    drive : Drive
        The fastest way through the network.

    Returns
    -------
    Route
        It, or the way straight along one road where that is faster.

    Raises
    ------
    InputError
        No road leads there.
    """
    network = costs.network
    _, _, straight = costs.direct(leave, arrive)
    straight_cost = int(straight.min(initial=FAR))
    cost = np.array(min(drive.cost, straight_cost))
    if cost >= FAR:
        raise InputError(
            f"no road leads from {_text(origin)} to {_text(destination)}",
            field="destination",
            fix="choose points on connected roads",
        )
    nodes = np.zeros(0, dtype=np.int32)
    steps = [_straight(leave, arrive)]
    if drive.cost < straight_cost:
        arcs = drive.arcs[drive.arcs < network.n_arcs]
        steps = [Step(arc, 0.0, 1.0) for arc in arcs.tolist()]
        first = _junction(costs, leave, drive.start_leg, network.arc_head)
        nodes = np.append(first, network.arc_head[arcs]).astype(np.int32)
        steps = [*_partly(leave, drive.start_leg, leaving=True), *steps]
        steps += _partly(arrive, drive.end_leg, leaving=False)
    drawn = draw(network, steps, origin.road_lonlat[0], destination.road_lonlat[0])
    return Route(
        ms=int(milliseconds(cost)),
        metres=int(metres(cost)),
        nodes=nodes,
        arcs=np.array([step.arc for step in steps], dtype=np.int32),
        **drawn._asdict(),
    )


def _junction(costs: ArcCosts, legs: Legs, leg: int, ends: NDArray[np.int32]) -> int:
    """Return the junction at the other end of a leg."""
    if legs.at_node[0]:
        end = costs.network.arc_tail if legs.share[0] == 0 else costs.network.arc_head
        return int(end[legs.arc[0]])
    return int(ends[(legs.arc, legs.twin)[leg][0]])


def _partly(legs: Legs, leg: int, *, leaving: bool) -> list[Step]:
    """Return the part of an arc between a place and the junction by which it is left."""
    if legs.at_node[0]:
        return []
    share = float(legs.share[0] if leg == 0 else 1 - legs.share[0])
    arc = int((legs.arc, legs.twin)[leg][0])
    return [Step(arc, share, 1.0) if leaving else Step(arc, 0.0, share)]


def _straight(leave: Legs, arrive: Legs) -> Step:
    """Step from a place to one further on or back on the same road."""
    begin, end = float(leave.share[0]), float(arrive.share[0])
    if begin <= end:
        return Step(int(leave.arc[0]), begin, end)
    return Step(int(leave.twin[0]), 1 - begin, 1 - end)


def _text(place: Places) -> str:
    lon, lat = place.lonlat[0]
    return f"lon {lon:.6f}, lat {lat:.6f}"
