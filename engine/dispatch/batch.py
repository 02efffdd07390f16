"""Dispatch of all incidents that wait, at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple

import numpy as np

from engine.assignment import assign, largest_cost
from routing.network import UNREACHABLE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.dispatch.base import DispatchState

_LONGEST_MS: Final = 1 << 26
"""Arrivals beyond 18 hours count as this."""
_TOGETHER: Final = 50
_LEVELS: Final = 3
"""So many incidents and kinds of urgency that costs can be added in 64 bits."""


class Queue(NamedTuple):
    """The incident that is asked about, and behind it the others that wait.

    Parameters
    ----------
    priority : ndarray of int64, shape (n,)
        Their priorities.
    waiting_ms : ndarray of float64, shape (n,)
        Time since their calls were answered.
    arrival_ms : ndarray of float64, shape (n, units)
        When each unit could be there; UNREACHABLE where it cannot be sent.
    """

    priority: NDArray[np.int64]
    waiting_ms: NDArray[np.float64]
    arrival_ms: NDArray[np.float64]


def queue_of(state: DispatchState) -> Queue:
    """Gather the incidents that are looked at together, at most 50.

    Parameters
    ----------
    state : DispatchState
        The incident and the units.

    Returns
    -------
    Queue
        The incident and others that wait, in their order.
    """
    others = slice(0, _TOGETHER - 1)
    return Queue(
        np.append(state.priority, state.others_priority[others]),
        np.append(state.waiting_ms, state.others_waiting_ms[others]),
        np.vstack([state.arrival_ms, *state.others_arrival_ms[others]]),
    )


def unit_for_first(
    priority: NDArray[np.int64], cost: NDArray[np.int64], waits: NDArray[np.int64]
) -> int:
    """Serve as many as can be, most urgent first, at the least cost; say who goes to the first.

    Parameters
    ----------
    priority : ndarray of int64, shape (n,)
        Of each incident; all beyond the third that differs count as equal.
    cost : ndarray of int64, shape (n, units)
        Cost of sending each unit; negative where it cannot be sent. Large ones are
        rounded where they could not be added up otherwise.
    waits : ndarray of int64, shape (n,)
        Cost of letting it wait.

    Returns
    -------
    int
        A unit, or -1: the first one waits.
    """
    level = np.minimum(np.unique(priority, return_inverse=True)[1], _LEVELS - 1)
    many = len(priority)
    top = 1 + int(max(cost.max(initial=0), waits.max()))
    # one that is more urgent outweighs all that are less so
    outweighs = 2 * many * (many + 1) ** (int(level.max()) - level)
    while 2 * (top * int(outweighs.max()) + top) >= largest_cost(*cost.shape):
        cost, waits, top = np.where(cost >= 0, cost // 2, -1), waits // 2, top // 2 + 1
    # of equal ways one in which it goes: else two could give way to each other for ever
    cost = np.where(cost >= 0, 2 * cost + 1, -1)
    cost[0] -= cost[0] >= 0
    sent = assign(cost, 2 * (waits + top * outweighs)).units[0]
    return sent[0] if sent else -1


@dataclass(frozen=True)
class BatchDispatch:
    """Send units so that as many waiting incidents as can be are served, most urgent first.

    Of all ways to do that, the one with the least sum of arrivals. An incident whose unit
    is better sent elsewhere waits; one that waits alone gets the closest unit. Looks at
    the first 50 in the queue.
    """

    sees_others: ClassVar[bool] = True

    def decide(self, state: DispatchState) -> int:
        """Choose a unit; see `engine.dispatch.Policy.decide`.

        Parameters
        ----------
        state : DispatchState
            The incident and the units.

        Returns
        -------
        int
            A unit, or -1.
        """
        queue = queue_of(state)
        in_ms = np.minimum(np.rint(queue.arrival_ms), _LONGEST_MS).astype(np.int64)
        cost = np.where(queue.arrival_ms < UNREACHABLE, in_ms, -1)
        return unit_for_first(queue.priority, cost, np.zeros(len(cost), dtype=np.int64))
