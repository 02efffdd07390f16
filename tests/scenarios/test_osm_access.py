"""Access, limits and barriers in tags, by the examples of OpenStreetMap's own pages."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from scenarios.osm_access import Traits, barrier, carriageways, ferry_minutes, metres, tonnes
from scenarios.osm_tags import direction, is_drivable
from tests.scenarios.test_osm_tags import TAGS

ROAD = {"highway": "residential"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3.5", 3.5),
        ("3.5 m", 3.5),
        ("3,5m", 3.5),
        ("350 cm", 3.5),
        ("12'6\"", 3.81),
        ("12'", 3.6576),
        ("12 ft", 3.6576),
        ("12 ft 6 in", 3.81),
        ("default", None),
        ("none", None),
        ("below_default", None),
        ("0", None),
        ("", None),
        ("3.5 t", None),
    ],
)
def test_heights_and_widths(text: str, expected: float | None) -> None:
    assert metres(text) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("7.5", 7.5),
        ("7.5 t", 7.5),
        ("3500 kg", 3.5),
        ("10 st", 9.0718474),
        ("6000 lbs", 2.7215542),
        ("none", None),
        ("unsigned", None),
        ("3 m", None),
    ],
)
def test_weights(text: str, expected: float | None) -> None:
    assert tonnes(text) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("20", 20), ("00:20", 20), ("1:10:30", 70.5), ("PT1H5M", 65), ("PT20M", 20)]
    + [(text, None) for text in ("", "0", "00:00", "soon", "PT")],
)
def test_durations_of_ferries(text: str, expected: float | None) -> None:
    assert ferry_minutes(text) == expected


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({"zone:traffic": "DE:urban", "maxspeed": "70"}, True),
        ({"maxspeed:type": "DE:rural", "maxspeed": "50"}, False),
        ({"source:maxspeed": "DE:urban"}, True),
        ({"source:maxspeed": "sign", "maxspeed": "50"}, True),
        ({"maxspeed": "IS:rural"}, False),
        ({"maxspeed": "30 mph"}, True),
        ({"maxspeed": "70"}, False),
        ({"highway": "motorway", "maxspeed": "50"}, False),
        ({"maxspeed": "none"}, None),
        ({}, None),
    ],
)
def test_built_up(tags: dict[str, str], expected: bool | None) -> None:
    (way, *_) = carriageways(ROAD | tags)
    assert way.traits.built_up is expected


@given(TAGS)
@settings(deadline=None, max_examples=500)
def test_cars_may_go_nowhere_but_where_osmnx_drives(tags: dict[str, str]) -> None:
    made = carriageways(tags)
    public = [way for way in made if way.traits.access == "public"]
    if public:
        assert is_drivable(tags)
        assert [way.direction for way in public] == [direction(tags)]
    elif is_drivable(tags):
        # what OSMnx drives on though tags close it
        said = [tags.get(key) for key in ("motorcar", "motor_vehicle", "access")]
        assert tags["highway"] == "busway" or "no" in said
    assert len({way.direction for way in made}) == len(made)


@pytest.mark.parametrize(
    ("tags", "highway", "access"),
    [
        ({"barrier": "bollard"}, "barrier:bollard", "barrier"),
        ({"barrier": "bollard", "bollard": "foldable"}, "barrier:bollard_removable", "barrier"),
        ({"barrier": "bollard", "emergency": "yes"}, "barrier:bollard", "emergency"),
        ({"barrier": "gate", "access": "private"}, "barrier:gate", "barrier"),
        ({"barrier": "gate", "access": "no", "emergency": "no"}, "barrier:closed", "barrier"),
        ({"barrier": "gate", "maxheight": "2.1"}, "barrier:gate", "public"),
        ({"barrier": "chain"}, "barrier:chain", "barrier"),
    ],
)
def test_barriers_that_stop_somebody(tags: dict[str, str], highway: str, access: str) -> None:
    found = barrier(tags)
    assert found is not None
    assert (found.highway, found.traits.access) == (highway, access)


@pytest.mark.parametrize(
    "tags",
    [
        {},
        {"access": "no"},
        {"barrier": "gate"},
        {"barrier": "lift_gate", "emergency": "yes"},
        {"barrier": "bollard", "motor_vehicle": "yes"},
        {"barrier": "bollard", "bollard": "rising"},
        {"barrier": "chain", "access": "no", "motorcar": "destination"},
        {"barrier": "kerb"},
    ],
)
def test_barriers_that_stop_nobody(tags: dict[str, str]) -> None:
    assert barrier(tags) is None


def test_the_sizes_that_are_enforced_count() -> None:
    tags = {"maxheight": "3.5", "maxheight:physical": "3.7", "maxweight": "16", "maxwidth": "3"}
    (way, *_) = carriageways(ROAD | tags)
    assert way.traits == Traits(max_height=3.7, max_weight=16, max_width=3)
