"""A second event loop with all phases, written from the rules: an object for each unit.

It shares nothing with the compiled loop but the scenario: no tables of travel (ways are
found on the graph), a heap of events, lists. Slow, and meant to be read.
"""

from __future__ import annotations

import heapq
import itertools
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import networkx as nx
import numpy as np

from scenarios.simulation import arrays
from tests.scenarios.synthetic import PROFILES

if TYPE_CHECKING:
    from scenarios.demand import IncidentTable
    from tests.scenarios.full_city import FullCity

NEVER = float("inf")

# what happens first of all that happens in one millisecond
UNIT, TIMED, CALL, PROCESSED = range(4)
DEPART, ARRIVE, LEAVE, DELIVER, FREE, HOME = range(6)


@dataclass
class Stop:
    """A point of a route: a node, when it is passed, and metres since the start."""

    node: int | None
    ms: float
    metres: int


@dataclass
class Trip:
    """A flight: from where to where, when it lifts off, is above its goal, and has landed."""

    start: complex
    goal: complex
    lift_ms: float
    above_ms: float
    landed_ms: float
    metres: int


@dataclass(eq=False)
class Case:
    """An incident, and the units that it has for its slots."""

    number: int
    alternative: int | None = None
    units: dict[int, Unit] = field(default_factory=dict)


@dataclass(eq=False)
class Unit:
    """A unit: what it does, where it stands or which way it drives."""

    number: int
    home: int
    node: int
    state: str = "station"
    off: int = 0
    route: list[Stop] = field(default_factory=list)
    case: Case | None = None
    slot: int = 0
    trip: int = 0
    hospital: int = -1
    flight: Trip | None = None
    at: complex = 0j


@dataclass(frozen=True)
class Option:
    """A way in which a unit could come."""

    arrival_ms: float
    turnout_ms: float
    route: list[Stop]
    flight: Trip | None = None


