"""Isochrones: polygons about the parts of the roads that are reached in time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely
from pyproj import Geod, Proj
from shapely.affinity import translate

from routing.errors import InputError
from routing.geodesy import EARTH_RADIUS_M
from routing.reach import ReachedArcs, node_times_ms, reached_arcs, stretch_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from routing.network import RoadNetwork
    from routing.snapping import Places

_GRID_M: Final = 0.1
"""Outlines are noded on this grid: coarse enough that rounding to `_DIGITS` after it
moves no vertex across an edge."""
_DIGITS: Final = 7
_CELL_M: Final = 1000.0
_LONGEST_EDGE_M: Final = 250.0
"""Longer edges would bow, between the projection and degrees, by more than a centimetre."""

_WORLD: Final = shapely.box(-180, -90, 180, 90)


@dataclass(frozen=True)
class Outline:
    """How polygons are drawn about reached roads.

    Parameters
    ----------
    distance_m : float
        No point of a polygon lies farther from a reached road, but in filled holes.
    hole_m2 : float
        Holes smaller than this are filled: blocks of houses, not lakes.
    tolerance_m : float
        By how much lines are simplified, at most an eighth of the distance.

    Raises
    ------
    InputError
        A number is out of range.
    """

    distance_m: float = 60.0
    hole_m2: float = 100_000.0
    tolerance_m: float = 5.0

    def __post_init__(self) -> None:
        """Check the numbers."""
        checks = (
            ("distance_m", 2 <= self.distance_m <= 10_000, "2 to 10000"),
            ("hole_m2", 0 <= self.hole_m2 < np.inf, "zero or more"),
            ("tolerance_m", 0 <= self.tolerance_m <= self.distance_m / 8, "0 to distance_m / 8"),
        )
        for field, fine, fix in checks:
            if not fine:
                raise InputError(f"{getattr(self, field)}", field=field, fix=f"give {fix}")


@dataclass(frozen=True)
class Isochrone:
    """What is reached within a time limit.

    Parameters
    ----------
    limit_s : float
        The limit in seconds.
    polygon : shapely.MultiPolygon
        Valid, lon/lat in degrees with 7 digits, exterior rings counterclockwise; over
        the date line lon runs on beyond 180. Empty where there is no place.
    """

    limit_s: float
    polygon: shapely.MultiPolygon


def isochrones(
    network: RoadNetwork,
    arc_ms: ArrayLike,
    places: Places,
    limits_s: Sequence[float],
    *,
    towards: bool = False,
    outline: Outline | None = None,
    node_ms: NDArray[np.int32] | None = None,
) -> list[Isochrone]:
    """Draw what is reached from the nearest of some places within time limits.

    Every reached stretch of road lies inside its polygon, and nothing but filled holes
    lies farther from one than the outline's distance. The polygon of a smaller limit
    lies within that of a larger one, exactly. Distances are measured in an azimuthal
    equidistant projection about the first place.

    Parameters
    ----------
    network : RoadNetwork
        A network with m arcs.
    arc_ms : array-like of int, shape (m,)
        Milliseconds for each arc, `routing.network.UNREACHABLE` for a closed one.
    places : Places
        The places.
    limits_s : sequence of float
        Seconds, zero or more, all different.
    towards : bool
        Draw from where the places are reached, instead of what is reached from them.
    outline : Outline, optional
        How to draw; by default ``Outline()``.
    node_ms : ndarray of int32, shape (n,), optional
        What `routing.reach.node_times_ms` returns, where it is known already.

    Returns
    -------
    list of Isochrone
        By rising limit.

    Raises
    ------
    InputError
        A limit or an arc time is wrong.
    """
    outline = outline or Outline()
    limits = sorted(float(limit) for limit in limits_s)
    if len(set(limits)) < len(limits):
        raise InputError(f"{limits} names one twice", field="limits_s", fix="name each limit once")
    if node_ms is None:
        node_ms = node_times_ms(network, arc_ms, places, towards=towards)
    reached = [
        reached_arcs(network, arc_ms, places, limit, towards=towards, node_ms=node_ms)
        for limit in limits
    ]
    if not len(places):
        return [Isochrone(limit, shapely.MultiPolygon()) for limit in limits]
    lon, lat = places.road_lonlat[0]
    projection = Proj(proj="aeqd", lon_0=lon, lat_0=lat, R=EARTH_RADIUS_M)
    shapes = _shapes(network, places, reached, projection, outline)
    polygons = _nested(shapes, projection, float(lon))
    return [Isochrone(limit, polygon) for limit, polygon in zip(limits, polygons, strict=True)]


def area_km2(one: Isochrone) -> float:
    """Measure an isochrone on the globe.

    Parameters
    ----------
    one : Isochrone
        The isochrone.

    Returns
    -------
    float
        Square kilometres on the WGS84 ellipsoid.
    """
    area, _ = Geod(ellps="WGS84").geometry_area_perimeter(one.polygon)
    return float(area) / 1e6


def cut_at_date_line(polygon: shapely.MultiPolygon) -> shapely.MultiPolygon:
    """Bring what lies beyond the date line back to lon -180 to 180.

    Parameters
    ----------
    polygon : shapely.MultiPolygon
        Lon/lat in degrees, lon -540 to 540.

    Returns
    -------
    shapely.MultiPolygon
        The same land, cut as RFC 7946 asks; the very same polygon where all of it lies
        on one side.
    """
    west, _, east, _ = polygon.bounds
    if polygon.is_empty or (west >= -180 and east <= 180):
        return polygon
    turned = [translate(polygon, xoff=turn) for turn in (-360, 0, 360)]
    pieces = np.asarray(shapely.intersection(turned, _WORLD))
    parts = shapely.get_parts(shapely.get_parts(pieces))
    areas = [part for part in parts if isinstance(part, shapely.Polygon)]
    return shapely.MultiPolygon(list(shapely.orient_polygons(areas, exterior_cw=False)))


def feature_collection(
    found: Sequence[Isochrone], properties: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Write isochrones as GeoJSON.

    Parameters
    ----------
    found : sequence of Isochrone
        The isochrones.
    properties : dict, optional
        Properties that each feature shall have, beside ``seconds`` and ``minutes``.

    Returns
    -------
    dict
        A FeatureCollection (RFC 7946), polygons cut at the date line, the largest
        first, so that a map draws the smaller ones over it.
    """
    features = [
        {
            "type": "Feature",
            "properties": {
                "seconds": one.limit_s,
                "minutes": round(one.limit_s / 60, 3),
                **(properties or {}),
            },
            "geometry": shapely.geometry.mapping(cut_at_date_line(one.polygon)),
        }
        for one in sorted(found, key=lambda one: -one.limit_s)
    ]
    return {"type": "FeatureCollection", "features": features}


