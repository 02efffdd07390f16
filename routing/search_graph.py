"""The graph that is searched: junctions, or arcs and turns between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from routing.network import RoadNetwork


@dataclass(frozen=True, eq=False)
class SearchGraph:
    """Nodes and arcs for shortest-path algorithms, and what they mean on the road.

    With n junctions and m arcs in the network, and k nodes and m + t arcs here; the
    first m arcs are those of the network, the others cost what they cost whatever the
    speeds:

    Parameters
    ----------
    network : RoadNetwork
        The network.
    n_nodes : int
        Number of nodes, k.
    tail, head : ndarray of int32, shape (m + t,)
        Ends of each arc.
    fixed_cost : ndarray of int64, shape (t,)
        Cost of each further arc, as `routing.dijkstra` has it.
    arc_start, arc_end : ndarray of int32, shape (m,)
        Node at which one sets out along each arc of the network, and at which one has
        driven it.
    node_start, node_end : ndarray of int32, shape (n,)
        Node at which a drive from each junction begins, and at which one to it ends.
    """

    network: RoadNetwork
    n_nodes: int
    tail: NDArray[np.int32]
    head: NDArray[np.int32]
    fixed_cost: NDArray[np.int64]
    arc_start: NDArray[np.int32]
    arc_end: NDArray[np.int32]
    node_start: NDArray[np.int32]
    node_end: NDArray[np.int32]

    def first_arc(self, arcs: NDArray[np.int32]) -> NDArray[np.int32]:
        """Find the arc of the network that is driven along an arc, or first after it.

        Parameters
        ----------
        arcs : ndarray of int32
            Arcs of the network, arcs at which drives begin, or -1 for none.

        Returns
        -------
        ndarray of int32
            Arcs of the network, -1 where none was given.
        """
        network_arc = np.arange(len(self.tail) + 1, dtype=np.int32)
        network_arc[-1] = -1
        m = self.network.n_arcs
        starts = np.full(self.n_nodes, -1, dtype=np.int32)
        starts[self.arc_start] = np.arange(m, dtype=np.int32)
        network_arc[m:-1] = starts[self.head[m:]]
        return network_arc[arcs]


def junction_graph(network: RoadNetwork) -> SearchGraph:
    """Search the network as it is: any turn is free.

    Parameters
    ----------
    network : RoadNetwork
        The network.

    Returns
    -------
    SearchGraph
        Its junctions and arcs.
    """
    nodes = np.arange(network.n_nodes, dtype=np.int32)
    return SearchGraph(
        network=network,
        n_nodes=network.n_nodes,
        tail=network.arc_tail,
        head=network.arc_head,
        fixed_cost=np.zeros(0, dtype=np.int64),
        arc_start=network.arc_tail,
        arc_end=network.arc_head,
        node_start=nodes,
        node_end=nodes,
    )
