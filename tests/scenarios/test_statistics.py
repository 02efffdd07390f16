"""Intervals against SciPy's, and their coverage."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from scenarios.statistics import (
    BATCHES,
    Measure,
    binomial_bounds,
    estimate,
    groups_of,
    quantile,
    ratio,
    rounded_to_digits,
)

SAMPLES = st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=30)


@settings(deadline=None)
@given(SAMPLES)
def test_the_mean_of_replications_has_the_t_interval(sample: list[float]) -> None:
    values = np.array(sample)
    found = estimate(replace(ratio(values, np.ones(len(values))), signed=True))
    error = np.std(values, ddof=1) / np.sqrt(len(values))
    half = stats.t.ppf(0.975, len(values) - 1) * error
    assert found.value == pytest.approx(values.mean())
    assert found.high == pytest.approx(values.mean() + half, rel=1e-6, abs=1e-6)
    assert found.low == pytest.approx(values.mean() - half, rel=1e-6, abs=1e-6)


def test_a_difference_has_the_paired_t_interval() -> None:
    rng = np.random.default_rng(3)
    shared = rng.normal(0, 10, 12)
    one, two = shared + rng.normal(1, 1, 12), shared + rng.normal(0, 1, 12)
    found = estimate(ratio(one, np.ones(12)) - ratio(two, np.ones(12)))
    expected = stats.ttest_rel(one, two).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    alone = estimate(ratio(one, np.ones(12)))
    assert alone.high is not None
    assert alone.low is not None
    assert expected.high - expected.low < (alone.high - alone.low) / 2


@settings(deadline=None)
@given(st.lists(st.floats(0, 1e6), min_size=2, max_size=30))
def test_an_interval_ends_where_no_value_can_be(sample: list[float]) -> None:
    values, one = np.array(sample), np.ones(len(sample))
    whole = estimate(replace(ratio(values, one), signed=True))
    cut = estimate(ratio(values, one))
    assert whole.low is not None
    assert (cut.value, cut.low, cut.high) == (whole.value, max(0.0, whole.low), whole.high)
    # a difference may lie on either side of zero
    change = estimate(ratio(values, one) - ratio(values[::-1].copy(), one))
    assert change.low is not None
    assert change.low <= 0


def test_the_interval_of_rare_waits_does_not_go_below_zero() -> None:
    waits = np.array([0.0] * 9 + [40.0])
    found = estimate(ratio(waits, np.ones(10)))
    assert (found.value, found.low) == (4.0, 0.0)
    share = estimate(ratio(np.array([9.0] * 9 + [10.0]), np.full(10, 10.0), share=True))
    assert share.high is not None
    assert share.high <= 1


def test_the_interval_of_a_ratio_covers_it() -> None:
    """Replications of random size: the pooled mean is inside 95 % of the time, more or less."""
    rng = np.random.default_rng(11)
    hits = 0
    for _ in range(1000):
        size = rng.poisson(50, 10)
        total = np.array([rng.exponential(2.0, n).sum() for n in size])
        found = estimate(ratio(total, size))
        assert found.low is not None
        assert found.high is not None
        hits += found.low <= 2.0 <= found.high
    assert 0.93 < hits / 1000 < 0.97


@settings(deadline=None)
@given(SAMPLES, st.floats(0, 1))
def test_quantiles_are_numpys(sample: list[float], level: float) -> None:
    values = np.array(sample)
    found = quantile(values, np.arange(len(values)), len(values), level)
    assert found.value == pytest.approx(np.quantile(values, level), abs=1e-6)
    assert found.without[0] == pytest.approx(np.quantile(values[1:], level), abs=1e-6)


def test_the_interval_of_a_quantile_covers_it() -> None:
    rng = np.random.default_rng(12)
    group = np.repeat(np.arange(10), 200)
    truth = float(stats.expon.ppf(0.9))
    hits = 0
    for _ in range(500):
        found = estimate(quantile(rng.exponential(1.0, 2000), group, 10, 0.9))
        assert found.low is not None
        assert found.high is not None
        hits += found.low <= truth <= found.high
    assert 0.92 < hits / 500 < 0.98


def test_the_interval_of_a_quantile_covers_it_where_replications_differ() -> None:
    """Each replication has its own level: what takes all for independent misses far too often."""
    rng = np.random.default_rng(13)
    group = np.repeat(np.arange(20), 100)
    # normal within of variance 1 and between of 0.25: normal of 1.25 as a whole
    truth = float(stats.norm.ppf(0.9)) * np.sqrt(1.25)
    hits, naive = 0, 0
    for _ in range(600):
        sample = rng.normal(np.repeat(rng.normal(0, 0.5, 20), 100), 1.0)
        found = estimate(quantile(sample, group, 20, 0.9))
        assert found.low is not None
        assert found.high is not None
        hits += found.low <= truth <= found.high
        low, high = binomial_bounds(np.sort(sample), 0.9)
        naive += low <= truth <= high
    assert 0.92 < hits / 600 < 0.98
    assert naive / 600 < 0.75


@pytest.mark.parametrize(("level", "size"), [(0.5, 20), (0.9, 120), (0.95, 400)])
def test_the_binomial_interval_of_a_quantile_covers_it(level: float, size: int) -> None:
    rng = np.random.default_rng(14)
    ordered = np.sort(rng.random((4000, size)), axis=1)
    bounds = np.array([binomial_bounds(row, level) for row in ordered])
    covered = ((bounds[:, 0] <= level) & (level <= bounds[:, 1])).mean()
    first, last = (np.searchsorted(ordered[0], end) for end in bounds[0])
    exact = stats.binom.cdf(last, size, level) - stats.binom.cdf(first, size, level)
    assert exact >= 0.95
    assert covered == pytest.approx(exact, abs=0.012)


def test_with_too_few_observations_beyond_a_quantile_it_has_the_jackknife_interval() -> None:
    values = np.arange(40.0)
    group = np.arange(40) % 10
    middle, far = (quantile(values, group, 10, level) for level in (0.5, 0.95))
    assert middle.bounds is not None
    assert (estimate(middle).low, estimate(middle).high) == middle.bounds
    assert set(middle.bounds) <= set(values)
    assert far.bounds is not None
    assert np.isnan(far.bounds[1])
    assert estimate(far) == estimate(Measure(far.value, far.without))
    assert np.isnan(binomial_bounds(values[:20], 0.95)[1])
    assert np.isnan(binomial_bounds(values[:0], 0.5)).all()


def test_a_share_stays_between_0_and_1_and_is_never_certain() -> None:
    trials = np.full(5, 20)
    found = estimate(ratio(np.array([20, 20, 20, 20, 19]), trials, share=True))
    assert found.high == 1.0
    all_in_time = estimate(ratio(trials, trials, share=True))
    assert (all_in_time.value, all_in_time.high) == (1.0, 1.0)
    assert all_in_time.low == pytest.approx(0.025 ** (1 / 100))  # Clopper and Pearson


@pytest.mark.parametrize(
    ("measure", "reason"),
    [
        (ratio(np.zeros(3), np.zeros(3)), "no observation"),
        (ratio(np.ones(1), np.ones(1)), "only one group"),
        (ratio(np.array([3.0, 0, 0]), np.array([2, 0, 0])), "in one replication"),
        (quantile(np.zeros(0), np.zeros(0, dtype=np.int64), 4, 0.5), "no observation"),
        (Measure(float("nan"), np.zeros(2)), "no observation"),
    ],
)
def test_no_value_without_an_interval(measure: Measure, reason: str) -> None:
    found = estimate(measure)
    assert (found.value, found.low, found.high) == (None, None, None)
    assert reason in found.reason
    assert reason in found.to_json_dict()["reason"]


def test_groups_are_replications_or_stretches_of_time() -> None:
    replication = np.array([0, 0, 1])
    call_ms = np.array([0.0, 99.0, 50.0])
    group, count = groups_of(replication, call_ms, 2, 100)
    assert (group.tolist(), count) == ([0, 0, 1], 2)
    group, count = groups_of(replication * 0, call_ms, 1, 100)
    assert (group.tolist(), count) == ([0, BATCHES - 1, BATCHES // 2], BATCHES)


def test_rounding_keeps_nine_digits() -> None:
    assert rounded_to_digits(1 / 3) == 0.333333333
    assert rounded_to_digits(123456789012.0) == 123456789000.0


def test_equal_shares_up_to_rounding_are_no_certainty() -> None:
    said = estimate(ratio(np.full(20, 9.0), np.full(20, 10.0), share=True))
    assert said.low is not None
    assert said.high is not None
    assert said.high - said.low > 0.05
