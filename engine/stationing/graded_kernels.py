"""Search and bound over units of graded worth; functions on arrays.

Worth is weighted: row j holds what a unit at site j is worth to each demand point, its
weight multiplied in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray


@njit(cache=True, nogil=True)
def ranked_worth(
    worth: NDArray[np.float64],
    units: NDArray[np.int64],
    without: int,
    taken: int,
    ranked: NDArray[np.float64],
) -> int:
    """Sort for each demand point what the placed units are worth, the best first.

    Parameters
    ----------
    worth : ndarray of float64, shape (m, n)
        Weighted worth.
    units : ndarray of int64, shape (m,)
        Units at each site.
    without : int
        Site of which units are left out; -1 for none.
    taken : int
        How many of them.
    ranked : ndarray of float64, shape (n, units or more)
        Output.

    Returns
    -------
    int
        How many units there are, without those left out.
    """
    count = 0
    for site in range(len(units)):
        for _ in range(units[site] - (taken if site == without else 0)):
            row = worth[site]
            for point in range(len(row)):
                value = row[point]
                place = count
                while place > 0 and ranked[point, place - 1] < value:
                    ranked[point, place] = ranked[point, place - 1]
                    place -= 1
                ranked[point, place] = value
            count += 1
    return count


@njit(cache=True, nogil=True)
def gain_of(ranked: NDArray[np.float64], count: int, steps: NDArray[np.float64]) -> float:
    """Add up what ranked units gain.

    Parameters
    ----------
    ranked : ndarray of float64, shape (n, count or more)
        What each unit is worth, the best first.
    count : int
        How many units.
    steps : ndarray of float64, shape (s,)
        What the best counts, the second best and so on.

    Returns
    -------
    float
        The gain.
    """
    total = 0.0
    few = min(count, len(steps))
    for point in range(len(ranked)):
        for rank in range(few):
            total += steps[rank] * ranked[point, rank]
    return total


@njit(cache=True, nogil=True)
def best_addition(
    worth: NDArray[np.float64],
    ranked: NDArray[np.float64],
    count: int,
    steps: NDArray[np.float64],
    allowed: NDArray[np.bool_],
    more: int,
) -> tuple[int, float]:
    """Find the site where more units add most.

    Parameters
    ----------
    worth : ndarray of float64, shape (m, n)
        Weighted worth.
    ranked : ndarray of float64, shape (n, count or more)
        What the placed units are worth, the best first.
    count : int
        How many are placed.
    steps : ndarray of float64, shape (s,)
        What the best counts, the second best and so on.
    allowed : ndarray of bool, shape (m,)
        Sites with room.
    more : int
        How many units come, one at least.

    Returns
    -------
    site : int
        The first of the best; -1 where there is no room.
    added : float
        What they add there.
    """
    few = min(count, len(steps))
    until = np.zeros(len(steps) + 1)
    until[1:] = np.cumsum(steps)
    best, most = -1, -1.0
    for site in range(len(worth)):
        if not allowed[site]:
            continue
        added = 0.0
        row = worth[site]
        for point in range(len(row)):
            value = row[point]
            # from behind: most units are worth little to most demand points
            rank = few
            moved = 0.0
            while rank > 0 and ranked[point, rank - 1] < value:
                rank -= 1
                after = steps[rank + more] if rank + more < len(steps) else 0.0
                moved += (after - steps[rank]) * ranked[point, rank]
            if rank < len(steps):
                taken = until[min(rank + more, len(steps))] - until[rank]
                added += taken * value + moved
        if added > most:
            best, most = site, added
    return best, most
