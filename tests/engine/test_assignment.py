"""Joint assignment against enumeration."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from ortools.sat.python import cp_model

from engine.assignment import (
    Alternatives,
    Assignment,
    assign,
    closest_in_turn,
    largest_cost,
    lateness_cost,
)
from engine.assignment_sets import assign_sets
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


def towns(seed: int) -> tuple[list[Alternatives], np.ndarray, np.ndarray]:
    """Two units or one that does for both, for each of a dozen incidents; units are short."""
    rng = np.random.default_rng(seed)
    away = np.hypot(*(rng.random((2, 12, 1)) - rng.random((2, 1, 28)))) * 1800
    kind = rng.integers(0, 3, 28)
    kind[rng.random(28) < 0.3] = 3
    rows = [
        np.where(kind == wanted, lateness_cost(away[[k]], [1], [480])[0], -1)
        for k in range(12)
        for wanted in range(3)
    ]
    plans: list[Alternatives] = [((3 * k, 3 * k + 1), (3 * k + 2,)) for k in range(12)]
    return plans, np.array(rows), rng.integers(2_000, 50_000, 12)


def least_by_cp_sat(plans: list[Alternatives], costs: np.ndarray, waits: np.ndarray) -> int:
    """Return the optimum by a model and a solver that have nothing to do with ours."""
    model = cp_model.CpModel()
    terms = []
    taken: list[list[cp_model.IntVar]] = [[] for _ in range(costs.shape[1])]
    for plan, wait in zip(plans, waits.tolist(), strict=True):
        ways = [model.new_bool_var("") for _ in range(len(plan) + 1)]
        model.add_exactly_one(ways)
        terms.append(wait * ways[-1])
        for rows, way in zip(plan, ways, strict=False):
            for row in rows:
                pairs = []
                for unit in np.flatnonzero(costs[row] >= 0).tolist():
                    pairs.append(model.new_bool_var(""))
                    taken[unit].append(pairs[-1])
                    terms.append(int(costs[row, unit]) * pairs[-1])
                model.add(sum(pairs) == way)
    for each in taken:
        model.add_at_most_one(each)
    model.minimize(sum(terms))
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    assert solver.solve(model) == cp_model.OPTIMAL
    return round(solver.objective_value)


def test_equals_another_solver_where_units_are_short() -> None:
    waited = 0
    for seed in range(25):
        plans, costs, waits = towns(seed)
        found = assign_sets(plans, costs, waits, time_limit_s=60)
        check(plans, costs, waits.tolist(), found)
        assert found.optimal
        assert found.cost == least_by_cp_sat(plans, costs, waits), f"case {seed}"
        waited += -1 in found.alternative
    assert 5 < waited < 25


def test_without_time_the_answer_is_the_makeshift() -> None:
    plans, costs, waits = towns(1)
    found = assign_sets(plans, costs, waits, time_limit_s=0.0)
    check(plans, costs, waits.tolist(), found)
    assert found == closest_in_turn(plans, costs, waits)
    assert not found.optimal


@pytest.mark.parametrize(("incidents", "units"), [(1, 1), (4, 3), (40, 700)])
def test_the_largest_cost_is_reckoned_with_and_a_larger_one_refused(
    incidents: int, units: int
) -> None:
    costs = np.random.default_rng(1).integers(0, 9, (incidents, units))
    waits = np.full(incidents, largest_cost(incidents, units))
    found = assign(costs, waits)
    assert sum(number >= 0 for number in found.alternative) == min(incidents, units)
    if units > incidents:
        with pytest.raises(InputError, match=r"costs overflow|a cost is"):
            assign(costs, waits * 4 * incidents)


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
