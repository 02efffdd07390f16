"""The benchmark command."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from click.testing import CliRunner

from benchmarks.cli import benchmark
from routing.errors import InputError
from scenarios.packaging import save_scenario
from tests.toy_city import toy_city

if TYPE_CHECKING:
    from pathlib import Path


def test_results_say_what_was_measured_where(tmp_path: Path) -> None:
    save_scenario(toy_city(), tmp_path / "city")
    out = tmp_path / "results.json"
    arguments = ["travel-times", "--city", str(tmp_path / "city"), "--rounds", "3"]
    ran = CliRunner().invoke(benchmark, [*arguments, "--out", str(out), "--json"])
    assert ran.exit_code == 0, ran.output
    document = json.loads(out.read_text(encoding="utf-8"))
    assert json.loads(ran.stdout) == document
    result = document["results"]["travel-times"]
    assert result["equal"] is True
    assert [row["name"] for row in result["contestants"]] == ["bluelight", "scipy", "networkx"]
    for row in result["contestants"]:
        assert 0 < row["min_ms"] <= row["median_ms"] <= row["max_ms"]
    assert {"revision", "versions", "machine"} <= document.keys()
    assert document["machine"]["cpu"]
    assert str(tmp_path) not in out.read_text(encoding="utf-8")

    ran = CliRunner().invoke(benchmark, [*arguments[1:], "--out", str(out)])
    assert "all answers equal: yes" in ran.stdout


def test_unknown_benchmark(tmp_path: Path) -> None:
    ran = CliRunner().invoke(benchmark, ["travel-time", "--out", str(tmp_path / "r.json")])
    assert isinstance(ran.exception, InputError)
    assert "did you mean 'travel-times'?" in str(ran.exception)
    assert not (tmp_path / "r.json").exists()
