"""What records say of incidents and of the units that were sent to them, in order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from api.live.draft import Draft
from engine import events
from engine.fleet import (
    AT_DESTINATION,
    FMS,
    FREE_AT_STATION,
    ON_SCENE,
    OUT_OF_SERVICE,
    PATIENT_ABOARD,
    RESPONDING,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from api.live.records import Record
    from api.live.world import IncidentNow, Position, UnitNow, World


@dataclass
class Trip:
    """What a unit did for an incident; times in milliseconds since 1970.

    Parameters
    ----------
    unit, incident : str
        Their names.
    dispatch_ms : int
        When it was sent.
    departed_ms, on_scene_ms, left_ms, at_hospital_ms, free_ms : int or None
        When it said so; None where it did not.
    recalled : bool
        Whether it was taken off the incident, and did not end its work itself.
    at : Position or None
        Where it last was when it came to the hospital.
    """

    unit: str
    incident: str
    dispatch_ms: int
    departed_ms: int | None = None
    on_scene_ms: int | None = None
    left_ms: int | None = None
    at_hospital_ms: int | None = None
    free_ms: int | None = None
    recalled: bool = False
    at: Position | None = None

    @property
    def worked(self) -> bool:
        """Whether it was at the incident, or says what only who was there can say."""
        times = (self.on_scene_ms, self.left_ms, self.at_hospital_ms)
        return any(each is not None for each in times)


@dataclass
class Call:
    """An incident.

    Parameters
    ----------
    now : IncidentNow
        As it was last known.
    entered_ms : int
        When it came into the log.
    first_priority : str
        The priority that it came with.
    closed : bool
        Whether it is over.
    trips : list of Trip
        Who was sent, in order.
    """

    now: IncidentNow
    entered_ms: int
    first_priority: str
    closed: bool = False
    trips: list[Trip] = field(default_factory=list)


class Happening(NamedTuple):
    """Something that happened; see `engine.events`.

    Parameters
    ----------
    at_ms : int
        When.
    event : int
        What.
    unit, incident, station : str or None
        Whom it concerns.
    """

    at_ms: int
    event: int
    unit: str | None
    incident: str | None
    station: str | None = None


_STEPS: Final = {
    RESPONDING: ("departed_ms", events.DEPARTED),
    ON_SCENE: ("on_scene_ms", events.ON_SCENE),
    PATIENT_ABOARD: ("left_ms", events.LEFT_SCENE),
    AT_DESTINATION: ("at_hospital_ms", events.AT_HOSPITAL),
}
"""What a status says of a trip, by field and event; the first time counts."""


class Diary:
    """Writes down what records say, one after the other.

    Parameters
    ----------
    start : World
        What was the case before them.
    """

    def __init__(self, start: World) -> None:
        self._draft = Draft(start)
        self._serving: dict[str, Trip] = {}
        self._away: dict[str, int] = {}
        self.units: dict[str, UnitNow] = {}
        self.calls: dict[str, Call] = {}
        self.happenings: list[Happening] = []
        self.off: dict[str, list[tuple[int, int | None]]] = {}
        self.closed_hospitals: list[tuple[str, int, int | None]] = []
        self.other_units: set[str] = set()
        self.busy_at_start: set[str] = set()
        self.closures = len(start.closures)
        self.full_hospitals = sum(each.state == "full" for each in start.hospitals.values())
        self._shut: dict[str, int] = {}
        for unit in start.units.values():
            self._see(unit, start.at_ms)
            if not FMS[unit.status].free and unit.status != OUT_OF_SERVICE:
                self.busy_at_start.add(unit.id)
        for hospital in start.hospitals.values():
            if hospital.state == "closed":
                self._shut[hospital.id] = start.at_ms

    def read(self, records: Iterable[Record]) -> Diary:
        """Write down what happened.

        Parameters
        ----------
        records : iterable of Record
            The next ones.

        Returns
        -------
        Diary
            This one, at its end.

        Raises
        ------
        ValueError
            They cannot have happened.
        """
        notes: dict[str, Callable[[Record, UnitNow | None], None]] = {
            "started": self._all_units,
            "unit_set": self._all_units,
            "incident_created": self._created,
            "incident_updated": self._updated,
            "incident_closed": self._closed,
            "assigned": self._assigned,
            "released": self._released,
            "status": self._status,
            "move_accepted": self._moved,
            "closure_set": self._closure,
            "hospital_set": self._hospital,
        }
        for record in records:
            before = self._draft.units.get(record.body.get("unit", ""))
            self._draft.apply(record)
            note = notes.get(record.kind)
            if note is not None:
                note(record, before)
            vars(record).pop("body", None)  # of a long day only the texts fit in memory
        self.off = {
            unit: [
                *self.off.get(unit, []),
                *([(self._away[unit], None)] if unit in self._away else []),
            ]
            for unit in self.units
        }
        self.closed_hospitals += [(name, since, None) for name, since in self._shut.items()]
        return self

    @property
    def now_units(self) -> Mapping[str, UnitNow]:
        """The units at the end, by name."""
        return self._draft.units

    def _see(self, unit: UnitNow, at_ms: int) -> None:
        """Note whether a unit can be sent, or does what is known of."""
        first = self.units.setdefault(unit.id, unit)
        if (unit.type, unit.station, unit.capabilities) != (
            first.type,
            first.station,
            first.capabilities,
        ):
            self.other_units.add(unit.id)
        away = not FMS[unit.status].free and unit.id not in self._serving
        if away and unit.id not in self._away:
            self._away[unit.id] = at_ms
        elif not away and unit.id in self._away:
            since = self._away.pop(unit.id)
            if at_ms > since:
                self.off.setdefault(unit.id, []).append((since, at_ms))

    def _all_units(self, record: Record, _: UnitNow | None) -> None:
        for unit in self._draft.units.values():
            self._see(unit, record.at_ms)

    def _created(self, record: Record, _: UnitNow | None) -> None:
        now = self._draft.incidents[record.body["incident"]]
        self.calls[now.id] = Call(now, record.at_ms, now.priority)
        self.happenings.append(Happening(now.called_ms, events.CALL, None, now.id))
        self.happenings.append(Happening(record.at_ms, events.CALL_PROCESSED, None, now.id))

    def _updated(self, record: Record, _: UnitNow | None) -> None:
        call = self.calls.get(record.body["incident"])
        if call is not None:
            call.now = self._draft.incidents[call.now.id]

    def _closed(self, record: Record, _: UnitNow | None) -> None:
        call = self.calls.get(record.body["incident"])
        if call is not None:
            call.closed = True

    def _assigned(self, record: Record, _: UnitNow | None) -> None:
        incident = record.body["incident"]
        for name in record.body["units"]:
            trip = Trip(name, incident, record.at_ms)
            self._serving[name] = trip
            if incident in self.calls:
                self.calls[incident].trips.append(trip)
            self._see(self._draft.units[name], record.at_ms)
            self.happenings.append(Happening(record.at_ms, events.DISPATCHED, name, incident))

    def _freed(self, name: str, at_ms: int, *, recalled: bool) -> None:
        trip = self._serving.pop(name, None)
        if trip is not None:
            trip.free_ms, trip.recalled = at_ms, recalled
            self.happenings.append(Happening(at_ms, events.FREE, name, trip.incident))

    def _released(self, record: Record, _: UnitNow | None) -> None:
        name = record.body["unit"]
        self._freed(name, record.at_ms, recalled=True)
        self._see(self._draft.units[name], record.at_ms)

    def _status(self, record: Record, before: UnitNow | None) -> None:
        after = self._draft.units[record.body["unit"]]
        at_ms = after.status_ms
        trip = self._serving.get(after.id)
        step = _STEPS.get(after.status)
        if trip is not None and step is not None:
            name, event = step
            if getattr(trip, name) is None and not (event == events.DEPARTED and trip.worked):
                setattr(trip, name, at_ms)
                if event == events.AT_HOSPITAL:
                    trip.at = self._draft.positions.get(after.id)
                self.happenings.append(Happening(at_ms, event, after.id, trip.incident))
        if after.incident is None:
            self._freed(after.id, at_ms, recalled=False)
        was = OUT_OF_SERVICE if before is None else before.status
        if after.status == FREE_AT_STATION and was not in {FREE_AT_STATION, OUT_OF_SERVICE}:
            self.happenings.append(
                Happening(at_ms, events.AT_STATION, after.id, None, after.station)
            )
        self._see(after, at_ms)

    def _moved(self, record: Record, _: UnitNow | None) -> None:
        unit, station = record.body["unit"], record.body["station"]
        self.happenings.append(Happening(record.at_ms, events.MOVED, unit, None, station))

    def _closure(self, _: Record, __: UnitNow | None) -> None:
        self.closures += 1

    def _hospital(self, record: Record, _: UnitNow | None) -> None:
        name, shut = record.body["hospital"], record.body["state"] == "closed"
        self.full_hospitals += record.body["state"] == "full"
        if shut:
            self._shut.setdefault(name, record.at_ms)
        elif name in self._shut:
            self.closed_hospitals.append((name, self._shut.pop(name), record.at_ms))
