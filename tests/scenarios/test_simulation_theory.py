"""The event loop against queueing theory: Erlang B and C, the hypercube."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy import stats

from engine.dispatch import CLOSEST
from engine.hypercube import hypercube
from engine.queueing import erlang_b, erlang_c
from scenarios.demand import IncidentTable
from scenarios.simulation.arrays import CREW, DRIVE, HOSPITAL, PRIORITY, TRACK, Rules, Travel
from scenarios.simulation.run import run_replication
from tests.scenarios.synthetic import one_unit_each

if TYPE_CHECKING:
    from numpy.typing import NDArray

SERVICE_MS = 600_000.0
RUNS = 30
COUNT = 10_000
WARM_UP = 1_000
OUTSIDE = 60
"""Units that take what the fleet cannot: what they serve is lost to it."""

LOADS = [
    (0.3, 1),
    (0.8, 1),
    (1.5, 2),
    (1.0, 3),
    (3.5, 5),
    (6.0, 8),
    (10.0, 12),
    (12.0, 20),
    (17.0, 20),
    (28.0, 32),
]


def fleet_of(lists: list[list[int]], *, loss: bool) -> tuple[Travel, Rules]:
    """Return units that drive as many milliseconds as they have others before them."""
    atoms, servers = len(lists), len(lists[0])
    stations = servers + loss
    drive = np.zeros((1, atoms + stations, atoms), dtype=DRIVE)
    for atom, order in enumerate(lists):
        drive["ms"][0, atoms + np.array(order), atom] = np.arange(servers)
    if loss:
        drive["ms"][0, -1] = servers
    drive["ahead"] = -1
    home = np.zeros((1, atoms + stations, stations), dtype=DRIVE)
    home["ahead"] = -1
    travel = Travel(
        drive=drive,
        turn=np.zeros((1, atoms, 0), dtype=DRIVE),
        hospital=np.zeros((1, atoms, 0), dtype=HOSPITAL),
        home=home,
        rest=np.zeros((1, stations, 0), dtype=DRIVE),
        track_ptr=np.zeros(1, dtype=np.int64),
        track=np.zeros(0, dtype=TRACK),
    )
    units = servers + OUTSIDE * loss
    crew = np.zeros(units, dtype=CREW)
    crew["home"] = np.minimum(np.arange(units), servers)
    rules = Rules(
        suitable=np.ones((1, units), dtype=np.bool_),
        priority=np.zeros(1, dtype=PRIORITY),
        crew=crew,
        **one_unit_each(1),
    )
    return travel, rules


def drawn(rng: np.random.Generator, rates: list[float]) -> IncidentTable:
    """Draw a Poisson process; rates are incidents for each mean service."""
    none, zeros = np.zeros(COUNT, dtype=np.int32), np.zeros(COUNT)
    total = sum(rates)
    return IncidentTable(
        call_ms=np.cumsum(rng.exponential(SERVICE_MS / total, COUNT)),
        zone=rng.choice(len(rates), COUNT, p=np.array(rates) / total).astype(np.int32),
        priority=none,
        type=none,
        transported=np.zeros(COUNT, dtype=np.bool_),
        processing_ms=zeros,
        on_scene_ms=rng.exponential(SERVICE_MS, COUNT),
        handover_ms=zeros,
    )


def holds(sample: list[float], expected: float, *, figures: int = 1) -> bool:
    """Tell whether an expectation is inside the 99 % interval of so many figures together."""
    bound = stats.t.ppf(1 - 0.005 / figures, len(sample) - 1)
    half = bound * np.std(sample, ddof=1) / np.sqrt(len(sample))
    return bool(abs(np.mean(sample) - expected) <= half)


@pytest.mark.parametrize(("load", "servers"), LOADS)
def test_what_is_lost_is_erlang_b(load: float, servers: int) -> None:
    travel, rules = fleet_of([list(range(servers))], loss=True)
    lost = []
    for seed in range(RUNS):
        calls = drawn(np.random.default_rng([seed, servers, 2]), [load])
        served = run_replication(travel, rules, calls, CLOSEST, logged=False).served
        assert (served["dispatch_ms"] == calls.call_ms).all()
        lost.append(float((served["unit"][WARM_UP:] >= servers).mean()))
    assert holds(lost, float(erlang_b(load, servers)))
    assert np.std(lost, ddof=1) / np.sqrt(RUNS) < 0.01


@pytest.mark.parametrize(("load", "servers"), LOADS)
def test_who_waits_and_how_long_is_erlang_c(load: float, servers: int) -> None:
    travel, rules = fleet_of([list(range(servers))], loss=False)
    waits, delays = [], []
    for seed in range(RUNS):
        calls = drawn(np.random.default_rng([seed, servers, 3]), [load])
        served = run_replication(travel, rules, calls, CLOSEST, logged=False).served
        queue_ms = (served["dispatch_ms"] - calls.call_ms)[WARM_UP:]
        waits.append(float((queue_ms > 0).mean()))
        delays.append(float(queue_ms.mean() / SERVICE_MS))
    expected = float(erlang_c(load, servers))
    assert holds(waits, expected, figures=2)
    assert holds(delays, expected / (servers - load), figures=2)
    assert np.std(waits, ddof=1) / np.sqrt(RUNS) < 0.02


@pytest.mark.parametrize("queue", [False, True], ids=["loss", "queue"])
def test_states_utilisation_and_dispatches_are_the_hypercubes(queue: bool) -> None:
    lists = [[0, 1, 2, 3], [1, 0, 3, 2], [2, 3, 1, 0], [3, 0, 2, 1], [0, 2, 3, 1]]
    rates = [0.5, 0.7, 0.4, 0.6, 0.3]
    theory = hypercube(rates, lists, queue=queue)
    servers = len(lists[0])
    travel, rules = fleet_of(lists, loss=not queue)
    figures = []
    for seed in range(RUNS):
        calls = drawn(np.random.default_rng([seed, 4]), rates)
        served = run_replication(travel, rules, calls, CLOSEST, logged=False).served
        since = float(calls.call_ms[WARM_UP])
        states = time_in_states(served, servers, since, float(calls.call_ms[-1]))
        fleet = served["unit"] < servers
        fleet[:WARM_UP] = False
        sent = np.zeros((servers, len(lists)))
        np.add.at(sent, (served["unit"][fleet], calls.zone[fleet]), 1)
        index = np.arange(states.size)
        busy = [states[(index >> unit) & 1 == 1].sum() for unit in range(servers)]
        figures.append(np.r_[states, busy, (sent / sent.sum()).ravel()])
    expected = np.r_[theory.states, theory.utilisation, theory.fractions.ravel()]
    assert expected.size == 16 + 4 + 20
    played = np.array(figures)
    outside = [
        number
        for number, value in enumerate(expected)
        if not holds(played[:, number].tolist(), float(value), figures=expected.size)
    ]
    assert outside == []
    assert (played.std(axis=0, ddof=1) / np.sqrt(RUNS) < 0.005).all()


def time_in_states(
    served: NDArray[Any], servers: int, since_ms: float, until_ms: float
) -> NDArray[np.float64]:
    """Return the share of time in which those servers are busy whose bits are set."""
    mine = served[served["unit"] < servers]
    bit = 1 << mine["unit"]
    # first free, then sent out of the queue
    times = np.concatenate([mine["free_ms"], mine["dispatch_ms"]])
    order = np.argsort(times, kind="stable")
    state = np.cumsum(np.concatenate([-bit, bit])[order])
    edges = np.clip(times[order], since_ms, until_ms)
    total = np.zeros(1 << servers)
    np.add.at(total, state[:-1], np.diff(edges))
    return total / (until_ms - since_ms)
