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
    Floor,
    Layer,
    LocationProblem,
    StationPlan,
    check_location_model,
    simple_problem,
)
from engine.stationing.base import written
from engine.stationing.conformance import all_plans, random_problem
from engine.stationing.lscp import SetCovering
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


@pytest.mark.parametrize("model", ["dsm", "p-center", "lscp"])
def test_too_little_time_for_any_plan_is_told(model: str) -> None:
    times, weight = scattered(0, 300, 400)
    hurried = LocationProblem(
        [Layer(times, weight, 300.0, units=9, second_limit_s=900.0)],
        7,
        floors=[Floor("the west", np.arange(400) < 200, 0.5)],
        time_limit_s=1e-9,
    )
    with pytest.raises(InputError, match="no plan was found in 1e-09 s"):
        MODELS[model].solve(hurried)


def test_gap_of_nothing() -> None:
    assert StationPlan("x-v1", (0,), ((1,),), 0.0, 0.0).proven
    assert StationPlan("x-v1", (0,), ((1,),), 0.0, 7.0).gap == 1.0


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
        simple_problem(**{**GOOD, **change})  # type: ignore[arg-type]
    assert said in str(error.value)


LAYER = Layer(np.ones((3, 2)), np.ones(2), 5.0)
BAD_SIDES: list[tuple[dict[str, Any], str]] = [
    ({"layers": []}, "no layer"),
    ({"layers": [LAYER, Layer(np.ones((2, 2)), np.ones(2))]}, "(2, 2) beside (3, 2)"),
    ({"forbidden": np.ones(3, dtype=bool), "k": None}, "no candidate site"),
    ({"forbidden": np.arange(3) < 2, "k": 2}, "2 stations of 1 candidate sites"),
    ({"forbidden": np.arange(3) < 2, "fixed_open": np.arange(3) < 1}, "site 0 is both kept"),
    ({"budget": -1.0}, "-1.0 is no budget"),
    ({"budget": np.inf}, "inf is no budget"),
    ({"station_cost": np.array([1.0, np.nan, 0.0])}, "station_cost: nan"),
    ({"closing_cost": np.ones(2)}, "closing_cost: shape"),
    ({"floors": [Floor("east", np.ones(3, dtype=bool), 0.5)]}, "floor of east: shape"),
    ({"demand_names": ["a"]}, "1 names of 2 demand points"),
    ({"layers": [replace(LAYER, units=9, name="ladder", capacity=np.ones(3, dtype=int))]},
     "9 units of ladder, where there is room for 2"),
    ({"layers": [replace(LAYER, units=0)]}, "0 units"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "said"), BAD_SIDES)
