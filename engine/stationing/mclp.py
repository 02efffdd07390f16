"""Maximal covering: as much demand as possible within a travel time.

Church and ReVelle (1974), The maximal covering location problem,
doi:10.1007/BF01942293.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from engine.stationing.base import StationPlan
from engine.stationing.median import choose_sites
from routing.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.stationing.base import LocationProblem


class MaximalCovering:
    """Open k sites so that the weight of demand within `limit_s` is greatest.

    Solved as its mirror image, the least weight that is left uncovered.
    """

    id: Final = "mclp-v1"
    maximises: Final = True

    def solve(self, problem: LocationProblem) -> StationPlan:
        """Choose the sites that cover most.

        Parameters
        ----------
        problem : LocationProblem
            What is asked.

        Returns
        -------
        StationPlan
            The best plan found, with its bound.

        Raises
        ------
        InputError
            The problem names no limit.
        """
        uncovered = ~_covers(problem)
        choice = choose_sites(problem, uncovered.view(np.uint8), covering=True)
        total = float(problem.weight.sum())
        value = self.value(problem, choice.sites)
        best = total - choice.bound if choice.bound < choice.cost else value
        return StationPlan(self.id, choice.sites, value, max(value, best))

    def value(self, problem: LocationProblem, sites: tuple[int, ...]) -> float:
        """Weigh the demand that sites cover.

        Parameters
        ----------
        problem : LocationProblem
            What is asked.
        sites : tuple of int
            Rows of the open sites.

        Returns
        -------
        float
            Covered weight.
        """
        covered = _covers(problem)[list(sites)].any(axis=0)
        return float(problem.weight @ covered)


def _covers(problem: LocationProblem) -> NDArray[np.bool_]:
    if problem.limit_s is None:
        raise InputError(
            "a covering model needs a travel time that counts as covered",
            field="limit_s",
            fix="give a limit in seconds",
        )
    return problem.travel_s <= problem.limit_s
