"""The best chain of incidents for one unit, for a dispatcher who knows them all: kernels."""

from __future__ import annotations

from heapq import heappop, heappush
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
    jobs: Jobs, roads: Roads, home: int, turnout_ms: float, before: int, free_ms: float, job: int
) -> float:
    """Return how soon a unit can be at an incident after another one, not sent from home.

    It may have been free somewhat later, as it would had it reached the other one later,
    but not later than at all.

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
    free_ms : float
        Earliest moment at which it was free.
    job : int
        The next incident.

    Returns
    -------
    float
        Time of arrival, inf where it cannot come.
    """
    sent = max(jobs.ready_ms[job], free_ms)
    most = sent - free_ms
    least = max(0.0, sent - (jobs.last_ms[before] + jobs.after_ms[before]))
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
def best_chain(  # noqa: C901, PLR0912, PLR0915  # one search, compiled as one
    jobs: Jobs,
    roads: Roads,
    home: int,
    turnout_ms: float,
    able: NDArray[np.bool_],
    on_ms: NDArray[np.float64],
    worth: NDArray[np.float64],
) -> tuple[float, NDArray[np.int64], NDArray[np.bool_]]:
    """Find the chain of incidents that is worth most to one unit.

    Labels by the moment at which the unit is free; of two at the same incident the one
    that is free earlier and worth as much can do all that the other can.

    Parameters
    ----------
    jobs, roads, home, turnout_ms
        As in `earliest`.
    able : ndarray of bool, shape (n,)
        Which incidents the unit can serve.
    on_ms : ndarray of float64, shape (spans, 2)
        When it is on duty.
    worth : ndarray of float64, shape (n,)
        What serving each is worth; being late costs `Jobs.cost`.

    Returns
    -------
    value : float
        What the chain is worth.
    chain : ndarray of int64, shape (m,)
        Its incidents in order.
    late : ndarray of bool, shape (m,)
        Which of them are reached late.
    """
    n = len(worth)
    patience = (jobs.last_ms - jobs.ready_ms).max() if n > 0 else 0.0
    job_of, parent_of = [-1], [-1]
    value_of, free_of = [0.0], [-np.inf]
    late_of = [False]
    best_at = np.full(n, -np.inf)
    heap = [(0.0, 0, 0)]  # time, kind (0 home, 1 ready, 2 free), subject
    heap.pop()
    for job in range(n):
        heappush(heap, (jobs.ready_ms[job], 1, job))
    home_value, home_label = 0.0, 0
    best_value, best_label = 0.0, 0
    while len(heap) > 0:
        time, kind, subject = heappop(heap)
        if kind == 0:
            if value_of[subject] > home_value:
                home_value, home_label = value_of[subject], subject
            continue
        if kind == 1:
            if not able[subject]:
                continue
            sent = duty(on_ms, time)
            if sent > time:
                if sent < np.inf:
                    heappush(heap, (sent, 1, subject))
                continue
            arrival = (
                sent + turnout_ms + roads.drive_ms[jobs.tree[subject], home, jobs.zone[subject]]
            )
            if arrival > jobs.last_ms[subject]:
                continue
            late = arrival > jobs.due_ms[subject]
            value = home_value + worth[subject] - (jobs.cost[subject] if late else 0.0)
            job_of.append(subject)
            parent_of.append(home_label)
            value_of.append(value)
            late_of.append(late)
            free_of.append(arrival + jobs.after_ms[subject])
            heappush(heap, (free_of[-1], 2, len(job_of) - 1))
            continue
        before, value = job_of[subject], value_of[subject]
        if value <= best_at[before] + 1e-12:
            continue
        best_at[before] = value
        if value > best_value:
            best_value, best_label = value, subject
        way_ms = roads.home_ms[jobs.end[before]]
        heappush(heap, (time + way_ms, 0, subject))
        latest = jobs.last_ms[before] + jobs.after_ms[before] + way_ms
        stop = np.searchsorted(jobs.ready_ms, latest, side="right")
        job = stop - 1
        while job >= 0:
            if jobs.ready_ms[job] < time - patience:
                break
            if able[job] and job != before and jobs.last_ms[job] > time:
                sent = max(jobs.ready_ms[job], time)
                arrival = earliest(jobs, roads, home, turnout_ms, before, time, job)
                if arrival <= jobs.last_ms[job] and duty(on_ms, sent) <= sent:
                    late = arrival > jobs.due_ms[job]
                    gain = value + worth[job] - (jobs.cost[job] if late else 0.0)
                    if gain > best_at[job] + 1e-12:
                        job_of.append(job)
                        parent_of.append(subject)
                        value_of.append(gain)
                        late_of.append(late)
                        free_of.append(arrival + jobs.after_ms[job])
                        heappush(heap, (free_of[-1], 2, len(job_of) - 1))
            job -= 1
    length = 0
    label = best_label
    while label > 0:
        length += 1
        label = parent_of[label]
    chain = np.empty(length, dtype=np.int64)
    lates = np.empty(length, dtype=np.bool_)
    label = best_label
    while label > 0:
        length -= 1
        chain[length] = job_of[label]
        lates[length] = late_of[label]
        label = parent_of[label]
    return best_value, chain, lates
