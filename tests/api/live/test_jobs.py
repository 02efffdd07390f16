"""Long work beside the service: asked for, watched, cancelled, kept, and never in its way."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import replace
from threading import Thread
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from fastapi.testclient import TestClient
from sqlalchemy import text

from api.app import create_app
from api.cli import bluelight
from api.live.access import OpenAccess, Role
from api.live.job_commands import ASKED, arguments, bars
from api.live.job_process import LOWEST
from api.live.job_run import COMMAND, JobRun, _environment
from api.live.job_schemas import ENDED
from api.live.job_store import JobStore
from api.live.jobs import MOST_STARTS, JobOptions
from api.live.schema import _config, migrate
from api.live.service import Live, LiveOptions
from api.live.settings import ServeSettings
from api.live.store import Store
from api.live.tables import METADATA
from api.live.tokens import Tokens
from api.serve import jobs_of
from scenarios.packaging import load_scenario, save_scenario
from tests.command_line import run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from api.city import City

FAKE = """
import json, os, pathlib, signal, sys
options = dict(each[2:].partition("=")[::2] for each in sys.argv[2:] if each.startswith("--"))
seed = options.get("seed", "1")

def tell(done):
    said = {"bar": 0, "what": "faking", "unit": "step", "done": done, "of": 4}
    os.write(int(os.environ["BLUELIGHT_PROGRESS"]), json.dumps(said).encode() + b"\\n")

def finish(*_):
    os.makedirs("result", exist_ok=True)
    name = "plan.json" if sys.argv[1] == "plan" else "summary.json"
    pathlib.Path("result", name).write_text(json.dumps({"seed": seed}))
    print(json.dumps({"seed": seed, "arguments": sys.argv[1:]}), flush=True)
    os._exit(0)

if sys.argv[1] == "plan":
    signal.signal(signal.SIGINT, finish)
begun_anew = os.path.exists("checkpoint")
os.makedirs("checkpoint", exist_ok=True)
tell(1)
if seed == "66":
    print("warning: beware", file=sys.stderr)
    sys.exit("error: such a thing cannot be; mend it")
if seed == "99" or seed == "98" and not begun_anew:
    while os.read(0, 100):
        pass
    os._exit(1)
