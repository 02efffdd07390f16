"""The built-in dispatch policies as numba functions of one signature.

The event loop calls them through a pointer of type `KERNEL`, a recommendation calls
them from Python: it is the same machine code. A policy of one's own is as fast when it
is compiled with this signature.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from numba import njit, types

from routing.network import UNREACHABLE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

KERNEL: Final = types.int64(
    types.float64,
    types.int64,
    types.float64,
    types.Array(types.int8, 1, "C", readonly=True),
    types.Array(types.boolean, 1, "C", readonly=True),
    types.Array(types.float64, 1, "C", readonly=True),
)
"""Signature: now_ms, priority, waiting_ms, status, returning, arrival_ms -> unit or -1."""

_NEVER: Final = float(UNREACHABLE)


@njit(KERNEL, cache=True)
def closest(
    now_ms: float,  # noqa: ARG001
    priority: int,  # noqa: ARG001
    waiting_ms: float,  # noqa: ARG001
    status: NDArray[np.int8],  # noqa: ARG001
    returning: NDArray[np.bool_],  # noqa: ARG001
    arrival_ms: NDArray[np.float64],
) -> int:
    """Choose the unit that is on scene first, those on their way home included.

    Parameters
    ----------
    now_ms : float
        The time.
    priority : int
        Priority of the incident.
    waiting_ms : float
        How long ago it was called in.
    status : ndarray of int8, shape (units,)
        FMS status.
    returning : ndarray of bool, shape (units,)
        True where the unit drives home.
    arrival_ms : ndarray of float64, shape (units,)
        Time until each unit would be on scene; UNREACHABLE where it cannot be sent.

    Returns
    -------
    int
        The unit, the lowest of equals; -1 where none can be sent.
    """
    best = -1
    best_ms = _NEVER
    for unit in range(len(arrival_ms)):
        if arrival_ms[unit] < best_ms:
            best = unit
            best_ms = arrival_ms[unit]
    return best


@njit(KERNEL, cache=True)
def closest_idle(
    now_ms: float,  # noqa: ARG001
    priority: int,  # noqa: ARG001
    waiting_ms: float,  # noqa: ARG001
    status: NDArray[np.int8],  # noqa: ARG001
    returning: NDArray[np.bool_],
    arrival_ms: NDArray[np.float64],
) -> int:
    """Choose the unit that is on scene first among those that stand still.

    Parameters
    ----------
    now_ms, priority, waiting_ms, status, returning, arrival_ms
        As in `closest`.

    Returns
    -------
    int
        The unit, the lowest of equals; -1 where none stands free.
    """
    best = -1
    best_ms = _NEVER
    for unit in range(len(arrival_ms)):
        if not returning[unit] and arrival_ms[unit] < best_ms:
            best = unit
            best_ms = arrival_ms[unit]
    return best
