"""Export a stretch of a log as a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from api.options import FOLDER_OUT, FiniteRange, json_option, moment
from api.output import report
from api.run_words import recorded_lines, run_lines

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path


@click.command("export-log")
@click.argument("log")
@click.option("--scenario", required=True, help="The scenario that the log was kept with.")
@click.option(
    "--from",
    "begin",
    type=moment,
    metavar="TIME",
    help="From when, ISO 8601, local unless an offset is given; else the midnight before the "
    "first record.",
)
@click.option(
    "--to",
    "end",
    type=moment,
    metavar="TIME",
    help="Until when; else the midnight after the last record.",
)
@click.option(
    "--coarsen",
    "metres",
    type=FiniteRange(0, 100_000),
    default=100.0,
    show_default=True,
    help="Metres of the grid that places are moved to; 0 keeps them.",
)
@click.option("--out", required=True, type=FOLDER_OUT, help="Folder of the run.")
@json_option
def export_log(
    log: str,
    scenario: str,
    begin: datetime | None,
    end: datetime | None,
    metres: float,
    out: Path,
    as_json: bool,
) -> None:  # numpydoc ignore=PR01
    """Write a stretch of the event store LOG as a run, which 'bluelight replay' takes.

    Each record is proved on the way; a damaged log is refused with the record's number. The
    run has a scenario of its own (the units and incidents of that time), and the records
    without who caused them. LOG may be written to meanwhile.
    """
    from api.live.exporting import Asked, open_log
    from api.live.exporting import export_log as export
    from scenarios.packaging import load_scenario

    city = load_scenario(scenario)
    store = open_log(log)
    try:
        result = export(store, city, Asked(begin, end, metres), out)
    finally:
        store.close()
    lines = [*run_lines(result.summary), *recorded_lines(result.recorded), f"wrote {out}"]
    report({"out": out} | result.summary, lines, as_json=as_json)
