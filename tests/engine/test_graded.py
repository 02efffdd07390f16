"""Units of graded worth against enumeration and against an independent program."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy.optimize import Bounds, LinearConstraint, milp

from engine.stationing.effort import Effort
from engine.stationing.gains import gained
from engine.stationing.graded import choose_graded_units

Case = tuple[np.ndarray, np.ndarray, np.ndarray, int, np.ndarray, np.ndarray]


def draw(seed: int, sites: int, demand: int) -> Case:
    """Draw worth with ties and zeros, weights of nothing, room for none, and fewest units."""
    random = np.random.default_rng(seed)
    worth = np.round(random.random((sites, demand)), 1 if seed % 2 else 6)
    worth[random.random(worth.shape) < 0.2] = 0.0
    weight = random.integers(0, 4, demand).astype(np.float64)
    k = int(random.integers(1, 5))
    q = float(random.choice([0.0, 0.3, 0.7]))
    steps = (1 - q) * q ** np.arange(int(random.integers(1, 5)))
    capacity = random.integers(0, 3, sites)
    lower = np.minimum(capacity, random.integers(0, 4, sites) == 0).astype(np.int64)
    capacity[0] += max(0, k - int(capacity.sum()))
    k = max(k, int(lower.sum()))
    return worth, weight, steps, k, capacity.astype(np.int64), lower


def gain(case: Case, units: np.ndarray) -> float:
    worth, weight, steps, *_ = case
    return float(weight @ gained(worth, np.asarray(units), steps))


@pytest.mark.parametrize("seed", range(60))
def test_small_cases_agree_with_enumeration(seed: int) -> None:
    case = worth, weight, steps, k, capacity, lower = draw(seed, 5, 6)
    effort = Effort.of_seconds(20)
    choice = choose_graded_units(
        worth, weight, steps, k, capacity=capacity, lower=lower, effort=effort
    )
    choices = product(*(range(int(a), int(b) + 1) for a, b in zip(lower, capacity, strict=True)))
    best = max(gain(case, np.array(units)) for units in choices if sum(units) == k)
    assert choice.units.sum() == k
    assert (lower <= choice.units).all()
    assert (choice.units <= capacity).all()
    assert choice.value == pytest.approx(gain(case, choice.units), rel=1e-12, abs=1e-12)
    assert choice.value == pytest.approx(best, rel=1e-6, abs=1e-9)
    assert choice.bound == pytest.approx(best, rel=1e-6, abs=1e-9)


def assigned(case: Case) -> float:
    """Solve the assignment program: which unit is which demand point's best, second ..."""
    worth, weight, steps, k, capacity, lower = case
    (m, n), s = worth.shape, len(steps)
    cost = np.concatenate([np.zeros(m), -np.einsum("i,ji,r->jir", weight, worth, steps).ravel()])
    number = np.arange(m * n * s).reshape(m, n, s) + m
    rows = [(np.arange(m), 1.0, k, k)]
    rows += [(number[:, i, r], 1.0, 0, 1) for i in range(n) for r in range(s)]
    matrix = np.zeros((len(rows) + m * n, len(cost)))
    low, high = np.zeros(len(matrix)), np.zeros(len(matrix))
    for place, (columns, value, least, most) in enumerate(rows):
        matrix[place, columns] = value
        low[place], high[place] = least, most
    for place, (j, i) in enumerate(product(range(m), range(n)), start=len(rows)):
        matrix[place, number[j, i]] = 1.0
        matrix[place, j] = -1.0
        low[place] = -np.inf
    served = m * n * s
    bounds = Bounds(
        np.concatenate([lower, np.zeros(served)]), np.concatenate([capacity, np.ones(served)])
    )
    solved = milp(
        cost,
        constraints=LinearConstraint(matrix, low, high),
        bounds=bounds,
        integrality=np.arange(len(cost)) < m,
    )
    assert solved.fun is not None
    return -float(solved.fun)


