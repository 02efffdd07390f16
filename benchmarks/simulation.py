"""Simulated time: our event loop and those of others, in alternating rounds of one run."""

from __future__ import annotations

import gc
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow.parquet as pq

from benchmarks.bars import judge
from benchmarks.simulation_bars import BARS
from benchmarks.simulation_cases import MONTH, NOTES, OURS, PEERS, YEAR, missing, month, year
from engine.dispatch import CLOSEST
from scenarios.demand import draw_incidents
from scenarios.run_tables import EVENT_LOG, EVENT_WRITING, Names, write_events
from scenarios.simulation.run import Outcome, run_replication
from scenarios.simulation.tables import build_tables

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from benchmarks.fleet_cases import Fleet
    from benchmarks.simulation_cases import FleetCase
    from scenarios.demand import IncidentTable
    from scenarios.package import Scenario
    from scenarios.simulation.tables import Tables

SAME_MS: Final = 1e-3
"""Up to this responses are the same: all add the same numbers, in orders of their own."""

_REPEATS: Final = 5


def measure(
    cases: Sequence[FleetCase],
    peers: Sequence[str],
    *,
    incidents: int,
    rounds: int,
    alone: int,
    cities: bool = True,
    say: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Let everybody play the same incidents in turn, check the responses, and compare.

    Times are CPU time of this process. Neither making a contestant nor compiling is in
    them, and the ways home that a peer has looked up it keeps from round to round, as ours
    are looked up beforehand; ``first_s`` is a run that begins without.

    Parameters
    ----------
    cases : sequence of FleetCase
        Fleets.
    peers : sequence of str
        Peers by name.
    incidents : int
        How many everybody plays.
    rounds : int
        How often.
    alone : int
        How many we play for our own rate.
    cities : bool
        Measure whole cities too, which only we play.
    say : callable
        Told what is going on.

    Returns
    -------
    dict
        ``contestants``, ``cases``, ``cities``, ``bars`` and ``wrong``: who gives other
        responses.
    """
    lacking = {peer: reason for peer in peers if (reason := missing(peer))}
    seated = [peer for peer in peers if peer not in lacking]
    document: dict[str, Any] = {
        "contestants": {OURS: {"note": ""}}
        | {
            peer: {"note": NOTES[peer]} | ({"missing": lacking[peer]} if peer in lacking else {})
            for peer in peers
        },
        "cases": [],
        "cities": [],
    }
    for case in cases:
        document["cases"].append(_compared(case, seated, incidents, rounds, alone))
        say(_told(document["cases"][-1]))
    if cities:
        for name, scenario in ((MONTH, month()), (YEAR, year())):
            document["cities"].append(_city(name, scenario, rounds))
            say(_told(document["cities"][-1]))
    document["bars"] = judge(document, BARS)
    document["wrong"] = [
        f"{case['name']}: {name}: off by {each['off_ms']:.3g} ms"
        for case in document["cases"]
        for name, each in case["answers"].items()
        if not each["off_ms"] <= SAME_MS
    ]
    return document


def peers_of(names: Sequence[str]) -> list[str]:
    """Choose peers.

    Parameters
    ----------
    names : sequence of str
        Their names; all if empty.

    Returns
    -------
    list of str
        In the order of `benchmarks.simulation_cases.PEERS`.
    """
    return [peer for peer in PEERS if not names or peer in names]


def _compared(
    case: FleetCase, seated: Sequence[str], count: int, rounds: int, alone: int
) -> dict[str, Any]:
    fleet = case.fleet(max(count, alone))
    calls = fleet.first(count)
    expected = _play(fleet, calls).served["on_scene_ms"] - calls.call_ms
    kinds = {peer: kind for peer, kind in case.peers.items() if peer in seated}
    kept, off, first = {}, {OURS: 0.0}, {}
    for peer, kind in kinds.items():
        player = kind(fleet, count)
        begin = time.process_time()
        responses = player.run()
        first[peer] = time.process_time() - begin
        off[peer] = _apart(responses, expected)
        kept[peer] = getattr(player, "tracks", None)
    seconds: dict[str, list[float]] = {name: [] for name in (OURS, *kinds)}
    own: list[float] = []
    for _ in range(rounds):
        seconds[OURS].append(_timed(_repeat, fleet, calls) / _REPEATS)
        own.append(_timed(_play, fleet, fleet.first(alone)))
        for peer, kind in kinds.items():
            player = kind(fleet, count)
            if kept[peer] is not None:
                player.tracks = kept[peer]
            seconds[peer].append(_timed(player.run))
    return {
        "name": case.name,
        "incidents": count,
        "units": len(fleet.rules.crew),
        "alone": {"incidents": alone, "seconds": min(own), "rate": alone / min(own)},
        "answers": {
            name: {
                "seconds": each,
                "median_s": median(each),
                "min_s": min(each),
                "rate": count / min(each),
                "first_s": first.get(name),
                "off_ms": off[name],
            }
            for name, each in seconds.items()
        },
    }


def _city(name: str, scenario: Scenario, rounds: int) -> dict[str, Any]:
    """Time a replication as a simulation has it; without the log; with its file written."""
    tables = build_tables(scenario)
    incidents = draw_incidents(scenario, 1, 0)
    names = Names(scenario)
    seconds: dict[str, list[float]] = {"drawing": [], "bare": [], "logged": [], "written": []}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "events.parquet"
        _written(tables, incidents, names, file)
        for _ in range(rounds):
            seconds["drawing"].append(_timed(draw_incidents, scenario, 1, 0))
            seconds["bare"].append(_timed(_city_run, tables, incidents, logged=False))
            seconds["logged"].append(_timed(_city_run, tables, incidents, logged=True))
            seconds["written"].append(_timed(_written, tables, incidents, names, file))
        size = file.stat().st_size
    return {
        "name": name,
        "incidents": incidents.size,
        "units": len(scenario.units),
        "days": scenario.settings.horizon.days,
        "log_bytes": size,
        "seconds": seconds,
        "median_s": {key: median(each) for key, each in seconds.items()},
        "min_s": {key: min(each) for key, each in seconds.items()},
    }


def _city_run(tables: Tables, incidents: IncidentTable, *, logged: bool) -> Outcome:
    travel, rules, timeline = tables
    return run_replication(travel, rules, incidents, CLOSEST, timeline, logged=logged)


def _written(tables: Tables, incidents: IncidentTable, names: Names, file: Path) -> None:
    outcome = _city_run(tables, incidents, logged=True)
    with pq.ParquetWriter(file, EVENT_LOG, **EVENT_WRITING) as writer:
        write_events(writer, outcome, 0, names)


def _repeat(fleet: Fleet, incidents: IncidentTable) -> None:
    """Play more than once: ours takes too little time to be told from noise."""
    for _ in range(_REPEATS):
        _play(fleet, incidents)


def _play(fleet: Fleet, incidents: IncidentTable) -> Outcome:
    return run_replication(
        fleet.travel, fleet.rules, incidents, CLOSEST, fleet.timeline, logged=False
    )


def _apart(theirs: NDArray[np.float64], ours: NDArray[np.float64]) -> float:
    return float(np.abs(theirs - ours).max()) if theirs.shape == ours.shape else float("inf")


def _timed(act: Callable[..., object], *given: object, **options: object) -> float:
    """Return the CPU time of a call; not that of clearing up after others."""
    gc.collect()
    begin = time.process_time()
    act(*given, **options)
    return time.process_time() - begin


def _told(document: dict[str, Any]) -> str:
    if "answers" in document:
        rates = (f"{name} {each['rate']:,.0f}/s" for name, each in document["answers"].items())
        return f"{document['name']}: {', '.join(rates)}"
    seconds = (f"{key} {value:.3f} s" for key, value in document["min_s"].items())
    return f"{document['name']}: {', '.join(seconds)}"
