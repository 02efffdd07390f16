"""What foresight expects, against every outcome enumerated."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.foresight import _merged
from engine.foresight_kernels import (
    absence_cost,
    absence_cost_of_pairs,
    saved_by_moves,
    station_absent,
)
from routing.network import UNREACHABLE

if TYPE_CHECKING:
    from numpy.typing import NDArray

STATIONS, ZONES, SLICES = 3, 2, 2


def expected(
    order: NDArray[np.int64],
    penalty: NDArray[np.float64],
    nobody: NDArray[np.float64],
    weight: NDArray[np.float64],
    where: NDArray[np.int64],
    absent: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Cost of each slice, summed over every set of units that may be available."""
    total = np.zeros(absent.shape[1])
    for part in range(len(total)):
        units = [unit for unit in range(len(where)) if where[unit, part] >= 0]
        for there in product((False, True), repeat=len(units)):
            chance, manned = 1.0, set()
            for unit, is_there in zip(units, there, strict=True):
                chance *= 1 - absent[unit, part] if is_there else absent[unit, part]
                manned |= {int(where[unit, part])} if is_there else set()
            for zone in range(len(weight)):
                first = [penalty[zone, s] for s in order[zone] if int(s) in manned]
                total[part] += chance * weight[zone] * (first[0] if first else nobody[zone])
    return total


@settings(deadline=None)
@given(seed=st.integers(0, 10**6), units=st.integers(1, 5))
def test_slopes_and_moves_are_exact_differences(seed: int, units: int) -> None:
    rng = np.random.default_rng(seed)
    where = rng.integers(-1, STATIONS, (units, SLICES))
    where[0] = rng.integers(0, STATIONS, SLICES)
    absent = rng.uniform(0.05, 1.0, (units, SLICES))
    penalty = np.sort(rng.random((ZONES, STATIONS)), axis=1)
    order = np.argsort(rng.random((ZONES, STATIONS)), axis=1)
    ranked = np.empty_like(penalty)
    np.put_along_axis(ranked, order, penalty, axis=1)
    nobody, weight = 1 + rng.random(ZONES), rng.random(ZONES)
    city = order, ranked, nobody, weight
    now = expected(*city, where, absent)

    station = station_absent(where, absent, STATIONS)
    slope = absence_cost(*city, station)
    gone = np.vstack([rng.random(SLICES), absent[1:]])
    parts = np.arange(SLICES)
    rise = station[where[0], parts] * (gone[0] / absent[0] - 1)
    then = expected(*city, where, gone)
    np.testing.assert_allclose(now + slope[where[0], parts] * rise, then, rtol=1e-9)

    slice_ms = np.array([100.0, 300.0])
    covers_ms = rng.choice([0.0, 200.0, 400.0, float(UNREACHABLE)], (units, STATIONS))
    origin = rng.integers(0, STATIONS, units)
    saved = saved_by_moves(
        slope,
        absence_cost_of_pairs(*city, station),
        station,
        where,
        absent,
        slice_ms,
        origin,
        covers_ms,
        np.arange(units) == 0,
    )
    assert np.isneginf(saved[1:]).all()
    for to in range(STATIONS):
        if covers_ms[0, to] == UNREACHABLE:
            assert np.isneginf(saved[0, to])
            continue
        after = where.copy()
        after[0] = np.where(slice_ms >= covers_ms[0, to], to, origin[0])
        then = expected(*city, after, absent)
        np.testing.assert_allclose(saved[0, to], (now - then).sum(), rtol=1e-9, atol=1e-12)


@settings(deadline=None)
@given(seed=st.integers(0, 10**6), zones=st.integers(1, 20))
def test_zones_with_one_order_of_stations_cost_the_same_as_one(seed: int, zones: int) -> None:
    rng = np.random.default_rng(seed)
    order = np.argsort(rng.random((zones, STATIONS)), axis=1)
    penalty, nobody = rng.random((zones, STATIONS)), 1 + rng.random(zones)
    weight = rng.random(zones) * (rng.random(zones) < 0.8)
    absent = rng.random((STATIONS, SLICES))
    merged = _merged(order, penalty, nobody, weight)
    assert len(merged.order) <= 6
    for cost in (absence_cost, absence_cost_of_pairs):
        apart = cost(order, penalty, nobody, weight, absent)
        np.testing.assert_allclose(cost(*merged, absent), apart, rtol=1e-9, atol=1e-12)
