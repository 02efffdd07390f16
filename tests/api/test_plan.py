"""Plans and the demo by command."""

from __future__ import annotations

import itertools
import json
import signal
from typing import TYPE_CHECKING

import numpy as np
import pytest

from api.city import City
from api.commands import plan as commands
from api.schemas import MatrixRequest
from api.stopping import stop_on_interrupt
from engine.stationing import MODELS
from scenarios import promise
from tests.command_line import refused, run
from tests.toy_city import toy_city

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "plan.json"


def drives() -> tuple[np.ndarray, np.ndarray]:
    """Seconds from today's stations and the zones to the zones, and the zones' weights."""
    city = toy_city()
    zones, stations = (
        table[["lon", "lat"]].to_numpy().tolist() for table in (city.zones, city.stations)
    )
    request = MatrixRequest(sources=stations + zones, destinations=zones)
    table = np.array(City(city).matrix(request).durations, dtype=float)
    return table, city.zones["weight"].to_numpy()


def test_p_median_is_the_best_of_all(scenario_folder: Path, out: Path) -> None:
    args = ["plan", scenario_folder, "--model", "p-median", "--out", out]
    document = run(*args, "--stations", 2, "--json").json
    table, weight = drives()
    best = min(
        float(weight @ table[list(pair)].min(axis=0))
        for pair in itertools.combinations(range(len(table)), 2)
    )
    assert document["objective"] == pytest.approx(best, abs=1e-3)
    assert document["proven"]
    assert document == json.loads(out.read_text())


def test_the_plan_in_words(scenario_folder: Path, out: Path, tmp_path: Path) -> None:
    planned = tmp_path / "planned"
    args = ["plan", scenario_folder, "--stations", 2, "--out", out, "--scenario", planned]
    ran = run(*args)
    assert (ran.code, ran.err) == (0, "")
    document = json.loads(out.read_text())
    for station in document["stations"]:
        assert any(line.startswith(f"{station['id']} ") for line in ran.out.splitlines())
    assert "proven best" in ran.out
    assert "whole city  100.0 %" in ran.out
    checked = run("check", planned, "--json").json
    assert checked["stations"] == 2
    assert checked["units"] == 5
    assert f"(hash {checked['hash'][:12]})" in ran.out


@pytest.mark.parametrize(
    "numbers", [["--stations", "3,4"], ["--stations", 3, "--stations", 4], ["--stations", 3, 4]]
)
def test_several_numbers_make_several_plans(
    scenario_folder: Path, out: Path, numbers: list[object]
) -> None:
    args = ["plan", scenario_folder, "--existing", "keep", "--out", out]
    ran = run(*args, *numbers)
    assert (ran.code, ran.err) == (0, "")
    plans = json.loads(out.read_text())
    assert [len(plan["stations"]) for plan in plans] == [3, 4]
    rows = [line.split()[0] for line in ran.out.splitlines() if line.strip()]
    assert rows[2:5] == ["today", "3", "4"]
    assert [len(plan["stations"]) for plan in run(*args, *numbers, "--json").json] == [3, 4]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--stations", "8"], "8 stations of 7 candidate sites"),
        (["--stations", "2", "--existing", "keep"], "3 existing ones"),
        (["--stations", "2", "--model", "mclpp"], "did you mean 'mclp-v1'"),
        (["--stations", "2", "--standard", "8 minuts"], "did you mean '8 minutes'"),
        (["--stations", "2", "--candidates", "nope.csv"], "nope.csv"),
        (["--stations", "2", "--time-limit", "0"], "--time-limit"),
        (["--stations", "2,3", "--scenario", "x"], "2 plans make no one scenario"),
        (
            ["--units", "ambulance=2", "--slices", "7-19", "--simulate", "2"],
            "--simulate: the slices leave hours in which nothing says which units are on duty",
        ),
    ],
)
def test_plans_that_cannot_be(
    scenario_folder: Path, out: Path, options: list[str], words: str
) -> None:
    assert words in refused("plan", scenario_folder, *options, "--out", out)
    assert not out.exists()


