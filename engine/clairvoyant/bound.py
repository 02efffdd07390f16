"""The least number of late arrivals of anyone, had they known all incidents beforehand."""

from __future__ import annotations

import math
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from engine.clairvoyant.kernels import Jobs, Roads, best_chain
from routing.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

_ROUNDS: Final = 400
_DIVE_ROUNDS: Final = 8
_NODES: Final = 8
_SMALL: Final = 1e-6
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
    reached : int or None
        So often is late who follows `chains`; equal to `bound` where it is proven. None
        where no plan was sought.
    relaxed : float
        The linear bound that `bound` was rounded up from.
    chains : tuple of Column
        Who serves what, in order; incidents in none of them are served after all others.
    rounds : int
        How often chains were sought.
    """

    incidents: int
    bound: int
    reached: int | None
    relaxed: float
    chains: tuple[Column, ...]
    rounds: int

    @property
    def proven(self) -> bool:
        """Whether nobody can do better than `chains`."""
        return self.bound == self.reached


def clairvoyant(jobs: Jobs, crews: Sequence[Crew], *, planned: bool = True) -> Clairvoyant:
    """Find the least number of late arrivals.

    A unit serves a chain of incidents; each incident that no unit reaches in time costs
    1, whether a unit comes late, and is near what follows, or only after all others. The
    linear program over all chains is solved by column generation: the best chain under
    its prices is a longest path in time (`best_chain`), and Lagrange's function of the
    prices is a bound in each round (Desaulniers, Desrosiers, Solomon 2005,
    doi:10.1007/b135457). A plan is found by fixing chains one after the other; where it is
    not as good as the bound, a few branches on who serves an incident bring them closer.

    Parameters
    ----------
    jobs : Jobs
        The incidents. One that is reached later than `Jobs.last_ms` counts as put off to
        the end: the bound is for those who let nobody wait longer.
    crews : sequence of Crew
        The units.
    planned : bool
        Look for a plan too, which takes longer.

    Returns
    -------
    Clairvoyant
        The bound, and a plan.

    Raises
    ------
    InputError
        Incidents are not in the order in which units may be sent.
    """
    if np.any(np.diff(jobs.ready_ms) < 0):
        raise InputError("incidents are out of order", field="ready_ms", fix="sort them")
    n = len(jobs.ready_ms)
    if n == 0:
        return Clairvoyant(0, 0, 0, 0.0, (), 0)
    master = _Master(jobs, crews)
    relaxed, rounds = _relaxed(jobs, master)
    bound = _whole(relaxed)
    if not planned:
        return Clairvoyant(n, bound, None, relaxed, (), rounds)
    chains, late = _dive(jobs, crews, master)
    nodes = [(bound, 0, crews, master)]
    for number in range(1, _NODES):
        bound, _, own, master = heappop(nodes)
        split = master.split() if bound < late else None
        if split is None:
            heappush(nodes, (bound, 0, own, master))
            break
        for side, few in enumerate(_without(own, *split)):
            child = _Master(jobs, few, master.columns)
            least = max(bound, _whole(_relaxed(jobs, child)[0]))
            if least < late:
                found, fewer = _dive(jobs, few, child)
                if fewer < late:
                    chains, late = found, fewer
            heappush(nodes, (least, 2 * number + side, few, child))
    return Clairvoyant(n, min(nodes)[0], late, relaxed, chains, rounds)


def _whole(relaxed: float) -> int:
    return max(0, math.ceil(relaxed - _SMALL))


def _without(crews: Sequence[Crew], job: int, crew: int) -> Iterator[list[Crew]]:
    """Give the crews if one of them does not serve an incident, and if no other one does."""
    for own in (True, False):
        few = list(crews)
        for number, each in enumerate(crews):
            if (number == crew) == own:
                able = each.able.copy()
                able[job] = False
                few[number] = each._replace(able=able)
        yield few


def _relaxed(jobs: Jobs, master: _Master) -> tuple[float, int]:
    """Find the linear bound, and tell after how many rounds."""
    bound, price = 0.0, np.ones(len(jobs.ready_ms))
    for number in range(1, _ROUNDS + 1):
        solved = master.solve()
        if solved is None:
            return bound, number
        value, prices, rents = solved
        # prices between the last best and the new ones find a good bound sooner
        for used in (_SMOOTHING * price + (1 - _SMOOTHING) * prices, prices):
            least, fresh = master.price(used, prices, rents)
            if least > bound:
                bound, price = least, used
            if fresh:
                break
        if not fresh or value - bound < _SMALL:
            return bound, number
    return bound, _ROUNDS


def _dive(jobs: Jobs, crews: Sequence[Crew], master: _Master) -> tuple[tuple[Column, ...], int]:
    """Fix chains one after the other, and seek the others anew for what they leave."""
    left = list(crews)
    open_ = np.ones(len(jobs.ready_ms), dtype=np.bool_)
    chosen: list[Column] = []
    while sum(crew.units for crew in left) and open_.any():
        if chosen:
            free = [crew._replace(able=crew.able & open_) for crew in left]
            master = _Master(jobs, free, master.columns)
            for _ in range(_DIVE_ROUNDS):
                solved = master.solve()
                if solved is None or not master.price(solved[1], solved[1], solved[2])[1]:
                    break
        taken = master.largest()
        if taken is None:
            break
        chosen.append(taken)
        left[taken.crew] = left[taken.crew]._replace(units=left[taken.crew].units - 1)
        open_[list(taken.chain)] = False
    return tuple(chosen), int(jobs.cost[open_].sum()) + sum(column.late for column in chosen)


class _Master:
    """The linear program over the chains found so far."""

    def __init__(
        self,
        jobs: Jobs,
        crews: Sequence[Crew],
        columns: Sequence[Column] = (),
    ) -> None:
        self._jobs, self._crews = jobs, crews
        self.columns = [c for c in columns if crews[c.crew].able[list(c.chain)].all()]
        self._known = {(column.crew, column.chain) for column in self.columns}
        self._begin()

    def _begin(self) -> None:
        from ortools.linear_solver import pywraplp  # noqa: PLC0415 - slow, not always needed

        self._solver = pywraplp.Solver.CreateSolver("CLP")
        inf = self._solver.infinity()
        self._chains: list[Any] = []
        self._served = [self._solver.Constraint(1, 1) for _ in self._jobs.cost]
        self._have = [self._solver.Constraint(-inf, crew.units) for crew in self._crews]
        self._cost = self._solver.Objective()
        self._cost.SetMinimization()
        for row, late in zip(self._served, self._jobs.cost.tolist(), strict=True):
            put_off = self._solver.NumVar(0, inf, "")
            row.SetCoefficient(put_off, 1)
            self._cost.SetCoefficient(put_off, late)
        for column in self.columns:
            self._enter(column)

    def _enter(self, column: Column) -> None:
        variable = self._solver.NumVar(0, self._solver.infinity(), "")
        for job in column.chain:
            self._served[job].SetCoefficient(variable, 1)
        self._have[column.crew].SetCoefficient(variable, 1)
        self._cost.SetCoefficient(variable, column.late)
        self._chains.append(variable)

    def price(
        self, used: NDArray[np.float64], prices: NDArray[np.float64], rents: NDArray[np.float64]
    ) -> tuple[float, bool]:
        """Seek the best chain of each crew under prices; return their bound, and any news.

        A chain is news where it is worth more than its crew's rent under `prices`. Where
        there is news, chains that share no incident are sought too: what a plan is made of.
        """
        worths, fresh = 0.0, False
        for number, crew in enumerate(self._crews):
            if crew.units:
                worth, column = self._best(number, used)
                worths += crew.units * worth
                fresh |= self._news(column, prices, rents)
        if fresh:
            self.compose(used, prices, rents)
        return float(used.sum() - worths), fresh

    def compose(
        self, used: NDArray[np.float64], prices: NDArray[np.float64], rents: NDArray[np.float64]
    ) -> None:
        """Seek chains for all units, one after the other, among what those before leave."""
        left = used.copy()
        for number, crew in enumerate(self._crews):
            for _ in range(crew.units):
                _, column = self._best(number, left)
                self._news(column, prices, rents)
                left[list(column.chain)] = np.minimum(left[list(column.chain)], 0.0)

    def _best(self, number: int, worth_of: NDArray[np.float64]) -> tuple[float, Column]:
        crew, jobs = self._crews[number], self._jobs
        worth, chain, late = best_chain(
            jobs, crew.roads, crew.home, crew.turnout_ms, crew.able, crew.on_ms, worth_of
        )
        return worth, Column(number, tuple(chain.tolist()), int(jobs.cost[chain][late].sum()))

    def _news(
        self, column: Column, prices: NDArray[np.float64], rents: NDArray[np.float64]
    ) -> bool:
        gain = prices[list(column.chain)].sum() - column.late - rents[column.crew]
        if gain <= _SMALL or (column.crew, column.chain) in self._known:
            return False
        self._known.add((column.crew, column.chain))
        self.columns.append(column)
        self._enter(column)
        return True

    def largest(self) -> Column | None:
        """Solve, and return the chain that is taken most; of equals the longest, the first."""
        if not self.columns or self.solve() is None:
            return None
        shares = [round(variable.solution_value(), 6) for variable in self._chains]
        rank = [(share, len(c.chain)) for share, c in zip(shares, self.columns, strict=True)]
        best = max(range(len(rank)), key=rank.__getitem__)
        return self.columns[best] if rank[best][0] > 0 else None

    def split(self) -> tuple[int, int] | None:
        """Solve, and return an incident that several crews share, and the one with most of it."""
        if self.solve() is None:
            return None
        shares = np.zeros((len(self._jobs.ready_ms), len(self._crews)))
        for variable, column in zip(self._chains, self.columns, strict=True):
            shares[list(column.chain), column.crew] += variable.solution_value()
        shares[(shares < _SMALL) | (shares > 1 - _SMALL)] = 0.0
        job, crew = np.unravel_index(int(np.argmin(np.abs(shares - 0.5))), shares.shape)
        return (int(job), int(crew)) if shares[job, crew] > 0 else None

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
