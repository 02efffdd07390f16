"""Station plans of a city: what a location model's answer means for it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from engine.mip import never
from engine.stationing.marginal import marginal_values
from routing.errors import InputError
from scenarios.day_slices import shifts_of
from scenarios.folders import write_atomically
from scenarios.plan_problem import plan_problem
from scenarios.plan_units import hours_on_duty, spread_units

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from engine.stationing import LocationModel, StationPlan
    from scenarios.package import Scenario
    from scenarios.plan_problem import PlanProblem
    from scenarios.plan_question import PlanQuestion

_SCHEMA: Final = 2


@dataclass(frozen=True, eq=False)
class CityPlan:
    """Stations and units, how good they are known to be, and what they change.

    Parameters
    ----------
    document : dict
        The content of ``plan.json``.
    """

    document: dict[str, Any]

    def to_json_dict(self) -> dict[str, Any]:
        """Return the content of ``plan.json``: the same for the same question.

        Returns
        -------
        dict
            What was asked; ``objective``, ``bound``, ``gap``, ``proven``; ``stations``
            and ``units``; ``layers``, one for each type of unit and slice of time; the
            share of demand within the standard's drive and the mean drive before and
            after, in all and by district; ``marginal`` values where asked for.
        """
        return self.document


def make_plan(
    scenario: Scenario,
    question: PlanQuestion,
    *,
    marginal: bool = False,
    stopped: Callable[[], bool] = never,
) -> CityPlan:
    """Choose where stations stand and what each holds.

    Parameters
    ----------
    scenario : Scenario
        The city.
    question : PlanQuestion
        What is asked.
    marginal : bool
        Whether to find out what one more and each one of the stations and units is worth.
    stopped : callable
        Asked now and then; once it says True, the best plan so far is the answer.

    Returns
    -------
    CityPlan
        The plan.

    Raises
    ------
    InputError
        A name is unknown, a number is out of range, there is nothing to plan for, or no
        plan meets what is demanded.
    """
    model = question.location_model()
    asked = plan_problem(scenario, question)
    answer = model.solve(asked.problem, stopped=stopped)
    document = {"minimises": not model.maximises} | _document(scenario, question, asked, answer)
    if marginal:
        document["marginal"] = _marginal(model, asked, answer, stopped)
    return CityPlan(document)


def _document(
    scenario: Scenario, question: PlanQuestion, asked: PlanProblem, answer: StationPlan
) -> dict[str, Any]:
    problem = asked.problem
    chosen = np.array(answer.sites, dtype=np.int64)
    open_sites = asked.sites.iloc[chosen].reset_index(drop=True)
    first = problem.layers[0]
    weight = scenario.zones["weight"].to_numpy(np.float64)
    served = _served(first.travel_s[chosen], weight)
    total = weight.sum() or 1.0
    placed = {} if question.units is None else _by_slice(asked, answer)
    stations = list(open_sites["id"])
    most = {kind: held.max(axis=0) for kind, held in placed.items()}
    units = spread_units(scenario, stations, most, served)
    duty = hours_on_duty(units, stations, placed, list(question.slices) or [None])
    layers = [_layer(scenario, asked, answer, place, units) for place in range(len(problem.layers))]
    closed = scenario.stations[~scenario.stations["id"].isin(set(open_sites["id"]))]
    priced = problem.station_cost is not None or any(layer.unit_cost for layer in problem.layers)
    return {
        "schema_version": _SCHEMA,
        "city": scenario.settings.name,
        "scenario_hash": scenario.hash,
        "model": answer.model,
        "parameters": dict(question.parameters),
        "existing": question.existing,
        "candidates": {"source": _source(question.candidates), "count": len(asked.sites)},
        "seed": question.seed,
        "objective": _number(answer.objective),
        "bound": _number(answer.bound),
        "gap": round(answer.gap, 9),
        "proven": answer.proven,
        "cost": _number(problem.cost(answer.sites)) if priced else None,
        "stations": [
            {**row, "demand_share": round(float(share / total), 6)}
            for row, share in zip(
                _rows(open_sites[["id", "name", "lon", "lat", "existing"]]), served, strict=True
            )
        ],
        "closed": _rows(closed[["id", "name", "lon", "lat"]]),
        "units": [
            {**row, "hours": None if hours is None else [list(span) for span in hours]}
            for row, hours in zip(_rows(units), duty, strict=True)
        ],
        "unreached_zones": _unreached(scenario, asked),
        "layers": layers,
        **{key: layers[0][key] for key in _OF_FIRST_LAYER},
        "by_district": _by_district(scenario, asked, answer, units),
    }


_OF_FIRST_LAYER: Final = ("standard", "drive_limit_s", "covered_share", "mean_drive_s")


def _unreached(scenario: Scenario, asked: PlanProblem) -> list[str]:
    """Return the zones with demand that no candidate reaches, so that no plan weighs them."""
    reached = np.all([np.isfinite(e.travel_s).any(axis=0) for e in asked.problem.layers], axis=0)
    wanted = scenario.zones["weight"].to_numpy(np.float64) > 0
    return [str(zone) for zone in scenario.zones["id"].to_numpy()[wanted & ~reached]]


def _layer(
    scenario: Scenario, asked: PlanProblem, answer: StationPlan, place: int, units: pd.DataFrame
) -> dict[str, Any]:
    """Tell what becomes of the demand of one type of unit in one slice of time."""
    layer, meaning = asked.problem.layers[place], asked.layers[place]
    limit = layer.limit()
    before, after = _before_after(scenario, asked, answer, place, units)
    ids = asked.sites["id"].to_numpy()[list(answer.sites)]
    return {
        "type": meaning.kind or None,
        "hours": None if meaning.hours is None else list(meaning.hours),
        "standard": meaning.standard.name,
        "drive_limit_s": round(limit, 3),
        "second_limit_s": _number(layer.second_limit_s),
        "busy": round(layer.busy, 6),
        "units": None
        if layer.units is None
        else {str(site): n for site, n in zip(ids, answer.units[place], strict=True) if n},
        **_reached(scenario.zones["weight"].to_numpy(np.float64), before, after, limit),
    }


def _before_after(
    scenario: Scenario, asked: PlanProblem, answer: StationPlan, place: int, units: pd.DataFrame
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Find the drive to each zone from the nearest station with a unit, now and planned."""
    layer, kind = asked.problem.layers[place], asked.layers[place].kind
    ours = scenario.units["type"].isin({kind}).to_numpy() | (kind == "")
    # today's stations come first among the sites; one without a unit reaches nobody
    before = _nearest_s(layer.travel_s[np.unique(scenario.unit_station[ours])])
    if layer.units is None:
        staffed = np.isin(asked.sites["id"].to_numpy(), units["station"].unique())
        sites = [site for site in answer.sites if staffed[site]]
    else:
        sites = [s for s, n in zip(answer.sites, answer.units[place], strict=True) if n]
    return before, _nearest_s(layer.travel_s[sites])


