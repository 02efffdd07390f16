"""Simulate a scenario and keep the run."""

from __future__ import annotations

import hashlib
import json
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from routing.errors import InputError
from scenarios.demand import check_seed, draw_incidents, horizon_ms
from scenarios.folders import check_replaceable, staged_folder
from scenarios.measures import Measures, measure
from scenarios.observations import Observations, observe
from scenarios.policies import NamedPolicy, load_policy
from scenarios.provenance import provenance
from scenarios.replications import run_replications
from scenarios.report import render_run_report
from scenarios.run_tables import (
    EVENT_LOG,
    INCIDENTS,
    WRITING,
    Names,
    event_table,
    incident_table,
)
from scenarios.simulation.tables import build_tables
from scenarios.simulation.timeline import with_failures
from scenarios.statistics import groups_of
from scenarios.summary import summarise

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    import pandas as pd
    from numpy.typing import NDArray

    from engine.dispatch import Policy
    from scenarios.demand import IncidentTable
    from scenarios.package import Scenario
    from scenarios.simulation.run import Outcome
    from scenarios.simulation.tables import Tables

REPLICATIONS: Final = 20
"""Replications where nothing is said."""

MARKER: Final = "manifest.json"
"""The file that tells a run folder."""

EVENTS_FILE: Final = "events.parquet"
INCIDENTS_FILE: Final = "incidents.parquet"
SUMMARY_FILE: Final = "summary.json"
REPORT_FILE: Final = "report.html"

REPEATABLE: Final = (EVENTS_FILE, INCIDENTS_FILE, SUMMARY_FILE)
"""Files whose bytes follow from scenario, policy and seed."""


@dataclass(frozen=True, eq=False)
class RunResult:
    """What a simulation gave.

    Parameters
    ----------
    scenario : Scenario
        What was simulated.
    policy : str
        Id of the policy.
    seed, replications : int
        Which incidents.
    incidents : DataFrame
        One row an incident and replication, as in ``incidents.parquet``.
    observations : Observations
        The same as arrays, for statistics.
    measures : Measures
        What was measured of it, for intervals and differences.
    summary : dict
        The content of ``summary.json``.
    folder : Path or None
        Where it is kept.
    """

    scenario: Scenario
    policy: str
    seed: int
    replications: int
    incidents: pd.DataFrame
    observations: Observations
    measures: Measures
    summary: dict[str, Any]
    folder: Path | None = None


def simulate(
    scenario: Scenario,
    *,
    policy: str | Policy = "closest-v1",
    replications: int | None = None,
    seed: int = 1,
    workers: int = 1,
    out: Path | None = None,
    progress: bool = False,
) -> RunResult:
    """Simulate the incidents of a scenario under a dispatch policy.

    Parameters
    ----------
    scenario : Scenario
        The scenario.
    policy : str or Policy
        An id, ``file.py:Class``, or an object with ``decide``.
    replications : int, optional
        How many times the horizon is simulated, each with incidents of its own; 20, or
        1 where the scenario's incidents are given.
    seed : int
        Which incidents: the same seed gives the same ones whatever the policy.
    workers : int
        Processes; the result does not depend on it.
    out : Path, optional
        Folder to keep the run in; an earlier run there is replaced.
    progress : bool
        Show a bar on a terminal.

    Returns
    -------
    RunResult
        The run.

    Raises
    ------
    InputError
        A value is out of range, the policy is unknown or breaks its promises, or the
        scenario cannot be simulated.
    """
    named = as_policy(policy)
    incidents = drawn(scenario, replications=replications, seed=seed, workers=workers)
    options: dict[str, Any] = {"seed": seed, "workers": workers, "progress": progress}
    if out is None:
        return run(scenario, build_tables(scenario), named, incidents, **options)
    check_replaceable(out, MARKER)
    with staged_folder(out, MARKER) as stage:
        tables = build_tables(scenario)
        result = run(scenario, tables, named, incidents, folder=stage, **options)
    return replace(result, folder=out)


def as_policy(policy: str | Policy) -> NamedPolicy:
    """Name a policy.

    Parameters
    ----------
    policy : str or Policy
        An id, ``file.py:Class``, or an object.

    Returns
    -------
    NamedPolicy
        The policy and its name.

    Raises
    ------
    InputError
        There is no such policy.
    """
    if isinstance(policy, str):
        return load_policy(policy)
    return NamedPolicy(str(getattr(policy, "id", type(policy).__name__)), policy)


def drawn(
    scenario: Scenario, *, replications: int | None, seed: int, workers: int
) -> list[IncidentTable]:
    """Draw the incidents of all replications, and check the numbers that decide on them.

    Parameters
    ----------
    scenario : Scenario
        The scenario.
    replications, seed, workers : int
        As in `simulate`.

    Returns
    -------
    list of IncidentTable
        One for each replication.

    Raises
    ------
    InputError
        A number is out of range, or there is no demand.
    """
    if replications is None:
        replications = REPLICATIONS if scenario.incidents is None else 1
    for value, field in ((replications, "--replications"), (workers, "--workers")):
        if value < 1:
            raise InputError(f"{value} is too few", field=field, fix="give 1 or more")
    check_seed(seed)
    if scenario.incidents is not None:
        if replications != 1:
            raise InputError(
                f"{replications} replications, but the incidents of the scenario are given",
                field="--replications",
                fix="give 1, or remove incidents.csv to draw them",
            )
        return [scenario.incidents]
    return [draw_incidents(scenario, seed, r) for r in range(replications)]


