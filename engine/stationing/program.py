"""The integer program that all models with side constraints share.

Variables are the buildings, open or closed, and the units of each layer at each site;
rows hold numbers, room, budget and the floors of districts. Models add what they want.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy import sparse

from engine.mip import Program
from engine.stationing.cover_rows import cover_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.stationing.cover_rows import CoverRows
    from engine.stationing.problem import Layer, LocationProblem

_ROUNDING: Final = 1e-9


class ProgramBuilder:
    """A program that grows block by block; minimises."""

    def __init__(self) -> None:
        self.count = 0
        self.height = 0
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
                    np.broadcast_to(row, shape) + self.height,
                    np.broadcast_to(column, shape),
                    np.broadcast_to(np.asarray(value, np.float64), shape),
                )
            )
        self._at_least.append(np.broadcast_to(np.asarray(at_least, np.float64), (count,)))
        self._at_most.append(np.broadcast_to(np.asarray(at_most, np.float64), (count,)))
        self.height += count

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
            matrix=sparse.csr_array((value, (row, column)), shape=(self.height, self.count)),
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
    budget_row : int or None
        Row of the budget.
    """

    problem: LocationProblem
    builder: ProgramBuilder
    opened: NDArray[np.int64]
    units: list[NDArray[np.int64]]
    shortfall: NDArray[np.int64]
    budget_row: int | None

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
            opened &= units.any(axis=0) | self.problem.kept | (prices(self.problem) < 0)
        return opened, units


def budget_slack(budget: float) -> float:
    """Return by how much rounding may let a plan exceed its budget.

    Parameters
    ----------
    budget : float
        The budget.

    Returns
    -------
    float
        A thousand-millionth of it, a thousand-millionth at least.
    """
    return _ROUNDING * max(1.0, budget)


def frame_of(
    problem: LocationProblem,
    *,
    elastic: bool = False,
    priced: bool = False,
) -> Frame:
    """Write down what every plan of a problem must keep to.

    Parameters
    ----------
    problem : LocationProblem
        What is asked.
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
    price = prices(problem)
    opened = builder.variables(
        problem.sites,
        lower=problem.kept.astype(np.float64),
        upper=problem.allowed.astype(np.float64),
        cost=price if priced else 0.0,
        whole=True,
    )
    least, most = (1, problem.sites) if problem.k is None else (problem.k, problem.k)
    builder.row((opened, 1.0), at_least=least, at_most=most)
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
    budget_row = None
    if problem.budget is not None:
        budget_row = builder.height
        left = problem.budget - problem.cost(())
        builder.row((opened, price), at_most=left + budget_slack(problem.budget))
    shortfall = builder.variables(len(problem.floors) if elastic else 0, cost=1.0)
    frame = Frame(problem, builder, opened, units, shortfall, budget_row)
    for place, floor in enumerate(problem.floors):
        for layer, columns in zip(problem.layers, units, strict=True):
            short = shortfall[[place]] if elastic else shortfall
            add_share(frame, layer, columns, floor.share, among=floor.demand, short=short)
    return frame


def prices(problem: LocationProblem) -> NDArray[np.float64]:
    """Return what opening each site adds to the cost, a closure saved taken off.

    Parameters
    ----------
    problem : LocationProblem
        What is asked.

    Returns
    -------
    ndarray of float64, shape (m,)
        Price of each site; below zero where closing it costs more.
    """
    nothing = np.zeros(problem.sites)
    station = nothing if problem.station_cost is None else problem.station_cost
    return station - (nothing if problem.closing_cost is None else problem.closing_cost)


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
