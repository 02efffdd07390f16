"""The event loop against theory, against a second loop, and against its own promises."""

from __future__ import annotations

import itertools
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from time import sleep
from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import events as ev
from engine.dispatch import CLOSEST, CLOSEST_IDLE, DispatchState, Policy
from engine.state import Event, FleetState, apply, fold
from routing.errors import InputError
from scenarios.demand import IncidentTable
from scenarios.simulation.arrays import Travel, new_world
from scenarios.simulation.closest import nearest_stations
from scenarios.simulation.run import Outcome, _loop_for, run_replication
from tests.scenarios.synthetic import (
    City,
    ReferenceLoop,
    random_city,
    random_incidents,
    still_city,
)

CASES = st.tuples(
    st.integers(0, 10**6),  # seed
    st.integers(1, 5),  # units
    st.integers(0, 40),  # incidents
    st.sampled_from([20_000, 200_000, 900_000]),  # spacing of calls
)
QUICK = settings(deadline=None, max_examples=40)


def simulated(
    case: tuple[int, int, int, int], policy: Policy = CLOSEST
) -> tuple[City, IncidentTable, Outcome]:
    seed, units, count, spacing_ms = case
    city = random_city(seed, units=units)
    calls = random_incidents(seed, count, len(city.zones), spacing_ms=spacing_ms)
    return city, calls, run_replication(city.travel, city.rules, calls, policy)


def events_of(outcome: Outcome) -> list[Event]:
    log = outcome.log
    columns = (log["time_ms"], log["event"], log["incident"], log["unit"], log["metres"])
    return [Event(*row) for row in zip(*(c.tolist() for c in columns), strict=True)]


@QUICK
@given(CASES, st.booleans())
def test_equals_a_second_loop_to_the_millisecond(
    case: tuple[int, int, int, int], redirect: bool
) -> None:
    city, calls, outcome = simulated(case, CLOSEST if redirect else CLOSEST_IDLE)
    loop = ReferenceLoop(city, calls, redirect=redirect)
    expected = loop.run()
    for name in (
        "unit",
        "dispatch_ms",
        "departed_ms",
        "on_scene_ms",
        "free_ms",
        "hospital",
        "distance_m",
    ):
        assert outcome.served[name].tolist() == [row[name] for row in expected], name
    driven = fold(FleetState.at_stations(len(loop.units)), events_of(outcome)).metres
    assert driven.tolist() == loop.metres


@QUICK
@given(CASES, st.booleans(), st.booleans())
def test_the_closest_by_stations_is_the_closest_of_all(
    case: tuple[int, int, int, int], alike: bool, tied: bool
) -> None:
    """Of equals the lowest goes, whether crews take equally long to leave or not."""
    seed, _, count, spacing_ms = case
    city = random_city(seed, stations=4, units=12)
    if alike:
        city.rules.crew["turnout_ms"] = city.rules.crew["night_turnout_ms"] = 60_000
    travel = city.travel
    if tied:
        for name in ("drive", "turn"):
            getattr(travel, name)["ms"] //= 200_000
            getattr(travel, name)["ms"] *= 200_000
        travel = travel._replace(nearest=nearest_stations(travel.drive, 4))
    every = travel._replace(nearest=Travel._field_defaults["nearest"])
    calls = random_incidents(seed, count, len(city.zones), spacing_ms=spacing_ms)
    for policy, logged in itertools.product((CLOSEST, CLOSEST_IDLE), (True, False)):
        one, other = (
            run_replication(tables, city.rules, calls, policy, logged=logged)
            for tables in (travel, every)
        )
        assert one.legs.tobytes() == other.legs.tobytes()
        assert np.array_equal(one.log, other.log)


@QUICK
@given(CASES)
def test_the_log_folds_into_a_possible_fleet(case: tuple[int, int, int, int]) -> None:
    city, calls, outcome = simulated(case)
    units = len(city.rules.crew)
    served = outcome.served
    state = FleetState.at_stations(units)
    events = events_of(outcome)
    for row, event in enumerate(events):
        state = apply(state, event)  # refuses a busy unit and time that runs back
        if events[row + 1 : row + 2] and events[row + 1].time_ms == event.time_ms:
            continue
        expected = np.full(units, -1)
        under_way = (served["dispatch_ms"] <= event.time_ms) & (event.time_ms < served["free_ms"])
        for incident in np.flatnonzero(under_way):
            expected[served["unit"][incident]] = incident
        assert state.incident.tolist() == expected.tolist()
    assert state.status.tolist() == [2] * units
    assert state.waiting == frozenset()
    kinds = Counter(event.kind for event in events_of(outcome))
    assert kinds[ev.CALL] == kinds[ev.DISPATCHED] == kinds[ev.FREE] == calls.size
    assert kinds[ev.AT_HOSPITAL] == int(calls.transported.sum())
    late = served["dispatch_ms"] > calls.call_ms + calls.processing_ms
    queued = {event.incident for event in events if event.kind == ev.QUEUED}
    assert set(np.flatnonzero(late).tolist()) <= queued


