"""Reads OpenStreetMap files: ``.osm.pbf``, ``.osm``, ``.osm.gz``, ``.osm.bz2``."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import TYPE_CHECKING, Final

import numpy as np
import osmium
from osmium.osm import Node, Relation, TagList, Way
from tqdm import tqdm

from routing.errors import InputError
from routing.geodesy import DEGREES_PER_UNIT, segment_lengths
from scenarios.citydata import ThingCollector
from scenarios.osm_access import Barrier, barrier, carriageways, ferry_minutes
from scenarios.osm_tags import speed_limit
from scenarios.roads import Restriction, RoadCollector

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from scenarios.citydata import Box, CityData

OSM_SUFFIXES: Final = {
    ".osm.pbf": "pbf",
    ".pbf": "pbf",
    ".osm": "osm",
    ".osm.gz": "osm.gz",
    ".osm.bz2": "osm.bz2",
}
"""File name endings that `read_osm` takes, and osmium's names of their formats."""

_KEYS: Final = (
    *("addr:housenumber", "amenity", "building", "emergency", "place"),
    *("barrier", "restriction", "restriction:emergency", "restriction:motorcar"),
    "restriction:motor_vehicle",
)
_RESTRICTIONS: Final = ("restriction", "restriction:motor_vehicle", "restriction:motorcar")

_E7Box = tuple[int, int, int, int]


def osm_format(path: Path) -> str:
    """Tell the format of an OpenStreetMap file by its name.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    str
        osmium's name of the format, empty if the name has no known ending.
    """
    endings = [e for e in OSM_SUFFIXES if path.name.lower().endswith(e)]
    return OSM_SUFFIXES[max(endings, key=len)] if endings else ""


def check_bbox(bbox: Box) -> None:
    """Refuse a box that is none.

    Parameters
    ----------
    bbox : tuple of float
        West, south, east, north in degrees.

    Raises
    ------
    InputError
        A side is out of range or the sides are in another order.
    """
    west, south, east, north = bbox
    if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):
        raise InputError(
            f"{west:g},{south:g},{east:g},{north:g} is no box",
            field="--bbox",
            fix="give west,south,east,north in degrees with west < east and south < north",
        )


def read_osm(path: Path, bbox: Box | None = None) -> CityData:
    """Read the roads and the things that a scenario needs.

    Roads are those for cars, and what a rescue vehicle may use beyond them: see
    `scenarios.osm_access.carriageways`.

    Nodes that a way names but that are missing from the file, or that lie outside
    `bbox`, cut the way into the runs between them; they are counted in ``dropped``.

    Parameters
    ----------
    path : Path
        A file whose name ends in one of `OSM_SUFFIXES`. Its objects may be in any order.
    bbox : tuple of float, optional
        West, south, east, north in degrees; all that lies outside is left out.

    Returns
    -------
    CityData
        What was read.

    Raises
    ------
    InputError
        The file is empty, truncated or of another format, holds no drivable road, or
        none inside `bbox`.
    """
    if bbox is not None:
        check_bbox(bbox)
    if not path.is_file():
        raise InputError(f"there is no file {path}", field="SOURCE", fix="check the path")
    if path.stat().st_size == 0:
        raise InputError(f"{path} is empty", field="SOURCE", fix="fetch the file again")
    file_format = osm_format(path)
    reader = _Reader(osmium.io.File(str(path), file_format), bbox)
    try:
        data = reader.read()
    except (RuntimeError, ValueError) as error:
        raise InputError(
            f"{path} cannot be read as {file_format} ({error})",
            field="SOURCE",
            fix="it is truncated or of another format: fetch it again or correct its ending",
        ) from error
    if data.ways.segment_public.any():
        return data
    if reader.extent is None:
        raise InputError(
            f"{path} holds no drivable road",
            field="SOURCE",
            fix="take an extract with highway=* ways and their nodes",
        )
    west, south, east, north = (side * DEGREES_PER_UNIT for side in reader.extent)
    raise InputError(
        f"no drivable road of {path} lies inside",
        field="--bbox",
        fix=f"its roads span {west:.5f},{south:.5f},{east:.5f},{north:.5f}",
    )


