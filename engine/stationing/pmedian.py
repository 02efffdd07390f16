"""The p-median: least mean travel time.

Hakimi (1964), Optimum locations of switching centers and the absolute centers and
medians of a graph, doi:10.1287/opre.12.3.450; as an integer program ReVelle and Swain
(1970), Central facilities location, doi:10.1111/j.1538-4632.1970.tb00142.x.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

import numpy as np

from engine.stationing.gains import ALL, GainModel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.stationing.problem import Layer, LocationProblem

UNREACHABLE_FACTOR: Final = 10.0
"""A demand point that no open site reaches counts this many longest travel times from any
site that may hold a unit. An assumption: it leaves nobody out to save a point of like
weight some minutes, but a light one may be left out for a heavy one."""


@dataclass(frozen=True)
class PMedian(GainModel):
    """Make the weighted sum of travel times least.

    Demand that no site reaches at all, but for sites that may hold no unit, is left out of
    the objective.
    """

    id: ClassVar[str] = "p-median-v1"
    about: ClassVar[str] = "makes the mean travel time least (Hakimi 1964)"
    maximises: ClassVar[bool] = False

    def worth(
        self, problem: LocationProblem, layer: Layer, sites: slice | list[int] = ALL
    ) -> NDArray[np.float64]:
        """Compute how much shorter each travel time is than that from the farthest site.

        Parameters
        ----------
        problem : LocationProblem
            What is asked.
        layer : Layer
            Kind of unit and slice of time.
        sites : slice or list of int
            Rows that are wanted; all by default.

        Returns
        -------
        ndarray of float64, shape (m, n)
            Seconds.
        """
        times = _finite(problem, layer)
        worth: NDArray[np.float64] = times.max(axis=0) - times[sites]
        return worth

    def objective(self, problem: LocationProblem, gain: float) -> float:
        """Turn seconds saved into seconds driven.

        Parameters
        ----------
        problem : LocationProblem
            What is asked.
        gain : float
            Weighted seconds saved.

        Returns
        -------
        float
            Weighted travel seconds.
        """
        farthest = (
            float(layer.weight @ _finite(problem, layer).max(axis=0)) for layer in problem.layers
        )
        return sum(farthest) - gain


def _finite(problem: LocationProblem, layer: Layer) -> NDArray[np.float64]:
    """Replace unreachable times by a penalty, by zero where no usable site reaches at all."""
    times = layer.travel_s.astype(np.float64, copy=False)
    reached = np.isfinite(times)
    if reached.all():
        return times
    usable = problem.room(layer) > 0
    longest = times[usable].max(initial=0.0, where=reached[usable])
    filled = np.where(reached, times, UNREACHABLE_FACTOR * longest)
    filled[:, ~reached[usable].any(axis=0)] = 0.0
    return filled
