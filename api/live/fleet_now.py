"""The units as a recommendation sees them: where each one is, and how sure that is."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from api.city import SNAP_LIMIT_M
from api.schemas import Unit
from engine.fleet import FREE_AT_STATION, OUT_OF_SERVICE
from routing.snapping import Places
from scenarios.package import lonlat

if TYPE_CHECKING:
    from api.city import City
    from api.live.world import Position, UnitNow, World


class FleetNow(NamedTuple):
    """The units of a world.

    Parameters
    ----------
    units : list of Unit
        As a stateless request would name them.
    places : Places
        Where each is tied to the roads.
    versions : dict of str to int
        By unit.
    stale : dict of str to float
        Units whose position is too old to be relied on, and its age in seconds;
        infinite where none was ever reported.
    assumed : set of str
        Units taken to be at their station.
    """

    units: list[Unit]
    places: Places
    versions: dict[str, int]
    stale: dict[str, float]
    assumed: set[str]


class _Row(NamedTuple):
    """A unit as it was last seen, and what follows from that."""

    unit: UnitNow
    position: Position | None
    old: bool
    on_duty: bool
    asked: Unit
    place: tuple[float, ...]
    assumed: bool


class UnitPlaces:
    """Ties units to roads, each position once.

    Parameters
    ----------
    city : City
        The roads.
    """

    def __init__(self, city: City) -> None:
        self._city = city
        names = city.scenario.stations["id"].tolist()
        points = lonlat(city.scenario.stations).tolist()
        self._stations = {name: (lon, lat) for name, (lon, lat) in zip(names, points, strict=True)}
        self._kinds = city.scenario.settings.unit_types
        self._flying = {name for name, kind in self._kinds.items() if kind.flight is not None}
        self._rows: dict[str, _Row] = {}

    def of(self, world: World, now_ms: int, stale_after_ms: int) -> FleetNow:
        """Say where all units are.

        Who is in its station and has reported no fresh position is taken to be there, and
        so is who never reported one, or one that is on no road. Of all others the last
        position counts, however old: that it is old is told.

        Parameters
        ----------
        world : World
            The state.
        now_ms, stale_after_ms : int
            Now, and from which age on a position cannot be relied on.

        Returns
        -------
        FleetNow
            Units in the order of the world.
        """
        known, rows = self._rows, []
        fresh: dict[str, _Row] = {}
        for name, unit in world.units.items():
            position = world.positions.get(name)
            old = position is not None and position.age_ms(now_ms) > stale_after_ms
            on_duty = unit.shifts is None or unit.on_duty(now_ms)
            row = known.get(name)
            if (
                row is None
                or row.unit is not unit
                or row.position is not position
                or row.old is not old
                or row.on_duty is not on_duty
            ):
                row = fresh[name] = self._row(unit, position, old=old, on_duty=on_duty)
            rows.append(row)
        if fresh:
            rows = self._snapped(rows, fresh)
            self._rows = known | fresh
        table = np.array([row.place for row in rows], np.float64).reshape(-1, 7)
        return FleetNow(
            [row.asked for row in rows],
            Places(
                table[:, :2],
                table[:, 2].astype(np.int32),
                np.ascontiguousarray(table[:, 3]),
                table[:, 4:6],
                table[:, 6],
            ),
            {row.unit.id: row.unit.version for row in rows},
            {
                row.unit.id: np.inf
                if row.assumed or row.position is None
                else row.position.age_ms(now_ms) / 1000
                for row in rows
                if (row.assumed and row.unit.status != FREE_AT_STATION)
                or (row.old and not row.assumed)
            },
            {row.unit.id for row in rows if row.assumed},
        )

    def _row(self, unit: UnitNow, position: Position | None, *, old: bool, on_duty: bool) -> _Row:
        home = self._stations.get(unit.station)
        resting = unit.status == FREE_AT_STATION
        assumed = position is None or (old and resting and home is not None)
        spot = home if position is None or assumed else (position.lon, position.lat)
        if spot is None:  # of a station that this scenario has no more
            spot = next(iter(self._stations.values()))
        # a log may know units of another scenario: nobody can say what they can do here
        known = unit.type in self._kinds
        station = unit.heading or unit.station
        asked = Unit.model_construct(
            id=unit.id,
            lon=spot[0],
            lat=spot[1],
            status=unit.status if on_duty and known else OUT_OF_SERVICE,
            previous_status=None,
            type=unit.type if known else None,
            capabilities=None if unit.capabilities is None else list(unit.capabilities),
            station=station if station in self._stations else None,
        )
        return _Row(unit, position, old, on_duty, asked, (), assumed)

    def _snapped(self, rows: list[_Row], fresh: dict[str, _Row]) -> list[_Row]:
        """Tie those to roads that are new, and those that are on none to their stations."""
        new = list(fresh.values())
        homes = [
            self._stations.get(row.unit.station, (row.asked.lon, row.asked.lat)) for row in new
        ]
        spots = [
            home if row.unit.type in self._flying else (row.asked.lon, row.asked.lat)
            for row, home in zip(new, homes, strict=True)
        ]
        places = self._city.snap_anywhere(spots)
        off = ~(places.distance_m <= SNAP_LIMIT_M)
        if off.any():
            spots = [
                home if lost else spot for home, spot, lost in zip(homes, spots, off, strict=True)
            ]
            places = self._city.snap_anywhere(spots)
        table = np.column_stack(
            [places.lonlat, places.arc, places.share, places.road_lonlat, places.distance_m]
        )
        for row, home, lost, place in zip(new, homes, off, table.tolist(), strict=True):
            placed = row._replace(place=tuple(place), assumed=row.assumed or bool(lost))
            if lost:
                asked = row.asked.model_copy(update={"lon": home[0], "lat": home[1]})
                placed = placed._replace(asked=asked)
            fresh[row.unit.id] = placed
        return [fresh.get(row.unit.id, row) for row in rows]
