"""ELASPY's folders: its own results unit by unit, and what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from engine.dispatch import CLOSEST
from routing.errors import InputError
from scenarios.importers import ELASPY, IMPORTERS, Importer
from scenarios.packaging import load_scenario, save_scenario
from scenarios.runs import simulate
from scenarios.simulation.matrix_tables import _nearest_along
from scenarios.simulation.run import run_replication
from scenarios.simulation.tables import build_tables
from tests.command_line import refused, run

if TYPE_CHECKING:
    from pathlib import Path

CODES = (1000, 1001, 1002, 1003)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Write a folder of that format: four postal codes on a line, 1 km, 2 minutes apart."""
    base = tmp_path / "source"
    (base / "cases").mkdir(parents=True)
    x = [100_000 + 1000 * step for step in range(4)]
    pd.DataFrame(
        {"postal code": CODES, "x": x, "y": 400_000, "inhabitants": [0.4, 0.3, 0.2, 0.1]}
    ).to_csv(base / "nodes_Test.csv", index=False)
    steps = np.abs(np.subtract.outer(np.arange(4), np.arange(4)))
    for name, unit in (("siren_driving_matrix_Test.csv", 2.0), ("distance_matrix_Test.csv", 1.0)):
        table = pd.DataFrame(steps * unit, columns=[str(code) for code in CODES])
        table.insert(0, "postal code", CODES)
        table.to_csv(base / name, index=False)
    pd.DataFrame({"Base Locations": [1000, 1003]}).to_csv(
        base / "RAVU_base_locations_Test.csv", index=False
    )
    pd.DataFrame({"Hospital": [1003]}).to_csv(base / "Hospital_Postal_Codes_T.csv", index=False)
    pd.DataFrame({"Ambulance": [0, 1], "Base": [1000, 1003]}).to_csv(base / "two.csv", index=False)
    streams = {
        "interarrival_times": [1.0, 20.0, 9.0],
        "on_site_aid_times": [10.0, 5.0, 5.0],
        "drop_off_times": [5.0, 5.0, 5.0],
        "to_hospital_bool": [True, False, False],
        "location_IDs": [1001, 1001, 1002],
    }
    for name, values in streams.items():
        pd.DataFrame({"0": values}).to_csv(base / "cases" / f"{name}_run_small.csv", index=False)
    return base


def test_is_an_importer() -> None:
    assert isinstance(ELASPY, Importer)
    assert IMPORTERS["elaspy"] is ELASPY


def test_a_small_case_by_hand(folder: Path, tmp_path: Path) -> None:
    options = {"case": "run_small", "allocation": "two.csv"}
    save_scenario(ELASPY.read(folder, options).scenario, tmp_path / "city")
    frame = simulate(load_scenario(tmp_path / "city")).incidents
    # unit 0 drives 2 minutes, aids 10, brings the patient 4 minutes to 1003, drops off 5: free
    # at minute 22, then 6 / 0.95 minutes home. The second patient calls at 21: unit 1 is 4
    # minutes away. The third calls at 30, when unit 0 is back home, 4 minutes away, and unit
    # 1, free at 30 at 1001, is 2 minutes away.
    assert frame["unit"].tolist() == ["A0", "A1", "A1"]
    np.testing.assert_allclose(frame["response_time"] / 60, [2.0, 4.0, 2.0], rtol=0, atol=1e-12)
    assert frame["distance_m"].tolist() == [1000.0, 2000.0, 1000.0]


@pytest.mark.parametrize(
    ("case", "units", "patients"),
    [("diesel_3", 23, "Patient_Test_Diesel_3.csv"), ("diesel_4", 24, "Patient_Test_Diesel_4.csv")],
)
def test_published_runs_are_reproduced(
    reference_data: Path, case: str, units: int, patients: str
) -> None:
    data = reference_data / "elaspy"
    allocation = f"Base_Locations_Ambulances_MEXCLP_21_22_{units}.csv"
    scenario = ELASPY.read(data, {"case": case, "allocation": allocation}).scenario
    assert scenario.incidents is not None
    travel, rules, timeline = build_tables(scenario)
    served = run_replication(travel, rules, scenario.incidents, CLOSEST, timeline).served
    published = pd.read_csv(data / "cases" / patients)
    assert served["unit"].tolist() == published["assigned_to_ambulance_nr"].astype(int).tolist()
    minutes = (served["on_scene_ms"] - scenario.incidents.call_ms) / 60_000
    np.testing.assert_allclose(minutes, published["response_time"], rtol=0, atol=1e-9)
    hospital = published["hospital_ID"].fillna(-1).astype(int).to_numpy()
    names = scenario.hospitals["name"].astype(int).to_numpy()
    taken = served["hospital"] >= 0
    np.testing.assert_array_equal(taken, hospital >= 0)
    found = names[served["hospital"][taken] - len(scenario.zones)]
    np.testing.assert_array_equal(found, hospital[taken])


