"""Turns that are forbidden or take time, against networkx on the line graph."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.build import Ways, build_network
from routing.errors import InputError
from routing.hierarchy_times import HierarchyTravelTimes
from routing.network import UNREACHABLE, RoadNetwork
from routing.snapping import Places, Snapper
from routing.travel_times import DijkstraTravelTimes
from routing.turns import TurnCosts, turn_graph
from tests.routing.roads import Road, arcs, lonlat, make_network, maps

#     n
#     |
# w---x---e
#     |
#     s
CROSS = {"x": (0, 0), "n": (0, 1), "e": (1.57, 0), "s": (0, -1), "w": (-1.57, 0)}
ROADS = [Road("nx"), Road("ex"), Road("sx"), Road("wx")]
ENGINES = [DijkstraTravelTimes, HierarchyTravelTimes]


def at(network: RoadNetwork, points: list[tuple[float, float]]) -> Places:
    return Snapper(network).snap(lonlat(*points))


@pytest.mark.parametrize("engine", ENGINES)
def test_turns_take_time_by_their_angle(
    engine: type[DijkstraTravelTimes | HierarchyTravelTimes],
) -> None:
    network = make_network(CROSS, ROADS)
    arc_ms = np.full(network.n_arcs, 10_000, dtype=np.int32)
    ends = at(network, [CROSS[name] for name in "nesw"])
    free = engine(turn_graph(network), arc_ms).matrix(ends, ends)
    plain = engine(network, arc_ms).matrix(ends, ends)
    assert free.ms.tolist() == plain.ms.tolist()
    assert free.metres.tolist() == plain.metres.tolist()
    here = np.array([0, 0], dtype=np.int32) + network.node_osm.tolist().index(ord("x"))
    out = np.searchsorted(network.arc_tail, here[:1]).astype(np.int32)
    into = np.flatnonzero(network.arc_head == here[0])[-1:].astype(np.int32)
    point = network.node_lonlat[here[:1]]
    zero = np.zeros(1)
    start, end = Places(point, out, zero, point, zero), Places(point, into, zero + 1, point, zero)
    standing = engine(turn_graph(network), arc_ms)
    assert standing.matrix(start, end).ms.tolist() == [[0]]
    assert standing.to_places(end).ms[0, here[0]] == 0
    costs = TurnCosts(near_side_s=2, far_side_s=5, round_s=20)
    table = engine(turn_graph(network, costs), arc_ms).matrix(ends, ends)
    n, e, s, w = range(4)
    seconds = table.ms / 1000
    assert seconds[s, n] == pytest.approx(20)
    assert seconds[s, e] == pytest.approx(22, abs=0.05)
    assert seconds[s, w] == pytest.approx(25, abs=0.05)
    assert seconds[w, n] == pytest.approx(25, abs=0.05)
    left = engine(turn_graph(network, TurnCosts(2, 5, 20, left_hand=True)), arc_ms)
    assert left.matrix(ends, ends).ms[s, e] == pytest.approx(25_000, abs=50)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_forbidden_turn_is_gone_round(
    engine: type[DijkstraTravelTimes | HierarchyTravelTimes],
) -> None:
    network = make_network(CROSS, ROADS)
    names = arcs(network)
    arc_ms = np.full(network.n_arcs, 10_000, dtype=np.int32)
    graph = turn_graph(network, ban_from=[names.index("sx")], ban_to=[names.index("xw")])
    times = engine(graph, arc_ms)
    start, end = at(network, [(0, -0.5)]), at(network, [(-0.785, 0)])
    # straight on, round at the end of the road, back, and then to the other side
    route = times.route(start, end)
    assert [names[arc] for arc in route.arcs] in (
        ["sx", "xn", "nx", "xw"],
        ["sx", "xe", "ex", "xw"],
        ["xs", "sx", "xw"],
    )
    assert route.ms == times.matrix(start, end).ms[0, 0] == 30_000
    back = times.route(end, start)
    assert ([names[arc] for arc in back.arcs], back.ms) == (["wx", "xs"], 10_000)


@settings(deadline=None, max_examples=60)
@given(ways=maps().filter(lambda ways: len(ways.segment_tail) > 0), seed=st.integers(0, 999))
def test_any_turns_are_those_of_the_line_graph(ways: Ways, seed: int) -> None:
    network = build_network(ways)
    rng = np.random.default_rng(seed)
    m = network.n_arcs
    arc_ms = rng.integers(0, 1000, m).astype(np.int32)
    pairs = [
        (a, b) for a in range(m) for b in range(m) if network.arc_head[a] == network.arc_tail[b]
    ]
    banned = [pair for pair in pairs if rng.random() < 0.3]
    graph = turn_graph(network, ban_from=[a for a, _ in banned], ban_to=[b for _, b in banned])
    line: nx.DiGraph[int] = nx.DiGraph()
    line.add_nodes_from(range(m))
    line.add_weighted_edges_from(
        (a, b, int(arc_ms[b])) for a, b in pairs if (a, b) not in set(banned)
    )
    nodes = np.arange(network.n_nodes)
    first = np.searchsorted(network.arc_tail, nodes)
    some = nodes[first < m]
    some = some[network.arc_tail[first[some]] == some]
    point = network.node_lonlat[some]
    places = Places(
        point, first[some].astype(np.int32), np.zeros(len(some)), point, np.zeros(len(some))
    )
    tables = [engine(graph, arc_ms).matrix(places, places) for engine in ENGINES]
    assert tables[0].ms.tolist() == tables[1].ms.tolist()
    for i, start in enumerate(some):
        leaving = [a for a in range(m) if network.arc_tail[a] == start]
        best = {int(start): 0}
        for a in leaving:
            found = nx.single_source_dijkstra_path_length(line, a)
            for b, cost in found.items():
                end = int(network.arc_head[b])
                best[end] = min(best.get(end, 2**40), int(cost) + int(arc_ms[a]))
        for j, end in enumerate(some):
            assert tables[1].ms[i, j] == best.get(int(end), int(UNREACHABLE))


@pytest.mark.parametrize(
    ("costs", "bans", "message"),
    [
        ({"far_side_s": -1}, ([], []), "far_side_s: -1 s; give 0 to 3600 seconds"),
        ({}, ([0], [0]), "arc 0 does not begin where arc 0 ends"),
        ({}, ([0], [99]), "give pairs of arcs, 0 to 7"),
    ],
)
def test_what_is_refused(
    costs: dict[str, float], bans: tuple[list[int], list[int]], message: str
) -> None:
    network = make_network(CROSS, ROADS)
    with pytest.raises(InputError, match=message):
        turn_graph(network, TurnCosts(**costs), ban_from=bans[0], ban_to=bans[1])  # type: ignore[arg-type]
