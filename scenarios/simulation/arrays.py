"""The arrays that the event loop works on.

Rows that belong together are records, so that the compiler sees few arrays: it takes
its time by their number. Places are numbered through: the zones, then the hospitals,
then the stations. Times are milliseconds as float64: whole ones wherever they come from
roads and draws, so that they add up exactly; data of other simulators may be finer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from engine.fleet import FREE_AT_STATION
from scenarios.simulation.agenda import new_steps
from scenarios.simulation.cursor import LENGTH

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from scenarios.demand import IncidentTable


def _record(**fields: str) -> np.dtype[np.void]:
    return np.dtype(list(fields.items()), align=True)


DRIVE: Final = _record(ms="i4", metres="i4", ahead="i4")
"""A drive, UNREACHABLE in both where no road leads, and the first junction on it, -1 for none."""

FINE_DRIVE: Final = _record(ms="f8", metres="i4", ahead="i4")
"""The same where travel times are given and finer than milliseconds."""

HOSPITAL: Final = _record(place="i8", ms="f8", metres="i8")
"""A hospital, as a place, and the drive there; UNREACHABLE where no road leads."""

NEAR: Final = _record(ms="f8", metres="i4", station="i4")
"""The drive from a station to a zone; UNREACHABLE in both where no road leads."""

TRACK: Final = _record(share="f8", place="i8")
"""From which share of a drive home on the unit counts as at which zone."""

PRIORITY: Final = _record(response="i8", transport="i8")
"""Number of the speed profile: to the scene, to the hospital."""

CREW: Final = _record(home="i8", turnout_ms="f8", night_turnout_ms="f8")
"""A unit's station, and how long its crew takes to leave it."""

FLIGHT: Final = _record(metres_per_ms="f8", start_ms="f8", landing_ms="f8")
"""How a unit flies, all zero for one that drives: its speed, what it takes to get into the air,
and to come down."""

AID: Final = _record(given="?", beyond_ms="f8")
"""Whether a unit is a neighbour's, and where no own unit arrives within what time it is asked;
negative: within the standard."""

LIMIT: Final = _record(ms="f8", from_call="?")
"""The standard of a priority: until the arrival, from the call or from now; inf for none."""

SLOT: Final = _record(need="i8", transports="?")
"""One unit of a response: a row of `Rules.suitable`, and whether it takes the patient."""

UNIT: Final = _record(
    place="i8",  # where it stands, or stood last; -1 once it was turned round
    incident="i8",  # what it serves, -1 for nothing
    leg="i8",  # row in `World.legs`
    off="i8",  # reasons why it is not on duty
    tree="i8",  # first index of the table of drives that it follows
    target="i8",  # station or zone that it drives to
    ahead="i8",  # next junction on its way, -1 for none; in tracks, where it is
    left_ms="f8",  # when it left
    arrive_ms="f8",  # when it will be there
    way_m="i8",  # and how far that is
    behind_ms="f8",  # when it passed the last junction
    behind_m="i8",  # and how far from where it left
    x="f8",  # where a flight began, in metres
    y="f8",
    z="f8",
    spot="i8",  # where it stands in `World.on_road`
    after="i8",  # who stands behind it in the line of a hospital, -1 for nobody
)
"""Where a unit is and what it does."""

LINE: Final = _record(first="i8", last="i8")
"""Crews that wait for a bay of a hospital, in the order of `UNIT`'s `after`; -1 for none."""

CALL: Final = _record(
    call_ms="f8",
    processing_ms="f8",
    on_scene_ms="f8",
    handover_ms="f8",
    zone="i4",
    priority="i4",
    type="i4",
    leg="i4",  # first of its rows in `World.legs`
    transported="?",
)
"""An incident; see `scenarios.demand.IncidentTable`."""

CASE: Final = _record(alternative="i8", missing="i8", queued="?")
"""How an incident is answered: by which alternative, how many units it lacks."""

LEG: Final = _record(
    dispatch_ms="f8",
    departed_ms="f8",
    on_scene_ms="f8",
    left_ms="f8",
    at_hospital_ms="f8",
    free_ms="f8",
    distance_m="i8",  # from where the unit was alerted to the scene
    incident="i8",
    unit="i8",
    hospital="i8",  # a place
)
"""What a unit did for an incident, and when; -1 for what did not happen."""

_NO_LEG: Final = np.array([(-1,) * len(LEG.fields or ())], dtype=LEG)

