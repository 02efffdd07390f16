"""The load generator, for a few seconds on the made-up city."""

from __future__ import annotations

import asyncio
import json
import time
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np
import pytest
from click.testing import CliRunner
from fastapi.testclient import TestClient

from api.app import create_app
from api.city import City
from api.live.access import OpenAccess
from api.live.store import Store
from benchmarks.load import Player, _server, measure
from benchmarks.load_cli import load_test
from benchmarks.load_client import Connection, Tally, at_random
from benchmarks.load_table import ask_tables, table_path
from benchmarks.osrm_server import create
from routing.errors import InputError
from scenarios.packaging import load_scenario, save_scenario
from tests.command_line import run
from tests.toy_city import corner, toy_city

if TYPE_CHECKING:
    from pathlib import Path


def test_a_run_is_played_and_its_log_agrees(tmp_path: Path) -> None:
    city, out = tmp_path / "city", tmp_path / "out.json"
    save_scenario(toy_city(), city)
    options = ["--policy", "closest", "--replications", "1", "--seed", "1"]
    assert run("simulate", city, *options, "--out", tmp_path / "run").code == 0
    asked = [str(tmp_path / "run"), "--city", str(city), "--units", "9", "--seconds", "4"]
    ran = CliRunner().invoke(load_test, [*asked, "--speed-up", "9000", "--job", "--out", str(out)])
    assert ran.exit_code == 0, ran.output
    assert "log and answers agree: yes" in ran.output
    measured = json.loads(out.read_text())["results"]["load"]
    for kind, least in {"position": 600, "recommendation": 60, "assignment": 2}.items():
        assert measured["latencies"][kind]["count"] >= least
    assert measured["wrong"] == []
    assert [bar["passed"] for bar in measured["bars"]] == [None] * 4  # of 200 and 1,000 units
    with pytest.raises(InputError, match="is a run of"):
        measure(tmp_path / "run", "neubrandenburg", units=9, seconds=4, speed_up=1)
    (tmp_path / "run/manifest.json").write_text("{}")
    with pytest.raises(InputError, match=r"manifest\.json"):
        measure(tmp_path / "run", str(city), units=9, seconds=4, speed_up=1)


def test_what_is_acknowledged_and_not_in_the_log_is_told(tmp_path: Path) -> None:
    from api.live.schema import migrate

    store = Store(str(tmp_path / "log.db"))
    migrate(store.engine)
    player = Player.__new__(Player)
    player.tally = Tally()
    player.tally.note("status", 500, 0.1)
    player._acknowledged = {"assigned": 1}  # type: ignore[assignment]
    assert player.faults(store) == ["1 times status 500", "1 assigned acknowledged, 0 in the log"]
    store.close()


def test_the_question_to_osrm_is_the_matrix_of_all_units(tmp_path: Path) -> None:
    nodes = np.array([[9.0, 45.0], [9.1, 45.1], [9.2, 45.2]])
    asked: list[tuple[list[tuple[float, float]], list[int], list[int]]] = []

    def _table(
        places: list[tuple[float, float]], rows: list[int], columns: list[int]
    ) -> list[list[float]]:
        asked.append((places, rows, columns))
        return [[1.5]] * len(rows)

    with TestClient(create(_table)) as client:
        answer = client.get(table_path(nodes[:2], nodes[2]))
    assert answer.json() == {"code": "Ok", "durations": [[1.5], [1.5]]}
    assert asked == [([(9.0, 45.0), (9.1, 45.1), (9.2, 45.2)], [0, 1], [2])]


def test_ours_answers_the_question_to_osrm() -> None:
    city = City(toy_city())
    places = np.array([corner(0, 0), corner(3, 2), corner(5, 5)])
    with TestClient(create_app(city, access=OpenAccess())) as client:
        answer = client.get(table_path(places[:2], places[2])).json()
        spots = [list(place) for place in places.tolist()]
        body = {"sources": spots[:2], "destinations": spots[2:], "profile": "normal"}
        known = client.post("/v1/matrix", json=body).json()
    assert answer["durations"] == known["durations"]


@pytest.mark.skipif(find_spec("osrm") is None, reason="osrm-bindings is not installed")
def test_osrm_answers_beside(tmp_path: Path) -> None:
    nodes = load_scenario("neubrandenburg").network.node_lonlat
    with _server("-m", "benchmarks.osrm_server", "neubrandenburg") as (url, _):
        tally = asyncio.run(ask_tables(url, nodes, 5, 0.5))
    assert set(tally.statuses) == {"table 200"}


def test_a_server_that_stalls_is_felt_by_all_who_wait() -> None:
    over = asyncio.Event()

    async def _stalls(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readline():
            while (await reader.readline()).strip():
                pass
            await asyncio.sleep(0.05)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        writer.close()
        await writer.wait_closed()
        over.set()

    async def _measured() -> list[float]:
        server = await asyncio.start_server(_stalls, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        line = Connection.to(f"http://127.0.0.1:{port}")
        found = await asyncio.gather(*(line.ask("GET", "/") for _ in range(5)))
        line.close()
        await over.wait()
        server.close()
        await server.wait_closed()
        return [seconds for _, _, seconds in found]

    # one connection: the fifth waits for the four before it
    assert max(asyncio.run(_measured())) > 0.2


def test_requests_that_fail_are_told() -> None:
    acted: list[int] = []

    async def _act(row: int) -> None:
        acted.append(row)
        if row % 2:
            raise ConnectionResetError

    with pytest.raises(ExceptionGroup, match="requests failed") as caught:
        asyncio.run(at_random(time.perf_counter() + 0.3, 100, _act, np.random.default_rng(1)))
    assert len(caught.value.exceptions) == len(acted) // 2 > 0
