"""Backup coverage: demand that a second unit reaches counts extra.

Hogan and ReVelle (1986), Concepts and applications of backup coverage,
doi:10.1287/mnsc.32.11.1434; this is their second model. Their first one, which covers
all demand once, is this one with a floor of one for every district.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from engine.stationing.mclp import MaximalCovering
from routing.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.stationing.problem import Layer


@dataclass(frozen=True)
class BackupCovering(MaximalCovering):
    """Cover the greatest weight of demand, what is covered twice counting extra.

    Parameters
    ----------
    backup : float
        What the second cover counts beside the first, 0 to 1. The default is an assumption.
    """

    backup: float = 0.5

    id: ClassVar[str] = "bacop-v1"
    about: ClassVar[str] = (
        "covers the most demand, what a second unit covers counting too (Hogan & ReVelle 1986)"
    )

    def __post_init__(self) -> None:
        """Check what the second cover counts."""
        if not 0 <= self.backup <= 1:
            raise InputError(
                f"{self.backup} is no weight of a second cover", field="backup", fix="give 0 to 1"
            )

    def steps(self, layer: Layer, most: int) -> NDArray[np.float64]:
        """Count the first unit once and the second by its weight.

        Parameters
        ----------
        layer : Layer
            Kind of unit and slice of time.
        most : int
            More units than these are never there.

        Returns
        -------
        ndarray of float64, shape (1 or 2,)
            One, and the weight of the second.
        """
        _ = layer
        return np.array([1.0, self.backup])[:most]
