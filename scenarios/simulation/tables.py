"""Travel tables of a scenario, computed once for all replications."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from routing.errors import InputError
from routing.hierarchy_times import HierarchyTravelTimes
from routing.legs import ArcCosts, milliseconds
from routing.network import UNREACHABLE
from routing.snapping import Places, Snapper
from scenarios.package import lonlat
from scenarios.simulation.arrays import (
    CREW,
    DRIVE,
    HOME,
    HOSPITAL,
    PRIORITY,
    REST,
    Rules,
    Travel,
    packed,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from routing.travel_times import NodeTable, TravelTimes
    from scenarios.package import Scenario

_CHUNK: Final = 64


class Tables(NamedTuple):
    """What the event loop needs to know of a scenario.

    Parameters
    ----------
    travel : Travel
        Travel times.
    rules : Rules
        Units, and what priorities ask for.
    """

    travel: Travel
    rules: Rules


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
        point off the roads, or one that no road leads to.
    """
    rules, profiles = build_rules(scenario)
    snapper = Snapper(scenario.network)
    zones = snapper.snap(lonlat(scenario.zones), what="zone")
    hospitals = snapper.snap(lonlat(scenario.hospitals), what="hospital")
    stations = snapper.snap(lonlat(scenario.stations), what="station")
    places = _joined(zones, hospitals, stations)
    arc_ms = {p: scenario.speeds.arc_times_ms(scenario.network, p) for p in {*profiles, "normal"}}
    times = {p: HierarchyTravelTimes(scenario.network, arc_ms[p]) for p in arc_ms}
    normal = times["normal"]
    home = _ways_home(normal, ArcCosts(scenario.network, arc_ms["normal"]), places, stations)
    homes = np.arange(len(scenario.stations)) if movable else np.unique(scenario.unit_station)
    junctions, number = _junctions(scenario, home, homes)
    drives = [times[p].matrix(places, zones) for p in profiles]
    turns = [_turns(times[p], zones, junctions) for p in profiles]
    nearest = [_nearest_hospital(times[p], zones, hospitals) for p in profiles]
    next_arc = home.tree.next_arc[:, junctions]
    next_node = scenario.network.arc_head[next_arc] if len(junctions) else next_arc
    following = np.where(next_arc >= 0, number[next_node], np.int32(-1))
    travel = Travel(
        drive=np.stack([packed(DRIVE, *drive) for drive in drives]),
        turn=np.stack([packed(DRIVE, *turn) for turn in turns]),
        hospital=np.stack([packed(HOSPITAL, *found) for found in nearest]),
        home=packed(HOME, home.ms, home.metres, number[home.first]),
        rest=packed(REST, home.tree.ms[:, junctions], home.tree.metres[:, junctions], following),
    )
    _check_roads(scenario, travel, rules)
    return Tables(travel, rules)


def build_rules(scenario: Scenario) -> tuple[Rules, list[str]]:
    """Find which units suit which priorities, and how they drive.

    Parameters
    ----------
    scenario : Scenario
        The scenario.

    Returns
    -------
    Rules
        The rules.
    list of str
        The speed profiles in use, in the order that the rules number them by.

    Raises
    ------
    InputError
        There is no unit or zone, or a need that no unit can fulfil, or patients are
        transported and there is no hospital.
    """
    settings = scenario.settings
    if len(scenario.units) == 0:
        raise InputError("there is no unit", field="units.csv", fix="add at least one unit")
    if len(scenario.zones) == 0:
        raise InputError(
            "there is no demand zone",
            field="zones.csv",
            fix="build the scenario with addresses, or with --population",
        )
    kinds = [settings.unit_types[name] for name in scenario.units["type"]]
    able = [frozenset(kind.capabilities) for kind in kinds]
    suitable = np.array(
        [[set(p.needs) <= unit for unit in able] for p in settings.priorities], dtype=np.bool_
    )
    for row, priority in enumerate(settings.priorities):
        if priority.share > 0 and not suitable[row].any():
            raise InputError(
                f"no unit has all that priority {priority.name!r} needs: "
                f"{', '.join(priority.needs)}",
                field="units.csv",
                fix="add such a unit, or change needs or capabilities in scenario.toml",
            )
        if priority.share * priority.transported > 0 and len(scenario.hospitals) == 0:
            raise InputError(
                f"patients of priority {priority.name!r} are transported, but there is no hospital",
                field="hospitals.csv",
                fix="add a hospital, or set transported = 0 in scenario.toml",
            )
    response = ["siren" if p.siren else "normal" for p in settings.priorities]
    transport = ["siren" if p.transport_siren else "normal" for p in settings.priorities]
    profiles = sorted({*response, *transport})
    rules = Rules(
        suitable=suitable,
        priority=packed(
            PRIORITY,
            np.array([profiles.index(name) for name in response]),
            np.array([profiles.index(name) for name in transport]),
        ),
        crew=packed(
            CREW,
            scenario.unit_station,
            np.array([round(kind.turnout_s * 1000) for kind in kinds]),
        ),
    )
    return rules, profiles


