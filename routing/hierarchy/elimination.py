"""Elimination tree and chordal supergraph of an undirected graph; functions on arrays.

Nodes are eliminated in ascending number. Eliminating a node joins its higher neighbours
with each other; what stands at the end is the chordal supergraph. The elimination tree
makes the lowest higher neighbour the parent of each node, and then all higher
neighbours of a node are its ancestors (Liu 1990, doi:10.1137/0611010).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from routing.hierarchy.kinds import Int


@njit(cache=True, nogil=True)
def higher_neighbours(
    n: Int, low: NDArray[np.int32], high: NDArray[np.int32]
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Group edges by their lower end.

    Parameters
    ----------
    n : int
        Number of nodes.
    low, high : ndarray of int32, shape (e,)
        Ends of each edge.

    Returns
    -------
    ptr : ndarray of int64, shape (n + 1,)
        Where the edges of each node begin.
    head : ndarray of int32, shape (e,)
        Higher end of each edge.
    """
    ptr = np.zeros(n + 1, np.int64)
    for edge in range(len(low)):
        ptr[low[edge] + 1] += 1
    for node in range(n):
        ptr[node + 1] += ptr[node]
    free = ptr[:-1].copy()
    head = np.empty(len(low), np.int32)
    for edge in range(len(low)):
        head[free[low[edge]]] = high[edge]
        free[low[edge]] += 1
    return ptr, head


@njit(cache=True, nogil=True)
def elimination_tree(n: Int, low: NDArray[np.int32], high: NDArray[np.int32]) -> NDArray[np.int32]:
    """Find the elimination tree, with path compression (Liu 1990).

    Parameters
    ----------
    n : int
        Number of nodes.
    low, high : ndarray of int32, shape (e,)
        Ends of each edge, ``low < high``.

    Returns
    -------
    ndarray of int32, shape (n,)
        Parent of each node, -1 for a root.
    """
    ptr, lower = higher_neighbours(n, high, low)
    parent = np.full(n, -1, np.int32)
    ancestor = np.full(n, -1, np.int32)
    for node in range(n):
        for edge in range(ptr[node], ptr[node + 1]):
            below = lower[edge]
            while below != -1 and below < node:
                above = ancestor[below]
                ancestor[below] = node
                if above == -1:
                    parent[below] = node
                below = above
    return parent


@njit(cache=True, nogil=True)
def postorder(parent: NDArray[np.int32]) -> NDArray[np.int32]:
    """Give numbers to the nodes of a forest so that every subtree is an interval.

    Parameters
    ----------
    parent : ndarray of int32, shape (n,)
        Parent of each node, higher than the node; -1 for a root.

    Returns
    -------
    ndarray of int32, shape (n,)
        Number of each node; children come before their parent.
    """
    n = len(parent)
    # numbers from the top: a node takes the highest free number of its parent's interval
    size = np.ones(n, np.int32)
    for node in range(n):
        if parent[node] >= 0:
            size[parent[node]] += size[node]
    number = np.empty(n, np.int32)
    free = np.empty(n, np.int32)
    top = n - 1
    for node in range(n - 1, -1, -1):
        above = parent[node]
        if above < 0:
            number[node] = top
            top -= size[node]
        else:
            number[node] = free[above]
            free[above] -= size[node]
        free[node] = number[node] - 1
    return number


@njit(cache=True, nogil=True)
def depths(parent: NDArray[np.int32]) -> NDArray[np.int32]:
    """Count the ancestors of each node.

    Parameters
    ----------
    parent : ndarray of int32, shape (n,)
        Parent of each node, higher than the node; -1 for a root.

    Returns
    -------
    ndarray of int32, shape (n,)
        Number of nodes from the parent to the root: 0 for a root.
    """
    depth = np.zeros(len(parent), np.int32)
    for node in range(len(parent) - 1, -1, -1):
        if parent[node] >= 0:
            depth[node] = depth[parent[node]] + 1
    return depth


