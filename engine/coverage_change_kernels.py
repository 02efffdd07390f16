"""Which demand units reach, and how much is left when some go: array kernels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from numba import njit

from routing.network import UNREACHABLE

if TYPE_CHECKING:
    from numpy.typing import NDArray


@njit(cache=True, nogil=True)
def count_reached(
    times_ms: NDArray[Any],
    row: NDArray[Any],
    leave_ms: NDArray[Any],
    units: NDArray[Any],
    limit_ms: float,
    step: int,
    by: NDArray[Any],
) -> None:
    """Count by how many units each zone is reached.

    Parameters
    ----------
    times_ms : ndarray of int32, int64 or float64, shape (places, zones)
        Milliseconds from places to zones, `UNREACHABLE` where there is no way.
    row : ndarray of int64, shape (units,)
        The place of each unit.
    leave_ms : ndarray of int64, shape (units,)
        How long each takes to leave.
    units : ndarray of int64
        Those that count.
    limit_ms : float
        The limit; a time equal to it is within.
    step : int
        What each adds: 1, or -1 for those that go.
    by : ndarray of int32, shape (zones,)
        Changed in place.
    """
    for unit in units:
        left = limit_ms - leave_ms[unit]
        place = row[unit]
        for zone in range(len(by)):
            time = times_ms[place, zone]
            if time <= left and time < UNREACHABLE:
                by[zone] += step
