"""The way from one place to another, as the command tells it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from api.city import City
from api.schemas import RouteRequest
from routing.uncertainty import arrival_probability
from tests.command_line import refused, run
from tests.toy_city import ISLAND, corner, toy_city

if TYPE_CHECKING:
    from pathlib import Path


def at(place: tuple[float, float]) -> str:
    """Write a place as an option takes it."""
    return f"{place[0]},{place[1]}"


@pytest.mark.parametrize("profile", ["siren", "normal"])
def test_it_is_the_way_of_the_service(scenario_folder: Path, tmp_path: Path, profile: str) -> None:
    start, end = corner(0, 0), (corner(3, 2)[0], corner(3, 2)[1] + 0.0003)
    out = tmp_path / "way.geojson"
    args = ["route", scenario_folder, "--from", at(start), "--to", at(end), "--out", out]
    told = run(*args, "--profile", profile, "--json").json
    request = {"from": list(start), "to": list(end), "profile": profile}
    served = City(toy_city()).route(RouteRequest.model_validate(request))
    properties = served.properties
    assert (told["seconds"], told["metres"]) == (properties.seconds, properties.metres)
    assert told["from_snapped_distance_m"] == properties.from_snapped_distance == 0
    assert told["to_snapped_distance_m"] == properties.to_snapped_distance
    assert [street["name"] for street in told["streets"]] == properties.streets
    assert sum(street["metres"] for street in told["streets"]) == pytest.approx(
        properties.metres, abs=1
    )
    assert sum(street["seconds"] for street in told["streets"]) == pytest.approx(
        properties.seconds, abs=0.3
    )
    feature = json.loads(out.read_text("utf-8"))
    assert feature["geometry"]["coordinates"] == served.geometry.coordinates
    assert feature["properties"]["streets"] == told["streets"]
    assert feature["properties"]["nodes"][0] == 1
    assert len(feature["properties"]["arcs"]) == len(feature["properties"]["nodes"]) == 6
    assert {street["turn"] for street in told["streets"]} <= {0, -90, 90}


def test_the_words_for_people(scenario_folder: Path) -> None:
    places = ["--from", at(corner(0, 0)), "--to", at(corner(0, 5))]
    code, out, err = run("route", scenario_folder, *places, "--within", "8")
    assert (code, err) == (0, "")
    assert "(ambulance, siren)" in out
    assert "1.67 km" in out
    assert "in 8 min or less" in out
    assert "nine in ten trips" in out
    assert "start  6th Street" in out


def test_no_way_at_all_to_where_one_is(scenario_folder: Path) -> None:
    here = at(corner(1, 1))
    told = run("route", scenario_folder, "--from", here, "--to", here, "--within", 1, "--json").json
    assert (told["seconds"], told["metres"], told["streets"]) == (0, 0, [])
    assert told["probability"] == 1
    assert "0.00 km" in run("route", scenario_folder, "--from", here, "--to", here).out


def test_the_chance_to_arrive(scenario_folder: Path) -> None:
    args = ["route", scenario_folder, "--from", at(corner(0, 0)), "--to", at(corner(5, 5))]
    plain = run(*args, "--json").json
    assert "probability" not in plain
    half = run(*args, "--within", plain["seconds"] / 60, "--json").json
    assert half["probability"] == pytest.approx(0.5, abs=1e-6)
    longer = run(*args, "--within", 6, "--json").json
    ms = round(plain["seconds"] * 1000)
    assert longer["probability"] == pytest.approx(float(arrival_probability(ms, 360_000)), abs=1e-6)
    again = run(*args, "--within", longer["nine_in_ten_s"] / 60, "--json").json
    assert again["probability"] == pytest.approx(0.9, abs=1e-3)


def test_refusals(scenario_folder: Path, tmp_path: Path) -> None:
    here, there = at(corner(0, 0)), at(corner(1, 0))
    args = ["route", scenario_folder, "--from", here, "--to"]
    assert "no road leads" in refused(*args, at(ISLAND))
    assert "LON,LAT" in refused(*args, "64.1")
    assert "lon -180 to 180 comes first" in refused(*args, "64.1,-121.9")
    assert "no position" in refused(*args, "nan,64")
    assert "--to" in refused(*args, "0,0")
    assert ".geojson" in refused(*args, there, "--out", tmp_path / "way.txt")
    assert "--within" in refused(*args, there, "--within", "0")
    assert "from the nearest road" in refused(
        *args, f"{ISLAND[0]},{ISLAND[1] + 0.005}", "--snap-limit", "500"
    )
