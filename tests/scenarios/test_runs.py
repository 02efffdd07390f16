"""Run folders: what they hold, and that it follows from scenario, policy and seed alone."""

from __future__ import annotations

import json
import signal
import socket
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from engine.dispatch import DispatchState, KernelPolicy
from engine.dispatch.kernels import closest
from engine.events import EVENTS
from engine.policies import POLICIES
from engine.state import Event, FleetState, fold
from engine.survival import de_maio_2003
from routing.errors import InputError
from scenarios import pools, replications, run_tables
from scenarios.breakdown import FILES as TABLES
from scenarios.demand import draw_incidents
from scenarios.policies import load_policy
from scenarios.run_tables import (
    EVENT_LOG,
    EVENT_WRITING,
    Names,
    event_table,
    read_incidents,
    write_events,
)
from scenarios.runs import REPEATABLE, RunResult, simulate
from scenarios.settings import Settings
from scenarios.simulation.run import run_replication
from scenarios.simulation.tables import build_tables
from scenarios.statistics import Estimate
from scenarios.summary import judge
from tests.toy_city import toy_city

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

REPLICATIONS = 4
PARTS = ["processing_time", "queue_time", "turnout_time", "travel_time"]

POLICY_FILE = """
import numpy as np

class Closest:
    def decide(self, state):
        able = np.flatnonzero(state.feasible)
        return int(able[np.argmin(state.arrival_ms[able])])

class Never:
    def decide(self, state):
        return -1

class Needy:
    def __init__(self, argument):
        pass

not_a_class = 3
"""


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    """One run in a folder."""
    out = tmp_path_factory.mktemp("runs") / "run"
    return simulate(toy_city(), replications=REPLICATIONS, seed=7, out=out)


@pytest.fixture
def policy_file(tmp_path: Path) -> Path:
    """File with policies of one's own."""
    path = tmp_path / "mine.py"
    path.write_text(POLICY_FILE, encoding="utf-8")
    return path


def contents(folder: Path | None) -> dict[str, bytes]:
    assert folder is not None
    return {name: (folder / name).read_bytes() for name in REPEATABLE}


