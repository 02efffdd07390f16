"""What a map says about a city, whatever file or service it came from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from scenarios.osm_tags import DISTRICT_PLACES, station_kind

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from routing.build import Ways


Box = tuple[float, float, float, float]
"""West, south, east, north in degrees."""


@dataclass(frozen=True)
class Feature:
    """A station, hospital or place.

    Parameters
    ----------
    osm : str
        Type and id in OpenStreetMap: ``n12``, ``w12`` or ``r12``.
    kind : str
        What it is: ``Fire station``, ``Hospital``, a value of ``place``.
    name : str
        Its name, empty where it has none.
    lon, lat : float
        Degrees; of an area the middle of its bounding box.
    emergency : str
        Its ``emergency`` tag.
    """

    osm: str
    kind: str
    name: str
    lon: float
    lat: float
    emergency: str = ""

    @property
    def label(self) -> str:
        """Return its name, or what and which it is."""
        types = {"n": "node", "w": "way", "r": "relation"}
        return self.name or f"{self.kind} (OSM {types[self.osm[0]]} {self.osm[1:]})"


@dataclass(frozen=True, eq=False)
class CityData:
    """Roads and things of a city as read, in no projection and before any choice.

    Parameters
    ----------
    ways : Ways
        The drivable roads.
    stations, hospitals, places : tuple of Feature
        In order of OSM type and id.
    addresses, buildings : ndarray of float64, shape (any, 2)
        Lon, lat.
    dropped : dict of str to int
        How many things could not be used, by what and why.
    """

    ways: Ways
    stations: tuple[Feature, ...] = ()
    hospitals: tuple[Feature, ...] = ()
    places: tuple[Feature, ...] = ()
    addresses: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 2)))
    buildings: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 2)))
    dropped: dict[str, int] = field(default_factory=dict)


class ThingCollector:
    """Collects stations, hospitals, places, addresses and buildings one by one."""

    def __init__(self) -> None:
        self._stations: list[Feature] = []
        self._hospitals: list[Feature] = []
        self._places: list[Feature] = []
        self._addresses: list[tuple[float, float]] = []
        self._buildings: list[tuple[float, float]] = []

    @staticmethod
    def is_wanted(tags: Mapping[str, str]) -> bool:
        """Tell whether an object is one of these things.

        Parameters
        ----------
        tags : mapping of str to str
            The object's tags.

        Returns
        -------
        bool
            True if `add` would keep it.
        """
        return (
            "addr:housenumber" in tags
            or "building" in tags
            or tags.get("amenity") == "hospital"
            or tags.get("place") in DISTRICT_PLACES
            or bool(station_kind(tags))
        )

    def add(self, osm: str, tags: Mapping[str, str], lon: float, lat: float) -> None:
        """Keep an object as all that it is: a hospital may be a building with an address.

        Parameters
        ----------
        osm : str
            Type and id: ``n12``, ``w12`` or ``r12``.
        tags : mapping of str to str
            Its tags.
        lon, lat : float
            Degrees.
        """
        lon, lat = round(lon, 7), round(lat, 7)
        name, emergency = tags.get("name", ""), tags.get("emergency", "")
        if kind := station_kind(tags):
            self._stations.append(Feature(osm, kind, name, lon, lat, emergency))
        if tags.get("amenity") == "hospital":
            self._hospitals.append(Feature(osm, "Hospital", name, lon, lat, emergency))
        if name and tags.get("place") in DISTRICT_PLACES:
            self._places.append(Feature(osm, tags["place"], name, lon, lat))
        if "addr:housenumber" in tags:
            self._addresses.append((lon, lat))
        if tags.get("building", "no") != "no":
            self._buildings.append((lon, lat))

    def houses(self) -> NDArray[np.float64]:
        """Return where houses stand, as far as the map shows buildings.

        Returns
        -------
        ndarray of float64, shape (h, 2)
            Lon, lat of buildings and addresses; none if there are no buildings.
        """
        found = [*self._buildings, *self._addresses] if self._buildings else []
        return np.array(found, dtype=np.float64).reshape(-1, 2)

    def city(self, ways: Ways, dropped: Counter[str]) -> CityData:
        """Return all things added so far, with the roads.

        Parameters
        ----------
        ways : Ways
            The roads.
        dropped : Counter
            How many things could not be used.

        Returns
        -------
        CityData
            All of it.
        """
        return CityData(
            ways=ways,
            stations=tuple(sorted(self._stations, key=_feature_order)),
            hospitals=tuple(sorted(self._hospitals, key=_feature_order)),
            places=tuple(sorted(self._places, key=_feature_order)),
            addresses=np.array(self._addresses, dtype=np.float64).reshape(-1, 2),
            buildings=np.array(self._buildings, dtype=np.float64).reshape(-1, 2),
            dropped={key: dropped[key] for key in sorted(dropped) if dropped[key]},
        )


def _feature_order(feature: Feature) -> tuple[int, int]:
    return "nwr".index(feature.osm[0]), int(feature.osm[1:])
