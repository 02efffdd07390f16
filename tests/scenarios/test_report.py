"""Reports: what they say is what was measured, and they ask nothing of any network."""

from __future__ import annotations

import base64
import html
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from scenarios.compare import Comparison, compare
from scenarios.coverage import drive_budget_s, drive_from_stations_s
from scenarios.report import _Figure, render_comparison_report, render_run_report
from scenarios.runs import simulate
from tests.toy_city import toy_city

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    """Toy city with all its stations, and without the second."""
    city = toy_city()
    keep = city.units["station"] != "S2"
    fewer = replace(
        city.with_fleet(city.stations[city.stations["id"] != "S2"], city.units[keep]),
        settings=city.settings.model_copy(update={"name": "Fewer"}),
    )
    return compare([city, fewer], ["closest"], replications=4)


def text_of(page: str) -> str:
    """Return what a reader sees."""
    bare = re.sub(r"<style>.*?</style>|<[^>]*>", " ", page, flags=re.DOTALL)
    return " ".join(html.unescape(bare).split())


def images(page: str) -> list[bytes]:
    """Return the inline pictures."""
    return [base64.b64decode(found) for found in re.findall(r"base64,([^\"]+)\"", page)]


def test_a_page_needs_no_network(comparison: Comparison) -> None:
    page = render_comparison_report(comparison)
    assert re.findall(r"(?:src|href)=[\"']?(?!data:)[^\"'\s>]|url\(", page) == []
    assert "<script" not in page
    pictures = images(page)
    assert [p[:4] for p in pictures] == [b"\x89PNG", b"<?xm"]


def test_names_of_the_map_are_text_not_markup(comparison: Comparison) -> None:
    page = render_comparison_report(comparison)
    assert "Toytown <&>" not in page
    assert "Toytown <&>" in text_of(page)


def test_a_comparison_tells_its_differences(comparison: Comparison) -> None:
    text = text_of(render_comparison_report(comparison))
    change = comparison.differences[0]["response_mean"]
    low, high = (f"{change[end] / 60:+.2f}" for end in ("low", "high"))
    assert f"{change['value'] / 60:+.2f} min {low} to {high}" in text
    before = comparison.runs[0].summary["response_mean"]["value"] / 60
    after = comparison.runs[1].summary["response_mean"]["value"] / 60
    assert f"mean response: {before:.2f} min → {after:.2f} min" in text
    for district, count in comparison.runs[0].summary["incidents"]["by_district"].items():
        assert f"{district} {count:,}" in text
    assert "© OpenStreetMap contributors" in text
    assert comparison.runs[0].summary["outcome"]["note"] in text


def test_a_run_tells_its_figures_and_is_repeatable() -> None:
    run = simulate(toy_city(), replications=3)
    page = render_run_report(toy_city(), run)
    assert page == render_run_report(toy_city(), run)
    text = text_of(page)
    mean = run.summary["response_mean"]
    assert f"{mean['value'] / 60:.2f} min {mean['low'] / 60:.2f} to {mean['high'] / 60:.2f}" in text
    for unit in run.scenario.units["id"]:
        assert unit in text


def test_a_single_short_run_has_a_page_too() -> None:
    city = toy_city()
    demand = city.settings.demand.model_copy(update={"incidents_per_day": 0.5})
    settings = city.settings.model_copy(update={"demand": demand})
    run = simulate(replace(city, settings=settings), replications=1, seed=3)
    assert "By district" in text_of(render_run_report(run.scenario, run))


@pytest.mark.parametrize(
    ("more_is_better", "low", "high", "tone"),
    [
        (True, 0.1, 0.2, "better"),
        (False, 0.1, 0.2, "worse"),
        (True, -0.2, -0.1, "worse"),
        (False, -0.2, -0.1, "better"),
        (True, -0.1, 0.2, ""),
        (True, 0.0, 0.2, ""),
        (None, 0.1, 0.2, ""),
    ],
)
def test_only_a_difference_off_zero_is_coloured(
    more_is_better: bool | None, low: float, high: float, tone: str
) -> None:
    said = {"value": (low + high) / 2, "low": low, "high": high}
    assert _Figure("", more_is_better=more_is_better).tone(said) == tone


def test_what_has_no_interval_says_why() -> None:
    said = {"value": None, "low": None, "high": None, "reason": "there is no observation"}
    assert _Figure("", " min").interval(said) == "there is no observation"
    assert _Figure("", " min").value(said) == "–"


def test_drives_start_where_a_unit_is() -> None:
    city = toy_city()
    everywhere = drive_from_stations_s(city)
    only_first = drive_from_stations_s(
        city.with_fleet(city.stations, city.units[city.units["station"] == "S1"])
    )
    nobody = city.with_fleet(city.stations, city.units.iloc[:0])
    assert np.isfinite(everywhere).all()
    assert (only_first >= everywhere).all()
    assert (only_first > everywhere).any()
    assert np.isinf(drive_from_stations_s(nobody)).all()


def test_the_slowest_crew_sets_the_drive_that_is_left() -> None:
    city = toy_city()
    standard = city.settings.standards[0].model_copy(update={"start": "call", "limit_s": 900.0})
    slowest = max(kind.turnout_s for kind in city.settings.unit_types.values())
    processing = city.settings.process.call_processing.mean_s
    assert drive_budget_s(city, standard) == 900 - processing - slowest
    alarm = standard.model_copy(update={"start": "dispatch"})
    assert drive_budget_s(city, alarm) == 900 - slowest


def test_a_standard_that_leaves_no_drive_has_no_map(tmp_path: Path) -> None:
    city = toy_city()
    tight = [s.model_copy(update={"limit_s": 30.0}) for s in city.settings.standards]
    settings = city.settings.model_copy(update={"standards": tight})
    run = simulate(replace(city, settings=settings), replications=2, out=tmp_path / "run")
    assert run.folder is not None
    assert "No map: " in text_of((run.folder / "report.html").read_text(encoding="utf-8"))
