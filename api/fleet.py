"""The units of a request: their names mean something in this scenario."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from api.problems import unknown_name
from api.schemas import FieldProblem
from engine.fleet import FMS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from api.city import City
    from api.schemas import Unit


class Fleet:
    """What units can do, where they belong, and how long their crews take to leave.

    Parameters
    ----------
    city : City
        The city.
    units : sequence of Unit
        The units.
    time : datetime or None
        When; None for now.
    problems : list of FieldProblem
        What is wrong with them is added here.
    """

    def __init__(
        self,
        city: City,
        units: Sequence[Unit],
        time: datetime | None,
        problems: list[FieldProblem],
    ) -> None:
        scenario = city.scenario
        kinds = scenario.settings.unit_types
        home_types = dict(zip(scenario.units["id"], scenario.units["type"], strict=True))
        self.units = units
        self.types: list[str] = []
        for row, unit in enumerate(units):
            name = unit.type or home_types.get(unit.id)
            if name is not None and name not in kinds:
                problems.append(unknown_name(f"units[{row}].type", name, kinds))
            self.types.append(name if name in kinds else next(iter(kinds)))
        self.skills = [
            set(kinds[name].capabilities if unit.capabilities is None else unit.capabilities)
            for name, unit in zip(self.types, units, strict=True)
        ]
        self.known_skills = {skill for kind in kinds.values() for skill in kind.capabilities}
        self.known_skills.update(*self.skills)
        self.station = _stations(city, units, problems)
        _check_repeats(units, problems)
        self.moment = city.outlook.moment(time or datetime.now(UTC))
        turnout_s = [city.outlook.turnout_s(kinds[name], self.moment.hour) for name in self.types]
        self.turnout_ms = np.rint(np.array(turnout_s, np.float64) * 1000).astype(np.int64)
        self.status = [_in_force(unit) for unit in units]
        self.free: NDArray[np.bool_] = FMS.free(FMS.checked(self.status))
        self.rests: NDArray[np.bool_] = FMS.at_station(FMS.checked(self.status))
        self.base = np.where(self.free, np.array(self.station, dtype=np.int64), -1)

    def able(self, needs: Sequence[Sequence[str]]) -> NDArray[np.bool_]:
        """Tell which units can do what.

        Parameters
        ----------
        needs : sequence of sequences of str
            Capabilities.

        Returns
        -------
        ndarray of bool, shape (needs, units)
            True where the unit has all of them.
        """
        found = [[set(need) <= skills for skills in self.skills] for need in needs]
        return np.array(found, np.bool_).reshape(len(needs), len(self.units))


def _stations(city: City, units: Sequence[Unit], problems: list[FieldProblem]) -> list[int]:
    scenario = city.scenario
    names: list[str] = scenario.stations["id"].tolist()
    home = dict(zip(scenario.units["id"], scenario.unit_station.tolist(), strict=True))
    found = []
    for row, unit in enumerate(units):
        if unit.station is None:
            nearest = city.outlook.nearest_station
            found.append(home[unit.id] if unit.id in home else nearest(unit.lon, unit.lat))
        elif unit.station in names:
            found.append(names.index(unit.station))
        else:
            problems.append(unknown_name(f"units[{row}].station", unit.station, names))
            found.append(-1)
    return found


def _check_repeats(units: Sequence[Unit], problems: list[FieldProblem]) -> None:
    first: dict[str, int] = {}
    for row, unit in enumerate(units):
        if first.setdefault(unit.id, row) != row:
            problems.append(
                FieldProblem(
                    field=f"units[{row}].id",
                    value=unit.id,
                    message=f"stands in units[{first[unit.id]}] too",
                    fix="name each unit once",
                )
            )


def _in_force(unit: Unit) -> int:
    if unit.previous_status is None:
        return unit.status
    return FMS.in_force(unit.status, unit.previous_status)
