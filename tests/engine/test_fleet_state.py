"""Folding events into the state of a fleet."""

from __future__ import annotations

import numpy as np
import pytest

from engine import events as ev
from engine.state import Event, FleetState, apply, fold

STORY = [
    Event(0, ev.CALL, 0),
    Event(60, ev.CALL_PROCESSED, 0),
    Event(60, ev.DISPATCHED, 0, 1),
    Event(90, ev.DEPARTED, 0, 1),
    Event(200, ev.ON_SCENE, 0, 1, 1500),
    Event(500, ev.LEFT_SCENE, 0, 1),
    Event(700, ev.AT_HOSPITAL, 0, 1, 4000),
    Event(900, ev.FREE, 0, 1),
    Event(1000, ev.AT_STATION, -1, 1, 700),
]
STATUS_AFTER = [2, 2, 3, 3, 4, 7, 8, 1, 2]


def test_a_story_goes_through_the_statuses() -> None:
    state = FleetState.at_stations(2)
    for event, status in zip(STORY, STATUS_AFTER, strict=True):
        before = state
        state = apply(state, event)
        assert state.status.tolist() == [2, status]
        assert state.incident.tolist() == [-1, 0 if status in (3, 4, 7, 8) else -1]
        assert before is not state
    assert state.metres.tolist() == [0, 6200]
    assert state.waiting == frozenset()


def test_apply_changes_nothing_that_it_was_given() -> None:
    state = fold(FleetState.at_stations(2), STORY[:2])
    kept = [state.status.copy(), state.incident.copy(), state.metres.copy()]
    fold(state, STORY[2:])
    for array, copy in zip((state.status, state.incident, state.metres), kept, strict=True):
        np.testing.assert_array_equal(array, copy)
    assert state.waiting == {0}


@pytest.mark.parametrize(
    "event",
    [
        Event(10, ev.DISPATCHED, 0, 0),  # time runs backwards
        Event(950, ev.DISPATCHED, 5, 0),  # no such incident waits
        Event(950, ev.QUEUED, 5),  # nobody knows what it needs
        Event(950, ev.ON_SCENE, 0, 0),  # was not sent
        Event(950, ev.AT_STATION, -1, 0),  # is there already
        Event(950, ev.LEFT_SCENE, 0, 1),  # is free
    ],
)
def test_what_cannot_have_happened_is_refused(event: Event) -> None:
    state = fold(FleetState.at_stations(2), STORY[:8])
    with pytest.raises(ValueError, match="Event"):
        apply(state, event)


@pytest.mark.parametrize("unit", [-1, 2])
def test_there_is_no_such_unit(unit: int) -> None:
    with pytest.raises(ValueError, match="there is no unit"):
        apply(FleetState.at_stations(2), Event(1, ev.DEPARTED, 0, unit))


def test_one_unit_serves_one_incident() -> None:
    state = fold(FleetState.at_stations(2), [*STORY[:3], Event(70, ev.CALL_PROCESSED, 1)])
    with pytest.raises(ValueError, match="status 3, incident 0"):
        apply(state, Event(70, ev.DISPATCHED, 1, 1))
    with pytest.raises(ValueError, match="status 3, incident 0"):
        apply(state, Event(80, ev.ON_SCENE, 1, 1))
