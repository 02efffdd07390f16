"""Location models against enumeration and against plain statements of their objectives."""

from __future__ import annotations

import itertools
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from engine.stationing import MODELS, LocationProblem, StationPlan, check_location_model
from routing.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray


def covered_weight(problem: LocationProblem, sites: tuple[int, ...]) -> float:
    assert problem.limit_s is not None
    return sum(
        float(problem.weight[i])
        for i in range(len(problem.weight))
        if min(problem.travel_s[j, i] for j in sites) <= problem.limit_s
    )


def total_travel(problem: LocationProblem, sites: tuple[int, ...]) -> float:
    times = problem.travel_s
    longest = max((t for t in times.ravel() if t < np.inf), default=0.0)
    total = 0.0
    for i, weight in enumerate(problem.weight):
        nearest = min(times[j, i] for j in sites)
        if nearest < np.inf:
            total += weight * nearest
        elif any(times[:, i] < np.inf):
            total += weight * 10 * longest
    return total


VALUES: dict[str, Callable[[LocationProblem, tuple[int, ...]], float]] = {
    "mclp-v1": covered_weight,
    "p-median-v1": total_travel,
}


def enumerated(problem: LocationProblem, model: str) -> float:
    kept = set(np.flatnonzero(problem.kept).tolist())
    values = [
        VALUES[model](problem, plan)
        for plan in combinations(range(len(problem.travel_s)), problem.k)
        if kept <= set(plan)
    ]
    return max(values) if MODELS[model].maximises else min(values)


@st.composite
def problems(draw: st.DrawFn) -> LocationProblem:
    sites, demand = draw(st.integers(1, 8)), draw(st.integers(1, 9))
    time = st.sampled_from([0.0, 1.0, 2.0, 3.0, 5.0, 7.25, 8.1, float("inf")])
    weight = st.sampled_from([0.0, 0.0, 1.0, 1.0, 2.0, 0.7, 1e4])
    k = draw(st.integers(1, sites))
    kept = draw(st.lists(st.integers(0, sites - 1), max_size=k, unique=True))
    return LocationProblem(
        travel_s=draw(hnp.arrays(np.float64, (sites, demand), elements=time)),
        weight=draw(hnp.arrays(np.float64, demand, elements=weight)),
        k=k,
        fixed_open=np.isin(np.arange(sites), kept),
        limit_s=draw(st.sampled_from([0.0, 2.0, 5.0])),
        seed=draw(st.integers(0, 3)),
    )


@pytest.mark.parametrize("model", list(MODELS))
@settings(max_examples=150, deadline=None)
@given(problem=problems())
def test_plans_are_optimal_by_enumeration(model: str, problem: LocationProblem) -> None:
    plan = MODELS[model].solve(problem)
    best = enumerated(problem, model)
    assert len(set(plan.sites)) == problem.k
    assert set(np.flatnonzero(problem.kept)) <= set(plan.sites)
    assert plan.objective == pytest.approx(VALUES[model](problem, plan.sites), rel=1e-9)
    assert plan.objective == pytest.approx(best, rel=1e-6)
    assert plan.bound == pytest.approx(best, rel=1e-6)
    assert plan.proven


def scattered(seed: int, sites: int, demand: int) -> tuple[NDArray[np.float64], ...]:
    """Draw times between points in a plane, and whole weights."""
    random = np.random.default_rng(seed)
    here, there = random.random((sites, 2)), random.random((demand, 2))
    times = np.linalg.norm(here[:, None] - there[None], axis=2) * 1000
    return times, random.integers(0, 100, demand).astype(np.float64)


@pytest.mark.parametrize("model", list(MODELS))
def test_larger_plans_are_optimal_by_enumeration(model: str) -> None:
    times, weight = scattered(5, 22, 120)
    problem = LocationProblem(times, weight, 4, np.arange(22) == 7, limit_s=250)
    plan = MODELS[model].solve(problem)
    choices = np.array([c for c in combinations(range(22), 4) if 7 in c])
    if model == "mclp-v1":
        best = ((times <= 250)[choices].any(axis=1) @ weight).max()
    else:
        best = (times[choices].min(axis=1) @ weight).min()
    assert plan.proven
    assert plan.objective == pytest.approx(best, rel=1e-12)


def test_demand_at_the_limit_is_covered() -> None:
    problem = LocationProblem(np.array([[240.0]]), np.array([3.0]), 1, limit_s=240.0)
    assert MODELS["mclp"].solve(problem).objective == 3.0
    problem = LocationProblem(np.array([[240.001]]), np.array([3.0]), 1, limit_s=240.0)
    assert MODELS["mclp"].solve(problem).objective == 0.0


def test_the_median_serves_all_it_can() -> None:
    """Two near points do not outweigh one that only the other site reaches."""
    times = np.array([[1.0, 1.0, np.inf, np.inf], [90.0, 90.0, 90.0, np.inf]])
    plan = MODELS["p-median"].solve(LocationProblem(times, np.array([2.0, 2.0, 1.0, 5.0]), 1))
    assert plan.sites == (1,)
    assert plan.objective == 450.0


@pytest.mark.parametrize("model", list(MODELS))
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_bound_is_honest_when_time_runs_out(model: str, seed: int) -> None:
    times, weight = scattered(seed, 300, 300)
    problem = LocationProblem(times, weight, 12, limit_s=90.0)
    hurried = LocationProblem(times, weight, 12, limit_s=90.0, time_limit_s=1e-4)
    best, rough = MODELS[model].solve(problem), MODELS[model].solve(hurried)
    assert best.proven
    assert not rough.proven
    sign = 1 if MODELS[model].maximises else -1
    assert sign * rough.objective <= sign * best.objective * (1 + 1e-9)
    assert sign * best.objective <= sign * rough.bound + 1e-6
    assert rough.gap == pytest.approx(abs(rough.bound - rough.objective) / rough.objective)


