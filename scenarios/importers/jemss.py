"""City folders of the ambulance simulator JEMSS.jl.

Its rules, which the scenario and the policy ``closest-v1`` carry out: the closest unit is
sent, those on their way home included; calls wait by priority, then by time; a freed unit
takes the first that waits, else drives home; the nearest hospital takes the patient; a
unit on its way to a call may be sent to one of a priority that the redispatch table names.
Drives take what the arcs of its roads take by mode of travel, and straight lines lead from
the roads to calls, stations and hospitals.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd

from routing.errors import InputError
from routing.speeds import SpeedTable
from scenarios.given_times import GivenTimes
from scenarios.importers.base import IMPORTERS, Imported, checked_options
from scenarios.importers.jemss_demand import DAY_S, distribution, duration, raster_points
from scenarios.importers.jemss_roads import ordered, read_roads
from scenarios.importers.jemss_tables import read_tables, table_of
from scenarios.operations import Dispatch
from scenarios.package import Scenario
from scenarios.rules import default_rules
from scenarios.settings import Priority, Settings, Standard, UnitType, parse_settings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from scenarios.importers.jemss_tables import NamedTable

DEMAND_POINTS: Final = 1500
"""Places that stand for the raster of demand, each for the same part of it."""

_EXAMPLES: Final = {
    "auckland": "misc/redispatch/redispatch_lower_to_high.csv",
    "edmonton": "misc/redispatch/redispatch_low_to_higher.csv",
}
"""The redispatch that JEMSS's own example of a city names; in the others it is off."""

_NEEDS: Final = "ambulance"


@dataclass(frozen=True)
class Jemss:
    """The importer of JEMSS's city folders; see `scenarios.importers.base.Importer`."""

    id: str = "jemss-v1"

    @property
    def options(self) -> Mapping[str, str]:
        """The options that it takes, and what each one means."""
        return {
            "calls": "gen_config.xml of the calls; else the first one below calls",
            "redispatch": "CSV of the redispatch rules; else those of JEMSS's example of the city",
        }

    def read(self, source: Path, options: Mapping[str, str]) -> Imported:
        """Read a city folder; see `scenarios.importers.base.Importer.read`.

        Parameters
        ----------
        source : Path
            The folder of the city, or of one of its models.
        options : mapping of str to str
            Perhaps ``calls`` and ``redispatch``.

        Returns
        -------
        Imported
            A scenario with roads whose times are given.

        Raises
        ------
        InputError
            A file is missing or wrong.
        """
        given = checked_options(self, options)
        model = _model(source)
        modes, mode_of = _travel(model)
        calls = _Calls.read(_chosen(model, given.get("calls"), "calls/**/gen_config.xml", "calls"))
        priorities, standards, profiles = _priorities(model, calls, mode_of)
        names = [p.name for p in priorities]
        divert, rules = _divert(model, given.get("redispatch"), names, calls.city)
        stations = _places(model, "stations", "S")
        hospitals = _places(model, "hospitals", "H")
        lonlat, weight = raster_points(source, calls.raster, DEMAND_POINTS)
        everything = [_lonlat(stations), _lonlat(hospitals), lonlat]
        roads = read_roads(model / "travel" / "roads", len(modes)).with_places(
            np.concatenate(everything), _scale(model), modes
        )
        network, arc_ms = roads.network()
        table = SpeedTable.load()
        speeds = GivenTimes(
            table.text, table.rules, siren_ms=arc_ms[profiles[0]], normal_ms=arc_ms[profiles[1]]
        )
        units = _units(model, len(stations))
        kinds = {
            kind: UnitType(capabilities=[_NEEDS], turnout_s=0.0)
            for kind in dict.fromkeys(units["type"])
        }
        settings = _settings(source, calls).model_copy(
            update={
                "priorities": priorities,
                "standards": standards,
                "unit_types": kinds,
                "dispatch": Dispatch(divert=divert),
            }
        )
        # once more as a whole, so that what contradicts itself is told
        settings = Settings.model_validate(settings.model_dump())
        scenario = Scenario(
            settings=settings,
            network=network,
            speeds=speeds,
            stations=stations,
            hospitals=hospitals,
            units=units,
            zones=pd.DataFrame(
                {
                    "id": [f"Z{number + 1}" for number in range(len(lonlat))],
                    "lon": lonlat[:, 0],
                    "lat": lonlat[:, 1],
                    "weight": weight,
                    "district": "",
                }
            ),
            origin={"notes": [f"JEMSS, calls {calls.name}, raster {calls.raster}"]},
        )
        return Imported(
            scenario,
            "closest-v1",
            (
                f"{len(lonlat)} places stand for the raster of demand",
                f"redispatch: {rules or 'none'}; another with --redispatch",
                "roads are straight between nodes, so kilometres are less than driven ones",
            ),
        )


