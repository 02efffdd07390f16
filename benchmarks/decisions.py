"""How long decisions take with a thousand units and fifty incidents that wait."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from api.deadline import Guard
from api.output import table
from benchmarks.bars import Bar, bar_lines, judge
from engine.assignment import assign, closest_in_turn, lateness_cost, urgency_cost
from engine.assignment_sets import assign_sets
from engine.dispatch import CLOSEST, DispatchState, bound
from engine.fleet import FREE_AT_STATION, RESPONDING
from engine.policies import POLICIES
from engine.terrain import Terrain
from routing.hierarchy_times import HierarchyTravelTimes
from routing.network import UNREACHABLE
from routing.snapping import Snapper
from scenarios.package import lonlat
from scenarios.packaging import load_scenario

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from engine.assignment import Alternatives
    from engine.dispatch import Policy

UNITS: Final = 1000
INCIDENTS: Final = 50
HANGS: Final = 10_000
_STATIONS: Final = 100
_BUSY: Final = 0.3
_TURNOUT_MS: Final = 60_000
_LIMIT_MS: Final = 480_000
_DEADLINE_S: Final = 0.002
_SEED: Final = 1
_AWARE: Final = ("dmexclp-v1", "preparedness-v1", "fair-preparedness-v1", "survival-v1")
_OURS: Final = "foresight-v1"
_SHORT: Final = "units short"
"""Most units busy, so that not all incidents can be served."""


@dataclass(frozen=True)
class Scene:
    """Reykjavik's roads, with many more stations and units than it has.

    Parameters
    ----------
    terrain : Terrain
        What policies may know.
    free : ndarray of bool, shape (units,)
        Who can be sent.
    arrival_ms : ndarray of float64, shape (incidents, units)
        When each unit could be at each incident if it were free.
    routing_ms : float
        Time that finding all these took.
    """

    terrain: Terrain
    free: NDArray[np.bool_]
    arrival_ms: NDArray[np.float64]
    routing_ms: float


def scene(units: int = UNITS, incidents: int = INCIDENTS) -> Scene:
    """Draw stations, units and incidents from the junctions of Reykjavik.

    Parameters
    ----------
    units, incidents : int
        How many.

    Returns
    -------
    Scene
        The same each time.
    """
    city = load_scenario("reykjavik")
    network, rng = city.network, np.random.default_rng(_SEED)
    times = HierarchyTravelTimes(network, city.speeds.arc_times_ms(network, "siren"))
    snapper = Snapper(network)
    drawn = snapper.snap(network.node_lonlat[rng.permutation(network.n_nodes)])
    stations, rest = drawn[:_STATIONS], drawn[_STATIONS:]
    zones = snapper.snap(lonlat(city.zones), limit_m=np.inf)
    begin = time.process_time()
    drive = times.matrix(rest[:units], rest[units : units + incidents]).ms.T
    routing_ms = (time.process_time() - begin) * 1000
    weight = city.zone_weight
    limit = np.full(2, float(_LIMIT_MS))
    terrain = Terrain(
        station_ms=times.matrix(stations, zones).ms.astype(np.float64)[None],
        weight=weight / weight.sum(),
        calls_per_hour=np.full(168, units * _BUSY),
        home=rng.integers(0, _STATIONS, units),
        turnout_ms=np.full(units, float(_TURNOUT_MS)),
        suitable=np.ones((1, units), dtype=np.bool_),
        limit_ms=limit,
        from_call=np.ones(2, dtype=np.bool_),
        counts=np.ones(2, dtype=np.bool_),
        priority_share=np.full(2, 0.5),
        processing_ms=60_000.0,
        busy_ms=3_600_000.0,
    )
    arrival = np.ascontiguousarray(drive, dtype=np.float64) + _TURNOUT_MS
    return Scene(terrain, rng.random(units) >= _BUSY, arrival, routing_ms)


def measure(
    *,
    units: int = UNITS,
    incidents: int = INCIDENTS,
    hangs: int = HANGS,
    rounds: int = 5,
    say: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Time the answers of policies and of joint assignment; let solvers hang.

    Parameters
    ----------
    units, incidents : int
        How many.
    hangs : int
        How often a solver hangs.
    rounds : int
        How often each question is asked; the first time is not counted.
    say : callable
        Told what is going on.

    Returns
    -------
    dict
        ``answers`` by name in milliseconds of CPU time, ``joint``, ``hangs``, ``bars``.
    """
    city = scene(units, incidents)
    answers: dict[str, dict[str, float]] = {}
    for name in POLICIES:
        policy = bound(POLICIES[name], city.terrain)
        say(name)
        answers[name] = _timed(partial(_decide, policy, city, False), incidents, rounds)
        if getattr(policy, "sees_others", False):
            waiting = partial(_decide, policy, city, True)
            answers[f"{name}, {incidents} waiting"] = _timed(waiting, incidents, rounds)
    joint = {}
    for name, free in (("units enough", city.free), (_SHORT, city.free & (_few(units)))):
        say(f"joint assignment, {name}")
        joint[name] = _joint(city, free, rounds)
    say(f"{hangs:,} solvers that hang")
    document = {
        "units": units,
        "incidents": incidents,
        "stations": _STATIONS,
        "zones": len(city.terrain.weight),
        "routing_ms": city.routing_ms,
        "answers": answers,
        "joint": joint,
        "hangs": _hangs(city, hangs),
        "wrong": [],
    }
    document["bars"] = judge(document, BARS)
    return document


