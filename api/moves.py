"""Which free units should move to other stations now, and what that is worth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from api.deadline import Guard
from api.fleet import Fleet
from api.joint_schemas import MoveProposal, ProposedMove
from api.problems import ProblemError, unknown_name
from api.response_words import arrivals_ms, demand_within
from engine.coverage_change import covered_share
from engine.dispatch import bound
from engine.fleet import FREE_ON_RADIO
from engine.policies import POLICIES, RELOCATIONS
from engine.relocation import MoveState, checked_moves, closed
from routing.network import UNREACHABLE
from scenarios.package import lonlat

if TYPE_CHECKING:
    from api.city import City
    from api.fleet import Known
    from api.joint_schemas import MoveRequest
    from api.schemas import FieldProblem, Profile
    from engine.relocation import Move
    from routing.snapping import Places

DEADLINE_S: Final = 2.0
"""Seconds until no move is proposed, flagged."""

_GUARD: Final = Guard()


def proposal(
    city: City,
    request: MoveRequest,
    deadline_s: float = DEADLINE_S,
    *,
    known: Known | None = None,
) -> MoveProposal:
    """Ask a policy which units it would move now, by the code that the simulator runs.

    Parameters
    ----------
    city : City
        Roads and rules.
    request : MoveRequest
        The units.
    deadline_s : float
        Seconds until the makeshift answer is given.
    known : Known, optional
        The units of the request, where more is known of them.

    Returns
    -------
    MoveProposal
        The moves, and why.

    Raises
    ------
    ProblemError
        Names are unknown, units repeat, or points lie off the network.
    """
    problems: list[FieldProblem] = []
    name, rule = _rule(request.policy, problems)
    fleet = Fleet(city, request.units, request.time, problems) if known is None else known.fleet
    if problems:
        raise ProblemError(problems)
    if known is None:
        fields = [f"units[{row}]" for row in range(len(request.units))]
        places = city.snap(fleet.points(city), fields)
    else:
        places = known.places
    drive = city.times["normal"].matrix(places, city.stations)
    fleet.by_air(drive.ms, drive.metres, lonlat(city.scenario.stations).tolist())
    own = fleet.free & ~fleet.given
    state = MoveState(
        now_ms=fleet.moment.now_ms,
        status=np.array(fleet.status, dtype=np.int8),
        returning=np.array(fleet.status) == FREE_ON_RADIO,
        base=fleet.base,
        freed=-1,
        arrival_ms=np.where(own[:, None], drive.ms, UNREACHABLE).astype(np.float64),
        moved_ms=np.full(len(request.units), -np.inf),
        moves_last_hour=np.zeros(len(request.units), dtype=np.int64),
        period=fleet.moment.period,
    )

    def _moves() -> tuple[list[Move], Any]:
        needs = [slot.needs for kind in city.scenario.settings.types for slot in _slots(kind)]
        told = rule
        if hasattr(rule, "at"):
            told = bound(rule, city.outlook.terrain(fleet, fleet.able(needs)))
        asked = closed(state)
        return checked_moves(told.moves(asked), asked, name), told

    guarded = _GUARD.ask(_moves, lambda: ([], rule), deadline_s)
    moves, told = guarded.value
    names: list[str] = city.scenario.stations["id"].tolist()
    proposed = []
    for unit, station in moves:
        said = told.explain_move(state, unit, station) if hasattr(told, "explain_move") else None
        minutes = drive.ms[unit, station] / 60_000
        proposed.append(
            ProposedMove(
                unit=request.units[unit].id,
                from_station=names[fleet.station[unit]],
                to_station=names[station],
                drive_seconds=drive.ms[unit, station] / 1000,
                distance=int(drive.metres[unit, station]),
                reason=said.words if said else f"wanted there by {name}, {minutes:.0f} min away",
                figures=said.figures if said else {},
            )
        )
    before, after = _coverage(city, fleet, places, moves)
    return MoveProposal(
        policy=name,
        moves=proposed,
        coverage_before=before,
        coverage_after=after,
        degraded=guarded.degraded,
        degraded_cause=guarded.cause or None,
    )


def _rule(name: str, problems: list[FieldProblem]) -> tuple[str, Any]:
    rules: dict[str, Any] = {each: RELOCATIONS[each] for each in RELOCATIONS}
    rules |= {each: POLICIES[each] for each in POLICIES if hasattr(POLICIES[each], "moves")}
    for registry in (RELOCATIONS, POLICIES):
        known = [each for each in registry if each in rules]
        found = [each for each in known if each == name or each.rpartition("-v")[0] == name]
        if found:
            return found[-1], rules[found[-1]]
    problems.append(unknown_name("policy", name, rules))
    return name, None


def _slots(kind: Any) -> list[Any]:
    return [slot for way in kind.response for slot in way]


def _coverage(
    city: City, fleet: Fleet, places: Places, moves: list[Move]
) -> tuple[float | None, float | None]:
    """Return the covered share of the demand, as units are and once they are moved."""
    settings = city.scenario.settings
    standard, first = settings.standards[0], settings.priorities[0]
    profile: Profile = "siren" if first.siren else "normal"
    demand = demand_within(city, fleet, places, profile, standard.limit_s)
    if demand is None:
        return None, None
    before = demand.covered(fleet.free).before
    times = arrivals_ms(city, fleet, places, profile)
    for unit, station in moves:
        drive = city.times[profile].matrix(city.stations[station : station + 1], city.zones).ms[0]
        times[unit] = np.where(drive < UNREACHABLE, drive + fleet.turnout_ms[unit], UNREACHABLE)
    return before, covered_share(times, demand.weight, fleet.free, demand.limit_ms)
