"""Prove the part of the log that a start did not read, beside the work."""

from __future__ import annotations

import logging
from threading import Event, Thread
from typing import TYPE_CHECKING, Final

from sqlalchemy.exc import SQLAlchemyError

from api.live.folding import beginning
from api.live.store import DamagedLogError

if TYPE_CHECKING:
    from api.live.store import Store

_LOG: Final = logging.getLogger(__name__)
_AT_A_TIME: Final = 500
_PAUSE_S: Final = 0.01
"""Between so many records others have their turn."""
LATER_S: Final = 2.0
"""A start has better things to do."""


class Proof:
    """Reads the records that a snapshot stands for, in a thread of its own.

    The present does not depend on them; but nobody should learn only from a backup that
    the past is damaged.

    Parameters
    ----------
    store : Store
        The log.
    up_to : int
        Number of the record after which the start has read all itself.
    later_s : float
        When to begin.
    """

    def __init__(self, store: Store, up_to: int, later_s: float = LATER_S) -> None:
        self._store = store
        self._up_to = up_to
        self._later_s = later_s
        self._ended = Event()
        self.damage = ""
        self._thread = Thread(target=self._read, name="proof", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop reading."""
        self._ended.set()
        self._thread.join()

    def _read(self) -> None:
        if self._ended.wait(self._later_s):
            return
        try:
            begun = beginning(self._store)
            for record in self._store.checked(begun.world.seq, begun.chain):
                if record.seq >= self._up_to:
                    return
                if record.seq % _AT_A_TIME == 0 and self._ended.wait(_PAUSE_S):
                    return
        except DamagedLogError as error:
            self.damage = error.message
            _LOG.error("the log is damaged: %s", error.message)  # no defect of ours
        except SQLAlchemyError:
            _LOG.exception("the log could not be read to the end")
