"""Where units should stand, judged by simulation."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from api.commands.destinations import FileOut, check_destinations, json_with
from api.commands.simulate import POLICIES
from api.options import (
    FILE_OUT,
    FOLDER_OUT,
    FiniteRange,
    json_option,
    scenario_argument,
    seed_option,
    workers_option,
)
from api.output import json_text, report
from api.refine_words import refinement_lines

if TYPE_CHECKING:
    from pathlib import Path


@click.command()
@scenario_argument
@click.option(
    "--objective",
    type=click.Choice(["within", "mean", "survivors"]),
    default="within",
    show_default=True,
    help="Share within the response standard, mean response, or expected survivors.",
)
@click.option("--standard", help="Name of the response standard; else the scenario's first.")
@click.option("--policy", default="closest", show_default=True, help=POLICIES)
@click.option(
    "--replications",
    type=click.IntRange(5, 100_000),
    default=20,
    show_default=True,
    help="In the first round of each race; every further round doubles them.",
)
@click.option(
    "--budget",
    type=click.IntRange(1, 1_000_000_000),
    default=10_000,
    show_default=True,
    help="Most replications in all, each candidate's counted.",
)
@click.option(
    "--check",
    type=click.IntRange(2, 100_000),
    default=500,
    show_default=True,
    help="Fresh replications that the result is checked on, before and after.",
)
@click.option(
    "--confidence",
    type=FiniteRange(0.5, 1, max_open=True),
    default=0.95,
    show_default=True,
    help="Probability that no move is accepted which is not better.",
)
@click.option(
    "--time-limit",
    "time_limit_s",
    type=FiniteRange(0, 31_536_000, min_open=True),
    help="Seconds after which no new round begins; the result then depends on the machine.",
)
@seed_option
@workers_option
@click.option("--out", required=True, type=FOLDER_OUT, help="Folder of the refined scenario.")
@click.option(
    "--report", "report_file", type=FILE_OUT, help="Also write what was done and found as JSON."
)
@json_option
def refine(  # numpydoc ignore=PR01
    scenario: str,
    objective: str,
    standard: str | None,
    policy: str,
    replications: int,
    budget: int,
    check: int,
    confidence: float,
    time_limit_s: float | None,
    seed: int,
    workers: int,
    out: Path,
    report_file: Path | None,
    as_json: bool,
) -> None:
    """Move units between stations as long as simulation shows that it helps.

    Every candidate meets the same emergencies; those in doubt get more replications. A
    move is made only when it is shown to be better. Then before and after are compared
    on replications that the search has not seen. Ctrl-C gives the best so far.
    """
    from scenarios.folders import write_atomically
    from scenarios.packaging import load_scenario, save_scenario
    from scenarios.refinement import refine as run_refinement

    began = time.monotonic()
    reported = FileOut("--report", report_file, json_with("steps", "check"))
    check_destinations(scenario, [reported], ("--out", out))
    result = run_refinement(
        load_scenario(scenario),
        objective=objective,
        standard=standard,
        policy=policy,
        replications=replications,
        budget=budget,
        check=check,
        confidence=confidence,
        seed=seed,
        workers=workers,
        stop=lambda: time_limit_s is not None and time.monotonic() - began > time_limit_s,
        progress=True,
    )
    digest = save_scenario(result.scenario, out)
    document = result.to_json_dict()
    lines = [*refinement_lines(document), f"wrote {out} (hash {digest[:12]})"]
    if report_file is not None:
        write_atomically(report_file, json_text(document).encode())
        lines.append(f"wrote {report_file}")
    report({"out": out} | document, lines, as_json=as_json)
