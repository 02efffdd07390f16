"""A reader of a log that another process writes to: its world is a moment behind."""

from __future__ import annotations

import logging
import time
from concurrent.futures import Future
from threading import Event, Thread
from typing import TYPE_CHECKING, Final

from sqlalchemy.exc import SQLAlchemyError

from api.live.ledger import UnavailableError
from api.live.present import Present
from routing.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from api.live.commands import Command
    from api.live.ledger import Outcome
    from api.live.store import Store

_LOG: Final = logging.getLogger(__name__)
LOOK_S: Final = 0.1
"""How often it looks for what is new."""


class Follower(Present):
    """Reads a log as it grows; in the place of a `api.live.ledger.Ledger`.

    Parameters
    ----------
    store : Store
        The log.
    clock : callable
        Seconds since 1970.
    """

    def __init__(self, store: Store, clock: Callable[[], float] = time.time) -> None:
        super().__init__(store, clock)
        self._ended = Event()
        self._thread = Thread(target=self._work, name="follower", daemon=True)
        self._thread.start()

    def waiting(self) -> int:
        """Return how many commands are on their way to disk: none.

        Returns
        -------
        int
            0.
        """
        return 0

    def submit(
        self,
        command: Command,
        actor: str,
        key: str | None = None,
        request: str | None = None,
        *,
        patient: bool = False,
    ) -> Future[Outcome]:
        """Refuse: a reader writes nothing.

        Parameters
        ----------
        command, actor, key, request, patient
            As of `api.live.ledger.Ledger.submit`.

        Returns
        -------
        Future of Outcome
            Failed.
        """
        del command, actor, key, request, patient
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
                self._catch_up()
                self.failure = ""
            except (SQLAlchemyError, InputError) as error:
                self.failure = f"{error}".splitlines()[0]
                _LOG.warning("cannot read the log: %s", self.failure)