@njit(cache=True, nogil=True)
def chordal_supergraph(
    n: Int, low: NDArray[np.int32], high: NDArray[np.int32]
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]]:
    """Eliminate all nodes, symbolically.

    Parameters
    ----------
    n : int
        Number of nodes.
    low, high : ndarray of int32, shape (e,)
        Ends of each edge, ``low < high``.

    Returns
    -------
    ptr : ndarray of int64, shape (n + 1,)
        Where the edges of each node to higher ones begin.
    head : ndarray of int32, shape (s,)
        Higher ends, ascending within each node.
    parent : ndarray of int32, shape (n,)
        Elimination tree, -1 for a root.
    """
    given_ptr, given = higher_neighbours(n, low, high)
    ptr = np.zeros(n + 1, np.int64)
    head = np.empty(2 * len(given) + 16, np.int32)
    parent = np.full(n, -1, np.int32)
    first_child = np.full(n, -1, np.int32)
    next_child = np.full(n, -1, np.int32)
    seen = np.full(n, -1, np.int32)
    found = np.empty(n, np.int32)
    for node in range(n):
        count = 0
        seen[node] = node
        for edge in range(given_ptr[node], given_ptr[node + 1]):
            other = given[edge]
            if seen[other] != node:
                seen[other] = node
                found[count] = other
                count += 1
        child = first_child[node]
        while child != -1:
            for edge in range(ptr[child], ptr[child + 1]):
                other = head[edge]
                if seen[other] != node:
                    seen[other] = node
                    found[count] = other
                    count += 1
            child = next_child[child]
        begin = ptr[node]
        if begin + count > len(head):
            head = np.concatenate((head, np.empty(len(head) + count, np.int32)))
        head[begin : begin + count] = np.sort(found[:count])
        ptr[node + 1] = begin + count
        if count > 0:
            above = head[begin]
            parent[node] = above
            next_child[node] = first_child[above]
            first_child[above] = node
    return ptr, head[: ptr[n]].copy(), parent


@njit(cache=True, nogil=True)
def lower_neighbours(
    ptr: NDArray[np.int64], head: NDArray[np.int32]
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]]:
    """Turn edges to higher nodes round.

    Parameters
    ----------
    ptr : ndarray of int64, shape (n + 1,)
        Where the edges of each node to higher ones begin.
    head : ndarray of int32, shape (s,)
        Higher ends.

    Returns
    -------
    down_ptr : ndarray of int64, shape (n + 1,)
        Where the edges of each node to lower ones begin.
    down_node : ndarray of int32, shape (s,)
        Lower ends, ascending within each node.
    down_edge : ndarray of int32, shape (s,)
        Which edge each of them is.
    """
    n = len(ptr) - 1
    down_ptr = np.zeros(n + 1, np.int64)
    for edge in range(len(head)):
        down_ptr[head[edge] + 1] += 1
    for node in range(n):
        down_ptr[node + 1] += down_ptr[node]
    free = down_ptr[:-1].copy()
    down_node = np.empty(len(head), np.int32)
    down_edge = np.empty(len(head), np.int32)
    for node in range(n):
        for edge in range(ptr[node], ptr[node + 1]):
            place = free[head[edge]]
            down_node[place] = node
            down_edge[place] = edge
            free[head[edge]] += 1
    return down_ptr, down_node, down_edge


@njit(cache=True, nogil=True)
def find_edge(ptr: NDArray[np.int64], head: NDArray[np.int32], low: Int, high: Int) -> Int:
    """Find the edge between two nodes by bisection.

    Parameters
    ----------
    ptr : ndarray of int64, shape (n + 1,)
        Where the edges of each node to higher ones begin.
    head : ndarray of int32, shape (s,)
        Higher ends, ascending within each node.
    low, high : int
        The nodes.

    Returns
    -------
    int
        The edge, -1 if there is none.
    """
    begin, end = ptr[low], ptr[low + 1]
    stop = end
    while begin < end:
        middle = (begin + end) >> 1
        if head[middle] < high:
            begin = middle + 1
        else:
            end = middle
    if begin < stop and head[begin] == high:
        return np.int64(begin)
    return np.int64(-1)


@njit(cache=True, nogil=True)
def edges_of_arcs(
    ptr: NDArray[np.int64],
    head: NDArray[np.int32],
    tail_rank: NDArray[np.int32],
    head_rank: NDArray[np.int32],
) -> NDArray[np.int32]:
    """Find the edge of the supergraph that each arc lies on.

    Parameters
    ----------
    ptr, head : ndarray
        The supergraph.
    tail_rank, head_rank : ndarray of int32, shape (m,)
        Ends of each arc.

    Returns
    -------
    ndarray of int32, shape (m,)
        ``2 * edge`` for an arc upward, ``2 * edge + 1`` for one downward, -1 for a loop.
    """
    slot = np.empty(len(tail_rank), np.int32)
    for arc in range(len(tail_rank)):
        tail, end = tail_rank[arc], head_rank[arc]
        if tail == end:
            slot[arc] = -1
        elif tail < end:
            slot[arc] = 2 * find_edge(ptr, head, tail, end)
        else:
            slot[arc] = 2 * find_edge(ptr, head, end, tail) + 1
    return slot
