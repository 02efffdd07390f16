"""Simulate a scenario and keep the run."""

from __future__ import annotations

import hashlib
import json
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from scenarios.breakdown import FILES as TABLES
from scenarios.breakdown import breakdown, write_breakdown
from scenarios.checkpoints import Checkpoint
from scenarios.draws import drawn, to_draw
from scenarios.fleet_work import FleetWork, joined, work_of
from scenarios.folders import check_replaceable, staged_folder
from scenarios.hospital_waits import grouped, summarise_waits, waits_of
from scenarios.hospitals import choice_of, choosing
from scenarios.measures import Measures, measure
from scenarios.observations import Observations, observe
from scenarios.policies import NamedPolicy, load_policy
from scenarios.precision import Precision, Stopping
from scenarios.provenance import provenance
from scenarios.replications import outcomes
from scenarios.report import render_run_report
from scenarios.run_tables import (
    EVENT_LOG,
    EVENT_WRITING,
    INCIDENTS,
    WRITING,
    Names,
    incident_table,
    write_events,
)
from scenarios.simulation.tables import build_tables
from scenarios.simulation.timeline import with_failures
from scenarios.summary import summarise
from scenarios.terrain import terrain_of

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Sequence
    from pathlib import Path

    import pandas as pd

    from engine.dispatch import Policy
    from scenarios.demand import IncidentTable
    from scenarios.hospital_waits import HospitalWaits
    from scenarios.package import Scenario
    from scenarios.simulation.run import Outcome
    from scenarios.simulation.tables import Tables

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
    table : DataFrame
        The content of ``statistics.csv``; see `scenarios.breakdown`.
    folder : Path or None
        Where it is kept.
    precision : dict or None
        What was asked for where replications were to stop by themselves, and whether it
        was reached; see `scenarios.precision.Stopping.to_json_dict`.
    recorded : dict or None
        Of a day that was recorded rather than simulated: whence, and what of it a run
        cannot say.
    """

    scenario: Scenario
    policy: str
    seed: int
    replications: int
    incidents: pd.DataFrame
    observations: Observations
    measures: Measures
    summary: dict[str, Any]
    table: pd.DataFrame
    folder: Path | None = None
    precision: dict[str, Any] | None = None
    recorded: dict[str, Any] | None = None


def unheard(scenario: Scenario, tables: Tables) -> None:
    """Do nothing, where nobody wants to know what is to be simulated.

    Parameters
    ----------
    scenario : Scenario
        The scenario.
    tables : Tables
        Its tables.
    """


def simulate(
    scenario: Scenario,
    *,
    policy: str | Policy = "closest-v1",
    hospital: str | None = None,
    replications: int | None = None,
    seed: int = 1,
    workers: int = 1,
    cluster: str | None = None,
    precision: Precision | None = None,
    checkpoint: Path | None = None,
    out: Path | None = None,
    ready: Callable[[Scenario, Tables], None] = unheard,
    progress: bool = False,
) -> RunResult:
    """Simulate the incidents of a scenario under a dispatch policy.

    Parameters
    ----------
    scenario : Scenario
        The scenario.
    policy : str or Policy
        An id, ``file.py:Class``, or an object with ``decide``.
    hospital : str, optional
        Id of the policy that chooses the hospital, in place of what the scenario says.
    replications : int, optional
        How many times the horizon is simulated, each with incidents of its own; 20, or
        1 where the scenario's incidents are given.
    seed : int
        Which incidents: the same seed gives the same ones whatever the policy.
    workers : int
        Processes; the result does not depend on it.
    cluster : str, optional
        Address of a Dask scheduler, whose processes are used instead.
    precision : Precision, optional
        Replicate until a figure is known as closely; `replications` does not count.
    checkpoint : Path, optional
        Folder to keep finished replications in, and to take those from that are there.
    out : Path, optional
        Folder to keep the run in; an earlier run there is replaced.
    ready : callable
        Told of the scenario and its tables once it is known that it can be simulated.
    progress : bool
        Show a bar on a terminal.

    Returns
    -------
    RunResult
        The run.

    Raises
    ------
    InputError
        A value is out of range, a policy is unknown or breaks its promises, or the
        scenario cannot be simulated.
    """
    named = as_policy(policy)
    scenario = choosing(scenario, hospital)
    incidents: Sequence[IncidentTable]
    if precision is None:
        incidents = drawn(scenario, replications=replications, seed=seed, workers=workers)
        stopping = None
    else:
        incidents = to_draw(scenario, precision, seed)
        stopping = Stopping(precision, scenario)
    if out is not None:
        check_replaceable(out, MARKER)
    options: dict[str, Any] = {
        "seed": seed,
        "workers": workers,
        "cluster": cluster,
        "stopping": stopping,
        "checkpoint": Checkpoint(checkpoint, scenario, named, seed) if checkpoint else None,
        "progress": progress,
    }
    if out is None:
        tables = build_tables(scenario, movable=named.moves)
        ready(scenario, tables)
        return run(scenario, tables, named, incidents, **options)
    with staged_folder(out, MARKER) as stage:
        tables = build_tables(scenario, movable=named.moves)
        ready(scenario, tables)
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


def run(
    scenario: Scenario,
    tables: Tables,
    policy: NamedPolicy,
    incidents: Sequence[IncidentTable],
    *,
    seed: int,
    workers: int = 1,
    cluster: str | None = None,
    stopping: Stopping | None = None,
    checkpoint: Checkpoint | None = None,
    progress: bool = False,
    folder: Path | None = None,
) -> RunResult:
    """Simulate given incidents, and write the run into a folder.

    Parameters
    ----------
    scenario : Scenario
        The scenario.
    tables : Tables
        Its travel tables, with ways to every station where the policy moves units.
    policy : NamedPolicy
        Who is sent.
    incidents : sequence of IncidentTable
        The incidents of each replication.
    seed : int
        What they were drawn with, for the record.
    workers : int
        Processes.
    cluster : str, optional
        Address of a Dask scheduler, whose processes are used instead.
    stopping : Stopping, optional
        Tells after which replication there are enough.
    checkpoint : Checkpoint, optional
        Where finished replications are kept and found.
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
    if policy.asks:
        policy = policy.at(terrain_of(scenario, tables))
    done = _replicated(
        scenario,
        tables,
        policy,
        incidents,
        checkpoint,
        seed=seed,
        workers=workers,
        cluster=cluster,
        progress=progress,
    )
    with closing(done):
        return gathered(
            scenario, done, policy, seed=seed, most=len(incidents), stopping=stopping, folder=folder
        )


