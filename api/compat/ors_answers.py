"""What the paths in openrouteservice's shape answer."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from api.city import check_cells
from api.compat.itinerary import bounds, itinerary, turn_words
from api.compat.ors_schemas import (
    OrsDirectionsRequest,
    OrsEngine,
    OrsIsochrone,
    OrsIsochroneProperties,
    OrsIsochrones,
    OrsIsochronesRequest,
    OrsMatrix,
    OrsMatrixRequest,
    OrsMetadata,
    OrsPlace,
    OrsRoute,
    OrsRouteFeature,
    OrsRouteFeatures,
    OrsRouteProperties,
    OrsRoutes,
    OrsSegment,
    OrsStep,
    OrsSummary,
    Polygon,
)
from api.compat.polyline import encode
from api.problems import ProblemError, at_fault
from api.schemas import IsochroneRequest, LineString
from api.version import bluelight_version
from routing.snapping import street_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from api.city import City
    from api.compat.itinerary import Itinerary, Leg
    from api.compat.ors_schemas import OrsRequest, Units
    from api.schemas import Polygons, Profile
    from routing.snapping import Places

_METRES: Final[dict[Units, float]] = {"m": 1.0, "km": 1000.0, "mi": 1609.344}
_DIGITS: Final[dict[Units, int]] = {"m": 1, "km": 4, "mi": 4}

_MOST_ISOCHRONES: Final = 10

_NEARLY: Final = 1 - 1e-9
"""The last multiple of an interval may miss the range by a hair."""

_TYPES: Final = {
    "left": 0,
    "right": 1,
    "sharp left": 2,
    "sharp right": 3,
    "slight left": 4,
    "slight right": 5,
    "straight": 6,
    "uturn": 9,
}
_GOAL: Final = 10
_DEPART: Final = 11


def matrix(city: City, profile: Profile, request: OrsMatrixRequest) -> OrsMatrix:
    """Compute travel times from each source to each destination.

    Parameters
    ----------
    city : City
        The city.
    profile : str
        How they drive.
    request : OrsMatrixRequest
        The places.

    Returns
    -------
    OrsMatrix
        Times, lengths or both.

    Raises
    ------
    ProblemError
        Points lie off the network, an index is that of no location, or there are too many
        cells.
    """
    points = len(request.locations)
    rows = _indices(request.sources, points, "sources")
    columns = _indices(request.destinations, points, "destinations")
    check_cells(len(rows), len(columns))
    places = city.snap_list(request.locations, "locations")
    cells = city.cells(profile, places[np.array(rows)], places[np.array(columns)])
    shown = _places(city, places, named=request.resolve_locations)
    lengths = [
        [None if metres is None else _length(metres, request.units) for metres in row]
        for row in (cells.metres if "distance" in request.metrics else [])
    ]
    return OrsMatrix(
        durations=cells.seconds if "duration" in request.metrics else None,
        distances=lengths or None,
        sources=[shown[row] for row in rows],
        destinations=[shown[column] for column in columns],
        metadata=_metadata("matrix", request),
    )


def directions(city: City, profile: Profile, request: OrsDirectionsRequest) -> OrsRoutes:
    """Find the fastest way by all places in their order.

    Parameters
    ----------
    city : City
        The city.
    profile : str
        How they drive.
    request : OrsDirectionsRequest
        The places.

    Returns
    -------
    OrsRoutes
        One route, its line as an encoded polyline.

    Raises
    ------
    ProblemError
        Places lie off the network, or no road leads from one to the next.
    """
    way = itinerary(city, profile, _stops(city, request), detailed=request.instructions)
    told = _told(way, request)
    route = OrsRoute(
        summary=told.summary,
        segments=told.segments,
        bbox=bounds(way.line),
        geometry=encode(way.line.tolist()) if request.geometry else None,
        way_points=told.way_points,
    )
    return OrsRoutes(bbox=route.bbox, routes=[route], metadata=_metadata("routing", request))


def direction_features(
    city: City, profile: Profile, request: OrsDirectionsRequest
) -> OrsRouteFeatures:
    """Find the fastest way by all places in their order, as GeoJSON.

    Parameters
    ----------
    city : City
        The city.
    profile : str
        How they drive.
    request : OrsDirectionsRequest
        The places.

    Returns
    -------
    OrsRouteFeatures
        One route.

    Raises
    ------
    ProblemError
        Places lie off the network, no road leads from one to the next, or GeoJSON is
        wanted without a geometry.
    """
    if not request.geometry:
        raise ProblemError(
            [
                at_fault(
                    "geometry", "false", "GeoJSON has a geometry", "leave it out, or ask for json"
                )
            ]
        )
    way = itinerary(city, profile, _stops(city, request), detailed=request.instructions)
    feature = OrsRouteFeature(
        bbox=bounds(way.line),
        properties=_told(way, request),
        geometry=LineString(coordinates=way.line.tolist()),
    )
    return OrsRouteFeatures(
        bbox=feature.bbox, features=[feature], metadata=_metadata("routing", request)
    )


def isochrones(city: City, profile: Profile, request: OrsIsochronesRequest) -> OrsIsochrones:
    """Draw what is reached within times.

    Parameters
    ----------
    city : City
        The city.
    profile : str
        How they drive.
    request : OrsIsochronesRequest
        From where, and how long.

    Returns
    -------
    OrsIsochrones
        Features of GeoJSON.

    Raises
    ------
    ProblemError
        A location lies off the network, or the interval makes too many isochrones.
    """
    asked = IsochroneRequest(
        locations=request.locations,
        range=_ranges(request),
        location_type=request.location_type,
        profile=profile,
    )
    square = _METRES[request.area_units] ** 2
    features = [
        OrsIsochrone(
            properties=OrsIsochroneProperties(
                group_index=one.properties.group_index,
                value=one.properties.value,
                center=one.properties.center,
                area=round(one.properties.area / square, 6) if request.attributes else None,
            ),
            geometry=_shape(one.geometry),
        )
        for one in city.isochrones(asked).features
    ]
    corners = [
        point
        for one in features
        for polygon in (
            [one.geometry.coordinates]
            if isinstance(one.geometry, Polygon)
            else one.geometry.coordinates
        )
        for point in polygon[0]
    ]
    return OrsIsochrones(
        bbox=bounds(np.array(corners)),
        features=features,
        metadata=_metadata("isochrones", request),
    )


def _shape(found: Polygons) -> Polygon | Polygons:
    """Give one polygon as such; openrouteservice's clients look for no other."""
    return Polygon(coordinates=found.coordinates[0]) if len(found.coordinates) == 1 else found