class _Reader:
    """One reading of a file, in two passes: nodes and relations, then ways."""

    def __init__(self, file: osmium.io.File, bbox: Box | None) -> None:
        self.extent: _E7Box | None = None
        self._file = file
        self._box: _E7Box | None = None
        if bbox is not None:
            west, south, east, north = (round(side / DEGREES_PER_UNIT) for side in bbox)
            self._box = (west, south, east, north)
        self._roads = RoadCollector()
        self._things = ThingCollector()
        self._relations: list[tuple[str, dict[str, str], list[int]]] = []
        self._members: dict[int, _E7Box | None] = {}
        self._dropped: Counter[str] = Counter()
        self._barriers: dict[int, Barrier] = {}
        self._restrictions: list[Restriction] = []

    def read(self) -> CityData:
        locations = osmium.NodeLocationsForWays(osmium.index.create_map("flex_mem"))
        locations.ignore_errors()
        entities = osmium.osm.NODE | osmium.osm.RELATION
        tagged = osmium.filter.KeyFilter(*_KEYS)
        objects = osmium.FileProcessor(self._file, entities)
        objects.with_filter(locations).with_filter(tagged)
        for item in tqdm(objects, "things", unit=" things", disable=None):
            if isinstance(item, Relation):
                self._keep_relation(item)
                self._keep_restriction(item)
            elif isinstance(item, Node) and item.location.valid():
                x, y = item.location.x, item.location.y
                if self._inside(x, y):
                    tags = _plain(item.tags)
                    self._add_feature(f"n{item.id}", tags, (x, y, x, y))
                    if (found := barrier(tags)) is not None:
                        self._barriers[item.id] = found
        objects = osmium.FileProcessor(self._file, osmium.osm.WAY).with_filter(locations)
        for way in tqdm(objects, "ways", unit=" ways", disable=None):
            if isinstance(way, Way):
                self._add_way(way)
        for identifier, tags, members in self._relations:
            boxes = [box for ref in members if (box := self._members[ref]) is not None]
            self._add_feature(identifier, tags, _union(boxes))
        self._dropped["barriers_at_junctions"] += self._roads.bar(self._barriers)
        ways = self._roads.ways(self._things.houses(), sorted(self._restrictions))
        return self._things.city(ways, self._dropped)

    def _inside(self, x: int, y: int) -> bool:
        box = self._box
        return box is None or (box[0] <= x <= box[2] and box[1] <= y <= box[3])

    def _keep_relation(self, relation: Relation) -> None:
        tags = _plain(relation.tags)
        if not ThingCollector.is_wanted(tags):
            return
        members = [member.ref for member in relation.members if member.type == "w"]
        self._relations.append((f"r{relation.id}", tags, members))
        self._members.update(dict.fromkeys(members))

    def _keep_restriction(self, relation: Relation) -> None:
        tags = _plain(relation.tags)
        if tags.get("type") != "restriction":
            return
        for_all = tags.get("restriction:emergency", "")
        kind = for_all or next((tags[key] for key in _RESTRICTIONS if key in tags), "")
        if not kind.startswith(("no_", "only_")) or "motorcar" in tags.get("except", "").split(";"):
            return
        parts: dict[str, list[tuple[str, int]]] = {}
        for member in relation.members:
            parts.setdefault(member.role, []).append((member.type, member.ref))
        ends = [parts.get(role, []) for role in ("from", "via", "to")]
        if [[kind for kind, _ in members] for members in ends] != [["w"], ["n"], ["w"]]:
            # over a way, or over several
            self._dropped["turn_restrictions_not_over_one_junction"] += 1
            return
        (_, from_way), (_, via), (_, to_way) = (members[0] for members in ends)
        self._restrictions.append(
            Restriction(via, from_way, to_way, kind.startswith("only_"), bool(for_all))
        )

    def _add_way(self, way: Way) -> None:
        tags = _plain(way.tags)
        carriages = carriageways(tags)
        public = any(carriage.traits.access == "public" for carriage in carriages)
        wanted = ThingCollector.is_wanted(tags)
        member = way.id in self._members
        if not (carriages or wanted or member):
            return
        runs = self._runs(way, public)
        if carriages:
            usable = [run for run in runs if len(run) > 1]
            self._dropped["ways_without_a_segment"] += public and not usable and self._box is None
            limit = speed_limit(tags.get("maxspeed", ""))
            if "highway" not in tags:
                limit = _sailing_kmh(tags, runs)
            name = tags.get("name", "") or tags.get("ref", "")
            highway = tags.get("highway", "ferry")
            for (direction, traits), run in itertools.product(carriages, usable):
                self._roads.add(way.id, highway, limit, name, direction, run, traits)
        if wanted or member:
            box = _union([(x, y, x, y) for run in runs for _, x, y in run])
            if member:
                self._members[way.id] = box
            if wanted:
                self._add_feature(f"w{way.id}", tags, box)

    def _runs(self, way: Way, is_road: bool) -> list[list[tuple[int, int, int]]]:
        """Cut a way at nodes that are missing or outside."""
        runs: list[list[tuple[int, int, int]]] = [[]]
        missing = outside = 0
        for node in way.nodes:
            location = node.location
            if not location.valid():
                missing += 1
            else:
                x, y = location.x, location.y
                if is_road:
                    self._widen(x, y)
                if self._inside(x, y):
                    runs[-1].append((node.ref, x, y))
                    continue
                outside += 1
            if runs[-1]:
                runs.append([])
        if is_road:
            self._dropped["road_vertices_missing_from_the_file"] += missing
            self._dropped["ways_with_missing_vertices"] += missing > 0
            self._dropped["road_vertices_outside_bbox"] += outside
        return runs

    def _widen(self, x: int, y: int) -> None:
        box = self.extent or (x, y, x, y)
        self.extent = (min(box[0], x), min(box[1], y), max(box[2], x), max(box[3], y))

    def _add_feature(self, identifier: str, tags: Mapping[str, str], box: _E7Box | None) -> None:
        if not ThingCollector.is_wanted(tags):
            return
        if box is None:
            # Outside the box asked for is where it should be left out; else it is lost.
            self._dropped["features_without_position"] += self._box is None
            return
        x, y = (box[0] + box[2]) // 2, (box[1] + box[3]) // 2
        self._things.add(identifier, tags, x * DEGREES_PER_UNIT, y * DEGREES_PER_UNIT)


def _sailing_kmh(tags: Mapping[str, str], runs: list[list[tuple[int, int, int]]]) -> float:
    """Speed of a ferry from its duration; NaN if none is tagged or part of it is missing."""
    minutes = ferry_minutes(tags.get("duration", ""))
    if minutes is None or len(runs) != 1:
        return float("nan")
    lonlat = np.array(runs[0], dtype=np.float64)[:, 1:] * DEGREES_PER_UNIT
    km = float(segment_lengths(lonlat[:-1], lonlat[1:]).sum()) / 1000
    return min(max(60 * km / minutes, 1.0), 100.0)


def _plain(tags: TagList) -> dict[str, str]:
    return {tag.k: tag.v for tag in tags}


def _union(boxes: list[_E7Box]) -> _E7Box | None:
    if not boxes:
        return None
    west, south, east, north = zip(*boxes, strict=True)
    return min(west), min(south), max(east), max(north)
