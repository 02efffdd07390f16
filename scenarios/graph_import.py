"""Reads graphs that OSMnx wrote, and places that OSMnx fetches by name."""

from __future__ import annotations

import math
import socket
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final
from xml.etree.ElementTree import ParseError

import networkx as nx
import osmnx
import requests
from osmnx._errors import InsufficientResponseError

from routing.errors import InputError
from routing.geodesy import DEGREES_PER_UNIT
from scenarios.citydata import CityData, ThingCollector
from scenarios.osm_access import carriageways
from scenarios.osm_tags import DISTRICT_PLACES, speed_limit
from scenarios.roads import RoadCollector

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from routing.build import Ways

_CLASSES: Final = (
    "motorway",
    "motorway_link",
    "trunk",
    "trunk_link",
    "primary",
    "primary_link",
    "secondary",
    "secondary_link",
    "tertiary",
    "tertiary_link",
    "unclassified",
    "residential",
    "living_street",
)
_KEYS: Final = ("access", "area", "junction", "service")
_FEATURE_TAGS: Final[dict[str, bool | str | list[str]]] = {
    "amenity": ["fire_station", "hospital"],
    "emergency": "ambulance_station",
    "place": list(DISTRICT_PLACES),
    "addr:housenumber": True,
    "building": True,
}


def read_graphml(path: Path) -> CityData:
    """Read a road graph that OSMnx saved.

    Parameters
    ----------
    path : Path
        A ``.graphml`` file, simplified or not, in any projection.

    Returns
    -------
    CityData
        Roads alone: such a file holds nothing else.

    Raises
    ------
    InputError
        The file is empty, truncated, no GraphML or not OSMnx's, or has no road.
    """
    if not path.is_file():
        raise InputError(f"there is no file {path}", field="SOURCE", fix="check the path")
    if path.stat().st_size == 0:
        raise InputError(f"{path} is empty", field="SOURCE", fix="save the graph again")
    try:
        graph = osmnx.load_graphml(path)
        graph = osmnx.project_graph(graph, to_latlong=True)
        ways = graph_ways(graph)
    except (
        ParseError,
        nx.NetworkXException,
        ArithmeticError,
        AttributeError,
        LookupError,
        OSError,
        TypeError,
        ValueError,
    ) as error:
        raise InputError(
            f"{path} is not a graph that OSMnx saved ({type(error).__name__}: {error})",
            field="SOURCE",
            fix="save it with osmnx.save_graphml",
        ) from error
    if not ways.segment_public.any():
        raise InputError(f"{path} holds no drivable road", field="SOURCE", fix="take another graph")
    return CityData(ways=ways)


def read_place(place: str) -> CityData:
    """Fetch the roads and things within the boundary of a named place.

    Parameters
    ----------
    place : str
        A name that Nominatim knows with a boundary, such as ``Piedmont, California``.

    Returns
    -------
    CityData
        What OpenStreetMap's servers hold of it now.

    Raises
    ------
    InputError
        The servers cannot be reached, know no such place, or there is no road.
    """
    try:
        with _private_osmnx():
            boundary = osmnx.geocode_to_gdf(place).geometry.iloc[0]
            graph = osmnx.graph_from_polygon(
                boundary, network_type="drive", simplify=False, retain_all=True
            )
            things = _fetch_things(boundary)
    except requests.exceptions.RequestException as error:
        raise InputError(
            f"{place!r} is no file, and OpenStreetMap's servers cannot be asked about a place "
            f"of that name ({type(error).__name__})",
            field="SOURCE",
            fix="check the path or the network, or give an .osm.pbf",
        ) from error
    except (nx.NetworkXException, LookupError, TypeError, ValueError) as error:
        raise InputError(
            f"OpenStreetMap has no place {place!r} with a boundary and roads ({error})",
            field="SOURCE",
            fix="check the spelling, or give an .osm.pbf",
        ) from error
    return things.city(graph_ways(graph), Counter())


