"""A simulated run played against a live server, faster than it was: how soon it answers."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager
from http import HTTPStatus
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow.parquet as pq

from api.live.folding import fold
from api.live.store import Store
from api.output import table
from benchmarks.bars import Bar, bar_lines, judge
from benchmarks.load_client import Connection, Tally, at_random
from benchmarks.load_table import ask_tables
from routing.errors import InputError
from scenarios.package import lonlat
from scenarios.packaging import load_scenario
from scenarios.replay import manifest_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

POSITIONS_A_SECOND: Final = 200
ASKS_A_SECOND: Final = 20
_STATUS: Final = {
    "departed": 3,
    "on_scene": 4,
    "left_scene": 7,
    "at_hospital": 8,
    "free": 1,
    "at_station": 2,
    "off_duty": 6,
    "on_duty": 2,
}
_CONNECTIONS: Final = 8
_SEED: Final = 1
_LONG_S: Final = 900.0
"""From which on memory has a trend."""
_LOOK_S: Final = 5.0
_WARM_S: Final = 180.0
"""After which what is remembered, of which there is a limit, has reached it."""
_HEADS: Final = ("count", "median ms", "p99 ms", "worst ms")


class Player:
    """Plays the first replication of a run against a server.

    Parameters
    ----------
    url : str
        The server.
    run : Path
        A run folder.
    scenario : str
        What the run was of.
    units : int
        How many units the server shall have in all.
    """

    def __init__(self, url: str, run: Path, scenario: str, units: int) -> None:
        self._lines = [Connection.to(url) for _ in range(_CONNECTIONS)]
        self._feeds = [Connection.to(url) for _ in range(_CONNECTIONS)]
        city = load_scenario(scenario)
        self._nodes: NDArray[np.float64] = city.network.node_lonlat
        self._zones = dict(zip(city.zones["id"], lonlat(city.zones).tolist(), strict=True))
        self._stations = city.stations["id"].tolist()
        self._kind = next(iter(city.settings.unit_types))
        self._own = city.units["id"].tolist()
        self._more = [f"T{row}" for row in range(max(units - len(self._own), 0))]
        columns = ["replication", "time_ms", "event", "incident", "unit", "place"]
        events = pq.read_table(run / "events.parquet", columns=columns).to_pylist()
        self._events = [each for each in events if each["replication"] == 0]
        incidents = pq.read_table(run / "incidents.parquet").to_pylist()
        self._incidents = {each["incident"]: each for each in incidents if each["replication"] == 0}
        self.tally = Tally()
        self._draw = np.random.default_rng(_SEED)
        self._acknowledged: Counter[str] = Counter()

    async def play(self, seconds: float, speed_up: float, *, job: bool = False) -> None:
        """Play, with positions and questions beside.

        Parameters
        ----------
        seconds : float
            How long.
        speed_up : float
            Seconds of the run in one of ours; 0: only positions and questions.
        job : bool
            Whether simulations run meanwhile, as jobs of the server.
        """
        end = time.perf_counter() + seconds
        positions, asks = self._draw.spawn(2)
        await asyncio.gather(
            *([self._run(end, speed_up)] if speed_up else []),
            *([self.keep_working(end)] if job else []),
            at_random(end, POSITIONS_A_SECOND, self._position, positions),
            at_random(end, ASKS_A_SECOND, self._question, asks),
        )

    def close(self) -> None:
        """Hang up."""
        for line in (*self._lines, *self._feeds):
            line.close()

    async def prepare(self) -> None:
        """Add units, and an incident that all questions are about."""
        line = self._lines[0]
        for row, unit in enumerate(self._more):
            station = self._stations[row % len(self._stations)]
            body = {"type": self._kind, "station": station}
            await self._told(line, "unit", "PUT", f"/v1/units/{unit}", body)
            await self._told(line, "status", "POST", f"/v1/units/{unit}/status", {"status": 2})
        lon, lat = next(iter(self._zones.values()))
        await self._told(
            line, "incident", "POST", "/v1/incidents", {"id": "load", "lon": lon, "lat": lat}
        )

    async def keep_working(self, end: float) -> None:
        """Let simulations run as jobs, one after the other.

        Parameters
        ----------
        end : float
            Until when, by `time.perf_counter`.
        """
        name = await self._begin_job()
        while (now := time.perf_counter()) < end:
            await asyncio.sleep(min(1.0, end - now))
            _, document, _ = await self._lines[0].ask("GET", f"/v1/jobs/{name}")
            if document["state"] == "done":
                name = await self._begin_job()
            elif document["state"] not in ("waiting", "running"):
                raise InputError(f"job {name} is {document['state']}", field="--job")
        await self._lines[0].ask("POST", f"/v1/jobs/{name}/cancel", {})

    async def _begin_job(self) -> str:
        asked = {"kind": "simulate", "replications": 10_000}
        status, document, _ = await self._lines[0].ask("POST", "/v1/jobs", asked)
        if status != HTTPStatus.ACCEPTED:
            raise InputError(f"the server takes no job: {document}", field="--job")
        name: str = document["id"]
        return name

    async def _told(
        self, line: Connection, kind: str, method: str, path: str, body: Any = None
    ) -> Any:
        status, document, seconds = await line.ask(method, path, body)
        self.tally.note(kind, status, seconds)
        if 200 <= status < 300 and method != "GET":
            kind = "positions" if "taken" in document else document.get("kind", "recommended")
            self._acknowledged[kind] += 1
        return document

    async def _position(self, row: int) -> None:
        units = self._own + self._more
        lon, lat = self._nodes[self._draw.integers(len(self._nodes))].tolist()
        path = f"/v1/units/{units[row % len(units)]}/position"
        line = self._feeds[row % len(self._feeds)]
        await self._told(line, "position", "POST", path, {"lon": lon, "lat": lat})

    async def _question(self, row: int) -> None:
        line = self._lines[1 + row % (len(self._lines) - 1)]
        await self._told(line, "recommendation", "POST", "/v1/incidents/load/recommendation", {})

    async def _run(self, end: float, speed_up: float) -> None:
        begun = time.perf_counter()
        line = self._lines[0]
        first = self._events[0]["time_ms"]
        for event in self._events:
            due = begun + (event["time_ms"] - first) / 1000 / speed_up
            if due >= end:
                return
            await asyncio.sleep(max(due - time.perf_counter(), 0))
            self.tally.late_s = max(self.tally.late_s, time.perf_counter() - due)
            await self._happen(line, event)

    async def _happen(self, line: Connection, event: dict[str, Any]) -> None:
        kind, unit, incident = event["event"], event["unit"], f"r{event['incident']}"
        if kind == "call":
            lon, lat = self._zones[event["place"].partition(":")[2]]
            priority = self._incidents[event["incident"]]["priority"]
            body = {"id": incident, "lon": lon, "lat": lat, "priority": priority}
            await self._told(line, "incident", "POST", "/v1/incidents", body)
        elif kind == "dispatched":
            path = f"/v1/incidents/{incident}"
            found = await self._told(line, "recommendation", "POST", f"{path}/recommendation", {})
            seen = await self._told(line, "look", "GET", f"/v1/units/{unit}")
            asked = {
                "version": found["incident_version"],
                "units": [{"unit": unit, "version": seen["version"]}],
                "recommendation": found["recommendation"],
                "reason": "other",
            }
            await self._told(line, "assignment", "POST", f"{path}/assignments", asked)
        elif kind in _STATUS:
            path = f"/v1/units/{unit}/status"
            await self._told(line, "status", "POST", path, {"status": _STATUS[kind]})
            if kind == "free":
                now = await self._told(line, "look", "GET", f"/v1/incidents/{incident}")
                if now["state"] == "served":
                    path = f"/v1/incidents/{incident}/close"
                    await self._told(line, "close", "POST", path, {"version": now["version"]})

    def faults(self, store: Store) -> list[str]:
        """Compare the log with what was acknowledged.

        Parameters
        ----------
        store : Store
            The log, which nobody writes to any longer.

        Returns
        -------
        list of str
            What is wrong; empty if nothing is.
        """
        found = [
            f"{count} times {what}"
            for what, count in self.tally.statuses.items()
            if not what.rpartition(" ")[2].startswith("2")
        ]
        whole = fold(store, from_start=True)
        if fold(store).world != whole.world:
            found.append("the state is not the fold of the log")
        kinds = Counter(record.kind for record in store.records())
        for kind, count in self._acknowledged.items():
            if kinds[kind] != count:
                found.append(f"{count} {kind} acknowledged, {kinds[kind]} in the log")
        return found


def measure(
    run: Path,
    scenario: str,
    *,
    units: int,
    seconds: float,
    speed_up: float,
    osrm: bool = False,
    job: bool = False,
) -> dict[str, Any]:
    """Start a server, play a run against it, and look at its log afterwards.

    Parameters
    ----------
    run : Path
        A run folder.
    scenario : str
        What the run was of.
    units : int
        How many units the server shall have in all.
    seconds : float
        How long to play.
    speed_up : float
        Seconds of the run in one of ours.
    osrm : bool
        Whether to ask OSRM's server for the same matrices as ours afterwards.
    job : bool
        Whether a simulation runs beside, as a job of the server.

    Returns
    -------
    dict
        Latencies, memory, what was wrong, bars.

    Raises
    ------
    InputError
        There is no such run, or a server did not start.
    """
    if not (run / "events.parquet").is_file():
        raise InputError(f"{run} is no run", field="--run", fix="make one with 'simulate'")
    if osrm and find_spec("osrm") is None:
        raise InputError(
            "OSRM is not installed",
            field="--osrm",
            fix="pip install osrm-bindings, on Python 3.12 or later",
        )
    city = load_scenario(scenario)
    played = manifest_of(run)["scenario"]
    if played["hash"] != city.hash:
        raise InputError(
            f"{run} is a run of {played['name']}, not of {scenario}",
            field="--city",
            fix="name the scenario of the run",
        )
    nodes = city.network.node_lonlat
    tables: dict[str, Tally] = {}
    with TemporaryDirectory() as folder:
        log = str(Path(folder) / "log.db")
        ours = ["-m", "api.cli", "serve", scenario, "--no-auth", "--json", "--port", "0"]
        with _server(*ours, "--store", log) as (url, process):
            player = Player(url, run, scenario, units)
            memory = asyncio.run(_play(player, process, seconds, speed_up, job=job))
            if osrm:
                tables["ours"] = asyncio.run(ask_tables(url, nodes, units, seconds / 4))
        store = Store(log)
        faults = player.faults(store)
        store.close()
    if osrm:
        with _server("-m", "benchmarks.osrm_server", scenario) as (url, _):
            tables["OSRM's"] = asyncio.run(ask_tables(url, nodes, units, seconds / 4))
    document = _document(player.tally, faults, units, seconds, memory)
    document["tables"] = {
        whose: tally.latencies()["table"] | {"statuses": dict(tally.statuses)}
        for whose, tally in tables.items()
    }
    return document


@contextmanager
def _server(*arguments: str) -> Iterator[tuple[str, int]]:
    """Start a server; yield its address and its process."""
    with subprocess.Popen(
        [sys.executable, *arguments], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield _url(process), process.pid
        finally:
            process.terminate()


async def _play(
    player: Player, process: int, seconds: float, speed_up: float, *, job: bool
) -> list[float]:
    """Play, and return the memory of the server again and again, once it is warm."""
    await player.prepare()
    await player.play(min(seconds / 2, _WARM_S), 0.0, job=job)
    player.tally = Tally()
    memory = [_resident_mb(process)]
    watching = asyncio.ensure_future(_watch(process, memory))
    try:
        await player.play(seconds, speed_up, job=job)
    finally:
        watching.cancel()
    player.close()
    return [*memory, _resident_mb(process)]


async def _watch(process: int, memory: list[float]) -> None:
    while True:
        await asyncio.sleep(_LOOK_S)
        memory.append(_resident_mb(process))


def _url(process: subprocess.Popen[str]) -> str:
    text = ""
    while not text.endswith("}\n"):
        line = process.stdout.readline() if process.stdout is not None else ""
        if not line:
            raise InputError("the server did not start", field="--city", fix="try 'serve' yourself")
        text += line
    url: str = json.loads(text)["url"]
    return url


def _resident_mb(process: int) -> float:
    """Return what a process itself holds in memory; NaN where the system does not say.

    What it shares with the disk, its libraries, goes and comes as the system likes.
    """
    path = Path(f"/proc/{process}/status")
    if not path.is_file():
        return float("nan")
    words = dict(line.split(":", 1) for line in path.read_text().splitlines() if ":" in line)
    return int(words["RssAnon"].split()[0]) / 1024


def _document(
    tally: Tally, faults: list[str], units: int, seconds: float, memory: list[float]
) -> dict[str, Any]:
    document = {
        "units": units,
        "seconds": seconds,
        "latencies": tally.latencies(),
        "statuses": dict(sorted(tally.statuses.items())),
        "sent_late_s": round(tally.late_s, 3),
        "memory_mb": [round(each, 1) for each in memory],
        "memory_percent_an_hour": round(_trend(memory, seconds), 2),
        "wrong": faults,
    }
    document["bars"] = judge(document, BARS)
    return document


def _trend(memory: list[float], seconds: float) -> float:
    """Return how memory grows by the straight line through all, in percent an hour.

    Tables come and go: from one moment to another it may differ by some percent.
    """
    hours = np.linspace(0, seconds / 3600, len(memory))
    if not np.isfinite(memory).all():
        return float("nan")
    slope, _ = np.polyfit(hours, memory, 1)
    return float(slope / np.mean(memory) * 100)


def _of_question(name: str, units: int) -> Callable[[dict[str, Any]], float | None]:
    def _figure(document: dict[str, Any]) -> float | None:
        if document["units"] != units:
            return None
        found: float | None = document["latencies"].get("recommendation", {}).get(name)
        return found

    return _figure


def _growth(document: dict[str, Any]) -> float | None:
    """Return how memory grew, if it was watched for long enough to tell."""
    if document["units"] != 200 or document["seconds"] < _LONG_S:
        return None
    found: float = document["memory_percent_an_hour"]
    return found


BARS: Final = (
    Bar("200 units: recommendation, median ms", {"*": 5.0}, _of_question("p50_ms", 200), True),
    Bar("200 units: recommendation, p99 ms", {"*": 50.0}, _of_question("p99_ms", 200), True),
    Bar("200 units: memory, % an hour", {"*": 2.0}, _growth, True),
    Bar("1,000 units: p99 ms", {"*": 100.0}, _of_question("p99_ms", 1000), True),
)


def lines_of(document: dict[str, Any]) -> list[str]:
    """Lay out what was measured.

    Parameters
    ----------
    document : dict
        Of `measure`.

    Returns
    -------
    list of str
        Lines.
    """
    rows = [
        (kind, *(f"{each[name]:g}" for name in ("count", "p50_ms", "p99_ms", "worst_ms")))
        for kind, each in document["latencies"].items()
    ]
    first, *_, last = document["memory_mb"]
    trend = document["memory_percent_an_hour"]
    tables = [
        (whose, *(f"{each[name]:g}" for name in ("count", "p50_ms", "p99_ms", "worst_ms")))
        for whose, each in document["tables"].items()
    ]
    wrong = document["wrong"]
    return [
        "{units} units, {seconds:g} s, {0} positions and {1} questions a second".format(
            POSITIONS_A_SECOND, ASKS_A_SECOND, **document
        ),
        "",
        *table(["<request", *_HEADS], rows),
        f"memory {first:.1f} MB, at the end {last:.1f}; by its trend {trend:+.1f} % an hour",
        *(table(["<matrix of all units to one place, by", *_HEADS], tables) if tables else []),
        *bar_lines(document["bars"]),
        f"wrong: {'; '.join(wrong)}" if wrong else "log and answers agree: yes",
    ]
