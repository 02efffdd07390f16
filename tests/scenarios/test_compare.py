"""Comparisons: the same incidents, and paired differences."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from routing.errors import InputError
from scenarios.compare import Comparison, compare
from scenarios.report import render_comparison_report
from scenarios.runs import simulate
from tests.toy_city import toy_city

if TYPE_CHECKING:
    from pathlib import Path

    from scenarios.package import Scenario

DRAWN = ["replication", "incident", "call_time", "zone", "priority", "on_scene_time", "transported"]


def halved() -> Scenario:
    """Toy city without its second station."""
    city = toy_city()
    units = city.units[city.units["station"] != "S2"]
    stations = city.stations[city.stations["id"] != "S2"]
    settings = city.settings.model_copy(update={"name": "Halved"})
    return replace(city, stations=stations, units=units, settings=settings, hash="1" * 64)


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    """Two fleets under two policies."""
    out = tmp_path_factory.mktemp("compare") / "result"
    return compare(
        [toy_city(), halved()], ["closest", "closest-idle"], replications=6, seed=2, out=out
    )


def test_every_combination_in_order(comparison: Comparison) -> None:
    assert comparison.labels == (
        "Toytown <&>, closest-v1",
        "Toytown <&>, closest-idle-v1",
        "Halved, closest-v1",
        "Halved, closest-idle-v1",
    )
    assert len(comparison.differences) == 3
    assert comparison.folder is not None
    said = json.loads((comparison.folder / "comparison.json").read_text(encoding="utf-8"))
    assert said == comparison.summary
    assert said["base"] == comparison.labels[0]
    assert (comparison.folder / "report.html").is_file()
    for run, entry in zip(comparison.runs, said["combinations"], strict=True):
        folder = comparison.folder / entry["run"]
        assert run.folder == folder
        assert (folder / "manifest.json").is_file()
        assert entry["scenario"] == run.summary["scenario"]


def test_all_meet_the_same_incidents(comparison: Comparison) -> None:
    first = comparison.runs[0].incidents[DRAWN]
    for other in comparison.runs[1:]:
        pd.testing.assert_frame_equal(first, other.incidents[DRAWN])


def test_the_first_run_is_what_simulate_gives(comparison: Comparison, tmp_path: Path) -> None:
    alone = simulate(toy_city(), replications=6, seed=2, out=tmp_path / "run")
    folder = comparison.runs[0].folder
    assert folder is not None
    for name in ("events.parquet", "incidents.parquet", "summary.json"):
        assert (tmp_path / "run" / name).read_bytes() == (folder / name).read_bytes()
    assert alone.summary == comparison.runs[0].summary


def test_differences_are_paired(comparison: Comparison) -> None:
    """Kilometres have one denominator in all replications: SciPy's paired t test applies."""
    metres = [run.observations.work.metres.sum(axis=1) / 1000 / 2 for run in comparison.runs]
    for row, difference in enumerate(comparison.differences, start=1):
        said = difference["kilometres_per_day"]
        expected = stats.ttest_rel(metres[row], metres[0]).confidence_interval(0.95)
        assert said["value"] == pytest.approx(np.mean(metres[row] - metres[0]))
        assert (said["low"], said["high"]) == pytest.approx((expected.low, expected.high))


def test_values_of_differences_are_differences_of_values(comparison: Comparison) -> None:
    base = comparison.runs[0].summary
    for run, difference in zip(comparison.runs[1:], comparison.differences, strict=True):
        for key in ("response_mean", "response_p90", "utilisation", "queued_share"):
            expected = run.summary[key]["value"] - base[key]["value"]
            assert difference[key]["value"] == pytest.approx(expected, abs=1e-6)
        north = difference["by_district"]["North"]["response_mean"]["value"]
        assert north == pytest.approx(
            run.summary["by_district"]["North"]["response_mean"]["value"]
            - base["by_district"]["North"]["response_mean"]["value"],
            abs=1e-6,
        )
        assert difference["incidents_per_day"]["value"] == 0


def test_fewer_stations_are_worse(comparison: Comparison) -> None:
    slower = comparison.differences[1]["response_mean"]
    assert slower["low"] > 0
    assert comparison.differences[1]["within"]["8 minutes"]["high"] < 0


def test_the_same_twice_differs_by_nothing() -> None:
    twice = compare([toy_city()], ["closest", "closest"], replications=2)
    assert twice.labels[0] != twice.labels[1]
    said = twice.differences[0]["response_mean"]
    assert (said["value"], said["low"], said["high"]) == (0, 0, 0)


def test_one_replication_is_compared_by_batches() -> None:
    found = compare([toy_city(), halved()], ["closest"], replications=1, seed=5)
    assert found.labels == ("Toytown <&>", "Halved")
    said = found.differences[0]["response_mean"]
    assert said["low"] < said["value"] < said["high"]


def test_what_cannot_be_compared(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing to compare"):
        compare([toy_city()], ["closest"], out=tmp_path / "out")
    other = replace(toy_city(), zones=toy_city().zones[:3])
    with pytest.raises(InputError, match="has other incidents"):
        compare([toy_city(), other], ["closest"], replications=2, out=tmp_path / "out")
    with pytest.raises(InputError, match="did you mean"):
        compare([toy_city()], ["closest", "closer"], out=tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("what", ["district", "limit"])
def test_other_districts_or_standards_are_refused_before_the_work(what: str) -> None:
    city = toy_city()
    if what == "district":
        other = replace(city, zones=city.zones.assign(district="Elsewhere"))
    else:
        standards = [s.model_copy(update={"limit_s": 999.0}) for s in city.settings.standards]
        other = replace(city, settings=city.settings.model_copy(update={"standards": standards}))
    with pytest.raises(InputError, match="cannot be compared"):
        compare([city, other], ["closest"], replications=2)


@pytest.mark.parametrize("held", [["emergency"], []])
def test_the_best_possible_beside_policies(held: list[str]) -> None:
    city = toy_city()
    standard = city.settings.standards[0].model_copy(update={"priorities": held, "limit_s": 240})
    settings = city.settings.model_copy(update={"standards": [standard]})
    city = replace(city, settings=settings, hash="2" * 64)
    result = compare([city], ["closest", "closest+nested-table"], replications=2, bound=True)
    found = result.summary["bound"]
    for row, run in zip(found["policies"], result.runs, strict=True):
        frame = run.incidents
        counted = frame[frame["priority"].isin(held)] if held else frame
        late = ~(counted["response_time"] <= 240)
        assert row["late"] == late.sum()
        assert row["share"] == late.mean()
        assert found["incidents"] == len(counted)
        waits = (frame["response_time"] > 240 + found["longest_s"]).any()
        assert row["holds"] == ("+" not in row["label"] and not waits)
        assert row["at_once"]["holds"] == row["holds"]
        if found["late"]:
            assert row["ratio"] == row["late"] / found["late"]
        assert ">The best possible<" in render_comparison_report(result)
        if row["holds"]:
            assert row["late"] >= found["at_once"]["late"] >= found["late"]
    assert found["late"] <= found["policies"][0]["late"]
    once = compare([city], ["closest", "batch"], replications=1, bound=True).summary["bound"]
    ratio = once["policies"][0]["ratio"]
    assert (
        ratio is None if not once["late"] else ratio == once["policies"][0]["late"] / once["late"]
    )
    assert found["policies"][0]["late"] > 0
