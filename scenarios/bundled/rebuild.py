"""Rebuilds the bundled cities from the registry packages that carry their maps.

``python -m scenarios.bundled.rebuild --to DIR`` needs pip, apt-get with Debian's
sources (deb-src entries are not needed) and a network; nothing of the system changes.
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from routing.errors import InputError
from scenarios.build import build_scenario
from scenarios.settings import Standard

if TYPE_CHECKING:
    from collections.abc import Callable

    from scenarios.build import BuildReport


@dataclass(frozen=True)
class Recipe:
    """Where a bundled city comes from and how it is made.

    Parameters
    ----------
    fetch : callable
        Fetches the package into a folder and returns its archive.
    member : str
        How the path of the map inside the archive ends.
    sha256 : str
        SHA-256 of the map.
    options : dict
        Options of `build_scenario`.
    """

    fetch: Callable[[Path], Path]
    member: str
    sha256: str
    options: dict[str, Any]


def fetch_gostnets(folder: Path) -> Path:
    """Fetch the PyPI source distribution of gostnets.

    Parameters
    ----------
    folder : Path
        Where to.

    Returns
    -------
    Path
        The archive.
    """
    pip = [sys.executable, "-m", "pip"] if importlib.util.find_spec("pip") else ["pip3"]
    wanted = ["--no-deps", "--no-binary", "gostnets", "gostnets==1.2.1"]
    _run([*pip, "download", *wanted], folder)
    return next(folder.glob("gostnets-*.tar.gz"))


def fetch_josm(folder: Path) -> Path:
    """Fetch Debian's source package of josm.

    Parameters
    ----------
    folder : Path
        Where to; apt keeps its lists there too.

    Returns
    -------
    Path
        The archive.
    """
    system, ours = Path("/etc/apt"), folder / "apt"
    (ours / "sources.list.d").mkdir(parents=True)
    (ours / "lists" / "partial").mkdir(parents=True)
    lists = [system / "sources.list", *sorted((system / "sources.list.d").glob("*"))]
    for path in (path for path in lists if path.is_file()):
        text = re.sub(r"(?m)^deb(?=\s)", "deb-src", path.read_text(encoding="utf-8"))
        text = re.sub(r"(?m)^Types:.*$", "Types: deb-src", text)
        (ours / path.relative_to(system)).write_text(text, encoding="utf-8")
    places = {
        "Dir::Etc::SourceList": ours / "sources.list",
        "Dir::Etc::SourceParts": ours / "sources.list.d",
        "Dir::State::Lists": ours / "lists",
        "Dir::Cache": ours / "cache",
        "APT::Sandbox::User": "root",
    }
    apt = ["apt-get", *(word for key, value in places.items() for word in ("-o", f"{key}={value}"))]
    # An entry of a third party may have no sources: what counts is that josm is found.
    _run([*apt, "update"], folder, check=False)
    _run([*apt, "source", "--download-only", "josm"], folder)
    return next(folder.glob("josm_*.orig.tar.*"))


RECIPES: Final = {
    "neubrandenburg": Recipe(
        fetch=fetch_josm,
        member="/nodist/data/neubrandenburg.osm.bz2",
        sha256="adee8159029bb2e218d68e85dbe98291b1802d286f92ffbcb97327017f27f3fc",
        options={
            "name": "Neubrandenburg",
            "timezone": "Europe/Berlin",
            "units_per_station": 1,
            "standards": [
                Standard(
                    name="Hilfsfrist 10 minutes",
                    start="dispatch",
                    limit_s=600,
                    share=0.9,
                    priorities=["emergency"],
                    source="start and limit: Rettungsdienstgesetz Mecklenburg-Vorpommern, "
                    "§ 8 (2) no. 7: from the alarm to the arrival, as a rule within ten "
                    "minutes; share: assumption",
                )
            ],
        },
    ),
    "reykjavik": Recipe(
        fetch=fetch_gostnets,
        member="/docs/tutorials/tutorial_data/iceland-latest.osm.pbf",
        sha256="19fe59138659d032300d3abfc2018bd90582cac03fbe3984ee75209479fe9af6",
        options={
            "name": "Reykjavik",
            "timezone": "Atlantic/Reykjavik",
            "bbox": (-22.20, 63.98, -21.55, 64.25),
            "standards": [
                Standard(
                    name="8 minutes",
                    limit_s=480,
                    share=0.9,
                    priorities=["emergency"],
                    source="assumption: put the standard that binds your service here",
                )
            ],
        },
    ),
}
"""The bundled cities by name."""


def build_city(name: str, city_map: Path, out: Path) -> BuildReport:
    """Make a bundled city from its map.

    Parameters
    ----------
    name : str
        One of `RECIPES`.
    city_map : Path
        Its map, or an extract of it that holds all of the city.
    out : Path
        The scenario folder.

    Returns
    -------
    BuildReport
        What was made.
    """
    return build_scenario(str(city_map), out, **RECIPES[name].options)


def fetch_map(name: str, folder: Path) -> Path:
    """Fetch the map of a bundled city and check it.

    Parameters
    ----------
    name : str
        One of `RECIPES`.
    folder : Path
        An empty folder to work in.

    Returns
    -------
    Path
        The map.

    Raises
    ------
    InputError
        The package no longer carries that map.
    """
    recipe = RECIPES[name]
    with tarfile.open(recipe.fetch(folder)) as archive:
        members = [m for m in archive.getmembers() if m.name.endswith(recipe.member)]
        stream = archive.extractfile(members[0]) if members else None
        if stream is None:
            raise InputError(f"the package of {name} holds no {recipe.member}")
        path = folder / Path(recipe.member).name
        with stream, path.open("wb") as file:
            shutil.copyfileobj(stream, file)
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != recipe.sha256:
        raise InputError(f"{path.name} has SHA-256 {found}, not {recipe.sha256}")
    return path


def _run(command: list[str], folder: Path, *, check: bool = True) -> None:
    try:
        subprocess.run(command, cwd=folder, check=check, stdout=sys.stderr)  # noqa: S603
    except (OSError, subprocess.CalledProcessError) as error:
        raise InputError(f"{command[0]} failed ({error})", fix="see its messages above") from error


@click.command()
@click.option(
    "--to",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(__file__).parent,
    help="Folder for the cities; else where they are.",
)
def _main(to: Path) -> None:
    """Fetch the maps of the bundled cities and build them anew."""
    for name in RECIPES:
        with tempfile.TemporaryDirectory() as folder:
            made = build_city(name, fetch_map(name, Path(folder)), to / name)
        click.echo(f"{name} {made.hash}")


if __name__ == "__main__":
    _main()