def graph_ways(graph: nx.MultiDiGraph[int]) -> Ways:
    """Take an OSMnx graph apart into straight segments.

    A simplified edge carries its shape; its bends become vertices of their own, with
    negative ids, so that simplified and raw graphs give the same network. Where OSMnx
    merged several ways into one edge and no longer knows where each ends, the whole
    edge takes the slower class and the lower limit, so that nothing is promised too early.
    Such a graph holds the roads of cars alone: beyond them a rescue vehicle has one-way
    streets against the traffic, but no bus road, no barrier and no turn restriction.

    Parameters
    ----------
    graph : MultiDiGraph
        Nodes with ``x`` and ``y`` in degrees, edges with ``osmid`` and ``highway``.

    Returns
    -------
    Ways
        The roads.
    """
    roads = RoadCollector()
    bends: dict[tuple[int, int, int, int], int] = {}
    for u, v, _, edge in sorted(graph.edges(keys=True, data=True), key=lambda e: e[:3]):
        highway = max(_values(edge["highway"]), key=_class_rank)
        bounds = [speed_limit(text) for text in _values(edge.get("maxspeed"))]
        known = [limit for limit in bounds if not math.isnan(limit)]
        tags: dict[str, str] = {"highway": highway}
        tags |= {key: ";".join(_values(edge[key])) for key in _KEYS if key in edge}
        if "True" in _values(edge.get("oneway")):
            tags["oneway"] = "yes"
        if known:
            tags["maxspeed"] = str(min(known))
        parts = carriageways(tags)
        if not any(part.traits.access == "public" for part in parts):
            continue
        name = " / ".join(sorted(_values(edge.get("name")) or _values(edge.get("ref"))))
        ends = [(node, *_e7(graph.nodes[node]["x"], graph.nodes[node]["y"])) for node in (u, v)]
        inner = []
        if "geometry" in edge:
            for x, y in list(edge["geometry"].coords)[1:-1]:
                # Both directions of a road bend at the same vertices; roads between
                # other junctions do not, even where they cross at one point.
                key = (min(u, v), max(u, v), *_e7(x, y))
                inner.append((bends.setdefault(key, -1 - len(bends)), *key[2:]))
        for direction, traits in parts:
            roads.add(
                osm_id=min(int(i) for i in _values(edge["osmid"])),
                highway=highway,
                maxspeed=min(known, default=math.nan),
                name=name,
                # the other direction of a two-way road is an edge of its own
                direction="forward" if direction == "both" else direction,
                vertices=[ends[0], *inner, ends[1]],
                traits=traits,
            )
    return roads.ways()


def _e7(x: float, y: float) -> tuple[int, int]:
    return round(x / DEGREES_PER_UNIT), round(y / DEGREES_PER_UNIT)


def _values(value: Any) -> list[str]:
    """Return an attribute as texts: OSMnx keeps one value or a list of merged ones."""
    if value is None:
        return []
    return [str(v) for v in value] if isinstance(value, list) else [str(value)]


def _class_rank(highway: str) -> tuple[int, str]:
    return (_CLASSES.index(highway) if highway in _CLASSES else len(_CLASSES), highway)


@contextmanager
def _private_osmnx() -> Iterator[None]:
    """Keep OSMnx from leaving files in the user's folder, and undo what it patches."""
    private = {"use_cache": False, "log_file": False, "doh_url_template": None}
    before = {name: getattr(osmnx.settings, name) for name in private}
    # OSMnx binds host names to addresses for the whole process.
    resolver = socket.getaddrinfo
    try:
        for name, value in private.items():
            setattr(osmnx.settings, name, value)
        yield
    finally:
        for name, value in before.items():
            setattr(osmnx.settings, name, value)
        socket.getaddrinfo = resolver


def _fetch_things(boundary: Any) -> ThingCollector:
    things = ThingCollector()
    try:
        table = osmnx.features_from_polygon(boundary, _FEATURE_TAGS)
    except InsufficientResponseError:
        return things
    for (kind, number), row in table.sort_index().iterrows():
        tags = {key: value for key, value in row.items() if isinstance(value, str)}
        west, south, east, north = row["geometry"].bounds
        things.add(f"{kind[0]}{number}", tags, (west + east) / 2, (south + north) / 2)
    return things
