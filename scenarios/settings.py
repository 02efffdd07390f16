"""The rules of a scenario: ``scenario.toml``, validated."""

from __future__ import annotations

import tomllib
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Literal
from zoneinfo import ZoneInfo

import numpy as np
from pydantic import Field, ValidationError, model_validator

from engine.survival import ASSUMED, Resuscitation, survival_curve
from routing.errors import InputError, did_you_mean
from scenarios.operations import (
    Dispatch,
    Disturbance,
    Driving,
    Failure,
    Flight,
    IncidentType,
    MutualAid,
    Shift,
    all_types,
    check_operations,
)
from scenarios.schema import Duration, Hour, Model, Name, Seconds, Share, Weight

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


class Horizon(Model):
    """What span of time is simulated.

    Hours and weekdays of profiles are local hours of `timezone`.
    """

    start: datetime
    days: Annotated[float, Field(gt=0, le=3660)]
    timezone: Name = "UTC"

    @model_validator(mode="after")
    def _utc(self) -> Horizon:
        if self.start.tzinfo is None or self.start.utcoffset() != timedelta(0):
            raise ValueError("start must be UTC, such as 2025-01-06T00:00:00Z")
        try:
            ZoneInfo(self.timezone)
        except (ValueError, OSError, LookupError) as error:
            raise ValueError(
                f"unknown timezone {self.timezone!r}, such as Europe/Berlin"
            ) from error
        return self


class Demand(Model):
    """How many incidents there are, and when; where is in ``zones.csv``."""

    incidents_per_day: Annotated[float, Field(ge=0, le=1e6)]
    hour_profile: Annotated[list[Weight], Field(min_length=24, max_length=24)]
    weekday_profile: Annotated[list[Weight], Field(min_length=7, max_length=7)]


class Priority(Model):
    """A class of incidents; the first of the list is served first."""

    name: Name
    share: Share
    siren: bool = True
    needs: list[Name] = Field(default_factory=list, max_length=16)
    transported: Share
    transport_siren: bool = False


class Process(Model):
    """The parts of an incident that roads do not decide."""

    call_processing: Duration
    on_scene: Duration
    handover: Duration


class Standard(Model):
    """A response standard: from `start` to `stop` within `limit_s` for a `share`.

    Empty `priorities` means all of them.
    """

    name: Name
    start: Literal["call", "dispatch"] = "call"
    stop: Literal["on_scene"] = "on_scene"
    limit_s: Annotated[float, Field(gt=0, le=86_400)]
    share: Share
    priorities: list[Name] = Field(default_factory=list)
    source: str = ""


class UnitType(Model):
    """A kind of unit: what it can do and how long its crew takes to leave.

    In the hours of `Settings.night` the crew takes `night_turnout_s`, if that is given.
    With `flight` it flies, with `mutual_aid` it is a neighbour's.
    """

    capabilities: list[Name]
    turnout_s: Seconds
    night_turnout_s: Seconds | None = None
    failure: Failure | None = None
    flight: Flight | None = None
    mutual_aid: MutualAid | None = None


class Assumed(Model):
    """How resuscitation follows the crew's arrival (see `engine.survival.Resuscitation`).

    What is left out is assumed as there.
    """

    collapse_to_call_s: Seconds = ASSUMED.collapse_to_call_s
    bystander_cpr_share: Share = ASSUMED.bystander_cpr_share
    call_to_bystander_cpr_s: Seconds = ASSUMED.call_to_bystander_cpr_s
    arrival_to_cpr_s: Seconds = ASSUMED.arrival_to_cpr_s
    arrival_to_shock_s: Seconds = ASSUMED.arrival_to_shock_s
    arrival_to_acls_s: Seconds = ASSUMED.arrival_to_acls_s
    shockable_share: Share = ASSUMED.shockable_share


class Outcome(Model):
    """What turns minutes into expected lives (see `engine.survival`).

    `cardiac_arrest_share` is the share of cardiac arrests among the incidents of the
    first priority; of other priorities it is none. `arrest_shares` says otherwise, by
    name of a type of incidents or, for those of its types that are not named, of a
    priority.
    """

    cardiac_arrest_share: Share
    survival: Name
    source: str = ""
    arrest_shares: dict[Name, Share] | None = None
    resuscitation: Assumed | None = None

    @property
    def how(self) -> Resuscitation:
        """What is assumed of the times that curves ask for."""
        given = self.resuscitation
        return ASSUMED if given is None else Resuscitation(**given.model_dump())


