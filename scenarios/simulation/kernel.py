"""The event loop: what happens next, and what follows from it.

Plain functions on arrays, compiled. The loop stops where a decision is needed that is
not compiled itself, and goes on when it is called again with the answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from engine import events, fleet
from routing.network import UNREACHABLE
from scenarios.simulation import arrays
from scenarios.simulation.agenda import (
    HEAPED,
    WAITING,
    compiled,
    dequeue,
    enqueue,
    inner,
    plan_step,
    pop,
    push,
)
from scenarios.simulation.flight import (
    distance_m,
    flies,
    flight_ms,
    point_of,
    start_ms,
    take_off,
)
from scenarios.simulation.movement import (
    NEVER,
    NIGHT_NOW,
    PERIOD_NOW,
    PROFILES_NOW,
    catch_up,
    driven,
    on_track,
    station_place,
    way_to,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from scenarios.simulation.arrays import World

DONE: Final = 0
"""Nothing is left to happen."""
DECIDE: Final = 1
"""The incident at CURSOR_ASKED needs an answer at CURSOR_CHOICE."""
MOVE: Final = 2
"""The fleet has changed, and units may be moved with `relocate`."""

LOGGED: Final = 2
NEXT_CALL: Final = 3
SCAN: Final = 4  # next position in the queue to ask about
SCAN_END: Final = 5
FREED: Final = 6  # unit that drives home unless the queue takes it, or -1
ASKED: Final = 7  # incident that a decision is needed for
CHOICE: Final = 8  # its answer: a unit, -1 to wait, or UNANSWERED
FRESH: Final = 9  # 1 where the incident asked about has just been processed
IDLE: Final = 10  # units on duty that are free
SLOT: Final = 11  # the unit of its response that is asked about, or -1
NEXT_TIMED: Final = 12
AGAIN: Final = 13  # 1 where the queue must be read once more from its head
DIVERTING: Final = 14  # 1 where units may be diverted
CHANGED: Final = 18  # 1 where units were sent, freed, or came or went since the last MOVE
MOVING: Final = 19  # 1 where somebody wants to be told of it
JUST_FREED: Final = 20  # the unit that was freed last since then, or -1
CHOOSING: Final = 21  # 1 where another hospital than the nearest may be chosen
UNSEEN: Final = 22  # 1 where nobody sees what units do between two decisions
CLOSEST_GOES: Final = 23  # 1 where, besides, the closest unit is sent

UNANSWERED: Final = -2

# Typed: a literal would have every function that it is given to compiled once more.
_DEPARTED: Final = np.int64(events.DEPARTED)
_ON_SCENE: Final = np.int64(events.ON_SCENE)
_LEFT_SCENE: Final = np.int64(events.LEFT_SCENE)
_AT_HOSPITAL: Final = np.int64(events.AT_HOSPITAL)
_FREE: Final = np.int64(events.FREE)
_AT_STATION: Final = np.int64(events.AT_STATION)
_OFF_DUTY: Final = np.int64(events.OFF_DUTY)
_ON_DUTY: Final = np.int64(events.ON_DUTY)
_CALL: Final = np.int64(events.CALL)
_CALL_PROCESSED: Final = np.int64(events.CALL_PROCESSED)
_DIVERTED: Final = np.int64(events.DIVERTED)
_DISPATCHED: Final = np.int64(events.DISPATCHED)
_QUEUED: Final = np.int64(events.QUEUED)
_MOVED: Final = np.int64(events.MOVED)
_NONE: Final = np.int64(-1)
_NO_WAY: Final = np.int64(0)
_UNREACHABLE: Final = float(UNREACHABLE)


@inner
def _log(world: World, event: int, incident: int, unit: int, place: int, metres: int) -> None:
    if len(world.log) == 0:
        return
    row = world.log[world.cursor[LOGGED]]
    world.cursor[LOGGED] += 1
    row.time_ms = world.clock[0]
    row.event = event
    row.incident = incident
    row.unit = unit
    row.place = place
    row.metres = metres


@inner
def _plan(world: World, unit: int, time_ms: float, kind: int) -> None:
    plan_step(world.step_ms, world.step, world.winner, unit, time_ms, kind)


@inner
def _measure(world: World, incident: int, need: int) -> bool:
    """Find when each unit could be on scene; return whether any could be sent."""
    any_unit = False
    for unit in range(len(world.status)):
        arrival_ms, _, _, _, _ = way_to(world, unit, incident, need)
        world.arrival_ms[unit] = arrival_ms
        any_unit |= arrival_ms < NEVER
    if len(world.rules.aid) > 0:
        _ask_own_first(world, incident, world.arrival_ms)
    return any_unit


@inner
def _closest(world: World, incident: int, need: int) -> int:
    """Return the unit that could be on scene first, the lowest of equals, or -1."""
    best, best_ms = -1, NEVER
    if world.cursor[IDLE] == 0:
        return best
    for unit in range(len(world.status)):
        arrival_ms, _, _, _, _ = way_to(world, unit, incident, need)
        if arrival_ms < best_ms:
            best, best_ms = unit, arrival_ms
    return best


@inner
def _ask_own_first(world: World, incident: int, arrival_ms: NDArray[np.float64]) -> None:
    """Leave neighbours' units alone where an own one is there soon enough."""
    aid, call = world.rules.aid, world.calls[incident]
    own_ms = NEVER
    for unit in range(len(world.status)):
        if not aid[unit].given:
            own_ms = min(own_ms, arrival_ms[unit])
    limit = world.rules.limit[call.priority]
    left_ms = limit.ms
    if limit.from_call:
        left_ms -= world.clock[0] - call.call_ms
    for unit in range(len(world.status)):
        beyond_ms = aid[unit].beyond_ms
        if beyond_ms < 0:
            beyond_ms = left_ms
        if aid[unit].given and own_ms < NEVER and own_ms <= beyond_ms:
            arrival_ms[unit] = NEVER


