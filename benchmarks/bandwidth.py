"""The roof that sweeps over all nodes run against: how fast memory can be read and written."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import numpy as np
from numba import njit

from routing.hierarchy.sweeps import ABREAST

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

    a = b + 3 c on float64 (McCalpin 1995). As STREAM has it, bytes are counted that the
    program asks to read or to write, 24 for each element; that ordinary stores fetch
    the lines they write to is not counted.

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
    return 24.0 * _ELEMENTS / best


def sweep_bytes(n: int, arcs: int) -> float:
    """Count the bytes that a sweep of one block of rows asks of the memory.

    Counted as in `triad`: the table is written; arcs (8 bytes), their offsets and the
    depths of nodes (8 and 4 bytes a node) are read. What stays in the caches is not
    counted.

    Parameters
    ----------
    n : int
        Number of nodes.
    arcs : int
        Arcs that are relaxed.

    Returns
    -------
    float
        Bytes for `ABREAST` rows.
    """
    return 4.0 * ABREAST * n + 8.0 * arcs + 12.0 * n
