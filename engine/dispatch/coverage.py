"""Dispatch that looks at what stays behind: coverage, preparedness, survival."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np

from engine.coverage_kernels import counts, expected_gain, nearest_units
from engine.dispatch.explanation import Explanation, against_the_closest
from engine.survival import survival_curve
from routing.errors import InputError
from routing.network import UNREACHABLE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.dispatch.base import DispatchState
    from engine.terrain import Terrain

_NEVER: Final = float(UNREACHABLE)


@dataclass(frozen=True)
class KnowsTerrain:
    """A policy that must know the city.

    Parameters
    ----------
    terrain : Terrain, optional
        The city; see `at`.
    """

    terrain: Terrain | None = None

    def at(self, terrain: Terrain) -> Self:
        """Return the same policy for a city.

        Parameters
        ----------
        terrain : Terrain
            The city.

        Returns
        -------
        Self
            Its like.
        """
        return replace(self, terrain=terrain)

    @property
    def city(self) -> Terrain:
        """The city; an InputError where it is not known."""
        if self.terrain is None:
            raise InputError(
                f"{type(self).__name__} must know the city",
                field="policy",
                fix="give it one with at(terrain)",
            )
        return self.terrain


def in_time(state: DispatchState, terrain: Terrain) -> NDArray[np.bool_]:
    """Tell which units would be in time.

    Parameters
    ----------
    state : DispatchState
        The incident and the units.
    terrain : Terrain
        The city.

    Returns
    -------
    ndarray of bool, shape (units,)
        False, too, where the unit cannot be sent.
    """
    row = min(state.priority, len(terrain.limit_ms) - 1)
    gone = state.waiting_ms if terrain.from_call[row] else 0.0
    return np.asarray(state.arrival_ms + gone <= terrain.limit_ms[row])


def first_least(cost: NDArray[np.float64], state: DispatchState, among: NDArray[np.bool_]) -> int:
    """Choose the unit of least cost; of equals the one that arrives first.

    Parameters
    ----------
    cost : ndarray of float64, shape (units,)
        What it costs to send each unit.
    state : DispatchState
        The units.
    among : ndarray of bool, shape (units,)
        Those to choose from, at least one.

    Returns
    -------
    int
        A unit.
    """
    units = np.flatnonzero(among)
    return int(units[np.lexsort((units, state.arrival_ms[units], cost[units]))[0]])


@dataclass(frozen=True)
class DMEXCLPDispatch(KnowsTerrain):
    """Of the units in time, send the one whose leaving costs the least expected coverage.

    Where none is in time, the closest goes. A unit on its way covers from the station
    that it drives to. Jagtenberg, Bhulai, van der Mei 2017, Health Care Management
    Science 20, 517-531, doi:10.1007/s10729-016-9368-0.

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
        among = in_time(state, self.city)
        if not among.any():
            return first_least(state.arrival_ms, state, state.feasible)
        return first_least(self.coverage_lost(state), state, among)

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
            With ``coverage_lost``, a share of the demand.
        """
        return against_the_closest(
            state,
            unit,
            in_time(state, self.city),
            self.coverage_lost(state),
            name="coverage_lost",
            words="which leaves {:.2%} more of the demand covered",
        )

    def coverage_lost(self, state: DispatchState) -> NDArray[np.float64]:
        """Find the expected coverage that each unit's going costs.

        Parameters
        ----------
        state : DispatchState
            The units.

        Returns
        -------
        ndarray of float64, shape (units,)
            Share of the demand; zero for units that are not idle.
        """
        near = self.city.near[state.period]
        covering = np.where(state.suitable, state.base, -1)
        busy = self.city.busy_share if self.busy is None else self.busy
        left = np.maximum(counts(near, covering) - 1, 0)
        loss = expected_gain(near, self.city.weight, left, busy)
        return np.where(covering >= 0, loss[covering], 0.0)


@dataclass(frozen=True)
class PreparednessDispatch(KnowsTerrain):
    """Of the units in time, send the one whose leaving keeps the worst zone best prepared.

    The preparedness of a zone is ``1 / demand * sum(2**-l / t_l)`` over the `nearest`
    units by drive t_l: Andersson and Värbrand 2007, Journal of the Operational Research
    Society 58, 195-201, doi:10.1057/palgrave.jors.2602174. Where none is in time, the
    closest goes.

    Parameters
    ----------
    terrain : Terrain, optional
        The city.
    nearest : int
        Units that count for a zone.
    floor : float
        Share of the zones, the least prepared ones, whose mean counts: 0 for the worst
        zone alone.
    """

    nearest: int = 3
    floor: float = 0.0

    @property
    def parameters(self) -> dict[str, Any]:
        """The setting, for the record."""
        return {"nearest": self.nearest, "floor": self.floor}

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
        among = in_time(state, self.city)
        if not among.any():
            return first_least(state.arrival_ms, state, state.feasible)
        return first_least(-self._left(state, among)[0], state, among)

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
            With ``preparedness_lost``, a share of that of the zones that count.
        """
        whose = f"least prepared {self.floor:.0%} of zones" if self.floor else "worst zone"
        return against_the_closest(
            state,
            unit,
            in_time(state, self.city),
            self.preparedness_lost(state),
            name="preparedness_lost",
            words=f"which leaves the {whose} {{:.2%}} more of the preparedness of now",
        )

    def preparedness_lost(self, state: DispatchState) -> NDArray[np.float64]:
        """Find how much less prepared the zones that count are when a unit has gone.

        Parameters
        ----------
        state : DispatchState
            The units.

        Returns
        -------
        ndarray of float64, shape (units,)
            Share of their preparedness with all units; zero for units that are not idle.
        """
        left, now = self._left(state, state.feasible)
        return np.asarray(1.0 - left / now if now > 0 else np.zeros(len(left)))

    def _left(
        self, state: DispatchState, among: NDArray[np.bool_]
    ) -> tuple[NDArray[np.float64], float]:
        """Return the least preparedness without each of some units, and with all."""
        city = self.city
        covering = state.suitable & (state.base >= 0)
        count = np.bincount(state.base[covering], minlength=city.station_ms.shape[1])
        # one more than counts for a zone: whoever takes the place of one that goes
        drive, where = nearest_units(*city.by_drive(state.period), count, self.nearest + 1)
        asked = np.flatnonzero(city.weight > 0)
        weight = city.weight[asked]
        drive, where = np.maximum(drive[asked], 60_000.0), where[asked]
        prepared = self._prepared(drive[:, :-1], weight)
        without = [
            self._prepared(np.delete(drive, place, axis=1), weight) for place in range(self.nearest)
        ]
        now = self._least(prepared)
        least = np.full(len(state.arrival_ms), now)
        for station in np.unique(state.base[covering & among]):
            left = prepared.copy()
            for place, other in enumerate(without):
                here = where[:, place] == station
                left[here] = other[here]
            least[covering & (state.base == station)] = self._least(left)
        return least, now

    def _prepared(
        self, drive: NDArray[np.float64], weight: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        share = 0.5 ** np.arange(1, self.nearest + 1)
        return np.asarray((share / drive).sum(axis=1) / weight)

    def _least(self, prepared: NDArray[np.float64]) -> float:
        count = max(1, int(self.floor * len(prepared)))
        return float(np.partition(prepared, count - 1)[:count].mean())


@dataclass(frozen=True)
class SurvivalDispatch(KnowsTerrain):
    """Send the unit with which most patients, this one and the next, can be expected to live.

    Every incident counts as a cardiac arrest. While the unit is away, incidents are
    expected at the present rate, each served from the nearest station with a unit left.

    Parameters
    ----------
    terrain : Terrain, optional
        The city.
    curve : str
        Survival by response time; see `engine.survival`.
    """

    curve: str = "de-maio-2003"

    @property
    def parameters(self) -> dict[str, Any]:
        """The setting, for the record."""
        return {"curve": self.curve}

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
        cost = self.lives_to_come(state) - self.survival(state)
        return first_least(cost, state, state.feasible)

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
            With ``survival``, this patient's chance, and ``lives_to_come``, those that
            its going costs others, as if all were cardiac arrests.
        """
        closest = int(state.arrival_ms.argmin())
        later_s = float(state.arrival_ms[unit] - state.arrival_ms[closest]) / 1000
        chance, lives = self.survival(state), self.lives_to_come(state)
        figures = {
            "later_seconds": later_s,
            "survival": float(chance[unit]),
            "survival_of_closest": float(chance[closest]),
            "lives_to_come": float(lives[unit]),
            "lives_to_come_of_closest": float(lives[closest]),
        }
        if later_s == 0:
            return Explanation("the closest, with which most can be expected to live", figures)
        return Explanation(
            f"{later_s:.0f} s after the closest, which costs this patient "
            f"{chance[closest] - chance[unit]:.4f} expected lives and saves those to come "
            f"{lives[closest] - lives[unit]:.4f}",
            figures,
        )

    def survival(self, state: DispatchState) -> NDArray[np.float64]:
        """Find how likely this patient lives with each unit.

        Parameters
        ----------
        state : DispatchState
            The incident and the units.

        Returns
        -------
        ndarray of float64, shape (units,)
            Probability; zero for units that cannot be sent.
        """
        chance = np.zeros(len(state.arrival_ms))
        sent = state.feasible
        response_s = (state.arrival_ms[sent] + state.waiting_ms) / 1000
        chance[sent] = survival_curve(self.curve)(response_s)
        return chance

    def lives_to_come(self, state: DispatchState) -> NDArray[np.float64]:
        """Find how many lives each unit's going costs others until it is back.

        Parameters
        ----------
        state : DispatchState
            The units.

        Returns
        -------
        ndarray of float64, shape (units,)
            Expected lives; zero for units that are not idle.
        """
        city, survive = self.city, survival_curve(self.curve)
        lead_ms = city.processing_ms + float(city.turnout_ms.mean())
        covering = np.where(state.suitable, state.base, -1)
        count = np.bincount(covering[covering >= 0], minlength=city.station_ms.shape[1])
        drive, where = nearest_units(*city.by_drive(state.period), count, 2)
        kept, lost = survive((drive + lead_ms) / 1000).T
        future = city.calls_per_ms(state.now_ms) * city.busy_ms
        loss = np.zeros(len(count))
        there = where[:, 0] >= 0
        np.add.at(loss, where[there, 0], future * (city.weight * (kept - lost))[there])
        return np.where(covering >= 0, loss[covering], 0.0)
