"""Sending a unit, and taking it from what it was sent to before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine import fleet
from scenarios.simulation.agenda import enqueue, inner, plan_step
from scenarios.simulation.closest import end_way_home
from scenarios.simulation.cursor import (
    AGAIN,
    CHANGED,
    IDLE,
    PROFILES_NOW,
    SCAN,
    SCAN_END,
    UNSEEN,
)
from scenarios.simulation.flight import flies, take_off
from scenarios.simulation.logbook import DEPARTED, DISPATCHED, DIVERTED, NO_WAY, NONE, log_event
from scenarios.simulation.movement import driven
from scenarios.simulation.unseen import serve_unseen

if TYPE_CHECKING:
    from scenarios.simulation.arrays import World


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
    log_event(world, DIVERTED, incident, unit, NONE, metres)
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
def dispatch(
    world: World, unit: int, incident: int, row: int, way: tuple[float, float, int, int, int]
) -> None:
    """Send a unit to an incident.

    Parameters
    ----------
    world : World
        Changed in place.
    unit, incident : int
        Which.
    row : int
        Row in `World.legs`.
    way : tuple
        How the unit comes there, as `scenarios.simulation.movement.way_to` finds it.
    """
    me, leg, now = world.units[unit], world.legs[row], world.clock[0]
    arrival_ms, turnout, metres, place, ahead = way
    responding = world.status[unit] == fleet.RESPONDING
    moving = world.returning[unit] or (responding and me.left_ms <= now)
    way_m = NO_WAY
    if moving:
        if len(world.log) > 0:
            way_m = driven(world, unit)
        if len(world.travel.track_ptr) == 1:
            place = -1
    if flies(world, unit):
        take_off(world, unit)
    if responding:
        _divert(world, unit, way_m)
        way_m = NO_WAY
    else:
        world.cursor[IDLE] -= 1
    world.cursor[CHANGED] = 1
    end_way_home(world, unit)
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
        serve_unseen(world, unit)
    else:
        log_event(world, DISPATCHED, incident, unit, place, way_m)
        plan_step(world.steps, unit, me.left_ms, DEPARTED)
