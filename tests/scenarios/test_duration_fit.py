"""Durations and transports by type: known parameters found again, thin types drawn to all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from scenarios.demand import durations_ms
from scenarios.duration_fit import (
    OWN_FAMILY,
    credible_means,
    distribution_of,
    family_p,
    fit_durations,
    fit_shares,
)
from scenarios.schema import Duration

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

KNOWN = (
    Duration(distribution="lognormal", mean_s=600, cv=0.4),
    Duration(distribution="lognormal", mean_s=1500, cv=0.8),
    Duration(distribution="exponential", mean_s=900, cv=1.0),
)


def cases(counts: list[int], seed: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Draw cases of each known duration, as the simulation draws them."""
    random = np.random.default_rng(seed)
    kind = np.repeat(np.arange(len(counts)), counts)
    seconds = np.concatenate(
        [
            durations_ms(each, random.random(count)) / 1000
            for each, count in zip(KNOWN, counts, strict=True)
        ]
    )
    return seconds, kind.astype(np.int64)


def test_known_durations_are_found() -> None:
    fitted, _ = fit_durations(*cases([3000, 3000, 3000], 1), 3)
    for known, found in zip(KNOWN, fitted, strict=True):
        assert found.duration.distribution == known.distribution
        # four standard errors of the mean
        assert found.duration.mean_s == pytest.approx(known.mean_s, rel=0.075)
        assert found.duration.cv == pytest.approx(known.cv, rel=0.08)
        assert found.p > 0.001
        assert found.distance < 0.05
        assert found.own > 0.99


def test_few_cases_are_drawn_to_all_types() -> None:
    random = np.random.default_rng(2)
    means = random.normal(7, 0.3, 400)
    kind = np.repeat(np.arange(400), 4)
    seconds = np.exp(random.normal(means[kind], 0.6))
    fitted, strength = fit_durations(seconds, kind, 400)
    # a variance of .36 within types over .09 between them
    assert strength == pytest.approx(4, rel=0.6)
    true = np.exp(means + 0.18)
    off = [
        float(np.abs(np.log(found / true)).mean())
        for found in (
            np.array([each.duration.mean_s for each in fitted]),
            np.array([each.observed_s for each in fitted]),
        )
    ]
    assert off[0] < 0.8 * off[1]


def test_types_that_differ_by_chance_are_all_alike() -> None:
    random = np.random.default_rng(4)
    alike = 0
    for _ in range(40):
        _, strength = fit_durations(random.lognormal(7, 0.5, 400), random.integers(0, 8, 400), 8)
        alike += strength > 50
    assert alike >= 38


def test_a_small_type_has_the_family_of_all() -> None:
    random = np.random.default_rng(5)
    few = OWN_FAMILY - 1
    seconds = np.concatenate([random.exponential(900, 2000), random.lognormal(7, 0.3, few)])
    kind = np.repeat([0, 1], [2000, few])
    assert fit_durations(seconds, kind, 2)[0][1].duration.distribution == "exponential"
    seconds, kind = np.append(seconds, 1100.0), np.append(kind, 1)
    assert fit_durations(seconds, kind, 2)[0][1].duration.distribution == "lognormal"


def test_a_type_without_cases_is_as_all_types() -> None:
    seconds, kind = cases([200, 200, 0], 6)
    fitted, _ = fit_durations(seconds, kind, 3)
    without = fitted[2]
    assert (without.cases, without.own) == (0, 0)
    assert np.isnan([without.observed_s, without.distance, without.p]).all()
    low, high = sorted(each.duration.mean_s for each in fitted[:2])
    assert low < without.duration.mean_s < high


def test_what_never_varies_is_constant() -> None:
    seconds, kind = np.repeat([60.0, 300.0], 10), np.repeat([0, 1], 10)
    fitted, _ = fit_durations(seconds, kind, 2)
    assert [each.duration.distribution for each in fitted] == ["constant"] * 2
    assert [each.duration.mean_s for each in fitted] == pytest.approx([60, 300])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 4), st.floats(1, 86_400, allow_nan=False)), min_size=1, max_size=60
    )
)
def test_any_cases_give_durations_in_bounds(told: list[tuple[int, float]]) -> None:
    kind, seconds = (np.array(column) for column in zip(*told, strict=True))
    fitted, strength = fit_durations(seconds, kind, 5)
    assert strength >= 0
    for each in fitted:
        assert 0 <= each.own <= 1
        # a mean may lie above its logarithm's by the largest spread; rounding to milliseconds
        assert 0.99 * seconds.min() <= each.duration.mean_s <= 11 * seconds.max()
        assert np.isnan(each.p) or 0 <= each.p <= 1
        assert np.isnan(each.distance) or 0 <= each.distance <= 1


