"""The p-center: the longest travel time of anyone is least.

Hakimi (1964), Optimum locations of switching centers and the absolute centers and
medians of a graph, doi:10.1287/opre.12.3.450; solved by covers of ever closer limits
(Minieka 1970, The m-center problem, doi:10.1137/1012016).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from engine.mip import minimise, never
from engine.stationing.base import StationPlan, written
from engine.stationing.center import choose_center
from engine.stationing.cover_rows import cover_rows
from engine.stationing.effort import Effort
from engine.stationing.infeasible import no_plan_in_time, solve_frame
from engine.stationing.program import frame_of
from routing.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from engine.stationing.problem import LocationProblem
    from engine.stationing.program import Frame


@dataclass(frozen=True)
class PCenter:
    """Make the longest travel time of any demand point, in any layer, least.

    Demand without weight, and demand that no site reaches at all, is left out.
    """

    id: ClassVar[str] = "p-center-v1"
    about: ClassVar[str] = "makes the longest travel time of anyone least (Hakimi 1964)"
    maximises: ClassVar[bool] = False

    def solve(
        self, problem: LocationProblem, *, stopped: Callable[[], bool] = never
    ) -> StationPlan:
        """Choose the sites that leave nobody far away.

        Parameters
        ----------
        problem : LocationProblem
            What is asked.
        stopped : callable
            Asked now and then; once it says True, the best plan so far is the answer.

        Returns
        -------
        StationPlan
            The best plan found, with its bound.

        Raises
        ------
        InputError
            No plan meets the side constraints or leaves a way to all, or none was found in
            the time; the message tells which.
        """
        quick = (
            problem.k is not None
            and problem.budget is None
            and not problem.floors
            and all(layer.units is None for layer in problem.layers)
        )
        if not quick:
            return self._generally(problem, stopped)
        allowed = np.flatnonzero(problem.allowed)
        choice = choose_center(
            np.hstack([layer.travel_s[allowed] for layer in problem.layers]),
            np.concatenate(_counting(problem)),
            problem.k or 0,
            fixed_open=problem.kept[allowed],
            effort=Effort.of_seconds(problem.time_limit_s),
            seed=problem.seed,
            stopped=stopped,
        )
        if np.isinf(choice.cost):
            raise _out_of_reach() if np.isinf(choice.bound) else no_plan_in_time(problem, stopped)
        opened = np.zeros(problem.sites, dtype=np.bool_)
        opened[allowed[list(choice.sites)]] = True
        units = np.tile(opened.astype(np.int64), (len(problem.layers), 1))
        return written(self, problem, opened, units, choice.bound)

    def _generally(self, problem: LocationProblem, stopped: Callable[[], bool]) -> StationPlan:
        """Halve the range of limits; whether one can be met is an integer program."""
        counting = _counting(problem)
        allowed = problem.allowed
        least = max(
            layer.travel_s[allowed][:, counts].min(axis=0).max(initial=0.0)
            for layer, counts in zip(problem.layers, counting, strict=True)
        )
        times = np.unique(
            np.concatenate(
                [
                    layer.travel_s[allowed][:, counts].ravel()
                    for layer, counts in zip(problem.layers, counting, strict=True)
                ]
            )
        )
        times = times[(times >= least) & np.isfinite(times)]
        seconds = problem.time_limit_s
        reader = frame_of(problem)
        some = solve_frame(reader, seconds, stopped, tolerance=0.0)
        # where there is nobody to reach, any plan will do
        best = None if len(times) else some.values
        low, high = 0, len(times) - 1
        while low <= high and seconds > 0 and not stopped():
            # from above first: without a plan a bound is worth nothing
            middle = high if best is None else (low + high) // 2
            frame = self._within(problem, counting, float(times[middle]))
            answer = minimise(
                frame.builder.build(), seconds=seconds, tolerance=0.0, stopped=stopped
            )
            seconds -= answer.seconds
            if answer.values is not None:
                best, high, reader = answer.values, middle - 1, frame
            elif np.isposinf(answer.bound) and best is not None:
                low = middle + 1
            elif np.isposinf(answer.bound):
                raise _out_of_reach()
            else:
                break
        if best is None:
            raise no_plan_in_time(problem, stopped)
        opened, units = reader.read(best)
        bound = float(times[min(low, len(times) - 1)]) if len(times) else 0.0
        return written(self, problem, opened, units, bound)

    def _within(
        self, problem: LocationProblem, counting: list[NDArray[np.bool_]], limit_s: float
    ) -> Frame:
        frame = frame_of(problem)
        for layer, counts, units in zip(problem.layers, counting, frame.units, strict=True):
            inside = layer.travel_s[:, counts] <= limit_s
            frame.require(cover_rows(inside, np.ones(inside.shape[1])), units)
        return frame

    def value(
        self,
        problem: LocationProblem,
        sites: Sequence[int],
        units: Sequence[Sequence[int]] | None = None,
    ) -> float:
        """Find the longest travel time.

        Parameters
        ----------
        problem : LocationProblem
            What is asked.
        sites : sequence of int
            Rows of the open sites.
        units : sequence of sequence of int, optional
            For each layer the units at each of `sites`; ones by default.

        Returns
        -------
        float
            Seconds; ``inf`` where demand is left without a way.
        """
        longest = 0.0
        for place, (layer, counts) in enumerate(
            zip(problem.layers, _counting(problem), strict=True)
        ):
            staffed = [
                site for at, site in enumerate(sites) if units is None or units[place][at] > 0
            ]
            nearest = layer.travel_s[staffed][:, counts].min(axis=0, initial=np.inf)
            longest = max(longest, float(nearest.max(initial=0.0)))
        return longest


def _counting(problem: LocationProblem) -> list[NDArray[np.bool_]]:
    """Tell for each layer which demand points have weight and can be reached."""
    return [
        (layer.weight > 0) & np.isfinite(layer.travel_s[problem.allowed]).any(axis=0)
        for layer in problem.layers
    ]


def _out_of_reach() -> InputError:
    return InputError(
        "no plan leaves a way to all demand that a site can reach",
        field="stations",
        fix="give more stations or units",
    )
