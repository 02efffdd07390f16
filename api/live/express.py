"""A short way for the requests that come by the hundred each second.

A framework that takes every request for a new one spends more on a position than the log
does. What is unusual about a request, or wrong, goes the usual way, with its body as it
came, and is answered or refused there.
"""

from __future__ import annotations

import inspect
import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pydantic import TypeAdapter
from starlette.exceptions import HTTPException
from starlette.requests import Request

from api.live.access import REPORTS
from api.live.incident_routes import recommended
from api.live.schemas import (
    Asking,
    Id,
    LiveRecommendation,
    PositionReport,
    PositionReports,
    PositionsTaken,
)
from api.live.unit_routes import taken, taken_of_many
from api.schemas import Name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from api.live.access import Access, Principal
    from api.live.limits import Limits
    from api.live.service import Live

_MOST_BYTES: Final = 100_000
"""Longest body that goes the short way."""
_UNUSUAL: Final = frozenset({b"idempotency-key", b"expect", b"transfer-encoding"})
"""Headers that make a request go the usual way."""


class Lane(NamedTuple):
    """A path and what answers it: what its endpoint calls, too.

    Parameters
    ----------
    path : str
        As its endpoint is declared, with one name in it or none.
    name, body, answer : TypeAdapter
        Of the name in the path, the request's body and the answer's.
    act : callable
        Takes the service, the name, the body and the caller.
    """

    path: str
    name: TypeAdapter[Any]
    body: TypeAdapter[Any]
    answer: TypeAdapter[Any]
    act: Callable[[Live, Any, Any, Principal], Any]

    def named(self, path: str) -> str | None:
        """Return the name in a path.

        Parameters
        ----------
        path : str
            Of a request.

        Returns
        -------
        str or None
            Empty where no name belongs; None where it is another path.
        """
        before, _, rest = self.path.partition("{")
        after = rest.partition("}")[2]
        if not after:
            return "" if path == before else None
        if not (path.startswith(before) and path.endswith(after)):
            return None
        name = path[len(before) : len(path) - len(after)]
        return None if not name or "/" in name else name


LANES: Final = (
    Lane(
        "/v1/units/{unit}/position",
        TypeAdapter(Name),
        TypeAdapter(PositionReport),
        TypeAdapter(PositionsTaken),
        taken,
    ),
    Lane(
        "/v1/positions",
        TypeAdapter(str),
        TypeAdapter(PositionReports),
        TypeAdapter(PositionsTaken),
        taken_of_many,
    ),
    Lane(
        "/v1/incidents/{incident}/recommendation",
        TypeAdapter(Id),
        TypeAdapter(Asking),
        TypeAdapter(LiveRecommendation),
        recommended,
    ),
)


class Express:
    """Answers usual requests for usual things; see the module.

    Parameters
    ----------
    app : ASGIApp
        The usual way.
    live : Live
        The service.
    access : Access
        Who is let in.
    limits : Limits or None
        How much one caller may ask for.
    handlers : mapping
        How exceptions are told, by class.
    """

    def __init__(
        self,
        app: ASGIApp,
        live: Live,
        access: Access,
        limits: Limits | None,
        handlers: Mapping[Any, Callable[..., Any]],
    ) -> None:
        self._app = app
        self._live = live
        self._access = access
        self._limits = limits
        self._handlers = handlers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request; see the ASGI specification."""
        lane, name = self._lane(scope)
        if lane is None:
            await self._app(scope, receive, send)
            return
        message = await receive()
        usual = self._usual(lane, name, message, scope)
        if usual is None:
            await self._app(scope, _again(message, receive), send)
            return
        name, asked, who = usual
        scope["route"] = lane  # by which it is counted
        try:
            if self._limits is not None:
                await self._limits.check(who.name)
            answer = lane.answer.dump_json(await lane.act(self._live, name, asked, who))
        except Exception as error:
            response = await self._refusal(Request(scope, receive), error)
            if response is None:
                raise
            await response(scope, receive, send)
            return
        headers = [
            (b"content-length", str(len(answer)).encode()),
            (b"content-type", b"application/json"),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    def _lane(self, scope: Scope) -> tuple[Lane | None, str]:
        """Find the lane of a request that has nothing unusual about it."""
        if scope["type"] != "http" or scope["method"] != "POST" or self._access.may_wait:
            return None, ""
        for lane in LANES:
            name = lane.named(scope["path"])
            if name is not None:
                break
        else:
            return None, ""
        headers = dict(scope["headers"])
        length = headers.get(b"content-length", b"")
        usual = (
            headers.get(b"content-type", b"").lower() == b"application/json"
            and length.isdigit()
            and int(length) <= _MOST_BYTES
            and not scope["query_string"]
            and not _UNUSUAL & headers.keys()
        )
        return (lane, name) if usual else (None, "")

    def _usual(
        self, lane: Lane, name: str, message: Message, scope: Scope
    ) -> tuple[str, Any, Principal] | None:
        """Return what is asked for, whom it is about and who asks; None where that is odd."""
        if message["type"] != "http.request" or message.get("more_body"):
            return None
        try:
            # as the framework reads it, so that the same is taken
            asked = lane.body.validate_python(json.loads(message["body"]))
            name = lane.name.validate_python(name)
            who = self._access.principal(Request(scope))
        except (ValueError, RecursionError, HTTPException):
            return None
        return (name, asked, who) if who.role in REPORTS else None

    async def _refusal(self, request: Request, error: Exception) -> ASGIApp | None:
        """Return what the usual way would answer; None for a defect."""
        for kind in type(error).__mro__:
            handler = None if kind is Exception else self._handlers.get(kind)
            if handler is not None:
                response = handler(request, error)
                found: ASGIApp = await response if inspect.isawaitable(response) else response
                return found
        return None


def _again(message: Message, receive: Receive) -> Receive:
    """Give a message that was taken, then what comes."""
    taken_back = [message]

    async def _receive() -> Message:
        return taken_back.pop() if taken_back else await receive()

    return _receive
