"""What a plan promises beside what its simulation gives, and why they differ.

A plan promises that a share of the demand lies within the standard's drive of a station.
The simulation counts the incidents that are reached in time. Between the two lie these
steps, each measured on the very incidents of the simulation by asking who would be in
time if only the earlier ones held:

1. ``demand``: incidents fall where chance puts them, not exactly by the zones' weights.
2. ``processing``: each call takes its own time; the drive limit reckons with the mean.
3. ``fleet``: the unit that is needed is not at the nearest station, drives without siren
   or at the speed of another hour, or its crew is faster than the slowest.
4. ``availability``: units are busy, so that incidents wait or somebody comes from farther
   away; or they are on the road already, and nearer.

Their changes add up to the whole difference. A plan by slices of the day promises a share
for each slice: it is held against the incidents of these hours, with the units of the
slice on duty and drives by the speeds of each hour.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from routing.network import UNREACHABLE
from scenarios.breakdown import hours_of
from scenarios.coverage import drive_budget_s, drives_s
from scenarios.day_slices import check_simulated, hours_within
from scenarios.draws import drawn
from scenarios.measures import concerned_by, in_time
from scenarios.package import lonlat
from scenarios.planning import apply_plan
from scenarios.runs import as_policy, run
from scenarios.simulation.needs import build_rules, suits
from scenarios.simulation.periods import periods_of
from scenarios.simulation.tables import build_tables
from scenarios.simulation.timeline import duties
from scenarios.statistics import LEVEL, Measure, estimate, ratio, rounded_to_digits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from engine.dispatch import Policy
    from scenarios.day_slices import Slice
    from scenarios.observations import Observations
    from scenarios.package import Scenario
    from scenarios.planning import CityPlan
    from scenarios.runs import RunResult
    from scenarios.settings import Standard
    from scenarios.simulation.tables import Tables

    Mask = NDArray[np.bool_]

_SCHEMA: Final = 1

CLOSE: Final = 0.02
"""A promise is kept where the simulated share lies no farther from it."""


@dataclass(frozen=True, eq=False)
class PlanOutcome:
    """A plan's promise beside the simulated outcome.

    Parameters
    ----------
    run : RunResult
        The simulation of the planned city.
    document : dict
        The comparison.
    """

    run: RunResult
    document: dict[str, Any]

    def to_json_dict(self) -> dict[str, Any]:
        """Return the comparison: the same for the same plan, policy and seed.

        Returns
        -------
        dict
            For each of ``standards``: the ``promised`` and the ``simulated`` share, their
            ``difference``, whether it is ``close``; ``steps`` from one to the other,
            each with its ``change`` and the shares of incidents that it ``lost`` and
            ``gained``; ``misses`` by their first cause; ``in_time_outside``, the share
            that is reached in time though outside the promise; ``by_unit_type``.
        """
        return self.document


def simulate_plan(
    city: Scenario,
    plan: CityPlan,
    *,
    policy: str | Policy = "closest-v1",
    replications: int = 20,
    seed: int = 1,
    workers: int = 1,
    progress: bool = False,
) -> PlanOutcome:
    """Simulate a plan and hold its promise against the outcome.

    Parameters
    ----------
    city : Scenario
        The city that was planned.
    plan : CityPlan
        The plan.
    policy, replications, seed, workers, progress
        As in `scenarios.runs.simulate`.

    Returns
    -------
    PlanOutcome
        Promise and outcome for each response standard of the city.

    Raises
    ------
    InputError
        The plan is not for this city or places units for a part of the day alone, a number
        is out of range, or the planned city cannot be simulated.
    """
    slices = _slices(plan)
    check_simulated(slices, with_units=any(layer["type"] for layer in plan.document["layers"]))
    named = as_policy(policy)
    planned = apply_plan(city, plan)
    if slices:
        driving = planned.settings.driving.model_copy(update={"by_hour": True})
        settings = planned.settings.model_copy(update={"driving": driving})
        planned = replace(planned, settings=settings)
    incidents = drawn(planned, replications=replications, seed=seed, workers=workers)
    tables = build_tables(planned)
    result = run(planned, tables, named, incidents, seed=seed, workers=workers, progress=progress)
    document = {
        "schema_version": _SCHEMA,
        "city": planned.settings.name,
        "policy": result.policy,
        "seed": seed,
        "replications": replications,
        "days": planned.settings.horizon.days,
        "level": LEVEL,
        "close": CLOSE,
        "standards": explained(result, tables, _asked(planned, plan)),
    }
    return PlanOutcome(result, document)


def _slices(plan: CityPlan) -> list[Slice]:
    """List the slices of a plan; none for the whole day."""
    hours = [tuple(layer["hours"]) for layer in plan.document["layers"] if layer["hours"]]
    return list(dict.fromkeys(hours))


class Promise(NamedTuple):
    """Whose stations promise a standard, and when.

    Parameters
    ----------
    standard : Standard
        The response standard.
    kind : str or None
        Type of unit whose stations promise; None for all.
    hours : (int, int) or None
        Slice of the day; None for all of it.
    """

    standard: Standard
    kind: str | None
    hours: Slice | None


def _asked(planned: Scenario, plan: CityPlan) -> list[Promise]:
    """List what the plan's layers promise, then what it says of other standards."""
    standards = {standard.name: standard for standard in planned.settings.standards}
    layers = [
        (each["standard"], each["type"], tuple(each["hours"]) if each["hours"] else None)
        for each in plan.document["layers"]
    ]
    seen = {name for name, _, _ in layers}
    others = [name for name in standards if name not in seen]
    slices: list[Slice | None] = [*_slices(plan)] or [None]
    asked = dict.fromkeys([*layers, *((name, None, span) for name in others for span in slices)])
    return [Promise(standards[name], kind, hours) for name, kind, hours in asked]


