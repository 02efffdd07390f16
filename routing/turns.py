"""Turns that are forbidden or take time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from routing.dijkstra import MS
from routing.errors import InputError
from routing.search_graph import SearchGraph

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from routing.network import RoadNetwork


@dataclass(frozen=True)
class TurnCosts:
    """What it costs to turn at a junction, by the angle of the turn.

    A turn is sharper the farther it leads from straight on; the time grows with the
    square of that angle up to the whole at 90 degrees. Where only two ends of roads meet,
    nothing is charged but for turning round.

    Parameters
    ----------
    near_side_s : float
        Seconds for a turn by 90 degrees towards the side on which one drives.
    far_side_s : float
        Seconds for one across the oncoming traffic.
    round_s : float
        Seconds for turning round.
    left_hand : bool
        True where one drives on the left.
    """

    near_side_s: float = 0.0
    far_side_s: float = 0.0
    round_s: float = 0.0
    left_hand: bool = False

    def __post_init__(self) -> None:
        """Refuse times that are none."""
        for field in ("near_side_s", "far_side_s", "round_s"):
            value = getattr(self, field)
            if not 0 <= value <= 3600:
                raise InputError(f"{value} s", field=field, fix="give 0 to 3600 seconds")


def turn_graph(
    network: RoadNetwork,
    costs: TurnCosts | None = None,
    *,
    ban_from: ArrayLike = (),
    ban_to: ArrayLike = (),
) -> SearchGraph:
    """Search arcs and the turns between them.

    Every arc has a node at which one sets out along it and one at which it has been
    driven; an arc from the latter to the former of the next is a turn. A drive that
    begins or ends at a junction may do so by any arc.

    Parameters
    ----------
    network : RoadNetwork
        A network with n junctions and m arcs.
    costs : TurnCosts, optional
        What turns cost; nothing if not given.
    ban_from, ban_to : array-like of int, shape (b,)
        Turns that are forbidden, from arc to arc.

    Returns
    -------
    SearchGraph
        A graph with 2 m + 2 n nodes.

    Raises
    ------
    InputError
        A forbidden turn leads from an arc to one that does not begin where it ends.
    """
    costs = costs or TurnCosts()
    n, m = network.n_nodes, network.n_arcs
    first, second = _turns(network)
    banned = _banned(network, ban_from, ban_to)
    stays = ~np.isin(first * m + second, banned)
    first, second = first[stays], second[stays]
    time = np.rint(_seconds(network, costs, first, second) * 1000).astype(np.int64)
    arcs, ends = np.arange(m), np.arange(n)
    # beside the turns: from each junction onto its arcs, off them, and nowhere at all
    begin = np.concatenate([arcs, first + m, 2 * m + network.arc_tail, arcs + m, ends + 2 * m])
    off = 2 * m + n + network.arc_head
    finish = np.concatenate([arcs + m, second, arcs, off, ends + 2 * m + n])
    return SearchGraph(
        network=network,
        n_nodes=2 * (m + n),
        tail=begin.astype(np.int32),
        head=finish.astype(np.int32),
        fixed_cost=np.concatenate([time << MS, np.zeros(2 * m + n, dtype=np.int64)]),
        arc_start=arcs.astype(np.int32),
        arc_end=(arcs + m).astype(np.int32),
        node_start=(ends + 2 * m).astype(np.int32),
        node_end=(ends + 2 * m + n).astype(np.int32),
    )


def _turns(network: RoadNetwork) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """List all pairs of arcs that follow one another."""
    # arcs are sorted by tail
    begin = np.searchsorted(network.arc_tail, network.arc_head, side="left")
    count = np.searchsorted(network.arc_tail, network.arc_head, side="right") - begin
    first = np.repeat(np.arange(network.n_arcs), count)
    before = np.repeat(np.cumsum(count) - count, count)
    return first, np.arange(len(first)) - before + np.repeat(begin, count)


def _banned(network: RoadNetwork, ban_from: ArrayLike, ban_to: ArrayLike) -> NDArray[np.int64]:
    """Give forbidden turns the number first * m + second."""
    first, second = (np.asarray(arcs, dtype=np.int64) for arcs in (ban_from, ban_to))
    m = network.n_arcs
    if (
        first.shape != second.shape
        or ((first | second) < 0).any()
        or (np.maximum(first, second) >= m).any()
    ):
        raise InputError(
            f"{len(first)} and {len(second)} arcs", field="ban_from, ban_to",
            fix=f"give pairs of arcs, 0 to {m - 1}",
        )  # fmt: skip
    apart = np.flatnonzero(network.arc_head[first] != network.arc_tail[second])
    if len(apart):
        row = apart[0]
        raise InputError(
            f"arc {second[row]} does not begin where arc {first[row]} ends",
            field="ban_to",
            fix="forbid turns at junctions",
        )
    codes: NDArray[np.int64] = first * m + second
    return codes


def _seconds(
    network: RoadNetwork,
    costs: TurnCosts,
    first: NDArray[np.int64],
    second: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Time of each turn."""
    ptr = network.arc_vertex_ptr
    arrive = _course(network, ptr[1:] - 2)
    leave = _course(network, ptr[:-1])
    angle = (leave[second] - arrive[first] + 180) % 360 - 180
    far = angle > 0 if costs.left_hand else angle < 0
    most = np.where(far, costs.far_side_s, costs.near_side_s)
    seconds: NDArray[np.float64] = most * np.minimum(np.abs(angle) / 90, 1) ** 2
    alone = network.arc_twin < 0
    road_ends = np.bincount(network.arc_tail, minlength=network.n_nodes)
    road_ends += np.bincount(network.arc_head[alone], minlength=network.n_nodes)
    seconds[road_ends[network.arc_head[first]] <= 2] = 0
    seconds[network.arc_twin[first] == second] = costs.round_s
    return seconds


def _course(network: RoadNetwork, vertex: NDArray[np.int32]) -> NDArray[np.float64]:
    """Degrees clockwise from north at which the segment after a vertex leads."""
    start, end = network.vertex_lonlat[vertex], network.vertex_lonlat[vertex + 1]
    east = ((end - start)[:, 0] + 180) % 360 - 180
    course: NDArray[np.float64] = np.degrees(
        np.arctan2(east * np.cos(np.radians(start[:, 1])), (end - start)[:, 1])
    )
    return course
