"""Where a fire engine and a car go, on maps drawn by hand and read by the importer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import networkx as nx
import pytest

from routing.network import ACCESS, FERRY, UNREACHABLE
from routing.passages import rescue_network
from routing.speeds import CAR, SpeedTable
from scenarios.osm import read_osm
from tests.drawn_map import draw_map

if TYPE_CHECKING:
    from pathlib import Path

ROAD = {"highway": "residential"}
ONE_WAY = ROAD | {"oneway": "yes"}

# The short way from a to b leads over x, the long one over c and d.
BLOCK = """
p-a--x--b-q
  |     |
  |     |
  c-----d
"""
STUBS = {"pa": ROAD, "bq": ROAD}
SHORT, LONG = "axb", "acdb"


@pytest.mark.parametrize(
    ("short", "at_x", "car", "engine", "ambulance"),
    [
        pytest.param(ROAD, {}, SHORT, SHORT, SHORT, id="road"),
        pytest.param({"highway": "busway"}, {}, LONG, SHORT, SHORT, id="busway"),
        pytest.param(ROAD | {"access": "no", "psv": "yes"}, {}, LONG, SHORT, SHORT, id="bus road"),
        pytest.param(
            {"highway": "service", "access": "private", "bus": "yes"},
            {},
            *(LONG, SHORT, SHORT),
            id="bus station",
        ),
        pytest.param(ROAD | {"motor_vehicle": "no"}, {}, LONG, SHORT, SHORT, id="no entry"),
        pytest.param(
            ROAD | {"motor_vehicle": "destination"}, {}, SHORT, SHORT, SHORT, id="residents"
        ),
        pytest.param({"highway": "pedestrian"}, {}, LONG, SHORT, SHORT, id="pedestrian street"),
        pytest.param(
            {"highway": "pedestrian", "emergency": "no"}, {}, LONG, LONG, LONG, id="too weak"
        ),
        pytest.param({"highway": "cycleway"}, {}, LONG, LONG, LONG, id="cycleway"),
        pytest.param(
            {"highway": "cycleway", "emergency": "yes"}, {}, LONG, SHORT, SHORT, id="wide cycleway"
        ),
        pytest.param(
            {"highway": "service", "service": "emergency_access"},
            {},
            *(LONG, SHORT, SHORT),
            id="access way",
        ),
        pytest.param(ROAD | {"oneway": "-1"}, {}, LONG, SHORT, SHORT, id="contraflow"),
        pytest.param(
            {"highway": "trunk", "oneway": "-1"}, {}, LONG, LONG, LONG, id="trunk contraflow"
        ),
        pytest.param(
            ROAD | {"oneway": "-1", "junction": "roundabout"}, {}, LONG, LONG, LONG, id="roundabout"
        ),
        pytest.param(ROAD, {"barrier": "bollard"}, LONG, LONG, LONG, id="bollard"),
        pytest.param(
            ROAD,
            {"barrier": "bollard", "bollard": "removable"},
            *(LONG, SHORT, SHORT),
            id="removable bollard",
        ),
        pytest.param(
            ROAD, {"barrier": "bollard", "motor_vehicle": "yes"}, SHORT, SHORT, SHORT, id="open"
        ),
        pytest.param(ROAD, {"barrier": "block"}, LONG, LONG, LONG, id="block"),
        pytest.param(
            ROAD, {"barrier": "block", "emergency": "yes"}, LONG, SHORT, SHORT, id="block, by sign"
        ),
        pytest.param(ROAD, {"barrier": "gate"}, SHORT, SHORT, SHORT, id="gate"),
        pytest.param(
            ROAD,
            {"barrier": "gate", "access": "no", "emergency": "yes"},
            *(LONG, SHORT, SHORT),
            id="gate for rescue vehicles",
        ),
        pytest.param(
            ROAD, {"barrier": "lift_gate", "access": "private"}, LONG, SHORT, SHORT, id="lift gate"
        ),
        pytest.param(
            ROAD,
            {"barrier": "lift_gate", "access": "private", "emergency": "no"},
            *(LONG, LONG, LONG),
            id="closed to all",
        ),
        pytest.param(ROAD | {"maxheight": "3.0"}, {}, SHORT, LONG, SHORT, id="low bridge"),
        pytest.param(ROAD | {"maxheight": "3.3 m"}, {}, SHORT, SHORT, SHORT, id="just high enough"),
        pytest.param(ROAD | {"maxheight": "1.8"}, {}, LONG, LONG, LONG, id="too low for all"),
        pytest.param(ROAD | {"maxweight": "7.5"}, {}, SHORT, LONG, SHORT, id="weak bridge"),
        pytest.param(ROAD | {"maxweight": "3500 kg"}, {}, SHORT, LONG, LONG, id="weaker bridge"),
        pytest.param(ROAD | {"maxwidth": "7'6\""}, {}, SHORT, LONG, SHORT, id="narrow"),
        pytest.param(
            ROAD,
            {"barrier": "height_restrictor", "maxheight": "2.5"},
            *(SHORT, LONG, LONG),
            id="height restrictor",
        ),
        pytest.param(
            {"route": "ferry", "duration": "00:01"}, {}, LONG, LONG, LONG, id="ferry not waited for"
        ),
    ],
)
def test_which_way_round(
    short: dict[str, str],
    at_x: dict[str, str],
    car: str,
    engine: str,
    ambulance: str,
    tmp_path: Path,
) -> None:
    drawn = draw_map(tmp_path, BLOCK, STUBS | {SHORT: short, LONG: ROAD}, {"x": at_x})
    assert drawn.route("ab", "car") == drawn.route("ab", "car", "normal") == car
    assert drawn.route("ab", "fire_engine") == engine
    assert drawn.route("ab", "ambulance") == ambulance
    # without siren a vehicle does what a car does, or cannot for its size
    assert drawn.route("ab", "fire_engine", "normal") in {car, LONG}
    public = drawn.network.arc_public
    arc_ms = SpeedTable.load().arc_times_ms(drawn.network, "normal", vehicle="car")
    assert (arc_ms[public] < UNREACHABLE).all()


# The two ways are as long as one another.
EVEN = """
p-a--x--b-q
  c--y--d
