"""Networks from maps, against OSMnx, networkx and drawings by hand."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields, replace
from typing import TYPE_CHECKING

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.build import (
    Ways,
    build_network,
    keep_nodes,
    largest_strong_component,
    public_roads,
)
from routing.geodesy import degrees, segment_lengths
from scenarios.osm import read_osm
from tests.routing.roads import Road, arcs, letters, make_network, maps, mixed_maps, raw_graph

if TYPE_CHECKING:
    from pathlib import Path

LINE = {letter: (i, 0) for i, letter in enumerate("abcdef")}
SQUARE = {"a": (0, 0), "b": (1, 0), "c": (1, 1), "d": (0, 1), "x": (-1, 0)}


@pytest.mark.parametrize(
    ("points", "roads", "expected"),
    [
        pytest.param(LINE, [Road("abc")], ["ac", "ca"], id="two-way"),
        pytest.param(LINE, [Road("abc", oneway=True)], ["ac"], id="one-way"),
        pytest.param(LINE, [Road("ab"), Road("bc")], ["ac", "ca"], id="over two ways"),
        pytest.param(
            LINE, [Road("ab"), Road("bc", oneway=True)], ["ab", "ba", "bc"], id="turns one-way"
        ),
        pytest.param(
            LINE,
            [Road("ab"), Road("cb"), Road("bd")],
            ["ab", "ba", "bc", "bd", "cb", "db"],
            id="junction",
        ),
        pytest.param(SQUARE, [Road("abcda", oneway=True)], ["aa"], id="ring, one-way"),
        pytest.param(SQUARE, [Road("abcda")], ["aa", "aa"], id="ring"),
        pytest.param(SQUARE, [Road("xa"), Road("abcda")], ["aa", "aa", "ax", "xa"], id="loop end"),
        pytest.param(SQUARE, [Road("abc"), Road("adc")], ["aa", "aa"], id="two roads, one ring"),
        pytest.param(
            SQUARE,
            [Road("xa"), Road("abc"), Road("adc"), Road("ac")],
            ["ac", "ac", "ac", "ax", "ca", "ca", "ca", "xa"],
            id="parallel",
        ),
        pytest.param(
            LINE, [Road("ab"), Road("bb", oneway=True)], ["ab", "ba", "bb"], id="loop at the end"
        ),
        pytest.param(LINE, [Road("aab")], ["aa", "ab", "ba"], id="segment to itself"),
        pytest.param(
            LINE, [Road("abc", oneway=True), Road("abc", oneway=True)], ["ac"], id="drawn twice"
        ),
        pytest.param(
            LINE, [Road("ab", oneway=True), Road("ab", oneway=True)], ["ab", "ab"], id="doubled"
        ),
        pytest.param(LINE, [Road("abab", oneway=True)], ["ab", "ba"], id="to and fro"),
    ],
)
def test_drawings(
    points: dict[str, tuple[float, float]], roads: list[Road], expected: list[str]
) -> None:
    assert arcs(make_network(points, roads)) == expected


def test_the_lowest_osm_id_stays_of_a_ring() -> None:
    ring = {letter: SQUARE[letter] for letter in "dcba"}
    assert letters(make_network(ring, [Road("cdabc", oneway=True)])) == "a"


def test_unsimplified_keeps_every_vertex_and_segment() -> None:
    network = make_network(LINE, [Road("abc"), Road("cd", oneway=True)], simplify=False)
    assert letters(network) == "abcdef"
    assert arcs(network) == ["ab", "ba", "bc", "cb", "cd"]


def test_arc_remembers_its_ways_and_its_shape() -> None:
    roads = [Road("ab", name="Low"), Road("cb", name="High", maxspeed=30)]
    network = make_network({"a": (0, 0), "b": (1, 2), "c": (3, 1)}, roads)
    assert arcs(network) == ["ac", "ca"]
    assert network.arc_twin.tolist() == [1, 0]
    assert network.vertex_way.tolist() == [0, 1, -1, 1, 0, -1]
    assert network.vertex_e7[:3].tolist() == network.vertex_e7[3:][::-1].tolist()
    assert [network.names[i] for i in network.way_name] == ["Low", "High"]


def test_two_carriageways_are_no_twins() -> None:
    roads = [Road("ab", oneway=True), Road("ba", oneway=True)]
    assert make_network(LINE, roads).arc_twin.tolist() == [-1, -1]
    roads = [Road("ab"), Road("bc", oneway=True), Road("cb", oneway=True)]
    network = make_network(LINE, roads)
    assert (arcs(network), network.arc_twin.tolist()) == (["ac", "ca"], [-1, -1])


def test_empty_map() -> None:
    network = largest_strong_component(make_network({}, []))
    assert (network.n_nodes, network.n_arcs, len(network.arc_m)) == (0, 0, 0)


@settings(deadline=None)
@given(st.one_of(maps(), mixed_maps()))
def test_simplification_keeps_all_distances(ways: Ways) -> None:
    """Between the nodes that stay, roads are as long as on the map itself."""
    network = build_network(ways)
    lonlat = degrees(ways.node_e7)
    metres = segment_lengths(lonlat[ways.segment_tail], lonlat[ways.segment_head])
    raw: nx.DiGraph[int] = nx.DiGraph()
    raw.add_nodes_from(ways.node_osm.tolist())
    simple: nx.DiGraph[int] = nx.DiGraph()
    simple.add_nodes_from(network.node_osm.tolist())
    for graph, tail, head, osm, length in (
        (raw, ways.segment_tail, ways.segment_head, ways.node_osm, metres),
        (simple, network.arc_tail, network.arc_head, network.node_osm, network.arc_m),
    ):
        longest_first = np.argsort(-length, kind="stable")
        for arc in longest_first.tolist():
            graph.add_edge(int(osm[tail[arc]]), int(osm[head[arc]]), weight=float(length[arc]))
    for source in simple:
        on_map = nx.single_source_dijkstra_path_length(raw, source)
        on_network = nx.single_source_dijkstra_path_length(simple, source)
        assert on_network.keys() == on_map.keys() & simple.nodes
        for target, distance in on_network.items():
            assert distance == pytest.approx(on_map[target])


@settings(deadline=None)
@given(st.one_of(maps(), mixed_maps()))
def test_arcs_are_sorted_and_fit_together(ways: Ways) -> None:
    network = build_network(ways)
    ends = np.column_stack([network.arc_tail, network.arc_head])
    assert ends.tolist() == sorted(ends.tolist())
    assert (np.diff(network.node_osm) > 0).all()
    first, last = network.arc_vertex_ptr[:-1], network.arc_vertex_ptr[1:] - 1
    assert (network.vertex_e7[first] == network.node_e7[network.arc_tail]).all()
    assert (network.vertex_e7[last] == network.node_e7[network.arc_head]).all()
    assert sorted(np.flatnonzero(network.vertex_way < 0)) == last.tolist()
    for arc, twin in enumerate(network.arc_twin):
        if twin >= 0:
            assert twin != arc
            assert network.arc_twin[twin] == arc
            there = network.vertex_e7[first[arc] : last[arc] + 1]
            back = network.vertex_e7[first[twin] : last[twin] + 1]
            assert there.tolist() == back[::-1].tolist()


@settings(deadline=None)
@given(st.one_of(maps(), mixed_maps()))
def test_order_of_the_map_does_not_matter(ways: Ways) -> None:
    nodes = np.arange(len(ways.node_osm))[::-1]
    order = np.arange(len(ways.way_osm))[::-1]
    turned = replace(
        ways,
        node_osm=ways.node_osm[nodes],
        node_e7=ways.node_e7[nodes],
        segment_tail=nodes[ways.segment_tail[::-1]].astype(np.int32),
        segment_head=nodes[ways.segment_head[::-1]].astype(np.int32),
        segment_way=order[ways.segment_way[::-1]].astype(np.int32),
        way_osm=ways.way_osm[order],
        way_class=ways.way_class[order],
        way_maxspeed=ways.way_maxspeed[order],
        way_name=ways.way_name[order],
        way_access=ways.way_access[order],
        way_max_height=ways.way_max_height[order],
    )
    one, other = build_network(ways), build_network(turned)
    for field in fields(one):
        first, second = getattr(one, field.name), getattr(other, field.name)
        np.testing.assert_array_equal(first, second, err_msg=field.name)
        if isinstance(first, np.ndarray):
            assert first.dtype == second.dtype


@settings(deadline=None)
@given(maps())
def test_largest_strong_component_is_that_of_networkx(ways: Ways) -> None:
    network = build_network(ways)
    graph = raw_graph(ways).subgraph(network.node_osm.tolist()).copy()
    osm = network.node_osm
    graph.add_edges_from(zip(osm[network.arc_tail], osm[network.arc_head], strict=True))
    expected = max(nx.strongly_connected_components(graph), key=lambda c: (len(c), -min(c)))
    part = largest_strong_component(network)
    assert set(part.node_osm.tolist()) == expected
    inside = [
        tail in expected and head in expected
        for tail, head in zip(osm[network.arc_tail], osm[network.arc_head], strict=True)
    ]
    assert part.arc_m.tolist() == network.arc_m[inside].tolist()


@settings(deadline=None)
@given(mixed_maps())
def test_an_arc_is_open_to_the_same_from_end_to_end(ways: Ways) -> None:
    """Simplification joins nothing that is not for the same vehicles."""
    network = build_network(ways)
    inner = network.vertex_way >= 0
    arc = np.repeat(np.arange(network.n_arcs), np.diff(network.arc_vertex_ptr))[inner]
    way = network.vertex_way[inner]
    public = network.way_access[way] == 0
    assert (network.arc_public[arc] == public).all()
    assert (ways.segment_public.any()) == network.arc_public.any()
    for number in range(network.n_arcs):
        limits = network.way_max_height[way[arc == number]]
        assert len(set(np.nan_to_num(limits).tolist())) == 1


def test_cutting_drops_what_is_no_longer_used() -> None:
    roads = [
        Road("ab", name="Kept", highway="primary"),
        Road("bc", name="Gone", highway="service"),
        Road("de", highway="track"),
    ]
    network = make_network(LINE, roads, simplify=False)
    part = keep_nodes(network, network.node_osm <= ord("b"))
    assert (letters(part), arcs(part), part.arc_twin.tolist()) == ("ab", ["ab", "ba"], [1, 0])
    assert (part.names, part.class_names, part.way_osm.tolist()) == (("Kept",), ("primary",), [1])
    assert part.vertex_way.tolist() == [0, -1, 0, -1]


def test_a_real_city_is_simplified_as_by_osmnx(reference_data: Path) -> None:
    """The same junctions, arcs and lengths as OSMnx, and nearly the published figures."""
    import osmnx as ox

    ways = public_roads(read_osm(reference_data / "osm" / "heidelberg.osm.pbf").ways)
    graph = ox.distance.add_edge_lengths(raw_graph(ways))
    graph = ox.truncate.largest_component(ox.simplify_graph(graph), strongly=True)
    network = largest_strong_component(build_network(ways))

    assert set(network.node_osm.tolist()) == set(graph.nodes)
    osm = network.node_osm
    ours = Counter(
        zip(
            osm[network.arc_tail].tolist(),
            osm[network.arc_head].tolist(),
            np.rint(network.arc_m).tolist(),
            strict=True,
        )
    )
    theirs = Counter((u, v, round(data["length"])) for u, v, data in graph.edges(data=True))
    assert ours == theirs

    assert network.n_nodes == pytest.approx(5172, rel=0.01)
    assert network.n_arcs == pytest.approx(12_286, rel=0.01)
    assert network.arc_m.sum() / 1000 == pytest.approx(1738, rel=0.01)
