"""What the service counts about itself, for Prometheus."""

from __future__ import annotations

import time
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_RECENT_S: Final = 300.0


class Watch:
    """Counters and gauges of one service; a registry of its own, so that tests may have many."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._latency = Histogram(
            "bluelight_request_seconds",
            "Time to the last byte of an answer.",
            ("method", "path", "status"),
            registry=self.registry,
            buckets=_BUCKETS,
        )
        self._recommended = Counter(
            "bluelight_recommendations", "Answers given.", registry=self.registry
        )
        self._degraded = Counter(
            "bluelight_degraded", "Makeshift answers among them.", registry=self.registry
        )
        self._recent: deque[float] = deque(maxlen=1_000)

    def gauge(self, name: str, what: str, read: Callable[[], float]) -> None:
        """Watch a figure that is read when it is asked for.

        Parameters
        ----------
        name : str
            Its name.
        what : str
            What it means.
        read : callable
            Returns it.
        """
        Gauge(name, what, registry=self.registry).set_function(read)

    def gauges(
        self, name: str, what: str, label: str, values: Iterable[str], read: Callable[[str], float]
    ) -> None:
        """Watch figures of one kind that are read when they are asked for.

        Parameters
        ----------
        name : str
            Their name.
        what : str
            What they mean.
        label : str
            What tells them apart.
        values : iterable of str
            Its values.
        read : callable
            Returns the figure of a value.
        """
        each = Gauge(name, what, (label,), registry=self.registry)
        for value in values:
            each.labels(value).set_function(partial(read, value))

    def recommended(self, *, degraded: bool) -> None:
        """Count an answer.

        Parameters
        ----------
        degraded : bool
            Whether it is a makeshift one.
        """
        self._recommended.inc()
        if degraded:
            self._degraded.inc()
            self._recent.append(time.monotonic())

    def degraded_lately(self) -> int:
        """Return how many makeshift answers there were in the last five minutes.

        Returns
        -------
        int
            At most a thousand.
        """
        since = time.monotonic() - _RECENT_S
        return sum(each >= since for each in list(self._recent))

    def page(self) -> bytes:
        """Return all figures as Prometheus reads them.

        Returns
        -------
        bytes
            Of `CONTENT_TYPE`.
        """
        return generate_latest(self.registry)

    def observe(self, method: str, path: str, status: int, seconds: float) -> None:
        """Count a request.

        Parameters
        ----------
        method, path : str
            The path as it is declared, so that names in it make no series.
        status : int
            Of the answer.
        seconds : float
            How long it took.
        """
        self._latency.labels(method, path, str(status)).observe(seconds)


class Measured:
    """Counts each request and the time it took.

    Parameters
    ----------
    app : ASGIApp
        What is measured.
    watch : Watch
        Where it is counted.
    """

    def __init__(self, app: ASGIApp, watch: Watch) -> None:
        self._app = app
        self._watch = watch

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request; see the ASGI specification."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun, status = time.perf_counter(), 500

        async def _sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, _sent)
        finally:
            route: Any = scope.get("route")
            path = getattr(route, "path", "other")
            self._watch.observe(scope["method"], path, status, time.perf_counter() - begun)
