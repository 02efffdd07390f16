"""Weights of the supergraph from weights of arcs; functions on arrays.

An edge record is three numbers side by side: its higher end, the weight upward, the
weight downward. Customisation makes each weight the least over the arc itself and all
ways through lower nodes (Dibbelt, Strasser, Wagner 2016, doi:10.1145/2886843).
Records are int32 milliseconds, or int64 costs as `routing.dijkstra` has them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from numba import njit

from routing.hierarchy.elimination import find_edge
from routing.hierarchy.indexing import at
from routing.hierarchy.lanes import make_join, make_prefetch

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from routing.hierarchy.kinds import Int, Ints

LANES: Final = 16
"""Weights that are customised at once."""

_AHEAD: Final = 16
"""The edge of the arc so many places on is fetched before the arc's own is written."""

_join = make_join(2 * LANES)
_prefetch = make_prefetch()


@njit(cache=True, nogil=True)
def respect_arcs(
    head: NDArray[np.int32], slot: NDArray[np.int32], weight: Ints, far: Int, records: Ints
) -> None:
    """Give each edge the weights of its own arcs.

    Parameters
    ----------
    head : ndarray of int32, shape (s,)
        Higher end of each edge.
    slot : ndarray of int32, shape (m,)
        Edge and direction of each arc, as `edges_of_arcs` has it.
    weight : ndarray of int, shape (m,)
        Weight of each arc.
    far : int
        Weight of what cannot be driven.
    records : ndarray of int, shape (3 * s,)
        Output: edge records.
    """
    for edge in range(len(head)):
        records[3 * edge] = head[edge]
        records[3 * edge + 1] = far
        records[3 * edge + 2] = far
    for arc in range(len(slot)):
        if slot[arc] >= 0:
            place = 3 * (slot[arc] >> 1) + 1 + (slot[arc] & 1)
            records[place] = min(records[place], weight[arc])


@njit(cache=True, nogil=True)
def relax_lower_triangles(
    ptr: NDArray[np.int64],
    down_ptr: NDArray[np.int64],
    down_node: NDArray[np.int32],
    down_edge: NDArray[np.int32],
    records: Ints,
) -> None:
    """Make each weight the least over all ways through lower nodes.

    Parameters
    ----------
    ptr, down_ptr, down_node, down_edge : ndarray
        The supergraph.
    records : ndarray of int, shape (3 * s,)
        Edge records; changed in place.
    """
    n = len(ptr) - 1
    edge_to = np.empty(n, np.int32)
    for node in range(n):
        for edge in range(ptr[node], ptr[node + 1]):
            edge_to[at(records[at(3 * edge)])] = 3 * edge
        for place in range(down_ptr[node], down_ptr[node + 1]):
            side = np.int64(down_edge[place])
            from_below = np.int64(records[at(3 * side + 1)])
            to_below = np.int64(records[at(3 * side + 2)])
            for other in range(3 * side + 3, 3 * ptr[down_node[place] + 1], 3):
                base = edge_to[at(records[at(other)])]
                # storing always is twice as fast as a branch that cannot be foreseen
                up = to_below + records[at(other + 1)]
                records[at(base + 1)] = min(up, np.int64(records[at(base + 1)]))
                down = from_below + records[at(other + 2)]
                records[at(base + 2)] = min(down, np.int64(records[at(base + 2)]))


@njit(cache=True, nogil=True)
def relax_upper_triangles(
    ptr: NDArray[np.int64],
    down_ptr: NDArray[np.int64],
    down_node: NDArray[np.int32],
    down_edge: NDArray[np.int32],
    records: Ints,
    perfect: Ints,
) -> None:
    """Make each weight the shortest way between its ends: perfect customisation.

    The shortest way from a node to a higher neighbour starts with an edge upward, and
    the rest of it is the shortest way between two higher neighbours, which an edge
    joins. So edges of high nodes come first, and each triangle is looked at once, from
    its middle node.

    Parameters
    ----------
    ptr, down_ptr, down_node, down_edge : ndarray
        The supergraph.
    records : ndarray of int, shape (3 * s,)
        Edge records after `relax_lower_triangles`.
    perfect : ndarray of int, shape (3 * s,)
        A copy of them; changed in place.
    """
    n = len(ptr) - 1
    edge_to = np.empty(n, np.int32)
    for node in range(n - 1, -1, -1):
        for edge in range(ptr[node], ptr[node + 1]):
            edge_to[at(records[at(3 * edge)])] = 3 * edge
        for place in range(down_ptr[node], down_ptr[node + 1]):
            side = 3 * np.int64(down_edge[place])
            up, down = np.int64(records[at(side + 1)]), np.int64(records[at(side + 2)])
            best_up, best_down = np.int64(perfect[at(side + 1)]), np.int64(perfect[at(side + 2)])
            for other in range(side + 3, 3 * ptr[down_node[place] + 1], 3):
                across = edge_to[at(records[at(other)])]
                onward = np.int64(perfect[at(across + 1)])
                back = np.int64(perfect[at(across + 2)])
                best_up = min(best_up, records[at(other + 1)] + back)
                best_down = min(best_down, onward + records[at(other + 2)])
                perfect[at(other + 1)] = min(np.int64(perfect[at(other + 1)]), up + onward)
                perfect[at(other + 2)] = min(np.int64(perfect[at(other + 2)]), back + down)
            perfect[at(side + 1)], perfect[at(side + 2)] = best_up, best_down