def _few(units: int) -> NDArray[np.bool_]:
    return np.asarray(np.arange(units) % 12 == 0)


def _decide(policy: Policy, city: Scene, waiting: bool, incident: int) -> int:
    return policy.decide(_state(city, incident, waiting=waiting))


def _state(city: Scene, incident: int, *, waiting: bool = False) -> DispatchState:
    arrival = np.where(city.free, city.arrival_ms, float(UNREACHABLE))
    others = np.arange(len(arrival)) != incident if waiting else np.zeros(len(arrival), np.bool_)
    count = int(others.sum())
    return DispatchState(
        now_ms=0.0,
        priority=0,
        waiting_ms=60_000.0,
        status=np.where(city.free, FREE_AT_STATION, RESPONDING).astype(np.int8),
        returning=np.zeros(len(city.free), dtype=np.bool_),
        suitable=np.ones(len(city.free), dtype=np.bool_),
        arrival_ms=arrival[incident],
        base=np.where(city.free, city.terrain.home, -1),
        zone=0,
        others_priority=np.arange(count) % 2,
        others_waiting_ms=np.full(count, 60_000.0),
        others_arrival_ms=arrival[others],
    )


def _timed(ask: Callable[[int], object], questions: int, rounds: int) -> dict[str, float]:
    """Ask again and again; return milliseconds of CPU time, those of preparing not counted."""
    ask(0)
    ms = []
    for number in range(questions * rounds):
        begin = time.process_time()
        ask(number % questions)
        ms.append((time.process_time() - begin) * 1000)
    return _figures(ms)


def _figures(ms: list[float]) -> dict[str, float]:
    return {
        "median_ms": float(np.median(ms)),
        "p99_ms": float(np.quantile(ms, 0.99)),
        "slowest_ms": float(max(ms)),
    }


def _joint(city: Scene, free: NDArray[np.bool_], rounds: int) -> dict[str, Any]:
    """Assign single units, and pairs or one unit that does for both, to all incidents."""
    incidents = len(city.arrival_ms)
    arrival = np.where(free, city.arrival_ms, UNREACHABLE).astype(np.int64)
    kind = np.arange(len(free)) % 3
    slots = np.repeat(arrival, 3, axis=0)
    slots[np.arange(3)[None].repeat(incidents, 0).reshape(-1)[:, None] != kind] = UNREACHABLE
    pairs: list[Alternatives] = [((3 * k, 3 * k + 1), (3 * k + 2,)) for k in range(incidents)]
    singles: list[Alternatives] = [((k,),) for k in range(incidents)]
    rank = np.arange(incidents) % 2
    found: dict[str, Any] = {}
    for name, plans, rows in (("single units", singles, arrival), ("responses", pairs, slots)):
        cost = _cost(rows)
        waits = urgency_cost(plans, cost, rank)
        ms, optimal, waiting = [], True, 0
        assign_sets(plans, cost, waits, time_limit_s=60.0)
        for _ in range(rounds):
            begin = time.process_time()
            answer = assign_sets(plans, cost, waits, time_limit_s=60.0)
            ms.append((time.process_time() - begin) * 1000)
            optimal &= answer.optimal
            waiting = sum(number < 0 for number in answer.alternative)
        begin = time.process_time()
        closest_in_turn(plans, cost, waits)
        found[name] = {
            **_figures(ms),
            "optimal": optimal,
            "waiting": waiting,
            "closest_in_turn_ms": (time.process_time() - begin) * 1000,
        }
    return found


