"""The log on disk: one writer, any number of readers."""

from __future__ import annotations

import hashlib
import zlib
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TextIO

from sqlalchemy import delete, func, insert, select, text
from sqlalchemy.exc import DatabaseError, DBAPIError

from api.live.engine import WRITES, open_engine
from api.live.records import GENESIS, Record
from api.live.tables import LOG, SNAPSHOTS
from routing.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Connection, Row

_CHUNK: Final = 5_000
_SNAPSHOTS_KEPT: Final = 2
_WRITER: Final = 0x626C7565
"""Number of the lock of PostgreSQL that the writer holds."""


class DamagedLogError(InputError):
    """A log that is not what was written.

    Parameters
    ----------
    seq : int
        The first record that cannot be trusted; all before it can.
    reason : str
        What is wrong with it.
    """

    def __init__(self, seq: int, reason: str) -> None:
        self.seq = seq
        super().__init__(
            f"record {seq} of the log is damaged: {reason}; the {seq - 1:,} before it are whole",
            field="--store",
            fix="restore a backup, or see 'bluelight verify-log --help'",
        )


class Snapshot(NamedTuple):
    """The world after a record.

    Parameters
    ----------
    seq : int
        That record.
    chain : bytes
        The chain up to it.
    version : int
        Of the form of `world`.
    world : bytes
        JSON.
    """

    seq: int
    chain: bytes
    version: int
    world: bytes


