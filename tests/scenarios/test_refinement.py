"""Refinement: against the enumeration of all placements, plain comparisons, and chance."""

from __future__ import annotations

import itertools
import json
import signal
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from routing.errors import InputError
from scenarios.compare import compare
from scenarios.fleet_trials import Judge, Trials, reachable_stations
from scenarios.packaging import load_scenario, save_scenario
from scenarios.policies import load_policy
from scenarios.pools import workers_with
from scenarios.refinement import _Search, moved, neighbours, refine
from scenarios.runs import simulate
from scenarios.simulation.run import play
from scenarios.simulation.tables import build_tables
from scenarios.yardsticks import YARDSTICKS, Scale
from tests.toy_city import ISLAND, toy_city

if TYPE_CHECKING:
    from pathlib import Path

    from scenarios.package import Scenario

QUICK: dict[str, Any] = {"replications": 10, "check": 40, "budget": 3000}


def placed(homes: tuple[str, ...], limit_s: float = 480) -> Scenario:
    """Toy city with its four ambulances at given stations."""
    city = toy_city()
    settings = city.settings
    standards = [settings.standards[0].model_copy(update={"limit_s": limit_s})]
    city = replace(city, settings=settings.model_copy(update={"standards": standards}))
    return city.with_fleet(city.stations, city.units.assign(station=[*homes, "S3"]))


def ambulances(city: Scenario) -> tuple[str, ...]:
    return tuple(sorted(city.units["station"][city.units["type"] == "ambulance"]))


@pytest.mark.parametrize(
    ("objective", "key", "sign"),
    [
        ("mean", ("response_mean", "value"), -1),
        ("within", ("within", "8 minutes", "value"), 1),
    ],
)
def test_a_bad_fleet_becomes_the_best_of_all(
    objective: str, key: tuple[str, ...], sign: int
) -> None:
    """Enumerate the fifteen placements by long simulations with other incidents."""

    def worth(homes: tuple[str, ...]) -> float:
        found: Any = simulate(placed(homes, 240), replications=60, seed=99).summary
        for part in key:
            found = found[part]
        return sign * float(found)

    everything = list(itertools.combinations_with_replacement(("S1", "S2", "S3"), 4))
    best = max(everything, key=worth)
    found = refine(placed(("S1",) * 4, 240), objective=objective, **QUICK)
    assert ambulances(found.scenario) == best
    assert found.document["ended"] == "settled"
    assert len(found.document["steps"]) >= 2


@pytest.fixture(scope="module")
def refined() -> Any:
    return refine(placed(("S1",) * 4), objective="mean", seed=5, **QUICK)


def test_the_check_is_what_compare_finds(refined: Any) -> None:
    """Compare builds tables of its own for each fleet."""
    start = placed(("S1",) * 4)
    found = compare([start, refined.scenario], ["closest"], replications=40, seed=5)
    said = {each["id"]: each for each in refined.document["check"]["measures"]}
    keys = {"mean": "response_mean", "survivors": "survivors_per_year"}
    for name, key in keys.items():
        assert said[name]["difference"] == pytest.approx(found.differences[0][key], rel=1e-6)
        assert said[name]["before"] == pytest.approx(found.runs[0].summary[key], rel=1e-6)
        assert said[name]["after"] == pytest.approx(found.runs[1].summary[key], rel=1e-6)
    within = found.runs[1].summary["within"]["8 minutes"]
    assert said["within"]["after"] == pytest.approx(within, rel=1e-6)


def test_the_document_tells_the_way_from_start_to_end(refined: Any) -> None:
    document = refined.to_json_dict()
    home = dict(zip(toy_city().units["id"], ["S1"] * 4 + ["S3"], strict=True))
    for step in document["steps"]:
        for each in step["moved"]:
            assert home[each["unit"]] == each["from"]
            home[each["unit"]] = each["to"]
        assert step["change"]["high"] < 0
    assert home == {unit["id"]: unit["station"] for unit in document["units"]}
    assert home == dict(zip(*(refined.scenario.units[c] for c in ("id", "station")), strict=True))
    after = {each["id"]: each["after"]["ambulance"] for each in document["stations"]}
    assert after == {s: list(home.values())[:4].count(s) for s in ("S1", "S2", "S3")}


def test_workers_and_repetition_change_no_byte(refined: Any, tmp_path: Path) -> None:
    for workers in (1, 2):
        again = refine(placed(("S1",) * 4), objective="mean", seed=5, workers=workers, **QUICK)
        assert json.dumps(again.document) == json.dumps(refined.document)
        assert save_scenario(again.scenario, tmp_path / f"{workers}") == save_scenario(
            refined.scenario, tmp_path / "first"
        )
    loaded = load_scenario(str(tmp_path / "2"))
    assert loaded.settings.name == "Toytown <&>, refined"
    pd.testing.assert_frame_equal(loaded.units, refined.scenario.units)


@pytest.mark.parametrize("budget", [100, 137, 400])
def test_the_budget_is_kept(budget: int, monkeypatch: pytest.MonkeyPatch) -> None:
    played = 0

    def counted(*args: Any, **kwargs: Any) -> None:
        nonlocal played
        played += 1
        play(*args, **kwargs)

    monkeypatch.setattr("scenarios.fleet_trials.play", counted)
    found = refine(
        placed(("S1",) * 4), objective="mean", replications=10, check=20, budget=budget
    ).document
    assert played == found["simulated"] <= budget
    if budget < 400:
        assert found["ended"] == "budget"
        assert found["undecided"]["moves"] > 0


