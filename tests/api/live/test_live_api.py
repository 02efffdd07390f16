"""A day at the desk over HTTP: incidents, units, who is sent, and what is refused."""

from __future__ import annotations

import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest
from shapely.geometry import Point, shape

from api.live.folding import fold
from api.live.service import LiveOptions
from api.live.store import DamagedLogError
from api.live.tables import METADATA
from api.live.unit_commands import Start
from api.live.world import World
from tests.toy_city import ISLAND, corner

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fastapi.testclient import TestClient

    from api.live.service import Live
    from api.live.store import Store

LON, LAT = corner(1, 1)


def opened(desk: TestClient, **more: Any) -> str:
    answer = desk.post("/v1/incidents", json={"lon": LON, "lat": LAT, **more})
    assert answer.status_code == 201, answer.text
    name: str = answer.json()["data"]["incident"]
    assert answer.headers["location"] == f"/v1/incidents/{name}"
    return name


def asked(desk: TestClient, incident: str, **more: Any) -> dict[str, Any]:
    answer = desk.post(f"/v1/incidents/{incident}/recommendation", json=more)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def assign(desk: TestClient, incident: str, unit: str, **more: Any) -> Any:
    seen = {
        "version": desk.get(f"/v1/incidents/{incident}").json()["version"],
        "units": [{"unit": unit, "version": desk.get(f"/v1/units/{unit}").json()["version"]}],
    }
    return desk.post(f"/v1/incidents/{incident}/assignments", json=seen | more)


def test_an_incident_from_the_call_to_its_end(desk: TestClient) -> None:
    name = opened(desk, priority="emergency")
    found = asked(desk, name)
    first = found["ranking"][0]["unit"]
    body = {
        "version": found["incident_version"],
        "units": [{"unit": first, "version": found["unit_versions"][first]}],
        "recommendation": found["recommendation"],
    }
    sent = desk.post(f"/v1/incidents/{name}/assignments", json=body)
    assert sent.status_code == 201
    assert sent.json()["data"]["accepted"] is True
    assert desk.get(f"/v1/incidents/{name}").json()["state"] == "underway"
    assert first not in [row["unit"] for row in asked(desk, name)["ranking"]]
    for status in (3, "on scene", 7, 8):
        assert desk.post(f"/v1/units/{first}/status", json={"status": status}).status_code == 200
    early = desk.post(f"/v1/incidents/{name}/close", json={"version": 3})
    assert early.status_code == 409
    assert early.json()["units"][0]["incident"] == name
    desk.post(f"/v1/units/{first}/status", json={"status": 1})
    shown = desk.get(f"/v1/incidents/{name}").json()
    assert (shown["state"], shown["units"]) == ("served", [])
    closed = desk.post(f"/v1/incidents/{name}/close", json={"version": shown["version"]})
    assert closed.status_code == 200
    assert desk.get("/v1/incidents").json()["incidents"] == []
    assert (
        desk.get("/v1/incidents", params={"state": "closed"}).json()["incidents"][0]["id"] == name
    )
    kinds = [each["kind"] for each in desk.get("/v1/audit").json()["events"]]
    assert kinds[:4] == ["started", "incident_created", "recommended", "assigned"]
    history = desk.get("/v1/audit", params={"subject": f"incident:{name}"}).json()["events"]
    assert [each["kind"] for each in history][-1] == "incident_closed"


def test_the_live_answer_is_the_stateless_one(desk: TestClient, live: Live) -> None:
    desk.post("/v1/positions", json={"reports": _reports(live)})
    name = opened(desk)
    found = asked(desk, name)
    units = [
        {
            "id": unit["id"],
            "lon": unit["position"]["lon"],
            "lat": unit["position"]["lat"],
            "status": unit["status"],
            "type": unit["type"],
            "station": unit["station"],
        }
        for unit in desk.get("/v1/units").json()["units"]
    ]
    body = {"incident": {"lon": LON, "lat": LAT}, "units": units}
    stateless = desk.post("/v1/recommendations", json=body).json()
    for field in ("ranking", "passed_over", "reason", "policy", "priority", "needs"):
        assert found[field] == stateless[field], field
    assert not found["stale_positions"]
    assert not found["assumed_positions"]


def _reports(live: Live) -> list[dict[str, Any]]:
    return [
        {"unit": unit, "lon": corner(row, row)[0], "lat": corner(row, row)[1]}
        for row, unit in enumerate(live.world.units)
    ]


