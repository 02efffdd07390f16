"""What the paths in OSRM's shape take and give, field by field.

The facts are those of OSRM's documentation of its HTTP API, version 1. What is asked for
stands in the address, so all of it is text.
"""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from api.schemas import LineString, Metres, ProblemDetails, Seconds, SnappedMetres

MOST_NEAREST: Final = 100

NUMBER: Final = r"-?[0-9]{1,3}(\.[0-9]{1,20})?(e-[0-9]{1,2})?"
"""Degrees; Python's programs write those near zero with an exponent."""

COORDINATES: Final = (
    rf"^({NUMBER},{NUMBER}(;{NUMBER},{NUMBER})*"
    r"|polyline6?\([?-~]*\))(\.json)?$"
)
"""What stands where the places stand."""

_RADIUS: Final = r"([0-9]{1,9}(\.[0-9]{1,9})?|unlimited)?"
_RADIUSES: Final = rf"{_RADIUS}(;{_RADIUS})*"

INDICES: Final = r"^(all|[0-9]{1,5}(;[0-9]{1,5})*)$"

ANNOTATIONS: Final = ("duration", "distance", "speed", "weight")
"""What is told of each segment of a route's line."""

_ONE: Final = f"({'|'.join(ANNOTATIONS)})"
_ANNOTATIONS: Final = f"^(true|false|{_ONE}(,{_ONE})*)$"

OsrmProfile = Annotated[
    Literal["siren", "normal", "driving", "car"],
    Field(description="Speeds with siren, or of traffic; driving and car mean normal."),
]
OsrmCode = Literal["InvalidQuery", "InvalidValue", "NoSegment", "NoRoute", "TooBig"]
Flag = Literal["true", "false"]
Geometry = Annotated[
    str | LineString, Field(description="Of the kind that was asked for by geometries.")
]


def _indices(text: str) -> str:
    numbers = text.split(";")
    if text != "all" and not all(
        each.isascii() and each.isdigit() and len(each) < 6 for each in numbers
    ):
        raise PydanticCustomError(
            "malformed",
            "is neither a list of indices nor all",
            {"fix": "write all, or indices as in 0;2;5"},
        )
    return text


def _annotations(text: str) -> str:
    names = text.split(",")
    for name in names if text not in {"true", "false"} else ():
        if name not in ANNOTATIONS:
            raise PydanticCustomError(
                "literal_error",
                "there is no annotation {name}",
                {"name": name[:30], "fix": f"choose from {', '.join(ANNOTATIONS)}"},
            )
    return text


Indices = Annotated[
    str,
    AfterValidator(_indices),
    WithJsonSchema({"type": "string", "pattern": INDICES}),
    Field(description="Which of the places, counted from 0, as in 0;2;5; or all."),
]


def _radiuses(text: str) -> str:
    if not re.fullmatch(_RADIUSES, text):
        raise PydanticCustomError(
            "malformed",
            "is no list of metres",
            {"fix": "write a number, unlimited or nothing for each place, as in 50;;unlimited"},
        )
    return text


class OsrmQuery(BaseModel):
    """What stands behind the question mark on every path."""

    model_config = ConfigDict(extra="forbid")

    generate_hints: Flag = Field(default="true", description="Taken, but no hints are given.")
    radiuses: (
        Annotated[
            str,
            AfterValidator(_radiuses),
            WithJsonSchema({"type": "string", "pattern": f"^{_RADIUSES}$"}),
        ]
        | None
    ) = Field(
        default=None,
        description="Metres that each place may lie from its road, as in 50;;unlimited.",
    )


class OsrmTableQuery(OsrmQuery):
    """What a table is to hold."""

    skip_waypoints: Flag = Field(default="false", description="Leave the places out.")
    sources: Indices = "all"
    destinations: Indices = "all"
    annotations: Literal["duration", "distance", "duration,distance", "distance,duration"] = (
        "duration"
    )


class OsrmRouteQuery(OsrmQuery):
    """What a route is to hold."""

    skip_waypoints: Flag = Field(default="false", description="Leave the places out.")
    overview: Literal["simplified", "full", "false"] = "simplified"
    geometries: Literal["polyline", "polyline6", "geojson"] = "polyline"
    steps: Flag = "false"
    annotations: Annotated[
        str,
        AfterValidator(_annotations),
        WithJsonSchema({"type": "string", "pattern": _ANNOTATIONS}),
        Field(description="true for all that there are, or some of them, as in duration,speed."),
    ] = "false"
    alternatives: Annotated[
        str, Field(pattern="^(true|false|[0-9]{1,2})$", description="There is one route, always.")
    ] = "false"
    continue_straight: Literal["default", "false"] = Field(
        default="default", description="Routes may turn at their stops."
    )


