"""Models where numbers are small, uneven or just so: what absolute tolerances get wrong."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.stationing import MODELS, Floor, Layer, LocationProblem, simple_problem
from engine.stationing.choice import common_step
from engine.stationing.conformance import random_problem
from engine.stationing.marginal import marginal_values
from engine.stationing.reduction import merge_alike
from engine.stationing.rules import broken_rules
from routing.errors import InputError

WEIGHTED = [name for name in MODELS if name not in {"lscp-v1", "p-center-v1"}]


@pytest.mark.parametrize("name", WEIGHTED)
@pytest.mark.parametrize("scale", [1e-5, 3e-7, 1e-9])
def test_small_weights_change_no_plan(name: str, scale: float) -> None:
    model = MODELS[name]
    compared = 0
    for seed in range(40 if name == "dsm-v1" else 12):
        problem = random_problem(np.random.default_rng([seed, 5]), plain=seed % 2 == 0)
        layers = [replace(layer, weight=layer.weight * scale) for layer in problem.layers]
        small = replace(problem, layers=layers)
        try:
            plan = model.solve(problem)
        except InputError:
            with pytest.raises(InputError):
                model.solve(small)
            continue
        other = model.solve(small)
        assert other.proven == plan.proven
        if plan.proven:
            assert other.objective == pytest.approx(plan.objective * scale, rel=1e-5)
            assert model.value(problem, other.sites, other.units) == pytest.approx(plan.objective)
        assert not list(broken_rules(small, other.sites, other.units))
        compared += 1
    assert compared >= 3


def test_costs_far_below_a_step_are_no_multiples_of_it() -> None:
    assert common_step(np.array([[3e-6, 7e-6]])) == 0.0
    assert common_step(np.array([[3.0, 7.0], [2.0, 0.0]])) == 1.0
    assert common_step(np.array([[0.003, 0.007]])) == 0.001
    assert common_step(np.array([[1.0 + 8e-6, 2.0]])) == 0.0


def test_small_costs_of_stations_are_minimised() -> None:
    rng = np.random.default_rng(4)
    for _ in range(20):
        times = np.where(rng.random((6, 8)) < 0.5, 1.0, 9.0)
        times[0] = 1.0
        cost = rng.integers(1, 9, 6).astype(np.float64) * np.float64(1e-5)
        problem = LocationProblem([Layer(times, np.ones(8), 5.0)], None, station_cost=cost)
        whole = replace(problem, station_cost=cost * 1e5)
        model = MODELS["lscp-v1"]
        assert model.solve(problem).objective == pytest.approx(model.solve(whole).objective * 1e-5)


def test_a_floor_holds_where_weights_are_small() -> None:
    times = np.array([[0.0, 0, 9], [9, 9, 0]])
    west = Floor("west", np.array([False, False, True]), 1.0)
    layer = Layer(times, np.array([3.0, 3, 1]) * 1e-7, 5.0)
    for name in ("mclp-v1", "p-median-v1"):
        assert MODELS[name].solve(LocationProblem([layer], 1, floors=[west])).sites == (1,)


def test_units_may_cost_parts_of_a_station() -> None:
    layer = Layer(np.array([[0.0, 9], [9, 0]]), np.ones(2), 5.0, units=2, unit_cost=0.25)
    plan = MODELS["lscp-v1"].solve(LocationProblem([layer], None))
    assert (plan.objective, plan.proven) == (2.5, True)


def test_no_room_for_one_more_unit_is_no_error() -> None:
    capacity = np.array([1, 1])
    layer = Layer(np.array([[0.0, 9], [9, 0]]), np.ones(2), 5.0, units=1, capacity=capacity)
    problem = LocationProblem([layer], 1)
    model = MODELS["mclp-v1"]
    values = marginal_values(model, problem, model.solve(problem))
    assert values.one_more_unit == (None,)


def test_a_median_that_nobody_drives_to_is_proven() -> None:
    rng = np.random.default_rng(2)
    for _ in range(20):
        points = rng.random((7, 2))
        times = np.hypot(*(points[:, None] - points[None]).transpose(2, 0, 1)) * 600
        plan = MODELS["p-median-v1"].solve(simple_problem(times, rng.random(7), 7))
        assert (plan.objective, plan.proven) == (0.0, True)


def test_plans_keep_within_large_budgets() -> None:
    layer = Layer(np.array([[0.0, 9], [9, 0]]), np.array([1.0, 2.0]), 5.0)
    cost = np.array([1e7, 1e7 + 0.5])
    problem = LocationProblem([layer], 1, station_cost=cost, budget=1e7)
    plan = MODELS["mclp-v1"].solve(problem)
    assert plan.sites == (0,)
    assert not list(broken_rules(problem, plan.sites, plan.units))


def test_one_demand_point_is_merged_with_itself() -> None:
    cost, weight = merge_alike(np.array([[1.0], [2.0], [3.0]]), np.array([1.0]))
    assert (cost.tolist(), weight.tolist()) == ([[1.0], [2.0], [3.0]], [1.0])
