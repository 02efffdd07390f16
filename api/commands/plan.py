"""Where stations should stand, and what each should hold."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import click

from api.commands.destinations import (
    FileOut,
    as_told_by,
    check_destinations,
    check_picture,
    has_title,
    json_with,
)
from api.commands.plan_options import plan_question
from api.options import (
    FILE_OUT,
    FOLDER_OUT,
    MOST,
    FiniteRange,
    amounts,
    counts,
    json_option,
    names,
    scenario_argument,
    spans,
)
from api.output import json_text, report
from api.plan_words import plan_lines, plans_lines
from api.promise_words import promise_lines
from api.stopping import stop_on_interrupt
from routing.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from scenarios.package import Scenario
    from scenarios.planning import CityPlan

MODELS: Final = {
    "mclp": "covers the most demand within the limit (Church & ReVelle 1974)",
    "mexclp": "covers the most demand by units that may be busy (Daskin 1983)",
    "bacop": "covers the most demand, what a second unit covers counting too"
    " (Hogan & ReVelle 1986)",
    "dsm": "covers the most demand twice, a share once, all within a longer limit"
    " (Gendreau et al. 1997)",
    "uncertain-covering": "covers the most demand when travel times and free units are uncertain"
    " (Erkut et al. 2009)",
    "survival": "saves the most lives by a survival curve (Erkut et al. 2008)",
    "lscp": "covers all demand, or a share, by the fewest stations (Toregas 1971)",
    "p-median": "makes the mean travel time least (Hakimi 1964)",
    "p-center": "makes the longest travel time of anyone least (Hakimi 1964)",
}
"""What each model does; here in words, for the models themselves take seconds to load."""


@click.command(
    epilog="\b\nModels:\n" + "\n".join(f"  {name:<18} {about}" for name, about in MODELS.items())
)
@scenario_argument
@click.argument("more", metavar="[K]...", nargs=-1, type=counts)
@click.option("--model", default="mclp", show_default=True, help="One of those below.")
@click.option(
    "--stations",
    "stations",
    type=counts,
    metavar="K[,K...]",
    multiple=True,
    help="How many stations, kept ones included.",
)
@click.option(
    "--units",
    multiple=True,
    metavar="TYPE=N[/N...]",
    help="Units to place, with commas between types and / between slices; or 'fleet': those of "
    "today. Else a station serves as if a unit were always free.",
)
@click.option("--capacity", multiple=True, metavar="[TYPE=]N", help="Most units at a station.")
@click.option(
    "--busy",
    type=FiniteRange(0, 1, max_open=True),
    help="Share of time a unit is busy; else what the demand makes of the units.",
)
@click.option(
    "--existing",
    type=click.Choice(["free", "keep"]),
    default="free",
    show_default=True,
    help="Whether today's stations may close.",
)
@click.option("--keep", multiple=True, type=names, metavar="ID[,ID...]", help="Sites to be open.")
@click.option(
    "--forbid", multiple=True, type=names, metavar="ID[,ID...]", help="Sites not to open."
)
@click.option(
    "--candidates",
    default="zones",
    show_default=True,
    help="New sites to choose from: zones, nodes, grid:METRES, or a CSV with lon, lat and maybe "
    "id, name, cost.",
)
@click.option(
    "--standard",
    multiple=True,
    metavar="[TYPE=]NAME",
    help="Name of the response standard, maybe by type of unit; else the scenario's first.",
)
@click.option(
    "--longer-limit",
    "longer_limit_min",
    type=FiniteRange(0, 1440, min_open=True),
    metavar="MINUTES",
    help="Second limit of dsm, counted like the standard's.",
)
@click.option("--slices", type=spans, metavar="H-H[,H-H...]", help="Hours, such as 7-19,19-7.")
@click.option(
    "--floor",
    "floors",
    multiple=True,
    metavar="[DISTRICT=]SHARE",
    help="Least share covered of a district, or of each.",
)
@click.option(
    "--budget",
    type=amounts,
    metavar="B[,B...]",
    help="Most that new stations, closures and units may cost.",
)
@click.option(
    "--station-cost", type=FiniteRange(0, MOST), default=0.0, help="Cost of a new station."
)
@click.option(
    "--closing-cost", type=FiniteRange(0, MOST), default=0.0, help="Of closing one of today's."
)
@click.option("--unit-cost", multiple=True, metavar="[TYPE=]COST", help="Cost of a unit.")
@click.option("--share", type=FiniteRange(0, 1), help="Of lscp: to cover in all; of dsm: once.")
@click.option("--backup", type=FiniteRange(0, 1), help="Of bacop: what a second cover counts.")
@click.option("--curve", help="Of survival: name of the curve.")
@click.option("--marginal/--no-marginal", default=None, help="Tell what one more or less is worth.")
@click.option(
    "--time-limit",
    "time_limit_s",
    type=FiniteRange(0, 86_400, min_open=True),
    default=60.0,
    show_default=True,
    help="Seconds for each plan; then the best one found and its bound.",
)
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True)
@click.option("--out", required=True, type=FILE_OUT, help="plan.json; a list where several.")
@click.option(
    "--scenario", "planned", type=FOLDER_OUT, help="Also write the scenario as planned here."
)
@click.option(
    "--simulate",
    "replications",
    type=click.IntRange(2, 100_000),
    metavar="R",
    help="Also simulate the plan, in so many replications, beside what it promises.",
)
@click.option(
    "--picture", type=FILE_OUT, help="Also draw the map before and after, or the front of plans."
)
@json_option
def plan(  # numpydoc ignore=PR01
    scenario: str,
    stations: tuple[tuple[int, ...], ...],
    more: tuple[tuple[int, ...], ...],
    budget: tuple[float, ...] | None,
    marginal: bool | None,
    out: Path,
    planned: Path | None,
    picture: Path | None,
    replications: int | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Choose station sites and units, and prove how good the choice is.

    Several numbers, as in --stations 4 5 6 or --budget 1,2,3, make several plans: OUT is a
    list then. Ctrl-C gives the best plan so far with its gap.
    """
    from routing.progress import tracked
    from scenarios.day_slices import check_simulated
    from scenarios.packaging import load_scenario
    from scenarios.planning import make_plan, write_plan

    numbers = [each for part in (*stations, *more) for each in part]
    counted: list[int | None] = [*numbers] or [None]
    budgets: list[float | None] = [*(budget or ())] or [None]
    if not (numbers or budget or options["units"] or options["model"].startswith("lscp")):
        raise InputError(
            "nothing says how many stations",
            field="--stations",
            fix="give --stations, --units or --budget",
        )
    plans_asked = len(counted) * len(budgets)
    _check_single(plans_asked, {"--scenario": planned, "--simulate": replications})
    if replications is not None:
        check_simulated(options["slices"] or (), with_units=bool(options["units"]))
    _check_outputs(scenario, out, picture, planned)
    city = load_scenario(scenario)
    fleet = {str(kind): int(n) for kind, n in city.units["type"].value_counts().items()}
    asked = [plan_question(options, fleet, count, most) for count in counted for most in budgets]
    single = len(asked) == 1
    plans: list[CityPlan] = []
    began = time.perf_counter()
    with stop_on_interrupt("the best plan so far") as stopped:
        for question in tracked(asked, "planning", "plan", shown=not single):
            if plans and stopped():
                break
            plans.append(
                make_plan(
                    city,
                    question,
                    marginal=single if marginal is None else marginal,
                    stopped=stopped,
                )
            )
    taken = f"planned in {time.perf_counter() - began:.1f} s"
    documents = [each.to_json_dict() for each in plans]
    _warn(city, documents[0]["unreached_zones"])
    report_lines = plan_lines(documents[0]) if single else plans_lines(documents)
    wrote = _write(city, plans, single, out, picture, planned)
    if replications is not None:
        # last, for it takes long: whatever ends it, the plan is written by then
        seed = options["seed"]
        outcome = _simulated(city, plans[0], out, replications, seed, progress=not as_json)
        if outcome is not None:
            documents[0]["simulated"] = outcome
            write_plan(plans[0], out)
            report_lines += promise_lines(outcome)
    lines = [*report_lines, taken, *wrote]
    report(documents[0] if single else documents, lines, as_json=as_json)


