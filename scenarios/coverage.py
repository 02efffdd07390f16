"""Who is reached in time from the stations, if a unit were always free."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from routing.errors import InputError
from routing.hierarchy_times import HierarchyTravelTimes
from routing.network import UNREACHABLE
from routing.snapping import Snapper
from scenarios.package import lonlat

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from scenarios.package import Scenario
    from scenarios.settings import Standard


def drive_budget_s(scenario: Scenario, standard: Standard) -> float:
    """Compute the drive that a standard leaves after call processing and turnout.

    Parameters
    ----------
    scenario : Scenario
        Its processes and units; of several types of unit the slowest turnout counts.
    standard : Standard
        The standard.

    Returns
    -------
    float
        Seconds.

    Raises
    ------
    InputError
        Nothing is left.
    """
    settings = scenario.settings
    present = set(scenario.units["type"]) or set(settings.unit_types)
    turnout = max(settings.unit_types[name].turnout_s for name in present)
    processing = settings.process.call_processing.mean_s if standard.start == "call" else 0.0
    budget = standard.limit_s - processing - turnout
    if budget <= 0:
        raise InputError(
            f"{standard.name!r} allows {standard.limit_s:g} s, but call processing takes "
            f"{processing:g} s and turnout {turnout:g} s",
            field="standards",
            fix="raise limit_s, or shorten the processes in scenario.toml",
        )
    return budget


def drives_s(
    scenario: Scenario, origins: NDArray[np.float64], *, what: str = "station"
) -> NDArray[np.float64]:
    """Compute drives with siren to every demand zone.

    Parameters
    ----------
    scenario : Scenario
        The city.
    origins : ndarray of float64, shape (m, 2)
        Lon, lat of where units start.
    what : str
        What these are, for messages.

    Returns
    -------
    ndarray of float64, shape (m, zones)
        Seconds; ``inf`` where no road leads.

    Raises
    ------
    InputError
        A point lies off the roads.
    """
    snapper = Snapper(scenario.network)
    start = snapper.snap(origins, what=what)
    zones = snapper.snap(lonlat(scenario.zones), what="zone")
    arc_ms = scenario.speeds.arc_times_ms(scenario.network, "siren")
    ms = HierarchyTravelTimes(scenario.network, arc_ms).times_ms(start, zones)
    return np.where(ms == UNREACHABLE, np.inf, ms / 1000)


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
    nearest: NDArray[np.float64] = drives_s(scenario, lonlat(scenario.stations)[staffed]).min(
        axis=0
    )
    return nearest
