"""The units as a recommendation sees them: where each one is, and how sure that is."""

from __future__ import annotations

from datetime import UTC, datetime
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from api.city import SNAP_LIMIT_M
from api.fleet import Fleet, Known
from api.live.world import World
from api.schemas import Unit
from engine.fleet import FREE_AT_STATION, OUT_OF_SERVICE
from routing.snapping import Places, unsnapped
from scenarios.package import lonlat

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from api.city import City
    from api.live.world import Position, UnitNow

_COLUMNS: Final = 7
"""Of a unit's place: lon, lat, arc, share, lon and lat on the road, metres from it."""


class FleetNow(NamedTuple):
    """The units of a world.

    Parameters
    ----------
    units : list of Unit
        As a stateless request would name them.
    known : Known
        Where each is tied to the roads, and what it can do at this moment.
    stale : dict of str to float
        Units whose position is too old to be relied on, and its age in seconds;
        infinite where none was ever reported.
    assumed : set of str
        Units taken to be at their station.
    off_road : set of str
        Those among them whose position is on no road of this city.
    """

    units: list[Unit]
    known: Known
    stale: dict[str, float]
    assumed: set[str]
    off_road: set[str]


class Moved(NamedTuple):
    """Who has moved.

    Parameters
    ----------
    places : Places
        Where they are now.
    units : int
        How many units there are in all.
    """

    places: Places
    units: int


class _Row(NamedTuple):
    """A unit as it was last seen, what follows from that, and how long it holds."""

    unit: UnitNow
    position: Position | None
    old: bool
    on_duty: bool
    asked: Unit
    assumed: bool
    until_ms: float
    off_road: bool = False

    @property
    def doubtful(self) -> bool:
        """Whether it may well be elsewhere."""
        return self.assumed or self.old


