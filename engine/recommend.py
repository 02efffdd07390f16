"""Which unit to send, in an order and in words that a dispatcher can check."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.dispatch import CLOSEST, DispatchState, Policy, checked_choice, read_only
from engine.dispatch.explanation import Explains, Explanation
from engine.fleet import FMS, FREE_ON_RADIO, StatusTable
from routing.errors import InputError
from routing.network import UNREACHABLE

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class Candidate:
    """A unit that can be sent.

    Parameters
    ----------
    unit : int
        Its index.
    arrival_s : float
        Seconds until it would be on scene: turnout and drive.
    travel_s, turnout_s : float
        The two parts of it.
    distance_m : float
        Metres to drive.
    reason : str
        Why it stands at this place of the list.
    """

    unit: int
    arrival_s: float
    travel_s: float
    turnout_s: float
    distance_m: float
    reason: str


@dataclass(frozen=True)
class Recommendation:
    """The units that can be sent, best first, and why the others cannot.

    Parameters
    ----------
    unit : int
        The unit that the policy sends; -1 where it lets the incident wait.
    candidates : tuple of Candidate
        In the order of the policy: each one is what it would send if those before
        were not there.
    excluded : dict of int to str
        Every unit that cannot be sent, and why.
    explanation : Explanation or None
        Why the policy sends its unit, where it can say so.
    """

    unit: int
    candidates: tuple[Candidate, ...]
    excluded: dict[int, str]
    explanation: Explanation | None = None


def recommend(
    *,
    status: ArrayLike,
    suitable: ArrayLike,
    travel_ms: ArrayLike,
    turnout_ms: ArrayLike,
    distance_m: ArrayLike,
    priority: int = 0,
    now_ms: int = 0,
    waiting_ms: int = 0,
    policy: Policy = CLOSEST,
    returning: ArrayLike | None = None,
    base: ArrayLike | None = None,
    zone: int = -1,
    period: int = 0,
    limit: int = 10,
    table: StatusTable = FMS,
) -> Recommendation:
    """Rank the units for an incident by the very policy that the simulator runs.

    Parameters
    ----------
    status : array_like of int, shape (units,)
        Status code in force (requests to speak already resolved, see
        `engine.fleet.StatusTable.in_force`).
    suitable : array_like of bool, shape (units,)
        True where the unit can do what the incident needs.
    travel_ms : array_like of int, shape (units,)
        Drive from where each unit is now; UNREACHABLE where there is no road.
    turnout_ms : array_like of int, shape (units,)
        Time its crew takes to leave; counts only where it is in its station.
    distance_m : array_like of float, shape (units,)
        Length of that drive.
    priority : int
        Priority of the incident; 0 is served first.
    now_ms, waiting_ms : int
        Time, and time since the call was answered.
    policy : Policy
        The rule.
    returning : array_like of bool, shape (units,), optional
        True where the unit drives home; without it, every unit that is free on radio.
    base : array_like of int, shape (units,), optional
        Station where each free unit stands or that it drives to, -1 for the others.
    zone, period : int
        Where the incident is, and the row of drives that hold; see `DispatchState`.
    limit : int
        Longest list.
    table : StatusTable
        Meaning of the codes.

    Returns
    -------
    Recommendation
        The first candidate is what ``policy.decide`` answers.

    Raises
    ------
    InputError
        Arrays differ in length, a status is unknown, or a time is negative.
    """
    codes = table.checked(status)
    units = len(codes)
    fits = _column(suitable, units, "suitable").astype(np.bool_)
    travel = np.minimum(_column(travel_ms, units, "travel_ms"), UNREACHABLE).astype(np.int64)
    metres = _column(distance_m, units, "distance_m").astype(np.float64)
    turnout = _column(turnout_ms, units, "turnout_ms").astype(np.int64)
    turnout = np.where(table.at_station(codes), turnout, 0)
    sendable = table.free(codes) & fits & (travel < UNREACHABLE)
    arrival = np.where(sendable, turnout + travel, float(UNREACHABLE))
    moving = codes == FREE_ON_RADIO if returning is None else _column(returning, units, "returning")
    state = DispatchState(
        now_ms=float(now_ms),
        priority=priority,
        waiting_ms=float(waiting_ms),
        status=codes,
        returning=np.ascontiguousarray(moving, dtype=np.bool_),
        suitable=fits,
        arrival_ms=arrival,
        base=bases_of(base, units),
        zone=zone,
        period=period,
    )
    order = _ranking(policy, state, limit)
    candidates = tuple(
        Candidate(
            unit=unit,
            arrival_s=arrival[unit] / 1000,
            travel_s=travel[unit] / 1000,
            turnout_s=turnout[unit] / 1000,
            distance_m=float(metres[unit]),
            reason=_reason(rank, unit, order, arrival, table[int(codes[unit])].name),
        )
        for rank, unit in enumerate(order)
    )
    free = table.free(codes)
    excluded = {
        unit: _obstacle(table[int(codes[unit])].name, bool(free[unit]), bool(fits[unit]))
        for unit in np.flatnonzero(~sendable).tolist()
    }
    said = None
    if order and policy is not CLOSEST and isinstance(policy, Explains):
        said = policy.explain(state, order[0])
    if said is not None:
        first = candidates[0]
        at = first.reason.partition(": ")[2]
        candidates = (replace(first, reason=f"{said.words}: {at}"), *candidates[1:])
    return Recommendation(order[0] if order else -1, candidates, excluded, said)


def bases_of(base: ArrayLike | None, units: int) -> NDArray[np.int64]:
    """Return the stations that free units cover from, as `DispatchState` has them.

    Parameters
    ----------
    base : array_like of int, shape (units,), or None
        Stations, -1 for none; None where nobody knows.
    units : int
        How many units there are.

    Returns
    -------
    ndarray of int64, shape (units,) or (0,)
        The same.

    Raises
    ------
    InputError
        There is not one for each unit.
    """
    if base is None:
        return np.zeros(0, dtype=np.int64)
    found = np.asarray(base, dtype=np.int64).reshape(-1)
    if len(found) != units:
        raise InputError(f"{len(found)} values for {units} units", field="base")
    return found


def _column(values: ArrayLike, units: int, field: str) -> NDArray[Any]:
    array = np.asarray(values).reshape(-1)
    if len(array) != units:
        raise InputError(f"{len(array)} values for {units} units", field=field)
    if array.dtype != np.bool_ and units and not np.all(array >= 0):
        first = int(np.flatnonzero(~(array >= 0))[0])
        raise InputError(f"unit {first} has {array[first]}", field=field, fix="give 0 or more")
    return array


def _ranking(policy: Policy, state: DispatchState, limit: int) -> list[int]:
    """Ask the policy again and again, each time without the units it chose before."""
    if policy is CLOSEST:  # what asking again and again comes to
        soonest = np.argsort(state.arrival_ms, kind="stable")[:limit]
        return [int(unit) for unit in soonest if state.arrival_ms[unit] < UNREACHABLE]
    left = state.arrival_ms.copy()
    order: list[int] = []
    while len(order) < limit and bool((left < UNREACHABLE).any()):
        asked = read_only(replace(state, arrival_ms=left))
        unit = checked_choice(policy.decide(asked), asked, type(policy).__name__)
        if unit < 0:
            break
        order.append(unit)
        left[unit] = UNREACHABLE
    return order


def _reason(rank: int, unit: int, order: list[int], arrival: NDArray[np.int64], status: str) -> str:
    minutes, seconds = divmod(round(arrival[unit] / 1000), 60)
    first = arrival[order[0]]
    if rank == 0:
        place = "on scene first" if first == arrival.min() else "the policy's choice"
    else:
        later = round((arrival[unit] - first) / 1000)
        place = f"{abs(later)} s {'later' if later >= 0 else 'sooner'} than the first"
    return f"{place}: {status}, {minutes} min {seconds:02d} s away"


def _obstacle(status: str, free: bool, fits: bool) -> str:
    if not free:
        return status
    if not fits:
        return "cannot do what the incident needs"
    return "no road leads there"
