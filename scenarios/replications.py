"""Run many replications, on one process, several or a cluster, with the same result."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

from routing.errors import InputError
from routing.progress import tracked
from scenarios.policies import NamedPolicy, load_policy
from scenarios.pools import workers_with
from scenarios.simulation.run import Outcome, run_replication

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from scenarios.demand import IncidentTable
    from scenarios.simulation.tables import Tables


def run_replications(
    tables: Tables,
    incidents: Sequence[IncidentTable],
    policy: NamedPolicy,
    timelines: Sequence[NDArray[Any]] | None = None,
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
    timelines : sequence of ndarray of TIMED, optional
        What happens at set times in each replication; the same in all, and no failures,
        without them.
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
    given = [tables.timeline] * len(incidents) if timelines is None else timelines
    work = zip(incidents, given, strict=True)
    total = len(incidents)
    yield from outcomes(tables, work, total, policy, workers=workers, progress=progress)


def outcomes(
    tables: Tables,
    work: Iterable[tuple[IncidentTable, NDArray[Any]]],
    total: int,
    policy: NamedPolicy,
    *,
    workers: int = 1,
    cluster: str | None = None,
    progress: bool = False,
) -> Generator[Outcome]:
    """Simulate replications that are asked for one after the other.

    Whoever reads may stop at any; what was begun beyond it is given up.

    Parameters
    ----------
    tables : Tables
        Travel tables and rules.
    work : iterable of (IncidentTable, ndarray of TIMED)
        Incidents of each replication, and what happens at set times.
    total : int
        How many there are.
    policy : NamedPolicy
        Who is sent.
    workers : int
        Processes of this machine.
    cluster : str, optional
        Address of a Dask scheduler, whose processes are used instead.
    progress : bool
        Show a bar on a terminal.

    Yields
    ------
    Outcome
        One for each replication, in their order: the same, however many work on it.

    Raises
    ------
    InputError
        The policy answers the impossible, or cannot be given to other processes, or
        the cluster cannot be used.
    """
    if total == 0:
        return
    workers = min(workers, total)
    given = policy if workers < 2 and cluster is None else portable(policy)
    with workers_with(workers, _ready, (tables, given), cluster) as spread:
        yield from tracked(
            spread(_work, work),
            f"simulating {policy.id}",
            "replication",
            total=total,
            shown=progress,
        )


def portable(policy: NamedPolicy) -> bytes:
    """Turn a policy into what other processes can make it from.

    Parameters
    ----------
    policy : NamedPolicy
        The policy.

    Returns
    -------
    bytes
        For `restored`. A policy from a file is loaded there again: its class is not
        importable by name.

    Raises
    ------
    InputError
        It cannot be given to other processes.
    """
    try:
        return pickle.dumps((policy.source, policy.terrain) if policy.source else policy)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise InputError(
            f"{policy.id} cannot be given to other processes ({error})",
            field="--workers",
            fix="use --workers 1, or put the policy into a file and name FILE.py:CLASS",
        ) from error


def restored(given: NamedPolicy | bytes) -> NamedPolicy:
    """Make a policy from what `portable` gave.

    Parameters
    ----------
    given : NamedPolicy or bytes
        A policy itself, or what it was turned into.

    Returns
    -------
    NamedPolicy
        The policy.
    """
    if isinstance(given, NamedPolicy):
        return given
    found = pickle.loads(given)  # noqa: S301
    if isinstance(found, NamedPolicy):
        return found
    source, terrain = found
    policy = load_policy(source)
    return policy if terrain is None else policy.at(terrain)


def _ready(tables: Tables, given: NamedPolicy | bytes) -> tuple[Tables, NamedPolicy]:
    return tables, restored(given)


def _work(state: tuple[Tables, NamedPolicy], work: tuple[IncidentTable, NDArray[Any]]) -> Outcome:
    tables, policy = state
    incidents, timeline = work
    travel, rules, _ = tables
    return run_replication(travel, rules, incidents, policy.policy, timeline, policy_id=policy.id)
