"""Scenario folders: Frictionless data packages whose hash is over their content."""

from __future__ import annotations

import hashlib
import json
import shutil
from contextlib import suppress
from dataclasses import fields, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from routing.errors import InputError, did_you_mean
from routing.network import RoadNetwork
from routing.speeds import SpeedTable
from scenarios import given_times, incidents
from scenarios.folders import check_replaceable, staged_folder, write_atomically
from scenarios.given_times import GivenTimes
from scenarios.hospitals import bays_of
from scenarios.package import Scenario
from scenarios.settings import parse_settings, read_settings
from scenarios.tables import TABLES, check_references, read_table, table_bytes, table_schema
from scenarios.toml import settings_toml
from scenarios.travel_matrix import FOLDER as MATRIX
from scenarios.travel_matrix import TravelMatrix, file_names

if TYPE_CHECKING:
    import pandas as pd

    from scenarios.demand import IncidentTable
    from scenarios.settings import Settings

DESCRIPTOR: Final = "datapackage.json"
"""The file that makes a folder a scenario."""

FIT_PAGE: Final = "fit.html"
"""Page beside a scenario that was fitted to data; not part of its content."""

ATTRIBUTION: Final = "© OpenStreetMap contributors"

OPENSTREETMAP: Final[dict[str, Any]] = {
    "licenses": [
        {
            "name": "ODbL-1.0",
            "title": "Open Data Commons Open Database License 1.0",
            "path": "https://opendatacommons.org/licenses/odbl/1-0/",
        }
    ],
    "sources": [{"title": ATTRIBUTION, "path": "https://www.openstreetmap.org/copyright"}],
}
"""Licence and attribution of what was taken from OpenStreetMap."""

_BUNDLED: Final = Path(__file__).parent / "bundled"
_NETWORK: Final = "network"
_ORIGIN: Final = ("licenses", "sources", "notes")
_ACCEPT: Final = "if the change is meant, run: bluelight check SCENARIO --accept"
_MEDIA_TYPES: Final = {
    "csv": "text/csv",
    "json": "application/json",
    "npy": "application/octet-stream",
    "toml": "application/toml",
}


def bundled_names() -> tuple[str, ...]:
    """List the cities that come with bluelight.

    Returns
    -------
    tuple of str
        Their names, sorted.
    """
    return tuple(sorted(path.parent.name for path in _BUNDLED.glob(f"*/{DESCRIPTOR}")))


def load_scenario(source: str | Path) -> Scenario:
    """Read a scenario and check it.

    Parameters
    ----------
    source : str or Path
        A scenario folder, or the name of a bundled city. A folder comes first.

    Returns
    -------
    Scenario
        The scenario, with its hash.

    Raises
    ------
    InputError
        There is no such scenario, a file differs from its hash, or a value is wrong.
    """
    folder = _scenario_folder(source)
    descriptor = _read_descriptor(folder)
    digests = _verified(folder, descriptor)
    return replace(
        _read_content(folder),
        hash=_content_hash(digests),
        location=folder.name if folder.parent == _BUNDLED else str(source),
        origin={key: descriptor[key] for key in _ORIGIN if key in descriptor},
    )


def save_scenario(scenario: Scenario, folder: Path, page: str = "") -> str:
    """Write a scenario folder, whole or not at all.

    Parameters
    ----------
    scenario : Scenario
        What to write.
    folder : Path
        Where; an earlier scenario there is replaced, anything else is left alone.
    page : str
        How it was fitted, as HTML, which is written beside its content unless empty.

    Returns
    -------
    str
        Its hash: SHA-256 over the sorted paths and SHA-256 sums of its content, so
        that it depends on no clock, path or machine.

    Raises
    ------
    InputError
        The tables contradict each other, the folder cannot be written, or it holds
        what somebody edited.
    """
    check_references(scenario.settings, scenario.stations, scenario.units, scenario.zones)
    check_untouched(folder)
    with staged_folder(folder, DESCRIPTOR) as stage:
        (stage / _NETWORK).mkdir()
        scenario.network.save(stage / _NETWORK)
        for name in TABLES:
            (stage / f"{name}.csv").write_bytes(table_bytes(name, getattr(scenario, name)))
        if scenario.matrix is not None:
            (stage / MATRIX).mkdir()
            scenario.matrix.save(stage / MATRIX)
        if isinstance(scenario.speeds, GivenTimes):
            (stage / given_times.FOLDER).mkdir()
            scenario.speeds.save(stage / given_times.FOLDER)
        if scenario.incidents is not None:
            table = incidents.incidents_bytes(scenario.incidents, scenario.settings, scenario.zones)
            (stage / incidents.FILE).write_bytes(table)
        (stage / "scenario.toml").write_bytes(_settings_text(scenario).encode())
        (stage / "speeds.toml").write_bytes(scenario.speeds.text.encode())
        if page:
            (stage / FIT_PAGE).write_text(page, encoding="utf-8")
        title = scenario.settings.name
        return _seal(stage, {"name": _slug(title), "title": title} | scenario.origin)


