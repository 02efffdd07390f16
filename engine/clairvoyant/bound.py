"""The least number of late arrivals of anyone, had they known all incidents beforehand."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from scipy import sparse

from engine.clairvoyant.kernels import Jobs, Roads, best_chain
from engine.stationing.mip import Program, minimise
from routing.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

_ROUNDS: Final = 400
_DIVE_ROUNDS: Final = 8
_SMALL: Final = 1e-6
_MIP_S: Final = 20.0
_MIP_NODES: Final = 2000
_SMOOTHING: Final = 0.7


class Crew(NamedTuple):
    """Units that are alike: same station, same abilities, same duty.

    Parameters
    ----------
    units : int
        How many.
    home : int
        Their station, as a place.
    turnout_ms : float
        Time that they take to leave it.
    roads : Roads
        Drives, and ways home to their station.
    able : ndarray of bool, shape (n,)
        Incidents that they can serve.
    on_ms : ndarray of float64, shape (spans, 2)
        When they are on duty.
    """

    units: int
    home: int
    turnout_ms: float
    roads: Roads
    able: NDArray[np.bool_]
    on_ms: NDArray[np.float64]


class Column(NamedTuple):
    """A chain of incidents for one unit of a crew."""

    crew: int
    chain: tuple[int, ...]
    late: int


@dataclass(frozen=True)
class Clairvoyant:
    """How few incidents could have been reached late.

    Parameters
    ----------
    incidents : int
        How many there were.
    bound : int
        Nobody could have been late less often.
    reached : int
        So often is late who follows `chains`; equal to `bound` where it is proven.
    relaxed : float
        The linear bound that `bound` was rounded up from.
    chains : tuple of Column
        Who serves what, in order; incidents in none of them are served after all others.
    rounds : int
        How often chains were sought.
    """

    incidents: int
    bound: int
    reached: int
    relaxed: float
    chains: tuple[Column, ...]
    rounds: int

    @property
    def proven(self) -> bool:
        """Whether nobody can do better than `chains`."""
        return self.bound == self.reached


def clairvoyant(  # noqa: C901, PLR0912  # rounds of column generation
    jobs: Jobs,
    crews: Sequence[Crew],
    *,
    planned: bool = True,
    stopped: Callable[[], bool] = lambda: False,
) -> Clairvoyant:
    """Find the least number of late arrivals.

    A unit serves a chain of incidents; each incident that no unit reaches in time costs
    1, whether a unit comes late, and is near what follows, or only after all others. The
    linear program over all chains is solved by column generation: the best chain under
    its prices is a longest path in time (`best_chain`), and Lagrange's function of the
    prices is a bound in each round (Desaulniers, Desrosiers, Solomon 2005,
    doi:10.1007/b135457). An integer program then chooses among the chains found.

    Parameters
    ----------
    jobs : Jobs
        The incidents. One that is reached later than `Jobs.last_ms` counts as put off to
        the end: the bound is for those who let nobody wait longer.
    crews : sequence of Crew
        The units.
    planned : bool
        Look for a plan too; without one, `Clairvoyant.reached` is all that counts.
    stopped : callable
        Asked between rounds; the bound found so far is given once it says True.

    Returns
    -------
    Clairvoyant
        The bound, and a plan.

    Raises
    ------
    InputError
        Incidents are not in the order in which units may be sent.
    """
    n = len(jobs.ready_ms)
    if n and np.any(np.diff(jobs.ready_ms) < 0):
        raise InputError("incidents are out of order", field="ready_ms", fix="sort them")
    if n == 0:
        return Clairvoyant(0, 0, 0, 0.0, (), 0)
    columns: dict[tuple[int, tuple[int, ...]], Column] = {}
    master = _Master(jobs.cost, [crew.units for crew in crews])
    bound, price = 0.0, np.ones(n)
    rounds = 0
    while rounds < _ROUNDS:
        rounds += 1
        solved = master.solve()
        if solved is None:
            break
        value, prices, rents = solved
        fresh = 0
        # prices between the last best and the new ones find a good bound sooner
        for used in (_SMOOTHING * price + (1 - _SMOOTHING) * prices, prices):
            total = 0.0
            for number, crew in enumerate(crews):
                worth, chain, lates = best_chain(
                    jobs, crew.roads, crew.home, crew.turnout_ms, crew.able, crew.on_ms, used
                )
                total += crew.units * worth
                column = _column(jobs, number, chain, lates)
                gain = prices[list(column.chain)].sum() - column.late - rents[number]
                if gain > _SMALL and (number, column.chain) not in columns:
                    columns[number, column.chain] = column
                    master.add(column)
                    fresh += 1
            if used.sum() - total > bound:
                bound, price = float(used.sum() - total), used
            if fresh:
                break
        if not fresh or value - bound < _SMALL or stopped():
            break
    least = max(0, math.ceil(bound - _SMALL))
    if not planned:
        return Clairvoyant(n, least, int(jobs.cost.sum()), bound, (), rounds)
    chosen, late = _dive(jobs, crews)
    if late > least and not stopped():
        known = {(c.crew, c.chain): c for c in (*columns.values(), *chosen)}
        whole, fewer = _whole(jobs.cost, crews, list(known.values()))
        if fewer < late:
            chosen, late = whole, fewer
    return Clairvoyant(n, min(least, late), late, bound, chosen, rounds)


def _dive(  # noqa: C901  # rounds of column generation in each dive
    jobs: Jobs, crews: Sequence[Crew]
) -> tuple[tuple[Column, ...], int]:
    """Fix chains one after the other, and seek the others anew for what they leave."""
    n = len(jobs.ready_ms)
    left = [crew.units for crew in crews]
    open_ = np.ones(n, dtype=np.bool_)
    chosen: list[Column] = []
    columns: dict[tuple[int, tuple[int, ...]], Column] = {}
    while sum(left) and open_.any():
        master = _Master(jobs.cost, left)
        columns = {key: c for key, c in columns.items() if open_[list(c.chain)].all()}
        for column in columns.values():
            master.add(column)
        for _ in range(_DIVE_ROUNDS if chosen else _ROUNDS):
            solved = master.solve()
            if solved is None:
                break
            _, prices, rents = solved
            prices = np.where(open_, prices, 0.0)
            fresh = 0
            for number, crew in enumerate(crews):
                if left[number] == 0:
                    continue
                worth, chain, lates = best_chain(
                    jobs,
                    crew.roads,
                    crew.home,
                    crew.turnout_ms,
                    crew.able & open_,
                    crew.on_ms,
                    prices,
                )
                column = _column(jobs, number, chain, lates)
                if worth - rents[number] > _SMALL and (number, column.chain) not in columns:
                    columns[number, column.chain] = column
                    master.add(column)
                    fresh += 1
            if not fresh:
                break
        if master.solve() is None:
            break
        shares = master.shares()
        if not len(shares):
            break
        # the largest share; of equals the longest chain
        listed = list(columns.values())
        rank = [
            (round(share, 6) if len(set(c.chain)) == len(c.chain) else 0.0, len(c.chain))
            for share, c in zip(shares.tolist(), listed, strict=True)
        ]
        best = max(range(len(listed)), key=rank.__getitem__)
        taken = listed[best]
        if rank[best][0] < _SMALL or not taken.chain:
            break
        chosen.append(taken)
        left[taken.crew] -= 1
        open_[list(taken.chain)] = False
    return tuple(chosen), int(jobs.cost[open_].sum()) + sum(column.late for column in chosen)


def _column(jobs: Jobs, crew: int, chain: NDArray[np.int64], lates: NDArray[np.bool_]) -> Column:
    return Column(crew, tuple(chain.tolist()), int(jobs.cost[chain][lates].sum()))


class _Master:
    """The linear program over the chains found so far."""

    def __init__(self, cost: NDArray[np.float64], units: Sequence[int]) -> None:
        self._put_off = cost.tolist()
        self._units = list(units)
        self._columns: list[Column] = []
        self._begin()

    def _begin(self) -> None:
        from ortools.linear_solver import pywraplp  # noqa: PLC0415 - slow, not always needed

        self._solver = pywraplp.Solver.CreateSolver("CLP")
        inf = self._solver.infinity()
        self._chains: list[Any] = []
        self._served = [self._solver.Constraint(1, 1) for _ in self._put_off]
        self._have = [self._solver.Constraint(-inf, count) for count in self._units]
        self._cost = self._solver.Objective()
        self._cost.SetMinimization()
        for row, late in zip(self._served, self._put_off, strict=True):
            put_off = self._solver.NumVar(0, inf, "")
            row.SetCoefficient(put_off, 1)
            self._cost.SetCoefficient(put_off, late)
        for column in self._columns:
            self._enter(column)

    def _enter(self, column: Column) -> None:
        variable = self._solver.NumVar(0, self._solver.infinity(), "")
        for job in column.chain:
            row = self._served[job]
            row.SetCoefficient(variable, row.GetCoefficient(variable) + 1)
        self._have[column.crew].SetCoefficient(variable, 1)
        self._cost.SetCoefficient(variable, column.late)
        self._chains.append(variable)

    def add(self, column: Column) -> None:
        self._columns.append(column)
        self._enter(column)

    def shares(self) -> NDArray[np.float64]:
        """Return how much of each chain the last solution takes."""
        return np.array([variable.solution_value() for variable in self._chains])

    def solve(self) -> tuple[float, NDArray[np.float64], NDArray[np.float64]] | None:
        """Return the value, what serving each incident is worth, and what a unit costs."""
        if self._solver.Solve() != self._solver.OPTIMAL:
            # after many changes the simplex method may lose its way; from scratch it rarely does
            self._begin()
            if self._solver.Solve() != self._solver.OPTIMAL:
                return None
        prices = np.array([row.dual_value() for row in self._served])
        rents = np.array([-row.dual_value() for row in self._have])
        return self._cost.Value(), prices, rents


def _whole(
    cost: NDArray[np.float64], crews: Sequence[Crew], columns: Sequence[Column]
) -> tuple[tuple[Column, ...], int]:
    """Choose chains, as many as there are units, so that the fewest incidents are late."""
    jobs = len(cost)
    if not columns or not jobs:
        return (), int(cost.sum())
    entries = [(job, at) for at, column in enumerate(columns) for job in column.chain]
    rows, cols = np.array(entries, dtype=np.int64).T
    size = len(columns)
    serve = sparse.csr_array((np.ones(len(rows)), (rows, cols)), shape=(jobs, size))
    use = sparse.csr_array(
        (np.ones(size), ([c.crew for c in columns], np.arange(size))), shape=(len(crews), size)
    )
    matrix = sparse.csr_array(
        sparse.vstack(
            [sparse.hstack([serve, sparse.identity(jobs)]), sparse.hstack([use, _none(use, jobs)])]
        )
    )
    units = np.array([crew.units for crew in crews], dtype=np.float64)
    program = Program(
        matrix=matrix,
        at_least=np.r_[np.ones(jobs), np.zeros(len(crews))],
        at_most=np.r_[np.ones(jobs), units],
        objective=np.r_[[float(column.late) for column in columns], cost],
        lower=np.zeros(size + jobs),
        upper=np.r_[units[[c.crew for c in columns]], np.ones(jobs)],
        integer=np.r_[np.ones(size, dtype=np.bool_), np.zeros(jobs, dtype=np.bool_)],
    )
    answer = minimise(program, seconds=_MIP_S, tolerance=1 - 1e-3, nodes=_MIP_NODES)
    if answer.values is None:
        return (), int(cost.sum())
    counts = np.rint(answer.values[:size]).astype(np.int64)
    chosen = tuple(c for c, count in zip(columns, counts, strict=True) for _ in range(count))
    left = np.ones(jobs, dtype=np.bool_)
    left[[job for column in chosen for job in column.chain]] = False
    return chosen, int(cost[left].sum()) + sum(column.late for column in chosen)


def _none(use: sparse.csr_array, jobs: int) -> sparse.csr_array:
    return sparse.csr_array((use.shape[0], jobs))
