"""Closed roads and hospitals over HTTP."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from fastapi import APIRouter, Response
from starlette.exceptions import HTTPException

from api.live.access import Reader, Reporter
from api.live.incident_routes import CONFLICT, written
from api.live.names import checked_name
from api.live.place_commands import LiftClosure, SetClosure, SetHospital
from api.live.schemas import (
    Closure,
    Feature,
    FeatureCollection,
    Happened,
    Hospitals,
    HospitalState,
    HospitalView,
    Id,
)
from api.live.service import ByName
from api.live.views import milliseconds, moment
from api.live.world import ClosureNow, HospitalNow
from api.schemas import Name
from scenarios.package import lonlat

if TYPE_CHECKING:
    from api.live.service import Live


def closure_feature(closure: ClosureNow, now_ms: int) -> Feature:
    """Show a closure.

    Parameters
    ----------
    closure : ClosureNow
        The closure.
    now_ms : int
        Now.

    Returns
    -------
    Feature
        Of GeoJSON.
    """
    return Feature(
        id=closure.id,
        geometry=dict(closure.geometry),
        properties={
            "kind": "closure",
            "from": None if closure.from_ms is None else moment(closure.from_ms),
            "to": None if closure.to_ms is None else moment(closure.to_ms),
            "factor": closure.factor,
            "in_force": closure.holds(now_ms),
            "version": closure.version,
        },
    )


def hospital_views(live: Live) -> list[HospitalView]:
    """Show all hospitals.

    Parameters
    ----------
    live : Live
        The service.

    Returns
    -------
    list of HospitalView
        In the order of the scenario.
    """
    table = live.city.scenario.hospitals
    keys = [str(each) for each in table["id"]]
    names = table.get("name", keys)
    told = live.world.hospitals
    states = [told.get(key) or HospitalNow(key, version=0) for key in keys]
    return [
        HospitalView.model_construct(
            id=now.id, name=str(name), lon=lon, lat=lat, state=now.state, version=now.version
        )
        for now, name, (lon, lat) in zip(states, names, lonlat(table).tolist(), strict=True)
    ]


def router(live: Live) -> APIRouter:
    """Make the paths of closures and hospitals.

    Parameters
    ----------
    live : Live
        The service.

    Returns
    -------
    APIRouter
        Below ``/v1``.
    """
    routes = APIRouter(prefix="/v1")

    @routes.get("/closures", tags=["closures"])
    async def list_closures(
        _: Reader,
    ) -> FeatureCollection:  # numpydoc ignore=PR01
        """List closures, in force or to come, as GeoJSON."""
        world, now = live.world, live.now_ms()
        found = [closure_feature(each, now) for each in world.closures.values()]
        return FeatureCollection(event=world.seq, features=found)

    @routes.put("/closures/{closure}", tags=["closures"], responses=CONFLICT)
    async def set_closure(
        closure: Id,
        asked: Closure,
        name: ByName,
        response: Response,
        who: Reporter,
    ) -> Happened:  # numpydoc ignore=PR01
        """Close roads, or slow them down; drives follow before this is answered."""
        command = SetClosure(
            closure,
            asked.geometry.model_dump(),
            None if asked.begins is None else milliseconds(asked.begins),
            None if asked.ends is None else milliseconds(asked.ends),
            asked.factor,
            asked.version,
        )
        meant = ClosureNow(closure, command.geometry)
        arcs = await asyncio.to_thread(live.roads.arcs, meant)
        if not len(arcs):
            raise HTTPException(422, "geometry: no road is touched; check lon before lat")
        outcome = await live.write(command, who, name)
        await asyncio.to_thread(live.settle_roads)
        return written(outcome, response)

    @routes.delete("/closures/{closure}", tags=["closures"])
    async def lift_closure(
        closure: Id, name: ByName, response: Response, who: Reporter
    ) -> Happened:  # numpydoc ignore=PR01
        """Open roads again."""
        outcome = await live.write(LiftClosure(closure), who, name)
        await asyncio.to_thread(live.settle_roads)
        return written(outcome, response)

    @routes.get("/hospitals", tags=["hospitals"])
    async def list_hospitals(_: Reader) -> Hospitals:  # numpydoc ignore=PR01
        """List hospitals and whether they take patients."""
        return Hospitals(event=live.world.seq, hospitals=hospital_views(live))

    @routes.put("/hospitals/{hospital}", tags=["hospitals"], responses=CONFLICT)
    async def set_hospital(
        hospital: Name,
        asked: HospitalState,
        name: ByName,
        response: Response,
        who: Reporter,
    ) -> Happened:  # numpydoc ignore=PR01
        """Say whether a hospital takes patients."""
        known = [str(each) for each in live.city.scenario.hospitals["id"]]
        checked_name("hospital", hospital, known)
        command = SetHospital(hospital, asked.state, asked.version)
        return written(await live.write(command, who, name), response)

    return routes
