"""Which unit to send as things are: the stateless answer, asked of the log's world."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from api.live.incident_commands import NoteRecommendation
from api.live.schemas import LiveRecommendation
from api.live.service import UNNAMED
from api.recommendations import PATIENCE, as_the_crow_flies, by_road, noted
from api.schemas import Incident, RecommendationRequest

if TYPE_CHECKING:
    from api.city import City
    from api.deadline import Guard
    from api.live.access import Principal
    from api.live.fleet_now import FleetNow, UnitPlaces
    from api.live.schemas import Asking
    from api.live.service import Live, LiveOptions
    from api.live.world import IncidentNow, World
    from api.schemas import Recommendation


async def recommend_now(
    live: Live, incident: IncidentNow, asked: Asking, who: Principal
) -> LiveRecommendation:
    """Rank the units for an incident, and write down that it was shown.

    Parameters
    ----------
    live : Live
        The service.
    incident : IncidentNow
        The incident.
    asked : Asking
        By which policy, and how many.
    who : Principal
        To whom it is shown.

    Returns
    -------
    LiveRecommendation
        With the versions that an assignment needs.

    Raises
    ------
    ProblemError
        The policy is unknown.
    RefusedError
        The incident is closed.
    """
    with live.asking():
        return await _recommended(live, incident, asked, who)


async def _recommended(
    live: Live, incident: IncidentNow, asked: Asking, who: Principal
) -> LiveRecommendation:
    world, roads, now_ms = live.world, live.roads.in_force, live.now_ms()
    incident = world.incident(incident.id) or incident
    guarded = await live.questions.hear(
        lambda: ranked(live, world, incident, asked, now_ms),
        lambda: guessed(live, world, incident, asked, now_ms),
        PATIENCE * live.options.deadline_s,
    )
    fleet, found = guarded.value
    noted(found, guarded.cause)
    choice = choice_of(found)
    names = [each.unit for each in found.ranking]
    stale = [name for name in names if name in fleet.stale]
    note = NoteRecommendation(
        incident.id,
        found.policy,
        choice,
        tuple((each.unit, each.arrival_seconds) for each in found.ranking),
        found.degraded_cause if found.degraded else None,
        tuple(stale),
        world.seq,
        now_ms,
        asked.limit,
        live.stale_after_ms,
        roads if live.roads.in_force is roads else None,
    )
    live.watch.recommended(degraded=found.degraded)
    outcome = await live.write(note, who, UNNAMED)
    return LiveRecommendation.model_construct(
        **dict(found),
        recommendation=f"R{outcome.written.seq}",
        event=world.seq,
        incident_version=incident.version,
        unit_versions={
            name: world.units[name].version for name in dict.fromkeys([*names, *choice])
        },
        stale_positions=stale,
        assumed_positions=[name for name in names if name in fleet.assumed],
    )


def choice_of(found: Recommendation) -> tuple[str, ...]:
    """Return the units that are recommended.

    Parameters
    ----------
    found : Recommendation
        An answer.

    Returns
    -------
    tuple of str
        Those of the first set; without one the first of the ranking.
    """
    first = found.sets[0].units if found.sets else []
    choice = tuple(dict.fromkeys(each.unit for each in first))
    return choice or tuple(each.unit for each in found.ranking[:1])


class Answering(Protocol):
    """What it takes to answer: `api.live.service.Live`, or what stands for it in a replay.

    Parameters
    ----------
    city : City
        The roads as they are.
    places : UnitPlaces
        Ties units to them.
    options : LiveOptions
        How long a policy may think.
    stale_after_ms : int
        From which age on a position is not relied on.
    policies : Guard
        Asks policies.
    """

    city: City
    places: UnitPlaces
    options: LiveOptions
    stale_after_ms: int
    policies: Guard


def ranked(
    live: Answering, world: World, incident: IncidentNow, asked: Asking, now_ms: int
) -> tuple[FleetNow, Recommendation]:
    """Rank the units for an incident at a moment.

    Parameters
    ----------
    live : Answering
        Roads and settings.
    world : World
        What is the case.
    incident : IncidentNow
        The incident.
    asked : Asking
        By which policy, and how many.
    now_ms : int
        The moment, in milliseconds since 1970.

    Returns
    -------
    fleet : FleetNow
        The units as they were seen.
    found : Recommendation
        The answer.
    """
    fleet = live.places.of(world, now_ms, live.stale_after_ms)
    request = _request(fleet, incident, asked, now_ms)
    deadline_s = live.options.deadline_s
    found = by_road(live.city, request, deadline_s, fleet.known, live.policies)
    return fleet, _doubted(found, fleet)


def guessed(
    live: Answering, world: World, incident: IncidentNow, asked: Asking, now_ms: int
) -> tuple[FleetNow, Recommendation]:
    """Rank the closest units as the crow flies, and wait for nothing and nobody.

    Parameters
    ----------
    live, world, incident, asked, now_ms
        As of `ranked`.

    Returns
    -------
    fleet, found
        As of `ranked`.
    """
    fleet = live.places.unsnapped(world, now_ms, live.stale_after_ms)
    request = _request(fleet, incident, asked, now_ms)
    return fleet, _doubted(as_the_crow_flies(live.city, request, fleet.known), fleet)


def _request(
    fleet: FleetNow, incident: IncidentNow, asked: Asking, now_ms: int
) -> RecommendationRequest:
    return RecommendationRequest.model_construct(
        incident=Incident.model_construct(
            lon=incident.lon,
            lat=incident.lat,
            priority=incident.priority,
            type=incident.type,
            needs=None if incident.needs is None else list(incident.needs),
            waiting_seconds=min(max(now_ms - incident.called_ms, 0) / 1000, 86_400.0),
        ),
        units=fleet.units,
        policy=asked.policy,
        limit=asked.limit,
        time=datetime.fromtimestamp(now_ms / 1000, UTC),
    )


def _doubted(found: Recommendation, fleet: FleetNow) -> Recommendation:
    """Say whose place is not sure."""
    for each in found.ranking:
        said = _doubt(each.unit, fleet)
        if said:
            each.reason = f"{each.reason} ({said})"
    if found.ranking and _doubt(found.ranking[0].unit, fleet):
        found.reason = f"send {found.ranking[0].unit}: {found.ranking[0].reason}"
    return found


def _doubt(unit: str, fleet: FleetNow) -> str:
    if unit in fleet.off_road:
        return "its position is on no road of this city, taken to be at its station"
    if unit in fleet.stale:
        age = fleet.stale[unit]
        if math.isinf(age):
            return "no position is known, taken to be at its station"
        return f"its position is {age / 60:.0f} min old"
    return "taken to be at its station" if unit in fleet.assumed else ""
