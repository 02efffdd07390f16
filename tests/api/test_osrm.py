"""The paths in OSRM's shape, against the service's own and OSRM's documentation."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.compat.itinerary import MOST_STOPS, simplified, turn_words
from api.compat.polyline import decode, encode
from tests.toy_city import ISLAND, corner

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fastapi.testclient import TestClient

Json = dict[str, Any]
Place = tuple[float, float]

A, B, C = corner(0, 0), corner(2, 1), corner(5, 5)
NAMED = {"driving": "normal", "car": "normal", "normal": "normal", "siren": "siren"}


def written(places: Iterable[Place]) -> str:
    return ";".join(f"{lon},{lat}" for lon, lat in places)


def osrm(client: TestClient, service: str, profile: str, where: str, **query: object) -> Json:
    answer = client.get(f"/osrm/{service}/v1/{profile}/{where}", params=query)  # type: ignore[arg-type]
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    assert found["code"] == "Ok"
    return found


def own_route(client: TestClient, start: Place, end: Place, profile: str) -> Json:
    body = {"from": start, "to": end, "profile": profile}
    found: Json = client.post("/v1/route", json=body).json()
    return found


@pytest.mark.parametrize("profile", NAMED)
def test_a_table_is_our_matrix(client: TestClient, profile: str) -> None:
    places = [A, B, C, ISLAND]
    body = {"sources": places, "destinations": places, "profile": NAMED[profile]}
    own = client.post("/v1/matrix", json=body).json()
    where = written(places)
    found = osrm(client, "table", profile, where, annotations="duration,distance")
    assert found["durations"] == own["durations"]
    assert found["distances"] == own["distances"]
    assert found["durations"][0][3] is None
    for name in ("sources", "destinations"):
        assert [each["location"] for each in found[name]] == [
            each["location"] for each in own[name]
        ]
        assert all(set(each) == {"location", "name", "distance"} for each in found[name])


def test_a_table_of_some_places(client: TestClient) -> None:
    where = written([A, B, C])
    whole = osrm(client, "table", "siren", where)
    assert set(whole) == {"code", "durations", "sources", "destinations"}
    some = osrm(client, "table", "siren", where, sources="2;0", destinations="1")
    assert some["durations"] == [[whole["durations"][2][1]], [whole["durations"][0][1]]]
    assert some["sources"] == [whole["sources"][2], whole["sources"][0]]
    assert some["destinations"] == [whole["destinations"][1]]
    bare = osrm(client, "table", "siren", where, annotations="distance", skip_waypoints="true")
    assert set(bare) == {"code", "distances"}
    assert osrm(client, "table", "siren", where, sources="all", destinations="all") == whole


def test_places_may_be_a_polyline_and_end_in_json(client: TestClient) -> None:
    places = [A, B, C]
    plain = osrm(client, "route", "siren", written(places))
    for where in (
        f"polyline({quote(encode(places))})",
        f"polyline6({quote(encode(places, 6))})",
        written(places) + ".json",
    ):
        assert osrm(client, "route", "siren", where) == plain


@pytest.mark.parametrize("profile", ["car", "siren"])
def test_a_route_is_ours(client: TestClient, profile: str) -> None:
    own = own_route(client, A, C, NAMED[profile])
    found = osrm(client, "route", profile, written([A, C]), overview="full", geometries="geojson")
    (route,) = found["routes"]
    assert route["geometry"] == own["geometry"]
    assert route["duration"] == route["weight"] == own["properties"]["seconds"]
    assert route["distance"] == own["properties"]["metres"]
    assert route["weight_name"] == "duration"
    (leg,) = route["legs"]
    assert (leg["duration"], leg["distance"]) == (route["duration"], route["distance"])
    assert (leg["summary"], leg["steps"]) == ("", [])
    assert [each["location"] for each in found["waypoints"]] == [list(A), list(C)]


def test_a_line_is_the_same_in_every_notation(client: TestClient) -> None:
    where = written([A, B, C])
    line = {
        kind: osrm(client, "route", "siren", where, overview="full", geometries=kind)["routes"][0]
        for kind in ("geojson", "polyline", "polyline6")
    }
    coordinates = line["geojson"]["geometry"]["coordinates"]
    for kind, digits in (("polyline", 5), ("polyline6", 6)):
        read = decode(line[kind]["geometry"], digits)
        assert np.array(read) == pytest.approx(np.array(coordinates), abs=0.51 * 10**-digits)
    by_default = osrm(client, "route", "siren", where)["routes"][0]["geometry"]
    assert isinstance(by_default, str)
    assert len(decode(by_default)) < len(coordinates)  # simplified
    none = osrm(client, "route", "siren", where, overview="false")
    assert "geometry" not in none["routes"][0]


def test_legs_add_up_and_their_lines_join(client: TestClient) -> None:
    stops = [A, C, B, A, A]
    found = osrm(client, "route", "siren", written(stops), overview="full", geometries="geojson")
    (route,) = found["routes"]
    ways = [own_route(client, *pair, "siren") for pair in itertools.pairwise(stops)]
    assert [leg["duration"] for leg in route["legs"]] == [
        way["properties"]["seconds"] for way in ways
    ]
    for name in ("duration", "distance"):
        assert route[name] == pytest.approx(sum(leg[name] for leg in route["legs"]))
    points = [tuple(p) for way in ways for p in way["geometry"]["coordinates"]]
    joined = [list(point) for point, _ in itertools.groupby(points)]
    assert route["geometry"]["coordinates"] == joined
    assert len(found["waypoints"]) == len(stops)


def test_steps_follow_the_streets(client: TestClient) -> None:
    found = osrm(
        client,
        "route",
        "siren",
        written([A, B, C]),
        steps="true",
        overview="full",
        geometries="geojson",
    )
    (route,) = found["routes"]
    line: list[list[float]] = []
    for leg in route["legs"]:
        steps = leg["steps"]
        assert [steps[0]["maneuver"]["type"], steps[-1]["maneuver"]["type"]] == ["depart", "arrive"]
        assert {step["maneuver"]["type"] for step in steps[1:-1]} == {"turn"}
        assert sum(step["duration"] for step in steps) == pytest.approx(leg["duration"], abs=0.01)
        assert sum(step["distance"] for step in steps) == pytest.approx(leg["distance"], abs=1)
        assert leg["summary"]
        for step in steps:
            maneuver, coordinates = step["maneuver"], step["geometry"]["coordinates"]
            assert maneuver["location"] == coordinates[0]
            assert step["intersections"][0]["location"] == coordinates[0]
            assert step["mode"] == "driving"
            line += coordinates
        for step in steps[1:-1]:  # the streets of the city meet at right angles
            maneuver = step["maneuver"]
            turned = (maneuver["bearing_after"] - maneuver["bearing_before"]) % 360
            assert maneuver["modifier"] == {90: "right", 270: "left"}[turned]
            (crossing,) = step["intersections"]
            came, left = crossing["bearings"][crossing["in"]], crossing["bearings"][crossing["out"]]
            assert (came + 180) % 360 == maneuver["bearing_before"]
            assert left == maneuver["bearing_after"]
    joined = [list(point) for point, _ in itertools.groupby(tuple(p) for p in line)]
    assert joined == route["geometry"]["coordinates"]


def test_a_route_that_leads_nowhere(client: TestClient) -> None:
    for overview in ("full", "simplified"):
        found = osrm(
            client,
            "route",
            "siren",
            written([A, A]),
            steps="true",
            overview=overview,
            geometries="geojson",
        )
        (route,) = found["routes"]
        assert route["geometry"]["coordinates"] == [list(A)] * 2
        assert route["duration"] == 0
        assert [step["maneuver"]["type"] for step in route["legs"][0]["steps"]] == ["arrive"]


def test_annotations_tell_of_each_segment(client: TestClient) -> None:
    where = written([A, C, B])
    query = {"overview": "full", "geometries": "geojson"}
    found = osrm(client, "route", "siren", where, annotations="true", **query)
    (route,) = found["routes"]
    segments = len(route["geometry"]["coordinates"]) - 1
    told = [leg["annotation"] for leg in route["legs"]]
    assert sum(len(each["duration"]) for each in told) == segments
    for leg, each in zip(route["legs"], told, strict=True):
        assert set(each) == {"duration", "distance", "speed", "weight"}
        assert leg["steps"] == []
        assert sum(each["duration"]) == pytest.approx(leg["duration"], abs=0.01)
        assert sum(each["distance"]) == pytest.approx(leg["distance"], abs=1)
        for metres, seconds, speed in zip(
            each["distance"], each["duration"], each["speed"], strict=True
        ):
            assert speed == pytest.approx(metres / seconds, abs=0.06)
    some = osrm(client, "route", "siren", where, annotations="speed,weight", **query)
    for leg, each in zip(some["routes"][0]["legs"], told, strict=True):
        assert leg["annotation"] == {name: each[name] for name in ("speed", "weight")}
    assert "annotation" not in osrm(client, "route", "siren", where)["routes"][0]["legs"][0]


HAIR = st.floats(-2e-7, 2e-7)
CROSSINGS = st.tuples(st.integers(0, 2), st.integers(0, 2))


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(CROSSINGS, HAIR, HAIR), min_size=2, max_size=4))
def test_stops_a_hair_from_a_crossing(
    client: TestClient, stops: list[tuple[tuple[int, int], float, float]]
) -> None:
    places = [(corner(*at)[0] + east, corner(*at)[1] + north) for at, east, north in stops]
    where = ";".join(f"{lon:.10f},{lat:.10f}" for lon, lat in places)
    found = osrm(client, "route", "siren", where, steps="true", geometries="geojson")
    for leg in found["routes"][0]["legs"]:
        steps = leg["steps"]
        assert sum(step["duration"] for step in steps) == pytest.approx(leg["duration"], abs=0.01)
        assert steps[-1]["maneuver"]["type"] == "arrive"
        if len(steps) > 1:
            assert steps[0]["maneuver"]["type"] == "depart"


def test_the_nearest_roads(client: TestClient) -> None:
    lon, lat = A
    here = (lon + 0.001, lat + 0.0002)
    body = {"sources": [here], "destinations": [here]}
    own = client.post("/v1/matrix", json=body).json()["sources"][0]
    (one,) = osrm(client, "nearest", "driving", written([here]))["waypoints"]
    assert one["location"] == own["location"]
    assert one["distance"] == own["snapped_distance"]
    assert one["name"] == "0th Street"
    many = osrm(client, "nearest", "siren", written([here]), number=5)["waypoints"]
    assert many[0] == one
    assert len(many) == 5
    assert [each["distance"] for each in many] == sorted(each["distance"] for each in many)
    assert {each["name"] for each in many[1:3]} == {"6th Street", "7th Street"}


def test_radiuses_limit_how_far_a_place_is_from_its_road(client: TestClient) -> None:
    aside = (A[0], A[1] - 0.001)  # 111 m
    where = written([aside, C])
    plain = osrm(client, "table", "siren", where)
    for wide in ("112;1", ";", "unlimited;"):
        assert osrm(client, "table", "siren", where, radiuses=wide) == plain
    for service in ("table", "route"):
        answer = client.get(f"/osrm/{service}/v1/siren/{where}?radiuses=110;")
        assert answer.json()["code"] == "NoSegment"
        assert "the limit is 110 m" in answer.json()["message"]
    near = osrm(client, "nearest", "siren", written([A]), number=100, radiuses="150")["waypoints"]
    far = osrm(client, "nearest", "siren", written([A]), number=100)["waypoints"]
    assert near == [each for each in far if each["distance"] <= 150]
    assert 0 < len(near) < len(far)


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(-22, -21.9), st.floats(64, 64.1)), min_size=2, max_size=30, unique=True
    )
)
def test_a_simplified_line_looks_the_same(points: list[Place]) -> None:
    line = np.array(points)
    found = simplified(line)
    assert found[[0, -1]].tolist() == line[[0, -1]].tolist()
    rows = {tuple(each) for each in line.tolist()}
    assert all(tuple(each) in rows for each in found.tolist())
    plane = np.array([np.cos(np.radians(line[:, 1].mean())), 1.0])
    some = shapely.linestrings(found * plane)
    extent = np.ptp(line * plane, axis=0).max()
    assert shapely.distance(shapely.points(line * plane), some).max() <= extent / 1000 * 1.001


@pytest.mark.parametrize(
    ("degrees", "words"),
    [
        (0, "straight"),
        (-15, "straight"),
        (45, "slight right"),
        (-90, "left"),
        (140, "sharp right"),
        (180, "uturn"),
        (-180, "uturn"),
    ],
)
def test_turns_are_called_as_osrm_calls_them(degrees: float, words: str) -> None:
    assert turn_words(degrees) == words


TWO = written([A, C])


@pytest.mark.parametrize(
    ("path", "code", "field"),
    [
        (f"route/v1/foot/{TWO}", "InvalidValue", "profile"),
        (f"route/v1/car/{written([A])}", "InvalidValue", "coordinates"),
        (f"nearest/v1/car/{TWO}", "InvalidValue", "coordinates"),
        ("table/v1/car/1,2;3", "InvalidQuery", "coordinates"),
        ("table/v1/car/1,2;x,y", "InvalidQuery", "coordinates"),
        ("table/v1/car/1,nan", "InvalidQuery", "coordinates"),
        ("table/v1/car/1,2,3", "InvalidQuery", "coordinates"),
        ("table/v1/car/1e2,2", "InvalidQuery", "coordinates"),
        ("table/v1/car/5e-05,51.5", "NoSegment", "coordinates[0]"),  # Greenwich is far away
        ("table/v1/car/polyline(abc)", "InvalidQuery", "coordinates"),
        ("table/v1/car/181,2", "InvalidValue", "coordinates[0]"),
        (f"table/v1/car/{A[1]},{A[0]}", "NoSegment", "coordinates[0]"),
        (f"route/v1/car/{written([A, (1, 1)])}", "NoSegment", "coordinates[1]"),
        (f"nearest/v1/car/{written([(1, 1)])}", "NoSegment", "coordinates[0]"),
        (f"route/v1/car/{written([A, C, ISLAND])}", "NoRoute", "coordinates[2]"),
        (f"table/v1/car/{TWO}?sources=2", "InvalidValue", "sources[0]"),
        (f"table/v1/car/{TWO}?destinations=0;9", "InvalidValue", "destinations[1]"),
        (f"table/v1/car/{TWO}?sources=-1", "InvalidQuery", "sources"),
        (f"table/v1/car/{TWO}?sources=", "InvalidQuery", "sources"),
        (f"table/v1/car/{TWO}?annotations=speed", "InvalidValue", "annotations"),
        (f"table/v1/car/{TWO}?fallback_speed=10", "InvalidQuery", "fallback_speed"),
        (f"route/v1/car/{TWO}?radiuses=5", "InvalidValue", "radiuses"),
        (f"route/v1/car/{TWO}?radiuses=-5;5", "InvalidQuery", "radiuses"),
        (f"route/v1/car/{TWO}?overview=some", "InvalidValue", "overview"),
        (f"route/v1/car/{TWO}?geometries=wkt", "InvalidValue", "geometries"),
        (f"route/v1/car/{TWO}?steps=1", "InvalidValue", "steps"),
        (f"route/v1/car/{TWO}?annotations=duration,nodes", "InvalidValue", "annotations"),
        (f"route/v1/car/{TWO}?bearings=0,20;0,20", "InvalidQuery", "bearings"),
        (f"nearest/v1/car/{written([A])}?number=0", "InvalidValue", "number"),
    ],
)
def test_bad_requests_are_told_in_osrms_words(
    client: TestClient, path: str, code: str, field: str
) -> None:
    answer = client.get(f"/osrm/{path}")
    assert answer.status_code == 400, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert told["code"] == code
    assert told["message"] == told["detail"]
    assert told["errors"][0]["field"] == field
    assert told["errors"][0]["fix"]
    assert told["status"] == 400


@pytest.mark.parametrize(
    ("path", "places"), [("table/v1/car", 501), ("route/v1/car", MOST_STOPS + 1)]
)
def test_too_much_at_once(client: TestClient, path: str, places: int) -> None:
    answer = client.get(f"/osrm/{path}/{written([A] * places)}")
    assert answer.status_code == 413
    assert answer.json()["code"] == "TooBig"


NUMBERS = st.sampled_from(["-21.9", "64.1", "-21.895", "64.105"]) | st.text(
    st.sampled_from("0123456789.-+e"), max_size=6
)


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(st.tuples(NUMBERS, NUMBERS), max_size=4),
    st.dictionaries(
        st.sampled_from(["sources", "destinations", "annotations"]),
        st.sampled_from(["0", "1;0", "all", "duration", "distance,duration", "0;0;0", ";", "٣"]),
    ),
)
def test_no_request_is_a_defect(
    client: TestClient, places: list[tuple[str, str]], query: dict[str, str]
) -> None:
    where = ";".join(",".join(pair) for pair in places) or ";"
    answer = client.get(f"/osrm/table/v1/car/{quote(where)}", params=query)
    assert answer.status_code in {200, 400}
    assert answer.json()["code"]