def _served(travel_s: NDArray[np.floating], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weigh the demand that each open site is nearest to."""
    reached = np.isfinite(travel_s).any(axis=0)
    nearest = np.argmin(travel_s, axis=0)[reached]
    return np.bincount(nearest, weight[reached], len(travel_s)).astype(np.float64)


def _by_slice(asked: PlanProblem, answer: StationPlan) -> dict[str, NDArray[np.int64]]:
    """Return the units of each type, slice by slice, at each open station."""
    placed: dict[str, list[Sequence[int]]] = {}
    for layer, units in zip(asked.layers, answer.units, strict=True):
        placed.setdefault(layer.kind, []).append(units)
    return {kind: np.array(rows, dtype=np.int64) for kind, rows in placed.items()}


def _marginal(
    model: LocationModel, asked: PlanProblem, answer: StationPlan, stopped: Callable[[], bool]
) -> dict[str, Any]:
    values = marginal_values(model, asked.problem, answer, stopped=stopped)
    ids = [str(site) for site in asked.sites["id"].to_numpy()[list(answer.sites)]]
    return {
        "one_more_station": _number(values.one_more_station),
        "one_more_unit": [
            {"layer": layer.name, "value": _number(value)}
            for layer, value in zip(asked.layers, values.one_more_unit, strict=True)
            if value is not None
        ],
        "station": dict(zip(ids, map(_number, values.station), strict=True)),
        "unit": [
            {
                "layer": layer.name,
                "station": {
                    site: _number(v) for site, v in zip(ids, row, strict=True) if v is not None
                },
            }
            for layer, row in zip(asked.layers, values.unit, strict=True)
            if any(value is not None for value in row)
        ],
    }


def _number(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else round(float(value), 6)


def apply_plan(scenario: Scenario, plan: CityPlan) -> Scenario:
    """Return the city with the stations and units of a plan.

    Parameters
    ----------
    scenario : Scenario
        The city that was planned.
    plan : CityPlan
        The plan.

    Returns
    -------
    Scenario
        The same city and demand, named after the plan. Units that the plan places are on
        duty when it says so, others have the shifts that they had.

    Raises
    ------
    InputError
        The plan was made for another scenario.
    """
    document = plan.document
    if document["scenario_hash"] != scenario.hash:
        raise InputError(
            f"the plan was made for {document['city']} with hash {document['scenario_hash'][:12]}, "
            f"this is {scenario.settings.name} with hash {scenario.hash[:12]}",
            field="plan",
            fix="plan this scenario anew",
        )
    columns = ["id", "name", "lon", "lat"]
    stations = pd.DataFrame(document["stations"], columns=columns)
    units = pd.DataFrame(document["units"], columns=["id", "type", "station"]).astype(str)
    name = f"{scenario.settings.name}, {len(stations)} stations by {document['model']}"
    names, shifts = shifts_of(unit.get("hours") for unit in document["units"])
    placed = {layer["type"] for layer in document["layers"]}
    if "shift" in scenario.units:
        before = dict(zip(scenario.units["id"].astype(str), scenario.units["shift"], strict=True))
        names = [
            name if kind in placed else before.get(unit, "")
            for name, unit, kind in zip(names, units["id"], units["type"], strict=True)
        ]
    if any(names):
        units["shift"] = names
    return scenario.with_fleet(stations, units).renamed(name).with_shifts(shifts)


def write_plan(plan: CityPlan, path: Path) -> None:
    """Write ``plan.json``.

    Parameters
    ----------
    plan : CityPlan
        The plan.
    path : Path
        The file; replaced where it exists.

    Raises
    ------
    InputError
        The file cannot be written.
    """
    text = json.dumps(plan.document, ensure_ascii=False, indent=1, allow_nan=False) + "\n"
    write_atomically(path, text.encode())


def read_plan(path: Path) -> CityPlan:
    """Read a ``plan.json``.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    CityPlan
        The plan.

    Raises
    ------
    InputError
        The file is missing or holds no plan.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        version = document["schema_version"]
        _ = document["scenario_hash"], document["stations"][0], document["units"], document["city"]
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}", field="plan") from error
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise InputError(f"{path} holds no plan ({error})", field="plan") from error
    if version != _SCHEMA:
        raise InputError(f"{path} has schema_version {version!r}", field="plan", fix="plan anew")
    return CityPlan(document)


