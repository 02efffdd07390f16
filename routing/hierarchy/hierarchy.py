"""The topology of a customizable contraction hierarchy, and its folder on disk."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from routing.errors import InputError
from routing.hierarchy.elimination import (
    chordal_supergraph,
    depths,
    edges_of_arcs,
    elimination_tree,
    lower_neighbours,
    postorder,
)
from routing.hierarchy.order import nested_dissection

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, eq=False)
class Hierarchy:
    """What a graph's shortest paths need that does not depend on its weights.

    With n nodes, m arcs and s edges of the chordal supergraph; nodes are named by rank
    in all arrays but the first:

    Parameters
    ----------
    rank : ndarray of int32, shape (n + 1,)
        Rank of each node, a postorder of the elimination tree; -1 at the end.
    node : ndarray of int32, shape (n,)
        Node of each rank.
    parent : ndarray of int32, shape (n,)
        Elimination tree, -1 for a root.
    ptr : ndarray of int64, shape (n + 1,)
        Where the edges of each node to higher ones begin.
    head : ndarray of int32, shape (s,)
        Higher end of each edge, ascending within a node.
    down_ptr : ndarray of int64, shape (n + 1,)
        Where the edges of each node to lower ones begin.
    down_node, down_edge : ndarray of int32, shape (s,)
        Lower end of each of them, and which edge it is.
    slot : ndarray of int32, shape (m,)
        For each arc twice its edge, plus one if it leads downward; -1 for a loop.
    """

    rank: NDArray[np.int32]
    node: NDArray[np.int32]
    parent: NDArray[np.int32]
    ptr: NDArray[np.int64]
    head: NDArray[np.int32]
    down_ptr: NDArray[np.int64]
    down_node: NDArray[np.int32]
    down_edge: NDArray[np.int32]
    slot: NDArray[np.int32]

    @classmethod
    def build(cls, n: int, tail: ArrayLike, head: ArrayLike) -> Hierarchy:
        """Order the nodes and eliminate them.

        Parameters
        ----------
        n : int
            Number of nodes.
        tail, head : array-like of int, shape (m,)
            Ends of each arc. Parallel arcs, loops and several components may occur.

        Returns
        -------
        Hierarchy
            The hierarchy; the same for the same graph.

        Raises
        ------
        InputError
            The ends are not nodes.
        """
        start, end = _ends(n, tail, "tail"), _ends(n, head, "head")
        if start.shape != end.shape:
            raise InputError(
                f"{len(start)} tails and {len(end)} heads",
                field="tail, head",
                fix="give both ends of each arc",
            )
        low, high = _edges(n, start, end)
        rank = nested_dissection(n, low, high)
        rank = postorder(elimination_tree(n, *_sorted(rank[low], rank[high])))[rank]
        ptr, above, parent = chordal_supergraph(n, *_sorted(rank[low], rank[high]))
        del low, high
        node = np.empty(n, dtype=np.int32)
        node[rank] = np.arange(n, dtype=np.int32)
        down_ptr, down_node, down_edge = lower_neighbours(ptr, above)
        return cls(
            rank=np.append(rank, np.int32(-1)),
            node=node,
            parent=parent,
            ptr=ptr,
            head=above,
            down_ptr=down_ptr,
            down_node=down_node,
            down_edge=down_edge,
            slot=edges_of_arcs(ptr, above, rank[start], rank[end]),
        )

    @property
    def n_nodes(self) -> int:
        """Number of nodes."""
        return len(self.node)

    @property
    def n_arcs(self) -> int:
        """Number of arcs."""
        return len(self.slot)

    @property
    def n_edges(self) -> int:
        """Number of edges of the chordal supergraph."""
        return len(self.head)

    @cached_property
    def depth(self) -> NDArray[np.int32]:
        """Number of ancestors of each node, itself not counted, shape (n,)."""
        return depths(self.parent)

    @cached_property
    def height(self) -> int:
        """Number of nodes on the longest way to a root."""
        return int(self.depth.max(initial=-1)) + 1

    @cached_property
    def edge_low(self) -> NDArray[np.int32]:
        """Lower end of each edge, shape (s,)."""
        return np.repeat(np.arange(self.n_nodes, dtype=np.int32), np.diff(self.ptr))

    @cached_property
    def arcs_of_slots(self) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """Where the arcs of each slot begin, shape (2 s + 1,), and these arcs."""
        some = np.flatnonzero(self.slot >= 0).astype(np.int32)
        order = np.argsort(self.slot[some], kind="stable")
        ptr = np.zeros(2 * self.n_edges + 1, dtype=np.int64)
        np.cumsum(np.bincount(self.slot[some], minlength=2 * self.n_edges), out=ptr[1:])
        return ptr, some[order]

    def check_ends(self, tail: NDArray[np.int32], head: NDArray[np.int32]) -> None:
        """Refuse a graph of which this is not the hierarchy.

        Parameters
        ----------
        tail, head : ndarray of int32, shape (m,)
            Ends of each arc.

        Raises
        ------
        InputError
            Some arc has other ends.
        """
        known = len(tail) == self.n_arcs
        if known and self.n_arcs:
            ranks = np.sort(self.rank[np.stack([tail, head])], axis=0)
            edge, loop = self.slot >> 1, self.slot < 0
            same = ranks[0] == ranks[1]
            on = np.flatnonzero(~loop)
            same[on] = ranks[0, on] == self.edge_low[edge[on]]
            same[on] &= ranks[1, on] == self.head[edge[on]]
            known = bool(same.all())
        if not known:
            raise InputError(
                f"it was made from other arcs than these {len(tail)}",
                field="hierarchy",
                fix="build it from the graph that it is asked about",
            )

    def save(self, folder: Path) -> None:
        """Write the hierarchy, one array a file.

        Parameters
        ----------
        folder : Path
            An existing folder.
        """
        for field in fields(self):
            np.save(folder / f"{field.name}.npy", getattr(self, field.name), allow_pickle=False)

    @classmethod
    def load(cls, folder: Path) -> Hierarchy:
        """Map a hierarchy written by `save` into memory.

        Processes that load the same folder share its pages.

        Parameters
        ----------
        folder : Path
            The folder.

        Returns
        -------
        Hierarchy
            The hierarchy.

        Raises
        ------
        InputError
            A file is missing, or the arrays do not fit together.
        """
        try:
            arrays = {field.name: _mapped(folder / f"{field.name}.npy") for field in fields(cls)}
            _check(arrays)
        except (OSError, EOFError, ValueError) as error:
            raise InputError(
                f"{folder} holds no hierarchy ({error})", field="folder", fix="build it anew"
            ) from error
        return cls(**arrays)


def _ends(n: int, nodes: ArrayLike, field: str) -> NDArray[np.int32]:
    ends = np.asarray(nodes)
    wrong = np.flatnonzero((ends < 0) | (ends >= n))
    if len(wrong):
        raise InputError(
            f"arc {wrong[0]} ends at node {ends[wrong[0]]}", field=field, fix=f"give 0 to {n - 1}"
        )
    return np.ascontiguousarray(ends, dtype=np.int32)


def _edges(
    n: int, tail: NDArray[np.int32], head: NDArray[np.int32]
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return each pair of neighbours once."""
    low, high = _sorted(tail, head)
    code = np.unique((low.astype(np.int64) * n + high)[low != high])
    return (code // max(n, 1)).astype(np.int32), (code % max(n, 1)).astype(np.int32)


def _sorted(
    one: NDArray[np.int32], other: NDArray[np.int32]
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    return np.minimum(one, other), np.maximum(one, other)


def _mapped(path: Path) -> NDArray[Any]:
    # copy on write: arrays that may be written to share the kernels of all others
    return np.asarray(np.load(path, mmap_mode="c", allow_pickle=False))


def _check(arrays: dict[str, NDArray[Any]]) -> None:
    """Refuse arrays that do not fit together."""
    n, s = len(arrays["node"]), len(arrays["head"])
    shapes = {"rank": n + 1, "parent": n, "ptr": n + 1, "down_ptr": n + 1}
    shapes |= {"down_node": s, "down_edge": s}
    for name, array in arrays.items():
        kind = np.int64 if name.endswith("ptr") else np.int32
        if array.ndim != 1 or array.dtype != kind or len(array) != shapes.get(name, len(array)):
            raise ValueError(f"{name}.npy has {array.dtype} of shape {array.shape}")
    ranges = {
        "node": (0, n),
        "parent": (-1, n),
        "head": (0, n),
        "down_node": (0, n),
        "down_edge": (0, s),
        "slot": (-1, 2 * s),
        "ptr": (0, s + 1),
        "down_ptr": (0, s + 1),
    }
    for name, (least, end) in ranges.items():
        some = arrays[name]
        if len(some) and not (least <= some.min() and some.max() < end):
            raise ValueError(f"{name}.npy names what is not there")
    for name in ("ptr", "down_ptr"):
        if arrays[name][0] != 0 or arrays[name][-1] != s or (np.diff(arrays[name]) < 0).any():
            raise ValueError(f"{name}.npy is out of order")
    ranks, parent = arrays["rank"], arrays["parent"]
    if (ranks[:-1][arrays["node"]] != np.arange(n)).any() or ranks[-1] != -1:
        raise ValueError("rank.npy and node.npy do not agree")
    if ((parent >= 0) & (parent <= np.arange(n))).any():
        raise ValueError("parent.npy is no elimination tree")
    if (postorder(parent) != np.arange(n)).any():
        raise ValueError("parent.npy and rank.npy are in no postorder")
