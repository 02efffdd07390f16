"""Durations and transports of each type of incidents, thin types drawn to all the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import numpy as np
from scipy import stats

from scenarios.schema import Duration

if TYPE_CHECKING:
    from numpy.typing import NDArray

OWN_FAMILY: Final = 30
"""Cases from which on a type has the family of distributions that suits it best."""

SPREAD_CASES: Final = 10.0
"""Cases that the spread of all types counts for in that of each."""

_ENOUGH: Final = 8
_LARGEST_CV: Final = 10.0


class FittedDuration(NamedTuple):
    """A duration fitted to cases, and how well it describes them.

    Parameters
    ----------
    cases : int
        How many there were.
    observed_s : float
        Their mean in seconds, NaN without any.
    duration : Duration
        What was fitted.
    own : float
        Share of the cases' own mean of logarithms in the fitted one; the rest is that of
        all types.
    distance : float
        Largest difference between the cases' distribution and the fitted one, NaN
        without cases.
    p : float
        Of the family, at parameters of the cases' own (Anderson and Darling); NaN where
        there are too few to tell.
    """

    cases: int
    observed_s: float
    duration: Duration
    own: float
    distance: float
    p: float


class FittedShares(NamedTuple):
    """Shares of transports fitted to cases.

    Parameters
    ----------
    cases, transported : ndarray of int64, shape (types,)
        How many there were, and how many of them were transported.
    share : ndarray of float64, shape (types,)
        What was fitted.
    strength : float
        Cases that the share of all types counts for; inf where types differ no more from
        each other than by chance.
    p : float
        That all types have one share (chi-squared); NaN where nothing can tell.
    """

    cases: NDArray[np.int64]
    transported: NDArray[np.int64]
    share: NDArray[np.float64]
    strength: float
    p: float


def fit_durations(
    seconds: NDArray[np.float64], kind: NDArray[np.int64], kinds: int
) -> tuple[list[FittedDuration], float]:
    """Fit a duration to the cases of each type.

    Logarithms of durations have a mean of their own in each type. It is drawn to that of
    all types by its credibility n / (n + k), where k is the variance within types over
    that between them (Buehlmann and Straub 1970; both by moments, so that types which
    differ no more than by chance are all alike). The variance of logarithms is that of
    the type and of all types, which counts for `SPREAD_CASES` cases. A type of
    `OWN_FAMILY` cases or more is exponential or lognormal by Akaike's criterion, a
    smaller one as all types together; what never varies is constant. The type's own part of
    the fitted mean is its plain mean, so that the work of a type is right even if it is of
    another family.

    Parameters
    ----------
    seconds : ndarray of float64, shape (n,)
        Durations above 0; one or more.
    kind : ndarray of int64, shape (n,)
        The type of each.
    kinds : int
        Number of types, some perhaps without a case.

    Returns
    -------
    fitted : list of FittedDuration
        One for each type.
    strength : float
        The k above, in cases.
    """
    logs = np.log(seconds)
    count = np.bincount(kind, minlength=kinds)
    log_mean = _ratio(np.bincount(kind, logs, kinds), count)
    mean = _ratio(np.bincount(kind, seconds, kinds), count)
    squares = np.bincount(kind, (logs - log_mean[kind]) ** 2, kinds)
    # what rounding leaves of equal logarithms is no spread
    squares[squares < 1e-18 * np.maximum(count, 1)] = 0.0
    freedom = len(logs) - int((count > 0).sum())
    within = float(squares.sum()) / freedom if freedom else float(np.var(logs))
    centre, own, strength = credible_means(log_mean, count, within)
    spread = (squares + SPREAD_CASES * within) / (np.maximum(count - 1, 0) + SPREAD_CASES)
    gain = _exponential_gain(count, log_mean, mean, squares)
    common = float(gain.sum()) > 0
    ours = own * np.log(np.where(count > 0, mean, 1.0))
    theirs = centre - own * log_mean
    fitted = []
    for number in range(kinds):
        mine = np.sort(seconds[kind == number])
        exponential = bool(gain[number] > 0) if len(mine) >= OWN_FAMILY else common
        # that of all types lies so far below the logarithm of their mean
        variance = min(float(spread[number]), float(np.log1p(_LARGEST_CV**2)))
        shift = np.euler_gamma if exponential else variance / 2
        mean_s = np.exp(ours[number] + theirs[number] + (1 - own[number]) * shift)
        if spread[number] == 0:
            duration = _duration("constant", float(np.exp(centre[number])), 0.0)
        elif exponential:
            duration = _duration("exponential", float(mean_s), 1.0)
        else:
            duration = _duration("lognormal", float(mean_s), float(np.sqrt(np.expm1(variance))))
        fitted.append(
            FittedDuration(
                len(mine),
                float(mean[number]) if len(mine) else np.nan,
                duration,
                float(own[number]),
                _distance(mine, duration),
                family_p(mine, duration.distribution),
            )
        )
    return fitted, strength


def fit_shares(transported: NDArray[np.bool_], kind: NDArray[np.int64], kinds: int) -> FittedShares:
    """Fit the share of transports of each type.

    Drawn to the share of all types by credibility, as in `fit_durations`; the variance
    within a type is that of its share after one more case that was half transported
    (Jeffreys), so that a type of which all or none were says no more than it knows.

    Parameters
    ----------
    transported : ndarray of bool, shape (n,)
        Whether a patient was taken to a hospital; one or more.
    kind : ndarray of int64, shape (n,)
        The type of each.
    kinds : int
        Number of types.

    Returns
    -------
    FittedShares
        The shares.
    """
    count = np.bincount(kind, minlength=kinds)
    taken = np.bincount(kind, transported.astype(np.float64), kinds)
    careful = (taken + 0.5) / (count + 1)
    within = float((count * careful * (1 - careful)).sum() / count.sum())
    share, _, strength = credible_means(_ratio(taken, count), count, within)
    known = count > 0
    p = np.nan
    if known.sum() > 1 and 0 < taken.sum() < count.sum():
        table = np.stack([taken[known], count[known] - taken[known]])
        p = float(stats.chi2_contingency(table, correction=False).pvalue)
    return FittedShares(
        count.astype(np.int64), taken.astype(np.int64), np.clip(share, 0, 1), strength, p
    )


def credible_means(
    mean: NDArray[np.float64], count: NDArray[np.integer[Any]], within: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Draw means of groups to that of all by what each of them says.

    Parameters
    ----------
    mean : ndarray of float64, shape (groups,)
        Mean of each group; anything where it has no case.
    count : ndarray of int, shape (groups,)
        Cases of each; one or more in all.
    within : float
        Variance of cases within groups.

    Returns
    -------
    drawn : ndarray of float64, shape (groups,)
        Credible means (Buehlmann and Straub 1970).
    own : ndarray of float64, shape (groups,)
        Share of a group's own mean in it.
    strength : float
        Cases that all groups count for; inf where groups differ no more than by chance,
        0 where there is one group.
    """
    known, total = count > 0, count.sum()
    groups = int(known.sum())
    overall = float((count * mean)[known].sum() / total)
    if groups == 1:
        strength = 0.0
    else:
        apart = float((count * (mean - overall) ** 2)[known].sum())
        between = (apart - (groups - 1) * within) / (total - (count**2).sum() / total)
        strength = within / between if between > 0 else np.inf
    own = np.where(known, count / np.maximum(count + strength, 1), 0.0)
    centre = float((own * mean)[known].sum() / own.sum()) if own.sum() > 0 else overall
    return np.where(known, own * mean + (1 - own) * centre, centre), own, float(strength)


