"""How much of the demand stays within reach when units leave."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engine.coverage_change_kernels import count_reached
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
    row : array_like of int, shape (units,), optional
        The row of `times_ms` that holds for each unit, where it is not its own.
    leave_ms : array_like of int, shape (units,), optional
        What each needs before it drives, where `times_ms` does not hold that.

    Raises
    ------
    InputError
        As in `covered_share`.
    """

    def __init__(
        self,
        times_ms: ArrayLike,
        weight: ArrayLike,
        free: ArrayLike,
        limit_ms: float,
        row: ArrayLike | None = None,
        leave_ms: ArrayLike | None = None,
    ) -> None:
        times = np.asarray(times_ms)
        self._times = times if times.dtype == np.int32 else times.astype(np.float64)
        demand = np.asarray(weight, dtype=np.float64).reshape(-1)
        idle = np.asarray(free, dtype=np.bool_).reshape(-1)
        places = np.arange(len(idle)) if row is None else np.asarray(row, dtype=np.int64)
        leave = np.zeros(len(idle)) if leave_ms is None else np.asarray(leave_ms)
        self._row, self._leave_ms = places, leave.astype(np.int64)
        if times.ndim != 2 or times.shape[1] != len(demand) or len(places) != len(idle):
            raise self._misshapen(times.shape, len(idle), len(demand))
        if len(places) and not (places.min() >= 0 and places.max() < len(times)):
            raise self._misshapen(times.shape, len(idle), len(demand))
        if row is None and len(times) != len(idle):
            raise self._misshapen(times.shape, len(idle), len(demand))
        fit = np.isfinite(demand) & (demand >= 0)
        if not np.all(fit):
            first = int(np.flatnonzero(~fit)[0])
            raise InputError(
                f"zone {first} has {demand[first]}", field="weight", fix="give 0 or more"
            )
        self._demand, self._idle, self._limit_ms = demand, idle, float(limit_ms)
        self._total = float(demand.sum())
        self._by = np.zeros(len(demand), dtype=np.int32)
        self._count(np.flatnonzero(idle), 1, self._by)
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
        gone = sorted(set(np.asarray(sent, dtype=np.int64).reshape(-1).tolist()))
        by = self._by.copy()
        self._count(np.array([unit for unit in gone if self._idle[unit]], np.int64), -1, by)
        return self._share(by)

    def _count(self, units: NDArray[np.int64], step: int, by: NDArray[np.int32]) -> None:
        count_reached(self._times, self._row, self._leave_ms, units, self._limit_ms, step, by)

    def _share(self, by: NDArray[np.int32]) -> float:
        if self._total == 0:
            return 0.0
        return float(self._demand[by > 0].sum()) / self._total

    @staticmethod
    def _misshapen(shape: tuple[int, ...], units: int, zones: int) -> InputError:
        return InputError(
            f"shape {shape} for {units} units and {zones} zones",
            field="times_ms",
            fix="give a row for each unit and a column for each zone",
        )
