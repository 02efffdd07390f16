"""What the paths in OSRM's shape answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from api.city import check_cells
from api.compat.itinerary import bearing, itinerary, simplified, turn_words
from api.compat.osrm_schemas import (
    ANNOTATIONS,
    OsrmAnnotation,
    OsrmIntersection,
    OsrmLeg,
    OsrmManeuver,
    OsrmNearest,
    OsrmRoute,
    OsrmRouteFound,
    OsrmStep,
    OsrmTable,
    OsrmWaypoint,
)
from api.compat.polyline import encode
from api.problems import ProblemError, at_fault
from api.schemas import LineString
from routing.snapping import street_names

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from api.city import City
    from api.compat.itinerary import Itinerary, Leg
    from api.compat.osrm_schemas import (
        OsrmNearestQuery,
        OsrmQuery,
        OsrmRouteQuery,
        OsrmTableQuery,
    )
    from api.schemas import Profile
    from routing.snapping import Places


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
    places = city.snap_list(points, "coordinates", _limits(query, len(points)))
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
    stops = city.snap_list(points, "coordinates", _limits(query, len(points)))
    way = itinerary(city, profile, stops, detailed=detailed)
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


def nearest(city: City, point: list[float], query: OsrmNearestQuery) -> OsrmNearest:
    """Find the roads nearest to a point.

    Parameters
    ----------
    city : City
        The city.
    point : pair of float
        Lon, lat.
    query : OsrmNearestQuery
        How many roads, and how near.

    Returns
    -------
    OsrmNearest
        The nearest first.

    Raises
    ------
    ProblemError
        The point lies off the network.
    """
    (limit,) = limits = _limits(query, 1)
    city.snap_list([point], "coordinates", limits)
    places = city.snap_near(point, query.number)
    return OsrmNearest(waypoints=_waypoints(city, places[places.distance_m <= limit]))


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


def _indices(text: str, points: int, field: str) -> list[int]:
    rows = list(range(points)) if text == "all" else [int(row) for row in text.split(";")]
    for place, row in enumerate(rows):
        if row >= points:
            raise ProblemError(
                [
                    at_fault(
                        f"{field}[{place}]",
                        f"{row}",
                        "is the index of none of the places",
                        f"give 0 to {points - 1}",
                    )
                ]
            )
    return rows


def _limits(query: OsrmQuery, points: int) -> list[float]:
    """Read how far each place may lie from its road; what is left out is not limited."""
    if query.radiuses is None:
        return [np.inf] * points
    given = query.radiuses.split(";")
    if len(given) != points:
        message = f"are {len(given)}, not one for each of {points} places"
        fix = "give one for each, as in 50;;unlimited"
        raise ProblemError([at_fault("radiuses", query.radiuses, message, fix)])
    return [float(each) if each not in {"", "unlimited"} else np.inf for each in given]
