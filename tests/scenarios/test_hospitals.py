"""Capability and load of hospitals in the event loop, against theory and brute force."""

from __future__ import annotations

import heapq
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy import stats

from engine import events as ev
from engine.dispatch import CLOSEST, DispatchState
from engine.queueing import erlang_c
from engine.state import Event, FleetState, fold
from routing.errors import InputError
from routing.network import UNREACHABLE
from scenarios.clairvoyance import crews_of
from scenarios.demand import IncidentTable
from scenarios.hospital_waits import waits_of
from scenarios.packaging import load_scenario, save_scenario
from scenarios.runs import simulate
from scenarios.settings import Settings
from scenarios.simulation.arrays import CLOSES, HOSPITAL, OPENS, TIMED, no_timeline
from scenarios.simulation.run import Outcome, run_replication
from scenarios.simulation.tables import build_tables
from tests.scenarios.synthetic import City, random_city, random_incidents, still_city
from tests.toy_city import toy_city

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from scenarios.package import Scenario
    from scenarios.simulation.arrays import Rules

HANDOVER_MS = 600_000.0
RUNS, COUNT, WARM_UP = 30, 10_000, 1_000
POLICIES = ["nearest-v1", "by-load-v1"]


def with_hospitals(
    rules: Rules, accepts: NDArray[np.bool_], bays: list[int], policy: str = "nearest-v1"
) -> Rules:
    return rules._replace(
        accepts=accepts,
        bays=np.array(bays, dtype=np.int64),
        handover_ms=np.full(len(bays), HANDOVER_MS),
        hospital_policy=np.array(list(policy.encode()), dtype=np.uint8),
    )


@pytest.mark.parametrize(("load", "bays"), [(0.7, 1), (1.5, 2), (3.5, 5)])
def test_the_wait_for_a_bay_is_erlang_c(load: float, bays: int) -> None:
    travel, rules = still_city(200)
    travel = travel._replace(
        hospital=np.array([[[(1, 0.0, 0)]]], dtype=HOSPITAL),
        drive=np.zeros((1, 3, 1), dtype=travel.drive.dtype),
        home=np.zeros((1, 3, 1), dtype=travel.home.dtype),
    )
    travel.home["ahead"] = -1
    rules = with_hospitals(rules, np.ones((1, 1), dtype=np.bool_), [bays])
    none, zeros = np.zeros(COUNT, dtype=np.int32), np.zeros(COUNT)
    means, shares = [], []
    for seed in range(RUNS):
        rng = np.random.default_rng([seed, bays])
        calls = IncidentTable(
            call_ms=np.cumsum(rng.exponential(HANDOVER_MS / load, COUNT)),
            zone=none,
            priority=none,
            type=none,
            transported=np.ones(COUNT, dtype=np.bool_),
            processing_ms=zeros,
            on_scene_ms=zeros,
            handover_ms=rng.exponential(HANDOVER_MS, COUNT),
        )
        outcome = run_replication(travel, rules, calls, CLOSEST, logged=False)
        assert (outcome.served["at_hospital_ms"] == calls.call_ms).all()
        wait_s = waits_of(outcome, 1).wait_s[WARM_UP:]
        means.append(float(wait_s.mean()))
        shares.append(float((wait_s > 0).mean()))
    waiting = float(erlang_c(load, bays))
    for sample, expected in (
        (shares, waiting),
        (means, waiting * HANDOVER_MS / 1000 / (bays - load)),
    ):
        error = np.std(sample, ddof=1) / np.sqrt(RUNS)
        bound = stats.t.ppf(1 - 0.005 / 6, RUNS - 1)
        assert abs(np.mean(sample) - expected) <= bound * error
        assert error < 0.05 * expected


def drawn(
    seed: int, policy: str, timeline: NDArray[Any] | None = None, **options: Any
) -> tuple[City, IncidentTable, Outcome]:
    """Simulate a random city with three hospitals and little room in them."""
    rng = np.random.default_rng([seed, 5])
    city = random_city(seed, hospitals=3, units=8)
    accepts = rng.random((2, 3)) < 0.6
    accepts[:, seed % 3] = True
    city.rules = with_hospitals(city.rules, accepts, rng.integers(0, 3, 3).tolist(), policy)
    calls = random_incidents(seed, 60, len(city.zones), spacing_ms=100_000)
    decide = options.get("decide", CLOSEST)
    return city, calls, run_replication(city.travel, city.rules, calls, decide, timeline)


def closing(seed: int) -> NDArray[Any]:
    """Close one hospital for a while."""
    rows = [(1_000_000.0, CLOSES, seed % 3), (3_000_000.0, OPENS, seed % 3)]
    return np.array(rows, dtype=TIMED)


