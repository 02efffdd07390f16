"""What a unit can do for incidents that are all known: kernels."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

_NEVER = 2147483647.0


class Jobs(NamedTuple):
    """The incidents, by the time from which a unit may be sent.

    With n incidents:

    Parameters
    ----------
    ready_ms : ndarray of float64, shape (n,)
        When a unit may be sent; rising.
    due_ms : ndarray of float64, shape (n,)
        Latest arrival in time.
    last_ms : ndarray of float64, shape (n,)
        Latest arrival at all, at least `due_ms`.
    after_ms : ndarray of float64, shape (n,)
        From arrival until the unit is free.
    zone : ndarray of int64, shape (n,)
        Where it is.
    end : ndarray of int64, shape (n,)
        Place where the unit is free again.
    tree : ndarray of int64, shape (n,)
        Row of the drives by which units come.
    cost : ndarray of float64, shape (n,)
        1 where being late counts, else 0.
    """

    ready_ms: NDArray[np.float64]
    due_ms: NDArray[np.float64]
    last_ms: NDArray[np.float64]
    after_ms: NDArray[np.float64]
    zone: NDArray[np.int64]
    end: NDArray[np.int64]
    tree: NDArray[np.int64]
    cost: NDArray[np.float64]


class Roads(NamedTuple):
    """Drives of units; the ways home of one station as points that a unit passes.

    With k trees, p places, z zones, w points:

    Parameters
    ----------
    drive_ms : ndarray of float64, shape (k, p, z)
        From places to zones.
    point_ms : ndarray of float64, shape (k, w, z)
        From points to zones.
    way_ptr : ndarray of int64, shape (p + 1,)
        First row in `way_at` and `way_point` of each place's way home.
    way_at : ndarray of float64
        Time from leaving the place until the point is passed.
    way_point : ndarray of int64
        The point.
    home_ms : ndarray of float64, shape (p,)
        Time from leaving a place until the unit is home.
    stays : bool
        A unit counts as at a point from passing it to passing the next one; else it
        must drive on to the next point before it turns.
    """

    drive_ms: NDArray[np.float64]
    point_ms: NDArray[np.float64]
    way_ptr: NDArray[np.int64]
    way_at: NDArray[np.float64]
    way_point: NDArray[np.int64]
    home_ms: NDArray[np.float64]
    stays: bool


class Crew(NamedTuple):
    """Units that are alike: same station, same abilities, same duty.

    Parameters
    ----------
    units : int
        How many.
    home : int
        Their station, as a place.
    turnout_ms, slowest_ms : float
        Time that they take to leave it, at least and at most.
    roads : Roads
        Drives, and ways home to their station.
    able : ndarray of bool, shape (n,)
        Incidents that they can serve.
    on_ms : ndarray of float64, shape (spans, 2)
        When they are on duty.
    """

    units: int
    home: int
    turnout_ms: float
    slowest_ms: float
    roads: Roads
    able: NDArray[np.bool_]
    on_ms: NDArray[np.float64]


@njit(cache=True, nogil=True)
def duty(on_ms: NDArray[np.float64], time_ms: float) -> float:
    """Return the first moment from a time on at which a unit is on duty.

    Parameters
    ----------
    on_ms : ndarray of float64, shape (spans, 2)
        When it comes and goes; rising.
    time_ms : float
        The time.

    Returns
    -------
    float
        A time, inf where there is none.
    """
    for span in range(len(on_ms)):
        if time_ms < on_ms[span, 1]:
            return float(max(time_ms, on_ms[span, 0]))
    return np.inf


@njit(cache=True, nogil=True)
def earliest(
    jobs: Jobs,
    roads: Roads,
    home: int,
    turnout_ms: float,
    before: int,
    free_ms: float,
    latest_ms: float,
    job: int,
    sent: float,
) -> float:
    """Return how soon a unit can be at an incident after another one, not sent from home.

    It may have been free somewhat later, as it would had it reached the other one later.

    Parameters
    ----------
    jobs, roads
        Incidents and drives.
    home : int
        The unit's station, as a place.
    turnout_ms : float
        Time that it takes to leave it.
    before : int
        The incident that it was at.
    free_ms, latest_ms : float
        Earliest and latest moment at which it was free.
    job : int
        The next incident.
    sent : float
        When it is sent, not before it is free.

    Returns
    -------
    float
        Time of arrival, inf where it cannot come.
    """
    most = sent - free_ms
    least = max(0.0, sent - latest_ms)
    zone, tree, place = jobs.zone[job], jobs.tree[job], jobs.end[before]
    best = np.inf
    if least <= 0.0:
        best = roads.drive_ms[tree, place, zone]
    first, last = roads.way_ptr[place], roads.way_ptr[place + 1]
    for row in range(first, last):
        at = roads.way_at[row]
        if roads.stays:
            until = roads.way_at[row + 1] if row + 1 < last else roads.home_ms[place]
            if at <= most and until >= least:
                best = min(best, roads.point_ms[tree, roads.way_point[row], zone])
        elif at >= least:
            drive = roads.point_ms[tree, roads.way_point[row], zone]
            best = min(best, max(0.0, at - most) + drive)
            if at > most:
                break
    if not roads.stays and most < roads.home_ms[place]:
        # past the last point it turns at home
        best = min(best, roads.home_ms[place] - most + roads.drive_ms[tree, home, zone])
    if most >= roads.home_ms[place]:
        best = min(best, turnout_ms + roads.drive_ms[tree, home, zone])
    return sent + best if best < _NEVER else np.inf


@njit(cache=True, nogil=True)
def arrivals(
    jobs: Jobs,
    roads: Roads,
    home: int,
    turnout_ms: float,
    on_ms: NDArray[np.float64],
    chain: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Return when a unit arrives that is sent to one incident after the other at once.

    Parameters
    ----------
    jobs, roads, home, turnout_ms
        As in `earliest`.
    on_ms : ndarray of float64, shape (spans, 2)
        When the unit is on duty.
    chain : ndarray of int64, shape (m,)
        Its incidents in order.

    Returns
    -------
    ndarray of float64, shape (m,)
        Times; inf where it cannot come.
    """
    found = np.empty(len(chain))
    free_ms, before = -np.inf, -1
    for number, job in enumerate(chain):
        sent = duty(on_ms, max(jobs.ready_ms[job], free_ms))
        if before < 0:
            drive = roads.drive_ms[jobs.tree[job], home, jobs.zone[job]]
            found[number] = sent + turnout_ms + drive if drive < _NEVER else np.inf
        else:
            found[number] = earliest(
                jobs, roads, home, turnout_ms, before, free_ms, free_ms, job, sent
            )
        free_ms, before = found[number] + jobs.after_ms[job], job
    return found
