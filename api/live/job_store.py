"""Jobs as the event store keeps them: who asked for what, and what became of it."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import func, insert, select, update

from api.live.commands import RefusedError, other_request
from api.live.tables import JOBS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection, Row

    from api.live.store import Store

MOST_LISTED: Final = 1_000


class Job(NamedTuple):
    """A job.

    Parameters
    ----------
    number : int
        It is called ``J`` and this.
    kind, actor, asked : str
        What was asked for, by whom, and how: JSON.
    scenario : str
        Hash of the scenario that was served when it was asked for.
    state : str
        One of `api.live.job_schemas.State`.
    starts : int
        How often it was begun.
    created_ms, started_ms, ended_ms, deleted_ms : int or None
        Milliseconds since 1970.
    error : str or None
        Why it failed.
    key, request : str or None
        How the request was named, and its hash.
    warnings : str or None
        What was warned of while it ran: a JSON list. None where nobody knows.
    """

    number: int
    kind: str
    actor: str
    asked: str
    scenario: str
    state: str
    starts: int
    created_ms: int
    started_ms: int | None
    ended_ms: int | None
    deleted_ms: int | None
    error: str | None
    key: str | None
    request: str | None
    warnings: str | None = None

    @property
    def id(self) -> str:
        """What it is called."""
        return f"J{self.number}"


class JobStore:
    """The rows of jobs.

    Parameters
    ----------
    store : Store
        Where they are.
    now_ms : callable
        Milliseconds since 1970.
    """

    def __init__(self, store: Store, now_ms: Callable[[], int]) -> None:
        self._store = store
        self.now_ms = now_ms

    def add(
        self,
        kind: str,
        actor: str,
        asked: str,
        scenario: str,
        named: tuple[str | None, str | None],
        most: int,
    ) -> tuple[Job, bool]:
        """Write down a new job.

        Parameters
        ----------
        kind, actor, asked, scenario : str
            As of `Job`.
        named : tuple of (str or None)
            How the request was named, and its hash.
        most : int
            How many may wait and run.

        Returns
        -------
        job : Job
            As it is.
        repeated : bool
            Whether it was asked for before, under the same name.

        Raises
        ------
        RefusedError
            429: too many wait; 422: the name was used for another request.
        """
        key, request = named
        with self._store.writing() as connection:
            known = _of_key(connection, actor, named)
            if known is not None:
                return known, True
            begun = JOBS.c.state.in_(("waiting", "running"))
            open_jobs = connection.scalars(
                select(func.count()).select_from(JOBS).where(begun)
            ).one()
            if open_jobs >= most:
                raise RefusedError(
                    f"{open_jobs} jobs run or wait already",
                    status=HTTPStatus.TOO_MANY_REQUESTS,
                    fix="cancel some, or ask again when one has ended",
                )
            last = connection.scalar(select(func.max(JOBS.c.number))) or 0
            job = Job(
                number=last + 1,
                kind=kind,
                actor=actor,
                asked=asked,
                scenario=scenario,
                state="waiting",
                starts=0,
                created_ms=self.now_ms(),
                started_ms=None,
                ended_ms=None,
                deleted_ms=None,
                error=None,
                key=key,
                request=request,
            )
            connection.execute(insert(JOBS).values(**job._asdict()))
        return job, False

    def asked_before(self, actor: str, named: tuple[str | None, str | None]) -> Job | None:
        """Return the job that the same request asked for before.

        Parameters
        ----------
        actor : str
            Who asks.
        named : tuple of (str or None)
            How the request is named, and its hash.

        Returns
        -------
        Job or None
            None if it is new.

        Raises
        ------
        RefusedError
            422: the name was used for another request.
        """
        with self._store.engine.connect() as connection:
            return _of_key(connection, actor, named)

    def list(
        self, *, deleted: bool = False, states: Sequence[str] = (), limit: int = MOST_LISTED
    ) -> list[Job]:
        """Return jobs, the newest first.

        Parameters
        ----------
        deleted : bool
            Also those whose results were deleted.
        states : sequence of str
            Only those in one of these; all where there is none.
        limit : int
            How many at most.

        Returns
        -------
        list of Job
            The last ones.
        """
        question = select(JOBS).order_by(JOBS.c.number.desc()).limit(limit)
        if not deleted:
            question = question.where(JOBS.c.deleted_ms.is_(None))
        if states:
            question = question.where(JOBS.c.state.in_(states))
        with self._store.engine.connect() as connection:
            return [_job(row) for row in connection.execute(question)]

    def get(self, number: int) -> Job | None:
        """Return a job.

        Parameters
        ----------
        number : int
            Its number.

        Returns
        -------
        Job or None
            None where there never was one.
        """
        with self._store.engine.connect() as connection:
            row = connection.execute(select(JOBS).where(JOBS.c.number == number)).first()
        return None if row is None else _job(row)

    def change(self, number: int, states: Sequence[str], **values: Any) -> Job | None:
        """Let a job become another, if it is what it is taken to be.

        Parameters
        ----------
        number : int
            Its number.
        states : sequence of str
            It must be in one of these.
        **values : object
            Columns; where one is ``starts``, it is added.

        Returns
        -------
        Job or None
            As it is then; None where it was in another state.
        """
        if "starts" in values:
            values["starts"] = JOBS.c.starts + values["starts"]
        where = JOBS.c.number == number, JOBS.c.state.in_(states)
        with self._store.writing() as connection:
            done = connection.execute(update(JOBS).where(*where).values(**values))
            if done.rowcount != 1:
                return None
            row = connection.execute(select(JOBS).where(JOBS.c.number == number)).one()
        return _job(row)

    def count(self, state: str) -> int:
        """Count the jobs in a state.

        Parameters
        ----------
        state : str
            The state.

        Returns
        -------
        int
            How many, those that were deleted left out.
        """
        of_state = JOBS.c.state == state, JOBS.c.deleted_ms.is_(None)
        question = select(func.count()).select_from(JOBS).where(*of_state)
        with self._store.engine.connect() as connection:
            return connection.scalars(question).one()


def _job(row: Row[Any]) -> Job:
    return Job._make(row)


def _of_key(connection: Connection, actor: str, named: tuple[str | None, str | None]) -> Job | None:
    key, request = named
    if key is None:
        return None
    same = select(JOBS).where(JOBS.c.actor == actor, JOBS.c.key == key)
    known = connection.execute(same).first()
    if known is not None and known.request != request:
        raise other_request(key)
    return None if known is None else _job(known)
