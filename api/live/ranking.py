"""Which unit to send as things are: the stateless answer, asked of the log's world."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from api.live.incident_commands import NoteRecommendation
from api.live.schemas import LiveRecommendation
from api.live.service import Named
from api.recommendations import PATIENCE, ROADS, as_the_crow_flies, by_road, noted
from api.schemas import Incident, RecommendationRequest

if TYPE_CHECKING:
    from collections.abc import Callable

    from api.city import City
    from api.fleet import Known
    from api.live.access import Principal
    from api.live.fleet_now import FleetNow
    from api.live.schemas import Asking
    from api.live.service import Live
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
    world = live.world
    deadline_s = live.options.deadline_s
    guarded = await ROADS.hear(
        lambda: _ranked(live, world, incident, asked, by_road),
        lambda: _ranked(live, world, incident, asked, as_the_crow_flies),
        PATIENCE * deadline_s,
    )
    fleet, found = guarded.value
    noted(found, guarded.cause)
    first = found.sets[0].units if found.sets else []
    choice = tuple(dict.fromkeys(each.unit for each in first))
    if not choice and found.ranking:
        choice = (found.ranking[0].unit,)
    ranked = [each.unit for each in found.ranking]
    stale = [name for name in ranked if name in fleet.stale]
    note = NoteRecommendation(
        incident.id,
        found.policy,
        choice,
        tuple((each.unit, each.arrival_seconds) for each in found.ranking),
        found.degraded_cause if found.degraded else None,
        tuple(stale),
        world.seq,
    )
    live.watch.recommended(degraded=found.degraded)
    outcome = await live.write(note, who, Named(None, None))
    return LiveRecommendation.model_construct(
        **dict(found),
        recommendation=f"R{outcome.written.seq}",
        event=world.seq,
        incident_version=incident.version,
        unit_versions={
            name: world.units[name].version for name in dict.fromkeys([*ranked, *choice])
        },
        stale_positions=stale,
        assumed_positions=[name for name in ranked if name in fleet.assumed],
    )


def _ranked(
    live: Live,
    world: World,
    incident: IncidentNow,
    asked: Asking,
    rank: Callable[[City, RecommendationRequest, float, Known], Recommendation],
) -> tuple[FleetNow, Recommendation]:
    now_ms = live.now_ms()
    fleet = live.places.of(world, now_ms, live.stale_after_ms)
    request = RecommendationRequest.model_construct(
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
    found = rank(live.city, request, live.options.deadline_s, fleet.known)
    for each in found.ranking:
        said = _doubt(each.unit, fleet)
        if said:
            each.reason = f"{each.reason} ({said})"
    if found.ranking and _doubt(found.ranking[0].unit, fleet):
        found.reason = f"send {found.ranking[0].unit}: {found.ranking[0].reason}"
    return fleet, found


def _doubt(unit: str, fleet: FleetNow) -> str:
    if unit in fleet.stale:
        age = fleet.stale[unit]
        if math.isinf(age):
            return "no position is known, taken to be at its station"
        return f"its position is {age / 60:.0f} min old"
    return "taken to be at its station" if unit in fleet.assumed else ""
