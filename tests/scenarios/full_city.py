"""Small random cities in which everything happens that the event loop knows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from scenarios.demand import IncidentTable
from scenarios.simulation.arrays import (
    CLOSES,
    COMES_ON,
    CREW,
    FLIGHT,
    GOES_OFF,
    NIGHT,
    OPENS,
    PERIOD,
    PRIORITY,
    SLOT,
    TIMED,
    Rules,
    Travel,
    packed,
)
from tests.scenarios.second_loop import shortest
from tests.scenarios.synthetic import PROFILES, random_city, travel_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tests.scenarios.synthetic import Graph

PRIORITIES = 3
_DAY_MS = 86_400_000


@dataclass
class FullCity:
    """Graphs of the same roads, one for each period, and who drives there."""

    graphs: list[Graph]
    zones: list[int]
    hospitals: list[int]
    stations: list[int]
    travel: Travel
    rules: Rules
    flights: dict[int, tuple[float, float, float]]
    points: list[complex]
    _paths: dict[tuple[int, str], dict[int, dict[int, list[int]]]]

    def path(self, period: int, profile: str, start: int, goal: int) -> list[int]:
        """Return the fastest path."""
        if (period, profile) not in self._paths:
            self._paths[period, profile] = shortest(self.graphs[period], profile)
        return self._paths[period, profile][start][goal]


def with_flights(rng: np.random.Generator, city: FullCity) -> FullCity:
    """Let some units of a city fly, and say where its places are."""
    units, places = len(city.rules.crew), city.travel.drive.shape[1]
    rows = np.zeros(units, dtype=FLIGHT)
    rows["metres_per_ms"] = rng.choice([0.0, 0.012, 0.05, 0.07], units)
    rows["metres_per_ms"][0] = 0.06
    rows["start_ms"] = rng.choice([0, 30_000, 120_000], units)
    rows["landing_ms"] = rng.choice([0, 45_000, 90_000], units)
    xy = rng.uniform(-20_000, 20_000, (places, 2))
    return replace(
        city,
        travel=city.travel._replace(xyz=np.column_stack([xy, np.zeros(places)])),
        rules=city.rules._replace(flight=rows),
        flights={n: tuple(r) for n, r in enumerate(rows.tolist()) if r[0] > 0},
        points=[complex(*point) for point in xy.tolist()],
    )


def full_city(rng: np.random.Generator) -> FullCity:
    """Draw a city whose streets differ in speed from period to period."""
    stations, units = 2, int(rng.integers(1, 7))
    plain = random_city(int(rng.integers(2**31)), stations=stations, units=units)
    graphs = [plain.graph]
    for _ in range(int(rng.integers(0, 3))):
        graph = plain.graph.copy()
        for _, _, arc in graph.edges(data=True):
            factor = rng.uniform(0.6, 2.0)
            arc["normal"] = int(arc["normal"] * factor)
            arc["siren"] = int(arc["siren"] * factor)
        graphs.append(graph)
    each = [travel_of(g, plain.zones, plain.hospitals, plain.stations) for g in graphs]
    tables = ("drive", "turn", "hospital", "home", "rest", "nearest")
    travel = each[0]._replace(
        **{name: np.concatenate([getattr(one, name) for one in each]) for name in tables}
    )
    return FullCity(
        graphs,
        plain.zones,
        plain.hospitals,
        plain.stations,
        travel,
        _rules(rng, stations, units),
        {},
        [],
        {},
    )


def _rules(rng: np.random.Generator, stations: int, units: int) -> Rules:
    """Draw what units can do and what incidents ask for; some of it nobody can do."""
    needs = 3
    suitable = rng.random((needs, units)) < 0.6
    suitable[0] |= rng.random() < 0.8
    alternatives = rng.integers(1, 4, PRIORITIES + 1)
    slots = rng.integers(1, 4, int(alternatives.sum()))
    count = int(slots.sum())
    divert = np.tril(rng.random((PRIORITIES, PRIORITIES)) < 0.6, -1)
    turnout = rng.integers(0, 120_000, units)
    return Rules(
        suitable=suitable,
        priority=packed(
            PRIORITY,
            rng.integers(0, len(PROFILES), PRIORITIES),
            rng.integers(0, len(PROFILES), PRIORITIES),
        ),
        divert=divert & (rng.random() < 0.7),
        crew=packed(CREW, rng.integers(0, stations, units), turnout, turnout * 2 + 1000),
        type_ptr=np.cumsum([0, *alternatives]),
        alternative_ptr=np.cumsum([0, *slots]),
        slots=packed(SLOT, rng.integers(0, needs, count), rng.random(count) < 0.7),
    )


def full_incidents(rng: np.random.Generator, zones: int, count: int) -> IncidentTable:
    """Draw calls that come evenly, in a surge, and many at once from one zone."""
    spacing = int(rng.choice([60_000, 400_000, 1_500_000]))
    gaps = rng.integers(1, 2 * spacing, count).astype(np.float64)
    gaps[count // 3 : count // 2] //= int(rng.integers(1, 9))
    zone = rng.integers(0, zones, count).astype(np.int32)
    first = int(rng.integers(0, count + 1))
    many = slice(first, first + int(rng.integers(0, 6)))
    gaps[many.start + 1 : many.stop] = 0.0
    if first < count:
        zone[many] = zone[first]
    kind = rng.integers(0, PRIORITIES + 1, count).astype(np.int32)
    transported = rng.random(count) < 0.6
    return IncidentTable(
        call_ms=np.cumsum(gaps),
        zone=zone,
        # two types share a priority
        priority=np.minimum(kind, PRIORITIES - 1).astype(np.int32),
        type=kind,
        transported=transported,
        processing_ms=rng.choice([0.0, 30_000.0, 91_000.0], count),
        on_scene_ms=rng.integers(0, 1_200_000, count).astype(np.float64),
        handover_ms=np.where(transported, rng.integers(0, 900_000, count), 0).astype(np.float64),
    )


def full_timeline(rng: np.random.Generator, city: FullCity, end_ms: float) -> NDArray[Any]:
    """Draw shifts, breaks and failures that may overlap, closed hospitals, hours and nights."""
    span = int(end_ms) + 1
    rows: list[tuple[float, int, int]] = []

    def spans(subject: int, begin: int, end: int, times: int) -> None:
        for _ in range(times):
            start = int(rng.integers(0, span))
            stop = start + int(rng.integers(1, span // 2 + 2))
            rows.extend([(float(start), begin, subject), (float(stop), end, subject)])

    for unit in range(len(city.rules.crew)):
        spans(unit, GOES_OFF, COMES_ON, int(rng.integers(0, 4)))
        if rng.random() < 0.2:
            rows.append((0.0, GOES_OFF, unit))
            rows.append((float(rng.integers(1, span + 1)), COMES_ON, unit))
    for hospital in range(len(city.hospitals)):
        spans(hospital, CLOSES, OPENS, int(rng.integers(0, 2)))
    for _ in range(int(rng.integers(0, 6))):
        rows.append((float(rng.integers(0, span)), PERIOD, int(rng.integers(len(city.graphs)))))
        rows.append((float(rng.integers(0, span)), NIGHT, int(rng.integers(2))))
    return np.array(sorted(rows), dtype=TIMED)
