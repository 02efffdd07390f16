"""Neighbours' units: asked where no own one is there soon enough, and busy with their own."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from engine.dispatch import CLOSEST, DispatchState
from engine.policies import POLICIES, RELOCATIONS
from engine.relocation import Combined, Move, MoveState
from routing.errors import InputError
from scenarios.clairvoyance import crews_of
from scenarios.demand import draw_incidents
from scenarios.runs import simulate
from scenarios.settings import Settings
from scenarios.simulation.run import run_replication
from scenarios.simulation.tables import build_tables
from scenarios.simulation.timeline import with_failures
from tests.toy_city import toy_city

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scenarios.package import Scenario
    from scenarios.simulation.tables import Tables

NOTICE_S = 40.0
NEIGHBOURS = (2, 3)  # B1 and B2, at S2


@cache
def city(limit_s: float = 250.0, **aid: Any) -> Scenario:
    settings = toy_city().settings.model_dump(mode="json")
    kinds = settings["unit_types"]
    kinds["neighbour"] = {**kinds["ambulance"], "mutual_aid": {"notice_s": NOTICE_S, **aid}}
    settings["standards"][0]["limit_s"] = limit_s
    settings["demand"]["incidents_per_day"] = 60
    units = toy_city().units.copy()
    units["type"] = ["ambulance"] * 2 + ["neighbour"] * 2 + ["ambulance"]
    return replace(toy_city(), settings=Settings.model_validate(settings), units=units)


@cache
def tables(**aid: Any) -> Tables:
    return build_tables(city(**aid), movable=True)


class Watched:
    """Asks another policy, and notes what was asked."""

    def __init__(self, policy: Any) -> None:
        self.policy = policy
        self.asked: list[DispatchState] = []

    def decide(self, state: DispatchState) -> int:
        self.asked.append(replace(state, arrival_ms=state.arrival_ms.copy()))
        return int(self.policy.decide(state))


@pytest.mark.parametrize("beyond", [None, 0.0, 200.0])
def test_they_are_asked_where_no_own_unit_is_there_soon_enough(beyond: float | None) -> None:
    found = tables(beyond_s=beyond)
    asked = kept = sent = 0
    own = np.array([0, 1, 4])
    for seed in range(10):
        watched = Watched(CLOSEST)
        incidents = draw_incidents(city(beyond_s=beyond), seed, 0)
        legs = run_replication(found.travel, found.rules, incidents, watched).legs
        assert (legs["free_ms"] > 0).all()
        sent += int(np.isin(legs["unit"], NEIGHBOURS).sum())
        for state in watched.asked:
            soonest = state.arrival_ms[own].min()
            theirs = state.feasible[list(NEIGHBOURS)]
            limit = 250_000 - state.waiting_ms if beyond is None else beyond * 1000
            if state.feasible[own].any() and soonest <= limit:
                kept += 1
                assert not theirs.any()
            else:
                asked += int(theirs.any())
            assert (state.base[list(NEIGHBOURS)] == -1).all()
            assert (state.base[own[state.feasible[own]]] >= 0).all()
    assert sent > 20
    assert asked > 20
    assert (kept > 20) == (beyond != 0.0)


def test_asking_takes_its_time() -> None:
    found = tables(beyond_s=0.0)
    turnout = found.rules.crew["turnout_ms"]
    assert turnout.tolist() == [60_000, 60_000, 100_000, 100_000, 60_000]


def test_they_are_busy_for_their_share_of_the_time_and_the_same_for_every_policy() -> None:
    busy = {"busy_share": 0.4, "busy": {"distribution": "exponential", "mean_s": 3000}}
    town = city(**{key: _frozen(value) for key, value in busy.items()})
    end_ms = 2 * 86_400_000.0
    shares, at_start = [], []
    for number in range(300):
        rows = with_failures(tables().timeline, town, 1, number)
        assert set(rows["subject"].tolist()) <= set(NEIGHBOURS)
        for unit in NEIGHBOURS:
            mine = rows[rows["subject"] == unit]["time_ms"]
            off, on = np.minimum(mine[::2], end_ms), np.minimum(mine[1::2], end_ms)
            assert (on >= off).all()
            assert (off[1:] >= on[:-1]).all()
            shares.append((on - off).sum() / end_ms)
            at_start.append(len(off) > 0 and off[0] == 0)
    # 600 spans of two days: the standard error is below .004 and .02
    assert np.mean(shares) == pytest.approx(0.4, abs=0.015)
    assert np.mean(at_start) == pytest.approx(0.4, abs=0.06)
    assert np.array_equal(
        with_failures(tables().timeline, town, 1, 7), with_failures(tables().timeline, town, 1, 7)
    )


class _Frozen(dict[str, Any]):
    """A table that can be a key."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(tuple(sorted(self.items())))


def _frozen(value: Any) -> Any:
    return _Frozen(value) if isinstance(value, dict) else value


def test_nobody_moves_them() -> None:
    class Looks:
        def moves(self, state: MoveState) -> Sequence[Move]:
            for unit in NEIGHBOURS:
                assert not (state.arrival_ms[unit] < 2**31 - 1).any()
                assert state.base[unit] == -1
            return []

    found = tables()
    incidents = draw_incidents(city(), 3, 0)
    run_replication(found.travel, found.rules, incidents, Combined(CLOSEST, Looks()))
    for name in ("foresight-v1", "batch-v1"):
        result = simulate(city(), policy=name, replications=2)
        assert (result.incidents["response_time"] >= 0).all()
    result = simulate(city(), policy=f"closest+{next(iter(RELOCATIONS))}", replications=2)
    assert (result.incidents["response_time"] >= 0).all()
    assert set(POLICIES)


def test_the_summary_counts_them() -> None:
    result = simulate(city(limit_s=200.0), replications=3)
    told = result.summary["mutual_aid"]
    first = result.incidents["unit"].astype(str)
    assert told["incidents"] == int(first.isin({"B1", "B2"}).sum()) > 0
    assert told["share"] == told["incidents"] / len(first)
    assert "mutual_aid" not in simulate(toy_city(), replications=2).summary


@pytest.mark.parametrize(
    ("aid", "match"),
    [
        ({"busy_share": 1.0}, "less than 1"),
        ({"busy_share": 0.5}, "need each other"),
        ({"notice_s": -1.0}, "greater than or equal to 0"),
        ({"beyond_s": -1.0}, "greater than or equal to 0"),
    ],
)
def test_nonsense_is_refused(aid: dict[str, Any], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        city(**aid)


def test_the_bound_does_not_know_them() -> None:
    with pytest.raises(InputError, match="neighbours' units"):
        crews_of(tables(), draw_incidents(city(), 1, 0), tables().timeline)
