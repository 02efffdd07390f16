"""Choices recombined: never worse, repeatable, better than what they are made of."""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np
import pytest
from ortools.math_opt.python import mathopt

from engine.stationing.covering_concentration import concentrate
from engine.stationing.covering_core import Core
from engine.stationing.covering_kernels import transpose
from engine.stationing.covering_search import Best, begin, worth
from engine.stationing.effort import Effort


def planar_core(capacity: int, gains: list[float]) -> Core:
    """Return 30 units to place among 300 sites beside 300 groups."""
    random = np.random.default_rng(7)
    where = random.random((300, 2))
    near = np.hypot(*(where[:, None] - where[None]).transpose(2, 0, 1)) <= 0.09
    ptr = np.concatenate([[0], np.cumsum(near.sum(axis=1))])
    sites = np.nonzero(near)[1].astype(np.int32)
    k, theta = 30, np.zeros(64)
    theta[1 : len(gains) + 1] = gains
    return Core(
        ptr,
        sites,
        *transpose(ptr, sites, 300),
        random.integers(1, 99, 300).astype(np.float64),
        np.zeros(300, dtype=np.int64),
        theta,
        len(gains),
        np.full(300, capacity),
        k,
        0.0,
        np.arange(300),
        np.zeros(300, dtype=np.int64),
    )


def concentrated(core: Core, seconds: float = 1.0, limit: float = np.inf) -> tuple[Best, Best]:
    """Return greedy's choice and what concentration makes of it."""
    first = begin(core, np.zeros(300, dtype=np.int64), Effort.of_seconds(1))
    best = Best(first.units.copy(), first.value)
    concentrate(core, best, limit, 1e-6, 3, Effort.of_seconds(seconds), lambda: False)
    return first, best


@pytest.mark.parametrize(("capacity", "gains"), [(1, [1.0]), (2, [0.6, 0.3])])
def test_a_choice_gets_better_and_stays_one(capacity: int, gains: list[float]) -> None:
    core = planar_core(capacity, gains)
    first, best = concentrated(core)
    assert best.value > first.value
    assert best.value == pytest.approx(worth(core, best.units))
    assert best.units.sum() == core.k
    assert (best.units >= 0).all()
    assert (best.units <= capacity).all()


def test_it_repeats_exactly() -> None:
    choices = [concentrated(planar_core(1, [1.0]))[1].units.tolist() for _ in range(2)]
    assert choices[0] == choices[1]


def test_what_is_made_of_choices_is_better_than_each(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> NoReturn:
        raise ValueError

    solved = concentrated(planar_core(1, [1.0]))[1].value
    monkeypatch.setattr(mathopt, "solve", fail)
    assert solved > concentrated(planar_core(1, [1.0]))[1].value


@pytest.mark.parametrize("ending", ["limit", "stopped", "effort"])
def test_it_ends(ending: str) -> None:
    core = planar_core(1, [1.0])
    first = begin(core, np.zeros(300, dtype=np.int64), Effort.of_seconds(1))
    best = Best(first.units.copy(), first.value)
    arguments: dict[str, Any] = {
        "limit": first.value - 1 if ending == "limit" else np.inf,
        "effort": Effort(0 if ending == "effort" else 1e12),
    }
    concentrate(core, best, least=1e-6, seed=3, stopped=lambda: ending == "stopped", **arguments)
    assert best.units.tolist() == first.units.tolist()
