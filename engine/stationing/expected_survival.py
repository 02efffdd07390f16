"""Maximal expected survival: minutes count by the lives that they cost.

Erkut, Ingolfsson and Erdogan (2008), Ambulance location for maximum survival,
doi:10.1002/nav.20267; with busy units as in Daskin's expected covering.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from engine.stationing.gains import ALL, GainModel
from engine.stationing.mexclp import steps_when_busy
from engine.survival import survival_curve

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from engine.stationing.problem import Layer, LocationProblem


@dataclass(frozen=True)
class ExpectedSurvival(GainModel):
    """Make the expected number of survivors greatest, all demand being cardiac arrests.

    Parameters
    ----------
    curve : str
        Name of a survival curve of `engine.survival`.
    """

    curve: str = "de-maio-2003"

    id: ClassVar[str] = "survival-v1"
    about: ClassVar[str] = "saves the most lives by a survival curve (Erkut et al. 2008)"
    units_are_busy: ClassVar[bool] = True

    def worth(
        self, problem: LocationProblem, layer: Layer, sites: slice | list[int] = ALL
    ) -> NDArray[np.float64]:
        """Compute the probability to survive until a unit from each site has come.

        Parameters
        ----------
        problem : LocationProblem
            What is asked.
        layer : Layer
            Kind of unit and slice of time; its delay comes before the drive.
        sites : slice or list of int
            Rows that are wanted; all by default.

        Returns
        -------
        ndarray of float64, shape (m, n)
            Probabilities; zero where no road leads.
        """
        _ = problem
        return survival_curve(self.curve)(layer.travel_s[sites] + layer.delay_s)

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
