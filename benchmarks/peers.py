"""The programs that ours is measured beside, each through its fastest honest use."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from benchmarks.contestants import Bluelight, Contestant, milliseconds
from benchmarks.osrm import OsrmCH, OsrmMLD
from routing.hierarchy import Hierarchy

if TYPE_CHECKING:
    from benchmarks.contestants import Ms, Nodes
    from benchmarks.road_graphs import RoadGraph

_LISTS: Final = "takes and gives Python lists: arguments are lists beforehand, answers stay lists"


class SciPy(Contestant):
    """Dijkstra's algorithm in Cython."""

    name = "scipy"
    package = "scipy"

    def __init__(self, graph: RoadGraph) -> None:
        super().__init__(graph)
        self._take(graph.arc_ms)

    def _take(self, arc_ms: Ms) -> None:
        graph = self.graph
        weight = arc_ms.astype(np.float64)
        shape = (graph.n, graph.n)
        self.forward: Any = csr_array((weight, (graph.tail, graph.head)), shape=shape)
        self.backward: Any = csr_array((weight, (graph.head, graph.tail)), shape=shape)

    def row(self, source: int) -> Any:
        """From a node to all."""
        return dijkstra(self.forward, indices=source)  # type: ignore[call-overload]

    def rows(self, sources: Nodes) -> Any:
        """From many nodes to all."""
        return dijkstra(self.forward, indices=sources)

    def matrix(self, sources: Nodes, targets: Nodes) -> Any:
        """All to all, from the side that has fewer."""
        if len(targets) < len(sources):
            return dijkstra(self.backward, indices=targets)[:, sources].T
        return dijkstra(self.forward, indices=sources)[:, targets]

    def pair(self, source: int, target: int) -> Any:
        """From one to one."""
        return dijkstra(self.forward, indices=source)[target]  # type: ignore[call-overload]

    def many_to_one(self, sources: Nodes, target: int) -> Any:
        """From many to one, backward."""
        return dijkstra(self.backward, indices=target)[sources]  # type: ignore[call-overload]

    def customise(self, arc_ms: Ms) -> None:
        """Build the matrices anew."""
        self._take(arc_ms)


class NetworkX(Contestant):
    """Dijkstra's algorithm in Python."""

    name = "networkx"
    package = "networkx"

    def __init__(self, graph: RoadGraph) -> None:
        super().__init__(graph)
        nx = import_module("networkx")

        self._nx = nx
        self.digraph: Any = nx.DiGraph()
        self.digraph.add_nodes_from(range(graph.n))
        self.digraph.add_weighted_edges_from(
            zip(graph.tail.tolist(), graph.head.tolist(), graph.arc_ms.tolist(), strict=True)
        )

    def row(self, source: int) -> Any:
        """From a node to all."""
        return self._nx.single_source_dijkstra_path_length(self.digraph, source)

    def rows(self, sources: Nodes) -> Any:
        """From many nodes to all."""
        return [self.row(source) for source in sources.tolist()]

    def matrix(self, sources: Nodes, targets: Nodes) -> Any:
        """All to all."""
        wanted = targets.tolist()
        return [[row[node] for node in wanted] for row in self.rows(sources)]

    def pair(self, source: int, target: int) -> Any:
        """From one to one, from both sides."""
        return self._nx.bidirectional_dijkstra(self.digraph, source, target)[0]

    def array(self, ability: str, answer: Any) -> Ms:
        """Turn an answer into milliseconds."""
        if ability == "row":
            return _row_of(answer, self.graph.n)
        if ability == "rows":
            return np.stack([_row_of(row, self.graph.n) for row in answer])
        return milliseconds(answer)


def _row_of(reached: Any, n: int) -> Ms:
    row = np.full(n, np.inf)
    row[list(reached.keys())] = list(reached.values())
    return milliseconds(row)


