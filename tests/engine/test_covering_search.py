"""Annealing and crossing of covering choices: what they say is worth what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from engine.stationing.covering_anneal_kernels import anneal
from engine.stationing.covering_crossing import Pool
from engine.stationing.covering_search import Best, begin, cool, worth
from engine.stationing.effort import Effort
from tests.engine.test_covering_concentration import planar_core

if TYPE_CHECKING:
    from engine.stationing.covering_core import Core

BOUNDLESS = Effort.of_seconds(1e6)


def some(core: Core, seed: int) -> Best:
    """Return a choice by chance."""
    units = np.zeros_like(core.capacity)
    np.add.at(units, np.random.default_rng(seed).choice(len(units), core.k, replace=False), 1)
    return Best(units, worth(core, units))


@pytest.mark.parametrize(("capacity", "gains"), [(1, [1.0]), (2, [0.6, 0.3]), (3, [0.5, 0.5, 0.2])])
def test_annealing_keeps_count(capacity: int, gains: list[float]) -> None:
    core = planar_core(capacity, gains)
    start = some(core, 1)
    units, best = start.units.copy(), start.units.copy()
    value, heat = np.array([start.value]), np.array([0.05 * start.value / core.k])
    random, left = np.array([5], dtype=np.uint64), 20_003
    arrays = (core.ptr, core.sites, core.site_ptr, core.site_rows, core.weight, core.have)
    calls = 0
    while left:
        left, cells = anneal(
            *arrays,
            core.theta,
            core.capacity,
            units,
            best,
            value,
            1e-9,
            heat,
            0.9998,
            left,
            random,
            200_000,
        )
        calls += 1
        assert cells > 0
        assert units.sum() == core.k
        assert ((units >= 0) & (units <= capacity)).all()
    assert calls > 1
    assert value[0] == pytest.approx(worth(core, best))
    assert ((best >= 0) & (best <= capacity)).all()
    assert best.sum() == core.k
    assert value[0] > 1.2 * start.value
    assert heat[0] == pytest.approx(0.05 * start.value / core.k * 0.9998**20_003)


def test_each_call_gets_somewhere() -> None:
    core = planar_core(1, [1.0])
    start = some(core, 1)
    arrays = (core.ptr, core.sites, core.site_ptr, core.site_rows, core.weight, core.have)
    left, cells = anneal(
        *arrays,
        core.theta,
        core.capacity,
        start.units.copy(),
        start.units.copy(),
        np.array([start.value]),
        0.0,
        np.array([1.0]),
        0.99,
        100,
        np.array([5], dtype=np.uint64),
        1,
    )
    assert left < 100
    assert cells > len(core.weight)


def test_cold_units_never_get_worse() -> None:
    core = planar_core(1, [1.0])
    first = begin(core, np.zeros(300, dtype=np.int64), BOUNDLESS)
    chilled = cool(core, [first], [(1e-9, 1e-10)], 5000, 1, BOUNDLESS, lambda: False)[0]
    assert chilled.value >= first.value


def test_fewer_tries_than_a_lifted_unit_has() -> None:
    core = planar_core(1, [1.0])
    first = begin(core, np.zeros(300, dtype=np.int64), BOUNDLESS)
    kept = cool(core, [first], [(0.01, 0.001)], 3, 1, BOUNDLESS, lambda: False)[0]
    assert kept.units.sum() == core.k
    assert kept.value == pytest.approx(worth(core, kept.units))


def test_crossing_takes_sides() -> None:
    core, random = planar_core(1, [1.0]), np.random.default_rng(3)
    pool = Pool(core, random, BOUNDLESS)
    one, other = some(core, 1), some(core, 2)
    pool.join(one)
    pool.join(other)
    mixed = 0
    for _ in range(20):
        child = pool.crossed(random, BOUNDLESS)
        assert child.units.sum() == core.k
        assert (child.units <= one.units + other.units).all()
        assert child.value == pytest.approx(worth(core, child.units))
        shares = (child.units & one.units).sum(), (child.units & other.units).sum()
        mixed += min(shares) >= 0.15 * core.k
    assert mixed > 10


def test_lines_part_what_lies_apart() -> None:
    # sites that share groups lie on the same side of a line more often than by chance
    core = planar_core(1, [1.0])
    field = Pool(core, np.random.default_rng(3), BOUNDLESS).field[:, 0]
    group = np.repeat(np.arange(300), np.diff(core.ptr))
    side = field[core.sites] > np.median(field)
    total = np.bincount(group, side, 300) / np.diff(core.ptr)
    assert np.mean((total < 0.05) | (total > 0.95)) > 0.6


def test_without_effort_lines_are_left_to_chance() -> None:
    core, effort = planar_core(1, [1.0]), Effort(10.0)
    pool = Pool(core, np.random.default_rng(3), effort)
    assert effort.cells == 10.0
    pool.join(some(core, 1))
    assert pool.crossed(np.random.default_rng(1), effort).units.sum() == core.k


def test_a_pool_keeps_good_ones_apart() -> None:
    core = planar_core(1, [1.0])
    pool = Pool(core, np.random.default_rng(3), BOUNDLESS)
    for seed in range(8):
        pool.join(some(core, seed))
    worst = min(own.value for own in pool.known)
    pool.join(Best(some(core, 99).units, worst + 1.0))
    assert min(own.value for own in pool.known) > worst
    best = max(pool.known, key=lambda own: own.value)
    near = best.units.copy()
    near[np.flatnonzero(near)[0]], near[np.flatnonzero(near == 0)[0]] = 0, 1
    values = sorted(own.value for own in pool.known)
    pool.join(Best(near, best.value - 0.5))
    assert sorted(own.value for own in pool.known) == values
    pool.join(Best(near, best.value + 0.5))
    assert sorted(own.value for own in pool.known) == [*values[:-1], best.value + 0.5]
