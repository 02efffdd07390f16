"""One replication: incidents and a policy in, what became of them out."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numba
import numpy as np
from numba import types

from engine.dispatch import (
    CLOSEST,
    CLOSEST_IDLE,
    DispatchState,
    KernelPolicy,
    Policy,
    checked_choice,
    read_only,
)
from engine.dispatch.kernels import KERNEL
from engine.hospital import HOSPITAL_POLICIES, NEAREST, check_hospital_policy
from engine.hospital import KERNEL as HOSPITAL_KERNEL
from scenarios.simulation.arrays import World, new_world
from scenarios.simulation.cursor import (
    AGAIN,
    ASK,
    ASKED,
    CHOICE,
    CHOOSING,
    CLOSEST_GOES,
    CLOSEST_STANDING_GOES,
    DIVERTING,
    FRESH,
    LOGGED,
    MOVING,
    PERIOD_NOW,
    SEARCH,
    SLOT,
    UNSEEN,
    WAITING,
)
from scenarios.simulation.kernel import DECIDE, MOVE, advance, start
from scenarios.simulation.moves import Mover, bases
from scenarios.simulation.response import measure_others

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from scenarios.demand import IncidentTable
    from scenarios.simulation.arrays import Rules, Travel


class Outcome(NamedTuple):
    """What one replication gave.

    Parameters
    ----------
    incidents : IncidentTable
        The incidents.
    legs : ndarray of LEG
        What became of them: a row for each unit that may be needed, by incident.
    missing : ndarray of int64, shape (incidents,)
        Units that each incident needed and did not get.
    log : ndarray of LOG
        What happened, in order; empty where it was not kept.
    """

    incidents: IncidentTable
    legs: NDArray[Any]
    missing: NDArray[np.int64]
    log: NDArray[Any]

    @property
    def served(self) -> NDArray[Any]:
        """Of each incident, what its first unit on scene did, shape (incidents,).

        A row of -1 where none came.
        """
        return first_on_scene(self.legs, self.incidents.size)

    @property
    def transported(self) -> NDArray[Any]:
        """Of each incident, what the unit that took the patient did, shape (incidents,).

        Another unit's row where nobody was taken to a hospital.
        """
        return _first_by(self.legs, self.incidents.size, "at_hospital_ms")

    @property
    def complete_ms(self) -> NDArray[np.float64]:
        """When the last unit that each incident needs came on scene, NaN for never."""
        last = np.full(self.incidents.size, -np.inf)
        np.maximum.at(last, self.legs["incident"], self.legs["on_scene_ms"])
        return np.where((self.missing == 0) & (last >= 0), last, np.nan)


def first_on_scene(legs: NDArray[Any], incidents: int) -> NDArray[Any]:
    """Pick, of each incident, what its first unit on scene did.

    Parameters
    ----------
    legs : ndarray of LEG
        By incident, each of which has a row or more.
    incidents : int
        How many.

    Returns
    -------
    ndarray of LEG, shape (incidents,)
        A row of a unit that came, the earliest, of equals the first; else one of -1.
    """
    return _first_by(legs, incidents, "on_scene_ms")


def _first_by(legs: NDArray[Any], incidents: int, name: str) -> NDArray[Any]:
    """Pick of each incident the row that is earliest in a column, where that happened."""
    if len(legs) == incidents:
        return legs
    time_ms = np.where(legs[name] >= 0, legs[name], np.inf)
    order = np.lexsort((time_ms, legs["incident"]))
    first = np.searchsorted(legs["incident"][order], np.arange(incidents))
    return legs[order[first]]


def run_replication(
    travel: Travel,
    rules: Rules,
    incidents: IncidentTable,
    policy: Policy,
    timeline: NDArray[Any] | None = None,
    *,
    policy_id: str = "the policy",
    logged: bool = True,
) -> Outcome:
    """Simulate one replication to its end: every unit back at its station.

    Parameters
    ----------
    travel : Travel
        Travel times.
    rules : Rules
        Units, and what priorities ask for.
    incidents : IncidentTable
        The incidents.
    policy : Policy
        Who is sent. A `KernelPolicy` runs inside the compiled loop; any other object
        is asked at each decision, which is slower and gives the same where it decides
        the same.
    timeline : ndarray of TIMED, optional
        What happens at given times, in order.
    policy_id : str
        What to call it in messages.
    logged : bool
        Keep a log.

    Returns
    -------
    Outcome
        The result.

    Raises
    ------
    InputError
        The policy answers what cannot be done.
    """
    world = new_world(travel, rules, incidents, timeline, logged=logged)
    world = play(world, policy, policy_id=policy_id)
    return outcome_of(world, incidents)


def outcome_of(world: World, incidents: IncidentTable) -> Outcome:
    """Read what came out of a world in which all has happened.

    Parameters
    ----------
    world : World
        After `play`.
    incidents : IncidentTable
        Its incidents.

    Returns
    -------
    Outcome
        The result.
    """
    log = world.log[: int(world.cursor[LOGGED])]
    return Outcome(incidents, world.legs, world.cases["missing"].copy(), log)


def play(world: World, policy: Policy, *, policy_id: str = "the policy") -> World:
    """Let all that is to come happen in a new world.

    Parameters
    ----------
    world : World
        From `scenarios.simulation.arrays.new_world`; changed in place.
    policy, policy_id
        As in `run_replication`; a policy that moves units needs tables that know ways to
        every station.

    Returns
    -------
    World
        The same, but for a longer log where units were moved.

    Raises
    ------
    InputError
        The policy answers what cannot be done.
    """
    kernel = _kernel(getattr(policy, "dispatch", policy))
    hospital = _hospital_kernel(world.rules.hospital_policy.tobytes().decode())
    loop = _loop_for(world)
    mover = Mover(policy, policy_id, len(world.status)) if hasattr(policy, "moves") else None
    start(world)
    world.cursor[MOVING] = int(mover is not None)
    refused = False
    sees_others = bool(getattr(policy, "sees_others", False))
    world.cursor[CHOOSING] = int(hospital is not NEAREST.kernel)
    if mover is None:
        world.cursor[SEARCH] = _search(world, kernel)
    if mover is None and _unseen(world, kernel):
        _go_unseen(world)
    while True:
        reason = loop(kernel or CLOSEST.kernel, hospital, kernel is None, world)
        if reason == DECIDE:
            state = _state(world)
            if sees_others:
                state = _with_others(world, state)
            choice = checked_choice(policy.decide(read_only(state)), state, policy_id)
            world.cursor[CHOICE] = choice
            if sees_others:
                # whoever gave way may have a unit now that the others have theirs
                again = refused if choice >= 0 else world.cursor[FRESH] == 1
                world.cursor[AGAIN] |= int(again)
                refused = choice < 0
        elif reason == MOVE and mover is not None:
            world = mover.move(world)
        else:
            return world


def _search(world: World, kernel: Any | None) -> int:
    """Tell how the unit to send is found, where nobody moves units between stations."""
    rules = world.rules
    if (
        not len(world.travel.nearest)
        or world.cursor[DIVERTING]
        or len(rules.flight)
        or len(rules.aid)
    ):
        return ASK
    if kernel is CLOSEST.kernel:
        return CLOSEST_GOES
    return CLOSEST_STANDING_GOES if kernel is CLOSEST_IDLE.kernel else ASK


def _unseen(world: World, kernel: Any | None) -> bool:
    """Tell whether nothing hangs on what a unit does from when it is sent until it is free.

    Nobody keeps a log, is asked for a move or hospital, waits for a bay, or turns a unit round.
    """
    return (
        kernel in (CLOSEST.kernel, CLOSEST_IDLE.kernel)
        and not len(world.log)
        and not world.cursor[CHOOSING]
        and not world.cursor[DIVERTING]
        and not world.rules.bays.any()
        and not len(world.rules.flight)
    )


def _go_unseen(world: World) -> None:
    """Leave out all steps that nobody sees; what comes out is the same."""
    world.cursor[UNSEEN] = 1
    ready_ms = world.calls["call_ms"] + world.calls["processing_ms"]
    order = np.argsort(ready_ms, kind="stable")
    world.heap["time_ms"] = ready_ms[order]
    world.heap["incident"] = order


def _kernel(policy: Policy) -> Any | None:
    """Return the compiled function of a policy that the loop can call, if it has one."""
    if isinstance(policy, KernelPolicy) and KERNEL.args in policy.kernel.signatures:
        return policy.kernel
    return None


@cache
def _hospital_kernel(name: str) -> Any:
    """Return the compiled function of a hospital policy, once it has shown what it promises."""
    policy = HOSPITAL_POLICIES[name] if name else NEAREST
    check_hospital_policy(policy, name=name or NEAREST.id)
    return policy.kernel


_LOOPS: Final[dict[tuple[Any, ...], Any]] = {}
_COMPILING: Final = Lock()
"""Held while the loop may be compiled: a thread that ends forbids it to all."""


def _loop_for(world: World) -> Any:
    """Return the compiled loop; asking numba for the type takes longer than a quiet day."""
    arrays = [*world.travel, *world.rules, *world[2:]]
    key = tuple([(array.dtype, array.ndim, array.flags.num) for array in arrays])
    if key not in _LOOPS:
        with _COMPILING:
            _LOOPS[key] = _event_loop(numba.typeof(world))  # type: ignore[no-untyped-call]
    return _LOOPS[key]


@cache
def _event_loop(world: types.Type) -> Any:
    """Compile the loop once for all policies: it calls them through a pointer."""
    advance.disable_compile(val=False)
    advance.compile(
        (types.FunctionType(KERNEL), types.FunctionType(HOSPITAL_KERNEL), types.boolean, world)
    )
    # else a call would compile the loop anew for the policy that it is given
    advance.disable_compile()
    return advance


def _state(world: World) -> DispatchState:
    incident = int(world.cursor[ASKED])
    now = float(world.clock[0])
    first = world.rules.alternative_ptr[world.cases["alternative"][incident]]
    need = world.rules.slots["need"][first + world.cursor[SLOT]]
    return DispatchState(
        now_ms=now,
        priority=int(world.calls["priority"][incident]),
        waiting_ms=now - float(world.calls["call_ms"][incident]),
        status=world.status,
        returning=world.returning,
        suitable=world.rules.suitable[need],
        arrival_ms=world.arrival_ms,
        base=bases(world),
        zone=int(world.calls["zone"][incident]),
        period=int(world.cursor[PERIOD_NOW]),
    )


def _with_others(world: World, state: DispatchState) -> DispatchState:
    """Tell of the other incidents that wait."""
    queue = world.waiting[: world.cursor[WAITING]]
    others = queue[queue != world.cursor[ASKED]].astype(np.int64)
    arrival_ms = np.empty((len(others), len(world.status)))
    measure_others(world, others, arrival_ms)
    return replace(
        state,
        others_priority=world.calls["priority"][others].astype(np.int64),
        others_waiting_ms=state.now_ms - world.calls["call_ms"][others],
        others_arrival_ms=arrival_ms,
    )
