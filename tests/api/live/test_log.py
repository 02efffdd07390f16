"""What is acknowledged is on disk; what is damaged is told, with its place."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import time
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from api.live.commands import RefusedError
from api.live.engine import open_engine
from api.live.folding import fold, snapshot_of
from api.live.incident_commands import Assign, CloseIncident, CreateIncident, Release
from api.live.ledger import Ledger, UnavailableError
from api.live.records import GENESIS, Entry, sealed
from api.live.schema import NEWEST, _config, check_tables, migrate
from api.live.store import DamagedLogError, Store
from api.live.unit_commands import ReportPositions, ReportStatus, Start
from api.live.world import World
from routing.errors import InputError
from tests.command_line import refused, run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

UNITS = tuple((f"U{row}", "ambulance", "S1") for row in range(4))
CUTS = int(os.environ.get("BLUELIGHT_CUTS", "120"))
"""Where a log is cut; 0, as in the nightly run: at every byte of its last 64 KiB."""
LAST_BYTES = 65_536


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.s = 1_000_000.0

    def __call__(self) -> float:
        return self.s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(store: Store, clock: Clock) -> Iterator[Ledger]:
    made = Ledger(store, clock, snapshot_every=50)
    made.submit(Start("a" * 64, UNITS), "test").result()
    yield made
    made.close()


def incident(name: str | None = None) -> CreateIncident:
    return CreateIncident(name, 1.0, 2.0, "emergency", None, None, None)


def do(ledger: Ledger, command: Any, **named: Any) -> Any:
    return ledger.submit(command, "test", **named).result().record


def filled(path: Path, records: int = 30) -> Store:
    """Write a log of several kinds of records."""
    store = Store(str(path))
    migrate(store.engine)
    ledger = Ledger(store, snapshot_every=10**9)
    do(ledger, Start("a" * 64, UNITS))
    for row in range(records - 1):
        if row % 3:
            do(ledger, ReportPositions(((f"U{row % 4}", row / 7, 2.5, None),)))
        else:
            do(ledger, incident(f"I{row}"))
    ledger._folded = ledger._folded._replace(snapshot=0)
    ledger._snapshot_seq = 10**9  # no snapshot on closing: the log alone shall be read
    ledger.close()
    return store


def test_the_state_is_the_fold_of_the_log(store: Store, ledger: Ledger) -> None:
    do(ledger, incident("I1"))
    do(ledger, Assign("I1", 1, (("U0", 1),), None, "other"))
    do(ledger, ReportStatus("U0", 4, None))
    do(ledger, ReportPositions((("U0", 1.5, 2.5, None), ("U9", 0.0, 0.0, None))))
    world = ledger.world
    assert fold(store, from_start=True).world == world
    assert world.units["U0"].incident == "I1"
    assert world.incidents["I1"].reached
    assert World.from_json(world.to_json()) == world


def test_a_snapshot_says_what_the_log_says(store: Store, clock: Clock) -> None:
    ledger = Ledger(store, clock, snapshot_every=5)
    do(ledger, Start("a" * 64, UNITS))
    for row in range(23):
        do(ledger, incident(f"I{row}"))
        if row % 2:
            do(ledger, Assign(f"I{row}", 1, (("U1", row),), None, "other"))
            version = ledger.world.units["U1"].version
            do(ledger, Release(f"I{row}", "U1", version, "not_needed"))
        clock.s += 1
    ledger.close()
    quick, whole = fold(store), fold(store, from_start=True)
    assert quick.snapshot == quick.world.seq
    assert quick == whole._replace(snapshot=quick.snapshot)


def test_a_unit_is_never_sent_twice(ledger: Ledger) -> None:
    do(ledger, incident("I1"))
    do(ledger, incident("I2"))
    both = [
        ledger.submit(Assign(name, 1, (("U0", 1),), None, "other"), "test") for name in ("I1", "I2")
    ]
    both[0].result()
    with pytest.raises(RefusedError, match="cannot be sent") as refusal:
        both[1].result()
    assert refusal.value.units[0].incident == "I1"
    assert ledger.world.incidents["I2"].state == "waiting"


def test_a_request_happens_once_under_its_name(store: Store, ledger: Ledger) -> None:
    first = do(ledger, incident(), key="k", request="r")
    again = ledger.submit(incident(), "test", key="k", request="r").result()
    assert again.repeated
    assert again.record is not None
    assert again.record.seq == first.seq
    with pytest.raises(RefusedError, match="another request"):
        do(ledger, incident(), key="k", request="another")
    other = ledger.submit(incident(), "somebody else", key="k", request="r").result()
    assert not other.repeated
    assert len(ledger.world.incidents) == 2
    assert fold(store, from_start=True).world == ledger.world


def test_a_name_of_an_incident_is_used_once_for_ever(ledger: Ledger) -> None:
    do(ledger, incident("I1"))
    do(ledger, CloseIncident("I1", 1, "done"))
    for row in range(600):  # beyond what is remembered of closed ones
        do(ledger, incident(f"J{row}"))
        do(ledger, CloseIncident(f"J{row}", 1, "done"))
    assert "I1" not in ledger.world.closed
    with pytest.raises(RefusedError, match="there is or was"):
        do(ledger, incident("I1"))


def test_a_second_writer_is_refused(store: Store, ledger: Ledger) -> None:
    assert ledger.world.seq == 1
    second = Store(store.url)
    with pytest.raises(InputError, match="another process writes"):
        second.become_writer()
    second.close()


def test_nothing_is_acknowledged_that_could_not_be_written(
    store: Store, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = OperationalError("insert", {}, sqlite3.OperationalError("database or disk is full"))

    def _full(*_: Any) -> None:
        raise full

    before = ledger.world
    with monkeypatch.context() as patch:
        patch.setattr(store, "append", _full)
        with pytest.raises(UnavailableError, match="disk is full"):
            do(ledger, incident("I1"))
        assert ledger.world is before
        assert "full" in ledger.failure
    do(ledger, incident("I1"))
    assert not ledger.failure
    assert fold(store, from_start=True).world == ledger.world


def test_who_writes_beside_the_writer_waits(store: Store) -> None:
    beside = Store(store.url)  # such as 'bluelight token', a process of its own
    done: list[int] = []

    def _write() -> None:
        with beside.writing() as connection:
            connection.execute(text("CREATE TABLE beside (x INTEGER)"))
        done.append(1)

    thread = Thread(target=_write)
    with store.writing() as connection:
        assert not store.knows(connection, "incident:I1")
        thread.start()
        time.sleep(0.05)
        connection.execute(text("CREATE TABLE mine (x INTEGER)"))  # failed: it had read before
        assert not done
    thread.join()
    assert done
    beside.close()


def test_a_defect_of_one_command_is_not_that_of_its_neighbours(ledger: Ledger) -> None:
    class _Broken:
        def decide(self, draft: Any, _: int) -> Entry:
            with pytest.raises(AttributeError):
                draft.units.clear()  # what no command may do
            return Entry("no such kind", {})

    futures = [
        ledger.submit(command, "test") for command in (incident("I1"), _Broken(), incident("I2"))
    ]
    with pytest.raises(ValueError, match="no such kind"):
        futures[1].result()
    assert futures[0].result().record is not None
    assert futures[2].result().record is not None
    assert len(ledger.world.units) == 4


def test_a_question_goes_before_who_is_patient_but_not_for_ever(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[list[str]] = []
    ledger.listen(lambda records: heard.append([record.kind for record in records]))
    position = ReportPositions((("U0", 1.5, 2.5, None),))
    ledger.yields = lambda: True
    with monkeypatch.context() as patch:
        patch.setattr("api.live.ledger._PATIENCE_S", 60.0)
        patient = ledger.submit(position, "test", patient=True)
        time.sleep(0.1)
        assert not patient.done()
        ledger.submit(incident("I1"), "test").result(timeout=10)
        assert patient.result(timeout=10).record is not None
    assert heard == [["positions", "incident_created"]]
    ledger.submit(position, "test", patient=True).result(timeout=10)  # no question comes
    ledger.submit(incident("I2"), "test").result(timeout=10)
    ledger.yields = lambda: False
    ledger.submit(position, "test", patient=True).result(timeout=10)


def test_time_never_runs_backwards(ledger: Ledger, clock: Clock) -> None:
    do(ledger, incident("I1"))
    clock.s -= 3_600
    record = do(ledger, incident("I2"))
    assert record.at_ms == 1_000_000_000
    clock.s += 7_200
    assert do(ledger, incident("I3")).at_ms == 1_003_600_000


def test_a_report_that_was_overtaken_does_no_harm(ledger: Ledger, clock: Clock) -> None:
    now = round(clock.s * 1000)
    assert do(ledger, ReportPositions((("U0", 1.0, 2.0, now),)))
    assert do(ledger, ReportPositions((("U0", 1.0, 2.0, now),))) is None
    assert do(ledger, ReportPositions((("U0", 9.0, 9.0, now - 1),))) is None
    assert ledger.world.positions["U0"].lon == 1.0
    do(ledger, ReportStatus("U0", 3, now))
    assert do(ledger, ReportStatus("U0", 3, now)) is None
    assert do(ledger, ReportStatus("U0", 1, now - 5)) is None
    assert ledger.world.units["U0"].status == 3


def test_clocks_of_reporters_may_be_wrong(ledger: Ledger, clock: Clock) -> None:
    now = round(clock.s * 1000)
    do(ledger, ReportPositions((("U0", 1.0, 2.0, now + 60_000), ("U1", 1.0, 2.0, now - 600_000))))
    ahead, behind = ledger.world.positions["U0"], ledger.world.positions["U1"]
    assert (ahead.ahead_ms, ahead.age_ms(now)) == (60_000, 0)
    assert (behind.lag_ms, behind.age_ms(now)) == (600_000, 0)
    clock.s += 10
    do(ledger, ReportPositions((("U1", 1.0, 2.0, now - 595_000),)))
    assert ledger.world.positions["U1"].age_ms(now + 10_000) == 5_000
    # sent at once by a clock ten minutes behind, a status still comes after the alarm
    do(ledger, ReportStatus("U1", 2, now - 590_000))
    do(ledger, incident("I1"))
    do(ledger, Assign("I1", 1, (("U1", 2),), None, "other"))
    clock.s += 60
    do(ledger, ReportStatus("U1", 4, now - 530_000))
    assert ledger.world.units["U1"].status == 4


def test_what_was_buffered_before_the_alarm_does_not_free_a_unit(
    ledger: Ledger, clock: Clock
) -> None:
    now = round(clock.s * 1000)
    do(ledger, ReportStatus("U0", 1, now))
    clock.s += 30
    do(ledger, incident("I1"))
    do(ledger, Assign("I1", 1, (("U0", 2),), None, "other"))
    clock.s += 30
    assert do(ledger, ReportStatus("U0", 2, now + 20_000)) is None
    assert ledger.world.units["U0"].incident == "I1"
    assert do(ledger, ReportStatus("U0", 1, now + 50_000))
    assert ledger.world.incidents["I1"].state == "waiting"


def test_every_bit_of_a_record_counts(tmp_path: Path) -> None:
    store = filled(tmp_path / "log.db")
    store.close()
    with sqlite3.connect(tmp_path / "log.db") as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        row = database.execute("SELECT * FROM log WHERE seq = 17").fetchone()
        names = [each[0] for each in database.execute("SELECT * FROM log").description]
        flips = 0
        for name, value in zip(names, row, strict=True):
            if name == "seq" or value is None:
                continue
            for changed in _flipped(value):
                database.execute(f"UPDATE log SET {name} = ? WHERE seq = 17", (changed,))
                database.commit()
                damaged = Store(str(tmp_path / "log.db"))
                with pytest.raises(DamagedLogError) as error:
                    for _ in damaged.checked(0):
                        pass
                damaged.close()
                assert error.value.seq == 17, (name, changed)
                flips += 1
            database.execute(f"UPDATE log SET {name} = ? WHERE seq = 17", (value,))
            database.commit()
    assert flips > 1_000


def _flipped(value: str | int | bytes) -> list[Any]:
    if isinstance(value, int):
        return [value ^ 1 << bit for bit in range(40)]
    raw = value.encode() if isinstance(value, str) else value
    found = []
    for bit in range(8 * len(raw)):
        changed = bytearray(raw)
        changed[bit // 8] ^= 1 << bit % 8
        found.append(bytes(changed) if isinstance(value, bytes) else _text(bytes(changed)))
    return found


def _text(raw: bytes) -> str | bytes:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw


def test_what_is_taken_out_or_put_in_is_told(tmp_path: Path) -> None:
    filled(tmp_path / "log.db").close()
    for change, seq in (
        ("DELETE FROM log WHERE seq = 9", 9),
        ("UPDATE log SET seq = seq + 1000 WHERE seq = 9", 9),
    ):
        shutil.copy(tmp_path / "log.db", tmp_path / "copy.db")
        with sqlite3.connect(tmp_path / "copy.db") as database:
            database.execute(change)
        damaged = Store(str(tmp_path / "copy.db"))
        with pytest.raises(DamagedLogError, match=f"record {seq} "):
            fold(damaged)
        damaged.close()
    said = refused("verify-log", tmp_path / "copy.db")
    assert "record 9 of the log is damaged: it is missing; the 8 before it are whole" in said


def test_a_log_that_lost_its_tail_is_told_by_its_snapshot(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "log.db"))
    migrate(store.engine)
    ledger = Ledger(store, snapshot_every=10**9)
    for row in range(20):
        do(ledger, incident(f"I{row}"))
    ledger.close()  # with a snapshot
    with store.writing() as connection:
        connection.execute(text("DELETE FROM log WHERE seq > 12"))
    for from_start in (True, False):
        with pytest.raises(DamagedLogError, match=r"record 13 .* missing, as are 7 or more"):
            fold(store, from_start=from_start)
    store.close()


@pytest.mark.parametrize("change", ["world=CAST(world AS TEXT)", "chain='abc'", "digest=7"])
def test_a_snapshot_of_another_type_is_none(tmp_path: Path, change: str) -> None:
    store = filled(tmp_path / "log.db")
    with store.writing() as connection:
        store.keep(connection, snapshot_of(fold(store, from_start=True)))
    assert store.snapshots()
    with sqlite3.connect(tmp_path / "log.db") as raw:
        raw.execute(f"UPDATE snapshots SET {change}")
    raw.close()
    assert not store.snapshots()
    assert store.damaged_snapshots() == 1
    verified = run("verify-log", tmp_path / "log.db")
    assert verified.code == 0
    assert "1 snapshot is damaged" in verified.out
    assert fold(store).world == fold(store, from_start=True).world
    store.close()


def test_who_belongs_to_a_station_that_is_gone_comes_home(ledger: Ledger) -> None:
    do(
        ledger,
        Start("b" * 64, (("U0", "ambulance", "T1"), ("U9", "ambulance", "T2")), {"T1", "T2"}),
    )
    units = ledger.world.units
    assert {name: units[name].station for name in ("U0", "U1", "U9")} == {
        "U0": "T1",
        "U1": "S1",  # of no scenario any longer
        "U9": "T2",
    }
    do(ledger, Start("c" * 64, (("U0", "ambulance", "T2"),), {"T1", "T2"}))
    assert ledger.world.units["U0"].station == "T1"  # what the log says goes before


def test_a_database_that_was_cut_or_scratched_is_whole_or_refused(tmp_path: Path) -> None:
    """Of file bytes: what opens is a prefix of what was written, never anything else."""
    filled(tmp_path / "log.db", 60).close()
    with sqlite3.connect(tmp_path / "log.db") as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    whole = (tmp_path / "log.db").read_bytes()
    store = Store(str(tmp_path / "log.db"))
    chains = [each.chain for each in store.records()]
    store.close()
    draw = random.Random(7)
    refusals = 0
    for case in range(150):
        scratched = bytearray(whole)
        if case % 2:
            del scratched[draw.randrange(len(whole)) :]
        else:
            at = draw.randrange(len(whole))
            scratched[at] ^= 1 << draw.randrange(8)
        path = tmp_path / f"{case}.db"
        path.write_bytes(scratched)
        refusals += _refused_or_prefix(path, chains)
        path.unlink()
    assert refusals > 50


def test_a_write_ahead_log_that_was_cut_gives_a_prefix(tmp_path: Path) -> None:
    """As after a pulled plug: each record that was whole on disk is there, and no other."""
    store = filled(tmp_path / "log.db", 30)
    with store.engine.connect() as keeps_the_log_open:
        keeps_the_log_open.exec_driver_sql("SELECT 1")
        wal = (tmp_path / "log.db-wal").read_bytes()
        main = (tmp_path / "log.db").read_bytes()
        truth = fold(store, from_start=True)
    assert len(wal) > LAST_BYTES
    seen = set()
    first = 0 if CUTS else len(wal) - LAST_BYTES
    for end in range(first, len(wal), len(wal) // CUTS if CUTS else 1):
        path = tmp_path / "cut.db"
        for suffix in ("-wal", "-shm"):
            path.with_name("cut.db" + suffix).unlink(missing_ok=True)
        path.write_bytes(main)
        path.with_name("cut.db-wal").write_bytes(wal[:end])
        cut = Store(str(path))
        try:
            check_tables(cut.engine)
            seen.add(fold(cut).world.seq)
        except InputError:
            seen.add(-1)  # not even the tables were there
        finally:
            cut.close()
    store.close()
    assert seen <= {-1, *range(truth.world.seq + 1)}
    assert len(seen) > (8 if CUTS else 5)  # so many were written in the last 64 KiB


def _refused_or_prefix(path: Path, chains: list[bytes]) -> bool:
    damaged = Store(str(path))
    try:
        check_tables(damaged.engine)
        fold(damaged, from_start=True)
        found = [each.chain for each in damaged.records()]
    except InputError:
        return True
    finally:
        damaged.close()
    assert found == chains[: len(found)]
    return False


def test_seals_hold_every_field() -> None:
    record = sealed(
        Entry("status", {"unit": "U1"}, "unit:U1"), seq=1, at_ms=5, actor="a", before=GENESIS
    )
    assert record.damage(GENESIS) is None
    assert record.damage(bytes(31) + b"\1") == "it does not follow the record before it"
    for name, value in {"seq": 2, "at_ms": 6, "kind": "x", "subject": None, "actor": "b"}.items():
        before = getattr(record, name)
        setattr(record, name, value)
        assert record.damage(GENESIS) == "its content is not what was written"
        setattr(record, name, before)


def test_the_newest_tables_are_those_of_the_last_migration() -> None:
    assert ScriptDirectory.from_config(_config()).get_current_head() == NEWEST


def test_addresses_of_stores(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="mysql"):
        open_engine("mysql://x/y")
    with pytest.raises(InputError, match="no address"):
        open_engine("://")
    with pytest.raises(InputError, match="folder"):
        open_engine(str(tmp_path / "none" / "log.db"))
    (tmp_path / "text.db").write_text("these are no tables " * 100)
    with pytest.raises(InputError, match="no event store"):
        migrate(open_engine(str(tmp_path / "text.db")))
    assert "there is no store" in refused("verify-log", tmp_path / "none.db")