class OsrmNearestQuery(OsrmQuery):
    """How many roads are wanted."""

    number: Annotated[int, Field(ge=1, le=MOST_NEAREST)] = 1


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class OsrmWaypoint(_Model):
    """A place on its road."""

    location: list[float] = Field(description="Lon, lat of the nearest point of the road.")
    name: str = Field(description="Of the street; empty where it has none.")
    distance: SnappedMetres


class OsrmNearest(_Model):
    """The nearest roads, the nearest first."""

    code: Literal["Ok"] = "Ok"
    waypoints: list[OsrmWaypoint]


class OsrmTable(_Model):
    """Travel times, a row for each source."""

    code: Literal["Ok"] = "Ok"
    durations: list[list[Seconds]] | None = None
    distances: list[list[Metres]] | None = None
    sources: list[OsrmWaypoint] | None = None
    destinations: list[OsrmWaypoint] | None = None


class OsrmManeuver(_Model):
    """What one does at the start of a step."""

    type: Literal["depart", "turn", "new name", "arrive"]
    modifier: str | None = Field(default=None, description="Which way one turns.")
    location: list[float] = Field(description="Lon, lat.")
    bearing_before: Annotated[int, Field(ge=0, lt=360)]
    bearing_after: Annotated[int, Field(ge=0, lt=360)]


class OsrmIntersection(_Model):
    """Where a step starts; of the roads there, those that the route takes."""

    location: list[float] = Field(description="Lon, lat.")
    bearings: list[int] = Field(description="Degrees clockwise from north.")
    entry: list[bool] = Field(description="Whether each may be entered.")
    come_by: int | None = Field(
        default=None, alias="in", description="Row of the road that one comes by."
    )
    out: int | None = Field(default=None, description="Row of the road that one leaves by.")


class OsrmStep(_Model):
    """A part of a leg along one street; the last is where one arrives."""

    distance: Annotated[float, Field(ge=0, description="Metres.")]
    duration: Annotated[float, Field(ge=0, description="Seconds.")]
    weight: Annotated[float, Field(ge=0, description="Seconds.")]
    geometry: Geometry
    name: str
    mode: Literal["driving"] = "driving"
    maneuver: OsrmManeuver
    intersections: list[OsrmIntersection]


class OsrmAnnotation(_Model):
    """What is told of each segment of the line of a leg, in the order driven."""

    duration: list[Annotated[float, Field(ge=0, description="Seconds.")]] | None = None
    distance: list[Annotated[float, Field(ge=0, description="Metres.")]] | None = None
    speed: list[Annotated[float, Field(ge=0, description="Metres per second.")]] | None = None
    weight: list[Annotated[float, Field(ge=0, description="Seconds.")]] | None = None


class OsrmLeg(_Model):
    """The way from one place to the next."""

    distance: Annotated[float, Field(ge=0, description="Metres.")]
    duration: Annotated[float, Field(ge=0, description="Seconds.")]
    weight: Annotated[float, Field(ge=0, description="Seconds.")]
    summary: str = Field(description="Names of its two longest streets, where steps are given.")
    steps: list[OsrmStep]
    annotation: OsrmAnnotation | None = None


class OsrmRouteFound(_Model):
    """The fastest way by all places."""

    distance: Annotated[float, Field(ge=0, description="Metres.")]
    duration: Annotated[float, Field(ge=0, description="Seconds.")]
    weight: Annotated[float, Field(ge=0, description="Seconds.")]
    weight_name: Literal["duration"] = "duration"
    geometry: Geometry | None = None
    legs: list[OsrmLeg]


class OsrmRoute(_Model):
    """Always one route."""

    code: Literal["Ok"] = "Ok"
    routes: list[OsrmRouteFound]
    waypoints: list[OsrmWaypoint] | None = None


class OsrmProblem(ProblemDetails):
    """A problem (RFC 9457) that also says in OSRM's words what is wrong."""

    code: OsrmCode
    message: str = Field(description="The same as detail.")
