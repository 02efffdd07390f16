"""Numba kernels of set covering: dominance, a local search and a Lagrangian bound.

Who covers whom comes twice: for each row (a group of demand) the sites that cover it,
``row_ptr`` and ``row_sites``, and for each site the rows that it covers, ``site_ptr``
and ``site_rows``. Each row has a ``need``: how many of its sites must be open.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

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

# Positions in the state that `exchange` goes on from.
CLOCK, CHANCE = range(2)


@njit(cache=True, nogil=True)
def nested(
    ptr: NDArray[np.int32],
    items: NDArray[np.int32],
    item_ptr: NDArray[np.int32],
    item_sets: NDArray[np.int32],
    rank: NDArray[np.float64],
    droppable: NDArray[np.bool_],
    larger: bool,
) -> tuple[NDArray[np.bool_], int]:
    """Find sets that another set within them, or around them, makes useless.

    Parameters
    ----------
    ptr, items : ndarray of int32
        The sets: where the items of each begin, and the items.
    item_ptr, item_sets : ndarray of int32
        The same by item: which sets hold it.
    rank : ndarray of float64, shape (sets,)
        Only a set of at least this rank makes another one useless where `larger`, one
        of at most this rank otherwise.
    droppable : ndarray of bool, shape (sets,)
        Sets that can be useless at all.
    larger : bool
        Whether it is the larger set of two that is useless, or the smaller one.

    Returns
    -------
    useless : ndarray of bool, shape (sets,)
        The useless ones; of equal sets of equal rank all but the first.
    cells : int
        How much was looked at.
    """
    count, kinds = len(ptr) - 1, len(item_ptr) - 1
    words = (kinds + 63) // 64
    bits = np.zeros((count, words), dtype=np.uint64)
    for a in range(count):
        for item in items[ptr[a] : ptr[a + 1]]:
            bits[a, item >> 6] |= np.uint64(1) << np.uint64(item & 63)
    useless = np.zeros(count, dtype=np.bool_)
    cells = count * words
    for inner in range(count):
        if not larger and not droppable[inner]:
            continue
        # all sets around this one hold its rarest item
        rarest, rivals = -1, count + 1
        for item in items[ptr[inner] : ptr[inner + 1]]:
            if item_ptr[item + 1] - item_ptr[item] < rivals:
                rarest, rivals = item, item_ptr[item + 1] - item_ptr[item]
        if rarest < 0:
            useless[inner] = not larger
            continue
        size = ptr[inner + 1] - ptr[inner]
        for outer in item_sets[item_ptr[rarest] : item_ptr[rarest + 1]]:
            cells += 1
            if outer == inner or ptr[outer + 1] - ptr[outer] < size:
                continue
            dropped, stays = (outer, inner) if larger else (inner, outer)
            if useless[dropped] or not droppable[dropped]:
                continue
            ahead = rank[stays] - rank[dropped] if larger else rank[dropped] - rank[stays]
            equal = ahead == 0 and ptr[outer + 1] - ptr[outer] == size
            if ahead < 0 or (equal and droppable[stays] and stays > dropped):
                continue
            within = True
            for word in range(words):
                cells += 1
                if bits[inner, word] & ~bits[outer, word] != np.uint64(0):
                    within = False
                    break
            if within:
                useless[dropped] = True
                if not larger:
                    break
    return useless, cells


@njit(cache=True, nogil=True)
def cover_greedily(
    row_ptr: NDArray[np.int32],
    row_sites: NDArray[np.int32],
    site_ptr: NDArray[np.int32],
    site_rows: NDArray[np.int32],
    need: NDArray[np.int64],
    cost: NDArray[np.float64],
    order: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """Open the site that covers most for its cost until all is covered.

    Chvátal (1979), A greedy heuristic for the set-covering problem,
    doi:10.1287/moor.4.3.233.

    Parameters
    ----------
    row_ptr, row_sites, site_ptr, site_rows : ndarray of int32
        Who covers whom.
    need : ndarray of int64, shape (rows,)
        How many sites must cover each row; at most as many as can.
    cost : ndarray of float64, shape (sites,)
        Cost of each site, above zero.
    order : ndarray of int64, shape (sites,)
        In which order sites are closed again where they turn out needless.

    Returns
    -------
    ndarray of bool, shape (sites,)
        Whether each site is open.
    """
    sites = len(cost)
    is_open = np.zeros(sites, dtype=np.bool_)
    count = np.zeros(len(need), dtype=np.int64)
    gain = (site_ptr[1:] - site_ptr[:-1]).astype(np.float64)
    while True:
        pick, best = -1, 0.0
        for j in range(sites):
            if not is_open[j] and gain[j] > best * cost[j]:
                pick, best = j, gain[j] / cost[j]
        if pick < 0:
            break
        is_open[pick] = True
        for i in site_rows[site_ptr[pick] : site_ptr[pick + 1]]:
            count[i] += 1
            if count[i] == need[i]:
                for j in row_sites[row_ptr[i] : row_ptr[i + 1]]:
                    gain[j] -= 1
    for j in order:
        if not is_open[j]:
            continue
        needless = True
        for i in site_rows[site_ptr[j] : site_ptr[j + 1]]:
            needless = needless and count[i] > need[i]
        if needless:
            is_open[j] = False
            for i in site_rows[site_ptr[j] : site_ptr[j + 1]]:
                count[i] -= 1
    return is_open


@njit(cache=True, nogil=True)
def _flip(
    j: int,
    row_ptr: NDArray[np.int32],
    row_sites: NDArray[np.int32],
    site_ptr: NDArray[np.int32],
    site_rows: NDArray[np.int32],
    need: NDArray[np.int64],
    is_open: NDArray[np.bool_],
    count: NDArray[np.int64],
    weight: NDArray[np.int64],
    score: NDArray[np.int64],
    short: NDArray[np.int64],
    place: NDArray[np.int64],
    shorts: int,
) -> tuple[int, int]:
    """Open or close a site; return how many rows are short then, and the cells seen."""
    cells = 0
    opening = not is_open[j]
    is_open[j] = opening
    for i in site_rows[site_ptr[j] : site_ptr[j + 1]]:
        before = count[i]
        count[i] += 1 if opening else -1
        after = count[i]
        # closed sites gain by rows that are short, open ones lose those just covered
        if min(before, after) == need[i] - 1:
            for other in row_sites[row_ptr[i] : row_ptr[i + 1]]:
                if other != j and not is_open[other]:
                    score[other] += -weight[i] if opening else weight[i]
            cells += row_ptr[i + 1] - row_ptr[i]
            if opening:
                shorts -= 1
                last = short[shorts]
                short[place[i]], place[last] = last, place[i]
            else:
                short[shorts], place[i] = i, shorts
                shorts += 1
        elif min(before, after) == need[i]:
            for other in row_sites[row_ptr[i] : row_ptr[i + 1]]:
                if other != j and is_open[other]:
                    score[other] += -weight[i] if opening else weight[i]
            cells += row_ptr[i + 1] - row_ptr[i]
    return shorts, cells + site_ptr[j + 1] - site_ptr[j]


@njit(cache=True, nogil=True)
def exchange(
    row_ptr: NDArray[np.int32],
    row_sites: NDArray[np.int32],
    site_ptr: NDArray[np.int32],
    site_rows: NDArray[np.int32],
    need: NDArray[np.int64],
    cost: NDArray[np.float64],
    is_open: NDArray[np.bool_],
    weight: NDArray[np.int64],
    state: NDArray[np.int64],
    incumbent: NDArray[np.bool_],
    upper: NDArray[np.float64],
    slack: float,
    enough: float,
    steps: int,
    budget: int,
) -> int:
    """Look for cheaper covers by exchanging sites, rows long left short weighing more.

    The row weighting local search of Gao, Weise and Li (2015, An efficient local search
    heuristic with row weighting for the unicost set covering problem,
    doi:10.1016/j.ejor.2015.05.038), with costs and needs.

    Parameters
    ----------
    row_ptr, row_sites, site_ptr, site_rows : ndarray of int32
        Who covers whom.
    need : ndarray of int64, shape (rows,)
        How many sites must cover each row.
    cost : ndarray of float64, shape (sites,)
        Cost of each site, above zero.
    is_open : ndarray of bool, shape (sites,)
        Where the search stands; updated.
    weight : ndarray of int64, shape (rows,)
        Weights of the rows, one at first; updated.
    state : ndarray of int64, shape (2,)
        Steps taken so far, and the state of the random numbers; updated.
    incumbent : ndarray of bool, shape (sites,)
        The cheapest cover known; updated.
    upper : ndarray of float64, shape (1,)
        A cover must be cheaper than this by `slack`; updated with the cost of what is
        found.
    slack : float
        Least difference that counts.
    enough : float
        Stop at a cover of at most this cost.
    steps : int
        Stop after so many exchanges without a cheaper cover.
    budget : int
        Stop after about so many cells looked at.

    Returns
    -------
    int
        How many cells were looked at.
    """
    rows, sites = len(need), len(cost)
    count = np.zeros(rows, dtype=np.int64)
    score = np.zeros(sites, dtype=np.int64)
    short, place = np.empty(rows, dtype=np.int64), np.empty(rows, dtype=np.int64)
    moved = np.full(sites, -9, dtype=np.int64)
    shorts = 0
    total = cost[is_open].sum()
    for i in range(rows):
        members = row_sites[row_ptr[i] : row_ptr[i + 1]]
        count[i] = is_open[members].sum()
        for j in members:
            if count[i] < need[i] or (is_open[j] and count[i] == need[i]):
                score[j] += weight[i]
        if count[i] < need[i]:
            short[shorts], place[i] = i, shorts
            shorts += 1
    cells = len(row_sites)
    in_vain, clock, chance = 0, state[CLOCK], np.uint64(state[CHANCE])
    while in_vain < steps and cells < budget:
        if shorts == 0 and total <= upper[0] - slack:
            incumbent[:] = is_open
            total = cost[is_open].sum()
            upper[0] = total
            in_vain = 0
            if total <= enough:
                break
        # close what is missed least: one site, or as many as it takes to leave the cover
        closed = False
        while shorts == 0 or not closed:
            pick = -1
            for j in range(sites):
                if not is_open[j] or moved[j] == clock - 1:
                    continue
                if pick >= 0:
                    here, there = score[j] * cost[pick], score[pick] * cost[j]
                    if here > there or (here == there and moved[j] >= moved[pick]):
                        continue
                pick = j
            cells += sites
            if pick < 0:
                break
            shorts, seen = _flip(
                pick, row_ptr, row_sites, site_ptr, site_rows, need,
                is_open, count, weight, score, short, place, shorts,
            )  # fmt: skip
            cells += seen
            total -= cost[pick]
            moved[pick] = clock
            closed = True
        if shorts == 0:
            break
        # open what helps most at a row that is short, while there is room
        while shorts > 0:
            chance ^= chance << np.uint64(13)
            chance ^= chance >> np.uint64(7)
            chance ^= chance << np.uint64(17)
            row = short[int(chance % np.uint64(shorts))]
            pick = -1
            for j in row_sites[row_ptr[row] : row_ptr[row + 1]]:
                if is_open[j] or moved[j] >= clock or total + cost[j] > upper[0] - slack:
                    continue
                if pick >= 0:
                    here, there = score[j] * cost[pick], score[pick] * cost[j]
                    if here < there or (here == there and moved[j] >= moved[pick]):
                        continue
                pick = j
            cells += row_ptr[row + 1] - row_ptr[row]
            if pick < 0:
                break
            shorts, seen = _flip(
                pick, row_ptr, row_sites, site_ptr, site_rows, need,
                is_open, count, weight, score, short, place, shorts,
            )  # fmt: skip
            cells += seen
            total += cost[pick]
            moved[pick] = clock
        for at in range(shorts):
            i = short[at]
            weight[i] += 1
            cells += row_ptr[i + 1] - row_ptr[i]
            for j in row_sites[row_ptr[i] : row_ptr[i + 1]]:
                score[j] += 1
        clock += 1
        in_vain += 1
    state[CLOCK], state[CHANCE] = clock, np.int64(chance)
    return cells


@njit(cache=True, nogil=True)
def raise_bound(
    row_ptr: NDArray[np.int32],
    row_sites: NDArray[np.int32],
    site_ptr: NDArray[np.int32],
    site_rows: NDArray[np.int32],
    need: NDArray[np.int64],
    cost: NDArray[np.float64],
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
    row_ptr, row_sites, site_ptr, site_rows : ndarray of int32
        Who covers whom.
    need : ndarray of int64, shape (rows,)
        How many sites must cover each row.
    cost : ndarray of float64, shape (sites,)
        Cost of each site.
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
    sites, rows = len(cost), len(need)
    reduced = np.empty(sites)
    taken = np.empty(sites, dtype=np.bool_)
    cells = 0
    for _ in range(iterations):
        bound = 0.0
        for i in range(rows):
            bound += multiplier[i] * need[i]
        for j in range(sites):
            taken[j] = False
            if status[j] < 0:
                continue
            value = cost[j]
            for i in site_rows[site_ptr[j] : site_ptr[j + 1]]:
                value -= multiplier[i]
            reduced[j] = value
            taken[j] = value < 0.0 or status[j] == 1
            if taken[j]:
                bound += value
        cells += 2 * len(row_sites)
        state[STALL] += 1
        if bound > state[BEST] + _PROGRESS * abs(bound):
            state[STALL] = 0
        if bound > state[BEST]:
            state[BEST] = bound
            best_multiplier[:] = multiplier
        if state[BEST] > upper - slack:
            state[BEST] = np.inf
            state[DONE] = 1
            break
        room = upper - slack - bound
        for j in range(sites):
            if status[j] == 0 and abs(reduced[j]) > room:
                status[j] = 1 if reduced[j] < 0 else -1
                taken[j] = status[j] == 1
        if state[STALL] >= _PATIENCE:
            state[STALL] = 0
            state[STEP] *= _SHRINK
            if state[STEP] < _LAST_STEP:
                state[DONE] = 1
                break
            multiplier[:] = best_multiplier
            direction[:] = 0.0
            continue
        norm = 0.0
        for i in range(rows):
            missing = float(need[i])
            for j in row_sites[row_ptr[i] : row_ptr[i + 1]]:
                if taken[j]:
                    missing -= 1.0
            if missing < 0.0 and multiplier[i] == 0.0:
                missing = 0.0
            direction[i] = _MEMORY * direction[i] + missing
            norm += direction[i] * direction[i]
        if norm == 0.0:
            state[DONE] = 1
            break
        length = state[STEP] * (upper - bound) / norm
        for i in range(rows):
            multiplier[i] = max(0.0, multiplier[i] + length * direction[i])
    return cells
