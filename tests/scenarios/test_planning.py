"""Plans of real cities: what is asked, what is promised, and what becomes of the fleet."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.errors import InputError
from routing.snapping import Snapper
from routing.travel_times import DijkstraTravelTimes
from scenarios import planning
from scenarios.candidates import candidate_sites
from scenarios.coverage import drives_s
from scenarios.day_slices import hours_within, shifts_of
from scenarios.package import Scenario, lonlat
from scenarios.packaging import load_scenario, save_scenario
from scenarios.plan_figures import efficient, front_figure, plan_figure
from scenarios.plan_question import PlanQuestion
from scenarios.plan_units import hours_on_duty, quotas
from scenarios.planning import CityPlan, apply_plan, read_plan, write_plan
from scenarios.settings import parse_settings

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


def make_plan(city: Scenario, *, marginal: bool = False, **question: Any) -> CityPlan:
    return planning.make_plan(city, PlanQuestion(**question), marginal=marginal)


@pytest.fixture(scope="module")
def city() -> Scenario:
    return load_scenario("neubrandenburg")


@pytest.fixture(scope="module")
def reykjavik() -> Scenario:
    return load_scenario("reykjavik")


def drives(city: Scenario, places: NDArray[np.float64]) -> NDArray[np.float64]:
    snapper = Snapper(city.network)
    times = DijkstraTravelTimes(city.network, city.speeds.arc_times_ms(city.network, "siren"))
    return times.matrix(snapper.snap(places), snapper.snap(lonlat(city.zones))).ms / 1000


def limit(city: Scenario) -> float:
    """Return the drive that the first standard leaves, by hand: all units turn out alike."""
    rule, kinds = city.settings.standards[0], city.settings.unit_types
    (turnout,) = {kinds[kind].turnout_s for kind in city.units["type"]}
    processing = city.settings.process.call_processing.mean_s
    return rule.limit_s - turnout - (processing if rule.start == "call" else 0)


def covered(city: Scenario, places: NDArray[np.float64]) -> float:
    inside = drives(city, places).min(axis=0) <= limit(city)
    return float(city.zones["weight"][inside].sum())


def with_settings(city: Scenario, **change: object) -> Scenario:
    return replace(city, settings=city.settings.model_copy(update=change))


def test_a_plan_for_reykjavik_is_proven_and_better(reykjavik: Scenario) -> None:
    plan = make_plan(reykjavik, stations=len(reykjavik.stations)).to_json_dict()
    assert plan["proven"]
    assert plan["gap"] == 0
    assert plan["drive_limit_s"] == limit(reykjavik)
    assert plan["objective"] == covered(reykjavik, lonlat(pd.DataFrame(plan["stations"])))
    today = covered(reykjavik, lonlat(reykjavik.stations))
    total = reykjavik.zones["weight"].sum()
    assert plan["objective"] > today
    assert plan["covered_share"]["before"] == pytest.approx(today / total, abs=1e-6)
    assert plan["covered_share"]["after"] == pytest.approx(plan["objective"] / total, abs=1e-6)


def test_a_median_for_reykjavik_is_proven_and_nearer(reykjavik: Scenario) -> None:
    plan = make_plan(reykjavik, model="p-median", stations=6).to_json_dict()
    assert plan["proven"]
    assert plan["model"] == "p-median-v1"
    mean = plan["objective"] / reykjavik.zones["weight"].sum()
    assert plan["mean_drive_s"]["after"] == pytest.approx(mean, abs=1e-3)
    assert plan["mean_drive_s"]["after"] < plan["mean_drive_s"]["before"]


@pytest.mark.parametrize("model", ["mclp", "p-median"])
@pytest.mark.parametrize("existing", ["free", "keep"])
def test_plans_are_optimal_by_enumeration(
    city: Scenario, tmp_path: Path, model: str, existing: str
) -> None:
    sites = city.zones.iloc[:: len(city.zones) // 9][["lon", "lat"]]
    sites.to_csv(tmp_path / "sites.csv", index=False)
    few = city.with_fleet(city.stations.iloc[:2], city.units[city.unit_station < 2])
    plan = make_plan(
        few, model=model, stations=4, existing=existing, candidates=str(tmp_path / "sites.csv")
    ).to_json_dict()
    travel = drives(few, np.vstack([lonlat(few.stations), lonlat(sites)]))
    weight = few.zones["weight"].to_numpy()
    plans = [
        rows
        for rows in combinations(range(len(travel)), 4)
        if existing == "free" or {0, 1} <= set(rows)
    ]
    nearest = np.array([travel[list(rows)].min(axis=0) for rows in plans])
    values = (nearest <= limit(few)) @ weight if model == "mclp" else -nearest @ weight
    assert plan["proven"]
    assert plan["objective"] == pytest.approx(abs(values.max()), rel=1e-9)
    kept = [each["id"] for each in plan["stations"] if each["existing"]]
    if existing == "keep":
        assert kept == list(few.stations["id"])
        assert plan["closed"] == []
    else:
        closed = [each["id"] for each in plan["closed"]]
        assert sorted(kept + closed) == sorted(few.stations["id"])


def test_junctions_serve_at_least_as_well_as_zones(city: Scenario) -> None:
    """Zones lie beside roads; both ends of each of their roads are junctions."""
    by = {
        source: make_plan(city, model="p-median", stations=3, candidates=source).to_json_dict()
        for source in ("zones", "nodes")
    }
    assert all(plan["proven"] for plan in by.values())
    junctions = np.unique(city.network.arc_tail[city.network.arc_public])
    assert by["nodes"]["candidates"]["count"] == len(junctions) + len(city.stations)
    assert by["zones"]["candidates"]["count"] == len(city.zones) + len(city.stations)
    assert by["nodes"]["objective"] < by["zones"]["objective"] * 1.01


def test_new_stations_are_told_by_place(city: Scenario) -> None:
    plan = make_plan(city, stations=3).to_json_dict()
    zones = city.zones.set_index("id")
    new = [each for each in plan["stations"] if not each["existing"]]
    assert new
    for each in new:
        zone = zones.loc[each["id"].removeprefix("new-")]
        assert each["name"] == f"new in {zone['district']} (zone {zone.name})"
        assert (each["lon"], each["lat"]) == (zone["lon"], zone["lat"])


def test_districts_add_up_to_the_city(city: Scenario) -> None:
    plan = make_plan(city, stations=4).to_json_dict()
    share = [each["demand_share"] for each in plan["by_district"]]
    assert sum(share) == pytest.approx(1, abs=1e-4)
    assert sum(each["demand_share"] for each in plan["stations"]) == pytest.approx(1, abs=1e-4)
    for figure in ("covered_share", "mean_drive_s"):
        for when in ("before", "after"):
            parts = [each[figure][when] for each in plan["by_district"]]
            assert np.dot(share, parts) == pytest.approx(plan[figure][when], rel=1e-3)


def test_the_clock_of_a_standard_starts_where_it_says(city: Scenario) -> None:
    rule = city.settings.standards[0]
    call, dispatch = (
        rule.model_copy(update={"name": f"from {start}", "start": start})
        for start in ("call", "dispatch")
    )
    both = with_settings(city, standards=[call, dispatch])
    plans = [
        make_plan(both, stations=4, standard=name).to_json_dict() for name in (None, dispatch.name)
    ]
    processing = city.settings.process.call_processing.mean_s
    assert processing > 0
    assert plans[1]["drive_limit_s"] - plans[0]["drive_limit_s"] == pytest.approx(processing)
    assert plans[1]["standard"] == "from dispatch"
    assert plans[1]["objective"] >= plans[0]["objective"]


def test_same_question_same_bytes(city: Scenario, tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        city.zones[["lon", "lat"]].to_csv(tmp_path / folder / "sites.csv", index=False)
        plan = make_plan(city, stations=4, candidates=str(tmp_path / folder / "sites.csv"), seed=3)
        write_plan(plan, tmp_path / folder / "plan.json")
    first, second = ((tmp_path / folder / "plan.json").read_bytes() for folder in ("a", "b"))
    assert first == second
    assert str(tmp_path).encode() not in first
    assert read_plan(tmp_path / "a" / "plan.json").to_json_dict() == json.loads(first)


def test_a_plan_becomes_a_city(reykjavik: Scenario, tmp_path: Path) -> None:
    plan = make_plan(reykjavik, stations=6)
    planned = apply_plan(reykjavik, plan)
    save_scenario(planned, tmp_path / "planned")
    read = load_scenario(tmp_path / "planned")
    assert read.hash != reykjavik.hash
    assert list(read.stations["id"]) == [each["id"] for each in plan.document["stations"]]
    assert Counter(read.units["type"]) == Counter(reykjavik.units["type"])
    assert set(read.units["station"]) == set(read.stations["id"])
    assert (read.zones == reykjavik.zones).all(axis=None)


def test_a_plan_is_for_one_city(city: Scenario, reykjavik: Scenario) -> None:
    with pytest.raises(InputError, match="plan was made for"):
        apply_plan(reykjavik, make_plan(city, stations=3))


@settings(deadline=None)
@given(
    count=st.integers(0, 40),
    served=st.lists(st.floats(0, 1e4), min_size=1, max_size=9).map(np.array),
)
def test_units_follow_demand(count: int, served: NDArray[np.float64]) -> None:
    quota = quotas(count, served, np.zeros(len(served), dtype=np.bool_))
    assert quota.sum() == count
    if count >= len(served):
        assert quota.min() >= 1
    else:
        assert quota.max() <= 1
    for more, less in combinations(range(len(served)), 2):
        if served[more] > served[less]:
            assert quota[more] >= quota[less]


@settings(deadline=None)
@given(
    placed=st.lists(
        st.lists(st.integers(0, 4), min_size=3, max_size=3), min_size=3, max_size=3
    ).map(np.array)
)
def test_each_slice_has_the_units_that_it_was_given(placed: NDArray[np.int64]) -> None:
    slices, stations = [(6, 12), (12, 20), (20, 6)], ["A", "B", "C"]
    rows: list[tuple[str, str]] = []
    for station, most in zip(stations, placed.max(axis=0).tolist(), strict=True):
        rows += [("ambulance", station)] * most
    units = pd.DataFrame([*rows, ("doctor", "B")], columns=["type", "station"])
    duty = hours_on_duty(units, stations, {"ambulance": placed}, slices)
    assert duty[-1] is None
    for number, span in enumerate(slices):
        there = Counter(
            station
            for (_, station), hours in zip(rows, duty, strict=False)
            if hours is None or span in hours
        )
        assert [there[station] for station in stations] == placed[number].tolist()
    # each is there at some time, and the shifts are the hours
    names, shifts = shifts_of(duty)
    assert all(hours is None or hours for hours in duty)
    for name, hours in zip(names, duty, strict=True):
        own = [(shift.start.hour, shift.end.hour) for shift in shifts if shift.name == name]
        inside = {hour for span in own for hour in hours_within(span)}
        wanted = {hour for span in hours or [] for hour in hours_within(span)}
        assert inside == wanted


def test_a_planned_city_has_the_shifts_of_its_slices(reykjavik: Scenario, tmp_path: Path) -> None:
    plan = make_plan(reykjavik, units={"ambulance": (8, 3)}, slices=((7, 19), (19, 7)))
    planned = apply_plan(reykjavik, plan)
    assert "#" in planned.settings_text
    assert parse_settings(planned.settings_text, "scenario.toml") == planned.settings
    save_scenario(planned, tmp_path / "planned")
    read = load_scenario(tmp_path / "planned")
    duty = {unit["id"]: unit["hours"] for unit in plan.document["units"]}
    assert list(read.units["id"]) == list(duty)
    names = {None: "", ((7, 19),): "planned 7-19 h", ((19, 7),): "planned 19-7 h"}
    wanted = [names[hours and tuple(map(tuple, hours))] for hours in duty.values()]
    assert read.units["shift"].fillna("").tolist() == wanted
    on = [
        sum(hours is None or span in hours for hours in duty.values())
        for span in ([7, 19], [19, 7])
    ]
    assert on == [8, 3]
    # a plan that places no units leaves theirs as they are
    again = apply_plan(read, make_plan(read, stations=len(read.stations), existing="keep"))
    assert again.units["shift"].tolist() == read.units["shift"].tolist()
    assert again.settings.shifts == read.settings.shifts != []


def test_units_stay_where_they_may(city: Scenario) -> None:
    plan = make_plan(city, stations=len(city.stations), existing="keep").to_json_dict()
    home = {unit["id"]: unit["station"] for unit in plan["units"]}
    assert home == dict(zip(city.units["id"], city.units["station"], strict=True))


def test_units_of_two_types_leave_no_station_empty(city: Scenario) -> None:
    first = city.units.iloc[[0, 1]].assign(type=["ambulance", "doctor"])
    kinds = city.settings.unit_types
    mixed = with_settings(
        replace(city, units=first), unit_types=kinds | {"doctor": kinds["ambulance"]}
    )
    plan = make_plan(mixed, stations=2).to_json_dict()
    assert len({unit["station"] for unit in plan["units"]}) == 2


def test_a_station_without_a_unit_reaches_nobody(city: Scenario) -> None:
    few = replace(city, units=city.units.iloc[:2].reset_index(drop=True))
    plan = make_plan(few, stations=5)
    document = plan.to_json_dict()
    staffed = {unit["station"] for unit in document["units"]}
    places = [[s["lon"], s["lat"]] for s in document["stations"] if s["id"] in staffed]
    share = covered(few, np.array(places)) / float(few.zones["weight"].sum())
    assert document["covered_share"]["after"] == pytest.approx(share, abs=1e-6)


def test_a_candidate_may_not_take_the_id_of_a_station(city: Scenario, tmp_path: Path) -> None:
    file = tmp_path / "sites.csv"
    taken = city.stations["id"].iloc[0]
    file.write_text(f"lon,lat,id\n13.28,53.56,new\n13.3,53.55,{taken}\n")
    with pytest.raises(InputError, match=r"sites\.csv, row 2, id: id .* is that of a station"):
        make_plan(city, stations=2, candidates=str(file))


QUESTIONS = [
    ({"model": "mclpp"}, "did you mean 'mclp-v1'"),
    ({"standard": "eight minutes"}, "unknown standard 'eight minutes'"),
    ({"existing": "kept"}, "did you mean 'keep'"),
    ({"candidates": "zone"}, "did you mean 'zones'"),
    ({"candidates": "no/such/file.csv"}, "no/such/file.csv"),
    ({"stations": 0}, "0 stations of"),
    ({"stations": 100_000}, "100000 stations of"),
    ({"stations": 2, "existing": "keep"}, "existing ones are kept"),
    ({"time_limit_s": 0.0}, "no time limit"),
    ({"seed": -1}, "seed: -1 is negative"),
    ({"candidates": "grid:0"}, "'0' is no width of a grid"),
    ({"units": {"ladder": (1,)}}, "there is no type of unit 'ladder'"),
    ({"units": {"ambulance": (1, 2)}}, "2 numbers of ambulance for 1 slice;"),
    ({"slices": ((7, 19), (18, 7))}, "hour 18 lies in two slices"),
    ({"slices": ((7, 25),)}, "7-25 are no hours"),
    ({"keep": ("nowhere",)}, "there is no site 'nowhere'"),
    ({"floors": {"Nowhere": 0.5}}, "there is no district 'Nowhere'"),
    ({"floors": {"*": 1.0}}, "the floor cannot be met"),
    ({"parameters": {"backup": 0.5}}, "mclp-v1 has no parameter 'backup'"),
    ({"model": "bacop", "parameters": {"backup": 2.0}}, "2.0 is no weight of a second cover"),
    ({"model": "survival", "parameters": {"curve": "de-mayo"}}, "there is no curve 'de-mayo'"),
    ({"model": "dsm"}, "needs two limits"),
    ({"model": "mclp", "longer_limit_s": 900.0}, "mclp-v1 has one limit"),
    ({"standard": {"ladder": "x"}}, "none are to be placed"),
    ({"standard": {"ladder": "x"}, "units": {"ambulance": (4,)}}, "no type of unit 'ladder'"),
]


@pytest.mark.parametrize(("question", "said"), QUESTIONS)
def test_bad_questions_are_refused(city: Scenario, question: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as error:
        make_plan(city, **{"stations": 3, **question})
    assert said in str(error.value)


FILES = [
    ("", "no CSV table"),
    ("lon,name\n1,here\n", "no column lat"),
    ("lon,lat\n13.26,north\n", "north"),
    ("lon,lat\n13.26,153.5\n", "153.5"),
    ("lon,lat\n13.26,53.55\n2.35,48.85\n", "2.35"),
    ("id,lon,lat\na,13.26,53.55\na,13.27,53.55\n", "'a' stands twice"),
]


@pytest.mark.parametrize(("text", "said"), FILES)
def test_bad_candidate_files_are_refused(
    city: Scenario, tmp_path: Path, text: str, said: str
) -> None:
    (tmp_path / "sites.csv").write_text(text)
    with pytest.raises(InputError) as error:
        make_plan(city, stations=3, candidates=str(tmp_path / "sites.csv"))
    assert said in str(error.value)


def test_cities_that_cannot_be_planned_are_refused(city: Scenario) -> None:
    with pytest.raises(InputError, match="no demand zone"):
        make_plan(replace(city, zones=city.zones.iloc[:0]), stations=3)
    rule = city.settings.standards[0].model_copy(update={"limit_s": 60.0})
    with pytest.raises(InputError, match=f"{rule.name}.*allows 60 s"):
        make_plan(with_settings(city, standards=[rule]), stations=3)
    with pytest.raises(InputError, match=r"weight: -1\.0"):
        make_plan(replace(city, zones=city.zones.assign(weight=-1.0)), stations=3)


NO_PLANS = ["", "[]", "{}", '{"schema_version": 1}', "\ud800".encode("utf-8", "surrogatepass")]


@pytest.mark.parametrize("content", NO_PLANS)
def test_what_is_no_plan_is_refused(tmp_path: Path, content: str | bytes) -> None:
    path = tmp_path / "plan.json"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(InputError, match="holds no plan"):
        read_plan(path)


def test_plans_of_another_time_are_refused(city: Scenario, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read"):
        read_plan(tmp_path / "plan.json")
    plan = make_plan(city, stations=3).to_json_dict()
    write_plan(CityPlan(plan | {"schema_version": 99}), tmp_path / "plan.json")
    with pytest.raises(InputError, match="schema_version 99"):
        read_plan(tmp_path / "plan.json")


def test_a_grid_lies_beside_roads(city: Scenario) -> None:
    sites = candidate_sites(city, "grid:1000")
    new = sites[~sites["existing"]]
    assert len(new) > 20
    places = Snapper(city.network).snap(lonlat(new))
    assert places.distance_m.max() <= 250
    finer = candidate_sites(city, "grid:500")
    assert len(finer) > 2 * len(sites)
    again = candidate_sites(city, "grid:1000")
    assert again.equals(sites)


def test_units_have_standards_and_slices_of_their_own(city: Scenario) -> None:
    kinds = city.settings.unit_types
    slow = kinds["ambulance"].model_copy(update={"turnout_s": 150.0})
    rule = city.settings.standards[0]
    longer = rule.model_copy(update={"name": "longer", "limit_s": rule.limit_s + 300})
    mixed = with_settings(city, unit_types=kinds | {"doctor": slow}, standards=[rule, longer])
    plan = make_plan(
        mixed,
        model="mexclp",
        stations=3,
        units={"ambulance": (5, 3), "doctor": (2,)},
        standard={"doctor": "longer"},
        slices=((7, 19), (19, 7)),
        busy=0.3,
        time_limit_s=30.0,
    ).to_json_dict()
    layers = {(layer["type"], tuple(layer["hours"])): layer for layer in plan["layers"]}
    numbers = {key: sum(layer["units"].values()) for key, layer in layers.items()}
    assert numbers == {
        ("ambulance", (7, 19)): 5,
        ("ambulance", (19, 7)): 3,
        ("doctor", (7, 19)): 2,
        ("doctor", (19, 7)): 2,
    }
    ambulance, doctor = layers["ambulance", (7, 19)], layers["doctor", (7, 19)]
    assert doctor["standard"] == "longer"
    turnout = kinds["ambulance"].turnout_s
    assert doctor["drive_limit_s"] == ambulance["drive_limit_s"] + 300 - (150 - turnout)
    assert Counter(unit["type"] for unit in plan["units"]) == {"ambulance": 5, "doctor": 2}
    stations = {station["id"] for station in plan["stations"]}
    assert len(stations) == 3
    assert {unit["station"] for unit in plan["units"]} <= stations
    today = set(city.units["id"])
    assert {u["id"] for u in plan["units"] if u["id"] not in today} >= {"new-doctor-1"}


def test_slices_drive_at_their_hours(city: Scenario) -> None:
    places = lonlat(city.stations)
    whole = drives_s(city, places)
    by_hour = [drives_s(city, places, hours=[hour]) for hour in (3, 8)]
    assert not np.array_equal(by_hour[0], by_hour[1])
    assert np.abs(drives_s(city, places, hours=range(24)) - whole).max() < 0.02 * whole.max()


def test_floors_hold_in_their_district(reykjavik: Scenario) -> None:
    free = make_plan(reykjavik, stations=5).to_json_dict()
    poorest = min(
        (part for part in free["by_district"] if part["demand_share"] > 0.01),
        key=lambda part: float(part["covered_share"]["after"]),
    )
    name, share = poorest["name"], poorest["covered_share"]["after"]
    assert share < 0.8
    held = make_plan(reykjavik, stations=5, floors={name: 0.8}).to_json_dict()
    (part,) = [part for part in held["by_district"] if part["name"] == name]
    assert part["covered_share"]["after"] >= 0.8
    assert held["objective"] < free["objective"]
    assert held["proven"]


def test_a_budget_buys_stations(city: Scenario) -> None:
    prices: dict[str, Any] = {"station_cost": 10.0, "closing_cost": 3.0}
    poor, rich = (make_plan(city, budget=b, **prices).to_json_dict() for b in (10.0, 40.0))
    for plan, budget in ((poor, 10.0), (rich, 40.0)):
        new = sum(not each["existing"] for each in plan["stations"])
        assert plan["cost"] == 10 * new + 3 * len(plan["closed"])
        assert plan["cost"] <= budget
    assert rich["objective"] > poor["objective"]
    assert efficient([poor, rich]).all()
    assert not efficient([rich, poor | {"cost": rich["cost"] + 1}])[1]


def test_sites_may_be_kept_and_forbidden(city: Scenario) -> None:
    free = make_plan(city, stations=3).to_json_dict()
    first, last = free["stations"][0]["id"], free["stations"][-1]["id"]
    other = next(z for z in "new-" + city.zones["id"] if z not in (first, last))
    plan = make_plan(city, stations=3, keep=(other,), forbid=(last,)).to_json_dict()
    chosen = {each["id"] for each in plan["stations"]}
    assert other in chosen
    assert last not in chosen
    assert plan["objective"] <= free["objective"]


def test_a_candidate_may_cost(city: Scenario, tmp_path: Path) -> None:
    sites = city.zones.iloc[:6][["lon", "lat"]].assign(cost=[5, 5, 5, 5, 5, 100])
    sites.to_csv(tmp_path / "sites.csv", index=False)
    plan = make_plan(city, candidates=str(tmp_path / "sites.csv"), budget=12.0).to_json_dict()
    assert plan["cost"] <= 12
    assert "new-6" not in {each["id"] for each in plan["stations"]}


def test_marginal_values_of_a_city(city: Scenario) -> None:
    plan = make_plan(city, stations=3, marginal=True).to_json_dict()
    more = make_plan(city, stations=4).to_json_dict()
    worth = plan["marginal"]
    assert worth["one_more_station"] == pytest.approx(more["objective"] - plan["objective"])
    assert set(worth["station"]) == {each["id"] for each in plan["stations"]}
    places = pd.DataFrame(plan["stations"])
    for at, station in enumerate(plan["stations"]):
        rest = covered(city, lonlat(places.drop(index=at)))
        assert worth["station"][station["id"]] == pytest.approx(plan["objective"] - rest)


def test_pictures_are_the_same_every_time(city: Scenario) -> None:
    plan = make_plan(city, stations=3)
    assert plan_figure(city, plan, "png") == plan_figure(city, plan, "png")
    front = [make_plan(city, stations=k).document for k in (2, 3, 4)]
    assert front_figure(front, "svg") == front_figure(front, "svg")
    assert b"<svg" in front_figure(front, "svg")


def test_units_are_as_busy_as_the_demand_makes_them(city: Scenario) -> None:
    """Whoever has twice the units has them half as busy; by night there is less to do."""
    busy = {
        n: make_plan(
            city, model="mexclp", units={"ambulance": (n,)}, slices=((7, 19), (19, 7))
        ).to_json_dict()["layers"]
        for n in (4, 8)
    }
    day, night = (layer["busy"] for layer in busy[4])
    assert 0 < night < day < 1
    assert [layer["busy"] for layer in busy[8]] == pytest.approx([day / 2, night / 2], abs=1e-6)
    demand = city.settings.demand
    on_scene = demand.incidents_per_day * city.settings.process.on_scene.mean_s / 86_400
    assert 4 * (day + night) / 2 > on_scene
    rush = with_settings(city, demand=demand.model_copy(update={"incidents_per_day": 100.0}))
    with pytest.raises(InputError, match="units of ambulance are at work on average, 2 are too"):
        make_plan(rush, model="mexclp", units={"ambulance": (2,)})
