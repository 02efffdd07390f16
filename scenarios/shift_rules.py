"""Kinds of shift from a TOML file, and the shifts that cover what each ground needs."""

from __future__ import annotations

import reprlib
import tomllib
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from engine.shifts import WEEK_H, WEEKDAYS, Shift, ShiftRules, cover_need
from routing.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from pathlib import Path

    from engine.shifts import Roster
    from scenarios.staffing import Staffing

_HOURS: Final = f"whole hours, 1 to {WEEK_H}"
_TAKES: Final = {
    "shifts": "one table [[shifts]] or more, each with name, hours and starts",
    "shortest_h": _HOURS,
    "longest_h": _HOURS,
    "short_cost": "a number above 0, at most 1,000,000",
    "name": "1 to 100 characters",
    "hours": _HOURS,
    "starts": "hours of the day, 0 to 23, such as [7, 19]",
    "days": f"a list of {', '.join(WEEKDAYS)}",
    "cost": "a number from 0 to 1,000,000",
    "breaks": "hours since the start of the shift, such as [5]",
}
"""What each key takes."""


def _weekday(name: str) -> str:
    if name not in WEEKDAYS:
        raise ValueError(name)
    return name


_Hours = Annotated[int, Field(ge=1, le=WEEK_H)]
_Weekday = Annotated[str, AfterValidator(_weekday)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class _Kind(_Model):
    """A kind of shift; `cost` is its length where none is given."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    hours: _Hours
    starts: Annotated[list[Annotated[int, Field(ge=0, le=23)]], Field(min_length=1, max_length=24)]
    days: Annotated[list[_Weekday], Field(min_length=1, max_length=7)] = list(WEEKDAYS)
    cost: Annotated[float, Field(ge=0, le=1e6)] | None = None
    breaks: Annotated[list[int], Field(max_length=24)] = []


class _Rules(_Model):
    shifts: Annotated[list[_Kind], Field(min_length=1, max_length=100)]
    shortest_h: _Hours = 1
    longest_h: _Hours = WEEK_H
    short_cost: Annotated[float, Field(gt=0, le=1e6)] | None = None


def read_shift_rules(path: Path) -> ShiftRules:
    """Read kinds of shift.

    Parameters
    ----------
    path : Path
        A TOML file: ``shortest_h`` and ``longest_h``, the legal limits of a shift's
        length; ``short_cost``, the price of an hour in which a vehicle is lacking
        (without it the need must be met); and tables ``[[shifts]]`` with ``name``,
        ``hours``, ``starts`` (hours of the day, local), ``days`` (``Mon`` to ``Sun``,
        all if absent), ``cost`` (its hours if absent) and ``breaks`` (hours since its
        start in which the vehicle does not count).

    Returns
    -------
    ShiftRules
        The rules.

    Raises
    ------
    InputError
        The file is missing, is no TOML, or a value is out of its range.
    """
    try:
        rules = _Rules.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise InputError(
            f"cannot read {path}: {error.strerror}", field="--shifts", fix="name a TOML file"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path} is not TOML: {error}", field="--shifts", fix="correct the file"
        ) from error
    except ValidationError as error:
        raise _in_words(error, path.name) from error
    try:
        return ShiftRules(
            tuple(_shift(kind) for kind in rules.shifts),
            shortest_h=rules.shortest_h,
            longest_h=rules.longest_h,
            short_cost=rules.short_cost,
        )
    except InputError as error:
        raise InputError(
            error.message, field=f"{path.name}: {error.field}", fix=error.fix
        ) from error


def cover_grounds(staffing: Staffing, rules: ShiftRules) -> tuple[Roster, ...]:
    """Cover what each ground needs at least cost.

    Parameters
    ----------
    staffing : Staffing
        The needs, by the method that was asked for.
    rules : ShiftRules
        The shifts.

    Returns
    -------
    tuple of Roster
        One for each ground.

    Raises
    ------
    InputError
        No shift covers an hour in which a ground needs a vehicle.
    """
    rosters = []
    for ground, need in zip(staffing.grounds, staffing.need, strict=True):
        try:
            rosters.append(cover_need(need, rules))
        except InputError as error:
            raise InputError(
                f"{ground.name}: {error.message}", field=f"--{error.field}", fix=error.fix
            ) from error
    return tuple(rosters)


def _shift(kind: _Kind) -> Shift:
    starts = [24 * WEEKDAYS.index(day) + hour for day in kind.days for hour in kind.starts]
    cost = float(kind.hours) if kind.cost is None else kind.cost
    return Shift(kind.name, tuple(starts), kind.hours, cost, tuple(kind.breaks))


def _in_words(error: ValidationError, file: str) -> InputError:
    """Tell the first fault, its table counted from 1, and what its key takes."""
    first = error.errors(include_url=False, include_context=False)[0]
    key, *rest = first["loc"]
    field = f"{file}: {key}"
    if rest:
        field = f"{file}: [[{key}]] {int(rest[0]) + 1}"
        if names := [part for part in rest if isinstance(part, str)]:
            key = names[0]
            field += f", {key}"
    if first["type"] == "extra_forbidden":
        known = (_Kind if rest else _Rules).model_fields
        return InputError("is unknown", field=field, fix=did_you_mean(str(key), known))
    said = "is missing"
    if first["type"] != "missing":
        said = f"cannot be {reprlib.repr(first['input'])}"
    return InputError(said, field=field, fix=f"give {_TAKES[str(key)]}")
