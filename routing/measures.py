"""What holds vehicles up for a while: closed arcs, slow arcs, limits of size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import shapely

from routing.errors import InputError
from routing.network import UNREACHABLE

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    from routing.network import RoadNetwork
    from routing.speed_rules import Vehicle

_END_DEGREES: Final = 1e-6
"""What lies so near to the end of an arc, some 0.1 m, lies at it."""

_LONGEST: Final = int(UNREACHABLE) - 1


@dataclass(frozen=True)
class VehicleSize:
    """What a limit on a road is compared with.

    Parameters
    ----------
    height_m, width_m : float
        Metres.
    weight_t : float
        Tonnes.
    """

    height_m: float = 0.0
    width_m: float = 0.0
    weight_t: float = 0.0


def fits(size: VehicleSize | Vehicle, *, height_m: float, width_m: float, weight_t: float) -> bool:
    """Tell whether a vehicle keeps to limits.

    Parameters
    ----------
    size : VehicleSize or Vehicle
        The vehicle.
    height_m, width_m : float
        Greatest height and width in metres.
    weight_t : float
        Greatest weight in tonnes.

    Returns
    -------
    bool
        True if it may pass.
    """
    return size.height_m <= height_m and size.width_m <= width_m and size.weight_t <= weight_t


def slowed(arc_ms: NDArray[np.integer], factor: NDArray[np.float64]) -> NDArray[np.int64]:
    """Multiply the times of arcs.

    Parameters
    ----------
    arc_ms : ndarray of int, shape (k,)
        Milliseconds, `UNREACHABLE` for a closed arc, which stays closed.
    factor : ndarray of float64, shape (k,)
        By how much each grows; infinite to close it.

    Returns
    -------
    ndarray of int64, shape (k,)
        Milliseconds, `UNREACHABLE` for a closed arc.
    """
    drivable = (arc_ms < UNREACHABLE) & np.isfinite(factor)
    ms = np.full(len(arc_ms), UNREACHABLE, dtype=np.int64)
    ms[drivable] = np.minimum(np.rint(arc_ms[drivable] * factor[drivable]), _LONGEST)
    return ms


def arcs_within(network: RoadNetwork, area: BaseGeometry) -> NDArray[np.int64]:
    """Find the arcs that touch an area, to close them or to slow them down.

    A line means the arcs that it crosses or runs along, not those that it only meets at
    their ends.

    Parameters
    ----------
    network : RoadNetwork
        The network.
    area : BaseGeometry
        A polygon, or any other geometry, lon/lat in degrees.

    Returns
    -------
    ndarray of int64
        The arcs, ascending.

    Raises
    ------
    InputError
        The geometry is empty or not valid.
    """
    if area.is_empty or not area.is_valid:
        raise InputError(
            shapely.is_valid_reason(area) if not area.is_empty else "the area is empty",
            field="area",
            fix="give a valid polygon in degrees, lon before lat",
        )
    arc = np.repeat(np.arange(network.n_arcs), np.diff(network.arc_vertex_ptr))
    lines = np.asarray(shapely.linestrings(network.vertex_lonlat, indices=arc))
    touched: NDArray[np.int64] = np.flatnonzero(shapely.intersects(lines, area))
    if area.area == 0:
        common = shapely.intersection(lines[touched], area)
        ends = shapely.boundary(lines[touched])
        apart = ~shapely.covered_by(common, shapely.buffer(ends, _END_DEGREES))
        touched = touched[apart]
    return touched
