"""What is the case now: what one gets by applying the records of the log in order.

Nothing here looks at a clock, a file or a road.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from engine.fleet import (
    FMS,
    FREE_AT_STATION,
    ON_SCENE,
    OUT_OF_SERVICE,
    RESPONDING,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from api.live.records import Record

CLOSED_KEPT: Final = 500
"""Closed incidents that are remembered; the log has all."""
SHOWN_KEPT: Final = 2_000
"""Recommendations and proposals that can still be accepted."""
FORM: Final = 1
"""Version of the form of `World.to_json`."""


class Position(NamedTuple):
    """Where a unit said it was.

    Parameters
    ----------
    lon, lat : float
        Degrees, WGS84.
    observed_ms : int
        When, by the clock of who reported it; never later than `received_ms`.
    received_ms : int
        When that was received.
    ahead_ms : int
        By how much the reporter's clock was ahead of ours; 0 if it was not.
    lag_ms : int
        The least time from observation to receipt that this reporter ever had: what
        its clock is behind, or the way of its reports.
    """

    lon: float
    lat: float
    observed_ms: int
    received_ms: int
    ahead_ms: int = 0
    lag_ms: int = 0

    def age_ms(self, now_ms: int) -> int:
        """Return how old it is, the reporter's clock set right.

        Parameters
        ----------
        now_ms : int
            Now.

        Returns
        -------
        int
            Milliseconds, 0 or more.
        """
        return max(now_ms - self.observed_ms - self.lag_ms, 0)


@dataclass(frozen=True, slots=True)
class UnitNow:
    """A unit.

    Parameters
    ----------
    id, type, station : str
        Its names; where it belongs.
    capabilities : tuple of str or None
        What it can do now; None: what its type can.
    status : int
        In force: a request to speak does not change it.
    reported : int
        As it was last reported.
    status_ms : int
        When, the reporter's clock set right, never later than it was received.
    lag_ms : int or None
        The least time that its reports ever took: what its reporter's clock is behind,
        or their way. None before the first one.
    incident : str or None
        What it was sent to.
    heading : str or None
        The station that it is to move to.
    shifts : tuple of pairs of int or None
        When it has a crew, in milliseconds since 1970; None: always.
    version : int
        Grows with each change but those of its position.
    """

    id: str
    type: str
    station: str
    capabilities: tuple[str, ...] | None = None
    status: int = FREE_AT_STATION
    reported: int = FREE_AT_STATION
    status_ms: int = 0
    lag_ms: int | None = None
    incident: str | None = None
    heading: str | None = None
    shifts: tuple[tuple[int, int], ...] | None = None
    version: int = 1

    def on_duty(self, now_ms: int) -> bool:
        """Tell whether it has a crew.

        Parameters
        ----------
        now_ms : int
            Now.

        Returns
        -------
        bool
            True without shifts.
        """
        return self.shifts is None or any(start <= now_ms < end for start, end in self.shifts)


@dataclass(frozen=True, slots=True)
class IncidentNow:
    """An incident.

    Parameters
    ----------
    id : str
        Its name.
    lon, lat : float
        Degrees, WGS84.
    priority : str
        A priority of the scenario.
    called_ms : int
        When the call was answered.
    type : str or None
        A type of incident of the scenario.
    needs : tuple of str or None
        What one unit must be able to do; None: as its priority or type says.
    state : str
        ``waiting`` (nobody was sent, or nobody who was is still on the way),
        ``underway``, ``served`` (all who were there have left) or ``closed``.
    units : tuple of str
        Units that were sent and have not left.
    reached : bool
        Whether a unit has been on scene.
    version : int
        Grows with each change.
    """

    id: str
    lon: float
    lat: float
    priority: str
    called_ms: int
    type: str | None = None
    needs: tuple[str, ...] | None = None
    state: str = "waiting"
    units: tuple[str, ...] = ()
    reached: bool = False
    version: int = 1


@dataclass(frozen=True, slots=True)
class ClosureNow:
    """A closed or slow piece of the roads.

    Parameters
    ----------
    id : str
        Its name.
    geometry : mapping
        GeoJSON, a LineString or a Polygon.
    from_ms, to_ms : int or None
        When it holds; None: from ever, for ever.
    factor : float or None
        What drive times are multiplied with; None: closed.
    version : int
        Grows with each change.
    """

    id: str
    geometry: Mapping[str, Any]
    from_ms: int | None = None
    to_ms: int | None = None
    factor: float | None = None
    version: int = 1

    def holds(self, now_ms: int) -> bool:
        """Tell whether it holds at a moment.

        Parameters
        ----------
        now_ms : int
            The moment.

        Returns
        -------
        bool
            True from `from_ms` on, until `to_ms`.
        """
        begun = self.from_ms is None or self.from_ms <= now_ms
        return begun and (self.to_ms is None or now_ms < self.to_ms)


@dataclass(frozen=True, slots=True)
class HospitalNow:
    """The state of a hospital.

    Parameters
    ----------
    id : str
        Its row in the scenario.
    state : str
        ``open``, ``full`` (emergencies only) or ``closed``.
    version : int
        Grows with each change.
    """

    id: str
    state: str = "open"
    version: int = 1


@dataclass(frozen=True, slots=True)
class Shown:
    """What was shown to somebody who decides.

    Parameters
    ----------
    subject : str
        The incident; empty for a proposal of moves.
    choice : tuple of str
        Units recommended first; for a proposal, units and stations in turn.
    """

    subject: str
    choice: tuple[str, ...]


@dataclass(frozen=True)
class World:
    """All that is the case after a record. Never changed: `Draft` makes the next one.

    Parameters
    ----------
    seq, at_ms : int
        That record, and when it was received.
    scenario : str
        Hash of the scenario that is served.
    units, positions, incidents, closed, closures, hospitals, shown : dict
        By name.
    """

    seq: int = 0
    at_ms: int = 0
    scenario: str = ""
    units: dict[str, UnitNow] = field(default_factory=dict)
    positions: dict[str, Position] = field(default_factory=dict)
    incidents: dict[str, IncidentNow] = field(default_factory=dict)
    closed: dict[str, IncidentNow] = field(default_factory=dict)
    closures: dict[str, ClosureNow] = field(default_factory=dict)
    hospitals: dict[str, HospitalNow] = field(default_factory=dict)
    shown: dict[str, Shown] = field(default_factory=dict)

    def incident(self, name: str) -> IncidentNow | None:
        """Return an incident, open or lately closed.

        Parameters
        ----------
        name : str
            Its name.

        Returns
        -------
        IncidentNow or None
            None where there is none.
        """
        return self.incidents.get(name) or self.closed.get(name)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON can carry it.

        Returns
        -------
        dict
            For `from_json`; of the form `FORM`.
        """
        tables = {
            name: {key: _plain(value) for key, value in getattr(self, name).items()}
            for name in _ROWS
        }
        return {"seq": self.seq, "at_ms": self.at_ms, "scenario": self.scenario, **tables}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> World:
        """Make it from what `to_json` returned.

        Parameters
        ----------
        document : mapping
            JSON.

        Returns
        -------
        World
            The same.
        """
        tables: dict[str, Any] = {
            name: {key: _made(row, value) for key, value in document[name].items()}
            for name, row in _ROWS.items()
        }
        head = {name: document[name] for name in ("seq", "at_ms", "scenario")}
        return cls(**head, **tables)


