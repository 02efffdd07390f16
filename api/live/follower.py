"""A reader of a log that another process writes to: its world is a moment behind."""

from __future__ import annotations

import logging
import time
from concurrent.futures import Future
from threading import Event, Thread
from typing import TYPE_CHECKING, Final

from sqlalchemy.exc import SQLAlchemyError

from api.live.folding import fold, follow
from api.live.ledger import UnavailableError
from routing.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from api.live.commands import Command
    from api.live.ledger import Outcome
    from api.live.records import Record
    from api.live.store import Store
    from api.live.world import World

_LOG: Final = logging.getLogger(__name__)
LOOK_S: Final = 0.1
"""How often it looks for what is new."""


class Follower:
    """Reads a log as it grows; in the place of a `api.live.ledger.Ledger`.

    Parameters
    ----------
    store : Store
        The log.
    clock : callable
        Seconds since 1970.
    """

    def __init__(self, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock
        self._folded = fold(store)
        self._listeners: list[Callable[[World, list[Record]], None]] = []
        self._ended = Event()
        self.failure = ""
        self._thread = Thread(target=self._work, name="follower", daemon=True)
        self._thread.start()

    @property
    def world(self) -> World:
        """What is the case, as far as it was read."""
        return self._folded.world

    def now_ms(self) -> int:
        """Return the time; see `api.live.ledger.Ledger.now_ms`.

        Returns
        -------
        int
            Milliseconds since 1970.
        """
        return max(round(self._clock() * 1000), self._folded.world.at_ms)

    def waiting(self) -> int:
        """Return how many commands are on their way to disk: none.

        Returns
        -------
        int
            0.
        """
        return 0

    def listen(self, told: Callable[[World, list[Record]], None]) -> None:
        """Be told of what was read; see `api.live.ledger.Ledger.listen`.

        Parameters
        ----------
        told : callable
            Called with the world and the new records.
        """
        self._listeners.append(told)

    def submit(
        self, command: Command, actor: str, key: str | None = None, request: str | None = None
    ) -> Future[Outcome]:
        """Refuse: a reader writes nothing.

        Parameters
        ----------
        command, actor, key, request
            As of `api.live.ledger.Ledger.submit`.

        Returns
        -------
        Future of Outcome
            Failed.
        """
        del command, actor, key, request
        future: Future[Outcome] = Future()
        future.set_exception(UnavailableError("this is a replica; ask the writer"))
        return future

    def close(self) -> None:
        """Stop reading."""
        self._ended.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._ended.wait(LOOK_S):
            try:
                before = self._folded.world.seq
                self._folded = follow(self._store, self._folded)
                self.failure = ""
            except (SQLAlchemyError, InputError, ValueError) as error:
                self.failure = f"{error}".splitlines()[0]
                _LOG.warning("cannot read the log: %s", self.failure)
                continue
            if self._folded.world.seq > before and self._listeners:
                records = list(self._store.records(before, self._folded.world.seq))
                for told in self._listeners:
                    told(self._folded.world, records)