@pytest.mark.parametrize("when", [3, 200])
def test_ctrl_c_gives_the_best_so_far(when: int, monkeypatch: pytest.MonkeyPatch) -> None:
    played = 0

    def interrupted(*args: Any, **kwargs: Any) -> None:
        nonlocal played
        played += 1
        if played == when:
            raise KeyboardInterrupt
        play(*args, **kwargs)

    monkeypatch.setattr("scenarios.fleet_trials.play", interrupted)
    found = refine(placed(("S1",) * 4), objective="mean", **QUICK)
    assert found.document["ended"] == "interrupted"
    assert found.document["undecided"] is None
    assert (ambulances(found.scenario) == ("S1",) * 4) == (when == 3)
    assert found.document["check"]["measures"][1]["after"]["value"] > 0


def test_it_stops_between_rounds() -> None:
    found = refine(placed(("S1",) * 4), objective="mean", stop=lambda: True, **QUICK)
    assert found.document["ended"] == "stopped"
    assert found.document["steps"] == []
    # the start alone was checked
    assert found.document["simulated"] == 40
    for each in found.document["check"]["measures"]:
        assert (each["difference"]["value"], each["difference"]["high"]) == (0, 0)


def mirrored() -> Scenario:
    """One ambulance, and two stations that a mirror would exchange."""
    city = toy_city()
    settings = city.settings
    priorities = [p.model_copy(update={"transported": 0.0}) for p in settings.priorities]
    return replace(
        city,
        settings=settings.model_copy(
            update={
                "priorities": priorities,
                "horizon": settings.horizon.model_copy(update={"days": 1}),
            }
        ),
        zones=city.zones[:2].assign(weight=1.0),
        stations=city.stations[:2],
        units=city.units[:1],
    )


def test_ctrl_c_amid_the_work_of_other_processes() -> None:
    """Both places are as good, so that the race goes on until somebody has enough."""
    main = threading.main_thread().ident
    assert main is not None
    timer = threading.Timer(0.5, signal.pthread_kill, [main, signal.SIGINT])

    def begin() -> bool:
        if not timer.ident:
            timer.start()
        return False

    found = refine(
        mirrored(),
        objective="mean",
        workers=2,
        stop=begin,
        check=5,
        budget=10**9,
        confidence=0.9999,
    )
    assert found.document["ended"] == "interrupted"
    assert found.document["check"]["measures"][1]["after"]["value"] > 0


def test_among_equals_nobody_moves_more_often_than_said() -> None:
    """A/A through the simulator: both stations are as good, yet no replication is alike."""
    city, searches, error = mirrored(), 40, 0.2
    tables = build_tables(city, movable=True)
    scale = Scale(city.settings, city.settings.standards[0])
    wrong = 0
    for seed in range(searches):
        given = (city, tables, load_policy("closest"), scale, seed)
        with workers_with(1, Judge, given) as spread:
            trials = Trials(spread, list(YARDSTICKS).index("mean"), "closest", lambda _: None)
            search = _Search(city, trials, np.arange(2), error, seed, None)
            assert search.run(10, 0, 160) in {"budget", "settled"}
        assert trials.simulated >= 20
        wrong += bool(search.steps)
    assert wrong <= stats.binom.isf(1e-4, searches, error)


def test_neighbours_are_all_moves_and_swaps() -> None:
    homes, kinds = np.array([0, 0, 1]), np.array(["a", "b", "a"], dtype=object)
    found = {tuple(sorted(move)) for move in neighbours(homes, kinds, np.arange(3))}
    singles = {((unit, s),) for unit, home in enumerate(homes) for s in range(3) if s != home}
    assert found == singles | {((1, 1), (2, 0))}
    np.testing.assert_array_equal(moved(homes, ((1, 1), (2, 0))), [0, 1, 0])
    np.testing.assert_array_equal(homes, [0, 0, 1])
    # the last of those that are alike goes, and to open stations only
    alike = list(neighbours(np.array([0, 0]), np.array(["a", "a"], dtype=object), np.array([0, 2])))
    assert alike == [((1, 2),)]


def test_nobody_moves_where_no_road_leads() -> None:
    city = placed(("S1",) * 4)
    lon, lat = ISLAND
    island = pd.DataFrame({"id": ["S0"], "name": ["island"], "lon": [lon], "lat": [lat]})
    city = city.with_fleet(pd.concat([island, city.stations], ignore_index=True), city.units)
    assert reachable_stations(city, build_tables(city, movable=True)).tolist() == [1, 2, 3]
    found = refine(city, objective="mean", **QUICK)
    assert "S0" not in set(found.scenario.units["station"])
    assert found.document["steps"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"objective": "meen"}, "did you mean 'mean'"),
        ({"standard": "8 minuts"}, "did you mean '8 minutes'"),
        ({"replications": 4}, "--replications: 4 is too few"),
        ({"check": 1}, "--check: 1 is too few"),
        ({"workers": 0}, "--workers: 0 is too few"),
        ({"budget": 99}, "--budget: 99 replications are too few"),
        ({"confidence": 1.0}, "--confidence: 1 is out of range"),
        ({"policy": "closets"}, "unknown policy 'closets'"),
        ({"seed": -1}, "--seed: -1 is no seed"),
    ],
)
def test_what_cannot_be_asked(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        refine(placed(("S1",) * 4), **QUICK | options)


def test_no_mean_of_responses_that_never_come() -> None:
    class Never:
        def decide(self, _: object) -> int:
            return -1

    with pytest.raises(InputError, match="never served"):
        refine(placed(("S1",) * 4), objective="mean", policy=Never(), **QUICK)
