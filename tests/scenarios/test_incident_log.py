"""Logs of incidents: known rates found again, wrong models refuted, bad rows named."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from routing.errors import InputError
from scenarios.demand_fit import fit_times, zone_weights
from scenarios.importers import IMPORTERS, INCIDENT_LOG, Importer
from scenarios.package import lonlat
from scenarios.packaging import load_scenario
from tests.command_line import refused, run

if TYPE_CHECKING:
    from pathlib import Path

    from scenarios.package import Scenario

CITY = "neubrandenburg"
HOURS = 1 + 0.8 * np.sin(np.arange(24) / 24 * 2 * np.pi)
DAYS = np.array([1.3, 1.0, 1.0, 1.0, 1.2, 0.8, 0.7])


def drawn(weeks: int, per_day: float, seed: int, zone: str = "UTC") -> pd.DatetimeIndex:
    """Draw incidents whose rate is a product of hour and weekday in local time."""
    random = np.random.default_rng(seed)
    begin = pd.Timestamp("2024-01-01", tz=zone)
    edges = pd.date_range(begin, periods=weeks * 168, freq="h")
    rate = HOURS[edges.hour] / HOURS.mean() * DAYS[edges.day_of_week] / DAYS.mean() * per_day / 24
    count = random.poisson(rate)
    at = np.repeat(edges.tz_convert("UTC").as_unit("ns").asi8, count) + random.integers(
        0, 3_600_000_000_000, count.sum()
    )
    return pd.DatetimeIndex(np.sort(at), tz="UTC")


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin"])
def test_known_rates_are_found(zone: str) -> None:
    fit = fit_times(drawn(104, 60, 1, zone), zone)
    assert fit.per_day == pytest.approx(60, rel=0.02)
    # some 1,800 incidents an hour of the day: five standard errors
    assert fit.hour_profile == pytest.approx(HOURS / HOURS.mean(), rel=0.2, abs=0.05)
    assert fit.weekday_profile == pytest.approx(DAYS / DAYS.mean(), rel=0.06)
    assert min(test["p"] for test in fit.tests.values()) > 0.001


def test_p_values_of_the_right_model_are_uniform() -> None:
    p = np.array(
        [[t["p"] for t in fit_times(drawn(8, 40, s), "UTC").tests.values()] for s in range(60)]
    )
    # of 60 draws the share below one half lies between .3 and .7 but for one in a thousand
    assert (np.abs((p[:, :2] < 0.5).mean(axis=0) - 0.5) < 0.2).all()
    assert (p < 0.01).mean() < 0.05


def test_a_season_is_refuted_by_days() -> None:
    times = drawn(52, 60, 3)
    keep = np.random.default_rng(4).random(len(times)) < 0.65 + 0.35 * np.cos(
        times.day_of_year.to_numpy() / 366 * 2 * np.pi
    )
    tests = fit_times(times[keep], "UTC").tests
    assert tests["days"]["p"] < 1e-6


def test_hours_that_differ_by_weekday_are_refuted() -> None:
    times = drawn(52, 60, 5)
    night = (times.day_of_week >= 5) & (times.hour < 6)
    both = times.append(times[night] + pd.Timedelta(minutes=7))
    both = pd.DatetimeIndex(np.sort(both.to_numpy()), tz="UTC")
    assert fit_times(both, "UTC").tests["hours"]["p"] < 1e-6


def test_calls_that_come_together_are_refuted_by_gaps() -> None:
    times = drawn(26, 30, 6)
    twice = times.append(times[::2] + pd.Timedelta(seconds=20))
    twice = pd.DatetimeIndex(np.sort(twice.to_numpy()), tz="UTC")
    assert fit_times(twice, "UTC").tests["rescaled"]["p"] < 1e-6


def test_zones_follow_what_counts_say() -> None:
    random = np.random.default_rng(8)
    prior = np.ones(200)
    true = random.gamma(2.0, 0.5, 200)
    counts = random.poisson(true * 10)
    weight, strength = zone_weights(counts, prior)
    assert weight.sum() == pytest.approx(counts.sum())
    # the spread of the gamma is one half: a prior worth two
    assert strength == pytest.approx(2, rel=0.5)
    raw, own = (np.square(w / w.sum() - true / true.sum()).sum() for w in (counts, weight))
    assert own < raw


def test_zones_that_differ_by_chance_stay_as_assumed() -> None:
    counts = np.random.default_rng(0).poisson(np.full(300, 3.0))
    weight, strength = zone_weights(counts, np.ones(300))
    assert strength > 20
    assert weight == pytest.approx(np.full(300, counts.mean()), rel=0.6)


@pytest.fixture(scope="module")
def city() -> Scenario:
    """Return the city that logs are fitted to."""
    return load_scenario(CITY)


@pytest.fixture
def log(tmp_path: Path, city: Scenario) -> Path:
    """Write a log of incidents around three zones."""
    times = drawn(8, 30, 9)
    zone = np.random.default_rng(1).choice([3, 30, 60], len(times), p=[0.2, 0.3, 0.5])
    place = lonlat(city.zones)[zone]
    pd.DataFrame(
        {
            "when": times.strftime("%Y-%m-%d %H:%M:%S"),
            "east": place[:, 0],
            "north": place[:, 1],
            "kind": np.where(np.arange(len(times)) % 4 == 0, "A", "B"),
            "name": "somebody",
        }
    ).to_csv(tmp_path / "log.csv", index=False)
    (tmp_path / "columns.toml").write_text(
        'time = "when"\nx = "east"\ny = "north"\nformat = "%Y-%m-%d %H:%M:%S"\npriority = "kind"\n'
        '[priorities]\nA = "emergency"\nB = "urgent"\n',
        encoding="utf-8",
    )
    return tmp_path / "log.csv"


def options(log: Path) -> dict[str, str]:
    """Return the options of the importer."""
    return {"columns": str(log.with_name("columns.toml")), "scenario": CITY}


def edit(path: Path, old: str, new: str) -> None:
    """Replace a piece of a file, which it must hold."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_is_an_importer() -> None:
    assert isinstance(INCIDENT_LOG, Importer)
    assert IMPORTERS["log"] is INCIDENT_LOG


