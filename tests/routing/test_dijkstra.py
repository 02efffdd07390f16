"""The kernel, against SciPy on graphs that no map has."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from routing.dijkstra import FAR, MS, grow_tree


@pytest.mark.parametrize("seed", range(3))
def test_dense_graph_outgrows_the_heap(seed: int) -> None:
    """Each node is improved by nearly every other, so that keys far outnumber nodes."""
    n = 60
    gap = np.subtract.outer(np.arange(n), np.arange(n)).T
    ms = np.where(gap > 0, gap**2 + np.random.default_rng(seed).integers(0, 5, (n, n)), 0)
    graph = csr_array(ms)
    cost, parent = np.empty(n, np.int64), np.empty(n, np.int64)
    grow_tree(
        graph.indptr.astype(np.int64),
        graph.indices.astype(np.int32),
        graph.data.astype(np.int64) << MS,
        np.array([0, -1], np.int32),
        np.array([0, FAR]),
        np.zeros(n, np.bool_),
        cost,
        parent,
    )
    assert (cost >> MS).tolist() == dijkstra(graph, indices=[0])[0].tolist()
    tail = np.repeat(np.arange(n), np.diff(graph.indptr))
    assert (cost[tail[parent[1:]]] + (graph.data[parent[1:]] << MS)).tolist() == cost[1:].tolist()


def test_metres_fall_over_arcs_that_take_no_time_after_a_node_is_settled() -> None:
    """0 -> 1 takes 5 ms over 9 cm; 0 -> 2 takes 5 ms over 1 cm, and 2 -> 1 no time over 1 cm."""
    weight = (np.array([5, 5, 0]) << MS) + np.array([9, 1, 1])
    cost, parent = np.empty(3, np.int64), np.empty(3, np.int64)
    grow_tree(
        np.array([0, 2, 2, 3]),
        np.array([1, 2, 1], np.int32),
        weight,
        np.array([0, -1], np.int32),
        np.array([0, FAR]),
        np.array([False, True, False]),
        cost,
        parent,
    )
    assert (cost[1], parent[1]) == ((5 << int(MS)) + 2, 2)
