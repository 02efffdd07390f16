"""Which sites cover which demand, with demand merged that the same sites cover."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from engine.stationing.cover_rows_kernels import alike, fill, fingerprint, gather
from routing.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class CoverRows:
    """Groups of demand points, each with the sites that cover it.

    Parameters
    ----------
    ptr : ndarray of int64, shape (rows + 1,)
        Where the sites of each group begin in `sites`.
    sites : ndarray of int32, shape (entries,)
        Sites that cover each group, ascending within it; at least one.
    weight : ndarray of float64, shape (rows,)
        Weight of each group, above zero.
    n_sites : int
        How many candidate sites there are.
    member : ndarray of int32, shape (n,)
        Group of each demand point; -1 where it weighs nothing or no site covers it.
    """

    ptr: NDArray[np.int64]
    sites: NDArray[np.int32]
    weight: NDArray[np.float64]
    n_sites: int
    member: NDArray[np.int32]

    def __len__(self) -> int:
        """Return the number of groups."""
        return len(self.weight)

    def counts(self, units: NDArray[np.int64]) -> NDArray[np.int64]:
        """Count the units that cover each group.

        Parameters
        ----------
        units : ndarray of int64, shape (n_sites,)
            Units at each site.

        Returns
        -------
        ndarray of int64, shape (rows,)
            Sum of the units at the sites that cover the group.
        """
        if len(self) == 0:
            return np.zeros(0, dtype=np.int64)
        return np.add.reduceat(units[self.sites], self.ptr[:-1])

    def value(self, units: NDArray[np.int64], gains: NDArray[np.float64]) -> float:
        """Weigh what units are worth.

        Parameters
        ----------
        units : ndarray of int64, shape (n_sites,)
            Units at each site.
        gains : ndarray of float64, shape (levels,)
            What a unit of demand gains by the first, second, ... unit that covers it.

        Returns
        -------
        float
            Sum over the groups of weight times gains.
        """
        total = np.concatenate([[0.0], np.cumsum(gains)])
        return float(self.weight @ total[np.minimum(self.counts(units), len(gains))])


def cover_rows(covers: NDArray[np.bool_], weight: NDArray[np.float64]) -> CoverRows:
    """Merge demand points that the same sites cover.

    Points are merged by a hash of the sites that cover them, and then compared site by
    site, so that no two of a group differ.

    Parameters
    ----------
    covers : ndarray of bool, shape (m, n)
        Whether each site covers each demand point.
    weight : ndarray of float64, shape (n,)
        Weight of each demand point, finite, zero or more.

    Returns
    -------
    CoverRows
        The groups, in the order of their first points. Points that weigh nothing or
        that no site covers are in none.

    Raises
    ------
    InputError
        Shapes do not fit.
    """
    m, n = covers.shape
    if weight.shape != (n,):
        raise InputError(f"shape {weight.shape}, not ({n},)", field="weight")
    cells = np.ascontiguousarray(covers).view(np.uint8)
    prints, count = np.empty(n, dtype=np.uint64), np.empty(n, dtype=np.int32)
    member, first = np.empty(n, dtype=np.int32), np.empty(n, dtype=np.int64)
    attempt = 0
    while True:
        fingerprint(cells, _keys(m, attempt), prints, count)
        groups = gather(prints, (weight > 0) & (count > 0), member, first)
        points = np.flatnonzero(member >= 0)
        others = first[member[points]]
        merged = points != others
        if alike(cells, points[merged], others[merged]):
            break
        attempt += 1
    first = first[:groups].copy()
    ptr = np.zeros(groups + 1, dtype=np.int64)
    np.cumsum(count[first], out=ptr[1:])
    sites = np.empty(ptr[-1], dtype=np.int32)
    fill(cells, first, ptr, sites)
    total = np.bincount(member[points], weight[points], minlength=groups).astype(np.float64)
    return CoverRows(ptr, sites, total, m, member)


def _keys(sites: int, attempt: int) -> NDArray[np.uint64]:
    """Draw a number for each site, others for each attempt."""
    random = np.random.Generator(np.random.Philox(attempt))
    return random.integers(0, 2**64, sites, dtype=np.uint64)
