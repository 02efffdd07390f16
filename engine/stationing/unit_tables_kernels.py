"""Units at sites of which only so many may hold any, from a table of what they are worth.

Each site has a table of what 0, 1, 2 ... units there are worth together. How many go
where is then decided by dynamic programming over the sites, a multiple-choice knapsack
(Sinha and Zoltners 1979, doi:10.1287/opre.27.3.503) whose weights are units and
stations. Functions on arrays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray


@njit(cache=True, nogil=True)
def _ranks_beyond(
    worth: float,
    steps: NDArray[np.float64],
    price: NDArray[np.float64],
    few: int,
    beyond: NDArray[np.float64],
    ranks: NDArray[np.int64],
) -> int:
    """Find the ranks of which a unit is worth most beyond their prices, the best first."""
    count = 0
    for rank in range(len(steps)):
        value = steps[rank] * worth - price[rank]
        if value <= 0.0 or (count == few and value <= beyond[few - 1]):
            continue
        place = min(count, few - 1)
        while place > 0 and beyond[place - 1] < value:
            beyond[place] = beyond[place - 1]
            ranks[place] = ranks[place - 1]
            place -= 1
        beyond[place] = value
        ranks[place] = rank
        count = min(count + 1, few)
    return count


@njit(cache=True, nogil=True)
def unit_tables(
    worth: NDArray[np.float64],
    steps: NDArray[np.float64],
    price: NDArray[np.float64],
    capacity: NDArray[np.int64],
    table: NDArray[np.float64],
) -> int:
    """Compute what units at each site are worth beyond the prices of ranks.

    Units at one site take ranks of a demand point that differ, so each of them adds at
    most what the one before did.

    Parameters
    ----------
    worth : ndarray of float64, shape (m, n)
        Weighted worth.
    steps : ndarray of float64, shape (s,)
        What the best counts, the second best and so on.
    price : ndarray of float64, shape (n, s)
        Price of each rank of each demand point.
    capacity : ndarray of int64, shape (m,)
        Most units at each site; nothing is computed where it is zero.
    table : ndarray of float64, shape (m, most + 1)
        Output: what 0, 1, 2 ... units are worth; nothing more beyond the capacity.

    Returns
    -------
    int
        How many ranks were looked at.
    """
    most = table.shape[1] - 1
    depth = max(1, min(most, len(steps)))
    beyond = np.zeros(depth)
    ranks = np.zeros(depth, np.int64)
    looked = 0
    table[:] = 0.0
    for site in range(len(worth)):
        few = min(capacity[site], depth)
        if few == 0:
            continue
        looked += worth.shape[1] * len(steps)
        row = table[site]
        for point in range(worth.shape[1]):
            if worth[site, point] == 0.0:
                continue
            count = _ranks_beyond(worth[site, point], steps, price[point], few, beyond, ranks)
            for place in range(count):
                row[place + 1] += beyond[place]
        for place in range(most):
            row[place + 1] += row[place]
    return looked


@njit(cache=True, nogil=True)
def ranks_left(
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
        Output: one less the units that take each rank, a subgradient.
    """
    beyond = np.zeros(len(steps))
    ranks = np.zeros(len(steps), np.int64)
    result[:] = 1.0
    for site in range(len(worth)):
        few = min(units[site], len(steps))
        if few == 0:
            continue
        for point in range(worth.shape[1]):
            count = _ranks_beyond(worth[site, point], steps, price[point], few, beyond, ranks)
            for place in range(count):
                result[point, ranks[place]] -= 1.0


@njit(cache=True, nogil=True)
def _add_site(
    row: NDArray[np.float64],
    fewest: int,
    most: int,
    counts: bool,
    before: NDArray[np.float64],
    after: NDArray[np.float64],
) -> None:
    """Extend the best totals by stations and units by one more site."""
    stations, units = before.shape
    after[:] = -np.inf
    for held in range(fewest, min(most, units - 1) + 1):
        house = 1 if counts and held > 0 else 0
        for station in range(house, stations):
            for unit in range(held, units):
                total = before[station - house, unit - held] + row[held]
                after[station, unit] = max(after[station, unit], total)