def test_who_sends_others_than_recommended_says_why(desk: TestClient) -> None:
    name = opened(desk)
    found = asked(desk, name)
    other = found["ranking"][2]["unit"]
    silent = assign(desk, name, other, recommendation=found["recommendation"])
    assert silent.status_code == 422
    assert "need a reason" in silent.json()["detail"]
    assert assign(desk, name, other).status_code == 422
    assert assign(desk, name, other, recommendation="R999", reason="other").status_code == 422
    words = assign(desk, name, other, reason="Mr Smith said so")
    assert words.status_code == 422
    sent = assign(
        desk, name, other, recommendation=found["recommendation"], reason="local_knowledge"
    )
    assert sent.status_code == 201
    assert sent.json()["data"]["accepted"] is False


def test_who_saw_an_older_state_is_told_the_present_one(desk: TestClient) -> None:
    name = opened(desk)
    changed = desk.patch(f"/v1/incidents/{name}", json={"version": 1, "priority": "urgent"})
    if changed.status_code == 422:  # the city may call it otherwise
        changed = desk.patch(f"/v1/incidents/{name}", json={"version": 1, "lon": LON, "lat": LAT})
    assert changed.status_code == 200
    late = desk.patch(f"/v1/incidents/{name}", json={"version": 1, "lon": LON, "lat": LAT})
    assert late.status_code == 409
    assert late.json()["incidents"][0]["version"] == 2
    assert late.headers["content-type"] == "application/problem+json"
    body = {"version": 1, "units": [{"unit": "A1", "version": 7}], "reason": "other"}
    stale = desk.post(f"/v1/incidents/{name}/assignments", json=body)
    assert stale.status_code == 409
    assert stale.json()["units"][0]["version"] == 1


def test_many_dispatchers_never_send_a_unit_twice(
    desk: TestClient, live: Live, store: Store
) -> None:
    names = [opened(desk) for _ in range(40)]
    units = sorted(live.world.units)

    def _try(row: int) -> int:
        body = {
            "version": 1,
            "units": [{"unit": units[row % len(units)], "version": 1}],
            "reason": "other",
        }
        answer = desk.post(f"/v1/incidents/{names[row % 40]}/assignments", json=body)
        if answer.status_code == 409:
            problem = answer.json()
            assert problem["units"] or problem["incidents"]
            for unit in problem["units"]:
                assert unit["version"] >= 1
        return int(answer.status_code)

    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(_try, range(200)))
    assert set(found) == {201, 409}
    assert found.count(201) == len(units)
    sent = [each.body for each in store.records() if each.kind == "assigned"]
    assert sorted(unit for body in sent for unit in body["units"]) == units
    assert fold(store, from_start=True).world == live.world


def test_a_repeated_request_happens_once(desk: TestClient) -> None:
    body = {"lon": LON, "lat": LAT}
    first = desk.post("/v1/incidents", json=body, headers={"Idempotency-Key": "call-1"})
    again = desk.post("/v1/incidents", json=body, headers={"Idempotency-Key": "call-1"})
    assert again.json() == first.json()
    assert again.headers["idempotency-replayed"] == "true"
    assert len(desk.get("/v1/incidents").json()["incidents"]) == 1
    other = desk.post(
        "/v1/incidents", json=body | {"lat": LAT + 0.001}, headers={"Idempotency-Key": "call-1"}
    )
    assert other.status_code == 422
    assert "Idempotency-Key" in other.json()["detail"]
    bad = desk.post("/v1/incidents", json=body, headers={"Idempotency-Key": "two words"})
    assert bad.status_code == 422


def test_what_was_acknowledged_is_there_after_a_start(
    serving: Callable[..., Any], store: Store
) -> None:
    with serving(store) as desk:
        name = opened(desk)
        assert assign(desk, name, "A1", reason="other").status_code == 201
        desk.put("/v1/hospitals/H1", json={"state": "full"})
    with serving(store) as desk:
        assert desk.get(f"/v1/incidents/{name}").json()["units"] == ["A1"]
        assert desk.get("/v1/units/A1").json()["incident"] == name
        assert desk.get("/v1/hospitals").json()["hospitals"][0]["state"] == "full"
        started = [each for each in store.records() if each.kind == "started"]
        assert len(started) == 1  # the same city: nothing new to say