_ROWS: Final[dict[str, type[Any]]] = {
    "units": UnitNow,
    "positions": Position,
    "incidents": IncidentNow,
    "closed": IncidentNow,
    "closures": ClosureNow,
    "hospitals": HospitalNow,
    "shown": Shown,
}


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, Position) else asdict(value)


def _made(row: type[Any], value: Any) -> Any:
    if row is Position:
        return Position(*value)
    return row(**{name: _frozen(each) for name, each in value.items()})


def _frozen(value: Any) -> Any:
    return tuple(_frozen(each) for each in value) if isinstance(value, list) else value


class Draft:
    """A world that is being changed by records.

    Parameters
    ----------
    world : World
        The one before; it stays as it is.
    """

    def __init__(self, world: World) -> None:
        self.seq = world.seq
        self.at_ms = world.at_ms
        self.scenario = world.scenario
        self.units = dict(world.units)
        self.positions = dict(world.positions)
        self.incidents = dict(world.incidents)
        self.closed = dict(world.closed)
        self.closures = dict(world.closures)
        self.hospitals = dict(world.hospitals)
        self.shown = dict(world.shown)

    def world(self) -> World:
        """Return what it has become; change it no more.

        Returns
        -------
        World
            Of the same dictionaries.
        """
        return World(**{each.name: getattr(self, each.name) for each in fields(World)})

    def apply(self, record: Record) -> None:
        """Let something have happened.

        Parameters
        ----------
        record : Record
            The next one.

        Raises
        ------
        ValueError
            It cannot have happened: a unit that serves an incident is sent to another,
            or nobody knows what the record means.
        """
        if record.seq != self.seq + 1 or record.at_ms < self.at_ms:
            raise ValueError(f"record {record.seq} does not come after {self.seq}")
        try:
            effect = _EFFECTS[record.kind]
        except KeyError:
            raise ValueError(f"record {record.seq}: no such kind {record.kind!r}") from None
        effect(self, record.body, record)
        self.seq, self.at_ms = record.seq, record.at_ms


