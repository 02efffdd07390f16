"""Solvers that hang or fail: an answer in time, and flagged."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from functools import partial
from threading import Event, Thread
from typing import TYPE_CHECKING, NoReturn

import pytest

from api.deadline import Guard, Guarded
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


def test_more_than_are_worked_at_once_wait_in_turn() -> None:
    guard = Guard(at_once=1)
    answers: list[Guarded[int]] = []
    threads = [
        Thread(target=lambda n=n: answers.append(guard.ask(lambda: n, lambda: -1, 30)))
        for n in range(50)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(each.value for each in answers) == list(range(50))
    assert not any(each.degraded for each in answers)


def test_who_waits_behind_a_hang_begins_when_it_is_left_behind() -> None:
    let_go = Event()
    guard = Guard(at_once=1, most=2)
    hung = Thread(target=lambda: guard.ask(lambda: let_go.wait(60), lambda: False, 0.2))
    hung.start()
    while guard._free:
        time.sleep(0.001)
    answer = guard.ask(lambda: "in turn", lambda: "makeshift", 30)
    assert answer.value == "in turn"
    hung.join()
    let_go.set()


def test_nobody_waits_beyond_the_deadline_for_a_turn() -> None:
    let_go = Event()
    begun: list[str] = []
    guard = Guard(at_once=1)
    first = Thread(target=lambda: guard.ask(lambda: let_go.wait(60), lambda: False, 60))
    first.start()
    while guard._free:
        time.sleep(0.001)
    answer = guard.ask(lambda: begun.append("late"), lambda: None, 0.02)
    assert answer.cause == "no answer within 0.02 s"
    let_go.set()
    first.join()
    assert guard.ask(lambda: 1, lambda: 2, 30).value == 1
    assert not begun  # nobody wanted it any longer


def test_an_answer_of_its_own_kind_is_passed_on() -> None:
    class RefusedError(Exception):
        """Says what is wrong with the question."""

    def refuse() -> int:
        raise RefusedError

    guard = Guard(passes=(RefusedError,))
    with pytest.raises(RefusedError):
        guard.ask(refuse, lambda: 1, 5)
    with pytest.raises(RefusedError):
        asyncio.run(guard.hear(refuse, lambda: 1, 5))
    assert Guard().ask(refuse, lambda: 1, 5) == Guarded(
        1, True, "the solver failed: RefusedError: "
    )


def test_a_loop_hears_the_same_as_a_thread() -> None:
    let_go = Event()
    guard = Guard(at_once=1, most=2)

    def hangs() -> int:
        return 7 * let_go.wait(60)

    async def _all() -> list[Guarded[int]]:
        hung = guard.hear(hangs, lambda: -1, 0.05)
        others = (guard.hear(partial(int, n), lambda: -1, 30) for n in range(20))
        return list(await asyncio.gather(hung, *others))

    def fails() -> int:
        raise ZeroDivisionError

    hung, *others = asyncio.run(_all())
    assert hung == Guarded(-1, True, "no answer within 0.05 s")
    assert [each.value for each in others] == list(range(20))
    assert asyncio.run(guard.hear(hangs, lambda: -1, 0.05)).degraded
    full = asyncio.run(guard.hear(lambda: 5, lambda: -1, 30))
    assert full == Guarded(-1, True, "2 solvers are still under way")
    let_go.set()
    while guard._left_behind:
        time.sleep(0.001)
    assert asyncio.run(guard.hear(lambda: 5, lambda: -1, 30)) == Guarded(5)
    assert asyncio.run(guard.hear(fails, lambda: -1, 30)).cause.startswith(
        "the solver failed: Zero"
    )


def test_however_many_wait_behind_hangs_few_are_left_behind() -> None:
    let_go = Event()
    begun: list[int] = []
    guard = Guard(at_once=2, most=3)

    def _hangs() -> bool:
        begun.append(1)
        return let_go.wait(60)

    async def _all() -> list[Guarded[bool]]:
        asked = (guard.hear(_hangs, lambda: False, 0.1 + row / 50) for row in range(40))
        return list(await asyncio.gather(*asked))

    answers = asyncio.run(_all())
    assert all(each.degraded for each in answers)
    assert guard._left_behind == len(begun) <= 3
    let_go.set()
    while guard._left_behind:
        time.sleep(0.001)
    assert guard._free == 2
    assert asyncio.run(guard.hear(lambda: True, lambda: False, 30)) == Guarded(True)


def test_who_hangs_up_leaves_no_place_taken() -> None:
    let_go = Event()
    guard = Guard(at_once=1, most=2)

    async def _gone() -> None:
        asked = asyncio.ensure_future(guard.hear(lambda: let_go.wait(60), lambda: False, 30))
        await asyncio.sleep(0.02)
        asked.cancel()
        with suppress(asyncio.CancelledError):
            await asked

    asyncio.run(_gone())
    assert guard.ask(lambda: 1, lambda: 2, 30) == Guarded(1)
    let_go.set()
