"""Collects the roads of a map, and parts them at barriers."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from routing.build import Ways
from routing.network import ACCESS
from scenarios.built_up import is_built_up
from scenarios.osm_access import Traits

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from scenarios.osm_access import Barrier
    from scenarios.osm_tags import Direction


class Restriction(NamedTuple):
    """A turn restriction.

    Parameters
    ----------
    via : int
        OSM id of its vertex.
    from_way, to_way : int
        OSM ids of the ways before and behind it.
    only : bool
        True if every other way than `to_way` is banned, False if that one is.
    binds_all : bool
        Whether it binds rescue vehicles with siren too.
    """

    via: int
    from_way: int
    to_way: int
    only: bool
    binds_all: bool


class _Row(NamedTuple):
    """A row of the table of ways; NaN differs from itself, so None stands for it."""

    osm_id: int
    highway: str
    maxspeed: float | None
    name: str
    traits: Traits


_ROAD = Traits()
_NO_HOUSES = np.zeros((0, 2))


class RoadCollector:
    """Collects roads one by one into `Ways`."""

    def __init__(self) -> None:
        self._vertex: dict[int, int] = {}
        self._e7: list[tuple[int, int]] = []
        self._ways: dict[_Row, int] = {}
        self._rows: list[_Row] = []
        self._tail: list[int] = []
        self._head: list[int] = []
        self._way: list[int] = []

    def add(
        self,
        osm_id: int,
        highway: str,
        maxspeed: float,
        name: str,
        direction: Direction,
        vertices: Sequence[tuple[int, int, int]],
        traits: Traits = _ROAD,
    ) -> None:
        """Add a road, or one direction of it.

        Parameters
        ----------
        osm_id : int
            OSM id of its way.
        highway : str
            Its class.
        maxspeed : float
            km/h, NaN where none is tagged.
        name : str
            Its name, empty where it has none.
        direction : Direction
            Which way it may be driven.
        vertices : sequence of (int, int, int)
            OSM id, lon and lat in 1e-7 degree of each vertex. Of vertices with the
            same id the first position counts; the same one twice in a row is one.
        traits : Traits
            What it is to a vehicle.
        """
        limit = None if np.isnan(maxspeed) else maxspeed
        way = self._row(_Row(osm_id, highway, limit, name, traits))
        index = [self._place(*vertex) for vertex in vertices]
        for tail, head in pairwise(index):
            if tail == head:
                continue
            if direction != "backward":
                self._segment(tail, head, way)
            if direction != "forward":
                self._segment(head, tail, way)

    def bar(self, barriers: Mapping[int, Barrier]) -> int:
        """Part the roads at barriers.

        A vertex between two others becomes two vertices, the second with the negative
        id, joined by a segment without length whose class is the barrier's; so both
        sides can be reached from where they lie. At the end of a road a barrier stops
        nobody. Where more than two roads meet, it bars the only one that is closed to
        cars; if there is none, or more than one, nobody can tell, and it is left out.

        Parameters
        ----------
        barriers : mapping of int to Barrier
            By OSM id of the vertex.

        Returns
        -------
        int
            How many were left out.
        """
        osm = list(self._vertex)
        number = {self._vertex[node]: node for node in barriers if node in self._vertex}
        around: dict[int, list[int]] = {vertex: [] for vertex in number}
        for segment, ends in enumerate(zip(self._tail, self._head, strict=True)):
            for vertex in ends:
                if vertex in around:
                    around[vertex].append(segment)
        crossings = 0
        for vertex, node in sorted(number.items(), key=lambda item: item[1]):
            segments = around[vertex]
            beside = {self._tail[s] + self._head[s] - vertex for s in segments}
            if len(beside) < 2:
                continue
            if len(beside) > 2:
                beside -= {
                    self._tail[s] + self._head[s] - vertex
                    for s in segments
                    if self._rows[self._way[s]].traits.access == "public"
                }
                if len(beside) != 1:
                    crossings += 1
                    continue
            far = max(beside, key=lambda v: osm[v] if v < len(osm) else -1)
            self._part(node, vertex, far, segments, barriers[node])
        return crossings

    def ways(
        self,
        houses: NDArray[np.float64] = _NO_HOUSES,
        restrictions: Sequence[Restriction] = (),
    ) -> Ways:
        """Return all roads added so far.

        Parameters
        ----------
        houses : ndarray of float64, shape (h, 2)
            Lon, lat of buildings and addresses: around them an area is built up, where
            no tag says so.
        restrictions : sequence of Restriction
            Turn restrictions; those at vertices of no road are left out.

        Returns
        -------
        Ways
            Sorted by OSM id throughout, so that the order of adding leaves no trace.
        """
        keys = sorted(
            self._ways, key=lambda k: (k.osm_id, k.highway, k.maxspeed or 0.0, k.name, str(k))
        )
        rank = np.zeros(len(keys), dtype=np.int32)
        rank[[self._ways[key] for key in keys]] = np.arange(len(keys), dtype=np.int32)
        classes = sorted({key.highway for key in keys})
        names = sorted({key.name for key in keys} - {""})
        class_index = {text: i for i, text in enumerate(classes)}
        name_index = {"": -1} | {text: i for i, text in enumerate(names)}
        traits = [key.traits for key in keys]
        way = rank[np.array(self._way, dtype=np.int32)]
        e7 = np.array(self._e7, dtype=np.int32).reshape(-1, 2)
        tail, head = (np.array(ends, dtype=np.int32) for ends in (self._tail, self._head))
        said = np.array([-1 if t.built_up is None else t.built_up for t in traits], dtype=np.int8)
        bans = [ban for ban in restrictions if ban.via in self._vertex]
        return Ways(
            node_osm=np.array(list(self._vertex), dtype=np.int64),
            node_e7=e7,
            segment_tail=tail,
            segment_head=head,
            segment_way=way,
            way_osm=np.array([key.osm_id for key in keys], dtype=np.int64),
            way_class=np.array([class_index[key.highway] for key in keys], dtype=np.int32),
            way_maxspeed=_floats(key.maxspeed for key in keys),
            way_name=np.array([name_index[key.name] for key in keys], dtype=np.int32),
            class_names=tuple(classes),
            names=tuple(names),
            way_access=np.array([ACCESS.index(t.access) for t in traits], dtype=np.int8),
            way_bus_lane=np.array([t.bus_lane for t in traits], dtype=np.bool_),
            way_built_up=np.where(
                said < 0, is_built_up(e7, tail, head, way, len(keys), houses), said == 1
            ),
            way_max_height=_floats(t.max_height for t in traits),
            way_max_weight=_floats(t.max_weight for t in traits),
            way_max_width=_floats(t.max_width for t in traits),
            ban_via=np.array([self._vertex[ban.via] for ban in bans], dtype=np.int32),
            ban_from_way=np.array([ban.from_way for ban in bans], dtype=np.int64),
            ban_to_way=np.array([ban.to_way for ban in bans], dtype=np.int64),
            ban_only=np.array([ban.only for ban in bans], dtype=np.bool_),
            ban_all=np.array([ban.binds_all for ban in bans], dtype=np.bool_),
        )

    def _row(self, row: _Row) -> int:
        if row not in self._ways:
            self._ways[row] = len(self._rows)
            self._rows.append(row)
        return self._ways[row]

    def _place(self, osm_id: int, x: int, y: int) -> int:
        if osm_id not in self._vertex:
            self._vertex[osm_id] = len(self._e7)
            self._e7.append((x, y))
        return self._vertex[osm_id]

    def _segment(self, tail: int, head: int, way: int) -> None:
        self._tail.append(tail)
        self._head.append(head)
        self._way.append(way)

    def _part(
        self, node: int, vertex: int, far: int, segments: Sequence[int], barrier: Barrier
    ) -> None:
        """Give the segments to one side of a vertex a vertex of their own."""
        beyond = self._place(-node, *self._e7[vertex])
        roads: dict[bool, _Row] = {}
        for s in segments:
            leads_on = far in (self._tail[s], self._head[s])
            onward = self._head[s] == (far if leads_on else vertex)
            row = self._rows[self._way[s]]
            roads[onward] = min(row, roads.get(onward, row), key=str)
            if leads_on:
                self._tail[s] = beyond if self._tail[s] == vertex else self._tail[s]
                self._head[s] = beyond if self._head[s] == vertex else self._head[s]
        first = min(roads.values(), key=str)
        for onward, ends in ((True, (vertex, beyond)), (False, (beyond, vertex))):
            if barrier.traits.access != "public":
                row = _Row(first.osm_id, barrier.highway, None, first.name, barrier.traits)
                self._segment(*ends, self._row(row))
            elif onward in roads:
                # what only limits the size is a piece of the road itself
                row, own = roads[onward], barrier.traits
                limited = row.traits._replace(
                    max_height=_lower(own.max_height, row.traits.max_height),
                    max_width=_lower(own.max_width, row.traits.max_width),
                )
                row = row._replace(traits=limited)
                self._segment(*ends, self._row(row))


def _lower(one: float | None, other: float | None) -> float | None:
    return min((limit for limit in (one, other) if limit is not None), default=None)


def _floats(values: Iterable[float | None]) -> NDArray[np.float32]:
    return np.array([np.nan if v is None else v for v in values], dtype=np.float32)
