"""Numba kernels of the local search for covering: units move between sites.

Groups and sites are as in `covering_kernels`. With `count` units at a group, one more
gains ``weight * theta[count + 1]`` and one less loses ``weight * theta[count]``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

_TAKES = 12
_TAKES_BACK = 4


@njit(cache=True, nogil=True)
def counted(
    site_ptr: NDArray[np.int64],
    site_rows: NDArray[np.int32],
    have: NDArray[np.int64],
    units: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Count the units at each group.

    Parameters
    ----------
    site_ptr, site_rows : ndarray
        Groups of each site.
    have : ndarray of int64, shape (rows,)
        Units that cover each group in every choice.
    units : ndarray of int64, shape (sites,)
        Units at each site.

    Returns
    -------
    ndarray of int64, shape (rows,)
        The sums.
    """
    count = have.copy()
    for j in range(len(units)):
        if units[j]:
            for e in range(site_ptr[j], site_ptr[j + 1]):
                count[site_rows[e]] += units[j]
    return count


@njit(cache=True, nogil=True)
def gained(
    weight: NDArray[np.float64],
    have: NDArray[np.int64],
    theta: NDArray[np.float64],
    count: NDArray[np.int64],
) -> float:
    """Sum up what units gain beyond those of every choice.

    Parameters
    ----------
    weight : ndarray of float64, shape (rows,)
        Weight of each group.
    have : ndarray of int64, shape (rows,)
        Units that cover each group in every choice.
    theta : ndarray of float64
        Gain by each further unit, from 1 on.
    count : ndarray of int64, shape (rows,)
        Units that cover each group in this choice.

    Returns
    -------
    float
        The sum.
    """
    value = 0.0
    for g in range(len(weight)):
        for c in range(have[g], count[g]):
            value += weight[g] * theta[c + 1]
    return value


@njit(cache=True, nogil=True)
def _gains(
    site_ptr: NDArray[np.int64],
    site_rows: NDArray[np.int32],
    weight: NDArray[np.float64],
    theta: NDArray[np.float64],
    count: NDArray[np.int64],
) -> NDArray[np.float64]:
    worth = weight * theta[count + 1]
    gain = np.zeros(len(site_ptr) - 1)
    for j in range(len(gain)):
        total = 0.0
        for e in range(site_ptr[j], site_ptr[j + 1]):
            total += worth[site_rows[e]]
        gain[j] = total
    return gain


@njit(cache=True, nogil=True)
def greedy(
    ptr: NDArray[np.int64],
    sites: NDArray[np.int32],
    site_ptr: NDArray[np.int64],
    site_rows: NDArray[np.int32],
    weight: NDArray[np.float64],
    have: NDArray[np.int64],
    theta: NDArray[np.float64],
    capacity: NDArray[np.int64],
    units: NDArray[np.int64],
    k: int,
) -> int:
    """Add the unit that gains most, until there are k.

    Parameters
    ----------
    ptr, sites, site_ptr, site_rows : ndarray
        The groups, by group and by site.
    weight : ndarray of float64, shape (rows,)
        Weight of each group.
    have : ndarray of int64, shape (rows,)
        Units that cover each group in every choice.
    theta : ndarray of float64
        Gain by each further unit, from 1 on; as many as there may be units, and two more.
    capacity : ndarray of int64, shape (sites,)
        Units that each site can hold, k or more in all.
    units : ndarray of int64, shape (sites,)
        Units at each site to begin with; updated. Ties go to the lowest site.
    k : int
        Units in the end.

    Returns
    -------
    int
        How many entries were looked at.
    """
    count = counted(site_ptr, site_rows, have, units)
    gain = _gains(site_ptr, site_rows, weight, theta, count)
    cells = len(sites)
    for _ in range(k - units.sum()):
        best = -1
        for j in range(len(units)):
            if units[j] < capacity[j] and (best < 0 or gain[j] > gain[best]):
                best = j
        units[best] += 1
        cells += len(units)
        for e in range(site_ptr[best], site_ptr[best + 1]):
            g = site_rows[e]
            count[g] += 1
            change = weight[g] * (theta[count[g] + 1] - theta[count[g]])
            if change != 0.0:
                cells += ptr[g + 1] - ptr[g]
                for f in range(ptr[g], ptr[g + 1]):
                    gain[sites[f]] += change
    return cells


