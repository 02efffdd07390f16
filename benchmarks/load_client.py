"""Requests over kept connections at a steady rate, and how long their answers take."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


class Connection:
    """One connection to the server, kept open; requests in turn.

    Parameters
    ----------
    host : str
        Address.
    port : int
        Port.
    """

    @classmethod
    def to(cls, url: str) -> Connection:
        """Make a connection by an address.

        Parameters
        ----------
        url : str
            Such as ``http://127.0.0.1:8000``.

        Returns
        -------
        Connection
            Opened with the first request.
        """
        parts = urlsplit(url)
        return cls(parts.hostname or "127.0.0.1", parts.port or 80)

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._lock = asyncio.Lock()

    async def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any, float]:
        """Send a request.

        Parameters
        ----------
        method, path : str
            Of the request.
        body : object
            JSON, or None.

        Returns
        -------
        status : int
            Of the answer.
        document : object
            The answer.
        seconds : float
            From when it was to be sent to the last byte received: what waits behind
            another request of this connection waits, too.
        """
        begun = time.perf_counter()
        text = b"" if body is None else json.dumps(body).encode()
        head = f"{method} {path} HTTP/1.1\r\nHost: {self._host}\r\nContent-Length: {len(text)}\r\n"
        if body is not None:
            head += "Content-Type: application/json\r\n"
        async with self._lock:
            if self._streams is None or self._streams[0].at_eof():  # it ends idle ones
                self._streams = await asyncio.open_connection(self._host, self._port)
            reader, writer = self._streams
            writer.write(head.encode() + b"\r\n" + text)
            answer = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            length = int(answer.partition("content-length:")[2].split("\r\n")[0])
            content = await reader.readexactly(length)
            seconds = time.perf_counter() - begun
        return int(answer.split()[1]), json.loads(content) if content else None, seconds

    def close(self) -> None:
        """Hang up."""
        if self._streams is not None:
            self._streams[1].close()


@dataclass
class Tally:
    """What was asked, and how it went.

    Parameters
    ----------
    seconds : dict of str to list of float
        Latencies by kind of request.
    statuses : Counter
        Answers by kind and status.
    late_s : float
        The longest that a request of the run was sent after its time.
    """

    seconds: dict[str, list[float]] = field(default_factory=dict)
    statuses: Counter[str] = field(default_factory=Counter)
    late_s: float = 0.0

    def note(self, kind: str, status: int, seconds: float) -> None:
        """Count an answer.

        Parameters
        ----------
        kind : str
            Of the request.
        status : int
            Of the answer.
        seconds : float
            How long it took.
        """
        self.seconds.setdefault(kind, []).append(seconds)
        self.statuses[f"{kind} {status}"] += 1

    def latencies(self) -> dict[str, dict[str, float]]:
        """Return count, median, 99th percentile and worst in milliseconds by kind of request.

        Returns
        -------
        dict of str to dict
            By kind.
        """
        shares = (("p50_ms", 0.5), ("p99_ms", 0.99), ("worst_ms", 1.0))
        return {
            kind: {
                "count": len(found),
                **{name: round(float(np.quantile(found, q)) * 1000, 2) for name, q in shares},
            }
            for kind, found in sorted(self.seconds.items())
        }


async def at_random(
    end: float, rate: float, act: Callable[[int], Awaitable[None]], draw: np.random.Generator
) -> None:
    """Act at random times (a Poisson process), whether or not the last answer has come.

    Parameters
    ----------
    end : float
        When to stop, by `time.perf_counter`.
    rate : float
        How often a second, on average.
    act : callable
        Takes the number of the act.
    draw : Generator
        Where the times come from.

    Raises
    ------
    ExceptionGroup
        Acts failed; all the others are done.
    """
    tasks: set[asyncio.Future[None]] = set()
    failed: list[BaseException] = []

    def _done(task: asyncio.Future[None]) -> None:
        tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            failed.append(error)

    due, row = time.perf_counter(), 0
    while (due := due + draw.exponential(1 / rate)) < end:
        await asyncio.sleep(max(due - time.perf_counter(), 0))
        task = asyncio.ensure_future(act(row))
        tasks.add(task)
        task.add_done_callback(_done)
        row += 1
    await asyncio.gather(*tasks, return_exceptions=True)
    if failed:
        raise BaseExceptionGroup(f"{len(failed)} of {row} requests failed", failed)
