"""The same log on PostgreSQL: one writer, two readers, nothing lost when the server dies."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import create_engine, text

from api.app import create_app
from api.live.access import OpenAccess
from api.live.commands import RefusedError
from api.live.engine import open_engine
from api.live.exporting import Asked, read_stretch
from api.live.folding import fold
from api.live.incident_commands import Assign, CreateIncident
from api.live.ledger import Ledger, UnavailableError
from api.live.pruning import prune
from api.live.recorded_day import day_of
from api.live.schema import check_tables, migrate
from api.live.service import Live, LiveOptions
from api.live.store import DamagedLogError, Store
from api.live.unit_commands import Start
from routing.errors import InputError
from tests.api.live import postgres
from tests.toy_city import toy_city

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from api.city import City


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgres.server() as url:
        yield url


@pytest.fixture
def url(server: str) -> str:
    """Make a database of its own for each test."""
    name = f"t{time.monotonic_ns()}"
    admin = create_engine(
        server.replace("postgresql:", "postgresql+psycopg:"), isolation_level="AUTOCOMMIT"
    )
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    admin.dispose()
    return server.rpartition("/")[0] + f"/{name}"


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    opened = Store(url)
    migrate(opened.engine)
    yield opened
    opened.close()


def incident(name: str | None = None) -> CreateIncident:
    return CreateIncident(name, -21.9, 64.1, "emergency", None, None, None)


def do(ledger: Ledger, command: Any, **named: Any) -> Any:
    return ledger.submit(command, "test", **named).result().record


def test_the_log_is_as_on_a_file(store: Store) -> None:
    ledger = Ledger(store, snapshot_every=5)
    do(ledger, Start("a" * 64, (("U0", "ambulance", "S1"),)))
    for row in range(12):
        do(ledger, incident(f"I{row}"), key=f"k{row}", request="r")
    again = ledger.submit(incident("I3"), "test", key="k3", request="r").result()
    assert again.repeated
    do(ledger, Assign("I1", 1, (("U0", 1),), None, "other"))
    with pytest.raises(RefusedError):
        do(ledger, Assign("I2", 1, (("U0", 1),), None, "other"))
    world = ledger.world
    ledger.close()
    quick = fold(store)
    assert quick.snapshot > 0
    assert quick.world == fold(store, from_start=True).world == world
    with store.engine.begin() as connection:
        connection.execute(text("UPDATE log SET actor = 'x' WHERE seq = 7"))
    with pytest.raises(DamagedLogError, match="record 7 "):
        fold(store, from_start=True)


def test_what_is_old_is_pruned(store: Store) -> None:
    ledger = Ledger(store, snapshot_every=5)
    do(ledger, Start("a" * 64, (("U0", "ambulance", "S1"),)))
    for row in range(9):
        do(ledger, incident(f"I{row}"))
    time.sleep(0.002)
    do(ledger, incident("late"))
    world = ledger.world
    ledger.close()
    now_ms = world.at_ms + 60_000
    stretch = read_stretch(store, toy_city(), Asked())
    assert len(stretch.records) == world.seq
    assert len(day_of(toy_city(), *stretch).outcome.incidents.call_ms) == 10
    done = prune(store, world.at_ms, now_ms, "test")
    assert done.removed > 5
    left = list(store.records())
    assert [each.kind for each in left[-2:]] == ["incident_created", "pruned"]
    assert fold(store, from_start=True).world.incidents == world.incidents
    again = Ledger(store, snapshot_every=2)
    do(again, incident("later"))
    again.close()
    assert fold(store).world == fold(store, from_start=True).world


def test_a_second_writer_is_refused(store: Store) -> None:
    ledger = Ledger(store)
    second = Store(store.url)
    with pytest.raises(InputError, match="another process writes"):
        second.become_writer()
    ledger.close()
    store.close()
    second.become_writer()
    second.close()


def test_a_connection_that_drops_loses_nothing(store: Store) -> None:
    ledger = Ledger(store)
    do(ledger, Start("a" * 64, (("U0", "ambulance", "S1"),)))
    killer = open_engine(store.url)
    for row in range(5):
        with killer.connect() as connection:
            connection.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE pid <> pg_backend_pid() AND datname = current_database() "
                    "AND wait_event_type = 'Client' AND query NOT LIKE '%advisory%'"
                )
            )
        for _ in range(5):
            try:
                do(ledger, incident(), key=f"k{row}", request="r")
            except UnavailableError:
                continue  # ask again under the same name
            break
        else:
            pytest.fail("never written")
    killer.dispose()
    ledger.close()
    found = fold(store, from_start=True)
    assert len(found.world.incidents) == 5
    assert found.world == ledger.world


@pytest.fixture
def replica(city: City, url: str) -> Iterator[Callable[[], TestClient]]:
    begun: list[tuple[Live, Store]] = []

    def _replica() -> TestClient:
        opened = Store(url)
        check_tables(opened.engine)
        live = Live.begin(city, opened, LiveOptions(), replica=True)
        begun.append((live, opened))
        return TestClient(create_app(city, live, access=OpenAccess()))

    yield _replica
    for live, opened in begun:
        live.close()
        opened.close()


def test_two_readers_follow_one_writer(
    city: City, store: Store, replica: Callable[[], TestClient]
) -> None:
    writer = Live.begin(city, store, LiveOptions())
    desk = TestClient(create_app(city, writer, access=OpenAccess()))
    readers = [replica(), replica()]
    for row in range(20):
        name = f"I{row}"
        body = {"id": name, "lon": -21.898, "lat": 64.103}
        assert desk.post("/v1/incidents", json=body).status_code == 201
    last = desk.get("/v1/incidents").json()["event"]
    until = time.monotonic() + 20
    for reader in readers:
        while reader.get("/v1/incidents").json()["event"] < last:
            assert time.monotonic() < until
            time.sleep(0.02)
        found = reader.get("/v1/incidents").json()["incidents"]
        assert [each["id"] for each in found] == [f"I{row}" for row in range(20)]
        refusal = reader.post("/v1/incidents", json={"lon": -21.898, "lat": 64.103})
        assert refusal.status_code == 503
        assert "ask the writer" in refusal.json()["detail"]
    writer.close()
