"""What is reached in time from places, or from where they are reached."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from api.driving import DrivingOptions, driving_options, prepare
from api.options import (
    FILE_OUT,
    FiniteRange,
    json_option,
    minutes,
    point,
    scenario_argument,
    snap_limit_option,
)
from api.output import geojson, percent, report, table
from routing.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    import shapely
    from numpy.typing import NDArray

    from scenarios.package import Scenario

_MAPS = {".png"}
_GEOJSON = {".geojson", ".json"}


@click.command()
@scenario_argument
@click.option(
    "--from",
    "origins",
    type=point,
    multiple=True,
    metavar="LON,LAT",
    help="What is reached from here; may be repeated.",
)
@click.option(
    "--to",
    "destinations",
    type=point,
    multiple=True,
    metavar="LON,LAT",
    help="From where this is reached; may be repeated.",
)
@click.option("--stations", is_flag=True, help="What is reached from the scenario's stations.")
@click.option(
    "--minutes",
    "limits_min",
    type=minutes,
    required=True,
    metavar="M[,M...]",
    help="Time limits, such as 4,8,12.",
)
@driving_options
@click.option("--out", required=True, type=FILE_OUT, help="File: .geojson, or a map as .png.")
@click.option(
    "--distance",
    "distance_m",
    type=FiniteRange(2, 10_000),
    default=60.0,
    show_default=True,
    help="Metres from reached roads that the polygons take in.",
)
@click.option(
    "--fill",
    "hole_m2",
    type=FiniteRange(0, 1e12),
    default=100_000.0,
    show_default=True,
    help="Holes smaller than this many square metres are filled.",
)
@snap_limit_option
@json_option
def isochrone(  # numpydoc ignore=PR01
    scenario: str,
    origins: tuple[tuple[float, float], ...],
    destinations: tuple[tuple[float, float], ...],
    stations: bool,
    limits_min: tuple[float, ...],
    out: Path,
    distance_m: float,
    hole_m2: float,
    snap_limit_m: float,
    as_json: bool,
    **options: Any,
) -> None:
    """Draw what is reached from the nearest of some places within minutes of driving.

    The polygons follow the roads that are reached, as far as they are, so that what no
    road leads to stays outside. Each lies within the next larger one. Turnout and
    call processing are not counted.
    """
    import numpy as np

    from routing.isochrones import (
        Outline,
        area_km2,
        cut_at_date_line,
        feature_collection,
        isochrones,
    )
    from routing.snapping import Snapper
    from scenarios.folders import write_atomically
    from scenarios.packaging import load_scenario

    if out.suffix not in _MAPS | _GEOJSON:
        raise InputError(
            f"{out} has no ending .geojson, .png", field="--out", fix="name such a file"
        )
    if sum(map(bool, (origins, destinations, stations))) != 1:
        raise click.UsageError("give one of --from, --to, --stations")
    city = load_scenario(scenario)
    lonlat = _places(city, origins or destinations)
    what = "--from" if origins else "--to" if destinations else "station"
    places = Snapper(city.network, snap_limit_m).snap(lonlat, what=what)
    how, _, said = prepare(city, DrivingOptions(**options))
    found = isochrones(
        city.network,
        how.arc_ms,
        places,
        [60 * limit for limit in limits_min],
        towards=bool(destinations),
        outline=Outline(distance_m, hole_m2, min(5.0, distance_m / 8)),
    )
    direction = "to" if destinations else "from"
    if out.suffix in _GEOJSON:
        properties = {"direction": direction, **said, "places": len(places)}
        data = geojson(feature_collection(found, properties))
    else:
        from scenarios.figures import isochrone_map

        data = isochrone_map(city, found, lonlat)
    write_atomically(out, data)

    limits = [
        {
            "minutes": round(one.limit_s / 60, 6),
            "km2": round(area_km2(one), 3),
            "demand": _demand_within(city, cut_at_date_line(one.polygon)),
        }
        for one in found
    ]
    snapped_m = round(float(np.max(places.distance_m)), 1)
    document = {
        "out": out,
        "direction": direction,
        **said,
        "places": len(places),
        "farthest_snapped_m": snapped_m,
        "limits": limits,
    }
    rows = [(f"{row['minutes']:g}", f"{row['km2']:,.1f}", percent(row["demand"])) for row in limits]
    lines = [*table(("minutes", "km2", "demand within"), rows), f"wrote {out}"]
    report(document, lines, as_json=as_json)


def _places(city: Scenario, given: tuple[tuple[float, float], ...]) -> NDArray[np.float64]:
    import numpy as np

    from scenarios.package import lonlat

    if given:
        return np.array(given, dtype=np.float64)
    if not len(city.stations):
        raise InputError("the scenario has no stations", field="--stations", fix="give --from")
    return lonlat(city.stations)


def _demand_within(city: Scenario, polygon: shapely.MultiPolygon) -> float | None:
    """Share of demand in zones whose centre lies within."""
    import shapely

    from scenarios.package import lonlat

    if not len(city.zones):
        return None
    inside = shapely.contains_xy(polygon, lonlat(city.zones))
    return float(city.zone_weight[inside].sum())
