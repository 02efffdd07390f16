"""Generated road graphs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from benchmarks.road_graphs import SIZES, RoadGraph, generate, simple_graph
from routing.hierarchy import Hierarchy

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def graph() -> RoadGraph:
    return generate(SIZES["130k"], name="130k")


def test_same_seed_same_bytes(tmp_path: Path) -> None:
    one, same, other = generate(3000, 5), generate(3000, 5), generate(3000, 6)
    for key in ("tail", "head", "arc_ms", "lonlat"):
        assert getattr(one, key).tobytes() == getattr(same, key).tobytes()
    assert one.arc_ms.tobytes() != other.arc_ms.tobytes()
    one.save(tmp_path / "graph.npz")
    again = RoadGraph.load(tmp_path / "graph.npz")
    assert (again.name, again.n) == ("3000", one.n)
    assert again.arc_ms.tobytes() == one.arc_ms.tobytes()


def test_size_degree_and_strong_connection(graph: RoadGraph) -> None:
    assert graph.n == pytest.approx(SIZES["130k"], rel=0.05)
    ends = graph.tail, graph.head
    parts, _ = connected_components(
        csr_array((np.ones(len(graph.tail)), ends), (graph.n, graph.n)), connection="strong"
    )
    assert parts == 1
    streets = np.unique(np.sort(np.column_stack(ends), axis=1), axis=0)
    assert 2.4 < 2 * len(streets) / graph.n < 2.65
    assert len(graph.tail) < 2 * len(streets)  # one-way streets
    assert graph.arc_ms.min() >= 1
    assert graph.lonlat.shape == (graph.n, 2)


def test_no_loops_and_no_parallel_arcs(graph: RoadGraph) -> None:
    assert np.all(graph.tail != graph.head)
    code = graph.tail.astype(np.int64) * graph.n + graph.head
    assert np.all(np.diff(code) > 0)


def test_separators_are_as_small_as_those_of_roads(graph: RoadGraph) -> None:
    # a grid of 254 by 254 streets has separators of 254, 127, 127, ... junctions
    assert Hierarchy.build(graph.n, graph.tail, graph.head).height < 300


def test_simple_graph_keeps_the_fastest_of_parallel_arcs_and_the_largest_component() -> None:
    tail, head = np.array([0, 0, 1, 1, 2, 3]), np.array([1, 1, 0, 1, 1, 2])
    ms = np.array([9, 4, 7, 1, 3, 3], dtype=np.int32)
    graph = simple_graph("x", tail, head, ms, np.zeros((4, 2)))
    assert (graph.n, graph.tail.tolist(), graph.head.tolist()) == (2, [0, 1], [1, 0])
    assert graph.arc_ms.tolist() == [4, 7]
