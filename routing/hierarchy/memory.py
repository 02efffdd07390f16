"""Arrays for searches to work in."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from routing.hierarchy.lanes import ALIGNMENT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

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
    memory = np.empty(size * dtype.itemsize + ALIGNMENT, dtype=np.uint8)
    begin = -memory.ctypes.data % ALIGNMENT
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
        self.touched = np.empty(n, dtype=np.int32)
        self._height = hierarchy.height
        self._lanes = [self.cost[:0], self.cost[:0], self.cost[:0]]

    def sweep(self, lanes: int, met: int, last: int) -> tuple[Ints, NDArray[np.int32], Ints, Ints]:
        """Return memory for a sweep; it grows as it must.

        Parameters
        ----------
        lanes : int
            Values in a row.
        met, last : int
            How many rows the search upward and the targets need.

        Returns
        -------
        stack : ndarray of int
            A row for each depth.
        path : ndarray of int32, shape (n,)
            Room for nodes.
        met, last : ndarray of int
            At least so many rows.
        """
        for which, rows in enumerate((self._height, met, last)):
            if len(self._lanes[which]) < rows * lanes:
                self._lanes[which] = aligned(rows * lanes, self.cost.dtype)
        return self._lanes[0], self.touched, self._lanes[1], self._lanes[2]


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
