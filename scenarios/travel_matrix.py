"""Travel times that are given from zone to zone, in place of roads."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from routing.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

FOLDER: Final = "matrix"
"""Where a scenario's package keeps it."""


@dataclass(frozen=True, eq=False)
class TravelMatrix:
    """Drives between zones, at which stations and hospitals stand too.

    A unit on its way home is on the straight line between the two ends of its drive, as
    far as the share of the time that has gone by, and counts as at the nearest zone.

    Parameters
    ----------
    siren_s, normal_s : ndarray of float64, shape (zones, zones)
        Seconds from each zone (row) to each zone (column).
    metres : ndarray of float64, shape (zones, zones)
        Lengths of the drives.
    zone_xy : ndarray of float64, shape (zones, 2)
        Where the zones are, in metres of some plane.
    station_zone : ndarray of int32, shape (stations,)
        Zone of each station.
    hospital_zone : ndarray of int32, shape (hospitals,)
        Zone of each hospital.

    Raises
    ------
    InputError
        Shapes do not fit, a time is negative or none, or a zone does not exist.
    """

    siren_s: NDArray[np.float64]
    normal_s: NDArray[np.float64]
    metres: NDArray[np.float64]
    zone_xy: NDArray[np.float64]
    station_zone: NDArray[np.int32]
    hospital_zone: NDArray[np.int32]

    def __post_init__(self) -> None:  # noqa: D105
        zones = len(self.zone_xy)
        for name in ("siren_s", "normal_s", "metres"):
            values = getattr(self, name)
            if values.shape != (zones, zones):
                raise InputError(f"shape {values.shape} for {zones} zones", field=f"matrix {name}")
            wrong = ~(np.isfinite(values) & (values >= 0))
            if wrong.any():
                row, column = (int(i) for i in np.argwhere(wrong)[0])
                raise InputError(
                    f"{values[row, column]} from zone {row} to zone {column}",
                    field=f"matrix {name}",
                    fix="give a finite number, 0 or more",
                )
        for name in ("station_zone", "hospital_zone"):
            rows = getattr(self, name)
            if len(rows) and not (rows.min() >= 0 and rows.max() < zones):
                raise InputError(f"a row beyond the {zones} zones", field=f"matrix {name}")

    def save(self, folder: Path) -> None:
        """Write its arrays.

        Parameters
        ----------
        folder : Path
            An empty folder.
        """
        for name in file_names():
            np.save(folder / name, getattr(self, name.removesuffix(".npy")), allow_pickle=False)

    @classmethod
    def load(cls, folder: Path) -> TravelMatrix:
        """Read its arrays.

        Parameters
        ----------
        folder : Path
            Where `save` wrote them.

        Returns
        -------
        TravelMatrix
            The matrix.

        Raises
        ------
        InputError
            They cannot be read.
        """
        parts: dict[str, Any] = {}
        for name in file_names():
            try:
                parts[name.removesuffix(".npy")] = np.load(folder / name, allow_pickle=False)
            except (OSError, ValueError) as error:
                raise InputError(f"{folder / name} cannot be read ({error})") from error
        return cls(**parts)


def file_names() -> list[str]:
    """List the files of a matrix.

    Returns
    -------
    list of str
        Names in its folder.
    """
    return [f"{field.name}.npy" for field in fields(TravelMatrix)]
