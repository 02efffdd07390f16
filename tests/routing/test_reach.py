"""What is reached in time, against the matrix of travel times."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.build import Ways, build_network
from routing.errors import InputError
from routing.network import UNREACHABLE, RoadNetwork
from routing.reach import ReachedArcs, node_times_ms, reached_arcs, stretch_lines
from routing.snapping import Places, Snapper
from routing.travel_times import DijkstraTravelTimes
from tests.routing.roads import Road, arcs, lonlat, make_network, maps

LINE = {"a": (0, 0), "b": (4, 0), "c": (6, 0)}
ROUNDING_S = 0.003
"""Legs and arcs are rounded to the millisecond one by one."""


def shares(network: RoadNetwork, reached: ReachedArcs) -> dict[str, list[list[float]]]:
    """Stretches by the letters of their arc: begin, end, seconds at both."""
    named: dict[str, list[list[float]]] = {}
    columns = (reached.arc, reached.begin, reached.end, reached.begin_s, reached.end_s)
    for arc, *rest in zip(*columns, strict=True):
        named.setdefault(arcs(network)[arc], []).append([round(float(x), 3) for x in rest])
    return named


def places_on(network: RoadNetwork, arc: list[int], share: list[float]) -> Places:
    """Places at shares of arcs."""
    ids, at = np.array(arc, dtype=np.int32), np.array(share, dtype=np.float64)
    spot = network.node_lonlat[network.arc_tail[ids]]
    return Places(spot, ids, at, spot, np.zeros(len(arc)))


def seconds_at(network: RoadNetwork, reached: ReachedArcs, places: Places) -> list[float]:
    """Earliest time at which a stretch in either direction passes each place."""
    found = []
    for arc, share in zip(places.arc.tolist(), places.share.tolist(), strict=True):
        best = np.inf
        for one, at in ((arc, share), (int(network.arc_twin[arc]), 1 - share)):
            on = (reached.arc == one) & (reached.begin <= at) & (at <= reached.end)
            for row in np.flatnonzero(on).tolist():
                ends = [reached.begin[row], reached.end[row]]
                times = [reached.begin_s[row], reached.end_s[row]]
                best = min(best, float(np.interp(at, ends, times)))
        found.append(best)
    return found


def test_away_from_the_middle_of_a_two_way_road() -> None:
    network = make_network(LINE, [Road("ab"), Road("bc")], simplify=False)
    place = Snapper(network).snap(lonlat((1, 0)))
    arc_ms = np.full(network.n_arcs, 40_000)
    assert shares(network, reached_arcs(network, arc_ms, place, 40)) == {
        "ab": [[0.0, 0.25, 10.0, 20.0], [0.25, 1.0, 0.0, 30.0]],
        "ba": [[0.0, 0.25, 30.0, 40.0], [0.75, 1.0, 0.0, 10.0]],
        "bc": [[0.0, 0.25, 30.0, 40.0]],
    }


def test_towards_a_place_on_a_one_way_road() -> None:
    network = make_network(LINE, [Road("ab", oneway=True), Road("cb")], simplify=False)
    place = Snapper(network).snap(lonlat((3, 0)))
    arc_ms = np.full(network.n_arcs, 40_000)
    assert shares(network, reached_arcs(network, arc_ms, place, 20, towards=True)) == {
        "ab": [[0.25, 0.75, 20.0, 0.0]]
    }
    assert shares(network, reached_arcs(network, arc_ms, place, 20)) == {
        "ab": [[0.75, 1.0, 0.0, 10.0]],
        "bc": [[0.0, 0.25, 10.0, 20.0]],
    }


def test_a_closed_arc_is_driven_in_no_part() -> None:
    network = make_network(LINE, [Road("ab"), Road("bc")], simplify=False)
    place = Snapper(network).snap(lonlat((1, 0)))
    arc_ms = np.where(np.array(arcs(network)) == "ab", UNREACHABLE, 40_000)
    assert shares(network, reached_arcs(network, arc_ms, place, 100)) == {
        "ba": [[0.75, 1.0, 0.0, 10.0]]
    }


def test_the_road_at_a_place_belongs_to_its_stretch_to_the_last_digit() -> None:
    # 1 - (1 - 1/3) is not 1/3 in floating point
    network = make_network(LINE, [Road("ab", oneway=True)], simplify=False)
    place = places_on(network, [0], [1 / 3])
    for towards in (False, True):
        reached = reached_arcs(network, [3000], place, 12, towards=towards)
        assert seconds_at(network, reached, place) == [0.0]


def test_no_place_and_no_limit() -> None:
    network = make_network(LINE, [Road("abc")])
    arc_ms = np.full(network.n_arcs, 1000)
    place = Snapper(network).snap(lonlat((1, 0)))
    assert len(reached_arcs(network, arc_ms, place[:0], 100)) == 0
    assert (node_times_ms(network, arc_ms, place[:0]) == UNREACHABLE).all()
    assert len(reached_arcs(network, arc_ms, place, 0)) == 0
    for wrong in (-1, np.nan, np.inf, 3e6):
        with pytest.raises(InputError, match="no time limit"):
            reached_arcs(network, arc_ms, place, wrong)


@given(ways=maps(), data=st.data(), towards=st.booleans())
@settings(max_examples=150, deadline=None)
def test_every_point_of_a_road_has_the_time_of_the_matrix(
    ways: Ways, data: st.DataObject, towards: bool
) -> None:
    network = build_network(ways)
    m = network.n_arcs
    if m == 0:
        return
    arc = st.integers(0, m - 1)
    # thirds too, which have no exact share, but no points apart by a last digit only
    inside = st.integers(1, 95).map(lambda part: part / 96)
    anywhere = st.one_of(st.sampled_from([0.0, 1.0]), inside)
    spots = data.draw(st.lists(st.tuples(arc, anywhere), min_size=1, max_size=4))
    points = data.draw(st.lists(st.tuples(arc, inside), min_size=1, max_size=12))
    time = st.one_of(st.integers(0, 5000), st.just(int(UNREACHABLE)))
    arc_ms = np.array(data.draw(st.lists(time, min_size=m, max_size=m)))
    limit_s = data.draw(st.floats(0, 12))
    start = places_on(network, *map(list, zip(*spots, strict=True)))
    probe = places_on(network, *map(list, zip(*points, strict=True)))

    reached = reached_arcs(network, arc_ms, start, limit_s, towards=towards)
    same = (reached.arc[1:] == reached.arc[:-1]) & (reached.begin[1:] < reached.end[:-1])
    assert not same.any()
    assert (np.diff(reached.arc) >= 0).all()
    times = DijkstraTravelTimes(network, arc_ms)
    table = times.matrix(probe, start).ms.T if towards else times.matrix(start, probe).ms
    earliest = table.min(axis=0)
    expected = np.where(earliest == UNREACHABLE, np.inf, earliest / 1000)
    for wanted, got in zip(expected, seconds_at(network, reached, probe), strict=True):
        if got <= limit_s:
            assert got == pytest.approx(wanted, abs=ROUNDING_S)
        else:
            assert wanted > limit_s - ROUNDING_S


def test_lines_run_from_share_to_share_over_the_bends_between() -> None:
    points = {"a": (0, 0), "b": (2, 0), "c": (2, 2)}
    network = make_network(points, [Road("abc", oneway=True)])
    network_m = network.arc_m[0]
    corner = float(network.segment_m[0] / network_m)
    reached = ReachedArcs(
        np.zeros(3, dtype=np.int32),
        np.array([0.0, corner / 2, corner]),
        np.array([1.0, (1 + corner) / 2, 1.0]),
        np.zeros(3),
        np.ones(3),
    )
    drawn, stretch = stretch_lines(network, reached)
    np.testing.assert_allclose(drawn[stretch == 0], lonlat((0, 0), (2, 0), (2, 2)))
    np.testing.assert_allclose(drawn[stretch == 1], lonlat((1, 0), (2, 0), (2, 1)))
    np.testing.assert_allclose(drawn[stretch == 2], lonlat((2, 0), (2, 2)))