class IGraph(Contestant):
    """Dijkstra's algorithm in C."""

    name = "igraph"
    package = "igraph"
    note = _LISTS

    def __init__(self, graph: RoadGraph) -> None:
        super().__init__(graph)
        igraph = import_module("igraph")

        self.digraph = igraph.Graph(
            n=graph.n, edges=np.column_stack([graph.tail, graph.head]), directed=True
        )
        self.digraph.es["ms"] = graph.arc_ms.astype(np.float64).tolist()

    def ready(self, ability: str, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        """Turn arrays into lists."""
        del ability
        return _lists(arguments)

    def row(self, source: int) -> Any:
        """From a node to all."""
        return self.digraph.distances(source=[source], weights="ms")[0]

    def rows(self, sources: list[int]) -> Any:
        """From many nodes to all."""
        return self.digraph.distances(source=sources, weights="ms")

    def matrix(self, sources: list[int], targets: list[int]) -> Any:
        """All to all."""
        return self.digraph.distances(source=sources, target=targets, weights="ms")

    def pair(self, source: int, target: int) -> Any:
        """From one to one."""
        return self.digraph.distances(source=[source], target=[target], weights="ms")[0][0]

    def many_to_one(self, sources: list[int], target: int) -> Any:
        """From many to one, backward."""
        return self.digraph.distances(source=[target], target=sources, weights="ms", mode="in")[0]

    def customise(self, arc_ms: list[float]) -> None:
        """Set the weights."""
        self.digraph.es["ms"] = arc_ms


class RustworkX(Contestant):
    """Dijkstra's algorithm in Rust; it calls Python for each arc's weight."""

    name = "rustworkx"
    package = "rustworkx"

    def __init__(self, graph: RoadGraph) -> None:
        super().__init__(graph)
        rustworkx = import_module("rustworkx")

        self._rx = rustworkx
        self.digraph = rustworkx.PyDiGraph()
        self.digraph.add_nodes_from(range(graph.n))
        ms = graph.arc_ms.astype(np.float64).tolist()
        self.digraph.add_edges_from(
            list(zip(graph.tail.tolist(), graph.head.tolist(), ms, strict=True))
        )

    def row(self, source: int) -> Any:
        """From a node to all."""
        # with the source itself, which it leaves out
        reached = self._rx.dijkstra_shortest_path_lengths(self.digraph, source, float)
        return source, reached

    def rows(self, sources: Nodes) -> Any:
        """From many nodes to all."""
        return [self.row(source) for source in sources.tolist()]

    def pair(self, source: int, target: int) -> Any:
        """From one to one."""
        if source == target:
            return 0
        return self._rx.dijkstra_shortest_path_lengths(self.digraph, source, float, target)[target]

    def array(self, ability: str, answer: Any) -> Ms:
        """Turn an answer into milliseconds."""
        if ability == "pair":
            return milliseconds(answer)
        rows = [answer] if ability == "row" else answer
        table = np.stack(
            [_row_of({**dict(reached), at: 0.0}, self.graph.n) for at, reached in rows]
        )
        return table[0] if ability == "row" else table


class NetworKit(Contestant):
    """Dijkstra's algorithm in C++."""

    name = "networkit"
    package = "networkit"

    def __init__(self, graph: RoadGraph) -> None:
        super().__init__(graph)
        networkit = import_module("networkit")

        self._nk = networkit
        networkit.setNumberOfThreads(1)
        ends = graph.tail.astype(np.uint64), graph.head.astype(np.uint64)
        self.digraph = networkit.GraphFromCoo(
            (graph.arc_ms.astype(np.float64), ends), n=graph.n, weighted=True, directed=True
        )

    def row(self, source: int) -> Any:
        """From a node to all."""
        run = self._nk.distance.Dijkstra(self.digraph, source, storePaths=False)
        run.run()
        return run.getDistances()

    def rows(self, sources: Nodes) -> Any:
        """From many nodes to all."""
        run = self._nk.distance.SPSP(self.digraph, sources.tolist())
        run.run()
        return run.getDistances(asarray=True)

    def matrix(self, sources: Nodes, targets: Nodes) -> Any:
        """All to all; each target may be named once."""
        once, which = np.unique(targets, return_inverse=True)
        run = self._nk.distance.SPSP(self.digraph, sources.tolist(), once.tolist())
        run.run()
        return np.asarray(run.getDistances(asarray=True))[:, which]


class Pandana(Contestant):
    """A contraction hierarchy in C++, asked pair by pair; it hangs on some graphs."""

    name = "pandana"
    package = "pandana"
    timeout_s = 240.0
    note = "weights cannot be changed"

    def __init__(self, graph: RoadGraph) -> None:
        super().__init__(graph)
        pandana = import_module("pandana")
        pd = import_module("pandas")

        # inside it counts whole thousandths of the unit it is given, and cuts the rest off
        seconds = pd.DataFrame({"s": (graph.arc_ms + 0.25) / 1000.0})
        lon, lat = (pd.Series(axis) for axis in graph.lonlat.T)
        self.network = pandana.Network(
            lon, lat, pd.Series(graph.tail), pd.Series(graph.head), seconds, twoway=False
        )

    def matrix(self, sources: Nodes, targets: Nodes) -> Any:
        """All to all, one pair after the other."""
        pairs = np.repeat(sources, len(targets)), np.tile(targets, len(sources))
        lengths = np.array(self.network.shortest_path_lengths(*pairs))
        return lengths.reshape(len(sources), len(targets))

    def pair(self, source: int, target: int) -> Any:
        """From one to one."""
        return self.network.shortest_path_length(source, target)

    def many_to_one(self, sources: Nodes, target: int) -> Any:
        """From many to one."""
        return self.network.shortest_path_lengths(sources, np.full(len(sources), target))

    def array(self, ability: str, answer: Any) -> Ms:
        """Turn an answer into milliseconds."""
        del ability
        return milliseconds(np.asarray(answer) * 1000.0)


class RoutingKit(Contestant):
    """RoutingKit's customizable contraction hierarchy in C++, with our order of nodes."""

    name = "routingkit-cch"
    package = "routingkit-cch"
    note = (
        f"{_LISTS}; has our order of nodes, whose making counts in its preparation; "
        "a change ends all queries, so that the next answer makes one"
    )

    def __init__(self, graph: RoadGraph) -> None:
        super().__init__(graph)
        routingkit_cch = import_module("routingkit_cch")

        order = Hierarchy.build(graph.n, graph.tail, graph.head).node.tolist()
        self._rk = routingkit_cch
        self.cch = routingkit_cch.CCH(order, graph.tail.tolist(), graph.head.tolist(), False)
        self.metric = routingkit_cch.CCHMetric(self.cch, graph.arc_ms.tolist())
        self._updater = routingkit_cch.CCHMetricPartialUpdater(self.cch)
        self._forget()

    def _forget(self) -> None:
        """Drop all queries: the metric cannot be written to while there are any."""
        self._all: Any = None
        self._from_one: Any = None
        self._to_one: Any = None
        self._pins: Any = None
        self._pair: Any = None

    @classmethod
    def warm(cls, graph: RoadGraph) -> None:
        """Compile the order; a small graph is given."""
        Hierarchy.build(graph.n, graph.tail, graph.head)

    def ready(self, ability: str, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        """Turn arrays into lists."""
        if ability in ("row", "rows") and self._all is None:
            self._all = self._rk.CCHOneToMany(self.metric, list(range(self.graph.n)))
        if ability == "change":
            self._forget()
            return (dict(zip(*_lists(arguments), strict=True)),)
        if ability == "customise":
            self._forget()
        return _lists(arguments)

    def row(self, source: int) -> Any:
        """From a node to all, which are pinned beforehand."""
        return self._all.distances_from(source)

    def rows(self, sources: list[int]) -> Any:
        """From many nodes to all, which are pinned beforehand."""
        return [self._all.distances_from(source) for source in sources]

    def matrix(self, sources: list[int], targets: list[int]) -> Any:
        """All to all: pin the targets, ask for each source."""
        if self._from_one is None:
            self._from_one = self._rk.CCHOneToMany(self.metric, targets)
        else:
            self._from_one.repin_targets(targets)
        return [self._from_one.distances_from(source) for source in sources]

    def pair(self, source: int, target: int) -> Any:
        """From one to one."""
        if self._pair is None:
            self._pair = self._rk.CCHQuery(self.metric)
        return self._pair.run(source, target).distance

    def many_to_one(self, sources: list[int], target: int) -> Any:
        """From many to one: pin the sources, ask."""
        if self._to_one is None:
            self._to_one = self._rk.CCHManyToOne(self.metric, sources)
        else:
            self._to_one.repin_sources(sources)
        return self._to_one.distances_to(target)

    def pin(self, sources: list[int]) -> None:
        """Pin sources."""
        self._pins = self._rk.CCHManyToOne(self.metric, sources)

    def pinned(self, target: int) -> Any:
        """From the pinned sources to one."""
        return self._pins.distances_to(target)

    def customise(self, arc_ms: list[int]) -> None:
        """Take other times."""
        self.metric.reset(arc_ms)

    def change(self, changes: dict[int, int]) -> None:
        """Take other times of some arcs."""
        self._updater.apply(self.metric, changes)


class PyRoutingKit(Contestant):
    """RoutingKit's customizable contraction hierarchy in C++, with its inertial order."""

    name = "pyroutingkit"
    package = "pyroutingkit"

    def __init__(self, graph: RoadGraph) -> None:
        super().__init__(graph)
        pyroutingkit = import_module("pyroutingkit")

        lat, lon = graph.lonlat[:, 1].astype(np.float32), graph.lonlat[:, 0].astype(np.float32)
        self._topology = pyroutingkit.CCHTopology()
        self._topology.build(_unsigned(graph.tail), _unsigned(graph.head), lat, lon, graph.n)
        self.metric = pyroutingkit.CCHMetric(self._topology)
        self.metric.customize(_unsigned(graph.arc_ms), 1)

    def ready(self, ability: str, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        """Turn arrays into unsigned ones."""
        if ability == "many_to_one":
            sources, target = arguments
            return _unsigned(sources), np.array([target], dtype=np.uint32)
        return tuple(_unsigned(x) if isinstance(x, np.ndarray) else x for x in arguments)

    def matrix(self, sources: Any, targets: Any) -> Any:
        """All to all."""
        return self.metric.distances_many_to_many(sources, targets)

    def pair(self, source: int, target: int) -> Any:
        """From one to one."""
        return self.metric.query(source, target)

    def many_to_one(self, sources: Any, targets: Any) -> Any:
        """From many to one."""
        return self.metric.distances_many_to_many(sources, targets)

    def customise(self, arc_ms: Any) -> None:
        """Take other times."""
        self.metric.customize(arc_ms, 1)

    def change(self, arcs: Any, ms: Any) -> None:
        """Take other times of some arcs."""
        self.metric.update_weights(arcs, ms)

    def array(self, ability: str, answer: Any) -> Ms:
        """Turn an answer into milliseconds."""
        if ability == "pair" and isinstance(answer, tuple):
            answer = answer[0]
        values = milliseconds(answer)
        return values.ravel() if ability == "many_to_one" else values


def _lists(arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(x.tolist() if isinstance(x, np.ndarray) else x for x in arguments)


def _unsigned(values: Any) -> Any:
    return np.ascontiguousarray(values, dtype=np.uint32)


CONTESTANTS: Final[dict[str, type[Contestant]]] = {
    contestant.name: contestant
    for contestant in (
        Bluelight,
        SciPy,
        NetworkX,
        IGraph,
        RustworkX,
        NetworKit,
        Pandana,
        RoutingKit,
        PyRoutingKit,
        OsrmCH,
        OsrmMLD,
    )
}
"""All contestants by name; ours first."""
