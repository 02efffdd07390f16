"""Estimates with intervals, from groups of observations that are independent.

Groups are replications, or where there is only one, stretches of its time (batch
means). Every statistic is given for all groups and for all but each one; the
jackknife makes an interval of these, and the difference of two statistics under
common random numbers is a statistic again. For a mean of groups of equal size this is
the usual t interval, for a difference the paired one.

The interval of a quantile runs between order statistics: those at the ends of the
interval of the share of observations below it (Woodruff 1952,
doi:10.1080/01621459.1952.10483443), whose error is that between groups. Where too few
observations lie beyond it, it is the jackknife's.

Quenouille 1956, doi:10.2307/2332914; Tukey 1958; Miller 1974,
doi:10.1093/biomet/61.1.1. Batch means: Law and Carson 1979, doi:10.1287/opre.27.5.1011.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from scipy import stats

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEVEL: Final = 0.95
"""Confidence level of every interval."""

BATCHES: Final = 20
"""Stretches of time that a single replication is cut into."""

_DIGITS: Final = 9


@dataclass(frozen=True, eq=False)
class Measure:
    """A statistic of all groups, and of all but each one.

    Parameters
    ----------
    value : float
        The statistic of all observations; NaN where it is undefined.
    without : ndarray of float64, shape (groups,)
        The same without each group.
    successes, trials : int
        For a share: how many of how many; `trials` is 0 for anything else.
    bounds : tuple of float, optional
        For a quantile: the ends of its interval; NaN where there are too few
        observations beyond it.
    signed : bool
        Whether it may be below zero, as differences may: shares, counts and times are not.
    """

    value: float
    without: NDArray[np.float64]
    successes: int = 0
    trials: int = 0
    bounds: tuple[float, float] | None = None
    signed: bool = False

    def __sub__(self, other: Measure) -> Measure:
        """Return the difference, group by group."""
        return Measure(self.value - other.value, self.without - other.without, signed=True)


@dataclass(frozen=True)
class Estimate:
    """A value and its interval, or the reason why there is none.

    Parameters
    ----------
    value, low, high : float or None
        All three or none.
    reason : str
        Why there is none.
    """

    value: float | None
    low: float | None
    high: float | None
    reason: str = ""

    def to_json_dict(self) -> dict[str, Any]:
        """Return the estimate as JSON; numbers to nine digits.

        Returns
        -------
        dict
            ``value``, ``low``, ``high``, and ``reason`` where they are null.
        """
        numbers = {"value": self.value, "low": self.low, "high": self.high}
        rounded = {k: None if v is None else rounded_to_digits(v) for k, v in numbers.items()}
        return rounded | ({"reason": self.reason} if self.reason else {})


def rounded_to_digits(value: float) -> float:
    """Round to nine significant digits: the rest may differ between machines.

    Parameters
    ----------
    value : float
        Any number.

    Returns
    -------
    float
        The rounded number.
    """
    return float(f"{value:.{_DIGITS}g}")


def ratio(numerator: NDArray[Any], denominator: NDArray[Any], *, share: bool = False) -> Measure:
    """Return a sum over a sum, such as a mean.

    Parameters
    ----------
    numerator, denominator : ndarray, shape (groups,)
        Both sums in each group.
    share : bool
        True where they count successes and trials.

    Returns
    -------
    Measure
        The ratio; NaN where the denominator is zero.
    """
    top, bottom = numerator.sum(), denominator.sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        value = float(np.divide(top, bottom))
        rest = bottom - denominator
        # where all are in one group, what rounding leaves of their sum is over zero
        without = np.where(rest == 0, np.nan, np.divide(top - numerator, rest, dtype=np.float64))
    if share:
        return Measure(value, without, int(top), int(bottom))
    return Measure(value, without)


def quantile(
    values: NDArray[np.float64], group: NDArray[np.int64], groups: int, level: float
) -> Measure:
    """Return a quantile of observations.

    Parameters
    ----------
    values : ndarray of float64, shape (n,)
        The observations.
    group : ndarray of int64, shape (n,)
        Group of each.
    groups : int
        How many groups there are.
    level : float
        Between 0 and 1; linear between order statistics.

    Returns
    -------
    Measure
        The quantile; NaN where there is no observation.
    """
    order = np.argsort(values, kind="stable")
    ordered, group = values[order], group[order]
    rank = np.argsort(group, kind="stable")  # by group, rising in each
    ends = np.searchsorted(group[rank], np.arange(groups + 1))
    parts = [rank[begin:end] for begin, end in pairwise(ends)]
    without = np.array([_quantile_without(ordered, part, level) for part in parts])
    value = _quantile_without(ordered, rank[:0], level)
    return Measure(value, without, bounds=_bounds(ordered, parts, level, value))


def _quantile_without(
    ordered: NDArray[np.float64], left_out: NDArray[np.int64], level: float
) -> float:
    """Return a quantile of sorted values without those at some rising ranks."""
    count = len(ordered) - len(left_out)
    if count == 0:
        return float("nan")
    position = level * (count - 1)
    below = int(position)
    above = min(below + 1, count - 1)
    # the k-th that is left stands behind all left out with a rank of no more than k plus theirs
    shifted = left_out - np.arange(len(left_out))
    ends = np.array([below, above])
    low, high = ordered[ends + np.searchsorted(shifted, ends, "right")]
    return float(low + (high - low) * (position - below))


def _bounds(
    ordered: NDArray[np.float64], parts: list[NDArray[np.int64]], level: float, value: float
) -> tuple[float, float]:
    """Return the order statistics that a quantile lies between, NaN where there are none."""
    groups, count = len(parts), len(ordered)
    if groups < 2 or count < 2:
        return float("nan"), float("nan")
    # counted from both sides of ties, so that times in whole seconds are no worse off
    left, right = np.searchsorted(ordered, value), np.searchsorted(ordered, value, "right")
    sizes = np.array([len(part) for part in parts])
    under = np.array([(np.searchsorted(p, left) + np.searchsorted(p, right)) / 2 for p in parts])
    excess = under - under.sum() / count * sizes
    between = groups / (groups - 1) * float((excess**2).sum())
    error = np.sqrt(between or level * (1 - level) * count)  # no spread is no certainty
    half = _t_factor(groups) * error
    first = int(np.floor(level * count - half)) - 1
    last = int(np.ceil(level * count + half))
    return (
        float(ordered[first]) if first >= 0 else float("nan"),
        float(ordered[last]) if last < count else float("nan"),
    )


def binomial_bounds(ordered: NDArray[np.float64], level: float) -> tuple[float, float]:
    """Return a quantile's interval as if all observations were independent.

    Distribution-free, from order statistics (David and Nagaraja 2003, section 7.1,
    doi:10.1002/0471722162): the ranks between which a binomial number of observations
    falls with at least the confidence of `LEVEL`. Responses of one replication that
    shared a busy hour are not independent, so that this is the narrower interval.

    Parameters
    ----------
    ordered : ndarray of float64, shape (n,)
        Rising observations.
    level : float
        Between 0 and 1.

    Returns
    -------
    tuple of float
        Both ends; NaN where there are too few observations for one.
    """
    count = len(ordered)
    tail = (1 - LEVEL) / 2
    first = int(stats.binom.ppf(tail, count, level)) - 1 if count else -1
    last = int(stats.binom.ppf(1 - tail, count, level)) if count else 0
    return (
        float(ordered[first]) if first >= 0 else float("nan"),
        float(ordered[last]) if last < count else float("nan"),
    )


def estimate(measure: Measure) -> Estimate:
    """Make an interval.

    Parameters
    ----------
    measure : Measure
        A statistic.

    Returns
    -------
    Estimate
        With a t interval about the value, cut off where no value can be: below zero, but
        for differences, and above one for shares; where all groups agree about a share, the
        exact binomial one of Clopper and Pearson, since no spread is no certainty; for
        a quantile, between order statistics where there are enough.
    """
    groups = len(measure.without)
    if np.isnan(measure.value):
        return Estimate(None, None, None, "there is no observation")
    if groups < 2:
        return Estimate(None, None, None, "there is only one group of observations")
    if np.isnan(measure.without).any():
        return Estimate(None, None, None, "all observations are in one replication")
    if measure.bounds is not None and not np.isnan(measure.bounds).any():
        return Estimate(measure.value, *measure.bounds)
    spread = measure.without - measure.without.mean()
    error = float(np.sqrt((groups - 1) / groups * (spread**2).sum()))
    if measure.trials and np.ptp(measure.without) < 1e-12:  # what is left is rounding
        exact = stats.binomtest(measure.successes, measure.trials).proportion_ci(LEVEL)
        return Estimate(measure.value, float(exact.low), float(exact.high))
    half = _t_factor(groups) * error
    low, high = measure.value - half, measure.value + half
    if not measure.signed:
        low = max(0.0, low)
    if measure.trials:
        high = min(high, 1.0)
    return Estimate(measure.value, low, high)


@cache
def _t_factor(groups: int) -> float:
    """Return errors of a value that make half of its interval; SciPy takes its time for it."""
    return float(stats.t.ppf((1 + LEVEL) / 2, groups - 1))


def groups_of(
    replication: NDArray[np.integer], call_ms: NDArray[np.float64], replications: int, span_ms: int
) -> tuple[NDArray[np.int64], int]:
    """Group incidents into what is independent.

    Parameters
    ----------
    replication : ndarray of int, shape (n,)
        Replication of each incident.
    call_ms : ndarray of float64, shape (n,)
        When each was called in.
    replications : int
        How many replications there are.
    span_ms : int
        Length of one.

    Returns
    -------
    ndarray of int64, shape (n,)
        Group of each incident: its replication or, if there is one only, the stretch
        of its time.
    int
        How many groups there are.
    """
    if replications > 1:
        return replication.astype(np.int64), replications
    return (call_ms * BATCHES // span_ms).astype(np.int64), BATCHES
