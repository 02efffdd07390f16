"""Run many replications, on one process or several, with the same result."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import threading
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tqdm import tqdm

from routing.errors import InputError
from scenarios.policies import NamedPolicy, load_policy
from scenarios.simulation.run import Outcome, run_replication

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from scenarios.demand import IncidentTable
    from scenarios.simulation.tables import Tables


def run_replications(
    tables: Tables,
    incidents: Sequence[IncidentTable],
    policy: NamedPolicy,
    *,
    workers: int = 1,
    progress: bool = False,
) -> Iterator[Outcome]:
    """Simulate replications and give what came out, in their order.

    Parameters
    ----------
    tables : Tables
        Travel tables and rules.
    incidents : sequence of IncidentTable
        The incidents of each replication.
    policy : NamedPolicy
        Who is sent.
    workers : int
        Processes; the result does not depend on it.
    progress : bool
        Show a bar on a terminal.

    Yields
    ------
    Outcome
        One for each replication.

    Raises
    ------
    InputError
        The policy answers the impossible, or cannot be given to other processes.
    """
    outcomes = (
        _alone(tables, incidents, policy)
        if min(workers, len(incidents)) < 2
        else _together(tables, incidents, policy, min(workers, len(incidents)))
    )
    yield from tqdm(
        outcomes,
        total=len(incidents),
        desc=f"simulating {policy.id}",
        unit="replication",
        disable=None if progress else True,
    )


def _alone(
    tables: Tables, incidents: Sequence[IncidentTable], policy: NamedPolicy
) -> Iterator[Outcome]:
    for calls in incidents:
        yield run_replication(*tables, calls, policy.policy, policy_id=policy.id)


def _together(
    tables: Tables, incidents: Sequence[IncidentTable], policy: NamedPolicy, workers: int
) -> Iterator[Outcome]:
    context = multiprocessing.get_context("spawn")
    # a policy from a file is loaded there again: its class is not importable by name
    given = policy.source or _pickled(policy)
    with ProcessPoolExecutor(workers, context, _begin, (tables, given)) as pool:
        try:
            with _deaf_to_ctrl_c():
                outcomes = pool.map(_work, incidents)
            yield from outcomes
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _pickled(policy: NamedPolicy) -> bytes:
    try:
        return pickle.dumps(policy)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise InputError(
            f"{policy.id} cannot be given to other processes ({error})",
            field="--workers",
            fix="use --workers 1, or put the policy into a file and name FILE.py:CLASS",
        ) from error


_HERE: list[tuple[Tables, NamedPolicy]] = []


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


def _begin(tables: Tables, policy: str | bytes) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    named = load_policy(policy) if isinstance(policy, str) else pickle.loads(policy)  # noqa: S301
    _HERE.append((tables, named))


def _end_with_parent() -> None:
    """Leave nobody who waits for work for ever when the process that gives it was killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(incidents: IncidentTable) -> Outcome:
    tables, policy = _HERE[0]
    return run_replication(*tables, incidents, policy.policy, policy_id=policy.id)
