"""Test a location model, built in or not, against what all of them promise."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Final

import numpy as np

from engine.stationing.base import PROVEN_GAP, LocationModel, LocationProblem, StationPlan
from routing.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

_CASES: Final = 40


def check_location_model(
    model: LocationModel, *, name: str = "the location model", seed: int = 0
) -> None:
    """Test that a location model keeps its promises.

    Its plans have k sites, the kept ones among them; the objective is the value of the
    plan; no plan at all, by enumeration, is beyond the bound; equal problems get equal
    answers; nothing is written into the problem. The cases are small and odd: ties,
    zero weights, unreachable demand, kept sites, equal sites.

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
        problem = _random_problem(np.random.default_rng([seed, case]))
        plan = model.solve(problem)
        for broken in _broken_promises(model, problem, plan):
            raise InputError(
                f"{name} {broken} (case {case} of seed {seed}: {plan})",
                field="model",
                fix="see engine.stationing.base.LocationModel",
            )


def _broken_promises(
    model: LocationModel, problem: LocationProblem, plan: StationPlan
) -> Iterator[str]:
    sites = len(problem.travel_s)
    if list(plan.sites) != sorted(set(plan.sites)) or not set(plan.sites) <= set(range(sites)):
        yield "names sites that are not ascending rows of the problem"
        return
    if len(plan.sites) != problem.k:
        yield f"opens {len(plan.sites)} sites, not {problem.k}"
    if not set(np.flatnonzero(problem.kept).tolist()) <= set(plan.sites):
        yield "closes a site that is to be kept"
    scale = float(problem.weight.sum()) * (1 + float(np.max(_finite_times(problem), initial=0)))
    rounding = PROVEN_GAP * scale
    if abs(model.value(problem, plan.sites) - plan.objective) > rounding:
        yield "gives an objective that is not the value of its plan"
    sign = 1 if model.maximises else -1
    if sign * (plan.bound - plan.objective) < 0:
        yield "gives a bound that its own plan is beyond"
    best = max(sign * model.value(problem, other) for other in _all_plans(problem))
    if best > sign * plan.bound + rounding:
        yield f"gives a bound that another plan, of {sign * best}, is beyond"
    if model.solve(problem) != plan:
        yield "answers the same problem differently"


def _all_plans(problem: LocationProblem) -> Iterator[tuple[int, ...]]:
    kept = set(np.flatnonzero(problem.kept).tolist())
    for plan in combinations(range(len(problem.travel_s)), problem.k):
        if kept <= set(plan):
            yield plan


def _finite_times(problem: LocationProblem) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return problem.travel_s[np.isfinite(problem.travel_s)]


def _random_problem(random: np.random.Generator) -> LocationProblem:
    """Draw a small problem whose arrays cannot be written to."""
    sites, demand = random.integers(1, 9), random.integers(1, 12)
    travel_s = random.integers(0, 12, (sites, demand)).astype(np.float64)
    if random.random() < 0.5:
        travel_s += random.random((sites, demand))
    travel_s[random.random((sites, demand)) < 0.15] = np.inf
    travel_s[-1] = travel_s[0]
    weight = random.integers(0, 5, demand).astype(np.float64)
    k = int(random.integers(1, sites, endpoint=True))
    kept = np.zeros(sites, dtype=np.bool_)
    kept[random.choice(sites, random.integers(0, k, endpoint=True), replace=False)] = True
    for array in (travel_s, weight, kept):
        array.flags.writeable = False
    return LocationProblem(travel_s, weight, k, kept, limit_s=float(random.integers(0, 8)))
