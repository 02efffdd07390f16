"""Road graphs of any size: generated from a seed, or taken from a city.

A generated graph is a jittered grid of junctions. Rivers and railways cut it again and
again into smaller parts that only few bridges join, L^0.7 for a cut L junctions long, so
that separators grow as slowly as in real road networks; a plain grid's would not. Every
4th, 16th and 64th street is faster, some streets are one-way, some bend.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

SIZES: Final = {"130k": 130_000, "630k": 630_000, "2500k": 2_500_000}
"""Generated graphs by name, and how many nodes each shall have."""

_NODES_PER_JUNCTION: Final = 2.06
"""Nodes left at the end for each place of the grid, measured."""

_SPACING_M: Final = 100.0
_LON, _LAT = 9.0, 45.0
_M_PER_DEGREE: Final = 111_195.0
_PART: Final = 5
"""Parts so narrow are not cut again."""

_BRIDGES: Final = 0.7
"""With it, 50 thousand nodes fill in as many edges (4.8 a node) and make as deep an
elimination tree (150 on the mean) as the 50 thousand junctions of Greater Porto do."""

_CLOSED: Final = 0.08
"""Share of streets that are missing besides those at cuts."""

_KMH: Final = ((1, 30.0), (4, 50.0), (16, 70.0), (64, 110.0))
_BENDS: Final = (0.50, 0.35, 0.15)
"""Share of streets with no, one and two points between their junctions."""

_TILE: Final = 16
"""Nodes of so many by so many junctions have ids next to each other."""


@dataclass(frozen=True, eq=False)
class RoadGraph:
    """A simple directed road graph: no loops, no parallel arcs.

    Parameters
    ----------
    name : str
        What to call it.
    n : int
        Number of nodes.
    tail, head : ndarray of int32, shape (m,)
        Ends of each arc; sorted by tail, then head.
    arc_ms : ndarray of int32, shape (m,)
        Travel time of each arc in milliseconds, at least 1.
    lonlat : ndarray of float64, shape (n, 2)
        Positions in degrees.
    """

    name: str
    n: int
    tail: NDArray[np.int32]
    head: NDArray[np.int32]
    arc_ms: NDArray[np.int32]
    lonlat: NDArray[np.float64]

    def save(self, path: Path) -> None:
        """Write the graph for other processes.

        Parameters
        ----------
        path : Path
            An npz file.
        """
        np.savez(
            path,
            name=np.array(self.name),
            n=np.array(self.n),
            tail=self.tail,
            head=self.head,
            arc_ms=self.arc_ms,
            lonlat=self.lonlat,
        )

    @classmethod
    def load(cls, path: Path) -> RoadGraph:
        """Read what `save` wrote.

        Parameters
        ----------
        path : Path
            An npz file.

        Returns
        -------
        RoadGraph
            The graph.
        """
        with np.load(path, allow_pickle=False) as file:
            arrays = {key: file[key] for key in ("tail", "head", "arc_ms", "lonlat")}
            return cls(name=str(file["name"]), n=int(file["n"]), **arrays)


def generate(n_target: int, seed: int = 1, name: str = "") -> RoadGraph:
    """Generate a strongly connected road graph.

    Parameters
    ----------
    n_target : int
        About how many nodes, at least 100; the graph has up to 5 % more or less from a
        few thousand nodes on.
    seed : int
        The same seed gives the same graph.
    name : str
        What to call it; its size if empty.

    Returns
    -------
    RoadGraph
        The graph: about 1.29 streets and 2.4 arcs a node.
    """
    rng = np.random.default_rng(seed)
    side = max(4, round(np.sqrt(n_target / _NODES_PER_JUNCTION)))
    east, north = _streets(side, rng)
    column, row = np.divmod(np.arange(side * side), side)
    at = np.column_stack([column, row]) + rng.uniform(-0.3, 0.3, (side * side, 2))
    start = np.concatenate([np.flatnonzero(east), np.flatnonzero(north)])
    end = np.concatenate([np.flatnonzero(east) + side, np.flatnonzero(north) + 1])
    line = np.concatenate([row[east.ravel()], column[north.ravel()]])
    kmh = _speed(line) * rng.uniform(0.8, 1.1, len(line))
    both_ways = rng.random(len(line)) >= np.where(kmh < 45, 0.15, 0.05)
    turned = rng.random(len(line)) < 0.5
    start, end = np.where(turned, end, start), np.where(turned, start, end)
    at, start, end, street = _bend(at, start, end, rng)
    metres = np.hypot(*(at[start] - at[end]).T) * _SPACING_M
    ms = np.maximum(1, np.rint(metres / kmh[street] * 3600)).astype(np.int32)
    back = both_ways[street]
    tail, head = np.concatenate([start, end[back]]), np.concatenate([end, start[back]])
    lonlat = np.column_stack(
        [_LON + at[:, 0] * _degrees_east(), _LAT + at[:, 1] * _degrees_north()]
    )
    order = _ids(at, side, rng)
    return simple_graph(
        name or str(n_target), tail, head, np.concatenate([ms, ms[back]]), lonlat, order
    )


def simple_graph(
    name: str,
    tail: NDArray[np.integer],
    head: NDArray[np.integer],
    arc_ms: NDArray[np.int32],
    lonlat: NDArray[np.float64],
    order: NDArray[np.int64] | None = None,
) -> RoadGraph:
    """Keep the largest strong component, and of parallel arcs the fastest.

    SciPy would add parallel arcs up; without them every contestant has the same graph.

    Parameters
    ----------
    name : str
        What to call it.
    tail, head : ndarray of int, shape (m,)
        Ends of each arc.
    arc_ms : ndarray of int32, shape (m,)
        Milliseconds of each.
    lonlat : ndarray of float64, shape (n, 2)
        Positions.
    order : ndarray of int64, shape (n,), optional
        Nodes in the order of their new ids; as they are by default.

    Returns
    -------
    RoadGraph
        The graph.
    """
    n = len(lonlat)
    ones = np.ones(len(tail), dtype=np.int8)
    _, part = connected_components(csr_array((ones, (tail, head)), (n, n)), connection="strong")
    keep = part == np.bincount(part).argmax()
    nodes = np.arange(n) if order is None else order
    nodes = nodes[keep[nodes]]
    number = np.full(n, -1, dtype=np.int32)
    number[nodes] = np.arange(len(nodes), dtype=np.int32)
    start, end = number[tail], number[head]
    some = np.flatnonzero((start >= 0) & (end >= 0) & (start != end))
    some = some[np.lexsort((arc_ms[some], end[some], start[some]))]
    again = (np.diff(start[some]) == 0) & (np.diff(end[some]) == 0)
    some = some[np.concatenate([np.ones(min(1, len(some)), dtype=bool), ~again])]
    return RoadGraph(
        name, len(nodes), start[some], end[some], np.maximum(arc_ms[some], 1), lonlat[nodes]
    )


def _streets(side: int, rng: np.random.Generator) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Choose the streets that lead east, and north, from each place of the grid."""
    east = rng.random((side, side)) >= _CLOSED
    north = rng.random((side, side)) >= _CLOSED
    east[-1, :] = False
    north[:, -1] = False
    parts = [(0, side, 0, side)]
    while parts:
        left, right, low, high = parts.pop()
        wide, tall = right - left, high - low
        if max(wide, tall) <= _PART:
            continue
        share = rng.uniform(0.35, 0.65)
        if wide >= tall:
            cut = left + max(1, round(wide * share))
            shut = _without_bridges(low, high, rng)
            east[cut - 1, shut] = False
            parts += [(left, cut, low, high), (cut, right, low, high)]
        else:
            cut = low + max(1, round(tall * share))
            shut = _without_bridges(left, right, rng)
            north[shut, cut - 1] = False
            parts += [(left, right, low, cut), (left, right, cut, high)]
    return east, north


