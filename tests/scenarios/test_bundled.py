"""The cities that come with bluelight."""

from __future__ import annotations

import hashlib
import inspect
import tarfile
from dataclasses import replace
from pathlib import Path

import networkx as nx
import pytest

import scenarios
from routing.errors import InputError
from routing.network import UNREACHABLE
from routing.snapping import Snapper
from routing.speeds import CAR
from scenarios.build import build_scenario
from scenarios.bundled import rebuild
from scenarios.package import lonlat
from scenarios.packaging import bundled_names, load_scenario
from scenarios.settings import Settings

FOLDER = Path(scenarios.__file__).parent / "bundled"


@pytest.mark.parametrize("name", bundled_names())
def test_bundled_city_is_whole_small_and_credited(name: str) -> None:
    city = load_scenario(name)
    assert city.location == name
    assert "© OpenStreetMap contributors" in str(city.origin["sources"])
    assert "© OpenStreetMap contributors" in (FOLDER / "LICENSE-ODbL.md").read_text("utf-8")
    assert sum(p.stat().st_size for p in (FOLDER / name).rglob("*")) < 5e6
    snapper = Snapper(city.network)
    for table in (city.stations, city.hospitals, city.zones):
        assert len(snapper.snap(lonlat(table))) == len(table) > 0
    assert isinstance(city.settings, Settings)
    assert city.settings.standards[0].source


def test_what_the_cities_hold() -> None:
    reykjavik, neubrandenburg = load_scenario("reykjavik"), load_scenario("neubrandenburg")
    assert [len(reykjavik.stations), len(neubrandenburg.stations)] == [4, 7]
    assert set(reykjavik.hospitals["name"]) == {"Landspítalinn", "Landspítali Fossvogur"}
    assert neubrandenburg.hospitals["name"].tolist() == ["Dr.-Bonhoeffer-Klinikum"]
    assert "Fire station (OSM node 3144327908)" in set(neubrandenburg.stations["name"])
    assert reykjavik.network.n_nodes == pytest.approx(10_195, rel=0.01)
    assert reykjavik.network.arc_public.sum() == pytest.approx(20_835, rel=0.005)
    assert neubrandenburg.network.n_nodes == pytest.approx(2175, rel=0.01)
    assert neubrandenburg.network.arc_public.sum() == pytest.approx(5194, rel=0.005)


@pytest.mark.parametrize("name", bundled_names())
def test_a_car_reaches_every_place_of_the_car_network(name: str) -> None:
    city = load_scenario(name)
    network = city.network
    arc_ms = city.speeds.arc_times_ms(network, "normal", vehicle=CAR)
    public = network.arc_public
    assert (arc_ms[public] < UNREACHABLE).all()
    roads = nx.DiGraph(
        zip(network.arc_tail[public].tolist(), network.arc_head[public].tolist(), strict=True)
    )
    assert nx.is_strongly_connected(roads)
    assert len(network.ban_from) > 0
    for table in (city.stations, city.hospitals, city.zones):
        assert public[Snapper(network).snap(lonlat(table)).arc].all()


@pytest.mark.parametrize("name", bundled_names())
def test_every_vehicle_is_faster_with_siren(name: str) -> None:
    city = load_scenario(name)
    for vehicle in city.speeds.vehicles:
        normal = city.speeds.arc_times_ms(city.network, "normal", vehicle=vehicle)
        siren = city.speeds.arc_times_ms(city.network, "siren", vehicle=vehicle)
        assert (siren <= normal).all()
        assert (siren[city.network.arc_m > 0] >= 1).all()
        assert (normal[~city.network.arc_public] == UNREACHABLE).mean() > 0.95
        more = int((siren < UNREACHABLE).sum()) > int((normal < UNREACHABLE).sum())
        assert more == (vehicle != CAR)


@pytest.mark.parametrize(
    ("name", "file"),
    [("neubrandenburg", "neubrandenburg.osm.bz2"), ("reykjavik", "reykjavik.osm.pbf")],
)
def test_rebuilding_gives_the_same_bytes(
    name: str, file: str, reference_data: Path, tmp_path: Path
) -> None:
    made = rebuild.build_city(name, reference_data / "osm" / file, tmp_path / name)
    assert made.hash == load_scenario(name).hash
    descriptor = "datapackage.json"
    assert (tmp_path / name / descriptor).read_bytes() == (FOLDER / name / descriptor).read_bytes()


def package(folder: Path, member: str, content: bytes) -> Path:
    """Make an archive that carries a map."""
    folder.mkdir(exist_ok=True)
    (folder / "content").write_bytes(content)
    with tarfile.open(folder / "package.tar.gz", "w:gz") as archive:
        archive.add(folder / "content", f"package-1.0{member}")
    return folder / "package.tar.gz"


def test_the_map_is_taken_out_of_the_package_and_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = b"a map"
    recipe = rebuild.Recipe(
        fetch=lambda folder: package(folder, "/docs/map.osm.pbf", content),
        member="/docs/map.osm.pbf",
        sha256=hashlib.sha256(content).hexdigest(),
        options={},
    )
    monkeypatch.setitem(rebuild.RECIPES, "reykjavik", recipe)
    assert rebuild.fetch_map("reykjavik", tmp_path / "a").read_bytes() == content
    monkeypatch.setitem(rebuild.RECIPES, "reykjavik", replace(recipe, sha256="0" * 64))
    with pytest.raises(InputError, match="has SHA-256"):
        rebuild.fetch_map("reykjavik", tmp_path / "b")
    monkeypatch.setitem(rebuild.RECIPES, "reykjavik", replace(recipe, member="/docs/other"))
    with pytest.raises(InputError, match="holds no /docs/other"):
        rebuild.fetch_map("reykjavik", tmp_path / "c")


def test_every_bundled_city_has_a_recipe() -> None:
    assert tuple(rebuild.RECIPES) == bundled_names()
    known = set(inspect.signature(build_scenario).parameters)
    assert known >= {option for recipe in rebuild.RECIPES.values() for option in recipe.options}
