"""Places from CSV, and travel-time tables to CSV, Parquet and NumPy."""

from __future__ import annotations

import csv
import io
import math
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from routing.errors import InputError, did_you_mean
from routing.network import UNREACHABLE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from routing.travel_times import Table

_COLUMNS: Final = ("from", "to", "seconds", "metres")


class PlaceTable(NamedTuple):
    """Places of a CSV file.

    Parameters
    ----------
    ids : list of str
        Name of each place: its ``id``, else its row number from 1.
    lonlat : ndarray of float64, shape (rows, 2)
        Lon, lat in degrees.
    """

    ids: list[str]
    lonlat: NDArray[np.float64]


def read_places(path: Path, option: str) -> PlaceTable:
    """Read places from a CSV file with columns lon and lat, and maybe id.

    Parameters
    ----------
    path : Path
        The file, UTF-8.
    option : str
        The command line option that names it, for messages.

    Returns
    -------
    PlaceTable
        At least one place.

    Raises
    ------
    InputError
        The file is no such table; the message names the row and the value.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
        header = list(reader.fieldnames or [])
        rows = list(reader)
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} is not CSV in UTF-8: {error}", field=option) from error
    for column in ("lon", "lat"):
        if column not in header:
            raise InputError(
                f"{path} has no column {column!r}", field=option, fix=did_you_mean(column, header)
            )
    if not rows:
        raise InputError(f"{path} has a header but no rows", field=option)
    lonlat = np.empty((len(rows), 2))
    for number, row in enumerate(rows, start=1):
        where = f"{path} row {number}"
        if None in row or None in row.values():
            raise InputError(f"{where} has not {len(header)} cells as the header", field=option)
        lonlat[number - 1] = (
            _degrees(row, "lon", 180, where, option),
            _degrees(row, "lat", 90, where, option),
        )
    return PlaceTable(_ids(rows, path, option), lonlat)


def encoder(path: Path) -> Callable[[Table, list[str], list[str]], bytes]:
    """Choose how a travel-time table is written by the suffix of its file.

    Parameters
    ----------
    path : Path
        The file: ``.parquet``, ``.csv`` or ``.npy``.

    Returns
    -------
    callable
        Takes the table, the ids of its rows and of its columns; gives bytes.

    Raises
    ------
    InputError
        Another suffix.
    """
    encoders = {".parquet": _parquet, ".csv": _csv, ".npy": _npy}
    if path.suffix not in encoders:
        raise InputError(
            f"{path} ends in {path.suffix!r}",
            field="--out",
            fix=f"end it in one of {', '.join(encoders)}",
        )
    return encoders[path.suffix]


def seconds(ms: NDArray[np.int32]) -> NDArray[np.float64]:
    """Turn inner travel times into seconds.

    Parameters
    ----------
    ms : ndarray of int32
        Milliseconds, `UNREACHABLE` where there is no way.

    Returns
    -------
    ndarray of float64
        Seconds, inf where there is no way.
    """
    return np.where(ms == UNREACHABLE, np.inf, ms / 1000)


def _degrees(row: dict[str, str], column: str, limit: float, where: str, option: str) -> float:
    text = row[column].strip()
    try:
        value = float(text)
    except ValueError:
        raise InputError(f"{where}: {column} {text!r} is not a number", field=option) from None
    if not math.isfinite(value) or abs(value) > limit:
        raise InputError(
            f"{where}: {column} {text} is not within -{limit:g} to {limit:g} degrees",
            field=option,
        )
    return value


def _ids(rows: list[dict[str, str]], path: Path, option: str) -> list[str]:
    if "id" not in rows[0]:
        return [str(number) for number in range(1, len(rows) + 1)]
    first: dict[str, int] = {}
    for number, row in enumerate(rows, start=1):
        if first.setdefault(row["id"], number) != number:
            raise InputError(
                f"{path} row {number}: id {row['id']!r} stands in row {first[row['id']]} too",
                field=option,
            )
    return list(first)


def _long(table: Table, origins: list[str], destinations: list[str]) -> pa.Table:
    unreachable = (table.ms == UNREACHABLE).ravel()
    columns = [
        pa.array(origins).take(pa.array(np.repeat(np.arange(len(origins)), len(destinations)))),
        pa.array(destinations).take(pa.array(np.tile(np.arange(len(destinations)), len(origins)))),
        pa.array(table.ms.ravel() / 1000, mask=unreachable),
        pa.array(table.metres.ravel(), mask=unreachable),
    ]
    return pa.table(columns, names=list(_COLUMNS))


def _parquet(table: Table, origins: list[str], destinations: list[str]) -> bytes:
    sink = io.BytesIO()
    pyarrow.parquet.write_table(_long(table, origins, destinations), sink)
    return sink.getvalue()


def _csv(table: Table, origins: list[str], destinations: list[str]) -> bytes:
    sink = io.BytesIO(",".join(_COLUMNS).encode() + b"\n")
    sink.seek(0, io.SEEK_END)
    options = pyarrow.csv.WriteOptions(include_header=False, quoting_style="needed")
    pyarrow.csv.write_csv(_long(table, origins, destinations), sink, options)
    return sink.getvalue()


def _npy(table: Table, _: list[str], __: list[str]) -> bytes:
    sink = io.BytesIO()
    np.save(sink, seconds(table.ms), allow_pickle=False)
    return sink.getvalue()
