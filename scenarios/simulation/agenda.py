"""What is to come: one step for each unit, incidents in the making, and the queue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numba import njit

from scenarios.simulation.cursor import HEAPED, SCAN, SCAN_END, WAITING

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Without numba's reference counts: they cost ten times what the loop itself does, because a
# function that is given a tuple of arrays counts each of them, and none is ever allocated.
# Divided as numpy does, so that what nobody asks for need not be computed for its errors.
compiled: Final[Any] = njit(cache=True, error_model="numpy", _nrt=False)  # type: ignore[call-overload]
"""Compile a function that Python calls, and that allocates nothing."""

inner: Final[Any] = njit(  # type: ignore[call-overload]
    cache=True,
    no_cpython_wrapper=True,
    no_cfunc_wrapper=True,
    forceinline=True,
    error_model="numpy",
    _nrt=False,
)
"""Compile a function into the compiled ones that call it; there is no way in from Python."""


STEP: Final = np.dtype([("ms", "f8"), ("code", "i8")], align=True)
"""When a unit takes its next step, and which: the lower code comes first at one moment."""

_KIND: Final = np.int64(32)
_UNIT: Final = np.int64((1 << 32) - 1)


def new_steps(units: int) -> NDArray[Any]:
    """Return the agenda of a fleet that has nothing to do.

    Parameters
    ----------
    units : int
        How many.

    Returns
    -------
    ndarray of STEP, shape (2 p,)
        A tournament; p is a power of two, at least `units`. Node i holds the step that
        comes first of those below it, its children are 2 i and 2 i + 1, and the leaves
        are the units.
    """
    size = 1 << max(units - 1, 1).bit_length()
    steps = np.empty(2 * size, dtype=STEP)
    steps["ms"] = np.inf
    steps["code"] = 0
    return steps


@inner
def first_step(steps: NDArray[Any]) -> tuple[float, int, int]:
    """Return when the first step of all units is taken, which it is, and by whom.

    Parameters
    ----------
    steps : ndarray of STEP
        From `new_steps`.

    Returns
    -------
    time_ms : float
        When; infinity for never.
    kind : int
        Index in `engine.events.EVENTS`.
    unit : int
        The unit.
    """
    first = steps[1]
    return first.ms, first.code >> _KIND, first.code & _UNIT


@inner
def plan_step(steps: NDArray[Any], unit: int, time_ms: float, kind: int) -> None:
    """Set what a unit does next, in place of what it was about to do.

    Parameters
    ----------
    steps : ndarray of STEP
        From `new_steps`; changed in place.
    unit : int
        The unit.
    time_ms : float
        When; infinity for never.
    kind : int
        Index in `engine.events.EVENTS`.
    """
    node = (len(steps) >> 1) + unit
    ms, code = time_ms, (kind << _KIND) | unit
    steps[node].ms = ms
    steps[node].code = code
    while node > 1:
        other = steps[node ^ 1]
        # no branches: which is first cannot be foretold
        earlier = (other.ms < ms) | ((other.ms == ms) & (other.code < code))
        ms = min(ms, other.ms)
        code = other.code if earlier else code
        node >>= 1
        steps[node].ms = ms
        steps[node].code = code


@inner
def push(heap: NDArray[Any], cursor: NDArray[np.int64], time_ms: float, incident: int) -> None:
    """Add an incident whose call is being processed.

    Parameters
    ----------
    heap : ndarray of TASK
        A binary heap; changed in place.
    cursor : ndarray of int64
        Positions; changed in place.
    time_ms : float
        When that is done.
    incident : int
        The incident.
    """
    child = cursor[HEAPED]
    cursor[HEAPED] += 1
    while child > 0:
        parent = (child - 1) >> 1
        above = heap[parent].time_ms
        if above < time_ms or (above == time_ms and heap[parent].incident <= incident):
            break
        heap[child] = heap[parent]
        child = parent
    heap[child].time_ms = time_ms
    heap[child].incident = incident


@inner
def pop(heap: NDArray[Any], cursor: NDArray[np.int64]) -> int:
    """Remove the incident whose call is processed first, of equals the lowest.

    Parameters
    ----------
    heap : ndarray of TASK
        At least one; changed in place.
    cursor : ndarray of int64
        Positions; changed in place.

    Returns
    -------
    int
        The incident.
    """
    first = heap[0].incident
    cursor[HEAPED] -= 1
    last = cursor[HEAPED]
    time_ms, incident = heap[last].time_ms, heap[last].incident
    parent = 0
    while True:
        child = 2 * parent + 1
        if child >= last:
            break
        other = child + 1
        if other < last and (
            heap[other].time_ms < heap[child].time_ms
            or (
                heap[other].time_ms == heap[child].time_ms
                and heap[other].incident < heap[child].incident
            )
        ):
            child = other
        if time_ms < heap[child].time_ms or (
            time_ms == heap[child].time_ms and incident <= heap[child].incident
        ):
            break
        heap[parent] = heap[child]
        parent = child
    heap[parent].time_ms = time_ms
    heap[parent].incident = incident
    return int(first)


@inner
def enqueue(
    waiting: NDArray[np.int64], cursor: NDArray[np.int64], calls: NDArray[Any], incident: int
) -> int:
    """Insert an incident into the queue, by priority, then by call.

    Parameters
    ----------
    waiting, cursor : ndarray of int64
        The queue and the positions; changed in place.
    calls : ndarray of CALL
        The incidents.
    incident : int
        The one to insert.

    Returns
    -------
    int
        Where it stands.
    """
    position = cursor[WAITING]
    cursor[WAITING] += 1
    while position > 0:
        other = waiting[position - 1]
        if calls[other].priority < calls[incident].priority or (
            calls[other].priority == calls[incident].priority and other < incident
        ):
            break
        waiting[position] = other
        position -= 1
    waiting[position] = incident
    return int(position)


@inner
def dequeue(waiting: NDArray[np.int64], cursor: NDArray[np.int64], position: int) -> None:
    """Remove an incident from the queue.

    Parameters
    ----------
    waiting, cursor : ndarray of int64
        The queue and the positions; changed in place.
    position : int
        Where it stands.
    """
    cursor[WAITING] -= 1
    for at in range(position, cursor[WAITING]):
        waiting[at] = waiting[at + 1]


@inner
def ask_queue(cursor: NDArray[np.int64]) -> None:
    """Let the queue be asked from its head.

    Parameters
    ----------
    cursor : ndarray of int64
        Positions; changed in place.
    """
    cursor[SCAN] = 0
    cursor[SCAN_END] = cursor[WAITING]
