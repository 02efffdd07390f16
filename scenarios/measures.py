"""What is measured of a run: responses, and what the fleet did for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from engine.survival import CURVES, survival_curve
from scenarios.demand import DAY_MS
from scenarios.hospital_waits import WAITS, hospital_measures
from scenarios.observations import parts_of
from scenarios.statistics import Measure, estimate, quantile, ratio
from scenarios.waiting import queue_measures
from scenarios.yardsticks import concerned_priorities

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from scenarios.observations import Observations
    from scenarios.settings import Standard

PARTS: Final = {
    "call_processing": "processing_time",
    "queueing": "queue_time",
    "turnout": "turnout_time",
    "travel": "travel_time",
}
"""Parts of the response time, and their columns."""

LATER: Final = {
    "on_scene": "on_scene_time",
    "transport": "transport_time",
    "handover": "handover_time",
    "complete_mean": "complete_time",
}
"""What follows the response, or lasts until all units that are needed have come."""

QUANTILES: Final = {"response_p50": 0.5, "response_p90": 0.9, "response_p95": 0.95}

_DAYS_PER_YEAR: Final = 365.25


@dataclass(frozen=True, eq=False)
class Measures:
    """Everything that is measured of a run, or the difference of two.

    Parameters
    ----------
    total : dict of str to Measure
        Of all incidents, the fleet and hospitals; keys of `response_measures`,
        `fleet_measures`, `scenarios.hospital_waits.hospital_measures`.
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
        incidents that were served) and of what follows it (of those that it happened
        to), ``wait_of_queued``, ``queued_share``, and for each standard that
        applies ``standard:NAME``, where an incident that nobody came to is late.
    """
    seen = seen.only(mask)
    response = seen.ms("response_time")
    served = ~np.isnan(response)
    everyone = np.ones(len(response), dtype=np.bool_)

    def _mean(values: NDArray[np.float64], of: NDArray[np.bool_]) -> Measure:
        return ratio(seen.sums(values, of), seen.sums(everyone, of) * 1000)

    found = {"response_mean": _mean(response, served)}
    for name, level in QUANTILES.items():
        values = response[served] / 1000
        found[name] = quantile(values, seen.group[served], seen.groups, level)
    for name, column in PARTS.items():
        found[name] = _mean(seen.ms(column), served)
    for name, column in LATER.items():
        lasted = seen.ms(column)
        found[name] = _mean(lasted, served & ~np.isnan(lasted))
    wait = seen.ms("queue_time")
    queued = np.isnan(response) | (wait > 0)
    found["wait_of_queued"] = _mean(wait, served & (wait > 0))
    count = seen.sums(everyone, everyone)
    found["queued_share"] = ratio(seen.sums(queued, everyone), count, share=True)
    for standard in seen.scenario.settings.standards:
        concerned = concerned_by(seen, standard)
        if concerned.any():
            met = in_time(seen, standard)
            found[f"standard:{standard.name}"] = ratio(
                seen.sums(met, concerned), seen.sums(everyone, concerned), share=True
            )
    return found


def concerned_by(seen: Observations, standard: Standard) -> NDArray[np.bool_]:
    """Tell which incidents of a run a response standard is for.

    Parameters
    ----------
    seen : Observations
        The run.
    standard : Standard
        The standard.

    Returns
    -------
    ndarray of bool, shape (n,)
        True where it is for them.
    """
    settings = seen.scenario.settings
    concerned = concerned_priorities(settings, standard)
    names = [p.name for p, ours in zip(settings.priorities, concerned, strict=True) if ours]
    return seen.frame["priority"].isin(names).to_numpy()


def in_time(seen: Observations, standard: Standard) -> NDArray[np.bool_]:
    """Tell which incidents of a run were reached within a standard's limit.

    Parameters
    ----------
    seen : Observations
        The run.
    standard : Standard
        The standard.

    Returns
    -------
    ndarray of bool, shape (n,)
        False where nobody came.
    """
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
        ``incidents_per_day``, ``arrests_per_year``, ``survivors_per_year``,
        ``moves_per_day``, ``kilometres_per_day``, ``utilisation``, and the last two as
        ``...:UNIT`` for each unit; ``survivors_per_year:CURVE`` for each of
        `engine.survival.CURVES`; what `scenarios.waiting.queue_measures` gives.
    """
    settings = seen.scenario.settings
    everything = np.ones(len(seen.frame), dtype=np.bool_)
    days = np.full(seen.groups, seen.group_ms / DAY_MS)
    response = seen.ms("response_time")
    years = days / _DAYS_PER_YEAR
    response_s = np.where(np.isnan(response), np.inf, response / 1000)
    shares = dict(zip((t.name for t in settings.types), settings.arrest_shares, strict=True))
    kinds = seen.frame["type"].cat
    by_category = np.array([shares[str(name)] for name in kinds.categories])
    arrest = by_category[kinds.codes.to_numpy(np.int64)]
    lives = {
        name: ratio(
            seen.sums(arrest * survival_curve(name, settings.outcome.how)(response_s), everything),
            years,
        )
        for name in CURVES
    }
    busy, metres = seen.work.busy_ms, seen.work.metres
    units = [str(unit) for unit in seen.scenario.units["id"]]
    duty = seen.work.duty_ms
    found = {
        "incidents_per_day": ratio(seen.sums(np.ones(len(response)), everything), days),
        "arrests_per_year": ratio(seen.sums(arrest, everything), years),
        "survivors_per_year": lives[settings.outcome.survival],
        "moves_per_day": ratio(seen.work.moves.sum(axis=1), days),
        "kilometres_per_day": ratio(metres.sum(axis=1) / 1000, days),
        "utilisation": ratio(busy.sum(axis=1), duty.sum(axis=1)),
        **queue_measures(seen),
        **{f"survivors_per_year:{name}": each for name, each in lives.items()},
    }
    for row, unit in enumerate(units):
        found[f"kilometres_per_day:{unit}"] = ratio(metres[:, row] / 1000, days)
        found[f"utilisation:{unit}"] = ratio(busy[:, row], duty[:, row])
    return found


def told(measures: dict[str, Measure]) -> dict[str, Any]:
    """Return measures as JSON: what is by standard, unit or hospital in objects of their own.

    Parameters
    ----------
    measures : dict of str to Measure
        Of `Measures`.

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
        elif kind == "survivors_per_year":
            result.setdefault("survivors_by_curve", {})[name] = said
        else:
            of = "hospital" if kind in WAITS else "unit"
            result.setdefault(f"{kind}_by_{of}", {})[name] = said
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
        response_measures(seen, everything) | fleet_measures(seen) | hospital_measures(seen),
        parts["priority"],
        parts["district"],
    )
