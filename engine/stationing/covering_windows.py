"""A bound on covering choices beyond the linear relaxation, window by window.

Prices on groups and on odd cuts bound all choices, as prices on groups alone do in
`covering_dual_kernels`. They are improved window by window: a linear program of the
groups of each, what others pay held, and what sites could still be paid divided among
the windows, so that all can be solved side by side. Cuts that a solution breaks are
added for the next pass, over other windows. As all sites keep within what a unit costs,
the bound never rises. What the cuts leave, an integer program that knows them decides.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy import sparse

from engine.mip import Program, minimise
from engine.stationing.covering_dual_kernels import narrow, relax
from engine.stationing.covering_exact import Within
from engine.stationing.covering_odd_cuts import broken_cuts, cut_sites
from engine.stationing.covering_program import program, solution
from engine.stationing.covering_search import begin
from engine.stationing.smoothing import smoothed

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from engine.stationing.covering_core import Core
    from engine.stationing.effort import Effort

_ENTRIES: Final = 180_000
_CUTS: Final = 800
"""Entries of a window, and new cuts of a pass for each."""

_THREADS: Final = 2
_UNEVEN: Final = 1.15
"""Windows side by side, and how much larger than its share one may be."""

_SMOOTH: Final = 60

_CELLS_A_STEP: Final = 130
"""A step of the solver for each entry of its program, measured."""

_SECONDS: Final = 60.0
_PROGRESS: Final = 0.02
_PATIENCE: Final = 2
"""Share of the gap that a pass over all windows should close, and passes that may close less."""

_FEE: Final = 1e-9
_ROUNDING: Final = 1e-11


@dataclass(frozen=True)
class Prices:
    """What groups and cuts pay.

    Parameters
    ----------
    group : ndarray of float64, shape (rows,)
        What each group pays for a unit.
    cuts : ndarray of int64, shape (cuts, 3)
        Groups of each odd cut, ascending.
    fee : ndarray of float64, shape (cuts,)
        What each cut pays for a unit, and its groups pay to it.
    """

    group: NDArray[np.float64]
    cuts: NDArray[np.int64]
    fee: NDArray[np.float64]


class Windows:
    """A bound on choices where one unit covers a group, and its prices.

    Parameters
    ----------
    core : Core
        The problem; one level.
    price : ndarray of float64, shape (rows,)
        Prices of groups to begin with.
    capacity, lower : ndarray of int64, shape (sites,)
        Most and fewest units at each site; narrowed as the bound is lowered.
    value : float
        What the best choice known is worth, without what every choice is.
    least : float
        A choice must be worth more by this much to count as better.
    """

    def __init__(
        self,
        core: Core,
        price: NDArray[np.float64],
        capacity: NDArray[np.int64],
        lower: NDArray[np.int64],
        value: float,
        least: float,
    ) -> None:
        self.core, self.capacity, self.lower = core, capacity, lower
        self.weight = core.weight * core.theta[1]
        self.enough = core.base + value + least
        ones = np.ones(len(core.sites))
        shape = (len(core.weight), len(capacity))
        self.covers = sparse.csr_array((ones, core.sites.astype(np.int64), core.ptr), shape=shape)
        self.prices = Prices(price, np.empty((0, 3), dtype=np.int64), np.empty(0))
        self.bound = np.inf
        """No choice is worth more than this, or than `enough`."""
        self.unit_costs = 0.0
        self._weigh()

    def lower_bound(self, seed: int, effort: Effort, stopped: Callable[[], bool]) -> None:
        """Lower the bound, all windows at once in each pass, and narrow the limits.

        Parameters
        ----------
        seed : int
            Seed of the windows.
        effort : Effort
            What may be spent; two windows side by side count once.
        stopped : callable
            Whether to stop.
        """
        random = np.random.Generator(np.random.Philox(seed))
        gap, work, in_vain = self.bound - self.enough, 0, 0
        size = np.diff(self.covers.indptr)
        entries = min(_ENTRIES, _UNEVEN * size.sum() / _THREADS)
        with ThreadPoolExecutor(_THREADS) as pool:
            while gap > 0 and in_vain < _PATIENCE and not (effort.cells <= work // 2 or stopped()):
                windows = parted(self.covers, entries, random)
                windows.sort(key=lambda rows: -int(size[rows].sum()))
                room = self._room(windows)
                found = list(pool.map(partial(self._improved, room=room, stopped=stopped), windows))
                work = sum(cells for _, cells in found) // min(_THREADS, len(windows))
                effort.spend(work)
                for rows, (prices, _) in zip(windows, found, strict=True):
                    if prices is not None:
                        self._take(rows, prices)
                self._weigh()
                before, gap = gap, self.bound - self.enough
                in_vain = in_vain + 1 if before - gap < _PROGRESS * before else 0

    def choose(
        self,
        start: NDArray[np.int64],
        seconds: float,
        tolerance: float,
        effort: Effort,
        stopped: Callable[[], bool],
    ) -> Within:
        """Look for the best choice within the limits by an integer program with the cuts.

        Parameters
        ----------
        start : ndarray of int64, shape (sites,)
            A choice to start from; what lies beyond the limits is left out.
        seconds : float
            Time limit of the solver.
        tolerance : float
            Gap at which a choice is good enough.
        effort : Effort
            Pays for all but the solver.
        stopped : callable
            Whether to stop.

        Returns
        -------
        Within
            The choice and its bound.
        """
        core, cuts = self.core, self.prices.cuts[self.prices.fee > _FEE]
        whole, ones = program(core), np.ones(len(core.weight))
        rows = [whole.matrix, _cut_rows(self.covers, cuts)]
        task = replace(
            whole,
            matrix=sparse.csr_array(sparse.vstack(rows, format="csr")),
            at_least=np.concatenate([whole.at_least, np.full(len(cuts), -np.inf)]),
            at_most=np.concatenate([whole.at_most, np.ones(len(cuts))]),
            lower=np.concatenate([self.lower, 0 * ones]),
            upper=np.concatenate([self.capacity, ones]),
        )
        answer = minimise(
            task,
            seconds=seconds,
            tolerance=tolerance,
            start=solution(core, np.clip(start, self.lower, self.capacity)),
            stopped=stopped,
        )
        found = None
        if answer.values is not None:
            chosen = np.rint(answer.values[: len(self.capacity)]).astype(np.int64)
            if chosen.sum() <= core.k and ((chosen >= 0) & (chosen <= core.capacity)).all():
                found = begin(core, chosen, effort)
        bound, size = core.base - answer.bound, int(task.matrix.nnz)
        return Within(found, bound, answer.seconds, answer.iterations, size)

    def _weigh(self) -> None:
        """Compute the bound that the prices give, and narrow the limits by it."""
        core, score = self.core, self._scores()
        m = len(score)
        units = np.empty(m, dtype=np.int64)
        paid, last_in, first_out, _ = relax(
            np.arange(m + 1),
            np.arange(m, dtype=np.int32),
            self.capacity,
            self.lower,
            core.k,
            score,
            score.copy(),
            units,
        )
        left = np.maximum(0.0, self.weight - self._asked()).sum()
        bound = core.base + left + float(self.prices.fee.sum()) + paid
        self.bound = min(self.bound, float(bound + _ROUNDING * abs(bound)))
        self.unit_costs = float(np.clip(0.0, first_out, last_in))
        if np.isfinite(last_in) and np.isfinite(first_out):
            self.unit_costs = (last_in + first_out) / 2
        slack = bound + _ROUNDING * abs(bound) - self.enough
        if slack > 0:
            narrow(score, units, self.capacity, self.lower, last_in, first_out, slack)

    def _scores(self) -> NDArray[np.float64]:
        """Sum up what groups and cuts pay for a unit at each site."""
        prices = self.prices
        score = self.covers.T @ prices.group
        if len(prices.fee):
            score += cut_sites(self.covers, prices.cuts).T @ prices.fee
        return np.asarray(score)

    def _asked(self) -> NDArray[np.float64]:
        """Sum up what each group pays, to sites and to cuts."""
        asked = self.prices.group.copy()
        np.add.at(asked, self.prices.cuts.ravel(), np.repeat(self.prices.fee, 3))
        return asked

    def _room(self, windows: list[NDArray[np.int64]]) -> NDArray[np.float64]:
        """Divide what sites could still be paid among the windows that cover them."""
        touching = np.zeros(len(self.capacity))
        for rows in windows:
            touching += np.diff(self.covers[rows].tocsc().indptr) > 0
        return np.asarray((self.unit_costs - self._scores()) / np.maximum(1, touching))

    def _take(self, rows: NDArray[np.int64], found: Prices) -> None:
        """Take over the prices of a window."""
        outside = ~self._inside(rows)
        self.prices.group[rows] = found.group
        self.prices = Prices(
            self.prices.group,
            np.concatenate([self.prices.cuts[outside], found.cuts]),
            np.concatenate([self.prices.fee[outside], found.fee]),
        )

    def _inside(self, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Tell which cuts lie within a window."""
        member = np.zeros(len(self.core.weight), dtype=np.bool_)
        member[rows] = True
        return np.asarray(member[self.prices.cuts].all(axis=1))

    def _improved(
        self, rows: NDArray[np.int64], *, room: NDArray[np.float64], stopped: Callable[[], bool]
    ) -> tuple[Prices | None, int]:
        """Find the best prices of a window, the others held, and the work it took."""
        if stopped():
            return None, 0
        prices, inside = self.prices, self._inside(rows)
        number = np.full(len(self.core.weight), -1)
        number[rows] = np.arange(len(rows))
        cuts, fee = number[prices.cuts[inside]], prices.fee[inside]
        covers = self.covers[rows]
        own = prices.group[rows].copy()
        np.add.at(own, cuts.ravel(), np.repeat(fee, 3))
        weight = np.maximum(0.0, self.weight[rows] - (self._asked()[rows] - own))
        ours = covers.T @ prices.group[rows]
        if len(fee):
            ours += cut_sites(covers, cuts).T @ fee
        cost = ours + room
        sites = np.flatnonzero((np.diff(covers.tocsc().indptr) > 0) & (self.capacity > 0))
        covers, limits = covers[:, sites], (self.lower[sites], self.capacity[sites])
        task = _window(covers, weight, cost[sites], limits, cuts)
        answer = minimise(
            task, seconds=_SECONDS, tolerance=0.0, priced=True, interior=True, stopped=stopped
        )
        work = 4 * len(self.core.sites) + int(_CELLS_A_STEP * answer.iterations * task.matrix.nnz)
        if answer.values is None or answer.prices is None:
            return None, work
        paid = np.maximum(0.0, -answer.prices)
        group, fee = paid[: len(rows)], paid[len(rows) :]
        units, taken = np.split(answer.values, [len(sites)])
        more, cells = np.empty((0, 3), dtype=np.int64), 0
        if not stopped():
            more, cells = broken_cuts(covers, weight, units, taken, cuts, _CUTS)
        kept = fee > _FEE
        cuts = np.concatenate([cuts[kept], more])
        return Prices(
            group, rows[cuts], np.concatenate([fee[kept], np.zeros(len(more))])
        ), work + cells


