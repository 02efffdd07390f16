"""Policies and station plans side by side, on the very same incidents."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Any, Final

from routing.errors import InputError
from scenarios.best_possible import BestPossible, best_possible
from scenarios.checkpoints import Checkpoint
from scenarios.draws import drawn
from scenarios.folders import check_replaceable, staged_folder
from scenarios.hospitals import choice_of, choosing, policy_of
from scenarios.report import render_comparison_report
from scenarios.runs import REPORT_FILE, as_policy, run, unheard, write_json
from scenarios.simulation.tables import build_tables

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from engine.dispatch import Policy
    from scenarios.demand import IncidentTable
    from scenarios.package import Scenario
    from scenarios.policies import NamedPolicy
    from scenarios.runs import RunResult
    from scenarios.simulation.tables import Tables

MARKER: Final = "comparison.json"
"""The file that tells a comparison folder."""


@dataclass(frozen=True, eq=False)
class Comparison:
    """Runs on the same incidents; the first is what the others are compared with.

    Parameters
    ----------
    labels : tuple of str
        What tells each run from the others.
    runs : tuple of RunResult
        In the order of scenarios, then policies.
    differences : tuple of dict
        Each run but the first, minus the first, paired: estimates under the names that
        they have in ``summary.json``.
    summary : dict
        The content of ``comparison.json``.
    folder : Path or None
        Where it is kept.
    """

    labels: tuple[str, ...]
    runs: tuple[RunResult, ...]
    differences: tuple[dict[str, Any], ...]
    summary: dict[str, Any]
    folder: Path | None = None


def compare(
    scenarios: Sequence[Scenario],
    policies: Sequence[str | Policy],
    *,
    hospitals: Sequence[str] = (),
    replications: int | None = None,
    seed: int = 1,
    workers: int = 1,
    cluster: str | None = None,
    checkpoint: Path | None = None,
    out: Path | None = None,
    bound: bool = False,
    ready: Callable[[Scenario, Tables], None] = unheard,
    progress: bool = False,
) -> Comparison:
    """Simulate every scenario under every policy, and hospital policy, on the same incidents.

    Parameters
    ----------
    scenarios : sequence of Scenario
        They may differ in stations and units, not in demand.
    policies : sequence of str or Policy
        As in `scenarios.runs.simulate`.
    hospitals : sequence of str
        Ids of policies that choose the hospital, in place of what the scenarios say.
    replications, seed, workers, cluster
        As there.
    checkpoint : Path, optional
        As there: a folder, with one for each run in it.
    out : Path, optional
        Folder for the comparison and its runs; an earlier one there is replaced.
    bound : bool
        Find, for the first scenario, how few incidents anyone could have reached late,
        had they known them all; see `scenarios.clairvoyance`.
    ready : callable
        Told of each scenario and its tables before it is simulated.
    progress : bool
        Show a bar on a terminal.

    Returns
    -------
    Comparison
        The runs, and their paired differences from the first.

    Raises
    ------
    InputError
        There is nothing to compare, the scenarios' incidents differ, or one of them
        cannot be simulated.
    """
    named = [as_policy(policy) for policy in policies]
    chosen = [choosing(each, name) for each in scenarios for name in hospitals or (None,)]
    pairs = list(product(chosen, named))
    kinds = ({id(each) for each in scenarios}, {id(each) for each in named}, set(hospitals))
    labels = _labels(pairs, [len(each) > 1 for each in kinds])
    if len(pairs) < 2:
        raise InputError(
            f"{len(scenarios)} scenario and {len(named)} policy are nothing to compare",
            field="--policies",
            fix="name another policy, another hospital policy or another scenario",
        )
    incidents = _shared(scenarios, replications=replications, seed=seed, workers=workers)
    options: dict[str, Any] = {
        "seed": seed,
        "workers": workers,
        "cluster": cluster,
        "progress": progress,
    }
    if out is not None:
        check_replaceable(out, MARKER)
    kept: list[Checkpoint | None] = [None] * len(pairs)
    if checkpoint:
        kept = [
            Checkpoint(checkpoint / str(number), *pair, seed) for number, pair in enumerate(pairs)
        ]
    best = best_possible(chosen[0], incidents, seed=seed, progress=progress) if bound else None
    if out is None:
        runs = _all_runs(chosen, named, incidents, kept, None, ready, options)
        return _with_bound(_compared(labels, runs), best, pairs)
    with staged_folder(out, MARKER) as stage:
        runs = _all_runs(chosen, named, incidents, kept, stage, ready, options)
        comparison = _with_bound(_compared(labels, runs), best, pairs)
        _write(comparison, stage)
    placed = (replace(r, folder=out / _run_folder(i)) for i, r in enumerate(comparison.runs))
    return replace(comparison, runs=tuple(placed), folder=out)


def _all_runs(
    scenarios: Sequence[Scenario],
    policies: Sequence[NamedPolicy],
    incidents: Sequence[IncidentTable],
    kept: Sequence[Checkpoint | None],
    folder: Path | None,
    ready: Callable[[Scenario, Tables], None],
    options: dict[str, Any],
) -> list[RunResult]:
    done: list[RunResult] = []
    for scenario in scenarios:
        tables = build_tables(scenario, movable=any(policy.moves for policy in policies))
        ready(scenario, tables)
        for policy in policies:
            place = folder / _run_folder(len(done)) if folder else None
            if place:
                place.mkdir(parents=True)
            resumed: dict[str, Any] = {"checkpoint": kept[len(done)], "folder": place}
            done.append(run(scenario, tables, policy, incidents, **resumed, **options))
    return done


def _compared(labels: tuple[str, ...], runs: Sequence[RunResult]) -> Comparison:
    differences = tuple((each.measures - runs[0].measures).to_json_dict() for each in runs[1:])
    return Comparison(labels, tuple(runs), differences, _summary(labels, runs, differences))


def _with_bound(
    comparison: Comparison,
    best: BestPossible | None,
    pairs: Sequence[tuple[Scenario, NamedPolicy]],
) -> Comparison:
    """Put the best possible into the summary, and how far the runs on the first scenario are."""
    if best is None:
        return comparison
    rows = [
        {"label": label} | best.beside(run.incidents, moves=policy.moves)
        for label, run, (scenario, policy) in zip(
            comparison.labels, comparison.runs, pairs, strict=True
        )
        if scenario is pairs[0][0]
    ]
    told = {each["label"] for each in rows}
    others = [label for label in comparison.labels if label not in told]
    found = best.to_json_dict() | {"policies": rows, "others": others}
    return replace(comparison, summary=comparison.summary | {"bound": found})


def _shared(
    scenarios: Sequence[Scenario], *, replications: int | None, seed: int, workers: int
) -> list[IncidentTable]:
    first = drawn(scenarios[0], replications=replications, seed=seed, workers=workers)
    for scenario in scenarios[1:]:
        other = drawn(scenario, replications=replications, seed=seed, workers=workers)
        same = all(a.same_as(b) for a, b in zip(first, other, strict=True))
        same &= scenario.zones.reset_index(drop=True).equals(
            scenarios[0].zones.reset_index(drop=True)
        )
        rules = [(s.settings.priorities, s.settings.standards) for s in (scenarios[0], scenario)]
        if not same or rules[0] != rules[1]:
            raise InputError(
                f"{scenario.settings.name} has other incidents than {scenarios[0].settings.name}, "
                "or other standards, so that they cannot be compared pair by pair",
                field="scenarios",
                fix="compare scenarios with the same zones, demand, rules and standards",
            )
    return first


def _labels(
    pairs: Sequence[tuple[Scenario, NamedPolicy]], several: Sequence[bool]
) -> tuple[str, ...]:
    """Name each pair by what differs: scenario, policy, hospital policy; equal names are numbered.

    `several` says of which of these there are several.
    """
    labels: list[str] = []
    for scenario, policy in pairs:
        names = (scenario.settings.name, policy.id, f"hospitals {policy_of(scenario)}")
        plain = ", ".join(name for name, differs in zip(names, several, strict=True) if differs)
        label, count = plain, 1
        while label in labels:
            count += 1
            label = f"{plain} ({count})"
        labels.append(label)
    return tuple(labels)


def _run_folder(number: int) -> str:
    return f"runs/{number}"


def _summary(
    labels: Sequence[str], runs: Sequence[RunResult], differences: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    return {
        "schema_version": 1,
        "seed": runs[0].seed,
        "replications": runs[0].replications,
        "days": runs[0].scenario.settings.horizon.days,
        "interval": runs[0].summary["interval"],
        "base": labels[0],
        "combinations": [
            {
                "label": label,
                "scenario": each.summary["scenario"],
                "policy": each.policy,
                **choice_of(each.scenario),
                "run": _run_folder(number),
                "standards": each.summary["standards"],
                "measures": each.measures.to_json_dict(),
            }
            for number, (label, each) in enumerate(zip(labels, runs, strict=True))
        ],
        "differences": [
            {"label": label, "minus": labels[0], "measures": difference}
            for label, difference in zip(labels[1:], differences, strict=True)
        ],
    }


def _write(comparison: Comparison, folder: Path) -> None:
    write_json(folder / MARKER, comparison.summary)
    report = render_comparison_report(comparison)
    (folder / REPORT_FILE).write_text(report, encoding="utf-8")
