"""Travel times from files to files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from api.city import City
from api.schemas import MatrixRequest
from tests.command_line import refused, run
from tests.toy_city import ISLAND, corner, toy_city

if TYPE_CHECKING:
    from pathlib import Path

ORIGINS = [corner(0, 0), corner(3, 2)]
DESTINATIONS = [corner(5, 5), ISLAND, corner(0, 0)]


@pytest.fixture
def files(tmp_path: Path) -> list[object]:
    """Options that name two good files."""
    rows = [f"{lon},A{n},{lat}" for n, (lon, lat) in enumerate(ORIGINS)]
    (tmp_path / "a.csv").write_text("\n".join(["lon,id,lat", *rows]), encoding="utf-8-sig")
    rows = [f"{lat},{lon}" for lon, lat in DESTINATIONS]
    (tmp_path / "b.csv").write_text("\n".join(["lat,lon", *rows]) + "\n")
    return ["--from", tmp_path / "a.csv", "--to", tmp_path / "b.csv"]


@pytest.mark.parametrize("profile", ["siren", "normal"])
@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".npy"])
def test_a_file_of_each_kind_holds_the_same_times(
    scenario_folder: Path,
    files: list[object],
    tmp_path: Path,
    suffix: str,
    profile: str,
) -> None:
    out = tmp_path / f"m{suffix}"
    args = ["matrix", scenario_folder, *files, "--out", out, "--profile", profile, "--json"]
    document = run(*args).json
    service = City(toy_city()).matrix(
        MatrixRequest.model_validate(
            {
                "sources": [list(place) for place in ORIGINS],
                "destinations": [list(place) for place in DESTINATIONS],
                "profile": profile,
            }
        )
    )
    expected = np.array(service.durations, dtype=float)
    if suffix == ".npy":
        seconds = np.load(out)
        assert seconds.dtype == np.float64
        assert np.isinf(seconds[:, 1]).all()
        seconds[np.isinf(seconds)] = np.nan
    else:
        read = pd.read_csv if suffix == ".csv" else pd.read_parquet
        table = read(out)
        assert list(table) == ["from", "to", "seconds", "metres"]
        assert list(table["from"]) == ["A0"] * 3 + ["A1"] * 3
        assert [str(to) for to in table["to"]] == ["1", "2", "3"] * 2
        metres = table["metres"].to_numpy(float).reshape(2, 3)
        np.testing.assert_array_equal(metres, np.array(service.distances, dtype=float))
        seconds = table["seconds"].to_numpy(float).reshape(2, 3)
    np.testing.assert_array_equal(seconds, expected)
    assert document["unreachable"] == 2
    assert document["longest_s"] == np.nanmax(expected)


def test_the_words_for_people(scenario_folder: Path, files: list[object], tmp_path: Path) -> None:
    code, out, err = run("matrix", scenario_folder, *files, "--out", tmp_path / "m.npy")
    assert (code, err) == (0, "")
    assert "without a way" in out
    assert out.endswith(f"wrote {tmp_path / 'm.npy'}\n")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "no column 'lon'"),
        ("lon;lat\n1;2\n", "no column 'lon'"),
        ("lon,latitude\n1,2\n", "did you mean 'latitude'"),
        ("lon,lat\n", "no rows"),
        ("lon,lat\n-21.9,64.1\n-21.9\n", "row 2"),
        ("lon,lat\n-21.9,64.1,7\n", "row 1"),
        ("lon,lat\n-21.9,64.1\nx,64.1\n", "row 2: lon 'x' is not a number"),
        ("lon,lat\n-21.9,\n", "row 1: lat '' is not a number"),
        ("lon,lat\nnan,64.1\n", "row 1: lon nan"),
        ("lon,lat\n-21.9,inf\n", "row 1: lat inf"),
        ("lon,lat\n-21.9,91\n", "row 1: lat 91"),
        ("id,lon,lat\na,-21.9,64.1\na,-21.9,64.1\n", "row 2: id 'a' stands in row 1 too"),
        ("lon,lat\n-21.9,64.1\n0,0\n", "row 2"),
        ('lon,lat\n"-21.9,64.1\n', "CSV"),
        ("lon,lat\n\x00,64.1\n", "row 1"),
    ],
)
def test_a_wrong_file_is_named_with_its_row(
    scenario_folder: Path,
    files: list[object],
    tmp_path: Path,
    content: str,
    words: str,
) -> None:
    bad, out = tmp_path / "bad.csv", tmp_path / "m.csv"
    bad.write_text(content)
    line = refused("matrix", scenario_folder, *files[:2], "--to", bad, "--out", out)
    assert "--to" in line
    assert "bad.csv" in line
    assert words in line
    assert not out.exists()


def test_what_is_no_text(scenario_folder: Path, files: list[object], tmp_path: Path) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_bytes(b"lon,lat\n\xff\xfe,1\n")
    args = ["matrix", scenario_folder, "--from", bad, *files[2:], "--out", tmp_path / "m.csv"]
    assert "UTF-8" in refused(*args)


def test_other_refusals(scenario_folder: Path, files: list[object], tmp_path: Path) -> None:
    args = ["matrix", scenario_folder, *files]
    assert ".parquet, .csv, .npy" in refused(*args, "--out", tmp_path / "m.xlsx")
    (tmp_path / "file").touch()
    assert "cannot write" in refused(*args, "--out", tmp_path / "file" / "m.csv")
    far = tmp_path / "far.csv"
    far.write_text(f"lon,lat\n{ISLAND[0]},{ISLAND[1] + 0.005}\n")
    args = ["matrix", scenario_folder, *files[:2], "--to", far, "--out", tmp_path / "m.csv"]
    assert "556 m" in refused(*args, "--snap-limit", "500")


def test_an_input_is_not_overwritten(
    scenario_folder: Path, files: list[object], tmp_path: Path
) -> None:
    before = (tmp_path / "a.csv").read_bytes()
    assert "is an input" in refused("matrix", scenario_folder, *files, "--out", tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_bytes() == before


def test_nan_is_no_limit(scenario_folder: Path, files: list[object], tmp_path: Path) -> None:
    options = ["--out", tmp_path / "m.csv", "--snap-limit", "nan"]
    assert "not a finite number" in refused("matrix", scenario_folder, *files, *options)


def test_vehicle_and_time_change_the_times(
    scenario_folder: Path, files: list[object], tmp_path: Path
) -> None:
    args = ["matrix", scenario_folder, *files, "--out", tmp_path / "m.npy", "--json"]
    usual = run(*args).json
    assert (usual["vehicle"], usual["local_hour"]) == ("ambulance", None)
    slower = run(*args, "--vehicle", "ladder").json
    assert slower["longest_s"] > usual["longest_s"]
    # the toy city keeps UTC: 9 h in Berlin's winter is 8 h there
    early = run(*args, "--at", "2025-01-06T09:00+01:00").json
    assert early["local_hour"] == 8
    assert early["longest_s"] > usual["longest_s"]
    assert run(*args, "--at", "2025-01-06T08:59").json == early


def test_unknown_vehicles_and_times(
    scenario_folder: Path, files: list[object], tmp_path: Path
) -> None:
    args = ["matrix", scenario_folder, *files, "--out", tmp_path / "m.npy"]
    line = refused(*args, "--vehicle", "fire_engin")
    assert "unknown vehicle 'fire_engin'" in line
    assert "did you mean 'fire_engine'" in line
    assert "'noon' is no time" in refused(*args, "--at", "noon")