def _started(draft: Draft, body: dict[str, Any], _: Record) -> None:
    draft.scenario = body["scenario"]
    for name, kind, station in body["units"]:
        known = draft.units.get(name)
        draft.units[name] = (
            UnitNow(name, kind, station)
            if known is None
            else replace(known, type=kind, station=station, version=known.version + 1)
        )


def _unit_set(draft: Draft, body: dict[str, Any], _: Record) -> None:
    name, kind, station = body["unit"], body["type"], body["station"]
    skills = None if body["capabilities"] is None else tuple(body["capabilities"])
    known = draft.units.get(name)
    if known is None:
        draft.units[name] = UnitNow(name, kind, station, skills, OUT_OF_SERVICE, OUT_OF_SERVICE)
    else:
        draft.units[name] = replace(
            known, type=kind, station=station, capabilities=skills, version=known.version + 1
        )


def _shifts_set(draft: Draft, body: dict[str, Any], _: Record) -> None:
    known = draft.units[body["unit"]]
    shifts = body["shifts"]
    draft.units[known.id] = replace(
        known,
        shifts=None if shifts is None else tuple((start, end) for start, end in shifts),
        version=known.version + 1,
    )


def _status(draft: Draft, body: dict[str, Any], _: Record) -> None:
    known = draft.units[body["unit"]]
    status = FMS.in_force(body["status"], known.status)
    leaves = known.incident is not None and (FMS[status].free or status == OUT_OF_SERVICE)
    # who says again that it is at its station has not left it yet
    arrives = status == FREE_AT_STATION and known.status != FREE_AT_STATION
    drops_move = arrives or not FMS[status].free
    draft.units[known.id] = replace(
        known,
        status=status,
        reported=body["status"],
        status_ms=body["effective_ms"],
        lag_ms=body["lag_ms"],
        incident=None if leaves else known.incident,
        station=known.heading if arrives and known.heading else known.station,
        heading=None if drops_move else known.heading,
        version=known.version + 1,
    )
    if known.incident is None:
        return
    if status == ON_SCENE:
        served = draft.incidents[known.incident]
        if not served.reached:
            draft.incidents[served.id] = replace(served, reached=True, version=served.version + 1)
    if leaves:
        _leave(draft, known.incident, known.id)


def _leave(draft: Draft, incident: str, unit: str) -> None:
    """Take a unit off an incident that it was sent to."""
    served = draft.incidents[incident]
    left = tuple(each for each in served.units if each != unit)
    state = "underway" if left else "served" if served.reached else "waiting"
    draft.incidents[incident] = replace(served, units=left, state=state, version=served.version + 1)


def _positions(draft: Draft, body: dict[str, Any], record: Record) -> None:
    for unit, lon, lat, observed_ms in body["taken"]:
        received = record.at_ms
        known = draft.positions.get(unit)
        lag = max(received - observed_ms, 0)
        draft.positions[unit] = Position(
            lon,
            lat,
            min(observed_ms, received),
            received,
            max(observed_ms - received, 0),
            lag if known is None else min(lag, known.lag_ms),
        )


def _incident_created(draft: Draft, body: dict[str, Any], _: Record) -> None:
    name = body["incident"]
    if draft.incidents.get(name) is not None:
        raise ValueError(f"there is an incident {name} already")
    draft.incidents[name] = IncidentNow(
        name,
        body["lon"],
        body["lat"],
        body["priority"],
        body["called_ms"],
        body["type"],
        None if body["needs"] is None else tuple(body["needs"]),
    )


