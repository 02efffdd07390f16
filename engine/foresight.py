"""Our own policy: whoever goes, and whoever moves, shall cost the fewest late arrivals to come."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from engine.coverage_kernels import gain_by_move, loss_by_unit, missed
from engine.dispatch.coverage import KnowsTerrain, first_least, in_time
from engine.relocation.base import Limits
from routing.network import UNREACHABLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from engine.dispatch.base import DispatchState
    from engine.relocation.base import Move, MoveState

_SLICES: Final = 6


@dataclass(frozen=True)
class ForesightDispatch(KnowsTerrain):
    """Send the unit that costs the fewest late arrivals, now and in the hours to come.

    A late arrival now counts 1, where a standard is for the priority. For what is to come,
    the time that a unit is busy is cut into slices; in each one a zone's incidents of such
    priorities are late where no unit near it is available, idle units growing busy at the
    rate at which incidents come and busy ones coming free at the mean rate of a pilot run.
    A unit that goes is missing from now on until it is likely to be back: the difference is
    what its going costs. It is DMEXCLP's coverage (Jagtenberg, Bhulai, van der Mei 2015,
    doi:10.1016/j.orhc.2015.01.001) made to depend on time, so that a price can be put on
    minutes and on drives.

    Parameters
    ----------
    terrain : Terrain, optional
        The city.
    minute : float
        Late arrivals that a minute of response time is worth.
    ahead : float
        How far it looks, in mean busy times.
    spread : float
        What future late arrivals count for against one now.
    """

    minute: float = 0.01
    ahead: float = 1.0
    spread: float = 2.0

    @property
    def parameters(self) -> dict[str, Any]:
        """The setting, for the record."""
        return {"minute": self.minute, "ahead": self.ahead, "spread": self.spread}

    def decide(self, state: DispatchState) -> int:
        """Choose a unit; see `engine.dispatch.Policy.decide`.

        Parameters
        ----------
        state : DispatchState
            The incident and the units.

        Returns
        -------
        int
            A unit, or -1.
        """
        city = self.city
        fit = state.suitable
        base = np.where(fit, state.base, -1)
        absent, gone, _ = self._absences(base, fit, state.now_ms)
        covering = np.where(fit & (base < 0), city.home, base)
        near = city.near[state.period]
        miss = missed(near, covering, absent)
        loss = loss_by_unit(near, city.weight, base, absent, gone, miss)
        cost = self._calls(state.now_ms) * loss
        if city.counts[min(state.priority, len(city.counts) - 1)]:
            cost += ~in_time(state, city)
        cost += self.minute * state.arrival_ms / 60_000
        return first_least(cost.round(9), state, state.feasible)

    def _calls(self, now_ms: float) -> float:
        """Return how many incidents that count are expected in a slice, weighed."""
        length = self.ahead * self.city.busy_ms / _SLICES
        return self.spread * self.city.counting * self.city.calls_per_ms(now_ms) * length

    def _absences(
        self, base: NDArray[np.int64], fit: NDArray[np.bool_], now_ms: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Return how likely each unit is absent by slice, one just sent, and slices' middles."""
        city = self.city
        busy_ms = max(city.busy_ms, 1.0)
        middle = (np.arange(_SLICES) + 0.5) * self.ahead * busy_ms / _SLICES
        units = max(1, int(fit.sum()))
        share = min(0.95, max(0.01, city.calls_per_ms(now_ms) * busy_ms / units))
        # of a two-state chain: both states forget where they began at the same pace
        forgets = np.exp(-middle / (busy_ms * (1 - share)))
        idle, busy = share * (1 - forgets), share + (1 - share) * forgets
        absent = np.where((base >= 0)[:, None], idle, np.where(fit[:, None], busy, 1.0))
        return np.maximum(absent, 1e-9), busy, middle


@dataclass(frozen=True)
class Foresight(ForesightDispatch):
    """Send and move units so that the fewest late arrivals are to be expected.

    Moves are judged by the same number as sending.

    Parameters
    ----------
    terrain : Terrain, optional
        The city.
    minute, ahead, spread : float
        As in `ForesightDispatch`.
    least : float
        Late arrivals that a move of a resting unit must save, and ten minutes of its drive.
    limits : Limits
        What crews are spared.
    """

    least: float = 0.005
    limits: Limits = field(default=Limits())

    @property
    def parameters(self) -> dict[str, Any]:
        """The setting, for the record."""
        limits = {"per_hour": self.limits.per_hour, "rest_s": self.limits.rest_ms / 1000}
        return super().parameters | {"least": self.least} | limits

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
        city = self.city
        may = self.limits.allow(state)
        best: tuple[float, int, int] | None = None
        for fit in city.groups:
            gain = self._worth(state, fit, may & fit)
            row, station = np.unravel_index(int(np.argmax(gain)), gain.shape)
            value = float(gain[row, station])
            if value > 1e-9 and (best is None or value > best[0]):
                best = value, int(row), int(station)
        return [] if best is None else [best[1:]]

    def _worth(
        self, state: MoveState, fit: NDArray[np.bool_], may: NDArray[np.bool_]
    ) -> NDArray[np.float64]:
        """Find how many late arrivals each move saves, less what it must."""
        city = self.city
        base = np.where(fit, state.base, -1)
        absent, _, middle = self._absences(base, fit, state.now_ms)
        covering = np.where(fit & (base < 0), city.home, base)
        near = city.near[state.period]
        miss = missed(near, covering, absent)
        gain = gain_by_move(near, city.weight, base, absent, miss, middle, state.arrival_ms, may)
        gain *= self._calls(state.now_ms)
        stay = np.where(base >= 0, base, 0)
        rows = np.arange(len(base))
        # a minute more to drive is a minute that its crew is on the road
        drive = np.where(state.arrival_ms < UNREACHABLE, state.arrival_ms, 0.0)
        longer = drive - np.where(state.returning, drive[rows, stay], 0.0)[:, None]
        gain -= self.least * longer / 600_000
        resting = rows != state.freed
        gain[resting] -= self.least
        gain[rows, stay] = np.where(base >= 0, 0.0, -np.inf)
        return gain.round(9)
