"""What people and systems may do: from the state to a record, or to a refusal.

Pure: each command is asked with the draft that it would change and the time of receipt,
and says what is to be written. What a name means in the scenario is checked before.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, Protocol

from api.live.records import Entry
from engine.fleet import FMS, FREE_ON_RADIO

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from api.live.world import Draft, IncidentNow, UnitNow


class RefusedError(Exception):
    """A command that cannot be carried out as things are.

    Parameters
    ----------
    message : str
        Why.
    status : HTTPStatus
        409 where the state is another than the caller took it to be.
    field : str
        JSON path of what is at fault.
    fix : str
        What to do.
    units, incidents : sequence
        How they are now.
    """

    def __init__(
        self,
        message: str,
        *,
        status: HTTPStatus = HTTPStatus.CONFLICT,
        field: str = "",
        fix: str = "",
        units: Sequence[UnitNow] = (),
        incidents: Sequence[IncidentNow] = (),
    ) -> None:
        self.message = message
        self.status = status
        self.field = field
        self.fix = fix
        self.units = list(units)
        self.incidents = list(incidents)
        super().__init__(message)


class Command(Protocol):
    """Something that is to happen."""

    def decide(self, draft: Draft, now_ms: int) -> Entry | None:
        """Return what is to be written.

        Parameters
        ----------
        draft : Draft
            The state; not to be changed.
        now_ms : int
            Time of receipt.

        Returns
        -------
        Entry or None
            None where nothing is: it has happened already.

        Raises
        ------
        RefusedError
            It cannot happen.
        """
        ...


def _unit(draft: Draft, name: str, version: int | None = None) -> UnitNow:
    try:
        unit = draft.units[name]
    except KeyError:
        raise RefusedError(
            f"there is no unit {name!r}", status=HTTPStatus.NOT_FOUND, fix="see GET /v1/units"
        ) from None
    if version is not None and version != unit.version:
        raise RefusedError(
            f"unit {name} has changed: you saw version {version}, now it is {unit.version}",
            field="version",
            fix="look at it as it is now, and decide again",
            units=[unit],
        )
    return unit


def _incident(draft: Draft, name: str, version: int | None = None) -> IncidentNow:
    found = draft.incidents.get(name)
    if found is None:
        closed = draft.closed.get(name)
        if closed is not None:
            raise RefusedError(f"incident {name} is closed", incidents=[closed])
        raise RefusedError(
            f"there is no open incident {name!r}",
            status=HTTPStatus.NOT_FOUND,
            fix="see GET /v1/incidents",
        )
    if version is not None and version != found.version:
        raise RefusedError(
            f"incident {name} has changed: you saw version {version}, now it is {found.version}",
            field="version",
            fix="look at it as it is now, and decide again",
            incidents=[found],
        )
    return found


@dataclass(frozen=True)
class Start:
    """The service begins with a scenario; its units are there from then on.

    Parameters
    ----------
    scenario : str
        Its hash.
    units : tuple of tuples of str
        Name, type and station of each unit of the scenario.
    """

    scenario: str
    units: tuple[tuple[str, str, str], ...]

    def decide(self, draft: Draft, _: int) -> Entry | None:  # numpydoc ignore=PR01,RT01
        """Return what is to be written; see `Command`."""
        new = [
            [name, kind, station]
            for name, kind, station in self.units
            if name not in draft.units
            or (draft.scenario != self.scenario and draft.units[name].type != kind)
        ]
        if draft.scenario == self.scenario and not new:
            return None
        return Entry("started", {"scenario": self.scenario, "units": new})


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
            _unit(draft, self.unit, self.version)
        elif self.version is not None:
            _unit(draft, self.unit)
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
        known = _unit(draft, self.unit, self.version)
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
        known = _unit(draft, self.unit)
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
class CreateIncident:
    """A call was answered.

    Parameters
    ----------
    incident : str or None
        Its name; None: one is made.
    lon, lat, priority, type, needs
        As of `api.live.world.IncidentNow`.
    called_ms : int or None
        When; None: now.
    """

    incident: str | None
    lon: float
    lat: float
    priority: str
    type: str | None
    needs: tuple[str, ...] | None
    called_ms: int | None

    def decide(self, draft: Draft, now_ms: int) -> Entry:  # numpydoc ignore=PR01,RT01
        """Return what is to be written; see `Command`."""
        name = self.incident or f"I{draft.seq + 1}"
        known = draft.incidents.get(name) or draft.closed.get(name)
        if known is not None:
            raise taken_name(name, [known])
        body = {
            "incident": name,
            "lon": self.lon,
            "lat": self.lat,
            "priority": self.priority,
            "type": self.type,
            "needs": None if self.needs is None else list(self.needs),
            "called_ms": now_ms if self.called_ms is None else min(self.called_ms, now_ms),
            "version": 1,
        }
        return Entry("incident_created", body, f"incident:{name}")


def taken_name(name: str, known: Sequence[IncidentNow] = ()) -> RefusedError:
    """Say that there was an incident of this name.

    Parameters
    ----------
    name : str
        The name.
    known : sequence of IncidentNow
        The incident, if it is known still.

    Returns
    -------
    RefusedError
        To be raised.
    """
    return RefusedError(
        f"there is or was an incident {name!r}",
        field="id",
        fix="give another name, or none; use an Idempotency-Key to repeat a request",
        incidents=known,
    )


@dataclass(frozen=True)
class UpdateIncident:
    """More is known of an incident.

    Parameters
    ----------
    incident : str
        Its name.
    version : int
        As the caller saw it.
    changes : tuple of pairs
        Fields of `api.live.world.IncidentNow` and their new values.
    """

    incident: str
    version: int
    changes: tuple[tuple[str, Any], ...]

    def decide(self, draft: Draft, _: int) -> Entry:  # numpydoc ignore=PR01,RT01
        """Return what is to be written; see `Command`."""
        known = _incident(draft, self.incident, self.version)
        body = {
            "incident": self.incident,
            "changes": dict(self.changes),
            "version": known.version + 1,
        }
        return Entry("incident_updated", body, f"incident:{self.incident}")


@dataclass(frozen=True)
class CloseIncident:
    """An incident is over.

    Parameters
    ----------
    incident : str
        Its name.
    version : int
        As the caller saw it.
    reason : str
        Why.
    """

    incident: str
    version: int
    reason: str

    def decide(self, draft: Draft, _: int) -> Entry:  # numpydoc ignore=PR01,RT01
        """Return what is to be written; see `Command`."""
        known = _incident(draft, self.incident, self.version)
        if known.units:
            raise RefusedError(
                f"incident {known.id} still has {', '.join(known.units)}",
                fix="release them first",
                units=[draft.units[name] for name in known.units],
                incidents=[known],
            )
        body = {"incident": known.id, "reason": self.reason, "version": known.version + 1}
        return Entry("incident_closed", body, f"incident:{known.id}")


@dataclass(frozen=True)
class NoteRecommendation:
    """Somebody was shown which units could go.

    Parameters
    ----------
    incident : str
        To which incident.
    policy : str
        Which policy ranked.
    choice : tuple of str
        The units recommended.
    alternatives : tuple of pairs
        Units in order, and the seconds until they would arrive.
    degraded : str or None
        Why the answer is a makeshift one.
    stale : tuple of str
        Units whose position was too old.
    seq : int
        The state that it was made from.
    """

    incident: str
    policy: str
    choice: tuple[str, ...]
    alternatives: tuple[tuple[str, float], ...]
    degraded: str | None
    stale: tuple[str, ...]
    seq: int

    def decide(self, draft: Draft, _: int) -> Entry:  # numpydoc ignore=PR01,RT01
        """Return what is to be written; see `Command`."""
        _incident(draft, self.incident)
        body = asdict(self)
        body["choice"] = list(self.choice)
        body["alternatives"] = [list(each) for each in self.alternatives]
        body["stale"] = list(self.stale)
        return Entry("recommended", body, f"incident:{self.incident}")


@dataclass(frozen=True)
class Assign:
    """A dispatcher sends units to an incident.

    Parameters
    ----------
    incident : str
        Its name.
    version : int
        Of the incident, as the dispatcher saw it.
    units : tuple of pairs
        Names and versions of the units, as the dispatcher saw them.
    recommendation : str or None
        What the dispatcher was shown.
    reason : str or None
        Why others go than those recommended.
    """

    incident: str
    version: int
    units: tuple[tuple[str, int], ...]
    recommendation: str | None
    reason: str | None

    def decide(self, draft: Draft, now_ms: int) -> Entry:  # numpydoc ignore=PR01,RT01
        """Return what is to be written; see `Command`."""
        # units first: who is sent elsewhere in the same moment should be told that
        for name, version in self.units:
            unit = _unit(draft, name)
            if unit.incident is not None or not FMS[unit.status].free:
                raise RefusedError(
                    f"unit {name} cannot be sent: it is {FMS[unit.status].name}"
                    + (f", for incident {unit.incident}" if unit.incident else ""),
                    field="units",
                    fix="choose another",
                    units=[draft.units[each] for each, _ in self.units if each in draft.units],
                    incidents=[
                        draft.incidents[each]
                        for each in (self.incident, unit.incident)
                        if each in draft.incidents
                    ],
                )
            if not unit.on_duty(now_ms):
                raise RefusedError(
                    f"unit {name} cannot be sent: it is off duty",
                    field="units",
                    fix="choose another",
                    units=[unit],
                )
            _unit(draft, name, version)
        known = _incident(draft, self.incident, self.version)
        names = [name for name, _ in self.units]
        accepted = self._accepted(draft, names)
        body = {
            "incident": known.id,
            "units": names,
            "recommendation": self.recommendation,
            "accepted": accepted,
            "reason": self.reason,
            "version": known.version + 1,
            "unit_versions": [version + 1 for _, version in self.units],
        }
        return Entry("assigned", body, f"incident:{known.id}")

    def _accepted(self, draft: Draft, names: list[str]) -> bool:
        shown = None
        if self.recommendation is not None:
            shown = draft.shown.get(self.recommendation)
            if shown is None or shown.subject != self.incident:
                raise RefusedError(
                    f"no recommendation {self.recommendation!r} was shown for this incident",
                    status=HTTPStatus.UNPROCESSABLE_ENTITY,
                    field="recommendation",
                    fix="ask for one, or leave it out and give a reason",
                )
        accepted = shown is not None and sorted(shown.choice) == sorted(names)
        if not accepted and self.reason is None:
            recommended = "none" if shown is None else ", ".join(shown.choice) or "nobody"
            raise RefusedError(
                f"other units than recommended ({recommended}) need a reason",
                status=HTTPStatus.UNPROCESSABLE_ENTITY,
                field="reason",
                fix=f"one of {', '.join(REASONS)}",
            )
        return accepted


REASONS: Final = (
    "local_knowledge",
    "road_blocked",
    "crew_not_ready",
    "nearer_than_known",
    "capability_needed",
    "kept_for_coverage",
    "sent_by_radio",
    "no_recommendation",
    "other",
)
"""Why people decide otherwise; no free text, which could tell of a person."""


@dataclass(frozen=True)
class Release:
    """A unit is taken off an incident.

    Parameters
    ----------
    incident, unit : str
        Their names.
    version : int
        Of the unit, as the dispatcher saw it.
    reason : str
        Why.
    """

    incident: str
    unit: str
    version: int
    reason: str

    def decide(self, draft: Draft, _: int) -> Entry:  # numpydoc ignore=PR01,RT01
        """Return what is to be written; see `Command`."""
        known = _unit(draft, self.unit, self.version)
        served = _incident(draft, self.incident)
        if known.incident != served.id:
            raise RefusedError(
                f"unit {known.id} does not serve incident {served.id}",
                field="unit",
                units=[known],
                incidents=[served],
            )
        body = {
            "incident": served.id,
            "unit": known.id,
            "status": FREE_ON_RADIO,
            "reason": self.reason,
            "version": served.version + 1,
            "unit_version": known.version + 1,
        }
        return Entry("released", body, f"incident:{served.id}")


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
        known = _unit(draft, self.unit, self.version)
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


@dataclass(frozen=True)
class SetClosure:
    """A piece of the roads is closed or slow.

    Parameters
    ----------
    closure : str
        Its name.
    geometry, from_ms, to_ms, factor
        As of `api.live.world.ClosureNow`.
    version : int or None
        As the caller saw it; None: it is new.
    """

    closure: str
    geometry: Any
    from_ms: int | None
    to_ms: int | None
    factor: float | None
    version: int | None

    def decide(self, draft: Draft, _: int) -> Entry:  # numpydoc ignore=PR01,RT01
        """Return what is to be written; see `Command`."""
        known = draft.closures.get(self.closure)
        seen = None if known is None else known.version
        if seen != self.version:
            raise RefusedError(
                f"closure {self.closure} "
                + ("does not exist" if seen is None else f"has version {seen}"),
                field="version",
                fix="look at it as it is now, and decide again",
            )
        body = asdict(self) | {"version": (seen or 0) + 1}
        return Entry("closure_set", body, f"closure:{self.closure}")


@dataclass(frozen=True)
class LiftClosure:
    """A piece of the roads is open again.

    Parameters
    ----------
    closure : str
        Its name.
    """

    closure: str

    def decide(self, draft: Draft, _: int) -> Entry:  # numpydoc ignore=PR01,RT01
        """Return what is to be written; see `Command`."""
        if self.closure not in draft.closures:
            raise RefusedError(
                f"there is no closure {self.closure!r}",
                status=HTTPStatus.NOT_FOUND,
                fix="see GET /v1/closures",
            )
        return Entry("closure_lifted", {"closure": self.closure}, f"closure:{self.closure}")


@dataclass(frozen=True)
class SetHospital:
    """A hospital takes patients, or does not.

    Parameters
    ----------
    hospital, state
        As of `api.live.world.HospitalNow`.
    version : int or None
        As the caller saw it; None: whatever it is.
    """

    hospital: str
    state: str
    version: int | None

    def decide(self, draft: Draft, _: int) -> Entry:  # numpydoc ignore=PR01,RT01
        """Return what is to be written; see `Command`."""
        known = draft.hospitals.get(self.hospital)
        seen = 0 if known is None else known.version
        if self.version is not None and self.version != seen:
            raise RefusedError(
                f"hospital {self.hospital} has changed: now it is version {seen}, "
                f"{'open' if known is None else known.state}",
                field="version",
                fix="look at it as it is now, and decide again",
            )
        body = {"hospital": self.hospital, "state": self.state, "version": seen + 1}
        return Entry("hospital_set", body, f"hospital:{self.hospital}")
