"""What happens at set times, and surges, against the wall clock and against their absence."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from routing.errors import InputError
from routing.network import UNREACHABLE
from scenarios.demand import HOUR_MS, draw_incidents, horizon_ms
from scenarios.duty import duty_gaps, uncovered
from scenarios.settings import Settings
from scenarios.simulation.arrays import (
    CLOSES,
    COMES_ON,
    GOES_OFF,
    NIGHT,
    OPENS,
    PERIOD,
)
from scenarios.simulation.periods import OVERTIME_MS, arc_times_ms, local_hours, periods_of
from scenarios.simulation.timeline import build_timeline, merged, with_failures
from tests.toy_city import toy_city

if TYPE_CHECKING:
    from datetime import datetime

    from numpy.typing import NDArray

    from scenarios.package import Scenario

ZONE = "Europe/Amsterdam"
SPRING = "2025-03-28T23:00:00Z"  # two days before clocks go forward
AUTUMN = "2025-10-24T22:00:00Z"  # and back
STEP_MS = 5 * 60_000


def city(of_units: list[str] | None = None, **changes: Any) -> Scenario:
    values = toy_city().settings.model_dump()
    horizon = {"start": SPRING, "days": 4, "timezone": ZONE}
    scenario = replace(
        toy_city(), settings=Settings.model_validate(values | {"horizon": horizon} | changes)
    )
    if of_units is None:
        return scenario
    return replace(scenario, units=scenario.units.assign(shift=of_units))


def timeline_of(scenario: Scenario) -> NDArray[Any]:
    return build_timeline(scenario, periods_of(scenario))


def moments(scenario: Scenario) -> tuple[NDArray[np.float64], list[datetime]]:
    """Return times five minutes apart, and what clocks show."""
    horizon = scenario.settings.horizon
    at = np.arange(0.0, horizon_ms(horizon), STEP_MS)
    local = ZoneInfo(horizon.timezone)
    return at, [(horizon.start + timedelta(milliseconds=ms)).astimezone(local) for ms in at]


def on_duty(timeline: NDArray[Any], unit: int, at: NDArray[np.float64]) -> NDArray[np.bool_]:
    mine = timeline[timeline["subject"] == unit]
    change = np.where(mine["kind"] == GOES_OFF, 1, np.where(mine["kind"] == COMES_ON, -1, 0))
    reasons = np.r_[0, np.cumsum(change)]
    assert reasons.min() >= 0
    return np.asarray(reasons[np.searchsorted(mine["time_ms"], at, side="right")] == 0)


SHIFTS = [
    {"name": "day", "days": ["mon", "sat", "sun"], "start": "07:00", "end": "19:00"},
    {
        "name": "night",
        "days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"],
        "start": "22:00",
        "end": "06:00",
        "pauses": [{"start": "23:30", "minutes": 40}, {"start": "04:00", "minutes": 30}],
    },
    {"name": "day", "days": ["sat"], "start": "18:00", "end": "23:00"},
]


@pytest.mark.parametrize("start", [SPRING, AUTUMN])
def test_duty_follows_the_clock_on_the_wall(start: str) -> None:
    horizon = {"start": start, "days": 4, "timezone": ZONE}
    values = {"horizon": horizon, "shifts": SHIFTS}
    scenario = city(["day", "night", "", "day", ""], **values)
    timeline = timeline_of(scenario)
    at, clocks = moments(scenario)
    hours = [clock.hour + clock.minute / 60 for clock in clocks]
    days = [clock.strftime("%a").lower() for clock in clocks]
    day = [
        (d in ("mon", "sat", "sun") and 7 <= h < 19) or (d == "sat" and 18 <= h < 23)
        for d, h in zip(days, hours, strict=True)
    ]
    # a break from 23:30 for 40 minutes ends on the next day
    night = [(h >= 22 or h < 6) and not (h >= 23.5 or h < 1 / 6 or 4 <= h < 4.5) for h in hours]
    assert on_duty(timeline, 0, at).tolist() == day
    assert on_duty(timeline, 1, at).tolist() == night
    assert on_duty(timeline, 2, at).all()
    assert on_duty(timeline, 3, at).tolist() == day
    assert (np.diff(timeline["time_ms"]) >= 0).all()


def test_an_unknown_shift_is_named_with_its_row() -> None:
    with pytest.raises(InputError, match=r"units\.csv, row 2, shift"):
        timeline_of(city(["day", "dya", "", "", ""], shifts=SHIFTS))


@pytest.mark.parametrize(("start", "length"), [(SPRING, 23), (AUTUMN, 25)])
def test_hours_are_local_where_clocks_change(start: str, length: int) -> None:
    scenario = city(horizon={"start": start, "days": 4, "timezone": ZONE})
    begins, hour = local_hours(scenario.settings.horizon)
    assert begins[0] == 0
    assert begins[-1] >= horizon_ms(scenario.settings.horizon) + OVERTIME_MS - 2 * HOUR_MS
    at, clocks = moments(scenario)
    found = hour[np.searchsorted(begins, at, side="right") - 1]
    assert found.tolist() == [clock.hour for clock in clocks]
    sunday = [clock for clock in clocks if clock.strftime("%a") == "Sun"]
    assert len(sunday) * STEP_MS == length * HOUR_MS


def test_nights_are_those_of_the_settings() -> None:
    kinds = toy_city().settings.model_dump()["unit_types"]
    kinds["ambulance"]["night_turnout_s"] = 120
    scenario = city(unit_types=kinds, night=(21, 6))
    timeline = timeline_of(scenario)
    changes = timeline[timeline["kind"] == NIGHT]
    at, clocks = moments(scenario)
    dark = changes["subject"][np.searchsorted(changes["time_ms"], at, side="right") - 1]
    assert dark.tolist() == [clock.hour >= 21 or clock.hour < 6 for clock in clocks]
    assert not (timeline_of(city())["kind"] == NIGHT).any()


def test_closed_places_stand_on_the_timeline() -> None:
    events = [
        {"kind": "hospital_closed", "start_h": 3, "end_h": 5.5, "id": "H1"},
        {"kind": "station_closed", "start_h": 2, "end_h": 4, "id": "S2"},
    ]
    rows = timeline_of(city(disturbances=events))
    assert [(t / HOUR_MS, k, s) for t, k, s in rows.tolist()] == [
        (2, GOES_OFF, 2),
        (2, GOES_OFF, 3),
        (3, CLOSES, 0),
        (4, COMES_ON, 2),
        (4, COMES_ON, 3),
        (5.5, OPENS, 0),
    ]


@pytest.mark.parametrize(
    "event",
    [
        {"kind": "hospital_closed", "start_h": 3, "end_h": 5, "id": "H9"},
        {"kind": "station_closed", "start_h": 3, "end_h": 5, "id": "S9"},
        {"kind": "mass_casualty", "start_h": 3, "id": "Z9", "count": 3, "type": "urgent"},
    ],
)
def test_what_is_not_there_is_named(event: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="disturbances, number 1, id"):
        timeline_of(city(disturbances=[event]))


def test_failures_are_the_same_for_all_and_as_frequent_as_said() -> None:
    kinds = toy_city().settings.model_dump()["unit_types"]
    repair = {"distribution": "exponential", "mean_s": 6 * 3600}
    kinds["doctor car"]["failure"] = {"mean_days_between": 1.5, "repair": repair}
    scenario = city(unit_types=kinds, horizon={"start": SPRING, "days": 1000, "timezone": ZONE})
    regular = timeline_of(scenario)
    drawn = with_failures(regular, scenario, 1, 0)
    np.testing.assert_array_equal(drawn, with_failures(regular, scenario, 1, 0))
    assert len(with_failures(regular, scenario, 1, 1)) != len(drawn)
    assert set(drawn["subject"].tolist()) == {4}
    off, on = (drawn[drawn["kind"] == kind]["time_ms"] for kind in (GOES_OFF, COMES_ON))
    assert (off < horizon_ms(scenario.settings.horizon)).all()
    assert (off[1:] >= on[:-1]).all()
    # a failure every 1.5 + .25 days: 571 in 1,000, within five standard deviations
    assert len(off) == pytest.approx(1000 / 1.75, abs=5 * np.sqrt(571))
    assert (on - off).mean() / HOUR_MS == pytest.approx(6, abs=5 * 6 / np.sqrt(len(off)))


def test_no_failures_leave_the_timeline_as_it_is() -> None:
    timeline = timeline_of(city())
    assert with_failures(timeline, city(), 1, 0) is timeline


def test_spans_are_joined_where_they_touch() -> None:
    assert merged([(5, 6), (1, 2), (2, 3), (1.5, 1.6)]) == [(1, 3), (5, 6)]
    assert merged([]) == []


def test_closed_roads_make_periods() -> None:
    area = [(-21.8995, 64.0995), (-21.8965, 64.0995), (-21.8965, 64.1035), (-21.8995, 64.1035)]
    events = [
        {"kind": "road_closed", "start_h": 3, "end_h": 8, "area": area},
        {"kind": "road_closed", "start_h": 5, "end_h": 6, "area": area},
    ]
    scenario = city(disturbances=events)
    periods = periods_of(scenario)
    assert (periods.begins_ms / HOUR_MS).tolist() == [0, 3, 5, 6, 8]
    assert [periods.kinds[kind].closed for kind in periods.kind] == [
        (),
        (0,),
        (0, 1),
        (0,),
        (),
    ]
    rows = timeline_of(scenario)
    assert rows["kind"].tolist() == [PERIOD] * 5
    assert rows["subject"].tolist() == [0, 1, 2, 1, 0]
    calm = arc_times_ms(scenario, "siren", periods.kinds[0])
    closed = arc_times_ms(scenario, "siren", periods.kinds[1])
    touched = closed == UNREACHABLE
    assert 0 < touched.sum() < len(calm)
    np.testing.assert_array_equal(closed[~touched], calm[~touched])
    assert len(periods_of(city()).kinds) == 1
    assert len(timeline_of(city())) == 0


SURGE = {"kind": "surge", "start_h": 12, "end_h": 36, "factor": 3.0}
CALM = {"kind": "surge", "start_h": 40, "end_h": 60, "factor": 0.25}
CRASH = {"kind": "mass_casualty", "start_h": 20, "id": "Z3", "count": 25, "type": "urgent"}
LONG = {"start": SPRING, "days": 30, "timezone": ZONE}


def rows_of(scenario: Scenario) -> list[tuple[Any, ...]]:
    incidents = draw_incidents(scenario, 7, 2)
    return list(zip(*(column.tolist() for column in incidents), strict=True))


@pytest.mark.parametrize("events", [[SURGE], [CRASH], [SURGE, CRASH]])
def test_who_called_anyway_is_the_same_in_a_surge(events: list[dict[str, Any]]) -> None:
    usual = rows_of(city(horizon=LONG))
    more = rows_of(city(horizon=LONG, disturbances=events))
    assert set(usual) < set(more)
    assert [row for row in more if row in set(usual)] == usual
    assert [row[0] for row in more] == sorted(row[0] for row in more)
    added = [row for row in more if row not in set(usual)]
    crowd = [row for row in added if row[0] == 20 * HOUR_MS]
    assert len(crowd) == 25 * (CRASH in events)
    assert {row[1:4] for row in crowd} <= {(2, 1, 1)}
    others = [row for row in added if row not in crowd]
    assert all(12 * HOUR_MS <= row[0] < 36 * HOUR_MS for row in others)


def test_a_calm_only_takes_calls_away() -> None:
    usual = rows_of(city(horizon=LONG))
    fewer = rows_of(city(horizon=LONG, disturbances=[CALM]))
    assert set(fewer) < set(usual)
    gone = set(usual) - set(fewer)
    assert all(40 * HOUR_MS <= row[0] < 60 * HOUR_MS for row in gone)


@pytest.mark.parametrize("factors", [(3.0,), (0.25,), (3.0, 0.5), (2.0, 1.5)])
def test_calls_come_as_often_as_the_factors_say(factors: tuple[float, ...]) -> None:
    events = [{"kind": "surge", "start_h": 24, "end_h": 624, "factor": f} for f in factors]
    scenario = city(horizon=LONG, disturbances=events)
    count = 0
    for replication in range(5):
        call_ms = draw_incidents(scenario, 3, replication).call_ms
        count += int(((call_ms >= 24 * HOUR_MS) & (call_ms < 624 * HOUR_MS)).sum())
    expected = 5 * 600 * float(np.prod(factors))  # one an hour
    assert count == pytest.approx(expected, abs=4 * np.sqrt(expected))


def test_hours_without_anybody_on_duty_are_named() -> None:
    horizon = {"start": SPRING, "days": 4, "timezone": ZONE}
    scenario = city(["day", "day", "night", "night", ""], horizon=horizon, shifts=SHIFTS)
    (said,) = duty_gaps(scenario)
    # Saturday before six, with two breaks; the doctor is no ambulance
    assert said.startswith(
        "no unit is on duty for priorities 'emergency', 'urgent' from "
        "Sat 2025-03-29 00:00 to Sat 2025-03-29 00:10, "
        "Sat 2025-03-29 04:00 to Sat 2025-03-29 04:30, "
        "Sat 2025-03-29 06:00 to Sat 2025-03-29 07:00 and "
    )
    at, clocks = moments(scenario)
    timeline = timeline_of(scenario)
    alone = ~np.any([on_duty(timeline, unit, at) for unit in range(4)], axis=0)
    spans = uncovered(
        timeline, np.array([True] * 4 + [False]), horizon_ms(scenario.settings.horizon)
    )
    named = np.any([(at >= begin) & (at < end) for begin, end in spans], axis=0)
    assert named.tolist() == alone.tolist()
    assert len(clocks) == len(named)
    assert duty_gaps(city(["", "day", "night", "night", "day"], shifts=SHIFTS)) == []
    assert duty_gaps(city()) == []


def test_closed_stations_leave_hours_uncovered() -> None:
    closed = [
        {"kind": "station_closed", "start_h": 48, "end_h": 200, "id": name} for name in ("S1", "S2")
    ]
    (said,) = duty_gaps(city(disturbances=closed))
    assert "from Mon 2025-03-31 01:00 to Wed 2025-04-02 01:00, 48 h in all" in said
