"""Whatever fails: no unit on two incidents, no incident lost, the state is what the log says."""

from __future__ import annotations

import os
import random
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy.exc import OperationalError

from api.live.commands import RefusedError
from api.live.folding import fold
from api.live.incident_commands import Assign, CloseIncident, CreateIncident, Release
from api.live.ledger import Ledger, UnavailableError
from api.live.schema import migrate
from api.live.store import Store
from api.live.unit_commands import ReportPositions, ReportStatus, Start

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Connection

    from api.live.world import World

RUNS = int(os.environ.get("BLUELIGHT_FAULT_RUNS", "60"))
"""Ten thousand in the nightly run."""
STEPS = 25
UNITS = tuple((f"U{row}", "ambulance", "S1") for row in range(3))


class FaultyStore(Store):
    """A store whose disk is full, or whose answer is lost, now and then."""

    draw: random.Random
    share = 0.0

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        fault = self.draw.random() < self.share
        before = self.draw.random() < 0.5
        with super().writing() as connection:
            yield connection
            if fault and before:
                raise OperationalError("commit", {}, OSError("database or disk is full"))
        if fault:
            raise OperationalError("commit", {}, OSError("the connection was dropped"))


class JumpingClock:
    """A clock that jumps."""

    def __init__(self, draw: random.Random) -> None:
        self._draw = draw
        self.s = 1e6

    def __call__(self) -> float:
        if self._draw.random() < 0.05:
            self.s += self._draw.choice((-3600.0, -1.0, 3600.0))
        self.s += self._draw.random()
        return self.s


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("empty") / "log.db"
    store = Store(str(path))
    migrate(store.engine)
    store.close()
    return path


def command(draw: random.Random, world: World) -> Any:
    """Draw what somebody might want, often of a state that has passed."""
    unit = draw.choice(UNITS)[0]
    incident = draw.choice([*world.incidents, "none"])

    def _version(known: Any) -> int:
        return max((known.version if known else 1) - draw.randrange(2), 1)

    unit_version = _version(world.units.get(unit))
    incident_version = _version(world.incidents.get(incident))
    stamp = draw.choice((None, world.at_ms, world.at_ms - 5_000, world.at_ms + 5_000))
    return draw.choice(
        (
            CreateIncident(None, 1.0, 2.0, "emergency", None, None, None),
            Assign(incident, incident_version, ((unit, unit_version),), None, "other"),
            Assign(incident, incident_version, ((unit, unit_version),), None, "other"),
            Release(incident, unit, unit_version, "not_needed"),
            ReportStatus(unit, draw.choice((0, 1, 2, 3, 4, 5, 6, 7, 8)), stamp),
            ReportPositions(((unit, 1.0, 2.0, stamp),) * draw.randrange(1, 3)),
            CloseIncident(incident, incident_version, "done"),
        )
    )


def consistent(world: World) -> None:
    """Hold that nobody is in two places and nobody is forgotten."""
    for unit in world.units.values():
        serving = [each.id for each in world.incidents.values() if unit.id in each.units]
        assert serving == ([] if unit.incident is None else [unit.incident])
    for incident in world.incidents.values():
        assert len(set(incident.units)) == len(incident.units)
        assert (incident.state == "underway") == bool(incident.units)


def play(seed: int, path: Path) -> int:
    """Play one run; return how many commands failed for want of a disk."""
    draw = random.Random(seed)
    clock, failures = JumpingClock(draw), 0
    acknowledged: set[int] = set()
    store = FaultyStore(str(path))
    store.draw = random.Random(seed + 1)
    ledger = Ledger(store, clock, snapshot_every=7)
    told: list[int] = []
    ledger.listen(lambda records: told.extend(each.seq for each in records))
    ledger.submit(Start("a" * 64, UNITS), "test").result()
    store.share = draw.choice((0.0, 0.1, 0.4))
    for step in range(STEPS):
        asked = command(draw, ledger.world)
        times = draw.randrange(1, 4)  # the same request, repeated by an impatient caller
        tasks = [ledger.submit(asked, "test", key=f"k{step}", request="r") for _ in range(times)]
        seen = set()
        for task in tasks:
            try:
                record = task.result(timeout=20).record
            except UnavailableError:
                failures += 1
            except RefusedError:
                pass
            else:
                if record is not None:
                    seen.add(record.seq)
        assert len(seen) <= 1
        acknowledged |= seen
        consistent(ledger.world)
    store.share = 0.0
    ledger.submit(CreateIncident(None, 1.0, 2.0, "emergency", None, None, None), "test").result()
    assert told == list(range(1, ledger.world.seq + 1))  # the stream misses nothing
    ledger.close()
    store.close()
    again = Store(str(path))
    whole = fold(again, from_start=True)
    consistent(whole.world)
    assert fold(again).world == whole.world
    records = list(again.records())
    assert acknowledged <= {each.seq for each in records}
    created = {each.body["incident"] for each in records if each.kind == "incident_created"}
    assert created == set(whole.world.incidents) | set(whole.world.closed)
    keys = [each.key for each in records if each.key]
    assert len(keys) == len(set(keys))
    again.close()
    return failures


def test_whatever_fails(empty: Path, tmp_path: Path) -> None:
    failures = 0
    for seed in range(RUNS):
        path = tmp_path / "log.db"
        shutil.copy(empty, path)
        failures += play(seed, path)
        for each in tmp_path.iterdir():
            each.unlink()
    assert failures > RUNS / 2