def gathered(
    scenario: Scenario,
    done: Iterable[Outcome],
    policy: NamedPolicy,
    *,
    seed: int,
    most: int,
    stopping: Stopping | None = None,
    folder: Path | None = None,
    recorded: dict[str, Any] | None = None,
) -> RunResult:
    """Make a run of what came out of its replications.

    Parameters
    ----------
    scenario : Scenario
        The scenario.
    done : iterable of Outcome
        What came out, by replication.
    policy : NamedPolicy
        Who decided.
    seed : int
        What the incidents were drawn with, for the record.
    most : int
        How many replications there can be.
    stopping : Stopping, optional
        Tells after which replication there are enough.
    folder : Path, optional
        An empty folder to write the run into.
    recorded : dict, optional
        As of `RunResult`.

    Returns
    -------
    RunResult
        The run.
    """
    frame, work, waits, replications = _collect(scenario, done, most, stopping, folder)
    # a recorded day does not say when a handover began
    known = None if recorded else grouped(scenario, waits, replications)
    seen = observe(scenario, frame, work, replications, known)
    measures = measure(seen)
    header = {
        "schema_version": 1,
        "scenario": {"name": scenario.settings.name, "hash": scenario.hash},
        "policy": policy.id,
        "seed": seed,
        "replications": replications,
        "days": scenario.settings.horizon.days,
        **({"recorded": recorded} if recorded else {}),
    }
    result = RunResult(
        scenario=scenario,
        policy=policy.id,
        seed=seed,
        replications=replications,
        incidents=frame,
        observations=seen,
        measures=measures,
        summary={
            **summarise(seen, measures, header),
            **({} if recorded else summarise_waits(scenario, waits)),
        },
        table=breakdown(seen, measures),
        folder=folder,
        precision=stopping.to_json_dict() if stopping else None,
        recorded=recorded,
    )
    if folder is not None:
        _write(result, policy, folder)
    return result


def _replicated(
    scenario: Scenario,
    tables: Tables,
    policy: NamedPolicy,
    incidents: Sequence[IncidentTable],
    checkpoint: Checkpoint | None,
    *,
    seed: int,
    **options: Any,
) -> Generator[Outcome]:
    """Simulate the replications that no checkpoint holds, and give all in their order."""
    numbers = range(len(incidents))
    missing = [r for r in numbers if checkpoint is None or not checkpoint.has(r)]
    work = ((incidents[r], with_failures(tables.timeline, scenario, seed, r)) for r in missing)
    fresh = outcomes(tables, work, len(missing), policy, **options)
    with closing(fresh):
        for number in numbers:
            if checkpoint is None:
                yield next(fresh)
            elif checkpoint.has(number):
                yield checkpoint.read(number, incidents[number])
            else:
                outcome = next(fresh)
                checkpoint.write(number, outcome)
                yield outcome


def _collect(
    scenario: Scenario,
    done: Iterable[Outcome],
    most: int,
    stopping: Stopping | None,
    folder: Path | None,
) -> tuple[pd.DataFrame, FleetWork, list[HospitalWaits], int]:
    """Gather incidents, what units did, waits at hospitals, and how many replications there were.

    Events go straight to the file.
    """
    names = Names(scenario)
    parts, works, waits = [], [], []
    with ExitStack() as stack:
        files = {
            name: stack.enter_context(pq.ParquetWriter(folder / name, schema, **writing))
            for name, schema, writing in (
                (EVENTS_FILE, EVENT_LOG, EVENT_WRITING),
                (INCIDENTS_FILE, INCIDENTS, WRITING),
            )
            if folder is not None
        }
        for replication, outcome in enumerate(done):
            parts.append(incident_table(outcome, replication, names))
            if files:
                write_events(files[EVENTS_FILE], outcome, replication, names)
                files[INCIDENTS_FILE].write_table(parts[-1])
            works.append(work_of(outcome, most, scenario.settings.horizon, len(scenario.units)))
            waits.append(waits_of(outcome, len(scenario.zones)))
            if stopping is not None and stopping.enough(outcome):
                break
    return pa.concat_tables(parts).to_pandas(), joined(works), waits, len(parts)


def _write(result: RunResult, policy: NamedPolicy, folder: Path) -> None:
    write_json(folder / SUMMARY_FILE, result.summary)
    write_breakdown(result.table, folder)
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
        **choice_of(scenario),
        "seed": result.seed,
        "replications": result.replications,
        **({"precision": result.precision} if result.precision else {}),
        **({"recorded": result.recorded} if result.recorded else {}),
        "files": {name: digest(folder / name) for name in (*REPEATABLE, *TABLES)},
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
