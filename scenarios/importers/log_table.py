"""Tables of logs of incidents: what their columns mean, and the times in them."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Annotated, Final

import numpy as np
import pandas as pd
from pydantic import Field, ValidationError
from pyproj import CRS
from pyproj.exceptions import CRSError

from routing.errors import InputError
from scenarios.schema import Model, Name

if TYPE_CHECKING:
    from pathlib import Path


WORK: Final = ("on_scene", "left", "at_hospital", "free")
"""Times of an incident after its call, in the order in which they come."""


class Columns(Model):
    """Which column of a log means what: a TOML file.

    `time` is read by `format` (as Python's ``strptime``), else as ISO 8601; where it says no
    offset it is local time of `timezone`. `x` and `y` are coordinates of `crs`, in the order
    east, north; without `crs` lon and lat. `priority` is a column whose values `priorities`
    turns into names of the scenario's priorities, `type` one whose values `types` turns
    into names of types of incidents (without `types` they are the names). What became of an
    incident is told by the times at which its unit was on scene (`on_scene`), left it
    (`left`), was at a hospital (`at_hospital`; blank where nobody was taken to one) and was
    free again (`free`), read as `time` is; blank where unknown.
    """

    time: Name
    x: Name
    y: Name
    format: str | None = None
    timezone: Name = "UTC"
    crs: Name = "EPSG:4326"
    priority: Name | None = None
    priorities: Annotated[dict[str, Name], Field(max_length=1000)] = Field(default_factory=dict)
    type: Name | None = None
    types: Annotated[dict[str, Name], Field(max_length=1000)] = Field(default_factory=dict)
    on_scene: Name | None = None
    left: Name | None = None
    at_hospital: Name | None = None
    free: Name | None = None

    @property
    def work(self) -> dict[str, str]:
        """The columns of the times after the call, by field, in the order of what happens."""
        fields = {name: getattr(self, name) for name in WORK}
        return {name: column for name, column in fields.items() if column is not None}


def read_columns(path: Path) -> Columns:
    """Read what the columns of a log mean.

    Parameters
    ----------
    path : Path
        A TOML file.

    Returns
    -------
    Columns
        Its content.

    Raises
    ------
    InputError
        It cannot be read, or a key is missing, unknown or wrong.
    """
    try:
        columns = Columns.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
        CRS.from_user_input(columns.crs)
        pd.Timestamp(0, tz="UTC").tz_convert(columns.timezone)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        raise InputError(f"{first['msg']} (in {path})", field=f"--columns: {key}") from error
    except CRSError as error:
        raise InputError(
            f"{columns.crs!r} is no coordinate system",
            field="--columns: crs",
            fix="write EPSG:27700",
        ) from error
    except (OSError, ValueError, LookupError) as error:
        raise InputError(
            f"cannot read {path} ({error})",
            field="--columns",
            fix='write TOML: time = "...", x = "...", y = "..."',
        ) from error
    return columns


def read_table(source: Path, columns: Columns) -> pd.DataFrame:
    """Read the columns of a log that mean something, and no other.

    Parameters
    ----------
    source : Path
        A CSV file.
    columns : Columns
        What they mean.

    Returns
    -------
    DataFrame
        Text as it is written; blank cells are missing.

    Raises
    ------
    InputError
        The file cannot be read, lacks a column or has no row.
    """
    known = (columns.time, columns.x, columns.y, columns.priority, columns.type)
    wanted = [column for column in (*known, *columns.work.values()) if column is not None]
    try:
        head = pd.read_csv(source, nrows=0, encoding="utf-8-sig").columns
        for column in wanted:
            if column not in head:
                raise InputError(
                    f"{source.name} has no column {column!r}",
                    field="--columns",
                    fix=f"it has: {', '.join(str(name) for name in head[:40])}",
                )
        table = pd.read_csv(
            source, usecols=list(dict.fromkeys(wanted)), dtype=str, encoding="utf-8-sig"
        )
    except OSError as error:
        raise InputError(f"cannot read {source}: {error.strerror}", field="SOURCE") from error
    except (ValueError, pd.errors.ParserError) as error:
        raise InputError(f"{source} is no CSV table ({error})", field="SOURCE") from error
    if len(table) == 0:
        raise InputError(f"{source.name} has no row", field="SOURCE")
    return table


def read_times(
    table: pd.DataFrame, columns: Columns, field: str, name: str, notes: list[str]
) -> pd.DatetimeIndex:
    """Read a column of times.

    Parameters
    ----------
    table : DataFrame
        From `read_table`, or some rows of it.
    columns : Columns
        What its columns mean.
    field : str
        Which of them; all but ``time`` may be blank.
    name : str
        The log's name, for messages.
    notes : list of str
        Takes what times in odd hours were taken as.

    Returns
    -------
    DatetimeIndex
        UTC, in the order of the rows, NaT where blank.

    Raises
    ------
    InputError
        A row holds no time.
    """
    texts = table[getattr(columns, field)]
    parsed = pd.to_datetime(texts, format=columns.format or "ISO8601", errors="coerce", utc=False)
    wrong = parsed.isna() & (texts.notna() | (field == "time"))
    if wrong.any() or parsed.dtype == object:
        row = int(np.argmax(wrong))
        raise InputError(
            f"row {table.index[row] + 1} of {name}: {texts.iloc[row]!r} is no time",
            field=f"--columns: {'format' if columns.format else field}",
            fix='give format = "%d/%m/%Y %H:%M:%S" or the like; offsets in all rows or in none',
        )
    index = pd.DatetimeIndex(parsed)
    if index.tz is None:
        index = _localized(index, table, columns, name, notes)
    return index.tz_convert("UTC")


def _localized(
    index: pd.DatetimeIndex, table: pd.DataFrame, columns: Columns, name: str, notes: list[str]
) -> pd.DatetimeIndex:
    """Tell what local times without an offset mean, and where they mean nothing or two things."""
    row = table.index.to_numpy() + 1
    summer, winter = (np.full(len(index), flag, dtype=np.bool_) for flag in (True, False))
    first = index.tz_localize(columns.timezone, ambiguous=summer, nonexistent="NaT")
    second = index.tz_localize(columns.timezone, ambiguous=winter, nonexistent="NaT")
    gone = np.asarray(first.isna()) & np.asarray(index.notna())
    if gone.any():
        notes.append(
            f"{gone.sum():,} rows are in an hour that clocks left out, first row "
            f"{row[np.argmax(gone)]} of {name}: taken as its end"
        )
    twice = np.asarray(first.notna()) & np.asarray(first != second)
    if twice.any():
        notes.append(
            f"{twice.sum():,} rows are in an hour that clocks showed twice, first row "
            f"{row[np.argmax(twice)]} of {name}: taken as the first of both"
        )
    return index.tz_localize(columns.timezone, ambiguous=summer, nonexistent="shift_forward")
