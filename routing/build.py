"""From the segments of a map to a road network of junctions and arcs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from routing.geodesy import degrees, segment_lengths
from routing.network import RoadNetwork

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Ways:
    """Directed straight segments as a map has them, before simplification.

    With v vertices, s segments and w ways:

    Parameters
    ----------
    node_osm : ndarray of int64, shape (v,)
        OSM id of each vertex, each once.
    node_e7 : ndarray of int32, shape (v, 2)
        Lon, lat of each vertex in 1e-7 degree.
    segment_tail, segment_head : ndarray of int32, shape (s,)
        Vertices that a segment joins; one entry for each direction that may be driven.
    segment_way : ndarray of int32, shape (s,)
        Way of each segment.
    way_osm : ndarray of int64, shape (w,)
        OSM id of each way.
    way_class : ndarray of int32, shape (w,)
        Index of its highway class in `class_names`.
    way_maxspeed : ndarray of float32, shape (w,)
        Speed limit in km/h, NaN where none is tagged.
    way_name : ndarray of int32, shape (w,)
        Index of its name in `names`, -1 where it has none.
    class_names : tuple of str
        Highway classes, such as ``residential``.
    names : tuple of str
        Street names.
    """

    node_osm: NDArray[np.int64]
    node_e7: NDArray[np.int32]
    segment_tail: NDArray[np.int32]
    segment_head: NDArray[np.int32]
    segment_way: NDArray[np.int32]
    way_osm: NDArray[np.int64]
    way_class: NDArray[np.int32]
    way_maxspeed: NDArray[np.float32]
    way_name: NDArray[np.int32]
    class_names: tuple[str, ...]
    names: tuple[str, ...]


def build_network(ways: Ways, *, simplify: bool = True) -> RoadNetwork:
    """Join the segments between junctions into arcs.

    A vertex stays a node if it joins itself, has no way in or no way out, or is not
    plainly passed through from one neighbour to one other, in one direction or both
    (Boeing 2025, doi:10.1111/tgis.70037). The vertex with the lowest OSM id stays of a
    ring that nothing else touches. Segments that several ways share become one where an
    arc runs through them. The result depends on the content of `ways`,
    not on its order: nodes are sorted by OSM id, ways by OSM id, arcs by tail, head,
    length and way.

    Parameters
    ----------
    ways : Ways
        What may be driven.
    simplify : bool
        False keeps every vertex as a node and every segment as an arc.

    Returns
    -------
    RoadNetwork
        All components of the network; see `largest_strong_component`.
    """
    ways = _ordered(ways)
    n = len(ways.node_osm)
    stays = np.ones(n, dtype=np.bool_)
    if simplify:
        stays = _endpoints(n, ways.segment_tail, ways.segment_head)
    ways = _once(ways, stays)
    tail, head = ways.segment_tail, ways.segment_head
    first, place = _chains(n, tail, head, stays)

    lonlat = degrees(ways.node_e7)
    length_mm = np.rint(
        np.bincount(first, segment_lengths(lonlat[tail], lonlat[head]), len(tail)) * 1000
    )
    starts = np.flatnonzero(place == 0)
    last = np.zeros(len(tail), dtype=np.int64)
    ends = np.flatnonzero(stays[head])
    last[first[ends]] = ends
    starts = starts[
        np.lexsort(
            (
                head[starts],
                ways.way_osm[ways.segment_way[starts]],
                length_mm[starts],
                head[last[starts]],
                tail[starts],
            )
        )
    ]
    arc_of_start = np.zeros(len(tail), dtype=np.int64)
    arc_of_start[starts] = np.arange(len(starts))
    segment_arc = arc_of_start[first]
    segments = np.lexsort((place, segment_arc))
    ptr, vertex, vertex_way = _vertices(ways, segment_arc[segments], segments, len(starts))
    node = np.cumsum(stays, dtype=np.int32) - np.int32(1)
    return RoadNetwork(
        node_osm=ways.node_osm[stays],
        node_e7=ways.node_e7[stays],
        arc_tail=node[tail[starts]],
        arc_head=node[head[last[starts]]],
        arc_twin=_arc_twins(_segment_twins(ways), segment_arc, starts),
        arc_vertex_ptr=ptr,
        vertex_e7=ways.node_e7[vertex],
        vertex_way=vertex_way,
        way_osm=ways.way_osm,
        way_class=ways.way_class,
        way_maxspeed=ways.way_maxspeed,
        way_name=ways.way_name,
        class_names=ways.class_names,
        names=ways.names,
    )


def largest_strong_component(network: RoadNetwork) -> RoadNetwork:
    """Keep the largest part in which every node can be reached from every other.

    Parameters
    ----------
    network : RoadNetwork
        A network.

    Returns
    -------
    RoadNetwork
        The part with the most nodes; of equal ones that with the lowest OSM id. Ways
        and names that it does not use are gone.
    """
    if network.n_nodes == 0:
        return network
    label = _components(network.n_nodes, network.arc_tail, network.arc_head, "strong")
    sizes = np.bincount(label)
    largest = label[np.argmax(sizes[label])]
    return keep_nodes(network, label == largest)


def keep_nodes(network: RoadNetwork, keep: NDArray[np.bool_]) -> RoadNetwork:
    """Cut a network down to some of its nodes and the arcs between them.

    Parameters
    ----------
    network : RoadNetwork
        A network with n nodes.
    keep : ndarray of bool, shape (n,)
        Which nodes stay.

    Returns
    -------
    RoadNetwork
        The smaller network, in the same order, without the ways and names that it
        does not use.
    """
    arc_stays = keep[network.arc_tail] & keep[network.arc_head]
    vertex_stays = np.repeat(arc_stays, np.diff(network.arc_vertex_ptr))
    node, arc = _renumbered(keep), _renumbered(arc_stays)
    vertex_way = network.vertex_way[vertex_stays]
    way_used = np.zeros(len(network.way_osm), dtype=np.bool_)
    way_used[vertex_way[vertex_way >= 0]] = True
    way_name, way_class = network.way_name[way_used], network.way_class[way_used]
    name_used = np.isin(np.arange(len(network.names)), way_name)
    class_used = np.isin(np.arange(len(network.class_names)), way_class)
    return RoadNetwork(
        node_osm=network.node_osm[keep],
        node_e7=network.node_e7[keep],
        arc_tail=node[network.arc_tail[arc_stays]],
        arc_head=node[network.arc_head[arc_stays]],
        arc_twin=arc[network.arc_twin[arc_stays]],
        arc_vertex_ptr=_offsets(np.diff(network.arc_vertex_ptr)[arc_stays]),
        vertex_e7=network.vertex_e7[vertex_stays],
        vertex_way=_renumbered(way_used)[vertex_way],
        way_osm=network.way_osm[way_used],
        way_class=_renumbered(class_used)[way_class],
        way_maxspeed=network.way_maxspeed[way_used],
        way_name=_renumbered(name_used)[way_name],
        class_names=_chosen(network.class_names, class_used),
        names=_chosen(network.names, name_used),
    )


def _renumbered(keep: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Map old indices to new ones; what is gone, and an appended -1, map to -1."""
    new = np.where(keep, np.cumsum(keep) - 1, -1)
    return np.append(new, -1).astype(np.int32)


