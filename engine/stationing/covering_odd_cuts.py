"""Odd cuts: what three groups of demand cannot have between them.

The linear relaxation of covering halves units: three groups that are covered in pairs
by three sites are covered whole by half a unit at each. In truth that takes two units,
or one that covers all three. Half the sum of the three rows, rounded, says so: at most
one of three groups is covered without a second unit, ``y_a + y_b + y_c <= 1 + sum over
sites of ceil(m / 2) * x``, where a site covers m of the three (Caprara and Fischetti
1996, {0, 1/2}-Chvátal-Gomory cuts, doi:10.1007/BF02592196).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from scipy import sparse

from engine.stationing.covering_cut_kernels import broken_triples

if TYPE_CHECKING:
    from numpy.typing import NDArray

_USED: Final = 1e-6
_DOUBT: Final = 0.6
"""A row that has more to spare is in no broken cut worth having."""

_BROKEN: Final = 0.02
_EACH: Final = 3
"""Most cuts for each group in a round, and groups for each way of being covered."""

_ROWS: Final = 4000
_CELLS: Final = 2 * 10**8
"""Most groups to look at, and about the most work: the heaviest go first."""


def cut_sites(covers: sparse.csr_array, cuts: NDArray[np.int64]) -> sparse.csr_array:
    """Weigh the sites in each cut.

    Parameters
    ----------
    covers : csr_array of float64, shape (rows, sites)
        Ones where a site covers a group.
    cuts : ndarray of int64, shape (cuts, 3)
        Groups of each cut.

    Returns
    -------
    csr_array of float64, shape (cuts, sites)
        What a unit at each site allows for in each cut.
    """
    first, second, third = (covers[cuts[:, place]] for place in range(3))
    result = sparse.csr_array(first + second + third)
    result.data = np.ceil(result.data / 2)
    return result


def broken_cuts(
    covers: sparse.csr_array,
    weight: NDArray[np.float64],
    units: NDArray[np.float64],
    taken: NDArray[np.float64],
    known: NDArray[np.int64],
    most: int,
) -> tuple[NDArray[np.int64], int]:
    """Find odd cuts that a solution of the linear relaxation breaks.

    Parameters
    ----------
    covers : csr_array of float64, shape (rows, sites)
        Ones where a site covers a group.
    weight : ndarray of float64, shape (rows,)
        Weight of each group.
    units : ndarray of float64, shape (sites,)
        Units at each site, in parts.
    taken : ndarray of float64, shape (rows,)
        Part of each group that counts as covered.
    known : ndarray of int64, shape (cuts, 3)
        Cuts that are known already, their groups ascending.
    most : int
        Most cuts to return.

    Returns
    -------
    cuts : ndarray of int64, shape (found, 3)
        The cuts, their groups ascending; those that matter most first.
    cells : int
        Work done.
    """
    used = np.flatnonzero(units > _USED)
    part = covers[:, used]
    spare = np.abs(part @ units[used] - taken) + 1 - taken
    rows = np.flatnonzero((spare < _DOUBT) & (weight > 0))
    if len(rows) == 0:
        return np.empty((0, 3), dtype=np.int64), part.nnz
    part = sparse.csr_array(part[rows])
    # Groups covered by the same units are alike: the heaviest of them will do.
    prints = part @ np.random.Generator(np.random.Philox(0)).random(len(used))
    kind = np.unique(prints, return_inverse=True)[1]
    order = np.lexsort((rows, -weight[rows], kind))
    first = np.searchsorted(kind[order], kind[order])
    few = order[np.arange(len(order)) - first < _EACH]
    few = few[np.argsort(-weight[rows[few]], kind="stable")[:_ROWS]]
    rows, part = rows[few], sparse.csr_array(part[few])
    part.sort_indices()
    by_site = sparse.csr_array(part.T)
    triples, score, cells = broken_triples(
        part.indptr.astype(np.int64),
        part.indices.astype(np.int32),
        by_site.indptr.astype(np.int64),
        by_site.indices.astype(np.int32),
        units[used],
        taken[rows],
        np.sqrt(weight[rows]),
        _BROKEN,
        _EACH,
        _CELLS,
    )
    found = np.sort(rows[triples], axis=1)[np.argsort(-score, kind="stable")]
    size = len(weight)
    names = np.array([size * size, size, 1])
    return found[~np.isin(found @ names, known @ names)][:most], cells + covers.nnz
