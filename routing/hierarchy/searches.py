"""Single searches in the elimination tree; functions on arrays.

A search upward from a node meets its ancestors alone, in ascending order, so it needs
no queue: it walks the path to the root (Dibbelt, Strasser, Wagner 2016,
doi:10.1145/2886843, section 7.2). Arcs are records of `stride` numbers, the head first,
the weight `offset` further; two ways of storing them use the same code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from numba import njit

from routing.hierarchy.indexing import at

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int32] | NDArray[np.int64]

_MET: Final = np.uint8(1)
_DONE: Final = np.uint8(2)


@njit(cache=True, nogil=True)
def walk_up(parent: NDArray[np.int32], nodes: NDArray[np.int32], path: NDArray[np.int32]) -> int:
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


@njit(cache=True, nogil=True)
def search_up(
    parent: NDArray[np.int32],
    ptr: NDArray[np.int64],
    arcs: Ints,
    stride: int,
    offset: int,
    nodes: NDArray[np.int32],
    costs: Ints,
    far: int,
    cost: Ints,
    path: NDArray[np.int32],
) -> int:
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
    count = walk_up(parent, nodes, path)
    for place in range(count):
        cost[path[place]] = far
    for seed in range(len(nodes)):
        if nodes[seed] >= 0 and costs[seed] < cost[nodes[seed]]:
            cost[nodes[seed]] = costs[seed]
    for place in range(count):
        node = path[place]
        here = np.int64(cost[node])
        if here < far:
            for arc in range(ptr[node], ptr[node + 1]):
                above = at(arcs[at(stride * arc)])
                there = here + arcs[at(stride * arc + offset)]
                cost[above] = min(there, np.int64(cost[above]))
    return count


@njit(cache=True, nogil=True)
def search_between(
    parent: NDArray[np.int32],
    ptr: NDArray[np.int64],
    arcs: Ints,
    stride: int,
    offset: int,
    back_ptr: NDArray[np.int64],
    back_arcs: Ints,
    back_stride: int,
    back_offset: int,
    nodes: NDArray[np.int32],
    costs: Ints,
    back_nodes: NDArray[np.int32],
    back_costs: Ints,
    far: int,
    cost: Ints,
    back_cost: Ints,
    path: NDArray[np.int32],
    back_path: NDArray[np.int32],
) -> tuple[int, int]:
    """Find the cost between two places, from both ends.

    Parameters
    ----------
    parent : ndarray of int32, shape (n,)
        Elimination tree.
    ptr, arcs, stride, offset
        Arcs of each node to higher ones, forward.
    back_ptr, back_arcs, back_stride, back_offset
        The same, backward.
    nodes, back_nodes : ndarray of int32, shape (1,) or (2,)
        Nodes next to the start, and to the end; -1 for none.
    costs, back_costs : ndarray of int, like `nodes`
        Cost of each of them.
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
    count = walk_up(parent, nodes, path)
    for place in range(count):
        cost[path[place]] = far
    back_count = walk_up(parent, back_nodes, back_path)
    for place in range(back_count):
        back_cost[back_path[place]] = far
    for seed in range(len(nodes)):
        if nodes[seed] >= 0 and costs[seed] < cost[nodes[seed]]:
            cost[nodes[seed]] = costs[seed]
    for seed in range(len(back_nodes)):
        if back_nodes[seed] >= 0 and back_costs[seed] < back_cost[back_nodes[seed]]:
            back_cost[back_nodes[seed]] = back_costs[seed]
    best, top = np.int64(far), np.int64(-1)
    one, other = 0, 0
    while one < count or other < back_count:
        forward = other >= back_count or (one < count and path[one] <= back_path[other])
        backward = one >= count or (other < back_count and back_path[other] <= path[one])
        node = np.int64(path[one]) if forward else np.int64(back_path[other])
        if forward and backward:
            through = np.int64(cost[node]) + back_cost[node]
            if through < best:
                best, top = through, node
        if forward:
            one += 1
            here = np.int64(cost[node])
            if here < best:
                for arc in range(ptr[node], ptr[node + 1]):
                    above = at(arcs[at(stride * arc)])
                    there = here + arcs[at(stride * arc + offset)]
                    cost[above] = min(there, np.int64(cost[above]))
        if backward:
            other += 1
            here = np.int64(back_cost[node])
            if here < best:
                for arc in range(back_ptr[node], back_ptr[node + 1]):
                    above = at(back_arcs[at(back_stride * arc)])
                    there = here + back_arcs[at(back_stride * arc + back_offset)]
                    back_cost[above] = min(there, np.int64(back_cost[above]))
    return best, top


@njit(cache=True, nogil=True)
def search_down(
    parent: NDArray[np.int32],
    ptr: NDArray[np.int64],
    arcs: Ints,
    stride: int,
    offset: int,
    path: NDArray[np.int32],
    count: int,
    cost: Ints,
    state: NDArray[np.uint8],
    nodes: NDArray[np.int32],
    costs: Ints,
    far: int,
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
                least = np.int64(far)
                if state[node] == _MET:
                    least = np.int64(cost[node])
                for arc in range(ptr[node], ptr[node + 1]):
                    above = at(arcs[at(stride * arc)])
                    least = min(least, np.int64(cost[above]) + arcs[at(stride * arc + offset)])
                cost[node] = least
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
