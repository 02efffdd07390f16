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

_Key = tuple[int, float]


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

    Of hundreds of units few have moved since the last question. Where there is no more
    room, those are forgotten that nobody asked for lately. Safe to ask from several
    threads at a time. Whoever changes the roads begins with an empty one.

    Parameters
    ----------
    goals : int
        How many goals there are.
    most : int
        Places to remember of late, and as many of before.
    """

    def __init__(self, goals: int, most: int) -> None:
        self._most = most
        self._lock = Lock()
        self._row: dict[_Key, int] = {}
        self._ms = np.empty((0, goals), dtype=np.int32)
        self._before: tuple[dict[_Key, int], NDArray[np.int32]] = {}, self._ms

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
        if len(set(keys)) > self._most:
            return Drives(compute(places), np.arange(len(keys)))
        with self._lock:
            known = self._known(keys)
            if known is not None:
                return known
            new = {key: at for at, key in enumerate(keys) if not self._remembered(key)}
        ms = compute(places[np.fromiter(new.values(), np.int64, len(new))])
        with self._lock:
            fresh = dict(zip(new, ms, strict=True))
            lacking = {key: None for key in keys if key not in self._row}
            if len(self._row) + len(lacking) > self._most:
                # who holds the table still reads it: no row of it is ever written again
                self._before = self._row, self._ms
                self._row, self._ms = {}, self._ms[:0].copy()
            for key in dict.fromkeys(keys):
                row = fresh.get(key)
                if key not in self._row and (row is not None or self._remembered(key)):
                    self._keep(key, self._of_before(key) if row is None else row)
            known = self._known(keys)
        # forgotten meanwhile, by others who asked for many
        return known or Drives(compute(places), np.arange(len(keys)))

    def _remembered(self, key: _Key) -> bool:
        return key in self._row or key in self._before[0]

    def _of_before(self, key: _Key) -> NDArray[np.int32]:
        rows, ms = self._before
        row: NDArray[np.int32] = ms[rows[key]]
        return row

    def _known(self, keys: list[_Key]) -> Drives | None:
        try:
            row = [self._row[key] for key in keys]
        except KeyError:
            return None
        return Drives(self._ms, np.array(row, dtype=np.int64))

    def _keep(self, key: _Key, row: NDArray[np.int32]) -> None:
        at = len(self._row)
        if at == len(self._ms):
            more = np.empty((max(len(self._ms), _FIRST), self._ms.shape[1]), np.int32)
            self._ms = np.concatenate([self._ms, more])
        self._ms[at] = row
        self._row[key] = at
