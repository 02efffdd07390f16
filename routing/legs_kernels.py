"""Costs of the way between places on roads and the junctions next to them: array kernels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from routing.dijkstra import FAR, MS
from routing.network import UNREACHABLE

if TYPE_CHECKING:
    from numpy.typing import NDArray


@njit(cache=True)
def part_cost(ms: NDArray[np.int64], cm: NDArray[np.int64], arc: int, share: float) -> np.int64:
    """Compute the cost of a share of an arc.

    Parameters
    ----------
    ms, cm : ndarray of int64, shape (m,)
        Milliseconds and centimetres of each arc, `UNREACHABLE` ms for a closed one.
    arc : int
        The arc, or -1.
    share : float
        Part of its length.

    Returns
    -------
    int
        Cost; `FAR` for arc -1, a negative share or a closed arc.
    """
    if arc < 0 or share < 0 or ms[arc] >= UNREACHABLE:
        return FAR
    return (np.int64(np.rint(share * ms[arc])) << MS) + np.int64(np.rint(share * cm[arc]))


@njit(cache=True)
def legs_between(
    arc: NDArray[np.int32],
    share: NDArray[np.float64],
    twin_of: NDArray[np.int32],
    ends: NDArray[np.int32],
    junctions: NDArray[np.int32],
    tail: NDArray[np.int32],
    head: NDArray[np.int32],
    ms: NDArray[np.int64],
    cm: NDArray[np.int64],
    leaving: bool,
) -> tuple[
    NDArray[np.int32],
    NDArray[np.int32],
    NDArray[np.float64],
    NDArray[np.int32],
    NDArray[np.int64],
]:
    """Find the junctions by which places are left or reached, and what that costs.

    Parameters
    ----------
    arc : ndarray of int32, shape (p,)
        Arc of each place.
    share : ndarray of float64, shape (p,)
        Position along it.
    twin_of : ndarray of int32, shape (m,)
        Twin of each arc, -1 for none.
    ends : ndarray of int32, shape (m,)
        Node of the search graph that an arc leads to, or comes from.
    junctions : ndarray of int32, shape (n,)
        Node of the search graph by which a junction is left, or reached.
    tail, head : ndarray of int32, shape (m,)
        Junctions of each arc.
    ms, cm : ndarray of int64, shape (m,)
        As of `part_cost`.
    leaving : bool
        Whether places are left; else they are reached.

    Returns
    -------
    arc, twin, share, node, cost
        As of `routing.legs.Legs`.
    """
    count = len(arc)
    lower = np.empty(count, np.int32)
    twin = np.empty(count, np.int32)
    along = np.empty(count, np.float64)
    node = np.empty((count, 2), np.int32)
    cost = np.empty((count, 2), np.int64)
    for row in range(count):
        here, back, at = arc[row], twin_of[arc[row]], share[row]
        if 0 <= back < here:
            here, back, at = back, here, 1 - at
        lower[row], twin[row], along[row] = here, back, at
        if at in (0.0, 1.0):
            node[row, 0] = junctions[tail[here] if at == 0 else head[here]]
            node[row, 1] = -1
            cost[row, 0], cost[row, 1] = 0, FAR
            continue
        driven = 1 - at if leaving else at
        node[row, 0] = ends[here]
        node[row, 1] = ends[back] if back >= 0 else -1
        cost[row, 0] = part_cost(ms, cm, here, driven)
        cost[row, 1] = part_cost(ms, cm, back, 1 - driven)
    return lower, twin, along, node, cost
