"""The double standard model: two limits, and demand that is covered twice.

Gendreau, Laporte and Semet (1997), Solving an ambulance location model by tabu search,
doi:10.1016/S0966-8349(97)00015-6.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Final

import numpy as np

from engine.mip import never
from engine.stationing.base import PROVEN_GAP, StationPlan, at_scale, written
from engine.stationing.cover_rows import cover_rows
from engine.stationing.infeasible import covered_by_nobody, no_plan_in_time, solve_frame
from engine.stationing.program import frame_of
from routing.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from engine.stationing.problem import Layer, LocationProblem

_TWICE: Final = 2
_RELATIVE: Final = 1e-7
_ROUNDING: Final = 1e-9


@dataclass(frozen=True)
class DoubleStandard:
    """Cover the greatest weight twice within `limit_s`, all within `second_limit_s`.

    Parameters
    ----------
    share : float
        Share of the demand that must be covered once within `limit_s`. The default is
        an assumption.
    """

    share: float = 0.9

    id: ClassVar[str] = "dsm-v1"
    about: ClassVar[str] = (
        "covers the most demand twice, a share once, all within a longer limit"
        " (Gendreau et al. 1997)"
    )
    maximises: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Check the share."""
        if not 0 <= self.share <= 1:
            raise InputError(f"{self.share} is no share to cover", field="share", fix="give 0 to 1")

    def solve(
        self, problem: LocationProblem, *, stopped: Callable[[], bool] = never
    ) -> StationPlan:
        """Choose sites and units.

        Parameters
        ----------
        problem : LocationProblem
            What is asked; each layer has both limits.
        stopped : callable
            Asked now and then; once it says True, the best plan so far is the answer.

        Returns
        -------
        StationPlan
            The best plan found, with its bound.

        Raises
        ------
        InputError
            A limit is missing, or both standards cannot be held.
        """
        return at_scale(self._solve, problem, stopped)

    def _solve(self, problem: LocationProblem, stopped: Callable[[], bool]) -> StationPlan:
        frame = frame_of(problem)
        for layer, columns in zip(problem.layers, frame.units, strict=True):
            longer = replace(layer, limit_s=_second(layer), second_limit_s=None)
            if error := covered_by_nobody(problem, longer):
                raise error
            counts = layer.weight > 0
            everyone = cover_rows(longer.covers()[:, counts], layer.weight[counts])
            frame.require(everyone, columns)
            rows = cover_rows(layer.covers(), layer.weight)
            groups = np.arange(len(rows))
            once = frame.builder.variables(len(groups), upper=1.0)
            if total := float(layer.weight.sum()):
                frame.builder.row((once, rows.weight / total), at_least=self.share - _ROUNDING)
            # half covered twice is not covered twice: only whole numbers say so
            twice = frame.builder.variables(len(groups), upper=1.0, cost=-rows.weight, whole=True)
            frame.cover(rows, columns, np.concatenate([once, twice]), np.tile(groups, _TWICE))
            frame.builder.rows(len(groups), (groups, twice, 1.0), (groups, once, -1.0), at_most=0.0)
        scale = sum(float(layer.weight.sum()) for layer in problem.layers)
        first = problem.layers[0]
        answer = solve_frame(
            frame,
            problem.time_limit_s,
            stopped,
            tolerance=_RELATIVE * scale / 10,
            otherwise=f"no plan covers {self.share:.0%} within {first.limit():g} s and everyone "
            f"within {_second(first):g} s",
        )
        if answer.values is None:
            raise no_plan_in_time(problem, stopped)
        opened, placed = frame.read(answer.values)
        return written(self, problem, opened, placed, -answer.bound)

    def value(
        self,
        problem: LocationProblem,
        sites: Sequence[int],
        units: Sequence[Sequence[int]] | None = None,
    ) -> float:
        """Weigh the demand that is covered twice.

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
            Weight; ``-inf`` where a standard is not held.
        """
        total = 0.0
        for place, layer in enumerate(problem.layers):
            placed = np.ones(len(sites), np.int64) if units is None else np.array(units[place])
            chosen = layer.travel_s[list(sites)]
            count = placed @ (chosen <= layer.limit())
            far = placed @ (chosen <= _second(layer)) == 0
            short = self.share * layer.weight.sum() - layer.weight @ (count > 0)
            if (far & (layer.weight > 0)).any() or short > PROVEN_GAP * layer.weight.sum():
                return -np.inf
            total += float(layer.weight @ (count >= _TWICE))
        return total


def _second(layer: Layer) -> float:
    if layer.second_limit_s is None:
        raise InputError(
            "the double standard model needs two limits",
            field="second_limit_s",
            fix="give a second, longer limit in seconds",
        )
    return layer.second_limit_s