def _chosen(texts: tuple[str, ...], keep: NDArray[np.bool_]) -> tuple[str, ...]:
    return tuple(texts[i] for i in np.flatnonzero(keep))


def _offsets(counts: NDArray[np.integer]) -> NDArray[np.int32]:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)


def _ordered(ways: Ways) -> Ways:
    """Sort vertices, ways and segments."""
    nodes = np.argsort(ways.node_osm, kind="stable")
    order = np.argsort(ways.way_osm, kind="stable")
    node_rank, way_rank = np.empty_like(nodes), np.empty_like(order)
    node_rank[nodes], way_rank[order] = np.arange(len(nodes)), np.arange(len(order))
    tail = node_rank[ways.segment_tail].astype(np.int32)
    head = node_rank[ways.segment_head].astype(np.int32)
    way = way_rank[ways.segment_way].astype(np.int32)
    segments = np.lexsort((way, head, tail))
    return Ways(
        node_osm=ways.node_osm[nodes],
        node_e7=ways.node_e7[nodes],
        segment_tail=tail[segments],
        segment_head=head[segments],
        segment_way=way[segments],
        way_osm=ways.way_osm[order],
        way_class=ways.way_class[order],
        way_maxspeed=ways.way_maxspeed[order],
        way_name=ways.way_name[order],
        class_names=ways.class_names,
        names=ways.names,
    )


