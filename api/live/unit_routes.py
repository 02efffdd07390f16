"""Units over HTTP: what they are, do and where, when they have a crew, where they move."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Response

from api.live.access import Decider, Principal, Reader, Reporter
from api.live.commands import unit_of
from api.live.incident_routes import CONFLICT, written
from api.live.moving import propose_now
from api.live.names import checked_name
from api.live.schemas import (
    AskingMoves,
    Happened,
    Id,
    IgnoredReport,
    LiveProposal,
    MoveDecision,
    MovesDeclined,
    PositionReport,
    PositionReports,
    PositionsTaken,
    Shifts,
    StatusReport,
    Units,
    UnitSettings,
    UnitView,
)
from api.live.service import UNNAMED, ByName, Named
from api.live.unit_commands import (
    AcceptMove,
    DeclineMoves,
    ReportPositions,
    ReportStatus,
    SetShifts,
    SetUnit,
)
from api.live.views import milliseconds
from api.schemas import Name

if TYPE_CHECKING:
    from datetime import datetime

    from api.live.service import Live


def router(live: Live) -> APIRouter:
    """Make the paths of units and their moves.

    Parameters
    ----------
    live : Live
        The service.

    Returns
    -------
    APIRouter
        Below ``/v1``.
    """
    routes = APIRouter(prefix="/v1", tags=["units"])

    @routes.get("/units")
    async def list_units(_: Reader) -> Units:  # numpydoc ignore=PR01
        """List all units as they are."""
        world = live.world
        return Units.model_construct(
            event=world.seq, units=[live.show_unit(each, world) for each in world.units.values()]
        )

    @routes.get("/units/{unit}")
    async def get_unit(unit: Name, _: Reader) -> UnitView:  # numpydoc ignore=PR01
        """Show a unit as it is."""
        world = live.world
        return live.show_unit(unit_of(world, unit), world)

    @routes.put("/units/{unit}", responses=CONFLICT)
    async def set_unit(
        unit: Id,
        asked: UnitSettings,
        name: ByName,
        response: Response,
        who: Reporter,
    ) -> Happened:  # numpydoc ignore=PR01
        """Add a unit, out of service until it reports another status, or change what it is."""
        checked_name("type", asked.type, live.kinds)
        checked_name("station", asked.station, live.city.station_rows)
        skills = None if asked.capabilities is None else tuple(asked.capabilities)
        command = SetUnit(unit, asked.type, asked.station, skills, asked.version)
        return written(await live.write(command, who, name), response)

    @routes.put("/units/{unit}/shifts", responses=CONFLICT)
    async def set_shifts(
        unit: Name,
        asked: Shifts,
        name: ByName,
        response: Response,
        who: Reporter,
    ) -> Happened:  # numpydoc ignore=PR01
        """Say when a unit has a crew."""
        shifts = None
        if asked.shifts is not None:
            shifts = tuple(
                sorted((milliseconds(each.start), milliseconds(each.end)) for each in asked.shifts)
            )
        command = SetShifts(unit, shifts, asked.version)
        return written(await live.write(command, who, name), response)

    @routes.post("/units/{unit}/status", responses=CONFLICT)
    async def report_status(
        unit: Name,
        asked: StatusReport,
        name: ByName,
        response: Response,
        who: Reporter,
    ) -> Happened | UnitView:  # numpydoc ignore=PR01
        """Take a status; one that a later one has overtaken, or that is repeated, does no harm.

        The answer is the event, or, where nothing was to be written, the unit as it is.
        """
        command = ReportStatus(unit, asked.status, _stamp(asked.observed_at))
        outcome = await live.write(command, who, name)
        if outcome.record is None:
            return live.show_unit(outcome.world.units[unit], outcome.world)
        return written(outcome, response)

    @routes.post("/units/{unit}/position")
    async def report_position(
        unit: Name, asked: PositionReport, name: ByName, who: Reporter
    ) -> PositionsTaken:  # numpydoc ignore=PR01
        """Take a position; a late or repeated one does no harm."""
        return await taken(live, unit, asked, who, name)

    @routes.post("/positions")
    async def report_positions(
        asked: PositionReports, name: ByName, who: Reporter
    ) -> PositionsTaken:  # numpydoc ignore=PR01
        """Take positions of many units; late, repeated and unknown ones are told."""
        return await taken_of_many(live, "", asked, who, name)

    @routes.post("/move-proposals")
    async def propose_moves(
        asked: AskingMoves, who: Reporter
    ) -> LiveProposal:  # numpydoc ignore=PR01
        """Propose which free units to move as things are; that it was shown is written down."""
        return await propose_now(live, asked, who)

    @routes.post("/move-proposals/{proposal}/decline")
    async def decline_moves(
        proposal: Id,
        asked: MovesDeclined,
        name: ByName,
        response: Response,
        who: Decider,
    ) -> Happened:  # numpydoc ignore=PR01
        """Turn a proposal down."""
        outcome = await live.write(DeclineMoves(proposal, asked.reason), who, name)
        return written(outcome, response)

    @routes.post("/move-orders", status_code=201, responses=CONFLICT)
    async def move(
        asked: MoveDecision, name: ByName, response: Response, who: Decider
    ) -> Happened:  # numpydoc ignore=PR01
        """Order a free unit to another station: as proposed, or otherwise and the reason why."""
        checked_name("station", asked.station, live.city.station_rows)
        command = AcceptMove(asked.unit, asked.version, asked.station, asked.proposal, asked.reason)
        return written(await live.write(command, who, name), response)

    return routes


async def taken(
    live: Live, unit: str, asked: PositionReport, who: Principal, name: Named = UNNAMED
) -> PositionsTaken:
    """Take a position.

    Parameters
    ----------
    live : Live
        The service.
    unit : str
        Whose.
    asked : PositionReport
        Where.
    who : Principal
        Who says so.
    name : Named
        How the request is named.

    Returns
    -------
    PositionsTaken
        What became of it.

    Raises
    ------
    RefusedError
        There is no such unit.
    """
    unit_of(live.world, unit)
    report = (unit, asked.lon, asked.lat, _stamp(asked.observed_at))
    return await _take(live, ReportPositions((report,)), who, name)


async def taken_of_many(
    live: Live, _: str, asked: PositionReports, who: Principal, name: Named = UNNAMED
) -> PositionsTaken:  # numpydoc ignore=PR01
    """Take positions of many units; parameters are those of `taken`.

    Returns
    -------
    PositionsTaken
        What became of them.
    """
    reports = tuple(
        (each.unit, each.lon, each.lat, _stamp(each.observed_at)) for each in asked.reports
    )
    return await _take(live, ReportPositions(reports), who, name)


async def _take(
    live: Live, command: ReportPositions, who: Principal, name: Named
) -> PositionsTaken:
    outcome = await live.write(command, who, name)
    if outcome.record is None:
        ignored = command.ignored(outcome.world.units)
        taken = 0
    else:
        ignored = outcome.record.body["ignored"]
        taken = len(outcome.record.body["taken"])
    return PositionsTaken.model_construct(
        event=outcome.record and outcome.record.seq,
        taken=taken,
        ignored=[IgnoredReport.model_construct(unit=unit, cause=cause) for unit, cause in ignored],
    )


def _stamp(time: datetime | None) -> int | None:
    return None if time is None else milliseconds(time)
