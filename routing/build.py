"""From the segments of a map to a road network of junctions and arcs."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from routing.geodesy import degrees, segment_lengths
from routing.network import LEFT_OUT, PUBLIC, WAY_TRAITS, RoadNetwork, fill_in
from routing.simplify import (
    arc_twins,
    chains,
    components,
    endpoints,
    limit_changes,
    once,
    repeats,
    segment_twins,
)
from routing.turn_bans import ban_arcs

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
    way_access : ndarray of int8, shape (w,)
        Index in `routing.network.ACCESS`; ``public`` if left out.
    way_bus_lane, way_built_up : ndarray of bool, shape (w,)
        Whether a bus lane runs along it, whether it lies in a built-up area; as in
        `routing.network.RoadNetwork`.
    way_max_height, way_max_weight, way_max_width : ndarray of float32, shape (w,)
        Limits in metres, tonnes, metres; NaN where there is none, and if left out.
    ban_via : ndarray of int32, shape (r,)
        Vertex of each turn restriction; none if left out.
    ban_from_way, ban_to_way : ndarray of int64, shape (r,)
        OSM ids of the ways before and behind it.
    ban_only : ndarray of bool, shape (r,)
        True if every other way than `ban_to_way` is banned, False if that one is.
    ban_all : ndarray of bool, shape (r,)
        Whether it binds rescue vehicles with siren too.
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
    way_access: NDArray[np.int8] = field(default_factory=lambda: LEFT_OUT)
    way_bus_lane: NDArray[np.bool_] = field(default_factory=lambda: LEFT_OUT)
    way_built_up: NDArray[np.bool_] = field(default_factory=lambda: LEFT_OUT)
    way_max_height: NDArray[np.float32] = field(default_factory=lambda: LEFT_OUT)
    way_max_weight: NDArray[np.float32] = field(default_factory=lambda: LEFT_OUT)
    way_max_width: NDArray[np.float32] = field(default_factory=lambda: LEFT_OUT)
    ban_via: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))
    ban_from_way: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    ban_to_way: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    ban_only: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, np.bool_))
    ban_all: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, np.bool_))

    def __post_init__(self) -> None:
        """Fill in what was left out."""
        fill_in(self, WAY_TRAITS, len(self.way_osm))

    @property
    def segment_public(self) -> NDArray[np.bool_]:
        """Whether each segment is of a public road, shape (s,)."""
        public: NDArray[np.bool_] = (self.way_access == PUBLIC)[self.segment_way]
        return public


def cut(ways: Ways, keep: NDArray[np.bool_]) -> Ways:
    """Leave out segments, and the vertices and turn restrictions that need them.

    Parameters
    ----------
    ways : Ways
        A map with s segments.
    keep : ndarray of bool, shape (s,)
        Which segments stay.

    Returns
    -------
    Ways
        The smaller map, with all ways and names of the larger one.
    """
    used = np.zeros(len(ways.node_osm), dtype=np.bool_)
    used[ways.segment_tail[keep]] = True
    used[ways.segment_head[keep]] = True
    vertex = _renumbered(used)
    ban = used[ways.ban_via]
    return replace(
        ways,
        node_osm=ways.node_osm[used],
        node_e7=ways.node_e7[used],
        segment_tail=vertex[ways.segment_tail[keep]],
        segment_head=vertex[ways.segment_head[keep]],
        segment_way=ways.segment_way[keep],
        ban_via=vertex[ways.ban_via[ban]],
        ban_from_way=ways.ban_from_way[ban],
        ban_to_way=ways.ban_to_way[ban],
        ban_only=ways.ban_only[ban],
        ban_all=ways.ban_all[ban],
    )


def public_roads(ways: Ways) -> Ways:
    """Leave out all that cars may not use, turn restrictions and limits of size as well.

    Parameters
    ----------
    ways : Ways
        A map.

    Returns
    -------
    Ways
        Its public roads: what OSMnx makes its ``drive`` network of.
    """
    none = np.zeros(0)
    free = replace(
        ways,
        ban_via=none.astype(np.int32),
        ban_from_way=none.astype(np.int64),
        ban_to_way=none.astype(np.int64),
        ban_only=none.astype(np.bool_),
        ban_all=none.astype(np.bool_),
        way_max_height=LEFT_OUT,
        way_max_weight=LEFT_OUT,
        way_max_width=LEFT_OUT,
    )
    return cut(free, ways.segment_public)


def build_network(ways: Ways, *, simplify: bool = True) -> RoadNetwork:
    """Join the segments between junctions into arcs.

    A vertex stays a node if it joins itself, has no way in or no way out, or is not
    plainly passed through from one neighbour to one other, in one direction or both
    (Boeing 2025, doi:10.1111/tgis.70037). The vertex with the lowest OSM id stays of a
    ring that nothing else touches. A vertex of the public roads that would stay if there
    were no others stays, so that an arc is open to cars from end to end or not at all;
    so does a vertex at which a limit of height, weight or width begins or ends, and that
    of a turn restriction. Segments that several ways share become one
    where an arc runs through them, and a public road displaces any other. The result
    depends on the content of `ways`, not on its order: nodes are sorted by OSM id, ways
    by OSM id, arcs by tail, head, length and way.

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
        tail, head, public = ways.segment_tail, ways.segment_head, ways.segment_public
        stays = endpoints(n, tail, head)
        if not public.all():
            on_road = np.zeros(n, dtype=np.bool_)
            on_road[tail[public]] = on_road[head[public]] = True
            stays |= endpoints(n, tail[public], head[public]) & on_road
        stays |= limit_changes(ways)
        stays[ways.ban_via] = True
    ways = once(ways, stays)
    tail, head = ways.segment_tail, ways.segment_head
    first, place = chains(n, tail, head, stays)

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
    twin = arc_twins(segment_twins(ways), segment_arc, starts)
    public = np.ones(len(starts), dtype=np.bool_)
    public[segment_arc[~ways.segment_public]] = False
    bans = ban_arcs(ways, starts, last[starts], twin)
    return RoadNetwork(
        node_osm=ways.node_osm[stays],
        node_e7=ways.node_e7[stays],
        arc_tail=node[tail[starts]],
        arc_head=node[head[last[starts]]],
        arc_twin=twin,
        arc_vertex_ptr=ptr,
        vertex_e7=ways.node_e7[vertex],
        vertex_way=vertex_way,
        way_osm=ways.way_osm,
        way_class=ways.way_class,
        way_maxspeed=ways.way_maxspeed,
        way_name=ways.way_name,
        class_names=ways.class_names,
        names=ways.names,
        arc_public=public,
        ban_from=bans.arc,
        ban_to=bans.onto,
        ban_all=bans.all,
        **{name: getattr(ways, name) for name in WAY_TRAITS},
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
    label = components(network.n_nodes, network.arc_tail, network.arc_head, "strong")
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
    ban_stays = arc_stays[network.ban_from] & arc_stays[network.ban_to]
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
        arc_public=network.arc_public[arc_stays],
        ban_from=arc[network.ban_from[ban_stays]],
        ban_to=arc[network.ban_to[ban_stays]],
        ban_all=network.ban_all[ban_stays],
        **_traits(network, way_used),
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
    """Sort vertices, ways and segments; drop what runs along a public segment."""
    nodes = np.argsort(ways.node_osm, kind="stable")
    # one way of OSM may stand in several rows, such as one for each direction
    order = np.lexsort((ways.way_bus_lane, ways.way_class, ways.way_access, ways.way_osm))
    node_rank, way_rank = np.empty_like(nodes), np.empty_like(order)
    node_rank[nodes], way_rank[order] = np.arange(len(nodes)), np.arange(len(order))
    tail = node_rank[ways.segment_tail].astype(np.int32)
    head = node_rank[ways.segment_head].astype(np.int32)
    way = way_rank[ways.segment_way].astype(np.int32)
    public = ways.segment_public
    segments = np.lexsort((way, ~public, head, tail))
    public, pair = public[segments], repeats(tail[segments], head[segments])
    first = np.maximum.accumulate(np.where(pair, 0, np.arange(len(segments))))
    segments = segments[public | ~public[first]]
    segments = segments[np.lexsort((way[segments], head[segments], tail[segments]))]
    vias = np.lexsort((ways.ban_to_way, ways.ban_from_way, node_rank[ways.ban_via]))
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
        ban_via=node_rank[ways.ban_via[vias]].astype(np.int32),
        ban_from_way=ways.ban_from_way[vias],
        ban_to_way=ways.ban_to_way[vias],
        ban_only=ways.ban_only[vias],
        ban_all=ways.ban_all[vias],
        **_traits(ways, order),
    )


def _traits(holder: Ways | RoadNetwork, rows: NDArray[Any]) -> dict[str, NDArray[Any]]:
    return {name: getattr(holder, name)[rows] for name in WAY_TRAITS}


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
