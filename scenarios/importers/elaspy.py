"""Folders of the ambulance simulator ELASPY: given calls, a matrix of drives, the bases.

Its rules, which the scenario and the policy ``closest-v1`` carry out: the closest unit is
sent, those on their way home included, of equals the lowest number; a unit on its way
home is on the straight line between the ends of its drive and counts as at the nearest
postal code; without siren drives take longer by a fixed factor; a freed unit takes the
patient who waits longest, else drives home.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from pyproj import Transformer

from routing.errors import InputError
from routing.network import RoadNetwork
from routing.speeds import SpeedTable
from scenarios.demand import DAY_MS, IncidentTable
from scenarios.importers.base import IMPORTERS, Imported, checked_options
from scenarios.package import Scenario
from scenarios.rules import default_rules
from scenarios.settings import Settings, Standard, parse_settings
from scenarios.travel_matrix import TravelMatrix

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

NO_SIREN: Final = 0.95
"""Speed without siren over speed with it, as in that simulator."""

_MINUTE_MS: Final = 60_000
_STREAMS: Final = {
    "interarrival": "interarrival_times",
    "on_scene": "on_site_aid_times",
    "handover": "drop_off_times",
    "transported": "to_hospital_bool",
    "zone": "location_IDs",
}


@dataclass(frozen=True)
class Elaspy:
    """The importer of ELASPY's folders; see `scenarios.importers.base.Importer`."""

    id: str = "elaspy-v1"

    @property
    def options(self) -> Mapping[str, str]:
        """The options that it takes, and what each one means."""
        return {
            "case": "which input streams: the end of their names, such as diesel_3",
            "allocation": "CSV with columns Ambulance, Base: where each unit is at home",
        }

    def read(self, source: Path, options: Mapping[str, str]) -> Imported:
        """Read a folder of that simulator; see `scenarios.importers.base.Importer.read`.

        Parameters
        ----------
        source : Path
            The folder, with its base tables, and ``cases`` below it or in it.
        options : mapping of str to str
            ``case`` and ``allocation``, both needed.

        Returns
        -------
        Imported
            A scenario with a travel matrix and given incidents.

        Raises
        ------
        InputError
            A file is missing or wrong.
        """
        given = checked_options(self, options)
        for name, meaning in self.options.items():
            if not given.get(name):
                raise InputError(f"format {self.id} needs it", field=f"--{name}", fix=meaning)
        nodes = _table(_one(source, "nodes_*.csv"), ("postal code", "x", "y", "inhabitants"))
        codes = nodes["postal code"].astype(int).tolist()
        row = {code: number for number, code in enumerate(codes)}
        bases = _codes(_one(source, "*base_locations*.csv"), "Base Locations", row)
        hospitals = _codes(_one(source, "Hospital_Postal_Codes*.csv"), "Hospital", row)
        allocation = _allocation(source, given["allocation"])
        homes = _codes(allocation, "Base", row)
        siren = _square(_one(source, "siren_driving_matrix*.csv"), codes)
        metres = _square(_one(source, "distance_matrix*.csv"), codes) * 1000
        # a unit may be based elsewhere than at the bases listed
        stations = list(dict.fromkeys([*bases, *homes]))
        matrix = TravelMatrix(
            siren_s=siren * 60,
            normal_s=siren / NO_SIREN * 60,
            metres=metres,
            zone_xy=nodes[["x", "y"]].to_numpy(np.float64),
            station_zone=np.array(stations, dtype=np.int32),
            hospital_zone=np.array(hospitals, dtype=np.int32),
        )
        lonlat = _lonlat(matrix.zone_xy)
        incidents = _incidents(source, given["case"], row)
        days = max(1, math.ceil((incidents.call_ms.max(initial=0) + 1) / DAY_MS))
        scenario = Scenario(
            settings=_settings(given["case"], days, incidents.size / days),
            network=no_roads(lonlat),
            speeds=SpeedTable.load(),
            stations=_places(stations, codes, lonlat, "B"),
            hospitals=_places(hospitals, codes, lonlat, "H"),
            units=pd.DataFrame(
                {
                    "id": [f"A{number}" for number in range(len(homes))],
                    "type": "ambulance",
                    "station": [f"B{codes[home]}" for home in homes],
                }
            ),
            zones=pd.DataFrame(
                {
                    "id": [str(code) for code in codes],
                    "lon": lonlat[:, 0],
                    "lat": lonlat[:, 1],
                    "weight": nodes["inhabitants"].to_numpy(np.float64),
                    "district": "",
                }
            ),
            matrix=matrix,
            incidents=incidents,
            origin={"notes": [f"ELASPY, case {given['case']}, {allocation.name}"]},
        )
        return Imported(scenario, "closest-v1", ("batteries and charging are left out",))


