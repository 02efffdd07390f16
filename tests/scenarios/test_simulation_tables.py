"""Travel tables against routes of the network, on a toy and on a real city."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from routing.errors import InputError
from routing.network import UNREACHABLE
from routing.snapping import Snapper
from routing.travel_times import DijkstraTravelTimes
from scenarios.package import lonlat
from scenarios.packaging import load_scenario
from scenarios.settings import Settings
from scenarios.simulation.tables import Tables, build_tables
from tests.toy_city import ISLAND, corner, toy_city

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from scenarios.package import Scenario


@pytest.fixture(scope="module", params=["toy", "neubrandenburg"])
def city(request: pytest.FixtureRequest) -> tuple[Scenario, Tables]:
    """One scenario and its tables."""
    scenario = toy_city() if request.param == "toy" else load_scenario(request.param)
    return scenario, build_tables(scenario)


def places(scenario: Scenario) -> NDArray[np.float64]:
    tables = (scenario.zones, scenario.hospitals, scenario.stations)
    return np.concatenate([lonlat(table) for table in tables])


def test_drives_are_routes(city: tuple[Scenario, Tables]) -> None:
    scenario, (travel, rules, _) = city
    rng = np.random.default_rng(1)
    snapper = Snapper(scenario.network)
    points = places(scenario)
    for row, priority in enumerate(scenario.settings.priorities):
        profile = "siren" if priority.siren else "normal"
        times = DijkstraTravelTimes(
            scenario.network, scenario.speeds.arc_times_ms(scenario.network, profile)
        )
        table = travel.drive[rules.priority["response"][row]]
        for _ in range(20):
            tail = int(rng.integers(len(points)))
            head = int(rng.integers(len(scenario.zones)))
            route = times.route(snapper.snap(points[[tail]]), snapper.snap(points[[head]]))
            assert tuple(table[["ms", "metres"]][tail, head]) == (route.ms, route.metres)


def test_every_way_home_leads_home(city: tuple[Scenario, Tables]) -> None:
    """Times from junction to junction fall to what is left on the station's own road."""
    scenario, (travel, _, _) = city
    for station in np.unique(scenario.unit_station):
        for place in range(len(scenario.zones) + len(scenario.hospitals)):
            way = travel.home[0, place, station]
            junction, before, steps = way["ahead"], int(way["ms"]), 0
            while junction >= 0:
                rest = travel.rest[0, station, junction]
                assert rest["ms"] <= before
                assert rest["metres"] < UNREACHABLE
                before, junction, steps = int(rest["ms"]), rest["ahead"], steps + 1
                assert steps <= travel.rest.shape[2]


def test_junctions_are_on_the_road_to_every_zone(city: tuple[Scenario, Tables]) -> None:
    """Turning round at the next junction is no faster than the network allows."""
    scenario, (travel, rules, _) = city
    profile = rules.priority["response"][0]
    for station in np.unique(scenario.unit_station):
        home = travel.home[0, : len(scenario.zones), station]
        first = home["ahead"]
        some = np.flatnonzero(first >= 0)
        lead = home["ms"][some] - travel.rest["ms"][0, station, first[some]]
        through = lead[:, None] + travel.turn["ms"][profile][:, first[some]].T
        direct = travel.drive["ms"][profile][some]
        assert (lead >= 0).all()
        assert (through >= direct).all()


def test_hospitals_are_the_nearest(city: tuple[Scenario, Tables]) -> None:
    scenario, (travel, rules, _) = city
    times = DijkstraTravelTimes(
        scenario.network, scenario.speeds.arc_times_ms(scenario.network, "normal")
    )
    snapper = Snapper(scenario.network)
    table = times.matrix(
        snapper.snap(lonlat(scenario.zones)), snapper.snap(lonlat(scenario.hospitals))
    )
    found = travel.hospital[rules.priority["transport"][0]]
    np.testing.assert_array_equal(found["ms"], np.sort(table.ms, axis=1))
    order = np.argsort(table.ms, axis=1, kind="stable")
    np.testing.assert_array_equal(found["place"] - len(scenario.zones), order)


