"""The CSV tables of a scenario: their columns, and how they are read and written."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from routing.errors import InputError
from scenarios.zones import checked_column

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from scenarios.settings import Settings

TABLES: Final[dict[str, tuple[str, ...]]] = {
    "stations": ("id", "name", "lon", "lat"),
    "hospitals": ("id", "name", "lon", "lat"),
    "units": ("id", "type", "station"),
    "zones": ("id", "lon", "lat", "weight", "district"),
}
"""Columns of each table of a scenario."""

OPTIONAL: Final[dict[str, tuple[str, ...]]] = {
    "units": ("shift",),
    "hospitals": ("capabilities", "bays"),
}
"""Further columns, which a table may leave out."""

_RANGES: Final = {
    "lon": (-180.0, 180.0),
    "lat": (-90.0, 90.0),
    "weight": (0.0, 1e12),
}


def table_schema(name: str, header: Sequence[str]) -> dict[str, Any]:
    """Describe a table as a Frictionless table schema.

    Parameters
    ----------
    name : str
        One of `TABLES`.
    header : sequence of str
        Its columns.

    Returns
    -------
    dict
        Fields with types and constraints, and the keys.
    """
    fields: list[dict[str, Any]] = []
    for column in header:
        if column in _RANGES:
            low, high = _RANGES[column]
            limits = {"required": True, "minimum": low, "maximum": high}
            fields.append({"name": column, "type": "number", "constraints": limits})
        elif column == "bays":
            fields.append({"name": column, "type": "integer", "constraints": {"minimum": 1}})
        elif column == "id":
            limits = {"required": True, "unique": True}
            fields.append({"name": column, "type": "string", "constraints": limits})
        else:
            fields.append({"name": column, "type": "string"})
    schema: dict[str, Any] = {"fields": fields, "primaryKey": "id"}
    if name == "units":
        reference = {"resource": "stations", "fields": "id"}
        schema["foreignKeys"] = [{"fields": "station", "reference": reference}]
    return schema


def table_bytes(name: str, table: pd.DataFrame) -> bytes:
    """Write a table as CSV, the same bytes for the same content on every machine.

    Parameters
    ----------
    name : str
        One of `TABLES`.
    table : DataFrame
        Has at least its columns.

    Returns
    -------
    bytes
        UTF-8 with Unix line ends; coordinates with seven decimals, as OpenStreetMap has.
    """
    out = table[_columns(name, table)].copy()
    for column in out.columns:
        if column in _RANGES:
            form = "{:.10g}" if column == "weight" else "{:.7f}"
            out[column] = [form.format(value) for value in out[column]]
    buffer = io.StringIO()
    out.to_csv(buffer, index=False, lineterminator="\n")
    return buffer.getvalue().encode()


def _columns(name: str, table: pd.DataFrame) -> list[str]:
    return [*TABLES[name], *(c for c in OPTIONAL.get(name, ()) if c in table.columns)]


def read_table(path: Path, name: str) -> pd.DataFrame:
    """Read a table and check each value by itself.

    Parameters
    ----------
    path : Path
        A CSV file.
    name : str
        One of `TABLES`.

    Returns
    -------
    DataFrame
        Its columns in order; texts stay texts, whatever they look like.

    Raises
    ------
    InputError
        The file is no such table; names file, row (the first one being 1) and column.
    """
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        # Undecodable text, an empty file and ragged rows are all ValueErrors to pandas.
        raise InputError(f"{path} is no CSV table ({error})") from error
    columns = TABLES[name]
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise InputError(
            f"no column {', '.join(missing)}",
            field=path.name,
            fix=f"it needs {','.join(columns)}; it has {','.join(map(str, table.columns))}",
        )
    table = table[_columns(name, table)].copy()
    for column in columns:
        if column in _RANGES:
            table[column] = checked_column(table, column, path.name, *_RANGES[column])
    _check_ids(table["id"], path.name)
    return table


def check_references(
    settings: Settings, stations: pd.DataFrame, units: pd.DataFrame, zones: pd.DataFrame
) -> None:
    """Check what one table says about another.

    Parameters
    ----------
    settings : Settings
        The rules.
    stations, units, zones : DataFrame
        The tables.

    Raises
    ------
    InputError
        A unit has no such station or type, or all zones weigh nothing.
    """
    references = (
        ("station", set(stations["id"]), "stations.csv"),
        ("type", set(settings.unit_types), "scenario.toml [unit_types]"),
    )
    for column, known, where in references:
        wrong = np.flatnonzero(~units[column].isin(known).to_numpy(np.bool_))
        if len(wrong):
            raise InputError(
                f"{units[column].iloc[wrong[0]]!r} is not in {where}",
                field=f"units.csv, row {wrong[0] + 1}, {column}",
                fix="correct the row or add what it names",
            )
    if len(zones) and zones["weight"].sum() <= 0:
        raise InputError(
            "all weights are zero", field="zones.csv, weight", fix="give a zone a weight"
        )


def _check_ids(ids: pd.Series[str], file: str) -> None:
    empty = np.flatnonzero((ids == "").to_numpy(np.bool_))
    if len(empty):
        raise InputError("no id", field=f"{file}, row {empty[0] + 1}, id", fix="give it one")
    again = np.flatnonzero(ids.duplicated().to_numpy(np.bool_))
    if len(again):
        raise InputError(
            f"{ids.iloc[again[0]]!r} repeats an id of an earlier row",
            field=f"{file}, row {again[0] + 1}, id",
            fix="make it unique",
        )
