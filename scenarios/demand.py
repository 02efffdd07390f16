"""Incidents of a scenario, drawn so that every policy meets the very same ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from routing.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from scenarios.operations import Disturbance
    from scenarios.package import Scenario
    from scenarios.schema import Duration
    from scenarios.settings import Demand, Horizon, Settings

PURPOSES: Final = (
    "gap",
    "thinning",
    "zone",
    "priority",
    "transported",
    "call_processing",
    "on_scene",
    "handover",
    "type",
    "calm",
    "surge_gap",
    "surge_thinning",
    "surge_part",
    "failure",
    "mutual aid",
)
"""What random numbers are drawn for; each has a stream of its own. Only ever append."""

DAY_MS: Final = 86_400_000
HOUR_MS: Final = 3_600_000
_SLOT_MS: Final = 900_000
_CHUNK: Final = 4096


class IncidentTable(NamedTuple):
    """The incidents of one replication in the order of their calls.

    With n incidents, times in milliseconds, whole ones unless they were given finer:

    Parameters
    ----------
    call_ms : ndarray of float64, shape (n,)
        When the call is answered, since the horizon's start; rising.
    zone : ndarray of int32, shape (n,)
        Row in the scenario's zones.
    priority : ndarray of int32, shape (n,)
        Row in the settings' priorities.
    type : ndarray of int32, shape (n,)
        Row in the settings' types of incidents.
    transported : ndarray of bool, shape (n,)
        True where a patient is taken to a hospital.
    processing_ms, on_scene_ms, handover_ms : ndarray of float64, shape (n,)
        Durations; a handover is zero where nobody is transported.
    """

    call_ms: NDArray[np.float64]
    zone: NDArray[np.int32]
    priority: NDArray[np.int32]
    type: NDArray[np.int32]
    transported: NDArray[np.bool_]
    processing_ms: NDArray[np.float64]
    on_scene_ms: NDArray[np.float64]
    handover_ms: NDArray[np.float64]

    @property
    def size(self) -> int:
        """Number of incidents."""
        return len(self.call_ms)

    def same_as(self, other: IncidentTable) -> bool:
        """Tell whether another table holds the same incidents.

        Parameters
        ----------
        other : IncidentTable
            Another one.

        Returns
        -------
        bool
            True where every column is equal.
        """
        return all(
            np.array_equal(getattr(self, name), getattr(other, name)) for name in self._fields
        )


def stream(seed: int, replication: int, purpose: str) -> np.random.Generator:
    """Return the random stream of a purpose in a replication.

    The streams are the counter-based generator Philox 4x64 (Salmon, Moraes, Dror, Shaw
    2011, doi:10.1145/2063384.2063405) under the key (seed, replication), each purpose
    in a block of counters of its own; draw i belongs to incident i. What one purpose
    draws, and how many incidents there are, moves no other number.

    Parameters
    ----------
    seed, replication : int
        Both from 0.
    purpose : str
        One of `PURPOSES`.

    Returns
    -------
    Generator
        The stream.
    """
    key = np.array([seed, replication], dtype=np.uint64)
    counter = np.array([0, 0, 0, PURPOSES.index(purpose)], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=counter))


def draw_incidents(scenario: Scenario, seed: int, replication: int) -> IncidentTable:
    """Draw the incidents of one replication.

    They depend on the seed, the replication, the zones and the settings alone: not on
    stations, units or policy.

    Parameters
    ----------
    scenario : Scenario
        The scenario.
    seed, replication : int
        Which incidents.

    Returns
    -------
    IncidentTable
        The incidents.

    Raises
    ------
    InputError
        There is no demand, or the seed or the time zone is none.
    """
    settings = scenario.settings
    check_demand(scenario)
    check_seed(seed)
    call_ms, kept, fixed = _calls(scenario, seed, replication)
    draws = {
        purpose: stream(seed, replication, purpose).random(len(call_ms))
        for purpose in ("zone", "priority", "type", "transported", *_DURATIONS)
    }
    kind = _types(settings, draws["priority"], draws["type"])
    zone = _pick(scenario.zone_weight, draws["zone"])
    for first, last, set_kind, set_zone in fixed:
        kind[first:last], zone[first:last] = set_kind, set_zone
    names = [p.name for p in settings.priorities]
    types, process = settings.types, settings.process
    transported = (
        draws["transported"] < np.array([t.transported for t in types], dtype=np.float64)[kind]
    )
    processing_ms = durations_ms(process.call_processing, draws["call_processing"])
    on_scene_ms, handover_ms = np.empty(len(kind)), np.empty(len(kind))
    for number, each in enumerate(types):
        mine = kind == number
        on_scene_ms[mine] = durations_ms(each.on_scene or process.on_scene, draws["on_scene"][mine])
        handover_ms[mine] = durations_ms(each.handover or process.handover, draws["handover"][mine])
    incidents = IncidentTable(
        call_ms=call_ms,
        zone=zone,
        priority=np.array([names.index(t.priority) for t in types], dtype=np.int32)[kind],
        type=kind,
        transported=transported,
        processing_ms=processing_ms,
        on_scene_ms=on_scene_ms,
        handover_ms=np.where(transported, handover_ms, 0.0),
    )
    order = np.flatnonzero(kept)
    order = order[np.argsort(call_ms[order], kind="stable")]
    columns: list[Any] = [column[order] for column in incidents]
    return IncidentTable(*columns)


_DURATIONS: Final = ("call_processing", "on_scene", "handover")


def _types(
    settings: Settings, priority: NDArray[np.float64], kind: NDArray[np.float64]
) -> NDArray[np.int32]:
    """Choose the priority of each incident, then its type by weight within it."""
    chosen = _pick(np.array([p.share for p in settings.priorities]), priority)
    found = np.empty(len(chosen), dtype=np.int32)
    for row, each in enumerate(settings.priorities):
        mine = chosen == row
        numbers = [n for n, t in enumerate(settings.types) if t.priority == each.name]
        weight = np.array([settings.types[n].weight for n in numbers])
        found[mine] = np.array(numbers, dtype=np.int32)[_pick(weight, kind[mine])]
    return found


def _calls(
    scenario: Scenario, seed: int, replication: int
) -> tuple[NDArray[np.float64], NDArray[np.bool_], list[tuple[int, int, int, int]]]:
    """Draw call times: the usual ones, those of surges, those of mass casualties.

    The usual ones come first, whatever else there is, so that their draws stay the same.
    Also which of them happen (fewer where a surge has a factor below 1), and for each
    mass casualty its first and last row, type and zone.
    """
    settings = scenario.settings
    usual = arrivals(settings.demand, settings.horizon, seed, replication)
    surges = [e for e in settings.disturbances if e.kind == "surge"]
    parts, kept = [usual], np.ones(len(usual), dtype=np.bool_)
    if surges:
        calm = stream(seed, replication, "calm").random(len(usual))
        kept = calm < _surge_factor(surges, usual)
        peak = _peak(surges)
        if peak > 1:
            more = settings.demand.model_copy(
                update={"incidents_per_day": settings.demand.incidents_per_day * (peak - 1)}
            )
            extra = arrivals(more, settings.horizon, seed, replication, prefix="surge_")
            part = stream(seed, replication, "surge_part").random(len(extra))
            parts.append(extra[part * (peak - 1) < _surge_factor(surges, extra) - 1])
    names = [t.name for t in settings.types]
    zones = [str(zone) for zone in scenario.zones["id"]]
    fixed = []
    for event in settings.disturbances:
        if event.kind == "mass_casualty" and event.count and event.type and event.id in zones:
            first = sum(len(part) for part in parts)
            parts.append(np.full(event.count, event.start_h * HOUR_MS))
            row = (first, first + event.count, names.index(event.type), zones.index(event.id))
            fixed.append(row)
    call_ms = np.concatenate(parts)
    kept = np.concatenate([kept, np.ones(len(call_ms) - len(usual), dtype=np.bool_)])
    return call_ms, kept, fixed


def _surge_factor(
    surges: Sequence[Disturbance], time_ms: NDArray[np.float64]
) -> NDArray[np.float64]:
    factor = np.ones(len(time_ms))
    for event in surges:
        start, end = event.start_h * HOUR_MS, (event.end_h or 0.0) * HOUR_MS
        factor[(time_ms >= start) & (time_ms < end)] *= event.factor or 0.0
    return factor


def _peak(surges: Sequence[Disturbance]) -> float:
    edges = np.array([event.start_h * HOUR_MS for event in surges])
    return float(_surge_factor(surges, edges).max())


def check_demand(scenario: Scenario) -> None:
    """Refuse a scenario in which nobody calls.

    Parameters
    ----------
    scenario : Scenario
        The scenario.

    Raises
    ------
    InputError
        No zone has a weight above 0, or the rate is 0.
    """
    if len(scenario.zones) == 0 or scenario.zones["weight"].sum() <= 0:
        raise InputError(
            "the scenario has no demand zone with a weight above 0",
            field="zones.csv",
            fix="build it with addresses, or with --population",
        )
    if scenario.settings.demand.incidents_per_day <= 0:
        raise InputError(
            "there are 0 incidents a day",
            field="scenario.toml: demand.incidents_per_day",
            fix="give a rate above 0",
        )


def check_seed(seed: int) -> None:
    """Refuse what is no seed.

    Parameters
    ----------
    seed : int
        The seed.

    Raises
    ------
    InputError
        It is negative or needs more than 63 bits.
    """
    if not 0 <= seed < 2**63:
        raise InputError(f"{seed} is no seed", field="--seed", fix="give a number from 0 to 2^63-1")


def _pick(weight: NDArray[np.float64], uniform: NDArray[np.float64]) -> NDArray[np.int32]:
    """Choose rows by weight; a row of weight zero never."""
    cumulative = np.cumsum(weight)
    chosen = np.searchsorted(cumulative / cumulative[-1], uniform, side="right")
    return chosen.astype(np.int32)


def durations_ms(duration: Duration, uniform: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn uniform numbers into durations by the inverse of their distribution.

    Parameters
    ----------
    duration : Duration
        Distribution, mean and, where lognormal, coefficient of variation.
    uniform : ndarray of float64, shape (n,)
        Numbers in [0, 1).

    Returns
    -------
    ndarray of float64, shape (n,)
        Whole milliseconds.
    """
    if duration.distribution == "exponential":
        factor = -np.log1p(-uniform)
    elif duration.distribution == "lognormal" and duration.cv > 0:
        from scipy.special import ndtri  # noqa: PLC0415  # the service begins without it

        variance = np.log1p(duration.cv**2)
        factor = np.exp(np.sqrt(variance) * ndtri(uniform) - variance / 2)
    else:
        factor = np.ones(len(uniform))
    return np.rint(factor * (duration.mean_s * 1000))


