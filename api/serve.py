"""Run the service in this process until it is stopped."""

from __future__ import annotations

import contextlib
import os
import socket
from typing import TYPE_CHECKING, Final

import uvicorn

from api.app import create_app
from api.assignments import assignment
from api.city import City
from api.joint_schemas import AssignmentRequest, MoveRequest
from api.moves import proposal
from api.output import report
from api.problems import ProblemError
from api.recommendations import answer
from api.schemas import MatrixRequest, RecommendationRequest, RouteRequest
from engine.policies import POLICIES
from routing.errors import InputError

if TYPE_CHECKING:
    from scenarios.package import Scenario


GRACE_S: Final = 5
"""How long a stop waits for requests that are under way."""
_PATIENCE_S: Final = 300.0
"""Seconds for a request that compiles on its way."""


def run(scenario: Scenario, *, host: str, port: int, as_json: bool) -> None:
    """Serve a city until Ctrl-C.

    The address is taken first, so that a port in use is told at once; then everything
    that a request needs is compiled and computed once; only then is it said to be ready.

    Parameters
    ----------
    scenario : Scenario
        The city.
    host : str
        Address to listen on.
    port : int
        Port; 0 takes a free one.
    as_json : bool
        Whether to say that it is ready in JSON.

    Raises
    ------
    InputError
        The address cannot be taken.
    """
    with listen(host, port) as listener:
        city = City(scenario)
        app = create_app(city)
        warm_up(city)
        address = f"[{host}]" if ":" in host else host
        url = f"http://{address}:{listener.getsockname()[1]}"
        config = uvicorn.Config(
            app, log_level="warning", access_log=False, timeout_graceful_shutdown=GRACE_S
        )
        server = uvicorn.Server(config)
        ready = {"url": url, "scenario": scenario.settings.name, "hash": scenario.hash}
        report(ready, [f"{scenario.settings.name} at {url} (Ctrl-C ends it)"], as_json=as_json)
        with contextlib.suppress(KeyboardInterrupt):
            server.run(sockets=[listener])


def warm_up(city: City) -> None:
    """Answer one request of each kind, so that the first caller need not wait.

    Compiles what is not yet compiled, and fills what is computed on first use.

    Parameters
    ----------
    city : City
        What will be served.
    """
    examples = city.examples()
    with contextlib.suppress(InputError):  # a city that cannot be simulated
        city.outlook.prepare()
    with contextlib.suppress(InputError, ProblemError):  # a city of one road has no way
        asked = examples["/v1/recommendations"]
        for name in POLICIES:
            request = RecommendationRequest.model_validate({**asked, "policy": name})
            answer(city, request, deadline_s=_PATIENCE_S)
        several = AssignmentRequest.model_validate(examples["/v1/assignments"])
        assignment(city, several, deadline_s=_PATIENCE_S)
        movable = MoveRequest.model_validate(examples["/v1/moves"])
        proposal(city, movable, deadline_s=_PATIENCE_S)
        city.matrix(MatrixRequest.model_validate(examples["/v1/matrix"]))
        city.route(RouteRequest.model_validate(examples["/v1/route"]))


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
