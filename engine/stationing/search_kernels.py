"""Numba kernels of the local search: costs in, rows of open sites out.

All take ``cost`` of shape (sites, demand), finite and zero or more: what a demand
point costs where that site serves it. A demand point is served by its cheapest site.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray


@njit(cache=True)
def serve(
    cost: NDArray[np.float64],
    chosen: NDArray[np.int64],
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    owner: NDArray[np.int64],
) -> float:
    """Find the cheapest and the second cheapest open site of each demand point.

    Parameters
    ----------
    cost : ndarray of float64, shape (sites, demand)
        Cost of service.
    chosen : ndarray of int64, shape (k,)
        Open sites.
    first, second : ndarray of float64, shape (demand,)
        Filled with the two lowest costs; ``inf`` where there is no second site.
    owner : ndarray of int64, shape (demand,)
        Filled with the position in `chosen` of the cheapest site.

    Returns
    -------
    float
        Sum of the lowest costs.
    """
    first[:] = np.inf
    second[:] = np.inf
    owner[:] = 0
    for position in range(len(chosen)):
        row = cost[chosen[position]]
        for i in range(len(first)):
            value = row[i]
            if value < first[i]:
                second[i] = first[i]
                first[i] = value
                owner[i] = position
            elif value < second[i]:
                second[i] = value
    total: float = first.sum()
    return total


@njit(cache=True)
def greedy(cost: NDArray[np.float64], k: int) -> tuple[NDArray[np.int64], int]:
    """Open the site that saves most, k times.

    Savings are computed anew only where they may be the greatest (Minoux 1978,
    doi:10.1007/BFb0006528).

    Parameters
    ----------
    cost : ndarray of float64, shape (sites, demand)
        Cost of service.
    k : int
        How many, at most all.

    Returns
    -------
    chosen : ndarray of int64, shape (k,)
        The sites in the order of opening; ties go to the lowest row.
    cells : int
        How many costs were looked at.
    """
    m, n = cost.shape
    chosen = np.empty(k, dtype=np.int64)
    current = np.zeros(n)
    for j in range(m):
        for i in range(n):
            current[i] = max(current[i], cost[j, i])
    # What a site saves never rises as others open, so an old figure bounds it from above.
    saving, fresh = np.full(m, np.inf), np.full(m, -1)
    cells = m * n
    for position in range(k):
        best = np.argmax(saving)
        while fresh[best] < position:
            total = 0.0
            for i in range(n):
                total += max(0.0, current[i] - cost[best, i])
            saving[best], fresh[best] = total, position
            cells += n + m
            best = np.argmax(saving)
        chosen[position] = best
        saving[best] = -np.inf
        for i in range(n):
            current[i] = min(current[i], cost[best, i])
    return chosen, cells


@njit(cache=True)
def interchange(
    cost: NDArray[np.float64], chosen: NDArray[np.int64], least: float
) -> tuple[float, int]:
    """Swap open for closed sites until no swap helps.

    The vertex substitution of Teitz and Bart (1968, doi:10.1287/opre.16.5.955) as
    Whitaker evaluates it (1983, doi:10.1080/03155986.1983.11731889): one pass over the
    demand gives a candidate's gain and the loss by each site that it could replace.

    Parameters
    ----------
    cost : ndarray of float64, shape (sites, demand)
        Cost of service.
    chosen : ndarray of int64, shape (k,)
        Open sites; changed in place.
    least : float
        Smallest saving that counts, above zero, so that rounding cannot cycle.

    Returns
    -------
    total : float
        Cost of the sites chosen.
    cells : int
        How many costs were looked at.
    """
    m, n = cost.shape
    k = len(chosen)
    first, second = np.empty(n), np.empty(n)
    owner = np.empty(n, dtype=np.int64)
    total = serve(cost, chosen, first, second, owner)
    is_open = np.zeros(m, dtype=np.bool_)
    is_open[chosen] = True
    loss = np.empty(k)
    cells, in_vain, site = k * n, 0, 0
    while in_vain < m:
        if not is_open[site]:
            cells += n
            loss[:] = 0.0
            gain = 0.0
            row = cost[site]
            for i in range(n):
                value = row[i]
                if value < first[i]:
                    gain += first[i] - value
                else:
                    loss[owner[i]] += min(second[i], value) - first[i]
            leaving = np.argmin(loss)
            if gain - loss[leaving] > least:
                is_open[chosen[leaving]] = False
                is_open[site] = True
                chosen[leaving] = site
                total = serve(cost, chosen, first, second, owner)
                cells += k * n
                in_vain = 0
        site = (site + 1) % m
        in_vain += 1
    return total, cells
