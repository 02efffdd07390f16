"""From a map to a scenario folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import osmnx
import pytest

from routing.errors import InputError
from scenarios.build import build_scenario
from scenarios.osm import OSM_SUFFIXES, read_osm
from scenarios.packaging import load_scenario
from scenarios.settings import Standard
from tests.tiny_map import TinyMap, town

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def source(tmp_path: Path) -> str:
    """Path of a small town's map."""
    return str(town().write(tmp_path / "town.osm"))


def test_a_town(source: str, tmp_path: Path) -> None:
    made = build_scenario(source, tmp_path / "out")
    city = load_scenario(tmp_path / "out")
    assert made.hash == city.hash
    # 25 crossings less four corners, which are bends; 40 blocks both ways, but for the
    # four of the one-way street, less the two arcs that each bend joins. A rescue vehicle
    # may drive these four against the traffic.
    assert (made.nodes, made.arcs, made.emergency_arcs) == (21, 2 * 40 - 2 * 4, 4)
    assert made.stations == 2
    assert city.stations["id"].tolist() == ["n2000", "n2001"]
    assert city.stations["name"].tolist() == ["Main station", "Ambulance station (OSM node 2001)"]
    assert city.hospitals["name"].tolist() == ["Clinic"]
    assert city.units["station"].tolist() == ["n2000", "n2000", "n2001", "n2001"]
    assert city.units["id"].tolist() == ["A01", "A02", "A03", "A04"]
    assert city.zones["weight"].sum() == 20
    assert set(city.zones["district"]) == {"South", "North"}
    assert city.settings.name == "Town"
    # 20 addresses x 5 persons x 87 incidents by 1,000 and year
    assert city.settings.demand.incidents_per_day == pytest.approx(20 * 5 * 0.087 / 365, abs=0.05)
    cars = city.network.arc_public
    assert made.km == pytest.approx(city.network.arc_m[cars].sum() / 1000, abs=0.05)
    assert made.notes == city.origin["notes"] == []
    assert made.dropped == {}


def test_every_number_of_the_default_rules_says_that_it_is_assumed(
    source: str, tmp_path: Path
) -> None:
    build_scenario(source, tmp_path / "out")
    text = (tmp_path / "out" / "scenario.toml").read_text(encoding="utf-8")
    assert "assumption unless its\n# `source` says otherwise" in text
    assert 'source = "assumption: put the standard that binds your service here"' in text
    assert "20 addresses x 5 persons (assumption)" in text


def test_building_twice_gives_the_same_bytes(source: str, tmp_path: Path) -> None:
    first = build_scenario(source, tmp_path / "a")
    again = build_scenario(source, tmp_path / "a")
    other = town()
    other.nodes = dict(reversed(other.nodes.items()))
    other.ways = dict(reversed(other.ways.items()))
    third = build_scenario(str(other.write(tmp_path / "town.osm.pbf", "wnr")), tmp_path / "b")
    assert first.hash == again.hash == third.hash
    for path in (tmp_path / "a").rglob("*.*"):
        assert path.read_bytes() == (tmp_path / "b" / path.relative_to(tmp_path / "a")).read_bytes()


def test_options(source: str, tmp_path: Path) -> None:
    population = tmp_path / "p.csv"
    population.write_text("lon,lat,population\n13.001,53.001,1000\n13.009,53.006,3000\n")
    speeds = tmp_path / "speeds.toml"
    build_scenario(source, tmp_path / "out")
    text = load_scenario(tmp_path / "out").speeds.text
    speeds.write_text(text + "# ours\n", encoding="utf-8")
    standard = Standard(name="Mine", limit_s=300, share=0.5)
    build_scenario(
        source,
        tmp_path / "out",
        population=population,
        speeds=speeds,
        name='Old "Town"',
        timezone="Europe/Berlin",
        units_per_station=1,
        cell_m=100,
        standards=[standard],
    )
    city = load_scenario(tmp_path / "out")
    assert city.zones["weight"].tolist() == [1000, 3000]
    assert city.zones["district"].tolist() == ["South", "North"]
    assert city.speeds.text.endswith("# ours\n")
    assert city.settings.name == 'Old "Town"'
    assert city.settings.horizon.timezone == "Europe/Berlin"
    assert city.settings.demand.incidents_per_day == pytest.approx(4000 * 0.087 / 365, abs=0.05)
    assert city.settings.standards == [standard]
    assert len(city.units) == 2
    build_scenario(source, tmp_path / "out", incidents_per_day=0.0)
    assert load_scenario(tmp_path / "out").settings.demand.incidents_per_day == 0


def test_graphml_and_map_give_the_same_roads(source: str, tmp_path: Path) -> None:
    graph = osmnx.graph_from_xml(source, simplify=True, retain_all=True)
    osmnx.save_graphml(graph, tmp_path / "town.graphml")
    made = build_scenario(str(tmp_path / "town.graphml"), tmp_path / "a")
    expected = build_scenario(source, tmp_path / "b")
    assert (made.nodes, made.arcs, made.km) == (expected.nodes, expected.arcs, expected.km)
    assert (made.stations, made.units, made.zones) == (0, 0, 0)
    assert len(made.notes) == 3
    assert load_scenario(tmp_path / "a").hash == made.hash


