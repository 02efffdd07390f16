"""Speed tables, against travel times by hand."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings

from routing.build import Ways, build_network
from routing.errors import InputError
from routing.speeds import PROFILES, SpeedTable
from tests.routing.roads import Road, make_network, maps

if TYPE_CHECKING:
    from pathlib import Path

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
@given(maps())
def test_siren_is_never_slower(ways: Ways) -> None:
    network = build_network(ways)
    packaged = SpeedTable.load()
    normal, siren = (packaged.arc_times_ms(network, profile) for profile in PROFILES)
    assert (siren <= normal).all()
    assert ((siren > 0) == (network.arc_m > 0)).all()


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
