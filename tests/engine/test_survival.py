"""Survival curves against values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.survival import (
    CURVES,
    Resuscitation,
    de_maio_2003,
    expected_survivors,
    larsen_1993,
    mccormack_coates_2015,
    survival_curve,
    valenzuela_1997,
)
from routing.errors import InputError

SECONDS = st.floats(0, 36_000)
SHARES = st.floats(0, 1)
HOW = st.builds(Resuscitation, SECONDS, SHARES, SECONDS, SECONDS, SECONDS, SECONDS, SHARES)


def test_de_maio_at_round_minutes() -> None:
    # 1 / (1 + exp(.679 + .262 t)) worked out with bc
    expected = {0: 0.33648452, 5: 0.12036269, 8: 0.05869017, 15: 0.00986351}
    for minutes, probability in expected.items():
        assert float(de_maio_2003(60 * minutes)) == pytest.approx(probability, abs=1e-8)


def test_de_maio_doubles_survival_from_eight_to_five_minutes() -> None:
    # as the summary in American Family Physician 69(4), 957 reports the article
    assert float(de_maio_2003(300) / de_maio_2003(480)) == pytest.approx(2, abs=0.1)


def test_valenzuela_by_hand() -> None:
    # 1 / (1 + exp(-.26 + .106 c + .139 d)) worked out with decimals
    expected = {
        (0, 0): 0.564636292,
        (1, 4): 0.400831913,
        (5, 10): 0.159761997,
        (4, 10.5): 0.164722743,
    }
    for (cpr, shock), probability in expected.items():
        found = float(valenzuela_1997(60 * cpr, 60 * shock))
        assert found == pytest.approx(probability, abs=1e-8)
    assert float(valenzuela_1997(0, np.inf)) == 0


def test_larsen_as_its_abstract_says() -> None:
    # 67 % if all is done at once, 5.5 % less each minute without any help; an independent
    # summary: no survivors after just over twelve minutes
    assert float(larsen_1993(0, 0, 0)) == 0.67
    assert float(larsen_1993(60, 60, 60)) == pytest.approx(0.67 - 0.055)
    assert float(larsen_1993(720, 720, 720)) == pytest.approx(0.01)
    assert float(larsen_1993(732, 732, 732)) == 0
    # each coefficient by itself
    assert float(larsen_1993(600, 0, 0)) == pytest.approx(0.44)
    assert float(larsen_1993(0, 600, 0)) == pytest.approx(0.56)
    assert float(larsen_1993(0, 0, 600)) == pytest.approx(0.46)


def test_mccormack_and_coates_by_hand() -> None:
    # 1 / (1 + exp(-.26 + .139 t)) worked out with decimals
    for minutes, probability in {0: 0.564636292, 8: 0.299013480, 15: 0.138834994}.items():
        found = float(mccormack_coates_2015(60 * minutes))
        assert found == pytest.approx(probability, abs=1e-8)
        at_once = float(valenzuela_1997(0, 60 * minutes))
        assert found == pytest.approx(at_once, abs=1e-12)


def test_times_follow_from_the_response_time() -> None:
    how = Resuscitation(60, 0.25, 120, 30, 90, 200, shockable_share=0.5)
    # a crew after 10 minutes: with a bystander 3 minutes without compressions, else 11.5
    seen = float(survival_curve("valenzuela-1997", how)(600))
    by_hand = 0.25 * valenzuela_1997(180, 750) + 0.75 * valenzuela_1997(690, 750)
    assert seen == pytest.approx(0.5 * float(by_hand))
    # a crew after one minute is there before the bystander begins
    seen = float(survival_curve("larsen-1993", how)(60))
    assert seen == pytest.approx(0.5 * float(larsen_1993(150, 210, 320)))
    assert float(survival_curve("mccormack-coates-2015", how)(480)) == pytest.approx(
        0.299013480 / 2
    )
    assert float(survival_curve("de-maio-2003", how)(480)) == float(de_maio_2003(480))


@pytest.mark.parametrize("name", list(CURVES))
def test_curves_fall_from_a_probability_to_zero(name: str) -> None:
    curve = survival_curve(name)
    values = curve(np.arange(0, 7200, 10.0))
    assert np.all(np.diff(values) <= 0)
    assert np.all(np.diff(values[:40]) < 0)
    assert 0 < values[0] < 1
    assert float(curve(np.inf)) == 0


@pytest.mark.parametrize("name", list(CURVES))
@given(times=st.lists(st.floats(0, 1e6), min_size=1), how=HOW)
def test_whatever_is_assumed_it_is_a_falling_probability(
    name: str, times: list[float], how: Resuscitation
) -> None:
    values = survival_curve(name, how)([*sorted(times), np.inf])
    assert np.all((values >= 0) & (values <= 1))
    assert np.all(np.diff(values) <= 1e-12)
    assert values[-1] == 0


@pytest.mark.parametrize("wrong", [{"bystander_cpr_share": 1.1}, {"arrival_to_shock_s": -1.0}])
def test_assumptions_must_make_sense(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError, match=next(iter(wrong))):
        Resuscitation(**wrong)


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
