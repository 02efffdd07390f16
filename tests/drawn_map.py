"""Maps drawn with letters, read by the real importer."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from routing.passages import rescue_network
from routing.snapping import Snapper
from routing.speeds import CAR, SpeedTable
from routing.travel_times import DijkstraTravelTimes
from scenarios.osm import read_osm
from tests.tiny_map import TinyMap

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from routing.network import RoadNetwork
    from scenarios.citydata import CityData

STEP = 0.001
"""Degrees between two characters of a drawing, and four times less than between rows."""

CORNER = (13.0, 53.0)


@dataclass(frozen=True)
class DrawnMap:
    """A map whose letters are vertices; a way is a word over them.

    Between two letters of a row lie about 67 m a column, between two rows about 445 m.
    """

    drawing: str
    ways: Mapping[str, Mapping[str, str]]
    nodes: Mapping[str, Mapping[str, str]]
    turns: Sequence[tuple[str, str, str, Mapping[str, str]]]
    folder: Path

    @cached_property
    def at(self) -> dict[str, tuple[float, float]]:
        """Lon, lat of each letter."""
        return {
            sign: (CORNER[0] + STEP * column, CORNER[1] - 4 * STEP * row)
            for row, line in enumerate(self.drawing.strip("\n").splitlines())
            for column, sign in enumerate(line)
            if sign.isalpha()
        }

    @cached_property
    def city(self) -> CityData:
        """The map as it was read."""
        made = TinyMap({ord(letter): place for letter, place in self.at.items()})
        number = {word: 1 + i for i, word in enumerate(self.ways)}
        for word, tags in self.ways.items():
            made.ways[number[word]] = ([ord(letter) for letter in word], dict(tags))
        made.node_tags = {ord(letter): dict(tags) for letter, tags in self.nodes.items()}
        for i, (before, via, behind, tags) in enumerate(self.turns):
            made.turns[1 + i] = ((number[before], ord(via), number[behind]), dict(tags))
        return read_osm(made.write(self.folder / "drawn.osm"))

    @cached_property
    def network(self) -> RoadNetwork:
        """Its network for cars and rescue vehicles."""
        ways = self.city.ways
        open_to_cars = SpeedTable.load().way_kmh(ways, "normal", vehicle=CAR) > 0
        return rescue_network(ways, open_to_cars).network

    def letters(self, nodes: Sequence[int] | np.ndarray) -> str:
        """Letters of nodes of the network; of both sides of a barrier the same."""
        return "".join(chr(abs(int(self.network.node_osm[node]))) for node in nodes)

    def arcs(self) -> list[str]:
        """Tail and head of each arc of the network as letters."""
        ends = np.column_stack([self.network.arc_tail, self.network.arc_head])
        return [self.letters(pair) for pair in ends]

    def route(
        self, word: str, vehicle: str, profile: str = "siren", hour: int | None = None
    ) -> str:
        """Letters that the fastest route between two letters passes."""
        lonlat = self.fastest(word, vehicle, profile, hour)[0]
        passed = [
            letter
            for point in lonlat
            for letter, place in self.at.items()
            if np.abs(point - place).max() < 1e-6
        ]
        return "".join(a for a, b in zip(passed, [*passed[1:], ""], strict=True) if a != b)

    def fastest(
        self, word: str, vehicle: str, profile: str = "siren", hour: int | None = None
    ) -> tuple[np.ndarray, int]:
        """Shape and milliseconds of the fastest route between two letters."""
        times = SpeedTable.load().arc_times_ms(self.network, profile, vehicle=vehicle, hour=hour)
        start, end = (Snapper(self.network).snap([self.at[letter]]) for letter in word)
        found = DijkstraTravelTimes(self.network, times).route(start, end)
        return found.lonlat, found.ms


def draw_map(
    folder: Path,
    drawing: str,
    ways: Mapping[str, Mapping[str, str]],
    nodes: Mapping[str, Mapping[str, str]] | None = None,
    turns: Sequence[tuple[str, str, str, Mapping[str, str]]] = (),
) -> DrawnMap:
    """Draw a map: ways are words over its letters, turns ways with a letter between."""
    return DrawnMap(drawing, ways, nodes or {}, turns, folder)
