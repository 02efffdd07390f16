"""Travel times from all junctions to some places: our Dijkstra, SciPy's, networkx's."""

from __future__ import annotations

import gc
import time
from collections import deque
from statistics import median
from typing import TYPE_CHECKING, Any, Final

import networkx as nx
import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from routing.network import UNREACHABLE
from routing.snapping import Places
from routing.travel_times import DijkstraTravelTimes

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from routing.network import RoadNetwork
    from scenarios.package import Scenario

    Rows = Callable[[NDArray[np.int64]], NDArray[np.float64]]

ROWS: Final = 10
"""Places in one question."""


def measure(scenario: Scenario, rounds: int) -> dict[str, Any]:
    """Time rows of travel times by each contestant.

    In each round all contestants answer the same question one after the other, in turn
    the first, so that a busy machine and cold caches slow all of them. Ours also gives
    lengths and the way; the others give times alone. The first answer of each, which
    compiles or loads what it needs, is told apart.

    Parameters
    ----------
    scenario : Scenario
        The city.
    rounds : int
        How many questions of `ROWS` rows.

    Returns
    -------
    dict
        Sizes, milliseconds a row by contestant, and whether all answers were equal.
    """
    network = scenario.network
    arc_ms = scenario.speeds.arc_times_ms(network, "siren")
    contestants: dict[str, Rows] = {
        "bluelight": _ours(network, arc_ms),
        "scipy": _scipy(network, arc_ms),
        "networkx": _networkx(network, arc_ms),
    }
    questions = np.random.default_rng(0).integers(0, network.n_nodes, (rounds + 1, ROWS))
    timings: dict[str, list[float]] = {name: [] for name in contestants}
    equal = True
    order = deque(contestants)
    for nodes in questions:
        answers = []
        gc.collect()
        gc.disable()  # or one contestant pays for another's garbage
        for name in order:
            begin = time.perf_counter()
            answers.append(contestants[name](nodes))
            timings[name].append((time.perf_counter() - begin) * 1000 / ROWS)
        gc.enable()
        order.rotate()
        equal &= all(np.array_equal(answers[0], other) for other in answers[1:])
    ours = median(timings["bluelight"][1:])
    return {
        "nodes": network.n_nodes,
        "arcs": network.n_arcs,
        "rounds": rounds,
        "rows": ROWS,
        "equal": equal,
        "contestants": [
            {
                "name": name,
                "first_ms": first,
                "median_ms": median(later),
                "min_ms": min(later),
                "max_ms": max(later),
                "times_ours": median(later) / ours,
            }
            for name, (first, *later) in timings.items()
        ],
    }


def _ours(network: RoadNetwork, arc_ms: NDArray[np.int32]) -> Rows:
    times = DijkstraTravelTimes(network, arc_ms)

    def rows(nodes: NDArray[np.int64]) -> NDArray[np.float64]:
        arc = np.searchsorted(network.arc_tail, nodes).astype(np.int32)
        at, zero = network.node_lonlat[nodes], np.zeros(len(nodes))
        ms = times.to_places(Places(at, arc, zero, at, zero)).ms
        return np.where(ms == UNREACHABLE, np.inf, ms)

    return rows


def _scipy(network: RoadNetwork, arc_ms: NDArray[np.int32]) -> Rows:
    # SciPy adds parallel arcs up, so only the fastest of them may enter
    fastest = np.lexsort((arc_ms, network.arc_tail, network.arc_head))
    ends = np.column_stack([network.arc_head, network.arc_tail])[fastest]
    ends, first = np.unique(ends, axis=0, return_index=True)
    n = network.n_nodes
    graph = csr_array((arc_ms[fastest][first].astype(np.float64), ends.T), shape=(n, n))
    return lambda nodes: dijkstra(graph, indices=nodes)


def _networkx(network: RoadNetwork, arc_ms: NDArray[np.int32]) -> Rows:
    graph: nx.DiGraph[int] = nx.DiGraph()
    graph.add_nodes_from(range(network.n_nodes))
    for arc in np.argsort(-arc_ms, kind="stable").tolist():
        head, tail = int(network.arc_head[arc]), int(network.arc_tail[arc])
        graph.add_edge(head, tail, weight=int(arc_ms[arc]))

    def rows(nodes: NDArray[np.int64]) -> NDArray[np.float64]:
        ms = np.full((len(nodes), network.n_nodes), np.inf)
        for row, node in enumerate(nodes.tolist()):
            reached = nx.single_source_dijkstra_path_length(graph, node)
            ms[row, list(reached)] = list(reached.values())
        return ms

    return rows
