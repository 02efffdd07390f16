"""Location models against enumeration and against plain statements of their objectives."""

from __future__ import annotations

import itertools
from dataclasses import replace
from functools import partial
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from engine.stationing import (
    MODELS,
    Layer,
    LocationProblem,
    StationPlan,
    check_location_model,
    simple_problem,
)
from engine.stationing.base import written
from engine.stationing.conformance import all_plans, random_problem
from engine.stationing.marginal import marginal_values
from engine.stationing.rules import broken_rules
from engine.survival import de_maio_2003
from routing.errors import InputError
from routing.uncertainty import arrival_probability

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    Sites = Sequence[int]
    Units = Sequence[Sequence[int]]
    Value = Callable[[LocationProblem, Sites, Units], float]


def times_by_demand(
    layer: Layer, sites: Sites, units: Sequence[int]
) -> Iterator[tuple[int, float, list[float]]]:
    """Yield for each demand point its weight and the times of all units, nearest first."""
    for i, weight in enumerate(layer.weight):
        times = [
            float(layer.travel_s[j, i])
            for j, count in zip(sites, units, strict=True)
            for _ in range(count)
        ]
        yield i, float(weight), sorted(times)


def by_rank(
    problem: LocationProblem,
    sites: Sites,
    units: Units,
    *,
    worth: Callable[[Layer, float], float],
    counts: Callable[[Layer, int], float],
) -> float:
    return sum(
        weight * counts(layer, rank) * worth(layer, t)
        for layer, placed in zip(problem.layers, units, strict=True)
        for _, weight, times in times_by_demand(layer, sites, placed)
        for rank, t in enumerate(times)
    )


def inside(layer: Layer, t: float) -> float:
    assert layer.limit_s is not None
    return float(t <= layer.limit_s)


def in_time(layer: Layer, t: float) -> float:
    assert layer.limit_s is not None
    if t == np.inf:
        return 0.0
    return float(arrival_probability(round(t * 1000), layer.limit_s * 1000))


def survives(layer: Layer, t: float) -> float:
    return float(de_maio_2003(t + layer.delay_s))


def nearest_only(_: Layer, rank: int) -> float:
    return float(rank == 0)


def when_free(layer: Layer, rank: int) -> float:
    return float((1 - layer.busy) * layer.busy**rank)


def total_travel(problem: LocationProblem, sites: Sites, units: Units) -> float:
    total = 0.0
    for layer, placed in zip(problem.layers, units, strict=True):
        usable = layer.travel_s[problem.room(layer) > 0]
        longest = max((float(t) for t in usable.ravel() if t < np.inf), default=0.0)
        for i, weight, times in times_by_demand(layer, sites, placed):
            if not any(usable[:, i] < np.inf):
                continue
            total += weight * (times[0] if times and times[0] < np.inf else 10 * longest)
    return total


def farthest(problem: LocationProblem, sites: Sites, units: Units) -> float:
    longest = 0.0
    for layer, placed in zip(problem.layers, units, strict=True):
        for i, weight, times in times_by_demand(layer, sites, placed):
            if weight and any(layer.travel_s[problem.allowed, i] < np.inf):
                longest = max(longest, times[0] if times else np.inf)
    return longest


def how_many(problem: LocationProblem, sites: Sites, units: Units) -> float:
    for layer, placed in zip(problem.layers, units, strict=True):
        for _, weight, times in times_by_demand(layer, sites, placed):
            if weight and not (times and inside(layer, times[0])):
                return np.inf
    priced = problem.station_cost is not None or problem.closing_cost is not None
    return problem.cost(sites) if priced else len(sites)


