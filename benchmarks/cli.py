"""The command ``bluelight benchmark``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from api.options import FILE_OUT, json_option
from api.output import json_text, report, table

if TYPE_CHECKING:
    from pathlib import Path


@click.command()
@click.argument("name", required=False, metavar="[NAME]")
@click.option("--city", default="reykjavik", show_default=True, help="A scenario.")
@click.option(
    "--rounds",
    type=click.IntRange(1, 10_000),
    default=15,
    show_default=True,
    help="How often each contestant answers.",
)
@click.option("--out", required=True, type=FILE_OUT, help="results.json.")
@json_option
def benchmark(  # numpydoc ignore=PR01
    name: str | None, city: str, rounds: int, out: Path, as_json: bool
) -> None:
    """Measure bluelight beside its peers, in one run on this machine.

    NAME is travel-times; all are run if none is given. The results carry revision,
    versions and machine.
    """
    # help must not wait for the contestants' packages
    from benchmarks.results import results  # noqa: PLC0415
    from scenarios.folders import write_atomically  # noqa: PLC0415

    document = results(name, city, rounds)
    write_atomically(out, json_text(document).encode())
    lines = []
    for title, result in document["results"].items():
        lines.append(
            f"{title}: {document['scenario']['name']}, {result['nodes']:,} junctions, "
            f"{result['rounds']} rounds, all answers equal: {'yes' if result['equal'] else 'NO'}"
        )
        lines += table(
            ["<", "median ms a row", "least", "most", "times ours", "first"],
            [
                (row["name"], *(f"{row[key]:.2f}" for key in _FIGURES))
                for row in result["contestants"]
            ],
        )
    report(document, [*lines, f"wrote {out}"], as_json=as_json)


_FIGURES = ("median_ms", "min_ms", "max_ms", "times_ours", "first_ms")
