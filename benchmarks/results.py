"""Benchmarks by name, and what their results carry to be comparable."""

from __future__ import annotations

import platform
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks import travel_times
from routing.errors import InputError, did_you_mean
from scenarios.packaging import load_scenario
from scenarios.provenance import provenance

if TYPE_CHECKING:
    from collections.abc import Callable

    from scenarios.package import Scenario

BENCHMARKS: Final[dict[str, Callable[[Scenario, int], dict[str, Any]]]] = {
    "travel-times": travel_times.measure,
}
"""Each takes a city and a number of rounds."""

_PEERS: Final = ("networkx", "scipy")


def results(name: str | None, city: str, rounds: int) -> dict[str, Any]:
    """Run benchmarks.

    Parameters
    ----------
    name : str or None
        One of `BENCHMARKS`; all of them if None.
    city : str
        A scenario folder or the name of a bundled city.
    rounds : int
        How often each contestant answers.

    Returns
    -------
    dict
        Revision, versions, machine, scenario, and the results by name.

    Raises
    ------
    InputError
        There is no such benchmark or scenario.
    """
    if name is not None and name not in BENCHMARKS:
        raise InputError(
            f"unknown benchmark {name!r}", field="NAME", fix=did_you_mean(name, BENCHMARKS)
        )
    scenario = load_scenario(city)
    document = provenance()
    document["machine"]["cpu"] = _cpu_model()
    document["versions"] |= {peer: version(peer) for peer in _PEERS}
    document["scenario"] = {"name": scenario.settings.name, "hash": scenario.hash}
    document["results"] = {
        each: BENCHMARKS[each](scenario, rounds) for each in ([name] if name else BENCHMARKS)
    }
    return document


def _cpu_model() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
