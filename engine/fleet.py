"""Status codes of units: what each one means for dispatch, as data."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np

from routing.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

_CODES: Final = 128


@dataclass(frozen=True)
class Status:
    """One status that a unit can report.

    Parameters
    ----------
    code : int
        The digit on the radio, 0 to 127.
    name : str
        What it means, for people.
    free : bool
        The unit can be sent.
    at_station : bool
        The crew is in the station, so that it turns out before it drives.
    request : bool
        The crew wants to speak: the status before it stays in force.
    """

    code: int
    name: str
    free: bool = False
    at_station: bool = False
    request: bool = False


@dataclass(frozen=True)
class StatusTable:
    """The status codes of a country.

    Parameters
    ----------
    name : str
        Whose codes these are.
    statuses : tuple of Status
        The codes.
    """

    name: str
    statuses: tuple[Status, ...]

    @cached_property
    def _by_code(self) -> dict[int, Status]:
        return {status.code: status for status in self.statuses}

    @cached_property
    def _free(self) -> NDArray[np.bool_]:
        return self._mask("free")

    @cached_property
    def _at_station(self) -> NDArray[np.bool_]:
        return self._mask("at_station")

    @cached_property
    def _known(self) -> NDArray[np.bool_]:
        mask = np.zeros(_CODES, dtype=np.bool_)
        mask[list(self._by_code)] = True
        return mask

    def _mask(self, field: str) -> NDArray[np.bool_]:
        mask = np.zeros(_CODES, dtype=np.bool_)
        for status in self.statuses:
            mask[status.code] = getattr(status, field)
        return mask

    def __getitem__(self, code: int) -> Status:
        """Return the status of a code."""
        return self._by_code[code]

    def checked(self, codes: ArrayLike) -> NDArray[np.int8]:
        """Return status codes as an array, all of them known.

        Parameters
        ----------
        codes : array_like of int, shape (units,)
            Status of each unit.

        Returns
        -------
        ndarray of int8, shape (units,)
            The same.

        Raises
        ------
        InputError
            A code is not in the table.
        """
        given = np.asarray(codes, dtype=np.int64).reshape(-1)
        unknown = np.flatnonzero((given < 0) | (given >= _CODES) | ~self._known[given % _CODES])
        if len(unknown):
            first = unknown[0]
            raise InputError(
                f"unit {first} has status {given[first]}, which {self.name} does not know",
                field="status",
                fix=f"known: {', '.join(f'{s.code} {s.name}' for s in self.statuses)}",
            )
        return given.astype(np.int8)

    def free(self, codes: NDArray[np.int8]) -> NDArray[np.bool_]:
        """Tell which units can be sent.

        Parameters
        ----------
        codes : ndarray of int8, shape (units,)
            Status of each unit; requests to speak count as not free, since they say
            nothing: see `in_force`.

        Returns
        -------
        ndarray of bool, shape (units,)
            True where the unit is free.
        """
        return self._free[codes]

    def at_station(self, codes: NDArray[np.int8]) -> NDArray[np.bool_]:
        """Tell which units must turn out before they drive.

        Parameters
        ----------
        codes : ndarray of int8, shape (units,)
            Status of each unit.

        Returns
        -------
        ndarray of bool, shape (units,)
            True where the crew is in its station.
        """
        return self._at_station[codes]

    def in_force(self, reported: int, before: int) -> int:
        """Return the status that counts after a report.

        Parameters
        ----------
        reported : int
            The code that was just reported.
        before : int
            The code that was in force.

        Returns
        -------
        int
            `before` where the report only asks to speak, else `reported`.
        """
        return before if self._by_code[reported].request else reported


FREE_ON_RADIO: Final = 1
FREE_AT_STATION: Final = 2
RESPONDING: Final = 3
ON_SCENE: Final = 4
PATIENT_ABOARD: Final = 7
OUT_OF_SERVICE: Final = 6
AT_DESTINATION: Final = 8

FMS: Final = StatusTable(
    "FMS",
    (
        Status(0, "priority speech request", request=True),
        Status(FREE_ON_RADIO, "free on radio", free=True),
        Status(FREE_AT_STATION, "free at station", free=True, at_station=True),
        Status(RESPONDING, "responding"),
        Status(ON_SCENE, "on scene"),
        Status(5, "speech request", request=True),
        Status(OUT_OF_SERVICE, "out of service"),
        Status(PATIENT_ABOARD, "patient aboard"),
        Status(AT_DESTINATION, "at destination"),
        Status(9, "differs by Land"),
    ),
)
"""German radio status codes (Funkmeldesystem); 9 is not standardised, so nobody is sent on it."""
