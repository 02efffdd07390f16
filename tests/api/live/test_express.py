"""The short way answers as the usual way does, whatever is asked."""

from __future__ import annotations

import json
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from fastapi.testclient import TestClient

from api.app import create_app
from api.live import express
from api.live.access import Access, OpenAccess, Role
from api.live.ledger import Ledger
from api.live.limits import Limits
from api.live.schema import migrate
from api.live.service import Live
from api.live.store import Store
from api.live.tokens import Tokens
from tests.api.live.conftest import PATIENT
from tests.toy_city import corner

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pytest
    from httpx2 import Response

    from api.city import City

LON, LAT = corner(2, 3)
HERE = {"lon": LON, "lat": LAT}
JSON = {"content-type": "application/json"}
POSITION, POSITIONS = "/v1/units/A1/position", "/v1/positions"
RECOMMENDATION = "/v1/incidents/I1/recommendation"
STILL = 1_736_150_000.0

ASKED: list[tuple[str, Any, dict[str, str]]] = [
    (POSITION, HERE, {}),
    (POSITION, HERE | {"observed_at": "2025-01-06T07:53:20Z"}, {}),
    (POSITION, HERE | {"observed_at": "2025-01-06T07:00:00+01:00"}, {}),
    (POSITION, HERE | {"observed_at": "yesterday"}, {}),
    (POSITION, HERE | {"observed_at": 12}, {}),
    (POSITION, HERE | {"speed": 12}, {}),
    (POSITION, {"lon": LON}, {}),
    (POSITION, {"lon": "1", "lat": 2}, {}),
    (POSITION, {"lon": 200, "lat": 2}, {}),
    (POSITION, b'{"lon": NaN, "lat": 64.1}', {}),
    (POSITION, b'{"lon": 1, "lon": -21.9, "lat": 64.1}', {}),
    (POSITION, b"{", {}),
    (POSITION, b"", {}),
    (POSITION, b"\xff\xfe", {}),
    (POSITION, b"[" * 50_000, {}),
    (POSITION, [], {}),
    (POSITION, HERE, {"content-type": "application/json; charset=utf-8"}),
    (POSITION, HERE, {"content-type": "text/plain"}),
    (POSITION, HERE, {"content-type": "APPLICATION/JSON"}),
    (POSITION, HERE, {"idempotency-key": "once"}),
    (POSITION, HERE, {"idempotency-key": "once"}),
    (POSITION + "?a=b", HERE, {}),
    ("/v1/units/nobody/position", HERE, {}),
    ("/v1/units/A%31/position", HERE, {}),
    ("/v1/units/A1%2Fx/position", HERE, {}),
    ("/v1/units//position", HERE, {}),
    (f"/v1/units/{'x' * 300}/position", HERE, {}),
    (POSITIONS, {"reports": [HERE | {"unit": "A1"}, HERE | {"unit": "nobody"}]}, {}),
    (POSITIONS, {"reports": [HERE | {"unit": "B1"}] * 400}, {}),
    (POSITIONS, {"reports": []}, {}),
    (POSITIONS + "/", {"reports": [HERE | {"unit": "A1"}]}, {}),
    (RECOMMENDATION, {}, {}),
    (RECOMMENDATION, {"policy": "dmexclp", "limit": 2}, {}),
    (RECOMMENDATION, {"policy": "closets"}, {}),
    (RECOMMENDATION, {"limit": 0}, {}),
    (RECOMMENDATION, {"limit": True}, {}),
    ("/v1/incidents/I2/recommendation", {}, {}),  # closed
    ("/v1/incidents/none/recommendation", {}, {}),
    ("/v1/incidents/I 1/recommendation", {}, {}),
]


