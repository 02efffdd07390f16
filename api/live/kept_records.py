"""The records of an export: without who did it, places coarsened."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from api.live.records import GENESIS, Record
from api.live.world import World
from routing.errors import InputError
from scenarios.run_tables import WRITING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

FILE: Final = "records.parquet"
"""Where a run folder keeps them."""

SCHEMA: Final = pa.schema(
    [
        ("seq", pa.int64()),
        ("at_ms", pa.int64()),  # since 1970, UTC
        ("kind", pa.string()),  # "state" in the first row: what was the case before
        ("subject", pa.string()),
        ("body", pa.string()),  # JSON
    ]
)
"""One row a record.

Not kept are who caused it, how the request was named, and the seals: a hash over places
and names that few can be tells them to whoever tries them all.
"""

_METRES_A_DEGREE: Final = 111_195.0
_STATE: Final = "state"


def coarsened(lon: float, lat: float, metres: float) -> tuple[float, float]:
    """Move a place to the middle of its cell of a grid.

    Parameters
    ----------
    lon, lat : float
        Degrees, WGS84.
    metres : float
        Side of a cell, 0 for none.

    Returns
    -------
    lon, lat : float
        Degrees, to seven decimals; no farther than 0.71 times `metres` from where it was.
    """
    if metres <= 0:
        return lon, lat
    step = metres / _METRES_A_DEGREE
    lat = max(-90.0, min(90.0, (math.floor(lat / step) + 0.5) * step))
    across = step / max(math.cos(math.radians(lat)), 1e-3)
    lon = max(-180.0, min(180.0, (math.floor(lon / across) + 0.5) * across))
    return round(lon, 7), round(lat, 7)


def kept(record: Record, metres: float) -> Record:
    """Leave out of a record what an export does not show.

    Parameters
    ----------
    record : Record
        As the log has it.
    metres : float
        What places are coarsened to.

    Returns
    -------
    Record
        Without actor, names of requests and seals.
    """
    body = dict(record.body)
    if record.kind == "incident_created":
        body["lon"], body["lat"] = coarsened(body["lon"], body["lat"], metres)
    elif record.kind == "positions":
        body["taken"] = [
            [unit, *coarsened(lon, lat, metres), observed_ms]
            for unit, lon, lat, observed_ms in body["taken"]
        ]
    elif record.kind == "incident_updated" and "lon" in body["changes"]:
        changes = body["changes"]
        lon, lat = coarsened(changes["lon"], changes["lat"], metres)
        body["changes"] = {**changes, "lon": lon, "lat": lat}
    elif record.kind == "recommended" and metres > 0:
        # how long each unit would take tells the place of the incident to a metre
        body["alternatives"] = [[unit] for unit, *_ in body["alternatives"]]
    return _plain(record.seq, record.at_ms, record.kind, record.subject, _json(body))


def kept_world(world: World, metres: float) -> World:
    """Leave out of a state what an export does not show.

    Parameters
    ----------
    world : World
        As the log has it.
    metres : float
        What places are coarsened to.

    Returns
    -------
    World
        Without closed incidents and what was shown.
    """
    document = world.to_json()
    document["closed"], document["shown"] = {}, {}
    for each in document["incidents"].values():
        each["lon"], each["lat"] = coarsened(each["lon"], each["lat"], metres)
    for name, (lon, lat, *rest) in document["positions"].items():
        document["positions"][name] = [*coarsened(lon, lat, metres), *rest]
    # by way of text, as it is read back
    return World.from_json(json.loads(_json(document)))


def write_records(path: Path, start: World, records: Sequence[Record]) -> None:
    """Write the records of an export.

    Parameters
    ----------
    path : Path
        A Parquet file.
    start : World
        Of `kept_world`.
    records : sequence of Record
        Of `kept`.
    """
    state = _plain(start.seq, start.at_ms, _STATE, None, _json(start.to_json()))
    rows = [state, *records]
    columns = [[getattr(each, name) for each in rows] for name in SCHEMA.names[:-1]]
    columns.append([each.text for each in rows])
    pq.write_table(pa.table(columns, schema=SCHEMA), path, **WRITING)


def read_records(path: Path) -> tuple[World, list[Record]]:
    """Read back the records of an export.

    Parameters
    ----------
    path : Path
        What `write_records` wrote.

    Returns
    -------
    start : World
        What was the case before them.
    records : list of Record
        In order.

    Raises
    ------
    InputError
        It is not what was written.
    """
    try:
        table = pq.read_table(path)
        if not table.schema.equals(SCHEMA) or not len(table):
            raise InputError(f"{path} has other columns than an export's", fix="export it anew")
        rows = zip(*(table[name].to_pylist() for name in SCHEMA.names), strict=True)
        first, *records = [_plain(*row) for row in rows]
        return World.from_json(first.body), records
    except (OSError, ValueError, KeyError, TypeError, pa.ArrowException) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} cannot be read ({error})", fix="export it anew") from error


def needed(records: Iterable[Record], to_ms: int, incidents: set[str]) -> list[Record]:
    """Cut off what comes after the window and is of none of its incidents.

    Parameters
    ----------
    records : iterable of Record
        In order.
    to_ms : int
        The window's end.
    incidents : set of str
        Those that were called within it.

    Returns
    -------
    list of Record
        Up to the last one that is needed.
    """
    found = list(records)
    while found and found[-1].at_ms >= to_ms and found[-1].body.get("incident") not in incidents:
        found.pop()
    return found


def _plain(seq: int, at_ms: int, kind: str, subject: str | None, text: str) -> Record:
    return Record(seq, at_ms, kind, subject, "", text, None, None, 0, GENESIS)


def _json(document: Any) -> str:
    return json.dumps(document, separators=(",", ":"), allow_nan=False, sort_keys=False)
