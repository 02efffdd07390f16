"""The p-center: k sites so that the longest travel time of anyone is least.

Hakimi (1964), Optimum locations of switching centers and the absolute centers and
medians of a graph, doi:10.1287/opre.12.3.450; by covers within ever closer limits, as
Minieka (1970), The m-center problem, doi:10.1137/1012016.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from engine.mip import never
from engine.stationing.choice import Choice, listed_sites
from engine.stationing.cover_rows import cover_rows
from engine.stationing.set_cover import find_cover

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from engine.stationing.effort import Effort

_QUICK: Final = 0.02
_LONG: Final = 0.5


def choose_center(
    travel_s: NDArray[np.float64],
    demand_mask: NDArray[np.bool_],
    k: int,
    *,
    fixed_open: NDArray[np.bool_],
    effort: Effort,
    seed: int = 0,
    stopped: Callable[[], bool] = never,
) -> Choice:
    """Open k sites so that the longest travel time to any demand point is least.

    A limit that k sites can keep is a limit on what is best, and one that they cannot
    keep is too; the range between is halved, by quick means while they tell, and what
    is left is settled by set covering to the end, from above first.

    Parameters
    ----------
    travel_s : ndarray of float64, shape (m, n)
        Seconds from each site to each demand point; ``inf`` where no road leads.
    demand_mask : ndarray of bool, shape (n,)
        Demand points that count; each should be within reach of some site.
    k : int
        How many sites are open, the fixed ones included; 1 to m.
    fixed_open : ndarray of bool, shape (m,)
        Sites that are open in every plan; at most k.
    effort : Effort
        What may be spent; what is spent is taken off.
    seed : int
        Seed of the local search.
    stopped : callable
        Asked now and then; once it says True, the best plan so far is the answer.

    Returns
    -------
    Choice
        The best plan found, its longest travel time in seconds (``inf`` where the plan
        does not reach all demand that counts) and the bound.
    """
    free = np.flatnonzero(~fixed_open)
    rest = travel_s[free][:, demand_mask]
    near = travel_s[fixed_open][:, demand_mask].min(axis=0, initial=np.inf)
    case = _Center(np.minimum(rest, near), near, k - int(fixed_open.sum()), effort, seed, stopped)
    case.solve()
    sites = np.union1d(np.flatnonzero(fixed_open), free[case.plan])
    return Choice(listed_sites(sites), case.cost, min(case.cost, case.bound))


class _Center:
    """The range of limits that is left, and the best plan in it."""

    def __init__(
        self,
        times: NDArray[np.float64],
        near: NDArray[np.float64],
        k: int,
        effort: Effort,
        seed: int,
        stopped: Callable[[], bool],
    ) -> None:
        self._times = times
        self._near = near
        self._k = k
        self._effort = effort
        self._seed = seed
        self._stopped = stopped
        self.plan = self._filled(np.empty(0, dtype=np.int64))
        self.cost = self._longest(self.plan)
        best = times if k else near[None]
        self.bound = float(best.min(axis=0, initial=np.inf).max(initial=0.0))

    def solve(self) -> None:
        """Close the range as far as the effort goes."""
        left = self._left(np.unique(self._times[self._inside(self._times)]))
        self._halve(left, _QUICK, proving=False, upward=True)
        left = self._left(left)
        self._halve(left, _QUICK, proving=False, upward=False)
        left = self._left(left)
        while left.size and not self._over:
            limit = float(left[-1])
            if not self._settled(limit, _LONG, proving=True):
                self._halve(left[:-1], _LONG, proving=True, upward=False)
                break
            left = self._left(left)

    @property
    def _over(self) -> bool:
        return self._effort.exhausted or self._stopped()

    def _inside(self, times: NDArray[np.float64]) -> NDArray[np.bool_]:
        return (times >= self.bound) & (times < self.cost)

    def _left(self, limits: NDArray[np.float64]) -> NDArray[np.float64]:
        return limits[self._inside(limits)]

    def _halve(
        self, limits: NDArray[np.float64], part: float, *, proving: bool, upward: bool
    ) -> None:
        """Halve a range of limits; one that is not settled counts as kept or as not."""
        low, high = 0, len(limits)
        while low < high and not self._over:
            middle = (low + high) // 2
            settled = self._settled(float(limits[middle]), part, proving=proving)
            kept = self.cost <= limits[middle] if settled else not upward
            low, high = (low, middle) if kept else (middle + 1, high)

    def _settled(self, limit: float, part: float, *, proving: bool) -> bool:
        """Find out whether a limit can be kept; narrow the range if so or if not."""
        effort = self._effort.share(part)
        before = effort.cells
        covers = self._times <= limit
        rows = cover_rows(covers, np.ones(covers.shape[1]))
        cover = find_cover(
            rows,
            np.ones(rows.n_sites),
            fixed_open=np.zeros(rows.n_sites, dtype=np.bool_),
            effort=effort,
            most=self._k,
            proving=proving,
            seed=self._seed,
            stopped=self._stopped,
        )
        self._effort.spend(int(before - effort.cells) + covers.size)
        if cover.sites is not None:
            plan = self._filled(cover.sites)
            self.plan, self.cost = plan, self._longest(plan)
            return True
        if cover.bound > self._k:
            above = self._times[self._times > limit]
            self.bound = max(self.bound, float(above.min(initial=np.inf)))
            return True
        return False

    def _longest(self, plan: NDArray[np.int64]) -> float:
        nearest = np.minimum(self._near, self._times[plan].min(axis=0, initial=np.inf))
        return float(nearest.max(initial=0.0))

    def _filled(self, plan: NDArray[np.int64]) -> NDArray[np.int64]:
        """Open the site nearest to whoever is worst off, up to k sites.

        The farthest-point rule of Gonzalez (1985, doi:10.1016/0304-3975(85)90224-5).
        """
        is_open = np.isin(np.arange(len(self._times)), plan)
        nearest = np.minimum(self._near, self._times[is_open].min(axis=0, initial=np.inf))
        while is_open.sum() < self._k:
            column = self._times[:, nearest.argmax()] if nearest.size else np.zeros(len(is_open))
            pick = np.where(is_open, np.inf, column).argmin()
            if is_open[pick]:
                pick = is_open.argmin()
            is_open[pick] = True
            nearest = np.minimum(nearest, self._times[pick])
        return np.flatnonzero(is_open)
