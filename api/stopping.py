"""Ctrl-C that asks a search for what it has so far."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType


@contextmanager
def stop_on_interrupt(what: str) -> Iterator[Callable[[], bool]]:
    """Turn the first Ctrl-C into a question that becomes True; the second one ends all.

    Parameters
    ----------
    what : str
        What will come of it, for the message: ``the best plan so far``.

    Yields
    ------
    callable
        Whether Ctrl-C was pressed.
    """
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked.is_set
        return

    def _ask(number: int, frame: FrameType | None) -> None:
        if asked.is_set():
            signal.default_int_handler(number, frame)
        asked.set()
        click.echo(f"stopping: {what} follows; press Ctrl-C again to end at once", err=True)

    before = signal.signal(signal.SIGINT, _ask)
    try:
        yield asked.is_set
    finally:
        signal.signal(signal.SIGINT, before)