tell(4)
finish()
"""
"""Stands in for the command line: seed 66 fails, 99 works for ever, 98 when it is begun anew."""

REAL = (
    *(sys.executable, "-P", "-c"),
    "import sys; sys.argv[0] = 'bluelight'; from api.live.job_process import work; work()",
)
"""The real command line, at the priority of the tests: else it waits for all others to end."""

FAKED = (sys.executable, "-I", "-S", "-c", FAKE)

Desk = tuple[TestClient, Live]


@pytest.fixture
def serve(city: City, tmp_path: Path) -> Callable[..., Any]:
    """Serve the same store and folder until the block ends, as a process would."""

    @contextmanager
    def _serve(*, replica: bool = False, **options: Any) -> Iterator[Desk]:
        jobs = replace(JobOptions(folder=tmp_path / "jobs", command=FAKED), **options)
        store = Store(str(tmp_path / "log.db"))
        migrate(store.engine)
        given = LiveOptions(deadline_s=60, jobs=jobs)
        live = Live.begin(city, store, given, replica=replica)
        try:
            app = create_app(city, live, access=OpenAccess())
            with TestClient(app, raise_server_exceptions=False) as client:
                yield client, live
        finally:
            live.close()
            store.close()

    return _serve


def asked(client: TestClient, body: dict[str, Any], **headers: str) -> str:
    answer = client.post("/v1/jobs", json=body, headers=headers)
    assert answer.status_code == 202, answer.text
    name: str = answer.json()["id"]
    assert answer.headers["location"] == f"/v1/jobs/{name}"
    return name


def until(client: TestClient, name: str, *states: str, patience_s: float = 120) -> dict[str, Any]:
    end = time.monotonic() + patience_s
    while True:
        found: dict[str, Any] = client.get(f"/v1/jobs/{name}").json()
        if found["state"] in states:
            return found
        assert found["state"] not in ENDED, found
        assert time.monotonic() < end, found
        time.sleep(0.01)


def at_work(client: TestClient, name: str) -> dict[str, Any]:
    """Wait until a job has begun and said so."""
    while True:
        found = until(client, name, "running")
        if found["progress"] is not None:
            return found


def simulation(seed: int = 1) -> dict[str, Any]:
    return {"kind": "simulate", "seed": seed}


def test_the_planners_loop_gives_what_the_command_line_gives(
    serve: Callable[..., Any], scenario_folder: Path, tmp_path: Path
) -> None:
    with serve(command=REAL, at_once=2) as (client, _):
        asked(client, {"kind": "plan", "stations": [2], "marginal": False})
        until(client, "J1", "done")
        on_plan = {"kind": "simulate", "scenario": {"job": "J1"}, "replications": 3, "seed": 7}
        asked(client, on_plan)
        until(client, "J2", "done")
        asked(client, {"kind": "replay", "job": "J2"})
        asked(client, {"kind": "simulate", "replications": 2_000})
        views = [until(client, name, "done") for name in ("J1", "J2", "J3")]
        before = 0.0
        for _ in range(20):
            now = at_work(client, "J4")["progress"]
            assert 0 <= before <= now < 1
            before = now
        client.post("/v1/jobs/J4/cancel")
        until(client, "J4", "cancelled")
        assert not (tmp_path / "jobs" / "J4").exists()
        results = [client.get(f"/v1/jobs/{each['id']}/result") for each in views]
        files = {
            name: client.get(f"/v1/jobs/J2/files/{name}").content for name in views[1]["files"]
        }
        report = client.get("/v1/jobs/J2/files/report.html")
    assert [each["progress"] for each in views] == [1.0] * 3
    city, ours = tmp_path / "planned", tmp_path / "run"
    told = run(
        *("plan", scenario_folder, "--stations", 2, "--no-marginal", "--json"),
        *("--scenario", city, "--out", tmp_path / "plan.json"),
    ).json
    assert results[0].json() == told
    told = run("simulate", city, "--replications", 3, "--seed", 7, "--out", ours, "--json").out
    assert results[1].text == told.replace(str(ours), "result")
    assert set(files) == {each.name for each in ours.iterdir()}
    for name in ("events.parquet", "incidents.parquet", "summary.json", "statistics.csv"):
        assert files[name] == (ours / name).read_bytes(), name
    assert results[2].json()["identical"] is True
    assert report.headers["content-type"].startswith("text/html")
    # nothing tells where on the machine it came about
    assert str(tmp_path).encode() not in b"".join([*files.values(), *(r.content for r in results)])


def test_jobs_wait_in_turn_and_are_watched(serve: Callable[..., Any]) -> None:
    with serve() as (client, _):
        first, second = asked(client, simulation(99)), asked(client, simulation(2))
        running = at_work(client, first)
        assert running["progress"] == 0.25
        assert running["doing"] == "faking: 1 of 4 steps"
        assert client.get(f"/v1/jobs/{second}").json()["state"] == "waiting"
        assert client.get(f"/v1/jobs/{second}/result").status_code == 409
        page = client.get("/metrics").text
        assert 'bluelight_jobs{state="running"} 1.0' in page
        assert 'bluelight_jobs{state="waiting"} 1.0' in page
        client.post(f"/v1/jobs/{first}/cancel")
        done = until(client, second, "done")
        assert (done["progress"], done["files"], done["starts"]) == (1.0, ["summary.json"], 1)
        assert [each["id"] for each in client.get("/v1/jobs").json()["jobs"]] == [second, first]
        assert done["request"]["seed"] == 2
        assert done["actor"] == "local"


def test_a_cancelled_simulation_leaves_nothing_and_a_plan_its_best(
    serve: Callable[..., Any], tmp_path: Path
) -> None:
    with serve() as (client, _):
        name, waits = asked(client, simulation(99)), asked(client, simulation())
        at_work(client, name)
        assert client.post(f"/v1/jobs/{waits}/cancel").json()["state"] == "cancelled"
        client.post(f"/v1/jobs/{name}/cancel")
        found = until(client, name, "cancelled")
        assert (found["result"], found["error"], found["files"]) == (False, None, [])
        assert client.get(f"/v1/jobs/{name}/result").status_code == 404
        assert not (tmp_path / "jobs" / name).exists()
        assert client.post(f"/v1/jobs/{name}/cancel").status_code == 409
        plan = asked(client, {"kind": "plan", "stations": [2], "seed": 99})
        at_work(client, plan)
        client.post(f"/v1/jobs/{plan}/cancel")
        found = until(client, plan, "cancelled")
        assert (found["result"], found["files"]) == (True, ["plan.json"])
        assert client.get(f"/v1/jobs/{plan}/result").json()["seed"] == "99"


def test_a_restart_keeps_results_and_goes_on(serve: Callable[..., Any]) -> None:
    with serve() as (client, _):
        done = asked(client, simulation())
        until(client, done, "done")
        going, waits = asked(client, simulation(98)), asked(client, simulation(2))
        at_work(client, going)
    with serve() as (client, _):
        assert client.get(f"/v1/jobs/{done}/result").json()["seed"] == "1"
        assert until(client, going, "done")["starts"] == 1  # stopped in peace: not counted
        until(client, waits, "done")


def test_a_job_that_ran_when_the_service_was_killed(serve: Callable[..., Any]) -> None:
    with serve() as (client, live):
        name = asked(client, simulation())
        until(client, name, "done")
        for starts, state in ((1, "done"), (MOST_STARTS, "interrupted")):
            # as a kill leaves it
            live.jobs.rows.change(1, ENDED, state="running", starts=starts - MOST_STARTS + 1)
            live.jobs.begin()
            found = until(client, name, state)
            live.jobs.rows.change(1, ENDED, starts=MOST_STARTS - 1)
    assert "went down" in found["error"]
    with serve() as (client, live):
        live.jobs.rows.change(1, ENDED, state="running")
    with serve(at_once=0) as (client, live):
        assert "jobs are off" in client.get(f"/v1/jobs/{name}").json()["error"]
        assert client.post("/v1/jobs", json=simulation()).status_code == 409


def test_failures_are_told_in_one_line(serve: Callable[..., Any], tmp_path: Path) -> None:
    with serve() as (client, _):
        found = until(client, asked(client, simulation(66)), "failed")
        assert found["error"] == "such a thing cannot be; mend it"
    with serve(time_limit_s=0.3) as (client, _):
        found = until(client, asked(client, simulation(99)), "failed")
        assert "longer than 0.3 s" in found["error"]
        plan = asked(client, {"kind": "plan", "stations": [2], "seed": 99})
        assert until(client, plan, "done")["files"] == ["plan.json"]
        client.delete(f"/v1/jobs/{plan}")
    with serve(command=("/nowhere/at/all",)) as (client, _):
        found = until(client, asked(client, simulation()), "failed")
        assert "No such file" in found["error"]
    assert not list((tmp_path / "jobs").glob("J*"))


def test_so_many_may_wait_and_one_key_is_one_job(serve: Callable[..., Any]) -> None:
    with serve(waiting=1) as (client, _):
        key = {"Idempotency-Key": "k"}
        first = asked(client, simulation(99), **key)
        again = client.post("/v1/jobs", json=simulation(99), headers=key)
        assert (again.json()["id"], again.headers["idempotency-replayed"]) == (first, "true")
        other = client.post("/v1/jobs", json=simulation(98), headers=key)
        assert other.status_code == 422
        asked(client, simulation())
        refused = client.post("/v1/jobs", json=simulation())
        assert refused.status_code == 429
        assert refused.json()["detail"].startswith("2 jobs run or wait already")
        assert int(refused.headers["retry-after"]) >= 1
        assert len(client.get("/v1/jobs").json()["jobs"]) == 2


def test_results_are_deleted_and_who_asked_is_kept(
    serve: Callable[..., Any], tmp_path: Path
) -> None:
    with serve() as (client, _):
        name, other = asked(client, simulation()), asked(client, simulation(99))
        until(client, name, "done")
        assert client.delete(f"/v1/jobs/{other}").status_code == 409
        needing = asked(client, {"kind": "replay", "job": name})
        refused = client.delete(f"/v1/jobs/{name}")
        assert refused.status_code == 409
        assert refused.json()["detail"].startswith(f"{needing} needs {name}")
        client.post(f"/v1/jobs/{needing}/cancel")
        assert client.delete(f"/v1/jobs/{name}").json()["deleted_at"]
        assert not (tmp_path / "jobs" / name).exists()
        assert client.get(f"/v1/jobs/{name}/result").status_code == 404
        assert name not in {each["id"] for each in client.get("/v1/jobs").json()["jobs"]}
        kept = client.get("/v1/jobs?deleted=true").json()["jobs"]
        assert {each["id"]: each["actor"] for each in kept}[name] == "local"
        assert client.post("/v1/jobs", json={"kind": "replay", "job": name}).status_code == 422


def test_a_repeated_request_is_answered_though_what_it_needs_is_gone(
    serve: Callable[..., Any],
) -> None:
    with serve() as (client, _):
        source, key = asked(client, simulation()), {"Idempotency-Key": "k"}
        until(client, source, "done")
        first = asked(client, {"kind": "replay", "job": source}, **key)
        until(client, first, *ENDED)
        assert client.delete(f"/v1/jobs/{source}").status_code == 200
        assert asked(client, {"kind": "replay", "job": source}, **key) == first


def test_what_runs_by_its_row_alone_can_be_cancelled_and_deleted(
    serve: Callable[..., Any],
) -> None:
    with serve(at_once=1) as (client, live):
        running, waiting = asked(client, simulation(99)), asked(client, simulation())
        until(client, running, "running")
        # as after an end that could not be written down
        assert live.jobs.rows.change(int(waiting[1:]), ("waiting",), state="running") is not None
        ended = client.post(f"/v1/jobs/{waiting}/cancel")
        assert (ended.status_code, ended.json()["state"]) == (200, "cancelled")
        assert client.post(f"/v1/jobs/{waiting}/cancel").status_code == 409
        assert client.delete(f"/v1/jobs/{waiting}").status_code == 200


def test_what_a_waiting_job_goes_on_from_in_turn_is_not_deleted(
    serve: Callable[..., Any], tmp_path: Path
) -> None:
    with serve(waiting=5) as (client, _):
        plan = asked(client, {"kind": "plan", "stations": [2]})
        until(client, plan, "done")
        (tmp_path / "jobs" / plan / "planned").mkdir()
        run_ = asked(client, {"kind": "simulate", "scenario": {"job": plan}})
        until(client, run_, *ENDED)
        asked(client, simulation(99))
        needing = asked(client, {"kind": "replay", "job": run_})
        refused = client.delete(f"/v1/jobs/{plan}")
        assert refused.status_code == 409
        assert refused.json()["detail"].startswith(f"{needing} needs {plan}")


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({}, 422, "kind"),
        ({"kind": "build"}, 422, "build"),
        ({"kind": "simulate", "policy": "closet"}, 422, "did you mean 'closest-v1'"),
        ({"kind": "simulate", "policy": "closest+zang"}, 422, "did you mean 'zhang-v1'"),
        ({"kind": "simulate", "policy": "/etc/x.py:Policy"}, 422, "no such name"),
        ({"kind": "simulate", "policy": "closest\n"}, 422, "policy"),
        ({"kind": "simulate", "policy": "closest", "out": "/x"}, 422, "out"),
        ({"kind": "simulate", "scenario": "../../etc"}, 422, "scenario"),
        ({"kind": "simulate", "scenario": {"job": "J1/../.."}}, 422, "scenario"),
        ({"kind": "simulate", "scenario": {"job": "J9"}}, 422, "no such job"),
        ({"kind": "simulate", "scenario": {"job": "J1"}}, 409, "of kind simulate"),
        ({"kind": "simulate", "replications": 0}, 422, "replications"),
        ({"kind": "simulate", "seed": "1"}, 422, "seed"),
        ({"kind": "replay", "job": "J9"}, 422, "no such job"),
        ({"kind": "replay", "job": "J2"}, 409, "failed"),
        ({"kind": "simulate", "hospital": "by-laod"}, 422, "did you mean 'by-load-v1'"),
        ({"kind": "compare"}, 422, "nothing to compare"),
        ({"kind": "compare", "hospitals": ["by-load"]}, 422, "nothing to compare"),
        ({"kind": "compare", "hospitals": ["nearest", "x"]}, 422, "hospitals[1]"),
        ({"kind": "compare", "hospitals": ["nearest", "nearest"]}, 422, "named twice"),
        ({"kind": "compare", "policies": ["closest", "x.py:A"]}, 422, "policies[1]"),
        ({"kind": "compare", "scenarios": ["served"] * 2}, 422, "scenario served is named twice"),
        ({"kind": "compare", "scenarios": [{"job": "J1"}] * 2}, 422, "scenario J1 is named twice"),
        ({"kind": "plan"}, 422, "nothing says how many stations"),
        ({"kind": "plan", "stations": [2], "model": "mclpp"}, 422, "did you mean 'mclp'"),
        ({"kind": "plan", "stations": [2], "candidates": "/etc/passwd"}, 422, "candidates"),
        ({"kind": "plan", "stations": [2, 3], "simulate": 5}, 422, "several plans"),
        (
            {"kind": "plan", "units": "fleet", "slices": [[7, 19]], "simulate": 5},
            422,
            "nothing says which units are on duty",
        ),
        ({"kind": "plan", "stations": [2], "keep": ["a,b"]}, 422, "keep"),
    ],
)
def test_bad_jobs_are_refused(
    many: TestClient, body: dict[str, Any], status: int, words: str
) -> None:
    answer = many.post("/v1/jobs", json=body)
    assert (answer.status_code, words in answer.text.replace("\\u2019", "")) == (status, True), (
        answer.text
    )
    assert answer.headers["content-type"] == "application/problem+json"
    assert len(many.get("/v1/jobs").json()["jobs"]) == 2


@pytest.fixture(scope="module")
def many(city: City, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """Serve a simulation that is done and one that failed."""
    folder = tmp_path_factory.mktemp("jobs")
    store = Store(str(folder / "log.db"))
    migrate(store.engine)
    jobs = JobOptions(folder=folder / "jobs", command=FAKED)
    live = Live.begin(city, store, LiveOptions(jobs=jobs))
    app = create_app(city, live, access=OpenAccess())
    with TestClient(app, raise_server_exceptions=False) as client:
        until(client, asked(client, simulation()), "done")
        until(client, asked(client, simulation(66)), "failed")
        yield client
    live.close()
    store.close()


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("J9", 404),
        ("J0", 422),
        ("1", 422),
        ("J9/result", 404),
        ("J2/result", 404),
        ("J1/files/plan.json", 404),
        ("J1/files/printed.json", 422),
        ("J1/files/../printed.json", 404),
        ("J1/files/..%2Fprinted.json", 404),
        ("J1/files/%2e%2e", 422),
        ("J1/files/%2Fetc%2Fpasswd", 404),
        ("..%2F..%2Flog.db", 404),
    ],
)
def test_nothing_else_is_read(many: TestClient, path: str, status: int) -> None:
    answer = many.get(f"/v1/jobs/{path}")
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_replica_shows_jobs_and_takes_none(serve: Callable[..., Any]) -> None:
    with serve() as (client, _):
        name = asked(client, simulation())
        until(client, name, "done")
        with serve(replica=True) as (reader, _):
            assert reader.get(f"/v1/jobs/{name}").json()["state"] == "done"
            for answer in (
                reader.post("/v1/jobs", json=simulation()),
                reader.post(f"/v1/jobs/{name}/cancel"),
                reader.delete(f"/v1/jobs/{name}"),
            ):
                assert answer.status_code == 503
                assert "ask the writer" in answer.json()["detail"]


def test_every_option_reaches_the_command_line() -> None:
    body = {
        "kind": "plan", "model": "dsm", "stations": [2, 3], "units": {"a b": [3, 2], "c": [1]},
        "capacity": {"c": 2}, "busy": 0.3, "existing": "keep", "keep": ["S1"], "forbid": ["x/y"],
        "candidates": "grid:500", "standard": {"c": "8 minutes"}, "longer_limit_s": 900.0,
        "slices": [[7, 19], [19, 7]], "floors": {"A, B": 0.5}, "budgets": [1.5], "share": 0.9,
        "station_cost": 2.0, "closing_cost": 1.0, "unit_cost": 3.0, "backup": 0.5,
        "curve": "x", "marginal": False, "time_limit_s": 5.0, "seed": 4,
    }  # fmt: skip
    asked = ASKED.validate_python(body)
    assert set(body) == set(type(asked).model_fields) - {"scenario", "simulate"}
    found = parsed(arguments(asked, lambda _: "city", None, None))
    assert found["scenario"] == "city"
    assert found["stations"] == ((2,), (3,))
    assert found["units"] == ("a b=3/2", "c=1")
    assert (found["capacity"], found["standard"]) == (("c=2",), ("c=8 minutes",))
    assert (found["keep"], found["forbid"]) == ((("S1",),), (("x/y",),))
    assert (found["slices"], found["longer_limit_min"]) == (((7, 19), (19, 7)), 15.0)
    assert (found["floors"], found["unit_cost"]) == (("A, B=0.5",), ("3.0",))
    assert (found["budget"], found["marginal"], found["planned"]) == ((1.5,), False, None)
    for name in ("model", "busy", "existing", "candidates", "share", "backup", "curve", "seed"):
        assert found[name] == body[name], name
    assert (found["station_cost"], found["closing_cost"]) == (2.0, 1.0)
    assert found["time_limit_s"] == 5.0
    run = {
        "kind": "simulate", "precision": 0.005, "precision_of": "within", "seed": 3,
        "hospital": "by-load",
    }  # fmt: skip
    found = parsed(arguments(ASKED.validate_python(run), lambda _: "city", None, "tcp://a:1"))
    assert (found["precision"], found["precision_of"], found["seed"]) == (0.005, "within", 3)
    assert (found["cluster"], found["as_json"], found["replications"]) == ("tcp://a:1", True, None)
    assert found["hospital"] == "by-load"
    sides = {
        "kind": "compare", "policies": ["closest", "batch"], "bound": True,
        "hospitals": ["nearest", "by-load"],
    }  # fmt: skip
    assert bars(ASKED.validate_python(sides)) == 5
    found = parsed(arguments(ASKED.validate_python(sides), lambda _: "city", None, None))
    assert (found["scenarios"], found["policies"]) == (("city",), ("closest", "batch"))
    assert (found["bound"], found["hospitals"]) == (True, ("nearest", "by-load"))


def parsed(line: list[str]) -> dict[str, Any]:
    found = bluelight.commands[line[0]]
    return found.make_context(line[0], line[1:]).params


WAITER = """
import sys
from pathlib import Path
from api.live.job_process import LOWEST
from api.live.job_run import JobRun
JobRun(Path(sys.argv[1]), 1).run(sys.argv[2:], 600)
"""


HOLDER = WAITER.replace(
    "JobRun(Path(sys.argv[1]), 1).run(sys.argv[2:], 600)",
    """
