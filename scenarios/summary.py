"""What a run says about a fleet, with intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from engine.survival import survival_curve
from scenarios.demand import DAY_MS, horizon_ms
from scenarios.statistics import (
    BATCHES,
    LEVEL,
    Estimate,
    Measure,
    estimate,
    groups_of,
    quantile,
    ratio,
)

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from scenarios.package import Scenario
    from scenarios.settings import Standard

PARTS: Final = {
    "call_processing": "processing_time",
    "queueing": "queue_time",
    "turnout": "turnout_time",
    "travel": "travel_time",
}
"""Parts of the response time, and their columns."""

QUANTILES: Final = {"response_p50": 0.5, "response_p90": 0.9, "response_p95": 0.95}

_DAYS_PER_YEAR: Final = 365.25

SURVIVAL_NOTE: Final = (
    "Expected survivors to discharge if the given share of the most urgent incidents were "
    "cardiac arrests and the published curve held here. It compares response times on one "
    "scale; it is neither a count nor a forecast of lives: bystanders, age, rhythm and "
    "treatment weigh as much and are not simulated."
)


@dataclass(frozen=True, eq=False)
class Observations:
    """The incidents of a run as arrays, and their groups.

    Parameters
    ----------
    frame : DataFrame
        ``incidents.parquet``, times in seconds.
    group : ndarray of int64, shape (n,)
        Group of each incident; see `scenarios.statistics`.
    groups : int
        How many groups.
    group_ms : int
        Span of time of one.
    metres : ndarray of int64, shape (groups, units)
        What each unit drove.
    scenario : Scenario
        Where it was.
    """

    frame: pd.DataFrame
    group: NDArray[np.int64]
    groups: int
    group_ms: int
    metres: NDArray[np.int64]
    scenario: Scenario

    def sums(self, values: NDArray[Any], mask: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Add up values in each group.

        Parameters
        ----------
        values : ndarray, shape (n,)
            A value for each incident.
        mask : ndarray of bool, shape (n,)
            Which incidents count.

        Returns
        -------
        ndarray of float64, shape (groups,)
            Sums; exact where the values are whole numbers.
        """
        total = np.bincount(self.group[mask], weights=values[mask], minlength=self.groups)
        return total.astype(np.float64)

    def ms(self, column: str) -> NDArray[np.float64]:
        """Return a column of seconds as whole milliseconds, NaN where it is null.

        Parameters
        ----------
        column : str
            Its name.

        Returns
        -------
        ndarray of float64, shape (n,)
            Milliseconds.
        """
        seconds: NDArray[np.float64] = self.frame[column].to_numpy(np.float64)
        return np.rint(seconds * 1000)


@dataclass(frozen=True, eq=False)
class Measures:
    """Everything that is measured of a run, or the difference of two.

    Parameters
    ----------
    total : dict of str to Measure
        Of all incidents and the fleet; keys of `response_measures`, `fleet_measures`.
    by_priority, by_district : dict of str to dict of str to Measure
        Of the incidents of each; keys of `response_measures`.
    """

    total: dict[str, Measure]
    by_priority: dict[str, dict[str, Measure]]
    by_district: dict[str, dict[str, Measure]]

    def __sub__(self, other: Measures) -> Measures:
        """Return the differences of what both have."""
        return Measures(
            _minus(self.total, other.total),
            {k: _minus(v, other.by_priority[k]) for k, v in self.by_priority.items()},
            {k: _minus(v, other.by_district[k]) for k, v in self.by_district.items()},
        )

    def to_json_dict(self) -> dict[str, Any]:
        """Return estimates with intervals as JSON.

        Returns
        -------
        dict
            The names of `total`, and ``by_priority`` and ``by_district`` with theirs.
        """
        return {
            **told(self.total),
            "by_priority": {name: told(part) for name, part in self.by_priority.items()},
            "by_district": {name: told(part) for name, part in self.by_district.items()},
        }


def _minus(one: dict[str, Measure], other: dict[str, Measure]) -> dict[str, Measure]:
    return {key: measure - other[key] for key, measure in one.items() if key in other}


def observe(
    scenario: Scenario, frame: pd.DataFrame, metres: NDArray[np.int64], replications: int
) -> Observations:
    """Group the incidents of a run.

    Parameters
    ----------
    scenario : Scenario
        The scenario.
    frame : DataFrame
        Its incidents.
    metres : ndarray of int64, shape (groups, units)
        What each unit drove in each group.
    replications : int
        How many replications it has.

    Returns
    -------
    Observations
        Ready for statistics.
    """
    span = horizon_ms(scenario.settings.horizon)
    call_ms = np.rint(frame["call_time"].to_numpy(np.float64) * 1000).astype(np.int64)
    group, groups = groups_of(frame["replication"].to_numpy(), call_ms, replications, span)
    group_ms = span if replications > 1 else span // BATCHES
    return Observations(frame, group, groups, group_ms, metres, scenario)