def test_the_demo_is_the_whole_thread(scenario_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "demo"
    options = ["--city", scenario_folder, "--replications", 2, "--no-open", "--out", out]
    ran = run("demo", *options, "--json")
    assert ran.code == 0
    document = json.loads(ran.out)
    assert document["out"] == str(out)
    assert [line.split()[0] for line in ran.err.splitlines()] == ["city", "plan", "simulated"]
    sent = document["recommendation"]["ranking"][0]
    assert sent["unit"] in {unit["id"] for unit in document["plan"]["units"]}
    assert (out / "report.html").is_file()
    again = run("demo", *options)
    assert again.err == ""
    planned_run = out / "comparison" / "runs" / "1"
    assert run("replay", planned_run, "--out", tmp_path / "again").code == 0
    assert again.out.startswith(ran.err)
    assert f"send {sent['unit']}" in again.out


def test_no_demo_of_no_city(tmp_path: Path) -> None:
    line = refused("demo", "--city", "reykjavic", "--out", tmp_path / "demo")
    assert "did you mean 'reykjavik'" in line
    assert not list(tmp_path.iterdir())


def test_only_an_earlier_plan_is_overwritten(scenario_folder: Path, out: Path) -> None:
    options = ["plan", scenario_folder, "--stations", "2", "--out", out]
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text("schema_version = 1\n")
    assert "is no earlier output" in refused(*options)
    assert out.read_text() == "schema_version = 1\n"
    out.unlink()
    assert run(*options).code == 0
    assert run(*options).code == 0


def test_help_tells_each_model_as_it_tells_itself() -> None:
    told = commands.MODELS
    assert told == {name.rpartition("-v")[0]: MODELS[name].about for name in MODELS}
    text = run("plan", "--help").out
    for name, about in told.items():
        assert f"  {name:<18} {about}\n" in text


def test_units_slices_and_floors_by_command(scenario_folder: Path, out: Path) -> None:
    args = ["plan", scenario_folder, "--model", "mexclp", "--out", out, "--busy", 0.3]
    ran = run(*args, "--units", "ambulance=4/3", "--slices", "7-19,19-7", "--stations", 3)
    assert (ran.code, ran.err) == (0, "")
    document = json.loads(out.read_text())
    assert [sum(layer["units"].values()) for layer in document["layers"]] == [4, 3]
    assert "ambulance 19-7 h" in ran.out
    assert "one more ambulance 7-19 h" in ran.out
    front = run(*args, "--units", "ambulance=4/3", "--slices", "7-19,19-7", "--stations", "2,3")
    assert "and mean drive: ambulance 7-19 h)" in front.out
    fleet = run(*args, "--units", "fleet", "--json").json
    placed = {layer["type"]: sum(layer["units"].values()) for layer in fleet["layers"]}
    assert placed == toy_city().units["type"].value_counts().to_dict()


def test_a_plan_by_slices_is_simulated_slice_by_slice(
    scenario_folder: Path, out: Path, tmp_path: Path
) -> None:
    args = ["plan", scenario_folder, "--model", "mexclp", "--out", out, "--busy", 0.3]
    args += ["--units", "ambulance=4/2", "--slices", "7-19,19-7", "--stations", 3]
    ran = run(*args, "--simulate", 2, "--scenario", tmp_path / "planned")
    assert (ran.code, ran.err) == (0, "")
    for span in ("7-19 h", "19-7 h"):
        assert f"within 8 minutes (ambulance, {span})" in ran.out
    assert "(its units are on duty in the slices that they were planned for)" in ran.out
    told = json.loads(out.read_text())["simulated"]["standards"]
    assert [(each["type"], each["hours"]) for each in told] == [
        ("ambulance", [7, 19]),
        ("ambulance", [19, 7]),
    ]
    planned = run("check", tmp_path / "planned", "--json").json
    assert planned["units"] >= 4


def test_a_front_by_command(scenario_folder: Path, out: Path, tmp_path: Path) -> None:
    picture = tmp_path / "front.svg"
    args = ["plan", scenario_folder, "--station-cost", 10, "--closing-cost", 2, "--out", out]
    ran = run(*args, "--budget", "0,10,20", "--picture", picture)
    assert (ran.code, ran.err) == (0, "")
    costs = [plan["cost"] for plan in json.loads(out.read_text())]
    assert all(cost <= most for cost, most in zip(costs, (0, 10, 20), strict=True))
    assert picture.read_text().lstrip().startswith("<?xml")
    one = tmp_path / "map.png"
    assert run(*args, "--stations", 3, "--picture", one).code == 0
    assert one.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "nothing says how many stations"),
        (["--stations", 2, "--units", "many"], "'many' is no number of units"),
        (["--stations", 2, "--units", "ambulance=0"], "'ambulance=0' is no number of units"),
        (["--stations", 2, "--slices", "7"], "'7' is no list of hours"),
        (["--stations", 2, "--floor", "high"], "'high' is no share"),
        (["--stations", 2, "--floor", "1.5"], "'1.5' is no share: give a number from 0 to 1 "),
        (["--stations", 2, "--busy", "1"], "--busy"),
        (["--stations", 2, "--picture", "map.jpg"], "map.jpg has no ending .png, .svg"),
        (["--budget", "1,x"], "'x' is no amount"),
        (["--stations", 2, "--keep", "nowhere"], "there is no site 'nowhere'"),
        (["--stations", 2, "--backup", "0.5"], "mclp-v1 has no parameter 'backup'"),
        (["--stations", 2, "--model", "dsm"], "--longer-limit: dsm-v1 needs two limits"),
        (["--stations", 2, "--model", "mexclp"], "mexclp-v1 places units"),
        (["--stations", 2, "--keep", "S1", "--forbid", "S1"], "cannot be both open and closed"),
        (["--stations", 2, "--station-cost", "1e308"], "--station-cost"),
        (["--stations", 2, "--unit-cost", "nan"], "--unit-cost: 'nan' is no cost"),
        (["--stations", 2, "--capacity", "2"], "--capacity: speaks of units, but none are to"),
        (["--stations", 2, "--unit-cost", "5"], "--unit-cost: speaks of units"),
        (["--budget", 2, "--unit-cost", "ambulance=5"], "--unit-cost: speaks of units"),
        (["--stations", 2, "--standard", "ambulance=8 minutes"], "--standard: speaks of units"),
        (["--units", "ambulance=2", "--capacity", "foo=2"], "--capacity: there is no type of unit"),
        (["--units", "ambulance=2", "--capacity", "doctor car=2"], "--capacity: no doctor car is"),
        (["--units", "ambulance=2", "--capacity", "0"], "--capacity: 0 is no number of ambulance"),
        (["--units", "ambulance=2", "--capacity", "1.5"], "--capacity: '1.5' is no number"),
        (["--units", "ambulance=2/3"], "2 numbers of ambulance for 1 slice;"),
        (["--stations", 2, "--busy", "0.5"], "--busy: mclp-v1 takes a unit for always free"),
        (["--stations", 2, "--slices", "7-19,18-7"], "hour 18 lies in two slices; let each begin"),
        (
            ["--stations", 2, "--model", "dsm", "--longer-limit", 1],
            "--longer-limit: 1 minutes are shorter than the 8 of the standard '8 minutes'",
        ),
        (
            ["--stations", 2, "--model", "survival", "--curve", "z"],
            "--curve: there is no curve 'z'",
        ),
        (
            ["--model", "mexclp", "--units", "fleet"],
            "so nothing tells how busy it is; leave doctor car out, or say",
        ),
    ],
)
def test_questions_that_cannot_be(
    scenario_folder: Path, out: Path, options: list[object], words: str
) -> None:
    assert words in refused("plan", scenario_folder, *options, "--out", out)
    assert not out.exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "it needs lon,lat and may have id,name,cost"),
        ("lon,lat\n-21.9,64.1\n0,0\n", "error: sites.csv: row 2 (lon 0.000000"),
        ("id,lon,lat\na,-21.9,64.1\na,-21.9,64.1\n", "row 2, id: id 'a' stands twice; give each"),
    ],
)
def test_candidates_that_cannot_be(scenario_folder: Path, out: Path, text: str, words: str) -> None:
    sites = out.with_name("sites.csv")
    sites.write_text(text)
    args = ["plan", scenario_folder, "--stations", 2, "--candidates", sites, "--out", out]
    assert words in refused(*args)


