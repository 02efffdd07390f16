"""Choose k sites so that demand, each point served by its cheapest site, costs least.

The one solver behind the models: they differ in what service costs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from engine.stationing.cuts import finish
from engine.stationing.effort import Effort
from engine.stationing.lagrangian import bound, search_tree
from engine.stationing.reduction import reduce
from engine.stationing.search import search

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.stationing.base import LocationProblem

_STEPS: Final = (1.0, 1e-3)
_EXACT: Final = 2.0**50
_NO_PART_OF_A_STEP: Final = 1e-4
_ROUNDING: Final = 1e-9


@dataclass(frozen=True)
class Choice:
    """Sites and what is known of their cost.

    Parameters
    ----------
    sites : tuple of int
        Open sites, ascending.
    cost : float
        What they cost.
    bound : float
        No plan costs less.
    """

    sites: tuple[int, ...]
    cost: float
    bound: float


def choose_sites(problem: LocationProblem, cost: NDArray[Any], *, covering: bool) -> Choice:
    """Choose sites of least cost, and prove it as far as the time limit allows.

    Reduction, local search and a Lagrangian bound that decides sites come first; they
    settle most cases. What is left goes to a branch and bound on that bound, which is
    quick where few sites serve many, and then to an integer program, which is quick for
    covering and where sites serve few each.

    Parameters
    ----------
    problem : LocationProblem
        The sites, the weights and what may be spent.
    cost : ndarray, shape (sites, demand)
        What a unit of each demand point costs where a site serves it; finite.
    covering : bool
        Whether a unit costs either nothing or one.

    Returns
    -------
    Choice
        The best plan found and its bound.
    """
    kept = problem.kept
    reduced = reduce(cost, problem.weight, kept) if not kept.all() else None
    open_new = problem.k - int(kept.sum())
    if reduced is None or open_new == 0:
        return _known(problem, cost, np.flatnonzero(kept))
    if open_new >= len(reduced.rows):
        return _known(problem, cost, _filled(problem, reduced.rows))

    effort = Effort.of_seconds(problem.time_limit_s)
    step = _step(reduced.cost)
    greatest = float(reduced.cost.max(axis=0).sum())
    slack = 0.999 * step if step else _ROUNDING * greatest
    chosen, upper = search(
        reduced.cost, open_new, least=slack / 2, seed=problem.seed, effort=effort.share(0.15)
    )
    proof = bound(reduced.cost, chosen, upper, slack, effort.share(0.15))
    if not proof.complete and not covering:
        search_tree(reduced.cost, proof, effort.share(0.2))
    if not proof.complete:
        finish(reduced.cost, proof, effort.share(0.5).seconds)
    sites = _filled(problem, reduced.rows[proof.chosen])
    exact = _total(problem, cost, sites)
    if proof.complete:
        return Choice(_as_tuple(sites), exact, exact if step else exact - min(slack, exact))
    return Choice(_as_tuple(sites), exact, min(exact, max(0.0, proof.lower) + reduced.base))


def _step(cost: NDArray[np.float64]) -> float:
    """Return a step that all costs are multiples of, zero where none is seen.

    Plans then differ by a step at least, so a bound within one proves.
    """
    for step in _STEPS:
        steps = cost / step
        # what rounding leaves may not add up to a part of a step that a plan could win by
        rest = np.abs(steps - np.rint(steps)).max(axis=0).sum()
        if steps.max(axis=0).sum() < _EXACT and rest < _NO_PART_OF_A_STEP:
            return step
    return 0.0


def _filled(problem: LocationProblem, chosen: NDArray[np.int64]) -> NDArray[np.int64]:
    """Add the kept sites, and the first of the useless ones up to k."""
    is_open = problem.kept.copy()
    is_open[chosen] = True
    missing = problem.k - int(is_open.sum())
    is_open[np.flatnonzero(~is_open)[:missing]] = True
    return np.flatnonzero(is_open)


def _known(problem: LocationProblem, cost: NDArray[Any], sites: NDArray[np.int64]) -> Choice:
    total = _total(problem, cost, sites)
    return Choice(_as_tuple(sites), total, total)


def _total(problem: LocationProblem, cost: NDArray[Any], sites: NDArray[np.int64]) -> float:
    return float(problem.weight @ cost[sites].min(axis=0))


def _as_tuple(sites: NDArray[np.int64]) -> tuple[int, ...]:
    return tuple(int(site) for site in sites)
