"""Statistics of a run by priority, type, district, hour, zone, unit and hospital, in one table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from scenarios.demand import HOUR_MS, horizon_ms
from scenarios.fleet_work import HOURS, by_hour
from scenarios.hospital_waits import P90, WAITS, at_hospital
from scenarios.measures import QUANTILES, response_measures
from scenarios.observations import parts_of
from scenarios.run_tables import WRITING
from scenarios.simulation.periods import local_hours
from scenarios.statistics import Measure, binomial_bounds, estimate, ratio, rounded_to_digits

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from scenarios.measures import Measures
    from scenarios.observations import Observations

CSV_FILE: Final = "statistics.csv"
PARQUET_FILE: Final = "statistics.parquet"
FILES: Final = (CSV_FILE, PARQUET_FILE)

SCHEMA: Final = pa.schema(
    [
        ("by", pa.string()),  # all, priority, type, district, hour, zone, unit or hospital
        ("name", pa.string()),  # which one; local hours from 00 to 23
        ("measure", pa.string()),
        ("of", pa.string()),  # what it is measured in: s, share, km/day...
        ("incidents", pa.int64()),  # of that name, null for units and hospitals
        ("value", pa.float64()),
        ("low", pa.float64()),  # interval from replications, or from stretches of one
        ("high", pa.float64()),
        ("order_low", pa.float64()),  # of quantiles, if incidents were independent
        ("order_high", pa.float64()),
        ("reason", pa.string()),  # why there is no value
    ]
)
"""One row a measure."""

_OF: Final = {
    "queued_share": "share",
    "utilisation": "share",
    "queue_length": "incidents",
    "queue_longest": "incidents",
    "incidents_per_day": "incidents/day",
    "incidents_per_hour": "incidents/h",
    "busy_units": "units",
    "arrests_per_year": "arrests/year",
    "survivors_per_year": "survivors/year",
    "kilometres_per_day": "km/day",
    "hospital_waited_share": "share",
}
"""What measures are in; all others are times in seconds, or shares within a standard."""

_BY: Final = {"survivors_per_year": "curve"}
"""What names after a colon are of; units, where it is not said."""


def breakdown(seen: Observations, measures: Measures) -> pd.DataFrame:
    """Tabulate all that is measured of a run.

    Parameters
    ----------
    seen : Observations
        The run.
    measures : Measures
        What was measured of it.

    Returns
    -------
    DataFrame
        Columns of `SCHEMA`. Intervals as in `scenarios.statistics`; `order_low` and
        `order_high` of quantiles as in `scenarios.statistics.binomial_bounds`. For
        each zone there are incidents and mean response alone.
    """
    rows = list(_rows(seen, measures))
    frame = pd.DataFrame(rows, columns=SCHEMA.names)
    frame["incidents"] = frame["incidents"].astype("Int64")
    numbers = ["value", "low", "high", "order_low", "order_high"]
    frame[numbers] = frame[numbers].astype(np.float64)
    return frame


def _rows(seen: Observations, measures: Measures) -> Iterator[tuple[Any, ...]]:
    everything = np.ones(len(seen.frame), dtype=np.bool_)
    waits = {key: each for key, each in measures.total.items() if key.partition(":")[0] in WAITS}
    others = {key: each for key, each in measures.total.items() if key not in waits}
    parts = {key: each for key, each in others.items() if _in_parts(key)}
    whole = {key: each for key, each in others.items() if key not in parts}
    yield from _told("all", "all", seen, everything, whole)
    priorities, districts = parts_of(seen, "priority"), parts_of(seen, "district")
    for name, mask in priorities.items():
        yield from _told("priority", name, seen, mask, measures.by_priority[name])
    for name, mask in parts_of(seen, "type").items():
        yield from _told("type", name, seen, mask, response_measures(seen, mask))
    for name, mask in districts.items():
        yield from _told("district", name, seen, mask, measures.by_district[name])
    hour = hours_of(seen)
    spans = spans_of_hours(seen)
    for number in range(HOURS):
        mask = hour == number
        count = seen.sums(everything, mask)
        found = {
            "incidents_per_hour": ratio(count * HOUR_MS, spans[:, number]),
            "busy_units": ratio(seen.work.busy_hour_ms[:, number], spans[:, number]),
        }
        found |= response_measures(seen, mask)
        yield from _told("hour", f"{number:02}", seen, mask, found)
    yield from _zones(seen)
    for key, each in parts.items():
        kind, _, name = key.partition(":")
        yield _row(_BY.get(kind, "unit"), name, kind, None, each)
    yield from _waits(seen, waits)


def _in_parts(key: str) -> bool:
    return ":" in key and not key.startswith("standard:")


def _told(
    by: str, name: str, seen: Observations, mask: NDArray[np.bool_], found: dict[str, Measure]
) -> Iterator[tuple[Any, ...]]:
    response = seen.ms("response_time")[mask] / 1000
    ordered = np.sort(response[~np.isnan(response)])
    for key, each in found.items():
        order = binomial_bounds(ordered, QUANTILES[key]) if key in QUANTILES else None
        yield _row(by, name, key, int(mask.sum()), each, order)


def _row(
    by: str,
    name: str,
    key: str,
    incidents: int | None,
    measure: Measure,
    order: tuple[float, float] | None = None,
) -> tuple[Any, ...]:
    said = estimate(measure)
    numbers = (said.value, said.low, said.high, *(order or (None, None)))
    rounded = (None if n is None or np.isnan(n) else rounded_to_digits(n) for n in numbers)
    kind, _, standard = key.partition(":")
    label = f"within {standard}" if standard else key
    return (
        by,
        name,
        label,
        "share" if standard else _OF.get(kind, "s"),
        incidents,
        *rounded,
        (said.reason or None),
    )


def _zones(seen: Observations) -> Iterator[tuple[Any, ...]]:
    """Measure the mean response in each zone that had an incident."""
    zone = seen.frame["zone"].cat.codes.to_numpy(np.int64)
    names = [str(name) for name in seen.frame["zone"].cat.categories]
    response = seen.ms("response_time")
    served = ~np.isnan(response)
    cell = zone * seen.groups + seen.group
    shape = (len(names), seen.groups)
    cells = len(names) * seen.groups
    total = np.bincount(cell[served], weights=response[served], minlength=cells).reshape(shape)
    count = np.bincount(cell[served], minlength=cells).reshape(shape)
    asked = np.bincount(zone, minlength=len(names))
    for row in np.flatnonzero(asked):
        found = ratio(total[row], count[row] * 1000)
        yield _row("zone", names[row], "response_mean", int(asked[row]), found)


def _waits(seen: Observations, found: dict[str, Measure]) -> Iterator[tuple[Any, ...]]:
    """Tell how long crews waited for a bay, all in all and at each hospital."""
    rows = {str(name): row for row, name in enumerate(seen.scenario.hospitals["id"])}
    for key, each in found.items():
        kind, _, name = key.partition(":")
        order = None
        if kind == P90 and seen.waits is not None:
            part = at_hospital(seen.waits, rows[name]) if name else seen.waits
            order = binomial_bounds(np.sort(part.wait_s), 0.9)
        by = ("hospital", name) if name else ("all", "all")
        yield _row(*by, kind, None, each, order)


def hours_of(seen: Observations) -> NDArray[np.int64]:
    """Return the local hour of each call.

    Parameters
    ----------
    seen : Observations
        The run.

    Returns
    -------
    ndarray of int64, shape (n,)
        From 0 to 23.
    """
    begins, hour = local_hours(seen.scenario.settings.horizon)
    return hour[np.searchsorted(begins, seen.ms("call_time"), "right") - 1]


def spans_of_hours(seen: Observations) -> NDArray[np.float64]:
    """Return how much of the time that was simulated is of each local hour.

    Parameters
    ----------
    seen : Observations
        The run.

    Returns
    -------
    ndarray of float64, shape (groups, 24)
        Milliseconds.
    """
    horizon = seen.scenario.settings.horizon
    group = np.arange(seen.groups)
    # replications all begin at 0, stretches of one replication follow each other
    step = float(seen.group_ms) if seen.group_ms < horizon_ms(horizon) else 0.0
    begin = (group * step).astype(np.float64)
    return by_hour(begin, begin + seen.group_ms, group, seen.groups, horizon)


def write_breakdown(frame: pd.DataFrame, folder: Path) -> None:
    """Write the table as CSV and Parquet.

    Parameters
    ----------
    frame : DataFrame
        From `breakdown`.
    folder : Path
        Where to.
    """
    text = frame.to_csv(index=False, lineterminator="\n")
    (folder / CSV_FILE).write_text(text, encoding="utf-8")
    table = pa.Table.from_pandas(frame, schema=SCHEMA, preserve_index=False)
    pq.write_table(table.replace_schema_metadata(None), folder / PARQUET_FILE, **WRITING)
