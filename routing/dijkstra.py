"""Shortest-path tree by Dijkstra's algorithm; plain functions on arrays.

A cost is one int64: milliseconds above, centimetres in the lower 31 bits. So the sum
and the minimum of costs are those of pairs, and the metres that come with a travel time
are those of the shortest among the fastest routes. Two costs add up without overflow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

MS: Final = np.int64(31)
"""Bits by which milliseconds are shifted in a cost."""

FAR: Final = np.int64(np.iinfo(np.int32).max) << MS
"""Cost of what cannot be reached; costs from here on count as this one."""

_NODE_BITS: Final = np.int64(32)
_NODE: Final = np.int64((1 << 32) - 1)
_NONE: Final = np.int64(np.iinfo(np.int64).max)
_SPARE: Final = 4
"""Room behind the last key, so that every node of the heap has four children to read."""


@njit(cache=True)
def _push(heap: NDArray[np.int64], place: int, key: np.int64) -> None:
    """Sift a key up from a free place of a heap with four children to a node."""
    while place > 0:
        parent = (place - 1) >> 2
        if heap[parent] <= key:
            break
        heap[place] = heap[parent]
        place = parent
    heap[place] = key


@njit(cache=True)
def _drop_first(heap: NDArray[np.int64], size: int) -> None:
    """Take away the least of `size` keys; beyond them the heap holds `_NONE`.

    The gap sinks to the bottom along the least children, then the last key fills it and
    rises: it seldom rises far, so that fewer keys are compared than on its way down.
    """
    last = size - 1
    key = heap[last]
    heap[last] = _NONE
    gap = 0
    child = 1
    while child < last:
        least = child
        least_key = heap[child]
        for other in range(child + 1, child + 4):
            if heap[other] < least_key:
                least = other
                least_key = heap[other]
        heap[gap] = least_key
        gap = least
        child = 4 * gap + 1
    _push(heap, gap, key)


@njit(cache=True)
def _plant(
    heap: NDArray[np.int64],
    start: NDArray[np.int32],
    start_cost: NDArray[np.int64],
    cost: NDArray[np.int64],
) -> int:
    """Put the nodes to start from on an empty heap; return its size."""
    size = 0
    for i in range(len(start)):
        node = start[i]
        if node >= 0 and start_cost[i] < cost[node]:
            cost[node] = start_cost[i]
            _push(heap, size, ((start_cost[i] >> MS) << _NODE_BITS) | node)
            size += 1
    return size


@njit(cache=True)
def grow_tree(
    ptr: NDArray[np.int64],
    target: NDArray[np.int32],
    weight: NDArray[np.int64],
    start: NDArray[np.int32],
    start_cost: NDArray[np.int64],
    wanted: NDArray[np.bool_],
    cost: NDArray[np.int64],
    parent: NDArray[np.int64],
) -> None:
    """Grow a shortest-path tree until every wanted node is settled.

    A lazy heap: an improved node is pushed anew, and its stale keys are skipped. Keys
    hold milliseconds and node only; a node that gains nothing but centimetres, over
    arcs that take no time, is settled again.

    Parameters
    ----------
    ptr : ndarray of int64, shape (n + 1,)
        Arcs of node v are ``ptr[v]`` to ``ptr[v + 1]``.
    target : ndarray of int32, shape (m,)
        Where each arc leads.
    weight : ndarray of int64, shape (m,)
        Cost of each arc, `FAR` if it is closed.
    start : ndarray of int32, shape (s,)
        Nodes to start from, -1 for none.
    start_cost : ndarray of int64, shape (s,)
        Cost at each of them.
    wanted : ndarray of bool, shape (n,)
        Nodes that must be settled.
    cost : ndarray of int64, shape (n,)
        Output: cost of each node, `FAR` if it is not reached. Final for wanted nodes
        and for all that cost less.
    parent : ndarray of int64, shape (n,)
        Output: the arc by which each node is reached, -1 where the tree starts or does
        not reach.
    """
    cost[:] = FAR
    parent[:] = -1
    waiting = wanted.sum()
    pending = wanted.copy()
    heap = np.full(len(cost) + len(start) + _SPARE, _NONE)
    size = _plant(heap, start, start_cost, cost)
    horizon = FAR >> MS
    while size > 0:
        key = heap[0]
        node = key & _NODE
        if key >> _NODE_BITS > horizon:
            break
        _drop_first(heap, size)
        size -= 1
        here = cost[node]
        if key >> _NODE_BITS != here >> MS:
            continue
        if pending[node]:
            pending[node] = False
            waiting -= 1
            if waiting == 0:
                # centimetres may still fall over arcs that take no time
                horizon = key >> _NODE_BITS
        for arc in range(ptr[node], ptr[node + 1]):
            there = here + weight[arc]
            if there < cost[target[arc]]:
                cost[target[arc]] = there
                parent[target[arc]] = arc
                if size + _SPARE > len(heap):
                    heap = np.concatenate((heap, np.full(len(heap), _NONE)))
                _push(heap, size, ((there >> MS) << _NODE_BITS) | target[arc])
                size += 1
