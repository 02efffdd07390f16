"""The benchmark of decisions, on few units."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from click.testing import CliRunner

from benchmarks.cli import benchmark
from benchmarks.decisions import lines_of, measure
from engine.policies import POLICIES

if TYPE_CHECKING:
    from pathlib import Path


def test_every_policy_is_timed_and_every_hang_is_flagged() -> None:
    document = measure(units=60, incidents=6, hangs=30, rounds=1)
    assert set(POLICIES) <= set(document["answers"])
    assert "batch-v1, 6 waiting" in document["answers"]
    assert document["hangs"]["flagged"] == document["hangs"]["asked"] == 30
    assert document["hangs"]["slowest_ms"] >= document["hangs"]["deadline_ms"]
    for kinds in document["joint"].values():
        for each in kinds.values():
            assert each["optimal"]
            assert each["slowest_ms"] >= each["median_ms"] > 0
    # five units are free: not six incidents, and fewer pairs
    short = document["joint"]["units short"]
    assert short["single units"]["waiting"] >= 1
    assert short["responses"]["waiting"] >= short["single units"]["waiting"]
    assert document["joint"]["units enough"]["single units"]["waiting"] == 0
    text = "\n".join(lines_of(document))
    assert all(name in text for name in POLICIES)
    assert {bar["passed"] for bar in document["bars"]} <= {True, False}
    assert json.dumps(document)


def test_an_option_of_another_benchmark_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    ran = CliRunner().invoke(benchmark, ["decisions", "--bounds", "3", "--out", str(out)])
    assert ran.exit_code == 2
    assert "is of the benchmark policies" in ran.output
    assert not out.exists()