@njit(cache=True, nogil=True)
def best_totals(
    table: NDArray[np.float64],
    fewest: NDArray[np.int64],
    most: NDArray[np.int64],
    counts: NDArray[np.bool_],
    totals: NDArray[np.float64],
) -> None:
    """Compute the most that the first sites are worth, by stations and units.

    Parameters
    ----------
    table : ndarray of float64, shape (m, c)
        What 0, 1, 2 ... units at each site are worth.
    fewest, most : ndarray of int64, shape (m,)
        Fewest and most units at each, below c.
    counts : ndarray of bool, shape (m,)
        Sites that count as a station where they hold a unit; others are open anyway.
    totals : ndarray of float64, shape (m + 1, stations + 1, units + 1)
        Output: the most that the sites before each one are worth with at most so many
        stations and just so many units; minus infinity where there is no such choice.
    """
    totals[0] = -np.inf
    totals[0, :, 0] = 0.0
    for site in range(len(table)):
        _add_site(
            table[site], fewest[site], most[site], counts[site], totals[site], totals[site + 1]
        )


@njit(cache=True, nogil=True)
def best_units(
    table: NDArray[np.float64],
    fewest: NDArray[np.int64],
    most: NDArray[np.int64],
    counts: NDArray[np.bool_],
    totals: NDArray[np.float64],
    units: NDArray[np.int64],
) -> None:
    """Read the units of the best choice off its totals.

    Parameters
    ----------
    table : ndarray of float64, shape (m, c)
        What 0, 1, 2 ... units at each site are worth.
    fewest, most : ndarray of int64, shape (m,)
        Fewest and most units at each, below c.
    counts : ndarray of bool, shape (m,)
        Sites that count as a station where they hold a unit.
    totals : ndarray of float64, shape (m + 1, stations + 1, units + 1)
        What `best_totals` put out; there is a choice.
    units : ndarray of int64, shape (m,)
        Output: units at each site, the fewest of those that are equally good.
    """
    station, unit = totals.shape[1] - 1, totals.shape[2] - 1
    for site in range(len(table) - 1, -1, -1):
        for held in range(fewest[site], min(most[site], unit) + 1):
            house = 1 if counts[site] and held > 0 else 0
            if house > station:
                continue
            total = totals[site, station - house, unit - held] + table[site, held]
            if total == totals[site + 1, station, unit]:
                units[site] = held
                station -= house
                unit -= held
                break


@njit(cache=True, nogil=True)
def narrow_limits(
    table: NDArray[np.float64],
    fewest: NDArray[np.int64],
    most: NDArray[np.int64],
    counts: NDArray[np.bool_],
    totals: NDArray[np.float64],
    least: float,
) -> None:
    """Narrow what sites may hold to what is in some choice worth at least so much.

    Parameters
    ----------
    table : ndarray of float64, shape (m, c)
        What 0, 1, 2 ... units at each site are worth.
    fewest, most : ndarray of int64, shape (m,)
        Fewest and most units at each, below c; narrowed in place.
    counts : ndarray of bool, shape (m,)
        Sites that count as a station where they hold a unit.
    totals : ndarray of float64, shape (m + 1, stations + 1, units + 1)
        What `best_totals` put out.
    least : float
        Choices worth less do not matter; some choice is worth as much.
    """
    stations, units = totals.shape[1] - 1, totals.shape[2] - 1
    behind = np.full((stations + 1, units + 1), -np.inf)
    behind[:, 0] = 0.0
    before = np.empty_like(behind)
    for site in range(len(table) - 1, -1, -1):
        old_fewest, old_most = fewest[site], min(most[site], units)
        low, high = -1, -1
        for held in range(old_fewest, old_most + 1):
            house = 1 if counts[site] and held > 0 else 0
            best = -np.inf
            for station in range(stations - house + 1):
                for unit in range(units - held + 1):
                    ahead = totals[site, station, unit]
                    rest = behind[stations - house - station, units - held - unit]
                    best = max(best, ahead + rest)
            if best + table[site, held] >= least:
                low = held if low < 0 else low
                high = held
        before[:] = behind
        _add_site(table[site], old_fewest, old_most, counts[site], before, behind)
        if low >= 0:
            fewest[site], most[site] = low, high