def _shapes(
    network: RoadNetwork,
    places: Places,
    reached: Sequence[ReachedArcs],
    projection: Proj,
    outline: Outline,
) -> list[Any]:
    """Draw one shape in metres for each set of stretches, from the least to the largest."""
    tolerance = outline.tolerance_m
    # simplified twice, each time by the tolerance at most, and snapped to the grid
    radius = outline.distance_m - 2 * tolerance - 2 * _GRID_M
    shape = shapely.buffer(shapely.points(_project(projection, places.road_lonlat)), radius)
    drawn: set[tuple[int, float, float]] = set()
    shapes = []
    parts = [shapely.union_all(shape)]
    for stretches in reached:
        lines = _simplified(_lines(network, stretches, drawn, projection), tolerance)
        buffers = shapely.buffer(lines, radius, quad_segs=4)
        cells = _union_by_cell(lines, buffers, outline.hole_m2)
        parts = [_without_holes(shapely.union_all([*parts, *cells]), outline.hole_m2)]
        shapes.append(shapely.simplify(parts[0], tolerance, preserve_topology=True))
    return shapes


def _lines(
    network: RoadNetwork,
    reached: ReachedArcs,
    drawn: set[tuple[int, float, float]],
    projection: Proj,
) -> NDArray[Any]:
    """Stretches in metres that were not drawn yet, one for both directions of a road."""
    twin = network.arc_twin[reached.arc]
    lower = (twin >= 0) & (twin < reached.arc)
    road = np.where(lower, twin, reached.arc).tolist()
    begin = np.where(lower, 1 - reached.end, reached.begin).tolist()
    end = np.where(lower, 1 - reached.begin, reached.end).tolist()
    fresh = np.zeros(len(reached), dtype=np.bool_)
    for row, key in enumerate(zip(road, begin, end, strict=True)):
        if key not in drawn:
            drawn.add(key)
            fresh[row] = True
    some = ReachedArcs(
        reached.arc[fresh],
        reached.begin[fresh],
        reached.end[fresh],
        reached.begin_s[fresh],
        reached.end_s[fresh],
    )
    lonlat, stretch = stretch_lines(network, some)
    return np.asarray(shapely.linestrings(_project(projection, lonlat), indices=stretch))