@inner
def _forget(world: World, row: int) -> None:
    leg = world.legs[row]
    leg.unit = -1
    leg.dispatch_ms = -1.0
    leg.departed_ms = -1.0
    leg.on_scene_ms = -1.0
    leg.distance_m = -1


@inner
def _divert(world: World, unit: int, metres: int) -> None:
    """Take a unit from its incident, which asks for another one."""
    me = world.units[unit]
    incident = me.incident
    _log(world, _DIVERTED, incident, unit, _NONE, metres)
    _forget(world, me.leg)
    case = world.cases[incident]
    case.missing += 1
    if not case.queued:
        at = enqueue(world.waiting, world.cursor, world.calls, incident)
        case.queued = True
        if at <= world.cursor[SCAN]:
            world.cursor[SCAN] += 1
        if at < world.cursor[SCAN_END]:
            world.cursor[SCAN_END] += 1
    world.cursor[AGAIN] = 1


@inner
def _dispatch(world: World, unit: int, incident: int, row: int, need: int) -> None:
    """Send a unit that `_measure` has just looked at."""
    me, leg, now = world.units[unit], world.legs[row], world.clock[0]
    arrival_ms, turnout, metres, place, ahead = way_to(world, unit, incident, need)
    responding = world.status[unit] == fleet.RESPONDING
    moving = world.returning[unit] or (responding and me.left_ms <= now)
    way_m = _NO_WAY
    if moving:
        way_m = driven(world, unit)
        if len(world.travel.track_ptr) == 1:
            place = -1
    if flies(world, unit):
        take_off(world, unit)
    if responding:
        _divert(world, unit, way_m)
        way_m = _NO_WAY
    else:
        world.cursor[IDLE] -= 1
    world.cursor[CHANGED] = 1
    world.returning[unit] = False
    world.status[unit] = fleet.RESPONDING
    me.place = place
    me.incident = incident
    me.leg = row
    me.tree = (
        world.cursor[PROFILES_NOW] + world.rules.priority[world.calls[incident].priority].response
    )
    me.target = world.calls[incident].zone
    me.ahead = ahead
    me.left_ms = now + turnout
    me.arrive_ms = now + arrival_ms
    me.way_m = metres
    me.behind_ms = me.left_ms
    me.behind_m = 0
    leg.unit = unit
    leg.dispatch_ms = now
    leg.departed_ms = me.left_ms
    leg.on_scene_ms = me.arrive_ms
    leg.distance_m = metres
    world.cases[incident].missing -= 1
    if world.cursor[UNSEEN] == 1:
        _serve_unseen(world, unit)
    else:
        _log(world, _DISPATCHED, incident, unit, place, way_m)
        _plan(world, unit, me.left_ms, _DEPARTED)


