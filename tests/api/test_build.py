"""Scenarios from maps by command."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.command_line import refused, run

if TYPE_CHECKING:
    from pathlib import Path

MAP = """<?xml version="1.0"?><osm version="0.6">
<node id="1" lon="13.00" lat="53.50"/><node id="2" lon="13.01" lat="53.50"/>
<node id="3" lon="13.01" lat="53.51"/>
<node id="4" lon="13.005" lat="53.501"><tag k="amenity" v="fire_station"/></node>
<node id="5" lon="13.008" lat="53.502"><tag k="addr:housenumber" v="1"/>
<tag k="addr:street" v="Long Street"/></node>
<way id="9"><nd ref="1"/><nd ref="2"/><nd ref="3"/><tag k="highway" v="residential"/>
<tag k="name" v="Long Street"/></way></osm>"""


@pytest.fixture
def town(tmp_path: Path) -> Path:
    path = tmp_path / "town.osm"
    path.write_text(MAP)
    return path


def test_a_map_becomes_a_scenario(town: Path, tmp_path: Path) -> None:
    out = tmp_path / "city"
    options = ["--name", "Tiny", "--units-per-station", "3", "--incidents-per-day", "4.5"]
    built = run("build", town, "--out", out, *options, "--json").json
    assert (built["nodes"], built["arcs"]) == (2, 2)
    assert (built["stations"], built["units"]) == (1, 3)
    assert built["folder"] == str(out)
    checked = run("check", out, "--json").json
    assert checked["scenario"] == "Tiny"
    assert checked["hash"] == built["hash"]


def test_a_second_build_replaces_the_first(town: Path, tmp_path: Path) -> None:
    first, second = (run("build", town, "--out", tmp_path / "city") for _ in range(2))
    assert first == second
    assert first.code == 0
    assert "road length" in first.out


@pytest.mark.parametrize("content", ["", "no map", MAP[: len(MAP) // 2], MAP.replace("way", "wy")])
def test_what_is_no_map_is_one_line(town: Path, tmp_path: Path, content: str) -> None:
    town.write_text(content)
    assert "town.osm" in refused("build", town, "--out", tmp_path / "city")
    assert list(tmp_path.iterdir()) == [town]


def test_nothing_else_is_overwritten(town: Path, tmp_path: Path) -> None:
    out = tmp_path / "thesis"
    out.mkdir()
    (out / "chapter1.txt").touch()
    assert "no earlier result" in refused("build", town, "--out", out)
    assert [path.name for path in out.iterdir()] == ["chapter1.txt"]


def test_a_box_beside_the_map(town: Path, tmp_path: Path) -> None:
    line = refused("build", town, "--out", tmp_path / "city", "--bbox", "-22,64,-21,65")
    assert "--bbox" in line
    assert "13.0" in line


def test_edits_are_not_overwritten(town: Path, tmp_path: Path) -> None:
    out = tmp_path / "city"
    run("build", town, "--out", out)
    rules = out / "scenario.toml"
    rules.write_text(rules.read_text().replace("turnout_s = 60", "turnout_s = 75"))
    assert "was edited" in refused("build", town, "--out", out)
    assert run("check", out, "--accept").code == 0
    assert "was edited" in refused("build", town, "--out", out)
    assert "turnout_s = 75" in rules.read_text()


def test_files_of_somebody_else_are_not_swept_away(town: Path, tmp_path: Path) -> None:
    out = tmp_path / "city"
    run("build", town, "--out", out)
    (out / "notes.txt").write_text("mine")
    assert "notes.txt" in refused("build", town, "--out", out)
    assert (out / "notes.txt").read_text() == "mine"


def test_people_elsewhere_are_no_demand(town: Path, tmp_path: Path) -> None:
    table = tmp_path / "people.csv"
    table.write_text("lon,lat,population\n53.505,13.005,100\n")
    line = refused("build", town, "--population", table, "--out", tmp_path / "city")
    assert "none of the 1 places" in line
    assert "lon comes before lat" in line


def test_a_village_has_some_incidents(town: Path, tmp_path: Path) -> None:
    table = tmp_path / "people.csv"
    table.write_text("lon,lat,population\n13.005,53.505,150\n")
    run("build", town, "--population", table, "--out", tmp_path / "city")
    assert "incidents_per_day = 0.0358\n" in (tmp_path / "city" / "scenario.toml").read_text()


def test_a_place_below_a_file_is_told_before_the_work(town: Path) -> None:
    assert "town.osm is a file" in refused("build", "no such map.osm", "--out", town / "city")


def test_check_says_what_keeps_a_map_from_being_simulated(town: Path, tmp_path: Path) -> None:
    out = tmp_path / "city"
    run("build", town, "--out", out, "--units-per-station", "0")
    assert "there is no unit" in run("check", out, "--json").json["notes"][0]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('timezone = "UTC"', 'timezone = "Europe/Berln"', "unknown timezone 'Europe/Berln'"),
        ('survival = "de-maio-2003"', 'survival = "maio"', "did you mean 'de-maio-2003'"),
        ('needs = ["ambulance"]', 'needs = ["helicopter"]', "no unit type offers"),
        ("share = 0.5", "share = 0.9", "add up to"),
    ],
)
def test_rules_that_make_no_sense_are_one_line(
    town: Path, tmp_path: Path, old: str, new: str, words: str
) -> None:
    out = tmp_path / "city"
    run("build", town, "--out", out)
    rules = out / "scenario.toml"
    rules.write_text(rules.read_text().replace(old, new, 1))
    line = refused("check", out, "--accept")
    assert words in line
    assert "schema_version" not in line
