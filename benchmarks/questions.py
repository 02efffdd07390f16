"""Shortest-path questions: what each task asks, and the answers to check with."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from benchmarks.desk import Question
from routing.network import UNREACHABLE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from benchmarks.road_graphs import RoadGraph

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
