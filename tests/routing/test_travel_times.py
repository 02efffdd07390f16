"""Travel times and routes, against networkx and SciPy to the millisecond."""

from __future__ import annotations

from typing import TYPE_CHECKING

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from routing.build import build_network
from routing.dijkstra import grow_tree
from routing.errors import InputError
from routing.geodesy import segment_lengths
from routing.hierarchy_times import HierarchyTravelTimes
from routing.network import UNREACHABLE
from routing.snapping import Places, Snapper
from routing.travel_times import DijkstraTravelTimes
from scenarios.packaging import load_scenario
from tests.routing.roads import Road, arcs, letters, lonlat, make_network, maps

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from routing.network import RoadNetwork
    from routing.routes import Route
    from routing.travel_times import NodeTable

Engine = type[DijkstraTravelTimes] | type[HierarchyTravelTimes]
ENGINES: list[Engine] = [DijkstraTravelTimes, HierarchyTravelTimes]

MAX = int(UNREACHABLE)
_CM = 10**12
"""Room for centimetres below the milliseconds of a Python integer."""


def at(network: RoadNetwork, places: list[tuple[int, float]]) -> Places:
    """Places at given shares of arcs."""
    arc = np.array([arc for arc, _ in places], dtype=np.int32)
    lonlat = network.node_lonlat[network.arc_tail[arc]]
    share = np.array([share for _, share in places], dtype=np.float64)
    return Places(lonlat, arc, share, lonlat, np.zeros(len(places)))


def at_nodes(network: RoadNetwork, nodes: NDArray[np.int64]) -> Places:
    """Places at junctions, on the first arc that leaves each."""
    return at(network, [(arc, 0.0) for arc in np.searchsorted(network.arc_tail, nodes).tolist()])


def positions(network: RoadNetwork, places: Places) -> list[tuple[int, int, float]]:
    """Row, arc and share of each place, on both arcs of a two-way road."""
    here = list(zip(range(len(places)), places.arc.tolist(), places.share.tolist(), strict=True))
    twin = network.arc_twin.tolist()
    return here + [(row, twin[arc], 1 - share) for row, arc, share in here if twin[arc] >= 0]


def oracle(
    network: RoadNetwork, arc_ms: NDArray[np.int32], origins: Places, destinations: Places
) -> nx.MultiDiGraph[object]:
    """Put places on the roads as nodes of their own, joined by the parts of arcs."""
    starts, ends = positions(network, origins), positions(network, destinations)
    tail, head = network.arc_tail.tolist(), network.arc_head.tolist()
    cm = np.rint(network.arc_m * 100)
    # start, end, arc (None where nothing is driven), share of it that is driven
    parts: list[tuple[object, object, int | None, float]] = [
        *((tail[arc], head[arc], arc, 1.0) for arc in range(network.n_arcs)),
        *((("from", i), head[arc], arc, 1 - share) for i, arc, share in starts),
        *((("from", i), tail[arc], None, 0.0) for i, arc, share in starts if share == 0),
        *((("from", i), head[arc], None, 0.0) for i, arc, share in starts if share == 1),
        *((tail[arc], ("to", j), arc, share) for j, arc, share in ends),
        *((tail[arc], ("to", j), None, 0.0) for j, arc, share in ends if share == 0),
        *((head[arc], ("to", j), None, 0.0) for j, arc, share in ends if share == 1),
        *(
            (("from", i), ("to", j), arc, there - here)
            for i, arc, here in starts
            for j, other, there in ends
            if arc == other and there >= here
        ),
    ]
    graph: nx.MultiDiGraph[object] = nx.MultiDiGraph()
    graph.add_nodes_from(range(network.n_nodes))
    graph.add_nodes_from(("to", j) for j in range(len(destinations)))
    for start, end, arc, share in parts:
        if arc is None:
            graph.add_edge(start, end, weight=0)
        elif arc_ms[arc] < MAX:
            ms, length = round(share * float(arc_ms[arc])), round(share * float(cm[arc]))
            graph.add_edge(start, end, weight=ms * _CM + length)
    return graph


