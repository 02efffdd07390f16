"""The end of a proof for covering choices: a mixed-integer program."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from engine.mip import Program
from engine.stationing.covering_search_kernels import counted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.stationing.covering_core import Core


def program(core: Core) -> Program:
    """Write a covering problem as a program to minimise, its value negated.

    A whole number of units at each site; for each group one variable for its first,
    second, ... unit that gains, between zero and one. These need not be whole: gains
    never rise from one unit to the next, so the first ones are filled first.

    Parameters
    ----------
    core : Core
        The problem.

    Returns
    -------
    Program
        Its variables are the sites, then the units of each group in turn.
    """
    m, rows = len(core.capacity), len(core.weight)
    steps = _steps(core)
    group = np.repeat(np.arange(rows), steps)
    step = np.arange(len(group)) - np.repeat(np.cumsum(steps) - steps, steps)
    gain = core.weight[group] * core.theta[core.have[group] + 1 + step]
    spread = sparse.csr_array((-np.ones(len(core.sites)), core.sites, core.ptr), shape=(rows, m))
    taken = sparse.csr_array(
        (np.ones(len(group)), (group, np.arange(len(group)))), shape=(rows, len(group))
    )
    total = sparse.csr_array(np.concatenate([np.ones(m), np.zeros(len(group))])[None])
    return Program(
        matrix=sparse.csr_array(
            sparse.vstack([sparse.hstack([spread, taken]), total], format="csr")
        ),
        at_least=np.concatenate([np.full(rows, -np.inf), [core.k]]),
        at_most=np.concatenate([np.zeros(rows), [core.k]]).astype(np.float64),
        objective=np.concatenate([np.zeros(m), -gain]),
        lower=np.zeros(m + len(group)),
        upper=np.concatenate([core.capacity, np.ones(len(group))]).astype(np.float64),
        integer=np.arange(m + len(group)) < m,
    )


def solution(core: Core, units: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the variables of a choice.

    Parameters
    ----------
    core : Core
        The problem.
    units : ndarray of int64, shape (sites,)
        Units at each site.

    Returns
    -------
    ndarray of float64
        Values in the order of the program's variables.
    """
    steps = _steps(core)
    covered = counted(core.site_ptr, core.site_rows, core.have, units) - core.have
    group = np.repeat(np.arange(len(steps)), steps)
    step = np.arange(len(group)) - np.repeat(np.cumsum(steps) - steps, steps)
    return np.concatenate([units, step < covered[group]]).astype(np.float64)


def _steps(core: Core) -> NDArray[np.int64]:
    """Count the units that may yet gain something at each group."""
    room = np.add.reduceat(core.capacity[core.sites], core.ptr[:-1])
    return np.minimum(core.levels - core.have, np.minimum(room, core.k))
