"""Linear and integer programs by way of OR-Tools."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from routing.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from scipy import sparse

_ENTRIES_PER_SECOND: Final = 1e6
_LOOK_S: Final = 0.1
_PATIENCE_S: Final = 2.0
"""Some steps of the solver hear of no interruption: then it is left behind."""


def never() -> bool:
    """Tell a model to go on.

    Returns
    -------
    bool
        False.
    """
    return False


@dataclass(frozen=True)
class Program:
    """Minimise ``objective @ x`` over ``at_least <= matrix @ x <= at_most``.

    Parameters
    ----------
    matrix : csr_array, shape (rows, variables)
        The constraints.
    at_least, at_most : ndarray of float64, shape (rows,)
        Their limits.
    objective, lower, upper : ndarray of float64, shape (variables,)
        Cost and limits of each variable.
    integer : ndarray of bool, shape (variables,)
        Which variables are whole numbers.
    """

    matrix: sparse.csr_array
    at_least: NDArray[np.float64]
    at_most: NDArray[np.float64]
    objective: NDArray[np.float64]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    integer: NDArray[np.bool_]

    def relaxed(self) -> Program:
        """Return the linear relaxation.

        Returns
        -------
        Program
            The same without whole numbers.
        """
        return replace(self, integer=np.zeros_like(self.integer))


@dataclass(frozen=True)
class Answer:
    """What a solver found out.

    Parameters
    ----------
    values : ndarray of float64, shape (variables,), or None
        Best solution found.
    bound : float
        No solution costs less; ``inf`` where there is none.
    seconds : float
        Time that the solver took, and about what it took to hand the program over.
    iterations : int
        Steps of its simplex or its interior point method.
    prices : ndarray of float64, shape (rows,), or None
        What one more of each row's limits would cost, where they were asked for.
    """

    values: NDArray[np.float64] | None
    bound: float
    seconds: float
    iterations: int = 0
    prices: NDArray[np.float64] | None = None


def minimise(
    program: Program,
    *,
    seconds: float,
    tolerance: float,
    start: NDArray[np.float64] | None = None,
    nodes: int | None = None,
    priced: bool = False,
    interior: bool = False,
    stopped: Callable[[], bool] = never,
) -> Answer:
    """Solve a program by HiGHS through OR-Tools' MathOpt.

    The solver runs beside, so that Ctrl-C is heard at once, but for interior points: they
    are waited for, as they hear of nothing before they have ended.

    Parameters
    ----------
    program : Program
        The program.
    seconds : float
        Time limit.
    tolerance : float
        Absolute gap at which a whole-number solution is good enough.
    start : ndarray of float64, shape (variables,), optional
        A solution to start from; for large programs it decides how far they get.
    nodes : int, optional
        Stop after so many nodes of the search tree.
    priced : bool
        Also give the prices of rows, of a linear program.
    interior : bool
        Solve a linear program by an interior point method, which large ones take well.
    stopped : callable
        Asked ten times a second; once it says True, the solver hands over what it has.

    Returns
    -------
    Answer
        The best solution and the bound; neither where the solver fails.

    Raises
    ------
    InputError
        OR-Tools cannot be loaded.
    """
    try:
        from ortools.math_opt.python import mathopt  # noqa: PLC0415 - slow, often not needed
        from ortools.util.python.solve_interrupter import SolveInterrupter  # noqa: PLC0415
    except ImportError as error:
        raise InputError(
            f"OR-Tools cannot be loaded ({error})", fix="run: pip install --force-reinstall ortools"
        ) from error
    model = mathopt.Model.from_model_proto(_proto(program))
    # No `threads`: HiGHS behind MathOpt refuses the parameter.
    parameters = mathopt.SolveParameters(
        time_limit=timedelta(seconds=seconds),
        relative_gap_tolerance=0.0,
        absolute_gap_tolerance=tolerance,
        node_limit=nodes,
        enable_output=False,
        lp_algorithm=mathopt.LPAlgorithm.BARRIER if interior else None,
    )
    hints = mathopt.ModelSolveParameters()
    if start is not None:
        values = dict(zip(model.variables(), start.tolist(), strict=True))
        hints.solution_hints.append(mathopt.SolutionHint(variable_values=values))
    interrupter = SolveInterrupter()
    results: list[Any] = []

    def _run() -> None:
        try:
            results.append(
                mathopt.solve(
                    model,
                    mathopt.SolverType.HIGHS,
                    params=parameters,
                    model_params=hints,
                    interrupter=interrupter,
                )
            )
        except (RuntimeError, ValueError, AttributeError):
            # A solver that gives up proves nothing; some of its errors cannot even be
            # turned into exceptions by MathOpt and surface as AttributeError.
            return

    worker = threading.Thread(target=_run, daemon=True)
    worker.start()
    try:
        patience = _PATIENCE_S + (seconds if interior else 0.0)
        while worker.is_alive() and patience > 0:
            worker.join(_LOOK_S)
            if stopped():
                interrupter.interrupt()
                patience -= _LOOK_S
    except BaseException:
        interrupter.interrupt()
        raise
    if not results:
        return Answer(None, -np.inf, seconds)
    answer = _answer(results[0], model, program.matrix.nnz / _ENTRIES_PER_SECOND)
    if not priced or not results[0].has_dual_feasible_solution():
        return answer
    by_row = results[0].dual_values()
    prices = np.array([by_row[row] for row in model.linear_constraints()])
    return replace(answer, prices=prices)


def _proto(program: Program) -> Any:
    """Write a program as a protocol buffer, which is faster than term by term."""
    from ortools.math_opt import model_pb2  # noqa: PLC0415 - see `minimise`

    rows, columns = program.matrix.shape
    proto = model_pb2.ModelProto()
    proto.variables.ids.extend(range(columns))
    proto.variables.lower_bounds.extend(program.lower.tolist())
    proto.variables.upper_bounds.extend(program.upper.tolist())
    proto.variables.integers.extend(program.integer.tolist())
    priced = np.flatnonzero(program.objective)
    proto.objective.linear_coefficients.ids.extend(priced.tolist())
    proto.objective.linear_coefficients.values.extend(program.objective[priced].tolist())
    proto.linear_constraints.ids.extend(range(rows))
    proto.linear_constraints.lower_bounds.extend(program.at_least.tolist())
    proto.linear_constraints.upper_bounds.extend(program.at_most.tolist())
    entries = program.matrix.sorted_indices().tocoo()
    proto.linear_constraint_matrix.row_ids.extend(entries.row.tolist())
    proto.linear_constraint_matrix.column_ids.extend(entries.col.tolist())
    proto.linear_constraint_matrix.coefficients.extend(entries.data.tolist())
    return proto


def _answer(result: Any, model: Any, handover: float) -> Answer:
    from ortools.math_opt.python import mathopt  # noqa: PLC0415 - see `minimise`

    reason = result.termination.reason
    seconds = handover + result.solve_stats.solve_time.total_seconds()
    if reason == mathopt.TerminationReason.INFEASIBLE:
        return Answer(None, np.inf, seconds)
    values = None
    if result.has_primal_feasible_solution():
        by_variable = result.variable_values()
        values = np.array([by_variable[variable] for variable in model.variables()])
    bound = result.termination.objective_bounds.dual_bound
    if np.isnan(bound):
        bound = -np.inf
    steps = result.solve_stats.simplex_iterations + result.solve_stats.barrier_iterations
    return Answer(values, float(bound), seconds, steps)
