"""Shortest-path questions put to all contestants, one after the other, in one run."""

from __future__ import annotations

import tempfile
import time
from collections import deque
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from benchmarks.bars import judge
from benchmarks.desk import ContestantLost, Question, RemoteDesk, warm_up
from routing.network import UNREACHABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from benchmarks.contestants import Contestant
    from benchmarks.desk import Desk, Reply
    from benchmarks.road_graphs import RoadGraph

    OpenDesk = Callable[[type[Contestant], Path], Desk]

PLACES: Final = 5_000
"""Sources, and targets, that questions are taken from."""

UNITS: Final = 50
_LANES: Final = 16
_AGAIN: Final = 3
"""How often a round asks a large question; a slow contestant answers it once."""

_SURE: Final = 128
"""Sources whose rows SciPy finds however long it takes."""


@dataclass(frozen=True)
class Pool:
    """A graph, places to ask about, and SciPy's answers.

    Parameters
    ----------
    graph : RoadGraph
        The graph.
    sources, targets : ndarray of int32, shape (5000,)
        Nodes.
    known : ndarray of int32, shape (k, 5000)
        Milliseconds from the first k sources to the targets.
    folder : Path
        Where `known`, and the first rows to all nodes, lie as files.
    """

    graph: RoadGraph
    sources: NDArray[np.int32]
    targets: NDArray[np.int32]
    known: NDArray[np.int32]
    folder: Path


@dataclass(frozen=True)
class Task:
    """A kind of question.

    Parameters
    ----------
    key, title : str
        Names for machines and for people.
    needs : tuple of str
        Abilities without which it cannot be asked.
    rows : int
        Sources of a question of which a slow contestant answers a share; 0 where each
        round asks several questions instead.
    ask : callable
        Makes the questions of a round from the pool, the round's number and the share.
    per : int
        Answers in a question, to divide its time by.
    """

    key: str
    title: str
    needs: tuple[str, ...]
    rows: int
    ask: Callable[[Pool, int, int], list[Question]]
    per: int = 1


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


def make_pool(graph: RoadGraph, folder: Path, check_s: float, places: int = PLACES) -> Pool:
    """Draw places, and let SciPy find the answers.

    Parameters
    ----------
    graph : RoadGraph
        The graph.
    folder : Path
        Where to put files.
    check_s : float
        After so many seconds only the rows that must be known are searched for; they
        are at least those of the full rows, 128.
    places : int
        How many sources and targets, at most as many as there are nodes.

    Returns
    -------
    Pool
        What questions are made from.
    """
    rng = np.random.default_rng(7)
    # igraph takes no node twice
    places = min(places, graph.n)
    sources = rng.choice(graph.n, places, replace=False).astype(np.int32)
    targets = rng.choice(graph.n, places, replace=False).astype(np.int32)
    matrix = _matrix(graph, graph.arc_ms)
    full, known = [], []
    begin = time.perf_counter()
    for first in range(0, places, 16):
        if first >= _SURE and time.perf_counter() - begin > check_s:
            break
        rows = _whole(dijkstra(matrix, indices=sources[first : first + 16]))
        known.append(rows[:, targets])
        if first < _SURE:
            full.append(rows)
    np.save(folder / "full.npy", np.concatenate(full)[:_SURE])
    np.save(folder / "known.npy", np.concatenate(known))
    return Pool(graph, sources, targets, np.concatenate(known), folder)


def tasks() -> tuple[Task, ...]:
    """Return all tasks; those that change the graph come last.

    Returns
    -------
    tuple of Task
        The tasks.
    """
    return (
        Task("row", "one full row", ("row",), 0, _one_row),
        *(Task(f"rows_{a}", f"{a} full rows", ("rows",), a, _full_rows) for a in (100, 128)),
        *(
            Task(f"matrix_{a}_{b}", f"{a:,} × {b:,}", ("matrix",), a, _cells(b))
            for a, b in ((200, 2000), (1000, 1000), (5000, 5000))
        ),
        Task("pair", "single pair", ("pair",), 0, _pairs),
        Task("cold", f"{UNITS} units → 1 incident, cold", ("many_to_one",), 0, _cold),
        Task("pinned", f"{UNITS} units → 1 incident, pinned", ("pin", "pinned"), 0, _pinned),
        Task("closure", "one closure", ("change", "many_to_one"), 0, _closures),
        Task("percent", "1 % of arcs changed", ("change", "many_to_one"), 0, _percent),
        Task("metric", "new metric", ("customise", "many_to_one"), 0, _metric("customise")),
        Task(
            "metric_pruned",
            "new metric, pruned",
            ("customise_pruned", "many_to_one"),
            0,
            _metric("customise_pruned"),
        ),
        Task("metric_16", "16 new metrics at once, each", ("customise_many",), 0, _many, _LANES),
    )


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
        "convention": "fetching the lines that are written to is counted, in both",
    }


def _matrix(graph: RoadGraph, arc_ms: NDArray[np.int32], *, backward: bool = False) -> Any:
    ends = (graph.head, graph.tail) if backward else (graph.tail, graph.head)
    # a closed arc is none
    some = arc_ms < UNREACHABLE
    weight = arc_ms[some].astype(np.float64)
    return csr_array((weight, (ends[0][some], ends[1][some])), shape=(graph.n, graph.n))


def _whole(ms: NDArray[np.float64]) -> NDArray[np.int32]:
    return np.where(np.isinf(ms), UNREACHABLE, ms).astype(np.int32)


def _to(pool: Pool, arc_ms: NDArray[np.int32], target: int) -> NDArray[np.int32]:
    """Return SciPy's times from the units to a target, at other times of arcs."""
    matrix = _matrix(pool.graph, arc_ms, backward=True)
    row = dijkstra(matrix, indices=target)  # type: ignore[call-overload]
    return _whole(row)[_units(pool)]


