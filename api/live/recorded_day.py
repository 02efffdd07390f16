"""A stretch of the log as a day of the simulator: its scenario, and what became of it."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from api.live.diary import Diary
from api.live.filling import Filling
from api.live.nearest import Nearest
from api.live.unsaid import WORDS
from engine import events
from routing.errors import InputError
from scenarios.demand import IncidentTable
from scenarios.package import lonlat
from scenarios.recorded import DayPlan, scenario_of
from scenarios.simulation.arrays import LEG, LOG
from scenarios.simulation.run import Outcome
from scenarios.simulation.timeline import merged

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from api.live.diary import Call, Happening, Trip
    from api.live.records import Record
    from api.live.world import UnitNow, World
    from scenarios.package import Scenario
    from scenarios.simulation.timeline import Span

_FRESH_MS: Final = 600_000
"""A position so old still says at which hospital a unit is."""


class Window(NamedTuple):
    """What stretch of the log it is.

    Parameters
    ----------
    from_ms, to_ms : int
        From when until when calls count, in milliseconds since 1970.
    """

    from_ms: int
    to_ms: int


class Day(NamedTuple):
    """A day of the simulator.

    Parameters
    ----------
    scenario : Scenario
        Its fleet and incidents, in memory.
    outcome : Outcome
        What became of them.
    counts : dict of str to int
        What could not be said, by the names of `api.live.unsaid.WORDS`; what did not
        happen is left out.
    moved_m : list of float
        How far incidents lie from the zones that they count for: the mean, and the most.
    """

    scenario: Scenario
    outcome: Outcome
    counts: dict[str, int]
    moved_m: list[float]


def day_of(
    city: Scenario, start: World, records: Sequence[Record], window: Window, name: str = ""
) -> Day:
    """Make a day of the simulator of a stretch of the log.

    Parameters
    ----------
    city : Scenario
        Roads, places and rules.
    start : World
        What was the case before the records.
    records : sequence of Record
        Those of the window, and as many beyond as it takes to its incidents' ends.
    window : Window
        From when until when calls count.
    name : str
        What to call the scenario; else the city and the date.

    Returns
    -------
    Day
        For `scenarios.recorded.keep_recorded`.

    Raises
    ------
    InputError
        Nobody called, or who was sent is of a type or station that the city does not have.
    ValueError
        The records cannot have happened.
    """
    diary = Diary(start).read(records)
    return _Builder(city, diary, window).day(name or _name(city, window))


def _name(city: Scenario, window: Window) -> str:
    zone = ZoneInfo(city.settings.horizon.timezone)
    first, last = (
        datetime.fromtimestamp(ms / 1000, UTC).astimezone(zone).date()
        for ms in (window.from_ms, window.to_ms - 1)
    )
    return f"{city.settings.name[:70]}, {first}" + ("" if first == last else f" to {last}")


class _Builder:
    """Numbers what a diary names."""

    def __init__(self, city: Scenario, diary: Diary, window: Window) -> None:
        self._city = city
        self._diary = diary
        self._window = window
        self._counts: Counter[str] = Counter()
        self._zones = Nearest(lonlat(city.zones))
        self._hospitals = Nearest(lonlat(city.hospitals))
        self._types = city.settings.types
        self._hospital_of: dict[tuple[int, int], int] = {}
        self._homeward: set[str] = set()
        self._elsewhere: set[str] = set()
        self._units = self._fleet()
        self._rows = {unit.id: row for row, unit in enumerate(self._units)}
        kinds = city.settings.unit_types
        self._filling = Filling(
            self._counts, {unit.id: kinds[unit.type].turnout_s for unit in self._units}
        )

    def day(self, name: str) -> Day:
        calls = self._calls()
        if not calls:
            raise InputError(
                "nobody called in that time whom a unit was sent to",
                field="--from, --to",
                fix="name another time; 'bluelight verify-log' says what the log holds",
            )
        numbers = {call.now.id: row for row, call in enumerate(calls)}
        places = np.array([(call.now.lon, call.now.lat) for call in calls], np.float64)
        zone, moved_m = self._zones.of(places)
        kind = np.array([self._type(call) for call in calls], dtype=np.int32)
        legs, missing, lasted = self._legs(calls, kind)
        priorities = [priority.name for priority in self._city.settings.priorities]
        incidents = IncidentTable(
            call_ms=np.array([self._since(call.now.called_ms) for call in calls]),
            zone=zone.astype(np.int32),
            priority=np.array(
                [priorities.index(self._types[row].priority) for row in kind], dtype=np.int32
            ),
            type=kind,
            transported=lasted[:, 1] >= 0,
            processing_ms=np.array(
                [max(call.entered_ms - call.now.called_ms, 0) for call in calls], np.float64
            ),
            on_scene_ms=lasted[:, 0],
            handover_ms=np.maximum(lasted[:, 1], 0),
        )
        off = [self._off(unit) for unit in self._units]
        plan = DayPlan(
            name,
            self._window.from_ms,
            self._window.to_ms,
            pd.DataFrame(
                [(unit.id, unit.type, unit.station) for unit in self._units],
                columns=["id", "type", "station"],
            ),
            off,
            self._closed_hospitals(),
            incidents,
        )
        scenario, lost = scenario_of(self._city, plan)
        self._counts["duty_unsaid"] += lost
        self._counts["closures"] += self._diary.closures
        self._counts["hospitals_full"] += self._diary.full_hospitals
        outcome = Outcome(incidents, legs, missing, self._log(numbers, zone, off))
        counts = {key: self._counts[key] for key in WORDS if self._counts[key]}
        return Day(
            scenario, outcome, counts, [round(float(moved_m.mean())), round(float(moved_m.max()))]
        )

    def _since(self, ms: float) -> float:
        return float(ms - self._window.from_ms)

    def _fleet(self) -> list[UnitNow]:
        """Return the units that the day's scenario has."""
        kinds, stations = self._city.settings.unit_types, set(self._city.stations["id"])
        sent = {trip.unit for call in self._diary.calls.values() for trip in call.trips}
        fleet, span = [], float(self._window.to_ms - self._window.from_ms)
        for unit in self._diary.units.values():
            if unit.type not in kinds or unit.station not in stations:
                if unit.id in sent:
                    raise InputError(
                        f"unit {unit.id} was sent, and the scenario knows no type "
                        f"{unit.type!r} or no station {unit.station!r}",
                        field="--scenario",
                        fix="name the scenario that the log was kept with",
                    )
                self._counts["units_unknown"] += 1
            elif self._off(unit) == [(0.0, span)] and unit.id not in sent:
                self._counts["units_off"] += 1
            else:
                fleet.append(unit)
                own = unit.capabilities is not None or unit.id in self._diary.other_units
                self._counts["units_changed"] += own
                self._counts["units_busy"] += unit.id in self._diary.busy_at_start
        return fleet

    def _off(self, unit: UnitNow) -> list[Span]:
        """Return when a unit could not be sent, in milliseconds since the start."""
        span = float(self._window.to_ms - self._window.from_ms)
        spans = [
            (self._since(begin), span if end is None else self._since(end))
            for begin, end in self._diary.off.get(unit.id, [])
        ]
        shifts = self._diary.now_units[unit.id].shifts
        if shifts is not None:
            reached = 0.0
            on_duty = merged([(self._since(begin), self._since(end)) for begin, end in shifts])
            for begin, end in [*on_duty, (span, span)]:
                spans.append((reached, begin))
                reached = max(reached, end)
        clipped = [(max(begin, 0.0), min(end, span)) for begin, end in spans]
        return merged([each for each in clipped if each[1] > each[0]])

    def _closed_hospitals(self) -> list[tuple[str, float, float]]:
        known = set(self._city.hospitals["id"])
        span = float(self._window.to_ms - self._window.from_ms)
        found = [
            (
                name,
                max(self._since(begin), 0.0),
                span if end is None else min(self._since(end), span),
            )
            for name, begin, end in self._diary.closed_hospitals
            if name in known
        ]
        return [each for each in found if each[2] > each[1]]

    def _calls(self) -> list[Call]:
        """Return the incidents that count, in the order of their calls."""
        found = []
        for call in self._diary.calls.values():
            if not self._window.from_ms <= call.now.called_ms < self._window.to_ms:
                self._counts["earlier_calls"] += call.now.called_ms < self._window.from_ms
                continue
            reached = any(trip.worked for trip in call.trips)
            if call.closed and not reached:
                self._counts["turned_back" if call.trips else "no_unit"] += 1
                continue
            found.append(call)
        return sorted(found, key=lambda call: call.now.called_ms)

    def _type(self, call: Call) -> int:
        """Return the row of an incident's type."""
        now = call.now
        names = [kind.name for kind in self._types]
        self._counts["needs_unsaid"] += now.needs is not None
        self._counts["priority_changed"] += now.priority != call.first_priority
        if now.type in names:
            row = names.index(now.type)
            self._counts["priority_of_type"] += self._types[row].priority != now.priority
            return row
        rows = [row for row, kind in enumerate(self._types) if kind.priority == now.priority]
        if not rows:
            raise InputError(
                f"incident {now.id} has priority {now.priority!r}, unknown to the scenario",
                field="--scenario",
                fix="name the scenario that the log was kept with",
            )
        self._counts["type_assumed"] += len(rows) > 1 or now.type is not None
        return max(rows, key=lambda row: self._types[row].weight)

    def _legs(
        self, calls: list[Call], kinds: NDArray[np.int32]
    ) -> tuple[NDArray[Any], NDArray[np.int64], NDArray[np.float64]]:
        """Return what units did, what is missing, and times on scene and of the handover.

        The handover is -1 where nobody was taken to a hospital.
        """
        rows: list[tuple[Any, ...]] = []
        missing, lasted = [], []
        for number, call in enumerate(calls):
            kind = self._types[kinds[number]]
            trips = []
            for trip in call.trips:
                if trip.worked or trip.free_ms is None:
                    trips.append(self._filling.whole(trip, kind))
                else:
                    self._counts["recalled"] += 1
            there = [trip for trip in trips if trip.on_scene_ms is not None]
            late = len(there) < len(trips)
            self._counts["several_units"] += len(there) > 1
            if not there:
                unsaid = any(trip.worked for trip in trips)
                self._counts["arrival_unsaid" if unsaid else "open"] += 1
            missing.append(int(late or not there))
            lasted.append(self._filling.lasted(trips, kind))
            rows += [self._leg(trip, number, call) for trip in trips] or [_nobody(number)]
        return np.array(rows, dtype=LEG), np.array(missing, dtype=np.int64), np.array(lasted)

    def _leg(self, trip: Trip, number: int, call: Call) -> tuple[Any, ...]:
        unit, hospital = self._rows[trip.unit], -1
        if trip.at_hospital_ms is not None:
            hospital = self._hospital_of[number, unit] = self._hospital(trip, call)
        coming: tuple[int | None, ...] = (trip.dispatch_ms, trip.departed_ms, trip.on_scene_ms)
        if trip.on_scene_ms is None:  # nobody whose arrival is known
            coming, unit = (None, None, None), -1
        times = (*coming, trip.left_ms, trip.at_hospital_ms, trip.free_ms)
        since = (-1.0 if ms is None else self._since(ms) for ms in times)
        return (*since, -1, number, unit, hospital)

    def _hospital(self, trip: Trip, call: Call) -> int:
        """Return the hospital that a unit was at, as a place."""
        if not len(self._city.hospitals):
            return -1
        spot = (call.now.lon, call.now.lat)
        at, came_ms = trip.at, trip.at_hospital_ms or 0
        if at is not None and at.received_ms >= came_ms - _FRESH_MS:
            spot = (at.lon, at.lat)
        elif len(self._city.hospitals) > 1:
            self._counts["hospital_assumed"] += 1
        return len(self._city.zones) + int(self._hospitals.of(np.array([spot]))[0][0])

    def _log(
        self,
        numbers: dict[str, int],
        zone: NDArray[np.int64],
        off: list[list[Span]],
    ) -> NDArray[Any]:
        """Return what happened, in order; after the end only what ends what began before."""
        stations = {name: row for row, name in enumerate(self._city.stations["id"])}
        first_station = len(self._city.zones) + len(self._city.hospitals)
        rows = []
        for each in sorted(self._diary.happenings, key=lambda each: each.at_ms):
            number = -1 if each.incident is None else numbers.get(each.incident, -1)
            if not self._tells(each, number):
                continue
            unit = -1 if each.unit is None else self._rows.get(each.unit, -1)
            place, metres = -1, 0
            if each.event in {
                events.CALL,
                events.CALL_PROCESSED,
                events.ON_SCENE,
                events.LEFT_SCENE,
            }:
                place = int(zone[number])
            elif each.event == events.AT_HOSPITAL:
                place = self._hospital_of.get((number, unit), -1)
            elif each.station in stations:
                place = first_station + stations[each.station]
            if each.event in {events.ON_SCENE, events.AT_HOSPITAL, events.AT_STATION}:
                metres = -1
            rows.append((self._since(each.at_ms), metres, number, unit, place, each.event))
        for row, spans in enumerate(off):
            home = first_station + stations[self._units[row].station]
            for begin, end in spans:
                rows.append((begin, 0, -1, row, home, events.OFF_DUTY))
                if end < self._since(self._window.to_ms):
                    rows.append((end, 0, -1, row, home, events.ON_DUTY))
        rows.sort(key=lambda each: each[0])
        return np.array(rows, dtype=LOG)

    def _tells(self, each: Happening, number: int) -> bool:
        """Tell whether an event belongs to the day; asked in order of time."""
        unit = each.unit
        if unit is None:
            return number >= 0
        if unit not in self._rows:
            return False
        within = self._window.from_ms <= each.at_ms < self._window.to_ms
        if number >= 0:
            if each.event == events.FREE:
                self._homeward.add(unit)
            return True
        if each.incident is None:
            comes_home = each.event == events.AT_STATION and unit in self._homeward
            self._homeward.discard(unit)
            return within or comes_home
        # of an incident that does not count, only that the unit is busy
        if each.event == events.DISPATCHED:
            self._homeward.discard(unit)
            if within:
                self._elsewhere.add(unit)
            return within
        ends = each.event == events.FREE and unit in self._elsewhere
        self._elsewhere.difference_update([unit] if ends else [])
        return ends


def _nobody(number: int) -> tuple[Any, ...]:
    return (*[-1.0] * 6, -1, number, -1, -1)
