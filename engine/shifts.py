"""Shifts that cover a need by hour of the week at least cost.

Set covering with whole numbers (Dantzig 1954, doi:10.1287/opre.2.3.339): so many of
each shift at each start that every hour has the vehicles that it needs. The week is a
circle: a shift that begins on Sunday night covers Monday morning.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from ortools.sat.python import cp_model

from routing.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

WEEK_H: Final = 168
"""Hours of a week; hour 0 begins on Monday at midnight."""

WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

_MOST_VEHICLES: Final = 10_000
_COST_STEP: Final = 1000  # costs are whole thousandths inside
_MOST_COST: Final = 1e6


@dataclass(frozen=True)
class Shift:
    """A kind of shift: when it may begin, and how long it lasts.

    Parameters
    ----------
    name : str
        What it is called.
    starts : tuple of int
        Hours of the week at which it may begin, each 0 to 167.
    hours : int
        Its length, 1 to 168.
    cost : float
        Of one such shift, in any unit, to the thousandth; 0 to a million.
    breaks : tuple of int
        Hours since its start in which its vehicle does not count.
    """

    name: str
    starts: tuple[int, ...]
    hours: int
    cost: float
    breaks: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what is no shift."""
        field = f"shift {self.name!r}"
        if not 1 <= self.hours <= WEEK_H:
            raise InputError(f"lasts {self.hours} h", field=field, fix="give 1 to 168 hours")
        if not self.starts:
            raise InputError("never begins", field=field, fix="give it a start")
        for start in self.starts:
            if not 0 <= start < WEEK_H:
                raise InputError(
                    f"begins at hour {start} of the week", field=field, fix="give 0 to 167"
                )
        if len(set(self.starts)) < len(self.starts):
            raise InputError(
                "names a start twice", field=field, fix="name each hour and each day once"
            )
        if not 0 <= self.cost <= _MOST_COST:
            raise InputError(f"costs {self.cost:g}", field=field, fix="give 0 to 1,000,000")
        for pause in self.breaks:
            if not 0 <= pause < self.hours:
                raise InputError(
                    f"has a break in its hour {pause}, but lasts {self.hours} h",
                    field=field,
                    fix=f"give 0 to {self.hours - 1}",
                )

    def covered(self, start: int) -> NDArray[np.int64]:
        """Return the hours of the week in which one such shift counts.

        Parameters
        ----------
        start : int
            Hour of the week at which it begins.

        Returns
        -------
        ndarray of int64
            Hours of the week.
        """
        at_work = np.setdiff1d(np.arange(self.hours, dtype=np.int64), self.breaks)
        return (start + at_work) % WEEK_H


@dataclass(frozen=True)
class ShiftRules:
    """The shifts that there are, and what the law allows.

    Parameters
    ----------
    shifts : tuple of Shift
        Kinds of shift, at least one, of different names.
    shortest_h, longest_h : int
        Legal limits of the length of a shift, ends included.
    short_cost : float, optional
        Price of an hour in which a vehicle is lacking, to the thousandth; None where
        the need must be met.
    """

    shifts: tuple[Shift, ...]
    shortest_h: int = 1
    longest_h: int = WEEK_H
    short_cost: float | None = None

    def __post_init__(self) -> None:
        """Refuse shifts that the law forbids, and a price that is none."""
        if not self.shifts:
            raise InputError("there is no shift", field="shifts", fix="give one")
        names = [shift.name for shift in self.shifts]
        if len(set(names)) < len(names):
            raise InputError(
                f"names repeat: {', '.join(names)}",
                field="shifts",
                fix="give each shift a name of its own",
            )
        for shift in self.shifts:
            if not self.shortest_h <= shift.hours <= self.longest_h:
                raise InputError(
                    f"lasts {shift.hours} h; allowed are {self.shortest_h} to {self.longest_h} h",
                    field=f"shift {shift.name!r}",
                    fix="change its hours, or the limits",
                )
        if self.short_cost is not None and not (
            _thousandths(self.short_cost) > 0 and self.short_cost <= _MOST_COST
        ):
            raise InputError(
                f"{self.short_cost:g} is no price",
                field="short_cost",
                fix="give 0.001 or more, or leave it out so that the need is met",
            )


