"""What stays the same while decisions are made: stations, drives, demand and durations."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_HOUR_MS = 3_600_000


@dataclass(frozen=True, eq=False)
class Terrain:
    """What a policy may know of a city beforehand; read only.

    With q periods (such as hours that differ in speed), s stations, z zones, u units:

    Parameters
    ----------
    station_ms : ndarray of float64, shape (q, s, z)
        Drive from each station to each zone with siren; UNREACHABLE where no road leads.
    weight : ndarray of float64, shape (z,)
        Share of the demand of each zone; their sum is 1.
    calls_per_hour : ndarray of float64, shape (hours,)
        Incidents expected in each hour since the beginning; the last holds ever after.
    home : ndarray of int64, shape (u,)
        Station of each unit.
    turnout_ms : ndarray of float64, shape (u,)
        How long its crew takes to leave a station.
    suitable : ndarray of bool, shape (needs, u)
        What each unit can do.
    limit_ms : ndarray of float64, shape (priorities,)
        Response time that is still in time, by priority.
    from_call : ndarray of bool, shape (priorities,)
        Whether it counts from the call, else from the dispatch.
    counts : ndarray of bool, shape (priorities,)
        Whether being late counts, by priority.
    priority_share : ndarray of float64, shape (priorities,)
        Share of the incidents, by priority; their sum is 1.
    processing_ms : float
        Mean time from call to dispatch where a unit is free.
    busy_ms : float
        Mean time that a unit is tied to an incident, from dispatch to free.
    """

    station_ms: NDArray[np.float64]
    weight: NDArray[np.float64]
    calls_per_hour: NDArray[np.float64]
    home: NDArray[np.int64]
    turnout_ms: NDArray[np.float64]
    suitable: NDArray[np.bool_]
    limit_ms: NDArray[np.float64]
    from_call: NDArray[np.bool_]
    counts: NDArray[np.bool_]
    priority_share: NDArray[np.float64]
    processing_ms: float
    busy_ms: float

    @cached_property
    def near(self) -> NDArray[np.bool_]:
        """Whether a unit at a station is in time in a zone, shape (q, s, z).

        By the limit of the most urgent priority, the mean call processing and turnout.
        """
        left = self.limit_ms[0] - self.turnout_ms.mean()
        if self.from_call[0]:
            left -= self.processing_ms
        return np.ascontiguousarray(self.station_ms <= left)

    @cached_property
    def _order(self) -> NDArray[np.int64]:
        return np.argsort(self.station_ms.transpose(0, 2, 1), axis=2, kind="stable")

    def by_drive(self, period: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return stations by their drive to each zone, and the drives.

        Parameters
        ----------
        period : int
            Which drives.

        Returns
        -------
        order : ndarray of int64, shape (z, s)
            The nearest first.
        drive_ms : ndarray of float64, shape (s, z)
            As in `station_ms`.
        """
        return self._order[period], self.station_ms[period]

    @cached_property
    def peers(self) -> NDArray[np.bool_]:
        """Whether two units can do the same, shape (u, u)."""
        return np.asarray((self.suitable[:, :, None] == self.suitable[:, None, :]).all(axis=0))

    @cached_property
    def groups(self) -> tuple[NDArray[np.bool_], ...]:
        """The units that can do the same, group by group, each of shape (u,)."""
        return tuple(np.unique(self.peers, axis=0)[::-1])

    @cached_property
    def busy_share(self) -> float:
        """Share of time that a unit is busy, as if all shared the work equally; at most .95."""
        load = float(self.calls_per_hour.mean()) * self.busy_ms / _HOUR_MS
        return min(0.95, max(0.01, load / max(1, len(self.home))))

    def calls_per_ms(self, now_ms: float) -> float:
        """Return the rate of incidents at a moment.

        Parameters
        ----------
        now_ms : float
            Time since the beginning, in milliseconds.

        Returns
        -------
        float
            Incidents a millisecond.
        """
        hour = min(int(now_ms // _HOUR_MS), len(self.calls_per_hour) - 1)
        return float(self.calls_per_hour[hour]) / _HOUR_MS
