"""Demand zones, against counting by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod, Transformer

from routing.errors import InputError
from scenarios.citydata import CityData, Feature
from scenarios.roads import RoadCollector
from scenarios.zones import demand_points, demand_zones, read_population

if TYPE_CHECKING:
    import random
    from pathlib import Path

    from numpy.typing import NDArray

    from routing.build import Ways

POINTS = st.lists(
    st.tuples(
        st.floats(13.0, 13.05), st.floats(53.0, 53.03), st.sampled_from([0.0, 0.5, 1.0, 7.0])
    ),
    min_size=1,
    max_size=60,
)


def no_roads() -> Ways:
    return RoadCollector().ways()


@given(POINTS, st.sampled_from([100.0, 500.0, 2000.0]), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=40)
def test_zones_as_counted_by_hand(
    rows: list[tuple[float, float, float]], cell_m: float, shuffle: random.Random
) -> None:
    shuffled = list(rows)
    shuffle.shuffle(shuffled)
    table = np.array(rows)
    zones = demand_zones(table[:, :2], table[:, 2], [], cell_m=cell_m, elsewhere="all")
    to_metres = Transformer.from_crs("EPSG:4326", "EPSG:32633", always_xy=True)
    cells: dict[tuple[int, int], list[tuple[float, float, float]]] = {}
    for lon, lat, weight in rows:
        x, y = to_metres.transform(lon, lat)
        if weight > 0:
            cells.setdefault((int(y // cell_m), int(x // cell_m)), []).append((lon, lat, weight))
    assert zones["id"].tolist() == [f"z{i + 1}" for i in range(len(cells))]
    for (_, members), zone in zip(sorted(cells.items()), zones.itertuples(), strict=True):
        assert zone.weight == pytest.approx(sum(w for _, _, w in members))
        xy = np.array([to_metres.transform(lon, lat) for lon, lat, _ in members])
        mean = np.average(xy, axis=0, weights=[w for *_, w in members])
        here = np.array(to_metres.transform(zone.lon, zone.lat))
        nearest = np.hypot(*(xy - mean).T).min()
        assert (zone.lon, zone.lat) in {(lon, lat) for lon, lat, _ in members}
        assert np.hypot(*(here - mean)) == pytest.approx(nearest, abs=0.002)
    again = np.array(shuffled)
    other = demand_zones(again[:, :2], again[:, 2], [], cell_m=cell_m, elsewhere="all")
    assert zones["lon"].tolist() == other["lon"].tolist()
    np.testing.assert_allclose(zones["weight"], other["weight"])


def place(osm: str, name: str, lon: float, lat: float, kind: str = "suburb") -> Feature:
    return Feature(osm, kind, name, lon, lat)


def test_district_is_the_nearest_place() -> None:
    rng = np.random.default_rng(1)
    points = rng.uniform([13.0, 53.0], [13.1, 53.1], (200, 2))
    places = [place(f"n{i}", f"P{i}", *rng.uniform([13.0, 53.0], [13.1, 53.1])) for i in range(9)]
    city = place("n99", "Whole city", 13.05, 53.05, "city")
    zones = demand_zones(points, np.ones(200), [*places, city])
    globe = Geod(ellps="WGS84")
    for zone in zones.itertuples():
        away = [globe.inv(zone.lon, zone.lat, p.lon, p.lat)[2] for p in places]
        assert zone.district == places[int(np.argmin(away))].name


def test_a_city_names_the_district_only_where_nothing_else_does() -> None:
    points = np.array([[13.0, 53.0]])
    city = place("n1", "City", 13.0, 53.0, "city")
    assert demand_zones(points, np.ones(1), [city])["district"].tolist() == ["City"]
    assert demand_zones(points, np.ones(1), [], elsewhere="Town")["district"].tolist() == ["Town"]


def test_the_node_of_a_name_wins_over_its_boundary() -> None:
    places = [
        place("n1", "Valley", 13.0, 53.0),
        place("r2", "Valley", 13.1, 53.1),
        place("r3", "Hill", 13.08, 53.08),
    ]
    zones = demand_zones(np.array([[13.1, 53.1]]), np.ones(1), places)
    assert zones["district"].tolist() == ["Hill"]


def test_addresses_unless_buildings_tell_more() -> None:
    def city(addresses: int, buildings: int) -> CityData:
        points: NDArray[np.float64] = np.zeros((100, 2))
        return CityData(no_roads(), addresses=points[:addresses], buildings=points[:buildings])

    assert demand_points(city(10, 40))[1] == "addresses"
    assert demand_points(city(9, 40))[1] == "buildings"
    points, what = demand_points(city(0, 0))
    assert (len(points), what) == (0, "addresses")


def test_no_points_no_zones() -> None:
    zones = demand_zones(np.zeros((0, 2)), np.zeros(0), [])
    assert list(zones.columns) == ["id", "lon", "lat", "weight", "district"]
    assert len(zones) == 0


@pytest.mark.parametrize("cell_m", [5.0, -500.0, 1e9, np.nan])
def test_cell_out_of_range(cell_m: float) -> None:
    with pytest.raises(InputError, match="is no use"):
        demand_zones(np.zeros((1, 2)), np.ones(1), [], cell_m=cell_m)


def test_population_table(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_text("name,population,lat,lon\na,10,53,13\nb,0,53.1,13.1\n")
    points, people = read_population(path)
    assert points.tolist() == [[13.0, 53.0], [13.1, 53.1]]
    assert people.tolist() == [10.0, 0.0]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is no CSV table"),
        (b"\xff\xfe\x00\x01", "is no CSV table"),
        (b"lon,lat\n1,2\n", "has no column population"),
        (b"lon,lat,population\n13,53,5\n13,53,-1\n", "row 2, population: '-1' is no number"),
        (b"lon,lat,population\n13,x,5\n", "row 1, lat: 'x' is no number"),
        (b"lon,lat,population\n190,53,5\n", "row 1, lon: '190' is no number"),
        (b"lon,lat,population\n13,53,nan\n", "row 1, population: 'nan' is no number"),
        (b"lon,lat,population\n13,53,0\n", "holds no inhabitants"),
        (b"lon,lat,population\n", "holds no inhabitants"),
        (b"lon,lat,population\n1,2,3\n1,2,3,4,5\n", "is no CSV table"),
    ],
)
def test_bad_population_table(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        read_population(path)
    assert "\n" not in str(caught.value)


def test_missing_population_table(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read"):
        read_population(tmp_path / "p.csv")
