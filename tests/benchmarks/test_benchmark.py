"""The benchmark command."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from benchmarks.cli import benchmark
from routing.errors import InputError
from scenarios.packaging import save_scenario
from tests.toy_city import toy_city

if TYPE_CHECKING:
    from pathlib import Path


def test_results_say_what_was_measured_where(tmp_path: Path) -> None:
    save_scenario(toy_city(), tmp_path / "city")
    out, picture = tmp_path / "r.json", tmp_path / "r.svg"
    arguments = ["routing", "--city", str(tmp_path / "city"), "--peers", "scipy", "--rounds", "1"]
    arguments += ["--budget", "0.5", "--picture", str(picture), "--out", str(out), "--json"]
    ran = CliRunner().invoke(benchmark, arguments)
    assert ran.exit_code == 0, ran.output
    document = json.loads(out.read_text(encoding="utf-8"))
    assert json.loads(ran.stdout) == document
    assert {"revision", "versions", "machine", "settings"} <= document.keys()
    assert document["machine"]["cpu"]
    (result,) = document["results"]["routing"]
    assert result["wrong"] == []
    assert list(result["contestants"]) == ["bluelight", "scipy"]
    assert str(tmp_path) not in out.read_text(encoding="utf-8")
    assert picture.read_text(encoding="utf-8").startswith("<?xml")


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [(["routin"], "routing"), (["routing", "--peers", "scipi"], "scipy")],
)
def test_unknown_names(tmp_path: Path, arguments: list[str], meant: str) -> None:
    ran = CliRunner().invoke(benchmark, [*arguments, "--out", str(tmp_path / "r.json")])
    assert isinstance(ran.exception, InputError)
    assert f"did you mean '{meant}'?" in str(ran.exception)
    assert not (tmp_path / "r.json").exists()
