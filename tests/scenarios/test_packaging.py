"""Scenario folders: what is written is read, and what was tampered with is not."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from routing.errors import InputError
from scenarios.packaging import (
    DESCRIPTOR,
    OPENSTREETMAP,
    bundled_names,
    load_scenario,
    reseal,
    save_scenario,
)
from scenarios.tables import TABLES, read_table
from tests.toy_city import toy_city

if TYPE_CHECKING:
    from scenarios.package import Scenario


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Folder of a saved scenario."""
    save_scenario(replace(toy_city(), origin=dict(OPENSTREETMAP)), tmp_path / "toy")
    return tmp_path / "toy"


def same_content(one: Scenario, other: Scenario) -> None:
    assert one.settings == other.settings
    assert one.speeds.text == other.speeds.text
    for name in TABLES:
        pd.testing.assert_frame_equal(
            getattr(one, name)[list(TABLES[name])],
            getattr(other, name),
            check_dtype=False,
            rtol=0,
            atol=1e-9,
        )
    for field in fields(one.network):
        np.testing.assert_array_equal(
            getattr(one.network, field.name), getattr(other.network, field.name)
        )


def edit(folder: Path, name: str, old: str, new: str) -> None:
    text = (folder / name).read_text(encoding="utf-8")
    assert old in text
    (folder / name).write_text(text.replace(old, new, 1), encoding="utf-8")


def test_what_is_saved_is_loaded(folder: Path) -> None:
    city = load_scenario(folder)
    same_content(toy_city(), city)
    assert city.location == str(folder)
    assert city.origin["licenses"][0]["name"] == "ODbL-1.0"
    assert "OpenStreetMap contributors" in city.origin["sources"][0]["title"]


def test_saving_again_gives_the_same_bytes_wherever_it_stands(folder: Path, tmp_path: Path) -> None:
    city = load_scenario(folder)
    digest = save_scenario(city, tmp_path / "deep" / "copy")
    assert digest == city.hash
    files = sorted(p.relative_to(folder) for p in folder.rglob("*") if p.is_file())
    for path in files:
        assert (folder / path).read_bytes() == (tmp_path / "deep" / "copy" / path).read_bytes()
    save_scenario(city, folder)  # in its own place
    assert load_scenario(folder).hash == digest


def test_hash_is_over_paths_and_content(folder: Path) -> None:
    paths = [p for p in folder.rglob("*") if p.is_file() and p.name != DESCRIPTOR]
    lines = sorted(
        f"{p.relative_to(folder).as_posix()}\0{hashlib.sha256(p.read_bytes()).hexdigest()}\n"
        for p in paths
    )
    expected = hashlib.sha256("".join(lines).encode()).hexdigest()
    assert load_scenario(folder).hash == expected
    (folder / "remarks.txt").write_text("of the user")
    assert load_scenario(folder).hash == expected


def test_descriptor_is_a_frictionless_data_package(folder: Path) -> None:
    descriptor = json.loads((folder / DESCRIPTOR).read_text(encoding="utf-8"))
    assert re.fullmatch(r"[a-z0-9._-]+", descriptor["name"])
    assert descriptor["licenses"]
    names = [resource["name"] for resource in descriptor["resources"]]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z0-9._-]+", name.replace("_", "-")) for name in names)
    for resource in descriptor["resources"]:
        data = (folder / resource["path"]).read_bytes()
        assert resource["bytes"] == len(data)
        assert resource["hash"] == f"sha256:{hashlib.sha256(data).hexdigest()}"
        if resource["format"] == "csv":
            header = data.decode().splitlines()[0].split(",")
            assert [f["name"] for f in resource["schema"]["fields"]] == header
    units = next(r for r in descriptor["resources"] if r["name"] == "units")
    assert units["schema"]["foreignKeys"][0]["reference"]["resource"] == "stations"


def test_every_changed_file_is_refused_by_name(folder: Path) -> None:
    descriptor = json.loads((folder / DESCRIPTOR).read_text(encoding="utf-8"))
    assert len(descriptor["resources"]) == 29
    for resource in descriptor["resources"]:
        path = folder / resource["path"]
        before = path.read_bytes()
        path.write_bytes(before + b"\n")
        with pytest.raises(InputError, match="does not match its hash") as caught:
            load_scenario(folder)
        assert resource["path"] in caught.value.message
        assert "check SCENARIO --accept" in caught.value.fix
        path.unlink()
        with pytest.raises(InputError, match="cannot read"):
            load_scenario(folder)
        path.write_bytes(before)
    assert load_scenario(folder)