def test_old_positions_are_told(desk: TestClient, live: Live) -> None:
    lon, lat = corner(4, 4)
    then = "2020-01-01T00:00:00Z"
    now = live.now_ms()
    desk.post("/v1/units/B1/status", json={"status": 1})
    desk.post("/v1/units/B1/position", json={"lon": lon, "lat": lat})
    late = desk.post("/v1/units/B1/position", json={"lon": LON, "lat": LAT, "observed_at": then})
    assert late.json() == {
        "event": None,
        "taken": 0,
        "ignored": [{"unit": "B1", "cause": "late"}],
    }
    live.stale_after_ms = -1  # all that was ever reported is too old now
    found = asked(desk, opened(desk))
    assert live.now_ms() >= now
    assert "B1" in found["stale_positions"]
    row = next(each for each in found["ranking"] if each["unit"] == "B1")
    assert "position is 0 min old" in row["reason"]
    assert "A1" in found["assumed_positions"]
    assert desk.get("/v1/units/B1").json()["position"]["stale"] is True


def test_who_has_neither_a_place_nor_a_station_is_not_sent(desk: TestClient, live: Live) -> None:
    stranger = Start("b" * 64, (("Q1", "ambulance", "S9"),))
    live.ledger.submit(stranger, "test").result()
    name = opened(desk)
    found = asked(desk, name)
    assert "Q1" not in {each["unit"] for each in found["ranking"]}
    (passed,) = [each for each in found["passed_over"] if each["unit"] == "Q1"]
    assert passed["cause"] == "unavailable"
    desk.post("/v1/units/Q1/position", json={"lon": LON, "lat": LAT})
    assert "Q1" in {each["unit"] for each in asked(desk, name)["ranking"]}


def test_a_position_on_no_road_is_told_as_such(desk: TestClient) -> None:
    name = opened(desk)
    desk.post("/v1/units/A1/status", json={"status": 1})
    desk.post("/v1/units/A1/position", json={"lon": 13.2, "lat": 53.5})
    (told,) = [each for each in asked(desk, name)["ranking"] if each["unit"] == "A1"]
    assert "its position is on no road of this city, taken to be at its station" in told["reason"]


def test_a_position_off_the_roads_does_not_stop_the_answer(desk: TestClient) -> None:
    desk.post("/v1/units/B1/position", json={"lon": 0.0, "lat": 0.0})
    found = asked(desk, opened(desk))
    assert "B1" in found["assumed_positions"]
    assert found["ranking"]


def test_units_come_go_and_have_shifts(desk: TestClient) -> None:
    made = desk.put("/v1/units/X1", json={"type": "ambulance", "station": "S2"})
    assert made.status_code == 200
    assert desk.get("/v1/units/X1").json()["status"] == 6
    assert desk.put("/v1/units/X1", json={"type": "ambulance", "station": "S1"}).status_code == 409
    assert desk.put("/v1/units/X2", json={"type": "tank", "station": "S1"}).status_code == 422
    desk.post("/v1/units/X1/status", json={"status": 2})
    name = opened(desk)
    assert "X1" in [each["unit"] for each in asked(desk, name)["ranking"]]
    over = {"start": "2020-01-01T07:00:00Z", "end": "2020-01-01T19:00:00Z"}
    answer = desk.put("/v1/units/X1/shifts", json={"version": 2, "shifts": [over]})
    assert answer.status_code == 200
    assert not desk.get("/v1/units/X1").json()["available"]
    assert "X1" not in [each["unit"] for each in asked(desk, name)["ranking"]]
    assert assign(desk, name, "X1", reason="other").status_code == 409
    for path in ("/v1/units/nobody", "/v1/incidents/nobody"):
        answer = desk.get(path)
        assert answer.status_code == 404
        assert "'nobody'" in answer.json()["detail"]
    assert desk.post("/v1/units/nobody/status", json={"status": 1}).status_code == 404


