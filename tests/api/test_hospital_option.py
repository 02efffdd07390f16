"""Which hospital takes a patient, chosen on the command line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from scenarios.packaging import save_scenario
from tests.command_line import refused, run
from tests.scenarios.test_hospital_waits import crowded

if TYPE_CHECKING:
    from pathlib import Path

REPEATED = ("events.parquet", "incidents.parquet", "summary.json")


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Save a city whose hospitals are crowded."""
    folder = tmp_path_factory.mktemp("crowded") / "city"
    save_scenario(crowded(["1", "1", "2"]), folder)
    return folder


def test_a_run_under_it_is_told_and_replays(city: Path, tmp_path: Path) -> None:
    options = ["--replications", 2, "--seed", 3]
    plain = run("simulate", city, *options, "--out", tmp_path / "plain")
    asked = run("simulate", city, "--hospital", "by-load", *options, "--out", tmp_path / "asked")
    for ran, policy in ((plain, "nearest-v1"), (asked, "by-load-v1")):
        assert (ran.code, ran.err) == (0, "")
        assert f"closest-v1, hospitals {policy}: 2 x 2 days, seed 3" in ran.out
        for row in ("mean  ", "90th percentile  "):
            assert f"wait for a bay at hospital, {row}" in ran.out
        assert "crews that wait for a bay  " in ran.out
    manifest = json.loads((tmp_path / "asked" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["hospital_policy"] == "by-load-v1"
    manifest = json.loads((tmp_path / "plain" / "manifest.json").read_text(encoding="utf-8"))
    assert "hospital_policy" not in manifest
    ran = run("replay", tmp_path / "asked", "--out", tmp_path / "again")
    assert ran.code == 0
    assert "identical: the same bytes as the run" in ran.out
    for name in REPEATED:
        again, before, other = (
            (tmp_path / each / name).read_bytes() for each in ("again", "asked", "plain")
        )
        assert again == before != other


def test_policies_side_by_side(city: Path, tmp_path: Path) -> None:
    options = ["--replications", 2, "--out", tmp_path / "both"]
    ran = run("compare", city, "--hospital", "nearest,by-load-v1", *options)
    assert (ran.code, ran.err) == (0, "")
    told = ran.out.partition("hospitals by-load-v1 minus hospitals nearest-v1")[2].splitlines()
    for name in ("wait for a bay at hospital, mean", "crews that wait for a bay"):
        (row,) = (line.removeprefix(name) for line in told if line.startswith(name))
        assert row.split()[0].startswith("-")  # the difference


def test_the_same_one_for_all_policies(city: Path, tmp_path: Path) -> None:
    options = ["--policies", "closest,closest-idle", "--replications", 1, "--json"]
    ran = run("compare", city, "--hospital", "by-load", *options, "--out", tmp_path / "both")
    document = ran.json
    assert [each["label"] for each in document["combinations"]] == [
        "closest-v1",
        "closest-idle-v1",
    ]
    asked = {each["hospital_policy"] for each in document["combinations"]}
    assert asked == {"by-load-v1"}


@pytest.mark.parametrize("command", ["simulate", "compare"])
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("by-laod", "unknown hospital policy 'by-laod'; did you mean 'by-load-v1'?"),
        ("by-load-v7", "unknown hospital policy 'by-load-v7'"),
        ("closest", "known: by-load-v1, nearest-v1"),
        ("", ""),
    ],
)
@pytest.mark.parametrize("bays", [True, False])
def test_names_that_are_none(
    city: Path,
    scenario_folder: Path,
    tmp_path: Path,
    command: str,
    name: str,
    words: str,
    bays: bool,
) -> None:
    where = city if bays else scenario_folder
    line = refused(command, where, "--hospital", name, "--out", tmp_path / "run")
    assert "hospital" in line
    assert words in line
    assert not list(tmp_path.iterdir())


def test_where_nobody_can_wait_it_says_so(scenario_folder: Path, tmp_path: Path) -> None:
    options = ["--replications", 1, "--out", tmp_path / "run"]
    ran = run("simulate", scenario_folder, "--hospital", "by-load", *options)
    assert ran.code == 0
    assert ran.err.startswith("warning: no hospital of Toytown <&> has bays")
    assert ran.err.count("\n") == 1
    assert "wait for a bay" not in ran.out
    ran = run("simulate", scenario_folder, *options)
    assert (ran.code, ran.err) == (0, "")
    assert "hospital" not in ran.out


@pytest.mark.parametrize("command", ["simulate", "compare"])
def test_the_help_names_it(command: str) -> None:
    (line,) = (each for each in run(command, "--help").out.splitlines() if "--hospital" in each)
    assert line.split()[0] == "--hospital"
