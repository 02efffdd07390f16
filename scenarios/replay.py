"""Play the incidents of a run again, under its own policy or another."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from shutil import copytree
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from routing.errors import InputError
from scenarios.folders import staged_folder
from scenarios.hospitals import choosing
from scenarios.packaging import DESCRIPTOR, load_scenario
from scenarios.paired import paired
from scenarios.policies import load_policy
from scenarios.recorded import SCENARIO
from scenarios.run_tables import Names, read_frame, read_incidents
from scenarios.runs import INCIDENTS_FILE, MARKER, REPEATABLE, digest, run
from scenarios.simulation.tables import build_tables

if TYPE_CHECKING:
    from scenarios.package import Scenario
    from scenarios.runs import RunResult


@dataclass(frozen=True, eq=False)
class ReplayResult:
    """What a replay gave.

    Parameters
    ----------
    identical : bool or None
        Whether events, incidents and summary are the run's own, byte by byte; None
        under another policy.
    differing : tuple of str
        The files that are not.
    run : RunResult
        The new run.
    comparison : dict or None
        Under another policy, its responses beside the run's; see
        `scenarios.paired.paired`.
    """

    identical: bool | None
    differing: tuple[str, ...]
    run: RunResult
    comparison: dict[str, Any] | None = None


def replay(
    run_folder: Path,
    policy: str | None = None,
    scenario: str | None = None,
    out: Path | None = None,
    *,
    workers: int = 1,
    progress: bool = False,
) -> ReplayResult:
    """Decide anew on the incidents that a run recorded.

    Parameters
    ----------
    run_folder : Path
        A folder written by `scenarios.runs.simulate`.
    policy : str, optional
        Another policy; without it the run's own, and the bytes are compared.
    scenario : str, optional
        Where the scenario is now, if it was moved.
    out : Path, optional
        Folder for the new run, another than the old one's.
    workers : int
        Processes.
    progress : bool
        Show a bar on a terminal.

    Returns
    -------
    ReplayResult
        The new run, and whether it is the old one.

    Raises
    ------
    InputError
        The folder is no run or is damaged, the scenario is another one than was
        simulated, or the policy is unknown.
    """
    manifest = manifest_of(run_folder)
    city = _scenario(run_folder, manifest, scenario)
    city = choosing(city, manifest.get("hospital_policy"))
    recorded = manifest["policy"]
    named = load_policy(policy or recorded["source"] or recorded["id"])
    original = named.id == recorded["id"] and named.sha256 == recorded["sha256"]
    if policy is None and not original:
        raise InputError(
            f"the file of {recorded['id']} is not the one that the run was made with",
            field="policy",
            fix="restore it, or name it with --policy to replay under what it is now",
        )
    _check_files(run_folder, manifest, intact=not original)
    incidents = read_incidents(run_folder / INCIDENTS_FILE, manifest["replications"], Names(city))
    if city.incidents is not None:
        incidents = [city.incidents]  # those of the run are rounded
    if out is not None and out.resolve() == run_folder.resolve():
        raise InputError(f"{out} is the run itself", field="--out", fix="name another folder")
    before = read_frame(run_folder / INCIDENTS_FILE)
    options: dict[str, Any] = {"seed": manifest["seed"], "workers": workers, "progress": progress}
    tables = build_tables(city, movable=named.moves)
    with TemporaryDirectory() if out is None else staged_folder(out, MARKER) as folder:
        own = run_folder / SCENARIO
        if (own / DESCRIPTOR).is_file() and manifest["scenario"]["location"] == SCENARIO:
            copytree(own, Path(folder) / SCENARIO)
            city = replace(city, location=SCENARIO)
        again = run(city, tables, named, incidents, folder=Path(folder), **options)
        differing = tuple(
            name for name in REPEATABLE if not _same_bytes(run_folder / name, Path(folder) / name)
        )
    return ReplayResult(
        identical=not differing if original else None,
        differing=differing if original else (),
        run=replace(again, folder=out),
        comparison=None if original else paired(again.observations, before, recorded["id"]),
    )


def manifest_of(folder: Path) -> dict[str, Any]:
    """Read a run's manifest, all fields that a replay needs checked.

    Parameters
    ----------
    folder : Path
        A run.

    Returns
    -------
    dict
        The content of ``manifest.json``.

    Raises
    ------
    InputError
        It is no run, or damaged.
    """
    path = folder / MARKER
    try:
        manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        known = (
            manifest["kind"] == "run"
            and manifest["schema_version"] == 1
            and all(isinstance(manifest["scenario"][key], str) for key in ("hash", "location"))
            and all(isinstance(manifest["policy"][key], str) for key in ("id", "source"))
            and all(isinstance(manifest["files"][name], str) for name in REPEATABLE)
            and isinstance(manifest.get("hospital_policy", ""), str)
            and isinstance(manifest["seed"], int)
            and isinstance(manifest["replications"], int)
            and manifest["replications"] >= 1
        )
    except OSError as error:
        raise InputError(
            f"{folder} is no run: it has no {MARKER}", fix="name a folder that simulate wrote"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is damaged ({error!r})", fix="simulate anew") from error
    if not known:
        raise InputError(f"{path} describes no run of this version", fix="simulate anew")
    return manifest


def _scenario(folder: Path, manifest: dict[str, Any], given: str | None) -> Scenario:
    recorded = manifest["scenario"]
    if given is None and not recorded["location"]:
        raise InputError(
            f"{folder} was made of a scenario that was not saved",
            field="--scenario",
            fix="name its folder",
        )
    location = recorded["location"]
    if location == SCENARIO and (folder / location / DESCRIPTOR).is_file():
        location = folder / location  # a recorded day brings its own
    city = load_scenario(given or location)
    if not city.hash or city.hash != recorded["hash"]:
        raise InputError(
            f"{folder} was made of the scenario with hash {recorded['hash'][:12]}..., but "
            f"{given or recorded['location']} has {city.hash[:12]}...",
            field="--scenario",
            fix="name the scenario as it was then, or simulate anew",
        )
    return city


def _check_files(folder: Path, manifest: dict[str, Any], *, intact: bool) -> None:
    """Refuse a run with files missing or, where nothing else would show it, with changed incidents.

    Under the run's own policy a change shows: other bytes come out.
    """
    for name in REPEATABLE:
        if not (folder / name).is_file():
            raise InputError(f"{folder} has no {name}", fix="simulate anew")
    if intact and digest(folder / INCIDENTS_FILE) != manifest["files"][INCIDENTS_FILE]:
        raise InputError(
            f"{folder / INCIDENTS_FILE} was changed since it was written", fix="simulate anew"
        )


def _same_bytes(one: Path, other: Path) -> bool:
    return one.read_bytes() == other.read_bytes()
