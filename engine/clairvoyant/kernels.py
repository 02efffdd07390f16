"""The best chain of incidents for one unit, for a dispatcher who knows them all: kernels."""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

_NEVER = 2147483647.0
_EQUAL = 1e-12
_HOME, _READY, _FREE = 0, 1, 2  # what happens to a unit or an incident, in this order


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
    given : ndarray of bool, shape (n,)
        Where units are as soon as they are sent, so that it does not matter where they
        were before the first incident.
    """

    ready_ms: NDArray[np.float64]
    due_ms: NDArray[np.float64]
    last_ms: NDArray[np.float64]
    after_ms: NDArray[np.float64]
    zone: NDArray[np.int64]
    end: NDArray[np.int64]
    tree: NDArray[np.int64]
    cost: NDArray[np.float64]
    given: NDArray[np.bool_]


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


class Labels(NamedTuple):
    """Chains so far, each as its last incident and the chain before; the first has none.

    Parameters
    ----------
    job, parent : list of int
        The last incident, and the label of the chain before it.
    value, free_ms : list of float
        What it is worth, and when its unit is free.
    late : list of bool
        Whether the last incident is reached late.
    following : list of int
        The next label in a list of those that were done at one place, 0 for none.
    """

    job: list[int]
    parent: list[int]
    value: list[float]
    free_ms: list[float]
    late: list[bool]
    following: list[int]


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
    job: int,
    sent: float,
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
    sent : float
        When it is sent, not before it is free.

    Returns
    -------
    float
        Time of arrival, inf where it cannot come.
    """
    if jobs.given[job]:
        return sent
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
def _holds(labels: Labels, label: int, job: int) -> bool:
    """Tell whether a chain has an incident in it."""
    while label > 0:
        if labels.job[label] == job:
            return True
        label = labels.parent[label]
    return False


@njit(cache=True, nogil=True)
def _bars_no_more(
    jobs: Jobs, labels: Labels, one: int, other: int, time_ms: float, patience_ms: float
) -> bool:
    """Tell whether what a chain cannot serve again, but might, another one cannot either."""
    while one > 0 and labels.free_ms[one] + patience_ms >= time_ms:
        job = labels.job[one]
        if jobs.last_ms[job] >= time_ms and not _holds(labels, other, job):
            return False
        one = labels.parent[one]
    return True


@njit(cache=True, nogil=True)
def _dominated(
    jobs: Jobs, labels: Labels, first: int, label: int, time_ms: float, patience_ms: float
) -> bool:
    """Tell whether a label that was done before at the same place can do as much."""
    while first > 0:
        if labels.value[first] >= labels.value[label] - _EQUAL and _bars_no_more(
            jobs, labels, first, label, time_ms, patience_ms
        ):
            return True
        first = labels.following[first]
    return False


@njit(cache=True, nogil=True)
def _extended(
    jobs: Jobs, labels: Labels, parent: int, job: int, arrival: float, worth: float
) -> int:
    """Add the label of a chain that goes on to one more incident."""
    late = arrival > jobs.due_ms[job]
    labels.job.append(job)
    labels.parent.append(parent)
    labels.value.append(labels.value[parent] + worth - (jobs.cost[job] if late else 0.0))
    labels.free_ms.append(arrival + jobs.after_ms[job])
    labels.late.append(late)
    labels.following.append(0)
    return len(labels.job) - 1


@njit(cache=True, nogil=True)
def _come_home(labels: Labels, at_home: list[int], label: int) -> None:
    """Put a label where it belongs by its worth."""
    at_home.append(label)
    place = len(at_home) - 1
    while place > 0 and labels.value[at_home[place - 1]] < labels.value[label]:
        at_home[place] = at_home[place - 1]
        place -= 1
    at_home[place] = label


@njit(cache=True, nogil=True)
def _traced(labels: Labels, best: int) -> tuple[float, NDArray[np.int64], NDArray[np.bool_]]:
    """Follow a chain back to its beginning."""
    length, label = 0, best
    while label > 0:
        length += 1
        label = labels.parent[label]
    chain, late = np.empty(length, dtype=np.int64), np.empty(length, dtype=np.bool_)
    label = best
    while label > 0:
        length -= 1
        chain[length] = labels.job[label]
        late[length] = labels.late[label]
        label = labels.parent[label]
    return labels.value[best], chain, late


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
    """Find the chain of different incidents that is worth most to one unit.

    Labels by the moment at which the unit is free. Of two at the same incident the one
    that is free earlier and worth as much can do all that the other can, unless it has
    served what the other has not and may still serve.

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
    labels = Labels([-1], [-1], [0.0], [-np.inf], [False], [0])
    done = np.zeros(n, dtype=np.int64)  # first label of those done at each incident
    heap = [(jobs.ready_ms[job], _READY, job) for job in range(n)]
    heapify(heap)
    at_home = [0]  # labels of units that are home, the most worth first
    best = 0
    while len(heap) > 0:
        time, kind, subject = heappop(heap)
        if kind == _HOME:
            _come_home(labels, at_home, subject)
        elif kind == _READY:
            if not able[subject]:
                continue
            sent = duty(on_ms, time)
            if sent > time:
                if sent < np.inf:
                    heappush(heap, (sent, _READY, subject))
                continue
            arrival = time
            if not jobs.given[subject]:
                drive = roads.drive_ms[jobs.tree[subject], home, jobs.zone[subject]]
                arrival += turnout_ms + drive
            if arrival > jobs.last_ms[subject]:
                continue
            for label in at_home:
                if not _holds(labels, label, subject):
                    new = _extended(jobs, labels, label, subject, arrival, worth[subject])
                    heappush(heap, (labels.free_ms[new], _FREE, new))
                if _bars_no_more(jobs, labels, label, 0, time, patience):
                    break  # those after it are worth less and can do no more
        else:
            before = labels.job[subject]
            if _dominated(jobs, labels, done[before], subject, time, patience):
                continue
            labels.following[subject] = done[before]
            done[before] = subject
            if labels.value[subject] > labels.value[best]:
                best = subject
            way_ms = roads.home_ms[jobs.end[before]]
            heappush(heap, (time + way_ms, _HOME, subject))
            latest = jobs.last_ms[before] + jobs.after_ms[before] + way_ms
            job = np.searchsorted(jobs.ready_ms, latest, side="right") - 1
            while job >= 0 and jobs.ready_ms[job] >= time - patience:
                if able[job] and jobs.last_ms[job] > time and not _holds(labels, subject, job):
                    sent = duty(on_ms, max(jobs.ready_ms[job], time))
                    arrival = earliest(jobs, roads, home, turnout_ms, before, time, job, sent)
                    if arrival <= jobs.last_ms[job]:
                        new = _extended(jobs, labels, subject, job, arrival, worth[job])
                        heappush(heap, (labels.free_ms[new], _FREE, new))
                job -= 1
    return _traced(labels, best)
