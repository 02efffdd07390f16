"""Speeds fitted to trips: what was hidden is found again."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from routing.errors import InputError
from routing.geodesy import segment_lengths
from scenarios import speed_fit
from scenarios.calibration import FEWEST_TRIPS, Calibration, calibrate
from scenarios.packaging import load_scenario
from scenarios.speed_keys import speed_keys, with_values
from scenarios.trips import Trips, drive, tie_trips
from tests.toy_city import ISLAND, corner, toy_city

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from routing.speeds import SpeedTable
    from scenarios.package import Scenario

NOISE = 0.18
MEDIAN_NOISE = 0.6745 * NOISE
"""Median of the absolute error that the noise alone makes."""


def hidden_speeds(speeds: SpeedTable, profile: str, factors: dict[str, float]) -> SpeedTable:
    """Multiply numbers of a table, named by their place in it."""
    keys = {key.name: key for key in speed_keys(speeds, profile)}
    return with_values(speeds, {keys[name]: keys[name].value * f for name, f in factors.items()})


def random_ends(
    scenario: Scenario, count: int, *, most_m: float, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Draw pairs of junctions, none nearer than 200 m or farther than `most_m`."""
    rng = np.random.default_rng(seed)
    nodes = scenario.network.node_lonlat
    start, end = nodes[rng.integers(0, len(nodes), (2, 60 * count))]
    apart = segment_lengths(start, end)
    good = np.flatnonzero((apart > 200) & (apart < most_m))[:count]
    assert len(good) == count
    return start[good], end[good]


def observed(
    scenario: Scenario,
    speeds: SpeedTable,
    ends: tuple[NDArray[np.float64], NDArray[np.float64]],
    *,
    profile: str = "normal",
    noise: float = NOISE,
    seed: int = 0,
    offset_s: float = 0.0,
) -> Trips:
    """Drive trips at hidden speeds, with lognormal noise."""
    trips = Trips(*ends, np.ones(len(ends[0])), np.full(len(ends[0]), profile))
    tied = tie_trips(scenario.network, trips, 100.0)[profile]
    seconds = drive(scenario.network, speeds, profile, tied).seconds
    seconds *= np.exp(np.random.default_rng(seed).normal(0, noise, len(seconds)))
    open_ = np.isfinite(seconds)
    row = tied.row[open_] - 1
    return Trips(trips.start[row], trips.end[row], offset_s + seconds[open_], trips.profile[row])


def together(*parts: Trips) -> Trips:
    columns = ("start", "end", "seconds", "profile")
    return Trips(*(np.concatenate([getattr(part, c) for part in parts]) for c in columns))


def values(speeds: SpeedTable, profile: str) -> dict[str, float]:
    return {key.name: key.value for key in speed_keys(speeds, profile)}


def log_errors(found: Calibration, hidden: SpeedTable, profile: str) -> dict[str, float]:
    """Log of fitted over hidden, for numbers that were fitted."""
    truth = values(hidden, profile)
    return {
        each["key"]: float(np.log(each["after"] / truth[each["key"]]))
        for each in found.document["profiles"][profile]["factors"]
        if each["fitted"]
    }


def check_near_the_noise(found: Calibration, profile: str, *, tolerance: float) -> None:
    part = found.document["profiles"][profile]
    errors = part["errors"]["median_absolute_log"]
    assert errors["before"]["value"] > 1.5 * MEDIAN_NOISE
    assert errors["after"]["value"] < (1 + tolerance) * MEDIAN_NOISE
    assert part["verdict"] == "better"
    assert part["settled"], part["rounds"]


def test_a_hidden_table_is_recovered_from_noisy_trips_on_reykjavik() -> None:
    """Without tagged limits every class has a speed of its own to find."""
    city = load_scenario("reykjavik")
    untagged = np.full_like(city.network.way_maxspeed, np.nan)
    city = replace(city, network=replace(city.network, way_maxspeed=untagged))
    factors = {
        "trunk": 0.65,
        "primary": 0.9,
        "secondary": 0.6,
        "tertiary": 0.85,
        "residential": 0.7,
        "unclassified": 1.2,
        "living_street": 1.3,
        "motorway": 0.7,
    }
    hidden = hidden_speeds(
        city.speeds, "normal", {f"classes.{name}.kmh": factor for name, factor in factors.items()}
    )
    trips = observed(city, hidden, random_ends(city, 1000, most_m=4000, seed=6), seed=7)
    odd = np.random.default_rng(8).random(len(trips.seconds)) < 0.05
    trips = replace(trips, seconds=np.where(odd, 3 * trips.seconds, trips.seconds))
    found = calibrate(city, trips, seed=9)
    check_near_the_noise(found, "normal", tolerance=0.2)
    errors = log_errors(found, hidden, "normal")
    for name in ("trunk", "secondary", "tertiary", "residential"):
        assert abs(errors[f"classes.{name}.kmh"]) < 0.05, errors
    assert "classes.motorway.kmh" not in errors
    known = {e["key"]: e for e in found.document["profiles"]["normal"]["factors"]}
    scaled = [error / known[key]["log_standard_error"] for key, error in errors.items()]
    assert np.sqrt(np.mean(np.square(scaled))) < 2


