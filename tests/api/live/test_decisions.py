"""The same code decides live and in replay: what was shown comes out again of the log."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.city import City
from api.live.access import OpenAccess
from api.live.asking_again import ask_again
from api.live.folding import fold
from api.live.records import GENESIS, Entry, sealed
from api.live.schema import migrate
from api.live.service import Live, LiveOptions
from api.live.store import Store
from api.live.views import happened
from scenarios.packaging import load_scenario
from tests.command_line import refused, run
from tests.toy_city import corner

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

POLICIES = ("closest", "closest-idle", "dmexclp", "preparedness", "survival", "foresight-dispatch")


@pytest.fixture(scope="module")
def town(scenario_folder: Path) -> City:
    return City(load_scenario(scenario_folder))


@pytest.fixture(scope="module")
def log(town: City, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a log of a busy quarter of an hour."""
    path = tmp_path_factory.mktemp("decided") / "log.db"
    store = Store(str(path))
    migrate(store.engine)
    live = Live.begin(town, store, LiveOptions(deadline_s=60, stale_after_s=90))
    app = create_app(town, live, access=OpenAccess())
    try:
        with TestClient(app) as client:
            _busy(client)
    finally:
        live.close()
        live.roads.put(())
        store.close()
    return path


def _busy(client: TestClient) -> None:
    def ask(method: str, path: str, body: Any = None) -> Any:
        answer = client.request(method, path, json=body)
        assert answer.is_success, answer.text
        return answer.json()

    for row, policy in enumerate(POLICIES):
        lon, lat = corner(row % 6, 5 - row % 4)
        ask("POST", "/v1/incidents", {"id": f"I{row}", "lon": lon, "lat": lat})
        body = {"policy": policy, "limit": 1 + row}
        found = ask("POST", f"/v1/incidents/I{row}/recommendation", body)
        if row == 1:
            ring = [corner(*at) for at in ((-1, -1), (6, -1), (6, 3), (-1, 3), (-1, -1))]
            slow = {"geometry": {"type": "Polygon", "coordinates": [ring]}, "factor": 2.5}
            ask("PUT", "/v1/closures/C1", slow)
        if row == 2:
            far = {"lon": corner(5, 5)[0], "lat": corner(5, 5)[1]}
            ask("POST", "/v1/units/A2/position", far | {"observed_at": "2025-01-01T00:00:00Z"})
            ask("POST", "/v1/units/A1/position", {"lon": corner(2, 2)[0], "lat": corner(2, 2)[1]})
            ask("POST", "/v1/units/A2/status", {"status": 1})
            ask("POST", "/v1/incidents/I2/recommendation", body)
        if row == 3:
            sent = {"unit": found["ranking"][0]["unit"]}
            sent["version"] = found["unit_versions"][sent["unit"]]
            path = "/v1/incidents/I3/assignments"
            ask("POST", path, {"version": 1, "units": [sent], "reason": "other"})
        if row == 4:
            ask("DELETE", "/v1/closures/C1")
            ring = [corner(*at) for at in ((2, 1), (6, 1), (6, 6), (2, 6), (2, 1))]
            other = {"geometry": {"type": "Polygon", "coordinates": [ring]}, "factor": 6.0}
            ask("PUT", "/v1/closures/C1", other)  # its versions begin anew


def rewritten(log: Path, path: Path, change: Callable[[str, dict[str, Any]], None]) -> Path:
    """Write a log anew, with other bodies, sealed as if they had been written so."""
    old, new = Store(str(log)), Store(str(path))
    migrate(new.engine)
    chain, records = GENESIS, []
    for each in old.records():
        body = json.loads(each.text)
        change(each.kind, body)
        entry = Entry(each.kind, body, each.subject)
        records.append(
            sealed(entry, seq=each.seq, at_ms=each.at_ms, actor=each.actor, before=chain)
        )
        chain = records[-1].chain
    with new.writing() as connection:
        new.append(connection, records)
    old.close()
    new.close()
    return path


def test_all_comes_out_as_it_was_shown(log: Path, town: City, scenario_folder: Path) -> None:
    store = Store(str(log))
    verdict = ask_again(store, town)
    store.close()
    assert (verdict.same, verdict.differing) == (len(POLICIES) + 1, 0), verdict.first
    assert not verdict.skipped
    command = ["verify-log", log, "--decisions", "--scenario", scenario_folder]
    assert run(*command, "--json").json["decisions"]["same"] == len(POLICIES) + 1
    assert "7 of 7 recommendations come out as they were shown" in run(*command).out


@pytest.mark.parametrize("part", ["choice", "seconds"])
def test_what_was_forged_is_found(
    log: Path, scenario_folder: Path, tmp_path: Path, part: str
) -> None:
    def forge(kind: str, body: dict[str, Any]) -> None:
        if kind == "recommended" and body["incident"] == "I1":
            if part == "choice":
                body["choice"] = ["B2" if body["choice"] != ["B2"] else "B1"]
            else:
                body["alternatives"][0][1] += 0.001

    forged = rewritten(log, tmp_path / "forged.db", forge)
    assert run("verify-log", forged).code == 0  # the seals are whole: only the answer is not
    ran = run("verify-log", forged, "--decisions", "--scenario", scenario_folder, "--json")
    assert ran.code == 1
    told = json.loads(ran.out)["decisions"]
    assert (told["differing"], told["same"]) == (1, len(POLICIES))
    assert told["first"]["incident"] == "I1"
    ran = run("verify-log", forged, "--decisions", "--scenario", scenario_folder)
    assert f"record {told['first']['record']}" in ran.out


def test_the_roads_are_asked_as_they_were(log: Path, town: City, tmp_path: Path) -> None:
    def forget(kind: str, body: dict[str, Any]) -> None:
        if kind == "recommended":
            body["roads"] = []

    store = Store(str(rewritten(log, tmp_path / "other.db", forget)))
    assert ask_again(store, town).differing >= 1
    store.close()


def test_what_cannot_be_asked_again_is_counted(log: Path, town: City, tmp_path: Path) -> None:
    def older(kind: str, body: dict[str, Any]) -> None:
        if kind != "recommended":
            return
        match body["incident"]:
            case "I0":
                del body["now_ms"]
            case "I1":
                body["degraded"] = "the policy took too long"
            case "I4":
                body["roads"] = None

    store = Store(str(rewritten(log, tmp_path / "older.db", older)))
    verdict = ask_again(store, town)
    assert verdict.skipped == {"moment_unsaid": 1, "degraded": 1, "roads_changing": 1}
    assert (verdict.same, verdict.differing) == (len(POLICIES) - 2, 0)
    store.close()


def test_decisions_need_their_scenario(log: Path) -> None:
    assert "--scenario" in refused("verify-log", log, "--decisions")


def test_the_moment_is_shown_in_words_that_people_read(log: Path) -> None:
    store = Store(str(log))
    shown = [each for each in store.records() if each.kind == "recommended"]
    for record in shown:
        data = happened(record).data
        assert data["asked_at"].endswith("Z")
        assert data["stale_after_seconds"] == 90
        assert not [name for name in data if name.endswith("_ms")]
    assert any(happened(each).data["roads"] for each in shown)
    store.close()


def test_older_records_are_shown_without(log: Path, tmp_path: Path) -> None:
    def older(kind: str, body: dict[str, Any]) -> None:
        if kind == "recommended":
            for name in ("now_ms", "limit", "stale_after_ms", "roads"):
                del body[name]

    store = Store(str(rewritten(log, tmp_path / "old.db", older)))
    for record in store.records():
        assert "asked_at" not in happened(record).data
    assert fold(store).world.seq > 0
    store.close()
