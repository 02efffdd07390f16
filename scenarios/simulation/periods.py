"""Spans of time in which drives take equally long: hours that differ in speed, closed roads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import shapely

from scenarios.closures import Closure, apply_closures
from scenarios.demand import HOUR_MS, horizon_ms

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from scenarios.package import Scenario
    from scenarios.settings import Horizon

OVERTIME_MS = 7 * 24 * HOUR_MS
"""So long after the horizon what is regular goes on: until then all should be served."""


@dataclass(frozen=True)
class Period:
    """What drives depend on.

    Parameters
    ----------
    hour : int or None
        Local hour whose speeds hold, None for the mean of all.
    closed : tuple of int
        Rows of the settings' disturbances that close roads.
    """

    hour: int | None
    closed: tuple[int, ...]


class Periods(NamedTuple):
    """The periods of a scenario, and when each one begins.

    Parameters
    ----------
    kinds : list of Period
        Those that differ, the first one first.
    begins_ms : ndarray of float64, shape (n,)
        When another one begins, since the horizon's start; the first is 0.
    kind : ndarray of int64, shape (n,)
        Which.
    """

    kinds: list[Period]
    begins_ms: NDArray[np.float64]
    kind: NDArray[np.int64]


def local_hours(horizon: Horizon) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return when local hours begin, from the horizon's start until overtime ends.

    Parameters
    ----------
    horizon : Horizon
        Start, length and time zone.

    Returns
    -------
    begins_ms : ndarray of float64, shape (n,)
        Milliseconds since the horizon's start; the first is 0.
    hour : ndarray of int64, shape (n,)
        Local hour of the day, 0 to 23.
    """
    start = pd.Timestamp(horizon.start)
    # quarters, since the offsets of time zones are multiples of them
    first = start.floor("15min")
    slots = int((horizon_ms(horizon) + OVERTIME_MS) // (HOUR_MS // 4)) + 2
    quarters = pd.date_range(first, periods=slots, freq="15min")
    hour = quarters.tz_convert(ZoneInfo(horizon.timezone)).hour.to_numpy(np.int64)
    keep = np.flatnonzero(np.append(True, np.diff(hour) != 0))
    begins_ms = (quarters[keep] - start).total_seconds().to_numpy(np.float64) * 1000
    return np.maximum(begins_ms, 0.0), hour[keep]


def periods_of(scenario: Scenario) -> Periods:
    """Find the periods of a scenario.

    Parameters
    ----------
    scenario : Scenario
        The scenario.

    Returns
    -------
    Periods
        One where neither hours nor closed roads matter.
    """
    settings = scenario.settings
    begins_ms, hours = np.zeros(1), np.zeros(1, dtype=np.int64)
    if settings.driving.by_hour:
        begins_ms, hours = local_hours(settings.horizon)
    closures = [
        (row, event.start_h * HOUR_MS, (event.end_h or 0.0) * HOUR_MS)
        for row, event in enumerate(settings.disturbances)
        if event.kind == "road_closed"
    ]
    edges = np.unique([*begins_ms, *(edge for _, *span in closures for edge in span)])
    speeds = scenario.speeds.rules.hours
    kinds: dict[tuple[object, tuple[int, ...]], int] = {}
    found: list[Period] = []
    kind: list[int] = []
    for edge in edges.tolist():
        hour = int(hours[np.searchsorted(begins_ms, edge, side="right") - 1])
        closed = tuple(row for row, start, end in closures if start <= edge < end)
        # hours of equal factors are one
        key = (speeds.normal[hour], speeds.siren[hour]) if settings.driving.by_hour else None
        if (key, closed) not in kinds:
            kinds[key, closed] = len(found)
            found.append(Period(hour if settings.driving.by_hour else None, closed))
        kind.append(kinds[key, closed])
    return Periods(found, edges, np.array(kind, dtype=np.int64))


def arc_times_ms(scenario: Scenario, profile: str, period: Period) -> NDArray[np.int32]:
    """Return how long each arc takes in a period.

    Parameters
    ----------
    scenario : Scenario
        The scenario.
    profile : str
        ``siren`` or ``normal``.
    period : Period
        When.

    Returns
    -------
    ndarray of int32, shape (m,)
        Milliseconds, UNREACHABLE for a closed arc.

    Raises
    ------
    InputError
        The outline of closed roads is none.
    """
    speeds, network = scenario.speeds, scenario.network
    arc_ms = speeds.arc_times_ms(network, profile, hour=period.hour)
    if not period.closed:
        return arc_ms
    events = [scenario.settings.disturbances[row] for row in period.closed]
    closures = [Closure(shapely.Polygon(event.area), *(np.inf,) * 4) for event in events]
    closed, _ = apply_closures(network, arc_ms, closures, speeds.rules.vehicles["ambulance"])
    return closed
