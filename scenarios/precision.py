"""Replications until a figure is known as closely as wanted.

The sequential procedure of Chow and Robbins 1965, doi:10.1214/aoms/1177700156, for a
relative width, with a first sample large enough that it does not stop on a lucky spread
(Law and Kelton 1982, doi:10.1287/mnsc.28.5.550).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from routing.errors import InputError
from scenarios.statistics import estimate, ratio, rounded_to_digits
from scenarios.yardsticks import concerned_priorities, elapsed_ms

if TYPE_CHECKING:
    from scenarios.package import Scenario
    from scenarios.simulation.run import Outcome

MEAN: Final = "mean"
WITHIN: Final = "within"
FIGURES: Final = {
    MEAN: "mean response time",
    WITHIN: "share within the first response standard",
}
"""What can be asked for, by name."""

AT_LEAST: Final = 20
AT_MOST: Final = 1000


@dataclass(frozen=True)
class Precision:
    """How closely a figure shall be known.

    Parameters
    ----------
    relative : float
        Half of its 95 % interval over its value, between 0 and 1.
    figure : str
        One of `FIGURES`.
    at_least, at_most : int
        Replications.

    Raises
    ------
    InputError
        A value is out of range.
    """

    relative: float
    figure: str = MEAN
    at_least: int = AT_LEAST
    at_most: int = AT_MOST

    def __post_init__(self) -> None:
        """Check the values."""
        if not 0 < self.relative < 1:
            raise InputError(
                f"{self.relative:g} is no precision",
                field="--precision",
                fix="give a percentage above 0 and below 100, such as 0.5%",
            )
        if self.figure not in FIGURES:
            raise InputError(
                f"{self.figure!r} is none of {', '.join(FIGURES)}", field="--precision-of"
            )
        if not 2 <= self.at_least <= self.at_most:
            raise InputError(
                f"{self.at_most} replications at most, but {self.at_least} are needed before an "
                "interval can be trusted to stop",
                field="--replications",
                fix=f"give {max(self.at_least, 2)} or more",
            )


class Stopping:
    """Decides after each replication whether there are enough.

    Replications are read in their order, so that the number does not depend on who
    simulated them.

    Parameters
    ----------
    precision : Precision
        What is asked for.
    scenario : Scenario
        What is simulated.

    Raises
    ------
    InputError
        The scenario has no standard to be precise about.
    """

    def __init__(self, precision: Precision, scenario: Scenario) -> None:
        self.precision = precision
        self._settings = scenario.settings
        if precision.figure == WITHIN and not scenario.settings.standards:
            raise InputError(
                f"{scenario.settings.name} has no response standard",
                field="--precision-of",
                fix=f"use {MEAN}",
            )
        self._sums: list[tuple[float, float]] = []

    def enough(self, outcome: Outcome) -> bool:
        """Read the next replication.

        Parameters
        ----------
        outcome : Outcome
            The replication.

        Returns
        -------
        bool
            Whether the figure is known as closely as asked, or the most were read.
        """
        self._sums.append(self._read(outcome))
        many = len(self._sums)
        if many < self.precision.at_least:
            return False
        return many >= self.precision.at_most or self.reached

    @property
    def reached(self) -> bool:
        """Whether the figure is known as closely as asked."""
        known = self.relative
        return known is not None and known <= self.precision.relative

    @property
    def relative(self) -> float | None:
        """Half of the interval over the value; None where there is no interval or it is 0."""
        sums = np.array(self._sums)
        share = self.precision.figure == WITHIN
        said = estimate(ratio(*sums.T, share=share))
        if not said.value or said.low is None or said.high is None:
            return None
        return max(said.high - said.value, said.value - said.low) / abs(said.value)

    def _read(self, outcome: Outcome) -> tuple[float, float]:
        calls, served = outcome.incidents, outcome.served
        if self.precision.figure == MEAN:
            came = served["on_scene_ms"] >= 0
            response_ms = (served["on_scene_ms"] - calls.call_ms)[came]
            return float(response_ms.sum()), float(came.sum())
        standard = self._settings.standards[0]
        concerned = concerned_priorities(self._settings, standard)[calls.priority]
        met = elapsed_ms(standard, calls, served)[concerned] <= standard.limit_s * 1000
        return float(met.sum()), float(concerned.sum())

    def to_json_dict(self) -> dict[str, Any]:
        """Say what was asked for and whether it was reached.

        Returns
        -------
        dict
            ``of``, ``asked``, ``known`` (both half of the interval over the value),
            ``reached``, ``at_least``, ``at_most``.
        """
        known = self.relative
        return {
            "of": FIGURES[self.precision.figure],
            "asked": self.precision.relative,
            "known": None if known is None else rounded_to_digits(known),
            "reached": self.reached,
            "at_least": self.precision.at_least,
            "at_most": self.precision.at_most,
        }
