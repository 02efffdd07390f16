"""The long table of a run against what pandas and brute force make of its other files."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from engine.events import DISPATCHED, DIVERTED, FREE, OFF_DUTY, ON_DUTY
from scenarios.breakdown import SCHEMA
from scenarios.fleet_work import _off_duty_ms, busy_times, by_hour
from scenarios.runs import RunResult, simulate
from scenarios.settings import Horizon, Settings
from scenarios.simulation.arrays import LOG
from scenarios.statistics import estimate, ratio
from scenarios.steady_state import mser5
from tests.toy_city import toy_city

if TYPE_CHECKING:
    from scenarios.package import Scenario

REPLICATIONS = 5
DAYS = 2
HOUR_S = 3600


def crowded(per_day: float, **horizon: Any) -> Scenario:
    """Give the toy city more to do, in Berlin's time."""
    settings = toy_city().settings
    demand = settings.demand.model_copy(update={"incidents_per_day": per_day})
    span = settings.horizon.model_copy(update={"timezone": "Europe/Berlin", **horizon})
    return replace(
        toy_city(), settings=settings.model_copy(update={"demand": demand, "horizon": span})
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    out = tmp_path_factory.mktemp("runs") / "run"
    return simulate(crowded(130), replications=REPLICATIONS, seed=5, out=out)


def said(run: RunResult, by: str, measure: str) -> pd.DataFrame:
    part = run.table[(run.table["by"] == by) & (run.table["measure"] == measure)]
    return part.set_index("name")


def test_both_files_hold_the_table(run: RunResult) -> None:
    assert run.folder is not None
    text = pd.read_csv(run.folder / "statistics.csv", dtype={"name": str})
    kept = pd.read_parquet(run.folder / "statistics.parquet")
    assert list(text.columns) == list(kept.columns) == SCHEMA.names
    assert len(text) == len(kept) == len(run.table)
    numbers = ["incidents", "value", "low", "high", "order_low", "order_high"]
    for column in numbers:
        np.testing.assert_array_equal(text[column].astype(float), kept[column].astype(float))
        np.testing.assert_array_equal(kept[column].astype(float), run.table[column].astype(float))
    assert set(kept["by"]) == {
        "all",
        "priority",
        "type",
        "district",
        "hour",
        "zone",
        "unit",
        "curve",
    }
    assert not kept.duplicated(["by", "name", "measure"]).any()


@pytest.mark.parametrize("by", ["priority", "type", "district", "zone", "hour"])
def test_means_counts_and_quantiles(run: RunResult, by: str) -> None:
    frame = run.incidents.copy()
    start = pd.Timestamp(run.scenario.settings.horizon.start)
    called = start + pd.to_timedelta(frame["call_time"], unit="s")
    frame["hour"] = called.dt.tz_convert("Europe/Berlin").dt.strftime("%H")
    groups = frame.groupby(frame[by].astype(str))
    found = said(run, by, "response_mean")
    for name, group in groups:
        assert found.loc[name, "incidents"] == len(group)
        assert found.loc[name, "value"] == pytest.approx(group["response_time"].mean())
    if by == "zone":
        return
    late, later = said(run, by, "response_p90"), said(run, by, "on_scene")
    within = said(run, by, "within 8 minutes")
    for name, group in groups:
        assert late.loc[name, "value"] == pytest.approx(group["response_time"].quantile(0.9))
        assert later.loc[name, "value"] == pytest.approx(group["on_scene_time"].mean())
        if name in within.index and by == "priority":
            share = (group["response_time"] <= 480).mean()
            assert within.loc[name, "value"] == pytest.approx(share)


def test_an_interval_is_that_of_its_replications(run: RunResult) -> None:
    name = "emergency"
    frame = run.incidents[run.incidents["priority"] == name]
    parts = frame.groupby("replication")["response_time"]
    expected = estimate(ratio(parts.sum().to_numpy(), parts.count().to_numpy()))
    row = said(run, "priority", "response_mean").loc[name]
    assert (row["low"], row["high"]) == pytest.approx((expected.low, expected.high))


def test_hours_add_up_to_the_day(run: RunResult) -> None:
    hourly = said(run, "hour", "incidents_per_hour")["value"]
    assert hourly.sum() * DAYS * REPLICATIONS == pytest.approx(len(run.incidents))
    busy = said(run, "hour", "busy_units")["value"].mean()
    share = float(run.summary["utilisation"]["value"])
    assert busy == pytest.approx(share * len(run.scenario.units))


def test_queues_are_those_of_brute_force(run: RunResult) -> None:
    longest, waited = [], 0.0
    for _, frame in run.incidents.groupby("replication"):
        queued = frame[frame["queue_time"] > 0]
        ready = (queued["call_time"] + queued["processing_time"]).to_numpy()
        end = ready + queued["queue_time"].to_numpy()
        longest.append(max((((ready <= t) & (t < end)).sum() for t in ready), default=0))
        last = DAYS * 86_400
        waited += (np.minimum(end, last) - np.minimum(ready, last)).sum()
    assert max(longest) > 1  # else the city is too quiet for this
    found = said(run, "all", "queue_longest").loc["all"]
    assert found["value"] == pytest.approx(np.mean(longest))
    length = said(run, "all", "queue_length").loc["all", "value"]
    assert length == pytest.approx(waited / (DAYS * 86_400 * REPLICATIONS))
    wait = run.incidents["queue_time"]
    assert said(run, "all", "wait_of_queued").loc["all", "value"] == pytest.approx(
        wait[wait > 0].mean()
    )


def test_a_diversion_does_not_end_what_a_unit_is_busy_with() -> None:
    happened = [
        (1.0, DISPATCHED, 0, 7),
        (2.0, DISPATCHED, 1, 8),
        (3.0, DIVERTED, 0, 7),
        (3.0, DISPATCHED, 0, 9),
        (4.0, FREE, 1, 8),
        (4.0, DISPATCHED, 1, 7),
        (9.0, FREE, 0, 9),
        (12.0, FREE, 1, 7),
    ]
    log = np.zeros(len(happened), dtype=LOG)
    for row, (time_ms, event, unit, incident) in enumerate(happened):
        log[row] = (time_ms, 0, incident, unit, -1, event)
    found = [part.tolist() for part in busy_times(log)]
    assert found == [[0, 1, 1], [1.0, 2.0, 4.0], [9.0, 4.0, 12.0]]
    assert [len(part) for part in busy_times(log[:0])] == [0, 0, 0]


def test_utilisation_is_of_the_time_on_duty() -> None:
    city = toy_city()
    units = city.units.copy()
    units["shift"] = ["day"] + [""] * (len(units) - 1)
    values = city.settings.model_dump()
    days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    values["shifts"] = [{"name": "day", "days": days, "start": "08:00", "end": "20:00"}]
    settings = Settings.model_validate(values)
    result = simulate(replace(city, units=units, settings=settings), replications=3, seed=5)
    work = result.observations.work
    # half of the day, and what a last mission takes longer
    half = DAYS * 86_400_000 / 2
    assert (work.duty_ms[:, 0] >= half).all()
    assert (work.duty_ms[:, 0] < 1.2 * half).all()
    assert (work.duty_ms[:, 1:] == 2 * half).all()
    first = str(units["id"].iloc[0])
    share = result.summary["utilisation_by_unit"][first]["value"]
    assert share == pytest.approx(work.busy_ms[:, 0].sum() / work.duty_ms[:, 0].sum())


def test_off_duty_is_counted_in_each_stretch() -> None:
    happened = [(0.0, OFF_DUTY, 1), (15.0, OFF_DUTY, 0), (25.0, ON_DUTY, 1), (35.0, OFF_DUTY, 1)]
    log = np.zeros(len(happened), dtype=LOG)
    for row, (time_ms, event, unit) in enumerate(happened):
        log[row] = (time_ms, 0, -1, unit, -1, event)
    begins = np.array([0.0, 20.0])
    found = _off_duty_ms(log, begins, begins + 20, 3)
    assert found.tolist() == [[5, 20, 0], [20, 10, 0]]


def test_spans_fall_into_local_hours_also_when_clocks_change() -> None:
    horizon = Horizon(
        start=datetime(2025, 3, 29, 12, 30, tzinfo=UTC), days=2, timezone="Europe/Berlin"
    )
    rng = np.random.default_rng(1)
    begin = np.asarray(rng.integers(0, 30 * 60, 40) * 60_000, dtype=np.float64)
    end = begin + np.asarray(rng.integers(0, 9 * 60, 40) * 60_000, dtype=np.float64)
    group = rng.integers(0, 3, 40)
    expected = np.zeros((3, 24))
    for one, other, which in zip(begin, end, group, strict=True):
        for minute in np.arange(one, other, 60_000.0):
            at = pd.Timestamp(horizon.start) + pd.Timedelta(minute, unit="ms")
            expected[which, at.tz_convert("Europe/Berlin").hour] += 60_000.0
    np.testing.assert_array_equal(by_hour(begin, end, group, 3, horizon), expected)


def test_one_long_replication_is_told_its_warm_up() -> None:
    result = simulate(crowded(130, days=20), replications=1, seed=2)
    state = result.summary["steady_state"]
    frame = result.incidents
    cut = mser5(frame["response_time"].to_numpy() * 1000)
    assert (state["warm_up_found"], state["discarded"]) == (cut.found, cut.discarded)
    left = frame["response_time"].iloc[cut.discarded :]
    mean = state["response_mean"]
    assert mean["value"] == pytest.approx(left.mean())
    assert mean["low"] < mean["value"] < mean["high"]
    assert abs(state["batch_correlation"]) < 0.6
    assert "steady_state" not in simulate(crowded(20), replications=2).summary


def test_stretches_of_one_replication_add_up_too() -> None:
    result = simulate(crowded(60, days=20), replications=1, seed=2)
    hourly = said(result, "hour", "incidents_per_hour")
    # the call of an incident is within the horizon, so that nothing is left over
    assert hourly["value"].sum() * 20 == pytest.approx(len(result.incidents))
    busy = said(result, "hour", "busy_units")["value"].mean()
    share = float(result.summary["utilisation"]["value"])
    assert busy == pytest.approx(share * len(result.scenario.units))
