"""The p-median: least mean travel time.

Hakimi (1964), Optimum locations of switching centers and the absolute centers and
medians of a graph, doi:10.1287/opre.12.3.450; as an integer program ReVelle and Swain
(1970), Central facilities location, doi:10.1111/j.1538-4632.1970.tb00142.x.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from engine.stationing.base import StationPlan
from engine.stationing.median import choose_sites

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.stationing.base import LocationProblem

UNREACHABLE_FACTOR: Final = 10.0
"""A demand point that no open site reaches counts this many longest travel times, dear
enough that none is left out to save minutes elsewhere. An assumption."""


class PMedian:
    """Open k sites so that the weighted sum of travel times is least.

    Demand that no site reaches at all is left out of the objective.
    """

    id: Final = "p-median-v1"
    maximises: Final = False

    def solve(self, problem: LocationProblem) -> StationPlan:
        """Choose the sites that are nearest on the whole.

        Parameters
        ----------
        problem : LocationProblem
            What is asked.

        Returns
        -------
        StationPlan
            The best plan found, with its bound.
        """
        choice = choose_sites(problem, _finite(problem.travel_s), covering=False)
        return StationPlan(self.id, choice.sites, choice.cost, choice.bound)

    def value(self, problem: LocationProblem, sites: tuple[int, ...]) -> float:
        """Add up travel times by weight.

        Parameters
        ----------
        problem : LocationProblem
            What is asked.
        sites : tuple of int
            Rows of the open sites.

        Returns
        -------
        float
            Weighted travel seconds.
        """
        nearest = _finite(problem.travel_s)[list(sites)].min(axis=0)
        return float(problem.weight @ nearest)


def _finite(travel_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Replace unreachable times by a penalty, by zero where no site reaches at all."""
    reached = np.isfinite(travel_s)
    if reached.all():
        return travel_s
    longest = travel_s[reached].max(initial=0.0)
    penalty = np.where(reached.any(axis=0), UNREACHABLE_FACTOR * longest, 0.0)
    return np.where(reached, travel_s, penalty)
