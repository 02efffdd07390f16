"""Travel times that change while they are asked for: closures, jams, hours."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from routing.errors import InputError, did_you_mean
from routing.hierarchy_times import HierarchyTravelTimes, hierarchy_of
from routing.left_right import LeftRight
from routing.legs import checked_arcs, checked_times
from routing.measures import VehicleSize, fits, slowed
from routing.search_graph import SearchGraph, junction_graph

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import ArrayLike, NDArray

    from routing.hierarchy import Hierarchy
    from routing.network import RoadNetwork
    from routing.routes import Route
    from routing.snapping import Places
    from routing.speed_rules import Vehicle
    from routing.travel_times import NodeTable, Table


@dataclass(frozen=True, eq=False)
class _Measure:
    """Something that holds vehicles up: arcs, and by how much their times grow."""

    arcs: NDArray[np.int64]
    factor: float


class LiveTravelTimes:
    """Travel times of one class of vehicles, with measures that come and go.

    A measure closes arcs or multiplies their times; where several meet, their factors
    multiply, and a closed arc stays closed until all that close it are lifted. Questions
    that run during a change are answered as the world was before it, or as it is after
    it, never a mix; they do not wait. One thread changes at a time.

    Parameters
    ----------
    graph : RoadNetwork or SearchGraph
        A network with m arcs, or a graph made from one.
    arc_ms : array-like of int, shape (m,)
        Milliseconds for each arc, `routing.network.UNREACHABLE` for a closed one.
    size : VehicleSize or Vehicle, optional
        What limits are compared with, such as a vehicle of a speed table.
    hierarchy : Hierarchy, optional
        That of the graph, made earlier; classes of vehicles may share it.
    threads : int
        How many threads work on large questions.

    Raises
    ------
    InputError
        The times are not one whole number of milliseconds, zero or more, for each arc.
    """

    def __init__(
        self,
        graph: RoadNetwork | SearchGraph,
        arc_ms: ArrayLike,
        *,
        size: VehicleSize | Vehicle | None = None,
        hierarchy: Hierarchy | None = None,
        threads: int = 1,
    ) -> None:
        search = graph if isinstance(graph, SearchGraph) else junction_graph(graph)
        self.network = search.network
        self.hierarchy = hierarchy or hierarchy_of(graph)
        self._size = size
        self._measures: dict[str, _Measure] = {}
        self._counter = 0
        self._lock = threading.Lock()
        left, right = (
            HierarchyTravelTimes(search, arc_ms, hierarchy=self.hierarchy, threads=threads)
            for _ in range(2)
        )
        self._usual = np.array(arc_ms, dtype=np.int64)
        self._worlds = LeftRight(left, right)

    @contextmanager
    def now(self) -> Iterator[HierarchyTravelTimes]:
        """Hold the travel times as they are now, for several questions.

        Let them go before changing anything twice: the second change would wait for you.

        Yields
        ------
        HierarchyTravelTimes
            Travel times that do not change until they are let go.
        """
        with self._worlds.reading() as times:
            yield times

    def close(self, arcs: ArrayLike) -> str:
        """Close arcs.

        Parameters
        ----------
        arcs : array-like of int
            The arcs, such as those of `arcs_within`.

        Returns
        -------
        str
            Name of the measure, for `lift`.

        Raises
        ------
        InputError
            There is no such arc.
        """
        return self._add(arcs, float("inf"))

    def slow(self, arcs: ArrayLike, factor: float) -> str:
        """Multiply the times of arcs.

        Parameters
        ----------
        arcs : array-like of int
            The arcs.
        factor : float
            Above 0; 2 for twice the time.

        Returns
        -------
        str
            Name of the measure, for `lift`.

        Raises
        ------
        InputError
            There is no such arc, or the factor is none.
        """
        if not 0 < factor < float("inf"):
            raise InputError(f"{factor}", field="factor", fix="give a number above 0")
        return self._add(arcs, factor)

    def limit(
        self,
        arcs: ArrayLike,
        *,
        height_m: float = float("inf"),
        width_m: float = float("inf"),
        weight_t: float = float("inf"),
    ) -> str:
        """Close arcs for vehicles above a size, such as under a scaffold.

        Parameters
        ----------
        arcs : array-like of int
            The arcs.
        height_m, width_m : float
            Greatest height and width in metres.
        weight_t : float
            Greatest weight in tonnes.

        Returns
        -------
        str
            Name of the measure, for `lift`; it changes nothing for vehicles that fit.

        Raises
        ------
        InputError
            There is no such arc, the size of the vehicle is not known, or a limit is none.
        """
        size = self._size
        if size is None:
            raise InputError(
                "the size of the vehicle is not known",
                field="size",
                fix="give it to LiveTravelTimes",
            )
        if not all(limit > 0 for limit in (height_m, width_m, weight_t)):
            raise InputError(
                f"{height_m} m, {width_m} m, {weight_t} t",
                field="limit",
                fix="give numbers above 0",
            )
        passes = fits(size, height_m=height_m, width_m=width_m, weight_t=weight_t)
        return self._add(arcs, 1.0 if passes else float("inf"))

    def lift(self, name: str) -> None:
        """End a measure.

        Parameters
        ----------
        name : str
            What `close`, `slow` or `limit` returned.

        Raises
        ------
        InputError
            There is no such measure, or it has ended.
        """
        with self._lock:
            if name not in self._measures:
                raise InputError(
                    f"there is no measure {name!r}",
                    field="name",
                    fix=did_you_mean(name, self._measures),
                )
            measure = self._measures.pop(name)
            self._apply(measure.arcs)

    def switch(self, arc_ms: ArrayLike) -> None:
        """Change the usual times, as from one hour to the next; measures stay.

        Parameters
        ----------
        arc_ms : array-like of int, shape (m,)
            Milliseconds for each arc, `UNREACHABLE` for a closed one.

        Raises
        ------
        InputError
            The times are not one whole number of milliseconds, zero or more, for each arc.
        """
        arcs = np.arange(self.network.n_arcs)
        if np.shape(arc_ms) != arcs.shape:
            raise InputError(
                f"times of shape {np.shape(arc_ms)} for {len(arcs)} arcs",
                field="arc_ms",
                fix="give one integer for each arc",
            )
        times = checked_times(arcs, arc_ms)
        with self._lock:
            self._usual = times
            self._apply(arcs)

    def arc_ms(self) -> NDArray[np.int64]:
        """Return the times of all arcs as they are now.

        Returns
        -------
        ndarray of int64, shape (m,)
            Milliseconds, `UNREACHABLE` where a road is closed.
        """
        with self._lock:
            return self._slowed(np.arange(self.network.n_arcs))

    def settle(self) -> None:
        """Make questions faster until the next change; worth it where none is near.

        May run in a thread of its own; questions do not wait for it.
        """
        self._worlds.change(lambda times: times.prune(), both=False)

    def matrix(  # numpydoc ignore=PR01
        self, origins: Places, destinations: Places, *, progress: bool = False
    ) -> Table:
        """Travel times as they are now; see `TravelTimes.matrix`."""
        with self.now() as times:
            return times.matrix(origins, destinations, progress=progress)

    def times_ms(  # numpydoc ignore=PR01
        self, origins: Places, destinations: Places, *, progress: bool = False
    ) -> NDArray[np.int32]:
        """Travel times alone, as they are now; see `TravelTimes.times_ms`."""
        with self.now() as times:
            return times.times_ms(origins, destinations, progress=progress)

    def many_to_one(  # numpydoc ignore=PR01
        self, origins: Places, destination: Places
    ) -> Table:
        """Travel times to one destination as they are now; see `TravelTimes.many_to_one`."""
        with self.now() as times:
            return times.many_to_one(origins, destination)

    def to_places(  # numpydoc ignore=PR01
        self, destinations: Places, *, progress: bool = False
    ) -> NodeTable:
        """Travel times from every node as they are now; see `TravelTimes.to_places`."""
        with self.now() as times:
            return times.to_places(destinations, progress=progress)

    def route(  # numpydoc ignore=PR01
        self, origin: Places, destination: Places
    ) -> Route:
        """Find the fastest way as it is now; see `TravelTimes.route`."""
        with self.now() as times:
            return times.route(origin, destination)

    def _add(self, arcs: ArrayLike, factor: float) -> str:
        some = np.unique(checked_arcs(arcs, self.network.n_arcs))
        with self._lock:
            self._counter += 1
            name = f"measure-{self._counter}"
            self._measures[name] = _Measure(some, factor)
            self._apply(some)
        return name

    def _apply(self, arcs: NDArray[np.int64]) -> None:
        """Compute the times of some arcs anew, and show them."""
        ms = self._slowed(arcs)
        self._worlds.change(lambda times: times.change(arcs, ms))

    def _slowed(self, arcs: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the times of some arcs with all measures."""
        factor = np.ones(len(arcs))
        for measure in self._measures.values():
            factor[np.isin(arcs, measure.arcs, assume_unique=True)] *= measure.factor
        return slowed(self._usual[arcs], factor)