"""


@pytest.mark.parametrize(
    ("short", "at_x"),
    [
        ({"highway": "pedestrian"}, {}),
        (ROAD | {"oneway": "-1"}, {}),
        (ROAD, {"barrier": "bollard", "bollard": "removable"}),
    ],
)
def test_a_price_is_not_paid_where_the_way_round_is_short(
    short: dict[str, str], at_x: dict[str, str], tmp_path: Path
) -> None:
    around = {"highway": "primary", "maxspeed": "100"}
    drawn = draw_map(tmp_path, EVEN, STUBS | {"axb": ROAD | short, "acydb": around}, {"x": at_x})
    assert drawn.route("ab", "fire_engine") == "acydb"


def test_a_ferry_is_for_cars_and_for_rescue_vehicles(tmp_path: Path) -> None:
    drawing = """
a--b
|  |
|  |
|  |
|  |
|  |
|  |
|  |
c--d
"""
    slow = {"highway": "living_street"}
    ferry = {"route": "ferry", "duration": "2", "name": "Fähre"}
    drawn = draw_map(tmp_path, drawing, {"ab": ferry, "acdb": slow})
    for vehicle in ("car", "ambulance"):
        for profile in ("normal", "siren"):
            assert drawn.route("ab", vehicle, profile) == "ab"
            # two minutes on board, ten before
            assert drawn.fastest("ab", vehicle, profile)[1] == pytest.approx(720_000, abs=1000)
    network = drawn.network
    sailed = network.way_access[network.vertex_way[network.arc_vertex_ptr[:-1]]] == FERRY
    assert network.arc_public.tolist() == (~sailed).tolist()
    drawn = draw_map(tmp_path, drawing, {"ab": ferry | {"motor_vehicle": "no"}, "acdb": slow})
    assert drawn.route("ab", "ambulance") == "acdb"


def test_a_bus_lane_against_a_one_way_street_is_open_to_the_siren(tmp_path: Path) -> None:
    street = {"highway": "secondary", "maxspeed": "50"}
    lane = street | {"oneway": "-1", "oneway:bus": "no"}
    drawn = draw_map(tmp_path, BLOCK, {SHORT: lane, LONG: ROAD})
    plain = draw_map(tmp_path, BLOCK, {SHORT: street | {"oneway": "-1"}, LONG: ROAD})
    assert drawn.route("ab", "car") == LONG
    assert drawn.route("ab", "fire_engine") == plain.route("ab", "fire_engine") == SHORT
    # as fast as a street of its own, while the wrong way into traffic is slow
    assert drawn.fastest("ab", "ambulance")[1] * 1.5 < plain.fastest("ab", "ambulance")[1]


@pytest.mark.parametrize(
    ("tags", "ahead", "back"),
    [
        ({"busway": "lane"}, True, True),
        ({"lanes:bus": "1", "oneway": "yes"}, True, False),
        ({"lanes:psv:backward": "1"}, False, True),
        ({"bus:lanes:forward": "yes|designated"}, True, False),
        ({"busway": "opposite_lane", "oneway": "yes"}, False, True),
        ({"lanes:bus": "0"}, False, False),
    ],
)
def test_bus_lanes_are_known_by_direction(
    tags: dict[str, str], ahead: bool, back: bool, tmp_path: Path
) -> None:
    drawn = draw_map(tmp_path, BLOCK, STUBS | {SHORT: ROAD | tags, LONG: ROAD})
    network, names = drawn.network, drawn.arcs()
    for name, expected in (("ab", ahead), ("ba", back)):
        arc = names.index(name)
        way = network.vertex_way[network.arc_vertex_ptr[arc]]
        lane = bool(network.way_bus_lane[way]) or network.way_access[way] == ACCESS.index("bus")
        if name == "ba" and "oneway" in tags and not back:
            assert network.way_access[way] == ACCESS.index("contraflow")
        assert lane == expected
    if "oneway" not in tags:
        assert network.arc_twin[names.index("ab")] == names.index("ba")


def test_dead_ends_for_rescue_vehicles_are_left_out(tmp_path: Path) -> None:
    drawing = """