class Settings(Model):
    """All of ``scenario.toml``."""

    schema_version: Literal[1]
    name: Name
    horizon: Horizon
    demand: Demand
    priorities: Annotated[list[Priority], Field(min_length=1, max_length=8)]
    process: Process
    standards: Annotated[list[Standard], Field(min_length=1, max_length=8)]
    unit_types: Annotated[dict[Name, UnitType], Field(min_length=1)]
    outcome: Outcome
    incident_types: list[IncidentType] = Field(default_factory=list, max_length=64)
    dispatch: Dispatch = Dispatch()
    driving: Driving = Driving()
    shifts: list[Shift] = Field(default_factory=list, max_length=256)
    night: tuple[Hour, Hour] = (22, 6)
    disturbances: list[Disturbance] = Field(default_factory=list, max_length=256)

    @property
    def types(self) -> list[IncidentType]:
        """All types of incidents, nothing left out; see `scenarios.operations.all_types`."""
        return all_types(self)

    @property
    def arrest_shares(self) -> NDArray[np.float64]:
        """Share of cardiac arrests among the incidents of each of `types`, shape (types,)."""
        given = {self.priorities[0].name: self.outcome.cardiac_arrest_share}
        given |= self.outcome.arrest_shares or {}
        shares = [given.get(kind.name, given.get(kind.priority, 0.0)) for kind in self.types]
        return np.array(shares, dtype=np.float64)

    @model_validator(mode="after")
    def _operable(self) -> Settings:
        check_operations(self)
        return self

    @model_validator(mode="after")
    def _consistent(self) -> Settings:
        names = [p.name for p in self.priorities]
        if len(set(names)) != len(names):
            raise ValueError(f"priorities: names repeat: {names}")
        total = sum(p.share for p in self.priorities)
        if abs(total - 1) > 1e-6:
            raise ValueError(f"priorities: shares add up to {total:g}, not to 1")
        standards = [s.name for s in self.standards]
        if len(set(standards)) != len(standards):
            raise ValueError(f"standards: names repeat: {standards}")
        offered = {skill for kind in self.unit_types.values() for skill in kind.capabilities}
        for priority in self.priorities:
            if lacking := sorted(set(priority.needs) - offered):
                raise ValueError(
                    f"priorities: {priority.name!r} needs what no unit type offers: {lacking}"
                )
        for standard in self.standards:
            unknown = sorted(set(standard.priorities) - set(names))
            if unknown:
                raise ValueError(f"standards: {standard.name!r} names no such priority: {unknown}")
        profiles = {"hour": self.demand.hour_profile, "weekday": self.demand.weekday_profile}
        for label, profile in profiles.items():
            if sum(profile) <= 0:
                raise ValueError(f"demand: {label}_profile is zero throughout")
        return self

    @model_validator(mode="after")
    def _countable(self) -> Settings:
        survival_curve(self.outcome.survival)
        # each once: a priority without types of its own is one that bears its name
        known = dict.fromkeys([*(p.name for p in self.priorities), *(t.name for t in self.types)])
        for name in self.outcome.arrest_shares or {}:
            if name not in known:
                raise InputError(
                    f"no type of incidents and no priority is named {name!r}",
                    field="outcome.arrest_shares",
                    fix=did_you_mean(name, known),
                )
        return self

    def standard_of(self, priority: str) -> Standard | None:
        """Find the first standard of a priority.

        Parameters
        ----------
        priority : str
            Its name.

        Returns
        -------
        Standard or None
            None where no standard is for it.
        """
        fitting = (s for s in self.standards if not s.priorities or priority in s.priorities)
        return next(fitting, None)

    def standard(self, name: str | None) -> Standard:
        """Find a response standard.

        Parameters
        ----------
        name : str or None
            Its name; None for the first.

        Returns
        -------
        Standard
            The standard.

        Raises
        ------
        InputError
            There is none of that name.
        """
        known = {standard.name: standard for standard in self.standards}
        if name is None:
            return self.standards[0]
        if name not in known:
            raise InputError(
                f"unknown standard {name!r}", field="--standard", fix=did_you_mean(name, known)
            )
        return known[name]


def read_settings(path: Path) -> Settings:
    """Read and check a ``scenario.toml``.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    Settings
        The rules.

    Raises
    ------
    InputError
        The file is missing, is no TOML, or a value is out of its range.
    """
    try:
        return parse_settings(path.read_text(encoding="utf-8"), path.name)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not TOML: {error}") from error


def parse_settings(text: str, name: str) -> Settings:
    """Check the text of a ``scenario.toml``.

    Parameters
    ----------
    text : str
        TOML.
    name : str
        Where it came from, for messages.

    Returns
    -------
    Settings
        The rules.

    Raises
    ------
    InputError
        It is no TOML, or a value is out of its range.
    """
    try:
        return Settings.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{name} is not TOML: {error}") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        given = first["input"]
        # of a whole table the message says enough
        shown = "" if isinstance(given, dict | list) else f" (given: {str(given)[:80]})"
        raise InputError(
            f"{first['msg'].removeprefix('Value error, ')}{shown}",
            field=f"{name}: {where}" if where else name,
        ) from error
