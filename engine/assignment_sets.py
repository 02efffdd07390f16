"""Whole responses of several units for several incidents, all at once."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from engine.assignment import (
    Assignment,
    assign,
    cheapest,
    check_plans,
    checked_costs,
    closest_in_turn,
    largest_cost,
)
from engine.mip import Program, minimise

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from engine.assignment import Alternatives
    from engine.mip import Answer

_FIRST: Final = 6
_MORE: Final = 6
"""Units that a slot is offered at first, and those more that prices speak for."""


def assign_sets(
    plans: Sequence[Alternatives],
    cost: ArrayLike,
    waiting_cost: ArrayLike,
    *,
    time_limit_s: float,
) -> Assignment:
    """Send whole responses of several units to several incidents, at the least total cost.

    An incident gets all units of one of its alternatives, or waits. A linear program, to
    which units are added as long as its prices ask for them (column generation), bounds
    the cost. Where it leaves a choice between alternatives open, an integer program over
    the pairs that could still save anything by these prices decides (reduced-cost fixing:
    Dantzig, Fulkerson, Johnson 1954, doi:10.1287/opre.2.4.393); given the alternatives,
    the units follow from `engine.assignment.assign`. Both programs are solved by HiGHS
    through OR-Tools.

    Parameters
    ----------
    plans : sequence of alternatives
        For each incident its alternatives, each the rows of `cost` of its slots.
    cost : array_like of int, shape (slots, units)
        Cost of sending each unit for each slot; negative: it cannot be sent.
    waiting_cost : array_like of int, shape (incidents,)
        Cost of leaving each incident waiting.
    time_limit_s : float
        Time that the solvers may take; with 0 they are not asked.

    Returns
    -------
    Assignment
        The optimum, or the best answer within the time limit, no worse than that of
        `engine.assignment.closest_in_turn`.

    Raises
    ------
    InputError
        Shapes differ, or a plan names a row that is not there.
    """
    ends = time.monotonic() + time_limit_s
    costs = np.asarray(cost, dtype=np.int64)
    _, waits = checked_costs(np.full((len(plans), 1), -1), waiting_cost)
    check_plans(plans, costs)
    if all(len(p) == 1 and len(p[0]) == 1 for p in plans):
        return assign(costs[[p[0][0] for p in plans]], waits)
    best = closest_in_turn(plans, costs, waits)
    if time_limit_s <= 0:
        return best
    question = _Question(plans, costs, waits)
    relaxed = question.relaxed(ends)
    if relaxed is None:
        return best
    best = min(best, question.filled(relaxed.values), key=lambda each: each.cost)
    gap = best.cost - relaxed.least
    if gap < question.whole:
        return replace(best, optimal=True)
    useful = question.priced & (relaxed.reduced <= gap + question.eps)
    answer = question.solve(useful, ends, whole=True)
    if answer.values is None:
        return best
    best = min(best, question.filled(answer.values), key=lambda each: each.cost)
    return replace(best, optimal=bool(best.cost - answer.bound < question.whole))


class _Relaxed(NamedTuple):
    values: NDArray[np.float64]
    least: float
    reduced: NDArray[np.float64]


class _Question:
    """Incidents with their alternatives, slots and costs, as programs."""

    def __init__(
        self,
        plans: Sequence[Alternatives],
        costs: NDArray[np.int64],
        waits: NDArray[np.int64],
    ) -> None:
        self.plans, self.costs, self.waits = plans, costs, waits
        choices = [(i, rows) for i, plan in enumerate(plans) for rows in plan]
        self.incident = np.array([i for i, _ in choices], dtype=np.int64)
        self.choice = np.repeat(np.arange(len(choices)), [len(rows) for _, rows in choices])
        rows = np.array([row for _, each in choices for row in each], dtype=np.int64)
        most = sum(max(map(len, plan), default=0) for plan in plans)
        self.slot_cost = costs[rows]
        # of a slot's cheapest units, as many as all incidents need, the others leave one
        self.priced = cheapest(self.slot_cost, most)
        scale = float(max(waits.max(initial=0), self.slot_cost.max(initial=0)))
        self.eps = 1e-6 + 1e-11 * scale
        self.whole = 1 - min(0.5, self.eps)

    def program(self, used: NDArray[np.bool_], *, whole: bool) -> Program:
        """Write the program: who waits, which alternatives, and pairs of slot and unit."""
        n, k, slots = len(self.waits), len(self.incident), len(self.slot_cost)
        slot, unit = np.nonzero(used)
        own, unit = np.unique(unit, return_inverse=True)
        units = len(own)
        pair = n + k + np.arange(len(slot))
        choices = n + np.arange(k)
        rows = [np.arange(n), self.incident, n + np.arange(slots), n + slot, n + slots + unit]
        columns = [np.arange(n), choices, n + self.choice, pair, pair]
        signs = [1.0, 1.0, -1.0, 1.0, 1.0]
        from scipy import sparse  # noqa: PLC0415  # the service begins without it

        matrix = sparse.csr_array(
            (
                np.concatenate([np.full(len(r), s) for r, s in zip(rows, signs, strict=True)]),
                (np.concatenate(rows), np.concatenate(columns)),
            ),
            shape=(n + slots + units, n + k + len(slot)),
        )
        total = n + k + len(slot)
        exactly = np.concatenate([np.ones(n), np.zeros(slots)])
        return Program(
            matrix=matrix,
            at_least=np.concatenate([exactly, np.full(units, -np.inf)]),
            at_most=np.concatenate([exactly, np.ones(units)]),
            objective=np.concatenate([self.waits, np.zeros(k), self.slot_cost[used]]).astype(float),
            lower=np.zeros(total),
            upper=np.full(total, np.inf if not whole else 1.0),
            integer=np.arange(total) < (n + k if whole else 0),
        )

    def solve(self, used: NDArray[np.bool_], ends: float, *, whole: bool) -> Answer:
        """Solve the program of some pairs."""
        left = max(1e-3, ends - time.monotonic())
        program = self.program(used, whole=whole)
        return minimise(program, seconds=left, tolerance=self.whole * 0.999, priced=not whole)

    def relaxed(self, ends: float) -> _Relaxed | None:
        """Solve the linear program of all pairs, beginning with few; None if time runs out."""
        n, slots = len(self.waits), len(self.slot_cost)
        used = cheapest(self.slot_cost, _FIRST)
        while True:
            answer = self.solve(used, ends, whole=False)
            if answer.values is None or answer.prices is None:
                return None
            of_unit = np.zeros(self.costs.shape[1])
            of_unit[used.any(axis=0)] = answer.prices[n + slots :]
            reduced = self.slot_cost - answer.prices[n : n + slots, None] - of_unit
            worth = np.where(self.priced & ~used, reduced, np.inf)
            order = np.argsort(worth, axis=1)[:, :_MORE]
            more = np.zeros_like(used)
            np.put_along_axis(more, order, True, axis=1)
            more &= worth < -self.eps
            if not more.any():
                return _Relaxed(answer.values, float(answer.bound), reduced)
            if time.monotonic() > ends:
                return None
            used |= more

    def filled(self, values: NDArray[np.float64]) -> Assignment:
        """Send the alternatives that a solution speaks for most, by the cheapest units."""
        n = len(self.waits)
        chosen = np.full(n, -1)
        most = values[:n].copy()
        for choice, value in enumerate(values[n : n + len(self.incident)].tolist()):
            incident = self.incident[choice]
            if value > most[incident]:
                most[incident], chosen[incident] = value, choice
        while True:
            slots = np.flatnonzero(np.isin(self.choice, chosen[chosen >= 0]))
            own = self.slot_cost[slots]
            outweighs = min(
                largest_cost(*own.shape), (len(slots) + 1) * (int(own.max(initial=0)) + 1)
            )
            sent = assign(own, np.full(len(slots), outweighs))
            unit = np.array([each[0] if each else -1 for each in sent.units], dtype=np.int64)
            if (unit >= 0).all():
                break
            # whose units are not all there waits, so that the others have his
            lacking = self.incident[self.choice[slots[np.flatnonzero(unit < 0)[-1]]]]
            chosen[lacking] = -1
        return self._completed(chosen, slots, unit)

    def _completed(
        self, chosen: NDArray[np.int64], slots: NDArray[np.int64], unit: NDArray[np.int64]
    ) -> Assignment:
        """Give those who wait what is left, where that costs less than that they wait."""
        left = self.costs.copy()
        left[:, unit] = -1
        waiting = np.flatnonzero(chosen < 0)
        others = closest_in_turn(
            [self.plans[i] for i in waiting.tolist()], left, self.waits[waiting]
        )
        units: list[tuple[int, ...]] = [()] * len(self.waits)
        alternative = [-1] * len(self.waits)
        total = int(self.slot_cost[slots, unit].sum())
        for row, incident in enumerate(waiting.tolist()):
            wait, number = int(self.waits[incident]), others.alternative[row]
            rows = self.plans[incident][number] if number >= 0 else ()
            paid = int(self.costs[list(rows), list(others.units[row])].sum())
            if number >= 0 and paid < wait:
                units[incident], alternative[incident] = others.units[row], number
            total += min(paid, wait) if number >= 0 else wait
        for incident in np.flatnonzero(chosen >= 0).tolist():
            choice = int(chosen[incident])
            first = int(np.flatnonzero(self.incident == incident)[0])
            alternative[incident] = choice - first
            units[incident] = tuple(unit[self.choice[slots] == choice].tolist())
        return Assignment(tuple(units), tuple(alternative), total, False)
