"""A world that is read while it changes."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

World = TypeVar("World")


class LeftRight(Generic[World]):
    """Two copies of a world: one to read, one to change.

    A change is made to the copy that nobody reads, then the copies swap roles, and the
    other one is brought up to date before the next change. Readers never wait, and see
    the world before a change or after it, never a mix (Ramalhete & Correia 2015,
    "Left-Right: a concurrency control technique with wait-free population oblivious
    reads").

    Parameters
    ----------
    left, right : World
        Two equal copies.
    """

    def __init__(self, left: World, right: World) -> None:
        self._worlds = [left, right]
        self._readers = [0, 0]
        self._shown = 0
        self._missed: list[Callable[[World], None]] = []
        self._writing = threading.Lock()
        self._turn = threading.Condition()
        self._mine = threading.local()

    @contextmanager
    def reading(self) -> Iterator[World]:
        """Hold the world as it is now.

        Yields
        ------
        World
            The world; it does not change until it is let go.
        """
        with self._turn:
            side = self._shown
            self._readers[side] += 1
        held = self._held()
        held[side] += 1
        try:
            yield self._worlds[side]
        finally:
            held[side] -= 1
            with self._turn:
                self._readers[side] -= 1
                self._turn.notify_all()

    def change(self, change: Callable[[World], None], *, both: bool = True) -> None:
        """Change the world, for all who look at it from now on.

        Waits for those who still read the world as it was before the last change.

        Parameters
        ----------
        change : callable
            Is called with the one copy, and before the next change with the other; it
            may not fail.
        both : bool
            False for what means nothing to the answers, and is done to one copy only.

        Raises
        ------
        RuntimeError
            The caller itself still reads that world, and would wait for ever.
        """
        with self._writing:
            hidden = 1 - self._shown
            if self._held()[hidden]:
                raise RuntimeError("leave reading() before the second change")
            with self._turn:
                self._turn.wait_for(lambda: self._readers[hidden] == 0)
            world = self._worlds[hidden]
            for missed in self._missed:
                missed(world)
            change(world)
            with self._turn:
                self._shown = hidden
            self._missed = [change] if both else []

    def _held(self) -> list[int]:
        """Count what this thread reads of each world."""
        if not hasattr(self._mine, "held"):
            self._mine.held = [0, 0]
        held: list[int] = self._mine.held
        return held
