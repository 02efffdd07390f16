"""The live service of a city: its log, its roads, and the questions that need both."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple

from fastapi import Depends, Header, Request
from starlette.exceptions import HTTPException

from api.deadline import Guard, heard_of
from api.live.ahead import Ahead
from api.live.commands import RefusedError
from api.live.fleet_now import UnitPlaces
from api.live.follower import Follower
from api.live.hub import Hub
from api.live.job_store import JobStore
from api.live.jobs import JobOptions, Jobs
from api.live.ledger import Ledger, UnavailableError
from api.live.measuring import Watch
from api.live.proof import Proof
from api.live.roads import LiveRoads
from api.live.unit_commands import ReportPositions, Start
from api.live.views import incident_view, unit_view
from api.problems import ProblemError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from api.city import City
    from api.live.access import Principal
    from api.live.commands import Command
    from api.live.fleet_now import FleetNow, Moved
    from api.live.ledger import Outcome
    from api.live.schemas import IncidentView, UnitView
    from api.live.store import Store
    from api.live.world import IncidentNow, UnitNow, World

SYSTEM: Final = "bluelight"
"""Who causes what nobody asked for."""


@dataclass(frozen=True)
class LiveOptions:
    """How the live service works.

    Parameters
    ----------
    stale_after_s : float
        Age from which on a position is not relied on.
    deadline_s : float
        Seconds that a policy may take.
    jobs : JobOptions
        How plans and simulations are run.
    """

    stale_after_s: float = 120.0
    deadline_s: float = 2.0
    jobs: JobOptions = field(default_factory=JobOptions)


class Named(NamedTuple):
    """How a caller named a request.

    Parameters
    ----------
    key : str or None
        The Idempotency-Key.
    request : str or None
        Hash of the request.
    """

    key: str | None
    request: str | None


UNNAMED: Final = Named(None, None)
"""Of a request that may happen twice."""


async def named(
    request: Request,
    key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            pattern=r"^[!-~]{1,100}$",
            description="A name for this request: whoever repeats it under the same name "
            "gets the first answer, and nothing happens twice.",
        ),
    ] = None,
) -> Named:
    """Read how a caller named a request.

    Parameters
    ----------
    request : Request
        The request.
    key : str or None
        Its header.

    Returns
    -------
    Named
        With a hash of method, path and body.
    """
    if key is None:
        return UNNAMED
    seal = hashlib.sha256(f"{request.method} {request.url.path}\n".encode())
    seal.update(await request.body())
    return Named(key, seal.hexdigest())


ByName = Annotated[Named, Depends(named)]


class Live:
    """Everything that a live request needs.

    Parameters
    ----------
    city : City
        Roads and rules; closures are put on its travel times.
    store : Store
        The log.
    ledger : Ledger or Follower
        What happened.
    hub : Hub
        Tells the stream.
    options : LiveOptions
        How it works.
    """

    def __init__(
        self, city: City, store: Store, ledger: Ledger | Follower, hub: Hub, options: LiveOptions
    ) -> None:
        self.city = city
        self.ledger = ledger
        self.hub = hub
        self.options = options
        self.store = store
        self.watch = Watch()
        self.proof = Proof(store, ledger.snapshot)
        self.roads = LiveRoads(city)
        self.places = UnitPlaces(city)
        # of its own: nobody who asks about units of his own stands before the desk
        self.questions = Guard(passes=(ProblemError, RefusedError))
        self.policies = Guard()
        self.kinds = city.scenario.settings.unit_types
        self.stale_after_ms = round(options.stale_after_s * 1000)
        self._asked = 0
        self.ahead = Ahead(city, self.moved, self.is_asked)
        self.jobs = Jobs(
            JobStore(store, self.now_ms),
            city.scenario,
            options.jobs,
            replica=isinstance(ledger, Follower),
        )
        if not isinstance(ledger, Follower):
            ledger.yields = self.is_asked
        ledger.listen(hub.tell)
        ledger.listen(self.ahead.tell)
        ledger.listen(self.roads.tell)

    @classmethod
    def begin(
        cls, city: City, store: Store, options: LiveOptions, *, replica: bool = False
    ) -> Live:
        """Start the service on a log, and note that it was started.

        Parameters
        ----------
        city : City
            What it serves.
        store : Store
            The log.
        options : LiveOptions
            How it works.
        replica : bool
            Whether to read what another process writes, and to write nothing.

        Returns
        -------
        Live
            Ready.

        Raises
        ------
        InputError
            Another process writes to the log, or the log is damaged.
        """
        hub = Hub(store)
        if replica:
            live = cls(city, store, Follower(store), hub, options)
            live.settle_roads()
            live.roads.watch(lambda: live.world, live.now_ms)
            return live
        live = cls(city, store, Ledger(store), hub, options)
        units = city.scenario.units
        rows = zip(units["id"], units["type"], units["station"], strict=True)
        own = tuple((str(name), str(kind), str(home)) for name, kind, home in rows)
        start = Start(city.scenario.hash, own, frozenset(city.station_rows))
        live.ledger.submit(start, SYSTEM).result()
        live.settle_roads()
        live.roads.watch(lambda: live.world, live.now_ms)
        live.jobs.begin()
        return live

    def close(self) -> None:
        """Write what was asked for, and stop."""
        self.hub.close()
        self.jobs.close()
        self.ahead.close()
        self.roads.close()
        self.proof.close()
        self.ledger.close()

    @property
    def world(self) -> World:
        """What is the case."""
        return self.ledger.world

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Let what can wait a few milliseconds wait: a dispatcher does.

        Jobs stand still, position reports are written afterwards.
        """
        self._asked += 1
        try:
            if self._asked == 1:
                self.jobs.hold()
            yield
        finally:
            self._asked -= 1
            if not self._asked:
                self.jobs.let_go()

    def is_asked(self) -> bool:
        """Tell whether a dispatcher waits for an answer.

        Returns
        -------
        bool
            Whether anybody is within `asking`.
        """
        return self._asked > 0

    def trouble(self) -> str:
        """Tell what is wrong with the log.

        Returns
        -------
        str
            In words; empty if nothing is known to be.
        """
        if self.ledger.failure:
            return f"the log cannot be written: {self.ledger.failure}"
        return self.proof.damage

    def now_ms(self) -> int:
        """Return the time.

        Returns
        -------
        int
            Milliseconds since 1970.
        """
        return self.ledger.now_ms()

    async def write(self, command: Command, who: Principal, name: Named) -> Outcome:
        """Let something happen.

        Parameters
        ----------
        command : Command
            What.
        who : Principal
            Who wants it.
        name : Named
            How the request is named.

        Returns
        -------
        Outcome
            Once it is on disk.

        Raises
        ------
        RefusedError
            It cannot happen.
        HTTPException
            503: it cannot be written now.
        """
        patient = isinstance(command, ReportPositions)
        future = self.ledger.submit(command, who.name, name.key, name.request, patient=patient)
        await heard_of(future)  # who hangs up does not undo what is on its way to disk
        try:
            return future.result()
        except UnavailableError as error:
            raise HTTPException(
                503,
                f"nothing was acknowledged: {error}",
                {"Retry-After": "1"},
            ) from error

    def fleet_now(self, world: World | None = None) -> FleetNow:
        """Say where all units are and what they can do.

        Parameters
        ----------
        world : World, optional
            Where they stand; else the present one.

        Returns
        -------
        FleetNow
            As they are now.
        """
        world = self.world if world is None else world
        return self.places.of(world, self.now_ms(), self.stale_after_ms)

    def moved(self, *, everybody: bool) -> Moved:
        """Say where those units are that have moved since this was asked.

        Parameters
        ----------
        everybody : bool
            Whether to say it of those, too, who have not.

        Returns
        -------
        Moved
            As they are now.
        """
        now_ms = self.now_ms()
        return self.places.moved(self.world, now_ms, self.stale_after_ms, everybody=everybody)

    def settle_roads(self) -> None:
        """Put exactly those closures on the roads that hold now."""
        self.roads.settle(lambda: self.world, self.now_ms)

    def show_unit(self, unit: UnitNow, world: World | None = None) -> UnitView:
        """Show a unit as it is now.

        Parameters
        ----------
        unit : UnitNow
            The unit.
        world : World, optional
            Where it stands; else the present one.

        Returns
        -------
        UnitView
            With its age.
        """
        world = self.world if world is None else world
        return unit_view(unit, world, self.kinds, self.now_ms(), self.stale_after_ms)

    def show_incident(self, incident: IncidentNow) -> IncidentView:
        """Show an incident as it is now.

        Parameters
        ----------
        incident : IncidentNow
            The incident.

        Returns
        -------
        IncidentView
            With its age.
        """
        return incident_view(incident, self.now_ms())
