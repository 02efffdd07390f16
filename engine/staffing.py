"""How many vehicles a load asks for: the sizing of German requirement plans, and Erlang's.

A load is a rate of incidents times the mean time that one keeps a vehicle busy: the
mean number of vehicles at work (Little's law) if there were always a free one.

German requirement plans (Rettungsdienstbedarfsplan) size in two ways:

- *risk-based* (risikoabhängige Fahrzeugbemessung), for emergencies: by kind of day and
  hour, from the number of incidents and their mean duration, the Poisson probability
  that more incidents run at once than there are vehicles (Überschreitungsfall,
  Risikofall) must not pass 1 - safety level. Plans often tell it as a return period: a
  shortfall every so many shifts;
- *frequency-based* (frequenzabhängige Bemessung), for transports that can wait: so many
  vehicles that the summed duration fits into the share of the hour that a vehicle may
  be at work.

Described by FORPLAN, https://www.forplan.com/rettungswesen/standort-und-bedarfsplanung/,
and with its weaknesses by antwortING,
https://antworting.de/methoden-der-rettungsdienstbedarfsplanung-risiko-und-frequenzabhaengige-bemessung;
the textbook is Schmiedel, Behrendt, Betzler 2004, *Bedarfsplanung im Rettungsdienst*,
Springer. The Poisson law of incidents at once is that of infinitely many servers
(M/G/infinity): it holds for any distribution of the duration, at a constant rate.

What the practice does not say: an incident is one of those that run, so that it finds
no free vehicle where n *others* run already. That happens to P(N >= n) of the
incidents, which is more than the P(N > n) that is sized for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.special import gammaln, pdtrc, pdtrik, xlogy

from engine.queueing import checked_load, checked_servers, delayed
from routing.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

METHODS: Final = ("risk", "frequency", "erlang-b", "erlang-c")
"""Ways to size a fleet; see `vehicles_needed`."""

_ROUNDING: Final = 1e-9


@dataclass(frozen=True)
class Levels:
    """What a sized fleet must keep to.

    Parameters
    ----------
    safety : float
        Above 0 and below 1: 1 minus the probability of a shortfall that is allowed.
    utilisation : float
        Above 0 and at most 1: share of its time that a vehicle may be at work.
    least : int
        Vehicles that any load above 0 is given; 0 or more. Practice gives each station
        one, since nobody else would reach its ground in time.
    """

    safety: float = 0.95
    utilisation: float = 0.4
    least: int = 0

    def __post_init__(self) -> None:
        """Refuse levels out of range."""
        if not 0 < self.safety < 1:
            raise InputError(
                f"{self.safety:g} is no safety level",
                field="safety",
                fix="give a number above 0 and below 1, such as 0.95",
            )
        if not 0 < self.utilisation <= 1:
            raise InputError(
                f"{self.utilisation:g} is no utilisation",
                field="utilisation",
                fix="give a number above 0 and at most 1, such as 0.4",
            )
        if self.least < 0:
            raise InputError(f"{self.least} is too few", field="least", fix="give 0 or more")


def vehicles_needed(method: str, load: ArrayLike, levels: Levels) -> NDArray[np.int64]:
    """Size a fleet by one of the methods.

    Parameters
    ----------
    method : str
        One of `METHODS`: ``risk`` (`risk_based`), ``frequency`` (`frequency_based`),
        ``erlang-b`` and ``erlang-c`` (`erlang_based`).
    load : array_like of float
        Mean number of vehicles at work, of any shape, such as (grounds, 168).
    levels : Levels
        What to keep to.

    Returns
    -------
    ndarray of int64
        Vehicles, shaped like `load`; 0 where the load is 0.

    Raises
    ------
    InputError
        There is no such method, or a load is negative, not finite or above a million.
    """
    loads = checked_load(load)
    match method:
        case "risk":
            need = risk_based(loads, levels.safety)
        case "frequency":
            need = frequency_based(loads, levels.utilisation)
        case "erlang-b" | "erlang-c":
            need = erlang_based(loads, levels.safety, waiting=method == "erlang-c")
        case _:
            raise InputError(
                f"unknown method {method!r}", field="method", fix=did_you_mean(method, METHODS)
            )
    return np.where(loads > 0, np.maximum(need, levels.least), 0)


def risk_based(load: ArrayLike, safety: float) -> NDArray[np.int64]:
    """Size by risk: the smallest n with P(N > n) <= 1 - safety, N Poisson of mean load.

    Parameters
    ----------
    load : array_like of float
        Mean number of vehicles at work.
    safety : float
        The safety level, above 0 and below 1.

    Returns
    -------
    ndarray of int64
        Vehicles, shaped like `load`.

    Raises
    ------
    InputError
        A load or the level is out of range.
    """
    loads, risk = checked_load(load), _risk(safety)
    # The inverse is of floats: one step beside the whole number that the law itself gives.
    start = pdtrik(safety, np.where(loads > 0, loads, 1.0))
    need = np.where(loads > 0, np.ceil(np.nan_to_num(start)), 0.0)
    while (short := pdtrc(need, loads) > risk).any():
        need += short
    while (spare := (need > 0) & (pdtrc(np.maximum(need - 1, 0), loads) <= risk)).any():
        need -= spare
    return need.astype(np.int64)


def frequency_based(load: ArrayLike, utilisation: float) -> NDArray[np.int64]:
    """Size by frequency: the smallest n with load / n <= utilisation.

    Parameters
    ----------
    load : array_like of float
        Mean number of vehicles at work.
    utilisation : float
        Share of its time that a vehicle may be at work, above 0 and at most 1.

    Returns
    -------
    ndarray of int64
        Vehicles, shaped like `load`.

    Raises
    ------
    InputError
        A load or the utilisation is out of range.
    """
    exact = checked_load(load) / Levels(utilisation=utilisation).utilisation
    # .3 / .1 is not 3 in floats, and nobody would buy a fourth vehicle for it
    return np.ceil(exact - _ROUNDING * np.maximum(exact, 1)).clip(min=0).astype(np.int64)


def erlang_based(load: ArrayLike, safety: float, *, waiting: bool = False) -> NDArray[np.int64]:
    """Size by Erlang: the smallest n that leaves at most 1 - safety of incidents without a vehicle.

    Parameters
    ----------
    load : array_like of float
        Mean number of vehicles at work.
    safety : float
        The safety level, above 0 and below 1.
    waiting : bool
        False: an incident that finds none is served from elsewhere (`erlang_b`);
        True: it waits for one (`erlang_c`).

    Returns
    -------
    ndarray of int64
        Vehicles, shaped like `load`.

    Raises
    ------
    InputError
        A load or the level is out of range.
    """
    loads, risk = checked_load(load), _risk(safety)
    need = np.zeros(loads.shape, dtype=np.int64)
    loss = np.ones(loads.shape)
    open_ = loads > 0
    servers = 0
    while open_.any():
        servers += 1
        loss = loads * loss / (servers + loads * loss)
        found = delayed(loads, loss, servers) if waiting else loss
        need[open_] = servers
        open_ &= found > risk
    return need


def more_than(load: ArrayLike, vehicles: ArrayLike) -> NDArray[np.float64]:
    """Share of time in which more incidents run than there are vehicles: P(N > n).

    Parameters
    ----------
    load : array_like of float
        Mean number of vehicles at work.
    vehicles : array_like of int
        Vehicles, 0 or more; broadcast with `load`.

    Returns
    -------
    ndarray of float64
        Probabilities of the Poisson law, which the risk-based sizing holds down.

    Raises
    ------
    InputError
        A load is out of range, or a number of vehicles is negative.
    """
    return np.asarray(pdtrc(checked_servers(vehicles), checked_load(load)), dtype=np.float64)


def none_free(load: ArrayLike, vehicles: ArrayLike) -> NDArray[np.float64]:
    """Share of incidents that find n others running: P(N >= n).

    By the Poisson law and PASTA (Wolff 1982, doi:10.1287/opre.30.2.223): what an
    arrival sees is the mean over time. It is an upper bound of `erlang_b`, in which
    the incidents beyond n have left.

    Parameters
    ----------
    load : array_like of float
        Mean number of vehicles at work.
    vehicles : array_like of int
        Vehicles, 0 or more; broadcast with `load`.

    Returns
    -------
    ndarray of float64
        Probabilities; 1 where there is no vehicle.

    Raises
    ------
    InputError
        A load is out of range, or a number of vehicles is negative.
    """
    loads, count = np.broadcast_arrays(checked_load(load), checked_servers(vehicles))
    return np.where(count > 0, pdtrc(np.maximum(count - 1, 0), loads), 1.0)


def shortfall_rate(load: ArrayLike, vehicles: ArrayLike, rate: ArrayLike) -> NDArray[np.float64]:
    """How often a shortfall begins: rate x P(N = n); its inverse is the return period.

    A shortfall begins where an incident finds exactly n others running. Exact for
    Poisson arrivals at a constant rate and any distribution of the duration.

    Parameters
    ----------
    load : array_like of float
        Mean number of vehicles at work.
    vehicles : array_like of int
        Vehicles, 0 or more.
    rate : array_like of float
        Incidents in a unit of time; all three broadcast.

    Returns
    -------
    ndarray of float64
        Shortfalls in the same unit of time.

    Raises
    ------
    InputError
        A load is out of range, or a number of vehicles is negative.
    """
    loads, count = checked_load(load), checked_servers(vehicles)
    exactly = np.exp(xlogy(count, loads) - loads - gammaln(count + 1))
    return np.asarray(np.asarray(rate, dtype=np.float64) * exactly, dtype=np.float64)


def _risk(safety: float) -> float:
    """Return the risk that is allowed, rounding included: 1 - .6 is less than .4 in floats."""
    return (1 - Levels(safety=safety).safety) * (1 + _ROUNDING)
