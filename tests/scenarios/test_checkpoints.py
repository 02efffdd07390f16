"""Runs that were killed go on where they were, to the same bytes."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from routing.errors import InputError
from scenarios import run_tables, runs
from scenarios.compare import compare
from scenarios.demand import draw_incidents
from scenarios.policies import load_policy
from scenarios.precision import Precision
from scenarios.replications import outcomes
from scenarios.runs import simulate
from scenarios.simulation.tables import build_tables
from tests.toy_city import toy_city

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from scenarios.package import Scenario

SEEDS = int(os.environ.get("BLUELIGHT_SEEDS", "12"))
"""Seeds of the test of determinism; the environment asks for a thousand."""

FILES = ("events.parquet", "incidents.parquet", "summary.json", "statistics.parquet")


@pytest.fixture
def city() -> Scenario:
    return replace(toy_city(), hash="5" * 64)


def same(one: Path, other: Path) -> bool:
    return all((one / name).read_bytes() == (other / name).read_bytes() for name in FILES)


@pytest.mark.parametrize("workers", [2, 4])
def test_seeds_give_the_same_on_any_number_of_workers(city: Scenario, workers: int) -> None:
    tables, policy = build_tables(city), load_policy("closest")

    def hashes(many: int) -> Iterator[bytes]:
        work = ((draw_incidents(city, seed, 0), tables.timeline) for seed in range(SEEDS))
        for outcome in outcomes(tables, work, SEEDS, policy, workers=many):
            digest = hashlib.sha256(outcome.missing.tobytes())
            for records in (outcome.legs, outcome.log):
                for name in records.dtype.names or ():  # not what pads them
                    digest.update(records[name].tobytes())
            yield digest.digest()

    alone = list(hashes(1))
    assert len(set(alone)) == SEEDS
    assert list(hashes(workers)) == alone


@pytest.mark.parametrize("workers", [1, 2])
def test_a_run_that_was_interrupted_goes_on(
    city: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    whole, kept = tmp_path / "whole", tmp_path / "kept"
    simulate(city, replications=9, seed=3, out=whole)
    table = run_tables.incident_table

    def interrupted(outcome: Any, replication: int, names: Any) -> Any:
        if replication == 4:
            raise KeyboardInterrupt
        return table(outcome, replication, names)

    options: dict[str, Any] = {"replications": 9, "seed": 3, "checkpoint": kept}
    with monkeypatch.context() as patched:
        patched.setattr(runs, "incident_table", interrupted)
        with pytest.raises(KeyboardInterrupt):
            simulate(city, out=tmp_path / "run", workers=workers, **options)
    assert not (tmp_path / "run").exists()
    before = {path.name: path.stat().st_mtime_ns for path in kept.iterdir()}
    assert sum(name.startswith("replication") for name in before) == 5
    simulate(city, out=tmp_path / "run", workers=workers, **options)
    assert same(whole, tmp_path / "run")
    after = {path.name: path.stat().st_mtime_ns for path in kept.iterdir()}
    assert before.items() <= after.items()
    assert len(after) == 10


def test_holes_are_filled(city: Scenario, tmp_path: Path) -> None:
    options: dict[str, Any] = {"seed": 3, "checkpoint": tmp_path / "kept"}
    simulate(city, replications=6, out=tmp_path / "one", **options)
    for number in (0, 3, 5):
        (tmp_path / "kept" / f"replication-{number:06}.npz").unlink()
    simulate(city, replications=6, out=tmp_path / "two", **options)
    assert same(tmp_path / "one", tmp_path / "two")


def test_more_replications_begin_with_those_that_are_there(city: Scenario, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    simulate(city, replications=5, seed=3, checkpoint=kept)
    wanted = Precision(0.03)
    simulate(city, precision=wanted, seed=3, checkpoint=kept, out=tmp_path / "one")
    simulate(city, precision=wanted, seed=3, out=tmp_path / "two")
    assert same(tmp_path / "one", tmp_path / "two")


def test_a_comparison_that_was_killed_goes_on(city: Scenario, tmp_path: Path) -> None:
    policies = ["closest", "closest-idle"]
    options: dict[str, Any] = {"replications": 4, "seed": 3}
    kept = tmp_path / "kept"
    compare([city], policies, checkpoint=kept, **options)
    for path in (kept / "1" / "replication-000002.npz", kept / "0" / "replication-000000.npz"):
        path.unlink()
    resumed = compare([city], policies, checkpoint=kept, workers=2, **options)
    assert resumed.summary == compare([city], policies, **options).summary


def test_checkpoints_of_something_else(city: Scenario, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    simulate(city, replications=2, seed=3, checkpoint=kept)

    def refused(words: str, scenario: Scenario = city, **options: Any) -> None:
        given: dict[str, Any] = {"replications": 2, "seed": 3, "checkpoint": kept} | options
        with pytest.raises(InputError, match=words):
            simulate(scenario, out=tmp_path / "run", **given)
        assert not (tmp_path / "run").exists()

    refused("--checkpoint: .* holds replications of another seed", seed=4)
    refused("of another policy", policy="closest-idle")
    refused("of another scenario", replace(city, hash="6" * 64))
    refused("only a saved scenario", replace(city, hash=""))
    (tmp_path / "letter.txt").write_text("dear", encoding="utf-8")
    refused("exists and is no checkpoint", checkpoint=tmp_path)
    path = kept / "replication-000001.npz"
    path.write_bytes(path.read_bytes()[:-100])
    refused("replication-000001.npz is damaged")
    (kept / "checkpoint.json").write_text("{", encoding="utf-8")
    refused("checkpoint.json is damaged")
