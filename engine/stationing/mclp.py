"""Maximal covering: as much demand as possible within a travel time.

Church and ReVelle (1974), The maximal covering location problem,
doi:10.1007/BF01942293.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from engine.stationing.gains import ALL, GainModel

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from engine.stationing.problem import Layer, LocationProblem


@dataclass(frozen=True)
class MaximalCovering(GainModel):
    """Cover the greatest weight of demand within `limit_s`."""

    id: ClassVar[str] = "mclp-v1"
    about: ClassVar[str] = "covers the most demand within the limit (Church & ReVelle 1974)"

    def worth(
        self, problem: LocationProblem, layer: Layer, sites: slice | list[int] = ALL
    ) -> NDArray[np.bool_]:
        """Tell which sites cover which demand.

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
        ndarray of bool, shape (m, n)
            Whether the travel time is within the limit.
        """
        _ = problem
        return layer.covers(sites)
