"""Where a moving unit is, and what it could do from there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine import fleet
from routing.network import UNREACHABLE
from scenarios.simulation.agenda import compiled, inner
from scenarios.simulation.cursor import NIGHT_NOW, PERIOD_NOW, PROFILES_NOW
from scenarios.simulation.flight import (
    distance_m,
    flies,
    flight_ms,
    flown_m,
    position,
    start_ms,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from scenarios.simulation.arrays import World

NEVER: Final = float(UNREACHABLE)
"""A time that is none."""
NOWHERE: Final = (NEVER, 0.0, 0, -1, -1)
"""What `way_to` answers where a unit cannot be sent."""

_FREE_AT_STATION: Final = fleet.FREE_AT_STATION
_FREE_ON_RADIO: Final = fleet.FREE_ON_RADIO
_RESPONDING: Final = fleet.RESPONDING


@inner
def station_place(world: World, station: int) -> int:
    """Return a station as a place.

    Parameters
    ----------
    world : World
        The world.
    station : int
        The station.

    Returns
    -------
    int
        The place.
    """
    return int(world.travel.drive.shape[2] + world.travel.hospital.shape[2] + station)


@inner
def catch_up(world: World, unit: int) -> tuple[float, int]:
    """Move a unit on its way up to now, and find the junction where it can turn.

    It is the first that the unit reaches now or later: it cannot turn before.

    Parameters
    ----------
    world : World
        Changed in place.
    unit : int
        A unit that drives home, or to an incident.

    Returns
    -------
    at_ms : float
        When it is there.
    at_m : int
        Metres from where it left.
    """
    me, now, travel = world.units[unit], world.clock[0], world.travel
    while me.ahead >= 0:
        if world.returning[unit]:
            rest = travel.rest[me.tree, me.target, me.ahead]
        else:
            rest = travel.turn[me.tree, me.target, me.ahead]
        at_ms = me.arrive_ms - rest.ms
        # lengths are rounded one by one, so that a sum may be a metre off
        at_m = max(me.way_m - rest.metres, me.behind_m)
        if at_ms >= now:
            return at_ms, at_m
        me.behind_ms = at_ms
        me.behind_m = at_m
        me.ahead = rest.ahead
    return me.arrive_ms, max(me.way_m, me.behind_m)


@inner
def driven(world: World, unit: int) -> int:
    """Return how far a unit on its way has come, by share of time between junctions.

    Parameters
    ----------
    world : World
        Changed in place.
    unit : int
        A unit that drives home, or to an incident.

    Returns
    -------
    int
        Metres since it left.
    """
    me, now = world.units[unit], world.clock[0]
    if flies(world, unit):
        return int(flown_m(world, unit))
    if len(world.travel.track_ptr) > 1:
        share = (now - me.left_ms) / max(me.arrive_ms - me.left_ms, 1.0)
        return int(me.way_m * share)
    at_ms, at_m = catch_up(world, unit)
    return int(_passed_m(world, unit, at_ms, at_m))


@inner
def _passed_m(world: World, unit: int, at_ms: float, at_m: int) -> int:
    """Return how far a unit has come that `catch_up` has just moved."""
    me = world.units[unit]
    if at_ms <= me.behind_ms:
        return int(at_m)
    way = at_m - me.behind_m
    return int(me.behind_m + way * (world.clock[0] - me.behind_ms) // (at_ms - me.behind_ms))


@inner
def on_track(world: World, unit: int) -> int:
    """Return the zone that a unit on its way home counts as at.

    Parameters
    ----------
    world : World
        Changed in place; with tracks.
    unit : int
        A unit that drives home.

    Returns
    -------
    int
        The zone.
    """
    me, travel = world.units[unit], world.travel
    share = (world.clock[0] - me.left_ms) / max(me.arrive_ms - me.left_ms, 1e-9)
    end = travel.track_ptr[me.place * travel.home.shape[2] + me.target + 1]
    while me.ahead + 1 < end and travel.track[me.ahead + 1].share <= share:
        me.ahead += 1
    return int(travel.track[me.ahead].place)


@inner
def turnout_ms(world: World, unit: int) -> float:
    """Return how long a crew in its station takes to leave it.

    Parameters
    ----------
    world : World
        The world.
    unit : int
        The unit.

    Returns
    -------
    float
        Milliseconds.
    """
    crew = world.rules.crew[unit]
    if world.cursor[NIGHT_NOW] == 1:
        return float(crew.night_turnout_ms)
    return float(crew.turnout_ms)


@inner
def way_to(  # noqa: C901, PLR0912  # as one, it is compiled into its callers
    world: World, unit: int, incident: int, need: int
) -> tuple[float, float, int, int, int]:
    """Find how a unit could come to an incident.

    Parameters
    ----------
    world : World
        Changed in place: where moving units are.
    unit, incident : int
        Which.
    need : int
        What it shall be able to do.

    Returns
    -------
    arrival_ms : float
        Time from now until it is on scene; NEVER where it cannot be sent.
    turnout : float
        The part of it before it leaves.
    metres : int
        What it drives from now on.
    place : int
        Where it leaves; -1 for the road.
    ahead : int
        The first junction on its way, -1 for none.
    """
    me, call, travel = world.units[unit], world.calls[incident], world.travel
    status = world.status[unit]
    if status > _RESPONDING or me.off > 0 or not world.rules.suitable[need, unit]:
        return NOWHERE
    lead_ms, lead_m, turnout = 0.0, 0, 0.0
    place, ahead, moving = me.place, -1, False
    if status == _FREE_AT_STATION:
        turnout = turnout_ms(world, unit)
    elif status == _FREE_ON_RADIO:
        moving = world.returning[unit]
    elif status == _RESPONDING:
        other = world.calls[me.incident].priority
        if me.incident == incident or not world.rules.divert[other, call.priority]:
            return NOWHERE
        moving = me.left_ms <= world.clock[0]
        if not moving:
            turnout = me.left_ms - world.clock[0]
    else:
        return NOWHERE
    if flies(world, unit):
        if status == _RESPONDING:
            turnout = 0.0
        turnout += start_ms(world, unit)
        way = distance_m(world, position(world, unit), call.zone)
        return turnout + flight_ms(world, unit, way), turnout, int(way + 0.5), me.place, -1
    if moving and len(travel.track_ptr) > 1:
        place = on_track(world, unit)
    elif moving:
        at_ms, at_m = catch_up(world, unit)
        lead_ms = at_ms - world.clock[0]
        lead_m = at_m - _passed_m(world, unit, at_ms, at_m)
        place, ahead = -1, me.ahead
        if ahead < 0:
            place = me.target
            if world.returning[unit]:
                place = station_place(world, me.target)
    tree = world.cursor[PROFILES_NOW] + world.rules.priority[call.priority].response
    if place < 0:
        drive = travel.turn[tree, call.zone, ahead]
    else:
        drive = travel.drive[tree, place, call.zone]
        ahead = drive.ahead
    if drive.ms >= NEVER:
        return NOWHERE
    return turnout + lead_ms + drive.ms, turnout, lead_m + drive.metres, place, ahead


@compiled
def measure_moves(  # noqa: C901, PLR0912  # as one, it is compiled once
    world: World, arrival_ms: NDArray[np.float64]
) -> None:
    """Find when each unit could be at each station.

    Parameters
    ----------
    world : World
        Where the loop stopped with MOVE; changed in place: where moving units are.
    arrival_ms : ndarray of float64, shape (units, stations)
        Written to: time from now; UNREACHABLE where the unit is not free to move, has no
        road there, or is past the last junction of its way.
    """
    travel, now, period = world.travel, world.clock[0], world.cursor[PERIOD_NOW]
    for unit in range(len(world.status)):
        me, status = world.units[unit], world.status[unit]
        arrival_ms[unit] = NEVER
        moving = world.returning[unit]
        if me.off > 0 or not (moving or status == _FREE_AT_STATION):
            continue
        if len(world.rules.aid) > 0 and world.rules.aid[unit].given:
            continue
        if flies(world, unit):
            first = station_place(world, 0)
            at, start = position(world, unit), start_ms(world, unit)
            for station in range(travel.home.shape[2]):
                way = distance_m(world, at, first + station)
                arrival_ms[unit, station] = start + flight_ms(world, unit, way)
            if moving:
                arrival_ms[unit, me.target] = me.arrive_ms - now
            continue
        place, at_ms = me.place, now
        if moving and me.left_ms < now:
            if len(travel.track_ptr) > 1:
                place = on_track(world, unit)
            else:
                place = -1
                at_ms, _ = catch_up(world, unit)
        if place >= 0:
            for station in range(travel.home.shape[2]):
                arrival_ms[unit, station] = travel.home[period, place, station].ms
        elif me.ahead >= 0:
            for station in range(travel.home.shape[2]):
                rest = travel.rest[period, station, me.ahead]
                if rest.ms < NEVER:
                    arrival_ms[unit, station] = at_ms - now + rest.ms
        if moving:
            arrival_ms[unit, me.target] = me.arrive_ms - now
