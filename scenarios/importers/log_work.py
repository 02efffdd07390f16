"""What became of the incidents of a log: time on scene, at the hospital, transports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import pandas as pd

from scenarios.importers.log_table import read_times

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from scenarios.importers.log_table import Columns

LONGEST_H: Final = 24.0
"""No part of an incident that lasts longer is believed."""

_NAMED: Final = 5


class Work(NamedTuple):
    """What became of each incident.

    Parameters
    ----------
    on_scene_s, handover_s : ndarray of float64, shape (n,)
        Seconds on scene, and from arrival at the hospital until free; NaN where unknown.
    transported : ndarray of float64, shape (n,)
        1 where a patient was taken to a hospital, 0 where none was, NaN where unknown.
    left_out : int
        Rows whose times contradict each other, of which nothing is taken.
    """

    on_scene_s: NDArray[np.float64]
    handover_s: NDArray[np.float64]
    transported: NDArray[np.float64]
    left_out: int


def read_work(
    table: pd.DataFrame, columns: Columns, called: pd.DatetimeIndex, name: str, notes: list[str]
) -> Work | None:
    """Read the times of a log that follow the call.

    Times must follow each other in the order call, on scene, left, at hospital, free, and
    no part after the arrival lasts a day: else all times of the row are left out. Where the
    log tells of hospitals, an incident with any time but none at a hospital is one without
    transport, and its time on scene ends with `free` if nothing says when it was left.

    Parameters
    ----------
    table : DataFrame
        The log.
    columns : Columns
        What its columns mean.
    called : DatetimeIndex
        When the calls were, UTC, row by row.
    name : str
        The log's name, for messages.
    notes : list of str
        Takes the rows that are left out.

    Returns
    -------
    Work or None
        None where the log has no such column.

    Raises
    ------
    InputError
        A row holds what is no time.
    """
    fields = columns.work
    if not fields:
        return None
    rows = table.index.to_numpy() + 1
    begin = _seconds(called)
    at = {field: _seconds(read_times(table, columns, field, name, notes)) for field in fields}
    last, left_out = begin.copy(), np.zeros(len(table), dtype=np.bool_)
    arrived = np.zeros(len(table), dtype=np.bool_)
    for field, now in at.items():
        after = "the one that it must follow"
        early = ~left_out & (now < last)
        _leave_out(early, rows, f"in which {field!r} is before {after}", name, notes)
        # a journey may be booked days ahead, so that the call is another matter
        long = ~left_out & arrived & (now - last > LONGEST_H * 3600)
        _leave_out(
            long, rows, f"in which {field!r} is over {LONGEST_H:g} h after {after}", name, notes
        )
        left_out |= early | long
        known = ~np.isnan(now)
        last, arrived = np.where(known, now, last), arrived | known
    blank = np.full(len(table), np.nan)
    scene, leave, hospital, free = (
        np.where(left_out, np.nan, at.get(field, blank))
        for field in ("on_scene", "left", "at_hospital", "free")
    )
    transported = blank.copy()
    if "at_hospital" in at:
        told = ~np.isnan(np.stack([scene, leave, hospital, free])).all(axis=0)
        transported = np.where(told, (~np.isnan(hospital)).astype(np.float64), np.nan)
    leave = np.where(np.isnan(leave) & (transported == 0), free, leave)
    parts = {"on scene": leave - scene, "at the hospital": free - hospital}
    for part, seconds in parts.items():
        none = seconds == 0
        _leave_out(none, rows, f"in which the time {part} is 0 s", name, notes)
        seconds[none] = np.nan
    return Work(parts["on scene"], parts["at the hospital"], transported, int(left_out.sum()))


def _leave_out(
    which: NDArray[np.bool_], rows: NDArray[np.int64], what: str, name: str, notes: list[str]
) -> None:
    found = rows[which]
    if len(found):
        told = ", ".join(str(row) for row in found[:_NAMED])
        more = f" and {len(found) - _NAMED:,} more" if len(found) > _NAMED else ""
        which_rows = f"row{'s' if len(found) > 1 else ''} {told}{more}"
        notes.append(f"left out of durations: {len(found):,} rows of {name} {what}, {which_rows}")


def _seconds(times: pd.DatetimeIndex) -> NDArray[np.float64]:
    """Return seconds since 1970, NaN where there is no time."""
    since = times - pd.Timestamp(0, tz="UTC")
    seconds: NDArray[np.float64] = since.total_seconds().to_numpy(np.float64)
    return seconds