p-a--x--b--e
  |     |  |
  c-----d  f-g
"""
    yes = {"highway": "track", "emergency": "yes"}
    roads = {"pa": ROAD, "axb": yes, "acdb": ROAD}
    drawn = draw_map(tmp_path, drawing, roads | {"bef": yes, "fg": ROAD})
    assert drawn.letters(range(drawn.network.n_nodes)) == "abp"
    drawn = draw_map(tmp_path, drawing, roads | {"befd": yes, "fg": ROAD})
    assert drawn.letters(range(drawn.network.n_nodes)) == "abdp"
    drawn = draw_map(tmp_path, drawing, roads | {"befd": yes | {"oneway": "yes"}})
    assert {"bd"} <= set(drawn.arcs())
    drawn = draw_map(tmp_path, drawing, roads | {"be": yes, "fe": yes | {"oneway": "yes"}})
    assert drawn.letters(range(drawn.network.n_nodes)) == "abp"


def test_houses_beside_a_low_bridge_are_reached_from_their_side(tmp_path: Path) -> None:
    drawing = """
a-y-u-v-z-b
|         |
|         |
c---------d
"""
    ways = {"ayu": ROAD, "uv": ROAD | {"maxheight": "2.5"}, "vzb": ROAD, "acdb": ROAD}
    drawn = draw_map(tmp_path, drawing, ways)
    assert drawn.route("yz", "car") == "yuvz"
    assert drawn.route("yz", "ladder") == "yacdbz"


def test_houses_on_either_side_of_a_bollard_are_reached_from_there(tmp_path: Path) -> None:
    drawing = """
a-y-x-z-b
|       |
|       |
c-------d
"""
    at_x = {"x": {"barrier": "bollard"}}
    drawn = draw_map(tmp_path, drawing, {"ayxzb": ROAD, LONG: ROAD}, at_x)
    for vehicle in ("car", "fire_engine"):
        assert drawn.route("ay", vehicle) == "ay"
        assert drawn.route("az", vehicle) == "acdbz"
    network = drawn.network
    assert drawn.letters(range(network.n_nodes)).count("x") == 2
    first_way = network.vertex_way[network.arc_vertex_ptr[:-1]]
    bars = network.way_class[first_way] == network.class_names.index("barrier:bollard")
    assert network.arc_m[bars].tolist() == [0, 0]
    assert network.arc_public.tolist() == (~bars).tolist()


def test_barriers_that_nobody_can_place_are_counted(tmp_path: Path) -> None:
    at_x = {"x": {"barrier": "bollard"}}
    drawn = draw_map(tmp_path, CROSS, {"axb": ROAD, "nxs": ROAD}, at_x)
    assert drawn.route("as", "car") == "axs"
    assert drawn.city.dropped == {"barriers_at_junctions": 1}


def test_a_barrier_where_an_access_way_leaves_a_road_bars_that_way(tmp_path: Path) -> None:
    drawing = """
p-a--x--b-q
  |     |
  |     |
  c-----d
