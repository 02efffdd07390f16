"""Single searches in the elimination tree; functions on arrays.

A search upward from a node meets its ancestors alone, in ascending order, so it needs
no queue: it walks the path to the root (Dibbelt, Strasser, Wagner 2016,
doi:10.1145/2886843). Arcs are records of `stride` numbers, the head first,
the weight `offset` further; two ways of storing them use the same code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from numba import njit

from routing.hierarchy.indexing import at

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from routing.hierarchy.kinds import Int, Ints

_MET: Final = np.uint8(1)
_DONE: Final = np.uint8(2)


@njit(cache=True, nogil=True)
def walk_up(parent: NDArray[np.int32], nodes: NDArray[np.int32], path: NDArray[np.int32]) -> Int:
    """Collect the ancestors of up to two nodes, and these themselves, in ascending order.

    Parameters
    ----------
    parent : ndarray of int32, shape (n,)
        Elimination tree.
    nodes : ndarray of int32, shape (1,) or (2,)
        The nodes, -1 for none.
    path : ndarray of int32
        Output.

    Returns
    -------
    int
        How many there are.
    """
    one = nodes[0]
    other = nodes[1] if len(nodes) > 1 else np.int32(-1)
    count = 0
    while one != -1 or other != -1:
        if one == other:
            path[count] = one
            one = parent[one]
            other = one
        elif other == -1 or (one != -1 and one < other):
            path[count] = one
            one = parent[one]
        else:
            path[count] = other
            other = parent[other]
        count += 1
        if one == other:
            other = np.int32(-1)
    return count


@njit(cache=True, nogil=True, inline="always")
def plant(
    parent: NDArray[np.int32],
    nodes: NDArray[np.int32],
    costs: Ints,
    far: Int,
    cost: Ints,
    path: NDArray[np.int32],
) -> Int:
    """Lay out the path that a search upward from a place will take.

    Parameters
    ----------
    parent : ndarray of int32, shape (n,)
        Elimination tree.
    nodes : ndarray of int32, shape (1,) or (2,)
        Nodes next to the place, -1 for none.
    costs : ndarray of int, like `nodes`
        Cost of each of them.
    far : int
        Cost of what cannot be reached.
    cost : ndarray of int, shape (n,)
        Output: costs of the nodes on the path, `far` but next to the place.
    path : ndarray of int32
        Output: nodes, ascending.

    Returns
    -------
    int
        Length of the path.
    """
    count = walk_up(parent, nodes, path)
    for place in range(count):
        cost[path[place]] = far
    for seed in range(len(nodes)):
        if nodes[seed] >= 0:
            cost[nodes[seed]] = min(cost[nodes[seed]], costs[seed])
    return count


@njit(cache=True, nogil=True, inline="always")
def offer(
    ptr: NDArray[np.int64], arcs: Ints, stride: Int, offset: Int, node: Int, here: Int, cost: Ints
) -> None:
    """Offer the way through a node to its higher neighbours.

    Parameters
    ----------
    ptr, arcs, stride, offset
        Arcs of each node to higher ones.
    node : int
        The node.
    here : int
        Its cost.
    cost : ndarray of int, shape (n,)
        Costs; those of its neighbours may fall.
    """
    for arc in range(ptr[node], ptr[node + 1]):
        above = at(arcs[at(stride * arc)])
        there = here + arcs[at(stride * arc + offset)]
        cost[above] = min(there, np.int64(cost[above]))


@njit(cache=True, nogil=True)
def search_up(
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
) -> Int:
    """Find the costs of all ancestors of a place.

    Parameters
    ----------
    parent : ndarray of int32, shape (n,)
        Elimination tree.
    ptr, arcs, stride, offset
        Arcs of each node to higher ones.
    nodes : ndarray of int32, shape (1,) or (2,)
        Nodes next to the place, -1 for none.
    costs : ndarray of int, like `nodes`
        Cost of each of them.
    far : int
        Cost of what cannot be reached.
    cost : ndarray of int, shape (n,)
        Output: costs of the nodes on the path.
    path : ndarray of int32
        Output: nodes, ascending.

    Returns
    -------
    int
        Length of the path.
    """
    count = plant(parent, nodes, costs, far, cost, path)
    for place in range(count):
        here = np.int64(cost[path[place]])
        if here < far:
            offer(ptr, arcs, stride, offset, np.int64(path[place]), here, cost)
    return count


@njit(cache=True, nogil=True)
def search_between(
    parent: NDArray[np.int32],
    ptr: NDArray[np.int64],
    arcs: Ints,
    stride: Int,
    offset: Int,
    back_ptr: NDArray[np.int64],
    back_arcs: Ints,
    back_stride: Int,
    back_offset: Int,
    nodes: NDArray[np.int32],
    costs: Ints,
    back_nodes: NDArray[np.int32],
    back_costs: Ints,
    far: Int,
    cost: Ints,
    back_cost: Ints,
    path: NDArray[np.int32],
    back_path: NDArray[np.int32],
) -> tuple[Int, Int]:
    """Find the cost between two places, from both ends.

    Parameters
    ----------
    parent : ndarray of int32, shape (n,)
        Elimination tree.
    ptr, arcs, stride, offset
        Arcs of each node to higher ones, forward.
    back_ptr, back_arcs, back_stride, back_offset
        The same, backward.
    nodes, costs : ndarray, shape (1,) or (2,)
        Nodes next to the start, -1 for none, and the cost of each of them.
    back_nodes, back_costs : ndarray, shape (1,) or (2,)
        The same next to the end.
    far : int
        Cost of what cannot be reached.
    cost, back_cost : ndarray of int, shape (n,)
        Output: costs from the start, and to the end, of nodes on the best way.
    path, back_path : ndarray of int32
        Memory to work in, as long as two paths to the root.

    Returns
    -------
    best : int
        Cost, `far` if no way leads there.
    node : int
        Highest node on the way, -1 if there is none.
    """
    count = plant(parent, nodes, costs, far, cost, path)
    back_count = plant(parent, back_nodes, back_costs, far, back_cost, back_path)
    best, top = np.int64(far), np.int64(-1)
    size = np.int64(len(parent))
    one, other = 0, 0
    while one < count or other < back_count:
        next_one = np.int64(path[one]) if one < count else size
        next_other = np.int64(back_path[other]) if other < back_count else size
        node = min(next_one, next_other)
        if next_one == next_other:
            through = np.int64(cost[node]) + back_cost[node]
            if through < best:
                best, top = through, node
        if next_one == node:
            one += 1
            if cost[node] < best:
                offer(ptr, arcs, stride, offset, node, np.int64(cost[node]), cost)
        if next_other == node:
            other += 1
            if back_cost[node] < best:
                here = np.int64(back_cost[node])
                offer(back_ptr, back_arcs, back_stride, back_offset, node, here, back_cost)
    return best, top


@njit(cache=True, nogil=True, inline="always")
def take(
    ptr: NDArray[np.int64], arcs: Ints, stride: Int, offset: Int, node: Int, least: Int, cost: Ints
) -> Int:
    """Find the least cost of a node over its higher neighbours.

    Parameters
    ----------
    ptr, arcs, stride, offset
        Arcs between each node and higher ones, in the direction towards the node.
    node : int
        The node.
    least : int
        What it costs without them.
    cost : ndarray of int, shape (n,)
        Costs of its neighbours.

    Returns
    -------
    int
        The least cost.
    """
    for arc in range(ptr[node], ptr[node + 1]):
        above = at(arcs[at(stride * arc)])
        least = min(least, np.int64(cost[above]) + arcs[at(stride * arc + offset)])
    return least


@njit(cache=True, nogil=True)
def search_down(
    parent: NDArray[np.int32],
    ptr: NDArray[np.int64],
    arcs: Ints,
    stride: Int,
    offset: Int,
    path: NDArray[np.int32],
    count: Int,
    cost: Ints,
    state: NDArray[np.uint8],
    nodes: NDArray[np.int32],
    costs: Ints,
    far: Int,
    touched: NDArray[np.int32],
    stack: NDArray[np.int32],
    result: Ints,
) -> None:
    """Continue a search upward down to some places.

    A node takes the best from its higher neighbours once these have theirs, so the walk
    goes from the nearest ancestor that is done down to the node asked for.

    Parameters
    ----------
    parent : ndarray of int32, shape (n,)
        Elimination tree.
    ptr, arcs, stride, offset
        Arcs between each node and higher ones, in the direction towards the node.
    path : ndarray of int32
        Nodes that the search upward met.
    count : int
        How many.
    cost : ndarray of int, shape (n,)
        Their costs; those of other nodes are written.
    state : ndarray of uint8, shape (n,)
        Memory to work in: zero throughout, before and after.
    nodes : ndarray of int32, shape (b, 1) or (b, 2)
        Nodes next to each place, -1 for none.
    costs : ndarray of int, like `nodes`
        Cost between them and the place.
    far : int
        Cost of what cannot be reached.
    touched : ndarray of int32, shape (n,)
        Memory to work in.
    stack : ndarray of int32
        Memory to work in, as long as the tree is high.
    result : ndarray of int, shape (b,)
        Output: cost of each place.
    """
    for place in range(count):
        state[path[place]] = _MET
    total = 0
    for row in range(len(nodes)):
        best = np.int64(far)
        for leg in range(nodes.shape[1]):
            node = nodes[row, leg]
            height = 0
            while node != -1 and state[node] != _DONE:
                stack[height] = node
                height += 1
                node = parent[node]
            while height > 0:
                height -= 1
                node = stack[height]
                least = np.int64(cost[node]) if state[node] == _MET else np.int64(far)
                cost[node] = take(ptr, arcs, stride, offset, np.int64(node), least, cost)
                state[node] = _DONE
                touched[total] = node
                total += 1
            node = nodes[row, leg]
            if node != -1:
                best = min(best, np.int64(cost[node]) + costs[row, leg])
        result[row] = best
    for place in range(count):
        state[path[place]] = 0
    for place in range(total):
        state[touched[place]] = 0
