"""Covering when travel times are uncertain: a probability in place of a cliff.

The maximal covering models with probabilistic response of Erkut, Ingolfsson, Sim and
Erdogan (2009), Computational comparison of five maximal covering models for locating
ambulances, doi:10.1111/j.1538-4632.2009.00747.x; travel times scatter as
`routing.uncertainty` has it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from engine.stationing.gains import ALL, GainModel
from engine.stationing.mexclp import steps_when_busy
from routing.network import UNREACHABLE
from routing.uncertainty import TravelTimeSpread, arrival_probability

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.stationing.problem import Layer, LocationProblem


@dataclass(frozen=True)
class UncertainCovering(GainModel):
    """Make the demand that is expected to be reached within `limit_s` greatest.

    Parameters
    ----------
    spread : TravelTimeSpread
        How travel times scatter around what the roads say.
    """

    spread: TravelTimeSpread = field(default_factory=TravelTimeSpread)

    id: ClassVar[str] = "uncertain-covering-v1"
    about: ClassVar[str] = (
        "covers the most demand when travel times and free units are uncertain (Erkut et al. 2009)"
    )
    units_are_busy: ClassVar[bool] = True

    def worth(
        self, problem: LocationProblem, layer: Layer, sites: slice | list[int] = ALL
    ) -> NDArray[np.float64]:
        """Compute the probability to arrive within the limit.

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
            Probabilities.
        """
        _ = problem
        seconds = layer.travel_s[sites]
        ms = np.where(np.isfinite(seconds), seconds * 1000, UNREACHABLE)
        whole = np.rint(ms).astype(np.int64)
        return arrival_probability(whole, layer.limit() * 1000, self.spread)

    def steps(self, layer: Layer, most: int) -> NDArray[np.float64]:
        """Compute how likely each unit is the one to go.

        Parameters
        ----------
        layer : Layer
            Kind of unit and slice of time, with its busy share.
        most : int
            More units than these are never there.

        Returns
        -------
        ndarray of float64
            See `engine.stationing.mexclp.steps_when_busy`.
        """
        return steps_when_busy(layer.busy, most)
