"""The balance equations of the hypercube, swept in place over the bits of the state.

State s is an integer; bit i is set where server i is busy. Taking a bit away makes the
integer smaller: ascending order is a sweep from idle to busy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray


@njit(cache=True, nogil=True)
def upward_rates(rates: NDArray[np.float64], preferences: NDArray[np.int64]) -> NDArray[np.float64]:
    """Compute the rate at which each state sends out each server.

    Parameters
    ----------
    rates : ndarray of float64, (atoms,)
        Incidents in a unit of time.
    preferences : ndarray of int64, (atoms, servers)
        Servers in the order in which they are sent.

    Returns
    -------
    ndarray of float64, (2**servers, servers)
        Rates; 0 for a server that is busy.
    """
    atoms, servers = preferences.shape
    upward = np.zeros((1 << servers, servers))
    for state in range((1 << servers) - 1):
        for atom in range(atoms):
            for k in range(servers):
                server = preferences[atom, k]
                if not (state >> server) & 1:
                    upward[state, server] += rates[atom]
                    break
    return upward


@njit(cache=True, nogil=True)
def _imbalance(
    state: int,
    states: NDArray[np.float64],
    upward: NDArray[np.float64],
    arrivals: float,
    service: NDArray[np.float64],
) -> tuple[float, float]:
    """Flow into a state and the rate of leaving it."""
    servers = service.size
    inflow, leaving = 0.0, 0.0
    for i in range(servers):
        other = state ^ (1 << i)
        if (state >> i) & 1:
            inflow += states[other] * upward[other, i]
            leaving += service[i]
        else:
            inflow += states[other] * service[i]
    if state != states.size - 1:
        leaving += arrivals
    return inflow, leaving


@njit(cache=True, nogil=True)
def _balance_levels(
    states: NDArray[np.float64],
    busy: NDArray[np.int64],
    rate_of: NDArray[np.float64],
    arrivals: float,
) -> None:
    """Scale each number of busy servers so that flow up equals flow down, and all to one."""
    levels = int(busy[-1]) + 1
    mass, down = np.zeros(levels), np.zeros(levels)
    for s in range(states.size):
        mass[busy[s]] += states[s]
        down[busy[s]] += states[s] * rate_of[s]
    # of probabilities relative to the level below, in logarithms: none over- or underflows
    logs = np.zeros(levels)
    for k in range(1, levels):
        logs[k] = logs[k - 1] + np.log(arrivals * mass[k] / down[k])
    share = np.exp(logs - logs.max())
    share /= share.sum()
    for s in range(states.size):
        states[s] *= share[busy[s]] / mass[busy[s]]


@njit(cache=True, nogil=True)
def balance(
    upward: NDArray[np.float64],
    arrivals: float,
    service: NDArray[np.float64],
    tolerance: float,
    most: int,
) -> tuple[NDArray[np.float64], int, float]:
    """Solve the balance equations of a loss system.

    Parameters
    ----------
    upward : ndarray of float64, (2**servers, servers)
        Rates by `upward_rates`.
    arrivals : float
        Incidents of all atoms in a unit of time.
    service : ndarray of float64, (servers,)
        Service rates.
    tolerance : float
        Residual that ends the sweeps.
    most : int
        Sweeps after which to give up.

    Returns
    -------
    tuple of ndarray of float64, int and float
        Probabilities of the states, sweeps, and residual: unbalanced flow over all flow.
    """
    count = upward.shape[0]
    busy = np.zeros(count, np.int64)
    rate_of = np.zeros(count)
    for s in range(1, count):
        low = s & -s
        i = 0
        while (low >> i) != 1:
            i += 1
        busy[s] = busy[s ^ low] + 1
        rate_of[s] = rate_of[s ^ low] + service[i]
    states = np.ones(count)
    residual = np.inf
    sweeps = 0
    _balance_levels(states, busy, rate_of, arrivals)
    while sweeps < most and residual > tolerance:
        sweeps += 1
        for s in range(count):
            inflow, leaving = _imbalance(s, states, upward, arrivals, service)
            states[s] = inflow / leaving
        for s in range(count - 1, -1, -1):
            inflow, leaving = _imbalance(s, states, upward, arrivals, service)
            states[s] = inflow / leaving
        _balance_levels(states, busy, rate_of, arrivals)
        wrong, flow = 0.0, 0.0
        for s in range(count):
            inflow, leaving = _imbalance(s, states, upward, arrivals, service)
            wrong += abs(inflow - states[s] * leaving)
            flow += states[s] * leaving
        residual = wrong / flow
    return states, sweeps, residual


@njit(cache=True, nogil=True)
def first_free(states: NDArray[np.float64], preferences: NDArray[np.int64]) -> NDArray[np.float64]:
    """Compute the probability that a server is the first free one of an atom's list.

    Parameters
    ----------
    states : ndarray of float64, (2**servers,)
        Probabilities of the states.
    preferences : ndarray of int64, (atoms, servers)
        Servers in the order in which they are sent.

    Returns
    -------
    ndarray of float64, (servers, atoms)
        Probabilities.
    """
    atoms, servers = preferences.shape
    shares = np.zeros((servers, atoms))
    for state in range(states.size - 1):
        for atom in range(atoms):
            for k in range(servers):
                server = preferences[atom, k]
                if not (state >> server) & 1:
                    shares[server, atom] += states[state]
                    break
    return shares


@njit(cache=True, nogil=True)
def sampled(
    rates: NDArray[np.float64],
    preferences: NDArray[np.int64],
    steps: NDArray[np.float64],
    busy: NDArray[np.float64],
    served: float,
    shares: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Compute Larson's V: the rate of incidents that reach a server given that it is free.

    Parameters
    ----------
    rates : ndarray of float64, (atoms,)
        Incidents in a unit of time.
    preferences : ndarray of int64, (atoms, servers)
        Servers in the order in which they are sent.
    steps : ndarray of float64, (servers,)
        Factor Q at a place of the list over that at the place before.
    busy : ndarray of float64, (servers,)
        Utilisations.
    served : float
        Share of each atom's incidents that finds a free server.
    shares : ndarray of float64, (servers, atoms) or empty
        Takes the share of an atom's incidents that a server takes at once.

    Returns
    -------
    ndarray of float64, (servers,)
        Rates.
    """
    atoms, servers = preferences.shape
    reaching = np.zeros(servers)
    weights = np.zeros(servers)
    for atom in range(atoms):
        weight, total, depth = 1.0, 0.0, 0
        while depth < servers and weight > 0:
            weight *= steps[depth]
            server = preferences[atom, depth]
            weights[depth] = weight
            total += weight * (1 - busy[server])
            weight *= busy[server]
            depth += 1
        for k in range(depth):
            server = preferences[atom, k]
            weight = weights[k] * served / total
            reaching[server] += rates[atom] * weight
            if shares.size:
                shares[server, atom] = weight * (1 - busy[server])
    return reaching
