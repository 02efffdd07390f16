"""Travel tables of a scenario, computed once for all replications."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from pyproj import Transformer

from routing.errors import InputError
from routing.hierarchy_times import HierarchyTravelTimes
from routing.legs import ArcCosts, milliseconds
from routing.network import UNREACHABLE
from routing.snapping import Places, Snapper
from routing.travel_times import Table
from scenarios.package import lonlat
from scenarios.reach import served, zone_places
from scenarios.simulation.arrays import (
    DRIVE,
    HOSPITAL,
    TRACK,
    Rules,
    Travel,
    packed,
)
from scenarios.simulation.closest import nearest_stations
from scenarios.simulation.matrix_tables import matrix_travel
from scenarios.simulation.needs import build_rules
from scenarios.simulation.periods import Period, arc_times_ms, periods_of
from scenarios.simulation.timeline import build_timeline
from scenarios.simulation.waypoints import next_waypoints, waypoints

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from routing.legs import Legs
    from routing.network import RoadNetwork
    from routing.travel_times import NodeTable, TravelTimes
    from scenarios.package import Scenario

_CHUNK: Final = 64
_CELLS: Final = 12_000_000
"""Junctions times zones in a table for diversions."""

_SOME_ZONES: Final = 128


class Tables(NamedTuple):
    """What the event loop needs to know of a scenario.

    Parameters
    ----------
    travel : Travel
        Travel times.
    rules : Rules
        Units, and what incidents ask for.
    timeline : ndarray of TIMED
        What happens at set times, failures apart.
    """

    travel: Travel
    rules: Rules
    timeline: NDArray[Any]


class _Sites(NamedTuple):
    zones: Places
    hospitals: Places
    stations: Places

    @property
    def places(self) -> Places:
        """All of them, numbered through."""
        return _joined(*self)


class _Home(NamedTuple):
    ms: NDArray[np.int32]
    metres: NDArray[np.int32]
    first: NDArray[np.int32]  # network nodes
    tree: NodeTable


def build_tables(scenario: Scenario, *, movable: bool = False) -> Tables:
    """Compute the tables of a scenario, and find out whether it can be simulated.

    Parameters
    ----------
    scenario : Scenario
        The scenario.
    movable : bool
        Know the junctions on ways home to every station, not only to those that have
        a unit, so that the tables hold wherever units are at home.

    Returns
    -------
    Tables
        Its tables.

    Raises
    ------
    InputError
        There is no unit, zone or needed hospital, a need that no unit can fulfil, a
        station, hospital or every zone off the roads, no zone that a unit reaches, or no
        way on from one. Zones that no unit reaches are kept: their incidents wait for ever
        (see `scenarios.reach.unserved_zones`).
    """
    rules, profiles = build_rules(scenario)
    periods = periods_of(scenario)
    timeline = build_timeline(scenario, periods)
    if scenario.matrix is not None:
        if len(rules.flight):
            raise InputError(
                "units fly, but drives are given without places",
                field="scenario.toml: unit_types.flight",
                fix="leave it out, or build the scenario with roads",
            )
        return Tables(matrix_travel(scenario, scenario.matrix, rules, profiles), rules, timeline)
    snapper = Snapper(scenario.network)
    zones, off = zone_places(scenario, snapper)
    sites = _Sites(
        zones,
        snapper.snap(lonlat(scenario.hospitals), what="hospital"),
        snapper.snap(lonlat(scenario.stations), what="station"),
    )
    homes = np.arange(len(scenario.stations)) if movable else np.unique(scenario.unit_station)
    ways = []
    for period in periods.kinds:
        arc_ms = arc_times_ms(scenario, "normal", period)
        times = HierarchyTravelTimes(scenario.network, arc_ms)
        ways.append(_ways_home(times, ArcCosts(scenario.network, arc_ms), sites))
    diverting = bool(rules.divert.any())
    junctions = (
        _waypoints(scenario, sites, ways[0], profiles[0])
        if diverting
        else _junctions(scenario, ways, homes)
    )
    number = np.full(scenario.network.n_nodes + 1, -1, dtype=np.int32)
    number[junctions] = np.arange(len(junctions), dtype=np.int32)
    roads = _Roads(scenario.network, junctions, number)
    parts = [
        _towards(roads, sites, scenario, profile, period, diverting=diverting)
        for period in periods.kinds
        for profile in profiles
    ]
    drive, turn, hospital = (np.stack(part) for part in zip(*parts, strict=True))
    for field in ("ms", "metres"):
        drive[field][:, :, off] = turn[field][:, off] = UNREACHABLE
    travel = Travel(
        drive=drive,
        nearest=nearest_stations(drive, len(scenario.stations)),
        turn=turn,
        hospital=hospital,
        home=np.stack([roads.home(way) for way in ways]),
        rest=np.stack([roads.rest(way.tree) for way in ways]),
        track_ptr=np.zeros(1, dtype=np.int64),
        track=np.zeros(0, dtype=TRACK),
        xyz=_points(sites) if len(rules.flight) else np.zeros((0, 3)),
    )
    _check_roads(scenario, travel, rules)
    _bridge(travel)
    return Tables(travel, rules, timeline)


def _points(sites: _Sites) -> NDArray[np.float64]:
    """Return places as points of space, WGS84, earth-centred."""
    lonlat_of = sites.places.lonlat
    flat = np.zeros(len(lonlat_of))
    space = Transformer.from_crs("EPSG:4979", "EPSG:4978", always_xy=True)
    return np.column_stack(space.transform(lonlat_of[:, 0], lonlat_of[:, 1], flat))


class _Roads(NamedTuple):
    """A network and the junctions that moving units are followed by."""

    network: RoadNetwork
    junctions: NDArray[np.int64]
    number: NDArray[np.int32]  # of each node, -1 for none; one more for no node

    def rest(self, tree: NodeTable) -> NDArray[Any]:
        """Return drives from the junctions to the ends of a tree, and the next junction on each."""
        following = np.array([self._next(row, self.junctions) for row in tree.next_arc])
        following = following.reshape(len(tree.ms), len(self.junctions))
        return packed(DRIVE, tree.ms[:, self.junctions], tree.metres[:, self.junctions], following)

    def home(self, way: _Home) -> NDArray[Any]:
        """Return drives from places, and the first junction on each."""
        return packed(DRIVE, way.ms, way.metres, self.first(way.first, way.tree))

    def first(self, node: NDArray[np.int32], tree: NodeTable) -> NDArray[np.int32]:
        """Return the first junction on ways that begin at nodes, -1 for none."""
        found = np.full(node.shape, -1, dtype=np.int32)
        for column, row in enumerate(tree.next_arc):
            at = node[:, column]
            here = self.number[at]
            found[:, column] = np.where(here < 0, self._next(row, at), here)
        return found

    def _next(self, next_arc: NDArray[np.int32], at: NDArray[np.integer]) -> NDArray[np.int32]:
        """Return the next junction after nodes on their way along a tree, -1 for none."""
        return next_waypoints(self.network, next_arc, self.number, at)


def _towards(
    roads: _Roads,
    sites: _Sites,
    scenario: Scenario,
    profile: str,
    period: Period,
    *,
    diverting: bool,
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Find drives to zones from places and from junctions, and the hospitals of each zone."""
    arc_ms = arc_times_ms(scenario, profile, period)
    times = HierarchyTravelTimes(scenario.network, arc_ms)
    table = times.matrix(sites.places, sites.zones)
    drive = packed(DRIVE, *table, np.full_like(table.ms, -1))
    turn = np.full((len(sites.zones), len(roads.junctions)), -1, dtype=DRIVE)
    leave = ArcCosts(scenario.network, arc_ms).departures(sites.places)
    for begin in range(0, len(sites.zones), _CHUNK):
        rows = slice(begin, begin + _CHUNK)
        tree = times.to_places(sites.zones[rows])
        if diverting:
            turn[rows] = roads.rest(tree)
            part = Table(table.ms[:, rows], table.metres[:, rows])
            drive["ahead"][:, rows] = roads.first(_first_nodes(leave, part, tree), tree)
        else:
            turn["ms"][rows] = tree.ms[:, roads.junctions]
            turn["metres"][rows] = tree.metres[:, roads.junctions]
    return drive, turn, _ranked_hospitals(times, sites.zones, sites.hospitals)


