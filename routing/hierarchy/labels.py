"""Labels of pinned places: costs of all their ancestors, root first.

Two root paths have a beginning in common and nothing else, so the best meeting point of
a source and a target is the least sum over that beginning.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from routing.hierarchy.searches import search_up

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from routing.hierarchy.kinds import Int, Ints


@njit(cache=True, nogil=True)
def make_labels(
    parent: NDArray[np.int32],
    ptr: NDArray[np.int64],
    arcs: Ints,
    stride: Int,
    offset: Int,
    nodes: NDArray[np.int32],
    costs: Ints,
    far: Int,
    cost: Ints,
    path: NDArray[np.int32],
) -> tuple[NDArray[np.int64], NDArray[np.int32], Ints]:
    """Make the labels of places, one for each node next to a place.

    Parameters
    ----------
    parent : ndarray of int32, shape (n,)
        Elimination tree.
    ptr, arcs, stride, offset
        Arcs of each node to higher ones.
    nodes : ndarray of int32, shape (a, k)
        Nodes next to each place, -1 for none.
    costs : ndarray of int, shape (a, k)
        Cost of each of them.
    far : int
        Cost of what cannot be reached.
    cost : ndarray of int, shape (n,)
        Memory to work in.
    path : ndarray of int32
        Memory to work in.

    Returns
    -------
    label_ptr : ndarray of int64, shape (a * k + 1,)
        Where each label begins.
    label_node : ndarray of int32
        Ancestors, root first.
    label_cost : ndarray of int
        Their costs.
    """
    a, k = nodes.shape
    label_ptr = np.zeros(a * k + 1, np.int64)
    for row in range(a):
        for leg in range(k):
            height = 0
            node = nodes[row, leg]
            while node != -1:
                height += 1
                node = parent[node]
            label_ptr[row * k + leg + 1] = label_ptr[row * k + leg] + height
    label_node = np.empty(label_ptr[-1], np.int32)
    label_cost = np.empty(label_ptr[-1], cost.dtype)
    for row in range(a):
        for leg in range(k):
            count = search_up(
                parent, ptr, arcs, stride, offset,
                nodes[row, leg : leg + 1], costs[row, leg : leg + 1], far, cost, path,
            )  # fmt: skip
            last = label_ptr[row * k + leg + 1] - 1
            for place in range(count):
                label_node[last - place] = path[place]
                label_cost[last - place] = cost[path[place]]
    return label_ptr, label_node, label_cost


@njit(cache=True, nogil=True)
def _common(known: NDArray[np.int32], path: NDArray[np.int32]) -> Int:
    """Count the ancestors that a label, root first, and a path, root last, have in common."""
    count = len(path)
    low, high = 0, min(len(known), count)
    while low < high:
        middle = (low + high) >> 1
        if known[middle] == path[count - 1 - middle]:
            low = middle + 1
        else:
            high = middle
    return low


@njit(cache=True, nogil=True)
def meet_labels(
    label_ptr: NDArray[np.int64],
    label_node: NDArray[np.int32],
    label_cost: Ints,
    parent: NDArray[np.int32],
    ptr: NDArray[np.int64],
    arcs: Ints,
    stride: Int,
    offset: Int,
    nodes: NDArray[np.int32],
    costs: Ints,
    far: Int,
    cost: Ints,
    path: NDArray[np.int32],
    result: Ints,
) -> None:
    """Find the costs between pinned places and one other.

    Parameters
    ----------
    label_ptr, label_node, label_cost : ndarray
        Labels of a places, as `make_labels` made them; costs seen as unsigned, so that
        `far` can be doubled.
    parent : ndarray of int32, shape (n,)
        Elimination tree.
    ptr, arcs, stride, offset
        Arcs of each node to higher ones, in the other direction.
    nodes : ndarray of int32, shape (1, k)
        Nodes next to the other place, -1 for none.
    costs : ndarray of int, shape (1, k)
        Cost of each of them.
    far : int
        Cost of what cannot be reached.
    cost : ndarray of int, shape (n,)
        Memory to work in.
    path : ndarray of int32
        Memory to work in.
    result : ndarray of int, shape (a,)
        Output.
    """
    legs = (len(label_ptr) - 1) // max(1, len(result))
    result[:] = far
    for end in range(nodes.shape[1]):
        if nodes[0, end] < 0:
            continue
        count = search_up(
            parent, ptr, arcs, stride, offset,
            nodes[0, end : end + 1], costs[0, end : end + 1], far, cost, path,
        )  # fmt: skip
        there = np.empty(count, label_cost.dtype)
        through = np.empty(count, label_cost.dtype)
        for place in range(count):
            there[place] = cost[path[count - 1 - place]]
        for label in range(len(label_ptr) - 1):
            begin = label_ptr[label]
            known = label_node[begin : label_ptr[label + 1]]
            here = label_cost[begin : begin + _common(known, path[:count])]
            row = label // legs
            if here.size == 0:
                continue
            # in two loops, or the sums are made in 64 bits
            for place in range(here.size):
                through[place] = here[place] + there[place]
            best = through[0]
            for place in range(1, here.size):
                best = min(best, through[place])
            result[row] = min(np.int64(result[row]), np.int64(best))
