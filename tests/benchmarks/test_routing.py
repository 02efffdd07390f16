"""The routing benchmark: it must catch wrong, missing, slow and hanging contestants."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from benchmarks.bars import judge
from benchmarks.cli import lines_of
from benchmarks.contestants import Bluelight
from benchmarks.desk import ContestantLost, LocalDesk, Question, RemoteDesk
from benchmarks.peers import SciPy
from benchmarks.picture import draw
from benchmarks.questions import Task, tasks
from benchmarks.road_graphs import generate
from benchmarks.routing import measure
from tests.benchmarks.fakes import Hanging, Missing, Slow, Unchecked, Whole, Wrong

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.contestants import Contestant
    from benchmarks.desk import Desk

GRAPH = generate(600, name="small")


def local(kind: type[Contestant], graph_file: Path) -> Desk:
    del graph_file
    return LocalDesk(kind, GRAPH)


def run(
    *kinds: type[Contestant], chosen: tuple[Task, ...], budget_s: float = 5.0
) -> dict[str, Any]:
    return measure(
        GRAPH,
        {kind.name: kind for kind in kinds},
        rounds=2,
        budget_s=budget_s,
        check_s=60.0,
        places=300,
        chosen=chosen,
        open_desk=local,
    )


def task(key: str) -> Task:
    return next(each for each in tasks() if each.key == key)


def test_every_task_checks_every_distance_of_ours() -> None:
    document = run(SciPy, Bluelight, chosen=tasks())
    assert document["wrong"] == []
    for each in document["tasks"]:
        ours = each["contestants"]["bluelight"]
        assert 0 < ours["checked"] == ours["distances"], each["key"]
        assert ours["least_ms"] <= ours["median_ms"] <= ours["p99_ms"]
    assert document["roof"]["share"] > 0
    text = "\n".join(lines_of(document))
    assert "all answers equal: yes" in text
    assert draw([document]) == draw([document])


def test_wrong_answer_is_caught_and_told() -> None:
    document = run(SciPy, Wrong, chosen=(task("matrix_200_2000"),))
    wrong = document["tasks"][0]["contestants"]["wrong"]
    assert wrong["wrong"] == wrong["answers"] > 1
    assert "wrong" in document["wrong"]
    assert any("answers not equal" in line for line in lines_of(document))


def test_unchecked_contestant_is_timed_and_named() -> None:
    document = run(SciPy, Unchecked, chosen=(task("matrix_200_2000"),))
    times = document["tasks"][0]["contestants"]["unchecked"]
    assert (times["checked"], times["wrong"], times["differs"]) == (0, 0, False)
    assert times["distances"] == times["answers"] * 200 * 300
    assert document["wrong"] == []
    assert "timed, not checked: unchecked" in lines_of(document)


def test_missing_peer_is_told_with_how_to_install_it() -> None:
    document = run(SciPy, Missing, chosen=(task("row"),))
    assert list(document["tasks"][0]["contestants"]) == ["scipy"]
    how = "pip install bluelight-no-such-package (wheels for Python 9)"
    assert f"missing is not installed: {how}" in lines_of(document)


def test_slow_contestant_answers_a_share() -> None:
    document = run(SciPy, Slow, chosen=(task("matrix_200_2000"),), budget_s=0.8)
    slow = document["tasks"][0]["contestants"]["slow"]
    rows = int(slow["share"].split()[0])
    assert 1 < rows < 100
    assert slow["median_ms"] >= 200 * 20
    assert slow["wrong"] == 0
    assert slow["checked"] == slow["answers"] * rows * 300


def test_contestant_that_cannot_be_scaled_answers_all_rows() -> None:
    document = run(SciPy, Whole, chosen=(task("matrix_200_2000"),), budget_s=0.8)
    whole = document["tasks"][0]["contestants"]["whole"]
    assert "share" not in whole
    assert whole["answers"] == 1
    assert whole["distances"] == 200 * 300
    assert whole["median_ms"] >= 200 * 20


def test_hanging_contestant_is_ended(tmp_path: Path) -> None:
    file = tmp_path / "graph.npz"
    GRAPH.save(file)
    desk = RemoteDesk(Hanging, file)
    assert desk.preparation.peak_mb > 10
    assert desk.can("pair")
    assert not desk.can("pin")
    assert len(desk.ask([Question((("pair", (0, 1)),))], 1.0).seconds) == 1
    desk.timeout_s = 0.5
    with pytest.raises(ContestantLost, match=r"hanging: no answer in 0.5 s"):
        desk.ask([Question((("row", (0,)),))], 1.0)


def test_bars_compare_ratios_and_leave_open_what_is_missing() -> None:
    document: dict[str, Any] = {
        "graph": "630k",
        "contestants": {"bluelight": {"preparation_s": 16.0, "peak_mb": 400.0}},
        "tasks": [
            {
                "key": "rows_128",
                "contestants": {"bluelight": {"median_ms": 2.0}, "scipy": {"median_ms": 1000.0}},
            }
        ],
        "roof": None,
    }
    verdicts = {each["title"]: each for each in judge(document)}
    rows = verdicts["128 full rows, times SciPy"]
    assert (rows["bar"], rows["figure"], rows["passed"]) == (450, 500.0, True)
    assert verdicts["preparation, s"]["passed"] is False
    assert verdicts["preparation, peak MB"]["passed"] is True
    assert verdicts["rows, share of the triad's bandwidth"]["passed"] is None
    assert verdicts["200 × 2,000, times OSRM (CH)"]["passed"] is None
    document["graph"] = "city"
    assert judge(document) == []


def test_distances_beyond_int32_count_as_unreachable() -> None:
    from benchmarks.contestants import milliseconds
    from routing.network import UNREACHABLE

    assert milliseconds([None, np.inf, 3e9, 12.4]).tolist() == [*[UNREACHABLE] * 3, 12]
