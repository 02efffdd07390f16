"""Units that fly: in straight lines, at one speed, turned round wherever they are.

Places are points of space (WGS84, earth-centred), so that the line between two of them is
shorter than the way over the ground by less than a millionth in a city.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from engine import fleet
from scenarios.simulation.agenda import inner

if TYPE_CHECKING:
    from scenarios.simulation.arrays import World

_RESPONDING: Final = fleet.RESPONDING


@inner
def flies(world: World, unit: int) -> bool:
    """Tell whether a unit flies.

    Parameters
    ----------
    world : World
        The world.
    unit : int
        The unit.

    Returns
    -------
    bool
        True if it does.
    """
    return len(world.rules.flight) > 0 and world.rules.flight[unit].metres_per_ms > 0.0


@inner
def distance_m(world: World, at: tuple[float, float, float], place: int) -> float:
    """Return the length of a straight line to a place.

    Parameters
    ----------
    world : World
        The world.
    at : tuple of float
        A point of space.
    place : int
        The place.

    Returns
    -------
    float
        Metres.
    """
    xyz = world.travel.xyz
    return float(
        np.sqrt(
            (xyz[place, 0] - at[0]) ** 2
            + (xyz[place, 1] - at[1]) ** 2
            + (xyz[place, 2] - at[2]) ** 2
        )
    )


@inner
def point_of(world: World, place: int) -> tuple[float, float, float]:
    """Return a place as a point of space.

    Parameters
    ----------
    world : World
        The world.
    place : int
        The place.

    Returns
    -------
    tuple of float
        Metres.
    """
    xyz = world.travel.xyz
    return float(xyz[place, 0]), float(xyz[place, 1]), float(xyz[place, 2])


@inner
def position(world: World, unit: int) -> tuple[float, float, float]:
    """Return where a flying unit is now.

    Parameters
    ----------
    world : World
        The world.
    unit : int
        The unit.

    Returns
    -------
    tuple of float
        A point of space.
    """
    me = world.units[unit]
    returning = world.returning[unit]
    if not returning and world.status[unit] != _RESPONDING:
        at: tuple[float, float, float] = point_of(world, me.place)
        return at
    target = me.target
    if returning:
        target += world.travel.drive.shape[2] + world.travel.hospital.shape[2]
    end = point_of(world, target)
    whole_ms = me.arrive_ms - world.rules.flight[unit].landing_ms - me.left_ms
    share = min(max((world.clock[0] - me.left_ms) / max(whole_ms, 1e-9), 0.0), 1.0)
    return (
        float(me.x + share * (end[0] - me.x)),
        float(me.y + share * (end[1] - me.y)),
        float(me.z + share * (end[2] - me.z)),
    )


@inner
def start_ms(world: World, unit: int) -> float:
    """Return how long a flying unit takes until it is in the air, its crew's turnout apart.

    Parameters
    ----------
    world : World
        The world.
    unit : int
        The unit.

    Returns
    -------
    float
        Milliseconds; 0 in the air.
    """
    me, now = world.units[unit], world.clock[0]
    if world.returning[unit] or world.status[unit] == _RESPONDING:
        return float(max(me.left_ms - now, 0.0))
    return float(world.rules.flight[unit].start_ms)


@inner
def flight_ms(world: World, unit: int, metres: float) -> float:
    """Return how long a flight takes, landing included.

    Parameters
    ----------
    world : World
        The world.
    unit : int
        The unit.
    metres : float
        How far.

    Returns
    -------
    float
        Whole milliseconds.
    """
    craft = world.rules.flight[unit]
    return float(np.ceil(metres / craft.metres_per_ms) + craft.landing_ms)


@inner
def take_off(world: World, unit: int) -> None:
    """Remember where a flight begins.

    Parameters
    ----------
    world : World
        Changed in place.
    unit : int
        The unit, as it is before it leaves.
    """
    me = world.units[unit]
    at = position(world, unit)
    me.x, me.y, me.z = at


@inner
def flown_m(world: World, unit: int) -> int:
    """Return how far a unit has flown since it took off.

    Parameters
    ----------
    world : World
        The world.
    unit : int
        A unit in the air.

    Returns
    -------
    int
        Metres.
    """
    me = world.units[unit]
    at = position(world, unit)
    return int(np.sqrt((at[0] - me.x) ** 2 + (at[1] - me.y) ** 2 + (at[2] - me.z) ** 2))
