"""Nested-dissection order: which node is eliminated when."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pymetis

if TYPE_CHECKING:
    from numpy.typing import NDArray


def nested_dissection(n: int, low: NDArray[np.int32], high: NDArray[np.int32]) -> NDArray[np.int32]:
    """Order the nodes of an undirected graph so that few edges are filled in.

    Small separators come last: METIS, Karypis & Kumar 1998
    (doi:10.1137/S1064827595287997).

    Parameters
    ----------
    n : int
        Number of nodes.
    low, high : ndarray of int32, shape (e,)
        Ends of each edge, each edge once, no loops.

    Returns
    -------
    ndarray of int32, shape (n,)
        Rank of each node, 0 to be eliminated first.
    """
    if len(low) == 0:
        return np.arange(n, dtype=np.int32)
    source = np.concatenate([low, high])
    order = np.argsort(source, kind="stable")
    neighbour = np.concatenate([high, low])[order]
    ptr = np.zeros(n + 1, dtype=np.int32)
    np.cumsum(np.bincount(source, minlength=n), out=ptr[1:])
    del source, order
    _, rank = pymetis.nested_dissection(pymetis.CSRAdjacency(ptr, neighbour))
    return np.asarray(rank, dtype=np.int32)