def keep_scenario(scenario: Scenario, folder: Path) -> None:
    """Keep a scenario as it was read, whatever becomes of the folder that it came from.

    Parameters
    ----------
    scenario : Scenario
        What to keep. Its own files are copied, so that the hash stays; where they are
        no longer those that were read, it is written anew.
    folder : Path
        Where.

    Raises
    ------
    InputError
        It cannot be written.
    """
    with suppress(InputError, OSError):
        _copy(scenario, folder)
        return
    save_scenario(scenario, folder)


def _copy(scenario: Scenario, folder: Path) -> None:
    source = _scenario_folder(scenario.location)
    with staged_folder(folder, DESCRIPTOR) as stage:
        for path in (*_content_paths(source), DESCRIPTOR):
            (stage / path).parent.mkdir(exist_ok=True)
            shutil.copyfile(source / path, stage / path)
        if _content_hash(_verified(stage, _read_descriptor(stage))) != scenario.hash:
            raise InputError(f"{source} is not what was read")


def reseal(folder: str | Path) -> str:
    """Accept files that were edited: write their sizes and hashes anew.

    Parameters
    ----------
    folder : str or Path
        A scenario folder.

    Returns
    -------
    str
        The new hash of the scenario.

    Raises
    ------
    InputError
        It is no scenario, a file is missing, or a value is wrong; nothing is changed then.
    """
    folder = _scenario_folder(folder)
    old = _read_descriptor(folder)
    title = _read_content(folder).settings.name
    base = {"name": _slug(title), "title": title}
    base |= {key: old[key] for key in _ORIGIN if key in old}
    return _seal(folder, base, built=str(old["bluelight"].get("built", "")))


def check_untouched(folder: Path) -> None:
    """Refuse to overwrite a scenario that somebody edited.

    Parameters
    ----------
    folder : Path
        Where a scenario shall be written.

    Raises
    ------
    InputError
        A scenario stands there whose files are not those that were written, or with
        other files beside them; or something that is no scenario.
    """
    check_replaceable(folder, DESCRIPTOR)
    if not (folder / DESCRIPTOR).is_file():
        return
    found = {str(p.relative_to(folder).as_posix()) for p in folder.rglob("*") if p.is_file()}
    others = sorted(found - {*_content_paths(folder), DESCRIPTOR, FIT_PAGE})
    try:
        descriptor = _read_descriptor(folder)
        edited = descriptor["bluelight"].get("built") != _content_hash(
            _verified(folder, descriptor)
        )
    except InputError:
        edited = True
    if edited or others:
        what = f"holds {others[0]}, which is not of it" if others else "was edited"
        raise InputError(
            f"the scenario at {folder} {what}",
            field="--out",
            fix="name another folder, or remove this one",
        )


def _read_content(folder: Path) -> Scenario:
    settings = read_settings(folder / "scenario.toml")
    tables = {name: read_table(folder / f"{name}.csv", name) for name in TABLES}
    check_references(settings, tables["stations"], tables["units"], tables["zones"])
    bays_of(tables["hospitals"])
    return Scenario(
        settings=settings,
        network=RoadNetwork.load(folder / _NETWORK),
        speeds=given_times.with_given_times(
            SpeedTable.load(folder / "speeds.toml"), folder / given_times.FOLDER
        ),
        stations=tables["stations"],
        hospitals=tables["hospitals"],
        units=tables["units"],
        zones=tables["zones"],
        matrix=TravelMatrix.load(folder / MATRIX) if (folder / MATRIX).is_dir() else None,
        incidents=_given(folder, settings, tables["zones"]),
        settings_text=(folder / "scenario.toml").read_text(encoding="utf-8"),
    )


def _given(folder: Path, settings: Settings, zones: pd.DataFrame) -> IncidentTable | None:
    path = folder / incidents.FILE
    return incidents.read_incidents(path, settings, zones) if path.is_file() else None


def _scenario_folder(source: str | Path) -> Path:
    path = Path(source)
    if (path / DESCRIPTOR).is_file():
        return path
    if str(source) in bundled_names():
        return _BUNDLED / str(source)
    if path.exists():
        raise InputError(
            f"{source} is no scenario: it has no {DESCRIPTOR}",
            field="SCENARIO",
            fix="make one with: bluelight build SOURCE --out FOLDER",
        )
    bundled = did_you_mean(str(source), bundled_names())
    raise InputError(
        f"there is no scenario {str(source)!r}",
        field="SCENARIO",
        fix=f"give a scenario folder or a bundled city ({bundled})",
    )


