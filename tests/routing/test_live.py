"""Measures that come and go, and readers that never see half of one."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np
import pytest
import shapely

from routing.errors import InputError
from routing.hierarchy import Hierarchy
from routing.left_right import LeftRight
from routing.live import LiveTravelTimes
from routing.measures import VehicleSize, arcs_within
from routing.network import UNREACHABLE
from routing.snapping import Snapper
from routing.travel_times import DijkstraTravelTimes
from scenarios.packaging import load_scenario
from tests.routing.roads import Road, arcs, lonlat, make_network

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from routing.network import RoadNetwork
    from routing.snapping import Places

#   a---b---c
#       |   |     the bridge is bc, the way round bdec
#       d---e
TOWN = {"a": (0, 0), "b": (1, 0), "c": (2, 0), "d": (1, -1), "e": (2, -1), "x": (0.5, 1)}
ROADS = [Road("ab"), Road("bc"), Road("bd"), Road("de"), Road("ec"), Road("bx")]


@pytest.fixture
def town() -> tuple[RoadNetwork, NDArray[np.int32]]:
    network = make_network(TOWN, ROADS, simplify=False)
    return network, np.full(network.n_arcs, 10_000, dtype=np.int32)


def from_to(network: RoadNetwork, start: str, end: str) -> tuple[Places, Places]:
    snap = Snapper(network).snap
    return snap(lonlat(TOWN[start])), snap(lonlat(TOWN[end]))


def both_ways(network: RoadNetwork, name: str) -> list[int]:
    names = arcs(network)
    return [names.index(name), names.index(name[::-1])]


def test_measures_come_and_go(town: tuple[RoadNetwork, NDArray[np.int32]]) -> None:
    network, arc_ms = town
    live = LiveTravelTimes(network, arc_ms)
    start, end = from_to(network, "a", "c")
    bridge = both_ways(network, "bc")

    def seconds() -> float:
        ms = live.many_to_one(start, end).ms
        assert ms.tolist() == live.matrix(start, end).ms.tolist()
        assert ms.tolist() == live.times_ms(start, end).tolist()
        assert live.to_places(end).ms[0, 0] == ms[0, 0]
        assert live.route(start, end).ms == ms[0, 0]
        return float(ms[0, 0]) / 1000

    assert seconds() == 20
    closed = live.close(bridge)
    assert seconds() == 40
    jam = live.slow(both_ways(network, "de"), 2.5)
    assert seconds() == 55
    again = live.close(bridge)
    live.lift(closed)
    assert seconds() == 55
    live.settle()
    assert seconds() == 55
    live.lift(again)
    assert seconds() == 20
    live.switch(arc_ms * 3)
    assert seconds() == 60
    live.close(bridge)
    assert seconds() == 60 + 60 + 45
    live.lift(jam)
    assert seconds() == 120
    with pytest.raises(InputError, match="there is no measure 'measure-1'"):
        live.lift(closed)


def test_a_limit_holds_up_what_is_larger(town: tuple[RoadNetwork, NDArray[np.int32]]) -> None:
    network, arc_ms = town
    start, end = from_to(network, "a", "c")
    engine = LiveTravelTimes(network, arc_ms, size=VehicleSize(height_m=3.3, weight_t=16))
    small = VehicleSize(height_m=1.5, width_m=1.8, weight_t=1.6)
    car = LiveTravelTimes(network, arc_ms, size=small, hierarchy=engine.hierarchy)
    for live, expected in ((engine, 40_000), (car, 20_000)):
        name = live.limit(both_ways(network, "bc"), height_m=3.0)
        assert live.matrix(start, end).ms.tolist() == [[expected]]
        live.lift(name)
        live.limit(both_ways(network, "bc"), weight_t=20)
        assert live.matrix(start, end).ms.tolist() == [[20_000]]


def test_arcs_of_an_area(town: tuple[RoadNetwork, NDArray[np.int32]]) -> None:
    network, _ = town
    corner = shapely.Polygon(lonlat((1.4, -0.1), (1.6, -0.1), (1.6, 0.1), (1.4, 0.1)))
    assert [arcs(network)[arc] for arc in arcs_within(network, corner)] == ["bc", "cb"]
    along = shapely.LineString(lonlat(TOWN["b"], TOWN["c"]))
    assert [arcs(network)[arc] for arc in arcs_within(network, along)] == ["bc", "cb"]
    across = shapely.LineString(lonlat((1.5, -2), (1.5, 1)))
    assert {arcs(network)[arc] for arc in arcs_within(network, across)} == {"bc", "cb", "de", "ed"}
    with pytest.raises(InputError, match="area: the area is empty"):
        arcs_within(network, shapely.Polygon())
    with pytest.raises(InputError, match="area: Self-intersection"):
        arcs_within(network, shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)]))


def test_what_is_refused(town: tuple[RoadNetwork, NDArray[np.int32]]) -> None:
    network, arc_ms = town
    live = LiveTravelTimes(network, arc_ms)
    with pytest.raises(InputError, match="arcs: there is no arc 99; give 0 to 11"):
        live.close([0, 99])
    with pytest.raises(InputError, match="arcs: bool of shape"):
        live.close(np.ones(network.n_arcs, dtype=np.bool_))
    with pytest.raises(InputError, match="size: the size of the vehicle is not known"):
        live.limit([0], height_m=3)
    other = make_network(TOWN, [*ROADS[::-1], Road("ax")], simplify=False)
    with pytest.raises(InputError, match="hierarchy: it was made from other arcs"):
        LiveTravelTimes(other, np.ones(other.n_arcs, np.int32), hierarchy=live.hierarchy)
    turned = Hierarchy.build(network.n_nodes, network.arc_tail[::-1], network.arc_head[::-1])
    with pytest.raises(InputError, match="hierarchy: it was made from other arcs"):
        LiveTravelTimes(network, arc_ms, hierarchy=turned)
    with live.now():
        live.close([0])
        with pytest.raises(RuntimeError, match="before the second change"):
            live.close([1])
    with pytest.raises(InputError, match="factor: 0"):
        live.slow([0], 0)
    with pytest.raises(InputError, match=r"arc_ms: times of shape \(2,\) for 12 arcs"):
        live.switch([1, 2])
    with pytest.raises(InputError, match="arc 0 takes -1 ms"):
        live.switch(np.full(network.n_arcs, -1))


def test_any_order_of_measures_equals_a_fresh_start() -> None:
    scenario = load_scenario("neubrandenburg")
    network = scenario.network
    arc_ms = scenario.speeds.arc_times_ms(network, "siren")
    rng = np.random.default_rng(4)
    live = LiveTravelTimes(network, arc_ms)
    nodes = network.node_lonlat[rng.integers(0, network.n_nodes, 40)]
    places = Snapper(network).snap(nodes)
    measures: dict[str, tuple[NDArray[np.int64], float]] = {}
    for round_ in range(300):
        if measures and rng.random() < 0.4:
            name = str(rng.choice(list(measures)))
            live.lift(name)
            del measures[name]
        else:
            some = rng.choice(network.n_arcs, 3, replace=False)
            factor = float(rng.choice([0.5, 2.0, np.inf]))
            name = live.close(some) if np.isinf(factor) else live.slow(some, factor)
            measures[name] = (some, factor)
        if round_ % 100 == 99:
            factors = np.ones(network.n_arcs)
            for some, factor in measures.values():
                factors[some] *= factor
            slowed = np.rint(np.where(np.isinf(factors), 0, arc_ms * factors)).astype(np.int64)
            usual = (arc_ms < UNREACHABLE) & np.isfinite(factors)
            expected = DijkstraTravelTimes(network, np.where(usual, slowed, UNREACHABLE))
            assert live.matrix(places, places).ms.tolist() == (
                expected.matrix(places, places).ms.tolist()
            )


def test_readers_see_one_world_or_the_other(town: tuple[RoadNetwork, NDArray[np.int32]]) -> None:
    """A switch multiplies all times: an answer in between would show a mix."""
    network, arc_ms = town
    live = LiveTravelTimes(network, arc_ms)
    start, end = from_to(network, "a", "e")
    seen: set[tuple[int, int]] = set()
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            with live.now() as times:
                one = int(times.matrix(start, end).ms[0, 0])
                other = int(times.matrix(end, start).ms[0, 0])
            seen.add((one, other))

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for round_ in range(200):
        live.switch(arc_ms * (1 + round_ % 2))
    stop.set()
    for reader in readers:
        reader.join()
    assert seen == {(30_000, 30_000), (60_000, 60_000)}


def test_a_change_waits_for_the_last_reader() -> None:
    pair: LeftRight[list[int]] = LeftRight([], [])
    with pair.reading() as before:
        pair.change(lambda world: world.append(1))
        with pair.reading() as now:
            assert (before, now) == ([], [1])
        waiting = threading.Thread(target=pair.change, args=(lambda world: world.append(2),))
        waiting.start()
        waiting.join(0.05)
        assert waiting.is_alive()
        assert before == []
    waiting.join()
    with pair.reading() as now:
        assert now == [1, 2]
