"""How many vehicles a city needs, by hour of the week and station ground.

The rate of incidents comes from the scenario's demand, the mean time that one keeps a
vehicle busy from its processes and from drives on its roads; `engine.staffing` sizes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from engine.queueing import erlang_b
from engine.shifts import WEEK_H
from engine.staffing import (
    METHODS,
    Levels,
    more_than,
    none_free,
    shortfall_rate,
    vehicles_needed,
)
from routing.errors import InputError, did_you_mean
from routing.network import UNREACHABLE
from scenarios.demand import weekly_factor
from scenarios.reach import unserved, unserved_zones
from scenarios.simulation.needs import suits
from scenarios.simulation.tables import build_tables
from scenarios.statistics import rounded_to_digits

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from scenarios.package import Scenario
    from scenarios.simulation.tables import Tables

GROUNDS: Final = ("station", "district", "city")
"""What vehicles are counted for: each station's ground, each district, or all at once."""

BY: Final = ("hour", "day-kind", "week")
"""Loads of each hour of the week; of the hours of workdays, Saturdays, Sundays; or one mean."""

UNTIL: Final = ("station", "free")
"""When a vehicle counts as free again: back at its station, or once it could be sent."""

PARTS: Final = ("turnout", "drive", "on_scene", "transport", "handover", "return")
"""What keeps a vehicle busy, in order."""

SCHEMA: Final = 1


@dataclass(frozen=True)
class Question:
    """How to size a fleet.

    Parameters
    ----------
    method : str
        One of `engine.staffing.METHODS`: what the fleet, the shifts and the simulation
        go by. All methods are told.
    levels : Levels
        What to keep to.
    by : str
        One of `BY`.
    ground : str
        One of `GROUNDS`.
    until : str
        One of `UNTIL`.
    """

    method: str = "risk"
    levels: Levels = field(default_factory=lambda: Levels(least=1))
    by: str = "hour"
    ground: str = "station"
    until: str = "station"

    def __post_init__(self) -> None:
        """Refuse unknown names."""
        for name, known in (
            ("method", METHODS),
            ("by", BY),
            ("ground", GROUNDS),
            ("until", UNTIL),
        ):
            if (given := getattr(self, name)) not in known:
                raise InputError(
                    f"unknown {name} {given!r}", field=f"--{name}", fix=did_you_mean(given, known)
                )


@dataclass(frozen=True, eq=False)
class Ground:
    """A part of the city that vehicles of one type are counted for.

    Parameters
    ----------
    id, name : str
        Of the station or district; ``city``.
    unit_type : str
        The vehicles.
    priorities : tuple of int
        Rows of the priorities whose incidents they are counted for.
    stations : tuple of int
        Rows of the stations that its vehicles stand at.
    weight : ndarray of float64, shape (stations,)
        Demand that is nearest to each of these.
    zones : ndarray of bool, shape (zones,)
        Its zones.
    rate_h : ndarray of float64, shape (168,)
        Incidents an hour in each hour of the week.
    parts_s : dict of str to float
        Mean seconds an incident of each of `PARTS`, those that happen to some counted
        as 0 for the rest.
    busy_s : float
        Mean seconds that an incident keeps a vehicle busy.
    """

    id: str
    name: str
    unit_type: str
    priorities: tuple[int, ...]
    stations: tuple[int, ...]
    weight: NDArray[np.float64]
    zones: NDArray[np.bool_]
    rate_h: NDArray[np.float64]
    parts_s: dict[str, float]
    busy_s: float

    @property
    def load(self) -> NDArray[np.float64]:
        """Mean number of vehicles at work in each hour of the week, shape (168,)."""
        return self.rate_h * self.busy_s / 3600


@dataclass(frozen=True, eq=False)
class Staffing:
    """What each ground needs.

    Parameters
    ----------
    scenario : Scenario
        The city.
    question : Question
        What was asked.
    grounds : tuple of Ground
        In the order of unit types, then of stations or names.
    needs : dict of str to ndarray of int64, shape (grounds, 168)
        Vehicles by each method.
    unserved : tuple of str
        Zones that no unit can come to, in sentences; they are of no ground.
    """

    scenario: Scenario
    question: Question
    grounds: tuple[Ground, ...]
    needs: dict[str, NDArray[np.int64]]
    unserved: tuple[str, ...] = ()

    @property
    def need(self) -> NDArray[np.int64]:
        """Number of vehicles by the method that was asked for, shape (grounds, 168)."""
        return self.needs[self.question.method]

    def to_json_dict(self) -> dict[str, Any]:
        """Return what was asked, what is assumed, and what each ground needs.

        Returns
        -------
        dict
            The content of ``staffing.json`` but for shifts and simulation.
        """
        asked = self.question
        return {
            "schema_version": SCHEMA,
            "kind": "staffing",
            "city": self.scenario.settings.name,
            "scenario_hash": self.scenario.hash,
            "timezone": self.scenario.settings.horizon.timezone,
            "method": asked.method,
            "safety": asked.levels.safety,
            "utilisation": asked.levels.utilisation,
            "least": asked.levels.least,
            "by": asked.by,
            "ground": asked.ground,
            "until": asked.until,
            "assumptions": list(_assumptions(asked)),
            "unserved": list(self.unserved),
            "grounds": [
                {
                    "id": ground.id,
                    "name": ground.name,
                    "unit_type": ground.unit_type,
                    "incidents_per_day": _round(ground.rate_h.mean() * 24),
                    "busy_s": _round(ground.busy_s),
                    "parts_s": {part: _round(ground.parts_s[part]) for part in PARTS},
                    "load": [_round(load) for load in ground.load],
                    "need": {method: need[row].tolist() for method, need in self.needs.items()},
                    "peak": {method: int(need[row].max()) for method, need in self.needs.items()},
                    "promised": promised(ground, self.need[row]),
                }
                for row, ground in enumerate(self.grounds)
            ],
        }


