"""Policies side by side: every one on the same incidents of every standard scenario."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from benchmarks.bars import judge
from benchmarks.policy_bars import BARS
from routing.errors import InputError
from scenarios.best_possible import best_possible
from scenarios.demand import draw_incidents
from scenarios.measures import in_time
from scenarios.policies import load_policy
from scenarios.pools import workers_with
from scenarios.runs import run
from scenarios.simulation.run import run_replication
from scenarios.statistics import estimate, ratio
from scenarios.terrain import terrain_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from benchmarks.policy_cases import PolicyCase
    from engine.dispatch import DispatchState, Policy
    from engine.relocation import Move, MoveState
    from scenarios.demand import IncidentTable
    from scenarios.observations import Observations
    from scenarios.policies import NamedPolicy
    from scenarios.runs import RunResult
    from scenarios.simulation.tables import Tables
    from scenarios.statistics import Measure

BASE: Final = "closest"
"""What every policy is compared with."""
OURS: Final = "foresight"
STANDING: Final = (
    BASE,
    "closest-idle",
    "batch",
    "dmexclp",
    "preparedness",
    "fair-preparedness",
    "survival",
    "foresight-dispatch",
)
"""Policies that leave units where they are."""
MOVING: Final = (
    "closest+dmexclp-move",
    "closest+compliance",
    "closest+nested-table",
    "closest+priority-list",
    "closest+zhang",
    "dmexclp+dmexclp-move",
    "dmexclp+nested-table",
    OURS,
)
"""Policies that also send idle units to other stations."""
POLICIES: Final = (*STANDING, *MOVING)

BOUNDED: Final = ("light", "usual")
"""Loads at which the best possible is sought."""
TEST_SEED: Final = 1
TRAIN_SEED: Final = 1000
"""No setting of ours is chosen on the incidents of the other one."""


def measure(
    cases: Iterable[PolicyCase],
    policies: Sequence[str],
    *,
    replications: int,
    seed: int,
    bounds: int,
    workers: int,
    say: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Play every scenario under every policy and compare.

    Parameters
    ----------
    cases : iterable of PolicyCase
        The scenarios.
    policies : sequence of str
        Policies by name, as `scenarios.policies.load_policy` takes them.
    replications : int
        How often each scenario is played, with incidents of its own each time.
    seed : int
        Which incidents.
    bounds : int
        For how many of the replications the best possible is sought.
    workers : int
        Processes; the result does not depend on it.
    say : callable
        Told what is going on.

    Returns
    -------
    dict
        ``scenarios`` and ``bars``.
    """
    wanted = list(dict.fromkeys([BASE, *policies]))
    document: dict[str, Any] = {"scenarios": []}
    settings = _Settings(tuple(wanted), replications, seed, bounds)
    with workers_with(workers, _Settings, settings) as spread:
        for scenario in spread(_scenario, cases):
            document["scenarios"].append(scenario)
            say(_told(scenario))
    document["bars"] = judge(document, BARS)
    document["wrong"] = [
        f"{case['name']}: {policy} is late less often than the bound allows"
        for case in document["scenarios"]
        for policy, each in case["policies"].items()
        if _below(each["bound"], case["bound"])
    ]
    return document


def _below(beside: dict[str, Any] | None, bound: dict[str, Any] | None) -> bool:
    if beside is None or bound is None:
        return False
    at_once = beside["at_once"]["holds"] and beside["late"] < bound["at_once"]["late"]
    return bool(at_once or (beside["holds"] and beside["late"] < bound["late"]))


class _Settings(NamedTuple):
    names: tuple[str, ...]
    replications: int
    seed: int
    bounds: int


