"""Simulate, compare, replay."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from api.commands.export_log import export_log
from api.options import (
    FOLDER_OUT,
    checkpoint_option,
    cluster_option,
    hospital_option,
    hospitals_option,
    json_option,
    names,
    percentage,
    replications_option,
    scenario_argument,
    seed_option,
    workers_option,
)
from api.output import report
from api.run_words import (
    comparison_lines,
    paired_lines,
    precision_lines,
    recorded_lines,
    run_lines,
)
from routing.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from scenarios.package import Scenario
    from scenarios.replay import ReplayResult
    from scenarios.simulation.tables import Tables

DIFFERS = 1
"""Exit code of a replay that does not give the run's own bytes."""

POLICIES = (
    "closest, closest-idle, batch, dmexclp, preparedness, fair-preparedness, survival, foresight, "
    "foresight-dispatch, or FILE.py:CLASS; after a + a rule that moves free units: "
    "dmexclp-move, compliance, nested-table, priority-list, zhang."
)


@click.command()
@scenario_argument
@click.option("--policy", default="closest", show_default=True, help=POLICIES)
@hospital_option
@replications_option
@seed_option
@workers_option
@cluster_option
@click.option(
    "--precision",
    type=percentage,
    metavar="PERCENT",
    help="Replicate until half of the 95% interval of --precision-of is no more than this share "
    "of it, such as 0.5%; after 20 replications or more, and --replications (1000) at most.",
)
@click.option(
    "--precision-of",
    type=click.Choice(["mean", "within"]),
    default="mean",
    show_default=True,
    help="Mean response time, or share within the first standard.",
)
@checkpoint_option
@click.option("--out", required=True, type=FOLDER_OUT, help="Folder of the run.")
@json_option
def simulate(  # numpydoc ignore=PR01
    scenario: str,
    policy: str,
    hospital: str | None,
    replications: int | None,
    seed: int,
    workers: int,
    cluster: str | None,
    precision: float | None,
    precision_of: str,
    checkpoint: Path | None,
    out: Path,
    as_json: bool,
) -> None:
    """Simulate a scenario's emergencies under a dispatch policy.

    Writes events, incidents, a summary with intervals, all statistics as CSV and Parquet,
    and report.html. The same
    scenario, policy and seed give the same bytes.
    """
    from scenarios.packaging import load_scenario
    from scenarios.precision import AT_MOST, Precision
    from scenarios.runs import simulate as run_simulation

    city = load_scenario(scenario)
    wanted = None
    if precision is not None:
        wanted = Precision(precision, precision_of, at_most=replications or AT_MOST)
    result = run_simulation(
        city,
        policy=policy,
        hospital=hospital,
        replications=replications,
        seed=seed,
        workers=workers,
        cluster=cluster,
        precision=wanted,
        checkpoint=checkpoint,
        out=out,
        ready=_warning([hospital]),
        progress=True,
    )
    lines = [*run_lines(result.summary), *precision_lines(result.precision), f"wrote {out}"]
    document = {"out": out} | ({"precision": result.precision} if result.precision else {})
    report(document | result.summary, lines, as_json=as_json)


@click.command()
@click.argument("scenarios", metavar="SCENARIO [OTHER]...", nargs=-1, required=True)
@click.option(
    "--policies",
    type=names,
    metavar="A,B,...",
    default="closest",
    show_default=True,
    help=POLICIES,
)
@hospitals_option
@replications_option
@seed_option
@workers_option
@cluster_option
@checkpoint_option
@click.option(
    "--bound",
    is_flag=True,
    help="Find how few incidents anyone could have reached late, had they known them all; where "
    "units are busy half of the time, this takes many minutes for each replication.",
)
@click.option("--out", required=True, type=FOLDER_OUT, help="Folder of the comparison.")
@json_option
def compare(  # numpydoc ignore=PR01
    scenarios: tuple[str, ...],
    policies: tuple[str, ...],
    hospitals: tuple[str, ...] | None,
    replications: int | None,
    seed: int,
    workers: int,
    cluster: str | None,
    checkpoint: Path | None,
    bound: bool,
    out: Path,
    as_json: bool,
) -> None:
    """Compare policies, hospital policies and scenarios on the very same emergencies.

    Every policy meets the same incidents with the same durations. The first SCENARIO
    under the first policy is the base; the others are told as differences from it.
    """
    from scenarios.compare import compare as run_comparison
    from scenarios.packaging import load_scenario

    cities = [load_scenario(each) for each in scenarios]
    _check_distinct(scenarios, cities)
    result = run_comparison(
        cities,
        policies,
        hospitals=hospitals or (),
        replications=replications,
        seed=seed,
        workers=workers,
        cluster=cluster,
        checkpoint=checkpoint,
        out=out,
        bound=bound,
        ready=_warning(hospitals or (), named=len(cities) > 1),
        progress=True,
    )
    lines = [*comparison_lines(result.summary), f"wrote {out}"]
    report({"out": out} | result.summary, lines, as_json=as_json)


