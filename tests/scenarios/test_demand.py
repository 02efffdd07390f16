"""Incidents: their rate, their distributions, and what they do not depend on."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from scipy import stats

from routing.errors import InputError
from scenarios.demand import PURPOSES, arrivals, draw_incidents, durations_ms, stream
from scenarios.schema import Duration
from scenarios.settings import Demand, Horizon, Settings
from tests.toy_city import toy_city

if TYPE_CHECKING:
    import pandas as pd

    from scenarios.package import Scenario


def changed(**settings: Any) -> Scenario:
    """Toy city with other settings."""
    values = toy_city().settings.model_dump() | settings
    return replace(toy_city(), settings=Settings.model_validate(values))


def with_zones(zones: pd.DataFrame) -> Scenario:
    return replace(toy_city(), zones=zones)


def horizon(start: str = "2025-01-06T00:00:00Z", days: float = 7, zone: str = "UTC") -> Horizon:
    return Horizon.model_validate({"start": start, "days": days, "timezone": zone})


def demand(
    per_day: float = 100, hours: dict[int, float] | None = None, weekdays: list[float] | None = None
) -> Demand:
    profile = [1.0] * 24 if hours is None else [hours.get(hour, 0.0) for hour in range(24)]
    return Demand(
        incidents_per_day=per_day, hour_profile=profile, weekday_profile=weekdays or [1.0] * 7
    )


def local_times(start: str, zone: str, call_ms: np.ndarray[Any, Any]) -> list[datetime]:
    begin = datetime.fromisoformat(start)
    return [(begin + timedelta(milliseconds=int(ms))).astimezone(ZoneInfo(zone)) for ms in call_ms]


def test_counts_are_poisson_and_gaps_exponential() -> None:
    week, flat = horizon(), demand(20)
    calls = [arrivals(flat, week, 5, r) for r in range(400)]
    counts = np.array([len(c) for c in calls])
    assert abs(counts.mean() - 140) < 3.3 * np.sqrt(140 / 400)
    dispersion = counts.var(ddof=1) / counts.mean() * 399
    assert stats.chi2.ppf(0.0005, 399) < dispersion < stats.chi2.ppf(0.9995, 399)
    gaps = np.concatenate([np.diff(c) for c in calls]) / 86_400_000
    assert stats.kstest(gaps, stats.expon(scale=1 / 20).cdf).pvalue > 0.001


def test_the_rate_follows_hour_and_weekday() -> None:
    hours = {hour: 1.0 + (hour % 5) for hour in range(24)}
    weekdays = [1.0, 2.0, 3.0, 1.0, 0.0, 2.0, 5.0]
    start = "2025-01-06T00:00:00Z"
    seen: Counter[tuple[int, int]] = Counter()
    for replication in range(60):
        calls = arrivals(demand(100, hours, weekdays), horizon(start), 9, replication)
        seen.update((t.weekday(), t.hour) for t in local_times(start, "UTC", calls))
    rate = np.array([[w * h for h in hours.values()] for w in weekdays])
    expected = rate / rate.sum() * sum(seen.values())
    observed = np.array([[seen[day, hour] for hour in range(24)] for day in range(7)])
    assert observed[4].sum() == 0
    busy = expected > 0
    assert stats.chisquare(observed[busy], expected[busy]).pvalue > 0.001
    assert sum(seen.values()) == pytest.approx(60 * 700, abs=3.3 * np.sqrt(60 * 700))


@pytest.mark.parametrize(
    ("zone", "start"),
    [
        ("Europe/Berlin", "2025-03-27T00:00:00Z"),  # summer time begins on the 30th
        ("Europe/Berlin", "2025-10-24T00:00:00Z"),  # and ends on the 26th
        ("Asia/Kathmandu", "2025-01-06T10:07:00Z"),  # 5 h 45 min ahead
        ("America/St_Johns", "2025-01-06T00:00:00.250Z"),
    ],
)
def test_hours_are_local(zone: str, start: str) -> None:
    hours = {2: 1.0}
    calls = arrivals(demand(200, hours), horizon(start, 5, zone), 1, 0)
    assert {t.hour for t in local_times(start, zone, calls)} == {2}
    days = Counter(t.date() for t in local_times(start, zone, calls))
    if start.startswith("2025-03"):
        assert datetime(2025, 3, 30, tzinfo=UTC).date() not in days
    if start.startswith("2025-10"):
        twice = days.pop(datetime(2025, 10, 26, tzinfo=UTC).date())
        assert twice > 1.5 * max(days.values())


@pytest.mark.parametrize(
    ("duration", "reference"),
    [
        (Duration(distribution="exponential", mean_s=600), stats.expon(scale=600)),
        (
            Duration(distribution="lognormal", mean_s=600, cv=0.5),
            stats.lognorm(s=np.sqrt(np.log(1.25)), scale=600 / np.sqrt(1.25)),
        ),
    ],
)
def test_durations_are_quantiles_of_their_distribution(duration: Duration, reference: Any) -> None:
    uniform = np.append(np.linspace(0, 1, 1000, endpoint=False), 1 - 2.0**-53)
    expected = np.rint(reference.ppf(uniform) * 1000)
    found = durations_ms(duration, uniform)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1)
    assert reference.mean() == pytest.approx(600)
    assert found.min() >= 0


@pytest.mark.parametrize("mean", [0.0, 90.0])
def test_constant_durations(mean: float) -> None:
    uniform = np.array([0.0, 0.3, 0.999])
    for kind in ("constant", "lognormal"):
        duration = Duration.model_validate({"distribution": kind, "mean_s": mean, "cv": 0})
        assert durations_ms(duration, uniform).tolist() == [mean * 1000] * 3


def test_incidents_do_not_depend_on_stations_and_units() -> None:
    city = toy_city()
    other = city.with_fleet(city.stations[:1], city.units[:1])
    assert draw_incidents(city, 4, 2).same_as(draw_incidents(other, 4, 2))


def test_each_purpose_has_numbers_of_its_own() -> None:
    base = draw_incidents(toy_city(), 4, 0)
    process = toy_city().settings.process.model_dump()
    process["on_scene"]["mean_s"] = 1800
    slower = draw_incidents(changed(process=process), 4, 0)
    np.testing.assert_allclose(slower.on_scene_ms, 2 * base.on_scene_ms, atol=2)
    for name in set(base._fields) - {"on_scene_ms"}:
        np.testing.assert_array_equal(getattr(base, name), getattr(slower, name))


def test_seeds_replications_and_purposes_are_independent_streams() -> None:
    draws = [
        stream(seed, replication, purpose).random(2000)
        for seed in (0, 1)
        for replication in (0, 1)
        for purpose in PURPOSES
    ]
    correlation = np.corrcoef(draws) - np.eye(len(draws))
    assert np.abs(correlation).max() < 5 / np.sqrt(2000)
    np.testing.assert_array_equal(draws[0], stream(0, 0, PURPOSES[0]).random(2000))


def test_zones_and_priorities_come_by_weight() -> None:
    tables = [draw_incidents(changed(), 1, r) for r in range(200)]
    zone = np.bincount(np.concatenate([t.zone for t in tables]), minlength=4)
    assert stats.chisquare(zone, np.array([1, 2, 3, 4]) / 10 * zone.sum()).pvalue > 0.001
    priority = np.concatenate([t.priority for t in tables])
    transported = np.concatenate([t.transported for t in tables])
    assert abs(priority.mean() - 0.5) < 3.3 * 0.5 / np.sqrt(len(priority))
    assert abs(transported.mean() - 0.5) < 3.3 * 0.5 / np.sqrt(len(priority))
    for table in tables:
        assert (table.handover_ms[~table.transported] == 0).all()
        assert (np.diff(table.call_ms) >= 0).all()


def test_a_zone_without_weight_has_no_incident() -> None:
    city = toy_city()
    zones = city.zones.assign(weight=[0.0, 1.0, 0.0, 1.0])
    table = draw_incidents(with_zones(zones), 1, 0)
    assert set(table.zone.tolist()) == {1, 3}


@pytest.mark.parametrize(
    ("scenario", "message"),
    [
        (lambda c: with_zones(c.zones[:0]), "zones.csv: the scenario has no demand zone"),
        (lambda c: with_zones(c.zones.assign(weight=0.0)), "no demand zone with a weight"),
        (lambda _: changed(demand=demand(0).model_dump()), "there are 0 incidents a day"),
    ],
)
def test_no_demand_is_told(scenario: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        draw_incidents(scenario(toy_city()), 0, 0)


@pytest.mark.parametrize("seed", [-1, 2**63])
def test_what_is_no_seed(seed: int) -> None:
    with pytest.raises(InputError, match="--seed"):
        draw_incidents(toy_city(), seed, 0)