def _joined(*parts: Places) -> Places:
    return Places(
        np.concatenate([p.lonlat for p in parts]),
        np.concatenate([p.arc for p in parts]),
        np.concatenate([p.share for p in parts]),
        np.concatenate([p.road_lonlat for p in parts]),
        np.concatenate([p.distance_m for p in parts]),
    )


def _ways_home(times: TravelTimes, costs: ArcCosts, places: Places, stations: Places) -> _Home:
    """Find drives from all places to all stations, and the first junction of each."""
    table = times.matrix(places, stations)
    tree = times.to_places(stations)
    leave = costs.departures(places)
    first = np.full(table.ms.shape, -1, dtype=np.int32)
    for leg in (1, 0):
        node = leave.node[:, leg]
        lead = milliseconds(leave.cost[:, leg]).astype(np.int64)
        through = lead[:, None] + tree.ms[:, node].T
        possible = (node >= 0)[:, None] & (through == table.ms) & (table.ms < UNREACHABLE)
        first = np.where(possible, node[:, None], first)
    return _Home(table.ms, table.metres, first.astype(np.int32), tree)


def _junctions(
    scenario: Scenario, home: _Home, homes: NDArray[np.integer]
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return the nodes on ways home and the number of each; the last number stands for none."""
    nodes = scenario.network.n_nodes
    on_way = np.zeros(nodes + 1, dtype=np.bool_)
    for station in homes:
        seen = np.zeros(nodes, dtype=np.bool_)
        current = np.unique(home.first[:, station])
        current = current[current >= 0]
        while len(current):
            current = current[~seen[current]]
            seen[current] = True
            arc = home.tree.next_arc[station, current]
            current = np.unique(scenario.network.arc_head[arc[arc >= 0]])
        on_way[:nodes] |= seen
    junctions = np.flatnonzero(on_way)
    number = np.full(nodes + 1, -1, dtype=np.int32)
    number[junctions] = np.arange(len(junctions), dtype=np.int32)
    return junctions, number


def _turns(
    times: TravelTimes, zones: Places, junctions: NDArray[np.int64]
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Find drives from junctions to zones, a few zones at a time: whole rows are long."""
    shape = (len(zones), len(junctions))
    ms, metres = np.empty(shape, dtype=np.int32), np.empty(shape, dtype=np.int32)
    for begin in range(0, len(zones), _CHUNK):
        rows = slice(begin, begin + _CHUNK)
        table = times.to_places(zones[rows])
        ms[rows], metres[rows] = table.ms[:, junctions], table.metres[:, junctions]
    return ms, metres


def _nearest_hospital(
    times: TravelTimes, zones: Places, hospitals: Places
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    """Find the nearest hospital by time, the first of equals, as a place number."""
    count = len(zones)
    if len(hospitals) == 0:
        none = np.full(count, -1, dtype=np.int32)
        never = np.full(count, UNREACHABLE, dtype=np.int32)
        return none, never, never
    table = times.matrix(zones, hospitals)
    row, best = np.arange(count), np.argmin(table.ms, axis=1)
    ms = table.ms[row, best]
    place = np.where(ms < UNREACHABLE, best + count, -1).astype(np.int32)
    return place, ms, table.metres[row, best]


def _check_roads(scenario: Scenario, travel: Travel, rules: Rules) -> None:
    """Refuse a scenario in which a unit would be lost or an incident wait for ever."""
    zones, hospitals = len(scenario.zones), len(scenario.hospitals)
    home = rules.crew["home"]
    asked = np.flatnonzero(scenario.zones["weight"].to_numpy(np.float64) > 0)
    station_of = zones + hospitals + home
    visited = set(asked.tolist())
    for row, priority in enumerate(scenario.settings.priorities):
        if priority.share <= 0:
            continue
        profile = rules.priority["response"][row]
        from_units = travel.drive["ms"][profile][station_of[rules.suitable[row]]][:, asked]
        lost = asked[(from_units == UNREACHABLE).all(axis=0)]
        if len(lost):
            raise InputError(
                f"no road leads from a station with a unit for priority {priority.name!r} "
                f"to zone {scenario.zones['id'].iloc[lost[0]]}",
                field="zones.csv",
                fix="remove the zone or add a station",
            )
        if priority.transported > 0:
            found = travel.hospital["place"][rules.priority["transport"][row]][asked]
            if (found < 0).any():
                zone = scenario.zones["id"].iloc[asked[found < 0][0]]
                raise InputError(
                    f"no road leads from zone {zone} to a hospital", field="hospitals.csv"
                )
            visited |= set(found.tolist())
    ways = travel.home["ms"][sorted(visited)][:, np.unique(home)]
    if (ways == UNREACHABLE).any():
        place, station = (int(index[0]) for index in np.nonzero(ways == UNREACHABLE))
        name = scenario.stations["id"].iloc[np.unique(home)[station]]
        kind, at = ("zone", sorted(visited)[place])
        table = scenario.zones
        if at >= zones:
            kind, at, table = "hospital", at - zones, scenario.hospitals
        raise InputError(
            f"no road leads from {kind} {table['id'].iloc[at]} back to station {name}",
            field="stations.csv",
            fix="move one of them to another road",
        )
