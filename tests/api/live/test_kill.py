"""A process that writes is killed again and again: nothing acknowledged is lost or doubled."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

from api.live.folding import fold
from api.live.store import Store

if TYPE_CHECKING:
    from pathlib import Path

KILLS = int(os.environ.get("BLUELIGHT_KILLS", "12"))
"""A thousand in the nightly run."""

WRITER = """
import sys
from api.live.incident_commands import CreateIncident
from api.live.unit_commands import ReportPositions, Start
from api.live.ledger import Ledger
from api.live.schema import migrate
from api.live.store import Store

store = Store(sys.argv[1])
migrate(store.engine)
ledger = Ledger(store, snapshot_every=40)
ledger.submit(Start("a" * 64, (("U0", "ambulance", "S1"),)), "test").result()
for line in sys.stdin:
    key = line.strip()
    command = CreateIncident(None, 1.0, 2.0, "emergency", None, None, None)
    tasks = [ledger.submit(command, "test", key=f"{key}-{row}", request=key) for row in range(4)]
    for row, task in enumerate(tasks):
        print(f"{key}-{row}", task.result().record.seq, flush=True)
"""


def test_nothing_acknowledged_is_lost_or_doubled(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    draw = random.Random(11)
    acknowledged: dict[str, int] = {}
    doubtful: list[str] = []
    number = 0
    for _ in range(KILLS):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            # who got no answer asks again under the same name
            names = [*doubtful, *(f"k{number + row}" for row in range(draw.randrange(1, 30)))]
            number += 30
            doubtful = list(dict.fromkeys(names))
            process.stdin.write("".join(f"{name}\n" for name in doubtful))
            process.stdin.flush()
            for _ in range(draw.randrange(1, 4 * len(doubtful) + 1)):
                key, seq = process.stdout.readline().split()
                assert acknowledged.setdefault(key, int(seq)) == int(seq)
            process.send_signal(signal.SIGKILL)
            for line in process.stdout.read().splitlines(keepends=True):
                if line.endswith("\n"):
                    key, seq = line.split()
                    assert acknowledged.setdefault(key, int(seq)) == int(seq)
        doubtful = [
            name
            for name in doubtful
            if any(f"{name}-{row}" not in acknowledged for row in range(4))
        ]
    store = Store(str(path))
    written = {each.key: each.seq for each in store.records() if each.key}
    assert len(written) == sum(each.key is not None for each in store.records())
    assert acknowledged.items() <= written.items()
    assert len(acknowledged) > KILLS
    assert fold(store).world == fold(store, from_start=True).world
    store.close()
