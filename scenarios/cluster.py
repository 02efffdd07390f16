"""Work done by the processes of a Dask cluster that keep what all of it needs.

Dask distributed is an optional extra, and imported where a cluster is named.
"""

from __future__ import annotations

import threading
import uuid
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from routing.errors import InputError
from scenarios.provenance import provenance

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FIELD: Final = "--cluster"

_PATIENCE_S: Final = 10
"""How long an address may take to answer."""


@dataclass(frozen=True)
class Cluster:
    """A cluster whose processes hold a state.

    Parameters
    ----------
    client : distributed.Client
        The connection.
    given : distributed.Future
        How to make the state: a function and its arguments, on every process.
    token : str
        Tells this state from others that the processes made.
    threads : int
        How many tasks are done at a time.
    """

    client: Any
    given: Any
    token: str
    threads: int

    def submit(self, work: Callable[[Any, Any], Any], task: Any) -> Any:
        """Begin to work on a task.

        Parameters
        ----------
        work : callable
            Called with the state and the task; a function of a module.
        task : object
            What to work on.

        Returns
        -------
        distributed.Future
            Has ``result()`` and ``cancel()``.
        """
        return self.client.submit(_work, self.token, self.given, work, task, pure=False)


@contextmanager
def cluster_at(
    address: str, make_state: Callable[..., Any], arguments: tuple[Any, ...]
) -> Iterator[Cluster]:
    """Connect to a Dask cluster for as long as the context lasts.

    Parameters
    ----------
    address : str
        Of its scheduler, such as ``tcp://HOST:8786``.
    make_state, arguments
        As in `scenarios.pools.workers_with`.

    Yields
    ------
    Cluster
        Takes work. What it was given and has not begun is given up at the end.

    Raises
    ------
    InputError
        Dask is not installed, the address does not answer, the cluster has no worker,
        its workers are of another revision than this process, so that the same bytes
        could not be promised, or it was lost on the way.
    """
    client = _connected(address)
    try:
        threads = sum(client.nthreads().values())
        if not threads:
            raise InputError(
                f"the cluster at {address} has no worker",
                field=FIELD,
                fix="start one: dask worker ADDRESS",
            )
        _check_revision(client, address)
        # by reference: large arrays go to each process once, not with each task
        given = client.scatter((make_state, arguments), broadcast=True, hash=False)
        yield Cluster(client, given, uuid.uuid4().hex, threads)
    except _losses() as error:
        raise InputError(
            f"the cluster at {address} was lost ({type(error).__name__})",
            field=FIELD,
            fix="start it again; with --checkpoint finished replications are kept",
        ) from error
    finally:
        with suppress(Exception):  # what went wrong with the connection has been told
            client.close()


def _connected(address: str) -> Any:
    try:
        distributed = import_module("distributed")
    except ImportError as error:
        raise InputError(
            "Dask is not installed",
            field=FIELD,
            fix="pip install 'bluelight[cluster]', or leave --cluster out and use --workers",
        ) from error
    try:
        return distributed.Client(address, timeout=_PATIENCE_S, set_as_default=False)
    except (OSError, ValueError, ImportError) as error:  # also for what is no address
        raise InputError(
            f"no Dask scheduler answers at {address}",
            field=FIELD,
            fix="start one with 'dask scheduler' and give the address that it prints, "
            "such as tcp://HOST:8786",
        ) from error


def _losses() -> tuple[type[BaseException], ...]:
    """Return what a client raises whose scheduler or workers are gone."""
    distributed = import_module("distributed")
    return (
        import_module("distributed.client").FutureCancelledError,
        import_module("distributed.comm").CommClosedError,
        distributed.KilledWorker,
    )


def fingerprint() -> dict[str, Any]:
    """Say what the bytes of a run follow from, besides its input.

    Returns
    -------
    dict
        Revision of bluelight, versions of Python and of the packages that compute.
    """
    told = provenance()
    return {**told["revision"], **told["versions"]}


def _check_revision(client: Any, address: str) -> None:
    fix = "install the same bluelight[cluster] on this machine and on all workers"
    try:
        theirs = client.run(fingerprint)
    except Exception as error:
        raise InputError(
            f"workers of {address} cannot run bluelight ({type(error).__name__}: {error})",
            field=FIELD,
            fix=fix,
        ) from error
    ours = fingerprint()
    for worker, said in theirs.items():
        for key in ours:
            if said.get(key) != ours[key]:
                raise InputError(
                    f"worker {worker} has {key} {said.get(key)}, this process {ours[key]}",
                    field=FIELD,
                    fix=fix,
                )


_LOCAL: Final = threading.local()
"""The state of each thread of a worker: policies in Python need not bear two at a time."""


def _work(
    token: str,
    given: tuple[Callable[..., Any], tuple[Any, ...]],
    work: Callable[[Any, Any], Any],
    task: Any,
) -> Any:
    if getattr(_LOCAL, "token", None) != token:
        make_state, arguments = given
        _LOCAL.state = make_state(*arguments)
        _LOCAL.token = token  # the state of an earlier run is let go
    return work(_LOCAL.state, task)
