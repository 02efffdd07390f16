"""Routes street by street, against the times and lengths of the whole."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.build import Ways, build_network
from routing.errors import InputError
from routing.geodesy import segment_lengths
from routing.routes import joined, route_feature, segments, streets
from routing.snapping import Snapper
from routing.travel_times import DijkstraTravelTimes
from scenarios.packaging import load_scenario
from tests.routing.roads import Road, arcs, lonlat, make_network, maps

TOWN = {"a": (0, 0), "b": (1, 0), "c": (2, 0), "d": (2, 2), "e": (0, 2), "f": (3, 2)}
STREETS = [
    Road("ab", name="High Street"),
    Road("bc"),
    Road("cd", name="Hill", oneway=True),
    Road("de", name="Back Lane"),
]


def test_street_by_street() -> None:
    network = make_network(TOWN, STREETS)
    assert arcs(network) == ["ac", "ca", "cd", "de", "ed"]  # the first runs over two ways
    snap = Snapper(network).snap
    arc_ms = np.array([4000, 9000, 3000, 1000, 9000])
    route = DijkstraTravelTimes(network, arc_ms).route(snap(lonlat((0.5, 0))), snap(lonlat((1, 2))))
    parts = streets(network, arc_ms, route)
    assert [part.name for part in parts] == ["High Street", "", "Hill", "Back Lane"]
    assert [round(part.turn) for part in parts] == [0, 0, -90, -90]
    assert [(part.first, part.last) for part in parts] == [(0, 1), (1, 2), (2, 3), (3, 4)]
    east = float(segment_lengths(*lonlat((0, 0), (1, 0))))
    north = float(segment_lengths(*lonlat((2, 0), (2, 2))))
    assert [part.metres for part in parts] == pytest.approx([east / 2, east, north, east], rel=1e-3)
    expected = [1, 2, 3, 0.5]
    assert [part.seconds for part in parts] == pytest.approx(expected, rel=1e-3)
    assert sum(part.seconds for part in parts) == pytest.approx(route.ms / 1000, abs=0.002)


def test_a_name_that_comes_back_after_a_nameless_stretch_is_told_once() -> None:
    roads = [Road("ab", name="Ring"), Road("bc"), Road("cd", name="Ring")]
    network = make_network(TOWN, roads)
    snap = Snapper(network).snap
    arc_ms = np.full(network.n_arcs, 1000)
    route = DijkstraTravelTimes(network, arc_ms).route(snap(lonlat((0, 0))), snap(lonlat((2, 2))))
    assert route.names == ("Ring",)
    assert [part.name for part in streets(network, arc_ms, route)] == ["Ring", "", "Ring"]


def test_right_turns_are_positive_and_a_turn_on_the_spot_is_half_a_circle() -> None:
    network = make_network(TOWN, [Road("ed", name="Lane"), Road("df", name="Way")])
    snap = Snapper(network).snap
    arc_ms = np.full(network.n_arcs, 1000)
    times = DijkstraTravelTimes(network, arc_ms)
    parts = streets(network, arc_ms, times.route(snap(lonlat((3, 2))), snap(lonlat((0, 2)))))
    assert [(part.name, round(part.turn)) for part in parts] == [("Way", 0), ("Lane", 0)]
    corner = make_network(TOWN, [Road("ed", name="Lane"), Road("dc", name="Fall")])
    arc_ms = np.full(corner.n_arcs, 1000)
    snap = Snapper(corner).snap
    route = DijkstraTravelTimes(corner, arc_ms).route(snap(lonlat((0, 2))), snap(lonlat((2, 0))))
    assert [round(part.turn) for part in streets(corner, arc_ms, route)] == [0, 90]


def test_a_route_to_where_one_is() -> None:
    network = make_network(TOWN, STREETS)
    here = Snapper(network).snap(lonlat((0.5, 0)))
    arc_ms = np.full(network.n_arcs, 1000)
    route = DijkstraTravelTimes(network, arc_ms).route(here, here)
    assert streets(network, arc_ms, route) == []


@given(ways=maps(), data=st.data())
@settings(max_examples=150, deadline=None)
def test_parts_add_up_on_any_map(ways: Ways, data: st.DataObject) -> None:
    network = build_network(ways)
    if network.n_arcs == 0:
        return
    cell = st.floats(-0.5, 4.5)
    ends = data.draw(st.lists(st.tuples(cell, cell), min_size=2, max_size=2))
    places = Snapper(network, limit_m=np.inf).snap(lonlat(*ends))
    arc_ms = np.rint(network.arc_m * 10).astype(np.int64)
    times = DijkstraTravelTimes(network, arc_ms)
    try:
        route = times.route(places[:1], places[1:])
    except InputError:
        return
    assert len(route.segment_arc) == len(route.segment_way) == len(route.lonlat) - 1
    assert set(route.segment_arc.tolist()) - {-1} <= set(route.arcs.tolist())
    parts = streets(network, arc_ms, route)
    assert sum(part.metres for part in parts) == pytest.approx(route.metres, abs=0.6)
    assert sum(part.seconds for part in parts) == pytest.approx(route.ms / 1000, abs=0.01)
    assert all(one.last <= other.first for one, other in pairwise(parts))
    metres, seconds = segments(network, arc_ms, route)
    for part in parts:
        assert metres[part.first : part.last].sum() == pytest.approx(part.metres)
        assert seconds[part.first : part.last].sum() == pytest.approx(part.seconds)
    assert seconds.sum() == pytest.approx(route.ms / 1000, abs=0.01)


def test_parts_add_up_in_a_city() -> None:
    city = load_scenario("reykjavik")
    network = city.network
    arc_ms = city.speeds.arc_times_ms(network, "siren")
    times, snapper = DijkstraTravelTimes(network, arc_ms), Snapper(network)
    spots = network.node_lonlat[np.random.default_rng(3).integers(network.n_nodes, size=(20, 2))]
    for pair in spots + 0.0002:
        places = snapper.snap(pair)
        route = times.route(places[:1], places[1:])
        parts = streets(network, arc_ms, route)
        assert sum(part.metres for part in parts) == pytest.approx(route.metres, abs=1)
        assert sum(part.seconds for part in parts) == pytest.approx(route.ms / 1000, abs=0.05)
        along = [part.name for part in parts if part.name]
        assert [n for n, before in zip(along, ["", *along], strict=False) if n != before] == list(
            route.names
        )


def test_shapes_join_to_one_line() -> None:
    one, two, three = lonlat((0, 0), (0, 0), (1, 0)), lonlat((1, 0), (1, 0)), lonlat((1, 0), (2, 2))
    line, rows = joined([one, two, three + 1e-9])
    assert line.tolist() == lonlat((0, 0), (1, 0), (2, 2)).round(7).tolist()
    assert [row.tolist() for row in rows] == [[0, 0, 1], [1, 1], [1, 2]]
    nowhere, (row,) = joined([two])
    assert nowhere.tolist() == two.tolist()
    assert row.tolist() == [0, 0]


def test_geojson() -> None:
    network = make_network(TOWN, STREETS)
    snap = Snapper(network).snap
    arc_ms = np.full(network.n_arcs, 1000)
    route = DijkstraTravelTimes(network, arc_ms).route(snap(lonlat((0.5, 0))), snap(lonlat((1, 2))))
    feature = json.loads(json.dumps(route_feature(route, {"seconds": 1.5})))
    assert (feature["type"], feature["properties"]) == ("Feature", {"seconds": 1.5})
    assert feature["geometry"]["type"] == "LineString"
    np.testing.assert_allclose(feature["geometry"]["coordinates"], route.lonlat, atol=5e-8)
