"""How much of the demand stays within reach when units leave."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from routing.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def covered_share(
    times_ms: ArrayLike, weight: ArrayLike, free: ArrayLike, limit_ms: float
) -> float:
    """Compute the share of the demand that a free unit reaches within a limit.

    Parameters
    ----------
    times_ms : array_like of float, shape (units, zones)
        Time from the position of each unit to each zone, in milliseconds, turnout
        included; `routing.network.UNREACHABLE` where no road leads.
    weight : array_like of float, shape (zones,)
        Demand of each zone, 0 or more.
    free : array_like of bool, shape (units,)
        True where the unit can be sent.
    limit_ms : float
        The limit in milliseconds; a time equal to it is within.

    Returns
    -------
    float
        0 to 1; 0 where there is no demand.

    Raises
    ------
    InputError
        Shapes differ, or a weight is negative or no number.
    """
    before, _ = coverage_change(times_ms, weight, free, np.empty(0, np.int64), limit_ms)
    return before


def coverage_change(
    times_ms: ArrayLike, weight: ArrayLike, free: ArrayLike, sent: ArrayLike, limit_ms: float
) -> tuple[float, float]:
    """Compute the covered share of the demand before and after units are sent.

    Parameters
    ----------
    times_ms, weight, free
        As in `covered_share`.
    sent : array_like of int
        Units that are free no more; repetitions count once.
    limit_ms : float
        As in `covered_share`.

    Returns
    -------
    before, after : float
        Shares, 0 to 1; `after` is never more than `before`.

    Raises
    ------
    InputError
        As in `covered_share`.
    """
    covered = Covered(times_ms, weight, free, limit_ms)
    return covered.before, covered.without(sent)


class Covered:
    """Which demand free units reach, to ask again and again who could be missed.

    Parameters
    ----------
    times_ms, weight, free, limit_ms
        As in `covered_share`.

    Raises
    ------
    InputError
        As in `covered_share`.
    """

    def __init__(
        self, times_ms: ArrayLike, weight: ArrayLike, free: ArrayLike, limit_ms: float
    ) -> None:
        times = np.asarray(times_ms)
        demand = np.asarray(weight, dtype=np.float64).reshape(-1)
        idle = np.asarray(free, dtype=np.bool_).reshape(-1)
        if times.shape != (len(idle), len(demand)):
            raise InputError(
                f"shape {times.shape} for {len(idle)} units and {len(demand)} zones",
                field="times_ms",
                fix="give a row for each unit and a column for each zone",
            )
        fit = np.isfinite(demand) & (demand >= 0)
        if not np.all(fit):
            first = int(np.flatnonzero(~fit)[0])
            raise InputError(
                f"zone {first} has {demand[first]}", field="weight", fix="give 0 or more"
            )
        self._demand = demand
        self._total = float(demand.sum())
        self._reached = (times <= limit_ms) & idle[:, None]
        self._by = self._reached.sum(axis=0, dtype=np.int32)
        self.before: float = self._share(self._by)

    def without(self, sent: ArrayLike) -> float:
        """Compute the covered share without some units.

        Parameters
        ----------
        sent : array_like of int
            Units that are free no more; repetitions count once.

        Returns
        -------
        float
            0 to 1; never more than with them.
        """
        gone = sorted(set(np.asarray(sent, dtype=np.int64).tolist()))
        return self._share(self._by - self._reached[gone].sum(axis=0, dtype=np.int32))

    def _share(self, by: NDArray[np.int32]) -> float:
        if self._total == 0:
            return 0.0
        return float(self._demand[by > 0].sum()) / self._total
