"""Simulate, compare, replay."""

from __future__ import annotations

from pathlib import Path

import click

from api.options import (
    FOLDER_OUT,
    json_option,
    names,
    replications_option,
    scenario_argument,
    seed_option,
    workers_option,
)
from api.output import report

DIFFERS = 1
"""Exit code of a replay that does not give the run's own bytes."""


@click.command()
@scenario_argument
@click.option("--policy", default="closest", show_default=True, help="closest or closest-idle.")
@replications_option
@seed_option
@workers_option
@click.option("--out", required=True, type=FOLDER_OUT, help="Folder of the run.")
@json_option
def simulate(  # numpydoc ignore=PR01
    scenario: str,
    policy: str,
    replications: int,
    seed: int,
    workers: int,
    out: Path,
    as_json: bool,
) -> None:
    """Simulate a scenario's emergencies under a dispatch policy.

    Writes events, incidents, a summary with intervals and report.html. The same
    scenario, policy and seed give the same bytes.
    """
    from scenarios.runs import simulate as run_simulation

    from scenarios.packaging import load_scenario

    result = run_simulation(
        load_scenario(scenario),
        policy=policy,
        replications=replications,
        seed=seed,
        workers=workers,
        out=out,
    )
    report(result.summary, (), as_json=as_json)


@click.command()
@click.argument("scenarios", metavar="SCENARIO [OTHER]...", nargs=-1, required=True)
@click.option(
    "--policies",
    type=names,
    metavar="A,B,...",
    default="closest",
    show_default=True,
    help="closest, closest-idle.",
)
@replications_option
@seed_option
@workers_option
@click.option("--out", required=True, type=FOLDER_OUT, help="Folder of the comparison.")
@json_option
def compare(  # numpydoc ignore=PR01
    scenarios: tuple[str, ...],
    policies: tuple[str, ...],
    replications: int,
    seed: int,
    workers: int,
    out: Path,
    as_json: bool,
) -> None:
    """Compare policies, and scenarios, on the very same emergencies.

    Every policy meets the same incidents with the same durations. The first SCENARIO
    under the first policy is the base; the others are told as differences from it.
    """
    from scenarios.compare import compare as run_comparison

    from scenarios.packaging import load_scenario

    result = run_comparison(
        [load_scenario(each) for each in scenarios],
        list(policies),
        replications=replications,
        seed=seed,
        workers=workers,
        out=out,
    )
    report(result.summary, (), as_json=as_json)


@click.command()
@click.argument("run", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--policy", help="Another policy; else the run's own, which must repeat.")
@click.option("--scenario", help="Where the scenario now is; else where it was.")
@click.option("--out", required=True, type=FOLDER_OUT, help="Folder of the new run.")
@json_option
@click.pass_context
def replay(  # numpydoc ignore=PR01
    ctx: click.Context,
    run: Path,
    policy: str | None,
    scenario: str | None,
    out: Path,
    as_json: bool,
) -> None:
    """Play the incidents of a run again, under its policy or another.

    Under its own policy the bytes must be the same; exits with 1 where they are not.
    """
    from scenarios.replay import replay as run_again

    result = run_again(run, policy, scenario, out)
    report({"identical": result.identical}, (), as_json=as_json)
    if result.identical is False:
        ctx.exit(DIFFERS)
