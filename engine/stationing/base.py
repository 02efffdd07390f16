"""What a location model is asked, what it answers, and the models there are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from routing.errors import InputError
from routing.registry import Registry

if TYPE_CHECKING:
    from numpy.typing import NDArray

PROVEN_GAP: Final = 1e-6
"""Relative gap up to which a plan counts as proven: what is left is rounding."""


@dataclass(frozen=True, eq=False)
class LocationProblem:
    """Choose `k` of m sites for n demand points.

    Parameters
    ----------
    travel_s : ndarray of float64, shape (m, n)
        Seconds from each site to each demand point; ``inf`` where no road leads.
    weight : ndarray of float64, shape (n,)
        How much each demand point counts; zero or more.
    k : int
        How many sites are open, the kept ones included.
    fixed_open : ndarray of bool, shape (m,), optional
        Sites that stay open in every plan; none by default.
    limit_s : float, optional
        Longest travel time in seconds that counts as covered; needed by covering models.
    time_limit_s : float
        About how long to search and prove. There is no clock in here: the part of the
        work that is our own is counted and so repeats exactly, OR-Tools keeps the time
        of the rest.
    seed : int
        Seed of the local search.

    Raises
    ------
    InputError
        A shape, a value or `k` does not fit; the message names it.
    """

    travel_s: NDArray[np.float64]
    weight: NDArray[np.float64]
    k: int
    fixed_open: NDArray[np.bool_] | None = None
    limit_s: float | None = None
    time_limit_s: float = 60.0
    seed: int = 0

    def __post_init__(self) -> None:
        """Check every field."""
        if self.travel_s.ndim != 2 or 0 in self.travel_s.shape:
            raise InputError(
                f"travel times of shape {self.travel_s.shape} leave nothing to choose",
                field="travel_s",
                fix="give at least one candidate site and one demand point",
            )
        sites, demand = self.travel_s.shape
        _check_shape("weight", self.weight, demand)
        _check_values("travel_s", self.travel_s, finite=False)
        _check_values("weight", self.weight, finite=True)
        if self.fixed_open is not None:
            _check_shape("fixed_open", self.fixed_open, sites)
        if not 1 <= self.k <= sites:
            raise InputError(
                f"{self.k} stations of {sites} candidate sites",
                field="stations",
                fix=f"choose 1 to {sites}, or give more candidates",
            )
        if self.k < (kept := int(self.kept.sum())):
            raise InputError(
                f"{self.k} stations, but {kept} existing ones are kept",
                field="stations",
                fix=f"choose at least {kept}, or leave the existing stations free to move",
            )
        if self.limit_s is not None and not self.limit_s >= 0:
            raise InputError(f"{self.limit_s} is no travel time", field="limit_s")
        if not 0 < self.time_limit_s < float("inf"):
            raise InputError(
                f"{self.time_limit_s} is no time limit",
                field="time_limit_s",
                fix="give a number of seconds above zero",
            )
        if self.seed < 0:
            raise InputError(f"{self.seed} is negative", field="seed", fix="give zero or more")

    @property
    def kept(self) -> NDArray[np.bool_]:
        """Mask of the sites that stay open, shape (m,)."""
        if self.fixed_open is None:
            return np.zeros(len(self.travel_s), dtype=np.bool_)
        return self.fixed_open


def _check_shape(field: str, values: NDArray[np.generic], length: int) -> None:
    if values.shape != (length,):
        raise InputError(f"shape {values.shape}, not ({length},)", field=field)


def _check_values(field: str, values: NDArray[np.float64], *, finite: bool) -> None:
    wrong = ~(values >= 0) | (np.isinf(values) & finite)
    if wrong.any():
        place = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise InputError(
            f"{values[place]} at {place if len(place) > 1 else place[0]}",
            field=field,
            fix="give finite numbers, zero or more" if finite else "give zero or more",
        )


@dataclass(frozen=True)
class StationPlan:
    """Open sites and how good they are known to be.

    Parameters
    ----------
    model : str
        Id of the model, with its version.
    sites : tuple of int
        Rows of the open sites, ascending.
    objective : float
        Value of the plan in the model's own terms.
    bound : float
        No plan is better than this: at least the objective where the model maximises,
        at most where it minimises.
    """

    model: str
    sites: tuple[int, ...]
    objective: float
    bound: float

    @property
    def gap(self) -> float:
        """Distance of bound and objective over the objective; 1 where only that is zero."""
        distance = abs(self.bound - self.objective)
        if distance == 0:
            return 0.0
        return distance / abs(self.objective) if self.objective else 1.0

    @property
    def proven(self) -> bool:
        """Whether no other plan is better, rounding aside."""
        return self.gap <= PROVEN_GAP


class LocationModel(Protocol):
    """Something that answers location problems; pure and repeatable."""

    @property
    def id(self) -> str:
        """Versioned id, such as ``mclp-v1``."""
        ...

    @property
    def maximises(self) -> bool:
        """Whether a higher objective is better."""
        ...

    def solve(self, problem: LocationProblem) -> StationPlan:
        """Choose sites.

        Parameters
        ----------
        problem : LocationProblem
            What is asked.

        Returns
        -------
        StationPlan
            The best plan found, with its bound.

        Raises
        ------
        InputError
            The model needs something that the problem does not say.
        """
        ...

    def value(self, problem: LocationProblem, sites: tuple[int, ...]) -> float:
        """Objective of given sites, from its definition.

        Parameters
        ----------
        problem : LocationProblem
            What is asked.
        sites : tuple of int
            Rows of the open sites.

        Returns
        -------
        float
            The objective.
        """
        ...


MODELS: Final[Registry[LocationModel]] = Registry("location model")
"""All location models by id; `engine.stationing` registers those that come along."""
