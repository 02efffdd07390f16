"""Writes small OpenStreetMap files for tests."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from xml.sax.saxutils import quoteattr

import osmium

if TYPE_CHECKING:
    from pathlib import Path

    from routing.build import Ways

Tags = dict[str, str]


@dataclass
class TinyMap:
    """Nodes, ways and relations, to be written in any format and order.

    Nodes are ``(lon, lat)``, ways lists of node ids, relations lists of way ids, turns
    the ids of way, node and way of turn restrictions.
    """

    nodes: dict[int, tuple[float, float]] = field(default_factory=dict)
    ways: dict[int, tuple[list[int], Tags]] = field(default_factory=dict)
    relations: dict[int, tuple[list[int], Tags]] = field(default_factory=dict)
    node_tags: dict[int, Tags] = field(default_factory=dict)
    turns: dict[int, tuple[tuple[int, int, int], Tags]] = field(default_factory=dict)

    def xml(self, order: str = "nwr") -> str:
        """Return the map as OSM XML with its kinds of objects in some order."""
        parts = {"n": self._nodes(), "w": self._ways(), "r": self._relations()}
        body = "\n".join(line for kind in order for line in parts[kind])
        return f'<?xml version="1.0" encoding="UTF-8"?>\n<osm version="0.6">\n{body}\n</osm>\n'

    def write(self, path: Path, order: str = "nwr") -> Path:
        """Write the map in the format that the ending of the path names."""
        plain = path if path.suffix == ".osm" else path.with_name(f"{path.name}.xml.osm")
        plain.write_text(self.xml(order), encoding="utf-8")
        if plain != path:
            with osmium.SimpleWriter(str(path), overwrite=True) as writer:
                for item in osmium.FileProcessor(str(plain)):
                    writer.add(item)
            plain.unlink()
        return path

    def _nodes(self) -> list[str]:
        return [
            f'<node id="{i}" version="1" lon="{lon:.7f}" lat="{lat:.7f}">'
            f"{_tags(self.node_tags.get(i, {}))}</node>"
            for i, (lon, lat) in self.nodes.items()
        ]

    def _ways(self) -> list[str]:
        return [
            f'<way id="{i}" version="1">'
            + "".join(f'<nd ref="{ref}"/>' for ref in refs)
            + f"{_tags(tags)}</way>"
            for i, (refs, tags) in self.ways.items()
        ]

    def _relations(self) -> list[str]:
        return [
            f'<relation id="{i}" version="1">'
            + "".join(f'<member type="way" ref="{ref}" role="outer"/>' for ref in refs)
            + f"{_tags(tags)}</relation>"
            for i, (refs, tags) in self.relations.items()
        ] + [
            f'<relation id="{i}" version="1"><member type="way" ref="{before}" role="from"/>'
            f'<member type="node" ref="{via}" role="via"/>'
            f'<member type="way" ref="{behind}" role="to"/>'
            f"{_tags({'type': 'restriction'} | tags)}</relation>"
            for i, ((before, via, behind), tags) in self.turns.items()
        ]


def _tags(tags: Tags) -> str:
    return "".join(f"<tag k={quoteattr(k)} v={quoteattr(v)}/>" for k, v in tags.items())


def town() -> TinyMap:
    """Make a town: a ring road of 5 x 5 junctions, a one-way street, a station and more.

    Junction (column, row) has id ``1 + column + 5 * row``; they lie 200 m apart.
    """
    made = TinyMap()
    for row in range(5):
        for column in range(5):
            made.nodes[1 + column + 5 * row] = (13.0 + 0.003 * column, 53.0 + 0.0018 * row)
    for row in range(5):
        tags = {"highway": "residential", "name": f"Row {row}"}
        made.ways[100 + row] = ([1 + c + 5 * row for c in range(5)], tags)
    for column in range(5):
        tags = {"highway": "secondary", "maxspeed": "50"}
        made.ways[200 + column] = ([1 + column + 5 * r for r in range(5)], tags)
    made.ways[202][1]["oneway"] = "yes"
    for i in range(20):
        node = 1000 + i
        made.nodes[node] = (13.0005 + 0.0006 * i, 53.0004 + 0.0003 * i)
        made.node_tags[node] = {"addr:housenumber": str(i), "addr:street": "Row"}
    made.nodes[2000] = (13.0061, 53.0037)
    made.node_tags[2000] = {"amenity": "fire_station", "name": "Main station"}
    made.nodes[2001] = (13.0001, 53.0001)
    made.node_tags[2001] = {"emergency": "ambulance_station"}
    made.nodes[2002] = (13.0119, 53.0071)
    made.node_tags[2002] = {"amenity": "hospital", "name": "Clinic", "emergency": "yes"}
    made.nodes[2003] = (13.003, 53.002)
    made.node_tags[2003] = {"place": "suburb", "name": "South"}
    made.nodes[2004] = (13.009, 53.006)
    made.node_tags[2004] = {"place": "suburb", "name": "North"}
    return made


def segments(ways: Ways) -> Counter[tuple[int, int, int]]:
    """Return the directed segments of `Ways` as OSM ids of tail, head and way."""
    return Counter(
        zip(
            ways.node_osm[ways.segment_tail].tolist(),
            ways.node_osm[ways.segment_head].tolist(),
            ways.way_osm[ways.segment_way].tolist(),
            strict=True,
        )
    )
