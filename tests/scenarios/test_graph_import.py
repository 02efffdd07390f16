"""Graphs from OSMnx, and places from a stand-in for OpenStreetMap's servers."""

from __future__ import annotations

import json
import socket
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlparse

import networkx as nx
import numpy as np
import osmnx
import pytest
from shapely.geometry import Polygon, mapping

from routing.build import build_network, largest_strong_component, public_roads
from routing.errors import InputError
from routing.geodesy import segment_lengths
from scenarios.graph_import import graph_ways, read_graphml, read_place
from scenarios.osm import read_osm
from tests.tiny_map import TinyMap, segments, town

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from routing.network import RoadNetwork


OTHER_GRAPHML = b"""<graphml xmlns="http://graphml.graphdrawing.org/xmlns">
<graph edgedefault="directed"><node id="a"/><node id="b"/><edge source="a" target="b"/></graph>
</graphml>"""


def osmnx_graph(made: TinyMap, folder: Path) -> nx.MultiDiGraph[int]:
    """Let OSMnx read a map."""
    path = made.write(folder / "for_osmnx.osm")
    return osmnx.graph_from_xml(path, simplify=False, retain_all=True)


def arcs(network: RoadNetwork) -> list[tuple[int, int, int, bool]]:
    """Describe each arc by its ends, its length in millimetres and whether it has a twin."""
    return sorted(
        zip(
            network.node_osm[network.arc_tail].tolist(),
            network.node_osm[network.arc_head].tolist(),
            np.rint(network.arc_m * 1000).astype(int).tolist(),
            (network.arc_twin >= 0).tolist(),
            strict=True,
        )
    )


def bent_town() -> TinyMap:
    """Make the town with bends, a loop and a second road between two junctions."""
    made = town()
    made.nodes |= {50: (13.0015, 53.0005), 51: (13.0015, 52.9995), 52: (13.001, 52.9995)}
    made.ways[300] = ([1, 50, 2], {"highway": "tertiary", "name": "Bend"})
    made.ways[301] = ([1, 51, 52, 1], {"highway": "residential", "name": "Loop"})
    made.ways[302] = ([25, 53, 54], {"highway": "primary", "maxspeed": "70"})
    made.ways[303] = ([54, 55], {"highway": "residential", "maxspeed": "30"})
    made.nodes |= {53: (13.014, 53.008), 54: (13.015, 53.009), 55: (13.016, 53.009)}
    return made


@pytest.mark.parametrize("simplify", [False, True])
def test_graphml_gives_the_network_of_the_map(simplify: bool, tmp_path: Path) -> None:
    graph = osmnx_graph(bent_town(), tmp_path)
    if simplify:
        graph = osmnx.simplify_graph(graph)
    osmnx.save_graphml(graph, tmp_path / "town.graphml")
    found = build_network(read_graphml(tmp_path / "town.graphml").ways)
    expected = build_network(read_osm(bent_town().write(tmp_path / "town.osm")).ways)
    assert arcs(found) == arcs(expected)
    np.testing.assert_array_equal(found.node_e7, expected.node_e7)


def test_projected_graphml_comes_back_to_degrees(tmp_path: Path) -> None:
    graph = osmnx.project_graph(osmnx.simplify_graph(osmnx_graph(bent_town(), tmp_path)))
    osmnx.save_graphml(graph, tmp_path / "town.graphml")
    found = build_network(read_graphml(tmp_path / "town.graphml").ways)
    expected = build_network(read_osm(bent_town().write(tmp_path / "town.osm")).ways)
    assert found.n_nodes == expected.n_nodes
    assert found.n_arcs == expected.n_arcs
    assert np.abs(found.node_e7 - expected.node_e7).max() <= 1
    np.testing.assert_allclose(np.sort(found.arc_m), np.sort(expected.arc_m), atol=0.1)


