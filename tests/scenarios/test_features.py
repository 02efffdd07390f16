"""Which stations and hospitals are taken."""

from __future__ import annotations

from scenarios.citydata import Feature
from scenarios.features import emergency_hospitals, feature_table


def hospital(number: int, emergency: str) -> Feature:
    return Feature(f"w{number}", "Hospital", f"H{number}", 13.0, 53.0, emergency)


def test_hospitals_with_an_emergency_department_come_first() -> None:
    notes: list[str] = []
    found = emergency_hospitals([hospital(1, "yes"), hospital(2, ""), hospital(3, "no")], notes)
    assert [h.name for h in found] == ["H1"]
    assert notes == ["hospitals left out (not tagged emergency=yes, as others are): H2, H3"]


def test_without_that_tag_all_but_those_tagged_no() -> None:
    notes: list[str] = []
    found = emergency_hospitals([hospital(1, ""), hospital(3, "no")], notes)
    assert [h.name for h in found] == ["H1"]
    assert notes[0] == "hospitals left out (emergency=no): H3"
    assert "all without emergency=no were taken" in notes[1]


def test_no_hospital_no_note() -> None:
    notes: list[str] = []
    assert emergency_hospitals([], notes) == []
    assert notes == []


def test_a_thing_mapped_twice_is_taken_once() -> None:
    def station(osm: str, name: str, lat: float) -> Feature:
        return Feature(osm, "Fire station", name, 13.0, lat)

    table = feature_table(
        [
            station("n1", "A", 53.0),
            station("w2", "A", 53.001),  # 111 m away
            station("w3", "A", 53.003),  # 334 m away
            station("w4", "B", 53.0),
            station("n5", "", 53.0),
            station("n6", "", 53.0),
        ]
    )
    assert table["id"].tolist() == ["n1", "w3", "w4", "n5", "n6"]
    assert table["name"].tolist()[3:] == [
        "Fire station (OSM node 5)",
        "Fire station (OSM node 6)",
    ]
