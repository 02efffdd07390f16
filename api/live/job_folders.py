"""What jobs leave on disk: a folder for each, and the scenarios that they began with."""

from __future__ import annotations

import shutil
from threading import Lock
from typing import TYPE_CHECKING

from api.live.job_commands import ASKED, CHECKPOINT, FILES, PLANNED, RESULT, arguments
from api.live.job_run import PRINTED
from api.live.job_schemas import PlannedBy, ReplayJob
from routing.errors import InputError
from scenarios.packaging import keep_scenario

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from api.live.job_commands import Asked
    from api.live.job_schemas import FileName, Scenario
    from api.live.job_store import Job
    from scenarios.package import Scenario as City


class JobFolders:
    """The folders of jobs.

    Parameters
    ----------
    root : Path
        Where they are.
    city : Scenario
        What is served.
    found : callable
        Finds a job by its number.
    """

    def __init__(self, root: Path, city: City, found: Callable[[int], Job]) -> None:
        self._root = root
        self._city = city
        self._found = found
        self._keeping = Lock()

    def place(self, number: int) -> Path:
        """Tell where a job works.

        Parameters
        ----------
        number : int
            Its number.

        Returns
        -------
        Path
            Its folder, which may not exist.
        """
        return self._root / f"J{number}"

    def document(self, job: Job) -> Path | None:
        """Tell where the result of a job is, as the command line prints it.

        Parameters
        ----------
        job : Job
            The job.

        Returns
        -------
        Path or None
            JSON; None where there is no result.
        """
        if job.deleted_ms is not None or job.state not in ("done", "cancelled"):
            return None
        place = self.place(job.number)
        return place / PRINTED if (place / RESULT).is_dir() else None

    def files(self, job: Job) -> dict[FileName, Path]:
        """Tell which files of its result can be read.

        Parameters
        ----------
        job : Job
            The job.

        Returns
        -------
        dict of str to Path
            By name; none where there is no result.
        """
        if self.document(job) is None:
            return {}
        result = self.place(job.number) / RESULT
        return {name: result / name for name in FILES[job.kind] if (result / name).is_file()}

    def prepare(self, job: Job) -> Path:
        """Make the folder that a job begins in, with nothing but what it can go on from.

        The scenario is kept as it is served, since its own folder may be changed at any
        time.

        Parameters
        ----------
        job : Job
            The job.

        Returns
        -------
        Path
            Its folder.

        Raises
        ------
        InputError
            It was asked for when another scenario was served, which nobody kept.
        """
        place = self.place(job.number)
        place.mkdir(parents=True, exist_ok=True)
        for each in place.iterdir():
            if each.is_file():
                each.unlink()
            elif each.name != CHECKPOINT:
                shutil.rmtree(each)
        kept = place / self._kept(job.scenario)
        with self._keeping:
            if not kept.is_dir():
                if job.scenario != self._city.hash:
                    raise InputError("another scenario is served now", fix="ask again")
                keep_scenario(self._city, kept.resolve())
        return place

    def forget_checkpoint(self, number: int) -> None:
        """Remove what a job could go on from.

        Parameters
        ----------
        number : int
            Its number.
        """
        shutil.rmtree(self.place(number) / CHECKPOINT, ignore_errors=True)

    def remove(self, number: int) -> None:
        """Remove all that a job left.

        Parameters
        ----------
        number : int
            Its number.
        """
        shutil.rmtree(self.place(number), ignore_errors=True)

    def arguments(self, asked: Asked, scenario: str, cluster: str | None) -> list[str]:
        """Write a job as a command line, to be run in its folder.

        Parameters
        ----------
        asked : PlanJob, SimulateJob, CompareJob or ReplayJob
            The job.
        scenario : str
            Hash of the scenario that was served when it was asked for.
        cluster : str or None
            Address of a Dask scheduler.

        Returns
        -------
        list of str
            What follows ``bluelight``.

        Raises
        ------
        InputError
            What it goes on from is not there.
        """

        def _folder_of(which: Scenario) -> str:
            if not isinstance(which, PlannedBy):
                return self._kept(scenario)
            if not (self._root / which.job / PLANNED).is_dir():
                raise InputError(
                    f"{which.job} left no scenario",
                    field="scenario",
                    fix="name a job that made one plan and was not deleted",
                )
            return f"../{which.job}/{PLANNED}"

        run = None
        if isinstance(asked, ReplayJob):
            run = f"../{asked.job}/{RESULT}", self._scenario_of(asked.job)
        return arguments(asked, _folder_of, run, cluster)

    def _scenario_of(self, named: str) -> str:
        """Tell where the scenario of a run is."""
        job = self._found(int(named[1:]))
        asked = ASKED.validate_json(job.asked)
        if isinstance(asked, ReplayJob):
            return self._scenario_of(asked.job)
        return self.arguments(asked, job.scenario, None)[1]

    def _kept(self, scenario: str) -> str:
        return f"../scenarios/{scenario or 'unsaved'}"
