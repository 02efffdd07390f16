"""Places that many questions are asked about."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from routing.errors import InputError
from routing.hierarchy.labels import make_labels, meet_labels
from routing.hierarchy.seeds import ranked_one

if TYPE_CHECKING:
    from routing.hierarchy.hierarchy import Hierarchy
    from routing.hierarchy.kinds import Ints
    from routing.hierarchy.memory import Memories
    from routing.hierarchy.seeds import Seeds, Side


class Pinned:
    """Places whose labels are kept, so that each further question takes one search.

    Parameters
    ----------
    hierarchy : Hierarchy
        The topology.
    memories : Memories
        Memory to work in.
    far : int
        Cost of what cannot be reached.
    seeds : Seeds
        The places, by rank.
    side, other_side : Side
        Arcs on their side, and on that of the others.
    """

    def __init__(
        self,
        hierarchy: Hierarchy,
        memories: Memories,
        far: int,
        seeds: Seeds,
        side: Side,
        other_side: Side,
    ) -> None:
        self._hierarchy, self._memories, self._far = hierarchy, memories, far
        self._side = other_side
        self._count = len(seeds.node)
        self._version = memories.version
        with memories.borrow() as memory:
            ptr, node, cost = make_labels(
                hierarchy.parent, *side, *seeds, far, memory.cost, memory.path
            )
        unsigned: Ints = cost.view(np.uint32 if cost.dtype == np.int32 else np.uint64)
        self._labels = (ptr, node, unsigned)

    def to(self, place: int | Seeds) -> Ints:
        """Find the costs between the pinned places and one other.

        Parameters
        ----------
        place : int or Seeds
            A node, or a place.

        Returns
        -------
        ndarray of int, shape (a,)
            Costs: to the place from pinned sources, from it to pinned targets.

        Raises
        ------
        InputError
            The weights have changed, or it is no place.
        """
        if self._memories.version != self._version:
            raise InputError(
                "the weights have changed since", field="pinned", fix="pin the places again"
            )
        label_ptr, label_node, label_cost = self._labels
        with self._memories.borrow() as memory:
            result = np.empty(self._count, dtype=memory.cost.dtype)
            seeds = ranked_one(place, self._hierarchy.rank, memory.cost.dtype)
            meet_labels(
                label_ptr, label_node, label_cost, self._hierarchy.parent, *self._side,
                *seeds, self._far,
                memory.cost, memory.path, result,
            )  # fmt: skip
        return result
