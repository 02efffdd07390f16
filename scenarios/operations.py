"""What a service does beside answering calls one by one, as data of ``scenario.toml``."""

from __future__ import annotations

from datetime import time  # noqa: TC003  # pydantic reads it
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, model_validator

from scenarios.schema import Duration, Model, Name, Share, Weight

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scenarios.settings import Settings


class Failure(Model):
    """How often a unit breaks down, by its hours on duty or not, and for how long."""

    mean_days_between: Annotated[float, Field(gt=0, le=36_500)]
    repair: Duration


class Flight(Model):
    """How a unit flies: straight, at one speed.

    From the ground it takes `start_s` after its crew's turnout until it is in the air, and
    `landing_s` to come down. With `daylight_only` it is off duty from sunset to sunrise.
    """

    speed_m_s: Annotated[float, Field(ge=5, le=200)]
    start_s: Annotated[float, Field(ge=0, le=3600)] = 0.0
    landing_s: Annotated[float, Field(ge=0, le=3600)] = 0.0
    daylight_only: bool = True


class MutualAid(Model):
    """How a neighbour's unit helps out.

    It is asked where no own unit that is free arrives within `beyond_s`, or within the
    standard of the priority if that is left out; asking takes `notice_s`. For
    `busy_share` of the time it has work of its own, in spells of which `busy` says how long
    they are. It is never moved, and covers nothing for the city's own policies.
    """

    notice_s: Annotated[float, Field(ge=0, le=7200)] = 0.0
    beyond_s: Annotated[float, Field(ge=0, le=86_400)] | None = None
    busy_share: Annotated[float, Field(ge=0, lt=1)] = 0.0
    busy: Duration | None = None

    @model_validator(mode="after")
    def _whole(self) -> MutualAid:
        if (self.busy_share > 0) != (self.busy is not None):
            raise ValueError("busy_share and busy need each other")
        return self


class Slot(Model):
    """One unit of a response: what it must be able to do, and whether it takes the patient."""

    needs: list[Name] = Field(default_factory=list, max_length=16)
    transports: bool = True


Response = Annotated[list[Slot], Field(min_length=1, max_length=16)]


class IncidentType(Model):
    """A kind of incident within a priority, with durations and a response of its own.

    `weight` is its part of the incidents of its priority, against the other types of
    that priority. `hospital_needs` names capabilities that a hospital must have to take
    its patients. `response` lists alternatives, each a list of units: of those that can
    be sent in full, the one whose last unit comes first is sent. What is left out is
    that of the priority or of the process.
    """

    name: Name
    priority: Name
    weight: Weight = 1.0
    transported: Share | None = None
    on_scene: Duration | None = None
    handover: Duration | None = None
    hospital_needs: Annotated[list[Name], Field(max_length=16)] | None = None
    response: list[Response] = Field(default_factory=list, max_length=8)


class Dispatch(Model):
    """What may be done beside sending free units.

    `divert` lists pairs of priorities: a unit on its way to an incident of the first may
    be sent to one of the second. `hospital` is the id of the policy that chooses the
    hospital (see `engine.hospital`); left out, it is the nearest.
    """

    divert: list[tuple[Name, Name]] = Field(default_factory=list)
    hospital: Name | None = None


class Driving(Model):
    """How drives follow the time of day.

    With `by_hour` each drive takes what the speeds of the hour in which it begins say,
    else what the mean of all hours says.
    """

    by_hour: bool = False


class Pause(Model):
    """A break within a shift, local time."""

    start: time
    minutes: Annotated[float, Field(gt=0, le=1440)]


class Shift(Model):
    """When units that name it in ``units.csv`` are on duty; several of one name add up.

    Local time; a shift that ends at or before its start ends on the next day.
    """

    name: Name
    days: Annotated[
        list[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]], Field(min_length=1)
    ]
    start: time
    end: time
    pauses: list[Pause] = Field(default_factory=list, max_length=8)


