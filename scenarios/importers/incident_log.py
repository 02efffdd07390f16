"""Logs of incidents: demand fitted to what happened, in a city that is there already."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
import shapely
from pyproj import Transformer
from scipy.spatial import KDTree

from routing.errors import InputError
from scenarios.demand_fit import Fit, fit_times, zone_weights
from scenarios.fit_report import PARTS, SHOWN, Shown, render_fit_report, strength_said
from scenarios.importers.base import IMPORTERS, Imported, checked_options
from scenarios.importers.log_table import Columns, read_columns, read_table, read_times
from scenarios.importers.log_types import (
    FittedWork,
    Types,
    fit_work,
    read_types,
    with_types,
    work_document,
)
from scenarios.importers.log_work import read_work
from scenarios.package import lonlat
from scenarios.packaging import load_scenario

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from scenarios.package import Scenario

_FAR_M: Final = 2000.0
"""So far beyond the outermost zones an incident still counts for the nearest one."""

_THIN: Final = 1.0
"""Incidents for each hour and weekday that the profiles before count for."""


@dataclass(frozen=True)
class IncidentLog:
    """The importer of incident logs; see `scenarios.importers.base.Importer`."""

    id: str = "log-v1"

    @property
    def options(self) -> Mapping[str, str]:
        """The options that it takes, and what each one means."""
        return {
            "columns": "TOML that says which column is time, x, y: see the README",
            "scenario": "scenario folder or bundled city whose demand is fitted to the log",
        }

    def read(self, source: Path, options: Mapping[str, str]) -> Imported:
        """Fit the demand of a scenario to a log; see `scenarios.importers.base.Importer.read`.

        Only the columns that are named are read; nothing of a single incident is kept.

        Parameters
        ----------
        source : Path
            A CSV file, one row an incident.
        options : mapping of str to str
            ``columns`` and ``scenario``, both needed.

        Returns
        -------
        Imported
            The scenario with the log's demand, and its durations and transports if it tells
            them; report and page say how well they fit.

        Raises
        ------
        InputError
            A file, column, time or place is missing or wrong.
        """
        given = checked_options(self, options)
        for name, meaning in self.options.items():
            if not given.get(name):
                raise InputError(f"format {self.id} needs it", field=f"--{name}", fix=meaning)
        columns = read_columns(Path(given["columns"]))
        city = load_scenario(given["scenario"])
        if city.incidents is not None:
            raise InputError(
                "its incidents are given, so that no demand is drawn",
                field="--scenario",
                fix="name a scenario without incidents.csv",
            )
        table = read_table(source, columns)
        notes: list[str] = []
        place, near = _places(table, columns, city, source.name, notes)
        if len(near) == 0:
            raise InputError(f"no incident of {source.name} lies in the city", field="SOURCE")
        table = table.iloc[near]
        called = read_times(table, columns, "time", source.name, notes)
        times = _sorted(called, table, source.name, notes)
        fit = fit_times(times, city.settings.horizon.timezone)
        counts = np.bincount(_zones(city, place), minlength=len(city.zones))
        weight, strength = zone_weights(counts, city.zones["weight"].to_numpy(np.float64))
        priority = _priorities(table, columns, city, source.name)
        types = read_types(table, columns, city.settings, source.name, priority)
        work = read_work(table, columns, called, source.name, notes)
        fitted = None if work is None else fit_work(work, types)
        found = _fitted(city, fit, weight, types, fitted, source)
        left_out = tuple(notes)
        notes += [*_said(fit, strength, len(times)), *_work_said(fitted, types, city)]
        report = {
            "incidents": len(times),
            "per_day": fit.per_day,
            "days": fit.days,
            "zone_prior_strength": None if np.isinf(strength) else strength,
            "fit": {
                name: {key: None if pd.isna(value) else value for key, value in test.items()}
                for name, test in fit.tests.items()
            },
            "work": None if fitted is None else work_document(fitted, SHOWN),
        }
        shown = Shown(source.name, found, fit, counts, strength, fitted, left_out)
        return Imported(found, "closest-v1", tuple(notes), report, render_fit_report(shown))


INCIDENT_LOG: Final = IncidentLog()
"""The importer of incident logs."""

IMPORTERS.register(INCIDENT_LOG.id, INCIDENT_LOG)


def _places(
    table: pd.DataFrame, columns: Columns, city: Scenario, name: str, notes: list[str]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return lon, lat of the incidents in the city, and their rows."""
    xy = np.column_stack(
        [
            pd.to_numeric(table[c], errors="coerce").to_numpy(np.float64)
            for c in (columns.x, columns.y)
        ]
    )
    known = np.isfinite(xy).all(axis=1)
    if not known.all():
        notes.append(
            f"left out: {(~known).sum():,} rows of {name} without a place, first row {_row(~known)}"
        )
    turned = Transformer.from_crs(columns.crs, 4326, always_xy=True).transform(xy[:, 0], xy[:, 1])
    place = np.column_stack(turned)
    hull = shapely.convex_hull(shapely.MultiPoint(_metres(city, lonlat(city.zones))))
    point = np.where(np.isfinite(place), place, 1e3)
    far = shapely.distance(shapely.points(_metres(city, point)), hull) > _FAR_M
    off = known & far
    if off.any():
        notes.append(
            f"left out: {off.sum():,} rows of {name} farther than {_FAR_M / 1000:g} km from the "
            f"city, first row {_row(off)}"
        )
    near = np.flatnonzero(known & ~far)
    return place[near], near


def _sorted(
    called: pd.DatetimeIndex, table: pd.DataFrame, name: str, notes: list[str]
) -> pd.DatetimeIndex:
    late = np.flatnonzero(np.diff(called.asi8) < 0)
    if len(late):
        notes.append(
            f"sorted by time: row {table.index[late[0] + 1] + 1} of {name} is earlier than the one "
            "before"
        )
    return called[np.argsort(called.asi8, kind="stable")]


