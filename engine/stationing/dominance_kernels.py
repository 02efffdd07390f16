"""Numba kernel that finds sites which other sites match everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray


@njit(cache=True)
def dominated(
    cost: NDArray[np.float64], by_demand: NDArray[np.float64], pivot: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Find sites that one other site matches or beats at every demand point.

    Parameters
    ----------
    cost : ndarray of float64, shape (sites, demand)
        Cost of service; at least one demand point.
    by_demand : ndarray of float64, shape (demand, sites)
        The same, transposed, so that it is read in the order of memory.
    pivot : ndarray of int64, shape (sites,)
        For each site a demand point at which few others match it; the fewer, the faster.

    Returns
    -------
    ndarray of bool, shape (sites,)
        Sites that are not needed; of equal ones the first is.
    """
    m, n = cost.shape
    result = np.zeros(m, dtype=np.bool_)
    for a in range(m):
        column = by_demand[pivot[a]]
        for b in range(m):
            if b == a or column[b] > column[a]:
                continue
            never_worse, better = True, False
            for i in range(n):
                if cost[b, i] > cost[a, i]:
                    never_worse = False
                    break
                better = better or cost[b, i] < cost[a, i]
            if never_worse and (better or b < a):
                result[a] = True
                break
    return result
