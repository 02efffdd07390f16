"""What is the case: units, incidents, closures, hospitals, and what was shown to whom."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from engine.fleet import FREE_AT_STATION

if TYPE_CHECKING:
    from collections.abc import Mapping

FORM: Final = 1
"""Version of the form of `World.to_json`."""


class Position(NamedTuple):
    """Where a unit said it was.

    Parameters
    ----------
    lon, lat : float
        Degrees, WGS84.
    observed_ms : int
        When, by the clock of who reported it; never later than `received_ms`.
    received_ms : int
        When that was received.
    ahead_ms : int
        By how much the reporter's clock was ahead of ours; 0 if it was not.
    lag_ms : int
        The least time from observation to receipt that this reporter ever had: what
        its clock is behind, or the way of its reports.
    """

    lon: float
    lat: float
    observed_ms: int
    received_ms: int
    ahead_ms: int = 0
    lag_ms: int = 0

    def age_ms(self, now_ms: int) -> int:
        """Return how old it is, the reporter's clock set right.

        Parameters
        ----------
        now_ms : int
            Now.

        Returns
        -------
        int
            Milliseconds, 0 or more.
        """
        return max(now_ms - self.observed_ms - self.lag_ms, 0)


@dataclass(frozen=True, slots=True)
class UnitNow:
    """A unit.

    Parameters
    ----------
    id, type, station : str
        Its names; where it belongs.
    capabilities : tuple of str or None
        What it can do now; None: what its type can.
    status : int
        In force: a request to speak does not change it.
    reported : int
        As it was last reported.
    status_ms : int
        When, the reporter's clock set right, never later than it was received.
    lag_ms : int or None
        The least time that its reports ever took: what its reporter's clock is behind,
        or their way. None before the first one.
    incident : str or None
        What it was sent to.
    heading : str or None
        The station that it is to move to.
    shifts : tuple of pairs of int or None
        When it has a crew, in milliseconds since 1970; None: always.
    version : int
        Grows with each change but those of its position.
    """

    id: str
    type: str
    station: str
    capabilities: tuple[str, ...] | None = None
    status: int = FREE_AT_STATION
    reported: int = FREE_AT_STATION
    status_ms: int = 0
    lag_ms: int | None = None
    incident: str | None = None
    heading: str | None = None
    shifts: tuple[tuple[int, int], ...] | None = None
    version: int = 1

    def on_duty(self, now_ms: int) -> bool:
        """Tell whether it has a crew.

        Parameters
        ----------
        now_ms : int
            Now.

        Returns
        -------
        bool
            True without shifts.
        """
        return self.shifts is None or any(start <= now_ms < end for start, end in self.shifts)


@dataclass(frozen=True, slots=True)
class IncidentNow:
    """An incident.

    Parameters
    ----------
    id : str
        Its name.
    lon, lat : float
        Degrees, WGS84.
    priority : str
        A priority of the scenario.
    called_ms : int
        When the call was answered.
    type : str or None
        A type of incident of the scenario.
    needs : tuple of str or None
        What one unit must be able to do; None: as its priority or type says.
    state : str
        ``waiting`` (nobody was sent, or nobody who was is still on the way),
        ``underway``, ``served`` (all who were there have left) or ``closed``.
    units : tuple of str
        Units that were sent and have not left.
    reached : bool
        Whether a unit has been on scene.
    version : int
        Grows with each change.
    """

    id: str
    lon: float
    lat: float
    priority: str
    called_ms: int
    type: str | None = None
    needs: tuple[str, ...] | None = None
    state: str = "waiting"
    units: tuple[str, ...] = ()
    reached: bool = False
    version: int = 1


@dataclass(frozen=True, slots=True)
class ClosureNow:
    """A closed or slow piece of the roads.

    Parameters
    ----------
    id : str
        Its name.
    geometry : mapping
        GeoJSON, a LineString or a Polygon.
    from_ms, to_ms : int or None
        When it holds; None: from ever, for ever.
    factor : float or None
        What drive times are multiplied with; None: closed.
    version : int
        Grows with each change.
    """

    id: str
    geometry: Mapping[str, Any]
    from_ms: int | None = None
    to_ms: int | None = None
    factor: float | None = None
    version: int = 1

    def holds(self, now_ms: int) -> bool:
        """Tell whether it holds at a moment.

        Parameters
        ----------
        now_ms : int
            The moment.

        Returns
        -------
        bool
            True from `from_ms` on, until `to_ms`.
        """
        begun = self.from_ms is None or self.from_ms <= now_ms
        return begun and (self.to_ms is None or now_ms < self.to_ms)


@dataclass(frozen=True, slots=True)
class HospitalNow:
    """The state of a hospital.

    Parameters
    ----------
    id : str
        Its row in the scenario.
    state : str
        ``open``, ``full`` (emergencies only) or ``closed``.
    version : int
        Grows with each change.
    """

    id: str
    state: str = "open"
    version: int = 1


@dataclass(frozen=True, slots=True)
class Shown:
    """What was shown to somebody who decides.

    Parameters
    ----------
    subject : str
        The incident; empty for a proposal of moves.
    choice : tuple of str
        Units recommended first; for a proposal, units and stations in turn.
    """

    subject: str
    choice: tuple[str, ...]


@dataclass(frozen=True)
class World:
    """All that is the case after a record. Never changed: `Draft` makes the next one.

    Parameters
    ----------
    seq, at_ms : int
        That record, and when it was received.
    scenario : str
        Hash of the scenario that is served.
    units, positions, incidents, closed, closures, hospitals, shown : dict
        By name.
    """

    seq: int = 0
    at_ms: int = 0
    scenario: str = ""
    units: dict[str, UnitNow] = field(default_factory=dict)
    positions: dict[str, Position] = field(default_factory=dict)
    incidents: dict[str, IncidentNow] = field(default_factory=dict)
    closed: dict[str, IncidentNow] = field(default_factory=dict)
    closures: dict[str, ClosureNow] = field(default_factory=dict)
    hospitals: dict[str, HospitalNow] = field(default_factory=dict)
    shown: dict[str, Shown] = field(default_factory=dict)

    def incident(self, name: str) -> IncidentNow | None:
        """Return an incident, open or lately closed.

        Parameters
        ----------
        name : str
            Its name.

        Returns
        -------
        IncidentNow or None
            None where there is none.
        """
        return self.incidents.get(name) or self.closed.get(name)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON can carry it.

        Returns
        -------
        dict
            For `from_json`; of the form `FORM`.
        """
        tables = {
            name: {key: _plain(value) for key, value in getattr(self, name).items()}
            for name in _ROWS
        }
        return {"seq": self.seq, "at_ms": self.at_ms, "scenario": self.scenario, **tables}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> World:
        """Make it from what `to_json` returned.

        Parameters
        ----------
        document : mapping
            JSON.

        Returns
        -------
        World
            The same.
        """
        tables: dict[str, Any] = {
            name: {key: _made(row, value) for key, value in document[name].items()}
            for name, row in _ROWS.items()
        }
        head = {name: document[name] for name in ("seq", "at_ms", "scenario")}
        return cls(**head, **tables)


_ROWS: Final[dict[str, type[Any]]] = {
    "units": UnitNow,
    "positions": Position,
    "incidents": IncidentNow,
    "closed": IncidentNow,
    "closures": ClosureNow,
    "hospitals": HospitalNow,
    "shown": Shown,
}


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, Position) else asdict(value)


def _made(row: type[Any], value: Any) -> Any:
    if row is Position:
        return Position(*value)
    return row(**{name: frozen(each) for name, each in value.items()})


def frozen(value: Any) -> Any:
    """Make tuples of the lists of JSON.

    Parameters
    ----------
    value : object
        What JSON carried.

    Returns
    -------
    object
        The same, as the state has it.
    """
    return tuple(frozen(each) for each in value) if isinstance(value, list) else value
