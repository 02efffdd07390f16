"""Which units go to which of several waiting incidents, all at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from routing.errors import InputError
from routing.network import UNREACHABLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

Alternatives = tuple[tuple[int, ...], ...]
"""A response plan: alternatives, each the rows of the slots that it asks for."""

MOST_COST: Final = 1 << 45
"""Sums over a million assignments stay exact in int64, which the solvers count in."""
_EXACT: Final = 1 << 60


@dataclass(frozen=True)
class Assignment:
    """Units for incidents.

    Parameters
    ----------
    units : tuple of tuple of int
        For each incident its units in the order of the slots; empty: it waits.
    alternative : tuple of int
        For each incident the alternative that is sent, -1: it waits.
    cost : int
        Sum of the costs of all that are sent and of all that wait.
    optimal : bool
        False where a time limit ended the search with a feasible answer.
    """

    units: tuple[tuple[int, ...], ...]
    alternative: tuple[int, ...]
    cost: int
    optimal: bool


def lateness_cost(
    arrival_ms: ArrayLike, weight: ArrayLike, limit_ms: ArrayLike, *, late_factor: int = 10
) -> NDArray[np.int64]:
    """Compute what it costs to send each unit to each incident.

    The cost is weight · (arrival + late_factor · max(0, arrival - limit)).

    Parameters
    ----------
    arrival_ms : array_like of int, shape (rows, units)
        Time until each unit would be on scene, in milliseconds; UNREACHABLE where it
        cannot be sent.
    weight : array_like of int, shape (rows,)
        Weight of each row's incident, 1 or more.
    limit_ms : array_like of int, shape (rows,)
        Time that is left until the incident is late.
    late_factor : int
        How much more a millisecond after the limit weighs.

    Returns
    -------
    ndarray of int64, shape (rows, units)
        Costs, UNREACHABLE replaced by -1: cannot be sent.
    """
    arrival = np.asarray(arrival_ms, dtype=np.int64)
    factor = np.asarray(weight, dtype=np.int64)[:, None]
    late = np.maximum(arrival - np.asarray(limit_ms, dtype=np.int64)[:, None], 0)
    return np.where(arrival < UNREACHABLE, factor * (arrival + late_factor * late), -1)


def largest_cost(incidents: int, units: int) -> int:
    """Return the largest cost that `assign` can reckon with.

    Its solver multiplies costs by about the square of the number of incidents and units,
    in 64 bits.

    Parameters
    ----------
    incidents, units : int
        How many there are.

    Returns
    -------
    int
        A cost; that of waiting counts too.
    """
    return int(min(MOST_COST, _EXACT // max(1, incidents + min(units, incidents**2)) ** 2))


def urgency_cost(
    plans: Sequence[Alternatives], cost: NDArray[np.int64], rank: ArrayLike
) -> NDArray[np.int64]:
    """Compute costs of waiting by which as many as can be are served, the most urgent first.

    One incident that is more urgent outweighs all that are less so, and each one all
    that sending units can cost.

    Parameters
    ----------
    plans : sequence of alternatives
        For each incident its alternatives, each the rows of `cost` of its slots.
    cost : ndarray of int64, shape (slots, units)
        Cost of sending each unit for each slot; negative: it cannot be sent.
    rank : array_like of int, shape (incidents,)
        Priority of each incident, 0 first. The least urgent ones count as equal where
        there are more kinds than can be told apart in exact sums.

    Returns
    -------
    ndarray of int64, shape (incidents,)
        Costs.
    """
    largest = largest_cost(len(plans), cost.shape[1])
    dearest = cost.max(axis=1, initial=0).tolist()
    most = 1 + sum(max((sum(dearest[r] for r in way) for way in plan), default=0) for plan in plans)
    level = np.unique(rank, return_inverse=True)[1].astype(np.int64)
    many = len(plans) + 1
    levels = int(level.max(initial=0)) + 1
    while levels > 1 and most * many ** (levels - 1) > largest:
        levels -= 1
    outweighs = [min(most * many ** (levels - 1 - each), largest) for each in range(levels)]
    return np.array(outweighs, dtype=np.int64)[np.minimum(level, levels - 1)]


def assign(cost: ArrayLike, waiting_cost: ArrayLike) -> Assignment:
    """Send at most one unit to each incident at the least total cost.

    Solved by cost scaling in OR-Tools' `linear_sum_assignment`; an incident may take an
    artificial unit of its own, at the price of waiting. For each incident only its
    cheapest units are looked at, as many as there are incidents: of those the others
    leave one, which costs no more than any unit beyond.

    Parameters
    ----------
    cost : array_like of int, shape (incidents, units)
        Cost of sending each unit to each incident; negative: it cannot be sent.
    waiting_cost : array_like of int, shape (incidents,)
        Cost of leaving each incident waiting. What outweighs any sum of costs is served
        whenever possible, the most expensive first where units are short.

    Returns
    -------
    Assignment
        The optimum; the same input gives the same answer.

    Raises
    ------
    InputError
        Shapes differ, or a number is too large to be summed exactly.
    """
    costs, waits = checked_costs(cost, waiting_cost)
    incidents = len(costs)
    if incidents == 0:
        return Assignment((), (), 0, True)
    allowed = cheapest(costs, incidents)
    row, column = np.nonzero(allowed)
    useful, column = np.unique(column, return_inverse=True)
    if max(costs[allowed].max(initial=0), waits.max()) > largest_cost(incidents, len(useful)):
        raise InputError("costs overflow", field="cost", fix="give smaller costs")
    own, left = np.arange(incidents), len(useful)
    # The problem must be square: each unit has a row of its own, in which it stays or takes
    # the column of an incident that it could serve, once a unit serves that one.
    # as long to load as many an answer of the service, which begins without it
    from ortools.graph.python import linear_sum_assignment  # noqa: PLC0415

    solver = linear_sum_assignment.SimpleLinearSumAssignment()
    solver.add_arcs_with_cost(
        np.concatenate([row, own, column + incidents, np.arange(left) + incidents]).astype(
            np.int32
        ),
        np.concatenate([column, own + left, row + left, np.arange(left)]).astype(np.int32),
        np.concatenate([costs[allowed], waits, np.zeros(len(row) + left, np.int64)]),
    )
    if solver.solve() != solver.OPTIMAL:
        raise InputError("costs overflow", field="cost", fix="give smaller costs")
    mates = [solver.right_mate(i) for i in range(incidents)]
    chosen = [int(useful[mate]) if mate < left else -1 for mate in mates]
    return Assignment(
        tuple((unit,) if unit >= 0 else () for unit in chosen),
        tuple(0 if unit >= 0 else -1 for unit in chosen),
        sum(int(costs[i, u]) if u >= 0 else int(waits[i]) for i, u in enumerate(chosen)),
        True,
    )


def closest_in_turn(
    plans: Sequence[Alternatives], cost: ArrayLike, waiting_cost: ArrayLike
) -> Assignment:
    """Serve the incidents one after the other, each slot by its cheapest unit left.

    The answer that is always ready: no solver, a pass over the costs. The incident that
    costs most to leave waiting comes first; of alternatives that can be sent in full the
    one whose most expensive unit is cheapest is taken.

    Parameters
    ----------
    plans, cost, waiting_cost
        As in `engine.assignment_sets.assign_sets`.

    Returns
    -------
    Assignment
        A feasible answer, not marked as optimal.

    Raises
    ------
    InputError
        Shapes differ, or a plan names a row that is not there.
    """
    costs = np.asarray(cost, dtype=np.int64)
    _, waits = checked_costs(np.full((len(plans), 1), -1), waiting_cost)
    check_plans(plans, costs)
    free = np.ones(costs.shape[1], dtype=np.bool_)
    units: list[tuple[int, ...]] = [()] * len(plans)
    alternative = [-1] * len(plans)
    total = 0
    for incident in np.argsort(-waits, kind="stable").tolist():
        best = None
        for number, rows in enumerate(plans[incident]):
            found = _greedy(rows, costs, free)
            if found is not None:
                worst = max(int(costs[r, u]) for r, u in zip(rows, found, strict=True))
                if best is None or worst < best[0]:
                    best = worst, number, found
        if best is None:
            total += int(waits[incident])
            continue
        _, number, found = best
        units[incident], alternative[incident] = found, number
        free[list(found)] = False
        rows = plans[incident][number]
        total += sum(int(costs[r, u]) for r, u in zip(rows, found, strict=True))
    return Assignment(tuple(units), tuple(alternative), total, False)


def _greedy(
    rows: tuple[int, ...], costs: NDArray[np.int64], free: NDArray[np.bool_]
) -> tuple[int, ...] | None:
    left = free.copy()
    found = []
    for row in rows:
        priced = np.where(left & (costs[row] >= 0), costs[row], np.iinfo(np.int64).max)
        unit = int(priced.argmin()) if len(priced) else -1
        if unit < 0 or priced[unit] == np.iinfo(np.int64).max:
            return None
        found.append(unit)
        left[unit] = False
    return tuple(found)


def cheapest(costs: NDArray[np.int64], count: int) -> NDArray[np.bool_]:
    """Mark the cheapest units of each row that can be sent.

    Parameters
    ----------
    costs : ndarray of int64, shape (rows, units)
        Costs; negative: it cannot be sent.
    count : int
        How many of each row at most.

    Returns
    -------
    ndarray of bool, shape (rows, units)
        True for them; of equal ones the first.
    """
    priced = np.where(costs >= 0, costs, np.iinfo(np.int64).max)
    nearest = np.argsort(priced, axis=1, kind="stable")[:, :count]
    allowed = np.zeros(costs.shape, dtype=np.bool_)
    np.put_along_axis(allowed, nearest, True, axis=1)
    return allowed & (costs >= 0)


def checked_costs(
    cost: ArrayLike, waiting_cost: ArrayLike
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return costs as arrays that can be summed exactly.

    Parameters
    ----------
    cost, waiting_cost
        As in `assign`.

    Returns
    -------
    cost : ndarray of int64, shape (incidents, units)
        The same.
    waiting_cost : ndarray of int64, shape (incidents,)
        The same.

    Raises
    ------
    InputError
        Shapes differ, or a number is too large or negative.
    """
    costs = np.asarray(cost, dtype=np.int64)
    waits = np.asarray(waiting_cost, dtype=np.int64).reshape(-1)
    if costs.ndim != 2 or len(costs) != len(waits):
        raise InputError(
            f"shape {costs.shape} for {len(waits)} incidents",
            field="cost",
            fix="give a row for each incident and a column for each unit",
        )
    if max(costs.max(initial=0), waits.max(initial=0)) > MOST_COST or waits.min(initial=0) < 0:
        raise InputError(
            f"a cost is negative or above {MOST_COST}",
            field="waiting_cost",
            fix="give 0 or more, and smaller costs",
        )
    return costs, waits


def check_plans(plans: Sequence[Alternatives], costs: NDArray[np.int64]) -> None:
    """Check that response plans name rows that are there.

    Parameters
    ----------
    plans : sequence of alternatives
        For each incident its alternatives.
    costs : ndarray of int64, shape (slots, units)
        The costs.

    Raises
    ------
    InputError
        A plan names no row, or one that is not there, or a cost is too large.
    """
    if costs.ndim != 2 or costs.max(initial=0) > MOST_COST:
        raise InputError(
            f"shape {costs.shape}, or a cost above {MOST_COST}",
            field="cost",
            fix="give a row for each slot and a column for each unit",
        )
    for incident, plan in enumerate(plans):
        rows = [row for alternative in plan for row in alternative]
        if not all(plan) or not all(0 <= row < len(costs) for row in rows):
            raise InputError(
                f"incident {incident} has {plan}",
                field="plans",
                fix=f"name rows of cost, 0 to {len(costs) - 1}, at least one an alternative",
            )
