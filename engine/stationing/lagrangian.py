"""Lower bounds that decide sites, and a branch and bound on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from engine.mip import never
from engine.stationing.lagrangian_kernels import BEST, DONE, START_STEP, ascend, branch
from engine.stationing.search_kernels import serve

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from engine.stationing.effort import Effort

# Short enough that Ctrl-C is heard between two calls of a kernel.
_CELLS_A_CALL: Final = 2 * 10**8
# These kernels run on vectors: so many costs in the time of one.
_AT_ONCE: Final = 4
_ROOT_STEPS: Final = 2000
_NODE_STEPS: Final = 50
_NODES_OPEN: Final = 2000


@dataclass
class Proof:
    """The best plan known and what is known of better ones.

    Parameters
    ----------
    chosen : ndarray of int64, shape (k,)
        Best plan known.
    upper : float
        Its cost.
    slack : float
        A plan must be cheaper by this much to count as better.
    status : ndarray of int8, shape (sites,)
        1 open, -1 closed in every better plan, 0 undecided.
    multiplier : ndarray of float64, shape (demand,)
        Multipliers of the best bound.
    lower : float
        No plan is cheaper; ``inf`` where no plan is cheaper than `chosen`.
    """

    chosen: NDArray[np.int64]
    upper: float
    slack: float
    status: NDArray[np.int8]
    multiplier: NDArray[np.float64]
    lower: float

    @property
    def complete(self) -> bool:
        """Whether no better plan is left."""
        return self.lower > self.upper - self.slack


def bound(
    cost: NDArray[np.float64],
    chosen: NDArray[np.int64],
    upper: float,
    slack: float,
    effort: Effort,
    stopped: Callable[[], bool] = never,
) -> Proof:
    """Bound all plans and decide sites, given a good plan.

    Parameters
    ----------
    cost : ndarray of float64, shape (sites, demand)
        Cost of service.
    chosen : ndarray of int64, shape (k,)
        A plan.
    upper : float
        Its cost.
    slack : float
        A plan must be cheaper by this much to count as better.
    effort : Effort
        What may be spent.
    stopped : callable
        Asked now and then; once it says True, what is known by then is the answer.

    Returns
    -------
    Proof
        A plan at least as good, and the bound.
    """
    m, n = cost.shape
    first, second, owner = np.empty(n), np.empty(n), np.empty(n, dtype=np.int64)
    serve(cost, chosen, first, second, owner)
    multiplier = (first + np.where(np.isfinite(second), second, first)) / 2
    best_multiplier, ceiling = multiplier.copy(), cost.max(axis=0)
    direction = np.zeros(n)
    state = np.zeros(4)
    state[BEST], state[BEST + 1] = -np.inf, START_STEP
    status = np.zeros(m, dtype=np.int8)
    best_plan, best_cost = chosen.copy(), np.array([upper])
    steps = max(1, _at_once(effort) // cost.size)
    for _ in range(0, _ROOT_STEPS, steps):
        if state[DONE] or effort.exhausted or stopped():
            break
        cells = ascend(
            cost,
            ceiling,
            status,
            multiplier,
            best_multiplier,
            direction,
            state,
            best_cost,
            best_plan,
            slack,
            steps,
        )
        effort.spend(cells // _AT_ONCE)
    return Proof(best_plan, best_cost[0], slack, status, best_multiplier, float(state[BEST]))


def _at_once(effort: Effort) -> int:
    return max(1, int(min(_CELLS_A_CALL, effort.cells * _AT_ONCE)))


def search_tree(
    cost: NDArray[np.float64],
    proof: Proof,
    effort: Effort,
    stopped: Callable[[], bool] = never,
) -> None:
    """Close the gap of a proof by branch and bound, as far as the effort goes.

    Parameters
    ----------
    cost : ndarray of float64, shape (sites, demand)
        Cost of service.
    proof : Proof
        What is known; its plan and bound are improved.
    effort : Effort
        What may be spent.
    stopped : callable
        Asked now and then; once it says True, what is known by then is the answer.
    """
    core = np.flatnonzero(proof.status >= 0)
    inner = np.ascontiguousarray(cost[core])
    ceiling = inner.max(axis=0)
    depth = min(_NODES_OPEN, len(core) + 4)
    status = np.empty((depth, len(core)), dtype=np.int8)
    multiplier = np.empty((depth, cost.shape[1]))
    lower = np.empty(depth)
    status[0], multiplier[0], lower[0] = proof.status[core], proof.multiplier, proof.lower
    # Sites outside the core serve no better plan, so a better one is made of core rows.
    plan, upper = np.zeros(len(proof.chosen), dtype=np.int64), np.array([proof.upper])
    height = 1
    while 0 < height <= depth - 2 and not (effort.exhausted or stopped()):
        height, cells = branch(
            inner,
            ceiling,
            status,
            multiplier,
            lower,
            height,
            upper,
            plan,
            proof.slack,
            _NODE_STEPS,
            _at_once(effort),
        )
        effort.spend(cells // _AT_ONCE)
    if upper[0] < proof.upper:
        proof.chosen, proof.upper = core[plan], float(upper[0])
    proof.lower = max(proof.lower, float(lower[:height].min(initial=np.inf)))