def test_a_closed_road_is_closed_for_all_answers_until_it_is_opened(desk: TestClient) -> None:
    name = opened(desk)
    ends = {"from": list(corner(0, 0)), "to": list(corner(1, 1))}
    before = asked(desk, name)["ranking"][0]["travel_seconds"]
    way = desk.post("/v1/route", json=ends).json()["properties"]["seconds"]
    as_osrm = "/osrm/route/v1/siren/{},{};{},{}?steps=true".format(*ends["from"], *ends["to"])
    assert desk.get(as_osrm).json()["routes"][0]["duration"] == way
    west, south = corner(0, 0)
    east, north = corner(1, 1)
    ring = [[west - 1e-4, south - 1e-4], [east - 1e-3, south - 1e-4], [east - 1e-3, north - 1e-3]]
    ring += [[west - 1e-4, north - 1e-3], ring[0]]
    area = {"geometry": {"type": "Polygon", "coordinates": [ring]}, "factor": 9.0}
    assert desk.put("/v1/closures/works", json=area).status_code == 200
    assert asked(desk, name)["ranking"][0]["travel_seconds"] > before
    longer = desk.post("/v1/route", json=ends).json()["properties"]["seconds"]
    assert longer > way
    route = desk.get(as_osrm).json()["routes"][0]
    assert route["duration"] == longer
    steps = route["legs"][0]["steps"]
    assert sum(step["duration"] for step in steps) == pytest.approx(longer, abs=0.01)
    assert desk.put("/v1/closures/works", json=area).status_code == 409
    later = area | {"from": "2100-01-01T00:00:00Z", "version": 1}
    assert desk.put("/v1/closures/works", json=later).status_code == 200
    assert asked(desk, name)["ranking"][0]["travel_seconds"] == before
    assert desk.delete("/v1/closures/works").status_code == 200
    assert desk.delete("/v1/closures/works").status_code == 404
    nowhere = {"type": "LineString", "coordinates": [[0.0, 0.0], [0.1, 0.1]]}
    assert desk.put("/v1/closures/x", json={"geometry": nowhere}).status_code == 422
    bow = [[west, south], [east, north], [east, south], [west, north], [west, south]]
    crossed = {"geometry": {"type": "Polygon", "coordinates": [bow]}}
    assert desk.put("/v1/closures/x", json=crossed).status_code == 422


def test_a_closure_that_is_over_is_refused(desk: TestClient) -> None:
    line = {"type": "LineString", "coordinates": [list(corner(0, 0)), list(corner(1, 0))]}
    for begins in (None, "2019-12-31T00:00:00Z"):
        past = {"geometry": line, "from": begins, "to": "2020-01-01T00:00:00Z"}
        answer = desk.put("/v1/closures/works", json=past)
        assert answer.status_code == 422
        assert answer.headers["content-type"] == "application/problem+json"
        (error,) = answer.json()["errors"]
        assert error["field"] == "to"
        assert "2020-01-01T00:00:00" in error["message"]
        assert "give an end to come" in error["fix"]
    assert desk.get("/v1/closures").json()["features"] == []


def test_what_is_reached_shrinks_with_the_roads(desk: TestClient) -> None:
    body: dict[str, Any] = {
        "locations": [list(corner(1, 1)), list(corner(4, 4))],
        "range": [60, 30],
    }
    found = desk.post("/v1/isochrones", json=body)
    assert found.headers["content-type"] == "application/geo+json"
    before = [each["properties"] for each in found.json()["features"]]
    assert [(each["group_index"], each["value"]) for each in before] == [
        (0, 30),
        (0, 60),
        (1, 30),
        (1, 60),
    ]
    matrix = desk.post(
        "/v1/matrix",
        json={"sources": [body["locations"][0]], "destinations": [list(corner(1, 2))]},
    ).json()["durations"][0][0]
    hull = shape(found.json()["features"][1 if matrix <= 60 else 0]["geometry"])
    assert hull.buffer(1e-3).contains(Point(corner(1, 2))) == (matrix <= 60)
    (west, south), (east, north) = corner(0, 0), corner(2, 2)
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    area = {"geometry": {"type": "Polygon", "coordinates": [ring]}, "factor": 9.0}
    assert desk.put("/v1/closures/works", json=area).status_code == 200
    after = [
        each["properties"]["area"]
        for each in desk.post("/v1/isochrones", json=body).json()["features"]
    ]
    assert after[1] < before[1]["area"]
    assert after[2:] == [each["area"] for each in before[2:]]
    assert desk.post("/v1/isochrones", json=body | {"range": [60, 60]}).status_code == 422


def test_moves_are_proposed_accepted_and_declined(desk: TestClient) -> None:
    found = desk.post("/v1/move-proposals", json={"policy": "foresight"}).json()
    for move in found["moves"]:
        body = {
            "unit": move["unit"],
            "version": move["version"],
            "station": move["to_station"],
            "proposal": found["proposal"],
        }
        answer = desk.post("/v1/move-orders", json=body)
        assert answer.json()["data"]["accepted"] is True
        assert desk.get(f"/v1/units/{move['unit']}").json()["moving_to"] == move["to_station"]
        for status in (1, 2):
            desk.post(f"/v1/units/{move['unit']}/status", json={"status": status})
        shown = desk.get(f"/v1/units/{move['unit']}").json()
        assert (shown["station"], shown["moving_to"]) == (move["to_station"], None)
    version = desk.get("/v1/units/A2").json()["version"]
    own = {"unit": "A2", "version": version, "station": "S3"}
    assert desk.post("/v1/move-orders", json=own).status_code == 422
    own["reason"] = "kept_for_coverage"
    assert desk.post("/v1/move-orders", json=own).status_code == 201
    again = desk.post("/v1/move-orders", json=own)
    assert again.status_code == 409
    decline = f"/v1/move-proposals/{found['proposal']}/decline"
    assert desk.post(decline, json={"reason": "other"}).status_code == 200
    assert desk.post("/v1/move-proposals/P999/decline", json={"reason": "other"}).status_code == 404