@click.command()
@click.argument("run", metavar="RUN|LOG")
@click.option("--policy", help=f"Another policy: {POLICIES}")
@click.option(
    "--scenario", help="Where the scenario is now, if it was moved; of a log, the one it is of."
)
@workers_option
@click.option("--out", required=True, type=FOLDER_OUT, help="Folder of the new run.")
@json_option
@click.pass_context
def replay(  # numpydoc ignore=PR01
    ctx: click.Context,
    run: str,
    policy: str | None,
    scenario: str | None,
    workers: int,
    out: Path,
    as_json: bool,
) -> None:
    """Play the incidents of a run again, under its policy or another.

    Under its own policy events, incidents and summary must come out the same, byte by
    byte; it exits with 1 where they do not. A run that 'bluelight export-log' wrote is made
    anew of the records in it. Of a LOG (of 'bluelight serve') the whole time is played, as
    people decided or under a policy.
    """
    if "://" in run or Path(run).is_file():
        city = _city_of(run, scenario)
        if policy is None:
            ctx.invoke(export_log, log=run, scenario=city, out=out, as_json=as_json)
            return
        with TemporaryDirectory() as folder:
            _export_quietly(run, city, Path(folder) / "day")
            result = _again(Path(folder) / "day", policy, None, workers, out)
    else:
        result = _again(Path(run), policy, scenario, workers, out)
    identical, differing, made = result.identical, result.differing, result.run
    verdicts = {
        True: "identical: the same bytes as the run",
        False: f"differs from the run: {', '.join(differing)}",
        None: f"under another policy than the run: {made.policy}",
    }
    document: dict[str, Any] = {"identical": identical, "differing": differing, "out": out}
    if identical is None:
        document["comparison"] = result.comparison
    told = [*recorded_lines(made.recorded), *paired_lines(result.comparison, made.policy)]
    lines = [*run_lines(made.summary), *told, verdicts[identical], f"wrote {out}"]
    report(document | made.summary, lines, as_json=as_json)
    if identical is False:
        ctx.exit(DIFFERS)


def _check_distinct(given: Sequence[str], cities: Sequence[Scenario]) -> None:
    """Refuse to compare a scenario with itself."""
    first: dict[str, str] = {}
    for name, city in zip(given, cities, strict=True):
        if city.hash in first:
            other = first[city.hash]
            same = (
                f"{other} is given twice" if name == other else f"{other} and {name} are the same"
            )
            raise InputError(
                f"{same}: {city.settings.name} with hash {city.hash[:12]}",
                field="SCENARIO",
                fix="name each scenario once",
            )
        first[city.hash] = name


def _warning(
    hospitals: Sequence[str | None], *, named: bool = False
) -> Callable[[Scenario, Tables], None]:
    """Say once when nobody is on duty, where nobody comes to, and what is chosen for nothing."""
    said: set[str] = set()

    def warn(city: Scenario, tables: Tables) -> None:
        from scenarios.duty import duty_gaps
        from scenarios.hospitals import unused_choice
        from scenarios.reach import unserved_zones

        of = f"{city.settings.name}: " if named else ""
        gaps = (*duty_gaps(city), *unserved_zones(city, tables), *unused_choice(city, *hospitals))
        for gap in (f"{of}{gap}" for gap in gaps):
            if gap not in said:
                click.echo(f"warning: {gap}", err=True)
            said.add(gap)

    return warn


def _again(
    run: Path, policy: str | None, scenario: str | None, workers: int, out: Path
) -> ReplayResult:
    """Play a run again, or make a recorded one anew."""
    from scenarios.recorded import AS_DECIDED
    from scenarios.replay import manifest_of, replay

    if policy is None and manifest_of(run)["policy"]["id"] == AS_DECIDED:
        from api.live.exporting import rebuild

        return rebuild(run, out)
    return replay(run, policy, scenario, out, workers=workers, progress=True)


def _city_of(log: str, scenario: str | None) -> str:
    if scenario is None:
        raise InputError(
            f"{log} is a log, which does not hold its city",
            field="--scenario",
            fix="name the scenario that it was kept with",
        )
    return scenario


def _export_quietly(log: str, scenario: str, out: Path) -> None:
    from api.live.exporting import Asked, export_log, open_log
    from scenarios.packaging import load_scenario

    store = open_log(log)
    try:
        export_log(store, load_scenario(scenario), Asked(), out)
    finally:
        store.close()