import threading
run = JobRun(Path(sys.argv[1]), 1)
threading.Thread(target=lambda: [run.hold() for _ in iter(int, 1)], daemon=True).start()
run.run(sys.argv[2:], 600)
""",
)


@pytest.mark.parametrize("held", [False, True])
def test_no_job_outlives_the_service(scenario_folder: Path, tmp_path: Path, held: bool) -> None:
    line = ["simulate", str(scenario_folder), "--replications=3000"]
    line += ["--checkpoint=kept", "--out=result"]
    with subprocess.Popen([sys.executable, "-c", WAITER, str(tmp_path), *REAL, *line]) as service:
        try:
            until_true((tmp_path / "kept").is_dir)
            (child,) = children(service.pid)
            if held and sys.platform == "linux":
                os.kill(child, signal.SIGSTOP)
        finally:
            service.kill()
    until_true(lambda: not alive(child))


COUNTER = """
import os, pathlib, time
os.write(int(os.environ["BLUELIGHT_PROGRESS"]), b"{}\\n")
for number in range(100_000):
    pathlib.Path("count").write_text(str(number))
    time.sleep(0.001)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="nothing is held elsewhere")
def test_a_job_held_from_its_first_moment_does_not_outlive_the_service(
    scenario_folder: Path, tmp_path: Path
) -> None:
    line = ["simulate", str(scenario_folder), "--replications=3000", "--out=result"]
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path), *REAL, *line]) as service:
        try:
            until_true(lambda: bool(children(service.pid)))
            (child,) = children(service.pid)
            until_true(lambda: state_of(child).startswith("T"))  # it is held, again and again
        finally:
            service.kill()
    until_true(lambda: not alive(child))


