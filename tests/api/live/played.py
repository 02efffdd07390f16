"""Plays a simulated run into a log, as people and units would have."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import pyarrow.parquet as pq

from api.live.incident_commands import Assign, CloseIncident, CreateIncident
from api.live.ledger import Ledger
from api.live.unit_commands import AcceptMove, ReportStatus, Start
from scenarios.package import lonlat

if TYPE_CHECKING:
    from pathlib import Path

    from api.live.commands import Command
    from api.live.store import Store
    from scenarios.package import Scenario

STATUS: Final = {
    "departed": 3,
    "on_scene": 4,
    "left_scene": 7,
    "at_hospital": 8,
    "free": 1,
    "at_station": 2,
    "off_duty": 6,
    "on_duty": 2,
}


class Clock:
    """A clock that a test sets, in milliseconds."""

    def __init__(self, at_ms: float) -> None:
        self.at_ms = at_ms

    def __call__(self) -> float:
        return self.at_ms / 1000


class Desk:
    """Writes to a log at the times that a test gives.

    Parameters
    ----------
    store : Store
        The log.
    at_ms : float
        The time, in milliseconds since 1970.
    every : int
        Records from one snapshot to the next.
    """

    def __init__(self, store: Store, at_ms: float, every: int = 10_000) -> None:
        self.clock = Clock(at_ms)
        self.ledger = Ledger(store, self.clock, snapshot_every=every)

    def start(self, city: Scenario) -> None:
        units = city.units
        rows = zip(units["id"], units["type"], units["station"], strict=True)
        self.do(Start(city.hash, tuple((str(a), str(b), str(c)) for a, b, c in rows)))

    def do(self, command: Command, at_ms: float | None = None) -> Any:
        if at_ms is not None:
            self.clock.at_ms = at_ms
        return self.ledger.submit(command, "desk-1").result().record

    def call(
        self,
        name: str,
        at: tuple[float, float],
        priority: str,
        called_ms: int,
        kind: str | None = None,
    ) -> None:
        self.do(CreateIncident(name, *at, priority, kind, None, called_ms))

    def send(self, incident: str, *units: str) -> None:
        world = self.ledger.world
        known = tuple((unit, world.units[unit].version) for unit in units)
        version = world.incidents[incident].version
        self.do(Assign(incident, version, known, None, "no_recommendation"))

    def says(self, unit: str, status: int) -> None:
        self.do(ReportStatus(unit, status, None))

    def close(self, incident: str, reason: str = "done") -> None:
        self.do(CloseIncident(incident, self.ledger.world.incidents[incident].version, reason))


def play(desk: Desk, city: Scenario, run: Path) -> None:
    """Let the events of a run of one replication happen; incidents are entered once processed."""
    start_ms = round(city.settings.horizon.start.timestamp() * 1000)
    zones = dict(zip(city.zones["id"], lonlat(city.zones).tolist(), strict=True))
    calls = pq.read_table(run / "incidents.parquet").to_pylist()
    desk.clock.at_ms = start_ms
    desk.start(city)
    events = pq.read_table(run / "events.parquet").to_pylist()
    left = Counter(each["incident"] for each in events if each["event"] == "free")
    for event in events:
        desk.clock.at_ms = start_ms + event["time_ms"]
        what, unit, name = event["event"], event["unit"], f"r{event['incident']}"
        if what == "call_processed":
            call = calls[event["incident"]]
            at = tuple(zones[call["zone"]])
            called_ms = start_ms + round(call["call_time"] * 1000)
            kind = None if call["type"] == call["priority"] else call["type"]
            desk.call(name, at, call["priority"], called_ms, kind)
        elif what == "dispatched":
            desk.send(name, unit)
        elif what == "moved":
            station, known = event["place"].partition(":")[2], desk.ledger.world.units[unit]
            if (known.station, known.heading) != (station, None):
                desk.do(AcceptMove(unit, known.version, station, None, "other"))
        elif what in STATUS:
            desk.says(unit, STATUS[what])
            left[event["incident"]] -= what == "free"
            if what == "free" and not left[event["incident"]]:
                desk.close(name)
