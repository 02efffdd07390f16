"""Tie points to the nearest road."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import shapely
from pyproj import Proj

from routing.errors import InputError
from routing.geodesy import EARTH_RADIUS_M, segment_lengths

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from routing.network import RoadNetwork

_TIE_M: Final = 1e-3
"""Distances, and distances to the end of an arc, closer than this count as equal."""


@dataclass(frozen=True, eq=False)
class Places:
    """Points tied to arcs of a road network.

    With p points:

    Parameters
    ----------
    lonlat : ndarray of float64, shape (p, 2)
        The points as they were given.
    arc : ndarray of int32, shape (p,)
        Nearest public arc of each; the lower one of twins that are both public.
    share : ndarray of float64, shape (p,)
        Position along the arc by length, 0 at its tail to 1 at its head; exactly 0 or
        1 where the point lies at the node.
    road_lonlat : ndarray of float64, shape (p, 2)
        The nearest point of the arc.
    distance_m : ndarray of float64, shape (p,)
        From the point to the road.
    """

    lonlat: NDArray[np.float64]
    arc: NDArray[np.int32]
    share: NDArray[np.float64]
    road_lonlat: NDArray[np.float64]
    distance_m: NDArray[np.float64]

    def __len__(self) -> int:
        """Return the number of points."""
        return len(self.arc)

    def __getitem__(self, rows: slice | NDArray[np.integer] | NDArray[np.bool_]) -> Places:
        """Return some of the points, chosen by slice, indices or mask."""
        return Places(
            self.lonlat[rows],
            self.arc[rows],
            self.share[rows],
            self.road_lonlat[rows],
            self.distance_m[rows],
        )


def street_names(network: RoadNetwork, places: Places) -> list[str]:
    """Look up on which street each place lies.

    Parameters
    ----------
    network : RoadNetwork
        The network.
    places : Places
        Points on its roads.

    Returns
    -------
    list of str
        Names; empty where the street has none.
    """
    first = network.arc_vertex_ptr[places.arc].astype(np.int64)
    stop = network.arc_vertex_ptr[places.arc + 1].astype(np.int64)
    along = np.append(0.0, np.cumsum(network.segment_m))
    metres = along[first] + places.share * network.arc_m[places.arc]
    vertex = np.clip(np.searchsorted(along, metres, side="right") - 1, first, stop - 2)
    name = network.way_name[network.vertex_way[vertex]]
    return [network.names[each] if each >= 0 else "" for each in name.tolist()]


def unsnapped(lonlat: ArrayLike) -> Places:
    """Take points as they are, tied to no road.

    Parameters
    ----------
    lonlat : array-like of float, shape (p, 2)
        Points in degrees.

    Returns
    -------
    Places
        With arc -1, and NaN for what nobody has looked up.
    """
    points = np.array(lonlat, dtype=np.float64).reshape(-1, 2)
    nothing = np.full(len(points), np.nan)
    arc = np.full(len(points), -1, dtype=np.int32)
    return Places(points, arc, nothing, np.full_like(points, np.nan), nothing)


class Snapper:
    """Finds the nearest point of the car network.

    Places are tied to public arcs alone, so that a car reaches each from every other.

    Nearness is measured in an azimuthal equidistant projection about the middle of the
    network; within 100 km of it, distances are true to 1 in 20,000.

    Parameters
    ----------
    network : RoadNetwork
        The network.
    limit_m : float
        How far a point may lie from the road.
    """

    def __init__(self, network: RoadNetwork, limit_m: float = 1000.0) -> None:
        self.network = network
        self.limit_m = limit_m
        arc_of_vertex = np.repeat(
            np.arange(network.n_arcs, dtype=np.int32), np.diff(network.arc_vertex_ptr)
        )
        twin = network.arc_twin[arc_of_vertex]
        public = network.arc_public
        once = (twin < 0) | (twin >= arc_of_vertex) | ~public[twin]
        once &= public[arc_of_vertex]
        self._vertex = np.flatnonzero((network.vertex_way >= 0) & once)
        self._arc = arc_of_vertex[self._vertex]
        along = np.cumsum(network.segment_m)
        first = network.arc_vertex_ptr[self._arc]
        self._metres_before = (along - network.segment_m)[self._vertex] - (
            along - network.segment_m
        )[first]
        lon, lat = _middle(network)
        self._projection = Proj(proj="aeqd", lon_0=lon, lat_0=lat, R=EARTH_RADIUS_M)
        xy = self._project(network.vertex_lonlat)
        self._start, self._end = xy[self._vertex], xy[self._vertex + 1]
        lines = shapely.linestrings(np.stack([self._start, self._end], axis=1))
        self._tree = shapely.STRtree(np.asarray(lines))

    def snap(
        self, lonlat: ArrayLike, *, what: str = "point", limit_m: float | None = None
    ) -> Places:
        """Tie points to the nearest arc; of equally near ones to that of the lowest id.

        Parameters
        ----------
        lonlat : array-like of float, shape (p, 2)
            Points in degrees.
        what : str
            What the points are, for messages, such as ``station``.
        limit_m : float, optional
            How far a point may lie from the road, instead of the snapper's own limit.

        Returns
        -------
        Places
            The points on the road.

        Raises
        ------
        InputError
            A point is no position on Earth or lies too far from the road. The message
            names the first such point and counts rows from 1.
        """
        points = _checked(lonlat, what)
        if len(points) == 0:
            none = np.zeros(0)
            return Places(points, none.astype(np.int32), none, np.zeros((0, 2)), none)
        if len(self._vertex) == 0:
            raise InputError(f"no {what} can be tied to a network without roads", field=what)
        xy = self._project(points)
        segment = self._nearest(xy)
        places = self._place(points, xy, segment)
        limit = self.limit_m if limit_m is None else limit_m
        far = np.flatnonzero(places.distance_m > limit)
        if len(far):
            row = far[0]
            lon, lat = points[row]
            raise InputError(
                f"row {row + 1} (lon {lon:.6f}, lat {lat:.6f}) lies "
                f"{places.distance_m[row]:,.0f} m from the nearest road, the limit is "
                f"{limit:,.0f} m" + (f"; so do {len(far) - 1} more rows" if len(far) > 1 else ""),
                field=what,
                fix="check that lon comes before lat, correct the point, or leave it out",
            )
        return places

    def near(self, lonlat: ArrayLike, number: int, *, limit_m: float | None = None) -> Places:
        """Tie one point to each of the nearest roads.

        Parameters
        ----------
        lonlat : array-like of float, shape (1, 2)
            The point in degrees.
        number : int
            How many roads, at least 1.
        limit_m : float, optional
            How far the point may lie from them, instead of the snapper's own limit.

        Returns
        -------
        Places
            The same point on each of so many arcs, fewer where no more lie within the
            limit; the nearest first, which is that of `snap`. Of twins that are both
            public, one counts.

        Raises
        ------
        InputError
            The point is no position on Earth, or even the nearest road is too far away.
        """
        limit = self.limit_m if limit_m is None else limit_m
        nearest = self.snap(lonlat, limit_m=limit)
        points = nearest.lonlat
        xy = self._project(points)
        segment = self._tree.query(shapely.points(xy[0]), "dwithin", distance=limit)
        offset = self._to_segment(xy[0], segment)[1]
        order = segment[np.lexsort((segment, offset, self._arc[segment] != nearest.arc[0]))]
        _, first = np.unique(self._arc[order], return_index=True)
        some = order[np.sort(first)[:number]]
        many = np.zeros(len(some), dtype=np.int64)
        places = self._place(points[many], xy[many], some)
        return places if len(places) else nearest

    def _project(self, lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
        x, y = self._projection(lonlat[:, 0], lonlat[:, 1])
        return np.column_stack([x, y])

    def _nearest(self, xy: NDArray[np.float64]) -> NDArray[np.int64]:
        """Index of the nearest segment of each point."""
        points = shapely.points(xy)
        (_, _), nearest = self._tree.query_nearest(points, return_distance=True, all_matches=False)
        row, segment = self._tree.query(points, "dwithin", distance=nearest + _TIE_M)
        offset = self._to_segment(xy[row], segment)[1]
        order = np.lexsort((segment, offset, self._arc[segment], row))
        first = np.searchsorted(row[order], np.arange(len(xy)))
        result: NDArray[np.int64] = segment[order][first]
        return result

    def _to_segment(
        self, xy: NDArray[np.float64], segment: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Share along the segment at which a point is nearest, and the squared distance."""
        start = self._start[segment]
        way = self._end[segment] - start
        square = np.einsum("ij,ij->i", way, way)
        along = np.einsum("ij,ij->i", xy - start, way)
        share = np.clip(np.divide(along, square, out=np.zeros_like(along), where=square > 0), 0, 1)
        gap = xy - start - share[:, None] * way
        return share, np.einsum("ij,ij->i", gap, gap)

    def _place(
        self, points: NDArray[np.float64], xy: NDArray[np.float64], segment: NDArray[np.int64]
    ) -> Places:
        share, _ = self._to_segment(xy, segment)
        vertex, arc = self._vertex[segment], self._arc[segment]
        lonlat = self.network.vertex_lonlat
        road = lonlat[vertex] + share[:, None] * (lonlat[vertex + 1] - lonlat[vertex])
        metres = self._metres_before[segment] + share * self.network.segment_m[vertex]
        length = self.network.arc_m[arc]
        on_arc = np.divide(metres, length, out=np.zeros_like(metres), where=length > 0)
        on_arc[metres < _TIE_M] = 0.0
        on_arc[(metres > length - _TIE_M) & (metres >= _TIE_M)] = 1.0
        return Places(points, arc, on_arc, road, segment_lengths(points, road))


def _middle(network: RoadNetwork) -> tuple[float, float]:
    if len(network.vertex_e7) == 0:
        return 0.0, 0.0
    first = network.vertex_lonlat[0]
    # roads on both sides of the date line are near one another
    offset = (network.vertex_lonlat - first + 180) % 360 - 180
    lon, lat = first + (offset.min(axis=0) + offset.max(axis=0)) / 2
    return float(lon), float(lat)


def _checked(lonlat: ArrayLike, what: str) -> NDArray[np.float64]:
    points = np.array(lonlat, dtype=np.float64).reshape(-1, 2)
    wrong = np.flatnonzero(~(np.abs(points) <= [180.0, 90.0]).all(axis=1))
    if len(wrong):
        row = wrong[0]
        lon, lat = points[row]
        raise InputError(
            f"row {row + 1} (lon {lon}, lat {lat}) is no position on Earth",
            field=what,
            fix="give lon in -180..180 and lat in -90..90, in this order",
        )
    return points