@pytest.mark.skipif(sys.platform != "linux", reason="nothing is held elsewhere")
def test_what_is_held_stands_still(tmp_path: Path) -> None:
    running = JobRun(tmp_path, bars=1)
    running.hold()  # nothing runs yet
    thread = Thread(target=running.run, args=([sys.executable, "-c", COUNTER], 600))
    thread.start()
    count = tmp_path / "count"
    until_true(lambda: count.is_file() and count.read_text() > "" and running._ready)
    running.hold()
    time.sleep(0.1)
    before = count.read_text()
    time.sleep(0.2)
    assert count.read_text() == before
    running.let_go()
    until_true(lambda: count.read_text() not in ("", before))
    running.hold()
    running.end("cancelled", at_once=True)
    thread.join(60)
    assert not thread.is_alive()
    running.let_go()  # nothing runs any longer


def test_jobs_stand_still_while_anybody_is_asked(city: City, tmp_path: Path) -> None:
    told: list[str] = []

    class _Run(JobRun):
        def hold(self) -> None:
            told.append("hold")

        def let_go(self) -> None:
            told.append("let go")

    store = Store(str(tmp_path / "log.db"))
    migrate(store.engine)
    live = Live.begin(city, store, LiveOptions())
    try:
        live.jobs._running[1] = _Run(tmp_path, bars=1)
        with live.asking():
            with live.asking():
                assert live.is_asked()
            assert told == ["hold"]
        assert not live.is_asked()
        assert told == ["hold", "let go"]
    finally:
        live.jobs._running.clear()
        live.close()
        store.close()


