"""An answer in time, whatever a solver does."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Semaphore, Thread
from typing import TYPE_CHECKING, Final, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

MOST_ABANDONED: Final = 8
"""Workers that hang at a time; while there are as many, nothing is given to a solver."""


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

    A thread that hangs cannot be ended: it is left behind, and its result ignored. What
    is left behind is counted, so that a solver that hangs each time costs a bounded
    number of threads.

    Parameters
    ----------
    start : callable, optional
        Runs a task and puts its result into a future, without waiting for it; by
        default in a daemon thread.
    most : int
        Tasks under way at a time, those that hang included.
    """

    def __init__(
        self,
        start: Callable[[Callable[[], None]], None] | None = None,
        most: int = MOST_ABANDONED,
    ) -> None:
        self._start = start or _in_a_thread
        self._places = Semaphore(most)
        self._most = most

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

        if not self._places.acquire(blocking=False):
            return Guarded(fallback(), True, f"{self._most} solvers are still under way")
        future: Future[T] = Future()

        def _task() -> None:
            try:
                future.set_result(solve())
            except BaseException as error:  # noqa: BLE001  # a worker's end must not be silent
                future.set_exception(error)
            finally:
                self._places.release()

        try:
            self._start(_task)
        except RuntimeError as error:  # no more threads
            self._places.release()
            return Guarded(fallback(), True, f"no worker: {error}")
        try:
            return Guarded(future.result(timeout=deadline_s))
        except FutureTimeout:
            # a solver may raise the same class itself
            late = not future.done()
            cause = f"no answer within {deadline_s:g} s" if late else "the solver timed out"
        except BaseException as error:
            if isinstance(error, (KeyboardInterrupt, SystemExit)) and not future.done():
                raise
            cause = f"the solver failed: {type(error).__name__}: {error}"
        return Guarded(fallback(), True, cause)


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


def _in_a_thread(task: Callable[[], None]) -> None:
    try:
        worker = _IDLE.pop()
    except IndexError:
        worker = _Worker()
        worker.start()
    worker.tasks.put(task)
