"""Numba kernels that make a covering problem smaller.

Groups of demand and the sites that cover them are a sparse matrix, kept by group
(``ptr``, ``sites``) and by site (``site_ptr``, ``site_rows``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray


@njit(cache=True, nogil=True)
def transpose(
    ptr: NDArray[np.int64], sites: NDArray[np.int32], n_sites: int
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """List the groups that each site covers, ascending.

    Parameters
    ----------
    ptr : ndarray of int64, shape (rows + 1,)
        Where the sites of each group begin.
    sites : ndarray of int32, shape (entries,)
        Sites of each group.
    n_sites : int
        How many sites there are.

    Returns
    -------
    site_ptr : ndarray of int64, shape (n_sites + 1,)
        Where the groups of each site begin.
    site_rows : ndarray of int32, shape (entries,)
        Groups of each site.
    """
    site_ptr = np.zeros(n_sites + 1, dtype=np.int64)
    for e in range(len(sites)):
        site_ptr[sites[e] + 1] += 1
    for j in range(n_sites):
        site_ptr[j + 1] += site_ptr[j]
    place = site_ptr[:-1].copy()
    site_rows = np.empty(len(sites), dtype=np.int32)
    for g in range(len(ptr) - 1):
        for e in range(ptr[g], ptr[g + 1]):
            site_rows[place[sites[e]]] = g
            place[sites[e]] += 1
    return site_ptr, site_rows


@njit(cache=True, nogil=True)
def merge(  # noqa: C901 - a hash table by hand
    ptr: NDArray[np.int64],
    sites: NDArray[np.int32],
    weight: NDArray[np.float64],
    have: NDArray[np.int64],
    number: NDArray[np.int32],
    enough: int,
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float64], NDArray[np.int64]]:
    """Leave out sites and full groups, and merge groups that become alike.

    Parameters
    ----------
    ptr : ndarray of int64, shape (rows + 1,)
        Where the sites of each group begin.
    sites : ndarray of int32, shape (entries,)
        Sites of each group, ascending.
    weight : ndarray of float64, shape (rows,)
        Weight of each group.
    have : ndarray of int64, shape (rows,)
        Units that cover each group already.
    number : ndarray of int32, shape (sites,)
        New number of each site, ascending; -1 for those that are left out.
    enough : int
        Groups covered by so many units already gain nothing and are left out.

    Returns
    -------
    tuple of ndarray
        `ptr`, `sites`, `weight` and `have` of the new groups.
    """
    rows = len(weight)
    new_ptr = np.zeros(rows + 1, dtype=np.int64)
    new_sites = np.empty(len(sites), dtype=np.int32)
    new_weight, new_have = np.empty(rows), np.empty(rows, dtype=np.int64)
    prints = np.empty(rows, dtype=np.uint64)
    size = 16
    while size < 2 * rows:
        size *= 2
    table = np.full(size, -1, dtype=np.int32)
    groups = 0
    for g in range(rows):
        if have[g] >= enough:
            continue
        start = new_ptr[groups]
        end = start
        value = np.uint64(have[g])
        for e in range(ptr[g], ptr[g + 1]):
            j = number[sites[e]]
            if j >= 0:
                new_sites[end] = j
                end += 1
                value = (value ^ np.uint64(j)) * np.uint64(0x9E3779B97F4A7C15)
                value ^= value >> np.uint64(29)
        if end == start:
            continue
        place = np.int64(value & np.uint64(size - 1))
        while table[place] >= 0:
            other = table[place]
            begin = new_ptr[other]
            same = (
                prints[other] == value
                and new_have[other] == have[g]
                and new_ptr[other + 1] - begin == end - start
            )
            i = 0
            while same and i < end - start:
                same = new_sites[begin + i] == new_sites[start + i]
                i += 1
            if same:
                break
            place = (place + 1) & (size - 1)
        if table[place] >= 0:
            new_weight[table[place]] += weight[g]
            continue
        table[place] = groups
        prints[groups], new_weight[groups], new_have[groups] = value, weight[g], have[g]
        groups += 1
        new_ptr[groups] = end
    last = new_ptr[groups]
    return (
        new_ptr[: groups + 1].copy(),
        new_sites[:last].copy(),
        new_weight[:groups].copy(),
        new_have[:groups].copy(),
    )


@njit(cache=True, nogil=True)
def _holds(row: NDArray[np.int32], site: int) -> bool:
    low, high = 0, len(row)
    while low < high:
        middle = (low + high) // 2
        if row[middle] < site:
            low = middle + 1
        else:
            high = middle
    return low < len(row) and row[low] == site


@njit(cache=True, nogil=True)
def dominated(  # noqa: C901, PLR0912 - a filter by hand
    ptr: NDArray[np.int64],
    sites: NDArray[np.int32],
    site_ptr: NDArray[np.int64],
    site_rows: NDArray[np.int32],
    capacity: NDArray[np.int64],
    needed: NDArray[np.int64],
    order: NDArray[np.int64],
    result: NDArray[np.bool_],
    begin: int,
    most_cells: int,
) -> tuple[int, int]:
    """Find sites whose units could as well stand at sites that cover more.

    A unit may always move to a site that covers the same and more, as long as that
    site has room. So a site is needed only once all of those are full, and not at all
    where they hold as many units as could be of use.

    Parameters
    ----------
    ptr, sites, site_ptr, site_rows : ndarray
        The groups, by group and by site.
    capacity : ndarray of int64, shape (sites,)
        Units that each site can hold.
    needed : ndarray of int64, shape (sites,)
        How many units at sites that cover more make each site useless.
    order : ndarray of int64, shape (sites,)
        The sites, those that cover more groups first.
    result : ndarray of bool, shape (sites,)
        True for useless sites; updated.
    begin : int
        Where in `order` to begin.
    most_cells : int
        How much work to do at most, about.

    Returns
    -------
    next : int
        Where to go on.
    cells : int
        Work done.
    """
    m = len(order)
    rank = np.empty(m, dtype=np.int64)
    rank[order] = np.arange(m)
    rivals = np.empty(m, dtype=np.int64)
    cells = m
    for position in range(begin, m):
        if cells > most_cells:
            return position, cells
        a = order[position]
        own = site_rows[site_ptr[a] : site_ptr[a + 1]]
        if len(own) == 0:
            result[a] = True
            continue
        rarest = own[0]
        for g in own:
            if ptr[g + 1] - ptr[g] < ptr[rarest + 1] - ptr[rarest]:
                rarest = g
        number = room = 0
        for b in sites[ptr[rarest] : ptr[rarest + 1]]:
            if rank[b] < position and not result[b]:
                rivals[number] = b
                number += 1
                room += capacity[b]
        cells += len(own) + ptr[rarest + 1] - ptr[rarest]
        # A step prime to the length leaps through the list: its ends lie far apart.
        leap = max(1, int(0.382 * len(own)))
        while np.gcd(leap, len(own)) != 1:
            leap += 1
        i = 0
        for _ in range(len(own)):
            if room < needed[a]:
                break
            row = sites[ptr[own[i]] : ptr[own[i] + 1]]
            left = 0
            for r in range(number):
                if _holds(row, rivals[r]):
                    rivals[left] = rivals[r]
                    left += 1
                else:
                    room -= capacity[rivals[r]]
            cells += 20 * number
            number = left
            i = (i + leap) % len(own)
        result[a] = room >= needed[a]
    return m, cells