def test_the_folder_has_all_that_is_promised(kept: RunResult) -> None:
    assert kept.folder is not None
    names = {path.name for path in kept.folder.iterdir()}
    assert {*REPEATABLE, *TABLES, "manifest.json", "report.html"} == names
    manifest = json.loads((kept.folder / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["scenario"]["hash"] == "0" * 64
    assert manifest["policy"]["id"] == "closest-v1"
    assert (manifest["seed"], manifest["replications"]) == (7, REPLICATIONS)
    assert {"revision", "versions", "machine"} <= set(manifest)
    assert socket.gethostname() not in json.dumps([manifest["machine"], manifest["versions"]])
    assert json.loads((kept.folder / "summary.json").read_text(encoding="utf-8")) == kept.summary


def test_incidents_are_the_drawn_ones_and_their_parts_add_up(kept: RunResult) -> None:
    frame = pd.read_parquet(kept.folder / "incidents.parquet")  # type: ignore[operator]
    pd.testing.assert_frame_equal(frame, kept.incidents)
    np.testing.assert_allclose(frame[PARTS].sum(axis=1), frame["response_time"], atol=1e-9)
    assert (frame["turnout_time"].isin([0.0, 60.0])).all()
    assert (
        frame["district"]
        == frame["zone"].map(
            dict(zip(toy_city().zones["id"], toy_city().zones["district"], strict=True))
        )
    ).all()
    assert frame["hospital"].notna().equals(frame["transported"])
    assert frame["handover_time"].notna().equals(frame["transported"])
    for replication, table in enumerate(
        read_incidents(kept.folder / "incidents.parquet", REPLICATIONS, Names(toy_city()))  # type: ignore[operator]
    ):
        assert table.same_as(draw_incidents(toy_city(), 7, replication))


def test_the_log_folds_into_kilometres_and_agrees_with_the_incidents(kept: RunResult) -> None:
    log = pq.read_table(kept.folder / "events.parquet").to_pandas()  # type: ignore[operator]
    units = list(toy_city().units["id"])
    kinds = {name: kind for kind, name in enumerate(EVENTS)}
    metres = np.zeros(len(units), dtype=np.int64)
    for replication in range(REPLICATIONS):
        part = log[log["replication"] == replication]
        assert part["seq"].tolist() == list(range(len(part)))
        events = [
            Event(
                t, kinds[e], -1 if pd.isna(i) else int(i), -1 if pd.isna(u) else units.index(u), m
            )
            for t, e, i, u, m in zip(
                part["time_ms"],
                part["event"],
                part["incident"],
                part["unit"].astype(object),
                part["metres"],
                strict=True,
            )
        ]
        metres += fold(FleetState.at_stations(len(units)), events).metres
        arrived = part[part["event"] == "on_scene"].set_index("incident").sort_index()
        mine = kept.incidents[kept.incidents["replication"] == replication]
        on_scene = (mine["call_time"] + mine["response_time"]) * 1000
        np.testing.assert_allclose(arrived["time_ms"], on_scene, atol=1e-6)
        assert arrived["unit"].astype(str).tolist() == mine["unit"].astype(str).tolist()
        assert (
            arrived["place"].astype(str).str.removeprefix("zone:").tolist() == mine["zone"].tolist()
        )
    days = REPLICATIONS * 2
    said = kept.summary["kilometres_per_day_by_unit"]
    for unit, driven in zip(units, metres, strict=True):
        assert said[unit]["value"] == pytest.approx(driven / 1000 / days)
    assert kept.summary["kilometres_per_day"]["value"] == pytest.approx(metres.sum() / 1000 / days)


def test_the_summary_is_what_the_tables_say(kept: RunResult) -> None:
    frame, said = kept.incidents, kept.summary
    response = frame["response_time"]
    assert said["incidents"]["total"] == len(frame)
    assert said["response_mean"]["value"] == pytest.approx(response.mean())
    for name, level in (("response_p50", 0.5), ("response_p90", 0.9), ("response_p95", 0.95)):
        assert said[name]["value"] == pytest.approx(response.quantile(level))
    for name, column in zip(
        ("call_processing", "queueing", "turnout", "travel"), PARTS, strict=True
    ):
        assert said[name]["value"] == pytest.approx(frame[column].mean())
    assert said["within"]["8 minutes"]["value"] == pytest.approx((response <= 480).mean())
    assert said["queued_share"]["value"] == pytest.approx((frame["queue_time"] > 0).mean())
    north = frame[frame["district"] == "North"]["response_time"]
    assert said["by_district"]["North"]["response_mean"]["value"] == pytest.approx(north.mean())
    urgent = frame[frame["priority"] == "emergency"]["response_time"]
    survivors = 0.01 * de_maio_2003(urgent).sum() * 365.25 / (2 * REPLICATIONS)
    assert said["survivors_per_year"]["value"] == pytest.approx(survivors)
    assert "forecast" in said["outcome"]["note"]


def test_utilisation_is_the_time_under_way(kept: RunResult) -> None:
    log = pq.read_table(kept.folder / "events.parquet").to_pandas()  # type: ignore[operator]
    span = 2 * 86_400_000
    begin = log[log["event"] == "dispatched"].set_index(["replication", "incident"])
    end = log[log["event"] == "free"].set_index(["replication", "incident"])
    busy = end["time_ms"].clip(upper=span) - begin["time_ms"].clip(upper=span)
    total = busy.groupby(begin["unit"].astype(str)).sum()
    for unit, said in kept.summary["utilisation_by_unit"].items():
        assert said["value"] == pytest.approx(total.get(unit, 0) / span / REPLICATIONS)


def test_standards_count_from_their_start_for_their_priorities() -> None:
    standards = [
        {"name": "a", "start": "dispatch", "limit_s": 240, "share": 0.5, "priorities": ["urgent"]},
        {"name": "b", "limit_s": 1, "share": 0.5},
        {"name": "c", "limit_s": 86_400, "share": 0.5},
    ]
    values = toy_city().settings.model_dump() | {"standards": standards}
    result = simulate(replace(toy_city(), settings=Settings.model_validate(values)), replications=3)
    frame, said = result.incidents, result.summary
    urgent = frame[frame["priority"] == "urgent"]
    reached = (urgent["turnout_time"] + urgent["travel_time"] <= 240).mean()
    assert 0 < reached < 1
    assert said["within"]["a"]["value"] == pytest.approx(reached)
    assert "a" not in said["by_priority"]["emergency"]["within"]
    verdicts = {s["name"]: s["verdict"] for s in said["standards"]}
    assert (verdicts["b"], verdicts["c"]) == ("missed", "met")


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0.91, 0.95, "met"), (0.9, 0.95, "met"), (0.8, 0.89, "missed"), (0.89, 0.95, "open")],
)
def test_a_verdict_needs_the_whole_interval(low: float, high: float, expected: str) -> None:
    assert judge(Estimate((low + high) / 2, low, high), 0.9) == expected
    assert judge(Estimate(None, None, None, "none"), 0.9) == "open"


