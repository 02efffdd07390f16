"""Remembered drives are those that would be computed."""

from __future__ import annotations

from threading import Thread

import numpy as np
import pytest

from api.drive_memory import DriveMemory, Drives
from routing.snapping import Places

GOALS = 5


def at(arcs: list[int]) -> Places:
    arc = np.array(arcs, dtype=np.int32)
    nowhere = np.zeros((len(arcs), 2))
    return Places(nowhere, arc, arc / 1000, nowhere, np.zeros(len(arcs)))


def drives(places: Places) -> np.ndarray[tuple[int, int], np.dtype[np.int32]]:
    return (places.arc[:, None] * 10 + np.arange(GOALS)).astype(np.int32)


@pytest.mark.parametrize("most", [1, 3, 300, 4_000])
def test_known_or_not_they_are_the_same(most: int) -> None:
    memory, draw = DriveMemory(GOALS, most), np.random.default_rng(1)
    held: list[tuple[Places, Drives]] = []
    for _ in range(60):
        places = at(draw.integers(0, 600, draw.integers(0, 40)).tolist())
        found = memory.drives(places, drives)
        held.append((places, found))
        for before, kept in held[-20:]:  # who holds an older answer still holds it
            assert kept.times_ms[kept.row].tolist() == drives(before).tolist()


def test_what_is_known_is_not_computed_again() -> None:
    memory = DriveMemory(GOALS, 100)
    asked: list[list[int]] = []

    def _compute(places: Places) -> np.ndarray[tuple[int, int], np.dtype[np.int32]]:
        asked.append(places.arc.tolist())
        return drives(places)

    memory.drives(at([1, 2, 2, 3]), _compute)
    memory.drives(at([3, 4, 1]), _compute)
    memory.drives(at([4, 4]), _compute)
    assert asked == [[1, 2, 3], [4]]


def test_a_fleet_that_moves_is_never_computed_as_a_whole_again() -> None:
    memory, fleet = DriveMemory(GOALS, 100), list(range(40))
    computed: list[int] = []

    def _compute(places: Places) -> np.ndarray[tuple[int, int], np.dtype[np.int32]]:
        computed.append(len(places))
        return drives(places)

    memory.drives(at(fleet), _compute)
    for step in range(1000):
        fleet[step % 40] = 1000 + step
        found = memory.drives(at(fleet), _compute)
        assert found.times_ms[found.row].tolist() == drives(at(fleet)).tolist()
    assert computed == [40] + [1] * 1000


def test_many_may_ask_at_once() -> None:
    memory = DriveMemory(GOALS, 50)  # so few that it forgets all the time
    wrong: list[int] = []

    def _ask(seed: int) -> None:
        draw = np.random.default_rng(seed)
        for _ in range(200):
            places = at(draw.integers(0, 90, 20).tolist())
            found = memory.drives(places, drives)
            if found.times_ms[found.row].tolist() != drives(places).tolist():
                wrong.append(seed)

    threads = [Thread(target=_ask, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
