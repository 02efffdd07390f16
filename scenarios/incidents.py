"""Incidents that are given rather than drawn: ``incidents.csv`` of a scenario."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from routing.errors import InputError
from scenarios.demand import IncidentTable

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from scenarios.settings import Settings

FILE: Final = "incidents.csv"
"""Where a scenario's package keeps them."""

_TIMES: Final = ("call_time", "processing_time", "on_scene_time", "handover_time")
COLUMNS: Final = ("call_time", "zone", "type", "transported", *_TIMES[1:])
"""Its columns: times in seconds, `call_time` since the horizon's start."""


def incidents_bytes(incidents: IncidentTable, settings: Settings, zones: pd.DataFrame) -> bytes:
    """Write incidents as CSV.

    Parameters
    ----------
    incidents : IncidentTable
        The incidents.
    settings : Settings
        Names the types.
    zones : DataFrame
        Names the zones.

    Returns
    -------
    bytes
        Times with as many digits as it takes to read the same numbers back.
    """
    names = np.array([kind.name for kind in settings.types], dtype=object)
    table = pd.DataFrame(
        {
            "call_time": incidents.call_ms / 1000,
            "zone": zones["id"].to_numpy(dtype=object)[incidents.zone],
            "type": names[incidents.type],
            "transported": incidents.transported.astype(int),
            "processing_time": incidents.processing_ms / 1000,
            "on_scene_time": incidents.on_scene_ms / 1000,
            "handover_time": incidents.handover_ms / 1000,
        }
    )
    buffer = io.StringIO()
    table.to_csv(buffer, index=False, lineterminator="\n")
    return buffer.getvalue().encode()


def read_incidents(path: Path, settings: Settings, zones: pd.DataFrame) -> IncidentTable:
    """Read given incidents and check each value.

    Parameters
    ----------
    path : Path
        An ``incidents.csv``.
    settings : Settings
        Names the types.
    zones : DataFrame
        Names the zones.

    Returns
    -------
    IncidentTable
        The incidents.

    Raises
    ------
    InputError
        The file is no such table, a value means nothing, or a call is earlier than the
        one before it; names the row, the first one being 1.
    """
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"{path} is no CSV table ({error})") from error
    missing = [column for column in COLUMNS if column not in table.columns]
    if missing:
        raise InputError(
            f"no column {', '.join(missing)}",
            field=path.name,
            fix=f"it needs {','.join(COLUMNS)}",
        )
    times = {column: _seconds(table, column, path.name) * 1000 for column in _TIMES}
    early = np.flatnonzero(np.diff(times["call_time"]) < 0)
    if len(early):
        raise InputError(
            f"{table['call_time'].iloc[early[0] + 1]} is earlier than the call before it",
            field=f"{path.name}, row {early[0] + 2}, call_time",
            fix="sort the rows by call_time",
        )
    types = settings.types
    kind = _rows(table, "type", [each.name for each in types], path.name, "scenario.toml")
    names = [priority.name for priority in settings.priorities]
    flags = _rows(table, "transported", ["0", "1"], path.name, "0 and 1")
    return IncidentTable(
        call_ms=times["call_time"],
        zone=_rows(table, "zone", [str(i) for i in zones["id"]], path.name, "zones.csv"),
        priority=np.array([names.index(t.priority) for t in types], dtype=np.int32)[kind],
        type=kind,
        transported=flags == 1,
        processing_ms=times["processing_time"],
        on_scene_ms=times["on_scene_time"],
        handover_ms=times["handover_time"],
    )


def _seconds(table: pd.DataFrame, column: str, file: str) -> NDArray[np.float64]:
    values = pd.to_numeric(table[column], errors="coerce").to_numpy(np.float64)
    wrong = np.flatnonzero(~(np.isfinite(values) & (values >= 0)))
    if len(wrong):
        raise InputError(
            f"{table[column].iloc[wrong[0]]!r} is no time",
            field=f"{file}, row {wrong[0] + 1}, {column}",
            fix="give seconds, 0 or more",
        )
    return values


def _rows(
    table: pd.DataFrame, column: str, names: list[str], file: str, where: str
) -> NDArray[np.int32]:
    number = {name: row for row, name in enumerate(names)}
    found = np.array([number.get(name, -1) for name in table[column]], dtype=np.int32)
    wrong = np.flatnonzero(found < 0)
    if len(wrong):
        raise InputError(
            f"{table[column].iloc[wrong[0]]!r} is not in {where}",
            field=f"{file}, row {wrong[0] + 1}, {column}",
        )
    return found
