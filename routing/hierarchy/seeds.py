"""Where searches begin, and which arcs they follow."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from routing.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from routing.hierarchy.kinds import Ints


class Seeds(NamedTuple):
    """Where searches begin: nodes next to a place, and what they cost.

    Parameters
    ----------
    node : ndarray of int32, shape (a, k)
        One or two nodes next to each of a places, -1 for none.
    cost : ndarray of int32 or int64, shape (a, k)
        Cost between the place and each of them, in the unit of the weights.
    """

    node: NDArray[np.int32]
    cost: Ints


class Side(NamedTuple):
    """Arcs of each node to higher ones, in one direction.

    Parameters
    ----------
    ptr : ndarray of int64, shape (n + 1,)
        Where the arcs of each node begin.
    arcs : ndarray of int32 or int64
        Records, the head first.
    stride : int
        Length of a record.
    offset : int
        Place of the weight in a record.
    """

    ptr: NDArray[np.int64]
    arcs: Ints
    stride: int
    offset: int


def ranked(
    places: ArrayLike | Seeds, rank: NDArray[np.int32], dtype: np.dtype[np.signedinteger]
) -> Seeds:
    """Name the nodes next to places by rank.

    Parameters
    ----------
    places : int, array-like of int, or Seeds
        Nodes, or places.
    rank : ndarray of int32, shape (n + 1,)
        Rank of each node, -1 at the end.
    dtype : dtype
        Type of costs.

    Returns
    -------
    Seeds
        The same places.

    Raises
    ------
    InputError
        There is no such node.
    """
    if isinstance(places, Seeds):
        return Seeds(rank[places.node], places.cost.astype(dtype, copy=False))
    given = np.atleast_1d(np.asarray(places))
    if given.ndim > 1 or not (np.issubdtype(given.dtype, np.integer) or given.size == 0):
        raise InputError(
            f"{given.dtype} of shape {given.shape}", field="nodes", fix="give whole numbers"
        )
    nodes = given[:, None]
    if nodes.size and (nodes.min() < 0 or nodes.max() > len(rank) - 2):
        raise InputError(
            f"nodes from {nodes.min()} to {nodes.max()} are asked for",
            field="nodes",
            fix=f"give 0 to {len(rank) - 2}",
        )
    found: NDArray[np.int32] = rank[nodes.astype(np.int64, copy=False)]
    return Seeds(found, np.zeros(nodes.shape, dtype=dtype))


def ranked_one(
    place: int | Seeds, rank: NDArray[np.int32], dtype: np.dtype[np.signedinteger]
) -> Seeds:
    """Name the nodes next to a single place by rank.

    Parameters
    ----------
    place : int or Seeds
        A node, or a place.
    rank : ndarray of int32, shape (n + 1,)
        Rank of each node, -1 at the end.
    dtype : dtype
        Type of costs.

    Returns
    -------
    Seeds
        The same place.

    Raises
    ------
    InputError
        There is no such node, or it is not one place.
    """
    seeds = ranked(place, rank, dtype)
    if len(seeds.node) != 1:
        raise InputError(
            f"{len(seeds.node)} places where one is asked for", field="nodes", fix="give one"
        )
    return seeds
