"""Costs from many places to all nodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from routing.hierarchy.memory import aligned
from routing.hierarchy.sweeps import ABREAST

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from routing.hierarchy.hierarchy import Hierarchy
    from routing.hierarchy.kinds import Ints


@dataclass(frozen=True, eq=False)
class Rows:
    """Costs from a places to all nodes, as the sweep leaves them.

    All costs to one node lie together, so that "from every station to here" reads a few
    cache lines.

    Parameters
    ----------
    count : int
        Number of places.
    hierarchy : Hierarchy
        The hierarchy.
    blocks : list of ndarray of int, shape (n * ABREAST,)
        Costs of `ABREAST` places each: for each node in the order of the hierarchy one
        value for each place; values beyond the last place mean nothing.
    """

    count: int
    hierarchy: Hierarchy
    blocks: list[Ints]

    @classmethod
    def empty(cls, count: int, hierarchy: Hierarchy, dtype: np.dtype[np.signedinteger]) -> Rows:
        """Make room.

        Parameters
        ----------
        count : int
            Number of places.
        hierarchy : Hierarchy
            The hierarchy.
        dtype : dtype
            int32 or int64.

        Returns
        -------
        Rows
            Rows that hold nothing yet.
        """
        size = hierarchy.n_nodes * ABREAST
        return cls(count, hierarchy, [aligned(size, dtype) for _ in range(-(-count // ABREAST))])

    def to_node(self, node: int) -> Ints:
        """Return the costs from each place to one node.

        Parameters
        ----------
        node : int
            The node.

        Returns
        -------
        ndarray of int, shape (a,)
            Costs.
        """
        return self.to_nodes([node])[:, 0]

    def to_nodes(self, nodes: ArrayLike) -> Ints:
        """Return the costs from each place to some nodes.

        Parameters
        ----------
        nodes : array-like of int, shape (b,)
            The nodes.

        Returns
        -------
        ndarray of int, shape (a, b)
            Costs.
        """
        rank = self.hierarchy.rank[:-1][np.asarray(nodes)]
        parts = [block.reshape(-1, ABREAST)[rank].T for block in self.blocks]
        return np.concatenate([*parts])[: self.count] if parts else np.empty((0, len(rank)), int)

    def array(self) -> Ints:
        """Return all costs, a row for each place.

        Returns
        -------
        ndarray of int, shape (a, n)
            A copy.
        """
        return self.to_nodes(np.arange(self.hierarchy.n_nodes))