LOG: Final = _record(
    time_ms="f8",
    metres="i4",  # the drive that ended with the event, -1 where nobody knows
    incident="i4",
    unit="i4",
    place="i4",
    event="i4",
)
"""Something that happened; -1 for what it does not concern."""

TASK: Final = _record(time_ms="f8", incident="i8")
"""An incident whose call is being processed, and until when."""

TIMED: Final = _record(time_ms="f8", kind="i8", subject="i8")
"""Something that happens at a given time, whatever else does."""

# In the order in which they take effect at one moment: who comes on duty drives at the
# speed of the new hour, and a unit with one reason after the other to be off stays off.
PERIOD: Final = 0
"""Timed: drives are those of another period, the subject."""
NIGHT: Final = 1
"""Timed: crews take their night's time to turn out if the subject is 1, else the day's."""
OPENS: Final = 2
"""Timed: a hospital, counted from 0, takes patients again."""
CLOSES: Final = 3
"""Timed: it takes nobody."""
GOES_OFF: Final = 4
"""Timed: a unit has one more reason to be off duty."""
COMES_ON: Final = 5
"""Timed: a unit has one reason less."""


class Travel(NamedTuple):
    """Travel times between all that a unit drives between; read only.

    With q periods (such as hours that differ in speed), k speed profiles in each, z
    zones, h hospitals, p places, s stations and j junctions:

    Parameters
    ----------
    drive : ndarray of DRIVE or FINE_DRIVE, shape (q k, p, z)
        From each place to each zone.
    turn : ndarray of DRIVE or FINE_DRIVE, shape (q k, z, j)
        To each zone from each junction, for units that are turned round; `ahead` is the
        next junction.
    hospital : ndarray of HOSPITAL, shape (q k, z, h)
        From each zone, the nearest by time first.
    home : ndarray of DRIVE or FINE_DRIVE, shape (q, p, s)
        From each place to each station, without siren.
    rest : ndarray of DRIVE or FINE_DRIVE, shape (q, s, j)
        To each station from each junction, without siren; `ahead` is the next junction.
    track_ptr : ndarray of int64, shape (p s + 1,) or (1,)
        Where the rows of `track` begin for each place and station. Without tracks (one
        value) units drive from junction to junction.
    track : ndarray of TRACK
        Zones that a unit on its way home counts as at.
    xyz : ndarray of float64, shape (p, 3) or (0, 3)
        Places as points of space, in metres; empty where nobody flies.
    nearest : ndarray of NEAR, shape (q k, z, s) or (0, 0, 0)
        To each zone from each station, the nearest by time first: `drive` again, in the
        order of `scenarios.simulation.closest.nearest_stations`. Without it every unit is
        looked at for each incident.
    """

    drive: NDArray[Any]
    turn: NDArray[Any]
    hospital: NDArray[Any]
    home: NDArray[Any]
    rest: NDArray[Any]
    track_ptr: NDArray[np.int64]
    track: NDArray[Any]
    xyz: NDArray[np.float64] = np.zeros((0, 3), dtype=np.float64)
    nearest: NDArray[Any] = np.zeros((0, 0, 0), dtype=NEAR)


