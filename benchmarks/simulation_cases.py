"""Fleets that the simulation benchmark plays, and who plays them beside us."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from benchmarks.fleet_cases import everything, utrecht
from benchmarks.fleet_peers import PlainPython, SimPy
from benchmarks.queue_peers import CiwQueue, PlainQueue, SimPyQueue, queue
from scenarios.packaging import load_scenario

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from benchmarks.fleet_cases import Fleet
    from scenarios.package import Scenario

OURS: Final = "bluelight"
QUEUE: Final = "queue"
UTRECHT: Final = "utrecht"
PHASES: Final = "utrecht, all phases"
MONTH: Final = "month of Reykjavik"
YEAR: Final = "year of a million calls"

PEERS: Final = {"simpy": "simpy", "ciw": "ciw", "python": ""}
"""Peers, and the package that each needs."""

NOTES: Final = {
    "simpy": "processes, as a user writes them",
    "ciw": "has neither places nor drives: plays the queue alone",
    "python": "a heap of events, lists and dictionaries",
}

_YEARLY: Final = 1_000_000
_DAYS: Final = 365
_BUSY_S: Final = 5400.0
_BUSY: Final = 0.5


@dataclass(frozen=True)
class FleetCase:
    """A fleet and who plays it.

    Parameters
    ----------
    name : str
        What to call it.
    fleet : callable
        Makes it, from how many incidents there shall be.
    peers : dict
        Contestants by name: made from fleet and count, their `run` gives the response of
        each incident in milliseconds.
    """

    name: str
    fleet: Callable[[int], Fleet]
    peers: dict[str, type[Any]]


def fleet_cases(data: Path | None) -> list[FleetCase]:
    """List the fleets that are played by us and by peers.

    Parameters
    ----------
    data : Path or None
        The reference data; without it the queue alone is left.

    Returns
    -------
    list of FleetCase
        The cases.
    """
    cases = [FleetCase(QUEUE, queue, {"simpy": SimPyQueue, "ciw": CiwQueue, "python": PlainQueue})]
    if data is not None:
        peers = {"simpy": SimPy, "python": PlainPython}
        cases += [
            FleetCase(UTRECHT, lambda count: utrecht(data, count), peers),
            FleetCase(PHASES, lambda count: everything(data, count), peers),
        ]
    return cases


def missing(peer: str) -> str:
    """Tell what a peer lacks.

    Parameters
    ----------
    peer : str
        Its name.

    Returns
    -------
    str
        Empty where it is there.
    """
    package = PEERS[peer]
    try:
        if package:
            version(package)
    except PackageNotFoundError:
        return f"not installed: pip install {package}"
    return ""


def month() -> Scenario:
    """Take the bundled city for thirty days.

    Returns
    -------
    Scenario
        Reykjavik.
    """
    return _for_days(load_scenario("reykjavik"), 30)


def year() -> Scenario:
    """Let the bundled city have a million calls a year, and units to serve them.

    Returns
    -------
    Scenario
        Reykjavik's roads and stations, busy half of the time.
    """
    city = load_scenario("reykjavik")
    settings = city.settings
    demand = settings.demand.model_copy(update={"incidents_per_day": _YEARLY / _DAYS})
    units = int(np.ceil(_YEARLY * _BUSY_S / (_DAYS * 86_400 * _BUSY)))
    rows = city.units.iloc[np.arange(units) % len(city.units)].reset_index(drop=True)
    rows["id"] = [f"U{number}" for number in range(units)]
    larger = replace(city, settings=settings.model_copy(update={"demand": demand}), units=rows)
    return _for_days(larger, _DAYS)


def _for_days(scenario: Scenario, days: int) -> Scenario:
    settings = scenario.settings
    horizon = settings.horizon.model_copy(update={"days": days})
    return replace(scenario, settings=settings.model_copy(update={"horizon": horizon}))
