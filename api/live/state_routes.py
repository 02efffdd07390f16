"""What is the case, what happens, and who did and saw what: for people and programs that look."""

from __future__ import annotations

import asyncio
import json
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Final

from fastapi import APIRouter, Header, Query
from starlette.exceptions import HTTPException
from starlette.responses import StreamingResponse

from api.live.access import Administrator, Reader, Role
from api.live.closure_routes import closure_feature, hospital_views
from api.live.coverage_now import coverage_now
from api.live.schemas import AuditPage, Coverage, Feature, FeatureCollection
from api.live.views import happened
from scenarios.package import lonlat

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from api.live.records import Record
    from api.live.service import Live

HEARTBEAT_S: Final = 15.0
"""A silent stream says that it is alive."""
_PAGE: Final = 500

_UNSEEN: Final[dict[Role, frozenset[str]]] = {
    Role.VIEWER: frozenset({"recommended", "moves_proposed", "moves_declined"}),
    Role.PLANNER: frozenset({"recommended", "moves_proposed", "moves_declined"}),
    Role.SERVICE: frozenset({"recommended", "moves_proposed", "moves_declined"}),
}
"""Kinds of events that a role is not told of."""
_KNOWS_ACTORS: Final = frozenset({Role.DISPATCHER, Role.ADMIN})


def told(record: Record, role: Role) -> str | None:
    """Write an event for the stream.

    Parameters
    ----------
    record : Record
        The event.
    role : Role
        Who listens.

    Returns
    -------
    str or None
        A server-sent event; None where it is not for this role.
    """
    if record.kind in _UNSEEN.get(role, ()):
        return None
    event = happened(record, with_actor=role in _KNOWS_ACTORS).model_dump()
    data = json.dumps(event, separators=(",", ":"))
    return f"id: {record.seq}\nevent: {record.kind}\ndata: {data}\n\n"


async def events(live: Live, role: Role, after: int) -> AsyncGenerator[str]:
    """Tell what happens, from one event on, until the service stops.

    Parameters
    ----------
    live : Live
        The service.
    role : Role
        Who listens.
    after : int
        The last event that is known.

    Yields
    ------
    str
        Server-sent events, each once and in order; and heartbeats.
    """
    hub = live.hub
    with hub.bell() as bell:
        yield ": bluelight\n\n"
        while not hub.closed:
            bell.clear()
            records = await hub.after(after)
            if records:
                after = records[-1].seq
                text = "".join(filter(None, (told(each, role) for each in records)))
                if text:
                    yield text
                continue
            try:
                await asyncio.wait_for(bell.wait(), HEARTBEAT_S)
            except TimeoutError:
                yield ": still here\n\n"


def router(live: Live) -> APIRouter:
    """Make the paths of state, coverage, stream and audit.

    Parameters
    ----------
    live : Live
        The service.

    Returns
    -------
    APIRouter
        Below ``/v1``.
    """
    routes = APIRouter(prefix="/v1", tags=["state"])

    @routes.get("/state")
    async def state(_: Reader) -> FeatureCollection:  # numpydoc ignore=PR01
        """Show units, open incidents, hospitals and closures as GeoJSON."""
        return _state(live)

    @routes.get("/coverage")
    async def coverage(_: Reader) -> Coverage:  # numpydoc ignore=PR01
        """Show which demand free units reach within the standard now, as GeoJSON."""
        return await asyncio.to_thread(coverage_now, live)

    @routes.get(
        "/stream",
        response_class=StreamingResponse,
        responses={200: {"content": {"text/event-stream": {}}}},
    )
    async def stream(
        who: Reader,
        last: Annotated[
            str | None,
            Header(alias="Last-Event-ID", description="The last event you have; go on after it."),
        ] = None,
        after: Annotated[
            int | None, Query(ge=0, le=2**53, description="The same, for who sets no header.")
        ] = None,
    ) -> StreamingResponse:  # numpydoc ignore=PR01
        """Tell what happens as server-sent events; without a place to go on from, from now on."""
        known = live.world.seq
        if last is not None:
            if not (last.isascii() and last.isdigit() and len(last) < 17):
                raise HTTPException(422, f"Last-Event-ID: {last[:40]!r} is no number of an event")
            known = int(last)
        elif after is not None:
            known = after
        if known > live.world.seq:
            raise HTTPException(
                422, f"Last-Event-ID: {known} has not happened; the last is {live.world.seq}"
            )
        return StreamingResponse(
            events(live, who.role, known),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    @routes.get("/audit")
    async def audit(
        _: Administrator,
        after: Annotated[int, Query(ge=0, le=2**53)] = 0,
        limit: Annotated[int, Query(ge=1, le=_PAGE)] = 100,
        subject: Annotated[
            str | None,
            Query(max_length=120, description="Such as incident:I1 or unit:A1; else everything."),
        ] = None,
    ) -> AuditPage:  # numpydoc ignore=PR01
        """Show who did what and who was shown what, in order; nothing can be taken out of it."""

        def _page() -> list[Record]:
            return list(islice(live.store.records(after, subject=subject), limit))

        found = await asyncio.to_thread(_page)
        more = len(found) == limit
        return AuditPage(
            events=[happened(each) for each in found], next=found[-1].seq if more else None
        )

    return routes


def _state(live: Live) -> FeatureCollection:
    world, now = live.world, live.now_ms()
    features = []
    stations = live.city.scenario.stations
    home = dict(zip(stations["id"], lonlat(stations).tolist(), strict=True))
    for unit in world.units.values():
        view = live.show_unit(unit, world)
        at = home.get(unit.station) if view.position is None else None
        spot = at if view.position is None else [view.position.lon, view.position.lat]
        features.append(
            Feature.model_construct(
                id=f"unit:{unit.id}",
                geometry=None if spot is None else {"type": "Point", "coordinates": spot},
                properties={"kind": "unit", **view.model_dump(exclude={"id"})},
            )
        )
    for incident in world.incidents.values():
        shown = live.show_incident(incident)
        features.append(
            Feature.model_construct(
                id=f"incident:{incident.id}",
                geometry={"type": "Point", "coordinates": [incident.lon, incident.lat]},
                properties={"kind": "incident", **shown.model_dump(exclude={"id", "lon", "lat"})},
            )
        )
    features += [
        Feature.model_construct(
            id=f"hospital:{hospital.id}",
            geometry={"type": "Point", "coordinates": [hospital.lon, hospital.lat]},
            properties={"kind": "hospital", **hospital.model_dump(exclude={"id", "lon", "lat"})},
        )
        for hospital in hospital_views(live)
    ]
    features += [closure_feature(each, now) for each in world.closures.values()]
    return FeatureCollection.model_construct(event=world.seq, features=features)
