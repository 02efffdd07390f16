"""How the event store's database is opened."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from routing.errors import InputError

if TYPE_CHECKING:
    import sqlite3

    from sqlalchemy import URL, Connection

WRITES: Final = "bluelight_writes"
"""Option of connections that are going to write."""
_BUSY_MS: Final = 5_000


def open_engine(url: str) -> Engine:
    """Open a database; nothing is read or made yet.

    Parameters
    ----------
    url : str
        A path (SQLite), ``sqlite:///PATH`` or ``postgresql://USER@HOST/NAME``.

    Returns
    -------
    Engine
        Its transactions begin at once, and are on disk once they are committed.

    Raises
    ------
    InputError
        It names another kind of database, or the driver is not installed.
    """
    target = _target(url)
    if target.get_backend_name() == "sqlite":
        path = target.database
        if path and path != ":memory:" and not Path(path).parent.is_dir():
            raise InputError(
                f"{path}: its folder does not exist", field="--store", fix="make it first"
            )
        return _sqlite(target)
    try:
        return create_engine(target, pool_pre_ping=True)
    except ModuleNotFoundError as error:
        raise InputError(
            "PostgreSQL needs a driver",
            field="--store",
            fix="pip install 'bluelight[postgres]'",
        ) from error


def _target(url: str) -> URL:
    if "://" not in url:
        return make_url("sqlite://").set(database=url)
    try:
        target = make_url(url)
    except ArgumentError as error:
        raise InputError(f"{url!r} is no address of a database", field="--store") from error
    backend = target.get_backend_name()
    if backend == "sqlite":
        return target
    if backend == "postgresql":
        return target.set(drivername="postgresql+psycopg")
    raise InputError(
        f"{backend!r} is not a database that is known",
        field="--store",
        fix="give a path for SQLite, or postgresql://USER@HOST/NAME",
    )


def _sqlite(target: URL) -> Engine:
    engine = create_engine(target)

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None  # the driver begins no transaction of its own
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={_BUSY_MS}")
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # deferred else: who only reads must not wait for who writes
        writes = connection.get_execution_options().get(WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine
