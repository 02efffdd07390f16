"""The roof that sweeps over all nodes run against: how fast memory can be read and written."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import numpy as np
from numba import njit

from routing.hierarchy.sweeps import WIDE

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ELEMENTS: Final = 20_000_000
"""160 MB an array: four times the largest cache of today's servers' cores, and more."""

_REPEATS: Final = 5


@njit(cache=True, fastmath=True)
def _triad(a: NDArray[np.float64], b: NDArray[np.float64], c: NDArray[np.float64]) -> None:
    for i in range(len(a)):
        a[i] = b[i] + 3.0 * c[i]


def triad() -> float:
    """Measure the bandwidth of STREAM's triad on one thread.

    a = b + 3 c on float64 (McCalpin 1995). An ordinary store fetches the line that it
    writes to; that traffic is counted, so an element moves 32 bytes, not STREAM's 24.

    Returns
    -------
    float
        Bytes a second, the best of five.
    """
    a, b, c = (np.full(_ELEMENTS, value) for value in (0.0, 1.0, 2.0))
    _triad(a, b, c)
    best = np.inf
    for _ in range(_REPEATS):
        begin = time.perf_counter()
        _triad(a, b, c)
        best = min(best, time.perf_counter() - begin)
    return 32.0 * _ELEMENTS / best


def sweep_bytes(n: int, arcs: int) -> float:
    """Count the bytes that a sweep of one block of rows cannot avoid to move.

    The table is written, which fetches it too as in `triad`; arcs (8 bytes) and their
    offsets (8 bytes a node) are read. Rows of nodes that fell out of the caches are
    read again; that is not counted.

    Parameters
    ----------
    n : int
        Number of nodes.
    arcs : int
        Arcs that are relaxed.

    Returns
    -------
    float
        Bytes for `WIDE` rows.
    """
    return 2.0 * 4 * WIDE * n + 8.0 * arcs + 8.0 * n
