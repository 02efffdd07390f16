"""MSER-5 against series whose warm-up is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scenarios.steady_state import BATCH, mser5


def autoregressive(rng: np.random.Generator, n: int, *, ramp: int = 0, bias: float = 0) -> object:
    """AR(1) with coefficient 0.5 and mean 10, and a bias that fades out along a ramp."""
    noise = rng.normal(0, 1, n)
    series = np.empty(n)
    state = 0.0
    for i in range(n):
        state = 0.5 * state + noise[i]
        series[i] = state
    fading = np.zeros(n)
    fading[:ramp] = bias * (1 - np.arange(ramp) / max(ramp, 1))
    return 10 + series + fading


def test_a_ramp_is_cut_off_and_little_more() -> None:
    rng = np.random.default_rng(5)
    cuts = []
    plain, mended = [], []
    for _ in range(60):
        series = np.asarray(autoregressive(rng, 4000, ramp=400, bias=20.0))
        cut = mser5(series)
        assert cut.found
        cuts.append(cut.discarded)
        plain.append(series.mean())
        mended.append(series[cut.discarded :].mean())
    # what is left of the ramp at 300 is a bias of 5, at 400 none
    assert 300 <= np.median(cuts) <= 450
    assert np.mean(plain) - 10 == pytest.approx(20 * 200.5 / 4000, abs=0.05)
    assert abs(np.mean(mended) - 10) < 0.05


def test_a_series_without_warm_up_keeps_almost_all() -> None:
    rng = np.random.default_rng(6)
    cuts = [mser5(np.asarray(autoregressive(rng, 4000))).discarded for _ in range(60)]
    assert np.median(cuts) <= 400


def test_a_series_that_never_settles_is_said_to() -> None:
    rng = np.random.default_rng(7)
    assert not mser5(np.linspace(0, 100, 1000) + rng.normal(0, 1, 1000)).found
    assert mser5(np.zeros(49)) == (0, False)


@settings(deadline=None)
@given(st.lists(st.floats(-100, 100), min_size=100, max_size=200))
def test_it_is_the_least_of_the_definition(sample: list[float]) -> None:
    series = np.array(sample)
    means = series[: len(series) // BATCH * BATCH].reshape(-1, BATCH).mean(axis=1)
    error = [
        ((means[d:] - means[d:].mean()) ** 2).sum() / (len(means) - d) ** 2
        for d in range(len(means) - BATCH)
    ]
    cut = mser5(series)
    if cut.found:
        assert error[cut.discarded // BATCH] == pytest.approx(min(error), rel=1e-6, abs=1e-9)
    else:
        assert min(error[len(means) // 2 + 1 :]) <= min(error[: len(means) // 2 + 1]) + 1e-9
