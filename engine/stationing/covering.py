"""How many units to hold at which sites, so that they cover most.

All covering models are this one question: place k units so that the sum over groups of
demand of weight times a concave function of the number of units that cover the group is
greatest. The function is given by what the first, second, ... unit adds: one and then
nothing is maximal covering (Church and ReVelle 1974, doi:10.1007/BF01942293), a second
number is backup coverage (Hogan and ReVelle 1986, doi:10.1287/mnsc.32.11.1434), and
``(1 - q) * q**c`` is the expected coverage by units that are busy with probability q
(Daskin 1983, doi:10.1287/trsc.17.1.48).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from engine.mip import never
from engine.stationing.base import PROVEN_GAP
from engine.stationing.covering_concentration import concentrate
from engine.stationing.covering_core import CELLS_A_CALL, Core, shrink
from engine.stationing.covering_dual_kernels import BEST, DONE, START_STEP, descend, relax
from engine.stationing.covering_exact import best_within
from engine.stationing.covering_kernels import transpose
from engine.stationing.covering_search import begin, explore, polish
from engine.stationing.covering_windows import Windows
from engine.stationing.effort import CELLS_PER_SECOND
from routing.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from engine.stationing.cover_rows import CoverRows
    from engine.stationing.covering_exact import Within
    from engine.stationing.effort import Effort

_EXACT: Final = 2.0**50
_STEPS_A_CALL: Final = 50
_TRIES_A_SITE: Final = 2000
_SMALL: Final = 50_000
_MIDDLING: Final = 150_000
_MANY: Final = 1000
_LARGE: Final = 5_000_000
_SAMPLE: Final = 2e6
_ROUNDS: Final = 4
_SMALL_STEP: Final = 0.2


@dataclass(frozen=True)
class UnitChoice:
    """Units at each site and how good they are known to be.

    Parameters
    ----------
    units : ndarray of int64, shape (m,)
        Units at each site.
    value : float
        What they are worth.
    bound : float
        No choice is worth more.
    """

    units: NDArray[np.int64]
    value: float
    bound: float


def choose_units(
    rows: CoverRows,
    gains: NDArray[np.float64],
    k: int,
    *,
    capacity: NDArray[np.int64],
    lower: NDArray[np.int64] | None = None,
    effort: Effort,
    seed: int = 0,
    stopped: Callable[[], bool] = never,
) -> UnitChoice:
    """Place k units so that they are worth most, and prove it as far as the effort goes.

    Sites that others replace are left out, annealing and tabu search find a choice, a
    Lagrangian bound decides sites, cuts in windows lower it where one unit covers a group,
    and an integer program that starts from the choice proves what is left.

    Parameters
    ----------
    rows : CoverRows
        Groups of demand and the sites that cover them.
    gains : ndarray of float64, shape (levels,)
        What a unit of demand gains by the first, second, ... unit that covers it; never
        rising, zero or more.
    k : int
        Units to place.
    capacity : ndarray of int64, shape (m,)
        Most units at each site.
    lower : ndarray of int64, shape (m,), optional
        Fewest units at each site; none by default.
    effort : Effort
        What may be spent.
    seed : int
        Seed of the search.
    stopped : callable
        Asked several times a second, but for linear programs of windows, which take a
        second or some; once it says True, the best choice so far is the answer.

    Returns
    -------
    UnitChoice
        The best choice found and its bound.

    Raises
    ------
    InputError
        Shapes, gains or numbers of units do not fit.
    """
    fewest = np.zeros(rows.n_sites, dtype=np.int64) if lower is None else lower
    _check(rows, gains, k, capacity, fewest)
    task = _Task(rows, gains, k, capacity, fewest, effort, seed, stopped)
    task.run()
    units = _filled(task.units, capacity, k)
    value = rows.value(units, gains)
    return UnitChoice(units, value, max(value, task.honest_bound(value)))


def _check(
    rows: CoverRows,
    gains: NDArray[np.float64],
    k: int,
    capacity: NDArray[np.int64],
    lower: NDArray[np.int64],
) -> None:
    for field, values in (("capacity", capacity), ("lower", lower)):
        if values.shape != (rows.n_sites,):
            raise InputError(f"shape {values.shape}, not ({rows.n_sites},)", field=field)
    if ((lower < 0) | (lower > capacity)).any():
        site = int(np.argmax((lower < 0) | (lower > capacity)))
        raise InputError(
            f"site {site} needs {lower[site]} units and can hold {capacity[site]}", field="lower"
        )
    if not lower.sum() <= k <= capacity.sum():
        raise InputError(
            f"{k} units, where sites hold {lower.sum()} to {capacity.sum()}",
            field="k",
            fix="change the number of units or the capacities",
        )
    finite = gains.ndim == 1 and len(gains) > 0 and np.isfinite(gains).all()
    if not finite or (np.diff(gains, append=0.0) > 0).any():
        raise InputError(
            f"{gains} are no gains", field="gains", fix="give numbers that never rise, zero or more"
        )


class _Task:
    """One question on its way to an answer."""

    def __init__(
        self,
        rows: CoverRows,
        gains: NDArray[np.float64],
        k: int,
        capacity: NDArray[np.int64],
        lower: NDArray[np.int64],
        effort: Effort,
        seed: int,
        stopped: Callable[[], bool],
    ) -> None:
        self.effort, self.seed, self.stopped = effort, seed, stopped
        self.step = _step(rows.weight, gains)
        levels = int(np.count_nonzero(gains))
        theta = np.zeros(max(k, levels) + k + 3)
        theta[1 : levels + 1] = gains[:levels]
        whole = Core(
            rows.ptr,
            rows.sites,
            *transpose(rows.ptr, rows.sites, rows.n_sites),
            rows.weight,
            np.zeros(len(rows), dtype=np.int64),
            theta,
            levels,
            capacity,
            k,
            0.0,
            np.arange(rows.n_sites),
            np.zeros(rows.n_sites, dtype=np.int64),
        )
        self.core = shrink(whole, capacity, lower, effort)
        m = len(self.core.capacity)
        self.price = self.core.weight * theta[self.core.have + 1] / np.diff(self.core.ptr)
        self.limits = self.core.capacity.copy(), np.zeros(m, dtype=np.int64)
        self.best = begin(self.core, np.zeros(m, dtype=np.int64), effort)
        self.bound = np.inf
        """No choice is worth more than this or the best one."""

    @property
    def units(self) -> NDArray[np.int64]:
        """Units of the best choice at all sites."""
        return self.core.whole(self.best.units)

    @property
    def least(self) -> float:
        """How much more a choice must be worth to count as better."""
        if self.step:
            return 0.999 * self.step
        return 0.5 * PROVEN_GAP * (self.core.base + self.best.value)

    @property
    def complete(self) -> bool:
        """Whether no better choice is left."""
        return self.bound < self.core.base + self.best.value + self.least

    def honest_bound(self, value: float) -> float:
        """Return the bound of all choices, given what the best is worth."""
        if self.complete:
            return value if self.step else value + self.least
        return np.floor(self.bound / self.step + 1e-6) * self.step if self.step else self.bound

    def run(self) -> None:
        """Search and prove."""
        tries = _TRIES_A_SITE * (self.core.k + len(self.best.units))
        self._polish()
        large = len(self.core.sites) > _LARGE
        if large:
            self._price_by_sample()
        self._lower_bound(_SMALL_STEP if large else START_STEP)
        if self._over():
            return
        self._explore(tries, self.effort.share(0.1))
        self._lower_bound(_SMALL_STEP if large else START_STEP / 2)
        if self._over():
            return
        if len(self.core.sites) <= _SMALL:
            self._finish(self.effort.share(0.3).seconds)
        if not self._over():
            share = self.effort.share(_concentrating(len(self.core.sites)))
            self._concentrate(share, self.seed)
        if not self._over():
            self._lower_bound(START_STEP / 2)
        if large or self._over():
            return
        self._prove()

    def _prove(self) -> None:
        """Lower the bound by cuts where needed, and let an integer program decide what is left."""
        if not self._hard:
            self._finish(self.effort.seconds)
            return
        windows = self._tighten(self.effort.share(1.0))
        if self._over():
            return
        if self._hard:
            # Cuts take the bound no lower in the time, but the choice may get better.
            self._concentrate(self.effort.share(1.0), self.seed + 1)
            return
        seconds, units = self.effort.seconds, self.best.units
        self._learn(windows.choose(units, seconds, self.least, self.effort, self.stopped))

    @property
    def _hard(self) -> bool:
        """Whether an integer program of what is left would hardly get beyond its relaxation."""
        most, fewest = self.limits
        return self.core.levels == 1 and int((most > fewest).sum()) > _MANY

    def _over(self) -> bool:
        return self.complete or self.effort.exhausted or self.stopped()

    def _polish(self) -> None:
        share = self.effort.share(0.1)
        before = share.cells
        polish(self.core, self.best, self.least, share, self.stopped)
        self.effort.spend(int(before - share.cells))

    def _explore(self, tries: int, share: Effort) -> None:
        before = share.cells
        explore(self.core, self.best, self.least, tries, self.seed, share, self.stopped)
        self.effort.spend(int(before - share.cells))

    def _concentrate(self, share: Effort, seed: int) -> None:
        before = share.cells
        limit = self.bound - self.core.base - self.least
        concentrate(self.core, self.best, limit, self.least, seed, share, self.stopped)
        self.effort.spend(int(before - share.cells))

    def _lower_bound(self, step: float) -> None:
        """Lower the Lagrangian bound, and leave out the sites that it decides."""
        self.bound = min(self.bound, self._descend(*self.limits, step, self.effort.share(0.3)))

    def _tighten(self, share: Effort) -> Windows:
        """Lower the bound beyond the linear relaxation; smaller programs are soon solved."""
        before = share.cells
        windows = Windows(self.core, self.price, *self.limits, self.best.value, self.least)
        windows.lower_bound(self.seed, share, self.stopped)
        self.effort.spend(int(before - share.cells))
        self.bound = min(self.bound, windows.bound)
        return windows

    def _price_by_sample(self) -> None:
        """Find prices that are nearly good for all sites by looking at few of them.

        Those whose groups pay most, and some by chance, in rounds.
        """
        core, (most, _) = self.core, self.limits
        m = len(most)
        half = max(1, int(m * _SAMPLE / len(core.sites)) // 2)
        random = np.random.Generator(np.random.Philox(self.seed))
        score, units = np.empty(m), np.empty(m, dtype=np.int64)
        nothing, share = np.zeros(m, dtype=np.int64), self.effort.share(0.08)
        for _ in range(_ROUNDS):
            if self._over():
                break
            *_, cells = relax(
                core.site_ptr, core.site_rows, most, nothing, core.k, self.price, score, units
            )
            self.effort.spend(cells)
            chosen = (units > 0) | (self.best.units > 0)
            chosen[np.argsort(-score, kind="stable")[:half]] = True
            chosen[random.choice(m, half, replace=False)] = True
            few = np.where(chosen, most, 0)
            # A bound on choices among a sample says nothing about all: prices are kept.
            self._descend(few, nothing.copy(), START_STEP, share.share(1.0))

    def _descend(
        self,
        capacity: NDArray[np.int64],
        fewest: NDArray[np.int64],
        step: float,
        share: Effort,
    ) -> float:
        """Improve prices for given limits, which are narrowed; return the bound they give."""
        core = self.core
        price, direction = self.price.copy(), np.zeros(len(self.price))
        state = np.array([np.inf, step, 0.0, 0.0])
        value = np.array([core.base + self.best.value])
        steps = 1
        while not state[DONE]:
            cells = descend(
                core.site_ptr,
                core.site_rows,
                core.weight,
                core.have,
                core.theta,
                core.levels,
                capacity,
                fewest,
                core.k,
                core.base,
                price,
                self.price,
                direction,
                state,
                self.best.units,
                value,
                self.least,
                steps,
                CELLS_A_CALL,
            )
            share.spend(cells)
            self.effort.spend(cells)
            steps = _STEPS_A_CALL
            if share.exhausted or self.stopped():
                break
        self.best.value = float(value[0]) - core.base
        return float(state[BEST])

    def _finish(self, seconds: float) -> None:
        """Hand what is left to an integer program."""
        answer = best_within(
            self.core,
            *self.limits,
            self.best.units,
            seconds=seconds,
            tolerance=self.least,
            effort=self.effort,
            stopped=self.stopped,
        )
        self._learn(answer)

    def _learn(self, answer: Within) -> None:
        """Take over what an integer program found."""
        self.effort.spend(int(answer.seconds * CELLS_PER_SECOND))
        if answer.best is not None and answer.best.value > self.best.value:
            self.best = answer.best
        self.bound = min(self.bound, answer.bound)


def _concentrating(entries: int) -> float:
    """Share of the effort: the less an integer program adds in the same time, the more.

    Those of the largest programs have cuts to pay for instead.
    """
    return 0.4 if entries <= _SMALL else 0.55 if entries <= _MIDDLING else 0.5


def _step(weight: NDArray[np.float64], gains: NDArray[np.float64]) -> float:
    """Return a number that what each choice is worth is a multiple of; zero for none."""
    values = np.outer(weight, gains[gains > 0]).ravel()
    if len(values) == 0 or values.sum() > _EXACT or (values != np.rint(values)).any():
        return 0.0
    return float(np.gcd.reduce(values.astype(np.int64)))


def _filled(units: NDArray[np.int64], capacity: NDArray[np.int64], k: int) -> NDArray[np.int64]:
    """Place units that gain nothing at the first sites with room."""
    room = capacity - units
    before = np.cumsum(room) - room
    added: NDArray[np.int64] = np.clip(k - units.sum() - before, 0, room)
    return units + added