def response_measures(seen: Observations, mask: NDArray[np.bool_]) -> dict[str, Measure]:
    """Measure the responses to some of the incidents.

    Parameters
    ----------
    seen : Observations
        The run.
    mask : ndarray of bool, shape (n,)
        Which incidents.

    Returns
    -------
    dict of str to Measure
        Seconds ``response_mean``, ``response_p50``..., the mean parts of it (all of
        incidents that were served), ``queued_share``, and for each standard that
        applies ``standard:NAME``, where an incident that nobody came to is late.
    """
    response = seen.ms("response_time")
    served = mask & ~np.isnan(response)
    one = np.ones(len(response))
    count = seen.sums(one, served) * 1000
    found = {"response_mean": ratio(seen.sums(response, served), count)}
    for name, level in QUANTILES.items():
        values = response[served] / 1000
        found[name] = quantile(values, seen.group[served], seen.groups, level)
    for name, column in PARTS.items():
        found[name] = ratio(seen.sums(seen.ms(column), served), count)
    queued = np.isnan(response) | (seen.ms("queue_time") > 0)
    found["queued_share"] = ratio(seen.sums(queued, mask), seen.sums(one, mask), share=True)
    for standard in seen.scenario.settings.standards:
        concerned = mask & _concerned(seen, standard)
        if concerned.any():
            met = _within(seen, standard)
            found[f"standard:{standard.name}"] = ratio(
                seen.sums(met, concerned), seen.sums(one, concerned), share=True
            )
    return found


def _concerned(seen: Observations, standard: Standard) -> NDArray[np.bool_]:
    if not standard.priorities:
        return np.ones(len(seen.frame), dtype=np.bool_)
    return seen.frame["priority"].isin(standard.priorities).to_numpy()


def _within(seen: Observations, standard: Standard) -> NDArray[np.bool_]:
    elapsed = seen.ms("response_time")
    if standard.start == "dispatch":
        elapsed = elapsed - seen.ms("processing_time") - seen.ms("queue_time")
    return elapsed <= standard.limit_s * 1000


def fleet_measures(seen: Observations) -> dict[str, Measure]:
    """Measure what the fleet did and what it was good for.

    Parameters
    ----------
    seen : Observations
        The run.

    Returns
    -------
    dict of str to Measure
        ``incidents_per_day``, ``survivors_per_year``, ``kilometres_per_day``,
        ``utilisation``, and the last two as ``...:UNIT`` for each unit.
    """
    settings = seen.scenario.settings
    everything = np.ones(len(seen.frame), dtype=np.bool_)
    days = np.full(seen.groups, seen.group_ms / DAY_MS)
    response = seen.ms("response_time")
    survival = survival_curve(settings.outcome.survival)
    alive = survival(np.where(np.isnan(response), np.inf, response / 1000))
    urgent = (seen.frame["priority"] == settings.priorities[0].name).to_numpy()
    survivors = settings.outcome.cardiac_arrest_share * seen.sums(alive, urgent)
    busy = _busy_ms(seen)
    units = [str(unit) for unit in seen.scenario.units["id"]]
    span = np.full(seen.groups, seen.group_ms)
    found = {
        "incidents_per_day": ratio(seen.sums(np.ones(len(response)), everything), days),
        "survivors_per_year": ratio(survivors, days / _DAYS_PER_YEAR),
        "kilometres_per_day": ratio(seen.metres.sum(axis=1) / 1000, days),
        "utilisation": ratio(busy.sum(axis=1), span * len(units)),
    }
    for row, unit in enumerate(units):
        found[f"kilometres_per_day:{unit}"] = ratio(seen.metres[:, row] / 1000, days)
        found[f"utilisation:{unit}"] = ratio(busy[:, row], span)
    return found


