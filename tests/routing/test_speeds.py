"""Speed tables, against travel times by hand."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.build import Ways, build_network
from routing.errors import InputError
from routing.network import FERRY, UNREACHABLE
from routing.speeds import PROFILES, SpeedTable
from tests.routing.roads import Road, make_network, maps, mixed_maps

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from routing.network import RoadNetwork

TABLE = """
[limit]
share = 0.5
[siren]
cap_kmh = 60
[classes]
primary = { kmh = 50, siren_factor = 1.1 }
motorway = { kmh = 100, siren_factor = 1.5 }
[other]
kmh = 20
siren_factor = 2
"""


@pytest.fixture
def table(tmp_path: Path) -> SpeedTable:
    path = tmp_path / "speeds.toml"
    path.write_text(TABLE, encoding="utf-8")
    return SpeedTable.load(path)


@pytest.mark.parametrize(
    ("highway", "limit", "normal", "siren"),
    [
        ("primary", float("nan"), 50, 55),
        ("primary", 80, 40, 44),
        ("primary", 0, 50, 55),
        ("motorway", 90, 45, 60),
        ("motorway", float("nan"), 100, 100),
        ("goat_track", float("nan"), 20, 40),
    ],
)
def test_speed_of_a_way(
    table: SpeedTable, highway: str, limit: float, normal: float, siren: float
) -> None:
    road = Road("ab", highway=highway, maxspeed=limit)
    network = make_network({"a": (0, 0), "b": (0, 9)}, [road])
    metres = 9 * 111.1949  # of 0.001 degree of latitude on a sphere of 6371.009 km
    for profile, kmh in (("normal", normal), ("siren", siren)):
        times = table.arc_times_ms(network, profile)
        assert times.dtype == np.int32
        assert times == pytest.approx(np.full(2, metres / kmh * 3600), abs=1)


def test_each_segment_has_the_speed_of_its_own_way(table: SpeedTable) -> None:
    points = {"a": (0, 0), "b": (0, 1), "c": (0, 3)}
    roads = [Road("ab", highway="primary"), Road("bc", highway="motorway")]
    network = make_network(points, roads)
    times = table.arc_times_ms(network, "normal")
    assert times == pytest.approx(np.full(2, 111.1949 * 3600 * (1 / 50 + 2 / 100)), abs=1)


def test_only_arcs_without_length_take_no_time(table: SpeedTable) -> None:
    points = {"a": (0, 0), "b": (0, 0), "c": (0.0001, 0)}
    roads = [Road("ab", oneway=True), Road("bc", oneway=True, highway="motorway")]
    network = make_network(points, roads, simplify=False)
    shortest = table.arc_times_ms(network, "siren")
    assert shortest.tolist() == [0, 1]
    assert network.arc_m[1] * 3600 / 100 < 0.5


@settings(deadline=None, max_examples=30)
@given(st.one_of(maps(), mixed_maps()), st.sampled_from([None, *range(24)]))
def test_siren_is_never_slower(ways: Ways, hour: int | None) -> None:
    network = build_network(ways)
    packaged = SpeedTable.load()
    for vehicle in packaged.vehicles:
        normal, siren = (
            packaged.arc_times_ms(network, profile, vehicle=vehicle, hour=hour)
            for profile in PROFILES
        )
        assert (siren <= normal).all()
        assert (siren[network.arc_m > 0] >= 1).all()
        assert (normal[~network.arc_public & ~_sailed(network)] == UNREACHABLE).all()


def _sailed(network: RoadNetwork) -> NDArray[np.bool_]:
    inner = network.vertex_way >= 0
    ferry = np.zeros(len(inner))
    ferry[inner] = network.way_access[network.vertex_way[inner]] == FERRY
    return network.sum_over_arcs(ferry) > 0


SIZES = "[vehicles.a]\nheight_m = 1\nweight_t = 1\nwidth_m = 1\n"

VEHICLES = """
[ferry]
kmh = 10
wait_s = 60
[hours]
normal = [0.5, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2]
siren = [0.8, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]
[vehicles.car]
height_m = 2
weight_t = 2
width_m = 2
[vehicles.ambulance]
height_m = 3
weight_t = 5
width_m = 2
speed_factor = 0.8
[vehicles.ambulance.siren]
bus_lane_factor = 1.5
[vehicles.ambulance.siren.ways]
contraflow = { factor = 0.5, cap_kmh = 10 }
bus = { factor = 0.5 }
"""


@pytest.mark.parametrize(
    ("road", "hour", "car", "normal", "siren"),
    [
        (Road("ab", highway="primary"), None, 50, 40, 44),
        (Road("ab", highway="primary"), 0, 25, 20, 44 * 0.8),
        (Road("ab", highway="primary"), 23, 100, 80, 80),
        (Road("ab", highway="primary", bus_lane=True), None, 50, 40, 60),
        (Road("ab", highway="primary", bus_lane=True, maxspeed=50), 0, 12.5, 10, 33),
        (Road("ab", highway="primary", built_up=False), None, 70, 56, 60),
        (Road("ab", highway="primary", built_up=False, maxspeed=60), None, 30, 24, 26.4),
        (Road("ab", highway="primary", access="contraflow"), None, 0, 0, 10),
        (Road("ab", highway="primary", access="bus"), None, 0, 0, 22),
        (Road("ab", highway="primary", access="pedestrian"), None, 0, 0, 0),
        (Road("ab", highway="primary", max_height=2.5), None, 50, 0, 0),
        (Road("ab", highway="primary", max_height=3), None, 50, 40, 44),
        (Road("ab", highway="ferry", access="ferry"), 0, 10, 10, 10),
        (Road("ab", highway="ferry", access="ferry", maxspeed=30), None, 30, 30, 30),
    ],
)
def test_vehicle_hour_and_access_by_hand(
    tmp_path: Path, road: Road, hour: int | None, car: float, normal: float, siren: float
) -> None:
    path = tmp_path / "speeds.toml"
    text = TABLE.replace(
        "kmh = 50, siren_factor = 1.1", "kmh = 50, siren_factor = 1.1, rural_kmh = 70"
    )
    path.write_text(text + VEHICLES, encoding="utf-8")
    table = SpeedTable.load(path)
    assert table.vehicles == ("ambulance", "car")
    network = make_network({"a": (0, 0), "b": (0, 9)}, [road])
    for vehicle, profile, kmh in (
        ("car", "normal", car),
        ("car", "siren", car),
        ("ambulance", "normal", normal),
        ("ambulance", "siren", siren),
    ):
        speed = table.way_kmh(network, profile, vehicle=vehicle, hour=hour)
        assert speed == pytest.approx([kmh])
        times = table.arc_times_ms(network, profile, vehicle=vehicle, hour=hour)
        wait = 60_000 if road.access == "ferry" else 0
        expected = wait + 9 * 111.1949 * 3600 / kmh if kmh else UNREACHABLE
        assert times == pytest.approx(np.full(2, expected), abs=1)


def test_what_a_table_leaves_out_is_as_in_the_packaged_one(table: SpeedTable) -> None:
    packaged = SpeedTable.load()
    assert table.rules.vehicles == packaged.rules.vehicles
    assert table.rules.hours == packaged.rules.hours
    assert {"ambulance", "car", "fire_engine", "ladder"} <= set(packaged.vehicles)


def test_unknown_vehicle_and_hour(table: SpeedTable) -> None:
    network = make_network({"a": (0, 0), "b": (0, 9)}, [Road("ab")])
    with pytest.raises(InputError, match=r"vehicle: unknown vehicle 'ladr'.*'ladder'"):
        table.arc_times_ms(network, "siren", vehicle="ladr")
    with pytest.raises(InputError, match="hour: 24 is no hour"):
        table.arc_times_ms(network, "siren", hour=24)
    with pytest.raises(InputError, match="unknown vehicle"):
        table.is_exempt("tank", "siren")


def test_text_is_kept_word_for_word(table: SpeedTable, tmp_path: Path) -> None:
    assert table.text == TABLE
    copy = tmp_path / "copy.toml"
    copy.write_text(SpeedTable.load().text, encoding="utf-8")
    assert SpeedTable.load(copy).rules == SpeedTable.load().rules
    assert "residential" in tomllib.loads(SpeedTable.load().text)["classes"]


def test_unknown_profile(table: SpeedTable) -> None:
    network = make_network({"a": (0, 0), "b": (0, 9)}, [Road("ab")])
    with pytest.raises(InputError, match=r"profile: unknown profile 'sirene'.*'siren'"):
        table.arc_times_ms(network, "sirene")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("share = 0.5", "share = -1", r"speeds limit\.share: .*greater than 0.*-1"),
        ("kmh = 50", "kmh = 0", r"speeds classes\.primary\.kmh: .*greater than 0"),
        ("kmh = 50", "kmh = inf", r"speeds classes\.primary\.kmh: .*finite"),
        ("kmh = 50", "kmh = '50'", r"speeds classes\.primary\.kmh: .*number.*'50'"),
        ("siren_factor = 1.1", "siren_factor = 0.9", r"primary\.siren_factor: .*equal to 1"),
        ("siren_factor = 2", "", r"speeds other\.siren_factor: Field required"),
        ("share = 0.5", "share = 0.5\nshares = 1", r"speeds limit\.shares: Extra"),
        ("[limit]", "[limit", r"speeds: cannot read.*line 2"),
        ("[siren]", "[hours]\nnormal = [1]\n[siren]", r"speeds hours\.normal: .*at least 24"),
        (
            "[siren]",
            "[vehicles.cart]\nheight_m = 1\nweight_t = 1\n[siren]",
            r"speeds vehicles\.cart\.width_m: Field required",
        ),
        (
            "[siren]",
            SIZES + "[vehicles.a.siren.ways]\nmotorway = {}\n[siren]",
            r"speeds vehicles\.a\.siren\.ways\.motorway",
        ),
    ],
)
def test_bad_tables(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in TABLE
    path = tmp_path / "bad.toml"
    path.write_text(TABLE.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(InputError, match=message):
        SpeedTable.load(path)


def test_table_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="speeds: cannot read"):
        SpeedTable.load(tmp_path / "missing.toml")
    (tmp_path / "latin.toml").write_bytes(b"# \xe4")
    with pytest.raises(InputError, match="speeds: cannot read"):
        SpeedTable.load(tmp_path / "latin.toml")
