"""Models in which each demand point gains from the best units that it has.

A unit at site j is worth u_ij to a unit of demand i; the best of those placed counts
with theta_1, the next with theta_2 and so on, none more than the one before:

    sum_i w_i sum_r theta_r u_i(r),     u_i(1) >= u_i(2) >= ...

Covering, backup and expected covering are of this form with u one or zero, medians and
expected survival with graded u. All of them are answered here, and differ in `worth` and
`steps` alone.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np

from engine.mip import never
from engine.stationing.base import StationPlan, at_scale, listed, written
from engine.stationing.cover_rows import cover_rows
from engine.stationing.covering import choose_units
from engine.stationing.effort import Effort
from engine.stationing.gain_program import solve_program
from engine.stationing.graded import choose_graded_units
from engine.stationing.median import choose_sites
from engine.stationing.rules import broken_rules

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from engine.stationing.problem import Layer, LocationProblem


_START_SHARE: Final = 0.2

ALL: Final = slice(None)
"""All sites."""


class GainModel(ABC):
    """A location model of this form."""

    about: ClassVar[str]
    maximises: ClassVar[bool] = True
    units_are_busy: ClassVar[bool] = False

    @property
    @abstractmethod
    def id(self) -> str:
        """Versioned id."""

    @abstractmethod
    def worth(
        self, problem: LocationProblem, layer: Layer, sites: slice | list[int] = ALL
    ) -> NDArray[Any]:
        """Compute what a unit at each site is worth to a unit of each demand point.

        Parameters
        ----------
        problem : LocationProblem
            What is asked.
        layer : Layer
            Kind of unit and slice of time.
        sites : slice or list of int
            Rows that are wanted; all by default.

        Returns
        -------
        ndarray of bool or float64, shape (m, n)
            Zero or more; bool where it is one or nothing.
        """

    def steps(self, layer: Layer, most: int) -> NDArray[np.float64]:
        """Compute how much the best unit counts, the second best and so on.

        Parameters
        ----------
        layer : Layer
            Kind of unit and slice of time.
        most : int
            More units than these are never there.

        Returns
        -------
        ndarray of float64, shape (1 to most,)
            Zero or more, never rising; what comes after counts nothing.
        """
        _ = layer, most
        return np.ones(1)

    def objective(self, problem: LocationProblem, gain: float) -> float:
        """Turn a gain into the model's own terms.

        Parameters
        ----------
        problem : LocationProblem
            What is asked.
        gain : float
            The sum above, over all layers.

        Returns
        -------
        float
            The objective; falling with the gain where the model minimises.
        """
        _ = problem
        return gain

    def solve(
        self, problem: LocationProblem, *, stopped: Callable[[], bool] = never
    ) -> StationPlan:
        """Choose sites and units of greatest gain.

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
        """
        return at_scale(self._solve, problem, stopped)

    def _solve(self, problem: LocationProblem, stopped: Callable[[], bool]) -> StationPlan:
        return _quickly(self, problem, stopped) or _generally(self, problem, stopped)

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
            The objective.
        """
        gain = 0.0
        for place, layer in enumerate(problem.layers):
            placed = np.ones(len(sites), np.int64) if units is None else np.array(units[place])
            if not self.maximises and not placed.any():
                return np.inf
            steps = self.steps(layer, max(1, int(placed.sum())))
            worth = self.worth(problem, layer, list(sites))
            gain += float(layer.weight @ gained(worth, placed, steps))
        return self.objective(problem, gain)