@njit(cache=True, nogil=True)
def keep_needed(
    ptr: NDArray[np.int64], records: Ints, perfect: Ints, side: Int, far: Int
) -> tuple[NDArray[np.int64], Ints]:
    """Take out the arcs of one direction that some shortest way needs.

    An arc goes only if a way round it is strictly shorter, so that zero weights are safe.

    Parameters
    ----------
    ptr : ndarray of int64, shape (n + 1,)
        Where the edges of each node begin.
    records, perfect : ndarray of int, shape (3 * s,)
        Edge records, and after `relax_upper_triangles`.
    side : int
        1 for upward, 2 for downward.
    far : int
        Weight of what cannot be driven.

    Returns
    -------
    arc_ptr : ndarray of int64, shape (n + 1,)
        Where the arcs of each node begin.
    arcs : ndarray of int, shape (2 * k,)
        Head and weight of each.
    """
    n = len(ptr) - 1
    count = 0
    for edge in range(ptr[n]):
        place = 3 * edge + side
        count += records[place] == perfect[place] and records[place] < far
    arc_ptr = np.zeros(n + 1, np.int64)
    arcs = np.empty(2 * count, records.dtype)
    count = 0
    for node in range(n):
        for edge in range(ptr[node], ptr[node + 1]):
            place = 3 * edge + side
            if records[place] == perfect[place] and records[place] < far:
                arcs[2 * count] = records[3 * edge]
                arcs[2 * count + 1] = records[place]
                count += 1
        arc_ptr[node + 1] = count
    return arc_ptr, arcs


@njit(cache=True, nogil=True)
def customise_lanes(
    ptr: NDArray[np.int64],
    head: NDArray[np.int32],
    down_ptr: NDArray[np.int64],
    down_node: NDArray[np.int32],
    down_edge: NDArray[np.int32],
    slot: NDArray[np.int32],
    weight: NDArray[np.int32],
    table: NDArray[np.int32],
    records: NDArray[np.int32],
) -> None:
    """Customise up to `LANES` weights at once, one a SIMD lane.

    Parameters
    ----------
    ptr, head, down_ptr, down_node, down_edge : ndarray
        The supergraph.
    slot : ndarray of int32, shape (m,)
        Edge and direction of each arc.
    weight : ndarray of int32, shape (k, m)
        Weights of each arc.
    table : ndarray of int32, shape ((s + 1) * 2 * LANES,)
        Memory to work in, far away throughout: for each edge its weights upward, then
        those downward.
    records : ndarray of int32, shape (k, 3 * s)
        Output: edge records.
    """
    n, edges = len(ptr) - 1, len(head)
    for arc in range(len(slot)):
        _prefetch(table, LANES * np.int64(slot[min(arc + _AHEAD, len(slot) - 1)]))
        if slot[arc] >= 0:
            first = LANES * np.int64(slot[arc])
            for lane in range(len(weight)):
                table[at(first + lane)] = min(table[at(first + lane)], weight[lane, arc])
    edge_to = np.empty(n, np.int32)
    for node in range(n):
        for edge in range(ptr[node], ptr[node + 1]):
            edge_to[at(head[edge])] = edge
        for place in range(down_ptr[node], down_ptr[node + 1]):
            side = np.int64(down_edge[place])
            # the last row turns this edge round: a way goes down it, then up another
            for lane in range(LANES):
                table[at(2 * LANES * edges + lane)] = table[at(2 * LANES * side + LANES + lane)]
                table[at(2 * LANES * edges + LANES + lane)] = table[at(2 * LANES * side + lane)]
            for other in range(side + 1, ptr[down_node[place] + 1]):
                _join(table, edges, other, np.int64(edge_to[at(head[at(other)])]))
    _take_lanes(head, table, records)