def _estimates(node: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(node, dict):
        if {"value", "low", "high"} <= set(node):
            yield path, node
        for key, child in node.items():
            yield from _estimates(child, f"{path}/{key}")


@pytest.mark.parametrize("replications", [1, 2])
def test_no_value_without_an_interval(replications: int) -> None:
    found = dict(_estimates(simulate(toy_city(), replications=replications).summary))
    assert len(found) > 40
    for path, said in found.items():
        if said["value"] is None:
            assert said["reason"], path
        else:
            assert said["low"] <= said["value"] <= said["high"], path


def test_one_replication_has_batch_means() -> None:
    result = simulate(toy_city(), replications=1, seed=3)
    assert "batch means" in result.summary["interval"]["method"]
    assert result.observations.groups == 20
    km = result.summary["kilometres_per_day"]
    assert km["low"] < km["value"] < km["high"]


def test_workers_and_repetition_change_no_byte(kept: RunResult, tmp_path: Path) -> None:
    for workers in (1, 2):
        again = simulate(
            toy_city(), replications=REPLICATIONS, seed=7, workers=workers, out=tmp_path / "again"
        )
        assert contents(again.folder) == contents(kept.folder)
    other = simulate(toy_city(), replications=REPLICATIONS, seed=8, out=tmp_path / "other")
    assert contents(other.folder)["events.parquet"] != contents(kept.folder)["events.parquet"]


def test_a_policy_from_a_file_runs_and_gives_what_its_twin_gives(
    kept: RunResult, tmp_path: Path, policy_file: Path
) -> None:
    mine = simulate(
        toy_city(),
        policy=f"{policy_file}:Closest",
        replications=REPLICATIONS,
        seed=7,
        out=tmp_path / "run",
    )
    assert mine.policy == "mine.py:Closest"
    for name in ("events.parquet", "incidents.parquet"):
        assert contents(mine.folder)[name] == contents(kept.folder)[name]
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text(encoding="utf-8"))
    assert len(manifest["policy"]["sha256"]) == 64


def test_other_processes_load_the_policy_from_its_file(policy_file: Path) -> None:
    """What a worker does, done here: starting one takes seconds."""
    tables, calls = build_tables(toy_city()), draw_incidents(toy_city(), 7, 0)
    interrupt = signal.getsignal(signal.SIGINT)
    try:
        given = replications.portable(load_policy(f"{policy_file}:Closest"))
        pools._begin(replications._ready, (tables, given))
        outcome = pools._work((replications._work, (calls, tables.timeline)))
    finally:
        signal.signal(signal.SIGINT, interrupt)
        pools._HERE.clear()
    expected = run_replication(tables.travel, tables.rules, calls, POLICIES["closest"])
    np.testing.assert_array_equal(outcome.log, expected.log)


