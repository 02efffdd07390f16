"""What location models refuse, and what they say where no plan can be."""

from __future__ import annotations

import itertools
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import pytest

from engine.stationing import MODELS, Floor, Layer, LocationProblem, simple_problem
from engine.stationing.lscp import SetCovering
from engine.stationing.marginal import marginal_values
from routing.errors import InputError
from tests.engine.test_stationing import line, scattered

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


def test_covering_needs_a_limit() -> None:
    with pytest.raises(InputError, match="limit_s"):
        MODELS["mclp"].solve(simple_problem(**GOOD))  # type: ignore[arg-type]


def test_unknown_model_suggests() -> None:
    with pytest.raises(InputError, match="did you mean 'p-median-v1'"):
        MODELS["p-medain"]
