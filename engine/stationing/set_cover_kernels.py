"""Numba kernels of set covering: dominance, a greedy start and a Lagrangian bound."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Positions in the state that `raise_bound` goes on from.
BEST, STEP, STALL, DONE = range(4)
START_STEP = 1.0
_SHRINK = 0.7
_LAST_STEP = 2e-3
_PATIENCE = 20
_MEMORY = 0.7
_PROGRESS = 1e-5


class Links(NamedTuple):
    """Who covers whom, from both sides.

    Parameters
    ----------
    row_ptr, row_sites : ndarray of int32
        For each row, a group of demand, where its sites begin, and the sites that
        cover it.
    site_ptr, site_rows : ndarray of int32
        For each site where its rows begin, and the rows that it covers.
    need : ndarray of int64, shape (rows,)
        How many sites must cover each row; at most as many as can.
    cost : ndarray of float64, shape (sites,)
        Cost of each site, above zero.
    """

    row_ptr: NDArray[np.int32]
    row_sites: NDArray[np.int32]
    site_ptr: NDArray[np.int32]
    site_rows: NDArray[np.int32]
    need: NDArray[np.int64]
    cost: NDArray[np.float64]


class Sets(NamedTuple):
    """Sets of items: rows as sets of sites, or sites as sets of rows.

    Parameters
    ----------
    ptr, items : ndarray of int32
        Where the items of each set begin, and the items.
    item_ptr, item_sets : ndarray of int32
        The same by item: which sets hold it.
    rank : ndarray of float64, shape (sets,)
        What counts beside the items: a set makes way only for one of at most its rank.
    droppable : ndarray of bool, shape (sets,)
        Sets that can make way at all.
    """

    ptr: NDArray[np.int32]
    items: NDArray[np.int32]
    item_ptr: NDArray[np.int32]
    item_sets: NDArray[np.int32]
    rank: NDArray[np.float64]
    droppable: NDArray[np.bool_]


@njit(cache=True, nogil=True)
def nested(sets: Sets, larger: bool) -> tuple[NDArray[np.bool_], int]:
    """Find sets that make way for another one within them, or around them.

    Parameters
    ----------
    sets : Sets
        The sets.
    larger : bool
        Whether the larger set of two makes way, or the smaller one.

    Returns
    -------
    useless : ndarray of bool, shape (sets,)
        Those that make way; of equal sets of equal rank all but the first.
    cells : int
        How much was looked at.
    """
    bits = _as_bits(sets)
    count, words = bits.shape
    useless = np.zeros(count, dtype=np.bool_)
    cells = count * words
    for inner in range(count):
        item = _rarest(sets, inner)
        if item < 0:
            useless[inner] = not larger
            continue
        # all sets around this one hold its rarest item
        for outer in sets.item_sets[sets.item_ptr[item] : sets.item_ptr[item + 1]]:
            cells += 1
            dropped, stays = (outer, inner) if larger else (inner, outer)
            if not useless[dropped] and _may_make_way(sets, dropped, stays, inner, outer):
                cells += words
                useless[dropped] = _within(bits[inner], bits[outer])
    return useless, cells


@njit(cache=True, nogil=True)
def _as_bits(sets: Sets) -> NDArray[np.uint64]:
    count, kinds = len(sets.ptr) - 1, len(sets.item_ptr) - 1
    bits = np.zeros((count, (kinds + 63) // 64), dtype=np.uint64)
    for a in range(count):
        for item in sets.items[sets.ptr[a] : sets.ptr[a + 1]]:
            bits[a, item >> 6] |= np.uint64(1) << np.uint64(item & 63)
    return bits


@njit(cache=True, nogil=True)
def _rarest(sets: Sets, a: int) -> int:
    """Find the item of a set that the fewest sets hold; -1 where it has none."""
    rarest, rivals = -1, len(sets.ptr)
    for item in sets.items[sets.ptr[a] : sets.ptr[a + 1]]:
        holders = sets.item_ptr[item + 1] - sets.item_ptr[item]
        if holders < rivals:
            rarest, rivals = item, holders
    return rarest


@njit(cache=True, nogil=True)
def _may_make_way(sets: Sets, dropped: int, stays: int, inner: int, outer: int) -> bool:
    """Tell whether sizes and ranks let one set make way for the other."""
    surplus = (sets.ptr[outer + 1] - sets.ptr[outer]) - (sets.ptr[inner + 1] - sets.ptr[inner])
    if inner == outer or surplus < 0 or not sets.droppable[dropped]:
        return False
    if sets.rank[stays] != sets.rank[dropped]:
        return bool(sets.rank[stays] < sets.rank[dropped])
    return surplus > 0 or stays < dropped or not sets.droppable[stays]


@njit(cache=True, nogil=True)
def _within(inner: NDArray[np.uint64], outer: NDArray[np.uint64]) -> bool:
    word = 0
    while word < len(inner) and inner[word] & ~outer[word] == np.uint64(0):
        word += 1
    return word == len(inner)


@njit(cache=True, nogil=True)
def cover_greedily(links: Links, order: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Open the site that covers most for its cost until all is covered.

    Chvátal (1979), A greedy heuristic for the set-covering problem,
    doi:10.1287/moor.4.3.233.

    Parameters
    ----------
    links : Links
        Who covers whom.
    order : ndarray of int64, shape (sites,)
        In which order sites are closed again where they turn out needless.

    Returns
    -------
    ndarray of bool, shape (sites,)
        Whether each site is open.
    """
    is_open = np.zeros(len(links.cost), dtype=np.bool_)
    count = np.zeros(len(links.need), dtype=np.int64)
    gain = (links.site_ptr[1:] - links.site_ptr[:-1]).astype(np.float64)
    while True:
        pick = (gain / links.cost).argmax() if len(gain) else -1
        if pick < 0 or gain[pick] <= 0:
            break
        is_open[pick] = True
        for i in links.site_rows[links.site_ptr[pick] : links.site_ptr[pick + 1]]:
            count[i] += 1
            if count[i] == links.need[i]:
                for j in links.row_sites[links.row_ptr[i] : links.row_ptr[i + 1]]:
                    gain[j] -= 1
        gain[pick] = -np.inf
    for j in order:
        if is_open[j]:
            _close_if_needless(links, j, is_open, count)
    return is_open