def test_a_unit_that_is_released_is_free(desk: TestClient) -> None:
    name = opened(desk)
    assign(desk, name, "A1", reason="other")
    body = {"unit": "A1", "version": 2, "reason": "not_needed"}
    assert desk.post(f"/v1/incidents/{name}/releases", json=body).status_code == 200
    assert desk.get("/v1/units/A1").json()["available"]
    assert desk.get(f"/v1/incidents/{name}").json()["state"] == "waiting"
    assert desk.post(f"/v1/incidents/{name}/releases", json=body).status_code == 409


def test_coverage_falls_as_units_leave(desk: TestClient) -> None:
    before = desk.get("/v1/coverage").json()
    for unit in ("A1", "A2", "B1", "B2", "D1"):
        desk.post(f"/v1/units/{unit}/status", json={"status": 6})
    after = desk.get("/v1/coverage").json()
    assert before["share"] > 0
    assert after["share"] == 0
    assert all(each["properties"]["seconds"] is None for each in after["features"])
    state = desk.get("/v1/state").json()
    assert {each["properties"]["kind"] for each in state["features"]} == {"unit", "hospital"}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"lon": ISLAND[0] + 1, "lat": ISLAND[1]}, "from the nearest road"),
        ({"lon": LON, "lat": LAT, "priority": "emergancy"}, "emergency"),
        ({"lon": LON, "lat": LAT, "needs": ["magic"]}, "needs[0]"),
        ({"lon": LON, "lat": LAT, "patient": "Mr Smith"}, "patient"),
        ({"lon": LON, "lat": LAT, "id": "two words"}, "id"),
        ({"lon": "1", "lat": LAT}, "lon"),
    ],
)
def test_a_bad_incident_is_told_and_not_written(
    desk: TestClient, live: Live, body: dict[str, Any], words: str
) -> None:
    before = live.world.seq
    answer = desk.post("/v1/incidents", json=body)
    assert answer.status_code == 422
    assert words in answer.json()["detail"]
    assert live.world.seq == before


def test_no_table_has_room_for_a_person() -> None:
    """What is stored of people: nothing. Columns are these, and bodies are of strict schemas."""
    columns = {
        f"{table.name}.{column.name}" for table in METADATA.sorted_tables for column in table.c
    }
    log = {"seq", "at_ms", "kind", "subject", "actor", "body", "key", "request", "crc", "chain"}
    snapshots = {"seq", "chain", "version", "world", "digest"}
    tokens = {"id", "name", "role", "hash", "created_ms", "expires_ms", "revoked_ms"}
    jobs = {"number", "kind", "actor", "asked", "scenario", "state", "starts", "error"}
    jobs |= {"created_ms", "started_ms", "ended_ms", "deleted_ms", "key", "request", "warnings"}
    known = {"log": log, "snapshots": snapshots, "tokens": tokens, "jobs": jobs}
    assert columns == {f"{table}.{name}" for table, names in known.items() for name in names}


