"""Points on roads, against a search over every arc in another projection."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import shapely
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pyproj import Transformer

from routing.build import Ways, build_network
from routing.errors import InputError
from routing.snapping import Snapper, street_names
from tests.routing.roads import Road, arcs, lonlat, make_network, make_ways, maps

CROSS = {"a": (0, 0), "b": (4, 0), "c": (4, 4), "d": (8, 0)}
UTM = Transformer.from_crs("EPSG:4326", "EPSG:32632", always_xy=True)


def cross(*, oneway: bool = False) -> Snapper:
    return Snapper(make_network(CROSS, [Road("abd", oneway=oneway), Road("bc", oneway=oneway)]))


@settings(deadline=None)
@given(maps(), st.tuples(st.floats(-1, 5), st.floats(-1, 5)))
def test_nearest_of_all_arcs(ways: Ways, point: tuple[float, float]) -> None:
    network = build_network(ways)
    assume(network.n_arcs)
    place = Snapper(network, limit_m=1e6).snap(lonlat(point))

    here = shapely.Point(UTM.transform(*lonlat(point)[0]))
    ptr = network.arc_vertex_ptr
    lines = [
        shapely.LineString(np.column_stack(UTM.transform(*network.vertex_lonlat[a:b].T)))
        for a, b in pairwise(ptr)
    ]
    metres = shapely.distance(lines, here)
    # UTM's scale and the Earth's flattening leave some tenths of a percent
    assert metres[place.arc[0]] == pytest.approx(metres.min(), rel=5e-3, abs=0.01)
    assert place.distance_m[0] == pytest.approx(metres.min(), rel=5e-3, abs=0.01)
    along = lines[place.arc[0]].interpolate(place.share[0], normalized=True)
    on_road = shapely.Point(UTM.transform(*place.road_lonlat[0]))
    assert on_road.distance(along) < 0.003 * max(network.arc_m[place.arc[0]], 1)


def test_position_on_the_road() -> None:
    snapper = cross()
    places = snapper.snap(lonlat((1, 0.5), (4.1, 3)))
    assert [arcs(snapper.network)[i] for i in places.arc] == ["ab", "bc"]
    assert places.share == pytest.approx([0.25, 0.75], abs=1e-4)
    assert places.road_lonlat == pytest.approx(lonlat((1, 0), (4, 3)), abs=1e-7)
    assert places.distance_m == pytest.approx([55.6, 7.15], abs=0.1)
    assert len(places) == 2
    assert len(places[1:]) == 1


def test_the_lower_of_twins_and_of_equally_near_arcs() -> None:
    snapper = cross()
    names = arcs(snapper.network)
    places = snapper.snap(lonlat((6, 0.1), (4, 0), (4, -1)))
    assert [names[i] for i in places.arc] == ["bd", "ab", "ab"]
    assert (places.arc < snapper.network.arc_twin[places.arc]).all()


@pytest.mark.parametrize("oneway", [False, True])
def test_junctions_have_whole_shares(oneway: bool) -> None:
    snapper = cross(oneway=oneway)
    for degrees_off in (0.0, 5e-9):
        points = lonlat(*CROSS.values()) + degrees_off
        assert set(snapper.snap(points).share) == {0.0, 1.0}


def test_parallel_roads_on_one_another() -> None:
    network = make_network({"a": (0, 0), "b": (2, 0)}, [Road("ab", oneway=True)] * 2)
    assert Snapper(network).snap(lonlat((1, 0.1))).arc.tolist() == [0]


def test_arc_without_length() -> None:
    points = {"a": (0, 0), "b": (0, 0)}
    network = make_network(points, [Road("ab", oneway=True)], simplify=False)
    place = Snapper(network).snap(lonlat((1, 0)))
    assert (place.arc[0], place.share[0]) == (0, 0.0)


@pytest.mark.parametrize(
    ("points", "message"),
    [
        (lonlat((0, 0), (0, -20)), r"station: row 2 .*lies 2,224 m .*limit is 1,000 m; check"),
        (lonlat((0, 0), (0, -20), (0, 30)), r"row 2 .* so do 1 more rows"),
        (lonlat((0, 0))[:, ::-1], r"row 1 \(lon 50.000000, lat 8.000000\) lies [\d,]+ m"),
        ([[8.0, 50.0], [np.nan, 50.0]], r"station: row 2 \(lon nan, lat 50.0\) is no position"),
        ([[8.0, 50.0], [np.inf, 50.0]], r"row 2 .* is no position on Earth"),
        ([[8.0, 90.5]], r"row 1 .* is no position on Earth"),
        ([[-180.5, 50.0]], r"row 1 .* is no position on Earth"),
        ([[-172.0, -50.0]], r"row 1 .* lies 20,\d+,\d+ m"),  # the other side of the world
    ],
)
def test_points_that_cannot_be_tied(points: list[list[float]], message: str) -> None:
    with pytest.raises(InputError, match=message):
        cross().snap(points, what="station")


@settings(deadline=None)
@given(maps(), st.tuples(st.floats(-1, 5), st.floats(-1, 5)), st.integers(1, 6))
def test_the_nearest_roads(ways: Ways, point: tuple[float, float], number: int) -> None:
    network = build_network(ways)
    assume(network.n_arcs)
    snapper = Snapper(network, limit_m=400)
    try:
        nearest = snapper.snap(lonlat(point))
    except InputError:
        with pytest.raises(InputError, match="nearest road"):
            snapper.near(lonlat(point), number)
        return
    near = snapper.near(lonlat(point), number)
    assert (near.arc[0], near.share[0]) == (nearest.arc[0], nearest.share[0])
    assert len(near) <= number
    assert (np.diff(near.distance_m) >= -0.002).all()
    assert (near.lonlat == lonlat(point)).all()

    here = shapely.Point(UTM.transform(*lonlat(point)[0]))
    lines = [
        shapely.LineString(np.column_stack(UTM.transform(*network.vertex_lonlat[a:b].T)))
        for a, b in pairwise(network.arc_vertex_ptr)
    ]
    metres = shapely.distance(lines, here)
    assert near.distance_m == pytest.approx(metres[near.arc], rel=5e-3, abs=0.01)
    twin = network.arc_twin
    roads = {min(arc, twin[arc]) if twin[arc] >= 0 else arc for arc in range(network.n_arcs)}
    known = {min(arc, twin[arc]) if twin[arc] >= 0 else arc for arc in near.arc.tolist()}
    assert len(known) == len(near)
    left = [metres[arc] for arc in roads - known if network.arc_public[arc]]
    if left and len(near) == number:
        assert min(left) >= near.distance_m.max() * 0.99 - 0.02
    elif left:
        assert min(left) >= 400 * 0.99


def test_places_know_their_street() -> None:
    roads = [Road("ab", name="High Street"), Road("bd"), Road("bc", name="Hill", oneway=True)]
    network = make_network({**CROSS, "e": (2, 0)}, roads)
    places = Snapper(network).snap(lonlat((1, 0.1), (3, 0.1), (5, 0.1), (4.1, 2), (8, 0)))
    assert street_names(network, places) == ["High Street", "High Street", "", "Hill", ""]
    long = make_network(TOWN, [Road("ab", name="First"), Road("bc", name="Second")])
    assert arcs(long) == ["ac", "ca"]  # one arc over both
    places = Snapper(long).snap(lonlat((0, 0), (0.5, 0.1), (1.5, 0.1), (2, 0)))
    assert street_names(long, places) == ["First", "First", "Second", "Second"]


TOWN = {"a": (0, 0), "b": (1, 0), "c": (2, 0)}


def test_limit_for_once() -> None:
    far = lonlat((0, -20))
    assert cross().snap(far, limit_m=2300).distance_m == pytest.approx([2224], abs=1)
    with pytest.raises(InputError, match="limit is 100 m"):
        cross().snap(lonlat((1, 2)), limit_m=100)


def test_no_points_and_no_roads() -> None:
    places = cross().snap(np.zeros((0, 2)))
    assert (len(places), places.lonlat.shape) == (0, (0, 2))
    assert places.arc.dtype == np.int32
    empty = Snapper(make_network({"a": (0, 0)}, []))
    assert len(empty.snap([])) == 0
    with pytest.raises(InputError, match="without roads"):
        empty.snap(lonlat((0, 0)))


def test_roads_on_both_sides_of_the_date_line() -> None:
    ways = make_ways(dict.fromkeys("abcd", (0, 0)), [Road("ab"), Road("cd")])
    west, east = [[-179.99, -17.0], [-179.98, -17.0]], [[179.99, -17.0], [179.98, -17.0]]
    e7 = np.rint(np.array(west + east) * 1e7).astype(np.int32)
    snapper = Snapper(build_network(replace(ways, node_e7=e7)))
    place = snapper.snap([[-179.991, -17.0], [179.991, -17.0]])
    assert place.distance_m == pytest.approx([106.3, 106.3], abs=0.1)
    assert place.road_lonlat == pytest.approx(np.array([west[0], east[0]]))