@dataclass(frozen=True, eq=False)
class Roster:
    """How many of each shift, and what they cover.

    Parameters
    ----------
    starts : tuple of (str, int, int)
        Name of a shift, hour of the week at which it begins, how many begin; in the
        order of the shifts, then of the hours; only where at least one begins.
    cost : float
        Of all shifts, and of the hours in which vehicles are lacking.
    bound : float
        Nothing costs less.
    proven : bool
        Whether the cost is the least.
    covered : ndarray of int64, shape (168,)
        Vehicles at work in each hour of the week.
    over, under : ndarray of int64, shape (168,)
        Vehicles beyond the need, and lacking.
    vehicle_hours : int
        Paid hours: lengths of all shifts, breaks included.
    """

    starts: tuple[tuple[str, int, int], ...]
    cost: float
    bound: float
    proven: bool
    covered: NDArray[np.int64]
    over: NDArray[np.int64]
    under: NDArray[np.int64]
    vehicle_hours: int

    def to_json_dict(self) -> dict[str, Any]:
        """Return the roster as JSON.

        Returns
        -------
        dict
            The attributes; each start with its weekday and hour of the day.
        """
        return {
            "starts": [
                {"shift": name, "weekday": WEEKDAYS[at // 24], "hour": at % 24, "count": count}
                for name, at, count in self.starts
            ],
            "cost": self.cost,
            "bound": self.bound,
            "proven": self.proven,
            "covered": self.covered.tolist(),
            "over": self.over.tolist(),
            "under": self.under.tolist(),
            "vehicle_hours": self.vehicle_hours,
        }


def cover_need(need: ArrayLike, rules: ShiftRules, *, effort: float = 10.0) -> Roster:
    """Find the shifts that cover a need at least cost, and prove it.

    CP-SAT with one worker and a limit on counted work, so that the same question has
    the same answer on every machine.

    Parameters
    ----------
    need : array_like of int, shape (168,)
        Vehicles needed in each hour of the week, 0 or more.
    rules : ShiftRules
        The shifts.
    effort : float
        Units of counted work of CP-SAT (``max_deterministic_time``), about seconds.
        When they are spent, the best answer found comes with its bound.

    Returns
    -------
    Roster
        The shifts.

    Raises
    ------
    InputError
        The need is no need by hour of the week; no shift covers an hour that needs a
        vehicle (it is named); or nothing was found within the effort.
    """
    wanted = _checked(need)
    rows = [(shift, start) for shift in rules.shifts for start in sorted(shift.starts)]
    covers = np.zeros((len(rows), WEEK_H), dtype=np.bool_)
    for row, (shift, start) in enumerate(rows):
        covers[row, shift.covered(start)] = True
    if rules.short_cost is None:
        _check_each_hour(wanted, covers)
    count, bound, proven = _solve(wanted, rows, covers, rules.short_cost, effort)
    covered = count @ covers
    under = np.maximum(wanted - covered, 0)
    cost = sum(int(n) * _thousandths(shift.cost) for n, (shift, _) in zip(count, rows, strict=True))
    cost += int(under.sum()) * _thousandths(rules.short_cost or 0.0)
    return Roster(
        starts=tuple(
            (shift.name, start, int(n)) for n, (shift, start) in zip(count, rows, strict=True) if n
        ),
        cost=cost / _COST_STEP,
        bound=cost / _COST_STEP if proven else bound / _COST_STEP,
        proven=proven,
        covered=covered,
        over=np.maximum(covered - wanted, 0),
        under=under,
        vehicle_hours=sum(int(n) * shift.hours for n, (shift, _) in zip(count, rows, strict=True)),
    )


def _solve(
    wanted: NDArray[np.int64],
    rows: Sequence[tuple[Shift, int]],
    covers: NDArray[np.bool_],
    short_cost: float | None,
    effort: float,
) -> tuple[NDArray[np.int64], float, bool]:
    """Return how many of each row, a bound on the cost in thousandths, and if it is the least."""
    if not effort > 0:
        raise InputError(f"{effort:g} is no effort", field="effort", fix="give a number above 0")
    model = cp_model.CpModel()
    # more of a shift than the highest need among its hours cover nothing more
    most = [int(wanted[row].max(initial=0)) for row in covers]
    count = [model.new_int_var(0, most[i], "") for i in range(len(rows))]
    prices = [_thousandths(shift.cost) for shift, _ in rows]
    lacking: list[cp_model.IntVar] = []
    for hour in np.flatnonzero(wanted):
        terms = [count[i] for i in np.flatnonzero(covers[:, hour])]
        if short_cost is not None:
            lacking.append(model.new_int_var(0, int(wanted[hour]), ""))
            terms.append(lacking[-1])
        model.add(cp_model.LinearExpr.sum(terms) >= int(wanted[hour]))
    prices += [_thousandths(short_cost or 0.0)] * len(lacking)
    model.minimize(cp_model.LinearExpr.weighted_sum([*count, *lacking], prices))
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = 0
    solver.parameters.max_deterministic_time = effort
    status = solver.solve(model)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        raise InputError(
            f"no shifts were found within the effort of {effort:g}",
            field="effort",
            fix="give more, or allow fewer starts",
        )
    found = np.array([solver.value(each) for each in count], dtype=np.int64)
    return found, solver.best_objective_bound, status == cp_model.OPTIMAL


def _check_each_hour(wanted: NDArray[np.int64], covers: NDArray[np.bool_]) -> None:
    bare = np.flatnonzero((wanted > 0) & ~covers.any(axis=0))
    if len(bare):
        hour = int(bare[0])
        others = f", nor {len(bare) - 1} other hours" if len(bare) > 1 else ""
        raise InputError(
            f"no shift covers {WEEKDAYS[hour // 24]} {hour % 24:02d}:00, which needs "
            f"{wanted[hour]}{others}",
            field="shifts",
            fix="add a shift or a start, or give short_cost",
        )


def _checked(need: ArrayLike) -> NDArray[np.int64]:
    given = np.asarray(need)
    if given.shape == (7, 24):
        given = given.reshape(-1)
    if given.shape != (WEEK_H,):
        raise InputError(
            f"has shape {given.shape}", field="need", fix="give 168 hours of a week from Monday"
        )
    wrong = ~((given >= 0) & (given <= _MOST_VEHICLES) & (given == np.floor(given)))
    if wrong.any():
        hour = int(np.flatnonzero(wrong)[0])
        raise InputError(
            f"{given[hour]} vehicles in hour {hour} of the week",
            field="need",
            fix=f"give whole numbers from 0 to {_MOST_VEHICLES:,}",
        )
    return given.astype(np.int64)


def _thousandths(cost: float) -> int:
    return round(cost * _COST_STEP)
