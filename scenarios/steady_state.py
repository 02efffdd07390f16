"""Where the beginning of a long run ends: warm-up found by MSER-5, and batch means after it.

White 1997, doi:10.1177/003754979706900601; in batches of five: White, Cobb and Spratt
2000, doi:10.1109/WSC.2000.899860. Batch means: Law and Carson 1979,
doi:10.1287/opre.27.5.1011.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from scenarios.demand import horizon_ms
from scenarios.statistics import BATCHES, estimate, ratio

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from scenarios.observations import Observations

BATCH: Final = 5
"""Observations in a batch of MSER-5."""

_ENOUGH: Final = 10 * BATCH
"""Observations under which there is no saying where a warm-up ends."""


class WarmUp(NamedTuple):
    """How much of the beginning of a series is still marked by how it began.

    Parameters
    ----------
    discarded : int
        Observations to leave out.
    found : bool
        False where the best place to cut is in the second half of the series, or there
        are under fifty observations: the series is too short to tell, and all is kept.
    """

    discarded: int
    found: bool


def mser5(series: NDArray[np.float64]) -> WarmUp:
    """Find the warm-up of a series by the marginal standard error rule.

    Means of five observations each; of the cuts in the first half, the one that makes
    ``sum((z - mean(z))**2) / len(z)**2`` of the means z that are left the least, the
    first of equals.

    Parameters
    ----------
    series : ndarray of float64, shape (n,)
        Observations in their order, none of them NaN.

    Returns
    -------
    WarmUp
        What to leave out: a multiple of five observations.
    """
    batches = len(series) // BATCH
    if len(series) < _ENOUGH:
        return WarmUp(0, found=False)
    means = series[: batches * BATCH].reshape(batches, BATCH).mean(axis=1)
    means = means - means.mean()  # so that squares do not cancel
    left = np.arange(batches, 0, -1)
    total = np.cumsum(means[::-1])[::-1]
    squares = np.cumsum(means[::-1] ** 2)[::-1]
    error = np.maximum(squares - total**2 / left, 0.0) / left**2
    # the last few are alike by chance, and would win over the whole series
    best = int(np.argmin(error[: batches - BATCH]))
    if best > batches // 2:
        return WarmUp(0, found=False)
    return WarmUp(best * BATCH, found=True)


def steady_state(seen: Observations) -> dict[str, Any]:
    """Estimate the mean response of a single replication without its warm-up.

    Parameters
    ----------
    seen : Observations
        A run of one replication.

    Returns
    -------
    dict
        ``warm_up_found``; ``warm_up``, seconds from the horizon's start; ``discarded``,
        incidents in it; ``response_mean`` of the rest with an interval from batch
        means, twenty stretches of equal time; ``batch_correlation``, of each batch
        mean with the next: far above 0 the stretches are too short for the interval.
    """
    response = seen.ms("response_time")
    served = np.flatnonzero(~np.isnan(response))
    call_ms = seen.ms("call_time")[served]
    cut = mser5(response[served])
    begin = float(call_ms[cut.discarded]) if cut.discarded else 0.0
    kept = served[cut.discarded :]
    span = horizon_ms(seen.scenario.settings.horizon) - begin
    group = np.minimum((call_ms[cut.discarded :] - begin) * BATCHES // span, BATCHES - 1)
    group = group.astype(np.int64)
    total = np.bincount(group, weights=response[kept], minlength=BATCHES).astype(np.float64)
    count = np.bincount(group, minlength=BATCHES).astype(np.float64)
    return {
        "warm_up_found": cut.found,
        "warm_up": begin / 1000,
        "discarded": cut.discarded,
        "response_mean": estimate(ratio(total, count * 1000)).to_json_dict(),
        "batch_correlation": _correlation(total, count),
    }


def _correlation(total: NDArray[np.float64], count: NDArray[Any]) -> float | None:
    """Correlation of batch means with the next ones, None where one has nothing in it."""
    if not count.all():
        return None
    means = total / count
    means = means - means.mean()
    spread = float((means**2).sum())
    return round(float((means[1:] * means[:-1]).sum()) / spread, 6) if spread > 0 else None
