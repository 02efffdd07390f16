"""Policies that know the city, over HTTP: what they answer is what they decide in simulation."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.city import City
from api.fleet import Fleet
from api.live.access import OpenAccess
from api.outlook import Outlook
from api.serve import warm_up
from engine.dispatch import DispatchState, bound
from engine.policies import POLICIES
from engine.survival import de_maio_2003
from routing.network import UNREACHABLE
from scenarios.package import lonlat
from scenarios.settings import Settings
from scenarios.simulation.tables import Tables, build_tables
from scenarios.terrain import terrain_of
from tests.toy_city import toy_city

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.terrain import Terrain
    from scenarios.package import Scenario

TUESDAY = "2026-11-24T14:30:00Z"
NOW_MS = (24 + 14.5) * 3_600_000


@cache
def city() -> Scenario:
    """Return the toy city with a standard that not every station can keep."""
    settings = toy_city().settings.model_dump(mode="json")
    settings["standards"][0]["limit_s"] = 270
    return replace(toy_city(), settings=Settings.model_validate(settings))


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    made = City(city())
    warm_up(made)
    with TestClient(create_app(made, access=OpenAccess(), deadline_s=60)) as client:
        yield client


@cache
def known() -> tuple[Tables, Terrain]:
    tables = build_tables(city())
    terrain = terrain_of(city(), tables)
    return tables, replace(terrain, calls_per_hour=np.full(168, terrain.calls_per_hour[0]))


def station_names() -> list[str]:
    names: list[str] = city().stations["id"].tolist()
    return names


def drawn(seed: int) -> tuple[dict[str, Any], DispatchState]:
    """Return one situation twice: as a request, and as the event loop would see it."""
    rng = np.random.default_rng(seed)
    town, (tables, _) = city(), known()
    units, zone = len(town.units), int(rng.integers(len(town.zones)))
    free = rng.random(units) < 0.8
    free[rng.integers(4)] = True
    at = town.unit_station.copy()
    at[:4] = rng.integers(0, 3, 4)
    place = len(town.zones) + len(town.hospitals) + at
    priority = int(rng.integers(2))
    drive = tables.travel.drive["ms"][tables.rules.priority["response"][priority]][place, zone]
    suitable = tables.rules.suitable[0]
    status = np.where(free, 2, 3).astype(np.int8)
    waiting_ms = float(rng.integers(0, 90) * 1000)
    arrival = drive + tables.rules.crew["turnout_ms"]
    state = DispatchState(
        now_ms=NOW_MS,
        priority=priority,
        waiting_ms=waiting_ms,
        status=status,
        returning=np.zeros(units, dtype=np.bool_),
        suitable=suitable,
        arrival_ms=np.where(free & suitable, arrival, float(UNREACHABLE)),
        base=np.where(free, at, -1),
        zone=zone,
    )
    stations, zones = lonlat(town.stations), lonlat(town.zones)
    request = {
        "incident": {
            "lon": zones[zone][0],
            "lat": zones[zone][1],
            "priority": town.settings.priorities[priority].name,
            "waiting_seconds": waiting_ms / 1000,
        },
        "units": [
            {
                "id": town.units["id"].iloc[row],
                "lon": stations[at[row]][0],
                "lat": stations[at[row]][1],
                "status": int(status[row]),
                "station": station_names()[at[row]],
            }
            for row in range(units)
        ],
        "time": TUESDAY,
    }
    return request, state


@pytest.mark.parametrize("name", list(POLICIES))
def test_the_answer_is_that_of_the_event_loop(client: TestClient, name: str) -> None:
    sent, others = set(), 0
    for seed in range(40):
        request, state = drawn(seed)
        home = np.array([station_names().index(unit["station"]) for unit in request["units"]])
        terrain = replace(known()[1], home=home)
        wanted = bound(POLICIES[name], terrain).decide(state)
        answer = client.post("/v1/recommendations", json={**request, "policy": name}).json()
        assert not answer["degraded"], answer["degraded_cause"]
        got = answer["ranking"][0]["unit"] if answer["ranking"] else None
        assert got == (city().units["id"].iloc[wanted] if wanted >= 0 else None), f"case {seed}"
        if got:
            assert answer["sets"][0]["units"][0]["unit"] == got
            assert answer["ranking"][0]["reason"].endswith("s away")
        sent.add(got)
        others += wanted >= 0 and state.arrival_ms[wanted] > state.arrival_ms.min()
    assert len(sent) >= 3
    if name in {"dmexclp-v1", "preparedness-v1", "foresight-v1"}:
        assert others > 0


TOLD = {
    "foresight-v1": ("to_come", ".3f"),
    "dmexclp-v1": ("coverage_lost", ".2%"),
    "preparedness-v1": ("preparedness_lost", ".2%"),
    "fair-preparedness-v1": ("preparedness_lost", ".2%"),
}


@pytest.mark.parametrize("name", list(TOLD))
def test_figures_say_what_words_say(client: TestClient, name: str) -> None:
    later = 0
    figure, form = TOLD[name]
    for seed in range(100):
        request, state = drawn(seed)
        answer = client.post("/v1/recommendations", json={**request, "policy": name}).json()
        figures, reason = answer["figures"], answer["ranking"][0]["reason"]
        closest = state.arrival_ms.min() / 1000
        later_s = answer["ranking"][0]["arrival_seconds"] - closest
        assert figures["later_seconds"] == pytest.approx(later_s)
        if figures["later_seconds"] > 0:
            later += 1
            assert figures["in_time"] == 1
            assert reason.startswith(f"in time, {figures['later_seconds']:.0f} s after the closest")
            saved = figures[f"{figure}_of_closest"] - figures[figure]
            assert saved > 0
            assert f" {saved:{form}} " in reason
        elif not figures["in_time"]:
            assert reason.startswith("the closest, as nobody can be in time")
        else:
            assert reason.startswith("the closest, and in time")
    assert later > 2


def test_survival_says_how_likely_this_patient_lives(client: TestClient) -> None:
    for seed in range(20):
        request, state = drawn(seed)
        answer = client.post("/v1/recommendations", json={**request, "policy": "survival"}).json()
        figures, first = answer["figures"], answer["ranking"][0]
        response_s = first["arrival_seconds"] + state.waiting_ms / 1000
        assert figures["survival"] == pytest.approx(float(de_maio_2003(response_s)))
        assert figures["lives_to_come"] >= 0
        assert (figures["later_seconds"] == 0) == first["reason"].startswith("the closest, with")


def test_a_station_that_is_not_there_is_told(client: TestClient) -> None:
    request, _ = drawn(1)
    request["units"][2]["station"] = "S4"
    answer = client.post("/v1/recommendations", json=request)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "units[2].station"
    assert "S" in answer.json()["errors"][0]["fix"]


@pytest.mark.parametrize(
    "time",
    [
        *("yesterday", "2026-11-24T14:30:00", 1764000000, True, "0001-01-01T00:00:00Z"),
        "9999-12-31T23:59:59-14:00",
    ],
)
def test_a_time_without_its_offset_is_none(client: TestClient, time: object) -> None:
    request, _ = drawn(1)
    answer = client.post("/v1/recommendations", json={**request, "time": time})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "time"
    assert "RFC 3339" in answer.json()["errors"][0]["fix"]


def test_hours_are_local_and_nights_have_their_turnout() -> None:
    settings = city().settings.model_dump(mode="json")
    settings["horizon"]["timezone"] = "Europe/Berlin"
    settings["unit_types"]["ambulance"]["night_turnout_s"] = 150
    settings["demand"]["hour_profile"] = [1.0] * 23 + [25.0]
    there = replace(city(), settings=Settings.model_validate(settings))
    outlook = Outlook(there)
    kind = there.settings.unit_types["ambulance"]
    # Sunday 22:30 in UTC is half past eleven in Berlin, in winter
    moment = outlook.moment(datetime.fromisoformat("2026-11-22T22:30:00+00:00"))
    assert moment.hour == 23
    assert moment.now_ms == (6 * 24 + 23.5) * 3_600_000
    assert outlook.turnout_s(kind, moment.hour) == 150
    assert outlook.turnout_s(kind, 12) == 60
    fleet = Fleet(City(there), [], None, [])
    terrain = outlook.terrain(fleet, np.ones((1, 0), dtype=np.bool_))
    hours = terrain.calls_per_hour
    assert len(hours) == 168
    assert hours.sum() == pytest.approx(7 * 24)
    assert terrain.calls_per_ms(moment.now_ms) == pytest.approx(hours[22] * 25 / 3_600_000)
