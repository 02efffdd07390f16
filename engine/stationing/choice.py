"""Which sites to open and what is known of it: the answer of the solvers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_STEPS: Final = (1.0, 1e-3)
_EXACT: Final = 2.0**50
_ROUNDING: Final = 1e-12


@dataclass(frozen=True)
class Choice:
    """Sites and what is known of their cost.

    Parameters
    ----------
    sites : tuple of int
        Open sites, ascending.
    cost : float
        What they cost.
    bound : float
        No plan costs less.
    """

    sites: tuple[int, ...]
    cost: float
    bound: float


def common_step(cost: NDArray[np.float64]) -> float:
    """Find a step that all costs are multiples of.

    Plans then differ by a step at least, so a bound within one proves.

    Parameters
    ----------
    cost : ndarray of float64, shape (choices, parts)
        Costs; a plan has one of each part.

    Returns
    -------
    float
        The step, zero where none is seen.
    """
    for step in _STEPS:
        steps = cost / step
        whole = np.rint(steps)
        # what rounding leaves may not add up to a part of a step that a plan could win by;
        # costs that are all a small part of a step are not multiples of it
        rest = np.abs(steps - whole).max(axis=0).sum()
        most = steps.max(axis=0).sum()
        if most < _EXACT and rest <= _ROUNDING * max(1.0, most) and whole.any():
            return step
    return 0.0


def listed_sites(sites: NDArray[Any]) -> tuple[int, ...]:
    """List sites as whole numbers of Python.

    Parameters
    ----------
    sites : ndarray of int
        Sites.

    Returns
    -------
    tuple of int
        The same.
    """
    return tuple(int(site) for site in sites)
