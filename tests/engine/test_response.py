"""Sets of units against enumeration, and reasons against the numbers."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import pytest

from engine.coverage_change import coverage_change
from engine.dispatch import CLOSEST, DispatchState
from engine.response import Demand, respond
from routing.errors import InputError
from routing.network import UNREACHABLE

NEVER = int(UNREACHABLE)


class Farthest:
    """Sends who comes last."""

    def decide(self, state: DispatchState) -> int:
        return int(np.where(state.feasible, state.arrival_ms, -1.0).argmax())


def case(seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    units, needs = int(rng.integers(1, 7)), int(rng.integers(1, 4))
    travel = rng.integers(1, 900, units) * 1000
    travel[rng.random(units) < 0.15] = NEVER
    return {
        "plan": [
            rng.integers(0, needs, rng.integers(1, 4)).tolist() for _ in range(rng.integers(1, 4))
        ],
        "suitable": rng.random((needs, units)) < 0.7,
        "status": rng.choice([1, 2, 2, 3], units),
        "travel_ms": travel,
        "turnout_ms": np.full(units, 60_000),
        "demand": Demand(rng.integers(0, 900, (units, 4)) * 1000, rng.integers(0, 5, 4), 400_000.0),
        "limit_ms": 480_000.0,
    }


def reach(given: dict[str, Any]) -> np.ndarray[Any, Any]:
    ready = np.isin(given["status"], [1, 2]) & (given["travel_ms"] < NEVER)
    return np.where(ready, given["travel_ms"] + 60_000 * (given["status"] == 2), NEVER)


def greedy(given: dict[str, Any], slots: list[int]) -> list[int]:
    left, chosen = reach(given).tolist(), []
    for need in slots:
        able = [u for u, ms in enumerate(left) if ms < NEVER and given["suitable"][need, u]]
        unit = min(able, key=lambda u: (left[u], u), default=-1)
        chosen.append(unit)
        if unit >= 0:
            left[unit] = NEVER
    return chosen


@pytest.mark.parametrize("seed", range(300))
def test_the_first_set_is_what_the_loop_would_send(seed: int) -> None:
    given = case(seed)
    ms = reach(given)
    ranked = []
    for number, slots in enumerate(given["plan"]):
        chosen = greedy(given, slots)
        last = max((int(ms[u]) for u in chosen if u >= 0), default=0)
        ranked.append((chosen.count(-1), last, number, chosen))
    empty, last, number, chosen = min(ranked)
    answer = respond(**given)
    first = answer.sets[0]
    assert first.alternative == number
    assert [s.unit for s in first.sent] == [u for u in chosen if u >= 0]
    assert first.last_s * 1000 == last
    assert len(first.empty) == empty
    assert set(answer.passed_over) == {(slot, u) for slot in first.empty for u in range(len(ms))}
    groups = [frozenset(each.units) for each in answer.sets]
    assert len(set(groups)) == len(groups)
    assert answer == respond(**given)


@pytest.mark.parametrize("seed", range(300))
def test_every_statement_is_true(seed: int) -> None:
    given = case(seed)
    ms = reach(given)
    demand = given["demand"]
    idle = np.isin(given["status"], [1, 2])
    for policy in (CLOSEST, Farthest()):
        for group in respond(**given, policy=policy).sets:
            slots = given["plan"][group.alternative]
            assert (group.coverage_before, group.coverage_after) == coverage_change(
                demand.times_ms, demand.weight, idle, list(group.units), demand.limit_ms
            )
            by_slot = {each.slot: each.unit for each in group.sent}
            for sent in group.sent:
                assert sent.earliest_s <= sent.arrival_s <= sent.latest_s
                assert sent.arrival_s * 1000 == ms[sent.unit]
                assert 0 <= sent.within <= 1
            for reason in group.reasons:
                if reason.kind == "empty":
                    assert reason.slot in group.empty
                    continue
                unit = by_slot[reason.slot]
                others = [u for u in group.units if u != unit]
                able = [
                    u
                    for u in range(len(ms))
                    if u not in others
                    and ms[u] < NEVER
                    and given["suitable"][slots[reason.slot], u]
                ]
                closest = min(able, key=lambda u: (ms[u], u))
                assert reason.later_s == (ms[unit] - ms[closest]) / 1000
                assert (reason.kind == "closest") == (reason.later_s == 0)
                if reason.kind == "coverage":
                    _, instead = coverage_change(
                        demand.times_ms, demand.weight, idle, [*others, closest], demand.limit_ms
                    )
                    assert reason.share == group.coverage_after - instead != 0
                    assert ("more" in reason.words) == (reason.share > 0)


def test_alternatives_are_the_next_best_where_one_unit_is_needed() -> None:
    for seed in range(100):
        given = case(seed)
        given["plan"] = [[0]]
        ms = reach(given)
        able = [
            u for u in np.argsort(ms, kind="stable") if ms[u] < NEVER and given["suitable"][0, u]
        ]
        answer = respond(**given, sets=4)
        assert [u for s in answer.sets for u in s.units] == able[:4]


def test_two_alternatives_exist_where_another_full_set_does() -> None:
    for seed in range(200):
        given = case(seed)
        ms = reach(given)
        full = {
            frozenset(units)
            for slots in given["plan"]
            for units in permutations(range(len(ms)), len(slots))
            if all(
                ms[u] < NEVER and given["suitable"][n, u] for n, u in zip(slots, units, strict=True)
            )
        }
        answer = respond(**given)
        if not answer.sets[0].empty:
            assert {frozenset(s.units) for s in answer.sets} <= full
            if len(given["plan"]) == 1 == len(given["plan"][0]):
                assert len(answer.sets) == min(3, len(full))


def test_an_empty_slot_says_why_for_each_unit() -> None:
    answer = respond(
        plan=[[0, 0]],
        suitable=[[True, False, True, True]],
        status=[2, 2, 3, 1],
        travel_ms=[1000, 1000, 1000, NEVER],
        turnout_ms=[0, 0, 0, 0],
    )
    assert answer.sets[0].empty == (1,)
    assert answer.passed_over == {
        (1, 0): "fills slot 0",
        (1, 1): "cannot do what the slot needs",
        (1, 2): "responding",
        (1, 3): "no road leads there",
    }


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"plan": []}, "plan"),
        ({"plan": [[]]}, "plan"),
        ({"plan": [[1]]}, "plan"),
        ({"status": [99]}, "status"),
        ({"travel_ms": [1, 2]}, "travel_ms"),
        ({"travel_ms": [-1]}, "travel_ms"),
        ({"suitable": [[True, True]]}, "suitable"),
    ],
)
def test_bad_input(change: dict[str, Any], field: str) -> None:
    good: dict[str, Any] = {
        "plan": [[0]],
        "suitable": [[True]],
        "status": [2],
        "travel_ms": [5],
        "turnout_ms": [5],
    }
    respond(**good)
    with pytest.raises(InputError) as caught:
        respond(**good | change)
    assert caught.value.field == field
