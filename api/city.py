"""One city, ready to answer: how long, which way."""

from __future__ import annotations

from functools import cached_property
from http import HTTPStatus
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from api.drive_memory import DriveMemory, Drives
from api.outlook import Outlook
from api.problems import NoWayError, OffRoadError, ProblemError
from api.schemas import (
    MOST_CELLS,
    FieldProblem,
    IsochroneFeature,
    IsochroneProperties,
    IsochroneRequest,
    Isochrones,
    LineString,
    Matrix,
    MatrixRequest,
    Polygons,
    Route,
    RouteProperties,
    RouteRequest,
    Snapped,
)
from routing.errors import InputError
from routing.isochrones import area_km2, cut_at_date_line, isochrones
from routing.live import LiveTravelTimes
from routing.network import UNREACHABLE
from routing.routes import joined, segments, streets
from routing.snapping import Snapper
from routing.speeds import PROFILES
from scenarios.package import lonlat

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray
    from shapely import MultiPolygon

    from api.schemas import Profile
    from routing.routes import Route as Way
    from routing.routes import Street
    from routing.snapping import Places
    from scenarios.package import Scenario

SNAP_LIMIT_M: Final = 1000.0
"""How far from the nearest road a point of a request may lie."""

_MOST_ROWS: Final = 4_000
"""Places whose drives to all zones are remembered, for each profile."""


class Leg(NamedTuple):
    """The fastest way from one stop to the next.

    Parameters
    ----------
    route : Route
        The way.
    streets : list of Street
        The same street by street, where details were asked for.
    metres, seconds : ndarray of float64, shape (v - 1,)
        Length and time of each segment of its shape, where details were asked for.
    """

    route: Way
    streets: list[Street]
    metres: NDArray[np.float64]
    seconds: NDArray[np.float64]


class Cells(NamedTuple):
    """Travel times from each of a places to each of b others.

    Parameters
    ----------
    seconds : list of lists of float or None, shape (a, b)
        None: no way.
    metres : list of lists of int or None, shape (a, b)
        Length of the fastest way, rounded.
    """

    seconds: list[list[float | None]]
    metres: list[list[int | None]]


def check_cells(sources: int, destinations: int) -> None:
    """Check that a matrix is not too large.

    Parameters
    ----------
    sources, destinations : int
        Rows and columns.

    Raises
    ------
    ProblemError
        It has more than `MOST_CELLS`.
    """
    cells = sources * destinations
    if cells > MOST_CELLS:
        raise ProblemError(
            [
                FieldProblem(
                    field="sources",
                    value=f"{sources} by {destinations}",
                    message=f"{cells:,} cells are more than {MOST_CELLS:,}",
                    fix="send several smaller requests, or use 'bluelight matrix'",
                )
            ],
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        )


