"""Run the service in this process until it is stopped."""

from __future__ import annotations

import contextlib
import gc
import os
import socket
import time
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Final

import uvicorn

from api.app import create_app
from api.assignments import assignment
from api.city import City
from api.joint_schemas import AssignmentRequest, MoveRequest
from api.live.access import Access, OpenAccess
from api.live.jobs import JobOptions
from api.live.limits import Limits
from api.live.logs import log_as_json
from api.live.schema import check_tables, migrate
from api.live.service import Live, LiveOptions
from api.live.store import Store
from api.live.tokens import Tokens
from api.moves import proposal
from api.output import report
from api.problems import ProblemError
from api.recommendations import answer
from api.schemas import IsochroneRequest, MatrixRequest, RecommendationRequest, RouteRequest
from engine.policies import POLICIES
from routing.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from api.live.access import Authenticator
    from api.live.settings import ServeSettings
    from scenarios.package import Scenario


GRACE_S: Final = 5
"""How long a stop waits for requests that are under way."""
_SEVERAL: Final = 64
"""Zones to which drives are computed for the sake of the kernels alone."""
_COMPILING_S: Final = 2.0
"""What takes so long to answer is being compiled."""
_PATIENCE_S: Final = 300.0
"""Seconds for a request that compiles on its way."""


def run(scenario: Scenario, settings: ServeSettings, *, as_json: bool) -> None:
    """Serve a city until Ctrl-C.

    The address and the log are taken first, so that trouble with them is told at once; then
    everything that a request needs is compiled and computed once; only then is it said to
    be ready.

    Parameters
    ----------
    scenario : Scenario
        The city.
    settings : ServeSettings
        How.
    as_json : bool
        Whether to say that it is ready in JSON.

    Raises
    ------
    InputError
        The address or the log cannot be taken.
    """
    log_as_json(settings.log_level)
    host = settings.host
    with listen(host, settings.port) as listener, opened(settings) as store:
        city = City(scenario)
        options = LiveOptions(settings.stale_after_s, settings.deadline_s, jobs_of(settings, store))
        live = Live.begin(city, store, options, replica=settings.replica)
        try:
            access = access_of(settings, store)
            app = create_app(
                city,
                live,
                access=access,
                limits=Limits(settings.rate),
                deadline_s=settings.deadline_s,
            )
            _make_ready(city)
            # what is there now stays; looking through all of it again and again for
            # garbage would hold up everybody for a fifth of a second each time
            gc.freeze()
            gc.enable()
            address = f"[{host}]" if ":" in host else host
            url = f"http://{address}:{listener.getsockname()[1]}"
            config = uvicorn.Config(
                app, log_config=None, access_log=False, timeout_graceful_shutdown=GRACE_S
            )
            server = _Server(config, live)
            ready = {"url": url, "scenario": scenario.settings.name, "hash": scenario.hash}
            report(ready, [f"{scenario.settings.name} at {url} (Ctrl-C ends it)"], as_json=as_json)
            with contextlib.suppress(KeyboardInterrupt):
                server.run(sockets=[listener])
        finally:
            live.close()


class _Server(uvicorn.Server):
    """Ends the streams when it is told to stop, since they never end by themselves."""

    def __init__(self, config: uvicorn.Config, live: Live) -> None:
        super().__init__(config)
        self._live = live

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._live.hub.close()
        super().handle_exit(sig, frame)


@contextlib.contextmanager
def opened(settings: ServeSettings) -> Iterator[Store]:
    """Open the event store, with the tables of this version.

    Parameters
    ----------
    settings : ServeSettings
        Which.

    Yields
    ------
    Store
        Closed afterwards.
    """
    store = Store(settings.store.get_secret_value())
    try:
        (check_tables if settings.replica else migrate)(store.engine)
        yield store
    finally:
        store.close()


def jobs_of(settings: ServeSettings, store: Store) -> JobOptions:
    """Return how plans and simulations are run.

    Parameters
    ----------
    settings : ServeSettings
        What is set.
    store : Store
        The event store.

    Returns
    -------
    JobOptions
        With a folder beside the store, if that is a file and none is named.
    """
    folder = settings.jobs_folder
    path = store.engine.url.database
    if folder is None and store.engine.dialect.name == "sqlite" and path and path != ":memory:":
        folder = Path(path).with_name(f"{Path(path).name}-jobs")
    return JobOptions(
        at_once=settings.jobs,
        waiting=settings.jobs_waiting,
        time_limit_s=settings.jobs_time_limit_s,
        folder=None if folder is None else folder.resolve(),
        cluster=settings.jobs_cluster,
    )


