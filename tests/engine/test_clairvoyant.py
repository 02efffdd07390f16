"""The bound of those who know all incidents: against enumeration, and against policies."""

from __future__ import annotations

import itertools
import os
from typing import TYPE_CHECKING

import networkx as nx
import numpy as np
import pytest

from engine.clairvoyant import Crew, Jobs, Roads, clairvoyant
from engine.clairvoyant.hindsight import fleet_of, improve
from engine.clairvoyant.waits import longest_waits
from engine.dispatch import CLOSEST, CLOSEST_IDLE, BatchDispatch, DispatchState
from routing.errors import InputError
from scenarios.clairvoyance import jobs_of, offline_problem, reordered
from scenarios.simulation.arrays import CLOSES, COMES_ON, GOES_OFF, TIMED, no_timeline
from scenarios.simulation.run import run_replication
from scenarios.simulation.tables import Tables
from tests.scenarios.synthetic import City, random_city, random_incidents

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.dispatch import Policy
    from scenarios.demand import IncidentTable

CASES = int(os.environ.get("BLUELIGHT_CLAIRVOYANT_CASES", "100"))
BATCH = 50
LONGEST_MS = 1.5e7
LIMIT_MS = np.array([420_000.0, 420_000.0])


class AtOnce:
    """Sends any unit that is free."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def decide(self, state: DispatchState) -> int:
        rng = np.random.default_rng([self.seed, int(state.now_ms), int(state.waiting_ms)])
        return int(rng.choice(np.flatnonzero(state.feasible)))


class AnyUnit:
    """Sends any unit, or lets the incident wait."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def decide(self, state: DispatchState) -> int:
        rng = np.random.default_rng([self.seed, int(state.now_ms), int(state.waiting_ms)])
        units = np.flatnonzero(state.feasible)
        return -1 if rng.random() < 0.2 else int(rng.choice(units))


def drawn(seed: int) -> tuple[City, IncidentTable]:
    rng = np.random.default_rng([seed, 11])
    city = random_city(seed, units=int(rng.integers(1, 5)))
    spacing = int(rng.choice([60_000, 300_000, 900_000]))
    return city, random_incidents(seed, int(rng.integers(1, 6)), 4, spacing_ms=spacing)


def late(city: City, calls: IncidentTable, policy: Policy) -> int:
    served = run_replication(city.travel, city.rules, calls, policy).served
    response = served["on_scene_ms"] - calls.call_ms
    missed = (served["on_scene_ms"] < 0) | (response > LIMIT_MS[calls.priority])
    return int(missed.sum())


def waits(city: City, calls: IncidentTable, policy: Policy) -> bool:
    served = run_replication(city.travel, city.rules, calls, policy).served
    return bool((served["dispatch_ms"] > calls.call_ms + calls.processing_ms).any())


