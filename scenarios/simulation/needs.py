"""Which units suit which incidents, and how they drive."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from routing.errors import InputError
from scenarios.hospitals import hospital_rules
from scenarios.simulation.arrays import AID, CREW, FLIGHT, LIMIT, PRIORITY, SLOT, Rules, packed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from scenarios.operations import IncidentType
    from scenarios.package import Scenario
    from scenarios.settings import Settings, UnitType


def build_rules(scenario: Scenario) -> tuple[Rules, list[str]]:
    """Find which units suit which incidents, and how they drive.

    Parameters
    ----------
    scenario : Scenario
        The scenario.

    Returns
    -------
    Rules
        The rules.
    list of str
        The speed profiles in use, in the order that the rules number them by.

    Raises
    ------
    InputError
        There is no unit or zone, or a need that no unit can fulfil, or patients are
        transported and there is no hospital, or none that has what they need.
    """
    settings = scenario.settings
    if len(scenario.units) == 0:
        raise InputError("there is no unit", field="units.csv", fix="add at least one unit")
    if len(scenario.zones) == 0:
        raise InputError(
            "there is no demand zone",
            field="zones.csv",
            fix="build the scenario with addresses, or with --population",
        )
    kinds = [settings.unit_types[name] for name in scenario.units["type"]]
    able = [frozenset(kind.capabilities) for kind in kinds]
    types = settings.types
    responses = [response for kind in types for response in kind.response]
    slots = [slot for response in responses for slot in response]
    needs = sorted({tuple(sorted(set(slot.needs))) for slot in slots})
    suitable = np.array([[set(n) <= unit for unit in able] for n in needs], dtype=np.bool_)
    fulfilled = {n: bool(row.any()) for n, row in zip(needs, suitable, strict=True)}
    shares = {priority.name: priority.share for priority in settings.priorities}
    for kind in types:
        if shares[kind.priority] * kind.weight > 0:
            _check_type(kind, fulfilled, hospitals=len(scenario.hospitals))
    names = [p.name for p in settings.priorities]
    divert = np.zeros((len(names), len(names)), dtype=np.bool_)
    for lower, higher in settings.dispatch.divert:
        divert[names.index(lower), names.index(higher)] = True
    response = ["siren" if p.siren else "normal" for p in settings.priorities]
    transport = ["siren" if p.transport_siren else "normal" for p in settings.priorities]
    profiles = sorted({*response, *transport})
    rules = Rules(
        suitable=suitable,
        priority=packed(
            PRIORITY,
            np.array([profiles.index(name) for name in response]),
            np.array([profiles.index(name) for name in transport]),
        ),
        divert=divert,
        crew=packed(
            CREW,
            scenario.unit_station,
            np.array([round(_leave_s(kind, kind.turnout_s) * 1000) for kind in kinds]),
            np.array([round(_leave_s(kind, kind.night_turnout_s) * 1000) for kind in kinds]),
        ),
        type_ptr=np.cumsum([0, *(len(kind.response) for kind in types)]),
        alternative_ptr=np.cumsum([0, *(len(response) for response in responses)]),
        slots=packed(
            SLOT,
            np.array([needs.index(tuple(sorted(set(slot.needs)))) for slot in slots]),
            np.array([slot.transports for slot in slots]),
        ),
        **hospital_rules(scenario),
        flight=_flight(kinds),
        aid=_aid(kinds),
        limit=_limits(settings),
    )
    return rules, profiles


def _leave_s(kind: UnitType, turnout_s: float | None) -> float:
    """Return how long a unit takes to leave; a neighbour's must be asked first."""
    asking_s = 0.0 if kind.mutual_aid is None else kind.mutual_aid.notice_s
    return asking_s + (kind.turnout_s if turnout_s is None else turnout_s)


def _flight(kinds: Sequence[UnitType]) -> NDArray[Any]:
    if all(kind.flight is None for kind in kinds):
        return np.zeros(0, dtype=FLIGHT)
    craft = [kind.flight for kind in kinds]
    return packed(
        FLIGHT,
        np.array([0.0 if each is None else each.speed_m_s / 1000 for each in craft]),
        np.array([0.0 if each is None else round(each.start_s * 1000) for each in craft]),
        np.array([0.0 if each is None else round(each.landing_s * 1000) for each in craft]),
    )


def _aid(kinds: Sequence[UnitType]) -> NDArray[Any]:
    if all(kind.mutual_aid is None for kind in kinds):
        return np.zeros(0, dtype=AID)
    beyond = [
        -1.0 if aid is None or aid.beyond_s is None else aid.beyond_s * 1000
        for aid in (kind.mutual_aid for kind in kinds)
    ]
    given = np.array([kind.mutual_aid is not None for kind in kinds])
    return packed(AID, given, np.array(beyond))


def _limits(settings: Settings) -> NDArray[Any]:
    standards = [settings.standard_of(priority.name) for priority in settings.priorities]
    return packed(
        LIMIT,
        np.array([np.inf if each is None else each.limit_s * 1000 for each in standards]),
        np.array([each is not None and each.start == "call" for each in standards]),
    )


def suits(scenario: Scenario, rules: Rules) -> NDArray[np.bool_]:
    """Tell which units can be sent to incidents of each priority at all.

    Parameters
    ----------
    scenario : Scenario
        The scenario.
    rules : Rules
        From `build_rules`.

    Returns
    -------
    ndarray of bool, shape (priorities, units)
        True where the unit fills a slot of a response to a type of that priority.
    """
    settings = scenario.settings
    found = np.zeros((len(settings.priorities), len(rules.crew)), dtype=np.bool_)
    for row, priority in enumerate(settings.priorities):
        for number, kind in enumerate(settings.types):
            if kind.priority == priority.name:
                slots = rules.alternative_ptr[rules.type_ptr[number : number + 2]]
                needs = rules.slots["need"][slots[0] : slots[1]]
                found[row] |= rules.suitable[needs].any(axis=0)
    return found


def _check_type(
    kind: IncidentType, fulfilled: dict[tuple[str, ...], bool], *, hospitals: int
) -> None:
    """Refuse a type that no unit can serve, or whose patients nobody takes."""
    what = f"priority {kind.priority!r}"
    if kind.name != kind.priority:
        what = f"{kind.name!r} of {what}"
    possible = [
        all(fulfilled[tuple(sorted(set(slot.needs)))] for slot in response)
        for response in kind.response
    ]
    if not any(possible):
        lacking = next(
            slot.needs for slot in kind.response[0] if not fulfilled[tuple(sorted(set(slot.needs)))]
        )
        raise InputError(
            f"no unit has all that {what} needs: {', '.join(lacking)}",
            field="units.csv",
            fix="add such a unit, or change needs or capabilities in scenario.toml",
        )
    if kind.transported and hospitals == 0:
        raise InputError(
            f"patients of {what} are transported, but there is no hospital",
            field="hospitals.csv",
            fix="add a hospital, or set transported = 0 in scenario.toml",
        )