def size_fleet(scenario: Scenario, question: Question) -> Staffing:
    """Find how many vehicles each ground needs in each hour of the week.

    Parameters
    ----------
    scenario : Scenario
        The city; its units tell which stations count and which types there are.
    question : Question
        How to size.

    Returns
    -------
    Staffing
        Needs by every method. Incidents that no unit can come to keep none at work.

    Raises
    ------
    InputError
        The scenario has no demand, or cannot be simulated (see
        `scenarios.simulation.tables.build_tables`).
    """
    if scenario.settings.demand.incidents_per_day <= 0:
        raise InputError(
            "there are 0 incidents a day",
            field="scenario.toml: demand.incidents_per_day",
            fix="give a rate above 0",
        )
    tables = build_tables(scenario)
    grounds = tuple(
        ground
        for kind, served in _served_by(scenario, tables).items()
        for ground in _grounds(scenario, tables, question, kind, served)
    )
    loads = np.stack([_averaged(ground.load, question.by) for ground in grounds])
    needs = {method: vehicles_needed(method, loads, question.levels) for method in METHODS}
    return Staffing(scenario, question, grounds, needs, tuple(unserved_zones(scenario, tables)))


def promised(ground: Ground, vehicles: NDArray[np.int64]) -> dict[str, float]:
    """Tell what the Poisson law promises for a number of vehicles.

    Parameters
    ----------
    ground : Ground
        The ground.
    vehicles : ndarray of int64, shape (168,)
        Its vehicles in each hour of the week.

    Returns
    -------
    dict of str to float
        ``demand_above_fleet``: share of time in which more incidents run than there
        are vehicles; ``no_own_unit``: share of incidents that find as many others
        running; ``erlang_loss``: the same if those beyond were served from elsewhere;
        ``shortfalls_per_week``: how often the first begins; ``utilisation``: share of
        its time that a vehicle is at work, 0 where there is none.
    """
    arriving = ground.rate_h / ground.rate_h.sum()
    held = int(vehicles.sum())
    found = {
        "demand_above_fleet": more_than(ground.load, vehicles).mean(),
        "no_own_unit": arriving @ none_free(ground.load, vehicles),
        "erlang_loss": arriving @ erlang_b(ground.load, vehicles),
        "shortfalls_per_week": shortfall_rate(ground.load, vehicles, ground.rate_h).sum(),
        "utilisation": ground.load.sum() / held if held else 0.0,
    }
    return {name: _round(value) for name, value in found.items()}


def _served_by(scenario: Scenario, tables: Tables) -> dict[str, list[int]]:
    """Return the priorities that each unit type is counted for: the first type that suits."""
    suitable = suits(scenario, tables.rules)
    types = scenario.units["type"].to_numpy(dtype=object)
    found: dict[str, list[int]] = {}
    for row, priority in enumerate(scenario.settings.priorities):
        for kind in scenario.settings.unit_types:
            if priority.share > 0 and suitable[row, types == kind].any():
                found.setdefault(kind, []).append(row)
                break
    return found


def _grounds(
    scenario: Scenario, tables: Tables, question: Question, kind: str, served: list[int]
) -> list[Ground]:
    """Part the city among the stations of a unit type, and add up what each part asks for."""
    settings, travel = scenario.settings, tables.travel
    share = np.array([settings.priorities[row].share for row in served])
    asked = share[:, None] * scenario.zone_weight * _reached(scenario, tables, served)
    used = np.flatnonzero(asked.any(axis=0))
    of_kind = scenario.units["type"].to_numpy(dtype=object) == kind
    staffed = np.unique(scenario.unit_station[of_kind])
    place = len(scenario.zones) + len(scenario.hospitals) + staffed
    profile = tables.rules.priority["response"][served[0]]
    nearest = np.argmin(travel.drive["ms"][profile][place][:, used], axis=0)
    parts = np.stack(
        [
            _parts(
                scenario, tables, kind, row, used, (place[nearest], staffed[nearest]), called > 0
            )
            for row, called in zip(served, asked[:, used], strict=True)
        ]
    )
    if question.until == "free":
        parts[:, PARTS.index("return")] = 0
    weight = asked[:, used].sum(axis=0)
    ids, names, code = _parted(scenario, question.ground, used, staffed[nearest])
    per_hour = settings.demand.incidents_per_day / 24 * weekly_factor(settings.demand).reshape(-1)
    grounds = []
    for number, (identifier, name) in enumerate(zip(ids, names, strict=True)):
        inside = code == number
        demand = np.bincount(nearest[inside], weight[inside], len(staffed))
        zones = np.zeros(len(scenario.zones), dtype=np.bool_)
        zones[used[inside]] = True
        mean = np.einsum("ptz,pz->t", parts[:, :, inside], asked[:, used[inside]])
        total = weight[inside].sum()
        grounds.append(
            Ground(
                id=identifier,
                name=name,
                unit_type=kind,
                priorities=tuple(served),
                stations=tuple(staffed[demand > 0].tolist()),
                weight=demand[demand > 0].astype(np.float64),
                zones=zones,
                rate_h=per_hour * total,
                parts_s=dict(zip(PARTS, (mean / total).tolist(), strict=True)),
                busy_s=float(mean.sum() / total),
            )
        )
    return grounds


