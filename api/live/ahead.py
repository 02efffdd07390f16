"""Looks at units as they report, so that a question finds them on their roads already."""

from __future__ import annotations

import logging
from threading import Event, Thread
from typing import TYPE_CHECKING, Final

from api.response_words import MOST_COVERAGE_CELLS

if TYPE_CHECKING:
    from collections.abc import Callable

    from api.city import City
    from api.live.fleet_now import FleetNow
    from api.live.records import Record
    from api.schemas import Profile

_LOG: Final = logging.getLogger(__name__)
_PAUSE_S: Final = 0.003
"""From one look to the next: who has reported twice by then is looked at once."""
_PATIENCE_S: Final = 2.0


class Ahead:
    """Ties units to roads and computes their drives to the zones when they have moved.

    Parameters
    ----------
    city : City
        Remembers the drives.
    look : callable
        Says where all units are, and remembers it.
    """

    def __init__(self, city: City, look: Callable[[], FleetNow]) -> None:
        settings = city.scenario.settings
        self._city = city
        self._look = look
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
        while not self._closing.is_set():
            self._news.wait()
            self._news.clear()
            try:
                places = self._look().known.places
                if len(places) * len(self._city.scenario.zones) <= MOST_COVERAGE_CELLS:
                    for profile in self._profiles:
                        self._city.zone_drives(profile, places)
            except Exception:  # noqa: BLE001  # a question that fails says so itself
                _LOG.exception("units could not be looked at ahead")
            self._closing.wait(_PAUSE_S)
