"""Closures come onto the roads when they begin, end, or are heard of."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from api.city import City
from api.live.records import Record
from api.live.roads import LiveRoads
from api.live.world import ClosureNow, World
from tests.toy_city import corner, toy_city

if TYPE_CHECKING:
    from collections.abc import Callable

BOX = [corner(*at) for at in ((0, 0), (2, 0), (2, 2), (0, 2), (0, 0))]
CLOSURE = ClosureNow("C1", {"type": "Polygon", "coordinates": [BOX]})


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


def heard(kind: str) -> list[Record]:
    return [Record(1, 0, kind, None, "test", "{}", None, None, 0, b"")]


@pytest.fixture
def roads(monkeypatch: pytest.MonkeyPatch) -> LiveRoads:
    monkeypatch.setattr("api.live.roads._LOOK_S", 600.0)  # what comes on time comes by itself
    return LiveRoads(City(toy_city()))


def test_closures_are_heard_of(roads: LiveRoads) -> None:
    worlds = [World()]
    roads.watch(lambda: worlds[-1], lambda: 0)
    try:
        worlds.append(World(closures={"C1": CLOSURE}))
        roads.tell(heard("positions"))
        assert roads.in_force == ()
        roads.tell(heard("closure_set"))
        until(lambda: roads.in_force == (("C1", 1),))
        worlds.append(World())
        roads.tell(heard("closure_lifted"))
        until(lambda: roads.in_force == ())
    finally:
        roads.close()


def test_closures_begin_and_end_by_the_clock(roads: LiveRoads) -> None:
    def _now() -> int:
        return round(time.time() * 1000)

    begins = _now() + 300
    world = World(closures={"C1": replace(CLOSURE, from_ms=begins, to_ms=begins + 400)})
    roads.watch(lambda: world, _now)
    try:
        until(lambda: roads.in_force == (("C1", 1),))
        assert _now() >= begins
        until(lambda: roads.in_force == ())
        assert _now() >= begins + 400
    finally:
        roads.close()
