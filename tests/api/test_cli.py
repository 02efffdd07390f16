"""The command line: help, one line for each error, exit codes."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

import api.cli
from api.options import bounding_box, counts, names
from api.output import clock, json_text, percent, plain, table
from routing.errors import InputError
from tests.command_line import refused, run

PROJECT = Path(api.cli.__file__).parents[1]
COMMANDS = ["demo", "build", "check", "matrix", "plan", "simulate", "compare", "replay", "serve"]


def process(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "api.cli", *args],
        capture_output=True,
        text=True,
        cwd=PROJECT,
        timeout=120,
        check=False,
    )


def test_help_is_there_without_the_heavy_packages() -> None:
    code = "import sys, api.cli; print(*sorted(sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=PROJECT, check=True
    ).stdout.split()
    assert not {"numpy", "pandas", "numba", "fastapi", "pydantic", "osmnx"} & set(loaded)


def test_help_lists_the_commands() -> None:
    shown = process("--help")
    assert shown.returncode == 0
    assert shown.stderr == ""
    first_words = [line.split()[0] for line in shown.stdout.splitlines() if line.strip()]
    assert [word for word in first_words if word in COMMANDS] == COMMANDS
    assert process().stdout == shown.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_and_json(command: str) -> None:
    code, out, err = run(command, "--help")
    assert (code, err) == (0, "")
    assert "--json" in out


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["demmo"], "Did you mean 'demo'"),
        (["build"], "Missing argument 'SOURCE'"),
        (["build", "x.osm"], "Missing option '--out'"),
        (["build", "x.osm", "--out", "y", "--bocks", "1"], "--bbox"),
        (["build", "x.osm", "--out", "y", "--bbox", "1,2,3"], "four numbers"),
        (["build", "x.osm", "--out", "y", "--bbox", "3,2,1,4"], "west < east"),
        (["build", "x.osm", "--out", "y", "--bbox", "1,4,3,2"], "south < north"),
        (["build", "x.osm", "--out", "y", "--bbox", "1,nan,3,2"], "finite"),
        (["build", "x.osm", "--out", "y", "--bbox", "-200,1,3,2"], "-180"),
        (["build", "no/such.osm.pbf", "--out", "y"], "no/such.osm.pbf"),
        (["build", "x.osm", "--out", "y", "--cell", "-1"], "--cell"),
        (["build", "x.osm", "--out", "y", "--population", "nope.csv"], "nope.csv"),
        (["plan", "x", "--out", "p.json"], "--stations"),
        (["plan", "x", "--out", "p.json", "--stations", "0"], "at least 1"),
        (["plan", "x", "--out", "p.json", "--stations", "4,x"], "whole number"),
        (["plan", "x", "--out", "p.json", "--stations", "4", "--existing", "kep"], "'keep'"),
        (["plan", "nowhere", "--out", "p.json", "--stations", "4"], "nowhere"),
        (["simulate", "x", "--out", "r", "--replications", "0"], "--replications"),
        (["simulate", "x", "--out", "r", "--seed", "-1"], "--seed"),
        (["simulate", "x", "--out", "r", "--workers", "many"], "--workers"),
        (["simulate", "nowhere", "--out", "r"], "nowhere"),
        (["compare", "--out", "r"], "SCENARIO"),
        (["compare", "x", "--out", "r", "--policies", "a,,b"], "empty name"),
        (["compare", "x", "--out", "r", "--policies", "a,a"], "twice"),
        (["replay", "no-run", "--out", "r"], "no-run"),
        (["serve", "x", "--port", "70000"], "--port"),
        (["serve", "reykjavic"], "reykjavik"),
        (["matrix", "reykjavik", "--from", "nope.csv", "--to", "b", "--out", "c"], "nope.csv"),
        (["check", "."], "datapackage.json"),
    ],
)
def test_wrong_input_is_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    args: list[str],
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert words in refused(*args)
    assert not list(tmp_path.iterdir())


def test_a_process_ends_as_the_runner_says() -> None:
    ran = process("build", "x.osm")
    assert ran.returncode == 2
    assert ran.stdout == ""
    assert ran.stderr.startswith("error: ")
    assert ran.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (InputError("is wrong", field="--x", fix="mend\nit"), "--x: is wrong; mend it"),
        (
            FileNotFoundError(2, "No such file or directory", "a/b"),
            "a/b: No such file or directory",
        ),
        (PermissionError(13, "Permission denied", Path("c")), "c: Permission denied"),
        (click.FileError("d", "it is\nbroken"), "Could not open file 'd': it is broken"),
        (ZeroDivisionError("a defect"), None),
        (OSError("a defect"), None),
    ],
)
def test_errors_of_people_are_told_and_defects_raised(error: Exception, line: str | None) -> None:
    assert api.cli.in_one_line(error) == line


def test_validation_by_pydantic_is_told_in_one_line() -> None:
    from pydantic import BaseModel, ValidationError

    class Model(BaseModel):
        speed: int

    with pytest.raises(ValidationError) as caught:
        Model.model_validate({"speed": "fast"})
    line = api.cli.in_one_line(caught.value)
    assert line is not None
    assert line.startswith("speed: ")
    assert "'fast'" in line


def test_ctrl_c_is_130_and_one_line() -> None:
    command = click.Command("wait", callback=lambda: signal.raise_signal(signal.SIGINT))
    api.cli.bluelight.add_command(command)
    try:
        code, out, err = run("wait")
    finally:
        del api.cli.bluelight.commands["wait"]
    assert (code, out, err) == (130, "", "error: interrupted\n")


def test_plugins_are_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    class Plugin:
        name = "extra"

        @staticmethod
        def load() -> click.Command:
            return click.Command("extra", callback=lambda: click.echo("hello"), help="Extra.")

    class Plugins(tuple[type[Plugin], ...]):
        __slots__ = ()
        names = frozenset({"extra"})

    def entry_points(*, group: str, name: str = "extra") -> Plugins:
        assert group == "bluelight.commands"
        return Plugins([Plugin] if name == "extra" else [])

    monkeypatch.setattr(api.cli, "entry_points", entry_points)
    assert run("extra") == (0, "hello\n", "")
    assert "extra" in run("--help")[1]


def test_check_finds_an_edit_and_accepts_it(scenario_folder: Path, tmp_path: Path) -> None:
    import shutil

    folder = tmp_path / "city"
    shutil.copytree(scenario_folder, folder)
    before = run("check", folder, "--json").json["hash"]
    rules = folder / "scenario.toml"
    rules.write_text(rules.read_text().replace("incidents_per_day = 24", "incidents_per_day = 25"))
    line = refused("check", folder)
    assert "scenario.toml" in line
    assert "--accept" in line
    after = run("check", folder, "--accept", "--json").json["hash"]
    assert before != after
    rules.write_text(rules.read_text().replace("incidents_per_day = 25", "incidents_per_day = -1"))
    assert "incidents_per_day" in refused("check", folder, "--accept")


def test_boxes_and_lists() -> None:
    assert bounding_box("-22,64.1,-21.5,64.2") == (-22, 64.1, -21.5, 64.2)
    assert names("a, b") == ("a", "b")
    assert counts("4,5,6") == (4, 5, 6)


@given(st.text(alphabet="0123456789,.-+eEnaif ", max_size=30))
def test_any_text_is_a_box_or_refused(text: str) -> None:
    with contextlib.suppress(click.BadParameter):
        west, south, east, north = bounding_box(text)
        assert -180 <= west < east <= 180
        assert -90 <= south < north <= 90


def test_json_holds_no_number_that_json_lacks() -> None:
    import numpy as np

    document = {"a": float("nan"), 1: np.float64("inf"), "b": np.arange(2), "c": Path("x/y")}
    assert plain(document) == {"a": None, "1": None, "b": [0, 1], "c": "x/y"}
    assert json_text({"ü": np.bool_(True)}) == '{\n  "ü": true\n}\n'


def test_figures_have_units_and_columns_line_up() -> None:
    assert [clock(s) for s in (425.4, 59.6, -61, None, float("inf"))] == [
        "7:05 min",
        "1:00 min",
        "-1:01 min",
        "-",
        "-",
    ]
    assert [percent(x) for x in (0.9344, None, float("nan"))] == ["93.4 %", "-", "-"]
    assert table(("<name", "n"), [("long name", 1), ("x", None)]) == [
        "name       n",
        "long name  1",
        "x          -",
    ]
