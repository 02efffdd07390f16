"""Erlang's formulas against published values, and waits against a queue by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import integrate
from scipy.special import gammaincc

from engine.queueing import erlang_b, erlang_c, wait_longer
from routing.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable


def test_published_values_of_erlang() -> None:
    assert erlang_b([2, 5, 10], [2, 8, 12]) == pytest.approx([0.4, 0.0700479, 0.1197392], abs=5e-8)
    assert float(erlang_c(10, 12)) == pytest.approx(0.4493882, abs=5e-8)
    assert erlang_c([3, 4], [3, 3]).tolist() == [1, 1]
    assert erlang_b(3, 0) == 1


@pytest.mark.parametrize(("load", "servers"), [(0.5, 1), (10, 12), (95.0, 100)])
def test_wait_is_that_of_a_queue_summed_over_its_lengths(load: float, servers: int) -> None:
    assert float(wait_longer(load, servers, 0)) == pytest.approx(float(erlang_c(load, servers)))
    # with k ahead in the queue the wait is a sum of k + 1 exponentials of rate n / s
    ahead = np.arange(4000)
    share = float(erlang_c(load, servers)) * (1 - load / servers) * (load / servers) ** ahead
    for wait in (0.3, 2.0):
        expected = float(share @ gammaincc(ahead + 1, servers * wait / 3))
        assert float(wait_longer(load, servers, wait, 3.0)) == pytest.approx(expected, rel=1e-9)


def test_mean_wait_is_the_integral() -> None:
    mean, _ = integrate.quad(lambda t: float(wait_longer(10, 12, t, 5.0)), 0, np.inf)
    assert mean == pytest.approx(0.4493882 * 5 / 2, abs=1e-6)


def test_an_overloaded_queue_waits_forever() -> None:
    assert wait_longer([3, 4, 0], [3, 3, 0], [[1e9], [np.inf]]).tolist() == [[1, 1, 1]] * 2
    assert float(wait_longer(2, 3, np.inf)) == 0


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: erlang_c(-1, 2), "-1 is no load"),
        (lambda: erlang_b(1, -1), "-1 is no number of vehicles"),
        (lambda: wait_longer(1, 2, -1), "a wait is negative"),
        (lambda: erlang_b(1, 10**9), "too many"),
        (lambda: wait_longer(1, 2, np.nan), "a wait is negative or no number"),
        (lambda: wait_longer(1, 2, 1, 0), "0 is no service time"),
    ],
)
def test_bad_input_is_told(call: Callable[[], object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        call()