def _source(candidates: str) -> str:
    """Leave folders out: they tell of a machine, not of the plan."""
    return candidates.replace("\\", "/").rpartition("/")[2]


def _nearest_s(drive_s: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    if not len(drive_s):
        return np.full(drive_s.shape[1], np.inf)
    nearest: NDArray[np.float64] = drive_s.min(axis=0).astype(np.float64)
    return nearest


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        {str(key): value.item() if isinstance(value, np.generic) else value for key, value in row}
        for row in (record.items() for record in table.to_dict("records"))
    ]


def _reached(
    weight: NDArray[np.float64],
    before: NDArray[np.float64],
    after: NDArray[np.float64],
    budget: float,
) -> dict[str, Any]:
    return {
        "covered_share": {
            when: _share(weight, drive <= budget)
            for when, drive in (("before", before), ("after", after))
        },
        "mean_drive_s": {
            when: _mean(weight, drive) for when, drive in (("before", before), ("after", after))
        },
    }


def _share(weight: NDArray[np.float64], inside: NDArray[np.bool_]) -> float | None:
    total = float(weight.sum())
    return round(float(weight[inside].sum()) / total, 6) if total else None


def _mean(weight: NDArray[np.float64], drive: NDArray[np.float64]) -> float | None:
    """Mean drive; None where some demand cannot be reached at all."""
    counts = weight > 0
    if not counts.any() or np.isinf(drive[counts]).any():
        return None
    return round(float(np.average(drive[counts], weights=weight[counts])), 3)


def _by_district(
    scenario: Scenario, asked: PlanProblem, answer: StationPlan, units: pd.DataFrame
) -> list[dict[str, Any]]:
    weight = scenario.zones["weight"].to_numpy(np.float64)
    district = scenario.zones["district"].fillna("").astype(str).to_numpy(dtype=object)
    total = weight.sum() or 1.0
    drives = [
        (_before_after(scenario, asked, answer, place, units), layer.limit())
        for place, layer in enumerate(asked.problem.layers)
    ]
    found = []
    for name in sorted(set(district)):
        inside = district == name
        share = round(float(weight[inside].sum() / total), 6)
        told = [
            _reached(weight[inside], before[inside], after[inside], limit)
            for (before, after), limit in drives
        ]
        rest = {"layers": [each["covered_share"] for each in told]} if len(told) > 1 else {}
        found.append({"name": name, "demand_share": share, **told[0], **rest})
    return found