def distribution_of(duration: Duration, seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Compute the share of a duration's cases that last no longer.

    Parameters
    ----------
    duration : Duration
        The duration.
    seconds : ndarray of float64, shape (n,)
        How long, above 0.

    Returns
    -------
    ndarray of float64, shape (n,)
        Shares.
    """
    if duration.distribution == "exponential":
        share = -np.expm1(-seconds / duration.mean_s)
    elif duration.distribution == "lognormal" and duration.cv > 0:
        variance = np.log1p(duration.cv**2)
        middle = np.log(duration.mean_s) - variance / 2
        share = stats.norm.cdf((np.log(seconds) - middle) / np.sqrt(variance))
    else:
        share = (seconds >= duration.mean_s).astype(np.float64)
    result: NDArray[np.float64] = share
    return result


def family_p(seconds: NDArray[np.float64], family: str) -> float:
    """Test whether cases are of a family of distributions.

    Anderson and Darling's statistic at the parameters that the cases have themselves, and
    its p by D'Agostino and Stephens (1986, Goodness-of-Fit Techniques, tables 4.9 and
    4.14).

    Parameters
    ----------
    seconds : ndarray of float64, shape (n,)
        Durations above 0, ascending.
    family : str
        ``lognormal`` or ``exponential``; of others nothing is told.

    Returns
    -------
    float
        Chance of cases that are as far from the family, if they are of it; NaN for fewer
        than eight cases.
    """
    n = len(seconds)
    if n < _ENOUGH or family == "constant":
        return np.nan
    if family == "lognormal":
        logs = np.log(seconds)
        deviation = float(np.std(logs, ddof=1))
        if deviation == 0:
            return np.nan
        z = (logs - logs.mean()) / deviation
        below, above = stats.norm.logcdf(z), stats.norm.logsf(z[::-1])
        factor, pieces = 1 + 0.75 / n + 2.25 / n**2, _LOGNORMAL_P
    else:
        z = seconds / seconds.mean()
        below, above = np.log(-np.expm1(-z)), -z[::-1]
        factor, pieces = 1 + 0.6 / n, _EXPONENTIAL_P
    weight = 2 * np.arange(1, n + 1) - 1
    statistic = float(-n - (weight * (below + above)).sum() / n) * factor
    for limit, lower, (a, b, c) in pieces:
        if statistic < limit:
            p = np.exp(min(a + b * statistic + c * statistic**2, 0.0))
            return float(1 - p if lower else p)
    return 0.0


# up to which statistic; whether it gives 1 - p; logarithm as a polynomial
_LOGNORMAL_P: Final = (
    (0.2, True, (-13.436, 101.14, -223.73)),
    (0.34, True, (-8.318, 42.796, -59.938)),
    (0.6, False, (0.9177, -4.279, -1.38)),
    (13.0, False, (1.2937, -5.709, 0.0186)),
)
_EXPONENTIAL_P: Final = (
    (0.26, True, (-12.2204, 67.459, -110.3)),
    (0.51, True, (-6.1327, 20.218, -18.663)),
    (0.95, False, (0.9209, -3.353, 0.3)),
    (10.03, False, (0.731, -3.009, 0.15)),
)


def _exponential_gain(
    count: NDArray[np.integer[Any]],
    log_mean: NDArray[np.float64],
    mean: NDArray[np.float64],
    squares: NDArray[Any],
) -> NDArray[np.float64]:
    """Return by how much an exponential beats a lognormal one in each type (Akaike)."""
    some = np.maximum(count, 1)
    variance = np.maximum(squares / some, 1e-12)
    lognormal = -count * (log_mean + np.log(2 * np.pi * variance) / 2 + 0.5) - 2.0
    exponential = -count * (np.log(np.where(count > 0, mean, 1.0)) + 1) - 1.0
    # one case has no spread, which says nothing for either
    return np.where(count > 1, exponential - lognormal, 0.0)


def _ratio(total: NDArray[Any], count: NDArray[Any]) -> NDArray[np.float64]:
    ratio: NDArray[np.float64] = total / np.maximum(count, 1)
    return ratio


def _duration(
    family: Literal["constant", "exponential", "lognormal"], mean_s: float, cv: float
) -> Duration:
    return Duration(distribution=family, mean_s=round(mean_s, 3), cv=round(cv, 6))


def _distance(seconds: NDArray[np.float64], duration: Duration) -> float:
    if not len(seconds):
        return np.nan
    if duration.distribution == "constant":
        return 0.0
    share, n = distribution_of(duration, seconds), len(seconds)
    upper, lower = np.arange(1, n + 1) / n - share, share - np.arange(n) / n
    return float(max(upper.max(), lower.max()))
