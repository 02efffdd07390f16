"""Contestants of the stationing benchmark that misbehave."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from benchmarks.stationing_peers import Answer, Bluelight, NoPlanError, Planner

if TYPE_CHECKING:
    from engine.stationing import LocationProblem


class Honest(Planner):
    """Repeats our answer, and says nothing of a bound."""

    name = "honest"
    models = frozenset({"mclp", "lscp", "p-median", "p-center"})

    def answer(self, model: str, problem: LocationProblem, budget_s: float) -> Answer:
        return replace(Bluelight().answer(model, problem, budget_s), bound=None)


class Boaster(Honest):
    """Says that its plan is worth one more."""

    name = "boaster"

    def answer(self, model: str, problem: LocationProblem, budget_s: float) -> Answer:
        true = super().answer(model, problem, budget_s)
        return replace(true, stated=true.stated + 1)


class Crowd(Honest):
    """Opens one site too many."""

    name = "crowd"

    def answer(self, model: str, problem: LocationProblem, budget_s: float) -> Answer:
        true = super().answer(model, problem, budget_s)
        more = next(site for site in range(problem.sites) if site not in true.sites)
        return replace(true, sites=(*true.sites, more))


class Hasty(Honest):
    """Claims a proof for the first sites."""

    name = "hasty"
    proof = True

    def answer(self, model: str, problem: LocationProblem, budget_s: float) -> Answer:
        del model, budget_s
        (layer,) = problem.layers
        sites = tuple(range(problem.k or problem.sites))
        value = float(layer.weight @ layer.travel_s[list(sites)].min(axis=0))
        return Answer(sites, value, proven=self.proof)


class Modest(Hasty):
    """Gives the same plan without a proof."""

    name = "modest"
    proof = False


class Late(Honest):
    """Cut short before all demand went to the nearest site; a median of more than it is."""

    name = "late"
    too_much = 1.0

    def answer(self, model: str, problem: LocationProblem, budget_s: float) -> Answer:
        true = super().answer(model, problem, budget_s)
        return replace(true, stated=true.stated + self.too_much, proven=False)


class Liar(Late):
    """Without a proof, but its plan is less good than it says."""

    name = "liar"
    too_much = -1.0


class Stuck(Honest):
    """Finds no plan."""

    name = "stuck"
    models = frozenset({"p-median"})

    def answer(self, model: str, problem: LocationProblem, budget_s: float) -> Answer:
        del model, problem
        raise NoPlanError(f"no plan in {budget_s:g} s")


class Missing(Honest):
    """Not installed."""

    name = "missing"
    packages = ("bluelight-no-such-package",)
