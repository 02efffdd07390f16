"""Units that fly, and neighbours' units, over HTTP."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from fastapi.testclient import TestClient
from pyproj import Geod

from api.app import create_app
from api.city import City
from api.live.access import OpenAccess
from api.serve import warm_up
from scenarios.settings import Settings
from tests.api.test_app import recommend, seconds_between, unit
from tests.toy_city import corner, toy_city

SPEED, START_S, LANDING_S, NOTICE_S = 50.0, 90.0, 45.0, 100.0


@cache
def client(beyond_s: float | None = None) -> TestClient:
    settings = toy_city().settings.model_dump(mode="json")
    kinds = settings["unit_types"]
    kinds["helicopter"] = {
        "capabilities": ["ambulance"],
        "turnout_s": 120,
        "flight": {"speed_m_s": SPEED, "start_s": START_S, "landing_s": LANDING_S},
    }
    kinds["neighbour"] = {
        **kinds["ambulance"],
        "mutual_aid": {"notice_s": NOTICE_S, "beyond_s": beyond_s},
    }
    made = City(replace(toy_city(), settings=Settings.model_validate(settings)))
    warm_up(made)
    return TestClient(create_app(made, access=OpenAccess(), deadline_s=60))


NOON, MIDNIGHT = "2026-06-24T13:00:00Z", "2026-11-24T00:30:00Z"


def test_nobody_is_sent_to_fly_in_the_dark() -> None:
    units = [
        unit("flies", corner(1, 0), 2, type="helicopter"),
        unit("drives", corner(5, 5), 2, type="ambulance"),
    ]
    day = recommend(client(), units, time=NOON)
    assert {each["unit"] for each in day["ranking"]} == {"flies", "drives"}
    night = recommend(client(), units, time=MIDNIGHT)
    assert [each["unit"] for each in night["ranking"]] == ["drives"]
    (grounded,) = night["passed_over"]
    assert grounded["cause"] == "unavailable"
    assert grounded["reason"] == "flies by day alone, and the sun is down"
    at = dict(zip(("lon", "lat"), corner(0, 0), strict=True))
    body = {"incidents": [{"id": "I", **at}], "units": units[:1], "time": MIDNIGHT}
    (told,) = client().post("/v1/assignments", json=body).json()["incidents"]
    assert told["waits"]


def metres(start: tuple[float, float], end: tuple[float, float]) -> float:
    return float(Geod(ellps="WGS84").inv(*start, *end)[2])


def test_a_helicopter_flies_straight_from_wherever_it_is() -> None:
    rests, far = corner(5, 5), (corner(5, 5)[0] + 0.3, corner(5, 5)[1])
    units = [
        unit("rests", rests, 2, type="helicopter"),
        unit("in the air", far, 1, type="helicopter"),
        unit("drives", corner(1, 0), 1, type="ambulance"),
    ]
    answer = recommend(client(), units, time=NOON)
    told = {each["unit"]: each for each in answer["ranking"]}
    way = metres(rests, corner(0, 0))
    assert told["rests"]["turnout_seconds"] == 120
    flight = START_S + way / SPEED + LANDING_S
    assert told["rests"]["travel_seconds"] == pytest.approx(flight, abs=0.001)
    assert told["rests"]["distance"] == pytest.approx(way, abs=0.5)
    # no road within fourteen kilometres of it
    way = metres(far, corner(0, 0))
    assert told["in the air"]["turnout_seconds"] == 0
    assert told["in the air"]["travel_seconds"] == pytest.approx(way / SPEED + LANDING_S, abs=0.001)
    drive = seconds_between((1, 0), (0, 0), "siren")
    assert told["drives"]["travel_seconds"] == drive


@pytest.mark.parametrize(("beyond_s", "spared"), [(None, True), (10.0, False), (0.0, False)])
def test_neighbours_are_asked_where_no_own_unit_is_there_soon_enough(
    beyond_s: float | None, *, spared: bool
) -> None:
    units = [
        unit("own", corner(5, 5), 2, type="ambulance"),
        unit("theirs", corner(1, 0), 2, type="neighbour"),
    ]
    answer = recommend(client(beyond_s), units)
    ranked = [each["unit"] for each in answer["ranking"]]
    if spared:
        assert ranked == ["own"]
        (other,) = answer["passed_over"]
        assert other["cause"] == "neighbour"
        assert other["reason"] == "a neighbour's, and an own unit is there soon enough"
    else:
        assert sorted(ranked) == ["own", "theirs"]
        theirs = next(each for each in answer["ranking"] if each["unit"] == "theirs")
        assert theirs["turnout_seconds"] == 60 + NOTICE_S
    alone = recommend(client(beyond_s), [units[0] | {"status": 3}, units[1]])
    assert [each["unit"] for each in alone["ranking"]] == ["theirs"]


def test_the_same_holds_for_several_incidents_and_for_moves() -> None:
    def _at(spot: tuple[int, int]) -> dict[str, Any]:
        return dict(zip(("lon", "lat"), corner(*spot), strict=True))

    units = [
        unit("own", corner(5, 5), 2, type="ambulance"),
        unit("theirs", corner(1, 0), 2, type="neighbour"),
    ]
    incident = {"id": "I", **_at((0, 0))}
    body: dict[str, Any] = {"incidents": [incident], "units": units}
    (told,) = client().post("/v1/assignments", json=body).json()["incidents"]
    assert [each["unit"] for each in told["units"]] == ["own"]
    body = {"incidents": [incident], "units": [units[0] | {"status": 3}, units[1]]}
    (told,) = client().post("/v1/assignments", json=body).json()["incidents"]
    assert [each["unit"] for each in told["units"]] == ["theirs"]
    flies = unit("flies", corner(5, 5), 2, type="helicopter")
    body = {"incidents": [incident], "units": [flies], "time": NOON}
    (told,) = client().post("/v1/assignments", json=body).json()["incidents"]
    way = 120 + START_S + metres(corner(5, 5), corner(0, 0)) / SPEED + LANDING_S
    assert told["units"][0]["arrival_seconds"] == pytest.approx(way, abs=0.001)
    # nobody moves a neighbour's unit, whatever it could cover
    for policy in ("foresight", "compliance", "zhang"):
        body = {"units": [units[1] | {"station": "S1"}], "policy": policy}
        answer = client().post("/v1/moves", json=body).json()
        assert not answer["degraded"], answer["degraded_cause"]
        assert answer["moves"] == []
