"""Dispatch of all incidents that wait, at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

import numpy as np

from engine.assignment import assign
from routing.network import UNREACHABLE

if TYPE_CHECKING:
    from engine.dispatch.base import DispatchState

_LONGEST_MS: Final = 1 << 26
"""Arrivals beyond 18 hours count as this."""
_TOGETHER: Final = 50
_LEVELS: Final = 3
"""So many incidents, and kinds of urgency, that all costs can be added exactly."""


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
        others = slice(0, _TOGETHER - 1)
        arrival = np.vstack([state.arrival_ms, *state.others_arrival_ms[others]])
        priority = np.append(state.priority, state.others_priority[others])
        in_ms = np.minimum(np.rint(arrival), _LONGEST_MS)
        cost = np.where(arrival < UNREACHABLE, in_ms, -1)
        # one that is more urgent outweighs all that are less so
        level = np.minimum(np.unique(priority, return_inverse=True)[1], _LEVELS - 1)
        many = len(priority)
        waits = 2 * _LONGEST_MS * many * (many + 1) ** (_LEVELS - 1 - level)
        # of equal ways one in which it goes: else two could give way to each other for ever
        cost = np.where(cost >= 0, 2 * cost + 1, -1)
        cost[0] -= cost[0] >= 0
        sent = assign(cost, waits).units[0]
        return sent[0] if sent else -1
