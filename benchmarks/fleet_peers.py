"""The same fleets, written as a user of other simulators would write them."""

from __future__ import annotations

import heapq
import math
from bisect import bisect
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.fleet_cases import period_of
from scenarios.demand import DAY_MS, HOUR_MS

if TYPE_CHECKING:
    from collections.abc import Generator

    from numpy.typing import NDArray

    from benchmarks.fleet_cases import Fleet


class _Unit:
    """A unit as objects have it."""

    def __init__(self, number: int, station: int, zone: int, *, day_only: bool) -> None:
        self.number, self.station, self.day_only = number, station, day_only
        self.state, self.zone, self.home_zone = "idle", zone, zone
        self.left_ms = self.drive_ms = 0.0
        self.trip = 0
        self.process: Any = None
        self.on_duty = True


class Rules:
    """What both peers know of a fleet: who is closest, how long drives take."""

    def __init__(self, fleet: Fleet, count: int) -> None:
        travel, rules = fleet.travel, fleet.rules
        self.fleet, self.calls = fleet, fleet.first(count)
        self.tracks: dict[tuple[int, int], tuple[list[float], list[int]]] = {}
        self.call_type = self.calls.type.tolist()
        self.zones = len(fleet.xy)
        hospitals = travel.hospital.shape[2]
        self.profiles = len(travel.drive) // len(travel.home)
        self.drive = travel.drive["ms"].tolist()
        self.hospital = [
            [(int(row[0]["place"]), float(row[0]["ms"])) for row in table]
            for table in travel.hospital
        ]
        self.home = travel.home["ms"].tolist()
        zone_of = np.argmin(travel.drive["ms"][0, self.zones :], axis=1).tolist()
        self.zone_of = [*range(self.zones), *zone_of]
        self.units = [
            _Unit(
                number,
                int(home),
                self.zones + hospitals + int(home),
                day_only=bool(fleet.day_only[number]),
            )
            for number, home in enumerate(rules.crew["home"])
        ]
        self.suitable = rules.suitable.tolist()
        slots = [(int(s["need"]), bool(s["transports"])) for s in rules.slots]
        ends = rules.alternative_ptr.tolist()
        self.slots = [slots[ends[i] : ends[i + 1]] for i in range(len(ends) - 1)]

    def table(self, now: float) -> int:
        """Return which tables of drives hold."""
        return period_of(now) * self.profiles if len(self.home) > 1 else 0

    def place(self, unit: _Unit, now: float) -> int:
        """Return where a unit is: a place, or the zone next to it on its way home."""
        if unit.state != "returning":
            return unit.zone
        share = (now - unit.left_ms) / unit.drive_ms if unit.drive_ms > 0 else 1.0
        key = (self.zone_of[unit.zone], self.zone_of[unit.home_zone])
        if key not in self.tracks:
            self.tracks[key] = self.track(*key)
        begins, zones = self.tracks[key]
        return zones[bisect(begins, share) - 1]

    def track(self, start: int, end: int) -> tuple[list[float], list[int]]:
        """Find the nearest zones along a straight line, and from which share of it on."""
        xy = self.fleet.xy
        level = ((xy[start] - xy) ** 2).sum(axis=1)
        slope = 2 * (xy[start] - xy) @ (xy[end] - xy[start])
        begins, zones = [0.0], [int(np.argmin(level))]
        while True:
            here = zones[-1]
            with np.errstate(divide="ignore", invalid="ignore"):
                share = (level - level[here]) / (slope[here] - slope)
            share[~(slope < slope[here])] = np.inf
            following = int(np.argmin(share))
            if share[following] >= 1:
                return begins, zones
            begins.append(float(share[following]))
            zones.append(following)

    def closest(self, zone: int, need: int, now: float) -> tuple[_Unit, float] | None:
        """Return the unit that is on scene first, and its drive."""
        best: tuple[_Unit, float] | None = None
        drive = self.drive[self.table(now)]
        for unit in self.units:
            if not unit.on_duty or unit.state == "busy" or not self.suitable[need][unit.number]:
                continue
            ms = drive[self.place(unit, now)][zone]
            if best is None or ms < best[1]:
                best = unit, ms
        return best

    def service(self, incident: int, *, transports: bool) -> tuple[float, bool]:
        """Return how long a unit stays on scene, and whether it takes the patient."""
        calls = self.calls
        return float(calls.on_scene_ms[incident]), bool(calls.transported[incident]) and transports


