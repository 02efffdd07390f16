"""A route as it is driven: junctions, arcs, shape, and street by street."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from routing.geodesy import segment_lengths

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from routing.legs import Step
    from routing.network import RoadNetwork


@dataclass(frozen=True, eq=False)
class Route:
    """The fastest way between two places; of equally fast ones the shortest.

    Parameters
    ----------
    ms : int
        Travel time in milliseconds.
    metres : int
        Length, rounded.
    nodes : ndarray of int32, shape (j,)
        Junctions that it passes.
    arcs : ndarray of int32, shape (i,)
        Arcs in the order driven; the first and the last may be driven in part.
    lonlat : ndarray of float64, shape (v, 2)
        Its shape from road point to road point in degrees, at least two vertices.
    segment_arc : ndarray of int32, shape (v - 1,)
        Arc of which each segment of the shape is a part; -1 where nothing is driven.
    segment_way : ndarray of int32, shape (v - 1,)
        Way over which it leads; -1 where nothing is driven.
    names : tuple of str
        Street names in the order driven, none twice in a row.
    """

    ms: int
    metres: int
    nodes: NDArray[np.int32]
    arcs: NDArray[np.int32]
    lonlat: NDArray[np.float64]
    segment_arc: NDArray[np.int32]
    segment_way: NDArray[np.int32]
    names: tuple[str, ...]


class Drawing(NamedTuple):
    """Shape and street names of a route; see `Route`."""

    lonlat: NDArray[np.float64]
    segment_arc: NDArray[np.int32]
    segment_way: NDArray[np.int32]
    names: tuple[str, ...]


class Street(NamedTuple):
    """A part of a route along one street.

    Parameters
    ----------
    name : str
        Name of the street; empty where it has none.
    metres, seconds : float
        Length and time of the part.
    turn : float
        By how many degrees one turns into it, -180 to 180, clockwise; 0 at the start.
    first, last : int
        Vertices of the route's shape at which it begins and ends.
    """

    name: str
    metres: float
    seconds: float
    turn: float
    first: int
    last: int


def draw(
    network: RoadNetwork,
    steps: Sequence[Step],
    start: NDArray[np.float64],
    end: NDArray[np.float64],
) -> Drawing:
    """Collect the shape and the street names of a route.

    Parameters
    ----------
    network : RoadNetwork
        The network.
    steps : sequence of Step
        What is driven.
    start, end : ndarray of float64, shape (2,)
        Lon, lat of both ends.

    Returns
    -------
    Drawing
        Shape and names.
    """
    points, arcs, ways = [start[None]], [], []
    arc, way = np.full(1, -1, dtype=np.int32), np.full(1, -1, dtype=np.int32)
    for step in steps:
        first, stop = network.arc_vertex_ptr[step.arc], network.arc_vertex_ptr[step.arc + 1]
        at = np.zeros(stop - first)
        np.cumsum(network.segment_m[first : stop - 1], out=at[1:])
        begin, finish = step.begin * at[-1], step.end * at[-1]
        inner = (at > begin) & (at < finish)
        if step.end == 1:
            inner[-1] = True
        vertex = first + np.flatnonzero(inner)
        points.append(network.vertex_lonlat[vertex])
        ways.append(network.vertex_way[vertex - 1])
        arcs.append(np.full(len(vertex), step.arc, dtype=np.int32))
        # what is left of the last step leads to the end
        arc = np.full(1, step.arc, dtype=np.int32)
        driven = np.flatnonzero(at[:-1] < finish)
        way = network.vertex_way[first + driven[-1:]] if len(driven) else way
    shape = np.concatenate([*points, end[None]])
    fresh = np.ones(len(shape), dtype=np.bool_)
    fresh[1:-1] = (shape[1:-1] != shape[:-2]).any(axis=1)
    segment_way = np.concatenate([*ways, way])[fresh[1:]]
    named = network.way_name[segment_way[segment_way >= 0]]
    return Drawing(
        lonlat=shape[fresh],
        segment_arc=np.concatenate([*arcs, arc])[fresh[1:]],
        segment_way=segment_way,
        names=tuple(network.names[i] for i, _ in groupby(named[named >= 0])),
    )


def segments(
    network: RoadNetwork, arc_ms: ArrayLike, route: Route
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Compute length and time of each segment of a route's shape.

    Parameters
    ----------
    network : RoadNetwork
        The network, with m arcs.
    arc_ms : array-like of int, shape (m,)
        Milliseconds for each arc, those that the route was found with.
    route : Route
        The route, with v vertices.

    Returns
    -------
    metres, seconds : ndarray of float64, shape (v - 1,)
        Zero where nothing is driven; they add up to those of the route but for rounding.
    """
    metres = segment_lengths(route.lonlat[:-1], route.lonlat[1:])
    # a place may lie some hairs off the end of an arc that has no length
    long = network.arc_m[route.segment_arc] > 0 if network.n_arcs else metres > 0
    driven = np.flatnonzero((route.segment_arc >= 0) & long)
    arc = route.segment_arc[driven]
    seconds = np.zeros(len(metres))
    seconds[driven] = metres[driven] / network.arc_m[arc] * np.asarray(arc_ms)[arc] / 1000
    kept = np.zeros(len(metres))
    kept[driven] = metres[driven]
    return kept, seconds