def _window(
    covers: sparse.csr_array,
    weight: NDArray[np.float64],
    cost: NDArray[np.float64],
    limits: tuple[NDArray[np.int64], NDArray[np.int64]],
    cuts: NDArray[np.int64],
) -> Program:
    """Write a window as a linear program: units that cost, groups that gain."""
    rows, m = covers.shape
    links = sparse.hstack([-covers, sparse.eye_array(rows)])
    return Program(
        matrix=sparse.csr_array(sparse.vstack([links, _cut_rows(covers, cuts)], format="csr")),
        at_least=np.full(len(cuts) + rows, -np.inf),
        at_most=np.repeat([0.0, 1.0], [rows, len(cuts)]),
        objective=np.concatenate([cost, -weight]),
        lower=np.concatenate([limits[0], np.zeros(rows)]).astype(np.float64),
        upper=np.concatenate([limits[1], np.ones(rows)]).astype(np.float64),
        integer=np.zeros(m + rows, dtype=np.bool_),
    )


def _cut_rows(covers: sparse.csr_array, cuts: NDArray[np.int64]) -> sparse.csr_array:
    """Write cuts as rows over sites and groups."""
    ones = sparse.csr_array(
        (np.ones(cuts.size), (np.repeat(np.arange(len(cuts)), 3), cuts.ravel())),
        shape=(len(cuts), covers.shape[0]),
    )
    return sparse.csr_array(sparse.hstack([-cut_sites(covers, cuts), ones], format="csr"))


def parted(
    covers: sparse.csr_array, entries: float, random: np.random.Generator
) -> list[NDArray[np.int64]]:
    """Part groups into windows of groups that have many sites in common.

    Numbers given by chance are smoothed over common sites again and again; groups below
    and above where half of the entries lie part, until the parts are small enough.

    Parameters
    ----------
    covers : csr_array of float64, shape (rows, sites)
        Ones where a site covers a group.
    entries : float
        Most entries of a part of more than one group.
    random : Generator
        Source of the numbers.

    Returns
    -------
    list of ndarray of int64
        Groups of each window, ascending.
    """
    waiting, parts = [np.arange(covers.shape[0])], []
    while waiting:
        rows = waiting.pop()
        part = covers[rows]
        if len(rows) < 2 or part.nnz <= entries:
            parts.append(rows)
            continue
        size = np.diff(part.indptr)
        field = smoothed(part, random.standard_normal((len(rows), 1)), _SMOOTH)[:, 0]
        order = np.argsort(field, kind="stable")
        half = int(np.searchsorted(np.cumsum(size[order]), size.sum() / 2)) + 1
        half = min(half, len(rows) - 1)
        waiting += [np.sort(rows[order[half:]]), np.sort(rows[order[:half]])]
    return parts