def explained(result: RunResult, tables: Tables, asked: Sequence[Promise]) -> list[dict[str, Any]]:
    """Hold what a city's stations promise against a simulation of it.

    Parameters
    ----------
    result : RunResult
        The simulation.
    tables : Tables
        The tables that it was made with.
    asked : sequence of Promise
        What is promised.

    Returns
    -------
    list of dict
        One for each that incidents are concerned by; see `PlanOutcome`.

    Raises
    ------
    InputError
        A standard leaves no time to drive.
    """
    seen = result.observations
    rows = _Rows.of(seen)
    on_duty = _on_duty(seen, tables)
    drives = _Drives(
        _home_ms(result.scenario, tables, asked), _fastest_ms(seen, tables, rows, on_duty)
    )
    told = []
    for promise in asked:
        mask = concerned_by(seen, promise.standard)
        counted: Mask = np.ones(on_duty.shape[1], dtype=np.bool_)
        if promise.hours is not None:
            mask = mask & np.isin(rows.hour, hours_within(promise.hours))
            counted = np.asarray(on_duty[mask].any(axis=0))
        if promise.kind is not None:
            counted = counted & seen.scenario.units["type"].isin([promise.kind]).to_numpy()
        if mask.any():
            told.append(_explained(seen, drives, rows, promise, counted, mask))
    return told


def _on_duty(seen: Observations, tables: Tables) -> Mask:
    """Tell which units were on duty when each incident was called in, (incidents, units)."""
    call_ms = seen.ms("call_time")
    on = np.zeros((len(call_ms), len(tables.rules.crew)), dtype=np.bool_)
    for unit in range(on.shape[1]):
        spans = duties(tables.timeline, unit)
        # each span begins and ends: an odd number of ends has gone by while it lasts
        on[:, unit] = np.searchsorted(spans.ravel(), call_ms, "right") % 2 == 1
    return on


class _Drives(NamedTuple):
    """Times were every unit at home and free, in milliseconds; inf for no road."""

    home: dict[Slice | None, NDArray[np.float64]]
    """With siren from each unit's station to each zone, (units, zones), by slice."""
    fastest: NDArray[np.float64]
    """Of the first suitable unit on duty to each incident, turnout included, as it drives."""


class _Rows(NamedTuple):
    """Rows of each incident's zone and priority in the scenario's tables, and its hour."""

    zone: NDArray[np.int64]
    priority: NDArray[np.int64]
    hour: NDArray[np.int64]

    @classmethod
    def of(cls, seen: Observations) -> _Rows:
        settings = seen.scenario.settings
        names = {
            "zone": [str(zone) for zone in seen.scenario.zones["id"]],
            "priority": [priority.name for priority in settings.priorities],
        }
        found = []
        for column, listed in names.items():
            row = {name: number for number, name in enumerate(listed)}
            categories = seen.frame[column].cat.categories
            codes = seen.frame[column].cat.codes.to_numpy()
            found.append(np.array([row[name] for name in categories], dtype=np.int64)[codes])
        zone, priority = found
        return cls(zone, priority, hours_of(seen))


def _home_ms(
    scenario: Scenario, tables: Tables, asked: Sequence[Promise]
) -> dict[Slice | None, NDArray[np.float64]]:
    """Find drives with siren from each unit's station, by the slice whose speeds count."""
    travel, rules, _ = tables
    _, profiles = build_rules(scenario)
    home = rules.crew["home"]
    found: dict[Slice | None, NDArray[np.float64]] = {}
    for hours in dict.fromkeys(promise.hours for promise in asked):
        if hours is None and len(travel.drive) == len(profiles) and "siren" in profiles:
            siren = _from_stations_ms(scenario, tables)[profiles.index("siren")]
        else:
            inside = None if hours is None else hours_within(hours)
            drives = drives_s(scenario, lonlat(scenario.stations), hours=inside)
            siren = np.rint(drives * 1000)
        found[hours] = siren[home]
    return found


def _from_stations_ms(scenario: Scenario, tables: Tables) -> NDArray[np.float64]:
    """Return drives from stations to zones, by period and profile."""
    first = len(scenario.zones) + len(scenario.hospitals)
    ms = tables.travel.drive["ms"].astype(np.float64)[:, first:]
    ms[ms >= UNREACHABLE] = np.inf
    return ms


