"""Simulates fleets that differ in where their units are at home, and in nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from routing.errors import InputError
from routing.network import UNREACHABLE
from scenarios.demand import draw_incidents
from scenarios.replications import restored
from scenarios.simulation.arrays import new_world
from scenarios.simulation.run import first_on_scene, play
from scenarios.statistics import rounded_to_digits
from scenarios.yardsticks import YARDSTICKS

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from scenarios.package import Scenario
    from scenarios.policies import NamedPolicy
    from scenarios.pools import Spread
    from scenarios.racing import Race
    from scenarios.simulation.tables import Tables
    from scenarios.yardsticks import Scale

    Change = dict[str, float | None]


class Judge:
    """What a process needs to simulate any fleet of a city.

    Parameters
    ----------
    scenario : Scenario
        The city.
    tables : Tables
        Its tables, made for movable units.
    given : NamedPolicy or str or bytes
        The policy, or what `scenarios.replications.portable` made of it.
    scale : Scale
        What is measured.
    seed : int
        Which incidents.
    """

    def __init__(
        self,
        scenario: Scenario,
        tables: Tables,
        given: NamedPolicy | bytes,
        scale: Scale,
        seed: int,
    ) -> None:
        self.scenario = scenario
        self.tables = tables
        self.policy = restored(given)
        self.scale = scale
        self.seed = seed

    def measure(
        self, replication: int, homes: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Simulate one replication with several fleets.

        Parameters
        ----------
        replication : int
            Which.
        homes : ndarray of int64, shape (fleets, units)
            Rows of the units' stations.

        Returns
        -------
        ndarray of float64, shape (fleets, yardsticks)
            Numerators.
        ndarray of float64, shape (yardsticks,)
            Denominators, which all fleets share.
        """
        incidents = draw_incidents(self.scenario, self.seed, replication)
        travel, rules, timeline = self.tables
        denominator = np.zeros(len(YARDSTICKS))
        numerator = np.empty((len(homes), len(YARDSTICKS)))
        for row, home in enumerate(homes):
            crew = rules.crew.copy()
            crew["home"] = home
            world = new_world(travel, rules._replace(crew=crew), incidents, timeline, logged=False)
            play(world, self.policy.policy, policy_id=self.policy.id)
            numerator[row], denominator = self.scale.read(
                incidents, first_on_scene(world.legs, incidents.size)
            )
        return numerator, denominator


def _work(
    judge: Judge, task: tuple[int, NDArray[np.int64]]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return judge.measure(*task)


class Trials:
    """Simulates fleets on the same replications and counts what that takes.

    Parameters
    ----------
    spread : Spread
        Does the work with a `Judge` as its state.
    column : int
        Yardstick that fleets are ranked by.
    policy : str
        Id of the policy, for messages.
    count : callable
        Told how many replications were simulated.
    """

    def __init__(
        self, spread: Spread, column: int, policy: str, count: Callable[[int], object]
    ) -> None:
        self.column = column
        self.sign = list(YARDSTICKS.values())[column].sign
        self.simulated = 0
        self._spread = spread
        self._policy = policy
        self._count = count

    def simulate(
        self, homes: NDArray[np.int64], begin: int, count: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Simulate fleets.

        Parameters
        ----------
        homes : ndarray of int64, shape (fleets, units)
            Rows of the units' stations.
        begin, count : int
            The first replication, and how many.

        Returns
        -------
        ndarray of float64, shape (fleets, replications, yardsticks)
            Numerators.
        ndarray of float64, shape (replications, yardsticks)
            Denominators.

        Raises
        ------
        InputError
            Fleets are to be ranked by the mean response, and there is none.
        """
        tasks = [(replication, homes) for replication in range(begin, begin + count)]
        numerators, denominators = [], []
        for numerator, denominator in self._spread(_work, tasks):
            numerators.append(numerator)
            denominators.append(denominator)
            self.simulated += len(homes)
            self._count(len(homes))
        found = np.stack(numerators, axis=1)
        if np.isnan(found[:, :, self.column]).any():
            raise InputError(
                f"under {self._policy} some incidents are never served, so that there is no "
                "mean response to rank by",
                field="--objective",
                fix="rank by within or survivors",
            )
        return found, np.stack(denominators)

    def of(self, homes: NDArray[np.int64], begin: int) -> Trial:
        """Return the trial of an incumbent and its challengers.

        Parameters
        ----------
        homes : ndarray of int64, shape (fleets, units)
            Rows of the units' stations; the incumbent's come first.
        begin : int
            The first replication.

        Returns
        -------
        Trial
            For `scenarios.racing.race`.
        """
        return Trial(self, homes, begin)


class Trial:
    """An incumbent and its challengers on replications of their own.

    Parameters
    ----------
    trials : Trials
        Simulates.
    homes : ndarray of int64, shape (fleets, units)
        The fleets.
    begin : int
        The first replication.
    """

    def __init__(self, trials: Trials, homes: NDArray[np.int64], begin: int) -> None:
        self._trials = trials
        self._homes = homes
        self._begin = begin
        self._denominator = 0.0
        self._replications = 0

    def scores(self, rows: NDArray[np.int64], begin: int, count: int) -> NDArray[np.float64]:
        """Score fleets: more is better.

        Parameters
        ----------
        rows : ndarray of int64
            Which fleets.
        begin, count : int
            Replications, counted from the trial's first.

        Returns
        -------
        ndarray of float64, shape (rows, replications)
            Numerators of the yardstick; its denominator is the same for all.
        """
        trials = self._trials
        found, denominator = trials.simulate(self._homes[rows], self._begin + begin, count)
        self._denominator += float(denominator[:, trials.column].sum())
        self._replications += count
        return found[:, :, trials.column] * trials.sign

    def change(self, race: Race) -> Change:
        """Tell the outcome of a race in the unit of the yardstick.

        Parameters
        ----------
        race : Race
            Of these fleets.

        Returns
        -------
        dict
            ``value``, ``low``, ``high`` of challenger minus incumbent; None for a bound
            that there is none of.
        """
        unit = self._denominator / self._replications
        value, *bounds = (
            number * self._trials.sign / unit for number in (race.value, race.low, race.high)
        )
        numbers = {"value": value, "low": min(bounds), "high": max(bounds)}
        return {k: rounded_to_digits(v) if np.isfinite(v) else None for k, v in numbers.items()}


def reachable_stations(scenario: Scenario, tables: Tables) -> NDArray[np.int64]:
    """Find the stations from which all can be reached that is today, and that can be reached.

    Parameters
    ----------
    scenario : Scenario
        The city.
    tables : Tables
        Its tables, made for movable units.

    Returns
    -------
    ndarray of int64
        Rows of stations that a unit can be sent to live at.
    """
    zones, stations = len(scenario.zones), len(scenario.stations)
    asked = np.flatnonzero(scenario.zones["weight"].to_numpy(np.float64) > 0)
    travel: Any = tables.travel
    drives = travel.drive["ms"][:, -stations:]
    today = drives[:, tables.rules.crew["home"]][:, :, asked] < UNREACHABLE
    asked = asked[today.any(axis=(0, 1))]
    out = drives[:, :, asked]
    ranks = None if tables.rules.hospitals_differ else 1
    hospitals = np.unique(travel.hospital["place"][:, asked, :ranks])
    visited = np.concatenate([asked, hospitals[hospitals >= zones]])
    back = travel.home["ms"][0, visited]
    good = (out < UNREACHABLE).all(axis=(0, 2)) & (back < UNREACHABLE).all(axis=0)
    return np.flatnonzero(good)