def _simplified(lines: NDArray[Any], tolerance: float) -> NDArray[Any]:
    """Simplify lines; what has no length, or loses it, is the point where it begins."""
    simple = np.asarray(shapely.simplify(lines, tolerance, preserve_topology=False))
    short = shapely.length(simple) == 0
    simple[short] = shapely.get_point(lines[short], 0)
    return simple


def _union_by_cell(lines: NDArray[Any], buffers: NDArray[Any], hole_m2: float) -> list[Any]:
    """Unite neighbours first and fill their holes, which leaves less for the whole."""
    if not len(lines):
        return []
    middle = shapely.get_coordinates(shapely.centroid(lines))
    _, cell = np.unique(np.floor(middle / _CELL_M), axis=0, return_inverse=True)
    order = np.argsort(cell.ravel(), kind="stable")
    cuts = np.flatnonzero(np.diff(cell.ravel()[order])) + 1

    return [
        _without_holes(shapely.union_all(group), hole_m2)
        for group in np.split(buffers[order], cuts)
    ]


def _without_holes(shape: Any, hole_m2: float) -> Any:
    """Fill small holes, and what stands in them."""
    filled = []
    for part in shapely.get_parts(shape):
        kept = [ring for ring in part.interiors if shapely.Polygon(ring).area >= hole_m2]
        filled.append(shapely.Polygon(part.exterior, kept))
    return shapely.union_all(filled)


def _nested(
    shapes: Sequence[Any], projection: Proj, middle_lon: float
) -> list[shapely.MultiPolygon]:
    """Turn shapes in metres into polygons in degrees, each within the next.

    All outlines are cut at one another into faces, which share their edges to the last
    digit. A polygon is the faces that lie in its shape or in a smaller one.
    """
    # before they are noded: a vertex put near a node afterwards could change sides
    boundaries = [shapely.segmentize(shapely.boundary(s), _LONGEST_EDGE_M) for s in shapes]
    noded = shapely.get_parts(shapely.line_merge(shapely.union_all(boundaries, grid_size=_GRID_M)))

    def to_degrees(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        lon, lat = projection(xy[:, 0], xy[:, 1], inverse=True)
        # on both sides of the date line degrees run on
        lon = middle_lon + (lon - middle_lon + 180) % 360 - 180
        return np.column_stack([lon, lat]).round(_DIGITS)

    edges = shapely.transform(noded, to_degrees)
    faces = shapely.get_parts(shapely.polygonize(edges))
    inside = _deep_points(shapely.transform(faces, lambda lonlat: _project(projection, lonlat)))
    level = np.full(len(faces), len(shapes))
    for rank in reversed(range(len(shapes))):
        shapely.prepare(shapes[rank])
        level[shapely.contains(shapes[rank], inside)] = rank
    polygons = []
    for rank in range(len(shapes)):
        whole = shapely.coverage_union_all(faces[level <= rank])
        polygons.append(
            shapely.MultiPolygon(
                list(shapely.orient_polygons(shapely.get_parts(whole), exterior_cw=False))
            )
        )
    return polygons


def _deep_points(faces: NDArray[Any]) -> NDArray[Any]:
    """Points of faces that lie farther from their edges than nodes were moved, if any do."""
    points = np.asarray(shapely.point_on_surface(faces))
    shallow = shapely.distance(points, shapely.boundary(faces)) < 3 * _GRID_M
    if shallow.any():
        # a line from the middle of the largest circle to its rim
        spokes = shapely.maximum_inscribed_circle(faces[shallow], tolerance=_GRID_M / 2)
        points[shallow] = shapely.get_point(spokes, 0)
    return points


def _project(projection: Proj, lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
    x, y = projection(lonlat[:, 0], lonlat[:, 1])
    return np.column_stack([x, y])
