"""Fleet sizes by command."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy import stats

from tests.command_line import refused, run

if TYPE_CHECKING:
    from pathlib import Path

SHIFTS = """
[[shifts]]
name = "day"
hours = 12
starts = [7, 19]
"""


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "staffing.json"


def staffed(folder: Path, out: Path, *options: object) -> Any:
    return run("staff", folder, "--out", out, "--json", *options).json


def test_the_document(scenario_folder: Path, out: Path) -> None:
    document = staffed(scenario_folder, out, "--safety", 0.99)
    assert document == json.loads(out.read_text())
    assert [ground["id"] for ground in document["grounds"]] == ["S1", "S2"]
    assert sum(g["incidents_per_day"] for g in document["grounds"]) == pytest.approx(24)
    for ground in document["grounds"]:
        expected = np.maximum(stats.poisson.ppf(0.99, ground["load"]), 1)
        assert ground["need"]["risk"] == expected.tolist()
        assert ground["promised"]["demand_above_fleet"] <= 0.01
    assert len(document["assumptions"]) == 5


def test_all_files_and_words(scenario_folder: Path, out: Path) -> None:
    folder = out.parent
    (folder / "shifts.toml").write_text(SHIFTS)
    options = ["--shifts", folder / "shifts.toml", "--simulate", 2, "--method", "erlang-b"]
    options += ["--csv", folder / "table.csv", "--picture", folder / "map.svg"]
    options += ["--scenario", folder / "staffed"]
    for _ in range(2):  # its own files are replaced
        ran = run("staff", scenario_folder, "--out", out, *options)
        assert (ran.code, ran.err) == (0, "")
    document = json.loads(out.read_text())
    rosters = document["shifts"]["rosters"]
    assert document["shifts"]["proven"]
    assert document["shifts"]["cost"] == document["shifts"]["bound"]
    with (folder / "table.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * 168
    weekdays = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    assert [row["weekday"] for row in rows[::24]] == 2 * weekdays
    need = [count for ground in document["grounds"] for count in ground["need"]["erlang-b"]]
    assert [int(row["need_erlang_b"]) for row in rows] == need
    covered = [count for roster in rosters for count in roster["covered"]]
    assert [int(row["on_shift"]) for row in rows] == covered
    assert (folder / "map.svg").read_bytes().startswith(b"<?xml")
    peak = sum(max(ground["need"]["erlang-b"]) for ground in document["grounds"])
    assert document["simulated"]["week"]["vehicles"] == peak
    # the doctor car stays, though no priority asks for it
    assert run("check", folder / "staffed", "--json").json["units"] == peak + 1
    assert "vehicles by erlang-b, safety 0.95" in ran.out
    assert "S1 street" in ran.out
    often = [ground["promised"]["shortfalls_per_week"] for ground in document["grounds"]]
    assert all(f"{7 / each:,.1f} days" in ran.out for each in often)
    assert "(closest, 2 x 2 days; the simulator knows no shifts" in ran.out
    assert f"wrote {folder / 'table.csv'}" in ran.out


def test_by_frequency(scenario_folder: Path, out: Path) -> None:
    options = ["--method", "frequency", "--utilisation", 0.25, "--ground", "city", "--least", 0]
    ran = run("staff", scenario_folder, "--out", out, *options)
    assert "vehicles by frequency, utilisation 0.25" in ran.out
    (ground,) = json.loads(out.read_text())["grounds"]
    load = np.array(ground["load"])
    need = np.array(ground["need"]["frequency"])
    assert (load / need <= 0.25).all()
    assert (load / (need - 1) > 0.25).all()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--method", "risc"], "did you mean 'risk'"),
        (["--safety", "1"], "--safety"),
        (["--safety", "nan"], "--safety"),
        (["--utilisation", "0"], "--utilisation"),
        (["--by", "hours"], "did you mean 'hour'"),
        (["--ground", "district", "--simulate", "2"], "ask by station or city"),
        (["--simulate", "1"], "--simulate"),
        (["--picture", "x.pdf"], "x.pdf has no ending .png, .svg"),
        (["--shifts", "nope.toml"], "nope.toml"),
    ],
)
def test_what_cannot_be(scenario_folder: Path, out: Path, options: list[str], words: str) -> None:
    assert words in refused("staff", scenario_folder, *options, "--out", out)
    assert not out.exists()


def test_the_hour_that_no_shift_covers(scenario_folder: Path, out: Path) -> None:
    shifts = out.with_name("shifts.toml")
    shifts.write_text(SHIFTS.replace("7, 19", "7, 20"))
    line = refused("staff", scenario_folder, "--shifts", shifts, "--out", out)
    assert "S1 street: no shift covers Mon 19:00, which needs" in line
    assert not out.exists()


@pytest.mark.parametrize(
    ("option", "name"), [("--out", "a.json"), ("--csv", "a.csv"), ("--picture", "a.png")]
)
def test_foreign_files_are_left_alone(
    scenario_folder: Path, out: Path, option: str, name: str
) -> None:
    foreign = out.with_name(name)
    foreign.write_text('{"drive_limit_s": 1}\n')
    files = {"--out": out} | {option: foreign}
    options = [part for pair in files.items() for part in pair]
    assert "no earlier output of this command" in refused("staff", scenario_folder, *options)
    assert foreign.read_text() == '{"drive_limit_s": 1}\n'
    assert "of --out too" in refused("staff", scenario_folder, "--out", out, "--csv", out)
    line = refused("staff", scenario_folder, "--out", out, "--scenario", scenario_folder)
    assert f"--scenario: {scenario_folder} is the scenario that is read" in line
    line = refused("staff", scenario_folder, "--out", out, "--scenario", out.parent)
    assert "--scenario: " in line
    assert "no earlier result" in line
