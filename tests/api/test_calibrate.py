"""The command that fits speeds to trips."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from routing.speeds import SpeedTable
from tests.command_line import refused, run
from tests.toy_city import corner

if TYPE_CHECKING:
    from pathlib import Path

HEAD = "from_lon,from_lat,to_lon,to_lat,seconds,profile"


@pytest.fixture
def trips(tmp_path: Path) -> Path:
    """Trips along one street at 20 km/h without siren, at 25 with, and noise."""
    rng = np.random.default_rng(1)
    rows = [HEAD]
    for number in range(160):
        row, gap = number % 6, 1 + number % 5
        (west, lat), (east, _) = corner(0, row), corner(gap, row)
        metres = np.radians(east - west) * np.cos(np.radians(lat)) * 6_371_000
        kmh, profile = ((20, "normal"), (25, "siren"))[number % 2]
        seconds = metres * 3.6 / kmh * np.exp(rng.normal(0, 0.1))
        rows.append(f"{west},{lat},{east},{lat},{seconds:.1f},{profile}")
    path = tmp_path / "trips.csv"
    path.write_text("\n".join(rows) + "\n")
    return path


def test_it_writes_a_table_and_tells_the_errors(
    scenario_folder: Path, trips: Path, tmp_path: Path
) -> None:
    out, picture = tmp_path / "speeds.toml", tmp_path / "fit.png"
    args = ["calibrate", scenario_folder, "--trips", trips, "--out", out]
    ran = run(*args, "--picture", picture)
    assert (ran.code, ran.err) == (0, "")
    assert "160 read, 160 used" in ran.out
    assert "held-out normal trips are predicted better than before" in ran.out
    assert ran.out.endswith(f"wrote {out}\nwrote {picture}\n")
    rules = SpeedTable.load(out).rules.classes["residential"]
    assert rules.kmh == pytest.approx(20, rel=0.04)
    assert rules.kmh * rules.siren_factor == pytest.approx(25, rel=0.04)
    assert picture.read_bytes().startswith(b"\x89PNG")

    first = out.read_bytes(), picture.read_bytes()
    document = run(*args, "--picture", picture, "--json").json
    assert (out.read_bytes(), picture.read_bytes()) == first
    assert document["out"] == str(out)
    siren = document["profiles"]["siren"]
    assert siren["held_out"] == 16
    fitted = [each for each in siren["factors"] if each["fitted"]]
    assert [each["key"] for each in fitted] == ["classes.residential.siren_factor"]
    assert fitted[0]["after"] == rules.siren_factor
    change = siren["errors"]["mean_absolute_percent"]["change"]
    assert change["low"] <= change["value"] <= change["high"]


def test_nothing_of_a_trip_is_kept(scenario_folder: Path, trips: Path, tmp_path: Path) -> None:
    out, picture = tmp_path / "speeds.toml", tmp_path / "fit.svg"
    ran = run(
        "calibrate", scenario_folder, "--trips", trips, "--out", out, "--picture", picture, "--json"
    )
    before = set((scenario_folder / "speeds.toml").read_text().splitlines())
    fitted = [line for line in out.read_text().splitlines() if line not in before]
    written = "\n".join([ran.out, *fitted, picture.read_text()])
    for row in trips.read_text().splitlines()[1:]:
        _, _, east, lat, seconds, _ = row.split(",")
        assert east not in written
        assert lat not in written
        assert f"{seconds}\n" not in written


def test_a_table_that_is_right_is_not_called_better(
    scenario_folder: Path, trips: Path, tmp_path: Path
) -> None:
    first, second = tmp_path / "1.toml", tmp_path / "2.toml"
    run("calibrate", scenario_folder, "--trips", trips, "--out", first)
    right = trips.read_text().splitlines()
    slow = [row.split(",") for row in right[1:] if row.endswith("normal")]
    rows = [",".join([*cells[:4], f"{float(cells[4]) * 0.8:.1f}", "normal"]) for cells in slow]
    trips.write_text("\n".join([HEAD, *rows]) + "\n")
    ran = run("calibrate", scenario_folder, "--trips", trips, "--out", second)
    assert ran.code == 0
    assert "show no improvement" in ran.out
    assert "better" not in ran.out


def test_refusals(scenario_folder: Path, trips: Path, tmp_path: Path) -> None:
    out = tmp_path / "speeds.toml"
    args = ["calibrate", scenario_folder, "--trips", trips]
    assert "named twice" in refused(*args, "--out", trips)
    assert ".png or .svg" in refused(*args, "--out", out, "--picture", tmp_path / "fit.pdf")
    assert "named twice" in refused(
        *args, "--out", tmp_path / "a.svg", "--picture", tmp_path / "a.svg"
    )
    assert "0.05<=x<=0.5" in refused(*args, "--out", out, "--holdout", "0.9")
    (tmp_path / "file").touch()
    assert "cannot write" in refused(*args, "--out", tmp_path / "file" / "speeds.toml")
    lines = trips.read_text().splitlines()
    trips.write_text("\n".join(lines[:40]) + "\n")
    line = refused(*args, "--out", out)
    assert "give at least 50" in line
    trips.write_text("\n".join([*lines[:3], lines[3].replace("normal", "blue"), *lines[4:]]))
    assert "trips.csv, row 3, profile" in refused(*args, "--out", out)
    assert not out.exists()
