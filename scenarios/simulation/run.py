"""One replication: incidents and a policy in, what became of them out."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numba
from numba import types

from engine.dispatch import (
    CLOSEST,
    DispatchState,
    KernelPolicy,
    Policy,
    checked_choice,
    read_only,
)
from engine.dispatch.kernels import KERNEL
from scenarios.simulation.arrays import World, new_world
from scenarios.simulation.kernel import ASKED, CHOICE, DECIDE, LOGGED, NOW, advance, start

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
    served : ndarray of SERVED, shape (incidents,)
        What became of each.
    log : ndarray of LOG
        What happened, in order.
    """

    incidents: IncidentTable
    served: NDArray[Any]
    log: NDArray[Any]


def run_replication(
    travel: Travel,
    rules: Rules,
    incidents: IncidentTable,
    policy: Policy,
    *,
    policy_id: str = "the policy",
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
    policy_id : str
        What to call it in messages.

    Returns
    -------
    Outcome
        The result.

    Raises
    ------
    InputError
        The policy answers what cannot be done.
    """
    world = new_world(travel, rules, incidents)
    play(world, policy, policy_id=policy_id)
    logged = int(world.cursor[LOGGED])
    return Outcome(incidents, world.served, world.log[:logged].copy())


def play(world: World, policy: Policy, *, policy_id: str = "the policy") -> None:
    """Let all that is to come happen in a new world.

    Parameters
    ----------
    world : World
        From `scenarios.simulation.arrays.new_world`; changed in place.
    policy, policy_id
        As in `run_replication`.

    Raises
    ------
    InputError
        The policy answers what cannot be done.
    """
    kernel = _kernel(policy)
    loop = _loop_for(world)
    start(world)
    while loop(kernel or CLOSEST.kernel, kernel is None, world) == DECIDE:
        state = _state(world)
        choice = checked_choice(policy.decide(read_only(state)), state, policy_id)
        world.cursor[CHOICE] = choice


def _kernel(policy: Policy) -> Any | None:
    """Return the compiled function of a policy that the loop can call, if it has one."""
    if isinstance(policy, KernelPolicy) and KERNEL.args in policy.kernel.signatures:
        return policy.kernel
    return None


_LOOPS: Final[dict[tuple[Any, ...], Any]] = {}


def _loop_for(world: World) -> Any:
    """Return the compiled loop; asking numba for the type takes longer than a quiet day."""
    arrays = [*world.travel, *world.rules, *world[2:]]
    key = tuple([(array.dtype, array.ndim, array.flags.num) for array in arrays])
    if key not in _LOOPS:
        _LOOPS[key] = _event_loop(numba.typeof(world))  # type: ignore[no-untyped-call]
    return _LOOPS[key]


@cache
def _event_loop(world: types.Type) -> Any:
    """Compile the loop once for all policies: it calls them through a pointer."""
    advance.disable_compile(val=False)
    advance.compile((types.FunctionType(KERNEL), types.boolean, world))
    # else a call would compile the loop anew for the policy that it is given
    advance.disable_compile()
    return advance


def _state(world: World) -> DispatchState:
    incident = int(world.cursor[ASKED])
    now = int(world.cursor[NOW])
    priority = int(world.calls["priority"][incident])
    return DispatchState(
        now_ms=now,
        priority=priority,
        waiting_ms=now - int(world.calls["call_ms"][incident]),
        status=world.status,
        returning=world.returning,
        suitable=world.rules.suitable[priority],
        arrival_ms=world.arrival_ms,
    )