def test_one_way_streets_of_a_graph_may_be_driven_against_the_traffic(tmp_path: Path) -> None:
    network = build_network(graph_ways(osmnx_graph(town(), tmp_path)))
    ends = zip(
        network.node_osm[network.arc_tail[~network.arc_public]].tolist(),
        network.node_osm[network.arc_head[~network.arc_public]].tolist(),
        strict=True,
    )
    # the street northward over junctions 3, 8, 13, 18 and 23
    assert sorted(ends) == [(8, 3), (13, 8), (18, 13), (23, 18)]
    twins = network.arc_twin[~network.arc_public]
    assert network.arc_public[twins].all()


def test_merged_ways_take_the_slower_class_and_limit(tmp_path: Path) -> None:
    graph = osmnx.simplify_graph(osmnx_graph(bent_town(), tmp_path))
    ways = graph_ways(graph)
    way = int(np.flatnonzero(ways.way_osm == 302)[0])
    assert ways.class_names[ways.way_class[way]] == "residential"
    assert ways.way_maxspeed[way] == 30


def test_real_simplified_graph_keeps_its_geometry(reference_data: Path, tmp_path: Path) -> None:
    box = (8.66, 49.4, 8.7, 49.42)
    ways = public_roads(read_osm(reference_data / "osm" / "heidelberg.osm.pbf", box).ways)
    graph: nx.MultiDiGraph[int] = nx.MultiDiGraph(crs="epsg:4326")
    for node, (x, y) in zip(ways.node_osm.tolist(), ways.node_e7 * 1e-7, strict=True):
        graph.add_node(node, x=round(float(x), 7), y=round(float(y), 7))
    for tail, head, way in segments(ways):
        start, end = (np.array([graph.nodes[i]["x"], graph.nodes[i]["y"]]) for i in (tail, head))
        index = int(np.flatnonzero(ways.way_osm == way)[0])
        length = float(segment_lengths(start, end))
        highway = ways.class_names[ways.way_class[index]]
        graph.add_edge(tail, head, osmid=way, highway=highway, length=length, oneway=False)
    graph.remove_nodes_from(list(nx.isolates(graph)))
    graph = osmnx.truncate.largest_component(osmnx.simplify_graph(graph), strongly=True)
    osmnx.save_graphml(graph, tmp_path / "town.graphml")
    found = build_network(read_graphml(tmp_path / "town.graphml").ways)
    assert found.n_nodes > 300
    # Cutting to a component leaves some ends of roads that are ends no more.
    assert set(found.node_osm.tolist()) <= set(graph.nodes)
    assert found.n_nodes >= 0.95 * len(graph)
    total = sum(float(edge["length"]) for _, _, edge in graph.edges(data=True))
    assert found.arc_m.sum() == pytest.approx(total, rel=1e-6)
    assert largest_strong_component(found).n_nodes == found.n_nodes


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"<graphml><graph>", "not a graph that OSMnx saved"),
        (b"\x00\x01\x02", "not a graph that OSMnx saved"),
        (b"<html></html>", "not a graph that OSMnx saved"),
        (OTHER_GRAPHML, "not a graph that OSMnx saved"),
    ],
)
def test_bad_graphml_is_one_clear_error(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "a.graphml"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        read_graphml(path)
    assert "\n" not in str(caught.value)


def test_truncated_and_missing_graphml(tmp_path: Path) -> None:
    path = tmp_path / "a.graphml"
    osmnx.save_graphml(osmnx_graph(town(), tmp_path), path)
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(InputError, match="not a graph that OSMnx saved"):
        read_graphml(path)
    with pytest.raises(InputError, match="there is no file"):
        read_graphml(tmp_path / "b.graphml")


def test_graphml_without_roads(tmp_path: Path) -> None:
    made = town()
    for _, tags in made.ways.values():
        tags["highway"] = "footway"
    osmnx.save_graphml(osmnx_graph(made, tmp_path), tmp_path / "a.graphml")
    with pytest.raises(InputError, match="no drivable road"):
        read_graphml(tmp_path / "a.graphml")


def overpass(made: TinyMap, *, roads: bool) -> dict[str, Any]:
    """Answer as Overpass would: roads, or things with tags."""
    used = {ref for refs, _ in made.ways.values() for ref in refs}
    elements: list[dict[str, Any]] = [
        {"type": "node", "id": i, "lon": lon, "lat": lat, "tags": made.node_tags.get(i, {})}
        for i, (lon, lat) in made.nodes.items()
        if i in used or not roads
    ]
    elements += [
        {"type": "way", "id": i, "nodes": refs, "tags": tags}
        for i, (refs, tags) in made.ways.items()
        if ("highway" in tags) == roads
    ]
    return {"version": 0.6, "elements": elements}


@contextmanager
def stand_in(made: TinyMap, answers: dict[str, Any] | None = None) -> Iterator[str]:
    """Serve a map as Nominatim and Overpass do; yields the address."""
    area = Polygon([(12.9, 52.9), (13.1, 52.9), (13.1, 53.1), (12.9, 53.1)])
    known = {
        "display_name": "Town",
        "geojson": mapping(area),
        "boundingbox": [52.9, 53.1, 12.9, 13.1],
    }
    place = known | {"lat": "53", "lon": "13", "class": "boundary", "type": "x", "importance": 1}

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Stay silent."""

        def _answer(self, body: object) -> None:
            data = json.dumps(body).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def do_GET(self) -> None:
            query = parse_qs(urlparse(self.path).query)
            self._answer([place] if query["q"] == ["Town"] else [])

        def do_POST(self) -> None:
            size = int(self.headers["Content-Length"])
            query = parse_qs(self.rfile.read(size).decode())["data"][0]
            self._answer(overpass(made, roads='["highway"]' in query) | (answers or {}))

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def pointing_at(address: str, monkeypatch: pytest.MonkeyPatch, folder: Path) -> Iterator[None]:
    """Let OSMnx ask a stand-in, in an empty working folder that must stay empty."""
    working = folder / "working"
    working.mkdir()
    with monkeypatch.context() as patch:
        patch.chdir(working)
        patch.setattr(osmnx.settings, "nominatim_url", address)
        patch.setattr(osmnx.settings, "overpass_url", address)
        patch.setattr(osmnx.settings, "overpass_rate_limit", False)
        patch.setattr("osmnx._nominatim.time.sleep", lambda _: None)
        yield
    assert list(working.iterdir()) == []


def test_place_gives_what_the_file_gives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = bent_town()
    made.ways[400] = ([61, 62, 63, 61], {"building": "yes", "amenity": "hospital", "name": "B"})
    made.nodes |= {61: (13.002, 53.003), 62: (13.0024, 53.003), 63: (13.0024, 53.0034)}
    resolver = socket.getaddrinfo
    with stand_in(made) as address, pointing_at(address, monkeypatch, tmp_path):
        city = read_place("Town")
    assert socket.getaddrinfo is resolver
    assert osmnx.settings.use_cache
    expected = read_osm(made.write(tmp_path / "town.osm"))
    assert arcs(build_network(city.ways)) == arcs(build_network(expected.ways))
    assert city.stations == expected.stations
    assert city.hospitals == expected.hospitals
    assert city.places == expected.places
    np.testing.assert_array_equal(city.addresses, expected.addresses)
    np.testing.assert_array_equal(city.buildings, expected.buildings)


def test_place_without_things_has_its_roads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = town()
    made.node_tags = {}
    with stand_in(made) as address, pointing_at(address, monkeypatch, tmp_path):
        city = read_place("Town")
    assert len(set(city.ways.way_osm.tolist())) == 10
    assert city.stations == city.hospitals == city.places == ()


def test_unknown_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        stand_in(town()) as address,
        pointing_at(address, monkeypatch, tmp_path),
        pytest.raises(InputError, match="no place 'Atlantis'") as caught,
    ):
        read_place("Atlantis")
    assert "\n" not in str(caught.value)


def test_place_without_roads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        stand_in(town(), {"elements": []}) as address,
        pointing_at(address, monkeypatch, tmp_path),
        pytest.raises(InputError, match="no place 'Town' with a boundary and roads"),
    ):
        read_place("Town")


def test_servers_out_of_reach(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{closed.getsockname()[1]}"
    with (
        pointing_at(address, monkeypatch, tmp_path),
        pytest.raises(InputError, match="servers cannot be asked") as caught,
    ):
        read_place("Town")
    assert "check the path or the network" in caught.value.fix
