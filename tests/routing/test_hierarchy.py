"""The hierarchy against Floyd-Warshall, SciPy and itself, on odd graphs and on cities."""

from __future__ import annotations

import multiprocessing
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from routing.dijkstra import FAR
from routing.errors import InputError
from routing.hierarchy import Hierarchy, Metric, Seeds
from routing.hierarchy.elimination import chordal_supergraph, elimination_tree, postorder
from routing.hierarchy.sweeps import ancestors, many_to_many, wide_rows
from routing.network import UNREACHABLE
from scenarios.packaging import load_scenario

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

MAX = int(UNREACHABLE)


class Graph(NamedTuple):
    n: int
    tail: NDArray[np.int32]
    head: NDArray[np.int32]
    ms: NDArray[np.int32]


def odd_graph(rng: np.random.Generator) -> Graph:
    """Draw loops, parallel and free and closed arcs, several components, single nodes."""
    n = int(rng.integers(1, 14))
    m = int(rng.integers(0, 4 * n))
    ends = rng.integers(0, n, (2, m)).astype(np.int32)
    kinds = [rng.integers(0, 3, m), rng.integers(0, 10**6, m), rng.integers(MAX - 2, MAX + 1, m)]
    ms = np.choose(rng.choice(3, m, p=[0.3, 0.6, 0.1]), kinds)
    return Graph(n, ends[0], ends[1], ms.astype(np.int32))


def floyd_warshall(graph: Graph, ms: NDArray[np.int32]) -> NDArray[np.int64]:
    """All distances in the plainest way; from MAX on they count as unreachable."""
    distance = np.full((graph.n, graph.n), MAX, dtype=np.int64)
    np.fill_diagonal(distance, 0)
    np.minimum.at(distance, (graph.tail, graph.head), ms)
    for k in range(graph.n):
        np.minimum(distance, distance[:, [k]] + distance[[k]], out=distance)
    return np.minimum(distance, MAX)


def check_all(graph: Graph, metric: Metric, ms: NDArray[np.int32]) -> None:
    """Ask everything in every way."""
    n, expected = graph.n, floyd_warshall(graph, ms)
    nodes = np.arange(n)
    far = metric.far
    scale = 1 if metric.records.dtype == np.int32 else 1 << 31
    wanted = np.where(expected == MAX, far, expected * scale)
    assert (metric.rows(nodes).array() == wanted).all()
    assert (metric.rows(nodes, backward=True).array() == wanted.T).all()
    assert (metric.matrix(nodes, nodes) == wanted).all()
    assert (metric.matrix(nodes, nodes[:2]) == wanted[:, :2]).all()
    assert (metric.matrix(nodes[:2], nodes) == wanted[:2]).all()
    sources, targets = metric.pin_sources(nodes), metric.pin_targets(nodes)
    for node in range(n):
        assert (metric.row(node) == wanted[node]).all()
        assert (metric.row(node, backward=True) == wanted[:, node]).all()
        assert (metric.one_to_many(node, nodes) == wanted[node]).all()
        assert (metric.many_to_one(nodes, node) == wanted[:, node]).all()
        assert (sources.to(node) == wanted[:, node]).all()
        assert (targets.to(node) == wanted[node]).all()
        other = (node * 7 + 3) % n
        assert metric.pair(node, other) == wanted[node, other]
        check_path(graph, metric, node, other, int(wanted[node, other]))


def check_path(graph: Graph, metric: Metric, start: int, end: int, cost: int) -> None:
    path = metric.path(start, end)
    if cost == metric.far:
        assert path is None
        return
    assert path is not None
    assert path.cost == cost == metric.weight[path.arcs].astype(np.int64).sum()
    nodes = [start, *graph.head[path.arcs].tolist()]
    assert nodes[:-1] == graph.tail[path.arcs].tolist()
    assert nodes[-1] == end


@pytest.mark.parametrize("piecewise", [True, False])
def test_a_thousand_odd_graphs_before_and_after_changes(
    monkeypatch: pytest.MonkeyPatch, *, piecewise: bool
) -> None:
    if piecewise:  # else so small a graph is customised as a whole
        monkeypatch.setattr("routing.hierarchy.metric._MANY", 0)
    rng = np.random.default_rng(3)
    for number in range(500):
        graph = odd_graph(rng)
        hierarchy = Hierarchy.build(graph.n, graph.tail, graph.head)
        metric = Metric(hierarchy, graph.ms, prune=number % 2 == 0)
        check_all(graph, metric, graph.ms)
        if len(graph.ms) == 0:
            continue
        ms = graph.ms.copy()
        for _ in range(4):
            arcs = rng.choice(len(ms), int(rng.integers(1, 3)))
            ms[arcs] = rng.choice([MAX, 0, 5, 10**5], len(arcs))
            metric.change(arcs, ms[arcs])
        if number % 3 == 0:
            metric.prune()
        check_all(graph, metric, ms)


