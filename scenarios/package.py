"""A scenario in memory; see `scenarios.packaging` for its folder on disk."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from scenarios.toml import toml_tables, toml_value

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from routing.network import RoadNetwork
    from routing.speeds import SpeedTable
    from scenarios.demand import IncidentTable
    from scenarios.operations import Shift
    from scenarios.settings import Settings
    from scenarios.travel_matrix import TravelMatrix


@dataclass(frozen=True, eq=False)
class Scenario:
    """A city, its fleet and its demand.

    Parameters
    ----------
    settings : Settings
        Rules, processes, standards, horizon.
    network : RoadNetwork
        The roads.
    speeds : SpeedTable
        Speeds by highway class.
    stations, hospitals : DataFrame
        Columns ``id, name, lon, lat``; hospitals may have ``capabilities, bays``, see
        `scenarios.hospitals`.
    units : DataFrame
        Columns ``id, type, station``; `type` is one of the settings' unit types,
        `station` a station id.
    zones : DataFrame
        Columns ``id, lon, lat, weight, district``: where incidents happen and how
        often against each other.
    matrix : TravelMatrix, optional
        Drives between zones, in place of the roads.
    incidents : IncidentTable, optional
        The incidents, where they are given; else they are drawn.
    hash : str
        Content hash of the folder it was read from; empty for one made in memory.
    location : str
        Where it was read from: a bundled name or a path. Not part of its content.
    settings_text : str
        ``scenario.toml`` word for word, so that comments survive; written out again as
        long as it still says what `settings` holds.
    origin : dict
        Where the data came from, for ``datapackage.json``: ``licenses``, ``sources``
        and ``notes``. Not part of its content.
    hospital_policy : str
        Id of the hospital policy that was asked for in place of that of `settings`; empty
        for none. Not part of its content; see `scenarios.hospitals.choosing`.
    """

    settings: Settings
    network: RoadNetwork
    speeds: SpeedTable
    stations: pd.DataFrame
    hospitals: pd.DataFrame
    units: pd.DataFrame
    zones: pd.DataFrame
    matrix: TravelMatrix | None = None
    incidents: IncidentTable | None = None
    hash: str = ""
    location: str = ""
    settings_text: str = ""
    origin: dict[str, Any] = field(default_factory=dict)
    hospital_policy: str = ""

    @cached_property
    def unit_station(self) -> NDArray[np.int32]:
        """Row in `stations` of each unit's home, shape (units,)."""
        rows = {identifier: row for row, identifier in enumerate(self.stations["id"])}
        return np.array([rows[s] for s in self.units["station"]], dtype=np.int32)

    @cached_property
    def zone_weight(self) -> NDArray[np.float64]:
        """Share of all demand in each zone, shape (zones,), adding up to 1."""
        weight: NDArray[np.float64] = self.zones["weight"].to_numpy(np.float64)
        return weight / float(weight.sum())

    def with_fleet(self, stations: pd.DataFrame, units: pd.DataFrame) -> Scenario:
        """Return the same city with other stations and units.

        Parameters
        ----------
        stations, units : DataFrame
            As the attributes of these names.

        Returns
        -------
        Scenario
            A new scenario, with no hash until it is saved.
        """
        return replace(self, stations=stations, units=units, hash="")

    def renamed(self, name: str) -> Scenario:
        """Return the same city under another name.

        Parameters
        ----------
        name : str
            The name; what is beyond a hundred characters is left out.

        Returns
        -------
        Scenario
            A new scenario; the comments of its rules survive.
        """
        old, new = (f"name = {toml_value(n)}\n" for n in (self.settings.name, name[:100]))
        return replace(
            self,
            settings=self.settings.model_copy(update={"name": name[:100]}),
            settings_text=self.settings_text.replace(old, new, 1),
            hash="",
        )

    def with_shifts(self, shifts: Sequence[Shift]) -> Scenario:
        """Return the same city with further shifts, in place of those of the same names.

        Parameters
        ----------
        shifts : sequence of Shift
            What units may name in their column ``shift``.

        Returns
        -------
        Scenario
            A new scenario, or this one where there are none; the comments of its rules
            survive unless shifts are replaced.
        """
        if not shifts:
            return self
        names = {shift.name for shift in shifts}
        kept = [shift for shift in self.settings.shifts if shift.name not in names]
        tables = toml_tables("shifts", [each.model_dump(mode="json") for each in shifts])
        own = "shifts" not in self.settings_text or "[[shifts]]" in self.settings_text
        return replace(
            self,
            settings=self.settings.model_copy(update={"shifts": [*kept, *shifts]}),
            settings_text=f"{self.settings_text}\n{tables}" if self.settings_text and own else "",
            hash="",
        )


def lonlat(table: pd.DataFrame) -> NDArray[np.float64]:
    """Return the places of a table.

    Parameters
    ----------
    table : DataFrame
        With columns ``lon`` and ``lat``.

    Returns
    -------
    ndarray of float64, shape (rows, 2)
        Lon, lat in degrees.
    """
    return table[["lon", "lat"]].to_numpy(np.float64)
