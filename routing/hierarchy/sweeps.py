"""Batched searches: many sources side by side; functions on arrays.

PHAST and RPHAST (Delling, Goldberg, Nowatzyk, Werneck 2013,
doi:10.1016/j.jpdc.2012.02.007; Delling, Goldberg, Werneck 2011,
doi:10.4230/OASIcs.ATMOS.2011.52) on the elimination tree: searches upward, then one
sweep over all nodes, or over the ancestors of targets, in descending order.

Arcs join nodes with ancestors alone, and descending order visits a node's descendants
one after another, right after it. So a sweep holds one row of lanes for each depth of
the tree, the stack: where a node reads the row of an ancestor's depth, only deeper ones
have been written since the ancestor's turn. The stack stays in the second-level cache.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from numba import njit

from routing.hierarchy.indexing import at
from routing.hierarchy.lanes import make_copy, make_prefetch, make_pull, make_push

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from routing.hierarchy.kinds import Int, Ints, Unsigned

ABREAST: Final = 64
"""Sources of a batch, one a lane."""

_AHEAD: Final = 16
"""The arcs of so many nodes are fetched before they are copied."""

_copy = make_copy(ABREAST)
_stream = make_copy(ABREAST, stream=True)
_prefetch = make_prefetch()
_pull = make_pull(ABREAST)
_push = make_push(ABREAST)


@njit(cache=True, nogil=True)
def one_row(
    node_of: NDArray[np.int32],
    ptr: NDArray[np.int64],
    arcs: Unsigned,
    stride: Int,
    offset: Int,
    path: NDArray[np.int32],
    count: Int,
    far: Int,
    cost: Unsigned,
    row: Ints,
) -> None:
    """Continue a search upward down to all nodes.

    Unsigned numbers need no sign spread in indices and sums, which takes a fifth of the
    time; one place that runs through all arcs saves as much again.

    Parameters
    ----------
    node_of : ndarray of int32, shape (n,)
        Node of each rank.
    ptr, arcs, stride, offset
        Arcs between each node and higher ones, in the direction towards the node;
        `arcs` seen as unsigned.
    path : ndarray of int32
        Nodes that the search upward met, ascending.
    count : int
        How many.
    far : int
        Cost of what cannot be reached.
    cost : ndarray of uint, shape (n,)
        Their costs; all others are written.
    row : ndarray of int, shape (n,)
        Output: the cost of each node, named as in the graph.
    """
    met = count - 1
    step, weight = at(stride), at(offset)
    place = step * at(ptr[-1])
    for node in range(len(ptr) - 2, -1, -1):
        least = np.uint64(far)
        if met >= 0 and path[met] == node:
            least = np.uint64(cost[node])
            met -= 1
        first = step * at(ptr[node])
        while place != first:
            place -= step
            least = min(least, np.uint64(cost[arcs[place]]) + np.uint64(arcs[place + weight]))
        cost[node] = least
        row[at(node_of[node])] = least


@njit(cache=True, nogil=True)
def ancestors(parent: NDArray[np.int32], nodes: NDArray[np.int32], found: NDArray[np.int32]) -> Int:
    """Collect nodes and all their ancestors.

    Parameters
    ----------
    parent : ndarray of int32, shape (n,)
        Elimination tree, numbered in postorder.
    nodes : ndarray of int32
        The nodes, descending; one may occur several times.
    found : ndarray of int32, shape (n,)
        Output: they and their ancestors, descending, each once.

    Returns
    -------
    int
        How many there are.
    """
    count = 0
    last = np.int64(len(parent))
    for node in nodes:
        begin = count
        above = np.int64(node)
        # in postorder, ancestors from the last node on are its ancestors too
        while above != -1 and above < last:
            found[count] = above
            count += 1
            above = np.int64(parent[above])
        found[begin:count] = found[begin:count][::-1].copy()
        last = np.int64(node)
    return count


@njit(cache=True, nogil=True)
def restricted(
    depth: NDArray[np.int32],
    found: NDArray[np.int32],
    ptr: NDArray[np.int64],
    arcs: Ints,
    stride: Int,
    offset: Int,
) -> tuple[NDArray[np.int64], Ints]:
    """Copy the arcs of some nodes.

    Parameters
    ----------
    depth : ndarray of int32, shape (n,)
        Depth of each node, 0 for a root.
    found : ndarray of int32, shape (c,)
        The nodes.
    ptr, arcs, stride, offset
        Arcs of each node to higher ones.

    Returns
    -------
    ptr : ndarray of int64, shape (c + 1,)
        Where the arcs of each begin.
    arcs : ndarray of int, shape (2 * k,)
        Depth of the head and weight of each.
    """
    first = np.zeros(len(found) + _AHEAD, np.int64)
    few_ptr = np.zeros(len(found) + 1, np.int64)
    for place in range(len(found)):
        first[place] = ptr[found[place]]
        few_ptr[place + 1] = few_ptr[place] + ptr[found[place] + 1] - first[place]
    few = np.empty(2 * few_ptr[-1], arcs.dtype)
    last = 0
    for place in range(len(found)):
        for line in range(3):
            _prefetch(arcs, stride * first[place + _AHEAD] + 16 * line)
        for arc in range(first[place], ptr[found[place] + 1]):
            few[at(last)] = depth[at(arcs[at(stride * arc)])]
            few[at(last + 1)] = arcs[at(stride * arc + offset)]
            last += 2
    return few_ptr, few


@njit(cache=True, nogil=True)
def _climb(
    parent: NDArray[np.int32],
    depth: NDArray[np.int32],
    ptr: NDArray[np.int64],
    arcs: Ints,
    stride: Int,
    offset: Int,
    nodes: NDArray[np.int32],
    lanes: NDArray[np.int32],
    costs: Ints,
    far: Int,
    stack: Ints,
    path: NDArray[np.int32],
    met: Ints,
) -> Int:
    """Search upward from the nodes next to the sources of a batch, in descending order.

    Leaves the nodes that it meets in `path`, descending, and their rows in `met`.
    """
    count = ancestors(parent, nodes, path)
    stack[:] = far
    seed = len(nodes) - 1
    for place in range(count - 1, -1, -1):
        node = np.int64(path[place])
        row = np.int64(depth[node])
        while seed >= 0 and nodes[seed] == node:
            lane = row * ABREAST + lanes[seed]
            stack[lane] = min(stack[lane], costs[seed])
            seed -= 1
        _push(stack, depth, arcs, stride, offset, ptr[node], ptr[node + 1], row)
        _copy(stack, row, met, place)
        # the next node of this depth begins anew
        for lane in range(ABREAST):
            stack[at(row * ABREAST + lane)] = far
    return count


@njit(cache=True, nogil=True)
def wide_rows(
    parent: NDArray[np.int32],
    depth: NDArray[np.int32],
    up_ptr: NDArray[np.int64],
    up_arcs: Ints,
    up_stride: Int,
    up_offset: Int,
    down_ptr: NDArray[np.int64],
    down_arcs: Ints,
    down_stride: Int,
    down_offset: Int,
    nodes: NDArray[np.int32],
    lanes: NDArray[np.int32],
    costs: Ints,
    far: Int,
    stack: Ints,
    path: NDArray[np.int32],
    met: Ints,
    table: Ints,
) -> None:
    """Find the costs from up to `ABREAST` places to all nodes.

    Parameters
    ----------
    parent, depth : ndarray of int32, shape (n,)
        Elimination tree, numbered in postorder, and the depth of each node.
    up_ptr, up_arcs, up_stride, up_offset
        Arcs for searches upward.
    down_ptr, down_arcs, down_stride, down_offset
        Arcs for the sweep downward.
    nodes, lanes, costs : ndarray
        Nodes next to the places, descending; the lane of the place; the cost.
    far : int
        Cost of what cannot be reached.
    stack : ndarray of int, shape (height * ABREAST,)
        Memory to work in.
    path : ndarray of int32, shape (n,)
        Memory to work in.
    met : ndarray of int
        Memory to work in: a row for each ancestor of `nodes`.
    table : ndarray of int, shape (n * ABREAST,)
        Output: a row of lanes for each node; begins at a multiple of `lanes.ALIGNMENT`.
    """
    count = _climb(
        parent, depth, up_ptr, up_arcs, up_stride, up_offset, nodes, lanes, costs, far,
        stack, path, met,
    )  # fmt: skip
    following = 0
    for node in range(len(parent) - 1, -1, -1):
        row = np.int64(depth[node])
        keep = following < count and path[following] == node
        if keep:
            _copy(met, following, stack, row)
            following += 1
        _pull(
            stack, depth, down_arcs, down_stride, down_offset,
            down_ptr[node], down_ptr[node + 1], row, keep,
        )  # fmt: skip
        _stream(stack, row, table, node)


@njit(cache=True, nogil=True)
def many_to_many(
    parent: NDArray[np.int32],
    depth: NDArray[np.int32],
    up_ptr: NDArray[np.int64],
    up_arcs: Ints,
    up_stride: Int,
    up_offset: Int,
    below: NDArray[np.int32],
    down_ptr: NDArray[np.int64],
    down_arcs: Ints,
    batches: NDArray[np.int64],
    nodes: NDArray[np.int32],
    lanes: NDArray[np.int32],
    costs: Ints,
    order: NDArray[np.int64],
    end_nodes: NDArray[np.int32],
    ends: NDArray[np.int64],
    end_costs: Ints,
    far: Int,
    first_batch: Int,
    last_batch: Int,
    stack: Ints,
    path: NDArray[np.int32],
    met: Ints,
    last_rows: Ints,
    result: Ints,
) -> None:
    """Find the costs between places, `ABREAST` sources at a time.

    Parameters
    ----------
    parent, depth : ndarray of int32, shape (n,)
        Elimination tree, numbered in postorder, and the depth of each node.
    up_ptr, up_arcs, up_stride, up_offset
        Arcs for searches upward.
    below : ndarray of int32, shape (d,)
        Ancestors of targets, descending.
    down_ptr, down_arcs : ndarray
        Their arcs for the sweep downward, as `restricted` copies them.
    batches : ndarray of int64, shape (k + 1,)
        Where the nodes of each batch begin.
    nodes, lanes, costs : ndarray
        Nodes next to the sources of each batch, descending; the lane of the source; the
        cost.
    order : ndarray of int64, shape (a,)
        Sources in the order in which they are taken.
    end_nodes : ndarray of int32, shape (e,)
        Nodes next to targets, descending, each once.
    ends : ndarray of int64, shape (b, 1) or (b, 2)
        Which of them are next to each target, -1 for none.
    end_costs : ndarray of int, like `ends`
        Cost between them and the target.
    far : int
        Cost of what cannot be reached.
    first_batch, last_batch : int
        Which batches of sources to do.
    stack : ndarray of int, shape (height * ABREAST,)
        Memory to work in.
    path : ndarray of int32, shape (n,)
        Memory to work in.
    met, last_rows : ndarray of int
        Memory to work in: a row for each ancestor of the sources of a batch, and for
        each of `end_nodes`.
    result : ndarray of int, shape (a, b)
        Output.
    """
    for batch in range(first_batch, last_batch):
        some = slice(batches[batch], batches[batch + 1])
        count = _climb(
            parent, depth, up_ptr, up_arcs, up_stride, up_offset,
            nodes[some], lanes[some], costs[some], far, stack, path, met,
        )  # fmt: skip
        following, end = 0, 0
        for place in range(len(below)):
            node = below[place]
            row = np.int64(depth[node])
            while following < count and path[following] > node:
                following += 1
            keep = following < count and path[following] == node
            if keep:
                _copy(met, following, stack, row)
            _pull(stack, None, down_arcs, 2, 1, down_ptr[place], down_ptr[place + 1], row, keep)
            if end < len(end_nodes) and end_nodes[end] == node:
                _copy(stack, row, last_rows, end)
                end += 1
        rows = order[batch * ABREAST : (batch + 1) * ABREAST]
        _write_out(last_rows, ends, end_costs, rows, far, result)


@njit(cache=True, nogil=True)
def _write_out(
    last_rows: Ints,
    ends: NDArray[np.int64],
    end_costs: Ints,
    rows: NDArray[np.int64],
    far: Int,
    result: Ints,
) -> None:
    """Turn rows of lanes into rows of targets, by way of a tile that stays in the cache."""
    few = 16
    tile = np.empty((few, ABREAST), last_rows.dtype)
    for first in range(0, len(ends), few):
        last = min(len(ends), first + few)
        for end in range(first, last):
            _write_tile(last_rows, ends[end], end_costs[end], far, tile[end - first])
        for lane in range(len(rows)):
            row = result[rows[lane]]
            for end in range(first, last):
                row[end] = tile[end - first, lane]


@njit(cache=True, nogil=True)
def _write_tile(
    last_rows: Ints, ends: NDArray[np.int64], costs: Ints, far: Int, tile: Ints
) -> None:
    """Find the costs of one target in all lanes."""
    if len(ends) == 1 and ends[0] >= 0 and costs[0] == 0:
        row = last_rows[ends[0] * ABREAST : (ends[0] + 1) * ABREAST]
        for lane in range(ABREAST):
            tile[lane] = row[lane]
        return
    for lane in range(ABREAST):
        best = np.int64(far)
        for leg in range(len(ends)):
            if ends[leg] >= 0:
                best = min(best, np.int64(last_rows[ends[leg] * ABREAST + lane]) + costs[leg])
        tile[lane] = best
