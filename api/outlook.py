"""What policies may know of the city beforehand, for the units of a request."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Final, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from scenarios.daylight import sun_is_down
from scenarios.demand import DAY_MS, HOUR_MS, weekly_factor
from scenarios.package import lonlat
from scenarios.simulation.periods import periods_of
from scenarios.simulation.tables import build_tables
from scenarios.terrain import terrain_of

if TYPE_CHECKING:
    from datetime import datetime

    from numpy.typing import NDArray

    from api.fleet import Fleet
    from engine.terrain import Terrain
    from scenarios.package import Scenario
    from scenarios.settings import UnitType

_DAYS: Final = 7
_HOURS: Final = 24


class Moment(NamedTuple):
    """A moment of the week.

    Parameters
    ----------
    now_ms : float
        Time since Monday, local midnight.
    hour : int
        Local hour.
    period : int
        Row of the drives that hold.
    dark : bool
        Whether the sun is down; False where nobody flies by day alone.
    """

    now_ms: float
    hour: int
    period: int
    dark: bool


class Outlook:
    """What policies may know: stations, drives, demand by hour of the week, busy times.

    Computed when it is asked for first. Safe to ask from several threads at a time.

    Parameters
    ----------
    scenario : Scenario
        The city.
    """

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._lock = Lock()
        self._zone = ZoneInfo(scenario.settings.horizon.timezone)
        self._zones = lonlat(scenario.zones)
        self._stations = lonlat(scenario.stations)
        self._by_day = any(
            kind.flight is not None and kind.flight.daylight_only
            for kind in scenario.settings.unit_types.values()
        )

    @cached_property
    def _of_fleet(self) -> Terrain:
        """As the scenario's own units stand, with the demand of a week from Monday on."""
        scenario = self._scenario
        terrain = terrain_of(scenario, build_tables(scenario))
        if scenario.incidents is not None:
            return terrain
        demand = scenario.settings.demand
        week = demand.incidents_per_day * HOUR_MS / DAY_MS * weekly_factor(demand).reshape(-1)
        return replace(terrain, calls_per_hour=np.asarray(week, dtype=np.float64))

    def prepare(self) -> None:
        """Compute all that takes long, if it is not known yet.

        Raises
        ------
        InputError
            The scenario cannot be simulated.
        """
        with self._lock:
            _ = self._of_fleet

    def terrain(self, fleet: Fleet, suitable: NDArray[np.bool_]) -> Terrain:
        """Return what policies may know, for other units than the scenario's.

        Parameters
        ----------
        fleet : Fleet
            The units.
        suitable : ndarray of bool, shape (needs, units)
            What each unit can do.

        Returns
        -------
        Terrain
            The city.

        Raises
        ------
        InputError
            The scenario cannot be simulated.
        """
        with self._lock:
            known = self._of_fleet
        return replace(
            known,
            home=np.array(fleet.station, dtype=np.int64),
            turnout_ms=fleet.turnout_ms.astype(np.float64),
            suitable=suitable,
        )

    def moment(self, time: datetime) -> Moment:
        """Say which hour of the week it is.

        Parameters
        ----------
        time : datetime
            With its time zone.

        Returns
        -------
        Moment
            In local time.
        """
        local = time.astimezone(self._zone)
        hours = local.weekday() * _HOURS + local.hour + local.minute / 60 + local.second / 3600
        dark = False
        if self._by_day and len(self._stations):
            lon, lat = self._stations.mean(axis=0).tolist()
            dark = sun_is_down(lon, lat, time)
        now_ms = hours % (_HOURS * _DAYS) * HOUR_MS
        return Moment(now_ms, local.hour, self._periods[local.hour], dark)

    @cached_property
    def _periods(self) -> list[int]:
        """The period of the scenario whose drives are those of each hour on open roads."""
        speeds = self._scenario.speeds.rules.hours
        kinds = periods_of(self._scenario).kinds
        found = []
        for hour in range(_HOURS):
            now = (speeds.normal[hour], speeds.siren[hour])
            alike = (
                row
                for row, period in enumerate(kinds)
                if not period.closed
                and (
                    period.hour is None
                    or (speeds.normal[period.hour], speeds.siren[period.hour]) == now
                )
            )
            found.append(next(alike, 0))
        return found

    def turnout_s(self, kind: UnitType, hour: int) -> float:
        """Return how long a unit takes to leave its station at an hour.

        A neighbour's must be asked first.

        Parameters
        ----------
        kind : UnitType
            Its unit type.
        hour : int
            Local hour.

        Returns
        -------
        float
            Seconds.
        """
        first, end = self._scenario.settings.night
        dark = first <= hour or hour < end if first > end else first <= hour < end
        at_night = kind.night_turnout_s if dark else None
        asking_s = 0.0 if kind.mutual_aid is None else kind.mutual_aid.notice_s
        return asking_s + (kind.turnout_s if at_night is None else at_night)

    def nearest_zone(self, lon: float, lat: float) -> int:
        """Return the demand zone nearest to a place as the crow flies, -1 for none.

        Parameters
        ----------
        lon, lat : float
            Degrees, WGS84.

        Returns
        -------
        int
            A row of ``zones.csv``.
        """
        return _nearest(self._zones, lon, lat)

    def nearest_station(self, lon: float, lat: float) -> int:
        """Return the station nearest to a place as the crow flies, -1 for none.

        Parameters
        ----------
        lon, lat : float
            Degrees, WGS84.

        Returns
        -------
        int
            A row of ``stations.csv``.
        """
        return _nearest(self._stations, lon, lat)


def _nearest(points: NDArray[np.float64], lon: float, lat: float) -> int:
    if not len(points):
        return -1
    away = (points - (lon, lat)) * (np.cos(np.radians(lat)), 1.0)
    return int(np.hypot(*away.T).argmin())
