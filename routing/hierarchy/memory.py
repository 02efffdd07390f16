"""Arrays for searches to work in."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from routing.hierarchy.hierarchy import Hierarchy
    from routing.hierarchy.kinds import Ints


def aligned(size: int, dtype: np.dtype[np.signedinteger]) -> Ints:
    """Allocate so that no row of lanes crosses a cache line needlessly.

    Parameters
    ----------
    size : int
        Number of elements.
    dtype : dtype
        int32 or int64.

    Returns
    -------
    ndarray of int, shape (size,)
        Memory that holds anything.
    """
    line = 64
    memory = np.empty(size * dtype.itemsize + line, dtype=np.uint8)
    begin = -memory.ctypes.data % line
    return memory[begin : begin + size * dtype.itemsize].view(dtype)


class Memory:
    """Arrays for one search to work in, clean between searches.

    Parameters
    ----------
    hierarchy : Hierarchy
        The topology.
    dtype : dtype
        int32 or int64.
    """

    def __init__(self, hierarchy: Hierarchy, dtype: np.dtype[np.signedinteger]) -> None:
        n, height = hierarchy.n_nodes, 2 * hierarchy.height + 1
        self.cost = np.empty(n, dtype=dtype)
        self.other_cost = np.empty(n, dtype=dtype)
        self.path = np.empty(height, dtype=np.int32)
        self.other_path = np.empty(height, dtype=np.int32)
        self.state = np.zeros(n, dtype=np.uint8)
        self.met = np.zeros(n, dtype=np.bool_)
        self.touched = np.empty(n, dtype=np.int32)
        # one more, which stands for no node: -1 stays -1
        self.number = np.full(n + 1, -1, dtype=np.int32)
        self._lanes = [self.cost[:0], self.cost[:0]]

    def lanes(self, which: int, size: int) -> Ints:
        """Return memory for rows of lanes; it grows as it must.

        Parameters
        ----------
        which : int
            0 or 1.
        size : int
            How many values.

        Returns
        -------
        ndarray of int
            At least so many.
        """
        if len(self._lanes[which]) < size:
            self._lanes[which] = aligned(size, self.cost.dtype)
        return self._lanes[which]


class Memories:
    """Memory for as many searches as run at the same time.

    Parameters
    ----------
    hierarchy : Hierarchy
        The topology.
    dtype : dtype
        int32 or int64.
    """

    def __init__(self, hierarchy: Hierarchy, dtype: np.dtype[np.signedinteger]) -> None:
        self._hierarchy = hierarchy
        self._dtype = dtype
        self._free: list[Memory] = []
        self.version = 0
        """Changes of the weights so far."""

    @contextmanager
    def borrow(self) -> Iterator[Memory]:
        """Lend memory that no other search is using.

        Yields
        ------
        Memory
            The memory; a search that fails keeps it, for it may not be clean.
        """
        try:
            memory = self._free.pop()
        except IndexError:
            memory = Memory(self._hierarchy, self._dtype)
        yield memory
        self._free.append(memory)