JEMSS: Final = Jemss()
"""The importer of JEMSS's city folders."""

IMPORTERS.register(JEMSS.id, JEMSS)


@dataclass(frozen=True)
class _Calls:
    """How calls are drawn."""

    name: str
    per_day: float
    shares: list[float]
    transported: float
    texts: Mapping[str, str]
    raster: str

    @property
    def city(self) -> str:
        """The city whose folder the raster lies in, as JEMSS calls it."""
        found = re.search(r"cities/([^/]+)/", self.raster)
        return "" if found is None else found.group(1)

    @classmethod
    def read(cls, path: Path) -> _Calls:
        try:
            root = ET.fromstring(path.read_bytes())  # noqa: S314 - a file that the user has
        except ET.ParseError as error:
            raise InputError(f"{path} is no XML ({error})", field="--calls") from error
        texts = {element.tag: (element.text or "").strip() for element in root.iter()}
        needed = ("interarrivalTime", "priority", "dispatchDelay", "onSceneDuration")
        for tag in (*needed, "transport", "handoverDuration", "filename"):
            if not texts.get(tag):
                raise InputError(f"there is no <{tag}>", field=path.name)
        values = {}
        for tag, wanted in (
            ("interarrivalTime", "Exponential"),
            ("priority", "Categorical"),
            ("transport", "Bernoulli"),
        ):
            name, values[tag] = distribution(texts[tag], f"{path.name} {tag}")
            if name != wanted or not values[tag]:
                raise InputError(f"{texts[tag]!r}, not {wanted}", field=f"{path.name} {tag}")
        if not values["interarrivalTime"][0] > 0:
            raise InputError("calls come all at once", field=f"{path.name} interarrivalTime")
        return cls(
            name=path.parent.name,
            per_day=1 / values["interarrivalTime"][0],
            shares=values["priority"],
            transported=values["transport"][0],
            texts=texts,
            raster=texts["filename"],
        )


def _model(source: Path) -> Path:
    found = sorted(path.parent for path in source.glob("models/*/stations"))
    if (source / "stations").is_dir():
        return source
    if not found:
        raise InputError(
            f"{source} has neither a folder stations nor models with one",
            field="SOURCE",
            fix="give the folder of a city of JEMSS",
        )
    return found[0]


def _chosen(model: Path, named: str | None, pattern: str, option: str) -> Path:
    """Return the file that an option names, else the first of a pattern."""
    if named is not None:
        path = model / named
        path = path if path.is_file() else path.__class__(named)
        if not path.is_file():
            raise InputError(f"there is no file {named!r}, here or in {model}", field=f"--{option}")
        return path
    found = sorted(path for path in model.glob(pattern) if path.is_file())
    # several calls' sets count more than a single one, as JEMSS runs them
    found.sort(key=lambda path: "single" in path.parts)
    if not found:
        raise InputError(f"{model} has no file {pattern}", field="SOURCE")
    return found[0]


def _tables(path: Path) -> dict[str, NamedTable]:
    try:
        return read_tables(path.read_text(encoding="utf-8"), path.name)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {path}: {error}") from error


def _table(model: Path, pattern: str, name: str) -> NamedTable:
    path = _chosen(model, None, pattern, "")
    return table_of(_tables(path), name, path.name)


def _travel(model: Path) -> tuple[NDArray[np.float64], dict[str, int]]:
    """Return the speed off the roads by mode, km a day, and the mode of each priority."""
    path = _chosen(model, None, "travel/travel/*.csv", "")
    tables = _tables(path)
    modes = table_of(tables, "travelModes", path.name)
    speeds = modes.numbers("offRoadSpeed", lowest=1e-6)
    sets = table_of(tables, "travelSets", path.name)
    timing = tables.get("travelSetsTiming")
    first = 0 if timing is None else int(timing.numbers("travelSetIndex")[0])
    rows = sets.numbers("travelSetIndex")
    mode = sets.indices("travelModeIndex", len(speeds))
    if timing is not None and len(timing) > 1:
        raise InputError(
            "travel sets change with time, which is not read", field=f"{path.name} travelSetsTiming"
        )
    return speeds, {
        name: int(mode[row])
        for row, name in enumerate(sets.texts("priority"))
        if timing is None or rows[row] == first
    }