def _priorities(
    table: pd.DataFrame, columns: Columns, city: Scenario, name: str
) -> list[str] | None:
    """Return the priority of each incident, None where the log does not tell."""
    if columns.priority is None:
        return None
    known = [priority.name for priority in city.settings.priorities]
    for value, priority in columns.priorities.items():
        if priority not in known:
            raise InputError(
                f"{value!r} is to be {priority!r}, which is no priority of the scenario",
                field="--columns: priorities",
                fix=f"use: {', '.join(known)}",
            )
    found = table[columns.priority].map(columns.priorities)
    if found.isna().any():
        at = int(np.argmax(found.isna()))
        value = table[columns.priority].iloc[at]
        raise InputError(
            f"row {table.index[at] + 1} of {name}: {value!r} is not named",
            field="--columns: priorities",
            fix="give it a priority of the scenario",
        )
    return [str(priority) for priority in found]


def _fitted(
    city: Scenario,
    fit: Fit,
    weight: NDArray[np.float64],
    types: Types,
    work: FittedWork | None,
    source: Path,
) -> Scenario:
    settings = city.settings
    old, total = settings.demand, fit.per_day * fit.days
    demand = old.model_copy(
        update={
            "incidents_per_day": round(fit.per_day, 6),
            "hour_profile": _drawn(fit.hour_profile, old.hour_profile, total),
            "weekday_profile": _drawn(fit.weekday_profile, old.weekday_profile, total),
        }
    )
    priorities = settings.priorities
    if types.priority is not None:
        counts = pd.Series(types.priority).value_counts()
        share = {name: float(count) / len(types.priority) for name, count in counts.items()}
        priorities = [p.model_copy(update={"share": share.get(p.name, 0.0)}) for p in priorities]
    settings = settings.model_copy(update={"demand": demand, "priorities": priorities})
    zones = city.zones.assign(weight=np.round(weight, 6))
    notes = [*city.origin.get("notes", []), f"demand fitted to {source.name}"]
    return replace(
        city,
        settings=with_types(settings, types, work),
        zones=zones,
        origin=city.origin | {"notes": notes},
        settings_text="",
        hash="",
    )


def _drawn(found: NDArray[np.float64], before: list[float], total: float) -> list[float]:
    """Draw a profile to the one before as far as it rests on few incidents."""
    old = np.array(before) / np.mean(before)
    each = total / len(old)
    drawn = (found * each + old * _THIN) / (each + _THIN)
    return [round(float(value), 6) for value in drawn]


def _zones(city: Scenario, place: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the nearest zone of each place."""
    _, zone = KDTree(_metres(city, lonlat(city.zones))).query(_metres(city, place))
    return np.asarray(zone, dtype=np.int64)


def _metres(city: Scenario, place: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return places in metres of a plane that is true around the city."""
    north = np.radians(float(city.zones["lat"].mean()))
    return place * (111_320.0 * np.cos(north), 111_320.0)


def _row(which: NDArray[np.bool_]) -> int:
    return int(np.argmax(which)) + 1


def _said(fit: Fit, strength: float, incidents: int) -> list[str]:
    """Say how well the rates describe the log."""
    meaning: dict[str, Any] = {
        "hours": "counts of the hours of the week follow hour x weekday",
        "days": "counts of days vary as by chance",
        "rescaled": "gaps between incidents are those of a Poisson process",
    }
    lines = [f"{incidents:,} incidents on {fit.days:,} days, {fit.per_day:.4g} a day"]
    for name, test in fit.tests.items():
        p = test["p"]
        verdict = "too few to tell" if np.isnan(p) else f"p = {p:.2g}{', refuted' * (p < 0.01)}"
        lines.append(f"fit: {meaning[name]}: {verdict}")
    prior = (
        "no more than by chance" if np.isinf(strength) else f"prior worth {strength:.3g} incidents"
    )
    lines.append(f"fit: zones differ from the demand assumed before: {prior}")
    return lines


def _work_said(work: FittedWork | None, types: Types, city: Scenario) -> list[str]:
    """Say what durations and transports were fitted, and how well they describe the log."""
    if work is None:
        return []
    lines = []
    kinds = len(work.names)
    for part, label in PARTS.items():
        fitted = getattr(work, part)
        if fitted is None:
            lines.append(f"the log does not tell the {label}, which stays as it was")
            continue
        told = [each for each in fitted[:-1] if not np.isnan(each.p)]
        refuted = sum(each.p < 0.01 for each in told)
        drawn = "" if kinds == 1 else f"; {strength_said(work.strength[part], 'types')}"
        cases, mean_min = fitted[-1].cases, fitted[-1].observed_s / 60
        seen = f"under {SHOWN}" if cases < SHOWN else f"{cases:,}"
        mean = "" if cases < SHOWN else f", mean {mean_min:.1f} min"
        lines.append(
            f"{label}: {seen} cases{mean}{drawn}; distribution refuted for {refuted} of "
            f"{len(told)} that have cases enough"
        )
    found = work.transports
    if found is None:
        lines.append("the log does not tell transports, which stay as they were")
    else:
        drawn = "" if kinds == 1 else f"; {strength_said(found.strength, 'types')}"
        cases = found.cases.sum()
        share = found.transported.sum() / cases
        seen = f"under {SHOWN}" if cases < SHOWN else f"{share:.1%} of {cases:,}"
        lines.append(f"taken to a hospital: {seen} cases{drawn}")
    if not types.told and city.settings.incident_types:
        lines.append(
            "the log tells no types: those of the scenario keep what durations and transports of "
            "their own they have"
        )
    return lines
