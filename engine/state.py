"""The state of a fleet: what one gets by applying events in order."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from engine import events as ev
from engine.fleet import (
    AT_DESTINATION,
    FREE_AT_STATION,
    FREE_ON_RADIO,
    ON_SCENE,
    OUT_OF_SERVICE,
    PATIENT_ABOARD,
    RESPONDING,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray


class Event(NamedTuple):
    """One thing that happened.

    Parameters
    ----------
    time_ms : float
        When, in milliseconds since the beginning.
    kind : int
        Index in `engine.events.EVENTS`.
    incident, unit : int
        What it concerns; -1 for none.
    metres : int
        Length of the drive that ended with it.
    """

    time_ms: float
    kind: int
    incident: int = -1
    unit: int = -1
    metres: int = 0


@dataclass(frozen=True, eq=False)
class FleetState:
    """Units and waiting incidents at a moment.

    Parameters
    ----------
    time_ms : float
        The moment.
    status : ndarray of int8, shape (units,)
        FMS status.
    incident : ndarray of int64, shape (units,)
        Incident that each unit serves, -1 for none.
    metres : ndarray of int64, shape (units,)
        What each unit has driven.
    waiting : frozenset of int
        Incidents that ask for a unit and have none.
    open : frozenset of int
        Incidents that it is known of what they need.
    """

    time_ms: float
    status: NDArray[np.int8]
    incident: NDArray[np.int64]
    metres: NDArray[np.int64]
    waiting: frozenset[int]
    open: frozenset[int] = frozenset()

    @classmethod
    def at_stations(cls, units: int) -> FleetState:
        """Return the beginning: every unit free at its station.

        Parameters
        ----------
        units : int
            How many.

        Returns
        -------
        FleetState
            The state at time 0.
        """
        return cls(
            0,
            np.full(units, FREE_AT_STATION, dtype=np.int8),
            np.full(units, -1, dtype=np.int64),
            np.zeros(units, dtype=np.int64),
            frozenset(),
        )


_FREE: Final = frozenset({FREE_ON_RADIO, FREE_AT_STATION})
_IDLE: Final = _FREE | {OUT_OF_SERVICE}

_MOVES: Final[dict[int, tuple[frozenset[int], int]]] = {
    ev.DISPATCHED: (_FREE, RESPONDING),
    ev.DEPARTED: (frozenset({RESPONDING}), RESPONDING),
    ev.ON_SCENE: (frozenset({RESPONDING}), ON_SCENE),
    ev.LEFT_SCENE: (frozenset({ON_SCENE}), PATIENT_ABOARD),
    ev.AT_HOSPITAL: (frozenset({PATIENT_ABOARD}), AT_DESTINATION),
    ev.FREE: (frozenset({ON_SCENE, AT_DESTINATION}), FREE_ON_RADIO),
    ev.AT_STATION: (frozenset({FREE_ON_RADIO}), FREE_AT_STATION),
    ev.OFF_DUTY: (frozenset({FREE_AT_STATION}), OUT_OF_SERVICE),
    ev.ON_DUTY: (frozenset({OUT_OF_SERVICE}), FREE_AT_STATION),
    ev.MOVED: (_FREE, FREE_ON_RADIO),
    ev.DIVERTED: (frozenset({RESPONDING}), FREE_ON_RADIO),
}
"""Status that each event of a unit asks for, and the one that it leads to."""


def apply(state: FleetState, event: Event) -> FleetState:
    """Return the state after an event.

    Parameters
    ----------
    state : FleetState
        The state before; it is not changed.
    event : Event
        What happened.

    Returns
    -------
    FleetState
        The state after.

    Raises
    ------
    ValueError
        It cannot have happened: time runs backwards, a busy unit is sent, a unit is on
        the scene of an incident that it was not sent to, or is sent to one of which
        nobody knows what it needs.
    """
    if event.time_ms < state.time_ms:
        raise ValueError(f"{event} is earlier than {state.time_ms} ms")
    waiting, known = state.waiting, state.open
    if event.kind == ev.CALL_PROCESSED:
        waiting, known = waiting | {event.incident}, known | {event.incident}
    if event.kind in (ev.DISPATCHED, ev.QUEUED) and event.incident not in known:
        raise ValueError(f"{event}: the incident asks for no unit")
    if event.kind == ev.DISPATCHED:
        waiting -= {event.incident}
    if event.kind not in _MOVES:
        return replace(state, time_ms=event.time_ms, waiting=waiting, open=known)
    before, after = _MOVES[event.kind]
    unit = event.unit
    if not 0 <= unit < len(state.status):
        raise ValueError(f"{event}: there is no unit {unit}")
    serving = -1 if int(state.status[unit]) in _IDLE else event.incident
    if int(state.status[unit]) not in before or state.incident[unit] != serving:
        raise ValueError(
            f"{event}: the unit has status {state.status[unit]}, incident {state.incident[unit]}"
        )
    status, incident, metres = state.status.copy(), state.incident.copy(), state.metres.copy()
    status[unit] = after
    incident[unit] = -1 if after in _IDLE else event.incident
    metres[unit] += event.metres
    if event.kind == ev.DIVERTED and event.incident not in incident:
        waiting |= {event.incident}
    return FleetState(event.time_ms, status, incident, metres, waiting, known)


def fold(state: FleetState, events: Iterable[Event]) -> FleetState:
    """Apply events in order.

    Parameters
    ----------
    state : FleetState
        The state before all of them.
    events : iterable of Event
        What happened.

    Returns
    -------
    FleetState
        The state after all of them.

    Raises
    ------
    ValueError
        One of them cannot have happened; see `apply`.
    """
    for event in events:
        state = apply(state, event)
    return state
