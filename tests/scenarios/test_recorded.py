"""What happened on a day, said as a scenario: the simulator reads the very same out of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from scenarios.demand import DAY_MS, draw_incidents
from scenarios.packaging import load_scenario, save_scenario
from scenarios.recorded import DayPlan, scenario_of
from scenarios.simulation.arrays import COMES_ON, GOES_OFF
from scenarios.simulation.periods import periods_of
from scenarios.simulation.timeline import build_timeline, merged
from tests.toy_city import toy_city

if TYPE_CHECKING:
    from pathlib import Path

    from scenarios.package import Scenario
    from scenarios.simulation.timeline import Span

BERLIN = ZoneInfo("Europe/Berlin")
MINUTE_MS = 60_000.0


def city_in(timezone: str) -> Scenario:
    city = toy_city()
    horizon = city.settings.horizon.model_copy(update={"timezone": timezone})
    return replace(city, settings=city.settings.model_copy(update={"horizon": horizon}))


def plan(start: datetime, days: float, off: list[list[Span]]) -> DayPlan:
    start_ms = round(start.timestamp() * 1000)
    incidents = draw_incidents(toy_city(), 1, 0)
    units = toy_city().units
    off = [*off, *[[] for _ in range(len(units) - len(off))]]
    return DayPlan("A day", start_ms, start_ms + round(days * DAY_MS), units, off, [], incidents)


def read_back(scenario: Scenario) -> list[list[Span]]:
    """Return when the simulator has each unit off duty, within the horizon."""
    rows = build_timeline(scenario, periods_of(scenario))
    end_ms = scenario.settings.horizon.days * DAY_MS
    found: list[list[Span]] = []
    for unit in range(len(scenario.units)):
        mine = rows[rows["subject"] == unit]
        gone = mine["time_ms"][mine["kind"] == GOES_OFF].tolist()
        back = mine["time_ms"][mine["kind"] == COMES_ON].tolist()
        spans = [(a, min(b, end_ms)) for a, b in zip(gone, back, strict=True) if a < end_ms]
        found.append(merged(spans))
    return found


spans = st.lists(
    st.tuples(st.integers(0, 6 * 1440), st.integers(1, 2000)).map(
        lambda each: (each[0] * MINUTE_MS, (each[0] + each[1]) * MINUTE_MS + 250.0)
    ),
    max_size=4,
)


@settings(max_examples=60)
@given(
    st.lists(spans, min_size=1, max_size=5),
    st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kathmandu"]),
    st.integers(0, 1439),
    st.floats(0.2, 5.9),
)
def test_hours_off_duty_are_read_back(
    off: list[list[Span]], timezone: str, minute: int, days: float
) -> None:
    start = datetime(2025, 1, 6, tzinfo=UTC) + timedelta(minutes=minute)
    end_ms = round(days * DAY_MS)
    off = [merged([(a, min(b, end_ms)) for a, b in each if a < end_ms]) for each in off]
    made, lost = scenario_of(city_in(timezone), plan(start, end_ms / DAY_MS, off))
    assert lost == 0
    for told, given_off in zip(read_back(made), off, strict=False):
        assert len(told) == len(given_off)
        assert np.allclose(told, given_off, rtol=0, atol=1e-3)


def test_the_night_of_a_change_of_clocks() -> None:
    start = datetime(2025, 3, 30, tzinfo=BERLIN).astimezone(UTC)  # a day of 23 hours
    off = [[(30 * MINUTE_MS, 300 * MINUTE_MS)], [(0.0, 23 * 60 * MINUTE_MS)]]
    made, _ = scenario_of(city_in("Europe/Berlin"), plan(start, 23 / 24, off))
    assert read_back(made)[:2] == [
        [(30 * MINUTE_MS, 300 * MINUTE_MS)],
        [(0.0, 23 * 60 * MINUTE_MS)],
    ]


def test_more_than_a_week_is_told_as_lost() -> None:
    made, lost = scenario_of(
        toy_city(),
        plan(datetime(2025, 1, 6, tzinfo=UTC), 9, [[(0.0, MINUTE_MS)], [], [(5.0, 9.0)]]),
    )
    assert lost == 2
    assert made.settings.shifts == []


def test_what_a_scenario_draws_gives_way(tmp_path: Path) -> None:
    city = toy_city()
    kinds = dict(city.settings.unit_types)
    repair = {"distribution": "constant", "mean_s": 3600}
    kind = type(kinds["ambulance"]).model_validate(
        kinds["ambulance"].model_dump()
        | {
            "failure": {"mean_days_between": 0.1, "repair": repair},
            "mutual_aid": {"busy_share": 0.5, "busy": repair},
        }
    )
    drawn = city.settings.model_copy(update={"unit_types": kinds | {"ambulance": kind}})
    day = plan(datetime(2025, 1, 6, tzinfo=UTC), 1, [])
    made, _ = scenario_of(replace(city, settings=drawn), day)
    save_scenario(made, tmp_path / "day")
    read = load_scenario(tmp_path / "day").settings.unit_types["ambulance"]
    assert read.failure is None
    assert read.mutual_aid is not None
    assert read.mutual_aid.busy is None
    assert read.mutual_aid.busy_share == 0


def test_incidents_are_read_back_as_they_were(tmp_path: Path) -> None:
    day = plan(datetime(2025, 1, 6, tzinfo=UTC), 2, [])
    made, _ = scenario_of(toy_city(), day)
    save_scenario(made, tmp_path / "day")
    read = load_scenario(tmp_path / "day").incidents
    assert read is not None
    for name in day.incidents._fields:
        assert np.allclose(getattr(read, name), getattr(day.incidents, name), rtol=0, atol=1e-6)
