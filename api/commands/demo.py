"""The whole thread on the city inside."""

from __future__ import annotations

import os
import sys
import webbrowser
from functools import partial
from typing import TYPE_CHECKING

import click

from api.options import (
    FOLDER_OUT,
    json_option,
    replications_option,
    seed_option,
    workers_option,
)
from api.output import report

if TYPE_CHECKING:
    from pathlib import Path


@click.command()
@click.option(
    "--out", type=FOLDER_OUT, default="bluelight-demo", show_default=True, help="Result folder."
)
@click.option(
    "--city",
    default="reykjavik",
    show_default=True,
    help="A city that comes with bluelight, or a scenario folder.",
)
@replications_option
@seed_option
@workers_option
@click.option(
    "--open/--no-open",
    "open_page",
    default=None,
    help="Show report.html in a browser; by default where there is a screen.",
)
@json_option
def demo(  # numpydoc ignore=PR01
    out: Path,
    city: str,
    replications: int,
    seed: int,
    workers: int,
    open_page: bool | None,
    as_json: bool,
) -> None:
    """Plan, simulate and compare a real city in one go.

    Its stations today, a better plan, a month of emergencies under both, and a page
    that shows the difference.
    """
    from scenarios.demo import run_demo

    result = run_demo(
        out,
        city=city,
        replications=replications,
        seed=seed,
        workers=workers,
        echo=partial(click.echo, err=as_json),
    )
    report({"out": out} | result, (), as_json=as_json)
    if open_page or (open_page is None and not as_json and _has_screen()):
        webbrowser.open((out / "report.html").resolve().as_uri())


def _has_screen() -> bool:
    """Tell whether a person would see a browser window."""
    if not sys.stdout.isatty():
        return False
    if sys.platform in {"win32", "darwin"}:
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