@pytest.mark.parametrize("policy", POLICIES)
def test_crews_hand_over_in_the_order_in_which_they_come(policy: str) -> None:
    waited = 0
    for seed in range(40):
        city, calls, outcome = drawn(seed, policy, closing(seed))
        log = outcome.log[outcome.log["event"] == ev.AT_HOSPITAL]
        leg_of = {(int(leg["incident"]), int(leg["unit"])): leg for leg in outcome.legs}
        bays: dict[int, list[float]] = {}
        for row in log:
            leg = leg_of[int(row["incident"]), int(row["unit"])]
            room = int(city.rules.bays[row["place"] - len(city.zones)])
            begin = float(row["time_ms"])
            free = bays.setdefault(int(row["place"]), [])
            if room and len(free) == room:
                begin = max(begin, heapq.heappop(free))
            end = begin + float(calls.handover_ms[row["incident"]])
            heapq.heappush(free, end)
            assert leg["free_ms"] == end
            waited += begin > row["time_ms"]
        assert (outcome.legs["free_ms"] >= 0).sum() == (outcome.log["event"] == ev.FREE).sum()
        assert (outcome.missing == 0).all()
    assert waited > 50


@pytest.mark.parametrize("policy", POLICIES)
def test_patients_go_only_where_they_can_be_helped(policy: str) -> None:
    passed_by = 0
    for seed in range(40):
        city, calls, outcome = drawn(seed, policy, closing(seed))
        for leg in outcome.legs[outcome.legs["hospital"] >= 0]:
            incident, zones = int(leg["incident"]), len(city.zones)
            chosen = int(leg["hospital"]) - zones
            fits = city.rules.accepts[calls.type[incident]]
            assert fits[chosen]
            shut = 1e6 <= leg["left_ms"] < 3e6
            open_ = fits & ~(shut & (np.arange(3) == seed % 3))
            tree = city.rules.priority["transport"][calls.priority[incident]]
            ranked = city.travel.hospital[tree, calls.zone[incident]]
            if policy == "nearest-v1":
                # a hospital that is closed takes patients whom no other one can help
                able = open_ if open_.any() else fits
                nearest = next(p - zones for p in ranked["place"] if able[p - zones])
                assert chosen == nearest
                passed_by += chosen != ranked["place"][0] - zones
            else:
                assert open_[chosen] or not open_.any()
    assert passed_by > 0 or policy != "nearest-v1"


@pytest.mark.parametrize("policy", POLICIES)
def test_replays_and_policies_in_python_see_the_same(policy: str) -> None:
    class Closest:
        def decide(self, state: DispatchState) -> int:
            return int(np.argmin(np.where(state.feasible, state.arrival_ms, np.inf)))

    for seed in range(10):
        city, _, once = drawn(seed, policy)
        _, _, again = drawn(seed, policy)
        _, _, asked = drawn(seed, policy, decide=Closest())
        assert once.log.tolist() == again.log.tolist() == asked.log.tolist()
        columns = ("time_ms", "event", "incident", "unit", "metres")
        rows = zip(*(once.log[c].tolist() for c in columns), strict=True)
        units = len(city.rules.crew)
        last = fold(FleetState.at_stations(units), [Event(*row) for row in rows])
        assert not last.waiting
        assert (last.incident == -1).all()


def test_room_for_all_changes_nothing() -> None:
    for seed in range(10):
        city = random_city(seed, hospitals=3, units=5)
        calls = random_incidents(seed, 40, len(city.zones), spacing_ms=100_000)
        every = np.ones((2, 3), dtype=np.bool_)
        plain = run_replication(city.travel, city.rules, calls, CLOSEST)
        for bays in ([0, 0, 0], [5, 5, 5]):
            for policy in POLICIES:
                rules = with_hospitals(city.rules, every, bays, policy)
                log = run_replication(city.travel, rules, calls, CLOSEST).log
                assert log.tolist() == plain.log.tolist()


def test_by_load_hands_over_sooner_where_hospitals_are_full() -> None:
    until_ms = {}
    for policy in POLICIES:
        until_ms[policy] = 0.0
        for seed in range(40):
            city = random_city(seed, hospitals=3, units=8)
            every = np.ones((2, 3), dtype=np.bool_)
            city.rules = with_hospitals(city.rules, every, [1, 1, 1], policy)
            calls = random_incidents(seed, 60, len(city.zones), spacing_ms=100_000)
            outcome = run_replication(city.travel, city.rules, calls, CLOSEST)
            legs = outcome.legs[outcome.legs["at_hospital_ms"] >= 0]
            waits = waits_of(outcome, len(city.zones))
            drive_ms = legs["at_hospital_ms"] - legs["left_ms"]
            until_ms[policy] += float(drive_ms.sum() + 1000 * waits.wait_s.sum())
    assert until_ms["by-load-v1"] < 0.95 * until_ms["nearest-v1"]


