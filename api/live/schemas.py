"""What the live service takes and gives, field by field; strict as `api.schemas`.

Reasons are words of a list: free text could tell of a person.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from api.live.commands import Reason as ReasonWord
from api.schemas import (
    Lat,
    Lon,
    LonLat,
    Name,
    Names,
    ProblemDetails,
    Recommendation,
    Status,
    Time,
)

MOST_REPORTS: Final = 2_000
MOST_SHIFTS: Final = 400
MOST_VERTICES: Final = 1_000

Id = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$",
        description="A name of your own: letters, digits, . _ : - (no name of a person).",
    ),
]
Version = Annotated[
    int, Field(ge=1, le=2**53, description="As you saw it: if it is another now, 409.")
]
Reason = Annotated[ReasonWord, Field(description="Why you decide so.")]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class NewIncident(_Model):
    """A call that was answered."""

    id: Id | None = Field(default=None, description="Else one is made.")
    lon: Lon
    lat: Lat
    priority: Name | None = Field(
        default=None, description="A priority of the scenario; else its first, the most urgent."
    )
    type: Name | None = Field(default=None, description="A type of incident of the scenario.")
    needs: Names | None = Field(
        default=None, description="Capabilities that one unit must have; else the priority's."
    )
    called_at: Time | None = Field(
        default=None, description="When the call was answered; else now, and never later."
    )


class IncidentChanges(_Model):
    """What is another than it was; what is left out stays."""

    version: Version
    lon: Lon | None = None
    lat: Lat | None = None
    priority: Name | None = None
    type: Name | None = None
    needs: Names | None = None

    @model_validator(mode="after")
    def _whole(self) -> IncidentChanges:
        given = self.model_fields_set
        if ("lon" in given) != ("lat" in given):
            raise PydanticCustomError("half_a_place", "lon and lat go together")
        if not given - {"version"}:
            raise PydanticCustomError("no_change", "nothing is changed")
        for name in ("lon", "lat", "priority"):
            if name in given and getattr(self, name) is None:
                raise PydanticCustomError(
                    "null", "{name} cannot be null", {"name": name, "fix": "leave it out"}
                )
        return self


class Closing(_Model):
    """An incident is over."""

    version: Version
    reason: Literal["done", "nobody_there", "duplicate", "false_alarm", "handed_over"] = "done"


class ChosenUnit(_Model):
    """A unit to be sent, as you saw it."""

    unit: Name
    version: Version


class NewAssignment(_Model):
    """Units to be sent to an incident."""

    version: Version
    units: Annotated[list[ChosenUnit], Field(min_length=1, max_length=50)]
    recommendation: Id | None = Field(default=None, description="What you were shown.")
    reason: Reason | None = Field(
        default=None, description="Needed where others go than those recommended."
    )

    @model_validator(mode="after")
    def _once(self) -> NewAssignment:
        names = [each.unit for each in self.units]
        if len(set(names)) < len(names):
            raise PydanticCustomError("repeated", "a unit is named twice")
        return self


class Releasing(_Model):
    """A unit to be taken off an incident."""

    unit: Name
    version: Version
    reason: Literal["not_needed", "needed_elsewhere", "cannot_go_on", "sent_in_error"]


class UnitSettings(_Model):
    """What a unit is."""

    type: Name
    station: Name
    capabilities: Names | None = Field(default=None, description="Else those of its type.")
    version: Version | None = Field(default=None, description="Null: it is new.")


class StatusReport(_Model):
    """What a unit does."""

    status: Status
    observed_at: Time | None = Field(default=None, description="By the reporter's clock; else now.")


class PositionReport(_Model):
    """Where a unit is."""

    lon: Lon
    lat: Lat
    observed_at: Time | None = Field(default=None, description="By the reporter's clock; else now.")


class UnitPosition(PositionReport):
    """Where which unit is."""

    unit: Name


class PositionReports(_Model):
    """Where units are; late and repeated reports do no harm."""

    reports: Annotated[list[UnitPosition], Field(min_length=1, max_length=MOST_REPORTS)]


class IgnoredReport(_Model):
    """A report that changed nothing."""

    unit: str
    cause: Literal["late", "unknown"] = Field(
        description="A later one was here before, or there is no such unit."
    )


class PositionsTaken(_Model):
    """What became of position reports."""

    event: int | None = Field(description="Number of the event; null: nothing was to be written.")
    taken: int
    ignored: list[IgnoredReport]


class Shift(_Model):
    """From when to when a unit has a crew."""

    start: Time
    end: Time

    @model_validator(mode="after")
    def _forward(self) -> Shift:
        if self.end <= self.start:
            raise PydanticCustomError("backward", "end is not after start")
        return self


class Shifts(_Model):
    """When a unit has a crew."""

    version: Version
    shifts: Annotated[list[Shift], Field(max_length=MOST_SHIFTS)] | None = Field(
        description="Null: always."
    )


class MoveDecision(_Model):
    """A free unit to go to another station."""

    unit: Name
    version: Version
    station: Name
    proposal: Id | None = Field(default=None, description="What you were shown.")
    reason: Reason | None = Field(
        default=None, description="Needed where nobody proposed this move."
    )


class MovesDeclined(_Model):
    """A proposal turned down."""

    reason: Reason


class ClosedLine(_Model):
    """Roads that a line crosses or runs along."""

    type: Literal["LineString"]
    coordinates: Annotated[list[LonLat], Field(min_length=2, max_length=MOST_VERTICES)]


class ClosedArea(_Model):
    """Roads that an area touches."""

    type: Literal["Polygon"]
    coordinates: Annotated[
        list[Annotated[list[LonLat], Field(min_length=4, max_length=MOST_VERTICES)]],
        Field(min_length=1, max_length=20),
    ]

    @model_validator(mode="after")
    def _closed(self) -> ClosedArea:
        for ring in self.coordinates:
            if ring[0] != ring[-1]:
                raise PydanticCustomError("open_ring", "a ring does not end where it begins")
        return self


class Closure(_Model):
    """A piece of the roads that is closed or slow."""

    geometry: Annotated[ClosedLine | ClosedArea, Field(discriminator="type")]
    begins: Time | None = Field(default=None, alias="from", description="Null: it holds already.")
    ends: Time | None = Field(default=None, alias="to", description="Null: until it is lifted.")
    factor: Annotated[float, Field(gt=0, le=1000)] | None = Field(
        default=None, description="Drive times are multiplied with it; null: closed."
    )
    version: Version | None = Field(default=None, description="Null: it is new.")

    @model_validator(mode="after")
    def _forward(self) -> Closure:
        if self.begins is not None and self.ends is not None and self.ends <= self.begins:
            raise PydanticCustomError("backward", "to is not after from")
        return self


class HospitalState(_Model):
    """Whether a hospital takes patients."""

    state: Literal["open", "full", "closed"]
    version: Annotated[int, Field(ge=0)] | None = None


class Asking(_Model):
    """How to rank."""

    policy: Name = Field(default="closest", description="A dispatch policy, such as closest-v1.")
    limit: Annotated[int, Field(ge=1, le=100, description="Longest ranking.")] = 10


class AskingMoves(_Model):
    """By which rule to propose."""

    policy: Name | None = Field(default=None, description="A policy that moves units.")


class Happened(_Model):
    """An event of the log, as the stream tells it."""

    id: int = Field(description="Its number; no number is left out, but for what you may not see.")
    at: str = Field(description="When it was received, UTC.")
    kind: str
    actor: str | None = Field(description="Who caused it; null: not for your role.")
    data: dict[str, Any]


class PositionView(_Model):
    """The last position of a unit."""

    lon: float
    lat: float
    observed_at: str = Field(description="By the reporter's clock, set right where it is known.")
    received_at: str
    age_seconds: float
    stale: bool = Field(
        description="Too old to be relied on: the unit's station stands in for it if it is "
        "there, else whatever is said of its arrival says so."
    )
    clock_ahead_seconds: float = Field(description="Of the reporter's clock, before ours.")
    clock_behind_seconds: float = Field(
        description="The least time that its reports ever took: what its clock is behind, "
        "or their way."
    )


class UnitView(_Model):
    """A unit as it is."""

    id: str
    type: str
    station: str
    capabilities: list[str]
    status: int = Field(description="FMS code in force.")
    status_name: str
    reported_status: int = Field(description="A request to speak leaves the status in force.")
    status_at: str | None
    incident: str | None
    moving_to: str | None
    on_duty: bool
    available: bool = Field(description="It could be sent.")
    position: PositionView | None
    version: int


class IncidentView(_Model):
    """An incident as it is."""

    id: str
    lon: float
    lat: float
    priority: str
    type: str | None
    needs: list[str] | None
    called_at: str
    waiting_seconds: float = Field(description="Since the call.")
    state: Literal["waiting", "underway", "served", "closed"]
    units: list[str]
    version: int


class Units(_Model):
    """All units."""

    event: int = Field(description="The last event that this holds.")
    units: list[UnitView]


class Incidents(_Model):
    """Incidents."""

    event: int = Field(description="The last event that this holds.")
    incidents: list[IncidentView]


class HospitalView(_Model):
    """A hospital as it is."""

    id: str
    name: str
    lon: float
    lat: float
    state: Literal["open", "full", "closed"]
    version: int


class Hospitals(_Model):
    """All hospitals."""

    event: int
    hospitals: list[HospitalView]


class Feature(_Model):
    """A feature of GeoJSON (RFC 7946)."""

    type: Literal["Feature"] = "Feature"
    id: str
    geometry: dict[str, Any] | None
    properties: dict[str, Any]


class FeatureCollection(_Model):
    """Features of GeoJSON (RFC 7946), and the last event that they hold."""

    type: Literal["FeatureCollection"] = "FeatureCollection"
    event: int
    features: list[Feature]


class Coverage(FeatureCollection):
    """What free units reach in time now."""

    share: float | None = Field(description="Of the demand; null: there is none.")
    limit_seconds: float
    standard: str


class Conflict(ProblemDetails):
    """Things are not as you took them to be (409): how they are."""

    units: list[UnitView]
    incidents: list[IncidentView]


class LiveRecommendation(Recommendation):
    """Which units could go to an incident, as things are."""

    recommendation: str = Field(description="Name it when you assign.")
    event: int = Field(description="The last event that it takes into account.")
    incident_version: int
    unit_versions: dict[str, int] = Field(description="Of the units ranked.")
    stale_positions: list[str] = Field(
        description="Ranked units whose position is too old: their arrival is a guess."
    )
    assumed_positions: list[str] = Field(
        description="Ranked units taken to be at their station, for want of a fresh position."
    )


class ShownMove(_Model):
    """A move that is proposed."""

    unit: str
    version: int
    from_station: str
    to_station: str
    drive_seconds: float
    reason: str


class LiveProposal(_Model):
    """Which free units to move."""

    proposal: str = Field(description="Name it when you accept or decline.")
    event: int
    policy: str
    moves: list[ShownMove]
    coverage_before: float | None
    coverage_after: float | None
    degraded: bool
    degraded_cause: str | None


class AuditPage(_Model):
    """Who did and was shown what."""

    events: list[Happened]
    next: int | None = Field(description="Ask with ?after= this for more; null: there is none.")
