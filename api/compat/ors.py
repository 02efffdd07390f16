"""Matrix, directions and isochrones in the shape of openrouteservice's API."""

from __future__ import annotations

from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from fastapi import APIRouter
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from api.compat.ors_answers import direction_features, directions, isochrones, matrix
from api.compat.ors_schemas import (
    OrsDirectionsRequest,
    OrsError,
    OrsIsochrones,
    OrsIsochronesRequest,
    OrsMatrix,
    OrsMatrixRequest,
    OrsProblem,
    OrsProfile,
    OrsRouteFeatures,
    OrsRoutes,
)
from api.geojson import GeoJSONResponse
from api.problems import NoWayError, OffRoadError, ProblemError, at_fault, routes_that_say
from api.schemas import ProblemDetails

if TYPE_CHECKING:
    from api.city import City
    from api.compat.ors_schemas import OrsRequest
    from api.schemas import Profile

_PROFILES: Final[dict[str, Profile]] = {
    "siren": "siren",
    "normal": "normal",
    "driving-car": "normal",
}


class _Codes(NamedTuple):
    """Numbers of errors, by openrouteservice's list."""

    not_json: int
    missing: int
    form: int
    value: int
    limit: int
    unknown: int
    point: int
    route: int


_MATRIX: Final = _Codes(6000, 6001, 6002, 6003, 6004, 6011, 6010, 6099)
_ROUTING: Final = _Codes(2000, 2001, 2002, 2003, 2004, 2012, 2010, 2009)
_ISOCHRONES: Final = _Codes(3000, 3001, 3002, 3003, 3004, 3011, 3003, 3099)


def router(city: City) -> APIRouter:
    """Make the paths.

    Parameters
    ----------
    city : City
        What they answer from.

    Returns
    -------
    APIRouter
        Below ``/ors/v2``.
    """
    routes = APIRouter(prefix="/ors/v2")
    for part in (_matrix_routes(city), _routing_routes(city), _isochrone_routes(city)):
        routes.include_router(part)
    return routes


def examples(city: City) -> dict[str, Any]:
    """Make a request of each kind that this city can answer.

    Parameters
    ----------
    city : City
        The city.

    Returns
    -------
    dict of str to object
        A JSON body by path.
    """
    places = city.examples()["/v1/matrix"]["sources"]
    matrix_body = {"locations": places, "metrics": ["duration", "distance"]}
    directions_body = {"coordinates": places}
    isochrones_body = {"locations": places[:1], "range": [240, 480], "attributes": ["area"]}
    return {
        "/ors/v2/matrix/{profile}": matrix_body,
        "/ors/v2/matrix/{profile}/json": matrix_body,
        "/ors/v2/directions/{profile}": directions_body,
        "/ors/v2/directions/{profile}/json": directions_body,
        "/ors/v2/directions/{profile}/geojson": directions_body,
        "/ors/v2/isochrones/{profile}": isochrones_body,
        "/ors/v2/isochrones/{profile}/geojson": isochrones_body,
    }


def _matrix_routes(city: City) -> APIRouter:
    routes = _routes(_MATRIX)

    @routes.post("/matrix/{profile}", name="ors_matrix", response_model_exclude_none=True)
    @routes.post("/matrix/{profile}/json", name="ors_matrix_json", response_model_exclude_none=True)
    def _matrix(profile: OrsProfile, request: OrsMatrixRequest) -> OrsMatrix:
        """Compute travel times from each source to each destination, as openrouteservice."""
        return matrix(city, _profile(profile, request), request)

    return routes


def _routing_routes(city: City) -> APIRouter:
    routes = _routes(_ROUTING)

    @routes.post("/directions/{profile}", name="ors_directions", response_model_exclude_none=True)
    @routes.post(
        "/directions/{profile}/json", name="ors_directions_json", response_model_exclude_none=True
    )
    def _directions(profile: OrsProfile, request: OrsDirectionsRequest) -> OrsRoutes:
        """Find the fastest way by all places in their order, as openrouteservice."""
        return directions(city, _profile(profile, request), request)

    @routes.post(
        "/directions/{profile}/geojson",
        name="ors_directions_geojson",
        response_model_exclude_none=True,
        response_class=GeoJSONResponse,
    )
    def _features(profile: OrsProfile, request: OrsDirectionsRequest) -> OrsRouteFeatures:
        """Find the fastest way by all places, as openrouteservice in GeoJSON."""
        return direction_features(city, _profile(profile, request), request)

    return routes


def _isochrone_routes(city: City) -> APIRouter:
    routes = _routes(_ISOCHRONES)

    @routes.post(
        "/isochrones/{profile}",
        name="ors_isochrones",
        response_model_exclude_none=True,
        response_class=GeoJSONResponse,
    )
    @routes.post(
        "/isochrones/{profile}/geojson",
        name="ors_isochrones_geojson",
        response_model_exclude_none=True,
        response_class=GeoJSONResponse,
    )
    def _isochrones(profile: OrsProfile, request: OrsIsochronesRequest) -> OrsIsochrones:
        """Draw what is reached within times, as openrouteservice."""
        return isochrones(city, _profile(profile, request), request)

    return routes


def _profile(named: str, request: OrsRequest) -> Profile:
    if request.profile not in {None, named}:
        raise ProblemError(
            [
                at_fault(
                    "profile",
                    request.profile,
                    f"is not that of the path, {named}",
                    "leave it out of the body",
                )
            ]
        )
    return _PROFILES[named]


def _routes(codes: _Codes) -> APIRouter:
    return APIRouter(
        route_class=routes_that_say(partial(_words, codes)),
        responses={
            "4XX": {
                "model": OrsProblem | ProblemDetails,
                "description": "The request is at fault; it says where.",
            }
        },
    )


def _words(codes: _Codes, error: Exception, problem: ProblemDetails) -> ProblemDetails:
    """Add openrouteservice's words; it answers 404 where nothing is found, else 400."""
    code = _code(codes, error, problem.status)
    if code is None:
        return problem
    status = HTTPStatus(problem.status)
    if isinstance(error, OffRoadError | NoWayError):
        status = HTTPStatus.NOT_FOUND
    elif status is HTTPStatus.UNPROCESSABLE_ENTITY:
        status = HTTPStatus.BAD_REQUEST
    told = dict(problem) | {"title": status.phrase, "status": status.value}
    return OrsProblem(**told, error=OrsError(code=code, message=problem.detail))


def _code(codes: _Codes, error: Exception, status: int) -> int | None:
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return codes.limit
    if isinstance(error, HTTPException):
        return None  # who may not ask is told so in the house's words alone
    if isinstance(error, OffRoadError):
        return codes.point
    if isinstance(error, NoWayError):
        return codes.route
    kind = error.errors()[0]["type"] if isinstance(error, RequestValidationError) else ""
    named = {
        "json_invalid": codes.not_json,
        "missing": codes.missing,
        "extra_forbidden": codes.unknown,
        "too_long": codes.limit,
    }
    return named.get(kind, codes.form if kind.endswith("_type") else codes.value)
