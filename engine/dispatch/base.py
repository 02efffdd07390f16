"""What a dispatch policy is given and what it answers."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Protocol, runtime_checkable

import numpy as np

from engine.fleet import FREE_AT_STATION, FREE_ON_RADIO, RESPONDING
from engine.terrain import Terrain
from routing.errors import InputError
from routing.network import UNREACHABLE
from routing.registry import Registry

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class DispatchState:
    """One incident that needs a unit, and what each unit could do about it.

    Parameters
    ----------
    now_ms : float
        Time since the beginning, in milliseconds.
    priority : int
        Priority of the incident; 0 is served first.
    waiting_ms : float
        Time since its call was answered.
    status : ndarray of int8, shape (units,)
        FMS status in force.
    returning : ndarray of bool, shape (units,)
        True where a free unit drives home; it can be turned round.
    suitable : ndarray of bool, shape (units,)
        True where the unit can do what the incident needs.
    arrival_ms : ndarray of float64, shape (units,)
        Time from now until the unit would be on scene, turnout included;
        UNREACHABLE where it is not free, not suitable, or has no road there.
    base : ndarray of int64, shape (units,)
        Station where each free unit stands or that it drives to, -1 for the others;
        empty where nobody knows.
    zone : int
        Where the incident is, -1 where nobody knows.
    period : int
        Row of the drives of `Terrain` that hold now.
    others_priority : ndarray of int64, shape (others,)
        Priorities of the other incidents that wait. These three are filled for policies
        that ask for them with ``sees_others = True``, and empty for all others.
    others_waiting_ms : ndarray of float64, shape (others,)
        Time since their calls were answered.
    others_arrival_ms : ndarray of float64, shape (others, units)
        As `arrival_ms`, for what each of them lacks first.
    """

    now_ms: float
    priority: int
    waiting_ms: float
    status: NDArray[np.int8]
    returning: NDArray[np.bool_]
    suitable: NDArray[np.bool_]
    arrival_ms: NDArray[np.float64]
    base: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    zone: int = -1
    period: int = 0
    others_priority: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    others_waiting_ms: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    others_arrival_ms: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 0)))

    @property
    def feasible(self) -> NDArray[np.bool_]:
        """True where the unit can be sent, shape (units,)."""
        return self.arrival_ms < UNREACHABLE


@runtime_checkable
class Policy(Protocol):
    """A rule that sends units; a pure function of the state.

    The same state gives the same answer, whatever was asked before, and the arrays of
    the state are only read. `check_policy` tests this.

    A policy that has a method ``at(terrain)`` is asked, before anything else, for its
    like that knows the city; see `bound` and `engine.terrain.Terrain`. One that has
    ``moves(state)`` also sends idle units to other stations; see `engine.relocation`.
    One with ``sees_others = True`` is told of all incidents that wait.
    """

    def decide(self, state: DispatchState) -> int:
        """Choose a unit for an incident.

        Parameters
        ----------
        state : DispatchState
            The incident and the units, at least one of which can be sent.

        Returns
        -------
        int
            A feasible unit, or -1: the incident waits and is asked about again when
            a unit becomes free or is back at its station.
        """
        ...


@dataclass(frozen=True)
class KernelPolicy:
    """A policy that is a compiled function, which the event loop calls directly.

    Parameters
    ----------
    id : str
        Its versioned name.
    kernel : callable
        A numba function of the signature `engine.dispatch.kernels.KERNEL`.
    """

    id: str
    kernel: Any

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
        return int(
            self.kernel(
                state.now_ms,
                state.priority,
                state.waiting_ms,
                state.status,
                state.returning,
                state.arrival_ms,
            )
        )


POLICIES: Final[Registry[Policy]] = Registry("policy")
"""Every dispatch policy that can be named."""


def checked_choice(choice: object, state: DispatchState, policy: str) -> int:
    """Return a policy's answer if it can be carried out.

    Parameters
    ----------
    choice : object
        What `decide` returned.
    state : DispatchState
        What it was asked.
    policy : str
        Name of the policy, for the message.

    Returns
    -------
    int
        The unit, or -1.

    Raises
    ------
    InputError
        It is no integer, no unit, or a unit that cannot be sent.
    """
    if isinstance(choice, (bool, np.bool_)) or not isinstance(choice, (int, np.integer)):
        wrong = "which is no integer"
    elif not -1 <= choice < len(state.arrival_ms):
        wrong = f"but units are 0 to {len(state.arrival_ms) - 1}, and -1 is to wait"
    elif choice >= 0 and not state.feasible[choice]:
        wrong = "a unit that cannot be sent"
    else:
        return int(choice)
    raise InputError(
        f"{policy} chose {choice!r}, {wrong}",
        field="policy",
        fix="choose a unit whose arrival_ms is below UNREACHABLE, or -1",
    )


def check_policy(policy: Policy, *, name: str = "the policy", seed: int = 0) -> None:
    """Test that a policy keeps its promises: feasible, deterministic, pure.

    Parameters
    ----------
    policy : Policy
        The policy.
    name : str
        What to call it in a message.
    seed : int
        Seed of the random states.

    Raises
    ------
    InputError
        It has no `decide`, fails, answers the impossible, answers the same state
        differently, or writes into the state.
    """
    if not isinstance(policy, Policy):
        raise InputError(f"{name} has no decide(state)", field="policy", fix="add one")
    states = [_random_state(np.random.default_rng([seed, i])) for i in range(200)]
    asked = [
        bound(policy, random_terrain(np.random.default_rng([seed, i]), len(state.status)))
        for i, state in enumerate(states)
    ]
    first = [_ask(*pair, name) for pair in zip(asked, states, strict=True)]
    again = [_ask(*pair, name) for pair in list(zip(asked, states, strict=True))[::-1]][::-1]
    for one, two in zip(first, again, strict=True):
        if one != two:
            raise InputError(
                f"{name} answers the same state with {one} and with {two}",
                field="policy",
                fix="let decide depend on its argument alone",
            )


def bound(policy: Policy, terrain: Terrain) -> Policy:
    """Let a policy know the city, if it wants to.

    Parameters
    ----------
    policy : Policy
        Any.
    terrain : Terrain
        The city.

    Returns
    -------
    Policy
        What its ``at`` gives, or itself.
    """
    at = getattr(policy, "at", None)
    return policy if at is None else at(terrain)


def _ask(policy: Policy, state: DispatchState, name: str) -> int:
    asked = read_only(state)
    try:
        choice = policy.decide(asked)
    except (Exception, SystemExit) as error:
        what = f"{type(error).__name__}: {error}"
        raise InputError(f"{name} fails with {what}", field="policy") from error
    return checked_choice(choice, state, name)


def read_only(state: DispatchState) -> DispatchState:
    """Return a state whose arrays cannot be written to.

    Parameters
    ----------
    state : DispatchState
        Any state.

    Returns
    -------
    DispatchState
        The same memory, closed.
    """
    return replace(
        state,
        status=_closed(state.status),
        returning=_closed(state.returning),
        suitable=_closed(state.suitable),
        arrival_ms=_closed(state.arrival_ms),
        base=_closed(state.base),
        others_priority=_closed(state.others_priority),
        others_waiting_ms=_closed(state.others_waiting_ms),
        others_arrival_ms=_closed(state.others_arrival_ms),
    )


def _closed(array: NDArray[Any]) -> NDArray[Any]:
    view = array.view()
    view.flags.writeable = False
    return view


_STATIONS: Final = 5
_ZONES: Final = 12


def random_terrain(rng: np.random.Generator, units: int) -> Terrain:
    """Return a small city for conformance checks.

    Parameters
    ----------
    rng : Generator
        Where it comes from.
    units : int
        How many units it has.

    Returns
    -------
    Terrain
        Five stations, twelve zones.
    """
    weight = rng.random(_ZONES)
    return Terrain(
        station_ms=np.asarray(rng.integers(0, 12, (1, _STATIONS, _ZONES)) * 60e3, dtype=np.float64),
        weight=weight / weight.sum(),
        calls_per_hour=rng.random(48) * 4,
        home=rng.integers(0, _STATIONS, units),
        turnout_ms=np.full(units, 60_000.0),
        suitable=np.ones((1, units), dtype=np.bool_),
        limit_ms=np.full(3, 480_000.0),
        from_call=np.ones(3, dtype=np.bool_),
        counts=np.array([True, True, False]),
        priority_share=np.array([0.5, 0.2, 0.3]),
        processing_ms=60_000.0,
        busy_ms=3_600_000.0,
    )


def _random_state(rng: np.random.Generator) -> DispatchState:
    units = int(rng.integers(1, 12))
    codes = np.array([FREE_ON_RADIO, FREE_AT_STATION, RESPONDING], dtype=np.int8)
    status = rng.choice(codes, units)
    suitable = rng.random(units) < 0.8
    free = status != RESPONDING
    sure = rng.integers(units)
    status[sure], suitable[sure], free[sure] = FREE_AT_STATION, True, True
    # few distinct times, so that ties are met
    arrival = rng.integers(0, 6, units) * 60_000.0
    others = int(rng.integers(0, 4))
    theirs = np.asarray(rng.integers(0, 6, (others, units)) * 60e3, dtype=np.float64)
    return DispatchState(
        now_ms=float(rng.integers(0, 10**9)),
        priority=int(rng.integers(0, 3)),
        waiting_ms=float(rng.integers(0, 10**6)),
        status=status,
        returning=(status == FREE_ON_RADIO) & (rng.random(units) < 0.7),
        suitable=suitable,
        arrival_ms=np.where(free & suitable, arrival, float(UNREACHABLE)),
        base=np.where(free, rng.integers(0, _STATIONS, units), -1),
        zone=int(rng.integers(_ZONES)),
        others_priority=rng.integers(0, 3, others),
        others_waiting_ms=rng.integers(0, 10**6, others).astype(np.float64),
        others_arrival_ms=np.where(free, theirs, float(UNREACHABLE)),
    )
