"""Shortest-path questions put to all contestants, one after the other, in one run."""

from __future__ import annotations

import tempfile
from collections import deque
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.bars import judge
from benchmarks.desk import ContestantLost, RemoteDesk, warm_up
from benchmarks.questions import PLACES, make_pool, tasks

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.contestants import Contestant
    from benchmarks.desk import Desk, Reply
    from benchmarks.questions import Pool, Task
    from benchmarks.road_graphs import RoadGraph

    OpenDesk = Callable[[type[Contestant], Path], Desk]


@dataclass
class Times:
    """What a contestant took for a task.

    Parameters
    ----------
    seconds : list of float
        Of each answer.
    share : int
        Rows that it answered of those asked; 0 where answers have no shares.
    reply : dict
        Sums of distances, of those checked, of those wrong.
    digests : list of list of int
        Of each round's answers.
    """

    share: int = 0
    seconds: list[float] = field(default_factory=list)
    values: int = 0
    checked: int = 0
    wrong: int = 0
    digests: list[list[int]] = field(default_factory=list)
    lost: str = ""

    def add(self, reply: Reply) -> None:
        """Add a round."""
        self.seconds += reply.seconds
        self.values += reply.values
        self.checked += reply.checked
        self.wrong += reply.wrong
        self.digests.append(reply.digests)


