"""JEMSS's cities: its figures, the corners of its format, and what is refused."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile

from routing.errors import InputError
from scenarios.given_times import GivenTimes
from scenarios.importers import IMPORTERS, JEMSS, Importer
from scenarios.importers.jemss import DEMAND_POINTS
from scenarios.importers.jemss_demand import duration, raster_points
from scenarios.importers.jemss_tables import read_tables
from scenarios.packaging import load_scenario, save_scenario
from scenarios.runs import simulate
from tests.command_line import refused, run

if TYPE_CHECKING:
    from pathlib import Path

    from scenarios.package import Scenario

ROADS = "models/1/travel/roads"
DAY_MS = 86_400_000
_Z99 = 2.576 / 1.96
FILES = {
    f"{ROADS}/nodes.csv": (
        "nodes,,,\nindex,x,y,offRoadAccess,\n1.0,10.00,50.00,1\n2.0,10.01,50.00,0\n"
        "3.0,10.02,50.00,1\n4.0,10.01,50.01,1\n"
    ),
    # drives of 60, 60 and 30 seconds with siren, twice that without
    f"{ROADS}/arcs.csv": (
        "miscData,1,,\narcForm,numModes,\nundirected,2\n,\narcs,,,\n"
        "index,fromNode,toNode,distance,mode_1,mode_2,\n"
        f"1,1,2,0.7,{60_000 / DAY_MS},{120_000 / DAY_MS},\n"
        f"2,2,3,0.7,{60_000 / DAY_MS},{120_000 / DAY_MS}\n"
        f"3,2,4,1.1,{30_000 / DAY_MS},{60_000 / DAY_MS}\n"
    ),
    "models/1/travel/travel/travel_1.csv": (
        "travelModes,,\ntravelModeIndex,offRoadSpeed,note\n1,480,fast\n2,240,\n,,\n"
        "travelSets,,\ntravelSetIndex,priority,travelModeIndex\n1,high,1\n1,low,2\n,,\n"
        "travelSetsTiming,,\nstartTime,travelSetIndex,\n0,1,\n"
    ),
    "models/1/stations/stations_1.csv": (
        "stations,,,a remark\nindex,x,y,capacity,,NAME\n1,10.00,50.00,5,,West\n"
    ),
    "models/1/hospitals/hospitals_1.csv": "hospitals,1\nindex,x,y,name\n1,10.02,50.00,East\n",
    "models/1/ambulances/ambulances_1.csv": (
        "ambulances,,\nindex,stationIndex,class,\n1,1,1,\n2,1,1,"
    ),
    "models/1/maps/map_1.csv": (
        "map,1\nxMin,xMax,yMin,yMax,xScale,yScale\n9,11,49,51,71.5,111.3\n"
    ),
    "models/1/misc/call priorities/priorities_1.csv": (
        "priorities,2,\npriority,name,targetResponseTime\n1,high,0.005555556\n2,low,0.0138889\n"
    ),
    "models/1/misc/redispatch/redispatch_on.csv": (
        "miscData,,\nallowRedispatch,,\n1,,\n,,\nredispatchConditions,,\n"
        "fromCallPriority,toCallPriority,allowRedispatch\nlow,high,1\n"
    ),
    "models/1/calls/reps/test/gen_config.xml": (
        "<genConfig><sim><callDistributions>"
        '<interarrivalTime seed="1">Exponential(1/(2*24))</interarrivalTime>'
        "<priority>Categorical([0.25, 0.75])</priority>"
        "<dispatchDelay>Normal(1/60/24, 0)</dispatchDelay>"
        "<onSceneDuration>Exponential(12/60/24)</onSceneDuration>"
        "<transport>Bernoulli(0.5)</transport>"
        "<handoverDuration>Exponential(6/60/24)</handoverDuration></callDistributions>"
        "<callDensityRaster><filename>$jemssDir/data/cities/tiny/dense.tif</filename>"
        "</callDensityRaster></sim></genConfig>"
    ),
}


def write_raster(path: Path, cells: np.ndarray) -> None:
    """Write a raster whose north-west corner is at 10.0, 50.015, cells of .01 degree."""
    tifffile.imwrite(
        path,
        cells.astype(np.float64),
        extratags=[
            (33550, "d", 3, (0.01, 0.01, 0.0), True),
            (33922, "d", 6, (0.0, 0.0, 0.0, 9.995, 50.015, 0.0), True),
            (42113, "s", 0, "-9999", True),
        ],
    )


@pytest.fixture
def city(tmp_path: Path) -> Path:
    """Write a city of four nodes whose demand lies at two of them."""
    folder = tmp_path / "tiny"
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    write_raster(tmp_path / "dense.tif", np.array([[-9999, 1.0, 0.0], [0.0, 0.0, 3.0]]))
    with zipfile.ZipFile(folder / "rasters.zip", "w") as archive:
        archive.write(tmp_path / "dense.tif", "dense.tif")
    return folder


def edit(city: Path, name: str, old: str, new: str) -> None:
    """Replace a piece of a file, which it must hold."""
    path = city / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def read(city: Path, **options: str) -> Scenario:
    """Import a city."""
    return JEMSS.read(city, options).scenario


def test_is_an_importer() -> None:
    assert isinstance(JEMSS, Importer)
    assert IMPORTERS["jemss"] is JEMSS


def test_a_city_is_read(city: Path) -> None:
    found = read(city)
    settings = found.settings
    assert settings.demand.incidents_per_day == pytest.approx(48)
    assert [(p.name, p.share, p.siren, p.transported) for p in settings.priorities] == [
        ("high", 0.25, True, 0.5),
        ("low", 0.75, False, 0.5),
    ]
    assert [(s.limit_s, s.priorities) for s in settings.standards] == [
        (480, ["high"]),
        (1200, ["low"]),
    ]
    process = settings.process
    assert (process.call_processing.distribution, process.call_processing.mean_s) == (
        "constant",
        60,
    )
    assert process.on_scene.mean_s == pytest.approx(720)
    assert found.stations["name"].tolist() == ["West"]
    assert found.units["station"].tolist() == ["S1", "S1"]
    # three quarters of the demand lie at node 3, a quarter at node 4
    weight = dict(zip(found.zones["lat"].round(4), found.zones["weight"], strict=True))
    assert weight[50.0] == 3 * weight[50.01]


def test_drives_take_what_the_arcs_say(city: Path, tmp_path: Path) -> None:
    # a call in two days finds both units at home
    edit(city, "models/1/calls/reps/test/gen_config.xml", "1/(2*24)", "2")
    save_scenario(read(city), tmp_path / "out")
    loaded = load_scenario(tmp_path / "out")
    assert isinstance(loaded.speeds, GivenTimes)
    runs = simulate(loaded, policy="closest-v1", replications=4, seed=4).incidents
    found = set(zip(runs["priority"], runs["travel_time"].round(3), strict=True))
    # node 1 to 3 takes 120 s with siren, to 4 90 s; twice that without
    assert found == {("high", 120.0), ("high", 90.0), ("low", 240.0), ("low", 180.0)}


def test_places_off_the_roads_are_reached_straight(city: Path) -> None:
    edit(city, "models/1/stations/stations_1.csv", "1,10.00,50.00", "1,10.00,49.99")
    found = read(city)
    network, speeds = found.network, found.speeds
    station = np.argmin(np.abs(network.node_lonlat - (10.0, 49.99)).sum(axis=1))
    arc = np.flatnonzero(network.arc_tail == station)
    assert len(arc) == 1
    assert network.node_lonlat[network.arc_head[arc[0]]] == pytest.approx((10.0, 50.0))
    # .01 degrees are 1.113 km; 480 km a day are 20 km/h
    seconds = [speeds.arc_times_ms(network, p)[arc[0]] / 1000 for p in ("siren", "normal")]
    assert seconds == pytest.approx([1.113 / 20 * 3600, 1.113 / 10 * 3600], abs=0.001)


def test_places_leave_the_roads_only_where_they_may(city: Path) -> None:
    edit(city, "models/1/hospitals/hospitals_1.csv", "10.02,50.00", "10.012,50.001")
    network = read(city).network
    hospital = np.argmin(np.abs(network.node_lonlat - (10.012, 50.001)).sum(axis=1))
    end = network.arc_head[network.arc_tail == hospital]
    # node 2 is nearer, but has no offRoadAccess
    assert network.node_lonlat[end[0]] == pytest.approx((10.02, 50.0))


def test_redispatch_is_off_unless_named(city: Path) -> None:
    assert read(city).settings.dispatch.divert == []
    rules = read(city, redispatch="misc/redispatch/redispatch_on.csv").settings.dispatch
    assert rules.divert == [("low", "high")]


def test_redispatch_leaves_demand_as_fine_as_it_is(city: Path) -> None:
    zones = read(city, redispatch="misc/redispatch/redispatch_on.csv").zones
    assert zones["weight"].sum() == read(city).zones["weight"].sum() == DEMAND_POINTS


def test_the_command_builds_what_can_be_simulated(city: Path, tmp_path: Path) -> None:
    out = run("build", str(city), "--format", "jemss", "--out", str(tmp_path / "out")).out
    assert "closest-v1" in out
    ran = run(
        "simulate", str(tmp_path / "out"), "--replications", "1", "--out", str(tmp_path / "r")
    )
    assert "within 8 minutes" in ran.out


@pytest.mark.parametrize(
    ("name", "old", "new", "told"),
    [
        (f"{ROADS}/arcs.csv", "3,2,4,", "3,2,9,", "row 3, toNode: '9' is none of 1 to 4"),
        (f"{ROADS}/arcs.csv", "mode_2", "mode_3", "no column 'mode_2'"),
        (f"{ROADS}/arcs.csv", "undirected", "sideways", "arcForm 'sideways'"),
        (f"{ROADS}/nodes.csv", "2.0,10.01", "5.0,10.01", "row 2 has index 5"),
        (f"{ROADS}/nodes.csv", "10.02,50.00", "10.02,north", "row 3, y: 'north'"),
        ("models/1/ambulances/ambulances_1.csv", "2,1,1", "2,7,1", "'7' is none of 1 to 1"),
        ("models/1/stations/stations_1.csv", "stations,", "sites,", "no table 'stations'"),
        ("models/1/travel/travel/travel_1.csv", "1,low,2", "1,later,2", "'low' has no mode"),
        ("models/1/calls/reps/test/gen_config.xml", "dense.tif", "none.tif", "none.tif"),
        ("models/1/calls/reps/test/gen_config.xml", "[0.25, 0.75]", "[1]", "1 shares for 2"),
        ("models/1/calls/reps/test/gen_config.xml", "Normal(1/60/24, 0)", "soon", "'soon'"),
        ("models/1/calls/reps/test/gen_config.xml", "</genConfig>", "", "no XML"),
    ],
)
def test_what_is_wrong_is_told(city: Path, name: str, old: str, new: str, told: str) -> None:
    edit(city, name, old, new)
    with pytest.raises(InputError, match=told.replace("[", r"\[")):
        read(city)


def test_a_folder_of_another_kind_is_refused(tmp_path: Path) -> None:
    result = refused("build", str(tmp_path), "--format", "jemss", "--out", str(tmp_path / "out"))
    assert "give the folder of a city of JEMSS" in result
    assert not (tmp_path / "out").exists()


def test_tables_share_a_file() -> None:
    tables = read_tables("a,2,\nx,y,\n1,2,\n3,,\n,,\nb\nz\nq\n", "f.csv")
    assert tables["a"].texts("y") == ["2", ""]
    assert tables["b"].texts("z") == ["q"]


@pytest.mark.parametrize(
    ("text", "kind", "mean_s", "cv"),
    [
        ("Exponential(12/60/24)", "exponential", 720, 1),
        ("Normal(50/60/60/24, 0)", "constant", 50, 0),
        ("Normal(100/86400, 50/86400)", "lognormal", 100, 0.5),
        ("LogNormal(0, 0.5)", "lognormal", 86_400 * np.exp(0.125), np.sqrt(np.expm1(0.25))),
    ],
)
def test_durations_are_read(text: str, kind: str, mean_s: float, cv: float) -> None:
    found = duration(text, "here")
    assert found.distribution == kind
    assert (found.mean_s, found.cv) == pytest.approx((mean_s, cv))


@pytest.mark.parametrize(
    "text", ["Gamma(1, 2)", "Exponential(-1)", "Exponential(__import__('os'))"]
)
def test_other_durations_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="here"):
        duration(text, "here")


def test_points_follow_the_raster(tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    cells = random.random((40, 30)) ** 8
    write_raster(tmp_path / "some.tif", cells)
    lonlat, weight = raster_points(tmp_path, "x/some.tif", 300)
    assert weight.sum() == 300
    north = lonlat[:, 1] > 50.015 - 0.2
    assert weight[north].sum() / 300 == pytest.approx(cells[:20].sum() / cells.sum(), abs=0.01)


@pytest.mark.parametrize(
    ("name", "on_time", "mean_min"),
    [
        ("manhattan", (0.556, 0.007), (10.12, 0.14)),
        ("auckland", (0.577, 0.015), (10.46, 0.21)),
    ],
)
def test_cities_are_as_a_second_implementation_has_them(
    reference_data: Path, name: str, on_time: tuple[float, float], mean_min: tuple[float, float]
) -> None:
    """Means of both are random: ours must lie within their joint interval of 99 %."""
    result = simulate(read(reference_data / "jemss" / name), replications=4, seed=7)
    summary = result.summary
    mean = summary["response_mean"]
    own = (mean["high"] - mean["low"]) / 120
    assert mean["value"] / 60 == pytest.approx(mean_min[0], abs=_Z99 * np.hypot(mean_min[1], own))
    counts = summary["incidents"]["by_priority"]
    total, within, width = sum(counts.values()), 0.0, 0.0
    for standard in summary["standards"]:
        share = sum(counts[p] for p in standard["priorities"]) / total
        part = summary["within"][standard["name"]]
        within += share * part["value"]
        width += share * (part["high"] - part["low"]) / 2
    assert within == pytest.approx(on_time[0], abs=_Z99 * np.hypot(on_time[1], width))