def covered_twice(problem: LocationProblem, sites: Sites, units: Units) -> float:
    twice = 0.0
    for layer, placed in zip(problem.layers, units, strict=True):
        once = 0.0
        for _, weight, times in times_by_demand(layer, sites, placed):
            assert layer.second_limit_s is not None
            if weight and not (times and times[0] <= layer.second_limit_s):
                return -np.inf
            count = sum(inside(layer, t) for t in times)
            once += weight * (count >= 1)
            twice += weight * (count >= 2)
        if once < 0.9 * layer.weight.sum() - 1e-9:
            return -np.inf
    return twice


VALUES: dict[str, Value] = {
    "mclp-v1": partial(by_rank, worth=inside, counts=nearest_only),
    "mexclp-v1": partial(by_rank, worth=inside, counts=when_free),
    "bacop-v1": partial(
        by_rank, worth=inside, counts=lambda _, rank: (1.0, 0.5, 0.0)[min(rank, 2)]
    ),
    "dsm-v1": covered_twice,
    "uncertain-covering-v1": partial(by_rank, worth=in_time, counts=when_free),
    "survival-v1": partial(by_rank, worth=survives, counts=when_free),
    "lscp-v1": how_many,
    "p-median-v1": total_travel,
    "p-center-v1": farthest,
}

DEMANDING = ("dsm-v1", "lscp-v1", "p-center-v1")
"""Models that have no answer to some problems."""


def enumerated(problem: LocationProblem, model: str) -> float:
    sign = 1 if MODELS[model].maximises else -1
    values = (sign * VALUES[model](problem, *plan) for plan in all_plans(problem))
    return sign * max(values, default=-np.inf)


def check_against_enumeration(problem: LocationProblem, model: str) -> None:
    best = enumerated(problem, model)
    if not np.isfinite(best):
        with pytest.raises(InputError):
            MODELS[model].solve(problem)
        return
    plan = MODELS[model].solve(problem)
    assert not list(broken_rules(problem, plan.sites, plan.units))
    value = VALUES[model](problem, plan.sites, plan.units)
    assert plan.objective == pytest.approx(value, rel=1e-9, abs=1e-9)
    assert plan.objective == pytest.approx(best, rel=1e-6, abs=1e-6)
    assert plan.bound == pytest.approx(best, rel=1e-6, abs=1e-6)


def test_every_model_is_checked() -> None:
    assert set(VALUES) == set(MODELS)


@st.composite
def problems(draw: st.DrawFn) -> LocationProblem:
    sites, demand = draw(st.integers(1, 7)), draw(st.integers(1, 8))
    time = st.sampled_from([0.0, 1.0, 2.0, 3.0, 5.0, 7.25, 8.1, float("inf")])
    weight = st.sampled_from([0.0, 0.0, 1.0, 1.0, 2.0, 0.7, 1e4])
    limit_s = draw(st.sampled_from([0.0, 2.0, 5.0]))
    layer = Layer(
        draw(hnp.arrays(np.float64, (sites, demand), elements=time)),
        draw(hnp.arrays(np.float64, demand, elements=weight)),
        limit_s,
        busy=draw(st.sampled_from([0.0, 0.5])),
        second_limit_s=limit_s + 4,
    )
    seed = draw(st.integers(0, 3))
    if draw(st.booleans()):
        room = draw(hnp.arrays(np.int64, sites, elements=st.integers(0, 3)))
        units = draw(st.integers(1, 3))
        if room.clip(max=units).sum() >= units:
            return LocationProblem([replace(layer, units=units, capacity=room)], seed=seed)
    k = draw(st.integers(1, sites))
    kept = draw(st.lists(st.integers(0, sites - 1), max_size=k, unique=True))
    return LocationProblem([layer], k, np.isin(np.arange(sites), kept), seed=seed)


@pytest.mark.parametrize("model", list(MODELS))
@settings(max_examples=60, deadline=None)
@given(problem=problems())
def test_plans_are_optimal_by_enumeration(model: str, problem: LocationProblem) -> None:
    check_against_enumeration(problem, model)


