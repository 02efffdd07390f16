"""Joint assignment against enumeration."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from engine.assignment import (
    Alternatives,
    Assignment,
    assign,
    assign_sets,
    closest_in_turn,
    lateness_cost,
)
from engine.coverage_change import coverage_change, covered_share
from routing.errors import InputError
from routing.network import UNREACHABLE

WAIT = 10**9
NEVER = int(UNREACHABLE)


def brute(
    plans: list[Alternatives],
    costs: np.ndarray[tuple[int, int], np.dtype[np.int64]],
    waits: list[int],
) -> int:
    """Return the least cost by trying everything."""

    @cache
    def best(incident: int, taken: frozenset[int]) -> int:
        if incident == len(plans):
            return 0
        least = waits[incident] + best(incident + 1, taken)
        for rows in plans[incident]:
            least = min(least, fill(incident, rows, taken))
        return least

    def fill(incident: int, rows: tuple[int, ...], taken: frozenset[int]) -> int:
        if not rows:
            return best(incident + 1, taken)
        return min(
            (
                int(costs[rows[0], unit]) + fill(incident, rows[1:], taken | {unit})
                for unit in range(costs.shape[1])
                if unit not in taken and costs[rows[0], unit] >= 0
            ),
            default=1 << 60,
        )

    return best(0, frozenset())


def case(seed: int, *, single: bool) -> tuple[list[Alternatives], np.ndarray, list[int]]:
    rng = np.random.default_rng(seed)
    slots, units = int(rng.integers(1, 6)), int(rng.integers(1, 6))
    costs = rng.integers(0, 30, (slots, units))
    costs[rng.random(costs.shape) < 0.25] = -1
    if single:
        plans: list[Alternatives] = [((row,),) for row in range(slots)]
    else:
        plans = [
            tuple(
                tuple(int(r) for r in rng.integers(0, slots, rng.integers(1, 4)))
                for _ in range(rng.integers(1, 4))
            )
            for _ in range(rng.integers(1, 4))
        ]
    waits = rng.choice([5, 20, 1000], len(plans)).tolist()
    return plans, costs, waits


def check(
    plans: list[Alternatives], costs: np.ndarray, waits: list[int], found: Assignment
) -> None:
    sent = [unit for units in found.units for unit in units]
    assert len(set(sent)) == len(sent)
    total = 0
    for plan, number, units, wait in zip(plans, found.alternative, found.units, waits, strict=True):
        if number < 0:
            assert units == ()
            total += wait
            continue
        paid = [int(costs[r, u]) for r, u in zip(plan[number], units, strict=True)]
        assert min(paid) >= 0
        total += sum(paid)
    assert total == found.cost


@pytest.mark.parametrize("single", [True, False])
def test_equals_enumeration(*, single: bool) -> None:
    waited = beaten = 0
    for seed in range(300):
        plans, costs, waits = case(seed, single=single)
        found = assign_sets(plans, costs, waits, time_limit_s=10)
        check(plans, costs, waits, found)
        assert found.optimal
        assert found.cost == brute(plans, costs, waits)
        assert found == assign_sets(plans, costs, waits, time_limit_s=10)
        makeshift = closest_in_turn(plans, costs, waits)
        check(plans, costs, waits, makeshift)
        waited += -1 in found.alternative
        # the makeshift serves whom it can, so it may pay where waiting is cheap
        assert makeshift.cost >= found.cost
        beaten += makeshift.cost > found.cost
    assert waited > 20
    assert beaten > 20


def test_least_urgent_waits_and_unneeded_units_stay() -> None:
    costs = [[60, 90], [50, 50], [70, 10]]
    assert assign(costs, [WAIT, 2 * WAIT, 3 * WAIT]).units == ((), (0,), (1,))
    assert assign([[9, 3, 5, 7]], [WAIT]).units == ((1,),)


def test_the_unreachable_is_left_alone() -> None:
    costs = lateness_cost([[1000, NEVER], [NEVER, NEVER]], [2, 1], [400, 400])
    assert costs.tolist() == [[2 * (1000 + 10 * 600), -1], [-1, -1]]
    found = assign(costs, [WAIT, WAIT])
    assert found.units == ((0,), ())
    assert found.alternative == (0, -1)


def test_nothing_to_do() -> None:
    assert assign(np.empty((0, 3)), []).units == ()
    assert assign(np.empty((2, 0)), [1, 2]).cost == 3
    assert closest_in_turn([((0,),)], np.empty((1, 0)), [7]).cost == 7


@pytest.mark.parametrize(
    ("plans", "cost", "wait", "field"),
    [
        ([((0,),)], [[1]], [1, 2], "cost"),
        ([((5,),)], [[1]], [1], "plans"),
        ([((),)], [[1]], [1], "plans"),
        ([((0,),)], [[1 << 50]], [1], "cost"),
        ([((0,),)], [[1]], [-1], "waiting_cost"),
    ],
)
def test_bad_input(
    plans: list[Alternatives], cost: list[list[int]], wait: list[int], field: str
) -> None:
    with pytest.raises(InputError) as caught:
        assign_sets(plans, cost, wait, time_limit_s=1)
    assert caught.value.field == field


def test_coverage_falls_by_what_only_the_sent_reach() -> None:
    times = [[1, 5, 9], [9, 5, 9], [1, 1, 1]]
    free = [True, True, False]
    assert covered_share(times, [2, 3, 5], free, 5) == 0.5
    assert coverage_change(times, [2, 3, 5], free, [0], 5) == (0.5, 0.3)
    assert coverage_change(times, [2, 3, 5], free, [0, 1, 1], 5) == (0.5, 0.0)
    assert coverage_change(times, [0, 0, 0], free, [0], 5) == (0.0, 0.0)
    with pytest.raises(InputError, match="shape"):
        covered_share(times, [1, 2], free, 5)
    with pytest.raises(InputError, match="zone 1"):
        covered_share(times, [1, -2, 0], free, 5)
