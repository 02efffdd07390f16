"""The fastest way from one place to another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from api.driving import DrivingOptions, driving_options, prepare, turns_option
from api.options import (
    FILE_OUT,
    FiniteRange,
    json_option,
    point,
    scenario_argument,
    snap_limit_option,
)
from api.output import clock, figures, geojson, percent, report, table
from routing.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from routing.routes import Street

_STRAIGHT = 30.0
_SHARP = 120.0
_BACK = 170.0


@click.command()
@scenario_argument
@click.option("--from", "origin", required=True, type=point, metavar="LON,LAT", help="Start.")
@click.option("--to", "destination", required=True, type=point, metavar="LON,LAT", help="End.")
@driving_options
@turns_option
@click.option(
    "--within",
    "within_min",
    type=FiniteRange(0, 1440, min_open=True),
    metavar="MINUTES",
    help="Also tell the probability to arrive in so many minutes.",
)
@click.option("--out", type=FILE_OUT, help="Also write the way: .geojson.")
@snap_limit_option
@json_option
def route(  # numpydoc ignore=PR01
    scenario: str,
    origin: tuple[float, float],
    destination: tuple[float, float],
    within_min: float | None,
    out: Path | None,
    snap_limit_m: float,
    as_json: bool,
    **options: Any,
) -> None:
    """Find the fastest way from one place to another, street by street.

    With --within, travel times scatter as those of Calgary's ambulances did (Budge,
    Ingolfsson, Zerom 2010): the time found is the median, and one in ten trips takes
    longer than the 90 % time. They spread relatively less on longer trips.
    """
    from routing.routes import route_feature, streets
    from routing.snapping import Snapper
    from routing.travel_times import DijkstraTravelTimes
    from scenarios.folders import write_atomically
    from scenarios.packaging import load_scenario

    if out is not None and out.suffix not in {".geojson", ".json"}:
        raise InputError(f"{out} has no ending .geojson", field="--out", fix="name such a file")
    city = load_scenario(scenario)
    snapper = Snapper(city.network, snap_limit_m)
    start = snapper.snap([origin], what="--from")
    end = snapper.snap([destination], what="--to")
    how, words, said = prepare(city, DrivingOptions(**options))
    found = DijkstraTravelTimes(how.graph, how.arc_ms).route(start, end)
    parts = streets(city.network, how.arc_ms, found)

    document = {
        **said,
        "seconds": found.ms / 1000,
        "metres": found.metres,
        "from_snapped_distance_m": round(float(start.distance_m[0]), 1),
        "to_snapped_distance_m": round(float(end.distance_m[0]), 1),
        "streets": [
            {
                "name": part.name or None,
                "metres": round(part.metres, 1),
                "seconds": round(part.seconds, 1),
                "turn": round(part.turn),
                "vertices": [part.first, part.last],
            }
            for part in parts
        ],
    }
    rows = [
        ("time", f"{clock(found.ms / 1000)} ({words})"),
        ("length", f"{found.metres / 1000:,.2f} km"),
        ("start from its road", f"{start.distance_m[0]:,.0f} m"),
        ("end from its road", f"{end.distance_m[0]:,.0f} m"),
    ]
    if within_min is not None:
        from routing.uncertainty import arrival_probability, travel_time_quantile

        chance = float(arrival_probability(found.ms, within_min * 60_000))
        nine_in_ten_s = float(travel_time_quantile(found.ms, 0.9)) / 1000
        document |= {
            "within_s": within_min * 60,
            "probability": round(chance, 6),
            "nine_in_ten_s": round(nine_in_ten_s, 1),
        }
        rows += [
            (f"in {within_min:g} min or less", percent(chance)),
            ("nine in ten trips", f"{clock(nine_in_ten_s)} or less"),
        ]
    lines = [*figures(rows), "", *_street_lines(parts)]
    if out is not None:
        nodes = city.network.node_osm[found.nodes].tolist()
        properties = document | {"nodes": nodes, "arcs": found.arcs.tolist()}
        write_atomically(out, geojson(route_feature(found, properties)))
        lines.append(f"wrote {out}")
    report(document | {"out": out}, lines, as_json=as_json)


def _street_lines(parts: list[Street]) -> list[str]:
    rows = [
        (
            "start" if row == 0 else _turn_word(part.turn),
            part.name or "(no name)",
            f"{part.metres:,.0f}",
            f"{part.seconds:,.0f}",
        )
        for row, part in enumerate(parts)
    ]
    return table(("<", "<street", "metres", "seconds"), rows) if rows else []


def _turn_word(degrees: float) -> str:
    size = abs(degrees)
    if size < _STRAIGHT:
        return "straight on"
    if size > _BACK:
        return "turn round"
    side = "right" if degrees > 0 else "left"
    return f"sharp {side}" if size > _SHARP else side