class Enumeration:
    """All chains of a few incidents for each unit, on the graph itself."""

    def __init__(self, city: City, calls: IncidentTable) -> None:
        self.city, self.calls = city, calls
        self.ms = {
            profile: dict(nx.all_pairs_dijkstra_path_length(city.graph, weight=profile))
            for profile in ("normal", "siren")
        }
        self.first = len(city.zones) + len(city.hospitals)
        self.slots = city.rules.slots

    def fewest_late(self) -> int:
        """Count over all ways to give each incident to one unit, or to none."""
        n, units = self.calls.size, len(self.city.rules.crew)
        options = {(frozenset[int](), 0)}
        for unit in range(units):
            own = {(frozenset[int](), 0)}
            for size in range(1, n + 1):
                for chain in itertools.permutations(range(n), size):
                    own.add((frozenset(chain), self.in_time(unit, chain)))
            options = {
                (one | other, count + more)
                for one, count in options
                for other, more in own
                if not one & other
            }
        return n - max(count for _, count in options)

    def fewest_late_at_once(self) -> float:
        """Count over all ways in which nobody waits while a unit is free."""
        ready = self.calls.call_ms + self.calls.processing_ms
        start = tuple((None, 0.0) for _ in self.city.rules.crew)
        return self.rest_at_once(frozenset(range(self.calls.size)), ready, start, 0.0)

    def rest_at_once(
        self,
        left: frozenset[int],
        ready: NDArray[np.float64],
        state: tuple[tuple[int | None, float], ...],
        now: float,
    ) -> float:
        if not left:
            return 0.0
        best, later = np.inf, [float(ready[job]) for job in left if ready[job] > now]
        later += [free_ms for _, free_ms in state if free_ms > now]
        can_be_sent = False
        for job in (each for each in left if ready[each] <= now):
            for unit, (place, free_ms) in enumerate(state):
                before = max(now, free_ms)
                if free_ms > now or self.arrival(unit, job, place, free_ms, free_ms) == np.inf:
                    continue
                can_be_sent = True
                arrival = self.arrival(unit, job, place, free_ms, free_ms)
                arrival += before - max(float(ready[job]), free_ms)
                due = self.calls.call_ms[job] + LIMIT_MS[self.calls.priority[job]]
                end, after = self.end(job)
                then = (*state[:unit], (end, arrival + after), *state[unit + 1 :])
                rest = self.rest_at_once(left - {job}, ready, then, now)
                best = min(best, float(arrival > due) + rest)
        if not can_be_sent:
            return self.rest_at_once(left, ready, state, min(later)) if later else np.inf
        return best

    def in_time(self, unit: int, chain: tuple[int, ...]) -> int:
        """Count the incidents of a chain that can be reached in time."""
        return max(0, self.rest_in_time(unit, chain, None, 0.0, 0.0))

    def rest_in_time(
        self, unit: int, chain: tuple[int, ...], place: int | None, free_ms: float, late_ms: float
    ) -> int:
        if not chain:
            return 0
        job, rest = chain[0], chain[1:]
        arrival = self.arrival(unit, job, place, free_ms, late_ms)
        due = self.calls.call_ms[job] + LIMIT_MS[self.calls.priority[job]]
        end, after = self.end(job)
        best = -len(chain) - 1
        if arrival <= due:
            best = 1 + self.rest_in_time(unit, rest, end, arrival + after, due + after)
        if arrival <= due + LONGEST_MS:
            begin, last = max(arrival, due) + after, due + LONGEST_MS + after
            best = max(best, self.rest_in_time(unit, rest, end, begin, last))
        return best

    def arrival(
        self, unit: int, job: int, place: int | None, free_ms: float, late_ms: float
    ) -> float:
        calls, rules, city = self.calls, self.city.rules, self.city
        alternative = rules.type_ptr[calls.type[job]]
        need = rules.slots["need"][rules.alternative_ptr[alternative]]
        if not rules.suitable[need, unit]:
            return np.inf
        crew = rules.crew[unit]
        home, target = city.stations[crew["home"]], city.zones[calls.zone[job]]
        profile = ("normal", "siren")[rules.priority["response"][calls.priority[job]]]
        ready = float(calls.call_ms[job] + calls.processing_ms[job])
        if place is None:
            return float(ready + crew["turnout_ms"] + self.ms[profile][home][target])
        sent = max(ready, free_ms)
        path = nx.dijkstra_path(city.graph, place, home, weight="normal")
        soonest, latest = sent - free_ms, max(0.0, sent - late_ms)
        best = np.inf
        for node in path:
            at = self.ms["normal"][place][node]
            drive = self.ms[profile][node][target]
            if at >= latest:
                best = min(best, max(0.0, at - soonest) + drive)
        if self.ms["normal"][place][home] <= soonest:
            best = min(best, crew["turnout_ms"] + self.ms[profile][home][target])
        return float(sent + best)

    def end(self, job: int) -> tuple[int, float]:
        calls, city = self.calls, self.city
        zone = city.zones[calls.zone[job]]
        stay = float(calls.on_scene_ms[job])
        if not calls.transported[job]:
            return zone, stay
        profile = ("normal", "siren")[city.rules.priority["transport"][calls.priority[job]]]
        nearest = min(city.hospitals, key=lambda node: self.ms[profile][zone][node])
        return nearest, stay + self.ms[profile][zone][nearest] + float(calls.handover_ms[job])