@QUICK
@given(CASES)
def test_every_unit_serves_one_incident_at_a_time_and_none_is_lost(
    case: tuple[int, int, int, int],
) -> None:
    _, calls, outcome = simulated(case)
    served = outcome.served
    assert (served["unit"] >= 0).all()
    ready = calls.call_ms + calls.processing_ms
    for earlier, later in (
        (ready, served["dispatch_ms"]),
        (served["dispatch_ms"], served["departed_ms"]),
        (served["departed_ms"], served["on_scene_ms"]),
        (served["on_scene_ms"] + calls.on_scene_ms, served["free_ms"]),
    ):
        assert (earlier <= later).all()
    for unit in np.unique(served["unit"]):
        mine = np.flatnonzero(served["unit"] == unit)
        mine = mine[np.argsort(served["dispatch_ms"][mine], kind="stable")]
        assert (served["free_ms"][mine][:-1] <= served["dispatch_ms"][mine][1:]).all()


@QUICK
@given(CASES)
def test_nobody_outruns_the_road_network(case: tuple[int, int, int, int]) -> None:
    """Between any two places that a unit is known to be at, it takes at least the siren time."""
    city, _, outcome = simulated(case)
    node = city.zones + city.hospitals + city.stations
    siren = dict(nx.all_pairs_dijkstra_path_length(city.graph, weight="siren"))
    last = {unit: (0, city.stations[home]) for unit, home in enumerate(city.rules.crew["home"])}
    log = outcome.log
    for time, kind, unit, place in zip(
        log["time_ms"].tolist(),
        log["event"].tolist(),
        log["unit"].tolist(),
        log["place"].tolist(),
        strict=True,
    ):
        if kind in (ev.ON_SCENE, ev.AT_HOSPITAL, ev.AT_STATION):
            since, origin = last[unit]
            assert time - since >= siren[origin][node[place]]
        if unit >= 0 and place >= 0 and kind != ev.LEFT_SCENE:
            last[unit] = (time, node[place])


class Twin:
    """The closest unit, in Python."""

    def decide(self, state: DispatchState) -> int:
        able = np.flatnonzero(state.feasible)
        return int(able[np.argmin(state.arrival_ms[able])])


@QUICK
@given(CASES)
def test_a_python_policy_gives_what_its_compiled_twin_gives(
    case: tuple[int, int, int, int],
) -> None:
    _, _, compiled = simulated(case)
    _, _, asked = simulated(case, Twin())
    np.testing.assert_array_equal(compiled.served, asked.served)
    np.testing.assert_array_equal(compiled.log, asked.log)


class Never:
    def decide(self, state: DispatchState) -> int:  # noqa: ARG002
        return -1


class Wrong:
    def decide(self, state: DispatchState) -> int:
        return len(state.status)


class Vandal:
    def decide(self, state: DispatchState) -> int:
        state.status[:] = 2
        return -1


def test_who_waits_for_ever_is_told_as_unserved() -> None:
    _, calls, outcome = simulated((1, 3, 10, 200_000), Never())
    assert (outcome.served["unit"] == -1).all()
    assert (outcome.served["on_scene_ms"] == -1).all()
    assert Counter(outcome.log["event"].tolist()) == {
        ev.CALL: calls.size,
        ev.CALL_PROCESSED: calls.size,
        ev.QUEUED: calls.size,
    }


def test_an_impossible_answer_is_refused() -> None:
    with pytest.raises(InputError, match="units are 0 to 2"):
        simulated((1, 3, 10, 200_000), Wrong())
    with pytest.raises(ValueError, match="read-only"):
        simulated((1, 3, 10, 200_000), Vandal())


def test_waiting_probability_is_erlang_c() -> None:
    """M/M/12 under load 10: C(10, 12) = .4493882 waits, for 1 / (12 - 10) services."""
    travel, rules = still_city(12)
    rng = np.random.default_rng(20_250_106)
    service_s, runs = 600.0, 30
    waits, delays = [], []
    for _ in range(runs):
        n = 40_000
        gaps = rng.exponential(service_s / 10, n)
        zeros, none = np.zeros(n), np.zeros(n, dtype=np.int32)
        calls = IncidentTable(
            call_ms=np.floor(np.cumsum(gaps * 1000)),
            zone=none,
            priority=none,
            type=none,
            transported=np.zeros(n, dtype=np.bool_),
            processing_ms=zeros,
            on_scene_ms=np.floor(rng.exponential(service_s, n) * 1000),
            handover_ms=zeros,
        )
        served = run_replication(travel, rules, calls, CLOSEST).served
        queue_ms = (served["dispatch_ms"] - calls.call_ms)[4000:]
        waits.append((queue_ms > 0).mean())
        delays.append(queue_ms.mean() / 1000)
    for sample, expected in ((waits, 0.4493882), (delays, 0.4493882 * service_s / 2)):
        half = 2.756 * np.std(sample, ddof=1) / np.sqrt(runs)  # t(29), 99 %
        assert abs(np.mean(sample) - expected) < half
        assert half < 0.08 * expected


def test_the_loop_is_compiled_by_one_thread_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    inside, most = [0], [0]

    def _compiles(_: Any) -> str:
        inside[0] += 1
        most[0] = max(most[0], inside[0])
        sleep(0.05)
        inside[0] -= 1
        return "loop"

    monkeypatch.setattr("scenarios.simulation.run._event_loop", _compiles)
    monkeypatch.setattr("scenarios.simulation.run._LOOPS", {})
    city = random_city(0)
    world = new_world(city.travel, city.rules, random_incidents(0, 3, 4, spacing_ms=60_000))
    worlds = [world, world._replace(clock=np.zeros(1, dtype=np.float32))]
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(_loop_for, worlds * 2)) == {"loop"}
    assert most[0] == 1
