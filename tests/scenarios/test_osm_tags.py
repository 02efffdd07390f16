"""Tags, against OSMnx's own rules."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from osmnx import graph as osmnx_graph
from osmnx._overpass import _get_network_filter

from scenarios.osm_tags import direction, is_drivable, speed_limit, station_kind

HIGHWAYS = [
    *("motorway", "trunk_link", "residential", "service", "services", "track", "path", "no"),
    *("construction", "living_street", "unclassified", "footway", "rest_area", "bus_guideway"),
    *("busway", "escape", "road", "cycleway", "raceway", "platform", "proposed", "steps"),
]
TAGS = st.fixed_dictionaries(
    {},
    optional={
        "highway": st.sampled_from(HIGHWAYS),
        "area": st.sampled_from(["yes", "no"]),
        "access": st.sampled_from(["yes", "private", "no", "destination", "customers;private"]),
        "motor_vehicle": st.sampled_from(["yes", "no", "private", "unknown", "agricultural"]),
        "motorcar": st.sampled_from(["yes", "no"]),
        "service": st.sampled_from(["alley", "driveway", "parking_aisle", "bus", "drive-through"]),
        "oneway": st.sampled_from(
            ["yes", "no", "-1", "1", "true", "reverse", "reversible", "T", "F", "alternating"]
        ),
        "junction": st.sampled_from(["roundabout", "circular", "yes"]),
    },
)


def osmnx_drives(tags: dict[str, str]) -> bool:
    """Apply the Overpass query of OSMnx's drive network."""
    query = _get_network_filter("drive")
    if "highway" not in tags:
        return False
    conditions = re.findall(r'\["(\w+)"!~"([^"]*)"\]', query)
    assert len(conditions) == 6
    return not any(key in tags and re.search(words, tags[key]) for key, words in conditions)


@given(TAGS)
@settings(deadline=None, max_examples=500)
def test_drivable_and_direction_as_in_osmnx(tags: dict[str, str]) -> None:
    assert is_drivable(tags) == osmnx_drives(tags)
    one_way = osmnx_graph._is_path_one_way(
        tags, False, {"yes", "true", "1", "-1", "reverse", "T", "F"}
    )
    against = one_way and osmnx_graph._is_path_reversed(tags, {"-1", "reverse", "T"})
    expected = "backward" if against else "forward" if one_way else "both"
    assert direction(tags) == expected


@pytest.mark.parametrize(
    ("text", "kmh"),
    [
        ("50", 50),
        ("30 mph", 48.28032),
        ("20mph", 32.18688),
        ("60 km/h", 60),
        ("10 knots", 18.52),
        ("70;50", 50),
        ("80|100", 80),
        ("7.5", 7.5),
        ("none", math.nan),
        ("signals", math.nan),
        ("DE:urban", math.nan),
        ("walk", math.nan),
        ("", math.nan),
        ("0", math.nan),
        ("-30", math.nan),
        ("fifty", math.nan),
    ],
)
def test_speed_limit(text: str, kmh: float) -> None:
    assert speed_limit(text) == pytest.approx(kmh, nan_ok=True)


def test_station_kinds() -> None:
    assert station_kind({"amenity": "fire_station"}) == "Fire station"
    assert station_kind({"emergency": "ambulance_station"}) == "Ambulance station"
    assert station_kind({"amenity": "police", "emergency": "yes"}) == ""
