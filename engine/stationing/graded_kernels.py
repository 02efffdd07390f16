"""Search and bound over units of graded worth; functions on arrays.

Worth is weighted: row j holds what a unit at site j is worth to each demand point, its
weight multiplied in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from numba import njit

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@njit(cache=True, nogil=True)
def ranked_worth(
    worth: NDArray[np.float64],
    units: NDArray[np.int64],
    without: int,
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
        Site of which one unit is left out; -1 for none.
    ranked : ndarray of float64, shape (n, units or more)
        Output.

    Returns
    -------
    int
        How many units there are, without the one left out.
    """
    count = 0
    for site in range(len(units)):
        for _ in range(units[site] - (1 if site == without else 0)):
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
) -> tuple[int, float]:
    """Find the site where one more unit adds most.

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

    Returns
    -------
    site : int
        The first of the best; -1 where there is no room.
    added : float
        What it adds.
    """
    few = min(count, len(steps))
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
                after = steps[rank + 1] if rank + 1 < len(steps) else 0.0
                moved += (after - steps[rank]) * ranked[point, rank]
            if rank < len(steps):
                added += steps[rank] * value + moved
        if added > most:
            best, most = site, added
    return best, most


@njit(cache=True, nogil=True)
def descend(
    worth: NDArray[np.float64],
    steps: NDArray[np.float64],
    units: NDArray[np.int64],
    lower: NDArray[np.int64],
    capacity: NDArray[np.int64],
    ranked: NDArray[np.float64],
    least: float,
    passes: int,
) -> tuple[float, bool]:
    """Move single units to where they add most, as long as that helps.

    Parameters
    ----------
    worth : ndarray of float64, shape (m, n)
        Weighted worth.
    steps : ndarray of float64, shape (s,)
        What the best counts, the second best and so on.
    units : ndarray of int64, shape (m,)
        Units at each site; improved in place.
    lower, capacity : ndarray of int64, shape (m,)
        Fewest and most at each.
    ranked : ndarray of float64, shape (n, units)
        Memory to work in.
    least : float
        Smallest gain that counts.
    passes : int
        Most passes over the units.

    Returns
    -------
    gain : float
        Gain of the units as they stand now.
    done : bool
        Whether no move helps any more.
    """
    gain = gain_of(ranked, ranked_worth(worth, units, -1, ranked), steps)
    for _ in range(passes):
        better = False
        for site in range(len(units)):
            if units[site] <= lower[site]:
                continue
            count = ranked_worth(worth, units, site, ranked)
            base = gain_of(ranked, count, steps)
            other, added = best_addition(worth, ranked, count, steps, units < capacity)
            if other >= 0 and other != site and base + added > gain + least:
                units[site] -= 1
                units[other] += 1
                gain = base + added
                better = True
        if not better:
            return gain, True
    return gain, False


@njit(cache=True, nogil=True)
def dual(
    worth: NDArray[np.float64],
    steps: NDArray[np.float64],
    price: NDArray[np.float64],
    value: NDArray[np.float64],
) -> None:
    """Compute what a unit at each site is worth beyond the prices of ranks.

    Parameters
    ----------
    worth : ndarray of float64, shape (m, n)
        Weighted worth.
    steps : ndarray of float64, shape (s,)
        What the best counts, the second best and so on.
    price : ndarray of float64, shape (n, s)
        Price of each rank of each demand point.
    value : ndarray of float64, shape (m,)
        Output.
    """
    for site in range(len(worth)):
        total = 0.0
        row = worth[site]
        for point in range(len(row)):
            best = 0.0
            for rank in range(len(steps)):
                beyond = steps[rank] * row[point] - price[point, rank]
                best = max(best, beyond)
            total += best
        value[site] = total


@njit(cache=True, nogil=True)
def slope(
    worth: NDArray[np.float64],
    steps: NDArray[np.float64],
    price: NDArray[np.float64],
    units: NDArray[np.int64],
    result: NDArray[np.float64],
) -> None:
    """Compute how the bound falls with each price, the units being what they are.

    Parameters
    ----------
    worth : ndarray of float64, shape (m, n)
        Weighted worth.
    steps : ndarray of float64, shape (s,)
        What the best counts, the second best and so on.
    price : ndarray of float64, shape (n, s)
        Price of each rank of each demand point.
    units : ndarray of int64, shape (m,)
        The units that the prices choose.
    result : ndarray of float64, shape (n, s)
        Output: a subgradient.
    """
    result[:] = 1.0
    for site in range(len(worth)):
        if units[site] == 0:
            continue
        row = worth[site]
        for point in range(len(row)):
            best, rank_of_best = 0.0, -1
            for rank in range(len(steps)):
                beyond = steps[rank] * row[point] - price[point, rank]
                if beyond > best:
                    best, rank_of_best = beyond, rank
            if rank_of_best >= 0:
                result[point, rank_of_best] -= units[site]
