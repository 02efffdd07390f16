"""What a city needs, against its drives, its incidents and a log read line by line."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from engine import events
from engine.shifts import WEEK_H
from engine.staffing import METHODS, Levels, vehicles_needed
from routing.errors import InputError
from routing.hierarchy_times import HierarchyTravelTimes
from routing.snapping import Snapper
from scenarios.demand import draw_incidents
from scenarios.package import Scenario, lonlat
from scenarios.policies import load_policy
from scenarios.replications import run_replications
from scenarios.settings import Settings
from scenarios.shift_rules import cover_grounds, read_shift_rules
from scenarios.simulation.tables import build_tables
from scenarios.staffing import PARTS, Question, promised, size_fleet
from scenarios.staffing_figure import staffing_figure
from scenarios.staffing_truth import _fleet, _observed, simulate_staffing, staffed_scenario
from tests.toy_city import toy_city

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from scenarios.staffing import Staffing


def changed(**demand: Any) -> Scenario:
    """Return the toy city with another demand, quieter at night and on Sundays."""
    city = toy_city()
    document = city.settings.model_dump()
    document["demand"] |= {
        "hour_profile": [0.2] * 6 + [1.5] * 12 + [1.0] * 6,
        "weekday_profile": [1.0] * 5 + [1.2, 0.6],
        **demand,
    }
    document["horizon"] |= {"days": 28, "timezone": "Asia/Kathmandu"}
    return replace(city, settings=Settings.model_validate(document))


@cache
def sized(**question: Any) -> Staffing:
    return size_fleet(changed(incidents_per_day=40), Question(**question))


def test_busy_times_are_made_of_drives_and_processes() -> None:
    city = toy_city()
    snapper = Snapper(city.network)
    place = {
        name: snapper.snap(lonlat(table), what=name)
        for name, table in (
            ("zone", city.zones),
            ("hospital", city.hospitals),
            ("station", city.stations.iloc[:2]),  # the third has no ambulance
        )
    }
    times = {
        profile: HierarchyTravelTimes(city.network, city.speeds.arc_times_ms(city.network, profile))
        for profile in ("siren", "normal")
    }

    def seconds(profile: str, tail: str, head: str) -> np.ndarray:
        return times[profile].times_ms(place[tail], place[head]) / 1000

    siren, normal = seconds("siren", "station", "zone"), seconds("normal", "station", "zone")
    nearest = siren.argmin(axis=0)
    weight = city.zones["weight"].to_numpy()
    grounds = size_fleet(city, Question()).grounds
    assert [ground.id for ground in grounds] == ["S1", "S2"]
    for number, ground in enumerate(grounds):
        inside = nearest == number
        assert ground.zones.tolist() == inside.tolist()
        mean = {
            "turnout": 60,
            # half of the incidents have siren
            "drive": np.average((siren + normal)[number, inside] / 2, weights=weight[inside]),
            "on_scene": 900,
            "transport": np.average(
                seconds("normal", "zone", "hospital")[inside, 0] / 2, weights=weight[inside]
            ),
            "handover": 300,
            "return": np.average(
                seconds("normal", "zone", "station")[inside, number] / 2
                + seconds("normal", "hospital", "station")[0, number] / 2,
                weights=weight[inside],
            ),
        }
        assert ground.parts_s == pytest.approx(mean)
        assert ground.busy_s == pytest.approx(sum(mean.values()))
        assert ground.rate_h == pytest.approx(np.ones(WEEK_H) * weight[inside].sum() / 10)
        assert ground.load == pytest.approx(ground.rate_h * ground.busy_s / 3600)


def test_rates_are_those_of_the_incidents_drawn() -> None:
    scenario = changed(incidents_per_day=400)
    (ground,) = size_fleet(scenario, Question(ground="city")).grounds
    call_ms = np.concatenate([draw_incidents(scenario, 3, r).call_ms for r in range(10)])
    start = pd.Timestamp(scenario.settings.horizon.start)
    local = (start + pd.to_timedelta(call_ms, unit="ms")).tz_convert("Asia/Kathmandu")
    seen = np.bincount(local.day_of_week * 24 + local.hour, minlength=WEEK_H)
    demand = scenario.settings.demand
    hours = np.array([day * hour for day in demand.weekday_profile for hour in demand.hour_profile])
    expected = 400 * 28 * 10 * hours / hours.sum()
    assert ground.rate_h * 4 * 10 == pytest.approx(expected)
    off = (seen - expected) / np.sqrt(expected)
    assert np.abs(off).max() < 4
    assert (off**2).mean() == pytest.approx(1, abs=0.35)


def test_grounds_part_the_demand() -> None:
    whole = sized(ground="city").grounds[0]
    for ground in ("station", "district"):
        parts = sized(ground=ground).grounds
        assert np.sum([each.zones for each in parts], axis=0).tolist() == [1, 1, 1, 1]
        assert sum(each.load for each in parts) == pytest.approx(whole.load)
    assert {each.id for each in sized(ground="district").grounds} == {"North", "South"}
    free = sized(until="free").grounds[0]
    back = sized().grounds[0]
    assert free.busy_s == pytest.approx(back.busy_s - back.parts_s["return"])
    assert list(back.parts_s) == list(PARTS)


def test_kinds_of_day() -> None:
    for method in METHODS:
        levels = Levels(least=1)
        load = sized().grounds[0].load.reshape(7, 24)
        assert sized().needs[method][0].tolist() == (
            vehicles_needed(method, load, levels).reshape(-1).tolist()
        )
        kinds = sized(by="day-kind").needs[method][0].reshape(7, 24)
        workday = vehicles_needed(method, load[:5].mean(axis=0), levels)
        assert kinds[:5].tolist() == [workday.tolist()] * 5
        assert kinds[6].tolist() == vehicles_needed(method, load[6], levels).tolist()
        assert set(sized(by="week").needs[method][0]) == {
            int(vehicles_needed(method, load.mean(), levels))
        }


def two_types() -> Scenario:
    """Return a city whose urgent incidents have vehicles of their own, parted differently."""
    city = changed(incidents_per_day=40)
    document = city.settings.model_dump()
    document["priorities"][1]["needs"] = ["transport"]
    document["unit_types"]["van"] = {"capabilities": ["transport"], "turnout_s": 30}
    vans = pd.DataFrame({"id": ["V1", "V2"], "type": "van", "station": ["S3", "S1"]})
    return replace(
        city,
        settings=Settings.model_validate(document),
        units=pd.concat([city.units, vans], ignore_index=True),
    )


@pytest.mark.parametrize("until", ["station", "free"])
@pytest.mark.parametrize("ground", ["station", "city"])
@pytest.mark.parametrize("types", [1, 2])
def test_what_was_observed_is_what_the_log_says(until: str, ground: str, types: int) -> None:
    question = Question(until=until, ground=ground)
    staffing = size_fleet(changed(incidents_per_day=40) if types == 1 else two_types(), question)
    kinds = ["ambulance", "van"][:types]
    assert list(dict.fromkeys(each.unit_type for each in staffing.grounds)) == kinds

    def ground_of(incident: int) -> int:
        """Read an incident's ground from its zone and from who serves its priority."""
        kind = kinds[min(int(incidents.priority[incident]), types - 1)]
        (found,) = (
            number
            for number, each in enumerate(staffing.grounds)
            if each.unit_type == kind and each.zones[incidents.zone[incident]]
        )
        return found

    vehicles = staffing.need.max(axis=1)
    fleet = _fleet(staffing.scenario, staffing.grounds, vehicles)
    end = events.AT_STATION if until == "station" else events.FREE
    incidents = draw_incidents(fleet.scenario, 5, 0)
    tables = build_tables(fleet.scenario)
    (outcome,) = run_replications(tables, [incidents], load_policy("closest"))
    span = 28 * 86_400_000
    seen = _observed(outcome, fleet, vehicles, end, span)

    expected = np.zeros((len(vehicles), 5))
    serving: dict[int, int] = {}  # incident by unit, until that is over
    running = np.zeros(len(vehicles))
    last_ms = 0
    for row in outcome.log:
        now, unit = min(int(row["time_ms"]), span), int(row["unit"])
        above = running > vehicles
        expected[above, 2] += now - last_ms
        for busy in serving:
            if fleet.unit_ground[busy] >= 0:
                expected[fleet.unit_ground[busy], 3] += now - last_ms
        last_ms = now
        if row["event"] == events.CALL_PROCESSED:
            own = ground_of(row["incident"])
            expected[own, 0] += 1
            busy_own = [u for u in serving if fleet.unit_ground[u] == own]
            expected[own, 1] += len(busy_own) == vehicles[own]
            running[own] += 1
        elif unit >= 0 and (
            row["event"] == end or (row["event"] == events.DISPATCHED and unit in serving)
        ):
            running[ground_of(serving.pop(unit))] -= 1
        if row["event"] == events.DISPATCHED:
            serving[unit] = int(row["incident"])
    assert seen[:, :4] == pytest.approx(expected[:, :4])
    assert seen[:, 1].sum() > 0
    assert seen[:, 2].sum() > 0
    assert (seen[:, 0] > 0).all()


