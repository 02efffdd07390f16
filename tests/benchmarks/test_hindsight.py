"""Policies beside the best plans in hindsight, on a small city."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks import hindsight
from benchmarks.cli import benchmark
from benchmarks.hindsight import lines_of, measure
from scenarios.clairvoyance import reordered
from scenarios.demand import draw_incidents
from scenarios.policies import load_policy
from scenarios.runs import run
from tests.toy_city import toy_city

if TYPE_CHECKING:
    from pathlib import Path

LISTS = 3


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hindsight, "INCIDENTS", 30)
        return measure(toy_city(), ["closest-idle"], lists=LISTS, seed=1, workers=1)


def test_late_arrivals_are_those_of_the_event_loop(document: dict[str, Any]) -> None:
    assert list(document["policies"]) == ["closest", "closest-idle", "foresight"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hindsight, "INCIDENTS", 30)
        city = hindsight._city(toy_city(), ("closest",), 1)
    late = 0
    for number in range(LISTS):
        calls = reordered(draw_incidents(city.scenario, 1, number), np.arange(30))
        frame = run(city.scenario, city.tables, load_policy("closest"), [calls], seed=1).incidents
        late += int((~(frame["response_time"] <= 480)).sum())
    assert document["policies"]["closest"]["late"] == late


def test_no_bound_is_beaten_where_it_holds(document: dict[str, Any]) -> None:
    assert document["wrong"] == []
    assert not document["policies"]["foresight"]["holds"]
    held = 0
    for one in document["lists"]:
        assert one["anyone"] <= one["bound"]
        assert one["plan"] is None or one["bound"] <= one["plan"]
        for each in one["policies"].values():
            held += each["holds"]
            assert not each["holds"] or each["late"] >= one["bound"]
    assert held > 0
    text = "\n".join(lines_of(document))
    assert "3 lists of" in text
    assert "moves units" in text


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--set", "tset"], "did you mean"),
        (["--bounds", "1"], "is of the benchmark policies"),
        (["--rounds", "0"], "0 is not in the range"),
    ],
)
def test_wrong_input_is_named(tmp_path: Path, arguments: list[str], told: str) -> None:
    out = tmp_path / "r.json"
    result = CliRunner().invoke(benchmark, ["hindsight", *arguments, "--out", str(out)])
    assert result.exit_code != 0
    assert told in result.output + str(result.exception)
    assert not out.exists()
