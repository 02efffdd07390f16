"""The best covering choice within limits, by an integer program."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from engine.mip import minimise, never
from engine.stationing.covering_core import shrink
from engine.stationing.covering_program import program, solution
from engine.stationing.covering_search import Best, begin

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from engine.stationing.covering_core import Core
    from engine.stationing.effort import Effort


@dataclass(frozen=True)
class Within:
    """What is known of the choices within limits.

    Parameters
    ----------
    best : Best or None
        The best one found, filled up to k units; None where the solver found none.
    bound : float
        No choice within the limits is worth more, what every choice is worth included.
    seconds : float
        Time that the solver took.
    iterations : int
        Its steps: what it did, whatever the time it took.
    size : int
        Entries of the program.
    """

    best: Best | None
    bound: float
    seconds: float
    iterations: int
    size: int


def best_within(
    core: Core,
    most: NDArray[np.int64],
    fewest: NDArray[np.int64],
    start: NDArray[np.int64],
    *,
    seconds: float,
    tolerance: float,
    effort: Effort,
    nodes: int | None = None,
    stopped: Callable[[], bool] = never,
) -> Within:
    """Look for the best choice within limits.

    Parameters
    ----------
    core : Core
        The problem.
    most, fewest : ndarray of int64, shape (sites,)
        Limits of the units at each site.
    start : ndarray of int64, shape (sites,)
        A choice to start from; what lies beyond the limits is left out.
    seconds : float
        Time limit of the solver.
    tolerance : float
        Gap at which a choice is good enough.
    effort : Effort
        Pays for making the problem smaller; the solver's share is the caller's to pay.
    nodes : int, optional
        Stop after so many nodes of the search tree.
    stopped : callable
        Asked ten times a second; once it says True, the solver hands over what it has.

    Returns
    -------
    Within
        The choice and its bound.
    """
    small = shrink(core, most, fewest, effort)
    there = np.minimum((core.whole(start) - small.placed)[small.origin], small.capacity)
    filled = begin(small, np.maximum(there, 0), effort)
    if len(small.weight) == 0:
        return Within(_lifted(core, small, filled.units, effort), small.base, 0.0, 0, 0)
    task = program(small)
    answer = minimise(
        task,
        seconds=seconds,
        tolerance=tolerance,
        start=solution(small, filled.units),
        nodes=nodes,
        stopped=stopped,
    )
    found = None
    if answer.values is not None:
        units = np.rint(answer.values[: len(small.capacity)]).astype(np.int64)
        if (units >= 0).all() and (units <= small.capacity).all():
            found = _lifted(core, small, units, effort)
    size = int(task.matrix.nnz)
    return Within(found, small.base - answer.bound, answer.seconds, answer.iterations, size)


def _lifted(core: Core, small: Core, units: NDArray[np.int64], effort: Effort) -> Best | None:
    """Take a choice within the smaller problem over, filled up to k units."""
    lifted = (small.whole(units) - core.placed)[core.origin]
    return begin(core, lifted, effort) if lifted.sum() <= core.k else None
