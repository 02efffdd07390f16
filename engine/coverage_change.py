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
    times = np.asarray(times_ms, dtype=np.float64)
    demand = np.asarray(weight, dtype=np.float64).reshape(-1)
    idle = np.asarray(free, dtype=np.bool_).reshape(-1)
    if times.shape != (len(idle), len(demand)):
        raise InputError(
            f"shape {times.shape} for {len(idle)} units and {len(demand)} zones",
            field="times_ms",
            fix="give a row for each unit and a column for each zone",
        )
    if not np.all(np.isfinite(demand) & (demand >= 0)):
        first = int(np.flatnonzero(~(np.isfinite(demand) & (demand >= 0)))[0])
        raise InputError(f"zone {first} has {demand[first]}", field="weight", fix="give 0 or more")
    total = float(demand.sum())
    if total == 0:
        return 0.0, 0.0
    reached = (times <= limit_ms) & idle[:, None]
    before = _share(reached, demand, total)
    reached[np.unique(np.asarray(sent, dtype=np.int64))] = False
    return before, _share(reached, demand, total)


def _share(reached: NDArray[np.bool_], demand: NDArray[np.float64], total: float) -> float:
    return float(demand[reached.any(axis=0)].sum()) / total
