"""How long incidents may have to wait where nobody waits beside a free unit: kernels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from engine.clairvoyant.hindsight import fleet_of
from engine.clairvoyant.kernels import duty

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from engine.clairvoyant.kernels import Crew, Jobs

_NEVER = 2147483647.0


def longest_waits(jobs: Jobs, crews: Sequence[Crew]) -> NDArray[np.float64]:
    """Say how long each incident may have to wait where nobody waits beside a free unit.

    An incident waits only while all who could serve it are off duty or busy with others.
    Until when they may be follows from the longest drive to each of those, and from how
    long that one itself may have to wait. So waits are raised from zero until, at the end
    of each, fewer others can be under way than there are units: whoever was the first to
    wait longer would then have waited beside a free unit.

    Parameters
    ----------
    jobs : Jobs
        The incidents.
    crews : sequence of Crew
        The units.

    Returns
    -------
    ndarray of float64, shape (n,)
        Milliseconds; none reaches beyond the last moment of its incident.
    """
    ready_ms = jobs.ready_ms
    service_ms = _longest_drives(jobs, crews) + jobs.after_ms
    most_ms = np.maximum(jobs.last_ms, ready_ms)
    fleet, units = fleet_of(crews), np.array([crew.units for crew in crews])
    sent_ms = ready_ms.copy()
    while _raised(ready_ms, service_ms, most_ms, fleet.able, units, fleet.on_ms, sent_ms):
        pass
    return sent_ms - ready_ms


def _longest_drives(jobs: Jobs, crews: Sequence[Crew]) -> NDArray[np.float64]:
    """Return how long a unit takes to each incident at most, from wherever it may be sent."""
    longest = np.zeros(len(jobs.ready_ms))
    for crew in crews:
        roads = crew.roads
        drives = roads.drive_ms[jobs.tree, :, jobs.zone]
        from_home = drives[:, crew.home]
        turned = roads.point_ms[jobs.tree, :, jobs.zone]
        on = 0.0 if roads.stays else float(roads.home_ms[roads.home_ms < _NEVER].max(initial=0.0))
        for leads, some in (
            (0.0, drives),
            (max(on, crew.slowest_ms), from_home[:, None]),
            (on, turned),
        ):
            reached = np.where(some < _NEVER, some, 0.0).max(axis=1, initial=0.0)
            longest = np.maximum(longest, leads + reached)
    return longest


@njit(cache=True, nogil=True)
def _raised(
    ready_ms: NDArray[np.float64],
    service_ms: NDArray[np.float64],
    most_ms: NDArray[np.float64],
    able: NDArray[np.bool_],
    units: NDArray[np.int64],
    on_ms: NDArray[np.float64],
    sent_ms: NDArray[np.float64],
) -> bool:
    """Put off when each is sent to where fewer can be under way than units; tell if any was."""
    changed = False
    for job in range(len(ready_ms)):
        while sent_ms[job] < most_ms[job]:
            time, soonest, free = sent_ms[job], np.inf, 0
            for crew in range(len(units)):
                if able[crew, job]:
                    on = duty(on_ms[crew], time)
                    if on == time:
                        free += units[crew]
                    else:
                        soonest = min(soonest, on)
            for other in range(len(ready_ms)):
                end = sent_ms[other] + service_ms[other]
                if other != job and ready_ms[other] <= time < end:
                    free -= 1
                    soonest = min(soonest, end)
            if free > 0:
                break
            sent_ms[job] = min(most_ms[job], soonest)
            changed = True
    return changed
