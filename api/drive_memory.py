"""Drives that were computed before, until the roads change."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from routing.snapping import Places

_FIRST: Final = 256


class Drives(NamedTuple):
    """Drives from places to goals.

    Parameters
    ----------
    times_ms : ndarray of int32, shape (rows, goals)
        Milliseconds; not to be changed.
    row : ndarray of int64, shape (places,)
        Which row is whose.
    """

    times_ms: NDArray[np.int32]
    row: NDArray[np.int64]


class DriveMemory:
    """Remembers the drives from places to the same goals.

    Of hundreds of units few have moved since the last question. Safe to ask from several
    threads at a time. Whoever changes the roads begins with an empty one.

    Parameters
    ----------
    goals : int
        How many goals there are.
    most : int
        Places to remember; with one more, all are forgotten.
    """

    def __init__(self, goals: int, most: int) -> None:
        self._most = most
        self._lock = Lock()
        self._row: dict[tuple[int, float], int] = {}
        self._ms = np.empty((0, goals), dtype=np.int32)

    def drives(self, places: Places, compute: Callable[[Places], NDArray[np.int32]]) -> Drives:
        """Return drives, those computed that are not known.

        Parameters
        ----------
        places : Places
            Where they begin.
        compute : callable
            Computes those of some places.

        Returns
        -------
        Drives
            Of all places.
        """
        keys = list(zip(places.arc.tolist(), places.share.tolist(), strict=True))
        with self._lock:
            known = self._known(keys)
            if known is not None:
                return known
            new = {key: at for at, key in enumerate(keys) if key not in self._row}
        ms = compute(places[np.fromiter(new.values(), np.int64, len(new))])
        with self._lock:
            if len(self._row) + len(new) > self._most:
                # who holds the table still reads it: no row of it is ever written again
                self._row, self._ms = {}, np.empty((0, self._ms.shape[1]), dtype=np.int32)
            self._keep(new, ms)
            known = self._known(keys)
        if known is not None:
            return known
        # more than can be remembered, or forgotten meanwhile
        return Drives(compute(places), np.arange(len(keys)))

    def _known(self, keys: list[tuple[int, float]]) -> Drives | None:
        try:
            row = [self._row[key] for key in keys]
        except KeyError:
            return None
        return Drives(self._ms, np.array(row, dtype=np.int64))

    def _keep(self, new: dict[tuple[int, float], int], ms: NDArray[np.int32]) -> None:
        for key, row in zip(new, ms, strict=True):
            at = self._row.get(key, len(self._row))
            if at >= self._most:
                return
            if at == len(self._ms):
                more = np.empty((max(len(self._ms), _FIRST), self._ms.shape[1]), np.int32)
                self._ms = np.concatenate([self._ms, more])
            if key not in self._row:
                self._ms[at] = row
                self._row[key] = at
