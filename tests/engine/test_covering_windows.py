"""Odd cuts and windows: no choice breaks a cut or beats a bound, and both get somewhere."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import sparse

from engine.mip import minimise
from engine.stationing import covering, covering_odd_cuts, covering_windows
from engine.stationing.cover_rows import cover_rows
from engine.stationing.covering import choose_units
from engine.stationing.covering_core import Core
from engine.stationing.covering_kernels import transpose
from engine.stationing.covering_odd_cuts import broken_cuts, cut_sites
from engine.stationing.covering_windows import Windows, parted
from engine.stationing.effort import Effort
from tests.engine.test_covering import grid_case

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from engine.mip import Answer, Program

TRIANGLE = np.array([[1, 1, 0], [0, 1, 1], [1, 0, 1]], dtype=np.bool_)
"""Three groups, each covered by two of three sites."""


def core_of(covers: NDArray[np.bool_], weight: NDArray[np.float64], k: int) -> Core:
    """Return k units to place, one at most at each site; by group and site."""
    rows, m = covers.shape
    ptr = np.concatenate([[0], np.cumsum(covers.sum(axis=1))])
    sites = np.nonzero(covers)[1].astype(np.int32)
    theta = np.zeros(k + 4)
    theta[1] = 1.0
    nothing = np.zeros(m, dtype=np.int64)
    return Core(
        ptr,
        sites,
        *transpose(ptr, sites, m),
        weight,
        np.zeros(rows, dtype=np.int64),
        theta,
        1,
        np.ones(m, dtype=np.int64),
        k,
        0.0,
        np.arange(m),
        nothing,
    )


def worth_of(core: Core, opened: tuple[int, ...]) -> float:
    covered = np.unique(
        np.concatenate(
            [core.site_rows[core.site_ptr[j] : core.site_ptr[j + 1]] for j in opened]
            or [np.empty(0, dtype=np.int32)]
        )
    )
    return core.base + float(core.weight[covered].sum())


def tightened(core: Core, value: float, seed: int = 0, cells: float = 1e9) -> Windows:
    windows = Windows(
        core,
        core.weight / 2,
        core.capacity.copy(),
        np.zeros_like(core.capacity),
        value,
        0.5,
    )
    windows.lower_bound(seed, Effort(cells), lambda: False)
    return windows


@settings(max_examples=100, deadline=None)
@given(covers=hnp.arrays(np.bool_, st.tuples(st.integers(3, 6), st.integers(1, 7))))
def test_no_choice_breaks_a_cut(covers: NDArray[np.bool_]) -> None:
    cuts = np.array(list(itertools.combinations(range(len(covers)), 3)))
    allowed = cut_sites(sparse.csr_array(covers.astype(np.float64)), cuts)
    for units in itertools.product([0, 1], repeat=covers.shape[1]):
        covered = covers @ np.array(units) > 0
        assert (covered[cuts].sum(axis=1) <= 1 + allowed @ np.array(units)).all()


def test_halves_break_the_cut_of_a_triangle() -> None:
    covers, ones = sparse.csr_array(TRIANGLE.astype(np.float64)), np.ones(3)
    known = np.empty((0, 3), dtype=np.int64)
    assert broken_cuts(covers, ones, ones / 2, ones, known, 9)[0].tolist() == [[0, 1, 2]]
    assert len(broken_cuts(covers, ones, ones / 2, ones, np.array([[0, 1, 2]]), 9)[0]) == 0
    assert len(broken_cuts(covers, ones, np.array([1.0, 1.0, 0.0]), ones, known, 9)[0]) == 0


@settings(max_examples=60, deadline=None)
@given(
    covers=hnp.arrays(np.bool_, st.tuples(st.integers(3, 9), st.integers(3, 7))),
    weights=st.lists(st.integers(1, 9), min_size=9, max_size=9),
    k=st.integers(1, 3),
    seed=st.integers(0, 3),
)
def test_found_cuts_are_broken(
    covers: NDArray[np.bool_], weights: list[int], k: int, seed: int
) -> None:
    units = np.random.default_rng(seed).choice([0.0, 0.5, 1.0], covers.shape[1])
    matrix = sparse.csr_array(covers.astype(np.float64))
    taken = np.minimum(1.0, matrix @ units)
    weight = np.array(weights[: len(covers)], dtype=np.float64)
    found, _ = broken_cuts(matrix, weight, units, taken, np.empty((0, 3), dtype=np.int64), k * 5)
    assert len(found) <= k * 5
    assert len(np.unique(found, axis=0)) == len(found)
    assert (taken[found].sum(axis=1) > 1 + cut_sites(matrix, found) @ units).all()


@settings(max_examples=60, deadline=None)
@given(
    covers=hnp.arrays(np.bool_, st.tuples(st.integers(3, 8), st.integers(3, 7))),
    halves=st.lists(st.integers(0, 4), min_size=7, max_size=7),
)
def test_no_broken_cut_of_full_groups_is_missed(
    covers: NDArray[np.bool_], halves: list[int]
) -> None:
    units = np.array(halves[: covers.shape[1]]) / 4
    matrix = sparse.csr_array(covers.astype(np.float64))
    taken = np.minimum(1.0, covers @ units)
    everything = np.array(list(itertools.combinations(range(len(covers)), 3)))
    allowed = np.asarray(cut_sites(matrix, everything) @ units)
    broken = taken[everything].sum(axis=1) - 1 - allowed
    # a group with units to spare is in no cut that is broken by a tenth or more
    full = (np.abs(covers @ units - 1) < 1e-9)[everything].all(axis=1)
    known = np.empty((0, 3), dtype=np.int64)
    found, _ = broken_cuts(matrix, np.ones(len(covers)), units, taken, known, 99)
    if (full & (broken > 0.1)).any():
        assert len(found) > 0
    worst = broken[[everything.tolist().index(cut) for cut in found.tolist()]]
    assert (worst > 0).all()
    if len(found):
        assert worst.max() == pytest.approx(broken[full].max(initial=worst.max()))


def test_looking_for_cuts_ends_and_the_heaviest_go_first(monkeypatch: pytest.MonkeyPatch) -> None:
    covers = sparse.csr_array(np.kron(np.eye(50), TRIANGLE))
    weight = np.repeat(np.arange(1.0, 51.0), 3)
    halves, ones, known = np.full(150, 0.5), np.ones(150), np.empty((0, 3), dtype=np.int64)
    all_cuts, all_cells = broken_cuts(covers, weight, halves, ones, known, 999)
    monkeypatch.setattr(covering_odd_cuts, "_CELLS", 200)
    few, cells = broken_cuts(covers, weight, halves, ones, known, 999)
    assert len(all_cuts) == 50
    assert 0 < len(few) < 50
    assert cells < all_cells
    assert weight[few].min() > 50 - len(few)


def test_cuts_close_the_gap_of_triangles() -> None:
    # the linear relaxation covers all six groups by half a unit at each site
    core = core_of(np.kron(np.eye(2), TRIANGLE) > 0, np.ones(6), 3)
    windows = tightened(core, 4.0)
    assert windows.bound == pytest.approx(5.0)
    assert len(windows.prices.fee) > 0


@settings(max_examples=60, deadline=None)
@given(
    covers=hnp.arrays(np.bool_, st.tuples(st.integers(1, 9), st.integers(3, 7))),
    weights=st.lists(st.integers(1, 9), min_size=9, max_size=9),
    k=st.integers(1, 3),
    short=st.integers(1, 3),
    entries=st.sampled_from([4, 12, 100]),
)
def test_enumeration(
    covers: NDArray[np.bool_], weights: list[int], k: int, short: int, entries: int
) -> None:
    core = core_of(covers, np.array(weights[: len(covers)], dtype=np.float64), k)
    choices = list(itertools.combinations(range(covers.shape[1]), k))
    best = max(worth_of(core, opened) for opened in choices)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(covering_windows, "_ENTRIES", entries)
        windows = tightened(core, best - short)
    assert max(windows.bound, windows.enough) >= best
    for opened in choices:
        if worth_of(core, opened) >= windows.enough:
            units = np.isin(np.arange(covers.shape[1]), opened)
            assert (units >= windows.lower).all()
            assert (units <= windows.capacity).all()


@pytest.mark.parametrize("gain", [0.5, 3.0])
def test_what_the_first_unit_is_worth_counts(gain: float) -> None:
    below = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        covers = rng.random((10, 6)) < 0.35
        covers[np.arange(10), rng.integers(0, 6, 10)] = True
        weight = rng.integers(1, 9, 10).astype(float)
        core = core_of(covers, weight, 2)
        core = replace(core, theta=core.theta * gain)
        best = max(gain * worth_of(core, pair) for pair in itertools.combinations(range(6), 2))
        windows = tightened(core, 0.5 * best)
        assert max(windows.bound, windows.enough) >= best - 1e-9
        below += max(windows.bound, windows.enough) < gain * weight.sum()
    assert below > 0


@settings(max_examples=40, deadline=None)
@given(
    covers=hnp.arrays(np.bool_, st.tuples(st.integers(1, 9), st.integers(3, 7))),
    weights=st.lists(st.integers(1, 9), min_size=9, max_size=9),
    k=st.integers(1, 3),
    gain=st.sampled_from([1.0, 0.5]),
)
def test_the_integer_program_with_cuts_finds_the_best(
    covers: NDArray[np.bool_], weights: list[int], k: int, gain: float
) -> None:
    covers = covers.copy()
    covers[~covers.any(axis=1), 0] = True
    core = core_of(covers, np.array(weights[: len(covers)], dtype=np.float64), k)
    core = replace(core, theta=core.theta * gain, base=7.0)
    choices = itertools.combinations(range(covers.shape[1]), k)
    best = max(gain * (worth_of(core, opened) - 7.0) for opened in choices)
    windows = tightened(core, best - 0.75)
    start = np.zeros(covers.shape[1], dtype=np.int64)
    answer = windows.choose(start, 10.0, 0.0, Effort(1e9), lambda: False)
    assert answer.best is not None
    assert answer.best.value == pytest.approx(best)
    assert answer.best.units.sum() == k
    assert answer.bound == pytest.approx(best + 7.0)


def planar(k: int = 12) -> Core:
    covers, weight = grid_case(90, 500, 3.5)
    kept = covers.any(axis=0)
    return core_of(covers.T[kept], weight[kept], k)


def test_more_windows_lower_the_bound_and_it_repeats() -> None:
    core = planar()
    first = tightened(core, 1.0, cells=0.0)
    again = [tightened(core, 1.0, seed=3, cells=2e8) for _ in range(2)]
    assert again[0].bound < first.bound
    assert again[0].bound == again[1].bound
    assert again[0].prices.cuts.tolist() == again[1].prices.cuts.tolist()


def test_stopping_leaves_a_bound() -> None:
    core = planar()
    windows = Windows(
        core, core.weight / 2, core.capacity.copy(), np.zeros_like(core.capacity), 1.0, 0.5
    )
    before = windows.bound
    windows.lower_bound(0, Effort(1e12), lambda: True)
    assert windows.bound == before < np.inf


def test_stopping_ends_a_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    core = planar()
    monkeypatch.setattr(covering_windows, "_ENTRIES", 50)
    solved: list[int] = []

    def counted(program: Program, **how: Any) -> Answer:
        solved.append(program.matrix.nnz)
        return minimise(program, **how)

    monkeypatch.setattr(covering_windows, "minimise", counted)
    windows = Windows(
        core, core.weight / 2, core.capacity.copy(), np.zeros_like(core.capacity), 1.0, 0.5
    )
    windows.lower_bound(0, Effort(1e12), lambda: len(solved) >= 3)
    # those on their way when it was said
    assert 3 <= len(solved) <= 4
    assert len(parted(windows.covers, 50, np.random.default_rng(0))) > 8


def test_no_part_is_empty() -> None:
    covers = sparse.csr_array(np.array([[1] + [0] * 9, [1, 1] + [0] * 8, [1] * 10], dtype=float))
    for seed in range(50):
        parts = parted(covers, 5, np.random.default_rng(seed))
        assert sorted(len(rows) for rows in parts) in ([1, 2], [1, 1, 1])
        assert np.sort(np.concatenate(parts)).tolist() == [0, 1, 2]


def test_what_is_decided_counts() -> None:
    core = planar(3)
    lower = np.zeros_like(core.capacity)
    lower[0] = 1
    capacity = core.capacity.copy()
    capacity[1:60] = 0
    windows = Windows(core, core.weight / 2, capacity, lower, 1.0, 0.5)
    before = windows.bound
    windows.lower_bound(0, Effort(1e9), lambda: False)
    best = max(worth_of(core, (0, *two)) for two in itertools.combinations(range(60, 90), 2))
    assert best <= windows.bound < before
    moved = replace(core, base=7.0)
    higher = Windows(moved, core.weight / 2, capacity, lower, 1.0, 0.5)
    assert higher.bound >= best + 7.0


def test_parts_are_small_and_lose_nothing() -> None:
    core = planar()
    shape = (len(core.weight), len(core.capacity))
    covers = sparse.csr_array((np.ones(len(core.sites)), core.sites, core.ptr), shape=shape)
    parts = parted(covers, 300, np.random.default_rng(1))
    assert np.sort(np.concatenate(parts)).tolist() == list(range(shape[0]))
    assert all(covers[rows].nnz <= 300 for rows in parts)
    # neighbours stay together: parts by chance touch nearly all sites
    touched = sum(int((covers[rows].sum(axis=0) > 0).sum()) for rows in parts)
    assert touched < 0.7 * len(parts) * shape[1]


def test_a_choice_is_bounded_by_windows_too(monkeypatch: pytest.MonkeyPatch) -> None:
    covers, weight = grid_case(100, 900, 2.9)
    rows, ones = cover_rows(covers, weight), np.ones(100, dtype=np.int64)
    proven = choose_units(rows, np.ones(1), 21, capacity=ones, effort=Effort.of_seconds(10.0))
    assert proven.value == proven.bound
    monkeypatch.setattr(covering, "_SMALL", 0)
    monkeypatch.setattr(covering, "_MANY", 0)
    seeds: list[int] = []
    tighten = Windows.lower_bound

    def counted(self: Windows, seed: int, effort: Effort, stopped: Callable[[], bool]) -> None:
        seeds.append(seed)
        tighten(self, seed, effort, stopped)

    monkeypatch.setattr(Windows, "lower_bound", counted)
    bounded = choose_units(rows, np.ones(1), 21, capacity=ones, effort=Effort.of_seconds(1.0))
    assert bounded.value <= proven.value <= bounded.bound <= 1.02 * proven.value
    assert seeds == [0]
