"""The HTTP service: its paths, its document, its limits."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any, Final

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse, PlainTextResponse, Response

from api.assignments import assignment
from api.compat import ors, osrm
from api.geojson import GeoJSONResponse
from api.joint_schemas import (  # noqa: TC001  # FastAPI reads them
    AssignmentRequest,
    JointAssignment,
    MoveProposal,
    MoveRequest,
)
from api.live.access import ASKS, Role, allow
from api.live.express import Express
from api.live.measuring import CONTENT_TYPE, Measured, Watch
from api.live.routes import add_live_routes
from api.moves import proposal
from api.problems import MEDIA_TYPE, add_problem_handlers
from api.recommendations import DEADLINE_S, answer
from api.schemas import (
    Health,
    IsochroneRequest,
    Isochrones,
    Matrix,
    MatrixRequest,
    ProblemDetails,
    Recommendation,
    RecommendationRequest,
    Route,
    RouteRequest,
)
from api.version import bluelight_version

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from api.city import City
    from api.live.access import Access
    from api.live.limits import Limits
    from api.live.service import Live

MOST_BYTES: Final = 2_000_000
"""Largest body; one with the most points that are taken is a quarter of it."""

_PROBLEM: Final[dict[int | str, dict[str, Any]]] = {
    "4XX": {"model": ProblemDetails, "description": "The request is at fault; it says where."},
    "5XX": {"model": ProblemDetails, "description": "A defect of the service."},
}

_PAGE: Final = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>bluelight: {name}</title>
<style>body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 2rem auto;
padding: 0 1rem }} code {{ font-size: .95em }}</style>
<h1>bluelight: {name}</h1>
<p>Which rescue vehicle goes where, on open data alone.</p>
{banner}<ul>
{live}<li><code>POST /v1/recommendations</code> which unit to send to an incident, and why
<li><code>POST /v1/assignments</code> which units to send where, if several incidents wait
<li><code>POST /v1/moves</code> which free units to move to other stations
<li><code>POST /v1/matrix</code> travel times between places
<li><code>POST /v1/route</code> the fastest way, as GeoJSON
<li><code>GET /osrm/table|route|nearest/v1/...</code> the same for clients of OSRM
<li><code>POST /ors/v2/matrix|directions|isochrones/...</code> and of openrouteservice
<li><a href="healthz"><code>GET /healthz</code></a> the data that this service stands on
<li><a href="openapi.json"><code>GET /openapi.json</code></a> every field, with examples
</ul>
<p>Scenario {hash}, version {version}. Roads © OpenStreetMap contributors, ODbL 1.0.</p>
</html>
"""

_LIVE: Final = """\
<li><code>POST /v1/incidents</code> open an incident; below it recommendation, assignments, close
<li><code>POST /v1/positions</code> where units are; what they do: <code>/v1/units</code>
<li><code>GET /v1/state</code>, <code>/v1/coverage</code> how things are now, as GeoJSON
<li><code>GET /v1/stream</code> what happens, as server-sent events
<li><code>POST /v1/jobs</code> plans, simulations, comparisons and replays, beside all this
"""


def banner_of(live: Live | None) -> str:
    """Tell people what the service cannot do at the moment.

    Parameters
    ----------
    live : Live or None
        The live service, if there is one.

    Returns
    -------
    str
        HTML; empty while all is well.
    """
    if live is None:
        return ""
    said = [escape(live.trouble())] if live.trouble() else []
    degraded = live.watch.degraded_lately()
    if degraded:
        said.append(f"{degraded} makeshift answers in the last five minutes")
    return "".join(f'<p role="alert"><strong>{each}</strong></p>\n' for each in said)


