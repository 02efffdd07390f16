"""What a planner's question means for a location model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from engine.stationing import MODELS, Floor, Layer, LocationProblem
from routing.errors import InputError, did_you_mean
from scenarios.candidates import candidate_sites
from scenarios.coverage import delay_s, drive_budget_s, drives_s
from scenarios.day_slices import HOURS, check_slices, hours_within
from scenarios.package import lonlat
from scenarios.plan_question import EVERYWHERE, EXISTING
from scenarios.staffing import Question as StaffingQuestion
from scenarios.staffing import size_fleet

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from scenarios.day_slices import Slice
    from scenarios.package import Scenario
    from scenarios.plan_question import PlanQuestion
    from scenarios.settings import Standard


@dataclass(frozen=True)
class LayerOf:
    """What a layer of the problem stands for.

    Parameters
    ----------
    kind : str
        Type of unit; empty where stations serve.
    hours : tuple of int or None
        From and to; None for the whole day.
    standard : Standard
        What its drive limit comes from.
    """

    kind: str
    hours: Slice | None
    standard: Standard

    @property
    def name(self) -> str:
        """Kind and hours."""
        hours = "" if self.hours is None else f"{self.hours[0]}-{self.hours[1]} h"
        return " ".join(part for part in (self.kind, hours) if part)


@dataclass(frozen=True, eq=False)
class PlanProblem:
    """A question as a problem for a location model.

    Parameters
    ----------
    sites : DataFrame
        Columns ``id, name, lon, lat, existing``.
    layers : list of LayerOf
        What each layer stands for.
    problem : LocationProblem
        The problem.
    """

    sites: pd.DataFrame
    layers: list[LayerOf]
    problem: LocationProblem


def plan_problem(scenario: Scenario, question: PlanQuestion) -> PlanProblem:
    """Turn a question into a problem for a location model.

    Parameters
    ----------
    scenario : Scenario
        The city.
    question : PlanQuestion
        What is asked.

    Returns
    -------
    PlanProblem
        The problem and what its rows mean.

    Raises
    ------
    InputError
        A name is unknown, a number is out of range, or there is nothing to plan for.
    """
    if question.existing not in EXISTING:
        raise InputError(
            f"{question.existing!r} is unknown",
            field="--existing",
            fix=did_you_mean(question.existing, EXISTING),
        )
    if not len(scenario.zones):
        raise InputError(
            "there is no demand zone to plan for",
            field="zones.csv",
            fix="build the scenario with addresses, or with --population",
        )
    _check_model(question)
    kinds = _kinds(scenario, question)
    sites = candidate_sites(scenario, question.candidates)
    layers, described = _layers(scenario, question, kinds, lonlat(sites))
    today = sites["existing"].to_numpy(np.bool_)
    if both := set(question.keep) & set(question.forbid):
        raise InputError(
            f"{min(both)!r} cannot be both open and closed",
            field="--keep, --forbid",
            fix="name it in one of them",
        )
    kept = _named(sites, question.keep, "--keep")
    forbidden = _named(sites, question.forbid, "--forbid")
    if question.existing == "keep":
        kept = kept | (today & ~forbidden)
    new_cost = np.where(today, 0.0, question.station_cost)
    if "cost" in sites:
        new_cost = np.where(today | sites["cost"].isna(), new_cost, sites["cost"])
    priced = question.budget is not None or question.station_cost or question.closing_cost
    zones = scenario.zones
    problem = LocationProblem(
        layers,
        question.stations,
        kept,
        forbidden,
        station_cost=new_cost if priced or "cost" in sites else None,
        closing_cost=np.where(today, question.closing_cost, 0.0) if priced else None,
        budget=question.budget,
        floors=_floors(scenario, question),
        time_limit_s=question.time_limit_s,
        seed=question.seed,
        demand_names=[
            f"zone {zone} in {district}" if district else f"zone {zone}"
            for zone, district in zip(zones["id"], zones["district"].fillna(""), strict=True)
        ],
    )
    return PlanProblem(sites, described, problem)


def _check_model(question: PlanQuestion) -> None:
    """Ask for what a model cannot do without, by the names that a planner knows."""
    model = MODELS.resolve(question.model)
    if model.startswith("dsm-") and question.longer_limit_s is None:
        raise InputError(
            f"{model} needs two limits",
            field="--longer-limit",
            fix="give the longer one in minutes, such as --longer-limit 15",
        )
    if question.longer_limit_s is not None and not model.startswith("dsm-"):
        raise InputError(
            f"{model} has one limit", field="--longer-limit", fix="leave it out, or use --model dsm"
        )
    if model.startswith("mexclp-") and question.units is None and question.busy is None:
        raise InputError(
            f"{model} places units",
            field="--units",
            fix="give TYPE=N or fleet; or say how busy the one unit of each station is with --busy",
        )
    if question.busy is not None and not _reckons_with_busy(question):
        raise InputError(
            f"{model} takes a unit for always free",
            field="--busy",
            fix="leave it out, or choose a model such as mexclp",
        )


def _reckons_with_busy(question: PlanQuestion) -> bool:
    return bool(getattr(question.location_model(), "units_are_busy", False))


def _kinds(scenario: Scenario, question: PlanQuestion) -> list[str]:
    """Return the types of unit that have layers of their own; one nameless where none do."""
    known, placed = scenario.settings.unit_types, question.units
    by_type = {
        "--units": placed or {},
        "--capacity": question.capacity,
        "--unit-cost": question.unit_cost,
        "--standard": question.standard if isinstance(question.standard, Mapping) else {},
    }
    for option, kind in ((option, kind) for option, given in by_type.items() for kind in given):
        if placed is None:
            raise InputError(
                "speaks of units, but none are to be placed", field=option, fix="give --units too"
            )
        if kind not in known:
            raise InputError(
                f"there is no type of unit {kind!r}", field=option, fix=did_you_mean(kind, known)
            )
        if kind not in placed:
            raise InputError(
                f"no {kind} is to be placed", field=option, fix="name it in --units too"
            )
    for kind, most in question.capacity.items():
        if most < 1:
            raise InputError(
                f"{most} is no number of {kind} that a station has room for",
                field="--capacity",
                fix="give 1 or more",
            )
    return [""] if placed is None else list(placed)


def _layers(
    scenario: Scenario,
    question: PlanQuestion,
    kinds: list[str],
    places: NDArray[np.float64],
) -> tuple[list[Layer], list[LayerOf]]:
    layers, described = [], []
    weight = scenario.zones["weight"].to_numpy(np.float64)
    load = _loads(scenario, question)
    slices: list[Slice | None] = list(question.slices) or [None]
    check_slices(question.slices)
    hours = scenario.settings.demand.hour_profile
    for number, span in enumerate(slices):
        inside = range(HOURS) if span is None else hours_within(span)
        travel_s = drives_s(
            scenario, places, what="candidate", hours=None if span is None else list(inside)
        )
        # what no site reaches is no reason for any plan
        lost = ~np.isfinite(travel_s).any(axis=0)
        share = 1.0 if span is None else sum(hours[h] for h in inside) / sum(hours)
        for kind in kinds:
            units = _number(question, kind, number, len(slices))
            rule = _standard(scenario, question.standard, kind)
            longer = question.longer_limit_s
            if longer is not None and longer < rule.limit_s:
                raise InputError(
                    f"{longer / 60:g} minutes are shorter than the {rule.limit_s / 60:g} of the "
                    f"standard {rule.name!r}",
                    field="--longer-limit",
                    fix="give more minutes",
                )
            described.append(LayerOf(kind, span, rule))
            layers.append(
                Layer(
                    travel_s,
                    np.where(lost, 0.0, weight * share),
                    drive_budget_s(scenario, rule, kind or None),
                    name=described[-1].name,
                    units=units,
                    capacity=np.full(len(places), question.capacity[kind])
                    if kind in question.capacity
                    else None,
                    unit_cost=question.unit_cost.get(kind, 0.0),
                    busy=_busy(question, load, kind, inside, units),
                    delay_s=delay_s(scenario, "call", kind or None),
                    second_limit_s=None
                    if longer is None
                    else longer - delay_s(scenario, rule.start, kind or None),
                )
            )
    return layers, described


def _loads(scenario: Scenario, question: PlanQuestion) -> dict[str, NDArray[np.float64]] | None:
    """Compute how many units of each type are at work by hour of the day; None if no matter."""
    estimated = question.busy is None and question.units is not None
    if not estimated or not _reckons_with_busy(question):
        return None
    grounds = size_fleet(scenario, StaffingQuestion(ground="city")).grounds
    return {ground.unit_type: ground.load.reshape(7, HOURS).mean(axis=0) for ground in grounds}


def _busy(
    question: PlanQuestion,
    load: dict[str, NDArray[np.float64]] | None,
    kind: str,
    hours: Sequence[int],
    units: int | None,
) -> float:
    if question.busy is not None:
        return question.busy
    if units is None or load is None:
        return 0.0
    if kind not in load:
        raise InputError(
            f"every priority counts for another type than {kind}, so nothing tells how busy it is",
            field="--units",
            fix=f"leave {kind} out, or say how busy all units are with --busy",
        )
    at_work = float(load[kind][list(hours)].mean())
    if at_work >= units:
        raise InputError(
            f"{at_work:.2f} units of {kind} are at work on average, {units} are too few",
            field="--units",
            fix=f"give at least {int(at_work) + 1}, or say how busy they are with --busy",
        )
    return at_work / units


def _number(question: PlanQuestion, kind: str, place: int, slices: int) -> int | None:
    if question.units is None:
        return None
    numbers = question.units[kind]
    if len(numbers) not in (1, slices):
        raise InputError(
            f"{len(numbers)} numbers of {kind} for {slices} slice{'s' if slices > 1 else ''}",
            field="--units",
            fix=f"give one, or {slices}" if slices > 1 else "give one, or --slices",
        )
    return numbers[place if len(numbers) > 1 else 0]


def _standard(scenario: Scenario, asked: str | Mapping[str, str] | None, kind: str) -> Standard:
    return scenario.settings.standard(asked.get(kind) if isinstance(asked, Mapping) else asked)


def _named(sites: pd.DataFrame, ids: tuple[str, ...], option: str) -> NDArray[np.bool_]:
    known = set(sites["id"])
    for identifier in ids:
        if identifier not in known:
            raise InputError(
                f"there is no site {identifier!r}",
                field=option,
                fix=did_you_mean(identifier, list(sites["id"])),
            )
    named: NDArray[np.bool_] = sites["id"].isin(set(ids)).to_numpy(np.bool_)
    return named


def _floors(scenario: Scenario, question: PlanQuestion) -> list[Floor]:
    district = scenario.zones["district"].fillna("").astype(str).to_numpy(dtype=object)
    names = sorted(set(district))
    for name in question.floors:
        if name != EVERYWHERE and name not in names:
            raise InputError(
                f"there is no district {name!r}", field="--floor", fix=did_you_mean(name, names)
            )
    everywhere = question.floors.get(EVERYWHERE, 0.0)
    shares = {name: question.floors.get(name, everywhere) for name in names}
    return [
        Floor(name or "no district", district == name, share)
        for name, share in shares.items()
        if share > 0
    ]
