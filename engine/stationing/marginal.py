"""What one more station or unit would be worth, and what each of a plan's is worth."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.mip import never
from routing.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from engine.stationing.base import LocationModel, StationPlan
    from engine.stationing.problem import LocationProblem


@dataclass(frozen=True)
class MarginalValues:
    """Changes of the objective; above zero is better, whichever way the model optimises.

    Parameters
    ----------
    one_more_station : float or None
        Gain of the best plan with one station more; None where stations are not counted,
        no site is left, or one of the two plans is not proven.
    one_more_unit : tuple of (float or None)
        For each layer, gain of the best plan with one unit more; None as above.
    station : tuple of (float or None)
        For each open site, what is lost without it and its units, all else staying; None
        where the plan would miss what the model demands.
    unit : tuple of tuple of (float or None)
        For each layer and open site, what is lost with one unit less there; None also
        where there is none.
    """

    one_more_station: float | None
    one_more_unit: tuple[float | None, ...]
    station: tuple[float | None, ...]
    unit: tuple[tuple[float | None, ...], ...]


def marginal_values(
    model: LocationModel,
    problem: LocationProblem,
    plan: StationPlan,
    *,
    stopped: Callable[[], bool] = never,
) -> MarginalValues:
    """Compute what more and less would be worth.

    Parameters
    ----------
    model : LocationModel
        The model.
    problem : LocationProblem
        What was asked.
    plan : StationPlan
        Its answer.
    stopped : callable
        Asked now and then; once it says True, what is not yet known is left out.

    Returns
    -------
    MarginalValues
        The values. All plans with one more share the time limit of the problem.
    """
    sign = 1 if model.maximises else -1
    share = problem.time_limit_s / (1 + len(problem.layers))

    def _gain(**more: Any) -> float | None:
        if stopped() or not plan.proven:
            return None
        try:
            other = replace(problem, time_limit_s=share, **more)
            better = model.solve(other, stopped=stopped)
        except InputError:
            return None
        return sign * (better.objective - plan.objective) if better.proven else None

    def _loss(sites: Sequence[int], units: Sequence[Sequence[int]]) -> float | None:
        loss = sign * (plan.objective - model.value(problem, sites, units))
        return loss if np.isfinite(loss) else None

    more_station = None
    if problem.k is not None and problem.k < problem.allowed.sum():
        more_station = _gain(k=problem.k + 1)
    more_unit = tuple(
        None
        if layer.units is None
        else _gain(
            layers=[
                replace(other, units=layer.units + 1) if at == place else other
                for at, other in enumerate(problem.layers)
            ]
        )
        for place, layer in enumerate(problem.layers)
    )
    station = tuple(
        _loss(_without(plan.sites, at), [_without(row, at) for row in plan.units])
        for at in range(len(plan.sites))
    )
    unit = tuple(
        tuple(
            _loss(plan.sites, _one_less(plan.units, place, at))
            if layer.units is not None and row[at]
            else None
            for at in range(len(plan.sites))
        )
        for place, (layer, row) in enumerate(zip(problem.layers, plan.units, strict=True))
    )
    return MarginalValues(more_station, more_unit, station, unit)


def _without(values: Sequence[int], at: int) -> list[int]:
    return [*values[:at], *values[at + 1 :]]


def _one_less(units: Sequence[Sequence[int]], place: int, at: int) -> list[list[int]]:
    fewer = [list(row) for row in units]
    fewer[place][at] -= 1
    return fewer
