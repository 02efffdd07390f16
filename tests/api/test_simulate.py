"""Simulate, compare and replay by command."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import api.cli
from api.run_words import comparison_lines
from tests.command_line import Ran, refused, run

if TYPE_CHECKING:
    from collections.abc import Iterator

PROJECT = Path(api.cli.__file__).parents[1]


@pytest.fixture(scope="module")
def simulated(scenario_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "run"
    ran = run("simulate", scenario_folder, "--replications", 3, "--seed", 7, "--out", out)
    assert (ran.code, ran.err) == (0, "")
    assert "closest-v1: 3 x 2 days, seed 7" in ran.out
    assert "within 8 minutes" in ran.out
    assert "from, to: 95% intervals" in ran.out
    assert ran.out.endswith(f"wrote {out}\n")
    return out


def test_json_is_the_summary(simulated: Path, scenario_folder: Path, tmp_path: Path) -> None:
    options = ["--replications", 3, "--seed", 7, "--json"]
    document = run("simulate", scenario_folder, *options, "--out", tmp_path / "run").json
    assert document.pop("out") == str(tmp_path / "run")
    assert document == json.loads((simulated / "summary.json").read_text())


def test_the_same_policy_replays_to_the_same_bytes(simulated: Path, tmp_path: Path) -> None:
    ran = run("replay", simulated, "--out", tmp_path / "again")
    assert ran.code == 0
    assert "identical" in ran.out
    for name in ("events.parquet", "incidents.parquet", "summary.json"):
        assert (tmp_path / "again" / name).read_bytes() == (simulated / name).read_bytes()


def test_a_run_that_was_changed_does_not_replay(simulated: Path, tmp_path: Path) -> None:
    changed = shutil.copytree(simulated, tmp_path / "changed")
    summary = changed / "summary.json"
    summary.write_text(summary.read_text().replace('"seed": 7', '"seed": 8'))
    ran = run("replay", changed, "--out", tmp_path / "again", "--json")
    assert ran.code == 1
    document = json.loads(ran.out)
    assert (document["identical"], document["differing"]) == (False, ["summary.json"])


def test_another_policy_meets_the_same_incidents(simulated: Path, tmp_path: Path) -> None:
    options = ["--policy", "closest-idle", "--out", tmp_path / "other"]
    document = run("replay", simulated, *options, "--json").json
    assert document["identical"] is None
    assert document["policy"] == "closest-idle-v1"
    before = json.loads((simulated / "summary.json").read_text())
    assert document["incidents"]["total"] == before["incidents"]["total"]


def test_policies_side_by_side(scenario_folder: Path, tmp_path: Path) -> None:
    options = ["--policies", "closest,closest-idle", "--replications", 3]
    ran = run("compare", scenario_folder, *options, "--out", tmp_path / "c", "--json")
    document = ran.json
    assert [each["policy"] for each in document["combinations"]] == [
        "closest-v1",
        "closest-idle-v1",
    ]
    base, other = (each["measures"]["response_mean"] for each in document["combinations"])
    difference = document["differences"][0]["measures"]["response_mean"]
    assert difference["value"] == pytest.approx(other["value"] - base["value"], abs=1e-6)
    lines = comparison_lines(document)
    assert lines[2].startswith("closest-v1 (base)")
    rows = [line for line in lines if line.startswith("response, mean")]
    assert len(rows) == 3
    assert rows[-1].split()[2:4] == [f"{difference['value']:+.1f}", "s"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--policy", "closets"], "did you mean 'closest-v1'"),
        (["--policy", "nope.py:Mine"], "nope.py"),
        (["--replications", "-3"], "--replications"),
    ],
)
def test_simulations_that_cannot_be(
    scenario_folder: Path, tmp_path: Path, options: list[str], words: str
) -> None:
    out = tmp_path / "run"
    assert words in refused("simulate", scenario_folder, *options, "--out", out)
    assert not out.exists()


def test_comparisons_that_cannot_be(scenario_folder: Path, tmp_path: Path) -> None:
    assert "--policies" in refused("compare", scenario_folder, "--out", tmp_path / "c")
    options = ["--policies", "closest,closets"]
    line = refused("compare", scenario_folder, *options, "--out", tmp_path / "c")
    assert "did you mean 'closest-v1'" in line
    assert not list(tmp_path.iterdir())


def test_a_scenario_is_not_compared_with_itself(scenario_folder: Path, tmp_path: Path) -> None:
    copied = shutil.copytree(scenario_folder, tmp_path / "copied")
    out = tmp_path / "c"
    line = refused("compare", scenario_folder, copied, "--replications", 2, "--out", out)
    assert f"{scenario_folder} and {copied} are the same: Toytown <&> with hash" in line
    line = refused("compare", copied, copied, "--policies", "closest", "--out", out)
    assert f"{copied} is given twice" in line
    assert not out.exists()


def test_replays_that_cannot_be(simulated: Path, scenario_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "again"
    assert "manifest.json" in refused("replay", scenario_folder, "--out", out)
    edited = shutil.copytree(scenario_folder, tmp_path / "edited")
    rules = edited / "scenario.toml"
    rules.write_text(rules.read_text().replace("incidents_per_day = 24", "incidents_per_day = 25"))
    assert run("check", edited, "--accept").code == 0
    assert "--scenario" in refused("replay", simulated, "--scenario", edited, "--out", out)
    assert not out.exists()


def test_as_precise_as_asked(scenario_folder: Path, tmp_path: Path) -> None:
    options = ["--precision", "3%", "--precision-of", "within", "--out", tmp_path / "run"]
    document = run("simulate", scenario_folder, *options, "--json").json
    assert document["precision"]["reached"]
    assert document["precision"]["asked"] == 0.03
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert manifest["precision"] == document["precision"]
    ran = run("replay", tmp_path / "run", "--out", tmp_path / "again")
    assert (ran.code, "identical" in ran.out) == (0, True)
    options = ["--precision", "0.0001", "--replications", 21, "--out", tmp_path / "run"]
    ran = run("simulate", scenario_folder, *options)
    assert ran.code == 0
    assert "0.010% is NOT reached after 21 replications" in ran.out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--precision", "fine"], "'fine' is no percentage"),
        (["--precision", "1%%"], "no percentage"),
        (["--precision", "0%"], "0 is no precision"),
        (["--precision", "1%", "--replications", "5"], "20 are needed"),
        (["--cluster", "nowhere"], "no Dask scheduler answers at nowhere"),
    ],
)
def test_precisions_and_clusters_that_cannot_be(
    scenario_folder: Path, tmp_path: Path, options: list[str], words: str
) -> None:
    if "--cluster" in options:
        pytest.importorskip("distributed")
    assert words in refused("simulate", scenario_folder, *options, "--out", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_run_that_was_killed_goes_on_to_the_same_bytes(
    scenario_folder: Path, tmp_path: Path
) -> None:
    kept = tmp_path / "kept"
    options = ["--replications", "200", "--seed", "7"]
    command = [sys.executable, "-m", "api.cli", "simulate", str(scenario_folder), *options]
    command += ["--checkpoint", str(kept), "--workers", "2", "--out", str(tmp_path / "lost")]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.DEVNULL) as running:
        while not list(kept.glob("replication-*")):
            assert running.poll() is None
            time.sleep(0.005)
        running.kill()
    done = len(list(kept.glob("replication-*.npz")))
    assert 0 < done < 200
    run("simulate", scenario_folder, *options, "--checkpoint", kept, "--out", tmp_path / "resumed")
    run("simulate", scenario_folder, *options, "--out", tmp_path / "whole")
    for name in ("events.parquet", "incidents.parquet", "summary.json", "statistics.parquet"):
        assert (tmp_path / "resumed" / name).read_bytes() == (
            tmp_path / "whole" / name
        ).read_bytes()


@contextmanager
def simulating(scenario: Path, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Simulate on two processes until well into the work."""
    command = [sys.executable, "-m", "api.cli", "simulate", str(scenario)]
    command += ["--replications", "400", "--workers", "2", "--out", str(tmp_path / "run")]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(
        command, text=True, cwd=PROJECT, start_new_session=True, **pipes
    ) as running:
        while not list(tmp_path.iterdir()):
            assert running.poll() is None
            time.sleep(0.05)
        yield running


