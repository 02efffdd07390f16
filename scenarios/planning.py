"""Station plans of a city: what to ask a location model, and what its answer means."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from engine.stationing import MODELS, LocationProblem
from routing.errors import InputError, did_you_mean
from scenarios.candidates import candidate_sites
from scenarios.coverage import drive_budget_s, drives_s
from scenarios.folders import write_atomically
from scenarios.package import Scenario, lonlat
from scenarios.toml import toml_value

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from scenarios.settings import Standard

EXISTING: Final = ("free", "keep")
"""Whether today's stations may close."""

_SCHEMA: Final = 1


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
            and ``units``; the share of demand within the standard's drive and the mean
            drive before and after, in all and by district.
        """
        return self.document


def make_plan(
    scenario: Scenario,
    *,
    model: str = "mclp",
    stations: int,
    existing: str = "free",
    candidates: str = "zones",
    standard: str | None = None,
    time_limit_s: float = 60.0,
    seed: int = 0,
) -> CityPlan:
    """Choose where stations stand.

    Parameters
    ----------
    scenario : Scenario
        The city.
    model : str
        Id of a location model, with its version or without.
    stations : int
        How many, kept ones included.
    existing : str
        ``free``: today's stations may close; ``keep``: they stay.
    candidates : str
        As in `scenarios.candidates.candidate_sites`.
    standard : str, optional
        Name of the response standard; the scenario's first if none is given.
    time_limit_s : float
        About how long to search and prove; then the best plan comes with its bound.
    seed : int
        Seed of the search.

    Returns
    -------
    CityPlan
        The plan.

    Raises
    ------
    InputError
        A name is unknown, a number is out of range, or there is nothing to plan for.
    """
    solver = MODELS[model]
    if existing not in EXISTING:
        raise InputError(
            f"{existing!r} is unknown", field="--existing", fix=did_you_mean(existing, EXISTING)
        )
    rule = _standard(scenario, standard)
    if not len(scenario.zones):
        raise InputError(
            "there is no demand zone to plan for",
            field="zones.csv",
            fix="build the scenario with addresses, or with --population",
        )
    budget = drive_budget_s(scenario, rule)
    sites = candidate_sites(scenario, candidates)
    travel_s = drives_s(scenario, lonlat(sites), what="candidate")
    weight = scenario.zones["weight"].to_numpy(np.float64)
    is_today = sites["existing"].to_numpy(np.bool_)
    answer = solver.solve(
        LocationProblem(
            travel_s=travel_s,
            weight=weight,
            k=stations,
            fixed_open=is_today if existing == "keep" else None,
            limit_s=budget,
            time_limit_s=time_limit_s,
            seed=seed,
        )
    )
    chosen = np.array(answer.sites)
    open_s = travel_s[chosen]
    reached = np.isfinite(open_s).any(axis=0)
    nearest = np.argmin(open_s, axis=0)[reached]
    served = np.bincount(nearest, weight[reached], len(chosen)).astype(np.float64)
    total = weight.sum() or 1.0
    open_sites = sites.iloc[chosen].reset_index(drop=True)
    units = _spread(scenario, list(open_sites["id"]), served)
    # today's stations come first among the sites; one without a unit reaches nobody
    before = _nearest_s(travel_s[np.unique(scenario.unit_station)])
    after = _nearest_s(open_s[open_sites["id"].isin(set(units["station"])).to_numpy(np.bool_)])
    closed = scenario.stations[~scenario.stations["id"].isin(set(open_sites["id"]))]
    return CityPlan(
        {
            "schema_version": _SCHEMA,
            "city": scenario.settings.name,
            "scenario_hash": scenario.hash,
            "model": answer.model,
            "existing": existing,
            "candidates": {"source": _source(candidates), "count": len(sites)},
            "standard": rule.name,
            "drive_limit_s": round(budget, 3),
            "seed": seed,
            "objective": round(answer.objective, 6),
            "bound": round(answer.bound, 6),
            "gap": round(answer.gap, 9),
            "proven": answer.proven,
            "stations": [
                {**row, "demand_share": round(float(share / total), 6)}
                for row, share in zip(_rows(open_sites), served, strict=True)
            ],
            "closed": _rows(closed[["id", "name", "lon", "lat"]]),
            "units": _rows(units),
            **_reached(weight, before, after, budget),
            "by_district": _by_district(scenario, before, after, budget),
        }
    )


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
        The same city and demand, named after the plan.

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
    name = f"{scenario.settings.name}, {len(stations)} stations by {document['model']}"[:100]
    old, new = (f"name = {toml_value(n)}\n" for n in (scenario.settings.name, name))
    return replace(
        scenario.with_fleet(stations, units),
        settings=scenario.settings.model_copy(update={"name": name}),
        settings_text=scenario.settings_text.replace(old, new, 1),
    )


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


def _standard(scenario: Scenario, name: str | None) -> Standard:
    standards = {standard.name: standard for standard in scenario.settings.standards}
    if name is None:
        return scenario.settings.standards[0]
    if name not in standards:
        raise InputError(
            f"unknown standard {name!r}", field="--standard", fix=did_you_mean(name, standards)
        )
    return standards[name]


def _source(candidates: str) -> str:
    """Leave folders out: they tell of a machine, not of the plan."""
    return candidates.replace("\\", "/").rpartition("/")[2]


def _nearest_s(drive_s: NDArray[np.float64]) -> NDArray[np.float64]:
    if not len(drive_s):
        return np.full(drive_s.shape[1], np.inf)
    nearest: NDArray[np.float64] = drive_s.min(axis=0)
    return nearest


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        {str(key): value.item() if isinstance(value, np.generic) else value for key, value in row}
        for row in (record.items() for record in table.to_dict("records"))
    ]


def _spread(
    scenario: Scenario, stations: Sequence[str], served: NDArray[np.float64]
) -> pd.DataFrame:
    """Spread today's units over the stations of a plan, each type by the demand served.

    Largest remainders, but no station is left empty while another could spare a unit.
    A unit stays where it is if there is room.
    """
    units = scenario.units.reset_index(drop=True)
    home = pd.Series("", index=units.index)
    staffed = np.zeros(len(served), dtype=np.bool_)
    for rows in units.groupby("type", sort=True).groups.values():
        quotas = _quotas(len(rows), served, staffed)
        staffed |= quotas > 0
        room = dict(zip(stations, quotas.tolist(), strict=True))
        for row in rows:
            station = units["station"][row]
            if room.get(station, 0) > 0:
                home[row] = station
                room[station] -= 1
        spare = [station for station in stations for _ in range(room[station])]
        for row in rows:
            if not home[row]:
                home[row] = spare.pop(0)
    return units[["id", "type"]].assign(station=home)


def _quotas(
    count: int, served: NDArray[np.float64], staffed: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Divide units by demand: one for each empty station first, the rest by largest remainder."""
    first = np.zeros(len(served), dtype=np.int64)
    order = np.lexsort((-served, staffed))
    first[order[: min(count, int((~staffed).sum()))]] = 1
    left = count - int(first.sum())
    ideal = count * served / (served.sum() or 1.0)
    for _ in range(left):
        first[int(np.argmax(ideal - first))] += 1
    return first


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
    scenario: Scenario, before: NDArray[np.float64], after: NDArray[np.float64], budget: float
) -> list[dict[str, Any]]:
    weight = scenario.zones["weight"].to_numpy(np.float64)
    district = scenario.zones["district"].fillna("").astype(str).to_numpy(dtype=object)
    total = weight.sum() or 1.0
    found = []
    for name in sorted(set(district)):
        inside = district == name
        share = round(float(weight[inside].sum() / total), 6)
        told = _reached(weight[inside], before[inside], after[inside], budget)
        found.append({"name": name, "demand_share": share, **told})
    return found