def _without_bridges(first: int, last: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Choose the streets that end at a cut; those of more importance rather cross it."""
    line = np.arange(first, last)
    bridges = max(2, int(np.ceil(len(line) ** _BRIDGES)))
    chance = rng.random(len(line))
    for step, weight in ((4, 0.4), (16, 1.0), (64, 2.0)):
        chance += np.where(line % step == 0, weight, 0.0)
    return line[np.argsort(-chance, kind="stable")[bridges:]]


def _speed(line: NDArray[np.int64]) -> NDArray[np.float64]:
    kmh = np.empty(len(line))
    for step, speed in _KMH:
        kmh[line % step == 0] = speed
    return kmh


def _bend(
    at: NDArray[np.float64],
    start: NDArray[np.int64],
    end: NDArray[np.int64],
    rng: np.random.Generator,
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Put points between junctions; return positions, ends and street of each piece."""
    bends = rng.choice(len(_BENDS), len(start), p=_BENDS)
    places, starts, ends, streets = [at], [], [], []
    n = len(at)
    for count in range(len(_BENDS)):
        street = np.flatnonzero(bends == count)
        before = start[street]
        for bend in range(count):
            share = (bend + 1) / (count + 1)
            place = at[start[street]] * (1 - share) + at[end[street]] * share
            places.append(place + rng.normal(0, 0.08, place.shape))
            point = np.arange(n, n + len(street))
            n += len(street)
            starts.append(before)
            ends.append(point)
            streets.append(street)
            before = point
        starts.append(before)
        ends.append(end[street])
        streets.append(street)
    return (
        np.concatenate(places),
        np.concatenate(starts),
        np.concatenate(ends),
        np.concatenate(streets),
    )


def _ids(at: NDArray[np.float64], side: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Order nodes by tiles in random order: neighbours have near ids, tiles do not."""
    tile = np.clip(at // _TILE, 0, side // _TILE).astype(np.int64)
    tiles = side // _TILE + 1
    shuffled = rng.permutation(tiles * tiles)
    return np.lexsort((rng.random(len(at)), shuffled[tile[:, 0] * tiles + tile[:, 1]]))


def _degrees_north() -> float:
    return _SPACING_M / _M_PER_DEGREE


def _degrees_east() -> float:
    return _SPACING_M / (_M_PER_DEGREE * float(np.cos(np.deg2rad(_LAT))))
