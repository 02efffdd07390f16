"""Polygons about what is reached: valid, nested, true to their distance."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod

from routing.build import Ways, build_network
from routing.errors import InputError
from routing.isochrones import (
    Isochrone,
    Outline,
    _deep_points,
    feature_collection,
    isochrones,
)
from routing.network import UNREACHABLE, RoadNetwork
from routing.reach import reached_arcs, stretch_lines
from routing.snapping import Places, Snapper
from scenarios.packaging import bundled_names, load_scenario
from tests.routing.roads import Road, lonlat, make_network, maps

BARE = Outline(distance_m=40, hole_m2=0, tolerance_m=5)


def check(
    network: RoadNetwork,
    arc_ms: np.ndarray[tuple[int], np.dtype[np.int64]],
    places: Places,
    found: list[Isochrone],
    *,
    outline: Outline,
    towards: bool,
) -> None:
    """Check all that isochrones promise."""
    for small, large in pairwise(found):
        assert small.limit_s < large.limit_s
        assert large.polygon.covers(small.polygon)
    for one in found:
        assert isinstance(one.polygon, shapely.MultiPolygon)
        assert one.polygon.is_valid
        assert not one.polygon.is_empty
        assert all(part.exterior.is_ccw for part in one.polygon.geoms)
        assert not any(ring.is_ccw for part in one.polygon.geoms for ring in part.interiors)
        edges = shapely.get_coordinates(one.polygon)
        np.testing.assert_array_equal(edges, edges.round(7))
        reached = reached_arcs(network, arc_ms, places, one.limit_s, towards=towards)
        drawn, _ = stretch_lines(network, reached)
        spots = np.concatenate([drawn, places.road_lonlat])
        shapely.prepare(one.polygon)
        assert shapely.contains_xy(one.polygon, spots).all()
        # no corner of an outline lies farther from a road reached than promised
        if outline.hole_m2 == 0:
            line, stretch = stretch_lines(network, reached)
            lon0, lat0 = places.road_lonlat[0]
            metres = np.array([111_195 * np.cos(np.radians(lat0)), 111_195])
            near = [shapely.Point(p) for p in (places.road_lonlat - [lon0, lat0]) * metres]
            if len(line):
                near += list(shapely.linestrings((line - [lon0, lat0]) * metres, indices=stretch))
            corners = shapely.points((edges - [lon0, lat0]) * metres)
            gaps = shapely.STRtree(near).query_nearest(corners, return_distance=True)[1]
            assert gaps.max() <= outline.distance_m * 1.003


@given(ways=maps(), data=st.data(), towards=st.booleans())
@settings(max_examples=60, deadline=None)
def test_any_map(ways: Ways, data: st.DataObject, towards: bool) -> None:
    network = build_network(ways)
    m = network.n_arcs
    if m == 0:
        return
    snapper = Snapper(network, limit_m=np.inf)
    cell = st.floats(-0.5, 4.5)
    points = data.draw(st.lists(st.tuples(cell, cell), min_size=1, max_size=3))
    places = snapper.snap(lonlat(*points))
    time = st.one_of(st.integers(0, 90_000), st.just(int(UNREACHABLE)))
    arc_ms = np.array(data.draw(st.lists(time, min_size=m, max_size=m)))
    limits = data.draw(st.lists(st.floats(0, 200), min_size=1, max_size=3, unique=True))
    outline = data.draw(st.sampled_from([BARE, Outline(), Outline(distance_m=8, tolerance_m=1)]))
    found = isochrones(network, arc_ms, places, limits, towards=towards, outline=outline)
    check(network, arc_ms, places, found, outline=outline, towards=towards)


@pytest.mark.parametrize("towards", [False, True])
@pytest.mark.parametrize("name", bundled_names())
def test_cities(name: str, towards: bool) -> None:
    city = load_scenario(name)
    network = city.network
    arc_ms = city.speeds.arc_times_ms(network, "siren").astype(np.int64)
    spots = network.node_lonlat[np.random.default_rng(5).integers(network.n_nodes, size=3)]
    places = Snapper(network).snap(spots)
    limits = [60, 61, 300]
    for outline in (BARE, Outline(), Outline(distance_m=5, hole_m2=1e4, tolerance_m=0.25)):
        found = isochrones(network, arc_ms, places, limits, towards=towards, outline=outline)
        check(network, arc_ms, places, found, outline=outline, towards=towards)


def test_faces_are_told_apart_by_a_point_deep_inside() -> None:
    neck = shapely.box(4.95, 0, 5.05, 30)
    dumbbell = shapely.union_all([shapely.box(0, 0, 10, 10), neck, shapely.box(0, 20, 10, 30)])
    square = shapely.box(0, 0, 4, 4)
    # where it would lie on the neck, rounding takes it over the edge
    assert shapely.point_on_surface(dumbbell).distance(dumbbell.boundary) < 0.1
    faces = np.array([square, dumbbell], dtype=object)
    points = _deep_points(faces)
    assert shapely.contains(faces, points).all()
    assert (shapely.distance(points, shapely.boundary(faces)) > 1).all()


def test_the_area_about_one_straight_road() -> None:
    network = make_network({"a": (0, 0), "b": (10, 0)}, [Road("ab")])
    place = Snapper(network).snap(lonlat((0, 0)))
    outline = Outline(distance_m=50, hole_m2=0, tolerance_m=0)
    (half,) = isochrones(network, np.full(2, 100_000), place, [50], outline=outline)
    area, _ = Geod(a=6_371_009, b=6_371_009).geometry_area_perimeter(half.polygon)
    expected = network.arc_m[0] / 2 * 100 + np.pi * 50**2
    assert area == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize("towards", [False, True])
def test_a_reached_road_without_length_is_drawn(towards: bool) -> None:
    """Its junction counts as reached by rounding, though the road to it is not."""
    points = {"a": (0, 0), "b": (0, 3), "c": (0, 3)}
    network = make_network(points, [Road("ab"), Road("bc")], simplify=False)
    places = Snapper(network).snap(lonlat((0, 2)))
    arc_ms = np.where(network.arc_m > 0, 1, 0)
    found = isochrones(network, arc_ms, places, [0.0], towards=towards, outline=BARE)
    assert len(reached_arcs(network, arc_ms, places, 0.0, towards=towards))
    check(network, arc_ms, places, found, outline=BARE, towards=towards)


def test_roads_out_of_reach_lie_outside_and_small_blocks_inside() -> None:
    points = {"a": (0, 0), "b": (3, 0), "c": (3, 3), "d": (0, 3), "e": (9, 0), "f": (9, 3)}
    roads = [Road("abcda"), Road("ef")]
    network = make_network(points, roads, simplify=False)
    place = Snapper(network).snap(lonlat((0, 0)))
    arc_ms = np.full(network.n_arcs, 1000)
    block = shapely.Point(lonlat((1.5, 1.5))[0])  # some 100 m from the roads about it
    road = shapely.Point(lonlat((9, 1))[0])
    for hole_m2, filled in ((0.0, False), (1000.0, False), (1e5, True)):
        outline = Outline(distance_m=40, hole_m2=hole_m2, tolerance_m=2)
        (one,) = isochrones(network, arc_ms, place, [100], outline=outline)
        assert one.polygon.contains(block) == filled
        assert len(one.polygon.geoms) == 1
        assert not one.polygon.intersects(road)


def test_two_stations_far_apart_make_two_parts() -> None:
    network = make_network({"a": (0, 0), "b": (50, 0)}, [Road("ab")])
    places = Snapper(network).snap(lonlat((5, 0), (45, 0)))
    (one,) = isochrones(network, np.full(2, 1_000_000), places, [30])
    assert len(one.polygon.geoms) == 2


def test_over_the_date_line_degrees_run_on() -> None:
    west, east = 1_799_950_000, -1_799_950_000
    ways = Ways(
        node_osm=np.array([1, 2], dtype=np.int64),
        node_e7=np.array([[west, -170_000_000], [east, -170_000_000]], dtype=np.int32),
        segment_tail=np.array([0, 1], dtype=np.int32),
        segment_head=np.array([1, 0], dtype=np.int32),
        segment_way=np.array([0, 0], dtype=np.int32),
        way_osm=np.array([1], dtype=np.int64),
        way_class=np.array([0], dtype=np.int32),
        way_maxspeed=np.array([np.nan], dtype=np.float32),
        way_name=np.array([-1], dtype=np.int32),
        class_names=("residential",),
        names=(),
    )
    network = build_network(ways)
    places = Snapper(network).snap([[179.995, -17.0]])
    (one,) = isochrones(network, np.full(2, 1000), places, [10])
    west_edge, _, east_edge, _ = one.polygon.bounds
    assert east_edge - west_edge == pytest.approx(0.01, abs=0.003)
    (feature,) = feature_collection([one])["features"]
    cut = shapely.geometry.shape(feature["geometry"])
    assert isinstance(cut, shapely.MultiPolygon)
    assert cut.is_valid
    assert cut.area == pytest.approx(one.polygon.area)
    assert [part.bounds[0::2] for part in cut.geoms] == [
        (-180, pytest.approx(east_edge - 360)),
        (pytest.approx(west_edge), 180),
    ]
    assert all(part.exterior.is_ccw for part in cut.geoms)


def test_no_place_gives_nothing() -> None:
    network = make_network({"a": (0, 0), "b": (1, 0)}, [Road("ab")])
    none = Snapper(network).snap(lonlat((0, 0)))[:0]
    assert [one.polygon.is_empty for one in isochrones(network, [5, 5], none, [1, 2])] == [True] * 2


def test_geojson_is_plain_and_the_largest_comes_first() -> None:
    network = make_network({"a": (0, 0), "b": (10, 0)}, [Road("ab")])
    place = Snapper(network).snap(lonlat((0, 0)))
    found = isochrones(network, np.full(2, 100_000), place, [60, 30])
    document = json.loads(json.dumps(feature_collection(found, {"direction": "from"})))
    assert document["type"] == "FeatureCollection"
    assert [one["properties"] for one in document["features"]] == [
        {"seconds": 60.0, "minutes": 1.0, "direction": "from"},
        {"seconds": 30.0, "minutes": 0.5, "direction": "from"},
    ]
    shape = shapely.geometry.shape(document["features"][0]["geometry"])
    assert shape.equals(found[1].polygon)


@pytest.mark.parametrize(
    ("numbers", "field"),
    [
        ({"distance_m": 1.0}, "distance_m"),
        ({"distance_m": np.nan}, "distance_m"),
        ({"hole_m2": -1.0}, "hole_m2"),
        ({"hole_m2": np.inf}, "hole_m2"),
        ({"distance_m": 40.0, "tolerance_m": 6.0}, "tolerance_m"),
    ],
)
def test_outlines_are_checked(numbers: dict[str, float], field: str) -> None:
    with pytest.raises(InputError, match=field):
        Outline(**numbers)


def test_limits_are_checked() -> None:
    network = make_network({"a": (0, 0), "b": (1, 0)}, [Road("ab")])
    place = Snapper(network).snap(lonlat((0, 0)))
    with pytest.raises(InputError, match="twice"):
        isochrones(network, [5, 5], place, [60, 60.0])
    with pytest.raises(InputError, match="no time limit"):
        isochrones(network, [5, 5], place, [-1])


def test_long_straight_roads_lie_inside() -> None:
    """A vertex put on a long edge near its node may not change sides with another."""
    rng = np.random.default_rng(0)
    for _ in range(60):
        ends = dict(zip("abcdef", rng.uniform(0, 60, (6, 2)).tolist(), strict=True))
        points = {name: (x, y) for name, (x, y) in ends.items()}
        network = make_network(points, [Road("abcdef"), Road("ae"), Road("bf")])
        arc_ms = np.maximum(network.arc_m * 72, 1).round().astype(np.int32)
        place = Snapper(network).snap(lonlat(points["a"]))
        for drawn in isochrones(network, arc_ms, place, [240, 480, 720]):
            lonlats, _ = stretch_lines(network, reached_arcs(network, arc_ms, place, drawn.limit_s))
            assert shapely.contains_xy(drawn.polygon, lonlats).all()
