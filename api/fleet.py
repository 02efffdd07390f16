"""The units of a request: their names mean something in this scenario."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from pyproj import Geod

from api.problems import unknown_name
from api.schemas import FieldProblem
from engine.fleet import FMS
from routing.network import UNREACHABLE
from scenarios.package import lonlat

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from api.city import City
    from api.schemas import Unit
    from routing.snapping import Places


_GLOBE: Final = Geod(ellps="WGS84")
_MOST_NEEDS: Final = 100
"""Of which a fleet remembers who can meet them."""


class Known(NamedTuple):
    """Units of which is known already what a request would have to be searched for.

    Parameters
    ----------
    fleet : Fleet
        What they can do.
    places : Places
        Where they are tied to roads.
    """

    fleet: Fleet
    places: Places


class Fleet:
    """What units can do, where they belong, and how long their crews take to leave.

    Parameters
    ----------
    city : City
        The city.
    units : sequence of Unit
        The units.
    time : datetime or None
        When; None for now.
    problems : list of FieldProblem
        What is wrong with them is added here.
    """

    def __init__(
        self,
        city: City,
        units: Sequence[Unit],
        time: datetime | None,
        problems: list[FieldProblem],
    ) -> None:
        scenario = city.scenario
        kinds = scenario.settings.unit_types
        home_types = city.own_types
        self.units = units
        self.types: list[str] = []
        for row, unit in enumerate(units):
            name = unit.type or home_types.get(unit.id)
            if name is not None and name not in kinds:
                problems.append(unknown_name(f"units[{row}].type", name, kinds))
            self.types.append(name if name in kinds else next(iter(kinds)))
        usual = {name: frozenset(kind.capabilities) for name, kind in kinds.items()}
        self.skills = [
            usual[name] if unit.capabilities is None else frozenset(unit.capabilities)
            for name, unit in zip(self.types, units, strict=True)
        ]
        self.known_skills = {skill for kind in kinds.values() for skill in kind.capabilities}
        self.known_skills.update(*set(self.skills))
        self.station = _stations(city, units, problems)
        self._anywhere = any(unit.station is None for unit in units)
        _check_repeats(units, problems)
        self.moment = city.outlook.moment(time or datetime.now(UTC))
        own = [kinds[name] for name in self.types]
        turnout_s = {
            name: city.outlook.turnout_s(kinds[name], self.moment.hour) for name in set(self.types)
        }
        leaves_s = np.array([turnout_s[name] for name in self.types], np.float64)
        self.turnout_ms = np.rint(leaves_s * 1000).astype(np.int64)
        self.flight = [kind.flight for kind in own]
        self._flights = {row: flight for row, flight in enumerate(self.flight) if flight}
        self._aid = {row: kind.mutual_aid for row, kind in enumerate(own) if kind.mutual_aid}
        self.given: NDArray[np.bool_] = np.zeros(len(own), np.bool_)
        self.given[list(self._aid)] = True
        self.status = [_in_force(unit) for unit in units]
        self.grounded: NDArray[np.bool_] = np.array(
            [
                flight is not None and flight.daylight_only and self.moment.dark
                for flight in self.flight
            ],
            np.bool_,
        )
        self.codes = FMS.checked(self.status)
        self.free: NDArray[np.bool_] = FMS.free(self.codes) & ~self.grounded
        self.rests: NDArray[np.bool_] = FMS.at_station(self.codes)
        self.base = np.where(self.free & ~self.given, np.array(self.station, dtype=np.int64), -1)
        self._able: dict[tuple[str, ...], NDArray[np.bool_]] = {}

    def at(self, city: City, units: Sequence[Unit], time: datetime) -> Fleet:
        """Return the same units elsewhere, at another time.

        Parameters
        ----------
        city : City
            The city.
        units : sequence of Unit
            The units; but for places, all is said of them as before.
        time : datetime
            When.

        Returns
        -------
        Fleet
            With what does not hang on the time computed once.
        """
        moment = city.outlook.moment(time)
        before = self.moment
        # who names no station belongs to the one that it is near
        if (moment.hour, moment.dark) != (before.hour, before.dark) or self._anywhere:
            return Fleet(city, units, time, [])
        again = Fleet.__new__(Fleet)
        vars(again).update(vars(self))
        again.units, again.moment = units, moment
        return again

    def points(self, city: City) -> list[list[float]]:
        """Return where units are tied to roads: those that fly at their stations.

        Parameters
        ----------
        city : City
            The city.

        Returns
        -------
        list of pairs of float
            Lon, lat of each unit.
        """
        stations = lonlat(city.scenario.stations).tolist()
        return [
            [unit.lon, unit.lat] if flight is None or at < 0 else stations[at]
            for unit, flight, at in zip(self.units, self.flight, self.station, strict=True)
        ]

    def by_air(self, ms: NDArray[Any], metres: NDArray[Any], goals: Sequence[Any]) -> None:
        """Give units that fly their flights in place of drives.

        Parameters
        ----------
        ms, metres : ndarray of int, shape (units, goals)
            Drives; changed in place.
        goals : sequence of pairs of float
            Lon, lat of where they go.
        """
        for row, flight in self._flights.items():
            unit = self.units[row]
            start_s = flight.start_s if self.rests[row] else 0.0
            for column, (lon, lat) in enumerate(goals):
                way = _GLOBE.inv(unit.lon, unit.lat, lon, lat)[2]
                seconds = start_s + way / flight.speed_m_s + flight.landing_s
                ms[row, column] = round(seconds * 1000)
                metres[row, column] = round(way)

    def asked(self, arrival_ms: NDArray[Any], left_ms: float | None) -> NDArray[np.bool_]:
        """Tell which units may be sent: neighbours' only where no own one is there soon enough.

        Parameters
        ----------
        arrival_ms : ndarray of int, shape (units,)
            When each could be there; UNREACHABLE where it cannot be sent.
        left_ms : float or None
            What the standard leaves; None where there is none.

        Returns
        -------
        ndarray of bool, shape (units,)
            True for all own units.
        """
        may = np.ones(len(self.units), dtype=np.bool_)
        if not self._aid:
            return may
        own_ms = float(np.where(self.given, UNREACHABLE, arrival_ms).min(initial=UNREACHABLE))
        for row, aid in self._aid.items():
            if own_ms < UNREACHABLE:
                within = np.inf if left_ms is None else left_ms
                beyond_ms = within if aid.beyond_s is None else aid.beyond_s * 1000
                may[row] = own_ms > beyond_ms
        return may

    def able(self, needs: Sequence[Sequence[str]]) -> NDArray[np.bool_]:
        """Tell which units can do what.

        Parameters
        ----------
        needs : sequence of sequences of str
            Capabilities.

        Returns
        -------
        ndarray of bool, shape (needs, units)
            True where the unit has all of them.
        """
        found = [self._able_to(tuple(need)) for need in needs]
        return np.array(found, np.bool_).reshape(len(needs), len(self.units))

    def _able_to(self, need: tuple[str, ...]) -> NDArray[np.bool_]:
        known = self._able.get(need)
        if known is None:
            each = {skills: skills.issuperset(need) for skills in set(self.skills)}
            known = np.array([each[skills] for skills in self.skills], np.bool_)
            if len(self._able) < _MOST_NEEDS:
                self._able[need] = known
        return known


def _stations(city: City, units: Sequence[Unit], problems: list[FieldProblem]) -> list[int]:
    names, home = city.station_rows, city.own_stations
    found = []
    for row, unit in enumerate(units):
        if unit.station is None:
            nearest = city.outlook.nearest_station
            found.append(home[unit.id] if unit.id in home else nearest(unit.lon, unit.lat))
        elif unit.station in names:
            found.append(names[unit.station])
        else:
            problems.append(unknown_name(f"units[{row}].station", unit.station, names))
            found.append(-1)
    return found


def _check_repeats(units: Sequence[Unit], problems: list[FieldProblem]) -> None:
    first: dict[str, int] = {}
    for row, unit in enumerate(units):
        if first.setdefault(unit.id, row) != row:
            problems.append(
                FieldProblem(
                    field=f"units[{row}].id",
                    value=unit.id,
                    message=f"stands in units[{first[unit.id]}] too",
                    fix="name each unit once",
                )
            )


def _in_force(unit: Unit) -> int:
    if unit.previous_status is None:
        return unit.status
    return FMS.in_force(unit.status, unit.previous_status)
