"""What happens at set times: shifts, breaks, failures, closed places, other speeds."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

import numpy as np

from routing.errors import InputError
from scenarios.daylight import nights_of
from scenarios.demand import HOUR_MS, durations_ms, horizon_ms, stream
from scenarios.package import lonlat
from scenarios.simulation.arrays import (
    CLOSES,
    COMES_ON,
    GOES_OFF,
    NIGHT,
    OPENS,
    PERIOD,
    TIMED,
)
from scenarios.simulation.periods import OVERTIME_MS, local_hours

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import date, time

    from numpy.typing import NDArray

    from scenarios.operations import Shift
    from scenarios.package import Scenario
    from scenarios.schema import Duration
    from scenarios.settings import Horizon
    from scenarios.simulation.periods import Periods

Span = tuple[float, float]
"""Begin and end in milliseconds since the horizon's start."""

_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def build_timeline(scenario: Scenario, periods: Periods) -> NDArray[Any]:
    """List what happens at set times, failures apart.

    Parameters
    ----------
    scenario : Scenario
        The scenario.
    periods : Periods
        Its periods.

    Returns
    -------
    ndarray of TIMED
        In order.

    Raises
    ------
    InputError
        A shift or a disturbance names what is not there.
    """
    settings = scenario.settings
    rows = [(at, PERIOD, kind) for at, kind in zip(periods.begins_ms, periods.kind, strict=True)]
    rows = rows[1:] if len(rows) == 1 else rows
    if any(kind.night_turnout_s is not None for kind in settings.unit_types.values()):
        rows += _nights(settings.horizon, settings.night)
    for unit, spans in enumerate(_off_duty(scenario)):
        rows += _pairs(spans, GOES_OFF, COMES_ON, unit)
    rows += _dark(scenario)
    for number, event in enumerate(settings.disturbances, start=1):
        span = (event.start_h * HOUR_MS, (event.end_h or 0.0) * HOUR_MS)
        if event.kind == "hospital_closed":
            hospital = _row_of(scenario.hospitals["id"], event.id, number, "hospitals.csv")
            rows += _pairs([span], CLOSES, OPENS, hospital)
        elif event.kind == "station_closed":
            station = _row_of(scenario.stations["id"], event.id, number, "stations.csv")
            for unit in np.flatnonzero(scenario.unit_station == station).tolist():
                rows += _pairs([span], GOES_OFF, COMES_ON, unit)
        elif event.kind == "grounded":
            for unit in _flying(scenario):
                rows += _pairs([span], GOES_OFF, COMES_ON, unit)
        elif event.kind == "mass_casualty":
            _row_of(scenario.zones["id"], event.id, number, "zones.csv")
    return _ordered(rows)


def _dark(scenario: Scenario) -> list[tuple[float, int, int]]:
    """Keep units that fly by day alone on the ground from sunset to sunrise."""
    by_day = _flying(scenario, daylight_only=True)
    if not by_day:
        return []
    lon, lat = lonlat(scenario.stations).mean(axis=0).tolist()
    horizon = scenario.settings.horizon
    nights = nights_of(lon, lat, horizon.start, horizon_ms(horizon) + OVERTIME_MS)
    return [row for unit in by_day for row in _pairs(nights, GOES_OFF, COMES_ON, unit)]


def _flying(scenario: Scenario, *, daylight_only: bool = False) -> list[int]:
    kinds = [scenario.settings.unit_types[name].flight for name in scenario.units["type"]]
    return [
        unit
        for unit, flight in enumerate(kinds)
        if flight is not None and (flight.daylight_only or not daylight_only)
    ]


def with_failures(
    timeline: NDArray[Any], scenario: Scenario, seed: int, replication: int
) -> NDArray[Any]:
    """Add what is drawn for one replication: failures, and neighbours' own work.

    Parameters
    ----------
    timeline : ndarray of TIMED
        From `build_timeline`.
    scenario : Scenario
        The scenario.
    seed, replication : int
        Which draws; the same for every policy.

    Returns
    -------
    ndarray of TIMED
        In order; `timeline` itself where nothing is drawn.
    """
    kinds = [scenario.settings.unit_types[name] for name in scenario.units["type"]]
    end_ms = horizon_ms(scenario.settings.horizon)
    rows: list[tuple[float, int, int]] = []
    if any(kind.failure is not None for kind in kinds):
        random = stream(seed, replication, "failure")
        for unit, kind in enumerate(kinds):
            if kind.failure is not None:
                mean_ms = kind.failure.mean_days_between * 24 * HOUR_MS
                spans = _spells(random, mean_ms, kind.failure.repair, 0.0, end_ms)
                rows += _pairs(spans, GOES_OFF, COMES_ON, unit)
    if any(kind.mutual_aid is not None for kind in kinds):
        random = stream(seed, replication, "mutual aid")
        for unit, kind in enumerate(kinds):
            aid = kind.mutual_aid
            if aid is not None and aid.busy is not None:
                mean_ms = aid.busy.mean_s * 1000 * (1 - aid.busy_share) / aid.busy_share
                # busy from the beginning as often as later on
                begun, length = random.random(2)
                at_ms = 0.0
                if begun < aid.busy_share:
                    at_ms = float(durations_ms(aid.busy, np.array([length]))[0])
                    rows += _pairs([(0.0, at_ms)], GOES_OFF, COMES_ON, unit)
                spans = _spells(random, mean_ms, aid.busy, at_ms, end_ms)
                rows += _pairs(spans, GOES_OFF, COMES_ON, unit)
    return _ordered([*timeline.tolist(), *rows]) if rows else timeline


