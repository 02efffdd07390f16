"""What is old goes for good; what is left is proved, and goes on."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from api.live.exporting import Asked, export_log
from api.live.folding import beginning, fold, snapshot_of
from api.live.hub import Hub
from api.live.proof import Proof
from api.live.pruning import prune
from api.live.schema import migrate
from api.live.store import DamagedLogError, Store
from routing.errors import InputError
from tests.api.live.played import Desk
from tests.command_line import refused, run
from tests.toy_city import corner, toy_city

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NOON_MS = 1_736_164_800_000  # 2025-01-06T12:00Z
HOUR_MS = 3_600_000
EARLY = "incident-of-the-morning"


def filled(store: Store, hours: int = 6) -> None:
    """Let something happen each hour from noon on."""
    desk = Desk(store, NOON_MS, every=4)
    desk.start(toy_city())
    for hour in range(hours):
        desk.clock.at_ms = NOON_MS + hour * HOUR_MS + 60_000
        name = EARLY if hour == 0 else f"I{hour}"
        desk.call(name, corner(1, 1), "emergency", round(desk.clock.at_ms))
        desk.send(name, "A1")
        for status in (3, 4, 1, 2):
            desk.clock.at_ms += 120_000
            desk.says("A1", status)
        if hour != 4:
            desk.close(name)
    desk.ledger.close()


@pytest.fixture
def kept(store: Store) -> Store:
    filled(store)
    return store


def test_what_is_left_is_what_it_was(kept: Store) -> None:
    before = fold(kept, from_start=True).world
    records = list(kept.records())
    at_ms = NOON_MS + 3 * HOUR_MS
    done = prune(kept, at_ms, NOON_MS + 24 * HOUR_MS, "test")
    left = list(kept.records())
    assert done.removed == len(records) - len(left) + 1
    assert [each.content() for each in left[:-1]] == [
        each.content() for each in records[done.removed :]
    ]
    assert left[0].at_ms < at_ms <= left[1].at_ms
    assert (left[-1].kind, left[-1].body["up_to"]) == ("pruned", done.first - 1)
    whole, quick = fold(kept, from_start=True), fold(kept)
    assert whole.world == quick.world
    young = {name: each for name, each in before.closed.items() if each.called_ms >= at_ms}
    assert young
    assert whole.world == replace(before, closed=young, seq=left[-1].seq, at_ms=left[-1].at_ms)


def test_it_goes_on(kept: Store) -> None:
    prune(kept, NOON_MS + 3 * HOUR_MS, NOON_MS + 24 * HOUR_MS, "test")
    desk = Desk(kept, NOON_MS + 25 * HOUR_MS, every=3)
    for row in range(20):
        desk.call(f"J{row}", corner(2, 2), "urgent", NOON_MS)
    desk.ledger.close()
    assert fold(kept).snapshot > beginning(kept).world.seq > 0
    assert fold(kept).world == fold(kept, from_start=True).world
    assert len(kept.snapshots()) == 3  # two, and the one that it begins with
    again = prune(kept, NOON_MS + 5 * HOUR_MS, NOON_MS + 26 * HOUR_MS, "test")
    assert again.removed > 0
    assert fold(kept).world == fold(kept, from_start=True).world
    proof = Proof(kept, 10**9, later_s=0.0)
    proof._thread.join()
    assert proof.damage == ""


def test_nothing_is_left_on_the_disk(kept: Store, tmp_path: Path) -> None:
    def written() -> bytes:
        return b"".join(path.read_bytes() for path in sorted(tmp_path.glob("log.db*")))

    assert EARLY.encode() in written()
    prune(kept, NOON_MS + 2 * HOUR_MS, NOON_MS + 24 * HOUR_MS, "test")
    assert EARLY.encode() not in written()


def test_what_fails_half_way_changes_nothing(kept: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    before = [each.content() for each in kept.records()]
    snapshots = kept.snapshots()

    def broken(*_: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(Store, "append", broken)
    with pytest.raises(OSError, match="full"):
        prune(kept, NOON_MS + 3 * HOUR_MS, NOON_MS + 24 * HOUR_MS, "test")
    monkeypatch.undo()
    assert [each.content() for each in kept.records()] == before
    assert kept.snapshots() == snapshots


def test_damage_to_what_is_left_is_told(kept: Store) -> None:
    done = prune(kept, NOON_MS + 3 * HOUR_MS, NOON_MS + 24 * HOUR_MS, "test")
    with kept.writing() as connection:
        connection.exec_driver_sql(f"UPDATE log SET actor='x' WHERE seq={done.first + 2}")
    with pytest.raises(DamagedLogError, match=f"record {done.first + 2} "):
        fold(kept, from_start=True)
    with pytest.raises(DamagedLogError, match=f"record {done.first + 2} "):
        prune(kept, NOON_MS + 5 * HOUR_MS, NOON_MS + 24 * HOUR_MS, "test")


def test_records_that_went_by_other_means_are_missed(kept: Store) -> None:
    with kept.writing() as connection:
        connection.exec_driver_sql("DELETE FROM log WHERE seq < 5")
    with pytest.raises(DamagedLogError, match=r"record 1 .* missing"):
        fold(kept, from_start=True)


def test_a_log_that_lost_its_front_up_to_a_snapshot_is_not_one_that_was_pruned(
    kept: Store,
) -> None:
    folded = fold(kept, from_start=True)
    with kept.writing() as connection:
        kept.keep(connection, snapshot_of(folded))
        connection.exec_driver_sql(f"DELETE FROM log WHERE seq < {folded.world.seq}")
    with pytest.raises(DamagedLogError, match=r"record 1 .* missing"):
        fold(kept, from_start=True)


def test_what_a_reader_keeps_on_disk_is_told(
    kept: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept.close()
    monkeypatch.setattr("api.live.engine._BUSY_MS", 20)
    store, reads = Store(kept.url), Store(kept.url)
    with reads.engine.connect() as reader:
        reader.exec_driver_sql("SELECT count(*) FROM log").all()
        with pytest.raises(InputError, match="still on disk"):
            prune(store, NOON_MS + 3 * HOUR_MS, NOON_MS + 24 * HOUR_MS, "test")
    assert prune(store, NOON_MS + 3 * HOUR_MS, NOON_MS + 24 * HOUR_MS, "test").removed == 0
    for file in tmp_path.glob("log.db*"):
        assert EARLY.encode() not in file.read_bytes(), file
    reads.close()
    store.close()


def test_a_stream_goes_on_behind_the_gap(kept: Store) -> None:
    done = prune(kept, NOON_MS + 3 * HOUR_MS, NOON_MS + 24 * HOUR_MS, "test")
    hub = Hub(kept)
    found = asyncio.run(hub.after(0))
    assert found[0].seq == done.first
    assert asyncio.run(hub.after(done.last)) == []


def test_it_is_served_on(kept: Store, serving: Callable[..., Any]) -> None:
    done = prune(kept, NOON_MS + 3 * HOUR_MS, NOON_MS + 24 * HOUR_MS, "test")
    with serving(kept) as client:
        page = client.get("/v1/audit").json()
        assert page["events"][0]["id"] == done.first
        assert page["events"][-1]["data"]["before"] == "2025-01-06T15:00:00.000Z"
        assert client.get("/readyz").status_code == 200
        assert client.get("/v1/incidents").json()["incidents"][0]["id"] == "I4"
        again = {"id": EARLY, "lon": corner(1, 1)[0], "lat": corner(1, 1)[1]}
        assert client.post("/v1/incidents", json=again).status_code == 201
    assert fold(kept).world == fold(kept, from_start=True).world


def test_what_is_left_can_be_exported(kept: Store, tmp_path: Path) -> None:
    prune(kept, NOON_MS + 3 * HOUR_MS, NOON_MS + 24 * HOUR_MS, "test")
    result = export_log(kept, toy_city(), Asked(), tmp_path / "day")
    assert result.summary["incidents"]["total"] == 3
    morning = Asked(datetime(2025, 1, 6, tzinfo=UTC))
    with pytest.raises(InputError, match="pruned"):
        export_log(kept, toy_city(), morning, tmp_path / "other")


def test_by_command(tmp_path: Path) -> None:
    log = tmp_path / "log.db"
    store = Store(str(log))
    migrate(store.engine)
    filled(store)
    assert "another process writes" in refused("prune-log", log, "--before", "2025-01-06T15:00")
    store.close()
    assert "still to come" in refused("prune-log", log, "--before", "2999-01-01")
    done = run("prune-log", log, "--before", "2025-01-06T16:00+01:00", "--json").json
    told = run("verify-log", log, "--json").json
    assert told["proved_from"] == done["first"] + 1
    assert "pruned" in run("verify-log", log).out
    assert run("prune-log", log, "--before", "2025-01-06T15:00", "--json").json["removed"] == 0
