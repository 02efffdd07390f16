"""The event loop: what happens next, and what follows from it.

Plain functions on arrays, compiled. The loop stops where a decision is needed that is
not compiled itself, and goes on when it is called again with the answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from engine import fleet
from scenarios.simulation import arrays
from scenarios.simulation.agenda import (
    ask_queue,
    compiled,
    dequeue,
    enqueue,
    first_step,
    inner,
    plan_step,
    pop,
    push,
)
from scenarios.simulation.closest import closest_way
from scenarios.simulation.cursor import (
    AGAIN,
    ASK,
    ASKED,
    CHANGED,
    CHOICE,
    DIVERTING,
    FREED,
    FRESH,
    HEAPED,
    IDLE,
    JUST_FREED,
    MOVING,
    NEXT_CALL,
    NEXT_TIMED,
    NIGHT_NOW,
    PERIOD_NOW,
    PROFILES_NOW,
    SCAN,
    SCAN_END,
    SEARCH,
    SLOT,
    UNANSWERED,
    UNSEEN,
    WAITING,
)
from scenarios.simulation.handover import arrive_at_hospital, leave_hospital, take_to_hospital
from scenarios.simulation.homeward import back_at_station, drive_to, end_duty
from scenarios.simulation.logbook import (
    AT_HOSPITAL,
    AT_STATION,
    CALL,
    CALL_PROCESSED,
    FREE,
    LEFT_SCENE,
    NO_WAY,
    NONE,
    ON_DUTY,
    ON_SCENE,
    QUEUED,
    log_event,
)
from scenarios.simulation.movement import NOWHERE, way_to
from scenarios.simulation.response import begin, measure, need_of, next_slot, transports
from scenarios.simulation.sending import dispatch
from scenarios.simulation.unseen import hand_over_unseen

if TYPE_CHECKING:
    from collections.abc import Callable

    from scenarios.simulation.arrays import World

DONE: Final = 0
"""Nothing is left to happen."""
DECIDE: Final = 1
"""The incident at ``cursor[ASKED]`` needs an answer at ``cursor[CHOICE]``."""
MOVE: Final = 2
"""The fleet has changed, and units may be moved with `scenarios.simulation.homeward.relocate`."""


@inner
def _call_in(world: World) -> None:
    """Answer the next call."""
    incident = world.cursor[NEXT_CALL]
    world.cursor[NEXT_CALL] += 1
    call = world.calls[incident]
    log_event(world, CALL, incident, NONE, call.zone, NO_WAY)
    push(world.heap, world.cursor, call.call_ms + call.processing_ms, incident)


@inner
def _processed(world: World, incident: int) -> None:
    cursor = world.cursor
    log_event(world, CALL_PROCESSED, incident, NONE, world.calls[incident].zone, NO_WAY)
    cursor[SCAN] = enqueue(world.waiting, cursor, world.calls, incident)
    cursor[SCAN_END] = cursor[SCAN] + 1
    cursor[FRESH] = 1
    world.cases[incident].queued = True


@inner
def _step(choose: Callable[..., int], world: World, kind: int, unit: int) -> None:
    """Do the next step of a unit that serves an incident."""
    me, now, cursor = world.units[unit], world.clock[0], world.cursor
    incident = me.incident
    call, leg = world.calls[incident], world.legs[me.leg]
    place, metres, next_kind, next_ms = me.place, NO_WAY, ON_SCENE, me.arrive_ms
    if kind == ON_SCENE:
        world.status[unit] = fleet.ON_SCENE
        me.place = call.zone
        place, metres = call.zone, leg.distance_m
        next_kind, next_ms = FREE, now + call.on_scene_ms
        if transports(world, incident, me.leg):
            next_kind = LEFT_SCENE
    elif kind == LEFT_SCENE:
        world.status[unit] = fleet.PATIENT_ABOARD
        leg.left_ms = now
        place, next_ms = take_to_hospital(choose, world, unit)
        leg.hospital = place
        next_kind, next_ms = hand_over_unseen(world, unit, next_ms)
    elif kind == AT_HOSPITAL:
        world.status[unit] = fleet.AT_DESTINATION
        leg.at_hospital_ms = now
        me.place = leg.hospital
        place, metres = leg.hospital, me.way_m
        next_kind, next_ms = FREE, now + call.handover_ms
        if not arrive_at_hospital(world, unit, place - world.travel.hospital.shape[1]):
            next_ms = np.inf
    elif kind == FREE:
        world.status[unit] = fleet.FREE_ON_RADIO
        leg.free_ms = now
        if leg.hospital >= 0:
            leave_hospital(world, leg.hospital - world.travel.hospital.shape[1])
        me.incident = -1
        cursor[FREED] = unit
        cursor[CHANGED] = 1
        if me.off == 0:
            cursor[IDLE] += 1
            ask_queue(world.cursor)
    log_event(world, kind, incident, unit, place, metres)
    if kind != FREE:  # else the queue or the way home is next
        plan_step(world.steps, unit, next_ms, next_kind)


@inner
def _duty(world: World, unit: int, change: int) -> None:
    """Give a unit one more reason to be off duty, or one less."""
    me, status = world.units[unit], world.status[unit]
    me.off += change
    free = status in (fleet.FREE_AT_STATION, fleet.FREE_ON_RADIO)
    if change == 1 and me.off == 1 and free:
        world.cursor[IDLE] -= 1
        world.cursor[CHANGED] = 1
        if status == fleet.FREE_AT_STATION:
            end_duty(world, unit)
    elif change == -1 and me.off == 0 and (free or status == fleet.OUT_OF_SERVICE):
        world.cursor[IDLE] += 1
        world.cursor[CHANGED] = 1
        if status == fleet.OUT_OF_SERVICE:
            world.status[unit] = fleet.FREE_AT_STATION
            log_event(world, ON_DUTY, NONE, unit, me.place, NO_WAY)
        ask_queue(world.cursor)


@inner
def _timed(world: World) -> None:
    """Do what the timeline has next."""
    cursor = world.cursor
    what = world.timeline[cursor[NEXT_TIMED]]
    cursor[NEXT_TIMED] += 1
    if what.kind == arrays.GOES_OFF:
        _duty(world, what.subject, 1)
    elif what.kind == arrays.COMES_ON:
        _duty(world, what.subject, -1)
    elif what.kind == arrays.PERIOD:
        cursor[PERIOD_NOW] = what.subject
        travel = world.travel
        cursor[PROFILES_NOW] = what.subject * (travel.drive.shape[0] // travel.home.shape[0])
        ask_queue(world.cursor)
    elif what.kind == arrays.NIGHT:
        cursor[NIGHT_NOW] = what.subject
    elif what.kind == arrays.CLOSES:
        world.closed[what.subject] = True
    elif what.kind == arrays.OPENS:
        world.closed[what.subject] = False


@compiled
def start(world: World) -> None:
    """Make a new world ready for `advance`.

    Parameters
    ----------
    world : World
        A new world.
    """
    world.cursor[FREED] = -1
    world.cursor[JUST_FREED] = -1
    world.cursor[CHOICE] = UNANSWERED
    world.cursor[SLOT] = -1
    world.cursor[IDLE] = len(world.status)
    world.cursor[DIVERTING] = int(world.rules.divert.any())


@inner
def _must_ask(
    decide: Callable[..., int], external: bool, world: World, incident: int, need: int
) -> bool:
    """Find the answer for an incident; return whether somebody else must give it."""
    cursor = world.cursor
    if cursor[CHOICE] != UNANSWERED:
        return False
    call = world.calls[incident]
    if not measure(world, incident, need):
        cursor[CHOICE] = -1
    elif external:
        cursor[ASKED] = incident
        return True
    else:
        cursor[CHOICE] = decide(
            world.clock[0],
            call.priority,
            world.clock[0] - call.call_ms,
            world.status,
            world.returning,
            world.arrival_ms,
        )
    return False


@inner
def _carry_out(
    world: World, incident: int, unit: int, way: tuple[float, float, int, int, int]
) -> None:
    """Send a unit to the incident that stands at SCAN, or none, and go on."""
    cursor, case, slot = world.cursor, world.cases[incident], world.cursor[SLOT]
    if unit >= 0:
        dispatch(world, unit, incident, world.calls[incident].leg + slot, way)
        if unit == cursor[FREED]:
            cursor[FREED] = -1
    cursor[SLOT] = next_slot(world, incident, slot)
    if cursor[SLOT] >= 0:
        return
    if case.missing == 0:
        dequeue(world.waiting, cursor, cursor[SCAN])
        cursor[SCAN_END] -= 1
        case.queued = False
    else:
        cursor[SCAN] += 1
        if cursor[FRESH] == 1:
            log_event(world, QUEUED, incident, NONE, world.calls[incident].zone, NO_WAY)
    cursor[FRESH] = 0


@compiled
def advance(  # noqa: C901, PLR0912, PLR0915  # the loop itself
    decide: Callable[..., int], choose: Callable[..., int], external: bool, world: World
) -> int:
    """Let things happen until nothing is left or a decision is needed.

    Parameters
    ----------
    decide : callable
        A compiled policy of signature `engine.dispatch.kernels.KERNEL`.
    choose : callable
        A compiled policy of signature `engine.hospital.KERNEL`; where it answers what
        cannot be done, the nearest hospital is taken.
    external : bool
        True to be asked instead: `decide` is not called.
    world : World
        A started world; changed in place.

    Returns
    -------
    int
        DONE, or DECIDE: then the incident is at ``cursor[ASKED]``, what each unit
        could do stands in ``arrival_ms``, and the answer goes to
        ``cursor[CHOICE]``. MOVE where ``cursor[MOVING]`` is 1 and the fleet has changed.
    """
    cursor, clock = world.cursor, world.clock
    while True:
        # where no unit is free, a long queue is not read to its end for nothing
        while cursor[SCAN] < cursor[SCAN_END] and (
            cursor[IDLE] > 0 or cursor[FRESH] == 1 or cursor[DIVERTING] == 1 or cursor[SLOT] >= 0
        ):
            incident = world.waiting[cursor[SCAN]]
            if cursor[SLOT] < 0:
                begin(world, incident)
            need = need_of(world, incident, cursor[SLOT])
            if cursor[SEARCH] != ASK:
                unit, way = closest_way(world, incident, need)
            elif _must_ask(decide, external, world, incident, need):
                return DECIDE
            else:
                unit, way = cursor[CHOICE], NOWHERE
                cursor[CHOICE] = UNANSWERED
                if unit >= 0:
                    way = way_to(world, unit, incident, need)
            _carry_out(world, incident, unit, way)
        cursor[SCAN_END] = 0
        if cursor[AGAIN] == 1:
            cursor[AGAIN] = 0
            ask_queue(world.cursor)
            continue
        if cursor[FREED] >= 0:
            unit = cursor[FREED]
            drive_to(world, unit, world.rules.crew[unit].home)
            cursor[JUST_FREED] = unit
            cursor[FREED] = -1
        if cursor[MOVING] == 1 and cursor[CHANGED] == 1:
            cursor[CHANGED] = 0
            return MOVE
        unit_ms, kind, unit = first_step(world.steps)
        timed_ms = call_ms = processed_ms = np.inf
        if cursor[NEXT_TIMED] < len(world.timeline):
            timed_ms = world.timeline[cursor[NEXT_TIMED]].time_ms
        if cursor[NEXT_CALL] < len(world.calls):
            if cursor[UNSEEN] == 1:
                processed_ms = world.heap[cursor[NEXT_CALL]].time_ms
            else:
                call_ms = world.calls[cursor[NEXT_CALL]].call_ms
        if cursor[HEAPED] > 0:
            processed_ms = world.heap[0].time_ms
        soonest_ms = min(unit_ms, call_ms, processed_ms)
        if soonest_ms == np.inf and (timed_ms == np.inf or cursor[WAITING] == 0):
            return DONE
        if unit_ms <= timed_ms and unit_ms == soonest_ms:
            clock[0] = unit_ms
            if kind == AT_STATION:
                back_at_station(world, unit)
            else:
                _step(choose, world, kind, unit)
        elif timed_ms <= soonest_ms:
            clock[0] = timed_ms
            _timed(world)
        elif call_ms <= processed_ms:
            clock[0] = call_ms
            _call_in(world)
        else:
            clock[0] = processed_ms
            if cursor[UNSEEN] == 1:
                cursor[NEXT_CALL] += 1
                _processed(world, world.heap[cursor[NEXT_CALL] - 1].incident)
            else:
                _processed(world, pop(world.heap, cursor))
