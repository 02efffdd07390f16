"""Test a location model, built in or not, against what all of them promise."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations, product
from typing import TYPE_CHECKING, Final

import numpy as np

from engine.stationing.base import PROVEN_GAP, LocationModel, StationPlan
from engine.stationing.problem import Floor, Layer, LocationProblem
from engine.stationing.rules import broken_rules
from routing.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

_CASES: Final = 40


def check_location_model(
    model: LocationModel, *, name: str = "the location model", seed: int = 0
) -> None:
    """Test that a location model keeps its promises.

    Its plans keep to the numbers, the kept and forbidden sites, the room, the budget and
    the floors; the objective is the value of the plan; no plan at all, by enumeration, is
    beyond the bound; where the model finds no plan there is none; equal problems get equal
    answers; nothing is written into the problem. The cases are small and odd: ties, zero
    weights, unreachable demand, kept sites, equal sites, several layers and units.

    Parameters
    ----------
    model : LocationModel
        The model.
    name : str
        What to call it in a message.
    seed : int
        Seed of the random problems.

    Raises
    ------
    InputError
        It breaks a promise; the message says which, and on what problem.
    """
    if not (callable(getattr(model, "solve", None)) and callable(getattr(model, "value", None))):
        raise InputError(
            f"{name} has no solve(problem) and value(problem, sites)", field="model", fix="add them"
        )
    for case in range(_CASES):
        problem = random_problem(np.random.default_rng([seed, case]), plain=case % 2 == 0)
        try:
            plan = model.solve(problem)
        except InputError as error:
            if any(np.isfinite(model.value(problem, *plan)) for plan in all_plans(problem)):
                raise InputError(
                    f"{name} finds no plan where there is one "
                    f"(case {case} of seed {seed}: {error})",
                    field="model",
                    fix="see engine.stationing.base.LocationModel",
                ) from error
            continue
        for broken in broken_promises(model, problem, plan):
            raise InputError(
                f"{name} {broken} (case {case} of seed {seed}: {plan})",
                field="model",
                fix="see engine.stationing.base.LocationModel",
            )


def broken_promises(
    model: LocationModel, problem: LocationProblem, plan: StationPlan
) -> Iterator[str]:
    """Compare a plan with what models promise, by enumeration of all plans.

    Parameters
    ----------
    model : LocationModel
        The model.
    problem : LocationProblem
        A small problem.
    plan : StationPlan
        Its answer.

    Yields
    ------
    str
        What is wrong with it.
    """
    sites = range(problem.sites)
    if list(plan.sites) != sorted(set(plan.sites)) or not set(plan.sites) <= set(sites):
        yield "names sites that are not ascending rows of the problem"
        return
    if [len(row) for row in plan.units] != [len(plan.sites)] * len(problem.layers):
        yield "does not say how many units each layer has at each site"
        return
    yield from broken_rules(problem, plan.sites, plan.units)
    scale = sum(
        float(layer.weight.sum())
        * (1 + float(np.max(layer.travel_s[np.isfinite(layer.travel_s)], initial=0)))
        for layer in problem.layers
    )
    rounding = PROVEN_GAP * scale
    if abs(model.value(problem, plan.sites, plan.units) - plan.objective) > rounding:
        yield "gives an objective that is not the value of its plan"
    sign = 1 if model.maximises else -1
    if sign * (plan.bound - plan.objective) < 0:
        yield "gives a bound that its own plan is beyond"
    best = max(
        (sign * model.value(problem, *other) for other in all_plans(problem)), default=-np.inf
    )
    if best > sign * plan.bound + rounding:
        yield f"gives a bound that another plan, of {sign * best}, is beyond"
    if model.solve(problem) != plan:
        yield "answers the same problem differently"


def all_plans(
    problem: LocationProblem,
) -> Iterator[tuple[tuple[int, ...], tuple[tuple[int, ...], ...]]]:
    """List every plan of a small problem.

    Parameters
    ----------
    problem : LocationProblem
        The problem.

    Yields
    ------
    sites : tuple of int
        Open sites.
    units : tuple of tuple of int
        Units of each layer at each.
    """
    counts = [problem.k] if problem.k is not None else range(1, problem.sites + 1)
    for count in counts:
        for sites in combinations(range(problem.sites), count):
            rooms = [problem.room(layer)[list(sites)] for layer in problem.layers]
            choices = [
                [(1,) * count] if layer.units is None else list(_placings(room, layer.units))
                for layer, room in zip(problem.layers, rooms, strict=True)
            ]
            for units in product(*choices):
                if next(broken_rules(problem, sites, units), None) is None:
                    yield sites, units


def _placings(room: NDArray[np.int64], units: int) -> Iterator[tuple[int, ...]]:
    for placed in product(*(range(min(most, units) + 1) for most in room)):
        if sum(placed) == units:
            yield placed


def random_problem(random: np.random.Generator, *, plain: bool) -> LocationProblem:
    """Draw a small, odd problem whose arrays cannot be written to.

    Parameters
    ----------
    random : numpy.random.Generator
        Where chance comes from.
    plain : bool
        Whether it has one layer, a number of stations and nothing else.

    Returns
    -------
    LocationProblem
        The problem.
    """
    sites, demand = int(random.integers(1, 9 if plain else 6)), int(random.integers(1, 12))
    k = int(random.integers(1, sites, endpoint=True))
    kept = np.zeros(sites, dtype=np.bool_)
    kept[random.choice(sites, random.integers(0, k, endpoint=True), replace=False)] = True
    layers = [
        _random_layer(random, sites, demand, units=not plain and random.random() < 0.5)
        for _ in range(1 if plain else int(random.integers(1, 3)))
    ]
    for array in (kept, *(a for layer in layers for a in (layer.travel_s, layer.weight))):
        array.flags.writeable = False
    if plain:
        return LocationProblem(layers, k, kept)
    forbidden = ~kept & (random.random(sites) < 0.2)
    if forbidden.all():
        forbidden[:] = False
    k = min(k, int((~forbidden).sum()))
    layers = [_with_room(layer, ~forbidden, k) for layer in layers]
    cost = random.integers(0, 4, sites).astype(np.float64)
    floors = []
    if random.random() < 0.5:
        floors = [Floor("the west", random.random(demand) < 0.5, float(random.choice([0.3, 0.7])))]
    return LocationProblem(
        layers,
        k if k >= kept.sum() else None,
        kept,
        forbidden,
        station_cost=cost,
        closing_cost=random.integers(0, 2, sites).astype(np.float64),
        floors=floors,
        budget=float(cost.sum() * random.random() + cost[kept].sum())
        if random.random() < 0.7
        else None,
    )


def _with_room(layer: Layer, allowed: NDArray[np.bool_], k: int) -> Layer:
    """Leave no more units than k of the allowed sites can hold."""
    if layer.units is None or layer.capacity is None:
        return layer
    most = int(np.sort(layer.capacity[allowed])[::-1][:k].sum())
    return replace(layer, units=min(layer.units, most))


def _random_layer(random: np.random.Generator, sites: int, demand: int, *, units: bool) -> Layer:
    travel_s = random.integers(0, 12, (sites, demand)).astype(np.float64)
    if random.random() < 0.5:
        travel_s += random.random((sites, demand))
    travel_s[random.random((sites, demand)) < 0.15] = np.inf
    travel_s[-1] = travel_s[0]
    limit_s = float(random.integers(0, 14))
    return Layer(
        travel_s,
        random.integers(0, 5, demand).astype(np.float64),
        limit_s,
        units=int(random.integers(1, 4)) if units else None,
        capacity=random.integers(1, 4, sites) if random.random() < 0.5 else None,
        busy=float(random.choice([0.0, 0.3, 0.6])),
        second_limit_s=limit_s + 3,
    )
