"""How the world is shown: with times of the calendar, ages, and what can be relied on."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from api.live.schemas import Happened, IncidentView, PositionView, UnitView
from engine.fleet import FMS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from api.live.records import Record
    from api.live.world import IncidentNow, Position, UnitNow, World
    from scenarios.settings import UnitType

_TIMES: Final = {
    "called_ms": "called_at",
    "observed_ms": "observed_at",
    "from_ms": "from",
    "to_ms": "to",
    "now_ms": "asked_at",
    "before_ms": "before",
}


def moment(ms: int) -> str:
    """Return a time as RFC 3339.

    Parameters
    ----------
    ms : int
        Milliseconds since 1970.

    Returns
    -------
    str
        UTC, to the millisecond.
    """
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def milliseconds(time: datetime) -> int:
    """Return a time as the log has it.

    Parameters
    ----------
    time : datetime
        With its offset.

    Returns
    -------
    int
        Milliseconds since 1970.
    """
    return round(time.timestamp() * 1000)


def position_view(position: Position, now_ms: int, stale_after_ms: int) -> PositionView:
    """Show a position, and whether it can be relied on.

    Parameters
    ----------
    position : Position
        The position.
    now_ms : int
        Now.
    stale_after_ms : int
        From which age on it cannot.

    Returns
    -------
    PositionView
        With its age.
    """
    age = position.age_ms(now_ms)
    return PositionView.model_construct(
        lon=position.lon,
        lat=position.lat,
        observed_at=moment(position.observed_ms),
        received_at=moment(position.received_ms),
        age_seconds=age / 1000,
        stale=age > stale_after_ms,
        clock_ahead_seconds=position.ahead_ms / 1000,
        clock_behind_seconds=position.lag_ms / 1000,
    )


def unit_view(
    unit: UnitNow,
    world: World,
    kinds: Mapping[str, UnitType],
    now_ms: int,
    stale_after_ms: int,
) -> UnitView:
    """Show a unit.

    Parameters
    ----------
    unit : UnitNow
        The unit.
    world : World
        Where its position stands.
    kinds : mapping of str to UnitType
        What its type can do.
    now_ms, stale_after_ms : int
        As of `position_view`.

    Returns
    -------
    UnitView
        As it is now.
    """
    position = world.positions.get(unit.id)
    kind = kinds.get(unit.type)
    skills = unit.capabilities if unit.capabilities is not None else kind and kind.capabilities
    on_duty = unit.on_duty(now_ms)
    return UnitView.model_construct(
        id=unit.id,
        type=unit.type,
        station=unit.station,
        capabilities=list(skills or ()),
        status=unit.status,
        status_name=FMS[unit.status].name,
        reported_status=unit.reported,
        status_at=moment(unit.status_ms) if unit.status_ms else None,
        incident=unit.incident,
        moving_to=unit.heading,
        on_duty=on_duty,
        available=on_duty and unit.incident is None and FMS[unit.status].free,
        position=None if position is None else position_view(position, now_ms, stale_after_ms),
        version=unit.version,
    )


def incident_view(incident: IncidentNow, now_ms: int) -> IncidentView:
    """Show an incident.

    Parameters
    ----------
    incident : IncidentNow
        The incident.
    now_ms : int
        Now.

    Returns
    -------
    IncidentView
        As it is now.
    """
    return IncidentView.model_construct(
        id=incident.id,
        lon=incident.lon,
        lat=incident.lat,
        priority=incident.priority,
        type=incident.type,
        needs=None if incident.needs is None else list(incident.needs),
        called_at=moment(incident.called_ms),
        waiting_seconds=max(now_ms - incident.called_ms, 0) / 1000,
        state=incident.state,
        units=list(incident.units),
        version=incident.version,
    )


def happened(record: Record, *, with_actor: bool = True) -> Happened:
    """Show an event.

    Parameters
    ----------
    record : Record
        The record of it.
    with_actor : bool
        Whether to tell who caused it.

    Returns
    -------
    Happened
        With times of the calendar.
    """
    return Happened.model_construct(
        id=record.seq,
        at=moment(record.at_ms),
        kind=record.kind,
        actor=record.actor if with_actor else None,
        data=_data(record.kind, record.body),
    )


def _data(kind: str, body: Mapping[str, Any]) -> dict[str, Any]:
    if kind == "positions":
        return {
            "positions": [
                {"unit": unit, "lon": lon, "lat": lat, "observed_at": moment(observed)}
                for unit, lon, lat, observed in body["taken"]
            ]
        }
    data: dict[str, Any] = {
        _TIMES.get(name, name): moment(value) if name in _TIMES and value is not None else value
        for name, value in body.items()
    }
    if kind == "status":
        data["effective_at"] = moment(data.pop("effective_ms"))
        del data["lag_ms"]
    if kind == "shifts_set" and data["shifts"] is not None:
        data["shifts"] = [
            {"start": moment(start), "end": moment(end)} for start, end in data["shifts"]
        ]
    if kind == "recommended":
        data["alternatives"] = [
            {"unit": unit, "arrival_seconds": seconds} for unit, seconds in data["alternatives"]
        ]
        if "stale_after_ms" in data:  # older records do not say
            data["stale_after_seconds"] = data.pop("stale_after_ms") / 1000
        if data.get("roads") is not None:
            data["roads"] = [{"closure": name, "version": each} for name, each in data["roads"]]
    if kind == "incident_updated":
        data |= data.pop("changes")
    return data
