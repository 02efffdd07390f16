"""Names of a live request: each means something in the scenario."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api.asked import AskedIncident
from api.problems import ProblemError, unknown_name
from api.schemas import Incident

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from api.city import City
    from api.schemas import FieldProblem


def checked_incident(
    city: City, priority: str | None, kind: str | None, needs: Sequence[str] | None
) -> tuple[str, str | None, tuple[str, ...] | None]:
    """Check what an incident asks for.

    Parameters
    ----------
    city : City
        Whose scenario knows the names.
    priority : str or None
        Its priority; None: the most urgent.
    kind : str or None
        Its type.
    needs : sequence of str or None
        What one unit must be able to do.

    Returns
    -------
    priority : str
        A priority of the scenario.
    kind : str or None
        A type of the scenario.
    needs : tuple of str or None
        Capabilities that there are, each once.

    Raises
    ------
    ProblemError
        Names are unknown, or a type stands beside needs.
    """
    settings = city.scenario.settings
    problems: list[FieldProblem] = []
    skills = {skill for each in settings.unit_types.values() for skill in each.capabilities}
    incident = Incident.model_construct(
        priority=priority, type=kind, needs=None if needs is None else list(needs)
    )
    asked = AskedIncident(settings, incident, skills, "", problems)
    if problems:
        raise ProblemError(problems)
    return asked.priority.name, kind, None if needs is None else tuple(asked.needs)


def checked_name(field: str, name: str, known: Iterable[str]) -> str:
    """Check one name.

    Parameters
    ----------
    field : str
        JSON path, for the message.
    name : str
        What was given.
    known : iterable of str
        What there is.

    Returns
    -------
    str
        The same.

    Raises
    ------
    ProblemError
        It is unknown.
    """
    names = list(known)
    if name not in names:
        raise ProblemError([unknown_name(field, name, names)])
    return name
