"""Speeds from trips that were observed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from api.options import FILE_IN, FILE_OUT, FiniteRange, json_option, scenario_argument, seed_option
from api.output import report
from routing.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path


@click.command()
@scenario_argument
@click.option(
    "--trips",
    "source",
    required=True,
    type=FILE_IN,
    help="CSV: from_lon, from_lat, to_lon, to_lat, seconds, maybe profile (normal or siren).",
)
@click.option("--out", required=True, type=FILE_OUT, help="The new speed table, TOML.")
@click.option(
    "--holdout",
    type=FiniteRange(0.05, 0.5),
    default=0.2,
    show_default=True,
    help="Share of the trips that only the errors are told on.",
)
@click.option(
    "--snap-limit",
    "snap_limit_m",
    type=FiniteRange(0, 1_000_000),
    default=200.0,
    show_default=True,
    help="Metres that an end of a trip may lie off the road network.",
)
@click.option(
    "--offset",
    "with_offset",
    is_flag=True,
    help="Also fit a constant time for each trip; told, not written.",
)
@click.option("--picture", type=FILE_OUT, help="Observed against predicted: .png or .svg.")
@seed_option
@json_option
def calibrate(  # numpydoc ignore=PR01
    scenario: str,
    source: Path,
    out: Path,
    holdout: float,
    snap_limit_m: float,
    with_offset: bool,
    picture: Path | None,
    seed: int,
    as_json: bool,
) -> None:
    """Fit the speeds of a scenario to observed trips.

    Writes a speed table for 'bluelight build --speeds' and tells the error of travel
    times on held-out trips before and after. No trip is kept.
    """
    from api.calibration_words import calibration_lines
    from scenarios.calibration import calibrate as fit
    from scenarios.folders import write_atomically
    from scenarios.packaging import load_scenario
    from scenarios.trips import read_trips

    files = [("--trips", source), ("--out", out)]
    if picture is not None:
        if picture.suffix not in {".png", ".svg"}:
            raise InputError(
                f"{picture} ends in {picture.suffix!r}", field="--picture", fix="use .png or .svg"
            )
        files.append(("--picture", picture))
    if len({file.resolve() for _, file in files}) < len(files):
        raise InputError(f"{out} is named twice", field="--out", fix="name another file")
    trips = read_trips(source)
    found = fit(
        load_scenario(scenario),
        trips,
        holdout=holdout,
        seed=seed,
        snap_limit_m=snap_limit_m,
        with_offset=with_offset,
        progress=True,
    )
    results = {out: found.speeds.text.encode()}
    if picture is not None:
        from scenarios.calibration_figure import prediction_figure

        results[picture] = prediction_figure(found.held_out, picture.suffix[1:])
    for path, content in results.items():
        write_atomically(path, content)
    document = {"out": out, "picture": picture, **found.document}
    report(document, calibration_lines(document), as_json=as_json)
