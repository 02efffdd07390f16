"""What the service takes and gives, field by field.

Strict: no field beyond these, no number in a string, neither NaN nor infinity. No
field holds a person's name, a telephone number or free text.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from engine.fleet import FMS

MOST_UNITS: Final = 2_000
MOST_POINTS: Final = 10_000
MOST_CELLS: Final = 250_000
"""Cells of one matrix: seconds of work on a large city, a few megabytes of JSON."""

Lon = Annotated[float, Field(ge=-180, le=180, description="Degrees east, WGS84.")]
Lat = Annotated[float, Field(ge=-90, le=90, description="Degrees north, WGS84.")]
Name = Annotated[str, Field(min_length=1, max_length=100)]
Names = Annotated[list[Name], Field(max_length=16)]
Profile = Annotated[
    Literal["siren", "normal"], Field(description="Speeds with siren, or of traffic.")
]
Seconds = Annotated[float | None, Field(ge=0, description="Seconds; null: no way.")]
Metres = Annotated[int | None, Field(ge=0, description="Metres; null: no way.")]
SnappedMetres = Annotated[float, Field(ge=0, description="Metres from the place to its road.")]


def _within_the_globe(lonlat: list[float]) -> list[float]:
    for name, value, limit in zip(("lon", "lat"), lonlat, (180, 90), strict=True):
        if abs(value) > limit:
            raise PydanticCustomError(
                "off_the_globe",
                "{name} {value} is not within -{limit} to {limit} degrees",
                {"name": name, "value": value, "limit": limit},
            )
    return lonlat


LonLat = Annotated[
    list[float],
    Field(min_length=2, max_length=2),
    AfterValidator(_within_the_globe),
    WithJsonSchema(
        {
            "type": "array",
            "prefixItems": [
                {"type": "number", "minimum": -180, "maximum": 180},
                {"type": "number", "minimum": -90, "maximum": 90},
            ],
            "minItems": 2,
            "maxItems": 2,
            "description": "Lon, lat in degrees, WGS84.",
        }
    ),
]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class FieldProblem(_Model):
    """One field at fault."""

    field: str = Field(description="JSON path, such as units[3].status.")
    value: str | None = Field(description="What was given, shortened; null: nothing.")
    message: str = Field(description="What is wrong with it.")
    fix: str = Field(description="How to mend it; may be empty.")


class ProblemDetails(_Model):
    """A request that could not be answered (RFC 9457)."""

    type: str = Field(description="Always about:blank: the status says it.")
    title: str
    status: int
    detail: str = Field(description="The first error as one line.")
    errors: list[FieldProblem]


_CODES: Final = {status.name: status.code for status in FMS.statuses}


def _status_code(value: object) -> int:
    if isinstance(value, str) and value.lower() in _CODES:
        return _CODES[value.lower()]
    if isinstance(value, int) and not isinstance(value, bool) and value in _CODES.values():
        return value
    known = ", ".join(f"{code} {name}" for name, code in _CODES.items())
    raise PydanticCustomError("unknown_status", "no such status", {"fix": f"known: {known}"})


Status = Annotated[
    int,
    PlainValidator(_status_code),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "enum": sorted(_CODES.values())},
                {"type": "string", "enum": list(_CODES)},
            ],
            "description": "FMS status in force: its digit, or its name.",
        }
    ),
]


def _moment(value: object) -> datetime:
    try:
        time = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        time = None
    # beyond these years the calendar of the sun is none, and offsets leave that of Python
    if time is None or time.utcoffset() is None or not 1900 <= time.year <= 2200:
        raise PydanticCustomError(
            "no_time",
            "no time with its offset, of the years 1900 to 2200",
            {"fix": "write it as RFC 3339, such as 2026-11-24T08:30:00Z"},
        )
    return time


Time = Annotated[
    Any,
    PlainValidator(_moment),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]


class Incident(_Model):
    """Where help is needed, and which."""

    lon: Lon
    lat: Lat
    priority: Name | None = Field(
        default=None, description="A priority of the scenario; else its first, the most urgent."
    )
    needs: Names | None = Field(
        default=None, description="Capabilities that one unit must have; else the priority's."
    )
    type: Name | None = Field(
        default=None,
        description="A type of incident of the scenario, whose response plan the sets follow; "
        "else they hold one unit.",
    )
    waiting_seconds: Annotated[
        float, Field(ge=0, le=86_400, description="Time since the call was answered.")
    ] = 0.0


class Unit(_Model):
    """A unit, where it is now and what it does."""

    id: Name
    lon: Lon
    lat: Lat
    status: Status
    previous_status: Status | None = Field(
        default=None,
        description="The status before a request to speak (0, 5), which stays in force.",
    )
    type: Name | None = Field(
        default=None,
        description="A unit type of the scenario; else that of the scenario's unit of this id, "
        "else the scenario's first type.",
    )
    capabilities: Names | None = Field(
        default=None, description="What it can do now, instead of what its type can."
    )
    station: Name | None = Field(
        default=None,
        description="Where it stands or drives to while it is free; else the station of the "
        "scenario's unit of this id, else the nearest one.",
    )


class RecommendationRequest(_Model):
    """One incident and the units that might go."""

    incident: Incident
    units: Annotated[list[Unit], Field(max_length=MOST_UNITS)]
    policy: Name = Field(default="closest", description="A dispatch policy, such as closest-v1.")
    limit: Annotated[int, Field(ge=1, le=100, description="Longest ranking.")] = 10
    time: Time | None = Field(
        default=None,
        description="When; else now. Its hour says how many incidents are to be expected, "
        "and how long crews take to turn out.",
    )


class RankedUnit(_Model):
    """A unit that can go; arrival is turnout and travel."""

    rank: int
    unit: str
    type: str
    status: int
    arrival_seconds: float
    turnout_seconds: float
    travel_seconds: float
    distance: Annotated[int, Field(description="Metres to drive.")]
    snapped_distance: SnappedMetres | None = Field(description="Null: the roads did not answer.")
    reason: str


class PassedOver(_Model):
    """A unit that is not ranked, and why."""

    unit: str
    type: str
    status: int
    cause: Literal["unavailable", "unsuitable", "unreachable", "policy", "neighbour"]
    reason: str


class SentUnit(_Model):
    """A unit in a slot of a response, and when it arrives."""

    slot: int
    unit: str
    arrival_seconds: float
    earliest_seconds: float = Field(description="10 % quantile of the arrival.")
    latest_seconds: float = Field(description="90 % quantile of the arrival.")
    within_standard: Annotated[
        float | None, Field(ge=0, le=1, description="Probability; null: no standard applies.")
    ]


class SetReason(_Model):
    """A statement about a slot that follows from its numbers."""

    kind: Literal["closest", "later", "coverage", "empty"]
    slot: int
    later_seconds: float = Field(description="Seconds after the closest that could fill the slot.")
    coverage_share: float = Field(description="More of the demand covered than by the closest.")
    words: str


class UnfilledSlot(_Model):
    """A slot that nobody fills, and why each unit does not."""

    slot: int
    needs: list[str]
    passed_over: dict[str, str] = Field(description="A reason by unit.")


class RecommendedSet(_Model):
    """Units that go together."""

    alternative: int = Field(description="Which alternative of the response plan it is, from 0.")
    units: list[SentUnit]
    empty_slots: list[int]
    last_arrival_seconds: float | None = Field(description="Null: nobody goes.")
    coverage_before: float | None = Field(
        description="Share of demand that free units reach within the standard; null: not "
        "computed, as no standard applies, there is no demand, or units by zones are too many."
    )
    coverage_after: float | None = Field(description="The same once these have left.")
    reasons: list[SetReason]


class Recommendation(_Model):
    """Which units could go, best first."""

    policy: str = Field(description="The policy that ranked, with its version.")
    profile: Profile
    priority: str
    needs: list[str]
    incident_snapped_distance: SnappedMetres | None = Field(
        description="Null: the roads did not answer."
    )
    ranking: list[RankedUnit] = Field(description="The first is what the policy sends.")
    beyond_limit: int = Field(description="How many more could go than the ranking shows.")
    passed_over: list[PassedOver]
    reason: str = Field(description="What is recommended, or why nothing is.")
    figures: dict[str, float] = Field(
        description="What the policy's choice follows from, where it can say so: such as "
        "to_come, the late arrivals that its going is expected to cost others."
    )
    sets: list[RecommendedSet] = Field(
        description="Units to send together: what the policy sends, then the next best."
    )
    unfilled: list[UnfilledSlot] = Field(description="Slots that the first set leaves empty.")
    degraded: bool = Field(
        description="Whether this is a makeshift answer: the closest suitable units."
    )
    degraded_cause: str | None = Field(description="Why, where it is one.")


class MatrixRequest(_Model):
    """From where to where."""

    sources: Annotated[list[LonLat], Field(min_length=1, max_length=MOST_POINTS)]
    destinations: Annotated[list[LonLat], Field(min_length=1, max_length=MOST_POINTS)]
    profile: Profile = "siren"


class Snapped(_Model):
    """A place on its road."""

    location: list[float] = Field(description="Lon, lat of the nearest point of a road.")
    snapped_distance: SnappedMetres


class Matrix(_Model):
    """Travel times, a row for each source."""

    durations: list[list[Seconds]]
    distances: list[list[Metres]]
    sources: list[Snapped]
    destinations: list[Snapped]


class RouteRequest(_Model):
    """From where to where."""

    origin: LonLat = Field(alias="from")
    destination: LonLat = Field(alias="to")
    profile: Profile = "siren"


class LineString(_Model):
    """A line of GeoJSON (RFC 7946)."""

    type: Literal["LineString"] = "LineString"
    coordinates: list[list[float]]


class RouteProperties(_Model):
    """What the route takes."""

    seconds: float
    metres: int
    streets: list[str] = Field(description="Names along the way, without repetition in a row.")
    profile: Profile
    from_snapped_distance: SnappedMetres
    to_snapped_distance: SnappedMetres


class Route(_Model):
    """The fastest way, a feature of GeoJSON (RFC 7946)."""

    type: Literal["Feature"] = "Feature"
    geometry: LineString
    properties: RouteProperties


class Health(_Model):
    """The service is up, and for which data."""

    status: Literal["ok"] = "ok"
    scenario: str
    hash: str
    version: str


class Ready(_Model):
    """Whether the service can do all it is for."""

    ready: bool
    trouble: str | None = Field(description="What is wrong with its log.")
    event: int = Field(description="The last event.")
    degraded_lately: int = Field(description="Makeshift answers in the last five minutes.")


def _all_different(numbers: list[float]) -> list[float]:
    for row, number in enumerate(numbers):
        if number in numbers[:row]:
            raise PydanticCustomError(
                "twice",
                "{number} s is given twice",
                {"number": number, "fix": "give each time once"},
            )
    return numbers


Ranges = Annotated[
    list[Annotated[float, Field(gt=0, le=3600, description="Seconds.")]],
    Field(min_length=1, max_length=10),
    AfterValidator(_all_different),
]


class IsochroneRequest(_Model):
    """From where, how long; in the words of openrouteservice."""

    locations: Annotated[list[LonLat], Field(min_length=1, max_length=5)]
    range: Ranges
    location_type: Literal["start", "destination"] = Field(
        default="start", description="What is reached from there, or from where it is reached."
    )
    profile: Profile = "siren"


class IsochroneProperties(_Model):
    """Which isochrone it is."""

    group_index: int = Field(description="Row of the location.")
    value: float = Field(description="Seconds.")
    center: list[float] = Field(description="Lon, lat of the location on its road.")
    area: float = Field(description="Square metres.")


class Polygons(_Model):
    """Polygons of GeoJSON (RFC 7946)."""

    type: Literal["MultiPolygon"] = "MultiPolygon"
    coordinates: list[list[list[list[float]]]]


class IsochroneFeature(_Model):
    """What is reached in time, a feature of GeoJSON (RFC 7946)."""

    type: Literal["Feature"] = "Feature"
    geometry: Polygons
    properties: IsochroneProperties


class Isochrones(_Model):
    """For each location, the smallest first."""

    type: Literal["FeatureCollection"] = "FeatureCollection"
    features: list[IsochroneFeature]
