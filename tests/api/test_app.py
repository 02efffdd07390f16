"""What the service answers to good requests."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, Any

import networkx as nx
import pytest
from pydantic import BaseModel

from api import joint_schemas, schemas
from api.compat import ors_schemas, osrm_schemas
from api.live import schemas as live_schemas
from tests.toy_city import ISLAND, corner, toy_city

if TYPE_CHECKING:
    from fastapi.testclient import TestClient

    from api.city import City

Json = dict[str, Any]


def unit(name: str, at: tuple[float, float], status: object = 2, **more: object) -> Json:
    return {"id": name, "lon": at[0], "lat": at[1], "status": status, **more}


def recommend(client: TestClient, units: list[Json], **more: Any) -> Json:
    lon, lat = corner(0, 0)
    incident = {"lon": lon, "lat": lat} | more.pop("incident", {})
    answer = client.post("/v1/recommendations", json={"incident": incident, "units": units, **more})
    assert answer.status_code == 200, answer.text
    result: Json = answer.json()
    return result


def seconds_between(start: tuple[int, int], end: tuple[int, int], profile: str) -> float:
    """Travel time between crossings by networkx."""
    city = toy_city()
    network = city.network
    graph: nx.MultiDiGraph[tuple[float, ...]] = nx.MultiDiGraph()
    times = city.speeds.arc_times_ms(network, profile)
    places = [tuple(place) for place in network.node_lonlat.round(7).tolist()]
    for tail, head, ms in zip(network.arc_tail, network.arc_head, times, strict=True):
        graph.add_edge(places[tail], places[head], ms=int(ms))
    source, target = (tuple(round(x, 7) for x in corner(*place)) for place in (start, end))
    return float(nx.dijkstra_path_length(graph, source, target, weight="ms")) / 1000


def test_the_unit_that_is_there_first_is_first(client: TestClient) -> None:
    units = [
        unit("far", corner(5, 5)),
        unit("near, asleep", corner(1, 0)),
        unit("near, awake", corner(1, 0), 1),
    ]
    ranking = recommend(client, units)["ranking"]
    assert [each["unit"] for each in ranking] == ["near, awake", "near, asleep", "far"]
    assert [each["rank"] for each in ranking] == [1, 2, 3]
    drives = [seconds_between(start, (0, 0), "siren") for start in ((1, 0), (1, 0), (5, 5))]
    turnouts = [0, 60, 60]
    for each, drive, turnout in zip(ranking, drives, turnouts, strict=True):
        assert each["travel_seconds"] == drive
        assert each["turnout_seconds"] == turnout
        assert each["arrival_seconds"] == pytest.approx(drive + turnout)


def test_who_cannot_go_is_told_apart_and_why(client: TestClient) -> None:
    units = [
        unit("busy", corner(0, 1), 3),
        unit("asks", corner(0, 1), 5),
        unit("asks while free", corner(0, 1), 5, previous_status=1),
        unit("doctor", corner(0, 1), type="doctor car"),
        unit("cut off", ISLAND),
        unit("goes", corner(3, 3), type="doctor car", capabilities=["doctor", "ambulance"]),
    ]
    answer = recommend(client, units)
    assert [each["unit"] for each in answer["ranking"]] == ["asks while free", "goes"]
    causes = {each["unit"]: each["cause"] for each in answer["passed_over"]}
    assert causes == {
        "busy": "unavailable",
        "asks": "unavailable",
        "doctor": "unsuitable",
        "cut off": "unreachable",
    }
    reasons = {each["unit"]: each["reason"] for each in answer["passed_over"]}
    assert reasons["busy"] == "responding"
    assert "previous_status" in reasons["asks"]
    assert "lacks ambulance" in reasons["doctor"]
    assert "road" in reasons["cut off"]
    assert not answer["degraded"]


def test_no_unit_that_can_go_is_an_answer_with_its_reason(client: TestClient) -> None:
    assert recommend(client, [])["reason"] == "no unit can go: the request names none"
    units = [unit("busy", corner(0, 1), "on scene"), unit("too", corner(0, 1), 6)]
    answer = recommend(client, units)
    assert answer["ranking"] == []
    assert answer["reason"] == "no unit can go: 2 unavailable"


@pytest.mark.parametrize(("profile", "priority"), [("siren", "emergency"), ("normal", "urgent")])
def test_the_priority_decides_on_the_siren(client: TestClient, profile: str, priority: str) -> None:
    answer = recommend(client, [unit("A", corner(5, 5))], incident={"priority": priority})
    assert answer["profile"] == profile
    assert answer["ranking"][0]["travel_seconds"] == seconds_between((5, 5), (0, 0), profile)


def test_needs_of_the_incident_come_before_those_of_its_priority(client: TestClient) -> None:
    units = [unit("A1", corner(0, 0)), unit("D1", corner(5, 5))]
    answer = recommend(client, units, incident={"needs": ["doctor"]})
    assert [each["unit"] for each in answer["ranking"]] == ["D1"]
    assert answer["ranking"][0]["turnout_seconds"] == 90  # D1 is a doctor car of the scenario
    assert [each["unit"] for each in recommend(client, units)["ranking"]] == ["A1"]
    everyone = recommend(client, units, incident={"needs": []})
    assert [each["unit"] for each in everyone["ranking"]] == ["A1", "D1"]


def test_closest_idle_sends_nobody_who_drives_home(client: TestClient) -> None:
    units = [unit("drives home", corner(0, 0), 1), unit("waits", corner(5, 5))]
    answer = recommend(client, units, policy="closest-idle")
    assert answer["policy"] == "closest-idle-v1"
    assert [each["unit"] for each in answer["ranking"]] == ["waits"]
    assert answer["passed_over"][0]["cause"] == "policy"


def test_a_full_ranking_says_how_many_it_leaves_out(client: TestClient) -> None:
    units = [unit(f"A{n}", corner(n, 0)) for n in range(5)] + [unit("busy", corner(0, 0), 3)]
    answer = recommend(client, units, limit=2)
    assert [each["unit"] for each in answer["ranking"]] == ["A0", "A1"]
    assert answer["beyond_limit"] == 3
    assert [each["unit"] for each in answer["passed_over"]] == ["busy"]


def test_a_status_has_a_digit_and_a_name(client: TestClient) -> None:
    by_digit, by_name = (
        recommend(client, [unit("A", corner(2, 2), status)]) for status in (2, "Free at Station")
    )
    assert by_digit == by_name


def test_matrix_agrees_with_networkx(client: TestClient) -> None:
    places = [(0, 0), (5, 0), (2, 3), (4, 4)]
    body = {"sources": [corner(*p) for p in places], "destinations": [ISLAND]}
    body["destinations"] += [corner(*p) for p in places]
    answer = client.post("/v1/matrix", json=body | {"profile": "normal"}).json()
    expected = [[None, *(seconds_between(a, b, "normal") for b in places)] for a in places]
    assert answer["durations"] == expected
    assert [row[0] for row in answer["distances"]] == [None] * 4
    assert answer["distances"][0][2] == pytest.approx(5 * 0.003 * 111_195 * 0.4368, rel=1e-3)
    assert len(answer["sources"]) == 4
    assert answer["destinations"][0]["location"] == list(ISLAND)


def test_matrix_says_how_far_a_place_lies_from_its_road(client: TestClient) -> None:
    lon, lat = corner(0, 0)
    body = {"sources": [[lon, lat - 0.001]], "destinations": [[lon, lat]]}
    answer = client.post("/v1/matrix", json=body).json()
    assert answer["sources"][0]["snapped_distance"] == pytest.approx(111.2, abs=0.1)
    assert answer["sources"][0]["location"] == [lon, lat]


def test_route_is_a_line_along_the_streets(client: TestClient, city: City) -> None:
    ends = [corner(0, 0), corner(2, 1)]
    answer = client.post("/v1/route", json={"from": ends[0], "to": ends[1]})
    assert answer.headers["content-type"] == "application/geo+json"
    feature = answer.json()
    assert feature["type"] == "Feature"
    assert feature["geometry"]["type"] == "LineString"
    line = [tuple(place) for place in feature["geometry"]["coordinates"]]
    assert (line[0], line[-1]) == tuple(ends)
    assert len(line) == 4
    for (lon1, lat1), (lon2, lat2) in itertools.pairwise(line):
        assert lon1 == lon2 or lat1 == lat2  # no street cuts a corner
    properties = feature["properties"]
    assert properties["seconds"] == seconds_between((0, 0), (2, 1), "siren")
    assert set(properties["streets"]) <= set(city.scenario.network.names)
    assert len(properties["streets"]) >= 2


def test_a_route_to_itself_has_two_ends(client: TestClient) -> None:
    feature = client.post("/v1/route", json={"from": corner(1, 1), "to": corner(1, 1)}).json()
    assert feature["geometry"]["coordinates"] == [list(corner(1, 1))] * 2
    assert feature["properties"]["seconds"] == 0


def test_health_names_the_data(client: TestClient) -> None:
    health = client.get("/healthz").json()
    assert health["status"] == "ok"
    assert health["scenario"] == "Toytown <&>"
    assert health["hash"] == "0" * 64
    assert health["version"]


def test_the_page_asks_nothing_of_other_machines(client: TestClient) -> None:
    page = client.get("/")
    assert page.headers["content-type"].startswith("text/html")
    assert "Toytown &lt;&amp;&gt;" in page.text
    assert not re.search(r"https?:|//|<script", page.text)
    for path in ("/docs", "/redoc"):
        assert client.get(path).status_code == 404


def test_the_document_is_openapi_with_examples_that_work(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    posts = {path: item["post"] for path, item in document["paths"].items() if "post" in item}
    names = {"recommendations", "assignments", "moves", "matrix", "route", "isochrones"}
    ours = {path for path in posts if not path.startswith("/ors/")}
    assert ours == {f"/v1/{name}" for name in names}
    for path, operation in posts.items():
        assert "application/problem+json" in operation["responses"]["4XX"]["content"]
        assert "422" not in operation["responses"]
        examples = operation["requestBody"]["content"]["application/json"]["examples"]
        for example in examples.values():
            where = path.format(profile="siren")
            assert client.post(where, json=example["value"]).status_code == 200
    gets = [path for path in document["paths"] if path.startswith("/osrm/")]
    assert len(gets) == 3
    for path in gets:
        parameters = document["paths"][path]["get"]["parameters"]
        example = next(each["examples"] for each in parameters if each["name"] == "coordinates")
        where = path.format(profile="siren", coordinates=example["city"]["value"])
        assert client.get(where).status_code == 200
    names = set(re.findall(r"#/components/schemas/(\w+)", str(document)))
    assert names <= set(document["components"]["schemas"])


def test_no_field_has_room_for_a_person() -> None:
    personal = re.compile(r"(first|last|sur|patient|caller)_?name|phone|birth|address|text|note")
    modules = (schemas, joint_schemas, live_schemas, osrm_schemas, ors_schemas)
    models = [
        model
        for model in [each for module in modules for each in vars(module).values()]
        if isinstance(model, type) and issubclass(model, BaseModel) and model is not BaseModel
    ]
    assert len(models) > 10
    for model in models:
        assert model.model_config.get("extra") == "forbid", model
        assert not [field for field in model.model_fields if personal.search(field)]
