"""Fleet sizes against other people's Poisson and Erlang, and against a queue played out."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from engine.queueing import erlang_b, erlang_c
from engine.staffing import (
    METHODS,
    Levels,
    erlang_based,
    frequency_based,
    more_than,
    none_free,
    risk_based,
    shortfall_rate,
    vehicles_needed,
)
from routing.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

LOADS = st.floats(1e-6, 300)
LEVEL = st.floats(0.01, 0.9999)


@pytest.mark.parametrize("safety", [0.5, 0.9, 0.95, 0.99, 0.999])
def test_risk_based_is_the_quantile_of_the_poisson_law(safety: float) -> None:
    load = np.geomspace(1e-5, 1e4, 500).reshape(20, 25)
    assert np.array_equal(risk_based(load, safety), stats.poisson.ppf(safety, load))


def test_risk_based_by_hand() -> None:
    # P(N > 2) = 1 - 2.5 / e = .0803, P(N > 3) = 1 - 2.667 / e = .0190 for a load of 1
    assert risk_based([1, 1, 1], 0.9).tolist() == [2, 2, 2]
    assert risk_based([[1, 0]], 0.95).tolist() == [[3, 0]]
    assert risk_based(1.0, 0.99).shape == ()


@pytest.mark.parametrize("load", [0.1, 1.0, 7.3, 40.0])
def test_a_level_that_is_just_met_is_met(load: float) -> None:
    for vehicles in range(int(load), int(2 * load) + 4):
        safety = float(stats.poisson.cdf(vehicles, load))
        if safety < 1 - 1e-9:
            assert risk_based(load, safety) == vehicles


@given(LOADS, LEVEL)
def test_each_size_is_the_smallest(load: float, level: float) -> None:
    shares: dict[str, Callable[[int], float]] = {
        "risk": lambda n: stats.poisson.sf(n, load),
        "erlang-b": lambda n: stats.poisson.pmf(n, load) / stats.poisson.cdf(n, load),
        "erlang-c": lambda n: float(erlang_c(load, n)),
    }
    for method, share in shares.items():
        need = int(vehicles_needed(method, load, Levels(safety=level)))
        assert share(need) <= 1 - level + 1e-8
        if need:
            assert share(need - 1) > 1 - level - 1e-8
    need = int(vehicles_needed("frequency", load, Levels(utilisation=level)))
    assert load / need <= level * (1 + 1e-8)
    assert need == 1 or load / (need - 1) > level


@given(st.lists(LOADS, min_size=2, max_size=6), LEVEL)
def test_sizes_rise_with_load_and_level(loads: list[float], level: float) -> None:
    rising = np.sort(loads)
    for method in METHODS:
        need = vehicles_needed(method, rising, Levels(safety=level, utilisation=level))
        assert (np.diff(need) >= 0).all()
    stricter = level + (1 - level) / 2
    assert (risk_based(rising, stricter) >= risk_based(rising, level)).all()
    assert (erlang_based(rising, level, waiting=True) >= erlang_based(rising, level)).all()


def test_a_whole_number_of_vehicles_is_not_rounded_up() -> None:
    assert frequency_based([0.3, 0.6, 0.31, 0], 0.1).tolist() == [3, 6, 4, 0]
    assert erlang_based(2, 0.6) == 2  # B(2, 2) is .4 to the digit


def test_any_load_is_given_the_least() -> None:
    sized = vehicles_needed("risk", [0, 0.001, 4], Levels(safety=0.9, least=1))
    assert sized.tolist() == [0, 1, 7]


def test_shares_are_of_the_poisson_law() -> None:
    load, count = np.meshgrid([0.0, 0.3, 4, 60], np.arange(9), indexing="ij")
    assert more_than(load, count) == pytest.approx(stats.poisson.sf(count, load))
    assert none_free(load, count) == pytest.approx(stats.poisson.sf(count - 1, load))
    exact = stats.poisson.pmf(count, load)
    assert shortfall_rate(load, count, 3.0) == pytest.approx(3 * exact)
    assert (erlang_b(load, count) <= none_free(load, count) + 1e-12).all()


def test_shortfalls_of_a_queue_played_out() -> None:
    # infinitely many servers, constant durations: the law must not care
    rng = np.random.default_rng(4)
    rate, duration, vehicles, count = 1.5, 1.2, 3, 200_000
    arrival = np.cumsum(rng.exponential(1 / rate, count))
    running: list[float] = []
    begun = seen_full = 0
    short = 0.0
    for now in arrival:
        while running and running[0] <= now:
            end = heapq.heappop(running)
            if len(running) == vehicles:
                short += end
        seen_full += len(running) >= vehicles
        if len(running) == vehicles:
            begun += 1
            short -= now
        heapq.heappush(running, now + duration)
    span, load = arrival[-1], rate * duration
    assert short / span == pytest.approx(float(more_than(load, vehicles)), rel=0.05)
    assert seen_full / count == pytest.approx(float(none_free(load, vehicles)), rel=0.03)
    assert begun / span == pytest.approx(float(shortfall_rate(load, vehicles, rate)), rel=0.03)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: risk_based(-1, 0.9), "-1 is no load"),
        (lambda: risk_based([1, np.nan], 0.9), "nan is no load"),
        (lambda: risk_based(np.inf, 0.9), "inf is no load"),
        (lambda: risk_based(1, 1.0), "1 is no safety level"),
        (lambda: risk_based(1, float("nan")), "nan is no safety level"),
        (lambda: frequency_based(1, 0), "0 is no utilisation"),
        (lambda: Levels(least=-1), "-1 is too few"),
        (lambda: erlang_b(1, -1), "-1 is no number of vehicles"),
        (lambda: vehicles_needed("erlang", 1, Levels()), "did you mean 'erlang-"),
    ],
)
def test_bad_input(call: Callable[[], object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        call()
