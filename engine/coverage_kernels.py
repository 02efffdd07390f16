"""What idle units cover, and what one more would add: plain kernels."""

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
def nearest_units(
    order: NDArray[np.int64], drive: NDArray[np.float64], count: NDArray[np.int64], many: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Find the nearest units of each zone, unit by unit.

    Parameters
    ----------
    order : ndarray of int64, shape (zones, stations)
        Stations by their drive to each zone.
    drive : ndarray of float64, shape (stations, zones)
        The drives.
    count : ndarray of int64, shape (stations,)
        Units that each station has.
    many : int
        How many are wanted.

    Returns
    -------
    drive : ndarray of float64, shape (zones, many)
        Drive of each, rising; inf where there are fewer.
    station : ndarray of int64, shape (zones, many)
        Where it is, -1 for none.
    """
    zones, stations = order.shape
    found = np.full((zones, many), np.inf)
    where = np.full((zones, many), -1)
    for zone in range(zones):
        at = 0
        for rank in range(stations):
            station = order[zone, rank]
            for _ in range(count[station]):
                if at == many:
                    break
                found[zone, at] = drive[station, zone]
                where[zone, at] = station
                at += 1
            if at == many:
                break
    return found, where