def test_a_job_gives_way_to_everything_else() -> None:
    script = "import os, api.live.job_process as p; p.give_way(); print(os.nice(0))"
    # in a session of its own: else whoever runs the tests gives way, too, from then on
    told = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        start_new_session=True,
    )
    assert int(told.stdout) == LOWEST
    assert COMMAND[-2:] == ("-m", "api.live.job_process")


def until_true(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def children(parent: int) -> list[int]:
    listed = subprocess.run(
        ["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True
    )
    pairs = (map(int, line.split()) for line in listed.stdout.splitlines())
    return [child for child, above in pairs if above == parent]


def state_of(process: int) -> str:
    listed = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(process)], capture_output=True, text=True, check=False
    )
    return listed.stdout.strip()


def alive(process: int) -> bool:
    state = state_of(process)
    return bool(state) and not state.startswith("Z")


def test_progress_never_goes_back(tmp_path: Path) -> None:
    running = JobRun(tmp_path, bars=2)
    seen = []
    for number, done, many in ((0, 0, 4), (0, 3, 4), (0, 2, 4), (1, 0, 4), (1, 4, 4), (2, 1, 4)):
        said = {"bar": number, "what": "x", "unit": "step", "done": done, "of": many}
        running._note(json.dumps(said))
        seen.append(running.progress)
    assert seen == [0.0, 0.375, 0.375, 0.5, 1.0, 1.0]
    running._note("not JSON\n")
    running._note('{"bar": 0}')
    assert running.progress == 1.0


