"""The hypercube queueing model: which server is busy when, with fixed preference lists.

Incidents come from atoms (zones) as independent Poisson streams. The first free server
of the atom's list goes; service times are exponential. With every server busy an
incident is lost (served from elsewhere) or waits in one queue, first come first served.

Larson 1974, *A hypercube queuing model for facility location and redistricting in urban
emergency services*, Computers & Operations Research 1(1), 67-95,
doi:10.1016/0305-0548(74)90076-8. `engine.hypercube_approximation` is for larger fleets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from engine.hypercube_kernels import balance, first_free, upward_rates
from routing.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

MOST_SERVERS: Final = 20
"""Servers that the exact model takes: its states double with each."""

_SMALLEST: Final = 1e-6
_LARGEST: Final = 1e6
_TOLERANCE: Final = 1e-12
_MOST_SWEEPS: Final = 100_000


@dataclass(frozen=True)
class Dispatching:
    """The steady state of a fleet, as seen by its servers and its atoms.

    Attributes
    ----------
    utilisation : ndarray of float64, (servers,)
        Share of time that each server is busy.
    fractions : ndarray of float64, (servers, atoms)
        Share of all dispatches that send the server to the atom; their sum is 1. Those
        out of the queue are in it.
    all_busy : float
        Share of incidents that find every server busy: lost, or made to wait.
    mean_wait : float
        Mean time in the queue over all incidents, in the unit of time of the rates; 0
        for a loss system.
    rounds : int
        Sweeps or iterations that it took.
    residual : float
        What is left unbalanced: of the exact model the sum over the states of
        ``|flow in - flow out|`` over the sum of the flows, of the approximation the
        largest change of a utilisation in the last iteration.
    """

    utilisation: NDArray[np.float64]
    fractions: NDArray[np.float64]
    all_busy: float
    mean_wait: float
    rounds: int
    residual: float

    def mean_travel(self, travel: ArrayLike) -> NDArray[np.float64]:
        """Mean travel time to each atom, of the incidents there that are served.

        Servers start from where `travel` says that they are, out of the queue as well.

        Parameters
        ----------
        travel : array_like of float, (servers, atoms)
            Travel times.

        Returns
        -------
        ndarray of float64, (atoms,)
            Means in the unit of `travel`; nan for an atom without incidents.

        Raises
        ------
        InputError
            The shape is not that of `fractions`, or a time is negative or not finite.
        """
        times = np.asarray(travel, dtype=np.float64)
        if times.shape != self.fractions.shape:
            raise InputError(
                f"shape {times.shape}", field="travel", fix=f"give {self.fractions.shape}"
            )
        if not (np.isfinite(times) & (times >= 0)).all():
            raise InputError(
                "a time is negative or not finite", field="travel", fix="give 0 or more"
            )
        sent = self.fractions.sum(axis=0)
        spent = (self.fractions * times).sum(axis=0)
        mean = np.full(sent.shape, np.nan)
        np.divide(spent, sent, out=mean, where=sent > 0)
        return mean

    def mean_response(self, travel: ArrayLike) -> NDArray[np.float64]:
        """Mean wait in the queue plus mean travel time to each atom.

        The queue is first come first served, so that every atom waits alike.

        Parameters
        ----------
        travel : array_like of float, (servers, atoms)
            Travel times in the unit of time of the rates.

        Returns
        -------
        ndarray of float64, (atoms,)
            Means; nan for an atom without incidents.

        Raises
        ------
        InputError
            As `mean_travel`.
        """
        return self.mean_wait + self.mean_travel(travel)


@dataclass(frozen=True)
class Hypercube(Dispatching):
    """The exact steady state.

    Attributes
    ----------
    states : ndarray of float64, (2**servers,)
        Probability of each set of busy servers: bit i of the index is server i. With a
        queue the last one counts every length of it.
    """

    states: NDArray[np.float64]


@dataclass(frozen=True)
class Fleet:
    """Checked input of the exact model and of its approximation."""

    rates: NDArray[np.float64]
    preferences: NDArray[np.int64]
    service: NDArray[np.float64]

    @property
    def arrivals(self) -> float:
        """Return the incidents of all atoms in a unit of time."""
        return float(self.rates.sum())


def hypercube(
    rates: ArrayLike, preferences: ArrayLike, service_rate: ArrayLike = 1.0, *, queue: bool = False
) -> Hypercube:
    r"""Solve the hypercube model exactly.

    Of each state :math:`p_S (\lambda [S \ne N] + \sum_{i \in S} \mu_i) = \sum_{i \in S}
    p_{S - i} \lambda_i(S - i) + \sum_{i \notin S} p_{S + i} \mu_i`, by symmetric
    Gauss-Seidel sweeps; after each, the levels (numbers of busy servers) are scaled to
    equal flow up and down. Such aggregation is exact for the levels and speeds up the
    sweeps: Takahashi 1975; Koury, McAllister, Stewart 1984, doi:10.1137/0605019. The
    queue behind a full fleet is geometric with ratio :math:`\lambda / \sum \mu_i` for
    any service rates, so that it changes only the weight of the last state. A server
    that ends its work takes the queue's head: server i with :math:`\mu_i / \sum \mu_i`.

    Parameters
    ----------
    rates : array_like of float, (atoms,)
        Incidents in a unit of time.
    preferences : array_like of int, (atoms, servers)
        Servers from 0 in the order in which they are sent, each once in a row.
    service_rate : array_like of float, default 1
        Incidents that a busy server ends in a unit of time: one number, or one for each.
    queue : bool, default False
        Whether incidents that find every server busy wait; else they are lost.

    Returns
    -------
    Hypercube
        State probabilities to a residual of 1e-12, and what follows from them.

    Raises
    ------
    InputError
        Shapes or values are out of range, there are more than `MOST_SERVERS` servers,
        or the queue would grow without end.
    ArithmeticError
        The sweeps did not reach the residual.
    """
    fleet = checked_fleet(rates, preferences, service_rate, queue=queue)
    servers = fleet.service.size
    if servers > MOST_SERVERS:
        raise InputError(
            f"{servers} servers are too many for the exact model",
            field="preferences",
            fix=f"give {MOST_SERVERS} at most, or ask for the approximation",
        )
    upward = upward_rates(fleet.rates, fleet.preferences)
    states, sweeps, residual = balance(
        upward, fleet.arrivals, fleet.service, _TOLERANCE, _MOST_SWEEPS
    )
    if not residual <= _TOLERANCE:
        raise ArithmeticError(f"the hypercube is off balance by {residual:g}")
    ending = float(fleet.service.sum())
    wait = 0.0
    if queue:
        used = fleet.arrivals / ending
        states[-1] /= 1 - used
        states /= states.sum()
        wait = float(states[-1]) / (ending - fleet.arrivals)
    full = float(states[-1])
    taken = first_free(states, fleet.preferences)
    if queue:
        taken += (full * fleet.service / ending)[:, np.newaxis]
    fractions = taken * (fleet.rates / fleet.arrivals)
    index = np.arange(states.size)
    busy = np.array([states[(index >> i) & 1 == 1].sum() for i in range(servers)])
    return Hypercube(
        utilisation=busy,
        fractions=fractions / fractions.sum(),
        all_busy=full,
        mean_wait=wait,
        rounds=int(sweeps),
        residual=float(residual),
        states=states,
    )


def checked_fleet(
    rates: ArrayLike, preferences: ArrayLike, service_rate: ArrayLike, *, queue: bool
) -> Fleet:
    """Check the input that the exact model and its approximation share.

    Parameters
    ----------
    rates : array_like of float, (atoms,)
        Incidents in a unit of time.
    preferences : array_like of int, (atoms, servers)
        Servers from 0 in the order in which they are sent.
    service_rate : array_like of float
        One number, or one for each server.
    queue : bool
        Whether the load must be one that the servers can bear.

    Returns
    -------
    Fleet
        The same as arrays.

    Raises
    ------
    InputError
        Shapes or values are out of range, or the queue would grow without end.
    """
    demand = np.asarray(rates, dtype=np.float64)
    lists = np.asarray(preferences)
    if demand.ndim != 1 or not demand.size:
        raise InputError(f"shape {demand.shape}", field="rates", fix="give one rate for each atom")
    if not (np.isfinite(demand) & (demand >= 0)).all() or not demand.any():
        raise InputError(
            "rates are negative, not finite or all zero", field="rates", fix="give 0 or more"
        )
    if lists.ndim != 2 or lists.shape[0] != demand.size or not lists.shape[1]:
        raise InputError(
            f"shape {lists.shape}",
            field="preferences",
            fix=f"give a list for each of {demand.size}",
        )
    servers = lists.shape[1]
    wrong = (np.sort(lists, axis=1) != np.arange(servers)).any(axis=1)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise InputError(
            f"the list of atom {row} does not name each server once",
            field="preferences",
            fix=f"order 0 to {servers - 1}",
        )
    given = np.asarray(service_rate, dtype=np.float64)
    if given.shape not in {(), (servers,)} or not (np.isfinite(given) & (given > 0)).all():
        raise InputError(
            "service rates are not positive numbers, one or one for each server",
            field="service_rate",
            fix=f"give 1 or {servers}",
        )
    service = np.ascontiguousarray(np.broadcast_to(given, servers))
    used = float(demand.sum() / service.sum())
    if not _SMALLEST <= used <= _LARGEST or service.max() > service.min() * _LARGEST:
        raise InputError(
            f"a load of {used:g} a server, or service rates too far apart, cannot be computed",
            field="rates",
            fix=f"stay within {_SMALLEST:g} to {_LARGEST:g}, and service rates within as much",
        )
    if queue and used >= 1:
        raise InputError(
            f"a load of {used:g} a server lets the queue grow without end",
            field="rates",
            fix="add servers, or ask for a loss system",
        )
    return Fleet(demand, np.ascontiguousarray(lists, dtype=np.int64), service)
