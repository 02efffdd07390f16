"""Let go of old records of a log."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from api.options import json_option, moment
from api.output import report

if TYPE_CHECKING:
    from datetime import datetime


@click.command("prune-log")
@click.argument("log")
@click.option(
    "--before",
    type=moment,
    required=True,
    metavar="TIME",
    help="Records that were received earlier go; ISO 8601, UTC unless an offset is given.",
)
@json_option
def prune_log(log: str, before: datetime, as_json: bool) -> None:  # numpydoc ignore=PR01
    """Remove what is old from the event store LOG, for good.

    Nobody may serve it meanwhile. The log is proved first, and goes on from the state at that
    moment: 'bluelight verify-log' proves it from there. What is to be kept is exported or
    backed up before.
    """
    import time
    from datetime import UTC

    from api.live.exporting import open_log
    from api.live.pruning import prune
    from api.live.service import SYSTEM
    from api.live.views import milliseconds

    at_ms = milliseconds(before if before.tzinfo else before.replace(tzinfo=UTC))
    store = open_log(log)
    try:
        done = prune(store, at_ms, round(time.time() * 1000), SYSTEM)
    finally:
        store.close()
    said = f"{done.removed:,} records removed; records {done.first:,} to {done.last:,} are left"
    report(done._asdict(), [said], as_json=as_json)