@settings(deadline=None, max_examples=50)
@given(seed=st.integers(0, 10**6))
def test_costs_of_two_parts_and_lanes(seed: int) -> None:
    """int64 costs answer as int32 times do; lanes customise as one by one does."""
    graph = odd_graph(np.random.default_rng(seed))
    hierarchy = Hierarchy.build(graph.n, graph.tail, graph.head)
    cost = np.where(graph.ms == MAX, FAR, graph.ms.astype(np.int64) << 31)
    check_all(graph, Metric(hierarchy, cost, costs=True), graph.ms)
    others = [graph.ms, graph.ms[::-1], graph.ms // 2]
    for metric, ms in zip(Metric.batch(hierarchy, np.array(others)), others, strict=True):
        alone = Metric(hierarchy, ms)
        assert metric.records.tolist() == alone.records.tolist()
        check_all(graph, metric, np.asarray(ms))


def test_places_between_nodes() -> None:
    rng = np.random.default_rng(5)
    for _ in range(100):
        graph = odd_graph(rng)
        metric = Metric(Hierarchy.build(graph.n, graph.tail, graph.head), graph.ms)
        node = rng.integers(-1, graph.n, (9, 2)).astype(np.int32)
        cost = rng.integers(0, 50, (9, 2)).astype(np.int32)
        seeds = Seeds(node, cost)
        between = np.pad(floyd_warshall(graph, graph.ms), (0, 1), constant_values=MAX)
        expected = np.full((9, 9), MAX)
        for i in range(2):
            for j in range(2):
                through = between[node[:, i]][:, node[:, j]] + cost[:, [i]] + cost[:, j]
                np.minimum(expected, through, out=expected)
        expected = np.where(expected >= MAX, MAX, expected)
        assert (metric.matrix(seeds, seeds) == expected).all()
        assert (metric.rows(seeds).to_nodes(np.arange(graph.n)) <= MAX).all()
        for row in range(9):
            place = Seeds(node[[row]], cost[[row]])
            assert (metric.one_to_many(place, seeds) == expected[row]).all()
            assert (metric.pin_sources(seeds).to(place) == expected[:, row]).all()
            assert metric.pair(place, place) == expected[row, row]
            path = metric.path(place, Seeds(node[[0]], cost[[0]]))
            assert (MAX if path is None else path.cost) == expected[row, 0]


@pytest.fixture(scope="module", params=["neubrandenburg", "reykjavik"])
def city(request: pytest.FixtureRequest) -> Graph:
    scenario = load_scenario(request.param)
    network = scenario.network
    ms = scenario.speeds.arc_times_ms(network, "siren")
    return Graph(network.n_nodes, network.arc_tail, network.arc_head, ms)


def scipy_rows(graph: Graph, ms: NDArray[np.int32], nodes: NDArray[np.int64]) -> NDArray[np.int64]:
    fastest = np.lexsort((ms, graph.head, graph.tail))
    fastest = fastest[ms[fastest] < MAX]
    ends, first = np.unique(
        np.column_stack([graph.tail, graph.head])[fastest], axis=0, return_index=True
    )
    weights = ms[fastest][first].astype(float)
    matrix = csr_array((weights, ends.T), shape=(graph.n, graph.n))
    rows = dijkstra(matrix, indices=nodes)
    return np.where(np.isinf(rows), MAX, rows).astype(np.int64)


def test_a_hundred_thousand_pairs_of_a_city_after_a_thousand_changes(city: Graph) -> None:
    rng = np.random.default_rng(7)
    metric = Metric(Hierarchy.build(city.n, city.tail, city.head), city.ms)
    sources, targets = rng.integers(0, city.n, 200), rng.integers(0, city.n, 500)
    expected = scipy_rows(city, city.ms, sources)
    assert (metric.matrix(sources, targets) == expected[:, targets]).all()
    assert (metric.rows(sources).array() == expected).all()
    ms = city.ms.copy()
    closed: list[int] = []
    for _ in range(1000):
        if closed and rng.random() < 0.4:
            arc = closed.pop(int(rng.integers(len(closed))))
            ms[arc] = city.ms[arc]
        else:
            arc = int(rng.integers(len(ms)))
            closed.append(arc)
            ms[arc] = MAX
        metric.change([arc], [ms[arc]])
    expected = scipy_rows(city, ms, sources)
    assert (expected == MAX).any()
    assert (metric.matrix(sources, targets) == expected[:, targets]).all()
    metric.prune()
    assert (metric.rows(sources).array() == expected).all()
    for arc in closed:
        metric.change([arc], [city.ms[arc]])
    fresh = Metric(metric.hierarchy, city.ms, prune=False)
    assert (metric.records == fresh.records).all()


def test_threads_answer_the_same(city: Graph) -> None:
    rng = np.random.default_rng(8)
    metric = Metric(Hierarchy.build(city.n, city.tail, city.head), city.ms)
    nodes = rng.integers(0, city.n, 300)
    one, two = (metric.matrix(nodes, nodes, threads=threads) for threads in (1, 3))
    assert (one == two).all()
    rows = metric.rows(nodes)
    again = metric.rows(nodes, threads=2, out=metric.rows(nodes[::-1]))
    assert (rows.array() == again.array()).all()
    assert rows.to_node(5).tolist() == metric.many_to_one(nodes, 5).tolist()


def test_saved_and_mapped(city: Graph, tmp_path: Path) -> None:
    hierarchy = Hierarchy.build(city.n, city.tail, city.head)
    hierarchy.save(tmp_path)
    mapped = Hierarchy.load(tmp_path)
    nodes = np.arange(0, city.n, 50)
    before = Metric(hierarchy, city.ms).matrix(nodes, nodes)
    compiled = len(many_to_many.signatures)
    assert (Metric(mapped, city.ms).matrix(nodes, nodes) == before).all()
    assert len(many_to_many.signatures) == compiled
    rank = np.load(tmp_path / "rank.npy")
    rank[:2] = rank[1::-1]
    np.save(tmp_path / "rank.npy", rank)
    with pytest.raises(InputError, match=r"rank\.npy and node\.npy do not agree"):
        Hierarchy.load(tmp_path)
    hierarchy.save(tmp_path)
    parent = np.load(tmp_path / "parent.npy")
    parent[:-1] = len(parent) - 1
    parent[0] = 2
    np.save(tmp_path / "parent.npy", parent)
    with pytest.raises(InputError, match=r"parent\.npy and rank\.npy are in no postorder"):
        Hierarchy.load(tmp_path)
    (tmp_path / "head.npy").unlink()
    with pytest.raises(InputError, match=r"holds no hierarchy .*; build it anew"):
        Hierarchy.load(tmp_path)


def _row_elsewhere(graph: Graph) -> tuple[int, int]:
    metric = Metric(Hierarchy.build(graph.n, graph.tail, graph.head), graph.ms)
    answer = int(metric.rows([0]).array().sum())
    return answer, sum(wide_rows.stats.cache_hits.values())


def test_workers_find_compiled_kernels() -> None:
    graph = odd_graph(np.random.default_rng(1))
    here, _ = _row_elsewhere(graph)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        there, hits = pool.apply(_row_elsewhere, (graph,))
    assert (here, hits) == (there, 1)


def test_a_long_road_is_no_tall_tree() -> None:
    """A road of many degree-2 nodes must be halved again and again, not peeled off."""
    n = 1_000_000
    tail = np.concatenate([np.arange(n - 1), np.arange(1, n)])
    head = np.concatenate([np.arange(1, n), np.arange(n - 1)])
    hierarchy = Hierarchy.build(n, tail, head)
    assert hierarchy.height < 100
    metric = Metric(hierarchy, np.full(len(tail), 3, dtype=np.int32))
    assert (metric.row(0) == np.arange(0, 3 * n, 3)).all()
    path = metric.path(0, n - 1)
    assert path is not None
    assert (path.arcs == np.arange(n - 1)).all()


def test_elimination_by_hand() -> None:
    # a square 0-1-2-3 with 0 first: its neighbours 1 and 3 are joined
    low, high = np.array([0, 1, 2, 0], np.int32), np.array([1, 2, 3, 3], np.int32)
    ptr, head, parent = chordal_supergraph(4, low, high)
    assert ptr.tolist() == [0, 2, 4, 5, 5]
    assert head.tolist() == [1, 3, 2, 3, 3]
    assert parent.tolist() == [1, 2, 3, -1]
    assert elimination_tree(4, low, high).tolist() == [1, 2, 3, -1]
    assert postorder(np.array([2, 3, 4, 4, -1], np.int32)).tolist() == [0, 2, 1, 3, 4]


@given(st.integers(0, 2**32 - 1))
def test_sweeps_may_hold_a_row_for_each_depth(seed: int) -> None:
    """Between a node and a head of its arcs there are only deeper nodes than that head."""
    graph = odd_graph(np.random.default_rng(seed))
    hierarchy = Hierarchy.build(graph.n, graph.tail, graph.head)
    depth = hierarchy.depth
    assert ((depth == 0) == (hierarchy.parent < 0)).all()
    for low, high in zip(hierarchy.edge_low, hierarchy.head, strict=True):
        assert (depth[low:high] > depth[high]).all()
    nodes = np.flatnonzero(depth % 2)[::-1].astype(np.int32)
    found = np.empty(graph.n, np.int32)
    count = ancestors(hierarchy.parent, nodes, found)
    expected = set()
    for start in nodes.tolist():
        node = start
        while node >= 0:
            expected.add(node)
            node = int(hierarchy.parent[node])
    assert found[:count].tolist() == sorted(expected, reverse=True)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Hierarchy.build(2, [0, 2], [1, 1]), "tail: arc 1 ends at node 2; give 0 to 1"),
        (lambda: Hierarchy.build(2, [0], [1, 1]), "1 tails and 2 heads"),
        (
            lambda: Metric(Hierarchy.build(2, [0], [1]), [1, 2]),
            "int64 weights of shape .2,., the least 1, for arcs of shape .1,.",
        ),
        (lambda: Metric(Hierarchy.build(2, [0], [1]), [-1]), "the least -1"),
        (lambda: Metric(Hierarchy.build(2, [0], [1]), [5]).row(2), "give 0 to 1"),
    ],
)
def test_what_is_refused(call: object, message: str) -> None:
    assert callable(call)
    with pytest.raises(InputError, match=message):
        call()
