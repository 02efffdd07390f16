"""Who serves what next, if nobody waits while a unit is free: kernels."""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from engine.clairvoyant.kernels import Jobs, Roads, duty, earliest
from engine.clairvoyant.network import Network, arranged

if TYPE_CHECKING:
    from numpy.typing import NDArray

_NEVER = 2147483647.0


@njit(cache=True, nogil=True)
def arrivals_on_the_way(  # noqa: C901, PLR0912  # places of a unit, compiled as one
    jobs: Jobs,
    roads: Roads,
    home: int,
    before: int,
    free_ms: float,
    latest_ms: float,
    job: int,
    wait_ms: float,
) -> tuple[float, float]:
    """Return when a unit arrives that is sent on its way home, or once it is free.

    Parameters
    ----------
    jobs, roads
        Incidents and drives.
    home : int
        The unit's station, as a place.
    before : int
        The incident that it was at.
    free_ms, latest_ms : float
        Earliest and latest moment at which it was free.
    job : int
        The next incident, to which a unit on its way goes the moment it may be sent.
    wait_ms : float
        How long that one may wait for a unit that is not free by then.

    Returns
    -------
    soonest, latest : float
        Times; inf and -inf where it cannot come.
    """
    ready = jobs.ready_ms[job]
    zone, tree, place = jobs.zone[job], jobs.tree[job], jobs.end[before]
    home_ms = roads.home_ms[place]
    straight = float(roads.drive_ms[tree, place, zone])
    soonest, latest = np.inf, -np.inf
    if latest_ms > ready and free_ms <= ready + wait_ms:
        soonest = max(0.0, free_ms - ready) + straight
        latest = min(latest_ms - ready, wait_ms) + straight
    most, least = min(ready - free_ms, home_ms), max(0.0, ready - latest_ms)
    if 0.0 <= most >= least:
        if least == 0.0:
            soonest, latest = min(soonest, straight), max(latest, straight)
        first, last = roads.way_ptr[place], roads.way_ptr[place + 1]
        passed = 0.0
        for row in range(first, last):
            at = roads.way_at[row]
            drive = float(roads.point_ms[tree, roads.way_point[row], zone])
            if roads.stays:
                until = roads.way_at[row + 1] if row + 1 < last else home_ms
                if at > most:
                    break
                if until >= least:
                    soonest, latest = min(soonest, drive), max(latest, drive)
            else:
                if at >= least:
                    soonest = min(soonest, max(0.0, at - most) + drive)
                    latest = max(latest, at - max(passed, least) + drive)
                if at > most:
                    break
                passed = at
        else:
            if not roads.stays:
                # past the last point it turns at home
                drive = float(roads.drive_ms[tree, home, zone])
                soonest = min(soonest, home_ms - most + drive)
                latest = max(latest, home_ms - max(passed, least) + drive)
    if soonest >= _NEVER:
        return np.inf, -np.inf
    return ready + soonest, ready + min(latest, _NEVER)