def test_demand_follows_the_log(log: Path) -> None:
    imported = INCIDENT_LOG.read(log, options(log))
    found = imported.scenario
    assert found.settings.demand.incidents_per_day == pytest.approx(30, rel=0.1)
    assert [p.share for p in found.settings.priorities] == pytest.approx([0.25, 0.75], abs=0.001)
    assert np.argsort(found.zone_weight)[-3:].tolist() == [3, 30, 60]
    assert found.zone_weight[60] == pytest.approx(0.5, abs=0.05)
    assert imported.report["fit"]["hours"]["p"] > 0.001
    assert "somebody" not in str(imported)


def test_the_command_builds_what_can_be_simulated(log: Path, tmp_path: Path) -> None:
    given = [part for name, value in options(log).items() for part in (f"--{name}", value)]
    out = run("build", str(log), "--format", "log", *given, "--out", str(tmp_path / "out")).out
    assert "p = " in out
    ran = run(
        "simulate", str(tmp_path / "out"), "--replications", "1", "--out", str(tmp_path / "r")
    )
    assert "within" in ran.out


def test_rows_out_of_order_are_sorted(log: Path) -> None:
    lines = log.read_text(encoding="utf-8").splitlines()
    lines[5], lines[9] = lines[9], lines[5]
    straight = INCIDENT_LOG.read(log, options(log)).scenario
    log.write_text("\n".join(lines), encoding="utf-8")
    imported = INCIDENT_LOG.read(log, options(log))
    assert any("sorted by time: row 6 of log.csv" in note for note in imported.notes)
    assert imported.scenario.settings == straight.settings


def test_hours_that_clocks_leave_out_or_repeat_are_named(log: Path) -> None:
    columns = log.with_name("columns.toml")
    edit(columns, 'time = "when"', 'time = "when"\ntimezone = "Europe/Berlin"')
    lines = log.read_text(encoding="utf-8").splitlines()
    rest = lines[1].split(",", 1)[1]
    lines += [f"2024-03-31 02:30:00,{rest}", f"2024-10-27 02:30:00,{rest}"]
    log.write_text("\n".join(lines), encoding="utf-8")
    notes = INCIDENT_LOG.read(log, options(log)).notes
    assert any(f"left out, first row {len(lines) - 2} of" in note for note in notes)
    assert any(f"showed twice, first row {len(lines) - 1} of" in note for note in notes)


def test_incidents_elsewhere_are_left_out(log: Path) -> None:
    lines = log.read_text(encoding="utf-8").splitlines()
    lines[3] = "2024-01-01 05:00:00,2.35,48.85,A,x"
    lines[4] = "2024-01-01 06:00:00,,,A,x"
    log.write_text("\n".join(lines), encoding="utf-8")
    notes = INCIDENT_LOG.read(log, options(log)).notes
    assert any("1 rows" in note and "farther" in note and "row 3" in note for note in notes)
    assert any("1 rows" in note and "without a place" in note and "row 4" in note for note in notes)


@pytest.mark.parametrize(
    ("where", "old", "new", "told"),
    [
        ("columns.toml", '"when"', '"then"', "no column 'then'"),
        ("columns.toml", '"%Y-%m-%d %H:%M:%S"', '"%d/%m/%Y"', "row 1 of log.csv: '2024-01-01"),
        ("columns.toml", 'B = "urgent"', 'B = "later"', "'later', which is no priority"),
        ("columns.toml", 'B = "urgent"', "", "'B' is not named"),
        ("columns.toml", 'x = "east"', "", "Field required"),
        ("columns.toml", 'time = "when"', 'time = "when"\ncrs = "EPSG:0"', "no coordinate system"),
        ("columns.toml", 'time = "when"', 'time = "when"\ntimezone = "Mars"', "Mars"),
    ],
)
def test_what_is_wrong_is_told(log: Path, where: str, old: str, new: str, told: str) -> None:
    edit(log.with_name(where), old, new)
    with pytest.raises(InputError, match=told):
        INCIDENT_LOG.read(log, options(log))


def test_an_empty_log_is_refused(log: Path, tmp_path: Path) -> None:
    log.write_text(log.read_text(encoding="utf-8").splitlines()[0] + "\n", encoding="utf-8")
    given = [part for name, value in options(log).items() for part in (f"--{name}", value)]
    said = refused("build", str(log), "--format", "log", *given, "--out", str(tmp_path / "out"))
    assert "has no row" in said
    assert not (tmp_path / "out").exists()


def test_its_options_are_needed(log: Path, tmp_path: Path) -> None:
    said = refused("build", str(log), "--format", "log", "--out", str(tmp_path / "out"))
    assert "--columns" in said
