"""Small road maps for tests: points with letters, roads as words of letters."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import networkx as nx
import numpy as np
from hypothesis import strategies as st

from routing.build import Ways, build_network
from routing.network import ACCESS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from routing.network import RoadNetwork

STEP_E7 = 10_000
"""One unit of a map: 0.001 degree, some 111 m north and 71 m east of the origin."""

ORIGIN_E7 = (80_000_000, 500_000_000)


class Road(NamedTuple):
    """A road over points; one way if ``oneway``."""

    points: str
    oneway: bool = False
    name: str = ""
    highway: str = "residential"
    maxspeed: float = float("nan")
    access: str = "public"
    bus_lane: bool = False
    built_up: bool = True
    max_height: float = float("nan")


def make_ways(points: Mapping[str, tuple[float, float]], roads: Iterable[Road]) -> Ways:
    """Draw a map; a point's OSM id is its letter's code, roads are numbered from 1."""
    roads = list(roads)
    letters = list(points)
    index = {letter: i for i, letter in enumerate(letters)}
    classes = sorted({road.highway for road in roads})
    names = sorted({road.name for road in roads if road.name})
    segments = [
        (index[a], index[b], way)
        for way, road in enumerate(roads)
        for u, v in pairwise(road.points)
        for a, b in ([(u, v)] if road.oneway else [(u, v), (v, u)])
    ]
    tail, head, way = np.array(segments, dtype=np.int32).reshape(-1, 3).T
    places = np.array([points[letter] for letter in letters]).reshape(-1, 2)
    return Ways(
        node_osm=np.array([ord(letter) for letter in letters], dtype=np.int64),
        node_e7=(places * STEP_E7 + ORIGIN_E7).astype(np.int32),
        segment_tail=tail.copy(),
        segment_head=head.copy(),
        segment_way=way.copy(),
        way_osm=np.arange(1, len(roads) + 1, dtype=np.int64),
        way_class=np.array([classes.index(road.highway) for road in roads], dtype=np.int32),
        way_maxspeed=np.array([road.maxspeed for road in roads], dtype=np.float32),
        way_name=np.array(
            [names.index(road.name) if road.name else -1 for road in roads], dtype=np.int32
        ),
        class_names=tuple(classes),
        names=tuple(names),
        way_access=np.array([ACCESS.index(road.access) for road in roads], dtype=np.int8),
        way_bus_lane=np.array([road.bus_lane for road in roads], dtype=np.bool_),
        way_built_up=np.array([road.built_up for road in roads], dtype=np.bool_),
        way_max_height=np.array([road.max_height for road in roads], dtype=np.float32),
    )


def make_network(
    points: Mapping[str, tuple[float, float]], roads: Iterable[Road], *, simplify: bool = True
) -> RoadNetwork:
    """Draw a map and build its network."""
    return build_network(make_ways(points, roads), simplify=simplify)


def lonlat(*places: tuple[float, float]) -> NDArray[np.float64]:
    """Degrees of places on a map."""
    degrees: NDArray[np.float64] = (np.array(places) * STEP_E7 + ORIGIN_E7) * 1e-7
    return degrees


def letters(network: RoadNetwork) -> str:
    """Letters of the nodes that stayed."""
    return "".join(chr(i) for i in network.node_osm)


def arcs(network: RoadNetwork) -> list[str]:
    """Tail and head of each arc as letters."""
    name = letters(network)
    return [name[t] + name[h] for t, h in zip(network.arc_tail, network.arc_head, strict=True)]


def raw_graph(ways: Ways) -> nx.MultiDiGraph[int]:
    """Segments as a graph on OSM ids, as OSMnx has it before simplification."""
    graph: nx.MultiDiGraph[int] = nx.MultiDiGraph(crs="epsg:4326")
    for osm, (x, y) in zip(ways.node_osm.tolist(), (ways.node_e7 * 1e-7).tolist(), strict=True):
        graph.add_node(osm, x=x, y=y)
    osm = ways.node_osm
    graph.add_edges_from(
        zip(osm[ways.segment_tail].tolist(), osm[ways.segment_head].tolist(), strict=True)
    )
    return graph


@st.composite
def maps(draw: st.DrawFn) -> Ways:
    """Any map: parallel roads, loops, dead ends, islands, points on one another."""
    count = draw(st.integers(1, 10))
    cell = st.integers(0, 4)
    places = draw(st.lists(st.tuples(cell, cell), min_size=count, max_size=count))
    points = {chr(ord("a") + i): place for i, place in enumerate(places)}
    word = st.text(st.sampled_from(sorted(points)), min_size=2, max_size=6)
    roads = draw(st.lists(st.tuples(word, st.booleans()), max_size=8))
    return make_ways(points, [Road(*road) for road in roads])


@st.composite
def mixed_maps(draw: st.DrawFn) -> Ways:
    """Any map of roads some of which are closed to cars or low."""
    ways = draw(maps())
    w = len(ways.way_osm)
    access = st.sampled_from([0, 0, *range(1, len(ACCESS))])
    height = st.sampled_from([np.nan, np.nan, 1.8, 3.0])
    return replace(
        ways,
        way_access=np.array(draw(st.lists(access, min_size=w, max_size=w)), dtype=np.int8),
        way_max_height=np.array(draw(st.lists(height, min_size=w, max_size=w)), dtype=np.float32),
    )
