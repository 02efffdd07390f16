"""Set covering against enumeration and an independent integer program."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.optimize import Bounds, LinearConstraint, milp

from engine.stationing.cover_rows import CoverRows, cover_rows
from engine.stationing.effort import Effort
from engine.stationing.set_cover import find_cover, smallest_cover
from routing.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.stationing.choice import Choice


def as_matrix(rows: CoverRows) -> NDArray[np.int64]:
    dense = np.zeros((len(rows), rows.n_sites), dtype=np.int64)
    dense[np.repeat(np.arange(len(rows)), np.diff(rows.ptr)), rows.sites] = 1
    return dense


def cheapest(
    rows: CoverRows,
    cost: NDArray[np.float64],
    fixed: NDArray[np.bool_],
    need: NDArray[np.int64],
) -> float:
    plans = (np.arange(1 << rows.n_sites)[:, None] >> np.arange(rows.n_sites)) & 1
    good = (plans @ as_matrix(rows).T >= need).all(axis=1) & (plans >= fixed).all(axis=1)
    return float((plans[good] @ cost).min())


def check(
    choice: Choice, rows: CoverRows, fixed: NDArray[np.bool_], need: NDArray[np.int64]
) -> None:
    is_open = np.isin(np.arange(rows.n_sites), choice.sites)
    assert (as_matrix(rows) @ is_open.astype(np.int64) >= need).all()
    assert is_open[fixed].all()
    assert choice.bound <= choice.cost


COSTS = {
    "one each": lambda random, m: np.ones(m),
    "some free": lambda random, m: random.integers(0, 5, m).astype(np.float64),
    "any": lambda random, m: 1e5 * random.random(m),
}


@pytest.mark.parametrize("costs", list(COSTS))
@pytest.mark.parametrize("seed", range(25))
def test_small_cases_agree_with_enumeration(costs: str, seed: int) -> None:
    random = np.random.default_rng(seed)
    m, n = random.integers(1, 10), random.integers(1, 16)
    covers = random.random((m, n)) < random.random()
    rows = cover_rows(covers, random.integers(0, 3, n).astype(np.float64))
    cost = COSTS[costs](random, m)
    fixed = random.random(m) < 0.2
    most = as_matrix(rows).sum(axis=1)
    need = np.minimum(random.integers(1, 4, len(rows)), most) if seed % 2 else np.ones_like(most)
    choice = smallest_cover(rows, cost, fixed_open=fixed, effort=Effort.of_seconds(10), need=need)
    check(choice, rows, fixed, need)
    assert choice.cost == pytest.approx(cheapest(rows, cost, fixed, need), rel=1e-12)
    assert choice.bound == pytest.approx(choice.cost, rel=1e-6)


def planar_rows(seed: int, sites: int, demand: int, limit: float) -> CoverRows:
    random = np.random.default_rng(seed)
    here, there = random.random((sites, 1, 2)), random.random((1, demand, 2))
    covers = np.hypot(*(here - there).transpose(2, 0, 1)) <= limit
    return cover_rows(covers, np.ones(demand))


@pytest.mark.parametrize("priced", [False, True])
@pytest.mark.parametrize("needed", [1, 2])
def test_larger_cases_agree_with_another_program(needed: int, *, priced: bool) -> None:
    rows = planar_rows(1, 120, 400, 0.15)
    cost = np.random.default_rng(2).integers(3, 9, 120).astype(float) if priced else np.ones(120)
    matrix = as_matrix(rows)
    need = np.minimum(needed, matrix.sum(axis=1))
    other = milp(
        cost,
        integrality=np.ones(120),
        bounds=Bounds(0, 1),
        constraints=LinearConstraint(matrix, need, np.inf),
    )
    fixed = np.zeros(120, dtype=np.bool_)
    choice = smallest_cover(rows, cost, fixed_open=fixed, effort=Effort.of_seconds(20), need=need)
    check(choice, rows, fixed, need)
    assert choice.cost == choice.bound == round(other.fun)
    again = smallest_cover(rows, cost, fixed_open=fixed, effort=Effort.of_seconds(20), need=need)
    assert again == choice


def steiner_triples() -> CoverRows:
    """Return the 117 triples on 27 points: the third power of the plane of three points."""
    triples = {
        tuple(sorted((a, b, c)))
        for a in range(27)
        for b in range(27)
        for c in range(27)
        if a != b and all((a // 3**d + b // 3**d + c // 3**d) % 3 == 0 for d in range(3))
    }
    sites = np.array(sorted(triples), dtype=np.int32)
    return CoverRows(
        ptr=np.arange(0, sites.size + 1, 3),
        sites=sites.ravel(),
        weight=np.ones(len(sites)),
        n_sites=27,
        member=np.arange(len(sites), dtype=np.int32),
    )


def test_steiner_triples_need_eighteen() -> None:
    """Fulkerson, Nemhauser and Trotter 1974: hard for bounds, as the relaxation gives 9.

    A27 of doi:10.1007/BFb0120689 has 27 variables, 117 rows and the optimum 18.
    """
    rows = steiner_triples()
    assert len(rows) == 117
    fixed = np.zeros(27, dtype=np.bool_)
    choice = smallest_cover(rows, np.ones(27), fixed_open=fixed, effort=Effort.of_seconds(60))
    assert (choice.cost, choice.bound) == (18, 18)


def test_a_highest_cost_ends_the_search_or_is_refuted() -> None:
    rows = planar_rows(3, 60, 200, 0.25)
    fixed = np.zeros(60, dtype=np.bool_)
    best = smallest_cover(rows, np.ones(60), fixed_open=fixed, effort=Effort.of_seconds(20)).cost
    for most in range(int(best) - 2, int(best) + 3):
        cover = find_cover(
            rows, np.ones(60), fixed_open=fixed, effort=Effort.of_seconds(20), most=most
        )
        if most < best:
            assert cover.sites is None
            assert cover.bound > most
        else:
            assert cover.sites is not None
            assert len(cover.sites) == cover.cost <= most


def test_stopped_early_a_cover_and_its_bound_come_back() -> None:
    rows = planar_rows(5, 300, 900, 0.07)
    fixed = np.zeros(300, dtype=np.bool_)
    need = np.ones(len(rows), dtype=np.int64)
    asked = iter([False, False])
    early = smallest_cover(
        rows,
        np.ones(300),
        fixed_open=fixed,
        effort=Effort.of_seconds(20),
        stopped=lambda: next(asked, True),
    )
    late = smallest_cover(rows, np.ones(300), fixed_open=fixed, effort=Effort.of_seconds(20))
    check(early, rows, fixed, need)
    assert early.bound <= late.bound == late.cost <= early.cost


def test_more_sites_than_can_cover_are_refused() -> None:
    rows = cover_rows(np.array([[True, True], [True, False]]), np.ones(2))
    with pytest.raises(InputError, match="row 1 needs 2 sites, 1 can cover it"):
        smallest_cover(
            rows,
            np.ones(2),
            fixed_open=np.zeros(2, dtype=np.bool_),
            effort=Effort.of_seconds(1),
            need=np.array([2, 2]),
        )
