"""Who serves what next, as a network in time for each crew: kernels."""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

from engine.clairvoyant.kernels import Jobs, Roads, duty, earliest

if TYPE_CHECKING:
    from numpy.typing import NDArray

_NEVER = 2147483647.0


class Network(NamedTuple):
    """What a unit of a crew can do, service after service.

    Services are in an order in which nothing comes before what it follows. Service v can
    be followed by those at ``to[ptr[v]:ptr[v + 1]]``, or by the unit's way home, where it
    is before the incidents from `home` on can be served from there.

    Parameters
    ----------
    job : ndarray of int64, shape (v,)
        The incident of each service.
    cost : ndarray of float64, shape (v,)
        What it costs that it is late.
    ptr : ndarray of int64, shape (v + 1,)
        First row of each in `to`.
    to : ndarray of int64
        What can follow at once.
    home : ndarray of int64, shape (v,)
        First incident that can be served from home after it.
    from_home : ndarray of int64, shape (n, 2)
        Services of each incident from home, in time and late; -1 for none.
    """

    job: NDArray[np.int64]
    cost: NDArray[np.float64]
    ptr: NDArray[np.int64]
    to: NDArray[np.int64]
    home: NDArray[np.int64]
    from_home: NDArray[np.int64]


@njit(cache=True, nogil=True)
def network(  # noqa: C901, PLR0912, PLR0915  # one search, compiled as one
    jobs: Jobs,
    roads: Roads,
    home: int,
    turnout_ms: float,
    able: NDArray[np.bool_],
    on_ms: NDArray[np.float64],
    spans: int,
) -> Network:
    """List the services of a crew, and what can follow each.

    A service is an incident and a span of time in which the unit arrives there from the
    road, or its arrival from home. What follows reckons with the earliest arrival of the
    span and, as units may be held back, with any later one that is as late or in time,
    whichever brings the unit nearer: so that all that a unit can do is in the network,
    and somewhat more.

    Parameters
    ----------
    jobs, roads, home, turnout_ms
        As in `engine.clairvoyant.kernels.earliest`.
    able : ndarray of bool, shape (n,)
        Which incidents the crew can serve.
    on_ms : ndarray of float64, shape (spans, 2)
        When it is on duty.
    spans : int
        Into how many the time in time, and that when it is late, are cut.

    Returns
    -------
    Network
        The network.
    """
    n = len(jobs.ready_ms)
    job_of, cost, free, latest = [-1], [0.0], [np.inf], [0.0]
    order = [0]
    rank = [-1]
    heads = [np.zeros(0, dtype=np.int64)]
    from_home = np.full((n, 2), -1, dtype=np.int64)
    open_ = np.zeros((n, 2 * spans), dtype=np.int64)  # the service of each span, 0 for none
    heap = [(0.0, 0)][1:]
    for job in range(n):
        if not able[job]:
            continue
        sent = duty(on_ms, jobs.ready_ms[job])
        drive = roads.drive_ms[jobs.tree[job], home, jobs.zone[job]]
        arrival = sent + turnout_ms + drive if drive < _NEVER else np.inf
        for late in range(2):
            if late and (jobs.cost[job] == 0.0 or arrival > jobs.last_ms[job]):
                continue
            until = jobs.last_ms[job] if late or jobs.cost[job] == 0.0 else jobs.due_ms[job]
            begin = max(arrival, jobs.due_ms[job]) if late else arrival
            if begin <= until:
                from_home[job, late] = len(job_of)
                job_of.append(job)
                cost.append(jobs.cost[job] if late else 0.0)
                free.append(begin + jobs.after_ms[job])
                latest.append(until + jobs.after_ms[job])
                rank.append(-1)
                heads.append(heads[0])
                heappush(heap, (free[-1], len(job_of) - 1))
    patience = (jobs.last_ms - jobs.ready_ms).max() if n > 0 else 0.0
    while len(heap) > 0:
        time, here = heappop(heap)
        if rank[here] >= 0 or time > free[here]:
            continue
        rank[here] = len(order)
        order.append(here)
        before = job_of[here]
        way_ms = roads.home_ms[jobs.end[before]]
        found = [0][1:]
        job = np.searchsorted(jobs.ready_ms, latest[here] + way_ms, side="right") - 1
        while job >= 0 and jobs.ready_ms[job] >= time - patience:
            if able[job] and job != before and jobs.last_ms[job] > time:
                sent = duty(on_ms, max(jobs.ready_ms[job], time))
                arrival = earliest(
                    jobs, roads, home, turnout_ms, before, time, latest[here], job, sent
                )
                due = jobs.due_ms[job] if jobs.cost[job] > 0.0 else jobs.last_ms[job]
                for late in range(2):
                    if late:
                        arrival = max(arrival, due)
                    until = jobs.last_ms[job] if late else due
                    if arrival > until or (late and jobs.cost[job] == 0.0):
                        continue
                    start = due if late else jobs.ready_ms[job]
                    width = max(until - start, 1.0) / spans
                    part = min(spans - 1, int((arrival - start) / width)) + late * spans
                    there = open_[job, part]
                    done = arrival + jobs.after_ms[job]
                    if there == 0 or rank[there] >= 0:
                        there = len(job_of)
                        open_[job, part] = there
                        job_of.append(job)
                        cost.append(jobs.cost[job] if late else 0.0)
                        free.append(np.inf)
                        latest.append(until + jobs.after_ms[job])
                        rank.append(-1)
                        heads.append(heads[0])
                    if done < free[there]:
                        free[there] = done
                        heappush(heap, (done, there))
                    found.append(there)
            job -= 1
        heads[here] = np.array(found, dtype=np.int64)
    return arranged(jobs, roads, order, rank, job_of, cost, free, heads, from_home)


