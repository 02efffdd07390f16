"""Zones that nobody comes to: named beforehand, left unserved, and no matter to all others."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from routing.errors import InputError
from routing.hierarchy_times import HierarchyTravelTimes
from scenarios import reach
from scenarios.compare import compare
from scenarios.coverage import drive_from_stations_s
from scenarios.demand import IncidentTable, draw_incidents
from scenarios.packaging import save_scenario
from scenarios.plan_question import PlanQuestion
from scenarios.planning import make_plan
from scenarios.runs import simulate
from scenarios.settings import Settings
from scenarios.simulation.tables import build_tables
from scenarios.staffing import Question, size_fleet
from tests.command_line import run
from tests.toy_city import ISLAND, toy_city

if TYPE_CHECKING:
    from pathlib import Path

    from scenarios.package import Scenario

FAR = (-21.9, 64.05)  # some 5 km from the nearest road, which is one of the grid
POLICIES = (
    "closest",
    "closest-idle",
    "batch",
    "dmexclp",
    "preparedness",
    "survival",
    "foresight",
    "dmexclp+dmexclp-move",
    "closest+compliance",
    "closest+nested-table",
)


def unserved_zones(city: Scenario) -> list[str]:
    return reach.unserved_zones(city, build_tables(city))


def city_with(*places: tuple[float, float]) -> Scenario:
    """Return the toy city with more zones, which nobody reaches."""
    city = toy_city()
    more = pd.DataFrame(
        {
            "id": [f"N{number}" for number in range(len(places))],
            "lon": [lon for lon, _ in places],
            "lat": [lat for _, lat in places],
            "weight": 1.0,
            "district": "Nowhere",
        }
    )
    return replace(city, zones=pd.concat([city.zones, more], ignore_index=True), hash="1" * 64)


def with_type(city: Scenario, **unit: object) -> Scenario:
    """Return a city whose ambulances are of another kind."""
    document = city.settings.model_dump(mode="json", exclude_none=True)
    document["unit_types"]["ambulance"] |= unit
    return replace(city, settings=Settings.model_validate(document), settings_text="")


def test_a_city_that_is_reached_is_not_told_of() -> None:
    assert unserved_zones(toy_city()) == []


def test_zones_are_named_by_row() -> None:
    (said,) = unserved_zones(city_with(ISLAND, FAR))
    assert said.startswith("no unit reaches zones N0 (row 5), N1 (row 6) of zones.csv, 16.67% of")
    assert "('emergency', 'urgent')" in said


def test_many_zones_are_counted() -> None:
    (said,) = unserved_zones(city_with(*[FAR] * 8))
    assert "N4 (row 9) and 3 more of zones.csv" in said


def test_a_zone_without_demand_is_not_told_of() -> None:
    city = city_with(ISLAND)
    zones = city.zones.assign(weight=city.zones["weight"].where(city.zones["id"] != "N0", 0.0))
    assert unserved_zones(replace(city, zones=zones)) == []


def test_who_flies_needs_no_road() -> None:
    assert unserved_zones(with_type(city_with(FAR), flight={"speed_m_s": 60})) == []
    # what is not on a road is reached by air alone, and told as reached
    result = simulate(
        with_type(city_with(FAR), flight={"speed_m_s": 60, "daylight_only": False}), seed=1
    )
    far = result.incidents[result.incidents["zone"] == "N0"]
    assert len(far) > 0
    assert far["response_time"].notna().all()


@pytest.mark.parametrize("place", [ISLAND, FAR], ids=["no road leads there", "far from roads"])
def test_their_incidents_are_unserved_and_no_others(place: tuple[float, float]) -> None:
    result = simulate(city_with(place), replications=3, seed=2)
    nowhere = result.incidents["zone"] == "N0"
    assert nowhere.any()
    assert (result.incidents["response_time"].isna() == nowhere).all()
    assert result.summary["incidents"]["unserved"] == int(nowhere.sum())


@pytest.mark.parametrize("policy", POLICIES)
def test_others_are_served_as_if_nobody_called_from_there(policy: str) -> None:
    city = city_with(ISLAND, FAR)
    drawn = draw_incidents(city, 3, 0)
    near = drawn.zone < len(toy_city().zones)
    columns: list[Any] = [column[near] for column in drawn]
    both = [
        simulate(replace(city, incidents=table), policy=policy, replications=1).incidents
        for table in (drawn, IncidentTable(*columns))
    ]
    served = both[0][both[0]["response_time"].notna()]
    assert len(served) == near.sum()
    if policy in ("closest", "closest-idle", "batch"):  # the others look at demand too
        assert served["response_time"].tolist() == both[1]["response_time"].tolist()


def test_policies_are_compared_on_what_nobody_serves(tmp_path: Path) -> None:
    found = compare([city_with(ISLAND)], ["closest", "dmexclp"], replications=2, bound=True)
    counts = {run.summary["incidents"]["unserved"] for run in found.runs}
    assert len(counts) == 1
    assert counts.pop() > 0


def test_a_city_of_which_nothing_is_reached_is_refused() -> None:
    for city, told in (
        (replace(toy_city(), zones=city_with(FAR).zones.tail(1)), "from the nearest road"),
        (replace(toy_city(), zones=city_with(ISLAND).zones.tail(1)), "to any zone"),
    ):
        with pytest.raises(InputError, match=told):
            simulate(city)


@pytest.mark.parametrize("model", ["mclp", "p-median", "p-center", "lscp", "mexclp"])
def test_plans_go_on_without_them(model: str, tmp_path: Path) -> None:
    # sites on the island would reach it
    sites = tmp_path / "sites.csv"
    sites.write_text("lon,lat\n-21.894,64.109\n-21.888,64.106\n", encoding="utf-8")
    question = PlanQuestion(
        model=model,
        stations=None if model == "lscp" else 2,
        units={"ambulance": (3,)} if model == "mexclp" else None,
        candidates=str(sites),
    )
    found = make_plan(city_with(ISLAND, FAR), question).document
    without = make_plan(toy_city(), question).document
    assert found["unreached_zones"] == ["N0", "N1"]
    assert without["unreached_zones"] == []
    assert [s["id"] for s in found["stations"]] == [s["id"] for s in without["stations"]]
    # ten of twelve parts of the demand can be covered at all
    share = without["covered_share"]["after"] * 10 / 12
    assert found["covered_share"]["after"] == pytest.approx(share, abs=1e-6)
    assert found["mean_drive_s"]["after"] is None


def test_a_plan_may_build_where_nobody_comes_today() -> None:
    city = city_with(ISLAND)
    assert "N0" in unserved_zones(city)[0]
    found = make_plan(city, PlanQuestion(model="lscp", stations=None)).document
    assert found["unreached_zones"] == []
    assert "new-N0" in {station["id"] for station in found["stations"]}


@pytest.mark.parametrize("ground", ["station", "district", "city"])
def test_staffing_leaves_out_who_is_never_served(ground: str) -> None:
    question = Question(ground=ground)
    found, without = size_fleet(city_with(ISLAND, FAR), question), size_fleet(toy_city(), question)
    (said,) = found.unserved
    assert said.startswith("no unit reaches zones N0 (row 5), N1 (row 6) of zones.csv")
    assert without.unserved == ()
    assert [each.id for each in found.grounds] == [each.id for each in without.grounds]
    for one, other in zip(found.grounds, without.grounds, strict=True):
        assert not one.zones[-2:].any()
        assert one.busy_s == pytest.approx(other.busy_s)
        # two parts of twelve call from nowhere
        assert one.rate_h == pytest.approx(other.rate_h * 10 / 12)


def test_staffing_by_command_warns_and_goes_on(tmp_path: Path) -> None:
    save_scenario(city_with(ISLAND, FAR), tmp_path / "city")
    ran = run("staff", tmp_path / "city", "--simulate", 2, "--out", tmp_path / "staffing.json")
    assert ran.code == 0, ran
    (line,) = ran.err.splitlines()
    assert line.startswith("warning: no unit reaches zones N0 (row 5), N1 (row 6) of zones.csv")
    document = json.loads((tmp_path / "staffing.json").read_text())
    assert document["unserved"] == [line.removeprefix("warning: ")]
    week = document["simulated"]["week"]
    assert week["all"]["observed"]["utilisation"]["value"] < 1


def test_a_plan_reckons_with_the_work_of_zones_that_are_reached() -> None:
    asked = PlanQuestion(model="mexclp", stations=2, units={"ambulance": (4,)})
    busy = [
        make_plan(city, asked, marginal=False).document["layers"][0]["busy"]
        for city in (city_with(FAR), toy_city())
    ]
    # one part of eleven calls from nowhere and keeps nobody at work
    assert busy[0] == pytest.approx(busy[1] * 10 / 11, rel=1e-3)


def test_drives_to_them_are_endless() -> None:
    drive = drive_from_stations_s(city_with(ISLAND, FAR))
    assert np.isinf(drive).tolist() == [False] * 4 + [True] * 2


def test_commands_warn_and_go_on(tmp_path: Path) -> None:
    city = city_with(ISLAND, FAR)
    shift = {"name": "day", "days": ["mon"], "start": "08:00", "end": "18:00"}
    document = city.settings.model_dump(mode="json", exclude_none=True) | {"shifts": [shift]}
    units = city.units.assign(shift="day")
    city = replace(city, settings=Settings.model_validate(document), units=units)
    save_scenario(city, tmp_path / "city")
    checked = run("check", tmp_path / "city", "--json").json
    assert any("no unit reaches zones N0 (row 5), N1 (row 6)" in note for note in checked["notes"])
    given = ("--replications", 2, "--out")
    for command in (
        ("simulate", tmp_path / "city", *given, tmp_path / "run"),
        ("compare", tmp_path / "city", "--policies", "closest,batch", *given, tmp_path / "both"),
        ("plan", tmp_path / "city", "--stations", 2, "--out", tmp_path / "plan.json"),
    ):
        ran = run(*command)
        assert ran.code == 0, ran
        warned = ran.err.splitlines()
        assert any(line.startswith("warning: no unit is on duty for") for line in warned)
        # a station on the island would reach it
        told = "candidate reaches zone N1 (row 6)" if command[0] == "plan" else "unit reaches zones"
        assert any(f"warning: no {told}" in line for line in warned)


def test_zones_are_looked_for_in_the_tables_of_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Travel times are prepared as often as without a word, for tables and report."""
    prepared: list[object] = []
    init = HierarchyTravelTimes.__init__

    def counted(self: HierarchyTravelTimes, *given: Any) -> None:
        prepared.append(given)
        init(self, *given)

    city = city_with(ISLAND, FAR)
    save_scenario(city, tmp_path / "city")
    monkeypatch.setattr(HierarchyTravelTimes, "__init__", counted)
    simulate(city, replications=2, out=tmp_path / "run")
    once = len(prepared)
    prepared.clear()
    ran = run("simulate", tmp_path / "city", "--replications", 2, "--out", tmp_path / "told")
    assert ran.err.count("no unit reaches zones N0 (row 5), N1 (row 6)") == 1
    assert len(prepared) == once > 0


def test_a_comparison_warns_once_of_each_scenario(tmp_path: Path) -> None:
    save_scenario(city_with(ISLAND, FAR), tmp_path / "city")
    other = city_with(ISLAND, FAR).renamed("another")
    units = other.units.iloc[1:].reset_index(drop=True)
    save_scenario(replace(other, units=units), tmp_path / "other")
    ran = run(
        *("compare", tmp_path / "city", tmp_path / "other", "--policies", "closest,batch"),
        *("--hospital", "nearest,by-load", "--replications", 2, "--out", tmp_path / "out"),
    )
    assert ran.code == 0, ran
    told = [line for line in ran.err.splitlines() if "no unit reaches zones" in line]
    assert [line.partition(": no")[0] for line in told] == [
        "warning: Toytown <&>",
        "warning: another",
    ]
