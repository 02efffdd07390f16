"""The road network as arrays, and its folder on disk."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from routing.errors import InputError
from routing.geodesy import degrees, segment_lengths
from routing.network_check import check_arrays

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

UNREACHABLE: Final = np.int32(np.iinfo(np.int32).max)
"""Travel time in milliseconds, and length in metres, of what cannot be reached."""

ACCESS: Final = (
    "public",
    "ferry",
    "bus",
    "emergency",
    "pedestrian",
    "no_entry",
    "contraflow",
    "barrier",
)
"""Who may use a way, as `RoadNetwork.way_access` numbers it: everybody on roads and
ferries, buses, rescue vehicles by sign, people on foot, nobody; ``contraflow`` is the
wrong direction of a one-way road, ``barrier`` what bars a road to cars."""

PUBLIC: Final = ACCESS.index("public")
FERRY: Final = ACCESS.index("ferry")
BARRIER: Final = ACCESS.index("barrier")

WAY_TRAITS: Final[dict[str, tuple[type[np.generic], Any]]] = {
    "way_access": (np.int8, PUBLIC),
    "way_bus_lane": (np.bool_, False),
    "way_built_up": (np.bool_, True),
    "way_max_height": (np.float32, np.nan),
    "way_max_weight": (np.float32, np.nan),
    "way_max_width": (np.float32, np.nan),
}
"""Type of each array that tells which vehicles may use a way, and the value that it has
for every way where the array is left out."""

LEFT_OUT: Final[Any] = np.zeros(0)
"""Stands for an array that is left out until its length is known."""

_NAMES_FILE: Final = "names.json"


@dataclass(frozen=True, eq=False)
class RoadNetwork:
    """A directed road graph whose arcs keep their shape and their ways.

    An arc joins two junctions and may run over several OSM ways, so that a class,
    a name or a speed limit belongs to a segment of the arc, not to the arc. All
    coordinates are integers of 1e-7 degree, the resolution of OpenStreetMap, in
    the order lon, lat. With n nodes, m arcs, k vertices and w ways:

    Parameters
    ----------
    node_osm : ndarray of int64, shape (n,)
        OSM id of each node.
    node_e7 : ndarray of int32, shape (n, 2)
        Position of each node.
    arc_tail, arc_head : ndarray of int32, shape (m,)
        Ends of each arc; sorted by tail, then head. Parallel arcs and loops are kept.
    arc_twin : ndarray of int32, shape (m,)
        The arc over the same road in the other direction, -1 where there is none. On a
        one-way road it is the one that runs against the traffic.
    arc_vertex_ptr : ndarray of int32, shape (m + 1,)
        Vertices of arc a are ``arc_vertex_ptr[a]`` to ``arc_vertex_ptr[a + 1]``, both
        ends included, at least two.
    vertex_e7 : ndarray of int32, shape (k, 2)
        Position of each vertex.
    vertex_way : ndarray of int32, shape (k,)
        Way of the segment that begins at each vertex, -1 at the last one of an arc.
    way_osm : ndarray of int64, shape (w,)
        OSM id of each way.
    way_class : ndarray of int32, shape (w,)
        Index of its highway class in `class_names`.
    way_maxspeed : ndarray of float32, shape (w,)
        Speed limit in km/h, NaN where none is tagged.
    way_name : ndarray of int32, shape (w,)
        Index of its name in `names`, -1 where it has none.
    class_names : tuple of str
        Highway classes, such as ``residential``.
    names : tuple of str
        Street names.
    arc_public : ndarray of bool, shape (m,)
        Whether an arc belongs to the car network, in which every place can be reached
        from every other by car; places are tied to such arcs alone. All, if left out.
    way_access : ndarray of int8, shape (w,)
        Index in `ACCESS`; ``public`` if left out.
    way_bus_lane : ndarray of bool, shape (w,)
        Whether a bus lane runs along it; none if left out.
    way_built_up : ndarray of bool, shape (w,)
        Whether it lies in a built-up area; all do if left out.
    way_max_height, way_max_weight, way_max_width : ndarray of float32, shape (w,)
        Limits in metres, tonnes, metres; NaN where there is none, and if left out.
    ban_from, ban_to : ndarray of int32, shape (b,)
        Arcs that may not be driven one after the other; none if left out.
    ban_all : ndarray of bool, shape (b,)
        Whether that binds rescue vehicles with siren too.
    """

    node_osm: NDArray[np.int64]
    node_e7: NDArray[np.int32]
    arc_tail: NDArray[np.int32]
    arc_head: NDArray[np.int32]
    arc_twin: NDArray[np.int32]
    arc_vertex_ptr: NDArray[np.int32]
    vertex_e7: NDArray[np.int32]
    vertex_way: NDArray[np.int32]
    way_osm: NDArray[np.int64]
    way_class: NDArray[np.int32]
    way_maxspeed: NDArray[np.float32]
    way_name: NDArray[np.int32]
    class_names: tuple[str, ...]
    names: tuple[str, ...]
    arc_public: NDArray[np.bool_] = field(default_factory=lambda: LEFT_OUT)
    way_access: NDArray[np.int8] = field(default_factory=lambda: LEFT_OUT)
    way_bus_lane: NDArray[np.bool_] = field(default_factory=lambda: LEFT_OUT)
    way_built_up: NDArray[np.bool_] = field(default_factory=lambda: LEFT_OUT)
    way_max_height: NDArray[np.float32] = field(default_factory=lambda: LEFT_OUT)
    way_max_weight: NDArray[np.float32] = field(default_factory=lambda: LEFT_OUT)
    way_max_width: NDArray[np.float32] = field(default_factory=lambda: LEFT_OUT)
    ban_from: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))
    ban_to: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))
    ban_all: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, np.bool_))

    def __post_init__(self) -> None:
        """Fill in what was left out."""
        fill_in(self, WAY_TRAITS, len(self.way_osm))
        fill_in(self, {"arc_public": (np.bool_, True)}, len(self.arc_tail))

    @property
    def n_nodes(self) -> int:
        """Number of nodes."""
        return len(self.node_osm)

    @property
    def n_arcs(self) -> int:
        """Number of arcs."""
        return len(self.arc_tail)

    @cached_property
    def node_lonlat(self) -> NDArray[np.float64]:
        """Position of each node in degrees, shape (n, 2)."""
        return degrees(self.node_e7)

    @cached_property
    def vertex_lonlat(self) -> NDArray[np.float64]:
        """Position of each vertex in degrees, shape (k, 2)."""
        return degrees(self.vertex_e7)

    @cached_property
    def segment_m(self) -> NDArray[np.float64]:
        """Length in metres of the segment that begins at each vertex, shape (k,)."""
        length = np.zeros(len(self.vertex_e7))
        inner = np.flatnonzero(self.vertex_way >= 0)
        length[inner] = segment_lengths(self.vertex_lonlat[inner], self.vertex_lonlat[inner + 1])
        return length

    @cached_property
    def arc_m(self) -> NDArray[np.float64]:
        """Length of each arc in metres, shape (m,)."""
        return self.sum_over_arcs(self.segment_m)

    def sum_over_arcs(self, segment_values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Add up a value of segments along each arc.

        Parameters
        ----------
        segment_values : ndarray of float64, shape (k,)
            A value for the segment that begins at each vertex.

        Returns
        -------
        ndarray of float64, shape (m,)
            The sum for each arc.
        """
        if self.n_arcs == 0:
            return np.zeros(0)
        return np.add.reduceat(segment_values, self.arc_vertex_ptr[:-1])

    def save(self, folder: Path) -> None:
        """Write the network: one uncompressed array a file, so that bytes mean content.

        Parameters
        ----------
        folder : Path
            An existing folder.
        """
        for each in fields(self):
            value = getattr(self, each.name)
            if isinstance(value, np.ndarray):
                np.save(folder / f"{each.name}.npy", value, allow_pickle=False)
        names = {"class_names": self.class_names, "names": self.names}
        text = json.dumps(names, ensure_ascii=False, indent=0) + "\n"
        (folder / _NAMES_FILE).write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> RoadNetwork:
        """Read a network written by `save`.

        Parameters
        ----------
        folder : Path
            The folder.

        Returns
        -------
        RoadNetwork
            The network.

        Raises
        ------
        InputError
            A file is missing or is not what `save` writes.
        """
        try:
            names = json.loads((folder / _NAMES_FILE).read_text(encoding="utf-8"))
            arrays = {
                each.name: np.load(folder / f"{each.name}.npy", allow_pickle=False)
                for each in fields(cls)
                if each.name not in names
            }
            check_arrays(arrays, len(names["class_names"]), len(names["names"]), len(ACCESS))
            return cls(
                **arrays,
                class_names=tuple(names["class_names"]),
                names=tuple(names["names"]),
            )
        except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{folder} holds no road network ({error})", fix="build the city anew"
            ) from error


def fill_in(holder: object, defaults: dict[str, tuple[type[np.generic], Any]], rows: int) -> None:
    """Give arrays of a frozen object that are `LEFT_OUT` their default value.

    Parameters
    ----------
    holder : object
        Whose attributes they are.
    defaults : dict of str to (type, value)
        Type and value of each by name.
    rows : int
        How long each is to be.
    """
    for name, (dtype, value) in defaults.items():
        if getattr(holder, name) is LEFT_OUT:
            object.__setattr__(holder, name, np.full(rows, value, dtype=dtype))
