"""The command ``bluelight benchmark``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click
from click.core import ParameterSource

from api.options import FILE_OUT, FiniteRange, json_option, names, workers_option
from api.output import json_text, report, table
from benchmarks.bars import bar_lines

if TYPE_CHECKING:
    from pathlib import Path

_DEFAULT: Final = ("reykjavik", "130k")
_ALL: Final = ("reykjavik", "130k", "630k", "2500k")
_STATIONING: Final = "stationing"
_SIMULATION: Final = "simulation"
_POLICIES: Final = "policies"
_HINDSIGHT: Final = "hindsight"
_DECISIONS: Final = "decisions"
_FOREIGN: Final = {
    "routing": ("chosen", "bounds", "workers"),
    _STATIONING: ("graphs", "city", "full", "rounds", "check", "bounds", "workers"),
    _SIMULATION: ("graphs", "city", "full", "check", "budget", "chosen", "bounds", "workers"),
    _POLICIES: ("graphs", "full", "check", "budget"),
    _HINDSIGHT: ("graphs", "city", "full", "check", "budget", "bounds", "picture"),
    _DECISIONS: (
        *("graphs", "city", "full", "peers", "check", "budget", "chosen", "bounds", "workers"),
        "picture",
    ),
}
"""Options that are of other benchmarks alone."""
_ROUNDS: Final = 5
_REPLICATIONS: Final = 24
_LISTS: Final = 20
_BUDGET_S: Final = {"routing": 20.0, _STATIONING: 60.0}


@click.command()
@click.argument("name", required=False, metavar="[NAME]")
@click.option(
    "--graph",
    "graphs",
    multiple=True,
    help="130k, 630k or 2500k nodes, generated; or a scenario. May be given several times.  "
    f"[default: {', '.join(_DEFAULT)}]",
)
@click.option("--city", multiple=True, help="A further scenario; of policies: only this city.")
@click.option("--full", is_flag=True, help=f"Also {', '.join(_ALL)}; takes hours.")
@click.option(
    "--peers",
    default="",
    help="Names with commas between; of policies and hindsight: those of simulate.  "
    "[default: all installed]",
)
@click.option(
    "--rounds",
    type=click.IntRange(1, 10_000),
    help="How often each contestant is asked; of policies: replications, two at least; of "
    "hindsight: lists.  [default: 5; policies: 24; hindsight: 20]",
)
@click.option(
    "--budget",
    type=FiniteRange(0, min_open=True),
    help="Seconds for a contestant and a task; a slow one answers a smaller share. Of "
    "stationing: for a peer and a case.  [default: 20; stationing: 60]",
)
@click.option(
    "--check",
    type=FiniteRange(0),
    default=120.0,
    show_default=True,
    help="Seconds for SciPy to find the answers to the largest questions, for each graph.",
)
@click.option(
    "--set",
    "chosen",
    help="Stationing: small takes minutes, full hours; or a family of cases alone. Policies, "
    "hindsight: test, or the incidents that settings were chosen on, train.  "
    "[default: small; test]",
)
@click.option(
    "--bounds",
    type=click.IntRange(0, 10_000),
    default=0,
    show_default=True,
    help="Policies: replications of which the best possible is sought, at light and usual "
    "loads; minutes each.",
)
@workers_option
@click.option("--picture", type=FILE_OUT, help="Also draw the times, as SVG.")
@click.option("--out", required=True, type=FILE_OUT, help="results.json.")
@json_option
@click.pass_context
def benchmark(  # numpydoc ignore=PR01
    context: click.Context,
    name: str | None,
    graphs: tuple[str, ...],
    city: tuple[str, ...],
    full: bool,
    peers: str,
    rounds: int | None,
    budget: float | None,
    check: float,
    chosen: str | None,
    bounds: int,
    workers: int,
    picture: Path | None,
    out: Path,
    as_json: bool,
) -> None:
    """Measure bluelight beside its peers, in one run on this machine.

    NAME is routing, which is also run if none is given: times of shortest-path questions,
    one thread each; stationing: times of location problems until a plan is proven, each
    case asked once, peers as they come; simulation: incidents a second of event loops
    that give the same responses; policies: who is late how often, on the same incidents
    of the standard scenarios; hindsight: how far they are from the best plans in hindsight,
    on lists of 300 incidents of Utrecht; or decisions: how long answers take with 1,000
    units and 50 incidents, and what becomes of solvers that hang. The results carry
    revision, versions, machine, and the bar of each figure with what was measured.

    Published location problems and cities are read from the folder that
    BLUELIGHT_REFERENCE_DATA names; without it those cases are left out.
    """
    # help must not wait for the contestants' packages
    from scenarios.folders import write_atomically  # noqa: PLC0415

    _check_options(context, name)
    seconds = _BUDGET_S.get(name or "routing", 0.0) if budget is None else budget
    wanted_peers = names(peers) if peers else ()
    if name == _STATIONING:
        from benchmarks.results import stationing_results  # noqa: PLC0415
        from benchmarks.stationing_report import draw as draw_plans  # noqa: PLC0415
        from benchmarks.stationing_report import lines_of as lines_of_plans  # noqa: PLC0415

        document = stationing_results(chosen or "small", wanted_peers, budget_s=seconds, say=_say)
        measured = [document["results"][_STATIONING]]
        lines = lines_of_plans(measured[0])
        drawn = None if picture is None else draw_plans(measured[0])
    elif name == _SIMULATION:
        from benchmarks.results import simulation_results  # noqa: PLC0415
        from benchmarks.simulation_report import draw as draw_rates  # noqa: PLC0415
        from benchmarks.simulation_report import lines_of as lines_of_rates  # noqa: PLC0415

        document = simulation_results(wanted_peers, rounds=rounds or _ROUNDS, say=_say)
        measured = [document["results"][_SIMULATION]]
        lines = lines_of_rates(measured[0])
        drawn = None if picture is None else draw_rates(measured[0])
    elif name == _POLICIES:
        from benchmarks.policy_report import draw as draw_late  # noqa: PLC0415
        from benchmarks.policy_report import lines_of as lines_of_policies  # noqa: PLC0415
        from benchmarks.results import policy_results  # noqa: PLC0415

        document = policy_results(
            chosen or "test",
            wanted_peers,
            city,
            replications=rounds or _REPLICATIONS,
            bounds=bounds,
            workers=workers,
            say=_say,
        )
        measured = [document["results"][_POLICIES]]
        lines = lines_of_policies(measured[0])
        drawn = None if picture is None else draw_late(measured[0])
    elif name == _HINDSIGHT:
        document, lines = _hindsight(chosen or "test", wanted_peers, rounds or _LISTS, workers)
        measured, drawn = [document["results"][_HINDSIGHT]], None
    elif name == _DECISIONS:
        document, lines = _decisions(rounds or _ROUNDS)
        measured, drawn = [document["results"][_DECISIONS]], None
    else:
        from benchmarks.picture import draw  # noqa: PLC0415
        from benchmarks.results import results  # noqa: PLC0415

        wanted = dict.fromkeys([*(_ALL if full else ()), *graphs, *city] or _DEFAULT)
        document = results(
            name,
            tuple(wanted),
            wanted_peers,
            rounds=rounds or _ROUNDS,
            budget_s=seconds,
            check_s=check,
            say=_say,
        )
        measured = document["results"]["routing"]
        lines = [line for each in measured for line in lines_of(each)]
        drawn = None if picture is None else draw(measured)
    write_atomically(out, json_text(document).encode())
    if picture is not None and drawn is not None:
        write_atomically(picture, drawn)
    report(document, [*lines, f"wrote {out}"], as_json=as_json)
    if any(each["wrong"] for each in measured):
        raise click.exceptions.Exit(1)


def _hindsight(
    chosen: str, policies: tuple[str, ...], lists: int, workers: int
) -> tuple[dict[str, Any], list[str]]:
    from benchmarks.hindsight import lines_of as lines_of_lists  # noqa: PLC0415
    from benchmarks.results import hindsight_results  # noqa: PLC0415

    document = hindsight_results(chosen, policies, lists=lists, workers=workers, say=_say)
    return document, lines_of_lists(document["results"][_HINDSIGHT])


def _decisions(rounds: int) -> tuple[dict[str, Any], list[str]]:
    from benchmarks.decisions import lines_of as lines_of_decisions  # noqa: PLC0415
    from benchmarks.results import decision_results  # noqa: PLC0415

    document = decision_results(rounds=rounds, say=_say)
    return document, lines_of_decisions(document["results"][_DECISIONS])


def _say(text: str) -> None:
    click.echo(text, err=True)


def _check_options(context: click.Context, name: str | None) -> None:
    """Refuse an option of the other benchmark rather than ignore it."""
    mine = name if name in _FOREIGN else "routing"
    for parameter in context.command.params:
        given = context.get_parameter_source(parameter.name or "") is ParameterSource.COMMANDLINE
        if given and parameter.name in _FOREIGN[mine]:
            owner = next(
                each for each, not_its in _FOREIGN.items() if parameter.name not in not_its
            )
            raise click.BadParameter(f"is of the benchmark {owner}", context, parameter)


def lines_of(document: dict[str, Any]) -> list[str]:
    """Lay out what was measured on a graph.

    Parameters
    ----------
    document : dict
        Of one graph.

    Returns
    -------
    list of str
        Lines.
    """
    seated = {
        name: each for name, each in document["contestants"].items() if "preparation_s" in each
    }
    head = (
        f"{document['graph']}: {document['nodes']:,} nodes, {document['arcs']:,} arcs; "
        f"SciPy found the answers of {document['rows_known']:,} rows"
    )
    lines = [
        head,
        "",
        *table(
            ["<median ms", *seated],
            [
                *(
                    (task["title"], *(_cell(task["contestants"].get(name)) for name in seated))
                    for task in document["tasks"]
                ),
                ("preparation, s", *(f"{each['preparation_s']:.2f}" for each in seated.values())),
                ("peak memory, MB", *(f"{each['peak_mb']:.0f}" for each in seated.values())),
            ],
        ),
        "* a share of the rows, scaled up",
        "",
        *bar_lines(document["bars"]),
        "",
    ]
    if document["roof"] is not None:
        lines.append(
            "full rows move {rows_gb_s:.1f} GB/s of {triad_gb_s:.1f} GB/s (triad): "
            "{share:.0%}".format(**document["roof"])
        )
    for name, each in document["contestants"].items():
        if "missing" in each:
            lines.append(f"{name} is not installed: {each['missing']}")
    lost = {name: each["lost"] for name, each in document["contestants"].items() if "lost" in each}
    for task in document["tasks"]:
        for name, each in task["contestants"].items():
            if "lost" in each:
                lost[name] = f"{each['lost']} ({task['title']})"
    lines += [f"gave up: {reason}" for reason in lost.values()]
    wrong = document["wrong"]
    lines.append(f"answers not equal: {', '.join(wrong)}" if wrong else "all answers equal: yes")
    unchecked = [name for name, each in seated.items() if not each["checked"]]
    if unchecked:
        lines.append(f"timed, not checked: {', '.join(unchecked)}")
    return [*lines, ""]


def _cell(times: dict[str, Any] | None) -> str | None:
    if times is None or "median_ms" not in times:
        return None
    ms = times["median_ms"]
    text = f"{ms:,.0f}" if ms >= 100 else f"{ms:.3g}"
    return text + ("*" if "share" in times else "")