def _joined(*parts: Places) -> Places:
    return Places(
        np.concatenate([p.lonlat for p in parts]),
        np.concatenate([p.arc for p in parts]),
        np.concatenate([p.share for p in parts]),
        np.concatenate([p.road_lonlat for p in parts]),
        np.concatenate([p.distance_m for p in parts]),
    )


def _ways_home(times: TravelTimes, costs: ArcCosts, sites: _Sites) -> _Home:
    """Find drives from all places to all stations, and the first node of each."""
    places = sites.places
    table = times.matrix(places, sites.stations)
    tree = times.to_places(sites.stations)
    return _Home(*table, _first_nodes(costs.departures(places), table, tree), tree)


def _first_nodes(leave: Legs, table: Table, tree: NodeTable) -> NDArray[np.int32]:
    """Find the first node of the drives of a table, -1 where there is none before its end."""
    first = np.full(table.ms.shape, -1, dtype=np.int32)
    for leg in (1, 0):
        node = leave.node[:, leg]
        lead = milliseconds(leave.cost[:, leg]).astype(np.int64)
        through = lead[:, None] + tree.ms[:, node].T
        possible = (node >= 0)[:, None] & (through == table.ms) & (table.ms < UNREACHABLE)
        first = np.where(possible, node[:, None], first)
    return first.astype(np.int32)


