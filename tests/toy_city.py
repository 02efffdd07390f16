"""A made-up city: a grid of streets, an island without a bridge, a handful of units."""

from __future__ import annotations

import functools
import itertools

import numpy as np
import pandas as pd

from routing.build import Ways, build_network
from routing.speeds import SpeedTable
from scenarios.package import Scenario
from scenarios.settings import Settings

SIDE = 6
STEP_E7 = 30_000  # 0.003 degrees: some 333 m north, 146 m east
CORNER_E7 = (-219_000_000, 641_000_000)
ISLAND_E7 = (-219_000_000, 641_300_000)  # 1 km north of the grid


def corner(column: int, row: int) -> tuple[float, float]:
    """Lon, lat of a crossing of the grid."""
    lon, lat = CORNER_E7
    return (lon + column * STEP_E7) / 1e7, (lat + row * STEP_E7) / 1e7


ISLAND = (ISLAND_E7[0] / 1e7, ISLAND_E7[1] / 1e7)


@functools.cache
def toy_city() -> Scenario:
    """Make the city: two unit types, two priorities, three stations, five units."""
    return Scenario(
        settings=Settings.model_validate(_SETTINGS),
        network=build_network(_ways(), simplify=False),
        speeds=SpeedTable.load(None),
        stations=_places(["S1", "S2", "S3"], [(0, 0), (5, 0), (2, 5)]),
        hospitals=_places(["H1"], [(3, 3)]),
        units=pd.DataFrame(
            {
                "id": ["A1", "A2", "B1", "B2", "D1"],
                "type": ["ambulance"] * 4 + ["doctor car"],
                "station": ["S1", "S1", "S2", "S2", "S3"],
            }
        ),
        zones=_places(["Z1", "Z2", "Z3", "Z4"], [(1, 1), (4, 1), (1, 4), (4, 4)])
        .drop(columns="name")
        .assign(weight=[1.0, 2.0, 3.0, 4.0], district=["South", "South", "North", "North"]),
        hash="0" * 64,
    )


_SETTINGS = {
    "schema_version": 1,
    "name": "Toytown <&>",
    "horizon": {"start": "2025-01-06T00:00:00Z", "days": 2, "timezone": "UTC"},
    "demand": {
        "incidents_per_day": 24,
        "hour_profile": [1.0] * 24,
        "weekday_profile": [1.0] * 7,
    },
    "priorities": [
        {
            "name": "emergency",
            "share": 0.5,
            "siren": True,
            "needs": ["ambulance"],
            "transported": 0.5,
        },
        {
            "name": "urgent",
            "share": 0.5,
            "siren": False,
            "needs": ["ambulance"],
            "transported": 0.5,
        },
    ],
    "process": {
        "call_processing": {"distribution": "constant", "mean_s": 60},
        "on_scene": {"distribution": "exponential", "mean_s": 900},
        "handover": {"distribution": "lognormal", "mean_s": 600, "cv": 0.5},
    },
    "standards": [{"name": "8 minutes", "limit_s": 480, "share": 0.9}],
    "unit_types": {
        "ambulance": {"capabilities": ["ambulance"], "turnout_s": 60},
        "doctor car": {"capabilities": ["doctor"], "turnout_s": 90},
    },
    "outcome": {"cardiac_arrest_share": 0.01, "survival": "de-maio-2003"},
}


def _places(ids: list[str], at: list[tuple[int, int]]) -> pd.DataFrame:
    lon, lat = zip(*(corner(*place) for place in at), strict=True)
    return pd.DataFrame({"id": ids, "name": [f"{i} street" for i in ids], "lon": lon, "lat": lat})


def _ways() -> Ways:
    lon, lat = CORNER_E7
    nodes = [(lon + c * STEP_E7, lat + r * STEP_E7) for r in range(SIDE) for c in range(SIDE)]
    streets = [[r * SIDE + c for c in range(SIDE)] for r in range(SIDE)]
    streets += [[r * SIDE + c for r in range(SIDE)] for c in range(SIDE)]
    island = len(nodes)
    nodes += [ISLAND_E7, (ISLAND_E7[0] + STEP_E7, ISLAND_E7[1])]
    streets.append([island, island + 1])
    segments = [
        (*ends, way)
        for way, street in enumerate(streets)
        for pair in itertools.pairwise(street)
        for ends in (pair, pair[::-1])
    ]
    tail, head, way = (np.array(column, dtype=np.int32) for column in zip(*segments, strict=True))
    return Ways(
        node_osm=np.arange(1, len(nodes) + 1, dtype=np.int64),
        node_e7=np.array(nodes, dtype=np.int32),
        segment_tail=tail,
        segment_head=head,
        segment_way=way,
        way_osm=np.arange(1, len(streets) + 1, dtype=np.int64),
        way_class=np.zeros(len(streets), dtype=np.int32),
        way_maxspeed=np.full(len(streets), np.nan, dtype=np.float32),
        way_name=np.arange(len(streets), dtype=np.int32),
        class_names=("residential",),
        names=tuple(f"{number}th Street" for number in range(len(streets))),
    )
