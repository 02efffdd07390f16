"""Run many replications, on one process or several, with the same result."""

from __future__ import annotations

import multiprocessing
import pickle
import signal
from concurrent.futures import ProcessPoolExecutor
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
            chunk = max(1, len(incidents) // (4 * workers))
            yield from pool.map(_work, incidents, chunksize=chunk)
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


def _begin(tables: Tables, policy: str | bytes) -> None:
    # Ctrl-C reaches every process of the terminal; the one that started these stops them
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    named = load_policy(policy) if isinstance(policy, str) else pickle.loads(policy)  # noqa: S301
    _HERE.append((tables, named))


def _work(incidents: IncidentTable) -> Outcome:
    tables, policy = _HERE[0]
    return run_replication(*tables, incidents, policy.policy, policy_id=policy.id)
