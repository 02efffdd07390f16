"""What a contestant of the routing benchmark may be asked, and ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np

from benchmarks.bandwidth import sweep_bytes, triad
from routing.hierarchy import Hierarchy, Metric, Rows
from routing.network import UNREACHABLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from benchmarks.road_graphs import RoadGraph

    Nodes = NDArray[np.int32]
    Ms = NDArray[np.int32]

ABILITIES: Final = (
    "row",
    "rows",
    "matrix",
    "pair",
    "many_to_one",
    "pin",
    "pinned",
    "customise",
    "customise_pruned",
    "customise_many",
    "last_many_to_one",
    "change",
)
"""Names of the methods that a contestant may have.

- ``row(source)``: from a node to all.
- ``rows(sources)``: from many nodes to all.
- ``matrix(sources, targets)``.
- ``pair(source, target)``.
- ``many_to_one(sources, target)``: sources that were not named before.
- ``pin(sources)``, then ``pinned(target)``: the same sources for many targets.
- ``customise(arc_ms)``: take other times for all arcs; ``customise_pruned`` likewise,
  with all that makes later questions fast.
- ``customise_many(arc_ms)``: take several, shape (k, m), beside those in use; then
  ``last_many_to_one(sources, target)`` by the last of them.
- ``change(arcs, ms)``: other times for some arcs; the next answer must obey them.
"""


class Contestant:
    """A program that answers shortest-path questions about one graph.

    A subclass prepares itself in ``__init__(graph)`` and has the methods of `ABILITIES`
    that it knows. Arguments come as int32 arrays; `ready` may turn them beforehand, and
    `array` the answer afterwards, into what the program takes and gives fastest, and
    neither is timed.
    """

    name: ClassVar[str]
    package: ClassVar[str] = ""
    """Distribution that must be installed; none for ours."""
    wheels: ClassVar[str] = ""
    """What its wheels need, where that is more than ours."""
    checked: ClassVar[bool] = True
    """Whether its answers must equal SciPy's; if not it is only timed."""
    by_rows: ClassVar[bool] = True
    """Whether a matrix takes it as long as its rows one by one; if not it answers all
    rows, however long it takes, since a share could not be scaled up."""
    programs_mb: float = 0.0
    """Most memory of a program that it ran to prepare itself, in 10^6 bytes."""
    timeout_s: ClassVar[float] = 3600.0
    """A question that takes longer ends the contestant."""
    note: ClassVar[str] = ""
    """What a reader of its figures must know."""

    def __init__(self, graph: RoadGraph) -> None:
        self.graph = graph

    @classmethod
    def warm(cls, graph: RoadGraph) -> None:
        """Compile or load what the first use would; a small graph is given."""

    def ready(self, ability: str, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        """Turn arguments into what the program takes.

        Parameters
        ----------
        ability : str
            One of `ABILITIES`.
        arguments : tuple
            Ints and int32 arrays.

        Returns
        -------
        tuple
            What the method is called with.
        """
        del ability
        return arguments

    def array(self, ability: str, answer: Any) -> NDArray[np.int32]:
        """Turn an answer into milliseconds.

        Parameters
        ----------
        ability : str
            One of `ABILITIES`.
        answer : object
            What the method returned.

        Returns
        -------
        ndarray of int32
            Milliseconds; `UNREACHABLE` where there is no way.
        """
        del ability
        return milliseconds(answer)


def milliseconds(answer: Any) -> NDArray[np.int32]:
    """Turn numbers of any kind into milliseconds.

    Parameters
    ----------
    answer : array-like
        Milliseconds; None, infinite or huge where there is no way.

    Returns
    -------
    ndarray of int32
        Milliseconds, rounded.
    """
    values = np.asarray(answer)
    if values.dtype == np.int32:
        return values
    values = values.astype(np.float64)
    far = ~(values < UNREACHABLE)
    return np.where(far, UNREACHABLE, np.rint(np.where(far, 0, values))).astype(np.int32)


class Bluelight(Contestant):
    """Ours."""

    name = "bluelight"

    def __init__(self, graph: RoadGraph) -> None:
        super().__init__(graph)
        self.hierarchy = Hierarchy.build(graph.n, graph.tail, graph.head)
        self.metric = Metric(self.hierarchy, graph.arc_ms)
        self._room: Rows | None = None
        self._several: list[Metric] = []
        self._pinned: Callable[[int], Any] = self._nothing_pinned

    @classmethod
    def warm(cls, graph: RoadGraph) -> None:
        """Compile all kernels; a small graph is given."""
        ours = cls(graph)
        some = np.arange(graph.n, dtype=np.int32)
        for few in (some[:1], some[:2], some[:50]):
            ours.matrix(few, some)
            ours.matrix(some, few)
        ours.row(0)
        ours.rows(some[:2])
        ours.pair(0, 1)
        ours.many_to_one(some, 1)
        ours.pin(some)
        ours.pinned(0)
        ours.change(np.array([0], dtype=np.int32), np.array([UNREACHABLE], dtype=np.int32))
        ours.change(some, graph.arc_ms[some])
        ours.many_to_one(some, 1)
        ours.customise_many(np.stack([graph.arc_ms] * 16))

    def row(self, source: int) -> Any:
        """From a node to all."""
        return self.metric.row(source)

    def rows(self, sources: Nodes) -> Rows:
        """From many nodes to all; written over those of the last question."""
        room = self._room if self._room is not None and self._room.count == len(sources) else None
        self._room = self.metric.rows(sources, out=room)
        return self._room

    def matrix(self, sources: Nodes, targets: Nodes) -> Any:
        """All to all."""
        return self.metric.matrix(sources, targets)

    def pair(self, source: int, target: int) -> int:
        """From one to one."""
        return self.metric.pair(source, target)

    def many_to_one(self, sources: Nodes, target: int) -> Any:
        """From many to one."""
        return self.metric.many_to_one(sources, target)

    def pin(self, sources: Nodes) -> None:
        """Keep the labels of sources."""
        self._pinned = self.metric.pin_sources(sources).to

    def pinned(self, target: int) -> Any:
        """From the kept sources to one."""
        return self._pinned(target)

    def customise(self, arc_ms: Ms) -> None:
        """Take other times."""
        self.metric = Metric(self.hierarchy, arc_ms, prune=False)

    def customise_pruned(self, arc_ms: Ms) -> None:
        """Take other times, and prune."""
        self.metric = Metric(self.hierarchy, arc_ms)

    def customise_many(self, arc_ms: Ms) -> None:
        """Take several times at once, in place of those of the last question."""
        self._several.clear()
        self._several = Metric.batch(self.hierarchy, arc_ms, prune=False)

    def last_many_to_one(self, sources: Nodes, target: int) -> Any:
        """From many to one by the last of several times, which are dropped."""
        return self._several.pop().many_to_one(sources, target)

    def change(self, arcs: Nodes, ms: Ms) -> None:
        """Take other times of some arcs."""
        self.metric.change(arcs, ms)

    def array(self, ability: str, answer: Any) -> NDArray[np.int32]:
        """Turn an answer into milliseconds."""
        return milliseconds(answer.array() if ability == "rows" else answer)

    def triad(self) -> float:
        """Measure the memory's bandwidth, bytes a second."""
        return triad()

    def sweep_bytes(self) -> float:
        """Count the bytes that one block of rows must move."""
        side = self.metric._down  # noqa: SLF001
        return sweep_bytes(self.hierarchy.n_nodes, int(side.ptr[-1]))

    @staticmethod
    def _nothing_pinned(target: int) -> Any:
        raise ValueError(f"no sources are pinned for {target}")
