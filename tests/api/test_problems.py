"""What the service answers to bad requests: problem details, never a defect."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from api.app import MOST_BYTES
from api.schemas import MOST_CELLS, MOST_UNITS
from engine.policies import POLICIES
from tests.toy_city import ISLAND, corner

if TYPE_CHECKING:
    from fastapi.testclient import TestClient
    from httpx2 import Response

RECOMMENDATIONS = "/v1/recommendations"
LON, LAT = corner(2, 2)
PLACE = {"lon": LON, "lat": LAT}
UNIT = PLACE | {"id": "A", "status": 2}
GOOD: dict[str, Any] = {"incident": PLACE, "units": [UNIT]}


def problem(response: Response, status: int) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = response.json()
    assert set(document) == {"type", "title", "status", "detail", "errors"}
    assert document["status"] == status
    assert document["title"]
    assert "\n" not in document["detail"]
    for error in document["errors"]:
        assert set(error) == {"field", "value", "message", "fix"}
        assert error["fix"]
    return document


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"policy": "closets"}, "policy", "did you mean 'closest-v1'"),
        ({"limit": 0}, "limit", "greater than or equal to 1"),
        ({"limit": "2"}, "limit", "valid integer"),
        ({"colour": "blue"}, "colour", "not permitted"),
        ({"incident": {"lon": LON}}, "incident.lat", "add it"),
        ({"incident": {"lon": 181, "lat": 0}}, "incident.lon", "180"),
        ({"incident": PLACE | {"priority": "emergncy"}}, "incident.priority", "'emergency'"),
        ({"incident": PLACE | {"needs": ["docter"]}}, "incident.needs[0]", "'doctor'"),
        ({"incident": PLACE | {"caller": "Mary"}}, "incident.caller", "not permitted"),
        ({"incident": {"lon": 0, "lat": 0}}, "incident", "m from the nearest road"),
        ({"units": {}}, "units", "valid list"),
        ({"units": [UNIT, UNIT]}, "units[1].id", "stands in units[0] too"),
        ({"units": [UNIT | {"status": 12}]}, "units[0].status", "2 free at station"),
        ({"units": [UNIT | {"status": True}]}, "units[0].status", "no such status"),
        ({"units": [UNIT | {"status": "free"}]}, "units[0].status", "no such status"),
        ({"units": [UNIT | {"type": "ambulanc"}]}, "units[0].type", "'ambulance'"),
        ({"units": [UNIT | {"id": ""}]}, "units[0].id", "at least 1 character"),
        ({"units": [UNIT | {"lon": LAT, "lat": LON}]}, "units[0]", "lon comes before lat"),
        ({"units": [UNIT | {"lon": float("nan")}]}, "units[0].lon", "finite"),
        ({"units": [UNIT | {"lat": float("inf")}]}, "units[0].lat", "finite"),
        ({"units": [UNIT | {"lat": str(LAT)}]}, "units[0].lat", "valid number"),
        ({"units": [None]}, "units[0]", "valid dictionary"),
        ({"units": [UNIT] * (MOST_UNITS + 1)}, "units", f"at most {MOST_UNITS}"),
    ],
)
def test_a_wrong_field_is_named_with_its_fix(
    client: TestClient, change: dict[str, Any], field: str, words: str
) -> None:
    body = json.dumps(GOOD | change)
    answer = client.post(
        RECOMMENDATIONS, content=body, headers={"content-type": "application/json"}
    )
    document = problem(answer, 422)
    assert document["errors"][0]["field"] == field
    assert words in document["detail"]
    assert document["detail"].startswith(f"{field}: ")


def test_all_wrong_names_are_told_at_once(client: TestClient) -> None:
    body = GOOD | {"policy": "x", "units": [UNIT | {"type": "y"}, UNIT | {"status": 1}]}
    document = problem(client.post(RECOMMENDATIONS, json=body), 422)
    fields = [error["field"] for error in document["errors"]]
    assert fields == ["policy", "units[0].type", "units[1].id"]
    assert document["errors"][0]["value"] == "x"
    assert all(policy in document["errors"][0]["fix"] for policy in POLICIES)


def test_many_errors_are_counted_not_listed(client: TestClient) -> None:
    units = [{"id": f"A{n}", "lon": 0.0, "lat": 0.0, "status": 2} for n in range(50)]
    document = problem(client.post(RECOMMENDATIONS, json=GOOD | {"units": units}), 422)
    assert len(document["errors"]) == 20
    assert document["detail"].endswith("(and 30 more)")


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b"", 422, "required"),
        (b"{", 400, "not JSON"),
        (b"\xff\xfe\x00", 400, "body"),
        (b"[" * 100_000, 400, "body"),
        (b"9" * 10_000, 400, "body"),
        (b"null", 422, "dictionary"),
        (b"[]", 422, "dictionary"),
        (b'"\\ud800"', 422, "body"),
        (b'{"\\ud800": 1}', 422, "body"),
        (b'{"incident": 1e999, "units": []}', 422, "incident"),
        (b" " * (MOST_BYTES + 1), 413, "bytes"),
    ],
)
@pytest.mark.parametrize("path", [RECOMMENDATIONS, "/v1/matrix", "/v1/route"])
def test_a_body_that_is_no_request(
    client: TestClient, path: str, body: bytes, status: int, words: str
) -> None:
    answer = client.post(path, content=body, headers={"content-type": "application/json"})
    document = problem(answer, status)
    if path == RECOMMENDATIONS:
        assert words in document["detail"]


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_another_content_type(client: TestClient, kind: str) -> None:
    headers = {"content-type": kind}
    answer = client.post(RECOMMENDATIONS, content=json.dumps(GOOD), headers=headers)
    assert "application/json" in problem(answer, 415)["detail"]


def test_a_character_set_is_part_of_no_content_type(client: TestClient) -> None:
    headers = {"content-type": "Application/JSON; charset=utf-8"}
    answer = client.post(RECOMMENDATIONS, content=json.dumps(GOOD), headers=headers)
    assert answer.status_code == 200


def test_unknown_paths_and_methods(client: TestClient) -> None:
    assert "/v1/nothing" in problem(client.get("/v1/nothing"), 404)["detail"]
    answer = client.delete(RECOMMENDATIONS)
    assert "POST" in problem(answer, 405)["detail"]
    assert answer.headers["allow"] == "POST"


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/v1/matrix", {"sources": [], "destinations": [[LON, LAT]]}, "sources"),
        ("/v1/matrix", {"sources": [[LON]], "destinations": [[LON, LAT]]}, "sources[0]"),
        ("/v1/matrix", {"sources": [[LON, LAT, 1]], "destinations": [[LON, LAT]]}, "sources[0]"),
        ("/v1/matrix", {"sources": [[LON, 91]], "destinations": [[LON, LAT]]}, "sources[0]"),
        ("/v1/matrix", {"sources": [[LON, LAT]], "destinations": [[0, 0]]}, "destinations[0]"),
        (
            "/v1/matrix",
            {"sources": [[LON, LAT]], "destinations": [[LON, LAT]], "profile": "fly"},
            "profile",
        ),
        ("/v1/route", {"from": [LON, LAT]}, "to"),
        ("/v1/route", {"from": [LON, LAT], "to": [LON, LAT, 0]}, "to"),
        ("/v1/route", {"from": [0, 0], "to": [LON, LAT]}, "from"),
        ("/v1/route", {"from": [LON, LAT], "to": ISLAND}, "to"),
        ("/v1/route", {"origin": [LON, LAT], "to": ISLAND}, "origin"),
    ],
)
def test_wrong_places(client: TestClient, path: str, body: dict[str, Any], field: str) -> None:
    document = problem(client.post(path, json=body), 422)
    assert field in [error["field"] for error in document["errors"]]


def test_a_matrix_has_a_largest_size(client: TestClient) -> None:
    side = int(MOST_CELLS**0.5) + 1
    body = {"sources": [[LON, LAT]] * side, "destinations": [[LON, LAT]] * side}
    assert f"{side * side:,}" in problem(client.post("/v1/matrix", json=body), 413)["detail"]


NAMES = st.sampled_from(["A", "ambulance", "doctor", "emergency", "closest", ""]) | st.text()
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
LONS = st.floats(LON - 0.02, LON + 0.02) | st.floats() | ANYTHING
LATS = st.floats(LAT - 0.02, LAT + 0.02) | st.floats() | ANYTHING
INCIDENTS = st.fixed_dictionaries(
    {"lon": LONS, "lat": LATS},
    optional={"needs": st.lists(NAMES, max_size=3) | ANYTHING, "priority": NAMES | ANYTHING},
)
UNITS = st.fixed_dictionaries(
    {"id": NAMES, "lon": LONS, "lat": LATS, "status": st.integers(-1, 10) | ANYTHING},
    optional={
        "type": NAMES,
        "capabilities": st.lists(NAMES, max_size=3),
        "previous_status": st.integers(0, 9),
    },
)
REQUESTS = st.fixed_dictionaries(
    {
        "incident": INCIDENTS | ANYTHING,
        "units": st.lists(UNITS | ANYTHING, max_size=4) | ANYTHING,
    },
    optional={"policy": NAMES | ANYTHING, "limit": st.integers() | ANYTHING},
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(body=REQUESTS | ANYTHING)
@example(body=GOOD)
@example(body="\n")
def test_no_request_is_a_defect(client: TestClient, body: object) -> None:
    answer = client.post(
        RECOMMENDATIONS, content=json.dumps(body), headers={"content-type": "application/json"}
    )
    assert answer.status_code < 500, answer.text
    if answer.status_code == 200:
        ranking = answer.json()["ranking"]
        arrivals = [each["arrival_seconds"] for each in ranking]
        assert arrivals == sorted(arrivals)
    else:
        problem(answer, answer.status_code)


PLACES = st.tuples(st.floats(LON - 0.01, LON + 0.01), st.floats(LAT - 0.01, LAT + 0.01)).map(list)


@settings(max_examples=60, deadline=None)
@given(
    incident=PLACES,
    units=st.lists(
        st.tuples(PLACES, st.integers(0, 9), st.sampled_from(["ambulance"])), max_size=6
    ),
    limit=st.integers(1, 8),
)
def test_every_unit_is_told_about_once(
    client: TestClient, incident: list[float], units: list[Any], limit: int
) -> None:
    body = {
        "incident": dict(zip(("lon", "lat"), incident, strict=True)),
        "units": [
            {"id": str(n), "lon": lon, "lat": lat, "status": status, "type": kind}
            for n, ((lon, lat), status, kind) in enumerate(units)
        ],
        "limit": limit,
    }
    answer = client.post(RECOMMENDATIONS, json=body).json()
    ranked = [each["unit"] for each in answer["ranking"]]
    passed_over = [each["unit"] for each in answer["passed_over"]]
    assert len(ranked) <= limit
    assert len({*ranked, *passed_over}) == len(ranked) + len(passed_over)
    assert len(ranked) + len(passed_over) + answer["beyond_limit"] == len(units)
    free = [str(n) for n, (_, status, _) in enumerate(units) if status in {1, 2}]
    assert set(ranked) <= set(free)
    assert len(ranked) == min(limit, len(free))
    assert answer["reason"].startswith("send " if ranked else "no unit can go")
