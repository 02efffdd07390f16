"""Which unit to send: from a request through the engine to words."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from api.deadline import Guard
from api.problems import ProblemError, unknown_name
from api.response_words import (
    demand_of,
    plan_rows,
    set_words,
    standard_left,
    unfilled_words,
)
from api.schemas import (
    FieldProblem,
    PassedOver,
    Profile,
    RankedUnit,
    Recommendation,
    RecommendationRequest,
    Unit,
)
from engine.dispatch import CLOSEST, bound
from engine.fleet import FMS
from engine.policies import POLICIES
from engine.recommend import recommend
from engine.response import respond
from routing.errors import InputError

if TYPE_CHECKING:
    from api.city import City
    from engine.dispatch import Policy
    from engine.recommend import Candidate
    from engine.recommend import Recommendation as Ranking
    from engine.response import Response
    from routing.snapping import Places
    from scenarios.settings import Priority, UnitType

DEADLINE_S: Final = 2.0
"""Seconds that a policy may take; then the closest suitable units are the answer."""

_GUARD: Final = Guard()

Cause = Literal["unavailable", "unsuitable", "unreachable", "policy"]


class Question:
    """A request whose names mean something in this scenario.

    Parameters
    ----------
    city : City
        The city.
    request : RecommendationRequest
        The request.

    Raises
    ------
    ProblemError
        Names are unknown or units repeat; all of them are told.
    """

    def __init__(self, city: City, request: RecommendationRequest) -> None:
        self.request = request
        scenario = self._scenario = city.scenario
        self._settings = scenario.settings
        self._outlook = city.outlook
        self._problems: list[FieldProblem] = []
        self.policy = self._policy(request.policy)
        self.priority = self._priority(request.incident.priority)
        self.standard = scenario.settings.standard_of(self.priority[1].name)
        home_types = dict(zip(scenario.units["id"], scenario.units["type"], strict=True))
        self.types = [
            self._type(row, unit.type or home_types.get(unit.id))
            for row, unit in enumerate(request.units)
        ]
        self.skills = [
            set(self._unit_type(name).capabilities if own is None else own)
            for name, own in zip(self.types, (u.capabilities for u in request.units), strict=True)
        ]
        self.needs = self._needs()
        self.plan = self._plan()
        self.station = self._stations()
        self._check_repeats()
        if self._problems:
            raise ProblemError(self._problems)
        self.moment = city.outlook.moment(request.time or datetime.now(UTC))
        self.turnout_s = [
            city.outlook.turnout_s(self._unit_type(name), self.moment.hour) for name in self.types
        ]
        self.status = [_in_force(unit) for unit in request.units]

    def _unit_type(self, name: str) -> UnitType:
        return self._settings.unit_types[name]

    def _policy(self, name: str) -> str:
        try:
            found = POLICIES.resolve(name)
        except InputError:
            self._problems.append(unknown_name("policy", name, POLICIES))
            return name
        return found

    def _priority(self, name: str | None) -> tuple[int, Priority]:
        names = [priority.name for priority in self._settings.priorities]
        rank = names.index(name) if name in names else 0
        if name is not None and name not in names:
            self._problems.append(unknown_name("incident.priority", name, names))
        return rank, self._settings.priorities[rank]

    def _type(self, row: int, name: str | None) -> str:
        known = list(self._settings.unit_types)
        if name is not None and name not in known:
            self._problems.append(unknown_name(f"units[{row}].type", name, known))
        return name if name in known else known[0]

    def _needs(self) -> list[str]:
        if self.request.incident.needs is None:
            return list(self.priority[1].needs)
        known = {
            skill for kind in self._settings.unit_types.values() for skill in kind.capabilities
        }
        known.update(*self.skills)
        for row, need in enumerate(self.request.incident.needs):
            if need not in known:
                self._problems.append(unknown_name(f"incident.needs[{row}]", need, known))
        return list(dict.fromkeys(self.request.incident.needs))

    def _plan(self) -> list[list[list[str]]]:
        """Return alternatives of slots of needs."""
        name = self.request.incident.type
        types = {kind.name: kind for kind in self._settings.types}
        if name is None:
            return [[self.needs]]
        if name not in types:
            self._problems.append(unknown_name("incident.type", name, types))
            return []
        if self.request.incident.needs is not None:
            self._problems.append(
                FieldProblem(
                    field="incident.needs",
                    value=None,
                    message="stands beside a type, whose response plan says what is needed",
                    fix="give one of the two",
                )
            )
        return [[slot.needs for slot in response] for response in types[name].response]

    def _stations(self) -> list[int]:
        """Return the station of each unit."""
        names: list[str] = self._scenario.stations["id"].tolist()
        home = dict(
            zip(self._scenario.units["id"], self._scenario.unit_station.tolist(), strict=True)
        )
        found = []
        for row, unit in enumerate(self.request.units):
            if unit.station is None:
                nearest = self._outlook.nearest_station
                found.append(home[unit.id] if unit.id in home else nearest(unit.lon, unit.lat))
            elif unit.station in names:
                found.append(names.index(unit.station))
            else:
                field = f"units[{row}].station"
                self._problems.append(unknown_name(field, unit.station, names))
        return found

    def _check_repeats(self) -> None:
        first: dict[str, int] = {}
        for row, unit in enumerate(self.request.units):
            if first.setdefault(unit.id, row) != row:
                self._problems.append(
                    FieldProblem(
                        field=f"units[{row}].id",
                        value=unit.id,
                        message=f"stands in units[{first[unit.id]}] too",
                        fix="name each unit once",
                    )
                )


def answer(city: City, request: RecommendationRequest) -> Recommendation:
    """Rank the units for an incident by the code that the simulator runs.

    Parameters
    ----------
    city : City
        Roads and rules.
    request : RecommendationRequest
        The incident and the units.

    Returns
    -------
    Recommendation
        Ranked units, and why the others are not ranked.

    Raises
    ------
    ProblemError
        Names are unknown, units repeat, or points lie off the network.
    """
    question = Question(city, request)
    rank, priority = question.priority
    profile: Profile = "siren" if priority.siren else "normal"
    fields = ["incident", *(f"units[{row}]" for row in range(len(request.units)))]
    points = [[unit.lon, unit.lat] for unit in request.units]
    places = city.snap([[request.incident.lon, request.incident.lat], *points], fields)
    table = city.times[profile].many_to_one(places[1:], places[:1])
    suitable = np.array([set(question.needs) <= skills for skills in question.skills], np.bool_)
    turnout_ms = np.rint(np.array(question.turnout_s, np.float64) * 1000).astype(np.int64)
    needs, plan = plan_rows(question.plan)
    able = np.array(
        [[set(need) <= skills for skills in question.skills] for need in needs], np.bool_
    ).reshape(len(needs), len(request.units))
    standard = standard_left(question)
    demand = demand_of(city, question, profile, places[1:], turnout_ms)
    free = FMS.free(FMS.checked(question.status))
    base = np.where(free, np.array(question.station, dtype=np.int64), -1)
    zone = city.outlook.nearest_zone(request.incident.lon, request.incident.lat)

    def _by(policy: Policy) -> tuple[Ranking, Response]:
        if hasattr(policy, "at"):
            policy = bound(policy, city.outlook.terrain(question.station, turnout_ms, able))
        return recommend(
            status=question.status,
            suitable=suitable,
            travel_ms=table.ms[:, 0],
            turnout_ms=turnout_ms,
            distance_m=table.metres[:, 0],
            priority=rank,
            now_ms=round(question.moment.now_ms),
            waiting_ms=round(request.incident.waiting_seconds * 1000),
            policy=policy,
            base=base,
            zone=zone,
            period=question.moment.period,
            limit=len(request.units),
        ), respond(
            plan=plan,
            suitable=able,
            status=question.status,
            travel_ms=table.ms[:, 0],
            turnout_ms=turnout_ms,
            policy=policy,
            priority=rank,
            now_ms=question.moment.now_ms,
            waiting_ms=request.incident.waiting_seconds * 1000,
            base=base,
            zone=zone,
            period=question.moment.period,
            limit_ms=standard,
            demand=demand,
        )

    policy = POLICIES[question.policy]
    guarded = _GUARD.ask(lambda: _by(policy), lambda: _by(CLOSEST), DEADLINE_S)
    result, response = guarded.value
    ranking = [
        _ranked(question, places, number, candidate)
        for number, candidate in enumerate(result.candidates[: request.limit], start=1)
    ]
    ranked = {candidate.unit for candidate in result.candidates}
    rest = [row for row in range(len(request.units)) if row not in ranked]
    passed_over = [
        _passed_over(question, row, result.excluded.get(row), suitable=bool(suitable[row]))
        for row in rest
    ]
    return Recommendation(
        policy=question.policy,
        profile=profile,
        priority=priority.name,
        needs=question.needs,
        incident_snapped_distance=_metres(places, 0),
        ranking=ranking,
        beyond_limit=len(result.candidates) - len(ranking),
        passed_over=passed_over,
        reason=_verdict(ranking, passed_over),
        figures=result.explanation.figures if result.explanation else {},
        sets=[set_words(question, group) for group in response.sets],
        unfilled=unfilled_words(question, response),
        degraded=guarded.degraded,
        degraded_cause=guarded.cause or None,
    )


def _ranked(question: Question, places: Places, rank: int, candidate: Candidate) -> RankedUnit:
    row = candidate.unit
    unit = question.request.units[row]
    return RankedUnit(
        rank=rank,
        unit=unit.id,
        type=question.types[row],
        status=question.status[row],
        arrival_seconds=candidate.arrival_s,
        turnout_seconds=candidate.turnout_s,
        travel_seconds=candidate.travel_s,
        distance=round(candidate.distance_m),
        snapped_distance=_metres(places, 1 + row),
        reason=candidate.reason,
    )


def _passed_over(
    question: Question, row: int, obstacle: str | None, *, suitable: bool
) -> PassedOver:
    unit, status = question.request.units[row], FMS[question.status[row]]
    cause: Cause
    if obstacle is None:
        cause, reason = "policy", f"{question.policy} sends no unit that is {status.name}"
    elif status.request:
        cause, reason = "unavailable", f"{obstacle}, and no previous_status says what it does"
    elif not status.free:
        cause, reason = "unavailable", obstacle
    elif not suitable:
        missing = sorted(set(question.needs) - question.skills[row])
        cause, reason = "unsuitable", f"{obstacle}: it lacks {', '.join(missing)}"
    else:
        cause, reason = "unreachable", obstacle
    return PassedOver(
        unit=unit.id, type=question.types[row], status=status.code, cause=cause, reason=reason
    )


def _verdict(ranking: list[RankedUnit], passed_over: list[PassedOver]) -> str:
    if ranking:
        return f"send {ranking[0].unit}: {ranking[0].reason}"
    if not passed_over:
        return "no unit can go: the request names none"
    counts = Counter(each.cause for each in passed_over)
    said = {"policy": "not sent by the policy"}
    parts = [f"{count} {said.get(cause, cause)}" for cause, count in sorted(counts.items())]
    return f"no unit can go: {', '.join(parts)}"


def _metres(places: Places, row: int) -> float:
    return round(float(places.distance_m[row]), 1)


def _in_force(unit: Unit) -> int:
    if unit.previous_status is None:
        return unit.status
    return FMS.in_force(unit.status, unit.previous_status)
