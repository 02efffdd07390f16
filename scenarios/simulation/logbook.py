"""The log of the event loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from engine import events
from scenarios.simulation.agenda import inner
from scenarios.simulation.cursor import LOGGED

if TYPE_CHECKING:
    from scenarios.simulation.arrays import World

# Typed: a literal would have every function that it is given to compiled once more.
DEPARTED: Final = np.int64(events.DEPARTED)
ON_SCENE: Final = np.int64(events.ON_SCENE)
LEFT_SCENE: Final = np.int64(events.LEFT_SCENE)
AT_HOSPITAL: Final = np.int64(events.AT_HOSPITAL)
FREE: Final = np.int64(events.FREE)
AT_STATION: Final = np.int64(events.AT_STATION)
OFF_DUTY: Final = np.int64(events.OFF_DUTY)
ON_DUTY: Final = np.int64(events.ON_DUTY)
CALL: Final = np.int64(events.CALL)
CALL_PROCESSED: Final = np.int64(events.CALL_PROCESSED)
DIVERTED: Final = np.int64(events.DIVERTED)
DISPATCHED: Final = np.int64(events.DISPATCHED)
QUEUED: Final = np.int64(events.QUEUED)
MOVED: Final = np.int64(events.MOVED)
NONE: Final = np.int64(-1)
"""No incident, unit or place."""
NO_WAY: Final = np.int64(0)
"""Metres where nobody has driven."""


@inner
def log_event(world: World, event: int, incident: int, unit: int, place: int, metres: int) -> None:
    """Write down what happens now, where a log is kept.

    Parameters
    ----------
    world : World
        Changed in place.
    event : int
        Index in `engine.events.EVENTS`.
    incident, unit, place : int
        What it concerns, -1 for none.
    metres : int
        The drive that ends with it.
    """
    if len(world.log) == 0:
        return
    row = world.log[world.cursor[LOGGED]]
    world.cursor[LOGGED] += 1
    row.time_ms = world.clock[0]
    row.event = event
    row.incident = incident
    row.unit = unit
    row.place = place
    row.metres = metres