def test_the_formula_holds_where_its_assumptions_do() -> None:
    staffing = sized(until="free", levels=Levels(safety=0.97, least=1))
    truth = simulate_staffing(staffing, replications=8, seed=2)
    assert truth["peak_hour"]["vehicles"] == truth["week"]["vehicles"]
    for part in (truth["week"], truth["peak_hour"]):
        said, seen = part["all"]["promised"], part["all"]["observed"]
        for name in ("demand_above_fleet", "no_own_unit", "utilisation"):
            assert seen[name]["low"] <= seen[name]["value"] <= seen[name]["high"]
            # somebody helps a neighbour here, which no formula knows
            assert seen[name]["value"] == pytest.approx(said[name], rel=0.25)
    # what the safety level leaves is of time; of incidents it is more
    assert truth["peak_hour"]["all"]["promised"]["demand_above_fleet"] < 0.03
    assert truth["peak_hour"]["all"]["observed"]["no_own_unit"]["low"] > 0.03
    assert simulate_staffing(staffing, replications=8, seed=2) == truth


def test_promises_by_hand() -> None:
    ground = replace(sized().grounds[0], rate_h=np.repeat([1.0, 3.0], 84), busy_s=1800.0)
    said = promised(ground, np.full(WEEK_H, 1))
    short = {load: 1 - (1 + load) * np.exp(-load) for load in (0.5, 1.5)}
    assert said["demand_above_fleet"] == pytest.approx((short[0.5] + short[1.5]) / 2)
    none = (1 - np.exp(-0.5)) / 4 + 3 * (1 - np.exp(-1.5)) / 4
    assert said["no_own_unit"] == pytest.approx(none)
    assert said["erlang_loss"] == pytest.approx((0.5 / 1.5) / 4 + 3 * (1.5 / 2.5) / 4)
    assert said["utilisation"] == pytest.approx(1)
    begun = 84 * (0.5 * np.exp(-0.5) + 3 * 1.5 * np.exp(-1.5))
    assert said["shortfalls_per_week"] == pytest.approx(begun)


