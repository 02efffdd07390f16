"""Why a policy chose as it did, in figures and in a sentence that follows from them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.dispatch.base import DispatchState


@dataclass(frozen=True)
class Explanation:
    """A choice in words, and the figures that it was made by.

    Parameters
    ----------
    words : str
        A sentence without a full stop.
    figures : dict of str to float
        What it follows from; their names say the unit.
    """

    words: str
    figures: dict[str, float] = field(default_factory=dict)


@runtime_checkable
class Explains(Protocol):
    """A policy that can say why it chose a unit."""

    def explain(self, state: DispatchState, unit: int) -> Explanation:
        """Explain a choice.

        Parameters
        ----------
        state : DispatchState
            What it was asked.
        unit : int
            What it answered, a unit.

        Returns
        -------
        Explanation
            Why.
        """
        ...


def against_the_closest(
    state: DispatchState,
    unit: int,
    among: NDArray[np.bool_],
    loss: NDArray[np.float64],
    *,
    name: str,
    words: str,
) -> Explanation:
    """Explain a choice by what it costs later, beside that of the closest unit.

    Parameters
    ----------
    state : DispatchState
        The incident and the units.
    unit : int
        The unit that was chosen.
    among : ndarray of bool, shape (units,)
        Who would be in time.
    loss : ndarray of float64, shape (units,)
        What each unit's going costs later.
    name : str
        What to call that among the figures.
    words : str
        How to tell how much less it is, with a place for the number.

    Returns
    -------
    Explanation
        Whether it is in time, how much later it is, and what that saves.
    """
    closest = int(np.where(state.feasible, state.arrival_ms, np.inf).argmin())
    later_s = float(state.arrival_ms[unit] - state.arrival_ms[closest]) / 1000
    saved = float(loss[closest] - loss[unit])
    figures = {
        "later_seconds": later_s,
        "in_time": float(among[unit]),
        name: float(loss[unit]),
        f"{name}_of_closest": float(loss[closest]),
    }
    if not among.any():
        return Explanation("the closest, as nobody can be in time", figures)
    if later_s == 0:
        return Explanation("the closest, and in time", figures)
    return Explanation(
        f"in time, {later_s:.0f} s after the closest, {words.format(saved)}", figures
    )
