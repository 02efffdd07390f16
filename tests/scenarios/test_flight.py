"""Units that fly: against distances on the ellipsoid, an almanac, and by hand."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pyproj import Geod

from engine import events as ev
from engine.dispatch import CLOSEST, CLOSEST_IDLE
from engine.policies import POLICIES, RELOCATIONS
from engine.relocation import Combined, Move, MoveState
from routing.errors import InputError
from scenarios.clairvoyance import crews_of
from scenarios.daylight import nights_of
from scenarios.demand import IncidentTable, draw_incidents
from scenarios.package import lonlat
from scenarios.settings import Settings
from scenarios.simulation.run import run_replication
from scenarios.simulation.tables import build_tables
from tests.scenarios.full_city import full_city, full_incidents, full_timeline, with_flights
from tests.scenarios.second_loop import SecondLoop, expected_legs
from tests.toy_city import toy_city

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from scenarios.package import Scenario
    from scenarios.simulation.tables import Tables

SPEED, START_S, LANDING_S, TURNOUT_S = 50.0, 90.0, 45.0, 120.0
ZONES, HOSPITALS = 4, 1
SCENARIOS = int(os.environ.get("BLUELIGHT_SCENARIOS", "100"))


@cache
def city(**flight: Any) -> Scenario:
    """Return the toy city whose unit D1, at S3, is a helicopter."""
    settings = toy_city().settings.model_dump(mode="json")
    settings["unit_types"]["doctor car"] = {
        "capabilities": ["ambulance", "doctor"],
        "turnout_s": TURNOUT_S,
        "flight": {
            "speed_m_s": SPEED,
            "start_s": START_S,
            "landing_s": LANDING_S,
            "daylight_only": False,
            **flight,
        },
    }
    settings["priorities"][0]["needs"] = ["doctor"]
    return replace(toy_city(), settings=Settings.model_validate(settings))


@cache
def tables() -> Tables:
    return build_tables(city(), movable=True)


def metres(one: int, other: int) -> float:
    """Distance between two places on the ellipsoid."""
    town = city()
    at = np.vstack([lonlat(town.zones), lonlat(town.hospitals), lonlat(town.stations)])
    return float(Geod(ellps="WGS84").inv(*at[one], *at[other])[2])


def calls(*rows: tuple[float, int, int, bool]) -> IncidentTable:
    """Make incidents of call time, zone, priority and transport; ten minutes on scene."""
    at, zone, priority, transported = zip(*rows, strict=True)
    many = np.ones(len(rows))
    return IncidentTable(
        call_ms=np.array(at) * 1000.0,
        zone=np.array(zone, dtype=np.int32),
        priority=np.array(priority, dtype=np.int32),
        type=np.array(priority, dtype=np.int32),
        transported=np.array(transported),
        processing_ms=many * 60_000,
        on_scene_ms=many * 600_000,
        handover_ms=many * 300_000,
    )


def legs_of(incidents: IncidentTable, policy: Any = CLOSEST) -> tuple[NDArray[Any], NDArray[Any]]:
    found = run_replication(tables().travel, tables().rules, incidents, policy)
    return found.legs, found.log


def test_random_scenarios_equal_the_second_loop() -> None:
    flown = diverted = turned = 0
    for seed in range(SCENARIOS):
        rng = np.random.default_rng([seed, 8])
        drawn = with_flights(rng, full_city(rng))
        incidents = full_incidents(rng, len(drawn.zones), int(rng.integers(0, 30)))
        end_ms = float(incidents.call_ms[-1]) + 3_600_000 if incidents.size else 3_600_000.0
        timeline = full_timeline(rng, drawn, end_ms)
        outcome = run_replication(drawn.travel, drawn.rules, incidents, CLOSEST, timeline)
        first = np.searchsorted(outcome.legs["incident"], np.arange(incidents.size))
        rows = SecondLoop(drawn, incidents, timeline).run()
        expected = expected_legs(rows, outcome.legs, first)
        for name in outcome.legs.dtype.names or ():
            same = np.array_equal(outcome.legs[name], expected[name])
            assert same, f"scenario {seed}: {name}"
        flown += int(np.isin(outcome.legs["unit"], list(drawn.flights)).sum())
        log = outcome.log[np.isin(outcome.log["unit"], list(drawn.flights))]
        diverted += int((log["event"] == ev.DIVERTED).sum())
        turned += int(((log["event"] == ev.DISPATCHED) & (log["metres"] > 0)).sum())
    assert min(flown, diverted, turned) > SCENARIOS // 20


def test_a_flight_is_straight_and_takes_what_it_takes() -> None:
    legs, log = legs_of(calls((0.0, 0, 0, True)))
    (leg,) = legs
    station, hospital = ZONES + HOSPITALS + 2, ZONES
    out_m, over_m, home_m = metres(station, 0), metres(0, hospital), metres(hospital, station)
    assert leg["unit"] == 4
    assert leg["departed_ms"] == pytest.approx(60e3 + (TURNOUT_S + START_S) * 1000)
    arrival = leg["departed_ms"] + out_m / SPEED * 1000 + LANDING_S * 1000
    assert leg["on_scene_ms"] == pytest.approx(arrival, abs=1)
    assert leg["distance_m"] == pytest.approx(out_m, abs=1)
    left = leg["on_scene_ms"] + 600e3
    over = left + (START_S + LANDING_S) * 1000 + over_m / SPEED * 1000
    assert leg["at_hospital_ms"] == pytest.approx(over, abs=1)
    back = log[log["event"] == ev.AT_STATION][-1]
    home = leg["free_ms"] + (START_S + LANDING_S) * 1000 + home_m / SPEED * 1000
    assert back["time_ms"] == pytest.approx(home, abs=1)
    flown = log[log["unit"] == 4]["metres"].sum()
    assert flown == pytest.approx(out_m + over_m + home_m, abs=4)


def test_it_turns_round_in_mid_air() -> None:
    # free at once in zone 0, then asked for in zone 3 when it is half way home
    first = calls((0.0, 0, 0, False))
    leg = legs_of(first)[0][0]
    station = ZONES + HOSPITALS + 2
    half_ms = leg["free_ms"] + START_S * 1000 + metres(0, station) / SPEED * 500
    again, _ = legs_of(calls((0.0, 0, 0, False), (half_ms / 1000 - 60, 3, 0, False)))
    town = city()
    at = np.vstack([lonlat(town.zones), lonlat(town.hospitals), lonlat(town.stations)])
    lon, lat = (at[0] + at[station]) / 2
    rest = float(Geod(ellps="WGS84").inv(lon, lat, *at[3])[2])
    second = again[1]
    assert second["departed_ms"] == second["dispatch_ms"] == pytest.approx(half_ms)
    arrival = half_ms + rest / SPEED * 1000 + LANDING_S * 1000
    assert second["on_scene_ms"] == pytest.approx(arrival, abs=20)
    assert second["distance_m"] == pytest.approx(rest, abs=2)
    idle, _ = legs_of(calls((0.0, 0, 0, False), (half_ms / 1000 - 60, 3, 0, False)), CLOSEST_IDLE)
    assert idle[1]["on_scene_ms"] > second["on_scene_ms"]


def test_it_moves_to_another_station() -> None:
    class Once:
        def moves(self, state: MoveState) -> Sequence[Move]:
            drive = metres(ZONES + HOSPITALS + 2, ZONES + HOSPITALS)
            if state.base[4] == 2 and not state.returning[4]:
                wanted = (START_S + LANDING_S) * 1000 + drive / SPEED * 1000
                assert state.arrival_ms[4, 0] == pytest.approx(wanted, abs=1)
                return [(4, 0)]
            return []

    _, log = legs_of(calls((0.0, 1, 1, False)), Combined(CLOSEST, Once()))
    ends = log[(log["unit"] == 4) & (log["event"] == ev.AT_STATION)]
    assert ends["place"].tolist() == [ZONES + HOSPITALS]
    drive = metres(ZONES + HOSPITALS + 2, ZONES + HOSPITALS)
    assert ends["metres"][0] == pytest.approx(drive, abs=1)


def test_nobody_flies_faster_than_straight_and_nobody_is_lost() -> None:
    policies = [POLICIES[name] for name in ("closest-v1", "batch-v1")]
    policies += [Combined(CLOSEST, RELOCATIONS["dmexclp-move-v1"])]
    town = city()
    flown = 0
    for seed in range(20):
        incidents = draw_incidents(town, seed, 0)
        result = run_replication(tables().travel, tables().rules, incidents, policies[seed % 2])
        legs = result.legs
        assert (legs["free_ms"] > legs["on_scene_ms"]).all()
        air = legs[legs["unit"] == 4]
        way_ms = air["on_scene_ms"] - air["departed_ms"]
        assert (way_ms >= air["distance_m"] / SPEED * 1000 + LANDING_S * 1000 - 21).all()
        assert (way_ms <= (air["distance_m"] + 1.01) / SPEED * 1000 + LANDING_S * 1000).all()
        order = np.argsort(air["dispatch_ms"])
        assert (air["dispatch_ms"][order][1:] >= air["free_ms"][order][:-1]).all()
        flown += len(air)
    assert flown > 200


def test_sunrise_and_sunset_are_those_of_the_almanac() -> None:
    # U.S. Naval Observatory for Greenwich, 20 March 2025: rise 6:03, set 18:14 UTC
    start = datetime(2025, 3, 20, tzinfo=UTC)
    day_ms = 86_400_000.0
    (first, last) = nights_of(0.0, 51.48, start, day_ms)
    assert first[0] == 0
    assert first[1] / 60_000 == pytest.approx(6 * 60 + 4, abs=2)
    assert last[0] / 60_000 == pytest.approx(18 * 60 + 14, abs=2)
    assert last[1] == day_ms
    # north of the circle the sun stays up in June and down in December
    assert nights_of(25.0, 70.0, datetime(2025, 6, 10, tzinfo=UTC), 5 * day_ms) == []
    dark = nights_of(25.0, 70.0, datetime(2025, 12, 10, tzinfo=UTC), 5 * day_ms)
    assert dark == [(0.0, 5 * day_ms)]


def test_nobody_takes_off_in_the_dark_or_in_bad_weather() -> None:
    town = city(daylight_only=True)
    settings = town.settings.model_dump(mode="json")
    settings["priorities"][0]["needs"] = ["ambulance"]
    settings["disturbances"] = [{"kind": "grounded", "start_h": 12, "end_h": 14}]
    town = replace(town, settings=Settings.model_validate(settings))
    found = build_tables(town)
    hour: list[float] = []
    for number in range(30):
        incidents = draw_incidents(town, 5, number)
        legs = run_replication(
            found.travel, found.rules, incidents, CLOSEST, found.timeline, logged=False
        ).legs
        hour += (legs["dispatch_ms"][legs["unit"] == 4] / 3.6e6).tolist()
    at = np.array(hour)
    nights = nights_of(-21.9, 64.1, town.settings.horizon.start, 9 * 86_400_000.0)
    assert len(at) > 20
    for begin, end in nights:
        assert not ((at > begin / 3.6e6 + 0.1) & (at < end / 3.6e6 - 0.1)).any()
    assert not ((at >= 12) & (at < 14)).any()
    assert ((at >= 14) & (at < 15)).any()


def test_what_does_not_go_together_is_refused() -> None:
    with pytest.raises(InputError, match="units that fly"):
        crews_of(tables(), calls((0.0, 0, 0, False)), tables().timeline)
    with pytest.raises(ValueError, match="speed_m_s"):
        city(speed_m_s=-3.0)