class SecondLoop:
    """All phases: shifts, alternatives, several units, diversion, periods, closed hospitals."""

    def __init__(self, city: FullCity, calls: IncidentTable, timeline: Any) -> None:
        self.city, self.calls, self.rules = city, calls, city.rules
        self.now, self.period, self.night = 0.0, 0, False
        self.closed: set[int] = set()
        self.heap: list[tuple[float, int, int, int, int]] = []
        self.queue: list[Case] = []
        self.cases = [Case(number) for number in range(calls.size)]
        self.rows: dict[tuple[int, int], dict[str, float]] = {}
        self.timeline = timeline
        self.units = [
            Unit(number, int(home), city.stations[home])
            for number, home in enumerate(self.rules.crew["home"])
        ]
        for unit in self.units:
            if unit.number in city.flights:
                unit.at = self.station_at(unit)

    def run(self) -> dict[tuple[int, int], dict[str, float]]:
        """Return what each unit did, by incident and slot."""
        for number, row in enumerate(self.timeline.tolist()):
            heapq.heappush(self.heap, (row[0], TIMED, number, 0, 0))
        for number, at in enumerate(self.calls.call_ms.tolist()):
            heapq.heappush(self.heap, (at, CALL, number, 0, 0))
        while self.heap:
            self.now, group, first, number, trip = heapq.heappop(self.heap)
            if group == UNIT and self.units[number].trip == trip:
                self.step(self.units[number], first)
            elif group == TIMED:
                self.timed(self.timeline[first])
            elif group == CALL:
                ready = self.now + float(self.calls.processing_ms[first])
                heapq.heappush(self.heap, (ready, PROCESSED, first, 0, 0))
            elif group == PROCESSED:
                self.wait(self.cases[first])
                self.answer([self.cases[first]])
        return self.rows

    def plan(self, unit: Unit, ms: float, what: int) -> None:
        """Plan what a unit does next, in place of all that it had planned."""
        unit.trip += 1
        heapq.heappush(self.heap, (ms, UNIT, what, unit.number, unit.trip))

    def wait(self, case: Case) -> None:
        """Put an incident into the queue: by priority, then by number."""
        if case not in self.queue:
            self.queue.append(case)
            self.queue.sort(key=lambda c: (int(self.calls.priority[c.number]), c.number))

    # who is sent

    def answer(self, asked: list[Case]) -> None:
        """Send units to those asked about; where one was diverted, ask the whole queue."""
        diverted = False
        for case in asked:
            diverted |= self.serve(case)
        if diverted:
            self.answer(list(self.queue))

    def serve(self, case: Case) -> bool:
        """Send what an incident lacks and can have; tell whether somebody was diverted."""
        if not case.units:
            case.alternative = self.choose(case)
        diverted = False
        for slot, (need, _) in enumerate(self.slots(case)):
            if slot in case.units:
                continue
            options = self.options(case, need)
            if options:
                unit, option = min(options, key=lambda o: (o[1].arrival_ms, o[0].number))
                diverted |= self.send(unit, option, case, slot)
        if len(case.units) == len(self.slots(case)):
            self.queue.remove(case)
        return diverted

    def slots(self, case: Case, alternative: int | None = None) -> list[tuple[int, bool]]:
        """Return need and transport of each unit of an alternative."""
        chosen = case.alternative if alternative is None else alternative
        assert chosen is not None
        begin, end = self.rules.alternative_ptr[chosen : chosen + 2]
        return [(int(s["need"]), bool(s["transports"])) for s in self.rules.slots[begin:end]]

    def choose(self, case: Case) -> int:
        """Choose the alternative that lacks least, then the one that is complete first."""
        kind = int(self.calls.type[case.number])
        ranked = []
        for alternative in range(*self.rules.type_ptr[kind : kind + 2].tolist()):
            taken: set[int] = set()
            last, empty = 0.0, 0
            for need, _ in self.slots(case, alternative):
                options = [
                    (option.arrival_ms - self.now, unit.number)
                    for unit, option in self.options(case, need)
                    if unit.number not in taken
                ]
                if options:
                    arrival, number = min(options)
                    taken.add(number)
                    last = max(last, arrival)
                else:
                    empty += 1
            ranked.append((empty, last, alternative))
        return min(ranked)[2]

    def options(  # noqa: C901  # one rule after the other
        self, case: Case, need: int
    ) -> list[tuple[Unit, Option]]:
        """List the units that can be sent, and how each would come."""
        priority = int(self.calls.priority[case.number])
        found = []
        for unit in self.units:
            if unit.off or not self.rules.suitable[need, unit.number]:
                continue
            turnout = 0.0
            if unit.number in self.city.flights:
                option = self.by_air(unit, case)
                if option is not None:
                    found.append((unit, option))
                continue
            if unit.state == "station":
                crew = self.rules.crew[unit.number]
                turnout = float(crew["night_turnout_ms" if self.night else "turnout_ms"])
                start = [Stop(unit.node, self.now + turnout, 0)]
            elif unit.state == "standing":
                start = [Stop(unit.node, self.now, 0)]
            elif unit.state == "returning":
                start = self.turn(unit)
            elif unit.state == "responding" and unit.case is not None:
                other = int(self.calls.priority[unit.case.number])
                if unit.case is case or not self.rules.divert[other, priority]:
                    continue
                if unit.route[0].ms > self.now:
                    turnout = unit.route[0].ms - self.now
                    start = [Stop(unit.node, unit.route[0].ms, 0)]
                else:
                    start = self.turn(unit)
            else:
                continue
            profile = PROFILES[self.rules.priority["response"][priority]]
            goal = self.city.zones[int(self.calls.zone[case.number])]
            route = self.drive(start, goal, profile)
            found.append((unit, Option(route[-1].ms, turnout, route)))
        return found

    # flights

    def station_at(self, unit: Unit) -> complex:
        """Return where the station of a unit is."""
        before = len(self.city.zones) + len(self.city.hospitals)
        return self.city.points[before + unit.home]

    def fly(self, unit: Unit, goal: complex, ready_ms: float) -> Trip:
        """Fly to a point: from the ground once the crew is ready, else from where the unit is."""
        speed, start_up, landing = self.city.flights[unit.number]
        trip, start, lift = unit.flight, unit.at, ready_ms + start_up
        if trip is not None:
            start, lift = trip.start, max(trip.lift_ms, self.now)
            if self.now >= trip.above_ms:
                start = trip.goal
            elif self.now > trip.lift_ms:
                share = (self.now - trip.lift_ms) / (trip.above_ms - trip.lift_ms)
                start = trip.start + (trip.goal - trip.start) * share
        way = abs(goal - start)
        above = lift + math.ceil(way / speed)
        return Trip(start, goal, lift, above, above + landing, int(way + 0.5))

    def by_air(self, unit: Unit, case: Case) -> Option | None:
        """Return how a flying unit would come, None if it cannot be sent."""
        priority = int(self.calls.priority[case.number])
        turnout = 0.0
        if unit.state == "station":
            crew = self.rules.crew[unit.number]
            turnout = float(crew["night_turnout_ms" if self.night else "turnout_ms"])
        elif unit.state == "responding" and unit.case is not None:
            other = int(self.calls.priority[unit.case.number])
            if unit.case is case or not self.rules.divert[other, priority]:
                return None
        elif unit.state not in {"standing", "returning"}:
            return None
        goal = self.city.points[int(self.calls.zone[case.number])]
        return self.aboard(self.fly(unit, goal, self.now + turnout))

    def aboard(self, trip: Trip) -> Option:
        """Return an option to fly."""
        route = [Stop(None, trip.lift_ms, 0), Stop(None, trip.landed_ms, trip.metres)]
        return Option(trip.landed_ms, trip.lift_ms - self.now, route, trip)

    def turn(self, unit: Unit) -> list[Stop]:
        """Return the way of a moving unit to the first node it reaches now or later."""
        before = unit.route[0]
        if before.node is not None and before.ms == self.now:
            return [Stop(before.node, self.now, 0)]
        for stop in unit.route[1:]:
            if stop.ms >= self.now:
                way, span = stop.metres - before.metres, stop.ms - before.ms
                done = int(way * (self.now - before.ms) // span) if span else way
                return [Stop(None, self.now, 0), Stop(stop.node, stop.ms, way - done)]
            before = stop
        raise AssertionError

    def drive(self, start: list[Stop], goal: int, profile: str) -> list[Stop]:
        """Go on from where a way ends to a node, on the fastest way of this period."""
        graph, last = self.city.graphs[self.period], start[-1]
        assert last.node is not None
        route = list(start)
        path = self.city.path(self.period, profile, last.node, goal)
        for tail, head in itertools.pairwise(path):
            arc, at = graph.edges[tail, head], route[-1]
            route.append(Stop(head, at.ms + arc[profile], at.metres + arc["m"]))
        return route

    def send(self, unit: Unit, option: Option, case: Case, slot: int) -> bool:
        """Send a unit; tell whether it was diverted."""
        diverted = unit.state == "responding"
        if diverted and unit.case is not None:
            del unit.case.units[unit.slot]
            del self.rows[unit.case.number, unit.slot]
            self.wait(unit.case)
        unit.state, unit.case, unit.slot, unit.route = "responding", case, slot, option.route
        unit.flight = option.flight
        case.units[slot] = unit
        leaves = self.now + option.turnout_ms
        self.rows[case.number, slot] = {
            "unit": unit.number,
            "dispatch_ms": self.now,
            "departed_ms": leaves,
            "on_scene_ms": option.arrival_ms,
            "distance_m": option.route[-1].metres,
            "left_ms": -1,
            "at_hospital_ms": -1,
            "hospital": -1,
            "free_ms": -1,
        }
        self.plan(unit, leaves, DEPART)
        return diverted

    # what follows

    def step(self, unit: Unit, what: int) -> None:  # noqa: C901, PLR0912  # in their order
        """Do what a unit had planned."""
        if what == HOME:
            unit.state, unit.node = "station", unit.route[-1].node or 0
            unit.flight, unit.at = None, self.station_at(unit) if unit.flight else 0j
            if not unit.off:
                self.answer(list(self.queue))
            return
        case = unit.case
        assert case is not None
        row, number = self.rows[case.number, unit.slot], case.number
        if what == DEPART:
            self.plan(unit, row["on_scene_ms"], ARRIVE)
        elif what == ARRIVE:
            unit.state, unit.node = "busy", self.city.zones[int(self.calls.zone[number])]
            if unit.flight is not None:
                unit.at, unit.flight = unit.flight.goal, None
            takes = self.calls.transported[number] and self.slots(case)[unit.slot][1]
            stay = float(self.calls.on_scene_ms[number])
            self.plan(unit, self.now + stay, LEAVE if takes else FREE)
        elif what == LEAVE:
            row["left_ms"] = self.now
            if unit.number in self.city.flights:
                goal, arrives = self.nearest_by_air(unit)
                unit.at = self.city.points[len(self.city.zones) + goal]
            else:
                goal, arrives = self.nearest_hospital(unit.node, int(self.calls.priority[number]))
            unit.hospital = goal
            row["hospital"] = len(self.city.zones) + goal
            self.plan(unit, arrives, DELIVER)
        elif what == DELIVER:
            row["at_hospital_ms"] = self.now
            unit.node = self.city.hospitals[unit.hospital]
            self.plan(unit, self.now + float(self.calls.handover_ms[number]), FREE)
        else:
            row["free_ms"] = self.now
            unit.state, unit.case = "standing", None
            if not unit.off:
                self.answer(list(self.queue))
            if unit.state == "standing":
                unit.state = "returning"
                goal = self.city.stations[unit.home]
                if unit.number in self.city.flights:
                    trip = self.fly(unit, self.station_at(unit), self.now)
                    unit.route, unit.flight = self.aboard(trip).route, trip
                else:
                    unit.route = self.drive([Stop(unit.node, self.now, 0)], goal, "normal")
                self.plan(unit, unit.route[-1].ms, HOME)

    def nearest_by_air(self, unit: Unit) -> tuple[int, float]:
        """Return the nearest open hospital by flight, the nearest if none is, and when."""
        first, count = len(self.city.zones), len(self.city.hospitals)
        ranked = [
            (n in self.closed, self.fly(unit, self.city.points[first + n], self.now).landed_ms, n)
            for n in range(count)
        ]
        _, arrives, number = min(ranked)
        return number, arrives

    def nearest_hospital(self, node: int, priority: int) -> tuple[int, float]:
        """Return the nearest open hospital, the nearest if none is, and when one is there."""
        profile = PROFILES[self.rules.priority["transport"][priority]]
        ranked = sorted(
            (self.drive([Stop(node, self.now, 0)], goal, profile)[-1].ms, number)
            for number, goal in enumerate(self.city.hospitals)
        )
        opened = [each for each in ranked if each[1] not in self.closed]
        arrives, number = (opened or ranked)[0]
        return number, arrives

    def timed(self, row: Any) -> None:
        """Do what stands on the timeline."""
        kind, subject = int(row["kind"]), int(row["subject"])
        if kind == arrays.GOES_OFF:
            self.units[subject].off += 1
        elif kind == arrays.COMES_ON:
            unit = self.units[subject]
            unit.off -= 1
            if not unit.off and unit.state not in {"busy", "responding"}:
                self.answer(list(self.queue))
        elif kind == arrays.PERIOD:
            self.period = subject
            self.answer(list(self.queue))
        elif kind == arrays.NIGHT:
            self.night = bool(subject)
        elif kind == arrays.CLOSES:
            self.closed.add(subject)
        elif kind == arrays.OPENS:
            self.closed.discard(subject)


def shortest(graph: nx.DiGraph[int], profile: str) -> dict[int, dict[int, list[int]]]:
    """Find all fastest paths of a graph."""
    return dict(nx.all_pairs_dijkstra_path(graph, weight=profile))


def expected_legs(rows: dict[tuple[int, int], dict[str, float]], legs: Any, first: Any) -> Any:
    """Lay what the second loop gives out as the compiled one does."""
    expected = np.empty_like(legs)
    for name in legs.dtype.names:
        expected[name] = legs["incident"] if name == "incident" else -1
    for (incident, slot), row in rows.items():
        for name, value in row.items():
            expected[name][first[incident] + slot] = value
    return expected
