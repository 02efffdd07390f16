"""What a plan is worth, from the definitions, to check what solvers say of theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.stationing import LocationProblem


def plan_value(
    model: str, problem: LocationProblem, sites: Sequence[int], units: Sequence[int] | None = None
) -> float:
    """Compute the objective of a plan of one layer without a line of the engine's code.

    Parameters
    ----------
    model : str
        ``mclp``, ``lscp``, ``p-median``, ``p-center`` or ``mexclp``.
    problem : LocationProblem
        What is asked.
    sites : sequence of int
        The open sites.
    units : sequence of int, optional
        Units at each of them; ones by default.

    Returns
    -------
    float
        The objective; infinitely bad where the plan is none: a site twice, too many
        sites or units, demand left out where all must be covered.
    """
    (layer,) = problem.layers
    chosen = np.array(sites, dtype=np.int64)
    placed = np.ones(len(chosen), np.int64) if units is None else np.array(units, np.int64)
    worst = -np.inf if model in {"mclp", "mexclp"} else np.inf
    most = len(layer.travel_s) if problem.k is None else problem.k
    if len(set(sites)) != len(sites) or len(sites) > most or not len(sites):
        return worst
    times = layer.travel_s[chosen].astype(np.float64)
    if model == "p-median":
        return float(layer.weight @ times.min(axis=0))
    if model == "p-center":
        return float(times.min(axis=0).max())
    number = placed @ (times <= layer.limit())
    if model == "mclp":
        return float(layer.weight[number > 0].sum())
    if model == "lscp":
        return float(len(sites)) if number.all() else worst
    within = placed.sum() <= (layer.units or 0)
    return float(layer.weight @ (1 - layer.busy**number)) if within else worst
