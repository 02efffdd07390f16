"""Closed roads in force: what the log says, put on the travel times when it begins and ends."""

from __future__ import annotations

import logging
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Final, NamedTuple

from shapely.geometry import shape

from routing.measures import arcs_within

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import numpy as np
    from numpy.typing import NDArray

    from api.city import City
    from api.live.records import Record
    from api.live.world import ClosureNow, World
    from api.schemas import Profile

_LOG: Final = logging.getLogger(__name__)
_LOOK_S: Final = 1.0
"""A closure begins and ends at most so late, where the clock jumps."""
_FAR_MS: Final = 1_000_000


class _Measure(NamedTuple):
    """A closure in force, and the name of its measure by profile."""

    closure: ClosureNow
    names: dict[Profile, str]


class LiveRoads:
    """Puts closures on a city's travel times.

    Parameters
    ----------
    city : City
        Its travel times are changed.

    Attributes
    ----------
    in_force : tuple of pairs or None
        The closures on the roads and their versions, by name; None while they change,
        and another object afterwards.
    """

    def __init__(self, city: City) -> None:
        self._city = city
        self._lock = Lock()
        self._in_force: dict[str, _Measure] = {}
        self.in_force: tuple[tuple[str, int], ...] | None = ()
        self._ended = Event()
        self._news = Event()
        self._watch: Thread | None = None

    def watch(self, world: Callable[[], World], now_ms: Callable[[], int]) -> None:
        """Follow the clock in a thread of its own, until `close`.

        Parameters
        ----------
        world : callable
            The state.
        now_ms : callable
            The time.
        """

        def _follow() -> None:
            while not self._ended.is_set():
                self._news.wait(self._patience_s(world(), now_ms()))
                self._news.clear()
                try:
                    self.settle(world, now_ms)
                except Exception:  # noqa: BLE001  # the next look may go well
                    _LOG.exception("closures could not be put on the roads")

        self._watch = Thread(target=_follow, name="roads", daemon=True)
        self._watch.start()

    def tell(self, records: list[Record]) -> None:
        """Look again at once if closures have changed: on a replica nobody else does.

        Parameters
        ----------
        records : list of Record
            What was written.
        """
        if any(record.kind in ("closure_set", "closure_lifted") for record in records):
            self._news.set()

    @staticmethod
    def _patience_s(world: World, now_ms: int) -> float:
        """Return how long nothing begins or ends, at most until the next look."""
        edges = (
            edge
            for closure in world.closures.values()
            for edge in (closure.from_ms, closure.to_ms)
            if edge is not None and edge > now_ms
        )
        return min((min(edges, default=now_ms + _FAR_MS) - now_ms) / 1000, _LOOK_S)

    def close(self) -> None:
        """Stop following the clock."""
        self._ended.set()
        self._news.set()
        if self._watch is not None:
            self._watch.join()

    def settle(self, world: Callable[[], World], now_ms: Callable[[], int]) -> None:
        """Let exactly those closures be in force that hold now.

        Parameters
        ----------
        world : callable
            The state; asked when it is this call's turn, so that no older one wins.
        now_ms : callable
            The time.
        """
        with self._lock:
            closures, time_ms = world().closures.values(), now_ms()
            self._let(each for each in closures if each.holds(time_ms))

    def put(self, closures: Iterable[ClosureNow]) -> None:
        """Let exactly these closures be in force.

        Parameters
        ----------
        closures : iterable of ClosureNow
            Which.
        """
        with self._lock:
            self._let(closures)

    def _let(self, closures: Iterable[ClosureNow]) -> None:
        """Let exactly these closures be in force; the lock is held."""
        wanted = {each.id: each for each in closures}
        # not by version: those begin anew with each closure of a name
        over = [
            name for name, measure in self._in_force.items() if wanted.get(name) != measure.closure
        ]
        new = [name for name in wanted if name in over or name not in self._in_force]
        if not over and not new and self.in_force is not None:
            return
        self.in_force = None
        try:
            for name in over:
                for profile, known in self._in_force[name].names.items():
                    self._city.times[profile].lift(known)
                del self._in_force[name]
            for name in new:
                closure = wanted[name]
                self._in_force[name] = _Measure(closure, self._put(closure))
        finally:
            self._city.forget()
        self.in_force = tuple((name, each.closure.version) for name, each in self._in_force.items())

    def arcs(self, closure: ClosureNow) -> NDArray[np.int64]:
        """Return the arcs that a closure means.

        Parameters
        ----------
        closure : ClosureNow
            The closure.

        Returns
        -------
        ndarray of int64
            Those that its area touches, or its line crosses or runs along.

        Raises
        ------
        InputError
            The geometry is empty or not valid.
        """
        return arcs_within(self._city.scenario.network, shape(dict(closure.geometry)))

    def _put(self, closure: ClosureNow) -> dict[Profile, str]:
        arcs = self.arcs(closure)
        return {
            profile: times.close(arcs)
            if closure.factor is None
            else times.slow(arcs, closure.factor)
            for profile, times in self._city.times.items()
        }
