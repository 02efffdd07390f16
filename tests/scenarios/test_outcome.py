"""Expected survivors of a run: by type, by every curve, with an interval worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy import stats

from engine.survival import CURVES, Resuscitation, survival_curve
from routing.errors import InputError
from scenarios.compare import compare
from scenarios.report import render_comparison_report, render_run_report
from scenarios.runs import simulate
from scenarios.settings import Settings, parse_settings
from scenarios.toml import settings_toml
from tests.toy_city import toy_city

if TYPE_CHECKING:
    from scenarios.package import Scenario

DAYS = 2


def city(**outcome: Any) -> Scenario:
    """Toy city with two types of emergencies and an outcome of its own."""
    types = [
        {"name": "chest", "priority": "emergency", "weight": 1},
        {"name": "fall", "priority": "emergency", "weight": 3},
    ]
    rules = toy_city().settings.model_dump()
    rules |= {"incident_types": types, "outcome": {**rules["outcome"], **outcome}}
    return replace(toy_city(), settings=Settings.model_validate(rules))


def by_hand(frame: Any, name: str, how: Resuscitation, shares: dict[str, float]) -> list[float]:
    """Add up survivors in each replication, one incident after the other."""
    curve = survival_curve(name, how)
    sums = [0.0] * (int(frame["replication"].max()) + 1)
    for _, row in frame.iterrows():
        response = row["response_time"] if row["response_time"] >= 0 else np.inf
        sums[int(row["replication"])] += shares[row["type"]] * float(curve(response))
    return [365.25 / DAYS * each for each in sums]


def test_survivors_and_their_interval_by_hand() -> None:
    assumed = {"bystander_cpr_share": 0.3, "arrival_to_shock_s": 45, "shockable_share": 0.25}
    run = simulate(
        city(
            survival="valenzuela-1997",
            arrest_shares={"chest": 0.08, "urgent": 0.001},
            resuscitation=assumed,
        ),
        replications=4,
    )
    # what is not named has the share of its priority, the first of which has one
    shares = {"chest": 0.08, "fall": 0.01, "urgent": 0.001}
    said = run.summary
    assert said["outcome"]["arrest_shares"] == shares
    how = Resuscitation(bystander_cpr_share=0.3, arrival_to_shock_s=45, shockable_share=0.25)
    for name in CURVES:
        years = by_hand(run.incidents, name, how, shares)
        half = stats.t.ppf(0.975, 3) * np.std(years, ddof=1) / 2
        found = said["survivors_by_curve"][name]
        assert found["value"] == pytest.approx(np.mean(years))
        assert found["low"] == pytest.approx(np.mean(years) - half)
        assert found["high"] == pytest.approx(np.mean(years) + half)
    assert said["survivors_per_year"] == said["survivors_by_curve"]["valenzuela-1997"]
    arrests = run.incidents["type"].map(shares).astype(float).sum() * 365.25 / (4 * DAYS)
    assert said["arrests_per_year"]["value"] == pytest.approx(arrests)


def test_differences_are_paired_for_every_curve() -> None:
    base = city()
    keep = base.units["station"] != "S2"
    fewer = base.with_fleet(base.stations[base.stations["id"] != "S2"], base.units[keep])
    found = compare([base, fewer], ["closest"], replications=4)
    shares = {"chest": 0.01, "fall": 0.01, "urgent": 0.0}
    for name in CURVES:
        one, other = (
            np.array(by_hand(run.incidents, name, Resuscitation(), shares)) for run in found.runs
        )
        half = stats.t.ppf(0.975, 3) * np.std(other - one, ddof=1) / 2
        change = found.differences[0]["survivors_by_curve"][name]
        assert change["value"] == pytest.approx(np.mean(other - one))
        assert change["low"] == pytest.approx(np.mean(other - one) - half)
    page = render_comparison_report(found)
    for name in CURVES:
        assert f"{found.differences[0]['survivors_by_curve'][name]['value']:+,.3f}" in page


def test_a_report_tells_every_curve_and_what_it_is_not() -> None:
    run = simulate(city(), replications=3)
    page = render_run_report(run.scenario, run)
    for name in CURVES:
        assert f"{run.summary['survivors_by_curve'][name]['value']:,.2f}" in page
    assert "nor a forecast of lives" in page
    assert "de-maio-2003 (of this scenario)" in page


def test_rules_without_the_new_fields_are_as_before() -> None:
    settings = toy_city().settings
    assert settings.outcome.how == Resuscitation()
    assert settings.arrest_shares.tolist() == [0.01, 0.0]
    # what nobody has set is not written, so that hashes of old scenarios hold
    text = settings_toml(settings)
    assert "arrest_shares" not in text
    assert "resuscitation" not in text
    full = city(arrest_shares={"chest": 0.5}, resuscitation={"arrival_to_cpr_s": 5}).settings
    assert parse_settings(settings_toml(full), "scenario.toml") == full


def test_unknown_names_are_told() -> None:
    text = settings_toml(city(arrest_shares={"chest": 0.5}).settings)
    with pytest.raises(InputError, match=r"did you mean 'chest'"):
        parse_settings(text.replace("chest = 0.5", "chst = 0.5"), "scenario.toml")
    with pytest.raises(InputError, match=r"did you mean 'larsen-1993'"):
        parse_settings(text.replace("de-maio-2003", "larsen-1994"), "scenario.toml")
