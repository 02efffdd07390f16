"""Find out by simulation which alternative is better, giving replications only to those in doubt.

A race (Maron and Moore 1997, doi:10.1023/A:1006556606079) with the paired comparisons
of fully sequential selection under common random numbers (Kim and Nelson 2001,
doi:10.1145/502109.502111): after each round whoever is shown to be no better drops
out, and the race ends with the first that is shown to be better than the incumbent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
from scipy import stats

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Evaluate = Callable[[NDArray[np.int64], int, int], NDArray[np.float64]]

Ending = Literal["better", "settled", "budget", "stopped"]

FEWEST: Final = 5
"""Replications in a first round, at least: an interval from fewer says little."""


@dataclass(frozen=True)
class Race:
    """How a race ended.

    Parameters
    ----------
    ending : str
        ``better``: a challenger was shown to be better; ``settled``: none is left, each
        having been shown to be no better or having made no difference at all;
        ``budget``, ``stopped``: some were still in doubt.
    winner : int or None
        Which challenger.
    value, low, high : float
        By how much it is better in a replication on average, and the interval; where
        there is no winner, of those in doubt the one that might be best. NaN for none.
    in_doubt : int
        Challengers that were neither accepted nor dropped.
    rounds : int
        How often intervals were looked at.
    replications : int
        Replications of everybody who was still in the race.
    simulated : int
        All that were simulated, the incumbent's included.
    """

    ending: Ending
    winner: int | None
    value: float
    low: float
    high: float
    in_doubt: int
    rounds: int
    replications: int
    simulated: int


def spent(total: float, step: int) -> float:
    """Divide a probability of error among steps whose number is not known beforehand.

    Parameters
    ----------
    total : float
        What all of them together may have.
    step : int
        From 1.

    Returns
    -------
    float
        Its part, total / (step (step + 1)): however many steps, the parts add up to no
        more than `total`.
    """
    return total / (step * (step + 1))


def race(
    evaluate: Evaluate,
    challengers: int,
    *,
    error: float,
    first: int,
    budget: int,
    stop: Callable[[], bool] | None = None,
) -> Race:
    """Race challengers against an incumbent on the same replications.

    Each round doubles the replications, the first one has `first`. An interval is a
    paired t interval; by Bonferroni's inequality its error is a share of `error`, for
    the challengers and, as in `spent`, for the rounds. So the probability that a
    challenger is accepted though it is not better stays below `error`, as far as means
    over that many replications are normal. Challengers also drop out when they are shown to
    be no better than the one that leads; that can only keep the incumbent.

    Parameters
    ----------
    evaluate : callable
        Takes rows, the first replication and how many; returns float64, shape (rows,
        replications), more is better. Row 0 is the incumbent, then come the
        challengers. A replication is the same for all rows.
    challengers : int
        How many.
    error : float
        Probability of accepting one that is not better.
    first : int
        Replications in the first round.
    budget : int
        Most replications, each row's counted.
    stop : callable, optional
        Asked before each round; true ends the race.

    Returns
    -------
    Race
        The outcome.
    """
    scores = np.empty((challengers + 1, 0))
    alive = np.arange(1, challengers + 1)
    done, simulated, rounds = 0, 0, 0
    value = low = high = np.full(challengers, np.nan)
    ending: Ending = "settled"
    while len(alive):
        fresh = done or first
        rows = np.concatenate([[0], alive])
        if simulated + len(rows) * fresh > budget:
            ending = "budget"
            break
        if stop is not None and stop():
            ending = "stopped"
            break
        grown = np.full((challengers + 1, done + fresh), np.nan)
        grown[:, :done] = scores
        grown[rows, done:] = evaluate(rows, done, fresh)
        scores, done = grown, done + fresh
        simulated += len(rows) * fresh
        rounds += 1
        level = spent(error, rounds) / challengers
        value, low, high = paired(scores[alive] - scores[0], level)
        if (low > 0).any():
            best = int(np.argmax(np.where(low > 0, value, -np.inf)))
            bounds = float(value[best]), float(low[best]), float(high[best])
            left = len(alive) - 1
            return Race("better", int(alive[best]), *bounds, left, rounds, done, simulated)
        leader = alive[int(np.argmax(value))]
        _, _, ahead = paired(scores[alive] - scores[leader], level)
        kept = (high > 0) & ((ahead > 0) | (alive == leader))
        alive, value, low, high = alive[kept], value[kept], low[kept], high[kept]
    if rounds and len(alive):
        best = int(np.argmax(high))
        bounds = float(value[best]), float(low[best]), float(high[best])
    else:
        bounds = (float("nan"),) * 3
    return Race(ending, None, *bounds, len(alive), rounds, done, simulated)


def paired(
    difference: NDArray[np.float64], level: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Bound means of paired differences.

    Parameters
    ----------
    difference : ndarray of float64, shape (rows, replications)
        At least two replications.
    level : float
        Error of each bound.

    Returns
    -------
    ndarray of float64, shape (rows,)
        Means.
    ndarray, ndarray of float64, shape (rows,)
        Lower and upper bounds. Where all differences are the same there is no spread to
        judge by. If they are not zero, there is no bound: both are infinite. If they are,
        both are zero: who did nothing else in any replication is not given more.
    """
    count = difference.shape[1]
    mean = difference.mean(axis=1)
    spread = np.ptp(difference, axis=1)
    error = difference.std(axis=1, ddof=1) / np.sqrt(count)
    half = float(stats.t.isf(level, count - 1)) * error
    half = np.where(spread > 0, half, np.where(mean == 0, 0.0, np.inf))
    return mean, mean - half, mean + half
