"""Models of PySAL's spopt, solved in a process of their own.

OR-Tools and highspy both bring HiGHS, in versions that do not share a process: nothing
in here may import the engine, which brings OR-Tools.
"""

from __future__ import annotations

import os
import time
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from numpy.typing import NDArray


def serve(line: Connection, solver: str, gap: float) -> None:
    """Answer problems until the line is closed.

    Parameters
    ----------
    line : Connection
        Brings ``(model, travel, weight, limit, k, budget)`` and takes ``("plan", sites,
        stated, proven, seconds)`` or ``("none", reason, seconds)``.
    solver : str
        ``cbc`` or ``highs``.
    gap : float
        Relative gap up to which the solver goes on.
    """
    os.setsid()  # the solver may be a program of its own, and is to end with this process
    # spopt uses what the next PuLP will drop
    warnings.simplefilter("ignore")
    try:
        while True:
            asked = line.recv()
            begin = time.perf_counter()
            try:
                answer = _solve(*asked, solver=solver, gap=gap)
            except Exception as error:  # noqa: BLE001  # whatever a peer raises is its answer
                answer = ("none", f"{type(error).__name__}: {error}".split(". ")[0][:200])
            line.send((*answer, time.perf_counter() - begin))
    except (EOFError, OSError):
        return


def _solve(
    model: str,
    travel: NDArray[np.floating[Any]],
    weight: NDArray[np.float64],
    limit: float | None,
    k: int | None,
    budget_s: float,
    *,
    solver: str,
    gap: float,
) -> tuple[Any, ...]:
    import pulp  # noqa: PLC0415  # an optional package

    begin = time.perf_counter()
    asked = _model(model, travel.T, weight, limit, k)
    left = budget_s - (time.perf_counter() - begin)
    if left <= 0:
        return "none", f"only to build the model took {budget_s - left:.0f} s"
    kind = pulp.HiGHS if solver == "highs" else pulp.PULP_CBC_CMD
    try:
        asked.solve(kind(msg=False, gapRel=gap, timeLimit=left), results=False)
    except RuntimeError as error:  # spopt's way to tell any state but solved
        return "none", f"no plan in {budget_s:g} s ({str(error).split('.')[0]})"
    values = np.array([variable.value() or 0.0 for variable in asked.fac_vars])
    sites = tuple(int(site) for site in np.flatnonzero(values > 0.5))
    # PuLP calls a plan that time cut short solved, too, but for this
    proven = asked.problem.sol_status == pulp.LpSolutionOptimal
    return "plan", sites, float(asked.problem.objective.value()), proven


def _model(
    model: str,
    cost: NDArray[np.floating[Any]],
    weight: NDArray[np.float64],
    limit: float | None,
    k: int | None,
) -> Any:
    """Build a model; spopt takes a row for each demand point, a column for each site."""
    from spopt.locate import LSCP, MCLP, PCenter, PMedian  # noqa: PLC0415

    match model:
        case "mclp":
            return MCLP.from_cost_matrix(cost, weight, limit, p_facilities=k)
        case "lscp":
            return LSCP.from_cost_matrix(cost, limit)
        case "p-median":
            return PMedian.from_cost_matrix(cost, weight, p_facilities=k)
        case "p-center":
            return PCenter.from_cost_matrix(cost, p_facilities=k)
    raise ValueError(model)