def _priorities(
    model: Path, calls: _Calls, mode_of: dict[str, int]
) -> tuple[list[Priority], list[Standard], tuple[int, int]]:
    """Return priorities that occur, their targets, and the modes with and without siren."""
    table = _table(model, "misc/call priorities/*.csv", "priorities")
    names = table.texts("name")
    target = table.numbers("targetResponseTime", lowest=1e-6) * DAY_S
    order = np.argsort(table.numbers("priority"), kind="stable")
    if len(calls.shares) != len(names):
        raise InputError(
            f"{len(calls.shares)} shares for {len(names)} priorities",
            field=f"{calls.name} priority",
        )
    for name in names:
        if name not in mode_of:
            raise InputError(f"priority {name!r} has no mode of travel", field="travelSets")
    fast, slow = mode_of[names[order[0]]], mode_of[names[order[-1]]]
    total = sum(calls.shares)
    priorities, limits = [], dict[float, list[str]]()
    for rank, row in enumerate(order.tolist()):
        if calls.shares[rank] <= 0:
            continue
        if mode_of[names[row]] not in {fast, slow}:
            raise InputError(
                f"priority {names[row]!r} has a third mode of travel", field="travelSets"
            )
        limits.setdefault(round(float(target[row]), 0), []).append(names[row])
        priorities.append(
            Priority(
                name=names[row],
                share=calls.shares[rank] / total,
                siren=mode_of[names[row]] == fast,
                needs=[_NEEDS],
                transported=calls.transported,
                # patients and crews go as for the lowest priority
                transport_siren=fast == slow,
            )
        )
    standards = [
        Standard(
            name=f"{limit / 60:g} minutes",
            limit_s=limit,
            share=0.9,
            priorities=concerned,
            source="JEMSS, target response time; the share is an assumption",
        )
        for limit, concerned in limits.items()
    ]
    return priorities, standards, (fast, slow)


def _divert(
    model: Path, named: str | None, names: list[str], city: str
) -> tuple[list[tuple[str, str]], str]:
    """Return which units may be sent elsewhere, and the file that says so."""
    named = named or _EXAMPLES.get(city)
    if named is None:
        return [], ""
    path = _chosen(model, named, "", "redispatch")
    tables = _tables(path)
    allowed = table_of(tables, "miscData", path.name).numbers("allowRedispatch")[0]
    if allowed == 0 or "redispatchConditions" not in tables:
        return [], path.name
    table = tables["redispatchConditions"]
    pairs = zip(
        table.texts("fromCallPriority"),
        table.texts("toCallPriority"),
        table.numbers("allowRedispatch"),
        strict=True,
    )
    return [(a, b) for a, b, yes in pairs if yes and a in names and b in names], path.name


def _places(model: Path, name: str, letter: str) -> pd.DataFrame:
    table = _table(model, f"{name}/*.csv", name)
    ordered(table)
    title = next((column for column in ("name", "NAME") if column in table.columns), None)
    ids = [f"{letter}{number + 1}" for number in range(len(table))]
    return pd.DataFrame(
        {
            "id": ids,
            "name": ids if title is None else table.texts(title),
            "lon": table.numbers("x"),
            "lat": table.numbers("y"),
        }
    )


def _units(model: Path, stations: int) -> pd.DataFrame:
    table = _table(model, "ambulances/*.csv", "ambulances")
    ordered(table)
    home = table.indices("stationIndex", stations)
    kinds = table.texts("class") if "class" in table.columns else ["1"] * len(table)
    several = len(set(kinds)) > 1
    return pd.DataFrame(
        {
            "id": [f"A{number + 1}" for number in range(len(table))],
            "type": [f"{_NEEDS} {kind}" if several else _NEEDS for kind in kinds],
            "station": [f"S{station + 1}" for station in home],
        }
    )


def _lonlat(table: pd.DataFrame) -> NDArray[np.float64]:
    return table[["lon", "lat"]].to_numpy(np.float64)


def _scale(model: Path) -> NDArray[np.float64]:
    table = _table(model, "maps/*.csv", "map")
    return np.array([table.numbers(name, lowest=1e-6)[0] for name in ("xScale", "yScale")])


def _settings(source: Path, calls: _Calls) -> Settings:
    standard = Standard(name="10 minutes", limit_s=600, share=0.9, source="JEMSS")
    name = f"JEMSS {source.resolve().name}"
    text = default_rules(name, "UTC", round(calls.per_day, 6), "As given.", [standard])
    rules = parse_settings(text, "scenario.toml")
    process = {
        ours: duration(calls.texts[theirs], f"{calls.name} {theirs}")
        for ours, theirs in (
            ("call_processing", "dispatchDelay"),
            ("on_scene", "onSceneDuration"),
            ("handover", "handoverDuration"),
        )
    }
    flat = {"hour_profile": [1.0] * 24, "weekday_profile": [1.0] * 7}
    start = datetime(2024, 1, 1, tzinfo=UTC)
    return rules.model_copy(
        update={
            "horizon": rules.horizon.model_copy(update={"days": 100.0, "start": start}),
            "demand": rules.demand.model_copy(update=flat),
            "process": rules.process.model_copy(update=process),
        }
    )