class Rules(NamedTuple):
    """What incidents ask for, and who there is; read only.

    Parameters
    ----------
    suitable : ndarray of bool, shape (needs, units)
        Whether a unit can do what is needed.
    priority : ndarray of PRIORITY, shape (priorities,)
        How units drive.
    divert : ndarray of bool, shape (priorities, priorities)
        Whether a unit on its way to an incident of the first may be sent to one of the
        second.
    crew : ndarray of CREW, shape (units,)
        The units.
    type_ptr : ndarray of int64, shape (types + 1,)
        First alternative of each type of incident.
    alternative_ptr : ndarray of int64, shape (alternatives + 1,)
        First slot of each alternative.
    slots : ndarray of SLOT
        The units that alternatives ask for.
    accepts : ndarray of bool, shape (types, hospitals) or (0, 0)
        Whether a hospital can do what patients of a type need; every one if empty.
    bays : ndarray of int64, shape (hospitals,) or (0,)
        How many crews can hand over at once, 0 for any number; any number if empty.
    handover_ms : ndarray of float64, shape (hospitals,) or (0,)
        Mean time of a handover, for hospital policies.
    hospital_policy : ndarray of uint8
        Id of the hospital policy in ASCII; empty for that of the nearest.
    flight : ndarray of FLIGHT, shape (units,) or (0,)
        How units fly; empty where nobody does.
    aid : ndarray of AID, shape (units,) or (0,)
        Which units are a neighbour's; empty where none is.
    limit : ndarray of LIMIT, shape (priorities,) or (0,)
        Standards by which neighbours are asked.
    """

    suitable: NDArray[np.bool_]
    priority: NDArray[Any]
    divert: NDArray[np.bool_]
    crew: NDArray[Any]
    type_ptr: NDArray[np.int64]
    alternative_ptr: NDArray[np.int64]
    slots: NDArray[Any]
    accepts: NDArray[np.bool_] = np.zeros((0, 0), dtype=np.bool_)
    bays: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
    handover_ms: NDArray[np.float64] = np.zeros(0, dtype=np.float64)
    hospital_policy: NDArray[np.uint8] = np.zeros(0, dtype=np.uint8)
    flight: NDArray[Any] = np.zeros(0, dtype=FLIGHT)
    aid: NDArray[Any] = np.zeros(0, dtype=AID)
    limit: NDArray[Any] = np.zeros(0, dtype=LIMIT)

    @property
    def hospitals_differ(self) -> bool:
        """True where a patient may be taken elsewhere than to the nearest, or wait there."""
        return len(self.bays) > 0


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
    arrival_ms : ndarray of float64, shape (u,)
        Time from now until each unit could be at the incident that is asked about.
    units : ndarray of UNIT, shape (u,)
        Where the units are.
    steps : ndarray of STEP
        What each unit does next; see `scenarios.simulation.agenda.new_steps`.
    calls : ndarray of CALL, shape (n,)
        The incidents.
    cases : ndarray of CASE, shape (n,)
        How they are answered.
    legs : ndarray of LEG
        What became of them: a row for each unit that may be needed, by incident.
    log : ndarray of LOG
        What happened, in order; empty where nobody asks.
    heap : ndarray of TASK
        Calls in processing, a binary heap.
    waiting : ndarray of int64
        Incidents that ask for a unit, by priority, then by call.
    timeline : ndarray of TIMED
        What happens at given times, in order.
    closed : ndarray of bool, shape (hospitals,)
        Hospitals that take nobody.
    drive_ms : ndarray of float64, shape (hospitals,)
        Drives of the patient for whom a hospital is sought.
    there, coming : ndarray of int64, shape (hospitals,)
        Crews that hand over or wait for it, and crews on the way with a patient.
    lines : ndarray of LINE, shape (hospitals,)
        Who waits for a bay.
    base_ptr : ndarray of int64, shape (stations + 1,)
        Where the units of each station begin in `based`.
    based : ndarray of int64, shape (u,)
        Units by the station that they belong to, then by number.
    on_road : ndarray of int64, shape (u + 1,)
        Units on their way home, in any order, and room for one that was just freed.
    least_ms : ndarray of float64, shape (2,)
        The least turnout of all units, by day and by night.
    cursor : ndarray of int64
        Positions; see `scenarios.simulation.cursor`.
    clock : ndarray of float64, shape (1,)
        The time.
    """

    travel: Travel
    rules: Rules
    status: NDArray[np.int8]
    returning: NDArray[np.bool_]
    arrival_ms: NDArray[np.float64]
    units: NDArray[Any]
    steps: NDArray[Any]
    calls: NDArray[Any]
    cases: NDArray[Any]
    legs: NDArray[Any]
    log: NDArray[Any]
    heap: NDArray[Any]
    waiting: NDArray[np.int64]
    timeline: NDArray[Any]
    closed: NDArray[np.bool_]
    drive_ms: NDArray[np.float64]
    there: NDArray[np.int64]
    coming: NDArray[np.int64]
    lines: NDArray[Any]
    base_ptr: NDArray[np.int64]
    based: NDArray[np.int64]
    on_road: NDArray[np.int64]
    least_ms: NDArray[np.float64]
    cursor: NDArray[np.int64]
    clock: NDArray[np.float64]


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


def slots_of(rules: Rules, types: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return how many units each incident may need at once, under its longest alternative.

    Parameters
    ----------
    rules : Rules
        The alternatives.
    types : ndarray of int, shape (n,)
        Type of each incident.

    Returns
    -------
    ndarray of int64, shape (n,)
        Rows in `World.legs`.
    """
    lengths = np.diff(rules.alternative_ptr)
    longest = np.maximum.reduceat(lengths, rules.type_ptr[:-1])
    return np.asarray(longest[types], dtype=np.int64)


