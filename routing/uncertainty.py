"""How sure a travel time is: the chance to arrive in time, instead of a cliff."""

from __future__ import annotations

from dataclasses import dataclass, fields
from statistics import NormalDist
from typing import TYPE_CHECKING, Final

import numpy as np

from routing.errors import InputError
from routing.network import UNREACHABLE
from routing.uncertainty_kernels import normal_cdf

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class TravelTimeSpread:
    """How far travel times scatter about their median: relatively less on longer trips.

    A trip whose median is m takes ``T = m exp(sigma Z)``, Z standard normal, with the
    coefficient of variation c of Budge, Ingolfsson, Zerom (2010),
    doi:10.1287/mnsc.1090.1142, as a function of the median::

        c(m)^2 = (b0 (b2 + 1) + b1 (b2 + 1) m + b2 m^2) / m^2

    Theirs are this form and the three figures below, estimated for the trips of
    Calgary's ambulances to urgent calls (b0 = 0.336, b1 = 0.000058, b2 = 0.0388 with m
    in minutes), here as later programs quote them. Ours are these assumptions: the
    computed travel time is the median; Z is normal, where they fit Student's t, whose
    tails are heavier; sigma follows from c as in any lognormal distribution,
    ``sigma^2 = ln(1 + c^2)``; and below `shortest_s` c stays what it is there, as the
    form grows without bound while there is little data. All zero makes every trip take
    its median.

    Parameters
    ----------
    b0_s2 : float
        b0 in square seconds.
    b1_s : float
        b1 in seconds.
    b2 : float
        b2; its square root is the coefficient of variation of very long trips.
    shortest_s : float
        Median in seconds below which the coefficient of variation rises no more.

    Raises
    ------
    InputError
        A number is negative or not finite, or `shortest_s` is zero.
    """

    b0_s2: float = 0.336 * 60**2
    b1_s: float = 0.000058 * 60
    b2: float = 0.0388
    shortest_s: float = 60.0

    def __post_init__(self) -> None:
        """Check the numbers."""
        for field in fields(self):
            value = getattr(self, field.name)
            if not 0 <= value < np.inf or (field.name == "shortest_s" and value == 0):
                raise InputError(
                    f"{value} is out of range", field=field.name, fix="give a finite number above 0"
                )

    def cv(self, ms: ArrayLike) -> NDArray[np.float64]:
        """Compute the coefficient of variation: standard deviation over mean.

        Parameters
        ----------
        ms : array-like of int
            Median travel times in milliseconds.

        Returns
        -------
        ndarray of float64
            Same shape.
        """
        median = np.maximum(np.asarray(ms) / 1000, self.shortest_s)
        rest = (self.b2 + 1) * (self.b0_s2 / median**2 + self.b1_s / median)
        result: NDArray[np.float64] = np.sqrt(self.b2 + rest)
        return result

    def sigma(self, ms: ArrayLike) -> NDArray[np.float64]:
        """Compute the standard deviation of the logarithm of the travel time.

        Parameters
        ----------
        ms : array-like of int
            Median travel times in milliseconds.

        Returns
        -------
        ndarray of float64
            Same shape.
        """
        result: NDArray[np.float64] = np.sqrt(np.log1p(self.cv(ms) ** 2))
        return result


_USUAL: Final = TravelTimeSpread()
_normal_quantile: Final = np.vectorize(NormalDist().inv_cdf, otypes=[np.float64])


def arrival_probability(
    ms: ArrayLike, within_ms: ArrayLike, spread: TravelTimeSpread | None = None
) -> NDArray[np.float64]:
    """Compute the probability to arrive within a time limit.

    It rises with the limit. It falls with the median, but for trips that are as good as
    sure: where the limit is many times the median, a very short trip, of which the
    relative spread is larger, may come out less sure by less than 0.001.

    Parameters
    ----------
    ms : array-like of int
        Median travel times in milliseconds, `routing.network.UNREACHABLE` where no road
        leads.
    within_ms : array-like of float
        Time limits in milliseconds, of a shape that broadcasts with `ms`.
    spread : TravelTimeSpread, optional
        How travel times scatter; by default ``TravelTimeSpread()``.

    Returns
    -------
    ndarray of float64
        Probabilities, of the shape that both broadcast to; 0 where no road leads.
    """
    spread = spread or _USUAL
    median, limit = np.broadcast_arrays(
        np.asarray(ms, dtype=np.float64), np.asarray(within_ms, dtype=np.float64)
    )
    sigma = spread.sigma(median)
    certain = (median <= limit).astype(np.float64)
    random = (median > 0) & (limit > 0) & (sigma > 0) & (median < UNREACHABLE)
    log_ratio = np.log(np.where(random, limit, 1.0)) - np.log(np.where(random, median, 1.0))
    deviation = log_ratio / np.where(random, sigma, 1.0)
    by_chance = normal_cdf(deviation.reshape(-1)).reshape(deviation.shape)
    result: NDArray[np.float64] = np.where(random, by_chance, certain)
    return np.where(median < UNREACHABLE, result, 0.0)


