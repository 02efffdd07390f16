"""The stationing benchmark: it must catch wrong plans, false proofs and missing peers."""

from __future__ import annotations

import json
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks.cli import benchmark
from benchmarks.location_cases import (
    REFERENCE_DATA,
    census,
    census_best,
    covering,
    distances,
    or_library,
    or_library_optima,
    set_covering,
    utrecht,
)
from benchmarks.plan_value import plan_value
from benchmarks.stationing import measure
from benchmarks.stationing_bars import BARS, times_as_fast
from benchmarks.stationing_cases import FAMILIES, LocationCase, location_cases, missing_families
from benchmarks.stationing_peers import PLANNERS, Bluelight, Planner
from benchmarks.stationing_report import draw, lines_of
from engine.stationing import MODELS, Layer, LocationProblem
from routing.errors import InputError
from tests.benchmarks.planner_fakes import (
    Boaster,
    Crowd,
    Hasty,
    Honest,
    Late,
    Liar,
    Missing,
    Modest,
    Stuck,
)

if TYPE_CHECKING:
    from pathlib import Path

MEDIAN = LocationCase(
    "median", "or-library", "p-median", partial(distances, 12, 40, 3, time_limit_s=5.0)
)
COVER = LocationCase(
    "cover", "growing", "mclp", partial(covering, 20, 200, 5.0, 4, time_limit_s=5.0)
)
FEWEST = LocationCase(
    "fewest", "growing", "lscp", partial(set_covering, 30, 100, 6.0, time_limit_s=5.0)
)
CENTER = LocationCase(
    "center", "growing", "p-center", partial(distances, 12, 40, 3, time_limit_s=5.0)
)


def run(*kinds: type[Planner], cases: tuple[LocationCase, ...] = (MEDIAN,)) -> dict[str, Any]:
    everyone: tuple[type[Planner], ...] = (Bluelight, *kinds)
    chosen = {kind.name: kind for kind in everyone}
    return measure(cases, chosen, budget_s=30.0)


def test_every_plan_is_worth_what_it_says() -> None:
    document = run(Honest, cases=(MEDIAN, COVER, FEWEST, CENTER))
    assert document["wrong"] == []
    for case in document["cases"]:
        assert list(case["answers"]) == ["bluelight", "honest"]
        for answer in case["answers"].values():
            assert answer["proven"]
            assert answer["objective"] == pytest.approx(answer["stated"])
            assert answer["seconds"] > 0
    text = "\n".join(lines_of(document))
    assert "all plans are worth what they say: yes" in text
    assert draw(document) == draw(document)


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        (Boaster, "not "),
        (Liar, "not "),
        (Crowd, "breaks a rule"),
        (Hasty, "claims a proof, but bluelight has a better plan"),
    ],
)
def test_a_wrong_answer_is_found_out(kind: type[Planner], told: str) -> None:
    document = run(kind)
    (answer,) = (case["answers"][kind.name] for case in document["cases"])
    assert told in answer["wrong"]
    (wrong,) = document["wrong"]
    assert wrong.startswith(f"median: {kind.name}: ")
    assert any(line == f"wrong: {wrong}" for line in lines_of(document))


def test_a_worse_plan_without_a_proof_is_not_wrong() -> None:
    document = run(Modest, Late)
    assert document["wrong"] == []
    answer = document["cases"][0]["answers"]["modest"]
    assert answer["objective"] > document["cases"][0]["answers"]["bluelight"]["objective"]


@pytest.mark.parametrize(
    ("factor", "known_as", "told"),
    [
        (1.01, "optimum", "better than the optimum"),
        (0.99, "optimum", "cannot be had"),
        (0.99, "best known", "cannot be had"),
        (1.01, "best known", ""),
    ],
)
def test_a_published_value_is_held_against_the_answer(
    factor: float, known_as: str, told: str
) -> None:
    problem = MEDIAN.load()
    best = MODELS["p-median"].solve(problem).objective
    case = LocationCase(
        "median",
        "or-library",
        "p-median",
        lambda: problem,
        known=factor * best,
        known_as=known_as,
    )
    wrong = run(cases=(case,))["cases"][0]["answers"]["bluelight"]["wrong"]
    assert told in wrong
    assert bool(wrong) == bool(told)


