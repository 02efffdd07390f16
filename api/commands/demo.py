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

    from api.schemas import Recommendation


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
    replications: int | None,
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
    district, recommended = _which_unit(out / "planned")
    page = out / "report.html"
    lines = [
        f"which unit emergency in {district}: {recommended.reason}",
        f"           ask yourself: bluelight serve {out / 'planned'} --no-auth",
        f"report     {page}",
    ]
    answer = recommended.model_dump(mode="json")
    report({"out": out, **result, "recommendation": answer}, lines, as_json=as_json)
    if open_page or (open_page is None and not as_json and _has_screen()):
        webbrowser.open(page.resolve().as_uri())


def _which_unit(planned: Path) -> tuple[str, Recommendation]:
    """Ask the service's own code for an emergency where most of them are.

    All units of the planned city stand free at their stations.
    """
    from api.city import City
    from api.recommendations import answer
    from api.schemas import RecommendationRequest
    from engine.fleet import FREE_AT_STATION
    from scenarios.package import lonlat
    from scenarios.packaging import load_scenario

    scenario = load_scenario(planned)
    busiest = int(scenario.zone_weight.argmax())
    lon, lat = lonlat(scenario.zones)[busiest].tolist()
    homes = lonlat(scenario.stations)[scenario.unit_station].tolist()
    units = [
        {"id": unit, "lon": home[0], "lat": home[1], "status": FREE_AT_STATION}
        for unit, home in zip(scenario.units["id"], homes, strict=True)
    ]
    request = {"incident": {"lon": lon, "lat": lat}, "units": units}
    asked = RecommendationRequest.model_validate(request)
    return str(scenario.zones["district"].iloc[busiest]), answer(City(scenario), asked)


def _has_screen() -> bool:
    """Tell whether a person would see a browser window."""
    if not sys.stdout.isatty():
        return False
    if sys.platform in {"win32", "darwin"}:
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
