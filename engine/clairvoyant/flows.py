"""Units as flows through networks in time, as a linear or integer program."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from engine.mip import Program

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from engine.clairvoyant.network import Network


class Flows:
    """The program of all crews: each incident is served once, and what comes leaves.

    Parameters
    ----------
    put_off : ndarray of float64, shape (n,)
        What it costs not to serve each incident.
    """

    def __init__(self, put_off: NDArray[np.float64]) -> None:
        n = len(put_off)
        self._n, self._rows, self._columns = n, n, 0
        self._crews: list[tuple[int, Network, int]] = []
        self._entries: list[tuple[NDArray[Any], NDArray[Any], float]] = []
        self._costs: list[NDArray[np.float64]] = []
        self._equals = [np.ones(n)]
        self._add(None, None, np.arange(n), put_off)

    def enter(self, units: int, net: Network) -> None:
        """Add a crew: rows for services, and for being home before each incident.

        Parameters
        ----------
        units : int
            How many.
        net : Network
            What each can do.
        """
        n, services = self._n, len(net.job)
        self._crews.append((units, net, self._columns))
        at = self._rows + np.arange(services)
        home = self._rows + services + np.arange(n + 1)
        self._rows += services + n + 1
        cost = net.cost
        before = np.repeat(at, np.diff(net.ptr))
        self._add(before, at[net.to], net.job[net.to], cost[net.to])
        self._add(at, home[net.home], None, np.zeros(services))
        self._add(home[:-1], home[1:], None, np.zeros(n))
        for late in range(2):
            jobs = np.flatnonzero(net.from_home[:, late] >= 0)
            there = net.from_home[jobs, late]
            self._add(home[jobs], at[there], jobs, cost[there])
        flow = np.zeros(services + n + 1)
        flow[services], flow[-1] = -units, units
        self._equals.append(flow)

    def _add(
        self,
        leaves: NDArray[np.int64] | None,
        comes: NDArray[np.int64] | None,
        serves: NDArray[np.int64] | None,
        cost: NDArray[np.float64],
    ) -> None:
        columns = self._columns + np.arange(len(cost))
        self._columns += len(cost)
        self._costs.append(cost)
        for rows, sign in ((leaves, -1.0), (comes, 1.0), (serves, 1.0)):
            if rows is not None:
                self._entries.append((rows, columns, sign))

    def program(self) -> Program:
        """Return the linear program.

        Returns
        -------
        Program
            Its first rows are the incidents.
        """
        rows = np.concatenate([row for row, _, _ in self._entries])
        columns = np.concatenate([column for _, column, _ in self._entries])
        values = np.concatenate([np.full(len(row), sign) for row, _, sign in self._entries])
        shape = (self._rows, self._columns)
        equals = np.concatenate(self._equals)
        return Program(
            matrix=sparse.csr_array((values, (rows, columns)), shape=shape),
            at_least=equals,
            at_most=equals,
            objective=np.concatenate(self._costs),
            lower=np.zeros(self._columns),
            upper=np.full(self._columns, np.inf),
            integer=np.zeros(self._columns, dtype=np.bool_),
        )

    def chains(self, values: NDArray[np.float64]) -> Iterator[tuple[int, list[int]]]:
        """Take whole flows apart.

        Parameters
        ----------
        values : ndarray of float64, shape (columns,)
            A solution in whole numbers.

        Yields
        ------
        crew : int
            In the order in which they were entered.
        chain : list of int
            The incidents of one unit, in order.
        """
        for number, (units, net, first) in enumerate(self._crews):
            arcs, services, n = len(net.to), len(net.job), self._n
            flow = np.rint(values[first:]).astype(np.int64)
            onward = flow[:arcs]
            column = arcs + services + n
            leaves: dict[int, list[int]] = {}
            for late in range(2):
                for job in np.flatnonzero(net.from_home[:, late] >= 0).tolist():
                    if flow[column]:
                        leaves.setdefault(job, []).append(int(net.from_home[job, late]))
                    column += 1
            for _ in range(units):
                chain: list[int] = []
                job = 0
                while job < n:
                    if not leaves.get(job):
                        job += 1
                        continue
                    here = leaves[job].pop()
                    while here >= 0:
                        chain.append(int(net.job[here]))
                        job = int(net.home[here])
                        rows = slice(*net.ptr[here : here + 2])
                        taken = np.flatnonzero(onward[rows])
                        here = int(net.to[rows][taken[0]]) if len(taken) else -1
                if chain:
                    yield number, chain
