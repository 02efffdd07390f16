"""The one writer: what it acknowledges is on disk, and only then is it the case.

Commands that come while others are written go to disk together (group commit).
"""

from __future__ import annotations

import logging
import time
from concurrent.futures import Future
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Final, NamedTuple

from sqlalchemy.exc import SQLAlchemyError

from api.live.commands import RefusedError, other_request, taken
from api.live.draft import Draft
from api.live.folding import Folded, snapshot_of
from api.live.present import Present
from api.live.records import Record, sealed

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from api.live.commands import Command
    from api.live.store import Snapshot, Store
    from api.live.world import World

_LOG: Final = logging.getLogger(__name__)

MOST_WAITING: Final = 5_000
"""Commands that may wait for the disk; more are refused at once."""
_GROUP: Final = 256
_PATIENCE_S: Final = 0.01
"""How long who is patient lets others go first."""
SNAPSHOT_EVERY: Final = 10_000
"""Records from one snapshot to the next."""


class UnavailableError(Exception):
    """The log cannot be written now; nothing was acknowledged.

    Parameters
    ----------
    reason : str
        Why.
    """


class Outcome(NamedTuple):
    """What became of a command.

    Parameters
    ----------
    record : Record or None
        What was written; None where nothing was to be.
    repeated : bool
        Whether it was written before, by a request of the same name.
    world : World
        The world that the command was decided in, and with it.
    """

    record: Record | None
    repeated: bool
    world: World

    @property
    def written(self) -> Record:
        """What was written, of a command that always writes."""
        if self.record is None:
            raise ValueError("nothing was to be written")
        return self.record


@dataclass
class _Task:
    """A command on its way to disk."""

    command: Command
    actor: str
    key: str | None
    request: str | None
    patient: bool
    future: Future[Outcome]
    record: Record | None = None
    repeated: bool = False
    refusal: Exception | None = None


