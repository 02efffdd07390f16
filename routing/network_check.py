"""Whether the arrays of a road network fit together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

_ARRAYS: Final[dict[str, tuple[str, type[np.generic], int]]] = {
    "node_osm": ("node", np.int64, 1),
    "node_e7": ("node", np.int32, 2),
    "arc_tail": ("arc", np.int32, 1),
    "arc_head": ("arc", np.int32, 1),
    "arc_twin": ("arc", np.int32, 1),
    "vertex_e7": ("vertex", np.int32, 2),
    "vertex_way": ("vertex", np.int32, 1),
    "way_osm": ("way", np.int64, 1),
    "way_class": ("way", np.int32, 1),
    "way_maxspeed": ("way", np.float32, 1),
    "way_name": ("way", np.int32, 1),
    "way_access": ("way", np.int8, 1),
    "way_bus_lane": ("way", np.bool_, 1),
    "way_built_up": ("way", np.bool_, 1),
    "way_max_height": ("way", np.float32, 1),
    "way_max_weight": ("way", np.float32, 1),
    "way_max_width": ("way", np.float32, 1),
    "arc_public": ("arc", np.bool_, 1),
    "ban_from": ("ban", np.int32, 1),
    "ban_to": ("ban", np.int32, 1),
    "ban_all": ("ban", np.bool_, 1),
}
"""What each array has a row of, its type, and its number of dimensions."""


def check_arrays(
    arrays: Mapping[str, NDArray[Any]], classes: int, names: int, accesses: int
) -> None:
    """Check the arrays of a `routing.network.RoadNetwork`.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        The arrays by name.
    classes, names, accesses : int
        How many highway classes, street names and kinds of access there are.

    Raises
    ------
    ValueError
        A type, shape, index, coordinate or speed is impossible; names the array.
    """
    ptr = arrays["arc_vertex_ptr"]
    if ptr.dtype != np.int32 or ptr.ndim != 1 or len(ptr) == 0:
        raise ValueError("arc_vertex_ptr is no list of int32")
    count = {"arc": len(ptr) - 1}
    for name, (kind, dtype, dimensions) in _ARRAYS.items():
        array = arrays[name]
        rows = count.setdefault(kind, len(array))
        shape = (rows,) if dimensions == 1 else (rows, 2)
        if array.dtype != dtype or array.shape != shape:
            raise ValueError(f"{name} is {array.dtype} {array.shape}, not {dtype.__name__} {shape}")
    steps = np.diff(ptr)
    if ptr[0] != 0 or ptr[-1] != count["vertex"] or (steps < 2).any():
        raise ValueError("arc_vertex_ptr does not part the vertices into arcs of two or more")
    ranges = {
        "arc_tail": (0, count["node"]),
        "arc_head": (0, count["node"]),
        "arc_twin": (-1, count["arc"]),
        "vertex_way": (-1, count["way"]),
        "way_class": (0, classes),
        "way_name": (-1, names),
        "way_access": (0, accesses),
        "ban_from": (0, count["arc"]),
        "ban_to": (0, count["arc"]),
    }
    for name, (low, end) in ranges.items():
        _check_range(name, arrays[name], low, end - 1)
    last = np.zeros(count["vertex"], dtype=np.bool_)
    last[ptr[1:] - 1] = True
    if ((arrays["vertex_way"] < 0) != last).any():
        raise ValueError("vertex_way is not -1 at the last vertex of each arc and there only")
    for name in ("node_e7", "vertex_e7"):
        _check_range(name, arrays[name][:, 0], -1_800_000_000, 1_800_000_000)
        _check_range(name, arrays[name][:, 1], -900_000_000, 900_000_000)
    for name in ("way_maxspeed", "way_max_height", "way_max_weight", "way_max_width"):
        _check_range(name, arrays[name][~np.isnan(arrays[name])], 0, 1000)
    if (arrays["arc_head"][arrays["ban_from"]] != arrays["arc_tail"][arrays["ban_to"]]).any():
        raise ValueError("ban_to has an arc that does not begin where that of ban_from ends")


def _check_range(name: str, values: NDArray[Any], low: int, high: int) -> None:
    wrong = np.flatnonzero(~((values >= low) & (values <= high)))
    if len(wrong):
        raise ValueError(f"{name} has {values[wrong[0]]} in row {wrong[0]}, not {low} to {high}")