def arrivals(
    demand: Demand, horizon: Horizon, seed: int, replication: int, *, prefix: str = ""
) -> NDArray[np.float64]:
    """Draw call times: a Poisson process whose rate follows the local hour and weekday.

    By thinning (Lewis and Shedler 1979, doi:10.1002/nav.3800260304): candidates at the
    highest rate, each kept with probability rate over highest rate.

    Parameters
    ----------
    demand : Demand
        Rate and profiles; the rate holds on average over a week.
    horizon : Horizon
        Start, length and time zone.
    seed, replication : int
        Which times.
    prefix : str
        Of the purposes "gap" and "thinning" that the random streams are for.

    Returns
    -------
    ndarray of float64, shape (n,)
        Whole milliseconds since the horizon's start, rising.

    Raises
    ------
    InputError
        The time zone is unknown.
    """
    end_ms = horizon_ms(horizon)
    rate, offset = _rate(demand, horizon)
    highest = rate.max()
    gaps = stream(seed, replication, f"{prefix}gap")
    thinning = stream(seed, replication, f"{prefix}thinning")
    kept: list[NDArray[np.float64]] = []
    reached = 0.0
    while reached < end_ms:
        gap = -np.log1p(-gaps.random(_CHUNK)) / highest
        gap[0] += reached
        time = np.cumsum(gap)
        reached = float(time[-1])
        accepted = thinning.random(_CHUNK) * highest
        call_ms = time[time < end_ms].astype(np.int64)
        slot = (call_ms + offset) // _SLOT_MS
        kept.append(call_ms[accepted[: len(call_ms)] < rate[slot]].astype(np.float64))
    return np.concatenate(kept)


