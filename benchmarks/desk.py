"""Where a contestant sits and is asked: in this process, or in one of its own.

In a process of its own its memory is its own, and it can be ended when it hangs. It is
timed there, so that carrying questions and answers costs it nothing.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import resource
import time
import zlib
from collections import deque
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np

from benchmarks.road_graphs import RoadGraph, generate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection

    from numpy.typing import NDArray

    from benchmarks.contestants import Contestant

THREADS: Final = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "RAYON_NUM_THREADS",
)
"""Environment variables that are 1 in the process of a contestant."""

_WARM: Final = 400
"""Nodes of the graph that kernels are compiled on."""

Step = tuple[str, tuple[Any, ...]]
"""An ability, and what it is called with."""


class ContestantLost(Exception):  # noqa: N818
    """A contestant failed, hung, or died."""


@dataclass(frozen=True)
class Question:
    """What a contestant is asked once.

    Parameters
    ----------
    timed : tuple of Step
        Timed together.
    before, after : tuple of Step
        Not timed.
    expected : ndarray of int32, optional
        The answer, as far as it is known: its first rows, where it has fewer.
    rows : str
        Instead of `expected`: the file that holds it.
    size : tuple of int
        How many rows and columns of that file are the answer.
    check_after : bool
        Whether the answer is that of the first step in `after`, not the last timed one.
    """

    timed: tuple[Step, ...]
    before: tuple[Step, ...] = ()
    after: tuple[Step, ...] = ()
    expected: NDArray[np.int32] | None = None
    rows: str = ""
    size: tuple[int, int] = (0, 0)
    check_after: bool = False


@dataclass
class Reply:
    """What came of some questions.

    Parameters
    ----------
    seconds : list of float
        One for each question that was answered.
    values : int
        Distances that the answers held.
    checked : int
        How many of them were compared with SciPy's.
    wrong : int
        How many differed.
    digests : list of int
        CRC-32 of each answer.
    """

    seconds: list[float] = field(default_factory=list)
    values: int = 0
    checked: int = 0
    wrong: int = 0
    digests: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Preparation:
    """What it took to prepare.

    Parameters
    ----------
    seconds : float
        Time from the arcs in arrays to being ready to answer.
    peak_mb : float
        Most memory of the process, or of a program that it ran, until then, in 10^6 bytes.
    before_mb : float
        What it had before: interpreter, packages, the graph.
    """

    seconds: float
    peak_mb: float
    before_mb: float


class Desk(Protocol):
    """Where a contestant is asked."""

    name: str
    by_rows: bool
    preparation: Preparation

    def can(self, ability: str) -> bool:
        """Tell whether the contestant has an ability."""
        ...

    def ask(self, questions: list[Question], budget_s: float) -> Reply:
        """Ask questions one after the other until the budget is spent, at least one."""
        ...

    def measure(self, ability: str) -> float:
        """Let the contestant measure or count something itself."""
        ...

    def close(self) -> None:
        """Send the contestant home."""
        ...


class LocalDesk:
    """A contestant in this process.

    Parameters
    ----------
    kind : type of Contestant
        The contestant.
    graph : RoadGraph
        The graph.
    """

    def __init__(self, kind: type[Contestant], graph: RoadGraph) -> None:
        self.name = kind.name
        self.by_rows = kind.by_rows
        before = _reset_peak_mb()
        begin = time.perf_counter()
        self._contestant = kind(graph)
        seconds = time.perf_counter() - begin
        self.preparation = Preparation(
            seconds, max(_peak_mb(), self._contestant.programs_mb), before
        )
        self._files: dict[str, NDArray[np.int32]] = {}

    def can(self, ability: str) -> bool:
        """Tell whether the contestant has an ability."""
        return callable(getattr(self._contestant, ability, None))

    def ask(self, questions: list[Question], budget_s: float) -> Reply:
        """Ask questions one after the other until the budget is spent, at least one."""
        reply = Reply()
        waiting = deque(questions)
        begin = time.perf_counter()
        gc.collect()
        gc.disable()  # or one answer pays for the garbage of another
        while waiting:
            # questions that leave no trace follow each other closely, as they do in use
            some = [waiting.popleft()]
            while waiting and not (some[-1].after or waiting[0].before):
                some.append(waiting.popleft())
            self._ask_some(some, reply, begin + budget_s)
            if time.perf_counter() - begin > budget_s:
                break
        gc.enable()
        return reply

    def measure(self, ability: str) -> float:
        """Let the contestant measure or count something itself."""
        return float(getattr(self._contestant, ability)())

    def close(self) -> None:
        """Send the contestant home."""
        del self._contestant

    def _ask_some(self, questions: list[Question], reply: Reply, until: float) -> None:
        """Ask, then compare; only the last question may want more done afterwards."""
        one = self._contestant
        self._run(questions[0].before)
        ready = [
            [(getattr(one, ability), one.ready(ability, args)) for ability, args in question.timed]
            for question in questions
        ]
        answers = []
        for steps in ready:
            begin = time.perf_counter()
            for method, arguments in steps:
                answer = method(*arguments)
            end = time.perf_counter()
            reply.seconds.append(end - begin)
            answers.append(answer)
            if end > until:
                break
        for question, answer in zip(questions, answers, strict=False):
            if not question.check_after:
                self._compare(question, one.array(question.timed[-1][0], answer), reply)
        last = questions[len(answers) - 1]
        for place, (ability, arguments) in enumerate(last.after):
            answer = self._run(((ability, arguments),))
            if last.check_after and place == 0:
                self._compare(last, one.array(ability, answer), reply)

    def _run(self, steps: tuple[Step, ...]) -> Any:
        answer = None
        for ability, arguments in steps:
            ready = self._contestant.ready(ability, arguments)
            answer = getattr(self._contestant, ability)(*ready)
        return answer

    def _compare(self, question: Question, result: NDArray[np.int32], reply: Reply) -> None:
        expected = question.expected
        if question.rows:
            if question.rows not in self._files:
                self._files[question.rows] = np.load(question.rows, mmap_mode="r")
            rows, columns = question.size
            expected = self._files[question.rows][:rows, :columns]
        reply.values += result.size
        if not self._contestant.checked:
            return
        reply.digests.append(zlib.crc32(np.ascontiguousarray(result).data))
        if expected is None:
            return
        some = result.reshape(-1, expected.shape[-1])[: len(np.atleast_2d(expected))]
        known = np.atleast_2d(expected)[: len(some)]
        reply.checked += known.size
        reply.wrong += int(np.count_nonzero(some != known))


class RemoteDesk:
    """A contestant in a process of its own.

    Parameters
    ----------
    kind : type of Contestant
        The contestant; importable by its name.
    graph_file : Path
        What `RoadGraph.save` wrote.

    Raises
    ------
    ContestantLost
        It cannot prepare itself.
    """

    def __init__(self, kind: type[Contestant], graph_file: Path) -> None:
        self.name = kind.name
        self.by_rows = kind.by_rows
        self.timeout_s = kind.timeout_s
        self._abilities: dict[str, bool] = {}
        context = multiprocessing.get_context("spawn")
        self._line, other = context.Pipe()
        self._process = context.Process(target=_serve, args=(other, kind, graph_file), daemon=True)
        with _one_thread():
            self._process.start()
        other.close()
        self.preparation: Preparation = self._answer()

    def can(self, ability: str) -> bool:
        """Tell whether the contestant has an ability."""
        if ability not in self._abilities:
            self._abilities[ability] = self._call("can", ability)
        return self._abilities[ability]

    def ask(self, questions: list[Question], budget_s: float) -> Reply:
        """Ask questions one after the other until the budget is spent, at least one."""
        reply: Reply = self._call("ask", questions, budget_s)
        return reply

    def measure(self, ability: str) -> float:
        """Let the contestant measure or count something itself."""
        return float(self._call("measure", ability))

    def close(self) -> None:
        """End the process."""
        self._line.close()
        self._process.kill()
        self._process.join()
        self._process.close()

    def _call(self, name: str, *arguments: Any) -> Any:
        try:
            self._line.send((name, arguments))
        except OSError as error:
            raise ContestantLost(f"{self.name}: its process ended") from error
        return self._answer()

    def _answer(self) -> Any:
        try:
            if not self._line.poll(self.timeout_s):
                self.close()
                raise ContestantLost(f"{self.name}: no answer in {self.timeout_s:g} s")
            good, value = self._line.recv()
        except (EOFError, OSError) as error:
            raise ContestantLost(f"{self.name}: its process ended") from error
        if not good:
            raise ContestantLost(f"{self.name}: {value}")
        return value


def warm_up(kind: type[Contestant]) -> None:
    """Let a contestant compile its kernels in a process that ends then.

    What compiling takes is no part of its preparation, nor of its memory.

    Parameters
    ----------
    kind : type of Contestant
        The contestant.
    """
    process = multiprocessing.get_context("spawn").Process(target=_warm, args=(kind,))
    with _one_thread():
        process.start()
    process.join()
    process.close()


def _warm(kind: type[Contestant]) -> None:
    """Compile or load kernels."""
    kind.warm(generate(_WARM))


def _serve(line: Connection, kind: type[Contestant], graph_file: Path) -> None:
    # some peers tell their progress on standard output, which is not theirs
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    try:
        _warm(kind)
        desk = LocalDesk(kind, RoadGraph.load(graph_file))
        line.send((True, desk.preparation))
        while True:
            name, arguments = line.recv()
            line.send((True, getattr(desk, name)(*arguments)))
    except (EOFError, OSError):
        return
    except BaseException as error:  # noqa: BLE001  # a peer that panics raises no Exception
        line.send((False, f"{type(error).__name__}: {error}"[:300]))


@contextmanager
def _one_thread() -> Iterator[None]:
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _reset_peak_mb() -> float:
    """Forget the peak where the system can, and return the memory in use."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return _peak_mb()


def _peak_mb() -> float:
    # the kernel hands ru_maxrss on to a started program, so VmHWM comes first
    status = Path("/proc/self/status")
    if status.is_file():
        for line in status.read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1.024e-3
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1.024e-3
