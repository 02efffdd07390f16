"""What may happen to an incident: it is opened, served and closed."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from api.live.commands import REASONS, RefusedError, incident_of, taken, unit_of
from api.live.records import Entry
from engine.fleet import FMS, FREE_ON_RADIO

if TYPE_CHECKING:
    from api.live.draft import Draft


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
            raise taken(f"incident:{name}", [known])
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
        return Entry("incident_created", body, f"incident:{name}", first=True)


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
        known = incident_of(draft, self.incident, self.version)
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
        known = incident_of(draft, self.incident, self.version)
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
    now_ms, limit, stale_after_ms : int
        The moment that it was made for, how long a ranking was asked for, and from which
        age on a position was not relied on: with these it can be asked again.
    roads : tuple of pairs or None
        The closures on the roads and their versions; None where they changed meanwhile.
    """

    incident: str
    policy: str
    choice: tuple[str, ...]
    alternatives: tuple[tuple[str, float], ...]
    degraded: str | None
    stale: tuple[str, ...]
    seq: int
    now_ms: int
    limit: int
    stale_after_ms: int
    roads: tuple[tuple[str, int], ...] | None

    def decide(self, draft: Draft, _: int) -> Entry:  # numpydoc ignore=PR01,RT01
        """Return what is to be written; see `Command`."""
        incident_of(draft, self.incident)
        return Entry("recommended", vars(self), f"incident:{self.incident}")


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
            unit = unit_of(draft, name)
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
                        if each is not None and each in draft.incidents
                    ],
                )
            if not unit.on_duty(now_ms):
                raise RefusedError(
                    f"unit {name} cannot be sent: it is off duty",
                    field="units",
                    fix="choose another",
                    units=[unit],
                )
            unit_of(draft, name, version)
        known = incident_of(draft, self.incident, self.version)
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
        known = unit_of(draft, self.unit, self.version)
        served = incident_of(draft, self.incident)
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
