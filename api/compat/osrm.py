"""Travel times, routes and nearest roads in the shape of OSRM's HTTP API."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Final

from fastapi import APIRouter, Path, Query
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from api.compat.itinerary import MOST_STOPS
from api.compat.osrm_answers import nearest, route, table
from api.compat.osrm_schemas import (
    COORDINATES,
    NUMBER,
    OsrmNearest,
    OsrmNearestQuery,
    OsrmProblem,
    OsrmProfile,
    OsrmRoute,
    OsrmRouteQuery,
    OsrmTable,
    OsrmTableQuery,
)
from api.compat.polyline import decode
from api.problems import NoWayError, OffRoadError, ProblemError, at_fault, routes_that_say
from api.schemas import MOST_POINTS, ProblemDetails

if TYPE_CHECKING:
    from api.city import City
    from api.compat.osrm_schemas import OsrmCode
    from api.schemas import Profile

_PROFILES: Final[dict[str, Profile]] = {
    "siren": "siren",
    "normal": "normal",
    "driving": "normal",
    "car": "normal",
}

_MALFORMED: Final = {"extra_forbidden", "malformed", "missing"}
"""Kinds of validation errors that are of the address, not of a value in it."""

_POLYLINE: Final = re.compile(r"polyline(6?)\((.*)\)", re.DOTALL)

_Coordinates = Annotated[
    str,
    Path(
        description="Places as lon,lat;lon,lat or as polyline(...), which is lat before lon.",
        json_schema_extra={"pattern": COORDINATES},
    ),
]


class MalformedError(ProblemError):
    """Places in an address cannot be read."""


_CODES: Final[dict[type[Exception], OsrmCode]] = {
    OffRoadError: "NoSegment",
    NoWayError: "NoRoute",
    MalformedError: "InvalidQuery",
}


def router(city: City) -> APIRouter:
    """Make the paths.

    Parameters
    ----------
    city : City
        What they answer from.

    Returns
    -------
    APIRouter
        Below ``/osrm``.
    """
    routes = APIRouter(
        prefix="/osrm",
        route_class=routes_that_say(_words),
        responses={
            "4XX": {
                "model": OsrmProblem | ProblemDetails,
                "description": "The request is at fault; it says where.",
            }
        },
    )

    @routes.get("/table/v1/{profile}/{coordinates}", response_model_exclude_none=True)
    def osrm_table(  # numpydoc ignore=PR01
        profile: OsrmProfile,
        coordinates: _Coordinates,
        query: Annotated[OsrmTableQuery, Query()],
    ) -> OsrmTable:
        """Compute travel times from each source to each destination, as OSRM's table."""
        return table(city, _PROFILES[profile], _points(coordinates, 1, MOST_POINTS), query)

    @routes.get("/route/v1/{profile}/{coordinates}", response_model_exclude_none=True)
    def osrm_route(  # numpydoc ignore=PR01
        profile: OsrmProfile,
        coordinates: _Coordinates,
        query: Annotated[OsrmRouteQuery, Query()],
    ) -> OsrmRoute:
        """Find the fastest way by all places in their order, as OSRM's route."""
        return route(city, _PROFILES[profile], _points(coordinates, 2, MOST_STOPS), query)

    @routes.get("/nearest/v1/{profile}/{coordinates}", response_model_exclude_none=True)
    def osrm_nearest(  # numpydoc ignore=PR01
        profile: OsrmProfile,  # noqa: ARG001  # all drive on the same roads
        coordinates: _Coordinates,
        query: Annotated[OsrmNearestQuery, Query()],
    ) -> OsrmNearest:
        """Find the roads nearest to a place, as OSRM's nearest."""
        (point,) = _points(coordinates, 1, 1)
        return nearest(city, point, query)

    return routes


def examples(city: City) -> dict[str, str]:
    """Name places of this city for each path.

    Parameters
    ----------
    city : City
        The city.

    Returns
    -------
    dict of str to str
        Coordinates by path.
    """
    ends = [f"{lon},{lat}" for lon, lat in city.examples()["/v1/matrix"]["sources"]]
    both = ";".join(ends)
    below = "/osrm/{}/v1/{{profile}}/{{coordinates}}".format
    return {below("table"): both, below("route"): both, below("nearest"): ends[0]}


def _points(text: str, fewest: int, most: int) -> list[list[float]]:
    """Read the places of an address."""
    written = text.removesuffix(".json")
    line = _POLYLINE.fullmatch(written)
    try:
        if line:
            points = decode(line[2], 6 if line[1] else 5)
        else:
            points = [[_number(part) for part in pair.split(",")] for pair in written.split(";")]
    except ValueError as error:
        raise _malformed(text, f"cannot be read: {error}") from error
    if not all(len(point) == 2 for point in points):
        raise _malformed(text, "have a place that is not one lon and one lat")
    if not fewest <= len(points) <= most:
        wanted = f"{fewest}" if fewest == most else f"{fewest} to {most:,}"
        message = f"places: {len(points):,}, where this path takes {wanted}"
        if len(points) > most > 1:
            fix = "send several smaller requests"
            raise ProblemError(
                [at_fault("coordinates", text, message, fix)],
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            )
        raise ProblemError([at_fault("coordinates", text, message, f"give {wanted}")])
    for row, (lon, lat) in enumerate(points):
        if abs(lon) > 180 or abs(lat) > 90:
            message = "is no position on Earth"
            fix = "give lon in -180 to 180 and lat in -90 to 90, in this order"
            raise ProblemError([at_fault(f"coordinates[{row}]", f"{lon},{lat}", message, fix)])
    return points


def _number(text: str) -> float:
    if not re.fullmatch(NUMBER, text):
        raise ValueError(f"{text[:30]!r} is no number of degrees")
    return float(text)


def _malformed(text: str, message: str) -> MalformedError:
    fix = "write lon,lat;lon,lat or polyline(...)"
    return MalformedError([at_fault("coordinates", text, message, fix)])


def _words(error: Exception, problem: ProblemDetails) -> ProblemDetails:
    """Add OSRM's words; it answers 400 whatever is wrong, we also 413."""
    code = _code(error, problem.status)
    if code is None:
        return problem
    status = HTTPStatus.BAD_REQUEST if problem.status == 422 else HTTPStatus(problem.status)
    told = dict(problem) | {"title": status.phrase, "status": status.value}
    return OsrmProblem(**told, code=code, message=problem.detail)


def _code(error: Exception, status: int) -> OsrmCode | None:
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return "TooBig"
    if isinstance(error, HTTPException):
        return None  # who may not ask is told so in the house's words alone
    if isinstance(error, RequestValidationError):
        return "InvalidQuery" if error.errors()[0]["type"] in _MALFORMED else "InvalidValue"
    return next((code for kind, code in _CODES.items() if isinstance(error, kind)), "InvalidValue")
