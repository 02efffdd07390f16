"""Who has looked before sees what one sees who looks for the first time."""

from __future__ import annotations

from dataclasses import replace
from threading import Thread
from typing import TYPE_CHECKING

import numpy as np
import pytest

from api.live.fleet_now import FleetNow, UnitPlaces
from api.live.world import Position, UnitNow, World
from tests.toy_city import ISLAND, corner

if TYPE_CHECKING:
    from api.city import City

STALE_MS = 120_000
SPOTS = [corner(0, 0), corner(3, 2), (-21.8991, 64.1021), ISLAND, (-21.5, 64.1)]
UNITS = {
    "A1": UnitNow("A1", "ambulance", "S1"),
    "A2": UnitNow("A2", "ambulance", "S2", status=1),
    "D1": UnitNow("D1", "doctor car", "S3", shifts=((0, 100_000), (400_000, 900_000))),
    "X1": UnitNow("X1", "of another city", "gone"),
}


def told(seen: FleetNow) -> tuple[object, ...]:
    fleet, places = seen.known
    return (
        [unit.model_dump() for unit in seen.units],
        *(each.tolist() for each in (places.lonlat, places.arc, places.share, places.road_lonlat)),
        places.distance_m.tolist(),
        seen.stale,
        seen.assumed,
        [unit.model_dump() for unit in fleet.units],
        fleet.moment,
        (fleet.types, fleet.skills, fleet.station, fleet.status),
        *(
            each.tolist()
            for each in (fleet.free, fleet.rests, fleet.base, fleet.given, fleet.grounded)
        ),
        fleet.turnout_ms.tolist(),
    )


def changed(draw: np.random.Generator, world: World, now_ms: int) -> World:
    """Let one thing happen: a report, a status, a move, a shift, a new unit, or nothing."""
    name = str(draw.choice(list(world.units)))
    unit = world.units[name]
    kind = draw.integers(7)
    if kind < 3:
        lon, lat = SPOTS[draw.integers(len(SPOTS))]
        observed = now_ms - int(draw.integers(0, 200_000))
        position = Position(lon, lat, observed, now_ms, 0, int(draw.integers(0, 50_000)))
        return replace(world, positions=world.positions | {name: position})
    if kind == 3:
        unit = replace(unit, status=int(draw.integers(1, 5)), version=unit.version + 1)
    elif kind == 4:
        unit = replace(unit, heading=[None, "S1", "S2"][draw.integers(3)])
    elif kind == 5:
        start = now_ms + int(draw.integers(-50_000, 50_000))
        unit = replace(unit, shifts=((start, start + 60_000),))
    else:
        name = f"N{draw.integers(3)}"
        unit = UnitNow(name, "ambulance", "S2", None if draw.integers(2) else ("ambulance",))
    return replace(world, units=world.units | {name: unit})


@pytest.mark.parametrize("seed", range(8))
def test_looking_again_is_looking_for_the_first_time(city: City, seed: int) -> None:
    draw = np.random.default_rng(seed)
    used = UnitPlaces(city)
    now_ms = 1_736_150_000_000
    world, before = World(units=dict(UNITS)), World(units=dict(UNITS))
    for step in range(60):
        world, before = changed(draw, world, now_ms), world
        now_ms += int(draw.choice([0, 1, 5_000, 60_000, 1_800_000]))
        asked = before if step % 7 == 0 else world  # somebody may still ask of the one before
        at_ms = now_ms - 90_000 if step % 11 == 0 else now_ms
        stale_ms = STALE_MS // 2 if step % 13 == 0 else STALE_MS
        assert told(used.of(asked, at_ms, stale_ms)) == told(
            UnitPlaces(city).of(asked, at_ms, stale_ms)
        ), step


@pytest.mark.parametrize("seed", range(4))
def test_who_moved_is_told_once_whoever_has_looked_meanwhile(city: City, seed: int) -> None:
    draw = np.random.default_rng(seed)
    places, now_ms = UnitPlaces(city), 1_736_150_000_000
    world = World(units=dict(UNITS))
    known: set[tuple[int, float]] = set()
    for step in range(80):
        world = changed(draw, world, now_ms)
        now_ms += int(draw.choice([0, 1, 5_000, 60_000]))
        if draw.integers(2):
            places.of(world, now_ms, STALE_MS)
        if draw.integers(2):
            continue
        moved = places.moved(world, now_ms, STALE_MS)
        assert moved.units == len(world.units)
        known |= set(zip(moved.places.arc.tolist(), moved.places.share.tolist(), strict=True))
        now = UnitPlaces(city).of(world, now_ms, STALE_MS).known.places
        assert set(zip(now.arc.tolist(), now.share.tolist(), strict=True)) <= known, step
        assert not len(places.moved(world, now_ms, STALE_MS).places)
    everybody = places.moved(world, now_ms, STALE_MS, everybody=True).places
    assert len(everybody) == len(world.units)


def test_many_may_look_at_once(city: City) -> None:
    draw = np.random.default_rng(1)
    used, now_ms = UnitPlaces(city), 1_736_150_000_000
    worlds = [World(units=dict(UNITS))]
    for _ in range(20):
        worlds.append(changed(draw, worlds[-1], now_ms))
    expected = [told(UnitPlaces(city).of(world, now_ms, STALE_MS)) for world in worlds]
    wrong: list[int] = []

    def _look(first: int) -> None:
        order = [*range(first, len(worlds)), *range(first)] * 3
        wrong.extend(
            at for at in order if told(used.of(worlds[at], now_ms, STALE_MS)) != expected[at]
        )

    threads = [Thread(target=_look, args=(first,)) for first in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