def test_nearest_zones_along_a_line_are_those_of_a_search() -> None:
    rng = np.random.default_rng(3)
    for _ in range(50):
        xy = rng.random((30, 2)) * 1000
        start, end = (int(i) for i in rng.choice(30, 2, replace=False))
        track = _nearest_along(xy, start, end)
        assert track[0] == (0.0, start)
        begins = np.array([share for share, _ in track])
        for share in rng.random(200):
            point = xy[start] + share * (xy[end] - xy[start])
            nearest = int(np.argmin(((xy - point) ** 2).sum(axis=1)))
            assert track[int(np.searchsorted(begins, share, side="right")) - 1][1] == nearest


def _edit(folder: Path, name: str, old: str, new: str) -> None:
    path = folder / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "--case"),
        ({"case": "small"}, "--allocation"),
        ({"case": "large", "allocation": "two.csv"}, "name one of: run_small"),
        ({"case": "small", "allocation": "three.csv"}, "no file 'three.csv'"),
        ({"case": "small", "allocation": "two.csv", "speed": "1"}, "takes no such option"),
    ],
)
def test_wrong_options_are_told(folder: Path, options: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        ELASPY.read(folder, options)


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("two.csv", "1003", "9999", "row 2: 9999"),
        ("nodes_Test.csv", "inhabitants", "people", "no column 'inhabitants'"),
        ("siren_driving_matrix_Test.csv", "2.0", "-2.0", "from zone 0 to zone 1"),
        ("siren_driving_matrix_Test.csv", "1003,6.0", "1004,6.0", "not a table of all"),
        ("cases/interarrival_times_run_small.csv", "20.0", "-20.0", "row 2"),
        ("cases/drop_off_times_run_small.csv", "5.0\n5.0\n", "5.0\n", "differ in length"),
    ],
)
def test_wrong_files_are_told(folder: Path, file: str, old: str, new: str, message: str) -> None:
    _edit(folder, file, old, new)
    with pytest.raises(InputError, match=message):
        ELASPY.read(folder, {"case": "small", "allocation": "two.csv"})


def test_from_the_command_line(folder: Path, tmp_path: Path) -> None:
    city = tmp_path / "city"
    options = ["--case", "small", "--allocation", "two.csv", "--out", city, "--json"]
    document = run("build", folder, "--format", "elaspy", *options).json
    assert (document["policy"], document["incidents"]) == ("closest-v1", 3)
    out = tmp_path / "run"
    assert "--replications" in refused("simulate", city, "--replications", 2, "--out", out)
    assert "elaspy-v1" in refused("build", folder, "--format", "elaspi", *options)
    lost = refused("build", "reykjavik", "--case", "small", "--out", tmp_path / "other")
    assert "--format" in lost


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("60.0,1001", "1320.0,1001", "row 2, call_time"),
        ("60.0,1001", "x,1001", "row 1, call_time"),
        ("60.0,1001", "60.0,1009", "row 1, zone"),
        ("emergency,1", "emergency,2", "row 1, transported"),
        ("emergency,1", "urgent,1", "row 1, type"),
    ],
)
def test_edited_incidents_are_checked(
    folder: Path, tmp_path: Path, old: str, new: str, message: str
) -> None:
    scenario = ELASPY.read(folder, {"case": "small", "allocation": "two.csv"}).scenario
    save_scenario(scenario, tmp_path / "city")
    _edit(tmp_path / "city", "incidents.csv", old, new)
    assert message in refused("check", tmp_path / "city", "--accept")
