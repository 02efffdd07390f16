"""Erlang's formulas: the share of arrivals that find every server busy, and how long they wait."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from routing.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

_LARGEST_LOAD: Final = 1e6
_MOST_SERVERS: Final = 1_000_000


def erlang_b(load: ArrayLike, servers: ArrayLike) -> NDArray[np.float64]:
    """Share of arrivals that find every server busy and go elsewhere (M/G/n/n).

    By the usual recursion on the number of servers. Erlang 1917; for any distribution
    of the service time Sevastyanov 1957, doi:10.1137/1102005.

    Parameters
    ----------
    load : array_like of float
        Arrivals times mean service time.
    servers : array_like of int
        Servers, 0 or more; broadcast with `load`.

    Returns
    -------
    ndarray of float64
        Shares.

    Raises
    ------
    InputError
        A load is out of range, or a number of servers is negative.
    """
    loads, count = np.broadcast_arrays(checked_load(load), checked_servers(servers))
    loss = np.ones(loads.shape)
    for n in range(1, int(count.max(initial=0)) + 1):
        loss = np.where(n <= count, loads * loss / (n + loads * loss), loss)
    return loss


def erlang_c(load: ArrayLike, servers: ArrayLike) -> NDArray[np.float64]:
    """Share of arrivals that find every server busy and wait (M/M/n); 1 where none would end.

    Parameters
    ----------
    load : array_like of float
        Arrivals times mean service time.
    servers : array_like of int
        Servers, 0 or more; broadcast with `load`.

    Returns
    -------
    ndarray of float64
        Shares.

    Raises
    ------
    InputError
        A load is out of range, or a number of servers is negative.
    """
    loads, count = np.broadcast_arrays(checked_load(load), checked_servers(servers))
    return delayed(loads, erlang_b(loads, count), count)


def wait_longer(
    load: ArrayLike, servers: ArrayLike, wait: ArrayLike, mean_service: float = 1.0
) -> NDArray[np.float64]:
    r"""Share of arrivals that wait longer than a time (M/M/n, first come first served).

    :math:`P(W > t) = C e^{-(n - a) t / s}` with load a and mean service time s; Erlang
    1917, in Gross, Shortle, Thompson, Harris 2008, *Fundamentals of Queueing Theory*,
    doi:10.1002/9781118625651. Its integral over t is the mean wait, C s / (n - a).

    Parameters
    ----------
    load : array_like of float
        Arrivals times mean service time.
    servers : array_like of int
        Servers, 0 or more.
    wait : array_like of float
        Times, 0 or more; all three broadcast.
    mean_service : float, default 1
        Mean service time, in the unit of `wait`.

    Returns
    -------
    ndarray of float64
        Shares; 1 where the queue grows without end.

    Raises
    ------
    InputError
        A load, a number of servers, a time or the service time is out of range.
    """
    loads, count, times = np.broadcast_arrays(
        checked_load(load), checked_servers(servers), np.asarray(wait, dtype=np.float64)
    )
    if not (times >= 0).all():
        raise InputError("a wait is negative or no number", field="wait", fix="give 0 or more")
    if not (np.isfinite(mean_service) and mean_service > 0):
        raise InputError(
            f"{mean_service:g} is no service time", field="mean_service", fix="give more than 0"
        )
    spare = np.maximum(count - loads, 0)
    stable = spare > 0
    decay = np.exp(-spare * np.where(stable, times, 0) / mean_service)
    return np.where(stable, erlang_c(loads, count) * decay, 1.0)


def delayed(
    load: NDArray[np.float64], loss: NDArray[np.float64], servers: NDArray[np.int64] | int
) -> NDArray[np.float64]:
    """Turn Erlang's B into his C; an overloaded queue has everyone wait.

    Parameters
    ----------
    load : ndarray of float64
        Arrivals times mean service time.
    loss : ndarray of float64
        Erlang's B at that load and number of servers.
    servers : ndarray of int64 or int
        Servers.

    Returns
    -------
    ndarray of float64
        Shares that wait.
    """
    stable = load < servers
    left = np.where(stable, servers - load * (1 - loss), 1.0)
    return np.where(stable, servers * loss / left, 1.0)


def checked_load(load: ArrayLike) -> NDArray[np.float64]:
    """Return loads as an array.

    Parameters
    ----------
    load : array_like of float
        Arrivals times mean service time.

    Returns
    -------
    ndarray of float64
        The same.

    Raises
    ------
    InputError
        A load is negative, not a number or more than a million.
    """
    loads = np.asarray(load, dtype=np.float64)
    wrong = ~((loads >= 0) & (loads <= _LARGEST_LOAD))
    if wrong.any():
        raise InputError(
            f"{loads[wrong].flat[0]:g} is no load",
            field="load",
            fix=f"a mean number of vehicles at work is 0 to {_LARGEST_LOAD:,.0f}",
        )
    return loads


def checked_servers(servers: ArrayLike) -> NDArray[np.int64]:
    """Return numbers of servers as an array.

    Parameters
    ----------
    servers : array_like of int
        Servers.

    Returns
    -------
    ndarray of int64
        The same.

    Raises
    ------
    InputError
        A number is negative, or above a million.
    """
    count = np.asarray(servers, dtype=np.int64)
    if (count < 0).any():
        raise InputError(f"{count.min()} is no number of vehicles", field="vehicles")
    if (count > _MOST_SERVERS).any():
        raise InputError(
            f"{count.max()} are too many", field="vehicles", fix=f"give at most {_MOST_SERVERS:,}"
        )
    return count
