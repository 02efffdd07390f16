"""Where units should stand at given stations, found by simulation.

Local search over the units of each station with the simulator as judge: one unit moves,
or two of different types change places. All candidates meet the same incidents with the
same durations (common random numbers), and a move is made only when a race of paired
intervals says that it is better; see `scenarios.racing`. What was gained is then measured
anew on replications that the search has not seen, since whoever is chosen for
looking best looks better than it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from tqdm import tqdm

from routing.errors import InputError, did_you_mean
from scenarios.demand import check_seed
from scenarios.fleet_trials import Judge, Trials, reachable_stations
from scenarios.pools import workers_with
from scenarios.racing import FEWEST, Race, race, spent
from scenarios.replications import portable
from scenarios.runs import as_policy
from scenarios.simulation.tables import build_tables
from scenarios.statistics import LEVEL, estimate, ratio
from scenarios.terrain import terrain_of
from scenarios.yardsticks import YARDSTICKS, Scale

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from engine.dispatch import Policy
    from scenarios.fleet_trials import Change
    from scenarios.package import Scenario

_SCHEMA: Final = 1

Move = tuple[tuple[int, int], ...]
"""Rows of units, each with the row of the station that it goes to."""


@dataclass(frozen=True, eq=False)
class Refinement:
    """A fleet that was moved about, and what that is worth.

    Parameters
    ----------
    scenario : Scenario
        The city with its units where they should stand.
    document : dict
        What was done and found.
    """

    scenario: Scenario
    document: dict[str, Any]

    def to_json_dict(self) -> dict[str, Any]:
        """Return what was done and found: the same for the same question.

        Returns
        -------
        dict
            What was asked; ``ended``; ``steps``, each with what moved and its interval
            in the race; ``undecided``; ``units`` and ``stations``; ``check``: every
            yardstick before and after and the difference, on fresh replications.
        """
        return self.document


def refine(
    scenario: Scenario,
    *,
    objective: str = "within",
    standard: str | None = None,
    policy: str | Policy = "closest-v1",
    replications: int = 20,
    budget: int = 10_000,
    check: int = 500,
    confidence: float = 0.95,
    seed: int = 1,
    workers: int = 1,
    stop: Callable[[], bool] | None = None,
    progress: bool = False,
) -> Refinement:
    """Move units between stations as long as simulation shows that it helps.

    Ctrl-C ends the search with the best so far; a second one while that is checked
    ends everything.

    Parameters
    ----------
    scenario : Scenario
        Stations, and the units to begin with.
    objective : str
        One of `scenarios.yardsticks.YARDSTICKS`.
    standard : str, optional
        Name of the response standard of ``within``; the scenario's first if none is given.
    policy : str or Policy
        As in `scenarios.runs.simulate`.
    replications : int
        In the first round of each race; every further one doubles them.
    budget : int
        Most replications in all, those of the check included.
    check : int
        Replications that the result is checked on: numbers 0 to `check` - 1 of the
        seed, so that `scenarios.compare` finds the same. The search takes later ones.
    confidence : float
        Probability that no move is accepted which is not better, for all races
        together.
    seed : int
        Which incidents.
    workers : int
        Processes; the result does not depend on it.
    stop : callable, optional
        Asked between rounds; true ends the search.
    progress : bool
        Show a bar on a terminal.

    Returns
    -------
    Refinement
        The fleet and its document.

    Raises
    ------
    InputError
        A name is unknown, a number is out of range, or the scenario cannot be simulated.
    """
    if objective not in YARDSTICKS:
        raise InputError(
            f"unknown objective {objective!r}",
            field="--objective",
            fix=did_you_mean(objective, YARDSTICKS),
        )
    check_seed(seed)
    _check_numbers(replications, budget, check, confidence, workers)
    scale = Scale(scenario.settings, scenario.settings.standard(standard))
    named = as_policy(policy)
    tables = build_tables(scenario, movable=True)
    if named.asks:
        named = named.at(terrain_of(scenario, tables))
    given = named if workers < 2 else portable(named)
    with (
        workers_with(workers, Judge, (scenario, tables, given, scale, seed)) as spread,
        tqdm(
            total=budget,
            desc="refining",
            unit="replication",
            disable=None if progress else True,
        ) as bar,
    ):
        trials = Trials(spread, list(YARDSTICKS).index(objective), named.id, bar.update)
        search = _Search(
            scenario, trials, reachable_stations(scenario, tables), 1 - confidence, seed, stop
        )
        try:
            ended = search.run(replications, check, budget - 2 * check)
        except KeyboardInterrupt:
            ended = "interrupted"
        bar.set_description_str("checking")
        fleets = [search.start, search.homes] if search.steps else [search.start]
        found = trials.simulate(np.stack(fleets), 0, check)
    units = scenario.units.assign(
        station=scenario.stations["id"].to_numpy(dtype=object)[search.homes]
    )
    document = {
        "schema_version": _SCHEMA,
        "city": scenario.settings.name,
        "scenario_hash": scenario.hash,
        "policy": named.id,
        "objective": objective,
        "standard": scale.standard.name,
        "seed": seed,
        "confidence": confidence,
        "replications": replications,
        "budget": budget,
        "simulated": trials.simulated,
        "ended": ended,
        "steps": search.steps,
        "undecided": search.undecided,
        "units": units[["id", "type", "station"]].to_dict("records"),
        "stations": list(_stations(scenario, search.homes)),
        "check": {
            "replications": check,
            "days": scenario.settings.horizon.days,
            "level": LEVEL,
            "measures": _checked(*found),
        },
    }
    refined = scenario.with_fleet(scenario.stations, units)
    return Refinement(refined.renamed(f"{scenario.settings.name}, refined"), document)


def _check_numbers(
    replications: int, budget: int, check: int, confidence: float, workers: int
) -> None:
    for value, least, field in (
        (replications, FEWEST, "--replications"),
        (check, 2, "--check"),
        (workers, 1, "--workers"),
    ):
        if value < least:
            raise InputError(f"{value} is too few", field=field, fix=f"give {least} or more")
    if budget < 2 * (check + replications):
        raise InputError(
            f"{budget} replications are too few: the check of the result takes {2 * check}, the "
            f"first round {2 * replications} or more",
            field="--budget",
            fix="give more, or lower --check or --replications",
        )
    if not 0.5 <= confidence < 1:
        raise InputError(
            f"{confidence:g} is out of range",
            field="--confidence",
            fix="give a number from 0.5 to below 1",
        )


class _Search:
    """What the search has reached; holds good at any time it is left.

    Parameters
    ----------
    scenario : Scenario
        The city.
    trials : Trials
        Simulates.
    open_stations : ndarray of int64
        Rows of stations that units may go to.
    error : float
        Probability of accepting a move that is not better.
    seed : int
        Which moves are tried where the budget is too small for all.
    stop : callable, optional
        True ends the search.
    """

    def __init__(
        self,
        scenario: Scenario,
        trials: Trials,
        open_stations: NDArray[np.int64],
        error: float,
        seed: int,
        stop: Callable[[], bool] | None,
    ) -> None:
        self.start = scenario.unit_station.astype(np.int64)
        self.undecided: dict[str, Any] | None = None
        self._reached: list[tuple[NDArray[np.int64], dict[str, Any]]] = []
        self._scenario = scenario
        self._trials = trials
        self._open = open_stations
        self._error = error
        self._rng = np.random.default_rng([seed, 0x5EF1])
        self._stop = stop

    @property
    def homes(self) -> NDArray[np.int64]:
        """Row of each unit's station, the best so far."""
        return self._reached[-1][0] if self._reached else self.start

    @property
    def steps(self) -> list[dict[str, Any]]:
        """What was moved, in order."""
        return [step for _, step in self._reached]

    def run(self, first: int, begin: int, budget: int) -> str:
        """Race the neighbours of the incumbent until none is left to try; say why it ended."""
        kinds = self._scenario.units["type"].to_numpy(dtype=object)
        refuted: set[Move] = set()
        races = 0
        while True:
            moves = [m for m in neighbours(self.homes, kinds, self._open) if m not in refuted]
            # room for two rounds, if every move stays in doubt
            room = max(budget // (2 * first) - 1, 1)
            tried = moves
            if len(moves) > room:
                chosen = np.sort(self._rng.permutation(len(moves))[:room])
                tried = [moves[row] for row in chosen]
            races += 1
            candidates = np.stack([self.homes, *(moved(self.homes, move) for move in tried)])
            trial = self._trials.of(candidates, begin)
            found = race(
                trial.scores,
                len(tried),
                error=spent(self._error, races),
                first=first,
                budget=budget,
                stop=self._stop,
            )
            budget -= found.simulated
            begin += found.replications
            if found.winner is not None:
                move = tried[found.winner - 1]
                self._accept(move, found, trial.change(found), len(tried), len(moves))
                refuted = set()
            elif found.ending != "settled" or len(tried) == len(moves):
                left = len(moves) - len(tried) + found.in_doubt
                change = trial.change(found) if found.rounds and found.in_doubt else None
                self.undecided = {"moves": left, "change": change}
                return found.ending
            else:
                refuted |= set(tried)

    def _accept(self, move: Move, found: Race, change: Change, tried: int, possible: int) -> None:
        homes = self.homes
        ids = self._scenario.stations["id"]
        units = self._scenario.units
        step = {
            "moved": [
                {
                    "unit": str(units["id"].iloc[unit]),
                    "type": str(units["type"].iloc[unit]),
                    "from": str(ids.iloc[homes[unit]]),
                    "to": str(ids.iloc[station]),
                }
                for unit, station in move
            ],
            "change": change,
            "tried": tried,
            "possible": possible,
            "rounds": found.rounds,
            "replications": found.replications,
            "simulated": found.simulated,
        }
        # both at once: Ctrl-C may come at any time
        self._reached.append((moved(homes, move), step))


def neighbours(
    homes: NDArray[np.int64], kinds: NDArray[Any], stations: NDArray[np.int64]
) -> Iterator[Move]:
    """List every way to move one unit, or to let two of different types change places.

    Units of one type at one station are alike: the last of them goes.

    Parameters
    ----------
    homes : ndarray of int64, shape (units,)
        Row of each unit's station.
    kinds : ndarray of str, shape (units,)
        Type of each.
    stations : ndarray of int64
        Rows of stations that units may go to.

    Yields
    ------
    tuple of (int, int)
        Rows of units and of their new stations.
    """
    allowed = [int(station) for station in stations]
    last = {
        (kind, int(home)): row for row, (kind, home) in enumerate(zip(kinds, homes, strict=True))
    }
    standing = sorted(last)
    for kind, home in standing:
        unit = last[kind, home]
        yield from (((unit, station),) for station in allowed if station != home)
    for (one, here), (other, there) in combinations(standing, 2):
        if one != other and here != there and here in allowed and there in allowed:
            yield (last[one, here], there), (last[other, there], here)


def moved(homes: NDArray[np.int64], move: Move) -> NDArray[np.int64]:
    """Return homes after a move.

    Parameters
    ----------
    homes : ndarray of int64, shape (units,)
        Row of each unit's station.
    move : tuple of (int, int)
        As of `neighbours`.

    Returns
    -------
    ndarray of int64, shape (units,)
        A new array.
    """
    changed = homes.copy()
    for unit, station in move:
        changed[unit] = station
    return changed


def _stations(scenario: Scenario, homes: NDArray[np.int64]) -> Iterator[dict[str, Any]]:
    kinds = scenario.units["type"].to_numpy(dtype=object)
    places = zip(scenario.stations["id"], scenario.stations["name"], strict=True)
    for row, (identifier, name) in enumerate(places):
        counts = {
            when: {
                str(kind): int(((at == row) & (kinds == kind)).sum()) for kind in np.unique(kinds)
            }
            for when, at in (("before", scenario.unit_station), ("after", homes))
        }
        yield {"id": str(identifier), "name": str(name), **counts}


def _checked(
    numerator: NDArray[np.float64], denominator: NDArray[np.float64]
) -> list[dict[str, Any]]:
    """Tell every yardstick before and after, and the paired difference."""
    told = []
    for column, (name, yardstick) in enumerate(YARDSTICKS.items()):
        before, after = (
            ratio(numerator[row, :, column], denominator[:, column], share=name == "within")
            for row in (0, -1)
        )
        said = {"before": before, "after": after, "difference": after - before}
        told.append(
            {"id": name, "says": yardstick.says}
            | {when: estimate(measure).to_json_dict() for when, measure in said.items()}
        )
    return told
