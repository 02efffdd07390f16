"""How many units each site may hold, and the best choice from what they are worth there."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from engine.stationing.unit_tables_kernels import best_totals, best_units, narrow_limits

if TYPE_CHECKING:
    from numpy.typing import NDArray

_DECIDED: Final = 0.02


@dataclass(eq=False)
class Allotment:
    """Places k units at sites, of which only so many may hold any.

    Parameters
    ----------
    k : int
        Units to place.
    lower, capacity : ndarray of int64, shape (m,)
        Fewest and most at each site; there is room for k. `narrow` changes them.
    stations : int, optional
        Most sites that hold units, those that are open anyway aside; any number by
        default.
    counts : ndarray of bool, shape (m,), optional
        Sites that count as a station where they hold units; all by default.
    """

    k: int
    lower: NDArray[np.int64]
    capacity: NDArray[np.int64]
    stations: int | None = None
    counts: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, dtype=np.bool_))

    def __post_init__(self) -> None:
        """Copy what is narrowed later."""
        self.capacity = np.minimum(self.capacity, self.k)
        self.lower = self.lower.copy()
        if not len(self.counts):
            self.counts = np.ones(len(self.lower), dtype=np.bool_)
        self._totals = np.zeros(self._shape)

    @property
    def _shape(self) -> tuple[int, int, int]:
        if self.stations is None:
            return (0, 0, 0)
        return (len(self.lower) + 1, self.stations + 1, self.k + 1)

    @property
    def work(self) -> int:
        """How many sums one call of `best` takes."""
        if self.stations is None:
            return len(self.lower)
        choices = int((self.capacity - self.lower + 1)[self.capacity > 0].sum())
        return choices * (self.stations + 1) * (self.k + 1)

    def columns(self, ranks: int) -> int:
        """Tell how wide a table of worth has to be.

        Parameters
        ----------
        ranks : int
            More units than these add nothing.

        Returns
        -------
        int
            Number of columns, for 0, 1, 2 ... units.
        """
        most = int(self.capacity.max(initial=0))
        return 1 + (min(most, max(ranks, int(self.lower.max()))) if self.stations is None else most)

    def open_to(self, units: NDArray[np.int64], more: int = 1) -> NDArray[np.bool_]:
        """Tell which sites may take more units.

        Parameters
        ----------
        units : ndarray of int64, shape (m,)
            Units at each site.
        more : int
            How many come.

        Returns
        -------
        ndarray of bool, shape (m,)
            Whether a site has the room, and is or may become a station.
        """
        room = units + more <= self.capacity
        used = int((self.counts & (units > 0)).sum())
        if self.stations is not None and used >= self.stations:
            room &= (units > 0) | ~self.counts
        return room

    def next_to(self, units: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Tell which sites may take one more unit so that there is room for the rest.

        Parameters
        ----------
        units : ndarray of int64, shape (m,)
            Units at each site, fewer than k.

        Returns
        -------
        ndarray of bool, shape (m,)
            Whether a site may.
        """
        room = self.open_to(units)
        if self.stations is None:
            return room
        holds = (units > 0) | ~self.counts
        roomy = np.sort(np.where(holds, 0, self.capacity))[::-1]
        others = max(0, self.stations - int((self.counts & holds).sum()) - 1)
        # a new station takes the place of the roomiest that could still be one
        spare = int(self.capacity[holds].sum() + roomy[:others].sum()) - self.k
        return room & (holds | (spare + self.capacity >= 0))

    def best(self, table: NDArray[np.float64]) -> tuple[float, NDArray[np.int64]]:
        """Choose the units that are worth most.

        Parameters
        ----------
        table : ndarray of float64, shape (m, columns)
            What 0, 1, 2 ... units at each site are worth, each adding no more than the
            one before; those beyond the table add nothing.

        Returns
        -------
        worth : float
            What they are worth together.
        units : ndarray of int64, shape (m,)
            Units at each site.
        """
        if self.stations is None:
            return self._sorted(table)
        units = np.zeros(len(table), np.int64)
        best_totals(table, self.lower, self.capacity, self.counts, self._totals)
        best_units(table, self.lower, self.capacity, self.counts, self._totals, units)
        return float(self._totals[-1, -1, -1]), units

    def _sorted(self, table: NDArray[np.float64]) -> tuple[float, NDArray[np.int64]]:
        units = self.lower.copy()
        added = self._added(table)
        site = np.repeat(np.arange(len(table)), added.shape[1])
        order = np.argsort(-added, axis=None, kind="stable")[: self.k - int(units.sum())]
        order = order[np.isfinite(added.flat[order])]
        np.add.at(units, site[order], 1)
        for other in np.flatnonzero(units < self.capacity) if units.sum() < self.k else ():
            units[other] += min(self.k - int(units.sum()), int(self.capacity[other] - units[other]))
        most = table.shape[1] - 1
        worth = table[np.arange(len(table)), np.minimum(units, most)].sum()
        return float(worth), units

    def _added(self, table: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what each unit adds; minus infinity where there is no choice."""
        number = np.arange(1, table.shape[1])
        free = (number > self.lower[:, None]) & (number <= self.capacity[:, None])
        return np.where(free, np.diff(table, axis=1), -np.inf)

    def halves(self, mean: NDArray[np.float64]) -> list[Allotment]:
        """Split the choices in two by the units of one site.

        Parameters
        ----------
        mean : ndarray of float64, shape (2, m)
            How many units each site holds in the mean of good choices, and how often any.

        Returns
        -------
        list of Allotment
            Both halves; none where there is one choice only.
        """
        split = self.lower < self.capacity
        if not split.any():
            return []
        undecided = np.where(split & (self.lower == 0), np.minimum(mean[1], 1 - mean[1]), 0.0)
        site = int(undecided.argmax())
        cut = 0
        if undecided[site] < _DECIDED:
            part = np.abs(mean[0] - np.floor(mean[0]) - 0.5)
            site = int(np.where(split, part, np.inf).argmin())
            cut = int(np.clip(mean[0, site], self.lower[site], self.capacity[site] - 1))
        fewer, more = copy(self), copy(self)
        for half in (fewer, more):
            half.lower, half.capacity = self.lower.copy(), self.capacity.copy()
        fewer.capacity[site] = cut
        more.lower[site] = cut + 1
        return [fewer, more]

    def narrow(self, table: NDArray[np.float64], least: float) -> None:
        """Narrow the limits of sites to what is in some choice worth at least so much.

        Parameters
        ----------
        table : ndarray of float64, shape (m, columns)
            As in `best`.
        least : float
            Choices worth less do not matter; some choice is worth as much.
        """
        if self.stations is not None:
            best_totals(table, self.lower, self.capacity, self.counts, self._totals)
            narrow_limits(table, self.lower, self.capacity, self.counts, self._totals, least)
            return
        worth, units = self._sorted(table)
        added = self._added(table)
        number = np.arange(1, table.shape[1])
        taken = np.where(number <= units[:, None], added, np.inf)
        dearest = taken[np.isfinite(taken)].min(initial=np.inf)
        if not np.isfinite(dearest) or (units >= table.shape[1]).any():
            return
        # one more here is one less where it adds least; later ones add no more
        hopeless = worth - (dearest - added) < least
        most = self.lower + (np.isfinite(added) & ~hopeless).sum(axis=1)
        most = np.where(most == len(number), self.capacity, most)
        self.capacity = np.maximum(units, np.minimum(self.capacity, most))
