"""The reader of OpenStreetMap files."""

from __future__ import annotations

import bz2
import gzip
from typing import TYPE_CHECKING, Any

import numpy as np
import osmnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from routing.build import public_roads
from routing.errors import InputError
from scenarios.osm import OSM_SUFFIXES, osm_format, read_osm
from scenarios.osm_tags import is_drivable
from tests.tiny_map import TinyMap, segments, town

if TYPE_CHECKING:
    from pathlib import Path

    from scenarios.citydata import CityData

ROAD = {"highway": "residential"}
LINE = {1: (13.00, 53.0), 2: (13.01, 53.0), 3: (13.02, 53.0), 4: (13.03, 53.0), 5: (13.04, 53.0)}


def read(made: TinyMap, folder: Path, **options: tuple[float, float, float, float]) -> CityData:
    return read_osm(made.write(folder / "map.osm"), **options)


@pytest.mark.parametrize("suffix", OSM_SUFFIXES)
def test_every_format_gives_the_same(suffix: str, tmp_path: Path) -> None:
    city = read_osm(town().write(tmp_path / f"town{suffix}"))
    expected = read(town(), tmp_path)
    assert segments(city.ways) == segments(expected.ways)
    assert city.stations == expected.stations
    assert city.places == expected.places
    np.testing.assert_array_equal(city.addresses, expected.addresses)
    assert city.dropped == expected.dropped == {}


def test_longest_ending_tells_the_format(tmp_path: Path) -> None:
    assert osm_format(tmp_path / "A.OSM.PBF") == "pbf"
    assert osm_format(tmp_path / "a.osm.gz") == "osm.gz"
    assert osm_format(tmp_path / "a.gz") == ""


@pytest.mark.parametrize("order", ["wnr", "rwn", "rnw"])
def test_objects_may_come_in_any_order(order: str, tmp_path: Path) -> None:
    made = town()
    made.relations[1] = ([100, 101], {"type": "multipolygon", "building": "yes"})
    shuffled = TinyMap(**vars(made))
    shuffled.nodes = dict(reversed(made.nodes.items()))
    city = read_osm(shuffled.write(tmp_path / "b.osm", order))
    expected = read(made, tmp_path)
    assert segments(city.ways) == segments(expected.ways)
    assert city.stations == expected.stations
    np.testing.assert_array_equal(city.buildings, expected.buildings)
    assert len(city.buildings) == 1


