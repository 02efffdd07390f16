"""Promise and outcome: the steps from one to the other, where one cause is at work."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from api.promise_words import promise_lines
from routing.errors import InputError
from scenarios import planning
from scenarios.breakdown import hours_of
from scenarios.operations import Shift
from scenarios.plan_question import PlanQuestion
from scenarios.planning import apply_plan
from scenarios.promise import simulate_plan
from tests.toy_city import toy_city

if TYPE_CHECKING:
    from scenarios.package import Scenario
    from scenarios.planning import CityPlan

DAYS_OF_WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
CAUSES = ["demand", "processing", "fleet", "availability"]


def city(
    *,
    limit_s: float = 200,
    per_day: float = 24,
    fleet: int = 1,
    turnouts: tuple[float, float] = (60, 60),
    siren: bool = True,
    **process: Any,
) -> Scenario:
    """Toy city with everything that a promise can break on turned off, but for what is given."""
    toy = toy_city()
    settings = toy.settings
    priorities = [
        p.model_copy(update={"siren": siren or not row, "transported": 0.0})
        for row, p in enumerate(settings.priorities)
    ]
    kinds = {
        name: kind.model_copy(update={"turnout_s": turnout})
        for (name, kind), turnout in zip(settings.unit_types.items(), turnouts, strict=True)
    }
    changes = {
        "priorities": priorities,
        "unit_types": kinds,
        "standards": [settings.standards[0].model_copy(update={"limit_s": limit_s})],
        "demand": settings.demand.model_copy(update={"incidents_per_day": per_day}),
        "process": settings.process.model_copy(
            update={
                key: getattr(settings.process, key).model_copy(update=value)
                for key, value in process.items()
            }
        ),
    }
    settings = settings.model_copy(update=changes)
    units = pd.concat([toy.units] * fleet, ignore_index=True)
    units["id"] = [f"U{row}" for row in range(len(units))]
    return replace(toy, settings=settings, units=units)


def make_plan(city: Scenario, **question: Any) -> CityPlan:
    return planning.make_plan(city, PlanQuestion(**question))


def outcome(city: Scenario, **options: Any) -> dict[str, Any]:
    plan = make_plan(city, stations=2)
    found = simulate_plan(city, plan, replications=8, seed=3, **options)
    (told,) = found.to_json_dict()["standards"]
    assert told["promised"] == pytest.approx(plan.document["covered_share"]["after"], abs=1e-6)
    assert 0 < told["promised"] <= 1
    within = found.run.summary["within"]["8 minutes"]
    assert told["simulated"] == within
    changes = [step["change"]["value"] for step in told["steps"]]
    assert [step["cause"] for step in told["steps"]] == CAUSES
    assert sum(changes) == pytest.approx(within["value"] - told["promised"], abs=1e-8)
    assert told["difference"]["value"] == pytest.approx(sum(changes), abs=1e-8)
    late = sum(share["value"] for share in told["misses"].values())
    assert late == pytest.approx(1 - within["value"], abs=1e-8)
    for step in told["steps"][1:]:
        net = step["gained"]["value"] - step["lost"]["value"]
        assert step["change"]["value"] == pytest.approx(net, abs=1e-8)
    assert told["close"] == (abs(told["difference"]["value"]) <= 0.02)
    result: dict[str, Any] = told
    return result


def change(told: dict[str, Any], cause: str) -> float:
    return float(told["steps"][CAUSES.index(cause)]["change"]["value"])


def test_nothing_but_chance_where_all_is_as_the_plan_reckons() -> None:
    told = outcome(city(fleet=4, per_day=10, limit_s=170))
    assert told["promised"] == pytest.approx(0.7)
    assert [change(told, cause) for cause in ("processing", "fleet")] == [0, 0]
    assert abs(change(told, "availability")) < 0.01
    assert abs(change(told, "demand")) > 0
    assert told["misses"]["queue"]["value"] == 0


def test_too_few_units_wait_or_come_from_farther_away() -> None:
    told = outcome(city(per_day=150, on_scene={"mean_s": 1800}))
    assert change(told, "availability") < -0.2
    assert [change(told, cause) for cause in ("processing", "fleet")] == [0, 0]
    assert told["misses"]["queue"]["value"] > 0.05
    assert told["misses"]["farther_unit"]["value"] > 0
    assert not told["close"]


def test_calls_of_varying_length_break_a_fixed_limit() -> None:
    varying = {"distribution": "lognormal", "mean_s": 60, "cv": 0.8}
    told = outcome(city(fleet=4, per_day=10, call_processing=varying))
    assert told["steps"][1]["lost"]["value"] > 0.05
    assert abs(change(told, "availability")) < 0.02
    assert told["misses"]["processing"]["value"] > 0.05


def test_a_slow_crew_of_another_type_and_a_silent_drive_are_the_fleets() -> None:
    told = outcome(city(fleet=4, per_day=10, turnouts=(10, 90), limit_s=200))
    assert told["steps"][2]["gained"]["value"] > 0  # the limit reckons with the doctor's crew
    assert told["steps"][2]["lost"]["value"] == 0
    silent = outcome(city(fleet=4, per_day=10, siren=False))
    assert silent["steps"][2]["lost"]["value"] > 0


def test_a_standard_from_dispatch_knows_no_processing() -> None:
    base = city(fleet=4, per_day=10, call_processing={"distribution": "exponential"})
    standard = base.settings.standards[0].model_copy(
        update={"start": "dispatch", "limit_s": 140, "priorities": ["emergency"]}
    )
    settings = base.settings.model_copy(update={"standards": [standard]})
    told = outcome(replace(base, settings=settings))
    assert change(told, "processing") == 0
    assert told["drive_limit_s"] == 80


def test_unit_types_share_the_incidents() -> None:
    told = outcome(city())
    share = {each["type"]: each for each in told["by_unit_type"]}
    assert share["ambulance"]["incidents"]["value"] == 1
    assert share["ambulance"]["within"] == told["simulated"]
    assert share["doctor car"]["incidents"]["value"] == 0
    assert share["doctor car"]["within"]["value"] is None


def test_each_type_has_a_promise_of_its_own() -> None:
    base = city(turnouts=(60, 20), limit_s=200)
    plan = make_plan(base, model="mexclp", units={"ambulance": (3,), "doctor car": (1,)}, busy=0.3)
    told = simulate_plan(base, plan, replications=3).to_json_dict()["standards"]
    assert [each["type"] for each in told] == ["ambulance", "doctor car"]
    for each, layer in zip(told, plan.document["layers"], strict=True):
        assert each["promised"] == pytest.approx(layer["covered_share"]["after"], abs=1e-6)
        assert each["drive_limit_s"] == layer["drive_limit_s"]
        steps = sum(step["change"]["value"] for step in each["steps"])
        assert steps == pytest.approx(each["difference"]["value"], abs=1e-8)
    assert told[0]["simulated"] == told[1]["simulated"]


def test_geography_is_what_the_plan_says_itself() -> None:
    """With constant times and units at home, the late are those outside the promise."""
    base = city(fleet=6, per_day=4, limit_s=170)
    plan = make_plan(base, stations=1)
    (told,) = simulate_plan(base, plan, replications=8).to_json_dict()["standards"]
    assert told["promised"] < 1
    share = told["misses"]["geography"]["value"]
    outside = share + told["in_time_outside"]["value"]
    assert outside == pytest.approx(1 - told["promised"] - change(told, "demand"), abs=1e-8)
    assert share > 0.9 * outside


def test_words_say_why_only_where_it_is_needed() -> None:
    base = city(per_day=150, on_scene={"mean_s": 1800})
    found = simulate_plan(base, make_plan(base, stations=2), replications=4)
    words = "\n".join(promise_lines(found.to_json_dict()))
    assert "units busy" in words
    assert "no unit free: waited" in words
    close = city(fleet=4, per_day=10)
    found = simulate_plan(close, make_plan(close, stations=2), replications=20)
    words = "\n".join(promise_lines(found.to_json_dict()))
    assert "promised" in words
    assert "why" not in words


def test_workers_change_nothing() -> None:
    base = city()
    plan = make_plan(base, stations=2)
    one, two = (
        simulate_plan(base, plan, replications=3, workers=workers).document for workers in (1, 2)
    )
    assert one == two
    assert one["city"] == apply_plan(base, plan).settings.name
    assert np.isfinite(one["standards"][0]["promised"])


def test_the_plan_of_another_city_is_refused() -> None:
    plan = make_plan(city(), stations=2)
    with pytest.raises(InputError, match="the plan was made for"):
        simulate_plan(replace(city(), hash="1" * 64), plan)


DAY_AND_NIGHT = ((7, 19), (19, 7))


def test_each_slice_has_a_promise_and_an_outcome_of_its_own() -> None:
    base = city(per_day=48)
    plan = make_plan(
        base,
        model="mexclp",
        stations=2,
        units={"ambulance": (3, 1)},
        slices=DAY_AND_NIGHT,
        busy=0.3,
    )
    found = simulate_plan(base, plan, replications=4)
    told = found.to_json_dict()["standards"]
    assert [each["hours"] for each in told] == [[7, 19], [19, 7]]
    hour = hours_of(found.run.observations)
    day = (hour >= 7) & (hour < 19)
    within = found.run.observations.frame["response_time"].to_numpy() <= 200
    for each, layer, mask in zip(told, plan.document["layers"], (day, ~day), strict=True):
        assert each["promised"] == pytest.approx(layer["covered_share"]["after"], abs=1e-6)
        assert each["simulated"]["value"] == pytest.approx(within[mask].mean(), abs=1e-8)
        steps = [step["change"]["value"] for step in each["steps"]]
        assert sum(steps) == pytest.approx(each["difference"]["value"], abs=1e-8)
        late = sum(share["value"] for share in each["misses"].values())
        assert late == pytest.approx(1 - each["simulated"]["value"], abs=1e-8)
    # by night one unit stands at one station, by day there is one at each
    assert told[0]["promised"] > told[1]["promised"]
    assert told[0]["simulated"]["value"] > told[1]["simulated"]["value"]
    words = "\n".join(promise_lines(found.to_json_dict()))
    assert "(ambulance, 7-19 h)" in words
    assert "(ambulance, 19-7 h)" in words


def test_units_are_sent_in_their_slices_alone() -> None:
    base = city(per_day=48)
    plan = make_plan(
        base,
        model="mexclp",
        stations=2,
        units={"ambulance": (3, 1)},
        slices=DAY_AND_NIGHT,
        busy=0.3,
    )
    seen = simulate_plan(base, plan, replications=4).run.observations
    hours = {unit["id"]: unit["hours"] for unit in plan.document["units"]}
    off_at_night = [name for name, spans in hours.items() if spans == [[7, 19]]]
    assert len(off_at_night) >= 2
    dispatched = seen.frame["call_time"] + seen.frame["processing_time"] + seen.frame["queue_time"]
    hour = (dispatched // 3600) % 24
    sent = seen.frame["unit"].isin(off_at_night).to_numpy()
    assert sent.any()
    assert hour[sent].between(7, 18).all()


def test_slices_drive_at_the_speeds_of_their_hours() -> None:
    """By night, with no rush, more is in time; the outcome follows as the promise does."""
    base = city(fleet=4, per_day=10, limit_s=200)
    rules = base.speeds.rules
    slow = tuple(0.5 if 7 <= hour < 19 else 1.0 for hour in range(24))
    hours = rules.hours.model_copy(update={"siren": slow, "normal": slow})
    slower = rules.model_copy(update={"hours": hours})
    base = replace(base, speeds=replace(base.speeds, rules=slower))
    plan = make_plan(base, stations=2, slices=DAY_AND_NIGHT)
    day, night = simulate_plan(base, plan, replications=8).to_json_dict()["standards"]
    assert day["promised"] < night["promised"]
    for each in (day, night):
        assert [step["change"]["value"] for step in each["steps"][1:3]] == [0, 0]
        assert abs(each["difference"]["value"]) < 0.05


def test_slices_that_leave_hours_out_are_simulated_only_without_units() -> None:
    plan = make_plan(city(), stations=2, units={"ambulance": (3,)}, slices=((7, 19),))
    with pytest.raises(InputError, match="the slices leave hours in which nothing says"):
        simulate_plan(city(), plan)
    plan = make_plan(city(), stations=2, slices=((7, 19),))
    (told,) = simulate_plan(city(), plan, replications=2).to_json_dict()["standards"]
    assert told["hours"] == [7, 19]


def test_who_is_off_duty_is_not_told_as_busy() -> None:
    """Units that a plan does not place keep their shifts: by night there is nobody."""
    base = city(per_day=4, fleet=4)
    shift = Shift.model_validate(
        {"name": "day", "days": list(DAYS_OF_WEEK), "start": "08:00", "end": "20:00"}
    )
    settings = base.settings.model_copy(update={"shifts": [shift]})
    base = replace(base, settings=settings, units=base.units.assign(shift="day"))
    (told,) = simulate_plan(base, make_plan(base, stations=2), replications=10).to_json_dict()[
        "standards"
    ]
    change = {step["cause"]: step["change"]["value"] for step in told["steps"]}
    assert change["fleet"] < -0.3
    assert abs(change["availability"]) < 0.1