class Store:
    """The log of an engine.

    Parameters
    ----------
    url : str
        A path (SQLite), or a URL of PostgreSQL.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = open_engine(url)
        self._held: Connection | None = None
        self._lock_file: TextIO | None = None
        self._writing = self.engine.execution_options(**{WRITES: True})
        self._kept: Connection | None = None
        # once: what stands in it never changes, and each record would be compiled for
        self._insert = str(insert(LOG).compile(dialect=self.engine.dialect))
        self._by_name = not self.engine.dialect.positional
        self._turn = Lock()

    def close(self) -> None:
        """Let go of the database."""
        if self._held is not None:
            # else the server keeps it until it has seen that we are gone
            with suppress(DBAPIError):
                self._held.execute(select(func.pg_advisory_unlock(_WRITER)))
            self._held.close()
            self._held = None
        with self._turn:
            if self._kept is not None:
                self._kept.close()
                self._kept = None
        if self._lock_file is not None:
            self._lock_file.close()
            self._lock_file = None
        self.engine.dispose()

    def become_writer(self) -> None:
        """Take the place of the one writer; it is free again when the process ends.

        Raises
        ------
        InputError
            Another process has it.
        """
        if self._held is not None or self._lock_file is not None:
            return
        taken = InputError(
            f"another process writes to {self.engine.url.render_as_string()}",
            field="--store",
            fix="end it, name another store, or serve with --replica",
        )
        path = self.engine.url.database
        if self.engine.dialect.name == "sqlite":
            if path and path != ":memory:":
                self._lock_file = _locked(Path(path + ".lock"), taken)
            return
        held = self.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        if not held.scalar(select(func.pg_try_advisory_lock(_WRITER))):
            held.close()
            raise taken
        self._held = held

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Yield a connection; what was written through it is on disk once it is left.

        One after the other, in this process and beside it: a transaction of SQLite that
        has read fails when it comes to write, if somebody else has written meanwhile.

        Yields
        ------
        Connection
            Within a transaction.
        """
        with self._turn:
            connection = self._kept or self._writing.connect()
            self._kept = None
            try:
                with connection.begin():
                    yield connection
            except BaseException:
                connection.close()
                raise
            if self.engine.dialect.name == "sqlite":  # a server may be gone until the next time
                self._kept = connection
            else:
                connection.close()

    def records(
        self, after: int = 0, up_to: int | None = None, subject: str | None = None
    ) -> Iterator[Record]:
        """Yield records in order.

        Parameters
        ----------
        after : int
            Number of the last record that is not wanted.
        up_to : int, optional
            Number of the last one that is.
        subject : str, optional
            Only those of this subject.

        Yields
        ------
        Record
            As it is stored; whether it is whole is for `checked` to say.

        Raises
        ------
        DamagedLogError
            The database cannot be read.
        """
        while True:
            question = select(LOG).where(LOG.c.seq > after).order_by(LOG.c.seq).limit(_CHUNK)
            if up_to is not None:
                question = question.where(LOG.c.seq <= up_to)
            if subject is not None:
                question = question.where(LOG.c.subject == subject)
            try:
                with self.engine.connect() as connection:
                    rows = connection.execute(question).all()
            except DBAPIError as error:
                if not _unreadable(error):
                    raise
                raise DamagedLogError(after + 1, f"{error.orig}") from error
            for row in rows:
                yield _record(row, after + 1 if subject is None else None)
                after = row.seq
            if len(rows) < _CHUNK:
                return

    def checked(self, after: int = 0, chain: bytes = GENESIS) -> Iterator[Record]:
        """Yield records in order, each proved to be what was written.

        Parameters
        ----------
        after : int
            Number of the last record that is not wanted.
        chain : bytes
            The chain up to that one.

        Yields
        ------
        Record
            Whole records.

        Raises
        ------
        DamagedLogError
            At the first one that is not.
        """
        for record in self.records(after):
            if record.seq != after + 1:
                raise DamagedLogError(after + 1, "it is missing")
            reason = record.damage(chain)
            if reason is not None:
                raise DamagedLogError(record.seq, reason)
            after, chain = record.seq, record.chain
            yield record

    def ends(self) -> tuple[Record, Record] | None:
        """Return the first and the last record, as they are stored.

        Returns
        -------
        tuple of Record or None
            The first one is number 1, or a later one where older ones were pruned. None
            where nothing was written yet.

        Raises
        ------
        DamagedLogError
            The database cannot be read.
        """
        either = [select(LOG).order_by(order).limit(1) for order in (LOG.c.seq, LOG.c.seq.desc())]
        try:
            with self.engine.connect() as connection:
                first, last = (connection.execute(question).first() for question in either)
        except DBAPIError as error:
            if not _unreadable(error):
                raise
            raise DamagedLogError(1, f"{error.orig}") from error
        return None if first is None or last is None else (_record(first, 1), _record(last, None))

    def append(self, connection: Connection, records: Sequence[Record]) -> None:
        """Write records.

        Parameters
        ----------
        connection : Connection
            Of `writing`.
        records : sequence of Record
            That follow the last one on disk.
        """
        rows = [
            (
                record.seq,
                record.at_ms,
                record.kind,
                record.subject,
                record.actor,
                record.text,
                record.key,
                record.request,
                record.crc,
                record.chain,
            )
            for record in records
        ]
        if self._by_name:
            names = LOG.columns.keys()
            named = [dict(zip(names, row, strict=True)) for row in rows]
            connection.exec_driver_sql(self._insert, named)
        else:
            connection.exec_driver_sql(self._insert, rows)

    def of_kind(self, kind: str) -> list[Record]:
        """Return the records of a kind.

        Parameters
        ----------
        kind : str
            Such as ``pruned``.

        Returns
        -------
        list of Record
            In order.
        """
        with self.engine.connect() as connection:
            rows = connection.execute(select(LOG).where(LOG.c.kind == kind).order_by(LOG.c.seq))
            return [_record(row, None) for row in rows]

    def of_key(self, connection: Connection, actor: str, key: str) -> Record | None:
        """Return what a request of this name has done already.

        Parameters
        ----------
        connection : Connection
            Of `writing`.
        actor, key : str
            Who asked, and under which name.

        Returns
        -------
        Record or None
            None if it is new.
        """
        question = select(LOG).where(LOG.c.actor == actor, LOG.c.key == key)
        row = connection.execute(question).first()
        return None if row is None else _record(row, None)

    def knows(self, connection: Connection, subject: str | None) -> bool:
        """Tell whether anything ever happened to a subject.

        Parameters
        ----------
        connection : Connection
            Of `writing`.
        subject : str or None
            Such as ``incident:I1``.

        Returns
        -------
        bool
            True if it did.
        """
        question = select(LOG.c.seq).where(LOG.c.subject == subject).limit(1)
        return connection.execute(question).first() is not None

    def snapshots(self) -> list[Snapshot]:
        """Return what is kept, the newest first; those that are damaged are left out.

        Returns
        -------
        list of Snapshot
            Each one is what was written.
        """
        try:
            with self.engine.connect() as connection:
                rows = connection.execute(select(SNAPSHOTS).order_by(SNAPSHOTS.c.seq.desc())).all()
        except DatabaseError:  # unreadable: the log says it all
            return []
        found = []
        for row in rows:
            # SQLite keeps any type in any column: what is no bytes is not what was written
            with suppress(TypeError, ValueError):
                snapshot = Snapshot(row.seq, bytes(row.chain), row.version, bytes(row.world))
                if _digest(snapshot) == bytes(row.digest):
                    found.append(snapshot)
        return found

    def damaged_snapshots(self) -> int:
        """Return how many snapshots are not what was written.

        Returns
        -------
        int
            Those that `snapshots` leaves out.
        """
        with self.engine.connect() as connection:
            kept: int = connection.scalars(select(func.count()).select_from(SNAPSHOTS)).one()
        return kept - len(self.snapshots())

    def keep(self, connection: Connection, snapshot: Snapshot) -> None:
        """Write a snapshot, and let go of old ones.

        Parameters
        ----------
        connection : Connection
            Of `writing`.
        snapshot : Snapshot
            The newest.
        """
        seqs = connection.scalars(select(SNAPSHOTS.c.seq).order_by(SNAPSHOTS.c.seq.desc())).all()
        # one that stands at the first record is what a pruned log begins with
        root = connection.scalar(select(func.min(LOG.c.seq)))
        older = [seq for seq in seqs[_SNAPSHOTS_KEPT - 1 :] if seq != root]
        old = [*older, *(seq for seq in seqs if seq >= snapshot.seq)]
        connection.execute(delete(SNAPSHOTS).where(SNAPSHOTS.c.seq.in_(old)))
        connection.execute(insert(SNAPSHOTS).values(**snapshot._asdict(), digest=_digest(snapshot)))

    def compact(self) -> None:
        """Give the room of removed rows back, so that they cannot be read off the disk.

        Raises
        ------
        InputError
            Somebody reads the log, so that what was removed is on disk still.
        """
        if self.engine.dialect.name != "sqlite":
            with self.engine.connect() as connection:
                alone = connection.execution_options(isolation_level="AUTOCOMMIT")
                alone.execute(text("VACUUM log, snapshots"))
            return
        raw = self.engine.raw_connection()  # a transaction of the engine's would forbid it
        try:
            cursor = raw.cursor()
            cursor.execute("VACUUM")
            busy, *_ = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            cursor.close()
        finally:
            raw.close()
        if busy:
            raise InputError(
                "the records are removed, but still on disk: somebody reads the log",
                field="--store",
                fix="do the same again when nobody reads it",
            )

    def integrity(self) -> str | None:
        """Ask the database itself whether its pages are whole.

        Returns
        -------
        str or None
            What it says is wrong; None where nothing is, or it cannot tell.
        """
        if self.engine.dialect.name != "sqlite":
            return None
        try:
            with self.engine.connect() as connection:
                said: str = connection.scalars(text("PRAGMA integrity_check(1)")).one()
        except DatabaseError as error:
            return str(error.orig)
        return None if said == "ok" else said


def _record(row: Row[Any], expected: int | None) -> Record:
    try:
        return Record(
            row.seq,
            row.at_ms,
            row.kind,
            row.subject,
            row.actor,
            row.body,
            row.key,
            row.request,
            row.crc,
            bytes(row.chain),
        )
    except (TypeError, ValueError) as error:  # SQLite keeps any type in any column
        raise DamagedLogError(expected or row.seq, f"{error}") from error


def _digest(snapshot: Snapshot) -> bytes:
    head = f"{snapshot.seq} {snapshot.version} {zlib.crc32(snapshot.world)} ".encode()
    return hashlib.sha256(head + snapshot.chain + snapshot.world).digest()


def _unreadable(error: DBAPIError) -> bool:
    words = str(error.orig).lower()
    return "malformed" in words or "not a database" in words or "could not decode" in words


def _locked(path: Path, taken: InputError) -> TextIO:
    import fcntl  # noqa: PLC0415 - not on every system

    file = path.open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise taken from None
    return file