def test_the_sized_fleet_stands_where_it_is_needed() -> None:
    staffing = sized()
    units = staffed_scenario(staffing).units
    own = units[units["type"] == "ambulance"]["station"].value_counts()
    assert own.to_dict() == dict(zip(["S1", "S2"], staffing.need.max(axis=1).tolist(), strict=True))
    assert (units["type"] == "doctor car").sum() == 1  # nobody asks for it, so it stays
    assert units["id"].is_unique
    city = sized(ground="city", levels=Levels(safety=0.999))
    spread = staffed_scenario(city).units["station"].value_counts()
    assert spread["S1"] + spread["S2"] == city.need.max()
    assert min(spread["S1"], spread["S2"]) >= 1


SHIFTS = """
longest_h = 12
[[shifts]]
name = "day"
hours = 12
starts = [7]
[[shifts]]
name = "night"
hours = 12
starts = [19]
cost = 15
[[shifts]]
name = "weekend"
hours = 6
starts = [10, 12]
days = ["Sat", "Sun"]
breaks = [5]
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "shifts.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_shifts_from_a_file(tmp_path: Path) -> None:
    rules = read_shift_rules(written(tmp_path, SHIFTS))
    day, night, weekend = rules.shifts
    assert day.starts == tuple(range(7, WEEK_H, 24))
    assert (day.cost, night.cost, weekend.cost) == (12, 15, 6)
    assert weekend.starts == (130, 132, 154, 156)
    assert weekend.breaks == (5,)
    rosters = cover_grounds(sized(), rules)
    for roster, need in zip(rosters, sized().need, strict=True):
        assert (roster.covered >= need).all()
        assert roster.proven


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            "[7]",
            "[7, 24]",
            "shifts.toml: [[shifts]] 1, starts: cannot be 24; give hours of the day, 0 to 23",
        ),
        ("hours = 6", "hours = 13", "weekend': lasts 13 h; allowed are 1 to 12 h"),
        ('"Sun"', '"So"', "[[shifts]] 3, days: cannot be 'So'; give a list of Mon, Tue"),
        ("longest_h = 12", "longest = 12", "longest: is unknown; did you mean 'longest_h'?"),
        ("longest_h = 12", "longest_h = 0", "toml: longest_h: cannot be 0; give whole hours, 1 to"),
        ("cost = 15", "cost = nan", "[[shifts]] 2, cost: cannot be nan; give a number from 0 to"),
        ("cost = 15", "costs = 15", "[[shifts]] 2, costs: is unknown; did you mean 'cost'?"),
        ("hours = 6", "", "[[shifts]] 3, hours: is missing; give whole hours, 1 to 168"),
        (SHIFTS, "longest_h = 12", "shifts.toml: shifts: is missing; give one table [[shifts]]"),
        (SHIFTS, "shifts = [1]", "shifts.toml: [[shifts]] 1: cannot be 1; give one table"),
        ('"night"', '"day"', "names repeat: day, day, weekend; give each"),
        ("[7]", "[7, 7]", "'day': names a start twice; name each hour and each day once"),
        ("breaks = [5]", "breaks = [6]", "but lasts 6 h; give 0 to 5"),
        ("[[shifts]]", "[[shifts]", "is not TOML"),
    ],
)
def test_shifts_that_cannot_be(tmp_path: Path, old: str, new: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        read_shift_rules(written(tmp_path, SHIFTS.replace(old, new, 1)))
    assert words in str(caught.value)


def test_the_ground_and_hour_that_no_shift_covers(tmp_path: Path) -> None:
    rules = read_shift_rules(written(tmp_path, SHIFTS.replace("[19]", "[20]")))
    with pytest.raises(InputError, match=r"S1 street: no shift covers Mon 19:00, which needs"):
        cover_grounds(sized(), rules)


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_the_picture_is_the_same_each_time(tmp_path: Path, kind: str) -> None:
    rosters = cover_grounds(sized(), read_shift_rules(written(tmp_path, SHIFTS)))
    picture = staffing_figure(sized(), rosters, kind)
    assert picture == staffing_figure(sized(), rosters, kind)
    assert picture != staffing_figure(sized(), None, kind)
    assert picture.startswith(b"\x89PNG" if kind == "png" else b"<?xml")


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: Question(method="risky"), "did you mean 'risk'"),
        (lambda: Question(ground="stations"), "did you mean 'station'"),
        (lambda: Question(by="days"), "unknown by 'days'"),
        (lambda: Question(until="back"), "unknown until 'back'"),
        (lambda: size_fleet(changed(incidents_per_day=0), Question()), "0 incidents a day"),
        (lambda: simulate_staffing(sized(ground="district")), "ask by station or city"),
        (lambda: simulate_staffing(sized(), replications=1), "gives no interval"),
    ],
)
def test_bad_input(call: Callable[[], object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        call()


def test_no_vehicle_at_all() -> None:
    city = changed(incidents_per_day=0.001)
    city = replace(city, units=city.units[city.units["type"] == "ambulance"])
    staffing = size_fleet(city, Question(levels=Levels(least=0)))
    assert staffing.need.max() == 0
    with pytest.raises(InputError, match="no vehicle at all"):
        staffed_scenario(staffing)
