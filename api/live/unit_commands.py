"""What may happen to a unit: it is there, reports, and moves."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from api.live.commands import REASONS, RefusedError, unit_of
from api.live.records import Entry
from engine.fleet import FMS

if TYPE_CHECKING:
    from collections.abc import Collection

    from api.live.draft import Draft
    from api.live.world import UnitNow


@dataclass(frozen=True)
class Start:
    """The service begins with a scenario; its units are there from then on.

    Parameters
    ----------
    scenario : str
        Its hash.
    units : tuple of tuples of str
        Name, type and station of each unit of the scenario.
    stations : collection of str
        Its stations; who belongs to another one goes where the scenario has it.
    """

    scenario: str
    units: tuple[tuple[str, str, str], ...]
    stations: Collection[str] = ()

    def decide(self, draft: Draft, _: int) -> Entry | None:  # numpydoc ignore=PR01,RT01
        """Return what is to be written; see `Command`."""
        new = [
            [name, kind, station]
            for name, kind, station in self.units
            if name not in draft.units
            or (draft.scenario != self.scenario and self._another(draft.units[name], kind))
        ]
        if draft.scenario == self.scenario and not new:
            return None
        return Entry("started", {"scenario": self.scenario, "units": new})

    def _another(self, known: UnitNow, kind: str) -> bool:
        nowhere = bool(self.stations) and known.station not in self.stations
        return known.type != kind or nowhere


@dataclass(frozen=True)
class SetUnit:
    """A unit is there, out of service at first, or is another than before.

    Parameters
    ----------
    unit, type, station : str
        Its names; where it belongs.
    capabilities : tuple of str or None
        What it can do; None: what its type can.
    version : int or None
        As the caller saw it; None: it is new.
    """

    unit: str
    type: str
    station: str
    capabilities: tuple[str, ...] | None
    version: int | None

    def decide(self, draft: Draft, _: int) -> Entry:  # numpydoc ignore=PR01,RT01
        """Return what is to be written; see `Command`."""
        known = draft.units.get(self.unit)
        if known is not None:
            if self.version is None:
                raise RefusedError(
                    f"there is a unit {self.unit} already",
                    field="version",
                    fix="give the version that you want to change",
                    units=[known],
                )
            unit_of(draft, self.unit, self.version)
        elif self.version is not None:
            unit_of(draft, self.unit)
        body = {
            "unit": self.unit,
            "type": self.type,
            "station": self.station,
            "capabilities": None if self.capabilities is None else list(self.capabilities),
            "version": 1 if known is None else known.version + 1,
        }
        return Entry("unit_set", body, f"unit:{self.unit}")


@dataclass(frozen=True)
class SetShifts:
    """A unit has a crew at these times.

    Parameters
    ----------
    unit : str
        Its name.
    shifts : tuple of pairs of int or None
        Milliseconds since 1970; None: always.
    version : int
        As the caller saw it.
    """

    unit: str
    shifts: tuple[tuple[int, int], ...] | None
    version: int

    def decide(self, draft: Draft, _: int) -> Entry:  # numpydoc ignore=PR01,RT01
        """Return what is to be written; see `Command`."""
        known = unit_of(draft, self.unit, self.version)
        shifts = None if self.shifts is None else [list(each) for each in self.shifts]
        body = {"unit": self.unit, "shifts": shifts, "version": known.version + 1}
        return Entry("shifts_set", body, f"unit:{self.unit}")


@dataclass(frozen=True)
class ReportStatus:
    """A unit reports its status.

    Parameters
    ----------
    unit : str
        Its name.
    status : int
        FMS code.
    observed_ms : int or None
        When, by the reporter's clock; None: now.
    """

    unit: str
    status: int
    observed_ms: int | None

    def decide(self, draft: Draft, now_ms: int) -> Entry | None:  # numpydoc ignore=PR01,RT01
        """Return what is to be written; see `Command`."""
        known = unit_of(draft, self.unit)
        effective, lag = now_ms, known.lag_ms
        if self.observed_ms is not None:
            # a clock that is behind must not make each report seem older than the alarm
            took = max(now_ms - self.observed_ms, 0)
            lag = took if lag is None else min(took, lag)
            effective = min(self.observed_ms + lag, now_ms)
            if effective < known.status_ms:
                return None  # overtaken by a later one
            if self.status == known.reported and effective == known.status_ms:
                return None
        body = {
            "unit": self.unit,
            "status": self.status,
            "observed_ms": now_ms if self.observed_ms is None else self.observed_ms,
            "effective_ms": effective,
            "lag_ms": lag,
            "incident": known.incident,
            "version": known.version + 1,
        }
        return Entry("status", body, f"unit:{self.unit}")


@dataclass(frozen=True)
class ReportPositions:
    """Units report where they are; what is late or repeated is left out.

    Parameters
    ----------
    reports : tuple of tuples
        Unit, lon, lat, and when by the reporter's clock in milliseconds or None for now.
    """

    reports: tuple[tuple[str, float, float, int | None], ...]

    def decide(self, draft: Draft, now_ms: int) -> Entry | None:  # numpydoc ignore=PR01,RT01
        """Return what is to be written; see `Command`."""
        newest: dict[str, int] = {}
        taken: list[list[Any]] = []
        ignored: list[list[str]] = []
        for unit, lon, lat, stamp in self.reports:
            if unit not in draft.units:
                ignored.append([unit, "unknown"])
                continue
            observed = now_ms if stamp is None else stamp
            effective = min(observed, now_ms)
            known = draft.positions.get(unit)
            last = newest.get(unit, -1 if known is None else known.observed_ms)
            if stamp is not None and effective <= last:
                ignored.append([unit, "late"])
                continue
            newest[unit] = effective
            taken.append([unit, lon, lat, observed])
        return Entry("positions", {"taken": taken, "ignored": ignored}) if taken else None

    def ignored(self, units: Collection[str]) -> list[list[str]]:
        """Tell why nothing was to be written.

        Parameters
        ----------
        units : collection of str
            All there are.

        Returns
        -------
        list of pairs of str
            Unit and cause.
        """
        return [[unit, "late" if unit in units else "unknown"] for unit, *_ in self.reports]


@dataclass(frozen=True)
class NoteProposal:
    """Somebody was shown which units should move.

    Parameters
    ----------
    policy : str
        Which rule proposed.
    moves : tuple of tuples of str
        Unit, from, to.
    degraded : str or None
        Why the answer is a makeshift one.
    seq : int
        The state that it was made from.
    """

    policy: str
    moves: tuple[tuple[str, str, str], ...]
    degraded: str | None
    seq: int

    def decide(self, _: Draft, __: int) -> Entry:  # numpydoc ignore=PR01,RT01
        """Return what is to be written; see `Command`."""
        moves = [{"unit": unit, "from": here, "to": there} for unit, here, there in self.moves]
        body = {
            "policy": self.policy,
            "moves": moves,
            "degraded": self.degraded,
            "seq": self.seq,
        }
        return Entry("moves_proposed", body)


@dataclass(frozen=True)
class AcceptMove:
    """A free unit is to go to another station.

    Parameters
    ----------
    unit : str
        Its name.
    version : int
        As the dispatcher saw it.
    station : str
        Where to.
    proposal : str or None
        What the dispatcher was shown.
    reason : str or None
        Why it moves though nobody proposed it.
    """

    unit: str
    version: int
    station: str
    proposal: str | None
    reason: str | None

    def decide(self, draft: Draft, _: int) -> Entry:  # numpydoc ignore=PR01,RT01
        """Return what is to be written; see `Command`."""
        known = unit_of(draft, self.unit, self.version)
        if known.incident is not None or not FMS[known.status].free:
            raise RefusedError(f"unit {known.id} is not free", field="unit", units=[known])
        if known.station == self.station and known.heading is None:
            raise RefusedError(
                f"unit {known.id} belongs to {self.station} already",
                field="station",
                units=[known],
            )
        accepted = False
        if self.proposal is not None:
            shown = draft.shown.get(self.proposal)
            if shown is None or shown.subject:
                raise RefusedError(
                    f"no proposal {self.proposal!r} was shown",
                    status=HTTPStatus.UNPROCESSABLE_ENTITY,
                    field="proposal",
                    fix="ask for one, or leave it out and give a reason",
                )
            pairs = zip(shown.choice[::2], shown.choice[1::2], strict=True)
            accepted = (self.unit, self.station) in pairs
        if not accepted and self.reason is None:
            raise RefusedError(
                "a move that was not proposed needs a reason",
                status=HTTPStatus.UNPROCESSABLE_ENTITY,
                field="reason",
                fix=f"one of {', '.join(REASONS)}",
            )
        body = {**asdict(self), "accepted": accepted, "version": known.version + 1}
        return Entry("move_accepted", body, f"unit:{known.id}")


@dataclass(frozen=True)
class DeclineMoves:
    """A proposal of moves is turned down.

    Parameters
    ----------
    proposal : str
        Which.
    reason : str
        Why.
    """

    proposal: str
    reason: str

    def decide(self, draft: Draft, _: int) -> Entry:  # numpydoc ignore=PR01,RT01
        """Return what is to be written; see `Command`."""
        shown = draft.shown.get(self.proposal)
        if shown is None or shown.subject:
            raise RefusedError(
                f"no proposal {self.proposal!r} was shown", status=HTTPStatus.NOT_FOUND
            )
        return Entry("moves_declined", asdict(self))