def test_who_is_missing_or_stuck_is_told() -> None:
    case = LocationCase("big", "wide-median", "p-median", MEDIAN.load, peers=False)
    document = run(Missing, Honest, cases=(MEDIAN, case))
    assert list(document["cases"][0]["answers"]) == ["bluelight", "honest"]
    assert list(document["cases"][1]["answers"]) == ["bluelight"]
    assert any(line.startswith("missing is left out: not installed") for line in lines_of(document))


def test_who_finds_no_plan_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.stationing._warm", lambda _: None)
    document = run(Stuck, cases=(MEDIAN, COVER))
    stuck = document["cases"][0]["answers"]["stuck"]
    assert (stuck["objective"], stuck["proven"], stuck["lost"]) == (None, False, "no plan in 30 s")
    assert "stuck" not in document["cases"][1]["answers"]
    assert "no plan: median, stuck: no plan in 30 s" in lines_of(document)
    assert draw(document)


def test_an_interrupted_run_keeps_what_it_has() -> None:
    def interrupted() -> LocationProblem:
        raise KeyboardInterrupt

    stop = LocationCase("stop", "growing", "mclp", interrupted)
    document = run(cases=(MEDIAN, stop, COVER))
    assert [case["name"] for case in document["cases"]] == ["median"]
    assert document["wrong"] == []


def test_who_cannot_solve_a_small_case_is_left_out() -> None:
    document = run(Stuck)
    assert list(document["cases"][0]["answers"]) == ["bluelight"]
    assert "stuck is left out: a small case is too much for it: no plan in 60 s" in lines_of(
        document
    )


def entry(ours: tuple[float, bool], peer: tuple[float, bool], sites: int = 100) -> dict[str, Any]:
    return {
        "family": "or-library",
        "sites": sites,
        "answers": {
            name: {"seconds": seconds, "proven": proven, "wrong": "", "gap": 0.0}
            for name, (seconds, proven) in (("bluelight", ours), ("spopt-cbc", peer))
        },
    }


def test_the_ratio_is_of_the_cases_that_the_peer_proved() -> None:
    cases = [
        entry((1.0, True), (30.0, True)),
        entry((1.0, True), (50.0, True)),
        entry((9.0, True), (60.0, False), sites=900),
    ]
    document: dict[str, Any] = {"budget_s": 60.0, "cases": cases}
    assert times_as_fast("spopt-cbc", document) == 40.0
    assert times_as_fast("spopt-highs", document) is None
    figures = {bar.title: bar.figure(document) for bar in BARS}
    assert figures["900 nodes proven, not so by spopt (CBC)"] == 1.0
    assert figures["pmed1–40, proven"] is None
    cases.append(entry((60.0, False), (50.0, True)))
    assert times_as_fast("spopt-cbc", document) == 0.0
    document["budget_s"] = 20.0
    assert {bar.title: bar.figure(document) for bar in BARS}[
        "900 nodes proven, not so by spopt (CBC)"
    ] is None


def test_all_forty_and_their_time_are_barred() -> None:
    cases = [entry((4.0, True), (60.0, False)) for _ in range(40)]
    figures = {bar.title: bar.figure({"budget_s": 60.0, "cases": cases}) for bar in BARS}
    assert figures["pmed1–40, proven"] == 40
    assert figures["pmed1–40, s together"] == 160.0


def test_values_of_plans_by_hand() -> None:
    travel = np.array([[1.0, 5.0, 9.0], [9.0, 5.0, 2.0]])
    weight = np.array([1.0, 2.0, 4.0])
    problem = LocationProblem([Layer(travel, weight, 5.0)], 2)
    assert plan_value("p-median", problem, [0]) == 1 + 10 + 36
    assert plan_value("p-center", problem, [0, 1]) == 5.0
    assert plan_value("mclp", problem, [0]) == 3.0
    assert plan_value("lscp", problem, [0, 1]) == 2.0
    assert plan_value("lscp", problem, [0]) == np.inf
    assert plan_value("mclp", problem, [0, 0]) == -np.inf
    busy = LocationProblem([Layer(travel, weight, 5.0, units=3, busy=0.5)])
    # the middle point has three units near, the others one or two
    assert plan_value("mexclp", busy, [0, 1], [1, 2]) == 0.5 + 2 * 0.875 + 4 * 0.75
    assert plan_value("mexclp", busy, [0, 1], [2, 2]) == -np.inf