def _scenario(settings: _Settings, case: PolicyCase) -> dict[str, Any]:
    names, replications, seed, bounds = settings
    scenario, tables = case.scenario, case.tables
    incidents = [draw_incidents(scenario, seed, number) for number in range(replications)]
    policies = {name: load_policy(name) for name in names}
    runs = {
        name: run(scenario, tables, policy, incidents, seed=seed)
        for name, policy in policies.items()
    }
    found = {name: figures(each) for name, each in runs.items()}
    best, why = None, ""
    if bounds and case.load not in BOUNDED:
        why = "its linear program takes more than ten minutes"
    elif bounds:
        try:
            best = best_possible(scenario, incidents[:bounds], seed=seed)
        except InputError as error:
            why = str(error)
    ours = found.get(OURS)
    return {
        "name": case.name,
        "city": case.city,
        "load": case.load,
        "units": len(scenario.units),
        "stations": len(scenario.stations),
        "days": scenario.settings.horizon.days,
        "replications": replications,
        "incidents": sum(each.size for each in incidents),
        "bound": None if best is None else {**best.to_json_dict(), "replications": bounds},
        "no_bound": why,
        "policies": {
            name: {
                "id": runs[name].policy,
                "parameters": policies[name].parameters,
                **_json(each),
                "minus_base": _json(_minus(each, found[BASE])) if name != BASE else None,
                "ours_minus": _json(_minus(ours, each)) if ours and name != OURS else None,
                "bound": None
                if best is None
                else best.beside(
                    runs[name].incidents[runs[name].incidents["replication"] < bounds],
                    moves=policies[name].moves,
                ),
                "decision_ms": _decision_ms(case, policies[name], incidents[0]),
            }
            for name, each in found.items()
        },
    }


def figures(result: RunResult) -> dict[str, Measure]:
    """Take from a run what policies are compared by.

    Parameters
    ----------
    result : RunResult
        The run.

    Returns
    -------
    dict of str to Measure
        ``late`` share, ``mean_s``, ``p90_s``, ``survivors`` a year, ``kilometres`` and
        ``moves`` by unit and day.
    """
    total, units = result.measures.total, len(result.scenario.units)
    return {
        "late": late_share(result.observations),
        "mean_s": total["response_mean"],
        "p90_s": total["response_p90"],
        "survivors": total["survivors_per_year"],
        "kilometres": _scaled(total["kilometres_per_day"], 1 / units),
        "moves": _scaled(total["moves_per_day"], 1 / units),
    }


def late_share(seen: Observations) -> Measure:
    """Find the share of incidents that a standard is for that were reached late.

    Parameters
    ----------
    seen : Observations
        The run.

    Returns
    -------
    Measure
        By the first standard of each priority; whom nobody came to is late.
    """
    settings = seen.scenario.settings
    name = seen.frame["priority"].astype(str).to_numpy()
    held, late = np.zeros(len(name), dtype=np.bool_), np.zeros(len(name), dtype=np.bool_)
    for priority in settings.priorities:
        standard = settings.standard_of(priority.name)
        if standard is not None:
            mine = name == priority.name
            held |= mine
            late |= mine & ~in_time(seen, standard)
    return ratio(seen.sums(late, held), seen.sums(held, held), share=True)


def _scaled(measure: Measure, factor: float) -> Measure:
    return replace(measure, value=measure.value * factor, without=measure.without * factor)


def _minus(one: dict[str, Measure], other: dict[str, Measure]) -> dict[str, Measure]:
    return {name: each - other[name] for name, each in one.items()}


def _json(measures: dict[str, Measure]) -> dict[str, Any]:
    return {name: estimate(each).to_json_dict() for name, each in measures.items()}


@dataclass
class _Timed:
    """A policy, and the CPU time of each of its answers."""

    policy: Policy
    seconds: list[float] = field(default_factory=list)

    def decide(self, state: DispatchState) -> int:
        begin = time.thread_time()
        choice = self.policy.decide(state)
        self.seconds.append(time.thread_time() - begin)
        return choice


class _TimedMoves(_Timed):
    """The same for one that moves units."""

    def moves(self, state: MoveState) -> Sequence[Move]:
        begin = time.thread_time()
        moves = list(self.policy.moves(state))  # type: ignore[attr-defined]
        self.seconds.append(time.thread_time() - begin)
        return moves


def _decision_ms(
    case: PolicyCase, policy: NamedPolicy, incidents: IncidentTable
) -> dict[str, float]:
    """Time each answer of one replication, all policies called from Python."""
    tables: Tables = case.tables
    if policy.asks:
        policy = policy.at(terrain_of(case.scenario, tables))
    timed = (_TimedMoves if policy.moves else _Timed)(policy.policy)
    run_replication(tables.travel, tables.rules, incidents, timed, tables.timeline, logged=False)
    ms = np.array(timed.seconds or [0.0]) * 1000
    return {"median": float(np.median(ms)), "p99": float(np.quantile(ms, 0.99))}


def _told(scenario: dict[str, Any]) -> str:
    late = ", ".join(
        f"{name} {each['late']['value']:.1%}" for name, each in scenario["policies"].items()
    )
    return f"{scenario['name']}: {scenario['incidents']:,} incidents; late: {late}"
