"""The same incidents twice: what is said of the difference is what plain pandas says."""

from __future__ import annotations

import numpy as np
import pytest

from scenarios.paired import paired
from scenarios.runs import simulate
from tests.toy_city import toy_city


def test_differences_are_those_of_the_incidents() -> None:
    first = simulate(toy_city(), policy="closest-idle", replications=6, seed=2)
    other = simulate(toy_city(), policy="closest", replications=6, seed=2)
    told = paired(other.observations, first.incidents, first.policy)
    change = other.incidents["response_time"] - first.incidents["response_time"]
    assert (change != 0).any()
    assert told["difference"]["response_mean"]["value"] == pytest.approx(change.mean())
    assert told["sooner"] + told["later"] + told["alike"] == len(change)
    assert told["sooner"] == (change < 0).sum()
    assert told["not_both"] == 0
    assert told["observed"] is False
    within = [(run.incidents["response_time"] <= 480).mean() for run in (first, other)]
    assert told["before"]["within"]["8 minutes"]["value"] == pytest.approx(within[0])
    assert told["after"]["within"]["8 minutes"]["value"] == pytest.approx(within[1])


def test_the_same_run_does_not_differ_and_who_was_not_reached_is_left_out() -> None:
    run = simulate(toy_city(), replications=3, seed=2)
    before = run.incidents.copy()
    before.loc[before.index[::7], "response_time"] = np.nan
    told = paired(run.observations, before, run.policy)
    assert told["not_both"] == len(before.index[::7])
    assert told["difference"]["response_mean"]["value"] == 0
    assert (told["sooner"], told["later"]) == (0, 0)
