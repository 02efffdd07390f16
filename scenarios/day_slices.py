"""Slices of the day: hours for which a plan has demand, speeds and units of their own."""

from __future__ import annotations

from datetime import time
from typing import TYPE_CHECKING, Final

from routing.errors import InputError
from scenarios.operations import Shift

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Slice = tuple[int, int]
"""Local hours from and to; one that ends at or before its start ends on the next day."""

HOURS: Final = 24


def hours_within(span: Slice) -> list[int]:
    """List the hours of a slice.

    Parameters
    ----------
    span : (int, int)
        Hours from and to.

    Returns
    -------
    list of int
        Local hours of the day, 0 to 23, in order.
    """
    first, last = span
    return [hour % HOURS for hour in range(first, last if last > first else last + HOURS)]


def fill_day(slices: Iterable[Slice]) -> bool:
    """Tell whether slices leave no hour of the day out.

    Parameters
    ----------
    slices : iterable of (int, int)
        The slices.

    Returns
    -------
    bool
        True where each hour lies in one.
    """
    return len({hour for span in slices for hour in hours_within(span)}) == HOURS


def check_slices(slices: Sequence[Slice]) -> None:
    """Check that slices are hours of a day, and that none of them lies in two.

    Parameters
    ----------
    slices : sequence of (int, int)
        The slices.

    Raises
    ------
    InputError
        They are not.
    """
    used: set[int] = set()
    for span in slices:
        if not all(0 <= hour <= HOURS for hour in span):
            raise InputError(
                f"{span[0]}-{span[1]} are no hours of a day", field="--slices", fix="give 0 to 24"
            )
        if again := used & set(hours_within(span)):
            raise InputError(
                f"hour {min(again)} lies in two slices",
                field="--slices",
                fix="let each begin where another one ends, such as 7-19,19-7",
            )
        used |= set(hours_within(span))


def check_simulated(slices: Sequence[Slice], *, with_units: bool) -> None:
    """Check that a plan by slices says who is on duty in every hour, so that it can be simulated.

    Parameters
    ----------
    slices : sequence of (int, int)
        The slices; none for the whole day.
    with_units : bool
        Whether units are placed. Else today's are there all day, whatever the slices.

    Raises
    ------
    InputError
        It does not.
    """
    if with_units and slices and not fill_day(slices):
        raise InputError(
            "the slices leave hours in which nothing says which units are on duty",
            field="--simulate",
            fix="let --slices fill the day, such as 7-19,19-7, or leave --simulate out",
        )


def shifts_of(duty: Iterable[Sequence[Slice] | None]) -> tuple[list[str], list[Shift]]:
    """Say in shifts when units are on duty.

    Parameters
    ----------
    duty : iterable of sequence of (int, int), or None
        For each unit its slices; None for one that is always on duty.

    Returns
    -------
    names : list of str
        The shift of each unit, empty for one that is always on duty.
    shifts : list of Shift
        What the names mean; every day of the week.
    """
    names: list[str] = []
    shifts: dict[str, list[Shift]] = {}
    for slices in duty:
        if slices is None:
            names.append("")
            continue
        spans = _joined(slices)
        names.append(f"planned {'+'.join(f'{first}-{last}' for first, last in spans)} h")
        shifts[names[-1]] = [
            Shift(
                name=names[-1],
                days=["mon", "tue", "wed", "thu", "fri", "sat", "sun"],
                start=time(first),
                end=time(last % HOURS),
            )
            for first, last in spans
        ]
    return names, [shift for rows in shifts.values() for shift in rows]


def _joined(slices: Sequence[Slice]) -> list[Slice]:
    """Join slices where one begins as another one ends."""
    hours = {hour for span in slices for hour in hours_within(span)}
    begins = sorted(hour for hour in hours if (hour - 1) % HOURS not in hours)
    spans = []
    for first in begins:
        length = next(n for n in range(1, HOURS) if (first + n) % HOURS not in hours)
        spans.append((first, (first + length) % HOURS or HOURS))
    return spans or [(0, HOURS)]