@njit(cache=True, nogil=True)
def network_at_once(  # noqa: C901, PLR0912, PLR0915  # one search, compiled as one
    jobs: Jobs,
    roads: Roads,
    home: int,
    turnout_ms: tuple[float, float],
    able: NDArray[np.bool_],
    on_ms: NDArray[np.float64],
    wait_ms: NDArray[np.float64],
    span_ms: float,
) -> Network:
    """List the services of a crew, if nobody waits while a unit is free.

    A service is an incident and a span of time in which the unit arrives. What follows
    reckons with all moments from the earliest to the latest arrival of the span, whichever
    brings the unit nearer: so that all that such a unit can do is in the network, and
    somewhat more, less the shorter the spans.

    Parameters
    ----------
    jobs, roads, home
        As in `engine.clairvoyant.network.network`.
    turnout_ms : tuple of (float, float)
        Time that a unit takes to leave its station, at least and at most.
    able, on_ms
        As there.
    wait_ms : ndarray of float64, shape (n,)
        How long each incident may have to wait, as `engine.clairvoyant.waits.longest_waits` says.
    span_ms : float
        Length of a span.

    Returns
    -------
    Network
        The network.
    """
    n = len(jobs.ready_ms)
    job_of, cost, free, latest = [-1], [0.0], [np.inf], [0.0]
    order, rank = [0], [-1]
    heads = [np.zeros(0, dtype=np.int64)]
    from_home = np.full((n, 2), -1, dtype=np.int64)
    # spans do not reach over the limit
    begin_ms = np.minimum(jobs.ready_ms, jobs.due_ms)
    spans = int((jobs.last_ms - begin_ms).max() / span_ms) + 3 if n else 0
    open_ = np.zeros((n, spans), dtype=np.int64)  # the service of each span, 0 for none
    heap = [(0.0, 0)][1:]
    longest = wait_ms.max() if n else 0.0
    for job in range(n):
        sent = duty(on_ms, jobs.ready_ms[job])
        drive = float(roads.drive_ms[jobs.tree[job], home, jobs.zone[job]])
        arrival = sent + turnout_ms[0] + drive
        if not able[job] or sent > jobs.ready_ms[job] + wait_ms[job]:
            continue
        if arrival > jobs.last_ms[job]:
            continue
        late = int(arrival > jobs.due_ms[job] and jobs.cost[job] > 0.0)
        from_home[job, late] = len(job_of)
        job_of.append(job)
        cost.append(late * jobs.cost[job])
        free.append(arrival + jobs.after_ms[job])
        latest.append(free[-1] + turnout_ms[1] - turnout_ms[0])
        rank.append(-1)
        heads.append(heads[0])
        heappush(heap, (free[-1], len(job_of) - 1))
    while len(heap) > 0:
        time, here = heappop(heap)
        if rank[here] >= 0 or time > free[here]:
            continue
        rank[here] = len(order)
        order.append(here)
        before = job_of[here]
        found = [0][1:]
        first = np.searchsorted(jobs.ready_ms, time - longest)
        until = latest[here] + roads.home_ms[jobs.end[before]]
        for job in range(first, np.searchsorted(jobs.ready_ms, until, side="right")):
            ready = jobs.ready_ms[job]
            if not able[job] or job == before:
                continue
            sent = duty(on_ms, max(ready, time))
            if sent > max(ready, time):
                if sent > ready + wait_ms[job]:
                    continue
                soonest = earliest(
                    jobs, roads, home, turnout_ms[0], before, time, latest[here], job, sent
                )
                last = jobs.last_ms[job]
            else:
                soonest, last = arrivals_on_the_way(
                    jobs, roads, home, before, time, latest[here], job, wait_ms[job]
                )
                if latest[here] > time and duty(on_ms, latest[here]) > latest[here]:
                    last = jobs.last_ms[job]
            if soonest > jobs.last_ms[job]:
                continue
            late = int(soonest > jobs.due_ms[job] and jobs.cost[job] > 0.0)
            span = int((soonest - ready) / span_ms)
            if late:
                in_time = int(max(0.0, jobs.due_ms[job] - ready) / span_ms) + 1
                span = in_time + int((soonest - jobs.due_ms[job]) / span_ms)
            there = open_[job, span]
            if there == 0 or rank[there] >= 0:
                there = len(job_of)
                open_[job, span] = there
                job_of.append(job)
                cost.append(late * jobs.cost[job])
                free.append(np.inf)
                latest.append(-np.inf)
                rank.append(-1)
                heads.append(heads[0])
            done = soonest + jobs.after_ms[job]
            if done < free[there]:
                free[there] = done
                heappush(heap, (done, there))
            latest[there] = max(latest[there], last + jobs.after_ms[job])
            found.append(there)
        heads[here] = np.array(found, dtype=np.int64)
    return arranged(jobs, roads, order, rank, job_of, cost, free, heads, from_home)
