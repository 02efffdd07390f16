"""Numba kernels that find demand points which the same sites cover.

All take ``covers`` as bytes of shape (sites, demand), one where a site covers a point.
They go through it in strips, so that what they write stays in the cache.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

_STRIP = 4096
_NARROW_STRIP = 512


@njit(cache=True, nogil=True)
def fingerprint(
    covers: NDArray[np.uint8],
    keys: NDArray[np.uint64],
    prints: NDArray[np.uint64],
    count: NDArray[np.int32],
) -> None:
    """Hash which sites cover each point, and count them.

    Parameters
    ----------
    covers : ndarray of uint8, shape (sites, demand)
        One where a site covers a point, else zero.
    keys : ndarray of uint64, shape (sites,)
        A random number for each site.
    prints : ndarray of uint64, shape (demand,)
        Filled with the exclusive or of the keys of the sites that cover.
    count : ndarray of int32, shape (demand,)
        Filled with how many these are.
    """
    m, n = covers.shape
    prints[:] = 0
    count[:] = 0
    for start in range(0, n, _STRIP):
        end = min(n, start + _STRIP)
        for j in range(m):
            row, key = covers[j, start:end], keys[j]
            part, number = prints[start:end], count[start:end]
            for i in range(end - start):
                part[i] ^= key if row[i] else np.uint64(0)
                number[i] += row[i]


@njit(cache=True, nogil=True)
def gather(
    prints: NDArray[np.uint64],
    wanted: NDArray[np.bool_],
    member: NDArray[np.int32],
    first: NDArray[np.int64],
) -> int:
    """Give points of equal hash one number, in the order of their first ones.

    Parameters
    ----------
    prints : ndarray of uint64, shape (demand,)
        Hash of each point.
    wanted : ndarray of bool, shape (demand,)
        Points to number.
    member : ndarray of int32, shape (demand,)
        Filled with the number; -1 where not wanted.
    first : ndarray of int64, shape (demand,)
        Filled, as far as there are groups, with the first point of each.

    Returns
    -------
    int
        How many groups there are.
    """
    size = 16
    while size < 2 * len(prints):
        size *= 2
    table = np.full(size, -1, dtype=np.int32)
    groups = 0
    for i in range(len(prints)):
        member[i] = -1
        if not wanted[i]:
            continue
        value = prints[i]
        place = np.int64((value ^ (value >> np.uint64(32))) & np.uint64(size - 1))
        while table[place] >= 0 and prints[first[table[place]]] != value:
            place = (place + 1) & (size - 1)
        if table[place] < 0:
            table[place] = groups
            first[groups] = i
            groups += 1
        member[i] = table[place]
    return groups


@njit(cache=True, nogil=True)
def alike(covers: NDArray[np.uint8], points: NDArray[np.int64], others: NDArray[np.int64]) -> bool:
    """Tell whether the same sites cover both of each pair of points.

    Parameters
    ----------
    covers : ndarray of uint8, shape (sites, demand)
        One where a site covers a point, else zero.
    points, others : ndarray of int64, shape (pairs,)
        The pairs.

    Returns
    -------
    bool
        Whether all pairs agree.
    """
    for start in range(0, len(points), _STRIP):
        one, two = points[start : start + _STRIP], others[start : start + _STRIP]
        for j in range(len(covers)):
            row = covers[j]
            differ = np.uint8(0)
            for i in range(len(one)):
                differ |= row[one[i]] ^ row[two[i]]
            if differ:
                return False
    return True


@njit(cache=True, nogil=True)
def fill(
    covers: NDArray[np.uint8],
    points: NDArray[np.int64],
    ptr: NDArray[np.int64],
    sites: NDArray[np.int32],
) -> None:
    """List the sites that cover each of some points, ascending.

    Parameters
    ----------
    covers : ndarray of uint8, shape (sites, demand)
        One where a site covers a point, else zero.
    points : ndarray of int64, shape (rows,)
        The points.
    ptr : ndarray of int64, shape (rows + 1,)
        Where the list of each point begins.
    sites : ndarray of int32, shape (entries,)
        Filled with the lists.
    """
    place = ptr[:-1].copy()
    for start in range(0, len(points), _NARROW_STRIP):
        part = points[start : start + _NARROW_STRIP]
        for j in range(len(covers)):
            row = covers[j]
            for r in range(len(part)):
                if row[part[r]]:
                    sites[place[start + r]] = j
                    place[start + r] += 1
