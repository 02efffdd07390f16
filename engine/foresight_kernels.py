"""What responses to come are expected to cost, and what changes it: plain kernels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray


@njit(cache=True, nogil=True)
def station_absent(
    where: NDArray[np.int64], absent: NDArray[np.float64], stations: int
) -> NDArray[np.float64]:
    """Find the probability that no unit of a station is available, slice of time by slice.

    Parameters
    ----------
    where : ndarray of int64, shape (units, slices)
        Station that each unit covers from, -1 for none.
    absent : ndarray of float64, shape (units, slices)
        Probability that each unit is not available there.
    stations : int
        How many there are.

    Returns
    -------
    ndarray of float64, shape (stations, slices)
        Probabilities, as if units were independent; 1 where no unit is.
    """
    found = np.ones((stations, absent.shape[1]))
    for unit in range(len(where)):
        for part in range(absent.shape[1]):
            station = where[unit, part]
            if station >= 0:
                found[station, part] *= absent[unit, part]
    return found


@njit(cache=True, nogil=True)
def absence_cost(
    order: NDArray[np.int64],
    penalty: NDArray[np.float64],
    nobody: NDArray[np.float64],
    weight: NDArray[np.float64],
    absent: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Find how the expected cost of responses grows with the absence of each station.

    The nearest station that has a unit available answers. The expected cost is linear in
    the absence of each station, so that this slope times a change is the exact difference.

    Parameters
    ----------
    order : ndarray of int64, shape (zones, stations)
        Stations by their time to each zone.
    penalty : ndarray of float64, shape (zones, stations)
        Cost of a response from each station; grows in that order.
    nobody : ndarray of float64, shape (zones,)
        Cost where no station has a unit; no smaller.
    weight : ndarray of float64, shape (zones,)
        Demand.
    absent : ndarray of float64, shape (stations, slices)
        From `station_absent`.

    Returns
    -------
    ndarray of float64, shape (stations, slices)
        Slopes, zero or more.
    """
    zones, stations = order.shape
    slices = absent.shape[1]
    slope = np.zeros((stations, slices))
    excess = np.empty((stations, slices))
    cost = np.empty(slices)
    reach = np.empty(slices)
    for zone in range(zones):
        if weight[zone] == 0.0:
            continue
        cost[:] = nobody[zone]
        for rank in range(stations - 1, -1, -1):
            station = order[zone, rank]
            own = penalty[zone, station]
            for part in range(slices):
                excess[rank, part] = cost[part] - own
                cost[part] = own + absent[station, part] * excess[rank, part]
        reach[:] = weight[zone]
        for rank in range(stations):
            station = order[zone, rank]
            for part in range(slices):
                slope[station, part] += reach[part] * excess[rank, part]
                reach[part] *= absent[station, part]
    return slope


@njit(cache=True, nogil=True)
def absence_cost_of_pairs(  # noqa: C901  # loops over zones, stations and slices
    order: NDArray[np.int64],
    penalty: NDArray[np.float64],
    nobody: NDArray[np.float64],
    weight: NDArray[np.float64],
    absent: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Find how the slope of each station grows with the absence of each other one.

    Parameters
    ----------
    order, penalty, nobody, weight, absent
        As in `absence_cost`.

    Returns
    -------
    ndarray of float64, shape (stations, stations, slices)
        Mixed second derivatives of the expected cost, symmetric, with an empty diagonal.
    """
    zones, stations = order.shape
    slices = absent.shape[1]
    mixed = np.zeros((stations, stations, slices))
    excess = np.empty((stations, slices))
    others = np.empty((stations, slices))
    cost = np.empty(slices)
    reach = np.empty(slices)
    for zone in range(zones):
        if weight[zone] == 0.0:
            continue
        cost[:] = nobody[zone]
        for rank in range(stations - 1, -1, -1):
            station = order[zone, rank]
            own = penalty[zone, station]
            for part in range(slices):
                excess[rank, part] = cost[part] - own
                cost[part] = own + absent[station, part] * excess[rank, part]
        reach[:] = weight[zone]
        for rank in range(stations):
            station = order[zone, rank]
            for before in range(rank):
                near = order[zone, before]
                for part in range(slices):
                    mixed[near, station, part] += others[before, part] * excess[rank, part]
                    others[before, part] *= absent[station, part]
            for part in range(slices):
                others[rank, part] = reach[part]
                reach[part] *= absent[station, part]
    for one in range(stations):
        for other in range(one):
            for part in range(slices):
                both = mixed[one, other, part] + mixed[other, one, part]
                mixed[one, other, part] = both
                mixed[other, one, part] = both
    return mixed


@njit(cache=True, nogil=True)
def saved_by_moves(
    slope: NDArray[np.float64],
    mixed: NDArray[np.float64],
    station: NDArray[np.float64],
    where: NDArray[np.int64],
    absent: NDArray[np.float64],
    slice_ms: NDArray[np.float64],
    origin: NDArray[np.int64],
    covers_ms: NDArray[np.float64],
    allowed: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Find how much expected cost, summed over slices, each move of a unit saves.

    Parameters
    ----------
    slope : ndarray of float64, shape (stations, slices)
        From `absence_cost`.
    mixed : ndarray of float64, shape (stations, stations, slices)
        From `absence_cost_of_pairs`.
    station : ndarray of float64, shape (stations, slices)
        From `station_absent`.
    where, absent
        As in `station_absent`; no value of `absent` is zero.
    slice_ms : ndarray of float64, shape (slices,)
        Moment that stands for each slice of time, from now.
    origin : ndarray of int64, shape (units,)
        Station that each unit covers from as long as it covers from no other, -1 for none.
    covers_ms : ndarray of float64, shape (units, stations)
        Time from which on each unit would cover from each station if sent there;
        UNREACHABLE where it cannot be.
    allowed : ndarray of bool, shape (units,)
        Which units may move.

    Returns
    -------
    ndarray of float64, shape (units, stations)
        Cost; -inf where a unit may not or cannot move.
    """
    units, stations = covers_ms.shape
    saved = np.full((units, stations), -np.inf)
    for unit in range(units):
        if not allowed[unit] or origin[unit] < 0:
            continue
        for to in range(stations):
            if not covers_ms[unit, to] < 2147483647.0:
                continue
            total = 0.0
            for part in range(len(slice_ms)):
                here = where[unit, part]
                then = to if slice_ms[part] >= covers_ms[unit, to] else origin[unit]
                if then == here:
                    continue
                leaves = station[here, part] * (1.0 / absent[unit, part] - 1.0)
                comes = station[then, part] * (absent[unit, part] - 1.0)
                total -= slope[here, part] * leaves + slope[then, part] * comes
                total -= mixed[here, then, part] * leaves * comes
            saved[unit, to] = total
    return saved
