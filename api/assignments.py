"""Several incidents that wait: who goes where, all at once."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import numpy as np

from api.asked import AskedIncident
from api.deadline import Guard
from api.fleet import Fleet
from api.joint_schemas import AssignedIncident, AssignedUnit, JointAssignment
from api.problems import ProblemError
from api.schemas import MOST_CELLS, FieldProblem
from engine.assignment import closest_in_turn, lateness_cost, urgency_cost
from engine.assignment_sets import assign_sets
from routing.network import UNREACHABLE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from api.city import City
    from api.joint_schemas import AssignmentRequest
    from engine.assignment import Alternatives, Assignment

DEADLINE_S: Final = 2.0
"""Seconds until each incident gets its closest units in turn."""
_SOLVER_S: Final = 1.5
"""Seconds that solvers may take of it; then the best answer found is given."""
_LONGEST_MS: Final = 7_200_000
_STEP_MS: Final = 100
"""Arrivals count in tenths of a second, up to two hours, so that all costs add up exactly."""

_GUARD: Final = Guard()


class _Situation:
    """Incidents and units of a request, with all arrivals."""

    def __init__(self, city: City, request: AssignmentRequest) -> None:
        problems: list[FieldProblem] = []
        self.request = request
        self.fleet = Fleet(city, request.units, request.time, problems)
        self.asked = [
            AskedIncident(
                city.scenario.settings,
                incident,
                self.fleet.known_skills,
                f"incidents[{row}].",
                problems,
            )
            for row, incident in enumerate(request.incidents)
        ]
        _check_repeats(request, problems)
        if problems:
            raise ProblemError(problems)
        slots = [slot for asked in self.asked for ways in asked.plan for slot in ways]
        cells = len(slots) * len(request.units)
        if cells > MOST_CELLS:
            message = f"{len(slots):,} slots by {len(request.units):,} units are more than "
            raise ProblemError(
                [
                    FieldProblem(
                        field="incidents",
                        value=str(len(request.incidents)),
                        message=f"{message}{MOST_CELLS:,}",
                        fix="send fewer incidents, or only units that might go",
                    )
                ],
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            )
        reach = self._reach_ms(city)
        self.plans: list[Alternatives] = []
        of_slot: list[int] = []
        for row, asked in enumerate(self.asked):
            ways = []
            for way in asked.plan:
                ways.append(tuple(range(len(of_slot), len(of_slot) + len(way))))
                of_slot += [row] * len(way)
            self.plans.append(tuple(ways))
        self.incident_of = np.array(of_slot, dtype=np.int64)
        self.arrival_ms = np.where(self.fleet.able(slots), reach[self.incident_of], UNREACHABLE)
        for slot, row in enumerate(of_slot):
            may = self.fleet.asked(self.arrival_ms[slot], self.asked[row].left_ms())
            self.arrival_ms[slot, ~may] = UNREACHABLE

    def _reach_ms(self, city: City) -> NDArray[np.int64]:
        """Return when each free unit could be at each incident."""
        request, fleet = self.request, self.fleet
        spots = [[each.lon, each.lat] for each in request.incidents]
        goals = list(spots)
        spots += fleet.points(city)
        fields = [f"incidents[{row}]" for row in range(len(request.incidents))]
        fields += [f"units[{row}]" for row in range(len(request.units))]
        places = city.snap(spots, fields)
        n = len(request.incidents)
        drive = np.empty((n, len(request.units)), dtype=np.int64)
        for profile in sorted({asked.profile for asked in self.asked}):
            rows = np.array([r for r, asked in enumerate(self.asked) if asked.profile == profile])
            table = city.times[profile].matrix(places[n:], places[rows])
            fleet.by_air(table.ms, table.metres, [goals[row] for row in rows])
            drive[rows] = table.ms.T
        return np.where(
            fleet.free & (drive < UNREACHABLE), drive + fleet.turnout_ms * fleet.rests, UNREACHABLE
        )

    def costs(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return what sending each unit for each slot costs, and what letting wait does."""
        left = [asked.left_ms() for asked in self.asked]
        limit = np.array([_LONGEST_MS if ms is None else ms for ms in left])[self.incident_of]
        within = np.minimum(self.arrival_ms, _LONGEST_MS) // _STEP_MS
        within = np.where(self.arrival_ms < UNREACHABLE, within, UNREACHABLE)
        cost = lateness_cost(within, np.ones(len(limit), np.int64), limit // _STEP_MS)
        rank = [asked.rank for asked in self.asked]
        return cost, urgency_cost(self.plans, cost, rank)


def assignment(
    city: City, request: AssignmentRequest, deadline_s: float = DEADLINE_S
) -> JointAssignment:
    """Send units to all incidents that wait, together.

    Parameters
    ----------
    city : City
        Roads and rules.
    request : AssignmentRequest
        The incidents and the units.
    deadline_s : float
        Seconds until the makeshift answer is given.

    Returns
    -------
    JointAssignment
        What each incident gets, and why.

    Raises
    ------
    ProblemError
        Names are unknown or repeat, points lie off the network, or there are too many.
    """
    situation = _Situation(city, request)
    cost, waits = situation.costs()
    guarded = _GUARD.ask(
        lambda: assign_sets(situation.plans, cost, waits, time_limit_s=_SOLVER_S),
        lambda: closest_in_turn(situation.plans, cost, waits),
        deadline_s,
    )
    found = guarded.value
    return JointAssignment(
        incidents=[_told(situation, row, found) for row in range(len(request.incidents))],
        waiting=sum(number < 0 for number in found.alternative),
        optimal=found.optimal,
        degraded=guarded.degraded,
        degraded_cause=guarded.cause or None,
    )


def _told(situation: _Situation, row: int, found: Assignment) -> AssignedIncident:
    asked, units = situation.asked[row], situation.request.units
    number = found.alternative[row]
    slots = situation.plans[row][number] if number >= 0 else ()
    arrival = situation.arrival_ms
    sent = [
        AssignedUnit(
            slot=position,
            unit=units[unit].id,
            arrival_seconds=arrival[slot, unit] / 1000,
            later_seconds=(arrival[slot, unit] - arrival[slot].min()) / 1000,
        )
        for position, (slot, unit) in enumerate(zip(slots, found.units[row], strict=True))
    ]
    first = min((each.arrival_seconds for each in sent), default=None)
    left = asked.left_ms()
    return AssignedIncident(
        incident=situation.request.incidents[row].id,
        priority=asked.priority.name,
        waits=number < 0,
        alternative=number if number >= 0 else None,
        units=sent,
        within_standard=None if first is None or left is None else first * 1000 <= left,
        reason=_reason(situation, row, sent, found),
    )


def _reason(situation: _Situation, row: int, sent: list[AssignedUnit], found: Assignment) -> str:
    if not sent:
        alone = any(
            all((situation.arrival_ms[slot] < UNREACHABLE).any() for slot in ways)
            for ways in situation.plans[row]
        )
        return "all that could go go elsewhere" if alone else "no free unit can do what it needs"
    later = [each for each in sent if each.later_seconds > 0]
    if not later:
        return "the closest that can go"
    names = {}
    for other, units in enumerate(found.units):
        for unit in units:
            names[unit] = situation.request.incidents[other].id
    number = found.alternative[row]
    parts = []
    for each in later:
        slot = situation.plans[row][number][each.slot]
        closest = int(situation.arrival_ms[slot].argmin())
        goes = f", which goes to {names[closest]}" if closest in names else ""
        name = situation.request.units[closest].id
        parts.append(f"{each.unit} {each.later_seconds:.0f} s after {name}{goes}")
    return "; ".join(parts)


def _check_repeats(request: AssignmentRequest, problems: list[FieldProblem]) -> None:
    first: dict[str, int] = {}
    for row, incident in enumerate(request.incidents):
        if first.setdefault(incident.id, row) != row:
            problems.append(
                FieldProblem(
                    field=f"incidents[{row}].id",
                    value=incident.id,
                    message=f"stands in incidents[{first[incident.id]}] too",
                    fix="name each incident once",
                )
            )
