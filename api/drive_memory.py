"""Drives that were computed before, until the roads change."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from routing.snapping import Places

_FIRST: Final = 256


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

    def times_ms(
        self, places: Places, compute: Callable[[Places], NDArray[np.int32]]
    ) -> NDArray[np.int32]:
        """Return drives, those computed that are not known.

        Parameters
        ----------
        places : Places
            Where they begin.
        compute : callable
            Computes those of some places.

        Returns
        -------
        ndarray of int32, shape (places, goals)
            Milliseconds; the caller's own.
        """
        keys = list(zip(places.arc.tolist(), places.share.tolist(), strict=True))
        with self._lock:
            new = {key: at for at, key in enumerate(keys) if key not in self._row}
            if not new:
                return self._known(keys)
        ms = compute(places[np.fromiter(new.values(), np.int64, len(new))])
        with self._lock:
            if len(self._row) + len(new) > self._most:
                self._row = {}
            self._keep(new, ms)
            if all(key in self._row for key in keys):
                return self._known(keys)
        return compute(places)  # more than can be remembered, or forgotten meanwhile

    def _known(self, keys: list[tuple[int, float]]) -> NDArray[np.int32]:
        return self._ms[[self._row[key] for key in keys]]

    def _keep(self, new: dict[tuple[int, float], int], ms: NDArray[np.int32]) -> None:
        for key, row in zip(new, ms, strict=True):
            at = self._row.get(key, len(self._row))
            if at >= self._most:
                return
            if at == len(self._ms):
                more = np.empty((max(len(self._ms), _FIRST), self._ms.shape[1]), np.int32)
                self._ms = np.concatenate([self._ms, more])
            self._ms[at] = row
            self._row[key] = at