class Ledger(Present):
    """Writes commands to the log in one thread.

    Parameters
    ----------
    store : Store
        The log; this process becomes its writer.
    clock : callable
        Seconds since 1970.
    snapshot_every : int
        Records from one snapshot to the next.

    Attributes
    ----------
    yields : callable
        Tells whether a dispatcher waits for an answer: who is patient is then written a
        little later, together with it.

    Raises
    ------
    InputError
        Another process writes to it, or the log is damaged.
    """

    def __init__(
        self,
        store: Store,
        clock: Callable[[], float] = time.time,
        snapshot_every: int = SNAPSHOT_EVERY,
    ) -> None:
        store.become_writer()
        super().__init__(store, clock)
        self._snapshot_every = snapshot_every
        self._snapshot_seq = self._folded.snapshot
        self._snapshot: Snapshot | None = None
        self._snapshotting: Thread | None = None
        self._in_doubt = False
        self._closing = False
        self._queue: SimpleQueue[_Task | None] = SimpleQueue()
        self.yields: Callable[[], bool] = lambda: False
        self._thread = Thread(target=self._work, name="ledger", daemon=True)
        self._thread.start()

    def waiting(self) -> int:
        """Return how many commands are on their way to disk.

        Returns
        -------
        int
            Those that nobody has begun to write.
        """
        return self._queue.qsize()

    def submit(
        self,
        command: Command,
        actor: str,
        key: str | None = None,
        request: str | None = None,
        *,
        patient: bool = False,
    ) -> Future[Outcome]:
        """Ask for a command to be carried out.

        Parameters
        ----------
        command : Command
            What is to happen.
        actor : str
            Who wants it.
        key : str or None
            What the caller named the request: under the same name it happens once.
        request : str or None
            Hash of the request, with a key.
        patient : bool
            Whether it can wait a few milliseconds for others.

        Returns
        -------
        Future of Outcome
            Done once it is on disk; else `RefusedError` or `UnavailableError`.
        """
        future: Future[Outcome] = Future()
        future.set_running_or_notify_cancel()  # what is on its way to disk cannot be called off
        if self._closing:
            future.set_exception(UnavailableError("the service is stopping"))
        elif self._queue.qsize() >= MOST_WAITING:
            future.set_exception(UnavailableError("too many commands wait for the disk"))
        else:
            self._queue.put(_Task(command, actor, key, request, patient, future))
        return future

    def close(self) -> None:
        """Write what was asked for, and stop; `submit` refuses from now on."""
        if self._closing:
            return
        self._closing = True
        self._queue.put(None)
        self._thread.join()
        while not self._queue.empty():  # who came while it was closing
            late = self._queue.get_nowait()
            if late is not None:
                late.future.set_exception(UnavailableError("the service is stopping"))
        if self._snapshotting is not None:
            self._snapshotting.join()
        if self._folded.world.seq > self._snapshot_seq:
            try:
                with self._store.writing() as connection:
                    self._store.keep(connection, snapshot_of(self._folded))
            except SQLAlchemyError:
                _LOG.warning("no snapshot on stopping", exc_info=True)

    def _work(self) -> None:
        while True:
            task = self._queue.get()
            batch, until = [], time.monotonic() + _PATIENCE_S
            try:
                while task is not None:
                    batch.append(task)
                    if len(batch) == _GROUP:
                        break
                    task = self._next(batch, until)
            except Empty:
                pass
            if batch:
                self._write(batch)
            if task is None:
                return

    def _next(self, batch: list[_Task], until: float) -> _Task | None:
        """Return what belongs to a batch, too; waits only while all of it can.

        Raises
        ------
        Empty
            Nothing does.
        """
        try:
            return self._queue.get_nowait()
        except Empty:
            left = until - time.monotonic()
            if left <= 0 or not self.yields() or not all(each.patient for each in batch):
                raise
            return self._queue.get(timeout=left)

    def _write(self, batch: list[_Task]) -> None:
        """Carry out commands together; each one's future is done afterwards."""
        try:
            if self._in_doubt:  # it may have been written, and only the answer lost
                self._catch_up()
                self._in_doubt = False
            folded, records = self._written(batch)
        except Exception as error:  # noqa: BLE001  # whoever waits must be told, whatever it was
            self._in_doubt = True
            self.failure = f"{type(error).__name__}: {error}".splitlines()[0]
            _LOG.error("cannot write the log", exc_info=True)
            for task in batch:
                again = f"{self.failure}; repeat it with the same Idempotency-Key"
                task.future.set_exception(UnavailableError(again))
            return
        self.failure = ""
        self._become(folded, records)
        for task in batch:
            if task.refusal is not None:
                task.future.set_exception(task.refusal)
            else:
                task.future.set_result(Outcome(task.record, task.repeated, folded.world))
        self._snapshot_if_due()

    def _written(self, batch: list[_Task]) -> tuple[Folded, list[Record]]:
        """Decide, write and commit."""
        left = list(batch)
        while True:
            draft, chain = Draft(self._folded.world), self._folded.chain
            now_ms = self.now_ms()
            records: list[Record] = []
            with self._store.writing() as connection:
                try:
                    for task in left:
                        task.record, task.refusal, task.repeated = None, None, False
                        self._decide(task, draft, chain, now_ms, records, connection)
                        chain = records[-1].chain if records else chain
                except _DefectError as defect:
                    # the draft may be half changed: begin again without that command
                    connection.rollback()
                    left.remove(defect.task)
                    defect.task.refusal = defect.cause
                    _LOG.error("a command failed", exc_info=defect.cause)
                    continue
                if records:
                    self._store.append(connection, records)
                if self._snapshot is not None:
                    self._store.keep(connection, self._snapshot)
                    self._snapshot = None
            if not records:
                return self._folded, []
            return Folded(draft.world(), chain, self._folded.snapshot), records

    def _decide(
        self,
        task: _Task,
        draft: Draft,
        chain: bytes,
        now_ms: int,
        records: list[Record],
        connection: Connection,
    ) -> None:
        if task.key is not None:
            known = next(
                (each for each in records if (each.actor, each.key) == (task.actor, task.key)),
                None,
            ) or self._store.of_key(connection, task.actor, task.key)
            if known is not None:
                task.record, task.repeated = known, True
                if known.request != task.request:
                    task.refusal = other_request(task.key)
                return
        try:
            entry = task.command.decide(draft, now_ms)
            if entry is not None and entry.first and self._store.knows(connection, entry.subject):
                task.refusal = taken(entry.subject)
                return
        except RefusedError as refusal:
            task.refusal = refusal
            return
        except Exception as error:
            raise _DefectError(task, error) from error
        if entry is None:
            return
        record = sealed(
            entry,
            seq=draft.seq + 1,
            at_ms=now_ms,
            actor=task.actor,
            before=chain,
            key=task.key,
            request=task.request,
        )
        try:
            draft.apply(record)
        except Exception as error:
            raise _DefectError(task, error) from error
        records.append(record)
        task.record = record

    def _snapshot_if_due(self) -> None:
        folded = self._folded
        if folded.world.seq - self._snapshot_seq < self._snapshot_every:
            return
        self._snapshot_seq = folded.world.seq

        def _make() -> None:
            self._snapshot = snapshot_of(folded)

        # beside the writer: a world of a thousand units takes milliseconds to write down
        self._snapshotting = Thread(target=_make, name="snapshot", daemon=True)
        self._snapshotting.start()


class _DefectError(Exception):
    """A command that broke, so that its batch must begin again without it."""

    def __init__(self, task: _Task, cause: Exception) -> None:
        self.task = task
        self.cause = cause
        super().__init__(str(cause))
