"""The closest unit, found without looking at each of them.

The stations of each zone are known in the order of their drives, so that few are looked
at until one has a unit that is free; besides, those are asked that are on the road.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from engine import fleet
from scenarios.simulation.agenda import inner
from scenarios.simulation.arrays import NEAR
from scenarios.simulation.cursor import (
    CLOSEST_GOES,
    FREED,
    IDLE,
    NIGHT_NOW,
    ON_ROAD,
    PROFILES_NOW,
    SEARCH,
)
from scenarios.simulation.movement import NEVER, NOWHERE, turnout_ms, way_to

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from scenarios.simulation.arrays import World

_FREE_AT_STATION: Final = fleet.FREE_AT_STATION


def nearest_stations(drive: NDArray[Any], stations: int) -> NDArray[Any]:
    """Rank the stations of each zone by their drives there.

    Parameters
    ----------
    drive : ndarray of DRIVE or FINE_DRIVE, shape (q k, p, z)
        From each place to each zone; see `scenarios.simulation.arrays.Travel`.
    stations : int
        How many of the places are stations, s: the last ones.

    Returns
    -------
    ndarray of NEAR, shape (q k, z, s)
        The nearest by time first, the first of equals first.
    """
    from_stations = np.swapaxes(drive[:, drive.shape[1] - stations :], 1, 2)
    order = np.argsort(from_stations["ms"], axis=2, kind="stable")
    ranked = np.empty(order.shape, dtype=NEAR)
    for name in ("ms", "metres"):
        ranked[name] = np.take_along_axis(from_stations[name], order, axis=2)
    ranked["station"] = order
    return ranked


@inner
def begin_way_home(world: World, unit: int) -> None:
    """Count a unit among those on their way home.

    Parameters
    ----------
    world : World
        Changed in place.
    unit : int
        The unit; one that is counted stays.
    """
    if not world.returning[unit]:
        world.returning[unit] = True
        world.units[unit].spot = world.cursor[ON_ROAD]
        world.on_road[world.cursor[ON_ROAD]] = unit
        world.cursor[ON_ROAD] += 1


@inner
def end_way_home(world: World, unit: int) -> None:
    """Take a unit from those on their way home.

    Parameters
    ----------
    world : World
        Changed in place.
    unit : int
        The unit, counted or not.
    """
    if world.returning[unit]:
        world.returning[unit] = False
        world.cursor[ON_ROAD] -= 1
        last = world.on_road[world.cursor[ON_ROAD]]
        world.on_road[world.units[unit].spot] = last
        world.units[last].spot = world.units[unit].spot


@inner
def _closest_standing(
    world: World, incident: int, need: int
) -> tuple[int, tuple[float, float, int, int, int]]:
    """Find the closest of the units that stand at their stations."""
    best, best_ms, way = -1, NEVER, NOWHERE
    cursor, travel, call = world.cursor, world.travel, world.calls[incident]
    tree = cursor[PROFILES_NOW] + world.rules.priority[call.priority].response
    least_ms = world.least_ms[cursor[NIGHT_NOW]]
    for rank in range(travel.nearest.shape[2]):
        near = travel.nearest[tree, call.zone, rank]
        if near.ms >= NEVER or least_ms + near.ms > best_ms:
            break
        for row in range(world.base_ptr[near.station], world.base_ptr[near.station + 1]):
            unit = world.based[row]
            if world.status[unit] == _FREE_AT_STATION and world.rules.suitable[need, unit]:
                turnout = turnout_ms(world, unit)
                arrival_ms = turnout + near.ms
                if arrival_ms < best_ms or (arrival_ms == best_ms and unit < best):
                    best, best_ms = unit, arrival_ms
                    way = arrival_ms, turnout, int(near.metres), int(world.units[unit].place), -1
                if turnout == least_ms:
                    break
    return best, way


@inner
def closest_way(
    world: World, incident: int, need: int
) -> tuple[int, tuple[float, float, int, int, int]]:
    """Find the unit that could be on scene first, and how, where all at stations are at home.

    Parameters
    ----------
    world : World
        Changed in place: where moving units are. Nobody flies, is a neighbour's, is
        diverted or moved to another station.
    incident : int
        Where to.
    need : int
        What the unit shall be able to do.

    Returns
    -------
    unit : int
        The unit, the lowest of equals; -1 where none can be sent.
    way : tuple
        As `scenarios.simulation.movement.way_to` finds it, but for the junctions.
    """
    cursor = world.cursor
    if cursor[IDLE] == 0:
        return -1, NOWHERE
    best, way = _closest_standing(world, incident, need)
    first = end = cursor[ON_ROAD]
    if cursor[SEARCH] == CLOSEST_GOES:
        first = 0
    if cursor[FREED] >= 0:
        world.on_road[end] = cursor[FREED]
        end += 1
    standing, best_ms = best, way[0]
    for row in range(first, end):
        unit = world.on_road[row]
        arrival_ms, _, _, _, _ = way_to(world, unit, incident, need)
        if arrival_ms < best_ms or (arrival_ms == best_ms and unit < best):
            best, best_ms = unit, arrival_ms
    if best != standing:
        way = way_to(world, best, incident, need)
    return best, way