def streets(network: RoadNetwork, arc_ms: ArrayLike, route: Route) -> list[Street]:
    """Part a route where the name of the street changes.

    Parameters
    ----------
    network : RoadNetwork
        The network, with m arcs.
    arc_ms : array-like of int, shape (m,)
        Milliseconds for each arc, those that the route was found with.
    route : Route
        The route.

    Returns
    -------
    list of Street
        The parts in the order driven; their lengths and times add up to those of the
        route but for rounding. Empty where the route leads nowhere.
    """
    all_metres, all_seconds = segments(network, arc_ms, route)
    driven = np.flatnonzero(all_metres)
    if not len(driven):
        return []
    metres, seconds = all_metres[driven], all_seconds[driven]
    course = courses(route.lonlat[driven], route.lonlat[driven + 1])
    name = network.way_name[route.segment_way[driven]]
    starts = np.flatnonzero(np.append(True, name[1:] != name[:-1]))
    turn = np.zeros(len(starts))
    turn[1:] = (course[starts[1:]] - course[starts[1:] - 1] + 180) % 360 - 180
    ends = np.append(starts[1:], len(driven))
    return [
        Street(
            name=network.names[name[begin]] if name[begin] >= 0 else "",
            metres=float(metres[begin:end].sum()),
            seconds=float(seconds[begin:end].sum()),
            turn=float(degrees),
            first=int(driven[begin]),
            last=int(driven[end - 1]) + 1,
        )
        for begin, end, degrees in zip(starts, ends, turn, strict=True)
    ]


def route_feature(route: Route, properties: dict[str, Any]) -> dict[str, Any]:
    """Write a route as GeoJSON.

    Parameters
    ----------
    route : Route
        The route.
    properties : dict
        Properties of the feature.

    Returns
    -------
    dict
        A Feature with a LineString (RFC 7946), coordinates rounded to the resolution
        of the map; vertices keep their numbers.
    """
    return {
        "type": "Feature",
        "properties": properties,
        "geometry": {"type": "LineString", "coordinates": route.lonlat.round(7).tolist()},
    }


def courses(start: NDArray[np.float64], end: NDArray[np.float64]) -> NDArray[np.float64]:
    """Compute where short segments lead.

    Parameters
    ----------
    start, end : ndarray of float64, shape (k, 2)
        Lon, lat in degrees.

    Returns
    -------
    ndarray of float64, shape (k,)
        Degrees clockwise from north, -180 to 180.
    """
    east = ((end - start)[:, 0] + 180) % 360 - 180
    north = (end - start)[:, 1]
    course: NDArray[np.float64] = np.degrees(
        np.arctan2(east * np.cos(np.radians(start[:, 1])), north)
    )
    return course


def joined(shapes: Sequence[NDArray[np.float64]]) -> tuple[NDArray[np.float64], list[NDArray[Any]]]:
    """Join the shapes of routes, each of which begins where the one before it ends.

    Parameters
    ----------
    shapes : sequence of ndarray of float64, shape (v, 2)
        Lon, lat of their vertices in degrees; at least one shape.

    Returns
    -------
    line : ndarray of float64, shape (w, 2)
        One line, rounded to the resolution of the map, with no vertex twice in a row;
        only a line that leads nowhere has the same vertex twice.
    rows : list of ndarray of int64, shape (v,)
        Where in the line each vertex of each shape has come to stand.
    """
    points = np.concatenate(shapes).round(7)
    fresh = np.append(True, (points[1:] != points[:-1]).any(axis=1))
    row = np.cumsum(fresh) - 1
    line = points[fresh]
    ends = np.cumsum([len(shape) for shape in shapes])[:-1]
    return (line if len(line) > 1 else np.repeat(line, 2, axis=0)), np.split(row, ends)