def _rng(key: int, number: int) -> np.random.Generator:
    return np.random.default_rng((key, number + 1))


def _units(pool: Pool) -> NDArray[np.int32]:
    return pool.sources[:UNITS]


def _one_row(pool: Pool, number: int, share: int) -> list[Question]:
    del share
    full = np.load(pool.folder / "full.npy", mmap_mode="r")
    places = (_AGAIN * number + np.arange(_AGAIN)) % len(full)
    return [
        Question((("row", (int(pool.sources[place]),)),), expected=np.array(full[place]))
        for place in places
    ]


def _full_rows(pool: Pool, number: int, share: int) -> list[Question]:
    del number
    steps = (("rows", (pool.sources[:share],)),)
    file = str(pool.folder / "full.npy")
    return [Question(steps, rows=file, size=(share, pool.graph.n))] * _AGAIN


def _cells(columns: int) -> Callable[[Pool, int, int], list[Question]]:
    def ask(pool: Pool, number: int, share: int) -> list[Question]:
        del number
        steps = (("matrix", (pool.sources[:share], pool.targets[:columns])),)
        file = str(pool.folder / "known.npy")
        return [Question(steps, rows=file, size=(share, columns))] * _AGAIN

    return ask


def _pairs(pool: Pool, number: int, share: int) -> list[Question]:
    del share
    rng = _rng(1, number)
    rows = rng.integers(0, len(pool.known), 50)
    columns = rng.integers(0, len(pool.targets), 50)
    return [
        Question(
            (("pair", (int(pool.sources[row]), int(pool.targets[column]))),),
            expected=pool.known[row, column : column + 1],
        )
        for row, column in zip(rows, columns, strict=True)
    ]


def _cold(pool: Pool, number: int, share: int) -> list[Question]:
    del share
    rng = _rng(2, number)
    questions = []
    for column in rng.integers(0, len(pool.targets), 50):
        rows = rng.choice(len(pool.known), min(UNITS, len(pool.known)), replace=False)
        steps = (("many_to_one", (pool.sources[rows], int(pool.targets[column]))),)
        questions.append(Question(steps, expected=pool.known[rows, column]))
    return questions


def _pinned(pool: Pool, number: int, share: int) -> list[Question]:
    del share
    pin = (("pin", (_units(pool),)),)
    return [
        Question(
            (("pinned", (int(pool.targets[column]),)),),
            before=pin if place == 0 else (),
            expected=pool.known[:UNITS, column],
        )
        for place, column in enumerate(_rng(3, number).integers(0, len(pool.targets), 50))
    ]


def _changed(pool: Pool, arcs: NDArray[np.int32], ms: NDArray[np.int32], target: int) -> Question:
    arc_ms = pool.graph.arc_ms.copy()
    arc_ms[arcs] = ms
    return Question(
        (("change", (arcs, ms)),),
        after=(
            ("many_to_one", (_units(pool), target)),
            ("change", (arcs, pool.graph.arc_ms[arcs])),
        ),
        expected=_to(pool, arc_ms, target),
        check_after=True,
    )


def _closures(pool: Pool, number: int, share: int) -> list[Question]:
    del share
    rng = _rng(4, number)
    closed = np.array([UNREACHABLE], dtype=np.int32)
    return [
        _changed(
            pool,
            rng.integers(0, len(pool.graph.arc_ms), 1).astype(np.int32),
            closed,
            int(pool.targets[rng.integers(len(pool.targets))]),
        )
        for _ in range(10)
    ]


def _percent(pool: Pool, number: int, share: int) -> list[Question]:
    del share
    rng = _rng(5, number)
    m = len(pool.graph.arc_ms)
    arcs = np.sort(rng.choice(m, max(1, m // 100), replace=False)).astype(np.int32)
    ms = _scaled(pool.graph.arc_ms[arcs], 1.5)
    return [_changed(pool, arcs, ms, int(pool.targets[number + 1]))]


def _other_ms(pool: Pool, rng: np.random.Generator) -> NDArray[np.int32]:
    graph = pool.graph
    return _scaled(graph.arc_ms, rng.uniform(0.8, 1.5, len(graph.arc_ms)))


def _scaled(arc_ms: NDArray[np.int32], factor: float | NDArray[np.float64]) -> NDArray[np.int32]:
    """Multiply times; what is closed stays so."""
    scaled = np.where(arc_ms == UNREACHABLE, 1, np.maximum(1, arc_ms * factor))
    return np.where(arc_ms == UNREACHABLE, UNREACHABLE, scaled.astype(np.int32)).astype(np.int32)


def _metric(ability: str) -> Callable[[Pool, int, int], list[Question]]:
    def ask(pool: Pool, number: int, share: int) -> list[Question]:
        del share
        arc_ms = _other_ms(pool, _rng(6, number))
        target = int(pool.targets[number + 1])
        return [
            Question(
                ((ability, (arc_ms,)),),
                after=(
                    ("many_to_one", (_units(pool), target)),
                    ("customise", (pool.graph.arc_ms,)),
                ),
                expected=_to(pool, arc_ms, target),
                check_after=True,
            )
        ]

    return ask


def _many(pool: Pool, number: int, share: int) -> list[Question]:
    del share
    rng = _rng(8, number)
    arc_ms = np.stack([_other_ms(pool, rng) for _ in range(_LANES)])
    target = int(pool.targets[number + 1])
    return [
        Question(
            (("customise_many", (arc_ms,)),),
            after=(("last_many_to_one", (_units(pool), target)),),
            expected=_to(pool, arc_ms[-1], target),
            check_after=True,
        )
    ]