ELASPY: Final = Elaspy()
"""The importer of ELASPY's folders."""

IMPORTERS.register(ELASPY.id, ELASPY)


def _one(folder: Path, pattern: str) -> Path:
    found = sorted(path for path in folder.glob(pattern) if path.is_file())
    if len(found) != 1:
        raise InputError(
            f"{folder} has {len(found)} files {pattern}", field="SOURCE", fix="it needs one"
        )
    return found[0]


def _table(path: Path, columns: tuple[str, ...] = ()) -> pd.DataFrame:
    try:
        table = pd.read_csv(path, encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"{path} is no CSV table ({error})") from error
    for column in columns:
        if column not in table.columns:
            raise InputError(f"no column {column!r}", field=path.name)
    return table


def _codes(path: Path, column: str, row: Mapping[int, int]) -> list[int]:
    values = _table(path, (column,))[column]
    return _rows_of(values, row, f"{path.name}, {column}")


def _rows_of(values: pd.Series[Any], row: Mapping[int, int], field: str) -> list[int]:
    found = []
    for number, value in enumerate(pd.to_numeric(values, errors="coerce"), start=1):
        if math.isnan(value) or int(value) not in row:
            raise InputError(
                f"row {number}: {values.iloc[number - 1]} is no postal code of the nodes table",
                field=field,
            )
        found.append(row[int(value)])
    return found


def _allocation(source: Path, given: str) -> Path:
    named = source / given
    path = named if named.is_file() else source.__class__(given)
    if not path.is_file():
        raise InputError(f"there is no file {given!r}, here or in {source}", field="--allocation")
    return path


def _square(path: Path, codes: list[int]) -> NDArray[np.float64]:
    table = _table(path).set_index("postal code")
    try:
        values = table.rename(columns=int).loc[codes, codes].to_numpy(np.float64)
    except (KeyError, ValueError) as error:
        raise InputError(
            f"{path.name} is not a table of all postal codes to all ({error})", field="SOURCE"
        ) from error
    return np.ascontiguousarray(values)


def _incidents(source: Path, case: str, row: Mapping[int, int]) -> IncidentTable:
    folder = source / "cases" if (source / "cases").is_dir() else source
    columns: dict[str, pd.Series[Any]] = {}
    for name, start in _STREAMS.items():
        found = [
            path
            for path in sorted(folder.glob(f"{start}*.csv"))
            if path.stem.endswith(f"_{case}") or path.stem == start
        ]
        if len(found) != 1:
            cases = sorted(
                {p.stem.removeprefix(f"{start}_") for p in folder.glob(f"{start}_*.csv")}
            )
            raise InputError(
                f"{folder} has {len(found)} files {start}*_{case}.csv",
                field="--case",
                fix=f"name one of: {', '.join(cases) or 'none found'}",
            )
        columns[name] = _table(found[0]).iloc[:, -1]
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) != 1:
        raise InputError(f"its streams differ in length: {lengths}", field="--case")
    zone = np.array(_rows_of(columns["zone"], row, "location_IDs"), dtype=np.int32)
    transported = columns["transported"].astype(str).isin({"True", "1", "1.0"}).to_numpy(np.bool_)
    none = np.zeros(len(zone), dtype=np.int32)
    handover_ms = _minutes(columns["handover"], "drop_off_times") * _MINUTE_MS
    return IncidentTable(
        call_ms=np.cumsum(_minutes(columns["interarrival"], "interarrival_times")) * _MINUTE_MS,
        zone=zone,
        priority=none,
        type=none,
        transported=transported,
        processing_ms=np.zeros(len(zone)),
        on_scene_ms=_minutes(columns["on_scene"], "on_site_aid_times") * _MINUTE_MS,
        handover_ms=np.where(transported, handover_ms, 0.0),
    )


