"""Work shared out to processes that keep what all of it needs, or done right here.

The processes are this machine's, or those of a Dask cluster. Results come in the order of
their tasks, and tasks are asked for a few ahead only, so that there may be any number of
them and whoever reads may stop at any.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from scenarios.cluster import cluster_at

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


_AHEAD: Final = 4
"""Tasks in the hands of each process, so that none waits for this one."""


@contextmanager
def workers_with(
    workers: int,
    make_state: Callable[..., State],
    arguments: tuple[Any, ...],
    cluster: str | None = None,
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
    cluster : str, optional
        Address of a Dask scheduler, whose processes then do the work; `workers` does
        not count.

    Yields
    ------
    Spread
        Does work.

    Raises
    ------
    InputError
        The cluster cannot be used.
    """
    if cluster is not None:
        with cluster_at(cluster, make_state, arguments) as dask:
            yield lambda work, tasks: _in_order(
                lambda task: dask.submit(work, task), tasks, _AHEAD * dask.threads
            )
        return
    if workers < 2:
        state = make_state(*arguments)
        yield lambda work, tasks: (work(state, task) for task in tasks)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, _begin, (make_state, arguments)) as pool:

        def submit(given: tuple[Callable[[Any, Any], Any], Any]) -> Waiting:
            with _deaf_to_ctrl_c():  # processes may start with any task
                return pool.submit(_work, given)

        try:
            yield lambda work, tasks: _in_order(
                submit, ((work, task) for task in tasks), _AHEAD * workers
            )
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


class Waiting(Protocol):
    """Work that was given to somebody."""

    def result(self) -> Any:
        """Wait for what comes of it."""

    def cancel(self) -> Any:
        """Give it up."""


def _in_order(submit: Callable[[Any], Waiting], tasks: Iterable[Any], window: int) -> Iterator[Any]:
    """Give results in the order of their tasks, with so many tasks ahead."""
    waiting: deque[Waiting] = deque()
    try:
        for task in tasks:
            waiting.append(submit(task))
            if len(waiting) >= window:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for each in waiting:
            each.cancel()


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
