"""Compliance tables: how many units shall stand where when so many are free."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from engine.assignment import assign
from engine.coverage_kernels import counts, expected_gain
from engine.dispatch.coverage import KnowsTerrain
from engine.relocation.base import RELOCATIONS, Limits
from engine.relocation.mecrp import compliance_table
from routing.network import UNREACHABLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from engine.relocation.base import Move, MoveState
    from engine.terrain import Terrain

_WORTH_MS: Final = 1e9
"""More than any drive: a place is filled whenever a unit can be there."""


def nested_order(
    near: NDArray[np.bool_], weight: NDArray[np.float64], units: int, busy: float
) -> NDArray[np.int64]:
    """Order stations so that each unit is put where it adds the most expected coverage.

    Parameters
    ----------
    near : ndarray of bool, shape (stations, zones)
        Whether a station is near a zone.
    weight : ndarray of float64, shape (zones,)
        Demand.
    units : int
        How many.
    busy : float
        Probability that a unit is busy.

    Returns
    -------
    ndarray of int64, shape (units,)
        Station of the first unit, of the second one, and so on; stations repeat.
    """
    order: list[int] = []
    for _ in range(units):
        count = counts(near, np.array(order, dtype=np.int64))
        order.append(int(np.argmax(expected_gain(near, weight, count, busy))))
    return np.array(order, dtype=np.int64)


def assigned(state: MoveState, units: NDArray[np.int64], stations: NDArray[np.int64]) -> list[Move]:
    """Send units to stations so that the sum of their times is least.

    Parameters
    ----------
    state : MoveState
        The units.
    units : ndarray of int64, shape (n,)
        Who may be moved.
    stations : ndarray of int64, shape (m,)
        Where units are wanted, each time one is.

    Returns
    -------
    list of (unit, station)
        Moves, those that change nothing left out.
    """
    return _assigned(state, units, stations, np.full(len(stations), _WORTH_MS))


def _assigned(
    state: MoveState,
    units: NDArray[np.int64],
    stations: NDArray[np.int64],
    worth_ms: NDArray[np.float64],
) -> list[Move]:
    """Fill places whose worth is told in time, so that worth less drives is most."""
    drive = state.arrival_ms[np.ix_(units, stations)].T
    stays = (stations[:, None] == state.base[units]) & ~state.returning[units]
    cost = np.where(stays, 0.0, drive) + worth_ms.max(initial=0.0) - worth_ms[:, None]
    empty = np.full(len(stations), worth_ms.max(initial=0.0))
    sent = assign(np.where(drive < UNREACHABLE, np.rint(cost), -1.0), np.rint(empty)).units
    moves = [(int(units[who]), int(stations[at])) for at, row in enumerate(sent) for who in row]
    return [(unit, station) for unit, station in moves if state.base[unit] != station]


@dataclass(frozen=True)
class ComplianceTable(KnowsTerrain):
    """Keep free units where a table wants them for their number.

    Tables are made for the units that can do the same, which stand in for one another.
    Units that may not move now keep the place that they hold, and the others fill what
    is left, so that the sum of their drives is least.

    Parameters
    ----------
    terrain : Terrain, optional
        The city.
    nested : bool
        A table in which one more free unit moves no other one, made greedily by expected
        coverage; else one by the maximal expected coverage relocation problem.
    limits : Limits
        What crews are spared.
    """

    nested: bool = False
    limits: Limits = field(default=Limits())

    @property
    def parameters(self) -> dict[str, Any]:
        """The setting, for the record."""
        limits = self.limits
        return {
            "nested": self.nested,
            "per_hour": limits.per_hour,
            "rest_s": limits.rest_ms / 1000,
        }

    def moves(self, state: MoveState) -> Sequence[Move]:
        """Choose moves; see `engine.relocation.Relocation.moves`.

        Parameters
        ----------
        state : MoveState
            The units.

        Returns
        -------
        sequence of (unit, station)
            The moves.
        """
        may = self.limits.allow(state)
        found: list[Move] = []
        for group in self.city.groups:
            free = np.flatnonzero(group & (state.base >= 0))
            if not len(free):
                continue
            table = _table(self.city, int(group.sum()), self.nested)
            wanted = table[len(free) - 1].copy()
            for held in free[~may[free]]:
                wanted[state.base[held]] = max(0, wanted[state.base[held]] - 1)
            places = np.repeat(np.arange(len(wanted)), wanted)
            found += assigned(state, free[may[free]], places)
        return found


@lru_cache(maxsize=64)
def _table(terrain: Terrain, units: int, nested: bool) -> NDArray[np.int64]:
    near, stations = terrain.near[0], terrain.near.shape[1]
    if not nested:
        return compliance_table(near, terrain.weight, units, terrain.busy_share)
    order = nested_order(near, terrain.weight, units, terrain.busy_share)
    return np.array([np.bincount(order[: k + 1], minlength=stations) for k in range(units)])


@dataclass(frozen=True)
class PriorityList(KnowsTerrain):
    """Send a freed unit to the first station of a list that lacks one.

    The list is the nested order of expected coverage.

    Parameters
    ----------
    terrain : Terrain, optional
        The city.
    """

    def moves(self, state: MoveState) -> Sequence[Move]:
        """Choose moves; see `engine.relocation.Relocation.moves`.

        Parameters
        ----------
        state : MoveState
            The units.

        Returns
        -------
        sequence of (unit, station)
            One move, or none.
        """
        unit = state.freed
        if unit < 0 or state.base[unit] < 0:
            return []
        group = self.city.peers[unit]
        table = _table(self.city, int(group.sum()), True)
        others = np.flatnonzero(group & (state.base >= 0))
        have = np.bincount(state.base[others[others != unit]], minlength=table.shape[1])
        for row in table:
            lacking = np.flatnonzero((row > have) & (state.arrival_ms[unit] < UNREACHABLE))
            if len(lacking):
                return [(unit, int(lacking[0]))]
        return []


@dataclass(frozen=True)
class ZhangProgram(KnowsTerrain):
    """Put free units where the worth of stations' first, second, ... unit less drives is most.

    The integer program of Zhang (2012, PhD thesis, University of Auckland, "Simulation
    optimisation and Markov models for dynamic ambulance redeployment"): a station's k-th
    unit has a worth of its own, and moving costs by time. Since worths fall with k, it is
    an assignment of units to places. Here the worths are what each unit of the nested
    order adds to the expected coverage.

    Parameters
    ----------
    terrain : Terrain, optional
        The city.
    cost_per_hour : float
        Share of the demand whose expected coverage an hour of driving must be worth.
    limits : Limits
        What crews are spared.
    """

    cost_per_hour: float = 0.1
    limits: Limits = field(default=Limits())

    @property
    def parameters(self) -> dict[str, Any]:
        """The setting, for the record."""
        return {"cost_per_hour": self.cost_per_hour, "per_hour": self.limits.per_hour}

    def moves(self, state: MoveState) -> Sequence[Move]:
        """Choose moves; see `engine.relocation.Relocation.moves`.

        Parameters
        ----------
        state : MoveState
            The units.

        Returns
        -------
        sequence of (unit, station)
            The moves.
        """
        may = self.limits.allow(state)
        found: list[Move] = []
        for group in self.city.groups:
            free = np.flatnonzero(group & (state.base >= 0) & may)
            if len(free):
                held = np.where(group & ~may, state.base, -1)
                found += self._placed(state, free, held)
        return found

    def _placed(
        self, state: MoveState, free: NDArray[np.int64], held: NDArray[np.int64]
    ) -> list[Move]:
        near, weight, busy = self.city.near[0], self.city.weight, self.city.busy_share
        worth, place = [], []
        covering = held[held >= 0].tolist()
        for _ in range(len(free) + near.shape[0]):
            count = counts(near, np.array(covering, dtype=np.int64))
            gain = expected_gain(near, weight, count, busy)
            best = int(np.argmax(gain))
            worth.append(float(gain[best]))
            place.append(best)
            covering.append(best)
        in_ms = np.array(worth) * 3_600_000 / self.cost_per_hour
        return _assigned(state, free, np.array(place), in_ms)


RELOCATIONS.register("compliance-v1", ComplianceTable())
RELOCATIONS.register("nested-table-v1", ComplianceTable(nested=True))
RELOCATIONS.register("priority-list-v1", PriorityList())
RELOCATIONS.register("zhang-v1", ZhangProgram())