def test_ctrl_c_leaves_nothing_half_written(scenario_folder: Path, tmp_path: Path) -> None:
    with simulating(scenario_folder, tmp_path) as running:
        os.killpg(running.pid, signal.SIGINT)  # as a terminal does, to the whole group
        out, err = running.communicate(timeout=60)
    assert running.returncode == 130
    assert (out, err) == ("", "error: interrupted\n")
    assert not list(tmp_path.iterdir())


def test_no_process_outlives_a_run_that_was_killed(scenario_folder: Path, tmp_path: Path) -> None:
    with simulating(scenario_folder, tmp_path) as running:
        time.sleep(1)  # so that there are processes to be left behind
        running.kill()
        running.communicate(timeout=60)  # until all have closed the pipes that they share


def test_words_of_a_run_without_intervals(simulated: Path) -> None:
    from api.run_words import run_lines

    summary = json.loads((simulated / "summary.json").read_text())
    summary["response_mean"] = {"value": None, "low": None, "high": None, "reason": "too few"}
    row = next(line for line in run_lines(summary) if line.startswith("response, mean"))
    assert row.split()[2:] == ["-", "-", "-"]


def test_ran_json_needs_success() -> None:
    with pytest.raises(AssertionError):
        _ = Ran(2, "{}", "").json
