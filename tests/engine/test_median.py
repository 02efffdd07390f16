"""The p-median solver when it is told to stop."""

from __future__ import annotations

import numpy as np
import pytest

from engine.stationing.effort import Effort
from engine.stationing.median import choose_sites


@pytest.mark.parametrize("patience", [0, 1, 5, 70])
def test_stopped_early_a_plan_and_its_bound_come_back(patience: int) -> None:
    random = np.random.default_rng(1)
    here, there = random.random((60, 1, 2)), random.random((1, 120, 2))
    cost = np.rint(1000 * np.hypot(*(here - there).transpose(2, 0, 1)))
    weight, kept = random.integers(1, 9, 120).astype(np.float64), np.zeros(60, dtype=np.bool_)
    asked = iter([False] * patience)
    early = choose_sites(
        cost,
        weight,
        6,
        kept=kept,
        effort=Effort.of_seconds(20),
        stopped=lambda: next(asked, True),
    )
    late = choose_sites(cost, weight, 6, kept=kept, effort=Effort.of_seconds(20))
    assert early.cost == weight @ cost[list(early.sites)].min(axis=0)
    assert 0 <= early.bound <= late.cost == late.bound <= early.cost