class Disturbance(Model):
    """Something out of the ordinary, in hours since the horizon's start.

    ``station_closed``: nobody leaves the station `id`. ``hospital_closed``: the hospital
    `id` takes nobody. ``road_closed``: roads that touch the polygon `area` (lon, lat)
    cannot be used by drives that begin then. ``surge``: calls come `factor` times as often.
    ``mass_casualty``: `count` incidents of `type` at once in the zone `id`. ``grounded``: the
    weather lets no unit fly; one in the air ends its work.
    """

    kind: Literal[
        "station_closed", "hospital_closed", "road_closed", "surge", "mass_casualty", "grounded"
    ]
    start_h: Annotated[float, Field(ge=0, le=87_840)]
    end_h: Annotated[float, Field(ge=0, le=87_840)] | None = None
    id: Name | None = None
    factor: Annotated[float, Field(ge=0, le=1000)] | None = None
    count: Annotated[int, Field(ge=1, le=100_000)] | None = None
    type: Name | None = None
    area: list[tuple[float, float]] = Field(default_factory=list)

    @model_validator(mode="after")
    def _whole(self) -> Disturbance:
        needed = {
            "station_closed": ("end_h", "id"),
            "hospital_closed": ("end_h", "id"),
            "road_closed": ("end_h", "area"),
            "surge": ("end_h", "factor"),
            "mass_casualty": ("id", "count", "type"),
            "grounded": ("end_h",),
        }[self.kind]
        given = {
            name
            for name in ("end_h", "id", "factor", "count", "type", "area")
            if getattr(self, name) not in (None, [])
        }
        if given != set(needed):
            raise ValueError(f"{self.kind} needs {', '.join(needed)}, and nothing else")
        if self.end_h is not None and self.end_h <= self.start_h:
            raise ValueError(f"{self.kind} ends at {self.end_h:g} h, not after its start")
        return self


def all_types(settings: Settings) -> list[IncidentType]:
    """Return the types of incidents, nothing left out.

    Parameters
    ----------
    settings : Settings
        The rules.

    Returns
    -------
    list of IncidentType
        By priority: those given, or one that bears its name. A type without a response
        of its own needs one unit, that of its priority.
    """
    found = []
    for priority in settings.priorities:
        given = [t for t in settings.incident_types if t.priority == priority.name]
        for kind in given or [IncidentType(name=priority.name, priority=priority.name)]:
            left_out = {
                "transported": _or(kind.transported, priority.transported),
                "on_scene": _or(kind.on_scene, settings.process.on_scene),
                "handover": _or(kind.handover, settings.process.handover),
                "response": kind.response or [[Slot(needs=priority.needs)]],
            }
            found.append(kind.model_copy(update=left_out))
    return found


def _or(given: Any, otherwise: Any) -> Any:
    return otherwise if given is None else given


def check_operations(settings: Settings) -> None:
    """Check what types of incidents, dispatch and disturbances say of each other.

    Parameters
    ----------
    settings : Settings
        The rules.

    Raises
    ------
    ValueError
        Something is named that is not there, or means nothing.
    """
    priorities = [p.name for p in settings.priorities]
    for kind in settings.incident_types:
        if kind.priority not in priorities:
            raise ValueError(
                f"incident_types: {kind.name!r} names no such priority: {kind.priority!r}"
            )
    names = [kind.name for kind in all_types(settings)]
    if len(set(names)) != len(names):
        raise ValueError(f"incident_types: names repeat: {names}")
    _check_types(settings, priorities)
    _check_diversion(settings.dispatch, priorities)
    for event in settings.disturbances:
        if event.kind == "mass_casualty" and event.type not in names:
            raise ValueError(f"disturbances: no such type of incident: {event.type!r}")


def _check_types(settings: Settings, priorities: Sequence[str]) -> None:
    offered = {skill for kind in settings.unit_types.values() for skill in kind.capabilities}
    for kind in settings.incident_types:
        asked = {skill for units in kind.response for slot in units for skill in slot.needs}
        if lacking := sorted(asked - offered):
            raise ValueError(
                f"incident_types: {kind.name!r} needs what no unit type offers: {lacking}"
            )
    for name in priorities:
        weights = [kind.weight for kind in settings.incident_types if kind.priority == name]
        if weights and sum(weights) <= 0:
            raise ValueError(f"incident_types: all types of priority {name!r} have weight 0")


def _check_diversion(dispatch: Dispatch, priorities: Sequence[str]) -> None:
    for lower, higher in dispatch.divert:
        if unknown := sorted({lower, higher} - set(priorities)):
            raise ValueError(f"dispatch.divert: no such priority: {unknown}")
        if priorities.index(lower) <= priorities.index(higher):
            raise ValueError(
                f"dispatch.divert: {lower!r} is not served after {higher!r}, so that nobody "
                "can be diverted"
            )