def _content_paths(folder: Path) -> list[str]:
    arrays = [f.name for f in fields(RoadNetwork) if f.name not in {"class_names", "names"}]
    network = [f"{_NETWORK}/{name}.npy" for name in arrays] + [f"{_NETWORK}/names.json"]
    optional = [
        incidents.FILE,
        *(f"{MATRIX}/{name}" for name in file_names()),
        *(f"{given_times.FOLDER}/{name}" for name in given_times.file_names()),
    ]
    given = [path for path in optional if (folder / path).is_file()]
    tables = [f"{name}.csv" for name in TABLES]
    return sorted([*tables, *network, *given, "scenario.toml", "speeds.toml"])


def _settings_text(scenario: Scenario) -> str:
    """Keep the author's own words and comments while they still hold."""
    text = scenario.settings_text
    if text and parse_settings(text, "scenario.toml") == scenario.settings:
        return text
    return settings_toml(scenario.settings)


def _seal(folder: Path, base: dict[str, Any], built: str | None = None) -> str:
    resources = [_resource(folder, path) for path in _content_paths(folder)]
    digest = _content_hash({r["path"]: r["hash"].removeprefix("sha256:") for r in resources})
    descriptor = {
        "profile": "data-package",
        **base,
        "bluelight": {
            "schema_version": 1,
            "hash": digest,
            "built": digest if built is None else built,
        },
        "resources": resources,
    }
    text = json.dumps(descriptor, ensure_ascii=False, indent=1) + "\n"
    write_atomically(folder / DESCRIPTOR, text.encode())
    return digest


def _resource(folder: Path, path: str) -> dict[str, Any]:
    data = (folder / path).read_bytes()
    stem, _, suffix = path.rpartition(".")
    resource: dict[str, Any] = {
        "name": stem.replace("/", "-"),
        "path": path,
        "format": suffix,
        "mediatype": _MEDIA_TYPES[suffix],
        "bytes": len(data),
        "hash": f"sha256:{hashlib.sha256(data).hexdigest()}",
    }
    if suffix == "csv":
        resource |= {"profile": "tabular-data-resource", "encoding": "utf-8"}
        header = data.split(b"\n", 1)[0].decode().split(",")
        if stem in TABLES:
            resource["schema"] = table_schema(stem, header)
    return resource


def _content_hash(digests: dict[str, str]) -> str:
    lines = "".join(f"{path}\0{digest}\n" for path, digest in sorted(digests.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def _read_descriptor(folder: Path) -> dict[str, Any]:
    path = folder / DESCRIPTOR
    try:
        descriptor = json.loads(path.read_text(encoding="utf-8"))
        version = descriptor["bluelight"]["schema_version"]
        for resource in descriptor["resources"]:
            _ = resource["path"], resource["hash"], resource["bytes"]
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path} does not describe a scenario ({type(error).__name__}: {error})",
            fix="build the city anew",
        ) from error
    if version != 1:
        raise InputError(
            f"{path} has schema_version {version!r}, this bluelight knows 1",
            fix="build the city anew",
        )
    result: dict[str, Any] = descriptor
    return result


def _verified(folder: Path, descriptor: dict[str, Any]) -> dict[str, str]:
    """Check every content file against its hash and return the hashes."""
    said = {str(r["path"]): str(r["hash"]).removeprefix("sha256:") for r in descriptor["resources"]}
    lacking = sorted(set(_content_paths(folder)) - set(said))
    if lacking:
        raise InputError(
            f"{folder / DESCRIPTOR} does not list {lacking[0]}", fix="build the city anew"
        )
    digests = {}
    for path, digest in sorted(said.items()):
        if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
            raise InputError(f"{path} leads out of the folder", field=DESCRIPTOR)
        try:
            found = hashlib.sha256((folder / path).read_bytes()).hexdigest()
        except OSError as error:
            raise InputError(
                f"cannot read {folder / path}: {error.strerror}", fix="build the city anew"
            ) from error
        if found != digest:
            raise InputError(
                f"{folder / path} does not match its hash in {DESCRIPTOR}", fix=_ACCEPT
            )
        digests[path] = found
    return digests


def _slug(name: str) -> str:
    """Make a package name of the letters that Frictionless allows."""
    letters = "".join(c if c.isascii() and c.isalnum() else "-" for c in name.lower())
    return "-".join(part for part in letters.split("-") if part) or "scenario"