def travel_time_quantile(
    ms: ArrayLike, probability: ArrayLike, spread: TravelTimeSpread | None = None
) -> NDArray[np.float64]:
    """Compute the time within which one arrives with some probability.

    Parameters
    ----------
    ms : array-like of int
        Median travel times in milliseconds, `routing.network.UNREACHABLE` where no road
        leads.
    probability : array-like of float
        Probabilities above 0 and below 1, of a shape that broadcasts with `ms`.
    spread : TravelTimeSpread, optional
        How travel times scatter; by default ``TravelTimeSpread()``.

    Returns
    -------
    ndarray of float64
        Milliseconds, ``inf`` where no road leads.

    Raises
    ------
    InputError
        A probability is not between 0 and 1.
    """
    share = np.asarray(probability, dtype=np.float64)
    if not ((share > 0) & (share < 1)).all():
        raise InputError(
            f"{share.tolist()} is no probability between 0 and 1",
            field="probability",
            fix="give a share such as 0.9",
        )
    spread = spread or _USUAL
    median = np.asarray(ms, dtype=np.float64)
    result: NDArray[np.float64] = median * np.exp(spread.sigma(median) * _normal_quantile(share))
    return np.where(median < UNREACHABLE, result, np.inf)


def mean_travel_time(ms: ArrayLike, spread: TravelTimeSpread | None = None) -> NDArray[np.float64]:
    """Compute the mean travel time, which is longer than the median.

    Parameters
    ----------
    ms : array-like of int
        Median travel times in milliseconds, `routing.network.UNREACHABLE` where no road
        leads.
    spread : TravelTimeSpread, optional
        How travel times scatter; by default ``TravelTimeSpread()``.

    Returns
    -------
    ndarray of float64
        Milliseconds, same shape; ``inf`` where no road leads.
    """
    spread = spread or _USUAL
    median = np.asarray(ms, dtype=np.float64)
    # the mean of a lognormal is m exp(sigma^2 / 2)
    result: NDArray[np.float64] = median * np.sqrt(1 + spread.cv(median) ** 2)
    return np.where(median < UNREACHABLE, result, np.inf)


def expected_coverage(
    ms: ArrayLike,
    within_ms: ArrayLike,
    weight: ArrayLike,
    spread: TravelTimeSpread | None = None,
) -> float:
    """Compute the share of demand that is reached in time, if a unit were always free.

    Each demand point is served from the origin that is most likely to be in time.

    Parameters
    ----------
    ms : array-like of int, shape (a, b)
        Median travel times in milliseconds from a origins to b demand points,
        `routing.network.UNREACHABLE` where no road leads.
    within_ms : array-like of float
        Time limit in milliseconds, one or one for each demand point.
    weight : array-like of float, shape (b,)
        Demand of each point.
    spread : TravelTimeSpread, optional
        How travel times scatter; by default ``TravelTimeSpread()``.

    Returns
    -------
    float
        Share, 0 to 1.

    Raises
    ------
    InputError
        A weight is negative or not finite, or they add up to zero.
    """
    demand = np.asarray(weight, dtype=np.float64)
    if not ((demand >= 0) & (demand < np.inf)).all() or not demand.sum() > 0:
        raise InputError(
            "weights must be finite, none negative, and not all zero",
            field="weight",
            fix="give the demand of each point",
        )
    best = arrival_probability(ms, within_ms, spread).max(axis=0, initial=0.0)
    return float(best @ demand / demand.sum())
