"""Travel times between places in two CSV files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from api.driving import DrivingOptions, driving_options, prepare, turns_option
from api.options import (
    FILE_IN,
    FILE_OUT,
    json_option,
    scenario_argument,
    snap_limit_option,
)
from api.output import clock, figures, report
from routing.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

_MOST_CELLS = 100_000_000
_BLOCK = 64


@click.command()
@scenario_argument
@click.option("--from", "origins", required=True, type=FILE_IN, help="CSV: lon, lat, maybe id.")
@click.option("--to", "destinations", required=True, type=FILE_IN, help="CSV: lon, lat, maybe id.")
@click.option("--out", required=True, type=FILE_OUT, help="File: .parquet, .csv or .npy.")
@driving_options
@turns_option
@snap_limit_option
@json_option
def matrix(  # numpydoc ignore=PR01
    scenario: str,
    origins: Path,
    destinations: Path,
    out: Path,
    snap_limit_m: float,
    as_json: bool,
    **options: Any,
) -> None:
    """Compute travel times from each place of one file to each of another.

    Tables (.parquet, .csv) have the columns from, to, seconds, metres, empty where
    there is no way; .npy is a float64 array of seconds, from by to, inf where there is
    none.
    """
    import numpy as np

    from api.tables import encoder, read_places
    from routing.hierarchy_times import HierarchyTravelTimes
    from routing.network import UNREACHABLE
    from routing.snapping import Snapper
    from scenarios.folders import write_atomically
    from scenarios.packaging import load_scenario

    encode = encoder(out)
    if out.exists() and any(out.samefile(given) for given in (origins, destinations)):
        raise InputError(f"{out} is an input", field="--out", fix="name another file")
    starts = read_places(origins, "--from")
    ends = read_places(destinations, "--to")
    cells = len(starts.ids) * len(ends.ids)
    if cells > _MOST_CELLS:
        raise InputError(
            f"{cells:,} travel times are more than the {_MOST_CELLS:,} that one file takes",
            field="--from",
            fix="split it",
        )
    city = load_scenario(scenario)
    snapper = Snapper(city.network, snap_limit_m)
    start_places = snapper.snap(starts.lonlat, what=f"--from: {origins}")
    end_places = snapper.snap(ends.lonlat, what=f"--to: {destinations}")
    how, words, said = prepare(city, DrivingOptions(**options))
    times = HierarchyTravelTimes(how.graph, how.arc_ms)
    table = times.matrix(start_places, end_places, progress=True)
    write_atomically(out, encode(table, starts.ids, ends.ids))

    longest_s = median_s = None
    reached = table.ms[table.ms < UNREACHABLE] / 1000
    if len(reached):
        median_s, longest_s = float(np.median(reached)), float(reached.max())
    snapped_m = np.concatenate([start_places.distance_m, end_places.distance_m])
    document = {
        "out": out,
        **said,
        "from": len(starts.ids),
        "to": len(ends.ids),
        "unreachable": cells - len(reached),
        "median_s": median_s,
        "longest_s": longest_s,
        "farthest_snapped_m": round(float(snapped_m.max()), 1),
    }
    lines = [
        *figures(
            [
                ("from, to", f"{len(starts.ids):,} x {len(ends.ids):,} ({words})"),
                ("median", clock(median_s)),
                ("longest", clock(longest_s)),
                ("without a way", f"{cells - len(reached):,}"),
                ("farthest from its road", f"{snapped_m.max():,.0f} m"),
            ],
        ),
        f"wrote {out}",
    ]
    report(document, lines, as_json=as_json)
