"""The least number of late arrivals of anyone, had they known all incidents beforehand."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from engine.clairvoyant.at_once import network_at_once
from engine.clairvoyant.flows import Flows
from engine.clairvoyant.hindsight import fleet_of, improve
from engine.clairvoyant.kernels import Crew, Jobs, arrivals
from engine.clairvoyant.network import dearest_chain, network
from engine.clairvoyant.waits import longest_waits
from engine.mip import minimise
from routing.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from engine.clairvoyant.network import Network

_SMALL: Final = 1e-6
_PROVEN: Final = 1 - 1e-3
"""A gap below this is none: late arrivals are whole."""
_ARCS: Final = 400_000
"""Of a linear program that takes a minute."""
_PLANNED: Final = 5_000
"""Arcs of an integer program that is solved for a sharper bound alone."""
_NODES: Final = 200
_FEW, _FINE, _COARSE = 100, 16, 4
_HANDFUL, _FINEST = 12, 64
_SPAN_MS, _FINE_SPAN_MS, _WIDEST_MS, _SPANS = 5_000.0, 500.0, 600_000.0, 1_000
_LEAST: Final = 60
_MARGIN_MS: Final = 7_200_000.0
"""What is longer ago, or further ahead, hardly matters to the worth of an incident."""
_MUST: Final = 20.0
"""More than serving one incident can cost others, so that none is left out that can be served."""
_SECONDS: Final = 3600.0
_CROWDED: Final = 1 / 3
"""Share of incidents that may wait, from which no bound of their own is sought."""
_UNKEPT: Final = 1e6
"""What makes a plan none."""
_STEPS: Final = 1_000
"""Of the search for a plan, for each incident."""
_SEED: Final = 1


class Chain(NamedTuple):
    """The incidents that a unit of a crew serves, in order."""

    crew: int
    jobs: tuple[int, ...]


_Plan = tuple[int, tuple[Chain, ...]]
_Build = Callable[[slice], list["Network"]]


@dataclass(frozen=True)
class Clairvoyant:
    """How few incidents could have been reached late.

    Parameters
    ----------
    incidents : int
        How many there were.
    bound : int
        Nobody could have been late less often.
    reached : int or None
        So often is late who sends units along `chains`, each as soon as it can go; equal
        to `bound` where it is proven. None where no plan was found.
    relaxed : float
        The linear bound that `bound` was rounded up from.
    chains : tuple of Chain
        Who serves what, in order.
    """

    incidents: int
    bound: int
    reached: int | None
    relaxed: float
    chains: tuple[Chain, ...]

    @property
    def proven(self) -> bool:
        """Whether nobody can do better than `chains`."""
        return self.bound == self.reached


def clairvoyant(jobs: Jobs, crews: Sequence[Crew], *, at_once: bool = False) -> Clairvoyant:
    """Find the least number of late arrivals of those who serve all by their last moments.

    Where nobody can do that, an incident may also be put off until after all others, and
    costs no more than being late does.

    Each crew's units flow through a network in time (`engine.clairvoyant.network`,
    `engine.clairvoyant.at_once`), coupled by each incident being served once. The linear
    program says what serving each incident is worth; under any such prices the dearest
    chain of each crew bounds the whole (Lagrange; Geoffrion 1974,
    doi:10.1007/BFb0120690). Prices of long lists come from parts that overlap, so that
    nothing is lost in the cuts but sharpness. Of short lists the integer program is
    solved, which sharpens the bound. A plan comes from a local search over who is sent
    (`engine.clairvoyant.hindsight`), of short lists also from the integer program.

    Parameters
    ----------
    jobs : Jobs
        The incidents.
    crews : sequence of Crew
        The units.
    at_once : bool
        Ask for those who let nobody wait while a unit is free, as most dispatchers do. Who
        knows the future gains by holding units, and incidents, back on purpose, which
        nobody can copy who does not. Of long lists of which a third may have to wait, no
        more is found than a plan.

    Returns
    -------
    Clairvoyant
        The bound, and a plan.

    Raises
    ------
    InputError
        Incidents are not in the order in which units may be sent.
    """
    if np.any(np.diff(jobs.ready_ms) < 0):
        raise InputError("incidents are out of order", field="ready_ms", fix="sort them")
    n = len(jobs.ready_ms)
    if n == 0:
        return Clairvoyant(0, 0, 0, 0.0, ())
    wait_ms = longest_waits(jobs, crews) if at_once else None
    if wait_ms is not None and n > _FEW and (wait_ms > 0.0).mean() > _CROWDED:
        # so many may wait that the program is as large as anyone's, and says no more
        return _best(n, 0, 0.0, _searched(jobs, crews, 0, waits=False))
    build, networks = _builder(jobs, crews, wait_ms)
    put_off = np.full(n, _MUST)
    prices, forced = _prices_of_all(jobs, crews, put_off, networks, build)
    if not forced:
        put_off = jobs.cost
        prices, _ = _prices_of_all(jobs, crews, put_off, networks, build)
    relaxed = max(0.0, _lagrange(prices, crews, networks))
    bound = math.ceil(relaxed - _SMALL)
    plans = _searched(jobs, crews, bound, waits=not at_once)
    small = n <= _FEW and (not at_once or sum(len(net.to) for net in networks) <= _PLANNED)
    if small and not any(late <= bound for late, _ in plans):
        least, chains = _planned(crews, networks, put_off)
        bound = max(bound, least)
        plans += [] if at_once else _followed(jobs, crews, chains)
    if n <= _HANDFUL and not at_once and not any(late <= bound for late, _ in plans):
        # arrivals of a span are taken together, which may have let through too much
        least, _ = _planned(crews, _builder(jobs, crews, None, _FINEST)[1], put_off)
        bound = max(bound, least)
    return _best(n, bound, relaxed, plans)


def _best(n: int, bound: int, relaxed: float, plans: Sequence[_Plan]) -> Clairvoyant:
    if not plans:
        return Clairvoyant(n, bound, None, relaxed, ())
    reached, chains = min(plans, key=lambda plan: plan[0])
    return Clairvoyant(n, bound, reached, relaxed, chains)


def _builder(
    jobs: Jobs,
    crews: Sequence[Crew],
    wait_ms: NDArray[np.float64] | None,
    spans: int | None = None,
) -> tuple[_Build, list[Network]]:
    """Return what makes the networks of some of the incidents, and those of all."""
    n = len(jobs.ready_ms)
    if wait_ms is None:
        parts = spans or (_FINE if n <= _FEW else _COARSE)
        build = _anyones(jobs, crews, parts)
        return build, build(slice(0, n))
    longest_ms = float((jobs.last_ms - jobs.ready_ms).max())
    span_ms = max(longest_ms / _SPANS, _FINE_SPAN_MS if n <= _FEW else _SPAN_MS)
    while True:
        build = _at_once(jobs, crews, wait_ms, span_ms)
        networks = build(slice(0, n))
        if sum(len(net.to) for net in networks) <= _ARCS or span_ms >= _WIDEST_MS:
            return build, networks
        span_ms *= 2.0


def _anyones(jobs: Jobs, crews: Sequence[Crew], spans: int) -> _Build:
    def build(rows: slice) -> list[Network]:
        some = _some(jobs, rows)
        return [
            network(some, c.roads, c.home, c.turnout_ms, c.able[rows], c.on_ms, spans)
            for c in crews
        ]

    return build


def _at_once(
    jobs: Jobs, crews: Sequence[Crew], wait_ms: NDArray[np.float64], span_ms: float
) -> _Build:
    def build(rows: slice) -> list[Network]:
        some, found = _some(jobs, rows), []
        for crew in crews:
            turnout_ms = (crew.turnout_ms, crew.slowest_ms)
            roads, home, able, on_ms = crew.roads, crew.home, crew.able[rows], crew.on_ms
            wait = wait_ms[rows]
            found.append(network_at_once(some, roads, home, turnout_ms, able, on_ms, wait, span_ms))
        return found

    return build


def _some(jobs: Jobs, rows: slice) -> Jobs:
    columns: list[Any] = [column[rows] for column in jobs]
    return Jobs(*columns)


def _prices_of_all(
    jobs: Jobs,
    crews: Sequence[Crew],
    put_off: NDArray[np.float64],
    networks: Sequence[Network],
    build: _Build,
) -> tuple[NDArray[np.float64], bool]:
    """Return what serving each incident is worth, and whether all can be served."""
    n = len(jobs.ready_ms)
    arcs = sum(len(net.to) for net in networks)
    prices, forced = np.zeros(n), True
    for core, around in _parts(jobs.ready_ms, max(_LEAST, int(_ARCS * n / max(1, arcs)))):
        some = networks if around == slice(0, n) else build(around)
        found, served = _prices(crews, some, put_off[around])
        forced &= served
        prices[core] = found[core.start - around.start :][: core.stop - core.start]
    return prices, forced


def _parts(ready_ms: NDArray[np.float64], size: int) -> Iterator[tuple[slice, slice]]:
    """Cut a list into parts, and give each with what is around it."""
    n = len(ready_ms)
    for begin in range(0, n, size):
        end = min(n, begin + size)
        first = int(np.searchsorted(ready_ms, ready_ms[begin] - _MARGIN_MS))
        last = int(np.searchsorted(ready_ms, ready_ms[end - 1] + _MARGIN_MS, side="right"))
        yield slice(begin, end), slice(first, last)


def _lagrange(
    prices: NDArray[np.float64], crews: Sequence[Crew], networks: Sequence[Network]
) -> float:
    """Return what all incidents cost at least, if serving each is worth so much."""
    total = float(prices.sum())
    for crew, net in zip(crews, networks, strict=True):
        total -= crew.units * dearest_chain(net, prices)
    return total


def _flows(
    crews: Sequence[Crew], networks: Sequence[Network], put_off: NDArray[np.float64]
) -> Flows:
    flows = Flows(put_off)
    for crew, net in zip(crews, networks, strict=True):
        flows.enter(crew.units, net)
    return flows


def _prices(
    crews: Sequence[Crew], networks: Sequence[Network], put_off: NDArray[np.float64]
) -> tuple[NDArray[np.float64], bool]:
    """Find the prices that bound best, by the linear program of flows."""
    program = _flows(crews, networks, put_off).program()
    answer = minimise(program, seconds=_SECONDS, tolerance=0.0, priced=True)
    n = len(put_off)
    if answer.prices is None or answer.values is None:
        return np.zeros(n), True
    return answer.prices[:n].round(9), bool(answer.values[:n].max() < _SMALL)


def _planned(
    crews: Sequence[Crew], networks: Sequence[Network], put_off: NDArray[np.float64]
) -> tuple[int, tuple[Chain, ...] | None]:
    """Solve the integer program; return its bound, and the chains of its solution."""
    flows = _flows(crews, networks, put_off)
    program = flows.program()
    whole = replace(program, integer=np.ones(len(program.objective), dtype=np.bool_))
    answer = minimise(whole, seconds=_SECONDS, tolerance=_PROVEN, nodes=_NODES)
    least = max(0, math.ceil(answer.bound - 1e-3)) if np.isfinite(answer.bound) else 0
    if answer.values is None:
        return least, None
    return least, tuple(Chain(crew, tuple(chain)) for crew, chain in flows.chains(answer.values))


def _searched(jobs: Jobs, crews: Sequence[Crew], bound: int, *, waits: bool) -> list[_Plan]:
    """Look for a plan that is late no more often than the bound says."""
    if any(crew.slowest_ms > crew.turnout_ms for crew in crews):
        return []  # when a unit leaves depends on the hour, which the search does not know
    fleet = fleet_of(crews)
    steps = _STEPS * len(jobs.ready_ms)
    cost, unit = improve(
        jobs, fleet, steps, np.random.default_rng(_SEED), waits, _UNKEPT, float(bound)
    )
    if cost >= _UNKEPT:
        return []
    served = ((int(crew), np.flatnonzero(unit == who)) for who, crew in enumerate(fleet.crew))
    chains = (Chain(crew, tuple(rows.tolist())) for crew, rows in served if len(rows))
    return [(round(cost), tuple(chains))]


def _followed(jobs: Jobs, crews: Sequence[Crew], chains: tuple[Chain, ...] | None) -> list[_Plan]:
    """Count the late arrivals of units that are sent along chains, if there are any."""
    if chains is None:
        return []
    late = np.ones(len(jobs.ready_ms), dtype=np.bool_)
    for number, served in chains:
        crew, chain = crews[number], np.array(served, dtype=np.int64)
        when = arrivals(jobs, crew.roads, crew.home, crew.turnout_ms, crew.on_ms, chain)
        late[chain] = when > jobs.due_ms[chain]
    return [(int(jobs.cost[late].sum()), chains)]
