"""From the writer to those who listen: what happened, to each from where it stands.

Nobody's events are kept for it: a listener that is slow reads further back, first from the
last ones in memory, then from the log.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from itertools import islice
from threading import Lock
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from api.live.records import Record
    from api.live.store import Store

_IN_MEMORY: Final = 4_000
_PAGE: Final = 500


class Hub:
    """The last events, and a bell.

    Parameters
    ----------
    store : Store
        The log, for older ones.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._last: deque[Record] = deque(maxlen=_IN_MEMORY)
        self._lock = Lock()
        self._bells: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()
        self.closed = False

    def tell(self, records: list[Record]) -> None:
        """Add what was written, and ring.

        Parameters
        ----------
        records : list of Record
            In order.
        """
        with self._lock:
            self._last.extend(records)
            bells = list(self._bells)
        for loop, bell in bells:
            with contextlib.suppress(RuntimeError):  # a loop that has ended
                loop.call_soon_threadsafe(bell.set)

    def close(self) -> None:
        """End all streams."""
        self.closed = True
        with self._lock:
            bells = list(self._bells)
        for loop, bell in bells:
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(bell.set)

    @contextlib.contextmanager
    def bell(self) -> Iterator[asyncio.Event]:
        """Hold a bell that rings when something has happened.

        Yields
        ------
        asyncio.Event
            Of the running loop.
        """
        bell = asyncio.Event()
        entry = asyncio.get_running_loop(), bell
        with self._lock:
            self._bells.add(entry)
        try:
            yield bell
        finally:
            with self._lock:
                self._bells.discard(entry)

    @property
    def listeners(self) -> int:
        """How many listen."""
        return len(self._bells)

    async def after(self, seq: int) -> list[Record]:
        """Return the next events after one, at most a page.

        Parameters
        ----------
        seq : int
            The last one that is known.

        Returns
        -------
        list of Record
            In order, none left out but those that were pruned; empty if there is none.
        """
        with self._lock:
            if self._last and self._last[0].seq <= seq + 1:
                skip = seq + 1 - self._last[0].seq
                return list(islice(self._last, skip, skip + _PAGE))
        return await asyncio.to_thread(self._page, seq)

    def _page(self, seq: int) -> list[Record]:
        found = list(islice(self._store.records(seq, seq + _PAGE), _PAGE))
        ends = None if found else self._store.ends()
        if ends is None or ends[0].seq <= seq + 1:
            return found
        first = ends[0].seq  # what was between is pruned
        return list(islice(self._store.records(first - 1, first + _PAGE), _PAGE))
