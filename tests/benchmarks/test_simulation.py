"""The simulation benchmark: everybody gives the same, and who does not is found out."""

from __future__ import annotations

import json
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks.cli import benchmark
from benchmarks.queue_peers import CiwQueue, PlainQueue, SimPyQueue, queue
from benchmarks.simulation import measure, peers_of
from benchmarks.simulation_bars import log_cost, times
from benchmarks.simulation_cases import PEERS, FleetCase, fleet_cases
from benchmarks.simulation_report import draw, lines_of
from engine.dispatch import CLOSEST
from engine.queueing import erlang_c
from scenarios.simulation.run import run_replication

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

COUNT = 3_000


class Hasty(PlainQueue):
    """Lets nobody wait longer than a second."""

    def run(self) -> NDArray[np.float64]:
        return np.minimum(super().run(), 1000.0)


@pytest.mark.parametrize(
    ("kind", "package"), [(PlainQueue, ""), (SimPyQueue, "simpy"), (CiwQueue, "ciw")]
)
def test_every_wait_is_the_same(kind: type[Any], package: str) -> None:
    if package:
        pytest.importorskip(package, reason=f"{package} is not installed")
    fleet = queue(COUNT)
    calls = fleet.incidents
    served = run_replication(fleet.travel, fleet.rules, calls, CLOSEST, logged=False).served
    ours = served["on_scene_ms"] - calls.call_ms
    assert (ours > 0).mean() == pytest.approx(erlang_c(10.0, 12), abs=0.1)
    np.testing.assert_allclose(kind(fleet, COUNT).run(), ours, rtol=0, atol=1e-3)


def test_others_responses_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PEERS, "simpy", "no-such-package")
    case = FleetCase("queue", queue, {"python": Hasty, "simpy": SimPyQueue})
    document = measure(
        [case], ["simpy", "python"], incidents=500, rounds=1, alone=600, cities=False
    )
    (wrong,) = document["wrong"]
    assert wrong.startswith("queue: python: off by ")
    assert list(document["cases"][0]["answers"]) == ["bluelight", "python"]
    text = lines_of(document)
    assert f"wrong: {wrong}" in text
    assert "simpy is left out: not installed: pip install no-such-package" in text
    assert {each["passed"] for each in document["bars"]} == {None}


def test_ratios_are_of_their_own_case() -> None:
    answers = {
        "bluelight": {"median_s": 2.0, "min_s": 1.0},
        "simpy": {"median_s": 90.0, "min_s": 60.0},
    }
    document: dict[str, Any] = {
        "cases": [{"name": "utrecht", "answers": answers}],
        "cities": [{"name": "here", "median_s": {"bare": 2.0, "written": 5.0}}],
    }
    assert times("utrecht", "simpy", "median_s", document) == 45.0
    assert times("utrecht", "simpy", "min_s", document) == 60.0
    assert times("utrecht", "ciw", "min_s", document) is None
    assert log_cost("here", document) == 2.5
    assert log_cost("there", document) is None


def test_without_reference_data_the_queue_is_left() -> None:
    assert [case.name for case in fleet_cases(None)] == ["queue"]
    assert peers_of([]) == list(PEERS)
    assert peers_of(["python", "bluelight"]) == ["python"]


@pytest.mark.skipif(find_spec("simpy") is None, reason="simpy is not installed")
def test_the_command_writes_results_and_a_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmarks.results._PLAYED", 300)
    monkeypatch.setattr("benchmarks.results._PLAYED_ALONE", 400)
    monkeypatch.setattr("benchmarks.results.reference_data", lambda: None)
    monkeypatch.setattr("benchmarks.simulation.year", lambda: pytest.fail("too long"))
    monkeypatch.setattr(
        "benchmarks.results.simulations",
        lambda *given, **options: measure(*given, cities=False, **options),
    )
    out, picture = tmp_path / "results.json", tmp_path / "rates.svg"
    arguments = ["simulation", "--rounds", "1", "--peers", "simpy"]
    told = CliRunner().invoke(benchmark, [*arguments, "--picture", str(picture), "--out", str(out)])
    assert told.exit_code == 0, told.output
    document = json.loads(out.read_text())
    measured = document["results"]["simulation"]
    assert measured["wrong"] == []
    assert measured["skipped"] == ["utrecht", "utrecht, all phases"]
    assert draw(measured) == picture.read_bytes()
    assert "all responses equal: yes" in told.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["simulation", "--set", "full"], "is of the benchmark stationing"),
        (["simulation", "--full"], "is of the benchmark routing"),
        (["simulation", "--peers", "simpi"], "did you mean 'simpy'"),
    ],
)
def test_options_of_others_are_refused(arguments: list[str], said: str, tmp_path: Path) -> None:
    told = CliRunner().invoke(benchmark, [*arguments, "--out", str(tmp_path / "results.json")])
    assert told.exit_code != 0
    assert said in told.output + str(told.exception)
