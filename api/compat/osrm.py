"""Travel times, routes and nearest roads in the shape of OSRM's HTTP API."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any, Final, NamedTuple

import numpy as np
from fastapi import APIRouter, Path, Query
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from api.city import check_cells
from api.compat.itinerary import MOST_STOPS, bearing, itinerary, simplified, turn_words
from api.compat.osrm_schemas import (
    ANNOTATIONS,
    COORDINATES,
    OsrmAnnotation,
    OsrmIntersection,
    OsrmLeg,
    OsrmManeuver,
    OsrmNearest,
    OsrmNearestQuery,
    OsrmProblem,
    OsrmProfile,
    OsrmRoute,
    OsrmRouteFound,
    OsrmRouteQuery,
    OsrmStep,
    OsrmTable,
    OsrmTableQuery,
    OsrmWaypoint,
)
from api.compat.polyline import decode, encode
from api.problems import NoWayError, OffRoadError, ProblemError, routes_that_say
from api.schemas import MOST_POINTS, FieldProblem, LineString, ProblemDetails
from routing.snapping import street_names

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from api.city import City
    from api.compat.itinerary import Itinerary, Leg
    from api.compat.osrm_schemas import OsrmCode
    from api.schemas import Profile
    from routing.snapping import Places

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
        city.snap([point], ["coordinates[0]"])
        places = city.snap_near(point, query.number)
        return OsrmNearest(waypoints=_waypoints(city, places))

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


def table(
    city: City, profile: Profile, points: list[list[float]], query: OsrmTableQuery
) -> OsrmTable:
    """Compute travel times from each source to each destination.

    Parameters
    ----------
    city : City
        The city.
    profile : str
        How they drive.
    points : list of pairs of float
        Lon, lat.
    query : OsrmTableQuery
        Which are sources and destinations, and what is asked of them.

    Returns
    -------
    OsrmTable
        Times, lengths or both.

    Raises
    ------
    ProblemError
        Points lie off the network, an index is that of no point, or there are too many
        cells.
    """
    rows = _indices(query.sources, len(points), "sources")
    columns = _indices(query.destinations, len(points), "destinations")
    check_cells(len(rows), len(columns))
    places = city.snap_list(points, "coordinates")
    cells = city.cells(profile, places[np.array(rows)], places[np.array(columns)])
    shown = None if query.skip_waypoints == "true" else _waypoints(city, places)
    return OsrmTable(
        durations=cells.seconds if "duration" in query.annotations else None,
        distances=cells.metres if "distance" in query.annotations else None,
        sources=shown and [shown[row] for row in rows],
        destinations=shown and [shown[column] for column in columns],
    )


def route(
    city: City, profile: Profile, points: list[list[float]], query: OsrmRouteQuery
) -> OsrmRoute:
    """Find the fastest way by all points in their order.

    Parameters
    ----------
    city : City
        The city.
    profile : str
        How they drive.
    points : list of pairs of float
        Lon, lat.
    query : OsrmRouteQuery
        What is told of the way.

    Returns
    -------
    OsrmRoute
        One route.

    Raises
    ------
    ProblemError
        Points lie off the network, or no road leads from one to the next.
    """
    annotated = _annotated(query.annotations)
    detailed = query.steps == "true" or bool(annotated)
    way = itinerary(city, profile, points, detailed=detailed)
    overview = None
    if query.overview != "false":
        whole = simplified(way.line) if query.overview == "simplified" else way.line
        overview = _geometry(whole, query.geometries)
    return OsrmRoute(
        routes=[
            OsrmRouteFound(
                distance=way.metres,
                duration=way.seconds,
                weight=way.seconds,
                geometry=overview,
                legs=[
                    OsrmLeg(
                        distance=leg.metres,
                        duration=leg.seconds,
                        weight=leg.seconds,
                        summary=_summary(leg) if query.steps == "true" else "",
                        steps=_steps(way, leg, query),
                        annotation=_annotation(leg, annotated),
                    )
                    for leg in way.legs
                ],
            )
        ],
        waypoints=None if query.skip_waypoints == "true" else _waypoints(city, way.stops),
    )


def _annotated(text: str) -> set[str]:
    if text == "true":
        return set(ANNOTATIONS)
    return set() if text == "false" else set(text.split(","))


def _annotation(leg: Leg, names: set[str]) -> OsrmAnnotation | None:
    if not names:
        return None
    seconds = leg.segment_s.round(3)
    speed = np.divide(
        leg.segment_m, leg.segment_s, out=np.zeros_like(leg.segment_m), where=leg.segment_s > 0
    )
    found = {
        "duration": seconds,
        "weight": seconds,
        "distance": leg.segment_m.round(1),
        "speed": speed.round(1),
    }
    return OsrmAnnotation(**{name: found[name].tolist() for name in names})


class _Moment(NamedTuple):
    """The start of a step: which way one comes and leaves; None at the ends of a leg."""

    row: int
    before: int | None
    after: int | None


def _steps(way: Itinerary, leg: Leg, query: OsrmRouteQuery) -> list[OsrmStep]:
    if query.steps == "false":
        return []
    steps = []
    for number, part in enumerate(leg.parts):
        moment = _Moment(
            part.first,
            bearing(way.line, part.first - 1) if number else None,
            bearing(way.line, part.first),
        )
        turn = turn_words(part.turn)
        kind = "depart" if not number else "new name" if turn == "straight" else "turn"
        steps.append(
            OsrmStep(
                distance=round(part.metres, 1),
                duration=round(part.seconds, 3),
                weight=round(part.seconds, 3),
                geometry=_geometry(way.line[part.first : part.last + 1], query.geometries),
                name=part.name,
                maneuver=_maneuver(way, moment, kind, turn if number else None),
                intersections=[_intersection(way, moment)],
            )
        )
    came = bearing(way.line, leg.last - 1) if leg.parts else None
    arrival = _Moment(leg.last, came, None)
    steps.append(
        OsrmStep(
            distance=0,
            duration=0,
            weight=0,
            geometry=_geometry(way.line[[leg.last, leg.last]], query.geometries),
            name=leg.parts[-1].name if leg.parts else "",
            maneuver=_maneuver(way, arrival, "arrive", None),
            intersections=[_intersection(way, arrival)],
        )
    )
    return steps


def _maneuver(way: Itinerary, moment: _Moment, kind: Any, turn: str | None) -> OsrmManeuver:
    return OsrmManeuver(
        type=kind,
        modifier=turn,
        location=way.line[moment.row].tolist(),
        bearing_before=moment.before or 0,
        bearing_after=moment.after or 0,
    )


def _intersection(way: Itinerary, moment: _Moment) -> OsrmIntersection:
    bearings, entry = [], []
    if moment.before is not None:
        bearings.append((moment.before + 180) % 360)
        entry.append(False)
    if moment.after is not None:
        bearings.append(moment.after)
        entry.append(True)
    rows: dict[str, Any] = {
        "in": None if moment.before is None else 0,
        "out": None if moment.after is None else len(bearings) - 1,
    }
    return OsrmIntersection(
        location=way.line[moment.row].tolist(), bearings=bearings, entry=entry, **rows
    )


def _summary(leg: Leg) -> str:
    named = [part for part in leg.parts if part.name]
    longest = sorted(named, key=lambda part: -part.metres)
    names = list(dict.fromkeys(part.name for part in longest))[:2]
    return ", ".join(each for each in dict.fromkeys(p.name for p in named) if each in names)


def _geometry(line: NDArray[np.float64], kind: str) -> str | LineString:
    places: list[list[float]] = line.tolist()
    if kind == "geojson":
        return LineString(coordinates=places)
    return encode(places, 6 if kind == "polyline6" else 5)


def _waypoints(city: City, places: Places) -> list[OsrmWaypoint]:
    return [
        OsrmWaypoint(location=location, name=name, distance=distance)
        for location, name, distance in zip(
            places.road_lonlat.round(7).tolist(),
            street_names(city.scenario.network, places),
            places.distance_m.round(1).tolist(),
            strict=True,
        )
    ]


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
                [_at_fault("coordinates", text, message, fix)],
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            )
        raise ProblemError([_at_fault("coordinates", text, message, f"give {wanted}")])
    for row, (lon, lat) in enumerate(points):
        if abs(lon) > 180 or abs(lat) > 90:
            message = "is no position on Earth"
            fix = "give lon in -180 to 180 and lat in -90 to 90, in this order"
            raise ProblemError([_at_fault(f"coordinates[{row}]", f"{lon},{lat}", message, fix)])
    return points


def _number(text: str) -> float:
    if not re.fullmatch(r"[+-]?[0-9]{1,3}(\.[0-9]{0,20})?", text):
        raise ValueError(f"{text[:30]!r} is no number of degrees")
    return float(text)


def _indices(text: str, points: int, field: str) -> list[int]:
    rows = list(range(points)) if text == "all" else [int(row) for row in text.split(";")]
    for place, row in enumerate(rows):
        if row >= points:
            raise ProblemError(
                [
                    _at_fault(
                        f"{field}[{place}]",
                        f"{row}",
                        "is the index of none of the places",
                        f"give 0 to {points - 1}",
                    )
                ]
            )
    return rows


def _malformed(text: str, message: str) -> MalformedError:
    fix = "write lon,lat;lon,lat or polyline(...)"
    return MalformedError([_at_fault("coordinates", text, message, fix)])


def _at_fault(field: str, value: str, message: str, fix: str) -> FieldProblem:
    shown = value if len(value) <= 80 else f"{value[:79]}…"
    return FieldProblem(field=field, value=shown, message=message, fix=fix)


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
