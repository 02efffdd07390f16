"""The maximal expected coverage relocation problem, whose solution is a compliance table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from engine.mip import Program, minimise

if TYPE_CHECKING:
    from numpy.typing import NDArray

_NODES: Final = 2000
_ENTRIES: Final = 400_000
_SECONDS: Final = 120.0


def compliance_table(
    near: NDArray[np.bool_],
    weight: NDArray[np.float64],
    units: int,
    busy: float,
    *,
    changes: int = 1,
) -> NDArray[np.int64]:
    r"""Solve the MECRP: where k free units shall stand, for each k.

    Maximises :math:`\sum_k P(k) \sum_i d_i y_{ik}` where :math:`y_{ik}` tells that zone i
    is near one of the k units, and P(k) is the probability that k units are free, so that
    from k + 1 to k units at most `changes` stations other than the one left lose a unit.
    Gendreau, Laporte, Semet 2006, Journal of the Operational Research Society 57, 22-28,
    doi:10.1057/palgrave.jors.2601967. Units that nothing is left for go where a second,
    third, ... one adds the most expected coverage. P is binomial.

    Parameters
    ----------
    near : ndarray of bool, shape (stations, zones)
        Whether a station is near a zone.
    weight : ndarray of float64, shape (zones,)
        Demand.
    units : int
        How many there are.
    busy : float
        Probability that a unit is busy.
    changes : int
        How many units may have to move when one more is busy.

    Returns
    -------
    ndarray of int64, shape (units, stations)
        Units at each station when 1, 2, ... are free.
    """
    from scipy.stats import binom  # noqa: PLC0415  # half a second that nobody else waits for

    asked = weight > 0
    patterns, of_zone = np.unique(near[:, asked].T, axis=0, return_inverse=True)
    demand = np.bincount(of_zone.ravel(), weights=weight[asked], minlength=len(patterns))
    stations, groups = near.shape[0], len(patterns)
    likely = np.asarray(binom.pmf(np.arange(1, units + 1), units, 1 - busy), dtype=np.float64)
    levels = min(units, stations)
    program = _program(
        patterns.astype(np.bool_), demand.astype(np.float64), likely[:levels], levels, changes
    )
    if program.matrix.nnz > _ENTRIES:
        program = program.relaxed()
    answer = minimise(program, seconds=_SECONDS, tolerance=1e-6, nodes=_NODES)
    size = levels * (stations + groups)
    values = np.zeros(size) if answer.values is None else answer.values[:size]
    shares = values.reshape(levels, stations + groups)[:, :stations]
    table = np.zeros((units, stations), dtype=np.int64)
    for level in range(levels):
        chosen = np.argsort(-shares[level], kind="stable")[: level + 1]
        table[level, chosen] = 1
    for level in range(levels, units):
        count = table[level - 1] @ near
        gain = near @ (weight * (1 - busy) * busy**count)
        table[level] = table[level - 1]
        table[level, int(np.argmax(gain))] += 1
    return table


def _program(
    patterns: NDArray[np.bool_],
    demand: NDArray[np.float64],
    likely: NDArray[np.float64],
    levels: int,
    changes: int,
) -> Program:
    """Write the program: variables by level, the stations, then the groups of zones."""
    from scipy import sparse  # noqa: PLC0415  # the service begins without it

    groups, stations = patterns.shape
    covers = sparse.csr_array(
        sparse.hstack([sparse.csr_array(patterns.astype(np.float64)), -sparse.identity(groups)])
    )
    count = sparse.csr_array(np.r_[np.ones(stations), np.zeros(groups)][None])
    own = sparse.hstack([sparse.identity(stations), sparse.csr_array((stations, groups))])
    width = stations + groups
    lost = (levels - 1) * stations  # at each step, whether a station loses its unit
    rows = [sparse.block_diag([covers] * levels), sparse.block_diag([count] * levels)]
    at_least = [np.zeros(levels * groups), np.arange(1.0, levels + 1)]
    at_most = [np.full(levels * groups, np.inf), np.arange(1.0, levels + 1)]
    step = sparse.lil_array((levels - 1, levels))
    for level in range(levels - 1):
        step[level, level], step[level, level + 1] = 1, -1
    moves = sparse.kron(step, own)
    total = sparse.kron(sparse.identity(max(levels - 1, 0)), np.ones((1, stations)))
    matrix = sparse.vstack(
        [sparse.hstack([block, sparse.csr_array((block.shape[0], lost))]) for block in rows]
        + (
            [
                sparse.hstack([moves, sparse.identity(lost)]),
                sparse.hstack([sparse.csr_array((levels - 1, levels * width)), total]),
            ]
            if levels > 1
            else []
        )
    )
    # leaving out a unit loses one station; each further change another one
    at_least += [np.full(lost, 0.0), np.full(levels - 1, -np.inf)]
    at_most += [np.full(lost, np.inf), np.full(levels - 1, 1.0 + changes)]
    objective = np.concatenate(
        [np.r_[np.zeros(stations), -demand * share] for share in likely] + [np.zeros(lost)]
    )
    whole = np.r_[np.tile(np.arange(width) < stations, levels), np.zeros(lost, dtype=np.bool_)]
    return Program(
        matrix=sparse.csr_array(matrix),
        at_least=np.concatenate(at_least),
        at_most=np.concatenate(at_most),
        objective=objective,
        lower=np.zeros(len(objective)),
        upper=np.ones(len(objective)),
        integer=whole.astype(np.bool_),
    )
