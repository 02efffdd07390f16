"""Plans, simulations, comparisons and replays beside the service, never in its way.

Each runs in a process of its own at the lowest priority; so many at a time, the others
wait in turn. They are written down before they are acknowledged, and begun again after
the service was stopped or killed: a simulation goes on from its last replication.
"""

from __future__ import annotations

import json
import logging
import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from threading import Event, Lock
from typing import TYPE_CHECKING, Final

from sqlalchemy.exc import SQLAlchemyError

from api.commands.simulate import DIFFERS
from api.live.commands import RefusedError
from api.live.job_commands import ASKED, RESULT, bars, checked_names, needs
from api.live.job_folders import JobFolders
from api.live.job_run import COMMAND, PRINTED, JobRun
from api.live.job_schemas import ENDED
from api.problems import ProblemError
from api.schemas import FieldProblem
from routing.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from api.live.job_commands import Asked
    from api.live.job_store import Job, JobStore
    from api.live.service import Named
    from scenarios.package import Scenario as City

_LOG: Final = logging.getLogger(__name__)

BAD_INPUT: Final = 2
"""Exit code of the command line."""
_OTHER_CHECKPOINT: Final = "--checkpoint"
"""What begins the error about replications that another version kept."""
MOST_STARTS: Final = 3
"""A job that was running each time that the service went down may be the reason."""
_STOPPING_S: Final = 10.0
"""Who stops all processes of a service at once may end a job before the service hears of it."""


_AGAIN_S: Final = (0.5, 5.0, 30.0, 300.0)
"""How long to wait between attempts to write what became of a job."""
_TERMINATED: Final = (-signal.SIGTERM, -signal.SIGKILL, 128 + signal.SIGTERM, 128 + signal.SIGHUP)


@dataclass(frozen=True)
class JobOptions:
    """How jobs are run.

    Parameters
    ----------
    at_once : int
        How many at a time; 0: none.
    waiting : int
        How many may wait beyond.
    time_limit_s : float
        How long each may take.
    folder : Path, optional
        Where results are kept; else beside the store, if that is a file.
    cluster : str, optional
        Address of a Dask scheduler.
    command : sequence of str
        The program that is given a command line of bluelight.
    """

    at_once: int = 1
    waiting: int = 20
    time_limit_s: float = 86_400.0
    folder: Path | None = None
    cluster: str | None = None
    command: Sequence[str] = COMMAND