@pytest.mark.parametrize("model", list(MODELS))
@pytest.mark.parametrize("seed", range(20))
def test_side_constraints_by_enumeration(model: str, seed: int) -> None:
    check_against_enumeration(random_problem(np.random.default_rng(seed), plain=False), model)


def scattered(seed: int, sites: int, demand: int) -> tuple[NDArray[np.float64], ...]:
    """Draw times between points in a plane, and whole weights."""
    random = np.random.default_rng(seed)
    here, there = random.random((sites, 2)), random.random((demand, 2))
    times = np.linalg.norm(here[:, None] - there[None], axis=2) * 1000
    return times, random.integers(0, 100, demand).astype(np.float64)


@pytest.mark.parametrize("model", ["mclp-v1", "p-median-v1", "p-center-v1", "survival-v1"])
def test_larger_plans_are_optimal_by_enumeration(model: str) -> None:
    times, weight = scattered(5, 22, 120)
    problem = simple_problem(times, weight, 4, np.arange(22) == 7, limit_s=250)
    plan = MODELS[model].solve(problem)
    choices = np.array([c for c in combinations(range(22), 4) if 7 in c])
    if model == "mclp-v1":
        best = ((times <= 250)[choices].any(axis=1) @ weight).max()
    elif model == "p-median-v1":
        best = (times[choices].min(axis=1) @ weight).min()
    elif model == "p-center-v1":
        best = times[choices].min(axis=1).max(axis=1).min()
    else:
        best = (de_maio_2003(times[choices].min(axis=1)) @ weight).max()
    assert plan.proven
    assert plan.objective == pytest.approx(best, rel=1e-12)


def test_demand_at_the_limit_is_covered() -> None:
    problem = simple_problem(np.array([[240.0]]), np.array([3.0]), 1, limit_s=240.0)
    assert MODELS["mclp"].solve(problem).objective == 3.0
    problem = simple_problem(np.array([[240.001]]), np.array([3.0]), 1, limit_s=240.0)
    assert MODELS["mclp"].solve(problem).objective == 0.0


def test_the_median_serves_all_it_can() -> None:
    """Two near points do not outweigh one that only the other site reaches."""
    times = np.array([[1.0, 1.0, np.inf, np.inf], [90.0, 90.0, 90.0, np.inf]])
    plan = MODELS["p-median"].solve(simple_problem(times, np.array([2.0, 2.0, 1.0, 5.0]), 1))
    assert plan.sites == (1,)
    assert plan.objective == 450.0


def test_a_gap_is_judged_beside_what_is_driven_not_what_is_saved() -> None:
    """Penalties make what is saved seventy times as much as what is left."""
    inf = np.inf
    times = [
        [0.0, inf, 3.0, 1.0, 7.25, 5.0],
        [inf, 2.0, 1.0, 1.0, 0.0, 7.25],
        [5.0, 1.0, 1.0, 1.0, 1.0, 1.0],
        [1.0, 1.0, 1.0, inf, 1.0, 2.0],
    ]
    weight = np.array([0.0, 1.0, 0.0, 1.0, 1.0, 2.0])
    layer = Layer(np.array(times), weight, 2.0, units=3, capacity=np.array([3, 0, 3, 1]))
    plan = MODELS["p-median"].solve(LocationProblem((layer,)))
    assert plan.objective == 5.0
    assert plan.proven