def _settings(**changes: Any) -> dict[str, Settings]:
    values = toy_city().settings.model_dump()
    values["priorities"][0] |= changes
    return {"settings": Settings.model_validate(values)}


def slower_later(disturbances: list[dict[str, Any]]) -> Scenario:
    """Drives take twice as long from two o'clock on."""
    values = toy_city().settings.model_dump()
    values |= {"disturbances": disturbances, "driving": {"by_hour": True}}
    speeds = toy_city().speeds
    factors = (1.0,) * 2 + (0.5,) * 22
    hours = speeds.rules.hours.model_copy(update={"normal": factors, "siren": factors})
    rules = speeds.rules.model_copy(update={"hours": hours})
    return replace(
        toy_city(),
        settings=Settings.model_validate(values),
        speeds=replace(speeds, rules=rules),
    )


def around(column: int, row: int) -> list[tuple[float, float]]:
    lon, lat = corner(column, row)
    half = 0.0002
    return [(lon + x * half, lat + y * half) for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1))]


@pytest.mark.parametrize("place", [(1, 1), (3, 3)], ids=["zone", "hospital"])
def test_nobody_passes_a_junction_before_he_has_left(place: tuple[int, int]) -> None:
    """Who is shut in by closed roads gets out, no sooner than at the slowest hour."""
    closed = {"kind": "road_closed", "start_h": 3, "end_h": 8, "area": around(*place)}
    travel, _, _ = build_tables(slower_later([closed]))
    calm, _, _ = build_tables(slower_later([]))
    assert len(travel.home) > len(calm.home) == 2
    slowest = calm.home["ms"].max(axis=0)
    worst = travel.home["ms"][-1]
    assert (worst < UNREACHABLE).all()
    assert (worst >= slowest).all()
    # who could turn on his way home, and cannot while he is shut in
    assert ((calm.home["ahead"][-1] >= 0) & (travel.home["ahead"][-1] < 0)).any()
    for period, homes in enumerate(travel.home):
        for row in homes:
            for station, way in enumerate(row):
                junction, passed = way["ahead"], 0
                while junction >= 0:
                    rest = travel.rest[period, station, junction]
                    assert way["ms"] - rest["ms"] >= passed
                    passed, junction = way["ms"] - rest["ms"], rest["ahead"]
    hospital = travel.hospital["ms"]
    assert (hospital < UNREACHABLE).all()
    profiles = len(hospital) // len(travel.home)
    slowest_patient = calm.hospital["ms"].reshape(2, profiles, *hospital.shape[1:]).max(axis=0)
    assert (hospital[-profiles:] >= slowest_patient).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: {"units": c.units[:0]}, "units.csv: there is no unit"),
        (lambda c: {"zones": c.zones[:0]}, "zones.csv: there is no demand zone"),
        (lambda c: {"hospitals": c.hospitals[:0]}, "no hospital"),
        (
            lambda c: {"units": c.units[:4]} | _settings(needs=["doctor"]),
            "no unit has all that priority 'emergency'",
        ),
        (lambda c: {"units": c.units[4:]}, "needs: ambulance"),
        (lambda c: {"zones": c.zones.assign(lon=ISLAND[0], lat=ISLAND[1])}, "to any zone"),
        (
            lambda c: {"hospitals": c.hospitals.assign(lon=ISLAND[0], lat=ISLAND[1])},
            "from zone Z1 to a hospital",
        ),
        (lambda c: {"zones": c.zones.assign(lon=c.zones["lon"] + 1)}, "zone"),
    ],
)
def test_what_cannot_be_simulated_is_told(change: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        build_tables(replace(toy_city(), **change(toy_city())))


def test_a_zone_without_weight_may_be_out_of_reach() -> None:
    zones = toy_city().zones
    far = zones.assign(
        lon=[*zones["lon"][:3], ISLAND[0]],
        lat=[*zones["lat"][:3], ISLAND[1]],
        weight=[1.0, 1.0, 1.0, 0.0],
    )
    build_tables(replace(toy_city(), zones=far))
