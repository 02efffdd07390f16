"""The normal distribution: array kernels, without a library that takes long to load."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

_HALF_ROOT: Final = math.sqrt(0.5)


@njit(cache=True, nogil=True)
def normal_cdf(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Compute the standard normal distribution function.

    Parameters
    ----------
    x : ndarray of float64, shape (n,)
        Where.

    Returns
    -------
    ndarray of float64, shape (n,)
        Probabilities: half the complementary error function of -x over the root of 2.
    """
    probability = np.empty(len(x))
    for row in range(len(x)):
        probability[row] = 0.5 * math.erfc(-x[row] * _HALF_ROOT)
    return probability