@pytest.mark.parametrize("closed", ["forbidden", "no room"])
def test_a_site_that_nobody_may_use_says_nothing_of_the_penalty(closed: str) -> None:
    """Which of two sites is left out depends on how long drives are: those from usable ones."""
    inf = np.inf
    times = np.array([[1.0, 30.0, 1.0, inf], [1.0, inf, 20.0, inf], [900.0, inf, inf, 5.0]])
    weight = np.array([1.0, 1.0, 20.0, 7.0])
    unusable = np.array([False, False, True])
    usable = LocationProblem((Layer(times[:2, :3], weight[:3]),), 1)
    if closed == "forbidden":
        problem = LocationProblem((Layer(times, weight),), 1, forbidden=unusable)
    else:
        layer = Layer(times, weight, units=1, capacity=np.array([1, 1, 0]))
        problem = LocationProblem((layer,), 1)
    for sites in ([0], [1]):
        value = MODELS["p-median"].value(problem, sites)
        assert value == MODELS["p-median"].value(usable, sites)
    assert MODELS["p-median"].value(problem, [1]) == 1 + 10 * 30 + 20 * 20
    plan = MODELS["p-median"].solve(problem)
    assert (plan.sites, plan.objective, plan.proven) == ((0,), 51.0, True)


@pytest.mark.parametrize("model", ["mclp-v1", "p-median-v1", "p-center-v1"])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_bound_is_honest_when_time_runs_out(model: str, seed: int) -> None:
    times, weight = scattered(seed, 300, 300)
    problem = simple_problem(times, weight, 12, limit_s=90.0)
    hurried = simple_problem(times, weight, 12, limit_s=90.0, time_limit_s=1e-4)
    best, rough = MODELS[model].solve(problem), MODELS[model].solve(hurried)
    assert best.proven
    assert not rough.proven
    sign = 1 if MODELS[model].maximises else -1
    assert sign * rough.objective <= sign * best.objective * (1 + 1e-9)
    assert sign * best.objective <= sign * rough.bound + 1e-6
    assert rough.gap == pytest.approx(abs(rough.bound - rough.objective) / rough.objective)


@pytest.mark.parametrize("model", list(MODELS))
def test_same_seed_same_plan(model: str) -> None:
    times, weight = scattered(3, 40, 60)
    layer = partial(Layer, weight=weight, limit_s=400.0, busy=0.2, second_limit_s=700.0)
    answers = [
        MODELS[model].solve(LocationProblem([layer(times.copy())], 8, seed=4)) for _ in range(2)
    ]
    assert answers[0] == answers[1]


@pytest.mark.parametrize("model", list(MODELS))
def test_models_conform(model: str) -> None:
    check_location_model(MODELS[model])


class _Wrong:
    """A covering model that breaks one promise."""

    id = "wrong-v1"
    about = "is wrong"
    maximises = True

    def __init__(self, change: Callable[[LocationProblem, StationPlan], StationPlan]) -> None:
        self._change = change

    def solve(
        self, problem: LocationProblem, *, stopped: Callable[[], bool] = lambda: False
    ) -> StationPlan:
        return self._change(problem, MODELS["mclp-v1"].solve(problem, stopped=stopped))

    def value(self, problem: LocationProblem, sites: Sites, units: Units | None = None) -> float:
        return MODELS["mclp-v1"].value(problem, sites, units)


def _worst(problem: LocationProblem, _: StationPlan) -> StationPlan:
    plans = list(all_plans(problem))
    sites, units = min(plans, key=lambda plan: VALUES["mclp-v1"](problem, *plan))
    value = VALUES["mclp-v1"](problem, sites, units)
    return StationPlan("x", sites, units, value, value)


BROKEN: dict[str, Callable[[LocationProblem, StationPlan], StationPlan]] = {
    "ascending": lambda _, plan: replace(plan, sites=plan.sites[::-1] * 2),
    "units": lambda _, plan: replace(plan, units=()),
    "opens": lambda _, plan: replace(
        plan, sites=plan.sites[1:], units=tuple(row[1:] for row in plan.units)
    ),
    "not the value": lambda _, plan: replace(plan, objective=plan.objective + 1, bound=1e9),
    "own plan": lambda _, plan: replace(plan, bound=plan.objective - 1),
    "another plan": _worst,
}


@pytest.mark.parametrize("promise", list(BROKEN))
def test_broken_promises_are_found(promise: str) -> None:
    with pytest.raises(InputError, match="the location model"):
        check_location_model(_Wrong(BROKEN[promise]))


