"""Finished replications kept aside, so that a run that was killed need not begin anew."""

from __future__ import annotations

import io
import json
import zipfile
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from routing.errors import InputError
from scenarios.cluster import fingerprint
from scenarios.folders import write_atomically
from scenarios.hospitals import choice_of
from scenarios.simulation.run import Outcome

if TYPE_CHECKING:
    from pathlib import Path

    from scenarios.demand import IncidentTable
    from scenarios.package import Scenario
    from scenarios.policies import NamedPolicy

FIELD: Final = "--checkpoint"
MARKER: Final = "checkpoint.json"
"""The file that says of what the folder holds replications."""

_ARRAYS: Final = ("legs", "missing", "log")


class Checkpoint:
    """A folder with the outcome of each replication that was finished.

    Each appears whole or not at all. The folder is left when the run is complete: a
    run of more replications takes those that are there.

    Parameters
    ----------
    folder : Path
        The folder; made where it does not exist.
    scenario : Scenario
        What is simulated; it must have been saved.
    policy : NamedPolicy
        Who is sent.
    seed : int
        Which incidents.

    Raises
    ------
    InputError
        The folder holds replications of something else, or something else, or cannot
        be written; the scenario has no hash, or the policy nothing to be known by.
    """

    def __init__(self, folder: Path, scenario: Scenario, policy: NamedPolicy, seed: int) -> None:
        self._folder = folder
        if not scenario.hash or not policy.source:
            raise InputError(
                "only a saved scenario under a policy with a name can be resumed", field=FIELD
            )
        key = {
            "schema_version": 1,
            "scenario": scenario.hash,
            "policy": [policy.id, policy.sha256, policy.parameters],
            **choice_of(scenario),
            "seed": seed,
            "made_by": fingerprint(),
        }
        ours = (json.dumps(key, indent=2, sort_keys=True) + "\n").encode()
        marker = folder / MARKER
        if marker.is_file():
            self._refuse_others(json.loads(ours), marker)
        elif folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise InputError(
                f"{folder} exists and is no checkpoint", field=FIELD, fix="name another folder"
            )
        else:
            write_atomically(marker, ours)

    def _refuse_others(self, ours: dict[str, Any], marker: Path) -> None:
        try:
            theirs = json.loads(marker.read_bytes())
        except (OSError, ValueError) as error:
            raise InputError(
                f"{marker} is damaged", field=FIELD, fix=f"remove {self._folder}"
            ) from error
        if not isinstance(theirs, dict):
            theirs = {}
        for name in (*ours, *theirs):
            if theirs.get(name) != ours.get(name):
                raise InputError(
                    f"{self._folder} holds replications of another {name.replace('_', ' ')}",
                    field=FIELD,
                    fix="name another folder, or remove it",
                )

    def _path(self, replication: int) -> Path:
        return self._folder / f"replication-{replication:06}.npz"

    def has(self, replication: int) -> bool:
        """Tell whether a replication was finished.

        Parameters
        ----------
        replication : int
            Its number.

        Returns
        -------
        bool
            True where it is there.
        """
        return self._path(replication).is_file()

    def read(self, replication: int, incidents: IncidentTable) -> Outcome:
        """Read a replication that was finished.

        Parameters
        ----------
        replication : int
            Its number.
        incidents : IncidentTable
            Its incidents.

        Returns
        -------
        Outcome
            As it was written.

        Raises
        ------
        InputError
            The file is damaged.
        """
        path = self._path(replication)
        try:
            with np.load(io.BytesIO(path.read_bytes())) as held:
                legs, missing, log = (held[name] for name in _ARRAYS)
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise InputError(f"{path} is damaged", field=FIELD, fix="remove it") from error
        if len(missing) != incidents.size:
            raise InputError(f"{path} is of other incidents", field=FIELD, fix="remove it")
        return Outcome(incidents, legs, missing, log)

    def write(self, replication: int, outcome: Outcome) -> None:
        """Keep a replication.

        Parameters
        ----------
        replication : int
            Its number.
        outcome : Outcome
            What came out.

        Raises
        ------
        InputError
            The folder cannot be written.
        """
        buffer = io.BytesIO()
        np.savez(buffer, legs=outcome.legs, missing=outcome.missing, log=outcome.log)
        write_atomically(self._path(replication), buffer.getvalue())
