"""A route as it is driven: junctions, arcs, shape and street names."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

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
    names : tuple of str
        Street names in the order driven.
    """

    ms: int
    metres: int
    nodes: NDArray[np.int32]
    arcs: NDArray[np.int32]
    lonlat: NDArray[np.float64]
    names: tuple[str, ...]


def draw(
    network: RoadNetwork,
    steps: Sequence[Step],
    start: NDArray[np.float64],
    end: NDArray[np.float64],
) -> tuple[NDArray[np.float64], tuple[str, ...]]:
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
    lonlat : ndarray of float64, shape (v, 2)
        Its shape, at least two vertices.
    names : tuple of str
        Street names in the order driven, none twice in a row.
    """
    points, ways = [start[None]], []
    for step in steps:
        first, stop = network.arc_vertex_ptr[step.arc], network.arc_vertex_ptr[step.arc + 1]
        at = np.zeros(stop - first)
        np.cumsum(network.segment_m[first : stop - 1], out=at[1:])
        begin, finish = step.begin * at[-1], step.end * at[-1]
        inner = (at > begin) & (at < finish)
        if step.end == 1:
            inner[-1] = True
        points.append(network.vertex_lonlat[first:stop][inner])
        driven = (at[1:] > begin) & (at[:-1] < finish)
        ways.append(network.vertex_way[first : stop - 1][driven])
    shape = np.concatenate([*points, end[None]])
    fresh = np.ones(len(shape), dtype=np.bool_)
    fresh[1:-1] = (shape[1:-1] != shape[:-2]).any(axis=1)
    way = np.concatenate([np.zeros(0, np.int32), *ways])
    named = (network.way_name[w] for w in way)
    names = tuple(network.names[i] for i, _ in groupby(named) if i >= 0)
    return shape[fresh], names
