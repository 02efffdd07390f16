"""All paths of the live service, and how its refusals are told."""

from __future__ import annotations

import json
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, get_args

from fastapi import Response
from sqlalchemy.exc import SQLAlchemyError

from api.live import closure_routes, incident_routes, job_routes, state_routes, unit_routes
from api.live.commands import RefusedError
from api.live.coverage_now import coverage_now
from api.live.job_schemas import State
from api.live.schemas import Conflict
from api.problems import MEDIA_TYPE
from api.schemas import FieldProblem, ProblemDetails, Ready

if TYPE_CHECKING:
    from fastapi import FastAPI, Request

    from api.live.service import Live


def add_live_routes(app: FastAPI, live: Live) -> None:
    """Add the paths of the live service to an application.

    Parameters
    ----------
    app : FastAPI
        The application.
    live : Live
        The service.
    """
    app.state.live = live
    for part in (incident_routes, unit_routes, closure_routes, state_routes, job_routes):
        app.include_router(part.router(live))
    app.add_exception_handler(RefusedError, _refused(live))
    _watch(live)

    @app.get("/readyz", responses={503: {"model": Ready}})
    def ready(response: Response) -> Ready:  # numpydoc ignore=PR01
        """Tell whether requests are answered: the log can be written, and is whole."""
        trouble = live.trouble()
        if trouble:
            response.status_code = 503
        return Ready(
            ready=not trouble,
            trouble=trouble or None,
            event=live.world.seq,
            degraded_lately=live.watch.degraded_lately(),
        )


def _watch(live: Live) -> None:
    """Let figures be read when they are asked for."""
    gauge = live.watch.gauge

    def _stale() -> float:
        now = live.now_ms()
        positions = live.world.positions.values()
        return sum(each.age_ms(now) > live.stale_after_ms for each in positions)

    def _covered() -> float:
        share = coverage_now(live).share
        return float("nan") if share is None else share

    gauge("bluelight_log_events", "Number of the last event.", lambda: live.world.seq)
    gauge(
        "bluelight_event_lag_seconds",
        "Time since the last event.",
        lambda: (live.now_ms() - live.world.at_ms) / 1000,
    )
    gauge("bluelight_commands_waiting", "Commands on their way to disk.", live.ledger.waiting)
    gauge("bluelight_stream_readers", "Open streams.", lambda: live.hub.listeners)
    gauge("bluelight_incidents_open", "Open incidents.", lambda: len(live.world.incidents))
    gauge(
        "bluelight_incidents_waiting",
        "Open incidents that nobody was sent to.",
        lambda: sum(each.state == "waiting" for each in live.world.incidents.values()),
    )
    gauge("bluelight_positions_stale", "Units whose position is too old.", _stale)
    live.watch.gauges(
        "bluelight_jobs", "Jobs by state.", "state", get_args(State), partial(_jobs, live)
    )
    gauge("bluelight_coverage_share", "Demand that free units reach in time.", _covered)
    gauge(
        "bluelight_log_sound",
        "1 if the log could be written last, and nothing is known to be damaged in it.",
        lambda: not live.trouble(),
    )


def _jobs(live: Live, state: str) -> float:
    try:
        return live.jobs.rows.count(state)
    except SQLAlchemyError:
        return float("nan")


def _refused(live: Live) -> Any:
    def _answer(_: Request, error: RefusedError) -> Response:
        at_fault = FieldProblem(
            field=error.field or "state", value=None, message=error.message, fix=error.fix
        )
        problem = ProblemDetails(
            type="about:blank",
            title=error.status.phrase,
            status=error.status.value,
            detail=f"{error.message}; {error.fix}" if error.fix else error.message,
            errors=[at_fault],
        )
        if error.status is HTTPStatus.CONFLICT:
            problem = Conflict(
                **dict(problem),
                units=[live.show_unit(each) for each in error.units],
                incidents=[live.show_incident(each) for each in error.incidents],
            )
        body = json.dumps(problem.model_dump(mode="json"), allow_nan=False)
        headers = {"Retry-After": "10"} if error.status is HTTPStatus.TOO_MANY_REQUESTS else None
        return Response(body, error.status.value, headers, MEDIA_TYPE)

    return _answer
