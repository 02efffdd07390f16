"""Numba kernels of the Lagrangian bound on covering choices.

A price on each group's units parts the groups from the sites: a group takes units as
long as they gain more than their price, and the k units go to the sites whose groups
pay most. What both come to together is at least what any choice is worth, for any
prices (Galvão and ReVelle 1996, doi:10.1016/0377-2217(94)00159-6, for one unit a group).
Groups and sites are as in `covering_kernels`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

START_STEP = 1.0
_SHRINK = 0.85
_LAST_STEP = 2e-3
_PATIENCE = 30
_MEMORY = 0.85
_PROGRESS = 1e-5
_ROUNDING = 1e-11

# Positions in the state that `descend` goes on from.
BEST, STEP, STALL, DONE = range(4)


@njit(cache=True, nogil=True)
def _sift(heap: NDArray[np.int64], size: int, key: NDArray[np.float64]) -> None:
    """Let the first of a heap sink to its place; the lowest key is on top."""
    i, item = 0, heap[0]
    while True:
        child = 2 * i + 1
        if child >= size:
            break
        if child + 1 < size and key[heap[child + 1]] < key[heap[child]]:
            child += 1
        if key[heap[child]] >= key[item]:
            break
        heap[i] = heap[child]
        i = child
    heap[i] = item


@njit(cache=True, nogil=True)
def relax(  # noqa: C901, PLR0912 - a selection by heap
    site_ptr: NDArray[np.int64],
    site_rows: NDArray[np.int32],
    capacity: NDArray[np.int64],
    lower: NDArray[np.int64],
    k: int,
    price: NDArray[np.float64],
    score: NDArray[np.float64],
    units: NDArray[np.int64],
) -> tuple[float, float, float, int]:
    """Place k units at the sites whose groups pay most.

    Parameters
    ----------
    site_ptr, site_rows : ndarray
        Groups of each site.
    capacity, lower : ndarray of int64, shape (sites,)
        Most and fewest units at each site; k lies between their sums.
    k : int
        Units.
    price : ndarray of float64, shape (rows,)
        What each group pays for a unit.
    score : ndarray of float64, shape (sites,)
        Filled with what the groups of each site pay together.
    units : ndarray of int64, shape (sites,)
        Filled with the units.

    Returns
    -------
    total : float
        What is paid for all units.
    last_in : float
        Lowest score among units that might have gone elsewhere; inf if there are none.
    first_out : float
        Highest score among sites with room; -inf if there are none.
    cells : int
        Work done.
    """
    m = len(capacity)
    total, free, cells = 0.0, k, m
    heap, size, held, first_out = np.empty(m, dtype=np.int64), 0, 0, -np.inf
    for j in range(m):
        units[j] = lower[j]
        if capacity[j] == 0:
            score[j] = 0.0
            continue
        paid = 0.0
        for e in range(site_ptr[j], site_ptr[j + 1]):
            paid += price[site_rows[e]]
        cells += site_ptr[j + 1] - site_ptr[j]
        score[j] = paid
        total += paid * lower[j]
        free -= lower[j]
    if free > 0:
        for j in range(m):
            room = capacity[j] - lower[j]
            if room == 0:
                continue
            if held >= free and score[j] <= score[heap[0]]:
                first_out = max(first_out, score[j])
                continue
            i = size
            size += 1
            while i > 0 and score[heap[(i - 1) // 2]] > score[j]:
                heap[i] = heap[(i - 1) // 2]
                i = (i - 1) // 2
            heap[i] = j
            held += room
            while held - (capacity[heap[0]] - lower[heap[0]]) >= free:
                out = heap[0]
                first_out = max(first_out, score[out])
                held -= capacity[out] - lower[out]
                size -= 1
                heap[0] = heap[size]
                _sift(heap, size, score)
    else:
        for j in range(m):
            if capacity[j] > lower[j]:
                first_out = max(first_out, score[j])
    last_in = np.inf
    for i in range(size):
        j = heap[i]
        part = capacity[j] - lower[j]
        if i == 0 and held > free:
            part -= held - free
            first_out = max(first_out, score[j])
        units[j] += part
        total += part * score[j]
        if part > 0:
            last_in = min(last_in, score[j])
    return total, last_in, first_out, cells


@njit(cache=True, nogil=True)
def narrow(
    score: NDArray[np.float64],
    units: NDArray[np.int64],
    capacity: NDArray[np.int64],
    lower: NDArray[np.int64],
    last_in: float,
    first_out: float,
    slack: float,
) -> bool:
    """Narrow how many units a site has in any choice that loses less than `slack`.

    Parameters
    ----------
    score : ndarray of float64, shape (sites,)
        What is paid for a unit at each site.
    units : ndarray of int64, shape (sites,)
        Units at each site where all of them pay most.
    capacity, lower : ndarray of int64, shape (sites,)
        Most and fewest units at each site; updated.
    last_in, first_out : float
        As `relax` returns them.
    slack : float
        Distance of the bound and what a choice must be worth.

    Returns
    -------
    bool
        Whether anything changed.
    """
    changed = False
    for j in range(len(units)):
        # Units beyond those placed displace others that pay at least `last_in`.
        distance = last_in - score[j]
        if (
            units[j] < capacity[j]
            and distance > 0.0
            and distance * (capacity[j] - units[j]) > slack
        ):
            capacity[j] = units[j] + np.int64(slack / distance)
            changed = True
        # Units taken away go where at most `first_out` is paid.
        distance = score[j] - first_out
        if units[j] > lower[j] and distance > 0.0 and distance * (units[j] - lower[j]) > slack:
            lower[j] = units[j] - np.int64(slack / distance)
            changed = True
    return changed


@njit(cache=True, nogil=True)
def descend(  # noqa: C901, PLR0912, PLR0915 - one loop over shared state
    site_ptr: NDArray[np.int64],
    site_rows: NDArray[np.int32],
    weight: NDArray[np.float64],
    have: NDArray[np.int64],
    theta: NDArray[np.float64],
    levels: int,
    capacity: NDArray[np.int64],
    lower: NDArray[np.int64],
    k: int,
    base: float,
    price: NDArray[np.float64],
    best_price: NDArray[np.float64],
    direction: NDArray[np.float64],
    state: NDArray[np.float64],
    incumbent: NDArray[np.int64],
    best: NDArray[np.float64],
    least: float,
    steps: int,
    most_cells: int,
) -> int:
    """Lower the bound by subgradient steps and narrow the units of sites on the way.

    Parameters
    ----------
    site_ptr, site_rows : ndarray
        Groups of each site.
    weight : ndarray of float64, shape (rows,)
        Weight of each group.
    have : ndarray of int64, shape (rows,)
        Units that cover each group in every choice.
    theta : ndarray of float64
        Gain by each further unit, from 1 on; as many as there may be units, and two more.
    levels : int
        How many of these are above zero.
    capacity, lower : ndarray of int64, shape (sites,)
        Most and fewest units at each site; updated with what holds for all choices
        better than the best one known.
    k : int
        Units.
    base : float
        Value that every choice has.
    price, best_price : ndarray of float64, shape (rows,)
        Prices now and those of the lowest bound; updated.
    direction : ndarray of float64, shape (rows,)
        Last step's direction; zero at first.
    state : ndarray of float64, shape (4,)
        Lowest bound (inf at first, -inf when no better choice is left), step length,
        steps without progress, 1 when finished; updated, so that a call goes on where
        the last one stopped.
    incumbent : ndarray of int64, shape (sites,)
        Best choice known; updated.
    best : ndarray of float64, shape (1,)
        Its value; updated.
    least : float
        A choice must be worth more by this much to count as better.
    steps, most_cells : int
        At most so many steps and about so much work.

    Returns
    -------
    int
        Work done.
    """
    m, rows = len(capacity), len(weight)
    score, units = np.empty(m), np.empty(m, dtype=np.int64)
    count = np.empty(rows, dtype=np.int64)
    cells = 0
    for _ in range(steps):
        if cells > most_cells:
            break
        if lower.sum() > k or capacity.sum() < k:
            state[BEST], state[DONE] = -np.inf, 1
            break
        paid, last_in, first_out, more = relax(
            site_ptr, site_rows, capacity, lower, k, price, score, units
        )
        cells += more + 6 * rows
        count[:] = have
        for j in range(m):
            if units[j]:
                cells += site_ptr[j + 1] - site_ptr[j]
                for e in range(site_ptr[j], site_ptr[j + 1]):
                    count[site_rows[e]] += units[j]
        bound, value, norm = base + paid, base, 0.0
        for g in range(rows):
            w, p = weight[g], price[g]
            taken = have[g]
            while taken < levels and w * theta[taken + 1] > p:
                taken += 1
                bound += w * theta[taken] - p
            for c in range(have[g], min(count[g], levels)):
                value += w * theta[c + 1]
            # Of several numbers of units that suit a group the one nearest to the sites'.
            while taken < min(count[g], levels) and w * theta[taken + 1] >= p:
                taken += 1
            slope = float(count[g] - taken)
            if slope > 0.0 and p <= 0.0:
                slope = 0.0
            direction[g] = _MEMORY * direction[g] + slope
            norm += direction[g] * direction[g]
        bound += _ROUNDING * abs(bound)
        if value > best[0]:
            best[0] = value
            incumbent[:] = units
        state[STALL] += 1
        if bound < state[BEST]:
            if bound < state[BEST] - _PROGRESS * abs(bound):
                state[STALL] = 0
            state[BEST] = bound
            best_price[:] = price
        if state[BEST] < best[0] + least:
            state[BEST], state[DONE] = -np.inf, 1
            break
        if norm == 0.0:
            state[DONE] = 1
            break
        narrow(score, units, capacity, lower, last_in, first_out, bound - best[0] - least)
        if state[STALL] >= _PATIENCE:
            state[STALL] = 0
            state[STEP] *= _SHRINK
            if state[STEP] < _LAST_STEP:
                state[DONE] = 1
                break
            price[:] = best_price
            direction[:] = 0.0
            continue
        length = state[STEP] * (bound - best[0]) / norm
        for g in range(rows):
            highest = weight[g] * theta[have[g] + 1]
            price[g] = min(max(0.0, price[g] - length * direction[g]), highest)
    return cells