def _spells(
    random: np.random.Generator, mean_ms: float, off: Duration, at_ms: float, end_ms: float
) -> Iterator[Span]:
    """Draw when a unit is off, exponential spans of being there between."""
    while True:
        up, down = random.random(2)
        at_ms += float(np.rint(-np.log1p(-up) * mean_ms))
        if at_ms >= end_ms:
            return
        off_ms = float(durations_ms(off, np.array([down]))[0])
        yield at_ms, at_ms + off_ms
        at_ms += off_ms


def _ordered(rows: Iterable[tuple[float, int, int]]) -> NDArray[Any]:
    return np.array(sorted(rows), dtype=TIMED)


def _pairs(
    spans: Iterable[Span], begin: int, end: int, subject: int
) -> list[tuple[float, int, int]]:
    return [row for start, stop in spans for row in ((start, begin, subject), (stop, end, subject))]


def _row_of(ids: Iterable[object], wanted: str | None, number: int, file: str) -> int:
    names = [str(name) for name in ids]
    if wanted not in names:
        raise InputError(
            f"{wanted!r} is not in {file}",
            field=f"scenario.toml: disturbances, number {number}, id",
            fix="correct the id or add the row",
        )
    return names.index(wanted)


def _nights(horizon: Horizon, night: tuple[int, int]) -> list[tuple[float, int, int]]:
    begins_ms, hour = local_hours(horizon)
    first, end = night
    dark = (hour >= first) | (hour < end) if first > end else (hour >= first) & (hour < end)
    return [(at, NIGHT, int(is_dark)) for at, is_dark in zip(begins_ms, dark, strict=True)]


def _off_duty(scenario: Scenario) -> list[list[Span]]:
    """Return the spans in which each unit is off duty: breaks, and what is between its shifts."""
    settings = scenario.settings
    if "shift" not in scenario.units:
        return [[] for _ in range(len(scenario.units))]
    end_ms = horizon_ms(settings.horizon) + OVERTIME_MS
    by_name: dict[str, list[Shift]] = {}
    for shift in settings.shifts:
        by_name.setdefault(shift.name, []).append(shift)
    free = {name: _free_of(shifts, settings.horizon, end_ms) for name, shifts in by_name.items()}
    spans: list[list[Span]] = []
    for row, name in enumerate(scenario.units["shift"], start=1):
        if name and name not in free:
            raise InputError(
                f"{name!r} is not in scenario.toml [[shifts]]",
                field=f"units.csv, row {row}, shift",
                fix="name a shift, or leave it empty for a unit that is always on duty",
            )
        spans.append(free[name] if name else [])
    return spans


def _free_of(shifts: Sequence[Shift], horizon: Horizon, end_ms: float) -> list[Span]:
    duty: list[Span] = []
    pauses: list[Span] = []
    zone = ZoneInfo(horizon.timezone)
    day = horizon.start.astimezone(zone).date() - timedelta(days=2)
    while _ms(day, None, horizon, zone) < end_ms:
        for shift in shifts:
            if _DAYS[day.weekday()] not in shift.days:
                continue
            night = shift.end <= shift.start
            end = day + timedelta(days=1) if night else day
            duty.append((_ms(day, shift.start, horizon, zone), _ms(end, shift.end, horizon, zone)))
            for pause in shift.pauses:
                late = night and pause.start < shift.start
                start = _ms(day + timedelta(days=late), pause.start, horizon, zone)
                pauses.append((start, start + pause.minutes * 60_000))
        day += timedelta(days=1)
    between: list[Span] = []
    reached = 0.0
    for begins_ms, ends_ms in [*merged(duty), (end_ms, end_ms)]:
        if begins_ms > reached:
            between.append((reached, begins_ms))
        reached = max(reached, ends_ms)
    return merged([*between, *((max(a, 0.0), b) for a, b in pauses if b > 0)])


def merged(spans: Iterable[Span]) -> list[Span]:
    """Join spans that overlap or touch.

    Parameters
    ----------
    spans : iterable of tuple of float
        Begin and end of each.

    Returns
    -------
    list of tuple of float
        In order, with gaps between them.
    """
    joined: list[Span] = []
    ordered: list[Span] = sorted(spans)
    for start, end in ordered:
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def _ms(day: date, at: time | None, horizon: Horizon, zone: ZoneInfo) -> float:
    moment = datetime.combine(day, at or datetime.min.time(), tzinfo=zone)
    return (moment - horizon.start).total_seconds() * 1000


def duties(timeline: NDArray[Any], unit: int) -> NDArray[np.float64]:
    """Return when a unit is on duty.

    Parameters
    ----------
    timeline : ndarray of TIMED
        What happens at set times.
    unit : int
        The unit.

    Returns
    -------
    ndarray of float64, shape (spans, 2)
        Milliseconds, rising; from -inf and to inf where nothing changes.
    """
    spans, reasons, since = [], 0, -np.inf
    for what in timeline:
        if what["subject"] != unit or what["kind"] not in (GOES_OFF, COMES_ON):
            continue
        time_ms = float(what["time_ms"])
        if what["kind"] == GOES_OFF:
            if reasons == 0 and time_ms > since:
                spans.append((since, time_ms))
            reasons += 1
        else:
            reasons -= 1
            if reasons == 0:
                since = time_ms
    if reasons == 0:
        spans.append((since, np.inf))
    return np.array(spans, dtype=np.float64).reshape(-1, 2)