class City:
    """A scenario with all that requests need computed once.

    Safe to ask from several threads at a time.

    Parameters
    ----------
    scenario : Scenario
        The city.

    Attributes
    ----------
    generation : int
        How often drives were forgotten, since the roads had changed.
    """

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.generation = 0
        network = scenario.network
        self.times: dict[Profile, LiveTravelTimes] = {
            profile: LiveTravelTimes(network, scenario.speeds.arc_times_ms(network, profile))
            for profile in PROFILES
        }
        self.outlook = Outlook(scenario)
        self._snapper = Snapper(network)
        self._zone_times: dict[str, DriveMemory] = {}
        self._spots: dict[tuple[float, float], Places] = {}
        self._remembering = Lock()
        self._snapping = Lock()  # a projection of PROJ is not for several threads

    def snap(
        self,
        points: Sequence[Sequence[float]],
        fields: Sequence[str],
        limits_m: Sequence[float] | None = None,
    ) -> Places:
        """Tie the points of a request to roads.

        Parameters
        ----------
        points : sequence of pairs of float
            Lon, lat in degrees, within the globe.
        fields : sequence of str
            JSON path of each point, for messages.
        limits_m : sequence of float, optional
            How far each point may lie from its road, where less than `SNAP_LIMIT_M`.

        Returns
        -------
        Places
            The points on their roads.

        Raises
        ------
        OffRoadError
            Points lie off the network; each is named, with its distance.
        """
        places = self.snap_anywhere(points)
        limits = np.full(len(points), SNAP_LIMIT_M)
        if limits_m is not None:
            limits = np.minimum(limits, limits_m)
        far = np.flatnonzero(~(places.distance_m <= limits))
        if len(far):
            raise OffRoadError(
                FieldProblem(
                    field=fields[row],
                    value="{:.6f}, {:.6f}".format(*points[row]),
                    message=f"lies {places.distance_m[row]:,.0f} m from the nearest road, "
                    f"the limit is {limits[row]:,.0f} m",
                    fix="check that it lies in this city and that lon comes before lat",
                )
                for row in far.tolist()
            )
        return places

    def snap_list(
        self,
        points: Sequence[Sequence[float]],
        field: str,
        limits_m: Sequence[float] | None = None,
    ) -> Places:
        """Tie the points of one list of a request to roads.

        Parameters
        ----------
        points : sequence of pairs of float
            Lon, lat in degrees, within the globe.
        field : str
            JSON path of the list, for messages.
        limits_m : sequence of float, optional
            How far each point may lie from its road, where less than `SNAP_LIMIT_M`.

        Returns
        -------
        Places
            The points on their roads.

        Raises
        ------
        OffRoadError
            Points lie off the network; each is named, with its distance.
        """
        return self.snap(points, [f"{field}[{row}]" for row in range(len(points))], limits_m)

    def snap_near(self, point: Sequence[float], number: int) -> Places:
        """Tie a point to each of the nearest roads.

        Parameters
        ----------
        point : pair of float
            Lon, lat in degrees.
        number : int
            How many roads.

        Returns
        -------
        Places
            The nearest first; fewer where no more lie within `SNAP_LIMIT_M`.

        Raises
        ------
        InputError
            Even the nearest road is farther away.
        """
        with self._snapping:
            return self._snapper.near([point], number, limit_m=SNAP_LIMIT_M)

    def snap_once(self, lon: float, lat: float) -> Places:
        """Tie a point to a road, and remember it: an incident is asked about again and again.

        Parameters
        ----------
        lon, lat : float
            Degrees.

        Returns
        -------
        Places
            One point, however far from its road.
        """
        known = self._spots.get((lon, lat))
        if known is None:
            if len(self._spots) >= _MOST_ROWS:
                self._spots.clear()
            known = self._spots[lon, lat] = self.snap_anywhere([[lon, lat]])
        return known

    def snap_anywhere(self, points: ArrayLike) -> Places:
        """Tie points to roads, however far from them.

        Parameters
        ----------
        points : array_like of float, shape (p, 2)
            Lon, lat in degrees.

        Returns
        -------
        Places
            The points on their roads.
        """
        with self._snapping:
            return self._snapper.snap(points, limit_m=np.inf)

    @cached_property
    def own_types(self) -> dict[str, str]:
        """The type of each unit of the scenario."""
        units = self.scenario.units
        return dict(zip(units["id"].tolist(), units["type"].tolist(), strict=True))

    @cached_property
    def own_stations(self) -> dict[str, int]:
        """The station of each unit of the scenario, a row of ``stations.csv``."""
        rows = self.scenario.unit_station.tolist()
        return dict(zip(self.scenario.units["id"].tolist(), rows, strict=True))

    @cached_property
    def station_rows(self) -> dict[str, int]:
        """The row of each station in ``stations.csv``."""
        return {name: row for row, name in enumerate(self.scenario.stations["id"].tolist())}

    @cached_property
    def zones(self) -> Places:
        """The demand zones on their roads, however far from them."""
        return self.snap_anywhere(lonlat(self.scenario.zones))

    @cached_property
    def zone_weight(self) -> NDArray[np.float64]:
        """The demand of each zone, 0 or more."""
        return self.scenario.zones["weight"].to_numpy(dtype=np.float64)

    @cached_property
    def stations(self) -> Places:
        """The stations on their roads, however far from them."""
        return self.snap_anywhere(lonlat(self.scenario.stations))

    def zone_times_ms(self, profile: Profile, units: Places) -> NDArray[np.int32]:
        """Compute how long it takes from places to each demand zone.

        Parameters
        ----------
        profile : str
            How they drive.
        units : Places
            The places.

        Returns
        -------
        ndarray of int32, shape (places, zones)
            Milliseconds, UNREACHABLE where there is no way.
        """
        times, row = self.zone_drives(profile, units)
        return times[row]

    def zone_drives(self, profile: Profile, units: Places) -> Drives:
        """Find how long it takes from places to each demand zone.

        What was asked before is remembered until `forget`: of hundreds of units, few
        have moved since the last question.

        Parameters
        ----------
        profile : str
            How they drive.
        units : Places
            The places.

        Returns
        -------
        Drives
            A row for each place, among those of others.
        """
        with self._remembering:
            memory = self._zone_times.get(profile)
            if memory is None:
                memory = DriveMemory(len(self.zones), _MOST_ROWS)
                self._zone_times[profile] = memory
        times = self.times[profile]
        return memory.drives(units, lambda some: times.times_ms(some, self.zones))

    def forget(self) -> None:
        """Forget drives that were computed: roads have changed."""
        with self._remembering:
            self._zone_times = {}
            self.generation += 1

    def matrix(self, request: MatrixRequest) -> Matrix:
        """Compute travel times between many places.

        Parameters
        ----------
        request : MatrixRequest
            The places.

        Returns
        -------
        Matrix
            Times and lengths.

        Raises
        ------
        ProblemError
            Points lie off the network, or there are too many cells.
        """
        check_cells(len(request.sources), len(request.destinations))
        sources = self.snap_list(request.sources, "sources")
        destinations = self.snap_list(request.destinations, "destinations")
        cells = self.cells(request.profile, sources, destinations)
        return Matrix(
            durations=cells.seconds,
            distances=cells.metres,
            sources=_snapped(sources),
            destinations=_snapped(destinations),
        )

    def cells(self, profile: Profile, sources: Places, destinations: Places) -> Cells:
        """Compute travel times between many places on their roads.

        Parameters
        ----------
        profile : str
            How they drive.
        sources, destinations : Places
            From where to where.

        Returns
        -------
        Cells
            Times and lengths.
        """
        table = self.times[profile].matrix(sources, destinations)
        unreachable = table.ms == UNREACHABLE
        return Cells(
            np.where(unreachable, None, table.ms / 1000).tolist(),  # type: ignore[call-overload]
            np.where(unreachable, None, table.metres).tolist(),  # type: ignore[call-overload]
        )

    def route(self, request: RouteRequest) -> Route:
        """Find the fastest way.

        Parameters
        ----------
        request : RouteRequest
            Its two ends.

        Returns
        -------
        Route
            A feature of GeoJSON.

        Raises
        ------
        ProblemError
            An end lies off the network, or no road leads from one to the other.
        """
        fields = ["from", "to"]
        ends = self.snap([request.origin, request.destination], fields)
        (leg,) = self.legs(request.profile, ends, fields)
        found = leg.route
        return Route(
            geometry=LineString(coordinates=joined([found.lonlat])[0].tolist()),
            properties=RouteProperties(
                seconds=found.ms / 1000,
                metres=found.metres,
                streets=list(found.names),
                profile=request.profile,
                from_snapped_distance=round(float(ends.distance_m[0]), 1),
                to_snapped_distance=round(float(ends.distance_m[1]), 1),
            ),
        )

    def legs(
        self, profile: Profile, stops: Places, fields: Sequence[str], *, detailed: bool = False
    ) -> list[Leg]:
        """Find the fastest way from each stop to the next, on the roads as they are now.

        Parameters
        ----------
        profile : str
            How they drive.
        stops : Places
            At least two.
        fields : sequence of str
            JSON path of each stop, for messages.
        detailed : bool
            Part each way by streets and segments.

        Returns
        -------
        list of Leg
            One fewer than there are stops.

        Raises
        ------
        NoWayError
            No road leads from one stop to the next.
        """
        legs = []
        with self.times[profile].now() as times:
            for row in range(1, len(stops)):
                try:
                    found = times.route(stops[row - 1 : row], stops[row : row + 1])
                except InputError as error:
                    raise NoWayError(
                        [
                            FieldProblem(
                                field=fields[row], value=None, message=error.message, fix=error.fix
                            )
                        ]
                    ) from error
                if detailed:
                    asked = times.network, times.arc_ms, found
                    legs.append(Leg(found, streets(*asked), *segments(*asked)))
                else:
                    legs.append(Leg(found, [], np.zeros(0), np.zeros(0)))
        return legs

    def isochrones(self, request: IsochroneRequest) -> Isochrones:
        """Draw what is reached within times, on the roads as they are now.

        Parameters
        ----------
        request : IsochroneRequest
            From where, and how long.

        Returns
        -------
        Isochrones
            Features of GeoJSON.

        Raises
        ------
        ProblemError
            A location lies off the network.
        """
        places = self.snap_list(request.locations, "locations")
        arc_ms = self.times[request.profile].arc_ms()
        features = []
        for row in range(len(places)):
            here = places[row : row + 1]
            found = isochrones(
                self.scenario.network,
                arc_ms,
                here,
                request.range,
                towards=request.location_type == "destination",
            )
            features += [
                IsochroneFeature(
                    geometry=Polygons(coordinates=_rings(cut_at_date_line(one.polygon))),
                    properties=IsochroneProperties(
                        group_index=row,
                        value=one.limit_s,
                        center=here.road_lonlat[0].round(7).tolist(),
                        area=round(area_km2(one) * 1e6, 1),
                    ),
                )
                for one in found
            ]
        return Isochrones(features=features)

    def examples(self) -> dict[str, Any]:
        """Make a request of each kind that this city can answer.

        Returns
        -------
        dict of str to object
            A JSON body by path.
        """
        zones = lonlat(self.scenario.zones)
        points = zones if len(zones) else self.scenario.network.node_lonlat
        ends = points[[0, -1]].round(6).tolist()
        homes = lonlat(self.scenario.stations).round(6).tolist()
        units = [
            {"id": unit, "lon": homes[home][0], "lat": homes[home][1], "status": 2, "type": kind}
            for unit, kind, home in zip(
                self.scenario.units["id"].head(3),
                self.scenario.units["type"].head(3),
                self.scenario.unit_station[:3].tolist(),
                strict=True,
            )
        ]
        incident = {"lon": ends[0][0], "lat": ends[0][1]}
        return {
            "/v1/recommendations": {"incident": incident, "units": units},
            "/v1/assignments": {
                "incidents": [
                    {"id": f"I{row}", "lon": lon, "lat": lat} for row, (lon, lat) in enumerate(ends)
                ],
                "units": units,
            },
            "/v1/moves": {"units": units},
            "/v1/matrix": {"sources": ends, "destinations": ends},
            "/v1/route": {"from": ends[0], "to": ends[1]},
            "/v1/isochrones": {"locations": ends[:1], "range": [240, 480]},
        }


def _rings(polygons: MultiPolygon) -> list[list[list[list[float]]]]:
    return [
        [[list(point) for point in ring.coords] for ring in (one.exterior, *one.interiors)]
        for one in polygons.geoms
    ]


def _snapped(places: Places) -> list[Snapped]:
    return [
        Snapped(location=location, snapped_distance=distance)
        for location, distance in zip(
            places.road_lonlat.round(7).tolist(), places.distance_m.round(1).tolist(), strict=True
        )
    ]
