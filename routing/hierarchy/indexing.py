"""Index arrays without a check for negative numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from routing.hierarchy.kinds import Int


@njit(cache=True, nogil=True)
def at(index: Int) -> np.uint64:
    """Say that an index is not negative.

    Numba lets -1 mean the last place, and looks at each signed index for that; the
    triangles of customisation take a third longer for it.

    Parameters
    ----------
    index : int
        Zero or more.

    Returns
    -------
    uint64
        The same.
    """
    return np.uint64(index)
