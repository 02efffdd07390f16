"""Location problems to measure: generated ones, and readers of published ones."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import shortest_path

from engine.stationing import Layer, LocationProblem
from routing.geodesy import EARTH_RADIUS_M, segment_lengths

if TYPE_CHECKING:
    from numpy.typing import NDArray

REFERENCE_DATA: Final = "BLUELIGHT_REFERENCE_DATA"
"""Variable of the environment that names the folder of published cases."""

_DEFAULT: Final = Path(__file__).resolve().parents[2] / "shared" / "data"
_EDGE: Final = 30.0
_EQUATOR_M: Final = 6_378_137.0
_MINUTE_S: Final = 60.0
_UTRECHT_MINUTES: Final = 12.0
_UTRECHT_BUSY: Final = 0.6


def reference_data() -> Path | None:
    """Find the folder of published cases.

    Returns
    -------
    Path or None
        What the environment names, else the usual place; None where nothing is there.
    """
    folder = Path(os.environ.get(REFERENCE_DATA) or _DEFAULT)
    return folder if folder.is_dir() else None


def square(
    sites: int, demand: int, *, seed: int = 1
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Throw sites and demand points into a square with edges of 30.

    As Cordeau, Furini and Ljubic (2019), doi:10.1016/j.ejor.2018.12.021, do: both
    uniformly, demand 1 to 100 in whole numbers, distances as the crow flies. Their own
    files come from another generator of random numbers.

    Parameters
    ----------
    sites, demand : int
        How many.
    seed : int
        Seed.

    Returns
    -------
    distance : ndarray of float32, shape (sites, demand)
        In units of the square.
    weight : ndarray of float64, shape (demand,)
        Whole numbers.
    """
    random = np.random.default_rng(seed)
    where = random.uniform(0, _EDGE, (sites, 2))
    who = random.uniform(0, _EDGE, (demand, 2))
    weight = random.integers(1, 101, demand).astype(np.float64)
    distance = np.empty((sites, demand), dtype=np.float32)
    for row, (x, y) in enumerate(where):  # all at once would take five times the memory
        distance[row] = np.hypot(who[:, 0] - x, who[:, 1] - y)
    return distance, weight


def covering(
    sites: int, demand: int, radius: float, k: int, *, time_limit_s: float, seed: int = 1
) -> LocationProblem:
    """Ask for the greatest covering in `square`.

    Parameters
    ----------
    sites, demand : int
        How many.
    radius : float
        How far a site covers.
    k : int
        How many are open.
    time_limit_s : float
        About how long to search and prove.
    seed : int
        Seed.

    Returns
    -------
    LocationProblem
        The problem.
    """
    distance, weight = square(sites, demand, seed=seed)
    return LocationProblem([Layer(distance, weight, radius)], k, time_limit_s=time_limit_s)


def set_covering(
    sites: int, demand: int, radius: float, *, time_limit_s: float, seed: int = 1
) -> LocationProblem:
    """Ask for the fewest sites that cover `square`, points that none covers left out.

    Parameters
    ----------
    sites, demand : int
        How many.
    radius : float
        How far a site covers.
    time_limit_s : float
        About how long to search and prove.
    seed : int
        Seed.

    Returns
    -------
    LocationProblem
        The problem.
    """
    distance, weight = square(sites, demand, seed=seed)
    reached = (distance <= radius).any(axis=0)
    layer = Layer(np.ascontiguousarray(distance[:, reached]), weight[reached], radius)
    return LocationProblem([layer], time_limit_s=time_limit_s)


def distances(
    sites: int, demand: int, k: int, *, time_limit_s: float, seed: int = 1
) -> LocationProblem:
    """Ask for the k sites of `square` that are closest to demand, by whatever model.

    Parameters
    ----------
    sites, demand : int
        How many.
    k : int
        How many are open.
    time_limit_s : float
        About how long to search and prove.
    seed : int
        Seed.

    Returns
    -------
    LocationProblem
        The problem.
    """
    distance, weight = square(sites, demand, seed=seed)
    return LocationProblem(
        [Layer(distance.astype(np.float64), weight)], k, time_limit_s=time_limit_s
    )


