"""Who may drive where, and how fast, as pure functions of OpenStreetMap tags."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Final, NamedTuple

from routing.speeds import BARRIER_CLASS
from scenarios.osm_tags import direction, is_drivable, speed_limit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scenarios.osm_tags import Direction

_FOR_CARS: Final = ("motorcar", "motor_vehicle", "vehicle", "access")
"""Keys that say whether cars may pass, the one that counts first."""

_CLOSED: Final = frozenset({"no", "emergency", "psv", "bus"})
"""Values that close a road to cars, beyond what OSMnx leaves out."""

_REFUSED: Final = _CLOSED | {"private", "agricultural", "forestry", "military"}
"""Values that close a barrier or a ferry to cars, as in OSRM's car profile."""

_BY_SIGN: Final = frozenset({"yes", "designated", "official"})
_ROADS: Final = frozenset(
    {
        *("motorway", "motorway_link", "trunk", "trunk_link", "primary", "primary_link"),
        *("secondary", "secondary_link", "tertiary", "tertiary_link", "unclassified"),
        *("residential", "living_street", "road"),
    }
)
_WIDE_ENOUGH: Final = _ROADS | {
    *("service", "busway", "pedestrian", "track", "path", "cycleway", "footway"),
}
"""Classes that rescue vehicles may drive on where a sign lets them."""

_NO_CONTRAFLOW: Final = frozenset({"motorway", "motorway_link", "trunk", "trunk_link"})

_PASSABLE_BARRIERS: Final = frozenset(
    {
        *("arch", "border_control", "cattle_grid", "checkpoint", "entrance", "gate"),
        *("height_restrictor", "kerb", "lift_gate", "no", "sally_port", "sliding_gate"),
        *("swing_gate", "toll_booth"),
    }
)
"""Barriers that cars pass unless a tag says otherwise: those of OSRM's car profile, and
``swing_gate``, ``sliding_gate`` and ``kerb``."""

_REMOVABLE: Final = frozenset({"removable", "foldable", "rising"})