@pytest.mark.parametrize("model", list(MODELS))
def test_same_seed_same_plan(model: str) -> None:
    times, weight = scattered(3, 80, 150)
    answers = [
        MODELS[model].solve(LocationProblem(times.copy(), weight, 5, limit_s=200.0, seed=4))
        for _ in range(2)
    ]
    assert answers[0] == answers[1]


@pytest.mark.parametrize("model", list(MODELS))
def test_models_conform(model: str) -> None:
    check_location_model(MODELS[model])


class _Wrong:
    """A covering model that breaks one promise."""

    id = "wrong-v1"
    maximises = True

    def __init__(self, change: Callable[[LocationProblem, StationPlan], StationPlan]) -> None:
        self._change = change

    def solve(self, problem: LocationProblem) -> StationPlan:
        return self._change(problem, MODELS["mclp-v1"].solve(problem))

    def value(self, problem: LocationProblem, sites: tuple[int, ...]) -> float:
        return MODELS["mclp-v1"].value(problem, sites)


BROKEN = {
    "ascending": lambda _, plan: StationPlan("x", plan.sites[::-1] * 2, 0.0, 0.0),
    "opens": lambda _, plan: StationPlan("x", (*plan.sites[1:],), plan.objective, plan.bound),
    "not the value": lambda _, plan: StationPlan("x", plan.sites, plan.objective + 1, 1e9),
    "own plan": lambda _, plan: StationPlan("x", plan.sites, plan.objective, plan.objective - 1),
    "another plan": lambda problem, _: StationPlan(
        "x",
        (worst := min(combinations(range(len(problem.travel_s)), problem.k))),
        (value := covered_weight(problem, worst)),
        value,
    ),
}


@pytest.mark.parametrize("promise", list(BROKEN))
def test_broken_promises_are_found(promise: str) -> None:
    with pytest.raises(InputError, match="the location model"):
        check_location_model(_Wrong(BROKEN[promise]))


def test_no_time_at_all_leaves_a_finite_bound() -> None:
    times, weight = scattered(0, 200, 200)
    for model in MODELS:
        problem = LocationProblem(times, weight, 9, limit_s=90.0, time_limit_s=1e-12)
        plan = MODELS[model].solve(problem)
        assert 0 <= plan.bound <= weight.sum() * times.max()
        assert 0 < plan.gap <= 1 or MODELS[model].maximises


def test_gap_of_nothing() -> None:
    assert StationPlan("x-v1", (0,), 0.0, 0.0).proven
    assert StationPlan("x-v1", (0,), 0.0, 7.0).gap == 1.0


GOOD = {"travel_s": np.ones((3, 2)), "weight": np.ones(2), "k": 2}
BAD = [
    ({"travel_s": np.ones((0, 2))}, "nothing to choose"),
    ({"travel_s": np.ones(3)}, "nothing to choose"),
    ({"travel_s": np.array([[1.0, np.nan]] * 3)}, "travel_s: nan"),
    ({"travel_s": np.array([[1.0, -5.0]] * 3)}, "travel_s: -5.0 at (0, 1)"),
    ({"weight": np.ones(4)}, "weight: shape"),
    ({"weight": np.array([1.0, -1.0])}, "weight: -1.0 at 1"),
    ({"weight": np.array([1.0, np.inf])}, "weight: inf at 1"),
    ({"fixed_open": np.zeros(2, dtype=bool)}, "fixed_open: shape"),
    ({"k": 0}, "0 stations of 3 candidate sites"),
    ({"k": 4}, "choose 1 to 3"),
    ({"k": 1, "fixed_open": np.ones(3, dtype=bool)}, "3 existing ones are kept"),
    ({"limit_s": -1.0}, "-1.0 is no travel time"),
    ({"limit_s": np.nan}, "nan is no travel time"),
    ({"time_limit_s": 0.0}, "0.0 is no time limit"),
    ({"time_limit_s": np.inf}, "inf is no time limit"),
    ({"seed": -1}, "-1 is negative"),
]


@pytest.mark.parametrize(("change", "said"), BAD)
def test_bad_problems_are_refused(change: dict[str, object], said: str) -> None:
    with pytest.raises(InputError) as error:
        LocationProblem(**{**GOOD, **change})  # type: ignore[arg-type]
    assert said in str(error.value)


def test_covering_needs_a_limit() -> None:
    with pytest.raises(InputError, match="limit_s"):
        MODELS["mclp"].solve(LocationProblem(**GOOD))  # type: ignore[arg-type]


def test_unknown_model_suggests() -> None:
    with pytest.raises(InputError, match="did you mean 'p-median-v1'"):
        MODELS["p-medain"]


def test_weights_that_are_almost_whole_are_not_taken_for_whole() -> None:
    rng = np.random.default_rng(5)
    for _ in range(300):
        times = rng.choice([30.0, 90.0], (6, 14))
        weight = 1 + rng.uniform(-9e-5, 9e-5, 14)
        problem = LocationProblem(times, weight, 2, limit_s=60.0)
        plan = MODELS["mclp"].solve(problem)
        best = max(
            MODELS["mclp"].value(problem, sites) for sites in itertools.combinations(range(6), 2)
        )
        assert plan.objective <= best + 1e-12
        assert plan.bound >= best - 1e-12
        assert not plan.proven or plan.objective == pytest.approx(best, rel=1e-6)