def test_what_is_far_from_roads_is_left_out_with_a_note(tmp_path: Path) -> None:
    made = town()
    made.nodes[2001] = (13.05, 53.05)
    made.nodes[1000] = (13.1, 53.1)
    made.nodes[2002] = (13.2, 53.2)
    report = build_scenario(str(made.write(tmp_path / "t.osm")), tmp_path / "out")
    assert (report.stations, report.hospitals) == (1, 0)
    assert report.dropped == {
        "hospitals_far_from_roads": 1,
        "stations_far_from_roads": 1,
        "zones_far_from_roads": 1,
    }
    assert any("13.0500,53.0500 (5," in note for note in report.notes)
    assert any("no hospitals" in note for note in report.notes)
    zones = load_scenario(tmp_path / "out").zones
    assert zones["weight"].sum() == 19
    assert zones["id"].tolist() == [f"z{i + 1}" for i in range(len(zones))]


def test_only_the_largest_connected_part_is_kept(tmp_path: Path) -> None:
    made = town()
    made.nodes |= {70: (13.02, 53.0), 71: (13.021, 53.0), 72: (13.021, 53.001)}
    made.ways[500] = ([5, 70], {"highway": "residential", "oneway": "yes"})
    made.ways[501] = ([71, 72], {"highway": "residential"})
    report = build_scenario(str(made.write(tmp_path / "t.osm")), tmp_path / "out")
    assert report.nodes == 21
    assert report.dropped["nodes_outside_the_largest_connected_part"] == 3
    assert report.dropped["arcs_outside_the_largest_connected_part"] == 3
    assert "3 of 25 junctions" in report.notes[0]


def test_a_place_name_is_asked_of_osmnx(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def answer(place: str) -> Any:
        asked.append(place)
        return read_osm(tmp_path / "town.osm")

    monkeypatch.setattr("scenarios.graph_import.read_place", answer)
    report = build_scenario("St. Andreasberg, Harz", tmp_path / "out")
    assert asked == ["St. Andreasberg, Harz"]
    assert load_scenario(report.folder).settings.name == "St. Andreasberg, Harz"


def test_unknown_place_suggests_a_bundled_city(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(place: str) -> Any:
        raise InputError("no such place", field="SOURCE", fix="check the spelling")

    monkeypatch.setattr("scenarios.graph_import.read_place", answer)
    with pytest.raises(InputError, match="did you mean 'reykjavik'"):
        build_scenario("reykjavk", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("suffix", [*OSM_SUFFIXES, ".graphml"])
def test_path_that_does_not_exist(suffix: str, tmp_path: Path) -> None:
    for source in (str(tmp_path / "none"), f"none{suffix}", f"maps/none{suffix}"):
        with pytest.raises(InputError, match="there is no file"):
            build_scenario(source, tmp_path / "out")


def test_file_of_no_known_kind(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    for source in (str(tmp_path / "a.txt"), str(tmp_path), ""):
        with pytest.raises(InputError, match=r"is no map.*\.osm\.pbf"):
            build_scenario(source, tmp_path / "out")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bbox": (0, 0, 1, 1)}, r"--bbox: no drivable road .* 13\.00000,53\.00000"),
        ({"bbox": (1, 0, 0, 1)}, "--bbox"),
        ({"timezone": "Mars/Olympus"}, "unknown time zone 'Mars/Olympus'"),
        ({"timezone": "../etc/passwd"}, "unknown time zone"),
        ({"units_per_station": -1}, "--units-per-station"),
        ({"incidents_per_day": -1.0}, "--incidents-per-day"),
        ({"incidents_per_day": float("nan")}, "--incidents-per-day"),
        ({"cell_m": 1.0}, "--cell"),
    ],
)
def test_option_out_of_range(
    options: dict[str, Any], message: str, source: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=message):
        build_scenario(source, tmp_path / "out", **options)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["town.osm"]


def test_roads_that_lead_nowhere(tmp_path: Path) -> None:
    made = TinyMap({1: (13, 53), 2: (13.01, 53)})
    made.ways[1] = ([1, 2], {"highway": "residential", "oneway": "yes"})
    with pytest.raises(InputError, match="no two road junctions"):
        build_scenario(str(made.write(tmp_path / "t.osm")), tmp_path / "out")


def test_box_for_what_cannot_be_cut(tmp_path: Path) -> None:
    for source in ("Reykjavik, Iceland", "a.graphml"):
        with pytest.raises(InputError, match="a box cuts OpenStreetMap files only"):
            build_scenario(source, tmp_path / "out", bbox=(0, 0, 1, 1))


def test_bundled_city_is_copied_as_it_is(tmp_path: Path) -> None:
    report = build_scenario("neubrandenburg", tmp_path / "out")
    assert report.hash == load_scenario("neubrandenburg").hash
    assert load_scenario(tmp_path / "out").hash == report.hash
    with pytest.raises(InputError, match="--units-per-station: the bundled neubrandenburg"):
        build_scenario("neubrandenburg", tmp_path / "out", units_per_station=5)


def test_heidelberg_as_osmnx_counts_it(reference_data: Path, tmp_path: Path) -> None:
    report = build_scenario(str(reference_data / "osm" / "heidelberg.osm.pbf"), tmp_path / "out")
    # An extract cut from a planet, without buildings and with few addresses and names.
    cars = report.arcs - report.emergency_arcs
    # ways for rescue vehicles alone, and bollards, part some of the arcs of cars
    assert 12286 < cars == pytest.approx(12286, rel=0.03)
    assert report.nodes > 5172
    assert report.emergency_arcs > 1000
    assert report.km == pytest.approx(1738, rel=0.005)
    assert (report.stations, report.hospitals) == (2, 4)
    assert any("rests on 632 addresses" in note for note in report.notes)
    assert report.hash == load_scenario(report.folder).hash
