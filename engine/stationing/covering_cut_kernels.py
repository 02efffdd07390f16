"""Numba kernels that find odd cuts of a covering problem."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray


@njit(cache=True, nogil=True)
def _neighbours(
    ptr: NDArray[np.int64],
    sites: NDArray[np.int32],
    site_ptr: NDArray[np.int64],
    site_rows: NDArray[np.int32],
    units: NDArray[np.float64],
    least: float,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """List the groups before each that share some units with it, but not all."""
    rows = len(ptr) - 1
    shared, seen = np.zeros(rows), np.empty(rows, dtype=np.int64)
    start, found = np.zeros(rows + 1, dtype=np.int64), 0
    others, amount = np.empty(16 * rows, dtype=np.int64), np.empty(16 * rows)
    for a in range(rows):
        count = 0
        for j in sites[ptr[a] : ptr[a + 1]]:
            for b in site_rows[site_ptr[j] : site_ptr[j + 1]]:
                if b >= a:
                    break
                if shared[b] == 0.0:
                    seen[count] = b
                    count += 1
                shared[b] += units[j]
        if found + count > len(others):
            others = np.concatenate((others, np.empty(len(others) + count, dtype=np.int64)))
            amount = np.concatenate((amount, np.empty(len(amount) + count)))
        for b in np.sort(seen[:count]):
            if least <= shared[b] <= 1 - least:
                others[found], amount[found] = b, shared[b]
                found += 1
            shared[b] = 0.0
        start[a + 1] = found
    return start, others[:found].copy(), amount[:found].copy()


@njit(cache=True, nogil=True)
def broken_triples(  # noqa: C901, PLR0912, PLR0915 - one loop over shared state
    ptr: NDArray[np.int64],
    sites: NDArray[np.int32],
    site_ptr: NDArray[np.int64],
    site_rows: NDArray[np.int32],
    units: NDArray[np.float64],
    taken: NDArray[np.float64],
    factor: NDArray[np.float64],
    least: float,
    each: int,
    most_cells: int,
) -> tuple[NDArray[np.int64], NDArray[np.float64], int]:
    """Find triples of groups whose odd cut a fractional choice breaks.

    Parameters
    ----------
    ptr, sites, site_ptr, site_rows : ndarray
        The groups, by group and by site in use, ascending.
    units : ndarray of float64, shape (sites,)
        Units at each site, in parts, above zero.
    taken : ndarray of float64, shape (rows,)
        Part of each group that counts as covered.
    factor : ndarray of float64, shape (rows,)
        How much each group matters; a triple as much as the least of its groups.
    least : float
        By how much a cut must be broken.
    each : int
        Most triples for each group, those that matter most.
    most_cells : int
        About how much work to do: groups are looked at in turn, with those before them.

    Returns
    -------
    triples : ndarray of int64, shape (found, 3)
        Groups, descending in each.
    score : ndarray of float64, shape (found,)
        By how much each is broken, times how much it matters.
    cells : int
        Work done.
    """
    rows, cells = len(taken), 0
    total = np.zeros(rows)
    for a in range(rows):
        for j in sites[ptr[a] : ptr[a + 1]]:
            total[a] += units[j]
    spare = taken - total
    # Two groups of a cut that is broken by so much share as much, and not all but it.
    start, others, amount = _neighbours(ptr, sites, site_ptr, site_rows, units, least)
    in_a = np.zeros(len(units), dtype=np.bool_)
    in_both = np.zeros(len(units), dtype=np.bool_)
    triples, score = np.empty((rows * each, 3), dtype=np.int64), np.empty(rows * each)
    best, found = np.zeros((each, 2), dtype=np.int64), 0
    for a in range(rows):
        if cells > most_cells:
            break
        high, lowest = np.zeros(each), 0
        in_a[sites[ptr[a] : ptr[a + 1]]] = True
        for place in range(start[a], start[a + 1]):
            b, flagged = others[place], False
            # With m units of a triple's sites counted once, or twice where they cover
            # all three groups, what is missing follows from pairs but for the latter.
            pair = spare[a] + spare[b] + amount[place] - 1.0
            p, q = start[a], start[b]
            cells += 8
            while p < place and q < start[b + 1]:
                cells += 2
                if others[p] != others[q]:
                    if others[p] < others[q]:
                        p += 1
                    else:
                        q += 1
                    continue
                c = others[p]
                broken = pair + spare[c] + amount[p] + amount[q]
                matter = min(factor[a], factor[b], factor[c])
                # What two pairs share is in all three as far as their group has no room else.
                common = max(
                    0.0,
                    amount[place] + amount[p] - total[a],
                    amount[place] + amount[q] - total[b],
                    amount[p] + amount[q] - total[c],
                )
                p += 1
                q += 1
                most = broken - 2 * common
                if most <= least or most * matter <= high[lowest]:
                    continue
                cells += ptr[c + 1] - ptr[c]
                if not flagged:
                    flagged = True
                    cells += ptr[b + 1] - ptr[b]
                    for j in sites[ptr[b] : ptr[b + 1]]:
                        in_both[j] = in_a[j]
                for j in sites[ptr[c] : ptr[c + 1]]:
                    if in_both[j]:
                        broken -= 2 * units[j]
                if broken > least and broken * matter > high[lowest]:
                    high[lowest] = broken * matter
                    best[lowest, 0], best[lowest, 1] = b, c
                    lowest = int(np.argmin(high))
            if flagged:
                in_both[sites[ptr[b] : ptr[b + 1]]] = False
        in_a[sites[ptr[a] : ptr[a + 1]]] = False
        for place in range(each):
            if high[place] > 0:
                triples[found, 0] = a
                triples[found, 1:] = best[place]
                score[found] = high[place]
                found += 1
    return triples[:found].copy(), score[:found].copy(), cells