def _busy_ms(seen: Observations) -> NDArray[np.float64]:
    """Time from dispatch to free within the horizon, shape (groups, units)."""
    units = len(seen.scenario.units)
    names = {str(unit): row for row, unit in enumerate(seen.scenario.units["id"])}
    begin = seen.ms("call_time") + seen.ms("processing_time") + seen.ms("queue_time")
    end = begin + seen.ms("turnout_time") + seen.ms("travel_time") + seen.ms("on_scene_time")
    end += np.nan_to_num(seen.ms("transport_time")) + np.nan_to_num(seen.ms("handover_time"))
    last = horizon_ms(seen.scenario.settings.horizon)
    busy = np.clip(end, None, last) - np.clip(begin, None, last)
    served = np.flatnonzero(~np.isnan(busy))
    unit = seen.frame["unit"].astype(object).to_numpy()[served]
    row = np.array([names[name] for name in unit], dtype=np.int64)
    cell = seen.group[served] * units + row
    total = np.bincount(cell, weights=busy[served], minlength=seen.groups * units)
    return total.reshape(seen.groups, units).astype(np.float64)


def parts_of(seen: Observations, column: str) -> dict[str, NDArray[np.bool_]]:
    """Split the incidents of a run by a column.

    Parameters
    ----------
    seen : Observations
        The run.
    column : str
        ``priority`` or ``district``.

    Returns
    -------
    dict of str to ndarray of bool, shape (n,)
        Which incidents, for each value in the order of the settings or the alphabet.
    """
    values = seen.frame[column]
    return {str(name): (values == name).to_numpy() for name in values.cat.categories}


def told(measures: dict[str, Measure]) -> dict[str, Any]:
    """Return measures as JSON: what is by standard or by unit in objects of their own.

    Parameters
    ----------
    measures : dict of str to Measure
        From `response_measures` or `fleet_measures`, or differences of them.

    Returns
    -------
    dict
        Estimates by name.
    """
    result: dict[str, Any] = {}
    for key, measure in measures.items():
        kind, _, name = key.partition(":")
        said = estimate(measure).to_json_dict()
        if not name:
            result[kind] = said
        elif kind == "standard":
            result.setdefault("within", {})[name] = said
        else:
            result.setdefault(f"{kind}_by_unit", {})[name] = said
    return result


def measure(seen: Observations) -> Measures:
    """Measure a run.

    Parameters
    ----------
    seen : Observations
        The run.

    Returns
    -------
    Measures
        As a whole, by priority and by district.
    """
    everything = np.ones(len(seen.frame), dtype=np.bool_)
    parts = {
        column: {
            name: response_measures(seen, mask) for name, mask in parts_of(seen, column).items()
        }
        for column in ("priority", "district")
    }
    return Measures(
        response_measures(seen, everything) | fleet_measures(seen),
        parts["priority"],
        parts["district"],
    )


def summarise(seen: Observations, measures: Measures, header: dict[str, Any]) -> dict[str, Any]:
    """Write the summary of a run.

    Parameters
    ----------
    seen : Observations
        The run.
    measures : Measures
        What was measured of it.
    header : dict
        What it is a summary of.

    Returns
    -------
    dict
        The content of ``summary.json``; times in seconds.
    """
    settings = seen.scenario.settings
    counts = {
        column: {name: int(mask.sum()) for name, mask in parts_of(seen, column).items()}
        for column in ("priority", "district")
    }
    standards = []
    for standard in settings.standards:
        achieved = measures.total.get(f"standard:{standard.name}")
        if achieved is not None:
            verdict = judge(estimate(achieved), standard.share)
            standards.append({**standard.model_dump(), "verdict": verdict})
    return {
        **header,
        "interval": interval_note(header["replications"]),
        "incidents": {
            "total": len(seen.frame),
            "unserved": int(seen.frame["response_time"].isna().sum()),
            "by_priority": counts["priority"],
            "by_district": counts["district"],
        },
        "standards": standards,
        "outcome": {**settings.outcome.model_dump(), "note": SURVIVAL_NOTE},
        **measures.to_json_dict(),
    }


def interval_note(replications: int) -> dict[str, Any]:
    """Say how the intervals were made.

    Parameters
    ----------
    replications : int
        How many there are.

    Returns
    -------
    dict
        Level and method.
    """
    groups = (
        f"{replications} replications"
        if replications > 1
        else f"{BATCHES} stretches of one replication (batch means)"
    )
    return {"level": LEVEL, "method": f"jackknife t interval over {groups}"}


def judge(achieved: Estimate, target: float) -> str:
    """Say whether a standard is held, as far as the interval tells.

    Parameters
    ----------
    achieved : Estimate
        Share of incidents within the limit.
    target : float
        Share that the standard asks for.

    Returns
    -------
    str
        ``met``, ``missed``, or ``open`` where the interval holds the target.
    """
    if achieved.low is None or achieved.high is None:
        return "open"
    if achieved.low >= target:
        return "met"
    return "missed" if achieved.high < target else "open"