class UnitPlaces:
    """Ties units to roads, each position once. Safe to ask from several threads at a time.

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
        self._lock = Lock()
        self._world = World()
        self._now_ms, self._stale_after_ms = 0, 0
        self._at: dict[str, int] = {}
        self._rows: list[_Row] = []
        self._units: list[Unit] = []
        self._doubtful: set[int] = set()
        self._table = np.empty((0, _COLUMNS))
        self._until_ms = np.empty(0)
        self._fleet: Fleet | None = None
        self._moved: set[int] = set()

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
        with self._lock:
            self._look(world, now_ms, stale_after_ms)
            units, table = self._units.copy(), self._table.copy()
            doubtful = [self._rows[at] for at in sorted(self._doubtful)]
            time = datetime.fromtimestamp(now_ms / 1000, UTC)
            if self._fleet is None:
                self._fleet = Fleet(self._city, units, time, [])
            else:
                self._fleet = self._fleet.at(self._city, units, time)
            fleet = self._fleet
        return _seen(units, doubtful, Known(fleet, _places(table)), now_ms)

    def moved(
        self, world: World, now_ms: int, stale_after_ms: int, *, everybody: bool = False
    ) -> Moved:
        """Look at all units, and say where those are that have moved since this was asked.

        Parameters
        ----------
        world, now_ms, stale_after_ms
            As of `of`.
        everybody : bool
            Whether to say it of those, too, who have not.

        Returns
        -------
        Moved
            They are tied to roads already when `of` is asked.
        """
        with self._lock:
            self._look(world, now_ms, stale_after_ms)
            table = self._table.copy() if everybody else self._table[sorted(self._moved)]
            self._moved = set()
            return Moved(_places(table), len(self._rows))

    def unsnapped(self, world: World, now_ms: int, stale_after_ms: int) -> FleetNow:
        """Say where all units are, tied to no road; waits for nobody.

        Parameters
        ----------
        world, now_ms, stale_after_ms
            As of `of`.

        Returns
        -------
        FleetNow
            Whose positions are on no road is not known.
        """
        rows = [
            self._row(unit, world.positions.get(name), now_ms, stale_after_ms)
            for name, unit in world.units.items()
        ]
        units = [row.asked for row in rows]
        fleet = Fleet(self._city, units, datetime.fromtimestamp(now_ms / 1000, UTC), [])
        known = Known(fleet, unsnapped([(u.lon, u.lat) for u in units]))
        return _seen(units, [row for row in rows if row.doubtful], known, now_ms)

    def _look(self, world: World, now_ms: int, stale_after_ms: int) -> None:
        """Look again at those who have changed since the last time."""
        known = self._world
        alike = (
            world.units is known.units
            and len(world.positions) >= len(known.positions)
            and now_ms >= self._now_ms
            and stale_after_ms == self._stale_after_ms
        )
        if alike:
            changed = set(np.flatnonzero(self._until_ms <= now_ms).tolist())
            if world.positions is not known.positions:
                before = known.positions
                changed |= {
                    self._at[name]
                    for name, position in world.positions.items()
                    if before.get(name) is not position
                }
            rows = {at: self._rows[at].unit for at in changed}
        else:
            rows = dict(enumerate(world.units.values()))
            self._at = {unit.id: at for at, unit in rows.items()}
            self._fleet = None
        fresh = {
            at: self._row(unit, world.positions.get(unit.id), now_ms, stale_after_ms)
            for at, unit in rows.items()
        }
        if any(self._rows[at].on_duty is not row.on_duty for at, row in fresh.items() if alike):
            self._fleet = None
        if fresh or not alike:
            self._place(fresh, anew=not alike)
        self._world, self._now_ms, self._stale_after_ms = world, now_ms, stale_after_ms

    def _row(
        self, unit: UnitNow, position: Position | None, now_ms: int, stale_after_ms: int
    ) -> _Row:
        home = self._stations.get(unit.station)
        old, until_ms = False, np.inf
        if position is not None:
            old = position.age_ms(now_ms) > stale_after_ms
            if not old:
                until_ms = position.observed_ms + position.lag_ms + stale_after_ms + 1
        for edge in (time for shift in unit.shifts or () for time in shift):
            if edge > now_ms:
                until_ms = min(until_ms, edge)
        on_duty = unit.on_duty(now_ms)
        resting = unit.status == FREE_AT_STATION
        assumed = position is None or (old and resting and home is not None)
        spot = home if position is None or assumed else (position.lon, position.lat)
        # a log may know units of another scenario: nobody can say what they can do here,
        # or where those are that belong to a station of there and never said
        known = unit.type in self._kinds and spot is not None
        if spot is None:
            spot = next(iter(self._stations.values()))
        station = unit.heading or unit.station
        asked = Unit.model_construct(
            id=unit.id,
            lon=spot[0],
            lat=spot[1],
            status=unit.status if on_duty and known else OUT_OF_SERVICE,
            previous_status=None,
            type=unit.type if unit.type in self._kinds else None,
            capabilities=None if unit.capabilities is None else list(unit.capabilities),
            station=station if station in self._stations else None,
        )
        return _Row(unit, position, old, on_duty, asked, assumed, until_ms)

    def _place(self, fresh: dict[int, _Row], *, anew: bool) -> None:
        """Put those who have changed, or everybody, in their places."""
        known = {row.asked.id: at for at, row in enumerate(self._rows)} if anew else {}
        stay: dict[int, int] = {}
        for at, row in fresh.items() if anew else ():
            before = self._rows[known[row.asked.id]] if row.asked.id in known else None
            if before is not None and self._as_before(row, before):
                stay[at] = known[row.asked.id]
        if anew:
            self._moved = {at for at, was in stay.items() if was in self._moved}
        table = np.empty((len(fresh), _COLUMNS)) if anew else self._table
        rows: list[Any] = [None] * len(fresh) if anew else self._rows
        for at, was in stay.items():
            # where it is, is not looked up again: what it does has changed at the most
            assumed, asked = self._rows[was].assumed, fresh[at].asked
            asked.lon, asked.lat = self._rows[was].asked.lon, self._rows[was].asked.lat
            off_road = self._rows[was].off_road
            rows[at] = fresh[at]._replace(asked=asked, assumed=assumed, off_road=off_road)
            table[at] = self._table[was]
        new = [at for at in fresh if at not in stay]
        if new:
            self._moved.update(new)
            placed, where = self._snapped([fresh[at] for at in new])
            table[new] = where
            for at, row in zip(new, placed, strict=True):
                rows[at] = row
        if anew:
            self._units, self._doubtful = [row.asked for row in rows], set()
        for at in fresh:
            self._units[at] = rows[at].asked
            (self._doubtful.add if rows[at].doubtful else self._doubtful.discard)(at)
        self._table, self._rows = table, rows
        self._until_ms = np.array([row.until_ms for row in rows], np.float64)

    def _as_before(self, row: _Row, before: _Row) -> bool:
        """Tell whether a unit is where it was."""
        return (
            row.position is before.position
            and row.old is before.old
            and row.unit.type == before.unit.type
            and row.unit.station == before.unit.station
            and (row.unit.status == FREE_AT_STATION) is (before.unit.status == FREE_AT_STATION)
        )

    def _snapped(self, rows: list[_Row]) -> tuple[list[_Row], NDArray[np.float64]]:
        """Tie units to roads, and those that are on none to their stations."""
        homes = [
            self._stations.get(row.unit.station, (row.asked.lon, row.asked.lat)) for row in rows
        ]
        spots = [
            home if row.unit.type in self._flying else (row.asked.lon, row.asked.lat)
            for row, home in zip(rows, homes, strict=True)
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
        placed = []
        for row, home, lost in zip(rows, homes, off.tolist(), strict=True):
            if lost:
                row.asked.lon, row.asked.lat = home
            placed.append(row._replace(assumed=row.assumed or lost, off_road=lost))
        return placed, table


def _places(table: NDArray[np.float64]) -> Places:
    arc, share = table[:, 2].astype(np.int32), table[:, 3].copy()
    return Places(table[:, :2], arc, share, table[:, 4:6], table[:, 6])


def _seen(units: list[Unit], doubtful: list[_Row], known: Known, now_ms: int) -> FleetNow:
    return FleetNow(
        units,
        known,
        {
            row.unit.id: np.inf
            if row.assumed or row.position is None
            else row.position.age_ms(now_ms) / 1000
            for row in doubtful
            if not row.assumed or row.unit.status != FREE_AT_STATION
        },
        {row.unit.id for row in doubtful if row.assumed},
        {row.unit.id for row in doubtful if row.off_road},
    )
