"""JEMSS's roads as a network whose driving times are given."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import KDTree

from routing.errors import InputError
from routing.network import UNREACHABLE, RoadNetwork
from scenarios.importers.jemss_tables import read_tables, table_of

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from scenarios.importers.jemss_tables import NamedTable

_DAY_MS = 86_400_000.0


@dataclass(frozen=True, eq=False)
class Roads:
    """Nodes and arcs, and the time on each arc by mode of travel.

    Parameters
    ----------
    lonlat : ndarray of float64, shape (n, 2)
        Places of the nodes.
    access : ndarray of bool, shape (n,)
        Whether the roads can be left there.
    tail, head : ndarray of int64, shape (m,)
        Ends of each arc.
    ms : ndarray of float64, shape (modes, m)
        Milliseconds on each arc.
    """

    lonlat: NDArray[np.float64]
    access: NDArray[np.bool_]
    tail: NDArray[np.int64]
    head: NDArray[np.int64]
    ms: NDArray[np.float64]

    def with_places(
        self, places: NDArray[np.float64], km: NDArray[np.float64], km_per_day: NDArray[np.float64]
    ) -> Roads:
        """Join places to the nearest node at which the roads can be left.

        Parameters
        ----------
        places : ndarray of float64, shape (p, 2)
            Lon, lat.
        km : ndarray of float64, shape (2,)
            Kilometres of a degree of longitude and of latitude.
        km_per_day : ndarray of float64, shape (modes,)
            Speed off the roads.

        Returns
        -------
        Roads
            With a node for each place behind the others, and two arcs to it.
        """
        places = np.unique(np.round(places, 7), axis=0)
        exits = np.flatnonzero(self.access)
        far, nearest = KDTree(self.lonlat[exits] * km).query(places * km)
        own = len(self.lonlat) + np.arange(len(places))
        off_ms = far / km_per_day[:, None] * _DAY_MS
        return Roads(
            np.concatenate([self.lonlat, places]),
            np.concatenate([self.access, np.zeros(len(places), dtype=np.bool_)]),
            np.concatenate([self.tail, exits[nearest], own]),
            np.concatenate([self.head, own, exits[nearest]]),
            np.concatenate([self.ms, off_ms, off_ms], axis=1),
        )

    def network(self) -> tuple[RoadNetwork, NDArray[np.int32]]:
        """Write them as a network.

        Returns
        -------
        network : RoadNetwork
            With straight arcs.
        arc_ms : ndarray of int32, shape (modes, m)
            Milliseconds on its arcs.
        """
        order = np.lexsort((self.head, self.tail))
        tail, head = (ends[order].astype(np.int32) for ends in (self.tail, self.head))
        node_e7 = np.rint(self.lonlat * 1e7).astype(np.int32)
        m = len(tail)
        network = RoadNetwork(
            node_osm=np.arange(1, len(node_e7) + 1, dtype=np.int64),
            node_e7=node_e7,
            arc_tail=tail,
            arc_head=head,
            arc_twin=_twins(tail, head),
            arc_vertex_ptr=np.arange(0, 2 * m + 1, 2, dtype=np.int32),
            vertex_e7=node_e7[np.column_stack([tail, head]).ravel()],
            vertex_way=np.tile(np.array([0, -1], dtype=np.int32), m),
            way_osm=np.ones(1, dtype=np.int64),
            way_class=np.zeros(1, dtype=np.int32),
            way_maxspeed=np.full(1, np.nan, dtype=np.float32),
            way_name=np.full(1, -1, dtype=np.int32),
            class_names=("unclassified",),
            names=(),
        )
        whole = np.clip(np.rint(self.ms[:, order]), 1, UNREACHABLE - 1)
        return network, whole.astype(np.int32)


def read_roads(folder: Path, modes: int) -> Roads:
    """Read the roads of a model.

    Parameters
    ----------
    folder : Path
        With CSV files, or zips of them, that hold the tables ``nodes`` and ``arcs``.
    modes : int
        How many modes of travel there are.

    Returns
    -------
    Roads
        The roads.

    Raises
    ------
    InputError
        A table is missing or wrong.
    """
    tables = _all_tables(folder)
    nodes, arcs = (table_of(tables, name, str(folder)) for name in ("nodes", "arcs"))
    ordered(nodes)
    n = len(nodes)
    lonlat = np.column_stack([nodes.numbers("x"), nodes.numbers("y")])
    if (np.abs(lonlat) > (180, 90)).any():
        raise InputError("table 'nodes' has places off the earth", field=nodes.file)
    access = np.ones(n, dtype=np.bool_)
    if "offRoadAccess" in nodes.columns:
        access = nodes.numbers("offRoadAccess") != 0
    if not access.any():
        raise InputError("no node has offRoadAccess", field=nodes.file)
    tail, head = arcs.indices("fromNode", n), arcs.indices("toNode", n)
    ms = np.array([arcs.numbers(f"mode_{k + 1}", lowest=0.0) for k in range(modes)]) * _DAY_MS
    form = tables["miscData"].texts("arcForm")[0] if "miscData" in tables else "directed"
    if form not in {"directed", "undirected"}:
        raise InputError(f"arcForm {form!r}", field=arcs.file, fix="it is directed or undirected")
    if form == "undirected":
        tail, head = np.concatenate([tail, head]), np.concatenate([head, tail])
        ms = np.concatenate([ms, ms], axis=1)
    return Roads(lonlat, access, tail, head, ms)


def _all_tables(folder: Path) -> dict[str, NamedTable]:
    tables: dict[str, NamedTable] = {}
    for path in sorted(folder.glob("*.csv")):
        tables |= read_tables(path.read_text(encoding="utf-8"), path.name)
    for path in sorted(folder.glob("*.zip")):
        with zipfile.ZipFile(path) as archive:
            for name in sorted(n for n in archive.namelist() if n.endswith(".csv")):
                text = archive.read(name).decode("utf-8")
                tables |= read_tables(text, f"{path.name}/{name}")
    return tables


def ordered(table: NamedTable) -> None:
    """Refuse a table whose rows are not numbered 1, 2, 3, ...

    Parameters
    ----------
    table : NamedTable
        The table.

    Raises
    ------
    InputError
        A row has another number.
    """
    index = table.numbers("index")
    wrong = np.flatnonzero(index != np.arange(1, len(index) + 1))
    if len(wrong):
        raise InputError(
            f"table {table.name!r}, row {wrong[0] + 1} has index {index[wrong[0]]:g}",
            field=table.file,
            fix="number the rows 1, 2, 3, ...",
        )


def _twins(tail: NDArray[np.int32], head: NDArray[np.int32]) -> NDArray[np.int32]:
    """Find for each arc the one that leads back, the first for the first of several."""
    waiting: dict[tuple[int, int], list[int]] = {}
    twin = np.full(len(tail), -1, dtype=np.int32)
    for arc, (a, b) in enumerate(zip(tail.tolist(), head.tolist(), strict=True)):
        back = waiting.get((b, a))
        if back:
            twin[arc] = back.pop(0)
            twin[twin[arc]] = arc
        else:
            waiting.setdefault((a, b), []).append(arc)
    return twin
