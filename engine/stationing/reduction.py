"""Make a location problem smaller without changing its best plans."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from engine.stationing.dominance_kernels import dominated

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PIVOTS: Final = 400


@dataclass(frozen=True)
class Reduced:
    """What is left to decide: which of m sites serve n groups of demand.

    Parameters
    ----------
    cost : ndarray of float64, shape (m, n)
        Weighted cost of each group at each site; the lowest of a group is zero.
    rows : ndarray of int64, shape (m,)
        Row of each site in the problem it came from.
    base : float
        Cost that every plan has.
    """

    cost: NDArray[np.float64]
    rows: NDArray[np.int64]
    base: float


def reduce(cost: NDArray[Any], weight: NDArray[np.float64], kept: NDArray[np.bool_]) -> Reduced:
    """Take out kept sites, merge demand that every site treats alike, drop useless sites.

    Kept sites go first: what they offer becomes the highest cost of each demand point.
    Demand points whose costs differ from each other by a constant are one group; for
    covering these are the points with equal cover sets. A site that another one matches
    everywhere is not needed: it could make way for that one in any plan.

    Parameters
    ----------
    cost : ndarray, shape (sites, demand)
        Cost for a unit of demand, finite and zero or more; of any number type.
    weight : ndarray of float64, shape (demand,)
        Weight of each demand point.
    kept : ndarray of bool, shape (sites,)
        Sites that are open in every plan.

    Returns
    -------
    Reduced
        The smaller problem; its sites are some of those that are not kept.
    """
    cost, weight = cost[:, weight > 0], weight[weight > 0]
    rows = np.flatnonzero(~kept)
    if kept.any():
        cost = np.minimum(cost[rows], cost[kept].min(axis=0))
    lowest = cost.min(axis=0)
    base = float(weight @ lowest)
    cost = cost - lowest
    matters = cost.any(axis=0)
    cost, weight = merge_alike(cost[:, matters], weight[matters])
    weighted = np.ascontiguousarray(cost * weight)
    useful = ~_dominated(weighted)
    return Reduced(np.ascontiguousarray(weighted[useful]), rows[useful], base)


def _dominated(cost: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Find sites that are not needed beside another one."""
    m, n = cost.shape
    if n == 0:
        return np.arange(m) > 0
    by_demand = np.ascontiguousarray(cost.T)
    pivot, rivals = np.zeros(m, dtype=np.int64), np.full(m, m + 1)
    # Any point would do: some hundred show one with few rivals.
    for point in np.unique(np.linspace(0, n - 1, _PIVOTS).astype(np.int64)):
        column = by_demand[point]
        matching = np.searchsorted(np.sort(column), column, side="right")
        fewer = matching < rivals
        pivot[fewer], rivals[fewer] = point, matching[fewer]
    result: NDArray[np.bool_] = dominated(cost, by_demand, pivot)
    return result


def merge_alike(
    cost: NDArray[Any], weight: NDArray[np.float64]
) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Merge demand points of equal costs, in the order of their first ones.

    Parameters
    ----------
    cost : ndarray, shape (sites, demand)
        Costs.
    weight : ndarray of float64, shape (demand,)
        Weights.

    Returns
    -------
    cost : ndarray, shape (sites, groups)
        Costs of each group.
    weight : ndarray of float64, shape (groups,)
        Weights of each.
    """
    if cost.size == 0:
        return cost, weight
    points = np.ascontiguousarray(cost.T)
    if points.dtype == np.uint8:
        points = np.packbits(points, axis=1)
    as_bytes = points.view(np.dtype((np.void, points.shape[1] * points.itemsize))).ravel()
    _, first, group = np.unique(as_bytes, return_index=True, return_inverse=True)
    order = np.argsort(first)
    total = np.bincount(group.ravel(), weight).astype(np.float64)
    return cost[:, first[order]], total[order]
