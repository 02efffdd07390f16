"""Work shared out to processes that keep what all of it needs, or done right here."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

State = TypeVar("State")
Task = TypeVar("Task")
Result = TypeVar("Result")


class Spread(Protocol):
    """Calls ``work(state, task)`` for every task and gives the results in their order."""

    def __call__(
        self, work: Callable[[Any, Task], Result], tasks: Iterable[Task], /
    ) -> Iterator[Result]:
        """Do the work; where the results are not read to the end, the rest is not begun."""


@contextmanager
def workers_with(
    workers: int, make_state: Callable[..., State], arguments: tuple[Any, ...]
) -> Iterator[Spread]:
    """Keep processes that share a state, for as long as the context lasts.

    Ctrl-C is heard by this process alone.

    Parameters
    ----------
    workers : int
        How many; with one the work is done in this process.
    make_state : callable
        Makes the state that `Spread` gives to the work; called once in each process. A
        function of a module, as is the work.
    arguments : tuple
        What it is called with; pickled for other processes.

    Yields
    ------
    Spread
        Does work.
    """
    if workers < 2:
        state = make_state(*arguments)
        yield lambda work, tasks: (work(state, task) for task in tasks)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, _begin, (make_state, arguments)) as pool:

        def spread(work: Callable[[Any, Task], Result], tasks: Iterable[Task]) -> Iterator[Result]:
            with _deaf_to_ctrl_c():  # processes may start with any task
                results = pool.map(_work, ((work, task) for task in tasks))
            yield from results

        try:
            yield spread
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


@contextmanager
def _deaf_to_ctrl_c() -> Iterator[None]:
    """Start processes that do not hear Ctrl-C, which reaches every process of a terminal.

    They inherit the mask, so that it holds while they still import. An interruption is
    put off until all of them stand: half-started ones would be left behind.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread hears signals, and may decide about them
        return
    heard: list[int] = []
    handler = signal.signal(signal.SIGINT, lambda number, _: heard.append(number))
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        if heard:
            signal.raise_signal(signal.SIGINT)


_HERE: list[Any] = []


def _begin(make_state: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _HERE.append(make_state(*arguments))


def _end_with_parent() -> None:
    """Leave nobody who waits for work for ever when the process that gives it was killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(given: tuple[Callable[[Any, Any], Any], Any]) -> Any:
    work, task = given
    return work(_HERE[0], task)