@njit(cache=True, nogil=True)
def arranged(
    jobs: Jobs,
    roads: Roads,
    order: list[int],
    rank: list[int],
    job_of: list[int],
    cost: list[float],
    free: list[float],
    heads: list[NDArray[np.int64]],
    from_home: NDArray[np.int64],
) -> Network:
    """Put services into an order in which nothing comes before what it follows.

    Parameters
    ----------
    jobs, roads
        As in `network`.
    order : list of int
        Services as they are to come, the first of which is none.
    rank : list of int
        Place of each service in `order`.
    job_of : list of int
        Incident of each service.
    cost, free : list of float
        What each costs, and the earliest moment at which its unit is free again.
    heads : list of ndarray of int64
        Services that can follow each one.
    from_home : ndarray of int64, shape (n, 2)
        As in `Network`, in their numbers; changed.

    Returns
    -------
    Network
        The network.
    """
    services = len(order) - 1
    ptr = np.zeros(services + 1, dtype=np.int64)
    back = np.empty(services, dtype=np.int64)
    for row in range(services):
        here = order[row + 1]
        ptr[row + 1] = ptr[row] + len(heads[here])
        end = jobs.end[job_of[here]]
        back[row] = np.searchsorted(jobs.ready_ms, free[here] + roads.home_ms[end])
    to = np.empty(ptr[services], dtype=np.int64)
    own = np.empty(services, dtype=np.int64)
    price = np.empty(services)
    for row in range(services):
        here = order[row + 1]
        own[row], price[row] = job_of[here], cost[here]
        for number, there in enumerate(heads[here]):
            to[ptr[row] + number] = rank[there] - 1
    for job in range(len(from_home)):
        for late in range(2):
            if from_home[job, late] >= 0:
                from_home[job, late] = rank[from_home[job, late]] - 1
    return Network(own, price, ptr, to, back, from_home)


@njit(cache=True, nogil=True)
def dearest_chain(net: Network, worth: NDArray[np.float64]) -> float:
    """Find how much the chain of services is worth that is worth most.

    Parameters
    ----------
    net : Network
        The network.
    worth : ndarray of float64, shape (n,)
        What serving each incident is worth.

    Returns
    -------
    float
        What it is worth, less what its late arrivals cost.
    """
    n, services = len(net.from_home), len(net.job)
    at_home = np.zeros(n + 1)
    value = np.zeros(services)
    upto = n
    for here in range(services - 1, -1, -1):
        # all services from home of what comes after are known by now
        upto = _filled(net, value, at_home, upto, net.home[here])
        best = at_home[net.home[here]]
        for row in range(net.ptr[here], net.ptr[here + 1]):
            best = max(best, value[net.to[row]])
        value[here] = best + worth[net.job[here]] - net.cost[here]
    _filled(net, value, at_home, upto, 0)
    return float(at_home[0])


@njit(cache=True, nogil=True)
def _filled(
    net: Network,
    value: NDArray[np.float64],
    at_home: NDArray[np.float64],
    upto: int,
    job: int,
) -> int:
    """Find what a unit at home is worth before each incident, down to one of them."""
    while upto > job:
        upto -= 1
        at_home[upto] = at_home[upto + 1]
        for late in range(2):
            there = net.from_home[upto, late]
            if there >= 0 and value[there] > at_home[upto]:
                at_home[upto] = value[there]
    return upto
