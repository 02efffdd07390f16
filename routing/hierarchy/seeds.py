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


def batched(
    places: Seeds, lanes: int, *, in_order: bool = False
) -> tuple[NDArray[np.int64], NDArray[np.int64], tuple[NDArray[np.int32], NDArray[np.int32], Ints]]:
    """Part places into batches and sort the nodes next to each batch's.

    Parameters
    ----------
    places : Seeds
        The places, by rank.
    lanes : int
        Places of a batch.
    in_order : bool
        Take the places in the order given, else near ones together.

    Returns
    -------
    order : ndarray of int64, shape (a,)
        Places in the order in which they are taken.
    batches : ndarray of int64, shape (b + 1,)
        Where the nodes of each batch begin.
    seeds : tuple of ndarray
        Nodes, descending within a batch; the lane of the place of each, int32; its cost.
    """
    count = len(places.node)
    order = np.arange(count) if in_order else np.argsort(places.node.max(axis=1), kind="stable")
    row, leg = np.nonzero(places.node[order] >= 0)
    batch, lane = np.divmod(row, lanes)
    node = places.node[order[row], leg]
    place = np.lexsort((-node, batch))
    batches = np.searchsorted(batch, np.arange(-(-count // lanes) + 1))
    seeds = node[place], lane[place].astype(np.int32), places.cost[order[row], leg][place]
    return order, batches, seeds


def descending(nodes: NDArray[np.int32]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Sort nodes next to places.

    Parameters
    ----------
    nodes : ndarray of int32, shape (b, k)
        Nodes, -1 for none.

    Returns
    -------
    found : ndarray of int32
        The nodes, descending, each once.
    where : ndarray of int64, shape (b, k)
        Where each of them is among these, -1 for none.
    """
    ascending, where = np.unique(nodes, return_inverse=True)
    none = int(np.searchsorted(ascending, 0))
    found = np.ascontiguousarray(ascending[none:][::-1])
    place = len(ascending) - 1 - where.reshape(nodes.shape)
    return found, np.where(nodes >= 0, place, -1)


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
