"""Options and value types that several commands share."""

from __future__ import annotations

import math
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import click

FILE_IN = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)
"""A file that must be there."""

FILE_OUT = click.Path(dir_okay=False, path_type=Path)
"""A file to write."""

FOLDER_OUT = click.Path(file_okay=False, path_type=Path)
"""A folder to write."""


class FiniteRange(click.FloatRange):
    """A number within a range; ``nan`` lies in none, though it compares as if it did."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Read the number.

        Parameters
        ----------
        value : object
            As given.
        param : click.Parameter or None
            The option.
        ctx : click.Context or None
            The context.

        Returns
        -------
        float
            The number.
        """
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number", param, ctx)
        return number


def moment(text: str) -> datetime:
    """Read a time as an option gives it.

    Parameters
    ----------
    text : str
        ISO 8601, such as ``2026-01-31T08:15`` or ``2026-01-31T07:15Z``.

    Returns
    -------
    datetime
        The time, aware of its offset if it names one.

    Raises
    ------
    click.BadParameter
        It is no such time.
    """
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(
            f"{text!r} is no time such as 2026-01-31T08:15 or 2026-01-31T07:15Z"
        ) from None


def local_hour(at: datetime | None, timezone: str) -> int | None:
    """Tell the hour of the day in a city.

    Parameters
    ----------
    at : datetime, optional
        A time; one without an offset is local already.
    timezone : str
        IANA name of the city's time zone.

    Returns
    -------
    int or None
        0 to 23; None for no time.
    """
    if at is None:
        return None
    try:
        return (at.astimezone(ZoneInfo(timezone)) if at.tzinfo else at).hour
    except OverflowError:
        raise click.BadParameter(f"{at} lies outside the calendar", param_hint="--at") from None


