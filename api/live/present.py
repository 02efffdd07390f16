"""The world as a process knows it, and who is told when it changes."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Final

from api.live.folding import Folded, fold, follow

if TYPE_CHECKING:
    from collections.abc import Callable

    from api.live.records import Record
    from api.live.store import Store
    from api.live.world import World

_LOG: Final = logging.getLogger(__name__)


class Present:
    """What the log of a store comes to now.

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
        self._listeners: list[Callable[[list[Record]], None]] = []
        self.failure = ""

    @property
    def snapshot(self) -> int:
        """Number of the record that the start began after."""
        return self._folded.snapshot

    @property
    def world(self) -> World:
        """What is the case, all of it on disk."""
        return self._folded.world

    def now_ms(self) -> int:
        """Return the time of the log: the clock's, but never before the last record.

        Returns
        -------
        int
            Milliseconds since 1970.
        """
        return max(round(self._clock() * 1000), self._folded.world.at_ms)

    def listen(self, told: Callable[[list[Record]], None]) -> None:
        """Be told of what is new, in order.

        Parameters
        ----------
        told : callable
            Called in the thread that writes or reads the log, with the new records.
        """
        self._listeners.append(told)

    def _catch_up(self) -> None:
        """Learn what was written that this process does not know yet."""
        new: list[Record] = []
        self._become(follow(self._store, self._folded, new), new)

    def _become(self, folded: Folded, new: list[Record]) -> None:
        self._folded = folded
        for told in self._listeners if new else ():
            try:
                told(new)
            except Exception:  # noqa: BLE001  # a listener's defect is not the log's
                _LOG.exception("a listener failed")
