"""A queue with many servers and no roads, as a user would write it elsewhere.

Ciw knows customers, servers and queues. It has no place that a server is at, so neither
drives that depend on who is sent nor a unit that is turned round on its way home: of the
fleets in `benchmarks.fleet_cases` it can express none. This queue it can.
"""

from __future__ import annotations

import heapq
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from benchmarks.fleet_cases import Fleet
from scenarios.demand import IncidentTable
from scenarios.simulation.arrays import (
    CREW,
    DRIVE,
    HOSPITAL,
    PRIORITY,
    SLOT,
    TRACK,
    Rules,
    Travel,
    no_timeline,
)

if TYPE_CHECKING:
    from collections.abc import Generator

    from numpy.typing import NDArray

SERVERS: Final = 12
_LOAD: Final = 10.0
_SERVICE_MS: Final = 600_000.0


def queue(count: int, *, seed: int = 1) -> Fleet:
    """Draw customers of the queue M/M/12 under load 10, as a fleet that drives nowhere.

    Parameters
    ----------
    count : int
        Customers.
    seed : int
        Seed of the draws.

    Returns
    -------
    Fleet
        Twelve units in the only zone.
    """
    travel = Travel(
        drive=np.zeros((1, 3, 1), dtype=DRIVE),
        turn=np.zeros((1, 1, 0), dtype=DRIVE),
        hospital=np.array([[[(1, 0.0, 0)]]], dtype=HOSPITAL),
        home=np.array([[[(0, 0, -1)]] * 3], dtype=DRIVE),
        rest=np.zeros((1, 1, 0), dtype=DRIVE),
        track_ptr=np.zeros(1, dtype=np.int64),
        track=np.zeros(0, dtype=TRACK),
    )
    rules = Rules(
        suitable=np.ones((1, SERVERS), dtype=np.bool_),
        priority=np.zeros(1, dtype=PRIORITY),
        divert=np.zeros((1, 1), dtype=np.bool_),
        crew=np.zeros(SERVERS, dtype=CREW),
        type_ptr=np.array([0, 1]),
        alternative_ptr=np.array([0, 1]),
        slots=np.zeros(1, dtype=SLOT),
    )
    rng = np.random.default_rng(seed)
    none, zeros = np.zeros(count, dtype=np.int32), np.zeros(count)
    incidents = IncidentTable(
        call_ms=np.cumsum(rng.exponential(_SERVICE_MS / _LOAD, count)),
        zone=none,
        priority=none,
        type=none,
        transported=np.zeros(count, dtype=np.bool_),
        processing_ms=zeros,
        on_scene_ms=rng.exponential(_SERVICE_MS, count),
        handover_ms=zeros,
    )
    always = np.zeros(SERVERS, dtype=np.bool_)
    return Fleet("queue", travel, rules, no_timeline(), np.zeros((1, 2)), always, incidents)


class _Queue:
    """What all of them are given: when customers come, and how long each is served."""

    def __init__(self, fleet: Fleet, count: int) -> None:
        calls = fleet.first(count)
        self.arrivals: list[float] = calls.call_ms.tolist()
        self.services: list[float] = calls.on_scene_ms.tolist()


class PlainQueue(_Queue):
    """A heap of events and a list of who waits."""

    def run(self) -> NDArray[np.float64]:
        """Play all customers.

        Returns
        -------
        ndarray of float64, shape (count,)
            How long each waits.
        """
        heap = [(at, 0, customer) for customer, at in enumerate(self.arrivals)]
        heapq.heapify(heap)
        free = SERVERS
        waiting: list[int] = []
        waits = np.full(len(self.arrivals), np.inf)
        while heap:
            now, kind, customer = heapq.heappop(heap)
            if kind == 0:
                heapq.heappush(waiting, customer)
            else:
                free += 1
            while free and waiting:
                free -= 1
                following = heapq.heappop(waiting)
                waits[following] = now - self.arrivals[following]
                heapq.heappush(heap, (now + self.services[following], 1, following))
        return waits


class SimPyQueue(_Queue):
    """A resource of that capacity."""

    def run(self) -> NDArray[np.float64]:
        """Play all customers.

        Returns
        -------
        ndarray of float64, shape (count,)
            How long each waits.
        """
        import simpy  # noqa: PLC0415

        self.env = simpy.Environment()
        self.servers = simpy.Resource(self.env, SERVERS)
        self.waits = np.full(len(self.arrivals), np.inf)
        self.env.process(self.source())
        self.env.run()
        return self.waits

    def source(self) -> Generator[Any, Any, None]:
        """Let one customer after the other come.

        Yields
        ------
        Event
            Of SimPy.
        """
        for customer, at in enumerate(self.arrivals):
            yield self.env.timeout(at - self.env.now)
            self.env.process(self.customer(customer))

    def customer(self, number: int) -> Generator[Any, Any, None]:
        """Wait, be served, leave.

        Parameters
        ----------
        number : int
            Which.

        Yields
        ------
        Event
            Of SimPy.
        """
        with self.servers.request() as request:
            yield request
            self.waits[number] = self.env.now - self.arrivals[number]
            yield self.env.timeout(self.services[number])


class CiwQueue(_Queue):
    """A network of one node, given the same draws one by one."""

    def run(self) -> NDArray[np.float64]:
        """Play all customers.

        Returns
        -------
        ndarray of float64, shape (count,)
            How long each waits.
        """
        ciw: Any = import_module("ciw")

        gaps = [*np.diff(self.arrivals, prepend=0.0).tolist(), float("inf")]
        network = ciw.create_network(
            arrival_distributions=[ciw.dists.Sequential(gaps)],
            service_distributions=[ciw.dists.Sequential(self.services)],
            number_of_servers=[SERVERS],
        )
        simulation = ciw.Simulation(network)
        simulation.simulate_until_max_customers(len(self.arrivals), method="Finish")
        records = sorted(simulation.get_all_records(), key=lambda record: record.id_number)
        return np.array([record.waiting_time for record in records])
