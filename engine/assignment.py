"""Which units go to which of several waiting incidents, all at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from ortools.graph.python import linear_sum_assignment
from ortools.sat.python import cp_model

from routing.errors import InputError
from routing.network import UNREACHABLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

Alternatives = tuple[tuple[int, ...], ...]
"""A response plan: alternatives, each the rows of the slots that it asks for."""

_MOST_COST: Final = 1 << 45
"""Sums over a million assignments stay exact in int64, which the solvers count in."""


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
    costs, waits = _checked(cost, waiting_cost)
    incidents = len(costs)
    if incidents == 0:
        return Assignment((), (), 0, True)
    allowed = _cheapest(costs, incidents)
    row, column = np.nonzero(allowed)
    useful, column = np.unique(column, return_inverse=True)
    own, left = np.arange(incidents), len(useful)
    # The problem must be square: each unit has a row of its own, in which it stays or takes
    # the column of an incident that it could serve, once a unit serves that one.
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


def assign_sets(
    plans: Sequence[Alternatives],
    cost: ArrayLike,
    waiting_cost: ArrayLike,
    *,
    time_limit_s: float,
) -> Assignment:
    """Send whole responses of several units to several incidents, at the least total cost.

    An incident gets all units of one of its alternatives, or waits. Solved by CP-SAT on
    one thread with a fixed seed, begun at the answer of `closest_in_turn`: a proven
    optimum does not depend on the time limit.

    Parameters
    ----------
    plans : sequence of alternatives
        For each incident its alternatives, each the rows of `cost` of its slots.
    cost : array_like of int, shape (slots, units)
        Cost of sending each unit for each slot; negative: it cannot be sent.
    waiting_cost : array_like of int, shape (incidents,)
        Cost of leaving each incident waiting.
    time_limit_s : float
        Time that the solver may take.

    Returns
    -------
    Assignment
        The optimum, or the best answer within the time limit.

    Raises
    ------
    InputError
        Shapes differ, a plan names a row that is not there, or no answer was found
        within the time limit.
    """
    costs = np.asarray(cost, dtype=np.int64)
    _, waits = _checked(np.full((len(plans), 1), -1), waiting_cost)
    _check_plans(plans, costs)
    if all(len(p) == 1 and len(p[0]) == 1 for p in plans) and plans:
        return assign(costs[[p[0][0] for p in plans]], waits)
    most = sum(max(map(len, plan), default=0) for plan in plans)
    allowed = _cheapest(costs, most)  # as in `assign`: others leave one of these
    start = closest_in_turn(plans, costs, waits)
    model = cp_model.CpModel()
    sends: list[list[cp_model.IntVar]] = []
    taken: dict[tuple[int, int, int, int], cp_model.IntVar] = {}
    by_unit: dict[int, list[cp_model.IntVar]] = {}
    terms = []
    for incident, plan in enumerate(plans):
        send = [model.new_bool_var("") for _ in plan]
        wait = model.new_bool_var("")
        model.add_exactly_one([*send, wait])
        terms.append(int(waits[incident]) * wait)
        model.add_hint(wait, start.alternative[incident] < 0)
        sends.append(send)
        for alternative, rows in enumerate(plan):
            begun = start.alternative[incident] == alternative
            model.add_hint(send[alternative], begun)
            for slot, row in enumerate(rows):
                options = []
                for unit in np.flatnonzero(allowed[row]).tolist():
                    take = model.new_bool_var("")
                    taken[incident, alternative, slot, unit] = take
                    model.add_hint(take, begun and start.units[incident][slot] == unit)
                    by_unit.setdefault(unit, []).append(take)
                    terms.append(int(costs[row, unit]) * take)
                    options.append(take)
                model.add(cp_model.LinearExpr.sum(options) == send[alternative])
    for takes in by_unit.values():
        model.add_at_most_one(takes)
    model.minimize(cp_model.LinearExpr.sum(terms))
    solver = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds = time_limit_s
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = 0
    status = solver.solve(model)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        raise InputError(
            f"no assignment within {time_limit_s:g} s", field="time_limit_s", fix="give more"
        )
    sent = tuple(
        next((a for a, var in enumerate(send) if solver.boolean_value(var)), -1) for send in sends
    )
    units: list[dict[int, int]] = [{} for _ in plans]
    for (incident, _, slot, unit), var in taken.items():
        if solver.boolean_value(var):
            units[incident][slot] = unit
    return Assignment(
        tuple(tuple(found[slot] for slot in sorted(found)) for found in units),
        sent,
        round(solver.objective_value),
        status == cp_model.OPTIMAL,
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
        As in `assign_sets`.

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
    _, waits = _checked(np.full((len(plans), 1), -1), waiting_cost)
    _check_plans(plans, costs)
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


def _cheapest(costs: NDArray[np.int64], count: int) -> NDArray[np.bool_]:
    """Mark the cheapest units of each row, at most `count`, that can be sent."""
    priced = np.where(costs >= 0, costs, np.iinfo(np.int64).max)
    nearest = np.argsort(priced, axis=1, kind="stable")[:, :count]
    allowed = np.zeros(costs.shape, dtype=np.bool_)
    np.put_along_axis(allowed, nearest, True, axis=1)
    return allowed & (costs >= 0)


def _checked(
    cost: ArrayLike, waiting_cost: ArrayLike
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    costs = np.asarray(cost, dtype=np.int64)
    waits = np.asarray(waiting_cost, dtype=np.int64).reshape(-1)
    if costs.ndim != 2 or len(costs) != len(waits):
        raise InputError(
            f"shape {costs.shape} for {len(waits)} incidents",
            field="cost",
            fix="give a row for each incident and a column for each unit",
        )
    if max(costs.max(initial=0), waits.max(initial=0)) > _MOST_COST or waits.min(initial=0) < 0:
        raise InputError(
            f"a cost is negative or above {_MOST_COST}",
            field="waiting_cost",
            fix="give 0 or more, and smaller costs",
        )
    return costs, waits


def _check_plans(plans: Sequence[Alternatives], costs: NDArray[np.int64]) -> None:
    if costs.ndim != 2 or costs.max(initial=0) > _MOST_COST:
        raise InputError(
            f"shape {costs.shape}, or a cost above {_MOST_COST}",
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
