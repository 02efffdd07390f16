"""What policies may know of a scenario beforehand."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from engine.dispatch import CLOSEST
from engine.terrain import Terrain
from scenarios.demand import DAY_MS, HOUR_MS, draw_incidents, horizon_ms, weekly_factor
from scenarios.simulation.run import run_replication

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from scenarios.demand import IncidentTable
    from scenarios.package import Scenario
    from scenarios.simulation.tables import Tables

_PILOT_SEED = 2**32 - 1
"""Incidents that no user asks for by chance."""


def terrain_of(scenario: Scenario, tables: Tables) -> Terrain:
    """Gather what policies may know: stations, drives, demand, and how long units are busy.

    The mean busy time and call processing are those of a pilot, one replication in which
    the closest unit goes: with incidents of its own where they are drawn, with those of
    the scenario where they are given.

    Parameters
    ----------
    scenario : Scenario
        The scenario.
    tables : Tables
        Its tables.

    Returns
    -------
    Terrain
        For `engine.dispatch.bound`.
    """
    travel, rules, timeline = tables
    periods, places, stations = travel.home.shape
    profiles = len(travel.drive) // periods
    first = places - stations
    rows = np.arange(periods) * profiles + rules.priority["response"][0]
    weight = scenario.zone_weight
    incidents = scenario.incidents
    if incidents is None:
        incidents = draw_incidents(scenario, _PILOT_SEED, 0)
    legs = run_replication(travel, rules, incidents, CLOSEST, timeline, logged=False).legs
    done = legs[legs["free_ms"] >= 0]
    limit_ms, from_call, counts = limits_of(scenario)
    return Terrain(
        station_ms=np.ascontiguousarray(travel.drive["ms"][rows, first:], dtype=np.float64),
        weight=weight / weight.sum(),
        calls_per_hour=_calls_per_hour(scenario, incidents),
        home=rules.crew["home"].copy(),
        turnout_ms=rules.crew["turnout_ms"].copy(),
        suitable=rules.suitable,
        limit_ms=limit_ms,
        from_call=from_call,
        counts=counts,
        priority_share=_shares(incidents, len(counts)),
        processing_ms=float(incidents.processing_ms.mean()) if incidents.size else 0.0,
        busy_ms=float((done["free_ms"] - done["dispatch_ms"]).mean()) if len(done) else 0.0,
    )


def _shares(incidents: IncidentTable, priorities: int) -> NDArray[np.float64]:
    if not incidents.size:
        return np.full(priorities, 1 / priorities)
    return np.bincount(incidents.priority, minlength=priorities) / incidents.size


def limits_of(
    scenario: Scenario,
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_]]:
    """Return the response time that is in time, by priority: its first standard's.

    A priority without one is held to the first standard of all, and does not count.

    Parameters
    ----------
    scenario : Scenario
        The scenario.

    Returns
    -------
    limit_ms : ndarray of float64, shape (priorities,)
        Milliseconds.
    from_call : ndarray of bool, shape (priorities,)
        Whether from the call, else from the dispatch.
    counts : ndarray of bool, shape (priorities,)
        Whether there is a standard for it.
    """
    settings = scenario.settings
    own = [settings.standard_of(priority.name) for priority in settings.priorities]
    held = [standard or settings.standards[0] for standard in own]
    return (
        np.array([standard.limit_s * 1000 for standard in held]),
        np.array([standard.start == "call" for standard in held]),
        np.array([standard is not None for standard in own]),
    )


def _calls_per_hour(scenario: Scenario, incidents: IncidentTable) -> NDArray[np.float64]:
    """Return expected calls by hour since the beginning, by the profiles of the demand."""
    horizon, demand = scenario.settings.horizon, scenario.settings.demand
    span = horizon_ms(horizon)
    if scenario.incidents is not None:
        return np.array([incidents.size * HOUR_MS / span])
    begins = pd.Timestamp(horizon.start) + pd.to_timedelta(np.arange(0, span, HOUR_MS), unit="ms")
    local = pd.DatetimeIndex(begins).tz_convert(ZoneInfo(horizon.timezone))
    factor = weekly_factor(demand)[local.day_of_week, local.hour]
    return np.asarray(demand.incidents_per_day * HOUR_MS / DAY_MS * factor, dtype=np.float64)
