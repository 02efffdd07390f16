"""Ways to stations: home, to another one, and off duty there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engine import fleet
from scenarios.simulation.agenda import ask_queue, compiled, inner, plan_step
from scenarios.simulation.closest import begin_way_home, end_way_home
from scenarios.simulation.cursor import PERIOD_NOW
from scenarios.simulation.flight import distance_m, flies, flight_ms, start_ms, take_off
from scenarios.simulation.logbook import (
    AT_STATION,
    DEPARTED,
    MOVED,
    NO_WAY,
    NONE,
    OFF_DUTY,
    log_event,
)
from scenarios.simulation.movement import catch_up, driven, on_track, station_place

if TYPE_CHECKING:
    from scenarios.simulation.arrays import World


@inner
def drive_to(world: World, unit: int, station: int) -> None:
    """Let a unit leave for a station, from the place where it is.

    Parameters
    ----------
    world : World
        Changed in place.
    unit, station : int
        Which.
    """
    me, now, travel = world.units[unit], world.clock[0], world.travel
    if flies(world, unit):
        _fly_to(world, unit, station)
        return
    drive = travel.home[world.cursor[PERIOD_NOW], me.place, station]
    begin_way_home(world, unit)
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
    plan_step(world.steps, unit, me.arrive_ms, AT_STATION)


@inner
def _fly_to(world: World, unit: int, station: int) -> None:
    """Let a unit fly to a station from where it is, in the air or not."""
    me, now = world.units[unit], world.clock[0]
    start = start_ms(world, unit)
    take_off(world, unit)
    way = distance_m(world, (me.x, me.y, me.z), station_place(world, station))
    begin_way_home(world, unit)
    me.target = station
    me.ahead = -1
    me.left_ms = now + start
    me.arrive_ms = me.left_ms + flight_ms(world, unit, way)
    me.way_m = int(way + 0.5)
    me.behind_ms = me.left_ms
    me.behind_m = 0
    plan_step(world.steps, unit, me.arrive_ms, AT_STATION)


@inner
def _leave_station(world: World, unit: int, station: int) -> None:
    drive_to(world, unit, station)
    world.status[unit] = fleet.FREE_ON_RADIO
    log_event(world, MOVED, NONE, unit, station_place(world, station), NO_WAY)


@inner
def end_duty(world: World, unit: int) -> None:
    """Let a unit go off duty, which it does at home.

    Parameters
    ----------
    world : World
        Changed in place.
    unit : int
        A unit at a station.
    """
    me = world.units[unit]
    home = world.rules.crew[unit].home
    if me.target == home:
        world.status[unit] = fleet.OUT_OF_SERVICE
        log_event(world, OFF_DUTY, NONE, unit, me.place, NO_WAY)
    else:
        _leave_station(world, unit, home)


@inner
def back_at_station(world: World, unit: int) -> None:
    """Let a unit arrive at the station that it drives to.

    Parameters
    ----------
    world : World
        Changed in place.
    unit : int
        The unit.
    """
    me = world.units[unit]
    end_way_home(world, unit)
    world.status[unit] = fleet.FREE_AT_STATION
    me.place = station_place(world, me.target)
    log_event(world, AT_STATION, NONE, unit, me.place, me.way_m)
    plan_step(world.steps, unit, np.inf, DEPARTED)
    if me.off > 0:
        end_duty(world, unit)
    else:
        ask_queue(world.cursor)


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
    metres = NO_WAY
    if flies(world, unit):
        metres = driven(world, unit)
        _fly_to(world, unit, station)
    elif me.left_ms == now:
        drive_to(world, unit, station)
    elif len(travel.track_ptr) > 1:
        metres = driven(world, unit)
        me.place = on_track(world, unit)
        drive_to(world, unit, station)
    else:
        at_ms, at_m = catch_up(world, unit)
        me.tree = world.cursor[PERIOD_NOW]
        rest = travel.rest[me.tree, station, me.ahead]
        me.target = station
        me.arrive_ms = at_ms + rest.ms
        me.way_m = at_m + rest.metres
        plan_step(world.steps, unit, me.arrive_ms, AT_STATION)
    log_event(world, MOVED, NONE, unit, station_place(world, station), metres)
