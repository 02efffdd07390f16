"""Ask a relocation rule where the event loop stops for it, and carry out what it answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from engine.fleet import FREE_AT_STATION, FREE_ON_RADIO
from engine.relocation import MoveState, checked_moves, closed
from scenarios.simulation.cursor import JUST_FREED, PERIOD_NOW
from scenarios.simulation.homeward import relocate
from scenarios.simulation.movement import measure_moves

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from scenarios.simulation.arrays import World

_HOUR_MS = 3_600_000.0


def bases(world: World) -> NDArray[np.int64]:
    """Return the station where each free unit on duty stands or that it drives to.

    Parameters
    ----------
    world : World
        Where the loop has stopped.

    Returns
    -------
    ndarray of int64, shape (units,)
        Stations, -1 for units that are not free, and for neighbours'. One that was just
        freed, and has not left, counts at its own.
    """
    free = (world.status == FREE_AT_STATION) | (world.status == FREE_ON_RADIO)
    settled = (world.status == FREE_AT_STATION) | world.returning
    station = np.where(settled, world.units["target"], world.rules.crew["home"])
    own = free & (world.units["off"] == 0)
    if len(world.rules.aid):
        own &= ~world.rules.aid["given"]
    return np.where(own, station, -1)


class Mover:
    """A relocation rule at work, and what it has asked of crews.

    Parameters
    ----------
    rule : Relocation
        The rule.
    name : str
        What to call it in messages.
    units : int
        How many there are.
    """

    def __init__(self, rule: Any, name: str, units: int) -> None:
        self._rule = rule
        self._name = name
        self._moved: list[list[float]] = [[] for _ in range(units)]
        self._spare = 0

    def move(self, world: World) -> World:
        """Ask the rule, and send units on their way.

        Parameters
        ----------
        world : World
            Where the loop stopped with MOVE; changed in place.

        Returns
        -------
        World
            The same, but for a longer log.

        Raises
        ------
        InputError
            The rule answers what cannot be done.
        """
        state = self._state(world)
        world.cursor[JUST_FREED] = -1
        for unit, station in checked_moves(self._rule.moves(closed(state)), state, self._name):
            # the way of a unit that was just freed replaces its way home
            if unit != state.freed:
                self._moved[unit].append(state.now_ms)
            world = self._with_room(world)
            relocate(world, unit, station)
        return world

    def _state(self, world: World) -> MoveState:
        now = float(world.clock[0])
        arrival_ms = np.empty((len(world.status), world.travel.home.shape[2]))
        measure_moves(world, arrival_ms)
        for moved in self._moved:
            while moved[:-1] and moved[0] <= now - _HOUR_MS:
                del moved[0]
        base = bases(world)
        freed = int(world.cursor[JUST_FREED])
        if freed >= 0 and base[freed] < 0:
            freed = -1
        recent = [sum(at > now - _HOUR_MS for at in moved) for moved in self._moved]
        return MoveState(
            now_ms=now,
            status=world.status,
            returning=world.returning,
            base=base,
            freed=freed,
            arrival_ms=arrival_ms,
            moved_ms=np.array([moved[-1] if moved else -np.inf for moved in self._moved]),
            moves_last_hour=np.array(recent, dtype=np.int64),
            period=int(world.cursor[PERIOD_NOW]),
        )

    def _with_room(self, world: World) -> World:
        """Give the log room for one more move, and the arrival that ends it."""
        if len(world.log) == 0:
            return world
        if self._spare < 2:
            self._spare = len(world.log)
            log = np.empty(2 * len(world.log), dtype=world.log.dtype)
            log[: len(world.log)] = world.log
            world = world._replace(log=log)
        self._spare -= 2
        return world
