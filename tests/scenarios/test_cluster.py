"""The same bytes from the processes of a Dask cluster, and what is said where there is none."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from routing.errors import InputError
from scenarios import cluster, run_tables, runs
from scenarios.compare import compare
from scenarios.precision import Precision
from scenarios.runs import simulate
from tests.toy_city import toy_city

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

distributed = pytest.importorskip("distributed")

# the event loop of a client that closes leaves sockets to the garbage collector
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

FILES = ("events.parquet", "incidents.parquet", "summary.json", "statistics.csv", "report.html")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Start a cluster of two workers with two threads each, in this process."""
    options: dict[str, Any] = {"n_workers": 2, "threads_per_worker": 2, "dashboard_address": ":0"}
    with distributed.LocalCluster(processes=False, protocol="tcp", **options) as local:
        yield local.scheduler_address


def test_the_same_bytes_as_one_process(address: str, tmp_path: Path) -> None:
    for name, where in (("one", None), ("many", address)):
        simulate(toy_city(), replications=12, seed=5, cluster=where, out=tmp_path / name)
    for file in FILES:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "many" / file).read_bytes()


def test_workers_in_processes_of_their_own(tmp_path: Path) -> None:
    options: dict[str, Any] = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": ":0"}
    with distributed.LocalCluster(processes=True, **options) as local:
        where = local.scheduler_address
        simulate(toy_city(), replications=6, seed=5, cluster=where, out=tmp_path / "many")
    simulate(toy_city(), replications=6, seed=5, out=tmp_path / "one")
    for file in FILES:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "many" / file).read_bytes()


def test_it_stops_at_the_same_replication(address: str) -> None:
    wanted = Precision(0.03)
    there = simulate(toy_city(), precision=wanted, seed=6, cluster=address)
    here = simulate(toy_city(), precision=wanted, seed=6)
    assert there.summary == here.summary


def test_comparisons_too(address: str) -> None:
    policies = ["closest", "closest-idle"]
    there = compare([toy_city()], policies, replications=4, cluster=address)
    here = compare([toy_city()], policies, replications=4)
    assert there.summary == here.summary


class Wrong:
    """Sends a unit that there is not."""

    def decide(self, state: object) -> int:  # noqa: ARG002
        return 99


def test_a_policy_that_fails_there_is_told_here(address: str) -> None:
    with pytest.raises(InputError, match="Wrong"):
        simulate(toy_city(), policy=Wrong(), replications=3, cluster=address)


@pytest.mark.parametrize("given", ["tcp://127.0.0.1:9", "nonsense://x"])
def test_an_address_that_does_not_answer(
    given: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(cluster, "_PATIENCE_S", 1)
    with pytest.raises(InputError, match=r"--cluster: no Dask scheduler answers.*dask scheduler"):
        simulate(toy_city(), replications=2, cluster=given, out=tmp_path / "run")
    assert not list(tmp_path.iterdir())


def test_dask_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InputError, match=r"Dask is not installed.*bluelight\[cluster\]"):
        simulate(toy_city(), replications=2, cluster="tcp://127.0.0.1:9")


def test_a_cluster_without_workers() -> None:
    options: dict[str, Any] = {"n_workers": 0, "dashboard_address": ":0", "protocol": "tcp"}
    with (
        distributed.LocalCluster(processes=False, **options) as local,
        pytest.raises(InputError, match="has no worker"),
    ):
        simulate(toy_city(), replications=2, cluster=local.scheduler_address)


def test_a_cluster_that_is_lost(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    options: dict[str, Any] = {"n_workers": 1, "dashboard_address": ":0", "protocol": "tcp"}
    table = run_tables.incident_table
    with distributed.LocalCluster(processes=False, **options) as local:

        def lost(outcome: Any, replication: int, names: Any) -> Any:
            if replication == 1:
                local.close()
            return table(outcome, replication, names)

        monkeypatch.setattr(runs, "incident_table", lost)
        with pytest.raises(InputError, match=r"--cluster: the cluster at .* was lost"):
            simulate(
                toy_city(),
                replications=400,
                cluster=local.scheduler_address,
                checkpoint=tmp_path / "kept",
                out=tmp_path / "run",
            )
    assert not (tmp_path / "run").exists()
    assert len(list((tmp_path / "kept").glob("replication-*"))) >= 2


def test_workers_of_another_revision(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = cluster.fingerprint

    def ours() -> dict[str, Any]:
        # the workers are in this process too: they run in other threads
        here = threading.current_thread() is threading.main_thread()
        return theirs() | ({"numpy": "0.1"} if here else {})

    monkeypatch.setattr(cluster, "fingerprint", ours)
    with pytest.raises(InputError, match=rf"has numpy {np.__version__}, this process 0.1"):
        simulate(toy_city(), replications=2, cluster=address)
