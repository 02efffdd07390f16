"""Waits for a bay in summaries, tables and reports, and hospital policies asked for by name."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from engine.dispatch import CLOSEST
from engine.queueing import erlang_c
from routing.errors import InputError
from scenarios.compare import Comparison, compare
from scenarios.draws import drawn
from scenarios.hospital_waits import WAITS
from scenarios.packaging import load_scenario, save_scenario
from scenarios.policies import NamedPolicy
from scenarios.replay import manifest_of, replay
from scenarios.runs import REPEATABLE, RunResult, gathered, simulate
from scenarios.settings import Settings
from scenarios.simulation.run import run_replication
from scenarios.simulation.tables import build_tables
from tests.toy_city import toy_city

if TYPE_CHECKING:
    from pathlib import Path

    from scenarios.package import Scenario

ALIKE = ("events.parquet", "incidents.parquet")


def city_with(bays: list[str], **rules: Any) -> Scenario:
    """Return the toy city with hospitals at its first zones, and with other rules."""
    city = toy_city()
    hospitals = city.zones.iloc[: len(bays)][["lon", "lat"]].reset_index(drop=True)
    names = [f"H{number}" for number in range(len(bays))]
    hospitals = hospitals.assign(id=names, name=names, bays=bays)
    settings = Settings.model_validate(city.settings.model_dump(mode="json") | rules)
    return replace(city, hospitals=hospitals, settings=settings, settings_text="")


def crowded(bays: list[str]) -> Scenario:
    """Return a city whose hospitals have work for all their bays."""
    rules = toy_city().settings.model_dump(mode="json")
    handover = {"distribution": "exponential", "mean_s": 1500}
    city = city_with(
        bays,
        demand=rules["demand"] | {"incidents_per_day": 300},
        process=rules["process"] | {"handover": handover},
    )
    units = pd.concat([city.units[:4].assign(id=city.units["id"][:4] + n) for n in "abc"])
    return replace(city, units=units.reset_index(drop=True))


def saved(city: Scenario, folder: Path) -> Scenario:
    save_scenario(city, folder)
    return load_scenario(folder)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    """Compare both hospital policies in a crowded city."""
    folder = tmp_path_factory.mktemp("both")
    city = saved(crowded(["1", "1", "2"]), folder / "city")
    hospitals = ["nearest", "by-load"]
    return compare(
        [city], ["closest"], hospitals=hospitals, replications=4, seed=3, out=folder / "both"
    )


@pytest.mark.parametrize(("load", "bays"), [(0.6, 1), (1.4, 2)])
def test_figures_are_those_of_erlang(load: float, bays: int) -> None:
    handover_s, days = 600.0, 30
    rules = toy_city().settings.model_dump(mode="json")
    priorities = [each | {"transported": 1.0} for each in rules["priorities"]]
    none = {"distribution": "constant", "mean_s": 0}
    city = city_with(
        [str(bays)],
        horizon=rules["horizon"] | {"days": days},
        demand=rules["demand"] | {"incidents_per_day": load / handover_s * 86_400},
        priorities=priorities,
        process={
            "call_processing": none,
            "on_scene": none,
            "handover": {"distribution": "exponential", "mean_s": handover_s},
        },
    )
    # so many crews at one place that each patient comes to hospital after a time of its own
    units = [(f"A{number}", "ambulance", "S1") for number in range(60)]
    city = replace(city, units=pd.DataFrame(units, columns=["id", "type", "station"]))
    said = simulate(city, policy="closest-idle", replications=12, seed=4).summary
    assert said["queued_share"]["value"] == 0
    waiting = float(erlang_c(load, bays))
    mean_s = waiting * handover_s / (bays - load)
    late_s = handover_s / (bays - load) * np.log(waiting / 0.1)
    for key, expected in zip(WAITS, (mean_s, late_s, waiting), strict=True):
        found = said[key]
        half = (found["high"] - found["low"]) / 2
        assert abs(found["value"] - expected) <= 1.4 * half
        assert half < 0.1 * expected
        assert said[f"{key}_by_hospital"] == {"H0": found}


def waits_by_hand(run: RunResult) -> pd.DataFrame:
    """Find waits in the files of a run: arrival, handover and free again."""
    assert run.folder is not None
    events = pq.read_table(run.folder / "events.parquet").to_pandas()
    incidents = pq.read_table(run.folder / "incidents.parquet").to_pandas()
    key = ["replication", "incident", "unit"]
    came, left = (
        events[events["event"] == name].set_index(key)["time_ms"]
        for name in ("at_hospital", "free")
    )
    place = events[events["event"] == "at_hospital"].set_index(key)["place"].astype(str)
    told = incidents.set_index(["replication", "incident"])["handover_time"]
    frame = pd.DataFrame({"came": came, "left": left, "place": place}).dropna().reset_index()
    handover_ms = told.loc[list(zip(frame["replication"], frame["incident"], strict=True))]
    wait_s = (frame["left"] - frame["came"]) / 1000 - handover_ms.to_numpy()
    return frame.assign(wait_s=wait_s.round(6), hospital=frame["place"].str[len("hospital:") :])


def test_all_that_is_told_is_what_the_events_say(both: Comparison) -> None:
    for run in both.runs:
        assert run.folder is not None
        hand = waits_by_hand(run)
        table = pd.read_csv(run.folder / "statistics.csv")
        table = table[table["measure"].isin(WAITS)]
        assert set(zip(table["by"], table["name"], strict=True)) == {
            ("all", "all"),
            ("hospital", "H0"),
            ("hospital", "H1"),
            ("hospital", "H2"),
        }
        assert table["incidents"].isna().all()
        for (by, name), group in table.groupby(["by", "name"]):
            part = hand["wait_s"] if by == "all" else hand["wait_s"][hand["hospital"] == name]
            expected = (part.mean(), part.quantile(0.9), (part > 0).mean())
            rows = group.set_index("measure").loc[list(WAITS)]
            assert rows["value"].tolist() == pytest.approx(expected, rel=1e-8)
            assert (rows["low"] <= rows["value"]).all()
            assert (rows["value"] <= rows["high"]).all()
            assert rows["order_low"].notna().tolist() == [False, True, False]
            assert rows["of"].tolist() == ["s", "s", "share"]
            said = run.summary
            for key in WAITS:
                where = said[key] if by == "all" else said[f"{key}_by_hospital"][name]
                assert where["value"] == rows.loc[key, "value"]
        assert (hand["wait_s"] > 0).sum() > 50


def test_by_load_waits_no_longer_than_nearest(both: Comparison) -> None:
    base, other = (each["measures"] for each in both.summary["combinations"])
    change = both.summary["differences"][0]["measures"]
    for key in WAITS:
        assert change[key]["high"] < 0
        assert change[key]["value"] == pytest.approx(other[key]["value"] - base[key]["value"])
    assert change["hospital_wait_mean_by_hospital"].keys() == {"H0", "H1", "H2"}
    nearest, by_load = (run.incidents for run in both.runs)
    assert nearest["call_time"].equals(by_load["call_time"])
    assert nearest["handover_time"].equals(by_load["handover_time"])


def test_a_difference_is_that_of_the_replications(both: Comparison) -> None:
    means = [waits_by_hand(run).groupby("replication")["wait_s"] for run in both.runs]
    total = means[1].sum() - means[0].sum()
    count = means[0].count()
    assert (count == means[1].count()).all()  # the same patients
    change = both.summary["differences"][0]["measures"]["hospital_wait_mean"]
    assert change["value"] == pytest.approx(total.sum() / count.sum(), rel=1e-6)


def test_the_policies_are_told_apart(both: Comparison) -> None:
    assert both.labels == ("hospitals nearest-v1", "hospitals by-load-v1")
    asked = [each["hospital_policy"] for each in both.summary["combinations"]]
    assert asked == ["nearest-v1", "by-load-v1"]
    for run, policy in zip(both.runs, asked, strict=True):
        assert run.folder is not None
        assert manifest_of(run.folder)["hospital_policy"] == policy
        assert run.summary["hospitals"]["policy"] == policy
    assert len({run.summary["scenario"]["hash"] for run in both.runs}) == 1


def test_the_report_tells_waits_and_their_difference(both: Comparison) -> None:
    run = both.runs[1]
    assert run.folder is not None
    assert both.folder is not None
    page = (run.folder / "report.html").read_text(encoding="utf-8")
    assert "under closest-v1, hospitals by-load-v1" in page
    table = page.partition("Waiting for a bay")[2].partition("</table>")[0]
    for row, bays in (("all hospitals", "–"), ("H0", "1"), ("H1", "1"), ("H2", "2")):
        assert f"<td>{row}</td><td>{bays}</td>" in table
    mean = run.summary["hospital_wait_mean"]["value"] / 60
    assert f"<td>{mean:.2f} <small>" in table
    page = (both.folder / "report.html").read_text(encoding="utf-8")
    assert page.count("mean wait for a bay at hospital") == 2  # a card and a column
    assert page.count("Toytown &lt;&amp;&gt;:") == 1  # one map of one city


def test_a_replay_takes_patients_where_they_were_taken(both: Comparison, tmp_path: Path) -> None:
    folder = both.runs[1].folder
    assert folder is not None
    assert replay(folder, out=tmp_path / "again").identical
    assert manifest_of(tmp_path / "again")["hospital_policy"] == "by-load-v1"
    other = replay(tmp_path / "again", "closest-idle").run.summary
    assert (other["policy"], other["hospitals"]["policy"]) == ("closest-idle-v1", "by-load-v1")


def test_a_run_package_without_its_policy_differs(both: Comparison, tmp_path: Path) -> None:
    folder = both.runs[1].folder
    assert folder is not None
    path = folder / "manifest.json"
    whole = path.read_text(encoding="utf-8")
    manifest = json.loads(whole)
    del manifest["hospital_policy"]
    try:
        path.write_text(json.dumps(manifest), encoding="utf-8")
        assert set(replay(folder).differing) == set(REPEATABLE)
        path.write_text(json.dumps(manifest | {"hospital_policy": 3}), encoding="utf-8")
        with pytest.raises(InputError, match="describes no run"):
            replay(folder)
        path.write_text(json.dumps(manifest | {"hospital_policy": "by-luck-v1"}), encoding="utf-8")
        with pytest.raises(InputError, match="unknown hospital policy 'by-luck-v1'"):
            replay(folder)
    finally:
        path.write_text(whole, encoding="utf-8")


def test_what_is_asked_for_comes_before_what_the_scenario_says(tmp_path: Path) -> None:
    own = crowded(["1", "", "2"])
    dispatch = own.settings.dispatch.model_copy(update={"hospital": "by-load"})
    said = replace(own, settings=own.settings.model_copy(update={"dispatch": dispatch}))
    options: dict[str, Any] = {"replications": 2, "seed": 3}
    near, load = (simulate(city, **options) for city in (own, said))
    assert not near.incidents.equals(load.incidents)
    for city, hospital, like in ((said, "nearest-v1", near), (own, "by-load", load)):
        asked = simulate(city, hospital=hospital, **options)
        assert asked.summary == like.summary
        assert asked.incidents.equals(like.incidents)
    simulate(city_with(["1"]), replications=1, out=tmp_path / "run")
    assert "hospital_policy" not in manifest_of(tmp_path / "run")


def test_without_bays_nothing_is_told_and_no_byte_changes(tmp_path: Path) -> None:
    plain = city_with(["", ""])
    bare = replace(plain, hospitals=plain.hospitals.drop(columns="bays"))
    options: dict[str, Any] = {"replications": 1, "seed": 3}
    run = simulate(bare, out=tmp_path / "bare", **options)
    simulate(plain, out=tmp_path / "plain", **options)
    for name in (*REPEATABLE, "statistics.csv", "statistics.parquet", "report.html"):
        text = (tmp_path / "bare" / name).read_bytes()
        assert text == (tmp_path / "plain" / name).read_bytes()
        assert b"hospital_wait" not in text
        assert b"Waiting for a bay" not in text
        assert b"for a bay at hospital" not in text
    assert "hospitals" not in run.summary
    simulate(plain, hospital="by-load", out=tmp_path / "asked", **options)
    for name in ALIKE:
        assert (tmp_path / "asked" / name).read_bytes() == (tmp_path / "bare" / name).read_bytes()
    for key in WAITS:
        assert not any(key in name for name in run.measures.total)


def test_where_no_bays_are_given_nobody_waits(tmp_path: Path) -> None:
    said = simulate(crowded(["1", "", "2"]), replications=1, seed=3, out=tmp_path / "run").summary
    each = said["hospitals"]["by_hospital"]
    assert {key for one in each.values() for key in one} == {"bays", "handovers"}
    waited = said["hospital_waited_share_by_hospital"]
    assert all(waited[name]["value"] > 0 for name in ("H0", "H2"))
    assert said["hospital_wait_mean_by_hospital"].keys() == {"H0", "H2"}
    assert said["hospital_wait_mean"]["low"] is not None  # from stretches of one replication
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert f"<td>H1</td><td>–</td><td>{each['H1']['handovers']}</td><td>–</td>" in page


def test_without_handovers_there_is_no_wait() -> None:
    rules = toy_city().settings.model_dump(mode="json")["priorities"]
    city = city_with(["1"], priorities=[each | {"transported": 0.0} for each in rules])
    for key in WAITS:
        told = simulate(city, replications=2).summary[key]
        assert (told["value"], told["reason"]) == (None, "there is no observation")


def test_a_recorded_day_does_not_say_when_handovers_began() -> None:
    city = crowded(["1", "", "2"])
    tables = build_tables(city)
    incidents = drawn(city, replications=1, seed=3, workers=1)[0]
    outcome = run_replication(tables.travel, tables.rules, incidents, CLOSEST, tables.timeline)
    people = NamedPolicy("people", CLOSEST)
    runs = [
        gathered(city, iter([outcome]), people, seed=0, most=1, recorded=recorded).summary
        for recorded in (None, {"from": "a log"})
    ]
    assert ["hospital_wait_mean" in said for said in runs] == [True, False]
    assert ["hospitals" in said for said in runs] == [True, False]


def test_a_checkpoint_is_of_one_hospital_policy(tmp_path: Path) -> None:
    city = saved(city_with(["1", "1"]), tmp_path / "city")
    for first, second in ((None, "nearest"), ("by-load", None), ("by-load", "nearest")):
        kept = tmp_path / f"{first} {second}"
        options: dict[str, Any] = {"replications": 1, "checkpoint": kept}
        once = simulate(city, hospital=first, **options).summary
        assert simulate(city, hospital=first, **options).summary == once
        with pytest.raises(InputError, match="replications of another hospital policy"):
            simulate(city, hospital=second, **options)


def test_labels_name_all_that_differs() -> None:
    city = city_with(["1", "1"], horizon={"start": "2025-01-06T00:00:00Z", "days": 0.5})
    found = compare(
        [city], ["closest", "closest-idle"], hospitals=["nearest", "by-load"], replications=2
    )
    assert found.labels == (
        "closest-v1, hospitals nearest-v1",
        "closest-idle-v1, hospitals nearest-v1",
        "closest-v1, hospitals by-load-v1",
        "closest-idle-v1, hospitals by-load-v1",
    )
    with pytest.raises(InputError, match="name another policy, another hospital policy"):
        compare([city], ["closest"], hospitals=["by-load"])


@pytest.mark.parametrize("name", ["by-laod", "by-load-v9", "", "closest"])
def test_a_policy_that_is_none(name: str, tmp_path: Path) -> None:
    city = city_with(["1"])
    with pytest.raises(InputError, match="unknown hospital policy") as error:
        simulate(city, hospital=name, out=tmp_path / "run")
    assert error.value.field == "hospital"
    assert "by-load-v1, nearest-v1" in error.value.fix
    with pytest.raises(InputError, match="unknown hospital policy"):
        compare([city], ["closest"], hospitals=["nearest", name], out=tmp_path / "run")
    assert not list(tmp_path.iterdir())