@pytest.mark.parametrize("n", [10, 200])
@pytest.mark.parametrize("family", ["lognormal", "exponential"])
def test_p_values_of_the_right_family_are_uniform(family: str, n: int) -> None:
    random = np.random.default_rng(7)

    def draw() -> NDArray[np.float64]:
        if family == "lognormal":
            return random.lognormal(6, 0.5, n)
        return random.exponential(900, n)

    p = np.array([family_p(np.sort(draw()), family) for _ in range(1500)])
    # four standard errors, and one hundredth for the formula
    for level in (0.01, 0.05, 0.25, 0.5, 0.75):
        allowed = 0.01 + 4 * np.sqrt(level * (1 - level) / len(p)) + 0.03 * (n == 10)
        assert (p < level).mean() == pytest.approx(level, abs=allowed)


def test_the_wrong_family_is_refuted() -> None:
    random = np.random.default_rng(8)
    assert family_p(np.sort(random.exponential(900, 500)), "lognormal") < 1e-6
    assert family_p(np.sort(random.lognormal(6, 0.5, 500)), "exponential") < 1e-6


@pytest.mark.parametrize("what", ["on_site_aid", "drop_off"])
def test_times_of_another_simulator_are_told_apart(reference_data: Path, what: str) -> None:
    """ELASPY draws gamma distributions, which no scenario knows: near, and refuted."""
    name = f"{what}_times_test_run_simulation_diesel_4.csv"
    minutes = pd.read_csv(reference_data / "elaspy" / "cases" / name).iloc[:, -1].to_numpy()
    seconds = 60 * minutes[minutes > 0]
    (found,), _ = fit_durations(seconds, np.zeros(len(seconds), dtype=np.int64), 1)
    assert found.duration.distribution == "lognormal"
    assert found.duration.mean_s == pytest.approx(seconds.mean(), abs=0.001)
    assert found.duration.cv == pytest.approx(seconds.std() / seconds.mean(), rel=0.25)
    assert found.p < 1e-6
    assert found.distance < 0.06


def test_the_distance_is_that_of_kolmogorov_and_smirnov() -> None:
    seconds, kind = cases([150, 150, 150], 9)
    for number, each in enumerate(fit_durations(seconds, kind, 3)[0]):
        mine, duration = seconds[kind == number], each.duration
        # what is fitted is uniform
        found = stats.kstest(distribution_of(duration, mine), "uniform")
        assert each.distance == pytest.approx(found.statistic)


@pytest.mark.parametrize("duration", KNOWN)
def test_the_distribution_is_that_of_the_draws(duration: Duration) -> None:
    uniform = np.linspace(0.01, 0.99, 99)
    seconds = durations_ms(duration, uniform) / 1000
    assert distribution_of(duration, seconds) == pytest.approx(uniform, abs=1e-4)


def test_known_shares_are_found_and_thin_ones_drawn() -> None:
    random = np.random.default_rng(10)
    true = np.array([0.9, 0.6, 0.3, 0.5])
    kind = np.repeat(np.arange(4), [2000, 2000, 2000, 2])
    taken = random.random(len(kind)) < true[kind]
    taken[-2:] = True
    found = fit_shares(taken, kind, 4)
    assert found.share[:3] == pytest.approx(true[:3], abs=0.045)
    assert 0.6 < found.share[3] < 0.95
    assert found.p < 1e-6
    assert found.cases.tolist() == [2000, 2000, 2000, 2]


def test_shares_that_differ_by_chance_are_not_refuted() -> None:
    random = np.random.default_rng(11)
    p = [fit_shares(random.random(600) < 0.7, random.integers(0, 5, 600), 5).p for _ in range(200)]
    assert (np.array(p) < 0.05).mean() < 0.12


@pytest.mark.parametrize("taken", [True, False])
def test_all_or_none_transported_is_a_share(taken: bool) -> None:
    found = fit_shares(np.full(10, taken), np.repeat([0, 1], 5), 2)
    assert found.share == pytest.approx(np.full(2, float(taken)))
    assert np.isnan(found.p)


def test_credible_means_lie_between_own_and_common() -> None:
    mean, count = np.array([1.0, 2.0, 4.0, 0.0]), np.array([10, 20, 5, 0])
    drawn, own, strength = credible_means(mean, count, 4.0)
    assert own[:3] == pytest.approx(count[:3] / (count[:3] + strength))
    centre = drawn[3]
    for group in range(3):
        low, high = sorted((mean[group], centre))
        assert low <= drawn[group] <= high
    assert credible_means(mean[:1], count[:1], 4.0)[0] == pytest.approx([1.0])
