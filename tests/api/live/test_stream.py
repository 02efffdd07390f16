"""Whoever drops and comes again sees every event once, in order."""

from __future__ import annotations

import asyncio
import json
import random
from typing import TYPE_CHECKING

from api.live import state_routes
from api.live.access import Role
from api.live.incident_commands import CreateIncident
from api.live.state_routes import events
from api.live.unit_commands import NoteProposal, ReportPositions

if TYPE_CHECKING:
    import pytest
    from fastapi.testclient import TestClient

    from api.live.service import Live

TIMES = 1_000


def told(text: str) -> list[tuple[int, str, dict[str, object]]]:
    """Read server-sent events as a browser does."""
    found = []
    for block in text.split("\n\n"):
        fields = dict(
            line.split(": ", 1) for line in block.splitlines() if line[:1] not in ("", ":")
        )
        if fields:
            found.append((int(fields["id"]), fields["event"], json.loads(fields["data"])))
    return found


def write(live: Live, count: int) -> None:
    futures = [
        live.ledger.submit(CreateIncident(None, -21.9, 64.1, "emergency", None, None, None), "test")
        for _ in range(count)
    ]
    for future in futures:
        future.result()


async def listened(live: Live, after: int, until: int, role: Role = Role.ADMIN) -> str:
    """Listen until an event has come."""
    text = ""
    stream = events(live, role, after)
    async for part in stream:
        text += part
        if f"id: {until}\n" in text:
            break
    await stream.aclose()
    return text


def test_a_reader_that_drops_a_thousand_times(live: Live) -> None:
    draw = random.Random(3)

    async def _read() -> list[int]:
        seen: list[int] = []
        after = 0
        for _ in range(TIMES):
            await asyncio.to_thread(write, live, draw.randrange(3))
            stream = events(live, Role.ADMIN, after)
            text = await anext(stream)
            if live.world.seq > after:
                text += await anext(stream)
            await stream.aclose()
            # the connection dropped in the middle of what was on its way
            ids = [each[0] for each in told(text)]
            kept = ids[: draw.randrange(1, len(ids) + 1)] if ids else []
            seen += kept
            after = seen[-1] if seen else 0
        text = await listened(live, after, live.world.seq) if after < live.world.seq else ""
        return seen + [each[0] for each in told(text)]

    seen = asyncio.run(_read())
    assert seen == list(range(1, live.world.seq + 1))
    assert live.world.seq > TIMES / 2
    assert live.hub.listeners == 0


def test_what_is_no_longer_in_memory_comes_from_the_log(live: Live) -> None:
    write(live, 1_200)
    while len(live.hub._last) > 3:
        live.hub._last.popleft()
    text = asyncio.run(listened(live, 0, live.world.seq))
    assert [each[0] for each in told(text)] == list(range(1, live.world.seq + 1))


def test_a_slow_reader_holds_up_nobody(live: Live) -> None:
    async def _read() -> str:
        stream = events(live, Role.VIEWER, live.world.seq)
        first = await anext(stream)
        await asyncio.to_thread(write, live, 3_000)  # meanwhile it does not read
        assert live.hub.listeners == 1
        return first + await anext(stream)

    assert len(told(asyncio.run(_read()))) == 500


def test_each_role_is_told_what_is_for_it(live: Live) -> None:
    write(live, 1)
    live.ledger.submit(NoteProposal("p", (), None, 1), "desk-1").result()
    live.ledger.submit(ReportPositions((("A1", 1.0, 2.0, None),)), "feed").result()
    last = live.world.seq
    viewer = told(asyncio.run(listened(live, 0, last, Role.VIEWER)))
    desk = told(asyncio.run(listened(live, 0, last, Role.DISPATCHER)))
    assert "moves_proposed" in [each[1] for each in desk]
    assert "moves_proposed" not in [each[1] for each in viewer]
    assert {each[2]["actor"] for each in viewer} == {None}
    assert desk[-1][2]["actor"] == "feed"
    (position,) = desk[-1][2]["data"]["positions"]  # type: ignore[index]
    assert position["unit"] == "A1"


def test_a_silent_stream_shows_that_it_lives_and_ends_with_the_service(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state_routes, "HEARTBEAT_S", 0.01)

    async def _read() -> list[str]:
        stream = events(live, Role.VIEWER, live.world.seq)
        parts = [await anext(stream), await anext(stream)]
        live.hub.close()
        return parts + [part async for part in stream]

    parts = asyncio.run(_read())
    assert parts[1].startswith(": still here")
    assert all(part.startswith(":") for part in parts)


def test_where_to_go_on_from(desk: TestClient, live: Live) -> None:
    live.hub.closed = True  # so that the answer ends
    for value, code in (("0", 200), ("999999", 422), ("-1", 422), ("x", 422), ("1" * 40, 422)):
        answer = desk.get("/v1/stream", headers={"Last-Event-ID": value})
        assert answer.status_code == code, value
    assert desk.get("/v1/stream").headers["content-type"].startswith("text/event-stream")
