"""The incident log of the London Fire Brigade: demand, stations and drives from what happened.

The log tells where each pump came from and how long it took, not where stations are nor
by which roads it came. So each station is put where it explains its pumps' times best, and
drives follow straight lines at one speed, both fitted to the first pump's times.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from pyproj import Transformer
from scipy.optimize import minimize
from scipy.spatial import KDTree

from routing.errors import InputError
from routing.speeds import SpeedTable
from scenarios.demand_fit import fit_times
from scenarios.importers.base import IMPORTERS, Imported, checked_options
from scenarios.importers.elaspy import no_roads
from scenarios.operations import IncidentType, Slot
from scenarios.package import Scenario
from scenarios.rules import default_rules
from scenarios.settings import Settings, Standard, UnitType, parse_settings
from scenarios.travel_matrix import TravelMatrix

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from scenarios.demand_fit import Fit

CELL_M: Final = 1500.0
"""Edge of a demand zone."""

_TIME, _X, _Y = "timestamp_of_call", "easting_rounded", "northing_rounded"
_FIRST, _FROM = "first_pump_arriving_attendance_time", "first_pump_arriving_deployed_from_station"
_SECOND_FROM = "second_pump_arriving_deployed_from_station"
_PUMPS = "num_pumps_attending"
_COLUMNS: Final = (_TIME, _X, _Y, _FIRST, _FROM, _SECOND_FROM, _PUMPS)
_MOST_PUMPS: Final = 4
_ROUNDS: Final = 3
_FEW: Final = 30
_PAIRS: Final = 0.1
_ACROSS_A_CELL: Final = 0.52
"""Mean distance of two places in a square, in edges."""


@dataclass(frozen=True, eq=False)
class Drives:
    """Straight drives fitted to attendance times.

    Parameters
    ----------
    names : list of str
        The stations.
    xy : ndarray of float64, shape (stations, 2)
        Where each one explains its times best, in metres of the log's grid.
    turnout_s, s_per_m : float
        Time before a pump leaves, and by metre of the straight line.
    error_s : float
        Median absolute error of a single attendance time.
    """

    names: list[str]
    xy: NDArray[np.float64]
    turnout_s: float
    s_per_m: float
    error_s: float


@dataclass(frozen=True)
class London:
    """The importer of London's log; see `scenarios.importers.base.Importer`."""

    id: str = "london-v1"

    @property
    def options(self) -> Mapping[str, str]:
        """It takes none."""
        return {}

    def read(self, source: Path, options: Mapping[str, str]) -> Imported:
        """Read the log; see `scenarios.importers.base.Importer.read`.

        Parameters
        ----------
        source : Path
            The CSV file, packed or not, or a folder with one.
        options : mapping of str to str
            None.

        Returns
        -------
        Imported
            A scenario with a travel matrix; the report says how well it fits.

        Raises
        ------
        InputError
            The file is missing or lacks a column, or a time is none.
        """
        checked_options(self, options)
        table = _read(source)
        times = _times(table)
        fit = fit_times(times, "Europe/London")
        attended = table.dropna(subset=[_FIRST, _FROM])
        attended = attended[attended[_FIRST] > 0]
        drives = fit_drives(
            attended[[_X, _Y]].to_numpy(np.float64),
            attended[_FIRST].to_numpy(np.float64),
            attended[_FROM].to_numpy(dtype=object),
        )
        cell = np.floor(table[[_X, _Y]].to_numpy(np.float64) / CELL_M).astype(np.int64)
        cells, counts = np.unique(cell, axis=0, return_counts=True)
        middle = np.asarray((cells + 0.5) * CELL_M, dtype=np.float64)
        matrix = _matrix(middle, drives)
        lonlat, homes = _lonlat(middle), _lonlat(drives.xy)
        ids = [f"S{number + 1}" for number in range(len(drives.names))]
        pumps = _pumps(table, drives.names)
        scenario = Scenario(
            settings=_settings(table, fit, drives),
            network=no_roads(lonlat),
            speeds=SpeedTable.load(),
            stations=pd.DataFrame(
                {"id": ids, "name": drives.names, "lon": homes[:, 0], "lat": homes[:, 1]}
            ),
            hospitals=pd.DataFrame({"id": [], "name": [], "lon": [], "lat": []}),
            units=pd.DataFrame(
                {
                    "id": [
                        f"{i}-{n + 1}" for i, k in zip(ids, pumps, strict=True) for n in range(k)
                    ],
                    "type": "pump",
                    "station": [i for i, k in zip(ids, pumps, strict=True) for _ in range(k)],
                }
            ),
            zones=pd.DataFrame(
                {
                    "id": [f"{x}-{y}" for x, y in cells],
                    "lon": lonlat[:, 0],
                    "lat": lonlat[:, 1],
                    "weight": counts.astype(np.float64),
                    "district": "",
                }
            ),
            matrix=matrix,
            origin={"notes": ["London Fire Brigade incident log, Open Government Licence"]},
        )
        own = attended[_FIRST]
        report: dict[str, Any] = {
            "incidents": len(table),
            "log_median_s": float(own.median()),
            "log_mean_s": float(own.mean()),
            "turnout_s": drives.turnout_s,
            "kmh_straight": 3.6 / drives.s_per_m,
            "median_error_s": drives.error_s,
            "fit": {
                k: {a: None if pd.isna(b) else b for a, b in t.items()}
                for k, t in fit.tests.items()
            },
        }
        kmh = 3.6 / drives.s_per_m
        notes = (
            f"first pumps of the log: median {own.median():.0f} s, mean {own.mean():.0f} s",
            f"drives: {drives.turnout_s:.0f} s, then {kmh:.1f} km/h along straight lines",
            f"stations stand where that fits best; median error {drives.error_s:.0f} s",
            "pumps of a station: two where it sends pairs; time on scene is an assumption",
        )
        return Imported(scenario, "closest-idle-v1", notes, report)


