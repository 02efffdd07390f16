"""What records do to the world: one gets the present by applying them in order.

Nothing here looks at a clock, a file or a road.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from api.live.world import (
    ClosureNow,
    HospitalNow,
    IncidentNow,
    Position,
    Shown,
    UnitNow,
    World,
    frozen,
)
from engine.fleet import FMS, FREE_AT_STATION, ON_SCENE, OUT_OF_SERVICE, RESPONDING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from api.live.records import Record

CLOSED_KEPT: Final = 500
"""Closed incidents that are remembered; the log has all."""
SHOWN_KEPT: Final = 2_000
"""Recommendations and proposals that can still be accepted."""


class Draft:
    """A world that is being changed by records.

    Tables that nothing happens to stay the world's own: who knows one need not look at it
    again.

    Parameters
    ----------
    world : World
        The one before; it stays as it is.
    """

    def __init__(self, world: World) -> None:
        self.seq = world.seq
        self.at_ms = world.at_ms
        self.scenario = world.scenario
        self.units: Mapping[str, UnitNow] = MappingProxyType(world.units)
        self.positions: Mapping[str, Position] = MappingProxyType(world.positions)
        self.incidents: Mapping[str, IncidentNow] = MappingProxyType(world.incidents)
        self.closed: Mapping[str, IncidentNow] = MappingProxyType(world.closed)
        self.closures: Mapping[str, ClosureNow] = MappingProxyType(world.closures)
        self.hospitals: Mapping[str, HospitalNow] = MappingProxyType(world.hospitals)
        self.shown: Mapping[str, Shown] = MappingProxyType(world.shown)
        self._before = world
        self._own: dict[str, dict[str, Any]] = {}

    def own(self, table: str) -> dict[str, Any]:
        """Return a table to be changed.

        Parameters
        ----------
        table : str
            Its name, such as ``units``.

        Returns
        -------
        dict
            The draft's own.
        """
        if table not in self._own:
            # a dictionary's own copy: one made of its proxy takes many times as long
            self._own[table] = getattr(self._before, table).copy()
            setattr(self, table, MappingProxyType(self._own[table]))
        return self._own[table]

    def world(self) -> World:
        """Return what it has become; change it no more.

        Returns
        -------
        World
            With the very tables of the world before where nothing happened to them.
        """
        return replace(
            self._before, seq=self.seq, at_ms=self.at_ms, scenario=self.scenario, **self._own
        )

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
        draft.own("units")[name] = (
            UnitNow(name, kind, station)
            if known is None
            else replace(known, type=kind, station=station, version=known.version + 1)
        )


def _unit_set(draft: Draft, body: dict[str, Any], _: Record) -> None:
    name, kind, station = body["unit"], body["type"], body["station"]
    skills = None if body["capabilities"] is None else tuple(body["capabilities"])
    known = draft.units.get(name)
    if known is None:
        draft.own("units")[name] = UnitNow(
            name, kind, station, skills, OUT_OF_SERVICE, OUT_OF_SERVICE
        )
    else:
        draft.own("units")[name] = replace(
            known, type=kind, station=station, capabilities=skills, version=known.version + 1
        )


def _shifts_set(draft: Draft, body: dict[str, Any], _: Record) -> None:
    known = draft.units[body["unit"]]
    shifts = body["shifts"]
    draft.own("units")[known.id] = replace(
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
    draft.own("units")[known.id] = replace(
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
            draft.own("incidents")[served.id] = replace(
                served, reached=True, version=served.version + 1
            )
    if leaves:
        _leave(draft, known.incident, known.id)


def _leave(draft: Draft, incident: str, unit: str) -> None:
    """Take a unit off an incident that it was sent to."""
    served = draft.incidents[incident]
    left = tuple(each for each in served.units if each != unit)
    state = "underway" if left else "served" if served.reached else "waiting"
    draft.own("incidents")[incident] = replace(
        served, units=left, state=state, version=served.version + 1
    )


def _positions(draft: Draft, body: dict[str, Any], record: Record) -> None:
    for unit, lon, lat, observed_ms in body["taken"]:
        received = record.at_ms
        known = draft.positions.get(unit)
        lag = max(received - observed_ms, 0)
        draft.own("positions")[unit] = Position(
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
    draft.own("incidents")[name] = IncidentNow(
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
    draft.own("incidents")[known.id] = replace(
        known,
        **{name: frozen(value) for name, value in body["changes"].items()},
        version=known.version + 1,
    )


def _incident_closed(draft: Draft, body: dict[str, Any], _: Record) -> None:
    known = draft.incidents[body["incident"]]
    if known.units:
        raise ValueError(f"incident {known.id} still has {', '.join(known.units)}")
    del draft.own("incidents")[known.id]
    draft.own("closed")[known.id] = replace(known, state="closed", version=known.version + 1)
    _forget(draft.own("closed"), CLOSED_KEPT)


def _recommended(draft: Draft, body: dict[str, Any], record: Record) -> None:
    draft.own("shown")[f"R{record.seq}"] = Shown(body["incident"], tuple(body["choice"]))
    _forget(draft.own("shown"), SHOWN_KEPT)


def _moves_proposed(draft: Draft, body: dict[str, Any], record: Record) -> None:
    choice = tuple(name for move in body["moves"] for name in (move["unit"], move["to"]))
    draft.own("shown")[f"P{record.seq}"] = Shown("", choice)
    _forget(draft.own("shown"), SHOWN_KEPT)


def _forget(table: dict[str, Any], most: int) -> None:
    while len(table) > most:
        del table[next(iter(table))]


def _assigned(draft: Draft, body: dict[str, Any], record: Record) -> None:
    served = draft.incidents[body["incident"]]
    for name in body["units"]:
        known = draft.units[name]
        if known.incident is not None:
            raise ValueError(f"unit {name} serves {known.incident}, and is sent to {served.id}")
        draft.own("units")[name] = replace(
            known,
            status=RESPONDING,
            reported=RESPONDING,
            status_ms=record.at_ms,
            incident=served.id,
            heading=None,
            version=known.version + 1,
        )
    draft.own("incidents")[served.id] = replace(
        served,
        units=(*served.units, *body["units"]),
        state="underway",
        version=served.version + 1,
    )


def _released(draft: Draft, body: dict[str, Any], record: Record) -> None:
    known = draft.units[body["unit"]]
    if known.incident != body["incident"]:
        raise ValueError(f"unit {known.id} does not serve {body['incident']}")
    draft.own("units")[known.id] = replace(
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
    draft.own("units")[known.id] = replace(
        known, heading=body["station"], version=known.version + 1
    )


def _closure_set(draft: Draft, body: dict[str, Any], _: Record) -> None:
    known = draft.closures.get(body["closure"])
    draft.own("closures")[body["closure"]] = ClosureNow(
        body["closure"],
        body["geometry"],
        body["from_ms"],
        body["to_ms"],
        body["factor"],
        1 if known is None else known.version + 1,
    )


def _closure_lifted(draft: Draft, body: dict[str, Any], _: Record) -> None:
    del draft.own("closures")[body["closure"]]


def _hospital_set(draft: Draft, body: dict[str, Any], _: Record) -> None:
    known = draft.hospitals.get(body["hospital"], HospitalNow(body["hospital"], version=0))
    draft.own("hospitals")[known.id] = HospitalNow(known.id, body["state"], known.version + 1)


def _nothing(_: Draft, __: dict[str, Any], ___: Record) -> None:
    """Change nothing: what was declined, and what was pruned, is for the audit."""


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
    "pruned": _nothing,
}

KINDS: Final = tuple(_EFFECTS)
"""What can happen."""