def _fastest_ms(
    seen: Observations, tables: Tables, rows: _Rows, on_duty: Mask
) -> NDArray[np.float64]:
    """Find how soon the first suitable unit on duty would come to each incident from home."""
    scenario, rules = seen.scenario, tables.rules
    _, profiles = build_rules(scenario)
    periods = periods_of(scenario)
    begun = np.searchsorted(periods.begins_ms, seen.ms("call_time"), "right") - 1
    ms = _from_stations_ms(scenario, tables)
    able, home = suits(scenario, rules), rules.crew["home"]
    crews, crew = np.unique(on_duty, axis=0, return_inverse=True)
    cases = np.column_stack([periods.kind[begun], rows.priority, crew.ravel()])
    found = np.full(len(cases), np.inf)
    kinds, kind = np.unique(cases, axis=0, return_inverse=True)
    for number, (period, priority, there) in enumerate(kinds.tolist()):
        units = able[priority] & crews[there]
        row = period * len(profiles) + rules.priority["response"][priority]
        out = rules.crew["turnout_ms"][units, None] + ms[row, home[units]]
        inside = kind.ravel() == number
        found[inside] = out.min(axis=0, initial=np.inf)[rows.zone[inside]]
    return found


def _explained(
    seen: Observations,
    drives: _Drives,
    rows: _Rows,
    promise: Promise,
    counted: Mask,
    mask: Mask,
) -> dict[str, Any]:
    scenario, (standard, kind, hours) = seen.scenario, promise
    limit_ms = standard.limit_s * 1000
    budget_ms = drive_budget_s(scenario, standard, kind) * 1000
    nearest_ms = drives.home[hours][counted].min(axis=0, initial=np.inf)
    mean_ms = scenario.settings.process.call_processing.mean_s * 1000
    processing_ms = seen.ms("processing_time")
    if standard.start != "call":
        mean_ms, processing_ms = 0.0, np.zeros(len(mask))
    promised_zone = nearest_ms <= budget_ms
    promised = float(scenario.zone_weight[promised_zone].sum())
    near_ms = nearest_ms[rows.zone]
    by_drive = promised_zone[rows.zone]
    by_call = near_ms + processing_ms <= budget_ms + mean_ms
    by_fleet = drives.fastest + processing_ms <= limit_ms
    met = in_time(seen, standard)
    share = _Shares(seen, mask)
    steps = [
        {
            "cause": "demand",
            "change": _told(share(by_drive) - _constant(promised, seen.groups)),
            "lost": None,
            "gained": None,
        }
    ]
    chain = {"processing": (by_drive, by_call), "fleet": (by_call, by_fleet)}
    for cause, (before, after) in (chain | {"availability": (by_fleet, met)}).items():
        steps.append(
            {
                "cause": cause,
                "change": _told(share(after) - share(before)),
                "lost": _told(share(before & ~after)),
                "gained": _told(share(after & ~before)),
            }
        )
    waited = np.isnan(seen.ms("response_time")) | (seen.ms("queue_time") > 0)
    possible = by_drive & by_call & by_fleet
    first_cause = {
        "geography": ~by_drive,
        "processing": by_drive & ~by_call,
        "fleet": by_drive & by_call & ~by_fleet,
        "queue": possible & waited,
        "farther_unit": possible & ~waited,
    }
    difference = share(met) - _constant(promised, seen.groups)
    return {
        "standard": standard.name,
        "type": kind,
        "hours": None if hours is None else list(hours),
        "limit_s": standard.limit_s,
        "drive_limit_s": rounded_to_digits(budget_ms / 1000),
        "promised": rounded_to_digits(promised),
        "simulated": _told(share(met)),
        "difference": _told(difference),
        "close": abs(difference.value) <= CLOSE,
        "steps": steps,
        "misses": {cause: _told(share(~met & m)) for cause, m in first_cause.items()},
        "in_time_outside": _told(share(met & ~by_drive)),
        "by_unit_type": _by_unit_type(seen, mask, met),
    }


class _Shares(NamedTuple):
    """Shares of the incidents that a standard is for."""

    seen: Observations
    mask: Mask

    def __call__(self, inside: Mask) -> Measure:
        one = np.ones(len(inside))
        counts = (self.seen.sums(values, self.mask) for values in (inside, one))
        return ratio(*counts, share=True)


def _constant(value: float, groups: int) -> Measure:
    return Measure(value, np.full(groups, value))


def _told(measure: Measure) -> dict[str, Any]:
    return estimate(measure).to_json_dict()


def _by_unit_type(seen: Observations, mask: Mask, met: Mask) -> list[dict[str, Any]]:
    """Tell which type of unit came, and how often in time."""
    kind_of = dict(
        zip(seen.scenario.units["id"].astype(str), seen.scenario.units["type"], strict=True)
    )
    kinds = seen.frame["unit"].astype(object).map(kind_of).to_numpy(dtype=object)
    total = _Shares(seen, mask)
    return [
        {
            "type": str(kind),
            "incidents": _told(total(kinds == kind)),
            "within": _told(_Shares(seen, mask & (kinds == kind))(met)),
        }
        for kind in sorted(set(kind_of.values()))
    ]
