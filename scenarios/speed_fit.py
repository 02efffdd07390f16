"""Fits a speed table to observed trips.

A trip's time is predicted as that of the fastest route. Its logarithm is compared with
that of the observed time, for errors of travel times multiply (Budge, Ingolfsson and
Zerom 2010, doi:10.1287/mnsc.1090.1142). The sum of squares is replaced by one that
grows like the absolute error beyond the usual spread (soft L1), so that single odd
trips pull little, and each factor is drawn towards 1 like a prior with a log standard
deviation of `PRIOR_SD`. Since the fastest route depends on the speeds, trips are
routed anew and fitted again until the factors settle.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.optimize import least_squares

from routing.speeds import PROFILES
from scenarios.speed_keys import elasticities, speed_keys, with_values
from scenarios.trips import drive

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from routing.network import RoadNetwork
    from routing.speeds import SpeedTable
    from scenarios.speed_keys import SpeedKey
    from scenarios.trips import Driven, TiedTrips

PRIOR_SD: Final = 0.25
"""Log standard deviation of a factor before any trip is seen: within 0.6 to 1.6."""

MOST_FACTOR: Final = 2.5
"""No number is changed by more than this factor, up or down."""

ENOUGH_TRIPS: Final = 10
ENOUGH_SHARES: Final = 4.0
"""A number is fitted if the squared shares of time that trips spend on it add up to
this: with errors of 25 % the trips alone then tell it to 12.5 %."""

_COUNTS: Final = 0.01
_ROUNDS: Final = 8
_SETTLED: Final = 0.005
_SETTLED_ERRORS: Final = 0.2
_AT_LIMIT: Final = 1e-3
_LEAST_SPREAD: Final = 0.02
_MAD: Final = 1.4826  # a normal distribution's standard deviation over its median deviation
_OFFSET_UNIT_S: Final = 60.0
_START_OFFSET: Final = 0.1
_MOST_OFFSET: Final = 10.0


@dataclass(frozen=True)
class Factor:
    """What trips say about one number of the speed table.

    Parameters
    ----------
    key : SpeedKey
        The number and its value before.
    after : float
        Its value after; as before where it was kept.
    standard_error : float
        Of the logarithm of `after`; NaN where it was kept.
    trips : int
        Trips that spend at least a hundredth of their time on it.
    metres : float
        What all trips drive on it.
    fitted : bool
        False where trips say too little, so that it was kept.
    at_limit : bool
        Whether the fit ended at a limit of its range.
    """

    key: SpeedKey
    after: float
    standard_error: float
    trips: int
    metres: float
    fitted: bool
    at_limit: bool


@dataclass(frozen=True, eq=False)
class Fit:
    """A speed table fitted to the trips of one profile.

    Parameters
    ----------
    speeds : SpeedTable
        The fitted table.
    factors : list of Factor
        Each number that trips of this profile could tell.
    offset_s : float
        Seconds that every trip takes besides driving; 0 unless asked for.
    offset_error_s : float
        Its standard error.
    rounds : int
        How often the trips were routed.
    settled : bool
        Whether the last round changed no factor by more than 0.5 %, or by more than a
        fifth of its standard error where that is wider.
    """

    speeds: SpeedTable
    factors: list[Factor]
    offset_s: float
    offset_error_s: float
    rounds: int
    settled: bool


@dataclass(frozen=True, eq=False)
class _Round:
    """Trips on the fastest routes of one table; t trips, p numbers to fit.

    A point y is the logarithm of the factor on each number, shape (p,), and the offset
    in minutes behind them where one is fitted.

    Parameters
    ----------
    observed_s : ndarray of float64, shape (t,)
        Observed times.
    on_key_s : ndarray of float64, shape (t, p)
        Time that hangs on each number, as the table has it.
    rest_s : ndarray of float64, shape (t,)
        Time that hangs on none of them.
    at : ndarray of float64
        The point that stands for the table.
    """

    observed_s: NDArray[np.float64]
    on_key_s: NDArray[np.float64]
    rest_s: NDArray[np.float64]
    at: NDArray[np.float64]

    @cached_property
    def spread(self) -> float:
        """Standard deviation of the errors, by their median absolute deviation."""
        errors = self.errors(self.at)
        deviation = float(np.median(np.abs(errors - np.median(errors))))
        return max(_MAD * deviation, _LEAST_SPREAD)

    @cached_property
    def mean_error(self) -> float:
        """Mean absolute error of the logarithm."""
        return float(np.abs(self.errors(self.at)).mean())

    def errors(self, y: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the logarithm of observed over predicted time, shape (t,)."""
        errors: NDArray[np.float64] = np.log(self.observed_s / self._predict(y)[0])
        return errors

    def residuals(self, y: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the errors in units of the spread, then what the prior says of y."""
        return np.concatenate([self.errors(y) / self.spread, y / self._prior_sd])

    def jacobian(self, y: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the derivatives of `residuals`."""
        predicted, part = self._predict(y)
        slopes = np.full((len(predicted), len(y)), -_OFFSET_UNIT_S)
        slopes[:, : part.shape[1]] = part
        slopes /= self.spread * predicted[:, None]
        return np.concatenate([slopes, np.diag(1 / self._prior_sd)])

    def loss(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return soft L1 of squared errors and the prior as it is, with two derivatives."""
        rho = np.stack([z, np.ones_like(z), np.zeros_like(z)])
        trips = 1 + z[: len(self.observed_s)]
        rho[:, : len(trips)] = 2 * (np.sqrt(trips) - 1), trips**-0.5, -0.5 * trips**-1.5
        return rho

    def standard_errors(self) -> NDArray[np.float64]:
        """Estimate how well the trips and the prior together tell each part of `at`.

        The sandwich A^-1 B A^-1 of an M-estimator (White 1982, doi:10.2307/1912526),
        with the precision of the prior as a part of both.
        """
        residual = self.residuals(self.at)[: len(self.observed_s)]
        slopes = self.jacobian(self.at)[: len(residual)]
        prior = np.diag(self._prior_sd**-2)
        bend = (1 + residual**2) ** -1.5
        pull = residual / np.sqrt(1 + residual**2)
        inverse = np.linalg.inv((slopes * bend[:, None]).T @ slopes + prior)
        pulls = slopes * pull[:, None]
        variance = np.diag(inverse @ (pulls.T @ pulls + prior) @ inverse)
        result: NDArray[np.float64] = np.sqrt(variance)
        return result

    def _predict(self, y: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the time of each trip on these routes, and the part on each number."""
        count = self.on_key_s.shape[1]
        part = self.on_key_s * np.exp(self.at[:count] - y[:count])
        return self.rest_s + part.sum(axis=1) + _OFFSET_UNIT_S * y[count:].sum(), part

    @property
    def _prior_sd(self) -> NDArray[np.float64]:
        numbers = self.on_key_s.shape[1]
        return np.array([PRIOR_SD] * numbers + [1.0] * (len(self.at) - numbers))


def fit_profile(
    network: RoadNetwork,
    speeds: SpeedTable,
    profile: str,
    trips: TiedTrips,
    *,
    first: Driven | None = None,
    with_offset: bool = False,
    progress: bool = False,
) -> Fit:
    """Fit the numbers of a speed table that trips of one profile tell.

    Parameters
    ----------
    network : RoadNetwork
        The roads.
    speeds : SpeedTable
        The table to start from, towards which the fit is drawn.
    profile : str
        One of `routing.speeds.PROFILES`; see `scenarios.speed_keys.speed_keys`.
    trips : TiedTrips
        At least one trip; a road of some length must lead from each start to its end.
    first : Driven, optional
        The trips as driven with `speeds`, where that is known.
    with_offset : bool
        Also fit a constant that is added to the time of every trip, for starting,
        stopping and parking: 0 to 10 minutes.
    progress : bool
        Show progress bars on a terminal.

    Returns
    -------
    Fit
        The new table and what it rests on: of all rounds the one with the least mean
        absolute error of the logarithm.
    """
    keys = speed_keys(speeds, profile)
    if first is None:
        first = drive(network, speeds, profile, trips, what="trips, round 1" * progress)
    on_key_s, metres = _time_on_keys(network, speeds, keys, first)
    share = on_key_s / first.seconds[:, None]
    count = (share >= _COUNTS).sum(axis=0)
    chosen = np.flatnonzero((count >= ENOUGH_TRIPS) & ((share**2).sum(axis=0) >= ENOUGH_SHARES))
    free = [keys[i] for i in chosen]
    low, high = _limits(free, with_offset=with_offset)

    best = here = _round(trips, first, on_key_s[:, chosen], _start(len(free), with_offset))
    settled, rounds, step = not len(here.at), 1, np.zeros(len(here.at))
    while not settled and rounds < _ROUNDS:
        solved = least_squares(
            here.residuals,
            here.at,
            here.jacobian,
            (low, high),
            loss=here.loss,  # type: ignore[arg-type]  # the stubs ask for an argument too many
        ).x
        tolerance = np.maximum(_SETTLED, _SETTLED_ERRORS * here.standard_errors())
        last, step = step, solved - here.at
        settled = bool((np.abs(step) < tolerance).all())
        # where routes change to and fro with a speed, full steps would go on for ever
        step[step * last < 0] /= 2
        y = here.at + step
        rounds += 1
        table = _table(speeds, free, y)
        driven = drive(network, table, profile, trips, what=f"trips, round {rounds}" * progress)
        here = _round(trips, driven, _time_on_keys(network, table, free, driven)[0], y)
        best = min(best, here, key=lambda each: each.mean_error)

    errors = np.full(len(keys), np.nan)
    spread = best.standard_errors() if len(best.at) else np.zeros(0)
    errors[chosen] = spread[: len(free)]
    at_limit = np.zeros(len(keys), np.bool_)
    near = (best.at - low < _AT_LIMIT) | (high - best.at < _AT_LIMIT)
    at_limit[chosen] = near[: len(free)]
    table = _table(speeds, free, best.at)
    return Fit(
        speeds=table,
        factors=[
            Factor(
                key=key,
                after=after.value,
                standard_error=float(errors[i]),
                trips=int(count[i]),
                metres=float(metres[i]),
                fitted=i in chosen,
                at_limit=bool(at_limit[i]),
            )
            for i, (key, after) in enumerate(zip(keys, speed_keys(table, profile), strict=True))
        ],
        offset_s=float(best.at[-1]) * _OFFSET_UNIT_S if with_offset else 0.0,
        offset_error_s=float(spread[-1]) * _OFFSET_UNIT_S if with_offset else 0.0,
        rounds=rounds,
        settled=settled,
    )


def _start(numbers: int, with_offset: bool) -> NDArray[np.float64]:
    return np.append(np.zeros(numbers), [_START_OFFSET] * with_offset)


def _limits(
    keys: Sequence[SpeedKey], *, with_offset: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    most = np.log(MOST_FACTOR)
    low = [max(np.log(key.low / key.value), -most) for key in keys]
    high = [min(np.log(key.high / key.value), most) for key in keys]
    return np.array([*low, *[0.0] * with_offset]), np.array([*high, *[_MOST_OFFSET] * with_offset])


def _table(speeds: SpeedTable, keys: Sequence[SpeedKey], y: NDArray[np.float64]) -> SpeedTable:
    factors = np.exp(y[: len(keys)])
    return with_values(speeds, {k: k.value * f for k, f in zip(keys, factors, strict=True)})


def _round(
    trips: TiedTrips, driven: Driven, on_key_s: NDArray[np.float64], at: NDArray[np.float64]
) -> _Round:
    # what a way's speed does not hang on, and a millisecond of rounding on each arc
    rest = np.maximum(driven.seconds - on_key_s.sum(axis=1), 0)
    return _Round(trips.seconds, on_key_s, rest, at)


def _time_on_keys(
    network: RoadNetwork, speeds: SpeedTable, keys: Sequence[SpeedKey], driven: Driven
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the time of each trip that hangs on each number, and the metres of all trips."""
    seconds = np.zeros((len(driven.seconds), len(keys)))
    metres = np.zeros(len(keys))
    now = {key.path: key for profile in PROFILES for key in speed_keys(speeds, profile)}
    asked = [now[key.path] for key in keys]
    passes = np.asarray(driven.arcs.T @ np.ones(len(driven.seconds)), dtype=np.float64)
    for column, (key, slope) in enumerate(
        zip(asked, elasticities(network, speeds, asked), strict=True)
    ):
        kmh = speeds.way_kmh(network, key.profile)
        s_per_m = np.divide(3.6, kmh, out=np.zeros_like(kmh), where=kmh > 0)
        on_segment = network.segment_m * slope[network.vertex_way]
        arc_s = network.sum_over_arcs(on_segment * s_per_m[network.vertex_way])
        seconds[:, column] = np.asarray(driven.arcs @ arc_s, dtype=np.float64)
        metres[column] = passes @ network.sum_over_arcs(on_segment)
    return seconds, metres