def gained(
    worth: NDArray[Any], units: NDArray[np.int64], steps: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Compute the gain of a unit of each demand point.

    Parameters
    ----------
    worth : ndarray, shape (sites, n)
        What a unit at each of these sites is worth.
    units : ndarray of int64, shape (sites,)
        Units there.
    steps : ndarray of float64, shape (s,)
        What the best counts, the second best and so on.

    Returns
    -------
    ndarray of float64, shape (n,)
        The gains.
    """
    worth, units = worth[units > 0], units[units > 0]
    if not len(units):
        return np.zeros(worth.shape[1])
    if len(steps) == 1:
        best: NDArray[np.float64] = steps[0] * worth.max(axis=0).astype(np.float64)
        return best
    each = np.repeat(worth, np.minimum(units, len(steps)), axis=0).astype(np.float64)
    ranked = -np.sort(-each, axis=0)[: len(steps)]
    return steps[: len(ranked)] @ ranked


def _quickly(
    model: GainModel, problem: LocationProblem, stopped: Callable[[], bool]
) -> StationPlan | None:
    """Answer a problem without side constraints by a method of its own."""
    layer = problem.layers[0]
    k = layer.units if layer.units is not None else problem.k
    both = layer.units is not None and problem.k is not None
    if k is None or problem.floors or problem.budget is not None or len(problem.layers) > 1:
        return None
    worth = model.worth(problem, layer)
    if both and worth.dtype == np.bool_:
        return None
    steps = model.steps(layer, k)
    effort = Effort.of_seconds(problem.time_limit_s)
    if worth.dtype == np.bool_:
        # a kept station without a unit is open all the same
        lower = None if layer.units is not None else problem.kept.astype(np.int64)
        choice = choose_units(
            cover_rows(worth, layer.weight),
            steps,
            k,
            capacity=problem.room(layer),
            lower=lower,
            effort=effort,
            seed=problem.seed,
            stopped=stopped,
        )
        opened = (choice.units > 0) | problem.kept
        return _written(model, problem, opened, choice.units[None], choice.bound)
    if layer.units is not None or len(steps) > 1:
        choice = choose_graded_units(
            worth,
            layer.weight,
            steps,
            k,
            capacity=problem.room(layer),
            lower=problem.kept.astype(np.int64) * (layer.units is None),
            effort=effort,
            seed=problem.seed,
            stopped=stopped,
            stations=problem.k if both else None,
            kept=problem.kept if both else None,
            offset=model.objective(problem, 0.0),
        )
        opened = (choice.units > 0) | problem.kept
        if problem.k is not None:
            # a station without a unit gains nothing, and costs nothing
            spare = np.flatnonzero(problem.allowed & ~opened)
            opened[spare[: problem.k - int(opened.sum())]] = True
        return _written(model, problem, opened, choice.units[None], choice.bound)
    allowed = np.flatnonzero(problem.allowed)
    highest = worth.max()
    sites = choose_sites(
        (highest - worth)[allowed],
        layer.weight,
        k,
        kept=problem.kept[allowed],
        effort=effort,
        seed=problem.seed,
        stopped=stopped,
    )
    opened = np.zeros(problem.sites, dtype=np.bool_)
    opened[allowed[list(sites.sites)]] = True
    bound = steps[0] * (float(layer.weight.sum()) * highest - sites.bound)
    return _written(model, problem, opened, opened[None].astype(np.int64), bound)


def _generally(
    model: GainModel, problem: LocationProblem, stopped: Callable[[], bool]
) -> StationPlan:
    worth = [model.worth(problem, layer) for layer in problem.layers]
    steps = [model.steps(layer, layer.units or problem.most(layer)) for layer in problem.layers]
    known = _good_plan(problem, worth, steps, stopped)
    looser = _bound_of_layers(problem, worth, steps, stopped)
    opened, units, bound = solve_program(
        problem, worth, steps, stopped, known, offset=model.objective(problem, 0.0)
    )
    bound = min(bound, looser)
    plan = _written(model, problem, opened, units, bound)
    if known is None:
        return plan
    other = _written(model, problem, *known, bound)
    sign = 1 if model.maximises else -1
    return other if sign * other.objective > sign * plan.objective else plan


def _written(
    model: GainModel,
    problem: LocationProblem,
    opened: NDArray[np.bool_],
    units: NDArray[np.int64],
    gain: float,
) -> StationPlan:
    """Write a plan down, given that none gains more."""
    bound = model.objective(problem, gain)
    return written(model, problem, opened, units, bound, scale=max(1.0, gain))


def _bound_of_layers(
    problem: LocationProblem,
    worth: list[NDArray[Any]],
    steps: list[NDArray[np.float64]],
    stopped: Callable[[], bool],
) -> float:
    """Bound each layer by itself, with nothing to heed but its units."""
    total = 0.0
    share = Effort.of_seconds(problem.time_limit_s * _START_SHARE / (len(worth) + 1))
    for at, layer in enumerate(problem.layers):
        k = layer.units if layer.units is not None else problem.k
        if k is None or worth[at].dtype == np.bool_:
            return np.inf
        total += choose_graded_units(
            worth[at],
            layer.weight,
            steps[at],
            k,
            capacity=problem.room(layer),
            lower=np.zeros(problem.sites, np.int64),
            effort=share.share(1.0),
            seed=problem.seed,
            stopped=stopped,
            finishing=False,
        ).bound
    return total


def _good_plan(
    problem: LocationProblem,
    worth: list[NDArray[Any]],
    steps: list[NDArray[np.float64]],
    stopped: Callable[[], bool],
) -> tuple[NDArray[np.bool_], NDArray[np.int64]] | None:
    """Choose the buildings by the first layer as if each had one unit, then all units.

    There is none where that breaks a floor or the budget, or room is short.
    """
    if problem.k is None:
        return None
    share = problem.time_limit_s * _START_SHARE / (len(worth) + 1)

    def choose(
        at: int, k: int, capacity: NDArray[np.int64], lower: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        weight, effort = problem.layers[at].weight, Effort.of_seconds(share)
        if worth[at].dtype == np.bool_:
            rows = cover_rows(worth[at], weight)
            return choose_units(
                rows,
                steps[at],
                k,
                capacity=capacity,
                lower=lower,
                effort=effort,
                seed=problem.seed,
                stopped=stopped,
            ).units
        return choose_graded_units(
            worth[at],
            weight,
            steps[at],
            k,
            capacity=capacity,
            lower=lower,
            effort=effort,
            seed=problem.seed,
            stopped=stopped,
            bounding=False,
            finishing=False,
        ).units

    one_each, none = problem.allowed.astype(np.int64), np.zeros(problem.sites, np.int64)
    opened = choose(0, problem.k, one_each, problem.kept.astype(np.int64)) > 0
    units = np.tile(opened.astype(np.int64), (len(worth), 1))
    for at, layer in enumerate(problem.layers):
        room = np.where(opened, problem.room(layer), 0)
        if layer.units is None:
            continue
        if room.sum() < layer.units:
            return None
        units[at] = choose(at, layer.units, room, none)
    return None if any(broken_rules(problem, *listed(opened, units))) else (opened, units)
