"""A made-up city, served and on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.city import City
from api.live.access import OpenAccess
from api.serve import warm_up
from scenarios.packaging import save_scenario
from tests.toy_city import toy_city

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def city() -> City:
    made = City(toy_city())
    warm_up(made)  # as `serve` does: else the first answers come too late
    return made


@pytest.fixture(scope="session")
def client(city: City) -> Iterator[TestClient]:
    # A defect shall answer 500 here as it does in service, so that tests see it.
    with TestClient(
        create_app(city, access=OpenAccess(), deadline_s=60), raise_server_exceptions=False
    ) as client:
        yield client


@pytest.fixture(scope="session")
def scenario_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("toy") / "city"
    save_scenario(toy_city(), folder)
    return folder