def _warn(city: Scenario, unreached: list[str]) -> None:
    """Say when nobody is on duty, and which zones no plan can serve."""
    from scenarios.duty import duty_gaps
    from scenarios.reach import unreached_said

    # a plan needs a map only: what cannot be simulated has no hours on duty
    with suppress(InputError):
        for gap in duty_gaps(city):
            click.echo(f"warning: {gap}", err=True)
    for said in unreached_said(city, unreached):
        click.echo(f"warning: {said}", err=True)


def _write(
    city: Scenario,
    plans: list[CityPlan],
    single: bool,
    out: Path,
    picture: Path | None,
    planned: Path | None,
) -> list[str]:
    """Write plans down; tell what was written."""
    from scenarios.folders import write_atomically
    from scenarios.packaging import save_scenario
    from scenarios.planning import apply_plan, write_plan

    documents = [each.to_json_dict() for each in plans]
    if single:
        write_plan(plans[0], out)
    else:
        write_atomically(out, json_text(documents).encode())
    wrote = [f"wrote {out}"]
    if picture is not None:
        from scenarios.plan_figures import front_figure, plan_figure

        kind = picture.suffix[1:]
        image = plan_figure(city, plans[0], kind) if single else front_figure(documents, kind)
        write_atomically(picture, image)
        wrote.append(f"wrote {picture}")
    if planned is not None:
        with as_told_by("--scenario"):
            digest = save_scenario(apply_plan(city, plans[0]), planned)
        wrote.append(f"wrote {planned} (hash {digest[:12]})")
        if any(unit["hours"] for unit in documents[0]["units"]):
            wrote.append("(its units are on duty in the slices that they were planned for)")
    return wrote


def _simulated(
    city: Scenario, plan: CityPlan, out: Path, replications: int, seed: int, *, progress: bool
) -> dict[str, Any] | None:
    """Hold a plan against its simulation; None where Ctrl-C ended that."""
    from scenarios import promise

    try:
        outcome = promise.simulate_plan(
            city, plan, replications=replications, seed=seed, progress=progress
        )
    except KeyboardInterrupt:
        click.echo(f"interrupted: {out} holds the plan without 'simulated'", err=True)
        return None
    return outcome.to_json_dict()


def _check_outputs(scenario: str, out: Path, picture: Path | None, planned: Path | None) -> None:
    check_picture(picture)
    outputs = [
        FileOut("--out", out, json_with("drive_limit_s")),
        FileOut("--picture", picture, _is_picture),
    ]
    check_destinations(scenario, outputs, ("--scenario", planned))


def _check_single(plans: int, of_one: dict[str, object]) -> None:
    """Refuse what only one plan has where several are made."""
    for option, given in of_one.items():
        if given is not None and plans > 1:
            raise InputError(
                f"{plans} plans make no one scenario",
                field=option,
                fix="give one number of stations and one budget",
            )


def _is_picture(path: Path) -> bool:
    from scenarios.plan_figures import FIGURE_TITLE

    return has_title(path, FIGURE_TITLE)
