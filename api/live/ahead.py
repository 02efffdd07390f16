"""Looks at units as they report, so that a question finds them on their roads already."""

from __future__ import annotations

import logging
import time
from threading import Event, Thread
from typing import TYPE_CHECKING, Final

from api.response_words import MOST_COVERAGE_CELLS

if TYPE_CHECKING:
    from collections.abc import Callable

    from api.city import City
    from api.live.fleet_now import Moved
    from api.live.records import Record
    from api.schemas import Profile

_LOG: Final = logging.getLogger(__name__)
_PAUSE_S: Final = 0.003
"""From one look to the next: those who have reported by then are looked at together."""
_PATIENCE_S: Final = 2.0
_EVERYBODY_S: Final = 10.0


class Ahead:
    """Ties units to roads and computes their drives to the zones when they have moved.

    Parameters
    ----------
    city : City
        Remembers the drives.
    look : callable
        Ties units to roads, and says where those are that have moved since it was called,
        or where everybody is.
    yields : callable
        Tells whether a dispatcher waits for an answer, which it would only delay.
    """

    def __init__(
        self,
        city: City,
        look: Callable[..., Moved],
        yields: Callable[[], bool],
    ) -> None:
        settings = city.scenario.settings
        self._city = city
        self._look = look
        self._yields = yields
        self._profiles: set[Profile] = {
            "siren" if each.siren else "normal"
            for each in settings.priorities
            if settings.standard_of(each.name) is not None
        }
        self._news = Event()
        self._closing = Event()
        self._thread = Thread(target=self._work, name="ahead", daemon=True)
        self._thread.start()

    def tell(self, _: list[Record]) -> None:  # numpydoc ignore=PR01
        """Look again soon."""
        self._news.set()

    def close(self) -> None:
        """Look no more."""
        self._closing.set()
        self._news.set()
        self._thread.join(_PATIENCE_S)  # roads that hang are no reason not to stop

    def _work(self) -> None:
        generation, looked_s = -1, 0.0
        while not self._closing.is_set():
            self._news.wait()
            if self._yields():
                self._closing.wait(_PAUSE_S)
                continue
            self._news.clear()
            try:
                # after other drives hold; and who stands still is not to be forgotten
                now_s, newest = time.monotonic(), self._city.generation
                everybody = newest != generation or now_s - looked_s > _EVERYBODY_S
                places, units = self._look(everybody=everybody)
                if everybody:
                    generation, looked_s = newest, now_s
                wanted = units * len(self._city.scenario.zones) <= MOST_COVERAGE_CELLS
                for profile in self._profiles if wanted and len(places) else ():
                    self._city.zone_drives(profile, places)
            except Exception:  # noqa: BLE001  # a question that fails says so itself
                _LOG.exception("units could not be looked at ahead")
            self._closing.wait(_PAUSE_S)
