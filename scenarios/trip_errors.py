"""How well travel times are predicted, with intervals."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from scenarios.statistics import BATCHES, Measure, estimate, quantile, ratio, rounded_to_digits

if TYPE_CHECKING:
    from numpy.typing import NDArray

NEAR_S: Final = 60.0
"""A prediction that is off by no more than this counts as near, in seconds."""

BOUNDS_M: Final = (0.0, 2000.0, 5000.0, 10_000.0, np.inf)
"""Lengths of trips between which the spread of the errors is told, in metres."""

_FEWEST: Final = 10


@dataclass(frozen=True, eq=False)
class Predicted:
    """Observed trips and what two tables say of them; t trips in random order.

    Parameters
    ----------
    observed_s : ndarray of float64, shape (t,)
        Observed times.
    before_s, after_s : ndarray of float64, shape (t,)
        Predicted times before and after a table was fitted.
    metres : ndarray of float64, shape (t,)
        Length of the predicted route.
    """

    observed_s: NDArray[np.float64]
    before_s: NDArray[np.float64]
    after_s: NDArray[np.float64]
    metres: NDArray[np.float64]


def compare_errors(trips: Predicted) -> dict[str, Any]:
    """Compare the errors before and after.

    Parameters
    ----------
    trips : Predicted
        At least two trips that the fit has not seen.

    Returns
    -------
    dict
        For each measure its ``before``, ``after`` and ``change`` as estimates with
        intervals (see `scenarios.statistics`; the groups are up to twenty random parts
        of the trips): ``mean_absolute_s``, ``mean_absolute_percent`` of the observed
        time, ``median_absolute_log``, ``mean_s`` (predicted less observed, the bias)
        and ``within_60_s``.
    """
    before = _measures(trips.observed_s, trips.before_s)
    after = _measures(trips.observed_s, trips.after_s)
    return {
        name: {
            "before": estimate(before[name]).to_json_dict(),
            "after": estimate(after[name]).to_json_dict(),
            "change": estimate(after[name] - before[name]).to_json_dict(),
        }
        for name in before
    }


def verdict(errors: dict[str, Any]) -> str:
    """Say whether held-out trips are predicted better.

    Parameters
    ----------
    errors : dict
        From `compare_errors`.

    Returns
    -------
    str
        ``better`` or ``worse`` where the interval of the change in the mean absolute
        error lies on one side of zero, else ``no difference shown``.
    """
    change = errors["mean_absolute_s"]["change"]
    if change["value"] is not None and change["high"] < 0:
        return "better"
    if change["value"] is not None and change["low"] > 0:
        return "worse"
    return "no difference shown"


def spread(trips: Predicted) -> list[dict[str, Any]]:
    """Tell how far observed times scatter about the fitted ones.

    Parameters
    ----------
    trips : Predicted
        Trips that the fit has not seen.

    Returns
    -------
    list of dict
        For all trips, then for those with a length within `BOUNDS_M`: ``from_m``,
        ``to_m`` (null for no bound), ``trips``, ``median_ratio`` (observed over
        predicted), ``log_sd`` and ``robust_log_sd`` (1.4826 times the median absolute
        deviation), null for fewer than ten trips.
    """
    log_ratio = np.log(trips.observed_s / trips.after_s)
    rows = [_spread_of(log_ratio, 0.0, np.inf)]
    for low, high in itertools.pairwise(BOUNDS_M):
        within = (trips.metres >= low) & (trips.metres < high)
        rows.append(_spread_of(log_ratio[within], low, high))
    return rows


def _spread_of(log_ratio: NDArray[np.float64], low: float, high: float) -> dict[str, Any]:
    row = {"from_m": low, "to_m": high if np.isfinite(high) else None, "trips": len(log_ratio)}
    if len(log_ratio) < _FEWEST:
        return row | {"median_ratio": None, "log_sd": None, "robust_log_sd": None}
    middle = float(np.median(log_ratio))
    numbers = {
        "median_ratio": float(np.exp(middle)),
        "log_sd": float(log_ratio.std(ddof=1)),
        "robust_log_sd": 1.4826 * float(np.median(np.abs(log_ratio - middle))),
    }
    return row | {name: rounded_to_digits(value) for name, value in numbers.items()}


def _measures(observed: NDArray[np.float64], predicted: NDArray[np.float64]) -> dict[str, Measure]:
    off = predicted - observed
    group = _groups(len(off), at_least=1)
    count = np.bincount(group).astype(np.float64)

    def mean(values: NDArray[Any], *, share: bool = False) -> Measure:
        return ratio(np.bincount(group, weights=values), count, share=share)

    # the jackknife of a median fails where a group is a single trip
    wide = _groups(len(off), at_least=5)
    distance = np.abs(np.log(predicted / observed))
    return {
        "mean_absolute_s": mean(np.abs(off)),
        "mean_absolute_percent": mean(100 * np.abs(off) / observed),
        "median_absolute_log": quantile(distance, wide, int(wide[-1]) + 1, 0.5),
        "mean_s": replace(mean(off), signed=True),
        "within_60_s": mean(np.abs(off) <= NEAR_S, share=True),
    }


def _groups(trips: int, *, at_least: int) -> NDArray[np.int64]:
    groups = min(BATCHES, max(trips // at_least, 2))
    return np.arange(trips) * groups // trips
