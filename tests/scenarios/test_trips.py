"""Trips: what is read, where they start and end, what they drive on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from routing.errors import InputError
from routing.network import UNREACHABLE
from routing.travel_times import DijkstraTravelTimes
from scenarios.packaging import load_scenario
from scenarios.trips import Trips, drive, read_trips, tie_trips
from tests.toy_city import ISLAND, corner, toy_city

if TYPE_CHECKING:
    from pathlib import Path

HEAD = "from_lon,from_lat,to_lon,to_lat,seconds"


def write(folder: Path, *lines: str) -> Path:
    path = folder / "trips.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_columns_in_any_order_and_others_beside(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "unit,seconds,profile,to_lat,to_lon,from_lat,from_lon",
        "A,300,siren,64.2,-21.8,64.1,-21.9",
        "",
        "B, 61.5 ,,64.1,-21.9,64.2,-21.8",
    )
    trips = read_trips(path)
    assert trips.start.tolist() == [[-21.9, 64.1], [-21.8, 64.2]]
    assert trips.end.tolist() == [[-21.8, 64.2], [-21.9, 64.1]]
    assert trips.seconds.tolist() == [300, 61.5]
    assert trips.profile.tolist() == ["siren", "normal"]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([""], "trips.csv: no column 'from_lon'"),
        (["from_lon,from_lat,to_lon,to_lat,secs"], "no column 'seconds'"),
        ([f"{HEAD},seconds"], "more than one column 'seconds'"),
        ([HEAD], "no rows"),
        ([HEAD, "1,2,3,4,60", "1,2,3,4"], "trips.csv, row 2: 4 cells, the header has 5"),
        ([HEAD, "1,2,3,4,60", "x,2,3,4,60"], "row 2, from_lon: 'x' is no number"),
        ([HEAD, "1,91,3,4,60"], "row 1, from_lat: '91' is no number from -90 to 90"),
        ([HEAD, "1,2,3,4,0"], "row 1, seconds: '0' is no number from 1 to 86400"),
        ([HEAD, "1,2,3,4,-60"], "seconds: '-60'"),
        ([HEAD, "1,2,3,4,nan"], "seconds: 'nan'"),
        ([HEAD, "1,2,inf,4,60"], "to_lon: 'inf'"),
        ([f"{HEAD},profile", "1,2,3,4,60,sirene"], "row 1, profile: unknown profile 'sirene'"),
        ([HEAD, '"1,2,3,4,60'], "no CSV"),
    ],
)
def test_a_wrong_row_is_named(tmp_path: Path, lines: list[str], words: str) -> None:
    with pytest.raises(InputError) as refused:
        read_trips(write(tmp_path, *lines))
    assert words in str(refused.value)


def test_what_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "trips.csv"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="no CSV in UTF-8"):
        read_trips(path)


def test_the_arcs_of_a_trip_take_its_time() -> None:
    """Also where both ends lie on one road, at junctions, or on a one-way road."""
    city = load_scenario("reykjavik")
    network = city.network
    rng = np.random.default_rng(1)
    start = network.vertex_lonlat[rng.integers(0, len(network.vertex_lonlat), 150)]
    shift = np.where(np.arange(150) % 3 == 0, 2e-4, 2e-2)[:, None]
    end = start + rng.uniform(-1, 1, start.shape) * shift
    trips = Trips(start, end, np.ones(150), np.full(150, "normal"))
    tied = tie_trips(network, trips, 1e6)["normal"]
    arc_ms = city.speeds.arc_times_ms(network, "normal")
    driven = drive(network, city.speeds, "normal", tied)
    expected = [
        DijkstraTravelTimes(network, arc_ms)
        .matrix(tied.start[row : row + 1], tied.end[row : row + 1])
        .ms[0, 0]
        for row in range(0, 150, 10)
    ]
    assert UNREACHABLE not in expected
    np.testing.assert_array_equal(driven.seconds[::10] * 1000, expected)
    share = driven.arcs.toarray()
    np.testing.assert_allclose(share @ arc_ms / 1000, driven.seconds, atol=0.003)
    np.testing.assert_allclose(share @ network.arc_m, driven.metres, atol=1)
    assert (np.diff(driven.arcs.indptr) == 1).sum() > 10


def test_no_road_and_no_way_at_all() -> None:
    city = toy_city()
    here, there = corner(1, 1), corner(1, 2)
    trips = Trips(
        np.array([here, here, (here[0], here[1] + 1e-4)]),
        np.array([here, ISLAND, there]),
        np.ones(3),
        np.full(3, "siren"),
    )
    tied = tie_trips(city.network, trips, 100)
    assert len(tied["normal"]) == 0
    driven = drive(city.network, city.speeds, "siren", tied["siren"])
    assert driven.seconds[:2].tolist() == [0, np.inf]
    assert driven.metres[:2].tolist() == [0, np.inf]
    assert driven.arcs.sum(axis=1)[:2].tolist() == [0, 0]
    assert driven.metres[2] == pytest.approx(322, abs=2)


def test_ends_off_the_roads_are_left_out() -> None:
    city = toy_city()
    away = (corner(0, 0)[0] - 1e-2, corner(0, 0)[1])
    trips = Trips(
        np.array([away, corner(0, 0), corner(0, 0)]),
        np.array([corner(1, 1), corner(1, 1), away]),
        np.array([1.0, 2.0, 3.0]),
        np.full(3, "normal"),
    )
    tied = tie_trips(city.network, trips, 200)["normal"]
    assert (tied.row.tolist(), tied.seconds.tolist()) == ([2], [2.0])
    assert len(tie_trips(city.network, trips, 1000)["normal"]) == 3
