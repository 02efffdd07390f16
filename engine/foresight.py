"""Our own policy: whoever goes, and whoever moves, shall cost those to come the least."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Final, NamedTuple

import numpy as np

from engine.dispatch.batch import queue_of, unit_for_first
from engine.dispatch.coverage import KnowsTerrain, first_least, in_time
from engine.dispatch.explanation import Explanation, against_the_closest
from engine.foresight_kernels import (
    absence_cost,
    absence_cost_of_pairs,
    saved_by_moves,
    station_absent,
)
from engine.relocation.base import Limits
from routing.network import UNREACHABLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from engine.dispatch.base import DispatchState
    from engine.relocation.base import Move, MoveState

_SLICES: Final = 6
_AT_ONCE: Final = 3
_MINUTE_MS: Final = 60_000.0
_UNIT: Final = 20_000
"""A late arrival, in the whole numbers that assignments are counted in."""
_MOST: Final = 3_000.0


@dataclass(frozen=True)
class ForesightDispatch(KnowsTerrain):
    """Of the units in time, send the one that costs least, now and in the hours to come.

    A late arrival costs 1, where a standard is for the priority, and each minute of a
    response `minute`. For what is to come, the time that a unit is busy is cut into
    slices; in each one, an incident is answered from the nearest station with a unit
    available, idle units growing busy at the rate at which incidents come and busy ones
    coming free at the mean rate of a pilot run. A unit that goes is missing from now on
    until it is likely to be back, later if it comes from further away: the difference is
    what its going costs. Where none is in time, the closest goes. It is DMEXCLP
    (Jagtenberg, Bhulai, van der Mei 2015, doi:10.1016/j.orhc.2015.01.001) with coverage
    that depends on time, and with minutes beside the limit.

    Where several incidents wait, as many are served as can be, most urgent first, and of
    equally urgent ones those for whom a unit now saves most: the likelier they were late
    if they waited for the next unit to come free, the sooner it is there, and the longer
    they have waited. So whom nobody reaches in time may be passed over, but not for ever.

    Parameters
    ----------
    terrain : Terrain, optional
        The city.
    minute : float
        Late arrivals that a minute of response time is worth.
    ahead : float
        How far it looks, in mean busy times.
    bound_minute : float
        Late arrivals that a minute of a unit is worth to others where several wait.
    waited_minute : float
        Late arrivals that a minute of having waited is worth there.
    """

    sees_others: ClassVar[bool] = True

    minute: float = 0.01
    ahead: float = 0.6
    bound_minute: float = 0.02
    waited_minute: float = 0.003

    @property
    def parameters(self) -> dict[str, Any]:
        """The setting, for the record."""
        return {
            "minute": self.minute,
            "ahead": self.ahead,
            "bound_minute": self.bound_minute,
            "waited_minute": self.waited_minute,
        }

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
        if len(state.others_priority):
            return self._unit_of_queue(state)
        among = in_time(state, self.city)
        if not among.any():
            return first_least(state.arrival_ms, state, state.feasible)
        cost = self.minute * state.arrival_ms / _MINUTE_MS + self.cost_to_come(state)
        return first_least(cost.round(9), state, among)

    def explain(self, state: DispatchState, unit: int) -> Explanation:
        """Say why a unit was chosen; see `engine.dispatch.explanation.Explains`.

        Parameters
        ----------
        state : DispatchState
            What `decide` was asked.
        unit : int
            What it answered.

        Returns
        -------
        Explanation
            With ``to_come``, late arrivals that its going costs others.
        """
        waiting = len(state.others_priority)
        if waiting:
            return Explanation(
                f"one of {1 + waiting} that wait, of whom units go to the most urgent, and "
                "to those for whom they save most",
                {"waiting": float(1 + waiting)},
            )
        return against_the_closest(
            state,
            unit,
            in_time(state, self.city),
            self.cost_to_come(state),
            name="to_come",
            words="which saves those to come {:.3f} late arrivals",
        )

    def cost_to_come(self, state: DispatchState) -> NDArray[np.float64]:
        """Find what each unit's going costs others until it is likely to be back.

        Parameters
        ----------
        state : DispatchState
            The incident and the units.

        Returns
        -------
        ndarray of float64, shape (units,)
            In late arrivals; zero for units that are not idle.
        """
        city, fit = self.city, state.suitable
        base = np.where(fit, state.base, -1)
        absent, middle, share = self._absences(base, fit, state.now_ms)
        where = np.repeat(self._covering(base, fit)[:, None], _SLICES, axis=1)
        station = station_absent(where, absent, city.station_ms.shape[1])
        slope = absence_cost(*self._responses[state.period], station)
        idle = np.flatnonzero((base >= 0) & state.feasible)
        arrival = state.arrival_ms[idle]
        away_ms = city.busy_ms + arrival - arrival.min(initial=np.inf)
        gone = _still_busy(middle, np.maximum(away_ms, 1.0)[:, None], share)
        rise = station[base[idle]] * (gone / absent[idle] - 1.0)
        cost = np.zeros(len(base))
        cost[idle] = self._calls(state.now_ms) * (slope[base[idle]] * rise).sum(axis=1)
        return cost

    def _unit_of_queue(self, state: DispatchState) -> int:
        """Choose for one of several incidents that wait."""
        city = self.city
        queue = queue_of(state)
        row = np.minimum(queue.priority, len(city.limit_ms) - 1)
        counts = city.counts[row]
        left_ms = city.limit_ms[row] - np.where(city.from_call[row], queue.waiting_ms, 0.0)
        sent = queue.arrival_ms < UNREACHABLE
        arrival = np.where(sent, queue.arrival_ms, 0.0)
        cost = (arrival > left_ms[:, None]) * counts[:, None] + self.cost_to_come(state)
        cost += (self.minute + self.bound_minute) * arrival / _MINUTE_MS
        busy = int((state.suitable & (state.base < 0)).sum())
        next_ms = max(city.busy_ms, 1.0) / max(1, busy)
        soonest = np.where(sent, arrival, np.inf).min(axis=1)
        soonest = np.where(np.isfinite(soonest), soonest, next_ms)
        # whether it would be too late for whom waits until the next unit is free
        late = np.exp(-np.maximum(left_ms - soonest, 0.0) / next_ms)
        waits = counts * late + self.minute * (next_ms + soonest) / _MINUTE_MS
        waits += self.waited_minute * queue.waiting_ms / _MINUTE_MS
        priced = np.where(sent, _whole(cost), -1)
        return unit_for_first(queue.priority, priced, _whole(waits))

    def _covering(self, base: NDArray[np.int64], fit: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return where each unit covers from, or will once it is free, -1 for nowhere."""
        return np.where(fit & (base < 0), self.city.home, base)

    @cached_property
    def _responses(self) -> tuple[_Responses, ...]:
        """Which station answers where, and what it costs, by period."""
        city = self.city
        drive = np.ascontiguousarray(city.station_ms.transpose(0, 2, 1))
        reached = drive < UNREACHABLE
        lead = city.turnout_ms.mean() + np.where(city.from_call, city.processing_ms, 0.0)
        late = np.zeros(drive.shape)
        for share, limit, before in zip(
            city.priority_share * city.counts, city.limit_ms, lead, strict=True
        ):
            late += share * (drive + before > limit)
        penalty = late + self.minute * drive / _MINUTE_MS
        worst = np.where(reached, drive, 0.0).max(axis=2)
        wait = city.busy_ms / max(1, len(city.home))
        nobody = float((city.priority_share * city.counts).sum())
        nobody = nobody + self.minute * (worst + wait) / _MINUTE_MS
        penalty = np.where(reached, penalty, nobody[:, :, None])
        order = np.argsort(drive, axis=2, kind="stable")
        periods = zip(order, penalty, nobody, strict=True)
        return tuple(_merged(*period, city.weight) for period in periods)

    def _calls(self, now_ms: float) -> float:
        """Return how many incidents are expected in a slice."""
        return self.city.calls_per_ms(now_ms) * self.ahead * self.city.busy_ms / _SLICES

    def _absences(
        self, base: NDArray[np.int64], fit: NDArray[np.bool_], now_ms: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
        """Return how likely each unit is absent by slice, slices' middles, units' busy share."""
        city = self.city
        busy_ms = max(city.busy_ms, 1.0)
        middle = (np.arange(_SLICES) + 0.5) * self.ahead * busy_ms / _SLICES
        units = max(1, int(fit.sum()))
        share = min(0.95, max(0.01, city.calls_per_ms(now_ms) * busy_ms / units))
        busy = _still_busy(middle, busy_ms, share)
        # of a two-state chain: both states forget where they began at the same pace
        idle = share * (1 - busy) / (1 - share)
        absent = np.where((base >= 0)[:, None], idle, np.where(fit[:, None], busy, 1.0))
        return np.maximum(absent, 1e-6), middle, share


class _Responses(NamedTuple):
    """Stations in the order in which they answer, by zone, and what responses cost."""

    order: NDArray[np.int64]
    penalty: NDArray[np.float64]
    nobody: NDArray[np.float64]
    weight: NDArray[np.float64]


def _merged(
    order: NDArray[np.int64],
    penalty: NDArray[np.float64],
    nobody: NDArray[np.float64],
    weight: NDArray[np.float64],
) -> _Responses:
    """Make one of zones with the same order of stations: cost is linear in the penalties."""
    asked = weight > 0
    orders, of_zone = np.unique(order[asked], axis=0, return_inverse=True)
    total = np.zeros(len(orders))
    np.add.at(total, of_zone.ravel(), weight[asked])
    own = np.column_stack([penalty, nobody])[asked] * weight[asked, None]
    mean = np.zeros((len(orders), own.shape[1]))
    np.add.at(mean, of_zone.ravel(), own)
    mean /= total[:, None]
    return _Responses(orders, np.ascontiguousarray(mean[:, :-1]), mean[:, -1].copy(), total)


def _whole(cost: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.asarray(np.rint(np.minimum(cost, _MOST) * _UNIT), dtype=np.int64)


def _still_busy(
    after_ms: NDArray[np.float64], busy_ms: NDArray[np.float64] | float, share: float
) -> NDArray[np.float64]:
    """Return how likely a unit that is busy now is so after a time."""
    return np.asarray(share + (1 - share) * np.exp(-after_ms / (busy_ms * (1 - share))))


@dataclass(frozen=True)
class Foresight(ForesightDispatch):
    """Send and move units so that the least cost is to be expected.

    Moves are judged by the same number as sending. A unit on the road covers from where it
    stands, or from the station that it is nearest to, until half of its drive is over, and
    from there on from its new station. Where units that are busy will be moved when they
    are free is not known, so that they cover nothing until then.

    Parameters
    ----------
    terrain : Terrain, optional
        The city.
    minute, ahead, bound_minute, waited_minute : float
        As in `ForesightDispatch`; it need not look as far, since units can be moved again.
    least : float
        Late arrivals that a move must save, and as many again for each ten minutes of its
        drive, times the square of the share of time that units are busy: the busier they
        are, the sooner a move is overtaken by the next incident. A unit that was just
        freed, too, goes home unless another station is worth so much more.
    limits : Limits
        What crews are spared.
    """

    ahead: float = 0.35
    least: float = 0.025
    limits: Limits = field(default=Limits())

    @property
    def parameters(self) -> dict[str, Any]:
        """The setting, for the record."""
        limits = {"per_hour": self.limits.per_hour, "rest_s": self.limits.rest_ms / 1000}
        return super().parameters | {"least": self.least} | limits

    def _covering(self, base: NDArray[np.int64], fit: NDArray[np.bool_]) -> NDArray[np.int64]:
        return np.where(fit, base, -1)

    def moves(self, state: MoveState) -> Sequence[Move]:
        """Choose moves; see `engine.relocation.Relocation.moves`.

        Parameters
        ----------
        state : MoveState
            The units.

        Returns
        -------
        sequence of (unit, station)
            The moves.
        """
        may = self.limits.allow(state)
        base = state.base.copy()
        chosen: list[Move] = []
        for fit in self.city.groups:
            for _ in range(_AT_ONCE):
                gain = self._worth(state, base, fit, may & fit)
                row, station = np.unravel_index(int(np.argmax(gain)), gain.shape)
                if gain[row, station] <= 1e-9:
                    break
                chosen.append((int(row), int(station)))
                base[row], may[row] = station, False
        return chosen

    def explain_move(self, state: MoveState, unit: int, station: int) -> Explanation:
        """Say what a move saves, if it is the only one.

        Parameters
        ----------
        state : MoveState
            What `moves` was asked.
        unit, station : int
            The move.

        Returns
        -------
        Explanation
            With ``saves``, late arrivals, less what moving a crew must save.
        """
        fit = self.city.peers[unit]
        gain = self._worth(state, state.base, fit, self.limits.allow(state) & fit)
        saves = float(gain[unit, station])
        drive_s = float(state.arrival_ms[unit, station]) / 1000
        ahead = self.ahead * self.city.busy_ms / _MINUTE_MS
        return Explanation(
            f"saves {saves:.3f} late arrivals in the {ahead:.0f} min to come, for a drive of "
            f"{drive_s / 60:.0f} min",
            {"saves": saves, "drive_seconds": drive_s},
        )

    def _worth(
        self,
        state: MoveState,
        base: NDArray[np.int64],
        fit: NDArray[np.bool_],
        may: NDArray[np.bool_],
    ) -> NDArray[np.float64]:
        """Find what each move saves, less what it must."""
        base = np.where(fit, base, -1)
        absent, middle, share = self._absences(base, fit, state.now_ms)
        rows = np.arange(len(base))
        free = base >= 0
        stay = np.where(free, base, 0)
        reached = state.arrival_ms < UNREACHABLE
        covers_ms = np.where(reached, state.arrival_ms / 2, UNREACHABLE)
        # on the road it covers from the station that it is nearest to, or could stay at
        stands = free & ~state.returning & (rows != state.freed)
        near = np.where(reached.any(axis=1), state.arrival_ms.argmin(axis=1), stay)
        origin = np.where(free, np.where(stands, state.base, near), -1)
        settled = middle >= covers_ms[rows, stay][:, None]
        where = np.where(settled & free[:, None], stay[:, None], origin[:, None])
        station = station_absent(where, absent, state.arrival_ms.shape[1])
        responses = self._responses[state.period]
        gain = self._calls(state.now_ms) * saved_by_moves(
            absence_cost(*responses, station),
            absence_cost_of_pairs(*responses, station),
            station,
            where,
            absent,
            middle,
            origin,
            covers_ms,
            may,
        )
        # a minute more to drive is a minute that its crew is on the road
        drive = np.where(reached, state.arrival_ms, 0.0)
        longer = drive - np.where(state.returning, drive[rows, stay], 0.0)[:, None]
        gain -= self.least * share**2 * (1 + longer / 600_000)
        gain[rows, stay] = np.where(free, 0.0, -np.inf)
        return np.asarray(gain.round(9))
