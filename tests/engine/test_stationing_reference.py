"""Location models against published optima and best known values."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.sparse.csgraph import shortest_path

from engine.stationing import MODELS, simple_problem
from routing.geodesy import EARTH_RADIUS_M, segment_lengths

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


def read_pmed(folder: Path, number: int) -> tuple[NDArray[np.float64], int, int]:
    """Return distances, k and the published optimum of an OR-Library case."""
    path = folder / "pmed" / "test-data" / f"pmed{number}.txt"
    header, *edges = np.loadtxt(path, dtype=np.int64)
    n, _, k = header
    # The last one of repeated edges counts.
    length = {(min(u, v) - 1, max(u, v) - 1): float(c) for u, v, c in edges}
    tail, head = np.array(list(length)).T
    graph = csr_array((list(length.values()), (tail, head)), shape=(n, n))
    optima = dict(
        line.split() for line in (folder / "pmed" / "pmedopt.txt").read_text().splitlines()[1:41]
    )
    return shortest_path(graph, directed=False), int(k), int(optima[f"pmed{number}"])


@pytest.mark.parametrize("number", range(1, 41))
def test_or_library_p_median(reference_data: Path, number: int) -> None:
    distance, k, optimum = read_pmed(reference_data, number)
    plan = MODELS["p-median"].solve(simple_problem(distance, np.ones(len(distance)), k))
    assert plan.objective == optimum
    assert plan.bound == optimum
    assert plan.proven


def read_census(folder: Path, case: str) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Return distances in metres, weights and the best known value of a census case."""
    city, _, _ = case.split("_")
    text = (folder / "mclp" / "instances" / f"{city}.txt").read_text()
    coordinates, demand = text.split("NODE_COORD_SECTION")[1].split("DEMAND_SECTION")
    latlon = np.array(coordinates.split(), dtype=np.float64).reshape(-1, 2)
    weight = np.array(demand.replace("EOF", "").split(), dtype=np.float64)
    lonlat = latlon[:, ::-1]
    best = (folder / "mclp" / "best" / f"{case}.txt").read_text().split()[1]
    # The published values come out with the radius of the equator.
    metres = segment_lengths(lonlat[:, None], lonlat[None]) * (6_378_137.0 / EARTH_RADIUS_M)
    return metres, weight, float(best)


CENSUS = [f"NewYork_{k}_400" for k in range(50, 101, 10)]
CENSUS += [f"SanFrancisco_{k}_600" for k in range(50, 101, 10)]


@pytest.mark.parametrize("case", CENSUS)
def test_census_covering_agrees_with_the_best_known(reference_data: Path, case: str) -> None:
    """In a tenth of the time that the benchmark takes, so neither best nor proven."""
    metres, weight, best = read_census(reference_data, case)
    _, k, radius = case.split("_")
    text = (reference_data / "mclp" / "best" / f"{case}.txt").read_text()
    problem = simple_problem(metres, weight, int(k), limit_s=float(radius), time_limit_s=3.0)
    known = [int(site) for site in text.split("Facilidade:")[1].split()]
    assert MODELS["mclp"].value(problem, known) == best
    plan = MODELS["mclp"].solve(problem)
    assert plan.bound >= best
    assert 0.98 * best <= plan.objective <= plan.bound
    assert plan.gap < 0.03
