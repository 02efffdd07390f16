"""What is taken and given where several incidents or units are decided on together."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from api.schemas import MOST_UNITS, Incident, Metres, Name, Time, Unit

MOST_INCIDENTS: Final = 200


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class WaitingIncident(Incident):
    """An incident that waits, by its name."""

    id: Name


class AssignmentRequest(_Model):
    """Incidents that wait, and the units that might go."""

    incidents: Annotated[list[WaitingIncident], Field(min_length=1, max_length=MOST_INCIDENTS)]
    units: Annotated[list[Unit], Field(max_length=MOST_UNITS)]
    time: Time | None = Field(default=None, description="When; else now.")


class AssignedUnit(_Model):
    """A unit in a slot of a response."""

    slot: int
    unit: str
    arrival_seconds: float
    later_seconds: float = Field(
        description="After the closest that could fill the slot, had it nothing else to do."
    )


class AssignedIncident(_Model):
    """What an incident gets."""

    incident: str
    priority: str
    waits: bool
    alternative: int | None = Field(description="Of its response plan, from 0; null: it waits.")
    units: list[AssignedUnit]
    within_standard: bool | None = Field(
        description="Whether the first unit is there in time; null: it waits, or no standard "
        "is for it."
    )
    reason: str


class JointAssignment(_Model):
    """Which units go to which incidents."""

    incidents: list[AssignedIncident]
    waiting: int = Field(description="How many incidents get no unit.")
    optimal: bool = Field(
        description="Proven: as many as can be are served, most urgent first, and of all ways "
        "to do that none has a smaller sum of arrivals, time beyond the standard counting "
        "eleven times."
    )
    degraded: bool = Field(description="Whether each got its closest units, in turn.")
    degraded_cause: str | None


class MoveRequest(_Model):
    """Units that might be moved to other stations."""

    units: Annotated[list[Unit], Field(max_length=MOST_UNITS)]
    policy: Name = Field(
        default="foresight", description="A policy that moves units, such as compliance-v1."
    )
    time: Time | None = Field(default=None, description="When; else now.")


class ProposedMove(_Model):
    """A unit to be sent to another station."""

    unit: str
    from_station: str
    to_station: str
    drive_seconds: float
    distance: Metres
    reason: str
    figures: dict[str, float] = Field(
        description="What it follows from, where the policy can say so: such as saves, the "
        "late arrivals that it is expected to spare those to come."
    )


class MoveProposal(_Model):
    """Moves that a policy would make now."""

    policy: str
    moves: list[ProposedMove]
    coverage_before: float | None = Field(
        description="Share of demand that free units reach within the first standard from "
        "where they are; null: not computed."
    )
    coverage_after: float | None = Field(description="The same once all are where they are sent.")
    degraded: bool = Field(description="Whether no moves are proposed because the policy failed.")
    degraded_cause: str | None