def _reached(scenario: Scenario, tables: Tables, served: list[int]) -> NDArray[np.bool_]:
    """Tell where some incidents of each of these priorities are served, shape (rows, zones)."""
    lost = unserved(scenario, tables)
    names = [scenario.settings.priorities[row].name for row in served]
    kinds = [[k.name for k in scenario.settings.types if k.priority == name] for name in names]
    return np.array(
        [~np.all([lost[kind] for kind in own if kind in lost], axis=0) for own in kinds]
    )


def _parts(
    scenario: Scenario,
    tables: Tables,
    kind: str,
    priority: int,
    used: NDArray[np.int64],
    home: tuple[NDArray[np.int64], NDArray[np.int64]],
    called: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Return the mean seconds of each part for each zone in use, shape (parts, zones).

    They mean nothing where nobody is called by this priority.
    """
    rule, process = scenario.settings.priorities[priority], scenario.settings.process
    travel, profiles = tables.travel, tables.rules.priority[priority]
    place, station = home
    drive = travel.drive["ms"][profiles["response"], place, used]
    back = travel.home["ms"][0, used, station].astype(np.float64)
    transport = np.zeros(len(used))
    if rule.transported > 0:
        hospital = travel.hospital[profiles["transport"], used, 0]
        transport = rule.transported * hospital["ms"]
        from_hospital = travel.home["ms"][0, hospital["place"], station]
        back = (1 - rule.transported) * back + rule.transported * from_hospital
    if (away := called & (drive == UNREACHABLE)).any():
        zone = scenario.zones["id"].iloc[used[np.argmax(away)]]
        raise InputError(
            f"no road for priority {rule.name!r} leads from the nearest station to zone {zone}",
            field="zones.csv",
            fix="remove the zone or move the station",
        )
    every = np.ones(len(used))
    return np.stack(
        [
            every * scenario.settings.unit_types[kind].turnout_s,
            drive / 1000,
            every * process.on_scene.mean_s,
            transport / 1000,
            every * rule.transported * process.handover.mean_s,
            back / 1000,
        ]
    )


def _parted(
    scenario: Scenario, ground: str, used: NDArray[np.int64], station: NDArray[np.int64]
) -> tuple[list[str], list[str], NDArray[np.int64]]:
    """Return ids and names of grounds, and the ground of each zone in use."""
    if ground == "city":
        return ["city"], ["whole city"], np.zeros(len(used), dtype=np.int64)
    if ground == "station":
        rows, code = np.unique(station, return_inverse=True)
        table = scenario.stations.iloc[rows]
        return list(table["id"]), list(table["name"]), code
    district = scenario.zones["district"].fillna("").astype(str).to_numpy(dtype=object)[used]
    found, code = np.unique(district.astype(str), return_inverse=True)
    ids = [str(name) for name in found]
    return ids, [name or "no district" for name in ids], code


def _averaged(load: NDArray[np.float64], by: str) -> NDArray[np.float64]:
    week = load.reshape(7, 24)
    if by == "week":
        return np.full(WEEK_H, load.mean())
    if by == "day-kind":
        week = np.vstack([np.tile(week[:5].mean(axis=0), (5, 1)), week[5:]])
    return week.reshape(-1)


def _assumptions(question: Question) -> tuple[str, ...]:
    end = {
        "station": "it is back at its station, though it could be sent before",
        "free": "it could be sent again; the drive home is not counted",
    }[question.until]
    zone = "a zone belongs to the nearest station that has such a vehicle today"
    drives = "drives are those of the simulation: to the scene and to the nearest hospital"
    return (
        "incidents come by the scenario's rate, each hour of the week as if it went on for ever",
        "an incident takes one vehicle, of the first type that suits its priority",
        f"{zone}, which always sends its own; nobody helps a neighbour",
        f"a vehicle is busy from its dispatch (call processing does not bind it) until {end}",
        f"the crew turns out at its station; {drives} by priority, home without siren",
    )


def _round(value: float) -> float:
    return rounded_to_digits(float(value))
