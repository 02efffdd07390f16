"""What a run holds, as tables: one schema for writing and for reading back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from engine.events import EVENTS
from routing.errors import InputError
from scenarios.demand import IncidentTable

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    from numpy.typing import NDArray

    from scenarios.package import Scenario
    from scenarios.simulation.run import Outcome

_FINEST: Final = 1024

_NAME: Final = pa.dictionary(pa.int32(), pa.string())

INCIDENTS: Final = pa.schema(
    [
        ("replication", pa.int32()),
        ("incident", pa.int32()),
        ("priority", _NAME),
        ("type", _NAME),
        ("unit", _NAME),  # the first on scene; null where none came
        ("call_time", pa.float64()),  # since the horizon's start; all times in seconds
        ("response_time", pa.float64()),  # call to on scene, the sum of the next four
        ("complete_time", pa.float64()),  # call to the last unit that it needs on scene
        ("processing_time", pa.float64()),
        ("queue_time", pa.float64()),
        ("turnout_time", pa.float64()),
        ("travel_time", pa.float64()),
        ("on_scene_time", pa.float64()),
        ("transport_time", pa.float64()),
        ("handover_time", pa.float64()),
        ("transported", pa.bool_()),
        ("distance_m", pa.int64()),  # null where a recorded day does not say
        ("zone", _NAME),
        ("district", _NAME),
        ("hospital", _NAME),
    ]
)
"""One row an incident and replication."""

EVENT_LOG: Final = pa.schema(
    [
        ("replication", pa.int32()),
        ("seq", pa.int32()),
        ("time_ms", pa.float64()),
        ("event", _NAME),
        ("incident", pa.int32()),
        ("unit", _NAME),
        ("place", _NAME),  # "zone:ID", "hospital:ID" or "station:ID"
        ("metres", pa.int64()),  # the drive that ended with the event; null where unknown
    ]
)
"""One row an event, in order."""

WRITING: Final[dict[str, Any]] = {
    "version": "2.6",
    "compression": "zstd",
    "compression_level": 3,
    "write_statistics": True,
}
"""Options of every Parquet file: the same rows give the same bytes."""

EVENT_WRITING: Final[dict[str, Any]] = WRITING | {
    "use_dictionary": ["replication", "event", "unit", "place"],
    "column_encoding": dict.fromkeys(("seq", "incident"), "DELTA_BINARY_PACKED"),
}
"""Options of the event log: numbers that rise are written as differences."""

_GROUP: Final = 1 << 18
"""Events in a group of rows."""


class Names:
    """The names that numbers stand for in a scenario's tables.

    Parameters
    ----------
    scenario : Scenario
        The scenario.
    """

    def __init__(self, scenario: Scenario) -> None:
        tables = {
            "zone": scenario.zones,
            "hospital": scenario.hospitals,
            "station": scenario.stations,
        }
        ids = {kind: [str(i) for i in table["id"]] for kind, table in tables.items()}
        district = scenario.zones["district"].fillna("").astype(str)
        names, codes = np.unique(district.to_numpy(dtype=object).astype(str), return_inverse=True)
        self.zone = ids["zone"]
        self.hospital = ids["hospital"]
        self.place = [f"{kind}:{i}" for kind, listed in ids.items() for i in listed]
        self.unit = [str(i) for i in scenario.units["id"]]
        self.priority = [p.name for p in scenario.settings.priorities]
        self.type = [t.name for t in scenario.settings.types]
        self.district = [str(name) for name in names]
        self.district_of_zone = codes.astype(np.int32)


def _named(codes: NDArray[Any], names: list[str]) -> pa.DictionaryArray:
    indices = pa.array(codes.astype(np.int32), mask=codes < 0)
    return pa.DictionaryArray.from_arrays(indices, pa.array(names, pa.string()))


def _seconds(ms: NDArray[Any], missing: NDArray[np.bool_]) -> pa.Array:
    return _numbers(ms / 1000, missing)


def _numbers(values: NDArray[Any], missing: NDArray[np.bool_]) -> pa.Array:
    return pa.array(values, mask=missing)


def incident_table(outcome: Outcome, replication: int, names: Names) -> pa.Table:
    """Tabulate what became of the incidents of a replication.

    Parameters
    ----------
    outcome : Outcome
        The replication.
    replication : int
        Its number.
    names : Names
        The scenario's names.

    Returns
    -------
    Table
        Of schema `INCIDENTS`.
    """
    calls, served = outcome.incidents, outcome.served
    nobody = served["unit"] < 0
    ready_ms = calls.call_ms + calls.processing_ms
    complete_ms = outcome.complete_ms
    taken = outcome.transported
    at_home = taken["at_hospital_ms"] < 0

    always = np.zeros(calls.size, dtype=np.bool_)
    columns = [
        np.full(calls.size, replication, dtype=np.int32),
        np.arange(calls.size, dtype=np.int32),
        _named(calls.priority, names.priority),
        _named(calls.type, names.type),
        _named(served["unit"], names.unit),
        _seconds(calls.call_ms, always),
        _seconds(served["on_scene_ms"] - calls.call_ms, nobody),
        _seconds(complete_ms - calls.call_ms, np.isnan(complete_ms)),
        _seconds(calls.processing_ms, always),
        _seconds(served["dispatch_ms"] - ready_ms, nobody),
        _seconds(served["departed_ms"] - served["dispatch_ms"], nobody),
        _seconds(served["on_scene_ms"] - served["departed_ms"], nobody),
        _seconds(calls.on_scene_ms, always),
        _seconds(taken["at_hospital_ms"] - taken["left_ms"], at_home),
        _seconds(calls.handover_ms, ~calls.transported),
        calls.transported,
        _numbers(served["distance_m"], nobody | (served["distance_m"] < 0)),
        _named(calls.zone, names.zone),
        _named(names.district_of_zone[calls.zone], names.district),
        _named(_hospital(taken["hospital"], names), names.hospital),
    ]
    return pa.Table.from_arrays([pa.array(c) for c in columns], schema=INCIDENTS)


def _hospital(place: NDArray[Any], names: Names) -> NDArray[Any]:
    return np.where(place >= 0, place - len(names.zone), -1)


def event_table(outcome: Outcome, replication: int, names: Names, first: int = 0) -> pa.Table:
    """Tabulate the events of a replication.

    Parameters
    ----------
    outcome : Outcome
        The replication.
    replication : int
        Its number.
    names : Names
        The scenario's names.
    first : int
        Number of the first.

    Returns
    -------
    Table
        Of schema `EVENT_LOG`.
    """
    log = outcome.log
    incident = log["incident"].astype(np.int32)
    columns = [
        np.full(len(log), replication, dtype=np.int32),
        np.arange(first, first + len(log), dtype=np.int32),
        np.ascontiguousarray(log["time_ms"]),
        _named(log["event"], list(EVENTS)),
        _numbers(incident, incident < 0),
        _named(log["unit"], names.unit),
        _named(log["place"], names.place),
        _numbers(log["metres"].astype(np.int64), log["metres"] < 0),
    ]
    return pa.Table.from_arrays([pa.array(c) for c in columns], schema=EVENT_LOG)


def write_events(
    writer: pq.ParquetWriter, outcome: Outcome, replication: int, names: Names
) -> None:
    """Write the events of a replication; many in several groups of rows, to take little memory.

    Parameters
    ----------
    writer : ParquetWriter
        Of schema `EVENT_LOG`.
    outcome : Outcome
        The replication.
    replication : int
        Its number.
    names : Names
        The scenario's names.
    """
    for first in range(0, max(1, len(outcome.log)), _GROUP):
        part = outcome._replace(log=outcome.log[first : first + _GROUP])
        writer.write_table(event_table(part, replication, names, first))


def read_incidents(path: Path, replications: int, names: Names) -> list[IncidentTable]:
    """Read back the incidents of a run, to the millisecond as they were drawn.

    Parameters
    ----------
    path : Path
        An ``incidents.parquet``.
    replications : int
        How many replications it holds.
    names : Names
        The scenario's names.

    Returns
    -------
    list of IncidentTable
        One for each replication.

    Raises
    ------
    InputError
        The file is missing or is not what a simulation writes.
    """
    try:
        table = pq.read_table(path)
        if not table.schema.equals(INCIDENTS):
            raise InputError(f"{path} has other columns than a run's", fix="simulate anew")
        replication = table["replication"].to_numpy()
        row = table["incident"].to_numpy()
        columns = {
            "call_ms": _ms(table["call_time"]),
            "zone": _codes(table["zone"], names.zone),
            "priority": _codes(table["priority"], names.priority),
            "type": _codes(table["type"], names.type),
            "transported": table["transported"].to_numpy(),
            "processing_ms": _ms(table["processing_time"]),
            "on_scene_ms": _ms(table["on_scene_time"]),
            "handover_ms": _ms(table["handover_time"].fill_null(0.0)),
        }
    except (OSError, ValueError, KeyError, pa.ArrowException) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} cannot be read ({error})", fix="simulate anew") from error
    tables = [
        IncidentTable(**{name: column[replication == r] for name, column in columns.items()})
        for r in range(replications)
    ]
    whole = sum(incidents.size for incidents in tables) == len(row)
    for r, incidents in enumerate(tables):
        whole &= np.array_equal(row[replication == r], np.arange(incidents.size))
        whole &= bool((np.diff(incidents.call_ms) >= 0).all())
        whole &= all(bool((column >= 0).all()) for column in incidents)
    if not whole:
        raise InputError(f"{path} is damaged: incidents are missing or out of order")
    return tables


def read_frame(path: Path) -> pd.DataFrame:
    """Read back what became of the incidents of a run.

    Parameters
    ----------
    path : Path
        An ``incidents.parquet`` that `read_incidents` has accepted.

    Returns
    -------
    DataFrame
        Of schema `INCIDENTS`.
    """
    frame: pd.DataFrame = pq.read_table(path).to_pandas()
    return frame


def to_ms(seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return seconds as the milliseconds that they were written from.

    Drawn times are whole milliseconds, and so are drives on roads; what was given finer
    is rounded to 1/1,024 ms, so that sums are exact.

    Parameters
    ----------
    seconds : ndarray of float64
        Seconds.

    Returns
    -------
    ndarray of float64
        Milliseconds.
    """
    return np.rint(seconds * 1000 * _FINEST) / _FINEST


def _ms(column: pa.ChunkedArray) -> NDArray[np.float64]:
    seconds: NDArray[np.float64] = column.to_numpy()
    return np.rint(seconds * 1000)


def _codes(column: pa.ChunkedArray, names: list[str]) -> NDArray[np.int32]:
    rows = {name: row for row, name in enumerate(names)}
    return np.array([rows[name] for name in column.to_pylist()], dtype=np.int32)
