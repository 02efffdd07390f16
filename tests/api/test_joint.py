"""Several incidents, and moves, over HTTP: against enumeration and the simulator's own code."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.city import City
from api.live.access import OpenAccess
from api.serve import warm_up
from engine.assignment import closest_in_turn
from engine.policies import POLICIES, RELOCATIONS
from tests.api.test_app import seconds_between
from tests.api.test_city_policies import city
from tests.toy_city import ISLAND, corner

Json = dict[str, Any]
CARS = ["ambulance", "ambulance", "ambulance", "doctor car"]
LIMIT_S = 480.0


def drawn(seed: int) -> tuple[Json, list[tuple[int, int]], list[tuple[int, int]]]:
    """Draw a request, with the crossings of incidents and units."""
    rng = np.random.default_rng(seed)
    n, units = int(rng.integers(1, 4)), int(rng.integers(1, 5))
    spots = [(int(a), int(b)) for a, b in rng.integers(0, 6, (n + units, 2))]
    request = {
        "incidents": [
            {
                "id": f"I{row}",
                **dict(zip(("lon", "lat"), corner(*spots[row]), strict=True)),
                "priority": str(rng.choice(["emergency", "urgent"])),
                "waiting_seconds": float(rng.choice([0, 300, 460])),
            }
            for row in range(n)
        ],
        "units": [
            {
                "id": f"U{row}",
                **dict(zip(("lon", "lat"), corner(*spots[n + row]), strict=True)),
                "status": int(rng.choice([1, 1, 2, 3])),
                "type": str(rng.choice(CARS)),
            }
            for row in range(units)
        ],
    }
    return request, spots[:n], spots[n:]


def arrival_s(request: Json, row: int, unit: int, spots: Any, places: Any) -> float:
    car = request["units"][unit]
    if car["status"] == 3 or car["type"] != "ambulance":
        return np.inf
    profile = "siren" if request["incidents"][row]["priority"] == "emergency" else "normal"
    turnout_s = 60.0 if car["status"] == 2 else 0.0
    return seconds_between(places[unit], spots[row], profile) + turnout_s


def best_ways(request: Json, spots: Any, places: Any) -> tuple[Any, list[tuple[int, ...]]]:
    """Try every way: most emergencies served, then most others, then the least cost."""
    n, units = len(spots), len(places)
    found: dict[tuple[int, ...], tuple[int, int, float]] = {}
    for way in itertools.product(range(-1, units), repeat=n):
        used = [unit for unit in way if unit >= 0]
        if len(set(used)) < len(used):
            continue
        served, cost = [0, 0], 0.0
        for row, unit in enumerate(way):
            if unit < 0:
                continue
            incident = request["incidents"][row]
            arrival = arrival_s(request, row, unit, spots, places)
            left = max(0.0, LIMIT_S - incident["waiting_seconds"])
            cost += arrival + 10 * max(0.0, arrival - left)
            served[incident["priority"] != "emergency"] -= 1
        if np.isfinite(cost):
            found[way] = (served[0], served[1], cost)
    least = min(found.values())
    near = [w for w, c in found.items() if c[:2] == least[:2] and c[2] <= least[2] + 3]
    return least, near


def test_no_way_serves_more_or_is_better(client: TestClient) -> None:
    waited = gave_way = 0
    for seed in range(80):
        request, spots, places = drawn(seed)
        answer = client.post("/v1/assignments", json=request)
        assert answer.status_code == 200, answer.text
        result = answer.json()
        assert result["optimal"]
        assert not result["degraded"]
        _, near = best_ways(request, spots, places)
        way = []
        for row, told in enumerate(result["incidents"]):
            assert told["waits"] == (not told["units"])
            unit = int(told["units"][0]["unit"][1:]) if told["units"] else -1
            way.append(unit)
            waited += told["waits"]
            if unit >= 0:
                (sent,) = told["units"]
                arrival = arrival_s(request, row, unit, spots, places)
                assert sent["arrival_seconds"] == pytest.approx(arrival, abs=0.002)
                closest = min(
                    arrival_s(request, row, other, spots, places) for other in range(len(places))
                )
                assert sent["later_seconds"] == pytest.approx(arrival - closest, abs=0.002)
                left = LIMIT_S - request["incidents"][row]["waiting_seconds"]
                assert told["within_standard"] == (arrival <= left)
                gave_way += sent["later_seconds"] > 0
                if sent["later_seconds"] > 0:
                    assert f"{sent['later_seconds']:.0f} s after U" in told["reason"]
        assert tuple(way) in near, f"case {seed}"
        assert result["waiting"] == way.count(-1)
    assert waited > 15
    assert gave_way > 3


def test_a_solver_that_fails_is_replaced_by_the_closest_in_turn(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise ArithmeticError("no")

    monkeypatch.setattr("api.assignments.assign_sets", fails)
    request, _, _ = drawn(4)
    result = client.post("/v1/assignments", json=request).json()
    assert result["degraded"]
    assert result["degraded_cause"] == "the solver failed: ArithmeticError: no"
    assert not result["optimal"]
    assert closest_in_turn([((0,),)], [[1]], [9]).units == ((0,),)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda r: r["incidents"].append(dict(r["incidents"][0])), "incidents[1].id"),
        (lambda r: r["units"].append(dict(r["units"][0])), "units[1].id"),
        (lambda r: r["incidents"][0].update(priority="emergncy"), "incidents[0].priority"),
        (lambda r: r["incidents"][0].update(type="fire"), "incidents[0].type"),
        (lambda r: r["incidents"][0].update(needs=["wings"]), "incidents[0].needs[0]"),
        (lambda r: r["incidents"][0].update(lon=ISLAND[0], lat=65.0), "incidents[0]"),
        (lambda r: r["incidents"].clear(), "incidents"),
    ],
)
def test_what_is_wrong_is_named(client: TestClient, change: Any, field: str) -> None:
    at = dict(zip(("lon", "lat"), corner(1, 1), strict=True))
    request: Json = {"incidents": [{"id": "I", **at}], "units": [{"id": "U", **at, "status": 2}]}
    change(request)
    answer = client.post("/v1/assignments", json=request)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


def test_a_unit_moves_to_where_nobody_is() -> None:
    made = City(city())
    warm_up(made)
    client = TestClient(create_app(made, access=OpenAccess(), deadline_s=60))
    stations = {"S1": corner(0, 0), "S2": corner(5, 0), "S3": corner(2, 5)}
    units = [
        {
            "id": name,
            **dict(zip(("lon", "lat"), stations[at], strict=True)),
            "status": status,
            "type": "ambulance",
            "station": at,
        }
        for name, at, status in [("A1", "S1", 2), ("A2", "S1", 2), ("B1", "S2", 3), ("B2", "S2", 3)]
    ]
    movers = [*RELOCATIONS, *(name for name in POLICIES if hasattr(POLICIES[name], "moves"))]
    some = 0
    for name in movers:
        answer = client.post("/v1/moves", json={"units": units, "policy": name})
        assert answer.status_code == 200, answer.text
        told = answer.json()
        assert not told["degraded"], told["degraded_cause"]
        assert told["policy"] == name
        assert 0 <= told["coverage_before"] <= 1
        if not told["moves"]:
            assert told["coverage_after"] == told["coverage_before"]
        for move in told["moves"]:
            assert move["unit"] in {"A1", "A2"}
            assert move["from_station"] == "S1"
            assert move["to_station"] in {"S2", "S3"}
            spot = {"S2": (5, 0), "S3": (2, 5)}[move["to_station"]]
            drive = seconds_between((0, 0), spot, "normal")
            assert move["drive_seconds"] == pytest.approx(drive, abs=0.002)
            some += 1
        assert len({move["unit"] for move in told["moves"]}) == len(told["moves"])
    assert some >= 4
    (ours,) = client.post("/v1/moves", json={"units": units}).json()["moves"]
    assert ours["figures"]["saves"] > 0
    assert f"saves {ours['figures']['saves']:.3f} late arrivals" in ours["reason"]
    assert client.post("/v1/moves", json={"units": units, "policy": "closest"}).status_code == 422
