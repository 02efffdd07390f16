"""Units that are sent to other stations, in the event loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from engine import events as ev
from engine.dispatch import CLOSEST, BatchDispatch, DispatchState, bound
from engine.foresight import ForesightDispatch
from engine.policies import POLICIES, RELOCATIONS
from engine.relocation import Combined, Move, MoveState
from engine.state import Event, FleetState, fold
from engine.terrain import Terrain
from routing.errors import InputError
from routing.network import UNREACHABLE
from scenarios.policies import load_policy
from scenarios.replications import portable, restored
from scenarios.runs import simulate
from scenarios.simulation.run import run_replication
from tests.scenarios.full_city import full_city, full_incidents, full_timeline
from tests.scenarios.synthetic import random_city, random_incidents
from tests.toy_city import toy_city

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class Nothing:
    """Moves nobody."""

    def moves(self, state: MoveState) -> Sequence[Move]:
        assert not state.arrival_ms.flags.writeable
        return []


class Anywhere:
    """Moves any unit anywhere."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.made = 0

    def moves(self, state: MoveState) -> Sequence[Move]:
        chosen = []
        for unit in np.flatnonzero((state.arrival_ms < UNREACHABLE).any(axis=1)).tolist():
            if self.rng.random() < 0.5:
                stations = np.flatnonzero(state.arrival_ms[unit] < UNREACHABLE)
                chosen.append((unit, int(self.rng.choice(stations))))
        self.made += len(chosen)
        return chosen


class SlowClosest:
    """The closest unit, asked from Python."""

    def decide(self, state: DispatchState) -> int:
        return int(np.argmin(state.arrival_ms))


def terrain_of_city(city: Any) -> Terrain:
    travel, rules = city.travel, city.rules
    first = travel.home.shape[1] - travel.home.shape[2]
    zones = travel.drive.shape[2]
    return Terrain(
        station_ms=travel.drive["ms"][-1:, first:].astype(np.float64),
        weight=np.full(zones, 1 / zones),
        calls_per_hour=np.array([4.0]),
        home=rules.crew["home"].copy(),
        turnout_ms=rules.crew["turnout_ms"].copy(),
        suitable=rules.suitable,
        limit_ms=np.full(len(rules.priority), 420_000.0),
        from_call=np.ones(len(rules.priority), dtype=np.bool_),
        counts=np.ones(len(rules.priority), dtype=np.bool_),
        priority_share=np.full(len(rules.priority), 1 / len(rules.priority)),
        processing_ms=30_000.0,
        busy_ms=1_800_000.0,
    )


def folds(log: Any, units: int) -> FleetState:
    order = [
        Event(*(row[name].item() for name in ("time_ms", "event", "incident", "unit", "metres")))
        for row in log
    ]
    return fold(FleetState.at_stations(units), order)


def test_a_rule_that_moves_nobody_changes_nothing() -> None:
    for seed in range(20):
        city = random_city(seed)
        calls = random_incidents(seed, 40, 4, spacing_ms=400_000)
        plain = run_replication(city.travel, city.rules, calls, CLOSEST)
        both = run_replication(city.travel, city.rules, calls, Combined(CLOSEST, Nothing()))
        assert np.array_equal(plain.log, both.log)
        assert np.array_equal(plain.legs, both.legs)


@pytest.mark.parametrize("tracks", [False, True])
def test_any_moves_keep_the_books(tracks: bool) -> None:
    made = 0
    for seed in range(60):
        rng = np.random.default_rng([seed, 21])
        city = full_city(rng)
        calls = full_incidents(rng, len(city.zones), 25)
        end_ms = float(calls.call_ms[-1]) + 3_600_000
        timeline = full_timeline(rng, city, end_ms)
        dispatch = SlowClosest() if tracks else CLOSEST
        rule = Anywhere(seed)
        out = run_replication(city.travel, city.rules, calls, Combined(dispatch, rule), timeline)
        made += rule.made
        state = folds(out.log, len(city.rules.crew))
        assert (np.diff(out.log["time_ms"]) >= 0).all()
        # all are at a station, or off duty at their own
        assert set(state.status.tolist()) <= {2, 6}
        off = out.log[out.log["event"] == ev.OFF_DUTY]
        first = city.travel.home.shape[1] - city.travel.home.shape[2]
        assert (off["place"] - first == city.rules.crew["home"][off["unit"]]).all()
        served = out.legs[out.legs["on_scene_ms"] >= 0]
        assert (served["departed_ms"] <= served["on_scene_ms"]).all()
    assert made > 500


