"""Set covering: the cheapest sites so that all demand is covered.

Toregas, Swain, ReVelle and Bergman (1971), The location of emergency service facilities,
doi:10.1287/opre.19.6.1363.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy import sparse

from engine.mip import Program, minimise, never
from engine.stationing.choice import Choice, common_step, listed_sites
from engine.stationing.effort import CELLS_PER_SECOND
from engine.stationing.set_cover_kernels import (
    BEST,
    DONE,
    START_STEP,
    STEP,
    Links,
    Sets,
    cover_greedily,
    nested,
    raise_bound,
)
from engine.stationing.set_cover_search_kernels import CLOCK, exchange, standing
from routing.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from engine.stationing.cover_rows import CoverRows
    from engine.stationing.effort import Effort

# Short enough that Ctrl-C is heard between two calls of a kernel.
_CELLS_A_CALL: Final = 5 * 10**7
_ROUNDING: Final = 1e-9
_BOUND_STEPS: Final = 1500
_QUICK_EXCHANGES: Final = 1500
_EXCHANGES: Final = 30_000
_TOLERANCE: Final = 1e-7
_DIGITS: Final = 1e-6


@dataclass(frozen=True, eq=False)
class _Case:
    """What is left to decide, and what is decided."""

    matrix: sparse.csr_array
    need: NDArray[np.int64]
    cost: NDArray[np.float64]
    sites: NDArray[np.int64]
    opened: NDArray[np.int64]

    @property
    def impossible(self) -> bool:
        return bool((np.diff(self.matrix.indptr) < self.need).any())

    @property
    def links(self) -> Links:
        """Sites by row and rows by site, as the kernels take them."""
        across = self.matrix.tocsc()
        return Links(
            self.matrix.indptr.astype(np.int32, copy=False),
            self.matrix.indices.astype(np.int32, copy=False),
            across.indptr.astype(np.int32, copy=False),
            across.indices.astype(np.int32, copy=False),
            self.need,
            self.cost,
        )

    def opening(self, mask: NDArray[np.bool_]) -> _Case:
        """Open some sites for good."""
        need = self.need - self.matrix @ mask.astype(np.int64)
        left = replace(self, need=need, opened=np.append(self.opened, self.sites[mask]))
        return left.only(need > 0, ~mask)

    def only(self, rows: NDArray[np.bool_], sites: NDArray[np.bool_]) -> _Case:
        """Leave out other rows and sites."""
        matrix = self.matrix[np.flatnonzero(rows)][:, np.flatnonzero(sites)]
        matrix.sort_indices()
        return _Case(matrix, self.need[rows], self.cost[sites], self.sites[sites], self.opened)


@dataclass(eq=False)
class Cover:
    """The cheapest cover known and what is known of cheaper ones.

    Parameters
    ----------
    sites : ndarray of int64, or None
        Open sites; None where no cover of at most the highest cost was found.
    cost : float
        What they cost; where there are none, the least cost that is too high.
    bound : float
        No cover costs less; ``inf`` where none is cheaper than `cost`.
    """

    sites: NDArray[np.int64] | None
    cost: float
    bound: float


def smallest_cover(
    rows: CoverRows,
    cost: NDArray[np.float64],
    *,
    fixed_open: NDArray[np.bool_],
    effort: Effort,
    need: NDArray[np.int64] | None = None,
    seed: int = 0,
    stopped: Callable[[], bool] = never,
) -> Choice:
    """Open sites of least total cost so that every row is covered.

    Rows and sites that others make useless are left out, sites that a row cannot do
    without are opened; then come a local search, a Lagrangian bound that decides sites,
    and an integer program of what is left.

    Parameters
    ----------
    rows : CoverRows
        Groups of demand with the sites that cover each; demand that no site covers is
        in none of them, so the caller must look for it first.
    cost : ndarray of float64, shape (n_sites,)
        Cost of each site, finite, zero or more. Sites of cost zero are open.
    fixed_open : ndarray of bool, shape (n_sites,)
        Sites that are open in every plan; they cost what `cost` says.
    effort : Effort
        What may be spent.
    need : ndarray of int64, shape (rows,), optional
        How many open sites must cover each row; one by default.
    seed : int
        Seed of the local search.
    stopped : callable
        Asked now and then; once it says True, the best plan so far is the answer.

    Returns
    -------
    Choice
        The best plan found, its cost and the bound.

    Raises
    ------
    InputError
        A row needs more sites than there are to cover it.
    """
    if need is not None and (few := np.flatnonzero(np.diff(rows.ptr) < need)).size:
        row = int(few[0])
        raise InputError(
            f"row {row} needs {need[row]} sites, {np.diff(rows.ptr)[row]} can cover it",
            field="need",
            fix="need less, or give more candidate sites",
        )
    cover = find_cover(
        rows, cost, fixed_open=fixed_open, effort=effort, need=need, seed=seed, stopped=stopped
    )
    sites = np.flatnonzero(fixed_open) if cover.sites is None else cover.sites
    total = float(cost[sites].sum())
    rounding = 0.0 if common_step(cost[None]) else _ROUNDING * float(cost.sum())
    return Choice(listed_sites(sites), total, max(0.0, min(total - rounding, cover.bound)))


def find_cover(
    rows: CoverRows,
    cost: NDArray[np.float64],
    *,
    fixed_open: NDArray[np.bool_],
    effort: Effort,
    need: NDArray[np.int64] | None = None,
    most: float = np.inf,
    proving: bool = True,
    seed: int = 0,
    stopped: Callable[[], bool] = never,
) -> Cover:
    """Look for the cheapest cover, or for any one that costs no more than it may.

    Parameters
    ----------
    rows : CoverRows
        Groups of demand with the sites that cover each.
    cost : ndarray of float64, shape (n_sites,)
        Cost of each site, finite, zero or more.
    fixed_open : ndarray of bool, shape (n_sites,)
        Sites that are open in every plan.
    effort : Effort
        What may be spent; what is spent is taken off.
    need : ndarray of int64, shape (rows,), optional
        How many open sites must cover each row; one by default, at most as many as can.
    most : float
        Where finite, the first cover of at most this cost ends the search.
    proving : bool
        Whether to go on to the integer program.
    seed : int
        Seed of the local search.
    stopped : callable
        Asked now and then; once it says True, the best plan so far is the answer.

    Returns
    -------
    Cover
        The best cover found and the bound.
    """
    matrix = sparse.csr_array(
        (np.ones(len(rows.sites), dtype=np.int32), rows.sites, rows.ptr),
        shape=(len(rows), rows.n_sites),
    )
    need = np.ones(len(rows), dtype=np.int64) if need is None else need
    case = _Case(matrix, need, cost, np.arange(rows.n_sites), np.empty(0, dtype=np.int64))
    case = _reduced(case.opening(fixed_open | (cost <= 0)), effort)
    search = _Search(case, cost, most, seed, effort, stopped)
    search.exchange(_QUICK_EXCHANGES)
    search.bound()
    if proving and not search.over:
        search.case = _reduced(search.case, effort)
        search.restart()
        search.exchange(_EXCHANGES)
    if proving and not search.over:
        search.prove()
    return search.found


def _reduced(case: _Case, effort: Effort) -> _Case:
    """Leave out rows and sites that others make useless; open those that must be."""
    while not case.impossible:
        before = case.matrix.shape
        without_choice = np.flatnonzero(np.diff(case.matrix.indptr) == case.need)
        must = case.matrix[without_choice].sum(axis=0) > 0
        case = case.opening(must)
        ptr, sites, site_ptr, site_rows, need, _ = case.links
        everyone = np.ones(len(need), dtype=np.bool_)
        # who covers a row covers any row around it that needs no more
        by_need = Sets(ptr, sites, site_ptr, site_rows, -need.astype(np.float64), everyone)
        implied, cells = nested(by_need, True)
        effort.spend(cells)
        case = case.only(~implied, np.ones(len(case.cost), dtype=np.bool_))
        ptr, sites, site_ptr, site_rows, need, cost = case.links
        # a site can make way for another one only where one site is enough
        single = case.matrix.T @ (need > 1).astype(np.int64) == 0
        useless, cells = nested(Sets(site_ptr, site_rows, ptr, sites, cost, single), False)
        effort.spend(cells)
        case = case.only(np.ones(len(case.need), dtype=np.bool_), ~useless)
        if case.matrix.shape == before:
            break
    return case


class _Search:
    """Search and proof over a case; what is found is told of the whole."""

    def __init__(
        self,
        case: _Case,
        cost: NDArray[np.float64],
        most: float,
        seed: int,
        effort: Effort,
        stopped: Callable[[], bool],
    ) -> None:
        self.case = case
        self._cost = cost
        self._effort = effort
        self._stopped = stopped
        self._step = common_step(cost[None])
        self._slack = 0.999 * self._step if self._step else _ROUNDING * float(cost.sum())
        self._enough = most + self._slack / 2 if np.isfinite(most) else -np.inf
        self._chance = seed * 2_654_435_761 % 2**62 + 88_172_645_463_325_252
        self.found = Cover(None, most + (self._step or 2 * self._slack), -np.inf)
        if case.impossible:
            self.found.bound = np.inf
            return
        order = np.argsort(-case.cost, kind="stable")
        self._is_open = cover_greedily(case.links, order)
        self._offer(self._is_open)
        if not len(case.need):
            self.found.bound = np.inf

    @property
    def _base(self) -> float:
        return float(self._cost[self.case.opened].sum())

    @property
    def over(self) -> bool:
        """Whether nothing is left to look for, or no effort to do so."""
        found = self.found
        return (
            found.bound > found.cost - self._slack
            or found.cost <= self._enough
            or self._effort.exhausted
            or self._stopped()
        )

    def _offer(self, is_open: NDArray[np.bool_]) -> None:
        """Keep a cover of the case if it is the cheapest known."""
        sites = np.sort(np.append(self.case.opened, self.case.sites[is_open]))
        total = float(self._cost[sites].sum())
        if total <= self.found.cost - self._slack:
            self.found.sites, self.found.cost = sites, total

    def restart(self) -> None:
        """Go on with what is left of the best cover known."""
        if self.found.sites is not None:
            self._is_open = np.isin(self.case.sites, self.found.sites)
        else:
            self._is_open = np.ones(len(self.case.cost), dtype=np.bool_)

    def exchange(self, steps: int) -> None:
        """Search by exchanges until so many in a row were in vain."""
        if self.over or self.case.impossible:
            return
        case, links = self.case, self.case.links
        now = standing(links, self._is_open, self._chance)
        budget = self._effort.share(0.3)
        in_vain, a_call = 0, max(50, _CELLS_A_CALL // (len(case.matrix.data) + 1))
        while in_vain < steps and not (self.over or budget.exhausted):
            upper = np.array([self.found.cost - self._base])
            best, before = np.zeros(len(case.cost), dtype=np.bool_), upper[0]
            start = now.tally[CLOCK]
            cells = exchange(
                links,
                now,
                best,
                upper,
                self._slack,
                self._enough - self._base,
                min(a_call, steps - in_vain),
                _CELLS_A_CALL,
            )
            self._effort.spend(cells)
            budget.spend(cells)
            in_vain += int(now.tally[CLOCK] - start)
            if upper[0] < before:
                self._offer(best)
                in_vain = 0
            elif now.tally[CLOCK] == start:
                break

    def bound(self) -> None:
        """Raise the Lagrangian bound and leave out the sites that it decides."""
        if self.over:
            return
        case, links = self.case, self.case.links
        covers = np.diff(links.site_ptr)
        per_row = np.where(covers > 0, case.cost / np.maximum(covers, 1), np.inf)
        multiplier = np.minimum.reduceat(per_row[links.row_sites], links.row_ptr[:-1])
        best, direction = multiplier.copy(), np.zeros(len(multiplier))
        state = np.zeros(4)
        state[BEST], state[STEP] = -np.inf, START_STEP
        status = np.zeros(len(case.cost), dtype=np.int8)
        a_call = max(1, _CELLS_A_CALL // (2 * len(links.row_sites) + 1))
        for _ in range(0, _BOUND_STEPS, a_call):
            if state[DONE] or self._effort.exhausted or self._stopped():
                break
            self._effort.spend(
                raise_bound(
                    links,
                    status,
                    multiplier,
                    best,
                    direction,
                    state,
                    self.found.cost - self._base,
                    self._slack,
                    a_call,
                )
            )
        self._raise(float(state[BEST]) + self._base)
        if not self.over:
            opened = case.opening(status == 1)
            self.case = opened.only(
                np.ones(len(opened.need), dtype=np.bool_), status[status != 1] == 0
            )
            if self.case.impossible:
                self._raise(np.inf)

    def prove(self) -> None:
        """Close the gap by integer programming over what is left."""
        case, upper = self.case, self.found.cost - self._base
        if case.impossible:
            self._raise(np.inf)
            return
        program = Program(
            matrix=sparse.vstack([case.matrix, sparse.csr_array(case.cost[None])], format="csr"),
            at_least=np.append(case.need.astype(np.float64), -np.inf),
            at_most=np.append(np.full(len(case.need), np.inf), upper - self._slack),
            objective=case.cost,
            lower=np.zeros(len(case.cost)),
            upper=np.ones(len(case.cost)),
            integer=np.ones(len(case.cost), dtype=np.bool_),
        )
        answer = minimise(
            program,
            seconds=self._effort.seconds,
            tolerance=upper if np.isfinite(self._enough) else max(self._slack / 2, _TOLERANCE),
            stopped=self._stopped,
        )
        self._effort.spend(int(answer.seconds * CELLS_PER_SECOND))
        if answer.values is not None:
            is_open = np.rint(answer.values).astype(np.bool_)
            if (case.matrix @ is_open.astype(np.int64) >= case.need).all():
                self._offer(is_open)
        self._raise(answer.bound + self._base)

    def _raise(self, bound: float) -> None:
        """Raise the bound, to a whole number of steps; covers dearer than known do not count."""
        if np.isfinite(bound) and self._step:
            bound = float(np.ceil(bound / self._step - _DIGITS)) * self._step
        self.found.bound = max(self.found.bound, bound)
