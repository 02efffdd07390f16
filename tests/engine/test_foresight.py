"""What foresight expects, against every outcome enumerated."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.foresight_kernels import (
    absence_cost,
    absence_cost_of_pairs,
    saved_by_moves,
    station_absent,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

STATIONS, ZONES, SLICES = 3, 2, 2


def expected(
    order: NDArray[np.int64],
    penalty: NDArray[np.float64],
    nobody: NDArray[np.float64],
    weight: NDArray[np.float64],
    base: NDArray[np.int64],
    absent: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Cost of each slice, summed over every set of units that may be available."""
    total = np.zeros(absent.shape[1])
    units = [unit for unit in range(len(base)) if base[unit] >= 0]
    for there in product((False, True), repeat=len(units)):
        chance = np.ones(absent.shape[1])
        manned: set[int] = set()
        for unit, is_there in zip(units, there, strict=True):
            chance *= 1 - absent[unit] if is_there else absent[unit]
            manned |= {int(base[unit])} if is_there else set()
        for zone in range(len(weight)):
            first = [penalty[zone, s] for s in order[zone] if int(s) in manned]
            total += chance * weight[zone] * (first[0] if first else nobody[zone])
    return total


@settings(deadline=None)
@given(seed=st.integers(0, 10**6), units=st.integers(1, 5))
def test_slopes_and_moves_are_exact_differences(seed: int, units: int) -> None:
    rng = np.random.default_rng(seed)
    base = rng.integers(-1, STATIONS, units)
    base[0] = rng.integers(STATIONS)
    absent = rng.uniform(0.05, 1.0, (units, SLICES))
    penalty = np.sort(rng.random((ZONES, STATIONS)), axis=1)
    order = np.argsort(rng.random((ZONES, STATIONS)), axis=1)
    ranked = np.empty_like(penalty)
    np.put_along_axis(ranked, order, penalty, axis=1)
    nobody, weight = 1 + rng.random(ZONES), rng.random(ZONES)
    city = order, ranked, nobody, weight
    now = expected(*city, base, absent)

    station = station_absent(base, absent, STATIONS)
    slope = absence_cost(*city, station)
    gone = np.vstack([rng.random(SLICES), absent[1:]])
    rise = station[base[0]] * (gone[0] / absent[0] - 1)
    np.testing.assert_allclose(now + slope[base[0]] * rise, expected(*city, base, gone), rtol=1e-9)

    slice_ms = np.array([100.0, 300.0])
    arrival_ms = rng.choice([0.0, 200.0, 400.0], (units, STATIONS))
    arrival_ms[0, base[0]] = 0.0
    saved = saved_by_moves(
        slope,
        absence_cost_of_pairs(*city, station),
        station,
        base,
        absent,
        slice_ms,
        arrival_ms,
        np.arange(units) == 0,
    )
    assert np.isneginf(saved[1:]).all()
    for to in range(STATIONS):
        after = base.copy()
        after[0] = to
        there = slice_ms >= arrival_ms[0, to]
        on_road = expected(*city, after, np.vstack([np.ones(SLICES), absent[1:]]))
        then = np.where(there, expected(*city, after, absent), on_road)
        np.testing.assert_allclose(saved[0, to], (now - then).sum(), rtol=1e-9, atol=1e-12)
