"""Days that are no simulation: what a run cannot say is counted, nothing is made up in silence."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Geod

from api.live.exporting import Asked, export_log, read_stretch, rebuild
from api.live.incident_commands import Release
from api.live.kept_records import coarsened, kept
from api.live.place_commands import SetHospital
from api.live.recorded_day import Day, day_of
from api.live.records import GENESIS, Entry, sealed
from api.live.schema import migrate
from api.live.store import DamagedLogError, Store
from api.live.unit_commands import ReportPositions, SetShifts, SetUnit
from routing.errors import InputError
from scenarios.recorded import keep_recorded
from scenarios.run_tables import Names, event_table, incident_table
from scenarios.runs import simulate
from tests.api.live.played import Desk
from tests.command_line import refused, run
from tests.toy_city import corner, toy_city

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DAY = datetime(2025, 1, 6, tzinfo=UTC)
DAY_MS = round(DAY.timestamp() * 1000)
MINUTE_MS = 60_000
RECORDED: dict[str, Any] = {"from": "", "to": "", "unsaid": {}}


class Player:
    """Lets things happen at minutes of the day."""

    def __init__(self, store: Store) -> None:
        self.desk = Desk(store, DAY_MS)
        self.desk.start(toy_city())

    def at(self, minute: float) -> Desk:
        self.desk.clock.at_ms = DAY_MS + minute * MINUTE_MS
        return self.desk

    def call(self, minute: float, name: str, priority: str = "emergency") -> None:
        self.at(minute).call(name, corner(1, 1), priority, round(self.desk.clock.at_ms))

    def serve(self, minute: float, unit: str, *statuses: int) -> None:
        """Report statuses, one each five minutes."""
        for row, status in enumerate(statuses):
            self.at(minute + 5 * row).says(unit, status)


@pytest.fixture
def player(store: Store) -> Iterator[Player]:
    made = Player(store)
    yield made
    made.desk.ledger.close()


def exported(store: Store, asked: Asked | None = None) -> tuple[Any, dict[str, int], Day]:
    """Make a day of a log; return its incidents and what it does not say."""
    asked = asked or Asked(DAY, DAY + timedelta(days=1))
    stretch = read_stretch(store, toy_city(), asked)
    day = day_of(toy_city(), stretch.start, stretch.records, stretch.window)
    table = incident_table(day.outcome, 0, Names(day.scenario))
    return table.to_pylist(), day.counts, day


def test_what_never_came_to_a_unit_is_left_out(store: Store, player: Player) -> None:
    player.call(10, "false-alarm")
    player.at(11).close("false-alarm")
    player.call(20, "recalled")
    player.at(21).send("recalled", "A1")
    unit = player.desk.ledger.world.units["A1"]
    player.at(23).do(Release("recalled", "A1", unit.version, "not_needed"))
    player.at(24).close("recalled")
    player.call(30, "served")
    player.at(31).send("served", "A2")
    player.serve(32, "A2", 3, 4, 1, 2)
    player.at(60).close("served")
    player.call(70, "waits")
    rows, unsaid, _ = exported(store)
    assert [row["unit"] for row in rows] == ["A2", None]
    assert rows[0]["response_time"] == 7 * 60
    assert (rows[0]["on_scene_time"], rows[0]["turnout_time"]) == (300, 60)
    assert rows[1]["response_time"] is None
    assert rows[1]["on_scene_time"] == 900  # the scenario's mean
    assert unsaid == {"no_unit": 1, "turned_back": 1, "open": 1, "on_scene_filled": 1}


def test_what_a_unit_left_unsaid_is_filled_in_and_counted(store: Store, player: Player) -> None:
    player.call(0, "a")
    player.at(1).send("a", "A1")
    player.serve(6, "A1", 4, 8, 1, 2)  # neither departed nor left the scene
    player.call(100, "b")
    player.at(101).send("b", "A2")
    player.serve(102, "A2", 3, 4, 7, 2)  # never at the hospital, never free on radio
    player.call(200, "c")
    player.at(201).send("c", "B1")
    player.serve(202, "B1", 3, 7, 8, 1)  # never arrived
    player.call(300, "d")
    player.at(301).send("d", "B2")
    player.serve(302, "B2", 3, 8, 1)  # neither arrived nor left
    rows, unsaid, _ = exported(store)
    a, b, c, d = rows
    assert (a["turnout_time"], a["travel_time"], a["response_time"]) == (60, 240, 360)
    assert a["transported"]
    assert a["on_scene_time"] + a["transport_time"] == 300
    assert b["on_scene_time"] == 300
    assert b["transport_time"] + b["handover_time"] == 300
    assert (c["unit"], c["response_time"]) == (None, None)
    assert (d["unit"], d["response_time"], d["transport_time"]) == (None, None, 0)
    assert d["transported"]
    assert unsaid["departure_unsaid"] == 3
    assert unsaid["transport_filled"] == 1
    assert unsaid["arrival_unsaid"] == 2
    assert all((row["transport_time"] or 0) >= 0 for row in rows)


@pytest.mark.parametrize("statuses", [(), (3,), (3, 4), (3, 4, 7), (3, 4, 7, 8)])
def test_a_log_that_ends_in_the_midst(
    store: Store, player: Player, tmp_path: Path, statuses: tuple[int, ...]
) -> None:
    player.call(10, "a")
    player.at(20).send("a", "A1")
    player.serve(22, "A1", *statuses)
    rows, unsaid, day = exported(store, Asked(DAY, DAY + timedelta(hours=1)))
    assert (rows[0]["unit"] is None) is (4 not in statuses)
    assert rows[0]["transported"] is (7 in statuses)
    assert ("open" in unsaid) is (4 not in statuses)
    assert (rows[0]["transport_time"] is None) is (8 not in statuses)
    made = keep_recorded(day.scenario, day.outcome, RECORDED, tmp_path / "day")
    busy_ms = made.observations.work.busy_ms.sum(axis=0)
    assert busy_ms[0] == 40 * MINUTE_MS  # to the end of the hour


def test_several_units_and_a_diversion(store: Store, player: Player) -> None:
    player.call(0, "big")
    player.at(1).send("big", "A1", "B1", "D1")
    player.serve(2, "A1", 3, 4)
    player.serve(8, "B1", 3, 4)
    unit = player.desk.ledger.world.units["D1"]
    player.at(14).do(Release("big", "D1", unit.version, "needed_elsewhere"))
    player.serve(20, "A1", 7, 8, 1, 2)
    player.serve(40, "B1", 1, 2)
    rows, unsaid, _ = exported(store)
    (row,) = rows
    assert (row["unit"], row["response_time"], row["complete_time"]) == ("A1", 420, 780)
    assert (row["on_scene_time"], row["transport_time"], row["handover_time"]) == (780, 300, 300)
    assert (row["transported"], row["hospital"]) == (True, "H1")
    assert unsaid == {"several_units": 1, "recalled": 1}


def test_units_off_duty_stay_off_in_a_replay(store: Store, player: Player) -> None:
    """A1 and A2, at the station beside the incident, have no crew when it happens."""
    versions = {name: each.version for name, each in player.desk.ledger.world.units.items()}
    morning = ((DAY_MS, DAY_MS + 480 * MINUTE_MS),)
    player.at(0).do(SetShifts("A1", morning, versions["A1"]))
    player.at(500).says("A2", 6)
    player.call(600, "a")
    player.at(601).send("a", "B1")
    player.serve(602, "B1", 3, 4, 1, 2)
    player.at(700).says("A2", 2)
    player.call(800, "b")
    player.at(801).send("b", "A2")
    player.serve(802, "A2", 3, 4, 1, 2)
    rows, unsaid, day = exported(store)
    assert unsaid == {}
    assert [row["unit"] for row in rows] == ["B1", "A2"]
    again = simulate(day.scenario)
    assert again.incidents["unit"].tolist() == ["B1", "A2"]
    shifts = again.scenario.settings.shifts
    assert {
        (each.name, str(each.start), str(each.end)) for each in shifts if len(each.days) == 1
    } == {
        ("as recorded 1", "00:00:00", "08:00:00"),
        ("as recorded 2", "00:00:00", "08:20:00"),
        ("as recorded 2", "11:40:00", "00:00:00"),
    }
    duty = again.observations.work.duty_ms.sum(axis=0) / MINUTE_MS
    assert duty[0] == pytest.approx(480)


def test_closed_hospitals_and_new_units(store: Store, player: Player) -> None:
    player.at(60).do(SetHospital("H1", "closed", None))
    player.at(90).do(SetHospital("H1", "open", None))
    player.at(100).do(SetUnit("X1", "ambulance", "S3", None, None))
    player.at(110).says("X1", 2)
    player.at(115).do(SetUnit("Y1", "ambulance", "S3", ("ambulance", "doctor"), None))
    player.call(200, "a")
    player.at(201).send("a", "X1")
    player.serve(202, "X1", 3, 4, 1, 2)
    rows, unsaid, day = exported(store)
    assert rows[0]["unit"] == "X1"
    again = simulate(day.scenario).scenario
    assert again.units["id"].tolist() == ["A1", "A2", "B1", "B2", "D1", "X1", "Y1"]
    (event,) = again.settings.disturbances
    assert (event.kind, event.start_h, event.end_h) == ("hospital_closed", 1.0, 1.5)
    assert unsaid == {"units_changed": 1}


def test_a_window_of_a_longer_log(store: Store, player: Player) -> None:
    for number in range(3):
        minute = number * 1440 - 3.0 + 1440  # called three minutes before midnight
        player.call(minute, f"late{number}")
        player.at(minute + 1).send(f"late{number}", "A1")
        player.serve(minute + 2, "A1", 3, 4, 1, 2)
        player.at(minute + 20).close(f"late{number}")
        player.call(minute + 700, f"noon{number}")
        player.at(minute + 701).send(f"noon{number}", "B1")
        player.serve(minute + 702, "B1", 3, 4, 1, 2)
        player.at(minute + 720).close(f"noon{number}")
    window = Asked(DAY + timedelta(days=1), DAY + timedelta(days=2))
    rows, unsaid, day = exported(store, window)
    # A1 is still busy with the incident of the evening before
    assert unsaid == {"units_busy": 1}
    assert [row["call_time"] for row in rows] == [(700 - 3) * 60, (1440 - 3) * 60]
    assert [row["response_time"] for row in rows] == [420, 420]
    assert [row["on_scene_time"] for row in rows] == [300, 300]
    records = read_stretch(store, toy_city(), window).records
    names = {each.body.get("incident") for each in records} - {None}
    assert names == {"late0", "noon0", "late1"}
    events = event_table(day.outcome, 0, Names(day.scenario)).to_pylist()
    assert {event["incident"] for event in events} == {None, 0, 1}
    assert [e["event"] for e in events if e["unit"] == "A1"][:2] == ["off_duty", "on_duty"]


def test_each_call_is_of_one_day(store: Store, player: Player) -> None:
    """Enter calls around midnight, some of them late."""
    for row, (called, entered) in enumerate([(1430, 1431), (1439, 1442), (1441, 1441)]):
        desk = player.at(entered)
        desk.call(f"r{row}", corner(row, 2), "urgent", DAY_MS + called * MINUTE_MS)
        desk.send(f"r{row}", ("A1", "A2", "B1")[row])
        player.serve(entered + 1, ("A1", "A2", "B1")[row], 4)
    midnight = DAY + timedelta(days=1)
    first, unsaid, _ = exported(store, Asked(DAY, midnight))
    assert unsaid == {"departure_unsaid": 2, "on_scene_filled": 2}
    second, _, day = exported(store, Asked(midnight, None))
    assert [row["processing_time"] for row in first] == [60, 180]
    assert [row["call_time"] for row in second] == [60]
    assert day.counts["earlier_calls"] == 1  # entered on the second day
    assert day.counts["units_off"] == 1  # A1 is still on scene


def test_places_are_coarsened_and_nobody_is_named(
    store: Store, player: Player, tmp_path: Path
) -> None:
    lon, lat = -21.8951237, 64.1042345
    player.at(0).call("a", (lon, lat), "urgent", DAY_MS)
    player.at(1).do(ReportPositions((("A1", lon, lat, None),)))
    player.at(2).send("a", "A1")
    player.serve(3, "A1", 3, 4, 1, 2)
    noon = Asked(DAY + timedelta(hours=1), None)
    player.call(90, "b")
    player.at(91).send("b", "A2")
    player.serve(92, "A2", 3, 4, 1, 2)
    # the position is of the hour before: it is in the state that the records begin with
    export_log(store, toy_city(), noon, tmp_path / "late")
    export_log(store, toy_city(), Asked(), tmp_path / "day")
    assert rebuild(tmp_path / "late", tmp_path / "again").identical
    for file in (*(tmp_path / "day").rglob("*"), *(tmp_path / "late").rglob("*")):
        if file.suffix == ".parquet":
            text = json.dumps(pq.read_table(file).to_pylist(), default=str)
        elif file.suffix in {".json", ".csv", ".toml", ".html"}:
            text = file.read_text(encoding="utf-8")
        else:
            continue
        for secret in ("desk-1", str(lon), str(lat)):
            assert secret not in text, (file, secret)
    fine = read_stretch(store, toy_city(), Asked(metres=0))
    created = next(each for each in fine.records if each.kind == "incident_created")
    assert (created.body["lon"], created.body["lat"]) == (lon, lat)


def test_how_long_units_would_take_does_not_tell_where_an_incident_is() -> None:
    body = {"incident": "a", "choice": ["A1"], "alternatives": [["A1", 93.125], ["A2", 120.5]]}
    entry = Entry("recommended", body, "incident:a")
    record = sealed(entry, seq=1, at_ms=1, actor="desk-1", before=GENESIS)
    assert kept(record, 100).body["alternatives"] == [["A1"], ["A2"]]
    assert kept(record, 0).body["alternatives"] == body["alternatives"]


@given(
    st.floats(-180, 180),
    st.floats(-85, 85),
    st.sampled_from([1.0, 50.0, 100.0, 2500.0]),
)
def test_a_coarsened_place_is_near_and_no_longer_its_own(
    lon: float, lat: float, metres: float
) -> None:
    there = coarsened(lon, lat, metres)
    away = Geod(ellps="sphere").inv(lon, lat, *there)[2]
    assert away <= 0.75 * metres + 0.05
    beside = coarsened(*there, metres)
    assert np.allclose(beside, there, atol=2e-7)


def test_what_cannot_be_exported(store: Store, player: Player, tmp_path: Path) -> None:
    out = tmp_path / "day"
    player.at(10).says("A1", 1)
    with pytest.raises(InputError, match="nobody called"):
        export_log(store, toy_city(), Asked(), out)
    with pytest.raises(InputError, match="nothing from"):
        export_log(store, toy_city(), Asked(DAY + timedelta(days=3)), out)
    earlier = Asked(DAY - timedelta(days=4), DAY - timedelta(days=3))
    with pytest.raises(InputError, match="nothing from"):
        export_log(store, toy_city(), earlier, out)
    with pytest.raises(InputError, match="not after"):
        export_log(store, toy_city(), Asked(DAY, DAY), out)
    assert not out.exists()
    assert list(tmp_path.glob(".day*")) == []


def test_a_damaged_log_is_refused(store: Store, player: Player, tmp_path: Path) -> None:
    player.call(10, "a")
    player.at(11).send("a", "A1")
    player.serve(12, "A1", 3, 4, 1, 2)
    with sqlite3.connect(tmp_path / "log.db") as raw:
        raw.execute("UPDATE log SET body = replace(body, '\"A1\"', '\"B1\"') WHERE seq = 4")
    with pytest.raises(DamagedLogError, match="record 4 "):
        export_log(store, toy_city(), Asked(), tmp_path / "day")
    assert not (tmp_path / "day").exists()


def test_by_command(scenario_folder: Path, tmp_path: Path) -> None:
    log, out = tmp_path / "log.db", tmp_path / "day"
    empty = Store(str(log))
    migrate(empty.engine)
    assert "nothing was written" in refused(
        "export-log", log, "--scenario", scenario_folder, "--out", out
    )
    player = Player(empty)
    player.call(10, "a")
    player.at(11).send("a", "A1")
    player.serve(12, "A1", 3, 4, 1, 2)
    # the writer goes on meanwhile
    ran = run("export-log", log, "--scenario", scenario_folder, "--out", out)
    assert ran.code == 0
    assert "as-decided-v1: 1 days as they were, 1 incidents" in ran.out
    assert "the log was kept with another scenario" in ran.out
    player.call(40, "b")
    player.desk.ledger.close()
    empty.close()
    assert "--scenario" in refused("replay", log, "--out", out)
    command = ["replay", log, "--scenario", scenario_folder]
    under = run(*command, "--policy", "closest", "--out", tmp_path / "under", "--json").json
    assert under["comparison"]["sooner"] == 1
    assert under["comparison"]["not_both"] == 1  # nobody was sent to the second one yet
    moved = (tmp_path / "under").rename(tmp_path / "moved")  # it brings its scenario along
    assert run("replay", moved, "--out", tmp_path / "again", "--json").json["identical"]
    assert run(*command, "--out", out, "--json").json["incidents"]["total"] == 2
    assert "there is no store" in refused(
        "export-log", tmp_path / "none", "--scenario", scenario_folder, "--out", out
    )
    window = ["--from", "2025-01-06T00:00", "--to", "2025-01-05T00:00Z"]
    assert "not after" in refused(
        "export-log", log, "--scenario", scenario_folder, *window, "--out", out
    )
