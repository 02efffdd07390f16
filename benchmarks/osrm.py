"""OSRM as a peer: it reads an OSM file, prepares files of its own, and takes coordinates."""

from __future__ import annotations

import resource
import shutil
import subprocess
import tempfile
import time
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np
import osmium
from osmium.osm.mutable import Node, Way

from benchmarks.contestants import Contestant, milliseconds

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from benchmarks.contestants import Ms
    from benchmarks.road_graphs import RoadGraph

_M_PER_DEGREE: Final = 111_195.0
_KMH: Final = (5, 140)
"""Bounds of the speeds that are written: OSRM must not take a street for closed."""

_PREPARE_S: Final = 3_000.0
"""Its programs end by then, before the contestant is ended, which would leave them alone."""


class _Osrm(Contestant):
    """OSRM with its car profile."""

    package = "osrm-bindings"
    wheels = "Python 3.12 or later"
    checked = False
    by_rows = False  # a table searches from each target once, for all sources
    note = (
        "timed, not checked: it has the same streets, with the speeds and turn costs of its "
        "car profile, and snaps coordinates to streets; preparation includes writing the OSM "
        "file it reads, and memory its programs; for a single pair hints tell the streets"
    )
    algorithm: ClassVar[str]
    programs: ClassVar[tuple[str, ...]]
    """What makes its files, after the first, which reads the OSM file."""

    def __init__(self, graph: RoadGraph) -> None:
        super().__init__(graph)
        osrm = import_module("osrm")

        self._osrm = osrm
        home = Path(str(osrm.__file__)).parent
        until = time.monotonic() + _PREPARE_S
        with tempfile.TemporaryDirectory() as place:
            write_osm(graph, Path(place, "graph.osm.pbf"))
            files = str(Path(place, "graph.osrm"))
            profile = str(home / "share" / "profiles" / "car.lua")
            source = str(Path(place, "graph.osm.pbf"))
            _run(home, until, "osrm-extract", "--profile", profile, source)
            for program in self.programs:
                _run(home, until, program, files)
            self.programs_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1.024e-3
            # it reads all files into memory, so that they may go
            self.engine = osrm.OSRM(
                algorithm=self.algorithm,
                storage_config=files,
                use_shared_memory=False,
                use_mmap=False,
                max_locations_distance_table=-1,
                verbosity="NONE",
            )

    def ready(self, ability: str, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        """Turn nodes into the parameters of a service, its answers cut to the times."""
        sources, targets = (np.atleast_1d(nodes) for nodes in arguments)
        places = self._places((*sources.tolist(), *targets.tolist()))
        if ability == "pair":
            asked = self._osrm.RouteParameters(
                coordinates=places,
                hints=[self._hint(place) for place in places],
                overview="false",
                generate_hints=False,
            )
        else:
            asked = self._osrm.TableParameters(
                coordinates=places,
                sources=list(range(len(sources))),
                destinations=list(range(len(sources), len(places))),
                annotations=["duration"],
                generate_hints=False,
            )
        asked.skip_waypoints = True
        return (asked,)

    def _places(self, nodes: Iterable[int]) -> list[Any]:
        lonlat = self.graph.lonlat
        return [self._osrm.Coordinate((float(lonlat[k, 0]), float(lonlat[k, 1]))) for k in nodes]

    def _hint(self, place: Any) -> Any:
        """Find what tells the street at a place, so that it is not searched for."""
        asked = self._osrm.NearestParameters(coordinates=[place])
        return self.engine.Nearest(asked)["waypoints"][0]["hint"]

    def matrix(self, asked: Any) -> Any:
        """All to all."""
        return self.engine.Table(asked)

    def many_to_one(self, asked: Any) -> Any:
        """From many to one."""
        return self.engine.Table(asked)

    def pair(self, asked: Any) -> Any:
        """From one to one."""
        return self.engine.Route(asked)

    def array(self, ability: str, answer: Any) -> Ms:
        """Turn its seconds into milliseconds."""
        if ability == "pair":
            return milliseconds([answer["routes"][0]["duration"] * 1000.0])
        # where there is no way there is None
        seconds = np.array([list(row) for row in answer["durations"]], dtype=np.float64)
        return milliseconds(seconds.ravel() * 1000.0).reshape(
            (-1,) if ability == "many_to_one" else seconds.shape
        )


class OsrmCH(_Osrm):
    """OSRM's contraction hierarchy in C++."""

    name = "osrm-ch"
    algorithm = "CH"
    programs = ("osrm-contract",)


class OsrmMLD(_Osrm):
    """OSRM's multi-level Dijkstra in C++."""

    name = "osrm-mld"
    algorithm = "MLD"
    programs = ("osrm-partition", "osrm-customize")


def write_osm(graph: RoadGraph, path: Path) -> None:
    """Write a graph as OSM data.

    A node's id is its number and 1. Arcs to and fro are one way, others a way with
    ``oneway``; each says the speed at which its straight line takes the arc's time, as
    ``maxspeed`` in whole km/h.

    Parameters
    ----------
    graph : RoadGraph
        The graph.
    path : Path
        The file, whose ending tells the format; one that is there is replaced.
    """
    tail, head = graph.tail.astype(np.int64), graph.head.astype(np.int64)
    key, back = tail * graph.n + head, head * graph.n + tail
    # arcs are sorted by tail and head, thus keys are sorted
    there = np.minimum(np.searchsorted(key, back), len(key) - 1)
    both = key[there] == back
    kmh = _kmh(graph)
    streets = np.flatnonzero(~both | (tail < head))
    columns = (tail, head, both, kmh, kmh[there])
    with osmium.SimpleWriter(str(path), overwrite=True) as writer:
        for node, place in enumerate(graph.lonlat.tolist(), start=1):
            writer.add_node(Node(id=node, location=tuple(place)))
        rows = zip(*(column[streets].tolist() for column in columns), strict=True)
        for way, (start, end, two_way, forward, backward) in enumerate(rows, start=1):
            speeds = (
                {"maxspeed:forward": str(forward), "maxspeed:backward": str(backward)}
                if two_way
                else {"maxspeed": str(forward), "oneway": "yes"}
            )
            tags = {"highway": "tertiary", **speeds}
            writer.add_way(Way(id=way, nodes=[start + 1, end + 1], tags=tags))


def _kmh(graph: RoadGraph) -> NDArray[np.int64]:
    start, end = graph.lonlat[graph.tail], graph.lonlat[graph.head]
    east = (end - start)[:, 0] * np.cos(np.deg2rad((start + end)[:, 1] / 2))
    metres = np.hypot(east, (end - start)[:, 1]) * _M_PER_DEGREE
    return np.clip(np.rint(metres / graph.arc_ms * 3600), *_KMH).astype(np.int64)


def _run(home: Path, until: float, program: str, *arguments: str) -> None:
    """Run one of its programs on one thread.

    Its module runs them too, but would not end them where it is ended.
    """
    found = shutil.which(program, path=str(home / "bin"))
    if found is None:
        raise FileNotFoundError(f"{program} is not in the package osrm-bindings")
    done = subprocess.run(
        [found, "--threads", "1", "--verbosity", "ERROR", *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=max(0.0, until - time.monotonic()),
    )
    if done.returncode:
        raise RuntimeError(f"{program}: {(done.stderr or done.stdout).strip()[-200:]}")
