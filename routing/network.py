"""The road network as arrays, and its folder on disk."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np

from routing.errors import InputError
from routing.geodesy import degrees, segment_lengths
from routing.network_check import check_arrays

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

UNREACHABLE: Final = np.int32(np.iinfo(np.int32).max)
"""Travel time in milliseconds, and length in metres, of what cannot be reached."""

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
        The arc over the same road in the other direction, -1 on a one-way road.
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
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, np.ndarray):
                np.save(folder / f"{field.name}.npy", value, allow_pickle=False)
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
                field.name: np.load(folder / f"{field.name}.npy", allow_pickle=False)
                for field in fields(cls)
                if field.name not in names
            }
            check_arrays(arrays, len(names["class_names"]), len(names["names"]))
            return cls(
                **arrays,
                class_names=tuple(names["class_names"]),
                names=tuple(names["names"]),
            )
        except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{folder} holds no road network ({error})", fix="build the city anew"
            ) from error
