"""Refinement by command."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from scenarios.packaging import load_scenario, save_scenario
from tests.command_line import refused, run
from tests.toy_city import toy_city

if TYPE_CHECKING:
    from pathlib import Path

QUICK = ["--replications", 10, "--check", 30, "--budget", 2000]


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Toy city with everybody at one station."""
    city = toy_city()
    folder = tmp_path_factory.mktemp("crowded") / "city"
    save_scenario(city.with_fleet(city.stations, city.units.assign(station="S1")), folder)
    return folder


def test_a_fleet_is_refined_and_reported(crowded: Path, tmp_path: Path) -> None:
    out, file = tmp_path / "refined", tmp_path / "refine.json"
    args = ["refine", crowded, "--objective", "mean", "--out", out, "--report", file, *QUICK]
    document = run(*args, "--json").json
    assert document == {"out": str(out)} | json.loads(file.read_text(encoding="utf-8"))
    refined = load_scenario(str(out))
    assert refined.units.to_dict("records") == document["units"]
    assert len(set(refined.units["station"])) > 1
    before, after = file.read_bytes(), run(*args)
    assert (after.code, after.err) == (0, "")
    assert file.read_bytes() == before
    for step in document["steps"]:
        for each in step["moved"]:
            assert f"{each['unit']} from {each['from']} street to" in after.out
    assert f"(hash {refined.hash[:12]})" in after.out
    assert "no other move of one unit and no swap was shown to be better" in after.out
    assert "replications that the search has not seen" in after.out


def test_the_refined_city_is_simulated_and_better(crowded: Path, tmp_path: Path) -> None:
    out = tmp_path / "refined"
    document = run(
        "refine", crowded, "--objective", "mean", "--out", out, "--seed", 4, *QUICK, "--json"
    ).json
    options = ["--replications", 30, "--seed", 4, "--out", tmp_path / "both", "--json"]
    both = run("compare", crowded, out, *options).json
    said = document["check"]["measures"][1]["difference"]
    assert both["differences"][0]["measures"]["response_mean"] == said
    assert said["high"] < 0


def test_a_time_limit_ends_it_and_says_so(crowded: Path, tmp_path: Path) -> None:
    out = tmp_path / "refined"
    ran = run("refine", crowded, "--out", out, "--time-limit", "0.000001", *QUICK)
    assert ran.code == 0
    assert "the time limit is reached" in ran.out
    assert "no move was shown to be better" in ran.out
    assert set(load_scenario(str(out)).units["station"]) == {"S1"}


def test_a_small_budget_leaves_moves_undecided(crowded: Path, tmp_path: Path) -> None:
    ran = run("refine", crowded, "--out", tmp_path / "out", *QUICK[:4], "--budget", 90)
    assert "the budget is used up" in ran.out
    assert "moves are undecided" in ran.out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--objective", "meen"], "--objective"),
        (["--standard", "8 minuts"], "did you mean '8 minutes'"),
        (["--policy", "closets"], "unknown policy 'closets'"),
        (["--budget", "20"], "the check of the result takes 60"),
        (["--confidence", "1"], "--confidence"),
        (["--confidence", "nan"], "--confidence"),
        (["--replications", "4"], "--replications"),
        (["--time-limit", "0"], "--time-limit"),
    ],
)
def test_what_cannot_be_asked(
    crowded: Path, tmp_path: Path, options: list[str], words: str
) -> None:
    out = tmp_path / "out"
    assert words in refused("refine", crowded, "--out", out, *QUICK, *options)
    assert not out.exists()


def test_nothing_else_is_overwritten(crowded: Path, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear", encoding="utf-8")
    assert "no earlier result" in refused("refine", crowded, "--out", tmp_path, *QUICK)
    line = refused(
        "refine", crowded, "--out", tmp_path / "out", "--report", tmp_path / "letter.txt", *QUICK
    )
    assert "--report: " in line
    assert "is no earlier output" in line
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_the_city_that_is_refined_stays(crowded: Path, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in crowded.rglob("*") if path.is_file()}
    line = refused("refine", crowded, "--out", crowded, *QUICK)
    assert f"--out: {crowded} is the scenario that is read" in line
    out = tmp_path / "refined"
    line = refused("refine", crowded, "--out", out, "--report", out / "report.json", *QUICK)
    assert "--report: " in line
    assert "lies in the scenario that --out writes" in line
    assert before == {path: path.read_bytes() for path in crowded.rglob("*") if path.is_file()}
    assert not out.exists()
