"""Good covering choices fast: greedy, tabu search, annealing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from engine.stationing.covering_anneal_kernels import anneal
from engine.stationing.covering_core import CELLS_A_CALL, Core
from engine.stationing.covering_search_kernels import greedy, tabu

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from engine.stationing.effort import Effort

# Heat to begin and to end with, in shares of what a unit is worth on average.
_HEATS: Final = ((0.05, 0.002), (0.03, 0.003))
_PATIENCE: Final = 50
_CELLS_OF_A_TRY: Final = 28
_PAIRS: Final = 3e7
_THREADS: Final = 2
_WARM: Final = 0.6


@dataclass
class Best:
    """The best choice known.

    Parameters
    ----------
    units : ndarray of int64, shape (sites,)
        Units at each site.
    value : float
        What they are worth, without what every choice is.
    """

    units: NDArray[np.int64]
    value: float


def begin(core: Core, units: NDArray[np.int64], effort: Effort) -> Best:
    """Fill up a choice with the units that gain most.

    Parameters
    ----------
    core : Core
        The problem.
    units : ndarray of int64, shape (sites,)
        Units to begin with, k or fewer, within the capacities.
    effort : Effort
        What may be spent.

    Returns
    -------
    Best
        The choice.
    """
    units = units.copy()
    effort.spend(greedy(*_arrays(core), units, core.k))
    return Best(units, worth(core, units))


def worth(core: Core, units: NDArray[np.int64]) -> float:
    """Weigh a choice, without what every choice is worth.

    Parameters
    ----------
    core : Core
        The problem.
    units : ndarray of int64, shape (sites,)
        Units at each site.

    Returns
    -------
    float
        The value.
    """
    if len(core.weight) == 0:
        return 0.0
    count = core.have + np.add.reduceat(units[core.sites], core.ptr[:-1])
    total = np.cumsum(core.theta)
    return float(core.weight @ (total[count] - total[core.have]))


def polish(
    core: Core, best: Best, least: float, effort: Effort, stopped: Callable[[], bool]
) -> None:
    """Improve a choice by tabu search.

    Parameters
    ----------
    core : Core
        The problem.
    best : Best
        The choice; improved.
    least : float
        Smallest improvement that counts.
    effort : Effort
        What may be spent.
    stopped : callable
        Whether to stop.
    """
    if core.k * len(best.units) > _PAIRS:
        return
    units, value = best.units.copy(), np.array([best.value])
    random = np.array([1], dtype=np.uint64)
    finished = False
    while not finished and not effort.exhausted and not stopped():
        cells, finished = tabu(
            *_arrays(core), units, best.units, value, least, _PATIENCE, random, CELLS_A_CALL
        )
        effort.spend(cells)
    best.value = worth(core, best.units)


def explore(
    core: Core,
    best: Best,
    least: float,
    tries: int,
    seed: int,
    effort: Effort,
    stopped: Callable[[], bool],
) -> None:
    """Look for better choices by annealing, side by side at different heats.

    Parameters
    ----------
    core : Core
        The problem.
    best : Best
        The best choice known; improved.
    least : float
        Smallest improvement that counts.
    tries : int
        Moves to try in each; fewer where the effort ends earlier.
    seed : int
        Seed of the random numbers.
    effort : Effort
        What may be spent; those side by side count once.
    stopped : callable
        Whether to stop.
    """
    if core.k == 0 or best.value <= 0:
        return
    for own in cool(core, [best] * len(_HEATS), _HEATS, tries, seed, effort, stopped):
        polish(core, own, least, effort, stopped)
        if own.value > best.value:
            best.units, best.value = own.units, own.value


def cool(
    core: Core,
    starts: list[Best],
    heats: Sequence[tuple[float, float]],
    tries: float,
    seed: int,
    effort: Effort,
    stopped: Callable[[], bool],
) -> list[Best]:
    """Anneal several choices, two at a time.

    Parameters
    ----------
    core : Core
        The problem; k is one or more.
    starts : list of Best
        A choice for each to begin with, worth more than nothing; left as they are.
    heats : sequence of (float, float)
        Heat that each begins and ends with, in shares of what a unit is worth on average.
    tries : float
        Moves to try in each; fewer where the effort ends earlier.
    seed : int
        Seed of the random numbers.
    effort : Effort
        What may be spent; two side by side count once.
    stopped : callable
        Whether to stop.

    Returns
    -------
    list of Best
        The best choice of the cooler part of each.
    """
    tries = min(tries, tries_within(core, effort, len(starts)))
    warm = int(_WARM * tries)
    states = np.random.Generator(np.random.Philox(seed)).integers(1, 2**63, len(starts))

    def _run(chain: int) -> tuple[Best, int]:
        start, (hot, cold) = starts[chain], heats[chain]
        units, best_units = start.units.copy(), start.units.copy()
        value, heat = np.array([start.value]), np.array([hot * start.value / core.k])
        cooling = (cold / hot) ** (1 / max(1.0, tries))
        random, spent = states[chain : chain + 1].astype(np.uint64), 0
        for part in (warm, int(tries) - warm):
            left = part
            # What the hot part finds is where it began: only what it leaves behind counts.
            best_units[:], value[0] = units, worth(core, units)
            while left and not stopped():
                left, cells = anneal(
                    *_arrays(core),
                    units,
                    best_units,
                    value,
                    0.0,
                    heat,
                    cooling,
                    left,
                    random,
                    CELLS_A_CALL,
                )
                spent += cells
        return Best(best_units, worth(core, best_units)), spent

    with ThreadPoolExecutor(_THREADS) as pool:
        found = list(pool.map(_run, range(len(starts))))
    effort.spend(sum(spent for _, spent in found) // min(_THREADS, len(starts)))
    return [own for own, _ in found]


def tries_within(core: Core, effort: Effort, chains: int) -> float:
    """Estimate how many moves annealing can try.

    Parameters
    ----------
    core : Core
        The problem.
    effort : Effort
        What may be spent.
    chains : int
        How many choices are annealed, two at a time.

    Returns
    -------
    float
        Moves for each.
    """
    per_site = len(core.sites) / max(1, len(core.capacity))
    return effort.cells / -(-chains // _THREADS) / (_CELLS_OF_A_TRY + per_site / 2)


def _arrays(
    core: Core,
) -> tuple[
    NDArray[np.int64],
    NDArray[np.int32],
    NDArray[np.int64],
    NDArray[np.int32],
    NDArray[np.float64],
    NDArray[np.int64],
    NDArray[np.float64],
    NDArray[np.int64],
]:
    return (
        core.ptr,
        core.sites,
        core.site_ptr,
        core.site_rows,
        core.weight,
        core.have,
        core.theta,
        core.capacity,
    )