def create_app(  # noqa: C901  # a list of paths
    city: City,
    live: Live | None = None,
    *,
    access: Access,
    limits: Limits | None = None,
    deadline_s: float = DEADLINE_S,
) -> FastAPI:
    """Make the service of a city.

    Parameters
    ----------
    city : City
        What it answers from.
    live : Live, optional
        What it remembers; without it, only requests that say all themselves are answered.
    access : Access
        Who is let in.
    limits : Limits, optional
        How much one caller may ask for.
    deadline_s : float
        How long a policy may take for a request that says all itself.

    Returns
    -------
    FastAPI
        An ASGI application.
    """
    scenario = city.scenario
    app = FastAPI(
        title="bluelight",
        version=bluelight_version(),
        description=f"Which rescue vehicle goes where in {scenario.settings.name}.",
        docs_url=None,  # these pages would load scripts from elsewhere
        redoc_url=None,
        generate_unique_id_function=lambda route: route.name,
        responses=_PROBLEM,
    )
    app.state.access = access
    app.state.limits = limits
    watch = Watch() if live is None else live.watch
    add_problem_handlers(app)
    if live is not None:
        app.add_middleware(
            Express, live=live, access=access, limits=limits, handlers=app.exception_handlers
        )
    app.add_middleware(BodyLimit, most_bytes=MOST_BYTES)
    app.add_middleware(Measured, watch=watch)
    takes_json = [Depends(_json_only)]
    asks = [allow(*ASKS), *takes_json]  # a stranger is told nothing but that
    looks = [allow(*Role), *takes_json]
    if live is not None:
        add_live_routes(app, live)
    app.include_router(osrm.router(city), dependencies=[allow(*Role)])
    app.include_router(ors.router(city), dependencies=looks)

    @app.get("/", include_in_schema=False)
    def index() -> HTMLResponse:
        """Say what is served."""
        return HTMLResponse(
            _PAGE.format(
                name=escape(scenario.settings.name),
                hash=escape(scenario.hash[:12] or "unsaved"),
                version=escape(app.version),
                banner=banner_of(live),
                live="" if live is None else _LIVE,
            )
        )

    @app.get("/healthz")
    def health() -> Health:
        """Tell that the service is up, and on which data it stands."""
        return Health(scenario=scenario.settings.name, hash=scenario.hash, version=app.version)

    @app.get(
        "/metrics",
        dependencies=[allow(Role.ADMIN, Role.SERVICE)],
        response_class=PlainTextResponse,
    )
    def metrics() -> Response:
        """Tell what was counted, for Prometheus."""
        return Response(watch.page(), media_type=CONTENT_TYPE)

    @app.post("/v1/recommendations", dependencies=asks)
    def recommendations(request: RecommendationRequest) -> Recommendation:  # numpydoc ignore=PR01
        """Rank the units for an incident, by the code that the simulator runs."""
        return answer(city, request, deadline_s)

    @app.post("/v1/assignments", dependencies=asks)
    def assignments(request: AssignmentRequest) -> JointAssignment:  # numpydoc ignore=PR01
        """Send units to all incidents that wait, together."""
        return assignment(city, request, deadline_s)

    @app.post("/v1/moves", dependencies=asks)
    def moves(request: MoveRequest) -> MoveProposal:  # numpydoc ignore=PR01
        """Propose which free units to move to other stations."""
        return proposal(city, request, deadline_s)

    @app.post("/v1/matrix", dependencies=looks)
    def matrix(request: MatrixRequest) -> Matrix:  # numpydoc ignore=PR01
        """Compute travel times from each source to each destination."""
        return city.matrix(request)

    @app.post("/v1/route", dependencies=looks, response_class=GeoJSONResponse)
    def route(request: RouteRequest) -> Route:  # numpydoc ignore=PR01
        """Find the fastest way between two places."""
        return city.route(request)

    @app.post("/v1/isochrones", dependencies=looks, response_class=GeoJSONResponse)
    def isochrones(request: IsochroneRequest) -> Isochrones:  # numpydoc ignore=PR01
        """Draw what is reached within times, as polygons of GeoJSON."""
        return city.isochrones(request)

    app.openapi = lambda: _document(app, city)  # type: ignore[method-assign]
    return app


class BodyLimit:
    """Refuses a body as soon as more of it has come than is taken.

    Parameters
    ----------
    app : ASGIApp
        What is protected.
    most_bytes : int
        Length of the longest body.
    """

    def __init__(self, app: ASGIApp, most_bytes: int) -> None:
        self._app = app
        self._most_bytes = most_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request; see the ASGI specification."""
        came = 0

        async def counted() -> Message:
            nonlocal came
            message = await receive()
            came += len(message.get("body", b""))
            if came > self._most_bytes:
                raise HTTPException(
                    413,
                    f"a body of more than {self._most_bytes:,} bytes; send several smaller ones",
                )
            return message

        await self._app(scope, counted, send)


async def _json_only(request: Request) -> None:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise HTTPException(415, f"content type {kind or 'none'!r}; send application/json")


def _document(app: FastAPI, city: City) -> dict[str, Any]:
    """Describe the service in OpenAPI 3.1, with examples that work in this city."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title,
            version=app.version,
            description=app.description,
            routes=app.routes,
        )
        examples = city.examples() | ors.examples(city)
        places = osrm.examples(city)
        for path, operations in document["paths"].items():
            for operation in operations.values():
                for status, response in operation["responses"].items():
                    if status in _PROBLEM or status.startswith("4"):
                        (content,) = response["content"].values()
                        response["content"] = {MEDIA_TYPE: content}
                if path in places:
                    (where,) = (
                        each for each in operation["parameters"] if each["name"] == "coordinates"
                    )
                    where["examples"] = {"city": {"value": places[path]}}
                if path in examples:
                    body = operation["requestBody"]["content"]["application/json"]
                    body["examples"] = {"city": {"value": examples[path]}}
        app.openapi_schema = document
    return app.openapi_schema
