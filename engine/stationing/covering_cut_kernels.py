"""Numba kernel that finds odd cuts of a covering problem."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SHARED = 0.1
"""Least and greatest part (one less this) of a unit that two groups of a cut share."""


@njit(cache=True, nogil=True)
def broken_triples(  # noqa: C901 - one loop over shared state
    covers: NDArray[np.bool_],
    shared: NDArray[np.float64],
    units: NDArray[np.float64],
    taken: NDArray[np.float64],
    factor: NDArray[np.float64],
    least: float,
    each: int,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Find triples of groups whose odd cut a fractional choice breaks.

    Parameters
    ----------
    covers : ndarray of bool, shape (rows, sites)
        Which sites in use cover which groups.
    shared : ndarray of float64, shape (rows, rows)
        Units that cover both groups; those of the group itself on the diagonal.
    units : ndarray of float64, shape (sites,)
        Units at each site, in parts.
    taken : ndarray of float64, shape (rows,)
        Part of each group that counts as covered.
    factor : ndarray of float64, shape (rows,)
        How much each group matters; a triple as much as the least of its groups.
    least : float
        By how much a cut must be broken.
    each : int
        Most triples for each group, those that matter most.

    Returns
    -------
    triples : ndarray of int64, shape (found, 3)
        Groups, descending in each.
    score : ndarray of float64, shape (found,)
        By how much each is broken, times how much it matters.
    """
    rows = len(taken)
    triples, score = np.empty((rows * each, 3), dtype=np.int64), np.empty(rows * each)
    best, found = np.zeros((each, 2), dtype=np.int64), 0
    for a in range(rows):
        high, lowest = np.zeros(each), 0
        for b in range(a):
            if not _SHARED <= shared[a, b] <= 1 - _SHARED:
                continue
            # With m units of a triple's sites counted once, or twice where they cover
            # all three groups, what is missing follows from pairs but for the latter.
            pair = taken[a] + taken[b] - shared[a, a] - shared[b, b] + shared[a, b] - 1.0
            for c in range(b):
                broken = pair + taken[c] - shared[c, c] + shared[a, c] + shared[b, c]
                matter = min(factor[a], factor[b], factor[c])
                if broken <= least or broken * matter <= high[lowest]:
                    continue
                for j in range(len(units)):
                    if covers[a, j] and covers[b, j] and covers[c, j]:
                        broken -= 2 * units[j]
                if broken > least and broken * matter > high[lowest]:
                    high[lowest] = broken * matter
                    best[lowest, 0], best[lowest, 1] = b, c
                    lowest = int(np.argmin(high))
        for place in range(each):
            if high[place] > 0:
                triples[found, 0] = a
                triples[found, 1:] = best[place]
                score[found] = high[place]
                found += 1
    return triples[:found].copy(), score[:found].copy()
