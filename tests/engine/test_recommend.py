"""Ranked recommendations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.dispatch import CLOSEST_IDLE, DispatchState
from engine.recommend import recommend
from routing.errors import InputError
from routing.network import UNREACHABLE

UNIT = st.tuples(
    st.sampled_from([0, 1, 2, 3, 4, 6]),
    st.booleans(),
    st.sampled_from([0, 60_000, 90_000, 600_000, int(UNREACHABLE)]),
    st.sampled_from([0, 60_000]),
)


def columns(units: list[tuple[int, bool, int, int]]) -> dict[str, Any]:
    return {
        "status": [u[0] for u in units],
        "suitable": [u[1] for u in units],
        "travel_ms": [u[2] for u in units],
        "turnout_ms": [u[3] for u in units],
        "distance_m": [1000.0] * len(units),
    }


@settings(deadline=None)
@given(st.lists(UNIT, max_size=8))
def test_ranked_by_arrival_and_nobody_forgotten(units: list[tuple[int, bool, int, int]]) -> None:
    found = recommend(**columns(units))
    arrival = {
        unit: (ms + (turnout if status == 2 else 0)) / 1000
        for unit, (status, suitable, ms, turnout) in enumerate(units)
        if status in (1, 2) and suitable and ms < UNREACHABLE
    }
    assert [c.unit for c in found.candidates] == sorted(arrival, key=lambda u: (arrival[u], u))
    for candidate in found.candidates:
        assert candidate.arrival_s == arrival[candidate.unit]
        assert candidate.arrival_s == candidate.travel_s + candidate.turnout_s
    assert set(found.excluded) | set(arrival) == set(range(len(units)))
    assert not set(found.excluded) & set(arrival)
    assert found.unit == (found.candidates[0].unit if found.candidates else -1)


def test_the_first_is_the_policys_and_the_words_say_why() -> None:
    given_units = columns(
        [(1, True, 60_000, 60_000), (2, True, 60_000, 60_000), (6, True, 0, 0), (2, False, 0, 0)]
    )
    found = recommend(**given_units)
    assert [c.unit for c in found.candidates] == [0, 1]
    assert found.candidates[0].reason == "on scene first: free on radio, 1 min 00 s away"
    assert found.candidates[1].reason.startswith("60 s later than the first: free at station")
    assert found.excluded == {2: "out of service", 3: "cannot do what the incident needs"}
    idle = recommend(**given_units, policy=CLOSEST_IDLE)
    assert [c.unit for c in idle.candidates] == [1]
    standing = recommend(**given_units, policy=CLOSEST_IDLE, returning=[False] * 4)
    assert standing.unit == 0


def test_a_unit_that_is_not_the_nearest_is_not_called_so() -> None:
    near_but_moving, idle = (1, True, 60_000, 0), (2, True, 300_000, 60_000)
    found = recommend(**columns([near_but_moving, idle]), policy=CLOSEST_IDLE)
    assert found.unit == 1
    assert found.candidates[0].reason.startswith("the policy's choice")


def test_no_road_and_limit() -> None:
    given_units = columns([(2, True, int(UNREACHABLE), 0), (2, True, 5, 0), (2, True, 4, 0)])
    found = recommend(**given_units, limit=1)
    assert [c.unit for c in found.candidates] == [2]
    assert found.excluded == {0: "no road leads there"}
    given_units["travel_ms"] = [float("inf"), 5, 4]
    assert recommend(**given_units).excluded == {0: "no road leads there"}


class Farthest:
    def decide(self, state: DispatchState) -> int:
        able = np.flatnonzero(state.feasible)
        return int(able[np.argmax(state.arrival_ms[able])])


def test_any_policy_ranks() -> None:
    found = recommend(**columns([(2, True, 1000, 0), (2, True, 9000, 0)]), policy=Farthest())
    assert [c.unit for c in found.candidates] == [1, 0]
    assert found.candidates[0].reason.startswith("the policy's choice")
    assert found.candidates[1].reason.startswith("8 s sooner")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"travel_ms": [-1]}, "travel_ms: unit 0 has -1"),
        ({"distance_m": [float("nan")]}, "distance_m: unit 0 has nan"),
        ({"turnout_ms": []}, "turnout_ms: 0 values for 1 units"),
        ({"status": [11]}, "status 11"),
    ],
)
def test_bad_columns_are_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        recommend(**{**columns([(2, True, 5, 0)]), **change})
