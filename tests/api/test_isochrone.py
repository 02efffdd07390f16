"""What is reached in time, as the command draws it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import shapely

from routing.isochrones import isochrones
from routing.snapping import Snapper
from scenarios.package import lonlat
from tests.api.test_route import at
from tests.command_line import refused, run
from tests.toy_city import ISLAND, corner, toy_city

if TYPE_CHECKING:
    from pathlib import Path


def drawn(path: Path) -> list[tuple[dict[str, object], Any]]:
    """Properties and polygon of each feature."""
    document = json.loads(path.read_text("utf-8"))
    assert document["type"] == "FeatureCollection"
    return [
        (feature["properties"], shapely.geometry.shape(feature["geometry"]))
        for feature in document["features"]
    ]


def test_it_draws_what_the_library_finds(scenario_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "i.geojson"
    args = ["isochrone", scenario_folder, "--stations", "--minutes", "1,0.5", "--out", out]
    told = run(*args, "--profile", "normal", "--json").json
    city = toy_city()
    places = Snapper(city.network).snap(lonlat(city.stations))
    arc_ms = city.speeds.arc_times_ms(city.network, "normal")
    small, large = isochrones(city.network, arc_ms, places, [30, 60])
    features = drawn(out)
    driven: dict[str, object] = {"profile": "normal", "vehicle": "ambulance", "local_hour": None}
    driven |= {"turns": False, "arcs_held_up": 0}
    assert [properties for properties, _ in features] == [
        {"seconds": s, "minutes": s / 60, "direction": "from", **driven, "places": 3}
        for s in (60, 30)
    ]
    assert features[0][1].equals(large.polygon)
    assert features[1][1].equals(small.polygon)
    assert len(small.polygon.geoms) == 3
    assert [row["minutes"] for row in told["limits"]] == [0.5, 1]
    assert (told["places"], told["direction"]) == (3, "from")


def test_demand_within_is_that_of_the_zones_reached(scenario_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "i.geojson"
    zone = corner(1, 1)
    args = ["isochrone", scenario_folder, "--from", at(zone), "--out", out]
    told = run(*args, "--minutes", "0.1,60", "--json").json
    assert [row["demand"] for row in told["limits"]] == pytest.approx([0.1, 1.0])
    island = shapely.Point(ISLAND)
    assert not any(polygon.intersects(island) for _, polygon in drawn(out))
    assert told["limits"][0]["km2"] < told["limits"][1]["km2"]


def test_towards_a_place(scenario_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "i.geojson"
    args = ["isochrone", scenario_folder, "--to", at(ISLAND), "--minutes", "5", "--out", out]
    told = run(*args, "--json").json
    assert told["direction"] == "to"
    assert told["limits"][0]["demand"] == 0
    ((properties, polygon),) = drawn(out)
    assert properties["direction"] == "to"
    assert polygon.contains(shapely.Point(ISLAND))


def test_the_words_for_people_and_a_map(scenario_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "i.png"
    args = ["isochrone", scenario_folder, "--from", at(corner(0, 0)), "--from", at(ISLAND)]
    code, said, err = run(*args, "--minutes", "1,2", "--out", out)
    assert (code, err) == (0, "")
    assert said.splitlines()[0].split() == ["minutes", "km2", "demand", "within"]
    assert said.endswith(f"wrote {out}\n")
    first = out.read_bytes()
    assert first.startswith(b"\x89PNG")
    run(*args, "--minutes", "1,2", "--out", out)
    assert out.read_bytes() == first


def test_distance_and_filling_are_heard(scenario_folder: Path, tmp_path: Path) -> None:
    areas = []
    for options in (["--distance", 20], ["--distance", 30], ["--distance", 30, "--fill", 0]):
        out = tmp_path / "i.geojson"
        args = ["isochrone", scenario_folder, "--stations", "--minutes", "60", "--out", out]
        areas.append(run(*args, *options, "--json").json["limits"][0]["km2"])
    assert areas[2] < areas[0] / 2
    assert areas[0] < areas[1]


def test_refusals(scenario_folder: Path, tmp_path: Path) -> None:
    out = ["--out", tmp_path / "i.geojson"]
    args = ["isochrone", scenario_folder, "--minutes", "4"]
    assert "one of --from, --to, --stations" in refused(*args, *out)
    assert "one of --from" in refused(*args, "--stations", "--to", at(ISLAND), *out)
    assert ".geojson, .png" in refused(*args, "--stations", "--out", tmp_path / "i.html")
    start = ["isochrone", scenario_folder, "--stations", *out, "--minutes"]
    for wrong, words in (
        ("4;8", "not minutes"),
        ("0,4", "0 to 1440"),
        ("nan", "0 to 1440"),
        ("4,4.0", "twice"),
    ):
        assert words in refused(*start, wrong)
    assert "--from" in refused(*args, "--from", "0,0", *out)
    assert not (tmp_path / "i.geojson").exists()
