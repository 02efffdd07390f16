"""The units as a recommendation sees them: where each one is, and how sure that is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from api.city import SNAP_LIMIT_M
from api.schemas import Unit
from engine.fleet import FREE_AT_STATION, OUT_OF_SERVICE
from routing.snapping import Places
from scenarios.package import lonlat

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from api.city import City
    from api.live.world import UnitNow, World

_MOST_KNOWN: Final = 50_000
"""Positions whose road is remembered."""


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
        kinds = city.scenario.settings.unit_types.items()
        self._flying = {name for name, kind in kinds if kind.flight is not None}
        self._known: dict[tuple[float, float], tuple[float, ...]] = {}

    def of(self, world: World, now_ms: int, stale_after_ms: int) -> FleetNow:
        """Say where all units are.

        Who is in its station and has reported no fresh position is taken to be there. Of
        all others the last position counts, however old: that it is old is told.

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
        stale: dict[str, float] = {}
        assumed: set[str] = set()
        spots = []
        for unit in world.units.values():
            position = world.positions.get(unit.id)
            home = self._stations.get(unit.station)
            age = np.inf if position is None else position.age_ms(now_ms)
            old = age > stale_after_ms
            resting = unit.status == FREE_AT_STATION
            if home is not None and (position is None or (old and resting)):
                spots.append(home)
                assumed.add(unit.id)
                if not resting:
                    stale[unit.id] = float(np.inf)
                continue
            if position is None:
                spots.append(next(iter(self._stations.values())))
                stale[unit.id] = float(np.inf)
                continue
            spots.append((position.lon, position.lat))
            if old:
                stale[unit.id] = age / 1000
        places, off = self._places(self._tied(world, spots))
        units = []
        for row, unit in enumerate(world.units.values()):
            if off[row] and unit.station in self._stations:
                # a position that is on no road is an error of the sender
                spots[row] = self._stations[unit.station]
                assumed.add(unit.id)
                stale[unit.id] = float(np.inf)
            units.append(_as_asked(unit, spots[row], now_ms))
        if off.any():
            places, _ = self._places(self._tied(world, spots))
        versions = {unit.id: unit.version for unit in world.units.values()}
        return FleetNow(units, places, versions, stale, assumed)

    def _tied(self, world: World, spots: list[tuple[float, float]]) -> list[tuple[float, float]]:
        """Return what is tied to roads: of units that fly, their stations."""
        return [
            self._stations.get(unit.station, spot) if unit.type in self._flying else spot
            for unit, spot in zip(world.units.values(), spots, strict=True)
        ]

    def _places(self, spots: list[tuple[float, float]]) -> tuple[Places, NDArray[np.bool_]]:
        """Return where points are tied to, and which of them lie off the roads."""
        new = list({spot for spot in spots if spot not in self._known})
        if new:
            if len(self._known) > _MOST_KNOWN:
                self._known.clear()
                new = list(set(spots))
            places = self._city.snap_anywhere(new)
            rows = np.column_stack(
                [places.arc, places.share, places.road_lonlat, places.distance_m]
            )
            self._known.update(zip(new, map(tuple, rows.tolist()), strict=True))
        table = np.array([self._known[spot] for spot in spots], np.float64).reshape(-1, 5)
        return Places(
            np.array(spots, np.float64).reshape(-1, 2),
            table[:, 0].astype(np.int32),
            np.ascontiguousarray(table[:, 1]),
            table[:, 2:4],
            table[:, 4],
        ), ~(table[:, 4] <= SNAP_LIMIT_M)


def _as_asked(unit: UnitNow, spot: tuple[float, float], now_ms: int) -> Unit:
    return Unit.model_construct(
        id=unit.id,
        lon=spot[0],
        lat=spot[1],
        status=unit.status if unit.on_duty(now_ms) else OUT_OF_SERVICE,
        previous_status=None,
        type=unit.type,
        capabilities=None if unit.capabilities is None else list(unit.capabilities),
        station=unit.heading or unit.station,
    )