def test_whom_nobody_comes_to_has_no_response_time(policy_file: Path) -> None:
    result = simulate(toy_city(), policy=f"{policy_file}:Never", replications=2)
    frame, said = result.incidents, result.summary
    assert frame[["response_time", "unit", "queue_time", "distance_m"]].isna().all(axis=None)
    assert said["incidents"]["unserved"] == len(frame) == said["incidents"]["total"]
    assert said["within"]["8 minutes"]["value"] == 0
    assert said["response_mean"]["value"] is None
    assert said["response_mean"]["reason"] == "there is no observation"
    assert said["survivors_per_year"]["value"] == 0
    assert said["queued_share"]["value"] == 1


def test_nothing_happens_in_a_quiet_city(tmp_path: Path) -> None:
    settings = toy_city().settings
    quiet = settings.demand.model_copy(update={"incidents_per_day": 1e-6})
    city = replace(toy_city(), settings=settings.model_copy(update={"demand": quiet}))
    result = simulate(city, replications=2, out=tmp_path / "run")
    assert len(result.incidents) == 0
    assert result.summary["incidents"]["total"] == 0
    assert pq.read_table(tmp_path / "run" / "events.parquet").num_rows == 0


class Unpicklable:
    def __init__(self) -> None:
        self.secret: Callable[[], int] = lambda: -1

    def decide(self, state: DispatchState) -> int:  # noqa: ARG002
        return self.secret()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"policy": "closets"}, "unknown policy 'closets'; did you mean"),
        ({"replications": 0}, "--replications: 0 is too few"),
        ({"workers": 0}, "--workers: 0 is too few"),
        ({"seed": -1}, "--seed: -1 is no seed"),
        ({"policy": "absent.py:Mine"}, "cannot read absent.py"),
        ({"policy": Unpicklable(), "workers": 2}, "--workers: Unpicklable cannot be given"),
    ],
)
def test_bad_numbers_and_names(options: dict[str, Any], message: str, tmp_path: Path) -> None:
    given: dict[str, Any] = {"replications": 2, "out": tmp_path / "run"} | options
    with pytest.raises(InputError, match=message):
        simulate(toy_city(), **given)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Absent", "has no class 'Absent'"),
        ("not_a_class", "has no class 'not_a_class'"),
        ("Needy", r"Needy\(\) fails with TypeError"),
    ],
)
def test_what_is_no_policy(name: str, message: str, policy_file: Path) -> None:
    with pytest.raises(InputError, match=message):
        load_policy(f"{policy_file}:{name}")


def test_a_file_that_is_no_python(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("def", encoding="utf-8")
    with pytest.raises(InputError, match=r"broken.py fails with SyntaxError"):
        load_policy(f"{tmp_path / 'broken.py'}:Mine")


def test_a_compiled_policy_of_ones_own_runs_in_the_loop(kept: RunResult) -> None:
    mine = simulate(
        toy_city(), policy=KernelPolicy("mine-v1", closest), replications=REPLICATIONS, seed=7
    )
    pd.testing.assert_frame_equal(mine.incidents, kept.incidents)
    assert mine.policy == "mine-v1"


def test_another_thing_at_out_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear", encoding="utf-8")
    with pytest.raises(InputError, match="no earlier result"):
        simulate(toy_city(), replications=1, out=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


@pytest.mark.parametrize("count", [0, 1, 60])
def test_events_are_the_same_in_several_groups(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    city = toy_city()
    tables = build_tables(city)
    calls = draw_incidents(city, 1, 0)
    columns: list[Any] = [column[:count] for column in calls]
    first = type(calls)(*columns)
    outcome = run_replication(tables.travel, tables.rules, first, POLICIES["closest"])
    monkeypatch.setattr(run_tables, "_GROUP", 7)
    with pq.ParquetWriter(tmp_path / "events.parquet", EVENT_LOG, **EVENT_WRITING) as writer:
        write_events(writer, outcome, 3, Names(city))
    written = pq.ParquetFile(tmp_path / "events.parquet")
    assert written.num_row_groups == max(1, -(-len(outcome.log) // 7))
    assert written.read().equals(event_table(outcome, 3, Names(city)))
