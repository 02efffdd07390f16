"""How many vehicles a city needs, and which shifts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from api.commands.destinations import (
    FileOut,
    check_destinations,
    check_picture,
    has_title,
    json_with,
    table_with,
)
from api.options import (
    FILE_IN,
    FILE_OUT,
    FOLDER_OUT,
    FiniteRange,
    json_option,
    scenario_argument,
    seed_option,
    workers_option,
)
from api.output import json_text, report
from api.staff_words import staff_lines

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from engine.shifts import Roster
    from scenarios.staffing import Staffing

_COLUMNS = ("ground", "name", "unit_type", "weekday", "hour", "load")


@click.command()
@scenario_argument
@click.option(
    "--method",
    default="risk",
    show_default=True,
    help="risk, frequency, erlang-b or erlang-c: what vehicles, shifts and simulation go by.",
)
@click.option(
    "--safety",
    type=FiniteRange(0, 1, min_open=True, max_open=True),
    default=0.95,
    show_default=True,
    help="Of risk and Erlang: 1 less the probability of a shortfall.",
)
@click.option(
    "--utilisation",
    type=FiniteRange(0, 1, min_open=True),
    default=0.4,
    show_default=True,
    help="Of frequency: share of its time that a vehicle may be at work.",
)
@click.option(
    "--least",
    type=click.IntRange(0, 1000),
    default=1,
    show_default=True,
    help="Vehicles of each ground at any hour.",
)
@click.option(
    "--by",
    default="hour",
    show_default=True,
    help="hour of the week; day-kind: hours of workdays, Saturdays, Sundays; or week.",
)
@click.option(
    "--ground",
    default="station",
    show_default=True,
    help="What vehicles are counted for: station, district or city.",
)
@click.option(
    "--until",
    default="station",
    show_default=True,
    help="A vehicle is busy until it is back at its station, or free to be sent.",
)
@click.option("--shifts", "shift_file", type=FILE_IN, help="TOML with the shifts to cover it by.")
@click.option(
    "--simulate",
    "replications",
    type=click.IntRange(2, 100_000),
    metavar="R",
    help="Simulate the sized fleet so many times, and put the outcome beside the promise.",
)
@seed_option
@workers_option
@click.option("--out", required=True, type=FILE_OUT, help="staffing.json.")
@click.option("--csv", "csv_file", type=FILE_OUT, help="Also a table: a row a ground and hour.")
@click.option("--picture", type=FILE_OUT, help="Also a heat map: .png or .svg.")
@click.option(
    "--scenario",
    "staffed",
    type=FOLDER_OUT,
    help="Also the scenario with the largest need of each ground.",
)
@json_option
def staff(  # numpydoc ignore=PR01
    scenario: str,
    shift_file: Path | None,
    replications: int | None,
    seed: int,
    workers: int,
    out: Path,
    csv_file: Path | None,
    picture: Path | None,
    staffed: Path | None,
    as_json: bool,
    **asked: Any,
) -> None:
    """Size the fleet by hour and weekday, as German requirement plans do.

    risk: so few vehicles that more incidents run at once with at most the probability
    that the safety level leaves (Poisson). frequency: so few that the time at work fits
    into the utilisation. erlang-b, erlang-c: so few that at most such a share of
    incidents finds none free and is served from elsewhere, or waits.

    Shifts are TOML: longest_h = 12, then for each kind [[shifts]] with name = "day",
    hours = 12, starts = [7]; if need be days = ["Mon", "Tue"], cost, breaks = [5].
    """
    from scenarios.folders import write_atomically
    from scenarios.packaging import load_scenario, save_scenario
    from scenarios.shift_rules import cover_grounds, read_shift_rules

    check_picture(picture)
    outputs = [
        FileOut("--out", out, json_with("kind", "grounds")),
        FileOut("--csv", csv_file, table_with(_COLUMNS)),
        FileOut("--picture", picture, _is_picture),
    ]
    check_destinations(scenario, outputs, ("--scenario", staffed))
    question = _question(asked)
    rules = read_shift_rules(shift_file) if shift_file else None

    from scenarios.staffing import size_fleet
    from scenarios.staffing_truth import simulate_staffing, staffed_scenario

    staffing = size_fleet(load_scenario(scenario), question)
    for said in staffing.unserved:
        click.echo(f"warning: {said}", err=True)
    document = staffing.to_json_dict()
    rosters = None
    if rules is not None:
        rosters = cover_grounds(staffing, rules)
        document["shifts"] = _shift_document(staffing, rosters)
    if replications is not None:
        document["simulated"] = simulate_staffing(
            staffing, replications=replications, seed=seed, workers=workers, progress=True
        )
    files = {out: json_text(document).encode()}
    if csv_file is not None:
        files[csv_file] = _csv(staffing, rosters)
    if picture is not None:
        from scenarios.staffing_figure import staffing_figure

        files[picture] = staffing_figure(staffing, rosters, picture.suffix[1:])
    sized = None if staffed is None else staffed_scenario(staffing)
    for path, data in files.items():
        write_atomically(path, data)
    lines = [*staff_lines(document), *(f"wrote {path}" for path in files)]
    if staffed is not None and sized is not None:
        digest = save_scenario(sized, staffed)
        lines.append(f"wrote {staffed} (hash {digest[:12]})")
    report(document, lines, as_json=as_json)


def _question(asked: dict[str, Any]) -> Any:
    from engine.staffing import Levels
    from scenarios.staffing import Question

    levels = Levels(asked["safety"], asked["utilisation"], asked["least"])
    return Question(asked["method"], levels, asked["by"], asked["ground"], asked["until"])


def _shift_document(staffing: Staffing, rosters: Sequence[Roster]) -> dict[str, Any]:
    pairs = zip(staffing.grounds, rosters, strict=True)
    return {
        "cost": sum(roster.cost for roster in rosters),
        "bound": sum(roster.bound for roster in rosters),
        "proven": all(roster.proven for roster in rosters),
        "rosters": [
            {"ground": ground.id, "unit_type": ground.unit_type, **roster.to_json_dict()}
            for ground, roster in pairs
        ],
    }


def _csv(staffing: Staffing, rosters: Sequence[Roster] | None) -> bytes:
    """Write a row a ground and hour of the week."""
    import pandas as pd

    from engine.shifts import WEEK_H, WEEKDAYS

    parts = []
    for row, ground in enumerate(staffing.grounds):
        columns: dict[str, Any] = {
            "ground": ground.id,
            "name": ground.name,
            "unit_type": ground.unit_type,
            "weekday": [WEEKDAYS[hour // 24] for hour in range(WEEK_H)],
            "hour": [hour % 24 for hour in range(WEEK_H)],
            "load": [f"{load:.6f}" for load in ground.load],
        }
        for method, need in staffing.needs.items():
            columns[f"need_{method.replace('-', '_')}"] = need[row]
        if rosters is not None:
            columns["on_shift"] = rosters[row].covered
        parts.append(pd.DataFrame(columns))
    text: str = pd.concat(parts).to_csv(index=False, lineterminator="\n")
    return text.encode()


def _is_picture(path: Path) -> bool:
    from scenarios.staffing_figure import FIGURE_TITLE

    return has_title(path, FIGURE_TITLE)
