"""What a location model answers, and the models there are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from engine.mip import never
from routing.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from engine.stationing.problem import LocationProblem

_NOTHING: Final = 1e-12
_SMALL_WEIGHT: Final = 2.0**-6

PROVEN_GAP: Final = 1e-6
"""Relative gap up to which a plan counts as proven: what is left is rounding."""


@dataclass(frozen=True)
class StationPlan:
    """Open sites, their units, and how good they are known to be.

    Parameters
    ----------
    model : str
        Id of the model, with its version.
    sites : tuple of int
        Rows of the open sites, ascending.
    units : tuple of tuple of int
        For each layer the units at each of `sites`; ones where every open station serves.
    objective : float
        Value of the plan in the model's own terms.
    bound : float
        No plan is better than this: at least the objective where the model maximises,
        at most where it minimises.
    """

    model: str
    sites: tuple[int, ...]
    units: tuple[tuple[int, ...], ...]
    objective: float
    bound: float

    @property
    def gap(self) -> float:
        """Distance of bound and objective over the objective; 1 where only that is zero."""
        distance = abs(self.bound - self.objective)
        if distance == 0:
            return 0.0
        return distance / abs(self.objective) if self.objective else 1.0

    @property
    def proven(self) -> bool:
        """Whether no other plan is better, rounding aside."""
        return self.gap <= PROVEN_GAP


def listed(
    opened: NDArray[np.bool_], units: NDArray[np.int64]
) -> tuple[tuple[int, ...], tuple[tuple[int, ...], ...]]:
    """List open sites and their units.

    Parameters
    ----------
    opened : ndarray of bool, shape (m,)
        Open sites.
    units : ndarray of int64, shape (layers, m)
        Units at each site.

    Returns
    -------
    sites : tuple of int
        Rows of the open sites, ascending.
    units : tuple of tuple of int
        For each layer the units at each of them.
    """
    sites = tuple(int(site) for site in np.flatnonzero(opened))
    return sites, tuple(tuple(int(unit) for unit in row[list(sites)]) for row in units)


def written(
    model: LocationModel,
    problem: LocationProblem,
    opened: NDArray[np.bool_],
    units: NDArray[np.int64],
    bound: float,
    *,
    scale: float = 1.0,
) -> StationPlan:
    """Write a plan down, its objective from the definition.

    Parameters
    ----------
    model : LocationModel
        The model.
    problem : LocationProblem
        What was asked.
    opened : ndarray of bool, shape (m,)
        Open sites.
    units : ndarray of int64, shape (layers, m)
        Units at each site.
    bound : float
        No plan is better than this, rounding aside.
    scale : float
        Size of the numbers that the bound was computed with, where they are greater than
        itself; rounding is a millionth of it.

    Returns
    -------
    StationPlan
        The plan; its bound is the objective where that lies beyond it, or as good as at it.

    Raises
    ------
    ArithmeticError
        The plan misses what the model demands, or lies beyond its bound by more than
        rounding: a defect.
    """
    sites, placed = listed(opened, units)
    objective = float(model.value(problem, sites, placed))
    beyond = objective - bound if model.maximises else bound - objective
    if not beyond <= PROVEN_GAP * max(abs(bound), scale):
        raise ArithmeticError(f"{model.id}: plan of {objective} beyond its bound of {bound}")
    if beyond > -_NOTHING * max(abs(bound), scale):
        bound = objective
    return StationPlan(model.id, sites, placed, objective, float(bound))


def at_scale(
    solve: Callable[[LocationProblem, Callable[[], bool]], StationPlan],
    problem: LocationProblem,
    stopped: Callable[[], bool],
) -> StationPlan:
    """Solve a problem whose weights are so small that they look like rounding.

    Solvers and searches know absolute tolerances. Weights are multiplied by a power of
    two, which changes no digit of them, and the objective is divided by it again.

    Parameters
    ----------
    solve : callable
        Solves a problem; the objective is proportional to the weights.
    problem : LocationProblem
        The problem.
    stopped : callable
        As in `LocationModel.solve`.

    Returns
    -------
    StationPlan
        The plan for the weights as they are.
    """
    largest = max((float(layer.weight.max(initial=0.0)) for layer in problem.layers), default=0.0)
    if largest == 0.0 or largest >= _SMALL_WEIGHT:
        return solve(problem, stopped)
    factor = 2.0 ** -np.floor(np.log2(largest))
    layers = [replace(layer, weight=layer.weight * factor) for layer in problem.layers]
    plan = solve(replace(problem, layers=layers), stopped)
    return replace(plan, objective=plan.objective / factor, bound=plan.bound / factor)


class LocationModel(Protocol):
    """Something that answers location problems; pure and repeatable."""

    @property
    def id(self) -> str:
        """Versioned id, such as ``mclp-v1``."""
        ...

    @property
    def about(self) -> str:
        """What it does, in one line."""
        ...

    @property
    def maximises(self) -> bool:
        """Whether a higher objective is better."""
        ...

    def solve(
        self, problem: LocationProblem, *, stopped: Callable[[], bool] = never
    ) -> StationPlan:
        """Choose sites and units.

        Parameters
        ----------
        problem : LocationProblem
            What is asked.
        stopped : callable
            Asked now and then; once it says True, the best plan so far is the answer.

        Returns
        -------
        StationPlan
            The best plan found, with its bound.

        Raises
        ------
        InputError
            The model needs something that the problem does not say, or no plan meets
            what it demands.
        """
        ...

    def value(
        self,
        problem: LocationProblem,
        sites: Sequence[int],
        units: Sequence[Sequence[int]] | None = None,
    ) -> float:
        """Compute the objective of a given plan, from its definition.

        Parameters
        ----------
        problem : LocationProblem
            What is asked.
        sites : sequence of int
            Rows of the open sites.
        units : sequence of sequence of int, optional
            For each layer the units at each of `sites`; ones by default.

        Returns
        -------
        float
            The objective; infinitely bad for a plan that misses what the model demands.
        """
        ...


MODELS: Final[Registry[LocationModel]] = Registry("location model")
"""All location models by id; `engine.stationing` registers those that come along."""
