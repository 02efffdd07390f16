"""Observed trips: where from, where to, how long; read, tied to roads and driven again."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd
from scipy import sparse

from routing.errors import InputError, did_you_mean
from routing.hierarchy_times import HierarchyTravelTimes
from routing.progress import tracked
from routing.snapping import Snapper
from routing.speeds import PROFILES
from scenarios.zones import checked_column

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from routing.network import RoadNetwork
    from routing.routes import Route
    from routing.snapping import Places
    from routing.speeds import SpeedTable
    from routing.travel_times import TravelTimes

COLUMNS: Final = ("from_lon", "from_lat", "to_lon", "to_lat", "seconds")
"""Columns that a table of trips must have; ``profile`` may be added."""

_RANGES: Final = {
    "from_lon": (-180.0, 180.0),
    "from_lat": (-90.0, 90.0),
    "to_lon": (-180.0, 180.0),
    "to_lat": (-90.0, 90.0),
    "seconds": (1.0, 86_400.0),
}


@dataclass(frozen=True, eq=False)
class Trips:
    """Observed trips; t of them.

    Parameters
    ----------
    start, end : ndarray of float64, shape (t, 2)
        Lon, lat of both ends in degrees.
    seconds : ndarray of float64, shape (t,)
        Time from leaving to arriving, at least 1.
    profile : ndarray of str, shape (t,)
        How each was driven, one of `routing.speeds.PROFILES`.
    """

    start: NDArray[np.float64]
    end: NDArray[np.float64]
    seconds: NDArray[np.float64]
    profile: NDArray[np.str_]


@dataclass(frozen=True, eq=False)
class TiedTrips:
    """Trips whose ends lie on roads; t of them.

    Parameters
    ----------
    row : ndarray of int64, shape (t,)
        Row of each in its file, counted from 1.
    start, end : Places
        Both ends.
    seconds : ndarray of float64, shape (t,)
        Observed time.
    """

    row: NDArray[np.int64]
    start: Places
    end: Places
    seconds: NDArray[np.float64]

    def __len__(self) -> int:
        """Return the number of trips."""
        return len(self.row)

    def __getitem__(self, rows: NDArray[np.integer] | NDArray[np.bool_]) -> TiedTrips:
        """Return some of the trips, chosen by indices or mask."""
        return TiedTrips(self.row[rows], self.start[rows], self.end[rows], self.seconds[rows])


@dataclass(frozen=True, eq=False)
class Driven:
    """The fastest routes of t trips on a network with m arcs.

    Parameters
    ----------
    seconds : ndarray of float64, shape (t,)
        Travel time, inf where no road leads.
    metres : ndarray of float64, shape (t,)
        Length, inf where no road leads.
    arcs : csr_array of float64, shape (t, m)
        Share of each arc that is driven; an arc driven twice counts twice.
    """

    seconds: NDArray[np.float64]
    metres: NDArray[np.float64]
    arcs: sparse.csr_array[np.float64, tuple[int, int]]

    def __getitem__(self, rows: NDArray[np.integer] | NDArray[np.bool_]) -> Driven:
        """Return some of the trips, chosen by indices or mask."""
        return Driven(self.seconds[rows], self.metres[rows], self.arcs[rows])


def read_trips(path: Path) -> Trips:
    """Read observed trips from a CSV file.

    Parameters
    ----------
    path : Path
        UTF-8, with the `COLUMNS` and maybe ``profile``, `normal` or `siren`; a trip
        without it is a normal one. Other columns are not looked at.

    Returns
    -------
    Trips
        At least one trip, in the order of the file.

    Raises
    ------
    InputError
        The file is no such table; the message names the row, the column, the value.
    """
    table = _read_text(path)
    number = {
        column: checked_column(table, column, path.name, *limits)
        for column, limits in _RANGES.items()
    }
    profile = table["profile"] if "profile" in table.columns else pd.Series([""] * len(table))
    profile = profile.str.strip().replace("", "normal")
    wrong = np.flatnonzero(~profile.isin(PROFILES).to_numpy(np.bool_))
    if len(wrong):
        value = str(profile.iloc[wrong[0]])
        raise InputError(
            f"unknown profile {value!r}",
            field=f"{path.name}, row {wrong[0] + 1}, profile",
            fix=did_you_mean(value, PROFILES),
        )
    return Trips(
        start=np.column_stack([number["from_lon"], number["from_lat"]]),
        end=np.column_stack([number["to_lon"], number["to_lat"]]),
        seconds=number["seconds"],
        profile=profile.to_numpy(np.str_),
    )


def tie_trips(network: RoadNetwork, trips: Trips, limit_m: float) -> dict[str, TiedTrips]:
    """Tie both ends of trips to roads and part them by profile.

    Parameters
    ----------
    network : RoadNetwork
        The roads.
    trips : Trips
        The trips.
    limit_m : float
        How far an end may lie from its road in metres; other trips are left out.

    Returns
    -------
    dict of str to TiedTrips
        The trips of each of `routing.speeds.PROFILES`, perhaps none.
    """
    snapper = Snapper(network, np.inf)
    start = snapper.snap(trips.start, what="start of a trip")
    end = snapper.snap(trips.end, what="end of a trip")
    near = (start.distance_m <= limit_m) & (end.distance_m <= limit_m)
    row = np.arange(1, len(near) + 1)
    everything = TiedTrips(row, start, end, trips.seconds)
    return {profile: everything[near & (trips.profile == profile)] for profile in PROFILES}


def drive(
    network: RoadNetwork, speeds: SpeedTable, profile: str, trips: TiedTrips, *, what: str = ""
) -> Driven:
    """Find the fastest route of each trip.

    Parameters
    ----------
    network : RoadNetwork
        The roads.
    speeds : SpeedTable
        How fast one drives there.
    profile : str
        One of `routing.speeds.PROFILES`.
    trips : TiedTrips
        The trips.
    what : str
        Show a progress bar of this name on a terminal; none if it is empty.

    Returns
    -------
    Driven
        Times and routes.
    """
    times = HierarchyTravelTimes(network, speeds.arc_times_ms(network, profile))
    rows = range(len(trips))
    routes = [_route(times, trips, row) for row in tracked(rows, what, "trip", shown=bool(what))]
    shares = [
        _shares(route, trips.start[row : row + 1], trips.end[row : row + 1])
        if route
        else (np.zeros(0, np.int32), np.zeros(0))
        for row, route in enumerate(routes)
    ]
    ptr = np.cumsum([0, *(len(arc) for arc, _ in shares)])
    arc = np.concatenate([np.zeros(0, np.int32), *(arc for arc, _ in shares)])
    share = np.concatenate([np.zeros(0), *(share for _, share in shares)])
    return Driven(
        seconds=np.array([route.ms / 1000 if route else np.inf for route in routes]),
        metres=np.array([route.metres if route else np.inf for route in routes], np.float64),
        arcs=sparse.csr_array((share, arc, ptr), shape=(len(trips), network.n_arcs)),
    )


def _route(times: TravelTimes, trips: TiedTrips, row: int) -> Route | None:
    try:
        return times.route(trips.start[row : row + 1], trips.end[row : row + 1])
    except InputError:  # no road leads there
        return None


def _shares(
    route: Route, start: Places, end: Places
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Tell how much of each arc of a route is driven."""
    share = np.ones(len(route.arcs))
    begin, finish = float(start.share[0]), float(end.share[0])
    inner_start, inner_end = 0 < begin < 1, 0 < finish < 1
    if len(share) == 1 and inner_start and inner_end:
        share[0] = abs(finish - begin)
    else:
        if inner_start:
            share[0] = 1 - begin if route.arcs[0] == start.arc[0] else begin
        if inner_end:
            share[-1] = finish if route.arcs[-1] == end.arc[0] else 1 - finish
    return route.arcs, share if route.ms else 0 * share


def _read_text(path: Path) -> pd.DataFrame:
    try:
        text = path.read_text(encoding="utf-8-sig")
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        header, *rows = [row for row in reader if row] or [[]]
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"no CSV in UTF-8 ({error})", field=path.name) from error
    for column in COLUMNS:
        if header.count(column) != 1:
            raise InputError(
                f"{'no' if column not in header else 'more than one'} column {column!r}",
                field=path.name,
                fix=f"it needs {','.join(COLUMNS)} and maybe profile; it has {','.join(header)}",
            )
    if not rows:
        raise InputError("a header but no rows", field=path.name, fix="give trips")
    for number, row in enumerate(rows, start=1):
        if len(row) != len(header):
            raise InputError(
                f"{len(row)} cells, the header has {len(header)}",
                field=f"{path.name}, row {number}",
                fix="correct the row",
            )
    return pd.DataFrame(rows, columns=header, dtype=str)
