"""Where stations may stand: today's, and new sites to choose from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from routing.errors import InputError, did_you_mean
from routing.snapping import Snapper
from scenarios.package import lonlat
from scenarios.reach import zone_places
from scenarios.zones import checked_column, utm

if TYPE_CHECKING:
    from scenarios.package import Scenario

SOURCES: Final = ("zones", "nodes", "grid:500")
"""Candidates that every city has, a grid of any width; anything else names a CSV file."""

_GRID: Final = "grid:"
_COLUMNS: Final = "it needs lon,lat and may have id,name,cost"
_NEAR_M: Final = 250.0
"""A point of a grid this far off the roads is none that one could build at."""


def candidate_sites(scenario: Scenario, source: str) -> pd.DataFrame:
    """List the sites that a plan may choose from, today's stations first.

    Parameters
    ----------
    scenario : Scenario
        The city.
    source : str
        ``zones``: where demand zones stand, if roads are near; ``nodes``: every junction of cars;
        ``grid:METRES``: a square grid over the zones, as far as roads are near; else a CSV
        file with ``lon, lat`` and, if it likes, ``id``, ``name`` and ``cost``.

    Returns
    -------
    DataFrame
        Columns ``id, name, lon, lat, existing``, and ``cost`` where a file says it.

    Raises
    ------
    InputError
        There is no such source, or the file cannot be used.
    """
    today = scenario.stations[["id", "name", "lon", "lat"]].assign(existing=True)
    if source == "zones":
        new = _zones(scenario)
    elif source == "nodes":
        new = _nodes(scenario)
    elif source.startswith(_GRID):
        new = _grid(scenario, source)
    else:
        new = _from_file(scenario, source)
    taken = new["id"].isin(set(today["id"]))
    if Path(source).is_file() and taken.any():
        raise InputError(
            f"id {new['id'][taken].iloc[0]!r} is that of a station",
            field=f"{Path(source).name}, row {int(np.argmax(taken)) + 1}, id",
            fix="give new sites ids of their own; today's stations are candidates anyway",
        )
    # a site that an earlier plan built stands in both lists
    new = new[~taken].assign(existing=False)
    return pd.concat([today, new], ignore_index=True)


def _zones(scenario: Scenario) -> pd.DataFrame:
    _, off = zone_places(scenario, Snapper(scenario.network))
    zones = scenario.zones[~off]
    name = [
        f"new in {district} (zone {identifier})" if district else f"new at zone {identifier}"
        for identifier, district in zip(zones["id"], zones["district"], strict=True)
    ]
    return pd.DataFrame(
        {
            "id": "new-" + zones["id"].astype(str),
            "name": name,
            "lon": zones["lon"],
            "lat": zones["lat"],
        }
    )


def _nodes(scenario: Scenario) -> pd.DataFrame:
    network = scenario.network
    # a site at a junction for rescue vehicles alone would be tied to another road
    node = np.unique(network.arc_tail[network.arc_public])
    osm = pd.Series(network.node_osm[node]).astype(str)
    lon, lat = np.round(network.node_lonlat[node], 7).T
    return pd.DataFrame(
        {"id": "new-n" + osm, "name": "new at junction " + osm, "lon": lon, "lat": lat}
    )


def _grid(scenario: Scenario, source: str) -> pd.DataFrame:
    text = source.removeprefix(_GRID)
    try:
        width = float(text)
    except ValueError:
        width = np.nan
    if not 50 <= width <= 50_000:
        raise InputError(
            f"{text!r} is no width of a grid in metres",
            field="--candidates",
            fix="give 50 to 50000, such as grid:500",
        )
    to_metres = utm(lonlat(scenario.zones))
    metres = np.column_stack(to_metres.transform(*lonlat(scenario.zones).T))
    low, high = metres.min(axis=0) // width, metres.max(axis=0) // width + 1
    columns, rows = (
        np.arange(first, last + 1) * width for first, last in zip(low, high, strict=True)
    )
    points = np.stack(np.meshgrid(columns, rows), axis=2).reshape(-1, 2)
    places = np.column_stack(
        to_metres.transform(points[:, 0], points[:, 1], direction="INVERSE")
    ).round(7)
    off = Snapper(scenario.network, limit_m=np.inf).snap(places, what="grid point").distance_m
    lon, lat = places[off <= min(_NEAR_M, width / 2)].T
    number = pd.Series([str(row + 1) for row in range(len(lon))], dtype=str)
    return pd.DataFrame(
        {"id": "new-g" + number, "name": "new at grid point " + number, "lon": lon, "lat": lat}
    )


def _from_file(scenario: Scenario, source: str) -> pd.DataFrame:
    path = Path(source)
    if not path.is_file():
        fix = f"give {' or '.join(SOURCES)}, or a CSV file"
        if "." not in path.name and len(path.parts) == 1:
            fix = f"{did_you_mean(source, SOURCES)}, or a CSV file"
        raise InputError(f"there is no {source!r}", field="--candidates", fix=fix)
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path} is no CSV table ({error})", field="--candidates", fix=_COLUMNS
        ) from error
    missing = [column for column in ("lon", "lat") if column not in table.columns]
    if missing:
        raise InputError(
            f"{path} has no column {', '.join(missing)}",
            field="--candidates",
            fix=_COLUMNS,
        )
    number = pd.Series([str(row + 1) for row in range(len(table))], dtype=str)
    identifier = table["id"] if "id" in table.columns else "new-" + number
    if (identifier == "").any():
        row = int(np.argmax(identifier == "")) + 1
        raise InputError("no id", field=f"{path.name}, row {row}, id", fix="give it one")
    repeated = identifier[identifier.duplicated()]
    if len(repeated):
        raise InputError(
            f"id {repeated.iloc[0]!r} stands twice",
            field=f"{path.name}, row {repeated.index[0] + 1}, id",
            fix="give each site an id of its own",
        )
    cost = {}
    if "cost" in table.columns:
        cost["cost"] = checked_column(table, "cost", path.name, 0, 1e15)
    sites = pd.DataFrame(
        {
            "id": identifier,
            "name": table["name"] if "name" in table.columns else "new at site " + identifier,
            "lon": checked_column(table, "lon", path.name, -180, 180),
            "lat": checked_column(table, "lat", path.name, -90, 90),
            **cost,
        }
    )
    # here a row still is that of the file; later today's stations come before it
    Snapper(scenario.network).snap(lonlat(sites), what=path.name)
    return sites
