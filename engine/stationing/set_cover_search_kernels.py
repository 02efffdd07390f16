"""Numba kernels of a local search for set covering that weighs rows.

Gao, Weise and Li (2015), An efficient local search heuristic with row weighting for the
unicost set covering problem, doi:10.1016/j.ejor.2015.05.038; here with costs, and with
rows that need several sites.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.stationing.set_cover_kernels import Links

# Positions in the tally of `Standing`.
CLOCK, CHANCE, SHORTS, CELLS = range(4)


class Standing(NamedTuple):
    """Where the search stands.

    Parameters
    ----------
    is_open : ndarray of bool, shape (sites,)
        Which sites are open.
    covered : ndarray of int64, shape (rows,)
        Open sites that cover each row.
    weight : ndarray of int64, shape (rows,)
        Weight of each row; grows while it is short of sites.
    score : ndarray of int64, shape (sites,)
        Weight of the rows that an open site alone keeps from being shorter, and of the
        short rows that a closed one would help.
    short, place : ndarray of int64, shape (rows,)
        The short rows, and the place of each among them.
    moved : ndarray of int64, shape (sites,)
        When each site was last opened or closed.
    tally : ndarray of int64, shape (4,)
        Steps taken, state of the random numbers, number of short rows, cells seen.
    """

    is_open: NDArray[np.bool_]
    covered: NDArray[np.int64]
    weight: NDArray[np.int64]
    score: NDArray[np.int64]
    short: NDArray[np.int64]
    place: NDArray[np.int64]
    moved: NDArray[np.int64]
    tally: NDArray[np.int64]


def standing(links: Links, is_open: NDArray[np.bool_], chance: int) -> Standing:
    """Start a search.

    Parameters
    ----------
    links : Links
        Who covers whom.
    is_open : ndarray of bool, shape (sites,)
        Sites open at first.
    chance : int
        Seed of the random numbers, not zero.

    Returns
    -------
    Standing
        Where the search begins.
    """
    rows, sites = len(links.need), len(links.cost)
    result = Standing(
        is_open=is_open.copy(),
        covered=np.zeros(rows, dtype=np.int64),
        weight=np.ones(rows, dtype=np.int64),
        score=np.zeros(sites, dtype=np.int64),
        short=np.zeros(rows, dtype=np.int64),
        place=np.zeros(rows, dtype=np.int64),
        moved=np.full(sites, -9, dtype=np.int64),
        tally=np.array([0, chance, 0, 0], dtype=np.int64),
    )
    _take_stock(links, result)
    return result


@njit(cache=True, nogil=True)
def _take_stock(links: Links, now: Standing) -> None:
    for i in range(len(links.need)):
        members = links.row_sites[links.row_ptr[i] : links.row_ptr[i + 1]]
        for j in members:
            now.covered[i] += now.is_open[j]
        for j in members:
            if now.covered[i] < links.need[i] or (
                now.is_open[j] and now.covered[i] == links.need[i]
            ):
                now.score[j] += now.weight[i]
        if now.covered[i] < links.need[i]:
            _list(now, i)


@njit(cache=True, nogil=True)
def _list(now: Standing, row: int) -> None:
    """Add a row to the short ones."""
    now.short[now.tally[SHORTS]], now.place[row] = row, now.tally[SHORTS]
    now.tally[SHORTS] += 1


@njit(cache=True, nogil=True)
def _strike(now: Standing, row: int) -> None:
    """Take a row off the short ones."""
    now.tally[SHORTS] -= 1
    last = now.short[now.tally[SHORTS]]
    now.short[now.place[row]], now.place[last] = last, now.place[row]


@njit(cache=True, nogil=True)
def _rescore(links: Links, now: Standing, row: int, site: int, among: bool, change: int) -> None:
    """Change the scores of the other sites of a row that are open, or closed."""
    for other in links.row_sites[links.row_ptr[row] : links.row_ptr[row + 1]]:
        if other != site and now.is_open[other] == among:
            now.score[other] += change
    now.tally[CELLS] += links.row_ptr[row + 1] - links.row_ptr[row]


@njit(cache=True, nogil=True)
def _flip(links: Links, now: Standing, site: int) -> None:
    """Open a closed site or close an open one; its own score stays what it is."""
    opening = not now.is_open[site]
    now.is_open[site] = opening
    for i in links.site_rows[links.site_ptr[site] : links.site_ptr[site + 1]]:
        fewer = now.covered[i] if opening else now.covered[i] - 1
        now.covered[i] += 1 if opening else -1
        change = -now.weight[i] if opening else now.weight[i]
        if fewer == links.need[i] - 1:
            # nobody else is needed to cover it any more, or everybody is again
            _rescore(links, now, i, site, False, change)
            if opening:
                _strike(now, i)
            else:
                _list(now, i)
        elif fewer == links.need[i]:
            # whoever covers it can be spared now, or cannot any more
            _rescore(links, now, i, site, True, change)
    now.moved[site] = now.tally[CLOCK]
    now.tally[CELLS] += links.site_ptr[site + 1] - links.site_ptr[site]


@njit(cache=True, nogil=True)
def _ahead(links: Links, now: Standing, j: int, pick: int) -> int:
    """Compare two sites by score over cost: above zero where the first one has more."""
    difference = now.score[j] * links.cost[pick] - now.score[pick] * links.cost[j]
    return 1 if difference > 0 else (-1 if difference < 0 else 0)


@njit(cache=True, nogil=True)
def _least_missed(links: Links, now: Standing) -> int:
    """Find the open site of least score for its cost, the one moved longest ago of equals."""
    pick = -1
    now.tally[CELLS] += len(now.is_open)
    for j in range(len(now.is_open)):
        if not now.is_open[j] or now.moved[j] == now.tally[CLOCK] - 1:
            continue
        if pick < 0:
            pick = j
            continue
        order = _ahead(links, now, j, pick)
        if order < 0 or (order == 0 and now.moved[j] < now.moved[pick]):
            pick = j
    return pick


@njit(cache=True, nogil=True)
def _most_helpful(links: Links, now: Standing, row: int, room: float) -> int:
    """Find the closed site of a row of highest score for its cost, if there is room."""
    pick = -1
    now.tally[CELLS] += links.row_ptr[row + 1] - links.row_ptr[row]
    for j in links.row_sites[links.row_ptr[row] : links.row_ptr[row + 1]]:
        if now.is_open[j] or now.moved[j] >= now.tally[CLOCK] or links.cost[j] > room:
            continue
        if pick < 0:
            pick = j
            continue
        order = _ahead(links, now, j, pick)
        if order > 0 or (order == 0 and now.moved[j] < now.moved[pick]):
            pick = j
    return pick


@njit(cache=True, nogil=True)
def _any_short(now: Standing) -> int:
    """Pick a short row by chance (xorshift of Marsaglia 2003, doi:10.18637/jss.v008.i14)."""
    chance = np.uint64(now.tally[CHANCE])
    chance ^= chance << np.uint64(13)
    chance ^= chance >> np.uint64(7)
    chance ^= chance << np.uint64(17)
    now.tally[CHANCE] = np.int64(chance)
    row: int = now.short[int(chance % np.uint64(now.tally[SHORTS]))]
    return row


@njit(cache=True, nogil=True)
def _close_some(links: Links, now: Standing) -> float:
    """Close what is missed least, as many sites as it takes to leave a cover; sum up costs."""
    saved, closed = 0.0, False
    while now.tally[SHORTS] == 0 or not closed:
        pick = _least_missed(links, now)
        if pick < 0:
            break
        _flip(links, now, pick)
        saved += links.cost[pick]
        closed = True
    return saved


@njit(cache=True, nogil=True)
def _open_some(links: Links, now: Standing, room: float) -> float:
    """Open what helps short rows most, while there is room; sum up costs."""
    spent = 0.0
    while now.tally[SHORTS] > 0:
        pick = _most_helpful(links, now, _any_short(now), room - spent)
        if pick < 0:
            break
        _flip(links, now, pick)
        spent += links.cost[pick]
    return spent


@njit(cache=True, nogil=True)
def _weigh(links: Links, now: Standing) -> None:
    """Let the rows that are short weigh more."""
    for at in range(now.tally[SHORTS]):
        i = now.short[at]
        now.weight[i] += 1
        now.tally[CELLS] += links.row_ptr[i + 1] - links.row_ptr[i]
        for j in links.row_sites[links.row_ptr[i] : links.row_ptr[i + 1]]:
            now.score[j] += 1


@njit(cache=True, nogil=True)
def exchange(
    links: Links,
    now: Standing,
    incumbent: NDArray[np.bool_],
    upper: NDArray[np.float64],
    slack: float,
    enough: float,
    steps: int,
    budget: int,
) -> int:
    """Look for cheaper covers by exchanging sites.

    Parameters
    ----------
    links : Links
        Who covers whom.
    now : Standing
        Where the search stands; updated.
    incumbent : ndarray of bool, shape (sites,)
        The cheapest cover found; updated.
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
    before, in_vain = now.tally[CELLS], 0
    total = links.cost[now.is_open].sum()
    while in_vain < steps and now.tally[CELLS] - before < budget:
        if now.tally[SHORTS] == 0 and total <= upper[0] - slack:
            incumbent[:] = now.is_open
            # anew, so that rounding does not add up
            total = links.cost[now.is_open].sum()
            upper[0] = total
            in_vain = 0
            if total <= enough:
                break
        total -= _close_some(links, now)
        if now.tally[SHORTS] == 0:
            break
        total += _open_some(links, now, upper[0] - slack - total)
        _weigh(links, now)
        now.tally[CLOCK] += 1
        in_vain += 1
    cells: int = now.tally[CELLS] - before
    return cells