@contextmanager
def served(
    city: City, folder: Path, access: Access | None = None, limits: Limits | None = None
) -> Iterator[TestClient]:
    """Serve a log of its own whose clock stands still, so that two answer alike."""
    store = Store(str(folder / "log.db"))
    migrate(store.engine)
    with patch("api.live.service.Ledger", partial(Ledger, clock=lambda: STILL)):
        live = Live.begin(city, store, PATIENT)
    app = create_app(city, live, access=access or OpenAccess(), limits=limits)
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client
    live.close()
    live.roads.put(())
    store.close()


def told(answer: Response) -> tuple[int, dict[str, str], bytes]:
    return answer.status_code, dict(answer.headers), answer.content


def ask(client: TestClient, path: str, body: Any, headers: dict[str, str]) -> Any:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return told(client.post(path, content=content, headers=JSON | headers))


def opened(client: TestClient) -> None:
    for name in ("I1", "I2"):
        assert client.post("/v1/incidents", json={"id": name, **HERE}).status_code == 201
    over = client.post("/v1/incidents/I2/close", json={"version": 1, "reason": "false_alarm"})
    assert over.status_code == 200, over.text


def test_every_answer_is_that_of_the_usual_way(
    city: City, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[list[Any]] = []
    for way, lanes in (("short", express.LANES), ("usual", ())):
        (tmp_path / way).mkdir()
        monkeypatch.setattr(express, "LANES", lanes)
        with served(city, tmp_path / way) as client:
            opened(client)
            found.append([ask(client, *asked) for asked in ASKED])
            events = client.get("/v1/audit").json()["events"]
            found[-1].append([(each["kind"], each["data"]) for each in events[1:]])
    for asked, short, usual in zip([*ASKED, "audit"], *found, strict=True):
        assert short == usual, asked
    assert {status for status, *_ in found[0][:-1]} == {200, 400, 404, 409, 422}


def test_it_is_gone(city: City, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone: list[str] = []
    lanes = []
    for lane in express.LANES:

        async def _act(*args: Any, lane: express.Lane = lane) -> Any:
            gone.append(lane.path)
            return await lane.act(*args)

        lanes.append(lane._replace(act=_act))
    monkeypatch.setattr(express, "LANES", tuple(lanes))
    with served(city, tmp_path) as client:
        opened(client)
        ask(client, POSITION, HERE, {})
        ask(client, POSITIONS, {"reports": [HERE | {"unit": "A1"}]}, {})
        ask(client, RECOMMENDATION, {}, {})
        metrics = client.get("/metrics").text
    declared = [lane.path for lane in express.LANES]
    assert gone == declared
    for path in declared:
        assert f'path="{path}",status="200"' in metrics


def test_strangers_and_the_wrong_roles_are_refused(
    city: City, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[list[Any]] = []
    for way, lanes in (("short", express.LANES), ("usual", ())):
        (tmp_path / way).mkdir()
        monkeypatch.setattr(express, "LANES", lanes)
        keys = Store(str(tmp_path / way / "keys.db"))
        migrate(keys.engine)
        tokens = Tokens(keys.engine)
        secrets = [tokens.create(role.value, role)[1] for role in Role]
        with served(city, tmp_path / way, Access([tokens]), Limits("4/minute")) as client:
            answers = []
            for secret in ["wrong", *secrets]:
                key = {"authorization": f"Bearer {secret}"}
                answers += [ask(client, POSITION, HERE, key) for _ in range(6)]
            answers.append(ask(client, POSITION, HERE, {}))
        keys.close()
        found.append([status for status, *_ in answers])
    assert found[0] == found[1]
    assert {401, 403, 429, 200} == set(found[0])


def test_a_defect_is_a_500_that_says_nothing_of_itself(
    city: City, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def _broken(*_: Any) -> Any:
        raise ZeroDivisionError("a secret")

    lanes = tuple(lane._replace(act=_broken) for lane in express.LANES)
    monkeypatch.setattr(express, "LANES", lanes)
    with served(city, tmp_path) as client:
        status, headers, content = ask(client, POSITION, HERE, {})
    assert status == 500
    assert headers["content-type"] == "application/problem+json"
    assert b"secret" not in content
