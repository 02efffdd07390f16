"""Each step of a proof alone, against enumeration, and a solver that fails."""

from __future__ import annotations

import _thread
import sys
import time
from itertools import combinations
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
import pytest
from ortools.math_opt.python import mathopt

from engine.stationing import MODELS, LocationProblem, simple_problem
from engine.stationing.cuts import finish
from engine.stationing.effort import Effort
from engine.stationing.lagrangian import bound, search_tree
from engine.stationing.reduction import reduce
from engine.stationing.search import search
from routing.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from engine.stationing.lagrangian import Proof


def planar(here: NDArray[np.float64], there: NDArray[np.float64]) -> NDArray[np.float64]:
    distance: NDArray[np.float64] = np.hypot(*(here[:, None] - there[None]).transpose(2, 0, 1))
    return distance


def draw_cost(seed: int, *, covering: bool) -> NDArray[np.float64]:
    random = np.random.default_rng(seed)
    distance = planar(random.random((24, 2)), random.random((40, 2)))
    unit = np.where(distance > 0.2, 1.0, 0.0) if covering else np.rint(100 * distance)
    weight = random.integers(1, 50, 40).astype(np.float64)
    cost: NDArray[np.float64] = unit * weight
    return cost


def best_cost(cost: NDArray[np.float64], k: int) -> float:
    return float(min(cost[list(plan)].min(axis=0).sum() for plan in combinations(range(24), k)))


STEPS: dict[str, Callable[[NDArray[np.float64], Proof], None]] = {
    "tree": lambda cost, proof: search_tree(cost, proof, Effort(1e9)),
    "integer program": lambda cost, proof: finish(cost, proof, 20.0),
}


@pytest.mark.parametrize("step", list(STEPS))
@pytest.mark.parametrize("covering", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_each_step_proves_alone(step: str, *, covering: bool, seed: int) -> None:
    """From the first plan at hand and a bound of a single step, nothing decided yet."""
    cost = draw_cost(seed, covering=covering)
    chosen = np.arange(4)
    upper = float(cost[:4].min(axis=0).sum())
    proof = bound(cost, chosen, upper, 0.999, Effort(1))
    assert not proof.complete
    STEPS[step](cost, proof)
    assert proof.complete
    assert proof.upper == best_cost(cost, 4)
    assert cost[proof.chosen].min(axis=0).sum() == proof.upper


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("covering", [False, True])
def test_bounds_and_decisions_hold(seed: int, *, covering: bool) -> None:
    """A better plan opens what was opened and closes what was closed."""
    cost = draw_cost(seed, covering=covering)
    chosen, upper = search(cost, 3, least=0.5, seed=seed, effort=Effort(1e4))
    proof = bound(cost, chosen, upper, 0.999, Effort(1e9))
    best = best_cost(cost, 3)
    assert proof.complete or proof.lower <= best <= proof.upper <= upper
    for plan in combinations(range(24), 3):
        if cost[list(plan)].min(axis=0).sum() < proof.upper:
            assert set(np.flatnonzero(proof.status == 1)) <= set(plan)
            assert set(plan) <= set(np.flatnonzero(proof.status >= 0))


def test_search_finds_what_is_best() -> None:
    found = [
        search(draw_cost(seed, covering=False), 4, least=0.5, seed=0, effort=Effort(1e9))[1]
        for seed in range(4)
    ]
    assert found == [best_cost(draw_cost(seed, covering=False), 4) for seed in range(4)]


def test_reduction_merges_and_drops() -> None:
    # Demand 0 and 2 are covered alike, 3 by all, 4 by none, 5 counts nothing;
    # site 1 covers what site 0 does and more, site 3 is site 2 again.
    uncovered = np.array(
        [
            [0, 1, 0, 0, 1, 0],
            [0, 0, 0, 0, 1, 1],
            [1, 0, 1, 0, 1, 0],
            [1, 0, 1, 0, 1, 0],
        ],
        dtype=np.uint8,
    )
    weight = np.array([1.0, 2.0, 4.0, 8.0, 16.0, 0.0])
    reduced = reduce(uncovered, weight, np.zeros(4, dtype=bool))
    assert reduced.rows.tolist() == [1]
    assert reduced.base == 16
    kept = reduce(uncovered, weight, np.array([True, False, False, False]))
    assert kept.rows.tolist() == [1]
    assert kept.cost.shape == (1, 0)
    assert kept.base == 16


def hard_problem(seconds: float = 5.0) -> LocationProblem:
    """Return a covering problem that the bound alone does not prove."""
    random = np.random.default_rng(1)
    distance = planar(random.random((300, 2)), random.random((300, 2)))
    return simple_problem(
        distance,
        random.integers(1, 99, 300).astype(np.float64),
        20,
        limit_s=0.12,
        time_limit_s=seconds,
    )


def fail(*_: object, **__: object) -> NoReturn:
    # What MathOpt makes of some errors of its solvers.
    raise AttributeError("'StatusNotOk' object has no attribute 'canonical_code'")


def test_a_failing_solver_leaves_an_honest_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    # A proof ends early; a busy machine must not keep it from ending.
    proven = MODELS["mclp"].solve(hard_problem(120.0))
    monkeypatch.setattr(mathopt, "solve", fail)
    left = MODELS["mclp"].solve(hard_problem())
    assert proven.proven
    assert not left.proven
    assert left.objective <= proven.objective <= left.bound


def test_a_missing_solver_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ortools.math_opt.python", None)
    with pytest.raises(InputError, match="OR-Tools cannot be loaded"):
        MODELS["mclp"].solve(hard_problem())


def test_ctrl_c_is_heard_while_the_solver_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> Any:
        _thread.interrupt_main()
        time.sleep(0.5)

    monkeypatch.setattr(mathopt, "solve", interrupted)
    with pytest.raises(KeyboardInterrupt):
        MODELS["mclp"].solve(hard_problem())
