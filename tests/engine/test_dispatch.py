"""Dispatch policies and their conformance check."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.dispatch import (
    CLOSEST,
    CLOSEST_IDLE,
    BatchDispatch,
    DispatchState,
    Policy,
    check_policy,
    checked_choice,
)
from engine.dispatch.base import random_terrain
from engine.dispatch.batch import unit_for_first
from engine.fleet import FREE_AT_STATION
from engine.foresight import ForesightDispatch
from engine.policies import POLICIES
from routing.errors import InputError
from routing.network import UNREACHABLE

NEVER = int(UNREACHABLE)
UNITS = st.lists(
    st.tuples(st.sampled_from([0, 1, 2, 5, NEVER]), st.booleans()), min_size=0, max_size=8
)


def state(units: list[tuple[int, bool]]) -> DispatchState:
    return DispatchState(
        now_ms=0,
        priority=0,
        waiting_ms=0,
        status=np.array([1 if moving else 2 for _, moving in units], dtype=np.int8),
        returning=np.array([moving for _, moving in units], dtype=np.bool_),
        suitable=np.ones(len(units), dtype=np.bool_),
        arrival_ms=np.array([ms for ms, _ in units], dtype=np.float64),
    )


@settings(deadline=None)
@given(UNITS)
def test_closest_is_the_first_minimum(units: list[tuple[int, bool]]) -> None:
    able = [(ms, unit) for unit, (ms, _) in enumerate(units) if ms < NEVER]
    assert CLOSEST.decide(state(units)) == (min(able)[1] if able else -1)


@settings(deadline=None)
@given(UNITS)
def test_closest_idle_leaves_those_on_their_way_home(units: list[tuple[int, bool]]) -> None:
    able = [(ms, unit) for unit, (ms, moving) in enumerate(units) if ms < NEVER and not moving]
    assert CLOSEST_IDLE.decide(state(units)) == (min(able)[1] if able else -1)


@pytest.mark.parametrize("name", list(POLICIES))
def test_registered_policies_conform(name: str) -> None:
    check_policy(POLICIES[name])


def test_names_resolve_without_version_and_suggest() -> None:
    assert POLICIES["closest"] is CLOSEST
    with pytest.raises(InputError, match=r"unknown policy 'closets'; did you mean 'closest-v1'"):
        POLICIES["closets"]


class Sends:
    def __init__(self, answer: object) -> None:
        self.answer = answer

    def decide(self, state: DispatchState) -> int:  # noqa: ARG002
        return self.answer  # type: ignore[return-value]


class Writes:
    def decide(self, state: DispatchState) -> int:
        state.arrival_ms[0] = 0
        return -1


class Counts:
    calls = 0

    def decide(self, state: DispatchState) -> int:
        self.calls += 1
        return CLOSEST.decide(state) if self.calls % 7 else -1


class Nothing:
    pass


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        (Sends(99), "units are 0 to"),
        (Sends(1.0), "no integer"),
        (Sends(None), "no integer"),
        (Sends(True), "no integer"),
        (Sends(0), "cannot be sent"),
        (Writes(), "fails with ValueError"),
        (Counts(), "answers the same state"),
        (Nothing(), "no decide"),
    ],
)
def test_a_policy_that_breaks_its_promises_is_refused(policy: Policy, message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_policy(policy)


def test_a_policy_that_would_end_the_program_is_refused() -> None:
    class Leaves:
        def decide(self, state: DispatchState) -> int:  # noqa: ARG002
            raise SystemExit(0)

    with pytest.raises(InputError, match="fails with SystemExit"):
        check_policy(Leaves())


def test_a_policy_may_let_everything_wait() -> None:
    check_policy(Sends(-1))


def test_a_choice_may_be_any_integer_type() -> None:
    assert checked_choice(np.int32(1), state([(NEVER, False), (4, False)]), "p") == 1


def waiting(arrival: list[list[float]], priority: list[int]) -> DispatchState:
    """Ask about the first row, while the others wait too."""
    minutes = np.array(arrival) * 60_000.0
    times = np.where(np.isinf(minutes), float(UNREACHABLE), minutes)
    units = times.shape[1]
    return DispatchState(
        now_ms=0.0,
        priority=priority[0],
        waiting_ms=0.0,
        status=np.full(units, FREE_AT_STATION, dtype=np.int8),
        returning=np.zeros(units, dtype=np.bool_),
        suitable=times[0] < UNREACHABLE,
        arrival_ms=times[0],
        others_priority=np.array(priority[1:], dtype=np.int64),
        others_waiting_ms=np.zeros(len(priority) - 1),
        others_arrival_ms=times[1:],
    )


def test_a_batch_is_better_in_all_than_each_closest() -> None:
    # the closest of the first is the only one near the second
    state = waiting([[4.0, 5.0], [3.0, 20.0]], [0, 0])
    assert CLOSEST.decide(state) == 0
    assert BatchDispatch().decide(state) == 1
    # the more urgent is served first, and what cannot be served waits
    assert BatchDispatch().decide(waiting([[4.0], [9.0]], [1, 0])) == -1
    assert BatchDispatch().decide(waiting([[9.0], [4.0]], [0, 1])) == 0
    assert BatchDispatch().decide(waiting([[4.0, 2.0]], [0])) == 1


@given(
    seed=st.integers(0, 10**6),
    units=st.integers(1, 4),
    incidents=st.integers(1, 4),
    dearest=st.sampled_from([1, 100]),
)
@settings(deadline=None)
def test_a_batch_is_the_best_of_all_ways(
    seed: int, units: int, incidents: int, dearest: int
) -> None:
    rng = np.random.default_rng(seed)
    minutes = rng.permutation(units * incidents * 3)[: units * incidents] + 1.0
    arrival = minutes.reshape(incidents, units)
    arrival[rng.random(arrival.shape) < 0.2] = np.inf
    arrival[0, 0] = 1.0
    priority = rng.integers(0, 3, incidents)
    waits = rng.integers(0, dearest, incidents)
    ways = []
    for way in itertools.product(range(-1, units), repeat=incidents):
        used = [unit for unit in way if unit >= 0]
        if len(set(used)) < len(used):
            continue
        total = sum(arrival[row, unit] if unit >= 0 else waits[row] for row, unit in enumerate(way))
        if np.isfinite(total):
            levels = [
                sum(unit >= 0 and p == level for unit, p in zip(way, priority, strict=True))
                for level in range(3)
            ]
            ways.append((*(-count for count in levels), total, way[0]))
    least = min(ways)[:-1]
    best = {way[-1] for way in ways if way[:-1] == least}
    cost = np.where(np.isfinite(arrival), arrival, -1).astype(np.int64)
    assert unit_for_first(priority, cost, waits) in best
    if dearest == 1:
        assert BatchDispatch().decide(waiting(arrival.tolist(), priority.tolist())) in best


@pytest.mark.parametrize("levels", [1, 3])
def test_a_batch_of_fifty_and_two_thousand_units_is_no_overflow(levels: int) -> None:
    rng = np.random.default_rng(levels)
    arrival = rng.integers(1, 180, (50, 2000)).astype(np.float64)
    arrival[7:] = np.inf
    arrival[:7, 3:] = np.inf
    arrival[6, 0] = 1.0  # the nearest of the least urgent
    priority = sorted(rng.integers(0, levels, 50).tolist())
    sent = [
        BatchDispatch().decide(
            waiting(np.roll(arrival, -k, axis=0).tolist(), priority[k:] + priority[:k])
        )
        for k in range(7)
    ]
    assert len({unit for unit in sent if unit >= 0}) == 3
    urgent = [unit >= 0 for unit, rank in zip(sent, priority, strict=False) if rank == 0]
    assert sum(urgent) >= min(3, len(urgent)) > 0


def test_foresight_helps_whom_it_can_help_and_passes_nobody_over_for_ever() -> None:
    city = replace(
        random_terrain(np.random.default_rng(3), 1),
        limit_ms=np.full(3, 480_000.0),
        counts=np.array([True, True, True]),
    )
    policy = ForesightDispatch().at(city)

    def _asked(waited_min: tuple[float, float], priority: list[int], drive: float = 5.0) -> int:
        state = replace(
            waiting([[drive], [5.0]], priority),
            base=np.zeros(1, dtype=np.int64),
            waiting_ms=waited_min[0] * 60e3,
            others_waiting_ms=np.array([waited_min[1] * 60e3]),
        )
        return policy.decide(state)

    # one that cannot be reached in time gives way to one that can ...
    assert _asked((10.0, 1.0), [0, 0]) == -1
    assert _asked((1.0, 10.0), [0, 0]) == 0
    # ... unless it is more urgent, or has waited for hours
    assert _asked((10.0, 1.0), [0, 1]) == 0
    assert _asked((600.0, 1.0), [0, 0]) == 0
    # of two that are late the nearer, and of equally near ones the one that has waited longer
    assert _asked((20.0, 21.0), [0, 0], drive=2.0) == 0
    assert _asked((20.0, 21.0), [0, 0]) == -1
