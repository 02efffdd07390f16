"""Races: what is accepted, what is dropped, and how often that is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import stats

from scenarios.racing import paired, race, spent

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Evaluate = Callable[[NDArray[np.int64], int, int], NDArray[np.float64]]


class Noise:
    """Normal scores about given means, with a part that all rows share."""

    def __init__(self, means: list[float], seed: int) -> None:
        self.means = np.array(means)
        self.rng = np.random.default_rng(seed)
        self.calls: list[tuple[list[int], int, int]] = []

    def __call__(self, rows: NDArray[np.int64], begin: int, count: int) -> NDArray[np.float64]:
        self.calls.append((rows.tolist(), begin, count))
        noise = self.rng.standard_normal((len(rows), count))
        shared = 10 * self.rng.standard_normal(count)
        return np.asarray(self.means[rows, None] + noise + shared, dtype=np.float64)

    @property
    def simulated(self) -> int:
        return sum(len(rows) * count for rows, _, count in self.calls)


def test_the_interval_is_the_paired_t_interval_of_scipy() -> None:
    rng = np.random.default_rng(1)
    one, other = rng.standard_normal((2, 12))
    mean, low, high = paired((one - other)[None], 0.03)
    expected = stats.ttest_rel(one, other).confidence_interval(0.94)
    assert (low[0], high[0]) == pytest.approx((expected.low, expected.high))
    assert mean[0] == pytest.approx(np.mean(one - other))


def test_no_spread_is_no_evidence_but_no_difference_is_none() -> None:
    _, low, high = paired(np.array([[2.0] * 5, [0.0] * 5]), 0.05)
    assert (low[0], high[0]) == (-np.inf, np.inf)
    assert (low[1], high[1]) == (0, 0)


def test_error_is_spent_once() -> None:
    assert sum(spent(0.05, step) for step in range(1, 10_000)) == pytest.approx(0.05, rel=1e-3)


def test_the_best_wins_and_the_worst_gets_few_replications() -> None:
    noise = Noise([0, -3, 0.5, -0.2], 3)
    found = race(noise, 3, error=0.05, first=10, budget=100_000)
    assert (found.ending, found.winner) == ("better", 2)
    assert found.low > 0
    assert noise.simulated == found.simulated
    rows = [call[0] for call in noise.calls]
    assert len(rows) > 1
    assert 1 not in rows[1]
    # each round goes on where the last one ended, and doubles what there is
    assert [call[1:] for call in noise.calls[:3]] == [(0, 10), (10, 10), (20, 20)][: len(rows)]


def test_all_worse_is_settled() -> None:
    found = race(Noise([0, -1, -2], 1), 2, error=0.05, first=10, budget=100_000)
    assert (found.ending, found.winner, found.in_doubt) == ("settled", None, 0)


@pytest.mark.parametrize("budget", [0, 29, 30, 500, 1234])
def test_the_budget_is_kept(budget: int) -> None:
    noise = Noise([0, 0, 0], 5)
    found = race(noise, 2, error=1e-9, first=10, budget=budget)
    assert noise.simulated == found.simulated <= budget
    assert found.ending == "budget"
    assert found.in_doubt == 2
    assert found.rounds == len(noise.calls)


def test_it_can_be_stopped_between_rounds() -> None:
    noise = Noise([0, 0], 5)
    found = race(noise, 1, error=1e-9, first=10, budget=10**6, stop=lambda: len(noise.calls) == 3)
    assert (found.ending, found.rounds, found.replications) == ("stopped", 3, 40)


@pytest.mark.parametrize("challengers", [1, 8])
def test_among_equals_the_incumbent_stays_as_often_as_said(challengers: int) -> None:
    """A/A: whoever is accepted is accepted wrongly."""
    races = 600
    wrong = sum(
        race(
            Noise([0.0] * (challengers + 1), seed), challengers, error=0.1, first=8, budget=3000
        ).winner
        is not None
        for seed in range(races)
    )
    # more than this has a probability below 1e-6 where the true rate is a tenth
    assert wrong <= stats.binom.isf(1e-6, races, 0.1)
    assert wrong > 0
