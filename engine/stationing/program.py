"""The integer program that all models with side constraints share.

Variables are the buildings, open or closed, and the units of each layer at each site;
rows hold numbers, room, budget and the floors of districts. Models add what they want.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy import sparse

from engine.stationing.cover_rows import cover_rows
from engine.stationing.mip import Answer, Program, minimise
from routing.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from engine.stationing.cover_rows import CoverRows
    from engine.stationing.problem import Layer, LocationProblem

NO_PLAN: Final = "no plan meets all that is demanded"
"""What to say where nothing better is known."""

_ROUNDING: Final = 1e-9
_SHORT: Final = 1e-6


class ProgramBuilder:
    """A program that grows block by block; minimises."""

    def __init__(self) -> None:
        self.count = 0
        self._rows = 0
        self._lower: list[NDArray[np.float64]] = []
        self._upper: list[NDArray[np.float64]] = []
        self._cost: list[NDArray[np.float64]] = []
        self._whole: list[NDArray[np.bool_]] = []
        self._entries: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]] = []
        self._at_least: list[NDArray[np.float64]] = []
        self._at_most: list[NDArray[np.float64]] = []

    def variables(
        self,
        count: int,
        *,
        lower: NDArray[np.float64] | float = 0.0,
        upper: NDArray[np.float64] | float = np.inf,
        cost: NDArray[np.float64] | float = 0.0,
        whole: bool = False,
    ) -> NDArray[np.int64]:
        """Add variables.

        Parameters
        ----------
        count : int
            How many.
        lower, upper : ndarray of float64 or float
            Their limits.
        cost : ndarray of float64 or float
            Their cost in the objective.
        whole : bool
            Whether they are whole numbers.

        Returns
        -------
        ndarray of int64, shape (count,)
            Their columns.
        """
        for store, value in ((self._lower, lower), (self._upper, upper), (self._cost, cost)):
            store.append(np.broadcast_to(np.asarray(value, np.float64), (count,)))
        self._whole.append(np.full(count, whole))
        self.count += count
        return np.arange(self.count - count, self.count)

    def rows(
        self,
        count: int,
        *terms: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64] | float],
        at_least: NDArray[np.float64] | float = -np.inf,
        at_most: NDArray[np.float64] | float = np.inf,
    ) -> None:
        """Add rows.

        Parameters
        ----------
        count : int
            How many.
        *terms : tuple of (rows from 0, columns, coefficients)
            Their entries; those of one place add up.
        at_least, at_most : ndarray of float64 or float
            Their limits.
        """
        for row, column, value in terms:
            shape = np.broadcast_shapes(row.shape, column.shape)
            self._entries.append(
                (
                    np.broadcast_to(row, shape) + self._rows,
                    np.broadcast_to(column, shape),
                    np.broadcast_to(np.asarray(value, np.float64), shape),
                )
            )
        self._at_least.append(np.broadcast_to(np.asarray(at_least, np.float64), (count,)))
        self._at_most.append(np.broadcast_to(np.asarray(at_most, np.float64), (count,)))
        self._rows += count

    def row(
        self,
        *terms: tuple[NDArray[np.int64], NDArray[np.float64] | float],
        at_least: float = -np.inf,
        at_most: float = np.inf,
    ) -> None:
        """Add one row.

        Parameters
        ----------
        *terms : tuple of (columns, coefficients)
            Its entries; those of one place add up.
        at_least, at_most : float
            Its limits.
        """
        first = np.zeros(1, np.int64)
        self.rows(
            1,
            *((first, columns, values) for columns, values in terms),
            at_least=at_least,
            at_most=at_most,
        )

    def cost(self, values: NDArray[np.float64]) -> float:
        """Compute the objective of a solution.

        Parameters
        ----------
        values : ndarray of float64
            Values of all variables.

        Returns
        -------
        float
            Its cost.
        """
        return float(np.concatenate(self._cost) @ values)

    def build(self) -> Program:
        """Return the program.

        Returns
        -------
        Program
            As it stands now.
        """
        row, column, value = (
            np.concatenate([np.zeros(0, kind), *(entry[place].ravel() for entry in self._entries)])
            for place, kind in enumerate((np.int64, np.int64, np.float64))
        )
        return Program(
            matrix=sparse.csr_array((value, (row, column)), shape=(self._rows, self.count)),
            at_least=np.concatenate([np.zeros(0), *self._at_least]),
            at_most=np.concatenate([np.zeros(0), *self._at_most]),
            objective=np.concatenate(self._cost),
            lower=np.concatenate(self._lower),
            upper=np.concatenate(self._upper),
            integer=np.concatenate(self._whole),
        )


@dataclass(frozen=True, eq=False)
class Frame:
    """A program with its buildings and units.

    Parameters
    ----------
    problem : LocationProblem
        What is asked.
    builder : ProgramBuilder
        The program, to add to.
    opened : ndarray of int64, shape (m,)
        Columns of the buildings.
    units : list of ndarray of int64, shape (m,)
        Columns of the units of each layer; those of the buildings where all serve.
    shortfall : ndarray of int64, shape (floors,)
        Columns of what floors are short by; none unless asked for.
    """

    problem: LocationProblem
    builder: ProgramBuilder
    opened: NDArray[np.int64]
    units: list[NDArray[np.int64]]
    shortfall: NDArray[np.int64]

    def cover(
        self,
        rows: CoverRows,
        units: NDArray[np.int64],
        counted: NDArray[np.int64],
        row: NDArray[np.int64],
        times: float = 1.0,
    ) -> None:
        """Hold variables that count coverage to the units that cover.

        Parameters
        ----------
        rows : CoverRows
            Groups of demand.
        units : ndarray of int64, shape (m,)
            Columns of units.
        counted : ndarray of int64, shape (c,)
            Columns that count coverage.
        row : ndarray of int64, shape (c,)
            The group of each.
        times : float
            How often one of `units` covers.
        """
        groups = len(rows.weight)
        of_site = np.repeat(np.arange(groups), np.diff(rows.ptr))
        self.builder.rows(
            groups, (row, counted, 1.0), (of_site, units[rows.sites], -times), at_most=0.0
        )

    def require(self, rows: CoverRows, units: NDArray[np.int64]) -> None:
        """Hold every group to be covered.

        Parameters
        ----------
        rows : CoverRows
            Groups of demand.
        units : ndarray of int64, shape (m,)
            Columns of units.
        """
        groups = len(rows.weight)
        of_site = np.repeat(np.arange(groups), np.diff(rows.ptr))
        self.builder.rows(groups, (of_site, units[rows.sites], 1.0), at_least=1.0)

    def read(self, values: NDArray[np.float64]) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
        """Read buildings and units off a solution.

        Parameters
        ----------
        values : ndarray of float64
            Values of all variables.

        Returns
        -------
        opened : ndarray of bool, shape (m,)
            Open sites.
        units : ndarray of int64, shape (layers, m)
            Units at each.
        """
        opened = np.rint(values[self.opened]) > 0
        units = np.array([np.rint(values[columns]) for columns in self.units]).astype(np.int64)
        if self.problem.k is None:
            # nothing speaks for an empty building, unless it costs more to close
            opened &= units.any(axis=0) | self.problem.kept | (_prices(self.problem) < 0)
        return opened, units


def frame_of(
    problem: LocationProblem,
    *,
    floors: bool = True,
    budget: bool = True,
    elastic: bool = False,
    priced: bool = False,
) -> Frame:
    """Write down what every plan of a problem must keep to.

    Parameters
    ----------
    problem : LocationProblem
        What is asked.
    floors, budget : bool
        Whether to heed them.
    elastic : bool
        Whether floors may be missed, at the cost of what is short.
    priced : bool
        Whether the objective is the cost of stations and closures.

    Returns
    -------
    Frame
        The program so far.
    """
    builder = ProgramBuilder()
    price = _prices(problem)
    opened = builder.variables(
        problem.sites,
        lower=problem.kept.astype(np.float64),
        upper=problem.allowed.astype(np.float64),
        cost=price if priced else 0.0,
        whole=True,
    )
    if problem.k is not None:
        builder.row((opened, 1.0), at_least=problem.k, at_most=problem.k)
    units = []
    for layer in problem.layers:
        if layer.units is None:
            units.append(opened)
            continue
        room = problem.room(layer).astype(np.float64)
        placed = builder.variables(problem.sites, upper=room, whole=True)
        everywhere = np.arange(problem.sites)
        builder.rows(
            problem.sites, (everywhere, placed, 1.0), (everywhere, opened, -room), at_most=0.0
        )
        builder.row((placed, 1.0), at_least=layer.units, at_most=layer.units)
        units.append(placed)
    if budget and problem.budget is not None:
        left = problem.budget - _fixed_cost(problem)
        builder.row((opened, price), at_most=left + _ROUNDING * max(1.0, problem.budget))
    count = len(problem.floors) if floors and elastic else 0
    shortfall = builder.variables(count, cost=1.0)
    frame = Frame(problem, builder, opened, units, shortfall)
    if floors:
        _add_floors(frame)
    return frame


def _prices(problem: LocationProblem) -> NDArray[np.float64]:
    """Return what opening each site adds to the cost, a closure saved taken off."""
    nothing = np.zeros(problem.sites)
    station = nothing if problem.station_cost is None else problem.station_cost
    return station - (nothing if problem.closing_cost is None else problem.closing_cost)


def _fixed_cost(problem: LocationProblem) -> float:
    return problem.cost(())


def _add_floors(frame: Frame) -> None:
    for place, floor in enumerate(frame.problem.floors):
        short = frame.shortfall[[place]] if len(frame.shortfall) else frame.shortfall
        for layer, units in zip(frame.problem.layers, frame.units, strict=True):
            add_share(frame, layer, units, floor.share, among=floor.demand, short=short)


def add_share(
    frame: Frame,
    layer: Layer,
    units: NDArray[np.int64],
    share: float,
    *,
    among: NDArray[np.bool_] | None = None,
    short: NDArray[np.int64] | None = None,
) -> None:
    """Hold a share of demand to be covered.

    Parameters
    ----------
    frame : Frame
        The program.
    layer : Layer
        Whose demand, and within which limit.
    units : ndarray of int64, shape (m,)
        Columns of the layer's units.
    share : float
        Least share of the weight that is covered.
    among : ndarray of bool, shape (n,), optional
        Demand points that count; all by default.
    short : ndarray of int64, shape (0 or 1,), optional
        Column of what the share may be missed by.
    """
    covers, weight = layer.covers(), layer.weight
    if among is not None:
        covers, weight = covers[:, among], weight[among]
    total = float(weight.sum())
    if total == 0 or share == 0:
        return
    rows = cover_rows(covers, weight)
    groups = np.arange(len(rows.weight))
    counted = frame.builder.variables(len(groups), upper=1.0)
    frame.cover(rows, units, counted, groups)
    terms: list[tuple[NDArray[np.int64], NDArray[np.float64] | float]] = [
        (counted, rows.weight / total)
    ]
    if short is not None and len(short):
        terms.append((short, 1.0))
    frame.builder.row(*terms, at_least=share - _ROUNDING)


def solve_frame(
    frame: Frame,
    seconds: float,
    stopped: Callable[[], bool],
    *,
    tolerance: float,
    otherwise: str = NO_PLAN,
) -> Answer:
    """Solve a program as it stands.

    Parameters
    ----------
    frame : Frame
        The program.
    seconds : float
        Time limit.
    stopped : callable
        Asked now and then; ends the search.
    tolerance : float
        Absolute gap that is good enough.
    otherwise : str
        What to say where there is no plan and neither floors nor budget stand against it.

    Returns
    -------
    Answer
        The best solution and the bound.

    Raises
    ------
    InputError
        There is no plan; the message says what stands against it.
    """
    answer = minimise(frame.builder.build(), seconds=seconds, tolerance=tolerance, stopped=stopped)
    if answer.values is None and np.isposinf(answer.bound):
        raise why_infeasible(frame.problem, seconds, otherwise)
    return answer


def no_plan_in_time(problem: LocationProblem) -> InputError:
    """Say that the time was too short for any plan.

    Parameters
    ----------
    problem : LocationProblem
        What was asked.

    Returns
    -------
    InputError
        To be raised.
    """
    return InputError(
        f"no plan was found in {problem.time_limit_s:g} s",
        field="time_limit_s",
        fix="give more time, or fewer candidate sites",
    )


def why_infeasible(
    problem: LocationProblem, seconds: float, otherwise: str = NO_PLAN
) -> InputError:
    """Find out what stands against any plan.

    Parameters
    ----------
    problem : LocationProblem
        What was asked, without a plan.
    seconds : float
        Time for finding out.
    otherwise : str
        What to say where neither floors nor budget stand against a plan.

    Returns
    -------
    InputError
        The message names the floors or the budget, and by how much they are missed.
    """
    if problem.floors and (error := _missed_floors(problem, seconds)):
        return error
    if problem.budget is not None:
        cheapest = frame_of(problem, budget=False, priced=True)
        answer = minimise(cheapest.builder.build(), seconds=seconds, tolerance=0.0)
        if answer.values is not None:
            opened, _ = cheapest.read(answer.values)
            least = problem.cost(np.flatnonzero(opened).tolist())
            return InputError(
                f"a budget of {problem.budget:g}, but the cheapest plan costs {least:g}",
                field="budget",
                fix=f"give at least {least:g}, or fewer stations or units",
            )
    return InputError(
        otherwise,
        field="stations",
        fix="give more stations, units or room, or longer limits",
    )


def _missed_floors(problem: LocationProblem, seconds: float) -> InputError | None:
    """Name the floors that have to be missed, the plan chosen that misses least."""
    for limited in (replace(problem, budget=None), problem):
        frame = frame_of(limited, elastic=True)
        answer = minimise(frame.builder.build(), seconds=seconds, tolerance=_SHORT)
        if answer.values is None:
            continue
        short = answer.values[frame.shortfall]
        missed = np.flatnonzero(short > _SHORT)
        if not len(missed):
            continue
        said = "; ".join(
            f"{problem.floors[f].name} reaches {problem.floors[f].share - short[f]:.1%}"
            f" of {problem.floors[f].share:.1%}"
            for f in missed[:5]
        )
        within = "the budget" if limited.budget is not None else "these stations and units"
        return InputError(
            f"the floor cannot be met with {within}: at best {said}",
            field="floor",
            fix="lower the floor, or give more stations, candidates or a longer limit",
        )
    return None


def covered_by_nobody(problem: LocationProblem, layer: Layer) -> InputError | None:
    """Say which demand no site covers and how far off it is.

    Parameters
    ----------
    problem : LocationProblem
        What is asked.
    layer : Layer
        One of its layers.

    Returns
    -------
    InputError or None
        To be raised; none where every demand point can be covered.
    """
    nearest = np.where(problem.allowed[:, None], layer.travel_s, np.inf).min(axis=0)
    limit = layer.limit()
    outside = np.flatnonzero((nearest > limit) & (layer.weight > 0))
    if not len(outside):
        return None
    worst = outside[np.argsort(-nearest[outside], kind="stable")]
    said = ", ".join(
        f"{problem.name_of(int(point))} ("
        + (f"{nearest[point] - limit:.0f} s too far" if np.isfinite(nearest[point]) else "no road")
        + ")"
        for point in worst[:3]
    )
    share = layer.weight[outside].sum() / layer.weight.sum()
    return InputError(
        f"no candidate site covers {len(outside)} demand points, {share:.1%} of the demand, "
        f"within {limit:g} s: {said}{', ...' if len(outside) > 3 else ''}",
        field="candidates",
        fix="give candidates nearer to them, a longer limit, or a share below 1 to cover",
    )