def access_of(settings: ServeSettings, store: Store) -> Access:
    """Return who is let in.

    Parameters
    ----------
    settings : ServeSettings
        How callers are known.
    store : Store
        Where tokens are.

    Returns
    -------
    Access
        By tokens, and by those of a provider if one is set.
    """
    if settings.no_auth:
        return OpenAccess()
    known: list[Authenticator] = [Tokens(store.engine)]
    if settings.oidc is not None:
        from api.live.oidc import Oidc  # noqa: PLC0415  # cryptography, which few need

        known.append(Oidc(settings.oidc))
    return Access(known)


def _make_ready(city: City) -> None:
    """Answer what the desk asks for, and what others may ask for beside the work.

    Where code has to be compiled, all of it is: that would be in everybody's way.
    """
    begun = time.monotonic()
    warm_up_desk(city)
    if time.monotonic() - begun > _COMPILING_S:
        warm_up_others(city)
        gc.collect()  # a compiler leaves a hundred thousand things behind
    else:
        Thread(target=warm_up_others, args=(city,), name="warm up", daemon=True).start()


def warm_up(city: City) -> None:
    """Answer one request of each kind, so that the first caller need not wait.

    Compiles what is not yet compiled, and fills what is computed on first use.

    Parameters
    ----------
    city : City
        What will be served.
    """
    warm_up_desk(city)
    warm_up_others(city)


def warm_up_others(city: City) -> None:
    """Answer what nobody at the desk waits for.

    Parameters
    ----------
    city : City
        What will be served.
    """
    _warm_up_roads(city)
    warm_up_policies(city)


def warm_up_desk(city: City) -> None:
    """Answer what takes no knowledge of the city but its roads.

    Parameters
    ----------
    city : City
        What will be served.
    """
    examples = city.examples()
    for profile in city.times:
        city.zone_times_ms(profile, city.stations)  # the kernels of the live state, which
        city.times[profile].times_ms(city.zones, city.zones[:_SEVERAL])  # go by how many
    city.forget()
    with contextlib.suppress(InputError, ProblemError):  # a city of one road has no way
        asked = RecommendationRequest.model_validate(examples["/v1/recommendations"])
        answer(city, asked, deadline_s=_PATIENCE_S)


def _warm_up_roads(city: City) -> None:
    """Answer what people ask of roads alone."""
    examples = city.examples()
    with contextlib.suppress(InputError, ProblemError):
        city.matrix(MatrixRequest.model_validate(examples["/v1/matrix"]))
        city.route(RouteRequest.model_validate(examples["/v1/route"]))
        city.isochrones(IsochroneRequest.model_validate(examples["/v1/isochrones"]))


def warm_up_policies(city: City) -> None:
    """Answer by each policy, and for several incidents and all units.

    Parameters
    ----------
    city : City
        What will be served.
    """
    examples = city.examples()
    with contextlib.suppress(InputError):  # a city that cannot be simulated
        city.outlook.prepare()
    with contextlib.suppress(InputError, ProblemError):
        asked = examples["/v1/recommendations"]
        for name in POLICIES:
            request = RecommendationRequest.model_validate({**asked, "policy": name})
            answer(city, request, deadline_s=_PATIENCE_S)
        several = AssignmentRequest.model_validate(examples["/v1/assignments"])
        assignment(city, several, deadline_s=_PATIENCE_S)
        movable = MoveRequest.model_validate(examples["/v1/moves"])
        proposal(city, movable, deadline_s=_PATIENCE_S)


def listen(host: str, port: int) -> socket.socket:
    """Take an address.

    Parameters
    ----------
    host : str
        Name or address.
    port : int
        Port; 0 takes a free one.

    Returns
    -------
    socket.socket
        Listening; connections wait until it is served.

    Raises
    ------
    InputError
        The name is unknown, or the port is in use or not allowed.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.create_server(address[:2], family=family)
        # asyncio does this for the sockets that it makes; without, an answer waits 40 ms
        # for the acknowledgement of its own head.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except socket.gaierror as error:
        raise InputError(f"{host!r}: {error.strerror}", field="--host") from error
    except OSError as error:
        raise InputError(
            f"cannot listen on {host} port {port}: {os.strerror(error.errno or 0)}",
            field="--port",
            fix="name another, or 0 for a free one",
        ) from error
    return listener
