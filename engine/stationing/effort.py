"""What a solver may spend, counted in work, so that the same input repeats exactly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

CELLS_PER_SECOND: Final = 5e8
"""Costs that a kernel looks at in a second; measured on one core, rounded."""


@dataclass
class Effort:
    """A budget of costs to look at.

    Parameters
    ----------
    cells : float
        What is left of it.
    """

    cells: float

    @classmethod
    def of_seconds(cls, seconds: float) -> Effort:
        """Return about the work that a core does in some seconds.

        Parameters
        ----------
        seconds : float
            How long.

        Returns
        -------
        Effort
            The budget.
        """
        return cls(seconds * CELLS_PER_SECOND)

    @property
    def exhausted(self) -> bool:
        """Whether nothing is left."""
        return self.cells <= 0

    @property
    def seconds(self) -> float:
        """About how long what is left takes."""
        return max(0.0, self.cells / CELLS_PER_SECOND)

    def spend(self, cells: int) -> None:
        """Take work off the budget.

        Parameters
        ----------
        cells : int
            Costs that were looked at.
        """
        self.cells -= cells

    def share(self, part: float) -> Effort:
        """Return a budget of its own for one step.

        Parameters
        ----------
        part : float
            Share of what is left.

        Returns
        -------
        Effort
            The smaller budget; spending it leaves this one as it is.
        """
        return Effort(max(0.0, self.cells) * part)

    def without(self, part: float, left: Effort) -> Effort:
        """Return what is left after a share was given away and came back in part.

        Parameters
        ----------
        part : float
            Share that was given away.
        left : Effort
            What is left of it.

        Returns
        -------
        Effort
            The rest of the budget.
        """
        return Effort(max(0.0, self.cells) * (1 - part) + left.cells)
