"""How soon a matrix from all units to an incident comes, from our server and from OSRM's."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import numpy as np

from benchmarks.load_client import Connection, Tally, at_random

if TYPE_CHECKING:
    from numpy.typing import NDArray

ASKS_A_SECOND: Final = 20
_CONNECTIONS: Final = 8


def table_path(units: NDArray[np.float64], incident: NDArray[np.float64]) -> str:
    """Write the question of a matrix as OSRM's clients do.

    Parameters
    ----------
    units : ndarray of float64, shape (units, 2)
        Lon, lat of each.
    incident : ndarray of float64, shape (2,)
        Lon, lat.

    Returns
    -------
    str
        A path.
    """
    places = ";".join(f"{lon:.6f},{lat:.6f}" for lon, lat in [*units.tolist(), incident.tolist()])
    sources = ";".join(map(str, range(len(units))))
    return f"/osrm/table/v1/driving/{places}?sources={sources}&destinations={len(units)}"


async def ask_tables(url: str, nodes: NDArray[np.float64], units: int, seconds: float) -> Tally:
    """Ask for matrices at random times, each from and to other places.

    Parameters
    ----------
    url : str
        The server.
    nodes : ndarray of float64, shape (n, 2)
        Lon, lat of where units and incidents may be.
    units : int
        How many units.
    seconds : float
        How long.

    Returns
    -------
    Tally
        What was answered, and when.
    """
    lines = [Connection.to(url) for _ in range(_CONNECTIONS)]
    draw, tally = np.random.default_rng(1), Tally()

    async def _ask(row: int) -> None:
        places = nodes[draw.integers(len(nodes), size=units + 1)]
        status, _, took = await lines[row % len(lines)].ask(
            "GET", table_path(places[:-1], places[-1])
        )
        tally.note("table", status, took)

    await at_random(time.perf_counter() + min(seconds / 4, 5.0), ASKS_A_SECOND, _ask, draw)
    tally = Tally()
    await at_random(time.perf_counter() + seconds, ASKS_A_SECOND, _ask, draw)
    for line in lines:
        line.close()
    return tally
