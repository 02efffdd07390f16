"""An incident of a request: what it needs, in the names of this scenario."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api.problems import unknown_name
from api.schemas import FieldProblem

if TYPE_CHECKING:
    from collections.abc import Collection

    from api.schemas import Incident, Profile
    from scenarios.settings import Settings


class AskedIncident:
    """What an incident asks for, by which standard.

    Parameters
    ----------
    settings : Settings
        The rules of the scenario.
    incident : Incident
        The incident.
    skills : collection of str
        Capabilities that there are.
    prefix : str
        What stands before its fields in JSON paths, such as ``incident.``.
    problems : list of FieldProblem
        What is wrong with it is added here.
    """

    def __init__(
        self,
        settings: Settings,
        incident: Incident,
        skills: Collection[str],
        prefix: str,
        problems: list[FieldProblem],
    ) -> None:
        self.incident = incident
        names = [priority.name for priority in settings.priorities]
        self.rank = names.index(incident.priority) if incident.priority in names else 0
        if incident.priority is not None and incident.priority not in names:
            problems.append(unknown_name(f"{prefix}priority", incident.priority, names))
        self.priority = settings.priorities[self.rank]
        self.profile: Profile = "siren" if self.priority.siren else "normal"
        self.standard = settings.standard_of(self.priority.name)
        self.needs = self._needs(skills, prefix, problems)
        self.plan = self._plan(settings, prefix, problems)

    def _needs(
        self, skills: Collection[str], prefix: str, problems: list[FieldProblem]
    ) -> list[str]:
        if self.incident.needs is None:
            return list(self.priority.needs)
        for row, need in enumerate(self.incident.needs):
            if need not in skills:
                problems.append(unknown_name(f"{prefix}needs[{row}]", need, skills))
        return list(dict.fromkeys(self.incident.needs))

    def _plan(
        self, settings: Settings, prefix: str, problems: list[FieldProblem]
    ) -> list[list[list[str]]]:
        """Return alternatives of slots of needs."""
        name = self.incident.type
        if name is None:
            return [[self.needs]]
        types = {kind.name: kind for kind in settings.types}
        if name not in types:
            problems.append(unknown_name(f"{prefix}type", name, types))
            return []
        if self.incident.needs is not None:
            problems.append(
                FieldProblem(
                    field=f"{prefix}needs",
                    value=None,
                    message="stands beside a type, whose response plan says what is needed",
                    fix="give one of the two",
                )
            )
        return [[slot.needs for slot in response] for response in types[name].response]

    def left_ms(self) -> float | None:
        """Return what the standard leaves until the arrival.

        Returns
        -------
        float or None
            Milliseconds, 0 or more; None where no standard is for this priority.
        """
        if self.standard is None:
            return None
        waited = self.incident.waiting_seconds if self.standard.start == "call" else 0.0
        return max(self.standard.limit_s - waited, 0.0) * 1000
