"""Which units to send together: the response to an incident, its rivals, and why."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from engine.coverage_change import Covered
from engine.dispatch import CLOSEST, DispatchState, Policy, checked_choice, read_only
from engine.fleet import FMS, FREE_ON_RADIO, StatusTable
from engine.recommend import bases_of
from routing.errors import InputError
from routing.network import UNREACHABLE
from routing.uncertainty import TravelTimeSpread, arrival_probability, travel_time_quantile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray


LEAST_SHARE: Final = 0.0005
"""Smaller differences of coverage are not spoken of; in words they would be 0.0 %."""

_EIGHTY_PERCENT: Final = np.array([0.1, 0.9])


@dataclass(frozen=True)
class Demand:
    """Where help may be needed next, and how long it takes to get there.

    Parameters
    ----------
    times_ms : array_like of float, shape (units, zones)
        Time from the position of each unit to each zone, turnout included.
    weight : array_like of float, shape (zones,)
        Demand of each zone.
    limit_ms : float
        Time within which a zone counts as covered.
    row : array_like of int, shape (units,), optional
        The row of `times_ms` that holds for each unit, where it is not its own.
    leave_ms : array_like of int, shape (units,), optional
        Turnout of each unit, where `times_ms` does not hold it.
    """

    times_ms: ArrayLike
    weight: ArrayLike
    limit_ms: float
    row: ArrayLike | None = None
    leave_ms: ArrayLike | None = None

    def covered(self, free: ArrayLike) -> Covered:
        """Tell which demand free units reach.

        Parameters
        ----------
        free : array_like of bool, shape (units,)
            True where the unit can be sent.

        Returns
        -------
        Covered
            To ask who could be missed.
        """
        return Covered(self.times_ms, self.weight, free, self.limit_ms, self.row, self.leave_ms)


@dataclass(frozen=True)
class Reason:
    """A statement that follows from the numbers given with it.

    Parameters
    ----------
    kind : str
        ``closest``: nobody suitable could be there before. ``later``: `later_s` seconds
        after the closest. ``coverage``: `share` more of the demand stays covered than if
        the closest had gone; negative: less. ``empty``: nobody can fill the slot.
    words : str
        The same for people.
    slot : int
        The slot that it speaks of.
    later_s : float
        Seconds after the closest.
    share : float
        Part of the demand, 0 to 1.
    """

    kind: Literal["closest", "later", "coverage", "empty"]
    words: str
    slot: int
    later_s: float = 0.0
    share: float = 0.0


@dataclass(frozen=True)
class Sent:
    """A unit in a slot.

    Parameters
    ----------
    slot, unit : int
        Which fills which.
    arrival_s : float
        Seconds until it is on scene: turnout and the median drive.
    earliest_s, latest_s : float
        Between these it arrives with 80 % probability: 10 and 90 % quantiles.
    within : float
        Probability to arrive within what is left of the standard; NaN without one.
    """

    slot: int
    unit: int
    arrival_s: float
    earliest_s: float
    latest_s: float
    within: float


@dataclass(frozen=True)
class ResponseSet:
    """Units that go together.

    Parameters
    ----------
    alternative : int
        Which alternative of the plan they make up.
    sent : tuple of Sent
        The units, by slot.
    empty : tuple of int
        Slots that nobody fills.
    last_s : float
        Arrival of the last unit in seconds; 0 where nobody goes.
    coverage_before, coverage_after : float
        Covered share of the demand; NaN where no demand was given.
    reasons : tuple of Reason
        Why these.
    """

    alternative: int
    sent: tuple[Sent, ...]
    empty: tuple[int, ...]
    last_s: float
    coverage_before: float
    coverage_after: float
    reasons: tuple[Reason, ...]

    @property
    def units(self) -> tuple[int, ...]:
        """The units by slot."""
        return tuple(each.unit for each in self.sent)


@dataclass(frozen=True)
class Response:
    """The recommended set first, then the next best that differ from it and each other.

    Parameters
    ----------
    sets : tuple of ResponseSet
        At least one; the first may have empty slots, the others have no more than it.
    passed_over : dict of (int, int) to str
        For each empty slot of the first set and each unit, why it does not fill it.
    """

    sets: tuple[ResponseSet, ...]
    passed_over: dict[tuple[int, int], str]


@dataclass(frozen=True, eq=False)
class _Fleet:
    status: NDArray[np.int8]
    returning: NDArray[np.bool_]
    suitable: NDArray[np.bool_]
    reach_ms: NDArray[np.float64]
    turnout_ms: NDArray[np.float64]
    travel_ms: NDArray[np.float64]
    idle: NDArray[np.bool_]


def respond(
    *,
    plan: Sequence[Sequence[int]],
    suitable: ArrayLike,
    status: ArrayLike,
    travel_ms: ArrayLike,
    turnout_ms: ArrayLike,
    policy: Policy = CLOSEST,
    priority: int = 0,
    now_ms: float = 0.0,
    waiting_ms: float = 0.0,
    limit_ms: float | None = None,
    spread: TravelTimeSpread | None = None,
    demand: Demand | None = None,
    returning: ArrayLike | None = None,
    base: ArrayLike | None = None,
    zone: int = -1,
    period: int = 0,
    sets: int = 3,
    table: StatusTable = FMS,
) -> Response:
    """Find the units that a policy sends together, and the next best sets.

    The policy fills the slots of each alternative in their order, each among the units
    not yet taken. Alternatives compare as in the event loop: fewest empty slots, then
    the earliest last arrival, then their order. The next best are found by forbidding a
    unit of a set already found, or a whole alternative, and choosing again.

    Parameters
    ----------
    plan : sequence of sequences of int
        Alternatives, each the needs (rows of `suitable`) of its slots.
    suitable : array_like of bool, shape (needs, units)
        True where the unit has what the need asks for.
    status : array_like of int, shape (units,)
        Status code in force.
    travel_ms : array_like of int, shape (units,)
        Median drive; UNREACHABLE where there is no road.
    turnout_ms : array_like of int, shape (units,)
        Turnout of each crew, which counts where it is in its station.
    policy : Policy
        The rule.
    priority : int
        Priority of the incident, 0 first.
    now_ms, waiting_ms : float
        The time, and how long the incident waits.
    limit_ms : float, optional
        What the standard leaves until the arrival, from now.
    spread : TravelTimeSpread, optional
        How drives scatter; by default ``TravelTimeSpread()``. Turnout is taken as sure.
    demand : Demand, optional
        What coverage is computed from.
    returning : array_like of bool, shape (units,), optional
        Units on their way home; by default those free on radio.
    base : array_like of int, shape (units,), optional
        Station where each free unit stands or that it drives to, -1 for the others.
    zone, period : int
        Where the incident is, and the row of drives that hold; see `DispatchState`.
    sets : int
        Most sets to find.
    table : StatusTable
        What the codes mean.

    Returns
    -------
    Response
        The sets, best first.

    Raises
    ------
    InputError
        The plan is empty or names an unknown need, shapes differ, or a status is unknown.
    """
    fleet = _fleet(suitable, status, travel_ms, turnout_ms, returning, table)
    _check_plan(plan, len(fleet.suitable))
    asked = DispatchState(
        now_ms=float(now_ms),
        priority=priority,
        waiting_ms=float(waiting_ms),
        status=fleet.status,
        returning=fleet.returning,
        suitable=np.zeros(len(fleet.status), dtype=np.bool_),
        arrival_ms=fleet.reach_ms,
        base=bases_of(base, len(fleet.status)),
        zone=zone,
        period=period,
    )
    found = _best_sets(plan, fleet, asked, policy, sets)
    covered = None
    if demand is not None:
        covered = demand.covered(fleet.idle)
    told = []
    arrivals = _arrivals([chosen for _, chosen in found], fleet, limit_ms, spread)
    for (alternative, chosen), sent in zip(found, arrivals, strict=True):
        units = [each.unit for each in sent]
        before, after = _coverage(covered, units)
        told.append(
            ResponseSet(
                alternative,
                sent,
                tuple(slot for slot, unit in enumerate(chosen) if unit < 0),
                max((each.arrival_s for each in sent), default=0.0),
                before,
                after,
                _reasons(plan[alternative], chosen, fleet, covered, after),
            )
        )
    alternative, chosen = found[0]
    passed_over = {
        (slot, unit): _obstacle(unit, plan[alternative][slot], chosen, fleet, table)
        for slot, filler in enumerate(chosen)
        if filler < 0
        for unit in range(len(fleet.status))
    }
    return Response(tuple(told), passed_over)


def _fleet(
    suitable: ArrayLike,
    status: ArrayLike,
    travel_ms: ArrayLike,
    turnout_ms: ArrayLike,
    returning: ArrayLike | None,
    table: StatusTable,
) -> _Fleet:
    codes = table.checked(status)
    travel = np.asarray(travel_ms, dtype=np.float64).reshape(-1)
    turnout = np.asarray(turnout_ms, dtype=np.float64).reshape(-1)
    fits = np.asarray(suitable, dtype=np.bool_)
    for field, shape in (
        ("travel_ms", travel.shape),
        ("turnout_ms", turnout.shape),
        ("suitable", fits.shape[1:]),
    ):
        if shape != codes.shape:
            raise InputError(f"shape {shape} for {len(codes)} units", field=field)
    for field, values in (("travel_ms", travel), ("turnout_ms", turnout)):
        if not (values >= 0).all():
            raise InputError("a time is negative", field=field, fix="give 0 or more")
    turnout = np.where(table.at_station(codes), turnout, 0.0)
    idle = table.free(codes)
    reach = np.where(idle & (travel < UNREACHABLE), turnout + travel, float(UNREACHABLE))
    moving = codes == FREE_ON_RADIO if returning is None else np.asarray(returning)
    return _Fleet(codes, moving.astype(np.bool_), fits, reach, turnout, travel, idle)


def _check_plan(plan: Sequence[Sequence[int]], needs: int) -> None:
    if not plan or not all(len(slots) for slots in plan):
        raise InputError("no slot", field="plan", fix="give each alternative at least one need")
    unknown = [need for slots in plan for need in slots if not 0 <= need < needs]
    if unknown:
        raise InputError(
            f"need {unknown[0]} is not there", field="plan", fix=f"needs are 0 to {needs - 1}"
        )


_Found = tuple[int, tuple[int, ...]]


def _best_sets(
    plan: Sequence[Sequence[int]], fleet: _Fleet, base: DispatchState, policy: Policy, most: int
) -> list[_Found]:
    """Find the best set, then the best of those without one of its units, and so on."""
    nobody = frozenset[int]()
    asked: set[frozenset[int]] = {nobody}
    pool = _options(plan, fleet, base, policy, nobody)
    found: list[_Found] = []
    seen: set[frozenset[int]] = set()
    while pool and len(found) < most:
        pool.sort(key=lambda each: each[0])
        key, chosen, barred = pool.pop(0)
        who = frozenset(chosen) - {-1}
        if who not in seen or not found:
            if found and key[0] > sum(unit < 0 for unit in found[0][1]):
                break
            seen.add(who)
            found.append((key[2], chosen))
        for unit in sorted(who):
            without = barred | {unit}
            if without not in asked and len(asked) <= most * most * 16:
                asked.add(without)
                pool += _options(plan, fleet, base, policy, without)
    return found


def _options(
    plan: Sequence[Sequence[int]],
    fleet: _Fleet,
    base: DispatchState,
    policy: Policy,
    barred: frozenset[int],
) -> list[tuple[tuple[int, float, int], tuple[int, ...], frozenset[int]]]:
    options = []
    for alternative, slots in enumerate(plan):
        left = fleet.reach_ms.copy()
        left[list(barred)] = UNREACHABLE
        chosen = []
        for need in slots:
            arrival = np.where(fleet.suitable[need], left, float(UNREACHABLE))
            unit = int(arrival.argmin()) if len(arrival) else -1
            if unit >= 0 and arrival[unit] >= UNREACHABLE:
                unit = -1
            elif unit >= 0 and policy is not CLOSEST:
                state = read_only(replace(base, suitable=fleet.suitable[need], arrival_ms=arrival))
                unit = checked_choice(policy.decide(state), state, type(policy).__name__)
            chosen.append(unit)
            if unit >= 0:
                left[unit] = UNREACHABLE
        last = max((float(fleet.reach_ms[u]) for u in chosen if u >= 0), default=0.0)
        empty = sum(unit < 0 for unit in chosen)
        options.append(((empty, last, alternative), tuple(chosen), barred))
    return options


def _arrivals(
    sets: Sequence[tuple[int, ...]],
    fleet: _Fleet,
    limit_ms: float | None,
    spread: TravelTimeSpread | None,
) -> list[tuple[Sent, ...]]:
    """Say when the units of each set arrive, all reckoned at once."""
    units = list({unit: None for chosen in sets for unit in chosen if unit >= 0})
    turnout, travel = fleet.turnout_ms[units], fleet.travel_ms[units]
    ends = turnout[:, None] + travel_time_quantile(travel[:, None], _EIGHTY_PERCENT, spread)
    within = np.full(len(units), np.nan)
    if limit_ms is not None:
        within = arrival_probability(travel, limit_ms - turnout, spread)
    rows = zip(fleet.reach_ms[units].tolist(), ends.tolist(), within.tolist(), strict=True)
    known = dict(zip(units, rows, strict=True))
    told = []
    for chosen in sets:
        sent = []
        for slot, unit in enumerate(chosen):
            if unit >= 0:
                reach, (early, late), share = known[unit]
                sent.append(Sent(slot, unit, reach / 1000, early / 1000, late / 1000, share))
        told.append(tuple(sent))
    return told


def _coverage(covered: Covered | None, units: list[int]) -> tuple[float, float]:
    return (np.nan, np.nan) if covered is None else (covered.before, covered.without(units))


def _reasons(
    slots: Sequence[int],
    chosen: tuple[int, ...],
    fleet: _Fleet,
    covered: Covered | None,
    after: float,
) -> tuple[Reason, ...]:
    """Compare each unit with the closest that could fill its slot, the others as they are."""
    reasons = []
    for slot, (need, unit) in enumerate(zip(slots, chosen, strict=True)):
        if unit < 0:
            reasons.append(Reason("empty", "no unit can fill this slot", slot))
            continue
        others = [u for u in chosen if u >= 0 and u != unit]
        arrival = np.where(fleet.suitable[need], fleet.reach_ms, float(UNREACHABLE))
        arrival[others] = UNREACHABLE
        closest = int(arrival.argmin())
        later_s = float(arrival[unit] - arrival[closest]) / 1000
        if later_s == 0:
            reasons.append(Reason("closest", "the closest that can be sent", slot))
            continue
        words = f"{later_s:.0f} s later than the closest"
        reasons.append(Reason("later", words, slot, later_s=later_s))
        if covered is not None:
            _, instead = _coverage(covered, [*others, closest])
            share = after - instead
            if abs(share) >= LEAST_SHARE:
                leaves = "more" if share > 0 else "less"
                but = "but" if share > 0 else "and"
                words = f"{but} leaves {abs(share):.1%} {leaves} of the demand covered"
                reasons.append(Reason("coverage", words, slot, later_s, share))
    return tuple(reasons)


def _obstacle(
    unit: int, need: int, chosen: tuple[int, ...], fleet: _Fleet, table: StatusTable
) -> str:
    if not fleet.idle[unit]:
        return table[int(fleet.status[unit])].name
    if not fleet.suitable[need, unit]:
        return "cannot do what the slot needs"
    if fleet.travel_ms[unit] >= UNREACHABLE:
        return "no road leads there"
    if unit in chosen:
        return f"fills slot {chosen.index(unit)}"
    return "not sent by the policy"
