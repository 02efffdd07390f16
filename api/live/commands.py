"""What people and systems may do: from the state to a record, or to a refusal.

Pure: each command is asked with the draft that it would change and the time of receipt,
and says what is to be written. What a name means in the scenario is checked before.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final, Literal, Protocol, get_args

if TYPE_CHECKING:
    from collections.abc import Sequence

    from api.live.draft import Draft
    from api.live.records import Entry
    from api.live.world import IncidentNow, UnitNow, World


Reason = Literal[
    "local_knowledge",
    "road_blocked",
    "crew_not_ready",
    "nearer_than_known",
    "capability_needed",
    "kept_for_coverage",
    "sent_by_radio",
    "no_recommendation",
    "other",
]
"""Why people decide otherwise; no free text, which could tell of a person."""
REASONS: Final[tuple[str, ...]] = get_args(Reason)


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


def unit_of(draft: Draft | World, name: str, version: int | None = None) -> UnitNow:
    """Find a unit.

    Parameters
    ----------
    draft : Draft or World
        The state.
    name : str
        Its name.
    version : int or None
        As the caller saw it; None: whichever.

    Returns
    -------
    UnitNow
        As it is.

    Raises
    ------
    RefusedError
        404: there is none; 409: it has changed.
    """
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


def incident_of(draft: Draft, name: str, version: int | None = None) -> IncidentNow:
    """Find an open incident.

    Parameters
    ----------
    draft : Draft
        The state.
    name : str
        Its name.
    version : int or None
        As the caller saw it; None: whichever.

    Returns
    -------
    IncidentNow
        As it is.

    Raises
    ------
    RefusedError
        404: there is none; 409: it has changed, or is closed.
    """
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


def taken(subject: str | None, incidents: Sequence[IncidentNow] = ()) -> RefusedError:
    """Say that a name was used before.

    Parameters
    ----------
    subject : str or None
        What bore it, such as ``incident:I1``.
    incidents : sequence of IncidentNow
        How it is, if it is known still.

    Returns
    -------
    RefusedError
        To be raised.
    """
    kind, _, name = (subject or "").partition(":")
    return RefusedError(
        f"there is or was an {kind} {name!r}",
        field="id",
        fix="give another name, or none; use an Idempotency-Key to repeat a request",
        incidents=incidents,
    )


def other_request(key: str) -> RefusedError:
    """Say that an Idempotency-Key was used before.

    Parameters
    ----------
    key : str
        It.

    Returns
    -------
    RefusedError
        To be raised.
    """
    return RefusedError(
        f"the Idempotency-Key {key!r} was used for another request",
        status=HTTPStatus.UNPROCESSABLE_ENTITY,
        field="Idempotency-Key",
        fix="give each request a key of its own, and the same one only to repeat it",
    )
