"""Logs of incidents: demand fitted to what happened, in a city that is there already."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import numpy as np
import pandas as pd
import shapely
from pydantic import Field, ValidationError
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError
from scipy.spatial import KDTree

from routing.errors import InputError
from scenarios.demand_fit import Fit, fit_times, zone_weights
from scenarios.importers.base import IMPORTERS, Imported, checked_options
from scenarios.package import lonlat
from scenarios.packaging import load_scenario
from scenarios.schema import Model, Name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from scenarios.package import Scenario

_FAR_M: Final = 2000.0
"""So far beyond the outermost zones an incident still counts for the nearest one."""

_THIN: Final = 1.0
"""Incidents for each hour and weekday that the profiles before count for."""


class Columns(Model):
    """Which column of a log means what: a TOML file.

    `time` is read by `format` (as Python's ``strptime``), else as ISO 8601; where it says no
    offset it is local time of `timezone`. `x` and `y` are coordinates of `crs`, in the order
    east, north; without `crs` lon and lat. `priority` is a column whose values `priorities`
    turns into names of the scenario's priorities.
    """

    time: Name
    x: Name
    y: Name
    format: str | None = None
    timezone: Name = "UTC"
    crs: Name = "EPSG:4326"
    priority: Name | None = None
    priorities: Annotated[dict[str, Name], Field(max_length=1000)] = Field(default_factory=dict)


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

        Only times, places and priorities are read; nothing of a single incident is kept.

        Parameters
        ----------
        source : Path
            A CSV file, one row an incident.
        options : mapping of str to str
            ``columns`` and ``scenario``, both needed.

        Returns
        -------
        Imported
            The scenario with the log's demand; the report says how well it fits.

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
        table = _table(source, columns)
        notes: list[str] = []
        place, near = _places(table, columns, city, source.name, notes)
        if len(near) == 0:
            raise InputError(f"no incident of {source.name} lies in the city", field="SOURCE")
        table = table.iloc[near]
        times, order = _times(table, columns, source.name, notes)
        fit = fit_times(times, city.settings.horizon.timezone)
        counts = np.bincount(_zones(city, place), minlength=len(city.zones))
        weight, strength = zone_weights(counts, city.zones["weight"].to_numpy(np.float64))
        shares = _shares(table.iloc[order], columns, city, source.name)
        notes += _said(fit, strength, len(times))
        report = {
            "incidents": len(times),
            "per_day": fit.per_day,
            "days": fit.days,
            "zone_prior_strength": None if np.isinf(strength) else strength,
            "fit": {
                name: {key: None if pd.isna(value) else value for key, value in test.items()}
                for name, test in fit.tests.items()
            },
        }
        return Imported(
            _fitted(city, fit, weight, shares, source), "closest-v1", tuple(notes), report
        )


INCIDENT_LOG: Final = IncidentLog()
"""The importer of incident logs."""

IMPORTERS.register(INCIDENT_LOG.id, INCIDENT_LOG)


def read_columns(path: Path) -> Columns:
    """Read what the columns of a log mean.

    Parameters
    ----------
    path : Path
        A TOML file.

    Returns
    -------
    Columns
        Its content.

    Raises
    ------
    InputError
        It cannot be read, or a key is missing, unknown or wrong.
    """
    try:
        columns = Columns.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
        CRS.from_user_input(columns.crs)
        pd.Timestamp(0, tz="UTC").tz_convert(columns.timezone)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        raise InputError(f"{first['msg']} (in {path})", field=f"--columns: {key}") from error
    except CRSError as error:
        raise InputError(
            f"{columns.crs!r} is no coordinate system",
            field="--columns: crs",
            fix="write EPSG:27700",
        ) from error
    except (OSError, ValueError, LookupError) as error:
        raise InputError(
            f"cannot read {path} ({error})",
            field="--columns",
            fix='write TOML: time = "...", x = "...", y = "..."',
        ) from error
    return columns


def _table(source: Path, columns: Columns) -> pd.DataFrame:
    wanted = [c for c in (columns.time, columns.x, columns.y, columns.priority) if c is not None]
    try:
        head = pd.read_csv(source, nrows=0, encoding="utf-8-sig").columns
        for column in wanted:
            if column not in head:
                raise InputError(
                    f"{source.name} has no column {column!r}",
                    field="--columns",
                    fix=f"it has: {', '.join(str(name) for name in head[:40])}",
                )
        table = pd.read_csv(
            source, usecols=list(dict.fromkeys(wanted)), dtype=str, encoding="utf-8-sig"
        )
    except OSError as error:
        raise InputError(f"cannot read {source}: {error.strerror}", field="SOURCE") from error
    except (ValueError, pd.errors.ParserError) as error:
        raise InputError(f"{source} is no CSV table ({error})", field="SOURCE") from error
    if len(table) == 0:
        raise InputError(f"{source.name} has no row", field="SOURCE")
    return table


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


def _times(
    table: pd.DataFrame, columns: Columns, name: str, notes: list[str]
) -> tuple[pd.DatetimeIndex, NDArray[np.int64]]:
    """Return when incidents were, ascending, and their order; UTC."""
    texts = table[columns.time]
    parsed = pd.to_datetime(texts, format=columns.format or "ISO8601", errors="coerce", utc=False)
    if parsed.isna().any() or parsed.dtype == object:
        row = int(np.argmax(parsed.isna()))
        raise InputError(
            f"row {table.index[row] + 1} of {name}: {texts.iloc[row]!r} is no time",
            field=f"--columns: {'format' if columns.format else 'time'}",
            fix='give format = "%d/%m/%Y %H:%M:%S" or the like; offsets in all rows or in none',
        )
    index = pd.DatetimeIndex(parsed)
    if index.tz is None:
        index = _localized(index, table, columns, name, notes)
    index = index.tz_convert("UTC")
    late = np.flatnonzero(np.diff(index.asi8) < 0)
    if len(late):
        notes.append(
            f"sorted by time: row {table.index[late[0] + 1] + 1} of {name} is earlier than the one "
            "before"
        )
    order = np.argsort(index.asi8, kind="stable")
    return index[order], order


def _localized(
    index: pd.DatetimeIndex, table: pd.DataFrame, columns: Columns, name: str, notes: list[str]
) -> pd.DatetimeIndex:
    """Tell what local times without an offset mean, and where they mean nothing or two things."""
    row = table.index.to_numpy() + 1
    summer, winter = (np.full(len(index), flag, dtype=np.bool_) for flag in (True, False))
    first = index.tz_localize(columns.timezone, ambiguous=summer, nonexistent="NaT")
    second = index.tz_localize(columns.timezone, ambiguous=winter, nonexistent="NaT")
    gone = np.asarray(first.isna())
    if gone.any():
        notes.append(
            f"{gone.sum():,} rows are in an hour that clocks left out, first row "
            f"{row[np.argmax(gone)]} of {name}: taken as its end"
        )
    twice = ~gone & np.asarray(first != second)
    if twice.any():
        notes.append(
            f"{twice.sum():,} rows are in an hour that clocks showed twice, first row "
            f"{row[np.argmax(twice)]} of {name}: taken as the first of both"
        )
    return index.tz_localize(columns.timezone, ambiguous=summer, nonexistent="shift_forward")


def _shares(
    table: pd.DataFrame, columns: Columns, city: Scenario, name: str
) -> dict[str, float] | None:
    """Return the share of each priority, None where the log does not tell."""
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
    counts = found.value_counts()
    return {priority: float(counts.get(priority, 0)) / len(found) for priority in known}


def _fitted(
    city: Scenario,
    fit: Fit,
    weight: NDArray[np.float64],
    shares: dict[str, float] | None,
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
    if shares is not None:
        priorities = [p.model_copy(update={"share": shares[p.name]}) for p in priorities]
    zones = city.zones.assign(weight=np.round(weight, 6))
    notes = [*city.origin.get("notes", []), f"demand fitted to {source.name}"]
    return replace(
        city,
        settings=settings.model_copy(update={"demand": demand, "priorities": priorities}),
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
