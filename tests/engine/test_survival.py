"""Survival curves against values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from engine.survival import CURVES, de_maio_2003, expected_survivors, survival_curve
from routing.errors import InputError


def test_de_maio_at_round_minutes() -> None:
    # 1 / (1 + exp(.679 + .262 t)) worked out with bc
    expected = {0: 0.33648452, 5: 0.12036269, 8: 0.05869017, 15: 0.00986351}
    for minutes, probability in expected.items():
        assert float(de_maio_2003(60 * minutes)) == pytest.approx(probability, abs=1e-8)


def test_de_maio_doubles_survival_from_eight_to_five_minutes() -> None:
    # as the summary in American Family Physician 69(4), 957 reports the article
    assert float(de_maio_2003(300) / de_maio_2003(480)) == pytest.approx(2, abs=0.1)


@pytest.mark.parametrize("name", list(CURVES))
def test_curves_fall_from_a_probability_to_zero(name: str) -> None:
    curve = survival_curve(name)
    values = curve(np.arange(0, 7200, 10.0))
    assert np.all(np.diff(values) < 0)
    assert 0 < values[0] < 1
    assert float(curve(np.inf)) == 0


def test_expected_survivors_adds_up() -> None:
    assert expected_survivors([0, 480, np.inf]) == pytest.approx(0.33648452 + 0.05869017, abs=2e-8)
    assert expected_survivors([]) == 0


def test_bad_input() -> None:
    with pytest.raises(InputError, match=r"did you mean 'de-maio-2003'"):
        survival_curve("de-maio")
    with pytest.raises(InputError, match="negative"):
        expected_survivors([-1.0])
    with pytest.raises(InputError, match="missing"):
        expected_survivors([float("nan")])
