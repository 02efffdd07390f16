"""Makes a scenario from a map."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from routing.errors import InputError, did_you_mean
from routing.passages import rescue_network
from routing.snapping import Snapper
from routing.speeds import CAR, SpeedTable
from scenarios.features import emergency_hospitals, feature_table
from scenarios.osm import OSM_SUFFIXES, osm_format, read_osm
from scenarios.package import Scenario, lonlat
from scenarios.packaging import (
    OPENSTREETMAP,
    bundled_names,
    check_untouched,
    load_scenario,
    save_scenario,
)
from scenarios.rules import default_rules, estimate_incidents
from scenarios.settings import parse_settings
from scenarios.zones import demand_points, demand_zones, read_population

if TYPE_CHECKING:
    from collections.abc import Sequence

    from routing.network import RoadNetwork
    from scenarios.citydata import Box, CityData
    from scenarios.settings import Standard

_LACKING: Final = {
    "zones": "no demand zones: the map has neither addresses nor buildings; give --population",
    "stations": "no stations: the map has no amenity=fire_station or "
    "emergency=ambulance_station; add rows to stations.csv and units.csv",
    "hospitals": "no hospitals on the map: add rows to hospitals.csv",
}
_UNIT_TYPE: Final = "ambulance"
_POINTS_PER_KM: Final = 1.0
_PATH_LIKE: Final = re.compile(
    r"[/\\]|\.(osm|pbf|bz2|gz|xz|zip|graphml|xml|o5m|opl|csv|json|geojson|gpkg|shp|toml)$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class BuildReport:
    """What `build_scenario` made.

    Parameters
    ----------
    folder : Path
        The scenario folder.
    hash : str
        Its content hash.
    nodes, arcs : int
        Size of its network.
    emergency_arcs : int
        Of its arcs those that are closed to cars.
    km : float
        Length of all arcs that are open to cars, each direction counted.
    stations, hospitals, units, zones : int
        Rows of its tables.
    dropped : dict of str to int
        How many things of the map were left out, by what and why.
    notes : list of str
        What a person should know about choices made and data lacking.
    """

    folder: Path
    hash: str
    nodes: int
    arcs: int
    emergency_arcs: int
    km: float
    stations: int
    hospitals: int
    units: int
    zones: int
    dropped: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def build_scenario(
    source: str,
    out: Path,
    *,
    bbox: Box | None = None,
    population: Path | None = None,
    speeds: Path | None = None,
    name: str | None = None,
    timezone: str = "UTC",
    units_per_station: int = 2,
    incidents_per_day: float | None = None,
    cell_m: float = 500.0,
    standards: Sequence[Standard] = (),
) -> BuildReport:
    """Make a scenario folder.

    Parameters
    ----------
    source : str
        A file (``.osm.pbf``, ``.osm``, ``.osm.gz``, ``.osm.bz2``, ``.graphml``), the name
        of a bundled city, or the name of a place, which OSMnx asks OpenStreetMap's
        servers about.
    out : Path
        Where; an earlier scenario there is replaced, anything else is left alone.
    bbox : tuple of float, optional
        West, south, east, north in degrees: keep what lies inside. For OSM files.
    population : Path, optional
        CSV with ``lon, lat, population``; demand follows it instead of addresses.
    speeds : Path, optional
        Speed table instead of the packaged one.
    name : str, optional
        Name of the city; else from `source`.
    timezone : str
        IANA name, such as ``Europe/Berlin``, for the hours of the demand profile.
    units_per_station : int
        Units that each station starts with.
    incidents_per_day : float, optional
        Else estimated from the population, or addresses.
    cell_m : float
        Side of a demand zone in metres.
    standards : sequence of Standard
        Response standards instead of the default one.

    Returns
    -------
    BuildReport
        What was made. The same input gives the same hash.

    Raises
    ------
    InputError
        The source cannot be read or found, holds no road, or an option is out of range.
    """
    check_untouched(out)
    if source.lower() in bundled_names() and not Path(source).exists():
        given = {
            "--bbox": bbox is not None,
            "--population": population is not None,
            "--speeds": speeds is not None,
            "--name": name is not None,
            "--timezone": timezone != "UTC",
            "--units-per-station": units_per_station != 2,
            "--incidents-per-day": incidents_per_day is not None,
            "--cell": cell_m != 500.0,
            "standards": bool(standards),
        }
        return _copy_bundled(
            source.lower(), out, [option for option, is_given in given.items() if is_given]
        )
    _check_options(timezone, units_per_station, incidents_per_day)
    speed_table = SpeedTable.load(speeds)
    people = read_population(population) if population is not None else None
    city = _read_source(source, bbox)

    notes: list[str] = []
    dropped = dict(city.dropped)
    network = _network(city, speed_table, dropped, notes)
    snapper = Snapper(network)
    title = name or _title(source)
    points, what = demand_points(city) if people is None else (people[0], "inhabitants")
    weights = np.ones(len(points)) if people is None else people[1]
    if people is None:
        notes += _sparse(len(points), what, network)
    zones = demand_zones(points, weights, city.places, cell_m=cell_m, elsewhere=title)
    zones = _near_roads(zones, snapper, "zones", dropped, notes)
    if population is not None and zones.empty:
        raise InputError(
            f"none of the {len(points)} places lies within {snapper.limit_m:g} m of a road",
            field="--population",
            fix="check that lon comes before lat, and that it is a table of this city",
        )
    zones["id"] = [f"z{i + 1}" for i in range(len(zones))]
    stations = _near_roads(feature_table(city.stations), snapper, "stations", dropped, notes)
    hospitals = feature_table(emergency_hospitals(city.hospitals, notes))
    hospitals = _near_roads(hospitals, snapper, "hospitals", dropped, notes)
    per_day, comment = estimate_incidents(float(zones["weight"].sum()), what)
    if incidents_per_day is not None:
        per_day, comment = incidents_per_day, "Given when the scenario was built."
    text = default_rules(title, timezone, per_day, comment, standards)
    scenario = Scenario(
        settings=parse_settings(text, "scenario.toml"),
        network=network,
        speeds=speed_table,
        stations=stations,
        hospitals=hospitals,
        units=_units(stations, units_per_station),
        zones=zones,
        settings_text=text,
        origin={**OPENSTREETMAP, "notes": notes},
    )
    return _report(scenario, out, dropped, notes)


def _read_source(source: str, bbox: Box | None) -> CityData:
    path = Path(source)
    is_graph = path.suffix.lower() == ".graphml"
    if bbox is not None and (is_graph or not osm_format(path)):
        raise InputError(
            f"a box cuts OpenStreetMap files only, not {source}",
            field="--bbox",
            fix="leave it out, or give an .osm.pbf",
        )
    if path.exists() or _PATH_LIKE.search(source):
        if not path.exists():
            raise InputError(f"there is no file {source}", field="SOURCE", fix="check the path")
        if path.is_file() and is_graph:
            from scenarios.graph_import import read_graphml  # noqa: PLC0415 - OSMnx takes seconds

            return read_graphml(path)
        if path.is_file() and osm_format(path):
            return read_osm(path, bbox)
        raise InputError(
            f"{source!r} is no map",
            field="SOURCE",
            fix=f"give a file that ends in {', '.join([*OSM_SUFFIXES, '.graphml'])}",
        )
    from scenarios.graph_import import read_place  # noqa: PLC0415

    try:
        return read_place(source)
    except InputError as error:
        bundled = did_you_mean(source, bundled_names())
        raise InputError(
            error.message, field="SOURCE", fix=f"{error.fix}, or a bundled city ({bundled})"
        ) from error


def _network(
    city: CityData, speeds: SpeedTable, dropped: dict[str, int], notes: list[str]
) -> RoadNetwork:
    open_to_cars = speeds.way_kmh(city.ways, "normal", vehicle=CAR) > 0
    network, car, roads = rescue_network(city.ways, open_to_cars)
    if car.n_arcs == 0:
        raise InputError(
            "no two road junctions of the map can be reached from each other",
            field="SOURCE",
            fix="take a larger extract",
        )
    if lost := roads.n_nodes - car.n_nodes:
        dropped["nodes_outside_the_largest_connected_part"] = lost
        dropped["arcs_outside_the_largest_connected_part"] = roads.n_arcs - car.n_arcs
        km = float(roads.arc_m.sum() - car.arc_m.sum()) / 1000
        notes.append(
            f"{lost} of {roads.n_nodes} junctions and {km:.1f} km of arcs were left out: "
            "from there one cannot drive to the largest connected part and back"
        )
    return network


def _sparse(points: int, what: str, network: RoadNetwork) -> list[str]:
    """Say if a map holds too little to tell where people are."""
    km = float(network.arc_m[network.arc_public].sum()) / 1000
    if points == 0 or points >= _POINTS_PER_KM * km:
        return []
    found = f"{points:,} {what} for {km:,.0f} km of arcs"
    return [f"demand rests on {found}, which is little: give --population or --incidents-per-day"]


def _near_roads(
    table: pd.DataFrame, snapper: Snapper, what: str, dropped: dict[str, int], notes: list[str]
) -> pd.DataFrame:
    """Leave out what lies beyond the limit of snapping, and say if nothing is there."""
    distance = snapper.snap(lonlat(table), what=what, limit_m=np.inf).distance_m
    far = distance > snapper.limit_m
    if far.any():
        dropped[f"{what}_far_from_roads"] = int(far.sum())
        named = [
            f"{lon:.4f},{lat:.4f} ({metres:,.0f} m)"
            for (lon, lat), metres in zip(lonlat(table[far]), distance[far], strict=True)
        ]
        more = [f"{len(named) - 5} more"] if len(named) > 5 else []
        notes.append(
            f"{what} left out, more than {snapper.limit_m:g} m from the roads: "
            + ", ".join(named[:5] + more)
        )
    kept = table[~far].reset_index(drop=True)
    if kept.empty:
        notes.append(_LACKING[what])
    return kept


def _units(stations: pd.DataFrame, each: int) -> pd.DataFrame:
    homes = [station for station in stations["id"] for _ in range(each)]
    return pd.DataFrame(
        {
            "id": [f"A{i + 1:02d}" for i in range(len(homes))],
            "type": [_UNIT_TYPE] * len(homes),
            "station": homes,
        }
    ).astype(str)


def _title(source: str) -> str:
    stem = Path(source).name.partition(".")[0] if _PATH_LIKE.search(source) else source
    stem = stem.encode("utf-8", "replace").decode("utf-8")  # a file name may be any bytes
    return (stem[:1].upper() + stem[1:])[:100] or "City"


def _check_options(timezone: str, units_per_station: int, incidents_per_day: float | None) -> None:
    try:
        ZoneInfo(timezone)
    except (ValueError, OSError, LookupError) as error:
        raise InputError(
            f"unknown time zone {timezone!r}", field="--timezone", fix="such as Europe/Berlin"
        ) from error
    if not 0 <= units_per_station <= 1000:
        raise InputError(
            f"{units_per_station} is no number of units",
            field="--units-per-station",
            fix="give 0 to 1000",
        )
    if incidents_per_day is not None and not 0 <= incidents_per_day <= 1e6:
        raise InputError(
            f"{incidents_per_day:g} is no number of incidents",
            field="--incidents-per-day",
            fix="give 0 to 1000000",
        )


def _copy_bundled(source: str, out: Path, options: Sequence[str]) -> BuildReport:
    if options:
        raise InputError(
            f"the bundled {source} comes ready-made",
            field=", ".join(options),
            fix="leave it out, edit the files of the copy, or build from a map",
        )
    scenario = load_scenario(source)
    return _report(scenario, out, {}, list(scenario.origin.get("notes", [])))


def _report(
    scenario: Scenario, out: Path, dropped: dict[str, int], notes: list[str]
) -> BuildReport:
    public = scenario.network.arc_public
    return BuildReport(
        folder=out,
        hash=save_scenario(scenario, out),
        nodes=scenario.network.n_nodes,
        arcs=scenario.network.n_arcs,
        emergency_arcs=int((~public).sum()),
        km=round(float(scenario.network.arc_m[public].sum()) / 1000, 1),
        stations=len(scenario.stations),
        hospitals=len(scenario.hospitals),
        units=len(scenario.units),
        zones=len(scenario.zones),
        dropped=dict(sorted(dropped.items())),
        notes=notes,
    )
