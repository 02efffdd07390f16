"""Which roads lie among houses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.spatial import KDTree

from routing.geodesy import EARTH_RADIUS_M, degrees

if TYPE_CHECKING:
    from numpy.typing import NDArray

_RADIUS_M: Final = 100.0
_HOUSES: Final = 5
"""A vertex is among houses if this many buildings or addresses lie within the radius."""


def is_built_up(
    node_e7: NDArray[np.int32],
    segment_tail: NDArray[np.int32],
    segment_head: NDArray[np.int32],
    segment_way: NDArray[np.int32],
    ways: int,
    houses: NDArray[np.float64],
) -> NDArray[np.bool_]:
    """Tell the ways of which at least half the segment ends have five houses in 100 m.

    Parameters
    ----------
    node_e7 : ndarray of int32, shape (v, 2)
        Lon, lat of each vertex in 1e-7 degree.
    segment_tail, segment_head, segment_way : ndarray of int32, shape (s,)
        Vertices and way of each segment.
    ways : int
        Number of ways.
    houses : ndarray of float64, shape (h, 2)
        Lon, lat of buildings and addresses.

    Returns
    -------
    ndarray of bool, shape (ways,)
        Whether each lies in a built-up area; all do if no house is known.
    """
    if len(houses) == 0 or len(node_e7) == 0:
        return np.ones(ways, dtype=np.bool_)
    lonlat = degrees(node_e7)
    middle = lonlat.mean(axis=0)
    scale = np.radians(1.0) * EARTH_RADIUS_M * np.array([np.cos(np.radians(middle[1])), 1.0])
    near = KDTree((houses - middle) * scale).query_ball_point(
        (lonlat - middle) * scale, _RADIUS_M, return_length=True
    )
    among = near >= _HOUSES
    way = np.concatenate([segment_way, segment_way])
    ends = among[np.concatenate([segment_tail, segment_head])]
    inside = np.bincount(way, ends, minlength=ways)
    result: NDArray[np.bool_] = 2 * inside >= np.bincount(way, minlength=ways)
    return result