def _ranges(request: OrsIsochronesRequest) -> list[float]:
    if request.interval is None:
        return request.range
    wrong = None
    if len(request.range) > 1:
        wrong = ("is for a single range", "leave it out, or give one range")
    elif request.range[0] > request.interval * _MOST_ISOCHRONES:
        wrong = (f"makes more than {_MOST_ISOCHRONES} isochrones", "make it longer")
    if wrong:
        message, fix = wrong
        given = f"{request.interval:g}"
        raise ProblemError([at_fault("interval", given, message, fix)])
    (last,) = request.range
    steps = [request.interval * number for number in range(1, _MOST_ISOCHRONES + 1)]
    return [*(step for step in steps if step < last * _NEARLY), last]


def _stops(city: City, request: OrsDirectionsRequest) -> Places:
    given, points = request.radiuses, len(request.coordinates)
    if given is None:
        return city.snap_list(request.coordinates, "coordinates")
    if len(given) not in {1, points}:
        raise ProblemError(
            [
                at_fault(
                    "radiuses",
                    f"{len(given)}",
                    f"is not one for each of {points} places",
                    "give one for each, or one for all",
                )
            ]
        )
    limits = [np.inf if metres == -1 else metres for metres in given]
    limits = limits * points if len(given) == 1 else limits
    return city.snap_list(request.coordinates, "coordinates", limits)


def _told(way: Itinerary, request: OrsDirectionsRequest) -> OrsRouteProperties:
    return OrsRouteProperties(
        summary=OrsSummary(distance=_length(way.metres, request.units), duration=way.seconds),
        segments=[
            OrsSegment(
                distance=_length(leg.metres, request.units),
                duration=leg.seconds,
                steps=_steps(leg, request.units) if request.instructions else None,
            )
            for leg in way.legs
        ],
        way_points=[way.legs[0].first, *(leg.last for leg in way.legs)],
    )


def _steps(leg: Leg, units: Units) -> list[OrsStep]:
    steps = []
    for number, part in enumerate(leg.parts):
        turn = turn_words(part.turn)
        steps.append(
            OrsStep(
                distance=_length(part.metres, units),
                duration=round(part.seconds, 3),
                type=_TYPES[turn] if number else _DEPART,
                instruction=_instruction(turn if number else None, part.name),
                name=part.name or "-",
                way_points=[part.first, part.last],
            )
        )
    steps.append(
        OrsStep(
            distance=0,
            duration=0,
            type=_GOAL,
            instruction="Arrive",
            name="-",
            way_points=[leg.last, leg.last],
        )
    )
    return steps


def _instruction(turn: str | None, street: str) -> str:
    if turn is None:
        return f"Start on {street}" if street else "Start"
    words = {"straight": "Go straight on", "uturn": "Turn around"}.get(
        turn, f"Turn {turn}".replace("Turn slight", "Bear")
    )
    return f"{words} into {street}" if street else words


def _length(metres: float, units: Units) -> float:
    return round(metres / _METRES[units], _DIGITS[units])


def _places(city: City, places: Places, *, named: bool) -> list[OrsPlace]:
    names: Sequence[str | None] = [None] * len(places)
    if named:
        names = [name or None for name in street_names(city.scenario.network, places)]
    return [
        OrsPlace(location=location, snapped_distance=distance, name=name)
        for location, distance, name in zip(
            places.road_lonlat.round(7).tolist(),
            places.distance_m.round(1).tolist(),
            names,
            strict=True,
        )
    ]


def _indices(given: Sequence[int | str] | None, points: int, field: str) -> list[int]:
    if given is None or list(given) == ["all"]:
        return list(range(points))
    rows = []
    for place, each in enumerate(given):
        if each == "all" or int(each) >= points:
            raise ProblemError(
                [
                    at_fault(
                        f"{field}[{place}]",
                        f"{each}",
                        "is the index of none of the locations",
                        f"give 0 to {points - 1}, or all alone",
                    )
                ]
            )
        rows.append(int(each))
    return rows


def _metadata(
    service: Literal["matrix", "routing", "isochrones"], request: OrsRequest
) -> OrsMetadata:
    return OrsMetadata(
        service=service,
        timestamp=int(time.time() * 1000),
        query=request,
        engine=OrsEngine(version=bluelight_version()),
    )
