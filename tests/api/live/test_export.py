"""A simulated day, played into a log and exported, is the simulated day."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.parquet as pq
import pytest

from api.live.exporting import Asked, export_log, read_stretch
from api.live.recorded_day import day_of
from api.live.schema import migrate
from api.live.store import Store
from scenarios.breakdown import FILES as TABLES
from scenarios.packaging import load_scenario
from scenarios.recorded import keep_recorded
from scenarios.run_tables import Names, incident_table
from scenarios.runs import REPEATABLE, simulate
from scenarios.settings import Settings
from tests.api.live.played import Desk, play
from tests.command_line import refused, run
from tests.toy_city import toy_city

if TYPE_CHECKING:
    from scenarios.package import Scenario


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("recorded")


@pytest.fixture(scope="module")
def town(scenario_folder: Path) -> Scenario:
    return load_scenario(scenario_folder)


@pytest.fixture(scope="module")
def simulated(home: Path, town: Scenario) -> Path:
    simulate(town, replications=1, seed=5, out=home / "run")
    return home / "run"


@pytest.fixture(scope="module")
def log(home: Path, town: Scenario, simulated: Path) -> Path:
    store = Store(str(home / "log.db"))
    migrate(store.engine)
    desk = Desk(store, 0)
    play(desk, town, simulated)
    desk.ledger.close()
    store.close()
    return home / "log.db"


@pytest.fixture(scope="module")
def day(home: Path, town: Scenario, log: Path) -> Path:
    store = Store(str(log))
    horizon = town.settings.horizon
    export_log(store, town, Asked(horizon.start, None), home / "day")
    store.close()
    return home / "day"


def test_the_day_is_the_simulated_one(simulated: Path, day: Path) -> None:
    was = pq.read_table(simulated / "incidents.parquet").drop_columns("distance_m")
    now = pq.read_table(day / "incidents.parquet")
    assert now["distance_m"].null_count == len(now)
    for name in was.column_names:
        assert now[name].to_pylist() == was[name].to_pylist(), name


def test_so_is_a_day_of_shifts_moves_and_responses_of_several(store: Store, tmp_path: Path) -> None:
    """Compare the harder things that the simulator can do."""
    toy = toy_city()
    day = {"name": "day", "days": ["mon", "tue", "wed"], "start": "07:30", "end": "19:00"}
    slots = [{"needs": ["ambulance"]}, {"needs": ["doctor"], "transports": False}]
    rules = toy.settings.model_dump() | {
        "incident_types": [
            {"name": "small", "priority": "emergency", "weight": 2},
            {"name": "big", "priority": "emergency", "response": [slots]},
        ],
        "demand": toy.settings.demand.model_dump() | {"incidents_per_day": 70},
        "shifts": [day],
    }
    city = replace(
        toy,
        settings=Settings.model_validate(rules),
        units=toy.units.assign(shift=["", "day", "", "day", ""]),
    )
    simulated = simulate(
        city, policy="closest+dmexclp-move", replications=1, seed=4, out=tmp_path / "run"
    )
    was = pq.read_table(tmp_path / "run" / "incidents.parquet")
    events = pq.read_table(tmp_path / "run" / "events.parquet").to_pandas()
    assert {"moved", "queued", "off_duty", "on_duty"} <= set(events["event"])
    assert (was["complete_time"].to_numpy() > was["response_time"].to_numpy()).any()
    desk = Desk(store, 0)
    play(desk, city, tmp_path / "run")
    desk.ledger.close()
    begin = city.settings.horizon.start
    stretch = read_stretch(store, city, Asked(begin, begin + timedelta(days=2)))
    made = day_of(city, stretch.start, stretch.records, stretch.window)
    now = incident_table(made.outcome, 0, Names(made.scenario))
    for name in set(was.column_names) - {"distance_m"}:
        assert now[name].to_pylist() == was[name].to_pylist(), name
    assert set(made.counts) <= {"several_units", "units_changed"}, made.counts
    again = keep_recorded(made.scenario, made.outcome, {}, tmp_path / "day").observations.work
    for name in ("busy_ms", "duty_ms", "busy_hour_ms"):
        assert np.allclose(getattr(again, name), getattr(simulated.observations.work, name)), name


def test_a_day_is_made_anew_of_its_records(day: Path, tmp_path: Path) -> None:
    ran = run("replay", day, "--out", tmp_path / "again", "--json")
    assert ran.json["identical"] is True
    for name in (*REPEATABLE, "records.parquet", *TABLES):
        assert (tmp_path / "again" / name).read_bytes() == (day / name).read_bytes(), name
    # and what was made anew is a day again
    assert run("replay", tmp_path / "again", "--out", tmp_path / "third").code == 0


@pytest.mark.parametrize("name", REPEATABLE)
def test_a_byte_that_was_flipped_is_found(day: Path, tmp_path: Path, name: str) -> None:
    changed = Path(shutil.copytree(day, tmp_path / "day"))
    flip(changed / name)
    ran = run("replay", changed, "--out", tmp_path / "again", "--json")
    assert ran.code == 1
    assert json.loads(ran.out)["differing"] == [name]


def test_records_that_were_changed_are_refused(day: Path, tmp_path: Path) -> None:
    changed = Path(shutil.copytree(day, tmp_path / "day"))
    flip(changed / "records.parquet")
    assert "was changed" in refused("replay", changed, "--out", tmp_path / "again")
    (changed / "records.parquet").unlink()
    assert "was changed" in refused("replay", changed, "--out", tmp_path / "again")
    assert not (tmp_path / "again").exists()


def test_another_policy_meets_the_same_calls(day: Path, tmp_path: Path) -> None:
    options = ["--policy", "closest-idle", "--out", tmp_path / "other"]
    document = run("replay", day, *options, "--json").json
    assert document["identical"] is None
    city = load_scenario(day / "scenario")
    simulate(city, policy="closest-idle", seed=0, out=tmp_path / "simulated")
    for name in REPEATABLE:
        other, made = tmp_path / "other" / name, tmp_path / "simulated" / name
        assert other.read_bytes() == made.read_bytes(), name
    frames = [
        pq.read_table(folder / "incidents.parquet").to_pandas()
        for folder in (day, tmp_path / "other")
    ]
    change = frames[1]["response_time"] - frames[0]["response_time"]
    compared = document["comparison"]
    assert compared["policy_before"] == "as-decided-v1"
    assert compared["difference"]["response_mean"]["value"] == pytest.approx(change.mean())
    assert compared["sooner"] == (change < 0).sum()
    assert compared["later"] == (change > 0).sum()
    shown = run("replay", day, "--policy", "closest-idle", "--out", tmp_path / "shown").out
    assert "reached sooner" in shown
    assert "within 8 minutes" in shown


def test_the_very_policy_decides_as_it_did(simulated: Path, day: Path, tmp_path: Path) -> None:
    """What people decided was what the policy of the simulated run would."""
    document = run("replay", day, "--policy", "closest", "--out", tmp_path / "o", "--json").json
    assert document["comparison"]["alike"] == document["incidents"]["total"]
    was, now = (
        pq.read_table(folder / "events.parquet").to_pandas()
        for folder in (simulated, tmp_path / "o")
    )
    for name in ("time_ms", "event", "unit", "place", "metres"):
        assert (
            was[name].astype(object).fillna("").tolist()
            == now[name].astype(object).fillna("").tolist()
        ), name


def test_events_are_the_simulated_ones(simulated: Path, day: Path) -> None:
    def told(folder: Path) -> list[tuple[object, ...]]:
        rows = pq.read_table(folder / "events.parquet").to_pylist()
        names = ("time_ms", "event", "incident", "unit")
        return sorted(
            tuple("" if row[name] is None else row[name] for name in names)
            for row in rows
            if row["event"] != "queued"  # nobody says that
        )

    assert told(day) == told(simulated)