class Jobs:
    """The jobs of a service.

    Parameters
    ----------
    rows : JobStore
        Where they are written down.
    city : Scenario
        What the service serves.
    options : JobOptions
        How they are run.
    replica : bool
        Whether another process runs them.
    """

    def __init__(
        self, rows: JobStore, city: City, options: JobOptions, *, replica: bool = False
    ) -> None:
        self.rows = rows
        self._city = city
        self._options = options
        self._replica = replica
        self._lock = Lock()
        self._running: dict[int, JobRun] = {}
        self._closing = Event()
        folder = options.folder
        self.folders = None if folder is None else JobFolders(folder, city, self.found)
        self._pool: ThreadPoolExecutor | None = None
        if options.at_once and folder is not None and not replica:
            self._pool = ThreadPoolExecutor(options.at_once, "job")

    def begin(self) -> None:
        """Go on with what was waiting or running when the service went down."""
        if self._replica:
            return
        for job in reversed(self.rows.list(states=("waiting", "running"))):
            if job.state == "running" and (self._pool is None or job.starts >= MOST_STARTS):
                why = "jobs are off now" if self._pool is None else f"begun {job.starts} times"
                self._become(
                    job.number,
                    "interrupted",
                    error=f"the service went down while this ran; {why}",
                )
                continue
            self.rows.change(job.number, ("running",), state="waiting")
            self._submit(job.number)

    def close(self) -> None:
        """End what runs; it is begun again when the service is."""
        self._closing.set()
        with self._lock:
            running = list(self._running.values())
        for each in running:
            each.end("stopping", at_once=True)
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def hold(self) -> None:
        """Let all that runs stand still until `let_go`."""
        for each in list(self._running.values()):
            each.hold()

    def let_go(self) -> None:
        """Let all that runs go on."""
        for each in list(self._running.values()):
            each.let_go()

    def ask(self, asked: Asked, actor: str, name: Named) -> tuple[Job, bool]:
        """Write down a job, and run it when it is its turn.

        Parameters
        ----------
        asked : PlanJob, SimulateJob, CompareJob or ReplayJob
            What is to be done.
        actor : str
            Who asks.
        name : Named
            How the request is named.

        Returns
        -------
        job : Job
            As it is.
        repeated : bool
            Whether it was asked for before, under the same name.

        Raises
        ------
        ProblemError
            A name is unknown.
        RefusedError
            409: what it needs is not there; 429: too many wait; 503: a replica.
        """
        folders = self._checked_folders()
        known = self.rows.asked_before(actor, name)
        if known is not None:
            return known, True
        checked_names(asked)
        self._check_needs(asked, folders)
        text = asked.model_dump_json()
        most = self._options.at_once + self._options.waiting
        scenario = self._city.hash
        job, repeated = self.rows.add(asked.kind, actor, text, scenario, name, most)
        if not repeated:
            self._submit(job.number)
        return job, repeated

    def cancel(self, number: int) -> Job:
        """End a job; a plan with the best so far, others with nothing.

        Whoever cancels twice does not wait for the best so far.

        Parameters
        ----------
        number : int
            Its number.

        Returns
        -------
        Job
            As it is; it may run on for a moment.

        Raises
        ------
        RefusedError
            404: there is none; 409: it has ended; 503: a replica.
        """
        self._check_writer()
        self.found(number)
        with self._lock:
            run = self._running.get(number)
        if run is None and self._become(number, "cancelled", was=("waiting",)) is None:
            with self._lock:  # it may have begun since we looked
                run = self._running.get(number)
            # what runs by its row alone has ended, and that could not be written down
            if run is None and self._become(number, "cancelled", was=("running",)) is None:
                job = self.found(number)
                raise RefusedError(f"{job.id} is {job.state} already")
        if run is not None:
            run.end("cancelled")
        return self.found(number)

    def delete(self, number: int) -> Job:
        """Remove the result of a job that has ended; that it was asked for stays on record.

        Parameters
        ----------
        number : int
            Its number.

        Returns
        -------
        Job
            As it is.

        Raises
        ------
        RefusedError
            404: there is none; 409: it has not ended, or another needs it; 503: a replica.
        """
        self._check_writer()
        job = self.found(number)
        if job.state not in ENDED:
            raise RefusedError(f"{job.id} is {job.state}", fix="cancel it first")
        for other in self.rows.list(states=("waiting", "running")):
            if job.id in self._needed(other):
                raise RefusedError(f"{other.id} needs {job.id}", fix="wait for it, or cancel it")
        if job.deleted_ms is None:
            job = self.rows.change(number, ENDED, deleted_ms=self.rows.now_ms()) or job
        if self.folders is not None:
            self.folders.remove(number)
        return job

    def _needed(self, job: Job) -> set[str]:
        """Name the jobs that a job goes on from, and those that they went on from."""
        found = {named for _, named, _ in needs(ASKED.validate_json(job.asked))}
        return found.union(*(self._needed(self.found(int(named[1:]))) for named in found))

    def found(self, number: int) -> Job:
        """Return a job.

        Parameters
        ----------
        number : int
            Its number.

        Returns
        -------
        Job
            As it is.

        Raises
        ------
        RefusedError
            404: there is none.
        """
        job = self.rows.get(number)
        if job is None:
            raise RefusedError(
                f"there is no job J{number}", status=HTTPStatus.NOT_FOUND, field="job"
            )
        return job

    def at_work(self, number: int) -> JobRun | None:
        """Return a job at work.

        Parameters
        ----------
        number : int
            Its number.

        Returns
        -------
        JobRun or None
            None where it does not run here.
        """
        return self._running.get(number)

    def _check_writer(self) -> None:
        if self._replica:
            raise RefusedError(
                "this is a replica; ask the writer", status=HTTPStatus.SERVICE_UNAVAILABLE
            )

    def _checked_folders(self) -> JobFolders:
        """Make sure that jobs can be run."""
        self._check_writer()
        if self._closing.is_set():
            raise RefusedError("the service is stopping", status=HTTPStatus.SERVICE_UNAVAILABLE)
        if self.folders is None:
            raise RefusedError(
                "this service has no folder for the results of jobs", fix="set jobs_folder"
            )
        if self._pool is None:
            raise RefusedError("jobs are off", fix="set jobs to 1 or more")
        return self.folders

    def _check_needs(self, asked: Asked, folders: JobFolders) -> None:
        for field, named, kinds in needs(asked):
            job = self.rows.get(int(named[1:]))
            if job is None or job.deleted_ms is not None:
                raise ProblemError(
                    [FieldProblem(field=field, value=named, message="no such job", fix="")]
                )
            if job.kind not in kinds:
                raise RefusedError(
                    f"{named} is a job of kind {job.kind}",
                    field=field,
                    fix=f"name one of kind {' or '.join(kinds)}",
                )
            if folders.document(job) is None:
                raise RefusedError(f"{named} is {job.state}, without a result", field=field)
        try:
            folders.arguments(asked, self._city.hash, None)
        except InputError as error:
            raise RefusedError(error.message, field=error.field, fix=error.fix) from error

    def _submit(self, number: int) -> None:
        if self._pool is not None:
            with suppress(RuntimeError):  # the service stops: it is begun with the next one
                self._pool.submit(self._turn, number)

    def _turn(self, number: int) -> None:
        """Do a job whose turn it is."""
        folders = self.folders
        if self._closing.is_set() or folders is None:
            return
        try:
            asked = ASKED.validate_json(self.found(number).asked)
            gently = signal.SIGINT if asked.kind == "plan" else signal.SIGTERM
            run = JobRun(folders.place(number), bars(asked), gently)
            with self._lock:
                self._running[number] = run
            try:
                if not self._closing.is_set():  # whoever closes has seen it otherwise
                    self._work(number, asked, run, folders)
            finally:
                with self._lock:
                    del self._running[number]
        except Exception as error:  # noqa: BLE001  # the job failed, whatever it was
            _LOG.error("job J%d failed", number, exc_info=True)
            told = isinstance(error, (InputError, OSError))
            why = f"{error}" if told else "a defect; see the log"
            folders.remove(number)
            self._settle(number, "failed", error=" ".join(why.split()))

    def _work(self, number: int, asked: Asked, run: JobRun, folders: JobFolders) -> None:
        job = self.rows.change(
            number, ("waiting",), state="running", starts=1, started_ms=self.rows.now_ms()
        )
        if job is None:  # cancelled while it waited
            return
        line = folders.arguments(asked, job.scenario, self._options.cluster)
        for attempt in range(2):
            folders.prepare(job)
            code = run.run([*self._options.command, *line], self._options.time_limit_s)
            if attempt or code != BAD_INPUT or not run.said().startswith(_OTHER_CHECKPOINT):
                break
            folders.forget_checkpoint(number)
        if code in _TERMINATED and run.ended_for is None and self._closing.wait(_STOPPING_S):
            run.ended_for = "stopping"
        self._conclude(job, run, code, folders)

    def _conclude(self, job: Job, run: JobRun, code: int, folders: JobFolders) -> None:
        """Write down how a job ended."""
        place = folders.place(job.number)
        warnings = json.dumps(run.warnings())
        whole = (place / RESULT).is_dir() and (place / PRINTED).stat().st_size > 0
        # a replay that gives other bytes than the run says so by its code; that is a result
        if whole and (code == 0 or (code == DIFFERS and job.kind == "replay")):
            folders.forget_checkpoint(job.number)
            early = job.kind == "plan" and run.ended_for == "cancelled"
            self._settle(job.number, "cancelled" if early else "done", warnings=warnings)
            return
        if run.ended_for == "stopping":
            self._settle(job.number, "waiting", starts=-1, warnings=warnings)
            return
        error: str | None = None
        if run.ended_for == "too long":
            error = f"it took longer than {self._options.time_limit_s:g} s (jobs_time_limit_s)"
        elif run.ended_for is None and code < 0:
            error = f"it was ended by signal {-code}; perhaps memory was short"
        elif run.ended_for is None:
            error = run.said() or f"it ended with code {code}"
        folders.remove(job.number)
        state = "failed" if error else "cancelled"
        self._settle(job.number, state, error=error, warnings=warnings)

    def _become(
        self, number: int, state: str, *, was: Sequence[str] = ("running",), **values: object
    ) -> Job | None:
        ended = self.rows.now_ms() if state in ENDED else None
        return self.rows.change(number, was, state=state, ended_ms=ended, **values)

    def _settle(self, number: int, state: str, **values: object) -> None:
        """Write down what became of a job, as soon as that can be written."""
        for pause in _AGAIN_S:
            try:
                self._become(number, state, was=("running", "waiting"), **values)
            except SQLAlchemyError:
                _LOG.warning("cannot write what became of job J%d", number, exc_info=True)
                self._closing.wait(pause)
            else:
                return