@njit(cache=True, nogil=True)
def draw(state: NDArray[np.uint64], below: int) -> int:
    """Draw a number below a limit (xorshift of Marsaglia 2003, doi:10.18637/jss.v008.i14).

    Parameters
    ----------
    state : ndarray of uint64, shape (1,)
        State of the random numbers, not zero; updated.
    below : int
        The limit; 2**32 at most.

    Returns
    -------
    int
        The number.
    """
    x = state[0]
    x ^= x << np.uint64(13)
    x ^= x >> np.uint64(7)
    x ^= x << np.uint64(17)
    state[0] = x
    return int(np.int64(((x >> np.uint64(32)) * np.uint64(below)) >> np.uint64(32)))


# Lets the loop run on vectors; what is added is never NaN.
@njit(cache=True, nogil=True, fastmath={"nnan", "nsz", "reassoc"})
def _highest(gain: NDArray[np.float64], more: NDArray[np.float64]) -> float:
    highest = -np.inf
    for j in range(len(gain)):
        highest = max(highest, gain[j] + more[j])
    return highest


@njit(cache=True, nogil=True)
def _shift(
    row: NDArray[np.int32],
    slot: NDArray[np.int64],
    gain: NDArray[np.float64],
    loss: NDArray[np.float64],
    both: NDArray[np.float64],
    gained: float,
    lost: float,
    shared: float,
) -> int:
    """Change what a group adds to gains, losses and pairs, as its number of units changes."""
    cells = 0
    if gained != 0.0:
        cells += len(row)
        for j in row:
            gain[j] += gained
    if lost != 0.0 or shared != 0.0:
        cells += len(row)
        for i in row:
            s = slot[i]
            if s >= 0:
                loss[s] += lost
                if shared != 0.0:
                    cells += len(row)
                    for j in row:
                        both[s, j] += shared
    return cells


