"""Networks in memory and on disk."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod

from routing.build import Ways, build_network
from routing.errors import InputError
from routing.geodesy import EARTH_RADIUS_M, segment_lengths
from routing.network import RoadNetwork
from tests.routing.roads import Road, make_network, maps

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

DEGREES = st.tuples(st.floats(-180, 180), st.floats(-90, 90))


@given(DEGREES, DEGREES)
def test_lengths_are_those_of_proj_on_a_sphere(
    start: tuple[float, float], end: tuple[float, float]
) -> None:
    sphere = Geod(a=EARTH_RADIUS_M, f=0)
    metres = sphere.inv(*start, *end)[2]
    # the haversine formula loses digits only near the other side of the world
    assert segment_lengths(np.array(start), np.array(end)) == pytest.approx(metres, abs=0.5)


def test_length_of_an_arc_is_that_of_its_segments() -> None:
    points = {"a": (0, 0), "b": (0, 3), "c": (0, 1)}
    network = make_network(points, [Road("abc", oneway=True)])
    assert network.arc_m == pytest.approx([5 * EARTH_RADIUS_M * np.radians(0.001)])


@settings(deadline=None, max_examples=30)
@given(ways=maps())
def test_what_is_saved_is_loaded(tmp_path_factory: pytest.TempPathFactory, ways: Ways) -> None:
    network = build_network(ways)
    folder = tmp_path_factory.mktemp("network")
    network.save(folder)
    loaded = RoadNetwork.load(folder)
    for field in fields(network):
        one, other = getattr(network, field.name), getattr(loaded, field.name)
        np.testing.assert_array_equal(one, other)
        if isinstance(one, np.ndarray):
            assert one.dtype == other.dtype


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("arc_head.npy", None),
        ("arc_head.npy", b"no array"),
        ("arc_head.npy", b""),
        ("names.json", b"{"),
        ("names.json", b"[]"),
        ("names.json", b'{"names": []}'),
    ],
)
def test_broken_folders(tmp_path: Path, file: str, content: bytes | None) -> None:
    make_network({"a": (0, 0), "b": (1, 0)}, [Road("ab")]).save(tmp_path)
    (tmp_path / file).unlink()
    if content is not None:
        (tmp_path / file).write_bytes(content)
    with pytest.raises(InputError, match=r"holds no road network .*; build the city anew"):
        RoadNetwork.load(tmp_path)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("arc_head", lambda a: np.where(a >= 0, 999_999, a).astype(np.int32)),
        ("arc_tail", lambda a: a - np.int32(7)),
        ("arc_head", lambda a: a[:-1]),
        ("arc_head", lambda a: a.astype(np.float64)),
        ("arc_tail", lambda a: a[:, None]),
        ("arc_twin", lambda a: a + np.int32(10**6)),
        ("arc_vertex_ptr", lambda a: a[::-1].copy()),
        ("arc_vertex_ptr", lambda a: a[:0]),
        ("vertex_way", np.zeros_like),
        ("vertex_way", lambda a: np.where(a >= 0, 10**7, a).astype(np.int32)),
        ("way_class", lambda a: a + np.int32(10**5)),
        ("way_name", lambda a: a - np.int32(5)),
        ("way_maxspeed", lambda a: np.full_like(a, -5)),
        ("node_e7", lambda a: np.full_like(a, 2_000_000_000)),
        ("way_access", lambda a: a + np.int8(100)),
        ("way_max_height", lambda a: np.full_like(a, -1)),
        ("way_bus_lane", lambda a: a.astype(np.int8)),
        ("arc_public", lambda a: a[:-1]),
        ("ban_to", lambda a: np.append(a, np.int32(0))),
        ("ban_all", lambda a: np.append(a, True)),
    ],
)
def test_arrays_that_do_not_fit_together(
    tmp_path: Path, name: str, change: Callable[[NDArray[Any]], NDArray[Any]]
) -> None:
    make_network({"a": (0, 0), "b": (1, 0)}, [Road("ab")]).save(tmp_path)
    file = tmp_path / f"{name}.npy"
    np.save(file, change(np.load(file)))
    with pytest.raises(InputError, match=name):
        RoadNetwork.load(tmp_path)


def test_folder_of_an_earlier_version(tmp_path: Path) -> None:
    make_network({"a": (0, 0), "b": (1, 0)}, [Road("ab")]).save(tmp_path)
    (tmp_path / "way_access.npy").unlink()
    with pytest.raises(InputError, match=r"way_access\.npy.*; build the city anew"):
        RoadNetwork.load(tmp_path)


def test_bans_must_join_arcs(tmp_path: Path) -> None:
    make_network({"a": (0, 0), "b": (1, 0)}, [Road("ab")]).save(tmp_path)
    for name, value in (("ban_from", np.int32(0)), ("ban_to", np.int32(0)), ("ban_all", False)):
        np.save(tmp_path / f"{name}.npy", np.array([value]))
    with pytest.raises(InputError, match="ban_to has an arc that does not begin where"):
        RoadNetwork.load(tmp_path)