@njit(cache=True, nogil=True)
def _close_if_needless(
    links: Links, site: int, is_open: NDArray[np.bool_], count: NDArray[np.int64]
) -> None:
    rows = links.site_rows[links.site_ptr[site] : links.site_ptr[site + 1]]
    for i in rows:
        if count[i] <= links.need[i]:
            return
    is_open[site] = False
    for i in rows:
        count[i] -= 1


@njit(cache=True, nogil=True)
def raise_bound(
    links: Links,
    status: NDArray[np.int8],
    multiplier: NDArray[np.float64],
    best_multiplier: NDArray[np.float64],
    direction: NDArray[np.float64],
    state: NDArray[np.float64],
    upper: float,
    slack: float,
    iterations: int,
) -> int:
    """Raise the Lagrangian bound by subgradient steps and decide sites on the way.

    Beasley (1987), An algorithm for set covering problem,
    doi:10.1016/0377-2217(87)90141-X.

    Parameters
    ----------
    links : Links
        Who covers whom.
    status : ndarray of int8, shape (sites,)
        1 open, -1 closed in every cheaper cover, 0 undecided; updated.
    multiplier, best_multiplier : ndarray of float64, shape (rows,)
        What covering each row is worth now, and at the best bound; updated.
    direction : ndarray of float64, shape (rows,)
        Last step's direction; zero at first.
    state : ndarray of float64, shape (4,)
        Best bound (-inf at first, inf when no cheaper cover is left), step length,
        steps without progress, 1 when finished; updated.
    upper : float
        Cost of the best cover known.
    slack : float
        A cover must be cheaper by this much to count as better.
    iterations : int
        At most so many steps.

    Returns
    -------
    int
        How many cells were looked at.
    """
    reduced = np.empty(len(links.cost))
    taken = np.empty(len(links.cost), dtype=np.bool_)
    cells = 0
    for _ in range(iterations):
        bound = _relax(links, status, multiplier, reduced, taken)
        cells += 2 * len(links.row_sites)
        state[STALL] = 0 if bound > state[BEST] + _PROGRESS * abs(bound) else state[STALL] + 1
        if bound > state[BEST]:
            state[BEST] = bound
            best_multiplier[:] = multiplier
        if state[BEST] > upper - slack:
            state[BEST] = np.inf
            state[DONE] = 1
            break
        _decide(status, reduced, taken, upper - slack - bound)
        if state[STALL] < _PATIENCE:
            _move(links, taken, multiplier, direction, state, upper - bound)
        else:
            state[STALL] = 0
            state[STEP] *= _SHRINK
            state[DONE] = state[STEP] < _LAST_STEP
            multiplier[:] = best_multiplier
            direction[:] = 0.0
        if state[DONE]:
            break
    return cells


@njit(cache=True, nogil=True)
def _relax(
    links: Links,
    status: NDArray[np.int8],
    multiplier: NDArray[np.float64],
    reduced: NDArray[np.float64],
    taken: NDArray[np.bool_],
) -> float:
    """Solve the relaxation: sites of negative reduced cost are open; return its value."""
    bound = 0.0
    for i in range(len(multiplier)):
        bound += multiplier[i] * links.need[i]
    for j in range(len(reduced)):
        value = links.cost[j]
        for i in links.site_rows[links.site_ptr[j] : links.site_ptr[j + 1]]:
            value -= multiplier[i]
        reduced[j] = value
        taken[j] = status[j] == 1 or (status[j] == 0 and value < 0.0)
        if taken[j]:
            bound += value
    return bound


@njit(cache=True, nogil=True)
def _decide(
    status: NDArray[np.int8],
    reduced: NDArray[np.float64],
    taken: NDArray[np.bool_],
    room: float,
) -> None:
    """Decide the sites whose change would lift the bound by more than there is room."""
    for j in range(len(status)):
        if status[j] == 0 and abs(reduced[j]) > room:
            status[j] = 1 if taken[j] else -1


@njit(cache=True, nogil=True)
def _move(
    links: Links,
    taken: NDArray[np.bool_],
    multiplier: NDArray[np.float64],
    direction: NDArray[np.float64],
    state: NDArray[np.float64],
    distance: float,
) -> None:
    """Pay more for rows that the relaxed plan leaves short, less for those it covers twice."""
    norm = 0.0
    for i in range(len(multiplier)):
        missing = float(links.need[i])
        for j in links.row_sites[links.row_ptr[i] : links.row_ptr[i + 1]]:
            missing -= taken[j]
        if missing < 0.0 and multiplier[i] == 0.0:
            missing = 0.0
        direction[i] = _MEMORY * direction[i] + missing
        norm += direction[i] * direction[i]
    if norm == 0.0:
        state[DONE] = 1
        return
    length = state[STEP] * distance / norm
    for i in range(len(multiplier)):
        multiplier[i] = max(0.0, multiplier[i] + length * direction[i])