def _minutes(values: pd.Series[Any], field: str) -> NDArray[np.float64]:
    minutes = pd.to_numeric(values, errors="coerce").to_numpy(np.float64)
    wrong = np.flatnonzero(~(minutes >= 0))
    if len(wrong):
        raise InputError(
            f"{values.iloc[wrong[0]]!r} is no time",
            field=f"{field}, row {wrong[0] + 1}",
            fix="give minutes, 0 or more",
        )
    return minutes


def _settings(case: str, days: int, per_day: float) -> Settings:
    standards = [
        Standard(name=f"{minutes} minutes", limit_s=60 * minutes, share=0.95, source="ELASPY")
        for minutes in (12, 15)
    ]
    text = default_rules(f"ELASPY {case}", "UTC", round(per_day, 6), "As given.", standards)
    rules = parse_settings(text, "scenario.toml")
    whole = rules.priorities[0].model_copy(
        update={"share": 1.0, "transport_siren": True, "name": "emergency"}
    )
    still = rules.process.call_processing.model_copy(
        update={"distribution": "constant", "mean_s": 0.0, "cv": 0.0}
    )
    start = datetime(2021, 1, 4, tzinfo=UTC)
    ambulance = rules.unit_types["ambulance"].model_copy(update={"turnout_s": 0.0})
    return rules.model_copy(
        update={
            "horizon": rules.horizon.model_copy(update={"days": float(days), "start": start}),
            "priorities": [whole],
            "process": rules.process.model_copy(update={"call_processing": still}),
            "unit_types": {"ambulance": ambulance},
        }
    )


def _lonlat(xy: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return lon, lat of coordinates of the Dutch national grid (EPSG:28992)."""
    lon, lat = Transformer.from_crs(28992, 4326, always_xy=True).transform(xy[:, 0], xy[:, 1])
    return np.column_stack([lon, lat])


def _places(
    rows: list[int], codes: list[int], lonlat: NDArray[np.float64], letter: str
) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "id": [f"{letter}{codes[row]}" for row in rows],
            "name": [str(codes[row]) for row in rows],
            "lon": lonlat[rows, 0],
            "lat": lonlat[rows, 1],
        }
    )


def no_roads(lonlat: NDArray[np.float64]) -> RoadNetwork:
    """Return places as junctions without a road.

    Parameters
    ----------
    lonlat : ndarray of float64, shape (places, 2)
        Lon, lat in degrees.

    Returns
    -------
    RoadNetwork
        A network without arcs.
    """
    empty = np.zeros(0, dtype=np.int32)
    return RoadNetwork(
        node_osm=np.zeros(len(lonlat), dtype=np.int64),
        node_e7=np.rint(lonlat * 1e7).astype(np.int32),
        arc_tail=empty,
        arc_head=empty,
        arc_twin=empty,
        arc_vertex_ptr=np.zeros(1, dtype=np.int32),
        vertex_e7=np.zeros((0, 2), dtype=np.int32),
        vertex_way=empty,
        way_osm=np.zeros(0, dtype=np.int64),
        way_class=empty,
        way_maxspeed=np.zeros(0, dtype=np.float32),
        way_name=empty,
        class_names=(),
        names=(),
    )
