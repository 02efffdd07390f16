"""DMEXCLP move-up: a unit that becomes free goes where it adds the most expected coverage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.coverage_kernels import counts, expected_gain
from engine.dispatch.coverage import KnowsTerrain
from engine.relocation.base import RELOCATIONS
from routing.network import UNREACHABLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.relocation.base import Move, MoveState


@dataclass(frozen=True)
class DMEXCLPMove(KnowsTerrain):
    """Send a freed unit to the station where it adds the most expected coverage.

    Of equal stations it takes the nearest. Idle units count where they stand or drive
    to. Jagtenberg, Bhulai, van der Mei 2015, Operations Research for Health Care 4,
    27-35, doi:10.1016/j.orhc.2015.01.001.

    Parameters
    ----------
    terrain : Terrain, optional
        The city.
    busy : float, optional
        Probability that a unit is busy; that of `Terrain.busy_share` without it.
    """

    busy: float | None = None

    @property
    def parameters(self) -> dict[str, Any]:
        """The setting, for the record."""
        return {"busy": self.busy}

    def moves(self, state: MoveState) -> Sequence[Move]:
        """Choose moves; see `engine.relocation.Relocation.moves`.

        Parameters
        ----------
        state : MoveState
            The units.

        Returns
        -------
        sequence of (unit, station)
            One move, or none.
        """
        unit = state.freed
        if unit < 0 or state.base[unit] < 0:
            return []
        near = self.city.near[state.period]
        others = np.where(self.city.peers[unit], state.base, -1)
        others[unit] = -1
        busy = self.city.busy_share if self.busy is None else self.busy
        gain = expected_gain(near, self.city.weight, counts(near, others), busy)
        gain = np.where(state.arrival_ms[unit] < UNREACHABLE, gain, -1.0).round(12)
        if gain.max() < 0:
            return []
        return [(unit, int(np.lexsort((state.arrival_ms[unit], -gain))[0]))]


RELOCATIONS.register("dmexclp-move-v1", DMEXCLPMove())
