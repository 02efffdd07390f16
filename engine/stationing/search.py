"""A good plan fast: greedy start, swaps, and restarts from shaken plans."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from engine.mip import never
from engine.stationing.search_kernels import greedy, interchange

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from engine.stationing.effort import Effort

_RESTARTS: Final = 300
_IN_VAIN: Final = 60
_STRONGEST: Final = 8


def search(
    cost: NDArray[np.float64],
    k: int,
    *,
    least: float,
    seed: int,
    effort: Effort,
    stopped: Callable[[], bool] = never,
) -> tuple[NDArray[np.int64], float]:
    """Look for a cheap plan by iterated local search.

    Parameters
    ----------
    cost : ndarray of float64, shape (sites, demand)
        Cost of service.
    k : int
        Sites to open, fewer than there are.
    least : float
        Smallest saving that counts.
    seed : int
        Seed of the restarts.
    effort : Effort
        What may be spent.
    stopped : callable
        Asked now and then; once it says True, the best plan so far is the answer.

    Returns
    -------
    chosen : ndarray of int64, shape (k,)
        Open sites.
    total : float
        Their cost.
    """
    random = np.random.Generator(np.random.Philox(seed))
    best, cells = greedy(cost, k)
    effort.spend(cells)
    best_total, cells = interchange(cost, best, least)
    effort.spend(cells)
    in_vain = 0
    for _ in range(_RESTARTS):
        if effort.exhausted or in_vain == _IN_VAIN or stopped():
            break
        strength = int(random.integers(1, min(k, _STRONGEST), endpoint=True))
        plan = _shaken(best, len(cost), strength, random)
        total, cells = interchange(cost, plan, least)
        effort.spend(cells)
        in_vain += 1
        if total < best_total - least:
            best, best_total, in_vain = plan, total, 0
    return best, best_total


def _shaken(
    plan: NDArray[np.int64], sites: int, strength: int, random: np.random.Generator
) -> NDArray[np.int64]:
    """Close some sites of a plan and open as many others, all by chance."""
    closed = np.setdiff1d(np.arange(sites), plan)
    strength = min(strength, len(closed))
    shaken = plan.copy()
    leaving = random.choice(len(plan), strength, replace=False)
    shaken[leaving] = random.choice(closed, strength, replace=False)
    return shaken