def or_library(folder: Path, number: int, *, time_limit_s: float) -> LocationProblem:
    """Read a p-median case of the OR-Library (Beasley 1990, doi:10.1057/jors.1990.166).

    Parameters
    ----------
    folder : Path
        Reference data.
    number : int
        1 to 40.
    time_limit_s : float
        About how long to search and prove.

    Returns
    -------
    LocationProblem
        Every node is a site and a demand point of weight one; distances are shortest
        paths.
    """
    path = folder / "pmed" / "test-data" / f"pmed{number}.txt"
    (n, _, k), *edges = np.loadtxt(path, dtype=np.int64)
    # where an edge repeats, the last one counts
    length = {(min(u, v) - 1, max(u, v) - 1): float(c) for u, v, c in edges}
    tail, head = np.array(list(length)).T
    graph = csr_array((list(length.values()), (tail, head)), shape=(n, n))
    distance = shortest_path(graph, directed=False)
    return LocationProblem([Layer(distance, np.ones(n))], int(k), time_limit_s=time_limit_s)


def or_library_optima(folder: Path) -> dict[str, float]:
    """Read the published optima.

    Parameters
    ----------
    folder : Path
        Reference data.

    Returns
    -------
    dict of str to float
        By case, such as ``pmed1``.
    """
    lines = (folder / "pmed" / "pmedopt.txt").read_text(encoding="utf-8").splitlines()[1:]
    return {name: float(value) for name, value in (line.split() for line in lines if line.strip())}


def census(folder: Path, name: str, *, time_limit_s: float) -> LocationProblem:
    """Read a maximal covering of census blocks.

    Parameters
    ----------
    folder : Path
        Reference data.
    name : str
        City, number of sites and radius in metres, such as ``NewYork_50_400``.
    time_limit_s : float
        About how long to search and prove.

    Returns
    -------
    LocationProblem
        Every block is a site and a demand point; metres stand for seconds.
    """
    city, k, radius = name.split("_")
    text = (folder / "mclp" / "instances" / f"{city}.txt").read_text(encoding="utf-8")
    coordinates, demand = text.split("NODE_COORD_SECTION")[1].split("DEMAND_SECTION")
    weight = np.array(demand.replace("EOF", "").split(), dtype=np.float64)
    lonlat = np.array(coordinates.split(), dtype=np.float64).reshape(-1, 2)[:, ::-1]
    metres = np.empty((len(weight), len(weight)), dtype=np.float32)
    for row, place in enumerate(lonlat):
        # the published values come out with the radius of the equator
        metres[row] = segment_lengths(place[None], lonlat) * (_EQUATOR_M / EARTH_RADIUS_M)
    return LocationProblem(
        [Layer(metres, weight, float(radius))], int(k), time_limit_s=time_limit_s
    )


def census_best(folder: Path, name: str) -> tuple[float, tuple[int, ...]]:
    """Read the best known plan of a case of census blocks.

    Parameters
    ----------
    folder : Path
        Reference data.
    name : str
        As in `census`.

    Returns
    -------
    value : float
        Demand covered.
    sites : tuple of int
        Which are open.
    """
    text = (folder / "mclp" / "best" / f"{name}.txt").read_text(encoding="utf-8")
    value, sites = text.removeprefix("f:").split("Facilidade:")
    return float(value), tuple(int(site) for site in sites.split())


def utrecht(folder: Path, units: int, *, time_limit_s: float) -> LocationProblem:
    """Read the ambulances of Utrecht: twelve minutes, busy six tenths of the time.

    Parameters
    ----------
    folder : Path
        Reference data.
    units : int
        How many ambulances.
    time_limit_s : float
        About how long to search and prove.

    Returns
    -------
    LocationProblem
        Shares of inhabitants; the published values come out with the time from a postal
        code to a base.
    """
    header, *rows = _csv(folder / "elaspy" / "siren_driving_matrix_2022.csv")
    minutes = np.array([row[1:] for row in rows], dtype=np.float64)
    bases = _csv(folder / "elaspy" / "RAVU_base_locations_Utrecht_2021.csv")[1:]
    columns = [header[1:].index(base) for (base,) in bases]
    nodes = _csv(folder / "elaspy" / "nodes_Utrecht_2021.csv")[1:]
    share = np.array([row[3] for row in nodes], dtype=np.float64)
    layer = Layer(
        minutes[:, columns].T * _MINUTE_S,
        share,
        _UTRECHT_MINUTES * _MINUTE_S,
        units=units,
        busy=_UTRECHT_BUSY,
    )
    return LocationProblem([layer], time_limit_s=time_limit_s)


def _csv(path: Path) -> list[list[Any]]:
    return [line.split(",") for line in path.read_text(encoding="utf-8-sig").splitlines()]
