"""Fleets to simulate, small enough to be written again in a peer's own way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from scenarios.demand import DAY_MS, HOUR_MS, IncidentTable
from scenarios.importers import ELASPY
from scenarios.simulation.arrays import (
    COMES_ON,
    GOES_OFF,
    PERIOD,
    SLOT,
    TIMED,
    Rules,
    Travel,
    packed,
)
from scenarios.simulation.tables import build_tables

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

_MINUTE_MS: Final = 60_000.0
_FACTORS: Final = (1.0, 1.25, 1.1)
"""How much longer drives take: at night, by day, in the evening."""


@dataclass(frozen=True, eq=False)
class Fleet:
    """A fleet on a matrix, its incidents, and what happens at set times.

    Parameters
    ----------
    name : str
        What to call it.
    travel, rules, timeline
        As the event loop takes them.
    xy : ndarray of float64, shape (zones, 2)
        Where the zones are.
    day_only : ndarray of bool, shape (units,)
        Units on duty from 7 to 19 h only.
    incidents : IncidentTable
        Enough of them for the fastest contestant.
    """

    name: str
    travel: Travel
    rules: Rules
    timeline: NDArray[Any]
    xy: NDArray[np.float64]
    day_only: NDArray[np.bool_]
    incidents: IncidentTable

    def first(self, count: int) -> IncidentTable:
        """Return the first incidents.

        Parameters
        ----------
        count : int
            How many.

        Returns
        -------
        IncidentTable
            These.
        """
        columns: list[Any] = [column[:count] for column in self.incidents]
        return IncidentTable(*columns)


def period_of(time_ms: float) -> int:
    """Return which of the three times of day it is: night, day or evening.

    Parameters
    ----------
    time_ms : float
        Since the beginning.

    Returns
    -------
    int
        0, 1 or 2.
    """
    hour = time_ms % DAY_MS / HOUR_MS
    return 1 if 7 <= hour < 16 else 2 if 16 <= hour < 22 else 0


def utrecht(data: Path, count: int, *, seed: int = 1) -> Fleet:
    """Take the region of Utrecht and its 23 ambulances, and draw incidents.

    Parameters
    ----------
    data : Path
        The reference data.
    count : int
        Incidents.
    seed : int
        Seed of the draws.

    Returns
    -------
    Fleet
        Under the rules of ELASPY.
    """
    allocation = "Base_Locations_Ambulances_MEXCLP_21_22_23.csv"
    options = {"case": "diesel_3", "allocation": allocation}
    scenario = ELASPY.read(data / "elaspy", options).scenario
    travel, rules, timeline = build_tables(scenario)
    incidents = _drawn(scenario.zone_weight, count, np.random.default_rng(seed))
    idle = np.zeros(len(rules.crew), dtype=np.bool_)
    xy = np.zeros((0, 2)) if scenario.matrix is None else scenario.matrix.zone_xy
    return Fleet("Utrecht", travel, rules, timeline, xy, idle, incidents)


def everything(data: Path, count: int, *, seed: int = 1) -> Fleet:
    """Take the same region with shifts, two kinds of units, priorities and hours of traffic.

    Every fourth unit carries a doctor; three in ten incidents need one of each kind and
    are served first. Half of the ambulances are on duty by day only.

    Parameters
    ----------
    data : Path
        The reference data.
    count : int
        Incidents.
    seed : int
        Seed of the draws.

    Returns
    -------
    Fleet
        The fleet.
    """
    plain = utrecht(data, count, seed=seed)
    units = len(plain.rules.crew)
    doctor = np.arange(units) % 4 == 0
    day_only = ~doctor & (np.arange(units) % 2 == 1)
    rules = plain.rules._replace(
        suitable=np.stack([~doctor, doctor]),
        priority=np.repeat(plain.rules.priority, 2),
        divert=np.zeros((2, 2), dtype=np.bool_),
        type_ptr=np.array([0, 1, 2]),
        alternative_ptr=np.array([0, 2, 3]),
        slots=packed(SLOT, np.array([0, 1, 0]), np.array([True, False, True])),
    )
    kind = (np.random.default_rng([seed, 7]).random(count) >= 0.3).astype(np.int32)
    slower = plain.incidents._replace(
        call_ms=plain.incidents.call_ms * 2.2, priority=kind, type=kind
    )
    travel = plain.travel
    hours = Travel(
        drive=_scaled(travel.drive),
        nearest=_scaled(travel.nearest),
        turn=np.repeat(travel.turn, len(_FACTORS), axis=0),
        hospital=_scaled(travel.hospital),
        home=_scaled(travel.home),
        rest=np.repeat(travel.rest, len(_FACTORS), axis=0),
        track_ptr=travel.track_ptr,
        track=travel.track,
    )
    days = int(slower.call_ms[-1] // DAY_MS) + 3
    rows: list[tuple[float, int, int]] = [
        (day * DAY_MS + hour * HOUR_MS, PERIOD, period)
        for day in range(days)
        for hour, period in ((7, 1), (16, 2), (22, 0))
    ]
    for unit in np.flatnonzero(day_only).tolist():
        rows += [(0.0, GOES_OFF, unit)]
        rows += [
            (day * DAY_MS + hour * HOUR_MS, change, unit)
            for day in range(days)
            for hour, change in ((7, COMES_ON), (19, GOES_OFF))
        ]
    timeline = np.array(sorted(rows), dtype=TIMED)
    return Fleet("Utrecht, all phases", hours, rules, timeline, plain.xy, day_only, slower)


def _scaled(drives: NDArray[Any]) -> NDArray[Any]:
    """Stack drives for each time of day."""
    parts = []
    for factor in _FACTORS:
        part = drives.copy()
        part["ms"] *= factor
        parts.append(part)
    return np.concatenate(parts)


def _drawn(weight: NDArray[np.float64], count: int, rng: np.random.Generator) -> IncidentTable:
    none = np.zeros(count, dtype=np.int32)
    transported = rng.random(count) < 0.65
    return IncidentTable(
        call_ms=np.cumsum(rng.exponential(8 * _MINUTE_MS, count)),
        zone=rng.choice(len(weight), count, p=weight).astype(np.int32),
        priority=none,
        type=none,
        transported=transported,
        processing_ms=np.zeros(count),
        on_scene_ms=rng.exponential(25 * _MINUTE_MS, count),
        handover_ms=np.where(transported, rng.exponential(20 * _MINUTE_MS, count), 0.0),
    )
