"""Maximal expected covering: units are busy now and then.

Daskin (1983), A maximum expected covering location model, doi:10.1287/trsc.17.1.48: each
unit is busy with probability q, independently of all others, so that the r-th unit that
covers a point is the one to go with probability (1 - q) q^(r-1).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from engine.stationing.mclp import MaximalCovering

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.stationing.problem import Layer


def steps_when_busy(busy: float, most: int) -> NDArray[np.float64]:
    """Compute how likely it is that the best unit goes, the second best and so on.

    Parameters
    ----------
    busy : float
        Share of time that a unit is busy, below one.
    most : int
        More units than these are never there.

    Returns
    -------
    ndarray of float64, shape (most,)
        ``(1 - q) q^(r-1)``; one alone where no unit is ever busy.
    """
    if busy == 0:
        return np.ones(1)
    ranks = np.arange(most)
    return (1 - busy) * np.float64(busy) ** ranks


@dataclass(frozen=True)
class ExpectedCovering(MaximalCovering):
    """Cover the greatest expected weight of demand by units that may be busy."""

    id: ClassVar[str] = "mexclp-v1"
    about: ClassVar[str] = "covers the most demand by units that may be busy (Daskin 1983)"
    units_are_busy: ClassVar[bool] = True

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
            See `steps_when_busy`.
        """
        return steps_when_busy(layer.busy, most)
