"""A drive by way of several stops, as one line with its legs and streets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import shapely

from routing.routes import courses, joined

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from api.city import City
    from api.city import Leg as CityLeg
    from api.schemas import Profile
    from routing.snapping import Places

MOST_STOPS: Final = 100
"""Stops of one drive: up to a second of work with all its details, measured in Reykjavik."""

_PICTURE: Final = 1000
"""A simplified line looks like the full one on a picture of so many pixels a side."""

_TURNS: Final = (
    (20, "straight"),
    (60, "slight {}"),
    (120, "{}"),
    (165, "sharp {}"),
)
"""Up to how many degrees a turn is called what; ours, as no standard says it."""


class Part(NamedTuple):
    """A part of a leg along one street.

    Parameters
    ----------
    name : str
        The street; empty where it has no name.
    metres, seconds : float
        Its length and time.
    turn : float
        By how many degrees one turns into it, clockwise; 0 at the start of a leg.
    first, last : int
        Vertices of the line at which it begins and ends.
    """

    name: str
    metres: float
    seconds: float
    turn: float
    first: int
    last: int


class Leg(NamedTuple):
    """The way from one stop to the next.

    Parameters
    ----------
    metres : int
        Its length.
    ms : int
        Its time in milliseconds.
    first, last : int
        Vertices of the line at which it begins and ends.
    parts : list of Part
        Street by street, where details were asked for.
    segment_m, segment_s : ndarray of float64, shape (last - first,)
        Length and time of each segment of its line, where details were asked for.
    """

    metres: int
    ms: int
    first: int
    last: int
    parts: list[Part]
    segment_m: NDArray[np.float64]
    segment_s: NDArray[np.float64]

    @property
    def seconds(self) -> float:
        """Time that it takes."""
        return self.ms / 1000


class Itinerary(NamedTuple):
    """The fastest way by several stops in the order given.

    Parameters
    ----------
    stops : Places
        The stops on their roads.
    line : ndarray of float64, shape (v, 2)
        Lon, lat of the way's vertices, at least two.
    legs : list of Leg
        One fewer than there are stops.
    """

    stops: Places
    line: NDArray[np.float64]
    legs: list[Leg]

    @property
    def metres(self) -> int:
        """Length of the whole."""
        return sum(leg.metres for leg in self.legs)

    @property
    def seconds(self) -> float:
        """Time of the whole."""
        return sum(leg.ms for leg in self.legs) / 1000


def itinerary(city: City, profile: Profile, stops: Places, *, detailed: bool) -> Itinerary:
    """Find the fastest way by several stops in the order given.

    Parameters
    ----------
    city : City
        The city.
    profile : str
        How they drive.
    stops : Places
        The stops, at least two; messages call them ``coordinates``.
    detailed : bool
        Part the legs by streets and segments.

    Returns
    -------
    Itinerary
        The way.

    Raises
    ------
    NoWayError
        No road leads from a stop to the next.
    """
    fields = [f"coordinates[{row}]" for row in range(len(stops))]
    found = city.legs(profile, stops, fields, detailed=detailed)
    line, rows = joined([leg.route.lonlat for leg in found])
    legs = [_leg(leg, row) for leg, row in zip(found, rows, strict=True)]
    return Itinerary(stops, line, legs)


def _leg(found: CityLeg, row: NDArray[np.int64]) -> Leg:
    """Say where in the line a leg stands.

    What is shorter than the resolution of the map has no segment there, and is no part.
    """
    seen = row[1:] > row[:-1] if len(found.seconds) else np.zeros(0, dtype=np.bool_)
    return Leg(
        metres=found.route.metres,
        ms=found.route.ms,
        first=int(row[0]),
        last=int(row[-1]),
        parts=[
            Part(
                name=street.name,
                metres=street.metres,
                seconds=street.seconds,
                turn=street.turn,
                first=int(row[street.first]),
                last=int(row[street.last]),
            )
            for street in found.streets
            if row[street.first] < row[street.last]
        ],
        segment_m=found.metres[seen],
        segment_s=found.seconds[seen],
    )


def turn_words(degrees: float) -> str:
    """Call a turn by its name.

    Parameters
    ----------
    degrees : float
        By how much one turns, -180 to 180, clockwise.

    Returns
    -------
    str
        In the words of OSRM, such as ``slight right`` or ``uturn``.
    """
    side = "right" if degrees > 0 else "left"
    return next((words.format(side) for most, words in _TURNS if abs(degrees) <= most), "uturn")


def bearing(line: NDArray[np.float64], row: int) -> int:
    """Compute where a line leads from one of its vertices.

    Parameters
    ----------
    line : ndarray of float64, shape (v, 2)
        Lon, lat in degrees.
    row : int
        Any vertex but the last.

    Returns
    -------
    int
        Degrees clockwise from north, 0 to 359.
    """
    return round(float(courses(line[row : row + 1], line[row + 1 : row + 2])[0])) % 360


def simplified(line: NDArray[np.float64]) -> NDArray[np.float64]:
    """Leave out vertices that a picture of the whole line would not show.

    Parameters
    ----------
    line : ndarray of float64, shape (v, 2)
        Lon, lat in degrees.

    Returns
    -------
    ndarray of float64, shape (w, 2)
        Some of its vertices with both ends, none of the others farther from the new line
        than a thousandth of its extent (Douglas and Peucker 1973).
    """
    east = (line[:, 0] - line[0, 0] + 180) % 360 - 180
    plane = np.column_stack([east * np.cos(np.radians(line[:, 1].mean())), line[:, 1]])
    extent = float(np.ptp(plane, axis=0).max())
    if extent == 0:
        return line
    numbered = shapely.LineString(np.column_stack([plane, np.arange(len(line))]))
    kept = shapely.simplify(numbered, extent / _PICTURE, preserve_topology=False)
    rows = shapely.get_coordinates(kept, include_z=True)[:, 2].astype(np.int64)
    return line[rows]


def bounds(line: NDArray[np.float64]) -> list[float]:
    """Return the box that holds a line.

    Parameters
    ----------
    line : ndarray of float64, shape (v, 2)
        Lon, lat in degrees.

    Returns
    -------
    list of float
        West, south, east, north.
    """
    return [*line.min(axis=0).tolist(), *line.max(axis=0).tolist()]
