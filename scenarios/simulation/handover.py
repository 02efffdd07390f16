"""Which hospital a patient is taken to, and who waits there for a bay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from routing.network import UNREACHABLE
from scenarios.simulation.agenda import inner, plan_step
from scenarios.simulation.cursor import CHOOSING, PROFILES_NOW
from scenarios.simulation.flight import distance_m, flies, flight_ms, point_of, start_ms
from scenarios.simulation.logbook import FREE

if TYPE_CHECKING:
    from collections.abc import Callable

    from scenarios.simulation.arrays import World

_UNREACHABLE: Final = float(UNREACHABLE)


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
def arrive_at_hospital(world: World, unit: int, number: int) -> bool:
    """Let a crew take a bay, or stand in line.

    Parameters
    ----------
    world : World
        Changed in place.
    unit : int
        The unit.
    number : int
        The hospital, counted from 0.

    Returns
    -------
    bool
        True where there is a bay for it.
    """
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
def leave_hospital(world: World, number: int) -> None:
    """Let the crew that has waited longest take the bay that another one leaves.

    Parameters
    ----------
    world : World
        Changed in place.
    number : int
        The hospital, counted from 0.
    """
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
    plan_step(world.steps, unit, world.clock[0] + world.calls[me.incident].handover_ms, FREE)


@inner
def take_to_hospital(choose: Callable[..., int], world: World, unit: int) -> tuple[int, float]:
    """Choose the hospital that a unit takes its patient to.

    Parameters
    ----------
    choose : callable
        A compiled policy of signature `engine.hospital.KERNEL`.
    world : World
        Changed in place.
    unit : int
        A unit with a patient.

    Returns
    -------
    place : int
        The hospital.
    there_ms : float
        When the unit is there.
    """
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
