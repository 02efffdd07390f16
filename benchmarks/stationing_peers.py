"""Who is asked location problems: ours, and spopt with two solvers."""

from __future__ import annotations

import multiprocessing
import os
import signal
from abc import ABC, abstractmethod
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

from benchmarks.spopt_models import serve
from engine.stationing import MODELS
from engine.stationing.base import PROVEN_GAP
from routing.errors import InputError

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess

    from engine.stationing import LocationProblem

OURS: Final = "bluelight"


_GRACE_S: Final = 15.0
"""Solvers do not stop at once, and write files beyond their time limit."""


class NoPlanError(Exception):
    """A contestant has no plan.

    Parameters
    ----------
    reason : str
        Why.
    seconds : float, optional
        What it took, by its own clock.
    """

    def __init__(self, reason: str, seconds: float | None = None) -> None:
        super().__init__(reason)
        self.seconds = seconds


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
    seconds : float, optional
        What it took, where its arrays had to be sent to another process first.
    """

    sites: tuple[int, ...]
    stated: float
    proven: bool
    bound: float | None = None
    units: tuple[int, ...] | None = None
    seconds: float | None = None


class Planner(ABC):
    """A program that answers location problems."""

    name: ClassVar[str]
    packages: ClassVar[tuple[str, ...]] = ()
    """Distributions that must be installed; none for ours."""
    models: ClassVar[frozenset[str]] = frozenset()
    note: ClassVar[str] = ""
    """What a reader of its figures must know."""

    @abstractmethod
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

    def close(self) -> None:  # noqa: B027 - most have nothing to clear away
        """Send the contestant home."""


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
    """Models of PySAL's spopt, in a process of their own; PuLP hands them to a solver.

    Building the model is in Python and counts; the solver has what the budget leaves.
    A process that takes longer all the same is ended.
    """

    models = frozenset({"mclp", "lscp", "p-median", "p-center"})
    solver: ClassVar[str]

    def __init__(self) -> None:
        self._process: BaseProcess | None = None
        self._line: Connection | None = None

    def answer(self, model: str, problem: LocationProblem, budget_s: float) -> Answer:
        """Answer a problem."""
        (layer,) = problem.layers
        line = self._open()
        line.send((model, layer.travel_s, layer.weight, layer.limit_s, problem.k, budget_s))
        if not line.poll(budget_s + _GRACE_S):
            self.close()
            raise NoPlanError(f"no answer in {budget_s + _GRACE_S:g} s")
        try:
            kind, *said, seconds = line.recv()
        except (EOFError, OSError) as error:
            self.close()
            raise NoPlanError("its process ended") from error
        if kind == "none":
            raise NoPlanError(said[0], seconds)
        sites, stated, proven = said
        return Answer(sites, stated, proven, seconds=seconds)

    def close(self) -> None:
        """End the process, and the solver's with it."""
        if self._process is None or self._line is None:
            return
        self._line.close()
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid or 0, signal.SIGKILL)
        self._process.join()
        self._process.close()
        self._process = self._line = None

    def _open(self) -> Connection:
        if self._line is None:
            context = multiprocessing.get_context("spawn")
            self._line, other = context.Pipe()
            arguments = (other, self.solver, PROVEN_GAP)
            self._process = context.Process(target=serve, args=arguments, daemon=True)
            self._process.start()
            other.close()
        return self._line


class SpoptCbc(Spopt):
    """With the solver of spopt's own examples."""

    name = "spopt-cbc"
    solver = "cbc"
    packages = ("spopt", "pulp")
    note = "PuLP's CBC, its default, with our gap"


class SpoptHighs(Spopt):
    """With HiGHS."""

    name = "spopt-highs"
    solver = "highs"
    packages = ("spopt", "pulp", "highspy")
    note = "HiGHS through PuLP, its own number of threads, with our gap"


PLANNERS: Final[dict[str, type[Planner]]] = {
    kind.name: kind for kind in (Bluelight, SpoptCbc, SpoptHighs)
}
"""All contestants by name, ours first."""