def test_an_accepted_edit_changes_the_hash(folder: Path) -> None:
    before = load_scenario(folder)
    edit(folder, "units.csv", "A1,ambulance,S1", "A1,ambulance,S3")
    digest = reseal(folder)
    city = load_scenario(folder)
    assert city.hash == digest != before.hash
    assert city.units["station"].tolist()[0] == "S3"
    assert city.origin == before.origin


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("units.csv", "A2,ambulance,S1", "A2,ambulance,S9", "units.csv, row 2, station: 'S9'"),
        ("units.csv", "A2,ambulance,S1", "A2,boat,S1", "units.csv, row 2, type: 'boat'"),
        ("units.csv", "A2,", "A1,", "units.csv, row 2, id: 'A1' repeats"),
        ("units.csv", "A2,", ",", "units.csv, row 2, id: no id"),
        ("units.csv", "station", "home", "units.csv: no column station"),
        ("stations.csv", "64.1", "94.1", "stations.csv, row 1, lat: '94.1000000' is no number"),
        ("stations.csv", "-21.9", "x", "stations.csv, row 1, lon"),
        ("hospitals.csv", ",64.1", ",", "hospitals.csv, row 1, lat"),
        ("zones.csv", ",2,South", ",-2,South", "zones.csv, row 2, weight: '-2' is no number"),
        ("zones.csv", ",2,South", ",inf,South", "zones.csv, row 2, weight: 'inf' is no number"),
        ("scenario.toml", "days = 2", "days = -2", "scenario.toml: horizon.days"),
        ("scenario.toml", "days = 2", "days = ", "scenario.toml is not TOML"),
        ("scenario.toml", "schema_version = 1", "schema_version = 2", "schema_version"),
        ("speeds.toml", "kmh", "mph", "speeds"),
        ("network/names.json", "{", "", "holds no road network"),
    ],
)
def test_an_edit_that_makes_no_sense_is_not_accepted(
    name: str, old: str, new: str, message: str, folder: Path
) -> None:
    edit(folder, name, old, new)
    before = (folder / DESCRIPTOR).read_bytes()
    with pytest.raises(InputError) as caught:
        reseal(folder)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert (folder / DESCRIPTOR).read_bytes() == before


def test_tables_that_contradict_each_other_are_not_saved(tmp_path: Path) -> None:
    city = toy_city()
    with pytest.raises(InputError, match=r"units\.csv, row 1, station"):
        save_scenario(city.with_fleet(city.stations.iloc[1:], city.units), tmp_path / "a")
    with pytest.raises(InputError, match="all weights are zero"):
        save_scenario(replace(city, zones=city.zones.assign(weight=0.0)), tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


def test_empty_tables_are_a_scenario(tmp_path: Path) -> None:
    city = toy_city()
    empty = replace(
        city,
        stations=city.stations.iloc[:0],
        units=city.units.iloc[:0],
        hospitals=city.hospitals.iloc[:0],
        zones=city.zones.iloc[:0],
    )
    save_scenario(empty, tmp_path / "a")
    loaded = load_scenario(tmp_path / "a")
    assert [len(getattr(loaded, name)) for name in TABLES] == [0, 0, 0, 0]
    assert loaded.zones["weight"].dtype == np.float64


def test_texts_stay_texts(tmp_path: Path) -> None:
    city = toy_city()
    names = ["NA", 'Zum "Löwen", Ost', "007"]
    save_scenario(replace(city, stations=city.stations.assign(name=names)), tmp_path / "a")
    assert load_scenario(tmp_path / "a").stations["name"].tolist() == names


def test_a_table_from_a_spreadsheet_may_begin_with_a_mark(tmp_path: Path) -> None:
    path = tmp_path / "units.csv"
    path.write_bytes(b"\xef\xbb\xbfid,type,station\r\nA1,ambulance,S1\r\n")
    assert read_table(path, "units").to_numpy().tolist() == [["A1", "ambulance", "S1"]]


def test_comments_survive_until_rules_change(folder: Path, tmp_path: Path) -> None:
    edit(folder, "scenario.toml", "days = 2", "days = 2  # a weekend")
    reseal(folder)
    city = load_scenario(folder)
    save_scenario(city, tmp_path / "b")
    assert "# a weekend" in (tmp_path / "b" / "scenario.toml").read_text(encoding="utf-8")
    horizon = city.settings.horizon.model_copy(update={"days": 3.0})
    changed = replace(city, settings=city.settings.model_copy(update={"horizon": horizon}))
    save_scenario(changed, tmp_path / "b")
    assert load_scenario(tmp_path / "b").settings == changed.settings


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"resources": []}, "does not list"),
        ({"resources": [{"path": "x"}]}, "does not describe a scenario"),
        ({"bluelight": {"schema_version": 2}}, "schema_version 2"),
        ({"bluelight": None}, "does not describe a scenario"),
    ],
)
def test_bad_descriptor(change: dict[str, object], message: str, folder: Path) -> None:
    descriptor = json.loads((folder / DESCRIPTOR).read_text(encoding="utf-8"))
    (folder / DESCRIPTOR).write_text(json.dumps(descriptor | change), encoding="utf-8")
    with pytest.raises(InputError, match=message):
        load_scenario(folder)


def test_descriptor_that_is_no_json(folder: Path) -> None:
    (folder / DESCRIPTOR).write_bytes(b"\xff{")
    with pytest.raises(InputError, match="does not describe a scenario"):
        load_scenario(folder)


@pytest.mark.parametrize("path", ["../outside.csv", "/etc/hostname"])
def test_descriptor_may_not_lead_out_of_the_folder(path: str, folder: Path) -> None:
    descriptor = json.loads((folder / DESCRIPTOR).read_text(encoding="utf-8"))
    descriptor["resources"].append({"path": path, "hash": "sha256:0", "bytes": 0})
    (folder / DESCRIPTOR).write_text(json.dumps(descriptor), encoding="utf-8")
    with pytest.raises(InputError, match="leads out of the folder"):
        load_scenario(folder)


def test_there_is_no_such_scenario(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="did you mean 'reykjavik'"):
        load_scenario("reykjavk")
    with pytest.raises(InputError, match="is no scenario"):
        load_scenario(tmp_path)


def test_a_folder_comes_before_a_bundled_city(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    bundled = load_scenario("reykjavik")
    shutil.copytree(folder, tmp_path / "reykjavik")
    assert load_scenario("reykjavik").hash != bundled.hash
    assert bundled.location == "reykjavik"
    assert bundled_names() == ("neubrandenburg", "reykjavik")


def test_something_else_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match="is no earlier result"):
        save_scenario(toy_city(), tmp_path)
    assert Path(tmp_path / "thesis.txt").exists()