class PlainPython(Rules):
    """A heap, lists and dictionaries."""

    def run(self) -> NDArray[np.float64]:
        """Play all incidents."""
        calls = self.calls
        self.response = [math.inf] * calls.size
        self.waiting: list[tuple[int, int, int]] = []
        self.heap: list[tuple[float, int, str, Any]] = []
        self.order = 0
        for incident, time in enumerate(calls.call_ms.tolist()):
            self.push(time, "call", incident)
        for unit in self.units:
            if unit.day_only:
                self.push(0.0, "off", unit)
                for day in range(int(calls.call_ms[-1] // DAY_MS) + 3):
                    self.push(day * DAY_MS + 7 * HOUR_MS, "on", unit)
                    self.push(day * DAY_MS + 19 * HOUR_MS, "off", unit)
        while self.heap:
            now, _, kind, what = heapq.heappop(self.heap)
            getattr(self, kind)(now, what)
        return np.array(self.response)

    def push(self, time: float, kind: str, what: Any) -> None:
        """Plan something."""
        self.order += 1
        heapq.heappush(self.heap, (time, self.order, kind, what))

    def call(self, now: float, incident: int) -> None:
        """Send units, or let the incident wait."""
        kind, priority = self.call_type[incident], int(self.calls.priority[incident])
        for slot in range(len(self.slots[kind])):
            if not self.send(now, incident, slot):
                self.waiting.append((priority, incident, slot))
                self.waiting.sort()

    def send(self, now: float, incident: int, slot: int) -> bool:
        """Send the closest unit for a slot; tell whether there is one."""
        need, transports = self.slots[self.call_type[incident]][slot]
        zone = int(self.calls.zone[incident])
        found = self.closest(zone, need, now)
        if found is None:
            return False
        unit, ms = found
        unit.state = "busy"
        unit.trip += 1
        response = now + ms - float(self.calls.call_ms[incident])
        self.response[incident] = min(self.response[incident], response)
        stay, taken = self.service(incident, transports=transports)
        self.push(now + ms + stay, "leave", (unit, incident, zone, taken))
        return True

    def leave(self, now: float, what: tuple[_Unit, int, int, bool]) -> None:
        """Bring the patient to hospital, or be free."""
        unit, incident, zone, taken = what
        if not taken:
            self.free(now, (unit, zone))
            return
        place, ms = self.hospital[self.table(now)][zone]
        self.push(now + ms + float(self.calls.handover_ms[incident]), "free", (unit, place))

    def free(self, now: float, what: tuple[_Unit, int]) -> None:
        """Take who waits, or drive home."""
        unit, place = what
        unit.zone, unit.state = place, "idle"
        self.serve(now)
        if unit.state == "busy":
            return
        unit.state, unit.left_ms = "returning", now
        unit.drive_ms = self.home[self.table(now) // self.profiles][place][unit.station]
        unit.trip += 1
        self.push(now + unit.drive_ms, "back", (unit, unit.trip))

    def back(self, now: float, what: tuple[_Unit, int]) -> None:
        """Stand at the station again."""
        unit, trip = what
        if unit.trip == trip:
            unit.state, unit.zone = "idle", unit.home_zone
            self.serve(now)

    def on(self, now: float, unit: _Unit) -> None:
        """Begin a shift."""
        unit.on_duty = True
        self.serve(now)

    def off(self, now: float, unit: _Unit) -> None:  # noqa: ARG002
        """End a shift."""
        unit.on_duty = False

    def serve(self, now: float) -> None:
        """Send units to those who wait."""
        self.waiting = [w for w in self.waiting if not self.send(now, w[1], w[2])]


class SimPy(Rules):
    """Processes of incidents, of units that drive home, and of shifts."""

    def run(self) -> NDArray[np.float64]:
        """Play all incidents."""
        import simpy  # noqa: PLC0415

        self.simpy, self.env = simpy, simpy.Environment()
        self.response = [math.inf] * self.calls.size
        self.waiting: list[tuple[int, int, int, Any]] = []
        self.env.process(self.arrivals())
        for unit in self.units:
            if unit.day_only:
                self.env.process(self.shift(unit))
        self.env.run()
        return np.array(self.response)

    def arrivals(self) -> Generator[Any, Any, None]:
        """Let one incident after the other begin."""
        for incident, time in enumerate(self.calls.call_ms.tolist()):
            yield self.env.timeout(time - self.env.now)
            for slot in range(len(self.slots[self.call_type[incident]])):
                self.env.process(self.leg(incident, slot))

    def leg(self, incident: int, slot: int) -> Generator[Any, Any, None]:
        """One unit's part in an incident."""
        env, calls = self.env, self.calls
        call_ms, zone = float(calls.call_ms[incident]), int(calls.zone[incident])
        need, transports = self.slots[self.call_type[incident]][slot]
        found = self.closest(zone, need, env.now)
        if found is None:
            assigned = env.event()
            self.waiting.append((int(calls.priority[incident]), incident, slot, assigned))
            self.waiting.sort(key=lambda entry: entry[:3])
            found = yield assigned
        else:
            self.take(found[0])
        unit, drive_ms = found
        yield env.timeout(drive_ms)
        self.response[incident] = min(self.response[incident], env.now - call_ms)
        stay, taken = self.service(incident, transports=transports)
        yield env.timeout(stay)
        place = zone
        if taken:
            place, ms = self.hospital[self.table(env.now)][zone]
            yield env.timeout(ms)
            yield env.timeout(float(calls.handover_ms[incident]))
        unit.zone, unit.state = place, "idle"
        self.serve()
        if unit.state == "idle":
            unit.process = env.process(self.go_home(unit))

    def take(self, unit: _Unit) -> None:
        """Make a unit busy; one that drives home stops doing so."""
        if unit.state == "returning":
            unit.process.interrupt()
        unit.state = "busy"

    def go_home(self, unit: _Unit) -> Generator[Any, Any, None]:
        """Drive home unless somebody calls."""
        table = self.table(self.env.now) // self.profiles
        unit.state, unit.left_ms = "returning", self.env.now
        unit.drive_ms = self.home[table][unit.zone][unit.station]
        try:
            yield self.env.timeout(unit.drive_ms)
        except self.simpy.Interrupt:
            return
        unit.state, unit.zone = "idle", unit.home_zone
        self.serve()

    def shift(self, unit: _Unit) -> Generator[Any, Any, None]:
        """Be on duty from 7 to 19 h."""
        end = float(self.calls.call_ms[-1]) + 3 * DAY_MS
        unit.on_duty = False
        yield self.env.timeout(7 * HOUR_MS)
        while self.env.now < end:
            unit.on_duty = True
            self.serve()
            yield self.env.timeout(12 * HOUR_MS)
            unit.on_duty = False
            yield self.env.timeout(12 * HOUR_MS)

    def serve(self) -> None:
        """Give free units to those who wait."""
        for entry in list(self.waiting):
            _, incident, slot, assigned = entry
            need, _ = self.slots[self.call_type[incident]][slot]
            found = self.closest(int(self.calls.zone[incident]), need, self.env.now)
            if found is not None:
                self.waiting.remove(entry)
                self.take(found[0])
                assigned.succeed(found)
