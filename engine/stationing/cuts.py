"""The end of a proof by OR-Tools: a mixed-integer program over the undecided sites.

With z the service cost of a demand point and y the open sites, any level b gives
``z + sum_j max(0, b - cost_j) y_j >= b``: who is not served below b pays b. Cuts of
this form at a demand point's own costs describe the p-median exactly (Duran-Mateluna,
Alès and Elloumi 2023, doi:10.1016/j.ejor.2022.11.033); where it costs either nothing
or one amount, as in covering, a single one is the whole model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from scipy import sparse

from engine.mip import Program, minimise, never
from engine.stationing.search_kernels import interchange

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from engine.stationing.lagrangian import Proof

_RELAXED_ROUNDS: Final = 20
_VIOLATED: Final = 1e-6
_TAIL: Final = 1e-5
_TOLERANCE: Final = 1e-7


class CutModel:
    """The integer program, as cuts come in.

    Parameters
    ----------
    cost : ndarray of float64, shape (sites, demand)
        Cost of service.
    """

    def __init__(self, cost: NDArray[np.float64]) -> None:
        self.cost = cost
        self._scale = cost.max(axis=0)
        self._order = np.argsort(cost, axis=0, kind="stable")
        self._sorted = np.take_along_axis(cost, self._order, axis=0)
        self._rows: list[sparse.csr_array] = []
        self._levels: list[NDArray[np.float64]] = []

    @property
    def covering(self) -> bool:
        """Whether each demand point costs either nothing or one amount."""
        return bool(((self.cost == 0) | (self.cost == self._scale)).all())

    def add(self, level: NDArray[np.float64], demand: NDArray[np.int64]) -> None:
        """Add a cut for some demand points, those of level zero left out.

        Parameters
        ----------
        level : ndarray of float64, shape (demand,)
            Level of each demand point's cut.
        demand : ndarray of int64
            The demand points.
        """
        demand = demand[level[demand] > 0]
        n = self.cost.shape[1]
        scale = self._scale[demand]
        saving = np.maximum(level[demand] - self.cost[:, demand], 0) / scale
        own = sparse.csr_array(
            (np.ones(len(demand)), (np.arange(len(demand)), demand)), shape=(len(demand), n)
        )
        self._rows.append(sparse.hstack([sparse.csr_array(saving.T), own], format="csr"))
        self._levels.append(level[demand] / scale)

    def add_highest(self) -> None:
        """Add the cut at each demand point's highest cost: for covering, the whole model."""
        self.add(self._scale, np.arange(self.cost.shape[1]))

    def add_around(self, multiplier: NDArray[np.float64]) -> None:
        """Add the cuts at the costs next below and above each multiplier.

        Parameters
        ----------
        multiplier : ndarray of float64, shape (demand,)
            A level for each demand point, such as the multipliers of a good bound.
        """
        everyone = np.arange(self.cost.shape[1])
        below = (self._sorted < multiplier).sum(axis=0)
        last = len(self.cost) - 1
        self.add(self._sorted[np.clip(below, 0, last), everyone], everyone)
        self.add(self._sorted[np.clip(below - 1, 0, last), everyone], everyone)

    def add_violated(self, opened: NDArray[np.float64], paid: NDArray[np.float64]) -> float:
        """Add the strongest cut of each demand point where a solution breaks it.

        Parameters
        ----------
        opened : ndarray of float64, shape (sites,)
            How far each site is open, k in all.
        paid : ndarray of float64, shape (demand,)
            What each demand point pays.

        Returns
        -------
        float
            What all demand points should pay; what they pay where no cut is broken.
        """
        everyone = np.arange(self.cost.shape[1])
        enough = np.cumsum(opened[self._order], axis=0) >= 1 - 1e-7
        level = self._sorted[enough.argmax(axis=0), everyone]
        due = level - opened @ np.maximum(level - self.cost, 0)
        broken = np.flatnonzero(due > paid + _VIOLATED * self._scale)
        if not len(broken):
            return float(paid.sum())
        self.add(level, broken)
        return float(np.maximum(due, paid).sum())

    def program(self, k: int, opened: NDArray[np.bool_], *, whole: bool) -> Program:
        """Write the model down.

        Parameters
        ----------
        k : int
            Sites to open.
        opened : ndarray of bool, shape (sites,)
            Sites decided to be open.
        whole : bool
            Whether sites are open or closed, or any part of it.

        Returns
        -------
        Program
            Variables are the sites, then the demand points' costs over their highest.
        """
        m, n = self.cost.shape
        count = sparse.csr_array(np.concatenate([np.ones(m), np.zeros(n)])[None])
        return Program(
            matrix=sparse.vstack([*self._rows, count], format="csr"),
            at_least=np.concatenate([*self._levels, [k]]),
            at_most=np.append(np.full(sum(map(len, self._levels)), np.inf), k),
            objective=np.concatenate([np.zeros(m), self._scale]),
            lower=np.concatenate([opened.astype(np.float64), np.zeros(n)]),
            upper=np.ones(m + n),
            integer=np.arange(m + n) < (m if whole else 0),
        )

    def split(self, values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Split a solution into how far sites are open and what demand points pay.

        Parameters
        ----------
        values : ndarray of float64, shape (sites + demand,)
            Values of the program's variables.

        Returns
        -------
        opened : ndarray of float64, shape (sites,)
            How far each site is open.
        paid : ndarray of float64, shape (demand,)
            What each demand point pays.
        """
        m = len(self.cost)
        return values[:m], values[m:] * self._scale


def finish(
    cost: NDArray[np.float64],
    proof: Proof,
    seconds: float,
    stopped: Callable[[], bool] = never,
) -> None:
    """Close the gap of a proof by integer programming, as far as the time goes.

    Parameters
    ----------
    cost : ndarray of float64, shape (sites, demand)
        Cost of service.
    proof : Proof
        What is known; its plan and bound are improved.
    seconds : float
        Time for the solver.
    stopped : callable
        Asked now and then; once it says True, what is known by then is the answer.
    """
    core = np.flatnonzero(proof.status >= 0)
    opened = proof.status[core] == 1
    differs = cost[core].any(axis=0)
    model = CutModel(np.ascontiguousarray(cost[core][:, differs]))
    k = len(proof.chosen)
    if model.covering:
        model.add_highest()
    else:
        model.add_around(proof.multiplier[differs])
        seconds = _relaxed_rounds(model, k, opened, proof, seconds, stopped)
    while not proof.complete and seconds > 0 and not stopped():
        tolerance = max(proof.slack / 2, _TOLERANCE * proof.upper)
        answer = minimise(
            model.program(k, opened, whole=True),
            seconds=seconds,
            tolerance=tolerance,
            stopped=stopped,
        )
        proof.lower = max(proof.lower, answer.bound)
        seconds -= answer.seconds
        if answer.values is None:
            return
        _, paid = model.split(answer.values)
        plan = core[np.argsort(-answer.values[: len(core)], kind="stable")[:k]]
        _offer(cost, plan, proof)
        if model.add_violated(np.isin(core, plan).astype(np.float64), paid) <= paid.sum():
            return


def _relaxed_rounds(
    model: CutModel,
    k: int,
    opened: NDArray[np.bool_],
    proof: Proof,
    seconds: float,
    stopped: Callable[[], bool],
) -> float:
    """Add cuts by the linear relaxation, which costs little; return the time left."""
    for _ in range(_RELAXED_ROUNDS):
        if proof.complete or seconds <= 0 or stopped():
            break
        answer = minimise(
            model.program(k, opened, whole=False), seconds=seconds, tolerance=0.0, stopped=stopped
        )
        seconds -= answer.seconds
        if answer.values is None:
            break
        proof.lower = max(proof.lower, answer.bound)
        share, paid = model.split(answer.values)
        if model.add_violated(share, paid) <= paid.sum() * (1 + _TAIL):
            break
    return seconds


def _offer(cost: NDArray[np.float64], plan: NDArray[np.int64], proof: Proof) -> None:
    """Keep a plan, after swaps, if it beats the best one known."""
    total, _ = interchange(cost, plan, proof.slack)
    if total < proof.upper:
        proof.chosen, proof.upper = plan, total
