"""Bring a database to the tables that this version writes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import inspect, text
from sqlalchemy.exc import DatabaseError, OperationalError

from routing.errors import InputError

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy import Engine

NEWEST: Final = "0004"
"""Tables of this version: a start on these need not wait for what makes others of them."""


def migrate(engine: Engine) -> None:
    """Make the tables, or bring older ones up to date; nothing is lost.

    Parameters
    ----------
    engine : Engine
        The database.

    Raises
    ------
    InputError
        It cannot be opened, is none, or was written by a newer version.
    """
    present = _revision(engine)
    if present == NEWEST:
        return
    from alembic import command  # noqa: PLC0415  # as long as all the rest of a start

    config = _config()
    _known(config, present)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def check_tables(engine: Engine) -> None:
    """Make sure that the tables are those of this version, and change nothing.

    Parameters
    ----------
    engine : Engine
        The database.

    Raises
    ------
    InputError
        They are not.
    """
    present = _revision(engine)
    if present != NEWEST:
        _known(_config(), present)
        raise InputError(
            f"the store has tables of version {present or 'none'}, this bluelight reads {NEWEST}",
            field="--store",
            fix="start the writer of this version first",
        )


def _config() -> Config:
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    folder = Path(__file__).parent / "migrations"
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    return config


def _revision(engine: Engine) -> str | None:
    try:
        with engine.connect() as connection:
            if not inspect(connection).has_table("alembic_version"):
                return None
            found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
            return found
    except OperationalError as error:
        raise InputError(
            f"cannot open {engine.url.render_as_string()}: {_first_line(error)}",
            field="--store",
            fix="check the address, and that the database runs",
        ) from error
    except DatabaseError as error:
        raise InputError(
            f"{engine.url.render_as_string()} is no event store: {_first_line(error)}",
            field="--store",
            fix="name another file, or restore a backup",
        ) from error


def _known(config: Config, present: str | None) -> None:
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if present is not None and present not in known:
        raise InputError(
            f"the store was written by a newer bluelight (tables of version {present})",
            field="--store",
            fix="upgrade bluelight",
        )


def _first_line(error: DatabaseError) -> str:
    return str(error.orig).splitlines()[0] if str(error.orig) else type(error.orig).__name__