def test_a_capability_behind_closed_roads_takes_the_way_of_other_hours() -> None:
    travel, rules = still_city(1)
    row = [(1, 100.0, 1), (2, 200.0, 2)]
    cut = [(1, 100.0, 1), (2, float(UNREACHABLE), UNREACHABLE)]
    travel = travel._replace(
        hospital=np.array([[cut], [row]], dtype=HOSPITAL),
        drive=np.zeros((2, 4, 1), dtype=travel.drive.dtype),
        home=np.zeros((2, 4, 1), dtype=travel.home.dtype),
        turn=np.zeros((2, 1, 0), dtype=travel.turn.dtype),
        rest=np.zeros((2, 1, 0), dtype=travel.rest.dtype),
    )
    rules = with_hospitals(rules, np.array([[False, True]]), [0, 0])
    one, zero = np.zeros(1, dtype=np.int32), np.zeros(1)
    calls = IncidentTable(
        call_ms=zero,
        zone=one,
        priority=one,
        type=one,
        transported=np.ones(1, dtype=np.bool_),
        processing_ms=zero,
        on_scene_ms=zero,
        handover_ms=zero,
    )
    leg = run_replication(travel, rules, calls, CLOSEST, no_timeline()).served[0]
    assert (leg["hospital"], leg["at_hospital_ms"]) == (2, 200.0)


def asking(scenario: Scenario, needs: list[str] | None, policy: str | None) -> Scenario:
    """Let all patients of the first priority need a hospital of a kind."""
    rules = scenario.settings.model_dump(mode="json")
    first = rules["priorities"][0]["name"]
    rules["incident_types"] = [
        {"name": "stroke", "priority": first, "transported": 1.0, "hospital_needs": needs}
    ]
    rules["dispatch"]["hospital"] = policy
    return replace(scenario, settings=Settings.model_validate(rules), settings_text="", hash="")


def city_with(columns: dict[str, list[str]]) -> Scenario:
    """Return the toy city with two hospitals, at its first and last zone."""
    scenario = toy_city()
    hospitals = scenario.zones.iloc[[0, -1]][["lon", "lat"]].reset_index(drop=True)
    hospitals.insert(0, "id", ["A", "B"])
    hospitals.insert(1, "name", ["Ay", "Bee"])
    return replace(scenario, hospitals=hospitals.assign(**columns), hash="")


def test_a_scenario_says_what_hospitals_can_do(tmp_path: Path) -> None:
    scenario = city_with({"capabilities": ["", "stroke; pci"], "bays": ["", "1"]})
    save_scenario(asking(scenario, ["stroke"], "by-load"), tmp_path / "city")
    loaded = load_scenario(tmp_path / "city")
    assert loaded.hospitals["bays"].tolist() == ["", "1"]
    result = simulate(loaded, replications=2, seed=3, out=tmp_path / "run")
    frame = result.incidents
    assert set(frame["hospital"][frame["type"] == "stroke"].dropna()) == {"B"}
    assert "A" in set(frame["hospital"].dropna())
    said = json.loads((tmp_path / "run" / "summary.json").read_text(encoding="utf-8"))
    told = said["hospitals"]
    assert told["policy"] == "by-load-v1"
    taken = [told["by_hospital"][name]["handovers"] for name in "AB"]
    assert sum(taken) == told["handovers"] == frame["hospital"].notna().sum()
    assert told["by_hospital"]["B"] == {"bays": 1, "handovers": taken[1]}
    # waits are told once, with their intervals
    assert said["hospital_wait_mean_by_hospital"].keys() == {"B"}
    mean_s = said["hospital_wait_mean_by_hospital"]["B"]["value"]  # at A nobody waits
    assert said["hospital_wait_mean"]["value"] == pytest.approx(mean_s * taken[1] / sum(taken))
    with pytest.raises(InputError, match="the bound does not know bays or capabilities"):
        crews_of(build_tables(loaded), result.observations, no_timeline())  # type: ignore[arg-type]


def test_a_wrong_number_of_bays_is_refused_on_reading(tmp_path: Path) -> None:
    save_scenario(city_with({"bays": ["", "many"]}), tmp_path / "city")
    with pytest.raises(InputError, match="'many' is no number of bays") as error:
        load_scenario(tmp_path / "city")
    assert error.value.field == "hospitals.csv, row 2, bays"


def test_nothing_is_told_where_nothing_is_asked() -> None:
    assert "hospitals" not in simulate(toy_city(), replications=1).summary


@pytest.mark.parametrize(
    ("columns", "needs", "policy", "message"),
    [
        ({"capabilities": ["pci", "trauma"]}, ["stroke"], None, "stroke, and none has that"),
        ({}, ["stroke"], None, "stroke, and none has that"),
        ({"bays": ["2", "-1"]}, None, None, "'-1' is no number of bays"),
        ({"bays": ["0", ""]}, None, None, "'0' is no number of bays"),
        ({}, None, "by-laod", "unknown hospital policy 'by-laod'"),
    ],
)
def test_mistakes_are_named(
    columns: dict[str, list[str]], needs: list[str] | None, policy: str | None, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        build_tables(asking(city_with(columns), needs, policy))
