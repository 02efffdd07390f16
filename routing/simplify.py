"""Which vertices of a map stay junctions, and which segments make an arc."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from routing.build import Ways


def repeats(*columns: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Tell the rows that equal the row before.

    Parameters
    ----------
    *columns : ndarray of int or bool, shape (r,)
        A table, column by column.

    Returns
    -------
    ndarray of bool, shape (r,)
        Whether each row repeats the one before.
    """
    same = np.ones(len(columns[0]), dtype=np.bool_)
    same[:1] = False
    for column in columns:
        same[1:] &= column[1:] == column[:-1]
    return same


def components(
    n: int,
    tail: NDArray[np.integer],
    head: NDArray[np.integer],
    connection: Literal["weak", "strong"],
) -> NDArray[np.int32]:
    """Find the connected parts of a graph.

    Parameters
    ----------
    n : int
        Number of nodes.
    tail, head : ndarray of int, shape (m,)
        Ends of each arc.
    connection : str
        ``weak`` if arcs count in both directions, ``strong`` if in their own.

    Returns
    -------
    ndarray of int32, shape (n,)
        Which part each node is in.
    """
    graph = coo_array((np.ones(len(tail), dtype=np.int8), (tail, head)), shape=(n, n))
    label: NDArray[np.int32] = connected_components(graph, connection=connection)[1]
    return label


def endpoints(n: int, tail: NDArray[np.int32], head: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Tell the vertices that stay nodes; see `routing.build.build_network`.

    Parameters
    ----------
    n : int
        Number of vertices.
    tail, head : ndarray of int32, shape (s,)
        Vertices that each segment joins.

    Returns
    -------
    ndarray of bool, shape (n,)
        Which stay.
    """
    out = np.unique(tail.astype(np.int64) * n + head)
    into = np.unique(head.astype(np.int64) * n + tail)
    exits, entries, neighbours = (
        np.bincount(code // max(n, 1), minlength=n) for code in (out, into, np.union1d(out, into))
    )
    degree = np.bincount(tail, minlength=n) + np.bincount(head, minlength=n)
    passed = (neighbours == 2) & (exits == entries) & np.isin(degree, [2, 4])
    passed[tail[tail == head]] = False
    stays: NDArray[np.bool_] = ~passed

    label = components(n, tail, head, "weak")
    rings, lowest = np.unique(label, return_index=True)
    whole = np.ones(len(rings), dtype=np.bool_)
    whole[label[stays]] = False
    stays[lowest[whole]] = True
    return stays


def limit_changes(ways: Ways) -> NDArray[np.bool_]:
    """Tell the vertices where segments meet that not the same vehicles fit through.

    Parameters
    ----------
    ways : Ways
        A map with v vertices.

    Returns
    -------
    ndarray of bool, shape (v,)
        Where a limit of height, weight or width begins or ends.
    """
    limits = np.column_stack([ways.way_max_height, ways.way_max_weight, ways.way_max_width])
    changes = np.zeros(len(ways.node_osm), dtype=np.bool_)
    if np.isnan(limits).all():
        return changes
    kind = np.unique(np.nan_to_num(limits, nan=-1.0), axis=0, return_inverse=True)[1].ravel()
    kind = kind[ways.segment_way]
    ends = np.concatenate([ways.segment_tail, ways.segment_head])
    some = np.zeros(len(changes), dtype=np.int64)
    some[ends] = np.concatenate([kind, kind])
    changes[ways.segment_tail[some[ways.segment_tail] != kind]] = True
    changes[ways.segment_head[some[ways.segment_head] != kind]] = True
    return changes


def once(ways: Ways, stays: NDArray[np.bool_]) -> Ways:
    """Drop segments that two ways share, or one way has twice, where arcs run through.

    Parameters
    ----------
    ways : Ways
        A map with v vertices, its segments sorted by tail, head and way.
    stays : ndarray of bool, shape (v,)
        Which vertices stay nodes.

    Returns
    -------
    Ways
        The map without them.
    """
    tail, head, way = ways.segment_tail, ways.segment_head, ways.segment_way
    between = stays[tail] & stays[head]
    again = repeats(tail, head) & ~between | repeats(tail, head, way)
    return replace(
        ways, segment_tail=tail[~again], segment_head=head[~again], segment_way=way[~again]
    )


def chains(
    n: int, tail: NDArray[np.int32], head: NDArray[np.int32], stays: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Give each segment the first segment of its chain and its place in it.

    List ranking by pointer jumping: each round doubles the stretch looked over.

    Parameters
    ----------
    n : int
        Number of vertices.
    tail, head : ndarray of int32, shape (s,)
        Vertices that each segment joins, sorted by tail.
    stays : ndarray of bool, shape (n,)
        Which vertices stay nodes, so that chains end there.

    Returns
    -------
    first : ndarray of int64, shape (s,)
        First segment of each one's chain.
    place : ndarray of int64, shape (s,)
        How many segments of the chain come before it.
    """
    into = np.flatnonzero(~stays[head])
    onward = np.searchsorted(tail, np.arange(n))[head[into]]
    onward += head[onward] == tail[into]
    first = np.arange(len(tail))
    first[onward] = into
    place = np.zeros(len(tail), dtype=np.int64)
    place[onward] = 1
    while np.any(first != first[first]):
        place += place[first]
        first = first[first]
    return first, place


def segment_twins(ways: Ways) -> NDArray[np.int64]:
    """Find the same segment of the same OSM way in the other direction.

    Parameters
    ----------
    ways : Ways
        A map with s segments, its ways sorted by OSM id.

    Returns
    -------
    ndarray of int64, shape (s,)
        The other segment, -1 where there is none or where one cannot tell which.
    """
    tail, head = ways.segment_tail, ways.segment_head
    # ways are sorted by id: rows of one id get one number
    number = np.cumsum(~repeats(ways.way_osm), dtype=np.int64)
    osm = number[ways.segment_way]
    low, high, turned = np.minimum(tail, head), np.maximum(tail, head), tail > head
    order = np.lexsort((turned, osm, high, low))
    again = repeats(low[order], high[order], osm[order])
    more = np.append(again[1:], False)
    second = np.flatnonzero(again & ~more)
    # of three or more nobody can tell which belong together
    second = second[~again[second - 1] & (turned[order[second]] != turned[order[second - 1]])]
    twin = np.full(len(tail), -1, dtype=np.int64)
    twin[order[second]] = order[second - 1]
    twin[order[second - 1]] = order[second]
    return twin


def arc_twins(
    segment_twin: NDArray[np.int64], segment_arc: NDArray[np.int64], starts: NDArray[np.int64]
) -> NDArray[np.int32]:
    """Find the arc whose segments are all the twins of an arc's.

    Parameters
    ----------
    segment_twin : ndarray of int64, shape (s,)
        Twin of each segment, or -1.
    segment_arc : ndarray of int64, shape (s,)
        Arc of each segment.
    starts : ndarray of int64, shape (m,)
        First segment of each arc.

    Returns
    -------
    ndarray of int32, shape (m,)
        The other arc, or -1.
    """
    other = np.where(segment_twin >= 0, segment_arc[segment_twin], -1)
    twin = other[starts]
    same = np.ones(len(starts), dtype=np.bool_)
    same[segment_arc[other != twin[segment_arc]]] = False
    size = np.bincount(segment_arc, minlength=len(starts))
    return np.where(same & (twin >= 0) & (size == size[twin]), twin, -1).astype(np.int32)
