"""Travel tables of a scenario whose drives are given from zone to zone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from routing.errors import InputError
from scenarios.simulation.arrays import (
    FINE_DRIVE,
    HOSPITAL,
    TRACK,
    Rules,
    Travel,
    packed,
)
from scenarios.simulation.closest import nearest_stations

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from scenarios.package import Scenario
    from scenarios.travel_matrix import TravelMatrix


def matrix_travel(
    scenario: Scenario, matrix: TravelMatrix, rules: Rules, profiles: Sequence[str]
) -> Travel:
    """Build the tables of the event loop from given drives.

    Parameters
    ----------
    scenario : Scenario
        The scenario.
    matrix : TravelMatrix
        Its drives.
    rules : Rules
        Its rules.
    profiles : sequence of str
        The speed profiles in use, as the rules number them.

    Returns
    -------
    Travel
        Without junctions, with tracks.

    Raises
    ------
    InputError
        The scenario asks for what a matrix does not know.
    """
    _check(scenario, matrix, rules)
    zones = len(matrix.zone_xy)
    zone_of = np.concatenate([np.arange(zones), matrix.hospital_zone, matrix.station_zone])
    ms = {"siren": matrix.siren_s * 1000, "normal": matrix.normal_s * 1000}
    metres = np.rint(matrix.metres).astype(np.int32)
    hospital = []
    for name in profiles:
        to_hospital = ms[name][:, matrix.hospital_zone]
        order = np.argsort(to_hospital, axis=1, kind="stable")
        way = metres[:, matrix.hospital_zone]
        columns = (np.take_along_axis(part, order, axis=1) for part in (to_hospital, way))
        hospital.append(packed(HOSPITAL, order + zones, *columns))
    track_ptr, track = _tracks(matrix, zone_of)
    home = np.ix_(zone_of, matrix.station_zone)
    drive = np.stack([_drives(ms[name][zone_of], metres[zone_of]) for name in profiles])
    return Travel(
        drive=drive,
        nearest=nearest_stations(drive, len(matrix.station_zone)),
        turn=np.zeros((len(profiles), zones, 0), dtype=FINE_DRIVE),
        hospital=np.stack(hospital),
        home=_drives(ms["normal"][home], metres[home])[None],
        rest=np.zeros((1, len(matrix.station_zone), 0), dtype=FINE_DRIVE),
        track_ptr=track_ptr,
        track=track,
    )


def _drives(ms: NDArray[np.float64], metres: NDArray[np.int32]) -> NDArray[Any]:
    return packed(FINE_DRIVE, ms, metres, np.full(ms.shape, -1))


def _check(scenario: Scenario, matrix: TravelMatrix, rules: Rules) -> None:
    counts = {
        "zones": (len(scenario.zones), len(matrix.zone_xy)),
        "stations": (len(scenario.stations), len(matrix.station_zone)),
        "hospitals": (len(scenario.hospitals), len(matrix.hospital_zone)),
    }
    for name, (listed, known) in counts.items():
        if listed != known:
            raise InputError(
                f"{listed} rows, but the travel matrix is for {known}", field=f"{name}.csv"
            )
    settings = scenario.settings
    asked = {
        "dispatch.divert": bool(rules.divert.any()),
        "driving.by_hour": settings.driving.by_hour,
        "disturbances: road_closed": any(e.kind == "road_closed" for e in settings.disturbances),
    }
    for name, wanted in asked.items():
        if wanted:
            raise InputError(
                "a scenario with a travel matrix knows no roads",
                field=f"scenario.toml: {name}",
                fix="leave it out",
            )


def _tracks(
    matrix: TravelMatrix, zone_of: NDArray[np.integer]
) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Find the zones that a unit on its way home counts as at, for each place and station."""
    starts = [
        [_nearest_along(matrix.zone_xy, a, b) for b in matrix.station_zone.tolist()]
        for a in range(len(matrix.zone_xy))
    ]
    found = [track for a in zone_of.tolist() for track in starts[a]]
    ptr = np.cumsum([0, *(len(track) for track in found)])
    rows = [row for track in found for row in track]
    return ptr.astype(np.int64), np.array(rows, dtype=TRACK)


def _nearest_along(xy: NDArray[np.float64], start: int, end: int) -> list[tuple[float, int]]:
    """List the nearest zones along a straight line, with the share at which each begins.

    At share t of the line from a to b the squared distance to a zone c is, but for what
    all zones have in common, ``|a - c|**2 + 2 t (b - a) (a - c)``: linear in t. The
    nearest zones are the lower envelope of these lines.
    """
    apart = xy[start] - xy
    level = (apart**2).sum(axis=1)
    slope = 2 * apart @ (xy[end] - xy[start])
    nearest = int(np.argmin(level))
    track = [(0.0, nearest)]
    reached = 0.0
    while True:
        steeper = np.flatnonzero(slope < slope[nearest])
        if not len(steeper):
            return track
        crossing = (level[steeper] - level[nearest]) / (slope[nearest] - slope[steeper])
        crossing = np.maximum(crossing, reached)
        reached = float(crossing.min())
        if reached >= 1.0:
            return track
        first = steeper[crossing == reached]
        nearest = int(first[np.argmin(slope[first])])
        track.append((reached, nearest))
