"""The whole thread on one city: today's stations, a better plan, the simulated difference."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from scenarios.compare import compare
from scenarios.folders import check_replaceable, staged_folder
from scenarios.packaging import load_scenario, save_scenario
from scenarios.plan_question import PlanQuestion
from scenarios.planning import apply_plan, make_plan, write_plan
from scenarios.runs import REPORT_FILE, write_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from scenarios.package import Scenario
    from scenarios.planning import CityPlan

MARKER: Final = "demo.json"
"""The file that tells a demo folder."""


_NOTHING: Final = {"value": None, "reason": "no incident that it concerns"}


def run_demo(
    out: Path,
    *,
    city: str = "reykjavik",
    replications: int | None = None,
    seed: int = 1,
    workers: int = 1,
    echo: Callable[[str], object] = print,
) -> dict[str, Any]:
    """Plan the stations of a city anew and simulate what that changes.

    Parameters
    ----------
    out : Path
        Folder for ``plan.json``, the planned scenario, the comparison and
        ``report.html``; an earlier demo there is replaced.
    city : str
        A bundled name or a scenario folder.
    replications : int, optional
        How many times the horizon is simulated under each set of stations; 20 by default.
    seed : int
        Which incidents.
    workers : int
        Processes to simulate with; the result does not depend on it.
    echo : callable
        Is given each line of progress.

    Returns
    -------
    dict
        The content of ``demo.json``: what the plan promises, and the simulated
        difference.

    Raises
    ------
    InputError
        There is no such city, or it cannot be planned or simulated.
    """
    check_replaceable(out, MARKER)
    today = load_scenario(city)
    echo(f"city       {_described(today)}")
    plan = make_plan(today, PlanQuestion(stations=len(today.stations)))
    echo(f"plan       {_promised(plan)}")
    with staged_folder(out, MARKER) as stage:
        write_plan(plan, stage / "plan.json")
        save_scenario(apply_plan(today, plan), stage / "planned")
        # the run must find its scenario where it will stand, not where it is made
        planned = replace(load_scenario(stage / "planned"), location=str(out / "planned"))
        comparison = compare(
            [today, planned],
            ["closest"],
            replications=replications,
            seed=seed,
            workers=workers,
            out=stage / "comparison",
            progress=True,
        )
        difference = comparison.differences[0]
        echo(f"simulated  {_simulated(comparison.runs[0].summary, difference, today)}")
        shutil.copyfile(stage / "comparison" / REPORT_FILE, stage / REPORT_FILE)
        result = {
            "city": today.settings.name,
            "plan": plan.to_json_dict(),
            "today": comparison.labels[0],
            "planned": comparison.labels[1],
            "difference": difference,
        }
        write_json(stage / MARKER, result)
    return result


def _described(city: Scenario) -> str:
    network = city.network
    public = network.arc_public
    junctions = len(set(network.arc_tail[public].tolist()))
    return (
        f"{city.settings.name}: {junctions:,} junctions, {public.sum():,} arcs, "
        f"{network.arc_m[public].sum() / 1000:,.0f} km; {len(city.stations)} stations, "
        f"{len(city.units)} units, {len(city.hospitals)} hospitals, {len(city.zones)} demand zones"
    )


def _promised(plan: CityPlan) -> str:
    said = plan.to_json_dict()
    covered = {when: 100 * share for when, share in said["covered_share"].items()}
    proof = "proven best" if said["proven"] else f"at most {100 * said['gap']:.2f} % from the best"
    return (
        f"{len(said['stations'])} stations by {said['model']}, {proof} of "
        f"{said['candidates']['count']} sites; demand within {said['drive_limit_s'] / 60:.1f} min "
        f"of drive {covered['before']:.1f} % → {covered['after']:.1f} %"
    )


def _simulated(before: Mapping[str, Any], change: Mapping[str, Any], city: Scenario) -> str:
    standard = city.settings.standards[0]
    mean, within = change["response_mean"], change["within"].get(standard.name, _NOTHING)
    lives = change["survivors_per_year"]
    return (
        f"{before['incidents']['total']:,} incidents; mean response "
        f"{_interval(mean, 1, ' s')}; within {standard.name} {_interval(within, 100, ' points')}; "
        f"expected survivors a year {_interval(lives, 1, '')}"
    )


def _interval(said: Mapping[str, Any], scale: float, unit: str) -> str:
    if said["value"] is None:
        return str(said["reason"])
    value, low, high = (said[key] * scale for key in ("value", "low", "high"))
    return f"{value:+.2f}{unit} ({low:+.2f} to {high:+.2f})"
