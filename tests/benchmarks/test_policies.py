"""The leaderboard of policies, on one small scenario."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from benchmarks.cli import benchmark
from benchmarks.policies import measure
from benchmarks.policy_cases import CITIES, LOADS, PolicyCase, policy_cases
from benchmarks.policy_report import draw, lines_of, overall
from scenarios.demand import draw_incidents
from scenarios.runs import run, simulate
from scenarios.terrain import terrain_of

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def cases() -> list[PolicyCase]:
    return list(policy_cases(None, ("neubrandenburg",)))


@pytest.fixture(scope="module")
def document(cases: list[PolicyCase]) -> dict[str, Any]:
    return measure(
        [replace(case, scenario=_from_call(case)) for case in cases[1:2]],
        ["closest+nested-table", "foresight"],
        replications=3,
        seed=1,
        bounds=1,
        workers=1,
    )


def _from_call(case: PolicyCase) -> Any:
    """Let the standard start with the call, which the bound needs."""
    settings = case.scenario.settings
    standards = [each.model_copy(update={"start": "call"}) for each in settings.standards]
    changed = settings.model_copy(update={"standards": standards})
    return replace(case.scenario, settings=changed)


def test_units_are_as_busy_as_the_load_says(cases: list[PolicyCase]) -> None:
    assert [case.load for case in cases] == [*LOADS, "surge"]
    for case in cases[:3]:
        busy = terrain_of(case.scenario, case.tables).busy_share
        assert busy == pytest.approx(LOADS[case.load], rel=0.1)
    usual, surge = (draw_incidents(cases[i].scenario, 1, 0) for i in (1, 3))
    night = [(each.call_ms / 3.6e6 >= 30) & (each.call_ms / 3.6e6 < 36) for each in (usual, surge)]
    assert night[1].sum() > 2 * night[0].sum()


def test_figures_are_those_of_the_run(cases: list[PolicyCase], document: dict[str, Any]) -> None:
    (scenario,) = document["scenarios"]
    assert list(scenario["policies"]) == ["closest", "closest+nested-table", "foresight"]
    own = _from_call(cases[1])
    plain = simulate(own, policy="closest", replications=3, seed=1)
    closest = scenario["policies"]["closest"]
    within = plain.summary["within"]["Hilfsfrist 10 minutes"]
    assert closest["late"]["value"] == pytest.approx(1 - within["value"])
    assert closest["mean_s"]["value"] == pytest.approx(plain.summary["response_mean"]["value"])
    assert closest["moves"]["value"] == 0 < scenario["policies"]["foresight"]["moves"]["value"]
    ours = scenario["policies"]["foresight"]
    assert ours["minus_base"]["late"]["value"] == pytest.approx(
        ours["late"]["value"] - closest["late"]["value"]
    )
    assert closest["ours_minus"]["late"] == ours["minus_base"]["late"]
    assert ours["decision_ms"]["p99"] > 0
    assert closest["bound"]["late"] >= scenario["bound"]["late"]
    assert not ours["bound"]["holds"]
    assert document["wrong"] == []


def test_what_beats_the_bound_is_told(
    cases: list[PolicyCase], monkeypatch: pytest.MonkeyPatch
) -> None:
    def _runs(*args: Any, **options: Any) -> Any:
        result = run(*args, **options)
        return replace(result, incidents=result.incidents.assign(response_time=1.0))

    monkeypatch.setattr("benchmarks.policies.run", _runs)
    case = replace(cases[1], scenario=_from_call(cases[1]))
    found = measure([case], [], replications=2, seed=1, bounds=1, workers=1)
    if found["scenarios"][0]["bound"]["late"] == 0:
        pytest.skip("nobody need be late in this case, so that nobody can beat the bound")
    assert found["wrong"] == [f"{case.name}: closest is late less often than the bound allows"]


def test_tables_and_picture(document: dict[str, Any]) -> None:
    lines = "\n".join(lines_of({**document, "skipped": ["utrecht"]}))
    assert "neubrandenburg, 7 units" in lines
    assert "left out for want of reference data: utrecht" in lines
    assert [row["policy"] for row in overall(document)][-1] == "closest"
    assert draw(document) == draw(document)
    assert b"foresight" in draw(document)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--city", "atlantis"], "unknown city 'atlantis'"),
        (["--set", "tset"], "did you mean 'test'"),
        (["--peers", "closset", "--city", "reykjavik"], "closset"),
        (["--check", "3"], "is of the benchmark routing"),
        (["--rounds", "1"], "says nothing of chance"),
    ],
)
def test_wrong_input_is_named(tmp_path: Path, arguments: list[str], said: str) -> None:
    out = tmp_path / "r.json"
    ran = CliRunner().invoke(benchmark, ["policies", *arguments, "--out", str(out)])
    told = ran.output + str(ran.exception)
    assert ran.exit_code != 0
    assert said in told
    assert not out.exists()


def test_every_city_is_read_or_left_out() -> None:
    assert [city.name for city in CITIES if city.bundled] == ["reykjavik", "neubrandenburg"]


def test_the_command_writes_what_it_measured(tmp_path: Path) -> None:
    out, picture = tmp_path / "r.json", tmp_path / "r.svg"
    arguments = ["policies", "--city", "neubrandenburg", "--peers", "closest", "--rounds", "2"]
    files = ["--bounds", "0", "--out", str(out), "--picture", str(picture)]
    ran = CliRunner().invoke(benchmark, [*arguments, *files])
    assert ran.exit_code == 0, ran.output
    written = json.loads(out.read_text())
    assert written["settings"] == {"set": "test", "seed": 1, "replications": 2, "bounds": 0}
    assert len(written["results"]["policies"]["scenarios"]) == 4
    assert picture.read_bytes().startswith(b"<?xml")