@inner
def _serve_unseen(world: World, unit: int) -> None:
    """Let a unit that is sent come to where something hangs on it again: a drive or its end."""
    me = world.units[unit]
    call = world.calls[me.incident]
    world.status[unit] = fleet.ON_SCENE
    me.place = call.zone
    kind = _FREE
    if _transports(world, me.incident, me.leg):
        kind = _LEFT_SCENE
    _plan(world, unit, me.arrive_ms + call.on_scene_ms, kind)


@inner
def _hand_over_unseen(world: World, unit: int, there_ms: float) -> tuple[np.int64, float]:
    """Return what follows when a unit has left for its hospital, and when."""
    if world.cursor[UNSEEN] == 0:
        return _AT_HOSPITAL, there_ms
    me = world.units[unit]
    leg = world.legs[me.leg]
    leg.at_hospital_ms = there_ms
    me.place = leg.hospital
    return _FREE, there_ms + world.calls[me.incident].handover_ms


@inner
def _transports(world: World, incident: int, leg: int) -> bool:
    """Tell whether it is this unit that takes the patient to a hospital."""
    call, rules = world.calls[incident], world.rules
    first = rules.alternative_ptr[world.cases[incident].alternative]
    return bool(call.transported and rules.slots[first + leg - call.leg].transports)


@inner
def _drive_to(world: World, unit: int, station: int) -> None:
    """Let a unit leave for a station, from the place where it is."""
    me, now, travel = world.units[unit], world.clock[0], world.travel
    if flies(world, unit):
        _fly_to(world, unit, station)
        return
    drive = travel.home[world.cursor[PERIOD_NOW], me.place, station]
    world.returning[unit] = True
    me.tree = world.cursor[PERIOD_NOW]
    me.target = station
    me.ahead = drive.ahead
    if len(travel.track_ptr) > 1:
        me.ahead = travel.track_ptr[me.place * travel.home.shape[2] + station]
    me.left_ms = now
    me.arrive_ms = now + drive.ms
    me.way_m = drive.metres
    me.behind_ms = now
    me.behind_m = 0
    _plan(world, unit, me.arrive_ms, _AT_STATION)


@inner
def _fly_to(world: World, unit: int, station: int) -> None:
    """Let a unit fly to a station from where it is, in the air or not."""
    me, now = world.units[unit], world.clock[0]
    start = start_ms(world, unit)
    take_off(world, unit)
    way = distance_m(world, (me.x, me.y, me.z), station_place(world, station))
    world.returning[unit] = True
    me.target = station
    me.ahead = -1
    me.left_ms = now + start
    me.arrive_ms = me.left_ms + flight_ms(world, unit, way)
    me.way_m = int(way + 0.5)
    me.behind_ms = me.left_ms
    me.behind_m = 0
    _plan(world, unit, me.arrive_ms, _AT_STATION)


@inner
def _leave_station(world: World, unit: int, station: int) -> None:
    _drive_to(world, unit, station)
    world.status[unit] = fleet.FREE_ON_RADIO
    _log(world, _MOVED, _NONE, unit, station_place(world, station), _NO_WAY)


@inner
def _ask_queue(world: World) -> None:
    world.cursor[SCAN] = 0
    world.cursor[SCAN_END] = world.cursor[WAITING]


@inner
def _call_in(world: World) -> None:
    """Answer the next call."""
    incident = world.cursor[NEXT_CALL]
    world.cursor[NEXT_CALL] += 1
    call = world.calls[incident]
    _log(world, _CALL, incident, _NONE, call.zone, _NO_WAY)
    push(world.heap, world.cursor, call.call_ms + call.processing_ms, incident)


@inner
def _processed(world: World, incident: int) -> None:
    cursor = world.cursor
    _log(world, _CALL_PROCESSED, incident, _NONE, world.calls[incident].zone, _NO_WAY)
    cursor[SCAN] = enqueue(world.waiting, cursor, world.calls, incident)
    cursor[SCAN_END] = cursor[SCAN] + 1
    cursor[FRESH] = 1
    world.cases[incident].queued = True


