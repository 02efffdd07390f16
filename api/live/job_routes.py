"""Long work over HTTP: plans, simulations, comparisons, replays."""

from __future__ import annotations

import asyncio
import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

from fastapi import APIRouter, Query, Response
from fastapi.responses import FileResponse
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException

from api.live.access import Planner
from api.live.commands import RefusedError
from api.live.incident_routes import CONFLICT
from api.live.job_schemas import ENDED, FileName, JobId, Jobs, JobView, NewJob
from api.live.job_store import MOST_LISTED
from api.live.service import ByName
from api.live.views import moment

if TYPE_CHECKING:
    from collections.abc import Callable

    from api.live.job_store import Job
    from api.live.service import Live

T = TypeVar("T")

_KINDS: Final = {
    "html": "text/html",
    "json": "application/json",
    "csv": "text/csv",
    "parquet": "application/vnd.apache.parquet",
    "png": "image/png",
}
_FILES: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {kind: {} for kind in _KINDS.values()}, "description": "The file."}
}
_SAFE: Final = {
    "X-Content-Type-Options": "nosniff",
    # what a report says in a browser cannot reach this service
    "Content-Security-Policy": "sandbox allow-scripts",
}


def job_view(live: Live, job: Job) -> JobView:
    """Show a job.

    Parameters
    ----------
    live : Live
        The service.
    job : Job
        The job.

    Returns
    -------
    JobView
        With how far it has come.
    """
    run = live.jobs.at_work(job.number) if job.state == "running" else None
    times = (job.started_ms, job.ended_ms, job.deleted_ms)
    started, ended, deleted = (None if each is None else moment(each) for each in times)
    folders = live.jobs.folders
    progress = None if run is None else run.progress
    return JobView.model_validate(
        {
            "id": job.id,
            "kind": job.kind,
            "state": job.state,
            "progress": 1.0 if job.state == "done" else progress,
            "doing": None if run is None else run.doing,
            "actor": job.actor,
            "created_at": moment(job.created_ms),
            "started_at": started,
            "ended_at": ended,
            "deleted_at": deleted,
            "starts": job.starts,
            "request": json.loads(job.asked),
            "error": job.error,
            "warnings": json.loads(job.warnings or "[]") if run is None else run.warnings(),
            "result": folders is not None and folders.document(job) is not None,
            "files": [] if folders is None else list(folders.files(job)),
        }
    )


def router(live: Live) -> APIRouter:
    """Make the paths of jobs.

    Parameters
    ----------
    live : Live
        The service.

    Returns
    -------
    APIRouter
        Below ``/v1/jobs``.
    """
    routes = APIRouter(prefix="/v1/jobs", tags=["jobs"])
    jobs = live.jobs

    @routes.post("", status_code=202, responses=CONFLICT)
    async def create_job(
        asked: NewJob, name: ByName, response: Response, who: Planner
    ) -> JobView:  # numpydoc ignore=PR01
        """Ask for a plan, a simulation, a comparison or a replay of the scenario served."""
        job, repeated = await _aside(lambda: jobs.ask(asked, who.name, name))
        if repeated:
            response.headers["Idempotency-Replayed"] = "true"
        response.headers["Location"] = f"/v1/jobs/{job.id}"
        return await _aside(lambda: job_view(live, job))

    @routes.get("")
    async def list_jobs(
        _: Planner,
        deleted: Annotated[
            bool, Query(description="Also those whose results were deleted.")
        ] = False,
        limit: Annotated[int, Query(ge=1, le=MOST_LISTED)] = 100,
    ) -> Jobs:  # numpydoc ignore=PR01
        """List jobs, the newest first."""
        return await _aside(
            lambda: Jobs(
                jobs=[job_view(live, job) for job in jobs.rows.list(deleted=deleted, limit=limit)]
            )
        )

    @routes.get("/{job}")
    async def get_job(job: JobId, _: Planner) -> JobView:  # numpydoc ignore=PR01
        """Show a job and how far it has come."""
        return await _aside(lambda: job_view(live, jobs.found(_number(job))))

    @routes.post("/{job}/cancel", responses=CONFLICT)
    async def cancel_job(job: JobId, _: Planner) -> JobView:  # numpydoc ignore=PR01
        """End a job: a plan with the best so far and its gap, others with nothing."""
        return await _aside(lambda: job_view(live, jobs.cancel(_number(job))))

    @routes.get(
        "/{job}/result",
        response_class=FileResponse,
        responses={**CONFLICT, 200: {"content": {"application/json": {}}}},
    )
    async def get_job_result(job: JobId, _: Planner) -> FileResponse:  # numpydoc ignore=PR01
        """Give the result as one document, as the command line prints it with --json."""

        def _found() -> FileResponse:
            found = jobs.found(_number(job))
            path = None if jobs.folders is None else jobs.folders.document(found)
            if path is None:
                raise _without(found)
            return FileResponse(path, media_type="application/json", headers=_SAFE)

        return await _aside(_found)

    @routes.get(
        "/{job}/files/{name}", response_class=FileResponse, responses={**_FILES, **CONFLICT}
    )
    async def get_job_file(
        job: JobId, name: FileName, _: Planner
    ) -> FileResponse:  # numpydoc ignore=PR01
        """Give a file of the result."""

        def _found() -> FileResponse:
            found = jobs.found(_number(job))
            files = {} if jobs.folders is None else jobs.folders.files(found)
            if not files:
                raise _without(found)
            if name not in files:
                raise RefusedError(
                    f"{job} has no {name}",
                    status=HTTPStatus.NOT_FOUND,
                    field="name",
                    fix=f"it has {', '.join(files)}",
                )
            kind = _KINDS[name.rpartition(".")[2]]
            return FileResponse(files[name], media_type=kind, headers=_SAFE)

        return await _aside(_found)

    @routes.delete("/{job}", responses=CONFLICT)
    async def delete_job(job: JobId, _: Planner) -> JobView:  # numpydoc ignore=PR01
        """Remove the result of a job that has ended; who asked for what stays on record."""
        return await _aside(lambda: job_view(live, jobs.delete(_number(job))))

    return routes


def _number(job: str) -> int:
    return int(job[1:])


def _without(job: Job) -> RefusedError:
    if job.deleted_ms is not None:
        return RefusedError(
            f"the result of {job.id} was deleted", status=HTTPStatus.NOT_FOUND, field="job"
        )
    if job.state in ENDED:
        said = f"{job.id} is {job.state}, without a result"
        return RefusedError(said, status=HTTPStatus.NOT_FOUND, field="job")
    return RefusedError(f"{job.id} is {job.state}", field="job", fix="wait until it is done")


async def _aside(work: Callable[[], T]) -> T:
    """Read and write files and tables in a thread, so that nobody waits for them."""
    try:
        return await asyncio.to_thread(work)
    except SQLAlchemyError as error:
        raise HTTPException(
            503, "the jobs cannot be read or written now", {"Retry-After": "1"}
        ) from error
