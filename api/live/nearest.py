"""The nearest of many places."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.spatial import cKDTree

from routing.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

EARTH_M: Final = 6_371_008.8
"""Mean radius of the Earth."""


class Nearest:
    """Finds the nearest of some places, as the crow flies.

    Parameters
    ----------
    places : ndarray of float64, shape (p, 2)
        Lon, lat in degrees.
    """

    def __init__(self, places: NDArray[np.float64]) -> None:
        self._tree = cKDTree(_on_sphere(places)) if len(places) else None

    def of(self, spots: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Find the nearest place of each spot.

        Parameters
        ----------
        spots : ndarray of float64, shape (s, 2)
            Lon, lat in degrees.

        Returns
        -------
        row : ndarray of int64, shape (s,)
            Which place.
        metres : ndarray of float64, shape (s,)
            How far it is.

        Raises
        ------
        InputError
            There are no places.
        """
        if self._tree is None:
            raise InputError("the scenario has no such places", field="--scenario")
        chord, row = self._tree.query(_on_sphere(spots))
        return np.asarray(row, np.int64), 2 * EARTH_M * np.arcsin(np.minimum(chord / 2, 1))


def _on_sphere(spots: NDArray[np.float64]) -> NDArray[np.float64]:
    lon, lat = np.radians(spots).T
    return np.column_stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])
