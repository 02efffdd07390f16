"""What OpenStreetMap tags mean for a rescue vehicle, as pure functions of tags."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Direction = Literal["both", "forward", "backward"]

_KM_PER_MILE: Final = 1.609344
_KM_PER_NAUTICAL_MILE: Final = 1.852

# The 'drive' network of OSMnx (Boeing 2017, doi:10.1016/j.compenvurbsys.2017.05.004):
# a way is left out if the value of a key contains one of these words.
_NOT_DRIVABLE: Final = {
    "area": re.compile("yes"),
    "access": re.compile("private"),
    "highway": re.compile(
        "abandoned|bridleway|bus_guideway|construction|corridor|cycleway|elevator|escalator|"
        "footway|no|path|pedestrian|planned|platform|proposed|raceway|razed|rest_area|service|"
        "services|steps|track"
    ),
    "motor_vehicle": re.compile("no"),
    "motorcar": re.compile("no"),
    "service": re.compile("alley|driveway|emergency_access|parking|parking_aisle|private"),
}
_ONE_WAY: Final = frozenset({"yes", "true", "1", "-1", "reverse", "T", "F"})
_AGAINST: Final = frozenset({"-1", "reverse", "T"})
_SPEED: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(km/h|kmh|kph|mph|knots)?")

DISTRICT_PLACES: Final = (
    "borough",
    "suburb",
    "quarter",
    "town",
    "village",
    "hamlet",
    "city",
)
"""Values of ``place`` that name a district."""


def is_drivable(tags: Mapping[str, str]) -> bool:
    """Tell whether a way belongs to the public road network for cars.

    Parameters
    ----------
    tags : mapping of str to str
        The way's tags.

    Returns
    -------
    bool
        True by the rules of OSMnx's ``drive`` network.
    """
    if "highway" not in tags:
        return False
    return not any(key in tags and word.search(tags[key]) for key, word in _NOT_DRIVABLE.items())


def direction(tags: Mapping[str, str]) -> Direction:
    """Tell which way a road may be driven.

    Parameters
    ----------
    tags : mapping of str to str
        The way's tags.

    Returns
    -------
    Direction
        ``both``, ``forward`` or ``backward`` along the order of its nodes.
    """
    oneway = tags.get("oneway", "")
    if oneway in _AGAINST:
        return "backward"
    if oneway in _ONE_WAY or tags.get("junction") == "roundabout":
        return "forward"
    return "both"


def speed_limit(text: str) -> float:
    """Read a ``maxspeed`` value.

    Parameters
    ----------
    text : str
        Such as ``50``, ``30 mph`` or ``70;50``; of several the lowest counts.

    Returns
    -------
    float
        km/h; NaN for what names no number, such as ``none`` or ``DE:urban``.
    """
    factors = {"mph": _KM_PER_MILE, "knots": _KM_PER_NAUTICAL_MILE}
    limits = [
        float(match[1]) * factors.get(match[2], 1.0)
        for part in re.split(r"[;,|]", text)
        if (match := _SPEED.fullmatch(part.strip()))
    ]
    positive = [limit for limit in limits if limit > 0]
    return min(positive, default=float("nan"))


def station_kind(tags: Mapping[str, str]) -> str:
    """Tell whether an object is a place that units start from.

    Parameters
    ----------
    tags : mapping of str to str
        The object's tags.

    Returns
    -------
    str
        ``Ambulance station``, ``Fire station``, or empty.
    """
    if tags.get("emergency") == "ambulance_station":
        return "Ambulance station"
    if tags.get("amenity") == "fire_station":
        return "Fire station"
    return ""
