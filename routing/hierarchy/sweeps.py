"""Batched searches: many sources side by side; functions on arrays.

PHAST and RPHAST (Delling, Goldberg, Nowatzyk, Werneck 2013,
doi:10.1016/j.jpdc.2012.02.007; Delling, Goldberg, Werneck 2011,
doi:10.4230/OASIcs.ATMOS.2011.52) on the elimination tree: searches upward, then one
sweep over all nodes, or over the ancestors of targets, in descending order. Rows of
lanes lie node after node, so that a sweep reads memory in order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from numba import njit

from routing.hierarchy.indexing import at
from routing.hierarchy.lanes import make_pull, make_push

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from routing.hierarchy.kinds import Int, Ints

WIDE: Final = 64
"""Lanes of whole rows."""

NARROW: Final = 32
"""Lanes of many to many."""

_pull_wide = make_pull(WIDE)
_pull_narrow = make_pull(NARROW)
_push_narrow = make_push(NARROW)
_push_wide = make_push(WIDE)


@njit(cache=True, nogil=True)
def one_row(
    ptr: NDArray[np.int64],
    arcs: Ints,
    stride: Int,
    offset: Int,
    path: NDArray[np.int32],
    count: Int,
    far: Int,
    cost: Ints,
) -> None:
    """Continue a search upward down to all nodes.

    Parameters
    ----------
    ptr, arcs, stride, offset
        Arcs between each node and higher ones, in the direction towards the node.
    path : ndarray of int32
        Nodes that the search upward met, ascending.
    count : int
        How many.
    far : int
        Cost of what cannot be reached.
    cost : ndarray of int, shape (n,)
        Their costs; all others are written.
    """
    met = count - 1
    for node in range(len(ptr) - 2, -1, -1):
        least = np.int64(far)
        if met >= 0 and path[met] == node:
            least = np.int64(cost[node])
            met -= 1
        # written out: a call here, inlined or not, takes twice as long
        for arc in range(ptr[node], ptr[node + 1]):
            place = stride * arc
            through = np.int64(cost[at(arcs[at(place)])]) + arcs[at(place + offset)]
            least = min(least, through)
        cost[node] = least


@njit(cache=True, nogil=True)
def wide_rows(
    parent: NDArray[np.int32],
    up_ptr: NDArray[np.int64],
    up_arcs: Ints,
    up_stride: Int,
    up_offset: Int,
    down_ptr: NDArray[np.int64],
    down_arcs: Ints,
    down_stride: Int,
    down_offset: Int,
    nodes: NDArray[np.int32],
    costs: Ints,
    far: Int,
    met: NDArray[np.bool_],
    table: Ints,
) -> None:
    """Find the costs from up to `WIDE` places to all nodes.

    Parameters
    ----------
    parent : ndarray of int32, shape (n,)
        Elimination tree.
    up_ptr, up_arcs, up_stride, up_offset
        Arcs for searches upward.
    down_ptr, down_arcs, down_stride, down_offset
        Arcs for the sweep downward.
    nodes : ndarray of int32, shape (a, 1) or (a, 2)
        Nodes next to each place, -1 for none.
    costs : ndarray of int, like `nodes`
        Cost of each.
    far : int
        Cost of what cannot be reached.
    met : ndarray of bool, shape (n,)
        Memory to work in: false throughout, before and after.
    table : ndarray of int, shape (n * WIDE,)
        Output: a row of lanes for each node.
    """
    _begin_batch(parent, nodes, costs, np.arange(len(nodes)), far, WIDE, met, table)
    for node in range(len(parent)):
        if met[node]:
            _push_wide(
                table, 0, up_arcs, up_stride, up_offset, up_ptr[node], up_ptr[node + 1], node, True
            )
    for below in range(len(parent) - 1, -1, -1):
        _pull_wide(
            table, 0, down_arcs, down_stride, down_offset,
            down_ptr[below], down_ptr[below + 1], below, met[below],
        )  # fmt: skip
        met[below] = False


@njit(cache=True, nogil=True)
def ancestors(
    parent: NDArray[np.int32],
    nodes: NDArray[np.int32],
    number: NDArray[np.int32],
    found: NDArray[np.int32],
) -> Int:
    """Collect all ancestors of places, ascending, and number them.

    Parameters
    ----------
    parent : ndarray of int32, shape (n,)
        Elimination tree.
    nodes : ndarray of int32, shape (a, 1) or (a, 2)
        Nodes next to each place, -1 for none.
    number : ndarray of int32, shape (n,)
        Output: number of each ancestor; must be -1 throughout, and is for all others.
    found : ndarray of int32, shape (n,)
        Output: the ancestors.

    Returns
    -------
    int
        How many there are.
    """
    count = 0
    for row in range(len(nodes)):
        for leg in range(nodes.shape[1]):
            node = nodes[row, leg]
            while node != -1 and number[node] < 0:
                number[node] = 0
                found[count] = node
                count += 1
                node = parent[node]
    if count * 16 < len(number):
        found[:count] = np.sort(found[:count])
        for place in range(count):
            number[found[place]] = place
        return count
    count = 0
    for node in range(len(number)):
        if number[node] == 0:
            found[count] = node
            number[node] = count
            count += 1
    return count


@njit(cache=True, nogil=True)
def restricted(
    found: NDArray[np.int32],
    number: NDArray[np.int32],
    ptr: NDArray[np.int64],
    arcs: Ints,
    stride: Int,
    offset: Int,
) -> tuple[NDArray[np.int64], Ints]:
    """Copy the arcs of some nodes and all their ancestors, renumbered.

    Parameters
    ----------
    found : ndarray of int32, shape (c,)
        The nodes.
    number : ndarray of int32, shape (n,)
        Number of each of them.
    ptr, arcs, stride, offset
        Arcs of each node to higher ones.

    Returns
    -------
    ptr : ndarray of int64, shape (c + 1,)
        Where the arcs of each begin.
    arcs : ndarray of int, shape (2 * k,)
        Head and weight of each.
    """
    few_ptr = np.zeros(len(found) + 1, np.int64)
    for place in range(len(found)):
        few_ptr[place + 1] = few_ptr[place] + ptr[found[place] + 1] - ptr[found[place]]
    few = np.empty(2 * few_ptr[-1], arcs.dtype)
    last = 0
    for place in range(len(found)):
        for arc in range(ptr[found[place]], ptr[found[place] + 1]):
            few[at(last)] = number[at(arcs[at(stride * arc)])]
            few[at(last + 1)] = arcs[at(stride * arc + offset)]
            last += 2
    return few_ptr, few


@njit(cache=True, nogil=True)
def many_to_many(
    up_parent: NDArray[np.int32],
    up_ptr: NDArray[np.int64],
    up_arcs: Ints,
    down_number: NDArray[np.int32],
    down_ptr: NDArray[np.int64],
    down_arcs: Ints,
    nodes: NDArray[np.int32],
    costs: Ints,
    order: NDArray[np.int64],
    ends: NDArray[np.int32],
    end_costs: Ints,
    far: Int,
    first_batch: Int,
    last_batch: Int,
    up: Ints,
    down: Ints,
    result: Ints,
) -> None:
    """Find the costs between places, `NARROW` sources at a time.

    Both graphs are restricted to ancestors of the places and renumbered by `restricted`.

    Parameters
    ----------
    up_parent : ndarray of int32, shape (c,)
        Elimination tree over ancestors of sources.
    up_ptr, up_arcs : ndarray
        Their arcs for searches upward.
    down_number : ndarray of int32, shape (c,)
        Number of each of them among the ancestors of targets, -1 for none.
    down_ptr, down_arcs : ndarray
        Arcs for the sweep downward.
    nodes : ndarray of int32, shape (a, 1) or (a, 2)
        Nodes next to each source, -1 for none.
    costs : ndarray of int, like `nodes`
        Cost of each.
    order : ndarray of int64, shape (a,)
        Sources in the order in which they are taken, near ones together.
    ends : ndarray of int32, shape (b, 1) or (b, 2)
        Nodes next to each target, -1 for none.
    end_costs : ndarray of int, like `ends`
        Cost between them and the target.
    far : int
        Cost of what cannot be reached.
    first_batch, last_batch : int
        Which batches of sources to do.
    up, down : ndarray of int, shapes (c * NARROW,) and (d * NARROW,) or more
        Memory to work in.
    result : ndarray of int, shape (a, b)
        Output.
    """
    c, d = len(up_parent), len(down_ptr) - 1
    seen = np.zeros(c, np.bool_)
    met = np.zeros(d, np.bool_)
    for batch in range(first_batch, last_batch):
        begin = batch * NARROW
        end = min(len(order), begin + NARROW)
        _begin_batch(up_parent, nodes, costs, order[begin:end], far, NARROW, seen, up)
        for node in range(c):
            if not seen[node]:
                continue
            _push_narrow(up, 0, up_arcs, 2, 1, up_ptr[node], up_ptr[node + 1], node, True)
            seen[node] = False
            below = np.int64(down_number[node])
            if below >= 0:
                met[below] = True
                for lane in range(NARROW):
                    down[below * NARROW + lane] = up[node * NARROW + lane]
        for node in range(d - 1, -1, -1):
            _pull_narrow(
                down, 0, down_arcs, 2, 1, down_ptr[node], down_ptr[node + 1], node, met[node]
            )
            met[node] = False
        _write_out(down, ends, end_costs, order[begin:end], far, result)


@njit(cache=True, nogil=True)
def _begin_batch(
    parent: NDArray[np.int32],
    nodes: NDArray[np.int32],
    costs: Ints,
    rows: NDArray[np.int64],
    far: Int,
    lanes: Int,
    seen: NDArray[np.bool_],
    up: Ints,
) -> None:
    """Mark all ancestors of some sources and give each source its lane."""
    for lane in range(len(rows)):
        for leg in range(nodes.shape[1]):
            node = np.int64(nodes[rows[lane], leg])
            while node != -1 and not seen[node]:
                seen[node] = True
                _fill(up, node * lanes, lanes, far)
                node = np.int64(parent[node])
            node = np.int64(nodes[rows[lane], leg])
            if node != -1:
                place = node * lanes + lane
                up[place] = min(up[place], costs[rows[lane], leg])


@njit(cache=True, nogil=True)
def _fill(values: Ints, first: Int, count: Int, value: Int) -> None:
    for place in range(first, first + count):
        values[place] = value


@njit(cache=True, nogil=True)
def _write_out(
    down: Ints,
    ends: NDArray[np.int32],
    end_costs: Ints,
    rows: NDArray[np.int64],
    far: Int,
    result: Ints,
) -> None:
    """Turn rows of lanes into rows of targets, by way of a tile that stays in the cache."""
    few = 16
    tile = np.empty((few, NARROW), down.dtype)
    for first in range(0, len(ends), few):
        last = min(len(ends), first + few)
        for end in range(first, last):
            _write_tile(down, ends[end], end_costs[end], far, tile[end - first])
        for lane in range(len(rows)):
            row = result[rows[lane]]
            for end in range(first, last):
                row[end] = tile[end - first, lane]


@njit(cache=True, nogil=True)
def _write_tile(down: Ints, nodes: NDArray[np.int32], costs: Ints, far: Int, tile: Ints) -> None:
    """Find the costs of one target in all lanes."""
    if len(nodes) == 1 and nodes[0] >= 0 and costs[0] == 0:
        first = np.int64(nodes[0]) * NARROW
        row = down[first : first + NARROW]
        for lane in range(NARROW):
            tile[lane] = row[lane]
        return
    for lane in range(NARROW):
        best = np.int64(far)
        for leg in range(len(nodes)):
            if nodes[leg] >= 0:
                there = np.int64(down[np.int64(nodes[leg]) * NARROW + lane]) + costs[leg]
                best = min(best, there)
        tile[lane] = best
