"""Units of graded worth: local search, a bound by prices, and a small program at the end.

Choose whole numbers of units, k in all, so that ``sum_i w_i sum_r theta_r u_i(r)`` is
greatest (see `engine.stationing.gains`). With a price for each rank r of each demand
point i, a unit at site j is worth at most ``v_j = sum_i max_r (w_i theta_r u_ij -
pi_ir)+`` beyond the prices, so no choice gains more than the sum of all prices and of the
k best v_j: the Lagrangian dual of the assignment program, with the bound of its linear
relaxation (Geoffrion 1974, doi:10.1007/BFb0120690). What that bound shows to be in no
better choice is left out; the rest goes to cut rounds.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING, Final

import numpy as np

from engine.mip import never
from engine.stationing.allotment import Allotment
from engine.stationing.covering import UnitChoice
from engine.stationing.gain_program import GradedGain, maximise
from engine.stationing.graded_kernels import (
    best_addition,
    gain_of,
    ranked_worth,
)
from engine.stationing.program import ProgramBuilder
from engine.stationing.reduction import merge_alike
from engine.stationing.unit_tables_kernels import ranks_left, unit_tables

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from engine.stationing.effort import Effort

_RESTARTS: Final = 200
_IN_VAIN: Final = 25
_STEPS: Final = 1500
_PATIENCE: Final = 12
_SMALLEST_STEP: Final = 1e-4
_MEMORY: Final = 0.7
_CLOSE: Final = 5e-8
_ROUNDING: Final = 1e-12
_LEAST: Final = 1e-10
_POLISHED_EVERY: Final = 100
_NARROWED_EVERY: Final = 10
_NODE_STEPS: Final = 40
_SHARE_OF_NEW: Final = 0.05
_NODE_BYTES: Final = 5 * 10**8


def choose_graded_units(
    worth: NDArray[np.float64],
    weight: NDArray[np.float64],
    steps: NDArray[np.float64],
    k: int,
    *,
    capacity: NDArray[np.int64],
    lower: NDArray[np.int64],
    effort: Effort,
    seed: int = 0,
    stopped: Callable[[], bool] = never,
    bounding: bool = True,
    finishing: bool = True,
    stations: int | None = None,
    kept: NDArray[np.bool_] | None = None,
    offset: float = 0.0,
) -> UnitChoice:
    """Choose units of greatest gain, and bound all choices.

    Parameters
    ----------
    worth : ndarray of float64, shape (m, n)
        What a unit at each site is worth to a unit of each demand point; zero or more.
    weight : ndarray of float64, shape (n,)
        How much each demand point counts.
    steps : ndarray of float64, shape (s,)
        What the best unit counts, the second best and so on; never rising.
    k : int
        Units to place.
    capacity, lower : ndarray of int64, shape (m,)
        Most and fewest at each site; there is room for k.
    effort : Effort
        What may be spent.
    seed : int
        Seed of the restarts.
    stopped : callable
        Asked now and then; once it says True, the best choice so far is the answer.
    bounding, finishing : bool
        Whether to look for a bound, and to close the gap that it leaves.
    stations : int, optional
        Most sites that hold units, the kept ones included; any number by default. There
        is room for k in them.
    kept : ndarray of bool, shape (m,), optional
        Sites that are open without a unit; none by default.
    offset : float
        What the gain is taken from in the model's own objective, beside which a gap is
        judged: what is left may be far less than what is gained.

    Returns
    -------
    UnitChoice
        The best choice found, its gain, and a bound.
    """
    useful = (weight > 0) & worth.any(axis=0)
    merged, heavy = merge_alike(worth[:, useful], weight[useful])
    kept = np.zeros(len(worth), np.bool_) if kept is None else kept
    left = None if stations is None else stations - int(kept.sum())
    allotment = Allotment(k, lower, capacity, left, ~kept)
    task = _Task(
        np.ascontiguousarray(merged * heavy),
        steps[:k],
        allotment,
        effort,
        stopped,
        offset,
    )
    task.polish()
    if bounding:
        # what it narrows is no longer searched
        task.lower_bound()
    if not task.complete:
        task.search(np.random.Generator(np.random.Philox(seed)))
    if finishing and bounding and stations is not None:
        task.branch()
    elif finishing and not (task.complete or stopped() or effort.exhausted):
        task.finish(merged, heavy)
    return UnitChoice(task.best, task.gain, max(task.gain, task.bound))


class _Task:
    """The best choice known and what is known of better ones."""

    def __init__(
        self,
        worth: NDArray[np.float64],
        steps: NDArray[np.float64],
        allotment: Allotment,
        effort: Effort,
        stopped: Callable[[], bool],
        offset: float,
    ) -> None:
        self.worth, self.steps, self.k = worth, steps, allotment.k
        self.allotment, self.offset = allotment, offset
        self.effort, self.stopped = effort, stopped
        self._ranked = np.zeros((worth.shape[1], self.k + 1))
        self._table = np.zeros((len(worth), allotment.columns(len(steps))))
        self.price = np.zeros((worth.shape[1], len(steps)))
        self.mean = np.zeros((2, len(worth)))
        self.best = self._greedy()
        self.gain = self._gain(self.best)
        self.bound = float(self.steps.sum() * self.worth.max(axis=0, initial=0.0).sum())

    @property
    def enough(self) -> float:
        """A bound as good as the gain."""
        return self.gain + max(_CLOSE * abs(self.gain - self.offset), _ROUNDING * abs(self.gain))

    @property
    def complete(self) -> bool:
        return self.bound <= self.enough

    def _gain(self, units: NDArray[np.int64]) -> float:
        count = ranked_worth(self.worth, units, -1, 0, self._ranked)
        return float(gain_of(self._ranked, count, self.steps))

    def _greedy(self) -> NDArray[np.int64]:
        units = self.allotment.lower.copy()
        for _ in range(self.k - int(units.sum())):
            count = ranked_worth(self.worth, units, -1, 0, self._ranked)
            site, _ = best_addition(
                self.worth, self._ranked, count, self.steps, self.allotment.next_to(units), 1
            )
            units[site] += 1
            self.effort.spend(self.worth.size)
        return units

    def _improve(self, units: NDArray[np.int64]) -> None:
        """Polish a choice, in place, and keep it if it is the best one."""
        gain, done = self._gain(units), False
        while not (done or self.stopped() or self.effort.exhausted):
            done = True
            for site in np.flatnonzero(units > self.allotment.lower):
                loose = int(units[site] - self.allotment.lower[site])
                # where stations are few, a new one is worth all units of an old one
                houses = self.allotment.stations is not None and loose > 1
                for taken in (1, loose) if houses else (1,):
                    better = self._moved(units, int(site), taken, gain)
                    if better > gain:
                        gain, done = better, False
                        break
        if gain > self.gain:
            gain = self._gain(units)
        if gain > self.gain:
            self.best, self.gain = units.copy(), gain

    def _moved(self, units: NDArray[np.int64], site: int, taken: int, gain: float) -> float:
        """Move units to where they add most if that helps; return the gain."""
        count = ranked_worth(self.worth, units, site, taken, self._ranked)
        base = gain_of(self._ranked, count, self.steps)
        units[site] -= taken
        room = self.allotment.open_to(units, taken)
        other, added = best_addition(self.worth, self._ranked, count, self.steps, room, taken)
        self.effort.spend(self.worth.shape[1] * (int(room.sum()) + len(self.steps)))
        least = _LEAST * max(1.0, self.gain)
        if other < 0 or other == site or base + added <= gain + least:
            units[site] += taken
            return gain
        units[other] += taken
        return float(base + added)

    def polish(self) -> None:
        """Polish the greedy choice."""
        self._improve(self.best.copy())

    def search(self, random: np.random.Generator) -> None:
        """Polish shaken choices."""
        share = self.effort.share(0.25)
        in_vain = 0
        for _ in range(_RESTARTS):
            before = self.effort.cells
            if in_vain == _IN_VAIN or share.exhausted or self.stopped():
                break
            gain = self.gain
            self._improve(self._shaken(random))
            in_vain = 0 if self.gain > gain else in_vain + 1
            share.spend(int(before - self.effort.cells))

    def _shaken(self, random: np.random.Generator) -> NDArray[np.int64]:
        """Move some units elsewhere by chance."""
        units = self.best.copy()
        for _ in range(int(random.integers(1, max(2, min(self.k, 6)), endpoint=True))):
            leaving = np.flatnonzero(units > self.allotment.lower)
            if not len(leaving):
                break
            site = random.choice(leaving)
            loose = int(units[site] - self.allotment.lower[site])
            taken = 1 if self.allotment.stations is None else int(random.choice([1, loose]))
            units[site] -= taken
            room = np.flatnonzero(self.allotment.open_to(units, taken))
            units[random.choice(room)] += taken
        return units

    def lower_bound(self) -> None:
        """Lower the bound by prices of ranks, and narrow what sites may hold."""
        self.price = self._first_prices()
        self.bound, self.price, self.mean = self._ascend(
            self.allotment, self.price, self.bound, _STEPS, self.effort.share(0.5)
        )
        self._priced(self.allotment, self.price)
        self._narrow(self.allotment, self.price)

    def _ascend(
        self,
        allotment: Allotment,
        price: NDArray[np.float64],
        lowest: float,
        steps: int,
        share: Effort,
    ) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
        """Lower a bound by changing prices; return it, its prices and the mean choice."""
        direction = np.zeros_like(price)
        result = np.zeros_like(price)
        mean = np.array([self.best, self.best > 0], dtype=np.float64)
        best_price, scale, in_vain, unused = price.copy(), 1.0, 0, 0
        # prices move in proportion to their size, which falls by orders from rank to rank
        size = self.worth.max(axis=0)[:, None] * self.steps
        for step in range(steps):
            done = lowest <= self.enough or scale < _SMALLEST_STEP
            if done or share.exhausted or self.stopped():
                break
            before = self.effort.cells
            bound, units = self._priced(allotment, price)
            if bound == -np.inf:
                return bound, price, mean
            mean += _SHARE_OF_NEW * (np.array([units, units > 0]) - mean)
            if bound < lowest:
                in_vain = 0 if lowest - bound > _CLOSE * lowest else in_vain + 1
                lowest = bound
                best_price = price.copy()
                unused += 1
                if unused >= _NARROWED_EVERY:
                    self._narrow(allotment, price)
                    unused = 0
            else:
                in_vain += 1
            share.spend(int(before - self.effort.cells))
            if in_vain == _PATIENCE:
                scale, in_vain = scale / 2, 0
                price = best_price.copy()
                direction[:] = 0
                continue
            if step % _POLISHED_EVERY == 0:
                self._improve(units.copy())
            ranks_left(self.worth, self.steps, price, units, result)
            direction = result + _MEMORY * direction
            norm = float((size * direction**2).sum())
            if norm == 0:
                break
            length = scale * (bound - self.gain) / norm
            price = np.maximum(0.0, price - length * size * direction)
        return lowest, best_price, mean

    def _first_prices(self) -> NDArray[np.float64]:
        """Price each rank half-way between what its unit is worth there and what it adds."""
        count = ranked_worth(self.worth, self.best, -1, 0, self._ranked)
        depth = len(self.steps)
        ranked = np.zeros((len(self._ranked), depth + 1))
        ranked[:, : min(count, depth + 1)] = self._ranked[:, : min(count, depth + 1)]
        fall = self.steps - np.append(self.steps[1:], 0.0)
        added = np.zeros((len(ranked), depth))
        for rank in range(depth):
            later = ranked[:, [rank]] - ranked[:, rank + 1 :]
            added[:, rank] = later @ fall[rank:]
        return np.asarray(np.maximum(0.0, self.steps * ranked[:, :depth] - added / 2))

    def _priced(
        self, allotment: Allotment, price: NDArray[np.float64]
    ) -> tuple[float, NDArray[np.int64]]:
        """Return the bound that prices give and the units that they choose."""
        looked = unit_tables(self.worth, self.steps, price, allotment.capacity, self._table)
        self.effort.spend(looked + allotment.work)
        worth, units = allotment.best(self._table)
        return float(price.sum()) + worth, units

    def _narrow(self, allotment: Allotment, price: NDArray[np.float64]) -> None:
        """Leave out what would cost more than any better choice gains."""
        allotment.narrow(self._table, self.gain * (1 - _CLOSE) - float(price.sum()))
        self.effort.spend(2 * allotment.work)

    def branch(self) -> None:
        """Close the gap by branch and bound on the units of a site, the worst bound first."""
        nodes = [(-self.bound, 0, self.allotment, self.price, self.mean)]
        number = 0
        while nodes and -nodes[0][0] > self.enough:
            full = len(nodes) * self.price.nbytes > _NODE_BYTES
            if full or self.effort.exhausted or self.stopped():
                break
            bound, _, node, price, mean = heappop(nodes)
            for half in node.halves(mean):
                number += 1
                below, prices, middle = self._ascend(
                    half, price, -bound, _NODE_STEPS, self.effort.share(1.0)
                )
                if below > self.enough:
                    heappush(nodes, (-below, number, half, prices, middle))
        worst = max(self.enough, -nodes[0][0] if nodes else 0.0)
        self.bound = min(self.bound, worst)

    def finish(self, worth: NDArray[np.float64], weight: NDArray[np.float64]) -> None:
        """Solve what is left by cut rounds over the sites that may still hold units."""
        allotment = self.allotment
        core = np.flatnonzero(allotment.capacity > 0)
        most = allotment.capacity[core].astype(np.float64)
        builder = ProgramBuilder()
        units = builder.variables(
            len(core), lower=allotment.lower[core].astype(np.float64), upper=most, whole=True
        )
        builder.row((units, 1.0), at_least=self.k, at_most=self.k)
        known = self.best[core].astype(np.float64)
        gains = GradedGain(builder, units, worth[core], weight, self.steps)
        start = np.concatenate([known, gains.at(known)])
        answer, _ = maximise(
            builder, [gains], self.effort.seconds, self.stopped, start=start, offset=self.offset
        )
        if answer.values is not None:
            placed = np.zeros_like(self.best)
            placed[core] = np.rint(answer.values[units]).astype(np.int64)
            gain = self._gain(placed)
            if gain > self.gain:
                self.best, self.gain = placed, gain
        # sites left out are in no better choice
        self.bound = min(self.bound, max(-answer.bound, self.gain))