def test_kernels_and_python_agree_while_units_move() -> None:
    for seed in range(20):
        city = random_city(seed)
        calls = random_incidents(seed, 40, 4, spacing_ms=400_000)
        one, two = (
            run_replication(city.travel, city.rules, calls, Combined(rule, Anywhere(seed)))
            for rule in (CLOSEST, SlowClosest())
        )
        assert np.array_equal(one.log, two.log)


def test_moved_units_drive_as_long_as_the_roads_say() -> None:
    moved = 0
    for seed in range(40):
        city = random_city(seed)
        calls = random_incidents(seed, 20, 4, spacing_ms=2_000_000)
        log = run_replication(city.travel, city.rules, calls, Combined(CLOSEST, Anywhere(seed))).log
        for unit in range(len(city.rules.crew)):
            own = log[log["unit"] == unit]
            for at in np.flatnonzero(own["event"][:-2] == ev.AT_STATION):
                start, begin, end = own[at], own[at + 1], own[at + 2]
                if begin["event"] == ev.MOVED and end["event"] == ev.AT_STATION:
                    first = city.travel.home.shape[1] - city.travel.home.shape[2]
                    way = city.travel.home[0, start["place"], end["place"] - first]
                    assert end["time_ms"] - begin["time_ms"] == way["ms"]
                    assert end["metres"] == way["metres"]
                    moved += 1
    assert moved > 20


@pytest.mark.parametrize("name", [*RELOCATIONS, "foresight-v1"])
def test_rules_are_pure_and_repeatable(name: str) -> None:
    for seed in range(5):
        city = random_city(seed, stations=3, units=5)
        calls = random_incidents(seed, 60, 4, spacing_ms=300_000)
        terrain = terrain_of_city(city)
        rule: Any = (
            POLICIES[name] if name == "foresight-v1" else Combined(CLOSEST, RELOCATIONS[name])
        )
        runs = [
            run_replication(city.travel, city.rules, calls, bound(rule, terrain)).log
            for _ in range(2)
        ]
        assert np.array_equal(runs[0], runs[1])


def test_wrong_moves_are_refused() -> None:
    class Far:
        def moves(self, state: MoveState) -> Sequence[Move]:  # noqa: ARG002
            return [(0, 99)]

    city = random_city(0)
    calls = random_incidents(0, 5, 4, spacing_ms=400_000)
    with pytest.raises(InputError, match="cannot be made"):
        run_replication(city.travel, city.rules, calls, Combined(CLOSEST, Far()))


def test_names_of_two_rules(tmp_path: Path) -> None:
    named = load_policy("closest+dmexclp-move")
    assert named.id == "closest-v1+dmexclp-move-v1"
    with pytest.raises(InputError, match="unknown relocation"):
        load_policy("closest+dmexclp-moves")
    told = load_policy("dmexclp+compliance").at(terrain_of_city(random_city(1)))
    again = restored(portable(told))
    assert again.id == told.id
    assert again.terrain is not None
    assert told.terrain is not None
    assert np.array_equal(again.terrain.station_ms, told.terrain.station_ms)
    assert isinstance(again.policy, Combined)
    assert getattr(again.policy.dispatch, "terrain", None) is again.terrain
    simulate(toy_city(), policy="foresight", replications=1, out=tmp_path / "run")


@pytest.mark.parametrize("name", list(POLICIES))
def test_every_policy_runs(name: str) -> None:
    result = simulate(toy_city(), policy=name, replications=1)
    assert (result.incidents["response_time"] >= 0).all()


@pytest.mark.parametrize(
    "policy", [BatchDispatch(), Combined(BatchDispatch(), Nothing()), ForesightDispatch()]
)
def test_a_batch_sees_all_that_wait_and_loses_nobody(policy: Any) -> None:
    longest, differs = 0, False
    for seed in range(6):
        city = random_city(seed)
        policy = bound(policy, terrain_of_city(city))
        calls = random_incidents(seed, 40, 4, spacing_ms=60_000)
        seen: list[int] = []

        class Watched:
            sees_others = True

            def decide(self, state: DispatchState) -> int:
                seen.append(len(state.others_priority))  # noqa: B023
                assert state.others_arrival_ms.shape == (seen[-1], len(state.status))  # noqa: B023
                return int(policy.decide(state))  # noqa: B023

        found = run_replication(city.travel, city.rules, calls, Watched())
        plain = run_replication(city.travel, city.rules, calls, policy)
        closest = run_replication(city.travel, city.rules, calls, CLOSEST)
        assert np.array_equal(found.legs, plain.legs)
        assert (found.legs["free_ms"] >= 0).sum() == (closest.legs["free_ms"] >= 0).sum()
        longest = max(longest, *seen)
        differs |= not np.array_equal(found.legs, closest.legs)
    assert longest > 3
    assert differs