vehicle_option = click.option(
    "--vehicle",
    default="ambulance",
    show_default=True,
    help="Vehicle class of the scenario's speeds.toml, such as fire_engine, ladder, car.",
)
at_option = click.option(
    "--at",
    metavar="TIME",
    type=moment,
    help="When it drives, ISO 8601, local unless an offset is given; else the mean of all hours.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
scenario_argument = click.argument("scenario", metavar="SCENARIO")
profile_option = click.option(
    "--profile",
    type=click.Choice(["siren", "normal"]),
    default="siren",
    show_default=True,
    help="Speeds with siren, or of traffic.",
)
snap_limit_option = click.option(
    "--snap-limit",
    "snap_limit_m",
    type=FiniteRange(0, 1_000_000),
    default=1000.0,
    show_default=True,
    help="Metres that a place may lie off the road network.",
)
seed_option = click.option(
    "--seed", type=click.IntRange(0, 2**63 - 1), default=1, show_default=True, help="Random seed."
)
replications_option = click.option(
    "--replications",
    type=click.IntRange(1, 100_000),
    show_default="20; 1 where the scenario's incidents are given",
    help="Independent runs of the horizon.",
)
workers_option = click.option(
    "--workers",
    type=click.IntRange(1, 1024),
    default=1,
    show_default=True,
    help="Processes; the result does not depend on it.",
)
cluster_option = click.option(
    "--cluster",
    metavar="ADDRESS",
    help="Use the processes of the Dask cluster whose scheduler is there; same bytes.",
)
checkpoint_option = click.option(
    "--checkpoint",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Keep finished replications there, and go on from those: for runs that may be killed.",
)


def percentage(text: str) -> float:
    """Read a percentage as an option gives it.

    Parameters
    ----------
    text : str
        ``0.5%`` or ``0.005``.

    Returns
    -------
    float
        The share.

    Raises
    ------
    BadParameter
        It is no number.
    """
    number, percent, rest = text.strip().partition("%")
    try:
        value = float(number)
    except ValueError:
        value = math.nan
    if rest or not math.isfinite(value):
        raise click.BadParameter(f"{text!r} is no percentage; give one such as 0.5%")
    return value / 100 if percent else value


def bounding_box(text: str) -> tuple[float, float, float, float]:
    """Read a box as an option gives it.

    Parameters
    ----------
    text : str
        ``W,S,E,N`` in degrees.

    Returns
    -------
    tuple of float
        West, south, east, north.

    Raises
    ------
    click.BadParameter
        It is no such box.
    """
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError:
        raise click.BadParameter(
            f"{text!r} is not four numbers W,S,E,N such as -22.0,64.1,-21.8,64.2"
        ) from None
    if not all(math.isfinite(x) for x in (west, south, east, north)):
        raise click.BadParameter(f"{text!r} holds a number that is not finite")
    if not -180 <= west < east <= 180:
        raise click.BadParameter(
            f"west {west:g} and east {east:g} must be -180 <= west < east <= 180"
        )
    if not -90 <= south < north <= 90:
        raise click.BadParameter(
            f"south {south:g} and north {north:g} must be -90 <= south < north <= 90"
        )
    return west, south, east, north


def point(text: str) -> tuple[float, float]:
    """Read a place as an option gives it.

    Parameters
    ----------
    text : str
        ``LON,LAT`` in degrees.

    Returns
    -------
    tuple of float
        Lon, lat.

    Raises
    ------
    click.BadParameter
        It is no such place.
    """
    try:
        lon, lat = (float(part) for part in text.split(","))
    except ValueError:
        raise click.BadParameter(
            f"{text!r} is not two numbers LON,LAT such as -21.94,64.15"
        ) from None
    if not (abs(lon) <= 180 and abs(lat) <= 90):
        raise click.BadParameter(
            f"lon {lon:g}, lat {lat:g} is no position on Earth: lon -180 to 180 comes first, "
            "then lat -90 to 90"
        )
    return lon, lat


def minutes(text: str) -> tuple[float, ...]:
    """Read time limits as an option gives them.

    Parameters
    ----------
    text : str
        Minutes with commas between.

    Returns
    -------
    tuple of float
        Minutes, above 0 and at most a day, rising.

    Raises
    ------
    click.BadParameter
        One is no such number, or stands twice.
    """
    try:
        limits = tuple(sorted(float(part) for part in text.split(",")))
    except ValueError:
        raise click.BadParameter(f"{text!r} is not minutes with commas between") from None
    if not all(0 < limit <= 1440 for limit in limits):
        raise click.BadParameter(f"{text!r} holds a limit that is not within 0 to 1440 minutes")
    if len(set(limits)) < len(limits):
        raise click.BadParameter(f"{text!r} names one twice")
    return limits


def names(text: str) -> tuple[str, ...]:
    """Read a list of names as an option gives it.

    Parameters
    ----------
    text : str
        Names with commas between.

    Returns
    -------
    tuple of str
        The names.

    Raises
    ------
    click.BadParameter
        A name is empty or stands twice.
    """
    parts = tuple(part.strip() for part in text.split(","))
    if not all(parts):
        raise click.BadParameter(f"{text!r} holds an empty name")
    if len(set(parts)) != len(parts):
        raise click.BadParameter(f"{text!r} names one twice")
    return parts


_HOSPITALS: Final[dict[str, Any]] = {
    "help": "Chooses the hospital: nearest, by-load.",
    "show_default": "what the scenario says",
}
hospital_option = click.option("--hospital", metavar="NAME", **_HOSPITALS)
hospitals_option = click.option(
    "--hospital", "hospitals", type=names, metavar="A,B,...", **_HOSPITALS
)


def counts(text: str) -> tuple[int, ...]:
    """Read numbers of stations as an option gives them.

    Parameters
    ----------
    text : str
        Whole numbers with commas between.

    Returns
    -------
    tuple of int
        The numbers, each at least 1.

    Raises
    ------
    click.BadParameter
        One is no such number.
    """
    try:
        numbers = tuple(int(part) for part in text.split(","))
    except ValueError:
        raise click.BadParameter(
            f"{text!r} is not a whole number, nor several with commas between"
        ) from None
    if min(numbers) < 1:
        raise click.BadParameter(f"{min(numbers)} is no number of stations; it must be at least 1")
    return numbers


def named(text: str) -> tuple[str, str]:
    """Read one NAME=VALUE as an option gives it; a value alone is for all names.

    Parameters
    ----------
    text : str
        ``NAME=VALUE`` or ``VALUE``.

    Returns
    -------
    tuple of str
        Name, empty for all, and value.
    """
    name, _, value = text.rpartition("=")
    return name.strip(), value.strip()


MOST: Final = 1e15
"""Amounts beyond this lose their last figures when they are added up."""


def number(text: str, what: str, option: str | None = None, most: float = MOST) -> float:
    """Read a number of an option.

    Parameters
    ----------
    text : str
        The number.
    what : str
        What it is, for the message.
    option : str, optional
        Where it was given, where that is no longer known.
    most : float
        The largest that it may be.

    Returns
    -------
    float
        Zero or more, at most `most`.

    Raises
    ------
    click.BadParameter
        It is no such number.
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= most:
        raise click.BadParameter(
            f"{text!r} is no {what}: give a number from 0 to {most:g}", param_hint=option
        )
    return value


def amounts(text: str) -> tuple[float, ...]:
    """Read amounts as an option gives them.

    Parameters
    ----------
    text : str
        Numbers with commas between.

    Returns
    -------
    tuple of float
        The numbers, zero or more.
    """
    return tuple(number(part, "amount") for part in text.split(","))


def spans(text: str) -> tuple[tuple[int, int], ...]:
    """Read slices of the day as an option gives them.

    Parameters
    ----------
    text : str
        Such as ``7-19,19-7``.

    Returns
    -------
    tuple of (int, int)
        Hours from and to.

    Raises
    ------
    click.BadParameter
        It is no such list.
    """
    try:
        found = tuple(
            (int(first), int(last)) for first, last in (part.split("-") for part in text.split(","))
        )
    except ValueError:
        raise click.BadParameter(f"{text!r} is no list of hours such as 7-19,19-7") from None
    return found
