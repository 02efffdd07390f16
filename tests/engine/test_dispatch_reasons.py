"""Why policies that look at what stays behind chose a unit: figures, and words that follow."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from engine.dispatch import DispatchState, PreparednessDispatch, SurvivalDispatch
from engine.dispatch.base import random_terrain
from engine.fleet import FREE_AT_STATION
from engine.survival import de_maio_2003
from routing.network import UNREACHABLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.terrain import Terrain

MINUTE_MS = 60_000.0


def drawn(seed: int) -> tuple[Terrain, DispatchState]:
    """Return a city with much to do, and units of it, one or two of them no station's."""
    rng = np.random.default_rng(seed)
    units = int(rng.integers(2, 8))
    city = random_terrain(rng, units)
    city = replace(city, calls_per_hour=np.full(48, 20.0), limit_ms=np.full(3, 20 * MINUTE_MS))
    base = rng.integers(0, 5, units)
    base[rng.random(units) < 0.1] = -1
    arrival = rng.integers(60, 600, units).astype(np.float64) * 1000
    arrival[rng.random(units) < 0.1] = float(UNREACHABLE)
    arrival[0] = 2 * MINUTE_MS
    return city, DispatchState(
        now_ms=0.0,
        priority=0,
        waiting_ms=MINUTE_MS,
        status=np.full(units, FREE_AT_STATION, dtype=np.int8),
        returning=np.zeros(units, dtype=np.bool_),
        suitable=np.ones(units, dtype=np.bool_),
        arrival_ms=arrival,
        base=base,
    )


def drives(city: Terrain, base: list[int], zone: int) -> list[float]:
    """List the drives of units to a zone, the shortest first."""
    return sorted(float(city.station_ms[0, station, zone]) for station in base if station >= 0)


def preparedness(city: Terrain, base: list[int], floor: float) -> float:
    """Work out Andersson and Värbrand's figure for the zones that have least of it."""
    found = sorted(
        sum(
            0.5**rank / max(ms, MINUTE_MS)
            for rank, ms in enumerate(drives(city, base, zone)[:3], start=1)
        )
        / float(city.weight[zone])
        for zone in range(len(city.weight))
        if city.weight[zone] > 0
    )
    return float(np.mean(found[: max(1, int(floor * len(found)))]))


def lives(city: Terrain, base: list[int]) -> float:
    """Work out the lives saved among those who call within an absence, a unit always there."""
    lead_s = (city.processing_ms + MINUTE_MS) / 1000
    saved = sum(
        float(city.weight[zone]) * float(de_maio_2003(drives(city, base, zone)[0] / 1000 + lead_s))
        for zone in range(len(city.weight))
        if drives(city, base, zone)
    )
    return float(city.calls_per_hour[0]) * city.busy_ms / 3_600_000 * saved


def without(state: DispatchState, unit: int) -> list[int]:
    return [int(base) for row, base in enumerate(state.base) if row != unit]


@pytest.mark.parametrize("floor", [0.0, 0.3])
def test_preparedness_tells_what_a_going_costs_the_zones_that_have_least(floor: float) -> None:
    later = 0
    for seed in range(150):
        city, state = drawn(seed)
        policy = PreparednessDispatch(floor=floor).at(city)
        unit = policy.decide(state)
        said = policy.explain(state, unit)
        closest = int(state.arrival_ms.argmin())
        now = preparedness(city, state.base.tolist(), floor)
        lost = {
            row: 1 - preparedness(city, without(state, row), floor) / now if now else 0.0
            for row in (unit, closest)
        }
        assert said.figures["preparedness_lost"] == pytest.approx(lost[unit], abs=1e-9)
        assert said.figures["preparedness_lost_of_closest"] == pytest.approx(
            lost[closest], abs=1e-9
        )
        if said.figures["later_seconds"] > 0:
            later += 1
            assert lost[unit] < lost[closest]
            whose = "least prepared 30% of zones" if floor else "worst zone"
            assert said.words == (
                f"in time, {(state.arrival_ms[unit] - state.arrival_ms[closest]) / 1000:.0f} s "
                f"after the closest, which leaves the {whose} {lost[closest] - lost[unit]:.2%} "
                "more of the preparedness of now"
            )
        else:
            assert said.words == "the closest, and in time"
    assert later > 20


def test_survival_weighs_this_patient_and_those_to_come() -> None:
    later = 0
    for seed in range(150):
        city, state = drawn(seed)
        policy = SurvivalDispatch().at(city)
        unit = policy.decide(state)
        said = policy.explain(state, unit)
        closest = int(state.arrival_ms.argmin())
        now = lives(city, state.base.tolist())
        lost = {row: now - lives(city, without(state, row)) for row in (unit, closest)}
        chance = {
            row: float(de_maio_2003((state.arrival_ms[row] + state.waiting_ms) / 1000))
            for row in (unit, closest)
        }
        assert said.figures == {
            "later_seconds": (state.arrival_ms[unit] - state.arrival_ms[closest]) / 1000,
            "survival": pytest.approx(chance[unit]),
            "survival_of_closest": pytest.approx(chance[closest]),
            "lives_to_come": pytest.approx(lost[unit], abs=1e-9),
            "lives_to_come_of_closest": pytest.approx(lost[closest], abs=1e-9),
        }
        if said.figures["later_seconds"] > 0:
            later += 1
            assert lost[closest] - lost[unit] >= chance[closest] - chance[unit] > 0
            assert said.words == (
                f"{said.figures['later_seconds']:.0f} s after the closest, which costs this "
                f"patient {chance[closest] - chance[unit]:.4f} expected lives and saves those "
                f"to come {lost[closest] - lost[unit]:.4f}"
            )
        else:
            assert said.words == "the closest, with which most can be expected to live"
    assert later > 20


@pytest.mark.parametrize("made", [PreparednessDispatch, SurvivalDispatch])
def test_the_last_unit_is_explained_too(made: Callable[[], Any]) -> None:
    city, state = drawn(1)
    alone = replace(
        state,
        arrival_ms=np.where(np.arange(len(state.base)) == 0, state.arrival_ms, float(UNREACHABLE)),
        base=np.full(len(state.base), -1),
    )
    said = made().at(city).explain(alone, 0)
    assert said.words.startswith("the closest")
    assert all(np.isfinite(figure) for figure in said.figures.values())


def test_a_unit_of_no_station_leaves_everybody_as_prepared() -> None:
    city, state = drawn(1)
    base = state.base.copy()
    base[:] = 0
    base[1] = -1
    arrival = np.full(len(base), 3 * MINUTE_MS)
    asked = replace(state, base=base, arrival_ms=arrival)
    assert PreparednessDispatch().at(city).decide(asked) == 1