@njit(cache=True, nogil=True)
def tabu(  # noqa: C901, PLR0912, PLR0915 - one loop over shared state
    ptr: NDArray[np.int64],
    sites: NDArray[np.int32],
    site_ptr: NDArray[np.int64],
    site_rows: NDArray[np.int32],
    weight: NDArray[np.float64],
    have: NDArray[np.int64],
    theta: NDArray[np.float64],
    capacity: NDArray[np.int64],
    units: NDArray[np.int64],
    best_units: NDArray[np.int64],
    best: NDArray[np.float64],
    least: float,
    patience: int,
    random: NDArray[np.uint64],
    most_cells: int,
) -> tuple[int, bool]:
    """Move one unit at a time, each time the best move that is not forbidden.

    A site that gave a unit takes none for some moves, one that took a unit gives none
    (Glover 1989, doi:10.1287/ijoc.1.3.190). What every pair of a giving and a taking
    site is worth is kept up to date instead of computed anew (Resende and Werneck 2007,
    doi:10.1016/j.ejor.2005.10.017).

    Parameters
    ----------
    ptr, sites, site_ptr, site_rows : ndarray
        The groups, by group and by site.
    weight : ndarray of float64, shape (rows,)
        Weight of each group.
    have : ndarray of int64, shape (rows,)
        Units that cover each group in every choice.
    theta : ndarray of float64
        Gain by each further unit, from 1 on; as many as there may be units, and two more.
    capacity : ndarray of int64, shape (sites,)
        Units that each site can hold.
    units : ndarray of int64, shape (sites,)
        Units at each site; updated.
    best_units : ndarray of int64, shape (sites,)
        The best choice known; updated.
    best : ndarray of float64, shape (1,)
        Its value; updated.
    least : float
        Smallest improvement that counts.
    patience : int
        Stop after so many moves without one.
    random : ndarray of uint64, shape (1,)
        State of the random numbers, not zero; updated.
    most_cells : int
        How much work to do at most, about.

    Returns
    -------
    cells : int
        Work done.
    finished : bool
        Whether patience ran out, or no move is left.
    """
    m = len(units)
    placed = np.flatnonzero(units)
    slots = len(placed)
    # Moves never need more slots than there are units.
    chosen = np.empty(units.sum() + 1, dtype=np.int64)
    chosen[:slots] = placed
    slot = np.full(m, -1, dtype=np.int64)
    slot[placed] = np.arange(slots)
    loss, both = np.zeros(len(chosen)), np.zeros((len(chosen), m))
    count = counted(site_ptr, site_rows, have, units)
    gain = _gains(site_ptr, site_rows, weight, theta, count)
    value = gained(weight, have, theta, count)
    cells = 2 * len(sites) + len(chosen) * m
    for s in range(slots):
        for e in range(site_ptr[chosen[s]], site_ptr[chosen[s] + 1]):
            g = site_rows[e]
            loss[s] += weight[g] * theta[count[g]]
            shared = weight[g] * (theta[count[g]] - theta[count[g] + 1])
            if shared != 0.0:
                cells += ptr[g + 1] - ptr[g]
                for f in range(ptr[g], ptr[g + 1]):
                    both[s, sites[f]] += shared
    takes_again, gives_again = np.zeros(m, dtype=np.int64), np.zeros(m, dtype=np.int64)
    open_gain = np.empty(m)
    move = in_vain = 0
    while cells < most_cells:
        if value > best[0] + least:
            best[0] = value
            best_units[:] = units
            in_vain = 0
        if in_vain >= patience:
            return cells, True
        for j in range(m):
            free = units[j] < capacity[j] and takes_again[j] <= move
            open_gain[j] = gain[j] if free else -np.inf
        giver, delta = -1, -np.inf
        for s in range(slots):
            if gives_again[chosen[s]] > move:
                continue
            # A site's own unit back again is no move.
            own = open_gain[chosen[s]]
            open_gain[chosen[s]] = -np.inf
            change = _highest(open_gain, both[s]) - loss[s]
            open_gain[chosen[s]] = own
            if change > delta:
                giver, delta = s, change
        cells += (slots * m) // 4 + m
        move += 1
        in_vain += 1
        if giver < 0:
            if not (takes_again > move).any() and not (gives_again > move).any():
                return cells, True
            continue
        a = chosen[giver]
        taker, highest = -1, -np.inf
        for j in range(m):
            if j != a and open_gain[j] + both[giver, j] > highest:
                taker, highest = j, open_gain[j] + both[giver, j]
        value += delta
        units[a] -= 1
        if units[a] == 0:
            slots -= 1
            slot[a] = -1
            if giver != slots:
                chosen[giver], loss[giver] = chosen[slots], loss[slots]
                both[giver] = both[slots]
                slot[chosen[giver]] = giver
        for e in range(site_ptr[a], site_ptr[a + 1]):
            g = site_rows[e]
            c, w = count[g], weight[g]
            count[g] = c - 1
            cells += _shift(
                sites[ptr[g] : ptr[g + 1]],
                slot,
                gain,
                loss,
                both,
                w * (theta[c] - theta[c + 1]),
                w * (theta[c - 1] - theta[c]) if c > 1 else 0.0,
                w * (theta[c - 1] - 2 * theta[c] + theta[c + 1]) if c > 1 else 0.0,
            )
        for e in range(site_ptr[taker], site_ptr[taker + 1]):
            g = site_rows[e]
            c, w = count[g], weight[g]
            count[g] = c + 1
            cells += _shift(
                sites[ptr[g] : ptr[g + 1]],
                slot,
                gain,
                loss,
                both,
                w * (theta[c + 2] - theta[c + 1]),
                w * (theta[c + 1] - theta[c]) if c > 0 else 0.0,
                w * (2 * theta[c + 1] - theta[c] - theta[c + 2]) if c > 0 else 0.0,
            )
        units[taker] += 1
        if slot[taker] < 0:
            slot[taker], chosen[slots] = slots, taker
            loss[slots] = 0.0
            both[slots] = 0.0
            for e in range(site_ptr[taker], site_ptr[taker + 1]):
                g = site_rows[e]
                loss[slots] += weight[g] * theta[count[g]]
                shared = weight[g] * (theta[count[g]] - theta[count[g] + 1])
                if shared != 0.0:
                    cells += ptr[g + 1] - ptr[g]
                    for f in range(ptr[g], ptr[g + 1]):
                        both[slots, sites[f]] += shared
            slots += 1
        takes_again[a] = move + 1 + draw(random, 1 + min(_TAKES, m // 4))
        gives_again[taker] = move + draw(random, 1 + min(_TAKES_BACK, slots // 2))
    return cells, False
