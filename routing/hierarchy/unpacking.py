"""The arcs of a shortest way; functions on arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from routing.hierarchy.elimination import find_edge

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from routing.hierarchy.kinds import Int, Ints


@njit(cache=True, nogil=True)
def climb_back(
    ptr: NDArray[np.int64],
    head: NDArray[np.int32],
    records: Ints,
    side: Int,
    nodes: NDArray[np.int32],
    costs: Ints,
    cost: Ints,
    path: NDArray[np.int32],
    top: Int,
) -> tuple[NDArray[np.int32], Int]:
    """Follow a search upward back from a node to where it began.

    Parameters
    ----------
    ptr, head : ndarray
        The supergraph.
    records : ndarray of int, shape (3 * s,)
        Edge records.
    side : int
        1 for a search forward, 2 for one backward.
    nodes, costs : ndarray, shape (k,)
        Where the search began.
    cost : ndarray of int, shape (n,)
        Costs that it found.
    path : ndarray of int32
        Nodes that it met, ascending, `top` among them.
    top : int
        The node to follow back from.

    Returns
    -------
    slots : ndarray of int32
        Edges with directions, from `top` back.
    leg : int
        Which of the nodes it began at.
    """
    slots = np.empty(len(path), np.int32)
    count = 0
    node = np.int64(top)
    place = 0
    while path[place] != node:
        place += 1
    while True:
        for leg in range(len(nodes)):
            if nodes[leg] == node and costs[leg] == cost[node]:
                return slots[:count].copy(), leg
        while True:
            place -= 1
            edge = find_edge(ptr, head, path[place], node)
            if edge >= 0 and np.int64(cost[path[place]]) + records[3 * edge + side] == cost[node]:
                break
        slots[count] = 2 * edge + side - 1
        count += 1
        node = np.int64(path[place])


@njit(cache=True, nogil=True)
def _own_arc(
    slot_ptr: NDArray[np.int64], slot_arc: NDArray[np.int32], weight: Ints, slot: Int, length: Int
) -> Int:
    """Find the arc that an edge is, -1 if it stands for a way through lower nodes."""
    for place in range(slot_ptr[slot], slot_ptr[slot + 1]):
        if weight[slot_arc[place]] == length:
            return np.int64(slot_arc[place])
    return np.int64(-1)


@njit(cache=True, nogil=True)
def _parts(
    ptr: NDArray[np.int64],
    head: NDArray[np.int32],
    edge_low: NDArray[np.int32],
    down_ptr: NDArray[np.int64],
    down_node: NDArray[np.int32],
    down_edge: NDArray[np.int32],
    records: Ints,
    slot: Int,
) -> tuple[Int, Int]:
    """Find the two edges that an edge stands for."""
    edge, downward = slot >> 1, slot & 1
    low, high = edge_low[edge], head[edge]
    for place in range(down_ptr[low], down_ptr[low + 1]):
        side = np.int64(down_edge[place])
        other = np.int64(find_edge(ptr, head, down_node[place], high))
        if other < 0:
            continue
        if downward:
            through = np.int64(records[3 * other + 2]) + records[3 * side + 1]
            first, second = 2 * other + 1, 2 * side
        else:
            through = np.int64(records[3 * side + 2]) + records[3 * other + 1]
            first, second = 2 * side + 1, 2 * other
        if through == records[3 * edge + 1 + downward]:
            return first, second
    raise AssertionError("an edge is neither an arc nor a way through a lower node")


@njit(cache=True, nogil=True)
def unpack(
    ptr: NDArray[np.int64],
    head: NDArray[np.int32],
    edge_low: NDArray[np.int32],
    down_ptr: NDArray[np.int64],
    down_node: NDArray[np.int32],
    down_edge: NDArray[np.int32],
    slot_ptr: NDArray[np.int64],
    slot_arc: NDArray[np.int32],
    weight: Ints,
    records: Ints,
    slots: NDArray[np.int32],
) -> NDArray[np.int32]:
    """Replace edges of the supergraph by the arcs that they stand for.

    Parameters
    ----------
    ptr, head, edge_low, down_ptr, down_node, down_edge : ndarray
        The supergraph, with the lower end of each edge.
    slot_ptr, slot_arc : ndarray
        Arcs of each slot.
    weight : ndarray of int, shape (m,)
        Weights of arcs.
    records : ndarray of int, shape (3 * s,)
        Edge records.
    slots : ndarray of int32
        Edges with directions, in order.

    Returns
    -------
    ndarray of int32
        Arcs in order; of parallel ones of equal weight the lowest.
    """
    arcs = np.empty(len(slots) + 16, np.int32)
    count = 0
    stack = np.empty(len(slots) + 64, np.int32)
    height = len(slots)
    stack[:height] = slots[::-1]
    while height > 0:
        height -= 1
        slot = np.int64(stack[height])
        length = np.int64(records[3 * (slot >> 1) + 1 + (slot & 1)])
        own = _own_arc(slot_ptr, slot_arc, weight, slot, length)
        if own >= 0:
            if count == len(arcs):
                arcs = np.concatenate((arcs, np.empty(count, np.int32)))
            arcs[count] = own
            count += 1
            continue
        if height + 2 > len(stack):
            stack = np.concatenate((stack, np.empty(len(stack), np.int32)))
        stack[height + 1], stack[height] = _parts(
            ptr, head, edge_low, down_ptr, down_node, down_edge, records, slot
        )
        height += 2
    return arcs[:count].copy()
