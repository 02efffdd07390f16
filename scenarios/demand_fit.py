"""Rates of demand fitted to the times and places of incidents, and how well they fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from scipy import stats

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ROUNDS: Final = 200
_ENOUGH: Final = 5.0
_HOUR_NS: Final = 3_600_000_000_000


class Fit(NamedTuple):
    """Demand by hour and weekday, and how well it describes the incidents.

    Parameters
    ----------
    per_day : float
        Incidents a day, the mean of a week.
    hour_profile : ndarray of float64, shape (24,)
        By local hour against each other; their mean is 1.
    weekday_profile : ndarray of float64, shape (7,)
        Monday to Sunday against each other; their mean is 1.
    days : int
        Local days from the first incident to the last one.
    tests : dict of str to dict
        For each test its statistic, degrees of freedom (None where it has none) and p.
    incidents : ndarray of int64, shape (7, 24)
        How many there were by weekday and local hour.
    exposure : ndarray of float64, shape (7, 24)
        How often each of these hours was in the days of the log.
    """

    per_day: float
    hour_profile: NDArray[np.float64]
    weekday_profile: NDArray[np.float64]
    days: int
    tests: dict[str, dict[str, Any]]
    incidents: NDArray[np.int64]
    exposure: NDArray[np.float64]


def fit_times(times: pd.DatetimeIndex, timezone: str) -> Fit:
    """Fit a rate by hour and weekday, each with a factor of its own.

    The greatest likelihood of a Poisson process whose rate is the product of a factor by
    hour and one by weekday, found by proportional fitting (Deming and Stephan 1940,
    doi:10.1214/aoms/1177731829) with the local hours that there were, so that days on
    which clocks change count as they are. It is then held against the incidents:
    ``hours`` compares the counts of the 168 hours of the week with it (deviance),
    ``days`` those of all days (index of dispersion: more than Poisson is a season, an
    event, or weather), ``rescaled`` the gaps between incidents, in units of expected
    incidents, with an exponential distribution (Kolmogorov and Smirnov after time
    rescaling: Brown et al. 2002, doi:10.1162/08997660252741149).

    Parameters
    ----------
    times : DatetimeIndex
        When incidents were, UTC, ascending; one or more.
    timezone : str
        IANA name of the local time.

    Returns
    -------
    Fit
        The rates and the tests.
    """
    zone = ZoneInfo(timezone)
    local = times.tz_convert(zone)
    begin, end = local[0].normalize(), (local[-1] + pd.Timedelta(days=1)).normalize()
    edges = pd.date_range(begin.tz_convert("UTC"), end.tz_convert("UTC"), freq="h")
    hours = edges[:-1].tz_convert(zone)
    slot = hours.day_of_week.to_numpy() * 24 + hours.hour.to_numpy()
    exposure = np.bincount(slot, minlength=168).astype(np.float64).reshape(7, 24)
    count = np.bincount(
        local.day_of_week.to_numpy() * 24 + local.hour.to_numpy(), minlength=168
    ).reshape(7, 24)
    by_day, by_hour = np.ones(7), np.ones(24)
    for _ in range(_ROUNDS):
        by_hour = _ratio(count.sum(axis=0), by_day @ exposure)
        by_day = _ratio(count.sum(axis=1), exposure @ by_hour)
    expected = np.outer(by_day, by_hour)
    days = len(pd.date_range(begin.tz_localize(None), end.tz_localize(None), freq="D")) - 1
    tests = {
        "hours": _deviance(count, expected * exposure),
        "days": _dispersion(local, hours, expected),
        "rescaled": _rescaled(times, edges, expected.ravel()[slot]),
    }
    # a weekday that the incidents say nothing of is as the others are
    unseen = exposure.sum(axis=1) == 0
    by_day[unseen] = by_day[~unseen].mean()
    return Fit(
        float(np.outer(by_day, by_hour).sum() / 7),
        by_hour / by_hour.mean(),
        by_day / by_day.mean(),
        days,
        tests,
        count,
        exposure,
    )


def zone_weights(
    counts: NDArray[np.integer[Any]], prior: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float]:
    """Fit how much of the demand is in each zone, thin counts drawn to what was assumed.

    Empirical Bayes estimates of Poisson rates relative to expected ones, with a gamma
    prior whose spread is found by moments (Clayton and Kaldor 1987,
    doi:10.2307/2532003): the more a zone's counts say, the less the prior.

    Parameters
    ----------
    counts : ndarray of int, shape (zones,)
        Incidents in each zone; one or more in all.
    prior : ndarray of float64, shape (zones,)
        Weights assumed before, zero or more; not all zero.

    Returns
    -------
    weight : ndarray of float64, shape (zones,)
        Weights, which add up to the number of incidents.
    strength : float
        Incidents that the prior of a mean zone counts for; inf where zones differ no
        more from it than by chance.
    """
    total = counts.sum()
    expected = prior / prior.sum() * total
    known = expected > 0
    ratio = counts[known] / expected[known]
    # variance of the rates beyond that of the counts, weighted by what is expected
    spread = np.average((ratio - 1) ** 2, weights=expected[known]) - known.sum() / total
    if spread <= 0:
        return expected, np.inf
    shape = 1 / spread
    weight = np.where(known, expected * (counts + shape) / (expected + shape), counts)
    return weight * total / weight.sum(), float(shape)


def _ratio(count: NDArray[Any], exposure: NDArray[np.float64]) -> NDArray[np.float64]:
    ratio: NDArray[np.float64] = np.divide(
        count, exposure, out=np.zeros(len(count)), where=exposure > 0
    )
    return ratio


def _told(statistic: float, freedom: int | None, p: float) -> dict[str, Any]:
    return {"statistic": float(statistic), "freedom": freedom, "p": float(p)}


def _deviance(count: NDArray[Any], expected: NDArray[np.float64]) -> dict[str, Any]:
    """Compare counts of hours of the week with their expectation, where that is not thin."""
    used = expected >= _ENOUGH
    seen, mean = count[used].astype(np.float64), expected[used]
    logs = np.log(np.divide(seen, mean, out=np.ones_like(mean), where=seen > 0))
    statistic = 2 * (seen * logs - (seen - mean)).sum()
    freedom = max(0, int(used.sum()) - int(used.any(axis=0).sum() + used.any(axis=1).sum()) + 1)
    return _told(statistic, freedom, stats.chi2.sf(statistic, freedom) if freedom else np.nan)


def _dispersion(
    local: pd.DatetimeIndex, hours: pd.DatetimeIndex, expected: NDArray[np.float64]
) -> dict[str, Any]:
    """Compare counts of days with their expectation."""
    rate = pd.Series(
        expected[hours.day_of_week, hours.hour], index=hours.tz_localize(None).normalize()
    )
    mean = rate.groupby(level=0).sum()
    seen = pd.Series(1, index=local.tz_localize(None).normalize()).groupby(level=0).sum()
    seen = seen.reindex(mean.index, fill_value=0)
    some = mean > 0
    statistic = float(((seen - mean) ** 2 / mean)[some].sum())
    freedom = int(some.sum()) - 1
    return _told(statistic, freedom, stats.chi2.sf(statistic, freedom) if freedom > 0 else np.nan)


def _rescaled(
    times: pd.DatetimeIndex, edges: pd.DatetimeIndex, rate: NDArray[np.float64]
) -> dict[str, Any]:
    """Compare gaps, in expected incidents, with an exponential distribution."""
    if len(times) < 3:
        return _told(np.nan, None, np.nan)
    upto = np.concatenate([[0.0], np.cumsum(rate)])
    at_h = (times.as_unit("ns").asi8 - edges.as_unit("ns").asi8[0]) / _HOUR_NS
    gaps = np.diff(np.interp(at_h, np.arange(len(upto)), upto))
    found = stats.kstest(gaps, stats.expon.cdf)
    return _told(float(found.statistic), None, float(found.pvalue))
