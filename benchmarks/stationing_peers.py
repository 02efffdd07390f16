"""Who is asked location problems: ours, and spopt with two solvers."""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np

from engine.stationing import MODELS
from engine.stationing.base import PROVEN_GAP
from routing.errors import InputError

if TYPE_CHECKING:
    from engine.stationing import LocationProblem

OURS: Final = "bluelight"


class NoPlanError(Exception):
    """A contestant has no plan; the message says why."""


@dataclass(frozen=True)
class Answer:
    """What a contestant says.

    Parameters
    ----------
    sites : tuple of int
        The open sites.
    stated : float
        The objective as it tells it.
    proven : bool
        Whether it says that no plan is better.
    bound : float, optional
        The bound as it tells it; None where it tells none.
    units : tuple of int, optional
        Units at each of the sites.
    """

    sites: tuple[int, ...]
    stated: float
    proven: bool
    bound: float | None = None
    units: tuple[int, ...] | None = None


class Planner:
    """A program that answers location problems."""

    name: ClassVar[str]
    packages: ClassVar[tuple[str, ...]] = ()
    """Distributions that must be installed; none for ours."""
    models: ClassVar[frozenset[str]] = frozenset()
    note: ClassVar[str] = ""
    """What a reader of its figures must know."""

    def answer(self, model: str, problem: LocationProblem, budget_s: float) -> Answer:
        """Answer a problem.

        Parameters
        ----------
        model : str
            One of `models`.
        problem : LocationProblem
            The problem.
        budget_s : float
            Seconds that it may take; ours goes by the time limit of the problem.

        Returns
        -------
        Answer
            Its plan.

        Raises
        ------
        NoPlanError
            There is none.
        """
        raise NotImplementedError


class Bluelight(Planner):
    """Ours."""

    name = OURS
    models = frozenset({"mclp", "lscp", "p-median", "p-center", "mexclp"})
    note = "the search for a covering uses a second thread, as may OR-Tools"

    def answer(self, model: str, problem: LocationProblem, budget_s: float) -> Answer:
        """Answer a problem."""
        del budget_s
        try:
            plan = MODELS[model].solve(problem)
        except InputError as error:
            raise NoPlanError(str(error)) from error
        units = None if problem.layers[0].units is None else plan.units[0]
        return Answer(plan.sites, plan.objective, plan.proven, plan.bound, units)


class Spopt(Planner):
    """Models of PySAL's spopt, from a matrix of costs; PuLP hands them to a solver.

    spopt takes rows for demand points and columns for sites. Building the model is in
    Python and counts; the solver has what the budget leaves.
    """

    models = frozenset({"mclp", "lscp", "p-median", "p-center"})
    _say: ClassVar[dict[str, Any]] = {"msg": False, "gapRel": PROVEN_GAP}

    def answer(self, model: str, problem: LocationProblem, budget_s: float) -> Answer:
        """Answer a problem."""
        with warnings.catch_warnings():
            # spopt uses what the next PuLP will drop
            warnings.simplefilter("ignore")
            return self._answer(model, problem, budget_s)

    def solver(self, seconds: float) -> Any:
        """Return a solver of PuLP's with a time limit."""
        raise NotImplementedError

    def _answer(self, model: str, problem: LocationProblem, budget_s: float) -> Answer:
        begin = time.perf_counter()
        asked = self._model(model, problem)
        left = budget_s - (time.perf_counter() - begin)
        if left <= 0:
            raise NoPlanError(f"only to build the model took {budget_s - left:.0f} s")
        try:
            asked.solve(self.solver(left), results=False)
        except RuntimeError as error:  # spopt's way to tell any state but solved
            raise NoPlanError(f"no plan in {budget_s:g} s ({str(error).split('.')[0]})") from error
        values = np.array([variable.value() or 0.0 for variable in asked.fac_vars])
        return Answer(
            tuple(int(site) for site in np.flatnonzero(values > 0.5)),
            float(asked.problem.objective.value()),
            # PuLP calls a plan that time cut short solved, too
            proven=asked.problem.sol_status == 1,
        )

    @staticmethod
    def _model(model: str, problem: LocationProblem) -> Any:
        from spopt.locate import LSCP, MCLP, PCenter, PMedian  # noqa: PLC0415  # seconds

        (layer,) = problem.layers
        cost = layer.travel_s.T
        match model:
            case "mclp":
                return MCLP.from_cost_matrix(
                    cost, layer.weight, layer.limit(), p_facilities=problem.k
                )
            case "lscp":
                return LSCP.from_cost_matrix(cost, layer.limit())
            case "p-median":
                return PMedian.from_cost_matrix(cost, layer.weight, p_facilities=problem.k)
            case "p-center":
                return PCenter.from_cost_matrix(cost, p_facilities=problem.k)
        raise ValueError(model)


class SpoptCbc(Spopt):
    """With the solver of spopt's own examples."""

    name = "spopt-cbc"
    packages = ("spopt", "pulp")
    note = "PuLP's CBC, its default: one thread, gap as ours"

    def solver(self, seconds: float) -> Any:
        """Return CBC with a time limit."""
        import pulp  # noqa: PLC0415

        return pulp.PULP_CBC_CMD(timeLimit=seconds, **self._say)


class SpoptHighs(Spopt):
    """With HiGHS."""

    name = "spopt-highs"
    packages = ("spopt", "pulp", "highspy")
    note = "HiGHS through PuLP, its own choice of threads, gap as ours"

    def solver(self, seconds: float) -> Any:
        """Return HiGHS with a time limit."""
        import pulp  # noqa: PLC0415

        return pulp.HiGHS(timeLimit=seconds, **self._say)


PLANNERS: Final[dict[str, type[Planner]]] = {
    kind.name: kind for kind in (Bluelight, SpoptCbc, SpoptHighs)
}
"""All contestants by name, ours first."""
