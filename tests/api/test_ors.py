"""The paths in openrouteservice's shape, against the service's own and its documentation."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.compat.itinerary import MOST_STOPS
from api.compat.polyline import decode
from tests.toy_city import ISLAND, corner

if TYPE_CHECKING:
    from fastapi.testclient import TestClient

Json = dict[str, Any]

A, B, C = (list(corner(*place)) for place in ((0, 0), (2, 1), (5, 5)))
FAR = [1.0, 1.0]
NAMED = {"driving-car": "normal", "normal": "normal", "siren": "siren"}


def ors(client: TestClient, path: str, **body: object) -> Json:
    answer = client.post(f"/ors/v2/{path}", json=body)
    assert answer.status_code == 200, answer.text
    geojson = path.endswith("geojson") or path.startswith("isochrones")
    kind = "application/geo+json" if geojson else "application/json"
    assert answer.headers["content-type"] == kind
    found: Json = answer.json()
    assert "OpenStreetMap" in found["metadata"]["attribution"]
    assert body.items() <= found["metadata"]["query"].items()
    return found


def own(client: TestClient, path: str, **body: object) -> Json:
    found: Json = client.post(f"/v1/{path}", json=body).json()
    return found


@pytest.mark.parametrize("profile", NAMED)
@pytest.mark.parametrize("ending", ["", "/json"])
def test_a_matrix_is_ours(client: TestClient, profile: str, ending: str) -> None:
    places = [A, B, C, list(ISLAND)]
    expected = own(client, "matrix", sources=places, destinations=places, profile=NAMED[profile])
    found = ors(
        client,
        f"matrix/{profile}{ending}",
        locations=places,
        metrics=["distance", "duration"],
        profile=profile,
    )
    assert found["durations"] == expected["durations"]
    assert found["distances"] == expected["distances"]
    assert found["durations"][0][3] is None
    assert found["sources"] == expected["sources"]
    assert found["destinations"] == expected["destinations"]


def test_a_matrix_of_some_places_in_other_units(client: TestClient) -> None:
    places = [A, B, C]
    whole = ors(client, "matrix/siren", locations=places)
    assert set(whole) == {"durations", "sources", "destinations", "metadata"}
    some = ors(client, "matrix/siren", locations=places, sources=["2", 0], destinations=[1])
    assert some["durations"] == [[whole["durations"][2][1]], [whole["durations"][0][1]]]
    assert (
        ors(client, "matrix/siren", locations=places, sources=["all"])["durations"]
        == (whole["durations"])
    )
    metres, km, miles = (
        ors(client, "matrix/siren", locations=places, metrics=["distance"], units=units)
        for units in ("m", "km", "mi")
    )
    assert "durations" not in metres
    assert np.array(km["distances"]) * 1000 == pytest.approx(np.array(metres["distances"]))
    in_miles = np.array(metres["distances"]) / 1609.344
    assert np.array(miles["distances"]) == pytest.approx(in_miles, abs=1e-4)
    named = ors(client, "matrix/siren", locations=[[A[0] + 0.001, A[1]]], resolve_locations=True)
    assert named["sources"][0]["name"] == "0th Street"


def test_directions_are_our_routes_one_after_the_other(client: TestClient) -> None:
    stops = [A, C, B]
    ways = [
        own(client, "route", **{"from": start, "to": end})
        for start, end in itertools.pairwise(stops)
    ]
    points = [tuple(p) for way in ways for p in way["geometry"]["coordinates"]]
    joined = [list(point) for point, _ in itertools.groupby(points)]

    collection = ors(client, "directions/siren/geojson", coordinates=stops)
    (feature,) = collection["features"]
    assert feature["geometry"] == {"type": "LineString", "coordinates": joined}
    assert collection["bbox"] == feature["bbox"] == list(shapely.LineString(joined).bounds)
    properties = feature["properties"]
    for segment, way in zip(properties["segments"], ways, strict=True):
        assert segment["duration"] == way["properties"]["seconds"]
        assert segment["distance"] == way["properties"]["metres"]
        steps = segment["steps"]
        names = [step["name"] for step in steps[:-1]]
        assert names == way["properties"]["streets"]
        for step in steps[:-1]:
            assert step["name"] in step["instruction"]
        assert [steps[0]["type"], steps[-1]["type"]] == [11, 10]
        assert {step["type"] for step in steps[1:-1]} <= {0, 1}  # right angles alone
        assert sum(step["duration"] for step in steps) == pytest.approx(
            segment["duration"], abs=0.01
        )
        for one, two in itertools.pairwise(steps):
            assert one["way_points"][1] == two["way_points"][0]
    assert [joined[row] for row in properties["way_points"]] == stops
    for name, value in properties["summary"].items():
        assert value == pytest.approx(sum(each[name] for each in properties["segments"]))

    for ending in ("", "/json"):
        found = ors(client, f"directions/siren{ending}", coordinates=stops)
        (route,) = found["routes"]
        assert np.array(decode(route["geometry"])) == pytest.approx(np.array(joined), abs=5.1e-6)
        assert {name: route[name] for name in properties} == properties
        assert route["bbox"] == found["bbox"] == feature["bbox"]


def test_directions_without_line_and_steps(client: TestClient) -> None:
    found = ors(
        client, "directions/driving-car", coordinates=[A, C], geometry=False, instructions=False
    )
    (route,) = found["routes"]
    assert "geometry" not in route
    assert set(route["segments"][0]) == {"distance", "duration"}
    in_km = ors(client, "directions/driving-car", coordinates=[A, C], units="km")
    length = in_km["routes"][0]["summary"]["distance"]
    assert length == pytest.approx(route["summary"]["distance"] / 1000)
    assert "units" in in_km["metadata"]["query"]


def test_radiuses_limit_how_far_a_place_is_from_its_road(client: TestClient) -> None:
    aside = [A[0], A[1] - 0.001]  # 111 m
    plain = ors(client, "directions/siren", coordinates=[aside, C])["routes"]
    for wide in ([112], [112, 1.5], [-1], [-1, 3]):
        found = ors(client, "directions/siren", coordinates=[aside, C], radiuses=wide)
        assert found["routes"] == plain
    body = {"coordinates": [aside, C], "radiuses": [110.0]}
    answer = client.post("/ors/v2/directions/siren", json=body)
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == 2010
    assert "the limit is 110 m" in answer.json()["detail"]


def test_directions_that_lead_nowhere(client: TestClient) -> None:
    found = ors(client, "directions/siren/geojson", coordinates=[A, A])
    (feature,) = found["features"]
    assert feature["geometry"]["coordinates"] == [A, A]
    assert feature["properties"]["summary"] == {"distance": 0, "duration": 0}


@pytest.mark.parametrize("profile", ["driving-car", "siren"])
@pytest.mark.parametrize("location_type", ["start", "destination"])
@pytest.mark.parametrize("ending", ["", "/geojson"])
def test_isochrones_are_ours(
    client: TestClient, profile: str, location_type: str, ending: str
) -> None:
    asked: Json = {"locations": [A, C], "range": [60, 120], "location_type": location_type}
    expected = own(client, "isochrones", **asked, profile=NAMED[profile])
    found = ors(client, f"isochrones/{profile}{ending}", **asked, attributes=["area"])
    assert found["type"] == "FeatureCollection"
    assert len(found["features"]) == 4
    for one, other in zip(found["features"], expected["features"], strict=True):
        assert one["properties"] == other["properties"]
        shapes = [shapely.geometry.shape(each["geometry"]) for each in (one, other)]
        assert shapes[0].geom_type == "Polygon"
        assert shapely.equals(*shapes)
    whole = shapely.unary_union(
        [shapely.geometry.shape(each["geometry"]) for each in found["features"]]
    )
    assert found["bbox"] == list(whole.bounds)


def test_an_interval_parts_a_range(client: TestClient) -> None:
    path = "isochrones/siren"
    parted = ors(client, path, locations=[A], range=[120], interval=40)
    assert [each["properties"]["value"] for each in parted["features"]] == [40, 80, 120]
    ragged = ors(client, path, locations=[A], range=[100], interval=40)
    assert [each["properties"]["value"] for each in ragged["features"]] == [40, 80, 100]
    assert "area" not in parted["features"][0]["properties"]
    sizes = [
        ors(client, path, locations=[A], range=[60], attributes=["area"], area_units=units)[
            "features"
        ][0]["properties"]["area"]
        for units in ("m", "km", "mi")
    ]
    assert sizes[1] == pytest.approx(sizes[0] / 1e6, abs=1e-6)
    assert sizes[2] == pytest.approx(sizes[0] / 1609.344**2, abs=1e-6)


MATRIX: Json = {"locations": [A, C]}
WAY: Json = {"coordinates": [A, C]}
REACH: Json = {"locations": [A], "range": [60]}


@pytest.mark.parametrize(
    ("path", "body", "status", "code", "field"),
    [
        ("matrix/foot-walking", MATRIX, 400, 6003, "profile"),
        ("matrix/siren", {}, 400, 6001, "locations"),
        ("matrix/siren", {"locations": "A"}, 400, 6002, "locations"),
        ("matrix/siren", {"locations": [[0, 91]]}, 400, 6003, "locations[0]"),
        ("matrix/siren", {"locations": [A] * 10_001}, 400, 6004, "locations"),
        ("matrix/siren", {"locations": [A] * 501}, 413, 6004, "sources"),
        ("matrix/siren", {"locations": [A, FAR]}, 404, 6010, "locations[1]"),
        ("matrix/siren", MATRIX | {"sources": [2]}, 400, 6003, "sources[0]"),
        ("matrix/siren", MATRIX | {"sources": [0, "all"]}, 400, 6003, "sources[1]"),
        ("matrix/siren", MATRIX | {"metrics": ["speed"]}, 400, 6003, "metrics[0]"),
        ("matrix/siren", MATRIX | {"units": "ft"}, 400, 6003, "units"),
        ("matrix/siren", MATRIX | {"id": "x"}, 400, 6011, "id"),
        ("matrix/siren", MATRIX | {"profile": "normal"}, 400, 6003, "profile"),
        ("directions/siren", {}, 400, 2001, "coordinates"),
        ("directions/siren", {"coordinates": [A]}, 400, 2003, "coordinates"),
        ("directions/siren", {"coordinates": [A] * (MOST_STOPS + 1)}, 400, 2004, "coordinates"),
        ("directions/siren", {"coordinates": [A, FAR]}, 404, 2010, "coordinates[1]"),
        ("directions/siren", {"coordinates": [A, C, ISLAND]}, 404, 2009, "coordinates[2]"),
        ("directions/siren", WAY | {"options": {}}, 400, 2012, "options"),
        ("directions/siren", WAY | {"preference": "shortest"}, 400, 2003, "preference"),
        ("directions/siren", WAY | {"radiuses": [1, 2, 3]}, 400, 2003, "radiuses"),
        ("directions/siren", WAY | {"elevation": True}, 400, 2003, "elevation"),
        ("directions/siren/geojson", WAY | {"geometry": False}, 400, 2003, "geometry"),
        ("isochrones/siren", {"locations": [A]}, 400, 3001, "range"),
        ("isochrones/siren", REACH | {"range": ["60"]}, 400, 3002, "range[0]"),
        ("isochrones/siren", REACH | {"range": [3601]}, 400, 3003, "range[0]"),
        ("isochrones/siren", REACH | {"range": [60, 60]}, 400, 3003, "range"),
        ("isochrones/siren", REACH | {"range_type": "distance"}, 400, 3003, "range_type"),
        ("isochrones/siren", REACH | {"interval": 5}, 400, 3003, "interval"),
        (
            "isochrones/siren",
            REACH | {"range": [60, 90], "interval": 30},
            400,
            3003,
            "interval",
        ),
        ("isochrones/siren", REACH | {"smoothing": 5}, 400, 3011, "smoothing"),
        ("isochrones/siren", REACH | {"attributes": ["total_pop"]}, 400, 3003, "attributes[0]"),
        ("isochrones/siren", REACH | {"locations": [FAR]}, 404, 3003, "locations[0]"),
    ],
)
def test_bad_requests_are_told_in_their_words(
    client: TestClient, path: str, body: Json, status: int, code: int, field: str
) -> None:
    answer = client.post(f"/ors/v2/{path}", json=body)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert told["error"] == {"code": code, "message": told["detail"]}
    assert told["errors"][0]["field"] == field
    assert told["errors"][0]["fix"]


@pytest.mark.parametrize(
    ("path", "code"),
    [("matrix/siren", 6000), ("directions/siren", 2000), ("isochrones/siren", 3000)],
)
def test_what_is_not_json(client: TestClient, path: str, code: int) -> None:
    headers = {"content-type": "application/json"}
    answer = client.post(f"/ors/v2/{path}", content=b"{", headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)
    as_text = client.post(f"/ors/v2/{path}", content=b"{}", headers={"content-type": "text/plain"})
    assert as_text.status_code == 415
    large = client.post(f"/ors/v2/{path}", content=b" " * 2_000_001, headers=headers)
    assert (large.status_code, large.json()["error"]["code"]) == (413, code + 4)


PLACES = st.lists(
    st.tuples(st.floats(A[0] - 0.002, A[0] + 0.02), st.floats(A[1] - 0.002, A[1] + 0.02)).map(list),
    max_size=4,
)
ROWS = st.lists(st.sampled_from([0, 1, "0", "2", "all", -1, "x", 1.5, None]), max_size=3)
UNITS = st.sampled_from(["m", "km", "mi", "", None])
BODIES = {
    "matrix": {
        "locations": PLACES,
        "sources": ROWS,
        "destinations": ROWS,
        "metrics": st.lists(st.sampled_from(["duration", "distance"]), max_size=3),
        "units": UNITS,
    },
    "directions": {
        "coordinates": PLACES,
        "radiuses": st.lists(st.sampled_from([-1, 500, 1e9, 0, -2, "1"]), max_size=4),
        "units": UNITS,
        "instructions": st.booleans(),
    },
    "isochrones": {
        "locations": PLACES,
        "range": st.lists(st.floats(0, 100), max_size=2),
        "interval": st.floats(0, 100),
        "area_units": UNITS,
    },
}


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.sampled_from(sorted(BODIES)), st.data())
def test_no_request_is_a_defect(client: TestClient, path: str, data: st.DataObject) -> None:
    required, *others = BODIES[path]
    fields = {required: BODIES[path][required]}
    if path == "isochrones":
        fields["range"] = BODIES[path]["range"]
    optional = {name: BODIES[path][name] for name in others if name not in fields}
    body = data.draw(st.fixed_dictionaries(fields, optional=optional))
    answer = client.post(f"/ors/v2/{path}/siren", json=body)
    assert answer.status_code in {200, 400, 404}, answer.text
    if answer.status_code != 200:
        assert answer.json()["error"]["code"]