def test_a_job_is_told_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BLUELIGHT_STORE", "postgresql://me:secret@db/x")
    told = _environment(7)
    assert "postgresql" not in repr(told)
    assert (told["BLUELIGHT_PROGRESS"], told["NUMBA_NUM_THREADS"]) == ("7", "1")


def test_an_older_store_gets_the_table_of_jobs(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "log.db"))
    config = _config()
    with store.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
    Tokens(store.engine).create("desk-1", Role.PLANNER)
    migrate(store.engine)
    with store.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
    assert [each.name for each in Tokens(store.engine).list()] == ["desk-1"]
    store.close()


def test_results_lie_beside_the_store(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "log.db"))
    assert jobs_of(ServeSettings(), store).folder == tmp_path / "log.db-jobs"
    named = ServeSettings(jobs_folder=tmp_path / "x", jobs=0)
    assert jobs_of(named, store) == replace(
        jobs_of(ServeSettings(), store), folder=tmp_path / "x", at_once=0
    )
    store.close()


def test_warnings_are_kept_with_the_job(serve: Callable[..., Any]) -> None:
    with serve() as (client, _):
        failed = asked(client, simulation(66))
        assert until(client, failed, "failed")["warnings"] == ["beware"]
        done = asked(client, simulation())
        assert until(client, done, "done")["warnings"] == []
        running = asked(client, simulation(99))
        at_work(client, running)
    with serve() as (client, _):
        kept = {each["id"]: each["warnings"] for each in client.get("/v1/jobs").json()["jobs"]}
        assert kept == {failed: ["beware"], done: [], running: []}


