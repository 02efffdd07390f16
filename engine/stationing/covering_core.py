"""A covering problem made smaller without losing what its choices are worth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from engine.stationing.covering_kernels import dominated, merge, transpose

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.stationing.effort import Effort

# Short enough that Ctrl-C is heard between two calls of a kernel.
CELLS_A_CALL: Final = 10**8


_SEARCHED: Final = 5
"""A group looked up in a long list costs as much as so many in a row; measured."""


@dataclass(frozen=True, eq=False)
class Core:
    """What is left to decide: k units at some sites.

    Parameters
    ----------
    ptr, sites : ndarray of int64 and int32
        Sites of each group, as in `CoverRows`.
    site_ptr, site_rows : ndarray of int64 and int32
        Groups of each site.
    weight : ndarray of float64, shape (rows,)
        Weight of each group.
    have : ndarray of int64, shape (rows,)
        Units that cover each group in every choice.
    theta : ndarray of float64
        Gain by each further unit, from 1 on; zeros follow.
    levels : int
        How many of these are above zero.
    capacity : ndarray of int64, shape (sites,)
        Units that each site can hold beyond those of every choice.
    k : int
        Units to place.
    base : float
        Value that every choice has.
    origin : ndarray of int64, shape (sites,)
        Each site's number in the whole problem.
    placed : ndarray of int64, shape (all sites,)
        Units of every choice in the whole problem.
    """

    ptr: NDArray[np.int64]
    sites: NDArray[np.int32]
    site_ptr: NDArray[np.int64]
    site_rows: NDArray[np.int32]
    weight: NDArray[np.float64]
    have: NDArray[np.int64]
    theta: NDArray[np.float64]
    levels: int
    capacity: NDArray[np.int64]
    k: int
    base: float
    origin: NDArray[np.int64]
    placed: NDArray[np.int64]

    def whole(self, units: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the units of a choice at all sites of the whole problem.

        Parameters
        ----------
        units : ndarray of int64, shape (sites,)
            Units at the sites that are left.

        Returns
        -------
        ndarray of int64, shape (all sites,)
            Units, those of every choice included.
        """
        result = self.placed.copy()
        result[self.origin] += units
        return result


def shrink(
    core: Core,
    capacity: NDArray[np.int64],
    lower: NDArray[np.int64],
    effort: Effort,
) -> Core:
    """Place the units that are decided, leave out sites and groups that do not matter.

    Units beyond what could gain anything at a site are not allowed for, so the choices
    left may hold fewer than k units; those missing gain nothing wherever they stand.

    Parameters
    ----------
    core : Core
        The problem.
    capacity, lower : ndarray of int64, shape (sites,)
        Most and fewest units at each site.
    effort : Effort
        What may be spent.

    Returns
    -------
    Core
        A smaller problem whose best choices are best ones of `core` within the limits.
    """
    m = len(capacity)
    k = core.k - int(lower.sum())
    have = core.have.copy()
    if lower.any() and len(have):
        have += np.add.reduceat(lower[core.sites], core.ptr[:-1])
    before, after = (np.minimum(counts, core.levels) for counts in (core.have, have))
    total = np.concatenate([[0.0], np.cumsum(core.theta[1 : core.levels + 1])])
    base = core.base + float(core.weight @ (total[after] - total[before]))
    # A unit gains only where a group it covers has fewer than `levels` units.
    useful = np.zeros(m, dtype=np.int64)
    short = core.levels - after
    covering = np.diff(core.site_ptr) > 0
    if covering.any():
        starts = core.site_ptr[:-1][covering]
        useful[covering] = np.maximum.reduceat(short[core.site_rows], starts)
    room = np.minimum(np.minimum(capacity - lower, k), useful)
    drop = np.zeros(m, dtype=np.bool_)
    order = np.lexsort((np.arange(m), -np.diff(core.site_ptr)))
    at, budget = 0, effort.share(0.1)
    while at < m and not budget.exhausted:
        at, cells = dominated(
            core.ptr,
            core.sites,
            core.site_ptr,
            core.site_rows,
            room,
            np.minimum(useful, k),
            order,
            drop,
            at,
            CELLS_A_CALL,
        )
        budget.spend(_SEARCHED * cells)
        effort.spend(_SEARCHED * cells)
    keep = ~drop & (room > 0)
    number = np.where(keep, np.cumsum(keep) - 1, -1).astype(np.int32)
    ptr, sites, weight, have = merge(core.ptr, core.sites, core.weight, have, number, core.levels)
    effort.spend(4 * len(core.sites))
    placed = core.placed.copy()
    placed[core.origin] += lower
    room = room[keep]
    site_ptr, site_rows = transpose(ptr, sites, len(room))
    return Core(
        ptr,
        sites,
        site_ptr,
        site_rows,
        weight,
        have,
        core.theta,
        core.levels,
        room,
        min(k, int(room.sum())),
        base,
        core.origin[keep],
        placed,
    )