def horizon_ms(horizon: Horizon) -> int:
    """Return the length of a horizon.

    Parameters
    ----------
    horizon : Horizon
        The horizon.

    Returns
    -------
    int
        Milliseconds.
    """
    return round(horizon.days * DAY_MS)


def _rate(demand: Demand, horizon: Horizon) -> tuple[NDArray[np.float64], int]:
    """Return calls a millisecond for each quarter of an hour, and the first one's part past.

    The offset of every time zone in use since 1972 is a multiple of a quarter.
    """
    zone = ZoneInfo(horizon.timezone)
    start = pd.Timestamp(horizon.start)
    first = start.floor("15min")
    offset = round((start - first).total_seconds() * 1000)
    slots = (horizon_ms(horizon) + offset) // _SLOT_MS + 1
    local = pd.date_range(first, periods=slots, freq="15min").tz_convert(zone)
    factor = weekly_factor(demand)[local.day_of_week, local.hour]
    return demand.incidents_per_day / DAY_MS * factor, offset


def weekly_factor(demand: Demand) -> NDArray[np.float64]:
    """Return the rate of incidents by weekday and hour, as multiples of the mean.

    Parameters
    ----------
    demand : Demand
        The profiles.

    Returns
    -------
    ndarray of float64, shape (7, 24)
        Monday first, local hours; 1 on average.
    """
    hour = np.array(demand.hour_profile)
    weekday = np.array(demand.weekday_profile)
    factor: NDArray[np.float64] = hour / hour.mean() * weekday[:, None] / weekday.mean()
    return factor
