"""Who is reached in time from the stations, if a unit were always free."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from routing.errors import InputError
from routing.hierarchy_times import HierarchyTravelTimes
from routing.network import UNREACHABLE
from routing.snapping import Snapper
from scenarios.package import lonlat
from scenarios.reach import zone_places

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from scenarios.package import Scenario
    from scenarios.settings import Standard


_MANY: Final = 5 * 10**7


def delay_s(scenario: Scenario, start: str, kind: str | None = None) -> float:
    """Compute the mean time from the start of a standard to the start of the drive.

    Parameters
    ----------
    scenario : Scenario
        Its processes and units.
    start : str
        ``call``, or ``dispatch``, which leaves out call processing.
    kind : str, optional
        Type of unit; the slowest to turn out of those there are by default.

    Returns
    -------
    float
        Seconds.
    """
    settings = scenario.settings
    present = {kind} if kind else set(scenario.units["type"]) or set(settings.unit_types)
    turnout = max(settings.unit_types[name].turnout_s for name in present)
    return turnout + (settings.process.call_processing.mean_s if start == "call" else 0.0)


def drive_budget_s(scenario: Scenario, standard: Standard, kind: str | None = None) -> float:
    """Compute the drive that a standard leaves after call processing and turnout.

    Parameters
    ----------
    scenario : Scenario
        Its processes and units.
    standard : Standard
        The standard.
    kind : str, optional
        Type of unit; the slowest to turn out of those there are by default.

    Returns
    -------
    float
        Seconds.

    Raises
    ------
    InputError
        Nothing is left.
    """
    delay = delay_s(scenario, standard.start, kind)
    budget = standard.limit_s - delay
    if budget <= 0:
        processing = delay - delay_s(scenario, "dispatch", kind)
        raise InputError(
            f"{standard.name!r} allows {standard.limit_s:g} s, but call processing takes "
            f"{processing:g} s and turnout {delay - processing:g} s",
            field="standards",
            fix="raise limit_s, or shorten the processes in scenario.toml",
        )
    return budget


def drives_s(
    scenario: Scenario,
    origins: NDArray[np.float64],
    *,
    what: str = "station",
    hours: Sequence[int] | None = None,
) -> NDArray[np.floating[Any]]:
    """Compute drives with siren to every demand zone.

    Parameters
    ----------
    scenario : Scenario
        The city.
    origins : ndarray of float64, shape (m, 2)
        Lon, lat of where units start.
    what : str
        What these are, for messages.
    hours : sequence of int, optional
        Local hours of the day, whose mean driving times count; all by default.

    Returns
    -------
    ndarray of float, shape (m, zones)
        Seconds; ``inf`` where no road leads, or the zone lies too far from any. Where they
        are very many, as float32, which tells milliseconds apart for up to four hours.

    Raises
    ------
    InputError
        An origin lies off the roads, or every zone does.
    """
    snapper = Snapper(scenario.network)
    start = snapper.snap(origins, what=what)
    zones, off = zone_places(scenario, snapper)
    arc_ms = _arc_ms(scenario, hours)
    ms = HierarchyTravelTimes(scenario.network, arc_ms).times_ms(start, zones)
    seconds = np.empty(ms.shape, np.float64 if ms.size < _MANY else np.float32)
    # row by row: what is computed in between stays in the cache
    for row, milliseconds in zip(seconds, ms, strict=True):
        np.divide(milliseconds, 1000, out=row)
        row[(milliseconds == UNREACHABLE) | off] = np.inf
    return seconds


def _arc_ms(scenario: Scenario, hours: Sequence[int] | None) -> NDArray[np.int32]:
    times = partial(scenario.speeds.arc_times_ms, scenario.network, "siren")
    if hours is None:
        return times()
    by_hour = np.array([times(hour=hour) for hour in hours], dtype=np.int64)
    mean: NDArray[np.int32] = np.rint(by_hour.mean(axis=0)).astype(np.int32)
    return mean


def drive_from_stations_s(scenario: Scenario) -> NDArray[np.float64]:
    """Compute the drive with siren to each zone from the nearest station that has a unit.

    Parameters
    ----------
    scenario : Scenario
        The city and its fleet.

    Returns
    -------
    ndarray of float64, shape (zones,)
        Seconds; ``inf`` where no road leads, or there is no unit.
    """
    staffed = np.unique(scenario.unit_station)
    if not len(staffed):
        return np.full(len(scenario.zones), np.inf)
    if scenario.matrix is None:
        drives = drives_s(scenario, lonlat(scenario.stations)[staffed])
    else:
        drives = scenario.matrix.siren_s[scenario.matrix.station_zone[staffed]]
    nearest: NDArray[np.float64] = drives.min(axis=0)
    return nearest