@st.composite
def maps(draw: st.DrawFn) -> TinyMap:
    nodes = {i: (13 + 0.001 * (i % 4), 53 + 0.001 * (i // 4)) for i in range(1, 13)}
    highway = st.sampled_from(["residential", "primary", "footway", "service", "living_street"])
    tags = st.fixed_dictionaries(
        {"highway": highway},
        optional={
            "oneway": st.sampled_from(["yes", "-1", "no"]),
            "junction": st.just("roundabout"),
            "access": st.sampled_from(["private", "yes"]),
            "name": st.sampled_from(["A", "B"]),
        },
    )
    refs = st.lists(st.sampled_from(sorted(nodes)), min_size=2, max_size=6)
    ways: list[tuple[list[int], dict[str, str]]] = draw(
        st.lists(st.tuples(refs, tags), min_size=1, max_size=6)
    )
    return TinyMap(nodes=nodes, ways={100 + i: way for i, way in enumerate(ways)})


@given(maps())
@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_segments_as_in_osmnx(tmp_path: Path, made: TinyMap) -> None:
    drivable = {i: way for i, way in made.ways.items() if is_drivable(way[1])}
    expected: set[tuple[int, int, int]] = set()
    if drivable:
        path = TinyMap(nodes=made.nodes, ways=drivable).write(tmp_path / "drivable.osm")
        graph: Any = osmnx.graph_from_xml(path, simplify=False, retain_all=True)
        expected = {(u, v, way) for u, v, way in graph.edges(data="osmid") if u != v}
    if expected:
        assert set(segments(public_roads(read(made, tmp_path).ways))) == expected
    else:
        with pytest.raises(InputError, match="no drivable road"):
            read(made, tmp_path)


def test_missing_nodes_cut_a_way_and_are_counted(tmp_path: Path) -> None:
    nodes = {i: at for i, at in LINE.items() if i != 3}
    made = TinyMap(nodes, {7: ([1, 2, 3, 4, 5], ROAD), 8: ([5, 3], ROAD), 9: ([98, 99], ROAD)})
    city = read(made, tmp_path)
    there = {(1, 2, 7), (4, 5, 7)}
    assert set(segments(city.ways)) == there | {(b, a, way) for a, b, way in there}
    assert city.dropped == {
        "road_vertices_missing_from_the_file": 4,
        "ways_with_missing_vertices": 3,
        "ways_without_a_segment": 2,
    }


def test_bbox_cuts_ways_into_the_runs_inside(tmp_path: Path) -> None:
    made = TinyMap(dict(LINE), {7: ([1, 2, 3, 4, 5, 1], ROAD)})
    made.node_tags = {2: {"amenity": "fire_station"}, 5: {"amenity": "fire_station"}}
    made.ways[8] = ([2, 5], {"building": "yes"})
    city = read(made, tmp_path, bbox=(12.99, 52.9, 13.025, 53.1))
    assert set(segments(city.ways)) == {(1, 2, 7), (2, 1, 7), (2, 3, 7), (3, 2, 7)}
    assert [s.osm for s in city.stations] == ["n2"]
    # What is left of a building is where its corners inside are.
    np.testing.assert_allclose(city.buildings, [LINE[2]])
    assert city.dropped == {"road_vertices_outside_bbox": 2}


def test_bbox_on_a_cut_file_gives_what_it_gives_on_the_whole(tmp_path: Path) -> None:
    box = (12.99, 52.9, 13.025, 53.1)
    whole = TinyMap(dict(LINE), {7: ([1, 2, 3, 4, 5], ROAD), 8: ([4, 5], ROAD)})
    cut = TinyMap({i: LINE[i] for i in (1, 2, 3)}, {7: whole.ways[7]})
    a = read(whole, tmp_path, bbox=box).ways
    b = read_osm(cut.write(tmp_path / "cut.osm"), box).ways
    for name in ("node_osm", "node_e7", "segment_tail", "segment_head", "way_osm"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))


def test_features_of_every_kind(tmp_path: Path) -> None:
    made = TinyMap(dict(LINE), {7: ([1, 2, 3, 4, 5], ROAD)})
    made.node_tags[1] = {"place": "village", "name": "Ort"}
    made.node_tags[2] = {"place": "locality", "name": "Field"}
    made.node_tags[3] = {"place": "suburb"}
    corners = {11: (13.1, 53.1), 12: (13.2, 53.1), 13: (13.2, 53.3), 14: (13.1, 53.2)}
    made.nodes |= corners
    hospital = {
        "amenity": "hospital",
        "building": "yes",
        "emergency": "no",
        "addr:housenumber": "1",
    }
    made.ways[20] = ([11, 12, 13, 14, 11], hospital)
    made.ways[21] = ([11, 12], {})
    made.ways[22] = ([13, 14], {})
    made.relations[30] = ([21, 22], {"type": "multipolygon", "amenity": "fire_station"})
    made.relations[31] = ([77], {"type": "multipolygon", "amenity": "fire_station"})
    city = read(made, tmp_path)
    assert [(p.osm, p.name) for p in city.places] == [("n1", "Ort")]
    (station,) = city.stations
    assert (station.osm, station.lon, station.lat) == ("r30", 13.15, 53.2)
    assert station.label == "Fire station (OSM relation 30)"
    (clinic,) = city.hospitals
    assert (clinic.osm, clinic.emergency, clinic.lon, clinic.lat) == ("w20", "no", 13.15, 53.2)
    np.testing.assert_allclose(city.addresses, [[13.15, 53.2]])
    np.testing.assert_allclose(city.buildings, [[13.15, 53.2]])
    assert city.dropped == {"features_without_position": 1}


def test_ways_carry_class_limit_and_name(tmp_path: Path) -> None:
    made = TinyMap(dict(LINE))
    made.ways[9] = ([1, 2], {"highway": "primary", "ref": "B 96", "maxspeed": "70"})
    made.ways[8] = ([2, 3], {"highway": "residential", "name": "Gasse"})
    ways = read(made, tmp_path).ways
    assert ways.way_osm.tolist() == [8, 9]
    assert [ways.class_names[i] for i in ways.way_class] == ["residential", "primary"]
    assert [ways.names[i] for i in ways.way_name] == ["Gasse", "B 96"]
    np.testing.assert_array_equal(ways.way_maxspeed, np.array([np.nan, 70], dtype=np.float32))


@pytest.mark.parametrize("suffix", OSM_SUFFIXES)
@pytest.mark.parametrize("damage", ["empty", "truncated", "other format"])
def test_damaged_file_is_one_clear_error(suffix: str, damage: str, tmp_path: Path) -> None:
    path = town().write(tmp_path / f"town{suffix}")
    whole = path.read_bytes()
    other = {"osm": b"PK\x03\x04 a spreadsheet", "osm.gz": bz2.compress(whole)}
    path.write_bytes(
        {
            "empty": b"",
            "truncated": whole[: len(whole) // 2],
            "other format": other.get(osm_format(path), b"<html>not found</html>"),
        }[damage]
    )
    with pytest.raises(InputError) as caught:
        read_osm(path)
    assert path.name in str(caught.value)
    assert "\n" not in str(caught.value)
    assert ("empty" if damage == "empty" else "cannot be read") in str(caught.value)


def test_empty_archive_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.osm.gz"
    path.write_bytes(gzip.compress(b""))
    with pytest.raises(InputError, match="cannot be read"):
        read_osm(path)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no file"):
        read_osm(tmp_path / "a.osm.pbf")


def test_map_without_roads(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no drivable road"):
        read(TinyMap(dict(LINE), {7: ([1, 2], {"highway": "footway"})}), tmp_path)


def test_bbox_beside_the_data_tells_where_the_data_is(tmp_path: Path) -> None:
    made = TinyMap(dict(LINE), {7: ([1, 2, 3], ROAD)})
    with pytest.raises(InputError, match=r"13\.00000,53\.00000,13\.02000,53\.0") as caught:
        read(made, tmp_path, bbox=(0.0, 0.0, 1.0, 1.0))
    assert caught.value.field == "--bbox"


@pytest.mark.parametrize(
    "bbox",
    [(1, 0, 0, 1), (0, 1, 1, 0), (0, 0, 0, 1), (-200, 0, 1, 1), (0, 0, 1, 91), (np.nan, 0, 1, 1)],
)
def test_box_that_is_none(bbox: tuple[float, float, float, float], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no box"):
        read(town(), tmp_path, bbox=bbox)
