"""Hours of a scenario in which nobody is on duty."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

import numpy as np

from scenarios.demand import HOUR_MS, horizon_ms
from scenarios.simulation.arrays import COMES_ON, GOES_OFF
from scenarios.simulation.needs import build_rules, suits
from scenarios.simulation.periods import periods_of
from scenarios.simulation.timeline import build_timeline

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    from scenarios.package import Scenario
    from scenarios.simulation.timeline import Span

_NAMED: Final = 3


def duty_gaps(scenario: Scenario) -> list[str]:
    """Name the hours in which no unit is on duty for a priority: incidents then wait.

    Shifts, breaks and closed stations count; failures, which are drawn, do not.

    Parameters
    ----------
    scenario : Scenario
        The scenario.

    Returns
    -------
    list of str
        A sentence for each set of priorities that shares its gaps; local times.

    Raises
    ------
    InputError
        The scenario cannot be simulated.
    """
    rules, _ = build_rules(scenario)
    timeline = build_timeline(scenario, periods_of(scenario))
    end_ms = float(horizon_ms(scenario.settings.horizon))
    found: dict[tuple[Span, ...], list[str]] = {}
    for priority, able in zip(scenario.settings.priorities, suits(scenario, rules), strict=True):
        spans = uncovered(timeline, able, end_ms)
        if spans and priority.share > 0:
            found.setdefault(tuple(spans), []).append(repr(priority.name))
    return [_said(scenario, spans, names) for spans, names in found.items()]


def uncovered(timeline: NDArray[Any], able: NDArray[np.bool_], end_ms: float) -> list[Span]:
    """Find when none of some units is on duty.

    Parameters
    ----------
    timeline : ndarray of TIMED
        What happens at set times.
    able : ndarray of bool, shape (units,)
        Which units.
    end_ms : float
        Until when to look.

    Returns
    -------
    list of tuple of float
        Begin and end of each gap, milliseconds since the horizon's start.
    """
    reasons = np.zeros(len(able), dtype=np.int64)
    spans: list[Span] = []
    begin, before = -1.0, 0.0
    for at, kind, unit in [*timeline.tolist(), (end_ms, -1, -1)]:
        now = min(at, end_ms)
        if now > before:  # what happens in one moment counts together
            alone = not (reasons[able] == 0).any()
            if alone and begin < 0:
                begin = before
            elif not alone and begin >= 0:
                spans.append((begin, before))
                begin = -1.0
            before = now
        if at >= end_ms:
            break
        if kind in (GOES_OFF, COMES_ON):
            reasons[unit] += 1 if kind == GOES_OFF else -1
    if begin >= 0:
        spans.append((begin, end_ms))
    return spans


def _said(scenario: Scenario, spans: tuple[Span, ...], names: list[str]) -> str:
    horizon = scenario.settings.horizon
    zone = ZoneInfo(horizon.timezone)

    def clock(ms: float) -> str:
        return f"{(horizon.start + timedelta(milliseconds=ms)).astimezone(zone):%a %Y-%m-%d %H:%M}"

    told = [f"{clock(begin)} to {clock(end)}" for begin, end in spans[:_NAMED]]
    more = f" and {len(spans) - _NAMED} more times" if len(spans) > _NAMED else ""
    hours = sum(end - begin for begin, end in spans) / HOUR_MS
    whom = f"priorit{'y' if len(names) == 1 else 'ies'} {', '.join(names)}"
    return (
        f"no unit is on duty for {whom} from {', '.join(told)}{more}, {hours:g} h in all: "
        "incidents wait until one is"
    )
