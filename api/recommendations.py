"""Which unit to send: from a request through the engine to words."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

import numpy as np
from pyproj import Geod

from api.asked import AskedIncident
from api.deadline import Guard
from api.fleet import Fleet
from api.problems import ProblemError, unknown_name
from api.response_words import (
    demand_of,
    plan_rows,
    set_words,
    unfilled_words,
)
from api.schemas import (
    FieldProblem,
    PassedOver,
    RankedUnit,
    Recommendation,
    RecommendationRequest,
)
from engine.dispatch import CLOSEST, bound
from engine.fleet import FMS
from engine.policies import POLICIES
from engine.recommend import recommend
from engine.response import respond
from routing.errors import InputError
from routing.network import UNREACHABLE
from routing.snapping import unsnapped
from routing.travel_times import Table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from api.city import City
    from api.fleet import Known
    from engine.dispatch import Policy
    from engine.recommend import Candidate
    from engine.recommend import Recommendation as Ranking
    from engine.response import Response
    from routing.snapping import Places

DEADLINE_S: Final = 2.0
"""Seconds that a policy may take; then the closest suitable units are the answer."""

CROW_M_S: Final = 8.0
"""Metres as the crow flies in a second where no drive is known: 29 km/h, on the safe side."""

POLICIES_GUARD: Final = Guard()
ROADS: Final = Guard(passes=(ProblemError,))
"""Of whole answers; the policy has a deadline of its own."""
PATIENCE: Final = 1.25
"""How many times as long as the policy the whole answer may take."""
_GLOBE: Final = Geod(ellps="WGS84")

Cause = Literal["unavailable", "unsuitable", "unreachable", "policy", "neighbour"]


class Question:
    """A request whose names mean something in this scenario.

    Parameters
    ----------
    city : City
        The city.
    request : RecommendationRequest
        The request.
    fleet : Fleet, optional
        Its units, where they are known.

    Raises
    ------
    ProblemError
        Names are unknown or units repeat; all of them are told.
    """

    def __init__(
        self, city: City, request: RecommendationRequest, fleet: Fleet | None = None
    ) -> None:
        problems: list[FieldProblem] = []
        self.request = request
        self.policy = _policy(request.policy, problems)
        self.fleet = fleet or Fleet(city, request.units, request.time, problems)
        self.asked = AskedIncident(
            city.scenario.settings,
            request.incident,
            self.fleet.known_skills,
            "incident.",
            problems,
        )
        if problems:
            raise ProblemError(problems)


def _policy(name: str, problems: list[FieldProblem]) -> str:
    try:
        return POLICIES.resolve(name)
    except InputError:
        problems.append(unknown_name("policy", name, POLICIES))
        return name


def answer(
    city: City, request: RecommendationRequest, deadline_s: float = DEADLINE_S
) -> Recommendation:
    """Rank the units for an incident by the code that the simulator runs.

    Parameters
    ----------
    city : City
        Roads and rules.
    request : RecommendationRequest
        The incident and the units.
    deadline_s : float
        Seconds until the makeshift answer is given.

    Returns
    -------
    Recommendation
        Ranked units, and why the others are not ranked.

    Raises
    ------
    ProblemError
        Names are unknown, units repeat, or points lie off the network.
    """
    guarded = ROADS.ask(
        lambda: by_road(city, request, deadline_s),
        lambda: as_the_crow_flies(city, request),
        PATIENCE * deadline_s,
        ready=False,
    )
    return noted(guarded.value, guarded.cause)


def noted(found: Recommendation, cause: str) -> Recommendation:
    """Say on an answer why it is a makeshift one.

    Parameters
    ----------
    found : Recommendation
        The answer; changed in place.
    cause : str
        What is said; empty if it is none.

    Returns
    -------
    Recommendation
        The same.
    """
    if cause:
        found.degraded = True
        found.degraded_cause = f"{cause}; {found.degraded_cause}" if found.degraded_cause else cause
    return found


def by_road(
    city: City,
    request: RecommendationRequest,
    deadline_s: float,
    known: Known | None = None,
    policies: Guard = POLICIES_GUARD,
) -> Recommendation:
    """Rank the units for an incident, however long the roads take to answer.

    Parameters
    ----------
    city : City
        Roads and rules.
    request : RecommendationRequest
        The incident and the units.
    deadline_s : float
        Seconds until the makeshift answer of the policy.
    known : Known, optional
        The units of the request, where more is known of them.
    policies : Guard
        Asks the policy.

    Returns
    -------
    Recommendation
        As of `answer`.

    Raises
    ------
    ProblemError
        As `answer` does.
    """
    question, goal, units = _placed(city, request, known)
    table = city.times[question.asked.profile].many_to_one(units, goal)
    worked = _worked(city, question, units, table, deadline_s, policies)
    return _told(question, goal, units, worked)


def as_the_crow_flies(
    city: City, request: RecommendationRequest, known: Known | None = None
) -> Recommendation:
    """Rank the closest units for an incident where the roads do not answer.

    Parameters
    ----------
    city, request, known
        As of `by_road`; of `known` only the fleet counts.

    Returns
    -------
    Recommendation
        Degraded; see `noted` for why.

    Raises
    ------
    ProblemError
        As `answer` does.
    """
    question = Question(city, request, None if known is None else known.fleet)
    # nothing here waits for roads, a policy or whoever may hold them
    goal = unsnapped([[request.incident.lon, request.incident.lat]])
    units = unsnapped(question.fleet.points(city))
    worked = _worked(city, question, None, _straight(units, goal), 0.0)
    guess = f"the closest, their drives guessed at, {CROW_M_S:g} m/s as the crow flies"
    return noted(_told(question, goal, units, worked), guess)


def _placed(
    city: City, request: RecommendationRequest, known: Known | None
) -> tuple[Question, Places, Places]:
    """Return what is asked, and the incident and the units on their roads."""
    question = Question(city, request, None if known is None else known.fleet)
    lon, lat = request.incident.lon, request.incident.lat
    if known is not None:
        return question, city.snap_once(lon, lat), known.places
    fields = ["incident", *(f"units[{row}]" for row in range(len(request.units)))]
    places = city.snap([[lon, lat], *question.fleet.points(city)], fields)
    return question, places[:1], places[1:]


def _told(question: Question, goal: Places, units: Places, worked: _Worked) -> Recommendation:
    """Say it in the words of the request."""
    request, asked = question.request, question.asked
    result, response = worked.ranking, worked.response
    ranking = [
        _ranked(question, units, number, candidate)
        for number, candidate in enumerate(result.candidates, start=1)
    ]
    ranked = {candidate.unit for candidate in result.candidates}
    rest = [row for row in range(len(request.units)) if row not in ranked]
    further = len(ranked) == request.limit  # else the policy itself had enough
    passed_over = [
        _passed_over(
            question,
            row,
            result.excluded.get(row),
            suitable=bool(worked.suitable[row]),
            spared=not worked.may[row],
        )
        for row in rest
        if row in result.excluded or not further
    ]
    return Recommendation.model_construct(
        policy=question.policy,
        profile=asked.profile,
        priority=asked.priority.name,
        needs=asked.needs,
        incident_snapped_distance=_metres(goal, 0),
        ranking=ranking,
        beyond_limit=len(rest) - len(passed_over),
        passed_over=passed_over,
        reason=_verdict(ranking, passed_over),
        figures=result.explanation.figures if result.explanation else {},
        sets=[set_words(question, group) for group in response.sets],
        unfilled=unfilled_words(question, response),
        degraded=bool(worked.cause),
        degraded_cause=worked.cause or None,
    )


class _Worked(NamedTuple):
    """What a policy answered, and to what."""

    ranking: Ranking
    response: Response
    suitable: NDArray[np.bool_]
    may: NDArray[np.bool_]
    cause: str


def _worked(
    city: City,
    question: Question,
    places: Places | None,
    table: Table,
    deadline_s: float,
    policies: Guard = POLICIES_GUARD,
) -> _Worked:
    """Ask the policy, or the closest rule where it does not answer in time."""
    request, fleet, asked = question.request, question.fleet, question.asked
    fleet.by_air(table.ms, table.metres, [[request.incident.lon, request.incident.lat]])
    suitable = fleet.able([asked.needs])[0]
    needs, plan = plan_rows(asked.plan)
    able = fleet.able(needs)
    arrival_ms = np.where(fleet.free, table.ms[:, 0] + fleet.rests * fleet.turnout_ms, UNREACHABLE)
    may = np.zeros(len(request.units), dtype=np.bool_)
    for who in (suitable, *able):
        may |= fleet.asked(np.where(who, arrival_ms, UNREACHABLE), asked.left_ms())
    table.ms[~may | fleet.grounded] = UNREACHABLE
    demand = None if places is None else demand_of(city, question, places)
    zone = city.outlook.nearest_zone(request.incident.lon, request.incident.lat)

    def _by(policy: Policy) -> tuple[Ranking, Response]:
        if hasattr(policy, "at"):
            policy = bound(policy, city.outlook.terrain(fleet, able))
        return recommend(
            status=fleet.codes,
            suitable=suitable,
            travel_ms=table.ms[:, 0],
            turnout_ms=fleet.turnout_ms,
            distance_m=table.metres[:, 0],
            priority=asked.rank,
            now_ms=round(fleet.moment.now_ms),
            waiting_ms=round(request.incident.waiting_seconds * 1000),
            policy=policy,
            base=fleet.base,
            zone=zone,
            period=fleet.moment.period,
            limit=request.limit,
        ), respond(
            plan=plan,
            suitable=able,
            status=fleet.codes,
            travel_ms=table.ms[:, 0],
            turnout_ms=fleet.turnout_ms,
            policy=policy,
            priority=asked.rank,
            now_ms=fleet.moment.now_ms,
            waiting_ms=request.incident.waiting_seconds * 1000,
            base=fleet.base,
            zone=zone,
            period=fleet.moment.period,
            limit_ms=asked.left_ms(),
            demand=demand,
        )

    policy = POLICIES[question.policy]
    if policy is CLOSEST or places is None:  # there is nothing to wait for
        return _Worked(*_by(CLOSEST), suitable, may, "")
    guarded = policies.ask(lambda: _by(policy), lambda: _by(CLOSEST), deadline_s)
    return _Worked(*guarded.value, suitable, may, guarded.cause)


def _straight(units: Places, goal: Places) -> Table:
    """Guess at drives where the roads do not answer."""
    lon, lat = units.lonlat[:, 0], units.lonlat[:, 1]
    there = np.broadcast_to(goal.lonlat[0], units.lonlat.shape)
    metres = np.asarray(_GLOBE.inv(lon, lat, there[:, 0], there[:, 1])[2], dtype=np.float64)
    ms = np.rint(metres / CROW_M_S * 1000).astype(np.int32)
    return Table(ms[:, None], np.rint(metres).astype(np.int32)[:, None])


def _ranked(question: Question, places: Places, rank: int, candidate: Candidate) -> RankedUnit:
    row = candidate.unit
    unit = question.request.units[row]
    return RankedUnit(
        rank=rank,
        unit=unit.id,
        type=question.fleet.types[row],
        status=question.fleet.status[row],
        arrival_seconds=candidate.arrival_s,
        turnout_seconds=candidate.turnout_s,
        travel_seconds=candidate.travel_s,
        distance=round(candidate.distance_m),
        snapped_distance=_metres(places, row),
        reason=candidate.reason,
    )


def _passed_over(
    question: Question, row: int, obstacle: str | None, *, suitable: bool, spared: bool
) -> PassedOver:
    unit, status = question.request.units[row], FMS[question.fleet.status[row]]
    cause: Cause
    if obstacle is None:
        cause, reason = "policy", f"{question.policy} sends no unit that is {status.name}"
    elif status.request:
        cause, reason = "unavailable", f"{obstacle}, and no previous_status says what it does"
    elif not status.free:
        cause, reason = "unavailable", obstacle
    elif not suitable:
        missing = sorted(set(question.asked.needs) - question.fleet.skills[row])
        cause, reason = "unsuitable", f"{obstacle}: it lacks {', '.join(missing)}"
    elif question.fleet.grounded[row]:
        cause, reason = "unavailable", "flies by day alone, and the sun is down"
    elif spared:
        cause, reason = "neighbour", "a neighbour's, and an own unit is there soon enough"
    else:
        cause, reason = "unreachable", obstacle
    return PassedOver(
        unit=unit.id, type=question.fleet.types[row], status=status.code, cause=cause, reason=reason
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


def _metres(places: Places, row: int) -> float | None:
    distance = float(places.distance_m[row])
    return None if np.isnan(distance) else round(distance, 1)
