"""The event loop: what happens next, and what follows from it.

Plain functions on arrays, compiled. The loop stops where a decision is needed that is
not compiled itself, and goes on when it is called again with the answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from numba import njit

from engine import events, fleet
from routing.network import UNREACHABLE
from scenarios.simulation.agenda import HEAPED, WAITING, dequeue, enqueue, inner, pop, push

if TYPE_CHECKING:
    from collections.abc import Callable

    from scenarios.simulation.arrays import World

DONE: Final = 0
"""Nothing is left to happen."""
DECIDE: Final = 1
"""The incident at CURSOR_ASKED needs an answer at CURSOR_CHOICE."""

LOGGED: Final = 2
NOW: Final = 3
SCAN: Final = 4  # next position in the queue to ask about
SCAN_END: Final = 5
FREED: Final = 6  # unit that drives home unless the queue takes it, or -1
ASKED: Final = 7  # incident that a decision is needed for
CHOICE: Final = 8  # its answer: a unit, -1 to wait, or UNANSWERED
FRESH: Final = 9  # 1 where the incident asked about has just been processed
IDLE: Final = 10  # units that are free

UNANSWERED: Final = -2

# Typed: a literal would have every function that it is given to compiled once more.
_DEPARTED: Final = np.int64(events.DEPARTED)
_ON_SCENE: Final = np.int64(events.ON_SCENE)
_LEFT_SCENE: Final = np.int64(events.LEFT_SCENE)
_AT_HOSPITAL: Final = np.int64(events.AT_HOSPITAL)
_FREE: Final = np.int64(events.FREE)
_AT_STATION: Final = np.int64(events.AT_STATION)
_CALL: Final = np.int64(events.CALL)
_CALL_PROCESSED: Final = np.int64(events.CALL_PROCESSED)
_QUEUED: Final = np.int64(events.QUEUED)
_DISPATCHED: Final = np.int64(events.DISPATCHED)
_NONE: Final = np.int64(-1)
_NO_WAY: Final = np.int64(0)

_NEVER: Final = int(UNREACHABLE)


@inner
def _log(world: World, event: int, incident: int, unit: int, place: int, metres: int) -> None:
    row = world.cursor[LOGGED]
    world.cursor[LOGGED] += 1
    world.log[row].time_ms = world.cursor[NOW]
    world.log[row].event = event
    world.log[row].incident = incident
    world.log[row].unit = unit
    world.log[row].place = place
    world.log[row].metres = metres


@inner
def _push(world: World, time_ms: int, kind: int, subject: int) -> None:
    push(world.heap, world.cursor, time_ms, kind, subject)


@inner
def _station_place(world: World, unit: int) -> int:
    travel = world.travel
    return int(travel.drive.shape[1] - travel.home.shape[1] + world.rules.crew[unit].home)


@inner
def _catch_up(world: World, unit: int) -> tuple[int, int]:
    """Move a returning unit up to now; return time and way to the next junction, from its start.

    The junction is the first that it reaches now or later: it cannot turn before.
    """
    me, home = world.units[unit], world.rules.crew[unit].home
    drive = world.travel.home[me.place, home]
    elapsed = world.cursor[NOW] - me.left_ms
    while me.ahead >= 0:
        rest = world.travel.rest[home, me.ahead]
        at_ms = drive.ms - rest.ms
        # lengths are rounded one by one, so that a sum may be a metre off
        at_m = max(drive.metres - rest.metres, me.behind_m)
        if at_ms >= elapsed:
            return at_ms, at_m
        me.behind_ms = at_ms
        me.behind_m = at_m
        me.ahead = rest.following
    return drive.ms, max(drive.metres, me.behind_m)


@inner
def _driven(world: World, unit: int) -> int:
    """Metres that a returning unit has driven since it left, by share of time between junctions."""
    me = world.units[unit]
    at_ms, at_m = _catch_up(world, unit)
    if at_ms <= me.behind_ms:
        return int(at_m)
    elapsed = world.cursor[NOW] - me.left_ms
    part = (at_m - me.behind_m) * (elapsed - me.behind_ms) // (at_ms - me.behind_ms)
    return int(me.behind_m + part)


@inner
def _measure(world: World, incident: int) -> bool:
    """Find when each unit could be on scene; return whether any could be sent."""
    travel, call = world.travel, world.calls[incident]
    profile = world.rules.priority[call.priority].response
    any_unit = False
    for unit in range(len(world.status)):
        world.arrival_ms[unit] = _NEVER
        free = (
            world.status[unit] == fleet.FREE_AT_STATION or world.status[unit] == fleet.FREE_ON_RADIO
        )
        if not free or not world.rules.suitable[call.priority, unit]:
            continue
        me = world.units[unit]
        lead_ms, lead_m = 0, 0
        if world.returning[unit]:
            at_ms, at_m = _catch_up(world, unit)
            lead_ms = me.left_ms + at_ms - world.cursor[NOW]
            lead_m = at_m - _driven(world, unit)
            if me.ahead >= 0:
                drive = travel.turn[profile, call.zone, me.ahead]
            else:
                drive = travel.drive[profile, _station_place(world, unit), call.zone]
        else:
            drive = travel.drive[profile, me.place, call.zone]
            if world.status[unit] == fleet.FREE_AT_STATION:
                lead_ms = world.rules.crew[unit].turnout_ms
        if drive.ms < _NEVER:
            world.arrival_ms[unit] = lead_ms + drive.ms
            me.distance_m = lead_m + drive.metres
            any_unit = True
    return any_unit


@inner
def _dispatch(world: World, unit: int, incident: int) -> None:
    """Send a unit that `_measure` has just looked at."""
    me, fate, now = world.units[unit], world.served[incident], world.cursor[NOW]
    turnout_ms = 0
    if world.status[unit] == fleet.FREE_AT_STATION:
        turnout_ms = world.rules.crew[unit].turnout_ms
    driven = _NO_WAY
    if world.returning[unit]:
        driven = _driven(world, unit)
        me.place = -1
    world.cursor[IDLE] -= 1
    world.returning[unit] = False
    world.status[unit] = fleet.RESPONDING
    me.incident = incident
    fate.unit = unit
    fate.dispatch_ms = now
    fate.departed_ms = now + turnout_ms
    fate.on_scene_ms = now + world.arrival_ms[unit]
    fate.distance_m = me.distance_m
    _log(world, _DISPATCHED, incident, unit, me.place, driven)
    _push(world, now + turnout_ms, _DEPARTED, unit)


@inner
def _go_home(world: World, unit: int) -> None:
    me, now = world.units[unit], world.cursor[NOW]
    drive = world.travel.home[me.place, world.rules.crew[unit].home]
    world.returning[unit] = True
    me.left_ms = now
    me.ahead = drive.first
    me.behind_ms = 0
    me.behind_m = 0
    _push(world, now + drive.ms, _AT_STATION, unit)


@inner
def _ask_queue(world: World) -> None:
    world.cursor[SCAN] = 0
    world.cursor[SCAN_END] = world.cursor[WAITING]


@inner
def _incident_event(world: World, kind: int, incident: int) -> None:
    call, cursor = world.calls[incident], world.cursor
    _log(world, kind, incident, _NONE, call.zone, _NO_WAY)
    if kind == _CALL:
        _push(world, cursor[NOW] + call.processing_ms, _CALL_PROCESSED, incident)
        if incident + 1 < len(world.calls):
            _push(world, world.calls[incident + 1].call_ms, _CALL, incident + 1)
    else:
        cursor[SCAN] = enqueue(world.waiting, cursor, world.calls, incident)
        cursor[SCAN_END] = cursor[SCAN] + 1
        cursor[FRESH] = 1


@inner
def _back_at_station(world: World, unit: int) -> None:
    me = world.units[unit]
    if not world.returning[unit]:
        return
    drive = world.travel.home[me.place, world.rules.crew[unit].home]
    if me.left_ms + drive.ms != world.cursor[NOW]:
        return  # it was turned round since, and is on its way home once more
    world.returning[unit] = False
    world.status[unit] = fleet.FREE_AT_STATION
    me.place = _station_place(world, unit)
    _log(world, _AT_STATION, _NONE, unit, me.place, drive.metres)
    _ask_queue(world)


@inner
def _unit_event(world: World, kind: int, unit: int) -> None:
    """Do the next step of a unit that serves an incident."""
    me, now = world.units[unit], world.cursor[NOW]
    incident = me.incident
    call, fate = world.calls[incident], world.served[incident]
    to_hospital = world.travel.hospital[world.rules.priority[call.priority].transport, call.zone]
    place, metres, next_kind, next_ms = me.place, 0, _ON_SCENE, fate.on_scene_ms
    if kind == _ON_SCENE:
        world.status[unit] = fleet.ON_SCENE
        me.place = call.zone
        place, metres = call.zone, fate.distance_m
        next_kind, next_ms = _FREE, now + call.on_scene_ms
        if call.transported:
            next_kind = _LEFT_SCENE
    elif kind == _LEFT_SCENE:
        world.status[unit] = fleet.PATIENT_ABOARD
        fate.left_ms = now
        fate.hospital = to_hospital.place
        place = to_hospital.place
        next_kind, next_ms = _AT_HOSPITAL, now + to_hospital.ms
    elif kind == _AT_HOSPITAL:
        world.status[unit] = fleet.AT_DESTINATION
        fate.at_hospital_ms = now
        me.place = to_hospital.place
        place, metres = to_hospital.place, to_hospital.metres
        next_kind, next_ms = _FREE, now + call.handover_ms
    elif kind == _FREE:
        world.status[unit] = fleet.FREE_ON_RADIO
        fate.free_ms = now
        me.incident = -1
        world.cursor[IDLE] += 1
        world.cursor[FREED] = unit
        _ask_queue(world)
    _log(world, kind, incident, unit, place, metres)
    if kind != _FREE:
        _push(world, next_ms, next_kind, unit)


@njit(cache=True)
def start(world: World) -> None:
    """Put the first call on the agenda.

    Parameters
    ----------
    world : World
        A new world.
    """
    world.cursor[FREED] = -1
    world.cursor[CHOICE] = UNANSWERED
    world.cursor[IDLE] = len(world.status)
    if len(world.calls):
        _push(world, world.calls[0].call_ms, _CALL, _NO_WAY)


@inner
def _must_ask(decide: Callable[..., int], external: bool, world: World, incident: int) -> bool:
    """Find the answer for an incident; return whether somebody else must give it."""
    cursor = world.cursor
    if cursor[CHOICE] != UNANSWERED:
        return False
    if not _measure(world, incident):
        cursor[CHOICE] = -1
    elif external:
        cursor[ASKED] = incident
        return True
    else:
        cursor[CHOICE] = decide(
            cursor[NOW],
            world.calls[incident].priority,
            cursor[NOW] - world.calls[incident].call_ms,
            world.status,
            world.returning,
            world.arrival_ms,
        )
    return False


@inner
def _carry_out(world: World, incident: int) -> None:
    """Do what was answered for the incident that stands at SCAN."""
    cursor = world.cursor
    unit = cursor[CHOICE]
    cursor[CHOICE] = UNANSWERED
    if unit >= 0:
        dequeue(world.waiting, cursor, cursor[SCAN])
        cursor[SCAN_END] -= 1
        _dispatch(world, unit, incident)
        if unit == cursor[FREED]:
            cursor[FREED] = -1
    else:
        cursor[SCAN] += 1
        if cursor[FRESH] == 1:
            _log(world, _QUEUED, incident, _NONE, world.calls[incident].zone, _NO_WAY)
    cursor[FRESH] = 0


@njit(cache=True)
def advance(decide: Callable[..., int], external: bool, world: World) -> int:
    """Let things happen until nothing is left or a decision is needed.

    Parameters
    ----------
    decide : callable
        A compiled policy of signature `engine.dispatch.kernels.KERNEL`.
    external : bool
        True to be asked instead: `decide` is not called.
    world : World
        A started world; changed in place.

    Returns
    -------
    int
        DONE, or DECIDE: then the incident is at ``cursor[ASKED]``, what each unit
        could do stands in ``arrival_ms``, and the answer goes to
        ``cursor[CHOICE]``.
    """
    cursor = world.cursor
    while True:
        # where no unit is free, a long queue is not read to its end for nothing
        while cursor[SCAN] < cursor[SCAN_END] and (cursor[IDLE] > 0 or cursor[FRESH] == 1):
            incident = world.waiting[cursor[SCAN]]
            if _must_ask(decide, external, world, incident):
                return DECIDE
            _carry_out(world, incident)
        cursor[SCAN_END] = 0
        if cursor[FREED] >= 0:
            _go_home(world, cursor[FREED])
            cursor[FREED] = -1
        if cursor[HEAPED] == 0:
            return DONE
        cursor[NOW], kind, subject = pop(world.heap, cursor)
        if kind in (_CALL, _CALL_PROCESSED):
            _incident_event(world, kind, subject)
        elif kind == _AT_STATION:
            _back_at_station(world, subject)
        else:
            _unit_event(world, kind, subject)
