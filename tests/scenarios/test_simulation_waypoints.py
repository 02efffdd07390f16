"""Waypoints: few of them, where ways part, and soon on every way."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from routing.hierarchy_times import HierarchyTravelTimes
from routing.snapping import Snapper
from scenarios.importers.jemss_roads import Roads
from scenarios.simulation.waypoints import forks_of, next_waypoints, waypoints

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from routing.network import RoadNetwork
    from routing.travel_times import NodeTable

SIDE, STEPS = 4, 5
"""A grid of streets, and the bends between two corners of it."""

CORNERS = SIDE * SIDE


def grid() -> tuple[RoadNetwork, NodeTable]:
    """Return the streets, a second from bend to bend, and the ways to two corners."""
    lonlat = [(0.01 * x, 0.01 * y) for y in range(SIDE) for x in range(SIDE)]
    links = []
    for corner in range(CORNERS):
        x, y = corner % SIDE, corner // SIDE
        nexts = [corner + 1] * (x + 1 < SIDE) + [corner + SIDE] * (y + 1 < SIDE)
        for end in nexts:
            bends = list(range(len(lonlat), len(lonlat) + STEPS - 1))
            shares = np.arange(1, STEPS)[:, None] / STEPS
            a, b = np.array(lonlat[corner]), np.array(lonlat[end])
            lonlat += [tuple(place) for place in a + shares * (b - a)]
            stops = [corner, *bends, end]
            links += list(pairwise(stops))
    # a dead end in the middle of a street
    links.append((CORNERS, len(lonlat)))
    lonlat.append((lonlat[CORNERS][0], -0.001))
    tail, head = np.array(links + [(b, a) for a, b in links]).T
    access = np.ones(len(lonlat), dtype=np.bool_)
    roads = Roads(np.array(lonlat), access, tail, head, np.full((1, len(tail)), 1000.0))
    network, arc_ms = roads.network()
    ends = Snapper(network).snap(network.node_lonlat[[0, 10]], what="place")
    return network, HierarchyTravelTimes(network, arc_ms[0]).to_places(ends)


def drives(network: RoadNetwork, tree: NodeTable) -> list[list[NDArray[np.int32]]]:
    """Return drives from everywhere."""
    begin = np.arange(-1, network.n_nodes, dtype=np.int32)
    return [[begin, ms, arc] for ms, arc in zip(tree.ms, tree.next_arc, strict=True)]


def walk(network: RoadNetwork, next_arc: NDArray[np.int32], node: int) -> list[int]:
    """Return the nodes after one on its way."""
    passed = []
    while next_arc[node] >= 0:
        node = int(network.arc_head[next_arc[node]])
        passed.append(node)
    return passed


def test_ways_part_at_corners_and_not_where_only_a_dead_end_leads_off() -> None:
    network, _ = grid()
    outer = {0, SIDE - 1, CORNERS - SIDE, CORNERS - 1}
    assert set(np.flatnonzero(forks_of(network))) == set(range(CORNERS)) - outer


def test_every_fork_on_a_way_is_a_waypoint_where_they_are_few() -> None:
    network, tree = grid()
    forks = forks_of(network)
    for most in (18, 60):
        chosen = waypoints(network, drives(network, tree), most)
        assert len(chosen) <= most
        on_way = {n for row in tree.next_arc for n in walk(network, row, network.n_nodes - 1)}
        assert {n for n in on_way if forks[n]} <= set(chosen.tolist())


def test_waypoints_come_soon_where_forks_are_too_many() -> None:
    network, tree = grid()
    begin = [np.array([CORNERS - 1], dtype=np.int32)]
    ways = [[*begin, tree.ms[0], tree.next_arc[0]]]
    chosen = waypoints(network, ways, 4)
    passed = [CORNERS - 1, *walk(network, tree.next_arc[0], CORNERS - 1)]
    at = [passed.index(node) for node in chosen.tolist()]
    # thirty seconds of way: a waypoint each ten
    assert sorted(at) == [10, 20, 30]


def test_the_next_waypoint_is_the_first_on_the_way() -> None:
    network, tree = grid()
    number = np.full(network.n_nodes + 1, -1, dtype=np.int32)
    number[np.random.default_rng(4).choice(network.n_nodes, 20, replace=False)] = np.arange(20)
    at = np.arange(-1, network.n_nodes)
    for row in tree.next_arc:
        found = next_waypoints(network, row, number, at)
        ahead = [[number[n] for n in walk(network, row, v) if number[n] >= 0] for v in at[1:]]
        assert found.tolist() == [-1, *(each[0] if each else -1 for each in ahead)]
