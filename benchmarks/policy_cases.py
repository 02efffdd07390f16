"""Standard scenarios: cities at three loads and in a surge, on which policies are compared."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from scenarios.importers import IMPORTERS
from scenarios.operations import Disturbance
from scenarios.packaging import load_scenario
from scenarios.simulation.tables import build_tables
from scenarios.terrain import terrain_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from scenarios.package import Scenario
    from scenarios.simulation.tables import Tables

LOADS: Final = {"light": 0.2, "usual": 0.35, "heavy": 0.5}
"""Share of time that a unit is busy, in a pilot run in which the closest unit goes."""
SURGE: Final = "surge"
"""The usual load, three times as much of it for six hours of the second day."""

_FACTOR: Final = 3.0
_BEGIN_H: Final = 30.0
_END_H: Final = 36.0
_HOUR_MS: Final = 3_600_000


@dataclass(frozen=True)
class City:
    """A city of the standard scenarios.

    Parameters
    ----------
    name : str
        What to call it.
    read : callable
        Makes its scenario from the folder of the reference data.
    days : float
        Horizon of a replication.
    bundled : bool
        Whether it is read without the reference data.
    """

    name: str
    read: Callable[[Path], Scenario]
    days: float
    bundled: bool = False


def utrecht(data: Path) -> Scenario:
    """Read ELASPY's region of Utrecht at its own load, with incidents to be drawn.

    Parameters
    ----------
    data : Path
        The reference data.

    Returns
    -------
    Scenario
        23 units, 175 incidents a day.
    """
    options = {"case": "diesel_3", "allocation": "Base_Locations_Ambulances_MEXCLP_21_22_23.csv"}
    scenario = IMPORTERS["elaspy"].read(data / "elaspy", options).scenario
    return replace(scenario, incidents=None)


def _jemss(name: str) -> Callable[[Path], Scenario]:
    return lambda data: IMPORTERS["jemss"].read(data / "jemss" / name, {}).scenario


CITIES: Final = (
    City("reykjavik", lambda _: load_scenario("reykjavik"), 4.0, bundled=True),
    City("neubrandenburg", lambda _: load_scenario("neubrandenburg"), 4.0, bundled=True),
    City("utrecht", utrecht, 2.0),
    City("auckland", _jemss("auckland"), 2.0),
    City("manhattan", _jemss("manhattan"), 2.0),
)


@dataclass(frozen=True)
class PolicyCase:
    """A standard scenario.

    Parameters
    ----------
    name : str
        City and load.
    city, load : str
        Both apart.
    scenario : Scenario
        What to simulate.
    tables : Tables
        Its travel tables, with the ways between stations.
    """

    name: str
    city: str
    load: str
    scenario: Scenario
    tables: Tables


def policy_cases(
    data: Path | None, cities: tuple[str, ...] = (), loads: tuple[str, ...] = ()
) -> Iterator[PolicyCase]:
    """Make the standard scenarios, one at a time.

    Parameters
    ----------
    data : Path or None
        The reference data; without it the bundled cities are left.
    cities, loads : tuple of str
        Those wanted, by name; all if empty.

    Yields
    ------
    PolicyCase
        A scenario.
    """
    for city in CITIES:
        if (cities and city.name not in cities) or (data is None and not city.bundled):
            continue
        own = _loaded(city.read(data or Path()), 1.0, city.days, surge=False)
        # neither stations nor roads differ from load to load
        tables = build_tables(own, movable=True)
        terrain = terrain_of(own, tables)
        work = float(terrain.calls_per_hour.mean()) * terrain.busy_ms / _HOUR_MS
        busy = work / len(terrain.home)
        for load in (*LOADS, SURGE):
            if not loads or load in loads:
                factor = LOADS.get(load, LOADS["usual"]) / busy
                scenario = _loaded(own, factor, city.days, surge=load == SURGE)
                yield PolicyCase(f"{city.name}, {load}", city.name, load, scenario, tables)


def _loaded(scenario: Scenario, factor: float, days: float, *, surge: bool) -> Scenario:
    settings = scenario.settings
    rate = settings.demand.incidents_per_day * factor
    event = Disturbance(kind="surge", start_h=_BEGIN_H, end_h=_END_H, factor=_FACTOR)
    changed = {
        "demand": settings.demand.model_copy(update={"incidents_per_day": rate}),
        "horizon": settings.horizon.model_copy(update={"days": days}),
        "disturbances": [event] if surge else [],
    }
    return replace(scenario, settings=settings.model_copy(update=changed), incidents=None)
