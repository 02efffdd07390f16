"""What an incident asks for, and when each unit could be there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from scenarios.simulation.agenda import compiled, inner
from scenarios.simulation.cursor import SLOT
from scenarios.simulation.movement import NEVER, way_to

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from scenarios.simulation.arrays import World


@inner
def measure(world: World, incident: int, need: int) -> bool:
    """Find when each unit could be on scene.

    Parameters
    ----------
    world : World
        Changed in place.
    incident : int
        The incident.
    need : int
        What the unit shall be able to do.

    Returns
    -------
    bool
        True where any could be sent.
    """
    any_unit = False
    for unit in range(len(world.status)):
        arrival_ms, _, _, _, _ = way_to(world, unit, incident, need)
        world.arrival_ms[unit] = arrival_ms
        any_unit |= arrival_ms < NEVER
    if len(world.rules.aid) > 0:
        _ask_own_first(world, incident, world.arrival_ms)
    return any_unit


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
def next_slot(world: World, incident: int, after: int) -> int:
    """Return the next unit that an incident lacks.

    Parameters
    ----------
    world : World
        The world.
    incident : int
        The incident.
    after : int
        The unit of its response asked about last, -1 for none.

    Returns
    -------
    int
        Which of its response; -1 for none.
    """
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
            slot = max(0, next_slot(world, incident, -1))
        need = rules.slots[rules.alternative_ptr[alternative] + slot].need
        for unit in range(len(world.status)):
            found, _, _, _, _ = way_to(world, unit, incident, need)
            arrival_ms[row, unit] = found
        if len(world.rules.aid) > 0:
            _ask_own_first(world, incident, arrival_ms[row])


@inner
def begin(world: World, incident: int) -> None:
    """Find what an incident lacks first; as long as it has nothing, how it is answered.

    Parameters
    ----------
    world : World
        Changed in place.
    incident : int
        The incident.
    """
    case, rules = world.cases[incident], world.rules
    chosen = case.alternative
    if chosen < 0 or (
        case.missing == rules.alternative_ptr[chosen + 1] - rules.alternative_ptr[chosen]
    ):
        _choose_alternative(world, incident)
    world.cursor[SLOT] = next_slot(world, incident, -1)


@inner
def transports(world: World, incident: int, leg: int) -> bool:
    """Tell whether it is this unit that takes the patient to a hospital.

    Parameters
    ----------
    world : World
        The world.
    incident : int
        The incident.
    leg : int
        Row of the unit in `World.legs`.

    Returns
    -------
    bool
        True if it does.
    """
    call, rules = world.calls[incident], world.rules
    first = rules.alternative_ptr[world.cases[incident].alternative]
    return bool(call.transported and rules.slots[first + leg - call.leg].transports)


@inner
def need_of(world: World, incident: int, slot: int) -> int:
    """Return what a unit of the response to an incident shall be able to do.

    Parameters
    ----------
    world : World
        The world.
    incident : int
        The incident.
    slot : int
        Which of its response.

    Returns
    -------
    int
        Row of `Rules.suitable`.
    """
    rules = world.rules
    return int(rules.slots[rules.alternative_ptr[world.cases[incident].alternative] + slot].need)
