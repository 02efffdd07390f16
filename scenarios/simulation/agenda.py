"""What is to come: a heap of tasks, and the queue of incidents without a unit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from numba import njit

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

HEAPED: Final = 0
"""Cursor: tasks in the heap."""
WAITING: Final = 1
"""Cursor: incidents in the queue."""

_KIND_SHIFT: Final = 40

inner: Final[Any] = njit(  # type: ignore[call-overload]
    cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True
)
"""Compile a function that only compiled ones call: without a way in from Python."""


@inner
def push(
    heap: NDArray[Any], cursor: NDArray[np.int64], time_ms: int, kind: int, subject: int
) -> None:
    """Add a task.

    Parameters
    ----------
    heap : ndarray of TASK
        The tasks; changed in place.
    cursor : ndarray of int64
        Positions; changed in place.
    time_ms : int
        When it takes effect.
    kind : int
        Index in `engine.events.EVENTS`.
    subject : int
        The unit or incident.
    """
    order = (kind << _KIND_SHIFT) + subject
    child = cursor[HEAPED]
    cursor[HEAPED] += 1
    while child > 0:
        parent = (child - 1) >> 1
        above = heap[parent].time_ms
        if above < time_ms or (above == time_ms and heap[parent].order <= order):
            break
        heap[child] = heap[parent]
        child = parent
    heap[child].time_ms = time_ms
    heap[child].order = order


@inner
def pop(heap: NDArray[Any], cursor: NDArray[np.int64]) -> tuple[int, int, int]:
    """Remove the first task: the earliest, of these the lowest kind, then subject.

    Parameters
    ----------
    heap : ndarray of TASK
        The tasks, at least one; changed in place.
    cursor : ndarray of int64
        Positions; changed in place.

    Returns
    -------
    int, int, int
        When, what kind, which unit or incident.
    """
    first_ms, first_order = heap[0].time_ms, heap[0].order
    cursor[HEAPED] -= 1
    last = cursor[HEAPED]
    time_ms, order = heap[last].time_ms, heap[last].order
    parent = 0
    while True:
        child = 2 * parent + 1
        if child >= last:
            break
        other = child + 1
        if other < last and (
            heap[other].time_ms < heap[child].time_ms
            or (
                heap[other].time_ms == heap[child].time_ms and heap[other].order < heap[child].order
            )
        ):
            child = other
        if time_ms < heap[child].time_ms or (
            time_ms == heap[child].time_ms and order <= heap[child].order
        ):
            break
        heap[parent] = heap[child]
        parent = child
    heap[parent].time_ms = time_ms
    heap[parent].order = order
    return first_ms, first_order >> _KIND_SHIFT, first_order & ((1 << _KIND_SHIFT) - 1)


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
