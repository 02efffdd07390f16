"""An answer in time, whatever a solver does."""

from __future__ import annotations

import asyncio
import os
import time
from collections import deque
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from queue import SimpleQueue
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

MOST_ABANDONED: Final = 8
"""Workers that hang at a time; while there are as many, nothing is given to a solver."""
_LEAST_LEFT: Final = 0.25
"""Share of its time that must be left to a question when its turn comes."""
AT_ONCE: Final = 2
"""Questions worked at once: more would only make each other wait."""


@dataclass(frozen=True)
class Guarded(Generic[T]):
    """An answer, and whether it is a makeshift one.

    Parameters
    ----------
    value : object
        The answer.
    degraded : bool
        True where the fallback gave it.
    cause : str
        Why it did, else empty.
    """

    value: T
    degraded: bool = False
    cause: str = ""


class Guard:
    """Asks a solver in a worker that can be abandoned, and answers without it if need be.

    A few questions are worked at once; more wait in turn, as long as their deadline lets
    them. A thread that hangs cannot be ended: once its deadline has passed it is left
    behind, its result is ignored, and the next in turn begins. What is left behind is
    counted, so that a solver that hangs each time costs a bounded number of threads.

    Parameters
    ----------
    start : callable, optional
        Runs a task and puts its result into a future, without waiting for it; by
        default in a daemon thread, used again once the task is done.
    most : int
        Workers that may be left behind at a time; with as many, no solver is asked.
    at_once : int
        Questions that are worked at once.
    passes : tuple of exception classes
        What is no failure of the solver but its answer: it is raised.
    """

    def __init__(
        self,
        start: Callable[[Callable[[], None]], None] | None = None,
        most: int = MOST_ABANDONED,
        at_once: int = AT_ONCE,
        passes: tuple[type[Exception], ...] = (),
    ) -> None:
        self._start = start or _in_a_thread
        self._most = most
        self._passes = passes
        self._lock = Lock()
        self._at_once = self._free = at_once
        self._left_behind = 0
        self._waiting: deque[_Task] = deque()

    def ask(
        self,
        solve: Callable[[], T],
        fallback: Callable[[], T],
        deadline_s: float,
        *,
        ready: bool = True,
    ) -> Guarded[T]:
        """Return what a solver finds in time, else what the fallback gives.

        Parameters
        ----------
        solve : callable
            The solver.
        fallback : callable
            Gives the makeshift answer.
        deadline_s : float
            Seconds to wait for the solver.
        ready : bool
            Whether the makeshift answer is computed first, so that it is there when the
            deadline comes; else only then, which is for one that takes no time.

        Returns
        -------
        Guarded
            The answer; `degraded` with the cause where the solver hung or failed.
        """
        if ready:
            known = fallback()

            def fallback() -> T:
                return known

        task = self._begun(solve, deadline_s)
        if isinstance(task, str):
            return Guarded(fallback(), True, task)
        try:
            with suppress(FutureTimeout):  # a solver may raise the same class itself
                task.future.exception(timeout=deadline_s)
        finally:
            cause = self._verdict(task, deadline_s)
        return Guarded(fallback(), True, cause) if cause else Guarded(task.future.result())

    async def hear(
        self, solve: Callable[[], T], fallback: Callable[[], T], deadline_s: float
    ) -> Guarded[T]:
        """Return what `ask` does, without a thread that waits for it.

        Parameters
        ----------
        solve, fallback : callable
            The solver, and what gives the makeshift answer, in a thread, if need be.
        deadline_s : float
            Seconds to wait for the solver.

        Returns
        -------
        Guarded
            The answer; `degraded` with the cause where the solver hung or failed.
        """
        task = self._begun(solve, deadline_s)
        if isinstance(task, str):
            return Guarded(await asyncio.to_thread(fallback), True, task)
        heard = heard_of(task.future)
        late = heard.get_loop().call_later(deadline_s, _wake, heard)
        try:
            await heard
        finally:  # also where whoever asked has gone
            late.cancel()
            cause = self._verdict(task, deadline_s)
        if cause:
            return Guarded(await asyncio.to_thread(fallback), True, cause)
        return Guarded(task.future.result())

    def _begun(self, solve: Callable[[], Any], deadline_s: float) -> _Task | str:
        """Start a solver, or let it wait in turn; else say why not."""
        task = _Task(solve, deadline_s)
        with self._lock:
            if self._left_behind >= self._most:
                return self._full()
            if not self._has_place():
                self._waiting.append(task)
                return task
            self._free -= 1
        return self._started(task) or task

    def _has_place(self) -> bool:
        """Tell whether one more may begin, all those that may be left behind counted."""
        return self._free > 0 and self._at_once - self._free + self._left_behind < self._most

    def _full(self) -> str:
        return f"{self._most} solvers are still under way"

    def _started(self, task: _Task) -> str:
        try:
            self._start(partial(self._work, task))
        except RuntimeError as error:  # no more threads
            self._next()
            return f"no worker: {error}"
        return ""

    def _work(self, task: _Task | None) -> None:
        """Do a task, then those that wait."""
        while task is not None:
            if task.future.set_running_or_notify_cancel():
                try:
                    task.future.set_result(task.solve())
                except BaseException as error:  # noqa: BLE001  # no worker's end may be silent
                    task.future.set_exception(error)
            with self._lock:
                if task.left_behind:  # its place was given away
                    self._left_behind -= 1
                else:
                    self._free += 1
                task = self._taken()

    def _next(self) -> None:
        """Give a place back, to who waits longest."""
        with self._lock:
            self._free += 1
            task = self._taken()
        if task is not None:
            cause = self._started(task)
            if cause and task.future.set_running_or_notify_cancel():
                task.future.set_exception(RuntimeError(cause))

    def _taken(self) -> _Task | None:
        """Take a place for who waits longest and can still be answered; the lock is held."""
        while self._waiting and self._left_behind >= self._most:  # nobody begins: say so
            task = self._waiting.popleft()
            if task.future.set_running_or_notify_cancel():
                task.future.set_exception(_FullError(self._full()))
        while self._waiting and self._has_place():
            task = self._waiting.popleft()
            # one begun just before its deadline would only be left behind
            if not task.future.cancelled() and task.left_share() > _LEAST_LEFT:
                self._free -= 1
                return task
        return None

    def _verdict(self, task: _Task, deadline_s: float) -> str:
        """Say why a task has no answer, and let nobody wait for it."""
        future = task.future
        if not future.done() and not future.cancel():  # it runs
            with self._lock:
                task.left_behind = not future.done()
                self._left_behind += task.left_behind
            if task.left_behind:
                self._next()
        if task.left_behind or future.cancelled():
            return f"no answer within {deadline_s:g} s"
        error = future.exception()
        if error is None or isinstance(error, self._passes):
            return ""
        if isinstance(error, FutureTimeout):
            return "the solver timed out"
        if isinstance(error, _FullError):
            return str(error)
        return f"the solver failed: {type(error).__name__}: {error}"


