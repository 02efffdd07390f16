"""Where stations should stand."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from api.options import FILE_OUT, FOLDER_OUT, FiniteRange, counts, json_option, scenario_argument
from api.output import json_text, report
from api.plan_words import plan_lines, plans_lines
from routing.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path


@click.command()
@scenario_argument
@click.argument("more", metavar="[K]...", nargs=-1, type=counts)
@click.option("--model", default="mclp", show_default=True, help="mclp or p-median.")
@click.option(
    "--stations",
    "stations",
    type=counts,
    metavar="K[,K...]",
    multiple=True,
    required=True,
    help="How many stations, kept ones included.",
)
@click.option(
    "--existing",
    type=click.Choice(["free", "keep"]),
    default="free",
    show_default=True,
    help="Whether today's stations may close.",
)
@click.option(
    "--candidates",
    default="zones",
    show_default=True,
    help="New sites to choose from: zones, nodes, or a CSV with lon, lat and maybe id, name.",
)
@click.option("--standard", help="Name of the response standard; else the scenario's first.")
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
@json_option
def plan(  # numpydoc ignore=PR01
    scenario: str,
    model: str,
    stations: tuple[tuple[int, ...], ...],
    more: tuple[tuple[int, ...], ...],
    existing: str,
    candidates: str,
    standard: str | None,
    time_limit_s: float,
    seed: int,
    out: Path,
    planned: Path | None,
    as_json: bool,
) -> None:
    """Choose station sites and prove how good the choice is.

    Several numbers, as in --stations 4 5 6, make several plans: OUT is a list then.

    Models: mclp covers the most demand within the standard's limit; p-median makes the
    mean travel time least.
    """
    from tqdm import tqdm

    from scenarios.folders import check_replaceable, write_atomically
    from scenarios.packaging import DESCRIPTOR, load_scenario, save_scenario
    from scenarios.planning import apply_plan, make_plan, write_plan

    numbers = [number for part in (*stations, *more) for number in part]
    if planned is not None:
        if len(numbers) > 1:
            raise InputError(
                f"{len(numbers)} plans make no one scenario",
                field="--scenario",
                fix="give one number of stations",
            )
        check_replaceable(planned, DESCRIPTOR)
    _check_earlier_plan(out)
    city = load_scenario(scenario)
    plans = [
        make_plan(
            city,
            model=model,
            stations=number,
            existing=existing,
            candidates=candidates,
            standard=standard,
            time_limit_s=time_limit_s,
            seed=seed,
        )
        for number in tqdm(numbers, unit="plan", disable=None if len(numbers) > 1 else True)
    ]
    documents = [each.to_json_dict() for each in plans]
    if len(plans) == 1:
        write_plan(plans[0], out)
        report_lines = plan_lines(documents[0])
    else:
        write_atomically(out, json_text(documents).encode())
        report_lines = plans_lines(documents)
    report_lines.append(f"wrote {out}")
    if planned is not None:
        digest = save_scenario(apply_plan(city, plans[0]), planned)
        report_lines.append(f"wrote {planned} (hash {digest[:12]})")
    report(documents[0] if len(plans) == 1 else documents, report_lines, as_json=as_json)


def _check_earlier_plan(out: Path) -> None:
    """Refuse to overwrite a file that is no plan."""
    if not out.exists():
        return
    try:
        found = json.loads(out.read_text(encoding="utf-8"))
        _ = (found[0] if isinstance(found, list) else found)["drive_limit_s"]
    except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
        raise InputError(
            f"{out} exists and is no earlier plan", field="--out", fix="name another file"
        ) from error