def test_bad_side_constraints_are_refused(change: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as error:
        LocationProblem(**{"layers": [LAYER], "k": 2, **change})
    assert said in str(error.value)


BAD_LAYERS = [
    ({"busy": 1.0}, "1.0 is no share of time"),
    ({"busy": -0.1}, "-0.1 is no share of time"),
    ({"delay_s": np.nan}, "nan is no delay"),
    ({"unit_cost": -1.0}, "-1.0 is no cost"),
    ({"second_limit_s": 4.0}, "4.0 is shorter than the first limit of 5.0"),
    ({"capacity": np.array([1, -1, 0])}, "fewer than no units"),
]


@pytest.mark.parametrize(("change", "said"), BAD_LAYERS)
def test_bad_layers_are_refused(change: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as error:
        replace(LAYER, **change)
    assert said in str(error.value)


def line(limit_s: float = 2.0, **more: Any) -> LocationProblem:
    """Ten sites and demand points in a row, a second apart; the last point is far out."""
    place = np.arange(10.0)
    times = np.abs(place[:, None] - np.append(place[:9], 30.0)[None])
    return LocationProblem([Layer(times, np.ones(10), limit_s)], **more)


def test_demand_that_nobody_covers_is_named() -> None:
    said = (
        r"covers 1 demand points, 10\.0% of the demand, within 2 s: demand point 9 \(19 s too far\)"
    )
    with pytest.raises(InputError, match=said):
        MODELS["lscp"].solve(line())
    with pytest.raises(InputError, match=r"the farm \(19 s too far\)"):
        MODELS["lscp"].solve(line(demand_names=[*"abcdefghi", "the farm"]))


def test_a_share_is_covered_by_fewer() -> None:
    assert SetCovering(share=0.9).solve(line()).objective == 2
    assert SetCovering(share=0.5).solve(line()).objective == 1


def test_a_floor_that_cannot_be_met_names_its_district() -> None:
    west, east = np.arange(10) < 5, np.arange(10) >= 5
    with pytest.raises(InputError, match=r"floor: .*at best the east reaches 80\.0% of 90\.0%"):
        MODELS["mclp"].solve(line(k=2, floors=[Floor("the east", east, 0.9)]))
    with pytest.raises(InputError, match="these stations and units"):
        MODELS["mclp"].solve(
            line(k=1, floors=[Floor("the east", east, 0.8), Floor("the west", west, 1.0)])
        )


def test_a_budget_that_buys_nothing_tells_what_it_takes() -> None:
    with pytest.raises(InputError, match="a budget of 3, but the cheapest plan costs 8"):
        MODELS["mclp"].solve(line(k=2, budget=3.0, station_cost=np.full(10, 4.0)))


def test_both_standards_out_of_reach_is_told() -> None:
    layer = replace(line().layers[0], second_limit_s=40.0)
    with pytest.raises(InputError, match="no plan covers 90% within 2 s and everyone within 40 s"):
        MODELS["dsm"].solve(LocationProblem([layer], 1))


def test_a_budget_that_is_enough_is_not_blamed() -> None:
    layer = replace(line().layers[0], second_limit_s=40.0)
    problem = LocationProblem([layer], 1, station_cost=np.ones(10), budget=1000.0)
    with pytest.raises(InputError, match="no plan covers 90% within 2 s"):
        MODELS["dsm"].solve(problem)
    dear = replace(line(2.0), budget=3.0, station_cost=np.full(10, 2.0))
    with pytest.raises(InputError, match="a budget of 3, but the cheapest plan costs 4"):
        SetCovering(share=0.9).solve(dear)


def test_a_median_has_a_station() -> None:
    with pytest.raises(InputError, match="a budget of 1, but the cheapest plan costs 4"):
        MODELS["p-median"].solve(line(budget=1.0, station_cost=np.full(10, 4.0)))
    problem = line(k=1)
    assert MODELS["p-median"].value(problem, []) == np.inf
    plan = MODELS["p-median"].solve(problem)
    assert marginal_values(MODELS["p-median"], problem, plan).station == (None,)


def test_a_center_that_leaves_somebody_without_a_way_is_told() -> None:
    times = np.array([[1.0, np.inf], [np.inf, 1.0]])
    assert MODELS["p-center"].solve(simple_problem(times, np.ones(2), 2)).objective == 1.0
    with pytest.raises(InputError, match="no plan leaves a way to all demand"):
        MODELS["p-center"].solve(simple_problem(times, np.ones(2), 1))


def lines_of_three(dimensions: int, k: int, **constraints: Any) -> LocationProblem:
    """Reach every line of three points in affine space from one of its points.

    The fewest points that do are those outside a largest cap set: 9 - 4 and 27 - 9.
    """
    points = list(itertools.product(range(3), repeat=dimensions))
    lines = sorted(
        {
            frozenset({a, b, tuple((-x - y) % 3 for x, y in zip(a, b, strict=True))})
            for a, b in combinations(points, 2)
        },
        key=sorted,
    )
    times = np.array([[5.0 if point in line else np.inf for line in lines] for point in points])
    return LocationProblem((Layer(times, np.ones(len(lines))),), k, **constraints)


@pytest.mark.parametrize("budget", [None, 100.0])
def test_a_center_tells_too_little_time_from_no_way(budget: float | None) -> None:
    model, least = MODELS["p-center"], {2: 5, 3: 18}
    assert model.solve(lines_of_three(3, least[3], budget=budget)).objective == 5.0
    for dimensions, k in ((3, least[3]), (2, least[2] - 1)):
        hurried = lines_of_three(dimensions, k, budget=budget, time_limit_s=1e-9)
        with pytest.raises(InputError, match=r"no plan was found in 1e-09 s, and it is not known"):
            model.solve(hurried)
        with pytest.raises(InputError, match=r"the search was stopped before it found a plan"):
            model.solve(lines_of_three(dimensions, k, budget=budget), stopped=lambda: True)
    with pytest.raises(InputError, match=r"no plan leaves a way to all demand"):
        model.solve(lines_of_three(2, least[2] - 1, budget=budget))


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


def test_covering_needs_a_limit() -> None:
    with pytest.raises(InputError, match="limit_s"):
        MODELS["mclp"].solve(simple_problem(**GOOD))  # type: ignore[arg-type]


def test_unknown_model_suggests() -> None:
    with pytest.raises(InputError, match="did you mean 'p-median-v1'"):
        MODELS["p-medain"]


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
