"""Numbers that vary slowly from one group of demand to those that share sites with it.

Chance and averaging alone: nothing is known of where anything is but who covers whom.
Averages over neighbours again and again leave what varies slowest, as the power method
leaves the largest eigenvectors of a graph's random walk (Lovász 1996, "Random walks on
graphs: a survey").
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy import sparse


def smoothed(
    covers: sparse.csr_array, field: NDArray[np.float64], passes: int
) -> NDArray[np.float64]:
    """Average numbers over columns in common, again and again.

    Parameters
    ----------
    covers : csr_array of float64, shape (rows, columns)
        Ones where row and column have to do with each other.
    field : ndarray of float64, shape (rows, n)
        Numbers of each row.
    passes : int
        How often.

    Returns
    -------
    ndarray of float64, shape (rows, n)
        The averages, around zero and at most one; the numbers themselves after no pass.
    """
    across = covers.T.tocsr()
    by_row = 1 / np.maximum(1, np.diff(covers.indptr))[:, None]
    by_column = 1 / np.maximum(1, np.diff(across.indptr))[:, None]
    for _ in range(passes):
        field = np.asarray(by_row * (covers @ (by_column * (across @ field))))
        field -= field.mean(axis=0)
        field /= np.maximum(np.abs(field).max(axis=0), 1e-300)
    return field
