"""What idle units cover, and what is lost or gained when one leaves or moves: plain kernels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray


@njit(cache=True, nogil=True)
def counts(near: NDArray[np.bool_], base: NDArray[np.int64]) -> NDArray[np.int64]:
    """Count the units that are near each zone.

    Parameters
    ----------
    near : ndarray of bool, shape (stations, zones)
        Whether a station is near a zone.
    base : ndarray of int64, shape (units,)
        Station that each unit covers from, -1 for none.

    Returns
    -------
    ndarray of int64, shape (zones,)
        Units.
    """
    found = np.zeros(near.shape[1], dtype=np.int64)
    for station in base:
        if station >= 0:
            for zone in range(near.shape[1]):
                found[zone] += near[station, zone]
    return found


@njit(cache=True, nogil=True)
def expected_gain(
    near: NDArray[np.bool_], weight: NDArray[np.float64], count: NDArray[np.int64], busy: float
) -> NDArray[np.float64]:
    """Find how much expected coverage one more unit at each station would add.

    The k-th unit near a zone adds ``(1 - busy) busy**(k - 1)`` of its demand: Daskin's
    MEXCLP (1983, doi:10.1287/trsc.17.1.48).

    Parameters
    ----------
    near : ndarray of bool, shape (stations, zones)
        Whether a station is near a zone.
    weight : ndarray of float64, shape (zones,)
        Demand.
    count : ndarray of int64, shape (zones,)
        Units that are near each zone already.
    busy : float
        Probability that a unit is busy.

    Returns
    -------
    ndarray of float64, shape (stations,)
        Demand.
    """
    gain = np.zeros(near.shape[0])
    part = weight * (1.0 - busy) * busy**count
    for station in range(near.shape[0]):
        total = 0.0
        for zone in range(near.shape[1]):
            if near[station, zone]:
                total += part[zone]
        gain[station] = total
    return gain


@njit(cache=True, nogil=True)
def missed(
    near: NDArray[np.bool_], base: NDArray[np.int64], absent: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Find the probability that no unit near a zone is available, slice of time by slice.

    Parameters
    ----------
    near : ndarray of bool, shape (stations, zones)
        Whether a station is near a zone.
    base : ndarray of int64, shape (units,)
        Station that each unit covers from, -1 for none.
    absent : ndarray of float64, shape (units, slices)
        Probability that each unit is not available there.

    Returns
    -------
    ndarray of float64, shape (slices, zones)
        Probabilities, as if units were independent.
    """
    slices = absent.shape[1]
    found = np.ones((slices, near.shape[1]))
    for unit in range(len(base)):
        if base[unit] >= 0:
            for zone in range(near.shape[1]):
                if near[base[unit], zone]:
                    for part in range(slices):
                        found[part, zone] *= absent[unit, part]
    return found


@njit(cache=True, nogil=True)
def loss_by_unit(
    near: NDArray[np.bool_],
    weight: NDArray[np.float64],
    base: NDArray[np.int64],
    absent: NDArray[np.float64],
    gone: NDArray[np.float64],
    miss: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Find how much demand is missed, summed over slices, when a unit leaves.

    Parameters
    ----------
    near : ndarray of bool, shape (stations, zones)
        Whether a station is near a zone.
    weight : ndarray of float64, shape (zones,)
        Demand.
    base, absent
        As in `missed`; no value of `absent` is zero.
    gone : ndarray of float64, shape (slices,)
        What the unit's probabilities to be absent become.
    miss : ndarray of float64, shape (slices, zones)
        From `missed`.

    Returns
    -------
    ndarray of float64, shape (units,)
        Demand times slices; zero for units without a base.
    """
    loss = np.zeros(len(base))
    for unit in range(len(base)):
        if base[unit] < 0:
            continue
        for part in range(absent.shape[1]):
            total = 0.0
            for zone in range(near.shape[1]):
                if near[base[unit], zone]:
                    total += weight[zone] * miss[part, zone]
            loss[unit] += total * (gone[part] / absent[unit, part] - 1.0)
    return loss


@njit(cache=True, nogil=True)
def gain_by_move(  # noqa: C901, PLR0912  # loops over units, slices and zones
    near: NDArray[np.bool_],
    weight: NDArray[np.float64],
    base: NDArray[np.int64],
    absent: NDArray[np.float64],
    miss: NDArray[np.float64],
    slice_ms: NDArray[np.float64],
    arrival_ms: NDArray[np.float64],
    allowed: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Find how much less demand is missed, summed over slices, when a unit moves.

    A unit under way to its new station covers nothing from there until it arrives.

    Parameters
    ----------
    near, weight, base, absent, miss
        As in `loss_by_unit`.
    slice_ms : ndarray of float64, shape (slices,)
        Middle of each slice of time, from now.
    arrival_ms : ndarray of float64, shape (units, stations)
        Time until each unit could be at each station.
    allowed : ndarray of bool, shape (units,)
        Which units may move.

    Returns
    -------
    ndarray of float64, shape (units, stations)
        Demand times slices; -inf where the unit may not or cannot move.
    """
    stations, zones = near.shape
    gain = np.full((len(base), stations), -np.inf)
    without = np.empty(zones)
    for unit in range(len(base)):
        if not allowed[unit] or base[unit] < 0:
            continue
        here = base[unit]
        for station in range(stations):
            if arrival_ms[unit, station] < 2147483647.0:
                gain[unit, station] = 0.0
        for part in range(len(slice_ms)):
            lost = 0.0
            for zone in range(zones):
                without[zone] = miss[part, zone]
                if near[here, zone]:
                    without[zone] /= absent[unit, part]
                    lost += weight[zone] * (without[zone] - miss[part, zone])
            if slice_ms[part] < arrival_ms[unit, here]:
                lost = 0.0
            for station in range(stations):
                if gain[unit, station] == -np.inf:
                    continue
                won = 0.0
                if slice_ms[part] >= arrival_ms[unit, station]:
                    for zone in range(zones):
                        if near[station, zone]:
                            won += weight[zone] * without[zone]
                    won *= 1.0 - absent[unit, part]
                gain[unit, station] += won - lost
    return gain
