"""Drives that were computed before, until the roads change."""

from __future__ import annotations

import mmap
from threading import Lock
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from routing.snapping import Places

_MOST_CELLS: Final = 4_000_000
"""Drives in a table, however many goals there are: 16 MB."""

_FLEET: Final = 16
"""Places from which on a question is taken to be of a fleet that will be asked for again."""

_Key = tuple[int, float]


class Drives(NamedTuple):
    """Drives from places to goals.

    Parameters
    ----------
    times_ms : ndarray of int32, shape (rows, goals)
        Milliseconds; not to be changed.
    row : ndarray of int64, shape (places,)
        Which row is whose; not to be changed.
    """

    times_ms: NDArray[np.int32]
    row: NDArray[np.int64]


class _Asked(NamedTuple):
    """What was asked last: of the same fleet few have moved since."""

    arc: NDArray[np.int32]
    share: NDArray[np.float64]
    drives: Drives


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
        self._most = max(min(most, _MOST_CELLS // max(goals, 1)), 1)
        self._lock = Lock()
        self._row: dict[_Key, int] = {}
        self._ms = _table(self._most, goals)
        self._before: tuple[dict[_Key, int], NDArray[np.int32]] = {}, self._ms
        self._asked: _Asked | None = None

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
        with self._lock:
            known = self._as_before(places)
        if known is not None:
            return known
        keys = list(zip(places.arc.tolist(), places.share.tolist(), strict=True))
        if len(set(keys)) > self._most:
            return Drives(compute(places), np.arange(len(keys)))
        with self._lock:
            known = self._known(keys)
            if known is not None:
                return self._noted(places, known)
            new = {key: at for at, key in enumerate(keys) if not self._remembered(key)}
        ms = compute(places[np.fromiter(new.values(), np.int64, len(new))])
        with self._lock:
            fresh = dict(zip(new, ms, strict=True))
            lacking = {key: None for key in keys if key not in self._row}
            if len(self._row) + len(lacking) > self._most:
                # who holds the table still reads it: no row of it is ever written again
                self._before = self._row, self._ms
                self._row, self._ms = {}, _table(*self._ms.shape)
            for key in dict.fromkeys(keys):
                row = fresh.get(key)
                if key not in self._row and (row is not None or self._remembered(key)):
                    self._keep(key, self._of_before(key) if row is None else row)
            known = self._known(keys)
            if known is not None:
                return self._noted(places, known)
        # forgotten meanwhile, by others who asked for many
        return Drives(compute(places), np.arange(len(keys)))

    def _as_before(self, places: Places) -> Drives | None:
        """Find the drives of those who have moved since the last question; None if unknown."""
        if self._asked is None or len(self._asked.arc) != len(places):
            return None
        arc, share, drives = self._asked
        if drives.times_ms is not self._ms:  # of a table that is forgotten
            return None
        moved = np.flatnonzero((arc != places.arc) | (share != places.share))
        if not len(moved):
            return drives
        keys = zip(places.arc[moved].tolist(), places.share[moved].tolist(), strict=True)
        known = self._known(list(keys))
        if known is None:
            return None
        row = drives.row.copy()
        row[moved] = known.row
        return self._noted(places, Drives(self._ms, row))

    def _noted(self, places: Places, drives: Drives) -> Drives:
        if len(places) >= _FLEET:
            self._asked = _Asked(places.arc, places.share, drives)
        return drives

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
        self._ms[at] = row
        self._row[key] = at


def _table(rows: int, goals: int) -> NDArray[np.int32]:
    """Make room that goes back to the system; of the heap it would stay with the process."""
    room = mmap.mmap(-1, max(rows * goals, 1) * 4, access=mmap.ACCESS_COPY)
    return np.frombuffer(room, dtype=np.int32)[: rows * goals].reshape(rows, goals)