@st.composite
def questions(draw: st.DrawFn) -> tuple[RoadNetwork, NDArray[np.int32], Places, Places]:
    """Draw a network, times with free and closed arcs among them, and places."""
    network = build_network(draw(maps().filter(lambda ways: len(ways.segment_tail))))
    m = network.n_arcs
    one = st.integers(0, 3) | st.integers(0, 10**6) | st.sampled_from([MAX - 1, MAX])
    arc_ms = np.array(draw(st.lists(one, min_size=m, max_size=m)), dtype=np.int32)
    # shares that are exact in binary, so that 1 - (1 - share) is the share
    share = st.sampled_from([0.0, 0.5, 1.0]) | st.integers(0, 1024).map(lambda k: k / 1024)
    places = st.lists(st.tuples(st.integers(0, m - 1), share), min_size=1, max_size=4)
    origins, destinations = draw(places), draw(places)
    return network, arc_ms, at(network, origins), at(network, destinations)


def check(ms: np.int32, metres: np.int32, cost: float | None) -> None:
    expected = (MAX, MAX)
    if cost is not None and cost // _CM < MAX:
        expected = (int(cost) // _CM, (int(cost) % _CM + 50) // 100)
    assert (int(ms), int(metres)) == expected


def check_route(network: RoadNetwork, route: Route) -> None:
    """Arcs must meet, at the junctions that are named."""
    meets = network.arc_head[route.arcs[:-1]].tolist()
    assert meets == network.arc_tail[route.arcs[1:]].tolist()
    nodes = route.nodes.tolist()
    assert meets in (nodes, nodes[1:], nodes[:-1], nodes[1:-1])
    assert len(route.lonlat) >= 2


def check_walk(
    network: RoadNetwork, arc_ms: NDArray[np.int32], to_nodes: NodeTable, j: int, node: int
) -> None:
    """Following the arcs takes as long as was said, and ends."""
    ms, next_arc = to_nodes.ms[j], to_nodes.next_arc[j]
    start, walked = node, 0
    for _ in range(network.n_nodes):
        if next_arc[node] < 0:
            break
        assert network.arc_tail[next_arc[node]] == node
        walked += int(arc_ms[next_arc[node]])
        node = int(network.arc_head[next_arc[node]])
    assert next_arc[node] < 0
    assert walked + ms[node] == ms[start]


@pytest.mark.parametrize("engine", ENGINES)
@settings(deadline=None, max_examples=150)
@given(question=questions())
def test_any_question_is_answered_as_by_networkx(
    engine: Engine,
    question: tuple[RoadNetwork, NDArray[np.int32], Places, Places],
) -> None:
    network, arc_ms, origins, destinations = question
    times = engine(network, arc_ms)
    table = times.matrix(origins, destinations)
    assert times.times_ms(origins, destinations).tolist() == table.ms.tolist()
    to_nodes = times.to_places(destinations)
    often = times.to_places(destinations[np.tile(np.arange(len(destinations)), 8)])
    assert all(
        (many == np.tile(few, (8, 1))).all() for many, few in zip(often, to_nodes, strict=True)
    )
    graph = oracle(network, arc_ms, origins, destinations)
    for j in range(len(destinations)):
        destination = destinations[j : j + 1]
        cost = nx.single_source_dijkstra_path_length(graph.reverse(), ("to", j))
        one = times.many_to_one(origins, destination)
        if isinstance(times, HierarchyTravelTimes):
            pinned = times.pin(origins).to(destination)
            assert [x.tolist() for x in pinned] == [x.tolist() for x in one]
        assert one.ms.tolist() == table.ms[:, [j]].tolist()
        assert one.metres.tolist() == table.metres[:, [j]].tolist()
        for i in range(len(origins)):
            check(table.ms[i, j], table.metres[i, j], cost.get(("from", i)))
            if table.ms[i, j] < MAX:
                route = times.route(origins[i : i + 1], destination)
                assert (route.ms, route.metres) == (table.ms[i, j], table.metres[i, j])
                check_route(network, route)
            else:
                with pytest.raises(InputError, match=r"no road leads from lon 8\."):
                    times.route(origins[i : i + 1], destination)
        for node in range(network.n_nodes):
            check(to_nodes.ms[j, node], to_nodes.metres[j, node], cost.get(node))
            check_walk(network, arc_ms, to_nodes, j, node)


@pytest.fixture(scope="module", params=["neubrandenburg", "reykjavik"])
def city(request: pytest.FixtureRequest) -> tuple[RoadNetwork, NDArray[np.int32]]:
    scenario = load_scenario(request.param)
    return scenario.network, scenario.speeds.arc_times_ms(scenario.network, "siren")


@pytest.mark.parametrize("engine", ENGINES)
def test_a_hundred_thousand_distances_are_those_of_scipy(
    engine: Engine,
    city: tuple[RoadNetwork, NDArray[np.int32]],
) -> None:
    network, arc_ms = city
    n = network.n_nodes
    rng = np.random.default_rng(1)
    origins, destinations = rng.integers(0, n, 100), rng.integers(0, n, 1000)
    table = engine(network, arc_ms).matrix(
        at_nodes(network, origins), at_nodes(network, destinations)
    )
    fastest = np.lexsort((arc_ms, network.arc_head, network.arc_tail))
    ends = np.column_stack([network.arc_tail, network.arc_head])[fastest]
    _, first = np.unique(ends, axis=0, return_index=True)
    graph = csr_array((arc_ms[fastest][first].astype(float), ends[first].T), shape=(n, n))
    assert table.ms.tolist() == dijkstra(graph, indices=origins)[:, destinations].tolist()


@pytest.mark.parametrize("engine", ENGINES)
def test_route_is_as_long_as_its_shape(
    engine: Engine, city: tuple[RoadNetwork, NDArray[np.int32]]
) -> None:
    network, arc_ms = city
    times = engine(network, arc_ms)
    rng = np.random.default_rng(2)
    near = network.node_lonlat[rng.integers(0, network.n_nodes, 40)]
    places = Snapper(network, limit_m=5000).snap(near + rng.normal(0, 0.002, near.shape))
    for i in range(20):
        origin, destination = places[i : i + 1], places[i + 20 : i + 21]
        route = times.route(origin, destination)
        length = segment_lengths(route.lonlat[:-1], route.lonlat[1:]).sum()
        assert length == pytest.approx(route.metres, abs=1.5)
        assert route.lonlat[[0, -1]].tolist() == [
            origin.road_lonlat[0].tolist(),
            destination.road_lonlat[0].tolist(),
        ]
        check_route(network, route)


STREETS = [Road("abc", name="High Street"), Road("cd", name="Hill", oneway=True), Road("ce")]
TOWN = {"a": (0, 0), "b": (1, 0), "c": (2, 0), "d": (2, 2), "e": (4, 0)}


@pytest.mark.parametrize("engine", ENGINES)
def test_route_by_hand(engine: Engine) -> None:
    network = make_network(TOWN, STREETS)
    assert arcs(network) == ["ac", "ca", "cd", "ce", "ec"]
    times = engine(network, [1000, 2000, 400, 700, 900])
    snap = Snapper(network).snap
    route = times.route(snap(lonlat((0.5, 0.1))), snap(lonlat((2.1, 1.5))))
    assert route.ms == 750 + 300
    assert route.names == ("High Street", "Hill")
    assert route.nodes.tolist() == [letters(network).index("c")]
    assert [arcs(network)[i] for i in route.arcs] == ["ac", "cd"]
    assert route.lonlat == pytest.approx(lonlat((0.5, 0), (1, 0), (2, 0), (2, 1.5)), abs=1e-7)


@pytest.mark.parametrize("engine", ENGINES)
def test_two_places_on_one_road(engine: Engine) -> None:
    network = make_network(TOWN, STREETS)
    times = engine(network, [1000, 2000, 400, 700, 900])
    snap = Snapper(network).snap
    west, east = snap(lonlat((0.5, 0))), snap(lonlat((1.5, 0)))
    assert times.route(west, east).ms == 500
    back = times.route(east, west)
    assert (back.ms, back.names, back.nodes.tolist()) == (1000, ("High Street",), [])
    assert back.lonlat == pytest.approx(lonlat((1.5, 0), (1, 0), (0.5, 0)), abs=1e-7)
    here = times.route(west, west)
    assert (here.ms, here.metres, here.lonlat.shape) == (0, 0, (2, 2))


@pytest.mark.parametrize("engine", ENGINES)
def test_no_way_back_on_a_one_way_road(engine: Engine) -> None:
    network = make_network(TOWN, STREETS)
    times = engine(network, [1000, 2000, 400, 700, 900])
    up, down = (Snapper(network).snap(lonlat((2, y))) for y in (1.5, 0.5))
    assert times.matrix(up, down).ms.tolist() == [[UNREACHABLE]]
    with pytest.raises(InputError, match=r"destination: no road leads from lon 8\.002000, lat"):
        times.route(up, down)


@pytest.mark.parametrize("engine", ENGINES)
def test_nothing_asked_and_no_roads(engine: Engine) -> None:
    network = make_network(TOWN, STREETS)
    times = engine(network, np.ones(network.n_arcs, np.int64))
    none, one = at(network, []), at(network, [(0, 0.5)])
    assert times.matrix(none, one).ms.shape == (0, 1)
    assert times.matrix(one, none).ms.shape == (1, 0)
    assert times.matrix(none, none).ms.shape == (0, 0)
    assert times.to_places(none).next_arc.shape == (0, network.n_nodes)
    for points in ({}, {"a": (0.0, 0.0)}):
        bare = make_network(points, [])
        empty = engine(bare, np.zeros(0, np.int32))
        assert empty.matrix(at(bare, []), at(bare, [])).ms.shape == (0, 0)
        assert empty.to_places(at(bare, [])).ms.shape == (0, len(points))


@pytest.mark.parametrize("engine", ENGINES)
def test_a_route_joins_one_place_with_one_other(engine: Engine) -> None:
    network = make_network(TOWN, STREETS)
    times = engine(network, [1, 1, 1, 1, 1])
    one, two = at(network, [(0, 0.5)]), at(network, [(0, 0.5), (2, 0.5)])
    with pytest.raises(ValueError, match="2 places"):
        times.route(one, two)
    with pytest.raises(ValueError, match="2 places"):
        times.many_to_one(one, two)


@pytest.mark.parametrize(
    ("arc_ms", "message"),
    [
        ([1, 2], r"arc_ms: int64 times of shape \(2,\) for 5 arcs"),
        ([1.0] * 5, "arc_ms: float64 times"),
        ([1, 1, -3, 1, 1], "arc_ms: arc 2 takes -3 ms; give 0 to 2147483647"),
        ([1, 1, 1, 1, 2**31], "arc 4 takes 2147483648 ms"),
    ],
)
def test_times_that_are_none(arc_ms: list[float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        DijkstraTravelTimes(make_network(TOWN, STREETS), arc_ms)


def test_one_compiled_kernel_serves_all() -> None:
    """Every further specialisation would cost each user seconds of compile time."""
    network = make_network(TOWN, STREETS)
    frozen = np.ones(network.n_arcs, dtype=np.int16)
    frozen.flags.writeable = False
    times = DijkstraTravelTimes(network, frozen)
    one = Snapper(network).snap(lonlat((1, 0)))
    times.matrix(one, at(network, [(3, 0.5)] * 3))
    times.to_places(one)
    times.route(one, one)
    assert len(grow_tree.signatures) == 1
