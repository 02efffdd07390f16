"""Set covering: the fewest stations that cover all demand, or a share of it.

Toregas, Swain, ReVelle and Bergman (1971), The location of emergency service facilities,
doi:10.1287/opre.19.6.1363; of a share Daskin and Owen (1999), Two new location covering
problems: the partial p-center problem and the partial set covering problem,
doi:10.1111/j.1538-4632.1999.tb00401.x.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

import numpy as np

from engine.mip import never
from engine.stationing.base import PROVEN_GAP, StationPlan, written
from engine.stationing.cover_rows import cover_rows
from engine.stationing.effort import Effort
from engine.stationing.infeasible import covered_by_nobody, no_plan_in_time, solve_frame
from engine.stationing.program import add_share, frame_of
from engine.stationing.set_cover import smallest_cover
from routing.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from engine.stationing.problem import LocationProblem

_WHOLE: Final = 0.999
_ROUNDING: Final = 1e-6


@dataclass(frozen=True)
class SetCovering:
    """Cover all demand of all layers within `limit_s` by the fewest or cheapest stations.

    Parameters
    ----------
    share : float
        Share of the weight of each layer that must be covered.
    """

    share: float = 1.0

    id: ClassVar[str] = "lscp-v1"
    about: ClassVar[str] = "covers all demand, or a share, by the fewest stations (Toregas 1971)"
    maximises: ClassVar[bool] = False

    def __post_init__(self) -> None:
        """Check the share."""
        if not 0 < self.share <= 1:
            raise InputError(f"{self.share} is no share to cover", field="share", fix="give 0 to 1")

    def solve(
        self, problem: LocationProblem, *, stopped: Callable[[], bool] = never
    ) -> StationPlan:
        """Choose the fewest or cheapest stations.

        Parameters
        ----------
        problem : LocationProblem
            What is asked, mostly without a number of stations.
        stopped : callable
            Asked now and then; once it says True, the best plan so far is the answer.

        Returns
        -------
        StationPlan
            The best plan found, with its bound.

        Raises
        ------
        InputError
            Some demand cannot be covered, or no plan meets the side constraints.
        """
        if self.share == 1:
            for layer in problem.layers:
                if error := covered_by_nobody(problem, layer):
                    raise error
        priced = _priced(problem)
        free = problem.k is None and problem.budget is None
        demanded = any(layer.weight.any() for layer in problem.layers)
        stations_only = all(layer.units is None for layer in problem.layers)
        if self.share == 1 and free and demanded and stations_only:
            return self._cover(problem, priced, stopped)
        frame = frame_of(priced, priced=True)
        for layer, units in zip(priced.layers, frame.units, strict=True):
            add_share(frame, layer, units, self.share)
        tolerance = _WHOLE if problem.station_cost is None and problem.closing_cost is None else 0.0
        answer = solve_frame(
            frame,
            problem.time_limit_s,
            stopped,
            tolerance=tolerance,
            otherwise=f"no plan covers {self.share:.0%} of the demand"
            + (
                ""
                if problem.k is None
                else f" with {problem.k} stations; without a number"
                " this model tells how many it takes"
            ),
        )
        if answer.values is None:
            raise no_plan_in_time(problem, stopped)
        # only stations count in whole numbers, what is paid beside them need not
        stations = float(np.ceil(answer.bound - _ROUNDING)) if tolerance else answer.bound
        bound = stations + priced.cost(())
        return written(self, problem, *frame.read(answer.values), bound)

    def _cover(
        self, problem: LocationProblem, priced: LocationProblem, stopped: Callable[[], bool]
    ) -> StationPlan:
        allowed = np.flatnonzero(problem.allowed)
        covers = np.hstack([layer.covers(allowed.tolist()) for layer in problem.layers])
        weight = np.concatenate([layer.weight for layer in problem.layers])
        fixed = priced.cost(())
        cost = np.array([priced.cost([int(site)]) - fixed for site in allowed])
        # whoever costs less open than closed is open
        paid = problem.kept[allowed] | (cost < 0)
        choice = smallest_cover(
            cover_rows(covers, weight),
            np.where(paid, 0.0, cost),
            fixed_open=paid,
            effort=Effort.of_seconds(problem.time_limit_s),
            seed=problem.seed,
            stopped=stopped,
        )
        base = fixed + float(cost[paid].sum())
        opened = np.isin(np.arange(problem.sites), allowed[list(choice.sites)])
        units = np.tile(opened.astype(np.int64), (len(problem.layers), 1))
        return written(self, problem, opened, units, choice.bound + base)

    def value(
        self,
        problem: LocationProblem,
        sites: Sequence[int],
        units: Sequence[Sequence[int]] | None = None,
    ) -> float:
        """Count stations, or add up costs where there are any.

        Parameters
        ----------
        problem : LocationProblem
            What is asked.
        sites : sequence of int
            Rows of the open sites.
        units : sequence of sequence of int, optional
            For each layer the units at each of `sites`; ones by default.

        Returns
        -------
        float
            Number of stations, or cost; ``inf`` where too little is covered.
        """
        for place, layer in enumerate(problem.layers):
            placed = np.ones(len(sites)) if units is None else np.array(units[place])
            covered = (placed > 0) @ layer.covers(list(sites)) > 0
            left = 1 - self.share
            # of a part, solvers tell no more than that; of all, nobody may be left
            left += PROVEN_GAP if left else 0.0
            if layer.weight @ ~covered > left * layer.weight.sum():
                return np.inf
        return _priced(problem).cost(sites)


def _priced(problem: LocationProblem) -> LocationProblem:
    """Let every station cost one where nothing has a price."""
    if problem.station_cost is not None or problem.closing_cost is not None:
        return problem
    return problem.with_cost(np.ones(problem.sites))
