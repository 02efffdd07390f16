"""Numbers of a speed table: which trips tell them, and how they are written back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from routing.speeds import SpeedTable
from scenarios.speed_keys import elasticities, speed_keys, with_values
from tests.toy_city import toy_city

if TYPE_CHECKING:
    from pathlib import Path

TABLE = """# our speeds
[limit]
share = 0.8 # of OSRM

[siren]
cap_kmh = 55

[classes] # all
primary = { kmh = 65, siren_factor = 1.3 } # measured

[classes.residential]
# slow
kmh = 25
siren_factor = 1.0

[other]
kmh = 20
siren_factor = 3
"""


@pytest.fixture
def speeds(tmp_path: Path) -> SpeedTable:
    path = tmp_path / "speeds.toml"
    path.write_text(TABLE)
    return SpeedTable.load(path)


def test_what_trips_tell(speeds: SpeedTable) -> None:
    normal = [key.name for key in speed_keys(speeds, "normal")]
    assert normal == ["limit.share", "classes.primary.kmh", "classes.residential.kmh", "other.kmh"]
    siren = {key.name: key.value for key in speed_keys(speeds, "siren")}
    assert siren == {
        "classes.primary.siren_factor": 1.3,
        "classes.residential.siren_factor": 1.0,
        "other.siren_factor": 3,
    }


def test_all_else_stays_word_for_word(speeds: SpeedTable, tmp_path: Path) -> None:
    keys = {key.name: key for key in speed_keys(speeds, "normal") + speed_keys(speeds, "siren")}
    new = {
        keys["limit.share"]: 0.71239,
        keys["classes.primary.kmh"]: 60.0,
        keys["classes.residential.kmh"]: 31.4159,
        keys["classes.residential.siren_factor"]: 1.25,
        keys["other.siren_factor"]: 7.0,
    }
    words = {key: f"from {key.value:g}" for key in new}
    found = with_values(speeds, new, words)
    assert found.text == (
        TABLE.replace("share = 0.8", "share = 0.7124")
        .replace("kmh = 65", "kmh = 60.0")
        .replace("kmh = 25", "kmh = 31.42  # fitted: from 25")
        .replace("siren_factor = 1.0", "siren_factor = 1.25  # fitted: from 1")
        .replace("siren_factor = 3", "siren_factor = 3.0  # fitted: from 3")
    )
    (tmp_path / "found.toml").write_text(found.text)
    assert found.rules == SpeedTable.load(tmp_path / "found.toml").rules
    again = with_values(found, {keys["other.siren_factor"]: 2.0}, {keys["other.siren_factor"]: "x"})
    assert again.text == found.text.replace("3.0  # fitted: from 3", "2.0  # fitted: x")


def test_both_numbers_of_a_line_share_its_comment() -> None:
    table = SpeedTable.load()
    keys = {key.name: key for p in ("normal", "siren") for key in speed_keys(table, p)}
    chosen = keys["classes.trunk.kmh"], keys["classes.trunk.siren_factor"]
    found = with_values(table, dict.fromkeys(chosen, 1.5), {chosen[0]: "a", chosen[1]: "b"})
    line = next(row for row in found.text.splitlines() if row.startswith("trunk "))
    assert line.endswith("{ kmh = 1.5, siren_factor = 1.5 }  # fitted: kmh a; siren_factor b")


def test_which_speeds_hang_on_which_number(speeds: SpeedTable) -> None:
    street = np.arange(len(toy_city().network.way_osm))
    network = replace(
        toy_city().network,
        class_names=("primary", "residential", "road"),
        way_class=(street % 3).astype(np.int32),
        way_maxspeed=np.where(street % 2, 50, np.nan).astype(np.float32),
    )
    name = np.array(network.class_names)[network.way_class]
    tagged = network.way_maxspeed > 0
    keys = speed_keys(speeds, "normal")
    slope = dict(zip([k.name for k in keys], elasticities(network, speeds, keys), strict=True))
    np.testing.assert_array_equal(slope["limit.share"], tagged)
    np.testing.assert_array_equal(slope["classes.primary.kmh"], ~tagged & (name == "primary"))
    known = np.isin(name, ["primary", "residential"])
    np.testing.assert_array_equal(slope["other.kmh"], ~tagged & ~known)

    keys = speed_keys(speeds, "siren")
    slope = dict(zip([k.name for k in keys], elasticities(network, speeds, keys), strict=True))
    # nothing to gain where the cap, or normal speed beyond it, holds
    below = speeds.way_kmh(network, "siren") < 55
    np.testing.assert_array_equal(
        slope["classes.primary.siren_factor"], below & (name == "primary")
    )
    # a factor at the end of its range is asked for what lies below
    np.testing.assert_array_equal(slope["other.siren_factor"], below & ~known)
