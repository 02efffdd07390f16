"""A day that happened, as a scenario with given incidents and as a run of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from scenarios.demand import DAY_MS, HOUR_MS
from scenarios.operations import Disturbance, Shift
from scenarios.packaging import load_scenario, save_scenario
from scenarios.policies import NamedPolicy
from scenarios.runs import RunResult, gathered
from scenarios.settings import Horizon
from scenarios.simulation.timeline import merged

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pandas as pd

    from scenarios.demand import IncidentTable
    from scenarios.package import Scenario
    from scenarios.settings import Settings
    from scenarios.simulation.run import Outcome
    from scenarios.simulation.timeline import Span

AS_DECIDED: Final = "as-decided-v1"
"""Policy of a run that people decided."""

SCENARIO: Final = "scenario"
"""Folder of the day's scenario within the run."""

_WEEKDAYS: Final[tuple[Any, ...]] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MOST_SHIFTS: Final = 256


class DayPlan(NamedTuple):
    """What a day was made of, in the numbers of its scenario.

    Parameters
    ----------
    name : str
        What to call the scenario.
    start_ms, end_ms : int
        The window, in milliseconds since 1970.
    units : DataFrame
        Columns ``id, type, station``.
    off : list of list of (float, float)
        When each unit could not be sent, in milliseconds since the start.
    closed : list of (str, float, float)
        Hospitals that took nobody, and when.
    incidents : IncidentTable
        Who called.
    """

    name: str
    start_ms: int
    end_ms: int
    units: pd.DataFrame
    off: list[list[Span]]
    closed: list[tuple[str, float, float]]
    incidents: IncidentTable


def scenario_of(city: Scenario, day: DayPlan) -> tuple[Scenario, int]:
    """Make a scenario of a day: its fleet, its hours, its incidents.

    What a scenario draws by itself (failures, neighbours' own work) and what it plans for
    a day of its own (shifts, disturbances) gives way to what was observed.

    Parameters
    ----------
    city : Scenario
        Roads, places and rules.
    day : DayPlan
        What happened.

    Returns
    -------
    scenario : Scenario
        In memory, with no hash.
    lost : int
        Units whose time off duty cannot be said in shifts, so that they are always on.
    """
    horizon = Horizon(
        start=datetime.fromtimestamp(day.start_ms / 1000, UTC),
        days=(day.end_ms - day.start_ms) / DAY_MS,
        timezone=city.settings.horizon.timezone,
    )
    names, shifts = _shifts(day.off, horizon)
    lost = sum(bool(off) for off in day.off) if shifts is None else 0
    units = day.units.copy()
    if shifts:
        units["shift"] = names
    closed = [
        Disturbance(kind="hospital_closed", id=name, start_h=begin / HOUR_MS, end_h=end / HOUR_MS)
        for name, begin, end in day.closed
    ]
    settings = city.settings.model_copy(
        update={
            "name": day.name[:100],
            "horizon": horizon,
            "shifts": shifts or [],
            "disturbances": closed[:_MOST_SHIFTS],
            "unit_types": _undrawn(city.settings),
        }
    )
    made = replace(
        city,
        settings=settings,
        settings_text="",
        units=units,
        incidents=day.incidents,
        hash="",
        location="",
    )
    return made, lost


def _undrawn(settings: Settings) -> dict[str, Any]:
    """Leave out what is drawn at random of units."""
    kinds = {}
    for name, kind in settings.unit_types.items():
        aid = kind.mutual_aid
        if aid is not None and aid.busy is not None:
            aid = aid.model_copy(update={"busy": None, "busy_share": 0.0})
        kinds[name] = kind.model_copy(update={"failure": None, "mutual_aid": aid})
    return kinds


def _shifts(off: list[list[Span]], horizon: Horizon) -> tuple[list[str], list[Shift] | None]:
    """Say in shifts of weekdays when units were on duty; None where a week does not hold it."""
    zone = ZoneInfo(horizon.timezone)
    begin = horizon.start.astimezone(zone)
    end = (horizon.start + timedelta(days=horizon.days, milliseconds=-1)).astimezone(zone)
    dates = [begin.date() + timedelta(days=n) for n in range((end.date() - begin.date()).days + 1)]
    if not any(off):
        return [], []
    if len(dates) > len(_WEEKDAYS):
        return [], None
    midnights = [
        (datetime.combine(each, datetime.min.time(), zone) - horizon.start)
        / timedelta(milliseconds=1)
        for each in [*dates, dates[-1] + timedelta(days=1)]
    ]
    names: list[str] = []
    known: dict[tuple[Span, ...], str] = {}
    shifts: list[Shift] = []
    for spans in off:
        key = tuple(merged(spans))
        if not key:
            names.append("")
            continue
        if key not in known:
            name = f"as recorded {len(known) + 1}"
            rows = _on_duty(name, key, dates, midnights, horizon, zone)
            known[key] = name if rows else ""  # never on duty, yet it was there
            shifts += rows
        names.append(known[key])
    return (names, shifts) if len(shifts) <= _MOST_SHIFTS else ([], None)


def _on_duty(
    name: str,
    off: Sequence[Span],
    dates: Sequence[Any],
    midnights: Sequence[float],
    horizon: Horizon,
    zone: ZoneInfo,
) -> list[Shift]:
    """Return shifts of what is between the spans; the days beyond are on duty throughout."""
    shifts = []
    for date, (first, last) in zip(dates, pairwise(midnights), strict=True):
        edges = [first, *(each for span in off for each in span), last]
        for begin, end in zip(edges[::2], edges[1::2], strict=True):
            start, stop = max(begin, first), min(end, last)
            if stop > start:
                times = [
                    (horizon.start + timedelta(milliseconds=each)).astimezone(zone).time()
                    for each in (start, stop)
                ]
                day = [_WEEKDAYS[date.weekday()]]
                shifts.append(Shift(name=name, days=day, start=times[0], end=times[1]))
    there = {each.weekday() for each in dates}
    others = [day for row, day in enumerate(_WEEKDAYS) if row not in there]
    if others:
        midnight = datetime.min.time()
        shifts.append(Shift(name=name, days=others, start=midnight, end=midnight))
    return shifts


def keep_recorded(
    scenario: Scenario, outcome: Outcome, recorded: dict[str, Any], folder: Path
) -> RunResult:
    """Write the run of a day that happened, with the scenario in its folder.

    Parameters
    ----------
    scenario : Scenario
        Of `scenario_of`.
    outcome : Outcome
        What became of the incidents.
    recorded : dict
        Whence it is, and what of it a run cannot say; for summary and manifest.
    folder : Path
        An empty folder.

    Returns
    -------
    RunResult
        The run, of policy `AS_DECIDED`.
    """
    save_scenario(scenario, folder / SCENARIO)
    # as a replay reads it, so that the same bytes come out
    kept = replace(load_scenario(folder / SCENARIO), location=SCENARIO)
    people = NamedPolicy(AS_DECIDED, _People())
    return gathered(kept, iter([outcome]), people, seed=0, most=1, folder=folder, recorded=recorded)


class _People:
    """Stands for those who decided; nobody can ask them again."""

    def decide(self, _: object) -> int:
        """Refuse to."""
        raise NotImplementedError
