"""Gains under side constraints, by integer programming.

Where a unit is worth one or nothing, groups of equal cover sets and their concave gains
are written down at once. Graded worth is bounded by cuts, added in rounds: the gain of a
demand point is a sum over levels of worth of a concave function of how many units reach
that level, so the chords of that function around any point bound it from above, and are
exact there (Benders cuts; for the p-median those of Duran-Mateluna, Ales and Elloumi 2023,
doi:10.1016/j.ejor.2022.11.033).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from engine.mip import Answer, minimise
from engine.stationing.cover_rows import cover_rows
from engine.stationing.infeasible import no_plan_in_time, why_infeasible
from engine.stationing.program import frame_of
from engine.stationing.reduction import merge_alike

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from engine.mip import Program
    from engine.stationing.problem import LocationProblem
    from engine.stationing.program import Frame, ProgramBuilder

_RELAXED_ROUNDS: Final = 60
_TAIL: Final = 1e-6
_VIOLATED: Final = 1e-7
_RELATIVE: Final = 1e-7
_TIGHTENED: Final = 2
_LEAST_S: Final = 0.01


class GradedGain:
    """Gains of one layer of graded worth, as cuts come in.

    Parameters
    ----------
    builder : ProgramBuilder
        The program.
    units : ndarray of int64, shape (m,)
        Columns of the layer's units.
    worth : ndarray of float64, shape (m, n)
        What a unit is worth.
    weight : ndarray of float64, shape (n,)
        How much each demand point counts.
    steps : ndarray of float64, shape (s,)
        What the best unit counts, the second best and so on.
    opened : ndarray of int64, shape (m,), optional
        Columns of the buildings that the units stand in; of the units themselves by
        default.
    """

    def __init__(
        self,
        builder: ProgramBuilder,
        units: NDArray[np.int64],
        worth: NDArray[np.float64],
        weight: NDArray[np.float64],
        steps: NDArray[np.float64],
        opened: NDArray[np.int64] | None = None,
    ) -> None:
        useful = (weight > 0) & worth.any(axis=0)
        worth, weight = merge_alike(worth[:, useful], weight[useful])
        self.units = units
        self._opened = units if opened is None else opened
        self._builder = builder
        self._order = np.argsort(-worth, axis=0, kind="stable")
        ranked = np.take_along_axis(worth, self._order, axis=0)
        below = np.vstack([ranked[1:], np.zeros((1, worth.shape[1]))])
        self._drop = ranked - below
        self._after = np.append(steps, 0.0)
        self._sum = np.concatenate([[0.0], np.cumsum(steps)])
        self.weight = weight
        # the gain over the most there can be, so that all variables are alike
        self._scale = steps.sum() * ranked[0]
        self.gain = self._builder.variables(len(weight), upper=1.0, cost=-weight * self._scale)

    def add_violated(self, values: NDArray[np.float64]) -> float:
        """Add the cuts that a solution breaks.

        Parameters
        ----------
        values : ndarray of float64
            Values of all variables.

        Returns
        -------
        float
            By how much the solution overstates its gain.
        """
        by_unit, by_site, start, real = self._chords(values[self.units], values[self._opened])
        broken = np.flatnonzero(values[self.gain] * self._scale > real + _VIOLATED * self._scale)
        if len(broken):
            everyone = np.arange(len(broken))
            terms = [(everyone, self.gain[broken], 1.0)]
            for slope, columns in ((by_unit, self.units), (by_site, self._opened)):
                rising = np.cumsum(slope[::-1, broken], axis=0)[::-1]
                rank, row = np.nonzero(rising)
                terms.append(
                    (
                        row,
                        columns[self._order[rank, broken[row]]],
                        -rising[rank, row] / self._scale[broken[row]],
                    )
                )
            at_most = start[:, broken].sum(axis=0) / self._scale[broken]
            self._builder.rows(len(broken), *terms, at_most=at_most)
        return float(self.weight @ (values[self.gain] * self._scale - real))

    def at(self, units: NDArray[np.float64]) -> NDArray[np.float64]:
        """Compute the values of the gains where units are given.

        Parameters
        ----------
        units : ndarray of float64, shape (m,)
            Units at each site.

        Returns
        -------
        ndarray of float64, shape (gains,)
            Values of the variables `gain`.
        """
        *_, real = self._chords(units, units)
        return np.asarray(real / self._scale)

    def _chords(
        self, units: NDArray[np.float64], opened: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], ...]:
        """Return what bounds the gains around a solution, by rank of site and demand point.

        Where c units in o buildings reach a level, the concave function F of c is at most
        any of its chords, and at most theta_1 o + theta_2 (c - o): every building has a
        first unit, if any. The smaller one is taken; both are exact for whole numbers.
        """
        reached = np.cumsum(units[self._order], axis=0)
        houses = np.cumsum(opened[self._order], axis=0)
        whole = np.minimum(np.floor(reached + _VIOLATED), len(self._after) - 1).astype(np.int64)
        by_unit = self._drop * self._after[whole]
        start = self._drop * self._sum[whole] - by_unit * whole
        real = start + by_unit * reached
        first, second = self._after[0], self._after[1]
        crowded = self._drop * ((first - second) * houses + second * reached)
        tight = crowded < real - _VIOLATED * self._drop
        by_unit[tight] = (second * self._drop)[tight]
        start[tight] = 0.0
        by_site = np.where(tight, (first - second) * self._drop, 0.0)
        return by_unit, by_site, start, np.minimum(real, crowded).sum(axis=0)


class CoveringGain:
    """Gains of one layer whose units are worth one or nothing.

    Parameters
    ----------
    frame : Frame
        The program.
    units : ndarray of int64, shape (m,)
        Columns of the layer's units.
    covers : ndarray of bool, shape (m, n)
        Where a unit is worth one.
    weight : ndarray of float64, shape (n,)
        How much each demand point counts.
    steps : ndarray of float64, shape (s,)
        What the first unit counts, the second and so on.
    """

    def __init__(
        self,
        frame: Frame,
        units: NDArray[np.int64],
        covers: NDArray[np.bool_],
        weight: NDArray[np.float64],
        steps: NDArray[np.float64],
    ) -> None:
        self._rows = rows = cover_rows(covers, weight)
        self._levels = _levels(steps)
        groups = np.arange(len(rows))
        counted: list[NDArray[np.int64]] = []
        room = 0
        for height, times in self._levels:
            counted.append(
                frame.builder.variables(len(groups), upper=float(times), cost=-height * rows.weight)
            )
            room += times
            if units is not frame.opened and len(counted) <= _TIGHTENED:
                # implied by whole numbers, but far from implied by parts of open buildings
                frame.cover(
                    rows, frame.opened, np.concatenate(counted), np.tile(groups, len(counted)), room
                )
        self.gain = np.concatenate([np.zeros(0, np.int64), *counted])
        if counted:
            frame.cover(rows, units, self.gain, np.tile(groups, len(counted)))

    def at(self, units: NDArray[np.float64]) -> NDArray[np.float64]:
        """Compute the values of the gains where units are given.

        Parameters
        ----------
        units : ndarray of float64, shape (m,)
            Units at each site.

        Returns
        -------
        ndarray of float64, shape (gains,)
            Values of the variables `gain`.
        """
        left = self._rows.counts(units.astype(np.int64)).astype(np.float64)
        filled = [np.zeros(0)]
        for _, times in self._levels:
            filled.append(np.minimum(left, times))
            left = left - filled[-1]
        return np.concatenate(filled)


def _levels(steps: NDArray[np.float64]) -> list[tuple[float, int]]:
    """List the steps that count, the highest first, and how often each comes."""
    heights, times = np.unique(steps[steps > 0], return_counts=True)
    return list(zip(heights[::-1].tolist(), times[::-1].tolist(), strict=True))


def solve_program(
    problem: LocationProblem,
    worth: Sequence[NDArray[Any]],
    steps: Sequence[NDArray[np.float64]],
    stopped: Callable[[], bool],
    known: tuple[NDArray[np.bool_], NDArray[np.int64]] | None = None,
    *,
    offset: float = 0.0,
) -> tuple[NDArray[np.bool_], NDArray[np.int64], float]:
    """Choose sites and units of greatest gain under all side constraints.

    Parameters
    ----------
    problem : LocationProblem
        What is asked.
    worth : sequence of ndarray of bool or float64, shape (m, n)
        For each layer, what a unit is worth.
    steps : sequence of ndarray of float64
        For each layer, what the best unit counts, the second best and so on.
    stopped : callable
        Asked now and then; ends the search.
    known : tuple of ndarray, optional
        Buildings and units of a good plan to start from.
    offset : float
        As in `maximise`.

    Returns
    -------
    opened : ndarray of bool, shape (m,)
        Open sites.
    units : ndarray of int64, shape (layers, m)
        Units at each.
    bound : float
        No plan gains more.

    Raises
    ------
    InputError
        There is no plan, or none was found in time.
    """
    frame = frame_of(problem)
    gains: list[CoveringGain | GradedGain] = [
        CoveringGain(frame, units, value, layer.weight, step)
        if value.dtype == np.bool_
        else GradedGain(frame.builder, units, value, layer.weight, step, frame.opened)
        for layer, units, value, step in zip(problem.layers, frame.units, worth, steps, strict=True)
    ]
    graded = [gain for gain in gains if isinstance(gain, GradedGain)]
    start = None
    if known is not None and not problem.floors:
        start = np.zeros(frame.builder.count)
        start[frame.opened] = known[0]
        for units, gain, placed in zip(frame.units, gains, known[1], strict=True):
            start[units] = placed
            start[gain.gain] = gain.at(placed.astype(np.float64))
    answer, _ = maximise(
        frame.builder, graded, problem.time_limit_s, stopped, start=start, offset=offset
    )
    if answer.values is not None:
        opened, placed = frame.read(answer.values)
    elif np.isposinf(answer.bound):
        raise why_infeasible(frame, problem.time_limit_s)
    elif known is not None:
        opened, placed = known
    else:
        raise no_plan_in_time(problem, stopped)
    return opened, placed, -answer.bound


def maximise(
    builder: ProgramBuilder,
    graded: Sequence[GradedGain],
    seconds: float,
    stopped: Callable[[], bool],
    *,
    start: NDArray[np.float64] | None = None,
    offset: float = 0.0,
) -> tuple[Answer, float]:
    """Solve a program whose graded gains are bounded by cuts, in rounds.

    Parameters
    ----------
    builder : ProgramBuilder
        The program; cuts are added to it.
    graded : sequence of GradedGain
        Its graded gains.
    seconds : float
        Time limit.
    stopped : callable
        Asked now and then; ends the search.
    start : ndarray of float64, optional
        A solution to start from.
    offset : float
        What the gain is taken from in the model's own objective, beside which a gap is
        judged.

    Returns
    -------
    answer : Answer
        The best solution found; its bound, as in a program that minimises the gain's
        negative, is ``inf`` where there is none.
    gain : float
        What the solution really gains.
    """
    seconds, bound = _relaxed_rounds(builder, graded, seconds, stopped)
    best = start
    best_gain = -np.inf if start is None else -builder.cost(start)
    while not (stopped() and best is not None):
        answer = minimise(
            builder.build(),
            seconds=max(seconds, _LEAST_S),
            tolerance=0.0 if best is None else _RELATIVE * max(1.0, abs(best_gain - offset)),
            start=best,
            stopped=stopped,
        )
        seconds -= answer.seconds
        bound = max(bound, answer.bound)
        if answer.values is None:
            break
        values, height = answer.values, builder.height
        gain = -builder.cost(values) - sum(each.add_violated(values) for each in graded)
        if gain > best_gain:
            best, best_gain = values.copy(), gain
            for each in graded:
                best[each.gain] = each.at(values[each.units])
        close = -bound <= best_gain + _RELATIVE * max(1.0, abs(best_gain - offset))
        # without a new cut the same program would have the same answer
        if close or builder.height == height or seconds <= 0:
            break
    return Answer(best, bound, 0.0), best_gain


def _relaxed_rounds(
    builder: ProgramBuilder,
    graded: Sequence[GradedGain],
    seconds: float,
    stopped: Callable[[], bool],
) -> tuple[float, float]:
    """Add cuts by the linear relaxation; return the time left and the bound so far."""
    program = builder.build()
    # what the limits of the variables alone leave
    bound = float(np.minimum(program.objective * program.lower, _most(program)).sum())
    last = np.inf
    for _ in range(_RELAXED_ROUNDS if graded else 0):
        answer = minimise(
            builder.build().relaxed(),
            seconds=max(seconds / 2, _LEAST_S),
            tolerance=0.0,
            stopped=stopped,
        )
        seconds -= answer.seconds
        bound = max(bound, answer.bound)
        if answer.values is None or seconds <= 0 or stopped():
            break
        for gain in graded:
            gain.add_violated(answer.values)
        if last + answer.bound < _TAIL * abs(answer.bound):
            break
        last = -answer.bound
    return seconds, bound


def _most(program: Program) -> NDArray[np.float64]:
    priced = np.where(program.objective == 0, 0.0, program.upper)
    return np.asarray(program.objective * priced)