@inner
def _nearest(world: World, kind: int, tree: int, zone: int, closed_too: bool) -> int:
    """Return the rank of the nearest hospital that may take a patient, or -1."""
    ranked = world.travel.hospital
    first = ranked.shape[1] + 0
    for rank in range(ranked.shape[2]):
        hospital = ranked[tree, zone, rank]
        number = hospital.place - first
        if (
            hospital.ms < _UNREACHABLE
            and world.rules.accepts[kind, number]
            and (closed_too or not world.closed[number])
        ):
            return rank
    return -1


@inner
def _offer(world: World, kind: int, tree: int, zone: int, closed_too: bool) -> None:
    """Find the drive to each hospital that may take a patient."""
    ranked = world.travel.hospital
    first = ranked.shape[1] + 0
    for rank in range(ranked.shape[2]):
        hospital = ranked[tree, zone, rank]
        number = hospital.place - first
        world.drive_ms[number] = _UNREACHABLE
        if (
            hospital.ms < _UNREACHABLE
            and world.rules.accepts[kind, number]
            and (closed_too or not world.closed[number])
        ):
            world.drive_ms[number] = hospital.ms


@inner
def _hospital(
    choose: Callable[..., int], world: World, kind: int, tree: int, zone: int
) -> tuple[int, int]:
    """Return the hospital that a patient is taken to, by table and rank.

    Closed ones take patients where no other can. Where closed roads lead to none that has
    what the patient needs, the drive is that of the slowest period in which one leads there.
    """
    ranked, rules = world.travel.hospital, world.rules
    first = ranked.shape[1] + 0
    nearest, closed_too = _nearest(world, kind, tree, zone, False), False
    if nearest < 0:
        nearest, closed_too = _nearest(world, kind, tree, zone, True), True
    if nearest >= 0 and world.cursor[CHOOSING] == 1:
        _offer(world, kind, tree, zone, closed_too)
        number = choose(world.drive_ms, rules.bays, world.there, world.coming, rules.handover_ms)
        for rank in range(nearest, ranked.shape[2]):
            if ranked[tree, zone, rank].place - first == number and (
                world.drive_ms[number] < _UNREACHABLE
            ):
                return tree, rank
    if nearest >= 0:
        return tree, nearest
    periods = world.travel.home.shape[0]
    profiles = world.travel.drive.shape[0] // periods
    slowest, slowest_ms, best = tree, -1.0, 0
    for period in range(periods):
        other_tree = period * profiles + tree % profiles
        for rank in range(ranked.shape[2]):
            hospital = ranked[other_tree, zone, rank]
            if hospital.ms < _UNREACHABLE and rules.accepts[kind, hospital.place - first]:
                if hospital.ms > slowest_ms:
                    slowest, slowest_ms, best = other_tree, hospital.ms, rank
                break
    return slowest, best


@inner
def _hospital_by_air(choose: Callable[..., int], world: World, kind: int, unit: int) -> int:
    """Return the hospital that a flying unit takes a patient to, as a place.

    Closed ones take patients where no other can.
    """
    rules, first = world.rules, world.travel.hospital.shape[1] + 0
    many = world.travel.hospital.shape[2]
    at = point_of(world, world.units[unit].place)
    best = -1
    for closed_too in range(2):
        for number in range(many):
            world.drive_ms[number] = _UNREACHABLE
            if rules.accepts[kind, number] and (closed_too == 1 or not world.closed[number]):
                way = distance_m(world, at, first + number)
                world.drive_ms[number] = start_ms(world, unit) + flight_ms(world, unit, way)
                if best < 0 or world.drive_ms[number] < world.drive_ms[best]:
                    best = number
        if best >= 0:
            break
    if world.cursor[CHOOSING] == 1:
        number = choose(world.drive_ms, rules.bays, world.there, world.coming, rules.handover_ms)
        if 0 <= number < many and world.drive_ms[number] < _UNREACHABLE:
            best = number
    return int(first + best)


@inner
def _arrive_at_hospital(world: World, unit: int, number: int) -> bool:
    """Let a crew take a bay, or stand in line; return whether it can hand over now."""
    world.coming[number] -= 1
    world.there[number] += 1
    if world.rules.bays[number] == 0 or world.there[number] <= world.rules.bays[number]:
        return True
    line = world.lines[number]
    if line.first < 0:
        line.first = unit
    else:
        world.units[line.last].after = unit
    line.last = unit
    return False