def run(
    scenario: Scenario,
    tables: Tables,
    policy: NamedPolicy,
    incidents: Sequence[IncidentTable],
    *,
    seed: int,
    workers: int = 1,
    progress: bool = False,
    folder: Path | None = None,
) -> RunResult:
    """Simulate given incidents, and write the run into a folder.

    Parameters
    ----------
    scenario : Scenario
        The scenario.
    tables : Tables
        Its travel tables.
    policy : NamedPolicy
        Who is sent.
    incidents : sequence of IncidentTable
        The incidents of each replication.
    seed : int
        What they were drawn with, for the record.
    workers : int
        Processes.
    progress : bool
        Show a bar on a terminal.
    folder : Path, optional
        An empty folder.

    Returns
    -------
    RunResult
        The run.

    Raises
    ------
    InputError
        The policy answers the impossible.
    """
    timelines = [
        with_failures(tables.timeline, scenario, seed, replication)
        for replication in range(len(incidents))
    ]
    outcomes = run_replications(
        tables, incidents, policy, timelines, workers=workers, progress=progress
    )
    frame, metres = _collect(scenario, outcomes, len(incidents), folder)
    seen = observe(scenario, frame, metres, len(incidents))
    measures = measure(seen)
    header = {
        "schema_version": 1,
        "scenario": {"name": scenario.settings.name, "hash": scenario.hash},
        "policy": policy.id,
        "seed": seed,
        "replications": len(incidents),
        "days": scenario.settings.horizon.days,
    }
    result = RunResult(
        scenario=scenario,
        policy=policy.id,
        seed=seed,
        replications=len(incidents),
        incidents=frame,
        observations=seen,
        measures=measures,
        summary=summarise(seen, measures, header),
        folder=folder,
    )
    if folder is not None:
        _write(result, policy, folder)
    return result


def _collect(
    scenario: Scenario, outcomes: Iterable[Outcome], replications: int, folder: Path | None
) -> tuple[pd.DataFrame, NDArray[np.int64]]:
    """Gather incidents and metres by group and unit; events go straight to the file."""
    names = Names(scenario)
    span = horizon_ms(scenario.settings.horizon)
    units = len(scenario.units)
    metres = []
    parts = []
    with ExitStack() as stack:
        files = {
            name: stack.enter_context(pq.ParquetWriter(folder / name, schema, **WRITING))
            for name, schema in ((EVENTS_FILE, EVENT_LOG), (INCIDENTS_FILE, INCIDENTS))
            if folder is not None
        }
        for replication, outcome in enumerate(outcomes):
            parts.append(incident_table(outcome, replication, names))
            if files:
                files[EVENTS_FILE].write_table(event_table(outcome, replication, names))
                files[INCIDENTS_FILE].write_table(parts[-1])
            metres.append(_metres(outcome, replications, span, units))
    return pa.concat_tables(parts).to_pandas(), np.concatenate(metres)


def _metres(outcome: Outcome, replications: int, span: int, units: int) -> NDArray[np.int64]:
    """Add up what each unit drove in one replication, or in each stretch of it if it is alone."""
    log = outcome.log[outcome.log["unit"] >= 0]
    before_end = np.minimum(log["time_ms"], span - 1)
    group, groups = groups_of(np.zeros(len(log), dtype=np.int64), before_end, replications, span)
    total = np.zeros((1 if replications > 1 else groups, units), dtype=np.int64)
    np.add.at(total, (group, log["unit"]), log["metres"])
    return total


def _write(result: RunResult, policy: NamedPolicy, folder: Path) -> None:
    write_json(folder / SUMMARY_FILE, result.summary)
    report = render_run_report(result.scenario, result)
    (folder / REPORT_FILE).write_text(report, encoding="utf-8")
    scenario = result.scenario
    manifest = {
        "schema_version": 1,
        "kind": "run",
        "scenario": {
            "name": scenario.settings.name,
            "hash": scenario.hash,
            "location": scenario.location,
        },
        "policy": {
            "id": policy.id,
            "parameters": policy.parameters,
            "source": policy.source,
            "sha256": policy.sha256,
        },
        "seed": result.seed,
        "replications": result.replications,
        "files": {name: digest(folder / name) for name in REPEATABLE},
        **provenance(),
    }
    write_json(folder / MARKER, manifest)


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write JSON for people and programs, without NaN.

    Parameters
    ----------
    path : Path
        The file.
    content : dict
        What it shall hold.
    """
    text = json.dumps(content, ensure_ascii=False, indent=2, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


def digest(path: Path) -> str:
    """Return the hash of a file.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    str
        ``sha256:`` and 64 digits.
    """
    return "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()
