"""How far policies are from the best plan in hindsight, on lists of a few hundred incidents."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from api.output import table
from benchmarks.bars import Bar, bar_lines, judge
from benchmarks.policies import BASE, OURS, POLICIES
from scenarios.best_possible import best_possible
from scenarios.clairvoyance import reordered
from scenarios.demand import draw_incidents
from scenarios.policies import load_policy
from scenarios.pools import workers_with
from scenarios.runs import run
from scenarios.simulation.tables import build_tables
from scenarios.statistics import estimate, ratio

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from scenarios.package import Scenario
    from scenarios.simulation.tables import Tables

INCIDENTS: Final = 300
_SPARE: Final = 2.0
"""Twice the days that so many incidents take, so that there are enough of them."""


class _City(NamedTuple):
    scenario: Scenario
    tables: Tables
    policies: tuple[str, ...]
    seed: int


def measure(
    scenario: Scenario,
    policies: Sequence[str],
    *,
    lists: int,
    seed: int,
    workers: int,
    say: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Play lists of incidents under every policy, and find the best plan for each.

    Parameters
    ----------
    scenario : Scenario
        The city, at its own load.
    policies : sequence of str
        Policies by name; the usual ones if empty. The closest unit and ours are always
        among them.
    lists : int
        How many lists, of `INCIDENTS` incidents each.
    seed : int
        Which incidents.
    workers : int
        Processes; the result does not depend on it.
    say : callable
        Told what is going on.

    Returns
    -------
    dict
        ``lists``, ``policies`` (late arrivals, and their ratio to the bound with its
        interval), ``bars`` and ``wrong``.
    """
    wanted = tuple(dict.fromkeys([BASE, *(policies or POLICIES), OURS]))
    found = []
    with workers_with(workers, _city, (scenario, wanted, seed)) as spread:
        for number, one in enumerate(spread(_list, range(lists))):
            found.append(one)
            told = ", ".join(f"{name} {each['late']}" for name, each in one["policies"].items())
            say(f"list {number + 1} of {lists}: bound {one['bound']}, plan {one['plan']}; {told}")
    bounds = np.array([one["bound"] for one in found])
    least = int(bounds.sum())
    plans = [one["plan"] for one in found]
    document: dict[str, Any] = {
        "city": scenario.settings.name,
        "units": len(scenario.units),
        "incidents": INCIDENTS * lists,
        "bound": least,
        "plan": None if None in plans else sum(plans),
        "proven": sum(one["plan"] == one["bound"] for one in found),
        "lists": found,
        "policies": {},
    }
    for name in wanted:
        late = np.array([one["policies"][name]["late"] for one in found])
        document["policies"][name] = {
            "late": int(late.sum()),
            "times": late.sum() / least if least else None,
            "ratio": estimate(ratio(late, bounds)).to_json_dict(),
            "holds": all(one["policies"][name]["holds"] for one in found),
        }
    document["bars"] = judge(document, BARS)
    document["wrong"] = [
        f"list {number}: {name} is late less often than the bound allows"
        for number, one in enumerate(found)
        for name, each in one["policies"].items()
        if each["holds"] and each["late"] < one["bound"]
    ]
    return document


def _city(scenario: Scenario, policies: tuple[str, ...], seed: int) -> _City:
    settings = scenario.settings
    days = _SPARE * INCIDENTS / settings.demand.incidents_per_day
    horizon = settings.horizon.model_copy(update={"days": days})
    longer = replace(
        scenario, settings=settings.model_copy(update={"horizon": horizon}), incidents=None
    )
    return _City(longer, build_tables(longer, movable=True), policies, seed)


def _list(city: _City, number: int) -> dict[str, Any]:
    scenario, tables, seed = city.scenario, city.tables, city.seed
    drawn = draw_incidents(scenario, seed, number)
    calls = [reordered(drawn, np.arange(min(INCIDENTS, drawn.size)))]
    best = best_possible(scenario, calls, seed=seed)
    (at_once,) = best.at_once
    found: dict[str, Any] = {}
    for name in city.policies:
        policy = load_policy(name)
        frame = run(scenario, tables, policy, calls, seed=seed).incidents
        beside = best.beside(frame, moves=policy.moves)
        found[name] = {
            "late": beside["late"],
            "holds": beside["at_once"]["holds"],
            "mean_s": float(frame["response_time"].mean()),
        }
    return {
        "incidents": calls[0].size,
        "bound": at_once.bound,
        "plan": at_once.reached,
        "anyone": best.found[0].bound,
        "policies": found,
    }


def _ratio(name: str) -> Callable[[dict[str, Any]], float | None]:
    def figure(document: dict[str, Any]) -> float | None:
        value: float | None = document["policies"].get(name, {}).get("times")
        return value

    return figure


BARS: Final = (
    Bar("late arrivals of foresight over the bound", {"*": 1.5}, _ratio(OURS), at_most=True),
    Bar(
        "the same of foresight-dispatch, which moves no units",
        {"*": 1.5},
        _ratio("foresight-dispatch"),
        at_most=True,
    ),
)


def lines_of(document: dict[str, Any]) -> list[str]:
    """Lay out what was measured.

    Parameters
    ----------
    document : dict
        As `measure` makes it.

    Returns
    -------
    list of str
        Lines.
    """
    many = len(document["lists"])
    lists = f"{many} lists" if many > 1 else "one list"
    rows = []
    for name, each in sorted(document["policies"].items(), key=lambda row: int(row[1]["late"])):
        own = each["ratio"]
        ends = [None if own[end] is None else f"{own[end]:.2f}" for end in ("low", "high")]
        note = (
            "" if each["holds"] else "moves units, or lets somebody wait too long: no bound for it"
        )
        value = None if each["times"] is None else f"{each['times']:.2f}"
        rows.append((name, f"{each['late']:,}", value, *ends, note))
    head = (
        f"{document['city']}, {document['units']} units, {lists} of {INCIDENTS} incidents: "
        f"who lets nobody wait while a unit is free is late {document['bound']:,} times at least; "
        f"plans in hindsight {document['plan']} times, proven best for {document['proven']}"
    )
    return [
        head,
        "",
        *table(["<", "late", "x bound", "from", "to", "<"], rows),
        "",
        *bar_lines(document["bars"]),
        "",
        *(f"wrong: {each}" for each in document["wrong"]),
    ]
