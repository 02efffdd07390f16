"""Closures, turns, vehicles and hours, as the commands take them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.command_line import refused, run
from tests.toy_city import corner

if TYPE_CHECKING:
    from pathlib import Path

A, B = corner(0, 0), corner(0, 3)
MIDDLE = ((A[0] + B[0]) / 2, (A[1] + B[1]) / 2)


def at(place: tuple[float, float]) -> str:
    return f"{place[0]},{place[1]}"


def square(side: float = 0.0005) -> dict[str, Any]:
    """Draw a square round the middle of the street from A to B."""
    x, y = MIDDLE
    ring = [[x - side, y - side], [x + side, y - side], [x + side, y + side], [x - side, y + side]]
    return {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}


def closures(folder: Path, geometry: dict[str, Any], **properties: object) -> Path:
    path = folder / "closures.geojson"
    feature = {"type": "Feature", "geometry": geometry, "properties": properties or None}
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}), "utf-8")
    return path


def seconds(scenario: Path, *options: object) -> float:
    told = run("route", scenario, "--from", at(A), "--to", at(B), *options, "--json").json
    return float(told["seconds"])


def test_closed_and_slow_roads(scenario_folder: Path, tmp_path: Path) -> None:
    free = seconds(scenario_folder)
    line = {
        "type": "LineString",
        "coordinates": [[A[0] - 0.001, MIDDLE[1]], [B[0] + 0.001, MIDDLE[1]]],
    }
    for area in (square(), line):
        closed = seconds(scenario_folder, "--closures", closures(tmp_path, area))
        assert closed > free + 1
    slow = closures(tmp_path, square(), factor=1.5)
    # one street of three takes half as long again
    assert seconds(scenario_folder, "--closures", slow) == pytest.approx(free * 7 / 6, abs=0.01)
    told = run(
        "route", scenario_folder, "--from", at(A), "--to", at(B), "--closures", slow, "--json"
    ).json
    assert told["arcs_held_up"] == 2
    low = closures(tmp_path, square(), maxheight=2.5)
    assert seconds(scenario_folder, "--closures", low, "--vehicle", "car") == pytest.approx(
        seconds(scenario_folder, "--vehicle", "car")
    )
    assert seconds(scenario_folder, "--closures", low) == pytest.approx(closed)


def test_a_matrix_and_an_isochrone_with_closures(scenario_folder: Path, tmp_path: Path) -> None:
    file = closures(tmp_path, square())
    for name, place in (("a", A), ("b", B)):
        (tmp_path / f"{name}.csv").write_text(f"lon,lat\n{place[0]},{place[1]}\n", "utf-8")
    places = ["--from", tmp_path / "a.csv", "--to", tmp_path / "b.csv"]
    told = run(
        "matrix",
        scenario_folder,
        *places,
        "--out",
        tmp_path / "m.csv",
        "--closures",
        file,
        "--json",
    ).json
    assert told["median_s"] == seconds(scenario_folder, "--closures", file)
    areas = [
        run(
            "isochrone", scenario_folder, "--from", at(A), "--minutes", 1,
            "--out", tmp_path / "i.geojson", *options, "--json",
        ).json["limits"][0]["km2"]
        for options in ([], ["--closures", file])
    ]  # fmt: skip
    assert areas[1] < areas[0]


def test_turns_take_time(scenario_folder: Path) -> None:
    far = ["--from", at(corner(0, 0)), "--to", at(corner(3, 3)), "--json"]
    free = run("route", scenario_folder, *far).json
    turned = run("route", scenario_folder, *far, "--turns").json
    assert turned["turns"]
    # one turn at least, and one is enough
    assert 6.5 < turned["seconds"] - free["seconds"] < 8.5
    assert seconds(scenario_folder, "--turns") == seconds(scenario_folder)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 100_000, "cannot be read"),
        (
            (
                '{"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": '
                '{"type": "LineString", "coordinates": [[64.1, -21.9], [64.2, -21.9]]}}]}'
            ),
            "feature 1 touches no road; draw a polygon",
        ),
        (
            (
                '{"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": '
                '{"type": "Point", "coordinates": [0, 0]}, "properties": {"max_height": 2}}]}'
            ),
            "feature 1: unknown property 'max_height'",
        ),
        ("{", "closures.geojson cannot be read"),
        ('{"type": "Point"}', "type: Input should be 'FeatureCollection'"),
        (
            (
                '{"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": '
                '{"type": "Polygon", "coordinates": [[[0,0],[1,1],[1,0],[0,1],[0,0]]]}}]}'
            ),
            "feature 1: Self-intersection",
        ),
        (
            (
                '{"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": '
                '{"type": "Circle"}}]}'
            ),
            "feature 1: its geometry is none",
        ),
        (
            (
                '{"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": '
                '{"type": "Point", "coordinates": [0, 0]}, "properties": {"factor": -1}}]}'
            ),
            "features.0.properties.factor: Input should be greater than or equal to 0.01",
        ),
    ],
)
def test_closures_that_are_none(
    scenario_folder: Path, tmp_path: Path, text: str, message: str
) -> None:
    file = tmp_path / "closures.geojson"
    file.write_text(text, "utf-8")
    line = refused("route", scenario_folder, "--from", at(A), "--to", at(B), "--closures", file)
    assert message in line