"""
    access = {"highway": "cycleway", "emergency": "yes"}
    bollards = {"barrier": "bollard"}
    for barriers, engine in (({}, SHORT), ({"b": bollards}, LONG)):
        drawn = draw_map(tmp_path, drawing, STUBS | {SHORT: access, LONG: ROAD}, barriers)
        assert drawn.route("ab", "fire_engine") == engine
        assert drawn.route("aq", "car") == LONG + "q"


def test_a_bar_above_a_one_way_road_leaves_its_directions(tmp_path: Path) -> None:
    low = {"barrier": "height_restrictor", "maxheight": "2.5"}
    drawn = draw_map(
        tmp_path, BLOCK, STUBS | {SHORT: ROAD | {"oneway": "yes"}, LONG: ROAD}, {"x": low}
    )
    assert drawn.route("ab", "car") == SHORT
    assert drawn.route("ba", "car") == LONG[::-1]
    assert drawn.route("ba", "ladder") == LONG[::-1]


CROSS = """
  n
a-x-b
  s
"""
ARMS = {"ax": ROAD, "xb": ROAD, "nx": ROAD, "xs": ROAD}


@pytest.mark.parametrize(
    ("turn", "expected"),
    [
        (("ax", "x", "nx", {"restriction": "no_left_turn"}), {"ax xn"}),
        (("ax", "x", "xb", {"restriction": "only_straight_on"}), {"ax xa", "ax xn", "ax xs"}),
        (("ax", "x", "ax", {"restriction": "no_u_turn"}), {"ax xa"}),
        (("ax", "x", "nx", {"restriction": "no_left_turn", "except": "psv;emergency"}), {"ax xn"}),
        (("ax", "x", "nx", {"restriction": "no_left_turn", "except": "motorcar"}), set()),
        (("ax", "x", "nx", {"restriction:hgv": "no_left_turn"}), set()),
        (("ax", "x", "nx", {"restriction:motor_vehicle": "no_left_turn"}), {"ax xn"}),
        (("ax", "x", "nx", {"restriction:emergency": "no_left_turn"}), {"ax xn"}),
    ],
)
def test_turn_restrictions_become_pairs_of_arcs(
    turn: tuple[str, str, str, dict[str, str]], expected: set[str], tmp_path: Path
) -> None:
    drawn = draw_map(tmp_path, CROSS, ARMS, turns=[turn])
    network, names = drawn.network, drawn.arcs()
    pairs = zip(network.ban_from.tolist(), network.ban_to.tolist(), strict=True)
    assert {f"{names[a]} {names[b]}" for a, b in pairs} == expected
    assert network.ban_all.tolist() == ["restriction:emergency" in turn[3]] * len(expected)


def test_a_ban_on_turning_round_keeps_its_vertex(tmp_path: Path) -> None:
    turns = [("axb", "x", "axb", {"restriction": "no_u_turn"})]
    drawn = draw_map(tmp_path, BLOCK, STUBS | {SHORT: ROAD, LONG: ROAD}, turns=turns)
    network, names = drawn.network, drawn.arcs()
    banned = {(names[a], names[b]) for a, b in zip(network.ban_from, network.ban_to, strict=True)}
    assert banned == {("ax", "xa"), ("bx", "xb")}


def test_the_car_network_of_a_real_city_is_that_of_osmnx(reference_data: Path) -> None:
    """Nearly: bus roads are closed, and bollards part roads."""
    ways = read_osm(reference_data / "osm" / "heidelberg.osm.pbf").ways
    table = SpeedTable.load()
    found = rescue_network(ways, table.way_kmh(ways, "normal", vehicle=CAR) > 0)
    assert found.car.n_nodes == pytest.approx(5172, rel=0.01)
    assert found.car.n_arcs == pytest.approx(12_286, rel=0.01)
    assert found.car.arc_m.sum() / 1000 == pytest.approx(1738, rel=0.005)
    network = found.network
    # every arc of the car network is there, whole or in parts
    assert network.arc_m[network.arc_public].sum() >= found.car.arc_m.sum() * (1 - 1e-9)
    everyone = nx.DiGraph(zip(network.arc_tail.tolist(), network.arc_head.tolist(), strict=True))
    assert nx.is_strongly_connected(everyone)
    assert len(everyone) == network.n_nodes
    assert len(network.ban_from) > 500


def test_who_is_exempt_from_turn_restrictions() -> None:
    table = SpeedTable.load()
    assert [table.is_exempt(name, "siren") for name in ("ambulance", "car")] == [True, False]
    assert not table.is_exempt("ambulance", "normal")