def test_no_time_at_all_leaves_a_finite_bound() -> None:
    times, weight = scattered(0, 200, 200)
    for model in ("mclp", "p-median", "p-center"):
        problem = simple_problem(times, weight, 9, limit_s=90.0, time_limit_s=1e-12)
        plan = MODELS[model].solve(problem)
        assert 0 <= plan.bound <= weight.sum() * times.max()
        assert 0 < plan.gap <= 1 or MODELS[model].maximises


def test_gap_of_nothing() -> None:
    assert StationPlan("x-v1", (0,), ((1,),), 0.0, 0.0).proven
    assert StationPlan("x-v1", (0,), ((1,),), 0.0, 7.0).gap == 1.0


def line(limit_s: float = 2.0, **more: Any) -> LocationProblem:
    """Ten sites and demand points in a row, a second apart; the last point is far out."""
    place = np.arange(10.0)
    times = np.abs(place[:, None] - np.append(place[:9], 30.0)[None])
    return LocationProblem([Layer(times, np.ones(10), limit_s)], **more)


def test_a_plan_beyond_its_bound_is_a_defect() -> None:
    problem, opened = line(k=1), np.arange(10) == 4
    units = opened[None].astype(np.int64)
    assert written(MODELS["mclp"], problem, opened, units, 5.0).bound == 5.0
    with pytest.raises(ArithmeticError, match="beyond its bound"):
        written(MODELS["mclp"], problem, opened, units, 4.9)


def test_marginal_values_are_differences() -> None:
    problem = line(k=1)
    model = MODELS["mclp"]
    values = marginal_values(model, problem, model.solve(problem))
    assert values.one_more_station == 4
    assert values.station == (5.0,)
    assert values.one_more_unit == (None,)
    layer = replace(problem.layers[0], units=2, busy=0.5)
    placed = LocationProblem([layer])
    model = MODELS["mexclp"]
    plan = model.solve(placed)
    values = marginal_values(model, placed, plan)
    (more,) = values.one_more_unit
    assert more is not None
    better = LocationProblem([replace(layer, units=3)])
    assert more == pytest.approx(enumerated(better, "mexclp-v1") - plan.objective)
    lost = [loss for row in values.unit for loss in row if loss is not None]
    one_less = model.value(placed, plan.sites[:1], [[1]])
    assert plan.objective - one_less in lost
    median = MODELS["p-median"]
    fewer = marginal_values(median, problem, median.solve(problem))
    assert fewer.one_more_station is not None
    assert fewer.one_more_station > 0


@pytest.mark.parametrize("model", ["mclp", "p-median", "survival"])
def test_stopping_gives_the_best_so_far(model: str) -> None:
    times, weight = scattered(1, 150, 200)
    problem = simple_problem(times, weight, 9, limit_s=90.0)
    plan = MODELS[model].solve(problem, stopped=lambda: True)
    full = MODELS[model].solve(problem)
    sign = 1 if MODELS[model].maximises else -1
    assert len(plan.sites) == 9
    rounding = 1e-9 * abs(full.objective)
    assert sign * plan.objective <= sign * full.objective + rounding
    assert sign * full.objective <= sign * plan.bound + rounding


def test_weights_that_are_almost_whole_are_not_taken_for_whole() -> None:
    rng = np.random.default_rng(5)
    for _ in range(300):
        times = rng.choice([30.0, 90.0], (6, 14))
        weight = 1 + rng.uniform(-9e-5, 9e-5, 14)
        problem = simple_problem(times, weight, 2, limit_s=60.0)
        plan = MODELS["mclp"].solve(problem)
        best = max(
            MODELS["mclp"].value(problem, sites) for sites in itertools.combinations(range(6), 2)
        )
        assert plan.objective <= best + 1e-12
        assert plan.bound >= best - 1e-12
        assert not plan.proven or plan.objective == pytest.approx(best, rel=1e-6)