def test_generated_cases_repeat_and_can_be_covered() -> None:
    (layer,) = covering(20, 300, 5.0, 4, time_limit_s=1.0).layers
    (again,) = covering(20, 300, 5.0, 4, time_limit_s=1.0).layers
    np.testing.assert_array_equal(layer.travel_s, again.travel_s)
    assert set(layer.weight) <= set(range(1, 101))
    assert 0 < layer.travel_s.max() <= 30 * np.sqrt(2)
    (fewest,) = set_covering(20, 300, 3.0, time_limit_s=1.0).layers
    assert 0 < fewest.travel_s.shape[1] < 300
    assert fewest.covers().any(axis=0).all()


def test_cases_without_reference_data_are_left_out_and_told(tmp_path: Path) -> None:
    assert missing_families("full", tmp_path) == missing_families("full", None)
    assert missing_families("small", None) == ["or-library", "census", "utrecht", "reykjavik"]
    assert missing_families("million", None) == []
    assert {case.family for case in location_cases("full", None)} < set(FAMILIES)
    assert len(location_cases("small", None)) < len(location_cases("full", None))


def test_published_plans_are_worth_what_was_published(reference_data: Path) -> None:
    assert len(or_library_optima(reference_data)) == 40
    problem = or_library(reference_data, 1, time_limit_s=1.0)
    assert (problem.sites, problem.k) == (100, 5)
    for name in ("NewYork_100_400", "SanFrancisco_70_600"):
        value, sites = census_best(reference_data, name)
        assert plan_value("mclp", census(reference_data, name, time_limit_s=1.0), sites) == value
    problem = utrecht(reference_data, 20, time_limit_s=5.0)
    assert (problem.sites, problem.demand) == (21, 231)
    kinds = {case.name for case in location_cases("full", reference_data)}
    assert {"pmed40", "SanFrancisco_100_600", "mexclp, 24 units", "Reykjavik, 5 stations"} <= kinds


@pytest.mark.parametrize("peer", ["spopt-cbc", "spopt-highs"])
def test_spopt_agrees(peer: str) -> None:
    # not imported here: two programs' HiGHS do not share a process
    if missing := [each for each in PLANNERS[peer].packages if find_spec(each) is None]:
        pytest.skip(f"{missing[0]} is not installed")
    document = run(PLANNERS[peer], cases=(MEDIAN, COVER, FEWEST, CENTER))
    assert document["wrong"] == []
    for case in document["cases"]:
        ours, theirs = (case["answers"][name] for name in ("bluelight", peer))
        assert theirs["proven"]
        assert theirs["objective"] == pytest.approx(ours["objective"])


def test_the_command_writes_results_and_a_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(REFERENCE_DATA, str(tmp_path / "nowhere"))
    monkeypatch.setattr("benchmarks.stationing_cases._growing", lambda: [COVER])
    monkeypatch.setattr("benchmarks.results.PLANNERS", {"bluelight": Bluelight, "honest": Honest})
    out, picture = tmp_path / "r.json", tmp_path / "r.svg"
    arguments = ["stationing", "--set", "growing", "--out", str(out), "--picture", str(picture)]
    ran = CliRunner().invoke(benchmark, [*arguments, "--json"])
    assert ran.exit_code == 0, ran.output
    document = json.loads(out.read_text(encoding="utf-8"))
    assert json.loads(ran.stdout) == document
    assert {"revision", "versions", "machine", "settings"} <= document.keys()
    (case,) = document["results"]["stationing"]["cases"]
    assert case["answers"]["honest"]["proven"]
    assert picture.read_text(encoding="utf-8").startswith("<?xml")
    monkeypatch.setattr("benchmarks.results.PLANNERS", {"bluelight": Bluelight, "crowd": Crowd})
    assert CliRunner().invoke(benchmark, arguments).exit_code == 1


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [(["--set", "smal"], "small"), (["--peers", "spopt-cbd"], "spopt-cbc")],
)
def test_unknown_names(tmp_path: Path, arguments: list[str], meant: str) -> None:
    out = tmp_path / "r.json"
    ran = CliRunner().invoke(benchmark, ["stationing", *arguments, "--out", str(out)])
    assert isinstance(ran.exception, InputError)
    assert f"did you mean '{meant}'?" in str(ran.exception)
    assert not out.exists()


@pytest.mark.parametrize(
    ("name", "option", "value"),
    [("stationing", "--rounds", "2"), ("routing", "--set", "small")],
)
def test_an_option_of_the_other_benchmark_is_refused(
    tmp_path: Path, name: str, option: str, value: str
) -> None:
    ran = CliRunner().invoke(benchmark, [name, option, value, "--out", str(tmp_path / "r.json")])
    assert ran.exit_code == 2
    assert option in ran.output
