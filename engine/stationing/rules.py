"""Whether a plan keeps to the side constraints of its problem."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engine.stationing.base import PROVEN_GAP
from engine.stationing.program import budget_slack

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.stationing.problem import LocationProblem


def broken_rules(
    problem: LocationProblem,
    sites: tuple[int, ...],
    units: tuple[tuple[int, ...], ...],
) -> Iterator[str]:
    """Compare a plan with the side constraints of its problem.

    Parameters
    ----------
    problem : LocationProblem
        The problem.
    sites : tuple of int
        Open sites.
    units : tuple of tuple of int
        Units of each layer at each of them.

    Yields
    ------
    str
        What it does not keep to.
    """
    if problem.k is not None and len(sites) != problem.k:
        yield f"opens {len(sites)} sites, not {problem.k}"
    if not sites:
        yield "opens no site"
    if not set(np.flatnonzero(problem.kept).tolist()) <= set(sites):
        yield "closes a site that is to be kept"
    if set(np.flatnonzero(~problem.allowed).tolist()) & set(sites):
        yield "opens a site that is forbidden"
    chosen = list(sites)
    for layer, placed in zip(problem.layers, units, strict=True):
        if layer.units is not None and sum(placed) != layer.units:
            yield f"places {sum(placed)} units, not {layer.units}"
        if (np.array(placed) > problem.room(layer)[chosen]).any():
            yield "places more units at a site than there is room for"
    yield from _broken_promises_to_districts(problem, sites, units)
    budget = problem.budget
    if budget is not None and problem.cost(sites) > budget + budget_slack(budget):
        yield f"costs {problem.cost(sites)}, more than the budget of {budget}"


def _broken_promises_to_districts(
    problem: LocationProblem,
    sites: tuple[int, ...],
    units: tuple[tuple[int, ...], ...],
) -> Iterator[str]:
    for floor in problem.floors:
        for layer, placed in zip(problem.layers, units, strict=True):
            weight = np.where(floor.demand, layer.weight, 0.0)
            covered = layer.covers([s for s, u in zip(sites, placed, strict=True) if u])
            short = floor.share * weight.sum() - weight @ covered.any(axis=0)
            if short > PROVEN_GAP * weight.sum():
                yield f"leaves {floor.name} below its floor"