def test_the_first_ctrl_c_asks_and_the_second_ends() -> None:
    with stop_on_interrupt("the best plan so far") as stopped:
        assert not stopped()
        signal.raise_signal(signal.SIGINT)
        assert stopped()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_plan_outlives_its_simulation(
    scenario_folder: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        assert "simulated" not in json.loads(out.read_text())
        raise KeyboardInterrupt

    args = ["plan", scenario_folder, "--stations", 2, "--out", out, "--simulate", 2]
    whole = run(*args, "--json").json
    assert whole == json.loads(out.read_text())
    monkeypatch.setattr(promise, "simulate_plan", interrupted)
    planned = out.with_name("planned")
    ran = run(*args, "--scenario", planned)
    assert ran.code == 0
    assert ran.err == f"interrupted: {out} holds the plan without 'simulated'\n"
    assert "proven best" in ran.out
    assert (planned / "scenario.toml").is_file()
    simulated = whole.pop("simulated")
    assert simulated["replications"] == 2
    assert json.loads(out.read_text()) == whole
    assert run(*args, "--json").json == whole


def test_a_plan_leaves_the_city_and_foreign_files_alone(scenario_folder: Path, out: Path) -> None:
    asked = ["plan", scenario_folder, "--stations", 2, "--out"]
    before = {path: path.read_bytes() for path in scenario_folder.rglob("*") if path.is_file()}
    line = refused(*asked, out, "--scenario", scenario_folder)
    assert "--scenario: " in line
    assert "is the scenario that is read" in line
    assert "lies in the scenario" in refused(*asked, out, "--scenario", scenario_folder / "new")
    full = out.parent / "full"
    full.mkdir()
    (full / "letter.txt").write_text("dear")
    assert "--scenario: " in refused(*asked, out, "--scenario", full)
    photo = out.with_name("photo.png")
    photo.write_bytes(b"holidays")
    assert "--picture: " in refused(*asked, out, "--picture", photo)
    assert photo.read_bytes() == b"holidays"
    map_file = out.with_name("map.png")
    assert "of --out too" in refused(*asked, map_file, "--picture", map_file)
    for _ in range(2):  # its own picture is replaced
        assert run(*asked, out, "--picture", map_file).code == 0
    planned = out.parent / "planned"
    line = refused(*asked, planned / "plan.json", "--scenario", planned)
    assert "lies in the scenario that --scenario writes" in line
    assert "cannot write into" in refused(*asked, photo / "plan.json")
    assert before == {p: p.read_bytes() for p in scenario_folder.rglob("*") if p.is_file()}


def test_stations_without_a_unit_are_told(scenario_folder: Path, out: Path) -> None:
    ran = run("plan", scenario_folder, "--stations", 6, "--out", out)
    assert "station has no unit: the objective counts them" in ran.out