def no_timeline() -> NDArray[Any]:
    """Return a timeline on which nothing happens.

    Returns
    -------
    ndarray of TIMED, shape (0,)
        For `new_world`.
    """
    return np.empty(0, dtype=TIMED)


def new_world(
    travel: Travel,
    rules: Rules,
    incidents: IncidentTable,
    timeline: NDArray[Any] | None = None,
    *,
    logged: bool = True,
) -> World:
    """Return the beginning of a replication: every unit free at its station.

    Parameters
    ----------
    travel : Travel
        Travel times.
    rules : Rules
        What incidents ask for, and units.
    incidents : IncidentTable
        The incidents.
    timeline : ndarray of TIMED, optional
        What happens at given times, in order.
    logged : bool
        Keep a log.

    Returns
    -------
    World
        Arrays that the event loop changes in place.
    """
    u, n = len(rules.crew), incidents.size
    timeline = no_timeline() if timeline is None else timeline
    home = rules.crew["home"]
    based = np.argsort(home, kind="stable")
    units = np.zeros(u, dtype=UNIT)
    hospitals = travel.hospital.shape[2]
    units["place"] = home + travel.drive.shape[2] + hospitals
    units["target"] = home
    units["incident"] = -1
    units["ahead"] = -1
    units["after"] = -1
    lines = np.empty(hospitals, dtype=LINE)
    lines["first"] = lines["last"] = -1
    if not rules.hospitals_differ:
        rules = rules._replace(
            accepts=np.ones((len(rules.type_ptr) - 1, hospitals), dtype=np.bool_),
            bays=np.zeros(hospitals, dtype=np.int64),
            handover_ms=np.zeros(hospitals, dtype=np.float64),
        )
    calls = np.empty(n, dtype=CALL)
    for name in incidents._fields:
        calls[name] = getattr(incidents, name)
    rows = slots_of(rules, incidents.type) if n else np.zeros(0, dtype=np.int64)
    calls["leg"] = np.cumsum(rows) - rows
    legs = np.repeat(_NO_LEG, int(rows.sum()))
    legs["incident"] = np.repeat(np.arange(n), rows)
    cases = np.zeros(n, dtype=CASE)
    cases["alternative"] = -1
    return World(
        travel=travel,
        rules=rules,
        status=np.full(u, FREE_AT_STATION, dtype=np.int8),
        returning=np.zeros(u, dtype=np.bool_),
        arrival_ms=np.zeros(u, dtype=np.float64),
        units=units,
        steps=new_steps(u),
        calls=calls,
        cases=cases,
        legs=legs,
        log=np.empty(_events(rules, calls, legs, len(timeline)) if logged else 0, dtype=LOG),
        heap=np.empty(n, dtype=TASK),
        waiting=np.zeros(n + 1, dtype=np.int64),
        timeline=timeline,
        closed=np.zeros(hospitals, dtype=np.bool_),
        drive_ms=np.zeros(hospitals, dtype=np.float64),
        there=np.zeros(hospitals, dtype=np.int64),
        coming=np.zeros(hospitals, dtype=np.int64),
        lines=lines,
        base_ptr=np.searchsorted(home[based], np.arange(travel.home.shape[2] + 1)),
        based=based,
        on_road=np.zeros(u + 1, dtype=np.int64),
        least_ms=np.array([rules.crew["turnout_ms"].min(), rules.crew["night_turnout_ms"].min()]),
        cursor=np.zeros(LENGTH, dtype=np.int64),
        clock=np.zeros(1, dtype=np.float64),
    )


def _events(rules: Rules, calls: NDArray[Any], legs: NDArray[Any], timed: int) -> int:
    """As many events as there can be.

    An incident has three of its own, and each unit that is sent five and its return. A
    unit that is sent may have been on its way to something less urgent, which then asks
    for another one, so the bound grows from the most urgent priority on.
    """
    divert = rules.divert
    sent: list[int] = np.bincount(
        calls["priority"][legs["incident"]], minlength=len(divert)
    ).tolist()
    diverted = [0] * len(sent)
    for priority in range(len(sent)):
        for other in range(priority):
            if divert[priority, other]:
                diverted[priority] += sent[other]
        sent[priority] += diverted[priority]
    return 3 * len(calls) + 7 * sum(sent) + 2 * sum(diverted) + 2 * timed
