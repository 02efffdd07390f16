"""Which free units to move as things are: the stateless answer, asked of the log's world."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from api.joint_schemas import MoveProposal, MoveRequest
from api.live.schemas import LiveProposal, ShownMove
from api.live.service import UNNAMED
from api.live.unit_commands import NoteProposal
from api.moves import proposal

if TYPE_CHECKING:
    from api.live.access import Principal
    from api.live.schemas import AskingMoves
    from api.live.service import Live
    from api.live.world import World


async def propose_now(live: Live, asked: AskingMoves, who: Principal) -> LiveProposal:
    """Ask which free units to move, and write down that it was shown.

    Parameters
    ----------
    live : Live
        The service.
    asked : AskingMoves
        By which rule.
    who : Principal
        To whom it is shown.

    Returns
    -------
    LiveProposal
        With the versions that an order needs.

    Raises
    ------
    ProblemError
        The rule is unknown.
    """
    world = live.world
    found = await asyncio.to_thread(_proposed, live, world, asked)
    note = NoteProposal(
        found.policy,
        tuple((each.unit, each.from_station, each.to_station) for each in found.moves),
        found.degraded_cause if found.degraded else None,
        world.seq,
    )
    live.watch.recommended(degraded=found.degraded)
    outcome = await live.write(note, who, UNNAMED)
    return LiveProposal(
        proposal=f"P{outcome.written.seq}",
        event=world.seq,
        policy=found.policy,
        moves=[
            ShownMove(
                unit=each.unit,
                version=world.units[each.unit].version,
                from_station=each.from_station,
                to_station=each.to_station,
                drive_seconds=each.drive_seconds,
                reason=each.reason,
            )
            for each in found.moves
        ],
        coverage_before=found.coverage_before,
        coverage_after=found.coverage_after,
        degraded=found.degraded,
        degraded_cause=found.degraded_cause,
    )


def _proposed(live: Live, world: World, asked: AskingMoves) -> MoveProposal:
    now_ms = live.now_ms()
    fleet = live.places.of(world, now_ms, live.stale_after_ms)
    time = datetime.fromtimestamp(now_ms / 1000, UTC)
    request = MoveRequest.model_construct(units=fleet.units, time=time)
    if asked.policy is not None:
        request.policy = asked.policy
    return proposal(live.city, request, live.options.deadline_s, known=fleet.known)