def measure(
    graph: RoadGraph,
    contestants: dict[str, type[Contestant]],
    *,
    rounds: int,
    budget_s: float,
    check_s: float,
    places: int = PLACES,
    chosen: Sequence[Task] | None = None,
    open_desk: OpenDesk = RemoteDesk,
    say: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Measure contestants on a graph.

    In each round all contestants answer the same questions one after the other, in turn
    the first, so that a busy machine slows all of them.

    Parameters
    ----------
    graph : RoadGraph
        The graph.
    contestants : dict
        The contestants by name.
    rounds : int
        How often each task is asked.
    budget_s : float
        Seconds that a contestant may take for a task; a slow one answers fewer
        questions, or a smaller share, which the result says.
    check_s : float
        As in `make_pool`.
    places : int
        As in `make_pool`.
    chosen : sequence of Task, optional
        Other tasks than all.
    open_desk : callable
        How to seat a contestant.
    say : callable
        Told what is going on.

    Returns
    -------
    dict
        Sizes, preparations, times by task and contestant, and the bars.
    """
    document: dict[str, Any] = {"graph": graph.name, "nodes": graph.n, "arcs": len(graph.tail)}
    desks: dict[str, Desk] = {}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        graph.save(folder / "graph.npz")
        say(f"{graph.name}: SciPy finds the answers to check with")
        pool = make_pool(graph, folder, check_s, places)
        document["rows_known"] = len(pool.known)
        try:
            document["contestants"] = {
                name: _seat(name, kind, folder / "graph.npz", desks, open_desk, say)
                for name, kind in contestants.items()
            }
            document["tasks"] = []
            for task in tasks() if chosen is None else chosen:
                say(f"{graph.name}: {task.title}")
                document["tasks"].append(run_task(task, pool, desks, rounds, budget_s))
            document["roof"] = _roof(desks, document)
        finally:
            for desk in desks.values():
                desk.close()
    document["bars"] = judge(document)
    document["wrong"] = sorted(
        {
            name
            for task in document["tasks"]
            for name, times in task["contestants"].items()
            if times.get("wrong") or times.get("differs")
        }
    )
    return document


def run_task(
    task: Task, pool: Pool, desks: dict[str, Desk], rounds: int, budget_s: float
) -> dict[str, Any]:
    """Put a task to all who can do it.

    A contestant that fails is taken off `desks`.

    Parameters
    ----------
    task : Task
        The task.
    pool : Pool
        What questions are made from.
    desks : dict of Desk
        The contestants.
    rounds : int
        How often to ask.
    budget_s : float
        Seconds for each contestant.

    Returns
    -------
    dict
        Times by contestant.
    """
    times: dict[str, Times] = {}
    for name in list(desks):
        with _losing(name, desks, times):
            if all(desks[name].can(ability) for ability in task.needs):
                times[name] = Times(_share(task, pool, desks[name], budget_s / rounds))
    order = deque(name for name in times if name in desks)
    for number in range(rounds):
        for name in order:
            if name not in desks or sum(times[name].seconds) > budget_s:
                continue
            with _losing(name, desks, times):
                questions = task.ask(pool, number, times[name].share)
                times[name].add(desks[name].ask(questions, budget_s / rounds))
        order.rotate()
    return {
        "key": task.key,
        "title": task.title,
        "contestants": {name: _summary(task, one, times) for name, one in times.items()},
    }


def _share(task: Task, pool: Pool, desk: Desk, budget_s: float) -> int:
    """Find how many rows a contestant answers in its budget; warm it up by the way."""
    if not task.rows:
        desk.ask(task.ask(pool, -1, 0)[:1], 0.0)
        return 0
    share = 1 if desk.by_rows else task.rows
    while True:
        took = desk.ask(task.ask(pool, -1, share), 0.0).seconds[0]
        if share == task.rows or took * 2 > budget_s:
            return share
        share = min(task.rows, int(share * min(16.0, max(2.0, budget_s / took))))


def _summary(task: Task, one: Times, times: dict[str, Times]) -> dict[str, Any]:
    if not one.seconds:
        return {"lost": one.lost}
    scale = 1000.0 / task.per * (task.rows / one.share if one.share else 1.0)
    ms = np.array(one.seconds) * scale
    result: dict[str, Any] = {
        "median_ms": float(np.median(ms)),
        "p99_ms": float(np.quantile(ms, 0.99)),
        "least_ms": float(ms.min()),
        "answers": len(ms),
        "distances": one.values,
        "checked": one.checked,
        "wrong": one.wrong,
        # what SciPy did not find is at least the same for all
        "differs": any(_disagree(one, other) for other in times.values()),
    }
    if one.share not in (0, task.rows):
        result["share"] = f"{one.share} of {task.rows} rows, scaled up"
    if one.lost:
        result["lost"] = one.lost
    return result


def _disagree(one: Times, other: Times) -> bool:
    return one.share == other.share and any(
        a != b
        for mine, theirs in zip(one.digests, other.digests, strict=False)
        for a, b in zip(mine, theirs, strict=False)
    )


class _losing:  # noqa: N801  # a context manager reads like a word
    """Take a contestant off where it fails."""

    def __init__(self, name: str, desks: dict[str, Desk], times: dict[str, Times]) -> None:
        self._name, self._desks, self._times = name, desks, times

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        """Note what went wrong."""
        if not isinstance(error, ContestantLost):
            return False
        self._desks.pop(self._name)
        self._times.setdefault(self._name, Times()).lost = str(error)
        return True


def _seat(
    name: str,
    kind: type[Contestant],
    graph_file: Path,
    desks: dict[str, Desk],
    open_desk: OpenDesk,
    say: Callable[[str], None],
) -> dict[str, Any]:
    try:
        found = version(kind.package) if kind.package else None
    except PackageNotFoundError:
        wheels = f" (wheels for {kind.wheels})" if kind.wheels else ""
        return {"missing": f"pip install {kind.package}{wheels}"}
    say(f"{name} prepares itself")
    if open_desk is RemoteDesk:
        warm_up(kind)
    try:
        desk = open_desk(kind, graph_file)
    except ContestantLost as error:
        return {"version": found, "lost": str(error)}
    desks[name] = desk
    done = desk.preparation
    return {
        "version": found,
        "note": kind.note,
        "checked": kind.checked,
        "preparation_s": done.seconds,
        "peak_mb": done.peak_mb,
        "peak_growth_mb": done.peak_mb - done.before_mb,
    }


def _roof(desks: dict[str, Desk], document: dict[str, Any]) -> dict[str, Any] | None:
    """Compare the bytes that full rows must move with what memory can."""
    rows = next((task for task in document["tasks"] if task["key"] == "rows_128"), None)
    ours = desks.get("bluelight")
    if rows is None or ours is None or not ours.can("triad"):
        return None
    taken = rows["contestants"]["bluelight"]["least_ms"] / 1000
    triad, sweep = (ours.measure(ability) for ability in ("triad", "sweep_bytes"))
    speed = 2 * sweep / taken
    return {
        "triad_gb_s": triad / 1e9,
        "rows_gb_s": speed / 1e9,
        "share": speed / triad,
        "convention": "bytes read and written are counted, as STREAM does, in both",
    }
