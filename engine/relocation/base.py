"""What a relocation rule is given and what it answers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Protocol, runtime_checkable

import numpy as np

from engine.dispatch.base import DispatchState, Policy, bound
from routing.errors import InputError
from routing.network import UNREACHABLE
from routing.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from engine.terrain import Terrain

_HOUR_MS: Final = 3_600_000.0

Move = tuple[int, int]
"""A unit and the station that it is sent to."""


@dataclass(frozen=True, eq=False)
class MoveState:
    """Units after something has changed: one was sent, freed, came on duty or went off.

    Parameters
    ----------
    now_ms : float
        Time since the beginning, in milliseconds.
    status : ndarray of int8, shape (units,)
        FMS status in force.
    returning : ndarray of bool, shape (units,)
        True where a free unit drives to a station.
    base : ndarray of int64, shape (units,)
        Station where each free unit stands or that it drives to, -1 for the others.
    freed : int
        The unit that was just freed and is about to drive home, or -1.
    arrival_ms : ndarray of float64, shape (units, stations)
        Time from now until each free unit could be at each station; UNREACHABLE where
        it cannot be moved.
    moved_ms : ndarray of float64, shape (units,)
        When each unit was last moved; -inf for never.
    moves_last_hour : ndarray of int64, shape (units,)
        How often each unit was moved in the last hour.
    period : int
        Row of the drives of `Terrain` that hold now.
    """

    now_ms: float
    status: NDArray[np.int8]
    returning: NDArray[np.bool_]
    base: NDArray[np.int64]
    freed: int
    arrival_ms: NDArray[np.float64]
    moved_ms: NDArray[np.float64]
    moves_last_hour: NDArray[np.int64]
    period: int = 0


@runtime_checkable
class Relocation(Protocol):
    """A rule that moves free units; a pure function of the state."""

    def moves(self, state: MoveState) -> Sequence[Move]:
        """Choose which units go to other stations.

        Parameters
        ----------
        state : MoveState
            The units.

        Returns
        -------
        sequence of (unit, station)
            Each unit at most once; those that are not named go on as they are.
        """
        ...


RELOCATIONS: Final[Registry[Relocation]] = Registry("relocation")
"""Every relocation rule that can be named."""


@dataclass(frozen=True)
class Limits:
    """How much moving crews are asked to do; the way home after an incident is free.

    Parameters
    ----------
    per_hour : int
        Most moves of a unit in an hour.
    rest_ms : float
        Least time between two moves of a unit.
    """

    per_hour: int = 2
    rest_ms: float = 900_000.0

    def allow(self, state: MoveState) -> NDArray[np.bool_]:
        """Tell which units may be moved.

        Parameters
        ----------
        state : MoveState
            The units.

        Returns
        -------
        ndarray of bool, shape (units,)
            True, too, for the unit that was just freed: it drives anyway.
        """
        rested = state.now_ms - state.moved_ms >= self.rest_ms
        allowed = (state.base >= 0) & rested & (state.moves_last_hour < self.per_hour)
        if state.freed >= 0:
            allowed[state.freed] = state.base[state.freed] >= 0
        return np.asarray(allowed & (state.arrival_ms < UNREACHABLE).any(axis=1))


@dataclass(frozen=True)
class Combined:
    """A dispatch policy and a relocation rule as one policy.

    Parameters
    ----------
    dispatch : Policy
        Who is sent to incidents.
    relocation : Relocation
        Who is moved to other stations.
    """

    dispatch: Policy
    relocation: Relocation

    @property
    def sees_others(self) -> bool:
        """Whether the dispatch policy asks for the other incidents that wait."""
        return bool(getattr(self.dispatch, "sees_others", False))

    @property
    def parameters(self) -> dict[str, Any]:
        """The settings of both, for the record."""
        return {
            "dispatch": dict(getattr(self.dispatch, "parameters", {})),
            "relocation": dict(getattr(self.relocation, "parameters", {})),
        }

    def at(self, terrain: Terrain) -> Combined:
        """Return the same for a city.

        Parameters
        ----------
        terrain : Terrain
            The city.

        Returns
        -------
        Combined
            Its like.
        """
        at = getattr(self.relocation, "at", None)
        moves = self.relocation if at is None else at(terrain)
        return Combined(bound(self.dispatch, terrain), moves)

    def decide(self, state: DispatchState) -> int:
        """Choose a unit; see `Policy.decide`.

        Parameters
        ----------
        state : DispatchState
            The incident and the units.

        Returns
        -------
        int
            A unit, or -1.
        """
        return self.dispatch.decide(state)

    def moves(self, state: MoveState) -> Sequence[Move]:
        """Choose moves; see `Relocation.moves`.

        Parameters
        ----------
        state : MoveState
            The units.

        Returns
        -------
        sequence of (unit, station)
            The moves.
        """
        return self.relocation.moves(state)


def checked_moves(moves: Iterable[Any], state: MoveState, policy: str) -> list[Move]:
    """Return the moves of a rule, without those that change nothing, if they can be made.

    Parameters
    ----------
    moves : iterable of (unit, station)
        What `moves` returned.
    state : MoveState
        What it was asked.
    policy : str
        Name of the policy, for the message.

    Returns
    -------
    list of (unit, station)
        The moves.

    Raises
    ------
    InputError
        One is no pair of numbers, names a unit twice, or cannot be made.
    """
    found: list[Move] = []
    seen = set()
    units, stations = state.arrival_ms.shape
    for move in moves:
        try:
            unit, station = (int(value) for value in move)
            possible = 0 <= unit < units and 0 <= station < stations and unit not in seen
        except (TypeError, ValueError):
            possible = False
        if not possible or not state.arrival_ms[unit, station] < UNREACHABLE:
            raise InputError(
                f"{policy} answers the move {move!r}, which cannot be made",
                field="policy",
                fix="name each unit once, and a station at a finite arrival_ms",
            )
        seen.add(unit)
        if state.base[unit] != station:
            found.append((unit, station))
    return found


def closed(state: MoveState) -> MoveState:
    """Return a state whose arrays cannot be written to.

    Parameters
    ----------
    state : MoveState
        Any state.

    Returns
    -------
    MoveState
        The same memory, closed.
    """
    views = {
        name: getattr(state, name).view()
        for name in ("status", "returning", "base", "arrival_ms", "moved_ms", "moves_last_hour")
    }
    for view in views.values():
        view.flags.writeable = False
    return replace(state, **views)
