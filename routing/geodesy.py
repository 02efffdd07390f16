"""Lengths on the globe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

EARTH_RADIUS_M: Final = 6_371_009.0
"""Mean radius of the Earth in metres (IUGG mean radius R1, rounded)."""

DEGREES_PER_UNIT: Final = 1e-7
"""Degrees in one integer unit of a stored coordinate."""


def degrees(e7: NDArray[np.int32]) -> NDArray[np.float64]:
    """Turn stored coordinates into degrees.

    Parameters
    ----------
    e7 : ndarray of int32
        Coordinates in units of 1e-7 degree.

    Returns
    -------
    ndarray of float64
        Degrees, same shape.
    """
    return e7.astype(np.float64) * DEGREES_PER_UNIT


def segment_lengths(start: NDArray[np.float64], end: NDArray[np.float64]) -> NDArray[np.float64]:
    """Great-circle length of segments by the haversine formula.

    Parameters
    ----------
    start, end : ndarray of float64, shape (..., 2)
        Lon, lat in degrees.

    Returns
    -------
    ndarray of float64, shape (...)
        Metres.
    """
    lon1, lat1 = np.radians(start[..., 0]), np.radians(start[..., 1])
    lon2, lat2 = np.radians(end[..., 0]), np.radians(end[..., 1])
    half_chord = (
        np.sin((lat2 - lat1) / 2) ** 2
        + np.cos(lat1) * np.cos(lat2) * np.sin((lon2 - lon1) / 2) ** 2
    )
    result: NDArray[np.float64] = 2 * EARTH_RADIUS_M * np.arcsin(np.sqrt(half_chord))
    return result
