"""The load generator, for a few seconds on the made-up city."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from click.testing import CliRunner

from api.live.store import Store
from benchmarks.load import Player, Tally
from benchmarks.load_cli import load_test
from scenarios.packaging import save_scenario
from tests.command_line import run
from tests.toy_city import toy_city

if TYPE_CHECKING:
    from pathlib import Path


def test_a_run_is_played_and_its_log_agrees(tmp_path: Path) -> None:
    city, out = tmp_path / "city", tmp_path / "out.json"
    save_scenario(toy_city(), city)
    options = ["--policy", "closest", "--replications", "1", "--seed", "1"]
    assert run("simulate", city, *options, "--out", tmp_path / "run").code == 0
    asked = [str(tmp_path / "run"), "--city", str(city), "--units", "9", "--seconds", "4"]
    ran = CliRunner().invoke(load_test, [*asked, "--speed-up", "9000", "--out", str(out)])
    assert ran.exit_code == 0, ran.output
    assert "log and answers agree: yes" in ran.output
    measured = json.loads(out.read_text())["results"]["load"]
    for kind, least in {"position": 600, "recommendation": 60, "assignment": 2}.items():
        assert measured["latencies"][kind]["count"] >= least
    assert measured["wrong"] == []
    assert [bar["passed"] for bar in measured["bars"]][2] is None


def test_what_is_acknowledged_and_not_in_the_log_is_told(tmp_path: Path) -> None:
    from api.live.schema import migrate

    store = Store(str(tmp_path / "log.db"))
    migrate(store.engine)
    player = Player.__new__(Player)
    player.tally = Tally()
    player.tally.note("status", 500, 0.1)
    player._acknowledged = {"assigned": 1}  # type: ignore[assignment]
    assert player.faults(store) == ["1 times status 500", "1 assigned acknowledged, 0 in the log"]
    store.close()
