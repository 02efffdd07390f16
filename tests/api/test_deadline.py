"""Solvers that hang or fail: an answer in time, and flagged."""

from __future__ import annotations

import time
from threading import Event
from typing import TYPE_CHECKING, NoReturn

from api.deadline import Guard
from engine.assignment import Assignment, assign, closest_in_turn

if TYPE_CHECKING:
    from collections.abc import Callable

PLANS = [((0,),), ((1,),)]
COST = [[5, 6], [5, 90]]
WAIT = [1000, 900]


def makeshift() -> Assignment:
    return closest_in_turn(PLANS, COST, WAIT)


def test_a_solver_in_time_is_heard() -> None:
    answer = Guard().ask(lambda: assign(COST, WAIT), makeshift, 30)
    assert not answer.degraded
    assert answer.cause == ""
    assert answer.value.units == ((1,), (0,))


def test_ten_thousand_hangs_are_answered_in_time_and_flagged() -> None:
    # a worker that hangs: the task is taken and never done
    guard = Guard(start=lambda _: None, most=10_001)
    slowest = 0.0
    for _ in range(10_000):
        begin = time.perf_counter()
        answer = guard.ask(lambda: assign(COST, WAIT), makeshift, 0.0001)
        slowest = max(slowest, time.perf_counter() - begin)
        assert answer.degraded
        assert answer.cause == "no answer within 0.0001 s"
        assert answer.value.units == ((0,), (1,))
    assert slowest < 5  # generous: the machine may be busy


def test_ten_thousand_failures_are_flagged() -> None:
    def fails(error: BaseException) -> Callable[[], NoReturn]:
        def solve() -> NoReturn:
            raise error

        return solve

    guard = Guard(start=lambda task: task(), most=1)
    errors = [MemoryError("full"), ValueError("bad"), SystemExit(3), TimeoutError("own")]
    for turn in range(10_000):
        answer = guard.ask(fails(errors[turn % 4]), makeshift, 1)
        assert answer.degraded
        assert answer.cause
        assert answer.value == makeshift()
    assert guard.ask(fails(errors[0]), makeshift, 1).cause == "the solver failed: MemoryError: full"
    assert not guard.ask(lambda: assign(COST, WAIT), makeshift, 1).degraded


def test_threads_that_hang_are_left_behind_but_counted() -> None:
    let_go = Event()

    def hangs() -> Assignment:
        let_go.wait(60)
        return assign(COST, WAIT)

    guard = Guard(most=2)
    causes = [guard.ask(hangs, makeshift, 0.01).cause for _ in range(4)]
    assert causes[:2] == ["no answer within 0.01 s"] * 2
    assert causes[2:] == ["2 solvers are still under way"] * 2
    let_go.set()
    for _ in range(1000):
        answer = guard.ask(lambda: assign(COST, WAIT), makeshift, 5)
        if not answer.degraded:
            break
        time.sleep(0.01)
    assert not answer.degraded
