"""Index arrays without a check for negative numbers."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def at(index: int) -> np.uint64:
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