def _incident_updated(draft: Draft, body: dict[str, Any], _: Record) -> None:
    known = draft.incidents[body["incident"]]
    draft.incidents[known.id] = replace(
        known,
        **{name: _frozen(value) for name, value in body["changes"].items()},
        version=known.version + 1,
    )


def _incident_closed(draft: Draft, body: dict[str, Any], _: Record) -> None:
    known = draft.incidents[body["incident"]]
    if known.units:
        raise ValueError(f"incident {known.id} still has {', '.join(known.units)}")
    del draft.incidents[known.id]
    draft.closed[known.id] = replace(known, state="closed", version=known.version + 1)
    _forget(draft.closed, CLOSED_KEPT)


def _recommended(draft: Draft, body: dict[str, Any], record: Record) -> None:
    draft.shown[f"R{record.seq}"] = Shown(body["incident"], tuple(body["choice"]))
    _forget(draft.shown, SHOWN_KEPT)


def _moves_proposed(draft: Draft, body: dict[str, Any], record: Record) -> None:
    choice = tuple(name for move in body["moves"] for name in (move["unit"], move["to"]))
    draft.shown[f"P{record.seq}"] = Shown("", choice)
    _forget(draft.shown, SHOWN_KEPT)


def _forget(table: dict[str, Any], most: int) -> None:
    while len(table) > most:
        del table[next(iter(table))]


def _assigned(draft: Draft, body: dict[str, Any], record: Record) -> None:
    served = draft.incidents[body["incident"]]
    for name in body["units"]:
        known = draft.units[name]
        if known.incident is not None:
            raise ValueError(f"unit {name} serves {known.incident}, and is sent to {served.id}")
        draft.units[name] = replace(
            known,
            status=RESPONDING,
            reported=RESPONDING,
            status_ms=record.at_ms,
            incident=served.id,
            heading=None,
            version=known.version + 1,
        )
    draft.incidents[served.id] = replace(
        served,
        units=(*served.units, *body["units"]),
        state="underway",
        version=served.version + 1,
    )


def _released(draft: Draft, body: dict[str, Any], record: Record) -> None:
    known = draft.units[body["unit"]]
    if known.incident != body["incident"]:
        raise ValueError(f"unit {known.id} does not serve {body['incident']}")
    draft.units[known.id] = replace(
        known,
        status=body["status"],
        reported=body["status"],
        status_ms=record.at_ms,
        incident=None,
        version=known.version + 1,
    )
    _leave(draft, body["incident"], known.id)


def _move_accepted(draft: Draft, body: dict[str, Any], _: Record) -> None:
    known = draft.units[body["unit"]]
    draft.units[known.id] = replace(known, heading=body["station"], version=known.version + 1)


def _closure_set(draft: Draft, body: dict[str, Any], _: Record) -> None:
    known = draft.closures.get(body["closure"])
    draft.closures[body["closure"]] = ClosureNow(
        body["closure"],
        body["geometry"],
        body["from_ms"],
        body["to_ms"],
        body["factor"],
        1 if known is None else known.version + 1,
    )


def _closure_lifted(draft: Draft, body: dict[str, Any], _: Record) -> None:
    del draft.closures[body["closure"]]


def _hospital_set(draft: Draft, body: dict[str, Any], _: Record) -> None:
    known = draft.hospitals.get(body["hospital"], HospitalNow(body["hospital"], version=0))
    draft.hospitals[known.id] = HospitalNow(known.id, body["state"], known.version + 1)


def _nothing(_: Draft, __: dict[str, Any], ___: Record) -> None:
    """Change nothing: what people were shown and declined is for the audit."""


_EFFECTS: Final[dict[str, Callable[[Draft, dict[str, Any], Record], None]]] = {
    "started": _started,
    "unit_set": _unit_set,
    "shifts_set": _shifts_set,
    "status": _status,
    "positions": _positions,
    "incident_created": _incident_created,
    "incident_updated": _incident_updated,
    "incident_closed": _incident_closed,
    "recommended": _recommended,
    "assigned": _assigned,
    "released": _released,
    "moves_proposed": _moves_proposed,
    "move_accepted": _move_accepted,
    "moves_declined": _nothing,
    "closure_set": _closure_set,
    "closure_lifted": _closure_lifted,
    "hospital_set": _hospital_set,
    "exported": _nothing,
}

KINDS: Final = tuple(_EFFECTS)
"""What can happen."""
