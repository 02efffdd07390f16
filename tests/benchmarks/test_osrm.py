"""What OSRM reads is the graph; where it is installed it answers like the graph."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np
import osmium
import pytest
from osmium.osm import Node, Way
from scipy.stats import spearmanr

from benchmarks.osrm import OsrmCH, OsrmMLD, write_osm
from benchmarks.peers import SciPy
from benchmarks.road_graphs import RoadGraph, generate

if TYPE_CHECKING:
    from pathlib import Path

GRAPH = generate(600)
NODES = np.arange(0, GRAPH.n, 7, dtype=np.int32)


def test_osm_file_has_every_node_and_every_arc(tmp_path: Path) -> None:
    path = tmp_path / "graph.osm.pbf"
    write_osm(GRAPH, path)
    places: dict[int, tuple[float, float]] = {}
    arcs: dict[tuple[int, int], int] = {}
    ways = 0
    for item in osmium.FileProcessor(str(path)):
        if isinstance(item, Node):
            places[item.id - 1] = (item.location.lon, item.location.lat)
            continue
        assert isinstance(item, Way)
        ways += 1
        tags, (start, end) = dict(item.tags), (node.ref - 1 for node in item.nodes)
        if tags.get("oneway") == "yes":
            arcs[start, end] = int(tags["maxspeed"])
        else:
            arcs[start, end] = int(tags["maxspeed:forward"])
            arcs[end, start] = int(tags["maxspeed:backward"])
    assert sorted(places) == list(range(GRAPH.n))
    found = np.array([places[node] for node in range(GRAPH.n)])
    assert np.abs(found - GRAPH.lonlat).max() <= 1e-7
    ends = list(zip(GRAPH.tail.tolist(), GRAPH.head.tolist(), strict=True))
    assert sorted(arcs) == ends
    pairs = {frozenset(pair) for pair in ends}
    assert ways == len(pairs) < len(ends)
    # generated streets are 24 to 121 km/h fast
    speeds = [arcs[pair] for pair in ends]
    assert min(speeds) >= 23
    assert max(speeds) > 45


def test_speeds_of_both_directions_stay_apart(tmp_path: Path) -> None:
    # 1,000 m to the north and back at 90 and 36 km/h, then 0 m
    graph = RoadGraph(
        "three",
        3,
        np.array([0, 1, 1], dtype=np.int32),
        np.array([1, 0, 2], dtype=np.int32),
        np.array([40_000, 100_000, 1], dtype=np.int32),
        np.array([[9.0, 45.0], [9.0, 45.0 + 1000 / 111_195], [9.0, 45.0 + 1000 / 111_195]]),
    )
    path = tmp_path / "graph.osm.pbf"
    write_osm(graph, path)
    tags = [dict(item.tags) for item in osmium.FileProcessor(str(path)) if isinstance(item, Way)]
    assert tags == [
        {"highway": "tertiary", "maxspeed:forward": "90", "maxspeed:backward": "36"},
        {"highway": "tertiary", "maxspeed": "5", "oneway": "yes"},
    ]


@pytest.mark.skipif(find_spec("osrm") is None, reason="osrm-bindings is not installed")
@pytest.mark.parametrize("kind", [OsrmCH, OsrmMLD])
def test_osrm_answers_about_the_same_streets(kind: type[OsrmCH | OsrmMLD]) -> None:
    osrm, scipy = kind(GRAPH), SciPy(GRAPH)
    few, target = NODES[:9], int(NODES[-1])
    table = osrm.array("matrix", osrm.matrix(*osrm.ready("matrix", (few, NODES))))
    known = scipy.array("matrix", scipy.matrix(few, NODES))
    assert table.shape == known.shape
    assert spearmanr(table.ravel(), known.ravel()).statistic > 0.9
    column = osrm.array("many_to_one", osrm.many_to_one(*osrm.ready("many_to_one", (few, target))))
    assert column.tolist() == table[:, -1].tolist()
    pair = osrm.array("pair", osrm.pair(*osrm.ready("pair", (int(few[0]), target))))
    assert abs(int(pair[0]) - int(table[0, -1])) <= 1000
    assert osrm.programs_mb > 10
