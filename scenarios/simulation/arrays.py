"""The arrays that the event loop works on.

Rows that belong together are records, so that the compiler sees few arrays: it takes
its time by their number. Places are numbered through: the zones, then the hospitals,
then the stations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from engine.fleet import FREE_AT_STATION

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from scenarios.demand import IncidentTable

EVENTS_PER_INCIDENT: Final = 10
"""As many events as one incident can cause, its unit's way home included."""


def _record(**fields: str) -> np.dtype[np.void]:
    return np.dtype(list(fields.items()), align=True)


DRIVE: Final = _record(ms="i4", metres="i4")
"""A drive; UNREACHABLE in both where no road leads."""

HOSPITAL: Final = _record(place="i8", ms="i8", metres="i8")
"""The nearest hospital by time, as a place, -1 for none, and the drive there."""

HOME: Final = _record(ms="i8", metres="i8", first="i8")
"""A drive home, and its first junction, -1 where there is none before the station."""

REST: Final = _record(ms="i4", metres="i4", following="i4")
"""The rest of a drive home from a junction, and the next one, -1 for the station."""

PRIORITY: Final = _record(response="i8", transport="i8")
"""First index of the tables of drives: to the scene, to the hospital."""

CREW: Final = _record(home="i8", turnout_ms="i8")
"""A unit's station, and how long its crew takes to leave it."""

UNIT: Final = _record(
    place="i8",  # where it stands, or stood last; -1 once it was turned round
    incident="i8",  # what it serves, -1 for nothing
    ahead="i8",  # next junction on its way home, -1 for the station
    left_ms="i8",  # when it left for home
    behind_ms="i8",  # time from there to the last junction that it passed
    behind_m="i8",  # and way
    distance_m="i8",  # way to the scene of the incident that is asked about
)
"""Where a unit is and what it does."""

CALL: Final = _record(
    call_ms="i8",
    processing_ms="i8",
    on_scene_ms="i8",
    handover_ms="i8",
    zone="i8",
    priority="i8",
    transported="?",
)
"""An incident; see `scenarios.demand.IncidentTable`."""

SERVED: Final = _record(
    dispatch_ms="i8",
    departed_ms="i8",
    on_scene_ms="i8",
    left_ms="i8",
    at_hospital_ms="i8",
    free_ms="i8",
    distance_m="i8",  # from where the unit was alerted to the scene
    unit="i8",
    hospital="i8",  # a place
)
"""What became of an incident, and when; -1 for what did not happen."""

LOG: Final = _record(
    time_ms="i8",
    metres="i8",  # the drive that ended with the event
    incident="i8",
    unit="i8",
    place="i8",
    event="i8",
)
"""Something that happened; -1 for what it does not concern."""

TASK: Final = _record(time_ms="i8", order="i8")
"""Something to come: when, and kind and subject as one number."""


class Travel(NamedTuple):
    """Travel times between all that a unit drives between; read only.

    With k speed profiles, z zones, p places, s stations and j junctions on ways home:

    Parameters
    ----------
    drive : ndarray of DRIVE, shape (k, p, z)
        From each place to each zone.
    turn : ndarray of DRIVE, shape (k, z, j)
        To each zone from each junction, for units that are turned round.
    hospital : ndarray of HOSPITAL, shape (k, z)
        From each zone.
    home : ndarray of HOME, shape (p, s)
        From each place to each station, without siren.
    rest : ndarray of REST, shape (s, j)
        To each station from each junction, without siren.
    """

    drive: NDArray[Any]
    turn: NDArray[Any]
    hospital: NDArray[Any]
    home: NDArray[Any]
    rest: NDArray[Any]


class Rules(NamedTuple):
    """What each priority asks for, and who there is; read only.

    Parameters
    ----------
    suitable : ndarray of bool, shape (priorities, units)
        Whether a unit can do what the priority needs.
    priority : ndarray of PRIORITY, shape (priorities,)
        How units drive.
    crew : ndarray of CREW, shape (units,)
        The units.
    """

    suitable: NDArray[np.bool_]
    priority: NDArray[Any]
    crew: NDArray[Any]


class World(NamedTuple):
    """All arrays of one replication; they change as time goes.

    With u units and n incidents:

    Parameters
    ----------
    travel, rules
        Shared between replications.
    status : ndarray of int8, shape (u,)
        FMS status.
    returning : ndarray of bool, shape (u,)
        True where the unit drives home.
    arrival_ms : ndarray of int64, shape (u,)
        Time from now until each unit could be at the incident that is asked about.
    units : ndarray of UNIT, shape (u,)
        Where the units are.
    calls : ndarray of CALL, shape (n,)
        The incidents.
    served : ndarray of SERVED, shape (n,)
        What became of them.
    log : ndarray of LOG
        What happened, in order.
    heap : ndarray of TASK
        What is to come, a binary heap.
    waiting : ndarray of int64
        Incidents that ask for a unit, by priority, then by call.
    cursor : ndarray of int64
        Positions; see the constants of `kernel` and `agenda`.
    """

    travel: Travel
    rules: Rules
    status: NDArray[np.int8]
    returning: NDArray[np.bool_]
    arrival_ms: NDArray[np.int64]
    units: NDArray[Any]
    calls: NDArray[Any]
    served: NDArray[Any]
    log: NDArray[Any]
    heap: NDArray[Any]
    waiting: NDArray[np.int64]
    cursor: NDArray[np.int64]


def packed(dtype: np.dtype[np.void], *columns: NDArray[Any]) -> NDArray[Any]:
    """Put columns into records.

    Parameters
    ----------
    dtype : dtype
        A record type of this module.
    *columns : ndarray
        One for each field in its order, of one shape.

    Returns
    -------
    ndarray of records
        A new array of that shape.
    """
    records = np.empty(columns[0].shape, dtype=dtype)
    for name, column in zip(dtype.names or (), columns, strict=True):
        records[name] = column
    return records


def new_world(travel: Travel, rules: Rules, incidents: IncidentTable) -> World:
    """Return the beginning of a replication: every unit free at its station.

    Parameters
    ----------
    travel : Travel
        Travel times.
    rules : Rules
        What priorities ask for, and units.
    incidents : IncidentTable
        The incidents.

    Returns
    -------
    World
        Arrays that the event loop changes in place.
    """
    u, n = len(rules.crew), incidents.size
    units = np.zeros(u, dtype=UNIT)
    units["place"] = rules.crew["home"] + travel.drive.shape[1] - travel.home.shape[1]
    units["incident"] = -1
    units["ahead"] = -1
    served = np.empty(n, dtype=SERVED)
    for name in SERVED.names or ():
        served[name] = -1
    return World(
        travel=travel,
        rules=rules,
        status=np.full(u, FREE_AT_STATION, dtype=np.int8),
        returning=np.zeros(u, dtype=np.bool_),
        arrival_ms=np.zeros(u, dtype=np.int64),
        units=units,
        calls=packed(CALL, *(getattr(incidents, name) for name in CALL.names or ())),
        served=served,
        log=np.empty(EVENTS_PER_INCIDENT * n, dtype=LOG),
        # a unit that is turned round leaves its arrival at the station in the heap
        heap=np.empty(3 * n + u + 2, dtype=TASK),
        waiting=np.zeros(n, dtype=np.int64),
        cursor=np.zeros(16, dtype=np.int64),
    )