@pytest.mark.parametrize("batch", range(-(-CASES // BATCH)))
def test_equals_enumeration_and_nobody_beats_it(batch: int) -> None:
    proven = []
    for seed in range(batch * BATCH, min(CASES, (batch + 1) * BATCH)):
        city, calls = drawn(seed)
        tables = Tables(city.travel, city.rules, no_timeline())
        found = clairvoyant(*offline_problem(tables, calls, LIMIT_MS, longest_ms=LONGEST_MS))
        fewest = Enumeration(city, calls).fewest_late()
        assert found.bound == fewest, f"case {seed}"
        assert found.reached is not None, f"case {seed}"
        assert found.reached >= fewest, f"case {seed}"
        proven.append(found.proven)
        policies: list[Policy] = [CLOSEST, CLOSEST_IDLE, BatchDispatch()]
        policies += [AnyUnit(k) for k in range(5)]
        for policy in policies:
            assert late(city, calls, policy) >= fewest, f"case {seed}: {policy}"
    # else only who holds units back on purpose could be as good
    assert np.mean(proven) > 0.8


@pytest.mark.parametrize("batch", range(-(-CASES // BATCH)))
def test_at_once_equals_enumeration_and_nobody_beats_it(batch: int) -> None:
    compared, proven, above = [], [], 0
    for seed in range(batch * BATCH, min(CASES, (batch + 1) * BATCH)):
        city, calls = drawn(seed)
        tables = Tables(city.travel, city.rules, no_timeline())
        problem = offline_problem(tables, calls, LIMIT_MS, longest_ms=LONGEST_MS)
        found = clairvoyant(*problem, at_once=True)
        fewest = Enumeration(city, calls).fewest_late_at_once()
        assert found.bound <= fewest, f"case {seed}"
        assert found.reached is not None, f"case {seed}"
        assert found.reached >= fewest, f"case {seed}"
        if longest_waits(*problem).max(initial=0.0) == 0.0:
            assert found.bound == fewest, f"case {seed}"
        compared.append(found.bound == fewest)
        proven.append(found.proven)
        above += fewest > clairvoyant(*problem).bound
        for policy in (CLOSEST, BatchDispatch()):
            assert late(city, calls, policy) >= fewest, f"case {seed}: {policy}"
    # those who must wait may be let wait a little too long
    assert np.mean(compared) > 0.8
    assert np.mean(proven) > 0.7
    assert above > 0


@pytest.mark.parametrize(("back_s", "due_s"), [(1000.0, 1100.0), (1400.0, 1700.0)])
def test_a_unit_may_come_on_duty_on_its_way_or_at_home(back_s: float, due_s: float) -> None:
    """Freed after 900 s while off duty, it goes to whom waits once its break is over."""
    drive = np.zeros((1, 2, 1))
    drive[0, 1, 0] = 300_000.0
    roads = Roads(
        drive_ms=drive,
        point_ms=drive,
        way_ptr=np.array([0, 1, 1]),
        way_at=np.array([0.0]),
        way_point=np.array([0]),
        home_ms=np.array([300_000.0, 0.0]),
        stays=True,
    )
    on_ms = np.array([[-np.inf, 100_000.0], [back_s * 1000, np.inf]])
    crew = Crew(1, 1, 0.0, 0.0, roads, np.ones(2, dtype=np.bool_), on_ms)
    due_ms = np.array([600_000.0, due_s * 1000])
    jobs = Jobs(
        ready_ms=np.array([0.0, 500_000.0]),
        due_ms=due_ms,
        last_ms=due_ms + 1_200_000.0,
        after_ms=np.full(2, 600_000.0),
        zone=np.zeros(2, dtype=np.int64),
        end=np.zeros(2, dtype=np.int64),
        tree=np.zeros(2, dtype=np.int64),
        cost=np.ones(2),
    )
    found = clairvoyant(jobs, [crew], at_once=True)
    assert (found.bound, found.reached) == (0, 0)


def test_nobody_beats_it_where_units_have_breaks() -> None:
    late_ones = 0
    for seed in range(120):
        city, calls = drawn(seed)
        rng = np.random.default_rng([seed, 5])
        pauses = []
        for unit in range(len(city.rules.crew)):
            begin = float(rng.integers(0, 2_000_000))
            while begin < calls.call_ms.max() + 4e6:
                end = begin + float(rng.integers(200_000, 2_000_000))
                pauses += [(begin, GOES_OFF, unit), (end, COMES_ON, unit)]
                begin = end + float(rng.integers(300_000, 3_000_000))
        timeline = np.array(sorted(pauses), dtype=TIMED)
        tables = Tables(city.travel, city.rules, timeline)
        problem = offline_problem(tables, calls, LIMIT_MS, longest_ms=LONGEST_MS)
        anyone = clairvoyant(*problem)
        found = clairvoyant(*problem, at_once=True)
        for each in (anyone, found):
            assert each.reached is None or each.bound <= each.reached, f"case {seed}"
        policies: list[Policy] = [CLOSEST]
        policies += [AtOnce(number) for number in range(6)]
        for policy in policies:
            served = run_replication(
                city.travel, city.rules, calls, policy, timeline, logged=False
            ).served
            response = served["on_scene_ms"] - calls.call_ms
            missed = (served["unit"] < 0) | (response > LIMIT_MS[calls.priority])
            if (served["unit"] >= 0).all():
                assert missed.sum() >= max(found.bound, anyone.bound), f"case {seed}"
            late_ones += int(missed.sum())
    assert late_ones > 500


def test_nobody_waits_longer_than_is_said() -> None:
    waited = 0
    for seed in range(60):
        city = random_city(seed, units=3)
        calls = random_incidents(seed, 40, 4, spacing_ms=1_200_000)
        tables = Tables(city.travel, city.rules, no_timeline())
        jobs, crews = offline_problem(tables, calls, LIMIT_MS, longest_ms=1e9)
        longest = longest_waits(jobs, crews)
        order = jobs_of(tables, calls, LIMIT_MS)[1]
        ready = calls.call_ms + calls.processing_ms
        for policy in (CLOSEST, AtOnce(seed)):
            served = run_replication(city.travel, city.rules, calls, policy).served
            wait = (served["dispatch_ms"] - ready)[order]
            assert (wait <= longest + 1e-6).all(), f"case {seed}"
            waited += int((wait > 0).sum())
        assert (longest == 0).any()
    assert waited > 100


def test_the_search_begins_with_what_the_event_loop_does() -> None:
    compared = 0
    for seed in range(40):
        city = random_city(seed, units=4)
        calls = random_incidents(seed, 30, 4, spacing_ms=1_500_000)
        if waits(city, calls, CLOSEST):
            continue
        tables = Tables(city.travel, city.rules, no_timeline())
        jobs, crews = offline_problem(tables, calls, LIMIT_MS)
        cost, _ = improve(jobs, fleet_of(crews), 0, np.random.default_rng(1), False, 0.0, 0.0)
        assert cost == late(city, calls, CLOSEST), f"case {seed}"
        compared += 1
    assert compared > 5


def test_the_search_finds_the_best_of_short_lists() -> None:
    """Of those who send units at once, where a few hundred steps are all there is to try."""
    better, compared = 0, 0
    for seed in range(150):
        city, calls = drawn(seed)
        tables = Tables(city.travel, city.rules, no_timeline())
        jobs, crews = offline_problem(tables, calls, LIMIT_MS, longest_ms=LONGEST_MS)
        if longest_waits(jobs, crews).max(initial=0.0) > 0.0:
            continue  # whom a free unit goes to first is not searched
        first, _ = improve(jobs, fleet_of(crews), 0, np.random.default_rng(1), False, 1e6, 0.0)
        cost, _ = improve(jobs, fleet_of(crews), 5000, np.random.default_rng(1), False, 1e6, 0.0)
        assert cost == Enumeration(city, calls).fewest_late_at_once(), f"case {seed}"
        better += first > cost
        compared += 1
    assert better > 3
    assert compared > 15


def test_the_cases_differ() -> None:
    """Bounds of zero would prove nothing."""
    found = []
    for seed in range(60):
        city, calls = drawn(seed)
        tables = Tables(city.travel, city.rules, no_timeline())
        one = clairvoyant(*offline_problem(tables, calls, LIMIT_MS, longest_ms=LONGEST_MS))
        found.append((one.bound, late(city, calls, CLOSEST)))
    bounds, closest = np.array(found).T
    assert len(set(bounds.tolist())) >= 4
    assert (closest > bounds).sum() >= 5


def test_the_plan_can_be_followed() -> None:
    city, calls = random_city(3), random_incidents(3, 60, 4, spacing_ms=600_000)
    tables = Tables(city.travel, city.rules, no_timeline())
    jobs, crews = offline_problem(tables, calls, LIMIT_MS)
    rows = reordered(calls, jobs_of(tables, calls, LIMIT_MS)[1])
    found = clairvoyant(jobs, crews)
    served = [job for _, chain in found.chains for job in chain]
    assert len(set(served)) == len(served) > calls.size / 2
    for number, crew in enumerate(crews):
        assert sum(chain.crew == number for chain in found.chains) <= crew.units
    exact = Enumeration(city, rows)
    late_ones = calls.size - len(served)
    for number, chain in found.chains:
        home = crews[number].home - exact.first
        unit = int(np.flatnonzero(city.rules.crew["home"] == home)[0])
        place, free_ms = None, 0.0
        for job in chain:
            arrival = exact.arrival(unit, job, place, free_ms, free_ms)
            late_ones += arrival > jobs.due_ms[job]
            place, after = exact.end(job)
            free_ms = arrival + after
    assert found.reached == late_ones
    assert found.bound <= late_ones


def test_parts_say_no_more_than_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    gave = 0
    for seed in range(3):
        city = random_city(seed, units=3)
        calls = random_incidents(seed, 130, 4, spacing_ms=900_000)
        tables = Tables(city.travel, city.rules, no_timeline())
        problem = offline_problem(tables, calls, LIMIT_MS)
        whole = clairvoyant(*problem)
        with monkeypatch.context() as patch:
            patch.setattr("engine.clairvoyant.bound._ARCS", 1)
            parts = clairvoyant(*problem)
        assert parts.bound <= whole.bound, f"case {seed}"
        assert parts.reached is None or parts.reached >= whole.bound, f"case {seed}"
        gave += parts.bound
    assert gave > 0


def test_no_incidents() -> None:
    city = random_city(1)
    tables = Tables(city.travel, city.rules, no_timeline())
    problem = offline_problem(tables, random_incidents(1, 0, 4, spacing_ms=1), LIMIT_MS)
    for found in (clairvoyant(*problem), clairvoyant(*problem, at_once=True)):
        assert (found.bound, found.reached, found.proven) == (0, 0, True)


@pytest.mark.parametrize("what", ["diversions", "drives that differ", "closed hospitals"])
def test_what_it_does_not_know_is_refused(what: str) -> None:
    city = random_city(1)
    rules, travel, timeline = city.rules, city.travel, no_timeline()
    if what == "diversions":
        rules = rules._replace(divert=np.ones((2, 2), dtype=np.bool_))
    elif what == "closed hospitals":
        timeline = np.array([(60_000.0, CLOSES, 0)], dtype=TIMED)
    else:
        travel = travel._replace(home=np.concatenate([travel.home, travel.home]))
    calls = random_incidents(1, 3, 4, spacing_ms=60_000)
    with pytest.raises(InputError, match=what):
        offline_problem(Tables(travel, rules, timeline), calls, LIMIT_MS)