@njit(cache=True, nogil=True)
def _take_lanes(
    head: NDArray[np.int32], table: NDArray[np.int32], records: NDArray[np.int32]
) -> None:
    """Turn weights side by side into edge records of each."""
    for edge in range(len(head)):
        for lane in range(len(records)):
            records[lane, 3 * edge] = head[edge]
            records[lane, 3 * edge + 1] = table[at(2 * LANES * edge + lane)]
            records[lane, 3 * edge + 2] = table[at(2 * LANES * edge + LANES + lane)]


@njit(cache=True, nogil=True)
def _insert(heap: NDArray[np.int32], size: Int, key: Int) -> None:
    place = size
    while place > 0 and heap[(place - 1) >> 1] > key:
        heap[place] = heap[(place - 1) >> 1]
        place = (place - 1) >> 1
    heap[place] = key


@njit(cache=True, nogil=True)
def _remove_first(heap: NDArray[np.int32], size: Int) -> None:
    """Take away the least of `size` keys."""
    key = heap[size - 1]
    place, child = 0, 1
    while child < size - 1:
        if child + 1 < size - 1 and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= key:
            break
        heap[place] = heap[child]
        place = child
        child = 2 * place + 1
    heap[place] = key


@njit(cache=True, nogil=True)
def _least(
    slot_ptr: NDArray[np.int64], slot_arc: NDArray[np.int32], weight: Ints, slot: Int, far: Int
) -> Int:
    """Find the least weight of parallel arcs."""
    least = np.int64(far)
    for place in range(slot_ptr[slot], slot_ptr[slot + 1]):
        least = min(least, np.int64(weight[slot_arc[place]]))
    return least


@njit(cache=True, nogil=True)
def customise_again(
    ptr: NDArray[np.int64],
    head: NDArray[np.int32],
    edge_low: NDArray[np.int32],
    down_ptr: NDArray[np.int64],
    down_node: NDArray[np.int32],
    down_edge: NDArray[np.int32],
    slot_ptr: NDArray[np.int64],
    slot_arc: NDArray[np.int32],
    weight: Ints,
    far: Int,
    changed: NDArray[np.int32],
    queued: NDArray[np.bool_],
    heap: NDArray[np.int32],
    records: Ints,
) -> None:
    """Mend the weights that depend on some arcs whose weights have changed.

    An edge depends on edges of lower number alone, so a queue by number looks at each
    edge once.

    Parameters
    ----------
    ptr, head, edge_low, down_ptr, down_node, down_edge : ndarray
        The supergraph, with the lower end of each edge.
    slot_ptr, slot_arc : ndarray
        Arcs of each slot.
    weight : ndarray of int, shape (m,)
        The new weights.
    far : int
        Weight of what cannot be driven.
    changed : ndarray of int32
        Edges whose arcs changed.
    queued : ndarray of bool, shape (s,)
        Memory to work in: false throughout, before and after.
    heap : ndarray of int32, shape (s,)
        Memory to work in.
    records : ndarray of int, shape (3 * s,)
        Edge records; changed in place.
    """
    size = 0
    for edge in changed:
        if not queued[edge]:
            queued[edge] = True
            _insert(heap, size, edge)
            size += 1
    while size > 0:
        edge = np.int64(heap[0])
        _remove_first(heap, size)
        size -= 1
        queued[edge] = False
        low, high = edge_low[edge], head[edge]
        up = _least(slot_ptr, slot_arc, weight, 2 * edge, far)
        down = _least(slot_ptr, slot_arc, weight, 2 * edge + 1, far)
        for place in range(down_ptr[low], down_ptr[low + 1]):
            side = np.int64(down_edge[place])
            other = find_edge(ptr, head, down_node[place], high)
            if other >= 0:
                up = min(up, np.int64(records[3 * side + 2]) + records[3 * other + 1])
                down = min(down, np.int64(records[3 * side + 1]) + records[3 * other + 2])
        old_up, old_down = np.int64(records[3 * edge + 1]), np.int64(records[3 * edge + 2])
        if up == old_up and down == old_down:
            continue
        records[3 * edge + 1], records[3 * edge + 2] = up, down
        least_up, least_down = min(up, old_up), min(down, old_down)
        for other in range(ptr[low], ptr[low + 1]):
            onward, back = np.int64(records[3 * other + 1]), np.int64(records[3 * other + 2])
            if other > edge:
                above = find_edge(ptr, head, high, head[other])
                through_up, through_down = least_down + onward, back + least_up
            else:
                above = find_edge(ptr, head, head[other], high)
                through_up, through_down = back + least_up, least_down + onward
            # only what the old weight made, or the new one betters, can change
            if (
                other != edge
                and not queued[above]
                and (through_up <= records[3 * above + 1] or through_down <= records[3 * above + 2])
            ):
                queued[above] = True
                _insert(heap, size, above)
                size += 1
