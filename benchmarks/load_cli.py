"""The command ``bluelight load-test``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from api.options import FILE_OUT, FiniteRange, json_option
from api.output import json_text, report


@click.command("load-test")
@click.argument("run", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--city", default="reykjavik", show_default=True, help="The scenario of the run.")
@click.option(
    "--units", type=click.IntRange(1, 2_000), default=200, show_default=True, help="In all."
)
@click.option(
    "--seconds",
    type=FiniteRange(1, 86_400),
    default=600.0,
    show_default=True,
    help="How long; half of it, three minutes at most, goes before.",
)
@click.option(
    "--speed-up",
    type=FiniteRange(1, 100_000),
    default=60.0,
    show_default=True,
    help="Seconds of the run in one of ours.",
)
@click.option(
    "--osrm",
    is_flag=True,
    help="Then ask for the matrix of all units, ours and OSRM's in the same kind of server.",
)
@click.option("--job", is_flag=True, help="Let a long simulation run beside, as a job.")
@click.option("--out", required=True, type=FILE_OUT, help="results.json.")
@json_option
def load_test(
    run: Path,
    city: str,
    units: int,
    seconds: float,
    speed_up: float,
    osrm: bool,
    job: bool,
    out: Path,
    as_json: bool,
) -> None:  # numpydoc ignore=PR01
    """Play a run of 'simulate' against a server of its own, and measure how soon it answers.

    Beside the run's calls, recommendations, assignments and statuses, 200 units report
    where they are and 20 recommendations are asked for in each second. Afterwards the log
    is compared with what was acknowledged; exit code 1 if they differ.
    """
    from benchmarks.load import lines_of, measure  # noqa: PLC0415
    from benchmarks.results import head  # noqa: PLC0415
    from scenarios.folders import write_atomically  # noqa: PLC0415

    document = head(
        {
            "fastapi": "fastapi",
            "uvicorn": "uvicorn",
            "sqlalchemy": "sqlalchemy",
            "osrm": "osrm-bindings",
        }
    )
    settings: dict[str, Any] = {"units": units, "seconds": seconds, "speed_up": speed_up}
    settings["job"] = job
    measured = measure(run, city, osrm=osrm, **settings)
    document["settings"] = settings
    document["results"] = {"load": measured}
    write_atomically(out, json_text(document).encode())
    report(document, [*lines_of(measured), f"wrote {out}"], as_json=as_json)
    if measured["wrong"]:
        raise click.exceptions.Exit(1)
