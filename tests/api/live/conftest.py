"""A live service of the made-up city, with a log of its own for each test."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.live.access import Access, OpenAccess
from api.live.jobs import JobOptions
from api.live.schema import migrate
from api.live.service import Live, LiveOptions
from api.live.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from api.city import City

PATIENT = LiveOptions(deadline_s=60)
"""A busy machine must not turn an answer into a makeshift one."""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(str(tmp_path / "log.db"))
    migrate(opened.engine)
    yield opened
    opened.close()


@pytest.fixture
def live(city: City, store: Store, tmp_path: Path) -> Iterator[Live]:
    # jobs end at once; those that work are in a module of their own
    jobs = JobOptions(folder=tmp_path / "jobs", command=("false",))
    begun = Live.begin(city, store, replace(PATIENT, jobs=jobs))
    yield begun
    begun.close()
    city_is_as_before(city, begun)


def city_is_as_before(city: City, live: Live) -> None:
    """Lift what closures the test left on the roads that all tests share."""
    live.roads.put(())
    assert city is live.city


@pytest.fixture
def desk(live: Live) -> Iterator[TestClient]:
    app = create_app(live.city, live, access=OpenAccess())
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def serving(city: City) -> Callable[..., Any]:
    """Serve a store until the block ends, as a process would after a start."""

    @contextmanager
    def _serving(store: Store, access: Access | None = None) -> Iterator[TestClient]:
        begun = Live.begin(city, store, PATIENT)
        try:
            app = create_app(city, begun, access=access or OpenAccess())
            with TestClient(app, raise_server_exceptions=False) as client:
                yield client
        finally:
            begun.close()
            city_is_as_before(city, begun)

    return _serving