@inner
def _leave_hospital(world: World, number: int) -> None:
    """Let the crew that has waited longest take the bay that another one leaves."""
    world.there[number] -= 1
    line = world.lines[number]
    unit = line.first
    if unit < 0:
        return
    me = world.units[unit]
    line.first = me.after
    if me.after < 0:
        line.last = -1
    me.after = -1
    _plan(world, unit, world.clock[0] + world.calls[me.incident].handover_ms, _FREE)


@inner
def _end_duty(world: World, unit: int) -> None:
    """Let a unit at a station go off duty, which it does at home."""
    me = world.units[unit]
    home = world.rules.crew[unit].home
    if me.target == home:
        world.status[unit] = fleet.OUT_OF_SERVICE
        _log(world, _OFF_DUTY, _NONE, unit, me.place, _NO_WAY)
    else:
        _leave_station(world, unit, home)


@inner
def _back_at_station(world: World, unit: int) -> None:
    me = world.units[unit]
    world.returning[unit] = False
    world.status[unit] = fleet.FREE_AT_STATION
    me.place = station_place(world, me.target)
    _log(world, _AT_STATION, _NONE, unit, me.place, me.way_m)
    _plan(world, unit, np.inf, _DEPARTED)
    if me.off > 0:
        _end_duty(world, unit)
    else:
        _ask_queue(world)


@inner
def _take_to_hospital(choose: Callable[..., int], world: World, unit: int) -> tuple[int, float]:
    """Choose a hospital, as a place, and say when the unit is there."""
    me = world.units[unit]
    call = world.calls[me.incident]
    if flies(world, unit):
        place = _hospital_by_air(choose, world, call.type, unit)
        way_m = int(distance_m(world, point_of(world, me.place), place) + 0.5)
        way_ms = world.drive_ms[place - world.travel.hospital.shape[1]]
    else:
        tree = world.cursor[PROFILES_NOW] + world.rules.priority[call.priority].transport
        table, rank = _hospital(choose, world, call.type, tree, call.zone)
        chosen = world.travel.hospital[table, call.zone, rank]
        place, way_m, way_ms = chosen.place, chosen.metres, chosen.ms
    world.coming[place - world.travel.hospital.shape[1]] += 1
    me.way_m = way_m
    return place, world.clock[0] + way_ms