def test_both_profiles_are_fitted_where_limits_are_tagged() -> None:
    city = load_scenario("reykjavik")
    hidden = hidden_speeds(city.speeds, "normal", {"limit.share": 1.3})
    hidden = hidden_speeds(hidden, "siren", {"classes.primary.siren_factor": 1.25})
    normal = observed(city, hidden, random_ends(city, 250, most_m=4000, seed=1), seed=2)
    siren = observed(
        city, hidden, random_ends(city, 250, most_m=4000, seed=3), profile="siren", seed=4
    )
    found = calibrate(city, together(normal, siren), seed=1)
    check_near_the_noise(found, "normal", tolerance=0.25)
    check_near_the_noise(found, "siren", tolerance=0.25)
    assert abs(log_errors(found, hidden, "normal")["limit.share"]) < 0.04
    assert abs(log_errors(found, hidden, "siren")["classes.primary.siren_factor"]) < 0.15
    document = tomllib.loads(found.speeds.text)
    assert document["classes"]["motorway"] == {"kmh": 90, "siren_factor": 1.3}
    assert document["siren"] == {"cap_kmh": 130}


TOY_KEY = "classes.residential.kmh"


def grid_ends(count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Draw pairs of crossings of the toy city, of which the island is no part."""
    rng = np.random.default_rng(11)
    start = rng.integers(0, 6, (count, 2))
    end = (start + rng.integers(1, 6, (count, 2))) % 6
    places = [[corner(*place) for place in side.tolist()] for side in (start, end)]
    return np.array(places[0]), np.array(places[1])


def toy_trips(count: int = 200, *, factor: float = 0.7, **how: float) -> Trips:
    city = toy_city()
    hidden = hidden_speeds(city.speeds, "normal", {TOY_KEY: factor})
    noise, offset_s = how.get("noise", 0.15), how.get("offset_s", 0.0)
    return observed(city, hidden, grid_ends(count), noise=noise, offset_s=offset_s)


def test_all_trips_on_one_class() -> None:
    found = calibrate(toy_city(), toy_trips())
    part = found.document["profiles"]["normal"]
    assert [each["key"] for each in part["factors"] if each["fitted"]] == [TOY_KEY]
    assert values(found.speeds, "normal")[TOY_KEY] == pytest.approx(25 * 0.7, rel=0.04)
    (fitted,) = (each for each in part["factors"] if each["fitted"])
    # one class alone: the standard error of a mean of 160 errors of 15 %
    assert fitted["log_standard_error"] == pytest.approx(0.15 / np.sqrt(160), rel=0.3)
    assert fitted["trips"] == 160
    assert part["held_out"] == 40


def test_without_noise_the_table_is_exact() -> None:
    found = calibrate(toy_city(), toy_trips(noise=0.0))
    assert values(found.speeds, "normal")[TOY_KEY] == pytest.approx(17.5, rel=1e-3)
    errors = found.document["profiles"]["normal"]["errors"]
    assert errors["mean_absolute_s"]["after"]["value"] < 0.5
    assert errors["within_60_s"]["after"]["value"] == 1


def test_a_constant_time_is_told_and_kept_out_of_the_table() -> None:
    trips = toy_trips(400, offset_s=45, noise=0.05)
    found = calibrate(toy_city(), trips, with_offset=True)
    offset = found.document["profiles"]["normal"]["offset"]
    assert abs(offset["seconds"] - 45) < 3 * offset["standard_error"] < 15
    assert values(found.speeds, "normal")[TOY_KEY] == pytest.approx(17.5, rel=0.04)
    assert calibrate(toy_city(), trips).document["profiles"]["normal"]["offset"] is None


def test_odd_trips_pull_little() -> None:
    trips = toy_trips()
    odd = np.arange(200) % 20 == 0
    found = calibrate(toy_city(), replace(trips, seconds=trips.seconds * np.where(odd, 3, 1)))
    assert values(found.speeds, "normal")[TOY_KEY] == pytest.approx(25 * 0.7, rel=0.05)


def test_a_table_that_is_right_already_is_not_called_better() -> None:
    found = calibrate(toy_city(), toy_trips(factor=1.0))
    part = found.document["profiles"]["normal"]
    assert part["verdict"] == "no difference shown"
    assert values(found.speeds, "normal")[TOY_KEY] == pytest.approx(25, rel=0.04)


def test_the_fit_is_drawn_to_the_table_as_the_prior_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kmh = []
    for sd in (10.0, speed_fit.PRIOR_SD, 0.01):
        monkeypatch.setattr(speed_fit, "PRIOR_SD", sd)
        found = calibrate(toy_city(), toy_trips(FEWEST_TRIPS, noise=0.3))
        kmh.append(values(found.speeds, "normal")[TOY_KEY])
    assert kmh[0] < kmh[1] < 1.05 * kmh[0]
    assert 23 < kmh[2] < 25


def test_a_factor_stays_within_its_limits() -> None:
    found = calibrate(toy_city(), toy_trips(factor=0.3))
    (fitted,) = (e for e in found.document["profiles"]["normal"]["factors"] if e["fitted"])
    assert fitted["at_limit"]
    assert fitted["after"] == 25 / 2.5


def test_siren_trips_slower_than_traffic_end_at_the_limit() -> None:
    city = toy_city()
    trips = observed(city, city.speeds, grid_ends(100), profile="siren")
    trips = replace(trips, seconds=1.5 * trips.seconds)
    found = calibrate(city, trips)
    (fitted,) = (e for e in found.document["profiles"]["siren"]["factors"] if e["fitted"])
    assert (fitted["after"], fitted["at_limit"]) == (1, True)
    assert values(found.speeds, "normal") == values(city.speeds, "normal")


def test_what_cannot_be_used_is_counted() -> None:
    good = toy_trips(100)
    here = corner(2, 2)
    bad = Trips(
        start=np.array([here, here, here, (0.0, 0.0), ISLAND]),
        end=np.array([here, (here[0] + 5e-4, here[1]), ISLAND, here, (0.0, 0.0)]),
        seconds=np.array([60.0, 30.0, 300.0, 300.0, 300.0]),
        profile=np.array(["normal", "normal", "normal", "normal", "siren"]),
    )
    siren = replace(toy_trips(7), profile=np.full(7, "siren"))
    found = calibrate(toy_city(), together(bad, good, siren))
    assert found.document["trips"] == {
        "read": 112,
        "used": 100,
        "left_out": {
            "off_road": 2,
            "no_road_leads": 1,
            "too_short": 2,
            "too_few_of_their_profile": 7,
        },
    }
    assert list(found.document["profiles"]) == ["normal"]
    alone = calibrate(toy_city(), good)
    assert found.speeds.text == alone.speeds.text


def test_too_few_trips() -> None:
    with pytest.raises(InputError, match=r"49 of 49 trips could be used.*give at least 50"):
        calibrate(toy_city(), toy_trips(49))


def test_minutes_are_not_taken_for_seconds() -> None:
    trips = toy_trips(100)
    with pytest.raises(InputError, match=r"0\.02.* times what the roads suggest; give seconds"):
        calibrate(toy_city(), replace(trips, seconds=trips.seconds / 60))


def test_the_same_seed_gives_the_same_result_and_another_seed_another_split() -> None:
    trips = toy_trips()
    one, two = calibrate(toy_city(), trips, seed=3), calibrate(toy_city(), trips, seed=3)
    assert one.speeds.text == two.speeds.text
    assert one.document == two.document
    other = calibrate(toy_city(), trips, seed=4)
    assert other.document["profiles"] != one.document["profiles"]


def test_the_fit_does_not_see_the_held_out_trips() -> None:
    trips = toy_trips()
    found = calibrate(toy_city(), trips, seed=3)
    held_out = np.isin(trips.seconds, found.held_out["normal"].observed_s)
    assert held_out.sum() == 40
    changed = replace(trips, seconds=np.where(held_out, trips.seconds * 1.5, trips.seconds))
    again = calibrate(toy_city(), changed, seed=3)
    assert again.speeds.text == found.speeds.text
    assert (
        again.document["profiles"]["normal"]["errors"]
        != found.document["profiles"]["normal"]["errors"]
    )


def test_the_spread_is_told_by_length() -> None:
    spread = calibrate(toy_city(), toy_trips(1000)).document["profiles"]["normal"]["spread"]
    assert spread[0]["trips"] == 200 == sum(each["trips"] for each in spread[1:])
    assert spread[0]["log_sd"] == pytest.approx(0.15, rel=0.15)
    assert spread[0]["robust_log_sd"] == pytest.approx(0.15, rel=0.3)
    assert spread[0]["median_ratio"] == pytest.approx(1, abs=0.03)
    assert (spread[-1]["from_m"], spread[-1]["to_m"], spread[-1]["log_sd"]) == (10_000, None, None)
