"""Which location problems are measured: families of cases, from minutes to hours."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks.location_cases import (
    census,
    census_best,
    covering,
    distances,
    or_library,
    or_library_optima,
    set_covering,
    utrecht,
)
from scenarios.build import build_scenario
from scenarios.packaging import load_scenario
from scenarios.plan_problem import plan_problem
from scenarios.plan_question import PlanQuestion

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from engine.stationing import LocationProblem
    from scenarios.package import Scenario

GROWING: Final = "growing"
OR_LIBRARY: Final = "or-library"
CENSUS: Final = "census"
MILLION: Final = "million"
MEXCLP: Final = "utrecht"
WIDE: Final = "wide-median"
CITY: Final = "reykjavik"

FAMILIES: Final = (GROWING, OR_LIBRARY, CENSUS, MILLION, MEXCLP, WIDE, CITY)
SETS: Final = ("small", "full", *FAMILIES)
"""Cases of minutes, all cases, or all of one family."""

_SMALL_PMED: Final = 5
_UTRECHT_OPTIMA: Final = {20: 0.852089, 23: 0.879357, 24: 0.886632}

# Our work is counted, not clocked, and so is stopped some way before a bar of so many seconds.
_LIMIT_S: Final = 60.0
_CENSUS_S: Final = 26.0
_WIDE_S: Final = 45.0
_CITY_S: Final = 9.0


def _itself(problem: LocationProblem) -> LocationProblem:
    return problem


@dataclass(frozen=True)
class LocationCase:
    """A location problem and what is known of it.

    Parameters
    ----------
    name : str
        What to call it.
    family : str
        One of `FAMILIES`.
    model : str
        Name of a location model.
    load : callable
        Gets what the problem is made of; not timed.
    small : bool
        Whether it belongs to the set of minutes.
    ask : callable
        Makes the problem of that; timed with the solving.
    known : float, optional
        Published value.
    known_as : str
        Whether that is the optimum or the best known.
    digits : int, optional
        Digits behind the point to which it was published; None for all.
    peers : bool
        Whether peers are asked: not where their model would fill the memory.
    """

    name: str
    family: str
    model: str
    load: Callable[[], Any]
    small: bool = False
    ask: Callable[[Any], LocationProblem] = _itself
    known: float | None = None
    known_as: str = "optimum"
    digits: int | None = None
    peers: bool = True


def location_cases(chosen: str, data: Path | None) -> list[LocationCase]:
    """List the cases of a set.

    Parameters
    ----------
    chosen : str
        One of `SETS`.
    data : Path or None
        Reference data; without it the cases that need it are left out.

    Returns
    -------
    list of LocationCase
        From small to large within each family.
    """
    published = () if data is None else _published(data)
    cases = [*_growing(), *published, *_million(), *_wide()]
    if chosen in FAMILIES:
        return [case for case in cases if case.family == chosen]
    return [case for case in cases if case.small or chosen == "full"]


def missing_families(chosen: str, data: Path | None) -> list[str]:
    """Tell which families are left out for want of data.

    Parameters
    ----------
    chosen : str
        One of `SETS`.
    data : Path or None
        Reference data.

    Returns
    -------
    list of str
        Some of `FAMILIES`.
    """
    have = {case.family for case in location_cases(chosen, data)}
    wanted = FAMILIES if chosen in {"small", "full"} else (chosen,)
    return [family for family in wanted if family not in have]


def _growing() -> Iterable[LocationCase]:
    sizes = [(50, 500, 5), (100, 1000, 10), (100, 10_000, 10), (100, 100_000, 10)]
    for place, (sites, demand, k) in enumerate([*sizes, (400, 4000, 20)]):
        yield LocationCase(
            f"mclp {sites} × {demand:,}",
            GROWING,
            "mclp",
            partial(covering, sites, demand, 4.0, k, time_limit_s=_LIMIT_S),
            small=place < 3,
        )
    for place, (sites, demand, radius) in enumerate(
        [(100, 1000, 5.0), (200, 2000, 4.0), (400, 4000, 3.0), (800, 8000, 2.5)]
    ):
        yield LocationCase(
            f"lscp {sites} × {demand:,}",
            GROWING,
            "lscp",
            partial(set_covering, sites, demand, radius, time_limit_s=_LIMIT_S),
            small=place < 2,
        )
    for place, (sites, demand, k) in enumerate(
        [(50, 200, 5), (100, 500, 10), (200, 1000, 10), (400, 2000, 20)]
    ):
        yield LocationCase(
            f"p-median {sites} × {demand:,}",
            GROWING,
            "p-median",
            partial(distances, sites, demand, k, time_limit_s=_LIMIT_S),
            small=place < 2,
        )
    for place, (sites, demand, k) in enumerate(
        [(25, 100, 4), (50, 200, 5), (100, 400, 8), (200, 1000, 10)]
    ):
        yield LocationCase(
            f"p-center {sites} × {demand:,}",
            GROWING,
            "p-center",
            partial(distances, sites, demand, k, time_limit_s=_LIMIT_S),
            small=place < 2,
        )


def _published(data: Path) -> Iterable[LocationCase]:
    if (data / "pmed").is_dir():
        yield from _or_library(data)
    if (data / "mclp").is_dir():
        yield from _census(data)
    if (data / "elaspy").is_dir():
        yield from _utrecht(data)
    if (data / "osm").is_dir():
        yield from _city(data / "osm" / "reykjavik.osm.pbf")


def _or_library(data: Path) -> Iterable[LocationCase]:
    optima = or_library_optima(data)
    for number in range(1, 41):
        yield LocationCase(
            f"pmed{number}",
            OR_LIBRARY,
            "p-median",
            partial(or_library, data, number, time_limit_s=_LIMIT_S),
            small=number <= _SMALL_PMED,
            known=optima[f"pmed{number}"],
        )


def _census(data: Path) -> Iterable[LocationCase]:
    for city, radius in (("NewYork", 400), ("SanFrancisco", 600)):
        for k in range(50, 101, 10):
            name = f"{city}_{k}_{radius}"
            yield LocationCase(
                name,
                CENSUS,
                "mclp",
                partial(census, data, name, time_limit_s=_CENSUS_S),
                small=name == "NewYork_50_400",
                known=census_best(data, name)[0],
                known_as="best known",
            )


def _utrecht(data: Path) -> Iterable[LocationCase]:
    for units, optimum in _UTRECHT_OPTIMA.items():
        yield LocationCase(
            f"mexclp, {units} units",
            MEXCLP,
            "mexclp",
            partial(utrecht, data, units, time_limit_s=_LIMIT_S),
            small=True,
            known=optimum,
            digits=6,
        )


def _city(osm: Path) -> Iterable[LocationCase]:
    for k in (4, 5, 8):
        yield LocationCase(
            f"Reykjavik, {k} stations",
            CITY,
            "mclp",
            partial(_every_address, osm),
            small=k == 5,
            ask=partial(_every_node, k=k),
            peers=False,
        )


def _million() -> Iterable[LocationCase]:
    for radius in (5.5, 5.75, 6.25):
        yield LocationCase(
            f"mclp 100 × 1,000,000, radius {radius:g}",
            MILLION,
            "mclp",
            partial(covering, 100, 1_000_000, radius, 10, time_limit_s=_LIMIT_S),
            small=True,
            peers=False,
        )


def _wide() -> Iterable[LocationCase]:
    yield LocationCase(
        "p-median 500 × 5,000",
        WIDE,
        "p-median",
        partial(distances, 500, 5000, 20, time_limit_s=_WIDE_S),
        small=True,
        peers=False,
    )


def _every_address(osm: Path) -> Scenario:
    """Build the city with every address a zone, as ``bluelight build FILE --cell 0`` does."""
    with tempfile.TemporaryDirectory() as folder:
        report = build_scenario(str(osm), Path(folder) / "city", cell_m=0.0, name="Reykjavik")
        return load_scenario(report.folder)


def _every_node(scenario: Scenario, k: int) -> LocationProblem:
    """Compute all drives and ask for k stations at any junction."""
    question = PlanQuestion("mclp", stations=k, candidates="nodes", time_limit_s=_CITY_S)
    return plan_problem(scenario, question).problem