LONDON: Final = London()
"""The importer of London's log."""

IMPORTERS.register(LONDON.id, LONDON)


def fit_drives(
    xy: NDArray[np.float64], seconds: NDArray[np.float64], station: NDArray[Any]
) -> Drives:
    """Fit stations' places and one straight-line speed to attendance times.

    In turns: the speed by least absolute deviations given the places, and each place given
    the speed. Absolute deviations, since a log has times of hours that no drive explains.

    Parameters
    ----------
    xy : ndarray of float64, shape (n, 2)
        Where pumps arrived, metres.
    seconds : ndarray of float64, shape (n,)
        How long they took.
    station : ndarray of object, shape (n,)
        Where they came from.

    Returns
    -------
    Drives
        The fit; stations with fewer than thirty drives are left out.

    Raises
    ------
    InputError
        No station has as many.
    """
    names, row, count = np.unique(station.astype(str), return_inverse=True, return_counts=True)
    kept = np.flatnonzero(count >= _FEW)
    if len(kept) == 0:
        raise InputError(f"no station has {_FEW} drives", field="SOURCE")
    of = {int(k): np.flatnonzero(row == k) for k in kept}
    # to begin with, a station is where its fastest fifth arrived
    place = np.array(
        [
            np.median(xy[i[np.argsort(seconds[i], kind="stable")[: len(i) // 5]]], axis=0)
            for i in of.values()
        ]
    )
    rows = np.concatenate(list(of.values()))
    at = np.repeat(np.arange(len(of)), [len(i) for i in of.values()])
    line = np.array([100.0, 0.1])
    for _ in range(_ROUNDS):
        metres = np.hypot(*(xy[rows] - place[at]).T)
        line = _least_absolute(metres, seconds[rows], line)
        for station_row, mine in enumerate(of.values()):
            place[station_row] = _placed(xy[mine], seconds[mine], place[station_row], line)
    metres = np.hypot(*(xy[rows] - place[at]).T)
    line = _least_absolute(metres, seconds[rows], line)
    error = np.abs(line[0] + line[1] * metres - seconds[rows])
    return Drives(
        [str(names[k]) for k in kept],
        place,
        float(line[0]),
        float(line[1]),
        float(np.median(error)),
    )


def _least_absolute(
    metres: NDArray[np.float64], seconds: NDArray[np.float64], start: NDArray[np.float64]
) -> NDArray[np.float64]:
    def error(line: NDArray[np.float64]) -> float:
        return float(np.abs(line[0] + line[1] * metres - seconds).mean())

    found = minimize(error, start, method="Nelder-Mead")
    return np.maximum(np.asarray(found.x, dtype=np.float64), (0.0, 1e-3))


def _placed(
    xy: NDArray[np.float64],
    seconds: NDArray[np.float64],
    start: NDArray[np.float64],
    line: NDArray[np.float64],
) -> NDArray[np.float64]:
    def error(at: NDArray[np.float64]) -> float:
        return float(np.abs(line[0] + line[1] * np.hypot(*(xy - at).T) - seconds).mean())

    around = start + np.array([[0.0, 0.0], [300.0, 0.0], [0.0, 300.0]])
    found = minimize(
        error, start, method="Nelder-Mead", options={"initial_simplex": around, "xatol": 10.0}
    )
    return np.asarray(found.x, dtype=np.float64)


def _matrix(middle: NDArray[np.float64], drives: Drives) -> TravelMatrix:
    metres = np.hypot(*(middle[:, None] - middle[None]).transpose(2, 0, 1))
    np.fill_diagonal(metres, _ACROSS_A_CELL * CELL_M)
    seconds = metres * drives.s_per_m
    _, home = KDTree(middle).query(drives.xy)
    return TravelMatrix(
        siren_s=seconds,
        normal_s=seconds,
        metres=metres,
        zone_xy=middle,
        station_zone=np.asarray(home, dtype=np.int32),
        hospital_zone=np.zeros(0, dtype=np.int32),
    )


def _pumps(table: pd.DataFrame, names: list[str]) -> list[int]:
    """Count pumps: two where a tenth of a station's pairs or more are both its own."""
    two = table.dropna(subset=[_FROM, _SECOND_FROM])
    own = (two[_FROM] == two[_SECOND_FROM]).groupby(two[_FROM]).mean()
    return [2 if own.get(name, 0.0) >= _PAIRS else 1 for name in names]


def _settings(table: pd.DataFrame, fit: Fit, drives: Drives) -> Settings:
    standard = Standard(
        name="10 minutes",
        start="dispatch",
        limit_s=600,
        share=0.9,
        source="London Fire Brigade: first engine within ten minutes in nine of ten",
    )
    text = default_rules("London", "Europe/London", round(fit.per_day, 6), "Fitted.", [standard])
    rules = parse_settings(text, "scenario.toml")
    pumps = table[_PUMPS].fillna(1).clip(1, _MOST_PUMPS).astype(int).value_counts(normalize=True)
    priority = rules.priorities[0].model_copy(
        update={"name": "call", "share": 1.0, "needs": ["pump"], "transported": 0.0}
    )
    types = [
        IncidentType(
            name=f"{number} pump{'s' * (number > 1)}",
            priority="call",
            weight=float(share),
            response=[[Slot(needs=["pump"], transports=False)] * number],
        )
        for number, share in sorted((int(str(n)), share) for n, share in pumps.items())
    ]
    profiles = {
        "hour_profile": [round(float(v), 6) for v in fit.hour_profile],
        "weekday_profile": [round(float(v), 6) for v in fit.weekday_profile],
    }
    start = datetime(2017, 1, 2, tzinfo=UTC)
    changed = rules.model_copy(
        update={
            "horizon": rules.horizon.model_copy(update={"start": start}),
            "demand": rules.demand.model_copy(update=profiles),
            "priorities": [priority],
            "incident_types": types,
            "unit_types": {"pump": UnitType(capabilities=["pump"], turnout_s=drives.turnout_s)},
        }
    )
    return Settings.model_validate(changed.model_dump())


def _read(source: Path) -> pd.DataFrame:
    path = source
    if source.is_dir():
        found = [p for p in sorted(source.glob("*.csv*")) if p.is_file()]
        if len(found) != 1:
            raise InputError(f"{source} has {len(found)} CSV files", field="SOURCE", fix="name one")
        path = found[0]
    try:
        table = pd.read_csv(path, usecols=lambda name: name in _COLUMNS)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}", field="SOURCE") from error
    except ValueError as error:
        raise InputError(f"{path} is no CSV table ({error})", field="SOURCE") from error
    lacking = [name for name in _COLUMNS if name not in table.columns]
    if lacking or len(table) == 0:
        what = f"has no column {lacking[0]!r}" if lacking else "has no row"
        raise InputError(f"{path.name} {what}", field="SOURCE", fix="give London's incident log")
    return table


def _times(table: pd.DataFrame) -> pd.DatetimeIndex:
    local = pd.to_datetime(table[_TIME], errors="coerce")
    if local.isna().any():
        row = int(np.argmax(local.isna()))
        raise InputError(f"row {row + 1}: {table[_TIME].iloc[row]!r} is no time", field=_TIME)
    summer = np.ones(len(local), dtype=np.bool_)
    index = pd.DatetimeIndex(local).tz_localize(
        "Europe/London", ambiguous=summer, nonexistent="shift_forward"
    )
    return pd.DatetimeIndex(index.tz_convert("UTC").sort_values())


def _lonlat(xy: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return lon, lat of coordinates of the British national grid (EPSG:27700)."""
    lon, lat = Transformer.from_crs(27700, 4326, always_xy=True).transform(xy[:, 0], xy[:, 1])
    return np.column_stack([lon, lat])
