"""What the paths in openrouteservice's shape take and give, field by field.

The facts are those of openrouteservice's documentation of its API, version 2. What it
knows and this service cannot do is refused by name, not passed over.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.compat.itinerary import MOST_STOPS
from api.schemas import (
    MOST_POINTS,
    LineString,
    LonLat,
    Polygons,
    ProblemDetails,
    Ranges,
    Seconds,
    SnappedMetres,
)

OrsProfile = Annotated[
    Literal["siren", "normal", "driving-car"],
    Field(description="Speeds with siren, or of traffic; driving-car means normal."),
]
Units = Literal["m", "km", "mi"]
Index = Annotated[
    Annotated[int, Field(ge=0)] | Annotated[str, Field(pattern=r"^(all|[0-9]{1,5})$")],
    Field(description="Which of the locations, counted from 0, as a number or as text."),
]
Indices = Annotated[list[Index], Field(min_length=1, max_length=MOST_POINTS)]
Length = Annotated[float, Field(ge=0, description="In the units asked for.")]
Duration = Annotated[float, Field(ge=0, description="Seconds.")]
Box = Annotated[
    list[float], Field(min_length=4, max_length=4, description="West, south, east, north.")
]
Rows = Annotated[list[int], Field(description="Vertices of the geometry, counted from 0.")]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class _Request(_Model):
    profile: OrsProfile | None = Field(
        default=None, description="That of the path; some clients say it twice."
    )
    optimized: bool = Field(default=True, description="Taken; the fastest way is exact anyway.")


class OrsMatrixRequest(_Request):
    """From where to where."""

    locations: Annotated[list[LonLat], Field(min_length=1, max_length=MOST_POINTS)]
    sources: Indices | None = Field(default=None, description="Rows; all if left out.")
    destinations: Indices | None = Field(default=None, description="Columns; all if left out.")
    metrics: Annotated[list[Literal["duration", "distance"]], Field(min_length=1, max_length=2)] = [
        "duration"
    ]
    units: Units = "m"
    resolve_locations: bool = Field(default=False, description="Name the streets.")


class OrsDirectionsRequest(_Request):
    """By way of what."""

    coordinates: Annotated[list[LonLat], Field(min_length=2, max_length=MOST_STOPS)]
    radiuses: (
        Annotated[list[Literal[-1] | Annotated[float, Field(gt=0)]], Field(min_length=1)] | None
    ) = Field(
        default=None,
        description="Metres that places may lie from their roads, -1 for our limit; one for all.",
    )
    units: Units = "m"
    geometry: bool = True
    instructions: bool = True
    preference: Literal["recommended", "fastest"] = Field(
        default="recommended", description="The fastest way is recommended."
    )
    language: Literal["en", "en-us", "en-gb"] = "en"
    instructions_format: Literal["text"] = "text"
    suppress_warnings: bool = Field(default=True, description="Taken; there are none.")
    geometry_simplify: Literal[False] = False
    continue_straight: Literal[False] = False
    elevation: Literal[False] = False
    maneuvers: Literal[False] = False
    roundabout_exits: Literal[False] = False


class OrsIsochronesRequest(_Request):
    """From where, how long."""

    locations: Annotated[list[LonLat], Field(min_length=1, max_length=5)]
    range: Ranges
    interval: Annotated[float, Field(gt=0, le=3600)] | None = Field(
        default=None,
        description="With a single range: seconds between isochrones, the last at the range.",
    )
    range_type: Literal["time"] = "time"
    location_type: Literal["start", "destination"] = Field(
        default="start", description="What is reached from there, or from where it is reached."
    )
    attributes: Annotated[list[Literal["area"]], Field(max_length=1)] = []
    area_units: Units = Field(default="m", description="Of which areas are the squares.")
    units: Literal["m"] = Field(default="m", description="Of lengths; a range here is a time.")
    intersections: Literal[False] = False


OrsRequest = OrsMatrixRequest | OrsDirectionsRequest | OrsIsochronesRequest


class OrsEngine(_Model):
    """What has answered."""

    name: Literal["bluelight"] = "bluelight"
    version: str


class OrsMetadata(_Model):
    """Where an answer comes from."""

    attribution: Literal["© OpenStreetMap contributors, ODbL 1.0"] = (
        "© OpenStreetMap contributors, ODbL 1.0"
    )
    service: Literal["matrix", "routing", "isochrones"]
    timestamp: int = Field(description="Milliseconds since 1970-01-01 UTC.")
    query: OrsRequest
    engine: OrsEngine


class OrsPlace(_Model):
    """A place on its road."""

    location: list[float] = Field(description="Lon, lat of the nearest point of a road.")
    snapped_distance: SnappedMetres
    name: str | None = Field(default=None, description="Of the street, where asked for.")


class OrsMatrix(_Model):
    """Travel times, a row for each source."""

    durations: list[list[Seconds]] | None = None
    distances: list[list[Length | None]] | None = None
    sources: list[OrsPlace]
    destinations: list[OrsPlace]
    metadata: OrsMetadata


class OrsStep(_Model):
    """A part of a segment along one street; the last is where one arrives."""

    distance: Length
    duration: Duration
    type: Annotated[int, Field(ge=0, le=13, description="Kind of instruction, by number.")]
    instruction: str
    name: str = Field(description="Of the street; - where it has none.")
    way_points: Rows


class OrsSegment(_Model):
    """The way from one place to the next."""

    distance: Length
    duration: Duration
    steps: list[OrsStep] | None = None


class OrsSummary(_Model):
    """The whole."""

    distance: Length
    duration: Duration


class OrsRoute(_Model):
    """The fastest way by all places."""

    summary: OrsSummary
    segments: list[OrsSegment]
    bbox: Box
    geometry: str | None = Field(default=None, description="Encoded polyline of five digits.")
    way_points: Rows


class OrsRoutes(_Model):
    """Always one route."""

    bbox: Box
    routes: list[OrsRoute]
    metadata: OrsMetadata


class OrsRouteProperties(_Model):
    """What the route takes."""

    segments: list[OrsSegment]
    way_points: Rows
    summary: OrsSummary


class OrsRouteFeature(_Model):
    """The fastest way by all places, a feature of GeoJSON (RFC 7946)."""

    type: Literal["Feature"] = "Feature"
    bbox: Box
    properties: OrsRouteProperties
    geometry: LineString


class OrsRouteFeatures(_Model):
    """Always one route."""

    type: Literal["FeatureCollection"] = "FeatureCollection"
    bbox: Box
    features: list[OrsRouteFeature]
    metadata: OrsMetadata


class Polygon(_Model):
    """A polygon of GeoJSON (RFC 7946)."""

    type: Literal["Polygon"] = "Polygon"
    coordinates: list[list[list[float]]]


class OrsIsochroneProperties(_Model):
    """Which isochrone it is."""

    group_index: int = Field(description="Row of the location.")
    value: float = Field(description="Seconds.")
    center: list[float] = Field(description="Lon, lat of the location on its road.")
    area: float | None = Field(default=None, description="In squares of area_units.")


class OrsIsochrone(_Model):
    """What is reached in time: a polygon, or several where it falls into parts."""

    type: Literal["Feature"] = "Feature"
    properties: OrsIsochroneProperties
    geometry: Polygon | Polygons


class OrsIsochrones(_Model):
    """For each location, the smallest first."""

    type: Literal["FeatureCollection"] = "FeatureCollection"
    bbox: Box
    features: list[OrsIsochrone]
    metadata: OrsMetadata


class OrsError(_Model):
    """What is wrong, in openrouteservice's words."""

    code: int = Field(description="By openrouteservice's list of error codes.")
    message: str = Field(description="The same as detail.")


class OrsProblem(ProblemDetails):
    """A problem (RFC 9457) that also says in openrouteservice's words what is wrong."""

    error: OrsError