def _cost(arrival_ms: NDArray[np.int64]) -> NDArray[np.int64]:
    tenths = np.where(arrival_ms < UNREACHABLE, arrival_ms // 100, UNREACHABLE)
    ones = np.ones(len(arrival_ms), dtype=np.int64)
    return lateness_cost(tenths, ones, ones * (_LIMIT_MS // 100))


def _hangs(city: Scene, hangs: int) -> dict[str, Any]:
    """Ask a solver that never answers, again and again."""
    guard = Guard(start=lambda _: None, most=hangs + 1)
    state = _state(city, 0)
    wanted = CLOSEST.decide(state)
    flagged, slowest = 0, 0.0
    for _ in range(hangs):
        begin = time.perf_counter()
        answer = guard.ask(
            lambda: assign([[1]], [1]).cost, lambda: CLOSEST.decide(state), _DEADLINE_S
        )
        slowest = max(slowest, time.perf_counter() - begin)
        flagged += answer.degraded and answer.value == wanted
    return {
        "asked": hangs,
        "flagged": flagged,
        "deadline_ms": _DEADLINE_S * 1000,
        "slowest_ms": slowest * 1000,
    }


def _slowest_median(names: tuple[str, ...]) -> Callable[[dict[str, Any]], float | None]:
    return lambda document: max(document["answers"][name]["median_ms"] for name in names)


def _joint_median(name: str) -> Callable[[dict[str, Any]], float | None]:
    return lambda document: max(each["median_ms"] for each in document["joint"][name].values())


BARS: Final = (
    Bar("closest, median ms", {"*": 1.0}, _slowest_median(("closest-v1",)), at_most=True),
    Bar(
        "policies aware of coverage, ms, the slowest of their medians",
        {"*": 10.0},
        _slowest_median((*_AWARE, _OURS)),
        at_most=True,
    ),
    Bar("joint assignment, units enough, ms", {"*": 100.0}, _joint_median("units enough"), True),
    Bar("joint assignment, units short, ms", {"*": 100.0}, _joint_median(_SHORT), True),
    Bar(
        "share of hanging solvers replaced by a flagged answer",
        {"*": 1.0},
        lambda document: document["hangs"]["flagged"] / max(1, document["hangs"]["asked"]),
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
    joint = [
        (f"joint, {name}, {what}", each)
        for name, kinds in document["joint"].items()
        for what, each in kinds.items()
    ]
    rows = [
        (name, *(f"{each[figure]:.3g}" for figure in ("median_ms", "p99_ms", "slowest_ms")))
        for name, each in [*document["answers"].items(), *joint]
    ]
    hangs = document["hangs"]
    told = (
        f"{hangs['asked']:,} solvers that hang: {hangs['flagged']:,} flagged answers of the "
        f"closest, the slowest after {hangs['slowest_ms']:.1f} ms of a deadline of "
        f"{hangs['deadline_ms']:.0f}"
    )
    return [
        "{units:,} units, {incidents} incidents, {stations} stations, {zones} zones; all "
        "arrival times in {routing_ms:.1f} ms".format(**document),
        "",
        *table(["ms of CPU time", "median", "99 %", "slowest"], rows),
        "",
        told,
        "",
        *bar_lines(document["bars"]),
        "",
    ]
