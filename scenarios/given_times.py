"""Driving times that are given arc by arc, in place of speeds by class of road."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from routing.errors import InputError
from routing.speeds import PROFILES, SpeedTable

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from routing.network import RoadNetwork

FOLDER: Final = "arc_times"
"""Where a scenario's package keeps them."""


@dataclass(frozen=True)
class GivenTimes(SpeedTable):
    """A speed table whose times on one network are given.

    They hold at every hour and for every vehicle; what the table says beside, such as what
    turns cost and which closures bind whom, stays.

    Parameters
    ----------
    text : str
        The table, word for word.
    rules : Rules
        The same, read.
    siren_ms, normal_ms : ndarray of int32, shape (m,)
        Milliseconds on each arc of the network, 0 or more.
    """

    siren_ms: NDArray[np.int32]
    normal_ms: NDArray[np.int32]

    def arc_times_ms(
        self,
        network: RoadNetwork,
        profile: str,
        *,
        vehicle: str = "ambulance",
        hour: int | None = None,
    ) -> NDArray[np.int32]:
        """Return the driving time of each arc; see `SpeedTable.arc_times_ms`.

        Parameters
        ----------
        network : RoadNetwork
            The network whose times are given.
        profile : str
            One of `routing.speeds.PROFILES`.
        vehicle : str
            One of `vehicles`.
        hour : int, optional
            Local hour; of no effect.

        Returns
        -------
        ndarray of int32, shape (m,)
            Milliseconds.

        Raises
        ------
        InputError
            The profile, vehicle or hour is unknown, or the network is another one.
        """
        self.way_kmh(network, profile, vehicle=vehicle, hour=hour)
        given = self.siren_ms if profile == "siren" else self.normal_ms
        if len(given) != network.n_arcs:
            raise InputError(
                f"{len(given)} driving times are given for {network.n_arcs} arcs", field=FOLDER
            )
        return given

    def save(self, folder: Path) -> None:
        """Write the times.

        Parameters
        ----------
        folder : Path
            An empty folder.
        """
        for profile in PROFILES:
            np.save(folder / f"{profile}_ms.npy", getattr(self, f"{profile}_ms"))


def file_names() -> tuple[str, ...]:
    """List the files of a package's folder.

    Returns
    -------
    tuple of str
        Their names.
    """
    return tuple(f"{profile}_ms.npy" for profile in PROFILES)


def with_given_times(speeds: SpeedTable, folder: Path) -> SpeedTable:
    """Read given times where a package has them.

    Parameters
    ----------
    speeds : SpeedTable
        The table.
    folder : Path
        The package's folder of them; it need not exist.

    Returns
    -------
    SpeedTable
        The table, with the times if there are any.

    Raises
    ------
    InputError
        A file is missing or holds no times.
    """
    if not folder.is_dir():
        return speeds
    found = {}
    for profile in PROFILES:
        path = folder / f"{profile}_ms.npy"
        try:
            values = np.load(path)
        except (OSError, ValueError) as error:
            raise InputError(f"cannot read {path} ({error})", fix="build the city anew") from error
        if values.dtype != np.int32 or values.ndim != 1 or (values < 0).any():
            raise InputError(
                f"{path} holds no times (int32, 0 or more, one an arc)", fix="build the city anew"
            )
        found[f"{profile}_ms"] = values
    return GivenTimes(speeds.text, speeds.rules, **found)
