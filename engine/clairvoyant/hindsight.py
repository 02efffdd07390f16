"""A plan made in hindsight: who serves whom, changed step by step for fewer late arrivals."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

from engine.clairvoyant.kernels import Jobs, Roads, duty, earliest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from engine.clairvoyant.kernels import Crew

_NEVER = 2147483647.0
_BACK_MS = 7_200_000.0
"""Who was sent longer ago than this hardly matters to who is late."""
_WORSE = 0.001
"""How often a step is taken that makes one more late, to leave a dead end."""


class Fleet(NamedTuple):
    """All units, their ways home one crew after the other.

    With c crews, u units, p places, n incidents:

    Parameters
    ----------
    crew : ndarray of int64, shape (u,)
        Crew of each unit.
    home : ndarray of int64, shape (c,)
        Station of each crew, as a place.
    turnout_ms : ndarray of float64, shape (c,)
        Time that it takes to leave it.
    able : ndarray of bool, shape (c, n)
        Incidents that it can serve.
    on_ms : ndarray of float64, shape (c, spans, 2)
        When it is on duty; filled up with inf.
    drive_ms, point_ms, stays
        As in `engine.clairvoyant.kernels.Roads`.
    way_ptr : ndarray of int64, shape (c, p + 1)
        First row in `way_at` and `way_point` of each place's way home.
    way_at, way_point : ndarray
        As there.
    home_ms : ndarray of float64, shape (c, p)
        Time from leaving a place until the unit is home.
    """

    crew: NDArray[np.int64]
    home: NDArray[np.int64]
    turnout_ms: NDArray[np.float64]
    able: NDArray[np.bool_]
    on_ms: NDArray[np.float64]
    drive_ms: NDArray[np.float64]
    point_ms: NDArray[np.float64]
    stays: bool
    way_ptr: NDArray[np.int64]
    way_at: NDArray[np.float64]
    way_point: NDArray[np.int64]
    home_ms: NDArray[np.float64]


def fleet_of(crews: Sequence[Crew]) -> Fleet:
    """Put crews into arrays.

    Parameters
    ----------
    crews : sequence of Crew
        The crews, one at least; their drives are the same, but for ways home.

    Returns
    -------
    Fleet
        Their units, crew by crew.
    """
    roads = [crew.roads for crew in crews]
    rows = np.cumsum([0] + [len(each.way_at) for each in roads])
    on_ms = np.full((len(crews), max(1, *(len(crew.on_ms) for crew in crews)), 2), np.inf)
    for number, crew in enumerate(crews):
        on_ms[number, : len(crew.on_ms)] = crew.on_ms
    return Fleet(
        crew=np.repeat(np.arange(len(crews)), [crew.units for crew in crews]),
        home=np.array([crew.home for crew in crews], dtype=np.int64),
        turnout_ms=np.array([crew.turnout_ms for crew in crews], dtype=np.float64),
        able=np.array([crew.able for crew in crews]),
        on_ms=on_ms,
        drive_ms=roads[0].drive_ms,
        point_ms=roads[0].point_ms,
        stays=roads[0].stays,
        way_ptr=np.array([each.way_ptr + row for each, row in zip(roads, rows, strict=False)]),
        way_at=np.concatenate([each.way_at for each in roads]),
        way_point=np.concatenate([each.way_point for each in roads]),
        home_ms=np.array([each.home_ms for each in roads]),
    )


@njit(cache=True, nogil=True)
def _arrival(
    jobs: Jobs, fleet: Fleet, crew: int, before: int, free_ms: float, job: int, sent: float
) -> float:
    """Return when a unit arrives that was free at a moment and is sent at another one."""
    home, turnout_ms = fleet.home[crew], fleet.turnout_ms[crew]
    if before < 0:
        drive = fleet.drive_ms[jobs.tree[job], home, jobs.zone[job]]
        return float(sent + turnout_ms + drive) if drive < _NEVER else np.inf
    roads = Roads(
        fleet.drive_ms,
        fleet.point_ms,
        fleet.way_ptr[crew],
        fleet.way_at,
        fleet.way_point,
        fleet.home_ms[crew],
        fleet.stays,
    )
    return float(earliest(jobs, roads, home, turnout_ms, before, free_ms, free_ms, job, sent))


@njit(cache=True, nogil=True)
def _served(  # noqa: C901  # two ways to choose, compiled as one
    jobs: Jobs,
    fleet: Fleet,
    job: int,
    wanted: int,
    waits: bool,
    free: NDArray[np.float64],
    before: NDArray[np.int64],
) -> tuple[int, float]:
    """Return who serves an incident, and when he arrives.

    That is the unit wanted, else the first on scene of those that can go first.
    """
    ready = jobs.ready_ms[job]
    if waits and wanted >= 0:
        crew = fleet.crew[wanted]
        sent = duty(fleet.on_ms[crew], max(ready, free[wanted]))
        if fleet.able[crew, job]:
            arrival = _arrival(jobs, fleet, crew, before[wanted], free[wanted], job, sent)
            if arrival <= jobs.last_ms[job]:
                return wanted, arrival
    soonest = np.inf
    for unit, crew in enumerate(fleet.crew):
        if fleet.able[crew, job]:
            soonest = min(soonest, duty(fleet.on_ms[crew], max(ready, free[unit])))
    best, least = -1, np.inf
    for unit, crew in enumerate(fleet.crew):
        if not fleet.able[crew, job]:
            continue
        if duty(fleet.on_ms[crew], max(ready, free[unit])) > soonest:
            continue
        arrival = _arrival(jobs, fleet, crew, before[unit], free[unit], job, soonest)
        if unit == wanted and arrival < _NEVER:
            return unit, arrival
        if arrival < least:
            best, least = unit, arrival
    return best, least


@njit(cache=True, nogil=True)
def _price(jobs: Jobs, job: int, arrival: float, unkept: float) -> float:
    price = float(jobs.cost[job]) if arrival > jobs.due_ms[job] else 0.0
    return price + unkept if arrival > jobs.last_ms[job] else price


@njit(cache=True, nogil=True)
def _hopeless(jobs: Jobs, fleet: Fleet) -> NDArray[np.bool_]:
    """Tell whom nobody can reach in time, from wherever he comes."""
    found = np.zeros(len(jobs.ready_ms), dtype=np.bool_)
    for job in range(len(found)):
        zone, tree = jobs.zone[job], jobs.tree[job]
        soonest = min(fleet.drive_ms[tree, :, zone].min(), fleet.point_ms[tree, :, zone].min())
        found[job] = jobs.ready_ms[job] + soonest > jobs.due_ms[job]
    return found


@njit(cache=True, nogil=True)
def _together(
    fleet: Fleet,
    jobs: Jobs,
    now: float,
    one: tuple[NDArray[np.float64], NDArray[np.int64]],
    other: tuple[NDArray[np.float64], NDArray[np.int64]],
) -> bool:
    """Tell whether two fleets are in the same state: the same last job, or at home."""
    for unit, crew in enumerate(fleet.crew):
        if one[0][unit] == other[0][unit] and one[1][unit] == other[1][unit]:
            continue
        for free, before in (one, other):
            if before[unit] >= 0:
                way = fleet.home_ms[crew, jobs.end[before[unit]]]
                if now - free[unit] < way:
                    return False
    return True


@njit(cache=True, nogil=True)
def _state_before(
    jobs: Jobs,
    job: int,
    unit: NDArray[np.int64],
    arrival: NDArray[np.float64],
    free: NDArray[np.float64],
    before: NDArray[np.int64],
) -> None:
    """Find what each unit did last before an incident."""
    free[:] = -np.inf
    before[:] = -1
    missing = len(free)
    for earlier in range(job - 1, -1, -1):
        who = unit[earlier]
        if who >= 0 and before[who] < 0:
            before[who] = earlier
            free[who] = arrival[earlier] + jobs.after_ms[earlier]
            missing -= 1
            if missing == 0:
                return


@njit(cache=True, nogil=True)
def improve(  # noqa: C901, PLR0912, PLR0915  # one search, compiled as one
    jobs: Jobs,
    fleet: Fleet,
    steps: int,
    rng: np.random.Generator,
    waits: bool,
    unkept: float,
    target: float,
) -> tuple[float, NDArray[np.int64]]:
    """Change who serves whom, one incident at a time, as long as no more are late for it.

    It begins with the unit that is first on scene. A step takes somebody who is late,
    gives an incident shortly before another unit, and plays on until the fleet is in the
    state in which it was without: a local search over dispatches with the event loop as
    judge. All the others keep their units where those can go.

    Parameters
    ----------
    jobs : Jobs
        The incidents.
    fleet : Fleet
        The units.
    steps : int
        How many to try.
    rng : Generator
        Draws the steps.
    waits : bool
        Whether an incident may wait for a unit that is not free while others are.
    unkept : float
        What it costs to reach somebody after the last moment, beside being late.
    target : float
        Cost at which to stop.

    Returns
    -------
    cost : float
        Late arrivals that count, and what reaching people after the last moment costs.
    unit : ndarray of int64, shape (n,)
        Who serves each incident; -1 for nobody.
    """
    n, units = len(jobs.ready_ms), len(fleet.crew)
    unit, arrival = np.full(n, -1), np.full(n, np.inf)
    price = np.zeros(n)
    new_unit, new_arrival, new_price = unit.copy(), arrival.copy(), price.copy()
    free, before = np.full(units, -np.inf), np.full(units, -1)
    old_free, old_before = free.copy(), before.copy()
    hopeless = _hopeless(jobs, fleet)
    cost = 0.0
    for job in range(n):
        who, when = _served(jobs, fleet, job, -1, waits, free, before)
        unit[job], arrival[job] = who, when
        price[job] = _price(jobs, job, when, unkept)
        cost += price[job]
        if who >= 0:
            free[who], before[who] = when + jobs.after_ms[job], job
    best, plan = cost, unit.copy()
    late = np.empty(n, dtype=np.int64)
    for _ in range(steps):
        count = 0
        for job in range(n):
            if price[job] > (1.0 if hopeless[job] else 0.0):
                late[count] = job
                count += 1
        if count == 0 or best <= target:
            break
        last = late[rng.integers(0, count)]
        from_ms = jobs.ready_ms[last] - _BACK_MS
        first = rng.integers(np.searchsorted(jobs.ready_ms, from_ms), last + 1)
        wanted = int(rng.integers(0, units))
        if wanted == unit[first]:
            continue
        _state_before(jobs, first, unit, arrival, free, before)
        old_free[:], old_before[:] = free, before
        change = 0.0
        end = first
        while end < n:
            choice = wanted if end == first else unit[end]
            who, when = _served(jobs, fleet, end, choice, waits, free, before)
            if end == first and who == unit[end]:
                break
            new_unit[end], new_arrival[end] = who, when
            new_price[end] = _price(jobs, end, when, unkept)
            change += new_price[end] - price[end]
            if who >= 0:
                free[who], before[who] = when + jobs.after_ms[end], end
            if unit[end] >= 0:
                old_free[unit[end]] = arrival[end] + jobs.after_ms[end]
                old_before[unit[end]] = end
            end += 1
            if end < n and _together(
                fleet, jobs, jobs.ready_ms[end], (free, before), (old_free, old_before)
            ):
                break
        if change <= 0.0 or rng.random() < _WORSE**change:
            unit[first:end], arrival[first:end] = new_unit[first:end], new_arrival[first:end]
            price[first:end] = new_price[first:end]
            cost += change
            if cost < best:
                best = cost
                plan[:] = unit
    return best, plan
