"""Simulated incidents as a problem for those who know them beforehand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from engine.clairvoyant import Crew, Jobs, Roads
from routing.errors import InputError
from routing.network import UNREACHABLE
from scenarios.simulation.arrays import CLOSES
from scenarios.simulation.timeline import duties

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from scenarios.demand import IncidentTable
    from scenarios.simulation.arrays import Rules, Travel
    from scenarios.simulation.tables import Tables


LONGEST_MS: Final = 1_200_000.0
"""So long beyond its limit an incident may wait, unless said otherwise."""


def jobs_of(
    tables: Tables,
    incidents: IncidentTable,
    limit_ms: NDArray[np.float64],
    longest_ms: float = LONGEST_MS,
) -> tuple[Jobs, NDArray[np.int64]]:
    """Say of each incident when it must be reached, and where its unit is free again.

    Parameters
    ----------
    tables : Tables
        Drives.
    incidents : IncidentTable
        The incidents.
    limit_ms : ndarray of float64, shape (priorities,)
        From call to arrival, by priority; inf where being late does not count.
    longest_ms : float
        No incident waits longer beyond its limit.

    Returns
    -------
    jobs : Jobs
        In the order in which units may be sent.
    order : ndarray of int64, shape (n,)
        Row of each one in `incidents`.
    """
    travel, rules = tables.travel, tables.rules
    ready = incidents.call_ms + incidents.processing_ms
    order = np.argsort(ready, kind="stable")
    row = reordered(incidents, order)
    tree = rules.priority["transport"][row.priority]
    after, end = row.on_scene_ms.astype(np.float64), row.zone.astype(np.int64)
    taken = np.flatnonzero(row.transported & _transports(rules, row.type))
    if len(taken):
        nearest = travel.hospital[tree[taken], row.zone[taken], 0]
        after[taken] += nearest["ms"] + row.handover_ms[taken]
        end[taken] = nearest["place"]
    limit = limit_ms[row.priority]
    counts = np.isfinite(limit)
    due = row.call_ms + np.where(counts, limit, limit_ms[np.isfinite(limit_ms)].max(initial=0.0))
    jobs = Jobs(
        ready_ms=ready[order],
        due_ms=due,
        last_ms=due + longest_ms,
        after_ms=after,
        zone=row.zone.astype(np.int64),
        end=end,
        tree=rules.priority["response"][row.priority].astype(np.int64),
        cost=counts.astype(np.float64),
    )
    return jobs, order


def reordered(incidents: IncidentTable, order: NDArray[np.int64]) -> IncidentTable:
    """Return incidents in another order.

    Parameters
    ----------
    incidents : IncidentTable
        The incidents.
    order : ndarray of int64, shape (m,)
        Rows.

    Returns
    -------
    IncidentTable
        These rows.
    """
    columns: list[Any] = [column[order] for column in incidents]
    return type(incidents)(*columns)


def _transports(rules: Rules, types: NDArray[np.integer]) -> NDArray[np.bool_]:
    first = rules.alternative_ptr[rules.type_ptr[types]]
    return np.asarray(rules.slots["transports"][first])


def roads_to(travel: Travel, station: int) -> Roads:
    """List the points that units pass on their ways home to a station.

    Parameters
    ----------
    travel : Travel
        Drives.
    station : int
        The station.

    Returns
    -------
    Roads
        For units of that station.
    """
    drive = np.ascontiguousarray(travel.drive["ms"], dtype=np.float64)
    places, stations = travel.home.shape[1:]
    home_ms = np.ascontiguousarray(travel.home["ms"][0, :, station], dtype=np.float64)
    at: list[float] = []
    point: list[int] = []
    ptr = [0]
    tracks = len(travel.track_ptr) > 1
    for place in range(places):
        if tracks:
            rows = slice(*travel.track_ptr[place * stations + station :][:2])
            at += (travel.track["share"][rows] * home_ms[place]).tolist()
            point += travel.track["place"][rows].tolist()
        else:
            first = travel.home[0, place, station]
            ahead = int(first["ahead"])
            while ahead >= 0 and home_ms[place] < UNREACHABLE:
                rest = travel.rest[0, station, ahead]
                at.append(float(home_ms[place] - rest["ms"]))
                point.append(ahead)
                ahead = int(rest["ahead"])
        ptr.append(len(at))
    if tracks:
        point_ms = drive
    else:
        turn_ms = travel.turn["ms"].transpose(0, 2, 1)
        point_ms = np.ascontiguousarray(turn_ms, dtype=np.float64)
    return Roads(
        drive_ms=drive,
        point_ms=point_ms,
        way_ptr=np.array(ptr, dtype=np.int64),
        way_at=np.array(at, dtype=np.float64),
        way_point=np.array(point, dtype=np.int64),
        home_ms=home_ms,
        stays=tracks,
    )


def crews_of(
    tables: Tables,
    incidents: IncidentTable,
    timeline: NDArray[Any],
    roads: dict[int, Roads] | None = None,
) -> list[Crew]:
    """Gather units that are alike.

    Parameters
    ----------
    tables : Tables
        Drives and rules, with ways to every station of a unit.
    incidents : IncidentTable
        The incidents, in the order of the jobs.
    timeline : ndarray of TIMED
        What happens at set times: who is on duty.
    roads : dict, optional
        Ways home by station, to keep those found.

    Returns
    -------
    list of Crew
        The crews.

    Raises
    ------
    InputError
        An incident asks for several units or has alternatives, units may be diverted,
        drives differ by the hour, or a hospital is closed for a time.
    """
    travel, rules = tables.travel, tables.rules
    known = {} if roads is None else roads
    _check(tables, timeline)
    first = travel.home.shape[1] - travel.home.shape[2]
    alike: dict[tuple[int, float, float, bytes, bytes], list[int]] = {}
    for unit, crew in enumerate(rules.crew):
        on_ms = duties(timeline, unit)
        least, most = sorted((float(crew["turnout_ms"]), float(crew["night_turnout_ms"])))
        able = rules.suitable[:, unit].tobytes()
        alike.setdefault((int(crew["home"]), least, most, able, on_ms.tobytes()), []).append(unit)
    need = rules.slots["need"][rules.alternative_ptr[rules.type_ptr[incidents.type]]]
    found = []
    for (station, turnout, slowest, _, duty), units in alike.items():
        if station not in known:
            known[station] = roads_to(travel, station)
        found.append(
            Crew(
                units=len(units),
                home=first + station,
                turnout_ms=turnout,
                slowest_ms=slowest,
                roads=known[station],
                able=np.ascontiguousarray(rules.suitable[need, units[0]]),
                on_ms=np.frombuffer(duty).reshape(-1, 2).copy(),
            )
        )
    return found


def _check(tables: Tables, timeline: NDArray[Any]) -> None:
    """Refuse what the bound does not know, which would make it wrong."""
    rules = tables.rules
    unknown = {
        "dispatch.divert": ("diversions", rules.divert.any()),
        "incident_types: response": (
            "responses of several units, or alternatives",
            len(rules.slots) != len(rules.type_ptr) - 1,
        ),
        "driving.by_hour": ("drives that differ in time", len(tables.travel.home) > 1),
        "dispatch.hospital, or columns of hospitals.csv": (
            "bays or capabilities of hospitals, or hospital policies",
            rules.hospitals_differ,
        ),
        "unit_types.flight": ("units that fly", len(rules.flight) > 0),
        "unit_types.mutual_aid": ("neighbours' units", len(rules.aid) > 0),
        "disturbances": ("closed hospitals", (timeline["kind"] == CLOSES).any()),
    }
    for field, (what, there) in unknown.items():
        if there:
            raise InputError(
                f"the bound does not know {what}",
                field=f"scenario.toml: {field}",
                fix="leave them out, or compare without --bound",
            )


def offline_problem(
    tables: Tables,
    incidents: IncidentTable,
    limit_ms: NDArray[np.float64],
    timeline: NDArray[Any] | None = None,
    *,
    longest_ms: float = LONGEST_MS,
    roads: dict[int, Roads] | None = None,
) -> tuple[Jobs, list[Crew]]:
    """State what anyone is asked who knows all incidents, for `engine.clairvoyant`.

    Its bounds hold for every policy that lets units drive home when they are free, as long
    as sirens are not slower and no way home is shortened by a detour over an incident.

    Parameters
    ----------
    tables : Tables
        Drives and rules.
    incidents : IncidentTable
        The incidents.
    limit_ms : ndarray of float64, shape (priorities,)
        From call to arrival, by priority; inf where being late does not count.
    timeline : ndarray of TIMED, optional
        What happens at set times; that of the tables without it.
    longest_ms : float
        No incident waits longer beyond its limit: the bound is for those who see to that.
    roads : dict, optional
        As in `crews_of`.

    Returns
    -------
    jobs : Jobs
        The incidents, in the order in which units may be sent.
    crews : list of Crew
        The units.

    Raises
    ------
    InputError
        As in `crews_of`.
    """
    jobs, order = jobs_of(tables, incidents, limit_ms, longest_ms)
    given = tables.timeline if timeline is None else timeline
    return jobs, crews_of(tables, reordered(incidents, order), given, roads)