_BUILT_UP_ZONES: Final = frozenset({"urban", "living_street", "zone30", "zone", "zone20"})
_RURAL_ZONES: Final = frozenset({"rural", "motorway", "trunk", "express", "expressway"})
_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]*)")
_FEET: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(?:'|ft)\s*(?:(\d+(?:\.\d+)?)\s*(?:\"|''|in))?")
_METRES: Final = {"": 1.0, "m": 1.0, "cm": 0.01, "ft": 0.3048, "in": 0.0254}
_TONNES: Final = {
    "": 1.0,
    "t": 1.0,
    "kg": 0.001,
    "st": 0.90718474,
    "lbs": 0.00045359237,
    "lb": 0.00045359237,
}


class Traits(NamedTuple):
    """What a way, or one direction of it, is to a vehicle.

    Parameters
    ----------
    access : str
        One of `routing.network.ACCESS`.
    bus_lane : bool
        Whether a bus lane runs along it.
    built_up : bool, optional
        Whether it lies in a built-up area; None where no tag tells.
    max_height, max_weight, max_width : float, optional
        Limits in metres, tonnes, metres; None where there is none.
    """

    access: str = "public"
    bus_lane: bool = False
    built_up: bool | None = None
    max_height: float | None = None
    max_weight: float | None = None
    max_width: float | None = None


class Carriageway(NamedTuple):
    """One direction, or both alike, of a way.

    Parameters
    ----------
    direction : Direction
        Which way it is driven.
    traits : Traits
        What it is to a vehicle.
    """

    direction: Direction
    traits: Traits


class Barrier(NamedTuple):
    """What stops cars at a vertex.

    Parameters
    ----------
    highway : str
        Its class, such as ``barrier:bollard``.
    traits : Traits
        Who passes: access is ``barrier``, ``emergency`` for rescue vehicles by sign, or
        ``public`` where it only limits the size, so that it is a piece of the road.
    """

    highway: str
    traits: Traits


def carriageways(tags: Mapping[str, str]) -> list[Carriageway]:
    """Tell how a way may be driven.

    Public is what OSMnx's ``drive`` network takes and no tag closes to cars: unlike
    there, bus roads and ``access=no`` are closed. Of what is closed to cars that is kept
    which a rescue vehicle may use: bus roads, ways open to it by sign, pedestrian
    streets, roads closed by access tags, and one-way roads against the traffic but for
    motorways, trunk roads, roundabouts and dual carriageways.

    Parameters
    ----------
    tags : mapping of str to str
        The way's tags.

    Returns
    -------
    list of Carriageway
        None, one for both directions, or one for each.
    """
    access = _access(tags)
    if not access:
        return []
    width, height = tags.get("maxwidth", ""), tags.get("maxheight", "")
    traits = Traits(
        access=access,
        built_up=_built_up(tags),
        max_height=metres(tags.get("maxheight:physical", height)),
        max_weight=tonnes(tags.get("maxweight", "")),
        max_width=metres(tags.get("maxwidth:physical", width)),
    )
    if access == "ferry":
        return [Carriageway(direction(tags), traits)]
    way = direction(tags)
    along, against = _bus_lanes(tags)
    if way == "both" or (access != "public" and tags.get("oneway:emergency") == "no"):
        if along == against:
            return [Carriageway("both", traits._replace(bus_lane=along))]
        return [
            Carriageway("forward", traits._replace(bus_lane=along)),
            Carriageway("backward", traits._replace(bus_lane=against)),
        ]
    lanes = (along, against) if way == "forward" else (against, along)
    made = [Carriageway(way, traits._replace(bus_lane=lanes[0]))]
    kind = _against_traffic(tags, bus_lane=lanes[1]) if access == "public" else ""
    if kind:
        other: Direction = "backward" if way == "forward" else "forward"
        made.append(Carriageway(other, traits._replace(access=kind)))
    return made


def barrier(tags: Mapping[str, str]) -> Barrier | None:
    """Tell whether a barrier stops some vehicle.

    Parameters
    ----------
    tags : mapping of str to str
        Tags of a vertex.

    Returns
    -------
    Barrier or None
        What stops it; None if every vehicle passes.
    """
    kind = tags.get("barrier", "")
    height = metres(tags.get("maxheight:physical", tags.get("maxheight", "")))
    width = metres(tags.get("maxwidth:physical", tags.get("maxwidth", "")))
    if not kind:
        return None
    said = next((tags[key] for key in _FOR_CARS if key in tags), "")
    # what rises by itself lets pass whom it knows: OSRM lets cars through
    passed = kind in _PASSABLE_BARRIERS or tags.get("bollard") == "rising"
    passed = passed if not said else said not in _REFUSED
    traits = Traits(access="barrier", max_height=height, max_width=width)
    if passed:
        if height is None and width is None:
            return None
        return Barrier(BARRIER_CLASS + kind, traits._replace(access="public"))
    if tags.get("emergency") == "no":
        kind = "closed"
    elif tags.get("emergency") in _BY_SIGN:
        traits = traits._replace(access="emergency")
    elif kind == "bollard" and tags.get("bollard") in _REMOVABLE:
        kind = "bollard_removable"
    return Barrier(BARRIER_CLASS + kind, traits)


def ferry_minutes(text: str) -> float | None:
    """Read how long a ferry takes.

    Parameters
    ----------
    text : str
        A ``duration`` such as ``20``, ``00:20``, ``1:10:00`` or ``PT20M``.

    Returns
    -------
    float or None
        Minutes; None if it tells none.
    """
    if match := re.fullmatch(r"(\d+):(\d\d)(?::(\d\d))?", text):
        minutes = 60 * int(match[1]) + int(match[2]) + int(match[3] or 0) / 60
    elif match := re.fullmatch(r"PT(?:(\d+)H)?(?:(\d+)M)?", text):
        minutes = 60 * int(match[1] or 0) + int(match[2] or 0)
    elif re.fullmatch(r"\d+", text):
        minutes = float(text)
    else:
        return None
    return minutes if minutes > 0 else None


def metres(text: str) -> float | None:
    """Read a height or width.

    Parameters
    ----------
    text : str
        Such as ``3.5``, ``3.5 m``, ``12'6"`` or ``12 ft``.

    Returns
    -------
    float or None
        Metres; None for what names no number, such as ``default`` or ``none``.
    """
    text = text.strip().lower().replace(",", ".")
    if match := _FEET.fullmatch(text):
        return 0.3048 * float(match[1]) + 0.0254 * float(match[2] or 0)
    return _quantity(text, _METRES)


def tonnes(text: str) -> float | None:
    """Read a weight.

    Parameters
    ----------
    text : str
        Such as ``7.5``, ``7.5 t``, ``3500 kg`` or ``10 st`` (short tons).

    Returns
    -------
    float or None
        Tonnes; None for what names no number, such as ``default`` or ``none``.
    """
    return _quantity(text.strip().lower().replace(",", "."), _TONNES)


def _quantity(text: str, units: dict[str, float]) -> float | None:
    match = _SIZE.fullmatch(text)
    if match is None or match[2] not in units or float(match[1]) == 0:
        return None
    return float(match[1]) * units[match[2]]


def _access(tags: Mapping[str, str]) -> str:
    """Tell who may use a way; empty if no vehicle can or it is none."""
    highway = tags.get("highway", "")
    if not highway:
        takes_cars = tags.get("motorcar", tags.get("motor_vehicle", "yes")) not in _REFUSED
        return "ferry" if tags.get("route") == "ferry" and takes_cars else ""
    said = next((tags[key] for key in _FOR_CARS if key in tags), "yes")
    closed = highway == "busway" or said in _CLOSED
    if is_drivable(tags) and not closed:
        return "public"
    if highway not in _WIDE_ENOUGH or tags.get("area") == "yes" or tags.get("emergency") == "no":
        return ""
    if tags.get("emergency") in _BY_SIGN or tags.get("service") == "emergency_access":
        return "emergency"
    for_buses = said in {"bus", "psv"} or any(tags.get(key) in _BY_SIGN for key in ("bus", "psv"))
    if highway == "busway" or (for_buses and said in _REFUSED and highway in _ROADS | {"service"}):
        return "bus"
    return "pedestrian" if highway == "pedestrian" else "no_entry" * (highway in _ROADS)


def _against_traffic(tags: Mapping[str, str], *, bus_lane: bool) -> str:
    """Tell as what the wrong direction of a one-way road counts; empty if nobody may."""
    if tags.get("oneway:emergency") == "no":
        return "emergency"
    if bus_lane or any(tags.get(f"oneway:{key}") == "no" for key in ("bus", "psv")):
        return "bus"
    barred = (
        tags["highway"] in _NO_CONTRAFLOW
        or tags.get("junction") in {"roundabout", "circular"}
        or tags.get("dual_carriageway") == "yes"
    )
    return "" if barred else "contraflow"


def _bus_lanes(tags: Mapping[str, str]) -> tuple[bool, bool]:
    """Tell whether a bus lane runs along a way, and against it, in the order of its nodes.

    A lane at one side of a two-way road counts for both directions: tags do not tell on
    which side people drive.
    """
    way = direction(tags)
    sides = [tags.get(key, "") for key in ("busway", "busway:both", "busway:left", "busway:right")]
    with_traffic, opposite = "lane" in sides, "opposite_lane" in sides
    forward, backward = opposite and way == "backward", opposite and way != "backward"
    for key in ("bus", "psv"):
        with_traffic |= _has_lane(tags, key, "")
        forward |= _has_lane(tags, key, ":forward")
        backward |= _has_lane(tags, key, ":backward")
    return (
        forward or (with_traffic and way != "backward"),
        backward or (with_traffic and way != "forward"),
    )


def _has_lane(tags: Mapping[str, str], key: str, suffix: str) -> bool:
    count = tags.get(f"lanes:{key}{suffix}", "0")
    return count not in {"", "0"} or "designated" in tags.get(f"{key}:lanes{suffix}", "")


def _built_up(tags: Mapping[str, str]) -> bool | None:
    """Tell whether tags place a way in a built-up area; None if they do not say."""
    for key in ("zone:traffic", "traffic_zone", "maxspeed:type", "source:maxspeed", "maxspeed"):
        kind = tags.get(key, "").rpartition(":")[2].lower()
        if kind in _BUILT_UP_ZONES:
            return True
        if kind in _RURAL_ZONES:
            return False
    if tags.get("highway", "") in {"motorway", "motorway_link"}:
        return False
    limit = speed_limit(tags.get("maxspeed", ""))
    return None if math.isnan(limit) else limit <= 50
