"""Incidents of many replications: drawn at once, or when they are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, overload

from routing.errors import InputError
from scenarios.demand import IncidentTable, check_seed, draw_incidents

if TYPE_CHECKING:
    from scenarios.package import Scenario
    from scenarios.precision import Precision

REPLICATIONS: Final = 20
"""Replications where nothing is said."""


def drawn(
    scenario: Scenario, *, replications: int | None, seed: int, workers: int
) -> list[IncidentTable]:
    """Draw the incidents of all replications, and check the numbers that decide on them.

    Parameters
    ----------
    scenario : Scenario
        The scenario.
    replications, seed, workers : int
        As in `scenarios.runs.simulate`.

    Returns
    -------
    list of IncidentTable
        One for each replication.

    Raises
    ------
    InputError
        A number is out of range, or there is no demand.
    """
    if replications is None:
        replications = REPLICATIONS if scenario.incidents is None else 1
    for value, field in ((replications, "--replications"), (workers, "--workers")):
        if value < 1:
            raise InputError(f"{value} is too few", field=field, fix="give 1 or more")
    check_seed(seed)
    if scenario.incidents is not None:
        if replications != 1:
            raise InputError(
                f"{replications} replications, but the incidents of the scenario are given",
                field="--replications",
                fix="give 1, or remove incidents.csv to draw them",
            )
        return [scenario.incidents]
    return [draw_incidents(scenario, seed, r) for r in range(replications)]


class Drawn(Sequence[IncidentTable]):
    """Incidents of replications, drawn when they are asked for.

    Parameters
    ----------
    scenario : Scenario
        The scenario.
    seed : int
        Which incidents.
    replications : int
        How many replications.
    """

    def __init__(self, scenario: Scenario, seed: int, replications: int) -> None:
        self._scenario = scenario
        self._seed = seed
        self._replications = range(replications)

    def __len__(self) -> int:
        """Return how many replications there are."""
        return len(self._replications)

    @overload
    def __getitem__(self, index: int) -> IncidentTable: ...

    @overload
    def __getitem__(self, index: slice) -> list[IncidentTable]: ...

    def __getitem__(self, index: int | slice) -> IncidentTable | list[IncidentTable]:
        """Draw the incidents of a replication."""
        numbers = self._replications[index]
        if isinstance(numbers, range):
            return [self[number] for number in numbers]
        return draw_incidents(self._scenario, self._seed, numbers)


def to_draw(scenario: Scenario, precision: Precision, seed: int) -> Drawn:
    """Make ready to draw as many replications as a precision takes.

    Parameters
    ----------
    scenario : Scenario
        The scenario.
    precision : Precision
        Tells how many there are at most.
    seed : int
        Which incidents.

    Returns
    -------
    Drawn
        The incidents of each replication.

    Raises
    ------
    InputError
        The incidents are given, the seed is out of range, or there is no demand.
    """
    check_seed(seed)
    if scenario.incidents is not None:
        raise InputError(
            "the incidents of the scenario are given, so that there is one replication only",
            field="--precision",
            fix="leave it out, or remove incidents.csv to draw them",
        )
    incidents = Drawn(scenario, seed, precision.at_most)
    _ = incidents[0]  # so that what cannot be drawn is said before anything is begun
    return incidents
