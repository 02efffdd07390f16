"""Numba kernel of annealing for covering: units lifted and put down elsewhere.

Groups and sites are as in `covering_kernels`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from engine.stationing.covering_search_kernels import counted, draw, gained

if TYPE_CHECKING:
    from numpy.typing import NDArray

_WAYS = 10
_LIFTED = 8
"""Kinds of moves, one of them anywhere, and tries of a lifted unit."""

_FINE = 2**31
_CELLS_A_TRY = 25
_CELLS_OF_A_LIFT = 2
"""Work of a try beside the groups looked at, and of a lift for each group; measured."""


@njit(cache=True, nogil=True)
def _paid(rows: NDArray[np.int32], worth: NDArray[np.float64]) -> float:
    """Sum up what the groups of a site are worth: four sums, to wait less for each."""
    a = b = c = d = 0.0
    whole = len(rows) & ~3
    for e in range(0, whole, 4):
        a += worth[rows[e]]
        b += worth[rows[e + 1]]
        c += worth[rows[e + 2]]
        d += worth[rows[e + 3]]
    for e in range(whole, len(rows)):
        a += worth[rows[e]]
    return (a + b) + (c + d)


@njit(cache=True, nogil=True)
def _beside(
    ptr: NDArray[np.int64],
    sites: NDArray[np.int32],
    site_ptr: NDArray[np.int64],
    site_rows: NDArray[np.int32],
    site: int,
    random: NDArray[np.uint64],
) -> int:
    """Draw a site that covers a group of another one."""
    start = site_ptr[site]
    g = site_rows[start + draw(random, site_ptr[site + 1] - start)]
    return int(sites[ptr[g] + draw(random, ptr[g + 1] - ptr[g])])


@njit(cache=True, nogil=True)
def anneal(  # noqa: C901, PLR0912, PLR0915 - one loop over shared state
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
    heat: NDArray[np.float64],
    cooling: float,
    tries: int,
    random: NDArray[np.uint64],
    most_cells: int,
) -> tuple[int, int]:
    """Move units by chance, losses ever less likely accepted as it cools.

    Simulated annealing (Kirkpatrick, Gelatt and Vecchi 1983,
    doi:10.1126/science.220.4598.671). A unit is lifted and tries some sites before it is
    put down, so that what a site is worth to it is a sum over the site's groups. Most
    moves go to a site that covers a group of the unit's own site, or a group of such a
    site.

    Parameters
    ----------
    ptr, sites, site_ptr, site_rows : ndarray
        The groups, by group and by site; no site is without a group.
    weight : ndarray of float64, shape (rows,)
        Weight of each group.
    have : ndarray of int64, shape (rows,)
        Units that cover each group in every choice.
    theta : ndarray of float64
        Gain by each further unit, from 1 on; as many as there may be units, and two more.
    capacity : ndarray of int64, shape (sites,)
        Units that each site can hold.
    units : ndarray of int64, shape (sites,)
        Units at each site, one or more in all; updated.
    best_units : ndarray of int64, shape (sites,)
        The best choice known; updated.
    best : ndarray of float64, shape (1,)
        Its value; updated.
    least : float
        Smallest improvement that counts.
    heat : ndarray of float64, shape (1,)
        Loss that one move in e still accepts, above zero; updated.
    cooling : float
        Factor on it after each try.
    tries : int
        Moves to try.
    random : ndarray of uint64, shape (1,)
        State of the random numbers, not zero; updated.
    most_cells : int
        About how much work to do.

    Returns
    -------
    tries : int
        How many are left.
    cells : int
        Work done.
    """
    m = len(units)
    count = counted(site_ptr, site_rows, have, units)
    value, highest = gained(weight, have, theta, count), weight * theta[have + 1]
    # What a site is worth at most is found when it is tried: of many, most never are.
    worth, most = weight * theta[count + 1], np.full(m, -1.0)
    stand, filled = np.empty(units.sum(), dtype=np.int64), 0
    for j in range(m):
        stand[filled : filled + units[j]] = j
        filled += units[j]
    cells = len(weight) + m
    # What it takes to begin is not of what may be done: each call gets somewhere.
    most_cells += cells
    while tries > 0 and cells < most_cells:
        i = draw(random, len(stand))
        at = stand[i]
        units[at] -= 1
        for g in site_rows[site_ptr[at] : site_ptr[at + 1]]:
            count[g] -= 1
            worth[g] = weight[g] * theta[count[g] + 1]
        paid = _paid(site_rows[site_ptr[at] : site_ptr[at + 1]], worth)
        cells += _CELLS_OF_A_LIFT * (site_ptr[at + 1] - site_ptr[at])
        value -= paid
        for _ in range(min(_LIFTED, tries)):
            tries -= 1
            heat[0] *= cooling
            cells += _CELLS_A_TRY
            b, way = at, draw(random, _WAYS)
            if way == 0:
                b = draw(random, m)
            else:
                b = _beside(ptr, sites, site_ptr, site_rows, b, random)
                if way > _WAYS // 2:
                    b = _beside(ptr, sites, site_ptr, site_rows, b, random)
            if b == at or units[b] >= capacity[b]:
                continue
            # Never zero: the least is half a step of the fine draw.
            bar = paid + heat[0] * np.log((draw(random, _FINE) + 0.5) / _FINE)
            if most[b] < 0.0:
                most[b] = _paid(site_rows[site_ptr[b] : site_ptr[b + 1]], highest)
                cells += (site_ptr[b + 1] - site_ptr[b]) // 2
            if most[b] < bar:
                continue
            cells += (site_ptr[b + 1] - site_ptr[b]) // 2
            there = _paid(site_rows[site_ptr[b] : site_ptr[b + 1]], worth)
            if there < bar:
                continue
            at, paid = b, there
            if value + paid > best[0] + least:
                best[0] = value + paid
                best_units[:] = units
                best_units[at] += 1
        units[at] += 1
        stand[i] = at
        value += paid
        for g in site_rows[site_ptr[at] : site_ptr[at + 1]]:
            count[g] += 1
            worth[g] = weight[g] * theta[count[g] + 1]
    return tries, cells