class _FullError(Exception):
    """No solver is asked, since so many hang."""


class _Task:
    """A question on its way."""

    def __init__(self, solve: Callable[[], Any], deadline_s: float) -> None:
        self.solve = solve
        self.future: Future[Any] = Future()
        self.left_behind = False
        self._deadline_s = deadline_s
        self._begun = time.monotonic()

    def left_share(self) -> float:
        """How much of its time is left, 0 to 1."""
        return 1 - (time.monotonic() - self._begun) / max(self._deadline_s, 1e-9)


def heard_of(future: Future[Any]) -> asyncio.Future[None]:
    """Return what one can await until a thread has done something.

    Parameters
    ----------
    future : Future
        Done by another thread; what comes of it is to be read from it alone.

    Returns
    -------
    asyncio.Future
        Of the running loop. To wait for it no longer changes nothing for the other.
    """
    heard: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def _tell(_: Future[Any]) -> None:
        with suppress(RuntimeError):  # the loop may be gone
            heard.get_loop().call_soon_threadsafe(_wake, heard)

    future.add_done_callback(_tell)
    return heard


def _wake(heard: asyncio.Future[None]) -> None:
    if not heard.done():
        heard.set_result(None)


class _Worker(Thread):
    """A thread that does one task after another, and is left behind where one hangs."""

    def __init__(self) -> None:
        super().__init__(name="solver", daemon=True)
        self.tasks: SimpleQueue[Callable[[], None]] = SimpleQueue()

    def run(self) -> None:
        while True:
            self.tasks.get()()
            _IDLE.append(self)


_IDLE: Final[deque[_Worker]] = deque()
"""Workers with nothing to do: a new thread for each question costs more than many an answer."""
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_IDLE.clear)  # threads are not forked


def _in_a_thread(task: Callable[[], None]) -> None:
    try:
        worker = _IDLE.pop()
    except IndexError:
        worker = _Worker()
        worker.start()
    worker.tasks.put(task)
