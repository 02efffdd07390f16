"""Incidents over HTTP: what is asked for, who is sent, and that it is over."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from fastapi import APIRouter, Query, Response

from api.live.access import Decider, Reader, Reporter
from api.live.commands import RefusedError
from api.live.incident_commands import (
    Assign,
    CloseIncident,
    CreateIncident,
    Release,
    UpdateIncident,
)
from api.live.names import checked_incident
from api.live.ranking import recommend_now
from api.live.schemas import (
    Asking,
    Closing,
    Conflict,
    Happened,
    Id,
    IncidentChanges,
    Incidents,
    IncidentView,
    LiveRecommendation,
    NewAssignment,
    NewIncident,
    Releasing,
)
from api.live.service import ByName
from api.live.views import happened, milliseconds

if TYPE_CHECKING:
    from api.live.access import Principal
    from api.live.ledger import Outcome
    from api.live.service import Live
    from api.live.world import IncidentNow

CONFLICT: Final[dict[int | str, dict[str, Any]]] = {
    409: {"model": Conflict, "description": "It has changed: how it is now."}
}


def written(outcome: Outcome, response: Response) -> Happened:
    """Answer with what was written.

    Parameters
    ----------
    outcome : Outcome
        What became of the command.
    response : Response
        Told whether it is a repetition.

    Returns
    -------
    Happened
        The event.
    """
    if outcome.repeated:
        response.headers["Idempotency-Replayed"] = "true"
    return happened(outcome.written)


def router(live: Live) -> APIRouter:
    """Make the paths of incidents.

    Parameters
    ----------
    live : Live
        The service.

    Returns
    -------
    APIRouter
        Below ``/v1/incidents``.
    """
    routes = APIRouter(prefix="/v1/incidents", tags=["incidents"])

    @routes.post("", status_code=201, responses=CONFLICT)
    async def create_incident(
        asked: NewIncident, name: ByName, response: Response, who: Reporter
    ) -> Happened:  # numpydoc ignore=PR01
        """Open an incident."""
        priority, kind, needs = checked_incident(live.city, asked.priority, asked.type, asked.needs)
        live.city.snap([[asked.lon, asked.lat]], ["lon, lat"])
        command = CreateIncident(
            asked.id,
            asked.lon,
            asked.lat,
            priority,
            kind,
            needs,
            None if asked.called_at is None else milliseconds(asked.called_at),
        )
        outcome = await live.write(command, who, name)
        event = written(outcome, response)
        response.headers["Location"] = f"/v1/incidents/{event.data['incident']}"
        return event

    @routes.get("")
    async def list_incidents(
        _: Reader, state: Annotated[Literal["open", "closed", "all"], Query()] = "open"
    ) -> Incidents:  # numpydoc ignore=PR01
        """List incidents: those that are open, or the last closed ones."""
        world = live.world
        found = list(world.incidents.values()) if state != "closed" else []
        found += list(world.closed.values()) if state != "open" else []
        return Incidents(event=world.seq, incidents=[live.show_incident(each) for each in found])

    @routes.get("/{incident}")
    async def get_incident(incident: Id, _: Reader) -> IncidentView:  # numpydoc ignore=PR01
        """Show an incident."""
        return live.show_incident(_found(live, incident))

    @routes.patch("/{incident}", responses=CONFLICT)
    async def update_incident(
        incident: Id,
        asked: IncidentChanges,
        name: ByName,
        response: Response,
        who: Reporter,
    ) -> Happened:  # numpydoc ignore=PR01
        """Say what is now known of an incident."""
        known = _found(live, incident)
        changes = asked.model_dump(exclude_unset=True, exclude={"version"})
        checked_incident(
            live.city,
            changes.get("priority", known.priority),
            changes.get("type", known.type),
            changes.get("needs", known.needs),
        )
        if "lon" in changes:
            live.city.snap([[changes["lon"], changes["lat"]]], ["lon, lat"])
        command = UpdateIncident(incident, asked.version, tuple(changes.items()))
        return written(await live.write(command, who, name), response)

    @routes.post("/{incident}/close", responses=CONFLICT)
    async def close_incident(
        incident: Id,
        asked: Closing,
        name: ByName,
        response: Response,
        who: Reporter,
    ) -> Happened:  # numpydoc ignore=PR01
        """Close an incident that no unit serves any longer."""
        command = CloseIncident(incident, asked.version, asked.reason)
        return written(await live.write(command, who, name), response)

    @routes.post("/{incident}/recommendation", responses=CONFLICT)
    async def recommend(
        incident: Id, asked: Asking, who: Reporter
    ) -> LiveRecommendation:  # numpydoc ignore=PR01
        """Rank the units for an incident as things are; that it was shown is written down."""
        return await recommended(live, incident, asked, who)

    @routes.post("/{incident}/assignments", status_code=201, responses=CONFLICT)
    async def assign(
        incident: Id,
        asked: NewAssignment,
        name: ByName,
        response: Response,
        who: Decider,
    ) -> Happened:  # numpydoc ignore=PR01
        """Send units: those recommended, or others and the reason why."""
        units = tuple((each.unit, each.version) for each in asked.units)
        command = Assign(incident, asked.version, units, asked.recommendation, asked.reason)
        return written(await live.write(command, who, name), response)

    @routes.post("/{incident}/releases", responses=CONFLICT)
    async def release(
        incident: Id,
        asked: Releasing,
        name: ByName,
        response: Response,
        who: Decider,
    ) -> Happened:  # numpydoc ignore=PR01
        """Take a unit off an incident; it is free on radio then."""
        command = Release(incident, asked.unit, asked.version, asked.reason)
        return written(await live.write(command, who, name), response)

    return routes


async def recommended(
    live: Live, incident: str, asked: Asking, who: Principal
) -> LiveRecommendation:
    """Rank the units for an incident as things are.

    Parameters
    ----------
    live : Live
        The service.
    incident : str
        Its name.
    asked : Asking
        By which policy, and how many.
    who : Principal
        To whom it is shown.

    Returns
    -------
    LiveRecommendation
        The answer.

    Raises
    ------
    RefusedError
        There is no such incident, or it is closed.
    ProblemError
        The policy is unknown.
    """
    return await recommend_now(live, _found(live, incident), asked, who)


def _found(live: Live, name: str) -> IncidentNow:
    incident = live.world.incident(name)
    if incident is None:
        raise RefusedError(
            f"there is no incident {name!r}",
            status=HTTPStatus.NOT_FOUND,
            fix="see GET /v1/incidents",
        )
    return incident