@pytest.mark.parametrize("seed", range(6))
def test_larger_cases_agree_with_the_assignment_program(seed: int) -> None:
    random = np.random.default_rng(seed)
    here, there = random.random((18, 2)), random.random((15, 2))
    distance = np.hypot(*(here[:, None] - there[None]).transpose(2, 0, 1))
    steps = np.asarray(0.6 * 0.4 ** np.arange(5), dtype=np.float64)
    room, none = np.full(18, 2), np.zeros(18, np.int64)
    case = (np.exp(-3 * distance), random.integers(1, 30, 15).astype(float), steps, 5, room, none)
    worth, weight, *_ = case
    choice = choose_graded_units(
        worth, weight, steps, 5, capacity=room, lower=none, effort=Effort.of_seconds(20), seed=seed
    )
    assert choice.value == pytest.approx(assigned(case), rel=1e-6)
    assert choice.bound == pytest.approx(choice.value, rel=1e-6)


@pytest.mark.parametrize("cells", [1.0, 1e5, 1e7])
def test_a_bound_is_honest_whatever_was_spent(cells: float) -> None:
    random = np.random.default_rng(3)
    here, there = random.random((40, 2)), random.random((60, 2))
    worth = np.exp(-2 * np.hypot(*(here[:, None] - there[None]).transpose(2, 0, 1)))
    weight = random.random(60)
    steps = np.asarray(0.5 ** np.arange(1, 7), dtype=np.float64)
    room, none = np.full(40, 6), np.zeros(40, np.int64)

    def choose(effort: Effort) -> tuple[list[int], float, float]:
        choice = choose_graded_units(
            worth, weight, steps, 6, capacity=room, lower=none, effort=effort
        )
        return choice.units.tolist(), choice.value, choice.bound

    _, best, _ = choose(Effort.of_seconds(60))
    _, value, bound = choose(Effort(cells))
    assert value <= best * (1 + 1e-9)
    assert best <= bound * (1 + 1e-9)


def test_the_same_question_has_the_same_answer() -> None:
    worth, weight, steps, k, capacity, lower = draw(4, 12, 30)
    first, second = (
        choose_graded_units(
            worth.copy(), weight, steps, k, capacity=capacity, lower=lower, effort=Effort(1e8)
        )
        for _ in range(2)
    )
    assert first.units.tolist() == second.units.tolist()
    assert (first.value, first.bound) == (second.value, second.bound)


def draw_houses(seed: int) -> tuple[Case, int, np.ndarray]:
    """Draw a case of which only some sites hold units; those kept are open without one."""
    random = np.random.default_rng(seed + 1000)
    worth, weight, steps, k, capacity, lower = draw(seed, 5, 6)
    capacity = np.maximum(capacity, random.integers(0, 3, 5))
    kept = (random.random(5) < 0.2) & (capacity > 0)
    stations = max(1, int(random.integers(1, 4)), int(kept.sum()))
    others = np.sort(capacity[~kept])[::-1][: stations - int(kept.sum())]
    k = min(k, int(capacity[kept].sum() + others.sum()))
    return (worth, weight, steps, k, capacity, np.zeros_like(lower)), stations, kept


@pytest.mark.parametrize("seed", range(80))
def test_stations_and_units_together_agree_with_enumeration(seed: int) -> None:
    case, stations, kept = draw_houses(seed)
    worth, weight, steps, k, capacity, lower = case
    if k == 0:
        pytest.skip("no room at all")
    choice = choose_graded_units(
        worth,
        weight,
        steps,
        k,
        capacity=capacity,
        lower=lower,
        effort=Effort.of_seconds(20),
        stations=stations,
        kept=kept,
    )
    choices = [np.array(units) for units in product(*(range(int(c) + 1) for c in capacity))]
    best = max(
        gain(case, units)
        for units in choices
        if units.sum() == k and ((units > 0) | kept).sum() <= stations
    )
    assert choice.units.sum() == k
    assert (choice.units <= capacity).all()
    assert ((choice.units > 0) | kept).sum() <= stations
    assert choice.value == pytest.approx(gain(case, choice.units), rel=1e-12, abs=1e-12)
    assert choice.value == pytest.approx(best, rel=1e-6, abs=1e-9)
    assert choice.bound == pytest.approx(best, rel=1e-6, abs=1e-9)