def _repeats(*columns: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Tell the rows that equal the row before."""
    same = np.ones(len(columns[0]), dtype=np.bool_)
    same[:1] = False
    for column in columns:
        same[1:] &= column[1:] == column[:-1]
    return same


def _components(
    n: int, tail: NDArray[np.int32], head: NDArray[np.int32], connection: Literal["weak", "strong"]
) -> NDArray[np.int32]:
    graph = coo_array((np.ones(len(tail), dtype=np.int8), (tail, head)), shape=(n, n))
    label: NDArray[np.int32] = connected_components(graph, connection=connection)[1]
    return label


def _endpoints(n: int, tail: NDArray[np.int32], head: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Tell the vertices that stay nodes."""
    out = np.unique(tail.astype(np.int64) * n + head)
    into = np.unique(head.astype(np.int64) * n + tail)
    exits, entries, neighbours = (
        np.bincount(code // max(n, 1), minlength=n) for code in (out, into, np.union1d(out, into))
    )
    degree = np.bincount(tail, minlength=n) + np.bincount(head, minlength=n)
    passed = (neighbours == 2) & (exits == entries) & np.isin(degree, [2, 4])
    passed[tail[tail == head]] = False
    stays: NDArray[np.bool_] = ~passed

    label = _components(n, tail, head, "weak")
    rings, lowest = np.unique(label, return_index=True)
    whole = np.ones(len(rings), dtype=np.bool_)
    whole[label[stays]] = False
    stays[lowest[whole]] = True
    return stays


def _once(ways: Ways, stays: NDArray[np.bool_]) -> Ways:
    """Drop segments that two ways share, or one way has twice, where arcs run through."""
    tail, head, way = ways.segment_tail, ways.segment_head, ways.segment_way
    between = stays[tail] & stays[head]
    again = _repeats(tail, head) & ~between | _repeats(tail, head, way)
    return replace(
        ways, segment_tail=tail[~again], segment_head=head[~again], segment_way=way[~again]
    )


def _chains(
    n: int, tail: NDArray[np.int32], head: NDArray[np.int32], stays: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Give each segment the first segment of its chain and its place in it.

    List ranking by pointer jumping: each round doubles the stretch looked over.
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


def _vertices(
    ways: Ways, segment_arc: NDArray[np.int64], segments: NDArray[np.int64], n_arcs: int
) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int32]]:
    """Lay out the vertices of arcs from their segments in order."""
    ptr = _offsets(np.bincount(segment_arc, minlength=n_arcs) + 1)
    begin = np.arange(len(segments)) + segment_arc
    vertex = np.empty(ptr[-1], dtype=np.int64)
    vertex[begin + 1] = ways.segment_head[segments]
    vertex[begin] = ways.segment_tail[segments]
    vertex_way = np.full(ptr[-1], -1, dtype=np.int32)
    vertex_way[begin] = ways.segment_way[segments]
    return ptr, vertex, vertex_way


def _segment_twins(ways: Ways) -> NDArray[np.int64]:
    """Find the same segment of the same way in the other direction, or -1."""
    tail, head, way = ways.segment_tail, ways.segment_head, ways.segment_way
    low, high = np.minimum(tail, head), np.maximum(tail, head)
    order = np.lexsort((way, high, low))
    second = np.flatnonzero(_repeats(low[order], high[order], way[order]))
    twin = np.full(len(tail), -1, dtype=np.int64)
    twin[order[second]] = order[second - 1]
    twin[order[second - 1]] = order[second]
    return twin


def _arc_twins(
    segment_twin: NDArray[np.int64], segment_arc: NDArray[np.int64], starts: NDArray[np.int64]
) -> NDArray[np.int32]:
    """Find the arc whose segments are all the twins of an arc's, or -1."""
    other = np.where(segment_twin >= 0, segment_arc[segment_twin], -1)
    twin = other[starts]
    same = np.ones(len(starts), dtype=np.bool_)
    same[segment_arc[other != twin[segment_arc]]] = False
    size = np.bincount(segment_arc, minlength=len(starts))
    return np.where(same & (twin >= 0) & (size == size[twin]), twin, -1).astype(np.int32)
