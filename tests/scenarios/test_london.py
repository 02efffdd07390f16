"""London's log: stations and speeds found again, and what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from routing.errors import InputError
from scenarios.importers import IMPORTERS, LONDON, Importer
from scenarios.importers.london import fit_drives
from scenarios.packaging import load_scenario, save_scenario

if TYPE_CHECKING:
    from pathlib import Path


def test_is_an_importer() -> None:
    assert isinstance(LONDON, Importer)
    assert IMPORTERS["london"] is LONDON


def test_stations_and_speed_are_found() -> None:
    random = np.random.default_rng(2)
    place = np.array([[530_000.0, 180_000.0], [536_000.0, 181_000.0]])
    at = random.integers(0, 2, 1200)
    xy = place[at] + random.normal(0, 2000, (1200, 2))
    seconds = 150 + 0.1 * np.hypot(*(xy - place[at]).T)
    # one time in ten says nothing of the drive
    seconds[::10] = random.uniform(100, 3000, 120)
    found = fit_drives(xy, seconds, np.array(["A", "B"], dtype=object)[at])
    assert found.names == ["A", "B"]
    assert np.hypot(*(found.xy - place).T).max() < 100
    assert found.turnout_s == pytest.approx(150, abs=5)
    assert found.s_per_m == pytest.approx(0.1, rel=0.03)


def test_a_log_without_drives_is_refused() -> None:
    with pytest.raises(InputError, match="no station has 30 drives"):
        fit_drives(np.zeros((5, 2)), np.ones(5), np.array(["A"] * 5, dtype=object))


def test_another_table_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.csv"
    pd.DataFrame({"a": [1]}).to_csv(path, index=False)
    with pytest.raises(InputError, match="no column 'timestamp_of_call'"):
        LONDON.read(path, {})


def test_the_log_becomes_a_city(reference_data: Path, tmp_path: Path) -> None:
    imported = LONDON.read(reference_data / "london", {})
    found = imported.scenario
    # as the data's own page says
    assert imported.report["incidents"] == 32_247
    assert imported.report["log_median_s"] == 298
    # the brigade had 142 engines at 102 land stations then
    assert (len(found.stations), len(found.units)) == (102, 142)
    assert found.settings.demand.incidents_per_day == pytest.approx(32_247 / 120, rel=0.02)
    # places of stations are not in the log; Euston Road 172 is at 51.5282, -0.1305
    euston = found.stations.set_index("name").loc["Euston"]
    north, east = (euston["lat"] - 51.5282) * 111_300, (euston["lon"] + 0.1305) * 69_300
    assert np.hypot(north, east) < 500
    assert imported.report["median_error_s"] < 60
    save_scenario(found, tmp_path / "london")
    assert load_scenario(tmp_path / "london").settings == found.settings
