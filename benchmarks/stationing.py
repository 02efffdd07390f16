"""Location problems put to all contestants, one after the other, in one run."""

from __future__ import annotations

import gc
import time
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from benchmarks.bars import judge
from benchmarks.location_cases import covering, distances, set_covering
from benchmarks.plan_value import plan_value
from benchmarks.stationing_bars import BARS
from benchmarks.stationing_peers import OURS, NoPlanError
from engine.stationing import MODELS, Layer, LocationProblem
from engine.stationing.base import PROVEN_GAP

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from benchmarks.stationing_cases import LocationCase
    from benchmarks.stationing_peers import Answer, Planner

SAME: Final = 4 * PROVEN_GAP
"""Relative difference up to which two proven values are the same: each proof, and what a
solver writes of its figures, leaves some."""

_WARM_S: Final = 60.0

_NOTHING: Final[dict[str, Any]] = {
    "objective": None,
    "stated": None,
    "bound": None,
    "gap": None,
    "proven": False,
    "wrong": "",
}


def measure(
    cases: Sequence[LocationCase],
    kinds: Mapping[str, type[Planner]],
    *,
    budget_s: float,
    say: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Ask every contestant every case once, check every plan, and compare with the bars.

    Cases are long and proofs take the same steps each time, so there are no rounds; for
    each case ours comes first and the peers follow at once. What is timed is the way from
    arrays in memory, or from the network where a case says so, to a plan.

    Parameters
    ----------
    cases : sequence of LocationCase
        The cases.
    kinds : mapping of str to type of Planner
        Contestants by name.
    budget_s : float
        Seconds for a peer and a case.
    say : callable
        Told what is going on.

    Returns
    -------
    dict
        ``contestants``, ``cases`` (those done where Ctrl-C came), ``bars`` and ``wrong``,
        the cases and contestants whose answers contradict a definition, a published
        value or each other.
    """
    missing = {name: reason for name, kind in kinds.items() if (reason := _missing(kind))}
    seated = {name: kind() for name, kind in kinds.items() if name not in missing}
    documents = []
    try:
        for name, planner in list(seated.items()):
            say(f"{name}: warming up")
            try:
                _warm(planner)
            except NoPlanError as error:
                missing[name] = f"a small case is too much for it: {error}"
                seated.pop(name).close()
        for case in cases:
            documents.append(_one(case, seated, budget_s))
            say(_told(documents[-1]))
    except KeyboardInterrupt:  # hours of measuring are not to be lost
        say(f"interrupted after {len(documents)} of {len(cases)} cases")
    finally:
        for planner in seated.values():
            planner.close()
    document: dict[str, Any] = {
        "contestants": {
            name: {"note": kind.note} | ({"missing": missing[name]} if name in missing else {})
            for name, kind in kinds.items()
        },
        "budget_s": budget_s,
        "cases": documents,
    }
    document["bars"] = judge(document, BARS)
    document["wrong"] = [
        f"{each['name']}: {name}: {answer['wrong']}"
        for each in documents
        for name, answer in each["answers"].items()
        if answer.get("wrong")
    ]
    return document


def _missing(kind: type[Planner]) -> str:
    """Tell what is missing, if anything."""
    for package in kind.packages:
        try:
            version(package)
        except PackageNotFoundError:
            return f"not installed: pip install {package}"
    return ""


def _warm(planner: Planner) -> None:
    """Let a contestant compile its kernels and load its packages by small cases."""
    asked = {
        "mclp": covering(40, 800, 5.0, 6, time_limit_s=5.0),
        "lscp": set_covering(60, 400, 5.0, time_limit_s=5.0),
        "p-median": distances(60, 120, 6, time_limit_s=5.0),
        "p-center": distances(20, 60, 3, time_limit_s=5.0),
    }
    layer = asked["mclp"].layers[0]
    busy = Layer(layer.travel_s, layer.weight, layer.limit_s, units=8, busy=0.5)
    asked["mexclp"] = LocationProblem([busy], time_limit_s=5.0)
    for model, problem in asked.items():
        if model in planner.models:
            planner.answer(model, problem, _WARM_S)


def _one(case: LocationCase, seated: Mapping[str, Planner], budget_s: float) -> dict[str, Any]:
    loaded = case.load()
    answers: dict[str, dict[str, Any]] = {}
    problem: LocationProblem | None = None
    for name, planner in seated.items():
        if case.model not in planner.models or not (case.peers or name == OURS):
            continue
        gc.collect()  # or one answer pays for the garbage of another
        begin = time.perf_counter()
        # peers are given the problem ready made
        problem = case.ask(loaded) if problem is None else problem
        try:
            answer = planner.answer(case.model, problem, budget_s)
        except NoPlanError as error:
            seconds = error.seconds or time.perf_counter() - begin
            answers[name] = {"seconds": seconds} | _NOTHING | {"lost": str(error)}
        except MemoryError:
            answers[name] = {"seconds": None} | _NOTHING | {"lost": "out of memory"}
        else:
            seconds = answer.seconds or time.perf_counter() - begin
            answers[name] = {"seconds": seconds} | _checked(case, problem, answer)
    if problem is None:
        problem = case.ask(loaded)
    _compare(case, answers)
    return {
        "name": case.name,
        "family": case.family,
        "model": case.model,
        "sites": problem.sites,
        "demand": problem.demand,
        "k": problem.k if problem.k is not None else problem.layers[0].units,
        "known": case.known,
        "known_as": None if case.known is None else case.known_as,
        "answers": answers,
    }


def _checked(case: LocationCase, problem: LocationProblem, answer: Answer) -> dict[str, Any]:
    """Compute what a plan is worth, and whether that is what its maker says."""
    value = plan_value(case.model, problem, answer.sites, answer.units)
    wrong = ""
    if not np.isfinite(value):
        wrong = "its plan breaks a rule of the model"
    elif not _same(value, answer.stated) and (
        # cut short, a model may not yet have sent everybody to the nearest open site
        answer.proven or (answer.stated > value) == MODELS[case.model].maximises
    ):
        wrong = f"its plan is worth {value:.10g}, not {answer.stated:.10g} as it says"
    gap = None
    if answer.bound is not None and np.isfinite(value):
        gap = abs(answer.bound - value) / abs(value) if value else float(answer.bound != value)
    return {
        "objective": value,
        "stated": answer.stated,
        "bound": answer.bound,
        "gap": gap,
        "proven": answer.proven,
        "wrong": wrong,
    }


def _compare(case: LocationCase, answers: dict[str, dict[str, Any]]) -> None:
    """Find answers that contradict what is published, or the proof of another."""
    sign = 1.0 if MODELS[case.model].maximises else -1.0
    known = None if case.known is None else sign * case.known
    rounding = 0.0 if case.digits is None else 0.5 * 10.0**-case.digits
    ends = {
        name: (
            sign * each["objective"],
            # no plan is better than this, by its own word
            sign * (each["objective"] if each["bound"] is None else each["bound"])
            if each["proven"] or each["bound"] is not None
            else np.inf,
        )
        for name, each in answers.items()
        if each["objective"] is not None and not each["wrong"]
    }
    for name, (value, bound) in ends.items():
        if known is not None and bound < known - rounding - SAME * abs(known):
            answers[name]["wrong"] = f"claims that {case.known} cannot be had"
        elif (
            known is not None
            and case.known_as == "optimum"
            and value > known + rounding + SAME * abs(known)
        ):
            answers[name]["wrong"] = f"better than the optimum, {case.known}"
        for other, (better, _) in ends.items():
            if bound < better - SAME * abs(better):
                answers[name]["wrong"] = f"claims a proof, but {other} has a better plan"


def _same(one: float, other: float) -> bool:
    return abs(one - other) <= SAME * max(abs(one), abs(other))


def _told(document: dict[str, Any]) -> str:
    parts = [
        f"{name} {each['seconds'] or 0:.2f} s" + ("" if each["proven"] else " (not proven)")
        for name, each in document["answers"].items()
    ]
    return f"{document['name']}: {', '.join(parts)}"
