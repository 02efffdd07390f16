"""The service in a process of its own, on loopback."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

import api.cli
from api.serve import listen
from routing.errors import InputError
from tests.command_line import refused
from tests.toy_city import corner

if TYPE_CHECKING:
    from collections.abc import Iterator

PROJECT = Path(api.cli.__file__).parents[1]


@pytest.fixture(scope="module")
def server(
    scenario_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    command = [sys.executable, "-m", "api.cli", "serve", str(scenario_folder), "--no-auth"]
    command += ["--port", "0", "--json", "--store", str(tmp_path_factory.mktemp("log") / "log.db")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=PROJECT) as process:
        assert process.stdout is not None
        text = ""
        while not text.endswith("}\n"):
            line = process.stdout.readline()
            assert line, "the service ended before it was ready"
            text += line
        yield process, json.loads(text)
        process.kill()


def test_it_serves_over_http_to_many_at_once(server: tuple[Any, dict[str, Any]]) -> None:
    url = server[1]["url"]
    assert url.startswith("http://127.0.0.1:")
    with httpx2.Client(base_url=url) as client:
        assert client.get("/healthz").json()["hash"] == server[1]["hash"]
        lon, lat = corner(1, 2)
        body = {
            "incident": {"lon": lon, "lat": lat},
            "units": [
                {"id": str(n), "lon": corner(n, n)[0], "lat": corner(n, n)[1], "status": 1 + n % 3}
                for n in range(6)
            ],
        }
        with ThreadPoolExecutor(8) as pool:
            answers = list(
                pool.map(lambda _: client.post("/v1/recommendations", json=body).text, range(80))
            )
        assert len(set(answers)) == 1
        assert json.loads(answers[0])["ranking"]


def test_a_port_in_use_is_one_line(
    scenario_folder: Path, server: tuple[Any, dict[str, Any]]
) -> None:
    port = server[1]["url"].rpartition(":")[2]
    assert f"port {port}" in refused("serve", scenario_folder, "--port", port)


def test_ctrl_c_ends_it_well(server: tuple[subprocess.Popen[str], Any]) -> None:
    process = server[0]
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 0


def test_an_unknown_host() -> None:
    with pytest.raises(InputError, match="--host"):
        listen("no such host", 0)