def test_a_real_job_tells_what_the_command_line_warns_of(
    serve: Callable[..., Any], city: City, tmp_path: Path
) -> None:
    zones = city.scenario.zones
    far = zones.iloc[:1].assign(id="N0", lon=-21.9, lat=64.05)
    lonely = replace(city.scenario, zones=pd.concat([zones, far], ignore_index=True))
    save_scenario(lonely, tmp_path / "lonely")
    with serve(command=REAL) as (client, live):
        live.jobs._city = live.jobs.folders._city = load_scenario(tmp_path / "lonely")
        body = {"kind": "simulate", "replications": 2}
        told = until(client, asked(client, body), "done")["warnings"]
    by_hand = run("simulate", tmp_path / "lonely", "--replications", 2, "--out", tmp_path / "run")
    assert [f"warning: {each}" for each in told] == by_hand.err.splitlines()
    assert told[0].startswith("no unit reaches zone N0")


def test_jobs_of_an_earlier_version_have_no_warnings(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "log.db"))
    config = _config()
    with store.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0003")
        connection.execute(
            text(
                "INSERT INTO jobs (number, kind, actor, asked, scenario, state, starts, created_ms)"
                " VALUES (1, 'simulate', 'desk', '{}', '', 'done', 1, 0)"
            )
        )
    migrate(store.engine)
    (job,) = JobStore(store, lambda: 0).list()
    assert (job.id, job.state, job.warnings) == ("J1", "done", None)
    store.close()
