"""Uncertain travel times, against SciPy's lognormal distribution and random draws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import lognorm

from routing.errors import InputError
from routing.network import UNREACHABLE
from routing.uncertainty import (
    TravelTimeSpread,
    arrival_probability,
    expected_coverage,
    mean_travel_time,
    travel_time_quantile,
)

CLIFF = TravelTimeSpread(b0_s2=0, b1_s=0, b2=0)
times_ms = st.integers(1, 10_000_000)
spreads = st.builds(
    TravelTimeSpread,
    b0_s2=st.floats(0, 5000),
    b1_s=st.floats(0, 10),
    b2=st.floats(1e-6, 1),
    shortest_s=st.floats(1, 300),
)


@pytest.mark.parametrize(
    ("minutes", "cv"),
    # by hand from the published figures, in minutes
    [
        (1, 0.6228),
        (2, 0.3551),
        (5, 0.2297),
        (10, 0.2057),
        (60, 0.1972),
    ],
)
def test_the_published_figures(minutes: float, cv: float) -> None:
    b0, b1, b2 = 0.336, 0.000058, 0.0388
    by_hand = np.sqrt(b0 * (b2 + 1) + b1 * (b2 + 1) * minutes + b2 * minutes**2) / minutes
    assert by_hand == pytest.approx(cv, abs=1e-4)
    assert TravelTimeSpread().cv(minutes * 60_000) == pytest.approx(by_hand, rel=1e-12)


@given(ms=times_ms, within=st.floats(1, 1e7), spread=spreads)
def test_it_is_scipys_lognormal(ms: int, within: float, spread: TravelTimeSpread) -> None:
    cv = float(spread.cv(ms))
    law = lognorm(s=np.sqrt(np.log(1 + cv**2)), scale=ms)
    assert law.std() / law.mean() == pytest.approx(cv)
    assert arrival_probability(ms, within, spread) == pytest.approx(law.cdf(within), abs=1e-12)
    assert mean_travel_time(ms, spread) == pytest.approx(law.mean())
    for share in (0.05, 0.5, 0.9):
        found = travel_time_quantile(ms, share, spread)
        assert found == pytest.approx(law.ppf(share))
        assert arrival_probability(ms, found, spread) == pytest.approx(share)


def test_draws_agree() -> None:
    random = np.random.default_rng(8)
    spread = TravelTimeSpread()
    for minutes in (0.5, 3, 8):
        ms = int(minutes * 60_000)
        drawn = ms * np.exp(float(spread.sigma(ms)) * random.standard_normal(200_000))
        assert (drawn <= 480_000).mean() == pytest.approx(
            float(arrival_probability(ms, 480_000)), abs=0.005
        )
        assert drawn.mean() == pytest.approx(float(mean_travel_time(ms)), rel=0.01)
        assert drawn.std() / drawn.mean() == pytest.approx(float(spread.cv(ms)), rel=0.02)


@given(ms=times_ms, one=st.floats(0, 1e7), other=st.floats(0, 1e7), spread=spreads)
def test_more_time_is_no_worse(ms: int, one: float, other: float, spread: TravelTimeSpread) -> None:
    low, high = arrival_probability(ms, sorted([one, other]), spread)
    assert 0 <= low <= high <= 1


def test_a_longer_way_is_as_good_as_never_surer() -> None:
    ms = np.arange(1000, 3_600_000, 1000)
    for limit in (120_000, 300_000, 480_000, 900_000, 1_800_000):
        chance = arrival_probability(ms, limit)
        assert (chance - np.minimum.accumulate(chance)).max() < 1e-3
        assert chance[limit // 1000 - 1] == pytest.approx(0.5)


def test_the_spread_falls_with_the_length_of_the_trip() -> None:
    cv = TravelTimeSpread().cv(np.arange(0, 7_200_000, 30_000))
    assert (np.diff(cv[3:]) < 0).all()
    assert cv[0] == cv[1] == cv[2] < 0.63
    assert cv[-1] == pytest.approx(np.sqrt(0.0388), rel=0.001)


@given(ms=st.integers(0, 10_000_000), within=st.integers(-5, 10_000_000))
def test_without_spread_it_is_the_cliff(ms: int, within: int) -> None:
    assert arrival_probability(ms, within, CLIFF) == (ms <= within)
    assert travel_time_quantile(ms, 0.9, CLIFF) == ms
    assert mean_travel_time(ms, CLIFF) == ms


def test_ends_of_the_range() -> None:
    unreachable = int(UNREACHABLE)
    assert arrival_probability([unreachable, 0, 0, 0, 5], [1e12, 0, 9, -1, 0]).tolist() == [
        *(0, 1, 1, 0, 0)
    ]
    assert arrival_probability(unreachable, np.inf, CLIFF) == 0
    assert arrival_probability(60_000, np.inf) == 1
    assert travel_time_quantile([unreachable, 0], 0.5).tolist() == [np.inf, 0]
    assert mean_travel_time([unreachable, 0]).tolist() == [np.inf, 0]
    table = np.full((3, 4), 60_000, dtype=np.int32)
    assert arrival_probability(table, np.ones(4)).shape == (3, 4)


def test_expected_coverage() -> None:
    far = int(UNREACHABLE)
    table = np.array([[480_000, far, far], [far, 0, far]], dtype=np.int32)
    assert expected_coverage(table, 480_000, [2, 1, 1]) == pytest.approx((2 * 0.5 + 1) / 4)
    assert expected_coverage(table, 480_000, [2, 1, 1], CLIFF) == 0.75
    assert expected_coverage(table, [479_999, 0, 0], [2, 1, 1], CLIFF) == 0.25
    assert expected_coverage(np.zeros((0, 3), dtype=np.int32), 480_000, [2, 1, 1]) == 0
    for weight in ([0, 0, 0], [1, -1, 1], [np.nan, 1, 1]):
        with pytest.raises(InputError, match="weight"):
            expected_coverage(table, 480_000, weight)


@pytest.mark.parametrize("field", ["b0_s2", "b1_s", "b2", "shortest_s"])
@pytest.mark.parametrize("value", [-1.0, np.nan, np.inf])
def test_figures_are_checked(field: str, value: float) -> None:
    with pytest.raises(InputError, match=field):
        TravelTimeSpread(**{field: value})


def test_what_is_no_probability() -> None:
    with pytest.raises(InputError, match="shortest_s"):
        TravelTimeSpread(shortest_s=0)
    for wrong in (0, 1, np.nan, [0.5, 2]):
        with pytest.raises(InputError, match="probability"):
            travel_time_quantile(1000, wrong)
