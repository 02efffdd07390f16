"""Replications until a figure is known as closely as wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from routing.errors import InputError
from scenarios.precision import Precision, Stopping
from scenarios.runs import simulate
from scenarios.statistics import estimate, ratio
from tests.toy_city import toy_city

if TYPE_CHECKING:
    from pathlib import Path

    from scenarios.simulation.run import Outcome


class Told(Stopping):
    """Replications whose sums are told."""

    def __init__(self, precision: Precision, sums: np.ndarray[Any, Any]) -> None:
        super().__init__(precision, toy_city())
        self._told = iter(sums)

    def _read(self, outcome: Outcome) -> tuple[float, float]:  # noqa: ARG002
        return next(self._told), 50.0

    def run(self) -> int:
        """Return after how many replications there are enough."""
        count = 1
        while not self.enough(None):  # type: ignore[arg-type]
            count += 1
        return count


def relative(sums: np.ndarray[Any, Any]) -> float:
    """Half of the t interval of a mean over it, as a textbook has it."""
    said = estimate(ratio(sums, np.full(len(sums), 50.0)))
    assert said.value is not None
    assert said.high is not None
    return (said.high - said.value) / said.value


def test_it_stops_at_the_first_replication_that_is_enough_and_not_before() -> None:
    rng = np.random.default_rng(2)
    sums = rng.normal(1000, 100, 500)
    stopping = Told(Precision(0.02, at_most=500), sums)
    count = stopping.run()
    assert 20 < count < 500
    assert relative(sums[:count]) <= 0.02
    assert all(relative(sums[:n]) > 0.02 for n in range(20, count))
    said = stopping.to_json_dict()
    assert said["reached"]
    assert said["known"] == pytest.approx(relative(sums[:count]))


def test_the_first_sample_and_the_most_are_kept_to() -> None:
    rng = np.random.default_rng(3)
    alike = Told(Precision(0.5), rng.normal(1000, 1, 100))
    assert alike.run() == 20
    apart = Told(Precision(0.001, at_most=60), rng.normal(1000, 300, 100))
    assert apart.run() == 60
    assert not apart.to_json_dict()["reached"]


def test_the_interval_that_it_stops_with_covers_the_mean() -> None:
    """Stopping on the spread costs some coverage; the first sample keeps it small."""
    rng = np.random.default_rng(4)
    hits = 0
    for _ in range(400):
        sums = rng.exponential(200, 400) + 800
        count = Told(Precision(0.03, at_most=400), sums).run()
        said = estimate(ratio(sums[:count], np.full(count, 50.0)))
        assert said.low is not None
        assert said.high is not None
        hits += said.low <= 20 <= said.high
    assert 0.91 < hits / 400 <= 0.98


@pytest.mark.parametrize("figure", ["mean", "within"])
def test_the_summary_is_as_precise_as_asked(figure: str) -> None:
    result = simulate(toy_city(), precision=Precision(0.02, figure), seed=7)
    said = result.summary
    key = said["response_mean"] if figure == "mean" else next(iter(said["within"].values()))
    half = max(key["high"] - key["value"], key["value"] - key["low"])
    assert result.precision is not None
    assert result.precision["known"] == pytest.approx(half / key["value"], rel=1e-6)
    assert result.precision["known"] <= 0.02
    assert 20 <= result.replications == said["replications"] < 1000
    again = simulate(toy_city(), replications=result.replications, seed=7)
    assert again.summary == said


def test_the_bytes_do_not_depend_on_the_workers(tmp_path: Path) -> None:
    wanted = Precision(0.02)
    runs = {
        workers: simulate(
            toy_city(), precision=wanted, seed=8, workers=workers, out=tmp_path / str(workers)
        )
        for workers in (1, 2, 4)
    }
    assert len({result.replications for result in runs.values()}) == 1
    for name in ("events.parquet", "incidents.parquet", "summary.json", "statistics.parquet"):
        assert len({(tmp_path / str(workers) / name).read_bytes() for workers in runs}) == 1


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"relative": 0.0}, "0 is no precision"),
        ({"relative": 1.5}, "1.5 is no precision"),
        ({"relative": float("nan")}, "nan is no precision"),
        ({"relative": 0.1, "figure": "median"}, "none of mean, within"),
        ({"relative": 0.1, "at_most": 5}, "--replications: 5 replications at most"),
    ],
)
def test_precisions_that_cannot_be(values: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        Precision(**values)