@inner
def _step(choose: Callable[..., int], world: World, kind: int, unit: int) -> None:
    """Do the next step of a unit that serves an incident."""
    me, now, cursor = world.units[unit], world.clock[0], world.cursor
    incident = me.incident
    call, leg = world.calls[incident], world.legs[me.leg]
    place, metres, next_kind, next_ms = me.place, _NO_WAY, _ON_SCENE, me.arrive_ms
    if kind == _ON_SCENE:
        world.status[unit] = fleet.ON_SCENE
        me.place = call.zone
        place, metres = call.zone, leg.distance_m
        next_kind, next_ms = _FREE, now + call.on_scene_ms
        if _transports(world, incident, me.leg):
            next_kind = _LEFT_SCENE
    elif kind == _LEFT_SCENE:
        world.status[unit] = fleet.PATIENT_ABOARD
        leg.left_ms = now
        place, next_ms = _take_to_hospital(choose, world, unit)
        leg.hospital = place
        next_kind, next_ms = _hand_over_unseen(world, unit, next_ms)
    elif kind == _AT_HOSPITAL:
        world.status[unit] = fleet.AT_DESTINATION
        leg.at_hospital_ms = now
        me.place = leg.hospital
        place, metres = leg.hospital, me.way_m
        next_kind, next_ms = _FREE, now + call.handover_ms
        if not _arrive_at_hospital(world, unit, place - world.travel.hospital.shape[1]):
            next_ms = np.inf
    elif kind == _FREE:
        world.status[unit] = fleet.FREE_ON_RADIO
        leg.free_ms = now
        if leg.hospital >= 0:
            _leave_hospital(world, leg.hospital - world.travel.hospital.shape[1])
        me.incident = -1
        cursor[FREED] = unit
        cursor[CHANGED] = 1
        if me.off == 0:
            cursor[IDLE] += 1
            _ask_queue(world)
    _log(world, kind, incident, unit, place, metres)
    if kind != _FREE:  # else the queue or the way home is next
        _plan(world, unit, next_ms, next_kind)


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
            _end_duty(world, unit)
    elif change == -1 and me.off == 0 and (free or status == fleet.OUT_OF_SERVICE):
        world.cursor[IDLE] += 1
        world.cursor[CHANGED] = 1
        if status == fleet.OUT_OF_SERVICE:
            world.status[unit] = fleet.FREE_AT_STATION
            _log(world, _ON_DUTY, _NONE, unit, me.place, _NO_WAY)
        _ask_queue(world)


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
        _ask_queue(world)
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
def _finish_ms(world: World, incident: int, alternative: int) -> tuple[int, float]:
    """Send the closest units in mind; return how many slots stay empty, and the last arrival."""
    rules, call = world.rules, world.calls[incident]
    first, end = rules.alternative_ptr[alternative], rules.alternative_ptr[alternative + 1]
    empty, last_ms = 0, 0.0
    for slot in range(first, end):
        best, best_ms = -1, NEVER
        for unit in range(len(world.status)):
            taken = False
            for earlier in range(call.leg, call.leg + slot - first):
                taken |= world.legs[earlier].unit == unit
            if not taken:
                arrival_ms, _, _, _, _ = way_to(world, unit, incident, rules.slots[slot].need)
                if arrival_ms < best_ms:
                    best, best_ms = unit, arrival_ms
        world.legs[call.leg + slot - first].unit = best
        if best < 0:
            empty += 1
        else:
            last_ms = max(last_ms, best_ms)
    for slot in range(first, end):
        world.legs[call.leg + slot - first].unit = -1
    return empty, last_ms


@inner
def _choose_alternative(world: World, incident: int) -> None:
    """Choose how an incident is answered: all slots if possible, then the earliest last unit."""
    case, rules = world.cases[incident], world.rules
    kind = world.calls[incident].type
    first, end = rules.type_ptr[kind], rules.type_ptr[kind + 1]
    case.alternative = first
    if end > first + 1:
        fewest, soonest = 1 << 30, np.inf
        for alternative in range(first, end):
            empty, last_ms = _finish_ms(world, incident, alternative)
            if empty < fewest or (empty == fewest and last_ms < soonest):
                fewest, soonest = empty, last_ms
                case.alternative = alternative
    chosen = case.alternative
    case.missing = rules.alternative_ptr[chosen + 1] - rules.alternative_ptr[chosen]


@inner
def _next_slot(world: World, incident: int, after: int) -> int:
    """Return the next unit that an incident lacks, or -1."""
    case, rules = world.cases[incident], world.rules
    end = rules.alternative_ptr[case.alternative + 1] - rules.alternative_ptr[case.alternative]
    leg = world.calls[incident].leg
    for slot in range(after + 1, end):
        if world.legs[leg + slot].unit < 0:
            return slot
    return -1


@compiled
def measure_others(
    world: World, others: NDArray[np.int64], arrival_ms: NDArray[np.float64]
) -> None:
    """Find when each unit could be at other incidents, for what each of them lacks first.

    Parameters
    ----------
    world : World
        Where the loop stopped with DECIDE; changed in place: where moving units are.
    others : ndarray of int64, shape (k,)
        The incidents.
    arrival_ms : ndarray of float64, shape (k, units)
        Written to: time from now; UNREACHABLE where the unit cannot be sent.
    """
    rules = world.rules
    for row in range(len(others)):
        incident = others[row]
        alternative = world.cases[incident].alternative
        slot = 0
        if alternative < 0:
            alternative = rules.type_ptr[world.calls[incident].type]
        else:
            slot = max(0, _next_slot(world, incident, -1))
        need = rules.slots[rules.alternative_ptr[alternative] + slot].need
        for unit in range(len(world.status)):
            found, _, _, _, _ = way_to(world, unit, incident, need)
            arrival_ms[row, unit] = found
        if len(world.rules.aid) > 0:
            _ask_own_first(world, incident, arrival_ms[row])


