"""What units did in a replication: metres driven, and when they were busy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from engine.events import DISPATCHED, FREE, MOVED, OFF_DUTY, ON_DUTY
from scenarios.demand import horizon_ms
from scenarios.simulation.periods import local_hours
from scenarios.statistics import BATCHES, groups_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from scenarios.settings import Horizon
    from scenarios.simulation.run import Outcome

HOURS: Final = 24


class FleetWork(NamedTuple):
    """What units did, in groups of observations that are independent.

    Parameters
    ----------
    metres : ndarray of float64, shape (groups, units)
        What each unit drove, also after the horizon's end; NaN for all where the log does
        not say it of some drive.
    busy_ms : ndarray of float64, shape (groups, units)
        From dispatch to free, within the horizon, by when it began.
    duty_ms : ndarray of float64, shape (groups, units)
        On duty, within the horizon; not in breaks or repair.
    busy_hour_ms : ndarray of float64, shape (groups, 24)
        Busy time of all units, by the local hour that it fell into.
    moves : ndarray of int64, shape (groups, units)
        How often each unit was sent to another station.
    """

    metres: NDArray[np.float64]
    busy_ms: NDArray[np.float64]
    duty_ms: NDArray[np.float64]
    busy_hour_ms: NDArray[np.float64]
    moves: NDArray[np.int64]


def joined(parts: Sequence[FleetWork]) -> FleetWork:
    """Join groups.

    Parameters
    ----------
    parts : sequence of FleetWork
        In the order of their groups.

    Returns
    -------
    FleetWork
        All of them.
    """
    return FleetWork(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def work_of(outcome: Outcome, replications: int, horizon: Horizon, units: int) -> FleetWork:
    """Add up what units did in one replication, or in each stretch of it if it is alone.

    Parameters
    ----------
    outcome : Outcome
        The replication, with its log.
    replications : int
        How many there are.
    horizon : Horizon
        What is simulated.
    units : int
        How many units there are.

    Returns
    -------
    FleetWork
        Of one group, or of as many as there are stretches.
    """
    span = horizon_ms(horizon)
    log = outcome.log[outcome.log["unit"] >= 0]
    groups = 1 if replications > 1 else BATCHES

    def _group(time_ms: NDArray[np.float64]) -> NDArray[np.int64]:
        only = np.zeros(len(time_ms), dtype=np.int64)
        return groups_of(only, np.minimum(time_ms, span - 1), replications, span)[0]

    metres = np.zeros((groups, units))
    np.add.at(metres, (_group(log["time_ms"]), log["unit"]), log["metres"])
    if (log["metres"] < 0).any():
        metres[:] = np.nan
    unit, begin, end = busy_times(log)
    begin, end = np.minimum(begin, span), np.minimum(end, span)
    which = _group(begin)
    busy = np.zeros((groups, units))
    np.add.at(busy, (which, unit), end - begin)
    length = span / groups
    begins = np.arange(groups) * length
    duty = length - _off_duty_ms(log, begins, begins + length, units)
    moved = log[log["event"] == MOVED]
    moves = np.zeros((groups, units), dtype=np.int64)
    np.add.at(moves, (_group(moved["time_ms"]), moved["unit"]), 1)
    hours = by_hour(begin, end, which, groups, horizon)
    return FleetWork(metres, busy, duty, hours, moves)


def busy_times(
    log: NDArray[Any],
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Find when units were busy: from dispatch to free, whomever they were diverted to.

    Parameters
    ----------
    log : ndarray of LOG
        What happened to units, in order.

    Returns
    -------
    unit : ndarray of int64, shape (n,)
        Which one.
    begin, end : ndarray of float64, shape (n,)
        Milliseconds since the horizon's start; inf for the end where a unit did not become
        free again, as in a day that was recorded only so far.
    """
    events = log[(log["event"] == DISPATCHED) | (log["event"] == FREE)]
    events = events[np.argsort(events["unit"], kind="stable")]
    free = events["event"] == FREE
    # a dispatch of a unit that is busy is a diversion
    after_free = np.append(True, free[:-1] | (np.diff(events["unit"]) != 0))
    begin = np.flatnonzero(~free & after_free[: len(events)])
    ends = np.append(np.flatnonzero(free), len(events))
    last = np.append(events["unit"], -1)
    time_ms = np.append(events["time_ms"], np.inf)
    end = ends[np.searchsorted(ends, begin)]
    own = last[end] == last[begin]
    return last[begin].astype(np.int64), time_ms[begin], np.where(own, time_ms[end], np.inf)


def _off_duty_ms(
    log: NDArray[Any], begins: NDArray[Any], ends: NDArray[Any], units: int
) -> NDArray[np.float64]:
    """Add up how long each unit was off duty in each span; it begins on duty."""
    total = np.zeros((len(begins), units))
    events = log[(log["event"] == OFF_DUTY) | (log["event"] == ON_DUTY)]
    events = events[np.argsort(events["unit"], kind="stable")]
    last = np.append(events["unit"][1:] != events["unit"][:-1], True)[: len(events)]
    until = np.append(events["time_ms"], np.inf)[1:]
    off = np.flatnonzero(events["event"] == OFF_DUTY)
    for row in off:
        begin, end = events["time_ms"][row], np.inf if last[row] else until[row]
        within = np.minimum(end, ends) - np.maximum(begin, begins)
        total[:, events["unit"][row]] += np.maximum(within, 0)
    return total


def by_hour(
    begin: NDArray[np.float64],
    end: NDArray[np.float64],
    group: NDArray[np.int64],
    groups: int,
    horizon: Horizon,
) -> NDArray[np.float64]:
    """Add up spans of time by the local hour of the day that they fall into.

    Parameters
    ----------
    begin, end : ndarray of float64, shape (n,)
        Milliseconds since the horizon's start.
    group : ndarray of int64, shape (n,)
        Group of each span.
    groups : int
        How many groups there are.
    horizon : Horizon
        Start and time zone.

    Returns
    -------
    ndarray of float64, shape (groups, 24)
        Milliseconds.
    """
    begins, hour = local_hours(horizon)
    ends = np.append(begins[1:], np.inf)
    first = np.searchsorted(begins, begin, "right") - 1
    pieces = np.maximum(np.searchsorted(begins, end, "left") - first, 0)
    row = np.repeat(np.arange(len(begin)), pieces)
    slot = np.arange(len(row)) - np.repeat(np.cumsum(pieces) - pieces, pieces) + first[row]
    length = np.minimum(end[row], ends[slot]) - np.maximum(begin[row], begins[slot])
    cell = group[row] * HOURS + hour[slot]
    total = np.bincount(cell, weights=length, minlength=groups * HOURS)
    return total.reshape(groups, HOURS).astype(np.float64)
