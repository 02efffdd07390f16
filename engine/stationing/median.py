"""Choose k sites so that demand, each point served by its cheapest site, costs least.

The one solver behind the models: they differ in what service costs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from engine.mip import never
from engine.stationing.choice import Choice, common_step, listed_sites
from engine.stationing.cuts import finish
from engine.stationing.effort import CELLS_PER_SECOND
from engine.stationing.lagrangian import bound, search_tree
from engine.stationing.reduction import reduce
from engine.stationing.search import search

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from engine.stationing.effort import Effort

_ROUNDING: Final = 1e-9
_REDUCING: Final = 100
_WRITING: Final = 200
"""What reducing a case and writing its program cost for each of its costs, measured."""


def choose_sites(
    cost: NDArray[Any],
    weight: NDArray[np.float64],
    k: int,
    *,
    kept: NDArray[np.bool_],
    effort: Effort,
    seed: int = 0,
    stopped: Callable[[], bool] = never,
) -> Choice:
    """Choose sites of least cost, and prove it as far as the effort allows.

    Reduction, local search and a Lagrangian bound that decides sites come first; they
    settle most cases. What is left goes to a branch and bound on that bound, which is
    quick where few sites serve many, and then to an integer program, which is quick
    where sites serve few each.

    Parameters
    ----------
    cost : ndarray, shape (sites, demand)
        What a unit of each demand point costs where a site serves it; finite.
    weight : ndarray of float64, shape (demand,)
        How much each demand point counts.
    k : int
        How many sites are open, the kept ones included.
    kept : ndarray of bool, shape (sites,)
        Sites that are open in every plan.
    effort : Effort
        What may be spent.
    seed : int
        Seed of the local search.
    stopped : callable
        Asked now and then; once it says True, the best plan so far is the answer.

    Returns
    -------
    Choice
        The best plan found and its bound.
    """
    case = _Case(cost, weight, k, kept)
    effort.spend(_REDUCING * cost.size)
    reduced = reduce(cost, weight, kept) if not kept.all() else None
    open_new = k - int(kept.sum())
    if reduced is None or open_new == 0:
        return case.known(np.flatnonzero(kept))
    if open_new >= len(reduced.rows):
        return case.known(case.filled(reduced.rows))

    step = common_step(reduced.cost)
    greatest = float(reduced.cost.max(axis=0).sum())
    slack = 0.999 * step if step else _ROUNDING * greatest
    part = effort.share(0.15)
    chosen, upper = search(
        reduced.cost, open_new, least=slack / 2, seed=seed, effort=part, stopped=stopped
    )
    effort = effort.without(0.15, part)
    part = effort.share(0.15)
    proof = bound(reduced.cost, chosen, upper, slack, part, stopped)
    effort = effort.without(0.15, part)
    if not proof.complete and not stopped():
        part = effort.share(0.1)
        search_tree(reduced.cost, proof, part, stopped)
        effort = effort.without(0.1, part)
    # The solver is not asked where its time would go by before the program is written.
    writing = _WRITING * reduced.cost.size / CELLS_PER_SECOND
    if not proof.complete and not stopped() and effort.seconds > 2 * writing:
        finish(reduced.cost, proof, effort.seconds - writing, stopped)
    sites = case.filled(reduced.rows[proof.chosen])
    exact = case.total(sites)
    if proof.complete:
        return Choice(listed_sites(sites), exact, exact if step else exact - min(slack, exact))
    return Choice(listed_sites(sites), exact, min(exact, max(0.0, proof.lower) + reduced.base))


@dataclass(frozen=True, eq=False)
class _Case:
    cost: NDArray[Any]
    weight: NDArray[np.float64]
    k: int
    kept: NDArray[np.bool_]

    def filled(self, chosen: NDArray[np.int64]) -> NDArray[np.int64]:
        """Add the kept sites, and the first of the useless ones up to k."""
        is_open = self.kept.copy()
        is_open[chosen] = True
        missing = self.k - int(is_open.sum())
        is_open[np.flatnonzero(~is_open)[:missing]] = True
        return np.flatnonzero(is_open)

    def known(self, sites: NDArray[np.int64]) -> Choice:
        total = self.total(sites)
        return Choice(listed_sites(sites), total, total)

    def total(self, sites: NDArray[np.int64]) -> float:
        return float(self.weight @ self.cost[sites].min(axis=0))