@pytest.mark.parametrize("how", ["fails", "hangs"])
def test_without_roads_the_closest_as_the_crow_flies_is_named_and_flagged(
    desk: TestClient, live: Live, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    name = opened(desk)
    good = asked(desk, name)
    awake = Event()

    def _broken(*_: Any) -> None:
        if how == "fails":
            raise MemoryError("no hierarchy")
        awake.wait(10)

    monkeypatch.setattr(live, "options", LiveOptions(deadline_s=0.2))
    monkeypatch.setattr(live.city.times["siren"], "many_to_one", _broken)
    found = asked(desk, name)
    awake.set()
    assert found["degraded"] is True
    assert "as the crow flies" in found["degraded_cause"]
    assert found["ranking"][0]["unit"] == good["ranking"][0]["unit"]
    assert found["ranking"][0]["arrival_seconds"] > 60
    (noted,) = [
        each["data"]["degraded"]
        for each in desk.get("/v1/audit").json()["events"]
        if each["kind"] == "recommended" and each["data"]["degraded"]
    ]
    assert "crow" in noted
    assert "bluelight_degraded_total 1.0" in desk.get("/metrics").text
    assert desk.get("/readyz").json()["degraded_lately"] == 1
    assert "1 makeshift answers" in desk.get("/").text


@pytest.mark.parametrize("broken", ["raises", "hangs"])
def test_whatever_happens_to_the_roads_the_answer_is_there_in_time(
    desk: TestClient, live: Live, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    """Tying places to roads hangs or fails, for whoever tries; the policy hangs as well."""
    name, let_go = opened(desk), Event()

    def _snap(*_: Any) -> Any:
        if broken == "raises":
            raise MemoryError("no map")
        with live.city._snapping:
            let_go.wait(60)
        return snap(*_)

    snap = live.city.snap_anywhere
    monkeypatch.setattr(live, "options", LiveOptions(deadline_s=0.2))
    monkeypatch.setattr(live.city, "snap_anywhere", _snap)
    monkeypatch.setattr(live.places, "_world", World())  # nobody's place is known
    monkeypatch.setattr(live.places, "_rows", [])
    monkeypatch.setattr(live.city, "_spots", {})
    for _ in range(12):  # more than solvers may hang
        found = asked(desk, name, policy="dmexclp")
        assert found["degraded"] is True
        assert "as the crow flies" in found["degraded_cause"]
        assert found["ranking"]
        assert found["incident_snapped_distance"] is None
    let_go.set()
    monkeypatch.undo()
    for _ in range(500):
        if not live.questions._left_behind:
            break
        time.sleep(0.01)
    assert asked(desk, name)["degraded"] is False


def test_figures_for_prometheus(desk: TestClient) -> None:
    assert 'role="alert"' not in desk.get("/").text
    asked(desk, opened(desk))
    page = desk.get("/metrics").text
    assert "bluelight_recommendations_total 1.0" in page
    assert 'path="/v1/incidents/{incident}/recommendation",status="200"' in page
    assert "bluelight_incidents_waiting 1.0" in page
    assert "bluelight_coverage_share" in page


def test_a_log_that_cannot_be_written_is_told(
    desk: TestClient, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    def _full(*_: Any) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(live.store, "append", _full)
    answer = desk.post("/v1/incidents", json={"lon": LON, "lat": LAT})
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"
    assert desk.get("/v1/incidents").json()["incidents"] == []
    assert desk.get("/readyz").status_code == 503
    assert desk.get("/healthz").status_code == 200
    assert "cannot be written: OSError: disk full" in desk.get("/").text
    monkeypatch.undo()
    opened(desk)
    assert desk.get("/readyz").json()["ready"] is True


def test_units_of_another_scenario_are_not_sent(desk: TestClient, live: Live) -> None:
    stranger = Start("b" * 64, (("Q1", "airship", "S9"),))
    live.ledger.submit(stranger, "test").result()
    assert desk.get("/v1/units/Q1").json()["capabilities"] == []
    found = asked(desk, opened(desk))
    assert found["ranking"]
    assert "Q1" in [each["unit"] for each in found["passed_over"]]
    assert desk.get("/v1/coverage").status_code == 200


def test_damage_before_the_snapshot_is_told_after_a_start(
    serving: Callable[..., Any], store: Store
) -> None:
    with serving(store) as desk:
        names = [opened(desk) for _ in range(5)]
    with sqlite3.connect(store.url) as database:
        database.execute("UPDATE log SET actor = 'x' WHERE seq = 3")
    with serving(store) as desk:
        desk.app.state.live.proof._thread.join()
        ready = desk.get("/readyz")
        assert ready.status_code == 503
        assert "record 3 of the log is damaged" in ready.json()["trouble"]
        assert "record 3" in desk.get("/").text
        found = desk.get("/v1/incidents").json()["incidents"]
        assert [each["id"] for each in found] == names
    with pytest.raises(DamagedLogError, match="record 3 "):
        fold(store, from_start=True)


def test_a_copy_of_the_log_is_the_log(desk: TestClient, store: Store, tmp_path: Path) -> None:
    opened(desk)
    with sqlite3.connect(store.url) as source, sqlite3.connect(tmp_path / "backup.db") as target:
        source.backup(target)
    copy = type(store)(str(tmp_path / "backup.db"))
    assert fold(copy).world == fold(store).world
    copy.close()