@inner
def _begin(world: World, incident: int) -> None:
    """Find what an incident lacks first; as long as it has nothing, how it is answered."""
    case, rules = world.cases[incident], world.rules
    chosen = case.alternative
    if chosen < 0 or (
        case.missing == rules.alternative_ptr[chosen + 1] - rules.alternative_ptr[chosen]
    ):
        _choose_alternative(world, incident)
    world.cursor[SLOT] = _next_slot(world, incident, -1)


@inner
def _must_ask(decide: Callable[..., int], external: bool, world: World, incident: int) -> bool:
    """Find the answer for an incident; return whether somebody else must give it."""
    cursor = world.cursor
    if cursor[CHOICE] != UNANSWERED:
        return False
    if cursor[SLOT] < 0:
        _begin(world, incident)
    call = world.calls[incident]
    first = world.rules.alternative_ptr[world.cases[incident].alternative]
    if cursor[CLOSEST_GOES] == 1:
        cursor[CHOICE] = _closest(world, incident, world.rules.slots[first + cursor[SLOT]].need)
        return False
    if not _measure(world, incident, world.rules.slots[first + cursor[SLOT]].need):
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
def _carry_out(world: World, incident: int) -> None:
    """Do what was answered for the incident that stands at SCAN."""
    cursor, case = world.cursor, world.cases[incident]
    unit, slot = cursor[CHOICE], cursor[SLOT]
    cursor[CHOICE] = UNANSWERED
    if unit >= 0:
        first = world.rules.alternative_ptr[case.alternative]
        need = world.rules.slots[first + slot].need
        _dispatch(world, unit, incident, world.calls[incident].leg + slot, need)
        if unit == cursor[FREED]:
            cursor[FREED] = -1
    cursor[SLOT] = _next_slot(world, incident, slot)
    if cursor[SLOT] >= 0:
        return
    if case.missing == 0:
        dequeue(world.waiting, cursor, cursor[SCAN])
        cursor[SCAN_END] -= 1
        case.queued = False
    else:
        cursor[SCAN] += 1
        if cursor[FRESH] == 1:
            _log(world, _QUEUED, incident, _NONE, world.calls[incident].zone, _NO_WAY)
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
            if _must_ask(decide, external, world, incident):
                return DECIDE
            _carry_out(world, incident)
        cursor[SCAN_END] = 0
        if cursor[AGAIN] == 1:
            cursor[AGAIN] = 0
            _ask_queue(world)
            continue
        if cursor[FREED] >= 0:
            unit = cursor[FREED]
            _drive_to(world, unit, world.rules.crew[unit].home)
            cursor[JUST_FREED] = unit
            cursor[FREED] = -1
        if cursor[MOVING] == 1 and cursor[CHANGED] == 1:
            cursor[CHANGED] = 0
            return MOVE
        unit = world.winner[1]
        unit_ms = world.step_ms[unit]
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
            kind = np.int64(world.step[unit])
            if kind == _AT_STATION:
                _back_at_station(world, unit)
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


@compiled
def relocate(world: World, unit: int, station: int) -> None:
    """Send a free unit to a station.

    Parameters
    ----------
    world : World
        Where the loop stopped with MOVE; changed in place.
    unit, station : int
        Which, at a finite time in `measure_moves`, and not where it is or drives to.
    """
    me, now, travel = world.units[unit], world.clock[0], world.travel
    if not world.returning[unit]:
        _leave_station(world, unit, station)
        return
    metres = _NO_WAY
    if flies(world, unit):
        metres = driven(world, unit)
        _fly_to(world, unit, station)
    elif me.left_ms == now:
        _drive_to(world, unit, station)
    elif len(travel.track_ptr) > 1:
        metres = driven(world, unit)
        me.place = on_track(world, unit)
        _drive_to(world, unit, station)
    else:
        at_ms, at_m = catch_up(world, unit)
        me.tree = world.cursor[PERIOD_NOW]
        rest = travel.rest[me.tree, station, me.ahead]
        me.target = station
        me.arrive_ms = at_ms + rest.ms
        me.way_m = at_m + rest.metres
        _plan(world, unit, me.arrive_ms, _AT_STATION)
    _log(world, _MOVED, _NONE, unit, station_place(world, station), metres)
