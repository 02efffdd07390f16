"""Numba kernels of the Lagrangian bound and its branch and bound.

All take ``cost`` of shape (sites, demand), finite and zero or more, and a ``status``
of each site: 1 open, 0 undecided, -1 closed. With a multiplier for each demand point
(what its service may cost) the sites no longer compete, and the k of lowest reduced
cost bound every plan from below (Cornuéjols, Fisher and Nemhauser 1977,
doi:10.1287/mnsc.23.8.789). A site whose opening or closing would lift that bound over
the best plan known is decided.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

START_STEP = 1.0
_SHRINK = 0.8
_LAST_STEP = 1e-3
_PATIENCE = 30
_MEMORY = 0.85
_PROGRESS = 1e-6

# Positions in the state that `ascend` goes on from.
BEST, STEP, STALL, DONE = range(4)


# These flags let the loop run on vectors, four times as fast; costs are never NaN.
@njit(cache=True, fastmath={"reassoc", "nsz", "nnan"})
def _reduced_cost(row: NDArray[np.float64], multiplier: NDArray[np.float64]) -> float:
    total = 0.0
    for i in range(len(row)):
        excess = row[i] - multiplier[i]
        if excess < 0.0:
            total += excess
    return total


@njit(cache=True)
def _offer(
    cost: NDArray[np.float64],
    sites: NDArray[np.int64],
    upper: NDArray[np.float64],
    incumbent: NDArray[np.int64],
) -> None:
    """Keep a plan if it beats the best one known."""
    total = 0.0
    for i in range(cost.shape[1]):
        lowest = np.inf
        for j in sites:
            lowest = min(lowest, cost[j, i])
        total += lowest
    if total < upper[0]:
        upper[0] = total
        incumbent[:] = sites


@njit(cache=True)
def ascend(
    cost: NDArray[np.float64],
    ceiling: NDArray[np.float64],
    status: NDArray[np.int8],
    multiplier: NDArray[np.float64],
    best_multiplier: NDArray[np.float64],
    direction: NDArray[np.float64],
    state: NDArray[np.float64],
    upper: NDArray[np.float64],
    incumbent: NDArray[np.int64],
    slack: float,
    iterations: int,
) -> int:
    """Raise the Lagrangian bound by subgradient steps and decide sites on the way.

    Parameters
    ----------
    cost : ndarray of float64, shape (sites, demand)
        Cost of service.
    ceiling : ndarray of float64, shape (demand,)
        Highest cost of each demand point.
    status : ndarray of int8, shape (sites,)
        Updated with what was decided; decisions hold for all better plans only.
    multiplier, best_multiplier : ndarray of float64, shape (demand,)
        Multipliers now and those of the best bound; updated.
    direction : ndarray of float64, shape (demand,)
        Last step's direction; zero at first.
    state : ndarray of float64, shape (4,)
        Best bound (-inf at first, inf when no better plan is left), step length,
        steps without progress, 1 when finished; updated, so that a call goes on
        where the last one stopped.
    upper : ndarray of float64, shape (1,)
        Cost of the best plan known; updated.
    incumbent : ndarray of int64, shape (k,)
        That plan; updated.
    slack : float
        A plan must be cheaper by this much to count as better.
    iterations : int
        At most so many steps.

    Returns
    -------
    int
        How many costs were looked at.
    """
    reduced = np.empty(len(cost))
    plan = np.empty(len(incumbent), dtype=np.int64)
    cells = 0
    for _ in range(iterations):
        bound, last_in, first_out = _relax(cost, status, multiplier, reduced, plan)
        cells += np.sum(status >= 0) * (cost.shape[1] + len(plan))
        state[STALL] += 1
        if bound > state[BEST] + _PROGRESS * abs(bound):
            state[STALL] = 0
        if bound > state[BEST]:
            state[BEST] = bound
            best_multiplier[:] = multiplier
            _offer(cost, plan, upper, incumbent)
        if last_in == -np.inf or first_out == np.inf:
            _offer(cost, plan, upper, incumbent)
            state[BEST] = np.inf
        if state[BEST] > upper[0] - slack:
            state[BEST] = np.inf
            state[DONE] = 1
            break
        _decide(status, reduced, last_in, first_out, upper[0] - slack - bound)
        if state[STALL] < _PATIENCE:
            _move(cost, plan, multiplier, direction, ceiling, state[STEP] * (upper[0] - bound))
            continue
        state[STALL] = 0
        state[STEP] *= _SHRINK
        if state[STEP] < _LAST_STEP:
            state[DONE] = 1
            break
        multiplier[:] = best_multiplier
        direction[:] = 0.0
    return cells


@njit(cache=True)
def _relax(
    cost: NDArray[np.float64],
    status: NDArray[np.int8],
    multiplier: NDArray[np.float64],
    reduced: NDArray[np.float64],
    plan: NDArray[np.int64],
) -> tuple[float, float, float]:
    """Solve the relaxation; return its bound, the last reduced cost in, the first out.

    The second is -inf where all of the plan is decided, the third inf where none is left.
    """
    bound = multiplier.sum()
    opened = 0
    for j in range(len(status)):
        if status[j] >= 0:
            reduced[j] = _reduced_cost(cost[j], multiplier)
        if status[j] == 1:
            plan[opened] = j
            bound += reduced[j]
            opened += 1
    last_in = -np.inf
    # By repeated selection: plans are short, and Numba takes seconds to compile a sort.
    taken = status != 0
    for position in range(opened, len(plan) + 1):
        pick, lowest = -1, np.inf
        for j in range(len(status)):
            if not taken[j] and reduced[j] < lowest:
                pick, lowest = j, reduced[j]
        if position == len(plan):
            return bound, last_in, lowest
        plan[position] = pick
        taken[pick] = True
        last_in = lowest
        bound += lowest
    return bound, last_in, np.inf


@njit(cache=True)
def _decide(
    status: NDArray[np.int8],
    reduced: NDArray[np.float64],
    last_in: float,
    first_out: float,
    room: float,
) -> None:
    """Decide the sites whose exchange would lift the bound by more than there is room."""
    for j in np.flatnonzero(status == 0):
        if reduced[j] <= last_in:
            if first_out - reduced[j] > room:
                status[j] = 1
        elif reduced[j] - last_in > room:
            status[j] = -1


@njit(cache=True)
def _move(
    cost: NDArray[np.float64],
    plan: NDArray[np.int64],
    multiplier: NDArray[np.float64],
    direction: NDArray[np.float64],
    ceiling: NDArray[np.float64],
    distance: float,
) -> None:
    """Pay more for demand that no site of the plan serves, less for what many serve.

    Beyond its lowest and highest cost another multiplier is never better.
    """
    n = len(multiplier)
    for i in range(n):
        direction[i] = _MEMORY * direction[i] + 1.0
    for j in plan:
        row = cost[j]
        for i in range(n):
            direction[i] -= 1.0 if row[i] < multiplier[i] else 0.0
    norm = 0.0
    for i in range(n):
        norm += direction[i] * direction[i]
    if norm > 0.0:
        for i in range(n):
            moved = multiplier[i] + distance / norm * direction[i]
            multiplier[i] = min(max(moved, 0.0), ceiling[i])


@njit(cache=True)
def branch(
    cost: NDArray[np.float64],
    ceiling: NDArray[np.float64],
    stack_status: NDArray[np.int8],
    stack_multiplier: NDArray[np.float64],
    stack_bound: NDArray[np.float64],
    height: int,
    upper: NDArray[np.float64],
    incumbent: NDArray[np.int64],
    slack: float,
    iterations: int,
    budget: int,
) -> tuple[int, int]:
    """Go on with a depth-first branch and bound on the Lagrangian bound.

    Parameters
    ----------
    cost : ndarray of float64, shape (sites, demand)
        Cost of service.
    ceiling : ndarray of float64, shape (demand,)
        Highest cost of each demand point.
    stack_status : ndarray of int8, shape (capacity, sites)
        Status of the sites at each open node; changed in place, as is all of the stack.
    stack_multiplier : ndarray of float64, shape (capacity, demand)
        Multipliers that each open node starts from.
    stack_bound : ndarray of float64, shape (capacity,)
        Bound of each open node.
    height : int
        Number of open nodes; the last one comes first.
    upper : ndarray of float64, shape (1,)
        Cost of the best plan known; updated.
    incumbent : ndarray of int64, shape (k,)
        That plan; updated.
    slack : float
        A plan must be cheaper by this much to count as better.
    iterations : int
        Subgradient steps at each node.
    budget : int
        Stop after about so many costs looked at.

    Returns
    -------
    height : int
        Number of nodes still open: zero when the best plan is proven.
    cells : int
        How many costs were looked at.
    """
    n = cost.shape[1]
    k = len(incumbent)
    direction = np.empty(n)
    state = np.empty(4)
    cells = 0
    while height > 0 and cells < budget and height + 2 <= len(stack_bound):
        height -= 1
        status = stack_status[height].copy()
        multiplier = stack_multiplier[height].copy()
        best_multiplier = multiplier.copy()
        before = stack_bound[height]
        direction[:] = 0.0
        state[BEST], state[STEP], state[STALL], state[DONE] = -np.inf, START_STEP, 0.0, 0.0
        cells += ascend(
            cost,
            ceiling,
            status,
            multiplier,
            best_multiplier,
            direction,
            state,
            upper,
            incumbent,
            slack,
            iterations,
        )
        if state[BEST] > upper[0] - slack:
            continue
        opened, undecided = int(np.sum(status == 1)), int(np.sum(status == 0))
        if k in (opened, opened + undecided):
            sites = np.flatnonzero(status == 1) if opened == k else np.flatnonzero(status >= 0)
            _offer(cost, sites, upper, incumbent)
            continue
        # The site in most demand: opened it leads down fast, closed it lifts the bound.
        pick, lowest = -1, np.inf
        for j in np.flatnonzero(status == 0):
            value = _reduced_cost(cost[j], best_multiplier)
            if value < lowest:
                pick, lowest = int(j), value
        for decision in (-1, 1):
            stack_status[height] = status
            stack_status[height, pick] = decision
            stack_multiplier[height] = best_multiplier
            stack_bound[height] = max(before, state[BEST])
            height += 1
    return height, cells