def _junctions(
    scenario: Scenario, ways: list[_Home], homes: NDArray[np.integer]
) -> NDArray[np.int64]:
    """Return the nodes on ways home."""
    nodes = scenario.network.n_nodes
    on_way = np.zeros(nodes, dtype=np.bool_)
    for home in ways:
        for station in homes:
            seen = np.zeros(nodes, dtype=np.bool_)
            current = np.unique(home.first[:, station])
            current = current[current >= 0]
            while len(current):
                current = current[~seen[current]]
                seen[current] = True
                arc = home.tree.next_arc[station, current]
                current = np.unique(scenario.network.arc_head[arc[arc >= 0]])
            on_way |= seen
    return np.flatnonzero(on_way)


def _waypoints(scenario: Scenario, sites: _Sites, way: _Home, profile: str) -> NDArray[np.int64]:
    """Return the nodes that units are followed by where they may be diverted on any way.

    All of them where tables stay small; else some, at which a unit turns, never faster
    than the roads allow.
    """
    nodes, most = scenario.network.n_nodes, max(1, _CELLS // max(1, len(sites.zones)))
    if nodes <= most:
        return np.arange(nodes)
    arc_ms = arc_times_ms(scenario, profile, Period(None, ()))
    times = HierarchyTravelTimes(scenario.network, arc_ms)
    some = np.unique(np.linspace(0, len(sites.zones) - 1, _SOME_ZONES).astype(np.int64))
    origins = _joined(sites.hospitals, sites.stations)
    ends = sites.zones[some]
    tree, table = times.to_places(ends), times.matrix(origins, ends)
    first = _first_nodes(ArcCosts(scenario.network, arc_ms).departures(origins), table, tree)
    drives = [
        (begin[:, column], drive.ms[column], drive.next_arc[column])
        for begin, drive in ((way.first, way.tree), (first, tree))
        for column in range(len(drive.ms))
    ]
    return waypoints(scenario.network, drives, most)


def _bridge(travel: Travel) -> None:
    """Where closed roads cut off a way home or to hospital, let it take what it takes at worst.

    That is the slowest of the periods in which there is a way. On such a way home a unit
    cannot turn: the junctions it passes have other times in the period that cut it off.
    """
    home = travel.home
    cut = home["ms"] == UNREACHABLE
    slowest = np.argmax(np.where(cut, -1, home["ms"]), axis=0)
    other = np.take_along_axis(home, slowest[None], axis=0)
    other["ahead"] = -1
    home[...] = np.where(cut, other, home)
    if travel.hospital.shape[2] == 0:
        return
    ranked = travel.hospital.reshape(len(home), -1, *travel.hospital.shape[1:])
    nearest = ranked["ms"][..., 0]
    cut = nearest == UNREACHABLE
    slowest = np.argmax(np.where(cut, -1, nearest), axis=0)
    other = np.take_along_axis(ranked, slowest[None, :, :, None], axis=0)
    ranked[...] = np.where(cut[..., None], other, ranked)


def _ranked_hospitals(times: TravelTimes, zones: Places, hospitals: Places) -> NDArray[Any]:
    """Rank the hospitals of each zone by time, the first of equals first."""
    table = times.matrix(zones, hospitals)
    order = np.argsort(table.ms, axis=1, kind="stable")
    ms, metres = (np.take_along_axis(part, order, axis=1) for part in (table.ms, table.metres))
    return packed(HOSPITAL, order + len(zones), ms, metres)


def _check_roads(scenario: Scenario, travel: Travel, rules: Rules) -> None:
    """Refuse a scenario in which a unit would be lost, or no incident of a type served."""
    zones, hospitals = len(scenario.zones), len(scenario.hospitals)
    home = rules.crew["home"]
    asked = np.flatnonzero(scenario.zones["weight"].to_numpy(np.float64) > 0)
    station_of = zones + hospitals + home
    visited: set[int] = set()
    names = [priority.name for priority in scenario.settings.priorities]
    for number, kind in enumerate(scenario.settings.types):
        row = names.index(kind.priority)
        if scenario.settings.priorities[row].share * kind.weight <= 0:
            continue
        ms = travel.drive["ms"][rules.priority["response"][row]][station_of][:, asked]
        reached = asked[served(rules, number, ms < UNREACHABLE)]
        if not len(reached):
            raise InputError(
                f"no road leads from a station with a unit for priority {kind.priority!r} "
                "to any zone",
                field="zones.csv",
                fix="move the stations, or correct the zones",
            )
        visited |= set(reached.tolist())
        if kind.transported:
            ranked = travel.hospital[rules.priority["transport"][row], reached]
            taken = ranked["ms"] < UNREACHABLE
            if rules.hospitals_differ:
                taken &= rules.accepts[number][ranked["place"] - zones]
            lost = reached[~taken.any(axis=1)]
            if len(lost):
                zone = scenario.zones["id"].iloc[lost[0]]
                needed = f" with {', '.join(kind.hospital_needs)}" if kind.hospital_needs else ""
                raise InputError(
                    f"no road leads from zone {zone} to a hospital{needed}", field="hospitals.csv"
                )
            if not rules.hospitals_differ:
                taken[:, 1:] = False
            visited |= set(ranked["place"][taken].tolist())
    ways = travel.home["ms"][0, sorted(visited)][:, np.unique(home)]
    if (ways == UNREACHABLE).any():
        place, station = (int(index[0]) for index in np.nonzero(ways == UNREACHABLE))
        name = scenario.stations["id"].iloc[np.unique(home)[station]]
        what, at = ("zone", sorted(visited)[place])
        table = scenario.zones
        if at >= zones:
            what, at, table = "hospital", at - zones, scenario.hospitals
        raise InputError(
            f"no road leads from {what} {table['id'].iloc[at]} back to station {name}",
            field="stations.csv",
            fix="move one of them to another road",
        )
